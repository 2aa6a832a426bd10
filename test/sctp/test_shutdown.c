/* The end: RFC 9260 sections 9.1 and 9.2; nobody answers, sections 8.1 to 8.3. */
#include "association_pair.h"

static enum sctp_closed_reason reason_of(struct pair *pair, unsigned end) {
    const struct pair_event *closed = two_find(pair, end, SCTP_EVENT_CLOSED, 0);
    assert_int_equal(two_count(pair, end, SCTP_EVENT_CLOSED), closed != NULL);
    return closed ? closed->event.reason : SCTP_CLOSED_NONE;
}

static void assert_shut(struct pair *pair) {
    assert_int_equal(reason_of(pair, 0), SCTP_CLOSED_SHUTDOWN);
    assert_int_equal(reason_of(pair, 1), SCTP_CLOSED_SHUTDOWN);
    for (unsigned end = 0; end < 2; end++) {
        assert_int_equal(sctp_association_next_timeout(pair->end[end].association), UINT64_MAX);
        assert_int_equal(two_send(pair, end, 0, "late"), SCTP_ERROR_STATE);
        assert_int_equal(sctp_association_shutdown(pair->end[end].association, pair->now_us), SCTP_ERROR_STATE);
        assert_int_equal(sctp_association_abort(pair->end[end].association, pair->now_us, NULL, 0), SCTP_ERROR_STATE);
        const struct pair_end *it = &pair->end[end];
        assert_int_equal(it->events[it->event_count - 1].type, SCTP_EVENT_CLOSED); /* nothing comes after it */
    }
}

/* Everything that was sent arrives, in both directions, before the end. */
static void shuts_down_in_order(void **state) {
    (void)state;
    struct pair *pair = two_connected(30);
    two_send_bytes(pair, 0, 1, 150000);
    two_send_bytes(pair, 1, 1, 150000);
    assert_int_equal(sctp_association_shutdown(pair->end[0].association, pair->now_us), SCTP_OK);
    assert_int_equal(sctp_association_shutdown(pair->end[0].association, pair->now_us), SCTP_OK);
    assert_int_equal(two_send(pair, 0, 0, "late"), SCTP_ERROR_STATE);
    two_run(pair, 10000000);
    assert_int_equal(pair->end[0].message_bytes, 150000);
    assert_int_equal(pair->end[1].message_bytes, 150000);
    assert_shut(pair);
    two_free(pair);
}

static void both_shut_down(void **state) {
    (void)state;
    for (uint64_t later_us = 0; later_us < 40000; later_us += 2500) {
        struct pair *pair = two_connected(31);
        sctp_association_shutdown(pair->end[0].association, pair->now_us);
        two_run(pair, later_us);
        sctp_association_shutdown(pair->end[1].association, pair->now_us);
        two_run(pair, 5000000);
        assert_shut(pair);
        two_free(pair);
    }
}

static size_t first_lost[2];
static bool lose_one_each(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length) {
    (void)pair, (void)bytes, (void)length;
    return n != first_lost[from];
}

/* Whichever packet of the end is lost, T2 brings it to one. */
static void loses_packets(void **state) {
    (void)state;
    for (size_t left = 0; left < 4; left++) {
        for (size_t right = 0; right < 4; right++) {
            struct pair *pair = two_connected(32);
            two_send(pair, 1, 0, "last");
            first_lost[0] = pair->end[0].packets_sent + left;
            first_lost[1] = pair->end[1].packets_sent + right;
            pair->filter = lose_one_each;
            sctp_association_shutdown(pair->end[0].association, pair->now_us);
            two_run(pair, 30000000);
            assert_int_equal(pair->end[0].messages, 1);
            assert_shut(pair);
            two_free(pair);
        }
    }
}

static bool lose_all(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length) {
    (void)pair, (void)from, (void)n, (void)bytes, (void)length;
    return false;
}

/* The next message of the right end, by hand: it hears nothing, and its timeouts would set the pace. */
struct talk {
    uint8_t bytes[PAIR_PACKET_BYTES];
    uint32_t tag;
    struct sctp_data data;
};

static void talk_begin(struct talk *talk, struct pair *pair) {
    struct sctp_chunk chunk;
    two_send(pair, 1, 1, "x");
    two_drain(pair, 1);
    size_t length = two_take_packet(pair, 1, talk->bytes);
    talk->tag = two_tag_of(talk->bytes);
    assert_true(two_find_chunk(talk->bytes, length, SCTP_CHUNK_DATA, &chunk));
    assert_int_equal(sctp_read_data(&chunk, &talk->data), SCTP_OK);
    talk->data.bytes = (const uint8_t *)"more";
    talk->data.length = 4;
}

static void talk_on(struct talk *talk, struct pair *pair) {
    struct sctp_writer writer;
    two_write(&writer, talk->bytes, talk->tag);
    sctp_write_data(&writer, &talk->data);
    two_give(pair, 0, talk->bytes, (size_t)sctp_writer_finish(&writer, false));
    talk->data.tsn++;
    talk->data.message++;
}

/* RFC 9260 section 9.2, SHOULD: while its data comes, the peer is not given up, though no SHUTDOWN of ours has been answered. */
static void data_keeps_a_shutdown_alive(void **state) {
    (void)state;
    struct sctp_association_config config = {.association_retransmissions = 2};
    struct pair *pair = two_new(33, &config, NULL);
    struct talk talk;
    sctp_association_connect(pair->end[0].association, pair->now_us);
    two_run(pair, 100000);
    talk_begin(&talk, pair);
    sctp_association_shutdown(pair->end[0].association, pair->now_us);
    pair->filter = lose_all;
    for (int i = 0; i < 8; i++) { /* farther apart than T2 waits */
        talk_on(&talk, pair);
        two_run(pair, 1500000);
        assert_int_equal(two_statistics(pair, 0).state, SCTP_STATE_SHUTDOWN_SENT);
    }
    two_run(pair, 20000000); /* and then silence counts */
    assert_int_equal(reason_of(pair, 0), SCTP_CLOSED_UNREACHABLE);
    assert_int_equal(pair->end[0].messages, 8);
    two_free(pair);
}

static bool is_aborted;
static bool note_abort(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length) {
    struct sctp_chunk chunk;
    (void)pair, (void)n;
    is_aborted |= from == 0 && two_find_chunk(bytes, length, SCTP_CHUNK_ABORT, &chunk);
    return false;
}

/* RFC 9260 section 9.2: T5 ends what a peer that goes on sending would keep open for ever, by an ABORT (SHOULD), after five times RTO.Max. */
static void a_shutdown_ends(void **state) {
    (void)state;
    struct pair *pair = two_connected(34);
    struct talk talk;
    talk_begin(&talk, pair);
    sctp_association_shutdown(pair->end[0].association, pair->now_us);
    is_aborted = false;
    pair->filter = note_abort;
    uint64_t begun_us = pair->now_us;
    while (two_statistics(pair, 0).state == SCTP_STATE_SHUTDOWN_SENT) {
        assert_true(pair->now_us - begun_us < 302000000);
        assert_false(is_aborted);
        talk_on(&talk, pair);
        two_run(pair, 1000000);
    }
    assert_true(pair->now_us - begun_us >= 300000000);
    assert_int_equal(reason_of(pair, 0), SCTP_CLOSED_UNREACHABLE);
    assert_true(is_aborted);
    two_free(pair);
}

static void aborts(void **state) {
    (void)state;
    struct pair *pair = two_connected(33);
    two_send_bytes(pair, 0, 1, 50000);
    uint8_t reason[SCTP_ABORT_REASON_MAX_BYTES + 1];
    memset(reason, 'r', sizeof reason);
    assert_int_equal(sctp_association_abort(pair->end[0].association, pair->now_us, reason, sizeof reason), SCTP_OK);
    two_drain(pair, 0);
    uint8_t packet[PAIR_PACKET_BYTES];
    size_t length = two_take_packet(pair, 0, packet);
    struct sctp_chunk chunk;
    assert_true(two_find_chunk(packet, length, SCTP_CHUNK_ABORT, &chunk));
    assert_int_equal(chunk.length, 4 + SCTP_ABORT_REASON_MAX_BYTES);
    two_give(pair, 1, packet, length);
    assert_int_equal(reason_of(pair, 0), SCTP_CLOSED_ABORTED);
    assert_int_equal(reason_of(pair, 1), SCTP_CLOSED_PEER_ABORTED);
    assert_int_equal(two_find(pair, 1, SCTP_EVENT_CLOSED, 0)->event.cause, SCTP_CAUSE_USER_ABORT);
    assert_int_equal(pair->end[1].packets_sent, 2); /* of the handshake: an ABORT is not answered */
    two_free(pair);
}

/* Before there is an association, nobody is told. */
static void ends_before_it_began(void **state) {
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct pair *pair = two_new(34, NULL, NULL);
        struct sctp_association *a = pair->end[0].association;
        if (how >= 2)
            sctp_association_connect(a, pair->now_us);
        assert_int_equal(how % 2 == 0 ? sctp_association_shutdown(a, pair->now_us) : sctp_association_abort(a, pair->now_us, NULL, 0), SCTP_OK);
        two_run(pair, 100000);
        assert_int_equal(reason_of(pair, 0), how % 2 == 0 ? SCTP_CLOSED_SHUTDOWN : SCTP_CLOSED_ABORTED);
        assert_int_equal(pair->end[0].packets_sent, 0);
        /* RFC 9260 section 5.1, MUST: who calls now is refused. */
        sctp_association_connect(pair->end[1].association, pair->now_us);
        two_run(pair, 100000);
        assert_int_equal(reason_of(pair, 1), SCTP_CLOSED_PEER_ABORTED);
        two_free(pair);
    }
}

/* RFC 9260 section 8.1: so many times without an answer, with data, with a shutdown, with heartbeats. */
static void nobody_answers(void **state) {
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct sctp_association_config config = {.association_retransmissions = 4, .heartbeat_us = 1000000};
        struct pair *pair = two_new(35, &config, &config);
        sctp_association_connect(pair->end[0].association, pair->now_us);
        two_run(pair, 100000);
        pair->filter = lose_all;
        if (how == 0)
            two_send(pair, 0, 0, "anybody?");
        if (how == 1)
            sctp_association_shutdown(pair->end[0].association, pair->now_us);
        two_run(pair, UINT64_C(300000000));
        assert_int_equal(reason_of(pair, 0), SCTP_CLOSED_UNREACHABLE);
        assert_int_equal(reason_of(pair, 1), SCTP_CLOSED_UNREACHABLE);
        two_free(pair);
    }
}

/* RFC 9260 section 8.1: the count begins anew with what acknowledges something new, be it a SACK or a SHUTDOWN; not with one that says nothing new. */
static void progress_begins_the_count_anew(void **state) {
    (void)state;
    enum { MOST = 3 };
    static const struct {
        uint8_t type;
        uint32_t beyond; /* the last TSN that was acknowledged */
        uint64_t timeouts; /* until the end */
    } rows[] = {{SCTP_CHUNK_SACK, 0, MOST + 1}, {SCTP_CHUNK_SACK, 1, 2 * MOST + 1}, {SCTP_CHUNK_SHUTDOWN, 0, MOST + 1}, {SCTP_CHUNK_SHUTDOWN, 1, 2 * MOST + 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sctp_association_config config = {.association_retransmissions = MOST, .heartbeat_us = UINT64_MAX};
        struct pair *pair = two_new(39, &config, NULL);
        struct talk talk;
        struct sctp_chunk chunk;
        struct sctp_data data;
        struct sctp_writer writer;
        sctp_association_connect(pair->end[0].association, pair->now_us);
        two_run(pair, 100000);
        talk_begin(&talk, pair);
        two_send(pair, 0, 1, "first");
        two_drain(pair, 0);
        size_t length = two_take_packet(pair, 0, talk.bytes);
        assert_true(two_find_chunk(talk.bytes, length, SCTP_CHUNK_DATA, &chunk));
        assert_int_equal(sctp_read_data(&chunk, &data), SCTP_OK);
        two_send(pair, 0, 1, "second");
        pair->filter = lose_all;
        while (two_statistics(pair, 0).timeouts < MOST)
            two_run(pair, 10000);
        two_write(&writer, talk.bytes, talk.tag);
        if (rows[i].type == SCTP_CHUNK_SACK)
            sctp_write_sack(&writer, data.tsn - 1 + rows[i].beyond, 65536, NULL, 0, NULL, 0);
        else
            sctp_write_shutdown(&writer, data.tsn - 1 + rows[i].beyond);
        two_give(pair, 0, talk.bytes, (size_t)sctp_writer_finish(&writer, false));
        two_run(pair, UINT64_C(600000000));
        assert_int_equal(reason_of(pair, 0), SCTP_CLOSED_UNREACHABLE);
        assert_int_equal(two_statistics(pair, 0).timeouts, rows[i].timeouts);
        two_free(pair);
    }
}

/* RFC 9260 section 8.3: heartbeats while idle, answered with what they brought, measure the round trip. */
static void beats(void **state) {
    (void)state;
    struct sctp_association_config config = {.heartbeat_us = 5000000}, none = {.heartbeat_us = UINT64_MAX};
    struct pair *pair = two_new(36, &config, &none);
    pair->delay_us = 35000;
    sctp_association_connect(pair->end[0].association, pair->now_us);
    two_run(pair, 1000000);
    size_t left = pair->end[0].packets_sent, right = pair->end[1].packets_sent;
    two_run(pair, 60000000);
    size_t beats = pair->end[0].packets_sent - left;
    assert_true(beats >= 8 && beats <= 12);
    assert_int_equal(pair->end[1].packets_sent - right, beats);
    assert_int_equal(two_statistics(pair, 0).smoothed_round_trip_us, 70000);
    two_free(pair);
}

static uint8_t beat[8];

static bool keep_the_beat(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length) {
    struct sctp_chunk chunk;
    (void)pair, (void)n;
    if (from != 0 || !two_find_chunk(bytes, length, SCTP_CHUNK_HEARTBEAT, &chunk) || chunk.length != 4 + sizeof beat)
        return true;
    memcpy(beat, chunk.value + 4, sizeof beat);
    return false;
}

static uint32_t after_ack_of(struct pair *pair, uint32_t tag, const uint8_t *info, size_t length) {
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_writer writer;
    two_write(&writer, bytes, tag);
    sctp_write_heartbeat(&writer, SCTP_CHUNK_HEARTBEAT_ACK, info, length);
    assert_int_equal(two_give(pair, 0, bytes, (size_t)sctp_writer_finish(&writer, false)), SCTP_OK);
    return two_statistics(pair, 0).smoothed_round_trip_us;
}

/* RFC 9260 section 3.3.5: no HEARTBEAT ACK measures but that of the nonce that is out, and that one once. */
static void forged_heartbeat_acks(void **state) {
    (void)state;
    struct pair *pair = two_connected(37);
    uint8_t bytes[PAIR_PACKET_BYTES], forged[8];
    two_send(pair, 1, 0, "tag?");
    two_drain(pair, 1);
    size_t length = two_take_packet(pair, 1, bytes);
    uint32_t tag = two_tag_of(bytes), before = two_statistics(pair, 0).smoothed_round_trip_us;
    two_give(pair, 0, bytes, length);
    memset(beat, 0, sizeof beat);
    pair->filter = keep_the_beat;
    assert_int_equal(after_ack_of(pair, tag, beat, sizeof beat), before); /* none is out */
    while (memcmp(beat, (uint8_t[8]){0}, sizeof beat) == 0)
        two_run(pair, 100000);
    two_run(pair, 500000);
    memcpy(forged, beat, sizeof forged);
    forged[7] ^= 1;
    assert_int_equal(after_ack_of(pair, tag, forged, sizeof forged), before);
    assert_int_equal(after_ack_of(pair, tag, beat, 7), before);
    uint32_t measured = after_ack_of(pair, tag, beat, sizeof beat);
    assert_true(measured > before);
    two_run(pair, 500000);
    assert_int_equal(after_ack_of(pair, tag, beat, sizeof beat), measured);
    two_free(pair);
}

/* RFC 9260 section 5.2.4, A, MUST NOT: who begins anew while we wait for SHUTDOWN COMPLETE. */
static void comes_back_during_shutdown(void **state) {
    (void)state;
    struct pair *pair = two_new(38, NULL, NULL);
    uint8_t init[PAIR_PACKET_BYTES], packet[PAIR_PACKET_BYTES];
    struct sctp_chunk chunk;
    sctp_association_connect(pair->end[0].association, pair->now_us);
    two_drain(pair, 0);
    size_t init_length = two_take_packet(pair, 0, init);
    two_give(pair, 1, init, init_length);
    two_run(pair, 200000);
    sctp_association_shutdown(pair->end[0].association, pair->now_us);
    two_drain(pair, 0);
    size_t length = two_take_packet(pair, 0, packet);
    two_give(pair, 1, packet, length); /* SHUTDOWN; its answer is lost */
    assert_true(two_take_packet(pair, 1, packet) > 0);
    assert_int_equal(two_statistics(pair, 1).state, SCTP_STATE_SHUTDOWN_ACK_SENT);
    two_give(pair, 1, init, init_length);
    length = two_take_packet(pair, 1, packet);
    assert_true(two_find_chunk(packet, length, SCTP_CHUNK_SHUTDOWN_ACK, &chunk));
    two_run(pair, 5000000);
    assert_shut(pair);
    two_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shuts_down_in_order), cmocka_unit_test(both_shut_down), cmocka_unit_test(loses_packets), cmocka_unit_test(aborts),
        cmocka_unit_test(ends_before_it_began), cmocka_unit_test(nobody_answers), cmocka_unit_test(progress_begins_the_count_anew), cmocka_unit_test(beats), cmocka_unit_test(forged_heartbeat_acks),
        cmocka_unit_test(comes_back_during_shutdown), cmocka_unit_test(data_keeps_a_shutdown_alive), cmocka_unit_test(a_shutdown_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
