/* links: sctp */
/* Packets, chunks and parameters of anybody: every reader on what it is for, and what was read is written and read again. */
#include <assert.h>
#include <string.h>

#include "sctp/chunk.h"
#include "sctp/cookie_internal.h"
#include "sctp/crc32c_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[SCTP_PACKET_MAX_BYTES];

static struct sctp_chunk written(struct sctp_writer *writer) {
    struct sctp_packet packet;
    struct sctp_chunk chunk;
    int length = sctp_writer_finish(writer, false);
    assert(length > 0 && sctp_packet_parse(out, (size_t)length, &packet) == SCTP_OK);
    assert(packet.checksum == sctp_packet_checksum(out, (size_t)length));
    struct sctp_walk walk = sctp_walk_packet(&packet);
    assert(sctp_walk_chunk(&walk, &chunk));
    return chunk;
}

static void try_data(const struct sctp_chunk *chunk, struct sctp_writer *writer) {
    struct sctp_data data, again;
    if (sctp_read_data(chunk, &data) != SCTP_OK)
        return;
    assert(data.length > 0 && data.bytes >= chunk->value && data.bytes + data.length == chunk->value + chunk->length);
    sctp_write_data(writer, &data);
    struct sctp_chunk copy = written(writer);
    assert(sctp_read_data(&copy, &again) == SCTP_OK);
    assert(again.tsn == data.tsn && again.stream == data.stream && again.message == data.message && again.fragment == data.fragment);
    assert(again.length == data.length && memcmp(again.bytes, data.bytes, data.length) == 0);
}

static void try_init(const struct sctp_chunk *chunk, struct sctp_writer *writer) {
    struct sctp_init init, again;
    if (sctp_read_init(chunk, &init) != SCTP_OK)
        return;
    assert(init.initiate_tag != 0 && init.outbound_streams != 0 && init.inbound_streams != 0 && init.window >= SCTP_WINDOW_FIRST_MIN_BYTES);
    if (init.cookie_length > 60000)
        return;
    sctp_write_init(writer, chunk->type, &init, NULL, 0);
    struct sctp_chunk copy = written(writer);
    assert(sctp_read_init(&copy, &again) == SCTP_OK);
    assert(again.interleaving == init.interleaving && again.i_forward_tsn == init.i_forward_tsn && again.re_config == init.re_config && again.zero_checksum == init.zero_checksum);
    assert(again.cookie_length == init.cookie_length);
    struct sctp_cookie cookie;
    static const struct sctp_cookie_key key = {{1}};
    assert(!sctp_cookie_open(init.cookie, init.cookie_length, &key, &cookie));
}

static void try_sack(const struct sctp_chunk *chunk) {
    struct sctp_sack sack;
    if (sctp_read_sack(chunk, &sack) != SCTP_OK)
        return;
    for (size_t i = 0; i < sack.gap_count; i++)
        assert(sctp_sack_gap(&sack, i).start >= 1 && sctp_sack_gap(&sack, i).end >= sctp_sack_gap(&sack, i).start);
    uint32_t sum = 0;
    for (size_t i = 0; i < sack.duplicate_count; i++)
        sum += sctp_sack_duplicate(&sack, i);
    (void)sum;
}

static void try_forward(const struct sctp_chunk *chunk) {
    struct sctp_forward_tsn forward;
    if (sctp_read_forward_tsn(chunk, &forward) != SCTP_OK)
        return;
    uint32_t sum = 0;
    for (size_t i = 0; i < forward.stream_count; i++)
        sum += sctp_forward_tsn_stream(&forward, i).message;
    (void)sum;
}

static void try_parameters(const struct sctp_chunk *chunk) {
    struct sctp_walk walk = sctp_walk_bytes(chunk->value, chunk->length);
    struct sctp_parameter parameter;
    struct sctp_reset_request request;
    struct sctp_re_config_response response;
    while (sctp_walk_parameter(&walk, &parameter)) {
        assert(parameter.value >= chunk->value && parameter.value + parameter.length <= chunk->value + chunk->length);
        if (sctp_read_reset_request(&parameter, &request) == SCTP_OK) {
            for (size_t i = 0; i < request.stream_count; i++)
                (void)sctp_reset_request_stream(&request, i);
        }
        (void)sctp_read_re_config_response(&parameter, &response);
        (void)sctp_init_parameter_is_known(parameter.type);
        assert(sctp_cause_name(parameter.type));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sctp_packet packet;
    struct sctp_chunk chunk;
    struct sctp_parameter info;
    uint32_t tsn;
    if (sctp_packet_parse(data, size, &packet) != SCTP_OK)
        return 0;
    assert(sctp_crc32c_update(0, data, size) == sctp_crc32c_update_portable(0, data, size));
    struct sctp_walk walk = sctp_walk_packet(&packet);
    while (sctp_walk_chunk(&walk, &chunk)) {
        assert(chunk.value >= packet.chunks && chunk.value + chunk.length <= data + size);
        assert(sctp_chunk_type_name(chunk.type));
        struct sctp_writer writer;
        sctp_writer_begin(&writer, out, sizeof out, 1, 2, 3);
        if (chunk.type == SCTP_CHUNK_DATA || chunk.type == SCTP_CHUNK_I_DATA)
            try_data(&chunk, &writer);
        else if (chunk.type == SCTP_CHUNK_INIT || chunk.type == SCTP_CHUNK_INIT_ACK)
            try_init(&chunk, &writer);
        else if (chunk.type == SCTP_CHUNK_SACK)
            try_sack(&chunk);
        else if (chunk.type == SCTP_CHUNK_FORWARD_TSN || chunk.type == SCTP_CHUNK_I_FORWARD_TSN)
            try_forward(&chunk);
        else if (chunk.type == SCTP_CHUNK_HEARTBEAT || chunk.type == SCTP_CHUNK_HEARTBEAT_ACK)
            (void)sctp_read_heartbeat(&chunk, &info);
        else if (chunk.type == SCTP_CHUNK_SHUTDOWN)
            (void)sctp_read_shutdown(&chunk, &tsn);
        try_parameters(&chunk);
    }
    assert(sctp_walk_is_complete(&walk));
    return 0;
}
