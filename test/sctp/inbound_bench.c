/* See inbound_bench.h. */
#include "inbound_bench.h"

#include <stdlib.h>
#include <string.h>

/* The size stands before the memory. */
static void *count_allocate(void *context, size_t bytes) {
    struct counting *counting = context;
    if (counting->fails_after == 0)
        return NULL;
    if (counting->fails_after != SIZE_MAX)
        counting->fails_after--;
    max_align_t *memory = malloc(bytes + sizeof(max_align_t));
    if (!memory)
        return NULL;
    memcpy(memory, &bytes, sizeof bytes);
    memset(memory + 1, 0xA5, bytes);
    counting->calls++;
    counting->blocks++;
    counting->bytes += bytes;
    return memory + 1;
}

static void count_release(void *context, void *memory) {
    struct counting *counting = context;
    size_t bytes;
    memcpy(&bytes, (max_align_t *)memory - 1, sizeof bytes);
    counting->blocks--;
    counting->bytes -= bytes;
    free((max_align_t *)memory - 1);
}

void counting_begin(struct counting *counting) {
    *counting = (struct counting){.allocator = {count_allocate, count_release, counting}, .fails_after = SIZE_MAX};
}

struct sctp_inbound_config inbound_config(const struct counting *counting, bool is_interleaved) {
    return (struct sctp_inbound_config){
        .allocator = &counting->allocator,
        .budget_bytes = 1 << 20,
        .message_max_bytes = 1 << 16,
        .initial_tsn = INITIAL_TSN,
        .stream_count = 1024,
        .is_interleaved = is_interleaved,
    };
}

static struct sctp_data data_of(uint32_t tsn, uint16_t stream, const char *flags, const char *text) {
    return (struct sctp_data){
        .tsn = INITIAL_TSN + tsn,
        .stream = stream,
        .is_begin = strchr(flags, 'B') != NULL,
        .is_end = strchr(flags, 'E') != NULL,
        .is_unordered = strchr(flags, 'U') != NULL,
        .wants_immediate_sack = strchr(flags, 'I') != NULL,
        .payload_protocol = 51,
        .bytes = (const uint8_t *)text,
        .length = strlen(text),
    };
}

enum sctp_inbound_result give(struct sctp_inbound *in, uint32_t tsn, uint16_t stream, uint16_t sequence, const char *flags, const char *text) {
    struct sctp_data data = data_of(tsn, stream, flags, text);
    data.message = sequence;
    return sctp_inbound_data(in, &data);
}

enum sctp_inbound_result give_interleaved(struct sctp_inbound *in, uint32_t tsn, uint16_t stream, uint32_t message, uint32_t fragment, const char *flags, const char *text) {
    struct sctp_data data = data_of(tsn, stream, flags, text);
    data.is_interleaved = true;
    data.message = message;
    data.fragment = fragment;
    if (!data.is_begin)
        data.payload_protocol = 0;
    return sctp_inbound_data(in, &data);
}

/* Decimal, into text. */
static size_t write_number(char *text, unsigned number) {
    size_t length = 0;
    char digits[12];
    do {
        digits[length++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < length; i++)
        text[i] = digits[length - 1 - i];
    return length;
}

const char *take(struct sctp_inbound *in) {
    static char text[70000];
    struct sctp_received received;
    if (!sctp_inbound_poll_message(in, &received))
        return "";
    size_t length = write_number(text, received.stream);
    text[length++] = ':';
    size_t part = received.length < sizeof text - length - 1 ? received.length : sizeof text - length - 1;
    memcpy(text + length, received.bytes, part);
    text[length + part] = '\0';
    return text;
}

static uint8_t packet_bytes[4096];

static struct sctp_chunk only_chunk(struct sctp_writer *writer) {
    struct sctp_packet packet;
    struct sctp_chunk chunk = {0};
    int length = sctp_writer_finish(writer, true);
    if (length < 0 || sctp_packet_parse(packet_bytes, (size_t)length, &packet) != SCTP_OK)
        abort();
    struct sctp_walk walk = sctp_walk_packet(&packet);
    if (!sctp_walk_chunk(&walk, &chunk) || !sctp_walk_is_complete(&walk))
        abort();
    return chunk;
}

bool sack(struct sctp_inbound *in, size_t room, struct told *told) {
    struct sctp_writer writer;
    struct sctp_sack read;
    sctp_writer_begin(&writer, packet_bytes, SCTP_HEADER_BYTES + room, 5000, 5000, 1);
    if (!sctp_inbound_write_sack(in, &writer))
        return false;
    struct sctp_chunk chunk = only_chunk(&writer);
    if (chunk.type != SCTP_CHUNK_SACK || sctp_read_sack(&chunk, &read) != SCTP_OK)
        abort();
    *told = (struct told){.cumulative = read.cumulative_tsn - INITIAL_TSN, .window = read.window, .gap_count = read.gap_count, .duplicate_count = read.duplicate_count};
    for (size_t i = 0; i < read.gap_count; i++)
        told->gaps[i] = sctp_sack_gap(&read, i);
    for (size_t i = 0; i < read.duplicate_count; i++)
        told->duplicates[i] = sctp_sack_duplicate(&read, i) - INITIAL_TSN;
    return true;
}

bool forward(struct sctp_inbound *in, uint32_t tsn, bool is_interleaved, const struct sctp_skipped *streams, size_t count) {
    struct sctp_writer writer;
    struct sctp_forward_tsn read;
    sctp_writer_begin(&writer, packet_bytes, sizeof packet_bytes, 5000, 5000, 1);
    sctp_write_forward_tsn(&writer, is_interleaved, INITIAL_TSN + tsn, streams, count);
    struct sctp_chunk chunk = only_chunk(&writer);
    if (sctp_read_forward_tsn(&chunk, &read) != SCTP_OK)
        abort();
    return sctp_inbound_forward_tsn(in, &read);
}
