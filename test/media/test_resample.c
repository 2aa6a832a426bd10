#include "test/media/test_media.h"

#include <math.h>

#include "app/media/resample.h"

static const double pi = 3.14159265358979323846;
enum { SECOND = 48000 };

/* A tone of `hz` at `from` becomes 48 kHz; how far, in dB, is the result above its difference from the tone made at 48 kHz? The
 * edges, where the filter reaches into silence, are left out. */
static double tone_snr(uint32_t from, double hz) {
    float *input = calloc(from, sizeof *input);
    float *output = calloc(SECOND, sizeof *output);
    double signal = 0.0;
    double noise = 0.0;
    struct media_resampler *resampler = media_resampler_new(from, SECOND);

    assert_non_null(resampler);
    for (uint32_t i = 0; i < from; i++) {
        input[i] = (float)(0.5 * sin(2.0 * pi * hz * i / from));
    }
    assert_int_equal(media_resampler_output_frames(resampler, from), SECOND);
    media_resampler_run(resampler, input, from, 1, 0, output, SECOND);
    for (int i = SECOND / 10; i < SECOND * 9 / 10; i++) {
        double expected = 0.5 * sin(2.0 * pi * hz * i / SECOND);
        signal += expected * expected;
        noise += (output[i] - expected) * (output[i] - expected);
    }
    media_resampler_free(resampler);
    free(input);
    free(output);
    return 10.0 * log10(signal / (noise + 1e-30));
}

static void test_tones_stay_clean(void **state) {
    (void)state;
    static const uint32_t rates[] = { 8000, 11025, 16000, 22050, 32000, 44099, 44100, 96000, 192000 };
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        double limit = rates[i] < SECOND ? rates[i] * 0.5 * 0.84 : 20000.0;
        assert_true(tone_snr(rates[i], 440.0) > 90.0);
        assert_true(tone_snr(rates[i], limit) > 80.0);
    }
}

/* What lies above the new Nyquist frequency is gone instead of folded down. */
static void test_no_aliases(void **state) {
    (void)state;
    enum { FROM = 96000 };
    float *input = calloc(FROM, sizeof *input);
    float *output = calloc(SECOND, sizeof *output);
    double power = 0.0;
    struct media_resampler *resampler = media_resampler_new(FROM, SECOND);

    for (int i = 0; i < FROM; i++) {
        input[i] = (float)sin(2.0 * pi * 30000.0 * i / FROM);
    }
    media_resampler_run(resampler, input, FROM, 1, 0, output, SECOND);
    for (int i = SECOND / 10; i < SECOND * 9 / 10; i++) {
        power += (double)output[i] * output[i];
    }
    assert_true(10.0 * log10(power / (SECOND * 0.8) / 0.5) < -90.0);
    media_resampler_free(resampler);
    free(input);
    free(output);
}

/* Equal rates copy; pieces of any size give what one run gives; the second channel of two is found. */
static void test_copy_pieces_and_pitch(void **state) {
    (void)state;
    enum { FROM = 44100, COUNT = 4000 };
    static float input[COUNT * 2];
    static float whole[COUNT];
    static float pieces[COUNT];
    struct media_resampler *same = media_resampler_new(SECOND, SECOND);
    struct media_resampler *other = media_resampler_new(FROM, SECOND);

    for (int i = 0; i < COUNT; i++) {
        input[2 * i] = 9.0F;
        input[2 * i + 1] = (float)(i * 7919 % 1000) / 1000.0F;
    }
    media_resampler_run(same, input + 1, COUNT, 2, 0, whole, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_float_equal(whole[i], input[2 * i + 1], 0.0F);
    }
    media_resampler_run(other, input + 1, COUNT, 2, 0, whole, COUNT);
    for (size_t at = 0; at < COUNT;) {
        size_t piece = at % 97 + 1 < COUNT - at ? at % 97 + 1 : COUNT - at;
        media_resampler_run(other, input + 1, COUNT, 2, at, pieces + at, piece);
        at += piece;
    }
    assert_memory_equal(whole, pieces, sizeof whole);
    media_resampler_free(same);
    media_resampler_free(other);
    media_resampler_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tones_stay_clean),
        cmocka_unit_test(test_no_aliases),
        cmocka_unit_test(test_copy_pieces_and_pitch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
