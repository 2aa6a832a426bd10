/* rtp/session_synchronise.c: what was captured at the same time leaves the session at the same time (RFC 3550 section 6.4.1), and when it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/jitter_buffer.h"
#include "test/rtp/crafted.h"

enum { AUDIO, VIDEO, KINDS };

#define STEP_US 1000u
#define AUDIO_INTERVAL_US 20000u
#define VIDEO_INTERVAL_US 33000u
#define NETWORK_US 10000u
#define FLIGHTS_MAX 64

static const struct rtp_payload_mapping audio_types[] = {{111, RTP_CODEC_OPUS, 0}}, video_types[] = {{96, RTP_CODEC_VP8, 0}};

/* A packet that is still on its way. */
struct flight {
    uint64_t arrives_us; /* 0: none */
    size_t length;
    bool is_control;
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
};

/* A sender and a receiver of sound and pictures, and the network between them, which lets sound come up to jitter_us late. */
struct call {
    struct rtp_session *near, *far;
    struct rtp_sender *senders[KINDS];
    struct rtp_receiver *receivers[KINDS];
    struct flight *flights;
    uint32_t random;
    uint64_t now_us, jitter_us;
    bool audio_is_silent, video_is_silent, video_is_delta, reports_are_lost, has_left;
    uint32_t without_clock; /* what the sender of this SSRC reports is not believed to be its own; 0: none */
    int64_t played_minus_captured_us[KINDS]; /* of the last frame of each */
    size_t frames[KINDS];
};

static void open_call(struct call *call, const uint32_t groups[KINDS], uint64_t jitter_us, uint64_t audio_delay_min_us) {
    *call = (struct call){.near = crafted_session(), .far = crafted_session(), .flights = calloc(FLIGHTS_MAX, sizeof *call->flights), .random = 1, .jitter_us = jitter_us};
    assert_non_null(call->flights);
    for (int kind = AUDIO; kind < KINDS; kind++) {
        const char *mid = kind == AUDIO ? "a" : "v";
        struct rtp_sender_config sends = {.codec = kind == AUDIO ? RTP_CODEC_OPUS : RTP_CODEC_VP8, .payload_type = kind == AUDIO ? 111 : 96, .mid = mid};
        struct rtp_receiver_config receives = {.mid = mid, .payload_types = kind == AUDIO ? audio_types : video_types, .payload_type_count = 1,
                                               .synchronisation_group = groups[kind], .delay_min_us = kind == AUDIO ? audio_delay_min_us : 0};
        assert_int_equal(rtp_session_add_sender(call->near, 0, &sends, &call->senders[kind]), RTP_OK);
        assert_int_equal(rtp_session_add_receiver(call->far, 0, &receives, &call->receivers[kind]), RTP_OK);
    }
}

static void close_call(struct call *call) {
    rtp_session_free(call->near);
    rtp_session_free(call->far);
    free(call->flights);
}

static uint64_t delay_of(struct call *call, enum rtp_packet_kind kind, const uint8_t *bytes) {
    bool is_audio = kind == RTP_PACKET_MEDIA && (bytes[1] & 0x7F) == 111;
    call->random = call->random * 1664525 + 1013904223;
    return NETWORK_US + (is_audio && call->jitter_us > 0 ? (call->random >> 8) % call->jitter_us : 0);
}

static void hide_reports(uint32_t ssrc, uint8_t *bytes, size_t length) {
    struct rtcp_packet packet;
    struct rtcp_sender_report report;
    for (size_t at = 0, next = 0; rtcp_next(bytes, length, &next, &packet); at = next) {
        if (rtcp_read_sender_report(&packet, &report) == RTP_OK && report.ssrc == ssrc) {
            bytes[at + 4] ^= 0x55;
        }
    }
}

static void launch(struct call *call) {
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
    size_t length;
    enum rtp_packet_kind kind;
    while (rtp_session_poll_packet(call->near, call->now_us, bytes, sizeof bytes, &length, &kind)) {
        if (kind == RTP_PACKET_CONTROL && call->reports_are_lost) {
            continue;
        }
        if (kind == RTP_PACKET_CONTROL && call->without_clock != 0) {
            hide_reports(call->without_clock, bytes, length);
        }
        struct flight *flight = call->flights;
        while (flight->arrives_us != 0) {
            flight++;
            assert_true(flight < call->flights + FLIGHTS_MAX);
        }
        flight->arrives_us = call->now_us + delay_of(call, kind, bytes);
        flight->length = length;
        flight->is_control = kind == RTP_PACKET_CONTROL;
        memcpy(flight->bytes, bytes, length);
    }
}

static void land(struct call *call) {
    struct rtp_event event;
    bool has_landed = false;
    for (struct flight *flight = call->flights; flight < call->flights + FLIGHTS_MAX; flight++) {
        if (flight->arrives_us == 0 || flight->arrives_us > call->now_us) {
            continue;
        }
        assert_int_equal((flight->is_control ? rtp_session_handle_rtcp : rtp_session_handle_rtp)(call->far, call->now_us, flight->bytes, flight->length), RTP_OK);
        flight->arrives_us = 0;
        has_landed = true;
    }
    /* As a program does it: whoever sleeps until next_timeout misses nothing. */
    if (!has_landed && rtp_session_next_timeout(call->far) > call->now_us) {
        return;
    }
    rtp_session_handle_timeout(call->far, call->now_us);
    while (rtp_session_poll_event(call->far, call->now_us, &event)) {
        call->has_left |= event.type == RTP_EVENT_BYE && event.receiver == call->receivers[VIDEO];
        assert_false(call->has_left && event.type == RTP_EVENT_FRAME && event.receiver == call->receivers[VIDEO]);
        if (event.type == RTP_EVENT_FRAME) {
            int kind = event.receiver == call->receivers[VIDEO] ? VIDEO : AUDIO;
            call->frames[kind]++;
            call->played_minus_captured_us[kind] = event.frame.has_capture_time ? (int64_t)call->now_us - (event.frame.capture_ntp_us - 1700000000000000) : 0;
        }
    }
}

static void send(struct call *call, int kind) {
    bool is_delta = kind == VIDEO && call->video_is_delta;
    struct rtp_frame frame = {.bytes = (const uint8_t[20]){is_delta ? 0x11 : 0x10}, .length = 20, .key_frame = !is_delta,
                              .timestamp = (uint32_t)(call->now_us * (kind == AUDIO ? 48 : 90) / 1000)};
    assert_int_equal(rtp_session_send_frame(call->near, call->now_us, call->senders[kind], &frame), RTP_OK);
}

static void run(struct call *call, uint64_t until_us) {
    for (; call->now_us < until_us; call->now_us += STEP_US) {
        rtp_session_handle_timeout(call->near, call->now_us);
        if (call->now_us % AUDIO_INTERVAL_US == 0 && !call->audio_is_silent) {
            send(call, AUDIO);
        }
        if (call->now_us % VIDEO_INTERVAL_US == 0 && !call->video_is_silent) {
            send(call, VIDEO);
        }
        launch(call);
        land(call);
    }
}

/* The most that sound was behind the picture, or before it, from here on. */
static uint64_t worst_step(struct call *call, uint64_t until_us) {
    uint64_t worst = 0;
    while (call->now_us < until_us) {
        run(call, call->now_us + STEP_US);
        int64_t step = call->played_minus_captured_us[AUDIO] - call->played_minus_captured_us[VIDEO];
        uint64_t distance = (uint64_t)(step < 0 ? -step : step);
        worst = distance > worst ? distance : worst;
    }
    return worst;
}

/* With jitter that sound is 60 ms late for, pictures are too: within the target's own movement. Nothing else makes them. */
static void in_step(void **state) {
    (void)state;
    static const struct {
        uint32_t groups[KINDS];
        bool reports_are_lost, is_in_step;
    } rows[] = {{{1, 1}, false, true}, {{7, 7}, false, true}, {{0, 0}, false, false}, {{1, 2}, false, false}, {{1, 1}, true, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call;
        struct rtp_receiver_statistics video;
        open_call(&call, rows[i].groups, 60000, 0);
        call.reports_are_lost = rows[i].reports_are_lost;
        run(&call, 5000000);
        uint64_t worst_us = worst_step(&call, 20000000);
        if (rows[i].is_in_step) {
            assert_in_range(worst_us, 0, 20000);
        } else if (!rows[i].reports_are_lost) {
            assert_in_range(worst_us, 40000, 100000);
        }
        rtp_receiver_statistics(call.receivers[VIDEO], &video);
        /* The network takes NETWORK_US of both; the rest is waiting. */
        assert_int_equal(video.jitter_buffer_delay_us > 20000 * video.jitter_buffer_emitted_count, rows[i].is_in_step);
        assert_int_equal(video.jitter_buffer_target_delay_us > 20000 * video.jitter_buffer_emitted_count, rows[i].is_in_step);
        assert_int_equal(video.jitter_buffer_minimum_delay_us, 0);
        assert_in_range(call.frames[VIDEO], 20000000 / VIDEO_INTERVAL_US - 5, 20000000 / VIDEO_INTERVAL_US + 1);
        close_call(&call);
    }
}

/* session.h: audio that has been silent for RTP_SYNCHRONISATION_SILENCE_US is not waited for; pictures go on meanwhile. */
static void silence(void **state) {
    (void)state;
    struct call call;
    open_call(&call, (const uint32_t[KINDS]){1, 1}, 60000, 0);
    run(&call, 5000000);
    call.audio_is_silent = true;
    run(&call, 5000000 + RTP_SYNCHRONISATION_SILENCE_US);
    assert_true(call.played_minus_captured_us[VIDEO] > 30000);
    size_t frames = call.frames[VIDEO];
    run(&call, 5500000 + RTP_SYNCHRONISATION_SILENCE_US);
    assert_in_range(call.played_minus_captured_us[VIDEO], NETWORK_US, NETWORK_US + 1); /* NTP's unit is not the microsecond */
    assert_in_range(call.frames[VIDEO] - frames, 500000 / VIDEO_INTERVAL_US, 500000 / VIDEO_INTERVAL_US + 3);
    call.audio_is_silent = false;
    run(&call, 8500000);
    assert_true(call.played_minus_captured_us[VIDEO] > 30000);
    close_call(&call);
}

/* Of two sounds in a group the first leads while it is heard and has a clock, whether it is the slower one or not; else the other does. */
static void two_sounds(void **state) {
    (void)state;
    static const struct rtp_payload_mapping types[] = {{112, RTP_CODEC_OPUS, 0}};
    static const uint64_t slow_us = 300000;
    static const struct {
        bool is_first_slow, first_has_clock;
    } rows[] = {{false, true}, {true, true}, {false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call call;
        open_call(&call, (const uint32_t[KINDS]){1, 1}, 60000, rows[i].is_first_slow ? slow_us : 0);
        struct rtp_receiver_config config = {.mid = "b", .payload_types = types, .payload_type_count = 1, .synchronisation_group = 1,
                                             .delay_min_us = rows[i].is_first_slow ? 0 : slow_us};
        struct rtp_sender_config sends = {.codec = RTP_CODEC_OPUS, .payload_type = 112, .mid = "b"};
        struct rtp_receiver *second;
        struct rtp_sender *sender;
        call.without_clock = rows[i].first_has_clock ? 0 : rtp_sender_ssrc(call.senders[AUDIO]);
        assert_int_equal(rtp_session_add_receiver(call.far, 0, &config, &second), RTP_OK);
        assert_int_equal(rtp_session_add_sender(call.near, 0, &sends, &sender), RTP_OK);
        for (int is_silent = 0; is_silent < 2; is_silent++) {
            call.audio_is_silent = is_silent;
            for (uint64_t end_us = call.now_us + 5000000; call.now_us < end_us;) {
                struct rtp_frame frame = {.bytes = (const uint8_t[20]){0x10}, .length = 20, .timestamp = (uint32_t)(call.now_us * 48 / 1000)};
                assert_int_equal(rtp_session_send_frame(call.near, call.now_us, sender, &frame), RTP_OK);
                run(&call, call.now_us + AUDIO_INTERVAL_US);
                if (end_us - call.now_us < 1000000) {
                    bool is_slow = rows[i].is_first_slow != (is_silent || !rows[i].first_has_clock);
                    assert_in_range(call.played_minus_captured_us[VIDEO], is_slow ? slow_us : 20000, is_slow ? slow_us + 100000 : 150000);
                }
            }
        }
        close_call(&call);
    }
}

/* To a moment at which a picture has just come, and waits. */
static void run_until_held(struct call *call) {
    struct rtp_event event;
    do {
        run(call, call->now_us + STEP_US);
    } while (call->now_us % VIDEO_INTERVAL_US != (NETWORK_US + 5000) % VIDEO_INTERVAL_US);
    assert_false(rtp_session_poll_event(call->far, call->now_us, &event));
}

/* A key frame that waits for its sound is not asked for; another frame that does is none. */
static void key_frame_that_waits(void **state) {
    (void)state;
    for (int is_delta = 0; is_delta < 2; is_delta++) {
        struct rtp_receiver_config config = {.mid = "v", .payload_types = video_types, .payload_type_count = 1, .synchronisation_group = 1, .send_pli = true};
        struct call call;
        struct drained drained;
        open_call(&call, (const uint32_t[KINDS]){1, 1}, 60000, 0);
        assert_int_equal(rtp_session_update_receiver(call.far, 0, call.receivers[VIDEO], &config), RTP_OK);
        run(&call, 4000000);
        call.video_is_delta = is_delta;
        run(&call, 5000000);
        run_until_held(&call);
        crafted_drain(call.far, call.now_us, &drained);
        assert_int_equal(drained.plis, 0);
        rtp_session_request_key_frame(call.far, call.now_us, call.receivers[VIDEO]);
        crafted_drain(call.far, call.now_us, &drained);
        assert_int_equal(drained.plis, is_delta);
        close_call(&call);
    }
}

/* session.h: a group that is left, and sound that is removed, let go at once what they held; BYE is told behind the last frame. */
static void let_go(void **state) {
    (void)state;
    struct rtp_receiver_config config = {.mid = "v", .payload_types = video_types, .payload_type_count = 1};
    for (int way = 0; way < 3; way++) {
        struct call call;
        struct rtp_event event;
        open_call(&call, (const uint32_t[KINDS]){1, 1}, 60000, 0);
        run(&call, 5000000);
        run_until_held(&call);
        switch (way) {
        case 0:
            assert_int_equal(rtp_session_update_receiver(call.far, call.now_us, call.receivers[VIDEO], &config), RTP_OK);
            break;
        case 1:
            rtp_session_remove_receiver(call.far, call.receivers[AUDIO]);
            break;
        default:
            rtp_session_remove_sender(call.near, call.now_us, call.senders[VIDEO]);
            call.video_is_silent = true;
            run(&call, call.now_us + NETWORK_US + 2 * STEP_US);
            assert_false(call.has_left); /* it is here, and so are frames */
            run(&call, call.now_us + 300000);
            assert_true(call.has_left);
            break;
        }
        if (way < 2) {
            assert_true(rtp_session_poll_event(call.far, call.now_us, &event));
            assert_true(event.type == RTP_EVENT_FRAME && event.receiver == call.receivers[VIDEO]);
        }
        close_call(&call);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_step),
        cmocka_unit_test(silence),
        cmocka_unit_test(two_sounds),
        cmocka_unit_test(key_frame_that_waits),
        cmocka_unit_test(let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
