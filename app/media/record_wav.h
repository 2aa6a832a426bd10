/* Received G.711 packets as they came, in a WAVE file of format 7 (mu-law) or 6 (A-law): the bytes of the packets are its samples.
 *
 * The clock is RTP's, which for G.711 counts bytes: where packets are missing silence is written, so that what follows stays in its place. Every packet
 * is flushed, and the lengths in the header are brought up to date every MEDIA_RECORD_WAV_HEADER_PACKETS packets and at the end. */
#ifndef MEDIA_RECORD_WAV_H
#define MEDIA_RECORD_WAV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_codec.h"
#include "app/media/media_error.h"

enum {
    MEDIA_RECORD_WAV_HEADER_PACKETS = 50,
    MEDIA_RECORD_WAV_MAX_HOLE_BYTES = 10 * 60 * 8000    /* ten minutes: a longer one is a restarted clock, and the recording goes on as if nothing
                                                           were missing */
};
#define MEDIA_RECORD_WAV_MAX_BYTES (UINT32_MAX - 1024u)  /* of sound, 149 hours: what the header can tell. More is an error of the file */

struct media_record_wav;

/* Creates (or empties) the file for PCMU or PCMA and writes its header. NULL with *error (MEDIA_EXIT_DEVICE). */
struct media_record_wav *media_record_wav_create(const char *path, enum media_codec codec, struct media_error *error);

/* Appends one packet. One that is not newer than the last is passed over: *written says so. False with *error when the file cannot be
 * written; only _close remains. */
bool media_record_wav_write(struct media_record_wav *wav, const uint8_t *packet, size_t length_bytes, uint32_t timestamp, bool *written,
                            struct media_error *error);

/* Completes and closes; frees even when it returns false with *error. NULL is fine. */
bool media_record_wav_close(struct media_record_wav *wav, struct media_error *error);

#endif
