#include "test/media/test_media.h"

#include "app/media/stamp.h"
#include "app/media/video_source.h"

/* A y4m of `frames` pictures, sample (x, y) of picture n being a number of all three. `cut` bytes are missing at its end. */
static const char *write_y4m(const char *header, uint32_t width, uint32_t height, int frames, size_t cut) {
    size_t bytes = media_picture_bytes(width, height);
    size_t length = strlen(header);
    uint8_t *file = malloc(length + (size_t)frames * (bytes + 6));
    memcpy(file, header, length);
    for (int n = 0; n < frames; n++) {
        memcpy(file + length, "FRAME\n", 6);
        for (size_t i = 0; i < bytes; i++) {
            file[length + 6 + i] = (uint8_t)(i * 7 + (size_t)n);
        }
        length += 6 + bytes;
    }
    media_test_write_file(media_test_path("made.y4m"), file, length - cut);
    free(file);
    return media_test_path("made.y4m");
}

static struct media_video_source *open_source(const char *spec, struct media_video_source_config config) {
    struct media_error error;
    struct media_video_source *source = media_video_source_open(spec, &config, &error);
    assert_non_null(source);
    return source;
}

static void assert_refused(const char *spec, struct media_video_source_config config, int exit_code) {
    struct media_error error = { 0 };
    assert_null(media_video_source_open(spec, &config, &error));
    media_test_assert_error(&error, exit_code);
}

static const struct media_video_source_config plain = { 0 };

static void test_pattern_moves_and_is_stamped(void **state) {
    (void)state;
    struct media_error error;
    struct media_picture picture;
    struct media_picture before;
    struct media_stamp stamp;
    uint32_t number;
    uint32_t numerator;
    uint32_t denominator;
    struct media_video_source *source = open_source("pattern", plain);

    media_video_source_rate(source, &numerator, &denominator);
    assert_int_equal(numerator, 30);
    assert_int_equal(denominator, 1);
    assert_true(media_picture_allocate(&before, 640, 480));
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(media_video_source_read(source, 1000 + i, &picture, &number, &error), MEDIA_READ_FRAME);
        assert_int_equal(number, i);
        assert_true(media_stamp_read(picture.planes[0], picture.strides[0], picture.width, picture.height, &stamp));
        assert_int_equal(stamp.number, i);
        assert_int_equal(stamp.time_ms, 1000 + i);
        assert_true(media_test_psnr(&before, &picture, media_stamp_height(640)) < 26.0);      /* each is another picture */
        memcpy(before.planes[0], picture.planes[0], 640 * 480);
    }
    assert_int_equal(media_video_source_skip(source, &error), MEDIA_READ_FRAME);
    assert_int_equal(media_video_source_read(source, 5, &picture, &number, &error), MEDIA_READ_FRAME);
    assert_int_equal(number, 11);
    media_picture_clear(&before);
    media_video_source_free(source);
}

/* Without a stamp and scaling the samples of the file come out as they are, odd sizes included; then the end. */
static void test_y4m_is_exact(void **state) {
    (void)state;
    struct media_error error;
    struct media_picture picture;
    uint32_t number;
    struct media_video_source *source = open_source(write_y4m("YUV4MPEG2 W33 H17 F30000:1001 Ip C420mpeg2\n", 33, 17, 3, 0), plain);

    assert_int_equal(media_video_source_width(source), 33);
    assert_int_equal(media_video_source_height(source), 17);
    for (uint32_t n = 0; n < 3; n++) {
        assert_int_equal(media_video_source_read(source, 0, &picture, &number, &error), MEDIA_READ_FRAME);
        assert_int_equal(number, n);
        size_t i = 0;
        for (int plane = 0; plane < 3; plane++) {
            for (uint32_t y = 0; y < media_picture_plane_height(&picture, plane); y++) {
                for (uint32_t x = 0; x < media_picture_plane_width(&picture, plane); x++, i++) {
                    assert_int_equal(picture.planes[plane][y * (uint32_t)picture.strides[plane] + x], (uint8_t)(i * 7 + n));
                }
            }
        }
    }
    assert_int_equal(media_video_source_read(source, 0, &picture, &number, &error), MEDIA_READ_END);
    assert_int_equal(media_video_source_read(source, 0, &picture, &number, &error), MEDIA_READ_END);
    assert_int_equal(media_video_source_skip(source, &error), MEDIA_READ_END);
    media_video_source_free(source);
}

static void test_y4m_is_scaled_and_stamped(void **state) {
    (void)state;
    struct media_error error;
    struct media_picture picture;
    struct media_stamp stamp;
    uint32_t number;
    struct media_video_source_config config = { .width = 320, .height = 200, .stamp = true };
    struct media_video_source *source = open_source(write_y4m("YUV4MPEG2 W64 H48 F25:1\n", 64, 48, 3, 0), config);

    assert_int_equal(media_video_source_skip(source, &error), MEDIA_READ_FRAME);
    assert_int_equal(media_video_source_read(source, 77, &picture, &number, &error), MEDIA_READ_FRAME);
    assert_int_equal(picture.width, 320);
    assert_int_equal(picture.height, 200);
    assert_true(media_stamp_read(picture.planes[0], picture.strides[0], picture.width, picture.height, &stamp));
    assert_int_equal(stamp.number, 1);
    assert_int_equal(stamp.time_ms, 77);
    media_video_source_free(source);
}

/* Cut at every byte: refused at the opening, or a failure or the end after the pictures that are whole. */
static void test_every_truncation(void **state) {
    (void)state;
    static const char header[] = "YUV4MPEG2 W16 H16 F30:1\n";
    size_t whole = strlen(header) + 2 * (6 + 384);
    for (size_t cut = 1; cut < whole; cut++) {
        struct media_error error = { 0 };
        struct media_picture picture;
        uint32_t number;
        const char *path = write_y4m(header, 16, 16, 2, cut);
        struct media_video_source *source = media_video_source_open(path, &plain, &error);
        if (whole - cut <= strlen(header)) {
            assert_null(source);
            media_test_assert_error(&error, MEDIA_EXIT_BAD_FILE);
            continue;
        }
        assert_non_null(source);
        size_t pictures = (whole - cut - strlen(header)) / 390;
        for (size_t i = 0; i < pictures; i++) {
            assert_int_equal(media_video_source_read(source, 0, &picture, &number, &error), MEDIA_READ_FRAME);
        }
        bool clean = (whole - cut - strlen(header)) % 390 == 0;
        assert_int_equal(media_video_source_read(source, 0, &picture, &number, &error), clean ? MEDIA_READ_END : MEDIA_READ_FAILED);
        if (!clean) {
            media_test_assert_error(&error, MEDIA_EXIT_BAD_FILE);
        }
        media_video_source_free(source);
    }
}

/* MEDIA_Y4M_MAX_LINE_BYTES, newline included, at limit - 1, limit, limit + 1. */
static void test_line_limit(void **state) {
    (void)state;
    for (size_t line = 255; line <= 257; line++) {
        char file[300 + 6 + 384];
        struct media_error error = { 0 };
        memset(file, 'X', sizeof file);
        memcpy(file, "YUV4MPEG2 W16 H16 F30:1 X", 25);
        file[line - 1] = '\n';
        memcpy(file + line, "FRAME\n", 6);
        media_test_write_file(media_test_path("line.y4m"), file, line + 6 + 384);
        struct media_video_source *source = media_video_source_open(media_test_path("line.y4m"), &plain, &error);
        assert_int_equal(source != NULL, line <= 256);
        media_video_source_free(source);
    }
}

static void test_refused(void **state) {
    (void)state;
    struct media_video_source_config narrow = { .width = 159, .height = 120, .stamp = true };
    struct media_video_source_config flat = { .width = 1280, .height = 63 };
    media_test_write_file(media_test_path("zeros.y4m"), "\0\0\0\0", 4);
    assert_refused(media_test_path("zeros.y4m"), plain, MEDIA_EXIT_BAD_FILE);
    assert_refused("/nowhere/x.y4m", plain, MEDIA_EXIT_DEVICE);
    assert_refused(".y4m", plain, MEDIA_EXIT_USAGE);
    assert_refused("none", plain, MEDIA_EXIT_USAGE);
    assert_refused("x.mp4", plain, MEDIA_EXIT_USAGE);
    assert_refused("screen", plain, MEDIA_EXIT_USAGE);
    assert_refused("pattern", narrow, MEDIA_EXIT_USAGE);
    assert_refused("pattern", flat, MEDIA_EXIT_USAGE);
    assert_refused(write_y4m("YUV4MPEG2 W64 H48 F25:1 It\n", 64, 48, 1, 0), plain, MEDIA_EXIT_BAD_FILE);
    struct media_video_source_config stamped = { .stamp = true };
    assert_refused(write_y4m("YUV4MPEG2 W64 H48 F25:1\n", 64, 48, 1, 0), stamped, MEDIA_EXIT_USAGE);
}

/* MEDIA_VIDEO_MAX_FPS, MEDIA_PICTURE_MIN_SIDE and MEDIA_PICTURE_MAX_SIDE at limit - 1, limit, limit + 1. */
static void test_limits(void **state) {
    (void)state;
    static const struct { struct media_video_source_config config; bool good; } cases[] = {
        { { .fps = 239 }, true }, { { .fps = 240 }, true }, { { .fps = 241 }, false }, { { .fps = 1 }, true },
        { { .width = 4095, .height = 256 }, true }, { { .width = 4096, .height = 256 }, true }, { { .width = 4097, .height = 256 }, false },
        { { .width = 160, .height = 4096 }, true }, { { .width = 160, .height = 4097 }, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct media_error error;
        struct media_video_source *source = media_video_source_open("pattern", &cases[i].config, &error);
        assert_int_equal(source != NULL, cases[i].good);
        media_video_source_free(source);
    }
    for (uint32_t side = 15; side <= 17; side++) {
        struct media_picture picture;
        assert_int_equal(media_picture_allocate(&picture, side, 20), side >= MEDIA_PICTURE_MIN_SIDE);
        media_picture_clear(&picture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pattern_moves_and_is_stamped),
        cmocka_unit_test_setup_teardown(test_y4m_is_exact, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_y4m_is_scaled_and_stamped, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_every_truncation, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_line_limit, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_refused, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
