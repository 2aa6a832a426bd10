/* What leaves: the object, its buffers and its timers. See outbound_internal.h. */
#include <assert.h>
#include <string.h>

#include "sctp/outbound_state_internal.h"

static bool is_in_range(const struct sctp_outbound_config *config) {
    size_t most_bytes = SCTP_CHUNK_MAX_BYTES - SCTP_HEADER_BYTES - SCTP_I_DATA_HEADER_BYTES - 3;
    return config->budget_bytes >= SCTP_OUTBOUND_BUDGET_MIN_BYTES && config->fragment_bytes >= SCTP_FRAGMENT_MIN_BYTES && config->fragment_bytes <= most_bytes;
}

struct sctp_outbound *sctp_outbound_new(const struct sctp_outbound_config *config, uint64_t now_us) {
    if (!is_in_range(config))
        return NULL;
    struct sctp_allocator allocator = sctp_allocator_or_default(config->allocator);
    struct sctp_outbound *out = allocator.allocate(allocator.context, sizeof *out);
    if (!out)
        return NULL;
    memset(out, 0, sizeof *out);
    out->allocator = allocator;
    sctp_send_queue_begin(&out->queue, &allocator, config->budget_bytes, config->is_interleaved);
    out->queue.unfinished_max_bytes = config->peer_window / 2; /* the rest is for what is whole and waits to be read */
    sctp_in_flight_begin(&out->flight, &allocator, config->initial_tsn, config->is_interleaved ? SCTP_I_DATA_HEADER_BYTES : SCTP_DATA_HEADER_BYTES);
    sctp_loss_begin(&out->loss, config->initial_tsn);
    sctp_retransmission_timeout_begin(&out->rtt);
    sctp_congestion_begin(&out->congestion, config->congestion ? config->congestion : &sctp_cubic, SCTP_CONGESTION_UNIT_BYTES);
    out->fragment_bytes = config->fragment_bytes;
    out->peer_window = config->peer_window;
    out->is_interleaved = config->is_interleaved;
    out->can_forward = config->can_forward;
    out->round_end_tsn = config->initial_tsn;
    out->forward_tsn = config->initial_tsn - 1;
    out->last_sent_us = now_us;
    out->probe.due_us = out->window_probe.due_us = out->t3_us = out->reorder_us = out->pace_us = out->trim_us = UINT64_MAX;
    return out;
}

void sctp_outbound_free(struct sctp_outbound *out) {
    if (!out)
        return;
    sctp_in_flight_end(&out->flight);
    sctp_send_queue_end(&out->queue);
    out->allocator.release(out->allocator.context, out);
}

int sctp_outbound_send(struct sctp_outbound *out, uint64_t now_us, const struct sctp_message *message) {
    int error = sctp_send_queue_add(&out->queue, now_us, message, out->can_forward, &out->counted.messages_abandoned);
    if (error != SCTP_OK)
        return error;
    out->counted.messages_sent++;
    out->trim_us = UINT64_MAX;
    return SCTP_OK;
}

/* ---- timers ------------------------------------------------------------------------------------------------------------------------ */

static uint64_t sooner(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t sctp_outbound_next_timeout(const struct sctp_outbound *out) {
    uint64_t next_us = sooner(sooner(out->t3_us, out->reorder_us), sooner(out->probe.due_us, out->pace_us));
    return sooner(sooner(next_us, out->window_probe.due_us), out->trim_us);
}

static void trim(struct sctp_outbound *out) {
    out->trim_us = UINT64_MAX;
    if (!sctp_outbound_is_empty(out))
        return;
    sctp_block_pool_trim(&out->queue.pool);
    sctp_in_flight_trim(&out->flight);
}

bool sctp_outbound_handle_timeout(struct sctp_outbound *out, uint64_t now_us) {
    if (out->pace_us <= now_us)
        out->pace_us = UINT64_MAX;
    if (out->trim_us <= now_us)
        trim(out);
    if (out->reorder_us <= now_us)
        sctp_outbound_detect_losses(out, now_us);
    if (out->probe.due_us <= now_us) {
        out->probe.due_us = UINT64_MAX;
        out->probe.is_wanted = true; /* the next drain sends it */
        sctp_outbound_arm_t3(out, now_us); /* RFC 8985 section 7.3: the timeout counts from the probe */
    }
    if (out->window_probe.due_us <= now_us) {
        out->window_probe.due_us = UINT64_MAX;
        out->window_probe.is_wanted = true; /* if the window is still closed at the next drain */
    }
    if (out->t3_us > now_us)
        return false;
    bool is_counted = !out->window_probe.is_out || !out->is_heard_since_timeout;
    sctp_outbound_timed_out(out, now_us);
    out->is_heard_since_timeout = false;
    return is_counted;
}

void sctp_outbound_measured(struct sctp_outbound *out, uint64_t now_us, uint64_t rtt_us) {
    sctp_retransmission_timeout_measured(&out->rtt, now_us, rtt_us, true);
}

uint64_t sctp_outbound_rto_us(const struct sctp_outbound *out) {
    return out->rtt.rto_us;
}

void sctp_outbound_path_changed(struct sctp_outbound *out, uint64_t now_us) {
    sctp_retransmission_timeout_begin(&out->rtt);
    sctp_congestion_begin(&out->congestion, out->congestion.algorithm, out->congestion.unit_bytes);
    uint32_t highest = out->loss.highest_acked_tsn;
    sctp_loss_begin(&out->loss, highest + 1);
    out->recovery = (struct sctp_recovery){.state = SCTP_RECOVERY_NONE};
    out->probe = (struct sctp_probe){.due_us = UINT64_MAX};
    out->is_measured_since_probe = false;
    out->pacer = (struct sctp_pacer){0};
    out->reorder_us = out->pace_us = UINT64_MAX;
    sctp_outbound_arm_t3(out, now_us);
}

void sctp_outbound_set_fragment_bytes(struct sctp_outbound *out, size_t bytes) {
    assert(bytes >= SCTP_FRAGMENT_MIN_BYTES);
    out->fragment_bytes = bytes;
}

/* ---- buffers ----------------------------------------------------------------------------------------------------------------------- */

uint64_t sctp_outbound_buffered(const struct sctp_outbound *out, uint16_t stream) {
    const struct sctp_stream_out *s = sctp_send_queue_stream(&out->queue, stream);
    return s ? s->buffered_bytes : 0;
}

uint64_t sctp_outbound_buffered_in_all(const struct sctp_outbound *out) {
    return out->queue.buffered_bytes;
}

int sctp_outbound_set_low_mark(struct sctp_outbound *out, uint16_t stream, uint64_t bytes) {
    if (stream == UINT16_MAX)
        return SCTP_ERROR_ARGUMENT;
    struct sctp_stream_out *s = sctp_send_queue_make_stream(&out->queue, stream);
    if (!s)
        return SCTP_ERROR_MEMORY;
    s->low_bytes = bytes;
    return SCTP_OK;
}

bool sctp_outbound_poll_low(struct sctp_outbound *out, uint16_t *stream) {
    struct sctp_stream_out *s = out->queue.low_first;
    if (!s)
        return false;
    out->queue.low_first = s->next_low;
    if (!out->queue.low_first)
        out->queue.low_last = NULL;
    s->is_low_due = false;
    *stream = s->id;
    return true;
}

bool sctp_outbound_is_empty(const struct sctp_outbound *out) {
    return out->queue.pool.used_count == 0;
}

/* ---- stream reset ------------------------------------------------------------------------------------------------------------------ */

int sctp_outbound_pause(struct sctp_outbound *out, uint16_t stream) {
    if (stream == UINT16_MAX)
        return SCTP_ERROR_ARGUMENT;
    struct sctp_stream_out *s = sctp_send_queue_make_stream(&out->queue, stream);
    if (!s)
        return SCTP_ERROR_MEMORY;
    sctp_send_queue_pause(&out->queue, s);
    return SCTP_OK;
}

bool sctp_outbound_is_drained(const struct sctp_outbound *out, uint16_t stream) {
    const struct sctp_stream_out *s = sctp_send_queue_stream(&out->queue, stream);
    return !s || s->held_count == 0;
}

uint32_t sctp_outbound_last_tsn(const struct sctp_outbound *out) {
    return out->flight.next_tsn - 1;
}

void sctp_outbound_resume(struct sctp_outbound *out, uint16_t stream, bool is_reset) {
    struct sctp_stream_out *s = sctp_send_queue_stream(&out->queue, stream);
    if (!s)
        return;
    if (is_reset) {
        assert(s->held_count == 0);
        s->next_ordered = s->next_unordered = 0; /* RFC 6525 section 5.2.7 H4, RFC 8260 section 2.3.2, MUST */
        s->low_bytes = 0;                        /* whoever comes next asks for what it wants */
    }
    sctp_send_queue_resume(&out->queue, s);
    if (is_reset && s->message_count == 0 && !s->is_low_due)
        sctp_send_queue_forget_stream(&out->queue, s);
}

/* ---- statistics -------------------------------------------------------------------------------------------------------------------- */

void sctp_outbound_statistics(const struct sctp_outbound *out, struct sctp_outbound_statistics *statistics) {
    *statistics = out->counted;
    statistics->smoothed_rtt_us = out->rtt.smoothed_us;
    statistics->least_rtt_us = sctp_retransmission_timeout_least_us(&out->rtt);
    statistics->rto_us = out->rtt.rto_us;
    statistics->window_bytes = out->congestion.window_bytes;
    statistics->threshold_bytes = out->congestion.threshold_bytes;
    statistics->flight_bytes = out->flight.flight_bytes;
    statistics->peer_window_bytes = out->peer_window;
    statistics->chunks_in_flight = out->flight.outstanding_count;
    statistics->chunks_lost = out->flight.lost_count;
    statistics->held_bytes = out->queue.pool.used_count * SCTP_BLOCK_BYTES;
    statistics->memory_bytes = sizeof *out + out->queue.memory_bytes + sctp_block_pool_memory_bytes(&out->queue.pool) + sctp_in_flight_memory_bytes(&out->flight);
}
