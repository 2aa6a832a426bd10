/*
 * Streams begin anew (RFC 6525), as data channels close (RFC 8831 section 6.7): each end resets those it sends on.
 *
 *     reset_streams: nothing more is taken -> what was has been acknowledged -> Outgoing SSN Reset Request -> response -> they go on from 0
 *     request of the peer -> all data up to its last TSN is here: performed; else in progress, until it is
 */
#include "sctp/association_internal.h"

#include <string.h>

#include "sctp/bytes_internal.h"

#define WAITING_FIRST 16 /* streams, and doubled */
#define CLOSING_BYTES 8192 /* a bit for each of 65,536 */

void sctp_forget_resets(struct sctp_association *a) {
    sctp_release(a, a->reset.waiting);
    sctp_release(a, a->reset.is_closing);
    sctp_release(a, a->reset.incoming);
    a->reset = (struct sctp_reset){.waiting = NULL};
}

void sctp_begin_resets(struct sctp_association *a) {
    sctp_forget_resets(a);
    /* RFC 6525 section 4.1: the numbers of requests begin with the first TSN of who asks. */
    a->reset.own_sequence = a->agreed.own_initial_tsn;
    a->reset.peer_sequence = a->agreed.peer_initial_tsn;
    a->reset.last_result = SCTP_RE_CONFIG_BAD_SEQUENCE_NUMBER;
}

/* ---- our streams ------------------------------------------------------------------------------------------------------------------- */

bool sctp_is_resetting(const struct sctp_association *a, uint16_t stream) {
    return a->reset.is_closing && (a->reset.is_closing[stream / 8] >> stream % 8 & 1) != 0;
}

static void flip_closing(struct sctp_reset *reset, uint16_t stream) {
    reset->is_closing[stream / 8] ^= (uint8_t)(1u << stream % 8);
}

static bool reserve(struct sctp_association *a, size_t count) {
    struct sctp_reset *reset = &a->reset;
    size_t capacity = reset->waiting_capacity > 0 ? reset->waiting_capacity : WAITING_FIRST;
    if (!reset->is_closing) {
        reset->is_closing = sctp_allocate(a, CLOSING_BYTES);
        if (!reset->is_closing)
            return false;
        memset(reset->is_closing, 0, CLOSING_BYTES);
    }
    while (capacity < reset->waiting_count + count)
        capacity *= 2;
    if (capacity == reset->waiting_capacity)
        return true;
    uint16_t *larger = sctp_allocate(a, capacity * sizeof *larger);
    if (!larger)
        return false;
    if (reset->waiting_count > 0)
        memcpy(larger, reset->waiting, reset->waiting_count * sizeof *larger);
    sctp_release(a, reset->waiting);
    reset->waiting = larger;
    reset->waiting_capacity = capacity;
    return true;
}

int sctp_reset_own_streams(struct sctp_association *a, uint64_t now_us, const uint16_t *streams, size_t count) {
    struct sctp_reset *reset = &a->reset;
    if (count == 0 || count > SCTP_STREAMS_MAX)
        return SCTP_ERROR_ARGUMENT;
    for (size_t i = 0; i < count; i++) {
        if (streams[i] >= a->agreed.outbound_streams)
            return SCTP_ERROR_ARGUMENT;
    }
    if (!reserve(a, count))
        return SCTP_ERROR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (sctp_is_resetting(a, streams[i]))
            continue;
        flip_closing(reset, streams[i]);
        reset->waiting[reset->waiting_count++] = streams[i];
    }
    sctp_go_on_with_resets(a, now_us);
    return SCTP_OK;
}

/* Everything of it has left and has been acknowledged, or was given up. */
static bool is_drained(struct sctp_association *a, uint16_t stream) {
    return sctp_outbound_buffered(a->out, stream) == 0 && sctp_outbound_is_drained(a->out, stream);
}

/* Of the first so many that wait: those that are drained are asked for, the others go to the end of the line. */
static void choose(struct sctp_association *a) {
    struct sctp_reset *reset = &a->reset;
    uint16_t later[SCTP_RESET_STREAMS_MAX];
    size_t later_count = 0, seen = reset->waiting_count < SCTP_RESET_STREAMS_MAX ? reset->waiting_count : SCTP_RESET_STREAMS_MAX;
    for (size_t i = 0; i < seen; i++) {
        if (is_drained(a, reset->waiting[i]))
            reset->asked[reset->asked_count++] = reset->waiting[i];
        else
            later[later_count++] = reset->waiting[i];
    }
    if (reset->asked_count == 0 && seen == reset->waiting_count)
        return;
    memmove(reset->waiting, reset->waiting + seen, (reset->waiting_count - seen) * sizeof *later);
    memcpy(reset->waiting + reset->waiting_count - seen, later, later_count * sizeof *later);
    reset->waiting_count -= seen - later_count;
}

static void start_timer(struct sctp_association *a, uint64_t now_us) {
    sctp_start_timer(a, SCTP_TIMER_RESET, now_us + sctp_backed_off_us(a, a->reset.tries));
}

static void ask(struct sctp_association *a, uint64_t now_us) {
    struct sctp_reset *reset = &a->reset;
    /* RFC 6525 section 5.1.1, MUST: one request at a time. */
    if (reset->asked_count > 0 || reset->waiting_count == 0 || reset->is_answered)
        return;
    choose(a);
    if (reset->asked_count == 0)
        return;
    reset->asked_last_tsn = sctp_outbound_last_tsn(a->out);
    reset->is_due = true;
    reset->is_in_progress = false;
    reset->tries = 0;
    start_timer(a, now_us);
}

void sctp_write_reset_request(struct sctp_association *a, uint64_t now_us, struct sctp_writer *writer) {
    struct sctp_reset *reset = &a->reset;
    size_t before = writer->length;
    sctp_write_outgoing_reset(writer, reset->own_sequence, reset->peer_sequence - 1, reset->asked_last_tsn, reset->asked, reset->asked_count);
    reset->is_due = writer->failed;
    if (writer->failed)
        sctp_writer_rewind(writer, before);
    else
        reset->asked_us = reset->tries == 0 ? now_us : SCTP_NEVER;
}

void sctp_handle_reset_timer(struct sctp_association *a, uint64_t now_us) {
    if (a->reset.asked_count == 0 || a->reset.is_answered)
        return;
    if (a->reset.is_in_progress) {
        a->reset.is_in_progress = false;
        a->reset.own_sequence++;
    } else {
        a->reset.tries++;
        if (!sctp_count_error(a)) /* RFC 6525 section 5.1.1: as a lost DATA chunk */
            return;
    }
    a->reset.is_due = true;
    start_timer(a, now_us);
}

static void finish(struct sctp_association *a, bool is_refused) {
    struct sctp_reset *reset = &a->reset;
    for (size_t i = 0; i < reset->asked_count; i++) {
        flip_closing(reset, reset->asked[i]);
        if (!is_refused)
            sctp_outbound_resume(a->out, reset->asked[i], true);
    }
    sctp_stop_timer(a, SCTP_TIMER_RESET);
    reset->own_sequence++;
    reset->is_due = false;
    reset->is_answered = true;
    reset->is_refused = is_refused;
}

/* RFC 6525 section 5.2.7. */
static void handle_response(struct sctp_association *a, uint64_t now_us, const struct sctp_re_config_response *response) {
    struct sctp_reset *reset = &a->reset;
    if (reset->asked_count == 0 || reset->is_answered || response->sequence != reset->own_sequence)
        return;
    a->errors = 0;
    switch (response->result) {
    case SCTP_RE_CONFIG_NOTHING_TO_DO:
    case SCTP_RE_CONFIG_PERFORMED:
        /* RFC 9260 section 6.3.1 C4: a round trip, unless it is not known which request was answered. */
        if (reset->asked_us != SCTP_NEVER && !reset->is_in_progress)
            sctp_outbound_measured(a->out, now_us, now_us - reset->asked_us);
        finish(a, false);
        break;
    case SCTP_RE_CONFIG_IN_PROGRESS:
    case SCTP_RE_CONFIG_REQUEST_IN_PROGRESS:
        /* Later, as a new request: peers exist that answer a number they know with what they said before. The old one may still be answered. */
        reset->is_due = false;
        reset->tries = 0;
        start_timer(a, now_us);
        reset->is_in_progress = true;
        break;
    default:
        finish(a, true);
        break;
    }
}

/* ---- the peer's streams ------------------------------------------------------------------------------------------------------------ */

static void respond(struct sctp_association *a, uint32_t sequence, uint32_t result) {
    uint8_t value[12];
    sctp_store_u16(value, SCTP_PARAMETER_RE_CONFIG_RESPONSE);
    sctp_store_u16(value + 2, sizeof value);
    sctp_store_u32(value + 4, sequence);
    sctp_store_u32(value + 8, result);
    sctp_answer(a, SCTP_CHUNK_RE_CONFIG, 0, value, sizeof value);
}

static uint64_t digest(const uint16_t *streams, size_t count, uint32_t last_tsn) {
    uint64_t hash = UINT64_C(14695981039346656037) ^ last_tsn;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ streams[i]) * UINT64_C(1099511628211);
    return hash | 1;
}

/* What is in reset->incoming, if its time has come. */
static bool perform(struct sctp_association *a) {
    struct sctp_reset *reset = &a->reset;
    struct sctp_inbound_statistics received;
    if (!sctp_inbound_reset(a->in, reset->incoming, reset->incoming_count, reset->incoming_last_tsn))
        return false;
    sctp_inbound_statistics(a->in, &received);
    reset->messages_before = received.messages - a->messages_polled;
    reset->is_incoming_done = true;
    reset->is_held = false;
    return true;
}

static uint32_t judge(struct sctp_association *a, const struct sctp_reset_request *request) {
    struct sctp_reset *reset = &a->reset;
    if (reset->is_incoming_done)
        return SCTP_RE_CONFIG_IN_PROGRESS; /* the caller has not heard of the last one */
    for (size_t i = 0; i < request->stream_count; i++) {
        if (sctp_reset_request_stream(request, i) >= a->agreed.inbound_streams)
            return SCTP_RE_CONFIG_WRONG_SSN;
    }
    sctp_release(a, reset->incoming);
    reset->is_held = false;
    reset->incoming = sctp_allocate(a, (request->stream_count + 1) * sizeof *reset->incoming);
    if (!reset->incoming)
        return SCTP_RE_CONFIG_IN_PROGRESS; /* it will be asked for again */
    for (size_t i = 0; i < request->stream_count; i++)
        reset->incoming[i] = sctp_reset_request_stream(request, i);
    reset->incoming_count = request->stream_count;
    reset->incoming_last_tsn = request->last_tsn;
    uint64_t name = digest(reset->incoming, reset->incoming_count, reset->incoming_last_tsn);
    if (name == reset->held_digest)
        return SCTP_RE_CONFIG_PERFORMED; /* since it was asked for, under the number before */
    reset->held_digest = 0;
    reset->is_held = !perform(a);
    return reset->is_held ? SCTP_RE_CONFIG_IN_PROGRESS : SCTP_RE_CONFIG_PERFORMED;
}

/* RFC 6525 section 5.2.1: is this the next request of the peer? If not, says what it is. */
static bool is_next(struct sctp_association *a, uint32_t sequence) {
    struct sctp_reset *reset = &a->reset;
    if (sequence == reset->peer_sequence)
        return true;
    if (sequence == reset->peer_sequence - 1 && reset->last_result == SCTP_RE_CONFIG_IN_PROGRESS && !reset->is_held) {
        reset->peer_sequence--; /* it could not even be kept: as if it came for the first time */
        return true;
    }
    if (sequence == reset->peer_sequence - 1 && reset->last_result != SCTP_RE_CONFIG_BAD_SEQUENCE_NUMBER)
        respond(a, sequence, reset->last_result); /* our answer was lost */
    else
        respond(a, sequence, SCTP_RE_CONFIG_BAD_SEQUENCE_NUMBER);
    return false;
}

static void handle_request(struct sctp_association *a, const struct sctp_parameter *parameter) {
    struct sctp_reset *reset = &a->reset;
    struct sctp_reset_request request;
    if (sctp_read_reset_request(parameter, &request) != SCTP_OK) {
        a->count.packets_malformed++;
        return;
    }
    if (!is_next(a, request.request_sequence))
        return;
    reset->peer_sequence++;
    reset->last_result = judge(a, &request);
    respond(a, request.request_sequence, reset->last_result);
}

/* Whole associations begin anew, streams are added, ours are reset for us: no data channel asks for it (docs/sctp.md). */
static void deny(struct sctp_association *a, const struct sctp_parameter *parameter) {
    if (parameter->length < 4) {
        a->count.packets_malformed++;
        return;
    }
    uint32_t sequence = sctp_load_u32(parameter->value);
    if (!is_next(a, sequence))
        return;
    a->reset.peer_sequence++;
    a->reset.last_result = SCTP_RE_CONFIG_DENIED;
    respond(a, sequence, SCTP_RE_CONFIG_DENIED);
}

void sctp_handle_re_config(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk) {
    struct sctp_walk walk = sctp_walk_bytes(chunk->value, chunk->length);
    struct sctp_parameter parameter;
    struct sctp_re_config_response response;
    if (!a->agreed.can_reset || a->state == SCTP_STATE_SHUTDOWN_ACK_SENT)
        return;
    while (sctp_walk_parameter(&walk, &parameter)) {
        switch (parameter.type) {
        case SCTP_PARAMETER_OUTGOING_RESET_REQUEST:
            handle_request(a, &parameter);
            break;
        case SCTP_PARAMETER_INCOMING_RESET_REQUEST:
        case SCTP_PARAMETER_SSN_TSN_RESET_REQUEST:
        case SCTP_PARAMETER_ADD_OUTGOING_STREAMS:
        case SCTP_PARAMETER_ADD_INCOMING_STREAMS:
            deny(a, &parameter);
            break;
        case SCTP_PARAMETER_RE_CONFIG_RESPONSE:
            if (sctp_read_re_config_response(&parameter, &response) == SCTP_OK)
                handle_response(a, now_us, &response);
            break;
        default:
            break;
        }
    }
}

void sctp_go_on_with_resets(struct sctp_association *a, uint64_t now_us) {
    struct sctp_reset *reset = &a->reset;
    if (!sctp_has_peer(a))
        return;
    if (reset->is_held && perform(a)) {
        reset->last_result = SCTP_RE_CONFIG_PERFORMED;
        reset->held_digest = digest(reset->incoming, reset->incoming_count, reset->incoming_last_tsn);
        respond(a, reset->peer_sequence - 1, SCTP_RE_CONFIG_PERFORMED);
    }
    ask(a, now_us);
}

/* ---- events ------------------------------------------------------------------------------------------------------------------------ */

bool sctp_poll_reset(struct sctp_association *a, struct sctp_event *out) {
    struct sctp_reset *reset = &a->reset;
    if (reset->is_incoming_done && reset->messages_before == 0) {
        *out = (struct sctp_event){.type = SCTP_EVENT_STREAMS_RESET, .is_incoming = true, .streams = reset->incoming, .stream_count = reset->incoming_count};
        reset->is_incoming_done = false; /* `incoming` stays, as a view, until the next request */
        return true;
    }
    if (reset->is_answered) {
        *out = (struct sctp_event){.type = SCTP_EVENT_STREAMS_RESET, .is_refused = reset->is_refused, .streams = reset->asked, .stream_count = reset->asked_count};
        reset->is_answered = false;
        reset->asked_count = 0;
        return true;
    }
    return false;
}
