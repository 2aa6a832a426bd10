/*
 * The header of an OBU, AV1 bitstream specification section 5.3.2.
 *
 *      0 1 2 3 4 5 6 7
 *     +-+-+-+-+-+-+-+-+
 *     |0| type  |X|S|0|    X: an extension follows, S: a size
 *     +-+-+-+-+-+-+-+-+
 *  X: | TID |SID|0 0 0|
 *     +-+-+-+-+-+-+-+-+
 *  S: |     size      |    leb128: seven bits a byte, the lowest first, the top bit says that more follow
 *     +-+-+-+-+-+-+-+-+
 */
#include "rtp/obu_internal.h"

#define OBU_FORBIDDEN 0x80u
#define OBU_EXTENSION 0x04u
#define SHOWN_KEY_FRAME 0x10u       /* show_existing_frame 0, frame_type 0 of two bits, show_frame 1 */
#define SHOWN_KEY_FRAME_MASK 0xF0u
#define REDUCED_STILL_PICTURE 0x08u /* behind seq_profile and still_picture */

size_t rtp_leb128_read(const uint8_t *bytes, size_t length, uint32_t *value) {
    uint64_t sum = 0;
    for (size_t i = 0; i < length && i < RTP_LEB128_MAX_BYTES; i++) {
        sum |= (uint64_t)(bytes[i] & 0x7F) << (7 * i);
        if ((bytes[i] & 0x80) == 0) {
            /* AV1 bitstream specification section 4.10.5, MUST: at most 32 bits, in at most 8 bytes. */
            *value = (uint32_t)sum;
            return sum > UINT32_MAX ? 0 : i + 1;
        }
    }
    return 0;
}

size_t rtp_leb128_bytes(uint32_t value) {
    size_t count = 1;
    while ((value >>= 7) != 0) {
        count++;
    }
    return count;
}

size_t rtp_leb128_write(uint32_t value, uint8_t *out) {
    size_t count = rtp_leb128_bytes(value);
    for (size_t i = 0; i < count; i++, value >>= 7) {
        out[i] = (uint8_t)((value & 0x7F) | (i + 1 < count ? 0x80 : 0));
    }
    return count;
}

bool rtp_obu_read(const uint8_t *bytes, size_t length, struct rtp_obu *out) {
    if (length < 1 || (bytes[0] & OBU_FORBIDDEN) != 0) {
        return false;
    }
    bool extension = (bytes[0] & OBU_EXTENSION) != 0;
    struct rtp_obu obu = {
        .type = bytes[0] >> 3 & 15, .layer = RTP_OBU_NO_LAYER, .has_size = (bytes[0] & RTP_OBU_HAS_SIZE) != 0, .header_bytes = extension ? 2 : 1};
    if (length < obu.header_bytes) {
        return false;
    }
    if (extension) {
        obu.layer = bytes[1] >> 3;
    }
    size_t at = obu.header_bytes;
    obu.payload_bytes = length - at;
    if (obu.has_size) {
        uint32_t size;
        size_t size_bytes = rtp_leb128_read(bytes + at, length - at, &size);
        if (size_bytes == 0) {
            return false;
        }
        at += size_bytes;
        obu.payload_bytes = size;
    }
    obu.payload = bytes + at;
    *out = obu;
    return true;
}

void rtp_obu_note(struct rtp_obu_sequence *sequence, const struct rtp_obu *obu) {
    unsigned first = obu->payload_bytes > 0 ? obu->payload[0] : 0;
    if (sequence->frame_header) {
        return;
    }
    if (obu->type == RTP_OBU_SEQUENCE_HEADER) {
        sequence->sequence_header = true;
        sequence->reduced_still_picture = (first & REDUCED_STILL_PICTURE) != 0;
    } else if (obu->type == RTP_OBU_FRAME_HEADER || obu->type == RTP_OBU_FRAME) {
        sequence->frame_header = true;
        sequence->key_frame = sequence->sequence_header && (sequence->reduced_still_picture || (first & SHOWN_KEY_FRAME_MASK) == SHOWN_KEY_FRAME);
    }
}
