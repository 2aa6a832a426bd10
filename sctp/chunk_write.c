/* Chunks put together: RFC 9260 section 3.3, RFC 8260, RFC 3758. RE-CONFIG is in re_config.c. */
#include "sctp/bytes_internal.h"
#include "sctp/chunk.h"

void sctp_write_chunk(struct sctp_writer *writer, uint8_t type, uint8_t flags, const uint8_t *value, size_t length) {
    sctp_writer_open_chunk(writer, type, flags);
    sctp_writer_bytes(writer, value, length);
    sctp_writer_close_chunk(writer);
}

void sctp_write_data(struct sctp_writer *writer, const struct sctp_data *data) {
    unsigned flags = (data->wants_immediate_sack ? 8u : 0) | (data->is_unordered ? 4u : 0) | (data->is_begin ? 2u : 0) | (data->is_end ? 1u : 0);
    sctp_writer_open_chunk(writer, data->is_interleaved ? SCTP_CHUNK_I_DATA : SCTP_CHUNK_DATA, (uint8_t)flags);
    sctp_writer_u32(writer, data->tsn);
    sctp_writer_u16(writer, data->stream);
    sctp_writer_u16(writer, data->is_interleaved ? 0 : (uint16_t)data->message);
    if (data->is_interleaved)
        sctp_writer_u32(writer, data->message);
    sctp_writer_u32(writer, data->is_interleaved && !data->is_begin ? data->fragment : data->payload_protocol);
    sctp_writer_bytes(writer, data->bytes, data->length);
    sctp_writer_close_chunk(writer);
}

/* RFC 5061 section 4.2.7: the chunk types of extensions, one byte each. */
static void write_extensions(struct sctp_writer *writer, const struct sctp_init *init) {
    uint8_t types[4];
    size_t count = 0;
    if (init->re_config)
        types[count++] = SCTP_CHUNK_RE_CONFIG;
    if (init->forward_tsn)
        types[count++] = SCTP_CHUNK_FORWARD_TSN;
    if (init->interleaving)
        types[count++] = SCTP_CHUNK_I_DATA;
    if (init->i_forward_tsn)
        types[count++] = SCTP_CHUNK_I_FORWARD_TSN;
    if (count > 0)
        sctp_writer_parameter(writer, SCTP_PARAMETER_SUPPORTED_EXTENSIONS, types, count);
}

/* Each of them whole, header and all, inside a parameter of its own: RFC 9260 section 3.3.3.1.2. */
static void write_unrecognized(struct sctp_writer *writer, const uint8_t *bytes, size_t length) {
    struct sctp_walk walk = sctp_walk_bytes(bytes, length);
    struct sctp_parameter parameter;
    while (sctp_walk_parameter(&walk, &parameter))
        sctp_writer_parameter(writer, SCTP_PARAMETER_UNRECOGNIZED, parameter.value - SCTP_CHUNK_HEADER_BYTES, parameter.length + SCTP_CHUNK_HEADER_BYTES);
}

void sctp_write_init(struct sctp_writer *writer, uint8_t type, const struct sctp_init *init, const uint8_t *unrecognized, size_t unrecognized_length) {
    uint8_t method[4];
    sctp_store_u32(method, SCTP_ERROR_DETECTION_DTLS);
    sctp_writer_open_chunk(writer, type, 0);
    sctp_writer_u32(writer, init->initiate_tag);
    sctp_writer_u32(writer, init->window);
    sctp_writer_u16(writer, init->outbound_streams);
    sctp_writer_u16(writer, init->inbound_streams);
    sctp_writer_u32(writer, init->initial_tsn);
    if (init->cookie)
        sctp_writer_parameter(writer, SCTP_PARAMETER_STATE_COOKIE, init->cookie, init->cookie_length);
    if (init->forward_tsn)
        sctp_writer_parameter(writer, SCTP_PARAMETER_FORWARD_TSN_SUPPORTED, NULL, 0);
    write_extensions(writer, init);
    if (init->zero_checksum)
        sctp_writer_parameter(writer, SCTP_PARAMETER_ZERO_CHECKSUM, method, sizeof method);
    write_unrecognized(writer, unrecognized, unrecognized_length);
    sctp_writer_close_chunk(writer);
}

void sctp_write_sack(struct sctp_writer *writer, uint32_t cumulative_tsn, uint32_t window, const struct sctp_gap *gaps, size_t gap_count,
                     const uint32_t *duplicates, size_t duplicate_count) {
    writer->failed |= gap_count > UINT16_MAX || duplicate_count > UINT16_MAX;
    sctp_writer_open_chunk(writer, SCTP_CHUNK_SACK, 0);
    sctp_writer_u32(writer, cumulative_tsn);
    sctp_writer_u32(writer, window);
    sctp_writer_u16(writer, (uint16_t)gap_count);
    sctp_writer_u16(writer, (uint16_t)duplicate_count);
    for (size_t i = 0; i < gap_count; i++) {
        sctp_writer_u16(writer, gaps[i].start);
        sctp_writer_u16(writer, gaps[i].end);
    }
    for (size_t i = 0; i < duplicate_count; i++)
        sctp_writer_u32(writer, duplicates[i]);
    sctp_writer_close_chunk(writer);
}

void sctp_write_heartbeat(struct sctp_writer *writer, uint8_t type, const uint8_t *info, size_t length) {
    sctp_writer_open_chunk(writer, type, 0);
    sctp_writer_parameter(writer, SCTP_PARAMETER_HEARTBEAT_INFO, info, length);
    sctp_writer_close_chunk(writer);
}

void sctp_write_shutdown(struct sctp_writer *writer, uint32_t cumulative_tsn) {
    sctp_writer_open_chunk(writer, SCTP_CHUNK_SHUTDOWN, 0);
    sctp_writer_u32(writer, cumulative_tsn);
    sctp_writer_close_chunk(writer);
}

void sctp_write_error(struct sctp_writer *writer, uint8_t type, uint8_t flags, uint16_t code, const uint8_t *information, size_t length) {
    sctp_writer_open_chunk(writer, type, flags);
    if (code != 0)
        sctp_writer_parameter(writer, code, information, length);
    sctp_writer_close_chunk(writer);
}

void sctp_write_forward_tsn(struct sctp_writer *writer, bool is_interleaved, uint32_t new_cumulative_tsn, const struct sctp_skipped *streams, size_t count) {
    sctp_writer_open_chunk(writer, is_interleaved ? SCTP_CHUNK_I_FORWARD_TSN : SCTP_CHUNK_FORWARD_TSN, 0);
    sctp_writer_u32(writer, new_cumulative_tsn);
    for (size_t i = 0; i < count; i++) {
        sctp_writer_u16(writer, streams[i].stream);
        sctp_writer_u16(writer, is_interleaved ? streams[i].is_unordered : (uint16_t)streams[i].message);
        if (is_interleaved)
            sctp_writer_u32(writer, streams[i].message);
    }
    sctp_writer_close_chunk(writer);
}
