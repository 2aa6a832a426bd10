/* Fragments in every order become the message; floods of them stay within the budget. */
#include "test_sctp.h"

#include "inbound_bench.h"

static struct counting memory;
static struct sctp_inbound_config config;

static struct sctp_inbound *begin(bool is_interleaved) {
    counting_begin(&memory);
    config = inbound_config(&memory, is_interleaved);
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

static uint64_t skipped(const struct sctp_inbound *in) {
    struct sctp_inbound_statistics statistics;
    sctp_inbound_statistics(in, &statistics);
    return statistics.skipped;
}

/* ---- orders ------------------------------------------------------------------------------------------------------------------------ */

static enum sctp_inbound_result give_part(struct sctp_inbound *in, bool is_interleaved, bool is_unordered, uint32_t tsn, uint32_t message, uint32_t fragment, uint32_t count) {
    static const char *const texts[] = {"zero,", "one,", "two,", "three,", "four,", "five"};
    char flags[4] = "";
    size_t length = 0;
    if (fragment == 0)
        flags[length++] = 'B';
    if (fragment == count - 1)
        flags[length++] = 'E';
    if (is_unordered)
        flags[length++] = 'U';
    return is_interleaved ? give_interleaved(in, tsn, 9, message, fragment, flags, texts[fragment]) : give(in, tsn, 9, (uint16_t)message, flags, texts[fragment]);
}

/* All 720 orders of six fragments; DATA and I-DATA, ordered and not; twice, so that the second begins where the first ended */
static void every_order(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct sctp_inbound *in = begin(kind & 1);
        uint32_t tsn = 0;
        for (unsigned permutation = 0; permutation < 720; permutation++) {
            uint32_t order[6] = {0, 1, 2, 3, 4, 5};
            for (unsigned i = 6, rest = permutation; i > 1; i--) {
                uint32_t swapped = order[i - 1];
                order[i - 1] = order[rest % i];
                order[rest % i] = swapped;
                rest /= i;
            }
            for (unsigned i = 0; i < 6; i++) {
                assert_string_equal(take(in), "");
                assert_int_equal(give_part(in, kind & 1, kind & 2, tsn + order[i], permutation, order[i], 6), SCTP_INBOUND_TAKEN);
            }
            assert_string_equal(take(in), "9:zero,one,two,three,four,five");
            tsn += 6;
        }
        assert_int_equal(waiting_bytes(in), 0);
        end(in);
    }
}

/* RFC 8260 section 2.2.2: two messages of one stream, and of two, with their fragments in turns */
static void interleaved(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(true);
    assert_int_equal(give_interleaved(in, 0, 1, 0, 0, "B", "a"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 1, 1, 0, 0, "BU", "A"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 2, 2, 0, 0, "B", "1"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 3, 1, 0, 1, "", "b"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 4, 2, 0, 1, "E", "2"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 5, 1, 0, 1, "EU", "B"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 6, 1, 0, 2, "E", "c"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "2:12");
    assert_string_equal(take(in), "1:AB");
    assert_string_equal(take(in), "1:abc");
    end(in);
}

/* DATA next to DATA is another message when stream, U bit, SSN, B or E say so */
static void neighbours_are_not_joined(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    assert_int_equal(give(in, 0, 1, 0, "BU", "lost end"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 1, 1, 0, "BU", "x"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 2, 1, 0, "EU", "y"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "1:xy");
    assert_int_equal(give(in, 3, 1, 0, "BU", "x"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 4, 2, 0, "EU", "y"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 5, 1, 0, "B", "x"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give(in, 6, 1, 0, "EU", "y"), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "");
    end(in);
}

/* The payload protocol of I-DATA stands in the first fragment only, and may come last */
static void payload_protocol(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(true);
    struct sctp_received received;
    assert_int_equal(give_interleaved(in, 1, 1, 0, 1, "E", "b"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 0, 1, 0, 0, "B", "a"), SCTP_INBOUND_TAKEN);
    assert_true(sctp_inbound_poll_message(in, &received));
    assert_int_equal(received.payload_protocol, 51);
    end(in);
}

/* ---- violations -------------------------------------------------------------------------------------------------------------------- */

static void overlaps(void **state) {
    (void)state;
    static const struct {
        uint32_t fragment;
        const char *flags;
    } bad[] = {{1, ""}, {2, ""}, {3, ""}, {4, ""}, {0, "BE"}, {0, "B"}};
    for (size_t i = 0; i < 6; i++) {
        struct sctp_inbound *in = begin(true);
        assert_int_equal(give_interleaved(in, 0, 1, 0, 1, "", "1"), SCTP_INBOUND_TAKEN);
        assert_int_equal(give_interleaved(in, 1, 1, 0, 3, "E", "3"), SCTP_INBOUND_TAKEN);
        enum sctp_inbound_result result = give_interleaved(in, 2, 1, 0, bad[i].fragment, bad[i].flags, "x");
        bool is_fine = bad[i].fragment == 2 || (bad[i].fragment == 0 && bad[i].flags[1] == '\0');
        assert_int_equal(result, is_fine ? SCTP_INBOUND_TAKEN : SCTP_INBOUND_VIOLATION);
        end(in);
    }
}

/* message_max_bytes: one below, at it, one above; in one chunk, and in many of any order */
static void too_long(void **state) {
    (void)state;
    static char text[1002];
    for (int excess = -1; excess <= 1; excess++) {
        for (unsigned parts = 1; parts <= 4; parts++) {
            struct sctp_inbound *in = begin(false);
            sctp_inbound_free(in);
            config.message_max_bytes = 1000;
            in = sctp_inbound_new(&config);
            size_t length = (size_t)(1000 + excess), at = length;
            enum sctp_inbound_result result = SCTP_INBOUND_TAKEN;
            for (unsigned part = parts; part > 0 && result == SCTP_INBOUND_TAKEN; part--) {
                size_t from = length * (part - 1) / parts;
                memset(text, 'x', sizeof text);
                text[at - from] = '\0';
                at = from;
                char flags[3] = {part == 1 ? 'B' : 'x', part == parts ? 'E' : 'x'};
                result = give(in, part - 1, 1, 0, flags, text);
            }
            assert_int_equal(result, excess > 0 ? SCTP_INBOUND_VIOLATION : SCTP_INBOUND_TAKEN);
            if (excess <= 0)
                assert_int_equal(strlen(take(in)), 2 + length);
            end(in);
        }
    }
}

/* ---- floods ------------------------------------------------------------------------------------------------------------------------- */

static void check_bounds(const struct sctp_inbound *in) {
    assert_true(waiting_bytes(in) <= config.budget_bytes + config.message_max_bytes * 16 / 15 + 1024);
    assert_true(memory.bytes <= config.budget_bytes + 4 * config.message_max_bytes + 64 * 1024);
}

/* Every fragment but one, of message after message: memory stops at the budget; the missing ones let it all out */
static void every_fragment_but_one(void **state) {
    (void)state;
    static char text[1100];
    memset(text, 'x', sizeof text - 1);
    struct sctp_inbound *in = begin(false);
    uint32_t taken = 0;
    for (uint32_t tsn = 1; tsn < 4000; tsn++) {
        uint32_t part = tsn % 10;
        if (part == 0)
            continue; /* the B of each */
        enum sctp_inbound_result result = give(in, tsn, 1, (uint16_t)(tsn / 10), part == 9 ? "E" : "", text);
        assert_true(result == SCTP_INBOUND_TAKEN || result == SCTP_INBOUND_NO_ROOM);
        taken += result == SCTP_INBOUND_TAKEN;
        check_bounds(in);
    }
    assert_true(taken > 500 && taken < 1000);
    assert_int_equal(sctp_inbound_window(in), 0);
    unsigned messages = 0;
    for (uint32_t tsn = 0; tsn < 4000; tsn++) {
        enum sctp_inbound_result result = give(in, tsn, 1, (uint16_t)(tsn / 10), tsn % 10 == 9 ? "E" : tsn % 10 == 0 ? "B" : "", text);
        assert_true(result == SCTP_INBOUND_TAKEN || result == SCTP_INBOUND_DUPLICATE); /* what comes next always finds room */
        while (*take(in))
            messages++;
        check_bounds(in);
    }
    assert_int_equal(messages, 400);
    assert_int_equal(waiting_bytes(in), 0);
    end(in);
}

/* I-DATA can begin more messages than there is room for: when nothing can end, the association does */
static void beginnings_without_end(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(true);
    enum sctp_inbound_result result = SCTP_INBOUND_TAKEN;
    uint32_t tsn = 0;
    for (; tsn < 100000 && result == SCTP_INBOUND_TAKEN; tsn++)
        result = give_interleaved(in, tsn, (uint16_t)(tsn % 1000), tsn / 1000, 0, "BU", "x");
    assert_int_equal(result, SCTP_INBOUND_VIOLATION);
    assert_int_equal(sctp_inbound_violation(in).cause, SCTP_CAUSE_OUT_OF_RESOURCE);
    check_bounds(in);
    end(in);
}

/* A reader that does not read: no room, and no violation; then everything is still there */
static void never_reads(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(false);
    uint32_t tsn = 0;
    while (give(in, tsn, 1, (uint16_t)tsn, "BE", "x") == SCTP_INBOUND_TAKEN)
        tsn++;
    assert_true(tsn > config.budget_bytes / 256 && tsn < config.budget_bytes / 256 + 600);
    assert_int_equal(give(in, tsn, 1, (uint16_t)tsn, "BE", "x"), SCTP_INBOUND_NO_ROOM);
    check_bounds(in);
    for (uint32_t i = 0; i < tsn; i++)
        assert_string_equal(take(in), "1:x");
    assert_int_equal(give(in, tsn, 1, (uint16_t)tsn, "BE", "x"), SCTP_INBOUND_TAKEN);
    end(in);
}

/* What can never be whole is swept away: fragments whose beginning was skipped, or whose end never had a TSN */
static void sweeps(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct sctp_inbound *in = begin(false);
        for (uint32_t tsn = 0; tsn < 60000; tsn++)
            assert_int_equal(give(in, tsn, 1, 0, kind ? "BU" : "EU", "x"), SCTP_INBOUND_TAKEN);
        assert_true(waiting_bytes(in) < 200 * 256);
        assert_true(skipped(in) > 59000);
        end(in);
    }
}

/* RFC 8260 section 2.2.3, MUST NOT: no assumption is made of the order in which the sender gives TSNs to the fragments of I-DATA */
static void fragments_with_falling_tsns(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(true);
    assert_int_equal(give_interleaved(in, 0, 1, 0, 1, "E", "world"), SCTP_INBOUND_TAKEN);
    assert_int_equal(give_interleaved(in, 1, 1, 0, 1, "UE", "world"), SCTP_INBOUND_TAKEN);
    for (uint32_t i = 0; i < 300; i++) { /* the end of it is acknowledged long since */
        assert_int_equal(give_interleaved(in, 2 + i, 2, i, 0, "BE", "x"), SCTP_INBOUND_TAKEN);
        assert_string_equal(take(in), "2:x");
    }
    assert_int_equal(give_interleaved(in, 302, 1, 0, 0, "B", "hello "), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "1:hello world");
    assert_int_equal(give_interleaved(in, 303, 1, 0, 0, "UB", "hello "), SCTP_INBOUND_TAKEN);
    assert_string_equal(take(in), "1:hello world");
    end(in);
}

/* Late fragments of unordered messages that the peer has given up are not kept for ever */
static void late_unordered_fragments(void **state) {
    (void)state;
    struct sctp_inbound *in = begin(true);
    for (uint32_t i = 0; i < 20000; i++) { /* of three fragments the first is lost, the last one comes behind the I-FORWARD-TSN */
        const struct sctp_skipped given_up = {1, true, i};
        assert_int_equal(give_interleaved(in, 3 * i + 1, 1, i, 1, "U", "middle"), SCTP_INBOUND_TAKEN);
        assert_true(forward(in, 3 * i, true, &given_up, 1));
        assert_int_equal(give_interleaved(in, 3 * i + 2, 1, i, 2, "UE", "end"), SCTP_INBOUND_TAKEN);
    }
    assert_true(waiting_bytes(in) < 65536);
    end(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order), cmocka_unit_test(interleaved), cmocka_unit_test(neighbours_are_not_joined), cmocka_unit_test(payload_protocol),
        cmocka_unit_test(overlaps), cmocka_unit_test(too_long),
        cmocka_unit_test(every_fragment_but_one), cmocka_unit_test(beginnings_without_end), cmocka_unit_test(never_reads), cmocka_unit_test(sweeps),
        cmocka_unit_test(fragments_with_falling_tsns), cmocka_unit_test(late_unordered_fragments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
