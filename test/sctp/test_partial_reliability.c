/* Giving messages up: RFC 3758, RFC 7496, RFC 8260 section 2.3. */
#include "outbound_hand.h"

#define RTT_US 50000

static int send_limited(struct hand *h, uint16_t stream, size_t length, bool is_unordered, uint32_t max_retransmits, uint64_t lifetime_us) {
    static uint8_t bytes[100000];
    struct sctp_message message = {.stream = stream, .is_unordered = is_unordered, .bytes = bytes, .length = length, .max_retransmits = max_retransmits, .lifetime_us = lifetime_us};
    message.reliability = lifetime_us > 0 ? SCTP_MAX_LIFETIME : SCTP_MAX_RETRANSMITS;
    return sctp_outbound_send(h->out, h->now_us, &message);
}

/* Sent, and out: TSNs follow the calls, whatever the scheduler thinks of the streams. */
static void out_limited(struct hand *h, uint16_t stream, bool is_unordered) {
    assert_int_equal(send_limited(h, stream, 1000, is_unordered, 0, 0), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
}

static void out_reliable(struct hand *h) {
    assert_int_equal(hand_send(h, 1, 1000), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
}

static void settle(struct hand *h) {
    assert_int_equal(hand_send(h, 1, 10), SCTP_OK);
    hand_drain(h);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, 1000, NULL), SCTP_OK);
}

/* RFC 7496 section 3.1: no retransmission at all; RFC 3758 section 3.2: ordered streams are named, unordered messages are not. */
static void never_sent_again(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    settle(h);
    out_limited(h, 2, false); /* 1001 */
    out_limited(h, 3, true);  /* 1002 */
    out_limited(h, 2, false); /* 1003 */
    for (int i = 0; i < 3; i++)
        out_reliable(h); /* 1004..1006 */
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, 1000, (const uint16_t[]){4, 6, 0}), SCTP_OK);
    assert_int_equal(hand_drain(h), 0);
    assert_int_equal(h->forward_count, 1);
    assert_int_equal(h->forward.new_cumulative_tsn, 1003);
    assert_int_equal(h->forward.stream_count, 1);
    struct sctp_skipped skipped = sctp_forward_tsn_stream(&h->forward, 0);
    assert_int_equal(skipped.stream, 2);
    assert_int_equal(skipped.message, 1); /* the later of the two */
    assert_int_equal(hand_statistics(h).messages_abandoned, 3);
    /* RFC 3758 section 3.5 C3: while it is not acknowledged it goes out again, but not with each SACK. */
    assert_int_equal(hand_sack(h, 1000, (const uint16_t[]){4, 6, 0}), SCTP_OK);
    hand_drain(h);
    assert_int_equal(h->forward_count, 0);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, 1000, (const uint16_t[]){4, 6, 0}), SCTP_OK);
    hand_drain(h);
    assert_int_equal(h->forward_count, 1);
    assert_int_equal(hand_sack(h, 1006, NULL), SCTP_OK);
    assert_true(sctp_outbound_is_empty(h->out));
    hand_free(h);
}

/* RFC 9260 section 6.10, MUST: no control chunk behind DATA. What is given up while a packet is written is told in the next one. */
static void told_before_data(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    settle(h);
    assert_int_equal(send_limited(h, 2, 50000, false, 0, 60000), SCTP_OK);
    size_t sent = hand_drain(h);
    uint32_t last = h->chunks[sent - 1].tsn;
    h->now_us += 70000;
    assert_int_equal(hand_send(h, 1, 100), SCTP_OK);
    assert_int_equal(hand_sack(h, last, NULL), SCTP_OK);
    assert_int_equal(hand_drain(h), 1); /* the helper looks at the order */
    assert_int_equal(h->forward_count, 1);
    assert_int_equal(h->packet_count, 2);
    hand_free(h);
}

/* RFC 3758 section 3.5 A5: nothing else is in flight, the FORWARD TSN was lost: T3-rtx repeats it. */
static void a_lost_forward_is_repeated(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    settle(h);
    assert_int_equal(send_limited(h, 2, 10, false, 0, 0), SCTP_OK);
    assert_int_equal(hand_drain(h), 1);
    unsigned forwards = 0;
    for (int i = 0; i < 6; i++) {
        hand_wait(h);
        assert_int_equal(hand_drain(h), 0); /* the message itself never */
        forwards += (unsigned)h->forward_count;
    }
    assert_true(forwards >= 4);
    assert_int_equal(h->forward.new_cumulative_tsn, 1001);
    assert_int_equal(hand_sack(h, 1001, NULL), SCTP_OK);
    assert_true(sctp_outbound_is_empty(h->out));
    hand_free(h);
}

/* RFC 7496 section 3.1: max_retransmits of one fragment is the message's; all of it goes. */
static void so_many_times(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    settle(h);
    assert_int_equal(send_limited(h, 2, 10, false, 2, 0), SCTP_OK);
    unsigned sent = (unsigned)hand_drain(h);
    while (h->forward_count == 0) {
        hand_wait(h);
        sent += (unsigned)hand_drain(h);
    }
    assert_int_equal(sent, 3);
    hand_free(h);
}

/* RFC 3758 section 4.1: judged before each transmission. A message that is partly out: its rest is never sent, and its TSNs are forwarded over, one more included. */
static void a_message_expires_half_sent(void **state) {
    (void)state;
    for (int is_interleaved = 0; is_interleaved < 2; is_interleaved++) {
        struct hand *h = hand_new(is_interleaved);
        settle(h);
        assert_int_equal(send_limited(h, 2, 50000, is_interleaved, 0, 60000), SCTP_OK);
        size_t sent = hand_drain(h);
        assert_in_range(sent, 10, 20); /* the initial window */
        uint32_t last = h->chunks[sent - 1].tsn;
        assert_false(h->chunks[sent - 1].is_end);
        h->now_us += 70000;
        assert_int_equal(hand_sack(h, last, NULL), SCTP_OK); /* all that was sent has arrived */
        assert_int_equal(hand_drain(h), 0);
        assert_int_equal(h->forward_count, 1);
        assert_int_equal(h->forward.new_cumulative_tsn, last + 1); /* for the rest, or there were nothing to forward over */
        assert_int_equal(h->forward.stream_count, 1);
        struct sctp_skipped skipped = sctp_forward_tsn_stream(&h->forward, 0);
        assert_int_equal(skipped.stream, 2);
        assert_int_equal(skipped.is_unordered, is_interleaved); /* RFC 8260 section 2.3.1 names unordered ones too */
        assert_int_equal(sctp_outbound_buffered(h->out, 2), 0);
        assert_int_equal(hand_sack(h, last + 1, NULL), SCTP_OK);
        assert_true(sctp_outbound_is_empty(h->out));
        hand_free(h);
    }
}

/* RFC 3758 section 3.5 C2: not over what a gap block named, which may yet be dropped. */
static void what_arrived_is_not_forwarded_over(void **state) {
    (void)state;
    struct hand *h = hand_new(false);
    settle(h);
    out_limited(h, 2, false); /* 1001 */
    out_reliable(h);          /* 1002 */
    out_limited(h, 2, false); /* 1003 */
    for (int i = 0; i < 3; i++)
        out_reliable(h);
    h->now_us += RTT_US;
    assert_int_equal(hand_sack(h, 1000, (const uint16_t[]){2, 2, 4, 6, 0}), SCTP_OK);
    hand_drain(h);
    assert_int_equal(h->forward.new_cumulative_tsn, 1001);
    assert_int_equal(hand_sack(h, 1002, (const uint16_t[]){2, 4, 0}), SCTP_OK);
    hand_drain(h);
    assert_int_equal(h->forward.new_cumulative_tsn, 1003);
    hand_free(h);
}

/* RFC 3758 section 3.3.1: a peer that does not know FORWARD TSN gets everything. */
static void a_peer_without_it(void **state) {
    (void)state;
    struct hand *h = hand_new_with(&(struct sctp_outbound_config){.budget_bytes = 1 << 20, .initial_tsn = 1000, .fragment_bytes = HAND_FRAGMENT_BYTES, .peer_window = 1 << 20});
    settle(h);
    assert_int_equal(send_limited(h, 2, 10, false, 0, 0), SCTP_OK);
    assert_int_equal(send_limited(h, 2, 10, false, 0, 1), SCTP_OK);
    assert_int_equal(hand_drain(h), 2);
    h->now_us += 10;
    while (!hand_wait(h))
        hand_drain(h);
    assert_int_equal(hand_drain(h), 2);
    assert_int_equal(h->forward_count, 0);
    hand_free(h);
}

/* More streams than one FORWARD TSN names: as far as it reaches, then the rest. */
static void many_streams(void **state) {
    (void)state;
    enum { STREAMS = SCTP_FORWARD_STREAMS_MAX + 1 };
    struct hand *h = hand_new(true);
    settle(h);
    for (uint16_t i = 0; i < STREAMS; i++)
        assert_int_equal(send_limited(h, i, 4, false, 0, 0), SCTP_OK);
    assert_int_equal(hand_drain(h), STREAMS);
    h->now_us += RTT_US;
    uint32_t cumulative_tsn = 1000;
    for (int i = 0; i < 20 && cumulative_tsn < 1000 + STREAMS; i++) {
        hand_wait(h);
        hand_drain(h);
        if (h->forward_count == 0)
            continue;
        assert_true(h->forward.stream_count <= (HAND_PACKET_BYTES - 20) / 8);
        assert_int_equal(h->forward.new_cumulative_tsn - cumulative_tsn, h->forward.stream_count);
        cumulative_tsn = h->forward.new_cumulative_tsn;
        assert_int_equal(hand_sack(h, cumulative_tsn, NULL), SCTP_OK);
    }
    assert_int_equal(cumulative_tsn, 1000 + STREAMS);
    hand_free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_sent_again), cmocka_unit_test(told_before_data), cmocka_unit_test(a_lost_forward_is_repeated), cmocka_unit_test(so_many_times),
        cmocka_unit_test(a_message_expires_half_sent), cmocka_unit_test(what_arrived_is_not_forwarded_over), cmocka_unit_test(a_peer_without_it),
        cmocka_unit_test(many_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
