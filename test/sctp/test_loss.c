/* RACK alone: RFC 8985 section 6.2, step by step. */
#include "test_sctp.h"

#include "sctp/loss_internal.h"

#define RTT_US 40000

struct fixture {
    struct sctp_in_flight flight;
    struct sctp_outgoing message;
    struct sctp_retransmission_timeout rtt;
    struct sctp_loss loss;
};

/* TSNs 0..count-1, sent a millisecond apart from 0 on; a round trip of 40 ms. */
static struct fixture *fixture_new(uint32_t count) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct sctp_allocator allocator = sctp_allocator_or_default(NULL);
    sctp_in_flight_begin(&f->flight, &allocator, 0, SCTP_DATA_HEADER_BYTES);
    sctp_retransmission_timeout_begin(&f->rtt);
    sctp_retransmission_timeout_measured(&f->rtt, 0, RTT_US, true);
    sctp_loss_begin(&f->loss, 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(sctp_in_flight_reserve(&f->flight), SCTP_OK);
        f->message.records++;
        struct sctp_fragment fragment = {.message = &f->message, .length = 100, .is_begin = true, .is_end = true};
        sctp_in_flight_add(&f->flight, i * 1000, &fragment);
    }
    return f;
}

static void fixture_free(struct fixture *f) {
    sctp_in_flight_end(&f->flight);
    free(f);
}

static void acknowledge(struct fixture *f, uint32_t tsn, uint64_t now_us) {
    struct sctp_record *record = sctp_in_flight_record(&f->flight, tsn);
    sctp_loss_acknowledged(&f->loss, record, now_us, RTT_US);
    sctp_in_flight_set_acked(&f->flight, record);
}

static uint32_t next_lost(struct fixture *f, uint64_t now_us, bool is_recovering, uint64_t *due_us) {
    uint64_t window_us = sctp_loss_reordering_window_us(&f->loss, &f->flight, &f->rtt, is_recovering);
    struct sctp_record *record = sctp_loss_next(&f->loss, &f->flight, now_us, window_us, due_us);
    return record ? record->tsn : UINT32_MAX;
}

/* Steps 2 and 5: what was sent before the latest that arrived, after a round trip and a quarter. */
static void time_decides(void **state) {
    (void)state;
    struct fixture *f = fixture_new(5);
    uint64_t due_us;
    assert_int_equal(next_lost(f, 100000, false, &due_us), UINT32_MAX); /* nothing has arrived: nothing is known */
    assert_int_equal(due_us, UINT64_MAX);
    acknowledge(f, 1, 1000 + RTT_US);
    assert_int_equal(next_lost(f, 1000 + RTT_US, false, &due_us), UINT32_MAX);
    assert_int_equal(due_us, RTT_US + RTT_US / 4);
    assert_int_equal(next_lost(f, due_us - 1, false, &due_us), UINT32_MAX);
    assert_int_equal(next_lost(f, due_us, false, &due_us), 0);
    sctp_in_flight_set_lost(&f->flight, sctp_in_flight_record(&f->flight, 0));
    assert_int_equal(next_lost(f, 1000000, false, &due_us), UINT32_MAX); /* 2 and on were sent later than what arrived */
    assert_int_equal(due_us, UINT64_MAX);
    fixture_free(f);
}

/* Step 4: no waiting in recovery or behind three, unless reordering was seen (step 3); a duplicate widens the window, once a round trip, for 16 recoveries. */
static void the_reordering_window(void **state) {
    (void)state;
    struct fixture *f = fixture_new(8);
    assert_int_equal(sctp_loss_reordering_window_us(&f->loss, &f->flight, &f->rtt, true), 0);
    assert_int_equal(sctp_loss_reordering_window_us(&f->loss, &f->flight, &f->rtt, false), RTT_US / 4);
    for (uint32_t tsn = 3; tsn < 6; tsn++)
        acknowledge(f, tsn, 60000);
    assert_int_equal(sctp_loss_reordering_window_us(&f->loss, &f->flight, &f->rtt, false), 0);
    acknowledge(f, 1, 61000);
    assert_true(f->loss.is_reordering_seen);
    assert_int_equal(sctp_loss_reordering_window_us(&f->loss, &f->flight, &f->rtt, true), RTT_US / 4);
    sctp_loss_duplicates(&f->loss, 3, 8, false);
    sctp_loss_duplicates(&f->loss, 7, 9, false); /* the same round trip */
    assert_int_equal(sctp_loss_reordering_window_us(&f->loss, &f->flight, &f->rtt, true), RTT_US / 2);
    for (uint32_t i = 0; i < 10; i++)
        sctp_loss_duplicates(&f->loss, 8 + 10 * i, 18 + 10 * i, false);
    assert_int_equal(sctp_loss_reordering_window_us(&f->loss, &f->flight, &f->rtt, true), RTT_US); /* a round trip at most */
    for (int i = 0; i < SCTP_LOSS_PERSIST_RECOVERIES; i++)
        sctp_loss_recovered(&f->loss);
    assert_int_equal(sctp_loss_reordering_window_us(&f->loss, &f->flight, &f->rtt, true), RTT_US / 4);
    fixture_free(f);
}

/* Step 2: an answer sooner than any round trip is to the first transmission, and says nothing of the second. */
static void the_first_one_had_arrived(void **state) {
    (void)state;
    struct fixture *f = fixture_new(3);
    struct sctp_record *record = sctp_in_flight_record(&f->flight, 0);
    sctp_in_flight_set_lost(&f->flight, record);
    sctp_in_flight_set_sent(&f->flight, record, 50000);
    acknowledge(f, 0, 51000);
    assert_false(f->loss.has_latest);
    fixture_free(f);
}

/* Of what lies beyond a SACK with SCTP_LOSS_BLOCKS_FULL blocks nothing is presumed. */
static void beyond_a_full_sack(void **state) {
    (void)state;
    struct fixture *f = fixture_new(4);
    uint64_t due_us;
    struct sctp_record *first = sctp_in_flight_record(&f->flight, 0);
    sctp_in_flight_set_lost(&f->flight, first);
    sctp_in_flight_set_sent(&f->flight, first, 50000);
    acknowledge(f, 0, 50000 + RTT_US); /* sent after all the others */
    acknowledge(f, 1, 50000 + RTT_US);
    sctp_loss_reported(&f->loss, 1, SCTP_LOSS_BLOCKS_FULL);
    assert_int_equal(next_lost(f, 200000, true, &due_us), UINT32_MAX);
    sctp_loss_reported(&f->loss, 1, SCTP_LOSS_BLOCKS_FULL - 1);
    assert_int_equal(next_lost(f, 200000, true, &due_us), 2);
    sctp_loss_reported(&f->loss, 2, SCTP_LOSS_BLOCKS_FULL);
    assert_int_equal(next_lost(f, 200000, true, &due_us), 2);
    fixture_free(f);
}

/* But when SACKs would take more than SCTP_LOSS_PATIENCE_ROUND_TRIPS to tell, it is presumed lost, once each. */
static void presumed_when_untold_for_long(void **state) {
    (void)state;
    for (uint32_t beyond = SCTP_LOSS_PATIENCE_ROUND_TRIPS - 1; beyond <= SCTP_LOSS_PATIENCE_ROUND_TRIPS + 1; beyond++) {
        /* 10 are told, 8 of them lost; and so many times 10 are not */
        uint32_t told = 10, untold = told * beyond;
        struct fixture *f = fixture_new(told + untold);
        uint64_t due_us;
        struct sctp_record *first = sctp_in_flight_record(&f->flight, 0);
        sctp_in_flight_set_lost(&f->flight, first);
        sctp_in_flight_set_sent(&f->flight, first, 100000);
        sctp_loss_acknowledged(&f->loss, first, 100000 + RTT_US, RTT_US);
        sctp_in_flight_set_acked(&f->flight, first);
        acknowledge(f, told - 1, 100000 + RTT_US);
        sctp_loss_reported(&f->loss, told - 1, SCTP_LOSS_BLOCKS_FULL);
        for (uint32_t tsn = 1; tsn < told - 1; tsn++) {
            assert_int_equal(next_lost(f, 400000, true, &due_us), tsn);
            sctp_in_flight_set_lost(&f->flight, sctp_in_flight_record(&f->flight, tsn));
        }
        assert_false(sctp_loss_was_presumed(&f->loss, 1));
        bool is_presumed = next_lost(f, 400000, true, &due_us) == told;
        assert_int_equal(is_presumed, beyond > SCTP_LOSS_PATIENCE_ROUND_TRIPS);
        assert_int_equal(sctp_loss_was_presumed(&f->loss, told), is_presumed);
        assert_false(sctp_loss_was_presumed(&f->loss, told + 1));
        if (is_presumed) { /* not twice */
            struct sctp_record *record = sctp_in_flight_record(&f->flight, told);
            sctp_in_flight_set_lost(&f->flight, record);
            sctp_in_flight_set_sent(&f->flight, record, 40000);
            uint32_t count = 0;
            for (uint32_t tsn; (tsn = next_lost(f, 400000, true, &due_us)) != UINT32_MAX; count++)
                sctp_in_flight_set_lost(&f->flight, sctp_in_flight_record(&f->flight, tsn));
            assert_int_equal(count, untold - 1);
        }
        fixture_free(f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(time_decides), cmocka_unit_test(the_reordering_window), cmocka_unit_test(the_first_one_had_arrived),
                                       cmocka_unit_test(beyond_a_full_sack), cmocka_unit_test(presumed_when_untold_for_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
