/*
 * Goodput over links in virtual time: the aims of the outbound side. What TCP gets on the same link is computed: 1448 bytes of each 1500 where the link is full, and the
 * response function of Reno and CUBIC (RFC 9438 section 4.3: the same one at this loss) where it is not.
 */
#include "outbound_model.h"

#include <stdio.h>

#define MBIT_PER_BYTE_RATE (8.0 / 1e6)
#define SECOND_US UINT64_C(1000000)

static double tcp_full(const struct model_config *config) {
    return (double)config->rate_bps / 8 * 1448 / 1500;
}

static void report(const char *what, struct model *m, double goodput, double tcp) {
    struct sctp_outbound_statistics s = model_statistics(m);
    print_message("           %-44s %7.2f Mbit/s (TCP: %7.2f)  dropped %llu, lost %llu, sent again %llu, timeouts %llu, longest queue %llu ms\n", what, goodput * MBIT_PER_BYTE_RATE,
                  tcp * MBIT_PER_BYTE_RATE, (unsigned long long)m->dropped, (unsigned long long)m->lost, (unsigned long long)s.chunks_retransmitted,
                  (unsigned long long)s.timeouts, (unsigned long long)(m->queue_most_us / 1000));
}

/* 1 Gbit/s, 100 ms, an ideal link: 80 % after start-up. */
static void a_long_fat_pipe(void **state) {
    (void)state;
    struct model_config config = {.seed = 1, .rate_bps = 1000000000, .delay_us = 50000, .budget_bytes = 64u << 20};
    struct model *m = model_new(&config);
    model_stream(m, 2 * SECOND_US, 65536);
    double goodput = model_stream(m, 5 * SECOND_US, 65536);
    report("1 Gbit/s, 100 ms, after 2 s", m, goodput, tcp_full(&config));
    assert_true(goodput > 0.8 * (double)config.rate_bps / 8);
    assert_int_equal(model_statistics(m).chunks_retransmitted, 0);
    model_free(m);
}

/*
 * Slow start learns of a full queue a round trip too late: half of what the link holds is lost by then, in thousands of gaps, of which a SACK names 200 (here; 290 at most). All the
 * same the first 5 s, the second of start-up included, are worth four tenths of the link, what comes after is worth eight, and nobody waits for a timeout.
 */
static void queues_that_are_much_too_short(void **state) {
    (void)state;
    static const uint64_t queues[] = {125000, 250000, 500000, 1000000, 2000000, 4000000};
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
        struct model_config config = {.seed = 1 + i, .rate_bps = 1000000000, .queue_bytes = queues[i], .delay_us = 50000, .budget_bytes = 64u << 20};
        struct model *m = model_new(&config);
        double first = model_stream(m, 5 * SECOND_US, 65536);
        uint64_t smoothed_us = model_statistics(m).smoothed_rtt_us;
        double then = model_stream(m, 10 * SECOND_US, 65536);
        char what[64];
        snprintf(what, sizeof what, "1 Gbit/s, 100 ms, queue %llu ms, first 5 s", (unsigned long long)queues[i] / 125000);
        report(what, m, first, tcp_full(&config));
        report("                              5 s to 10 s", m, then, tcp_full(&config));
        assert_true(first > 0.4 * (double)config.rate_bps / 8);
        assert_true(then > 0.8 * (double)config.rate_bps / 8);
        assert_int_equal(model_statistics(m).timeouts, 0);
        /* a chunk of which many SACKs had no room to tell is no sample of the round trip */
        assert_in_range(smoothed_us, 100000, 100000 + queues[i] / 125 + 10000);
        model_free(m);
    }
}

/* 50 Mbit/s, 100 ms: 90 % of TCP's; with a queue of a window, and of a sixth. */
static void an_ordinary_link(void **state) {
    (void)state;
    static const uint64_t queues[] = {625000, 100000};
    for (size_t i = 0; i < 2; i++) {
        struct model_config config = {.seed = 1, .rate_bps = 50000000, .queue_bytes = queues[i], .delay_us = 50000, .budget_bytes = 4u << 20};
        struct model *m = model_new(&config);
        double all = model_stream(m, 10 * SECOND_US, 65536);
        double goodput = model_stream(m, 30 * SECOND_US, 65536);
        report(i == 0 ? "50 Mbit/s, 100 ms, queue 100 ms, after 10 s" : "50 Mbit/s, 100 ms, queue 16 ms, after 10 s", m, goodput, tcp_full(&config));
        assert_true(goodput > 0.9 * tcp_full(&config));
        assert_true(all > 0.7 * tcp_full(&config));
        model_free(m);
    }
}

/* 1 % loss, 50 ms: TCP's goodput at least, 1448 / RTT * sqrt(3 / 2p) (RFC 9438 section 4.3). */
static void one_per_cent_lost(void **state) {
    (void)state;
    double tcp = 1448 / 0.05 * 12.247, sum = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct model *m = model_new(&(struct model_config){.seed = seed, .rate_bps = 50000000, .queue_bytes = 625000, .delay_us = 25000, .loss = 0.01, .budget_bytes = 4u << 20});
        double goodput = model_stream(m, 30 * SECOND_US, 65536);
        report("50 Mbit/s, 50 ms, 1 % lost", m, goodput, tcp);
        assert_int_equal(model_statistics(m).timeouts, 0);
        sum += goodput;
        model_free(m);
    }
    assert_true(sum / 4 > tcp);
}

/* What is late is not lost: RFC 8985 section 6.2. */
static void reordering_costs_little(void **state) {
    (void)state;
    struct model_config config = {.seed = 1, .rate_bps = 20000000, .queue_bytes = 100000, .delay_us = 25000, .reorder = 0.05, .reorder_us = 10000, .budget_bytes = 4u << 20};
    struct model *m = model_new(&config);
    double goodput = model_stream(m, 10 * SECOND_US, 65536);
    report("20 Mbit/s, 50 ms, 5 % 10 ms late", m, goodput, tcp_full(&config));
    assert_true(goodput > 0.85 * tcp_full(&config));
    model_free(m);
}

/* A peer that holds SACKs back as long as it may, and knows no I bit. */
static void a_lazy_peer(void **state) {
    (void)state;
    struct model_config config = {.seed = 1, .rate_bps = 20000000, .queue_bytes = 100000, .delay_us = 10000, .sack_delay_us = 200000, .ignores_immediate = true, .budget_bytes = 4u << 20};
    struct model *m = model_new(&config);
    double goodput = model_stream(m, 10 * SECOND_US, 65536);
    report("20 Mbit/s, 20 ms, SACKs 200 ms late", m, goodput, tcp_full(&config));
    assert_true(goodput > 0.85 * tcp_full(&config));
    model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_long_fat_pipe), cmocka_unit_test(queues_that_are_much_too_short), cmocka_unit_test(an_ordinary_link), cmocka_unit_test(one_per_cent_lost),
                                       cmocka_unit_test(reordering_costs_little), cmocka_unit_test(a_lazy_peer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
