/* --record: what was received, in the file that suits its codec. Packets and frames go in as they came.
 *
 *   Opus                PREFIX-audio.ogg      record_ogg.h
 *   PCMU, PCMA          PREFIX-audio.wav      record_wav.h
 *   VP8, VP9, AV1       PREFIX-video.ivf      record_ivf.h
 *   H264                PREFIX-video.h264     record_h264.h
 *
 * Where the codec changes in mid-call the recording goes on in PREFIX-video-2.ivf, PREFIX-audio-2.wav and so on: one file has one codec. */
#ifndef MEDIA_RECORDING_H
#define MEDIA_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_codec.h"
#include "app/media/media_error.h"

struct media_recording;

/* Creates (or empties) the file. `part` counts from 1. NULL with *error (MEDIA_EXIT_DEVICE). */
struct media_recording *media_recording_create(const char *prefix, enum media_codec codec, unsigned part, struct media_error *error);

/* Appends a packet or frame; *written says whether it went in. False with *error when the file cannot be written; only _close remains. */
bool media_recording_write(struct media_recording *recording, const uint8_t *bytes, size_t length_bytes, uint32_t timestamp, bool *written,
                           struct media_error *error);

/* True when something was written: a part without anything is not one, see _discard. */
bool media_recording_has_begun(const struct media_recording *recording);

/* Completes and closes; frees even when it returns false with *error. NULL is fine. */
bool media_recording_close(struct media_recording *recording, struct media_error *error);

/* The same for one that has not begun: its file is removed. */
void media_recording_discard(struct media_recording *recording);

#endif
