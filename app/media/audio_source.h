/* Where the sound that we send comes from: 20 ms frames of 48 kHz signed 16-bit samples, the framing of RFC 7587 section 4.2.
 *
 * A source has no clock of its own but a device's: tone and files give a frame whenever they are asked, and media_sender paces
 * them. It is used by one thread at a time. */
#ifndef AUDIO_SOURCE_H
#define AUDIO_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "app/media/media_error.h"

enum {
    MEDIA_AUDIO_RATE_HZ = 48000,
    MEDIA_AUDIO_FRAME_SAMPLES = 960,      /* of one channel: 20 ms */
    MEDIA_AUDIO_FRAME_US = 20000,
    MEDIA_AUDIO_MAX_CHANNELS = 2,
    MEDIA_TONE_DEFAULT_HZ = 440,
    MEDIA_TONE_MIN_HZ = 20,
    MEDIA_TONE_MAX_HZ = 20000
};

enum media_read {
    MEDIA_READ_FRAME,                     /* the frame is filled */
    MEDIA_READ_END,                       /* the file is over; every later read says so again */
    MEDIA_READ_FAILED                     /* the file or device broke in the middle: *error says how; only _free remains */
};

struct media_audio_source;

/* Opens the source that `spec` (a --audio argument, read during the call only) names:
 *   tone[:HZ]    a sine of HZ (20..20000, default 440) at -12 dBFS, mono, without end
 *   FILE.wav     PCM of 8, 16, 24 or 32 bits or 32-bit float, 8000..192000 Hz, resampled; two channels at most are kept.
 *                Played once. After its end the reader gets MEDIA_READ_END; media_sender sends silence from then on, because a
 *                call outlives a file and an audio stream that stops looks like a broken path.
 *   alsa[:DEV]   a capture device, mono, when the program was built with ALSA
 * "none" is not a source: whoever wants no audio makes no sender (see media_source_is_none), and FILE.opus is sent as it is
 * (file_source.h).
 * Returns the source, owned by the caller until media_audio_source_free, or NULL with *error filled: MEDIA_EXIT_USAGE (show the
 * sentences, the argument is wrong), MEDIA_EXIT_BAD_FILE (the file is not what its name says), MEDIA_EXIT_DEVICE. */
struct media_audio_source *media_audio_source_open(const char *spec, struct media_error *error);

/* Frees the source and closes its file or device. NULL is fine. */
void media_audio_source_free(struct media_audio_source *source);

/* 1 or 2, fixed for the life of the source. */
unsigned media_audio_source_channels(const struct media_audio_source *source);

/* True when reading blocks until the device has a frame (alsa): the device is the clock, do not pace it. */
bool media_audio_source_is_paced(const struct media_audio_source *source);

/* Fills `samples` (MEDIA_AUDIO_FRAME_SAMPLES * channels, interleaved, host byte order, caller's). The last frame of a file is
 * padded with silence. */
enum media_read media_audio_source_read(struct media_audio_source *source, int16_t *samples, struct media_error *error);

/* True for "none", the spec of both kinds that asks for nothing. */
bool media_source_is_none(const char *spec);

#endif
