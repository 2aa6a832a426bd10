/* What arrives comes out: whole, in order, once; and what must not arrive is refused. */
#include "test_sctp.h"

#include "corpora.h"
#include "inbound_bench.h"

static struct counting memory;

static struct sctp_inbound *begin(bool is_interleaved) {
    counting_begin(&memory);
    struct sctp_inbound_config config = inbound_config(&memory, is_interleaved);
    struct sctp_inbound *in = sctp_inbound_new(&config);
    assert_non_null(in);
    return in;
}

static void end(struct sctp_inbound *in) {
    struct sctp_inbound_statistics statistics;
    sctp_inbound_statistics(in, &statistics);
    assert_int_equal(statistics.memory_bytes, memory.bytes);
    sctp_inbound_free(in);
    assert_int_equal(memory.blocks, 0);
}

/* ---- order ------------------------------------------------------------------------------------------------------------------------- */

/* RFC 9260 section 6.5: ordered messages of one stream, streams beside each other */
static void in_order(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    assert_int_equal(give(in, 0, 1, 0, "BE", "one"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 1, 2, 0, "BE", "two"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 2, 1, 1, "BE", "three"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "1:one");
    assert_string_equal(take(in), "2:two");
    assert_string_equal(take(in), "1:three");
    assert_string_equal(take(in), "");
    assert_int_equal(sctp_inbound_cumulative_tsn(in), INITIAL_TSN + 2);
    end(in);
}

static void a_hole_holds_its_stream_only(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    assert_int_equal(give(in, 2, 1, 2, "BE", "c"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 1, 1, 1, "BE", "b"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 3, 2, 0, "BE", "other"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "2:other");
    assert_string_equal(take(in), "");
    assert_int_equal(sctp_inbound_cumulative_tsn(in), INITIAL_TSN - 1);
    assert_int_equal(give(in, 0, 1, 0, "BE", "a"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "1:a");
    assert_string_equal(take(in), "1:b");
    assert_string_equal(take(in), "1:c");
    assert_int_equal(sctp_inbound_cumulative_tsn(in), INITIAL_TSN + 3);
    end(in);
}

/* RFC 9260 section 6.6: unordered ones wait for nothing; their sequence number means nothing */
static void unordered(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    assert_int_equal(give(in, 5, 1, 999, "BEU", "later"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 3, 1, 0, "BEU", "sooner"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "1:later");
    assert_string_equal(take(in), "1:sooner");
    end(in);
}

/* The stream sequence number wraps after 65,535, the TSN after 2^32 - 1 */
static void numbers_wrap(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    for (uint32_t i = 0; i < 70000; i += 2) {
        assert_int_equal(give(in, i + 1, 7, (uint16_t)(i + 1), "BE", "odd"), SCTP_INBOUND_TAKEN);
        assert_string_equal(take(in), "");
        assert_int_equal(give(in, i, 7, (uint16_t)i, "BE", "even"), SCTP_INBOUND_TAKEN);
        assert_string_equal(take(in), "7:even");
        assert_string_equal(take(in), "7:odd");
    }
    assert_int_equal(sctp_inbound_cumulative_tsn(in), (uint32_t)(INITIAL_TSN + 69999));
    end(in);
}

/* ---- duplicates, distance ---------------------------------------------------------------------------------------------------------- */

static void duplicates(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    assert_int_equal(give(in, 0, 1, 0, "BE", "a"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 0, 1, 0, "BE", "a"), SCTP_INBOUND_DUPLICATE);
    assert_int_equal(give(in, 2, 1, 2, "BE", "c"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 2, 1, 2, "BE", "c"), SCTP_INBOUND_DUPLICATE);
    assert_int_equal(give(in, UINT32_MAX, 1, 0, "BE", "before the first"), SCTP_INBOUND_DUPLICATE);
    assert_string_equal(take(in), "1:a");
    assert_string_equal(take(in), "");
    end(in);
}

/* SCTP_TSN_AHEAD_MAX: one below, at it, one above */
static void too_far(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    assert_int_equal(give(in, SCTP_TSN_AHEAD_MAX - 2, 0, 0, "BEU", "x"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, SCTP_TSN_AHEAD_MAX - 1, 0, 0, "BEU", "x"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, SCTP_TSN_AHEAD_MAX, 0, 0, "BEU", "x"), SCTP_INBOUND_NO_ROOM);
    assert_int_equal(give(in, 0x70000000, 0, 0, "BEU", "x"), SCTP_INBOUND_NO_ROOM);
    assert_int_equal(give(in, 0, 0, 0, "BEU", "x"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, SCTP_TSN_AHEAD_MAX, 0, 0, "BEU", "x"), SCTP_INBOUND_TAKEN);
    end(in);
}

/* RFC 9260 section 6.5: a stream that does not exist is acknowledged, and reported */
static void invalid_stream(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    assert_int_equal(give(in, 0, 1023, 0, "BE", "last"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 1, 1024, 0, "BE", "none"), SCTP_INBOUND_INVALID_STREAM);
    assert_int_equal(give(in, 2, 65535, 0, "B", "none"), SCTP_INBOUND_INVALID_STREAM);
    assert_int_equal(give(in, 4, 65535, 0, "B", "none"), SCTP_INBOUND_INVALID_STREAM);
    assert_int_equal(sctp_inbound_cumulative_tsn(in), INITIAL_TSN + 2);
    assert_string_equal(take(in), "1023:last");
    assert_string_equal(take(in), "");
    end(in);
}

/* ---- violations -------------------------------------------------------------------------------------------------------------------- */

static void violates(struct sctp_inbound *in, enum sctp_inbound_result result) {
    assert_int_equal(result, SCTP_INBOUND_VIOLATION);
    assert_int_equal(sctp_inbound_violation(in).cause, SCTP_CAUSE_PROTOCOL_VIOLATION);
    assert_non_null(sctp_inbound_violation(in).why);
    end(in);
}

/* RFC 8260 section 2.2.1: only the kind of DATA that was agreed */
static void wrong_kind(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    violates(in, give_interleaved(in, 0, 1, 0, 0, "BE", "x"));
    in = begin(true);
    violates(in, give(in, 0, 1, 0, "BE", "x"));
}

/* A message n places ahead of the next needs a TSN n beyond the cumulative one, at least */
static void impossible_sequence(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    violates(in, give(in, 0, 1, 1, "BE", "skips 0"));
    in = begin(false);
    assert_int_equal(give(in, 3, 1, 3, "BE", "x"), SCTP_INBOUND_TAKEN);
    violates(in, give(in, 2, 1, 4, "BE", "x"));
    in = begin(false);
    assert_int_equal(give(in, 0, 1, 0, "BE", "x"), SCTP_INBOUND_TAKEN);
    violates(in, give(in, 1, 1, 0, "BE", "again 0"));
    in = begin(false);
    assert_int_equal(give(in, 5, 1, 2, "BE", "x"), SCTP_INBOUND_TAKEN);
    violates(in, give(in, 7, 1, 2, "BE", "again 2"));
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------------ */

/* Every allocation that fails leaves an object that works, and takes the chunk when it comes again. */
static void survives_every_failure(void **state) {
    (void)state;
    for (size_t fails_after = 0; fails_after < 12; fails_after++) {
        counting_begin(&memory);
        struct sctp_inbound_config config = inbound_config(&memory, false);
        memory.fails_after = fails_after;
        struct sctp_inbound *in = sctp_inbound_new(&config);
        assert_true((in == NULL) == (fails_after == 0));
        if (!in)
            continue;
        static char text[3000];
        memset(text, 'x', sizeof text - 1);
        unsigned refused = give(in, 1, 1, 1, "BE", text) == SCTP_INBOUND_NO_ROOM;
        refused += give(in, 0, 1, 0, "BE", "first") == SCTP_INBOUND_NO_ROOM;
        assert_int_equal(refused > 0, fails_after < 6); /* itself, the map of TSNs, a slab, a buffer to read from, a shelf and a page of streams */
        struct sctp_skipped skipped = {.stream = 500, .message = 0};
        uint32_t before = sctp_inbound_cumulative_tsn(in);
        if (fails_after == 6) { /* one more page */
            assert_true(forward(in, 2, false, &skipped, 1));
            assert_int_equal(sctp_inbound_cumulative_tsn(in), before);
        }
        memory.fails_after = SIZE_MAX;
        (void)give(in, 1, 1, 1, "BE", text);
        (void)give(in, 0, 1, 0, "BE", "first");
        assert_true(forward(in, 2, false, &skipped, 1));
        assert_int_equal(sctp_inbound_cumulative_tsn(in), INITIAL_TSN + 2);
        assert_string_equal(take(in), "1:first");
        assert_int_equal(strlen(take(in)), 2 + sizeof text - 1);
        end(in);
    }
}

/* A steady flow takes nothing from the allocator. */
static void no_allocation_in_a_steady_flow(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    static char text[1100];
    memset(text, 'x', sizeof text - 1);
    size_t calls = 0;
    struct told told;
    for (uint32_t message = 0; message < 1000; message++) {
        if (message == 100)
            calls = memory.calls;
        uint32_t tsn = message * 15;
        for (uint32_t i = 0; i < 15; i++) { /* every second pair swapped */
            uint32_t at = i % 4 == 1 ? i + 1 : i % 4 == 2 ? i - 1 : i;
            assert_int_equal(give(in, tsn + at, 1, (uint16_t)message, at == 0 ? "B" : at == 14 ? "E" : "", text), SCTP_INBOUND_TAKEN);
            sctp_inbound_packet_end(in, message);
            (void)sack(in, 100, &told);
        }
        assert_int_equal(strlen(take(in)), 2 + 15 * (sizeof text - 1));
    }
    assert_int_equal(memory.calls, calls);
    end(in);
}

/* A quiet second gives memory back. */
static void trims(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    struct told told;
    size_t empty = memory.bytes;
    assert_int_equal(sctp_inbound_next_timeout(in), UINT64_MAX);
    assert_int_equal(give(in, 1, 1, 0, "BEU", "x"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 0, 1, 0, "BEU", "x"), SCTP_INBOUND_TAKEN);
    sctp_inbound_packet_end(in, 5000000);
    (void)sack(in, 100, &told);
    assert_int_equal(sctp_inbound_next_timeout(in), UINT64_MAX); /* a message waits to be read */
    (void)take(in);
    (void)take(in);
    assert_int_equal(sctp_inbound_next_timeout(in), 6000000);
    sctp_inbound_handle_timeout(in, 5999999);
    assert_true(memory.bytes > empty);
    sctp_inbound_handle_timeout(in, 6000000);
    assert_int_equal(memory.bytes, empty);
    assert_int_equal(sctp_inbound_next_timeout(in), UINT64_MAX);
    assert_int_equal(give(in, 2, 1, 0, "BE", "again"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "1:again");
    end(in);
}

static void configurations(void **state) {
    (void)state;
    counting_begin(&memory);
    struct sctp_inbound_config config = inbound_config(&memory, false);
    config.budget_bytes = SCTP_INBOUND_BUDGET_MIN_BYTES - 1;
    assert_null(sctp_inbound_new(&config));
    config.budget_bytes = SCTP_INBOUND_BUDGET_MIN_BYTES;
    config.message_max_bytes = 0;
    assert_null(sctp_inbound_new(&config));
    config.message_max_bytes = 1;
    config.stream_count = 0;
    assert_null(sctp_inbound_new(&config));
    config.stream_count = 65537;
    assert_null(sctp_inbound_new(&config));
    config.stream_count = 65536;
    struct sctp_inbound *in = sctp_inbound_new(&config);
    assert_non_null(in);
    assert_int_equal(give(in, 0, 65535, 0, "BE", "x"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "65535:x");
    end(in);
    sctp_inbound_free(NULL);
}

/* ---- corpora ----------------------------------------------------------------------------------------------------------------------- */

/* Each chunk to an object that expects it, and to one that expects its TSN a little before or after. */
static void take_chunk(void *context, const char *file, const struct sctp_chunk *chunk) {
    unsigned *taken = context;
    (void)file;
    for (int offset = -2; offset <= 2; offset++) {
        struct sctp_data data;
        struct sctp_forward_tsn skipped;
        counting_begin(&memory);
        struct sctp_inbound_config config = inbound_config(&memory, chunk->type == SCTP_CHUNK_I_DATA || chunk->type == SCTP_CHUNK_I_FORWARD_TSN);
        bool is_data = (chunk->type == SCTP_CHUNK_DATA || chunk->type == SCTP_CHUNK_I_DATA) && sctp_read_data(chunk, &data) == SCTP_OK;
        bool is_forward = (chunk->type == SCTP_CHUNK_FORWARD_TSN || chunk->type == SCTP_CHUNK_I_FORWARD_TSN) && sctp_read_forward_tsn(chunk, &skipped) == SCTP_OK;
        if (!is_data && !is_forward)
            return;
        config.initial_tsn = (is_data ? data.tsn : skipped.new_cumulative_tsn) + (uint32_t)offset;
        config.stream_count = 65536;
        struct sctp_inbound *in = sctp_inbound_new(&config);
        assert_non_null(in);
        if (is_data)
            *taken += sctp_inbound_data(in, &data) == SCTP_INBOUND_TAKEN;
        else
            *taken += sctp_inbound_forward_tsn(in, &skipped);
        sctp_inbound_packet_end(in, 1);
        while (*take(in))
            ;
        end(in);
    }
}

static void corpora(void **state) {
    (void)state;
    unsigned taken = 0;
    if (!corpora_chunks("corpora", take_chunk, &taken))
        skip();
    assert_true(taken >= 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(a_hole_holds_its_stream_only),
        cmocka_unit_test(unordered),
        cmocka_unit_test(numbers_wrap),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(too_far),
        cmocka_unit_test(invalid_stream),
        cmocka_unit_test(wrong_kind),
        cmocka_unit_test(impossible_sequence),
        cmocka_unit_test(survives_every_failure),
        cmocka_unit_test(no_allocation_in_a_steady_flow),
        cmocka_unit_test(trims),
        cmocka_unit_test(configurations),
        cmocka_unit_test(corpora),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
