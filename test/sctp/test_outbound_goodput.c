/* Goodput over links: the measures of the outbound side in virtual time. docs/sctp.md has the figures. */
#include "outbound_model.h"

#include <stdio.h>

static void show(const char *name, struct model *m, double goodput) {
    struct sctp_outbound_statistics s = model_statistics(m);
    printf("%-34s %8.2f Mbit/s  rtx %llu  lost %llu dropped %llu  rec %llu spur %llu to %llu tlp %llu cwnd %llu queue %.1f ms\n", name, goodput * 8 / 1e6,
           (unsigned long long)s.chunks_retransmitted, (unsigned long long)m->lost, (unsigned long long)m->dropped, (unsigned long long)s.recoveries,
           (unsigned long long)s.spurious_recoveries, (unsigned long long)s.timeouts, (unsigned long long)s.probes, (unsigned long long)s.window_bytes,
           (double)m->queue_most_us / 1e3);
}

static void long_fat(void **state) {
    (void)state;
    struct model *m = model_new(&(struct model_config){.seed = 1, .rate_bps = 1000000000, .delay_us = 50000, .budget_bytes = 64u << 20});
    double all = model_stream(m, 3000000, 65536);
    show("1 Gbit/s 100 ms start 3 s", m, all);
    double after = model_stream(m, 6000000, 65536);
    show("1 Gbit/s 100 ms after", m, after);
    model_free(m);
}

static void ordinary(void **state) {
    (void)state;
    struct model *m = model_new(&(struct model_config){.seed = 1, .rate_bps = 50000000, .queue_bytes = 625000, .delay_us = 50000, .budget_bytes = 8u << 20});
    show("50 Mbit/s 100 ms, 1 BDP queue", m, model_stream(m, 10000000, 65536));
    show("then", m, model_stream(m, 30000000, 65536));
    model_free(m);
    m = model_new(&(struct model_config){.seed = 1, .rate_bps = 50000000, .queue_bytes = 100000, .delay_us = 50000, .budget_bytes = 8u << 20});
    show("50 Mbit/s 100 ms, 16 ms queue", m, model_stream(m, 10000000, 65536));
    show("then", m, model_stream(m, 30000000, 65536));
    model_free(m);
}

static void lossy(void **state) {
    (void)state;
    const struct sctp_congestion_algorithm *a[] = {&sctp_cubic, &sctp_newreno};
    for (int i = 0; i < 2; i++) {
        struct model *m = model_new(&(struct model_config){.seed = 1, .rate_bps = 50000000, .queue_bytes = 625000, .delay_us = 25000, .loss = 0.01, .budget_bytes = 8u << 20, .congestion = a[i]});
        show(a[i]->name, m, model_stream(m, 60000000, 65536));
        model_free(m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(long_fat), cmocka_unit_test(ordinary), cmocka_unit_test(lossy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
