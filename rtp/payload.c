/* The table of payload formats, and the trivial one: Opus, RFC 7587 section 4.2, one packet is one frame. */
#include "rtp/payload.h"

#include "rtp/payload_internal.h"

int rtp_payload_parse_opus(const uint8_t *bytes, size_t length, struct rtp_payload *out) {
    /* RFC 6716 section 3.1: an Opus packet has at least its TOC byte. */
    if (length == 0) {
        return RTP_ERROR_MALFORMED;
    }
    *out = (struct rtp_payload){.bytes = bytes, .length = length, .frame_start = true, .key_frame = true};
    return RTP_OK;
}

static void write_nothing(const struct rtp_payload_state *state, bool frame_start, uint8_t *bytes) {
    (void)state;
    (void)frame_start;
    (void)bytes;
}

static void next_nothing(struct rtp_payload_state *state) {
    (void)state;
}

static const struct rtp_payload_format formats[RTP_CODEC_COUNT] = {
    /* RFC 7587 section 4.1, MUST: the clock of Opus is 48,000 Hz, whatever it was sampled at. */
    [RTP_CODEC_OPUS] = {RTP_CODEC_OPUS, "opus", 48000, false, false, rtp_payload_parse_opus, 0, write_nothing, next_nothing},
    [RTP_CODEC_VP8] = {RTP_CODEC_VP8, "VP8", 90000, true, true, rtp_payload_parse_vp8, RTP_VP8_DESCRIPTOR_BYTES,
                       rtp_payload_write_vp8_descriptor, rtp_payload_next_vp8_frame},
};

const struct rtp_payload_format *rtp_payload_format(enum rtp_codec codec) {
    return (unsigned)codec < RTP_CODEC_COUNT ? &formats[codec] : NULL;
}
