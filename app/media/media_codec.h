/* The codecs of this room, and what is known of each without any library. */
#ifndef MEDIA_CODEC_H
#define MEDIA_CODEC_H

#include <stdbool.h>
#include <stdint.h>

enum media_codec {
    MEDIA_CODEC_NONE,
    MEDIA_CODEC_OPUS,                  /* a frame is one packet */
    MEDIA_CODEC_PCMU, MEDIA_CODEC_PCMA,/* a frame is one packet, a byte a sample */
    MEDIA_CODEC_VP8, MEDIA_CODEC_VP9,  /* a frame as IVF has it */
    MEDIA_CODEC_H264,                  /* an access unit in Annex B */
    MEDIA_CODEC_AV1                    /* a temporal unit in the low-overhead format, as IVF has it */
};
enum { MEDIA_CODEC_COUNT = 8 };

/* "opus", "PCMU", "VP8" ...: the names of RTP payload formats; "" for NONE. */
const char *media_codec_name(enum media_codec codec);

bool media_codec_is_audio(enum media_codec codec);

/* Of its RTP timestamps; 0 for NONE. */
uint32_t media_codec_clock_hz(enum media_codec codec);

/* True when this program makes frames of it, and sound or pictures of frames. H264 and AV1 come from files and go into files. */
bool media_codec_is_coded(enum media_codec codec);

#endif
