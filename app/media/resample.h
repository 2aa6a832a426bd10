/* Another sample rate for a sound that lies in memory: a windowed sinc that passes 84 % of the lower Nyquist
 * frequency with errors below -80 dB, and no drift however long the sound. */
#ifndef MEDIA_RESAMPLE_H
#define MEDIA_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

struct media_resampler;

/* Rates 8000..192000 Hz. NULL when memory is short. Equal rates copy samples as they are. */
struct media_resampler *media_resampler_new(uint32_t from_hz, uint32_t to_hz);
void media_resampler_free(struct media_resampler *resampler);

/* How many input samples on each side of an output sample count: 0 for equal rates. A multiple of from_hz / to_hz when that is a whole number. */
size_t media_resampler_reach(const struct media_resampler *resampler);

/* How many output samples `frames` input samples make: rounded up. */
uint64_t media_resampler_output_frames(const struct media_resampler *resampler, size_t frames);

/* Output samples first .. first+count-1 of one channel into `output`. `input` is that channel: `frames` samples, one every
 * `pitch` floats; outside of it there is silence. Any order of calls gives the same samples. */
void media_resampler_run(const struct media_resampler *resampler, const float *input, size_t frames, size_t pitch,
                         uint64_t first, float *output, size_t count);

#endif
