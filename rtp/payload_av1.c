/*
 * AV1, the RTP payload format of the Alliance for Open Media, version 1.0.0, section 4.4: an aggregation header, then OBU elements.
 *
 *      0 1 2 3 4 5 6 7
 *     +-+-+-+-+-+-+-+-+   Z: the first element goes on with an OBU of the packet before, Y: the last one goes on in the next packet
 *     |Z|Y| W |N|-|-|-|   W: how many elements; 0: it is not said, and each has its length (leb128) before it; else all but the last
 *     +-+-+-+-+-+-+-+-+   N: a coded video sequence begins
 *
 * The other side of it is the low-overhead format (AV1 bitstream specification section 5.2): OBUs that have their sizes.
 */
#include <string.h>

#include "rtp/obu_internal.h"
#include "rtp/payload_internal.h"

#define HEADER_Z 0x80u
#define HEADER_Y 0x40u
#define HEADER_W 0x30u
#define HEADER_W_SHIFT 4
#define HEADER_N 0x08u
#define HEADER_BYTES 1
#define ELEMENTS_MAX 3      /* of a packet we write, so that W can say it */
#define ELEMENT_MIN_BYTES 8 /* less room is left empty */

static const uint8_t temporal_delimiter[2] = {RTP_OBU_TEMPORAL_DELIMITER << 3 | RTP_OBU_HAS_SIZE, 0};

/* ---- in -------------------------------------------------------------------------------------------------------------- */

/* The elements of one packet, one by one. */
struct elements {
    const uint8_t *bytes;
    size_t length;
    size_t at;
    unsigned count, index; /* count 0: until the end */
};

static struct elements elements_of(const uint8_t *bytes, size_t length) {
    return (struct elements){.bytes = bytes, .length = length, .at = HEADER_BYTES, .count = (bytes[0] & HEADER_W) >> HEADER_W_SHIFT};
}

/* Takes the next element. False behind the last, or when the lengths are wrong: then `at` is not the end. */
static bool next_element(struct elements *elements, const uint8_t **element, size_t *size) {
    size_t left = elements->length - elements->at;
    if (left == 0 || (elements->count != 0 && elements->index == elements->count)) {
        return false;
    }
    elements->index++;
    uint32_t said = (uint32_t)left;
    size_t size_bytes = 0;
    if (elements->index != elements->count) {
        size_bytes = rtp_leb128_read(elements->bytes + elements->at, left, &said);
        if (size_bytes == 0) {
            return false;
        }
    }
    if (said == 0 || said > left - size_bytes) {
        return false;
    }
    *element = elements->bytes + elements->at + size_bytes;
    *size = said;
    elements->at += size_bytes + said;
    return true;
}

int rtp_payload_parse_av1(const uint8_t *bytes, size_t length, struct rtp_payload *out) {
    /* AV1 RTP section 4.4: a packet whose first element is a continuation cannot begin a coded video sequence. */
    if (length <= HEADER_BYTES || (bytes[0] & (HEADER_Z | HEADER_N)) == (HEADER_Z | HEADER_N)) {
        return RTP_ERROR_MALFORMED;
    }
    struct elements elements = elements_of(bytes, length);
    struct rtp_obu_sequence sequence = {0};
    const uint8_t *element;
    size_t size;
    while (next_element(&elements, &element, &size)) {
        struct rtp_obu obu;
        bool begins_obu = elements.index > 1 || (bytes[0] & HEADER_Z) == 0;
        if (begins_obu && rtp_obu_read(element, size, &obu) && obu.payload < element + size) {
            rtp_obu_note(&sequence, &obu);
        }
    }
    /* AV1 RTP section 4.4, MUST: W is the number of elements, or 0. */
    if (elements.at != length || (elements.count != 0 && elements.index != elements.count)) {
        return RTP_ERROR_MALFORMED;
    }
    bool begins_sequence = (bytes[0] & HEADER_N) != 0;
    *out = (struct rtp_payload){
        .bytes = bytes,
        .length = length,
        .frame_start = begins_sequence ? RTP_FRAME_START_YES : (bytes[0] & HEADER_Z) != 0 ? RTP_FRAME_START_NO : RTP_FRAME_START_MAYBE,
        .key_frame = begins_sequence || (sequence.sequence_header && (!sequence.frame_header || sequence.key_frame)),
    };
    return RTP_OK;
}

/* The OBU from `unit` to the end is whole: gives it its size, if it has none. */
static int close_unit(struct rtp_assembly *assembly) {
    uint8_t *bytes = assembly->bytes + assembly->unit;
    size_t length = assembly->length - assembly->unit;
    struct rtp_obu obu;
    assembly->unit_open = false;
    if (!rtp_obu_read(bytes, length, &obu)) {
        return RTP_ERROR_MALFORMED;
    }
    /* AV1 RTP section 5, MUST: temporal delimiters and tile lists are ignored. */
    if (obu.type == RTP_OBU_TEMPORAL_DELIMITER || obu.type == RTP_OBU_TILE_LIST) {
        assembly->length = assembly->unit;
        return RTP_OK;
    }
    if (obu.has_size) {
        return obu.payload + obu.payload_bytes == bytes + length ? RTP_OK : RTP_ERROR_MALFORMED;
    }
    uint32_t size = (uint32_t)obu.payload_bytes;
    size_t size_bytes = rtp_leb128_bytes(size);
    if (size_bytes > assembly->capacity - assembly->length) {
        return RTP_ERROR_CAPACITY;
    }
    memmove(bytes + obu.header_bytes + size_bytes, bytes + obu.header_bytes, obu.payload_bytes);
    rtp_leb128_write(size, bytes + obu.header_bytes);
    bytes[0] |= RTP_OBU_HAS_SIZE;
    assembly->length += size_bytes;
    return RTP_OK;
}

static int append_element(struct rtp_assembly *assembly, const uint8_t *element, size_t size, bool continues, bool ends) {
    if (!continues) {
        assembly->unit = assembly->length;
        assembly->unit_open = true;
    }
    int error = rtp_payload_append_plain(assembly, element, size);
    return error != RTP_OK || !ends ? error : close_unit(assembly);
}

int rtp_payload_append_av1(struct rtp_assembly *assembly, const uint8_t *bytes, size_t length) {
    /* AV1 RTP section 4.4, MUST: Z continues what Y left open. */
    if (((bytes[0] & HEADER_Z) != 0) != assembly->unit_open) {
        return RTP_ERROR_MALFORMED;
    }
    /* AV1 bitstream specification section 7.5: a temporal unit begins with a temporal delimiter. */
    int error = assembly->length == 0 ? rtp_payload_append_plain(assembly, temporal_delimiter, sizeof temporal_delimiter) : RTP_OK;
    struct elements elements = elements_of(bytes, length);
    const uint8_t *element;
    size_t size;
    while (error == RTP_OK && next_element(&elements, &element, &size)) {
        bool continues = elements.index == 1 && (bytes[0] & HEADER_Z) != 0;
        bool ends = elements.at < length || (bytes[0] & HEADER_Y) == 0;
        error = append_element(assembly, element, size, continues, ends);
    }
    if (assembly->length == sizeof temporal_delimiter && !assembly->unit_open) {
        assembly->length = 0; /* nothing but what is ignored */
    }
    return error;
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

/* AV1 RTP section 5, SHOULD: temporal delimiters and tile lists are not sent. Padding says nothing. */
static bool is_sent(const struct rtp_obu *obu) {
    return obu->type != RTP_OBU_TEMPORAL_DELIMITER && obu->type != RTP_OBU_TILE_LIST && obu->type != RTP_OBU_PADDING;
}

/* Reads the OBU at `at` and says where it ends. False: it is not one. */
static bool read_unit(const struct rtp_packetizer *packetizer, size_t at, struct rtp_obu *obu, size_t *end) {
    const uint8_t *frame = packetizer->frame;
    if (!rtp_obu_read(frame + at, packetizer->length - at, obu)) {
        return false;
    }
    size_t begin = (size_t)(obu->payload - frame);
    if (obu->payload_bytes > packetizer->length - begin) {
        return false;
    }
    *end = begin + obu->payload_bytes;
    return true;
}

/* Stands on the next OBU to send from `at` on: its header, and its payload from offset to unit_end; offset is length when there is none. */
static void find_unit(struct rtp_packetizer *packetizer, size_t at) {
    struct rtp_obu obu;
    size_t end;
    packetizer->unit_begun = false;
    for (; at < packetizer->length && read_unit(packetizer, at, &obu, &end); at = end) {
        if (is_sent(&obu)) {
            /* AV1 RTP section 4.5, SHOULD: obu_has_size_field is 0. */
            packetizer->unit_header[0] = (uint8_t)(packetizer->frame[at] & ~RTP_OBU_HAS_SIZE);
            packetizer->unit_header[1] = obu.header_bytes == 2 ? packetizer->frame[at + 1] : 0;
            packetizer->unit_header_bytes = obu.header_bytes;
            packetizer->offset = end - obu.payload_bytes;
            packetizer->unit_end = end;
            packetizer->unit_left = true;
            return;
        }
    }
    packetizer->offset = packetizer->unit_end = packetizer->length;
    packetizer->unit_left = false;
}

int rtp_packetizer_start_av1(struct rtp_packetizer *packetizer) {
    struct rtp_obu_sequence sequence = {0};
    for (size_t at = 0; at < packetizer->length;) {
        struct rtp_obu obu;
        if (!read_unit(packetizer, at, &obu, &at)) {
            return RTP_ERROR_ARGUMENT;
        }
        rtp_obu_note(&sequence, &obu);
    }
    packetizer->key_frame = sequence.key_frame;
    find_unit(packetizer, 0);
    return packetizer->unit_left ? RTP_OK : RTP_ERROR_ARGUMENT;
}

/* What a packet holds so far. */
struct packet {
    size_t length;
    unsigned elements;
    unsigned layer;
    bool frame; /* part of a coded frame */
};

static unsigned unit_type(const struct rtp_packetizer *packetizer) {
    return packetizer->unit_header[0] >> 3 & 15;
}

static unsigned unit_layer(const struct rtp_packetizer *packetizer) {
    return packetizer->unit_header_bytes == 2 ? packetizer->unit_header[1] >> 3 : RTP_OBU_NO_LAYER;
}

static size_t unit_left_bytes(const struct rtp_packetizer *packetizer) {
    return packetizer->unit_end - packetizer->offset + (packetizer->unit_begun ? 0 : packetizer->unit_header_bytes);
}

static void note_unit(struct packet *packet, const struct rtp_packetizer *packetizer) {
    unsigned type = unit_type(packetizer);
    packet->elements++;
    packet->layer = packet->layer == RTP_OBU_NO_LAYER ? unit_layer(packetizer) : packet->layer;
    packet->frame = packet->frame || type == RTP_OBU_FRAME_HEADER || type == RTP_OBU_FRAME || type == RTP_OBU_TILE_GROUP;
}

/*
 * Whether the next OBU may stand in the packet too. Section 5, MUST: the OBUs of a packet are of one layer; SHOULD: a sequence header is the
 * first. Section 1: two frames do not share a packet.
 */
static bool may_join(const struct packet *packet, const struct rtp_packetizer *packetizer) {
    unsigned type = unit_type(packetizer), layer = unit_layer(packetizer);
    bool another_layer = layer != RTP_OBU_NO_LAYER && packet->layer != RTP_OBU_NO_LAYER && layer != packet->layer;
    bool another_frame = packet->frame && (type == RTP_OBU_FRAME_HEADER || type == RTP_OBU_FRAME);
    return packetizer->unit_left && type != RTP_OBU_SEQUENCE_HEADER && !another_layer && !another_frame;
}

/* Writes `share` bytes of what is left of the OBU. */
static void write_share(struct rtp_packetizer *packetizer, size_t share, uint8_t *out) {
    size_t header_bytes = packetizer->unit_begun ? 0 : packetizer->unit_header_bytes;
    if (header_bytes > 0) {
        memcpy(out, packetizer->unit_header, header_bytes);
        packetizer->unit_begun = true;
    }
    if (share > header_bytes) {
        memcpy(out + header_bytes, packetizer->frame + packetizer->offset, share - header_bytes);
        packetizer->offset += share - header_bytes;
    }
}

size_t rtp_packetizer_next_av1(struct rtp_packetizer *packetizer, uint8_t *out, bool *last) {
    struct packet packet = {.length = HEADER_BYTES, .layer = RTP_OBU_NO_LAYER};
    uint8_t header = (uint8_t)((packetizer->unit_begun ? HEADER_Z : 0) | (packetizer->key_frame ? HEADER_N : 0));
    packetizer->key_frame = false;
    for (bool full = false; !full;) {
        size_t left = unit_left_bytes(packetizer);
        size_t size_bytes = rtp_leb128_bytes((uint32_t)left);
        size_t room = packetizer->payload_max_bytes - packet.length;
        struct rtp_packetizer behind = *packetizer;
        find_unit(&behind, packetizer->unit_end);
        note_unit(&packet, packetizer);
        /* An element is the last when no other may follow or would fit; it goes without its length. */
        full = packet.elements == ELEMENTS_MAX || size_bytes + left + ELEMENT_MIN_BYTES > room || !may_join(&packet, &behind);
        if (!full) {
            packet.length += rtp_leb128_write((uint32_t)left, out + packet.length);
        }
        size_t share = left > room ? rtp_payload_share(left, room) : left;
        write_share(packetizer, share, out + packet.length);
        packet.length += share;
        if (share < left) {
            header |= HEADER_Y;
        } else {
            *packetizer = behind;
        }
    }
    out[0] = (uint8_t)(header | packet.elements << HEADER_W_SHIFT);
    *last = !packetizer->unit_left;
    return packet.length;
}
