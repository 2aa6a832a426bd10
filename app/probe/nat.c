/* NAT behaviour discovery on a socket of its own: what gathering has sent would have opened the filter. */
#include "app/net/clock.h"
#include "app/net/random.h"
#include "app/probe/probe_internal.h"

static void handle_datagram(void *object, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    struct probe_nat *nat = object;
    if (nat->discovery)
        (void)ice_nat_discovery_handle_datagram(nat->discovery, now_us, path, bytes, length);
}

static void handle_timeout(void *object, uint64_t now_us) {
    struct probe_nat *nat = object;
    if (nat->discovery)
        ice_nat_discovery_handle_timeout(nat->discovery, now_us);
}

static uint64_t next_timeout(const void *object) {
    const struct probe_nat *nat = object;
    return nat->discovery ? ice_nat_discovery_next_timeout(nat->discovery) : UINT64_MAX;
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    struct probe_nat *nat = object;
    return nat->discovery && ice_nat_discovery_poll_transmit(nat->discovery, now_us, buffer, capacity, out);
}

static bool drain(void *object, uint64_t now_us) {
    struct probe_nat *nat = object;
    (void)now_us;
    if (nat->is_done || !nat->discovery || !ice_nat_discovery_is_done(nat->discovery))
        return false;
    ice_nat_discovery_result(nat->discovery, &nat->found);
    nat->is_done = true;
    probe_wake(nat->probe);
    return false;
}

/* The socket is open and its port known: now the servers of its family are asked. */
static void handle_interfaces(void *object, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    struct probe_nat *nat = object;
    struct stun_address servers[CALL_ICE_SERVER_MAX];
    size_t server_count = 0;
    if (count == 0 || nat->discovery)
        return;
    for (size_t i = 0; i < nat->probe->server_count; i++) {
        const struct probe_server *server = &nat->probe->servers[i];
        bool is_plain_udp = !server->given->is_tcp && (server->given->scheme == CALL_ICE_STUN || server->given->scheme == CALL_ICE_TURN);
        if (is_plain_udp && server->address.family == interfaces[0].base.family)
            servers[server_count++] = server->address;
    }
    struct ice_nat_discovery_config config = {.base = interfaces[0].base, .servers = servers, .server_count = server_count, .random = net_random};
    nat->discovery = ice_nat_discovery_new(&config, now_us);
}

static const struct net_driver_verbs verbs = {
    .handle_datagram = handle_datagram,
    .handle_timeout = handle_timeout,
    .next_timeout = next_timeout,
    .poll_transmit = poll_transmit,
    .drain = drain,
    .handle_interfaces = handle_interfaces,
};

/* IPv4 first: that is where the NATs are. */
static bool choose_local(const struct probe *probe, struct stun_address *out) {
    static const uint8_t families[] = {STUN_ADDRESS_IPV4, STUN_ADDRESS_IPV6};
    for (size_t f = 0; f < 2; f++)
        for (size_t i = 0; i < probe->server_count; i++)
            if (probe->servers[i].address.family == families[f] && !probe->servers[i].given->is_tcp && probe_local_for(probe, &probe->servers[i].address, out))
                return true;
    return false;
}

void probe_nat_begin(struct probe *probe) {
    struct probe_nat *nat = &probe->nat;
    *nat = (struct probe_nat){.probe = probe};
    struct stun_address local;
    struct net_driver_config config = {.verbs = &verbs, .object = nat, .addresses = &local, .address_count = 1};
    if (choose_local(probe, &local) && net_driver_new(&probe->loop, &config, &nat->driver) == 0 && net_driver_start(nat->driver) == 0 && nat->discovery)
        return;
    nat->is_done = true; /* nobody to ask, or nothing to ask from: what was found says that nothing is known */
    probe_wake(probe);
}

void probe_nat_end(struct probe *probe) {
    if (probe->nat.driver)
        net_driver_free(probe->nat.driver);
    ice_nat_discovery_free(probe->nat.discovery);
    probe->nat.driver = NULL;
    probe->nat.discovery = NULL;
}
