/* Chunks taken apart: RFC 9260 section 3.3, RFC 8260, RFC 3758. RE-CONFIG is in re_config.c. */
#include "sctp/bytes_internal.h"
#include "sctp/chunk.h"

#define FLAG_IMMEDIATE 8u
#define FLAG_UNORDERED 4u
#define FLAG_BEGIN 2u
#define FLAG_END 1u

/* ---- DATA, I-DATA ------------------------------------------------------------------------------------------------------------------ */

int sctp_read_data(const struct sctp_chunk *chunk, struct sctp_data *out) {
    bool is_interleaved = chunk->type == SCTP_CHUNK_I_DATA;
    size_t header = (is_interleaved ? SCTP_I_DATA_HEADER_BYTES : SCTP_DATA_HEADER_BYTES) - SCTP_CHUNK_HEADER_BYTES;
    /* RFC 9260 section 3.3.1, MUST: a DATA chunk has user data; RFC 8260 section 2.1 says the same of I-DATA. */
    if (chunk->length <= header)
        return SCTP_ERROR_MALFORMED;
    const uint8_t *at = chunk->value;
    *out = (struct sctp_data){
        .is_interleaved = is_interleaved,
        .wants_immediate_sack = (chunk->flags & FLAG_IMMEDIATE) != 0,
        .is_unordered = (chunk->flags & FLAG_UNORDERED) != 0,
        .is_begin = (chunk->flags & FLAG_BEGIN) != 0,
        .is_end = (chunk->flags & FLAG_END) != 0,
        .tsn = sctp_load_u32(at),
        .stream = sctp_load_u16(at + 4),
        .message = is_interleaved ? sctp_load_u32(at + 8) : sctp_load_u16(at + 6),
        .bytes = at + header,
        .length = chunk->length - header,
    };
    /* RFC 8260 section 2.1: one field, the FSN unless the fragment is the first, whose FSN is 0. */
    uint32_t last = sctp_load_u32(at + header - 4);
    if (is_interleaved && !out->is_begin)
        out->fragment = last;
    else
        out->payload_protocol = last;
    return SCTP_OK;
}

/* ---- INIT, INIT ACK ---------------------------------------------------------------------------------------------------------------- */

bool sctp_init_parameter_is_known(uint16_t type) {
    switch (type) {
    case SCTP_PARAMETER_IPV4_ADDRESS: /* RFC 8261 section 6.1: one association, one DTLS; read over */
    case SCTP_PARAMETER_IPV6_ADDRESS:
    case SCTP_PARAMETER_STATE_COOKIE:
    case SCTP_PARAMETER_UNRECOGNIZED:
    case SCTP_PARAMETER_COOKIE_PRESERVATIVE:
    case SCTP_PARAMETER_ADDRESS_TYPES:
    case SCTP_PARAMETER_ZERO_CHECKSUM:
    case SCTP_PARAMETER_SUPPORTED_EXTENSIONS:
    case SCTP_PARAMETER_FORWARD_TSN_SUPPORTED:
        return true;
    default:
        return false;
    }
}

static void read_extensions(const struct sctp_parameter *parameter, struct sctp_init *out) {
    for (size_t i = 0; i < parameter->length; i++) {
        out->interleaving |= parameter->value[i] == SCTP_CHUNK_I_DATA;
        out->i_forward_tsn |= parameter->value[i] == SCTP_CHUNK_I_FORWARD_TSN;
        out->re_config |= parameter->value[i] == SCTP_CHUNK_RE_CONFIG;
        out->forward_tsn |= parameter->value[i] == SCTP_CHUNK_FORWARD_TSN;
    }
}

static void read_parameter(const struct sctp_parameter *parameter, struct sctp_init *out) {
    switch (parameter->type) {
    case SCTP_PARAMETER_STATE_COOKIE:
        out->cookie = parameter->value;
        out->cookie_length = parameter->length;
        break;
    case SCTP_PARAMETER_FORWARD_TSN_SUPPORTED:
        out->forward_tsn = true;
        break;
    case SCTP_PARAMETER_SUPPORTED_EXTENSIONS:
        read_extensions(parameter, out);
        break;
    case SCTP_PARAMETER_ZERO_CHECKSUM:
        out->zero_checksum = parameter->length == 4 && sctp_load_u32(parameter->value) == SCTP_ERROR_DETECTION_DTLS;
        break;
    default: /* who cares what is not known asks sctp_init_parameter_is_known */
        break;
    }
}

int sctp_read_init(const struct sctp_chunk *chunk, struct sctp_init *out) {
    if (chunk->length < 16)
        return SCTP_ERROR_MALFORMED;
    const uint8_t *at = chunk->value;
    *out = (struct sctp_init){
        .initiate_tag = sctp_load_u32(at),
        .window = sctp_load_u32(at + 4),
        .outbound_streams = sctp_load_u16(at + 8),
        .inbound_streams = sctp_load_u16(at + 10),
        .initial_tsn = sctp_load_u32(at + 12),
        .parameters = at + 16,
        .parameters_length = chunk->length - 16,
    };
    /* RFC 9260 section 3.3.2, MUST NOT: a tag of 0, no stream in a direction, a window below 1,500 bytes. */
    if (out->initiate_tag == 0 || out->outbound_streams == 0 || out->inbound_streams == 0 || out->window < SCTP_WINDOW_FIRST_MIN_BYTES)
        return SCTP_ERROR_MALFORMED;
    struct sctp_walk walk = sctp_walk_bytes(out->parameters, out->parameters_length);
    struct sctp_parameter parameter;
    while (sctp_walk_parameter(&walk, &parameter))
        read_parameter(&parameter, out);
    return sctp_walk_is_complete(&walk) ? SCTP_OK : SCTP_ERROR_MALFORMED;
}

/* ---- SACK -------------------------------------------------------------------------------------------------------------------------- */

struct sctp_gap sctp_sack_gap(const struct sctp_sack *sack, size_t index) {
    return (struct sctp_gap){sctp_load_u16(sack->gaps + 4 * index), sctp_load_u16(sack->gaps + 4 * index + 2)};
}

uint32_t sctp_sack_duplicate(const struct sctp_sack *sack, size_t index) {
    return sctp_load_u32(sack->duplicates + 4 * index);
}

int sctp_read_sack(const struct sctp_chunk *chunk, struct sctp_sack *out) {
    if (chunk->length < 12)
        return SCTP_ERROR_MALFORMED;
    const uint8_t *at = chunk->value;
    size_t gaps = sctp_load_u16(at + 8), duplicates = sctp_load_u16(at + 10);
    if (chunk->length != 12 + 4 * (gaps + duplicates))
        return SCTP_ERROR_MALFORMED;
    *out = (struct sctp_sack){sctp_load_u32(at), sctp_load_u32(at + 4), at + 12, gaps, at + 12 + 4 * gaps, duplicates};
    /* RFC 9260 section 3.3.4: offset 0 is the cumulative TSN itself; a block ends where it begins, or later. */
    for (size_t i = 0; i < gaps; i++) {
        struct sctp_gap gap = sctp_sack_gap(out, i);
        if (gap.start == 0 || gap.end < gap.start)
            return SCTP_ERROR_MALFORMED;
    }
    return SCTP_OK;
}

/* ---- the small ones ---------------------------------------------------------------------------------------------------------------- */

int sctp_read_heartbeat(const struct sctp_chunk *chunk, struct sctp_parameter *info) {
    struct sctp_walk walk = sctp_walk_bytes(chunk->value, chunk->length);
    if (!sctp_walk_parameter(&walk, info) || info->type != SCTP_PARAMETER_HEARTBEAT_INFO)
        return SCTP_ERROR_MALFORMED;
    return sctp_walk_is_complete(&walk) ? SCTP_OK : SCTP_ERROR_MALFORMED;
}

int sctp_read_shutdown(const struct sctp_chunk *chunk, uint32_t *cumulative_tsn) {
    if (chunk->length != 4)
        return SCTP_ERROR_MALFORMED;
    *cumulative_tsn = sctp_load_u32(chunk->value);
    return SCTP_OK;
}

/* ---- FORWARD TSN, I-FORWARD-TSN ---------------------------------------------------------------------------------------------------- */

int sctp_read_forward_tsn(const struct sctp_chunk *chunk, struct sctp_forward_tsn *out) {
    bool is_interleaved = chunk->type == SCTP_CHUNK_I_FORWARD_TSN;
    size_t entry = is_interleaved ? 8 : 4;
    if (chunk->length < 4 || (chunk->length - 4) % entry != 0)
        return SCTP_ERROR_MALFORMED;
    *out = (struct sctp_forward_tsn){is_interleaved, sctp_load_u32(chunk->value), chunk->value + 4, (chunk->length - 4) / entry};
    return SCTP_OK;
}

struct sctp_skipped sctp_forward_tsn_stream(const struct sctp_forward_tsn *forward, size_t index) {
    const uint8_t *at = forward->streams + index * (forward->is_interleaved ? 8 : 4);
    if (!forward->is_interleaved)
        return (struct sctp_skipped){sctp_load_u16(at), false, sctp_load_u16(at + 2)};
    return (struct sctp_skipped){sctp_load_u16(at), (at[3] & 1) != 0, sctp_load_u32(at + 4)};
}
