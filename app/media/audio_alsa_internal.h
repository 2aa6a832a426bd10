/* A capture device through ALSA, mono at 48 kHz. Without ALSA at build time _open says so. */
#ifndef MEDIA_AUDIO_ALSA_INTERNAL_H
#define MEDIA_AUDIO_ALSA_INTERNAL_H

#include <stdint.h>

#include "app/media/audio_source.h"

struct media_alsa;

/* `device` is an ALSA name; NULL is "default". */
struct media_alsa *media_alsa_open(const char *device, struct media_error *error);
void media_alsa_free(struct media_alsa *alsa);

/* Blocks until MEDIA_AUDIO_FRAME_SAMPLES are there; an overrun is repaired by starting again. */
enum media_read media_alsa_read(struct media_alsa *alsa, int16_t *samples, struct media_error *error);

#endif
