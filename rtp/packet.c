/*
 * RTP packets, RFC 3550 section 5.1, and header extension elements, RFC 8285 section 4. The picture is in packet.h.
 */
#include "rtp/packet.h"

#include <string.h>

#include "rtp/bytes_internal.h"

#define RTP_VERSION 2
#define EXTENSION_HEADER_BYTES 4
#define ONE_BYTE_ID_MAX 14
#define ONE_BYTE_LENGTH_MAX 16
#define PAYLOAD_TYPE_MAX 127

bool rtp_packet_is_rtcp(const uint8_t *bytes, size_t length) {
    /* RFC 5761 section 4: payload types 64..95 are not used with rtcp-mux, so the second byte 192..223 is RTCP's. */
    return length >= 2 && bytes[0] >> 6 == RTP_VERSION && bytes[1] >= 192 && bytes[1] <= 223;
}

/* The extension block at *offset. Advances *offset behind it. */
static bool parse_extension(const uint8_t *bytes, size_t length, size_t *offset, struct rtp_packet *packet) {
    if (length - *offset < EXTENSION_HEADER_BYTES) {
        return false;
    }
    packet->has_extension = true;
    packet->extension_profile = rtp_load_u16(bytes + *offset);
    packet->extension_bytes = (size_t)rtp_load_u16(bytes + *offset + 2) * 4;
    *offset += EXTENSION_HEADER_BYTES;
    if (length - *offset < packet->extension_bytes) {
        return false;
    }
    packet->extension = bytes + *offset;
    *offset += packet->extension_bytes;
    return true;
}

int rtp_packet_parse(const uint8_t *bytes, size_t length, struct rtp_packet *out) {
    /* RFC 3550 appendix A.1: version 2, and room for what the header announces. */
    if (length < RTP_HEADER_BYTES || bytes[0] >> 6 != RTP_VERSION) {
        return RTP_ERROR_MALFORMED;
    }
    struct rtp_packet packet = {0};
    packet.marker = bytes[1] >> 7 != 0;
    packet.payload_type = bytes[1] & PAYLOAD_TYPE_MAX;
    packet.sequence_number = rtp_load_u16(bytes + 2);
    packet.timestamp = rtp_load_u32(bytes + 4);
    packet.ssrc = rtp_load_u32(bytes + 8);
    packet.csrc_count = bytes[0] & 0x0F;
    size_t offset = RTP_HEADER_BYTES;
    size_t csrc_bytes = (size_t)packet.csrc_count * 4;
    if (length - offset < csrc_bytes) {
        return RTP_ERROR_MALFORMED;
    }
    packet.csrc = csrc_bytes > 0 ? bytes + offset : NULL;
    offset += csrc_bytes;
    if ((bytes[0] & 0x10) != 0 && !parse_extension(bytes, length, &offset, &packet)) {
        return RTP_ERROR_MALFORMED;
    }
    packet.payload = bytes + offset;
    packet.payload_bytes = length - offset;
    if ((bytes[0] & 0x20) != 0) {
        /* RFC 3550 section 5.1: the last byte counts the padding, itself included; so it is 1 or more, and no more than there is. */
        if (packet.payload_bytes == 0 || bytes[length - 1] == 0 || bytes[length - 1] > packet.payload_bytes) {
            return RTP_ERROR_MALFORMED;
        }
        packet.padding_bytes = bytes[length - 1];
        packet.payload_bytes -= packet.padding_bytes;
    }
    *out = packet;
    return RTP_OK;
}

/* ---- extension elements ---------------------------------------------------------------------------------------------- */

static bool is_two_byte(uint16_t profile) {
    return (profile & 0xFFF0u) == RTP_PROFILE_TWO_BYTE;
}

bool rtp_packet_next_extension(const struct rtp_packet *packet, struct rtp_extension *extension) {
    bool two_byte = is_two_byte(packet->extension_profile);
    if (!packet->has_extension || (!two_byte && packet->extension_profile != RTP_PROFILE_ONE_BYTE)) {
        return false;
    }
    size_t at = extension->next;
    /* RFC 8285 section 4.1.1: bytes of zero between elements are padding. */
    while (at < packet->extension_bytes && packet->extension[at] == 0) {
        at++;
    }
    size_t header_bytes = two_byte ? 2 : 1;
    if (packet->extension_bytes - at < header_bytes) {
        return false;
    }
    const uint8_t *element = packet->extension + at;
    uint8_t id = two_byte ? element[0] : (uint8_t)(element[0] >> 4);
    uint8_t value_length = two_byte ? element[1] : (uint8_t)((element[0] & 0x0F) + 1);
    /* RFC 8285 section 4.2, MUST: at the reserved id 15 of the one-byte form reading stops; what came before it counts. */
    if (!two_byte && id > ONE_BYTE_ID_MAX) {
        return false;
    }
    if (packet->extension_bytes - at - header_bytes < value_length) {
        return false;
    }
    *extension = (struct rtp_extension){id, value_length, element + header_bytes, at + header_bytes + value_length};
    return true;
}

bool rtp_packet_find_extension(const struct rtp_packet *packet, uint8_t id, struct rtp_extension *out) {
    struct rtp_extension extension = {0};
    while (id != 0 && rtp_packet_next_extension(packet, &extension)) {
        if (extension.id == id) {
            *out = extension;
            return true;
        }
    }
    return false;
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static bool elements_valid(const struct rtp_extension *elements, size_t count, bool *two_byte, size_t *block_bytes) {
    size_t values = 0;
    *two_byte = false;
    for (size_t i = 0; i < count; i++) {
        if (elements[i].id == 0) {
            return false;
        }
        values += elements[i].length;
        *two_byte = *two_byte || elements[i].id > ONE_BYTE_ID_MAX || elements[i].length == 0 || elements[i].length > ONE_BYTE_LENGTH_MAX;
    }
    *block_bytes = (values + count * (*two_byte ? 2u : 1u) + 3) & ~(size_t)3;
    return true;
}

static void write_elements(const struct rtp_extension *elements, size_t count, bool two_byte, size_t block_bytes, uint8_t *bytes) {
    rtp_store_u16(bytes, two_byte ? RTP_PROFILE_TWO_BYTE : RTP_PROFILE_ONE_BYTE);
    rtp_store_u16(bytes + 2, (uint16_t)(block_bytes / 4));
    size_t at = EXTENSION_HEADER_BYTES;
    for (size_t i = 0; i < count; i++) {
        if (two_byte) {
            bytes[at++] = elements[i].id;
            bytes[at++] = elements[i].length;
        } else {
            bytes[at++] = (uint8_t)(elements[i].id << 4 | (elements[i].length - 1));
        }
        if (elements[i].length > 0) {
            memcpy(bytes + at, elements[i].value, elements[i].length);
        }
        at += elements[i].length;
    }
    memset(bytes + at, 0, EXTENSION_HEADER_BYTES + block_bytes - at);
}

int rtp_packet_write(const struct rtp_packet *packet, const struct rtp_extension *elements, size_t element_count, uint8_t *bytes,
                     size_t capacity) {
    bool two_byte;
    size_t block_bytes;
    if (packet->payload_type > PAYLOAD_TYPE_MAX || packet->csrc_count > RTP_CSRC_MAX || element_count > RTP_EXTENSIONS_MAX ||
        packet->payload_bytes > UINT16_MAX || !elements_valid(elements, element_count, &two_byte, &block_bytes)) {
        return RTP_ERROR_ARGUMENT;
    }
    size_t csrc_bytes = (size_t)packet->csrc_count * 4;
    size_t payload_at = RTP_HEADER_BYTES + csrc_bytes + (element_count > 0 ? EXTENSION_HEADER_BYTES + block_bytes : 0);
    size_t total = payload_at + packet->payload_bytes + packet->padding_bytes;
    if (total > capacity) {
        return RTP_ERROR_BUFFER;
    }
    /* The payload first: it may overlap the place where it goes. */
    if (packet->payload_bytes > 0) {
        memmove(bytes + payload_at, packet->payload, packet->payload_bytes);
    }
    bytes[0] = (uint8_t)(RTP_VERSION << 6 | (packet->padding_bytes > 0) << 5 | (element_count > 0) << 4 | packet->csrc_count);
    bytes[1] = (uint8_t)((packet->marker ? 0x80 : 0) | packet->payload_type);
    rtp_store_u16(bytes + 2, packet->sequence_number);
    rtp_store_u32(bytes + 4, packet->timestamp);
    rtp_store_u32(bytes + 8, packet->ssrc);
    if (csrc_bytes > 0) {
        memcpy(bytes + RTP_HEADER_BYTES, packet->csrc, csrc_bytes);
    }
    if (element_count > 0) {
        write_elements(elements, element_count, two_byte, block_bytes, bytes + RTP_HEADER_BYTES + csrc_bytes);
    }
    if (packet->padding_bytes > 0) {
        memset(bytes + total - packet->padding_bytes, 0, packet->padding_bytes);
        bytes[total - 1] = packet->padding_bytes;
    }
    return (int)total;
}
