/* What SACKs do: RFC 9260 sections 6.2.1, 6.3 and 7.2.4, RFC 8985. */
#include "outbound_hand.h"

#define RTT_US 50000
#define NO_GAPS NULL

/* A first message and its SACK: a round trip time is known. Returns the TSN that comes next. */
static uint32_t settle(struct hand *h) {
    assert_int_equal(hand_send(h, 1, 10), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
    uint32_t tsn = h->chunks[0].tsn;
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, tsn, NO_GAPS), SCTP_OK);
    assert_int_equal(hand_statistics(h).smoothed_rtt_us, RTT_US);
    return tsn + 1;
}

/* So many packets of one chunk. */
static void send_chunks(struct hand *h, size_t count) {
    for (size_t i = 0; i < count; i++)
        assert_int_equal(hand_send(h, 1, HAND_FRAGMENT_BYTES), SCTP_OK);
    assert_int_equal(hand_drain(h), count);
}

/* Section 6.2.1: what was never sent cannot be acknowledged; such a SACK changes nothing. */
static void violations_change_nothing(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    send_chunks(h, 4); /* 1000..1003 */
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, 1004, NO_GAPS), SCTP_ERROR_MALFORMED);
    assert_int_equal(hand_sack(h, 1000, (const uint16_t[]){2, 4, 0}), SCTP_ERROR_MALFORMED);
    assert_int_equal(hand_sack(h, 999 + 0x7FFFFFFFu, NO_GAPS), SCTP_ERROR_MALFORMED);
    assert_int_equal(hand_statistics(h).chunks_in_flight, 4);
    assert_false(h->has_progressed);
    assert_int_equal(hand_sack(h, 1000, (const uint16_t[]){2, 3, 0}), SCTP_OK);
    assert_true(h->has_progressed);
    assert_int_equal(hand_statistics(h).chunks_in_flight, 1);
    assert_int_equal(hand_sack(h, 999, NO_GAPS), SCTP_OK); /* D i: an old one */
    assert_int_equal(hand_statistics(h).sacks_old, 1);
    assert_false(h->has_progressed);
    hand_free(h);
}

/* RFC 9260 section 3.3.4: blocks that overlap or fall are looked at once; what is behind the cumulative TSN has not come, whatever they say. */
static void odd_gaps(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    send_chunks(h, 8);
    assert_int_equal(hand_sack(h, 999, (const uint16_t[]){5, 6, 2, 3, 5, 7, 6, 8, 0}), SCTP_OK);
    assert_int_equal(hand_statistics(h).bytes_acknowledged, 4 * HAND_FRAGMENT_BYTES); /* 1004 to 1007 */
    assert_int_equal(hand_sack(h, 999, (const uint16_t[]){1, 2, 0}), SCTP_OK);
    assert_int_equal(hand_statistics(h).bytes_acknowledged, 5 * HAND_FRAGMENT_BYTES); /* 1001 */
    assert_int_equal(hand_statistics(h).reneged, 0);
    hand_free(h);
}

/* RFC 8985 section 6.2: three later ones have arrived, nothing was ever reordered: it is lost, at once. Section 7.2.4: one reduction. */
static void a_hole_is_filled_at_once(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 8);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first - 1, (const uint16_t[]){2, 3, 0}), SCTP_OK);
    assert_int_equal(hand_drain(h), 0); /* two: it may yet come */
    uint64_t window_bytes = hand_statistics(h).window_bytes;
    assert_int_equal(hand_sack(h, first - 1, (const uint16_t[]){2, 4, 0}), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
    assert_int_equal(h->chunks[0].tsn, first);
    struct sctp_outbound_statistics s = hand_statistics(h);
    assert_int_equal(s.recoveries, 1);
    assert_int_equal(s.window_bytes, window_bytes * 7 / 10);
    assert_int_equal(hand_sack(h, first - 1, (const uint16_t[]){2, 5, 7, 7, 0}), SCTP_OK); /* another hole, the same recovery */
    assert_int_equal(hand_statistics(h).recoveries, 1);
    hand_drain(h);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first + 7, NO_GAPS), SCTP_OK);
    assert_true(sctp_outbound_is_empty(h->out));
    assert_int_equal(hand_statistics(h).chunks_retransmitted, 2);
    hand_free(h);
}

/* RFC 8985 section 6.2 step 4: where reordering has been seen, a quarter of the least round trip is waited; the timer does the rest. */
static void reordering_is_waited_for(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 6);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first - 1, (const uint16_t[]){2, 2, 0}), SCTP_OK);
    assert_int_equal(hand_sack(h, first + 1, NO_GAPS), SCTP_OK); /* the first came behind the second */
    assert_int_equal(hand_sack(h, first + 1, (const uint16_t[]){2, 4, 0}), SCTP_OK);
    assert_int_equal(hand_drain(h), 0);
    uint64_t before_us = h->now_us;
    hand_wait(h);
    assert_int_equal(h->now_us - before_us, RTT_US / 4);
    assert_int_equal(hand_drain(h), 1);
    assert_int_equal(h->chunks[0].tsn, first + 2);
    hand_free(h);
}

/* RFC 9260 section 7.2.4 item 3: what the timer finds lost goes out at once, though the window is full. */
static void the_first_retransmission_does_not_wait(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 6);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first - 1, (const uint16_t[]){2, 2, 0}), SCTP_OK);
    hand_wait(h);
    assert_int_equal(hand_drain(h), 1);
    assert_int_equal(h->chunks[0].tsn, first);
    assert_int_equal(hand_statistics(h).recoveries, 1);
    hand_free(h);
}

/* RFC 9937 section 6.2, SafeACK: a SACK that does not move the cumulative TSN lets out as much as has arrived, and no segment more. */
static void recovery_catches_up_on_safe_acknowledgements(void **state) {
    (void)state;
    for (int is_safe = 0; is_safe < 2; is_safe++) {
        struct hand *h = hand_new(false);
        uint32_t first = settle(h);
        send_chunks(h, 12);
        h->now_us += RTT_US;
        assert_int_equal(hand_sack(h, first - 1, (const uint16_t[]){5, 7, 0}), SCTP_OK); /* four are lost */
        assert_int_equal(hand_drain(h), 3);
        for (int i = 0; i < 4; i++)
            assert_int_equal(hand_send(h, 1, HAND_FRAGMENT_BYTES), SCTP_OK);
        h->now_us += RTT_US / 2;
        assert_int_equal(is_safe ? hand_sack(h, first, (const uint16_t[]){4, 6, 0}) : hand_sack(h, first - 1, (const uint16_t[]){5, 8, 0}), SCTP_OK);
        assert_int_equal(hand_drain(h), is_safe ? 2 : 1);
        hand_free(h);
    }
}

/* RFC 8985 section 6.2: what was sent again and got lost again is found by the next round trip, without a timeout. */
static void a_lost_retransmission_is_sent_again(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 8);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first - 1, (const uint16_t[]){2, 4, 0}), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
    h->now_us += 1000;
    send_chunks(h, 1); /* sent behind the retransmission */
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first - 1, (const uint16_t[]){2, 9, 0}), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
    assert_int_equal(h->chunks[0].tsn, first);
    assert_int_equal(hand_statistics(h).timeouts, 0);
    hand_free(h);
}

/* RFC 8985 section 7: the last chunk of a burst got lost: a probe brings it, and it counts as a loss (section 7.4.2). */
static void the_tail_is_probed(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 3);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first + 1, NO_GAPS), SCTP_OK);
    uint64_t before_us = h->now_us;
    assert_false(hand_wait(h));
    assert_int_equal(h->now_us - before_us, 2 * RTT_US);
    assert_int_equal(hand_drain(h), 1);
    assert_int_equal(h->chunks[0].tsn, first + 2);
    assert_true(h->chunks[0].wants_immediate_sack);
    h->now_us += 2 * RTT_US;
    assert_int_equal(hand_sack(h, first + 2, NO_GAPS), SCTP_OK);
    struct sctp_outbound_statistics s = hand_statistics(h);
    assert_int_equal(s.probes, 1);
    assert_int_equal(s.recoveries, 1);
    assert_int_equal(s.timeouts, 0);
    assert_int_equal(s.smoothed_rtt_us, RTT_US); /* section 6.3.1 C5: nothing is measured by what was sent twice */
    hand_free(h);
}

/* RFC 8985 section 7.3, MUST: after a probe no other, until a round trip has been measured again; the timeout stands in. */
static void a_probe_needs_a_measurement(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    for (uint32_t i = 0; i < 2; i++) { /* a lone message, and its answer is lost */
        send_chunks(h, 1);
        while (hand_statistics(h).chunks_retransmitted == i) {
            (void)hand_wait(h);
            hand_drain(h);
        }
        assert_int_equal(hand_statistics(h).probes, 1); /* the second one is a timeout's */
        assert_int_equal(hand_statistics(h).timeouts, i);
        h->now_us += RTT_US;
        uint32_t duplicate = first + i;
        assert_int_equal(hand_sack_with(h, first + i, 1 << 20, NO_GAPS, &duplicate, 1), SCTP_OK); /* Karn: nothing is measured by it */
    }
    assert_int_equal(settle(h), first + 3);
    send_chunks(h, 1);
    assert_false(hand_wait(h));
    assert_int_equal(hand_drain(h), 1);
    assert_int_equal(hand_statistics(h).probes, 2);
    hand_free(h);
}

/* RFC 8985 section 7.4.2: the probe arrived as a duplicate: only the SACK was lost. */
static void a_needless_probe_costs_nothing(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 3);
    hand_wait(h);
    assert_int_equal(hand_drain(h), 1);
    uint64_t window_bytes = hand_statistics(h).window_bytes;
    h->now_us += RTT_US;
    uint32_t duplicate = first + 2;
    assert_int_equal(hand_sack_with(h, first + 2, 1 << 20, NO_GAPS, &duplicate, 1), SCTP_OK);
    assert_int_equal(hand_statistics(h).recoveries, 0);
    assert_true(hand_statistics(h).window_bytes >= window_bytes);
    hand_free(h);
}

/* RFC 9260 section 6.3.3: T3-rtx backs off; section 7.2.1, MUST: one packet leaves, and no other before an answer; section 6.3.2 R3: what is acknowledged restarts it. */
static void timeouts(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    send_chunks(h, 8);
    uint64_t sent_us = h->now_us;
    assert_true(hand_wait(h));
    assert_int_equal(h->now_us - sent_us, 1000000); /* section 6.3.1 C1 */
    assert_int_equal(hand_drain(h), 1);
    assert_int_equal(h->chunks[0].tsn, 1000);       /* E3: the earliest */
    struct sctp_outbound_statistics s = hand_statistics(h);
    assert_int_equal(s.window_bytes, SCTP_DATA_HEADER_BYTES + HAND_FRAGMENT_BYTES);
    assert_int_equal(s.rto_us, 2000000);
    assert_int_equal(s.chunks_lost, 7);
    assert_true(hand_wait(h));
    assert_int_equal(h->now_us - sent_us, 3000000);
    assert_int_equal(hand_statistics(h).rto_us, 4000000);
    hand_drain(h);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, 1000, NO_GAPS), SCTP_OK);
    assert_true(hand_drain(h) > 0);
    assert_int_equal(h->chunks[0].tsn, 1001);
    hand_free(h);
}

/* RFC 9260 section 6.3.3 E3: a timeout sends the earliest again, past what has only just been sent, which RFC 8985 section 6.3 spares. */
static void a_timeout_sends_something(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 1);
    assert_false(hand_wait(h)); /* the probe */
    assert_int_equal(hand_drain(h), 1);
    h->now_us = sctp_outbound_next_timeout(h->out) - RTT_US / 2;
    send_chunks(h, 1);
    assert_true(hand_wait(h));
    assert_int_equal(hand_drain(h), 1);
    assert_int_equal(h->chunks[0].tsn, first);
    assert_int_equal(hand_statistics(h).chunks_in_flight, 2);
    hand_free(h);
}

/* RFC 9260 section 7.2.1, MUST: one packet, whatever the length of its chunks, until an answer has come. */
static void a_timeout_sends_one_packet(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    for (int i = 0; i < 8; i++)
        assert_int_equal(hand_send(h, 1, 400), SCTP_OK);
    assert_int_equal(hand_drain(h), 8);
    for (int i = 0; i < 2; i++) {
        while (!hand_wait(h))
            hand_drain(h);
        assert_int_equal(hand_drain(h), 2);
        assert_int_equal(h->packet_count, 1);
        assert_int_equal(h->chunks[0].tsn, first);
        assert_int_equal(hand_sack(h, first - 1, NO_GAPS), SCTP_OK); /* says nothing new */
        assert_int_equal(hand_drain(h), 0);
    }
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first + 1, NO_GAPS), SCTP_OK);
    assert_true(hand_drain(h) > 2);
    hand_free(h);
}

/* Section 6.3.2 R3: what advances the cumulative TSN restarts T3-rtx; R2: nothing is out, it stops. */
static void progress_restarts_the_timer(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    send_chunks(h, 3);
    h->now_us += 400000;
    assert_int_equal(hand_sack(h, 1000, NO_GAPS), SCTP_OK);
    uint64_t restarted_us = h->now_us;
    while (!hand_wait(h))
        hand_drain(h);
    assert_true(h->now_us - restarted_us >= sctp_outbound_rto_us(h->out) / 2);
    hand_drain(h);
    assert_int_equal(hand_sack(h, 1002, NO_GAPS), SCTP_OK);
    while (sctp_outbound_next_timeout(h->out) != UINT64_MAX)
        assert_false(hand_wait(h));
    hand_free(h);
}

/* RFC 9438 section 4.9: all that was sent again is reported as duplicates: it had arrived; the window comes back. */
static void a_spurious_timeout_is_undone(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 8);
    uint64_t window_bytes = hand_statistics(h).window_bytes;
    hand_wait(h); /* the probe */
    hand_drain(h);
    while (!hand_wait(h))
        ;
    size_t again = hand_drain(h);
    assert_true(again > 0);
    assert_true(hand_statistics(h).window_bytes < window_bytes);
    assert_int_equal(hand_sack(h, first + 7, NO_GAPS), SCTP_OK);
    uint32_t duplicates[] = {first, first + 1, first + 7, first};
    assert_int_equal(hand_sack_with(h, first + 7, 1 << 20, NO_GAPS, duplicates, 4), SCTP_OK);
    assert_int_equal(hand_statistics(h).spurious_recoveries, 1);
    assert_true(hand_statistics(h).window_bytes >= window_bytes);
    hand_free(h);
}

/* RFC 9260 section 6.2.1: a receiver may drop what its gap blocks named; it is sent again, beginning with one packet, and nothing is lost. */
static void reneging(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 6);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first - 1, (const uint16_t[]){2, 6, 0}), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first, NO_GAPS), SCTP_OK); /* it has the first now, and lacks the second, which it had */
    assert_int_equal(hand_statistics(h).reneged, 5);
    for (uint32_t next = first + 1; next < first + 6; ) {
        size_t count = hand_drain(h);
        assert_int_equal(h->chunks[0].tsn, next);
        assert_true(next > first + 1 ? count > 0 : count == 1);
        next += (uint32_t)count;
        h->now_us += RTT_US;
        assert_int_equal(hand_sack(h, next - 1, NO_GAPS), SCTP_OK);
    }
    assert_true(sctp_outbound_is_empty(h->out));
    assert_int_equal(hand_statistics(h).timeouts, 0);
    hand_free(h);
}

/* RFC 9260 section 6.1 A: one chunk to a closed window, after an RTO (SHOULD), when nothing is out; while it is answered nobody is called dead. */
static void a_closed_window_is_probed(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 1);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack_with(h, first, 0, NO_GAPS, NULL, 0), SCTP_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(hand_send(h, 1, HAND_FRAGMENT_BYTES), SCTP_OK);
    assert_int_equal(hand_drain(h), 0);
    uint64_t closed_us = h->now_us, rto_us = sctp_outbound_rto_us(h->out);
    assert_false(hand_wait(h));
    assert_int_equal(h->now_us - closed_us, rto_us);
    assert_int_equal(hand_drain(h), 1);
    uint64_t window_bytes = hand_statistics(h).window_bytes;
    for (uint64_t i = 0; i < 5; i++) { /* each time twice as long, and nothing is learnt of the network */
        uint64_t sent_us = h->now_us;
        h->now_us += RTT_US;
        assert_int_equal(hand_sack_with(h, first, 0, NO_GAPS, NULL, 0), SCTP_OK);
        while (hand_statistics(h).timeouts == i) {
            assert_false(hand_wait(h));
            hand_drain(h);
        }
        assert_true(h->now_us - sent_us >= rto_us << i && h->now_us - sent_us <= (rto_us << i) + 4 * RTT_US);
    }
    assert_int_equal(hand_statistics(h).window_bytes, window_bytes);
    assert_int_equal(hand_statistics(h).recoveries, 0);
    assert_int_equal(hand_sack(h, first, NO_GAPS), SCTP_OK); /* open again: the probe that was dropped goes again at once, and what waits */
    assert_true(hand_drain(h) >= 3);
    assert_int_equal(h->chunks[0].tsn, first + 1);
    assert_int_equal(hand_statistics(h).window_bytes, window_bytes);
    assert_true(hand_wait(h) || hand_wait(h) || hand_wait(h)); /* and then silence counts */
    hand_free(h);
}

/* A window that opens before the probe is due: nothing was sent in vain, and nothing wakes us any more. */
static void a_window_opens_before_its_probe(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 1);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack_with(h, first, HAND_FRAGMENT_BYTES - 1, NO_GAPS, NULL, 0), SCTP_OK); /* too small for the next chunk is closed */
    assert_int_equal(hand_send(h, 1, HAND_FRAGMENT_BYTES), SCTP_OK);
    assert_int_equal(hand_drain(h), 0);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first, NO_GAPS), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, first + 1, NO_GAPS), SCTP_OK);
    assert_int_equal(hand_drain(h), 0);
    assert_int_equal(hand_statistics(h).chunks_retransmitted, 0);
    while (sctp_outbound_next_timeout(h->out) != UINT64_MAX)
        assert_false(hand_wait(h));
    hand_free(h);
}

/* RFC 9260 section 6.1, MUST: when the earliest one is sent again T3-rtx begins anew, and does not fire while the answer is on its way. */
static void the_earliest_retransmission_restarts_the_timer(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    uint32_t first = settle(h);
    send_chunks(h, 8);
    h->now_us += 5 * RTT_US; /* late, but not so late as the timeout */
    assert_int_equal(hand_sack(h, first - 1, (const uint16_t[]){2, 4, 0}), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
    assert_int_equal(h->chunks[0].tsn, first);
    uint64_t again_us = h->now_us;
    while (!hand_wait(h))
        hand_drain(h);
    assert_true(h->now_us - again_us >= sctp_outbound_rto_us(h->out) / 2);
    hand_free(h);
}

/* The peer's window holds: section 6.1 A. */
static void the_window_of_the_peer_holds(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    assert_int_equal(hand_sack_with(h, 999, 3 * HAND_FRAGMENT_BYTES, NO_GAPS, NULL, 0), SCTP_OK);
    for (int i = 0; i < 8; i++)
        assert_int_equal(hand_send(h, 1, HAND_FRAGMENT_BYTES), SCTP_OK);
    assert_int_equal(hand_drain(h), 3);
    assert_int_equal(hand_sack_with(h, 1000, 3 * HAND_FRAGMENT_BYTES - 1, NO_GAPS, NULL, 0), SCTP_OK);
    assert_int_equal(hand_drain(h), 0);
    assert_int_equal(hand_sack_with(h, 1001, 3 * HAND_FRAGMENT_BYTES - 1, NO_GAPS, NULL, 0), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
    hand_free(h);
}

/* The cumulative TSN of a SHUTDOWN: section 9.2. */
static void shutdown_acknowledges(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    send_chunks(h, 3);
    assert_int_equal(sctp_outbound_handle_cumulative(h->out, h->now_us + 1000, 1003, &h->has_progressed), SCTP_ERROR_MALFORMED);
    assert_int_equal(sctp_outbound_handle_cumulative(h->out, h->now_us + 1000, 1002, &h->has_progressed), SCTP_OK);
    assert_true(h->has_progressed && sctp_outbound_is_empty(h->out));
    hand_free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(violations_change_nothing), cmocka_unit_test(odd_gaps), cmocka_unit_test(a_hole_is_filled_at_once),
        cmocka_unit_test(reordering_is_waited_for), cmocka_unit_test(a_lost_retransmission_is_sent_again), cmocka_unit_test(the_tail_is_probed),
        cmocka_unit_test(a_needless_probe_costs_nothing), cmocka_unit_test(a_probe_needs_a_measurement), cmocka_unit_test(recovery_catches_up_on_safe_acknowledgements), cmocka_unit_test(timeouts),
        cmocka_unit_test(a_timeout_sends_something), cmocka_unit_test(a_timeout_sends_one_packet),
        cmocka_unit_test(progress_restarts_the_timer), cmocka_unit_test(the_first_retransmission_does_not_wait),
        cmocka_unit_test(a_spurious_timeout_is_undone),
        cmocka_unit_test(reneging), cmocka_unit_test(a_closed_window_is_probed), cmocka_unit_test(a_window_opens_before_its_probe),
        cmocka_unit_test(the_earliest_retransmission_restarts_the_timer), cmocka_unit_test(the_window_of_the_peer_holds),
        cmocka_unit_test(shutdown_acknowledges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
