/* The table of payload formats, what they share, and the trivial ones: audio, where one packet is one frame. */
#include "rtp/payload.h"

#include <string.h>

#include "rtp/payload_internal.h"

/* ---- audio ----------------------------------------------------------------------------------------------------------- */

/* RFC 6716 section 3.1: an Opus packet has at least its TOC byte. RFC 3551 section 4.5.14: a byte of PCMU or PCMA is one sample. */
static int parse_whole(const uint8_t *bytes, size_t length, struct rtp_payload *out) {
    if (length == 0) {
        return RTP_ERROR_MALFORMED;
    }
    *out = (struct rtp_payload){.bytes = bytes, .length = length, .frame_start = RTP_FRAME_START_YES, .key_frame = true};
    return RTP_OK;
}

static int start_whole(struct rtp_packetizer *packetizer) {
    return packetizer->length <= packetizer->payload_max_bytes ? RTP_OK : RTP_ERROR_ARGUMENT;
}

static size_t count_whole(const struct rtp_packetizer *packetizer) {
    (void)packetizer;
    return 1;
}

static size_t next_whole(struct rtp_packetizer *packetizer, uint8_t *out, bool *last) {
    memcpy(out, packetizer->frame, packetizer->length);
    *last = true;
    return packetizer->length;
}

/* ---- what the formats share ------------------------------------------------------------------------------------------ */

int rtp_packetizer_start_any(struct rtp_packetizer *packetizer) {
    (void)packetizer;
    return RTP_OK;
}

int rtp_payload_append_plain(struct rtp_assembly *assembly, const uint8_t *bytes, size_t length) {
    if (length > assembly->capacity - assembly->length) {
        return RTP_ERROR_CAPACITY;
    }
    if (length > 0) {
        memcpy(assembly->bytes + assembly->length, bytes, length);
    }
    assembly->length += length;
    return RTP_OK;
}

size_t rtp_payload_shares(size_t left, size_t room) {
    return (left - 1) / room + 1;
}

size_t rtp_payload_share(size_t left, size_t room) {
    size_t packets = rtp_payload_shares(left, room);
    return (left - 1) / packets + 1;
}

/* ---- the table ------------------------------------------------------------------------------------------------------- */

static const struct rtp_payload_format formats[RTP_CODEC_COUNT] = {
    /* RFC 7587 section 4.1, MUST: the clock of Opus is 48,000 Hz, whatever it was sampled at. */
    [RTP_CODEC_OPUS] = {RTP_CODEC_OPUS, "opus", 48000, false, false, parse_whole, rtp_payload_append_plain, start_whole, count_whole, next_whole},
    [RTP_CODEC_PCMU] = {RTP_CODEC_PCMU, "PCMU", 8000, false, false, parse_whole, rtp_payload_append_plain, start_whole, count_whole, next_whole},
    [RTP_CODEC_PCMA] = {RTP_CODEC_PCMA, "PCMA", 8000, false, false, parse_whole, rtp_payload_append_plain, start_whole, count_whole, next_whole},
    [RTP_CODEC_TELEPHONE_EVENT] = {RTP_CODEC_TELEPHONE_EVENT, "telephone-event", 8000, false, false, parse_whole,
                                   rtp_payload_append_plain, start_whole, count_whole, next_whole},
    [RTP_CODEC_VP8] = {RTP_CODEC_VP8, "VP8", 90000, true, true, rtp_payload_parse_vp8, rtp_payload_append_plain,
                       rtp_packetizer_start_any, rtp_packetizer_count_vp8, rtp_packetizer_next_vp8},
    [RTP_CODEC_VP9] = {RTP_CODEC_VP9, "VP9", 90000, true, true, rtp_payload_parse_vp9, rtp_payload_append_plain,
                       rtp_packetizer_start_vp9, rtp_packetizer_count_vp9, rtp_packetizer_next_vp9},
    [RTP_CODEC_H264] = {RTP_CODEC_H264, "H264", 90000, true, false, rtp_payload_parse_h264, rtp_payload_append_h264,
                        rtp_packetizer_start_h264, NULL, rtp_packetizer_next_h264},
    [RTP_CODEC_AV1] = {RTP_CODEC_AV1, "AV1", 90000, true, true, rtp_payload_parse_av1, rtp_payload_append_av1,
                       rtp_packetizer_start_av1, NULL, rtp_packetizer_next_av1},
};

const struct rtp_payload_format *rtp_payload_format(enum rtp_codec codec) {
    return (unsigned)codec < RTP_CODEC_COUNT ? &formats[codec] : NULL;
}

/* ---- cutting --------------------------------------------------------------------------------------------------------- */

int rtp_packetizer_start(struct rtp_packetizer *packetizer, const struct rtp_payload_format *format, const struct rtp_payload_state *state,
                         const uint8_t *frame, size_t length, size_t payload_max_bytes) {
    if (frame == NULL || length == 0 || payload_max_bytes < RTP_PAYLOAD_MIN_BYTES || payload_max_bytes > RTP_PAYLOAD_MAX_BYTES) {
        return RTP_ERROR_ARGUMENT;
    }
    *packetizer = (struct rtp_packetizer){.format = format, .state = *state, .frame = frame, .length = length, .payload_max_bytes = payload_max_bytes};
    return format->start(packetizer);
}

size_t rtp_packetizer_next(struct rtp_packetizer *packetizer, uint8_t *out, bool *last) {
    return packetizer->format->next(packetizer, out, last);
}

size_t rtp_packetizer_count(const struct rtp_packetizer *packetizer) {
    if (packetizer->format->count != NULL) {
        return packetizer->format->count(packetizer);
    }
    struct rtp_packetizer copy = *packetizer;
    uint8_t scratch[RTP_PAYLOAD_MAX_BYTES];
    size_t count = 0;
    for (bool last = false; !last; count++) {
        copy.format->next(&copy, scratch, &last);
    }
    return count;
}

void rtp_payload_next_frame(struct rtp_payload_state *state) {
    state->picture_id = (uint16_t)((state->picture_id + 1) & 0x7FFF);
}
