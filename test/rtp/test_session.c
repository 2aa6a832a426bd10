/* rtp/session.c with all below it: two sessions over a lossy, reordering link in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "rtp/session.h"

#define FRAME_BYTES 9000
#define LINK_PACKETS 4096
#define ONE_WAY_US 25000u
#define STEP_US 1000u

static uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void seeded_random(void *context, uint8_t *out, size_t length) {
    for (size_t i = 0; i < length; i++) {
        out[i] = (uint8_t)next_random(context);
    }
}

struct in_flight {
    uint64_t at_us;
    size_t length;
    bool control;
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
};

struct world {
    uint64_t seed, now_us;
    unsigned loss_per_mille, reorder_per_mille, double_per_mille;
    struct rtp_session *near, *far; /* near sends media */
    struct rtp_sender *audio, *video;
    struct rtp_receiver *far_audio, *far_video;
    struct in_flight *link[2];
    size_t link_count[2];
    unsigned media_lost, media_doubled;
    bool key_wanted;
    uint32_t video_next, audio_next;    /* numbers in the frames */
    uint32_t video_seen, audio_seen;    /* the last */
    bool key_seen;
    unsigned audio_frames, video_frames, audio_lost_reported, video_keys, byes;
    uint32_t chain; /* the last video frame decoded */
};

static struct rtp_session *new_session(struct world *w) {
    struct rtp_session_config config = {.random = seeded_random, .random_context = &w->seed, .wall_clock_offset_us = 1700000000000000, .mid_extension_id = 4,
                                        .abs_send_time_extension_id = 3, .reduced_size_rtcp = true};
    struct rtp_session *session = rtp_session_new(&config, w->now_us);
    assert_non_null(session);
    return session;
}

static void open_world(struct world *w, uint64_t seed) {
    *w = (struct world){.seed = seed * 7919 + 1, .now_us = 5000000, .key_wanted = true};
    w->near = new_session(w);
    w->far = new_session(w);
    w->link[0] = calloc(LINK_PACKETS, sizeof *w->link[0]);
    w->link[1] = calloc(LINK_PACKETS, sizeof *w->link[1]);
    struct rtp_sender_config audio = {.codec = RTP_CODEC_OPUS, .payload_type = 111, .mid = "0"};
    struct rtp_sender_config video = {.codec = RTP_CODEC_VP8, .payload_type = 96, .mid = "1"};
    assert_int_equal(rtp_session_add_sender(w->near, w->now_us, &audio, &w->audio), RTP_OK);
    assert_int_equal(rtp_session_add_sender(w->near, w->now_us, &video, &w->video), RTP_OK);
    struct rtp_payload_mapping opus = {111, RTP_CODEC_OPUS, 0}, vp8 = {96, RTP_CODEC_VP8, 0};
    struct rtp_receiver_config far_audio = {.mid = "0", .payload_types = &opus, .payload_type_count = 1};
    struct rtp_receiver_config far_video = {.mid = "1", .payload_types = &vp8, .payload_type_count = 1, .send_pli = true};
    assert_int_equal(rtp_session_add_receiver(w->far, w->now_us, &far_audio, &w->far_audio), RTP_OK);
    assert_int_equal(rtp_session_add_receiver(w->far, w->now_us, &far_video, &w->far_video), RTP_OK);
}

static void close_world(struct world *w) {
    rtp_session_free(w->near);
    rtp_session_free(w->far);
    free(w->link[0]);
    free(w->link[1]);
}

static bool chance(struct world *w, unsigned per_mille) {
    return next_random(&w->seed) % 1000 < per_mille;
}

static void put(struct world *w, int direction, const uint8_t *bytes, size_t length, bool control) {
    assert_true(w->link_count[direction] < LINK_PACKETS);
    struct in_flight *packet = &w->link[direction][w->link_count[direction]++];
    packet->at_us = w->now_us + ONE_WAY_US + (chance(w, w->reorder_per_mille) ? 8000 : 0);
    packet->length = length;
    packet->control = control;
    memcpy(packet->bytes, bytes, length);
}

static void send_packets(struct world *w, int direction) {
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
    size_t length;
    enum rtp_packet_kind kind;
    struct rtp_session *from = direction == 0 ? w->near : w->far;
    while (rtp_session_poll_packet(from, w->now_us, bytes, sizeof bytes, &length, &kind)) {
        bool control = kind == RTP_PACKET_CONTROL;
        assert_int_equal(rtp_packet_is_rtcp(bytes, length), control);
        assert_true(length <= 1200);
        if (chance(w, w->loss_per_mille)) {
            w->media_lost += !control;
            continue;
        }
        put(w, direction, bytes, length, control);
        if (!control && chance(w, w->double_per_mille)) {
            w->media_doubled++;
            put(w, direction, bytes, length, control);
        }
    }
}

static void deliver(struct world *w, int direction) {
    struct rtp_session *to = direction == 0 ? w->far : w->near;
    size_t kept = 0;
    for (size_t i = 0; i < w->link_count[direction]; i++) {
        struct in_flight *packet = &w->link[direction][i];
        if (packet->at_us > w->now_us) {
            memmove(&w->link[direction][kept++], packet, sizeof *packet);
        } else if (packet->control) {
            assert_int_equal(rtp_session_handle_rtcp(to, w->now_us, packet->bytes, packet->length), RTP_OK);
        } else {
            (void)rtp_session_handle_rtp(to, w->now_us, packet->bytes, packet->length);
        }
    }
    w->link_count[direction] = kept;
}

/* A frame: the inverse key frame bit of VP8, its number, the number of the frame it refers to, and a pattern made of both. */
static size_t make_frame(uint8_t *bytes, uint32_t number, bool key) {
    size_t length = 1 + 8 + (key ? FRAME_BYTES : 1500 + number * 37 % 2500);
    bytes[0] = key ? 0x10 : 0x11;
    memcpy(bytes + 1, &number, 4);
    memset(bytes + 5, 0, 4);
    for (size_t i = 9; i < length; i++) {
        bytes[i] = (uint8_t)(number * 31 + i);
    }
    return length;
}

static void take_video(struct world *w, const struct rtp_received_frame *frame) {
    static uint8_t expected[FRAME_BYTES + 16];
    uint32_t number;
    assert_true(frame->length >= 9);
    memcpy(&number, frame->bytes + 1, 4);
    assert_int_equal(make_frame(expected, number, frame->key_frame), frame->length);
    assert_memory_equal(expected, frame->bytes, frame->length);
    /* Never a frame that the decoder cannot use: a key frame, or the one after the last. */
    assert_true(frame->key_frame || (w->key_seen && number == w->chain + 1));
    w->key_seen = true;
    w->chain = number;
    w->video_frames++;
    w->video_keys += frame->key_frame;
}

static void take_audio(struct world *w, const struct rtp_received_frame *frame) {
    uint32_t number;
    assert_int_equal(frame->length, 80);
    memcpy(&number, frame->bytes, 4);
    if (w->audio_frames > 0) {
        assert_int_equal(number, w->audio_seen + 1 + frame->lost_before);
    }
    w->audio_lost_reported += frame->lost_before;
    w->audio_seen = number;
    w->audio_frames++;
}

static void events(struct world *w) {
    struct rtp_event event;
    while (rtp_session_poll_event(w->near, w->now_us, &event)) {
        if (event.type == RTP_EVENT_KEY_FRAME_REQUESTED) {
            assert_ptr_equal(event.sender, w->video);
            w->key_wanted = true;
        }
    }
    while (rtp_session_poll_event(w->far, w->now_us, &event)) {
        if (event.type == RTP_EVENT_FRAME && event.receiver == w->far_video) {
            take_video(w, &event.frame);
        } else if (event.type == RTP_EVENT_FRAME) {
            take_audio(w, &event.frame);
        }
        w->byes += event.type == RTP_EVENT_BYE;
    }
}

static void media(struct world *w, uint64_t started_us) {
    static uint8_t bytes[FRAME_BYTES + 16];
    uint64_t elapsed = w->now_us - started_us;
    if (elapsed >= (uint64_t)w->audio_next * 20000) {
        memset(bytes, 0x5A, 80);
        memcpy(bytes, &w->audio_next, 4);
        struct rtp_frame frame = {.bytes = bytes, .length = 80, .timestamp = w->audio_next * 960, .key_frame = true};
        assert_int_equal(rtp_session_send_frame(w->near, w->now_us, w->audio, &frame), RTP_OK);
        w->audio_next++;
    }
    if (elapsed >= (uint64_t)w->video_next * 33333) {
        size_t length = make_frame(bytes, w->video_next, w->key_wanted);
        struct rtp_frame frame = {.bytes = bytes, .length = length, .timestamp = w->video_next * 3000, .key_frame = w->key_wanted};
        assert_int_equal(rtp_session_send_frame(w->near, w->now_us, w->video, &frame), RTP_OK);
        w->key_wanted = false;
        w->video_next++;
    }
}

static void run(struct world *w, uint64_t duration_us, bool with_media) {
    uint64_t started_us = w->now_us;
    for (uint64_t end = w->now_us + duration_us; w->now_us < end; w->now_us += STEP_US) {
        if (with_media) {
            media(w, started_us);
        }
        deliver(w, 0);
        deliver(w, 1);
        rtp_session_handle_timeout(w->near, w->now_us);
        rtp_session_handle_timeout(w->far, w->now_us);
        events(w);
        send_packets(w, 0);
        send_packets(w, 1);
        /* Drained: what is next is in the future. */
        assert_true(rtp_session_next_timeout(w->near) > w->now_us);
        assert_true(rtp_session_next_timeout(w->far) > w->now_us);
    }
}

static void without_loss_everything_arrives(void **state) {
    (void)state;
    struct world w;
    open_world(&w, 1);
    run(&w, 20000000, true);
    run(&w, 700000, false);
    assert_int_equal(w.audio_frames, w.audio_next);
    assert_int_equal(w.video_frames, w.video_next);
    assert_int_equal(w.audio_lost_reported, 0);
    assert_int_equal(w.video_keys, 1);
    struct rtp_sender_statistics sent;
    rtp_sender_statistics(w.video, &sent);
    assert_true(sent.has_remote_report);
    assert_true(sent.round_trip_time_us > 45000 && sent.round_trip_time_us < 56000);
    struct rtp_receiver_statistics received;
    rtp_receiver_statistics(w.far_video, &received);
    assert_int_equal(received.packets_received, sent.packets_sent);
    assert_int_equal(received.packets_lost, 0);
    assert_int_equal(received.pli_count, 0);
    assert_true(received.has_remote_report);
    rtp_session_bye(w.near, w.now_us);
    run(&w, 100000, false);
    assert_int_equal(w.byes, 2);
    close_world(&w);
}

/* Loss, reordering and duplication, many seeds: audio loss is reported to the packet, video recovers by PLI and is never broken. */
static void lossy_links(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct world w;
        open_world(&w, seed);
        w.loss_per_mille = 50;
        w.reorder_per_mille = 30;
        w.double_per_mille = 20;
        run(&w, 10000000, true);
        w.loss_per_mille = 0;
        run(&w, 700000, false);
        assert_true(w.media_lost > 0 && w.media_doubled > 0);
        assert_true(w.audio_next - w.audio_frames - w.audio_lost_reported <= 5); /* those after the last and before the first */
        assert_true(w.audio_frames > w.audio_next * 85 / 100);
        assert_true(w.video_keys > 3);
        assert_true(w.video_frames > 20);
        struct rtp_receiver_statistics received;
        rtp_receiver_statistics(w.far_video, &received);
        assert_true(received.pli_count >= 3 && received.pli_count <= 36);
        assert_true(received.frames_dropped > 0);
        assert_true(received.packets_duplicated + received.packets_discarded > 0);
        close_world(&w);
    }
}

/* Reordering without loss costs nothing. */
static void reordering_alone(void **state) {
    (void)state;
    struct world w;
    open_world(&w, 77);
    w.reorder_per_mille = 200;
    run(&w, 10000000, true);
    run(&w, 700000, false);
    assert_int_equal(w.video_frames, w.video_next);
    assert_int_equal(w.audio_frames, w.audio_next);
    assert_int_equal(w.audio_lost_reported, 0);
    close_world(&w);
}

/* RFC 3550 section 8.2: our SSRC from outside. */
static void collision(void **state) {
    (void)state;
    struct world w;
    open_world(&w, 5);
    uint8_t bytes[64];
    uint32_t before = rtp_sender_ssrc(w.video);
    struct rtp_packet packet = {.payload_type = 96, .ssrc = before};
    int length = rtp_packet_write(&packet, NULL, 0, bytes, sizeof bytes);
    assert_int_equal(rtp_session_handle_rtp(w.near, w.now_us, bytes, (size_t)length), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_not_equal(rtp_sender_ssrc(w.video), before);
    struct rtp_event event;
    assert_true(rtp_session_poll_event(w.near, w.now_us, &event));
    assert_int_equal(event.type, RTP_EVENT_SSRC_CHANGED);
    close_world(&w);
}

/* Random SSRCs, one packet each: no memory, no takeover. */
static void random_sources(void **state) {
    (void)state;
    struct world w;
    open_world(&w, 6);
    run(&w, 1000000, true);
    struct rtp_session_statistics before, after;
    struct rtp_receiver_statistics video;
    rtp_session_statistics(w.far, &before);
    rtp_receiver_statistics(w.far_video, &video);
    uint32_t ssrc = video.ssrc;
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t bytes[64];
        struct rtp_packet packet = {.payload_type = 96, .ssrc = 0x10000000 + i * 7919, .sequence_number = (uint16_t)(i * 31)};
        int length = rtp_packet_write(&packet, NULL, 0, bytes, sizeof bytes);
        (void)rtp_session_handle_rtp(w.far, w.now_us, bytes, (size_t)length);
    }
    rtp_session_statistics(w.far, &after);
    rtp_receiver_statistics(w.far_video, &video);
    assert_int_equal(before.memory_bytes, after.memory_bytes);
    assert_int_equal(video.ssrc, ssrc);
    close_world(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_loss_everything_arrives), cmocka_unit_test(lossy_links), cmocka_unit_test(reordering_alone),
        cmocka_unit_test(collision), cmocka_unit_test(random_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
