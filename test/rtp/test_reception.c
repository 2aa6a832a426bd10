/* rtp/reception.c against values computed by hand from the algorithms of RFC 3550 appendix A. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/reception.h"

#define SSRC 0x5EED5EEDu

static struct rtp_reception trusted(uint16_t first) {
    struct rtp_reception reception;
    uint64_t extended = 0;
    rtp_reception_start(&reception, SSRC, 8000, first, 0);
    assert_int_equal(rtp_reception_packet(&reception, first, &extended), RTP_RECEPTION_VALID);
    assert_true(extended == 65536u + first);
    return reception;
}

static uint64_t take(struct rtp_reception *reception, uint16_t sequence_number) {
    uint64_t extended = 0;
    assert_int_equal(rtp_reception_packet(reception, sequence_number, &extended), RTP_RECEPTION_VALID);
    return extended;
}

static struct rtcp_report_block report_of(struct rtp_reception *reception) {
    struct rtcp_report_block block;
    rtp_reception_report(reception, 0, &block);
    return block;
}

/* ---- sequence numbers, appendix A.1 ---------------------------------------------------------------------------------- */

/* RFC 3550 appendix A.1: a wrap adds a cycle; a packet from before the wrap, coming after it, belongs to the cycle before. */
static void wrap(void **state) {
    (void)state;
    struct rtp_reception reception = trusted(65533);
    assert_true(take(&reception, 65535) == 65536 + 65535);
    assert_true(take(&reception, 1) == 65536 * 2 + 1);
    assert_true(take(&reception, 65534) == 65536 + 65534);
    assert_true(take(&reception, 0) == 65536 * 2);
    assert_int_equal(report_of(&reception).highest_sequence, 65536 + 1);
    for (uint32_t i = 2; i <= 3 * 65536; i++) {
        assert_true(take(&reception, (uint16_t)i) == 65536 * 2 + (uint64_t)i);
    }
    struct rtcp_report_block block = report_of(&reception);
    assert_int_equal(block.highest_sequence, 4 * 65536);
    assert_int_equal(block.cumulative_lost, 0);
}

/* RFC 3550 appendix A.1: `udelta < MAX_DROPOUT` is in order, so 2,999 is and 3,000 is not. */
static void dropout_limit(void **state) {
    (void)state;
    static const uint16_t firsts[] = {0, 1000, 60000, 65535};
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        uint64_t extended;
        for (uint16_t jump = RTP_MAX_DROPOUT - 1; jump <= RTP_MAX_DROPOUT + 1; jump++) {
            struct rtp_reception reception = trusted(firsts[i]);
            enum rtp_reception_verdict verdict = rtp_reception_packet(&reception, (uint16_t)(firsts[i] + jump), &extended);
            assert_int_equal(verdict, jump < RTP_MAX_DROPOUT ? RTP_RECEPTION_VALID : RTP_RECEPTION_IGNORED);
            assert_int_equal(rtp_reception_lost(&reception), jump < RTP_MAX_DROPOUT ? jump - 1 : 0);
        }
    }
}

/* RFC 3550 appendix A.1: `udelta <= RTP_SEQ_MOD - MAX_MISORDER` is a jump, so 99 behind is reordering and 100 is not. */
static void misorder_limit(void **state) {
    (void)state;
    static const uint16_t firsts[] = {0, 50, 1000, 65535};
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        for (uint16_t back = RTP_MAX_MISORDER - 1; back <= RTP_MAX_MISORDER + 1; back++) {
            struct rtp_reception reception = trusted(firsts[i]);
            uint64_t extended = 0;
            enum rtp_reception_verdict verdict = rtp_reception_packet(&reception, (uint16_t)(firsts[i] - back), &extended);
            assert_int_equal(verdict, back < RTP_MAX_MISORDER ? RTP_RECEPTION_VALID : RTP_RECEPTION_IGNORED);
            assert_true(verdict == RTP_RECEPTION_IGNORED || extended == 65536u + firsts[i] - back);
            assert_int_equal(report_of(&reception).highest_sequence, firsts[i]);
        }
    }
}

/* RFC 3550 appendix A.1: two packets in sequence after a jump mean that the sender has restarted; then all counts begin anew. */
static void restart(void **state) {
    (void)state;
    struct rtp_reception reception = trusted(100);
    uint64_t extended = 0;
    take(&reception, 110);
    assert_int_equal(rtp_reception_lost(&reception), 9);
    assert_int_equal(rtp_reception_packet(&reception, 20000, &extended), RTP_RECEPTION_IGNORED);
    assert_int_equal(rtp_reception_packet(&reception, 30000, &extended), RTP_RECEPTION_IGNORED); /* another jump, not its continuation */
    assert_int_equal(rtp_reception_packet(&reception, 20001, &extended), RTP_RECEPTION_IGNORED);
    assert_int_equal(rtp_reception_packet(&reception, 20002, &extended), RTP_RECEPTION_RESTARTED);
    assert_true(extended == 65536 + 20002);
    assert_int_equal(rtp_reception_lost(&reception), 0);
    assert_int_equal(report_of(&reception).highest_sequence, 20002);
    assert_true(take(&reception, 20003) == 65536 + 20003);
    /* The jump may end at the wrap. */
    assert_int_equal(rtp_reception_packet(&reception, 65535, &extended), RTP_RECEPTION_IGNORED);
    assert_int_equal(rtp_reception_packet(&reception, 0, &extended), RTP_RECEPTION_RESTARTED);
}

/* RFC 3550 appendix A.1: MIN_SEQUENTIAL packets in a row make a source valid; the last of them is the first that counts. */
static void probation(void **state) {
    (void)state;
    struct rtp_reception reception;
    uint64_t extended = 0;
    rtp_reception_start(&reception, SSRC, 8000, 65535, RTP_MIN_SEQUENTIAL);
    assert_int_equal(rtp_reception_packet(&reception, 65535, &extended), RTP_RECEPTION_IGNORED);
    assert_int_equal(rtp_reception_packet(&reception, 1, &extended), RTP_RECEPTION_IGNORED);
    assert_int_equal(rtp_reception_packet(&reception, 3, &extended), RTP_RECEPTION_IGNORED);
    assert_int_equal(rtp_reception_lost(&reception), 0);
    assert_int_equal(rtp_reception_packet(&reception, 4, &extended), RTP_RECEPTION_VALID);
    assert_true(extended == 65536 + 4);
    assert_int_equal(rtp_reception_lost(&reception), 0);
    take(&reception, 6);
    assert_int_equal(rtp_reception_lost(&reception), 1);
    rtp_reception_start(&reception, SSRC, 8000, 65535, RTP_MIN_SEQUENTIAL);
    (void)rtp_reception_packet(&reception, 65535, &extended);
    assert_int_equal(rtp_reception_packet(&reception, 0, &extended), RTP_RECEPTION_VALID); /* in sequence over the wrap */
    rtp_reception_start(&reception, SSRC, 8000, 7, 1);
    assert_int_equal(rtp_reception_packet(&reception, 7, &extended), RTP_RECEPTION_VALID); /* the first counts as one of them */
}

/* ---- loss, appendix A.3 ---------------------------------------------------------------------------------------------- */

/* RFC 3550 appendix A.3, four intervals by hand: 2 of 10 (2*256/10 = 51), 5 of 10 (128), doubles (0), nothing (0). */
static void fractions(void **state) {
    (void)state;
    struct rtp_reception reception = trusted(65530);
    static const uint16_t first[] = {65531, 65532, 65534, 65535, 0, 2, 3};
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        take(&reception, first[i]);
    }
    struct rtcp_report_block block = report_of(&reception);
    assert_int_equal(block.ssrc, SSRC);
    assert_int_equal(block.fraction_lost, 51);
    assert_int_equal(block.cumulative_lost, 2);
    assert_int_equal(block.highest_sequence, 65536 + 3);
    for (uint16_t i = 5; i <= 13; i = (uint16_t)(i + 2)) {
        take(&reception, i);
    }
    block = report_of(&reception);
    assert_int_equal(block.fraction_lost, 128);
    assert_int_equal(block.cumulative_lost, 7);
    for (uint16_t i = 14; i <= 16; i++) {
        take(&reception, i);
        take(&reception, i);
    }
    block = report_of(&reception);
    assert_int_equal(block.fraction_lost, 0); /* more came than were expected */
    assert_int_equal(block.cumulative_lost, 4);
    struct rtp_reception doubled = reception; /* one of three came twice: -85.3, which eight bits would make 171 */
    take(&doubled, 17);
    take(&doubled, 18);
    take(&doubled, 18);
    take(&doubled, 19);
    assert_int_equal(report_of(&doubled).fraction_lost, 0);
    block = report_of(&reception);
    assert_int_equal(block.fraction_lost, 0); /* nothing was expected */
    take(&reception, 16 + 256);
    assert_int_equal(report_of(&reception).fraction_lost, 255);
    take(&reception, 16 + 256 + 2999);
    assert_int_equal(report_of(&reception).fraction_lost, 255); /* 2,998 * 256 / 2,999 = 255.9 */
    assert_int_equal(report_of(&reception).last_sender_report, 0);
    assert_int_equal(report_of(&reception).delay_since_last, 0);
}

/* RFC 3550 appendix A.3: the sum is clamped to 0x7FFFFF, not wrapped. */
static void most_lost(void **state) {
    (void)state;
    struct rtp_reception reception = trusted(0);
    uint16_t at = 0;
    while (rtp_reception_lost(&reception) + 2998 < 0x7FFFFE) {
        at = (uint16_t)(at + 2999);
        take(&reception, at);
    }
    at = (uint16_t)(at + 0x7FFFFE - rtp_reception_lost(&reception) + 1);
    take(&reception, at);
    static const int32_t expected[] = {0x7FFFFE, 0x7FFFFF, 0x7FFFFF, 0x7FFFFF};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(report_of(&reception).cumulative_lost, expected[i]);
        assert_int_equal(rtp_reception_lost(&reception), 0x7FFFFE + (int64_t)i);
        at = (uint16_t)(at + 2);
        take(&reception, at);
    }
}

/* RFC 3550 section 6.4.1: doubles make the sum negative; its least value is -0x800000. */
static void least_lost(void **state) {
    (void)state;
    struct rtp_reception reception = trusted(9);
    for (uint32_t i = 0; i < 0x7FFFFF; i++) {
        take(&reception, 9);
    }
    assert_int_equal(report_of(&reception).cumulative_lost, -0x7FFFFF);
    take(&reception, 9);
    assert_int_equal(report_of(&reception).cumulative_lost, -0x800000);
    take(&reception, 9);
    assert_int_equal(report_of(&reception).cumulative_lost, -0x800000);
    assert_int_equal(rtp_reception_lost(&reception), -0x800001);
}

/* ---- jitter, appendix A.8 -------------------------------------------------------------------------------------------- */

/*
 * RFC 3550 appendix A.8 by hand, 8,000 Hz, J in sixteenths: |D| = 16: 0+16-0 = 16; 16: 16+16-1 = 31; 0: 31+0-2 = 29;
 * 160 (early): 29+160-2 = 187. Whatever the start of the timestamps and of the clock.
 */
static void jitter(void **state) {
    (void)state;
    static const uint64_t arrivals_ms[] = {0, 22, 44, 64, 64};
    static const uint32_t sixteenths[] = {0, 16, 31, 29, 187};
    static const uint32_t starts[] = {0, 1000, 0x7FFFFF00, 0xFFFFFF00, 0xFFFFFFFF};
    static const uint64_t clocks_us[] = {0, 1000000, 536870000000, 1000000000000000};
    for (size_t s = 0; s < 5; s++) {
        for (size_t c = 0; c < 4; c++) {
            struct rtp_reception reception = trusted(1);
            for (size_t i = 0; i < 5; i++) {
                rtp_reception_arrival(&reception, clocks_us[c] + arrivals_ms[i] * 1000, starts[s] + (uint32_t)i * 160);
                assert_int_equal(reception.jitter_q4, sixteenths[i]);
                assert_int_equal(report_of(&reception).jitter, sixteenths[i] / 16);
            }
        }
    }
}

/* RFC 3550 appendix A.8: a distance of 2^31 is not lost in a sign, and constant delay brings the jitter down to nearly nothing. */
static void jitter_extremes(void **state) {
    (void)state;
    struct rtp_reception reception = trusted(1);
    rtp_reception_arrival(&reception, 0, 0);
    rtp_reception_arrival(&reception, 0, 0x80000000u);
    assert_int_equal(reception.jitter_q4, 0x80000000u);
    for (uint32_t i = 0; i < 1000; i++) {
        rtp_reception_arrival(&reception, 0, 0x80000000u);
    }
    assert_true(reception.jitter_q4 < 16);
}

/* ---- sender reports -------------------------------------------------------------------------------------------------- */

/* RFC 3550 section 6.4.1, the example of figure 2: SR at b44d:b705.2000:0000, report 5.250 s later. */
static void round_trip_fields(void **state) {
    (void)state;
    struct rtp_reception reception = trusted(1);
    struct rtcp_sender_report report = {.ssrc = SSRC, .ntp = 0xB44DB70520000000};
    struct rtcp_report_block block;
    rtp_reception_sender_report(&reception, 7000000, &report);
    rtp_reception_report(&reception, 7000000, &block);
    assert_int_equal(block.last_sender_report, 0xB7052000);
    assert_int_equal(block.delay_since_last, 0);
    rtp_reception_report(&reception, 12250000, &block);
    assert_int_equal(block.delay_since_last, 0x00054000);
    assert_true(reception.reports == 1);
}

/* RFC 3550 section 6.4.1: the NTP and RTP timestamps of a report name the same instant; the RTP one may wrap between. */
static void wall_clock(void **state) {
    (void)state;
    struct rtp_reception reception = trusted(1);
    int64_t unix_us = 0;
    assert_false(rtp_reception_wall_clock(&reception, 0, &unix_us));
    struct rtcp_sender_report report = {.ntp = (uint64_t)(2208988800u + 1700000000u) << 32 | 0x80000000, .rtp_timestamp = 0xFFFFFFFF};
    rtp_reception_sender_report(&reception, 0, &report);
    assert_true(rtp_reception_wall_clock(&reception, 0xFFFFFFFF, &unix_us));
    assert_true(unix_us == 1700000000500000);
    assert_true(rtp_reception_wall_clock(&reception, 7999, &unix_us));
    assert_true(unix_us == 1700000001500000);
    assert_true(rtp_reception_wall_clock(&reception, 0xFFFFFFFF - 4000, &unix_us));
    assert_true(unix_us == 1700000000000000);
    /* RFC 3550 section 6.4.1, MAY: 0 is no time, and what was known before is not of this report. */
    report.ntp = 0;
    rtp_reception_sender_report(&reception, 1000000, &report);
    assert_false(rtp_reception_wall_clock(&reception, 7999, &unix_us));
    assert_true(reception.has_report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrap), cmocka_unit_test(dropout_limit), cmocka_unit_test(misorder_limit), cmocka_unit_test(restart),
        cmocka_unit_test(probation), cmocka_unit_test(fractions), cmocka_unit_test(most_lost), cmocka_unit_test(least_lost),
        cmocka_unit_test(jitter), cmocka_unit_test(jitter_extremes), cmocka_unit_test(round_trip_fields), cmocka_unit_test(wall_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
