/* test/sim/nat.c against RFC 4787, by its own interface. What it looks like from inside is test_prober.c's affair. */
#include "test_sim.h"

#include <string.h>

#include "test/sim/nat.h"

#define TIMEOUT_US (120 * SECOND)

static struct stun_address at(const char *ip, uint16_t port) {
    struct stun_address address;
    assert_true(stun_address_parse_ip(ip, strlen(ip), &address));
    address.port = port;
    return address;
}

static struct stun_address external, host, host2, server, server_port2, server2;

static int addresses(void **state) {
    (void)state;
    external = at("198.51.100.1", 0);
    host = at("192.168.1.2", 5000);
    host2 = at("192.168.1.3", 5000);
    server = at("203.0.113.1", 3478);
    server_port2 = at("203.0.113.1", 3479);
    server2 = at("203.0.113.2", 3478);
    return 0;
}

static struct nat *make(struct nat_config config) {
    if (config.timeout_us == 0)
        config.timeout_us = TIMEOUT_US;
    struct nat *nat = nat_new(&config, &external);
    assert_non_null(nat);
    return nat;
}

static struct stun_address map(struct nat *nat, uint64_t now_us, struct stun_address source, struct stun_address destination) {
    struct stun_address mapped = {0};
    assert_int_equal(nat_outbound(nat, now_us, &source, &destination, &mapped), NAT_FORWARD);
    assert_true(stun_address_equal_ip(&mapped, &external));
    return mapped;
}

static enum nat_verdict knock(struct nat *nat, uint64_t now_us, struct stun_address source, struct stun_address destination) {
    struct stun_address inner;
    enum nat_verdict verdict = nat_inbound(nat, now_us, &source, &destination, &inner);
    if (verdict == NAT_FORWARD)
        assert_true(stun_address_equal(&inner, &host));
    return verdict;
}

/* RFC 4787 section 4.1: which destinations share a mapping. */
static void mapping_kinds(void **state) {
    (void)state;
    for (int kind = 0; kind < NAT_DEPENDENCES; kind++) {
        struct nat *nat = make((struct nat_config){.mapping = (enum nat_dependence)kind, .seed = 7});
        struct stun_address first = map(nat, 0, host, server);
        assert_int_equal(map(nat, 1, host, server).port, first.port);
        assert_int_equal(map(nat, 1, host, server_port2).port == first.port, kind != NAT_ADDRESS_AND_PORT_DEPENDENT);
        assert_int_equal(map(nat, 1, host, server2).port == first.port, kind == NAT_ENDPOINT_INDEPENDENT);
        assert_int_not_equal(map(nat, 1, host2, server).port, first.port);
        nat_free(nat);
    }
}

/* RFC 4787 section 5: who is let in. */
static void filtering_kinds(void **state) {
    (void)state;
    for (int kind = 0; kind < NAT_DEPENDENCES; kind++) {
        struct nat *nat = make((struct nat_config){.filtering = (enum nat_dependence)kind, .seed = 7});
        struct stun_address mapped = map(nat, 0, host, server);
        assert_int_equal(knock(nat, 1, server, mapped), NAT_FORWARD);
        assert_int_equal(knock(nat, 1, server_port2, mapped) == NAT_FORWARD, kind != NAT_ADDRESS_AND_PORT_DEPENDENT);
        assert_int_equal(knock(nat, 1, server2, mapped), kind == NAT_ENDPOINT_INDEPENDENT ? NAT_FORWARD : NAT_DROP_FILTERED);
        struct stun_address closed = mapped;
        closed.port = mapped.port == 1024 ? 1025 : (uint16_t)(mapped.port - 1);
        assert_int_equal(knock(nat, 1, server, closed), NAT_DROP_NO_MAPPING);
        nat_free(nat);
    }
}

/* RFC 4787 section 5 speaks of the endpoint X:x; others remember beside each mapping. */
static void filter_scopes(void **state) {
    (void)state;
    for (int scope = 0; scope < 2; scope++) {
        struct nat *nat = make((struct nat_config){.mapping = NAT_ADDRESS_DEPENDENT,
                                                   .filtering = NAT_ADDRESS_DEPENDENT,
                                                   .filter_scope = (enum nat_filter_scope)scope});
        struct stun_address mapped = map(nat, 0, host, server);
        map(nat, 0, host, server2);
        assert_int_equal(knock(nat, 1, server2, mapped), scope == NAT_FILTER_OF_ENDPOINT ? NAT_FORWARD : NAT_DROP_FILTERED);
        nat_free(nat);
    }
}

/* RFC 4787 section 4.3: a mapping ends timeout_us after its last refresh, to the microsecond. */
static void timeout_and_refresh(void **state) {
    (void)state;
    struct nat *nat = make((struct nat_config){0});
    struct stun_address mapped = map(nat, 0, host, server);
    assert_int_equal(knock(nat, TIMEOUT_US - 1, server, mapped), NAT_FORWARD);
    assert_int_equal(knock(nat, TIMEOUT_US, server, mapped), NAT_DROP_NO_MAPPING);
    /* Expired means gone: no packet brings it back, and the next mapping is another one. */
    struct stun_address second = map(nat, TIMEOUT_US, host, server);
    assert_int_not_equal(second.port, mapped.port);
    assert_int_equal(knock(nat, TIMEOUT_US, server, mapped), NAT_DROP_NO_MAPPING);
    map(nat, 2 * TIMEOUT_US - 1, host, server);
    assert_int_equal(knock(nat, 3 * TIMEOUT_US - 2, server, second), NAT_FORWARD);
    assert_int_equal(nat_mapping_count(nat, 3 * TIMEOUT_US - 2), 1);
    assert_int_equal(nat_mapping_count(nat, 3 * TIMEOUT_US - 1), 0);
    nat_free(nat);
}

static void inbound_refresh(void **state) {
    (void)state;
    for (int refreshes = 0; refreshes < 2; refreshes++) {
        struct nat *nat = make((struct nat_config){.inbound_refresh = refreshes, .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT});
        struct stun_address mapped = map(nat, 0, host, server);
        assert_int_equal(knock(nat, TIMEOUT_US / 2, server, mapped), NAT_FORWARD);
        /* What was filtered refreshes nothing. */
        assert_int_equal(knock(nat, TIMEOUT_US - 1, server2, mapped), NAT_DROP_FILTERED);
        assert_int_equal(knock(nat, TIMEOUT_US, server, mapped), refreshes ? NAT_FORWARD : NAT_DROP_NO_MAPPING);
        nat_free(nat);
    }
}

/* The filter forgets a remote that was not spoken to for timeout_us, although the mapping lives on. */
static void filter_ages_by_session(void **state) {
    (void)state;
    struct nat *nat = make((struct nat_config){.filtering = NAT_ADDRESS_DEPENDENT});
    struct stun_address mapped = map(nat, 0, host, server);
    map(nat, TIMEOUT_US / 2, host, server2);
    assert_int_equal(knock(nat, TIMEOUT_US, server, mapped), NAT_DROP_FILTERED);
    assert_int_equal(knock(nat, TIMEOUT_US, server2, mapped), NAT_FORWARD);
    nat_free(nat);
}

/* RFC 4787 section 6, REQ-9 */
static void hairpin(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct nat *nat = make((struct nat_config){.hairpin = (enum nat_hairpin)kind});
        struct stun_address mapped = map(nat, 0, host, server), mapped2, inner_source, inner_destination;
        enum nat_verdict verdict = nat_outbound(nat, 1, &host2, &mapped, &mapped2);
        if (kind == NAT_HAIRPIN_OFF) {
            assert_int_equal(verdict, NAT_DROP_NO_HAIRPIN);
            assert_int_equal(nat_mapping_count(nat, 1), 1);
        } else {
            assert_int_equal(verdict, NAT_HAIRPIN);
            assert_int_equal(nat_hairpin(nat, 1, &host2, &mapped2, &mapped, &inner_source, &inner_destination), NAT_FORWARD);
            assert_true(stun_address_equal(&inner_destination, &host));
            assert_true(stun_address_equal(&inner_source, kind == NAT_HAIRPIN_EXTERNAL_SOURCE ? &mapped2 : &host2));
        }
        nat_free(nat);
    }
    /* The way back goes through the filter like any other: REQ-9 changes nothing about section 5. */
    struct nat *nat = make((struct nat_config){.hairpin = NAT_HAIRPIN_EXTERNAL_SOURCE, .filtering = NAT_ADDRESS_DEPENDENT});
    struct stun_address mapped = map(nat, 0, host, server), mapped2, inner_source, inner_destination;
    assert_int_equal(nat_outbound(nat, 1, &host2, &mapped, &mapped2), NAT_HAIRPIN);
    assert_int_equal(nat_hairpin(nat, 1, &host2, &mapped2, &mapped, &inner_source, &inner_destination), NAT_DROP_FILTERED);
    nat_free(nat);
}

/* RFC 4787 section 4.2.1 */
static void port_assignment(void **state) {
    (void)state;
    struct nat *nat = make((struct nat_config){.ports = NAT_PORTS_PRESERVING});
    assert_int_equal(map(nat, 0, host, server).port, host.port);
    assert_int_not_equal(map(nat, 0, host2, server).port, host.port); /* taken: REQ-3, no overloading */
    nat_free(nat);

    nat = make((struct nat_config){.ports = NAT_PORTS_SEQUENTIAL, .port_low = 4000, .port_high = 4003});
    for (uint16_t i = 0; i < 4; i++) {
        struct stun_address inside = host;
        inside.port = (uint16_t)(1 + i);
        assert_int_equal(map(nat, 0, inside, server).port, 4000 + i);
    }
    nat_free(nat);

    unsigned preserved = 0;
    nat = make((struct nat_config){.ports = NAT_PORTS_RANDOM, .seed = 3});
    for (uint16_t port = 2000; port < 2100; port++) {
        struct stun_address inside = host;
        inside.port = port;
        preserved += map(nat, 0, inside, server).port == port;
    }
    assert_true(preserved < 3);
    nat_free(nat);
}

/* A range of ports at its limit, whichever way they are assigned; and free again after the timeout. */
/* RFC 4787 section 4.2.1, REQ-3, broken as Linux does: one port for all remotes, told apart by the remote; but never two hosts on one
 * port towards the same remote. */
static void shared_ports(void **state) {
    (void)state;
    struct nat *nat = make((struct nat_config){.mapping = NAT_ADDRESS_AND_PORT_DEPENDENT, .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT,
                                               .filter_scope = NAT_FILTER_OF_MAPPING, .ports = NAT_PORTS_SHARED});
    assert_int_equal(map(nat, 0, host, server).port, host.port);
    assert_int_equal(map(nat, 0, host, server_port2).port, host.port);
    assert_int_equal(map(nat, 0, host2, server2).port, host.port);
    assert_int_not_equal(map(nat, 0, host2, server).port, host.port);
    struct stun_address outside = external, inner;
    outside.port = host.port;
    assert_int_equal(knock(nat, 1, server, outside), NAT_FORWARD);
    assert_int_equal(nat_inbound(nat, 1, &server2, &outside, &inner), NAT_FORWARD);
    assert_true(stun_address_equal(&inner, &host2));
    server2.port++;
    assert_int_equal(nat_inbound(nat, 1, &server2, &outside, &inner), NAT_DROP_FILTERED);
    server2.port--;
    nat_free(nat);
}

/* A network without UDP: nothing gets out, and no mapping is made. */
static void no_udp(void **state) {
    (void)state;
    struct nat *nat = make((struct nat_config){.blocks_udp = true});
    struct stun_address mapped;
    assert_int_equal(nat_outbound(nat, 0, &host, &server, &mapped), NAT_DROP_BLOCKED);
    assert_int_equal(nat_mapping_count(nat, 0), 0);
    nat_free(nat);
}

static void port_range(void **state) {
    (void)state;
    for (int ports = 0; ports < 3; ports++) {
        struct nat *nat = make((struct nat_config){.ports = (enum nat_ports)ports, .port_low = 65530, .port_high = 65535, .seed = 1});
        bool used[6] = {false};
        struct stun_address inside = host, mapped;
        for (uint16_t i = 0; i < 6; i++) {
            inside.port = (uint16_t)(65530 + i);
            uint16_t port = map(nat, 0, inside, server).port;
            assert_in_range(port, 65530, 65535);
            assert_false(used[port - 65530]);
            used[port - 65530] = true;
        }
        inside.port = 9;
        assert_int_equal(nat_outbound(nat, 1, &inside, &server, &mapped), NAT_DROP_NO_PORT);
        assert_int_equal(nat_outbound(nat, TIMEOUT_US, &inside, &server, &mapped), NAT_FORWARD);
        nat_free(nat);
    }
    struct nat_config empty = {.port_low = 2, .port_high = 1};
    assert_null(nat_new(&empty, &external));
}

/* NAT_MAPPING_MAX and NAT_SESSION_MAX at limit - 1, limit, limit + 1. */
static void capacities(void **state) {
    (void)state;
    struct nat *nat = make((struct nat_config){0});
    struct stun_address inside = host, outside = server, mapped;
    for (uint16_t i = 1; i <= NAT_MAPPING_MAX; i++) {
        inside.port = i;
        assert_int_equal(nat_outbound(nat, 0, &inside, &server, &mapped), NAT_FORWARD);
        assert_int_equal(nat_mapping_count(nat, 0), i);
    }
    inside.port = NAT_MAPPING_MAX + 1;
    assert_int_equal(nat_outbound(nat, 0, &inside, &server, &mapped), NAT_DROP_CAPACITY);
    nat_free(nat);

    nat = make((struct nat_config){0});
    for (uint16_t i = 1; i <= NAT_SESSION_MAX; i++) {
        outside.port = i;
        assert_int_equal(nat_outbound(nat, 0, &host, &outside, &mapped), NAT_FORWARD);
    }
    outside.port = NAT_SESSION_MAX + 1;
    assert_int_equal(nat_outbound(nat, 0, &host, &outside, &mapped), NAT_DROP_CAPACITY);
    assert_int_equal(nat_outbound(nat, 0, &host2, &outside, &mapped), NAT_DROP_CAPACITY);
    assert_int_equal(nat_mapping_count(nat, 0), 1); /* the refusal left no mapping behind */
    nat_free(nat);
}

static void reboot(void **state) {
    (void)state;
    for (int ports = 0; ports < 3; ports++) {
        struct nat *nat = make((struct nat_config){.ports = (enum nat_ports)ports});
        struct stun_address mapped = map(nat, 0, host, server);
        nat_reboot(nat);
        assert_int_equal(knock(nat, 1, server, mapped), NAT_DROP_NO_MAPPING);
        assert_int_not_equal(map(nat, 2, host, server).port, mapped.port);
        nat_free(nat);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mapping_kinds),   cmocka_unit_test(filtering_kinds), cmocka_unit_test(filter_scopes),
        cmocka_unit_test(timeout_and_refresh), cmocka_unit_test(inbound_refresh), cmocka_unit_test(filter_ages_by_session),
        cmocka_unit_test(hairpin),         cmocka_unit_test(port_assignment), cmocka_unit_test(shared_ports),
        cmocka_unit_test(no_udp),          cmocka_unit_test(port_range),
        cmocka_unit_test(capacities),      cmocka_unit_test(reboot),
    };
    return cmocka_run_group_tests(tests, addresses, NULL);
}
