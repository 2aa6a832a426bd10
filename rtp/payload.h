/*
 * Payload formats: how a frame becomes packets, and packets a frame again. Pure functions behind one table; what they remember lies in
 * the caller's structures, and another codec is another row.
 *
 *   codec                           a frame, going in and coming out
 *   Opus, PCMU, PCMA                one packet (RFC 7587, RFC 3551 section 4.5.14)
 *   telephone-event                 one packet of events (RFC 4733)
 *   VP8 (RFC 7741)                  one frame as the codec makes it, as IVF has it
 *   VP9 (RFC 9628)                  one frame or superframe, as IVF has it; the spatial layers of a picture come out one behind the other
 *   H264 (RFC 6184)                 one access unit in Annex B: start codes of 3 or 4 bytes going in, of 4 bytes coming out
 *   AV1 (AOM RTP payload format)    one temporal unit in the low-overhead format, as IVF has it: going in, only the last OBU may lack its
 *                                   size; coming out, all have it, and the first is a temporal delimiter
 */
#ifndef RTP_PAYLOAD_H
#define RTP_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp/error.h"

enum rtp_codec {
    RTP_CODEC_OPUS,
    RTP_CODEC_PCMU,
    RTP_CODEC_PCMA,
    RTP_CODEC_TELEPHONE_EVENT,
    RTP_CODEC_VP8,
    RTP_CODEC_VP9,
    RTP_CODEC_H264,
    RTP_CODEC_AV1
};
#define RTP_CODEC_COUNT 8

/* Whether a frame begins with a packet. MAYBE: if the packet before ended one (RTP_FRAME_START_NO: surely not). */
enum rtp_frame_start { RTP_FRAME_START_NO, RTP_FRAME_START_YES, RTP_FRAME_START_MAYBE };

/* What one packet's payload says. Views. */
struct rtp_payload {
    const uint8_t *bytes; /* what append takes: the codec's bytes, descriptor removed; of H264 and AV1 the whole payload */
    size_t length;
    enum rtp_frame_start frame_start;
    bool key_frame; /* decoding may begin with the frame of this packet. False in its further packets, or when it cannot be seen here */
    bool has_picture_id;
    uint16_t picture_id;      /* 7 or 15 bits */
    uint16_t picture_id_mask; /* 0x7F or 0x7FFF */
};

/*
 * What a sender remembers from frame to frame. Zeroed, but for
 * picture_id        begins at random, 15 bits
 * single_nal_unit   H264: packetization-mode 0 was agreed; else it is 1 (RFC 6184 section 6)
 */
struct rtp_payload_state {
    uint16_t picture_id;
    bool single_nal_unit;
};

/* A frame being cut into packets. Views the frame; start again for the next. */
struct rtp_packetizer {
    const struct rtp_payload_format *format;
    struct rtp_payload_state state;
    const uint8_t *frame;
    size_t length;
    size_t payload_max_bytes;
    size_t offset;       /* what is before it has been written */
    size_t unit_end;     /* H264, AV1: end of the NAL unit or OBU that offset is in */
    bool unit_left;      /* there is one */
    bool unit_begun;     /* its header has been written: */
    uint8_t unit_header[2];
    size_t unit_header_bytes;
    bool key_frame;      /* VP9, AV1: as the frame's own header says; AV1: and its first packet is still to come */
};

/* A frame being put together, in the caller's memory. Zeroed, but for bytes and capacity. */
struct rtp_assembly {
    uint8_t *bytes;
    size_t capacity;
    size_t length;
    size_t unit;    /* H264, AV1: where the NAL unit or OBU begins that the last packet left unfinished */
    bool unit_open; /* there is one */
};

/* One row of the table: what the codec is called, and how its packets are read, joined and made. */
struct rtp_payload_format {
    enum rtp_codec codec;
    const char *name; /* as in a=rtpmap */
    uint32_t clock_rate_hz;
    bool video;        /* frames of several packets, key frames, a marker on the last packet */
    bool single_start; /* a frame has one packet with RTP_FRAME_START_YES, its first */
    /* Parses one packet's payload. RTP_OK; RTP_ERROR_MALFORMED: drop it, *out is as it was. */
    int (*parse)(const uint8_t *bytes, size_t length, struct rtp_payload *out);
    /*
     * Puts a packet's payload, as parse returned it, behind what is assembled of its frame. RTP_OK; RTP_ERROR_MALFORMED: it does not
     * continue what is there; RTP_ERROR_CAPACITY. After an error the frame is lost. A frame that ends with unit_open set is not whole.
     */
    int (*append)(struct rtp_assembly *assembly, const uint8_t *bytes, size_t length);
    /* What rtp_packetizer_start, _count and _next call. count NULL: it is not known before they are made. */
    int (*start)(struct rtp_packetizer *packetizer);
    size_t (*count)(const struct rtp_packetizer *packetizer);
    size_t (*next)(struct rtp_packetizer *packetizer, uint8_t *out, bool *last);
};

/* NULL when codec is out of range. */
const struct rtp_payload_format *rtp_payload_format(enum rtp_codec codec);

/*
 * Begins to cut a frame into payloads of at most payload_max_bytes, which is RTP_PAYLOAD_MIN_BYTES or more. state: copied.
 * RTP_OK; RTP_ERROR_ARGUMENT: empty, not a frame of this codec, or too big for one packet where a packet must hold it (audio; in
 * packetization-mode 0 of H264, a NAL unit).
 */
int rtp_packetizer_start(struct rtp_packetizer *packetizer, const struct rtp_payload_format *format, const struct rtp_payload_state *state,
                         const uint8_t *frame, size_t length, size_t payload_max_bytes);
/* How many payloads are still to come. */
size_t rtp_packetizer_count(const struct rtp_packetizer *packetizer);
/* Writes the next payload to `out`, which has payload_max_bytes, and says whether it is the last. Returns its length, never 0. */
size_t rtp_packetizer_next(struct rtp_packetizer *packetizer, uint8_t *out, bool *last);
/* The frame's packets are made: on to the next frame. */
void rtp_payload_next_frame(struct rtp_payload_state *state);

#define RTP_PAYLOAD_MIN_BYTES 64
#define RTP_PAYLOAD_MAX_BYTES 1400

#endif
