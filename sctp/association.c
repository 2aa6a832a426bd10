/* An association from its birth to its end: the verbs of docs/contract.md. What is in a packet is association_receive.c and _transmit.c. */
#include "sctp/association_internal.h"

#include <assert.h>
#include <string.h>

#include "sctp/bytes_internal.h"

/* ---- memory, chance, time ---------------------------------------------------------------------------------------------------------- */

void *sctp_allocate(struct sctp_association *a, size_t bytes) {
    return a->allocator.allocate(a->allocator.context, bytes);
}

void sctp_release(struct sctp_association *a, void *memory) {
    if (memory)
        a->allocator.release(a->allocator.context, memory);
}

uint32_t sctp_random_u32(struct sctp_association *a) {
    uint8_t bytes[4];
    a->config.random(a->config.random_context, bytes, sizeof bytes);
    return sctp_load_u32(bytes);
}

uint64_t sctp_random_u64(struct sctp_association *a) {
    uint64_t high = sctp_random_u32(a);
    return high << 32 | sctp_random_u32(a);
}

void sctp_start_timer(struct sctp_association *a, enum sctp_timer timer, uint64_t at_us) {
    a->deadline_us[timer] = at_us;
}

void sctp_stop_timer(struct sctp_association *a, enum sctp_timer timer) {
    a->deadline_us[timer] = SCTP_NEVER;
}

bool sctp_count_error(struct sctp_association *a) {
    /* RFC 9260 section 8.1: what had no answer counts, whatever it was; beyond Association.Max.Retrans the peer is unreachable, and
     * SHALL: nothing more is sent to it. */
    a->errors++;
    if (a->errors <= a->config.association_retransmissions)
        return true;
    sctp_end(a, SCTP_CLOSED_UNREACHABLE, 0);
    return false;
}

uint64_t sctp_backed_off_us(const struct sctp_association *a, unsigned tries) {
    uint64_t wait = a->out ? sctp_outbound_rto_us(a->out) : SCTP_T1_FIRST_US;
    for (unsigned i = 0; i < tries && wait < SCTP_TIMER_LONGEST_US; i++)
        wait *= 2;
    return wait < SCTP_TIMER_LONGEST_US ? wait : SCTP_TIMER_LONGEST_US;
}

/* ---- new, free --------------------------------------------------------------------------------------------------------------------- */

static size_t or_default(size_t value, size_t standard) {
    return value != 0 ? value : standard;
}

static bool is_within(size_t value, size_t least, size_t most) {
    return value >= least && value <= most;
}

/* Fills in the defaults. False: a value out of range. */
static bool resolve(struct sctp_association_config *config) {
    config->local_port = (uint16_t)or_default(config->local_port, SCTP_PORT);
    config->remote_port = (uint16_t)or_default(config->remote_port, SCTP_PORT);
    config->outbound_streams = (uint16_t)or_default(config->outbound_streams, SCTP_STREAMS_MAX);
    config->inbound_streams = (uint16_t)or_default(config->inbound_streams, SCTP_STREAMS_MAX);
    config->packet_bytes = or_default(config->packet_bytes, SCTP_PACKET_DEFAULT_BYTES);
    config->packet_max_bytes = or_default(config->packet_max_bytes, config->packet_bytes) & ~(size_t)3;
    config->receive_bytes = or_default(config->receive_bytes, SCTP_RECEIVE_DEFAULT_BYTES);
    config->send_bytes = or_default(config->send_bytes, SCTP_SEND_DEFAULT_BYTES);
    config->message_max_bytes = or_default(config->message_max_bytes, SCTP_MESSAGE_DEFAULT_BYTES);
    if (config->association_retransmissions == 0)
        config->association_retransmissions = SCTP_ASSOCIATION_RETRANSMISSIONS_DEFAULT;
    if (config->init_retransmissions == 0)
        config->init_retransmissions = SCTP_INIT_RETRANSMISSIONS_DEFAULT;
    if (config->heartbeat_us == 0)
        config->heartbeat_us = SCTP_HEARTBEAT_DEFAULT_US;
    config->allocator = NULL; /* has been copied */
    return config->random != NULL && config->packet_bytes % 4 == 0 &&
           is_within(config->packet_bytes, SCTP_PACKET_SMALLEST_BYTES, SCTP_PACKET_LARGEST_BYTES) &&
           is_within(config->packet_max_bytes, config->packet_bytes, SCTP_PACKET_LARGEST_BYTES) &&
           is_within(config->receive_bytes, SCTP_RECEIVE_SMALLEST_BYTES, SCTP_BUFFER_LARGEST_BYTES) &&
           is_within(config->send_bytes, SCTP_SEND_SMALLEST_BYTES, SCTP_BUFFER_LARGEST_BYTES) &&
           config->message_max_bytes <= SCTP_BUFFER_LARGEST_BYTES;
}

struct sctp_association *sctp_association_new(const struct sctp_association_config *config, uint64_t now_us) {
    struct sctp_allocator allocator = sctp_allocator_or_default(config->allocator);
    struct sctp_association_config resolved = *config;
    (void)now_us;
    if (!resolve(&resolved))
        return NULL;
    struct sctp_association *a = allocator.allocate(allocator.context, sizeof *a);
    if (!a)
        return NULL;
    *a = (struct sctp_association){.config = resolved, .allocator = allocator, .state = SCTP_STATE_CLOSED, .heartbeat_sent_us = SCTP_NEVER};
    for (int timer = 0; timer < SCTP_TIMER_COUNT; timer++)
        a->deadline_us[timer] = SCTP_NEVER;
    resolved.random(resolved.random_context, a->key.bytes, sizeof a->key.bytes);
    /* RFC 9260 sections 3.3.2 and 5.3.1: a tag is random and never 0; SHOULD: the first TSN is random too. */
    while (a->own_tag == 0)
        a->own_tag = sctp_random_u32(a);
    a->agreed.own_initial_tsn = sctp_random_u32(a);
    a->path.known_bytes = resolved.packet_bytes;
    return a;
}

void sctp_association_free(struct sctp_association *a) {
    if (!a)
        return;
    sctp_forget_resets(a);
    sctp_forget_cookie(a);
    sctp_outbound_free(a->out);
    sctp_inbound_free(a->in);
    sctp_release(a, a);
}

/* ---- time -------------------------------------------------------------------------------------------------------------------------- */

uint64_t sctp_association_next_timeout(const struct sctp_association *a) {
    uint64_t next = SCTP_NEVER;
    if (a->is_over)
        return next;
    for (int timer = 0; timer < SCTP_TIMER_COUNT; timer++)
        next = a->deadline_us[timer] < next ? a->deadline_us[timer] : next;
    if (a->in && sctp_inbound_next_timeout(a->in) < next)
        next = sctp_inbound_next_timeout(a->in);
    if (a->out && sctp_outbound_next_timeout(a->out) < next)
        next = sctp_outbound_next_timeout(a->out);
    return next;
}

static void handle_timer(struct sctp_association *a, uint64_t now_us, enum sctp_timer timer) {
    sctp_stop_timer(a, timer);
    switch (timer) {
    case SCTP_TIMER_T1:
        sctp_handle_t1(a, now_us);
        break;
    case SCTP_TIMER_T2:
        sctp_handle_t2(a, now_us);
        break;
    case SCTP_TIMER_T5:
        sctp_handle_t5(a);
        break;
    case SCTP_TIMER_HEARTBEAT:
        sctp_handle_heartbeat_timer(a, now_us);
        break;
    case SCTP_TIMER_PROBE:
        sctp_handle_probe_timer(a, now_us);
        break;
    case SCTP_TIMER_RESET:
        sctp_handle_reset_timer(a, now_us);
        break;
    case SCTP_TIMER_COUNT:
        break;
    }
}

void sctp_association_handle_timeout(struct sctp_association *a, uint64_t now_us) {
    for (int timer = 0; timer < SCTP_TIMER_COUNT && !a->is_over; timer++) {
        if (now_us >= a->deadline_us[timer])
            handle_timer(a, now_us, (enum sctp_timer)timer);
    }
    if (!sctp_has_peer(a))
        return;
    sctp_inbound_handle_timeout(a->in, now_us);
    if (now_us >= sctp_outbound_next_timeout(a->out) && sctp_outbound_handle_timeout(a->out, now_us)) {
        a->count.timeouts++;
        if (!sctp_count_error(a))
            return;
        sctp_suspect_black_hole(a, now_us);
    }
    sctp_go_on_with_resets(a, now_us); /* what was given up may have been all that was waited for */
    sctp_go_on_with_shutdown(a, now_us);
}

/* ---- what the caller wants --------------------------------------------------------------------------------------------------------- */

int sctp_association_connect(struct sctp_association *a, uint64_t now_us) {
    if (a->is_over)
        return SCTP_ERROR_STATE;
    if (a->state == SCTP_STATE_CLOSED)
        sctp_begin_connect(a, now_us);
    return SCTP_OK;
}

int sctp_association_send(struct sctp_association *a, uint64_t now_us, const struct sctp_message *message) {
    if (!sctp_has_peer(a) || a->state != SCTP_STATE_ESTABLISHED)
        return SCTP_ERROR_STATE;
    if (message->length == 0 || message->length > a->config.send_bytes || message->stream >= a->agreed.outbound_streams)
        return SCTP_ERROR_ARGUMENT;
    if (sctp_is_resetting(a, message->stream))
        return SCTP_ERROR_STATE;
    int result = sctp_outbound_send(a->out, now_us, message);
    if (result == SCTP_ERROR_CAPACITY && sctp_outbound_is_empty(a->out))
        return SCTP_ERROR_ARGUMENT; /* with what is kept of each piece of it, it never fits */
    a->is_send_refused |= result == SCTP_ERROR_CAPACITY;
    a->count.messages_sent += result == SCTP_OK;
    return result;
}

uint64_t sctp_association_buffered(const struct sctp_association *a, uint16_t stream) {
    return a->out ? sctp_outbound_buffered(a->out, stream) : 0;
}

uint64_t sctp_association_buffered_total(const struct sctp_association *a) {
    return a->out ? sctp_outbound_buffered_in_all(a->out) : 0;
}

int sctp_association_set_buffered_low(struct sctp_association *a, uint16_t stream, uint64_t bytes) {
    if (!sctp_has_peer(a))
        return SCTP_ERROR_STATE;
    return stream < a->agreed.outbound_streams ? sctp_outbound_set_low_mark(a->out, stream, bytes) : SCTP_ERROR_ARGUMENT;
}

int sctp_association_reset_streams(struct sctp_association *a, uint64_t now_us, const uint16_t *streams, size_t count) {
    if (!sctp_has_peer(a) || a->state != SCTP_STATE_ESTABLISHED || !a->agreed.can_reset)
        return SCTP_ERROR_STATE;
    return sctp_reset_own_streams(a, now_us, streams, count);
}

int sctp_association_shutdown(struct sctp_association *a, uint64_t now_us) {
    if (a->is_over)
        return SCTP_ERROR_STATE;
    a->shutdown_was_asked = true;
    if (!sctp_has_peer(a)) {
        sctp_end(a, SCTP_CLOSED_SHUTDOWN, 0); /* RFC 9260 section 9.2 is for an association that is there */
    } else if (a->state == SCTP_STATE_ESTABLISHED) {
        a->state = SCTP_STATE_SHUTDOWN_PENDING;
        sctp_go_on_with_shutdown(a, now_us);
    }
    return SCTP_OK;
}

int sctp_association_abort(struct sctp_association *a, uint64_t now_us, const uint8_t *reason, size_t length) {
    (void)now_us;
    if (a->is_over)
        return SCTP_ERROR_STATE;
    length = length < SCTP_ABORT_REASON_MAX_BYTES ? length : SCTP_ABORT_REASON_MAX_BYTES;
    sctp_abort_with(a, SCTP_CLOSED_ABORTED, SCTP_CAUSE_USER_ABORT, reason, length);
    a->cause = 0; /* that is what the peer hears, not we */
    return SCTP_OK;
}

void sctp_association_path_changed(struct sctp_association *a, uint64_t now_us) {
    if (!sctp_has_peer(a))
        return;
    sctp_outbound_path_changed(a->out, now_us);
    sctp_begin_path_search(a, now_us);
    sctp_begin_heartbeats(a, now_us);
}
