/* Round trip times and the timeout: RFC 9260 section 6.3. */
#include "test_sctp.h"

#include "sctp/retransmission_timeout_internal.h"

/* RFC 9260 section 6.3.1 C1 to C7. */
static void measurements(void **state) {
    (void)state;
    struct sctp_retransmission_timeout t;
    sctp_retransmission_timeout_begin(&t);
    assert_int_equal(t.rto_us, SCTP_RTO_INITIAL_US);
    assert_int_equal(sctp_retransmission_timeout_least_us(&t), 0);
    sctp_retransmission_timeout_measured(&t, 0, 200000, true);
    assert_int_equal(t.smoothed_us, 200000);
    assert_int_equal(t.variation_us, 100000);
    assert_int_equal(t.rto_us, 600000);
    sctp_retransmission_timeout_measured(&t, 0, 280000, true);
    assert_int_equal(t.variation_us, 95000);
    assert_int_equal(t.smoothed_us, 210000);
    assert_int_equal(t.rto_us, 590000);
    sctp_retransmission_timeout_measured(&t, 0, 100000, false); /* C4: for the least only */
    assert_int_equal(t.smoothed_us, 210000);
    assert_int_equal(sctp_retransmission_timeout_least_us(&t), 100000);
    for (int i = 0; i < 100; i++)
        sctp_retransmission_timeout_measured(&t, 0, 0, true);
    assert_int_equal(t.rto_us, SCTP_RTO_MIN_US);
    for (int i = 0; i < 100; i++)
        sctp_retransmission_timeout_measured(&t, 0, 40000000, true);
    assert_int_equal(t.rto_us, SCTP_RTO_MAX_US);
}

/* RFC 9260 section 6.3.3 E2. */
static void backs_off(void **state) {
    (void)state;
    struct sctp_retransmission_timeout t;
    sctp_retransmission_timeout_begin(&t);
    for (uint64_t expected_us = 2 * SCTP_RTO_INITIAL_US; expected_us < SCTP_RTO_MAX_US; expected_us *= 2) {
        sctp_retransmission_timeout_back_off(&t);
        assert_int_equal(t.rto_us, expected_us);
    }
    sctp_retransmission_timeout_back_off(&t);
    sctp_retransmission_timeout_back_off(&t);
    assert_int_equal(t.rto_us, SCTP_RTO_MAX_US);
}

/* RFC 8985 section 6.2 step 1: the least one is of the last while, not for ever. */
static void the_least_is_forgotten(void **state) {
    (void)state;
    struct sctp_retransmission_timeout t;
    sctp_retransmission_timeout_begin(&t);
    sctp_retransmission_timeout_measured(&t, 1, 10000, true);
    uint64_t now_us = SCTP_LEAST_RTT_WINDOW_US + 2;
    sctp_retransmission_timeout_measured(&t, now_us, 50000, true);
    assert_int_equal(sctp_retransmission_timeout_least_us(&t), 10000);
    now_us += SCTP_LEAST_RTT_WINDOW_US + 2;
    sctp_retransmission_timeout_measured(&t, now_us, 60000, true);
    assert_int_equal(sctp_retransmission_timeout_least_us(&t), 50000);
    assert_int_equal(sctp_retransmission_timeout_floor_us(&t), 10000);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(measurements), cmocka_unit_test(backs_off), cmocka_unit_test(the_least_is_forgotten)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
