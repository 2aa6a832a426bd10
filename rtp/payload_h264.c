/*
 * H.264, RFC 6184: single NAL unit packets, STAP-A and FU-A. The first byte of a payload has the form of a NAL unit header; its type says
 * which of them it is.
 *
 *      0 1 2 3 4 5 6 7
 *     +-+-+-+-+-+-+-+-+
 *     |F|NRI|  type   |    type 1..23: one NAL unit, this is its header
 *     +-+-+-+-+-+-+-+-+         24: STAP-A, then as often as it fits: 16 bits of size, a NAL unit of that size
 *                               28: FU-A, then the FU header and a piece of a NAL unit without its header:
 *     +-+-+-+-+-+-+-+-+
 *     |S|E|R|  type   |    S, E: its first, its last piece; type: the NAL unit's
 *     +-+-+-+-+-+-+-+-+
 *
 * The other side of it is Annex B of H.264: start codes before NAL units.
 */
#include <string.h>

#include "rtp/bytes_internal.h"
#include "rtp/payload_internal.h"

#define NAL_F 0x80u
#define NAL_NRI 0x60u
#define NAL_TYPE 0x1Fu
#define NAL_SLICE_IDR 5
#define NAL_SPS 7
#define NAL_UNIT_LAST 23
#define NAL_STAP_A 24
#define NAL_FU_A 28
#define NAL_RESERVED 30
#define FU_S 0x80u
#define FU_E 0x40u
#define FU_HEADER_BYTES 2 /* indicator and header */
#define STAP_SIZE_BYTES 2

static const uint8_t start_code[4] = {0, 0, 0, 1};

static bool is_unit(unsigned type) {
    return type >= 1 && type <= NAL_UNIT_LAST;
}

/* RFC 6184 section 5.4, MUST: NAL units of the types reserved for extensions are ignored, also aggregated and fragmented. */
static bool is_reserved(unsigned type) {
    return type == 0 || type >= NAL_RESERVED;
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

/*
 * Notes what a NAL unit says of its access unit; `rest` is what follows its header. An SPS is sent for an IDR picture. The first slice of
 * a picture has first_mb_in_slice 0, in Exp-Golomb a single bit 1: the other slices of an IDR picture cannot be its beginning.
 */
static void note_unit(struct rtp_payload *payload, unsigned type, const uint8_t *rest, size_t length) {
    if (type == NAL_SPS || (type == NAL_SLICE_IDR && length > 0 && (rest[0] & 0x80) != 0)) {
        payload->key_frame = true;
    }
}

/* What nothing of the same access unit is missed before: an SPS. */
static enum rtp_frame_start start_of(unsigned type) {
    return type == NAL_SPS ? RTP_FRAME_START_YES : RTP_FRAME_START_MAYBE;
}

/* RFC 6184 section 5.7, MUST: an aggregation packet holds neither another one nor a fragmentation unit. Section 5.7.1: it holds one NAL unit or more. */
static int parse_aggregate(const uint8_t *bytes, size_t length, struct rtp_payload *payload) {
    size_t at = 1;
    while (at < length) {
        if (length - at < STAP_SIZE_BYTES) {
            return RTP_ERROR_MALFORMED;
        }
        size_t size = rtp_load_u16(bytes + at);
        at += STAP_SIZE_BYTES;
        if (size == 0 || size > length - at) {
            return RTP_ERROR_MALFORMED;
        }
        unsigned type = bytes[at] & NAL_TYPE;
        if (!is_unit(type) && !is_reserved(type)) {
            return RTP_ERROR_MALFORMED;
        }
        if (payload->frame_start == RTP_FRAME_START_NO) {
            payload->frame_start = start_of(type);
        }
        note_unit(payload, type, bytes + at + 1, size - 1);
        at += size;
    }
    return payload->frame_start == RTP_FRAME_START_NO ? RTP_ERROR_MALFORMED : RTP_OK;
}

/* RFC 6184 section 5.8, MUST: what is fragmented is neither an aggregation nor a fragmentation unit. A piece may be empty; R is ignored. */
static int parse_fragment(const uint8_t *bytes, size_t length, struct rtp_payload *payload) {
    unsigned type = length < FU_HEADER_BYTES ? NAL_FU_A : bytes[1] & NAL_TYPE;
    if (is_reserved(type)) {
        payload->length = 0;
        return RTP_OK;
    }
    if (!is_unit(type)) {
        return RTP_ERROR_MALFORMED;
    }
    if ((bytes[1] & FU_S) != 0) {
        payload->frame_start = start_of(type);
        note_unit(payload, type, bytes + FU_HEADER_BYTES, length - FU_HEADER_BYTES);
    }
    return RTP_OK;
}

int rtp_payload_parse_h264(const uint8_t *bytes, size_t length, struct rtp_payload *out) {
    if (length == 0) {
        return RTP_ERROR_MALFORMED;
    }
    struct rtp_payload payload = {.bytes = bytes, .length = length};
    unsigned type = bytes[0] & NAL_TYPE;
    int error = RTP_OK;
    if (is_unit(type)) {
        payload.frame_start = start_of(type);
        note_unit(&payload, type, bytes + 1, length - 1);
    } else if (type == NAL_STAP_A) {
        error = parse_aggregate(bytes, length, &payload);
    } else if (type == NAL_FU_A) {
        error = parse_fragment(bytes, length, &payload);
    } else if (is_reserved(type)) {
        payload.length = 0;
    } else {
        /* RFC 6184 section 5.4: STAP-B, MTAP and FU-B belong to the interleaved mode, which we do not agree to. */
        error = RTP_ERROR_MALFORMED;
    }
    if (error == RTP_OK) {
        *out = payload;
    }
    return error;
}

static int append_unit(struct rtp_assembly *assembly, const uint8_t *bytes, size_t length) {
    /* RFC 6184 section 5.8, MUST: the pieces of a NAL unit follow each other. */
    if (assembly->unit_open) {
        return RTP_ERROR_MALFORMED;
    }
    if (is_reserved(bytes[0] & NAL_TYPE)) {
        return RTP_OK;
    }
    int error = rtp_payload_append_plain(assembly, start_code, sizeof start_code);
    return error != RTP_OK ? error : rtp_payload_append_plain(assembly, bytes, length);
}

static int append_fragment(struct rtp_assembly *assembly, const uint8_t *bytes, size_t length) {
    /* RFC 6184 section 5.8: the header of the NAL unit is that of the indicator with the type of the FU header. */
    uint8_t header = (uint8_t)((bytes[0] & (NAL_F | NAL_NRI)) | (bytes[1] & NAL_TYPE));
    bool begins = (bytes[1] & FU_S) != 0;
    if (begins == assembly->unit_open) {
        return RTP_ERROR_MALFORMED;
    }
    if (begins) {
        int error = append_unit(assembly, &header, 1);
        if (error != RTP_OK) {
            return error;
        }
        assembly->unit = assembly->length - 1;
    } else if ((assembly->bytes[assembly->unit] & NAL_TYPE) != (header & NAL_TYPE)) {
        return RTP_ERROR_MALFORMED;
    }
    /* RFC 6184 section 5.8 forbids S and E in one; some cameras send it, and its meaning is plain. */
    assembly->unit_open = (bytes[1] & FU_E) == 0;
    return rtp_payload_append_plain(assembly, bytes + FU_HEADER_BYTES, length - FU_HEADER_BYTES);
}

int rtp_payload_append_h264(struct rtp_assembly *assembly, const uint8_t *bytes, size_t length) {
    unsigned type = bytes[0] & NAL_TYPE;
    if (type == NAL_FU_A) {
        return append_fragment(assembly, bytes, length);
    }
    if (type != NAL_STAP_A) {
        return append_unit(assembly, bytes, length);
    }
    int error = RTP_OK;
    for (size_t at = 1; at < length && error == RTP_OK;) {
        size_t size = rtp_load_u16(bytes + at);
        error = append_unit(assembly, bytes + at + STAP_SIZE_BYTES, size);
        at += STAP_SIZE_BYTES + size;
    }
    return error;
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

/* Where the next start code begins (its three bytes 0 0 1), from `at` on; `length` when there is none. */
static size_t find_start_code(const uint8_t *bytes, size_t length, size_t at) {
    while (length - at >= 3) {
        /* The 1 ends it, and is rarer than the zeros. */
        const uint8_t *one = memchr(bytes + at + 2, 1, length - at - 2);
        if (one == NULL) {
            break;
        }
        if (one[-1] == 0 && one[-2] == 0) {
            return (size_t)(one - bytes) - 2;
        }
        at = (size_t)(one - bytes) - 1;
    }
    return length;
}

/* Stands on the next NAL unit from `at` on: offset and unit_end; offset is length when there is none. */
static void find_unit(struct rtp_packetizer *packetizer, size_t at) {
    const uint8_t *frame = packetizer->frame;
    packetizer->unit_begun = false;
    for (;;) {
        size_t code = find_start_code(frame, packetizer->length, at);
        if (code == packetizer->length) {
            packetizer->offset = packetizer->unit_end = packetizer->length;
            packetizer->unit_left = false;
            return;
        }
        size_t begin = code + 3;
        size_t end = find_start_code(frame, packetizer->length, begin);
        at = end;
        /* A NAL unit does not end with a zero byte: those behind it are padding or begin the next start code (H.264 section B.1). */
        while (end > begin && frame[end - 1] == 0) {
            end--;
        }
        if (end > begin) {
            packetizer->offset = begin;
            packetizer->unit_end = end;
            packetizer->unit_left = true;
            return;
        }
    }
}

/* Whether there is nothing but zeros before the first start code. */
static bool begins_with_code(const struct rtp_packetizer *packetizer) {
    size_t zeros = 0;
    while (zeros < packetizer->length && packetizer->frame[zeros] == 0) {
        zeros++;
    }
    return zeros >= 2 && zeros < packetizer->length && packetizer->frame[zeros] == 1;
}

int rtp_packetizer_start_h264(struct rtp_packetizer *packetizer) {
    if (!begins_with_code(packetizer)) {
        return RTP_ERROR_ARGUMENT;
    }
    find_unit(packetizer, 0);
    struct rtp_packetizer each = *packetizer;
    for (; each.unit_left; find_unit(&each, each.unit_end)) {
        /* RFC 6184 section 6.2, MUST: in packetization-mode 0 a NAL unit is a packet. Section 5.2: the types from 24 on are RTP's own. */
        bool fits = !each.state.single_nal_unit || each.unit_end - each.offset <= each.payload_max_bytes;
        if (!fits || !is_unit(each.frame[each.offset] & NAL_TYPE)) {
            return RTP_ERROR_ARGUMENT;
        }
    }
    return packetizer->unit_left ? RTP_OK : RTP_ERROR_ARGUMENT;
}

static size_t write_fragment(struct rtp_packetizer *packetizer, uint8_t *out) {
    bool begins = !packetizer->unit_begun;
    if (begins) {
        packetizer->unit_header[0] = packetizer->frame[packetizer->offset++];
        packetizer->unit_begun = true;
    }
    size_t share = rtp_payload_share(packetizer->unit_end - packetizer->offset, packetizer->payload_max_bytes - FU_HEADER_BYTES);
    bool ends = packetizer->offset + share == packetizer->unit_end;
    out[0] = (uint8_t)((packetizer->unit_header[0] & (NAL_F | NAL_NRI)) | NAL_FU_A);
    out[1] = (uint8_t)((begins ? FU_S : 0) | (ends ? FU_E : 0) | (packetizer->unit_header[0] & NAL_TYPE));
    memcpy(out + FU_HEADER_BYTES, packetizer->frame + packetizer->offset, share);
    packetizer->offset += share;
    if (ends) {
        find_unit(packetizer, packetizer->unit_end);
    }
    return FU_HEADER_BYTES + share;
}

/* Takes NAL units while they fit. RFC 6184 section 5.7: F is set when any has it, NRI is the greatest of them. */
static size_t write_aggregate(struct rtp_packetizer *packetizer, uint8_t *out) {
    size_t length = 1;
    unsigned f = 0, nri = 0;
    while (packetizer->unit_left) {
        const uint8_t *unit = packetizer->frame + packetizer->offset;
        size_t size = packetizer->unit_end - packetizer->offset;
        if (length + STAP_SIZE_BYTES + size > packetizer->payload_max_bytes) {
            break;
        }
        rtp_store_u16(out + length, (uint16_t)size);
        memcpy(out + length + STAP_SIZE_BYTES, unit, size);
        length += STAP_SIZE_BYTES + size;
        f |= unit[0] & NAL_F;
        nri = (unit[0] & NAL_NRI) > nri ? unit[0] & NAL_NRI : nri;
        find_unit(packetizer, packetizer->unit_end);
    }
    out[0] = (uint8_t)(f | nri | NAL_STAP_A);
    return length;
}

static size_t write_unit(struct rtp_packetizer *packetizer, uint8_t *out) {
    size_t size = packetizer->unit_end - packetizer->offset;
    memcpy(out, packetizer->frame + packetizer->offset, size);
    find_unit(packetizer, packetizer->unit_end);
    return size;
}

/* Whether this NAL unit and the one behind it fit into one STAP-A. */
static bool two_fit(const struct rtp_packetizer *packetizer) {
    struct rtp_packetizer behind = *packetizer;
    find_unit(&behind, packetizer->unit_end);
    size_t both = packetizer->unit_end - packetizer->offset + behind.unit_end - behind.offset;
    return behind.unit_left && 1 + 2 * STAP_SIZE_BYTES + both <= packetizer->payload_max_bytes;
}

size_t rtp_packetizer_next_h264(struct rtp_packetizer *packetizer, uint8_t *out, bool *last) {
    size_t length;
    if (packetizer->unit_begun || packetizer->unit_end - packetizer->offset > packetizer->payload_max_bytes) {
        length = write_fragment(packetizer, out);
    } else if (!packetizer->state.single_nal_unit && two_fit(packetizer)) {
        length = write_aggregate(packetizer, out);
    } else {
        length = write_unit(packetizer, out);
    }
    *last = !packetizer->unit_left;
    return length;
}
