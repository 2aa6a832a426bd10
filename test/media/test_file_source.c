#include "test/media/test_media.h"

#include "app/media/file_source.h"

static const uint8_t vp8_key[10] = { 0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01 };
static const uint8_t vp8_delta[3] = { 0x11, 0, 0 };

static void put_u32(uint8_t *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

/* An .ivf of VP8 frames: `shape` has a 'k' or a 'd' for each, a '0' for an empty one; `ticks` their times. */
static struct media_file_source *open_ivf(const char *shape, const uint64_t *ticks, uint32_t rate, uint32_t scale, struct media_error *error) {
    static uint8_t file[1 << 16];
    size_t length = 32;
    memset(file, 0, 32);
    memcpy(file, "DKIF\0\0\x20\0VP80", 12);
    put_u32(file + 16, rate);
    put_u32(file + 20, scale);
    for (size_t i = 0; shape[i] != '\0'; i++) {
        const uint8_t *frame = shape[i] == 'k' ? vp8_key : vp8_delta;
        size_t bytes = shape[i] == 'k' ? sizeof vp8_key : shape[i] == 'd' ? sizeof vp8_delta : 0;
        put_u32(file + length, (uint32_t)bytes);
        put_u32(file + length + 4, (uint32_t)ticks[i]);
        put_u32(file + length + 8, (uint32_t)(ticks[i] >> 32));
        memcpy(file + length + 12, frame, bytes);
        length += 12 + bytes;
    }
    media_test_write_file(media_test_path("x.ivf"), file, length);
    return media_file_source_open(media_test_path("x.ivf"), 0, error);
}

static void expect(struct media_file_source *source, bool key_frame, uint64_t time, uint32_t duration) {
    struct media_file_frame frame;
    media_file_source_read(source, &frame);
    assert_int_equal(frame.key_frame, key_frame);
    assert_int_equal(frame.time, time);
    assert_int_equal(frame.duration, duration);
    assert_int_equal(frame.length_bytes, key_frame ? sizeof vp8_key : sizeof vp8_delta);
}

/* Times are the file's, in 90 kHz from the first frame; behind the last comes the first, one interval later. */
static void test_times_and_repetition(void **state) {
    (void)state;
    struct media_error error;
    static const uint64_t ticks[] = { 100, 101, 102, 104 };
    struct media_file_source *source = open_ivf("kd0d", ticks, 30000, 1001, &error);
    uint32_t width;
    uint32_t height;
    assert_non_null(source);
    assert_int_equal(media_file_source_codec(source), MEDIA_CODEC_VP8);
    media_file_source_size(source, &width, &height);
    assert_int_equal(width, 640);
    assert_int_equal(height, 480);
    for (uint64_t round = 0; round < 3; round++) {
        uint64_t begin = round * (12012 + 9009);
        expect(source, true, begin, 3003);
        expect(source, false, begin + 3003, 9009);
        expect(source, false, begin + 12012, 9009);
    }
    media_file_source_free(source);
}

/* A seek goes to the next key frame, or to the first; the clock goes on as if nothing had been left out. */
static void test_seek_key_frame(void **state) {
    (void)state;
    struct media_error error;
    static const uint64_t ticks[] = { 0, 1, 2, 3, 4, 5 };
    struct media_file_source *source = open_ivf("kddkdd", ticks, 30, 1, &error);
    assert_non_null(source);
    media_file_source_seek_key_frame(source);
    expect(source, true, 0, 3000);
    expect(source, false, 3000, 3000);
    media_file_source_seek_key_frame(source);
    media_file_source_seek_key_frame(source);
    expect(source, true, 6000, 3000);
    expect(source, false, 9000, 3000);
    media_file_source_seek_key_frame(source);
    expect(source, true, 12000, 3000);                       /* from the start: none follows */
    expect(source, false, 15000, 3000);
    expect(source, false, 18000, 3000);
    expect(source, true, 21000, 3000);
    expect(source, false, 24000, 3000);
    expect(source, false, 27000, 3000);
    expect(source, true, 30000, 3000);
    media_file_source_free(source);
}

static void test_refused_ivf(void **state) {
    (void)state;
    static const struct { const char *shape; uint64_t ticks[4]; uint32_t rate, scale; const char *part; } cases[] = {
        { "dk", { 0, 1 }, 30, 1, "first frame is not a key frame: byte 32 " },
        { "", { 0 }, 30, 1, "no frame: byte 32 " },
        { "00", { 0, 1 }, 30, 1, "no frame: byte 56 " },
        { "kd", { 5, 5 }, 30, 1, "not later" },
        { "kd", { 5, 4 }, 30, 1, "before the first" },
        { "kd", { 0, UINT64_C(1) << 32 }, 30, 1, "2^32 ticks" },
        { "kddd", { 0, 1, 2, 3 }, 241, 1, "frames a second" },
        { "kddd", { 0, 1, 2, 3 }, 90001, 1, "not later" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct media_error error;
        assert_null(open_ivf(cases[i].shape, cases[i].ticks, cases[i].rate, cases[i].scale, &error));
        media_test_assert_error(&error, MEDIA_EXIT_BAD_FILE);
        if (strstr(error.why, cases[i].part) == NULL) {
            fail_msg("%s: %s", cases[i].part, error.why);
        }
    }
    struct media_error error;
    static const uint64_t fastest[] = { 0, 1, 2, 3 }, latest[] = { 0, UINT32_MAX };
    media_file_source_free(open_ivf("kddd", fastest, MEDIA_FILE_MAX_FPS, 1, &error));
    struct media_file_source *source = open_ivf("kd", latest, 1, UINT32_C(1) << 31, &error);      /* nothing overflows */
    struct media_file_frame frame;
    assert_non_null(source);
    media_file_source_read(source, &frame);
    media_file_source_read(source, &frame);
    assert_true(frame.time == (uint64_t)UINT32_MAX * (UINT64_C(1) << 31) * 90000);
    media_file_source_free(source);
}

/* MEDIA_FILE_MAX_FRAME_BYTES at limit - 1, limit, limit + 1, in both formats of video. */
static void test_frame_limit(void **state) {
    (void)state;
    for (size_t bytes = MEDIA_FILE_MAX_FRAME_BYTES - 1; bytes <= MEDIA_FILE_MAX_FRAME_BYTES + 1; bytes++) {
        struct media_error error;
        uint8_t *file = calloc(1, 44 + bytes);
        memcpy(file, "DKIF\0\0\x20\0VP80", 12);
        put_u32(file + 16, 30);
        put_u32(file + 20, 1);
        put_u32(file + 32, (uint32_t)bytes);
        memcpy(file + 44, vp8_key, sizeof vp8_key);
        media_test_write_file(media_test_path("x.ivf"), file, 44 + bytes);
        struct media_file_source *ivf = media_file_source_open(media_test_path("x.ivf"), 0, &error);
        assert_int_equal(ivf != NULL, bytes <= MEDIA_FILE_MAX_FRAME_BYTES);
        media_file_source_free(ivf);
        static const uint8_t begin[] = { 0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x65, 0x88 };
        memset(file, 0xAA, bytes);
        memcpy(file, begin, sizeof begin);
        media_test_write_file(media_test_path("x.h264"), file, bytes);
        struct media_file_source *h264 = media_file_source_open(media_test_path("x.h264"), 0, &error);
        assert_int_equal(h264 != NULL, bytes <= MEDIA_FILE_MAX_FRAME_BYTES);
        media_file_source_free(h264);
        free(file);
    }
}

/* Paced by --fps, 30 when it is not given; a rate that does not divide 90000 does not drift. */
static void test_h264_pace(void **state) {
    (void)state;
    static const uint8_t stream[] = { 0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x65, 0x88, 0, 0, 1, 0x41, 0x9A, 0, 0, 1, 0x41, 0x9B, 0, 0, 1, 0x65, 0x88 };
    static const struct { uint32_t fps; uint64_t seventh; } cases[] = { { 0, 18000 }, { 25, 21600 }, { 7, 77142 }, { 240, 2250 } };
    media_test_write_file(media_test_path("x.h264"), stream, sizeof stream);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct media_error error;
        struct media_file_frame frame;
        struct media_file_source *source = media_file_source_open(media_test_path("x.h264"), cases[i].fps, &error);
        assert_non_null(source);
        assert_int_equal(media_file_source_codec(source), MEDIA_CODEC_H264);
        for (int n = 0; n < 7; n++) {
            media_file_source_read(source, &frame);
            assert_int_equal(frame.key_frame, n % 4 == 0);        /* the last IDR has no parameter set with it */
        }
        assert_in_range(frame.time, cases[i].seventh - 1, cases[i].seventh);
        media_file_source_seek_key_frame(source);
        media_file_source_read(source, &frame);
        assert_true(frame.key_frame);
        media_file_source_free(source);
    }
    struct media_error error;
    assert_null(media_file_source_open(media_test_path("x.h264"), MEDIA_FILE_MAX_FPS + 1, &error));
    media_test_assert_error(&error, MEDIA_EXIT_USAGE);
}

static void test_refused_files(void **state) {
    (void)state;
    struct media_error error;
    assert_null(media_file_source_open(media_test_path("none.ivf"), 0, &error));
    media_test_assert_error(&error, MEDIA_EXIT_DEVICE);
    assert_null(media_file_source_open("x.mp4", 0, &error));
    media_test_assert_error(&error, MEDIA_EXIT_USAGE);
    static const char *const names[] = { "x.ivf", "x.h264", "x.opus" };
    for (size_t i = 0; i < 3; i++) {
        media_test_write_file(media_test_path(names[i]), "", 0);
        assert_null(media_file_source_open(media_test_path(names[i]), 0, &error));
        media_test_assert_error(&error, MEDIA_EXIT_BAD_FILE);
        media_test_write_file(media_test_path(names[i]), "RIFF....WAVEfmt and so on, and on, and on", 40);
        assert_null(media_file_source_open(media_test_path(names[i]), 0, &error));
        media_test_assert_error(&error, MEDIA_EXIT_BAD_FILE);
        assert_non_null(strstr(error.why, "byte 0 of 40"));
    }
    assert_true(media_file_source_is("a.ivf") && media_file_source_is("a.h264") && media_file_source_is("/b/a.opus"));
    assert_false(media_file_source_is(".ivf") || media_file_source_is("a.wav") || media_file_source_is("pattern"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_times_and_repetition, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_seek_key_frame, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_refused_ivf, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_frame_limit, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_h264_pace, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_refused_files, media_test_make_folder, media_test_remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
