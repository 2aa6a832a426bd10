/* rtp/packet.c: every shape of header at every length, in heap blocks of exactly that length; and what the writer refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/packet.h"

#define SWEEP_MAX_BYTES 1500

/* Parses a copy that ends where its memory ends. The views of *out are dead, their distances from the start are not. */
static int parse_exact(const uint8_t *bytes, size_t length, struct rtp_packet *out, size_t *payload_at) {
    uint8_t *copy = malloc(length);
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    int error = rtp_packet_parse(copy, length, out);
    if (error == RTP_OK) {
        *payload_at = (size_t)(out->payload - copy);
        assert_true(*payload_at + out->payload_bytes + out->padding_bytes == length);
        assert_true(out->csrc == (out->csrc_count > 0 ? copy + 12 : NULL));
        struct rtp_extension element = {0};
        while (rtp_packet_next_extension(out, &element)) {
            assert_true(element.value >= out->extension && element.value + element.length <= out->extension + out->extension_bytes);
        }
    }
    free(copy);
    return error;
}

/* RFC 3550 section 5.1: the header as a sum: 12, 4 for each CSRC, 4 and the announced words for X, and padding within what is left. */
static bool fits(size_t length, size_t csrc_count, bool x, size_t words, bool p, uint8_t last) {
    size_t header = 12 + 4 * csrc_count + (x ? 4 + 4 * words : 0);
    return length >= header && (!p || (last >= 1 && header + last <= length));
}

static void check_shape(uint8_t *bytes, size_t length, size_t csrc_count, bool x, size_t words, int padding) {
    bool p = padding >= 0;
    memset(bytes, 0x5A, SWEEP_MAX_BYTES + 1);
    bytes[0] = (uint8_t)(0x80 | (p ? 0x20 : 0) | (x ? 0x10 : 0) | csrc_count);
    size_t at = 12 + 4 * csrc_count;
    bytes[at + 2] = (uint8_t)(words >> 8);
    bytes[at + 3] = (uint8_t)words;
    if (p && length > 0) {
        bytes[length - 1] = (uint8_t)padding;
    }
    /* The last byte may itself lie in the length field: read back what the datagram says. */
    words = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
    if (length > 0 && bytes[0] >> 6 != 2) {
        return;
    }
    csrc_count = length > 0 ? bytes[0] & 0x0F : csrc_count;
    struct rtp_packet packet;
    memset(&packet, 0xEE, sizeof packet);
    struct rtp_packet untouched = packet;
    size_t payload_at = 0;
    int error = parse_exact(bytes, length, &packet, &payload_at);
    if (!fits(length, csrc_count, x, words, p, length > 0 ? bytes[length - 1] : 0)) {
        assert_int_equal(error, RTP_ERROR_MALFORMED);
        assert_memory_equal(&packet, &untouched, sizeof packet);
        return;
    }
    assert_int_equal(error, RTP_OK);
    assert_int_equal(payload_at, 12 + 4 * csrc_count + (x ? 4 + 4 * words : 0));
    assert_int_equal(packet.csrc_count, csrc_count);
    assert_int_equal(packet.has_extension, x);
    assert_int_equal(packet.extension_bytes, x ? 4 * words : 0);
    assert_int_equal(packet.padding_bytes, p ? bytes[length - 1] : 0);
}

/* RFC 3550 section 5.1 and appendix A.1: X, CC and P in all combinations, each at all lengths. */
static void every_shape_at_every_length(void **state) {
    (void)state;
    static uint8_t bytes[SWEEP_MAX_BYTES + 200];
    for (size_t length = 0; length <= SWEEP_MAX_BYTES; length++) {
        for (size_t csrc_count = 0; csrc_count <= RTP_CSRC_MAX; csrc_count++) {
            size_t header = 12 + 4 * csrc_count + 4;
            size_t room = length > header ? (length - header) / 4 : 0;
            check_shape(bytes, length, csrc_count, false, 0, -1);
            check_shape(bytes, length, csrc_count, false, 0, 1);
            check_shape(bytes, length, csrc_count, true, 0, -1);
            check_shape(bytes, length, csrc_count, true, room, -1);
            check_shape(bytes, length, csrc_count, true, room + 1, 4);
            check_shape(bytes, length, csrc_count, true, room / 2, 200);
        }
    }
}

/* RFC 3550 section 5.1: the count includes itself, so 0 is none; it may take all the payload and not a byte more. */
static void padding_counts(void **state) {
    (void)state;
    static uint8_t bytes[SWEEP_MAX_BYTES + 200];
    for (size_t payload = 0; payload <= 300; payload++) {
        int counts[] = {0, 1, (int)payload - 1, (int)payload, (int)payload + 1, 255};
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            if (counts[i] >= 0 && counts[i] <= 255) {
                check_shape(bytes, 12 + payload, 0, false, 0, counts[i]);
                check_shape(bytes, 12 + 8 + 4 + 4 + payload, 2, true, 1, counts[i]);
            }
        }
    }
}

/* RFC 3550 section 5.1: V is 2. RFC 5761 section 4: second bytes 192..223 are RTCP's. */
static void versions_and_demultiplexing(void **state) {
    (void)state;
    for (unsigned first = 0; first < 256; first += 64) {
        uint8_t bytes[12] = {(uint8_t)first};
        struct rtp_packet packet;
        assert_int_equal(rtp_packet_parse(bytes, sizeof bytes, &packet), first == 0x80 ? RTP_OK : RTP_ERROR_MALFORMED);
        for (unsigned second = 0; second < 256; second++) {
            bytes[1] = (uint8_t)second;
            assert_int_equal(rtp_packet_is_rtcp(bytes, sizeof bytes), first == 0x80 && second >= 192 && second <= 223);
        }
    }
    uint8_t *one = malloc(1);
    *one = 0x80;
    assert_false(rtp_packet_is_rtcp(one, 0));
    assert_false(rtp_packet_is_rtcp(one, 1));
    free(one);
}

/* ---- elements, RFC 8285 ---------------------------------------------------------------------------------------------- */

static size_t walk(uint16_t profile, const uint8_t *block, size_t block_bytes, struct rtp_extension *out, size_t capacity) {
    uint8_t *copy = malloc(block_bytes);
    memcpy(copy, block, block_bytes);
    struct rtp_packet packet = {.has_extension = true, .extension_profile = profile, .extension = copy, .extension_bytes = block_bytes};
    struct rtp_extension element = {0};
    size_t count = 0;
    while (rtp_packet_next_extension(&packet, &element)) {
        assert_true(count < capacity);
        out[count] = element;
        out[count++].value = block + (element.value - copy);
    }
    free(copy);
    return count;
}

/* RFC 8285 section 4.2: the length field is one less; zero bytes are padding; id 15 stops, and what came before it counts. */
static void one_byte_elements(void **state) {
    (void)state;
    static const uint8_t block[] = {0x10, 0xAA, 0x00, 0x00, 0x22, 1, 2, 3, 0xF0, 0x77, 0x30, 0x99};
    struct rtp_extension found[4];
    assert_int_equal(walk(RTP_PROFILE_ONE_BYTE, block, sizeof block, found, 4), 2);
    assert_int_equal(found[0].id, 1);
    assert_int_equal(found[0].length, 1);
    assert_int_equal(found[0].value[0], 0xAA);
    assert_int_equal(found[1].id, 2);
    assert_int_equal(found[1].length, 3);
    assert_ptr_equal(found[1].value, block + 5);
    static const uint8_t overrun[] = {0x1F, 1, 2, 3};
    assert_int_equal(walk(RTP_PROFILE_ONE_BYTE, overrun, sizeof overrun, found, 4), 0);
    static const uint8_t header_last[] = {0x11, 1, 2, 0x30};
    assert_int_equal(walk(RTP_PROFILE_ONE_BYTE, header_last, sizeof header_last, found, 4), 1);
    assert_int_equal(walk(0x1234, block, sizeof block, found, 4), 0);
}

/* RFC 8285 section 4.3: id and length have a byte each, a length of 0 is allowed, and appbits are not ours to judge. */
static void two_byte_elements(void **state) {
    (void)state;
    static const uint8_t block[] = {15, 0, 0, 255, 2, 7, 8, 3};
    struct rtp_extension found[4];
    for (uint16_t appbits = 0; appbits < 16; appbits++) {
        assert_int_equal(walk((uint16_t)(RTP_PROFILE_TWO_BYTE | appbits), block, sizeof block, found, 4), 2);
    }
    assert_int_equal(found[0].id, 15);
    assert_int_equal(found[0].length, 0);
    assert_int_equal(found[1].id, 255);
    assert_ptr_equal(found[1].value, block + 5);
    static const uint8_t overrun[] = {1, 3, 9, 9};
    assert_int_equal(walk(RTP_PROFILE_TWO_BYTE, overrun, sizeof overrun, found, 4), 0);
    assert_int_equal(walk(0x0FFF, block, sizeof block, found, 4), 0);
    assert_int_equal(walk(0x1010, block, sizeof block, found, 4), 0);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static const uint8_t value[255] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};

static int write_element(uint8_t id, uint8_t length, uint16_t *profile) {
    static uint8_t bytes[SWEEP_MAX_BYTES];
    struct rtp_packet packet = {.payload_type = 96, .payload = value, .payload_bytes = 5};
    struct rtp_extension element = {id, length, value, 0};
    int written = rtp_packet_write(&packet, &element, 1, bytes, sizeof bytes);
    if (written > 0) {
        struct rtp_packet back;
        struct rtp_extension found;
        size_t payload_at;
        assert_int_equal(parse_exact(bytes, (size_t)written, &back, &payload_at), RTP_OK);
        assert_int_equal(rtp_packet_parse(bytes, (size_t)written, &back), RTP_OK);
        assert_true(rtp_packet_find_extension(&back, id, &found));
        assert_int_equal(found.length, length);
        assert_memory_equal(found.value, value, length);
        assert_int_equal(back.payload_bytes, 5);
        *profile = back.extension_profile;
    }
    return written;
}

/* RFC 8285 section 4.2: one byte holds ids to 14 and lengths 1..16. Section 4.3: beyond that the two-byte form. Id 0 is padding. */
static void element_forms(void **state) {
    (void)state;
    uint16_t profile = 0;
    assert_int_equal(write_element(0, 1, &profile), RTP_ERROR_ARGUMENT);
    static const struct {
        uint8_t id, length;
        uint16_t profile;
        int total;
    } rows[] = {
        {1, 1, RTP_PROFILE_ONE_BYTE, 12 + 4 + 4 + 5},    {14, 16, RTP_PROFILE_ONE_BYTE, 12 + 4 + 20 + 5}, {14, 15, RTP_PROFILE_ONE_BYTE, 12 + 4 + 16 + 5},
        {15, 1, RTP_PROFILE_TWO_BYTE, 12 + 4 + 4 + 5},   {14, 17, RTP_PROFILE_TWO_BYTE, 12 + 4 + 20 + 5}, {14, 0, RTP_PROFILE_TWO_BYTE, 12 + 4 + 4 + 5},
        {255, 255, RTP_PROFILE_TWO_BYTE, 12 + 4 + 260 + 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(write_element(rows[i].id, rows[i].length, &profile), rows[i].total);
        assert_int_equal(profile, rows[i].profile);
    }
}

/* One limit at a time: below, at, above. RFC 3550 section 5.1 gives 7 bits to PT and 4 to CC. */
static void writer_limits(void **state) {
    (void)state;
    static uint8_t bytes[70000], payload[UINT16_MAX + 1];
    uint8_t csrc[64] = {9};
    struct rtp_packet packet = {.payload_type = 127};
    assert_int_equal(rtp_packet_write(&packet, NULL, 0, bytes, sizeof bytes), 12);
    packet.payload_type = 128;
    assert_int_equal(rtp_packet_write(&packet, NULL, 0, bytes, sizeof bytes), RTP_ERROR_ARGUMENT);
    packet = (struct rtp_packet){.csrc = csrc};
    for (uint8_t count = RTP_CSRC_MAX - 1; count <= RTP_CSRC_MAX + 1; count++) {
        packet.csrc_count = count;
        assert_int_equal(rtp_packet_write(&packet, NULL, 0, bytes, sizeof bytes), count <= RTP_CSRC_MAX ? 12 + 4 * count : RTP_ERROR_ARGUMENT);
    }
    struct rtp_extension elements[RTP_EXTENSIONS_MAX + 1];
    for (size_t i = 0; i <= RTP_EXTENSIONS_MAX; i++) {
        elements[i] = (struct rtp_extension){(uint8_t)(i + 1), 2, value, 0};
    }
    packet = (struct rtp_packet){0};
    assert_int_equal(rtp_packet_write(&packet, elements, RTP_EXTENSIONS_MAX - 1, bytes, sizeof bytes), 12 + 4 + 60);
    assert_int_equal(rtp_packet_write(&packet, elements, RTP_EXTENSIONS_MAX, bytes, sizeof bytes), 12 + 4 + 64);
    assert_int_equal(rtp_packet_write(&packet, elements, RTP_EXTENSIONS_MAX + 1, bytes, sizeof bytes), RTP_ERROR_ARGUMENT);
    packet = (struct rtp_packet){.payload = payload, .payload_bytes = UINT16_MAX};
    assert_int_equal(rtp_packet_write(&packet, NULL, 0, bytes, sizeof bytes), 12 + UINT16_MAX);
    packet.payload_bytes++;
    assert_int_equal(rtp_packet_write(&packet, NULL, 0, bytes, sizeof bytes), RTP_ERROR_ARGUMENT);
}

/* Everything at once, written into memory of every size: it fits exactly from its own length on, and reads back the same. */
static void full_packet(uint8_t *bytes, size_t capacity, int expected) {
    static const uint8_t csrc[8] = {0, 0, 0, 1, 0, 0, 0, 2};
    const struct rtp_extension elements[] = {{4, 1, value, 0}, {3, 3, value + 1, 0}, {1, 16, value, 0}};
    struct rtp_packet packet = {.marker = true, .payload_type = 111, .sequence_number = 0xFFFE, .timestamp = 0x89ABCDEF, .ssrc = 0xDEADBEEF,
                                .csrc_count = 2, .csrc = csrc, .payload = value, .payload_bytes = 100, .padding_bytes = 7};
    assert_int_equal(rtp_packet_write(&packet, elements, 3, bytes, capacity), expected);
}

/* RFC 3550 section 5.1, field by field from literal bytes. */
static void round_trip_and_truncation(void **state) {
    (void)state;
    enum { TOTAL = 12 + 8 + 4 + 24 + 100 + 7 };
    for (size_t capacity = 0; capacity < TOTAL; capacity++) {
        uint8_t *small = malloc(capacity);
        full_packet(small, capacity, RTP_ERROR_BUFFER);
        free(small);
    }
    uint8_t *bytes = malloc(TOTAL);
    full_packet(bytes, TOTAL, TOTAL);
    static const uint8_t head[] = {0xB2, 0xEF, 0xFF, 0xFE, 0x89, 0xAB, 0xCD, 0xEF, 0xDE, 0xAD, 0xBE, 0xEF, 0, 0, 0, 1, 0, 0, 0, 2,
                                   0xBE, 0xDE, 0, 6, 0x40, 1, 0x32, 2, 3, 4, 0x1F, 1};
    assert_memory_equal(bytes, head, sizeof head);
    static const uint8_t tail[] = {0, 0, 0, 0, 0, 0, 7};
    assert_memory_equal(bytes + TOTAL - 7, tail, sizeof tail);
    struct rtp_packet packet;
    struct rtp_extension element;
    assert_int_equal(rtp_packet_parse(bytes, TOTAL, &packet), RTP_OK);
    assert_true(packet.marker);
    assert_int_equal(packet.payload_type, 111);
    assert_int_equal(packet.sequence_number, 0xFFFE);
    assert_int_equal(packet.timestamp, 0x89ABCDEF);
    assert_int_equal(packet.ssrc, 0xDEADBEEF);
    assert_int_equal(packet.padding_bytes, 7);
    assert_memory_equal(packet.payload, value, 100);
    assert_true(rtp_packet_find_extension(&packet, 3, &element));
    assert_memory_equal(element.value, value + 1, 3);
    assert_false(rtp_packet_find_extension(&packet, 2, &element));
    assert_false(rtp_packet_find_extension(&packet, 0, &element));
    for (size_t length = 0; length < TOTAL; length++) {
        size_t payload_at;
        size_t header = 12 + 8 + 4 + 24;
        uint8_t last = length > 0 ? bytes[length - 1] : 0;
        bool whole = length > header && last > 0 && last <= length - header;
        assert_int_equal(parse_exact(bytes, length, &packet, &payload_at), whole ? RTP_OK : RTP_ERROR_MALFORMED);
    }
    free(bytes);
}

/* packet.h: the payload may overlap its place. */
static void payload_in_place(void **state) {
    (void)state;
    for (size_t from = 0; from < 40; from++) {
        uint8_t bytes[80];
        memcpy(bytes + from, value, 17);
        struct rtp_packet packet = {.payload_type = 1, .payload = bytes + from, .payload_bytes = 17};
        struct rtp_extension element = {1, 1, value, 0};
        assert_int_equal(rtp_packet_write(&packet, &element, 1, bytes, sizeof bytes), 12 + 8 + 17);
        assert_memory_equal(bytes + 20, value, 17);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_at_every_length), cmocka_unit_test(padding_counts), cmocka_unit_test(versions_and_demultiplexing),
        cmocka_unit_test(one_byte_elements), cmocka_unit_test(two_byte_elements), cmocka_unit_test(element_forms),
        cmocka_unit_test(writer_limits), cmocka_unit_test(round_trip_and_truncation), cmocka_unit_test(payload_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
