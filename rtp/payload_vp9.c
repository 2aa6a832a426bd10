/*
 * The VP9 payload descriptor, RFC 9628 section 4.2.
 *
 *        0 1 2 3 4 5 6 7
 *       +-+-+-+-+-+-+-+-+
 *       |I|P|L|F|B|E|V|Z|   P: predicted from other pictures; F: flexible mode; B, E: a layer's frame begins, ends
 *       +-+-+-+-+-+-+-+-+
 *   I:  |M| PICTURE ID  |   7 bits, or with M 15 bits in two bytes
 *       +-+-+-+-+-+-+-+-+
 *   L:  | TID |U| SID |D|   temporal and spatial layer; D: predicted from the layer below
 *       +-+-+-+-+-+-+-+-+
 *       |   TL0PICIDX   |   only with L, without F
 *       +-+-+-+-+-+-+-+-+
 * P,F:  |   P_DIFF    |N|   up to three, while N
 *       +-+-+-+-+-+-+-+-+
 *   V:  |      SS       |   the scalability structure, section 4.2.1
 *       +-+-+-+-+-+-+-+-+
 */
#include <string.h>

#include "rtp/bytes_internal.h"
#include "rtp/payload_internal.h"

#define DESCRIPTOR_I 0x80u
#define DESCRIPTOR_P 0x40u
#define DESCRIPTOR_L 0x20u
#define DESCRIPTOR_F 0x10u
#define DESCRIPTOR_B 0x08u
#define DESCRIPTOR_E 0x04u
#define DESCRIPTOR_V 0x02u
#define PICTURE_ID_M 0x80u
#define LAYER_D 0x01u
#define P_DIFF_N 0x01u
#define P_DIFF_MAX 3
#define SS_Y 0x10u
#define SS_G 0x08u
#define DESCRIPTOR_MAX_BYTES 4 /* of those we write: I with 15 bits, and one P_DIFF */

/*
 * The uncompressed header of VP9 (bitstream specification section 6.2): two bits 10, the profile's two bits, the low one first, with
 * profile 3 a bit more, then show_existing_frame, and frame_type, which is 0 in a key frame.
 */
static bool is_frame(unsigned first) {
    return first >> 6 == 2;
}

static bool is_key_frame(unsigned first) {
    unsigned flags = (first & 0x30) == 0x30 ? first << 1 : first;
    return is_frame(first) && (flags & 0x0C) == 0;
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

/* Bytes of a descriptor, taken one by one; `at` beyond `length` says that one was missing. */
struct cursor {
    const uint8_t *bytes;
    size_t length;
    size_t at;
};

static unsigned take(struct cursor *cursor) {
    unsigned byte = cursor->at < cursor->length ? cursor->bytes[cursor->at] : 0;
    cursor->at++;
    return byte;
}

static void take_picture_id(struct cursor *cursor, struct rtp_payload *out) {
    unsigned first = take(cursor);
    bool wide = (first & PICTURE_ID_M) != 0;
    out->has_picture_id = true;
    out->picture_id_mask = wide ? 0x7FFF : 0x7F;
    out->picture_id = (uint16_t)(wide ? (first & 0x7F) << 8 | take(cursor) : first);
}

/*
 * RFC 9628 section 4.2.1: what it says is for those who choose layers; here it is only passed over.
 *      | N_S |Y|G|-|-|-|   N_S + 1 layers; with Y the size of each in four bytes
 *   G: |      N_G      |   pictures in a group, each:
 *      | TID |U| R |-|-|   and R times P_DIFF
 */
static void skip_scalability_structure(struct cursor *cursor) {
    unsigned first = take(cursor);
    if ((first & SS_Y) != 0) {
        cursor->at += 4 * ((size_t)(first >> 5) + 1);
    }
    if ((first & SS_G) != 0) {
        for (unsigned pictures = take(cursor); pictures > 0; pictures--) {
            cursor->at += take(cursor) >> 2 & 3;
        }
    }
}

/* Whether the list ends after at most three. */
static bool skip_references(struct cursor *cursor) {
    for (int i = 0; i < P_DIFF_MAX; i++) {
        if ((take(cursor) & P_DIFF_N) == 0) {
            return true;
        }
    }
    return false;
}

int rtp_payload_parse_vp9(const uint8_t *bytes, size_t length, struct rtp_payload *out) {
    struct cursor cursor = {.bytes = bytes, .length = length};
    struct rtp_payload payload = {0};
    unsigned first = take(&cursor);
    unsigned layer = 0;
    if ((first & DESCRIPTOR_I) != 0) {
        take_picture_id(&cursor, &payload);
    }
    if ((first & DESCRIPTOR_L) != 0) {
        layer = take(&cursor);
        cursor.at += (first & DESCRIPTOR_F) == 0 ? 1 : 0;
    }
    /* RFC 9628 section 4.2, MUST: in flexible mode up to three P_DIFF say what a picture is predicted from. */
    if ((first & DESCRIPTOR_P) != 0 && (first & DESCRIPTOR_F) != 0 && !skip_references(&cursor)) {
        return RTP_ERROR_MALFORMED;
    }
    if ((first & DESCRIPTOR_V) != 0) {
        skip_scalability_structure(&cursor);
    }
    /* RFC 9628 section 4.3: behind the descriptor is a piece of a frame. */
    if (cursor.at >= length) {
        return RTP_ERROR_MALFORMED;
    }
    payload.bytes = bytes + cursor.at;
    payload.length = length - cursor.at;
    /* RFC 9628 section 4.2: B begins the frame of one spatial layer; that of the lowest begins the picture, unless that one was not sent. */
    bool begins = (first & DESCRIPTOR_B) != 0;
    payload.frame_start = !begins ? RTP_FRAME_START_NO : (layer >> 1 & 7) == 0 ? RTP_FRAME_START_YES : RTP_FRAME_START_MAYBE;
    /* RFC 9628 section 4.2: without P and D it is predicted from nothing. That may still be an intra-only frame: the codec's header decides. */
    payload.key_frame = begins && (first & DESCRIPTOR_P) == 0 && (layer & LAYER_D) == 0 && is_key_frame(payload.bytes[0]);
    *out = payload;
    return RTP_OK;
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

int rtp_packetizer_start_vp9(struct rtp_packetizer *packetizer) {
    packetizer->key_frame = is_key_frame(packetizer->frame[0]);
    return is_frame(packetizer->frame[0]) ? RTP_OK : RTP_ERROR_ARGUMENT;
}

size_t rtp_packetizer_count_vp9(const struct rtp_packetizer *packetizer) {
    return rtp_payload_shares(packetizer->length - packetizer->offset, packetizer->payload_max_bytes - DESCRIPTOR_MAX_BYTES);
}

size_t rtp_packetizer_next_vp9(struct rtp_packetizer *packetizer, uint8_t *out, bool *last) {
    size_t share = rtp_payload_share(packetizer->length - packetizer->offset, packetizer->payload_max_bytes - DESCRIPTOR_MAX_BYTES);
    bool first = packetizer->offset == 0;
    *last = packetizer->offset + share == packetizer->length;
    /* RFC 9628 section 4.2, MUST: flexible mode says the picture id, and with P from where the picture is predicted: the one before. */
    out[0] = (uint8_t)(DESCRIPTOR_I | DESCRIPTOR_F | (packetizer->key_frame ? 0 : DESCRIPTOR_P) | (first ? DESCRIPTOR_B : 0) | (*last ? DESCRIPTOR_E : 0));
    rtp_store_u16(out + 1, (uint16_t)(PICTURE_ID_M << 8 | (packetizer->state.picture_id & 0x7FFF)));
    size_t at = 3;
    if (!packetizer->key_frame) {
        out[at++] = 1 << 1;
    }
    memcpy(out + at, packetizer->frame + packetizer->offset, share);
    packetizer->offset += share;
    return at + share;
}
