/* rtp/jitter_video.c with formats whose packets do not say where a frame begins: H264 over losses, and what cannot be joined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/jitter_buffer.h"

#define START_US 1000000u
#define BASE 70000u
#define NEVER UINT64_MAX

enum piece { SPS, AUD, IDR, IDR_LATER, SLICE, FU_FIRST, FU_LAST, FU_IDR, PADDING };

static const struct {
    size_t length;
    uint8_t bytes[4];
} pieces[] = {
    [SPS] = {2, {0x67, 0x42}},   [AUD] = {2, {0x09, 0x10}},        [IDR] = {2, {0x65, 0x88}},       [IDR_LATER] = {2, {0x65, 0x48}},
    [SLICE] = {2, {0x61, 0x88}}, [FU_FIRST] = {3, {0x7C, 0x81, 0x88}}, [FU_LAST] = {3, {0x7C, 0x41, 0x01}}, [FU_IDR] = {3, {0x7C, 0x85, 0x88}},
    [PADDING] = {0, {0}},
};

static int put(struct rtp_jitter_buffer *buffer, uint64_t now_us, unsigned sequence, enum piece piece, uint32_t timestamp, bool marker) {
    struct rtp_packet packet = {.timestamp = timestamp, .marker = marker};
    struct rtp_payload payload = {0};
    if (pieces[piece].length > 0) {
        assert_int_equal(rtp_payload_format(RTP_CODEC_H264)->parse(pieces[piece].bytes, pieces[piece].length, &payload), RTP_OK);
    }
    return rtp_jitter_buffer_insert(buffer, now_us, BASE + sequence, RTP_CODEC_H264, 90000, &packet, &payload);
}

/* One frame or none: its timestamp, or 0. */
static uint32_t poll(struct rtp_jitter_buffer *buffer, uint64_t now_us) {
    struct rtp_received_frame frame;
    return rtp_jitter_buffer_poll(buffer, now_us, &frame) ? frame.timestamp : 0;
}

/* A buffer that has handed up an IDR picture with its marker, sequence number 0, timestamp 1000. */
static struct rtp_jitter_buffer *after_key_frame(void) {
    struct rtp_jitter_buffer *buffer = rtp_jitter_buffer_new(true, 0, 0, NULL);
    put(buffer, START_US, 0, SPS, 1000, false);
    put(buffer, START_US, 1, IDR, 1000, true);
    assert_int_equal(poll(buffer, START_US), 1000);
    return buffer;
}

/* RFC 6184 section 5.1: the marker ends an access unit, and another timestamp does too; what follows begins one. */
static void boundaries(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = after_key_frame();
    put(buffer, START_US, 2, SLICE, 2000, false);
    put(buffer, START_US, 3, SLICE, 2000, false);
    assert_int_equal(poll(buffer, START_US), 0);
    put(buffer, START_US, 4, SLICE, 3000, true);
    assert_int_equal(poll(buffer, START_US), 2000);
    assert_int_equal(poll(buffer, START_US), 3000);
    put(buffer, START_US, 5, PADDING, 3000, false);
    put(buffer, START_US, 6, AUD, 4000, false);
    put(buffer, START_US, 7, SPS, 4000, false);
    put(buffer, START_US, 8, FU_IDR, 4000, false);
    put(buffer, START_US, 9, FU_LAST, 4000, true);
    assert_int_equal(poll(buffer, START_US), 0); /* an FU of type 5 that ends as type 1 */
    assert_true(rtp_jitter_buffer_wants_key_frame(buffer));
    rtp_jitter_buffer_free(buffer);
}

/* Any packet of an access unit may be the one that says it is a key frame; AUD and SEI come before it. */
static void key_frame_not_in_the_first_packet(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = after_key_frame();
    struct rtp_received_frame frame;
    put(buffer, START_US, 2, AUD, 2000, false);
    put(buffer, START_US, 3, SPS, 2000, false);
    put(buffer, START_US, 4, IDR, 2000, false);
    put(buffer, START_US, 5, IDR_LATER, 2000, true);
    assert_true(rtp_jitter_buffer_poll(buffer, START_US, &frame));
    assert_true(frame.key_frame && frame.marker && frame.length == 4 * 6);
    rtp_jitter_buffer_free(buffer);
}

/* After a gap a packet that might be the middle of an access unit is not taken for its beginning, an IDR slice neither: its SPS may be lost. */
static void start_after_a_gap(void **state) {
    (void)state;
    static const struct {
        enum piece first, second;
        bool trusted;
    } rows[] = {{SPS, IDR, true}, {IDR, SLICE, false}, {AUD, IDR, false}, {FU_IDR, SLICE, false}, {SLICE, SLICE, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rtp_jitter_buffer *buffer = after_key_frame();
        put(buffer, START_US, 3, rows[i].first, 2000, false);
        put(buffer, START_US, 4, rows[i].second, 2000, true);
        assert_true(rtp_jitter_buffer_next_timeout(buffer) == START_US + RTP_VIDEO_HOLD_US);
        assert_int_equal(poll(buffer, START_US + RTP_VIDEO_HOLD_US), rows[i].trusted ? 2000 : 0);
        assert_int_equal(rtp_jitter_buffer_wants_key_frame(buffer), !rows[i].trusted);
        assert_true(rtp_jitter_buffer_next_timeout(buffer) == NEVER);
        /* The next one follows a marker: its beginning is known, and an IDR slice is a key frame. */
        put(buffer, START_US + RTP_VIDEO_HOLD_US, 5, IDR, 3000, true);
        assert_int_equal(poll(buffer, START_US + RTP_VIDEO_HOLD_US), 3000);
        assert_false(rtp_jitter_buffer_wants_key_frame(buffer));
        rtp_jitter_buffer_free(buffer);
    }
}

/* A gap within an access unit: what is left of it is dropped at once, and counts as one frame. */
static void gap_within(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = after_key_frame();
    put(buffer, START_US, 2, SPS, 2000, false);
    put(buffer, START_US, 4, IDR, 2000, false);
    put(buffer, START_US, 5, IDR_LATER, 2000, false);
    put(buffer, START_US, 6, IDR_LATER, 2000, true);
    put(buffer, START_US, 7, IDR, 3000, true);
    assert_int_equal(poll(buffer, START_US + RTP_VIDEO_HOLD_US), 3000);
    struct rtp_receiver_statistics statistics = {0};
    rtp_jitter_buffer_statistics(buffer, &statistics);
    assert_int_equal(statistics.frames_dropped, 1);
    /* A gap between two frames: both are lost. */
    put(buffer, START_US, 8, SLICE, 4000, false);
    put(buffer, START_US, 10, SLICE, 5000, true);
    assert_int_equal(poll(buffer, START_US + RTP_VIDEO_HOLD_US), 0);
    rtp_jitter_buffer_statistics(buffer, &statistics);
    assert_int_equal(statistics.frames_dropped, 3);
    assert_true(rtp_jitter_buffer_wants_key_frame(buffer));
    rtp_jitter_buffer_free(buffer);
}

/* The very first packet may be the second that was sent: one that only might begin a frame waits for the one before it, once. */
static void first_packet_waits(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = rtp_jitter_buffer_new(true, 0, 0, NULL);
    put(buffer, START_US, 1, IDR, 1000, true);
    assert_true(rtp_jitter_buffer_next_timeout(buffer) == START_US + RTP_VIDEO_HOLD_US);
    assert_int_equal(poll(buffer, START_US + RTP_VIDEO_HOLD_US - 1), 0);
    put(buffer, START_US, 0, SPS, 1000, false);
    assert_int_equal(poll(buffer, START_US + 1), 1000);
    rtp_jitter_buffer_free(buffer);

    buffer = rtp_jitter_buffer_new(true, 0, 0, NULL);
    put(buffer, START_US, 1, IDR, 1000, false);
    assert_int_equal(poll(buffer, START_US + RTP_VIDEO_HOLD_US), 0);
    assert_true(rtp_jitter_buffer_next_timeout(buffer) == NEVER); /* its end is still to come, and nothing is missing */
    assert_int_equal(put(buffer, START_US + RTP_VIDEO_HOLD_US, 0, SPS, 1000, false), RTP_ERROR_STALE);
    put(buffer, START_US + RTP_VIDEO_HOLD_US, 2, SLICE, 1000, true);
    assert_int_equal(poll(buffer, START_US + RTP_VIDEO_HOLD_US), 1000);
    rtp_jitter_buffer_free(buffer);
}

/* A frame whose last fragment never ends, and one whose packets are of two codecs: lost, and a key frame is wanted. */
static void not_joined(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = after_key_frame();
    put(buffer, START_US, 2, FU_FIRST, 2000, true);
    assert_int_equal(poll(buffer, START_US), 0);
    assert_true(rtp_jitter_buffer_wants_key_frame(buffer));
    put(buffer, START_US, 3, IDR, 3000, true);
    assert_int_equal(poll(buffer, START_US), 3000);
    assert_false(rtp_jitter_buffer_wants_key_frame(buffer));

    put(buffer, START_US, 4, SLICE, 4000, false);
    struct rtp_packet packet = {.timestamp = 4000, .marker = true};
    struct rtp_payload payload = {.bytes = pieces[SLICE].bytes, .length = 2};
    assert_int_equal(rtp_jitter_buffer_insert(buffer, START_US, BASE + 5, RTP_CODEC_VP8, 90000, &packet, &payload), RTP_OK);
    assert_int_equal(poll(buffer, START_US), 0);
    assert_true(rtp_jitter_buffer_wants_key_frame(buffer));
    rtp_jitter_buffer_free(buffer);
}

/*
 * A STAP-A of NAL units of one byte each grows to five thirds in Annex B: a ring full of them has no room, and is lost; one with as
 * many packets as there is room for comes out.
 */
static void assembly_capacity(void **state) {
    (void)state;
    enum { UNITS = (RTP_PACKET_MAX_BYTES - 1) / 3, GROWN = UNITS * 5, FIT = RTP_JITTER_VIDEO_PACKETS * RTP_PACKET_MAX_BYTES / GROWN };
    static uint8_t stap[1 + 3 * UNITS];
    stap[0] = 0x78;
    for (size_t i = 0; i < UNITS; i++) {
        stap[1 + 3 * i] = 0;
        stap[2 + 3 * i] = 1;
        stap[3 + 3 * i] = 0x67;
    }
    for (unsigned packets = FIT - 1; packets <= FIT + 1; packets++) {
        struct rtp_jitter_buffer *buffer = rtp_jitter_buffer_new(true, 0, 0, NULL);
        struct rtp_received_frame frame;
        for (unsigned i = 0; i < packets; i++) {
            struct rtp_packet packet = {.timestamp = 1000, .marker = i + 1 == packets};
            struct rtp_payload payload;
            assert_int_equal(rtp_payload_format(RTP_CODEC_H264)->parse(stap, sizeof stap, &payload), RTP_OK);
            assert_int_equal(rtp_jitter_buffer_insert(buffer, START_US, BASE + i, RTP_CODEC_H264, 90000, &packet, &payload), RTP_OK);
        }
        bool fits = packets <= FIT;
        assert_int_equal(rtp_jitter_buffer_poll(buffer, START_US, &frame), fits);
        assert_int_equal(rtp_jitter_buffer_wants_key_frame(buffer), !fits);
        assert_true(!fits || frame.length == (size_t)packets * GROWN);
        rtp_jitter_buffer_free(buffer);
    }
}

/* The statistics of one frame that waited. */
static struct rtp_receiver_statistics counted(const struct rtp_jitter_buffer *buffer) {
    struct rtp_receiver_statistics statistics = {0};
    rtp_jitter_buffer_statistics(buffer, &statistics);
    return statistics;
}

/* jitter_buffer.h: a whole frame leaves with its sound, the ones after it at their distance, also where the timestamps wrap. */
static void held_for_sound(void **state) {
    (void)state;
    static const uint32_t starts[] = {2000, UINT32_MAX - 4000};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct rtp_jitter_buffer *buffer = after_key_frame();
        uint64_t began_us = counted(buffer).jitter_buffer_target_delay_us;
        rtp_jitter_buffer_hold(buffer, starts[i] - 9000, START_US - 60000, 90000, NEVER); /* so that starts[i] is due at 40 ms */
        put(buffer, START_US, 2, SLICE, starts[i], true);
        put(buffer, START_US, 3, SLICE, starts[i] + 9000, true);
        assert_int_equal(poll(buffer, START_US), 0);
        assert_true(rtp_jitter_buffer_next_timeout(buffer) == START_US + 40000);
        assert_int_equal(poll(buffer, START_US + 39999), 0);
        assert_int_equal(poll(buffer, START_US + 40000), starts[i]);
        assert_int_equal(poll(buffer, START_US + 40000), 0);
        assert_true(rtp_jitter_buffer_next_timeout(buffer) == START_US + 140000);
        assert_int_equal(counted(buffer).jitter_buffer_target_delay_us - began_us, 40000);
        /* One that comes after its time does not wait, and one that is not whole is not due. */
        assert_int_equal(poll(buffer, START_US + 140000), starts[i] + 9000);
        put(buffer, START_US + 300000, 4, SLICE, starts[i] + 18000, false);
        assert_int_equal(poll(buffer, START_US + 300000), 0);
        assert_true(rtp_jitter_buffer_next_timeout(buffer) == NEVER);
        put(buffer, START_US + 300001, 5, SLICE, starts[i] + 18000, true);
        assert_int_equal(poll(buffer, START_US + 300001), starts[i] + 18000);
        assert_int_equal(counted(buffer).jitter_buffer_target_delay_us - began_us, 40000 + 140000);
        rtp_jitter_buffer_free(buffer);
    }
}

/* jitter_buffer.h: no longer than the longest delay, by clocks that ask for less than twice that, not beyond until_us, nor after a release or a reset. */
static void held_no_longer(void **state) {
    (void)state;
    for (int beyond = -1; beyond <= 1; beyond++) {
        struct rtp_jitter_buffer *buffer = after_key_frame();
        rtp_jitter_buffer_hold(buffer, 2000, (int64_t)(START_US + RTP_DELAY_MAX_US) + beyond, 90000, NEVER);
        put(buffer, START_US, 2, SLICE, 2000, true);
        assert_int_equal(poll(buffer, START_US), 0);
        assert_true(rtp_jitter_buffer_next_timeout(buffer) == START_US + RTP_DELAY_MAX_US - (beyond < 0 ? 1 : 0));
        rtp_jitter_buffer_free(buffer);

        buffer = after_key_frame();
        rtp_jitter_buffer_hold(buffer, 2000, (int64_t)(START_US + 2 * RTP_DELAY_MAX_US) + beyond, 90000, NEVER);
        put(buffer, START_US, 2, SLICE, 2000, true);
        assert_int_equal(poll(buffer, START_US), beyond > 0 ? 2000 : 0);
        rtp_jitter_buffer_free(buffer);

        buffer = after_key_frame();
        rtp_jitter_buffer_hold(buffer, 2000, START_US + 100000, 90000, (uint64_t)((int64_t)START_US + 50000 + beyond));
        put(buffer, START_US, 2, SLICE, 2000, true);
        assert_int_equal(poll(buffer, START_US), 0);
        assert_true(rtp_jitter_buffer_next_timeout(buffer) == (uint64_t)((int64_t)START_US + 50000 + beyond));
        assert_int_equal(poll(buffer, rtp_jitter_buffer_next_timeout(buffer) - 1), 0);
        assert_int_equal(poll(buffer, rtp_jitter_buffer_next_timeout(buffer)), 2000);
        rtp_jitter_buffer_free(buffer);
    }
    struct rtp_jitter_buffer *buffer = after_key_frame();
    rtp_jitter_buffer_hold(buffer, 2000, -1, 90000, NEVER); /* clocks that are nonsense */
    put(buffer, START_US, 2, SLICE, 2000, true);
    assert_int_equal(poll(buffer, START_US), 2000);
    rtp_jitter_buffer_hold(buffer, 3000, START_US + 50000, 90000, NEVER);
    put(buffer, START_US, 3, SLICE, 3000, true);
    assert_int_equal(poll(buffer, START_US), 0);
    rtp_jitter_buffer_release(buffer);
    assert_int_equal(poll(buffer, START_US), 3000);
    rtp_jitter_buffer_hold(buffer, 4000, START_US + 50000, 90000, NEVER);
    rtp_jitter_buffer_reset(buffer);
    put(buffer, START_US, 4, SPS, 4000, false);
    put(buffer, START_US, 5, IDR, 4000, true);
    assert_int_equal(poll(buffer, START_US), 4000);
    rtp_jitter_buffer_free(buffer);
}

/* What nobody can decode is not waited for: a key frame is asked for at once, and no more once one is here, though it waits. */
static void undecodable_is_not_held(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = after_key_frame();
    rtp_jitter_buffer_hold(buffer, 2000, START_US + 400000, 90000, NEVER);
    put(buffer, START_US, 3, SLICE, 2000, true); /* 2 is lost */
    assert_int_equal(poll(buffer, START_US + RTP_VIDEO_HOLD_US), 0);
    put(buffer, START_US + RTP_VIDEO_HOLD_US, 4, SLICE, 3000, true);
    assert_int_equal(poll(buffer, START_US + RTP_VIDEO_HOLD_US), 0);
    assert_true(rtp_jitter_buffer_wants_key_frame(buffer));
    assert_true(rtp_jitter_buffer_next_timeout(buffer) == NEVER);
    put(buffer, START_US + RTP_VIDEO_HOLD_US, 5, IDR, 4000, true);
    assert_int_equal(poll(buffer, START_US + RTP_VIDEO_HOLD_US), 0);
    assert_true(rtp_jitter_buffer_holds_key_frame(buffer));
    assert_false(rtp_jitter_buffer_wants_key_frame(buffer));
    assert_int_equal(poll(buffer, rtp_jitter_buffer_next_timeout(buffer)), 4000);
    assert_false(rtp_jitter_buffer_holds_key_frame(buffer));
    rtp_jitter_buffer_free(buffer);
}

/* Waiting must not overrun the ring: from its half on frames leave at once, at limit - 1 and limit. */
static void held_while_there_is_room(void **state) {
    (void)state;
    enum { HALF = RTP_JITTER_VIDEO_PACKETS / 2 };
    struct rtp_jitter_buffer *buffer = after_key_frame();
    rtp_jitter_buffer_hold(buffer, 2000, START_US + 400000, 90000, NEVER);
    for (unsigned i = 0; i < HALF; i++) {
        put(buffer, START_US, 2 + i, SLICE, 2000 + i, true);
        assert_int_equal(poll(buffer, START_US), 0);
    }
    put(buffer, START_US, 2 + HALF, SLICE, 2000 + HALF, true);
    assert_int_equal(poll(buffer, START_US), 2000);
    assert_int_equal(poll(buffer, START_US), 0);
    rtp_jitter_buffer_free(buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries), cmocka_unit_test(key_frame_not_in_the_first_packet), cmocka_unit_test(start_after_a_gap),
        cmocka_unit_test(gap_within), cmocka_unit_test(first_packet_waits), cmocka_unit_test(not_joined), cmocka_unit_test(assembly_capacity),
        cmocka_unit_test(held_for_sound),
        cmocka_unit_test(held_no_longer),
        cmocka_unit_test(undecodable_is_not_held),
        cmocka_unit_test(held_while_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
