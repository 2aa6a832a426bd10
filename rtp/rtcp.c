/*
 * Reading RTCP, RFC 3550 section 6.4 to 6.6, RFC 4585 section 6, RFC 5104 section 4.3.1.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |V=2|P|  count  |  packet type  |  length in words, minus one   |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#include "rtp/rtcp.h"

#include "rtp/bytes_internal.h"

#define RTCP_VERSION 2
#define HEADER_BYTES 4
#define SENDER_INFO_BYTES 24
#define BLOCK_BYTES 24
#define FEEDBACK_HEADER_BYTES 8

bool rtcp_next(const uint8_t *bytes, size_t length, size_t *offset, struct rtcp_packet *out) {
    size_t left = length - *offset;
    if (left < HEADER_BYTES || bytes[*offset] >> 6 != RTCP_VERSION) {
        return false;
    }
    const uint8_t *packet = bytes + *offset;
    size_t packet_bytes = ((size_t)rtp_load_u16(packet + 2) + 1) * 4;
    if (packet_bytes > left) {
        return false;
    }
    size_t padding_bytes = 0;
    if ((packet[0] & 0x20) != 0) {
        /* RFC 3550 section 6.4.1: padding is a multiple of four, counted in the last byte, and only the last packet has any. */
        padding_bytes = packet[packet_bytes - 1];
        if (packet_bytes != left || padding_bytes == 0 || padding_bytes % 4 != 0 || padding_bytes > packet_bytes - HEADER_BYTES) {
            return false;
        }
    }
    *out = (struct rtcp_packet){packet[1], packet[0] & 0x1F, packet + HEADER_BYTES, packet_bytes - HEADER_BYTES - padding_bytes};
    *offset += packet_bytes;
    return true;
}

int rtcp_compound_check(const uint8_t *bytes, size_t length) {
    size_t offset = 0;
    struct rtcp_packet packet;
    while (rtcp_next(bytes, length, &offset, &packet)) {
        /* Each packet was within bounds. */
    }
    /* RFC 3550 appendix A.2: the lengths of the packets add up to that of the datagram. */
    return length > 0 && offset == length ? RTP_OK : RTP_ERROR_MALFORMED;
}

/* ---- reports --------------------------------------------------------------------------------------------------------- */

int rtcp_read_ssrc(const struct rtcp_packet *packet, uint32_t *ssrc) {
    if (packet->body_bytes < 4) {
        return RTP_ERROR_MALFORMED;
    }
    *ssrc = rtp_load_u32(packet->body);
    return RTP_OK;
}

int rtcp_read_sender_report(const struct rtcp_packet *packet, struct rtcp_sender_report *out) {
    if (packet->type != RTCP_TYPE_SENDER_REPORT || packet->body_bytes < SENDER_INFO_BYTES) {
        return RTP_ERROR_MALFORMED;
    }
    const uint8_t *at = packet->body;
    *out = (struct rtcp_sender_report){
        .ssrc = rtp_load_u32(at),
        .ntp = (uint64_t)rtp_load_u32(at + 4) << 32 | rtp_load_u32(at + 8),
        .rtp_timestamp = rtp_load_u32(at + 12),
        .packet_count = rtp_load_u32(at + 16),
        .octet_count = rtp_load_u32(at + 20),
    };
    return RTP_OK;
}

static int32_t sign_extend_24(uint32_t value) {
    return (value & 0x800000u) != 0 ? (int32_t)value - 0x1000000 : (int32_t)value;
}

int rtcp_read_report_block(const struct rtcp_packet *packet, size_t index, struct rtcp_report_block *out) {
    if (packet->type != RTCP_TYPE_SENDER_REPORT && packet->type != RTCP_TYPE_RECEIVER_REPORT) {
        return RTP_ERROR_MALFORMED;
    }
    size_t start = packet->type == RTCP_TYPE_SENDER_REPORT ? SENDER_INFO_BYTES : 4;
    if (index >= packet->count || packet->body_bytes < start + (index + 1) * BLOCK_BYTES) {
        return RTP_ERROR_MALFORMED;
    }
    const uint8_t *at = packet->body + start + index * BLOCK_BYTES;
    *out = (struct rtcp_report_block){
        .ssrc = rtp_load_u32(at),
        .fraction_lost = at[4],
        .cumulative_lost = sign_extend_24(rtp_load_u32(at + 4) & 0xFFFFFFu),
        .highest_sequence = rtp_load_u32(at + 8),
        .jitter = rtp_load_u32(at + 12),
        .last_sender_report = rtp_load_u32(at + 16),
        .delay_since_last = rtp_load_u32(at + 20),
    };
    return RTP_OK;
}

int rtcp_read_bye(const struct rtcp_packet *packet, size_t index, uint32_t *ssrc) {
    if (packet->type != RTCP_TYPE_BYE || index >= packet->count || packet->body_bytes < (index + 1) * 4) {
        return RTP_ERROR_MALFORMED;
    }
    *ssrc = rtp_load_u32(packet->body + index * 4);
    return RTP_OK;
}

/* ---- SDES, RFC 3550 section 6.5: chunks of an SSRC and items, each chunk ended by 1..4 zero bytes up to a word --------- */

enum sdes_step { SDES_ITEM, SDES_END, SDES_BROKEN };

static enum sdes_step step_sdes(const struct rtcp_packet *packet, struct rtcp_sdes_item *item) {
    const uint8_t *body = packet->body;
    size_t at = item->next;
    bool inside = item->chunks > 0;
    for (;;) {
        if (!inside) {
            if (item->chunks == packet->count) {
                return SDES_END;
            }
            if (packet->body_bytes - at < 4) {
                return SDES_BROKEN;
            }
            item->ssrc = rtp_load_u32(body + at);
            item->chunks++;
            at += 4;
            inside = true;
        }
        if (at >= packet->body_bytes) {
            return SDES_BROKEN;
        }
        if (body[at] != 0) {
            break;
        }
        at = (at + 4) & ~(size_t)3;
        inside = false;
    }
    if (packet->body_bytes - at < 2 || packet->body_bytes - at - 2 < body[at + 1]) {
        return SDES_BROKEN;
    }
    item->type = body[at];
    item->length = body[at + 1];
    item->value = body + at + 2;
    item->next = at + 2 + item->length;
    return SDES_ITEM;
}

bool rtcp_next_sdes_item(const struct rtcp_packet *packet, struct rtcp_sdes_item *item) {
    return packet->type == RTCP_TYPE_SDES && step_sdes(packet, item) == SDES_ITEM;
}

int rtcp_sdes_check(const struct rtcp_packet *packet) {
    struct rtcp_sdes_item item = {0};
    enum sdes_step step = packet->type == RTCP_TYPE_SDES ? SDES_ITEM : SDES_BROKEN;
    while (step == SDES_ITEM) {
        step = step_sdes(packet, &item);
    }
    return step == SDES_END ? RTP_OK : RTP_ERROR_MALFORMED;
}

/* ---- feedback, RFC 4585 section 6.1: sender SSRC, media SSRC, then the entries ----------------------------------------- */

int rtcp_read_media_ssrc(const struct rtcp_packet *packet, uint32_t *ssrc) {
    if ((packet->type != RTCP_TYPE_TRANSPORT_FEEDBACK && packet->type != RTCP_TYPE_PAYLOAD_FEEDBACK) ||
        packet->body_bytes < FEEDBACK_HEADER_BYTES) {
        return RTP_ERROR_MALFORMED;
    }
    *ssrc = rtp_load_u32(packet->body + 4);
    return RTP_OK;
}

static size_t entries(const struct rtcp_packet *packet, uint8_t type, uint8_t format, size_t entry_bytes) {
    bool fits = packet->type == type && packet->count == format && packet->body_bytes >= FEEDBACK_HEADER_BYTES;
    return fits ? (packet->body_bytes - FEEDBACK_HEADER_BYTES) / entry_bytes : 0;
}

size_t rtcp_nack_count(const struct rtcp_packet *packet) {
    return entries(packet, RTCP_TYPE_TRANSPORT_FEEDBACK, RTCP_TRANSPORT_NACK, 4);
}

int rtcp_read_nack(const struct rtcp_packet *packet, size_t index, uint16_t *sequence_number, uint16_t *mask) {
    if (index >= rtcp_nack_count(packet)) {
        return RTP_ERROR_MALFORMED;
    }
    const uint8_t *at = packet->body + FEEDBACK_HEADER_BYTES + index * 4;
    *sequence_number = rtp_load_u16(at);
    *mask = rtp_load_u16(at + 2);
    return RTP_OK;
}

size_t rtcp_fir_count(const struct rtcp_packet *packet) {
    return entries(packet, RTCP_TYPE_PAYLOAD_FEEDBACK, RTCP_PAYLOAD_FIR, 8);
}

int rtcp_read_fir(const struct rtcp_packet *packet, size_t index, uint32_t *ssrc, uint8_t *command_sequence) {
    if (index >= rtcp_fir_count(packet)) {
        return RTP_ERROR_MALFORMED;
    }
    const uint8_t *at = packet->body + FEEDBACK_HEADER_BYTES + index * 8;
    *ssrc = rtp_load_u32(at);
    *command_sequence = at[4];
    return RTP_OK;
}
