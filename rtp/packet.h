/*
 * RTP packets: parse and write (RFC 3550 section 5.1), with header extension elements (RFC 8285).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                           timestamp                           |
 *   |           synchronization source (SSRC) identifier            |
 *   |            contributing source (CSRC) identifiers (0..15)     |
 *   |      extension: profile       |     length in 32-bit words    |
 *   |                            elements ...                       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Pure functions: a parsed packet is views into the caller's bytes; nothing is copied or allocated.
 */
#ifndef RTP_PACKET_H
#define RTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp/error.h"

#define RTP_HEADER_BYTES 12
#define RTP_CSRC_MAX 15
#define RTP_PACKET_MAX_BYTES 1500 /* what sender and receiver handle; the parser itself takes any length */
#define RTP_PROFILE_ONE_BYTE 0xBEDEu
#define RTP_PROFILE_TWO_BYTE 0x1000u /* with the low four bits "appbits" ignored */

/* A packet, host byte order. The views are valid as long as the bytes given to rtp_packet_parse. */
struct rtp_packet {
    bool marker;
    uint8_t payload_type; /* 0..127 */
    uint16_t sequence_number;
    uint32_t timestamp; /* in units of the payload's clock rate */
    uint32_t ssrc;
    uint8_t csrc_count;          /* 0..RTP_CSRC_MAX */
    const uint8_t *csrc;         /* csrc_count big-endian words, or NULL */
    bool has_extension;
    uint16_t extension_profile;  /* RTP_PROFILE_ONE_BYTE, RTP_PROFILE_TWO_BYTE | appbits, or any other */
    const uint8_t *extension;    /* extension_bytes of elements, or NULL */
    size_t extension_bytes;      /* a multiple of 4 */
    const uint8_t *payload;      /* payload_bytes, padding not counted; may be 0 bytes long */
    size_t payload_bytes;
    uint8_t padding_bytes;       /* 0..255, the count byte included */
};

/* Quick look at a datagram of the range 128..191 (RFC 7983): RFC 5761 section 4 gives second bytes 192..223 to RTCP. */
bool rtp_packet_is_rtcp(const uint8_t *bytes, size_t length);

/* Parses one packet that fills `length` bytes. Writes *out on success only. RTP_OK, or RTP_ERROR_MALFORMED (drop). */
int rtp_packet_parse(const uint8_t *bytes, size_t length, struct rtp_packet *out);

/* One header extension element (RFC 8285): id 1..14 in the one-byte form, 1..255 in the other. A view. */
struct rtp_extension {
    uint8_t id;
    uint8_t length; /* 0..255 (one-byte form: 1..16) */
    const uint8_t *value;
    size_t next; /* offset of what follows: rtp_packet_next_extension's own */
};

/* Walks the elements; start with {0}. Padding is skipped. False at the end, at an element that runs past it, and for
 * an unknown profile. */
bool rtp_packet_next_extension(const struct rtp_packet *packet, struct rtp_extension *extension);

/* The first element with that id; false when there is none. id 0 finds nothing. */
bool rtp_packet_find_extension(const struct rtp_packet *packet, uint8_t id, struct rtp_extension *out);

#define RTP_EXTENSIONS_MAX 16 /* elements that rtp_packet_write takes */

/*
 * Writes header, CSRCs, extension elements, payload and padding of *packet into `bytes`.
 * packet      `extension`, `extension_bytes` and `extension_profile` are ignored: the elements come apart. padding_bytes: 0, or
 *             1..255 (the last byte is that count, the others zero). payload may be NULL with 0, or overlap its place in `bytes`
 * elements    `element_count` of 0..RTP_EXTENSIONS_MAX; one-byte form unless an id is above 14 or a length is 0 or above 16
 * Returns the length (> 0), RTP_ERROR_ARGUMENT (payload type above 127, id 0, one-byte id 15 ...), or RTP_ERROR_BUFFER.
 */
int rtp_packet_write(const struct rtp_packet *packet, const struct rtp_extension *elements, size_t element_count, uint8_t *bytes,
                     size_t capacity);

#endif
