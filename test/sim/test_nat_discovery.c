/* NAT behaviour discovery finds what each simulated NAT is made of (RFC 5780 sections 4.3 and 4.4), and says less where it hears less. */
#include "test_sim.h"

#include "ice/nat_behaviour.h"
#include "test/sim/nat_pairs.h"
#include "test/sim/sim.h"
#include "test/sim/stun_server.h"

struct world {
    struct sim *sim;
    struct sim_stun_server *one, *two;
    int host;
    struct ice_nat_discovery *discovery;
};

/* ---- adapters ---------------------------------------------------------------------------------------------------------- */

static struct ice_nat_discovery *discovery_of(const void *object) {
    return ((const struct world *)object)->discovery;
}

static void handle_datagram(void *object, uint64_t now_us, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct ice_path from = {.transport = ICE_TRANSPORT_UDP, .local = path->local, .remote = path->remote};
    (void)ice_nat_discovery_handle_datagram(discovery_of(object), now_us, &from, bytes, length);
}

static void handle_timeout(void *object, uint64_t now_us) {
    ice_nat_discovery_handle_timeout(discovery_of(object), now_us);
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sim_transmit *out) {
    struct ice_transmit transmit;
    if (!ice_nat_discovery_poll_transmit(discovery_of(object), now_us, buffer, capacity, &transmit))
        return false;
    *out = (struct sim_transmit){.path = {transmit.path.local, transmit.path.remote}, .offset = transmit.offset, .length = transmit.length};
    return true;
}

static uint64_t next_timeout(const void *object) {
    return ice_nat_discovery_next_timeout(discovery_of(object));
}

static const struct sim_verbs verbs = {.handle_datagram = handle_datagram, .handle_timeout = handle_timeout, .poll_transmit = poll_transmit,
                                       .next_timeout = next_timeout};

/* ---- a world ------------------------------------------------------------------------------------------------------------ */

struct place {
    const struct nat_config *nat; /* NULL: none */
    const struct sim_link_config *link;
    bool is_two_faced; /* the first server has a second IP */
    size_t servers;    /* 1 or 2 */
    bool is_dead;
};

/* Asks, and requires that it takes no longer than its rounds can. */
static struct ice_nat_behaviour discover(const struct place *place, uint64_t seed) {
    struct world world = {.sim = sim_new(seed)};
    struct sim_network *network = sim_network_of(world.sim);
    world.one = sim_stun_server_new(network, "203.0.113.1", place->is_two_faced ? "203.0.113.2" : NULL, 3478, NULL, NULL);
    world.two = sim_stun_server_new(network, "203.0.113.9", NULL, 3478, NULL, NULL);
    sim_stun_server_set_alive(world.one, !place->is_dead);
    sim_stun_server_set_alive(world.two, !place->is_dead);
    int realm = place->nat ? sim_network_add_nat(network, SIM_PUBLIC, "198.51.100.1", place->nat, NULL, NULL) : SIM_PUBLIC;
    world.host = sim_network_add_interface(network, realm, place->nat ? "192.168.1.2" : "198.51.100.7", place->link, place->link);
    int endpoint = sim_attach(world.sim, "discovery", &verbs, &world);
    const struct stun_address servers[2] = {*sim_stun_server_address(world.one, 0, 0), *sim_stun_server_address(world.two, 0, 0)};
    struct ice_nat_discovery_config config = {.base = *sim_bind(world.sim, endpoint, world.host, 0), .servers = servers, .server_count = place->servers,
                                              .random = sim_random_fill, .random_context = sim_random_of(world.sim)};
    world.discovery = ice_nat_discovery_new(&config, sim_now(world.sim));
    assert_non_null(world.discovery);
    sim_touch(world.sim, endpoint);
    sim_set_deadline(world.sim, 3 * ICE_NAT_ROUND_US);
    while (!ice_nat_discovery_is_done(world.discovery) && sim_step(world.sim)) {
    }
    sim_require(world.sim, ice_nat_discovery_is_done(world.discovery));
    struct ice_nat_behaviour found;
    ice_nat_discovery_result(world.discovery, &found);
    assert_int_equal(found.servers_asked, place->servers);
    ice_nat_discovery_free(world.discovery);
    sim_stun_server_free(world.one);
    sim_stun_server_free(world.two);
    sim_free(world.sim);
    return found;
}

static enum ice_nat_dependence expected(enum nat_dependence dependence) {
    static const enum ice_nat_dependence same[NAT_DEPENDENCES] = {ICE_NAT_ENDPOINT_INDEPENDENT, ICE_NAT_ADDRESS_DEPENDENT, ICE_NAT_ADDRESS_AND_PORT_DEPENDENT};
    return same[dependence];
}

/* ---- tests -------------------------------------------------------------------------------------------------------------- */

/* RFC 5780 sections 4.3 and 4.4, whichever way ports are assigned, with a server more that could spoil the filter test. */
static void nine_kinds(void **state) {
    (void)state;
    for (int kind = 0; kind < NAT_KINDS; kind++) {
        for (int ports = 0; ports < 3; ports++) {
            for (size_t servers = 1; servers <= 2; servers++) {
                struct nat_config nat = nat_kind(kind);
                nat.ports = (enum nat_ports)ports;
                nat.hairpin = kind % 2 == 0 ? NAT_HAIRPIN_EXTERNAL_SOURCE : NAT_HAIRPIN_OFF;
                struct ice_nat_behaviour found = discover(&(struct place){.nat = &nat, .is_two_faced = true, .servers = servers}, (uint64_t)kind + 1);
                assert_int_equal(found.presence, ICE_NAT_PRESENT);
                assert_int_equal(found.mapping, expected(nat.mapping));
                assert_int_equal(found.filtering, expected(nat.filtering));
                assert_int_equal(found.servers_answered, servers);
                if (nat.ports == NAT_PORTS_PRESERVING)
                    assert_true(found.port_preserved);
                if (nat.mapping == NAT_ENDPOINT_INDEPENDENT)
                    assert_int_equal(found.hairpin, nat.hairpin == NAT_HAIRPIN_OFF ? ICE_NAT_HAIRPIN_NO : ICE_NAT_HAIRPIN_YES);
            }
        }
    }
}

/* Requests are repeated (RFC 8489 section 6.2.1): a fifth of all packets lost spoils few of many runs. */
static void some_loss(void **state) {
    (void)state;
    struct sim_link_config lossy = {.loss = 0.2};
    unsigned right = 0, runs = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct nat_config nat = nat_kind((int)(seed % NAT_KINDS));
        struct ice_nat_behaviour found = discover(&(struct place){.nat = &nat, .link = &lossy, .is_two_faced = true, .servers = 1}, seed);
        runs++;
        right += found.mapping == expected(nat.mapping) && found.filtering == expected(nat.filtering);
    }
    assert_true(right >= runs * 3 / 4);
}

static void no_nat(void **state) {
    (void)state;
    struct ice_nat_behaviour found = discover(&(struct place){.is_two_faced = true, .servers = 1}, 1);
    assert_int_equal(found.presence, ICE_NAT_ABSENT);
    assert_int_equal(found.filtering, ICE_NAT_ENDPOINT_INDEPENDENT);
    assert_true(found.port_preserved);
}

/* Without an OTHER-ADDRESS two servers tell EI from the rest, and nobody tells of the filter. */
static void two_plain_servers(void **state) {
    (void)state;
    for (int kind = 0; kind < NAT_KINDS; kind++) {
        struct nat_config nat = nat_kind(kind);
        struct ice_nat_behaviour found = discover(&(struct place){.nat = &nat, .servers = 2}, 3);
        assert_int_equal(found.mapping, nat.mapping == NAT_ENDPOINT_INDEPENDENT ? ICE_NAT_ENDPOINT_INDEPENDENT : ICE_NAT_DEPENDENT);
        assert_int_equal(found.filtering, ICE_NAT_UNKNOWN);
        found = discover(&(struct place){.nat = &nat, .servers = 1}, 3);
        assert_int_equal(found.mapping, ICE_NAT_UNKNOWN);
        assert_int_equal(found.presence, ICE_NAT_PRESENT);
    }
}

static void nobody_answers(void **state) {
    (void)state;
    struct nat_config nat = nat_kind(0);
    struct ice_nat_behaviour found = discover(&(struct place){.nat = &nat, .is_two_faced = true, .servers = 2, .is_dead = true}, 1);
    assert_int_equal(found.presence, ICE_NAT_UDP_BLOCKED);
    assert_int_equal(found.servers_answered, 0);
    assert_int_equal(found.mapping, ICE_NAT_UNKNOWN);
}

/* What is said of two NATs agrees with the table of docs/nat-pairs.md, all 81 cells. */
static void crossing_agrees(void **state) {
    (void)state;
    for (int one = 0; one < NAT_KINDS; one++) {
        for (int other = 0; other < NAT_KINDS; other++) {
            struct nat_config a = nat_kind(one), b = nat_kind(other);
            struct ice_nat_behaviour first = {.presence = ICE_NAT_PRESENT, .mapping = expected(a.mapping), .filtering = expected(a.filtering)};
            struct ice_nat_behaviour second = {.presence = ICE_NAT_PRESENT, .mapping = expected(b.mapping), .filtering = expected(b.filtering)};
            assert_int_equal(ice_nat_crossing(&first, &second), nat_pair_is_crossable(one, other, NAT_FILTER_OF_ENDPOINT) ? ICE_NAT_CROSSING_DIRECT
                             : ICE_NAT_CROSSING_NEEDS_RELAY);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nine_kinds),     cmocka_unit_test(some_loss),      cmocka_unit_test(no_nat),
        cmocka_unit_test(two_plain_servers), cmocka_unit_test(nobody_answers), cmocka_unit_test(crossing_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
