/* rtp/payload_av1.c and obu.c: hand-made packets of the AV1 RTP payload format, temporal units cut and joined, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/obu_internal.h"
#include "round_trip.h"

#define UNIT_MAX_BYTES 12000
#define MAX 100 /* payload_max_bytes, where a test does not need another */
/* The first byte of an OBU without extension and size: sequence header, delimiter, frame header, tile group, metadata, frame, ... */
#define SH 0x08
#define TD 0x10
#define FH 0x18
#define TG 0x20
#define MD 0x28
#define FR 0x30
#define TL 0x40
#define PAD 0x78
#define SIZED 0x02
#define EXTENDED 0x04

/* ---- leb128 ---------------------------------------------------------------------------------------------------------- */

/* AV1 bitstream specification section 4.10.5: up to eight bytes, padded or not, at most 32 bits. */
static void leb128(void **state) {
    (void)state;
    static const struct {
        uint32_t value;
        size_t length;
        uint8_t bytes[5];
    } rows[] = {
        {0, 1, {0}},           {1, 1, {1}},           {127, 1, {0x7F}},          {128, 2, {0x80, 1}},          {16383, 2, {0xFF, 0x7F}},
        {16384, 3, {0x80, 0x80, 1}}, {2097151, 3, {0xFF, 0xFF, 0x7F}}, {268435455, 4, {0xFF, 0xFF, 0xFF, 0x7F}},
        {268435456, 5, {0x80, 0x80, 0x80, 0x80, 1}}, {UINT32_MAX, 5, {0xFF, 0xFF, 0xFF, 0xFF, 0x0F}},
    };
    uint32_t value;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[RTP_LEB128_MAX_BYTES];
        assert_int_equal(rtp_leb128_write(rows[i].value, bytes), rows[i].length);
        assert_memory_equal(bytes, rows[i].bytes, rows[i].length);
        for (size_t length = 0; length <= rows[i].length; length++) {
            assert_int_equal(rtp_leb128_read(bytes, length, &value), length == rows[i].length ? length : 0);
        }
        assert_int_equal(value, rows[i].value);
    }
    /* More bytes than it needs: 7, 8, 9 of them. */
    static const uint8_t padded[9] = {0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0};
    for (size_t length = 7; length <= 9; length++) {
        uint8_t bytes[9];
        memcpy(bytes, padded, sizeof bytes);
        bytes[length - 1] = 0;
        assert_int_equal(rtp_leb128_read(bytes, sizeof bytes, &value), length <= 8 ? length : 0);
        assert_true(length > 8 || value == 5);
    }
    static const uint8_t too_great[5] = {0x80, 0x80, 0x80, 0x80, 0x10}; /* 2^32 */
    assert_int_equal(rtp_leb128_read(too_great, 5, &value), 0);
    static const uint8_t far_too_great[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F};
    assert_int_equal(rtp_leb128_read(far_too_great, 8, &value), 0);
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

struct packet {
    size_t length;
    uint8_t bytes[24];
};

static int join(const struct packet *packets, size_t count, size_t capacity, uint8_t *out, size_t *length, bool *open) {
    struct rtp_assembly assembly = {.bytes = malloc(capacity), .capacity = capacity};
    int error = RTP_OK;
    for (size_t i = 0; i < count && error == RTP_OK; i++) {
        struct rtp_payload payload;
        error = parse_and_append(RTP_CODEC_AV1, packets[i].bytes, packets[i].length, &payload, &assembly);
    }
    memcpy(out, assembly.bytes, assembly.length);
    *length = assembly.length;
    *open = assembly.unit_open;
    free(assembly.bytes);
    return error;
}

/* `expected` follows a temporal delimiter. */
static void joins_to(const struct packet *packets, size_t count, const uint8_t *expected, size_t expected_length) {
    static const uint8_t delimiter[2] = {TD | SIZED, 0};
    uint8_t out[256];
    size_t length;
    bool open;
    size_t whole = expected_length + sizeof delimiter;
    assert_int_equal(join(packets, count, whole, out, &length, &open), RTP_OK);
    assert_int_equal(length, whole);
    assert_memory_equal(out, delimiter, sizeof delimiter);
    assert_memory_equal(out + sizeof delimiter, expected, expected_length);
    assert_false(open);
    assert_int_equal(join(packets, count, whole + 1, out, &length, &open), RTP_OK);
    for (size_t capacity = 0; capacity < whole; capacity++) {
        assert_int_equal(join(packets, count, capacity, out, &length, &open), RTP_ERROR_CAPACITY);
    }
}

/* Section 4.4: two OBUs in every form W has; AV1 bitstream specification section 5.2: coming out, each has its size. */
static void elements(void **state) {
    (void)state;
    static const uint8_t expected[] = {SH | SIZED, 2, 1, 2, FR | SIZED, 3, 3, 4, 5};
    static const struct packet w0 = {10, {0x08, 3, SH, 1, 2, 4, FR, 3, 4, 5}};
    static const struct packet w2 = {9, {0x28, 3, SH, 1, 2, FR, 3, 4, 5}};
    static const struct packet w1[2] = {{4, {0x18, SH, 1, 2}}, {5, {0x10, FR, 3, 4, 5}}};
    static const struct packet padded = {10, {0x28, 0x83, 0x00, SH, 1, 2, FR, 3, 4, 5}};
    joins_to(&w0, 1, expected, sizeof expected);
    joins_to(&w2, 1, expected, sizeof expected);
    joins_to(w1, 2, expected, sizeof expected);
    joins_to(&padded, 1, expected, sizeof expected);
    /* Three, the last one of one byte; and an extension, which stands before the size. */
    static const struct packet w3 = {9, {0x30, 2, MD, 7, 3, FR | EXTENDED, 0x28, 9, FH}};
    joins_to(&w3, 1, (const uint8_t[]){MD | SIZED, 1, 7, FR | EXTENDED | SIZED, 0x28, 1, 9, FH | SIZED, 0}, 9);
    /* An OBU that brought its size keeps it, padded or not. */
    static const struct packet sized = {10, {0x20, 4, MD | SIZED, 0x81, 0x00, 7, FR | SIZED, 2, 8, 9}};
    joins_to(&sized, 1, (const uint8_t[]){MD | SIZED, 0x81, 0x00, 7, FR | SIZED, 2, 8, 9}, 8);
    /* Section 5, MUST: temporal delimiters and tile lists are ignored. */
    static const struct packet ignored = {9, {0x00, 1, TD, 2, TL, 1, 2, FR, 6}};
    joins_to(&ignored, 1, (const uint8_t[]){FR | SIZED, 1, 6}, 3);
}

/* Section 4.4: Y and Z; the cut may be anywhere, in the header of an OBU too. */
static void fragments(void **state) {
    (void)state;
    static const uint8_t expected[] = {MD | SIZED, 1, 7, FR | EXTENDED | SIZED, 0x28, 4, 1, 2, 3, 4};
    static const struct packet three[3] = {{6, {0x60, 2, MD, 7, FR | EXTENDED, 0x28}}, {3, {0xD0, 1, 2}}, {3, {0x90, 3, 4}}};
    static const struct packet in_header[2] = {{5, {0x60, 2, MD, 7, FR | EXTENDED}}, {6, {0x90, 0x28, 1, 2, 3, 4}}};
    static const struct packet lengths[2] = {{8, {0x40, 2, MD, 7, 3, FR | EXTENDED, 0x28, 1}}, {5, {0x80, 3, 2, 3, 4}}};
    joins_to(three, 3, expected, sizeof expected);
    joins_to(in_header, 2, expected, sizeof expected);
    joins_to(lengths, 2, expected, sizeof expected);
    static const struct packet behind[2] = {{3, {0x50, MD, 7}}, {6, {0xA0, 1, 8, FR, 1, 2}}};
    joins_to(behind, 2, (const uint8_t[]){MD | SIZED, 2, 7, 8, FR | SIZED, 2, 1, 2}, 8);
    uint8_t out[64];
    size_t length;
    bool open;
    assert_int_equal(join(three, 2, sizeof out, out, &length, &open), RTP_OK);
    assert_true(open);
    static const struct packet nothing = {2, {0x10, TD}};
    assert_int_equal(join(&nothing, 1, sizeof out, out, &length, &open), RTP_OK);
    assert_true(length == 0 && !open);
}

static void what_is_seen(void **state) {
    (void)state;
    static const struct {
        struct packet packet;
        enum rtp_frame_start start;
        bool key_frame;
    } rows[] = {
        {{3, {0x18, FR, 0x70}}, RTP_FRAME_START_YES, true},               /* N */
        {{3, {0x10, FR, 0x10}}, RTP_FRAME_START_MAYBE, false},            /* a key frame without its sequence header */
        {{5, {0x20, 1, SH, FR, 0x10}}, RTP_FRAME_START_MAYBE, false},     /* the sequence header is empty: not one */
        {{6, {0x20, 2, SH, 0, FR, 0x10}}, RTP_FRAME_START_MAYBE, true},
        {{6, {0x20, 2, SH, 0, FR, 0x30}}, RTP_FRAME_START_MAYBE, false},  /* an inter frame behind it */
        {{6, {0x20, 2, SH, 0, FR, 0x00}}, RTP_FRAME_START_MAYBE, false},  /* a key frame that is not shown */
        {{6, {0x20, 2, SH, 0, FR, 0x90}}, RTP_FRAME_START_MAYBE, false},  /* show_existing_frame */
        {{6, {0x20, 2, SH, 0x18, FR, 0x70}}, RTP_FRAME_START_MAYBE, true}, /* reduced_still_picture_header */
        {{7, {0x20, 3, SH | SIZED, 1, 0, FH, 0x1F}}, RTP_FRAME_START_MAYBE, true},
        {{3, {0x10, SH, 0}}, RTP_FRAME_START_MAYBE, true},
        {{3, {0x90, SH, 0}}, RTP_FRAME_START_NO, false}, /* not a header: the middle of something */
        {{3, {0xD0, FR, 0x10}}, RTP_FRAME_START_NO, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rtp_payload payload;
        assert_int_equal(rtp_payload_format(RTP_CODEC_AV1)->parse(rows[i].packet.bytes, rows[i].packet.length, &payload), RTP_OK);
        assert_int_equal(payload.frame_start, rows[i].start);
        assert_int_equal(payload.key_frame, rows[i].key_frame);
    }
}

static void hostile_packets(void **state) {
    (void)state;
    static const struct packet rows[] = {
        {0, {0}},
        {1, {0x10}},                                                  /* no element */
        {1, {0x00}},
        {2, {0x98, FR}},                                              /* Z and N */
        {3, {0x00, 2, FR}},                                           /* one more than is there */
        {4, {0x00, 0xFF, 0x7F, FR}},                                  /* many more */
        {4, {0x00, 0, 1, FR}},                                        /* an element of nothing */
        {4, {0x20, 2, FR, 1}},                                        /* W says two, there is one */
        {3, {0x30, 1, FR}},                                           /* three */
        {3, {0x20, 0, FR}},
        {2, {0x00, 0x80}},                                            /* a length without end */
        {13, {0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, FR}}, /* too long */
        {11, {0x00, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, FR}},
        {7, {0x00, 0x80, 0x80, 0x80, 0x80, 0x10, FR}},                /* 2^32 */
        {7, {0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, FR}},                /* 2^32 - 1 */
        /* These parse: what the OBUs themselves say is wrong. */
        {3, {0x10, 0x80 | FR, 1}},                                    /* the forbidden bit */
        {2, {0x10, FR | EXTENDED}},                                   /* no extension */
        {3, {0x10, FR | SIZED, 1}},                                   /* its size is one more */
        {4, {0x10, FR | SIZED, 0, 1}},                                /* one less */
        {2, {0x10, FR | SIZED}},                                      /* not there */
        {12, {0x10, FR | SIZED, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 1}},
        {3, {0x90, FR, 1}},                                           /* Z continues nothing */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[256];
        struct rtp_payload payload;
        struct rtp_assembly assembly = {.bytes = bytes, .capacity = sizeof bytes};
        assert_int_equal(parse_and_append(RTP_CODEC_AV1, rows[i].bytes, rows[i].length, &payload, &assembly), RTP_ERROR_MALFORMED);
    }
    static const struct packet open_twice[2] = {{3, {0x50, FR, 1}}, {3, {0x10, FR, 1}}}; /* Y, and then no Z */
    uint8_t out[64];
    size_t length;
    bool open;
    assert_int_equal(join(open_twice, 2, sizeof out, out, &length, &open), RTP_ERROR_MALFORMED);
}

static void truncations(void **state) {
    (void)state;
    static const struct packet rows[] = {
        {10, {0x08, 3, SH, 1, 2, 4, FR, 3, 4, 5}}, {9, {0x28, 3, SH, 1, 2, FR, 3, 4, 5}}, {9, {0x30, 2, MD, 7, 3, FR | EXTENDED, 0x28, 9, FH}}};
    static const size_t accepted[] = {1, 3, 0};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(truncation_sweep(RTP_CODEC_AV1, rows[i].bytes, rows[i].length), accepted[i]);
    }
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

/* Writes an OBU with its size. */
static size_t put(uint8_t *out, unsigned first, unsigned extension, size_t payload_bytes, bool sized) {
    size_t at = 0;
    out[at++] = (uint8_t)(first | (sized ? SIZED : 0));
    if ((first & EXTENDED) != 0) {
        out[at++] = (uint8_t)extension;
    }
    if (sized) {
        at += rtp_leb128_write((uint32_t)payload_bytes, out + at);
    }
    for (size_t i = 0; i < payload_bytes; i++) {
        out[at++] = (uint8_t)(i == 0 ? 0x10 : i * 7 + first);
    }
    return at;
}

struct seen {
    bool key_frame, open;
    size_t packets, elements;
    char first_types[64]; /* of the OBU that each packet begins with, '.' a continuation */
};

/* Section 4.4: N on the first packet of a coded video sequence, Z where Y was; W says how many. Section 5: no delimiter, no size. */
static void look(void *context, const uint8_t *payload, size_t length, bool first, bool last) {
    struct seen *seen = context;
    assert_int_equal((payload[0] & 0x08) != 0, first && seen->key_frame);
    assert_int_equal((payload[0] & 0x80) != 0, seen->open);
    assert_int_equal(payload[0] & 0x07, 0);
    unsigned count = payload[0] >> 4 & 3;
    assert_true(count >= 1);
    size_t at = 1;
    if (seen->packets < sizeof seen->first_types - 1) {
        seen->first_types[seen->packets] = seen->open ? '.' : ' ';
    }
    for (unsigned i = 0; i < count; i++) {
        uint32_t size = (uint32_t)(length - at);
        if (i + 1 < count) {
            size_t size_bytes = rtp_leb128_read(payload + at, length - at, &size);
            assert_true(size_bytes > 0);
            at += size_bytes;
        }
        if (i > 0 || !seen->open) {
            assert_true((payload[at] & SIZED) == 0 && payload[at] != TD && payload[at] != TL && payload[at] != PAD);
            if (i == 0 && seen->packets < sizeof seen->first_types - 1) {
                seen->first_types[seen->packets] = "0s234m6789"[payload[at] >> 3 & 15];
            }
        }
        at += size;
        seen->elements++;
    }
    assert_int_equal(at, length);
    seen->open = (payload[0] & 0x40) != 0;
    assert_false(last && seen->open);
    seen->packets++;
}

static struct seen cut(const uint8_t *unit, size_t length, const uint8_t *expected, size_t expected_length, size_t max, bool key_frame) {
    static uint8_t out[UNIT_MAX_BYTES];
    struct seen seen = {.key_frame = key_frame};
    struct rtp_payload_state payload_state = {0};
    struct round_trip trip = {.bytes = out, .capacity = expected_length, .look = look, .context = &seen};
    assert_true(round_trip(RTP_CODEC_AV1, &payload_state, unit, length, max, &trip));
    assert_int_equal(trip.length, expected_length);
    assert_memory_equal(out, expected, expected_length);
    assert_true(trip.key_frame == key_frame);
    return seen;
}

/* Temporal units of three OBUs, of every size about each multiple of a packet's room, with and without delimiter and last size. */
static void every_size(void **state) {
    (void)state;
    static uint8_t expected[UNIT_MAX_BYTES], bare[UNIT_MAX_BYTES];
    static const size_t packet_limits[] = {RTP_PAYLOAD_MIN_BYTES, RTP_PAYLOAD_MIN_BYTES + 1, 150, RTP_PAYLOAD_DEFAULT_BYTES, RTP_PAYLOAD_MAX_BYTES};
    for (size_t l = 0; l < sizeof packet_limits / sizeof packet_limits[0]; l++) {
        size_t max = packet_limits[l];
        for (size_t size = 0; size < 5000; size += size < 3 * max ? 1 : 131) {
            bool key_frame = size % 2 == 1;
            size_t head = put(expected, TD, 0, 0, true);
            head += put(expected + head, key_frame ? SH : MD, 0, 11, true);
            head += put(expected + head, MD, 0, size % 90, true);
            size_t length = head + put(expected + head, FR, 0, size, true);
            struct seen seen = cut(expected, length, expected, length, max, key_frame);
            assert_true(seen.packets <= (length + max - 5) / (max - 4) + 2);
            memcpy(bare, expected + 2, head - 2);
            size_t bare_length = head - 2 + put(bare + head - 2, FR, 0, size, false);
            cut(bare, bare_length, expected, length, max, key_frame);
        }
    }
}

/* Where an OBU stops fitting: a packet of MAX has room for MAX - 1 bytes of one OBU. */
static void limits(void **state) {
    (void)state;
    uint8_t unit[2 * MAX];
    for (size_t element = MAX - 2; element <= MAX; element++) {
        size_t length = put(unit, TD, 0, 0, true);
        length += put(unit + length, FR, 0, element - 1, true);
        struct seen seen = cut(unit, length, unit, length, MAX, false);
        assert_int_equal(seen.packets, element <= MAX - 1 ? 1 : 2);
    }
    /* Behind an element there must be eight bytes of room for another to begin. */
    for (size_t room = 7; room <= 9; room++) {
        size_t length = put(unit, TD, 0, 0, true);
        length += put(unit + length, MD, 0, MAX - 1 - 1 - 1 - room, true);
        length += put(unit + length, FR, 0, 20, true);
        struct seen seen = cut(unit, length, unit, length, MAX, false);
        assert_true(seen.packets == 2 && strcmp(seen.first_types, room < 8 ? "m6" : "m.") == 0);
    }
    /* At most three to a packet. */
    for (size_t count = 2; count <= 4; count++) {
        size_t length = put(unit, TD, 0, 0, true);
        for (size_t i = 0; i < count; i++) {
            length += put(unit + length, MD, 0, 3, true);
        }
        struct seen seen = cut(unit, length, unit, length, MAX, false);
        assert_true(seen.packets == (count <= 3 ? 1 : 2) && seen.elements == count);
    }
}

/* Section 5, MUST: one layer to a packet. The example of section 5.1: its second group begins at MD(0,1). Section 1: one frame to a packet. */
static void layers(void **state) {
    (void)state;
    uint8_t unit[256];
    size_t length = put(unit, TD, 0, 0, true);
    length += put(unit + length, SH, 0, 3, true);
    length += put(unit + length, MD, 0, 3, true);
    length += put(unit + length, MD | EXTENDED, 0x00, 3, true);
    length += put(unit + length, FH | EXTENDED, 0x00, 3, true);
    length += put(unit + length, TG | EXTENDED, 0x00, 3, true);
    length += put(unit + length, MD | EXTENDED, 0x08, 3, true);
    length += put(unit + length, FH | EXTENDED, 0x08, 3, true);
    length += put(unit + length, TG | EXTENDED, 0x08, 3, true);
    struct seen seen = cut(unit, length, unit, length, MAX, true);
    assert_string_equal(seen.first_types, "s3m");
    /* The same in few bytes: a piece of an OBU is of its layer too. */
    length = put(unit, TD, 0, 0, true);
    length += put(unit + length, FR | EXTENDED, 0x00, MAX + 10, true);
    length += put(unit + length, MD | EXTENDED, 0x08, 3, true);
    seen = cut(unit, length, unit, length, MAX, false);
    assert_string_equal(seen.first_types, "6.m");
    length = put(unit, TD, 0, 0, true);
    length += put(unit + length, FR, 0, 3, true);
    length += put(unit + length, FR, 0, 3, true);
    seen = cut(unit, length, unit, length, MAX, false);
    assert_string_equal(seen.first_types, "66");
    /* A sequence header is the first of its packet. */
    length = put(unit, TD, 0, 0, true);
    length += put(unit + length, MD, 0, 3, true);
    length += put(unit + length, SH, 0, 3, true);
    length += put(unit + length, FR, 0, 3, true);
    seen = cut(unit, length, unit, length, MAX, true);
    assert_string_equal(seen.first_types, "ms");
}

/* Section 5, SHOULD: delimiters and tile lists are not sent; nor is padding. */
static void dropped(void **state) {
    (void)state;
    uint8_t unit[128], expected[128];
    size_t expected_length = put(expected, TD, 0, 0, true);
    expected_length += put(expected + expected_length, FR, 0, 3, true);
    expected_length += put(expected + expected_length, TG, 0, 3, true);
    size_t length = put(unit, TL, 0, 9, true);
    length += put(unit + length, FR, 0, 3, true);
    length += put(unit + length, PAD, 0, 9, true);
    length += put(unit + length, TD, 0, 0, true);
    length += put(unit + length, TG, 0, 3, true);
    length += put(unit + length, PAD, 0, 9, true);
    cut(unit, length, expected, expected_length, MAX, false);
}

static void refused(void **state) {
    (void)state;
    static const struct packet rows[] = {
        {2, {TD | SIZED, 0}},                  /* nothing to send */
        {2, {0x80 | FR | SIZED, 0}},           /* the forbidden bit */
        {1, {FR | SIZED}},                     /* no size */
        {1, {FR | EXTENDED}},                  /* no extension */
        {3, {FR | SIZED, 2, 1}},               /* one more than is there */
        {4, {FR | SIZED, 1, 1, FR | SIZED}},
        {11, {FR | SIZED, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[64];
        struct rtp_payload_state payload_state = {0};
        struct round_trip trip = {.bytes = out, .capacity = sizeof out};
        assert_false(round_trip(RTP_CODEC_AV1, &payload_state, rows[i].bytes, rows[i].length, MAX, &trip));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leb128), cmocka_unit_test(elements), cmocka_unit_test(fragments), cmocka_unit_test(what_is_seen),
        cmocka_unit_test(hostile_packets), cmocka_unit_test(truncations), cmocka_unit_test(every_size), cmocka_unit_test(limits),
        cmocka_unit_test(layers), cmocka_unit_test(dropped), cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
