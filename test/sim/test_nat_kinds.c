/*
 * The named kinds against three judges that share no code: the table (nat_kinds.c) and the document, the model (nat_kinds.py), and
 * what a prober and two punchers see of simulated NATs.
 */
#include "test_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/nat_kinds.h"
#include "test/sim/prober.h"
#include "test/sim/puncher.h"

#define DOCUMENT "docs/nat-pairs.md"
#define SCRIPT "test/sim/nat_kinds.py"

/* A host of this kind; outer: the carrier's realm to be behind, 0 makes one when the kind has a chain. */
static int make_host(struct sim_network *network, const struct nat_named_kind *kind, const char *external, const char *between, int *carrier) {
    int realm = SIM_PUBLIC;
    if (kind->nat_count == 2) {
        if (*carrier == SIM_PUBLIC)
            *carrier = sim_network_add_nat(network, SIM_PUBLIC, external, &kind->nats[1], NULL, NULL);
        realm = sim_network_add_nat(network, *carrier, between, &kind->nats[0], NULL, NULL);
    } else if (kind->nat_count == 1) {
        realm = sim_network_add_nat(network, SIM_PUBLIC, external, &kind->nats[0], NULL, NULL);
    }
    return sim_network_add_interface(network, realm, kind->nat_count == 0 ? external : "192.168.1.2", NULL, NULL);
}

static void expect_behaviour(const char *name, enum prober_verdict mapping, enum prober_verdict filtering) {
    struct sim_network *network = sim_network_new(11, 1000 * SECOND);
    struct sim_stun_server *server = sim_stun_server_new(network, "203.0.113.1", "203.0.113.2", 3478, NULL, NULL);
    const struct nat_named_kind *kind = nat_named_kind_find(name);
    assert_non_null(kind);
    int carrier = SIM_PUBLIC;
    int host = make_host(network, kind, "198.51.100.1", "10.0.0.2", &carrier);
    assert_int_equal(prober_mapping(network, host, server), mapping);
    assert_int_equal(prober_filtering(network, host, server), filtering);
    sim_stun_server_free(server);
    sim_network_free(network);
}

/* RFC 4787 sections 4.1 and 5: what each name promises is what a prober finds. */
static void kinds_behave_as_named(void **state) {
    (void)state;
    expect_behaviour("none", PROBER_NOT_DEPENDENT, PROBER_NOT_DEPENDENT);
    expect_behaviour("full-cone", PROBER_NOT_DEPENDENT, PROBER_NOT_DEPENDENT);
    expect_behaviour("address-restricted", PROBER_NOT_DEPENDENT, PROBER_DEPENDS_ON_ADDRESS);
    expect_behaviour("port-restricted", PROBER_NOT_DEPENDENT, PROBER_DEPENDS_ON_ADDRESS_AND_PORT);
    expect_behaviour("symmetric", PROBER_DEPENDS_ON_ADDRESS_AND_PORT, PROBER_DEPENDS_ON_ADDRESS_AND_PORT);
    expect_behaviour("sequential-symmetric", PROBER_DEPENDS_ON_ADDRESS_AND_PORT, PROBER_DEPENDS_ON_ADDRESS_AND_PORT);
    expect_behaviour("shared-port", PROBER_NOT_DEPENDENT, PROBER_DEPENDS_ON_ADDRESS_AND_PORT);
    expect_behaviour("short-timeout", PROBER_NOT_DEPENDENT, PROBER_DEPENDS_ON_ADDRESS_AND_PORT);
    expect_behaviour("double-nat", PROBER_NOT_DEPENDENT, PROBER_DEPENDS_ON_ADDRESS_AND_PORT);
    expect_behaviour("double-nat-hairpin", PROBER_NOT_DEPENDENT, PROBER_DEPENDS_ON_ADDRESS_AND_PORT);
    expect_behaviour("no-udp", PROBER_NO_ANSWER, PROBER_NO_ANSWER);
    assert_null(nat_named_kind_find("nonesuch"));
}

/* RFC 4787 section 4.2.1: sequential ports follow each other, random ones do not. */
static void sequential_ports_follow_each_other(void **state) {
    (void)state;
    for (int sequential = 0; sequential < 2; sequential++) {
        struct sim_network *network = sim_network_new(12, 1000 * SECOND);
        struct sim_stun_server *server = sim_stun_server_new(network, "203.0.113.1", "203.0.113.2", 3478, NULL, NULL);
        int carrier = SIM_PUBLIC;
        int host = make_host(network, nat_named_kind_find(sequential ? "sequential-symmetric" : "symmetric"), "198.51.100.1", NULL, &carrier);
        struct stun_address first, second;
        assert_true(prober_mapped_address(network, host, 5000, server, 0, 0, &first));
        assert_true(prober_mapped_address(network, host, 5000, server, 0, 1, &second));
        assert_int_equal(second.port == first.port + 1, sequential);
        sim_stun_server_free(server);
        sim_network_free(network);
    }
}

/* RFC 4787 section 4.3: after 20 s of silence the mapping is gone, at 15 s it is not. */
static void the_short_timeout_is_20_seconds(void **state) {
    (void)state;
    struct sim_network *network = sim_network_new(13, 1000 * SECOND);
    struct sim_stun_server *server = sim_stun_server_new(network, "203.0.113.1", "203.0.113.2", 3478, NULL, NULL);
    int carrier = SIM_PUBLIC;
    int host = make_host(network, nat_named_kind_find("short-timeout"), "198.51.100.1", NULL, &carrier);
    assert_true(prober_mapping_lives(network, host, server, 15 * SECOND, 0, 0));
    assert_false(prober_mapping_lives(network, host, server, 20 * SECOND, 0, 0));
    assert_true(prober_mapping_lives(network, host, server, 60 * SECOND, 0, 15 * SECOND));
    sim_stun_server_free(server);
    sim_network_free(network);
}

/* Do punchers cross? They know each other's reflexive address only, as hosts in different networks do. */
static bool crosses(uint64_t seed, const struct nat_named_kind *kind_a, const struct nat_named_kind *kind_b) {
    struct sim *sim = sim_new(seed);
    struct sim_network *network = sim_network_of(sim);
    struct sim_stun_server *server = sim_stun_server_new(network, "203.0.113.1", NULL, 3478, NULL, NULL);
    int carriers[2] = {SIM_PUBLIC, SIM_PUBLIC};
    struct puncher punchers[2];
    struct stun_address local[2], reflexive[2];
    int endpoints[2];
    const struct nat_named_kind *kinds[2] = {kind_a, kind_b};
    for (int i = 0; i < 2; i++) {
        bool is_shared = i == 1 && kind_a == kind_b && kind_a->shares_carrier;
        int host = make_host(network, kinds[i], i == 0 ? "198.51.100.1" : "198.51.100.2", i == 0 ? "10.0.0.2" : "10.0.0.3",
                             is_shared ? &carriers[0] : &carriers[i]);
        assert_true(prober_mapped_address(network, host, 5000, server, 0, 0, &reflexive[i]));
        endpoints[i] = sim_attach(sim, kinds[i]->name, &puncher_verbs, &punchers[i]);
        local[i] = *sim_bind(sim, endpoints[i], host, 5000);
    }
    for (int i = 0; i < 2; i++)
        puncher_start(&punchers[i], sim_now(sim), &local[i], &reflexive[1 - i]);
    sim_set_deadline(sim, 5 * SECOND);
    while (!(punchers[0].has_crossed && punchers[1].has_crossed) && sim_step(sim)) {
    }
    sim_require(sim, punchers[0].has_crossed == punchers[1].has_crossed);
    bool result = punchers[0].has_crossed;
    sim_stun_server_free(server);
    sim_free(sim);
    return result;
}

static void datagrams_agree_with_the_table(void **state) {
    (void)state;
    struct sim_seeds seeds = sim_seeds(1, 2);
    for (size_t a = 0; a < NAT_KINDS_NAMED; a++) {
        for (size_t b = 0; b < NAT_KINDS_NAMED; b++) {
            const struct nat_named_kind *kind_a = nat_named_kind_at(a), *kind_b = nat_named_kind_at(b);
            bool have_udp = kind_a->has_ipv4 && kind_b->has_ipv4 && !kind_a->nats[0].blocks_udp && !kind_b->nats[0].blocks_udp;
            for (uint64_t i = 0; i < seeds.count && have_udp; i++)
                if (crosses(seeds.first + i, kind_a, kind_b) != (nat_named_pair(a, b) == NAT_PAIR_DIRECT))
                    fail_msg("%s with %s: not as the table says", kind_a->name, kind_b->name);
        }
    }
}

static void the_table_makes_sense(void **state) {
    (void)state;
    int direct = 0;
    for (size_t a = 0; a < NAT_KINDS_NAMED; a++) {
        for (size_t b = 0; b < NAT_KINDS_NAMED; b++) {
            assert_int_equal(nat_named_pair(a, b), nat_named_pair(b, a));
            direct += a <= b && nat_named_pair(a, b) == NAT_PAIR_DIRECT;
        }
    }
    assert_int_equal(direct, 42);
}

static void the_document_agrees_with_the_table_and_the_model(void **state) {
    (void)state;
    FILE *file = fopen(DOCUMENT, "r");
    if (!file)
        fail_msg("%s cannot be read: run this from the top of the tree", DOCUMENT);
    char line[1024];
    size_t rows = 0;
    while (rows < NAT_KINDS_NAMED && fgets(line, sizeof line, file)) {
        char name[64], *rest = NULL;
        snprintf(name, sizeof name, "| **%s** |", nat_named_kind_at(rows)->name);
        if (strncmp(line, name, strlen(name)) != 0)
            continue;
        char *cell = strtok_r(line + strlen(name), "|", &rest);
        for (size_t b = 0; b < NAT_KINDS_NAMED; b++, cell = strtok_r(NULL, "|", &rest)) {
            assert_non_null(cell);
            assert_string_equal(cell, nat_named_pair(rows, b) == NAT_PAIR_DIRECT ? " direct " : " relay ");
        }
        rows++;
    }
    fclose(file);
    assert_int_equal(rows, NAT_KINDS_NAMED);
    if (system("command -v python3 >/dev/null") != 0) {
        print_message("SKIP: the_document_agrees_with_the_table_and_the_model: python3 is not installed\n");
        skip();
    }
    assert_int_equal(system("python3 " SCRIPT " --check " DOCUMENT), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_behave_as_named),
        cmocka_unit_test(sequential_ports_follow_each_other),
        cmocka_unit_test(the_short_timeout_is_20_seconds),
        cmocka_unit_test(the_table_makes_sense),
        cmocka_unit_test(the_document_agrees_with_the_table_and_the_model),
        cmocka_unit_test(datagrams_agree_with_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
