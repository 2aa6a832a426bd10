/* Received H.264 access units as they came, one behind the other: Annex B, which has no clock. Begins with the first key frame. */
#ifndef MEDIA_RECORD_H264_H
#define MEDIA_RECORD_H264_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_error.h"

struct media_record_h264;

/* Creates (or empties) the file. NULL with *error (MEDIA_EXIT_DEVICE). */
struct media_record_h264 *media_record_h264_create(const char *path, struct media_error *error);

/* Appends one access unit with its start codes. What comes before the first key frame, and what is not H.264, is passed over: *written
 * says which it was. False with *error when the file cannot be written; only _close remains. */
bool media_record_h264_write(struct media_record_h264 *h264, const uint8_t *bytes, size_t length_bytes, bool *written, struct media_error *error);

/* Closes; frees even when it returns false with *error. NULL is fine. */
bool media_record_h264_close(struct media_record_h264 *h264, struct media_error *error);

#endif
