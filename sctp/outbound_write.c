/* What goes into a packet: RFC 9260 section 6.1. First FORWARD TSN, then what is lost, then what is new. */
#include <assert.h>

#include "sctp/outbound_state_internal.h"

enum { FLAG_END = 1, FLAG_BEGIN = 2, FLAG_UNORDERED = 4, FLAG_IMMEDIATE = 8 };

/* A window of a few segments is acknowledged at once, or it would wait for the peer's delayed SACK (RFC 7053). */
#define IMMEDIATE_WINDOW_UNITS 4

static size_t header_bytes(const struct sctp_outbound *out) {
    return out->flight.header_bytes;
}

static size_t room_in(const struct sctp_writer *writer) {
    return writer->capacity - writer->length;
}

static bool fits(const struct sctp_outbound *out, const struct sctp_writer *writer, size_t bytes) {
    return sctp_in_flight_cost(&out->flight, bytes) <= room_in(writer);
}

/* ---- one chunk --------------------------------------------------------------------------------------------------------------------- */

static void write_bytes(struct sctp_writer *writer, const struct sctp_record *record) {
    const struct sctp_block *block = record->block;
    size_t offset = record->offset, length = record->length;
    while (length > 0) {
        size_t here = SCTP_BLOCK_ROOM_BYTES - offset;
        size_t piece = here < length ? here : length;
        sctp_writer_bytes(writer, block->bytes + offset, piece);
        length -= piece;
        offset = 0;
        block = block->next;
    }
}

static void write_chunk(const struct sctp_outbound *out, struct sctp_writer *writer, const struct sctp_record *record, bool is_immediate) {
    const struct sctp_outgoing *message = record->message;
    unsigned flags = (record->is_end ? FLAG_END : 0u) | (record->is_begin ? FLAG_BEGIN : 0u) | (message->is_unordered ? FLAG_UNORDERED : 0u);
    flags |= is_immediate ? FLAG_IMMEDIATE : 0u;
    sctp_writer_open_chunk(writer, out->is_interleaved ? SCTP_CHUNK_I_DATA : SCTP_CHUNK_DATA, (uint8_t)flags);
    sctp_writer_u32(writer, record->tsn);
    sctp_writer_u16(writer, message->stream->id);
    if (out->is_interleaved) {
        sctp_writer_u16(writer, 0);
        sctp_writer_u32(writer, message->id);
        sctp_writer_u32(writer, record->is_begin ? message->payload_protocol : record->number);
    } else {
        sctp_writer_u16(writer, (uint16_t)message->id);
        sctp_writer_u32(writer, message->payload_protocol);
    }
    write_bytes(writer, record);
    sctp_writer_close_chunk(writer);
    assert(!writer->failed);
}

/* ---- permission ---------------------------------------------------------------------------------------------------------------------- */

static bool congestion_allows(struct sctp_outbound *out) {
    const struct sctp_recovery *r = &out->recovery;
    bool has_budget = r->state == SCTP_RECOVERY_FAST || (r->state == SCTP_RECOVERY_TIMEOUT && !r->is_answered);
    /* RFC 9260 section 6.1 B, MUST: not with a window or more outstanding. */
    bool is_open = has_budget ? r->budget_bytes > 0 : out->flight.flight_bytes < out->congestion.window_bytes;
    /* RFC 9260 section 7.2.1: one packet may always be out. */
    is_open = is_open || out->flight.outstanding_count == 0;
    out->is_window_limited |= !is_open;
    return is_open;
}

static bool peer_allows(struct sctp_outbound *out, uint64_t now_us, size_t bytes) {
    struct sctp_window_probe *probe = &out->window_probe;
    uint64_t used_bytes = out->flight.user_bytes;
    /* RFC 9260 section 6.1 A, MUST NOT: more than the peer's window. */
    if (out->peer_window > used_bytes && out->peer_window - used_bytes >= bytes) {
        probe->due_us = UINT64_MAX;
        probe->is_wanted = false;
        return true;
    }
    out->is_window_limited = false;
    /* The same, SHOULD: one chunk probes a window that is closed, an RTO after it was found so, when nothing else is out. */
    if (out->flight.outstanding_count > 0)
        return false;
    if (!probe->is_wanted && probe->due_us == UINT64_MAX)
        probe->due_us = now_us + out->rtt.rto_us;
    probe->is_out = probe->is_wanted;
    probe->is_wanted = false;
    return probe->is_out;
}

static uint64_t pace(const struct sctp_outbound *out) {
    uint64_t window_bytes = out->congestion.window_bytes;
    bool is_slow_start = window_bytes < out->congestion.threshold_bytes, is_filling = out->flight.flight_bytes < window_bytes - window_bytes / 8;
    unsigned gain = is_slow_start ? SCTP_PACER_GAIN_SLOW_START : is_filling ? SCTP_PACER_GAIN_FILLING : SCTP_PACER_GAIN;
    return sctp_pacer_rate(window_bytes, out->rtt.smoothed_us, gain);
}

static void account(struct sctp_outbound *out, uint64_t now_us, const struct sctp_record *record) {
    size_t cost = sctp_in_flight_cost(&out->flight, record->length);
    uint64_t rate = pace(out);
    sctp_pacer_sent(&out->pacer, now_us, rate, cost);
    out->recovery.sent_bytes += cost;
    if (out->recovery.state == SCTP_RECOVERY_FAST)
        out->recovery.budget_bytes -= cost < out->recovery.budget_bytes ? cost : out->recovery.budget_bytes;
    out->last_sent_us = now_us;
    out->counted.chunks_sent++;
    out->counted.bytes_sent += record->length;
    if (out->t3_us == UINT64_MAX)
        sctp_outbound_arm_t3(out, now_us); /* RFC 9260 section 6.1, MUST */
}

/* The last chunk for now, or one of few: its SACK is worth a packet. */
static bool is_sack_wanted(const struct sctp_outbound *out) {
    bool is_last = out->queue.scheduler.count == 0 && out->flight.lost_count == 0;
    return is_last || out->congestion.window_bytes < (uint64_t)IMMEDIATE_WINDOW_UNITS * out->congestion.unit_bytes || out->peer_window < out->fragment_bytes;
}

/* ---- what is lost ------------------------------------------------------------------------------------------------------------------ */

static void send_again(struct sctp_outbound *out, uint64_t now_us, struct sctp_writer *writer, struct sctp_record *record, bool is_immediate) {
    sctp_in_flight_set_sent(&out->flight, record, now_us);
    write_chunk(out, writer, record, is_immediate);
    account(out, now_us, record);
    /* RFC 9260 section 6.1, MUST: the timer begins anew when the earliest is sent again. */
    if (record->tsn == out->forward_tsn + 1)
        sctp_outbound_arm_t3(out, now_us);
    out->recovery.undo_count++;
    out->recovery.has_sent_again = true;
    out->counted.chunks_retransmitted++;
    out->counted.bytes_retransmitted += record->length;
}

/* RFC 9260 section 6.1 C, MUST: first what is marked. True: go on. */
static bool write_lost(struct sctp_outbound *out, uint64_t now_us, struct sctp_writer *writer) {
    struct sctp_record *record = sctp_in_flight_first_lost(&out->flight);
    if (sctp_outbound_abandon_if_due(out, now_us, record->message, record->transmissions))
        return true;
    if (!fits(out, writer, record->length) || !congestion_allows(out))
        return false;
    send_again(out, now_us, writer, record, is_sack_wanted(out));
    return true;
}

/* ---- what is new ------------------------------------------------------------------------------------------------------------------- */

/* How much of the message the next chunk takes; 0: it had better wait for another packet. */
static size_t fragment_for(const struct sctp_outbound *out, const struct sctp_writer *writer, const struct sctp_outgoing *message) {
    size_t room = room_in(writer) > header_bytes(out) ? room_in(writer) - header_bytes(out) : 0;
    room &= ~(size_t)3;
    size_t whole = message->unsent < out->fragment_bytes ? message->unsent : out->fragment_bytes;
    if (whole <= room)
        return whole;
    /* Behind a SACK, a fragment that is a little shorter; never a crumb. */
    return room >= out->fragment_bytes / 2 ? room : 0;
}

/* RFC 9260 section 7.2.1: a window that was not used is not known to be right any more. */
static void decay_if_idle(struct sctp_outbound *out, uint64_t now_us) {
    if (out->flight.outstanding_count > 0 || out->flight.lost_count > 0)
        return;
    for (unsigned i = 0; i < 32 && now_us - out->last_sent_us > out->rtt.rto_us; i++) {
        sctp_congestion_decay(&out->congestion);
        out->last_sent_us += out->rtt.rto_us;
    }
}

static bool write_new(struct sctp_outbound *out, uint64_t now_us, struct sctp_writer *writer) {
    struct sctp_outgoing *message = sctp_send_queue_next(&out->queue, now_us, &out->counted.messages_abandoned);
    if (!message) {
        out->is_window_limited = out->is_window_limited && out->flight.lost_count > 0;
        return false;
    }
    if (message->next_fragment > 0 && message->expires_us <= now_us && sctp_outbound_abandon_if_due(out, now_us, message, 0))
        return true;
    size_t bytes = fragment_for(out, writer, message);
    if (bytes == 0 || !peer_allows(out, now_us, bytes) || sctp_in_flight_reserve(&out->flight) != SCTP_OK)
        return false;
    decay_if_idle(out, now_us);
    if (!congestion_allows(out))
        return false;
    struct sctp_fragment fragment;
    sctp_send_queue_cut(&out->queue, message, bytes, &fragment);
    struct sctp_record *record = sctp_in_flight_add(&out->flight, now_us, &fragment);
    write_chunk(out, writer, record, is_sack_wanted(out));
    account(out, now_us, record);
    return true;
}

/* ---- the tail-loss probe ------------------------------------------------------------------------------------------------------------- */

/* RFC 8985 section 7.3: new data if there is any, else the last chunk again; past all windows. */
static bool write_probe(struct sctp_outbound *out, uint64_t now_us, struct sctp_writer *writer) {
    out->probe.is_wanted = false;
    if (out->flight.outstanding_count == 0)
        return false;
    struct sctp_outgoing *message = sctp_send_queue_next(&out->queue, now_us, &out->counted.messages_abandoned);
    size_t bytes = message ? fragment_for(out, writer, message) : 0;
    bool is_new = bytes > 0 && out->peer_window >= out->flight.user_bytes + bytes && message->expires_us > now_us;
    struct sctp_record *record;
    if (is_new && sctp_in_flight_reserve(&out->flight) == SCTP_OK) {
        struct sctp_fragment fragment;
        sctp_send_queue_cut(&out->queue, message, bytes, &fragment);
        record = sctp_in_flight_add(&out->flight, now_us, &fragment);
        write_chunk(out, writer, record, true);
        account(out, now_us, record);
    } else {
        record = &out->flight.records[out->flight.newest];
        bool is_allowed = record->transmissions <= record->message->retransmit_limit && record->message->expires_us > now_us;
        if (!is_allowed || !fits(out, writer, record->length))
            return false;
        is_new = false;
        send_again(out, now_us, writer, record, true);
    }
    out->probe.is_sent = true;
    out->is_measured_since_probe = false;
    out->probe.is_retransmission = !is_new;
    out->probe.tsn = out->flight.next_tsn - 1;
    out->counted.probes++;
    return true;
}

/* ---- a packet ---------------------------------------------------------------------------------------------------------------------- */

bool sctp_outbound_write(struct sctp_outbound *out, uint64_t now_us, struct sctp_writer *writer) {
    if (writer->failed)
        return false;
    size_t before = writer->length;
    /* RFC 9260 section 7.2.1, MUST: a timeout is followed by one packet, and no other until it has been answered. */
    if (out->recovery.state == SCTP_RECOVERY_TIMEOUT && out->recovery.sent_bytes > 0)
        out->recovery.budget_bytes = 0;
    if (out->is_forward_due)
        sctp_outbound_write_forward(out, now_us, writer);
    size_t without_data = writer->length;
    if (out->probe.is_wanted)
        write_probe(out, now_us, writer);
    uint64_t rate = pace(out);
    bool has_more = out->flight.lost_count > 0 || out->queue.scheduler.count > 0;
    out->pace_us = UINT64_MAX;
    /* What little is in flight is no burst, however fast its answers come. */
    bool is_little = out->flight.flight_bytes < SCTP_PACER_BURST_BYTES;
    if (has_more && (is_little || sctp_pacer_allows(&out->pacer, now_us, rate, &out->pace_us))) {
        bool goes_on = true;
        while (goes_on && room_in(writer) > header_bytes(out))
            goes_on = out->flight.lost_count > 0 ? write_lost(out, now_us, writer) : write_new(out, now_us, writer);
        /* What was given up meanwhile is told in this packet or the next one. RFC 9260 section 6.10, MUST: no control chunk behind DATA. */
        if (out->is_forward_due && writer->length == without_data)
            sctp_outbound_write_forward(out, now_us, writer);
    }
    bool is_written = writer->length > before;
    if (is_written)
        sctp_outbound_arm_probe(out, now_us);
    return is_written;
}
