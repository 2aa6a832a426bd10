#include "test/sim/homes.h"

#include <string.h>

#define STUN_IP "203.0.113.1"
#define STUN_IP_2 "203.0.113.2"
#define STUN_IP6 "2001:db8::1"
#define TURN_IP "203.0.113.5"
#define TURN_IP6 "2001:db8::5"

static struct dtls_certificate *certificates[2];

struct sim_link_config homes_bad_link(double loss) {
    return (struct sim_link_config){.loss = loss, .delay_us = HOMES_UP_US, .jitter_us = 10 * SIM_MILLISECOND_US, .reorder = 0.05,
                                    .reorder_delay_us = 30 * SIM_MILLISECOND_US, .duplicate = 0.02};
}

static void add_server(struct homes *homes, enum ice_server_kind kind, enum ice_transport transport, const char *host, uint16_t port) {
    struct ice_server server = {.kind = kind, .transport = transport, .host = host, .port = port};
    if (kind == ICE_SERVER_TURN) {
        server.username = "user";
        server.credential = "secret";
    }
    homes->servers[homes->server_count++] = server;
}

static void build_servers(struct homes *homes, const struct homes_config *config) {
    struct sim_network *network = sim_network_of(homes->sim);
    homes->stun[0] = sim_stun_server_new(network, STUN_IP, NULL, 3478, &homes->other_link, &homes->other_link);
    homes->stun[1] = sim_stun_server_new(network, STUN_IP_2, NULL, 3478, &homes->other_link, &homes->other_link);
    homes->stun[2] = sim_stun_server_new(network, STUN_IP6, NULL, 3478, &homes->other_link, &homes->other_link);
    add_server(homes, ICE_SERVER_STUN, ICE_TRANSPORT_UDP, STUN_IP, 3478);
    add_server(homes, ICE_SERVER_STUN, ICE_TRANSPORT_UDP, STUN_IP_2, 3478);
    add_server(homes, ICE_SERVER_STUN, ICE_TRANSPORT_UDP, STUN_IP6, 3478);
    if (!config->has_turn)
        return;
    struct sim_turn_server_config turn = config->turn;
    turn.ipv4 = TURN_IP;
    turn.ipv6 = TURN_IP6;
    turn.udp_port = 3478;
    turn.stream_port = 443;
    turn.up = turn.down = &homes->other_link;
    homes->turn = sim_turn_server_new(network, sim_streams_of(homes->sim), &turn);
    add_server(homes, ICE_SERVER_TURN, ICE_TRANSPORT_UDP, TURN_IP, 3478);
    add_server(homes, ICE_SERVER_TURN, ICE_TRANSPORT_TCP, TURN_IP, 443);
    add_server(homes, ICE_SERVER_TURN, ICE_TRANSPORT_UDP, TURN_IP6, 3478);
}

/* The chain of NATs from the carrier inwards, and the host behind it. */
static void build_home(struct homes *homes, int which, const struct homes_config *config, int *carrier) {
    static const char *const ips[2] = {"198.51.100.1", "198.51.100.2"}, *const ips6[2] = {"2001:db8:1::2", "2001:db8:2::2"},
                      *const between[2] = {"10.0.0.2", "10.0.0.3"};
    const struct nat_named_kind *kind = nat_named_kind_at(config->kinds[which]);
    struct sim_network *network = sim_network_of(homes->sim);
    int realm = SIM_PUBLIC;
    if (kind->nat_count == 2) {
        bool is_shared = which == 1 && config->kinds[0] == config->kinds[1] && kind->shares_carrier;
        if (!is_shared)
            *carrier = sim_network_add_nat(network, SIM_PUBLIC, ips[which], &kind->nats[1], NULL, NULL);
        realm = sim_network_add_nat(network, *carrier, between[which], &kind->nats[0], NULL, NULL);
    } else if (kind->nat_count == 1) {
        realm = sim_network_add_nat(network, SIM_PUBLIC, ips[which], &kind->nats[0], NULL, NULL);
    }
    const char *ip = kind->nat_count > 0 ? "192.168.1.2" : kind->has_ipv4 ? ips[which] : ips6[which];
    homes->realms[which] = realm;
    homes->interfaces[which] = sim_network_add_interface(network, realm, ip, &config->up, &homes->other_link);
}

void homes_build(struct homes *homes, uint64_t seed, const struct homes_config *config) {
    *homes = (struct homes){.sim = sim_new(seed), .other_link = config->every_other};
    if (homes->other_link.delay_us == 0)
        homes->other_link.delay_us = HOMES_DOWN_US;
    build_servers(homes, config);
    int carrier = SIM_PUBLIC;
    for (int i = 0; i < 2; i++)
        build_home(homes, i, config, &carrier);
}

void homes_call(struct homes *homes, const struct transport_side_config *like) {
    struct transport_side_config configs[2];
    for (int i = 0; i < 2; i++) {
        configs[i] = *like;
        configs[i].interfaces[0] = homes->interfaces[i];
        configs[i].interface_count = 1;
        configs[i].servers = homes->servers;
        configs[i].server_count = homes->server_count;
        configs[i].certificate = certificates[i];
    }
    transport_sides_begin(homes->sim, homes->sides, configs);
}

void homes_free(struct homes *homes) {
    transport_sides_free(homes->sides);
    for (int i = 0; i < HOMES_STUN_SERVERS; i++)
        sim_stun_server_free(homes->stun[i]);
    sim_free(homes->sim);
    sim_turn_server_free(homes->turn);
}

int homes_set_up(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++)
        certificates[i] = dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = 1700000000});
    return dtls_srtp_initialize() == DTLS_OK && certificates[0] && certificates[1] ? 0 : -1;
}

int homes_tear_down(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++)
        dtls_certificate_free(certificates[i]);
    return 0;
}

struct dtls_certificate *homes_certificate(int side) {
    return certificates[side];
}
