/*
 * Encoded media that is sent in circles: thirty frames of each codec, read from files that ffmpeg has made (frames.js), Opus from the encoder
 * of app/media. What is tested is negotiation; a picture only has to arrive and to be decoded.
 *
 *     FOLDER/vp8.ivf  vp9.ivf  av1.ivf  h264.h264 (an access unit delimiter before each picture)  pcmu.raw  pcma.raw (8 kHz)
 */
#ifndef CANNED_H
#define CANNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/peer/peer_connection.h"

#define CANNED_FRAME_MAX 64
#define CANNED_AUDIO_MS 20
#define CANNED_VIDEO_MS 40

struct canned {
    uint8_t *bytes;
    size_t count;
    struct canned_frame {
        size_t offset, length;
    } frames[CANNED_FRAME_MAX]; /* of video, the first is the only key frame */
};

/* False: the file is missing, or is not what its name says. */
bool canned_load(struct canned *canned, const char *folder, enum peer_codec codec);
void canned_free(struct canned *canned);

/* Units of the RTP clock from one frame to the next. */
uint32_t canned_ticks(enum peer_codec codec);

#endif
