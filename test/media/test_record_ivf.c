#include "test/media/test_media.h"

#include "app/media/pattern_internal.h"
#include "app/media/record_ivf.h"
#include "app/media/vpx_codec.h"

static uint32_t get_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Small frames that are VP8 on the outside: a key frame of 640x480 and one that refers to it. */
static const uint8_t key_frame[12] = { 0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01, 7, 7 };
static const uint8_t delta_frame[5] = { 0x11, 0, 0, 9, 9 };

/* Header and frame headers byte for byte; frames before the first key frame are passed over; the clock unwraps. */
static void test_bytes(void **state) {
    (void)state;
    struct media_error error;
    bool written;
    size_t length;
    struct media_ivf *ivf = media_ivf_create(media_test_path("x.ivf"), MEDIA_CODEC_VP8, &error);
    static const uint8_t expected_header[32] = {
        'D', 'K', 'I', 'F', 0, 0, 32, 0, 'V', 'P', '8', '0', 0x80, 0x02, 0xE0, 0x01, 0x90, 0x5F, 0x01, 0, 1, 0, 0, 0, 2, 0, 0, 0
    };

    assert_non_null(ivf);
    assert_true(media_ivf_write(ivf, delta_frame, sizeof delta_frame, 1, &written, &error));
    assert_false(written);
    assert_true(media_ivf_write(ivf, key_frame, sizeof key_frame, 0xFFFFFF00, &written, &error));
    assert_true(written);
    assert_true(media_ivf_write(ivf, delta_frame, sizeof delta_frame, 0xFFFFFF00 + 3000U, &written, &error));
    assert_true(written);
    assert_true(media_ivf_close(ivf, &error));

    uint8_t *file = media_test_read_file(media_test_path("x.ivf"), &length);
    assert_int_equal(length, 32 + 12 + sizeof key_frame + 12 + sizeof delta_frame);
    assert_memory_equal(file, expected_header, 32);
    assert_int_equal(get_u32(file + 32), sizeof key_frame);
    assert_int_equal(get_u32(file + 36), 0);
    assert_memory_equal(file + 44, key_frame, sizeof key_frame);
    assert_int_equal(get_u32(file + 56), sizeof delta_frame);
    assert_int_equal(get_u32(file + 60), 3000);
    assert_int_equal(get_u32(file + 64), 0);
    assert_memory_equal(file + 68, delta_frame, sizeof delta_frame);
    free(file);
}

/* Twenty hours: the 64-bit time passes 2^32. */
static void test_clock_passes_the_wrap(void **state) {
    (void)state;
    struct media_error error;
    bool written;
    size_t length;
    struct media_ivf *ivf = media_ivf_create(media_test_path("x.ivf"), MEDIA_CODEC_VP8, &error);
    uint64_t hours = 20;

    for (uint64_t hour = 0; hour <= hours; hour++) {
        assert_true(media_ivf_write(ivf, key_frame, sizeof key_frame, (uint32_t)(hour * 3600 * 90000 + 5), &written, &error));
    }
    assert_true(media_ivf_close(ivf, &error));
    uint8_t *file = media_test_read_file(media_test_path("x.ivf"), &length);
    const uint8_t *last = file + length - sizeof key_frame - 8;
    assert_true(((uint64_t)get_u32(last + 4) << 32 | get_u32(last)) == hours * 3600 * 90000);
    free(file);
}

/* The file of a program that is killed: what was written is whole at every moment, and the frame count is at most one second behind. */
static void test_readable_without_close(void **state) {
    (void)state;
    struct media_error error;
    bool written;
    struct media_ivf *ivf = media_ivf_create(media_test_path("x.ivf"), MEDIA_CODEC_VP8, &error);
    for (uint32_t i = 0; i < 100; i++) {
        size_t length;
        assert_true(media_ivf_write(ivf, key_frame, sizeof key_frame, i * 3000, &written, &error));
        uint8_t *file = media_test_read_file(media_test_path("x.ivf"), &length);
        assert_int_equal(length, 32 + (i + 1) * (12 + sizeof key_frame));
        assert_in_range(get_u32(file + 24), i + 1 > MEDIA_IVF_HEADER_FRAMES ? i + 1 - MEDIA_IVF_HEADER_FRAMES : 1, i + 1);
        free(file);
    }
    assert_true(media_ivf_close(ivf, &error));
    assert_true(media_ivf_close(NULL, &error));
}

static void test_ffprobe_reads_it(void **state) {
    (void)state;
    if (!media_test_have_ffprobe("test_ffprobe_reads_it")) {
        skip();
    }
    struct media_error error;
    struct media_vpx_encoder_config config = { MEDIA_CODEC_VP8, 160, 120, 30, 1, 300000 };
    struct media_vpx_encoder *encoder = media_vpx_encoder_new(&config, &error);
    struct media_pattern *pattern = media_pattern_new();
    struct media_picture picture;
    struct media_ivf *ivf = media_ivf_create(media_test_path("x.ivf"), MEDIA_CODEC_VP8, &error);

    assert_true(media_picture_allocate(&picture, 160, 120));
    for (uint32_t i = 0; i < 45; i++) {
        const uint8_t *bytes;
        size_t length;
        bool is_key;
        bool written;
        media_pattern_draw(pattern, i, &picture);
        assert_true(media_vpx_encode(encoder, &picture, i * 3000U, 3000, false, &bytes, &length, &is_key, &error));
        assert_true(media_ivf_write(ivf, bytes, length, 12345 + i * 3000, &written, &error));
    }
    assert_true(media_ivf_close(ivf, &error));
    assert_string_equal(media_test_command("ffprobe -v error -count_frames -select_streams v -show_entries "
                                           "stream=codec_name,width,height,nb_read_frames -of csv=p=0 %s 2>&1", media_test_path("x.ivf")),
                        "vp8,160,120,45");
    assert_string_equal(media_test_command("ffprobe -v error -show_entries packet=pts_time -of csv=p=0 %s 2>&1 | tail -1",
                                           media_test_path("x.ivf")), "1.466667");
    media_picture_clear(&picture);
    media_pattern_free(pattern);
    media_vpx_encoder_free(encoder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_clock_passes_the_wrap, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_readable_without_close, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_ffprobe_reads_it, media_test_make_folder, media_test_remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
