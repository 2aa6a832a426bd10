#include "app/media/resample_stream.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/resample.h"

/* The window slides over the sound: `past` samples from before, then the new ones. The outputs of a call lie half of the past later than their
 * place in the input, so that the filter finds samples on both sides. */
struct media_resample_stream {
    struct media_resampler *resampler;
    uint32_t from_hz, to_hz;
    size_t past;
    float  window[];
};

enum { CHUNK = 480 };

struct media_resample_stream *media_resample_stream_new(uint32_t from_hz, uint32_t to_hz) {
    struct media_resampler *resampler = media_resampler_new(from_hz, to_hz);
    size_t past = resampler != NULL ? 2 * media_resampler_reach(resampler) : 0;
    struct media_resample_stream *stream = calloc(1, sizeof *stream + (past + MEDIA_RESAMPLE_STREAM_MAX_INPUT) * sizeof(float));

    if (resampler == NULL || stream == NULL) {
        media_resampler_free(resampler);
        free(stream);
        return NULL;
    }
    stream->resampler = resampler;
    stream->from_hz = from_hz;
    stream->to_hz = to_hz;
    stream->past = past;
    return stream;
}

void media_resample_stream_free(struct media_resample_stream *stream) {
    if (stream != NULL) {
        media_resampler_free(stream->resampler);
        free(stream);
    }
}

static int16_t to_sample(float value) {
    long rounded = lrintf(value);
    return (int16_t)(rounded > 32767 ? 32767 : rounded < -32768 ? -32768 : rounded);
}

size_t media_resample_stream_run(struct media_resample_stream *stream, const int16_t *input, size_t count, int16_t *output) {
    assert(count <= MEDIA_RESAMPLE_STREAM_MAX_INPUT && count * stream->to_hz % stream->from_hz == 0);
    size_t outputs = count * stream->to_hz / stream->from_hz;
    uint64_t first = (uint64_t)stream->past / 2 * stream->to_hz / stream->from_hz;
    float chunk[CHUNK];

    for (size_t i = 0; i < count; i++) {
        stream->window[stream->past + i] = input[i];
    }
    for (size_t done = 0; done < outputs; done += CHUNK) {
        size_t now = outputs - done < CHUNK ? outputs - done : CHUNK;
        media_resampler_run(stream->resampler, stream->window, stream->past + count, 1, first + done, chunk, now);
        for (size_t i = 0; i < now; i++) {
            output[done + i] = to_sample(chunk[i]);
        }
    }
    memmove(stream->window, stream->window + count, stream->past * sizeof *stream->window);
    return outputs;
}
