/* Received VP8, VP9 or AV1 frames as they came, in an IVF file: 32 bytes of header, then length, time and bytes of each frame.
 *
 * The clock is RTP's: 90000 a second, 0 at the first frame recorded, unwrapped. Every frame is flushed and the header's frame count is
 * brought up to date every MEDIA_IVF_HEADER_FRAMES frames and at the end, so that a program that is killed leaves a file that plays. */
#ifndef MEDIA_RECORD_IVF_H
#define MEDIA_RECORD_IVF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_codec.h"
#include "app/media/media_error.h"

enum { MEDIA_IVF_HEADER_FRAMES = 30 };

struct media_ivf;

/* Creates (or empties) the file for frames of VP8, VP9 or AV1. NULL with *error (MEDIA_EXIT_DEVICE). */
struct media_ivf *media_ivf_create(const char *path, enum media_codec codec, struct media_error *error);

/* Appends one frame. Frames before the first key frame cannot be decoded by anybody and are passed over: *written says which
 * it was. False with *error when the file cannot be written; only _close remains. */
bool media_ivf_write(struct media_ivf *ivf, const uint8_t *bytes, size_t length_bytes, uint32_t timestamp, bool *written,
                     struct media_error *error);

/* Completes and closes; frees even when it returns false with *error. A file without frames has a header of 0x0. NULL is fine. */
bool media_ivf_close(struct media_ivf *ivf, struct media_error *error);

#endif
