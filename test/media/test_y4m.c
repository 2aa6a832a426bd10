#include "test/media/test_media.h"

#include "app/media/y4m.h"

static bool parse(const char *line, struct media_y4m *y4m, struct media_error *error) {
    size_t length = strlen(line);
    char *copy = malloc(length + 1);
    memcpy(copy, line, length);                     /* without its NUL: one byte too many is seen */
    char *exact = realloc(copy, length != 0 ? length : 1);
    bool good = media_y4m_parse_header("x.y4m", exact, length, y4m, error);
    free(exact);
    return good;
}

static void assert_accepted(const char *line, uint32_t width, uint32_t height, uint32_t numerator, uint32_t denominator) {
    struct media_y4m y4m;
    struct media_error error;
    assert_true(parse(line, &y4m, &error));
    assert_int_equal(y4m.width, width);
    assert_int_equal(y4m.height, height);
    assert_int_equal(y4m.rate_numerator, numerator);
    assert_int_equal(y4m.rate_denominator, denominator);
}

static void assert_refused(const char *line) {
    struct media_y4m y4m;
    struct media_error error;
    assert_false(parse(line, &y4m, &error));
    media_test_assert_error(&error, MEDIA_EXIT_BAD_FILE);
}

static void test_accepted(void **state) {
    (void)state;
    assert_accepted("YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg XYSCSS=420JPEG", 640, 480, 30, 1);
    assert_accepted("YUV4MPEG2 W16 H4096 F30000:1001", 16, 4096, 30000, 1001);
    assert_accepted("YUV4MPEG2 C420mpeg2 F25:1 H48 W64 I?", 64, 48, 25, 1);
    assert_accepted("YUV4MPEG2 C420 F240:1 H17 W4096  A0:0 ", 4096, 17, 240, 1);
    assert_accepted("YUV4MPEG2 W640 H480 F1000000:1000000 C420paldv", 640, 480, 1000000, 1000000);
}

static void test_refused(void **state) {
    (void)state;
    static const char *const lines[] = {
        "", "YUV4MPEG", "YUV4MPEG22 W640 H480 F30:1", " YUV4MPEG2 W640 H480 F30:1", "RIFF....WAVEfmt ",
        "YUV4MPEG2", "YUV4MPEG2 W640 H480", "YUV4MPEG2 W640 F30:1", "YUV4MPEG2 H480 F30:1",
        "YUV4MPEG2 W H480 F30:1", "YUV4MPEG2 W0 H480 F30:1", "YUV4MPEG2 W-1 H480 F30:1", "YUV4MPEG2 W640x H480 F30:1",
        "YUV4MPEG2 W15 H480 F30:1", "YUV4MPEG2 W4097 H480 F30:1", "YUV4MPEG2 W640 H15 F30:1", "YUV4MPEG2 W640 H4097 F30:1",
        "YUV4MPEG2 W4294967296 H480 F30:1", "YUV4MPEG2 W4294967936 H480 F30:1", "YUV4MPEG2 W99999999999999999999999 H480 F30:1",
        "YUV4MPEG2 W640 W640 H480 F30:1", "YUV4MPEG2 W640 H480 H480 F30:1",
        "YUV4MPEG2 W640 H480 F30", "YUV4MPEG2 W640 H480 F", "YUV4MPEG2 W640 H480 F:", "YUV4MPEG2 W640 H480 F30:", "YUV4MPEG2 W640 H480 F:1",
        "YUV4MPEG2 W640 H480 F0:1", "YUV4MPEG2 W640 H480 F30:0", "YUV4MPEG2 W640 H480 F0:0", "YUV4MPEG2 W640 H480 F241:1",
        "YUV4MPEG2 W640 H480 F1000001:1000001", "YUV4MPEG2 W640 H480 F30:1:1",
        "YUV4MPEG2 W640 H480 F30:1 It", "YUV4MPEG2 W640 H480 F30:1 Ib", "YUV4MPEG2 W640 H480 F30:1 Im", "YUV4MPEG2 W640 H480 F30:1 I",
        "YUV4MPEG2 W640 H480 F30:1 C422", "YUV4MPEG2 W640 H480 F30:1 C444", "YUV4MPEG2 W640 H480 F30:1 C420p10", "YUV4MPEG2 W640 H480 F30:1 Cmono",
        "YUV4MPEG2 W640 H480 F30:1 C",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_refused(lines[i]);
    }
}

/* Every beginning of a good line is either refused or says the same size. */
static void test_every_truncation_is_safe(void **state) {
    (void)state;
    static const char line[] = "YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg";
    for (size_t length = 0; length < sizeof line; length++) {
        char *copy = malloc(length != 0 ? length : 1);
        struct media_y4m y4m;
        struct media_error error;
        memcpy(copy, line, length);
        if (media_y4m_parse_header("x.y4m", copy, length, &y4m, &error)) {
            assert_int_equal(y4m.width, 640);
            assert_int_equal(y4m.height, 480);
            assert_int_equal(y4m.rate_denominator, 1);
            assert_true(length >= strlen("YUV4MPEG2 W640 H480 F30:1"));
        } else {
            media_test_assert_error(&error, MEDIA_EXIT_BAD_FILE);
        }
        free(copy);
    }
}

static void test_frame_line(void **state) {
    (void)state;
    assert_true(media_y4m_is_frame_line("FRAME", 5));
    assert_true(media_y4m_is_frame_line("FRAME Ixyz", 10));
    assert_false(media_y4m_is_frame_line("FRAMES", 6));
    assert_false(media_y4m_is_frame_line("FRAM", 4));
    assert_false(media_y4m_is_frame_line("", 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_truncation_is_safe),
        cmocka_unit_test(test_frame_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
