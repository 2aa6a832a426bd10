/* What arrives, composed: see inbound_internal.h. */
#include "sctp/inbound_parts_internal.h"

#include <assert.h>
#include <string.h>

/* An association that has been quiet for so long gives back what its last burst took. */
#define TRIM_US UINT64_C(1000000)

struct sctp_inbound *sctp_inbound_new(const struct sctp_inbound_config *config) {
    if (config->budget_bytes < SCTP_INBOUND_BUDGET_MIN_BYTES || config->message_max_bytes < 1 || config->message_max_bytes > UINT32_MAX / 2 ||
        config->stream_count < 1 || config->stream_count > 65536)
        return NULL;
    struct sctp_inbound *in = config->allocator->allocate(config->allocator->context, sizeof *in);
    if (!in)
        return NULL;
    *in = (struct sctp_inbound){
        .allocator = *config->allocator,
        .pool = {.allocator = *config->allocator},
        .message_max_bytes = config->message_max_bytes,
        .cells_max = config->budget_bytes / SCTP_CELL_BYTES,
        .cells_beyond = 2 + config->message_max_bytes / SCTP_CELL_ROOM_BYTES,
        .stream_count = config->stream_count,
        .is_interleaved = config->is_interleaved,
        /* RFC 9260 section 5.1, MUST: the first DATA of all is acknowledged at once. */
        .acknowledgement = {.packet_is_urgent = true, .deadline_us = SCTP_NEVER_US},
    };
    sctp_tsn_map_begin(&in->map, config->initial_tsn);
    in->acknowledgement.advertised_window = sctp_inbound_window(in);
    return in;
}

void sctp_inbound_free(struct sctp_inbound *in) {
    if (!in)
        return;
    struct sctp_allocator allocator = in->allocator;
    sctp_cell_pool_release(&in->pool);
    sctp_streams_release(in);
    sctp_tsn_map_release(&in->map, &allocator);
    if (in->delivered)
        allocator.release(allocator.context, in->delivered);
    allocator.release(allocator.context, in);
}

enum sctp_inbound_result sctp_inbound_violates(struct sctp_inbound *in, uint16_t cause, const char *why) {
    in->violation = (struct sctp_violation){cause, why};
    return SCTP_INBOUND_VIOLATION;
}

struct sctp_violation sctp_inbound_violation(const struct sctp_inbound *in) {
    return in->violation;
}

/* ---- data -------------------------------------------------------------------------------------------------------------------------- */

/* Is this ordered message one that its stream can have now? *is_late: of one that the peer gave up before. */
static enum sctp_inbound_result check_order(struct sctp_inbound *in, const struct sctp_data *data, uint64_t tsn, bool *is_late) {
    uint32_t distance = sctp_streams_distance(in, data->stream, data->message);
    /* Each message of the stream before this one is not whole, so it has a TSN beyond the cumulative one and below this one's. */
    uint64_t farthest = data->is_interleaved ? INT32_MAX : tsn - in->map.cumulative - 1;
    *is_late = false;
    if (distance > farthest) {
        if (in->map.cumulative < in->reset_behind_tsn && tsn > in->reset_behind_tsn) /* numbered anew before we have agreed: it will come again when we have */
            return SCTP_INBOUND_NO_ROOM;
        if (!data->is_interleaved)
            return sctp_inbound_violates(in, SCTP_CAUSE_PROTOCOL_VIOLATION, "stream sequence number out of sequence");
        *is_late = true; /* RFC 8260 section 2.3.1: TSNs between its own kept the cumulative one from passing all of it */
    } else if (sctp_streams_is_waiting(in, data->stream, data->message)) {
        return sctp_inbound_violates(in, SCTP_CAUSE_PROTOCOL_VIOLATION, "sequence number of a message that is whole");
    }
    return SCTP_INBOUND_TAKEN;
}

/* Counts as arrived, and is not kept. */
static enum sctp_inbound_result take_nothing(struct sctp_inbound *in, uint64_t tsn, enum sctp_inbound_result result) {
    if (!sctp_tsn_map_reserve(&in->map, &in->allocator, tsn))
        return SCTP_INBOUND_NO_ROOM;
    sctp_tsn_map_add(&in->map, tsn);
    return result;
}

static enum sctp_inbound_result take(struct sctp_inbound *in, const struct sctp_data *data, uint64_t tsn) {
    /* RFC 9260 section 6.5, SHOULD: a stream that does not exist is acknowledged and reported, and its data dropped. */
    if (data->stream >= in->stream_count)
        return take_nothing(in, tsn, SCTP_INBOUND_INVALID_STREAM);
    bool is_late = false;
    if (!data->is_unordered) {
        enum sctp_inbound_result result = check_order(in, data, tsn, &is_late);
        if (result != SCTP_INBOUND_TAKEN)
            return result;
    } else if (data->is_interleaved) {
        is_late = sctp_streams_is_skipped(in, data->stream, data->message);
    }
    if (is_late) {
        in->statistics.skipped++;
        return take_nothing(in, tsn, SCTP_INBOUND_TAKEN);
    }
    struct sctp_run *whole;
    enum sctp_inbound_result result = sctp_reassembly_take(in, data, tsn, &whole);
    if (result != SCTP_INBOUND_TAKEN)
        return result;
    sctp_tsn_map_add(&in->map, tsn);
    if (whole)
        sctp_streams_deliver(in, whole);
    in->statistics.chunks++;
    in->statistics.bytes += data->length;
    if (!in->is_interleaved)
        sctp_reassembly_sweep(in);
    return SCTP_INBOUND_TAKEN;
}

enum sctp_inbound_result sctp_inbound_data(struct sctp_inbound *in, const struct sctp_data *data) {
    struct sctp_acknowledgement *acknowledgement = &in->acknowledgement;
    if (data->is_interleaved != in->is_interleaved)
        return sctp_inbound_violates(in, SCTP_CAUSE_PROTOCOL_VIOLATION, in->is_interleaved ? "DATA where I-DATA was agreed" : "I-DATA that was not agreed");
    acknowledgement->packet_counts = true;
    acknowledgement->packet_is_urgent |= data->wants_immediate_sack; /* RFC 7053 section 5.2, SHOULD */
    uint64_t tsn = sctp_tsn_map_unwrap(&in->map, data->tsn);
    if (sctp_tsn_map_has(&in->map, tsn)) {
        sctp_acknowledgement_duplicate(in, data->tsn);
        return SCTP_INBOUND_DUPLICATE;
    }
    enum sctp_inbound_result result = SCTP_INBOUND_NO_ROOM;
    if (tsn - in->map.cumulative <= SCTP_TSN_AHEAD_MAX)
        result = take(in, data, tsn);
    if (result == SCTP_INBOUND_NO_ROOM) {
        acknowledgement->packet_is_urgent = true; /* RFC 9260 section 6.2: the peer has to know that the window is spent */
        in->statistics.no_room++;
    }
    if (result == SCTP_INBOUND_INVALID_STREAM)
        in->statistics.invalid_streams++;
    return result;
}

/* ---- messages ---------------------------------------------------------------------------------------------------------------------- */

bool sctp_inbound_poll_message(struct sctp_inbound *in, struct sctp_received *out) {
    struct sctp_run *run = in->ready;
    if (!run)
        return false;
    assert(run->length <= in->delivered_capacity);
    size_t length = 0;
    for (const struct sctp_cell *cell = &run->cell; cell != NULL; cell = cell == run->last_cell ? NULL : cell->next) {
        memcpy(in->delivered + length, (const uint8_t *)cell + cell->begin, (size_t)(cell->end - cell->begin));
        length += (size_t)(cell->end - cell->begin);
    }
    assert(length == run->length);
    *out = (struct sctp_received){run->stream, run->payload_protocol, run->is_unordered, in->delivered, length};
    in->ready = run->right;
    sctp_run_release(in, run);
    return true;
}

/* ---- time, facts ------------------------------------------------------------------------------------------------------------------- */

static bool can_trim(const struct sctp_inbound *in) {
    return in->pool.used_count == 0 && (in->pool.slab_count > 0 || in->delivered || (in->map.words && !sctp_tsn_map_has_gap(&in->map)));
}

uint64_t sctp_inbound_next_timeout(const struct sctp_inbound *in) {
    uint64_t trim = can_trim(in) ? in->last_data_us + TRIM_US : SCTP_NEVER_US;
    uint64_t sack = in->acknowledgement.deadline_us;
    return sack < trim ? sack : trim;
}

void sctp_inbound_handle_timeout(struct sctp_inbound *in, uint64_t now_us) {
    sctp_acknowledgement_handle_timeout(in, now_us);
    if (!can_trim(in) || now_us < in->last_data_us + TRIM_US)
        return;
    sctp_cell_pool_release(&in->pool);
    if (!sctp_tsn_map_has_gap(&in->map))
        sctp_tsn_map_release(&in->map, &in->allocator);
    if (in->delivered)
        in->allocator.release(in->allocator.context, in->delivered);
    in->delivered = NULL;
    in->delivered_capacity = 0;
}

uint32_t sctp_inbound_cumulative_tsn(const struct sctp_inbound *in) {
    return (uint32_t)in->map.cumulative;
}

void sctp_inbound_statistics(const struct sctp_inbound *in, struct sctp_inbound_statistics *statistics) {
    *statistics = in->statistics;
    statistics->waiting_bytes = in->pool.used_count * SCTP_CELL_BYTES;
    statistics->memory_bytes = sizeof *in + in->pool.slab_count * SCTP_SLAB_BYTES + in->map.bits / 8 + in->streams.allocated_bytes + in->delivered_capacity;
}
