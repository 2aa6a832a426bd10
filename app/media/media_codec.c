#include "app/media/media_codec.h"

#include <stddef.h>

static const struct { const char *name; uint32_t clock_hz; bool audio, coded; } codecs[MEDIA_CODEC_COUNT] = {
    [MEDIA_CODEC_NONE] = { "", 0, false, false },
    [MEDIA_CODEC_OPUS] = { "opus", 48000, true, true },       /* RFC 7587 section 4.1, MUST: 48000 whatever the encoder does */
    [MEDIA_CODEC_PCMU] = { "PCMU", 8000, true, true },        /* RFC 3551 section 4.5.14 */
    [MEDIA_CODEC_PCMA] = { "PCMA", 8000, true, true },
    [MEDIA_CODEC_VP8] = { "VP8", 90000, false, true },
    [MEDIA_CODEC_VP9] = { "VP9", 90000, false, true },
    [MEDIA_CODEC_H264] = { "H264", 90000, false, false },
    [MEDIA_CODEC_AV1] = { "AV1", 90000, false, false },
};

static size_t row(enum media_codec codec) {
    return (unsigned)codec < MEDIA_CODEC_COUNT ? (size_t)codec : (size_t)MEDIA_CODEC_NONE;
}

const char *media_codec_name(enum media_codec codec) {
    return codecs[row(codec)].name;
}

bool media_codec_is_audio(enum media_codec codec) {
    return codecs[row(codec)].audio;
}

uint32_t media_codec_clock_hz(enum media_codec codec) {
    return codecs[row(codec)].clock_hz;
}

bool media_codec_is_coded(enum media_codec codec) {
    return codecs[row(codec)].coded;
}
