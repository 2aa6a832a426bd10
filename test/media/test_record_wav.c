#include "test/media/test_media.h"

#include "app/media/record_wav.h"

static const uint8_t packet[161] = { 1, 2, 3 };

static struct media_record_wav *create(enum media_codec codec) {
    struct media_error error;
    struct media_record_wav *wav = media_record_wav_create(media_test_path("x.wav"), codec, &error);
    assert_non_null(wav);
    return wav;
}

static bool put(struct media_record_wav *wav, size_t length, uint32_t timestamp) {
    struct media_error error;
    bool written;
    assert_true(media_record_wav_write(wav, packet, length, timestamp, &written, &error));
    return written;
}

static uint8_t *close_and_read(struct media_record_wav *wav, size_t *length) {
    struct media_error error;
    assert_true(media_record_wav_close(wav, &error));
    return media_test_read_file(media_test_path("x.wav"), length);
}

static uint32_t get_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Every byte of the header; a hole is silence of the law; what comes late is left out; an odd length is padded. */
static void test_bytes(void **state) {
    (void)state;
    static const struct { enum media_codec codec; uint8_t format, silence; } cases[] = { { MEDIA_CODEC_PCMU, 7, 0xFF }, { MEDIA_CODEC_PCMA, 6, 0xD5 } };
    for (size_t c = 0; c < 2; c++) {
        static const uint8_t expected[58] = {
            'R', 'I', 'F', 'F', 0x14, 0x03, 0, 0, 'W', 'A', 'V', 'E', 'f', 'm', 't', ' ', 18, 0, 0, 0, 0, 0, 1, 0, 0x40, 0x1F, 0, 0,
            0x40, 0x1F, 0, 0, 1, 0, 8, 0, 0, 0, 'f', 'a', 'c', 't', 4, 0, 0, 0, 0xE1, 0x02, 0, 0, 'd', 'a', 't', 'a', 0xE1, 0x02, 0, 0
        };
        size_t length;
        struct media_record_wav *wav = create(cases[c].codec);
        assert_true(put(wav, 160, 0xFFFFFFF0));
        assert_true(put(wav, 160, 0xFFFFFFF0 + 160));
        assert_true(put(wav, 161, 0xFFFFFFF0 + 3 * 160 + 96));      /* 256 are missing */
        assert_false(put(wav, 160, 0xFFFFFFF0 + 2 * 160));
        assert_false(put(wav, 0, 0xFFFFFFF0 + 5 * 160));
        uint8_t *file = close_and_read(wav, &length);
        assert_int_equal(length, 58 + 737 + 1);
        assert_int_equal(file[20], cases[c].format);
        file[20] = 0;
        assert_memory_equal(file, expected, 58);
        assert_memory_equal(file + 58, packet, 160);
        assert_int_equal(file[58 + 319], 0);
        for (size_t i = 320; i < 576; i++) {
            assert_int_equal(file[58 + i], cases[c].silence);
        }
        assert_memory_equal(file + 58 + 576, packet, 161);
        free(file);
    }
}

/* MEDIA_RECORD_WAV_MAX_HOLE_BYTES at limit - 1, limit, limit + 1: beyond it the clock was restarted. */
static void test_hole_limit(void **state) {
    (void)state;
    for (uint32_t hole = MEDIA_RECORD_WAV_MAX_HOLE_BYTES - 1; hole <= MEDIA_RECORD_WAV_MAX_HOLE_BYTES + 1; hole++) {
        size_t length;
        struct media_record_wav *wav = create(MEDIA_CODEC_PCMU);
        assert_true(put(wav, 160, 1000));
        assert_true(put(wav, 160, 1160 + hole));
        free(close_and_read(wav, &length));
        assert_int_equal(length, 58 + 320 + (hole <= MEDIA_RECORD_WAV_MAX_HOLE_BYTES ? hole + (hole & 1) : 0));
    }
}

/* The file of a program that is killed: whole at every moment, and its length at most a second behind. */
static void test_readable_without_close(void **state) {
    (void)state;
    struct media_error error;
    struct media_record_wav *wav = create(MEDIA_CODEC_PCMU);
    for (uint32_t i = 0; i < 120; i++) {
        size_t length;
        assert_true(put(wav, 160, i * 160));
        uint8_t *file = media_test_read_file(media_test_path("x.wav"), &length);
        assert_int_equal(length, 58 + (i + 1) * 160);
        assert_int_equal(get_u32(file + 54), (i / MEDIA_RECORD_WAV_HEADER_PACKETS * MEDIA_RECORD_WAV_HEADER_PACKETS + 1) * 160);
        free(file);
    }
    assert_true(media_record_wav_close(wav, &error));
    assert_true(media_record_wav_close(NULL, &error));
    assert_null(media_record_wav_create("/nowhere/x.wav", MEDIA_CODEC_PCMU, &error));
    media_test_assert_error(&error, MEDIA_EXIT_DEVICE);
}

static void test_ffprobe_reads_it(void **state) {
    (void)state;
    if (!media_test_have_ffprobe("test_ffprobe_reads_it")) {
        skip();
    }
    static const enum media_codec codecs[] = { MEDIA_CODEC_PCMU, MEDIA_CODEC_PCMA };
    static const char *const names[] = { "pcm_mulaw,8000,1,1.000000", "pcm_alaw,8000,1,1.000000" };
    for (size_t c = 0; c < 2; c++) {
        size_t length;
        struct media_record_wav *wav = create(codecs[c]);
        for (uint32_t i = 0; i < 50; i++) {
            (void)put(wav, 160, i * 160);
        }
        free(close_and_read(wav, &length));
        assert_string_equal(media_test_command("ffprobe -v error -show_entries stream=codec_name,sample_rate,channels,duration -of csv=p=0 %s 2>&1",
                                               media_test_path("x.wav")), names[c]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_hole_limit, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_readable_without_close, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_ffprobe_reads_it, media_test_make_folder, media_test_remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
