#include "test/interop/negotiation/canned.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/opus_codec.h"

#define PI 3.14159265358979323846
#define FILE_MAX_BYTES (4u * 1024u * 1024u)
#define IVF_HEADER_BYTES 32u
#define IVF_FRAME_HEADER_BYTES 12u
#define H264_NAL_DELIMITER 9u /* ITU-T H.264 table 7-1 */
#define PCM_FRAME_BYTES 160u  /* 20 ms at 8 kHz */
#define OPUS_FRAMES 50u
#define OPUS_FRAME_SAMPLES 960u
#define TONE_HZ 440.0

static const char *const names[PEER_CODEC_COUNT] = {
    [PEER_CODEC_PCMU] = "pcmu.raw", [PEER_CODEC_PCMA] = "pcma.raw", [PEER_CODEC_VP8] = "vp8.ivf",
    [PEER_CODEC_VP9] = "vp9.ivf",   [PEER_CODEC_H264] = "h264.h264", [PEER_CODEC_AV1] = "av1.ivf",
};

uint32_t canned_ticks(enum peer_codec codec) {
    if (codec == PEER_CODEC_OPUS)
        return OPUS_FRAME_SAMPLES;
    return codec == PEER_CODEC_PCMU || codec == PEER_CODEC_PCMA ? PCM_FRAME_BYTES : 90u * CANNED_VIDEO_MS;
}

static bool add_frame(struct canned *canned, size_t offset, size_t length) {
    if (canned->count == CANNED_FRAME_MAX || length == 0)
        return false;
    canned->frames[canned->count++] = (struct canned_frame){.offset = offset, .length = length};
    return true;
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

static bool read_file(struct canned *canned, const char *folder, const char *name, size_t *length) {
    char path[1024];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    canned->bytes = malloc(FILE_MAX_BYTES);
    *length = canned->bytes ? fread(canned->bytes, 1, FILE_MAX_BYTES, file) : 0;
    (void)fclose(file);
    return *length > 0 && *length < FILE_MAX_BYTES;
}

static size_t little_endian(const uint8_t *bytes) {
    return (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
}

static bool split_ivf(struct canned *canned, size_t length) {
    if (length < IVF_HEADER_BYTES || memcmp(canned->bytes, "DKIF", 4) != 0)
        return false;
    for (size_t at = IVF_HEADER_BYTES; at < length;) {
        if (length - at < IVF_FRAME_HEADER_BYTES)
            return false;
        size_t size = little_endian(canned->bytes + at);
        at += IVF_FRAME_HEADER_BYTES;
        if (size > length - at || !add_frame(canned, at, size))
            return false;
        at += size;
    }
    return canned->count > 0;
}

/* An access unit goes from one delimiter to the next (ITU-T H.264 section 7.4.1.2.3, Annex B). */
static bool split_h264(struct canned *canned, size_t length) {
    size_t begin = SIZE_MAX;
    for (size_t at = 0; at + 4 < length; at++) {
        const uint8_t *b = canned->bytes + at;
        if (b[0] != 0 || b[1] != 0 || b[2] != 0 || b[3] != 1 || (b[4] & 0x1fu) != H264_NAL_DELIMITER)
            continue;
        if (begin != SIZE_MAX && !add_frame(canned, begin, at - begin))
            return false;
        begin = at;
    }
    return begin != SIZE_MAX && add_frame(canned, begin, length - begin);
}

static bool split_pcm(struct canned *canned, size_t length) {
    for (size_t at = 0; length - at >= PCM_FRAME_BYTES; at += PCM_FRAME_BYTES)
        if (!add_frame(canned, at, PCM_FRAME_BYTES))
            return false;
    return canned->count > 0;
}

static bool encode_tone(struct canned *canned) {
    struct media_error error;
    struct media_opus_encoder *encoder = media_opus_encoder_new(1, 32000, &error);
    canned->bytes = malloc(OPUS_FRAMES * (size_t)MEDIA_OPUS_MAX_PACKET_BYTES);
    bool is_good = encoder && canned->bytes;
    size_t at = 0;
    for (unsigned i = 0; is_good && i < OPUS_FRAMES; i++) {
        int16_t samples[OPUS_FRAME_SAMPLES];
        for (unsigned k = 0; k < OPUS_FRAME_SAMPLES; k++)
            samples[k] = (int16_t)(8000 * sin(2 * PI * TONE_HZ * (i * OPUS_FRAME_SAMPLES + k) / 48000));
        size_t length = media_opus_encode(encoder, samples, canned->bytes + at, &error);
        is_good = add_frame(canned, at, length);
        at += length;
    }
    media_opus_encoder_free(encoder);
    return is_good;
}

bool canned_load(struct canned *canned, const char *folder, enum peer_codec codec) {
    size_t length = 0;
    if (canned->count)
        return true;
    if (codec == PEER_CODEC_OPUS)
        return encode_tone(canned);
    if (!names[codec] || !read_file(canned, folder, names[codec], &length))
        return false;
    if (codec == PEER_CODEC_H264)
        return split_h264(canned, length);
    return canned_ticks(codec) == PCM_FRAME_BYTES ? split_pcm(canned, length) : split_ivf(canned, length);
}

void canned_free(struct canned *canned) {
    free(canned->bytes);
    *canned = (struct canned){0};
}
