/* Streams: 65,536 of them, and their reset (RFC 6525 section 5.2.2). */
#include "test_sctp.h"

#include "inbound_bench.h"

static struct counting memory;

static struct sctp_inbound *begin(bool is_interleaved) {
    counting_begin(&memory);
    struct sctp_inbound_config config = inbound_config(&memory, is_interleaved);
    config.stream_count = 65536;
    struct sctp_inbound *in = sctp_inbound_new(&config);
    assert_non_null(in);
    return in;
}

static void end(struct sctp_inbound *in) {
    sctp_inbound_free(in);
    assert_int_equal(memory.blocks, 0);
}

/* Memory comes with use, and has an end */
static void every_stream(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    size_t empty = memory.bytes;
    assert_int_equal(give(in, 0, 40000, 0, "BE", "x"), SCTP_INBOUND_TAKEN);
    (void)take(in);
    assert_true(memory.bytes < empty + 12000);
    for (uint32_t i = 0; i < 65536; i++) {
        assert_int_equal(give(in, 1 + 2 * i + 1, (uint16_t)i, (uint16_t)(i == 40000 ? 2 : 1), "BE", "b"), SCTP_INBOUND_TAKEN);
        assert_string_equal(take(in), "");
        assert_int_equal(give(in, 1 + 2 * i, (uint16_t)i, i == 40000 ? 1 : 0, "BE", "a"), SCTP_INBOUND_TAKEN);
        assert_non_null(strstr(take(in), ":a"));
        assert_non_null(strstr(take(in), ":b"));
    }
    assert_true(memory.bytes < empty + 12000 + 544 * 1024);
    end(in);
}

/* Those that are named begin anew, the others go on */
static void resets(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    uint32_t tsn = 0;
    for (uint16_t stream = 1; stream <= 3; stream++)
        for (uint16_t i = 0; i < 5; i++)
            assert_int_equal(give(in, tsn++, stream, i, "BE", "x"), SCTP_INBOUND_TAKEN);
    static const uint16_t streams[] = {1, 3, 999};
    assert_true(sctp_inbound_reset(in, streams, 3, INITIAL_TSN + tsn - 1));
    for (int i = 0; i < 15; i++)
        assert_non_null(strstr(take(in), ":x")); /* whole before the reset: all the same */
    assert_int_equal(give(in, tsn++, 1, 0, "BE", "new"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, tsn++, 2, 5, "BE", "old"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, tsn++, 3, 0, "BE", "new"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "1:new");
    assert_string_equal(take(in), "2:old");
    assert_string_equal(take(in), "3:new");
    assert_true(sctp_inbound_reset(in, NULL, 0, INITIAL_TSN + tsn - 1)); /* section 4.1: none named: all */
    assert_int_equal(give(in, tsn++, 1, 0, "BE", "again"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, tsn++, 2, 0, "BE", "again"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "1:again");
    assert_string_equal(take(in), "2:again");
    end(in);
}

/* RFC 6525 section 5.2.2 E2: not before the sender's last TSN has arrived; what it numbers anew before waits outside */
static void deferred(void **state) {
    (void)state;
    static const uint16_t streams[] = {1};
    for (int kind = 0; kind < 2; kind++) {
        struct sctp_inbound *in = begin(kind);
        for (uint32_t tsn = 0; tsn < 3; tsn++)
            assert_int_equal(kind ? give_interleaved(in, tsn, 1, tsn, 0, "BE", "x") : give(in, tsn, 1, (uint16_t)tsn, "BE", "x"), SCTP_INBOUND_TAKEN);
        for (int i = 0; i < 3; i++)
            assert_string_equal(take(in), "1:x");
        assert_false(sctp_inbound_reset(in, streams, 1, INITIAL_TSN + 3));
        assert_int_equal(kind ? give_interleaved(in, 4, 1, 0, 0, "BE", "new") : give(in, 4, 1, 0, "BE", "new"), SCTP_INBOUND_NO_ROOM);
        assert_false(sctp_inbound_reset(in, streams, 1, INITIAL_TSN + 3));
        assert_int_equal(kind ? give_interleaved(in, 3, 1, 3, 0, "BE", "last") : give(in, 3, 1, 3, "BE", "last"), SCTP_INBOUND_TAKEN);
        assert_string_equal(take(in), "1:last");
        assert_true(sctp_inbound_reset(in, streams, 1, INITIAL_TSN + 3));
        assert_int_equal(kind ? give_interleaved(in, 4, 1, 0, 0, "BE", "new") : give(in, 4, 1, 0, "BE", "new"), SCTP_INBOUND_TAKEN);
        assert_string_equal(take(in), "1:new");
        end(in);
    }
}

/* What is left of a stream goes with its reset: a peer that has skipped numbers leaves nothing behind */
static void leftovers(void **state) {
    (void)state;
    static const uint16_t streams[] = {1};
    struct sctp_inbound *in = begin(true);
    assert_int_equal(give_interleaved(in, 0, 1, 5, 0, "BE", "behind a hole"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 1, 1, 6, 0, "B", "never ended"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 2, 1, 0, 0, "BU", "never ended"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 3, 2, 0, 0, "B", "other "), SCTP_INBOUND_TAKEN);
    assert_true(sctp_inbound_reset(in, streams, 1, INITIAL_TSN + 3));
    struct sctp_inbound_statistics statistics;
    sctp_inbound_statistics(in, &statistics);
    assert_int_equal(statistics.skipped, 3);
    assert_int_equal(statistics.waiting_bytes, 256);
    assert_int_equal(give_interleaved(in, 4, 2, 0, 1, "E", "stream"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "2:other stream");
    end(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_stream), cmocka_unit_test(resets), cmocka_unit_test(deferred), cmocka_unit_test(leftovers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
