/* rtp/payload_vp9.c: every form of the descriptor of RFC 9628 section 4.2, built here bit by bit, and what we write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "round_trip.h"

#define FRAME_MAX_BYTES 20000
#define I 0x80u
#define P 0x40u
#define L 0x20u
#define F 0x10u
#define B 0x08u
#define E 0x04u
#define V 0x02u

static int parse(const uint8_t *bytes, size_t length, struct rtp_payload *out) {
    return rtp_payload_format(RTP_CODEC_VP9)->parse(bytes, length, out);
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

struct descriptor {
    unsigned flags;
    bool wide;           /* 15 bits of picture id */
    unsigned layer;      /* TID, U, SID, D */
    unsigned references; /* P_DIFF, each but the last with N */
    unsigned layers;     /* of the SS: N_S + 1 */
    bool sizes, group;   /* Y, G */
    unsigned pictures;   /* N_G, with 0, 1, 2, 3, 0 .. references */
    bool intra_only;     /* the frame behind it is not a key frame */
};

/* RFC 9628 sections 4.2 and 4.2.1, from their pictures. Returns the length. */
static size_t build(const struct descriptor *d, uint8_t *out) {
    size_t at = 0;
    out[at++] = (uint8_t)d->flags;
    if ((d->flags & I) != 0) {
        if (d->wide) {
            out[at++] = 0x80 | 0x12;
        }
        out[at++] = 0x34;
    }
    if ((d->flags & L) != 0) {
        out[at++] = (uint8_t)d->layer;
        if ((d->flags & F) == 0) {
            out[at++] = 0xAB;
        }
    }
    for (unsigned i = 0; (d->flags & (P | F)) == (P | F) && i < d->references; i++) {
        out[at++] = (uint8_t)(5 << 1 | (i + 1 < d->references));
    }
    if ((d->flags & V) != 0) {
        out[at++] = (uint8_t)((d->layers - 1) << 5 | (d->sizes ? 0x10 : 0) | (d->group ? 0x08 : 0));
        for (unsigned i = 0; d->sizes && i < 4 * d->layers; i++) {
            out[at++] = 0xFF;
        }
        if (d->group) {
            out[at++] = (uint8_t)d->pictures;
        }
        for (unsigned i = 0; d->group && i < d->pictures; i++) {
            out[at++] = (uint8_t)(i % 4 << 2);
            for (unsigned reference = 0; reference < i % 4; reference++) {
                out[at++] = 0xFF;
            }
        }
    }
    return at;
}

static void check(const struct descriptor *d) {
    uint8_t bytes[1200];
    size_t descriptor = build(d, bytes);
    bytes[descriptor] = d->intra_only ? 0x86 : 0x82;
    bytes[descriptor + 1] = 0x49;
    struct rtp_payload payload;
    struct rtp_payload untouched;
    memset(&untouched, 0xEE, sizeof untouched);
    for (size_t length = 0; length <= descriptor; length++) {
        uint8_t *copy = malloc(length);
        memcpy(copy, bytes, length);
        memcpy(&payload, &untouched, sizeof payload);
        assert_int_equal(parse(copy, length, &payload), RTP_ERROR_MALFORMED);
        assert_memory_equal(&payload, &untouched, sizeof payload);
        free(copy);
    }
    for (size_t length = descriptor + 1; length <= descriptor + 2; length++) {
        assert_int_equal(parse(bytes, length, &payload), RTP_OK);
        assert_true(payload.bytes == bytes + descriptor && payload.length == length - descriptor);
        assert_int_equal(payload.has_picture_id, (d->flags & I) != 0);
        if (payload.has_picture_id) {
            assert_int_equal(payload.picture_id, d->wide ? 0x1234 : 0x34);
            assert_int_equal(payload.picture_id_mask, d->wide ? 0x7FFF : 0x7F);
        }
        bool layered = (d->flags & L) != 0;
        bool lowest = !layered || (d->layer & 0x0E) == 0, between_layers = layered && (d->layer & 1) != 0;
        bool begins = (d->flags & B) != 0;
        assert_int_equal(payload.frame_start, !begins ? RTP_FRAME_START_NO : lowest ? RTP_FRAME_START_YES : RTP_FRAME_START_MAYBE);
        assert_int_equal(payload.key_frame, begins && (d->flags & P) == 0 && !between_layers && !d->intra_only);
    }
}

/* RFC 9628 section 4.2: all 256 first bytes, in both modes, with all optional parts, at every length. */
static void descriptors(void **state) {
    (void)state;
    static const unsigned layers[] = {0x00, 0x01, 0x02, 0x03, 0x0E, 0xE0, 0xF0, 0xFF};
    for (unsigned flags = 0; flags < 256; flags++) {
        for (unsigned wide = 0; wide <= 1; wide++) {
            for (size_t layer = 0; layer < sizeof layers / sizeof layers[0]; layer++) {
                for (unsigned references = 1; references <= 3; references++) {
                    check(&(struct descriptor){flags, wide, layers[layer], references, 1, false, false, 0, (flags + layer) % 2 == 1});
                }
            }
        }
    }
}

/* RFC 9628 section 4.2.1: every number of layers, with sizes and without, and groups of none to 255 pictures. */
static void scalability_structures(void **state) {
    (void)state;
    static const unsigned pictures[] = {0, 1, 2, 3, 4, 5, 8, 255};
    for (unsigned layers = 1; layers <= 8; layers++) {
        for (unsigned form = 0; form < 4; form++) {
            for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
                check(&(struct descriptor){I | B | V, true, 0, 1, layers, (form & 1) != 0, (form & 2) != 0, pictures[i], false});
            }
        }
    }
}

/* RFC 9628 section 4.2, MUST: at most three P_DIFF. */
static void reference_limit(void **state) {
    (void)state;
    for (unsigned references = 2; references <= 4; references++) {
        struct descriptor descriptor = {I | P | F | B, false, 0, references, 1, false, false, 0, false};
        uint8_t bytes[16];
        size_t length = build(&descriptor, bytes);
        struct rtp_payload payload;
        bytes[length] = 0x86;
        assert_int_equal(parse(bytes, length + 1, &payload), references <= 3 ? RTP_OK : RTP_ERROR_MALFORMED);
    }
}

/* A key picture of two spatial layers and a padded one between: joined, they are the two frames one behind the other. */
static void spatial_layers(void **state) {
    (void)state;
    static const uint8_t packets[4][8] = {
        {I | L | B | V, 5, 0x00, 7, 1 << 5, 0x82, 0x49, 0x83}, /* layer 0 begins, with an SS of two layers */
        {I | L | E, 5, 0x00, 7, 0x42, 0x11, 0x22, 0x33},
        {I | L | B, 5, 0x03, 7, 0x86, 0x44, 0x55, 0x66}, /* layer 1, predicted from layer 0 */
        {I | L | E, 5, 0x03, 7, 0x77, 0x88, 0x99, 0xAA},
    };
    static const uint8_t expected[] = {0x82, 0x49, 0x83, 0x42, 0x11, 0x22, 0x33, 0x86, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA};
    static const enum rtp_frame_start starts[] = {RTP_FRAME_START_YES, RTP_FRAME_START_NO, RTP_FRAME_START_MAYBE, RTP_FRAME_START_NO};
    uint8_t bytes[sizeof expected];
    struct rtp_assembly assembly = {.bytes = bytes, .capacity = sizeof bytes};
    for (size_t i = 0; i < 4; i++) {
        struct rtp_payload payload;
        assert_int_equal(parse_and_append(RTP_CODEC_VP9, packets[i], sizeof packets[i], &payload, &assembly), RTP_OK);
        assert_int_equal(payload.frame_start, starts[i]);
        assert_int_equal(payload.key_frame, i == 0);
        (void)truncation_sweep(RTP_CODEC_VP9, packets[i], sizeof packets[i]);
    }
    assert_int_equal(assembly.length, sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_int_equal(rtp_payload_format(RTP_CODEC_VP9)->append(&assembly, bytes, 1), RTP_ERROR_CAPACITY);
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

struct expectation {
    bool key_frame;
    unsigned picture_id;
};

/* RFC 9628 section 4.2, MUST: in flexible mode a 15-bit picture id; P with one P_DIFF, of 1, or none at all; B first, E last. */
static void look(void *context, const uint8_t *payload, size_t length, bool first, bool last) {
    const struct expectation *expected = context;
    assert_int_equal(payload[0], I | F | (expected->key_frame ? 0 : P) | (first ? B : 0) | (last ? E : 0));
    assert_int_equal(payload[1], 0x80 | expected->picture_id >> 8);
    assert_int_equal(payload[2], expected->picture_id & 0xFF);
    assert_true(length > 4 && (expected->key_frame || payload[3] == 1 << 1));
}

static void every_size(void **state) {
    (void)state;
    static uint8_t frame[FRAME_MAX_BYTES], bytes[FRAME_MAX_BYTES];
    static const size_t limits[] = {RTP_PAYLOAD_MIN_BYTES, RTP_PAYLOAD_MIN_BYTES + 1, 200, RTP_PAYLOAD_DEFAULT_BYTES, RTP_PAYLOAD_MAX_BYTES};
    for (size_t i = 0; i < sizeof frame; i++) {
        frame[i] = (uint8_t)(i * 31 + i / 251);
    }
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        for (size_t size = 1; size < FRAME_MAX_BYTES; size += size < 3 * limits[l] ? 1 : 997) {
            struct expectation expected = {size % 2 == 0, (unsigned)(0x7FFF - size % 3)};
            struct rtp_payload_state picture = {.picture_id = (uint16_t)expected.picture_id};
            struct round_trip trip = {.bytes = bytes, .capacity = size, .look = look, .context = &expected};
            frame[0] = expected.key_frame ? 0x82 : 0x86;
            assert_true(round_trip(RTP_CODEC_VP9, &picture, frame, size, limits[l], &trip));
            assert_int_equal(trip.length, size);
            assert_memory_equal(bytes, frame, size);
            assert_int_equal(trip.packets, (size + limits[l] - 5) / (limits[l] - 4));
            assert_true(trip.longest - trip.shortest <= 1);
            assert_int_equal(trip.key_frame, expected.key_frame);
        }
    }
}

/* The uncompressed header, VP9 bitstream specification section 6.2: frame_marker 2, profile, show_existing_frame, frame_type. */
static void frame_headers(void **state) {
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        uint8_t frame[2] = {(uint8_t)first, 0};
        uint8_t bytes[2];
        bool profile_3 = (first & 0x30) == 0x30;
        unsigned show_existing = profile_3 ? first >> 2 & 1 : first >> 3 & 1;
        unsigned type = profile_3 ? first >> 1 & 1 : first >> 2 & 1;
        struct rtp_payload_state picture = {0};
        struct round_trip trip = {.bytes = bytes, .capacity = sizeof bytes};
        assert_int_equal(round_trip(RTP_CODEC_VP9, &picture, frame, sizeof frame, RTP_PAYLOAD_MIN_BYTES, &trip), first >> 6 == 2);
        assert_int_equal(trip.key_frame, first >> 6 == 2 && show_existing == 0 && type == 0);
    }
}

/* payload.h: RTP_ERROR_ARGUMENT for an empty frame, and for a limit out of RTP_PAYLOAD_MIN_BYTES to RTP_PAYLOAD_MAX_BYTES. */
static void arguments(void **state) {
    (void)state;
    static const uint8_t frame[1] = {0x82};
    const struct rtp_payload_format *format = rtp_payload_format(RTP_CODEC_VP9);
    struct rtp_payload_state picture = {0};
    struct rtp_packetizer packetizer;
    assert_int_equal(rtp_packetizer_start(&packetizer, format, &picture, frame, 0, 100), RTP_ERROR_ARGUMENT);
    assert_int_equal(rtp_packetizer_start(&packetizer, format, &picture, NULL, 1, 100), RTP_ERROR_ARGUMENT);
    static const size_t limits[] = {RTP_PAYLOAD_MIN_BYTES - 1, RTP_PAYLOAD_MIN_BYTES, RTP_PAYLOAD_MIN_BYTES + 1,
                                    RTP_PAYLOAD_MAX_BYTES - 1, RTP_PAYLOAD_MAX_BYTES, RTP_PAYLOAD_MAX_BYTES + 1};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(rtp_packetizer_start(&packetizer, format, &picture, frame, 1, limits[i]), i % 5 == 0 ? RTP_ERROR_ARGUMENT : RTP_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors), cmocka_unit_test(scalability_structures), cmocka_unit_test(reference_limit), cmocka_unit_test(spatial_layers),
        cmocka_unit_test(every_size), cmocka_unit_test(frame_headers), cmocka_unit_test(arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
