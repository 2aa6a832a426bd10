/*
 * Proof of the bones: whole transports (ICE, DTLS, SRTP) through every pair of NAT kinds of docs/nat-pairs.md, at 20 % loss each
 * way with jitter, reordering and duplication, from seeds. Crossable pairs connect and carry SRTP; the others end with a
 * verdict. SIM_SEEDS=n sets how many seeds for each pair (make sim-proof: 1,000), SIM_SEED=n runs one.
 */
#include "test/sim/test_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/nat_pairs.h"
#include "test/sim/stun_server.h"
#include "test/sim/transport_side.h"

#define SERVERS 3
#define VERDICT_US (45 * SIM_SECOND_US) /* security.md section 4: connects, or a verdict, within 45 s */
#define SEEDS_IN_CHECK 40

static struct dtls_certificate *certificates[2];

static const struct sim_link_config lossy = {
    .loss = 0.2, .delay_us = 20 * SIM_MILLISECOND_US, .jitter_us = 10 * SIM_MILLISECOND_US, .reorder = 0.05,
    .reorder_delay_us = 30 * SIM_MILLISECOND_US, .duplicate = 0.02,
};
static const struct sim_link_config clean = {.delay_us = 10 * SIM_MILLISECOND_US};

struct totals {
    uint64_t runs, connected, failed_as_expected, unexpected;
    uint64_t setup_us[100000];
    struct sim_counters counters;
};

struct world {
    struct sim *sim;
    struct sim_stun_server *servers[SERVERS];
    struct ice_server server_list[SERVERS];
    int interfaces[2];
    struct transport_side sides[2];
};

static void build(struct world *world, uint64_t seed, struct nat_config nat_a, struct nat_config nat_b) {
    static const char *const server_ips[SERVERS] = {"203.0.113.1", "203.0.113.2", "203.0.113.3"};
    static const char *const nat_ips[2] = {"198.51.100.1", "198.51.100.2"};
    world->sim = sim_new(seed);
    struct sim_network *network = sim_network_of(world->sim);
    for (int i = 0; i < SERVERS; i++) {
        world->servers[i] = sim_stun_server_new(network, server_ips[i], NULL, 3478, &clean, &clean);
        world->server_list[i] = (struct ice_server){.kind = ICE_SERVER_STUN, .host = server_ips[i], .port = 3478};
    }
    const struct nat_config *nats[2] = {&nat_a, &nat_b};
    for (int i = 0; i < 2; i++) {
        int home = sim_network_add_nat(network, SIM_PUBLIC, nat_ips[i], nats[i], NULL, NULL);
        /* What a side sends is lost with 20 %: that is 20 % each way between the two. */
        world->interfaces[i] = sim_network_add_interface(network, home, "192.168.1.2", &lossy, &clean);
    }
    sim_set_deadline(world->sim, 60 * SIM_SECOND_US);
    transport_sides_start(world->sim, world->sides, world->interfaces, certificates, world->server_list, SERVERS);
}

static void add_counters(struct world *world, struct totals *totals) {
    struct sim_network *network = sim_network_of(world->sim);
    for (int i = 0; i < 2; i++)
        sim_counters_add(&totals->counters, &sim_network_interface_up_link(network, world->interfaces[i])->counters);
}

static void tear_down(struct world *world) {
    transport_sides_free(world->sides);
    for (int i = 0; i < SERVERS; i++)
        sim_stun_server_free(world->servers[i]);
    sim_free(world->sim);
}

static bool frames_are_good(const struct transport_side *side) {
    /* 80 % of 50 arrive; 24 would be six standard deviations below. */
    return side->frames_damaged == 0 && side->frames_doubled == 0 && side->frames_received >= 24;
}

/* seed: of the command line; each pair of kinds gets another sequence of chance from it. */
static void run(uint64_t seed, int pair, const char *name, struct nat_config nat_a, struct nat_config nat_b, bool expect_connection, struct totals *totals) {
    static struct world world;
    build(&world, seed * NAT_KINDS * NAT_KINDS + (uint64_t)pair, nat_a, nat_b);
    while (!transport_sides_have_verdict(world.sides) && sim_step(world.sim)) {
    }
    sim_require(world.sim, sim_end(world.sim) != SIM_HUNG);
    uint64_t end_us = 0;
    for (int i = 0; i < 2; i++) {
        const struct transport_side *side = &world.sides[i];
        uint64_t verdict_us = side->connected_us ? side->connected_us : side->failed_us;
        sim_require(world.sim, verdict_us > 0 && verdict_us - side->started_us <= VERDICT_US);
        end_us = verdict_us > end_us ? verdict_us : end_us;
    }
    bool is_connected = transport_sides_are_connected(world.sides);
    bool is_good = is_connected ? frames_are_good(&world.sides[0]) && frames_are_good(&world.sides[1]) : true;
    totals->connected += is_connected;
    totals->failed_as_expected += !is_connected && !expect_connection;
    if (is_connected != expect_connection || !is_good) {
        printf("seed %llu, %s: %s, expected %s; frames %u and %u\n", (unsigned long long)seed, name, is_connected ? "connected" : "failed",
               expect_connection ? "connected" : "failed", world.sides[0].frames_received, world.sides[1].frames_received);
        transport_side_explain(&world.sides[0]);
        transport_side_explain(&world.sides[1]);
        totals->unexpected++;
    }
    if (is_connected && totals->connected <= COUNT(totals->setup_us))
        totals->setup_us[totals->connected - 1] = end_us - world.sides[0].started_us;
    totals->runs++;
    add_counters(&world, totals);
    tear_down(&world);
}

static int compare_times(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void report(const char *what, struct totals *totals) {
    size_t count = totals->connected < COUNT(totals->setup_us) ? totals->connected : COUNT(totals->setup_us);
    qsort(totals->setup_us, count, sizeof totals->setup_us[0], compare_times);
    printf("%s: %llu runs, %llu connected, %llu ended with the expected verdict, %llu not as expected", what, (unsigned long long)totals->runs,
           (unsigned long long)totals->connected, (unsigned long long)totals->failed_as_expected, (unsigned long long)totals->unexpected);
    if (count > 0)
        printf("; set up in %llu ms (median), %llu (95 %%), %llu (worst)", (unsigned long long)totals->setup_us[count / 2] / 1000,
               (unsigned long long)totals->setup_us[count * 95 / 100] / 1000, (unsigned long long)totals->setup_us[count - 1] / 1000);
    char text[SIM_COUNTERS_TEXT_BYTES];
    printf("\n    the lossy links: %s\n", sim_counters_write(&totals->counters, text, sizeof text));
}

static struct totals totals;

static void run_pairs(bool crossable, uint64_t default_seeds) {
    totals = (struct totals){0};
    struct sim_seeds seeds = sim_seeds(1, default_seeds);
    for (int a = 0; a < NAT_KINDS; a++) {
        for (int b = a; b < NAT_KINDS; b++) {
            if (nat_pair_is_crossable(a, b, NAT_FILTER_OF_ENDPOINT) != crossable)
                continue;
            char name[64];
            snprintf(name, sizeof name, "%s with %s", nat_kind_name(a), nat_kind_name(b));
            for (uint64_t i = 0; i < seeds.count; i++) {
                /* Each side offers in half of the runs. */
                bool is_swapped = (seeds.first + i) % 2 == 0;
                run(seeds.first + i, a * NAT_KINDS + b, name, nat_kind(is_swapped ? b : a), nat_kind(is_swapped ? a : b), crossable, &totals);
            }
        }
    }
    report(crossable ? "crossable pairs" : "pairs that need a relay", &totals);
    sim_require_bad_network(&totals.counters, &(struct sim_link_config){.loss = lossy.loss, .reorder = lossy.reorder, .duplicate = lossy.duplicate}, seeds.first);
}

/* RFC 8445 section 7, RFC 6347, RFC 5764, together: at least 99.9 % connect. */
static void crossable_pairs_connect_under_loss(void **state) {
    (void)state;
    run_pairs(true, SEEDS_IN_CHECK);
    assert_true(totals.runs > 0);
    assert_true(totals.unexpected * 1000 <= totals.runs);
}

/* RFC 8863 section 4: the others fail, but not before their patience is over, and they do not hang. */
static void pairs_that_need_a_relay_end_with_a_verdict(void **state) {
    (void)state;
    run_pairs(false, 1);
    assert_int_equal(totals.unexpected, 0);
    assert_int_equal(totals.failed_as_expected, totals.runs);
}

static void two_hosts_behind_one_nat_connect_without_it(void **state) {
    (void)state;
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    for (uint64_t i = 0; i < seeds.count; i++) {
        static struct world world;
        world.sim = sim_new(seeds.first + i);
        struct sim_network *network = sim_network_of(world.sim);
        struct nat_config nat = nat_kind(NAT_KINDS - 1); /* the strictest, without hairpin */
        int home = sim_network_add_nat(network, SIM_PUBLIC, "198.51.100.1", &nat, NULL, NULL);
        int interfaces[2] = {sim_network_add_interface(network, home, "192.168.1.2", &lossy, &clean),
                             sim_network_add_interface(network, home, "192.168.1.3", &lossy, &clean)};
        struct sim_stun_server *server = sim_stun_server_new(network, "203.0.113.1", NULL, 3478, &clean, &clean);
        struct ice_server servers[2] = {{.kind = ICE_SERVER_STUN, .host = "203.0.113.1", .port = 3478},
                                        {.kind = ICE_SERVER_STUN, .host = "203.0.113.99", .port = 3478}}; /* nobody is there */
        sim_set_deadline(world.sim, 60 * SIM_SECOND_US);
        transport_sides_start(world.sim, world.sides, interfaces, certificates, servers, 2);
        while (!transport_sides_have_verdict(world.sides) && sim_step(world.sim)) {
        }
        sim_require(world.sim, transport_sides_are_connected(world.sides));
        for (int k = 0; k < 2; k++)
            sim_require(world.sim, frames_are_good(&world.sides[k]));
        transport_sides_free(world.sides);
        sim_stun_server_free(server);
        sim_free(world.sim);
    }
}

static int set_up(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++)
        certificates[i] = dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = 1700000000});
    return dtls_srtp_initialize() == DTLS_OK && certificates[0] && certificates[1] ? 0 : -1;
}

static int tear_down_all(void **state) {
    (void)state;
    dtls_certificate_free(certificates[0]);
    dtls_certificate_free(certificates[1]);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crossable_pairs_connect_under_loss),
        cmocka_unit_test(pairs_that_need_a_relay_end_with_a_verdict),
        cmocka_unit_test(two_hosts_behind_one_nat_connect_without_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down_all);
}
