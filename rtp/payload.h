/*
 * Payload formats: how a frame becomes packets, and packets a frame again. Opus (RFC 7587), VP8 (RFC 7741).
 * Pure functions behind one table; another codec is another row.
 */
#ifndef RTP_PAYLOAD_H
#define RTP_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp/error.h"

enum rtp_codec { RTP_CODEC_OPUS, RTP_CODEC_VP8 };
#define RTP_CODEC_COUNT 2

/* What one packet's payload says. Views. */
struct rtp_payload {
    const uint8_t *bytes; /* the codec's bytes, descriptor removed */
    size_t length;
    bool frame_start; /* the first packet of a frame */
    bool key_frame;   /* known in the packet that starts a frame */
    bool has_picture_id;
    uint16_t picture_id;      /* 7 or 15 bits */
    uint16_t picture_id_mask; /* 0x7F or 0x7FFF */
};

/* What a sender remembers from frame to frame. Zeroed, but for picture_id, which begins at random. */
struct rtp_payload_state {
    uint16_t picture_id;
};

struct rtp_payload_format {
    enum rtp_codec codec;
    const char *name;        /* as in a=rtpmap */
    uint32_t clock_rate_hz;
    bool video;              /* frames of several packets, key frames, a marker on the last packet */
    bool splits;             /* a frame may be cut into packets */
    /* Parses one payload. RTP_OK or RTP_ERROR_MALFORMED. */
    int (*parse)(const uint8_t *bytes, size_t length, struct rtp_payload *out);
    /* Bytes of descriptor that write_descriptor puts before the codec's bytes: constant for a format. */
    size_t descriptor_bytes;
    void (*write_descriptor)(const struct rtp_payload_state *state, bool frame_start, uint8_t *bytes);
    void (*next_frame)(struct rtp_payload_state *state);
};

/* NULL when codec is out of range. */
const struct rtp_payload_format *rtp_payload_format(enum rtp_codec codec);

int rtp_payload_parse_opus(const uint8_t *bytes, size_t length, struct rtp_payload *out);
int rtp_payload_parse_vp8(const uint8_t *bytes, size_t length, struct rtp_payload *out);
#define RTP_VP8_DESCRIPTOR_BYTES 4
void rtp_payload_write_vp8_descriptor(const struct rtp_payload_state *state, bool frame_start, uint8_t *bytes);

#endif
