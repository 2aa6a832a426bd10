/* links: sctp */
/*
 * The outbound side, driven by a script: messages, time, packets that get lost, SACKs of an honest peer and of a hostile one, stream resets, a path that changes,
 * an allocator that says no. A record of the script is an operation and three arguments. After each record:
 *     the sums of what is in flight equal a recount; the list by time is in order and holds just what is outstanding
 *     packets keep their size, and what is next is not in the past after a drain
 * In the end, if the peer was honest, everything that was reliable has arrived, nothing is held, and all memory is given back.
 */
#include <stdlib.h>
#include <string.h>

#include "sctp/outbound_state_internal.h"

#define RECORD_BYTES 4
#define PACKET_BYTES 400
#define FRAGMENT_BYTES (PACKET_BYTES - SCTP_HEADER_BYTES - SCTP_I_DATA_HEADER_BYTES)
#define BUDGET_BYTES (256 * 1024)
#define TSNS 131072
#define DRAIN_MAX 4000
#define STREAMS 8
#define FINISH_MAX 20000

enum operation { SEND, SEND_LONG, SEND_PARTIAL, TIME, TIME_LONG, WEATHER, SACK, HOSTILE_SACK, CUMULATIVE, PAUSE, RESUME, LOW, PATH, MEMORY, FRAGMENT,
                 WINDOW, HEARTBEAT, RENEGE, OPERATIONS };

struct world {
    struct sctp_outbound *out;
    uint64_t now_us;
    size_t outstanding;
    bool refuse_memory, is_hostile, has_partial, is_paused[STREAMS];
    unsigned weather; /* of 256 packets, so many get lost */
    uint32_t random;
    /* the honest peer */
    uint32_t cumulative_tsn, highest_tsn, window;
    uint8_t seen[TSNS];
    uint32_t duplicates[8];
    size_t duplicate_count;
    uint64_t sent_bytes, received_bytes;
};

static void check(bool holds) {
    if (!holds)
        abort();
}

static void *counting_allocate(void *context, size_t bytes) {
    struct world *w = context;
    void *memory = w->refuse_memory ? NULL : malloc(bytes);
    w->outstanding += memory != NULL;
    return memory;
}

static void counting_release(void *context, void *memory) {
    ((struct world *)context)->outstanding--;
    free(memory);
}

static unsigned chance(struct world *w) {
    w->random = w->random * 1664525 + 1013904223;
    return w->random >> 24;
}

/* ---- invariants -------------------------------------------------------------------------------------------------------------------- */

static void recount(const struct sctp_outbound *out) {
    const struct sctp_in_flight *flight = &out->flight;
    uint64_t user_bytes = 0, flight_bytes = 0;
    uint32_t counts[4] = {0}, listed = 0;
    for (uint32_t tsn = flight->cumulative_tsn + 1; tsn != flight->next_tsn; tsn++) {
        const struct sctp_record *record = sctp_in_flight_record(flight, tsn);
        check(record->tsn == tsn && record->message->records > 0 && record->state < 4);
        check((record->state == SCTP_RECORD_ABANDONED) == record->message->is_abandoned);
        counts[record->state]++;
        if (record->state == SCTP_RECORD_OUTSTANDING) {
            user_bytes += record->length;
            flight_bytes += sctp_in_flight_cost(flight, record->length);
        }
    }
    check(user_bytes == flight->user_bytes && flight_bytes == flight->flight_bytes);
    check(counts[0] == flight->outstanding_count && counts[1] == flight->lost_count && counts[2] == flight->acked_count && counts[3] == flight->abandoned_count);
    uint64_t before_us = 0;
    for (uint32_t slot = flight->oldest; slot != SCTP_NO_SLOT; slot = flight->records[slot].newer) {
        check(flight->records[slot].state == SCTP_RECORD_OUTSTANDING && flight->records[slot].sent_us >= before_us);
        before_us = flight->records[slot].sent_us;
        listed++;
    }
    check(listed == flight->outstanding_count);
    check(out->queue.pool.used_count <= out->queue.pool.limit_count);
    check(out->queue.pool.used_count + out->queue.pool.free_count == out->queue.pool.slab_count * SCTP_SLAB_BLOCKS);
    check(!sctp_tsn_before(out->forward_tsn, flight->cumulative_tsn) && sctp_tsn_before(out->forward_tsn, flight->next_tsn));
    check(!sctp_outbound_needs_t3(out) || out->t3_us != UINT64_MAX || flight->outstanding_count == 0);
    uint64_t buffered_bytes = 0;
    for (uint16_t stream = 0; stream < STREAMS; stream++)
        buffered_bytes += sctp_outbound_buffered(out, stream);
    check(buffered_bytes == sctp_outbound_buffered_in_all(out));
}

/* ---- the honest peer --------------------------------------------------------------------------------------------------------------- */

static void pass(struct world *w) {
    while (w->seen[(w->cumulative_tsn + 1) % TSNS]) {
        w->cumulative_tsn++;
        w->seen[w->cumulative_tsn % TSNS] = 0;
    }
    if (sctp_tsn_before(w->highest_tsn, w->cumulative_tsn))
        w->highest_tsn = w->cumulative_tsn;
}

static void take_data(struct world *w, const struct sctp_chunk *chunk) {
    struct sctp_data data;
    check(sctp_read_data(chunk, &data) == SCTP_OK && data.length > 0);
    bool is_old = !sctp_tsn_before(w->cumulative_tsn, data.tsn) || w->seen[data.tsn % TSNS];
    if (is_old && w->duplicate_count < sizeof w->duplicates / sizeof w->duplicates[0])
        w->duplicates[w->duplicate_count++] = data.tsn;
    if (is_old || w->window == 0)
        return;
    w->seen[data.tsn % TSNS] = 1;
    w->received_bytes += data.length;
    if (sctp_tsn_before(w->highest_tsn, data.tsn))
        w->highest_tsn = data.tsn;
    pass(w);
}

static void take_forward(struct world *w, const struct sctp_chunk *chunk) {
    struct sctp_forward_tsn forward;
    check(sctp_read_forward_tsn(chunk, &forward) == SCTP_OK);
    while (sctp_tsn_before(w->cumulative_tsn, forward.new_cumulative_tsn))
        w->seen[++w->cumulative_tsn % TSNS] = 0;
    pass(w);
}

static void take_packet(struct world *w, const uint8_t *bytes, size_t length) {
    struct sctp_packet packet;
    struct sctp_chunk chunk;
    check(length <= PACKET_BYTES && sctp_packet_parse(bytes, length, &packet) == SCTP_OK);
    if (chance(w) < w->weather || w->is_hostile)
        return;
    struct sctp_walk walk = sctp_walk_packet(&packet);
    while (sctp_walk_chunk(&walk, &chunk)) {
        if (chunk.type == SCTP_CHUNK_DATA || chunk.type == SCTP_CHUNK_I_DATA)
            take_data(w, &chunk);
        else
            take_forward(w, &chunk);
    }
}

static void give_sack(struct world *w, uint32_t cumulative_tsn, const struct sctp_gap *gaps, size_t count, const uint32_t *duplicates, size_t duplicate_count) {
    uint8_t bytes[2048];
    struct sctp_writer writer;
    struct sctp_packet packet;
    struct sctp_chunk chunk;
    struct sctp_sack sack;
    bool has_progressed;
    sctp_writer_begin(&writer, bytes, sizeof bytes, 1, 2, 3);
    sctp_write_sack(&writer, cumulative_tsn, w->window, gaps, count, duplicates, duplicate_count);
    int length = sctp_writer_finish(&writer, true);
    check(length > 0 && sctp_packet_parse(bytes, (size_t)length, &packet) == SCTP_OK);
    struct sctp_walk walk = sctp_walk_packet(&packet);
    check(sctp_walk_chunk(&walk, &chunk));
    if (sctp_read_sack(&chunk, &sack) != SCTP_OK)
        return;
    int error = sctp_outbound_handle_sack(w->out, w->now_us, &sack, &has_progressed);
    check(error == SCTP_OK || (w->is_hostile && error == SCTP_ERROR_MALFORMED && !has_progressed));
}

static void honest_sack(struct world *w) {
    struct sctp_gap gaps[100];
    size_t count = 0;
    uint32_t tsn = w->cumulative_tsn + 2;
    for (; count < 100 && !sctp_tsn_before(w->highest_tsn, tsn) && tsn - w->cumulative_tsn < UINT16_MAX; tsn++) {
        if (!w->seen[tsn % TSNS])
            continue;
        uint32_t end = tsn;
        while (w->seen[(end + 1) % TSNS])
            end++;
        gaps[count++] = (struct sctp_gap){(uint16_t)(tsn - w->cumulative_tsn), (uint16_t)(end - w->cumulative_tsn)};
        tsn = end;
    }
    give_sack(w, w->cumulative_tsn, gaps, count, w->duplicates, w->duplicate_count);
    w->duplicate_count = 0;
}

/* RFC 9260 section 6.2.1: what gap blocks named is dropped again. */
static void renege(struct world *w) {
    for (uint32_t tsn = w->cumulative_tsn + 1; !sctp_tsn_before(w->highest_tsn, tsn); tsn++)
        w->seen[tsn % TSNS] = 0;
    w->highest_tsn = w->cumulative_tsn;
    w->has_partial = true; /* bytes are counted twice */
}

/* ---- the script -------------------------------------------------------------------------------------------------------------------- */

static void drain(struct world *w) {
    static const uint8_t zeros[4 * 60];
    uint8_t bytes[PACKET_BYTES];
    struct sctp_writer writer;
    for (unsigned i = 0;; i++) {
        check(i < DRAIN_MAX);
        sctp_writer_begin(&writer, bytes, sizeof bytes, 1, 2, 3);
        if (chance(w) < 60)
            sctp_write_chunk(&writer, SCTP_CHUNK_PAD, 0, zeros, 4u * (chance(w) % 60)); /* what the association puts in front */
        size_t before = writer.length;
        if (!sctp_outbound_write(w->out, w->now_us, &writer)) {
            check(writer.length == before && !writer.failed);
            if (before > SCTP_HEADER_BYTES)
                continue;
            return;
        }
        int length = sctp_writer_finish(&writer, true);
        check(length > 0);
        uint8_t plain[PACKET_BYTES];
        memcpy(plain, bytes, SCTP_HEADER_BYTES);
        memcpy(plain + SCTP_HEADER_BYTES, bytes + before, (size_t)length - before);
        take_packet(w, plain, (size_t)length - before + SCTP_HEADER_BYTES);
    }
}

static void send(struct world *w, const uint8_t *argument, size_t length, bool is_partial) {
    static const uint8_t bytes[70000] = {1, 2, 3};
    struct sctp_message message = {.stream = argument[0] % STREAMS, .payload_protocol = 51, .is_unordered = (argument[0] & 8) != 0,
                                   .priority = argument[0] >> 4, .bytes = bytes, .length = length};
    if (is_partial) {
        message.reliability = (argument[2] & 1) != 0 ? SCTP_MAX_RETRANSMITS : SCTP_MAX_LIFETIME;
        message.max_retransmits = argument[2] >> 6;
        message.lifetime_us = argument[2] * 1000u;
    }
    int error = sctp_outbound_send(w->out, w->now_us, &message);
    check(error == SCTP_OK || error == SCTP_ERROR_CAPACITY || (error == SCTP_ERROR_MEMORY && w->refuse_memory) || (error == SCTP_ERROR_ARGUMENT && length == 0));
    if (error == SCTP_OK)
        w->sent_bytes += length;
    w->has_partial |= is_partial;
}

static void hostile_sack(struct world *w, const uint8_t *argument) {
    w->is_hostile = true;
    struct sctp_gap gaps[8];
    for (size_t i = 0; i < 8; i++)
        gaps[i] = (struct sctp_gap){(uint16_t)(argument[1] * i + 1 + chance(w) % 4), (uint16_t)(argument[1] * i + 1 + chance(w))};
    uint32_t duplicates[2] = {w->cumulative_tsn, sctp_outbound_last_tsn(w->out)};
    uint32_t in_flight = sctp_outbound_last_tsn(w->out) - w->out->flight.cumulative_tsn;
    uint32_t cumulative_tsn = w->out->flight.cumulative_tsn + (argument[0] < 128 ? argument[0] % (in_flight + 1) : argument[0] - 160u);
    give_sack(w, cumulative_tsn, gaps, argument[2] % 9, duplicates, argument[2] >> 6 & 2);
}

static void reset_streams(struct world *w, const uint8_t *argument) {
    uint16_t stream = argument[0] % STREAMS;
    if (!w->is_paused[stream])
        return;
    bool is_reset = argument[1] % 2 == 0 && sctp_outbound_is_drained(w->out, stream);
    sctp_outbound_resume(w->out, stream, is_reset);
    w->is_paused[stream] = false;
}

static void pass_time(struct world *w, uint64_t us) {
    w->now_us += us;
    sctp_outbound_handle_timeout(w->out, w->now_us);
}

static void play(struct world *w, unsigned operation, const uint8_t *argument) {
    bool has_progressed;
    uint16_t stream = argument[0] % STREAMS;
    switch ((enum operation)operation) {
    case SEND: send(w, argument, argument[1], false); break;
    case SEND_LONG: send(w, argument, (size_t)argument[1] * 250 + argument[2], false); break;
    case SEND_PARTIAL: send(w, argument, (size_t)argument[1] * 20 + 1, true); break;
    case TIME: pass_time(w, (uint64_t)argument[0] * 100); break;
    case TIME_LONG: pass_time(w, (uint64_t)argument[0] * 100000); break;
    case WEATHER: w->weather = argument[0] % 200; break;
    case SACK: honest_sack(w); break;
    case HOSTILE_SACK: hostile_sack(w, argument); break;
    case CUMULATIVE:
        check(sctp_outbound_handle_cumulative(w->out, w->now_us, w->is_hostile ? w->out->flight.cumulative_tsn : w->cumulative_tsn, &has_progressed) == SCTP_OK);
        break;
    case PAUSE:
        w->is_paused[stream] |= sctp_outbound_pause(w->out, stream) == SCTP_OK;
        break;
    case RESUME: reset_streams(w, argument); break;
    case LOW:
        sctp_outbound_set_low_mark(w->out, stream, argument[1] * 100u);
        while (sctp_outbound_poll_low(w->out, &stream))
            check(stream < STREAMS);
        break;
    case PATH: sctp_outbound_path_changed(w->out, w->now_us); break;
    case MEMORY: w->refuse_memory = argument[0] % 2 == 1; break;
    case FRAGMENT: sctp_outbound_set_fragment_bytes(w->out, SCTP_FRAGMENT_MIN_BYTES + argument[0] % (FRAGMENT_BYTES - SCTP_FRAGMENT_MIN_BYTES + 1)); break;
    case WINDOW: w->window = argument[0] % 4 == 0 ? 0 : argument[0] * 500u; break;
    case HEARTBEAT: sctp_outbound_measured(w->out, w->now_us, argument[0] * 1000u); break;
    case RENEGE: renege(w); break;
    case OPERATIONS: break;
    }
}

/* Good weather: all that was promised arrives. */
static void finish(struct world *w) {
    w->refuse_memory = false;
    w->weather = 0;
    w->window = 1 << 20;
    for (uint16_t stream = 0; stream < STREAMS; stream++)
        sctp_outbound_resume(w->out, stream, false);
    for (unsigned i = 0; !sctp_outbound_is_empty(w->out); i++) {
        check(i < FINISH_MAX);
        drain(w);
        w->now_us += 1000;
        honest_sack(w);
        uint64_t next_us = sctp_outbound_next_timeout(w->out);
        pass_time(w, next_us > w->now_us && next_us != UINT64_MAX ? next_us - w->now_us : 0);
        recount(w->out);
    }
    check(w->has_partial || w->received_bytes == w->sent_bytes);
    check(w->out->flight.user_bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (length < RECORD_BYTES)
        return 0;
    struct world *w = calloc(1, sizeof *w);
    check(w != NULL);
    w->random = bytes[1];
    w->now_us = 1000000;
    w->window = 1 << 20;
    uint32_t initial_tsn = (bytes[0] & 4) != 0 ? UINT32_MAX - bytes[2] : bytes[2];
    w->cumulative_tsn = w->highest_tsn = initial_tsn - 1;
    struct sctp_allocator allocator = {counting_allocate, counting_release, w};
    struct sctp_outbound_config config = {
        .allocator = &allocator, .congestion = (bytes[0] & 2) != 0 ? &sctp_newreno : NULL, .budget_bytes = BUDGET_BYTES, .initial_tsn = initial_tsn,
        .fragment_bytes = FRAGMENT_BYTES, .peer_window = 1 << 20, .is_interleaved = (bytes[0] & 1) != 0, .can_forward = (bytes[0] & 8) == 0};
    w->out = sctp_outbound_new(&config, w->now_us);
    check(w->out != NULL);
    for (size_t at = RECORD_BYTES; at + RECORD_BYTES <= length && at < RECORD_BYTES * 2000; at += RECORD_BYTES) {
        play(w, bytes[at] % OPERATIONS, bytes + at + 1);
        drain(w);
        recount(w->out);
    }
    if (!w->is_hostile)
        finish(w);
    sctp_outbound_free(w->out);
    check(w->outstanding == 0);
    free(w);
    return 0;
}
