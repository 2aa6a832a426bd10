/*
 * RTCP: compound packets, SR, RR, SDES, BYE (RFC 3550 section 6), generic NACK and PLI (RFC 4585 section 6), FIR (RFC 5104
 * section 4.3.1). Others (APP, XR, REMB, transport-cc) are walked over by their length.
 *
 * Pure functions. rtcp_next walks a datagram packet by packet; the typed readers take one walked packet and return views.
 * RFC 5506 reduced-size datagrams are accepted: the first packet need not be SR or RR.
 */
#ifndef RTP_RTCP_H
#define RTP_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp/error.h"

enum rtcp_type {
    RTCP_TYPE_SENDER_REPORT = 200,
    RTCP_TYPE_RECEIVER_REPORT = 201,
    RTCP_TYPE_SDES = 202,
    RTCP_TYPE_BYE = 203,
    RTCP_TYPE_APP = 204,
    RTCP_TYPE_TRANSPORT_FEEDBACK = 205, /* RFC 4585 RTPFB */
    RTCP_TYPE_PAYLOAD_FEEDBACK = 206,   /* RFC 4585 PSFB */
    RTCP_TYPE_EXTENDED_REPORT = 207     /* RFC 3611 */
};

/* The five bits `count` of a feedback packet. */
enum rtcp_feedback {
    RTCP_TRANSPORT_NACK = 1,
    RTCP_TRANSPORT_CONGESTION_CONTROL = 15, /* transport-cc: recognised and skipped */
    RTCP_PAYLOAD_PLI = 1,
    RTCP_PAYLOAD_FIR = 4,
    RTCP_PAYLOAD_APPLICATION = 15 /* REMB: recognised and skipped */
};

#define RTCP_REPORT_BLOCKS_MAX 31
#define RTCP_CHUNKS_MAX 31
#define RTCP_TEXT_MAX_BYTES 255
#define RTCP_NACK_ENTRIES_MAX 253

/* One packet of a compound: views. `body` is behind the 4-byte header, `body_bytes` without padding. */
struct rtcp_packet {
    uint8_t type;
    uint8_t count; /* 0..31: report blocks, chunks, sources, or the feedback message type */
    const uint8_t *body;
    size_t body_bytes;
};

/* One report block (RFC 3550 section 6.4.1), host byte order. */
struct rtcp_report_block {
    uint32_t ssrc;
    uint8_t fraction_lost;       /* of 256 */
    int32_t cumulative_lost;     /* -0x800000..0x7FFFFF */
    uint32_t highest_sequence;   /* cycles << 16 | sequence number */
    uint32_t jitter;             /* timestamp units */
    uint32_t last_sender_report; /* middle 32 bits of the NTP time of the last SR, 0: none */
    uint32_t delay_since_last;   /* units of 1/65536 s */
};

struct rtcp_sender_report {
    uint32_t ssrc;
    uint64_t ntp; /* RFC 3550 section 4: seconds since 1900, 32.32 fixed point */
    uint32_t rtp_timestamp;
    uint32_t packet_count;
    uint32_t octet_count;
};

/*
 * Judges a whole datagram: versions, lengths, padding on the last packet only. RTP_OK or RTP_ERROR_MALFORMED (drop all of it).
 * Whatever the first packet is: RFC 5506 section 3.4.2.
 */
int rtcp_compound_check(const uint8_t *bytes, size_t length);

/* Walks it; start with *offset = 0. False at the end, and at a broken packet. */
bool rtcp_next(const uint8_t *bytes, size_t length, size_t *offset, struct rtcp_packet *out);

/* Typed readers: RTP_OK, or RTP_ERROR_MALFORMED when the body is too short for its count. *out is untouched then. */
int rtcp_read_sender_report(const struct rtcp_packet *packet, struct rtcp_sender_report *out);
int rtcp_read_ssrc(const struct rtcp_packet *packet, uint32_t *ssrc); /* the first word: reporter of RR, sender of feedback */
int rtcp_read_report_block(const struct rtcp_packet *packet, size_t index, struct rtcp_report_block *out); /* of SR and RR */
int rtcp_read_bye(const struct rtcp_packet *packet, size_t index, uint32_t *ssrc);
int rtcp_read_media_ssrc(const struct rtcp_packet *packet, uint32_t *ssrc); /* feedback: the second word */

/* Walks SDES items; start with {0}. False at the end or at a broken one; rtcp_sdes_check tells which. */
struct rtcp_sdes_item {
    uint32_t ssrc;
    uint8_t type;
    uint8_t length;
    const uint8_t *value;
    size_t next;   /* these two are rtcp_next_sdes_item's own */
    size_t chunks;
};
#define RTCP_SDES_CNAME 1
#define RTCP_SDES_MID 15 /* RFC 9143 section 15.1 */
bool rtcp_next_sdes_item(const struct rtcp_packet *packet, struct rtcp_sdes_item *item);
int rtcp_sdes_check(const struct rtcp_packet *packet);

/* Generic NACK: entry `index` says that `sequence_number`, and for each bit i of `mask` sequence_number + 1 + i, is lost. */
size_t rtcp_nack_count(const struct rtcp_packet *packet);
int rtcp_read_nack(const struct rtcp_packet *packet, size_t index, uint16_t *sequence_number, uint16_t *mask);
/* FIR: entry `index`; a new command has a new sequence number. */
size_t rtcp_fir_count(const struct rtcp_packet *packet);
int rtcp_read_fir(const struct rtcp_packet *packet, size_t index, uint32_t *ssrc, uint8_t *command_sequence);

/*
 * Writers append one packet at bytes[*length] and advance *length; capacity is that of the whole buffer.
 * RTP_OK, RTP_ERROR_BUFFER (nothing written), RTP_ERROR_ARGUMENT (count above its _MAX, text above RTCP_TEXT_MAX_BYTES).
 */
struct rtcp_buffer {
    uint8_t *bytes;
    size_t capacity;
    size_t length;
};
int rtcp_write_sender_report(struct rtcp_buffer *buffer, const struct rtcp_sender_report *report, const struct rtcp_report_block *blocks,
                             size_t block_count);
int rtcp_write_receiver_report(struct rtcp_buffer *buffer, uint32_t ssrc, const struct rtcp_report_block *blocks, size_t block_count);
int rtcp_write_cnames(struct rtcp_buffer *buffer, const uint32_t *ssrcs, size_t ssrc_count, const char *cname); /* one SDES */
int rtcp_write_bye(struct rtcp_buffer *buffer, const uint32_t *ssrcs, size_t ssrc_count);
int rtcp_write_nack(struct rtcp_buffer *buffer, uint32_t sender_ssrc, uint32_t media_ssrc, const uint16_t *sequence_numbers,
                    const uint16_t *masks, size_t count);
int rtcp_write_pli(struct rtcp_buffer *buffer, uint32_t sender_ssrc, uint32_t media_ssrc);
int rtcp_write_fir(struct rtcp_buffer *buffer, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t command_sequence);

#endif
