/* The congestion controls alone, told what happened: RFC 9260 section 7.2, RFC 9438, RFC 9406. */
#include "test_sctp.h"

#include "sctp/congestion_internal.h"

#define UNIT 1448u
#define RTT_US 100000u

static struct sctp_congestion_acknowledgement ack_of(uint64_t now_us, uint64_t bytes) {
    return (struct sctp_congestion_acknowledgement){.now_us = now_us, .acknowledged_bytes = bytes, .rtt_us = RTT_US, .smoothed_rtt_us = RTT_US, .is_limited = true};
}

static void give(struct sctp_congestion *c, struct sctp_congestion_acknowledgement ack) {
    c->algorithm->on_acknowledged(c, &ack);
}

/* A window's worth in two-packet steps; rtt_us of each. */
static void round_trip(struct sctp_congestion *c, uint64_t *now_us, uint64_t rtt_us) {
    uint64_t window_bytes = c->window_bytes;
    bool is_new_round = true;
    for (uint64_t done = 0; done < window_bytes; done += 2 * UNIT) {
        struct sctp_congestion_acknowledgement ack = ack_of(*now_us, 2 * UNIT);
        ack.rtt_us = rtt_us;
        ack.is_new_round = is_new_round;
        is_new_round = false;
        give(c, ack);
    }
    *now_us += rtt_us;
}

/* RFC 9260 section 7.2.1, RFC 6928 section 2. */
static void slow_start_doubles(void **state) {
    (void)state;
    struct sctp_congestion c;
    uint64_t now_us = 0;
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    assert_int_equal(c.window_bytes, 10 * UNIT);
    round_trip(&c, &now_us, RTT_US);
    assert_int_equal(c.window_bytes, 20 * UNIT);
    struct sctp_congestion_acknowledgement ack = ack_of(now_us, UNIT);
    ack.is_limited = false; /* MUST: not when the application is what is slow */
    give(&c, ack);
    assert_int_equal(c.window_bytes, 20 * UNIT);
}

/* RFC 9406 section 4.2: longer round trips slow the growth to a quarter, and end it five rounds later. */
static void slow_start_ends_before_the_loss(void **state) {
    (void)state;
    struct sctp_congestion c;
    uint64_t now_us = 0;
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    for (int i = 0; i < 3; i++)
        round_trip(&c, &now_us, RTT_US);
    round_trip(&c, &now_us, RTT_US + 11000); /* less than an eighth */
    assert_false(c.slow_start.is_conservative);
    round_trip(&c, &now_us, RTT_US + 11000 + 14000);
    assert_true(c.slow_start.is_conservative);
    uint64_t window_bytes = c.window_bytes;
    round_trip(&c, &now_us, RTT_US + 30000);
    assert_in_range(c.window_bytes, window_bytes * 124 / 100, window_bytes * 127 / 100);
    for (int i = 0; i < 5 && c.window_bytes < c.threshold_bytes; i++)
        round_trip(&c, &now_us, RTT_US + 30000);
    assert_true(c.slow_start.is_over);
    assert_true(c.threshold_bytes < UINT64_MAX);
}

/* RFC 9406 section 4.2: it was jitter. */
static void slow_start_resumes(void **state) {
    (void)state;
    struct sctp_congestion c;
    uint64_t now_us = 0;
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    for (int i = 0; i < 3; i++)
        round_trip(&c, &now_us, RTT_US);
    round_trip(&c, &now_us, RTT_US + 20000);
    assert_true(c.slow_start.is_conservative);
    round_trip(&c, &now_us, RTT_US);
    assert_false(c.slow_start.is_conservative);
    assert_false(c.slow_start.is_over);
}

/* RFC 9260 sections 7.2.2 and 7.2.3. */
static void newreno_halves_and_adds_one(void **state) {
    (void)state;
    struct sctp_congestion c;
    uint64_t now_us = 0;
    sctp_congestion_begin(&c, &sctp_newreno, UNIT);
    for (int i = 0; i < 3; i++)
        round_trip(&c, &now_us, RTT_US);
    c.algorithm->on_loss(&c, now_us, RTT_US, RTT_US);
    assert_int_equal(c.window_bytes, 40 * UNIT);
    struct sctp_congestion_acknowledgement ack = ack_of(now_us, UNIT);
    ack.is_recovering = true;
    give(&c, ack);
    assert_int_equal(c.window_bytes, 40 * UNIT);
    round_trip(&c, &now_us, RTT_US);
    assert_int_equal(c.window_bytes, 41 * UNIT);
    c.algorithm->on_timeout(&c, now_us);
    assert_int_equal(c.window_bytes, UNIT);
    assert_int_equal(c.threshold_bytes, 41 * UNIT / 2);
    for (int i = 0; i < 5; i++)
        c.algorithm->on_loss(&c, now_us, RTT_US, RTT_US);
    assert_int_equal(c.window_bytes, 4 * UNIT); /* section 7.2.3: no less */
}

/* RFC 9438 section 4.2: back at W_max after K, slow around it, fast beyond. C 0.4, beta 0.7: K = cbrt(1000 * 0.3 / 0.4) = 9.086 s. */
static void cubic_follows_its_curve(void **state) {
    (void)state;
    struct sctp_congestion c;
    uint64_t now_us = 1000000;
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    c.window_bytes = 1000 * UNIT;
    c.algorithm->on_loss(&c, now_us, 2 * RTT_US, RTT_US); /* with a queue */
    assert_int_equal(c.window_bytes, 700 * UNIT);
    uint64_t start_us = now_us;
    round_trip(&c, &now_us, RTT_US);
    assert_in_range(c.cubic.inflection_us, 9070000, 9100000);
    while (now_us - start_us < 4500000)
        round_trip(&c, &now_us, RTT_US);
    assert_in_range(c.window_bytes / UNIT, 950, 975); /* 1000 - 0.4 * 4.59^3 = 961 */
    while (now_us - start_us < 9100000)
        round_trip(&c, &now_us, RTT_US);
    assert_in_range(c.window_bytes / UNIT, 994, 1006);
    while (now_us - start_us < 14000000)
        round_trip(&c, &now_us, RTT_US);
    assert_in_range(c.window_bytes / UNIT, 1040, 1060); /* 1000 + 0.4 * 4.91^3 = 1047 */
    uint64_t again_bytes = c.window_bytes;
    c.algorithm->on_loss(&c, now_us, 2 * RTT_US, RTT_US); /* a new curve, with a new origin */
    round_trip(&c, &now_us, RTT_US);
    assert_in_range(c.window_bytes, again_bytes * 7 / 10, again_bytes * 72 / 100);
    assert_true(c.cubic.epoch_us > start_us + 13000000);
}

/* RFC 9438 section 4.3: where Reno would be faster (short round trips, small windows), as fast as Reno with a decrease of 0.7. */
static void cubic_is_no_slower_than_reno(void **state) {
    (void)state;
    struct sctp_congestion c;
    uint64_t now_us = 1000000;
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    c.window_bytes = 20 * UNIT;
    c.algorithm->on_loss(&c, now_us, 20000, 10000);
    assert_int_equal(c.window_bytes, 14 * UNIT);
    for (int i = 0; i < 10; i++)
        round_trip(&c, &now_us, 10000);
    assert_in_range(c.window_bytes, 18 * UNIT, 20 * UNIT); /* 14 + 10 * 9/17 = 19.3 */
}

/* RFC 9438 section 4.7 */
static void fast_convergence(void **state) {
    (void)state;
    struct sctp_congestion c;
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    c.window_bytes = 1000 * UNIT;
    c.algorithm->on_loss(&c, 1, 2 * RTT_US, RTT_US);
    assert_int_equal(c.cubic.most_bytes, 1000 * UNIT);
    c.algorithm->on_loss(&c, 2, 2 * RTT_US, RTT_US);
    assert_int_equal(c.cubic.most_bytes, 700 * UNIT * 17 / 20);
    c.algorithm->on_timeout(&c, 3);
    assert_int_equal(c.window_bytes, UNIT);
    assert_int_equal(c.cubic.most_bytes, 0); /* section 4.8 */
}

/* docs/sctp-outbound.md: a loss without a queue takes 15 %, once slow start is over. */
static void a_loss_without_a_queue_takes_less(void **state) {
    (void)state;
    struct sctp_congestion c;
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    c.window_bytes = 1000 * UNIT;
    c.algorithm->on_loss(&c, 1, RTT_US, RTT_US);
    assert_int_equal(c.window_bytes, 700 * UNIT); /* the first one ends slow start */
    c.window_bytes = 1000 * UNIT;
    c.algorithm->on_loss(&c, 2, RTT_US + RTT_US / 16 - 1, RTT_US);
    assert_int_equal(c.window_bytes, 850 * UNIT);
    c.window_bytes = 1000 * UNIT;
    c.algorithm->on_loss(&c, 3, RTT_US + RTT_US / 16, RTT_US);
    assert_int_equal(c.window_bytes, 700 * UNIT);
}

/* RFC 9438 section 4.9 */
static void what_was_no_loss_is_undone(void **state) {
    (void)state;
    const struct sctp_congestion_algorithm *algorithms[] = {&sctp_newreno, &sctp_cubic};
    for (size_t i = 0; i < 2; i++) {
        struct sctp_congestion c;
        sctp_congestion_begin(&c, algorithms[i], UNIT);
        c.window_bytes = 100 * UNIT;
        c.algorithm->on_loss(&c, 1, 2 * RTT_US, RTT_US);
        c.algorithm->on_spurious(&c, 2);
        assert_int_equal(c.window_bytes, 100 * UNIT);
        assert_true(c.threshold_bytes == UINT64_MAX);
        assert_false(c.slow_start.is_over); /* RFC 9406 section 4.3: no threshold is known yet, so it is still the first */
        c.algorithm->on_spurious(&c, 3); /* once */
        assert_int_equal(c.window_bytes, 100 * UNIT);
    }
}

/* RFC 9438 section 5.8: time in which the application was slow moves nothing. */
static void idle_time_does_not_count(void **state) {
    (void)state;
    struct sctp_congestion c;
    uint64_t now_us = 1000000;
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    c.window_bytes = 1000 * UNIT;
    c.algorithm->on_loss(&c, now_us, 2 * RTT_US, RTT_US);
    round_trip(&c, &now_us, RTT_US);
    uint64_t window_bytes = c.window_bytes;
    struct sctp_congestion_acknowledgement ack = ack_of(now_us + 30000000, 2 * UNIT);
    ack.is_limited = false;
    give(&c, ack);
    now_us += 30000000;
    round_trip(&c, &now_us, RTT_US);
    assert_in_range(c.window_bytes, window_bytes, window_bytes * 105 / 100);
}

/* docs/sctp-outbound.md: a queue of 100 ms is not made longer: slow start ends, CUBIC returns to where it was and stays there. */
static void a_long_queue_is_enough(void **state) {
    (void)state;
    struct sctp_congestion c;
    struct sctp_congestion_acknowledgement ack = ack_of(1000000, 2 * UNIT);
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    ack.floor_rtt_us = 50000;
    ack.rtt_us = ack.smoothed_rtt_us = 50000 + SCTP_CONGESTION_QUEUE_MAX_US + 1;
    for (int i = 0; i < 7; i++) {
        give(&c, ack);
        assert_false(c.slow_start.is_over);
    }
    give(&c, ack);
    assert_true(c.slow_start.is_over);
    assert_int_equal(c.threshold_bytes, c.window_bytes);
    c.window_bytes = 1000 * UNIT;
    c.algorithm->on_loss(&c, 1000000, 2 * RTT_US, RTT_US);
    for (int i = 0; i < 20000; i++) {
        ack.now_us += 2000;
        give(&c, ack);
    }
    assert_in_range(c.window_bytes / UNIT, 999, 1001);
    ack.smoothed_rtt_us = ack.floor_rtt_us;
    for (int i = 0; i < 5000; i++) {
        ack.now_us += 2000;
        give(&c, ack);
    }
    assert_in_range(c.window_bytes / UNIT, 1100, 2000);
}

/* RFC 9406 section 4.3, SHOULD: HyStart++ is for the first slow start; what it saw then says nothing of a later one. */
static void later_slow_starts_are_plain(void **state) {
    (void)state;
    struct sctp_congestion c;
    uint64_t now_us = 0;
    struct sctp_congestion_acknowledgement ack = ack_of(1000000, 2 * UNIT);
    /* The first one ended by a long queue, which is gone. */
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    ack.floor_rtt_us = 50000;
    ack.rtt_us = ack.smoothed_rtt_us = 50000 + SCTP_CONGESTION_QUEUE_MAX_US + 1;
    for (int i = 0; i < 8; i++)
        give(&c, ack);
    assert_true(c.slow_start.is_over);
    c.window_bytes = 100 * UNIT;
    c.algorithm->on_timeout(&c, 1000000);
    ack.rtt_us = ack.smoothed_rtt_us = 50000;
    for (int i = 0; i < 20; i++)
        give(&c, ack);
    assert_int_equal(c.window_bytes, 41 * UNIT);
    assert_int_equal(c.threshold_bytes, 70 * UNIT);
    /* The first one ended by a loss, while it was careful. */
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    for (int i = 0; i < 3; i++)
        round_trip(&c, &now_us, RTT_US);
    round_trip(&c, &now_us, RTT_US + 20000);
    assert_true(c.slow_start.is_conservative);
    c.algorithm->on_timeout(&c, now_us);
    uint64_t threshold_bytes = c.threshold_bytes;
    for (int i = 0; i < 3; i++)
        round_trip(&c, &now_us, RTT_US);
    assert_int_equal(c.window_bytes, 15 * UNIT);
    assert_int_equal(c.threshold_bytes, threshold_bytes);
}

/* RFC 9260 section 7.2.3: four segments are not too much for any path. */
static void a_thin_link_keeps_four_segments(void **state) {
    (void)state;
    struct sctp_congestion c;
    uint64_t now_us = 0;
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    round_trip(&c, &now_us, RTT_US);
    struct sctp_congestion_acknowledgement ack = ack_of(now_us, 2 * UNIT);
    ack.floor_rtt_us = 1000;
    ack.rtt_us = ack.smoothed_rtt_us = 20000000;
    ack.is_new_round = true;
    for (int i = 0; i < 8; i++) {
        give(&c, ack);
        ack.is_new_round = false;
    }
    assert_true(c.slow_start.is_over);
    assert_int_equal(c.window_bytes, 4 * UNIT);
    assert_int_equal(c.threshold_bytes, 4 * UNIT);
}

/* RFC 9260 section 7.2.1 */
static void an_idle_window_decays(void **state) {
    (void)state;
    struct sctp_congestion c;
    sctp_congestion_begin(&c, &sctp_cubic, UNIT);
    c.window_bytes = 100 * UNIT;
    c.threshold_bytes = 50 * UNIT;
    sctp_congestion_decay(&c);
    assert_int_equal(c.window_bytes, 50 * UNIT);
    assert_int_equal(c.threshold_bytes, 75 * UNIT);
    for (int i = 0; i < 10; i++)
        sctp_congestion_decay(&c);
    assert_int_equal(c.window_bytes, 10 * UNIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_start_doubles), cmocka_unit_test(slow_start_ends_before_the_loss), cmocka_unit_test(slow_start_resumes),
        cmocka_unit_test(newreno_halves_and_adds_one), cmocka_unit_test(cubic_follows_its_curve), cmocka_unit_test(cubic_is_no_slower_than_reno),
        cmocka_unit_test(fast_convergence), cmocka_unit_test(a_loss_without_a_queue_takes_less), cmocka_unit_test(what_was_no_loss_is_undone),
        cmocka_unit_test(idle_time_does_not_count), cmocka_unit_test(a_long_queue_is_enough), cmocka_unit_test(an_idle_window_decays),
        cmocka_unit_test(later_slow_starts_are_plain), cmocka_unit_test(a_thin_link_keeps_four_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
