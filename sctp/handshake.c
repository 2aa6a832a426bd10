/*
 * Four packets make an association (RFC 9260 section 5):
 *
 *     INIT         -->
 *                  <--  INIT ACK, with a cookie: nothing is remembered here
 *     COOKIE ECHO  -->
 *                  <--  COOKIE ACK
 *
 * Both may begin, packets may be lost, doubled and late, and either may have forgotten everything: section 5.2.
 */
#include "sctp/association_internal.h"

#include <assert.h>
#include <string.h>

#include "sctp/bytes_internal.h"

/* ---- what an INIT says ------------------------------------------------------------------------------------------------------------- */

static struct sctp_init own_init(const struct sctp_association *a, uint32_t tag, uint32_t initial_tsn) {
    return (struct sctp_init){
        .initiate_tag = tag,
        .window = sctp_inbound_first_window(a->config.receive_bytes),
        .outbound_streams = a->config.outbound_streams,
        .inbound_streams = a->config.inbound_streams,
        .initial_tsn = initial_tsn,
        .forward_tsn = true,
        .interleaving = a->config.wants_interleaving,
        .i_forward_tsn = a->config.wants_interleaving,
        .re_config = true,
        .zero_checksum = a->config.accepts_zero_checksum,
    };
}

static uint16_t smaller(uint16_t a, uint16_t b) {
    return a < b ? a : b;
}

/* RFC 9260 section 5.1.1, MUST: as many streams as the one wants to send on and the other can take. */
static struct sctp_agreement agree(const struct sctp_association *a, const struct sctp_init *theirs, uint32_t own_initial_tsn) {
    bool is_interleaved = a->config.wants_interleaving && theirs->interleaving;
    return (struct sctp_agreement){
        .outbound_streams = smaller(a->config.outbound_streams, theirs->inbound_streams),
        .inbound_streams = smaller(a->config.inbound_streams, theirs->outbound_streams),
        .peer_window = theirs->window,
        .own_initial_tsn = own_initial_tsn,
        .peer_initial_tsn = theirs->initial_tsn,
        .is_interleaved = is_interleaved,
        /* RFC 8260 section 2.3.1: each kind of DATA has a kind of FORWARD TSN of its own. */
        .can_forward = is_interleaved ? theirs->i_forward_tsn : theirs->forward_tsn,
        .can_reset = theirs->re_config,
        .is_without_checksum = a->config.accepts_zero_checksum && theirs->zero_checksum,
    };
}

/* An INIT or INIT ACK, with what the highest bits of the types of its unknown parameters ask for. */
struct reading {
    struct sctp_init init;
    uint8_t unrecognized[64]; /* whole ones, as many as fit */
    size_t unrecognized_length;
    bool has_host_name;
};

static void note_unrecognized(struct reading *reading, const struct sctp_parameter *parameter) {
    size_t whole = sctp_padded(SCTP_CHUNK_HEADER_BYTES + parameter->length);
    if (whole > sizeof reading->unrecognized - reading->unrecognized_length)
        return;
    uint8_t *at = reading->unrecognized + reading->unrecognized_length;
    memset(at, 0, whole);
    memcpy(at, parameter->value - SCTP_CHUNK_HEADER_BYTES, SCTP_CHUNK_HEADER_BYTES + parameter->length);
    reading->unrecognized_length += whole;
}

/* The tag to answer an INIT or INIT ACK with that says what it must not; 0: it is too broken for that. */
static uint32_t tag_of_rule_breaker(const struct sctp_chunk *chunk) {
    return chunk->length >= 16 ? sctp_load_u32(chunk->value) : 0;
}

static int read(const struct sctp_chunk *chunk, struct reading *out) {
    *out = (struct reading){.has_host_name = false};
    int result = sctp_read_init(chunk, &out->init);
    if (result != SCTP_OK)
        return result;
    struct sctp_walk walk = sctp_walk_bytes(out->init.parameters, out->init.parameters_length);
    struct sctp_parameter parameter;
    while (sctp_walk_parameter(&walk, &parameter)) {
        out->has_host_name |= parameter.type == SCTP_PARAMETER_HOST_NAME;
        if (sctp_init_parameter_is_known(parameter.type))
            continue;
        uint8_t bits = (uint8_t)(parameter.type >> 8);
        if (sctp_unknown_is_reported(bits))
            note_unrecognized(out, &parameter);
        if (sctp_unknown_stops(bits)) {
            /* RFC 9260 section 3.2.1: those behind it do not count. */
            struct sctp_chunk cut = *chunk;
            cut.length = (size_t)(parameter.value - SCTP_CHUNK_HEADER_BYTES - chunk->value);
            return sctp_read_init(&cut, &out->init);
        }
    }
    return SCTP_OK;
}

/* ---- the association begins -------------------------------------------------------------------------------------------------------- */

static bool make_halves(struct sctp_association *a, uint64_t now_us) {
    struct sctp_inbound_config in = {
        .allocator = &a->allocator,
        .budget_bytes = a->config.receive_bytes,
        .message_max_bytes = a->config.message_max_bytes,
        .initial_tsn = a->agreed.peer_initial_tsn,
        .stream_count = a->agreed.inbound_streams,
        .is_interleaved = a->agreed.is_interleaved,
    };
    struct sctp_outbound_config out = {
        .allocator = &a->allocator,
        .budget_bytes = a->config.send_bytes,
        .initial_tsn = a->agreed.own_initial_tsn,
        .fragment_bytes = sctp_fragment_bytes(a),
        .peer_window = a->agreed.peer_window,
        .is_interleaved = a->agreed.is_interleaved,
        .can_forward = a->agreed.can_forward,
    };
    sctp_inbound_free(a->in);
    sctp_outbound_free(a->out);
    a->in = sctp_inbound_new(&in);
    a->out = a->in ? sctp_outbound_new(&out, now_us) : NULL;
    return a->out != NULL;
}

/* `agreed` and the tags are known. */
static void establish(struct sctp_association *a, uint64_t now_us) {
    bool is_restart = a->out != NULL;
    sctp_forget_cookie(a);
    for (int timer = 0; timer < SCTP_TIMER_COUNT; timer++)
        sctp_stop_timer(a, (enum sctp_timer)timer);
    a->init_is_due = a->shutdown_is_due = a->shutdown_ack_is_due = false;
    a->errors = 0;
    a->messages_polled = 0;
    a->is_send_refused = a->sendable_is_due = false;
    if (!make_halves(a, now_us)) {
        sctp_abort_with(a, SCTP_CLOSED_MEMORY, SCTP_CAUSE_OUT_OF_RESOURCE, NULL, 0);
        return;
    }
    a->state = SCTP_STATE_ESTABLISHED;
    a->connected_is_due |= !is_restart;
    a->restarted_is_due |= is_restart && !a->connected_is_due;
    a->count.restarts += is_restart;
    sctp_begin_resets(a);
    sctp_begin_heartbeats(a, now_us);
    sctp_begin_path_search(a, now_us);
    if (a->shutdown_was_asked)
        a->state = SCTP_STATE_SHUTDOWN_PENDING;
}

static void adopt(struct sctp_association *a, const struct sctp_cookie *cookie) {
    a->own_tag = cookie->own_tag;
    a->peer_tag = cookie->peer_tag;
    a->agreed = (struct sctp_agreement){
        .outbound_streams = cookie->outbound_streams,
        .inbound_streams = cookie->inbound_streams,
        .peer_window = cookie->peer_window,
        .own_initial_tsn = cookie->own_initial_tsn,
        .peer_initial_tsn = cookie->peer_initial_tsn,
        .is_interleaved = cookie->is_interleaved,
        .can_forward = cookie->can_forward,
        .can_reset = cookie->can_reset,
        .is_without_checksum = cookie->is_without_checksum,
    };
}

/* ---- INIT -------------------------------------------------------------------------------------------------------------------------- */

void sctp_write_own_init(struct sctp_association *a, struct sctp_writer *writer) {
    struct sctp_init init = own_init(a, a->own_tag, a->agreed.own_initial_tsn);
    sctp_write_init(writer, SCTP_CHUNK_INIT, &init, NULL, 0);
}

static void call(struct sctp_association *a, uint64_t now_us) {
    a->state = SCTP_STATE_COOKIE_WAIT;
    a->peer_tag = 0;
    a->init_is_due = true;
    sctp_start_timer(a, SCTP_TIMER_T1, now_us + a->t1_us);
}

void sctp_begin_connect(struct sctp_association *a, uint64_t now_us) {
    a->t1_us = SCTP_T1_FIRST_US;
    call(a, now_us);
}

/* RFC 9260 section 5.1, SHOULD: who does not want the association says so; MUST: with the tag that the INIT brought. */
static void refuse(struct sctp_association *a, uint32_t tag, uint16_t cause) {
    struct sctp_writer writer;
    sctp_begin_reply(a, &writer, tag);
    sctp_write_error(&writer, SCTP_CHUNK_ABORT, 0, cause, NULL, 0);
    sctp_end_reply(a, &writer);
}

static struct sctp_cookie cookie_for(struct sctp_association *a, uint64_t now_us, const struct sctp_init *theirs) {
    uint32_t own_tag = a->own_tag, own_initial_tsn = a->agreed.own_initial_tsn;
    /* RFC 9260 section 5.2.1: until both agree, an INIT ACK says what our INIT did, or would. Section 5.2.2, MUST: later it has a new tag. */
    if (a->out) {
        do
            own_tag = sctp_random_u32(a);
        while (own_tag == 0 || own_tag == a->own_tag);
        own_initial_tsn = sctp_random_u32(a);
    }
    /* The tie-tags say which association was there when the INIT came; there is none in CLOSED and COOKIE WAIT. */
    bool is_tied = a->state != SCTP_STATE_CLOSED && a->state != SCTP_STATE_COOKIE_WAIT;
    struct sctp_agreement agreed = agree(a, theirs, own_initial_tsn);
    return (struct sctp_cookie){
        .made_us = now_us,
        .own_tag = own_tag,
        .peer_tag = theirs->initiate_tag,
        .own_tie_tag = is_tied ? a->own_tag : 0,
        .peer_tie_tag = is_tied ? a->peer_tag : 0,
        .own_initial_tsn = own_initial_tsn,
        .peer_initial_tsn = theirs->initial_tsn,
        .peer_window = theirs->window,
        .outbound_streams = agreed.outbound_streams,
        .inbound_streams = agreed.inbound_streams,
        .is_interleaved = agreed.is_interleaved,
        .can_forward = agreed.can_forward,
        .can_reset = agreed.can_reset,
        .is_without_checksum = agreed.is_without_checksum,
    };
}

void sctp_handle_init(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk) {
    struct reading reading;
    struct sctp_writer writer;
    /* RFC 9260 section 3.3.2, MUST: an INIT that breaks the rules is dropped; SHOULD: and answered by an ABORT, unless its tag is 0 (MUST). */
    if (read(chunk, &reading) != SCTP_OK) {
        a->count.packets_malformed++;
        if (tag_of_rule_breaker(chunk) != 0)
            refuse(a, tag_of_rule_breaker(chunk), SCTP_CAUSE_INVALID_PARAMETER);
        return;
    }
    /* RFC 9260 section 9.2, SHOULD: one who comes anew while we wait for the last word of a shutdown gets the SHUTDOWN ACK again. */
    if (a->state == SCTP_STATE_SHUTDOWN_ACK_SENT) {
        a->shutdown_ack_is_due = true;
        return;
    }
    /* RFC 9260 section 3.3.2.1.4: a host name is no address any more. */
    if (reading.has_host_name || a->is_over) {
        refuse(a, reading.init.initiate_tag, reading.has_host_name ? SCTP_CAUSE_UNRESOLVABLE_ADDRESS : 0);
        return;
    }
    struct sctp_cookie cookie = cookie_for(a, now_us, &reading.init);
    struct sctp_init answer = own_init(a, cookie.own_tag, cookie.own_initial_tsn);
    uint8_t sealed[SCTP_COOKIE_BYTES];
    sctp_cookie_seal(&cookie, &a->key, sealed);
    /* Who did not say it will not use it, and may know no such parameter: some do not read over it, as RFC 9260 section 3.2.1 wants, but drop the
     * whole INIT ACK (pion before 2024). */
    answer.zero_checksum = answer.zero_checksum && reading.init.zero_checksum;
    answer.cookie = sealed;
    answer.cookie_length = sizeof sealed;
    sctp_begin_reply(a, &writer, reading.init.initiate_tag);
    sctp_write_init(&writer, SCTP_CHUNK_INIT_ACK, &answer, reading.unrecognized, reading.unrecognized_length);
    sctp_end_reply(a, &writer);
}

/* ---- INIT ACK ---------------------------------------------------------------------------------------------------------------------- */

void sctp_forget_cookie(struct sctp_association *a) {
    sctp_release(a, a->peer_cookie);
    a->peer_cookie = NULL;
    a->peer_cookie_length = a->unrecognized_length = 0;
    a->cookie_echo_is_due = false;
}

/* RFC 9260 section 3.3.3, MUST: an INIT ACK without a stream in a direction ends it; SHOULD: with an ABORT. */
static void end_without_streams(struct sctp_association *a, const struct sctp_chunk *chunk) {
    uint32_t tag = tag_of_rule_breaker(chunk);
    if (tag == 0 || (sctp_load_u16(chunk->value + 8) != 0 && sctp_load_u16(chunk->value + 10) != 0))
        return;
    a->peer_tag = tag;
    sctp_abort_with(a, SCTP_CLOSED_PROTOCOL_VIOLATION, SCTP_CAUSE_INVALID_PARAMETER, NULL, 0);
}

void sctp_handle_init_ack(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk) {
    static const uint8_t missing_cookie[] = {0, 0, 0, 1, 0, SCTP_PARAMETER_STATE_COOKIE}; /* RFC 9260 section 3.3.10.2 */
    struct reading reading;
    /* RFC 9260 section 5.2.3, SHOULD: an INIT ACK that nobody waits for is old. */
    if (a->state != SCTP_STATE_COOKIE_WAIT)
        return;
    if (read(chunk, &reading) != SCTP_OK || reading.init.cookie_length > SCTP_PEER_COOKIE_MAX_BYTES) {
        a->count.packets_malformed++;
        end_without_streams(a, chunk);
        return;
    }
    a->peer_tag = reading.init.initiate_tag;
    if (reading.has_host_name) {
        sctp_abort_with(a, SCTP_CLOSED_PROTOCOL_VIOLATION, SCTP_CAUSE_UNRESOLVABLE_ADDRESS, NULL, 0);
        return;
    }
    if (reading.init.cookie_length == 0) {
        sctp_abort_with(a, SCTP_CLOSED_PROTOCOL_VIOLATION, SCTP_CAUSE_MISSING_PARAMETER, missing_cookie, sizeof missing_cookie);
        return;
    }
    a->peer_cookie = sctp_allocate(a, reading.init.cookie_length);
    if (!a->peer_cookie) {
        a->peer_tag = 0; /* as if it had been lost: T1 asks again */
        return;
    }
    memcpy(a->peer_cookie, reading.init.cookie, reading.init.cookie_length);
    a->peer_cookie_length = reading.init.cookie_length;
    memcpy(a->unrecognized, reading.unrecognized, reading.unrecognized_length);
    a->unrecognized_length = reading.unrecognized_length;
    a->agreed = agree(a, &reading.init, a->agreed.own_initial_tsn);
    a->state = SCTP_STATE_COOKIE_ECHOED;
    a->init_is_due = false;
    a->cookie_echo_is_due = true;
    a->t1_us = SCTP_T1_FIRST_US;
    a->t1_tries = 0;
    sctp_start_timer(a, SCTP_TIMER_T1, now_us + a->t1_us);
}

/* ---- COOKIE ECHO ------------------------------------------------------------------------------------------------------------------- */

/* RFC 9260 section 5.1.5: says by how much it is too old, in microseconds. */
static void answer_stale(struct sctp_association *a, const struct sctp_cookie *cookie, uint64_t age_us) {
    struct sctp_writer writer;
    uint8_t staleness[4];
    uint64_t beyond = age_us - SCTP_COOKIE_LIFETIME_US;
    sctp_store_u32(staleness, beyond < UINT32_MAX ? (uint32_t)beyond : UINT32_MAX);
    a->count.cookies_refused++;
    sctp_begin_reply(a, &writer, cookie->peer_tag);
    sctp_write_error(&writer, SCTP_CHUNK_ERROR, 0, SCTP_CAUSE_STALE_COOKIE, staleness, sizeof staleness);
    sctp_end_reply(a, &writer);
}

/* RFC 9260 section 5.2.4, the table: what a cookie means to an association that is there. False: it is dropped. */
static bool compare(struct sctp_association *a, uint64_t now_us, const struct sctp_cookie *cookie) {
    bool is_own = cookie->own_tag == a->own_tag, is_peer = cookie->peer_tag == a->peer_tag;
    bool is_tied = cookie->own_tie_tag == a->own_tag && cookie->peer_tie_tag == a->peer_tag;
    if (is_own && is_peer) { /* D: the one that we have made, or are making */
        if (a->state == SCTP_STATE_COOKIE_ECHOED)
            establish(a, now_us);
    } else if (is_own && !a->out) { /* B: both called; the peer's own call counts for its side */
        adopt(a, cookie);
        establish(a, now_us);
    } else if (!is_own && !is_peer && is_tied && a->state == SCTP_STATE_SHUTDOWN_ACK_SENT) {
        /* A, MUST NOT: no new association before the old one is shut down; the peer is told. */
        a->shutdown_ack_is_due = true;
        sctp_answer_error(a, SCTP_CAUSE_COOKIE_WHILE_SHUTTING_DOWN, NULL, 0);
        return false;
    } else if (!is_own && !is_peer && is_tied && a->out) { /* A: the peer has begun anew */
        adopt(a, cookie);
        establish(a, now_us);
    } else { /* C, and what no row has: late, dropped */
        a->count.cookies_refused++;
        return false;
    }
    return true;
}

bool sctp_handle_cookie_echo(struct sctp_association *a, uint64_t now_us, const struct sctp_packet *packet, const struct sctp_chunk *chunk) {
    struct sctp_cookie cookie;
    /* RFC 9260 section 5.1.5, MUST: the MAC, then the tag, then the time (steps 2 to 4). */
    if (!sctp_cookie_open(chunk->value, chunk->length, &a->key, &cookie) || packet->verification_tag != cookie.own_tag) {
        a->count.cookies_refused++;
        return false;
    }
    bool is_known = cookie.own_tag == a->own_tag && cookie.peer_tag == a->peer_tag && a->state != SCTP_STATE_CLOSED;
    if (now_us - cookie.made_us > SCTP_COOKIE_LIFETIME_US && !is_known) {
        answer_stale(a, &cookie, now_us - cookie.made_us);
        return false;
    }
    if (a->state == SCTP_STATE_CLOSED) {
        adopt(a, &cookie);
        establish(a, now_us);
    } else if (!compare(a, now_us, &cookie)) {
        return false;
    }
    a->cookie_ack_is_due = !a->is_over;
    return !a->is_over;
}

/* ---- the answers to a COOKIE ECHO, and none ---------------------------------------------------------------------------------------- */

void sctp_handle_cookie_ack(struct sctp_association *a, uint64_t now_us) {
    if (a->state == SCTP_STATE_COOKIE_ECHOED) /* RFC 9260 section 5.2.5, SHOULD: in any other state it is dropped */
        establish(a, now_us);
}

/* RFC 9260 section 4, MUST: after Max.Init.Retransmits the caller is told. The peer is not: it does not listen. */
static bool try_again(struct sctp_association *a, unsigned *tries) {
    if (++*tries <= a->config.init_retransmissions)
        return true;
    sctp_end(a, SCTP_CLOSED_CONNECT_TIMEOUT, 0);
    return false;
}

/* RFC 9260 section 5.2.6: begins with a new INIT; so often and no more, lest two clocks that disagree do it for ever. */
void sctp_handle_stale_cookie(struct sctp_association *a, uint64_t now_us) {
    if (!try_again(a, &a->stale_tries))
        return;
    sctp_forget_cookie(a);
    call(a, now_us);
}

void sctp_handle_t1(struct sctp_association *a, uint64_t now_us) {
    if (!try_again(a, &a->t1_tries))
        return;
    a->t1_us = a->t1_us * 2 < SCTP_T1_LONGEST_US ? a->t1_us * 2 : SCTP_T1_LONGEST_US; /* RFC 9260 section 6.3.3, E2 */
    sctp_start_timer(a, SCTP_TIMER_T1, now_us + a->t1_us);
    a->init_is_due = a->state == SCTP_STATE_COOKIE_WAIT;
    a->cookie_echo_is_due = a->state == SCTP_STATE_COOKIE_ECHOED;
}
