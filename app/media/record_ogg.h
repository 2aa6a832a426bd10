/* Received Opus packets as they came, in an Ogg file (RFC 7845).
 *
 * The clock is RTP's, which for Opus is the granule position's too: 48000 a second. Where packets are missing (the next one's timestamp is
 * later than the last one's end) stand-ins are written that tell a decoder to conceal, so that what follows stays in its place.
 * A page is finished and flushed every MEDIA_OGG_PAGE_PACKETS packets: a program that is killed leaves a file that plays. */
#ifndef MEDIA_RECORD_OGG_H
#define MEDIA_RECORD_OGG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_error.h"

enum {
    MEDIA_OGG_PAGE_PACKETS = 25,
    MEDIA_OGG_MAX_HOLE_SAMPLES = 10 * 60 * 48000,   /* ten minutes: a longer one is a restarted clock, and the recording goes on behind the last
                                                       packet as if nothing were missing */
    MEDIA_OGG_PRE_SKIP = 312                        /* 6.5 ms, the delay of libopus, which browsers use as well */
};

struct media_ogg;

/* Creates (or empties) the file and writes its two header pages. NULL with *error (MEDIA_EXIT_DEVICE). */
struct media_ogg *media_ogg_create(const char *path, struct media_error *error);

/* Appends one packet. One that is not Opus, or not newer than the last, is passed over: *written says so. False with *error when
 * the file cannot be written; only _close remains. */
bool media_ogg_write(struct media_ogg *ogg, const uint8_t *packet, size_t length_bytes, uint32_t timestamp, bool *written,
                     struct media_error *error);

/* Writes what is left with the end-of-stream mark, closes; frees even when it returns false with *error. NULL is fine. */
bool media_ogg_close(struct media_ogg *ogg, struct media_error *error);

#endif
