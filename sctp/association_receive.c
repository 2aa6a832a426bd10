/* A packet that came: whose it is, and then chunk by chunk (RFC 9260 sections 3.2 and 6.10). */
#include "sctp/association_internal.h"

#include <string.h>

#include "sctp/bytes_internal.h"

/* ---- what is answered -------------------------------------------------------------------------------------------------------------- */

void sctp_answer(struct sctp_association *a, uint8_t type, uint8_t flags, const uint8_t *value, size_t length) {
    size_t whole = sctp_padded(SCTP_CHUNK_HEADER_BYTES + length);
    if (whole > sizeof a->answers - a->answers_length || SCTP_HEADER_BYTES + whole > a->path.known_bytes) {
        a->count.replies_dropped++;
        return;
    }
    uint8_t *at = a->answers + a->answers_length;
    memset(at, 0, whole);
    at[0] = type;
    at[1] = flags;
    sctp_store_u16(at + 2, (uint16_t)(SCTP_CHUNK_HEADER_BYTES + length));
    if (length > 0)
        memcpy(at + SCTP_CHUNK_HEADER_BYTES, value, length);
    a->answers_length += whole;
}

/* What is quoted of the peer's own bytes in an ERROR, at most. */
#define QUOTED_BYTES 256

void sctp_answer_error(struct sctp_association *a, uint16_t cause, const uint8_t *information, size_t length) {
    uint8_t value[SCTP_CHUNK_HEADER_BYTES + QUOTED_BYTES];
    length = length < QUOTED_BYTES ? length : QUOTED_BYTES;
    sctp_store_u16(value, cause);
    sctp_store_u16(value + 2, (uint16_t)(SCTP_CHUNK_HEADER_BYTES + length));
    if (length > 0)
        memcpy(value + SCTP_CHUNK_HEADER_BYTES, information, length);
    sctp_answer(a, SCTP_CHUNK_ERROR, 0, value, SCTP_CHUNK_HEADER_BYTES + length);
}

/* False: the rest of the packet is not looked at. */
static bool handle_unknown(struct sctp_association *a, const struct sctp_chunk *chunk) {
    a->count.chunks_unknown++;
    /* RFC 9260 section 3.2: the highest bits of the type say what becomes of it. */
    if (sctp_unknown_is_reported(chunk->type))
        sctp_answer_error(a, SCTP_CAUSE_UNRECOGNIZED_CHUNK, chunk->value - SCTP_CHUNK_HEADER_BYTES, chunk->length + SCTP_CHUNK_HEADER_BYTES);
    return !sctp_unknown_stops(chunk->type);
}

/* ---- DATA, SACK, FORWARD TSN ------------------------------------------------------------------------------------------------------- */

static bool takes_data(const struct sctp_association *a) {
    /* RFC 9260 section 6: DATA is for these three states; in another it is dropped. */
    return a->state == SCTP_STATE_ESTABLISHED || a->state == SCTP_STATE_SHUTDOWN_PENDING || a->state == SCTP_STATE_SHUTDOWN_SENT;
}

static void handle_data(struct sctp_association *a, const struct sctp_chunk *chunk) {
    size_t header = (chunk->type == SCTP_CHUNK_I_DATA ? SCTP_I_DATA_HEADER_BYTES : SCTP_DATA_HEADER_BYTES) - SCTP_CHUNK_HEADER_BYTES;
    struct sctp_data data;
    if (!takes_data(a))
        return;
    if (chunk->length == header) {
        /* RFC 9260 section 6.2, MUST: DATA without user data ends the association, and the cause names its TSN. */
        sctp_abort_with(a, SCTP_CLOSED_PROTOCOL_VIOLATION, SCTP_CAUSE_NO_USER_DATA, chunk->value, 4);
        return;
    }
    if (sctp_read_data(chunk, &data) != SCTP_OK) {
        a->count.packets_malformed++;
        return;
    }
    switch (sctp_inbound_data(a->in, &data)) {
    case SCTP_INBOUND_TAKEN:
    case SCTP_INBOUND_DUPLICATE:
    case SCTP_INBOUND_NO_ROOM:
        break;
    case SCTP_INBOUND_INVALID_STREAM: {
        uint8_t information[4] = {0};
        sctp_store_u16(information, data.stream);
        sctp_answer_error(a, SCTP_CAUSE_INVALID_STREAM, information, sizeof information);
        break;
    }
    case SCTP_INBOUND_VIOLATION: {
        struct sctp_violation violation = sctp_inbound_violation(a->in);
        sctp_abort_because(a, violation.cause, violation.why);
        break;
    }
    }
}

static void note_progress(struct sctp_association *a) {
    a->errors = 0; /* RFC 9260 section 8.1: whoever acknowledges something new is there */
    a->path.timeouts = 0;
    a->sendable_is_due |= a->is_send_refused;
    a->is_send_refused = false;
}

static void handle_sack(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk) {
    struct sctp_sack sack;
    bool has_progressed = false;
    if (sctp_read_sack(chunk, &sack) != SCTP_OK) {
        a->count.packets_malformed++;
        return;
    }
    if (sctp_outbound_handle_sack(a->out, now_us, &sack, &has_progressed) != SCTP_OK) {
        sctp_abort_because(a, SCTP_CAUSE_PROTOCOL_VIOLATION, "acknowledges what was never sent");
        return;
    }
    if (has_progressed)
        note_progress(a);
}

static void handle_forward_tsn(struct sctp_association *a, const struct sctp_chunk *chunk) {
    struct sctp_forward_tsn forward;
    if (!takes_data(a))
        return;
    if (!a->agreed.can_forward && chunk->type == SCTP_CHUNK_FORWARD_TSN) {
        (void)handle_unknown(a, chunk); /* RFC 3758 section 3.3.1, MUST: an ERROR to who has not agreed on it */
        return;
    }
    if (!a->agreed.can_forward) {
        sctp_abort_because(a, SCTP_CAUSE_PROTOCOL_VIOLATION, "I-FORWARD-TSN that was not agreed"); /* RFC 8260 section 2.3.1, MUST */
        return;
    }
    if (sctp_read_forward_tsn(chunk, &forward) != SCTP_OK) {
        a->count.packets_malformed++;
        return;
    }
    if (!sctp_inbound_forward_tsn(a->in, &forward)) {
        struct sctp_violation violation = sctp_inbound_violation(a->in);
        sctp_abort_because(a, violation.cause, violation.why);
    }
}

static void handle_error(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk) {
    struct sctp_walk walk = sctp_walk_bytes(chunk->value, chunk->length);
    struct sctp_parameter cause;
    while (sctp_walk_parameter(&walk, &cause)) {
        if (cause.type == SCTP_CAUSE_STALE_COOKIE && a->state == SCTP_STATE_COOKIE_ECHOED)
            sctp_handle_stale_cookie(a, now_us);
    }
}

/* ---- chunk by chunk ---------------------------------------------------------------------------------------------------------------- */

/* Those that need no association beyond the tags. */
static bool handle_handshake_chunk(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk) {
    switch (chunk->type) {
    case SCTP_CHUNK_INIT_ACK:
        sctp_handle_init_ack(a, now_us, chunk);
        return true;
    case SCTP_CHUNK_COOKIE_ACK:
        sctp_handle_cookie_ack(a, now_us);
        return true;
    case SCTP_CHUNK_ABORT:
        sctp_handle_abort(a, chunk);
        return true;
    case SCTP_CHUNK_ERROR:
        handle_error(a, now_us, chunk);
        return true;
    case SCTP_CHUNK_SHUTDOWN_COMPLETE:
        sctp_handle_shutdown_complete(a);
        return true;
    case SCTP_CHUNK_INIT: /* RFC 9260 section 8.5.1 A: alone in a packet without a tag, or not at all */
    case SCTP_CHUNK_COOKIE_ECHO: /* section 5.1: the first of its packet, which was seen already */
    case SCTP_CHUNK_PAD: /* RFC 4820 section 3, MUST: passed over */
        return true;
    default:
        return false;
    }
}

/* False: the rest of the packet is not looked at. */
static bool handle_chunk(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk) {
    if (handle_handshake_chunk(a, now_us, chunk))
        return true;
    if (!a->out && chunk->type <= SCTP_CHUNK_SHUTDOWN_ACK)
        return true; /* COOKIE WAIT, COOKIE ECHOED: too early */
    switch (chunk->type) {
    case SCTP_CHUNK_DATA:
    case SCTP_CHUNK_I_DATA:
        if (a->out)
            handle_data(a, chunk);
        return true;
    case SCTP_CHUNK_SACK:
        handle_sack(a, now_us, chunk);
        return true;
    case SCTP_CHUNK_HEARTBEAT:
        sctp_handle_heartbeat(a, chunk);
        return true;
    case SCTP_CHUNK_HEARTBEAT_ACK:
        sctp_handle_heartbeat_ack(a, now_us, chunk);
        return true;
    case SCTP_CHUNK_SHUTDOWN:
        sctp_handle_shutdown(a, now_us, chunk);
        return true;
    case SCTP_CHUNK_SHUTDOWN_ACK:
        sctp_handle_shutdown_ack(a);
        return true;
    case SCTP_CHUNK_FORWARD_TSN:
    case SCTP_CHUNK_I_FORWARD_TSN:
        if (a->out)
            handle_forward_tsn(a, chunk);
        return true;
    case SCTP_CHUNK_RE_CONFIG:
        if (a->out)
            sctp_handle_re_config(a, now_us, chunk);
        return true;
    default:
        return handle_unknown(a, chunk);
    }
}

static void handle_chunks(struct sctp_association *a, uint64_t now_us, struct sctp_walk walk) {
    struct sctp_chunk chunk;
    bool had_data = false;
    while (!a->is_over && sctp_walk_chunk(&walk, &chunk)) {
        had_data |= chunk.type == SCTP_CHUNK_DATA || chunk.type == SCTP_CHUNK_I_DATA;
        if (!handle_chunk(a, now_us, &chunk))
            break;
    }
    if (!sctp_has_peer(a))
        return;
    sctp_inbound_packet_end(a->in, now_us);
    if (had_data && a->state == SCTP_STATE_SHUTDOWN_SENT)
        sctp_repeat_shutdown(a, now_us);
    sctp_go_on_with_resets(a, now_us);
    sctp_go_on_with_shutdown(a, now_us);
}

/* ---- packets ----------------------------------------------------------------------------------------------------------------------- */

/* RFC 9653 section 5.3: zero is no checksum where DTLS protects the packet; any other value is the CRC32c, or wrong. */
static bool is_checksum_right(const struct sctp_association *a, const struct sctp_packet *packet, const uint8_t *bytes, size_t length) {
    if (packet->checksum == 0 && a->config.accepts_zero_checksum)
        return true;
    return packet->checksum == sctp_packet_checksum(bytes, length);
}

static void handle_packet(struct sctp_association *a, uint64_t now_us, const struct sctp_packet *packet) {
    struct sctp_walk walk = sctp_walk_packet(packet), rest = walk;
    struct sctp_chunk first;
    if (!sctp_walk_chunk(&rest, &first))
        return;
    if (first.type == SCTP_CHUNK_INIT) {
        /* RFC 9260 section 8.5.1 A, MUST: INIT is alone, and its packet has the tag 0. */
        if (packet->verification_tag == 0 && rest.length == 0)
            sctp_handle_init(a, now_us, &first);
        else
            a->count.packets_of_strangers++;
        return;
    }
    if (first.type == SCTP_CHUNK_COOKIE_ECHO && !a->is_over) {
        /* RFC 9260 section 8.5.1 D: its packet has the tag that is in the cookie. */
        if (sctp_handle_cookie_echo(a, now_us, packet, &first))
            handle_chunks(a, now_us, rest);
        return;
    }
    /* RFC 9260 section 8.5.1 E, SHOULD: to one that still calls, a SHUTDOWN ACK is of an association that it has forgotten. */
    bool is_forgotten = first.type == SCTP_CHUNK_SHUTDOWN_ACK && !a->out;
    if (a->state == SCTP_STATE_CLOSED || is_forgotten)
        sctp_handle_stray(a, packet);
    else if (sctp_tag_is_right(a, packet, &walk))
        handle_chunks(a, now_us, walk);
    else
        a->count.packets_of_strangers++;
}

int sctp_association_handle_datagram(struct sctp_association *a, uint64_t now_us, const uint8_t *bytes, size_t length) {
    struct sctp_packet packet;
    uint64_t malformed = a->count.packets_malformed;
    a->count.packets_received++;
    a->count.bytes_received += length;
    if (sctp_packet_parse(bytes, length, &packet) != SCTP_OK) {
        a->count.packets_malformed++;
        return SCTP_ERROR_MALFORMED;
    }
    /* RFC 9260 section 6.8, MUST: a wrong checksum, and the packet is dropped. */
    if (!is_checksum_right(a, &packet, bytes, length)) {
        a->count.checksums_wrong++;
        return SCTP_ERROR_CHECKSUM;
    }
    if (packet.source_port != a->config.remote_port || packet.destination_port != a->config.local_port) {
        a->count.packets_of_strangers++;
        return SCTP_OK;
    }
    handle_packet(a, now_us, &packet);
    return a->count.packets_malformed == malformed ? SCTP_OK : SCTP_ERROR_MALFORMED;
}
