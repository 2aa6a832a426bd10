/*
 * Writing RTCP, RFC 3550 section 6.4 to 6.6, RFC 4585 section 6, RFC 5104 section 4.3.1. A writer appends a whole packet or nothing.
 */
#include <string.h>

#include "rtp/bytes_internal.h"
#include "rtp/rtcp.h"

#define HEADER_BYTES 4
#define BLOCK_BYTES 24

/* Room for a packet of `body_bytes` (a multiple of 4) behind the header. NULL when it does not fit. */
static uint8_t *append(struct rtcp_buffer *buffer, uint8_t type, size_t count, size_t body_bytes) {
    if (buffer->capacity - buffer->length < HEADER_BYTES + body_bytes) {
        return NULL;
    }
    uint8_t *at = buffer->bytes + buffer->length;
    at[0] = (uint8_t)(0x80 | count);
    at[1] = type;
    rtp_store_u16(at + 2, (uint16_t)(body_bytes / 4));
    buffer->length += HEADER_BYTES + body_bytes;
    return at + HEADER_BYTES;
}

static void write_blocks(uint8_t *at, const struct rtcp_report_block *blocks, size_t count) {
    for (size_t i = 0; i < count; i++, at += BLOCK_BYTES) {
        rtp_store_u32(at, blocks[i].ssrc);
        rtp_store_u32(at + 4, (uint32_t)blocks[i].fraction_lost << 24 | ((uint32_t)blocks[i].cumulative_lost & 0xFFFFFFu));
        rtp_store_u32(at + 8, blocks[i].highest_sequence);
        rtp_store_u32(at + 12, blocks[i].jitter);
        rtp_store_u32(at + 16, blocks[i].last_sender_report);
        rtp_store_u32(at + 20, blocks[i].delay_since_last);
    }
}

int rtcp_write_sender_report(struct rtcp_buffer *buffer, const struct rtcp_sender_report *report, const struct rtcp_report_block *blocks,
                             size_t block_count) {
    if (block_count > RTCP_REPORT_BLOCKS_MAX) {
        return RTP_ERROR_ARGUMENT;
    }
    uint8_t *at = append(buffer, RTCP_TYPE_SENDER_REPORT, block_count, 24 + block_count * BLOCK_BYTES);
    if (at == NULL) {
        return RTP_ERROR_BUFFER;
    }
    rtp_store_u32(at, report->ssrc);
    rtp_store_u32(at + 4, (uint32_t)(report->ntp >> 32));
    rtp_store_u32(at + 8, (uint32_t)report->ntp);
    rtp_store_u32(at + 12, report->rtp_timestamp);
    rtp_store_u32(at + 16, report->packet_count);
    rtp_store_u32(at + 20, report->octet_count);
    write_blocks(at + 24, blocks, block_count);
    return RTP_OK;
}

int rtcp_write_receiver_report(struct rtcp_buffer *buffer, uint32_t ssrc, const struct rtcp_report_block *blocks, size_t block_count) {
    if (block_count > RTCP_REPORT_BLOCKS_MAX) {
        return RTP_ERROR_ARGUMENT;
    }
    uint8_t *at = append(buffer, RTCP_TYPE_RECEIVER_REPORT, block_count, 4 + block_count * BLOCK_BYTES);
    if (at == NULL) {
        return RTP_ERROR_BUFFER;
    }
    rtp_store_u32(at, ssrc);
    write_blocks(at + 4, blocks, block_count);
    return RTP_OK;
}

int rtcp_write_cnames(struct rtcp_buffer *buffer, const uint32_t *ssrcs, size_t ssrc_count, const char *cname) {
    size_t length = strlen(cname);
    if (ssrc_count > RTCP_CHUNKS_MAX || length > RTCP_TEXT_MAX_BYTES) {
        return RTP_ERROR_ARGUMENT;
    }
    /* RFC 3550 section 6.5: a chunk ends with at least one zero byte and on a word boundary. */
    size_t chunk_bytes = (4 + 2 + length + 4) & ~(size_t)3;
    uint8_t *at = append(buffer, RTCP_TYPE_SDES, ssrc_count, ssrc_count * chunk_bytes);
    if (at == NULL) {
        return RTP_ERROR_BUFFER;
    }
    for (size_t i = 0; i < ssrc_count; i++, at += chunk_bytes) {
        memset(at, 0, chunk_bytes);
        rtp_store_u32(at, ssrcs[i]);
        at[4] = RTCP_SDES_CNAME;
        at[5] = (uint8_t)length;
        memcpy(at + 6, cname, length);
    }
    return RTP_OK;
}

int rtcp_write_bye(struct rtcp_buffer *buffer, const uint32_t *ssrcs, size_t ssrc_count) {
    if (ssrc_count > RTCP_CHUNKS_MAX) {
        return RTP_ERROR_ARGUMENT;
    }
    uint8_t *at = append(buffer, RTCP_TYPE_BYE, ssrc_count, ssrc_count * 4);
    if (at == NULL) {
        return RTP_ERROR_BUFFER;
    }
    for (size_t i = 0; i < ssrc_count; i++) {
        rtp_store_u32(at + i * 4, ssrcs[i]);
    }
    return RTP_OK;
}

/* ---- feedback -------------------------------------------------------------------------------------------------------- */

static uint8_t *append_feedback(struct rtcp_buffer *buffer, uint8_t type, uint8_t format, uint32_t sender_ssrc, uint32_t media_ssrc,
                                size_t entry_bytes) {
    uint8_t *at = append(buffer, type, format, 8 + entry_bytes);
    if (at == NULL) {
        return NULL;
    }
    rtp_store_u32(at, sender_ssrc);
    rtp_store_u32(at + 4, media_ssrc);
    return at + 8;
}

int rtcp_write_nack(struct rtcp_buffer *buffer, uint32_t sender_ssrc, uint32_t media_ssrc, const uint16_t *sequence_numbers,
                    const uint16_t *masks, size_t count) {
    if (count == 0 || count > RTCP_NACK_ENTRIES_MAX) {
        return RTP_ERROR_ARGUMENT;
    }
    uint8_t *at = append_feedback(buffer, RTCP_TYPE_TRANSPORT_FEEDBACK, RTCP_TRANSPORT_NACK, sender_ssrc, media_ssrc, count * 4);
    if (at == NULL) {
        return RTP_ERROR_BUFFER;
    }
    for (size_t i = 0; i < count; i++) {
        rtp_store_u16(at + i * 4, sequence_numbers[i]);
        rtp_store_u16(at + i * 4 + 2, masks[i]);
    }
    return RTP_OK;
}

int rtcp_write_pli(struct rtcp_buffer *buffer, uint32_t sender_ssrc, uint32_t media_ssrc) {
    uint8_t *at = append_feedback(buffer, RTCP_TYPE_PAYLOAD_FEEDBACK, RTCP_PAYLOAD_PLI, sender_ssrc, media_ssrc, 0);
    return at == NULL ? RTP_ERROR_BUFFER : RTP_OK;
}

int rtcp_write_fir(struct rtcp_buffer *buffer, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t command_sequence) {
    /* RFC 5104 section 4.3.1.2: the media source field of the header is zero; the entry names the source. */
    uint8_t *at = append_feedback(buffer, RTCP_TYPE_PAYLOAD_FEEDBACK, RTCP_PAYLOAD_FIR, sender_ssrc, 0, 8);
    if (at == NULL) {
        return RTP_ERROR_BUFFER;
    }
    rtp_store_u32(at, media_ssrc);
    rtp_store_u32(at + 4, (uint32_t)command_sequence << 24);
    return RTP_OK;
}
