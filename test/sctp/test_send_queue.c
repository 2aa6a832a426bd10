/* What has no TSN yet: order within streams, whose turn it is between them (RFC 8260 section 3.6), expiry, limits. */
#include "test_sctp.h"

#include "sctp/send_queue_internal.h"

static uint8_t bytes[70000];

static struct sctp_send_queue *queue_new(size_t budget_bytes, bool is_interleaved) {
    struct sctp_send_queue *queue = malloc(sizeof *queue);
    assert_non_null(queue);
    struct sctp_allocator allocator = sctp_allocator_or_default(NULL);
    sctp_send_queue_begin(queue, &allocator, budget_bytes, is_interleaved);
    return queue;
}

static void queue_free(struct sctp_send_queue *queue) {
    sctp_send_queue_end(queue);
    free(queue);
}

static int add(struct sctp_send_queue *queue, struct sctp_message message, size_t length) {
    uint64_t dropped = 0;
    message.bytes = bytes;
    message.length = length;
    return sctp_send_queue_add(queue, 0, &message, true, &dropped);
}

/* Cuts the next fragment of at most 1000 bytes; the record is let go at once, as if acknowledged. */
static struct sctp_fragment cut(struct sctp_send_queue *queue, uint16_t *stream, uint32_t *id) {
    uint64_t dropped = 0;
    struct sctp_fragment fragment;
    struct sctp_outgoing *message = sctp_send_queue_next(queue, 0, &dropped);
    assert_non_null(message);
    sctp_send_queue_cut(queue, message, message->unsent < 1000 ? message->unsent : 1000, &fragment);
    *stream = message->stream->id;
    *id = message->id;
    sctp_send_queue_release(queue, message);
    return fragment;
}

static struct sctp_stream_out *stream_of(struct sctp_send_queue *queue, uint16_t id) {
    struct sctp_stream_out *stream = sctp_send_queue_stream(queue, id);
    assert_non_null(stream);
    return stream;
}

/* RFC 9260 section 6.9: without I-DATA a message that has begun goes on, whoever else waits. */
static void messages_are_not_interleaved(void **state) {
    (void)state;
    struct sctp_send_queue *queue = queue_new(1 << 20, false);
    assert_int_equal(add(queue, (struct sctp_message){.stream = 1}, 3000), SCTP_OK);
    assert_int_equal(add(queue, (struct sctp_message){.stream = 2}, 10), SCTP_OK);
    static const uint16_t expected[] = {1, 1, 1, 2};
    for (size_t i = 0; i < 4; i++) {
        uint16_t stream;
        uint32_t id;
        struct sctp_fragment fragment = cut(queue, &stream, &id);
        assert_int_equal(stream, expected[i]);
        assert_int_equal(fragment.is_begin, i == 0 || i == 3);
        assert_int_equal(fragment.is_end, i >= 2);
        assert_int_equal(id, 0);
    }
    assert_int_equal(queue->pool.used_count, 0);
    queue_free(queue);
}

/* Cuts so many pieces; counts[stream] says whose they were. */
static void cut_and_count(struct sctp_send_queue *queue, size_t pieces, unsigned counts[3]) {
    for (size_t i = 0; i < pieces; i++) {
        uint16_t stream;
        uint32_t id;
        cut(queue, &stream, &id);
        counts[stream]++;
    }
}

/* RFC 8260 section 3.6: with I-DATA, capacity by weights; a short message overtakes a long one. */
static void weights_share_the_capacity(void **state) {
    (void)state;
    struct sctp_send_queue *queue = queue_new(1 << 20, true);
    assert_int_equal(add(queue, (struct sctp_message){.stream = 1, .priority = 128}, 60000), SCTP_OK);
    assert_int_equal(add(queue, (struct sctp_message){.stream = 2, .priority = 512}, 60000), SCTP_OK);
    unsigned counts[3] = {0};
    uint16_t stream;
    uint32_t id;
    cut_and_count(queue, 50, counts);
    assert_in_range(counts[1], 9, 11);
    assert_in_range(counts[2], 39, 41);
    assert_int_equal(add(queue, (struct sctp_message){.stream = 0}, 64), SCTP_OK);
    cut(queue, &stream, &id);
    if (stream != 0)
        cut(queue, &stream, &id);
    assert_int_equal(stream, 0);
    while (queue->buffered_bytes > 0)
        cut(queue, &stream, &id);
    queue_free(queue);
}

/* RFC 8831 section 6.4: who names no priority has a normal one, 256. */
static void the_default_weight(void **state) {
    (void)state;
    static const struct {
        uint16_t other;
        unsigned share; /* of 60 */
    } rows[] = {{128, 40}, {256, 30}, {512, 20}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sctp_send_queue *queue = queue_new(1 << 20, true);
        assert_int_equal(add(queue, (struct sctp_message){.stream = 1}, 60000), SCTP_OK);
        assert_int_equal(add(queue, (struct sctp_message){.stream = 2, .priority = rows[i].other}, 60000), SCTP_OK);
        unsigned counts[3] = {0};
        uint16_t stream;
        uint32_t id;
        cut_and_count(queue, 60, counts);
        assert_in_range(counts[1], rows[i].share - 1, rows[i].share + 1);
        while (queue->buffered_bytes > 0)
            cut(queue, &stream, &id);
        queue_free(queue);
    }
}

/* RFC 8260 section 2.1: ordered and unordered messages count their MIDs apart; RFC 9260 section 3.3.1: only ordered ones have an SSN. */
static void numbers(void **state) {
    (void)state;
    for (int is_interleaved = 0; is_interleaved < 2; is_interleaved++) {
        struct sctp_send_queue *queue = queue_new(1 << 20, is_interleaved);
        static const bool unordered[] = {false, true, true, false, true};
        static const uint32_t expected[2][5] = {{0, 0, 0, 1, 0}, {0, 0, 1, 1, 2}};
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(add(queue, (struct sctp_message){.stream = 3, .is_unordered = unordered[i]}, 5), SCTP_OK);
        for (size_t i = 0; i < 5; i++) {
            uint16_t stream;
            uint32_t id;
            cut(queue, &stream, &id);
            assert_int_equal(id, expected[is_interleaved][i]);
        }
        queue_free(queue);
    }
}

/* RFC 3758 section 4.1: what has expired and was never sent costs neither a TSN nor an SSN. */
static void expired_ones_are_dropped(void **state) {
    (void)state;
    struct sctp_send_queue *queue = queue_new(8 * SCTP_BLOCK_BYTES, false);
    struct sctp_message brief = {.stream = 1, .reliability = SCTP_MAX_LIFETIME, .lifetime_us = 100, .bytes = bytes, .length = 300};
    uint64_t dropped = 0;
    for (int i = 0; i < 7; i++)
        assert_int_equal(sctp_send_queue_add(queue, 0, &brief, true, &dropped), SCTP_OK);
    brief.length = 2000;
    assert_int_equal(sctp_send_queue_add(queue, 99, &brief, true, &dropped), SCTP_ERROR_CAPACITY);
    assert_int_equal(dropped, 0);
    assert_int_equal(sctp_send_queue_add(queue, 100, &brief, true, &dropped), SCTP_OK); /* there is room where they were */
    assert_int_equal(dropped, 7);
    struct sctp_outgoing *message = sctp_send_queue_next(queue, 199, &dropped);
    assert_non_null(message);
    assert_null(sctp_send_queue_next(queue, 200, &dropped));
    assert_int_equal(dropped, 8);
    assert_int_equal(queue->buffered_bytes, 0);
    assert_int_equal(stream_of(queue, 1)->next_ordered, 0);
    brief.length = 10;
    dropped = 0;
    assert_int_equal(sctp_send_queue_add(queue, 300, &brief, false, &dropped), SCTP_OK); /* a peer without RFC 3758: reliable */
    assert_non_null(sctp_send_queue_next(queue, UINT64_MAX - 1, &dropped));
    queue_free(queue);
}

/* RFC 6525 section 5.1.2: a stream that is to be reset sends the rest of what has begun, no more. */
static void a_paused_stream_finishes_its_message(void **state) {
    (void)state;
    struct sctp_send_queue *queue = queue_new(1 << 20, true);
    uint16_t stream;
    uint32_t id;
    uint64_t dropped = 0;
    assert_int_equal(add(queue, (struct sctp_message){.stream = 1}, 2500), SCTP_OK);
    assert_int_equal(add(queue, (struct sctp_message){.stream = 1}, 10), SCTP_OK);
    cut(queue, &stream, &id); /* acknowledged at once: it has begun though nothing of it is in flight */
    sctp_send_queue_pause(queue, stream_of(queue, 1));
    cut(queue, &stream, &id);
    assert_true(cut(queue, &stream, &id).is_end);
    assert_null(sctp_send_queue_next(queue, 0, &dropped));
    assert_int_equal(stream_of(queue, 1)->held_count, 0);
    sctp_send_queue_resume(queue, stream_of(queue, 1));
    cut(queue, &stream, &id);
    assert_int_equal(id, 1);
    queue_free(queue);
}

static void low_marks(void **state) {
    (void)state;
    struct sctp_send_queue *queue = queue_new(1 << 20, false);
    uint16_t stream;
    uint32_t id;
    assert_int_equal(add(queue, (struct sctp_message){.stream = 4}, 3000), SCTP_OK);
    stream_of(queue, 4)->low_bytes = 1000;
    cut(queue, &stream, &id);
    assert_null(queue->low_first);
    cut(queue, &stream, &id); /* 1000: at the mark */
    assert_ptr_equal(queue->low_first, stream_of(queue, 4));
    cut(queue, &stream, &id); /* it says so once */
    assert_ptr_equal(queue->low_first, queue->low_last);
    assert_null(queue->low_first->next_low);
    queue_free(queue);
}

static void limits(void **state) {
    (void)state;
    size_t first_room = SCTP_BLOCK_ROOM_BYTES - sizeof(struct sctp_outgoing), room = SCTP_BLOCK_ROOM_BYTES;
    struct sctp_send_queue *queue = queue_new(8 * SCTP_BLOCK_BYTES, false);
    assert_int_equal(add(queue, (struct sctp_message){.stream = 1}, 0), SCTP_ERROR_ARGUMENT);
    assert_int_equal(add(queue, (struct sctp_message){.stream = UINT16_MAX}, 1), SCTP_ERROR_ARGUMENT);
    assert_int_equal(add(queue, (struct sctp_message){.stream = UINT16_MAX - 1}, 1), SCTP_OK);
    assert_int_equal(add(queue, (struct sctp_message){.stream = 1}, first_room + 7 * room + 1), SCTP_ERROR_ARGUMENT); /* never */
    assert_int_equal(add(queue, (struct sctp_message){.stream = 1}, first_room + 7 * room), SCTP_ERROR_CAPACITY);     /* not now */
    assert_int_equal(add(queue, (struct sctp_message){.stream = 1}, first_room + 6 * room), SCTP_OK);
    assert_int_equal(add(queue, (struct sctp_message){.stream = 1}, 1), SCTP_ERROR_CAPACITY);
    queue_free(queue);
}

/* 5,000 streams, each served once before any is served twice. */
static void many_streams_take_turns(void **state) {
    (void)state;
    struct sctp_send_queue *queue = queue_new(64u << 20, true);
    static uint8_t served[65536];
    memset(served, 0, sizeof served);
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(add(queue, (struct sctp_message){.stream = (uint16_t)(i * 13)}, 2000), SCTP_OK);
    for (unsigned round = 1; round <= 2; round++) {
        for (unsigned i = 0; i < 5000; i++) {
            uint16_t stream;
            uint32_t id;
            cut(queue, &stream, &id);
            assert_int_equal(++served[stream], round);
        }
    }
    for (struct sctp_stream_out *low = queue->low_first; low; low = low->next_low)
        low->is_low_due = false; /* as sctp_outbound_poll_low does */
    for (unsigned i = 0; i < 5000; i++)
        sctp_send_queue_forget_stream(queue, stream_of(queue, (uint16_t)(i * 13)));
    assert_int_equal(queue->stream_count, 0);
    queue_free(queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_not_interleaved), cmocka_unit_test(weights_share_the_capacity), cmocka_unit_test(the_default_weight),
        cmocka_unit_test(numbers), cmocka_unit_test(expired_ones_are_dropped),
        cmocka_unit_test(a_paused_stream_finishes_its_message), cmocka_unit_test(low_marks),
        cmocka_unit_test(limits), cmocka_unit_test(many_streams_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
