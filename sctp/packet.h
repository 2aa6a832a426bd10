/*
 * SCTP packets: one common header, then chunks (RFC 9260 section 3).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-------------------------------+-------------------------------+
 *     |          Source Port          |       Destination Port        |
 *     +-------------------------------+-------------------------------+
 *     |                       Verification Tag                        |
 *     +---------------------------------------------------------------+
 *     |                    Checksum: CRC32c, or zero                  |
 *     +---------------+---------------+-------------------------------+
 *     |  Chunk Type   |  Chunk Flags  |         Chunk Length          |  again and again; the length counts these
 *     +---------------+---------------+-------------------------------+  four bytes, but not the padding to a
 *     \                          Chunk Value                          \  multiple of four
 *
 * Pure functions: views in, views out, nothing allocated. sctp/chunk.h reads and writes what is in a chunk.
 */
#ifndef SCTP_PACKET_H
#define SCTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sctp/error.h"

#define SCTP_HEADER_BYTES 12
#define SCTP_CHUNK_HEADER_BYTES 4
#define SCTP_PACKET_MIN_BYTES (SCTP_HEADER_BYTES + SCTP_CHUNK_HEADER_BYTES)
#define SCTP_PACKET_MAX_BYTES 65535
#define SCTP_CHUNK_MAX_BYTES 65535 /* what the length field can say; 65,532 with a header that is a multiple of four */

enum sctp_chunk_type {
    SCTP_CHUNK_DATA = 0, /* RFC 9260 section 3.3, in its order */
    SCTP_CHUNK_INIT = 1,
    SCTP_CHUNK_INIT_ACK = 2,
    SCTP_CHUNK_SACK = 3,
    SCTP_CHUNK_HEARTBEAT = 4,
    SCTP_CHUNK_HEARTBEAT_ACK = 5,
    SCTP_CHUNK_ABORT = 6,
    SCTP_CHUNK_SHUTDOWN = 7,
    SCTP_CHUNK_SHUTDOWN_ACK = 8,
    SCTP_CHUNK_ERROR = 9,
    SCTP_CHUNK_COOKIE_ECHO = 10,
    SCTP_CHUNK_COOKIE_ACK = 11,
    SCTP_CHUNK_SHUTDOWN_COMPLETE = 14,
    SCTP_CHUNK_I_DATA = 64,         /* RFC 8260 section 2.1 */
    SCTP_CHUNK_RE_CONFIG = 130,     /* RFC 6525 section 3.1 */
    SCTP_CHUNK_PAD = 132,           /* RFC 4820 section 3 */
    SCTP_CHUNK_FORWARD_TSN = 192,   /* RFC 3758 section 3.2 */
    SCTP_CHUNK_I_FORWARD_TSN = 194  /* RFC 8260 section 2.3.1 */
};
/* "INIT ACK"; "unknown chunk": static. */
const char *sctp_chunk_type_name(uint8_t type);

/* RFC 9260 section 3.2: what the two highest bits of an unknown type (of a chunk or a parameter) ask for. */
static inline bool sctp_unknown_stops(uint8_t type) {
    return (type & 0x80) == 0; /* the rest of the packet is not looked at */
}
static inline bool sctp_unknown_is_reported(uint8_t type) {
    return (type & 0x40) != 0;
}

/* Views into the packet. */
struct sctp_packet {
    uint16_t source_port, destination_port;
    uint32_t verification_tag;
    uint32_t checksum;     /* as it stands there, in the byte order of sctp_packet_checksum */
    const uint8_t *chunks; /* behind the common header */
    size_t length;
};

/*
 * Reads the common header, and walks the chunks once: each has a length of 4 at least that does not leave the packet.
 * SCTP_ERROR_MALFORMED: drop it.
 */
int sctp_packet_parse(const uint8_t *bytes, size_t length, struct sctp_packet *out);

/* What the checksum field of this packet should hold, whatever stands there. `length` SCTP_HEADER_BYTES at least. */
uint32_t sctp_packet_checksum(const uint8_t *bytes, size_t length);

struct sctp_chunk {
    uint8_t type; /* enum sctp_chunk_type, or another */
    uint8_t flags;
    const uint8_t *value;
    size_t length; /* of the value, without padding */
};

/* The next chunk; false at the end. `rest` begins as packet.chunks and packet.length and is cut off its front. */
struct sctp_walk {
    const uint8_t *at;
    size_t length;
};
struct sctp_walk sctp_walk_packet(const struct sctp_packet *packet);
bool sctp_walk_chunk(struct sctp_walk *walk, struct sctp_chunk *out);

/* ---- parameters: RFC 9260 section 3.2.1. Error causes (section 3.3.10) have the same shape ----------------------------------------- */

enum sctp_parameter_type {
    SCTP_PARAMETER_HEARTBEAT_INFO = 1,
    SCTP_PARAMETER_IPV4_ADDRESS = 5,
    SCTP_PARAMETER_IPV6_ADDRESS = 6,
    SCTP_PARAMETER_STATE_COOKIE = 7,
    SCTP_PARAMETER_UNRECOGNIZED = 8,
    SCTP_PARAMETER_COOKIE_PRESERVATIVE = 9,
    SCTP_PARAMETER_HOST_NAME = 11,
    SCTP_PARAMETER_ADDRESS_TYPES = 12,
    SCTP_PARAMETER_OUTGOING_RESET_REQUEST = 13, /* RFC 6525 section 4.1 and on */
    SCTP_PARAMETER_INCOMING_RESET_REQUEST = 14,
    SCTP_PARAMETER_SSN_TSN_RESET_REQUEST = 15,
    SCTP_PARAMETER_RE_CONFIG_RESPONSE = 16,
    SCTP_PARAMETER_ADD_OUTGOING_STREAMS = 17,
    SCTP_PARAMETER_ADD_INCOMING_STREAMS = 18,
    SCTP_PARAMETER_ZERO_CHECKSUM = 0x8001,       /* RFC 9653 section 4 */
    SCTP_PARAMETER_SUPPORTED_EXTENSIONS = 0x8008, /* RFC 5061 section 4.2.7 */
    SCTP_PARAMETER_FORWARD_TSN_SUPPORTED = 0xC000 /* RFC 3758 section 3.1 */
};

enum sctp_cause_code {
    SCTP_CAUSE_INVALID_STREAM = 1,
    SCTP_CAUSE_MISSING_PARAMETER = 2,
    SCTP_CAUSE_STALE_COOKIE = 3,
    SCTP_CAUSE_OUT_OF_RESOURCE = 4,
    SCTP_CAUSE_UNRESOLVABLE_ADDRESS = 5,
    SCTP_CAUSE_UNRECOGNIZED_CHUNK = 6,
    SCTP_CAUSE_INVALID_PARAMETER = 7,
    SCTP_CAUSE_UNRECOGNIZED_PARAMETERS = 8,
    SCTP_CAUSE_NO_USER_DATA = 9,
    SCTP_CAUSE_COOKIE_WHILE_SHUTTING_DOWN = 10,
    SCTP_CAUSE_RESTART_WITH_NEW_ADDRESSES = 11,
    SCTP_CAUSE_USER_ABORT = 12,
    SCTP_CAUSE_PROTOCOL_VIOLATION = 13
};
/* "user-initiated abort"; "unknown cause": static. */
const char *sctp_cause_name(uint16_t code);

struct sctp_parameter {
    uint16_t type;
    const uint8_t *value;
    size_t length; /* of the value, without padding */
};
struct sctp_walk sctp_walk_bytes(const uint8_t *bytes, size_t length);
/* False at the end, and at a parameter that is broken: then walk->at is not NULL. */
bool sctp_walk_parameter(struct sctp_walk *walk, struct sctp_parameter *out);
/* Did a walk that returned false end where the bytes end? */
static inline bool sctp_walk_is_complete(const struct sctp_walk *walk) {
    return walk->length == 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------------- */

/*
 * A packet under construction in the caller's buffer. A writer that once was out of room has failed: later writes do nothing, and
 * sctp_writer_finish says so. sctp_writer_rewind keeps what fitted.
 */
struct sctp_writer {
    uint8_t *bytes;
    size_t capacity, length;
    size_t chunk; /* where the chunk that is open begins; 0: none is */
    bool failed;
};

/* Writes the common header. capacity: SCTP_PACKET_MAX_BYTES at most counts. */
void sctp_writer_begin(struct sctp_writer *writer, uint8_t *bytes, size_t capacity, uint16_t source_port, uint16_t destination_port, uint32_t verification_tag);
void sctp_writer_open_chunk(struct sctp_writer *writer, uint8_t type, uint8_t flags);
void sctp_writer_u16(struct sctp_writer *writer, uint16_t value);
void sctp_writer_u32(struct sctp_writer *writer, uint32_t value);
void sctp_writer_bytes(struct sctp_writer *writer, const uint8_t *bytes, size_t length);
/* A whole parameter or cause, padded. */
void sctp_writer_parameter(struct sctp_writer *writer, uint16_t type, const uint8_t *value, size_t length);
/* Sets the chunk's length and pads it. */
void sctp_writer_close_chunk(struct sctp_writer *writer);
/* Takes back everything behind `length`, a failure included; between chunks only. */
void sctp_writer_rewind(struct sctp_writer *writer, size_t length);
/*
 * Sets the checksum: CRC32c, or zero where the peer has said that DTLS is checksum enough (RFC 9653 section 5).
 * Returns the length; SCTP_ERROR_BUFFER.
 */
int sctp_writer_finish(struct sctp_writer *writer, bool zero_checksum);

#endif
