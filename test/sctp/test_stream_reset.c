/* Streams begin anew: RFC 6525, as RFC 8831 section 6.7 uses it. */
#include "association_pair.h"

static int reset(struct pair *pair, unsigned end, uint16_t first, size_t count) {
    uint16_t *streams = malloc(count * sizeof *streams);
    for (size_t i = 0; i < count; i++)
        streams[i] = (uint16_t)(first + i);
    int result = sctp_association_reset_streams(pair->end[end].association, pair->now_us, streams, count);
    free(streams);
    return result;
}

/* The first message after it has SSN 0 again, and order holds. */
static void begins_anew(void **state) {
    (void)state;
    struct pair *pair = two_connected(40);
    for (int i = 0; i < 5; i++)
        two_send(pair, 0, 4, "before");
    assert_int_equal(reset(pair, 0, 4, 1), SCTP_OK);
    assert_int_equal(reset(pair, 0, 4, 1), SCTP_OK); /* it is under way */
    assert_int_equal(two_send(pair, 0, 4, "between"), SCTP_ERROR_STATE);
    assert_int_equal(two_send(pair, 0, 5, "other"), SCTP_OK);
    two_run(pair, 1000000);
    assert_int_equal(two_send(pair, 0, 4, "after"), SCTP_OK);
    two_run(pair, 1000000);
    const struct pair_event *here = two_find(pair, 0, SCTP_EVENT_STREAMS_RESET, 0), *there = two_find(pair, 1, SCTP_EVENT_STREAMS_RESET, 0);
    assert_int_equal(two_count(pair, 0, SCTP_EVENT_STREAMS_RESET), 1);
    assert_int_equal(two_count(pair, 1, SCTP_EVENT_STREAMS_RESET), 1);
    assert_true(!here->event.is_incoming && !here->event.is_refused && here->event.stream_count == 1 && here->streams[0] == 4);
    assert_true(there->event.is_incoming && there->event.stream_count == 1 && there->streams[0] == 4);
    /* five, the reset, then the rest: in this order */
    const struct pair_event *after = two_find(pair, 1, SCTP_EVENT_MESSAGE, 6);
    assert_string_equal(after->text, "after");
    assert_true(two_find(pair, 1, SCTP_EVENT_MESSAGE, 4) < there && there < after);
    two_free(pair);
}

static bool reorder(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length) {
    struct sctp_chunk chunk;
    (void)n;
    if (from != 0 || !two_find_chunk(bytes, length, SCTP_CHUNK_DATA, &chunk))
        return true;
    uint8_t *copy = malloc(length);
    memcpy(copy, bytes, length);
    pair->packets[pair->packet_count++] = (struct pair_packet){pair->now_us + pair->delay_us + 70000, 1 - from, length, copy};
    return false;
}

/* RFC 6525 section 5.2.2: the request overtakes data that was given up on, or a peer asks early: in progress, then performed, told once. */
static void request_overtakes_data(void **state) {
    (void)state;
    struct pair *pair = two_connected(41);
    two_send(pair, 0, 6, "early");
    two_drain(pair, 0);
    uint8_t data[PAIR_PACKET_BYTES], bytes[PAIR_PACKET_BYTES];
    size_t length = two_take_packet(pair, 0, data);
    struct sctp_chunk chunk;
    struct sctp_data read;
    assert_true(two_find_chunk(data, length, SCTP_CHUNK_DATA, &chunk));
    assert_int_equal(sctp_read_data(&chunk, &read), SCTP_OK);
    uint32_t tag = two_tag_of(data), first_tsn = read.tsn; /* of the association: requests count from here as well */
    const uint16_t streams[] = {6};
    struct sctp_writer writer;
    two_write(&writer, bytes, tag);
    sctp_write_outgoing_reset(&writer, first_tsn, 0, first_tsn, streams, 1);
    size_t request = (size_t)sctp_writer_finish(&writer, false);
    uint8_t answer[PAIR_PACKET_BYTES];
    for (int again = 0; again < 2; again++) { /* the same number, the same answer */
        two_give(pair, 1, bytes, request);
        size_t answered = two_take_packet(pair, 1, answer);
        assert_true(two_find_chunk(answer, answered, SCTP_CHUNK_RE_CONFIG, &chunk));
        assert_int_equal(chunk.value[11], SCTP_RE_CONFIG_IN_PROGRESS);
    }
    assert_int_equal(two_count(pair, 1, SCTP_EVENT_STREAMS_RESET), 0);
    two_give(pair, 1, data, length);
    size_t answered = two_take_packet(pair, 1, answer);
    assert_true(two_find_chunk(answer, answered, SCTP_CHUNK_RE_CONFIG, &chunk));
    assert_int_equal(chunk.value[11], SCTP_RE_CONFIG_PERFORMED);
    assert_int_equal(two_count(pair, 1, SCTP_EVENT_STREAMS_RESET), 1);
    assert_true(two_find(pair, 1, SCTP_EVENT_MESSAGE, 0) < two_find(pair, 1, SCTP_EVENT_STREAMS_RESET, 0));
    two_write(&writer, bytes, tag); /* the same under the next number: a peer that did not hear us */
    sctp_write_outgoing_reset(&writer, first_tsn + 1, 0, first_tsn, streams, 1);
    two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
    answered = two_take_packet(pair, 1, answer);
    assert_true(two_find_chunk(answer, answered, SCTP_CHUNK_RE_CONFIG, &chunk));
    assert_int_equal(chunk.value[11], SCTP_RE_CONFIG_PERFORMED);
    assert_int_equal(two_count(pair, 1, SCTP_EVENT_STREAMS_RESET), 1);
    two_write(&writer, bytes, tag); /* RFC 6525 section 5.2.1: far from the next number */
    sctp_write_outgoing_reset(&writer, first_tsn + 7, 0, first_tsn, streams, 1);
    two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
    answered = two_take_packet(pair, 1, answer);
    assert_true(two_find_chunk(answer, answered, SCTP_CHUNK_RE_CONFIG, &chunk));
    assert_int_equal(chunk.value[11], SCTP_RE_CONFIG_BAD_SEQUENCE_NUMBER);
    two_free(pair);
}

/* Requests of the kinds that data channels have no use for are denied; a stream that does not exist is wrong. */
static void denies_the_rest(void **state) {
    (void)state;
    static const struct {
        uint8_t type;
        size_t length;
        uint32_t expected;
    } rows[] = {{14, 4, 2}, {15, 4, 2}, {17, 8, 2}, {18, 8, 2}, {13, 14, 3}};
    struct sctp_association_config config = {.inbound_streams = 10};
    struct pair *pair = two_new(42, NULL, &config);
    sctp_association_connect(pair->end[0].association, pair->now_us);
    two_run(pair, 100000);
    two_send(pair, 0, 1, "x");
    two_drain(pair, 0);
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_chunk chunk;
    struct sctp_data read;
    size_t length = two_take_packet(pair, 0, bytes);
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_DATA, &chunk));
    assert_int_equal(sctp_read_data(&chunk, &read), SCTP_OK);
    uint32_t tag = two_tag_of(bytes), sequence = read.tsn;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++, sequence++) {
        uint8_t value[16] = {(uint8_t)(sequence >> 24), (uint8_t)(sequence >> 16), (uint8_t)(sequence >> 8), (uint8_t)sequence};
        value[13] = 10; /* the stream */
        struct sctp_writer writer;
        two_write(&writer, bytes, tag);
        sctp_writer_open_chunk(&writer, SCTP_CHUNK_RE_CONFIG, 0);
        sctp_writer_parameter(&writer, rows[i].type, value, rows[i].length);
        sctp_writer_close_chunk(&writer);
        two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
        length = two_take_packet(pair, 1, bytes);
        assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_RE_CONFIG, &chunk));
        assert_int_equal(chunk.value[11], rows[i].expected);
    }
    two_free(pair);
}

/* RFC 6525 section 5.2.7: a response of another number than the request's is of another request, or of none. */
static void responses_have_a_number(void **state) {
    (void)state;
    static const struct {
        uint32_t beyond; /* the number of the request */
        bool counts;
    } rows[] = {{1, false}, {UINT32_MAX, false}, {0x80000000, false}, {0, true}, {0, false}, {1, false}};
    struct pair *pair = two_connected(46);
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_chunk chunk;
    struct sctp_writer writer;
    two_send(pair, 1, 1, "tag?");
    two_drain(pair, 1);
    assert_true(two_take_packet(pair, 1, bytes) > 0);
    uint32_t tag = two_tag_of(bytes);
    assert_int_equal(reset(pair, 0, 3, 1), SCTP_OK);
    two_drain(pair, 0);
    size_t length = two_take_packet(pair, 0, bytes);
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_RE_CONFIG, &chunk));
    struct sctp_walk walk = sctp_walk_bytes(chunk.value, chunk.length);
    struct sctp_parameter parameter;
    struct sctp_reset_request request;
    assert_true(sctp_walk_parameter(&walk, &parameter));
    assert_int_equal(sctp_read_reset_request(&parameter, &request), SCTP_OK);
    size_t count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        two_write(&writer, bytes, tag);
        sctp_write_re_config_response(&writer, request.request_sequence + rows[i].beyond, SCTP_RE_CONFIG_PERFORMED);
        two_give(pair, 0, bytes, (size_t)sctp_writer_finish(&writer, false));
        count += rows[i].counts;
        assert_int_equal(two_count(pair, 0, SCTP_EVENT_STREAMS_RESET), count);
        assert_int_equal(two_send(pair, 0, 3, "again"), count > 0 ? SCTP_OK : SCTP_ERROR_STATE);
    }
    two_free(pair);
}

static unsigned loss_percent;
static bool lose_some(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length) {
    (void)from, (void)n, (void)bytes, (void)length;
    pair->random_state = pair->random_state * 6364136223846793005u + 1442695040888963407u;
    return (pair->random_state >> 33) % 100 >= loss_percent;
}

/* A thousand streams with data, and each of SCTP_RESET_STREAMS_MAX - 1, 0, + 1, over a path that loses a fifth. */
static void many(void **state) {
    (void)state;
    static const size_t counts[] = {SCTP_RESET_STREAMS_MAX - 1, SCTP_RESET_STREAMS_MAX, SCTP_RESET_STREAMS_MAX + 1, 1000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct pair *pair = two_connected(43 + i);
        loss_percent = 20;
        pair->filter = lose_some;
        for (size_t stream = 0; stream < counts[i]; stream++)
            assert_int_equal(two_send(pair, 0, (uint16_t)stream, "data"), SCTP_OK);
        assert_int_equal(reset(pair, 0, 0, counts[i]), SCTP_OK);
        two_run(pair, UINT64_C(120000000));
        size_t incoming = 0, outgoing = 0;
        for (size_t n = 0; two_find(pair, 1, SCTP_EVENT_STREAMS_RESET, n); n++)
            incoming += two_find(pair, 1, SCTP_EVENT_STREAMS_RESET, n)->event.stream_count;
        for (size_t n = 0; two_find(pair, 0, SCTP_EVENT_STREAMS_RESET, n); n++)
            outgoing += two_find(pair, 0, SCTP_EVENT_STREAMS_RESET, n)->event.stream_count;
        assert_int_equal(outgoing, counts[i]);

        assert_int_equal(incoming, counts[i]);
        assert_int_equal(pair->end[1].messages, counts[i]);
        two_free(pair);
    }
}

/* Both at once, and streams used again and again. */
static void both_and_again(void **state) {
    (void)state;
    struct pair *pair = two_connected(44);
    for (int round = 0; round < 20; round++) {
        two_send(pair, 0, 2, "a");
        two_send(pair, 1, 2, "b");
        assert_int_equal(reset(pair, 0, 2, 1), SCTP_OK);
        assert_int_equal(reset(pair, 1, 2, 1), SCTP_OK);
        two_run(pair, 500000);
        assert_int_equal(two_count(pair, 0, SCTP_EVENT_STREAMS_RESET), 2 * (round + 1));
        assert_int_equal(two_count(pair, 1, SCTP_EVENT_STREAMS_RESET), 2 * (round + 1));
    }
    assert_int_equal(pair->end[0].messages, 20);
    assert_int_equal(pair->end[1].messages, 20);
    two_free(pair);
}

/* A reset of streams whose data is on the way, delayed: the event still comes behind the data. */
static void keeps_the_order(void **state) {
    (void)state;
    struct pair *pair = two_connected(45);
    pair->filter = reorder;
    for (int i = 0; i < 3; i++)
        two_send(pair, 0, 8, "late");
    reset(pair, 0, 8, 1);
    two_run(pair, 5000000);
    assert_int_equal(pair->end[1].messages, 3);
    assert_int_equal(two_count(pair, 1, SCTP_EVENT_STREAMS_RESET), 1);
    assert_true(two_find(pair, 1, SCTP_EVENT_MESSAGE, 2) < two_find(pair, 1, SCTP_EVENT_STREAMS_RESET, 0));
    two_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_anew), cmocka_unit_test(request_overtakes_data), cmocka_unit_test(denies_the_rest), cmocka_unit_test(responses_have_a_number), cmocka_unit_test(many),
        cmocka_unit_test(both_and_again), cmocka_unit_test(keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
