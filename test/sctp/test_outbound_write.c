/* What goes into packets, and what that costs: RFC 9260 sections 6.1, 6.9 and 6.10, buffers, stream reset, memory. */
#include "outbound_hand.h"

#define RTT_US 50000

static uint32_t settle(struct hand *h) {
    assert_int_equal(hand_send(h, 1, 10), SCTP_OK);
    hand_drain(h);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, h->chunks[0].tsn, NULL), SCTP_OK);
    return h->chunks[0].tsn + 1;
}

/* A 64-byte message leaves in the drain of its send, whatever is in flight: no Nagle. */
static void a_short_message_leaves_at_once(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    settle(h);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(hand_send(h, 1, 64), SCTP_OK);
        assert_int_equal(hand_drain(h), 1);
        assert_int_equal(h->chunks[0].length, 64);
        h->now_us += 10;
    }
    hand_free(h);
}

/* Nor does the pace of a path that was slow hold it back, when it is answered faster. */
static void the_pace_does_not_hold_it(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    settle(h);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(hand_send(h, 1, 64), SCTP_OK);
        assert_int_equal(hand_drain(h), 1);
        h->now_us += 1;
        assert_int_equal(hand_sack(h, h->chunks[0].tsn, NULL), SCTP_OK);
    }
    hand_free(h);
}

/* RFC 9260 section 6.10: short messages share a packet; each fragment fits one; section 6.9: B and E. */
static void packets_are_filled(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    for (int i = 0; i < 40; i++)
        assert_int_equal(hand_send(h, 1, 64), SCTP_OK);
    assert_int_equal(hand_drain(h), 40);
    assert_int_equal(h->packet_count, 3); /* 14 of 80 bytes in each */
    assert_int_equal(hand_sack(h, 1039, NULL), SCTP_OK);
    assert_int_equal(hand_send(h, 1, 2 * HAND_FRAGMENT_BYTES + 1), SCTP_OK);
    assert_int_equal(hand_drain(h), 3);
    assert_int_equal(h->chunks[0].length, HAND_FRAGMENT_BYTES);
    assert_int_equal(h->chunks[2].length, 1);
    assert_true(h->chunks[0].is_begin && !h->chunks[0].is_end && !h->chunks[1].is_begin && !h->chunks[1].is_end && h->chunks[2].is_end);
    hand_free(h);
}

/* Behind what the association put there: a shorter fragment, if it is worth it, and whole retransmissions only. */
static void behind_a_sack(void **state) {
    (void)state;
    static const size_t taken[] = {100, 500, 700};
    static const size_t expected[] = {HAND_PACKET_BYTES - 12 - 100 - 16, HAND_PACKET_BYTES - 12 - 500 - 16, 0};
    for (size_t i = 0; i < 3; i++) {
        struct hand *h = hand_new(false);
        uint8_t bytes[HAND_PACKET_BYTES];
        struct sctp_writer writer;
        assert_int_equal(hand_send(h, 1, 5000), SCTP_OK);
        sctp_writer_begin(&writer, bytes, sizeof bytes, 5000, 5000, 1);
        writer.length += taken[i];
        size_t before = writer.length;
        assert_int_equal(sctp_outbound_write(h->out, h->now_us, &writer), expected[i] > 0);
        assert_int_equal(writer.length - before, expected[i] > 0 ? expected[i] + 16 : 0);
        assert_false(writer.failed);
        hand_free(h);
    }
    for (size_t capacity = SCTP_HEADER_BYTES; capacity < 200; capacity++) { /* no room is no failure */
        struct hand *h = hand_new(true);
        uint8_t bytes[200];
        struct sctp_writer writer;
        assert_int_equal(hand_send(h, 1, 100), SCTP_OK);
        sctp_writer_begin(&writer, bytes, capacity, 5000, 5000, 1);
        assert_int_equal(sctp_outbound_write(h->out, h->now_us, &writer), capacity >= 12 + 20 + 100);
        assert_false(writer.failed);
        hand_free(h);
    }
}

/* RFC 7053: the last chunk for now asks for its SACK, those before it do not. */
static void the_last_one_asks(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    settle(h);
    assert_int_equal(hand_send(h, 1, 5000), SCTP_OK);
    assert_int_equal(hand_drain(h), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(h->chunks[i].wants_immediate_sack, i == 4);
    hand_free(h);
}

/* RFC 9260 section 7.2.1: the initial window; section 6.1 B: it holds until a SACK comes. */
static void the_initial_window(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    assert_int_equal(hand_send(h, 1, 100000), SCTP_OK);
    size_t count = hand_drain(h);
    uint64_t flight_bytes = hand_statistics(h).flight_bytes;
    assert_int_equal(flight_bytes, count * (HAND_FRAGMENT_BYTES + 16));
    assert_in_range(flight_bytes, 10 * SCTP_CONGESTION_UNIT_BYTES, 10 * SCTP_CONGESTION_UNIT_BYTES + HAND_FRAGMENT_BYTES);
    assert_int_equal(hand_drain(h), 0);
    hand_free(h);
}

/* RFC 9260 section 7.2.1: a window that was not used for long is not trusted. */
static void silence_shrinks_the_window(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t tsn = settle(h);
    assert_int_equal(hand_send(h, 1, 600000), SCTP_OK);
    while (sctp_outbound_buffered_in_all(h->out) > 0) { /* slow start */
        tsn += (uint32_t)hand_drain(h);
        h->now_us += RTT_US;
        assert_int_equal(hand_sack(h, tsn - 1, NULL), SCTP_OK);
    }
    uint64_t window_bytes = hand_statistics(h).window_bytes;
    assert_true(window_bytes > 20 * SCTP_CONGESTION_UNIT_BYTES);
    h->now_us += 60000000;
    assert_int_equal(hand_send(h, 1, 10), SCTP_OK);
    hand_drain(h);
    assert_int_equal(hand_statistics(h).window_bytes, 10 * SCTP_CONGESTION_UNIT_BYTES);
    hand_free(h);
}

static void another_path(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t tsn = settle(h);
    assert_int_equal(hand_send(h, 1, 5000), SCTP_OK);
    hand_drain(h);
    sctp_outbound_path_changed(h->out, h->now_us);
    struct sctp_outbound_statistics s = hand_statistics(h);
    assert_int_equal(s.smoothed_rtt_us, 0);
    assert_int_equal(s.window_bytes, 10 * SCTP_CONGESTION_UNIT_BYTES);
    assert_int_equal(s.chunks_in_flight, 5);
    /* RFC 8985 section 7.3, MUST: no probe before a round trip of this path has been measured; of the old one none is known here. */
    assert_int_equal(hand_send(h, 1, 10), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
    uint64_t next_us = sctp_outbound_next_timeout(h->out);
    assert_int_equal(next_us, h->now_us + sctp_outbound_rto_us(h->out));
    h->now_us += 2 * RTT_US;
    assert_int_equal(hand_sack(h, tsn + 5, NULL), SCTP_OK);
    assert_int_equal(hand_statistics(h).smoothed_rtt_us, 2 * RTT_US);
    sctp_outbound_measured(h->out, h->now_us, 20000); /* RFC 9260 section 8.3: a HEARTBEAT measures too */
    assert_int_equal(hand_statistics(h).least_rtt_us, 20000);
    assert_int_equal(sctp_outbound_rto_us(h->out), hand_statistics(h).rto_us);
    hand_free(h);
}

/* ---- buffers and resets -------------------------------------------------------------------------------------------------------------- */

static void buffered_bytes_and_low_marks(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint16_t stream;
    assert_int_equal(sctp_outbound_set_low_mark(h->out, UINT16_MAX, 1), SCTP_ERROR_ARGUMENT);
    assert_int_equal(sctp_outbound_set_low_mark(h->out, 3, 20000), SCTP_OK);
    assert_int_equal(hand_send(h, 3, 30000), SCTP_OK);
    assert_int_equal(sctp_outbound_buffered(h->out, 3), 30000);
    assert_int_equal(sctp_outbound_buffered(h->out, 4), 0);
    assert_false(sctp_outbound_poll_low(h->out, &stream));
    size_t count = hand_drain(h);
    assert_int_equal(sctp_outbound_buffered_in_all(h->out), 30000 - count * HAND_FRAGMENT_BYTES);
    assert_true(sctp_outbound_poll_low(h->out, &stream));
    assert_int_equal(stream, 3);
    assert_false(sctp_outbound_poll_low(h->out, &stream));
    hand_free(h);
}

/* RFC 6525 section 5.1.2. */
static void a_stream_is_reset(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint16_t stream;
    assert_true(sctp_outbound_is_drained(h->out, 5));
    assert_int_equal(sctp_outbound_pause(h->out, UINT16_MAX), SCTP_ERROR_ARGUMENT);
    for (int i = 0; i < 3; i++)
        assert_int_equal(hand_send(h, 5, 10), SCTP_OK);
    assert_int_equal(hand_drain(h), 3);
    assert_int_equal(h->chunks[2].message, 2);
    assert_int_equal(sctp_outbound_pause(h->out, 5), SCTP_OK);
    assert_int_equal(hand_send(h, 5, 10), SCTP_OK); /* waits */
    assert_int_equal(hand_drain(h), 0);
    assert_false(sctp_outbound_is_drained(h->out, 5));
    assert_int_equal(hand_sack(h, 1002, NULL), SCTP_OK);
    assert_true(sctp_outbound_is_drained(h->out, 5));
    assert_int_equal(sctp_outbound_last_tsn(h->out), 1002);
    sctp_outbound_resume(h->out, 5, true);
    assert_int_equal(hand_drain(h), 1);
    assert_int_equal(h->chunks[0].message, 0);
    assert_int_equal(sctp_outbound_pause(h->out, 5), SCTP_OK);
    assert_int_equal(hand_sack(h, 1003, NULL), SCTP_OK);
    sctp_outbound_resume(h->out, 5, false); /* denied: it goes on where it was */
    assert_int_equal(hand_send(h, 5, 10), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
    assert_int_equal(h->chunks[0].message, 1);
    assert_int_equal(hand_sack(h, 1004, NULL), SCTP_OK);
    while (sctp_outbound_poll_low(h->out, &stream))
        ;
    sctp_outbound_resume(h->out, 5, true); /* forgotten: nothing is left of it */
    sctp_outbound_resume(h->out, 5, true);
    hand_free(h);
}

/* ---- memory ---------------------------------------------------------------------------------------------------------------------------- */

/* docs/contract.md, promise 9: no allocation in steady flow. */
static void steady_flow_allocates_nothing(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t tsn = 1000;
    size_t warm = 0;
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(hand_send(h, (uint16_t)(i % 7), i % 5 == 0 ? 16384 : 100), SCTP_OK);
        size_t count = hand_drain(h);
        h->now_us += 20000;
        tsn += (uint32_t)count;
        assert_int_equal(hand_sack(h, tsn - 1, NULL), SCTP_OK);
        if (i == 100)
            warm = h->allocations;
    }
    assert_int_equal(h->allocations, warm);
    hand_free(h);
}

/* An idle association under 40 kB: our part, after much has been sent. */
static void idle_memory(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    assert_int_equal(hand_send(h, 1, 500000), SCTP_OK);
    uint32_t tsn = 1000;
    while (!sctp_outbound_is_empty(h->out)) {
        tsn += (uint32_t)hand_drain(h);
        h->now_us += 20000;
        if (hand_statistics(h).flight_bytes > 0)
            assert_int_equal(hand_sack(h, tsn - 1, NULL), SCTP_OK);
    }
    assert_true(hand_statistics(h).memory_bytes > 500000);
    hand_wait(h);
    assert_int_equal(sctp_outbound_next_timeout(h->out), UINT64_MAX);
    assert_true(hand_statistics(h).memory_bytes < 17408); /* a slab, and the smallest ring */
    assert_int_equal(hand_send(h, 1, 500000), SCTP_OK); /* and it goes on */
    assert_true(hand_drain(h) > 0);
    hand_free(h);
}

/* Whatever allocation fails: an error, nothing lost of what was taken. */
static void every_allocation_may_fail(void **state) {
    (void)state;
    bool has_failed = true;
    for (size_t refuse_from = 2; has_failed; refuse_from++) {
        struct hand *h = hand_new(true);
        h->refuse_from = refuse_from;
        has_failed = false;
        uint64_t sent_bytes = 0;
        for (uint16_t i = 0; i < 40; i++) {
            int error = hand_send(h, (uint16_t)(i * 300), 3000);
            assert_true(error == SCTP_OK || error == SCTP_ERROR_MEMORY);
            has_failed |= error != SCTP_OK;
            sent_bytes += error == SCTP_OK ? 3000 : 0;
            assert_int_equal(sctp_outbound_buffered_in_all(h->out), sent_bytes);
        }
        for (int i = 0; i < 5; i++)
            hand_drain(h);
        has_failed |= sctp_outbound_set_low_mark(h->out, 60000, 1) == SCTP_ERROR_MEMORY;
        has_failed |= sctp_outbound_pause(h->out, 60001) == SCTP_ERROR_MEMORY;
        h->refuse_from = 0;
        uint32_t tsn = 999;
        for (int i = 0; i < 1000 && !sctp_outbound_is_empty(h->out); i++) {
            hand_drain(h);
            h->now_us += 10000;
            tsn = sctp_outbound_last_tsn(h->out);
            assert_int_equal(hand_sack(h, tsn, NULL), SCTP_OK);
        }
        assert_true(sctp_outbound_is_empty(h->out));
        assert_int_equal(hand_statistics(h).bytes_acknowledged, sent_bytes);
        hand_free(h);
    }
}

static void the_budget_holds(void **state) {
    (void)state;
    struct hand *h = hand_new_with(&(struct sctp_outbound_config){.budget_bytes = SCTP_OUTBOUND_BUDGET_MIN_BYTES, .initial_tsn = 1000, .fragment_bytes = HAND_FRAGMENT_BYTES, .peer_window = 1 << 20});
    int error;
    unsigned count = 0;
    while ((error = hand_send(h, 1, 1)) == SCTP_OK)
        count++;
    assert_int_equal(error, SCTP_ERROR_CAPACITY);
    assert_int_equal(count, SCTP_OUTBOUND_BUDGET_MIN_BYTES / 512);
    assert_int_equal(hand_drain(h), count);
    assert_int_equal(hand_send(h, 1, 1), SCTP_ERROR_CAPACITY); /* in flight counts */
    assert_int_equal(hand_sack(h, 1000, NULL), SCTP_OK);
    assert_int_equal(hand_send(h, 1, 1), SCTP_OK);
    assert_int_equal(hand_send(h, 1, SCTP_OUTBOUND_BUDGET_MIN_BYTES), SCTP_ERROR_ARGUMENT);
    hand_free(h);
    struct sctp_outbound_config config = {.budget_bytes = SCTP_OUTBOUND_BUDGET_MIN_BYTES - 1, .fragment_bytes = SCTP_FRAGMENT_MIN_BYTES};
    assert_null(sctp_outbound_new(&config, 0));
    config = (struct sctp_outbound_config){.budget_bytes = SCTP_OUTBOUND_BUDGET_MIN_BYTES, .fragment_bytes = SCTP_FRAGMENT_MIN_BYTES - 1};
    assert_null(sctp_outbound_new(&config, 0));
    config.fragment_bytes = SCTP_CHUNK_MAX_BYTES;
    assert_null(sctp_outbound_new(&config, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_message_leaves_at_once), cmocka_unit_test(the_pace_does_not_hold_it), cmocka_unit_test(packets_are_filled), cmocka_unit_test(behind_a_sack),
        cmocka_unit_test(the_last_one_asks), cmocka_unit_test(the_initial_window), cmocka_unit_test(silence_shrinks_the_window),
        cmocka_unit_test(another_path), cmocka_unit_test(buffered_bytes_and_low_marks), cmocka_unit_test(a_stream_is_reset),
        cmocka_unit_test(steady_flow_allocates_nothing), cmocka_unit_test(idle_memory), cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(the_budget_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
