/* What comes back: SACK, RFC 9260 section 6.2.1. */
#include "sctp/outbound_state_internal.h"

/* What one SACK brings. */
struct tally {
    uint64_t acknowledged_bytes, delivered_bytes; /* user bytes; with headers, as the congestion window counts */
    uint64_t sent_us;                             /* of the one sent last among those sent once; 0: none */
    bool has_sample, has_progress;
};

static void acknowledge(struct sctp_outbound *out, uint64_t now_us, const struct sctp_record *record, struct tally *tally) {
    if (record->state != SCTP_RECORD_OUTSTANDING && record->state != SCTP_RECORD_LOST)
        return;
    tally->has_progress = true;
    tally->acknowledged_bytes += record->length;
    tally->delivered_bytes += sctp_in_flight_cost(&out->flight, record->length);
    /* RFC 9260 section 6.3.1 C5, MUST: Karn's rule. Nor is it known when one arrived of which the SACKs before had no room to tell. */
    if (record->transmissions == 1 && !sctp_loss_was_untold(&out->loss, record->tsn) && (!tally->has_sample || record->sent_us > tally->sent_us)) {
        tally->has_sample = true;
        tally->sent_us = record->sent_us;
    }
    sctp_loss_acknowledged(&out->loss, record, now_us, sctp_retransmission_timeout_least_us(&out->rtt));
}

static void pass_cumulative(struct sctp_outbound *out, uint64_t now_us, uint32_t cumulative_tsn, struct tally *tally) {
    while (out->flight.cumulative_tsn != cumulative_tsn) {
        struct sctp_record *record = sctp_in_flight_record(&out->flight, out->flight.cumulative_tsn + 1);
        struct sctp_outgoing *message = record->message;
        acknowledge(out, now_us, record, tally);
        tally->has_progress = true;
        sctp_in_flight_remove_first(&out->flight);
        sctp_send_queue_release(&out->queue, message);
    }
}

/*
 * Blocks that do not rise are passed over (RFC 9260 section 3.3.4 has them apart, and nobody sends others): what remains is looked at once. So is the TSN
 * behind the cumulative one, which has not come, as that one says: named, it would be taken back by the same SACK, and be sent again for each.
 */
static void pass_gaps(struct sctp_outbound *out, uint64_t now_us, const struct sctp_sack *sack, struct tally *tally) {
    uint32_t passed = 1;
    for (size_t i = 0; i < sack->gap_count; i++) {
        struct sctp_gap gap = sctp_sack_gap(sack, i);
        if (gap.end <= passed)
            continue;
        uint32_t start = gap.start > passed ? gap.start : passed + 1;
        passed = gap.end;
        uint32_t tsn = sack->cumulative_tsn + start, end = sack->cumulative_tsn + gap.end;
        while (!sctp_tsn_before(end, tsn) && sctp_in_flight_next_unacked(&out->flight, &tsn, end)) {
            struct sctp_record *record = sctp_in_flight_record(&out->flight, tsn);
            acknowledge(out, now_us, record, tally);
            sctp_in_flight_set_acked(&out->flight, record);
            tsn++;
        }
    }
}

/* RFC 9260 section 6.2.1: a receiver may drop what its gap blocks named. It has when the first one it lacks is one that it had. */
static void look_for_reneging(struct sctp_outbound *out, uint64_t now_us) {
    if (out->flight.acked_count == 0 || sctp_in_flight_record(&out->flight, out->flight.cumulative_tsn + 1)->state != SCTP_RECORD_ACKED)
        return;
    out->counted.reneged += sctp_in_flight_renege(&out->flight);
    /* What its gap blocks say is worth nothing, and the window has grown by it. */
    sctp_outbound_begin_anew(out, now_us);
}

/* The peer's window has opened, and what probed it has been dropped, or else it would be acknowledged: that was no loss. */
static void settle_window_probe(struct sctp_outbound *out, const struct tally *tally) {
    if (!out->window_probe.is_out)
        return;
    bool is_over = tally->has_progress || out->flight.outstanding_count == 0;
    if (!is_over && out->flight.outstanding_count == 1 && out->peer_window >= out->fragment_bytes) {
        sctp_in_flight_set_lost(&out->flight, &out->flight.records[out->flight.oldest]);
        is_over = true;
    }
    out->window_probe.is_out = !is_over;
}

/* ---- time -------------------------------------------------------------------------------------------------------------------------- */

static uint64_t measure(struct sctp_outbound *out, uint64_t now_us, const struct tally *tally) {
    if (!tally->has_sample)
        return 0;
    uint64_t rtt_us = now_us - tally->sent_us;
    out->is_measured_since_probe = true;
    /* RFC 9260 section 6.3.1 C4, SHOULD: once a round trip. */
    bool is_smoothed = now_us - out->rtt_round_us >= out->rtt.smoothed_us;
    if (is_smoothed)
        out->rtt_round_us = now_us;
    sctp_retransmission_timeout_measured(&out->rtt, now_us, rtt_us, is_smoothed);
    return rtt_us > 0 ? rtt_us : 1;
}

/* RFC 9260 section 6.3.2 R2 and R3. */
static void restart_timers(struct sctp_outbound *out, uint64_t now_us, bool has_advanced, bool has_progress) {
    if (has_advanced || !sctp_outbound_needs_t3(out))
        sctp_outbound_arm_t3(out, now_us);
    if (has_progress)
        sctp_outbound_arm_probe(out, now_us);
    if (sctp_outbound_is_empty(out))
        out->trim_us = now_us + SCTP_TRIM_IDLE_US;
}

/* ---- mistakes ---------------------------------------------------------------------------------------------------------------------- */

/* RFC 8985 section 7.4.2: the probe is answered. Was what it repeated lost? */
static void judge_probe(struct sctp_outbound *out, uint64_t now_us, bool has_duplicates, uint64_t flight_bytes) {
    if (!out->probe.is_sent || sctp_tsn_before(out->flight.cumulative_tsn, out->probe.tsn))
        return;
    bool was_lost = out->probe.is_retransmission && !has_duplicates;
    if (was_lost && out->flight.cumulative_tsn == out->probe.tsn && out->flight.outstanding_count == 0 && now_us - out->last_sent_us < out->rtt.smoothed_us / 2)
        was_lost = false; /* sooner than the probe could be answered: that was the first transmission's SACK */
    out->probe.is_sent = false;
    if (was_lost)
        sctp_outbound_enter_recovery(out, now_us, flight_bytes);
}

/* RFC 9438 section 4.9 leaves the means open; as in RFC 3708: everything that was sent again since the reduction had arrived before. */
static void take_duplicates(struct sctp_outbound *out, uint64_t now_us, const struct sctp_sack *sack) {
    struct sctp_recovery *r = &out->recovery;
    if (sack->duplicate_count == 0)
        return;
    out->counted.duplicates_reported += sack->duplicate_count;
    bool shows_reordering = false;
    for (size_t i = 0; i < sack->duplicate_count; i++) {
        uint32_t tsn = sctp_sack_duplicate(sack, i);
        shows_reordering |= !sctp_loss_was_presumed(&out->loss, tsn);
        bool is_of_this = sctp_tsn_before(r->start_tsn, tsn) && !sctp_tsn_before(r->end_tsn, tsn);
        r->undo_count -= is_of_this && r->undo_count > 0;
    }
    if (shows_reordering)
        sctp_loss_duplicates(&out->loss, out->flight.cumulative_tsn, out->flight.next_tsn, r->state == SCTP_RECOVERY_FAST);
    bool is_undone = r->is_undoable && r->has_sent_again && r->undo_count == 0 && out->flight.lost_count == 0;
    if (!is_undone)
        return;
    r->is_undoable = false;
    r->state = SCTP_RECOVERY_NONE;
    out->congestion.algorithm->on_spurious(&out->congestion, now_us);
    out->counted.spurious_recoveries++;
}

/* ---- a SACK ------------------------------------------------------------------------------------------------------------------------ */

static bool names_only_what_was_sent(const struct sctp_outbound *out, const struct sctp_sack *sack) {
    uint32_t last_tsn = out->flight.next_tsn - 1;
    if (sctp_tsn_before(last_tsn, sack->cumulative_tsn))
        return false;
    for (size_t i = 0; i < sack->gap_count; i++) {
        if (sctp_tsn_before(last_tsn, sack->cumulative_tsn + sctp_sack_gap(sack, i).end))
            return false;
    }
    return true;
}

static void inform_congestion(struct sctp_outbound *out, uint64_t now_us, const struct tally *tally, uint64_t rtt_us, bool was_limited) {
    if (tally->delivered_bytes == 0)
        return;
    bool is_new_round = !sctp_tsn_before(out->loss.highest_acked_tsn, out->round_end_tsn);
    if (is_new_round)
        out->round_end_tsn = out->flight.next_tsn;
    struct sctp_congestion_acknowledgement ack = {
        .now_us = now_us,
        .acknowledged_bytes = tally->delivered_bytes,
        .rtt_us = rtt_us,
        .smoothed_rtt_us = out->rtt.smoothed_us,
        .floor_rtt_us = sctp_retransmission_timeout_floor_us(&out->rtt),
        .is_limited = was_limited,
        .is_new_round = is_new_round,
        .is_recovering = out->recovery.state == SCTP_RECOVERY_FAST,
    };
    out->congestion.algorithm->on_acknowledged(&out->congestion, &ack);
}

int sctp_outbound_handle_sack(struct sctp_outbound *out, uint64_t now_us, const struct sctp_sack *sack, bool *has_progressed) {
    *has_progressed = false;
    /* RFC 9260 section 6.2.1 D i, SHOULD: an old one is dropped. */
    if (sctp_tsn_before(sack->cumulative_tsn, out->flight.cumulative_tsn)) {
        out->counted.sacks_old++;
        return SCTP_OK;
    }
    if (!names_only_what_was_sent(out, sack))
        return SCTP_ERROR_MALFORMED;
    struct tally tally = {0};
    uint64_t flight_bytes = out->flight.flight_bytes;
    bool has_advanced = sack->cumulative_tsn != out->flight.cumulative_tsn;
    /* What the pace held back in slow start, the window would have: half of it in use is enough there. */
    bool was_limited = out->is_window_limited || (out->congestion.window_bytes < out->congestion.threshold_bytes && 2 * flight_bytes >= out->congestion.window_bytes);
    out->is_heard_since_timeout = true;
    out->peer_window = sack->window;
    pass_cumulative(out, now_us, sack->cumulative_tsn, &tally);
    pass_gaps(out, now_us, sack, &tally);
    look_for_reneging(out, now_us);
    settle_window_probe(out, &tally);
    out->recovery.is_answered |= tally.has_progress;
    uint32_t reach = sack->gap_count > 0 ? sctp_sack_gap(sack, sack->gap_count - 1).end : 0;
    sctp_loss_reported(&out->loss, sack->cumulative_tsn + reach, sack->gap_count);
    out->counted.bytes_acknowledged += tally.acknowledged_bytes;
    uint64_t rtt_us = measure(out, now_us, &tally);
    take_duplicates(out, now_us, sack);
    uint32_t lost_before = out->flight.lost_count;
    sctp_outbound_detect_losses(out, now_us);
    judge_probe(out, now_us, sack->duplicate_count > 0, flight_bytes);
    sctp_outbound_recovery_acknowledged(out, tally.delivered_bytes, has_advanced && out->flight.lost_count <= lost_before);
    inform_congestion(out, now_us, &tally, rtt_us, was_limited);
    sctp_outbound_advance_forward(out);
    uint64_t patience_us = out->rtt.smoothed_us > 0 ? out->rtt.smoothed_us : out->rtt.rto_us;
    /* RFC 3758 section 3.5 C3, MUST: again; F2: but not for each SACK of a round trip. */
    if (out->forward_tsn != out->flight.cumulative_tsn && now_us - out->forward_sent_us >= patience_us)
        out->is_forward_due = true;
    restart_timers(out, now_us, has_advanced, tally.has_progress);
    *has_progressed = tally.has_progress;
    return SCTP_OK;
}

int sctp_outbound_handle_cumulative(struct sctp_outbound *out, uint64_t now_us, uint32_t cumulative_tsn, bool *has_progressed) {
    struct sctp_sack sack = {.cumulative_tsn = cumulative_tsn, .window = out->peer_window > UINT32_MAX ? UINT32_MAX : (uint32_t)out->peer_window};
    return sctp_outbound_handle_sack(out, now_us, &sack, has_progressed);
}
