/*
 * The end of an association: in order (RFC 9260 section 9.2), at once (section 9.1), or because nobody answers.
 *
 *     ESTABLISHED -> SHUTDOWN PENDING -> SHUTDOWN SENT       SHUTDOWN -->
 *                                                                     <-- SHUTDOWN ACK    SHUTDOWN RECEIVED -> SHUTDOWN ACK SENT
 *                                                   SHUTDOWN COMPLETE -->
 */
#include "sctp/association_internal.h"

#include <string.h>

void sctp_end(struct sctp_association *a, enum sctp_closed_reason reason, uint16_t cause) {
    for (int timer = 0; timer < SCTP_TIMER_COUNT; timer++)
        sctp_stop_timer(a, (enum sctp_timer)timer);
    a->is_over = a->closed_is_due = true;
    a->state = SCTP_STATE_CLOSED;
    a->reason = reason;
    a->cause = cause;
    a->sendable_is_due = false;
}

/* ---- at once ----------------------------------------------------------------------------------------------------------------------- */

void sctp_abort_with(struct sctp_association *a, enum sctp_closed_reason reason, uint16_t cause, const uint8_t *information, size_t length) {
    if (a->peer_tag != 0) { /* else there is nobody to tell */
        struct sctp_writer writer;
        a->reply_length = 0; /* this is the last packet */
        sctp_begin_reply(a, &writer, a->peer_tag);
        sctp_write_error(&writer, SCTP_CHUNK_ABORT, 0, cause, information, length);
        sctp_end_reply(a, &writer);
    }
    sctp_end(a, reason, cause);
}

void sctp_abort_because(struct sctp_association *a, uint16_t cause, const char *why) {
    sctp_abort_with(a, SCTP_CLOSED_PROTOCOL_VIOLATION, cause, (const uint8_t *)why, strlen(why));
}

void sctp_handle_abort(struct sctp_association *a, const struct sctp_chunk *chunk) {
    struct sctp_walk walk = sctp_walk_bytes(chunk->value, chunk->length);
    struct sctp_parameter cause = {0};
    if (!sctp_walk_parameter(&walk, &cause))
        cause.type = 0;
    sctp_end(a, SCTP_CLOSED_PEER_ABORTED, cause.type); /* RFC 9260 section 9.1, MUST: without an answer */
}

/* ---- in order ---------------------------------------------------------------------------------------------------------------------- */

static void start_t2(struct sctp_association *a, uint64_t now_us) {
    sctp_start_timer(a, SCTP_TIMER_T2, now_us + sctp_backed_off_us(a, a->t2_tries));
}

static void send_shutdown_ack(struct sctp_association *a, uint64_t now_us) {
    a->state = SCTP_STATE_SHUTDOWN_ACK_SENT;
    a->shutdown_is_due = false;
    a->shutdown_ack_is_due = true;
    a->t2_tries = 0;
    start_t2(a, now_us);
}

void sctp_go_on_with_shutdown(struct sctp_association *a, uint64_t now_us) {
    if (!sctp_has_peer(a) || !sctp_outbound_is_empty(a->out))
        return;
    /* RFC 9260 section 9.2, SHOULD: not before everything that was sent has been acknowledged. */
    if (a->state == SCTP_STATE_SHUTDOWN_PENDING) {
        a->state = SCTP_STATE_SHUTDOWN_SENT;
        a->shutdown_is_due = true;
        a->t2_tries = 0;
        start_t2(a, now_us);
        sctp_start_timer(a, SCTP_TIMER_T5, now_us + SCTP_T5_US);
    } else if (a->state == SCTP_STATE_SHUTDOWN_RECEIVED) {
        send_shutdown_ack(a, now_us);
    }
}

/* RFC 9260 section 9.2, MUST: in SHUTDOWN SENT each packet of data is answered at once, and the timer begins anew; SHOULD: its tries too. */
void sctp_repeat_shutdown(struct sctp_association *a, uint64_t now_us) {
    a->shutdown_is_due = true;
    a->errors = a->t2_tries = 0;
    start_t2(a, now_us);
}

void sctp_handle_shutdown(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk) {
    uint32_t cumulative_tsn;
    bool has_progressed = false;
    if (sctp_read_shutdown(chunk, &cumulative_tsn) != SCTP_OK) {
        a->count.packets_malformed++;
        return;
    }
    if (a->state == SCTP_STATE_SHUTDOWN_SENT) { /* both at once */
        send_shutdown_ack(a, now_us);
        return;
    }
    if (a->state == SCTP_STATE_SHUTDOWN_ACK_SENT)
        return;
    if (sctp_outbound_handle_cumulative(a->out, now_us, cumulative_tsn, &has_progressed) != SCTP_OK) {
        sctp_abort_because(a, SCTP_CAUSE_PROTOCOL_VIOLATION, "SHUTDOWN acknowledges what was never sent");
        return;
    }
    if (has_progressed)
        a->errors = 0;
    a->state = SCTP_STATE_SHUTDOWN_RECEIVED; /* nothing more is taken from the caller; what is queued goes on */
}

void sctp_handle_shutdown_ack(struct sctp_association *a) {
    struct sctp_writer writer;
    if (a->state != SCTP_STATE_SHUTDOWN_SENT && a->state != SCTP_STATE_SHUTDOWN_ACK_SENT)
        return;
    sctp_begin_reply(a, &writer, a->peer_tag);
    sctp_write_chunk(&writer, SCTP_CHUNK_SHUTDOWN_COMPLETE, 0, NULL, 0);
    sctp_end_reply(a, &writer);
    sctp_end(a, SCTP_CLOSED_SHUTDOWN, 0);
}

void sctp_handle_shutdown_complete(struct sctp_association *a) {
    /* RFC 9260 section 8.5.1 C, MUST: in any other state it is dropped. */
    if (a->state == SCTP_STATE_SHUTDOWN_ACK_SENT)
        sctp_end(a, SCTP_CLOSED_SHUTDOWN, 0);
}

void sctp_handle_t2(struct sctp_association *a, uint64_t now_us) {
    a->t2_tries++;
    a->count.timeouts++;
    if (!sctp_count_error(a))
        return;
    a->shutdown_is_due = a->state == SCTP_STATE_SHUTDOWN_SENT;
    a->shutdown_ack_is_due = a->state == SCTP_STATE_SHUTDOWN_ACK_SENT;
    start_t2(a, now_us);
}

/* RFC 9260 section 9.2: five times RTO.Max is enough, even if the peer still sends data. */
void sctp_handle_t5(struct sctp_association *a) {
    sctp_abort_with(a, SCTP_CLOSED_UNREACHABLE, SCTP_CAUSE_PROTOCOL_VIOLATION, NULL, 0);
}
