/* A WAVE file in memory: RIFF chunks, the format, and where the samples are. Pure: bytes in, a view out, nothing allocated. */
#ifndef MEDIA_WAV_H
#define MEDIA_WAV_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#include "app/media/media_error.h"

enum {
    MEDIA_WAV_MAX_BYTES = 256 * 1024 * 1024,    /* of a whole file: 23 minutes of 48 kHz stereo. A longer one is refused */
    MEDIA_WAV_MAX_CHANNELS = 8,
    MEDIA_WAV_MIN_RATE_HZ = 8000,
    MEDIA_WAV_MAX_RATE_HZ = 192000
};

enum media_wav_encoding { MEDIA_WAV_INTEGER, MEDIA_WAV_FLOAT };

struct media_wav {
    enum media_wav_encoding encoding;
    unsigned channels;                 /* 1..MEDIA_WAV_MAX_CHANNELS */
    uint32_t rate_hz;
    unsigned bits;                     /* INTEGER: 8 (unsigned), 16, 24, 32; FLOAT: 32 */
    const uint8_t *samples;            /* inside the parsed bytes; interleaved, little-endian */
    size_t   frames;                   /* at least 1; frames * channels * bits / 8 bytes are there */
};

/* Reads the `length` bytes of a file called `path` (for the sentences). Returns false with MEDIA_EXIT_BAD_FILE when it is no
 * WAVE file, is cut short, contradicts itself, or has an encoding that we do not play. */
bool media_wav_parse(const char *path, const uint8_t *bytes, size_t length, struct media_wav *wav, struct media_error *error);

/* One sample, -1..1. `frame` < frames, `channel` < channels. A float that is not a number is 0, one out of range is clipped. */
float media_wav_sample(const struct media_wav *wav, size_t frame, unsigned channel);

#endif
