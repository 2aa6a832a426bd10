/*
 * The VP8 payload descriptor, RFC 7741 section 4.2.
 *
 *       0 1 2 3 4 5 6 7
 *      +-+-+-+-+-+-+-+-+
 *      |X|R|N|S|R| PID |   S: start of partition PID
 *      +-+-+-+-+-+-+-+-+
 *   X: |I|L|T|K| RSV   |
 *      +-+-+-+-+-+-+-+-+
 *   I: |M| PictureID   |   7 bits, or with M 15 bits in two bytes
 *      +-+-+-+-+-+-+-+-+
 *   L: |   TL0PICIDX   |
 *      +-+-+-+-+-+-+-+-+
 * T/K: |TID|Y| KEYIDX  |
 *      +-+-+-+-+-+-+-+-+
 */
#include <string.h>

#include "rtp/bytes_internal.h"
#include "rtp/payload_internal.h"

#define DESCRIPTOR_X 0x80u
#define DESCRIPTOR_S 0x10u
#define DESCRIPTOR_PID 0x07u
#define EXTENSION_I 0x80u
#define EXTENSION_L 0x40u
#define EXTENSION_T 0x20u
#define EXTENSION_K 0x10u
#define PICTURE_ID_M 0x80u
#define DESCRIPTOR_BYTES 4 /* of those we write: X, I, 15 bits of PictureID */

/* The optional bytes behind the first. Returns their number, or 0 when they run past the end. */
static size_t parse_optional(const uint8_t *bytes, size_t length, struct rtp_payload *out) {
    if (length < 1) {
        return 0;
    }
    size_t at = 1;
    if ((bytes[0] & EXTENSION_I) != 0) {
        if (at >= length) {
            return 0;
        }
        bool wide = (bytes[at] & PICTURE_ID_M) != 0;
        if (wide && length - at < 2) {
            return 0;
        }
        out->has_picture_id = true;
        out->picture_id_mask = wide ? 0x7FFF : 0x7F;
        out->picture_id = wide ? rtp_load_u16(bytes + at) & 0x7FFF : bytes[at];
        at += wide ? 2 : 1;
    }
    at += (bytes[0] & EXTENSION_L) != 0 ? 1 : 0;
    at += (bytes[0] & (EXTENSION_T | EXTENSION_K)) != 0 ? 1 : 0;
    return at <= length ? at : 0;
}

int rtp_payload_parse_vp8(const uint8_t *bytes, size_t length, struct rtp_payload *out) {
    if (length < 1) {
        return RTP_ERROR_MALFORMED;
    }
    struct rtp_payload payload = {0};
    size_t at = 1;
    if ((bytes[0] & DESCRIPTOR_X) != 0) {
        size_t optional = parse_optional(bytes + 1, length - 1, &payload);
        if (optional == 0) {
            return RTP_ERROR_MALFORMED;
        }
        at += optional;
    }
    /* RFC 7741 section 4.4: a descriptor is followed by at least one byte of VP8. */
    if (at >= length) {
        return RTP_ERROR_MALFORMED;
    }
    payload.bytes = bytes + at;
    payload.length = length - at;
    /* RFC 7741 section 4.2: S with partition 0 begins a frame. Section 4.3: its first byte holds the inverse key frame flag. */
    bool starts = (bytes[0] & DESCRIPTOR_S) != 0 && (bytes[0] & DESCRIPTOR_PID) == 0;
    payload.frame_start = starts ? RTP_FRAME_START_YES : RTP_FRAME_START_NO;
    payload.key_frame = starts && (payload.bytes[0] & 1) == 0;
    *out = payload;
    return RTP_OK;
}

size_t rtp_packetizer_count_vp8(const struct rtp_packetizer *packetizer) {
    return rtp_payload_shares(packetizer->length - packetizer->offset, packetizer->payload_max_bytes - DESCRIPTOR_BYTES);
}

size_t rtp_packetizer_next_vp8(struct rtp_packetizer *packetizer, uint8_t *out, bool *last) {
    /* RFC 7741 section 4.4: a frame may be cut anywhere. All packets of ours say partition 0, only the first has S. */
    size_t share = rtp_payload_share(packetizer->length - packetizer->offset, packetizer->payload_max_bytes - DESCRIPTOR_BYTES);
    out[0] = (uint8_t)(DESCRIPTOR_X | (packetizer->offset == 0 ? DESCRIPTOR_S : 0));
    out[1] = EXTENSION_I;
    rtp_store_u16(out + 2, (uint16_t)(PICTURE_ID_M << 8 | (packetizer->state.picture_id & 0x7FFF)));
    memcpy(out + DESCRIPTOR_BYTES, packetizer->frame + packetizer->offset, share);
    packetizer->offset += share;
    *last = packetizer->offset == packetizer->length;
    return DESCRIPTOR_BYTES + share;
}
