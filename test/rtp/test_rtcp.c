/* rtp/rtcp.c and rtcp_writer.c: what is written reads back; limits; truncations in heap blocks of exactly that length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/rtcp.h"

static uint8_t storage[20000];

static struct rtcp_buffer fresh(void) {
    memset(storage, 0xEE, sizeof storage);
    return (struct rtcp_buffer){storage, sizeof storage, 0};
}

static struct rtcp_packet only_packet(const struct rtcp_buffer *buffer) {
    struct rtcp_packet packet;
    size_t offset = 0;
    assert_int_equal(rtcp_compound_check(buffer->bytes, buffer->length), RTP_OK);
    assert_true(rtcp_next(buffer->bytes, buffer->length, &offset, &packet));
    assert_int_equal(offset, buffer->length);
    return packet;
}

/* Calls every typed reader with every index on every packet: none may look beyond the block. */
static void read_everything(const uint8_t *bytes, size_t length) {
    struct rtcp_packet packet;
    size_t offset = 0;
    while (rtcp_next(bytes, length, &offset, &packet)) {
        struct rtcp_sender_report report;
        struct rtcp_report_block block;
        struct rtcp_sdes_item item = {0};
        uint32_t ssrc;
        uint16_t sequence_number, mask;
        uint8_t command;
        assert_true(packet.body >= bytes && packet.body + packet.body_bytes <= bytes + length);
        (void)rtcp_read_sender_report(&packet, &report);
        (void)rtcp_read_ssrc(&packet, &ssrc);
        (void)rtcp_read_media_ssrc(&packet, &ssrc);
        (void)rtcp_sdes_check(&packet);
        for (size_t i = 0; i <= 32; i++) {
            (void)rtcp_read_report_block(&packet, i, &block);
            (void)rtcp_read_bye(&packet, i, &ssrc);
        }
        for (size_t i = 0; i <= rtcp_nack_count(&packet); i++) {
            assert_int_equal(rtcp_read_nack(&packet, i, &sequence_number, &mask), i < rtcp_nack_count(&packet) ? RTP_OK : RTP_ERROR_MALFORMED);
        }
        for (size_t i = 0; i <= rtcp_fir_count(&packet); i++) {
            assert_int_equal(rtcp_read_fir(&packet, i, &ssrc, &command), i < rtcp_fir_count(&packet) ? RTP_OK : RTP_ERROR_MALFORMED);
        }
        while (rtcp_next_sdes_item(&packet, &item)) {
            assert_true(item.value + item.length <= packet.body + packet.body_bytes);
        }
    }
}

static int check_exact(const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length);
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    int error = rtcp_compound_check(copy, length);
    read_everything(copy, length);
    free(copy);
    return error;
}

static const struct rtcp_report_block sample_block = {.ssrc = 0x01020304, .fraction_lost = 0x80, .cumulative_lost = -2, .highest_sequence = 0x0001FFFF,
                                                      .jitter = 0x11223344, .last_sender_report = 0x55667788, .delay_since_last = 0x99AABBCC};
static const struct rtcp_sender_report sample_report = {0xA1A2A3A4, 0xE0E1E2E3E4E5E6E7, 0xB1B2B3B4, 0xC1C2C3C4, 0xD1D2D3D4};

/* RFC 3550 section 6.4.1: the sender report, byte for byte; cumulative loss is signed in 24 bits. */
static void sender_report(void **state) {
    (void)state;
    struct rtcp_buffer buffer = fresh();
    assert_int_equal(rtcp_write_sender_report(&buffer, &sample_report, &sample_block, 1), RTP_OK);
    static const uint8_t literal[] = {
        0x81, 200, 0, 12, 0xA1, 0xA2, 0xA3, 0xA4, 0xE0, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xB1, 0xB2, 0xB3, 0xB4, 0xC1, 0xC2, 0xC3, 0xC4, 0xD1, 0xD2,
        0xD3, 0xD4, 1, 2, 3, 4, 0x80, 0xFF, 0xFF, 0xFE, 0, 1, 0xFF, 0xFF, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC};
    assert_int_equal(buffer.length, sizeof literal);
    assert_memory_equal(storage, literal, sizeof literal);
    struct rtcp_packet packet = only_packet(&buffer);
    struct rtcp_sender_report report;
    struct rtcp_report_block block;
    assert_int_equal(rtcp_read_sender_report(&packet, &report), RTP_OK);
    assert_int_equal(report.ssrc, sample_report.ssrc);
    assert_true(report.ntp == sample_report.ntp);
    assert_int_equal(report.rtp_timestamp, sample_report.rtp_timestamp);
    assert_int_equal(report.packet_count, sample_report.packet_count);
    assert_int_equal(report.octet_count, sample_report.octet_count);
    assert_int_equal(rtcp_read_report_block(&packet, 0, &block), RTP_OK);
    assert_int_equal(block.cumulative_lost, -2);
    assert_int_equal(block.fraction_lost, 0x80);
    assert_int_equal(block.highest_sequence, 0x0001FFFF);
    assert_int_equal(block.delay_since_last, 0x99AABBCC);
    assert_int_equal(rtcp_read_report_block(&packet, 1, &block), RTP_ERROR_MALFORMED);
}

/* RFC 3550 section 6.4.1: the ends of the 24 bits. */
static void cumulative_loss_extremes(void **state) {
    (void)state;
    static const int32_t extremes[] = {0, 1, -1, 0x7FFFFF, -0x800000, 0x7FFFFE, -0x7FFFFF};
    for (size_t i = 0; i < sizeof extremes / sizeof extremes[0]; i++) {
        struct rtcp_buffer buffer = fresh();
        struct rtcp_report_block block = {.fraction_lost = 0xFF, .cumulative_lost = extremes[i]};
        assert_int_equal(rtcp_write_receiver_report(&buffer, 7, &block, 1), RTP_OK);
        struct rtcp_packet packet = only_packet(&buffer);
        assert_int_equal(rtcp_read_report_block(&packet, 0, &block), RTP_OK);
        assert_int_equal(block.cumulative_lost, extremes[i]);
        assert_int_equal(block.fraction_lost, 0xFF);
    }
}

/* RFC 3550 section 6.4: RC has five bits. */
static void report_block_limits(void **state) {
    (void)state;
    struct rtcp_report_block blocks[RTCP_REPORT_BLOCKS_MAX + 1];
    for (size_t i = 0; i <= RTCP_REPORT_BLOCKS_MAX; i++) {
        blocks[i] = sample_block;
        blocks[i].ssrc = (uint32_t)i;
    }
    for (size_t count = RTCP_REPORT_BLOCKS_MAX - 1; count <= RTCP_REPORT_BLOCKS_MAX + 1; count++) {
        int expected = count <= RTCP_REPORT_BLOCKS_MAX ? RTP_OK : RTP_ERROR_ARGUMENT;
        struct rtcp_buffer buffer = fresh();
        assert_int_equal(rtcp_write_sender_report(&buffer, &sample_report, blocks, count), expected);
        assert_int_equal(buffer.length, expected == RTP_OK ? 28 + 24 * count : 0);
        buffer = fresh();
        assert_int_equal(rtcp_write_receiver_report(&buffer, 7, blocks, count), expected);
        if (expected == RTP_OK) {
            struct rtcp_packet packet = only_packet(&buffer);
            struct rtcp_report_block last;
            assert_int_equal(packet.type, RTCP_TYPE_RECEIVER_REPORT);
            assert_int_equal(rtcp_read_report_block(&packet, count - 1, &last), RTP_OK);
            assert_int_equal(last.ssrc, count - 1);
            assert_int_equal(rtcp_read_report_block(&packet, count, &last), RTP_ERROR_MALFORMED);
        }
    }
}

/* RFC 3550 sections 6.4.3 and 6.6: what follows the blocks is an extension, what follows the sources a reason; neither is one more. */
static void bodies_longer_than_their_count(void **state) {
    (void)state;
    static const uint8_t body[24 + 2 * 24] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct rtcp_report_block block;
    uint32_t ssrc;
    for (uint8_t count = 0; count <= 2; count++) {
        for (size_t i = 0; i <= 2; i++) {
            int expected = i < count ? RTP_OK : RTP_ERROR_MALFORMED;
            struct rtcp_packet packet = {RTCP_TYPE_SENDER_REPORT, count, body, sizeof body};
            assert_int_equal(rtcp_read_report_block(&packet, i, &block), expected);
            packet.type = RTCP_TYPE_RECEIVER_REPORT;
            assert_int_equal(rtcp_read_report_block(&packet, i, &block), expected);
            packet.type = RTCP_TYPE_BYE;
            assert_int_equal(rtcp_read_report_block(&packet, i, &block), RTP_ERROR_MALFORMED);
            assert_int_equal(rtcp_read_bye(&packet, i, &ssrc), expected);
        }
    }
}

/* RFC 3550 section 6.5: each chunk ends with a zero byte, on a word; texts of all lengths, up to the limit. */
static void cnames(void **state) {
    (void)state;
    char text[RTCP_TEXT_MAX_BYTES + 2];
    static const uint32_t ssrcs[3] = {5, 6, 7};
    for (size_t length = 0; length <= RTCP_TEXT_MAX_BYTES + 1; length++) {
        memset(text, 'c', length);
        text[length] = '\0';
        struct rtcp_buffer buffer = fresh();
        if (length > RTCP_TEXT_MAX_BYTES) {
            assert_int_equal(rtcp_write_cnames(&buffer, ssrcs, 3, text), RTP_ERROR_ARGUMENT);
            assert_int_equal(buffer.length, 0);
            break;
        }
        assert_int_equal(rtcp_write_cnames(&buffer, ssrcs, 3, text), RTP_OK);
        struct rtcp_packet packet = only_packet(&buffer);
        assert_int_equal(packet.body_bytes % 12, 0);
        assert_int_equal(rtcp_sdes_check(&packet), RTP_OK);
        struct rtcp_sdes_item item = {0};
        for (size_t i = 0; i < 3; i++) {
            assert_true(rtcp_next_sdes_item(&packet, &item));
            assert_int_equal(item.ssrc, ssrcs[i]);
            assert_int_equal(item.type, RTCP_SDES_CNAME);
            assert_int_equal(item.length, length);
            assert_memory_equal(item.value, text, length);
            assert_int_equal(item.value[length], 0);
        }
        assert_false(rtcp_next_sdes_item(&packet, &item));
    }
}

/* RFC 3550 section 6.5 and 6.6: SC has five bits; a BYE of no source is allowed. */
static void chunk_limits(void **state) {
    (void)state;
    uint32_t ssrcs[RTCP_CHUNKS_MAX + 1] = {0};
    ssrcs[RTCP_CHUNKS_MAX - 1] = 0xFEEDFACE;
    for (size_t count = RTCP_CHUNKS_MAX - 1; count <= RTCP_CHUNKS_MAX + 1; count++) {
        int expected = count <= RTCP_CHUNKS_MAX ? RTP_OK : RTP_ERROR_ARGUMENT;
        struct rtcp_buffer buffer = fresh();
        assert_int_equal(rtcp_write_cnames(&buffer, ssrcs, count, "name"), expected);
        buffer = fresh();
        assert_int_equal(rtcp_write_bye(&buffer, ssrcs, count), expected);
        assert_int_equal(buffer.length, expected == RTP_OK ? 4 + 4 * count : 0);
    }
    struct rtcp_buffer buffer = fresh();
    uint32_t ssrc;
    assert_int_equal(rtcp_write_bye(&buffer, ssrcs, RTCP_CHUNKS_MAX), RTP_OK);
    struct rtcp_packet packet = only_packet(&buffer);
    assert_int_equal(rtcp_read_bye(&packet, RTCP_CHUNKS_MAX - 1, &ssrc), RTP_OK);
    assert_int_equal(ssrc, 0xFEEDFACE);
    assert_int_equal(rtcp_read_bye(&packet, RTCP_CHUNKS_MAX, &ssrc), RTP_ERROR_MALFORMED);
    buffer = fresh();
    assert_int_equal(rtcp_write_bye(&buffer, NULL, 0), RTP_OK);
    packet = only_packet(&buffer);
    assert_int_equal(rtcp_read_bye(&packet, 0, &ssrc), RTP_ERROR_MALFORMED);
}

/* RFC 3550 section 6.5: chunks that end before their zero byte, or are fewer than announced, are broken; empty ones are not. */
static void sdes_shapes(void **state) {
    (void)state;
    static const struct {
        uint8_t count;
        size_t bytes;
        int expected;
        uint8_t body[16];
    } rows[] = {
        {0, 0, RTP_OK, {0}},
        {1, 8, RTP_OK, {0, 0, 0, 1, 0, 0, 0, 0}},                      /* no item */
        {2, 16, RTP_OK, {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 9, 9, 9}},
        {1, 4, RTP_ERROR_MALFORMED, {0, 0, 0, 1}},                     /* no end */
        {1, 8, RTP_ERROR_MALFORMED, {0, 0, 0, 1, 1, 2, 'a', 'b'}},     /* no end */
        {1, 8, RTP_ERROR_MALFORMED, {0, 0, 0, 1, 1, 3, 'a', 'b'}},     /* text past the end */
        {1, 8, RTP_ERROR_MALFORMED, {0, 0, 0, 1, 1, 1, 'a', 1}},       /* type without length */
        {2, 8, RTP_ERROR_MALFORMED, {0, 0, 0, 1, 0, 0, 0, 0}},         /* one chunk of two */
        {1, 12, RTP_OK, {0, 0, 0, 1, 1, 1, 'a', 2, 1, 'b', 0, 0}},     /* two items */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t *body = malloc(rows[i].bytes);
        memcpy(body, rows[i].body, rows[i].bytes);
        struct rtcp_packet packet = {RTCP_TYPE_SDES, rows[i].count, body, rows[i].bytes};
        assert_int_equal(rtcp_sdes_check(&packet), rows[i].expected);
        struct rtcp_sdes_item item = {0};
        while (rtcp_next_sdes_item(&packet, &item)) {
            assert_int_equal(item.ssrc, 1);
        }
        assert_false(rtcp_next_sdes_item(&packet, &item)); /* and stays at the end */
        packet.type = RTCP_TYPE_BYE;
        assert_int_equal(rtcp_sdes_check(&packet), RTP_ERROR_MALFORMED);
        free(body);
    }
}

/* RFC 4585 section 6.2.1: PID and BLP, one word each. */
static void nacks(void **state) {
    (void)state;
    static uint16_t numbers[RTCP_NACK_ENTRIES_MAX + 1], masks[RTCP_NACK_ENTRIES_MAX + 1];
    for (size_t i = 0; i <= RTCP_NACK_ENTRIES_MAX; i++) {
        numbers[i] = (uint16_t)(0xFF80 + i);
        masks[i] = (uint16_t)(0x8001 + i);
    }
    for (size_t count = 0; count <= RTCP_NACK_ENTRIES_MAX + 1; count++) {
        struct rtcp_buffer buffer = fresh();
        int expected = count > 0 && count <= RTCP_NACK_ENTRIES_MAX ? RTP_OK : RTP_ERROR_ARGUMENT;
        assert_int_equal(rtcp_write_nack(&buffer, 0x0A, 0x0B, numbers, masks, count), expected);
        if (expected != RTP_OK) {
            assert_int_equal(buffer.length, 0);
            continue;
        }
        struct rtcp_packet packet = only_packet(&buffer);
        uint32_t ssrc;
        uint16_t number, mask;
        assert_int_equal(rtcp_nack_count(&packet), count);
        assert_int_equal(rtcp_fir_count(&packet), 0);
        assert_int_equal(rtcp_read_ssrc(&packet, &ssrc), RTP_OK);
        assert_int_equal(ssrc, 0x0A);
        assert_int_equal(rtcp_read_media_ssrc(&packet, &ssrc), RTP_OK);
        assert_int_equal(ssrc, 0x0B);
        assert_int_equal(rtcp_read_nack(&packet, count - 1, &number, &mask), RTP_OK);
        assert_int_equal(number, numbers[count - 1]);
        assert_int_equal(mask, masks[count - 1]);
    }
}

/* RFC 4585 section 6.3.1 and RFC 5104 section 4.3.1.2, byte for byte. */
static void key_frame_requests(void **state) {
    (void)state;
    struct rtcp_buffer buffer = fresh();
    static const uint8_t pli[] = {0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2};
    assert_int_equal(rtcp_write_pli(&buffer, 1, 2), RTP_OK);
    assert_int_equal(buffer.length, sizeof pli);
    assert_memory_equal(storage, pli, sizeof pli);
    buffer = fresh();
    static const uint8_t fir[] = {0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0xC8, 0, 0, 0};
    assert_int_equal(rtcp_write_fir(&buffer, 1, 2, 200), RTP_OK);
    assert_int_equal(buffer.length, sizeof fir);
    assert_memory_equal(storage, fir, sizeof fir);
    struct rtcp_packet packet = only_packet(&buffer);
    uint32_t ssrc;
    uint8_t command;
    assert_int_equal(rtcp_fir_count(&packet), 1);
    assert_int_equal(rtcp_read_fir(&packet, 0, &ssrc, &command), RTP_OK);
    assert_int_equal(ssrc, 2);
    assert_int_equal(command, 200);
}

/* ---- compounds ------------------------------------------------------------------------------------------------------- */

static int write_all(struct rtcp_buffer *buffer, size_t ends[7]) {
    static const uint32_t ssrcs[2] = {0xA1A2A3A4, 9};
    static const uint16_t number = 77, mask = 3;
    struct rtcp_report_block blocks[2] = {sample_block, sample_block};
    int errors = rtcp_write_sender_report(buffer, &sample_report, blocks, 2);
    ends[0] = buffer->length;
    errors |= rtcp_write_receiver_report(buffer, 9, blocks, 1);
    ends[1] = buffer->length;
    errors |= rtcp_write_cnames(buffer, ssrcs, 2, "strata");
    ends[2] = buffer->length;
    errors |= rtcp_write_nack(buffer, 1, 2, &number, &mask, 1);
    ends[3] = buffer->length;
    errors |= rtcp_write_pli(buffer, 1, 2);
    ends[4] = buffer->length;
    errors |= rtcp_write_fir(buffer, 1, 2, 1);
    ends[5] = buffer->length;
    errors |= rtcp_write_bye(buffer, ssrcs, 2);
    ends[6] = buffer->length;
    return errors;
}

/* RFC 3550 appendix A.2: the lengths add up to the datagram's; RFC 5506 section 3.4.2: it may begin and end with any packet. */
static void truncation_sweep(void **state) {
    (void)state;
    struct rtcp_buffer buffer = fresh();
    size_t ends[7];
    assert_int_equal(write_all(&buffer, ends), RTP_OK);
    for (size_t length = 0; length <= buffer.length; length++) {
        bool boundary = false;
        for (size_t i = 0; i < 7; i++) {
            boundary = boundary || length == ends[i];
        }
        assert_int_equal(check_exact(storage, length), boundary ? RTP_OK : RTP_ERROR_MALFORMED);
    }
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(check_exact(storage + ends[i], buffer.length - ends[i]), RTP_OK);
    }
}

/* A writer writes a whole packet or nothing: every capacity, in memory of exactly that size. */
static void capacity_sweep(void **state) {
    (void)state;
    struct rtcp_buffer whole = fresh();
    size_t ends[7];
    assert_int_equal(write_all(&whole, ends), RTP_OK);
    for (size_t capacity = 0; capacity <= whole.length; capacity++) {
        struct rtcp_buffer small = {malloc(capacity), capacity, 0};
        size_t small_ends[7];
        assert_int_equal(write_all(&small, small_ends) == RTP_OK, capacity == whole.length);
        assert_true(small.length <= capacity);
        assert_int_equal(small.length > 0 ? rtcp_compound_check(small.bytes, small.length) : RTP_OK, RTP_OK);
        for (size_t i = 0; i < 7; i++) {
            size_t before = i == 0 ? 0 : small_ends[i - 1];
            size_t size = ends[i] - (i == 0 ? 0 : ends[i - 1]);
            assert_int_equal(small_ends[i], capacity - before >= size ? before + size : before);
        }
        free(small.bytes);
    }
}

/* All types with all counts and body lengths: only bounds are judged here, and no typed reader looks beyond them. */
static void type_and_length_sweep(void **state) {
    (void)state;
    uint8_t bytes[4 * 20];
    for (unsigned type = 190; type < 256; type++) {
        for (unsigned count = 0; count < 32; count++) {
            for (unsigned words = 0; words < 20; words++) {
                memset(bytes, (int)(count * words), sizeof bytes);
                bytes[0] = (uint8_t)(0x80 | count);
                bytes[1] = (uint8_t)type;
                bytes[2] = 0;
                bytes[3] = (uint8_t)words;
                assert_int_equal(check_exact(bytes, 4 + 4 * (size_t)words - (words == 19 ? 4 : 0)), words == 19 ? RTP_ERROR_MALFORMED : RTP_OK);
            }
        }
    }
    bytes[2] = 0xFF;
    bytes[3] = 0xFF;
    assert_int_equal(check_exact(bytes, sizeof bytes), RTP_ERROR_MALFORMED);
    for (unsigned version = 0; version < 4; version++) {
        uint8_t bye[] = {(uint8_t)(version << 6), RTCP_TYPE_BYE, 0, 0};
        assert_int_equal(check_exact(bye, sizeof bye), version == 2 ? RTP_OK : RTP_ERROR_MALFORMED);
    }
}

/* RFC 3550 section 6.4.1: padding is whole words, within the packet, and in the last packet of a compound only. */
static void padding(void **state) {
    (void)state;
    for (unsigned count = 0; count < 256; count++) {
        uint8_t bytes[4 + 4 + 12 + 4] = {0xA1, RTCP_TYPE_BYE, 0, 4, 0, 0, 0, 1};
        bytes[19] = (uint8_t)count;
        bool right = count > 0 && count % 4 == 0 && count <= 16;
        assert_int_equal(check_exact(bytes, 20), right ? RTP_OK : RTP_ERROR_MALFORMED);
        bytes[20] = 0x80;
        bytes[21] = RTCP_TYPE_BYE;
        assert_int_equal(check_exact(bytes, 24), RTP_ERROR_MALFORMED);
    }
    static const uint8_t padded[] = {0xA1, RTCP_TYPE_BYE, 0, 2, 0, 0, 0, 1, 0, 0, 0, 8};
    struct rtcp_packet packet;
    size_t offset = 0;
    uint32_t ssrc;
    assert_true(rtcp_next(padded, sizeof padded, &offset, &packet));
    assert_int_equal(packet.body_bytes, 0);
    assert_int_equal(rtcp_read_bye(&packet, 0, &ssrc), RTP_ERROR_MALFORMED); /* padding is no source */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sender_report), cmocka_unit_test(cumulative_loss_extremes), cmocka_unit_test(report_block_limits), cmocka_unit_test(cnames),
        cmocka_unit_test(bodies_longer_than_their_count),
        cmocka_unit_test(chunk_limits), cmocka_unit_test(sdes_shapes), cmocka_unit_test(nacks), cmocka_unit_test(key_frame_requests),
        cmocka_unit_test(truncation_sweep), cmocka_unit_test(capacity_sweep), cmocka_unit_test(type_and_length_sweep), cmocka_unit_test(padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
