#include "app/media/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Output sample n lies at input position n * from / to. Its whole part picks the input samples, its fraction picks the filter:
 * a table holds PHASES of them, and between two neighbours the taps are interpolated. */
enum { PHASES = 512, HALF_TAPS = 48 };

static const double pi = 3.14159265358979323846;
static const double kaiser_beta = 11.0;
static const double pass_band = 0.925;      /* of the lower Nyquist frequency: the middle of the transition band */

struct media_resampler {
    uint32_t from_hz, to_hz;
    size_t   half;                          /* input samples on each side of the position */
    float   *taps;                          /* (PHASES + 1) rows of 2 * half; NULL when the rates are equal */
};

static double bessel_i0(double x) {
    double sum = 1.0;
    double term = 1.0;
    for (int k = 1; k < 60; k++) {
        term *= x / (2.0 * k) * (x / (2.0 * k));
        sum += term;
    }
    return sum;
}

/* The filter at `x` input samples from its middle; `cutoff` in cycles per input sample. */
static double filter_at(double x, double half, double cutoff) {
    double edge = x / half;
    double inside = 1.0 - edge * edge;
    if (inside <= 0.0) {
        return 0.0;
    }
    double window = bessel_i0(kaiser_beta * sqrt(inside)) / bessel_i0(kaiser_beta);
    double angle = 2.0 * pi * cutoff * x;
    double sinc = fabs(angle) < 1e-9 ? 1.0 : sin(angle) / angle;
    return 2.0 * cutoff * sinc * window;
}

static void fill_row(float *row, size_t half, double fraction, double cutoff) {
    double sum = 0.0;
    for (size_t tap = 0; tap < 2 * half; tap++) {
        double x = fraction + (double)half - 1.0 - (double)tap;
        sum += filter_at(x, (double)half, cutoff);
    }
    for (size_t tap = 0; tap < 2 * half; tap++) {
        double x = fraction + (double)half - 1.0 - (double)tap;
        row[tap] = (float)(filter_at(x, (double)half, cutoff) / sum);     /* every phase passes a constant unchanged */
    }
}

struct media_resampler *media_resampler_new(uint32_t from_hz, uint32_t to_hz) {
    struct media_resampler *resampler = calloc(1, sizeof *resampler);
    if (resampler == NULL) {
        return NULL;
    }
    resampler->from_hz = from_hz;
    resampler->to_hz = to_hz;
    if (from_hz == to_hz) {
        return resampler;
    }
    double ratio = from_hz > to_hz ? (double)to_hz / from_hz : 1.0;
    resampler->half = (size_t)ceil(HALF_TAPS / ratio);
    resampler->taps = malloc((PHASES + 1) * 2 * resampler->half * sizeof *resampler->taps);
    if (resampler->taps == NULL) {
        free(resampler);
        return NULL;
    }
    for (size_t phase = 0; phase <= PHASES; phase++) {
        fill_row(resampler->taps + phase * 2 * resampler->half, resampler->half, (double)phase / PHASES, 0.5 * ratio * pass_band);
    }
    return resampler;
}

void media_resampler_free(struct media_resampler *resampler) {
    if (resampler != NULL) {
        free(resampler->taps);
        free(resampler);
    }
}

size_t media_resampler_reach(const struct media_resampler *resampler) {
    return resampler->half;
}

uint64_t media_resampler_output_frames(const struct media_resampler *resampler, size_t frames) {
    return ((uint64_t)frames * resampler->to_hz + resampler->from_hz - 1) / resampler->from_hz;
}

static float input_at(const float *input, size_t frames, size_t pitch, int64_t position) {
    return position < 0 || (uint64_t)position >= frames ? 0.0F : input[(size_t)position * pitch];
}

void media_resampler_run(const struct media_resampler *resampler, const float *input, size_t frames, size_t pitch,
                         uint64_t first, float *output, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint64_t scaled = (first + i) * resampler->from_hz;
        uint64_t whole = scaled / resampler->to_hz;
        if (resampler->taps == NULL) {
            output[i] = input_at(input, frames, pitch, (int64_t)whole);
            continue;
        }
        double phase = (double)(scaled % resampler->to_hz) * PHASES / resampler->to_hz;
        size_t row = (size_t)phase;
        float blend = (float)(phase - (double)row);
        const float *left = resampler->taps + row * 2 * resampler->half;
        const float *right = left + 2 * resampler->half;
        int64_t from = (int64_t)whole - (int64_t)resampler->half + 1;
        double sum = 0.0;
        for (size_t tap = 0; tap < 2 * resampler->half; tap++) {
            float weight = left[tap] + blend * (right[tap] - left[tap]);
            sum += (double)(weight * input_at(input, frames, pitch, from + (int64_t)tap));
        }
        output[i] = (float)sum;
    }
}
