/* SACKs: when, and what they say (RFC 9260 section 6.2). */
#include "test_sctp.h"

#include "inbound_bench.h"

static struct counting memory;
static struct sctp_inbound_config config;

static struct sctp_inbound *begin(void) {
    counting_begin(&memory);
    config = inbound_config(&memory, false);
    struct sctp_inbound *in = sctp_inbound_new(&config);
    assert_non_null(in);
    return in;
}

static void end(struct sctp_inbound *in) {
    sctp_inbound_free(in);
    assert_int_equal(memory.blocks, 0);
}

static void packet(struct sctp_inbound *in, uint64_t now_us, uint32_t tsn, const char *flags) {
    (void)give(in, tsn, 1, 0, flags, "x");
    sctp_inbound_packet_end(in, now_us);
    (void)take(in);
}

/* SHOULD: every second packet at least, and a lone one after a delay */
static void every_second_packet(void **state) {
    (void)state;
    struct sctp_inbound *in = begin();
    struct told told;
    assert_false(sctp_inbound_sack_is_pending(in));
    packet(in, 1000, 0, "BEU"); /* RFC 9260 section 5.1, MUST: the first one of all, at once */
    assert_true(sctp_inbound_sack_is_due(in, 1000));
    assert_true(sack(in, 1000, &told));
    packet(in, 1000, 1, "BEU");
    assert_true(sctp_inbound_sack_is_pending(in));
    assert_false(sctp_inbound_sack_is_due(in, 1000));
    assert_int_equal(sctp_inbound_next_timeout(in), 1000 + SCTP_SACK_DELAY_US);
    assert_false(sctp_inbound_sack_is_due(in, 999 + SCTP_SACK_DELAY_US));
    assert_true(sctp_inbound_sack_is_due(in, 1000 + SCTP_SACK_DELAY_US));
    packet(in, 2000, 2, "BEU");
    assert_true(sctp_inbound_sack_is_due(in, 2000));
    assert_true(sack(in, 1000, &told));
    assert_int_equal(told.cumulative, 2);
    assert_int_equal(told.gap_count + told.duplicate_count, 0);
    assert_false(sctp_inbound_sack_is_due(in, UINT64_MAX - 1));
    assert_false(sctp_inbound_sack_is_pending(in));
    end(in);
}

/* One that is due and cannot leave, since there is no path, is no reason to be woken again. */
static void due_without_a_drain(void **state) {
    (void)state;
    struct sctp_inbound *in = begin();
    struct told told;
    packet(in, 1000, 0, "BEU");
    assert_true(sack(in, 1000, &told));
    packet(in, 1000, 1, "BEU");
    sctp_inbound_handle_timeout(in, 999 + SCTP_SACK_DELAY_US);
    assert_int_equal(sctp_inbound_next_timeout(in), 1000 + SCTP_SACK_DELAY_US);
    sctp_inbound_handle_timeout(in, 1000 + SCTP_SACK_DELAY_US);
    assert_true(sctp_inbound_next_timeout(in) > 1000 + SCTP_SACK_DELAY_US);
    assert_true(sctp_inbound_sack_is_due(in, 1001 + SCTP_SACK_DELAY_US));
    packet(in, 2000000, 2, "BEU");
    assert_true(sctp_inbound_next_timeout(in) > 2000000 + SCTP_SACK_DELAY_US);
    assert_true(sack(in, 1000, &told));
    assert_false(sctp_inbound_sack_is_due(in, UINT64_MAX - 1));
    end(in);
}

/* Two DATA chunks in one packet are one packet */
static void packets_count_not_chunks(void **state) {
    (void)state;
    struct sctp_inbound *in = begin();
    struct told told;
    packet(in, 1000, 0, "BEU");
    assert_true(sack(in, 1000, &told));
    (void)give(in, 1, 1, 0, "BEU", "x");
    (void)give(in, 2, 1, 0, "BEU", "x");
    (void)give(in, 3, 1, 0, "BEU", "x");
    sctp_inbound_packet_end(in, 1000);
    assert_false(sctp_inbound_sack_is_due(in, 1000));
    sctp_inbound_packet_end(in, 1000); /* one without data does not count */
    assert_false(sctp_inbound_sack_is_due(in, 1000));
    end(in);
}

/* At once: the I bit (RFC 7053 section 5.2), a duplicate, a chunk refused, a gap (section 6.7), and the packet that fills it */
static void at_once(void **state) {
    (void)state;
    struct sctp_inbound *in = begin();
    struct told told;
    packet(in, 1000, 0, "BEUI");
    assert_true(sctp_inbound_sack_is_due(in, 1000));
    assert_true(sack(in, 1000, &told));
    packet(in, 2000, 0, "BEU");
    assert_true(sctp_inbound_sack_is_due(in, 2000));
    assert_true(sack(in, 1000, &told));
    assert_int_equal(told.duplicate_count, 1);
    assert_int_equal(told.duplicates[0], 0);
    assert_true(sack(in, 1000, &told));
    assert_int_equal(told.duplicate_count, 0);
    packet(in, 3000, 100000, "BEU");
    assert_true(sctp_inbound_sack_is_due(in, 3000));
    assert_true(sack(in, 1000, &told));
    packet(in, 4000, 2, "BEU");
    assert_true(sctp_inbound_sack_is_due(in, 4000));
    assert_true(sack(in, 1000, &told));
    packet(in, 5000, 1, "BEU");
    assert_true(sctp_inbound_sack_is_due(in, 5000));
    assert_true(sack(in, 1000, &told));
    assert_int_equal(told.cumulative, 2);
    packet(in, 6000, 3, "BEU");
    assert_false(sctp_inbound_sack_is_due(in, 6000));
    end(in);
}

/* SCTP_DUPLICATES_MAX: below, at it, above */
static void duplicates(void **state) {
    (void)state;
    for (size_t count = SCTP_DUPLICATES_MAX - 1; count <= SCTP_DUPLICATES_MAX + 1; count++) {
        struct sctp_inbound *in = begin();
        struct told told;
        struct sctp_inbound_statistics statistics;
        packet(in, 1, 0, "BEU");
        for (size_t i = 0; i < count; i++)
            packet(in, 1, 0, "BEU");
        assert_true(sack(in, 1000, &told));
        assert_int_equal(told.duplicate_count, count < SCTP_DUPLICATES_MAX ? count : SCTP_DUPLICATES_MAX);
        sctp_inbound_statistics(in, &statistics);
        assert_int_equal(statistics.duplicates, count);
        end(in);
    }
}

/* As many gap blocks as fit, the lowest first, then duplicates; without room for any: not written, still due */
static void room(void **state) {
    (void)state;
    struct sctp_inbound *in = begin();
    struct told told;
    for (uint32_t tsn = 1; tsn < 2000; tsn += 2)
        packet(in, 1, tsn, "BEU");
    packet(in, 1, 1, "BEU");
    for (size_t size = 0; size < SCTP_SACK_MIN_BYTES; size++)
        assert_false(sack(in, size, &told));
    assert_true(sctp_inbound_sack_is_due(in, 1));
    for (size_t size = SCTP_SACK_MIN_BYTES; size < 1200; size += 7) {
        packet(in, 1, 1, "BEU");
        assert_true(sack(in, size, &told));
        size_t entries = (size - SCTP_SACK_MIN_BYTES) / 4;
        assert_int_equal(told.gap_count, entries < 290 ? entries : 290);
        assert_int_equal(told.duplicate_count, entries <= 290 ? 0 : entries - 290 < 1 ? entries - 290 : 1);
        for (size_t i = 0; i < told.gap_count; i++)
            assert_int_equal(told.gaps[i].start, 2 * i + 2);
    }
    end(in);
}

/* The window follows what waits, never offers a silly little, and its opening is told when it matters */
static void window(void **state) {
    (void)state;
    struct sctp_inbound *in = begin();
    struct told told;
    uint32_t whole = sctp_inbound_window(in), before = whole, tsn = 0;
    assert_int_equal(whole, config.budget_bytes / 3 * 2);
    static char text[1100];
    memset(text, 'x', sizeof text - 1);
    while (give(in, tsn, 1, (uint16_t)tsn, "BE", text) == SCTP_INBOUND_TAKEN) {
        uint32_t now = sctp_inbound_window(in);
        assert_true(now <= before && (now == 0 || now >= 3000));
        before = now;
        tsn++;
    }
    assert_int_equal(before, 0);
    assert_true((uint64_t)tsn * 1099 > whole); /* the promise was kept, with messages of a packet */
    sctp_inbound_packet_end(in, 5000);
    assert_true(sctp_inbound_sack_is_due(in, 5000));
    assert_true(sack(in, 1000, &told));
    assert_int_equal(told.window, 0);
    assert_false(sctp_inbound_sack_is_due(in, 5000));
    uint32_t read = 0;
    while (!sctp_inbound_sack_is_due(in, 5000)) { /* from zero: as soon as there is something to offer */
        assert_int_not_equal(strlen(take(in)), 0);
        read++;
    }
    assert_true(read < 60 + 10);
    assert_true(sack(in, 1000, &told));
    assert_true(told.window >= 3000);
    read = 0;
    while (!sctp_inbound_sack_is_due(in, 5000)) { /* from then on by quarters */
        assert_int_not_equal(strlen(take(in)), 0);
        read++;
    }
    assert_true(read * 1280 * 2 / 3 >= whole / 4 - 3000 && read * 1280 * 2 / 3 < whole / 4 + 3000); /* 5 cells each */
    end(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_second_packet), cmocka_unit_test(due_without_a_drain), cmocka_unit_test(packets_count_not_chunks), cmocka_unit_test(at_once),
        cmocka_unit_test(duplicates), cmocka_unit_test(room), cmocka_unit_test(window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
