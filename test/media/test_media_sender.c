#include "test/media/test_media.h"

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "app/media/media_clock_internal.h"
#include "app/media/media_sender_internal.h"
#include "app/media/opus_codec.h"
#include "app/media/video_header.h"

/* The test's thread is the loop: `wake` posts, the test waits, polls, waits. Real time, as little of it as the rate needs. */
static sem_t woken;

static void wake(void *user) {
    (void)user;
    (void)sem_post(&woken);
}

static void wait_wake(void) {
    struct timespec deadline;
    (void)clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 10;
    assert_int_equal(sem_timedwait(&woken, &deadline), 0);
}

static int init_semaphore(void **state) {
    (void)state;
    return sem_init(&woken, 0, 0) + media_test_make_folder(state);
}

static int destroy_semaphore(void **state) {
    return sem_destroy(&woken) + media_test_remove_folder(state);
}

static void next_frame(struct media_sender *sender, struct media_frame *frame) {
    while (!media_sender_poll_frame(sender, frame)) {
        wait_wake();
    }
}

static struct media_sender *make(enum media_kind kind, const char *source, struct media_video_source_config video) {
    struct media_error error;
    struct media_sender_config config = { .kind = kind, .source = source, .video = video, .wake = wake };
    struct media_sender *sender = media_sender_new(&config, &error);
    assert_non_null(sender);
    return sender;
}

static const struct media_video_source_config small = { .width = 160, .height = 120, .fps = 60 };

/* RFC 7587 section 4.2: the timestamp of 20 ms packets counts 960 a packet. The capture times stand exactly 20 ms apart. */
static void test_audio_clock(void **state) {
    (void)state;
    struct media_error error;
    struct media_frame frame;
    struct media_sender *sender = make(MEDIA_AUDIO, "tone", small);
    uint64_t first_us = 0;

    assert_false(media_sender_poll_frame(sender, &frame));
    uint64_t began_us = media_clock_now_us();
    assert_true(media_sender_start(sender, MEDIA_CODEC_OPUS, &error));
    assert_true(media_sender_start(sender, MEDIA_CODEC_OPUS, &error));
    for (uint32_t i = 0; i < 10; i++) {
        next_frame(sender, &frame);
        first_us = i == 0 ? frame.capture_time_us : first_us;
        assert_int_equal(frame.timestamp, i * 960);
        assert_int_equal(frame.duration, 960);
        assert_int_equal(frame.number, i);
        assert_int_equal(frame.capture_time_us, first_us + i * 20000U);
        assert_int_equal(media_opus_packet_samples(frame.bytes, frame.length_bytes), 960);
    }
    assert_true(first_us >= began_us);
    assert_true(media_clock_now_us() - began_us >= 180000);      /* the tenth is not early */
    media_sender_stop(sender);
    struct media_sender_statistics statistics;                    /* W3C webrtc-stats, RTCAudioSourceStats: -12 dBFS is an RMS of 0.178 */
    media_sender_statistics(sender, &statistics);
    assert_true(statistics.total_samples_captured >= 9600);
    assert_int_equal(statistics.total_samples_captured, 960 * statistics.frames_captured);
    assert_float_equal((float)(statistics.total_audio_energy / (double)statistics.total_samples_captured * 48000), 0.0316F, 0.001F);
    media_sender_free(sender);
}

static void test_video_clock_and_key_frame_on_request(void **state) {
    (void)state;
    struct media_error error;
    struct media_frame frame;
    struct media_sender_statistics statistics;
    struct media_sender *sender = make(MEDIA_VIDEO, "pattern", small);
    uint32_t key_frames = 0;
    uint32_t asked_at = 0;
    uint32_t answered_at = 0;

    assert_true(media_sender_start(sender, MEDIA_CODEC_VP8, &error));
    for (uint32_t i = 0; i < 30; i++) {
        struct media_video_header header;
        next_frame(sender, &frame);
        assert_int_equal(frame.timestamp, i * 1500);             /* 90000 / 60 */
        assert_int_equal(frame.number, i);
        assert_true(media_video_header_read(MEDIA_CODEC_VP8, frame.bytes, frame.length_bytes, &header));
        bool key_frame = header.key_frame;
        assert_int_equal(frame.key_frame, key_frame);
        key_frames += key_frame ? 1 : 0;
        if (i == 0) {
            assert_true(key_frame);
        }
        if (i == 10) {
            asked_at = i;
            media_sender_request_key_frame(sender);
            media_sender_request_key_frame(sender);
        }
        answered_at = key_frame ? i : answered_at;
    }
    assert_int_equal(key_frames, 2);
    assert_in_range(answered_at, asked_at + 1, asked_at + 8);
    media_sender_statistics(sender, &statistics);
    assert_int_equal(statistics.key_frames_encoded, 2);
    assert_int_equal(statistics.frame_width, 160);
    assert_true(statistics.frames_encoded >= 30);
    assert_int_equal(statistics.frames_dropped, 0);
    media_sender_free(sender);
}

/* MEDIA_SENDER_MAX_FRAMES wait for a loop that does not poll; the rest is dropped and counted, and the next picture is a key frame. */
static void test_queue_bound(void **state) {
    (void)state;
    struct media_error error;
    struct media_frame frame;
    struct media_sender_statistics statistics;
    struct media_video_source_config fast = { .width = 160, .height = 120, .fps = 240 };
    struct media_sender *sender = make(MEDIA_VIDEO, "pattern", fast);
    uint32_t polled = 0;

    assert_true(media_sender_start(sender, MEDIA_CODEC_VP8, &error));
    do {
        wait_wake();
        media_sender_statistics(sender, &statistics);
    } while (statistics.frames_dropped < 3);
    while (media_sender_poll_frame(sender, &frame) && frame.number == polled) {
        polled++;
    }
    assert_int_equal(polled, MEDIA_SENDER_MAX_FRAMES);
    do {
        next_frame(sender, &frame);
    } while (frame.number < MEDIA_SENDER_MAX_FRAMES);
    assert_true(frame.key_frame);
    media_sender_free(sender);
}

/* At the end of its file video stops, and says so; nothing fails. */
static void test_video_file_ends(void **state) {
    (void)state;
    enum { FRAMES = 5, SIDE = 16 };
    static const char header[] = "YUV4MPEG2 W16 H16 F100:1\n";
    uint8_t file[sizeof header - 1 + FRAMES * (6 + SIDE * SIDE * 3 / 2)];
    size_t length = sizeof header - 1;
    struct media_error error;
    struct media_frame frame;
    struct media_sender_statistics statistics;

    memcpy(file, header, length);
    for (int i = 0; i < FRAMES; i++) {
        memcpy(file + length, "FRAME\n", 6);
        memset(file + length + 6, 40 * i + 20, SIDE * SIDE * 3 / 2);
        length += 6 + SIDE * SIDE * 3 / 2;
    }
    media_test_write_file(media_test_path("five.y4m"), file, length);
    struct media_video_source_config as_it_is = { 0 };
    struct media_sender *sender = make(MEDIA_VIDEO, media_test_path("five.y4m"), as_it_is);
    assert_true(media_sender_start(sender, MEDIA_CODEC_VP8, &error));
    for (uint32_t i = 0; i < FRAMES; i++) {
        next_frame(sender, &frame);
        assert_int_equal(frame.number, i);
    }
    do {
        struct timespec pause = { 0, 5000000 };
        (void)nanosleep(&pause, NULL);
        media_sender_statistics(sender, &statistics);
    } while (!statistics.source_ended);
    assert_false(media_sender_poll_frame(sender, &frame));
    assert_false(media_sender_failed(sender, &error));
    media_sender_free(sender);
}

/* A file that breaks off in the middle of a picture fails the sender, with its three sentences, after what was whole. */
static void test_broken_file_fails_the_sender(void **state) {
    (void)state;
    static const char start[] = "YUV4MPEG2 W16 H16 F100:1\nFRAME\n";
    uint8_t file[sizeof start - 1 + 384 + 6 + 100];
    struct media_error error;
    struct media_frame frame;
    struct media_video_source_config as_it_is = { 0 };

    memset(file, 99, sizeof file);
    memcpy(file, start, sizeof start - 1);
    memcpy(file + sizeof start - 1 + 384, "FRAME\n", 6);
    media_test_write_file(media_test_path("cut.y4m"), file, sizeof file);
    struct media_sender *sender = make(MEDIA_VIDEO, media_test_path("cut.y4m"), as_it_is);
    assert_false(media_sender_failed(sender, &error));
    assert_true(media_sender_start(sender, MEDIA_CODEC_VP8, &error));
    while (!media_sender_failed(sender, &error)) {
        wait_wake();
    }
    media_test_assert_error(&error, MEDIA_EXIT_BAD_FILE);
    assert_true(media_sender_poll_frame(sender, &frame));
    assert_false(media_sender_poll_frame(sender, &frame));
    media_sender_free(sender);
}

/* Freed at any moment, before and after the start, with frames unpolled: nothing hangs, nothing leaks (ASan sees it). */
static void test_free_at_any_moment(void **state) {
    (void)state;
    struct media_error error;
    for (int moment = 0; moment < 12; moment++) {
        struct media_sender *audio = make(MEDIA_AUDIO, "tone:1000", small);
        struct media_sender *video = make(MEDIA_VIDEO, "pattern", small);
        if (moment > 0) {
            assert_true(media_sender_start(audio, MEDIA_CODEC_OPUS, &error));
            assert_true(media_sender_start(video, MEDIA_CODEC_VP8, &error));
            struct timespec pause = { 0, moment * 1000000L };
            (void)nanosleep(&pause, NULL);
        }
        media_sender_free(audio);
        media_sender_free(video);
    }
    media_sender_free(NULL);
}

static void test_refused_configurations(void **state) {
    (void)state;
    struct media_error error;
    static const struct { enum media_kind kind; const char *source; struct media_video_source_config video; int exit_code; } cases[] = {
        { MEDIA_AUDIO, "nonsense", { 0 }, MEDIA_EXIT_USAGE }, { MEDIA_AUDIO, "none", { 0 }, MEDIA_EXIT_USAGE },
        { MEDIA_AUDIO, "/nowhere/x.wav", { 0 }, MEDIA_EXIT_DEVICE }, { MEDIA_VIDEO, "/nowhere/x.y4m", { 0 }, MEDIA_EXIT_DEVICE },
        { MEDIA_VIDEO, "tone", { 0 }, MEDIA_EXIT_USAGE },
        { MEDIA_VIDEO, "pattern", { .width = 15, .height = 120 }, MEDIA_EXIT_USAGE },
        { MEDIA_VIDEO, "pattern", { .width = 4097, .height = 120 }, MEDIA_EXIT_USAGE },
        { MEDIA_VIDEO, "pattern", { .fps = 241 }, MEDIA_EXIT_USAGE },
        { MEDIA_VIDEO, "/nowhere/x.ivf", { 0 }, MEDIA_EXIT_DEVICE }, { MEDIA_VIDEO, "/nowhere/x.h264", { 0 }, MEDIA_EXIT_DEVICE },
        { MEDIA_AUDIO, "/nowhere/x.opus", { 0 }, MEDIA_EXIT_DEVICE }, { MEDIA_VIDEO, "/nowhere/x.h264", { .fps = 241 }, MEDIA_EXIT_USAGE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct media_sender_config config = { .kind = cases[i].kind, .source = cases[i].source, .video = cases[i].video };
        assert_null(media_sender_new(&config, &error));
        media_test_assert_error(&error, cases[i].exit_code);
    }
}

/* Everything about one run of a codec: its first frames, from the one that comes next. */
static void expect_run(struct media_sender *sender, enum media_codec codec, uint32_t frames) {
    struct media_error error;
    struct media_frame frame, before = { 0 };
    assert_true(media_sender_can_send(sender, codec));
    assert_true(media_sender_start(sender, codec, &error));
    for (uint32_t i = 0; i < frames; i++) {
        next_frame(sender, &frame);
        if (i == 0) {
            assert_true(frame.key_frame);
        } else {
            assert_int_equal(frame.timestamp, before.timestamp + before.duration);
            assert_int_equal(frame.number, before.number + 1);
        }
        if (codec == MEDIA_CODEC_PCMU || codec == MEDIA_CODEC_PCMA) {
            assert_int_equal(frame.length_bytes, 160);
            assert_int_equal(frame.duration, 160);         /* RFC 3551 section 4.5.14: 8000 a second */
        } else if (!media_codec_is_audio(codec)) {
            struct media_video_header header;
            assert_true(media_video_header_read(codec, frame.bytes, frame.length_bytes, &header));
            assert_int_equal(header.key_frame, frame.key_frame);
        }
        before = frame;
    }
}

/* RFC 3264 section 8.3.2: a later agreement may change the codec. Picture and sound go on where they were, and the clock with them. */
static void test_codec_changes(void **state) {
    (void)state;
    struct media_sender *video = make(MEDIA_VIDEO, "pattern", small), *audio = make(MEDIA_AUDIO, "tone", small);
    struct media_frame frame;
    struct media_error error;
    assert_int_equal(media_sender_source_codec(video), MEDIA_CODEC_NONE);
    assert_false(media_sender_can_send(video, MEDIA_CODEC_H264));
    assert_false(media_sender_can_send(video, MEDIA_CODEC_AV1));
    assert_false(media_sender_can_send(video, MEDIA_CODEC_OPUS));
    assert_false(media_sender_can_send(audio, MEDIA_CODEC_VP8));
    assert_false(media_sender_can_send(audio, MEDIA_CODEC_NONE));
    expect_run(video, MEDIA_CODEC_VP8, 5);
    expect_run(video, MEDIA_CODEC_VP9, 5);
    expect_run(video, MEDIA_CODEC_VP8, 3);
    expect_run(audio, MEDIA_CODEC_PCMU, 3);
    expect_run(audio, MEDIA_CODEC_OPUS, 3);
    expect_run(audio, MEDIA_CODEC_PCMA, 3);
    media_sender_stop(audio);
    assert_false(media_sender_poll_frame(audio, &frame));
    media_sender_stop(audio);
    assert_true(media_sender_start(audio, MEDIA_CODEC_PCMA, &error));
    media_sender_free(audio);
    media_sender_free(video);
}

/* The encoder of one that rests, once its thread has opened it. */
static const struct media_vpx_encoder *encoder_of(struct media_sender *sender) {
    const struct media_vpx_encoder *encoder = NULL;
    struct timespec pause = { 0, 10000000 };
    for (int i = 0; i < 1000 && encoder == NULL; i++) {
        (void)nanosleep(&pause, NULL);
        (void)pthread_mutex_lock(&sender->mutex);
        encoder = sender->vpx;
        (void)pthread_mutex_unlock(&sender->mutex);
    }
    return encoder;
}

/* What is prepared captures nothing before it is started, and then begins like any other: with frame 0, a key frame, at timestamp 0. Another codec takes its place. */
static void test_prepare(void **state) {
    (void)state;
    struct media_error error;
    struct media_frame frame;
    struct timespec pause = { 0, 100000000 };
    struct media_sender_statistics statistics;
    struct media_sender *sender = make(MEDIA_VIDEO, "pattern", small);
    assert_true(media_sender_prepare(sender, MEDIA_CODEC_VP9, &error));
    assert_true(media_sender_prepare(sender, MEDIA_CODEC_VP8, &error));
    assert_true(media_sender_prepare(sender, MEDIA_CODEC_VP8, &error));
    media_sender_set_bitrate(sender, 500000);                           /* perhaps while the encoder is opened: a thread sanitizer looks */
    const struct media_vpx_encoder *encoder = encoder_of(sender);
    assert_non_null(encoder);
    (void)nanosleep(&pause, NULL);
    assert_false(media_sender_poll_frame(sender, &frame));
    media_sender_statistics(sender, &statistics);
    assert_int_equal(statistics.frames_captured, 0);
    assert_true(media_sender_start(sender, MEDIA_CODEC_VP8, &error));
    next_frame(sender, &frame);
    assert_int_equal(frame.number, 0);
    assert_int_equal(frame.timestamp, 0);
    assert_true(frame.key_frame);
    assert_ptr_equal(encoder_of(sender), encoder);                      /* the one that was opened while it rested */
    assert_true(media_sender_prepare(sender, MEDIA_CODEC_VP8, &error)); /* it sends already, and goes on */
    next_frame(sender, &frame);
    assert_int_equal(frame.number, 1);
    assert_true(media_sender_prepare(sender, MEDIA_CODEC_VP9, &error)); /* it rests, and never starts */
    (void)nanosleep(&pause, NULL);
    assert_false(media_sender_poll_frame(sender, &frame));
    media_sender_free(sender);
}

/* A sender that rests stands still, and its clock does not: RFC 3550 section 5.1, the timestamp is that of the instant of capture. */
static void test_rest_and_go_on(void **state) {
    (void)state;
    struct media_error error;
    struct media_frame before, after;
    struct timespec pause = { 0, 400000000 };
    struct media_sender_statistics statistics;
    struct media_sender *sender = make(MEDIA_AUDIO, "tone", small);
    assert_true(media_sender_start(sender, MEDIA_CODEC_OPUS, &error));
    next_frame(sender, &before);
    media_sender_stop(sender);
    media_sender_statistics(sender, &statistics);
    (void)nanosleep(&pause, NULL);
    assert_true(media_sender_start(sender, MEDIA_CODEC_OPUS, &error));
    next_frame(sender, &after);
    assert_int_equal(after.number, statistics.frames_captured);
    uint64_t passed_us = after.capture_time_us - before.capture_time_us;
    assert_true(passed_us >= 400000);
    assert_in_range(after.timestamp - before.timestamp, passed_us * 48 / 1000 - 1, passed_us * 48 / 1000 + 1);
    media_sender_statistics(sender, &statistics);
    assert_int_equal(statistics.frames_skipped, 0);
    media_sender_free(sender);
}

/* Frames of a file come as they are, at its times and over and over; a key frame that is asked for is its next, or its first. */
static void test_file_as_it_is(void **state) {
    (void)state;
    /* 100 frames a second; the second byte numbers them: RFC 6386's frame tag does not mind. */
    uint8_t file[32 + 60 * (12 + 10)] = "DKIF\0\0\x20\0VP80\x80\x02\xE0\x01\x64\0\0\0\x01";
    size_t length = 32;
    for (uint8_t i = 0; i < 60; i++) {
        uint8_t *head = file + length;
        bool key = i == 0 || i == 58;
        memset(head, 0, 12);
        head[0] = key ? 10 : 3;
        head[4] = i;
        memcpy(head + 12, (const uint8_t[10]) { key ? 0x10 : 0x11, i, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01 }, head[0]);
        length += 12U + head[0];
    }
    media_test_write_file(media_test_path("x.ivf"), file, length);
    struct media_error error;
    struct media_frame frame;
    struct media_sender_statistics statistics;
    struct media_sender *sender = make(MEDIA_VIDEO, media_test_path("x.ivf"), small);
    assert_int_equal(media_sender_source_codec(sender), MEDIA_CODEC_VP8);
    assert_true(media_sender_can_send(sender, MEDIA_CODEC_VP8));
    assert_false(media_sender_can_send(sender, MEDIA_CODEC_VP9));
    assert_true(media_sender_start(sender, MEDIA_CODEC_VP8, &error));
    uint32_t jumped_at = 0;
    for (uint32_t i = 0; i < 56; i++) {
        next_frame(sender, &frame);
        assert_int_equal(frame.timestamp, i * 900);
        if (jumped_at == 0 && frame.bytes[1] != i) {
            jumped_at = i;
            assert_true(frame.key_frame);
            assert_int_equal(frame.bytes[1], 58);            /* asked for at 10, given half a second after the last */
        }
        if (i == 10) {
            media_sender_request_key_frame(sender);
        }
    }
    assert_in_range(jumped_at, 48, 55);
    next_frame(sender, &frame);
    assert_int_equal(frame.bytes[1], (frame.number - jumped_at) < 2 ? 58 + frame.number - jumped_at : frame.number - jumped_at - 2);
    media_sender_stop(sender);
    assert_true(media_sender_start(sender, MEDIA_CODEC_VP8, &error));
    next_frame(sender, &frame);
    assert_true(frame.key_frame);                            /* who begins again begins with a key frame, */
    for (int i = 0; i < 3; i++) {
        next_frame(sender, &frame);                          /* 59, 0 and 1 */
    }
    assert_false(frame.key_frame);
    media_sender_stop(sender);
    assert_true(media_sender_prepare(sender, MEDIA_CODEC_VP8, &error));
    assert_true(media_sender_start(sender, MEDIA_CODEC_VP8, &error));
    next_frame(sender, &frame);
    assert_true(frame.key_frame);                            /* also if it was prepared before */
    media_sender_statistics(sender, &statistics);
    assert_int_equal(statistics.target_bitrate_bps, 0);
    assert_int_equal(statistics.frame_width, 640);
    media_sender_free(sender);

    struct media_sender_config config = { .kind = MEDIA_AUDIO, .source = media_test_path("x.ivf") };
    assert_null(media_sender_new(&config, &error));
    media_test_assert_error(&error, MEDIA_EXIT_USAGE);
}

static void test_bitrate_is_clamped(void **state) {
    (void)state;
    struct media_sender_statistics statistics;
    struct media_sender *sender = make(MEDIA_VIDEO, "pattern", small);
    static const struct { uint32_t asked, held; } cases[] = {
        { 0, MEDIA_VIDEO_DEFAULT_BPS }, { MEDIA_VIDEO_MIN_BPS - 1, MEDIA_VIDEO_MIN_BPS }, { MEDIA_VIDEO_MIN_BPS, MEDIA_VIDEO_MIN_BPS },
        { MEDIA_VIDEO_MAX_BPS, MEDIA_VIDEO_MAX_BPS }, { MEDIA_VIDEO_MAX_BPS + 1, MEDIA_VIDEO_MAX_BPS }, { 0xFFFFFFFF, MEDIA_VIDEO_MAX_BPS }
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        media_sender_set_bitrate(sender, cases[i].asked);
        media_sender_statistics(sender, &statistics);
        assert_int_equal(statistics.target_bitrate_bps, cases[i].held);
    }
    media_sender_free(sender);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_audio_clock, init_semaphore, destroy_semaphore),
        cmocka_unit_test_setup_teardown(test_video_clock_and_key_frame_on_request, init_semaphore, destroy_semaphore),
        cmocka_unit_test_setup_teardown(test_queue_bound, init_semaphore, destroy_semaphore),
        cmocka_unit_test_setup_teardown(test_video_file_ends, init_semaphore, destroy_semaphore),
        cmocka_unit_test_setup_teardown(test_broken_file_fails_the_sender, init_semaphore, destroy_semaphore),
        cmocka_unit_test_setup_teardown(test_codec_changes, init_semaphore, destroy_semaphore),
        cmocka_unit_test_setup_teardown(test_prepare, init_semaphore, destroy_semaphore),
        cmocka_unit_test_setup_teardown(test_rest_and_go_on, init_semaphore, destroy_semaphore),
        cmocka_unit_test_setup_teardown(test_file_as_it_is, init_semaphore, destroy_semaphore),
        cmocka_unit_test_setup_teardown(test_free_at_any_moment, init_semaphore, destroy_semaphore),
        cmocka_unit_test(test_refused_configurations),
        cmocka_unit_test(test_bitrate_is_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
