/* The pace: RFC 9260 section 6.1 D, by a rate. */
#include "test_sctp.h"

#include "sctp/pacer_internal.h"

/* RFC 9260 section 6.1 D: bursts are bounded, and the first packets of a silence are not delayed. */
static void bursts_are_bounded(void **state) {
    (void)state;
    struct sctp_pacer pacer = {0};
    uint64_t until_us = 0, now_us = 1000000, rate = 1000000; /* 1 MB/s */
    unsigned count = 0;
    for (; sctp_pacer_allows(&pacer, now_us, rate, &until_us); count++)
        sctp_pacer_sent(&pacer, now_us, rate, 1200);
    assert_in_range(count, SCTP_PACER_BURST_BYTES / 1200, SCTP_PACER_BURST_BYTES / 1200 + 2);
    assert_in_range(until_us, now_us + 1000, now_us + 20000);
    uint64_t end_us = now_us + 1000000; /* over a second: the rate, and a burst */
    now_us = until_us;
    assert_true(sctp_pacer_allows(&pacer, now_us, rate, &until_us));
    for (; now_us < end_us; now_us += 100) {
        while (sctp_pacer_allows(&pacer, now_us, rate, &until_us)) {
            sctp_pacer_sent(&pacer, now_us, rate, 1200);
            count++;
        }
    }
    assert_in_range(count * 1200, 1000000, 1000000 + 2 * SCTP_PACER_BURST_BYTES);
}

/* However often it is asked: at a gigabit a packet is 9 us long, and a fraction of one lost with each question would be a tenth of the rate. */
static void questions_are_free(void **state) {
    (void)state;
    static const uint64_t rates[] = {127175362, 6000001, 999999};
    for (size_t i = 0; i < 3; i++) {
        struct sctp_pacer pacer = {.since_us = 5};
        uint64_t until_us = 0, sent_bytes = 0;
        for (uint64_t now_us = 5; now_us < 100005; now_us++) {
            for (int j = 0; j < 3 && sctp_pacer_allows(&pacer, now_us, rates[i], &until_us); j++) {
                sctp_pacer_sent(&pacer, now_us, rates[i], 1148);
                sent_bytes += 1148;
            }
        }
        uint64_t burst_bytes = rates[i] / 1000 > SCTP_PACER_BURST_BYTES ? rates[i] / 1000 : SCTP_PACER_BURST_BYTES;
        assert_in_range(sent_bytes, rates[i] / 10, rates[i] / 10 + burst_bytes + 1148 + 1);
    }
}

static void the_rate_of_the_day_counts(void **state) {
    (void)state;
    struct sctp_pacer pacer = {0};
    uint64_t until_us = 0;
    assert_int_equal(sctp_pacer_rate(100000, 0, SCTP_PACER_GAIN_SLOW_START), 0);
    assert_int_equal(sctp_pacer_rate(100000, 100000, SCTP_PACER_GAIN_SLOW_START), 2000000);
    assert_int_equal(sctp_pacer_rate(100000, 100000, SCTP_PACER_GAIN_FILLING), 1100000);
    assert_int_equal(sctp_pacer_rate(100000, 100000, SCTP_PACER_GAIN), 1250000);
    assert_int_equal(sctp_pacer_rate(1448, 60000000, SCTP_PACER_GAIN), 30);
    assert_int_equal(sctp_pacer_rate(1, UINT64_C(1000000000000), SCTP_PACER_GAIN), 1);
    for (int i = 0; i < 20; i++)
        sctp_pacer_sent(&pacer, 0, 30, 1200); /* a path as slow as a pigeon */
    assert_false(sctp_pacer_allows(&pacer, 0, 30, &until_us));
    assert_true(sctp_pacer_allows(&pacer, 10000, 10000000, &until_us)); /* and then it is not */
    assert_true(sctp_pacer_allows(&pacer, 10000, 0, &until_us));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(bursts_are_bounded), cmocka_unit_test(questions_are_free), cmocka_unit_test(the_rate_of_the_day_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
