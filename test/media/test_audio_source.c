#include "test/media/test_media.h"

#include <math.h>
#include <unistd.h>

#include "app/media/audio_source.h"
#include "app/media/wav.h"

enum { FRAME = MEDIA_AUDIO_FRAME_SAMPLES };
static const double pi = 3.14159265358979323846;

static void put_u32(uint8_t *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
}

/* A 16-bit file; `make` gives sample `i` of channel `c`. Returns its path. */
static const char *write_wav(uint16_t channels, uint32_t rate, uint32_t frames, int16_t (*make)(uint32_t i, unsigned c)) {
    uint32_t data_bytes = frames * channels * 2U;
    uint8_t *file = calloc(1, 44 + data_bytes);
    memcpy(file, "RIFF....WAVEfmt ", 16);
    put_u32(file + 4, 36 + data_bytes);
    put_u32(file + 16, 16);
    file[20] = 1;
    file[22] = (uint8_t)channels;
    put_u32(file + 24, rate);
    file[32] = (uint8_t)(channels * 2);
    file[34] = 16;
    memcpy(file + 36, "data", 4);
    put_u32(file + 40, data_bytes);
    for (uint32_t i = 0; i < frames; i++) {
        for (unsigned c = 0; c < channels; c++) {
            uint16_t value = (uint16_t)make(i, c);
            file[44 + (i * channels + c) * 2] = (uint8_t)value;
            file[45 + (i * channels + c) * 2] = (uint8_t)(value >> 8);
        }
    }
    media_test_write_file(media_test_path("made.wav"), file, 44 + data_bytes);
    free(file);
    return media_test_path("made.wav");
}

static int16_t ramp(uint32_t i, unsigned c) {
    return (int16_t)(i * 13 + c * 10000);
}

static int16_t tone_at_44100(uint32_t i, unsigned c) {
    return (int16_t)lrint((c == 0 ? 20000.0 : 8000.0) * sin(2.0 * pi * (c == 0 ? 1000.0 : 3000.0) * i / 44100.0));
}

static void test_tone(void **state) {
    (void)state;
    struct media_error error;
    int16_t samples[FRAME];
    struct media_audio_source *source = media_audio_source_open("tone:1000", &error);
    double power = 0.0;

    assert_non_null(source);
    assert_int_equal(media_audio_source_channels(source), 1);
    assert_false(media_audio_source_is_paced(source));
    for (int frame = 0; frame < 100; frame++) {
        assert_int_equal(media_audio_source_read(source, samples, &error), MEDIA_READ_FRAME);
        for (int i = 0; i < FRAME; i++) {
            double expected = 0.2512 * 32767.0 * sin(2.0 * pi * 1000.0 * (frame * FRAME + i) / 48000.0);
            assert_true(fabs(samples[i] - expected) < 0.51);
            power += (double)samples[i] * samples[i];
        }
    }
    power = sqrt(power / (100.0 * FRAME)) / 32768.0 * sqrt(2.0);
    assert_float_equal((float)(20.0 * log10(power)), -12.0F, 0.05F);
    media_audio_source_free(source);
}

/* MEDIA_TONE_MIN_HZ and MEDIA_TONE_MAX_HZ at limit - 1, limit, limit + 1, and what is no number. */
static void test_tone_specs(void **state) {
    (void)state;
    static const struct { const char *spec; bool good; } cases[] = {
        { "tone", true }, { "tone:19", false }, { "tone:20", true }, { "tone:21", true }, { "tone:19999", true }, { "tone:20000", true },
        { "tone:20001", false }, { "tone:", false }, { "tone:4294967316", false }, { "tone:99999999999999999999", false },
        { "tone:-5", false }, { "tone:440x", false }, { "tone440", false }, { "TONE", false }, { "", false }, { "none", false },
        { ".wav", false }, { "x.opus", false }, { "x.mp3", false }, { "alsax", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct media_error error = { 0 };
        struct media_audio_source *source = media_audio_source_open(cases[i].spec, &error);
        assert_int_equal(source != NULL, cases[i].good);
        if (source == NULL) {
            media_test_assert_error(&error, MEDIA_EXIT_USAGE);
        }
        media_audio_source_free(source);
    }
    assert_true(media_source_is_none("none"));
    assert_false(media_source_is_none("nonesuch"));
}

/* At 48 kHz the samples of the file come out as they are; the last frame is padded; then the end, again and again. */
static void test_wav_is_exact(void **state) {
    (void)state;
    struct media_error error;
    int16_t samples[FRAME * 2];
    struct media_audio_source *source = media_audio_source_open(write_wav(2, 48000, FRAME + 100, ramp), &error);

    assert_non_null(source);
    assert_int_equal(media_audio_source_channels(source), 2);
    for (uint32_t frame = 0; frame < 2; frame++) {
        assert_int_equal(media_audio_source_read(source, samples, &error), MEDIA_READ_FRAME);
        for (uint32_t i = 0; i < FRAME; i++) {
            for (unsigned c = 0; c < 2; c++) {
                bool inside = frame * FRAME + i < FRAME + 100;
                assert_int_equal(samples[i * 2 + c], inside ? ramp(frame * FRAME + i, c) : 0);
            }
        }
    }
    assert_int_equal(media_audio_source_read(source, samples, &error), MEDIA_READ_END);
    assert_int_equal(media_audio_source_read(source, samples, &error), MEDIA_READ_END);
    media_audio_source_free(source);
}

/* One second at 44.1 kHz is one second at 48 kHz, each channel with its own tone. */
static void test_wav_is_resampled(void **state) {
    (void)state;
    struct media_error error;
    int16_t samples[FRAME * 2];
    struct media_audio_source *source = media_audio_source_open(write_wav(2, 44100, 44100, tone_at_44100), &error);
    int frames = 0;

    assert_non_null(source);
    while (media_audio_source_read(source, samples, &error) == MEDIA_READ_FRAME) {
        for (int i = 0; i < FRAME && frames > 2 && frames < 47; i++) {
            double seconds = (double)(frames * FRAME + i) / 48000.0;
            assert_true(fabs(samples[2 * i] - 20000.0 * sin(2.0 * pi * 1000.0 * seconds)) < 3.0);
            assert_true(fabs(samples[2 * i + 1] - 8000.0 * sin(2.0 * pi * 3000.0 * seconds)) < 3.0);
        }
        frames++;
    }
    assert_int_equal(frames, 50);
    media_audio_source_free(source);
}

/* More channels than two: the first two are kept. */
static void test_many_channels(void **state) {
    (void)state;
    struct media_error error;
    int16_t samples[FRAME * 2];
    struct media_audio_source *source = media_audio_source_open(write_wav(8, 48000, 10, ramp), &error);
    assert_non_null(source);
    assert_int_equal(media_audio_source_channels(source), 2);
    assert_int_equal(media_audio_source_read(source, samples, &error), MEDIA_READ_FRAME);
    assert_int_equal(samples[7 * 2 + 1], ramp(7, 1));
    media_audio_source_free(source);
}

static void test_files_that_are_not_what_they_say(void **state) {
    (void)state;
    struct media_error error = { 0 };
    static const struct { const char *name; const char *bytes; size_t length; } cases[] = {
        { "empty.wav", "", 0 }, { "text.wav", "this is no sound at all, it is a sentence", 41 }, { "ogg.wav", "OggS\0\2\0\0\0\0\0\0", 12 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        media_test_write_file(media_test_path(cases[i].name), cases[i].bytes, cases[i].length);
        assert_null(media_audio_source_open(media_test_path(cases[i].name), &error));
        media_test_assert_error(&error, MEDIA_EXIT_BAD_FILE);
        assert_non_null(strstr(error.what, cases[i].name));
    }
    assert_null(media_audio_source_open("/nowhere/at/all.wav", &error));
    media_test_assert_error(&error, MEDIA_EXIT_DEVICE);
    assert_non_null(strstr(error.why, "No such file"));
}

/* MEDIA_WAV_MAX_BYTES at limit - 1, limit, limit + 1: of holes, which are no WAVE file; the reason given tells how far it got. */
static void test_size_limit(void **state) {
    (void)state;
    for (int over = -1; over <= 1; over++) {
        struct media_error error = { 0 };
        media_test_write_file(media_test_path("holes.wav"), "", 0);
        assert_int_equal(truncate(media_test_path("holes.wav"), (off_t)MEDIA_WAV_MAX_BYTES + over), 0);
        assert_null(media_audio_source_open(media_test_path("holes.wav"), &error));
        media_test_assert_error(&error, MEDIA_EXIT_BAD_FILE);
        assert_int_equal(strstr(error.what, "too large") != NULL, over > 0);
    }
}

/* A name with control characters is not repeated to a terminal. */
static void test_names_are_made_harmless(void **state) {
    (void)state;
    struct media_error error = { 0 };
    assert_null(media_audio_source_open("/nowhere/\x1b[31mred\n.wav", &error));
    for (const char *c = error.what; *c != '\0'; c++) {
        assert_true((unsigned char)*c >= 0x20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tone),
        cmocka_unit_test(test_tone_specs),
        cmocka_unit_test_setup_teardown(test_wav_is_exact, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_wav_is_resampled, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_many_channels, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_files_that_are_not_what_they_say, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_size_limit, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test(test_names_are_made_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
