/* RE-CONFIG, as bytes: RFC 6525 sections 3.1 and 4. Data channels reset outgoing streams with it (RFC 8831 section 6.7), no more. */
#include "sctp/bytes_internal.h"
#include "sctp/chunk.h"

int sctp_read_reset_request(const struct sctp_parameter *parameter, struct sctp_reset_request *out) {
    size_t header = parameter->type == SCTP_PARAMETER_OUTGOING_RESET_REQUEST ? 12 : 4;
    if (parameter->length < header || (parameter->length - header) % 2 != 0)
        return SCTP_ERROR_MALFORMED;
    *out = (struct sctp_reset_request){
        .request_sequence = sctp_load_u32(parameter->value),
        .streams = parameter->value + header,
        .stream_count = (parameter->length - header) / 2,
    };
    if (header == 12) {
        out->response_sequence = sctp_load_u32(parameter->value + 4);
        out->last_tsn = sctp_load_u32(parameter->value + 8);
    }
    return SCTP_OK;
}

uint16_t sctp_reset_request_stream(const struct sctp_reset_request *request, size_t index) {
    return sctp_load_u16(request->streams + 2 * index);
}

int sctp_read_re_config_response(const struct sctp_parameter *parameter, struct sctp_re_config_response *out) {
    /* RFC 6525 section 4.4: the two TSNs at its end are of a kind of reset that is never asked for here. */
    if (parameter->length != 8 && parameter->length != 16)
        return SCTP_ERROR_MALFORMED;
    *out = (struct sctp_re_config_response){sctp_load_u32(parameter->value), sctp_load_u32(parameter->value + 4)};
    return SCTP_OK;
}

static void write_header(struct sctp_writer *writer, uint16_t type, size_t length) {
    sctp_writer_open_chunk(writer, SCTP_CHUNK_RE_CONFIG, 0);
    sctp_writer_u16(writer, type);
    sctp_writer_u16(writer, (uint16_t)length);
}

void sctp_write_outgoing_reset(struct sctp_writer *writer, uint32_t request_sequence, uint32_t response_sequence, uint32_t last_tsn, const uint16_t *streams, size_t count) {
    writer->failed |= count > (UINT16_MAX - 16) / 2;
    write_header(writer, SCTP_PARAMETER_OUTGOING_RESET_REQUEST, 16 + 2 * count);
    sctp_writer_u32(writer, request_sequence);
    sctp_writer_u32(writer, response_sequence);
    sctp_writer_u32(writer, last_tsn);
    for (size_t i = 0; i < count; i++)
        sctp_writer_u16(writer, streams[i]);
    sctp_writer_close_chunk(writer);
}

void sctp_write_re_config_response(struct sctp_writer *writer, uint32_t sequence, uint32_t result) {
    write_header(writer, SCTP_PARAMETER_RE_CONFIG_RESPONSE, 12);
    sctp_writer_u32(writer, sequence);
    sctp_writer_u32(writer, result);
    sctp_writer_close_chunk(writer);
}
