#include "test/media/test_media.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "app/media/audio_codec.h"
#include "app/media/audio_source.h"
#include "app/media/media_receiver.h"
#include "app/media/pattern_internal.h"
#include "app/media/stamp.h"
#include "app/media/vpx_codec.h"

enum { FRAMES = 60, MAX_BYTES = 1 << 16 };

struct stream {
    enum media_codec codec;
    size_t count;
    struct { uint8_t bytes[MAX_BYTES]; size_t length; uint32_t timestamp; } *frames;
};

/* FRAMES stamped pictures of 160x120, the key frames at 0 and where asked for. */
static struct stream make_video_of(enum media_codec codec, uint32_t first_timestamp, uint32_t key_at) {
    struct media_error error;
    struct media_vpx_encoder_config config = { codec, 160, 120, 30, 1, 300000 };
    struct media_vpx_encoder *encoder = media_vpx_encoder_new(&config, &error);
    struct media_pattern *pattern = media_pattern_new();
    struct media_picture picture;
    struct stream stream = { codec, FRAMES, calloc(FRAMES, sizeof *stream.frames) };

    assert_true(media_picture_allocate(&picture, 160, 120));
    for (uint32_t i = 0; i < FRAMES; i++) {
        const uint8_t *bytes;
        bool key_frame;
        struct media_stamp stamp = { i, i * 33 };
        media_pattern_draw(pattern, i, &picture);
        (void)media_stamp_write(&picture, stamp);
        assert_true(media_vpx_encode(encoder, &picture, i * 3000U, 3000, i == key_at, &bytes, &stream.frames[i].length, &key_frame, &error));
        memcpy(stream.frames[i].bytes, bytes, stream.frames[i].length);
        stream.frames[i].timestamp = first_timestamp + i * 3000;
    }
    media_picture_clear(&picture);
    media_pattern_free(pattern);
    media_vpx_encoder_free(encoder);
    return stream;
}

static struct stream make_video(uint32_t first_timestamp, uint32_t key_at) {
    return make_video_of(MEDIA_CODEC_VP8, first_timestamp, key_at);
}

static struct stream make_audio_of(enum media_codec codec, uint32_t first_timestamp) {
    struct media_error error;
    int16_t samples[MEDIA_AUDIO_FRAME_SAMPLES];
    struct media_audio_source *source = media_audio_source_open("tone", &error);
    struct media_audio_encoder *encoder = media_audio_encoder_new(codec, 1, 48000, &error);
    struct stream stream = { codec, FRAMES, calloc(FRAMES, sizeof *stream.frames) };

    for (uint32_t i = 0; i < FRAMES; i++) {
        assert_int_equal(media_audio_source_read(source, samples, &error), MEDIA_READ_FRAME);
        stream.frames[i].length = media_audio_encode(encoder, samples, stream.frames[i].bytes, &error);
        assert_true(stream.frames[i].length > 0);
        stream.frames[i].timestamp = first_timestamp + i * media_codec_clock_hz(codec) / 50;
    }
    media_audio_encoder_free(encoder);
    media_audio_source_free(source);
    return stream;
}

static struct stream make_audio(uint32_t first_timestamp) {
    return make_audio_of(MEDIA_CODEC_OPUS, first_timestamp);
}

static enum media_push push(struct media_receiver *receiver, const struct stream *stream, size_t i) {
    return media_receiver_push(receiver, stream->codec, stream->frames[i].bytes, stream->frames[i].length, stream->frames[i].timestamp, 0);
}

static struct media_receiver *make(enum media_codec codec, const char *prefix) {
    struct media_error error;
    struct media_receiver_config config = { .kind = media_codec_is_audio(codec) ? MEDIA_AUDIO : MEDIA_VIDEO, .codec = codec, .record_prefix = prefix };
    struct media_receiver *receiver = media_receiver_new(&config, &error);
    assert_non_null(receiver);
    return receiver;
}

static unsigned count_events(struct media_receiver *receiver, enum media_receiver_event_kind kind) {
    struct media_receiver_event event;
    unsigned count = 0;
    while (media_receiver_poll_event(receiver, &event)) {
        count += event.kind == kind ? 1 : 0;
    }
    return count;
}

/* W3C webrtc-stats, estimatedPlayoutTimestamp: it is that of the last frame decoded whose capture time is known; one that is dropped has none. */
static void test_playout_time_is_of_the_last_frame_decoded(void **state) {
    (void)state;
    enum { CAPTURED_US = 1700000000, STEP_US = 33333 };
    struct media_receiver_statistics statistics;
    struct stream stream = make_video(0, 30);
    uint8_t noise[100] = { 1 };
    struct media_receiver *receiver = make(MEDIA_CODEC_VP8, NULL);

    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.playout_at_us, 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(media_receiver_push(receiver, MEDIA_CODEC_VP8, stream.frames[i].bytes, stream.frames[i].length, stream.frames[i].timestamp,
                                             i == 0 ? 0 : CAPTURED_US + (int64_t)i * STEP_US), MEDIA_PUSH_OK);
    }
    assert_int_equal(push(receiver, &stream, 3), MEDIA_PUSH_OK);
    assert_int_equal(media_receiver_push(receiver, MEDIA_CODEC_VP8, noise, sizeof noise, 4 * 3000, CAPTURED_US + 4 * STEP_US), MEDIA_PUSH_OK);
    media_receiver_finish(receiver);
    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.frames_decoded, 4);
    assert_int_equal(statistics.frames_dropped, 1);
    assert_int_equal(statistics.playout_unix_us, CAPTURED_US + 2 * STEP_US);
    assert_true(statistics.playout_at_us != 0);
    media_receiver_free(receiver);
    free(stream.frames);
}

static void test_video_is_decoded_and_recorded(void **state) {
    (void)state;
    struct media_receiver_statistics statistics;
    struct media_receiver_event event;
    struct stream stream = make_video(0xFFFFF000, 30);         /* wraps */
    struct media_receiver *receiver = make(MEDIA_CODEC_VP8, media_test_path("call"));

    for (size_t i = 0; i < stream.count; i++) {
        assert_int_equal(push(receiver, &stream, i), MEDIA_PUSH_OK);
    }
    media_receiver_finish(receiver);
    assert_true(media_receiver_poll_event(receiver, &event));
    assert_int_equal(event.kind, MEDIA_RECEIVER_FIRST_FRAME);
    assert_int_equal(event.width, 160);
    assert_int_equal(event.height, 120);
    assert_false(media_receiver_poll_event(receiver, &event));
    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.frames_received, FRAMES);
    assert_int_equal(statistics.frames_decoded, FRAMES);
    assert_int_equal(statistics.key_frames_decoded, 2);
    assert_int_equal(statistics.frames_recorded, FRAMES);
    assert_int_equal(statistics.stamps_read, FRAMES);
    assert_int_equal(statistics.last_stamp_number, FRAMES - 1);
    assert_int_equal(statistics.frames_dropped, 0);
    media_receiver_free(receiver);

    size_t length;
    uint8_t *file = media_test_read_file(media_test_path("call-video.ivf"), &length);
    assert_memory_equal(file, "DKIF", 4);
    assert_int_equal(file[24], FRAMES);
    free(file);
    free(stream.frames);
}

static void count_wake(void *user) {
    (void)__atomic_add_fetch((unsigned *)user, 1, __ATOMIC_RELAXED);
}

/* Pictures before a key frame are dropped and one is asked for: once, not once a picture. */
static void test_key_frame_is_asked_for(void **state) {
    (void)state;
    struct media_receiver_statistics statistics;
    struct media_error error;
    unsigned wakes = 0;
    struct stream stream = make_video(7, 30);
    struct media_receiver_config config = { .kind = MEDIA_VIDEO, .codec = MEDIA_CODEC_VP8, .wake = count_wake, .user = &wakes };
    struct media_receiver *receiver = media_receiver_new(&config, &error);

    assert_non_null(receiver);

    for (size_t i = 5; i < 30; i++) {
        assert_int_equal(push(receiver, &stream, i), MEDIA_PUSH_OK);
    }
    for (size_t i = 30; i < stream.count; i++) {
        assert_int_equal(push(receiver, &stream, i), MEDIA_PUSH_OK);
    }
    media_receiver_finish(receiver);
    assert_int_equal(count_events(receiver, MEDIA_RECEIVER_KEY_FRAME_NEEDED), 1);
    assert_in_range(wakes, 2, 10);              /* the first frame and, on a machine that is not stalled, one request for 25 pictures */
    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.frames_dropped, 25);
    assert_int_equal(statistics.frames_decoded, 30);
    media_receiver_free(receiver);
    free(stream.frames);
}

/* Every truncation of a key frame, and noise: survived, and pictures go on with the next key frame. */
static void test_garbage_is_survived(void **state) {
    (void)state;
    struct media_receiver_statistics statistics;
    struct stream stream = make_video(0, 30);
    struct media_receiver *receiver = make(MEDIA_CODEC_VP8, NULL);
    uint8_t noise[400];
    uint32_t seed = 1;

    for (size_t length = 0; length < stream.frames[0].length && length < 120; length++) {
        while (media_receiver_push(receiver, MEDIA_CODEC_VP8, stream.frames[0].bytes, length, (uint32_t)length, 0) == MEDIA_PUSH_QUEUE_FULL) {
            struct timespec pause = { 0, 1000000 };
            (void)nanosleep(&pause, NULL);
        }
    }
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < sizeof noise; i++) {
            seed = seed * 1664525U + 1013904223U;
            noise[i] = (uint8_t)(seed >> 24);
        }
        (void)media_receiver_push(receiver, MEDIA_CODEC_VP8, noise, sizeof noise, 0, 0);
    }
    media_receiver_statistics(receiver, &statistics);
    struct timespec pause = { 0, 300000000 };
    (void)nanosleep(&pause, NULL);
    for (size_t i = 30; i < stream.count; i++) {
        assert_int_equal(push(receiver, &stream, i), MEDIA_PUSH_OK);
    }
    media_receiver_finish(receiver);
    media_receiver_statistics(receiver, &statistics);
    assert_true(statistics.frames_decoded >= 30);
    assert_int_equal(statistics.last_stamp_number, FRAMES - 1);
    media_receiver_free(receiver);
    free(stream.frames);
}

/* Three packets missing: three are concealed, and the recording's last granule position is that of the whole second and a bit. */
static void test_audio_hole_is_concealed(void **state) {
    (void)state;
    struct media_receiver_statistics statistics;
    struct stream stream = make_audio(0xFFFFFC00);              /* wraps after a packet */
    struct media_receiver *receiver = make(MEDIA_CODEC_OPUS, media_test_path("call"));

    for (size_t i = 0; i < stream.count; i++) {
        if (i < 20 || i > 22) {
            assert_int_equal(push(receiver, &stream, i), MEDIA_PUSH_OK);
        }
    }
    assert_int_equal(push(receiver, &stream, 10), MEDIA_PUSH_OK);      /* far too late */
    media_receiver_finish(receiver);
    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.frames_decoded, FRAMES - 3);
    assert_int_equal(statistics.concealed_samples, 3 * 960);
    assert_int_equal(statistics.concealment_events, 1);
    assert_int_equal(statistics.total_samples_received, FRAMES * 960);
    assert_int_equal(statistics.frames_dropped, 1);
    assert_int_equal(statistics.frames_recorded, FRAMES - 3);
    /* -12 dBFS sine: mean square 0.0316; 1.2 seconds of it. */
    assert_float_equal((float)statistics.total_audio_energy, 0.0316F * 1.2F, 0.004F);
    assert_int_equal(count_events(receiver, MEDIA_RECEIVER_FIRST_FRAME), 1);
    media_receiver_free(receiver);
    free(stream.frames);
}

/* A hole of an hour is not filled with an hour of invention. */
static void test_long_hole_is_bounded(void **state) {
    (void)state;
    struct media_receiver_statistics statistics;
    struct stream stream = make_audio(0);
    struct media_receiver *receiver = make(MEDIA_CODEC_OPUS, media_test_path("call"));
    uint32_t hole_packets = MEDIA_RECEIVER_MAX_CONCEALED_FRAMES + 1;

    (void)push(receiver, &stream, 0);
    (void)media_receiver_push(receiver, MEDIA_CODEC_OPUS, stream.frames[1].bytes, stream.frames[1].length, (1 + hole_packets) * 960, 0);
    (void)media_receiver_push(receiver, MEDIA_CODEC_OPUS, stream.frames[2].bytes, stream.frames[2].length, 3600U * 48000U, 0);
    media_receiver_finish(receiver);
    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.concealed_samples, 2 * MEDIA_RECEIVER_MAX_CONCEALED_FRAMES * 960);
    assert_int_equal(statistics.frames_decoded, 3);
    media_receiver_free(receiver);
    free(stream.frames);
}

/* The queue holds MEDIA_RECEIVER_MAX_FRAMES and says when it is full; then only a key frame enters. */
static void test_queue_bound(void **state) {
    (void)state;
    struct media_receiver_statistics statistics;
    struct stream stream = make_video(0, 30);
    struct media_receiver *receiver = make(MEDIA_CODEC_VP8, NULL);
    unsigned pushed = 0;

    /* Decoding is slower than pushing; should the machine stall the pusher, it takes more rounds. */
    while (push(receiver, &stream, pushed % 30) == MEDIA_PUSH_OK && pushed < 100000) {
        pushed++;
    }
    assert_true(pushed >= MEDIA_RECEIVER_MAX_FRAMES);
    assert_true(pushed < 100000);
    struct timespec pause = { 0, 300000000 };
    (void)nanosleep(&pause, NULL);
    assert_int_equal(push(receiver, &stream, 31), MEDIA_PUSH_QUEUE_FULL);
    assert_int_equal(push(receiver, &stream, 30), MEDIA_PUSH_OK);
    assert_int_equal(push(receiver, &stream, 31), MEDIA_PUSH_OK);
    assert_true(count_events(receiver, MEDIA_RECEIVER_KEY_FRAME_NEEDED) >= 1);
    media_receiver_finish(receiver);
    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.frames_dropped, 2);
    assert_int_equal(statistics.frames_received, pushed + 2);
    assert_int_equal(push(receiver, &stream, 30), MEDIA_PUSH_QUEUE_FULL);      /* after the end nothing enters */
    media_receiver_free(receiver);
    free(stream.frames);
}

static void test_frame_size_bound(void **state) {
    (void)state;
    struct media_receiver *receiver = make(MEDIA_CODEC_VP8, NULL);
    uint8_t *large = calloc(1, MEDIA_RECEIVER_MAX_FRAME_BYTES + 1);
    assert_int_equal(media_receiver_push(receiver, MEDIA_CODEC_VP8, large, MEDIA_RECEIVER_MAX_FRAME_BYTES - 1, 0, 0), MEDIA_PUSH_OK);
    assert_int_equal(media_receiver_push(receiver, MEDIA_CODEC_VP8, large, MEDIA_RECEIVER_MAX_FRAME_BYTES, 0, 0), MEDIA_PUSH_OK);
    assert_int_equal(media_receiver_push(receiver, MEDIA_CODEC_VP8, large, MEDIA_RECEIVER_MAX_FRAME_BYTES + 1, 0, 0), MEDIA_PUSH_TOO_LARGE);
    free(large);
    media_receiver_free(receiver);
}

static void test_refused_configurations(void **state) {
    (void)state;
    struct media_error error;
    static const struct { enum media_codec codec; const char *prefix, *play; int exit_code; } cases[] = {
        { MEDIA_CODEC_OPUS, "/nowhere/x", NULL, MEDIA_EXIT_DEVICE }, { MEDIA_CODEC_VP8, "/nowhere/x", NULL, MEDIA_EXIT_DEVICE },
        { MEDIA_CODEC_VP8, NULL, "nonsense", MEDIA_EXIT_USAGE }, { MEDIA_CODEC_OPUS, NULL, "", MEDIA_EXIT_USAGE },
        { MEDIA_CODEC_VP8, NULL, "term", MEDIA_EXIT_USAGE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct media_receiver_config config = { .kind = media_codec_is_audio(cases[i].codec) ? MEDIA_AUDIO : MEDIA_VIDEO, .codec = cases[i].codec,
                                                .record_prefix = cases[i].prefix, .play = cases[i].play };
        assert_null(media_receiver_new(&config, &error));
        media_test_assert_error(&error, cases[i].exit_code);
    }
    struct media_receiver_config fine = { .codec = MEDIA_CODEC_VP8, .play = "none" };
    media_receiver_free(media_receiver_new(&fine, &error));
    media_receiver_free(NULL);
}

/* A disk that is full from the start is known before the call. */
static void test_full_disk_at_the_start(void **state) {
    (void)state;
    struct media_error error;
    static const struct { enum media_codec codec; const char *name; } cases[] = {
        { MEDIA_CODEC_VP8, "full-video.ivf" }, { MEDIA_CODEC_OPUS, "full-audio.ogg" }
    };
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(symlink("/dev/full", media_test_path(cases[i].name)), 0);
        struct media_receiver_config config = { .kind = media_codec_is_audio(cases[i].codec) ? MEDIA_AUDIO : MEDIA_VIDEO, .codec = cases[i].codec,
                                                .record_prefix = media_test_path("full") };
        assert_null(media_receiver_new(&config, &error));
        media_test_assert_error(&error, MEDIA_EXIT_DEVICE);
    }
}

/* One that fills up in mid-call ends the recording with an event, not the call: a limit on file sizes stands for it. */
static void test_disk_fills_up(void **state) {
    (void)state;
    struct media_receiver_statistics statistics;
    struct media_receiver_event event;
    struct stream stream = make_video(0, 30);
    struct media_receiver *receiver = make(MEDIA_CODEC_VP8, media_test_path("call"));
    struct rlimit before;
    struct rlimit tight;
    bool failed = false;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 6000;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (size_t i = 0; i < stream.count; i++) {
        assert_int_equal(push(receiver, &stream, i), MEDIA_PUSH_OK);
    }
    media_receiver_finish(receiver);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    while (media_receiver_poll_event(receiver, &event)) {
        if (event.kind == MEDIA_RECEIVER_FAILED) {
            media_test_assert_error(&event.error, MEDIA_EXIT_DEVICE);
            failed = true;
        }
    }
    assert_true(failed);
    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.frames_decoded, FRAMES);
    assert_true(statistics.frames_recorded > 0);
    assert_true(statistics.frames_recorded < FRAMES);
    media_receiver_free(receiver);
    free(stream.frames);
}

/* RFC 3264 section 8.3.2: a sender may change over in mid-call. Each codec has its decoder and its file; what is shown goes on. */
static void test_codec_changes(void **state) {
    (void)state;
    struct media_receiver_statistics statistics;
    struct stream vp8 = make_video(0, 30), vp9 = make_video_of(MEDIA_CODEC_VP9, 900000, 30);
    struct media_receiver *receiver = make(MEDIA_CODEC_VP8, media_test_path("call"));
    const struct stream *order[] = { &vp9, &vp8, &vp9 };
    for (size_t s = 0; s < 3; s++) {
        for (size_t i = 0; i < FRAMES; i++) {
            assert_int_equal(push(receiver, order[s], i), MEDIA_PUSH_OK);
        }
    }
    media_receiver_finish(receiver);
    assert_int_equal(count_events(receiver, MEDIA_RECEIVER_FIRST_FRAME), 1);
    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.frames_decoded, 3 * FRAMES);
    assert_int_equal(statistics.stamps_read, 3 * FRAMES);
    assert_int_equal(statistics.frames_recorded, 3 * FRAMES);
    media_receiver_free(receiver);
    /* The file that was made for the expected codec held nothing when the first frame came: it gave way. */
    static const char *const names[] = { "call-video.ivf", "call-video-2.ivf", "call-video-3.ivf" }, *const fourcc[] = { "VP90", "VP80", "VP90" };
    for (size_t i = 0; i < 3; i++) {
        size_t length;
        uint8_t *file = media_test_read_file(media_test_path(names[i]), &length);
        assert_memory_equal(file + 8, fourcc[i], 4);
        assert_int_equal(file[24], FRAMES);
        free(file);
    }
    free(vp8.frames);
    free(vp9.frames);
}

static void test_sound_changes(void **state) {
    (void)state;
    struct media_receiver_statistics statistics;
    struct stream opus = make_audio(0), pcmu = make_audio_of(MEDIA_CODEC_PCMU, 7000), pcma = make_audio_of(MEDIA_CODEC_PCMA, 0xFFFFFF00);
    const struct stream *order[] = { &opus, &pcmu, &pcma, &opus };
    struct media_receiver *receiver = make(MEDIA_CODEC_OPUS, media_test_path("call"));
    for (size_t s = 0; s < 4; s++) {
        for (size_t i = 0; i < FRAMES; i++) {
            assert_int_equal(push(receiver, order[s], i), MEDIA_PUSH_OK);
        }
    }
    assert_int_equal(media_receiver_push(receiver, MEDIA_CODEC_VP8, opus.frames[0].bytes, 10, 0, 0), MEDIA_PUSH_WRONG_KIND);
    assert_int_equal(media_receiver_push(receiver, MEDIA_CODEC_NONE, opus.frames[0].bytes, 10, 0, 0), MEDIA_PUSH_WRONG_KIND);
    media_receiver_finish(receiver);
    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.total_samples_received, 4 * FRAMES * 960);
    assert_int_equal(statistics.concealed_samples, 0);
    assert_int_equal(statistics.frames_recorded, 4 * FRAMES);
    assert_int_equal(statistics.frames_dropped, 2);
    assert_true(statistics.total_audio_energy > 0.9 * 4 * FRAMES * 0.02 * 0.2512 * 0.2512 / 2);
    media_receiver_free(receiver);
    static const char *const names[] = { "call-audio.ogg", "call-audio-2.wav", "call-audio-3.wav", "call-audio-4.ogg" };
    for (size_t i = 0; i < 4; i++) {
        size_t length;
        free(media_test_read_file(media_test_path(names[i]), &length));
        assert_true(length > 1000);
    }
    free(opus.frames);
    free(pcmu.frames);
    free(pcma.frames);
}

/* A hole in G.711: silence in its place, counted, and the file as long as the call. */
static void test_g711_hole(void **state) {
    (void)state;
    struct media_receiver_statistics statistics;
    struct stream stream = make_audio_of(MEDIA_CODEC_PCMU, 5);
    struct media_receiver *receiver = make(MEDIA_CODEC_PCMU, media_test_path("call"));
    for (size_t i = 0; i < FRAMES; i++) {
        if (i < 20 || i >= 25) {
            assert_int_equal(push(receiver, &stream, i), MEDIA_PUSH_OK);
        }
    }
    media_receiver_finish(receiver);
    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.concealment_events, 1);
    assert_int_equal(statistics.concealed_samples, 5 * 960);
    assert_int_equal(statistics.total_samples_received, FRAMES * 960);
    media_receiver_free(receiver);
    size_t length;
    free(media_test_read_file(media_test_path("call-audio.wav"), &length));
    assert_int_equal(length, 58 + FRAMES * 160);
    free(stream.frames);
}

/* No decoder for it: counted as received, recorded from its first key frame, said once, and a key frame is asked for until one comes. */
static void test_without_decoder(void **state) {
    (void)state;
    static const uint8_t key[] = { 0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x65, 0x88 }, delta[] = { 0, 0, 0, 1, 0x41, 0x9A };
    struct media_receiver_statistics statistics;
    struct media_receiver_event event;
    struct media_receiver *receiver = make(MEDIA_CODEC_H264, media_test_path("call"));
    unsigned said = 0, asked = 0, first = 0;
    assert_int_equal(media_receiver_push(receiver, MEDIA_CODEC_H264, delta, sizeof delta, 0, 0), MEDIA_PUSH_OK);
    assert_int_equal(media_receiver_push(receiver, MEDIA_CODEC_H264, key, sizeof key, 3000, 0), MEDIA_PUSH_OK);
    assert_int_equal(media_receiver_push(receiver, MEDIA_CODEC_H264, delta, sizeof delta, 6000, 0), MEDIA_PUSH_OK);
    media_receiver_finish(receiver);
    while (media_receiver_poll_event(receiver, &event)) {
        said += event.kind == MEDIA_RECEIVER_NO_DECODER && event.codec == MEDIA_CODEC_H264 ? 1 : 0;
        asked += event.kind == MEDIA_RECEIVER_KEY_FRAME_NEEDED ? 1 : 0;
        first += event.kind == MEDIA_RECEIVER_FIRST_FRAME ? 1 : 0;
    }
    assert_int_equal(said, 1);
    assert_int_equal(asked, 1);
    assert_int_equal(first, 0);
    media_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.frames_received, 3);
    assert_int_equal(statistics.frames_without_decoder, 2);
    assert_int_equal(statistics.frames_decoded, 0);
    assert_int_equal(statistics.frames_recorded, 2);
    assert_int_equal(statistics.frames_dropped, 1);
    media_receiver_free(receiver);
    size_t length;
    uint8_t *file = media_test_read_file(media_test_path("call-video.h264"), &length);
    assert_int_equal(length, sizeof key + sizeof delta);
    assert_memory_equal(file, key, sizeof key);
    free(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_playout_time_is_of_the_last_frame_decoded),
        cmocka_unit_test_setup_teardown(test_video_is_decoded_and_recorded, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test(test_key_frame_is_asked_for),
        cmocka_unit_test(test_garbage_is_survived),
        cmocka_unit_test_setup_teardown(test_audio_hole_is_concealed, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_long_hole_is_bounded, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test(test_queue_bound),
        cmocka_unit_test(test_frame_size_bound),
        cmocka_unit_test(test_refused_configurations),
        cmocka_unit_test_setup_teardown(test_full_disk_at_the_start, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_codec_changes, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_sound_changes, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_g711_hole, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_without_decoder, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_disk_fills_up, media_test_make_folder, media_test_remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
