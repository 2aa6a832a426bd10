/* Another sample rate for a sound that comes in pieces: resample.h's filter, with what it needs of the past kept between calls. */
#ifndef MEDIA_RESAMPLE_STREAM_H
#define MEDIA_RESAMPLE_STREAM_H

#include <stddef.h>
#include <stdint.h>

enum { MEDIA_RESAMPLE_STREAM_MAX_INPUT = 5760 };

struct media_resample_stream;

/* One rate is a multiple of the other. NULL when memory is short. The sound comes out 6 ms later at 8 kHz to 48 kHz and back: half of
 * the filter. */
struct media_resample_stream *media_resample_stream_new(uint32_t from_hz, uint32_t to_hz);
void media_resample_stream_free(struct media_resample_stream *stream);

/* `count` samples of one channel, at most MEDIA_RESAMPLE_STREAM_MAX_INPUT and a multiple of from_hz / to_hz. Returns how many it wrote:
 * count * to_hz / from_hz. */
size_t media_resample_stream_run(struct media_resample_stream *stream, const int16_t *input, size_t count, int16_t *output);

#endif
