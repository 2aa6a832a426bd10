/* What the peer gives up: RFC 3758 section 3.6, RFC 8260 section 2.3.1. */
#include "test_sctp.h"

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
    sctp_inbound_free(in);
    assert_int_equal(memory.blocks, 0);
}

static size_t waiting_bytes(const struct sctp_inbound *in) {
    struct sctp_inbound_statistics statistics;
    sctp_inbound_statistics(in, &statistics);
    return statistics.waiting_bytes;
}

/* RFC 3758 section 3.6, the example: 102 is cumulative, 103 skipped, 104 and 105 here, 106 missing: 105 is cumulative */
static void example(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    struct told told;
    for (uint32_t tsn = 0; tsn <= 102; tsn++)
        assert_int_equal(give(in, tsn, 0, 0, "BEU", "x"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 104, 0, 0, "BEU", "x"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 105, 0, 0, "BEU", "x"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 107, 0, 0, "BEU", "x"), SCTP_INBOUND_TAKEN);
    assert_true(forward(in, 103, false, NULL, 0));
    assert_true(sack(in, 1000, &told));
    assert_int_equal(told.cumulative, 105);
    assert_int_equal(told.gap_count, 1);
    assert_int_equal(told.gaps[0].start, 2);
    /* What was skipped and comes after all is a duplicate. */
    assert_int_equal(give(in, 103, 0, 0, "BEU", "x"), SCTP_INBOUND_DUPLICATE);
    end(in);
}

/* MUST: what waited for a skipped one can be read, in order; what is not whole up to there is dropped */
static void streams_go_on(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    assert_int_equal(give(in, 1, 1, 1, "BE", "one"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 2, 1, 2, "B", "half of "), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 4, 1, 3, "BE", "three"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 5, 2, 0, "BE", "other"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 6, 1, 4, "B", "fo"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "2:other");
    static const struct sctp_skipped skipped[] = {{.stream = 1, .message = 2}};
    assert_true(forward(in, 3, false, skipped, 1));
    assert_string_equal(take(in), "1:one");
    assert_string_equal(take(in), "1:three");
    assert_int_equal(waiting_bytes(in), 256); /* what goes on beyond the skipped */
    assert_int_equal(give(in, 7, 1, 4, "E", "ur"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "1:four");
    end(in);
}

/* A message that has begun at the new cumulative TSN, and lacks nothing below it, stays */
static void an_edge_stays(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    assert_int_equal(give(in, 1, 1, 0, "B", "be"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 2, 1, 0, "", "gu"), SCTP_INBOUND_TAKEN);
    assert_true(forward(in, 2, false, NULL, 0)); /* it says the arrived ones too */
    assert_int_equal(give(in, 3, 1, 0, "E", "n"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "1:begun");
    end(in);
}

/* Too old: nothing changes, and a SACK is due (SHOULD). Entries that are too old, too far, or for no stream: nothing either */
static void stale(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    struct told told;
    for (uint16_t i = 0; i < 4; i++)
        assert_int_equal(give(in, i, 1, i, "BE", "x"), SCTP_INBOUND_TAKEN);
    sctp_inbound_packet_end(in, 100);
    assert_true(sack(in, 1000, &told));
    static const struct sctp_skipped old[] = {{.stream = 1, .message = 9}};
    assert_true(forward(in, 3, false, old, 1));
    assert_true(forward(in, 1, false, old, 1));
    sctp_inbound_packet_end(in, 200);
    assert_true(sctp_inbound_sack_is_due(in, 200));
    assert_int_equal(give(in, 4, 1, 4, "BE", "x"), SCTP_INBOUND_TAKEN);
    static const struct sctp_skipped odd[] = {{.stream = 1, .message = 3}, {.stream = 1024, .message = 0}, {.stream = 65535, .message = 7}, {.stream = 1, .message = 6}};
    assert_true(forward(in, 5, false, odd, 4)); /* one TSN is skipped: message 5 at most, not 6 */
    assert_int_equal(give(in, 6, 1, 5, "BE", "five"), SCTP_INBOUND_TAKEN);
    for (int i = 0; i < 5; i++)
        assert_string_equal(take(in), "1:x");
    assert_string_equal(take(in), "1:five");
    end(in);
}

/* RFC 3758 section 3.6, MUST: for SACKs it counts as a DATA chunk */
static void counts_for_sacks(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    struct told told;
    assert_int_equal(give(in, 0, 1, 0, "BE", "x"), SCTP_INBOUND_TAKEN);
    sctp_inbound_packet_end(in, 1000);
    assert_true(sack(in, 1000, &told));
    assert_true(forward(in, 1, false, NULL, 0));
    sctp_inbound_packet_end(in, 1000);
    assert_true(sctp_inbound_sack_is_pending(in));
    assert_false(sctp_inbound_sack_is_due(in, 1000));
    assert_true(sctp_inbound_sack_is_due(in, 1000 + SCTP_SACK_DELAY_US));
    end(in);
}

static void wrong_kind(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct sctp_inbound *in = begin(kind);
        assert_false(forward(in, 0, !kind, NULL, 0));
        assert_int_equal(sctp_inbound_violation(in).cause, SCTP_CAUSE_PROTOCOL_VIOLATION);
        end(in);
    }
}

/* Numbers of messages wrap: 16 bits with DATA */
static void sequence_wraps(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    for (uint32_t i = 0; i < 65534; i++) {
        assert_int_equal(give(in, i, 1, (uint16_t)i, "BE", "x"), SCTP_INBOUND_TAKEN);
        (void)take(in);
    }
    assert_int_equal(give(in, 65535, 1, 65535, "BE", "last"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 65537, 1, 1, "BE", "second"), SCTP_INBOUND_TAKEN);
    static const struct sctp_skipped skipped[] = {{.stream = 1, .message = 0}};
    assert_true(forward(in, 65536, false, skipped, 1)); /* 65534 and 0 */
    assert_string_equal(take(in), "1:last");
    assert_string_equal(take(in), "1:second");
    end(in);
}

/* ---- I-FORWARD-TSN ------------------------------------------------------------------------------------------------------------------- */

static void named_messages(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(true);
    assert_int_equal(give_interleaved(in, 0, 1, 0, 0, "B", "a"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 1, 1, 0, 0, "BU", "b"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 2, 2, 0, 0, "B", "two "), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 4, 1, 1, 0, "BE", "next"), SCTP_INBOUND_TAKEN);
    static const struct sctp_skipped skipped[] = {{1, false, 0}, {1, true, 0}};
    assert_true(forward(in, 3, true, skipped, 2));
    assert_string_equal(take(in), "1:next");
    assert_int_equal(waiting_bytes(in), 256);
    assert_int_equal(give_interleaved(in, 5, 2, 0, 1, "E", "more"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "2:two more");
    end(in);
}

/* Fragments of a skipped message that were on their way behind others: acknowledged, and not kept */
static void late_fragments(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(true);
    struct sctp_inbound_statistics statistics;
    assert_int_equal(give_interleaved(in, 1, 2, 0, 0, "B", "x"), SCTP_INBOUND_TAKEN);
    static const struct sctp_skipped skipped[] = {{1, false, 0}};
    assert_true(forward(in, 0, true, skipped, 1));
    assert_int_equal(give_interleaved(in, 2, 1, 0, 1, "", "late"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 3, 1, 0, 2, "E", "late"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 4, 1, 1, 0, "BE", "next"), SCTP_INBOUND_TAKEN);
    assert_int_equal(sctp_inbound_cumulative_tsn(in), INITIAL_TSN + 4);
    assert_string_equal(take(in), "1:next");
    sctp_inbound_statistics(in, &statistics);
    assert_int_equal(statistics.skipped, 2);
    assert_int_equal(statistics.waiting_bytes, 256);
    end(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example), cmocka_unit_test(streams_go_on), cmocka_unit_test(an_edge_stays), cmocka_unit_test(stale), cmocka_unit_test(counts_for_sacks),
        cmocka_unit_test(wrong_kind), cmocka_unit_test(sequence_wraps), cmocka_unit_test(named_messages), cmocka_unit_test(late_fragments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
