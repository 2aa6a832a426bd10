/* Packets, chunks and parameters: RFC 9260 section 3, as bytes. */
#include "sctp/packet.h"

#include <assert.h>
#include <string.h>

#include "sctp/bytes_internal.h"
#include "sctp/crc32c_internal.h"

/* ---- names ------------------------------------------------------------------------------------------------------------------------- */

const char *sctp_chunk_type_name(uint8_t type) {
    switch ((enum sctp_chunk_type)type) {
    case SCTP_CHUNK_DATA: return "DATA";
    case SCTP_CHUNK_INIT: return "INIT";
    case SCTP_CHUNK_INIT_ACK: return "INIT ACK";
    case SCTP_CHUNK_SACK: return "SACK";
    case SCTP_CHUNK_HEARTBEAT: return "HEARTBEAT";
    case SCTP_CHUNK_HEARTBEAT_ACK: return "HEARTBEAT ACK";
    case SCTP_CHUNK_ABORT: return "ABORT";
    case SCTP_CHUNK_SHUTDOWN: return "SHUTDOWN";
    case SCTP_CHUNK_SHUTDOWN_ACK: return "SHUTDOWN ACK";
    case SCTP_CHUNK_ERROR: return "ERROR";
    case SCTP_CHUNK_COOKIE_ECHO: return "COOKIE ECHO";
    case SCTP_CHUNK_COOKIE_ACK: return "COOKIE ACK";
    case SCTP_CHUNK_SHUTDOWN_COMPLETE: return "SHUTDOWN COMPLETE";
    case SCTP_CHUNK_I_DATA: return "I-DATA";
    case SCTP_CHUNK_RE_CONFIG: return "RE-CONFIG";
    case SCTP_CHUNK_PAD: return "PAD";
    case SCTP_CHUNK_FORWARD_TSN: return "FORWARD TSN";
    case SCTP_CHUNK_I_FORWARD_TSN: return "I-FORWARD-TSN";
    }
    return "unknown chunk";
}

const char *sctp_cause_name(uint16_t code) {
    static const char *const names[] = {
        [SCTP_CAUSE_INVALID_STREAM] = "invalid stream identifier",
        [SCTP_CAUSE_MISSING_PARAMETER] = "missing mandatory parameter",
        [SCTP_CAUSE_STALE_COOKIE] = "stale cookie",
        [SCTP_CAUSE_OUT_OF_RESOURCE] = "out of resource",
        [SCTP_CAUSE_UNRESOLVABLE_ADDRESS] = "unresolvable address",
        [SCTP_CAUSE_UNRECOGNIZED_CHUNK] = "unrecognized chunk type",
        [SCTP_CAUSE_INVALID_PARAMETER] = "invalid mandatory parameter",
        [SCTP_CAUSE_UNRECOGNIZED_PARAMETERS] = "unrecognized parameters",
        [SCTP_CAUSE_NO_USER_DATA] = "no user data",
        [SCTP_CAUSE_COOKIE_WHILE_SHUTTING_DOWN] = "cookie received while shutting down",
        [SCTP_CAUSE_RESTART_WITH_NEW_ADDRESSES] = "restart with new addresses",
        [SCTP_CAUSE_USER_ABORT] = "user-initiated abort",
        [SCTP_CAUSE_PROTOCOL_VIOLATION] = "protocol violation",
    };
    bool is_known = code > 0 && code < sizeof names / sizeof names[0];
    return is_known ? names[code] : "unknown cause";
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------------- */

struct sctp_walk sctp_walk_bytes(const uint8_t *bytes, size_t length) {
    return (struct sctp_walk){bytes, length};
}

struct sctp_walk sctp_walk_packet(const struct sctp_packet *packet) {
    return sctp_walk_bytes(packet->chunks, packet->length);
}

/* Cuts off what begins with a type of two bytes (or one, and flags) and a length of two. The last may lack its padding. */
static bool cut(struct sctp_walk *walk, const uint8_t **at, size_t *length) {
    if (walk->length < SCTP_CHUNK_HEADER_BYTES)
        return false;
    size_t whole = sctp_load_u16(walk->at + 2);
    if (whole < SCTP_CHUNK_HEADER_BYTES || whole > walk->length)
        return false;
    *at = walk->at;
    *length = whole;
    size_t padded = sctp_padded(whole) < walk->length ? sctp_padded(whole) : walk->length;
    walk->at += padded;
    walk->length -= padded;
    return true;
}

bool sctp_walk_chunk(struct sctp_walk *walk, struct sctp_chunk *out) {
    const uint8_t *at;
    size_t length;
    if (!cut(walk, &at, &length))
        return false;
    *out = (struct sctp_chunk){at[0], at[1], at + SCTP_CHUNK_HEADER_BYTES, length - SCTP_CHUNK_HEADER_BYTES};
    return true;
}

bool sctp_walk_parameter(struct sctp_walk *walk, struct sctp_parameter *out) {
    const uint8_t *at;
    size_t length;
    if (!cut(walk, &at, &length))
        return false;
    *out = (struct sctp_parameter){sctp_load_u16(at), at + SCTP_CHUNK_HEADER_BYTES, length - SCTP_CHUNK_HEADER_BYTES};
    return true;
}

uint32_t sctp_packet_checksum(const uint8_t *bytes, size_t length) {
    static const uint8_t zero[4];
    assert(length >= SCTP_HEADER_BYTES);
    /* RFC 9260 section 6.8: over the whole packet, with zero where the checksum stands. */
    uint32_t crc = sctp_crc32c_update(SCTP_CRC32C_START, bytes, 8);
    crc = sctp_crc32c_update(crc, zero, sizeof zero);
    crc = ~sctp_crc32c_update(crc, bytes + SCTP_HEADER_BYTES, length - SCTP_HEADER_BYTES);
    /* RFC 9260 appendix A: the lowest byte goes first. */
    return crc << 24 | (crc << 8 & 0x00FF0000) | (crc >> 8 & 0x0000FF00) | crc >> 24;
}

int sctp_packet_parse(const uint8_t *bytes, size_t length, struct sctp_packet *out) {
    if (length < SCTP_PACKET_MIN_BYTES || length > SCTP_PACKET_MAX_BYTES)
        return SCTP_ERROR_MALFORMED;
    *out = (struct sctp_packet){
        .source_port = sctp_load_u16(bytes),
        .destination_port = sctp_load_u16(bytes + 2),
        .verification_tag = sctp_load_u32(bytes + 4),
        .checksum = sctp_load_u32(bytes + 8),
        .chunks = bytes + SCTP_HEADER_BYTES,
        .length = length - SCTP_HEADER_BYTES,
    };
    struct sctp_walk walk = sctp_walk_packet(out);
    struct sctp_chunk chunk;
    while (sctp_walk_chunk(&walk, &chunk))
        ;
    return sctp_walk_is_complete(&walk) ? SCTP_OK : SCTP_ERROR_MALFORMED;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------------- */

static uint8_t *reserve(struct sctp_writer *writer, size_t length) {
    writer->failed |= length > writer->capacity - writer->length;
    if (writer->failed)
        return NULL;
    uint8_t *at = writer->bytes + writer->length;
    writer->length += length;
    return at;
}

void sctp_writer_begin(struct sctp_writer *writer, uint8_t *bytes, size_t capacity, uint16_t source_port, uint16_t destination_port, uint32_t verification_tag) {
    *writer = (struct sctp_writer){.bytes = bytes, .capacity = capacity < SCTP_PACKET_MAX_BYTES ? capacity : SCTP_PACKET_MAX_BYTES};
    sctp_writer_u16(writer, source_port);
    sctp_writer_u16(writer, destination_port);
    sctp_writer_u32(writer, verification_tag);
    sctp_writer_u32(writer, 0);
}

void sctp_writer_open_chunk(struct sctp_writer *writer, uint8_t type, uint8_t flags) {
    assert(writer->chunk == 0);
    size_t begin = writer->length;
    uint8_t *at = reserve(writer, SCTP_CHUNK_HEADER_BYTES);
    if (!at)
        return;
    at[0] = type;
    at[1] = flags;
    writer->chunk = begin;
}

void sctp_writer_u16(struct sctp_writer *writer, uint16_t value) {
    uint8_t *at = reserve(writer, 2);
    if (at)
        sctp_store_u16(at, value);
}

void sctp_writer_u32(struct sctp_writer *writer, uint32_t value) {
    uint8_t *at = reserve(writer, 4);
    if (at)
        sctp_store_u32(at, value);
}

void sctp_writer_bytes(struct sctp_writer *writer, const uint8_t *bytes, size_t length) {
    uint8_t *at = reserve(writer, length);
    if (at && length > 0)
        memcpy(at, bytes, length);
}

/* Zeros up to a multiple of four: everything begins at one. */
static void pad(struct sctp_writer *writer) {
    size_t missing = sctp_padded(writer->length) - writer->length;
    uint8_t *at = reserve(writer, missing);
    if (at && missing > 0)
        memset(at, 0, missing);
}

void sctp_writer_parameter(struct sctp_writer *writer, uint16_t type, const uint8_t *value, size_t length) {
    writer->failed |= length > UINT16_MAX - SCTP_CHUNK_HEADER_BYTES;
    if (writer->failed)
        return;
    pad(writer); /* RFC 9260 section 3.2.1: the padding of the last parameter is the chunk's own */
    sctp_writer_u16(writer, type);
    sctp_writer_u16(writer, (uint16_t)(length + SCTP_CHUNK_HEADER_BYTES));
    sctp_writer_bytes(writer, value, length);
}

void sctp_writer_close_chunk(struct sctp_writer *writer) {
    if (!writer->failed) {
        assert(writer->chunk > 0); /* the packet is at most 65,535 bytes, so the chunk is */
        sctp_store_u16(writer->bytes + writer->chunk + 2, (uint16_t)(writer->length - writer->chunk));
        pad(writer);
    }
    writer->chunk = 0;
}

void sctp_writer_rewind(struct sctp_writer *writer, size_t length) {
    assert(length >= SCTP_HEADER_BYTES && length <= writer->length);
    writer->length = length;
    writer->chunk = 0;
    writer->failed = false;
}

int sctp_writer_finish(struct sctp_writer *writer, bool zero_checksum) {
    if (writer->failed || writer->length < SCTP_HEADER_BYTES)
        return SCTP_ERROR_BUFFER;
    sctp_store_u32(writer->bytes + 8, zero_checksum ? 0 : sctp_packet_checksum(writer->bytes, writer->length));
    return (int)writer->length;
}
