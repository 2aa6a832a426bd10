#include "test/media/test_media.h"

#include <libyuv.h>

#include "app/media/pattern_internal.h"
#include "app/media/stamp.h"
#include "app/media/vpx_codec.h"

static struct media_picture make_pattern(uint32_t width, uint32_t height, uint32_t number) {
    struct media_picture picture;
    struct media_pattern *pattern = media_pattern_new();
    assert_non_null(pattern);
    assert_true(media_picture_allocate(&picture, width, height));
    media_pattern_draw(pattern, number, &picture);
    media_pattern_free(pattern);
    return picture;
}

static bool read_picture(const struct media_picture *picture, struct media_stamp *stamp) {
    return media_stamp_read(picture->planes[0], picture->strides[0], picture->width, picture->height, stamp);
}

static void assert_round_trip(uint32_t width, uint32_t height, struct media_stamp stamp) {
    struct media_stamp read = { 0, 0 };
    struct media_picture picture = make_pattern(width, height, 5);
    assert_true(media_stamp_write(&picture, stamp));
    assert_true(read_picture(&picture, &read));
    assert_int_equal(read.number, stamp.number);
    assert_int_equal(read.time_ms, stamp.time_ms);
    media_picture_clear(&picture);
}

static void test_round_trip(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = { { 160, 120 }, { 176, 144 }, { 320, 240 }, { 633, 479 }, { 640, 480 }, { 1280, 720 }, { 1921, 1081 } };
    static const uint32_t values[] = { 0, 1, 599, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF };
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            struct media_stamp stamp = { values[v], ~values[v] ^ 0x5A5A };
            assert_round_trip(sizes[s][0], sizes[s][1], stamp);
        }
    }
}

/* The geometry and the bits as docs/media.md gives them, computed here a second time and by hand. */
static void test_known_bits(void **state) {
    (void)state;
    struct media_picture picture = make_pattern(640, 480, 0);
    struct media_stamp stamp = { 0x31323334, 0x35363738 };      /* "12345678": Python's binascii.crc_hqx(..., 0xFFFF) says 0xA12B */
    static const uint8_t code[10] = { 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0xA1, 0x2B };

    assert_true(media_stamp_write(&picture, stamp));
    for (size_t bit = 0; bit < 80; bit++) {
        size_t x = bit % 40 * 16;
        size_t y = bit / 40 * 16;
        int expected = (code[bit / 8] >> (7 - bit % 8) & 1) != 0 ? 235 : 16;
        assert_int_equal(picture.planes[0][y * 640 + x], expected);
        assert_int_equal(picture.planes[0][(y + 15) * 640 + x + 15], expected);
        assert_int_equal(picture.planes[1][(y / 2) * 320 + x / 2], 128);
    }
    assert_int_equal(media_stamp_height(640), 32);
    media_picture_clear(&picture);
}

/* MEDIA_STAMP_MIN_WIDTH at limit - 1, limit, limit + 1, and a picture that is one row too low. */
static void test_room(void **state) {
    (void)state;
    struct media_stamp stamp = { 1, 2 };
    static const struct { uint32_t width, height; bool fits; } cases[] = {
        { 159, 120, false }, { 160, 120, true }, { 161, 120, true }, { 1280, 63, false }, { 1280, 64, true }
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct media_picture picture;
        struct media_stamp read;
        assert_true(media_picture_allocate(&picture, cases[i].width, cases[i].height));
        assert_int_equal(media_stamp_write(&picture, stamp), cases[i].fits);
        assert_int_equal(read_picture(&picture, &read), cases[i].fits);
        media_picture_clear(&picture);
    }
}

/* No stamp where there is none: black, white, grey, and 200 patterns. */
static void test_nothing_there(void **state) {
    (void)state;
    struct media_stamp stamp;
    struct media_picture picture;
    assert_true(media_picture_allocate(&picture, 640, 480));
    for (int level = 0; level < 256; level++) {
        memset(picture.planes[0], level, 640 * 480);
        assert_false(read_picture(&picture, &stamp));
    }
    struct media_pattern *pattern = media_pattern_new();
    for (uint32_t number = 0; number < 200; number++) {
        media_pattern_draw(pattern, number, &picture);
        assert_false(read_picture(&picture, &stamp));
    }
    media_pattern_free(pattern);
    media_picture_clear(&picture);
}

/* Each of the 80 cells counts: turned over, the stamp is refused. */
static void test_every_bit_is_covered(void **state) {
    (void)state;
    struct media_stamp stamp = { 0x12345678, 0x9ABCDEF0 };
    struct media_stamp read;
    for (uint32_t bit = 0; bit < 80; bit++) {
        struct media_picture picture;
        assert_true(media_picture_allocate(&picture, 320, 240));
        assert_true(media_stamp_write(&picture, stamp));
        for (uint32_t y = bit / 40 * 8; y < bit / 40 * 8 + 8; y++) {
            for (uint32_t x = bit % 40 * 8; x < bit % 40 * 8 + 8; x++) {
                picture.planes[0][y * 320 + x] = (uint8_t)(251 - picture.planes[0][y * 320 + x]);
            }
        }
        assert_false(read_picture(&picture, &read));
        media_picture_clear(&picture);
    }
}

static struct media_picture scale(const struct media_picture *from, uint32_t width, uint32_t height) {
    struct media_picture to;
    assert_true(media_picture_allocate(&to, width, height));
    assert_int_equal(I420Scale(from->planes[0], from->strides[0], from->planes[1], from->strides[1], from->planes[2], from->strides[2],
                               (int)from->width, (int)from->height, to.planes[0], to.strides[0], to.planes[1], to.strides[1],
                               to.planes[2], to.strides[2], (int)width, (int)height, kFilterBox), 0);
    return to;
}

/* VP8 at 200 kbit/s, then half, a third and one and a half of the size: every picture of three seconds is read. */
static void test_survives_vp8_and_scaling(void **state) {
    (void)state;
    struct media_error error;
    struct media_vpx_encoder_config config = { MEDIA_CODEC_VP8, 640, 480, 30, 1, 200000 };
    struct media_vpx_encoder *encoder = media_vpx_encoder_new(&config, &error);
    struct media_vpx_decoder *decoder = media_vpx_decoder_new(MEDIA_CODEC_VP8, &error);
    struct media_pattern *pattern = media_pattern_new();
    struct media_picture picture;
    static const uint32_t sizes[][2] = { { 640, 480 }, { 320, 240 }, { 213, 160 }, { 960, 720 } };

    assert_true(media_picture_allocate(&picture, 640, 480));
    for (uint32_t number = 0; number < 90; number++) {
        const uint8_t *bytes;
        size_t length;
        bool key_frame;
        struct media_picture decoded;
        struct media_stamp stamp = { number, 0xC0FFEE00 + number * 33 };
        media_pattern_draw(pattern, number, &picture);
        assert_true(media_stamp_write(&picture, stamp));
        assert_true(media_vpx_encode(encoder, &picture, number * 3000U, 3000, false, &bytes, &length, &key_frame, &error));
        assert_true(media_vpx_decode(decoder, bytes, length, &decoded));
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            struct media_stamp read;
            struct media_picture scaled = scale(&decoded, sizes[s][0], sizes[s][1]);
            assert_true(read_picture(&scaled, &read));
            assert_int_equal(read.number, stamp.number);
            assert_int_equal(read.time_ms, stamp.time_ms);
            media_picture_clear(&scaled);
        }
    }
    media_picture_clear(&picture);
    media_pattern_free(pattern);
    media_vpx_decoder_free(decoder);
    media_vpx_encoder_free(encoder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_known_bits),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_every_bit_is_covered),
        cmocka_unit_test(test_survives_vp8_and_scaling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
