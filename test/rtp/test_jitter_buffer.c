/* rtp/jitter_buffer.c, jitter_audio.c, jitter_video.c: order, playout times to the microsecond, limits, wraps, late and doubled packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/jitter_buffer.h"

#define BASE 131000u /* the 64-bit sequence numbers pass 2 * 65,536 on the way */
#define START_US 1000000u
#define DELAY_US 40000u
#define CONTENT_SAMPLES 960u /* what the content says it is: two frames of 10 ms */

static const uint8_t content[RTP_PACKET_MAX_BYTES + 1] = {1, 2, 3, 4, 5};

static struct rtp_jitter_buffer *open_audio(void) {
    struct rtp_jitter_buffer *buffer = rtp_jitter_buffer_new(false, DELAY_US, 0, NULL); /* the target begins, and without jitter stays, here */
    assert_non_null(buffer);
    return buffer;
}

static int put_audio(struct rtp_jitter_buffer *buffer, uint64_t now_us, uint64_t extended, uint32_t timestamp) {
    struct rtp_packet packet = {.timestamp = timestamp};
    struct rtp_payload payload = {.bytes = content, .length = 5, .frame_start = true, .key_frame = true};
    return rtp_jitter_buffer_insert(buffer, now_us, extended, RTP_CODEC_OPUS, 48000, &packet, &payload);
}

static struct rtp_receiver_statistics statistics_of(const struct rtp_jitter_buffer *buffer) {
    struct rtp_receiver_statistics statistics = {0};
    rtp_jitter_buffer_statistics(buffer, &statistics);
    return statistics;
}

/* ---- audio ----------------------------------------------------------------------------------------------------------- */

/* Nothing a microsecond early, and next_timeout says when. RFC 3550 section 5.1: the timestamp wraps at 32 bits and time goes on. */
static void playout_over_the_wrap(void **state) {
    (void)state;
    static const uint32_t starts[] = {0, 0x7FFFFFFF - 960, 0xFFFFFFFF - 1920, 0xFFFFFFFF};
    for (size_t s = 0; s < 4; s++) {
        struct rtp_jitter_buffer *buffer = open_audio();
        struct rtp_received_frame frame;
        assert_true(rtp_jitter_buffer_next_timeout(buffer) == UINT64_MAX);
        for (uint32_t i = 0; i < 200; i++) {
            uint64_t now_us = START_US + 20000ull * i;
            assert_int_equal(put_audio(buffer, now_us, BASE + i, starts[s] + 960 * i), RTP_OK);
            if (i >= 2) {
                assert_true(rtp_jitter_buffer_next_timeout(buffer) == now_us);
                assert_false(rtp_jitter_buffer_poll(buffer, now_us - 1, &frame));
                assert_true(rtp_jitter_buffer_poll(buffer, now_us, &frame));
                assert_int_equal(frame.timestamp, starts[s] + 960 * (i - 2));
                assert_int_equal(frame.lost_before, 0);
                assert_false(rtp_jitter_buffer_poll(buffer, now_us, &frame));
            }
        }
        assert_int_equal(statistics_of(buffer).concealment_events, 0);
        assert_true(statistics_of(buffer).jitter_buffer_delay_us == 198ull * CONTENT_SAMPLES * DELAY_US);
        rtp_jitter_buffer_free(buffer);
    }
}

/* RFC 3550 section 5.1: sequence numbers restore the order; what is missing is counted, what comes after its time is refused. */
static void order_loss_late_doubled(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = open_audio();
    struct rtp_received_frame frame;
    assert_int_equal(put_audio(buffer, START_US, BASE + 1, 1960), RTP_OK);
    assert_int_equal(put_audio(buffer, START_US, BASE, 1000), RTP_OK);
    assert_int_equal(put_audio(buffer, START_US, BASE, 1000), RTP_ERROR_STALE);
    assert_int_equal(put_audio(buffer, START_US + 60000, BASE + 4, 1000 + 4 * 960), RTP_OK);
    static const uint64_t expected[] = {0, 1, 4};
    static const uint32_t lost[] = {0, 0, 2};
    for (size_t i = 0; i < 3; i++) {
        assert_true(rtp_jitter_buffer_poll(buffer, START_US + 200000, &frame));
        assert_int_equal(frame.timestamp, 1000 + 960 * expected[i]);
        assert_int_equal(frame.lost_before, lost[i]);
        assert_int_equal(frame.length, 5);
        assert_memory_equal(frame.bytes, content, 5);
    }
    for (uint64_t late = 0; late <= 4; late++) {
        assert_int_equal(put_audio(buffer, START_US + 200000, BASE + late, 1000), RTP_ERROR_STALE);
    }
    assert_int_equal(put_audio(buffer, START_US + 200000, BASE + 5, 1000 + 5 * 960), RTP_OK);
    struct rtp_receiver_statistics statistics = statistics_of(buffer);
    assert_int_equal(statistics.packets_duplicated, 1);
    assert_int_equal(statistics.packets_discarded, 5);
    assert_int_equal(statistics.concealment_events, 1);
    rtp_jitter_buffer_free(buffer);
}

/* RTP_JITTER_AUDIO_PACKETS: the last place in the ring is one, the next gives up what is in it and says so. */
static void audio_capacity(void **state) {
    (void)state;
    for (uint64_t ahead = RTP_JITTER_AUDIO_PACKETS - 2; ahead <= RTP_JITTER_AUDIO_PACKETS; ahead++) {
        struct rtp_jitter_buffer *buffer = open_audio();
        struct rtp_received_frame frame;
        assert_int_equal(put_audio(buffer, START_US, BASE, 0), RTP_OK);
        assert_int_equal(put_audio(buffer, START_US, BASE + ahead, (uint32_t)ahead * 960), RTP_OK);
        bool over = ahead >= RTP_JITTER_AUDIO_PACKETS;
        assert_int_equal(statistics_of(buffer).packets_discarded, over ? 1 : 0);
        assert_true(rtp_jitter_buffer_poll(buffer, START_US + 5000000, &frame));
        assert_int_equal(frame.timestamp, over ? ahead * 960 : 0);
        assert_int_equal(frame.lost_before, over ? ahead : 0);
        assert_int_equal(rtp_jitter_buffer_poll(buffer, START_US + 5000000, &frame), !over);
        rtp_jitter_buffer_free(buffer);
        /* The same distance, behind the first packet to come. */
        buffer = open_audio();
        assert_int_equal(put_audio(buffer, START_US, BASE, 0), RTP_OK);
        assert_int_equal(put_audio(buffer, START_US, BASE - ahead, 0), over ? RTP_ERROR_STALE : RTP_OK);
        rtp_jitter_buffer_free(buffer);
    }
}

/* RTP_PACKET_MAX_BYTES, below, at and above; a payload of nothing takes its place and is no frame. */
static void payload_lengths(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = open_audio();
    struct rtp_received_frame frame;
    struct rtp_packet packet = {0};
    static const size_t lengths[] = {0, RTP_PACKET_MAX_BYTES - 1, RTP_PACKET_MAX_BYTES, RTP_PACKET_MAX_BYTES + 1};
    for (size_t i = 0; i < 4; i++) {
        struct rtp_payload payload = {.bytes = content, .length = lengths[i]};
        int error = rtp_jitter_buffer_insert(buffer, START_US, BASE + i, RTP_CODEC_OPUS, 48000, &packet, &payload);
        assert_int_equal(error, lengths[i] > RTP_PACKET_MAX_BYTES ? RTP_ERROR_CAPACITY : RTP_OK);
    }
    for (size_t i = 1; i < 3; i++) {
        assert_true(rtp_jitter_buffer_poll(buffer, START_US + DELAY_US, &frame));
        assert_int_equal(frame.length, lengths[i]);
        assert_int_equal(frame.lost_before, 0);
    }
    assert_false(rtp_jitter_buffer_poll(buffer, START_US + DELAY_US, &frame));
    rtp_jitter_buffer_free(buffer);
}

/* jitter_buffer.h: bounds of the target; it rises at once above a late packet, and stays within them. */
static void adaptive_target(void **state) {
    (void)state;
    assert_null(rtp_jitter_buffer_new(false, 2, 1, NULL));
    assert_null(rtp_jitter_buffer_new(false, RTP_DELAY_MAX_US + 1, 0, NULL));
    assert_null(rtp_jitter_buffer_new(false, 0, RTP_DELAY_MIN_US - 1, NULL));
    struct rtp_jitter_buffer *buffer = rtp_jitter_buffer_new(false, 0, 0, NULL);
    struct rtp_received_frame frame;
    assert_int_equal(statistics_of(buffer).target_delay_us, RTP_DELAY_START_US);
    put_audio(buffer, START_US, BASE, 0);
    put_audio(buffer, START_US + 20000 + 100000, BASE + 1, 960);
    assert_int_equal(statistics_of(buffer).target_delay_us, 105000);
    put_audio(buffer, START_US + 40000 + 900000, BASE + 2, 1920);
    assert_int_equal(statistics_of(buffer).target_delay_us, RTP_DELAY_MAX_US);
    for (uint64_t i = 3; i < 12000; i++) {
        put_audio(buffer, START_US + 20000 * i, BASE + i, (uint32_t)i * 960);
        while (rtp_jitter_buffer_poll(buffer, START_US + 20000 * i, &frame)) {
            assert_int_equal(frame.lost_before, 0);
        }
    }
    assert_in_range(statistics_of(buffer).target_delay_us, RTP_DELAY_MIN_US, RTP_DELAY_MIN_US + 1024);
    rtp_jitter_buffer_free(buffer);
}

/* ---- video ----------------------------------------------------------------------------------------------------------- */

struct piece {
    uint32_t timestamp;
    bool start, marker, key;
    int picture; /* -1: none */
    size_t length;
};

static int put_video(struct rtp_jitter_buffer *buffer, uint64_t now_us, uint64_t extended, struct piece piece) {
    struct rtp_packet packet = {.timestamp = piece.timestamp, .marker = piece.marker};
    struct rtp_payload payload = {.bytes = content, .length = piece.length, .frame_start = piece.start, .key_frame = piece.key,
                                  .has_picture_id = piece.picture >= 0, .picture_id = (uint16_t)(piece.picture >= 0 ? piece.picture : 0), .picture_id_mask = 0x7F};
    return rtp_jitter_buffer_insert(buffer, now_us, extended, RTP_CODEC_VP8, 90000, &packet, &payload);
}

static struct rtp_jitter_buffer *video_after_key_frame(void) {
    struct rtp_jitter_buffer *buffer = rtp_jitter_buffer_new(true, 0, 0, NULL);
    struct rtp_received_frame frame;
    assert_int_equal(put_video(buffer, START_US, BASE, (struct piece){0, true, true, true, 127, 5}), RTP_OK);
    assert_true(rtp_jitter_buffer_poll(buffer, START_US, &frame));
    assert_true(frame.key_frame);
    return buffer;
}

/* RFC 7741 section 4.1: from S to marker, in all six orders of three packets, over the wrap of a 16-bit sequence number. */
static void frame_in_any_order(void **state) {
    (void)state;
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const struct piece pieces[3] = {{9, true, false, true, 0, 5}, {9, false, false, false, 0, 7}, {9, false, true, false, 0, 1}};
    for (size_t o = 0; o < 6; o++) {
        struct rtp_jitter_buffer *buffer = rtp_jitter_buffer_new(true, 0, 0, NULL);
        struct rtp_received_frame frame;
        for (size_t i = 0; i < 3; i++) {
            assert_false(rtp_jitter_buffer_poll(buffer, START_US + i, &frame));
            assert_int_equal(put_video(buffer, START_US + i, 131071 + orders[o][i], pieces[orders[o][i]]), RTP_OK);
            assert_int_equal(put_video(buffer, START_US + i, 131071 + orders[o][i], pieces[orders[o][i]]), RTP_ERROR_STALE);
        }
        assert_true(rtp_jitter_buffer_poll(buffer, START_US + 2, &frame));
        assert_int_equal(frame.length, 13);
        assert_memory_equal(frame.bytes + 5, content, 7);
        assert_true(frame.key_frame && frame.marker && frame.receive_us == START_US + 2 && frame.lost_before == 0);
        assert_false(rtp_jitter_buffer_wants_key_frame(buffer));
        assert_int_equal(put_video(buffer, START_US + 3, 131072, pieces[1]), RTP_ERROR_STALE);
        assert_int_equal(statistics_of(buffer).packets_duplicated, 3);
        assert_int_equal(statistics_of(buffer).packets_discarded, 1);
        rtp_jitter_buffer_free(buffer);
    }
}

/* RTP_VIDEO_HOLD_US to the microsecond; then a key frame is wanted (RFC 4585 section 6.3.1) until one comes. */
static void gap_given_up(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = video_after_key_frame();
    struct rtp_received_frame frame;
    uint64_t later = START_US + 50000;
    put_video(buffer, later, BASE + 2, (struct piece){3000, false, true, false, -1, 5});
    put_video(buffer, later + 5, BASE + 3, (struct piece){6000, true, true, false, -1, 5});
    assert_true(rtp_jitter_buffer_next_timeout(buffer) == later + RTP_VIDEO_HOLD_US);
    assert_false(rtp_jitter_buffer_poll(buffer, later + RTP_VIDEO_HOLD_US - 1, &frame));
    assert_false(rtp_jitter_buffer_wants_key_frame(buffer));
    assert_false(rtp_jitter_buffer_poll(buffer, later + RTP_VIDEO_HOLD_US, &frame));
    assert_true(rtp_jitter_buffer_wants_key_frame(buffer));
    assert_int_equal(put_video(buffer, later + RTP_VIDEO_HOLD_US, BASE + 1, (struct piece){3000, true, false, false, -1, 5}), RTP_ERROR_STALE);
    put_video(buffer, later + 70000, BASE + 4, (struct piece){9000, true, true, false, -1, 5});
    assert_false(rtp_jitter_buffer_poll(buffer, later + 70000, &frame));
    put_video(buffer, later + 80000, BASE + 5, (struct piece){12000, true, true, true, -1, 5});
    assert_true(rtp_jitter_buffer_poll(buffer, later + 80000, &frame));
    assert_true(frame.key_frame && frame.timestamp == 12000 && frame.lost_before > 0);
    assert_false(rtp_jitter_buffer_wants_key_frame(buffer));
    rtp_jitter_buffer_free(buffer);
}

/* A late packet within the hold mends the gap. */
static void gap_mended(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = video_after_key_frame();
    struct rtp_received_frame frame;
    put_video(buffer, START_US, BASE + 2, (struct piece){3000, false, true, false, -1, 5});
    assert_false(rtp_jitter_buffer_poll(buffer, START_US + RTP_VIDEO_HOLD_US - 1, &frame));
    put_video(buffer, START_US + RTP_VIDEO_HOLD_US - 1, BASE + 1, (struct piece){3000, true, false, false, -1, 5});
    assert_true(rtp_jitter_buffer_poll(buffer, START_US + RTP_VIDEO_HOLD_US - 1, &frame));
    assert_int_equal(frame.length, 10);
    assert_true(!frame.key_frame && frame.lost_before == 0);
    assert_true(rtp_jitter_buffer_next_timeout(buffer) == UINT64_MAX);
    rtp_jitter_buffer_free(buffer);
}

/* RFC 7741 section 4.2: PictureID 127 is followed by 0 in its 7-bit form: what was lost between them was padding. */
static void picture_ids_over_a_gap(void **state) {
    (void)state;
    for (int picture = 0; picture <= 1; picture++) {
        struct rtp_jitter_buffer *buffer = video_after_key_frame();
        struct rtp_received_frame frame;
        put_video(buffer, START_US, BASE + 2, (struct piece){3000, true, true, false, picture, 5});
        assert_int_equal(rtp_jitter_buffer_poll(buffer, START_US + RTP_VIDEO_HOLD_US, &frame), picture == 0);
        assert_int_equal(rtp_jitter_buffer_wants_key_frame(buffer), picture != 0);
        rtp_jitter_buffer_free(buffer);
    }
    struct rtp_jitter_buffer *buffer = video_after_key_frame();
    struct rtp_received_frame frame;
    put_video(buffer, START_US, BASE + 1, (struct piece){0, false, false, false, -1, 0}); /* padding that came needs no hold */
    put_video(buffer, START_US, BASE + 2, (struct piece){3000, true, true, false, 0, 5});
    assert_true(rtp_jitter_buffer_poll(buffer, START_US, &frame));
    rtp_jitter_buffer_free(buffer);
}

/* RFC 3550 section 5.1: a new timestamp ends the frame before it, though its marker never came. */
static void frame_without_marker(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = video_after_key_frame();
    struct rtp_received_frame frame;
    put_video(buffer, START_US, BASE + 1, (struct piece){3000, true, false, false, -1, 5});
    put_video(buffer, START_US, BASE + 2, (struct piece){3000, false, false, false, -1, 5});
    assert_false(rtp_jitter_buffer_poll(buffer, START_US, &frame));
    put_video(buffer, START_US, BASE + 3, (struct piece){6000, true, true, false, -1, 5});
    assert_true(rtp_jitter_buffer_poll(buffer, START_US, &frame));
    assert_int_equal(frame.length, 10);
    assert_false(frame.marker);
    assert_true(rtp_jitter_buffer_poll(buffer, START_US, &frame));
    rtp_jitter_buffer_free(buffer);
}

/* RTP_JITTER_VIDEO_PACKETS: a frame that fills the ring comes out whole, with all its bytes; one packet more and it is dropped. */
static void video_capacity(void **state) {
    (void)state;
    for (size_t packets = RTP_JITTER_VIDEO_PACKETS - 1; packets <= RTP_JITTER_VIDEO_PACKETS + 1; packets++) {
        struct rtp_jitter_buffer *buffer = rtp_jitter_buffer_new(true, 0, 0, NULL);
        struct rtp_received_frame frame;
        for (size_t i = 0; i < packets; i++) {
            struct piece piece = {7, i == 0, i == packets - 1, i == 0, -1, RTP_PACKET_MAX_BYTES};
            assert_int_equal(put_video(buffer, START_US, BASE + i, piece), RTP_OK);
        }
        bool over = packets > RTP_JITTER_VIDEO_PACKETS;
        assert_int_equal(rtp_jitter_buffer_poll(buffer, START_US, &frame), !over);
        assert_int_equal(rtp_jitter_buffer_wants_key_frame(buffer), over);
        assert_int_equal(statistics_of(buffer).packets_discarded, over ? RTP_JITTER_VIDEO_PACKETS : 0);
        if (!over) {
            assert_int_equal(frame.length, packets * RTP_PACKET_MAX_BYTES);
            assert_memory_equal(frame.bytes + frame.length - RTP_PACKET_MAX_BYTES, content, RTP_PACKET_MAX_BYTES);
        }
        rtp_jitter_buffer_free(buffer);
    }
}

/* Another source: nothing of the one before comes out, and video begins with a key frame. */
static void reset(void **state) {
    (void)state;
    struct rtp_jitter_buffer *buffer = video_after_key_frame();
    struct rtp_received_frame frame;
    put_video(buffer, START_US, BASE + 1, (struct piece){3000, true, true, false, -1, 5});
    rtp_jitter_buffer_reset(buffer);
    assert_false(rtp_jitter_buffer_poll(buffer, START_US + 1000000, &frame));
    assert_true(rtp_jitter_buffer_next_timeout(buffer) == UINT64_MAX);
    assert_int_equal(put_video(buffer, START_US, 70000, (struct piece){1, true, true, false, -1, 5}), RTP_OK);
    assert_false(rtp_jitter_buffer_poll(buffer, START_US, &frame));
    assert_true(rtp_jitter_buffer_wants_key_frame(buffer));
    put_video(buffer, START_US, 70001, (struct piece){2, true, true, true, -1, 5});
    assert_true(rtp_jitter_buffer_poll(buffer, START_US, &frame));
    rtp_jitter_buffer_free(buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(playout_over_the_wrap), cmocka_unit_test(order_loss_late_doubled), cmocka_unit_test(audio_capacity),
        cmocka_unit_test(payload_lengths), cmocka_unit_test(adaptive_target), cmocka_unit_test(frame_in_any_order), cmocka_unit_test(gap_given_up),
        cmocka_unit_test(gap_mended), cmocka_unit_test(picture_ids_over_a_gap), cmocka_unit_test(frame_without_marker),
        cmocka_unit_test(video_capacity), cmocka_unit_test(reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
