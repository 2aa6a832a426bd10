/* What the caller is told: events from state, counters, names. */
#include "sctp/association_internal.h"

#include <assert.h>
#include <string.h>

const char *sctp_closed_reason_name(enum sctp_closed_reason reason) {
    switch (reason) {
    case SCTP_CLOSED_NONE: return "none";
    case SCTP_CLOSED_SHUTDOWN: return "shutdown";
    case SCTP_CLOSED_ABORTED: return "aborted";
    case SCTP_CLOSED_PEER_ABORTED: return "peer aborted";
    case SCTP_CLOSED_CONNECT_TIMEOUT: return "connect timeout";
    case SCTP_CLOSED_UNREACHABLE: return "unreachable";
    case SCTP_CLOSED_PROTOCOL_VIOLATION: return "protocol violation";
    case SCTP_CLOSED_MEMORY: return "out of memory";
    }
    return "unknown";
}

const char *sctp_association_state_name(enum sctp_association_state state) {
    switch (state) {
    case SCTP_STATE_CLOSED: return "closed";
    case SCTP_STATE_COOKIE_WAIT: return "cookie wait";
    case SCTP_STATE_COOKIE_ECHOED: return "cookie echoed";
    case SCTP_STATE_ESTABLISHED: return "established";
    case SCTP_STATE_SHUTDOWN_PENDING: return "shutdown pending";
    case SCTP_STATE_SHUTDOWN_SENT: return "shutdown sent";
    case SCTP_STATE_SHUTDOWN_RECEIVED: return "shutdown received";
    case SCTP_STATE_SHUTDOWN_ACK_SENT: return "shutdown ack sent";
    }
    return "unknown";
}

/* ---- events ------------------------------------------------------------------------------------------------------------------------ */

static struct sctp_event beginning(const struct sctp_association *a, enum sctp_event_type type) {
    return (struct sctp_event){
        .type = type,
        .outbound_streams = a->agreed.outbound_streams,
        .inbound_streams = a->agreed.inbound_streams,
        .is_interleaved = a->agreed.is_interleaved,
        .is_partially_reliable = a->agreed.can_forward,
        .can_reset_streams = a->agreed.can_reset,
        .is_without_checksum = a->agreed.is_without_checksum,
    };
}

static bool take(bool *flag) {
    bool was = *flag;
    *flag = false;
    return was;
}

bool sctp_association_poll_event(struct sctp_association *a, struct sctp_event *out) {
    if (take(&a->connected_is_due)) {
        *out = beginning(a, SCTP_EVENT_CONNECTED);
        return true;
    }
    if (take(&a->restarted_is_due)) {
        *out = beginning(a, SCTP_EVENT_RESTARTED);
        return true;
    }
    /* Whoever resets a stream has sent its messages before: they are told first, and those of its new life after. */
    if (sctp_poll_reset(a, out))
        return true;
    *out = (struct sctp_event){.type = SCTP_EVENT_MESSAGE};
    if (a->in && sctp_inbound_poll_message(a->in, &out->message)) {
        a->count.messages_received++;
        a->messages_polled++;
        a->reset.messages_before -= a->reset.messages_before > 0;
        return true;
    }
    *out = (struct sctp_event){.type = SCTP_EVENT_BUFFERED_LOW};
    if (sctp_has_peer(a) && sctp_outbound_poll_low(a->out, &out->stream))
        return true;
    if (take(&a->sendable_is_due)) {
        *out = (struct sctp_event){.type = SCTP_EVENT_SENDABLE};
        return true;
    }
    if (take(&a->closed_is_due)) {
        *out = (struct sctp_event){.type = SCTP_EVENT_CLOSED, .reason = a->reason, .cause = a->cause};
        return true;
    }
    return false;
}

/* ---- counters ---------------------------------------------------------------------------------------------------------------------- */

void sctp_association_statistics(const struct sctp_association *a, struct sctp_association_statistics *out) {
    *out = a->count;
    out->state = a->state;
    out->packet_bytes = (uint32_t)a->path.known_bytes;
    if (a->out) {
        struct sctp_outbound_statistics sent;
        sctp_outbound_statistics(a->out, &sent);
        out->chunks_retransmitted = sent.chunks_retransmitted;
        out->messages_abandoned = sent.messages_abandoned;
        out->recoveries = sent.recoveries;
        out->smoothed_round_trip_us = sent.smoothed_rtt_us < UINT32_MAX ? (uint32_t)sent.smoothed_rtt_us : UINT32_MAX;
        out->retransmission_timeout_us = sent.rto_us < UINT32_MAX ? (uint32_t)sent.rto_us : UINT32_MAX;
        out->congestion_window_bytes = sent.window_bytes;
        out->peer_window_bytes = sent.peer_window_bytes;
        out->in_flight_bytes = sent.flight_bytes;
        out->buffered_bytes = sctp_outbound_buffered_in_all(a->out);
    }
    if (a->in) {
        struct sctp_inbound_statistics received;
        sctp_inbound_statistics(a->in, &received);
        out->chunks_duplicate = received.duplicates;
        out->chunks_dropped = received.no_room;
        out->received_bytes = received.waiting_bytes;
        out->window_bytes = sctp_inbound_window(a->in);
    }
}
