#include "test/sim/network.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/event_queue.h"

#define EPHEMERAL_LOW 49152u
#define EPHEMERAL_COUNT 16384u
#define IPV4_AND_UDP_BYTES 28u
#define IPV6_AND_UDP_BYTES 48u

struct interface {
    int realm;
    struct stun_address address; /* port 0 */
    bool is_up;
    struct sim_link up, down;
};

struct router {
    struct nat *nat;
    int outside_realm;
    struct sim_link up, down;
};

struct socket {
    bool is_open;
    int interface_;
    struct stun_address local;
    struct sim_socket_callbacks callbacks;
    void *context;
};

struct datagram {
    struct stun_address source, destination;
    int sender;                 /* socket, for errors */
    struct sim_path sender_path;
    uint64_t sent_us;
    int error;                  /* EVENT_SEND_ERROR */
    struct sim_link *link;      /* on which it travels now */
    struct sim_link_copy copy;
    size_t length;
    uint8_t bytes[];
};

/* Where a datagram arrives next; `place` is a realm, a realm inside a NAT, an interface, or a socket. */
enum event_kind { EVENT_AT_REALM, EVENT_AT_NAT_OUTSIDE, EVENT_AT_INTERFACE, EVENT_SEND_ERROR, EVENT_CALL };

#define INJECTED (-1) /* the sender of a datagram that no socket has sent */

struct call {
    void (*action)(void *context);
    void *context;
};

struct sim_network {
    uint64_t now_us;
    struct sim_random random;
    struct sim_event_queue queue;
    struct sim_counters counters; /* of sockets and NATs; those of the links are in the links */
    bool icmp;
    bool (*filter)(void *, uint64_t, const struct sim_path *, const uint8_t *, size_t);
    void *filter_context;
    void (*tap)(void *, const struct stun_address *, const struct stun_address *, const uint8_t *, size_t);
    void *tap_context;
    int tap_realm;
    struct sim_link thin_air; /* perfect; what was injected comes from there */
    struct router *routers[SIM_NAT_MAX + 1]; /* by inside realm: [0] stays empty */
    int realm_count;
    struct interface *interfaces[SIM_INTERFACE_MAX];
    int interface_count;
    struct socket sockets[SIM_SOCKET_MAX];
    int socket_count;
};

static void *allocate(size_t bytes) {
    void *memory = calloc(1, bytes);
    if (!memory)
        abort();
    return memory;
}

struct sim_network *sim_network_new(uint64_t seed, uint64_t start_us) {
    struct sim_network *network = allocate(sizeof *network);
    network->now_us = start_us;
    network->realm_count = 1;
    sim_random_seed(&network->random, seed);
    sim_event_queue_init(&network->queue);
    return network;
}

void sim_network_free(struct sim_network *network) {
    if (!network)
        return;
    struct sim_event event;
    while (sim_event_queue_pop(&network->queue, &event))
        free(event.subject);
    sim_event_queue_release(&network->queue);
    for (int i = 1; i < network->realm_count; i++) {
        nat_free(network->routers[i]->nat);
        free(network->routers[i]);
    }
    for (int i = 0; i < network->interface_count; i++)
        free(network->interfaces[i]);
    free(network);
}

uint64_t sim_network_now(const struct sim_network *network) {
    return network->now_us;
}

struct sim_random *sim_network_random(struct sim_network *network) {
    return &network->random;
}

/* ---- what it is made of --------------------------------------------------------------------------------------------- */

static struct interface *find_interface(struct sim_network *network, int realm, const struct stun_address *address) {
    for (int i = 0; i < network->interface_count; i++)
        if (network->interfaces[i]->realm == realm && stun_address_equal_ip(&network->interfaces[i]->address, address))
            return network->interfaces[i];
    return NULL;
}

/* The NAT whose external address this is in this realm, by its inside realm; 0 when there is none. */
static int find_nat(const struct sim_network *network, int realm, const struct stun_address *address) {
    for (int i = 1; i < network->realm_count; i++)
        if (network->routers[i]->outside_realm == realm && stun_address_equal_ip(nat_external(network->routers[i]->nat), address))
            return i;
    return 0;
}

static struct stun_address free_ip(struct sim_network *network, int realm, const char *ip) {
    struct stun_address address = {0};
    bool is_ip = stun_address_parse_ip(ip, strlen(ip), &address);
    assert(is_ip && realm >= 0 && realm < network->realm_count);
    assert(!find_interface(network, realm, &address) && !find_nat(network, realm, &address));
    (void)is_ip;
    return address;
}

int sim_network_add_nat(struct sim_network *network, int outside_realm, const char *external_ip, const struct nat_config *config,
                        const struct sim_link_config *up, const struct sim_link_config *down) {
    assert(network->realm_count <= SIM_NAT_MAX);
    struct stun_address external = free_ip(network, outside_realm, external_ip);
    struct router *router = allocate(sizeof *router);
    struct nat_config seeded = *config;
    seeded.seed = sim_random_u64(&network->random);
    router->nat = nat_new(&seeded, &external);
    if (!router->nat)
        abort();
    router->outside_realm = outside_realm;
    sim_link_init(&router->up, up, sim_random_u64(&network->random));
    sim_link_init(&router->down, down, sim_random_u64(&network->random));
    network->routers[network->realm_count] = router;
    return network->realm_count++;
}

int sim_network_add_interface(struct sim_network *network, int realm, const char *ip, const struct sim_link_config *up,
                              const struct sim_link_config *down) {
    assert(network->interface_count < SIM_INTERFACE_MAX);
    struct interface *interface = allocate(sizeof *interface);
    interface->realm = realm;
    interface->address = free_ip(network, realm, ip);
    interface->is_up = true;
    sim_link_init(&interface->up, up, sim_random_u64(&network->random));
    sim_link_init(&interface->down, down, sim_random_u64(&network->random));
    network->interfaces[network->interface_count] = interface;
    return network->interface_count++;
}

static struct interface *interface_at(const struct sim_network *network, int interface_) {
    assert(interface_ >= 0 && interface_ < network->interface_count);
    return network->interfaces[interface_];
}

static struct router *router_at(const struct sim_network *network, int inside_realm) {
    assert(inside_realm >= 1 && inside_realm < network->realm_count);
    return network->routers[inside_realm];
}

const struct stun_address *sim_network_interface_address(const struct sim_network *network, int interface_) {
    return &interface_at(network, interface_)->address;
}

void sim_network_set_interface_up(struct sim_network *network, int interface_, bool is_up) {
    interface_at(network, interface_)->is_up = is_up;
}

struct nat *sim_network_nat(struct sim_network *network, int inside_realm) {
    return router_at(network, inside_realm)->nat;
}

struct sim_link *sim_network_interface_up_link(struct sim_network *network, int interface_) {
    return &interface_at(network, interface_)->up;
}

struct sim_link *sim_network_interface_down_link(struct sim_network *network, int interface_) {
    return &interface_at(network, interface_)->down;
}

struct sim_link *sim_network_nat_up_link(struct sim_network *network, int inside_realm) {
    return &router_at(network, inside_realm)->up;
}

struct sim_link *sim_network_nat_down_link(struct sim_network *network, int inside_realm) {
    return &router_at(network, inside_realm)->down;
}

/* ---- sockets -------------------------------------------------------------------------------------------------------- */

static int find_socket(const struct sim_network *network, int interface_, uint16_t port) {
    for (int i = 0; i < network->socket_count; i++)
        if (network->sockets[i].is_open && network->sockets[i].interface_ == interface_ && network->sockets[i].local.port == port)
            return i;
    return -1;
}

int sim_network_bind(struct sim_network *network, int interface_, uint16_t port, const struct sim_socket_callbacks *callbacks, void *context) {
    assert(network->socket_count < SIM_SOCKET_MAX);
    while (port == 0) {
        port = (uint16_t)(EPHEMERAL_LOW + sim_random_below(&network->random, EPHEMERAL_COUNT));
        if (find_socket(network, interface_, port) >= 0)
            port = 0;
    }
    if (find_socket(network, interface_, port) >= 0)
        return -1;
    struct socket *socket = &network->sockets[network->socket_count];
    *socket = (struct socket){.is_open = true, .interface_ = interface_, .callbacks = *callbacks, .context = context};
    socket->local = interface_at(network, interface_)->address;
    socket->local.port = port;
    return network->socket_count++;
}

/* Its number is not given out again: datagrams on their way still name it. */
void sim_network_close(struct sim_network *network, int socket_) {
    network->sockets[socket_].is_open = false;
}

const struct stun_address *sim_network_local_address(const struct sim_network *network, int socket_) {
    assert(socket_ >= 0 && socket_ < network->socket_count);
    return &network->sockets[socket_].local;
}

/* ---- the way of a datagram -------------------------------------------------------------------------------------------- */

static void report_error(struct sim_network *network, struct datagram *datagram, int error) {
    datagram->error = error;
    sim_event_queue_push(&network->queue, network->now_us + (network->now_us - datagram->sent_us), EVENT_SEND_ERROR, datagram->sender, datagram);
}

/* The end of a copy, by a reason that was counted. With ICMP on, `error` other than 0 travels back. */
static void drop(struct sim_network *network, struct datagram *datagram, int error) {
    if (error != 0 && network->icmp && datagram->sender != INJECTED)
        report_error(network, datagram, error);
    else
        free(datagram);
}

static void travel(struct sim_network *network, struct sim_link *link, struct datagram *datagram, int kind, int place) {
    struct sim_link_copy copies[SIM_LINK_COPIES_MAX];
    size_t headers = datagram->source.family == STUN_ADDRESS_IPV6 ? IPV6_AND_UDP_BYTES : IPV4_AND_UDP_BYTES;
    size_t count = sim_link_send(link, network->now_us, datagram->length + headers, copies);
    for (size_t i = 0; i < count; i++) {
        struct datagram *twin = datagram;
        if (i + 1 < count) {
            twin = allocate(sizeof *twin + datagram->length);
            memcpy(twin, datagram, sizeof *twin + datagram->length);
        }
        twin->link = link;
        twin->copy = copies[i];
        sim_event_queue_push(&network->queue, copies[i].arrival_us, kind, place, twin);
    }
    if (count == 0)
        free(datagram);
}

/* The datagram is in this realm: to its owner here, or out through the realm's NAT. */
static void route(struct sim_network *network, int realm, struct datagram *datagram);

static void count_nat_drop(struct sim_network *network, enum nat_verdict verdict) {
    switch (verdict) {
    case NAT_DROP_NO_HAIRPIN: network->counters.dropped_no_hairpin++; break;
    case NAT_DROP_NO_PORT:
    case NAT_DROP_CAPACITY: network->counters.dropped_nat_exhausted++; break;
    case NAT_DROP_NO_MAPPING: network->counters.dropped_no_mapping++; break;
    case NAT_DROP_FILTERED: network->counters.dropped_by_filter++; break;
    case NAT_DROP_BLOCKED: network->counters.dropped_blocked++; break;
    case NAT_FORWARD:
    case NAT_HAIRPIN: break;
    }
}

static void leave_realm(struct sim_network *network, int realm, struct datagram *datagram) {
    struct router *router = router_at(network, realm);
    struct stun_address source = datagram->source, mapped;
    enum nat_verdict verdict = nat_outbound(router->nat, network->now_us, &source, &datagram->destination, &mapped);
    if (verdict == NAT_FORWARD) {
        datagram->source = mapped;
        travel(network, &router->up, datagram, EVENT_AT_REALM, router->outside_realm);
        return;
    }
    if (verdict == NAT_HAIRPIN) {
        struct stun_address outer = datagram->destination;
        verdict = nat_hairpin(router->nat, network->now_us, &source, &mapped, &outer, &datagram->source, &datagram->destination);
        if (verdict == NAT_FORWARD) {
            network->counters.hairpinned++;
            route(network, realm, datagram);
            return;
        }
    }
    count_nat_drop(network, verdict);
    drop(network, datagram, 0);
}

static void route(struct sim_network *network, int realm, struct datagram *datagram) {
    if (network->tap && network->tap_realm == realm && datagram->sender != INJECTED)
        network->tap(network->tap_context, &datagram->source, &datagram->destination, datagram->bytes, datagram->length);
    for (int i = 0; i < network->interface_count; i++) {
        struct interface *interface = network->interfaces[i];
        if (interface->realm == realm && stun_address_equal_ip(&interface->address, &datagram->destination)) {
            travel(network, &interface->down, datagram, EVENT_AT_INTERFACE, i);
            return;
        }
    }
    int nat = find_nat(network, realm, &datagram->destination);
    if (nat != 0) {
        travel(network, &network->routers[nat]->down, datagram, EVENT_AT_NAT_OUTSIDE, nat);
    } else if (realm != SIM_PUBLIC) {
        leave_realm(network, realm, datagram);
    } else {
        network->counters.dropped_no_route++;
        drop(network, datagram, EHOSTUNREACH);
    }
}

static void enter_nat(struct sim_network *network, int inside_realm, struct datagram *datagram) {
    struct stun_address inner;
    enum nat_verdict verdict =
        nat_inbound(router_at(network, inside_realm)->nat, network->now_us, &datagram->source, &datagram->destination, &inner);
    if (verdict != NAT_FORWARD) {
        count_nat_drop(network, verdict);
        drop(network, datagram, 0);
        return;
    }
    datagram->destination = inner;
    route(network, inside_realm, datagram);
}

static void deliver(struct sim_network *network, int interface_, struct datagram *datagram) {
    if (!interface_at(network, interface_)->is_up) {
        network->counters.dropped_interface_down++;
        drop(network, datagram, 0);
        return;
    }
    int found = find_socket(network, interface_, datagram->destination.port);
    if (found < 0) {
        network->counters.dropped_no_socket++;
        drop(network, datagram, ECONNREFUSED);
        return;
    }
    network->counters.delivered++;
    struct socket *socket = &network->sockets[found];
    struct sim_path path = {.local = socket->local, .remote = datagram->source};
    socket->callbacks.received(socket->context, &path, datagram->bytes, datagram->length);
    free(datagram);
}

static void deliver_error(struct sim_network *network, int socket_, struct datagram *datagram) {
    struct socket *socket = &network->sockets[socket_];
    if (socket->is_open && socket->callbacks.send_error) {
        network->counters.send_errors++;
        socket->callbacks.send_error(socket->context, &datagram->sender_path, datagram->error);
    }
    free(datagram);
}

void sim_network_send(struct sim_network *network, int socket_, const struct stun_address *remote, const uint8_t *bytes, size_t length) {
    assert(socket_ >= 0 && socket_ < network->socket_count && network->sockets[socket_].is_open);
    assert(length <= SIM_DATAGRAM_MAX_BYTES);
    const struct socket *socket = &network->sockets[socket_];
    struct interface *interface = interface_at(network, socket->interface_);
    struct datagram *datagram = allocate(sizeof *datagram + length);
    datagram->source = socket->local;
    datagram->destination = *remote;
    datagram->sender = socket_;
    datagram->sender_path = (struct sim_path){.local = socket->local, .remote = *remote};
    datagram->sent_us = network->now_us;
    datagram->length = length;
    if (length > 0)
        memcpy(datagram->bytes, bytes, length);

    uint64_t number = network->counters.sent++;
    if (network->filter && !network->filter(network->filter_context, number, &datagram->sender_path, bytes, length)) {
        network->counters.dropped_by_script++;
        drop(network, datagram, 0);
    } else if (!interface->is_up) {
        /* No ICMP: the host's own stack refuses, whether or not the network is talkative. */
        network->counters.dropped_interface_down++;
        report_error(network, datagram, EADDRNOTAVAIL);
    } else if (remote->family != socket->local.family) {
        network->counters.dropped_no_route++;
        report_error(network, datagram, ENETUNREACH);
    } else {
        travel(network, &interface->up, datagram, EVENT_AT_REALM, interface->realm);
    }
}

void sim_network_set_icmp(struct sim_network *network, bool is_on) {
    network->icmp = is_on;
}

void sim_network_set_filter(struct sim_network *network,
                            bool (*passes)(void *context, uint64_t number, const struct sim_path *path, const uint8_t *bytes, size_t length),
                            void *context) {
    network->filter = passes;
    network->filter_context = context;
}

void sim_network_set_tap(struct sim_network *network, int realm,
                         void (*tap)(void *context, const struct stun_address *source, const struct stun_address *destination,
                                     const uint8_t *bytes, size_t length),
                         void *context) {
    network->tap = tap;
    network->tap_context = context;
    network->tap_realm = realm;
}

void sim_network_inject(struct sim_network *network, int realm, const struct stun_address *source, const struct stun_address *destination,
                        const uint8_t *bytes, size_t length) {
    assert(length <= SIM_DATAGRAM_MAX_BYTES && realm >= 0 && realm < network->realm_count);
    struct datagram *datagram = allocate(sizeof *datagram + length);
    datagram->source = *source;
    datagram->destination = *destination;
    datagram->sender = INJECTED;
    datagram->sent_us = network->now_us;
    datagram->link = &network->thin_air;
    datagram->length = length;
    if (length > 0)
        memcpy(datagram->bytes, bytes, length);
    network->counters.sent++;
    sim_event_queue_push(&network->queue, network->now_us, EVENT_AT_REALM, realm, datagram);
}

void sim_network_inject_error(struct sim_network *network, const struct sim_path *path, int error) {
    for (int i = 0; i < network->socket_count; i++) {
        if (!network->sockets[i].is_open || !stun_address_equal(&network->sockets[i].local, &path->local))
            continue;
        struct datagram *datagram = allocate(sizeof *datagram);
        datagram->sender_path = *path;
        datagram->sent_us = network->now_us;
        datagram->sender = i;
        report_error(network, datagram, error);
    }
}

/* ---- ways, for streams ------------------------------------------------------------------------------------------------- */

static void add_way(struct sim_route *way, const struct sim_link *link) {
    const struct sim_link_config *config = &link->config;
    double burst = config->burst_enter > 0.0 ? config->burst_enter / (config->burst_enter + config->burst_leave) * config->burst_loss : 0.0;
    way->delay_us += config->delay_us;
    way->jitter_us += config->jitter_us;
    way->loss = 1.0 - (1.0 - way->loss) * (1.0 - config->loss) * (1.0 - burst);
}

int sim_network_trace(struct sim_network *network, int interface_, const struct stun_address *remote, uint16_t blocked_port, struct sim_route *out) {
    struct interface *from = interface_at(network, interface_);
    *out = (struct sim_route){.source = from->address};
    if (remote->family != from->address.family)
        return ENETUNREACH;
    if (!from->is_up)
        return ETIMEDOUT;
    add_way(out, &from->up);
    for (int realm = from->realm;; realm = network->routers[realm]->outside_realm) {
        for (int i = 0; i < network->interface_count; i++) {
            struct interface *owner = network->interfaces[i];
            if (owner->realm != realm || !stun_address_equal_ip(&owner->address, remote))
                continue;
            add_way(out, &owner->down);
            out->interface_ = i;
            return owner->is_up ? 0 : ETIMEDOUT;
        }
        if (find_nat(network, realm, remote) != 0)
            return ECONNREFUSED;
        if (realm == SIM_PUBLIC)
            return EHOSTUNREACH;
        const struct nat *nat = router_at(network, realm)->nat;
        if (nat_configuration(nat)->blocks_udp && remote->port != blocked_port)
            return ETIMEDOUT;
        add_way(out, &network->routers[realm]->up);
        out->source = *nat_external(nat);
        out->crosses_nat = true;
    }
}

/* ---- time ------------------------------------------------------------------------------------------------------------- */

uint64_t sim_network_next_us(const struct sim_network *network) {
    return sim_event_queue_next_us(&network->queue);
}

bool sim_network_step(struct sim_network *network) {
    struct sim_event event;
    if (!sim_event_queue_pop(&network->queue, &event))
        return false;
    assert(event.time_us >= network->now_us);
    network->now_us = event.time_us;
    if (event.kind == EVENT_CALL) {
        struct call call = *(struct call *)event.subject;
        free(event.subject);
        call.action(call.context);
        return true;
    }
    struct datagram *datagram = event.subject;
    if (event.kind != EVENT_SEND_ERROR)
        sim_link_arrived(datagram->link, &datagram->copy, datagram->bytes, datagram->length);
    switch ((enum event_kind)event.kind) {
    case EVENT_AT_REALM: route(network, event.place, datagram); break;
    case EVENT_AT_NAT_OUTSIDE: enter_nat(network, event.place, datagram); break;
    case EVENT_AT_INTERFACE: deliver(network, event.place, datagram); break;
    case EVENT_SEND_ERROR: deliver_error(network, event.place, datagram); break;
    case EVENT_CALL: break;
    }
    return true;
}

void sim_network_call_at(struct sim_network *network, uint64_t time_us, void (*action)(void *context), void *context) {
    struct call *call = allocate(sizeof *call);
    *call = (struct call){action, context};
    sim_event_queue_push(&network->queue, time_us < network->now_us ? network->now_us : time_us, EVENT_CALL, 0, call);
}

void sim_network_advance(struct sim_network *network, uint64_t until_us) {
    while (sim_network_next_us(network) <= until_us && sim_network_next_us(network) != UINT64_MAX)
        sim_network_step(network);
    if (until_us > network->now_us)
        network->now_us = until_us;
}

static void add_link(struct sim_counters *sum, const struct sim_link *link) {
    struct sim_counters effects = link->counters;
    effects.sent = effects.delivered = 0; /* those are counted once, at the sockets */
    sim_counters_add(sum, &effects);
}

struct sim_counters sim_network_counters(const struct sim_network *network) {
    struct sim_counters sum = network->counters;
    for (int i = 1; i < network->realm_count; i++) {
        add_link(&sum, &network->routers[i]->up);
        add_link(&sum, &network->routers[i]->down);
    }
    for (int i = 0; i < network->interface_count; i++) {
        add_link(&sum, &network->interfaces[i]->up);
        add_link(&sum, &network->interfaces[i]->down);
    }
    return sum;
}
