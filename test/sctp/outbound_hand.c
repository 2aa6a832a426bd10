/* An outbound side by hand: see outbound_hand.h. */
#include "outbound_hand.h"

static void *allocate(void *context, size_t bytes) {
    struct hand *h = context;
    h->allocations++;
    if (h->refuse_from > 0 && h->allocations >= h->refuse_from)
        return NULL;
    void *memory = malloc(bytes);
    h->outstanding += memory != NULL;
    return memory;
}

static void release(void *context, void *memory) {
    ((struct hand *)context)->outstanding--;
    free(memory);
}

struct hand *hand_new_with(const struct sctp_outbound_config *config) {
    struct hand *h = calloc(1, sizeof *h);
    assert_non_null(h);
    h->now_us = 1000000;
    struct sctp_allocator allocator = {allocate, release, h};
    struct sctp_outbound_config own = *config;
    own.allocator = &allocator;
    h->out = sctp_outbound_new(&own, h->now_us);
    assert_non_null(h->out);
    return h;
}

struct hand *hand_new(bool is_interleaved) {
    return hand_new_with(&(struct sctp_outbound_config){.budget_bytes = 1 << 20, .initial_tsn = 1000, .fragment_bytes = HAND_FRAGMENT_BYTES,
                                                        .peer_window = 1 << 20, .is_interleaved = is_interleaved, .can_forward = true});
}

void hand_free(struct hand *h) {
    sctp_outbound_free(h->out);
    assert_int_equal(h->outstanding, 0);
    free(h);
}

int hand_send(struct hand *h, uint16_t stream, size_t length) {
    static uint8_t bytes[1 << 20];
    struct sctp_message message = {.stream = stream, .payload_protocol = 53, .bytes = bytes, .length = length};
    return sctp_outbound_send(h->out, h->now_us, &message);
}

size_t hand_drain(struct hand *h) {
    h->packet_count = h->chunk_count = h->forward_count = 0;
    for (;;) {
        struct sctp_writer writer;
        assert_in_range(h->packet_count, 0, HAND_PACKETS_MAX - 1);
        uint8_t *bytes = h->bytes[h->packet_count];
        sctp_writer_begin(&writer, bytes, HAND_PACKET_BYTES, 5000, 5000, 1);
        if (!sctp_outbound_write(h->out, h->now_us, &writer))
            return h->chunk_count;
        int length = sctp_writer_finish(&writer, true);
        struct sctp_packet packet;
        struct sctp_chunk chunk;
        assert_true(length > 0);
        assert_int_equal(sctp_packet_parse(bytes, (size_t)length, &packet), SCTP_OK);
        h->packet_count++;
        struct sctp_walk walk = sctp_walk_packet(&packet);
        size_t chunks_before = h->chunk_count;
        while (sctp_walk_chunk(&walk, &chunk)) {
            if (chunk.type == SCTP_CHUNK_FORWARD_TSN || chunk.type == SCTP_CHUNK_I_FORWARD_TSN) {
                assert_int_equal(h->chunk_count, chunks_before); /* RFC 9260 section 6.10, MUST: before data */
                assert_int_equal(sctp_read_forward_tsn(&chunk, &h->forward), SCTP_OK);
                h->forward_count++;
            } else {
                assert_in_range(h->chunk_count, 0, HAND_CHUNKS_MAX - 1);
                assert_int_equal(sctp_read_data(&chunk, &h->chunks[h->chunk_count++]), SCTP_OK);
            }
        }
    }
}

int hand_sack_with(struct hand *h, uint32_t cumulative_tsn, uint32_t window, const uint16_t *gaps, const uint32_t *duplicates, size_t duplicate_count) {
    struct sctp_gap blocks[64];
    size_t count = 0;
    for (; gaps && gaps[2 * count] != 0; count++)
        blocks[count] = (struct sctp_gap){gaps[2 * count], gaps[2 * count + 1]};
    uint8_t bytes[HAND_PACKET_BYTES];
    struct sctp_writer writer;
    struct sctp_packet packet;
    struct sctp_chunk chunk;
    struct sctp_sack sack;
    sctp_writer_begin(&writer, bytes, sizeof bytes, 5000, 5000, 1);
    sctp_write_sack(&writer, cumulative_tsn, window, blocks, count, duplicates, duplicate_count);
    int length = sctp_writer_finish(&writer, true);
    assert_true(length > 0);
    assert_int_equal(sctp_packet_parse(bytes, (size_t)length, &packet), SCTP_OK);
    struct sctp_walk walk = sctp_walk_packet(&packet);
    assert_true(sctp_walk_chunk(&walk, &chunk));
    assert_int_equal(sctp_read_sack(&chunk, &sack), SCTP_OK);
    return sctp_outbound_handle_sack(h->out, h->now_us, &sack, &h->has_progressed);
}

int hand_sack(struct hand *h, uint32_t cumulative_tsn, const uint16_t *gaps) {
    return hand_sack_with(h, cumulative_tsn, 1 << 20, gaps, NULL, 0);
}

bool hand_wait(struct hand *h) {
    uint64_t next_us = sctp_outbound_next_timeout(h->out);
    assert_true(next_us != UINT64_MAX);
    if (next_us > h->now_us)
        h->now_us = next_us;
    return sctp_outbound_handle_timeout(h->out, h->now_us);
}

struct sctp_outbound_statistics hand_statistics(const struct hand *h) {
    struct sctp_outbound_statistics statistics;
    sctp_outbound_statistics(h->out, &statistics);
    return statistics;
}
