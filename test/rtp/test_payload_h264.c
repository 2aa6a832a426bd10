/* rtp/payload_h264.c: hand-made packets of RFC 6184, Annex B cut and joined, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "round_trip.h"

#define FRAME_MAX_BYTES 12000
#define MAX 100 /* payload_max_bytes, where a test does not need another */

/* ---- in -------------------------------------------------------------------------------------------------------------- */

struct packet {
    size_t length;
    uint8_t bytes[24];
};

/* Joins packets in a block of exactly `capacity`. Returns the first error, and what came out if there is none. */
static int join(const struct packet *packets, size_t count, size_t capacity, uint8_t *out, size_t *length, bool *open) {
    struct rtp_assembly assembly = {.bytes = malloc(capacity), .capacity = capacity};
    int error = RTP_OK;
    for (size_t i = 0; i < count && error == RTP_OK; i++) {
        struct rtp_payload payload;
        error = parse_and_append(RTP_CODEC_H264, packets[i].bytes, packets[i].length, &payload, &assembly);
    }
    memcpy(out, assembly.bytes, assembly.length);
    *length = assembly.length;
    *open = assembly.unit_open;
    free(assembly.bytes);
    return error;
}

static void joins_to(const struct packet *packets, size_t count, const uint8_t *expected, size_t expected_length) {
    uint8_t out[256];
    size_t length;
    bool open;
    assert_int_equal(join(packets, count, expected_length, out, &length, &open), RTP_OK);
    assert_int_equal(length, expected_length);
    assert_memory_equal(out, expected, expected_length);
    assert_false(open);
    assert_int_equal(join(packets, count, expected_length + 1, out, &length, &open), RTP_OK);
    for (size_t capacity = 0; capacity < expected_length; capacity++) {
        assert_int_equal(join(packets, count, capacity, out, &length, &open), RTP_ERROR_CAPACITY);
    }
}

/* RFC 6184 sections 5.6, 5.7.1 and 5.8: each structure of the non-interleaved mode, and Annex B with start codes of four bytes behind it. */
static void structures(void **state) {
    (void)state;
    static const struct packet single = {3, {0x65, 0x88, 0x80}};
    joins_to(&single, 1, (const uint8_t[]){0, 0, 0, 1, 0x65, 0x88, 0x80}, 7);
    static const struct packet stap = {13, {0x78, 0, 3, 0x67, 0x42, 0xC0, 0, 2, 0x68, 0xCE, 0, 1, 0x0B}};
    joins_to(&stap, 1, (const uint8_t[]){0, 0, 0, 1, 0x67, 0x42, 0xC0, 0, 0, 0, 1, 0x68, 0xCE, 0, 0, 0, 1, 0x0B}, 18);
    /* F and NRI come from the indicator, the type from the FU header; R is ignored. */
    static const struct packet fragments[3] = {{4, {0xFC, 0xA5, 0x88, 1}}, {3, {0xFC, 0x05, 2}}, {4, {0xFC, 0x65, 3, 4}}};
    joins_to(fragments, 3, (const uint8_t[]){0, 0, 0, 1, 0xE5, 0x88, 1, 2, 3, 4}, 10);
    /* RFC 6184 section 5.8: an FU payload may be empty. */
    static const struct packet empty[3] = {{2, {0x7C, 0x85}}, {2, {0x7C, 0x05}}, {3, {0x7C, 0x45, 9}}};
    joins_to(empty, 3, (const uint8_t[]){0, 0, 0, 1, 0x65, 9}, 6);
    /* S and E in one, as some cameras send it. */
    static const struct packet both = {4, {0x7C, 0xC1, 5, 6}};
    joins_to(&both, 1, (const uint8_t[]){0, 0, 0, 1, 0x61, 5, 6}, 7);
    /* RFC 6184 section 5.4, MUST: types 0, 30 and 31 are ignored, alone, in an FU-A and in a STAP-A. */
    static const struct packet reserved[6] = {{2, {0x60, 1}}, {2, {0x7E, 1}}, {2, {0x7F, 1}}, {3, {0x7C, 0x9E, 1}}, {3, {0x7C, 0x40, 1}},
                                              {12, {0x78, 0, 2, 0x60, 1, 0, 1, 0x61, 0, 2, 0x7E, 2}}};
    joins_to(reserved, 6, (const uint8_t[]){0, 0, 0, 1, 0x61}, 5);
}

/* What a payload says of its frame: SPS, and IDR slices whose first_mb_in_slice is 0 (a bit 1), are of a key frame. */
static void what_is_seen(void **state) {
    (void)state;
    static const struct {
        struct packet packet;
        enum rtp_frame_start start;
        bool key_frame;
    } rows[] = {
        {{2, {0x67, 0x42}}, RTP_FRAME_START_YES, true},
        {{1, {0x67}}, RTP_FRAME_START_YES, true},
        {{2, {0x65, 0x88}}, RTP_FRAME_START_MAYBE, true},
        {{2, {0x65, 0x40}}, RTP_FRAME_START_MAYBE, false}, /* a later slice */
        {{1, {0x65}}, RTP_FRAME_START_MAYBE, false},
        {{2, {0x61, 0x88}}, RTP_FRAME_START_MAYBE, false},
        {{2, {0x68, 0xCE}}, RTP_FRAME_START_MAYBE, false},
        {{2, {0x09, 0x10}}, RTP_FRAME_START_MAYBE, false},
        {{8, {0x78, 0, 1, 0x67, 0, 2, 0x65, 0x88}}, RTP_FRAME_START_YES, true},
        {{7, {0x78, 0, 1, 0x09, 0, 1, 0x67}}, RTP_FRAME_START_MAYBE, true},
        {{8, {0x78, 0, 1, 0x06, 0, 2, 0x65, 0x88}}, RTP_FRAME_START_MAYBE, true},
        {{8, {0x78, 0, 1, 0x06, 0, 2, 0x65, 0x48}}, RTP_FRAME_START_MAYBE, false},
        {{3, {0x7C, 0x85, 0x88}}, RTP_FRAME_START_MAYBE, true},
        {{3, {0x7C, 0x85, 0x08}}, RTP_FRAME_START_MAYBE, false},
        {{2, {0x7C, 0x85}}, RTP_FRAME_START_MAYBE, false},
        {{3, {0x7C, 0x87, 0x42}}, RTP_FRAME_START_YES, true},
        {{3, {0x7C, 0x05, 0x88}}, RTP_FRAME_START_NO, false},
        {{3, {0x7C, 0x45, 0x88}}, RTP_FRAME_START_NO, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rtp_payload payload;
        assert_int_equal(rtp_payload_format(RTP_CODEC_H264)->parse(rows[i].packet.bytes, rows[i].packet.length, &payload), RTP_OK);
        assert_int_equal(payload.frame_start, rows[i].start);
        assert_int_equal(payload.key_frame, rows[i].key_frame);
        assert_false(payload.has_picture_id);
    }
}

static void hostile_packets(void **state) {
    (void)state;
    static const struct packet rows[] = {
        {0, {0}},
        {1, {0x78}},                               /* STAP-A of nothing */
        {2, {0x78, 0}},                            /* half a size */
        {3, {0x78, 0, 0}},                         /* a size of 0 */
        {3, {0x78, 0, 1}},                         /* and nothing of it */
        {4, {0x78, 0, 2, 0x67}},                   /* one more than is there */
        {5, {0x78, 0xFF, 0xFF, 0x67, 0}},          /* many more */
        {5, {0x78, 0, 1, 0x67, 0}},                /* a rest of one byte */
        {6, {0x78, 0, 1, 0x67, 0, 0}},             /* a second size of 0 */
        {4, {0x78, 0, 1, 0x78}},                   /* STAP-A in STAP-A */
        {5, {0x78, 0, 2, 0x7C, 0x85}},             /* FU-A in STAP-A */
        {4, {0x78, 0, 1, 0x79}},                   /* STAP-B in it */
        {1, {0x7C}},                               /* no FU header */
        {3, {0x7C, 0x9C, 1}},                      /* FU-A of FU-A */
        {3, {0x7C, 0x98, 1}},                      /* FU-A of STAP-A */
        {8, {0x79, 0, 0, 0, 1, 0x67, 0, 0}},       /* STAP-B */
        {8, {0x7A, 0, 0, 0, 4, 0, 0, 0}},          /* MTAP16 */
        {8, {0x7B, 0, 0, 0, 5, 0, 0, 0}},          /* MTAP24 */
        {8, {0x7D, 0x85, 0, 0, 1, 2, 3, 4}},       /* FU-B */
    };
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rtp_payload payload;
        struct rtp_assembly assembly = {.bytes = bytes, .capacity = sizeof bytes};
        assert_int_equal(parse_and_append(RTP_CODEC_H264, rows[i].bytes, rows[i].length, &payload, &assembly), RTP_ERROR_MALFORMED);
        assert_int_equal(assembly.length, 0);
    }
}

/* RFC 6184 section 5.8, MUST: the pieces of a NAL unit come one behind the other. Each packet is fine; their order is not. */
static void hostile_sequences(void **state) {
    (void)state;
    static const struct packet starts = {3, {0x7C, 0x85, 0x88}}, goes_on = {3, {0x7C, 0x05, 1}}, ends = {3, {0x7C, 0x45, 2}};
    static const struct packet another = {3, {0x7C, 0x41, 2}}, unit = {2, {0x61, 1}}, stap = {4, {0x78, 0, 1, 0x68}};
    const struct packet *rows[][3] = {
        {&goes_on, &ends, NULL}, {&ends, NULL, NULL},      {&starts, &starts, NULL},   {&starts, &unit, NULL},
        {&starts, &stap, NULL},  {&starts, &another, NULL}, {&starts, &ends, &goes_on}, {&unit, &goes_on, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[64];
        struct rtp_assembly assembly = {.bytes = bytes, .capacity = sizeof bytes};
        int error = RTP_OK;
        for (size_t p = 0; p < 3 && rows[i][p] != NULL && error == RTP_OK; p++) {
            struct rtp_payload payload;
            error = parse_and_append(RTP_CODEC_H264, rows[i][p]->bytes, rows[i][p]->length, &payload, &assembly);
        }
        assert_int_equal(error, RTP_ERROR_MALFORMED);
    }
    const struct packet unfinished[2] = {starts, goes_on};
    uint8_t out[64];
    size_t length;
    bool open;
    assert_int_equal(join(unfinished, 2, sizeof out, out, &length, &open), RTP_OK);
    assert_true(open);
}

static void truncations(void **state) {
    (void)state;
    static const struct packet stap = {13, {0x78, 0, 3, 0x67, 0x42, 0xC0, 0, 2, 0x68, 0xCE, 0, 1, 0x0B}};
    static const struct packet fragment = {4, {0xFC, 0xA5, 0x88, 1}};
    static const struct packet single = {3, {0x65, 0x88, 0x80}};
    assert_int_equal(truncation_sweep(RTP_CODEC_H264, stap.bytes, stap.length), 2); /* behind each whole NAL unit */
    assert_int_equal(truncation_sweep(RTP_CODEC_H264, fragment.bytes, fragment.length), 2);
    assert_int_equal(truncation_sweep(RTP_CODEC_H264, single.bytes, single.length), 2);
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

/* An access unit of NAL units of these sizes, no zeros in them; every other start code is short. Returns its length. */
static size_t annex_b(const size_t *sizes, size_t count, bool short_codes, uint8_t *out) {
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (!short_codes || i % 2 == 0) {
            out[at++] = 0;
        }
        out[at++] = 0;
        out[at++] = 0;
        out[at++] = 1;
        out[at++] = (uint8_t)(0x60 | (i == 0 ? 7 : 5));
        for (size_t byte = 1; byte < sizes[i]; byte++) {
            out[at++] = (uint8_t)(1 + (byte * 7 + i) % 255);
        }
    }
    return at;
}

struct seen {
    size_t singles, staps, fragments;
    bool single_nal_unit;
};

/* RFC 6184 section 5.8: S on the first piece, E on the last, never both; section 5.7.1: two NAL units or more, or why aggregate. */
static void look(void *context, const uint8_t *payload, size_t length, bool first, bool last) {
    struct seen *seen = context;
    unsigned type = payload[0] & 31;
    (void)first;
    (void)last;
    if (type == 28) {
        assert_true((payload[1] & 0xC0) != 0xC0 && (payload[1] & 0x20) == 0 && length > 2);
        seen->fragments++;
    } else if (type == 24) {
        size_t inner = (size_t)payload[1] << 8 | payload[2];
        assert_true(length > 3 + inner + 2);
        seen->staps++;
    } else {
        seen->singles++;
    }
    assert_true(!seen->single_nal_unit || seen->singles == seen->singles + seen->staps + seen->fragments);
}

static struct seen cut(const size_t *sizes, size_t count, size_t max, bool single_nal_unit, bool *taken) {
    static uint8_t in[FRAME_MAX_BYTES], expected[FRAME_MAX_BYTES], out[FRAME_MAX_BYTES];
    struct seen seen = {.single_nal_unit = single_nal_unit};
    struct rtp_payload_state state = {.single_nal_unit = single_nal_unit};
    size_t expected_length = annex_b(sizes, count, false, expected);
    for (int short_codes = 0; short_codes <= 1; short_codes++) {
        struct round_trip trip = {.bytes = out, .capacity = expected_length, .look = look, .context = &seen};
        memset(&seen, 0, offsetof(struct seen, single_nal_unit));
        size_t length = annex_b(sizes, count, short_codes, in);
        *taken = round_trip(RTP_CODEC_H264, &state, in, length, max, &trip);
        if (*taken) {
            assert_int_equal(trip.length, expected_length);
            assert_memory_equal(out, expected, expected_length);
        }
    }
    return seen;
}

/* RFC 6184 sections 5.6, 5.7.1 and 5.8: where a NAL unit stops fitting, and where two of them do. */
static void limits(void **state) {
    (void)state;
    bool taken;
    for (size_t around = MAX - 1; around <= MAX + 1; around++) {
        struct seen seen = cut(&around, 1, MAX, false, &taken);
        assert_true(taken && seen.singles == (around <= MAX) && seen.fragments == (around <= MAX ? 0 : 2));
        seen = cut(&around, 1, MAX, true, &taken);
        assert_true(taken == (around <= MAX) && seen.singles == (around <= MAX));
        /* STAP-A header, two sizes, 30 bytes, and the rest of MAX. */
        size_t two[2] = {30, around - 1 - 2 * 2 - 30};
        seen = cut(two, 2, MAX, false, &taken);
        assert_true(taken && seen.staps == (around <= MAX) && seen.singles == (around <= MAX ? 0 : 2));
    }
    /* The last piece of an FU: room for 98 bytes in each, none short. */
    for (size_t around = 3 * (MAX - 2); around <= 3 * (MAX - 2) + 2; around++) {
        struct seen seen = cut(&around, 1, MAX, false, &taken);
        assert_true(taken && seen.fragments == (around - 1 <= 3 * (MAX - 2) ? 3 : 4));
    }
}

static void every_size(void **state) {
    (void)state;
    static const size_t packet_limits[] = {RTP_PAYLOAD_MIN_BYTES, RTP_PAYLOAD_MIN_BYTES + 1, 333, RTP_PAYLOAD_DEFAULT_BYTES, RTP_PAYLOAD_MAX_BYTES};
    bool taken;
    for (size_t l = 0; l < sizeof packet_limits / sizeof packet_limits[0]; l++) {
        for (size_t size = 1; size < 3000; size += size < 300 ? 1 : 37) {
            size_t sizes[5] = {11, 4, size, 1, size / 2 + 1};
            cut(sizes, 5, packet_limits[l], false, &taken);
            assert_true(taken);
            cut(&size, 1, packet_limits[l], true, &taken);
            assert_int_equal(taken, size <= packet_limits[l]);
        }
    }
    /* 100 NAL units of one byte: as many STAP-A as they need. */
    size_t many[100];
    for (size_t i = 0; i < 100; i++) {
        many[i] = 1;
    }
    struct seen seen = cut(many, 100, MAX, false, &taken);
    assert_true(taken && seen.staps == 3 && seen.singles == 1); /* 33 to a STAP-A, and one left */
    seen = cut(many, 100, MAX, true, &taken);
    assert_true(taken && seen.singles == 100);
}

/* RFC 6184 section 5.7, MUST: the header of a STAP-A has F if any has it, and the greatest NRI. */
static void look_at_header(void *context, const uint8_t *payload, size_t length, bool first, bool last) {
    (void)length;
    assert_true(first && last);
    *(unsigned *)context = payload[0];
}

static void aggregate_header(void **state) {
    (void)state;
    static const struct {
        uint8_t one, two;
        unsigned expected;
    } rows[] = {{0x67, 0x06, 0x78}, {0x06, 0x21, 0x38}, {0x01, 0x06, 0x18}, {0xC1, 0x06, 0xD8}, {0x01, 0x86, 0x98}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint8_t frame[] = {0, 0, 1, rows[i].one, 0x80, 0, 0, 1, rows[i].two, 0x80};
        uint8_t out[64];
        unsigned header = 0;
        struct rtp_payload_state payload_state = {0};
        struct round_trip trip = {.bytes = out, .capacity = sizeof out, .look = look_at_header, .context = &header};
        assert_true(round_trip(RTP_CODEC_H264, &payload_state, frame, sizeof frame, MAX, &trip));
        assert_int_equal(header, rows[i].expected);
    }
}

/* H.264 section B.1: zeros before and behind NAL units are padding, start codes have three bytes or more, empty NAL units are none. */
static void annex_b_forms(void **state) {
    (void)state;
    static const struct {
        size_t length;
        uint8_t bytes[24];
        size_t expected_length; /* 0: refused */
        uint8_t expected[24];
    } rows[] = {
        {5, {0, 0, 1, 0x61, 9}, 6, {0, 0, 0, 1, 0x61, 9}},
        {9, {0, 0, 0, 0, 0, 0, 1, 0x61, 9}, 6, {0, 0, 0, 1, 0x61, 9}},
        {9, {0, 0, 1, 0x61, 9, 0, 0, 0, 0}, 6, {0, 0, 0, 1, 0x61, 9}},
        {14, {0, 0, 1, 0x61, 9, 0, 0, 0, 0, 0, 1, 0x61, 8, 0}, 12, {0, 0, 0, 1, 0x61, 9, 0, 0, 0, 1, 0x61, 8}},
        {11, {0, 0, 1, 0, 0, 1, 0, 0, 1, 0x61, 7}, 6, {0, 0, 0, 1, 0x61, 7}},
        {8, {0, 0, 1, 0x61, 1, 1, 0, 1}, 9, {0, 0, 0, 1, 0x61, 1, 1, 0, 1}},
        {4, {0, 0, 1, 0x61}, 5, {0, 0, 0, 1, 0x61}},
        {3, {0, 0, 1}, 0, {0}},                  /* no NAL unit */
        {6, {0, 0, 1, 0, 0, 1}, 0, {0}},
        {4, {0, 0, 0, 0}, 0, {0}},
        {3, {0x61, 1, 2}, 0, {0}},               /* no start code */
        {6, {7, 0, 0, 1, 0x61, 9}, 0, {0}},      /* something before the first */
        {5, {0, 0, 1, 0x60, 9}, 0, {0}},         /* type 0 */
        {5, {0, 0, 1, 0x78, 9}, 0, {0}},         /* type 24 */
        {5, {0, 0, 1, 0x7F, 9}, 0, {0}},         /* type 31 */
        {10, {0, 0, 1, 0x61, 9, 0, 0, 1, 0x7C, 9}, 0, {0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[32];
        struct rtp_payload_state payload_state = {0};
        struct round_trip trip = {.bytes = out, .capacity = sizeof out};
        assert_int_equal(round_trip(RTP_CODEC_H264, &payload_state, rows[i].bytes, rows[i].length, MAX, &trip), rows[i].expected_length > 0);
        assert_int_equal(trip.length, rows[i].expected_length);
        assert_memory_equal(out, rows[i].expected, trip.length);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structures), cmocka_unit_test(what_is_seen), cmocka_unit_test(hostile_packets), cmocka_unit_test(hostile_sequences),
        cmocka_unit_test(truncations), cmocka_unit_test(limits), cmocka_unit_test(every_size), cmocka_unit_test(aggregate_header),
        cmocka_unit_test(annex_b_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
