#include "test/media/test_media.h"

#include "app/media/ivf.h"

/* "DKIF", VP9, 320x240, 30000/1001, then frames of 3, 0 and 2 bytes at ticks 5, 6 and 2^32 + 7. */
static const uint8_t file[] = {
    'D', 'K', 'I', 'F', 0, 0, 32, 0, 'V', 'P', '9', '0', 0x40, 0x01, 0xF0, 0x00, 0x30, 0x75, 0, 0, 0xE9, 0x03, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0,
    3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c',
    0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
    2, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 'd', 'e',
};
enum { FIRST_END = 47, SECOND_END = 59 };

static void test_reads_everything(void **state) {
    (void)state;
    struct media_ivf_header header;
    struct media_ivf_frame frame;
    struct media_parse_problem problem;
    size_t at = 0;

    assert_true(media_ivf_read_header(file, sizeof file, &header, &at, &problem));
    assert_int_equal(header.codec, MEDIA_CODEC_VP9);
    assert_int_equal(header.width, 320);
    assert_int_equal(header.height, 240);
    assert_int_equal(header.rate, 30000);
    assert_int_equal(header.scale, 1001);
    assert_int_equal(at, 32);
    assert_int_equal(media_ivf_next_frame(file, sizeof file, &at, &frame, &problem), MEDIA_IVF_FRAME);
    assert_int_equal(frame.length_bytes, 3);
    assert_memory_equal(frame.bytes, "abc", 3);
    assert_int_equal(frame.ticks, 5);
    assert_int_equal(media_ivf_next_frame(file, sizeof file, &at, &frame, &problem), MEDIA_IVF_FRAME);
    assert_int_equal(frame.length_bytes, 0);
    assert_int_equal(media_ivf_next_frame(file, sizeof file, &at, &frame, &problem), MEDIA_IVF_FRAME);
    assert_true(frame.ticks == (UINT64_C(1) << 32 | 7));
    assert_int_equal(media_ivf_next_frame(file, sizeof file, &at, &frame, &problem), MEDIA_IVF_END);
    assert_int_equal(media_ivf_next_frame(file, sizeof file, &at, &frame, &problem), MEDIA_IVF_END);
}

/* In memory of exactly the length: a cut between frames is an end, any other says where. */
static void test_every_truncation(void **state) {
    (void)state;
    for (size_t length = 0; length < sizeof file; length++) {
        struct media_ivf_header header;
        struct media_ivf_frame frame;
        struct media_parse_problem problem = { SIZE_MAX, NULL };
        enum media_ivf_result result;
        size_t at = 0;
        uint8_t *exact = malloc(length != 0 ? length : 1);
        memcpy(exact, file, length);
        bool good = media_ivf_read_header(exact, length, &header, &at, &problem);
        assert_int_equal(good, length >= 32);
        if (!good) {
            assert_int_equal(problem.offset, length);
            free(exact);
            continue;
        }
        while ((result = media_ivf_next_frame(exact, length, &at, &frame, &problem)) == MEDIA_IVF_FRAME) {
        }
        bool between = length == 32 || length == FIRST_END || length == SECOND_END;
        assert_int_equal(result, between ? MEDIA_IVF_END : MEDIA_IVF_BROKEN);
        if (!between) {
            assert_int_equal(problem.offset, length < FIRST_END ? 32 : length < SECOND_END ? FIRST_END : SECOND_END);
            assert_non_null(problem.rule);
        }
        free(exact);
    }
}

static void test_refused_headers(void **state) {
    (void)state;
    static const struct { size_t at; uint8_t bytes[8]; size_t length, offset; } cases[] = {
        { 0, { 'X' }, 1, 0 }, { 4, { 1 }, 1, 4 }, { 6, { 31 }, 1, 6 }, { 6, { 0, 1 }, 2, 6 }, { 8, { 'H', '2', '6', '4' }, 4, 8 },
        { 16, { 0, 0, 0, 0 }, 4, 16 }, { 20, { 0, 0, 0, 0 }, 4, 16 }, { 20, { 1, 0, 0, 0x80 }, 4, 16 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t changed[sizeof file];
        struct media_ivf_header header;
        struct media_parse_problem problem;
        size_t at;
        memcpy(changed, file, sizeof file);
        memcpy(changed + cases[i].at, cases[i].bytes, cases[i].length);
        assert_false(media_ivf_read_header(changed, sizeof changed, &header, &at, &problem));
        assert_int_equal(problem.offset, cases[i].offset);
    }
}

/* The widest scale that is taken, and a header that is longer than usual. */
static void test_unusual_headers(void **state) {
    (void)state;
    uint8_t changed[sizeof file];
    struct media_ivf_header header;
    struct media_parse_problem problem;
    size_t at;
    memcpy(changed, file, sizeof file);
    memcpy(changed + 20, (const uint8_t[]) { 0, 0, 0, 0x80 }, 4);
    changed[6] = FIRST_END;
    assert_true(media_ivf_read_header(changed, sizeof changed, &header, &at, &problem));
    assert_true(header.scale == UINT32_C(1) << 31);
    assert_int_equal(at, FIRST_END);
    assert_string_equal(media_ivf_fourcc(MEDIA_CODEC_VP8), "VP80");
    assert_string_equal(media_ivf_fourcc(MEDIA_CODEC_VP9), "VP90");
    assert_string_equal(media_ivf_fourcc(MEDIA_CODEC_AV1), "AV01");
    assert_null(media_ivf_fourcc(MEDIA_CODEC_H264));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_everything), cmocka_unit_test(test_every_truncation), cmocka_unit_test(test_refused_headers),
        cmocka_unit_test(test_unusual_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
