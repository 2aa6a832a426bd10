/* Every NAT kind looks from inside as it is named, to a prober that shares no code with it. */
#include "test_sim.h"

#include "test/sim/nat_pairs.h"
#include "test/sim/prober.h"

#define TIMEOUT_US (30 * SECOND)

struct home {
    struct sim_network *network;
    struct sim_stun_server *server;
    int realm, interface_;
};

static struct home build(struct nat_config config, uint64_t seed) {
    struct home home = {.network = sim_network_new(seed, 5 * SECOND)};
    home.server = sim_stun_server_new(home.network, "203.0.113.1", "203.0.113.2", 3478, NULL, NULL);
    home.realm = sim_network_add_nat(home.network, SIM_PUBLIC, "198.51.100.1", &config, NULL, NULL);
    home.interface_ = sim_network_add_interface(home.network, home.realm, "192.168.1.2", NULL, NULL);
    return home;
}

static void demolish(struct home *home) {
    sim_stun_server_free(home->server);
    sim_network_free(home->network);
}

static enum prober_verdict expected(enum nat_dependence dependence) {
    static const enum prober_verdict verdicts[NAT_DEPENDENCES] = {PROBER_NOT_DEPENDENT, PROBER_DEPENDS_ON_ADDRESS,
                                                                  PROBER_DEPENDS_ON_ADDRESS_AND_PORT};
    return verdicts[dependence];
}

/* RFC 4787 sections 4.1 and 5: the nine kinds, whichever way they assign ports and remember, and behind a second NAT. */
static void nine_kinds(void **state) {
    (void)state;
    for (int kind = 0; kind < NAT_KINDS; kind++) {
        for (int ports = 0; ports < 3; ports++) {
            for (int scope = 0; scope < 2; scope++) {
                struct nat_config config = nat_kind(kind);
                config.ports = (enum nat_ports)ports;
                config.filter_scope = (enum nat_filter_scope)scope;
                struct home home = build(config, (uint64_t)kind);
                assert_int_equal(prober_mapping(home.network, home.interface_, home.server), expected(config.mapping));
                assert_int_equal(prober_filtering(home.network, home.interface_, home.server), expected(config.filtering));
                demolish(&home);
            }
        }
    }
}

/* A NAT behind a NAT looks like the stricter of the two in each respect. */
static void double_nat(void **state) {
    (void)state;
    for (int outer = 0; outer < NAT_KINDS; outer++) {
        for (int inner = 0; inner < NAT_KINDS; inner++) {
            struct nat_config outside = nat_kind(outer), inside = nat_kind(inner);
            struct home home = build(outside, 1);
            int realm = sim_network_add_nat(home.network, home.realm, "192.168.1.77", &inside, NULL, NULL);
            int deep = sim_network_add_interface(home.network, realm, "192.168.1.2", NULL, NULL); /* the same IP as outside */
            enum nat_dependence mapping = outside.mapping > inside.mapping ? outside.mapping : inside.mapping;
            enum nat_dependence filtering = outside.filtering > inside.filtering ? outside.filtering : inside.filtering;
            assert_int_equal(prober_mapping(home.network, deep, home.server), expected(mapping));
            assert_int_equal(prober_filtering(home.network, deep, home.server), expected(filtering));
            demolish(&home);
        }
    }
}

static void filter_scope(void **state) {
    (void)state;
    for (int scope = 0; scope < 2; scope++) {
        struct home home = build((struct nat_config){.mapping = NAT_ADDRESS_AND_PORT_DEPENDENT,
                                                     .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT,
                                                     .filter_scope = (enum nat_filter_scope)scope},
                                 2);
        assert_int_equal(prober_filter_is_shared(home.network, home.interface_, home.server), scope == NAT_FILTER_OF_ENDPOINT);
        demolish(&home);
    }
}

/* RFC 4787 section 6 */
static void hairpin(void **state) {
    (void)state;
    static const enum prober_hairpin expected_hairpin[] = {PROBER_HAIRPIN_NONE, PROBER_HAIRPIN_SEEN_EXTERNAL, PROBER_HAIRPIN_SEEN_INTERNAL};
    for (int kind = 0; kind < 3; kind++) {
        for (int filtering = 0; filtering < NAT_DEPENDENCES; filtering++) {
            struct home home = build((struct nat_config){.hairpin = (enum nat_hairpin)kind, .filtering = (enum nat_dependence)filtering}, 3);
            assert_int_equal(prober_hairpin(home.network, home.interface_, home.server), expected_hairpin[kind]);
            struct sim_counters counters = sim_network_counters(home.network);
            assert_int_equal(counters.hairpinned > 0, kind != NAT_HAIRPIN_OFF);
            assert_int_equal(counters.dropped_no_hairpin > 0, kind == NAT_HAIRPIN_OFF);
            assert_int_equal(sim_counters_in_flight(&counters), 0);
            demolish(&home);
        }
    }
}

/* RFC 4787 section 4.3: to the microsecond, with and without traffic of either direction. */
static void timeout(void **state) {
    (void)state;
    for (int refresh = 0; refresh < 2; refresh++) {
        struct home home = build((struct nat_config){.timeout_us = TIMEOUT_US, .inbound_refresh = refresh}, 4);
        struct sim_network *network = home.network;
        /* The answer to the first request is inbound traffic as well, at the same microsecond: links here have no delay. */
        assert_true(prober_mapping_lives(network, home.interface_, home.server, TIMEOUT_US - 1, 0, 0));
        assert_false(prober_mapping_lives(network, home.interface_, home.server, TIMEOUT_US, 0, 0));
        assert_int_equal(prober_mapping_lives(network, home.interface_, home.server, 3 * TIMEOUT_US, TIMEOUT_US / 2, 0), refresh);
        assert_true(prober_mapping_lives(network, home.interface_, home.server, 3 * TIMEOUT_US, 0, TIMEOUT_US - 1));
        if (!refresh)
            assert_false(prober_mapping_lives(network, home.interface_, home.server, 3 * TIMEOUT_US, 0, TIMEOUT_US));
        demolish(&home);
    }
}

/* Without a NAT, and with a server that is dead or has one face only. */
static void the_prober_itself(void **state) {
    (void)state;
    struct home home = build((struct nat_config){0}, 5);
    int open = sim_network_add_interface(home.network, SIM_PUBLIC, "203.0.113.77", NULL, NULL);
    assert_int_equal(prober_mapping(home.network, open, home.server), PROBER_NOT_DEPENDENT);
    assert_int_equal(prober_filtering(home.network, open, home.server), PROBER_NOT_DEPENDENT);
    struct stun_address mapped;
    assert_true(prober_mapped_address(home.network, open, 4444, home.server, 0, 0, &mapped));
    char text[STUN_ADDRESS_TEXT_BYTES];
    stun_address_write(&mapped, text, sizeof text);
    assert_string_equal(text, "203.0.113.77:4444");
    sim_stun_server_set_alive(home.server, false);
    uint64_t requests = sim_stun_server_requests(home.server);
    assert_int_equal(prober_mapping(home.network, open, home.server), PROBER_NO_ANSWER);
    assert_int_equal(prober_filtering(home.network, open, home.server), PROBER_NO_ANSWER);
    assert_true(sim_stun_server_requests(home.server) > requests);
    demolish(&home);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nine_kinds), cmocka_unit_test(double_nat), cmocka_unit_test(filter_scope),
        cmocka_unit_test(hairpin),    cmocka_unit_test(timeout),    cmocka_unit_test(the_prober_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
