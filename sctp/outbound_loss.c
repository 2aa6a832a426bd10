/* From what is lost to what is done about it: recovery, T3-rtx and the tail-loss probe. */
#include "sctp/outbound_state_internal.h"

bool sctp_outbound_needs_t3(const struct sctp_outbound *out) {
    return out->flight.outstanding_count + out->flight.lost_count > 0 || out->forward_tsn != out->flight.cumulative_tsn;
}

void sctp_outbound_arm_t3(struct sctp_outbound *out, uint64_t now_us) {
    out->t3_us = sctp_outbound_needs_t3(out) ? now_us + out->rtt.rto_us : UINT64_MAX;
}

/* ---- recovery ---------------------------------------------------------------------------------------------------------------------- */

void sctp_outbound_enter_recovery(struct sctp_outbound *out, uint64_t now_us, uint64_t flight_bytes) {
    if (out->recovery.state != SCTP_RECOVERY_NONE)
        return;
    /* RFC 9260 section 7.2.4, SHOULD: one reduction, until what was in flight when it happened has been acknowledged; a budget of one: the first
     * retransmission does not wait for the window. */
    out->recovery = (struct sctp_recovery){
        .state = SCTP_RECOVERY_FAST, .start_tsn = out->flight.cumulative_tsn, .end_tsn = out->flight.next_tsn - 1, .start_flight_bytes = flight_bytes > 0 ? flight_bytes : 1, .budget_bytes = 1, .is_undoable = true};
    out->congestion.algorithm->on_loss(&out->congestion, now_us, out->loss.latest_rtt_us,
                                           sctp_retransmission_timeout_least_us(&out->rtt));
    out->counted.recoveries++;
    out->probe.due_us = UINT64_MAX;
}

static void leave_recovery(struct sctp_outbound *out) {
    if (out->recovery.state == SCTP_RECOVERY_FAST)
        sctp_loss_recovered(&out->loss);
    out->recovery.state = SCTP_RECOVERY_NONE;
}

/* RFC 9937 section 6.2, for a SACK within fast recovery. */
static void reduce_proportionally(struct sctp_outbound *out, uint64_t delivered_bytes, bool is_safe) {
    struct sctp_recovery *r = &out->recovery;
    uint64_t flight_bytes = out->flight.flight_bytes, threshold_bytes = out->congestion.window_bytes, unit_bytes = out->congestion.unit_bytes;
    r->delivered_bytes += delivered_bytes;
    uint64_t budget_bytes;
    if (flight_bytes > threshold_bytes) {
        uint64_t due_bytes = (r->delivered_bytes * threshold_bytes + r->start_flight_bytes - 1) / r->start_flight_bytes;
        budget_bytes = due_bytes > r->sent_bytes ? due_bytes - r->sent_bytes : 0;
    } else {
        uint64_t behind_bytes = r->delivered_bytes > r->sent_bytes ? r->delivered_bytes - r->sent_bytes : 0;
        budget_bytes = behind_bytes > delivered_bytes ? behind_bytes : delivered_bytes;
        budget_bytes += is_safe ? unit_bytes : 0; /* SafeACK: the cumulative TSN moves, and no more is lost: it may catch up */
        if (budget_bytes > threshold_bytes - flight_bytes)
            budget_bytes = threshold_bytes - flight_bytes;
    }
    r->budget_bytes = r->sent_bytes == 0 && budget_bytes == 0 ? 1 : budget_bytes;
}

void sctp_outbound_recovery_acknowledged(struct sctp_outbound *out, uint64_t delivered_bytes, bool is_safe) {
    struct sctp_recovery *r = &out->recovery;
    if (r->state == SCTP_RECOVERY_NONE)
        return;
    if (!sctp_tsn_before(out->flight.cumulative_tsn, r->end_tsn)) {
        leave_recovery(out);
    } else if (r->state == SCTP_RECOVERY_FAST) {
        reduce_proportionally(out, delivered_bytes, is_safe);
    }
}

void sctp_outbound_detect_losses(struct sctp_outbound *out, uint64_t now_us) {
    uint64_t flight_bytes = out->flight.flight_bytes;
    uint64_t window_us = sctp_loss_reordering_window_us(&out->loss, &out->flight, &out->rtt, out->recovery.state != SCTP_RECOVERY_NONE);
    bool is_any = false;
    struct sctp_record *record;
    while ((record = sctp_loss_next(&out->loss, &out->flight, now_us, window_us, &out->reorder_us)) != NULL) {
        sctp_in_flight_set_lost(&out->flight, record);
        sctp_outbound_abandon_if_due(out, now_us, record->message, record->transmissions);
        is_any = true;
    }
    if (is_any)
        sctp_outbound_enter_recovery(out, now_us, flight_bytes);
}

/* ---- T3-rtx ------------------------------------------------------------------------------------------------------------------------ */

static void mark_timed_out(struct sctp_outbound *out, uint64_t now_us) {
    /* RFC 9260 section 6.3.3 E3, SHOULD: all that is outstanding is to be sent again; RFC 8985 section 6.3 spares what was sent less than a round trip
     * ago, behind the earliest one. */
    uint64_t spared_us = out->rtt.smoothed_us + sctp_retransmission_timeout_least_us(&out->rtt) / 4;
    bool is_first = true;
    while (out->flight.oldest != SCTP_NO_SLOT) {
        struct sctp_record *record = &out->flight.records[out->flight.oldest];
        if (!is_first && record->sent_us + spared_us > now_us)
            return;
        sctp_in_flight_set_lost(&out->flight, record);
        sctp_outbound_abandon_if_due(out, now_us, record->message, record->transmissions);
        is_first = false;
    }
}

void sctp_outbound_begin_anew(struct sctp_outbound *out, uint64_t now_us) {
    if (out->recovery.state != SCTP_RECOVERY_TIMEOUT)
        out->congestion.algorithm->on_timeout(&out->congestion, now_us); /* RFC 9260 section 6.3.3 E1 */
    /* RFC 9260 section 6.3.3 E3: one packet now, whatever was spared; section 7.2.1, MUST: as slow start then begins from one. */
    out->congestion.window_bytes = sctp_in_flight_cost(&out->flight, out->fragment_bytes);
    out->recovery = (struct sctp_recovery){
        .state = SCTP_RECOVERY_TIMEOUT, .start_tsn = out->flight.cumulative_tsn, .end_tsn = out->flight.next_tsn - 1, .budget_bytes = 1, .is_undoable = true};
}

void sctp_outbound_timed_out(struct sctp_outbound *out, uint64_t now_us) {
    bool is_window_probe = out->window_probe.is_out && out->is_heard_since_timeout;
    mark_timed_out(out, now_us);
    out->counted.timeouts++;
    /* RFC 9260 section 6.1 A: a window that is closed says nothing about the network. */
    if (!is_window_probe)
        sctp_outbound_begin_anew(out, now_us);
    sctp_retransmission_timeout_back_off(&out->rtt);
    out->probe = (struct sctp_probe){.due_us = UINT64_MAX};
    out->reorder_us = UINT64_MAX;
    /* RFC 3758 section 3.5 A5, SHOULD: the FORWARD TSN goes out again as well. */
    sctp_outbound_advance_forward(out);
    out->is_forward_due = out->forward_tsn != out->flight.cumulative_tsn;
    sctp_outbound_arm_t3(out, now_us);
}

/* ---- the tail-loss probe: RFC 8985 section 7.2 ---------------------------------------------------------------------------------------- */

void sctp_outbound_arm_probe(struct sctp_outbound *out, uint64_t now_us) {
    out->probe.due_us = UINT64_MAX;
    bool is_idle = out->flight.outstanding_count == 0;
    if (is_idle || out->recovery.state != SCTP_RECOVERY_NONE || out->flight.lost_count > 0)
        return;
    /* RFC 8985 section 7.3, MUST: one probe at a time, and none before a round trip has been measured since the last one, or at all. */
    if (out->probe.is_sent || !out->is_measured_since_probe)
        return;
    uint64_t wait_us = 2 * out->rtt.smoothed_us;
    wait_us = wait_us > SCTP_PROBE_MIN_US ? wait_us : SCTP_PROBE_MIN_US;
    /* RFC 8985 section 7.2: one packet alone may have its SACK held back. The I bit (RFC 7053), which it has then, asks the peer not to; one that does not
     * know it costs us a probe too many. */
    uint64_t due_us = now_us + wait_us;
    if (due_us < out->t3_us)
        out->probe.due_us = due_us;
}
