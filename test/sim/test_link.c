/* test/sim/link.c and counters.c: each impairment does what its configuration says, is counted, and nothing is lost in the books. */
#include "test_sim.h"

#include <stdlib.h>
#include <string.h>

#include "test/sim/link.h"

#define DATAGRAMS 20000u
#define PACE_US 1000u

struct arrival {
    struct sim_link_copy copy;
    size_t order; /* of sending */
};

static struct arrival arrivals[2 * DATAGRAMS];
static size_t arrival_count;

static int by_time(const void *a, const void *b) {
    const struct arrival *x = a, *y = b;
    if (x->copy.arrival_us != y->copy.arrival_us)
        return x->copy.arrival_us < y->copy.arrival_us ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Sends `count` datagrams, one every pace_us, and lets them arrive in the order of time. */
static void run(struct sim_link *link, const struct sim_link_config *config, uint64_t seed, size_t count, uint64_t pace_us, size_t bytes) {
    sim_link_init(link, config, seed);
    arrival_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct sim_link_copy copies[SIM_LINK_COPIES_MAX];
        size_t copy_count = sim_link_send(link, i * pace_us, bytes, copies);
        for (size_t c = 0; c < copy_count; c++, arrival_count++)
            arrivals[arrival_count] = (struct arrival){copies[c], arrival_count};
    }
    qsort(arrivals, arrival_count, sizeof arrivals[0], by_time);
    assert_int_equal(sim_counters_in_flight(&link->counters), arrival_count);
    for (size_t i = 0; i < arrival_count; i++) {
        uint8_t payload[16] = {0};
        sim_link_arrived(link, &arrivals[i].copy, payload, sizeof payload);
        bool changed = false;
        for (size_t b = 0; b < sizeof payload; b++)
            changed |= payload[b] != 0;
        assert_int_equal(changed, arrivals[i].copy.is_corrupt);
    }
    assert_int_equal(sim_counters_in_flight(&link->counters), 0);
}

static void perfect(void **state) {
    (void)state;
    struct sim_link link;
    run(&link, NULL, 1, DATAGRAMS, PACE_US, 100);
    assert_int_equal(link.counters.sent, DATAGRAMS);
    assert_int_equal(link.counters.delivered, DATAGRAMS);
    assert_int_equal(link.counters.reordered, 0);
    assert_int_equal(link.counters.duplicated, 0);
    assert_true(arrivals[5].copy.arrival_us == 5 * PACE_US);
}

/* One after another and all together: is_bad_network agrees with what was promised, and with nothing else. */
static void every_impairment_happens(void **state) {
    (void)state;
    const struct sim_link_config configs[] = {
        {.loss = 0.2},
        {.burst_enter = 0.01, .burst_leave = 0.2, .burst_loss = 0.9},
        {.duplicate = 0.05},
        {.corrupt = 0.03},
        {.reorder = 0.02, .reorder_delay_us = 5 * PACE_US},
        {.loss = 0.2, .burst_enter = 0.01, .burst_leave = 0.2, .burst_loss = 0.9, .duplicate = 0.05, .corrupt = 0.03, .reorder = 0.02,
         .reorder_delay_us = 5 * PACE_US, .delay_us = 20 * MS, .jitter_us = 10 * MS},
    };
    char why[256];
    for (size_t i = 0; i < COUNT(configs); i++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct sim_link link;
            run(&link, &configs[i], seed, DATAGRAMS, PACE_US, 100);
            sim_require_bad_network(&link.counters, &configs[i], seed);
            for (size_t other = 0; other < i && i < COUNT(configs) - 1; other++)
                assert_false(sim_is_bad_network(&link.counters, &configs[other], why, sizeof why));
        }
    }
}

/* The helper itself must be able to fail: a network that did nothing, and one that did too little or too much. */
static void a_good_network_is_noticed(void **state) {
    (void)state;
    const struct sim_link_config promised = {.loss = 0.2, .duplicate = 0.1, .corrupt = 0.1, .reorder = 0.1};
    const struct sim_counters good = {.sent = 1000, .delivered = 1000};
    const struct sim_counters bad = {.sent = 1000, .dropped_loss = 200, .duplicated = 80, .corrupted = 88, .reordered = 50, .delivered = 880};
    char why[256];
    assert_true(sim_is_bad_network(&bad, &promised, why, sizeof why));
    assert_false(sim_is_bad_network(&good, &promised, why, sizeof why));
    assert_non_null(strstr(why, "loss"));
    struct sim_counters one = bad;
    one.dropped_loss = 20;
    assert_false(sim_is_bad_network(&one, &promised, why, sizeof why));
    one.dropped_loss = 400;
    assert_false(sim_is_bad_network(&one, &promised, why, sizeof why));
    one = bad;
    one.duplicated = 0;
    assert_false(sim_is_bad_network(&one, &promised, why, sizeof why));
    one = bad;
    one.corrupted = 0;
    assert_false(sim_is_bad_network(&one, &promised, why, sizeof why));
    one = bad;
    one.reordered = 0;
    assert_false(sim_is_bad_network(&one, &promised, why, sizeof why));
    assert_non_null(strstr(why, "order"));
    /* Ten datagrams may well have been lucky: then the test was too short to call itself lossy. */
    const struct sim_counters few = {.sent = 10, .delivered = 10};
    assert_false(sim_is_bad_network(&few, &(struct sim_link_config){.loss = 0.2}, why, sizeof why));
    /* A promise of nothing is kept by anything. */
    assert_true(sim_is_bad_network(&good, &(struct sim_link_config){0}, why, sizeof why));
}

/* Bursts are bursts: losses stand together far more often than single loss of the same rate would. */
static void bursts_are_clumped(void **state) {
    (void)state;
    const struct sim_link_config burst = {.burst_enter = 0.01, .burst_leave = 0.2, .burst_loss = 1.0};
    struct sim_link link;
    sim_link_init(&link, &burst, 5);
    size_t lost = 0, lost_after_lost = 0;
    bool previous = false;
    for (size_t i = 0; i < DATAGRAMS; i++) {
        struct sim_link_copy copies[SIM_LINK_COPIES_MAX];
        bool is_lost = sim_link_send(&link, 0, 100, copies) == 0;
        lost += is_lost;
        lost_after_lost += is_lost && previous;
        previous = is_lost;
    }
    assert_in_range(lost, DATAGRAMS * 3 / 100, DATAGRAMS * 7 / 100); /* 0.01 / 0.21 */
    assert_in_range(100 * lost_after_lost / lost, 72, 88);           /* 1 - burst_leave */
}

/* Held back, but nobody overtook it: that is delay, not reordering. It is measured, not assumed. */
static void reordering_is_measured(void **state) {
    (void)state;
    const struct sim_link_config config = {.reorder = 0.5, .reorder_delay_us = PACE_US / 2};
    struct sim_link link;
    char why[256];
    run(&link, &config, 1, 1000, PACE_US, 100);
    assert_int_equal(link.counters.reordered, 0);
    assert_false(sim_is_bad_network(&link.counters, &config, why, sizeof why));
    /* Exactly: the datagram that was sent first and arrives last has been overtaken, the others have not. */
    sim_link_init(&link, NULL, 1);
    struct sim_link_copy copies[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sim_link_send(&link, i, 100, &copies[i]), 1);
    sim_link_arrived(&link, &copies[1], NULL, 0);
    sim_link_arrived(&link, &copies[2], NULL, 0);
    assert_int_equal(link.counters.reordered, 0);
    sim_link_arrived(&link, &copies[0], NULL, 0);
    assert_int_equal(link.counters.reordered, 1);
    /* Overtaken by its neighbour only. */
    sim_link_init(&link, NULL, 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sim_link_send(&link, i, 100, &copies[i]), 1);
    sim_link_arrived(&link, &copies[1], NULL, 0);
    sim_link_arrived(&link, &copies[0], NULL, 0);
    assert_int_equal(link.counters.reordered, 1);
    sim_link_arrived(&link, &copies[2], NULL, 0);
    assert_int_equal(link.counters.reordered, 1);
    /* The late second copy of a datagram is a duplicate, no more. */
    copies[0].is_duplicate = true;
    sim_link_arrived(&link, &copies[0], NULL, 0);
    assert_int_equal(link.counters.reordered, 1);
}

static void jitter_and_order(void **state) {
    (void)state;
    for (int keeps = 0; keeps < 2; keeps++) {
        const struct sim_link_config config = {.delay_us = 10 * MS, .jitter_us = 20 * MS, .jitter_keeps_order = keeps};
        struct sim_link link;
        run(&link, &config, 2, DATAGRAMS, PACE_US, 100);
        assert_int_equal(link.counters.reordered == 0, keeps);
        for (size_t i = 0; i < arrival_count; i++) {
            uint64_t delay_us = arrivals[i].copy.arrival_us - arrivals[i].copy.sequence * PACE_US;
            assert_in_range(delay_us, 10 * MS, 30 * MS);
        }
    }
}

/* MTU at limit - 1, limit, limit + 1. */
static void mtu(void **state) {
    (void)state;
    const struct sim_link_config config = {.mtu_bytes = 1200};
    for (size_t bytes = 1199; bytes <= 1201; bytes++) {
        struct sim_link link;
        run(&link, &config, 1, 10, PACE_US, bytes);
        assert_int_equal(link.counters.dropped_mtu, bytes > 1200 ? 10 : 0);
        assert_int_equal(link.counters.delivered, bytes > 1200 ? 0 : 10);
    }
}

/* 1 Mbit/s carries a 1250-byte datagram in 10 ms; four wait, the fifth finds the queue full. */
static void rate_and_queue(void **state) {
    (void)state;
    const struct sim_link_config config = {.rate_bps = 1000000, .queue_bytes = 4 * 1250};
    struct sim_link link;
    run(&link, &config, 1, 6, 0, 1250);
    assert_int_equal(link.counters.dropped_queue, 2);
    assert_int_equal(arrival_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(arrivals[i].copy.arrival_us == (i + 1) * 10 * MS);
    /* At the rate of the link nothing waits; twice as fast half is dropped. */
    run(&link, &config, 1, 1000, 10 * MS, 1250);
    assert_int_equal(link.counters.dropped_queue, 0);
    run(&link, &config, 1, 1000, 5 * MS, 1250);
    assert_in_range(link.counters.dropped_queue, 490, 505);
}

/* At 1 Gbit/s a datagram of 1188 bytes takes 9.504 us: a thousand of them in a row take 9,504. */
static void fractions_of_a_microsecond_count(void **state) {
    (void)state;
    const struct sim_link_config config = {.rate_bps = 1000000000};
    struct sim_link link;
    run(&link, &config, 1, 1000, 0, 1188);
    assert_int_equal(arrival_count, 1000);
    assert_in_range(arrivals[999].copy.arrival_us, 9503, 9504);
}

static void the_seed_decides(void **state) {
    (void)state;
    const struct sim_link_config config = {.loss = 0.5, .jitter_us = 100, .duplicate = 0.5};
    struct sim_link a, b, c;
    run(&a, &config, 1, 1000, PACE_US, 100);
    run(&b, &config, 1, 1000, PACE_US, 100);
    run(&c, &config, 2, 1000, PACE_US, 100);
    assert_memory_equal(&a.counters, &b.counters, sizeof a.counters);
    assert_memory_equal(&a.random, &b.random, sizeof a.random);
    assert_memory_not_equal(&a.random, &c.random, sizeof a.random);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perfect),
        cmocka_unit_test(every_impairment_happens),
        cmocka_unit_test(a_good_network_is_noticed),
        cmocka_unit_test(bursts_are_clumped),
        cmocka_unit_test(reordering_is_measured),
        cmocka_unit_test(jitter_and_order),
        cmocka_unit_test(mtu),
        cmocka_unit_test(rate_and_queue),
        cmocka_unit_test(fractions_of_a_microsecond_count),
        cmocka_unit_test(the_seed_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
