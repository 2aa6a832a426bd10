/* A packet that leaves: what is due, bundled (RFC 9260 section 6.10): control chunks first, SACK, then data. */
#include "sctp/association_internal.h"

#include <assert.h>
#include <string.h>

#include "sctp/bytes_internal.h"

/* ---- packets of their own ---------------------------------------------------------------------------------------------------------- */

void sctp_begin_reply(struct sctp_association *a, struct sctp_writer *writer, uint32_t tag) {
    sctp_writer_begin(writer, a->reply, sizeof a->reply, a->config.local_port, a->config.remote_port, tag);
    writer->failed = a->reply_length > 0; /* the one before has not left: its bytes stay */
    if (writer->failed)
        writer->capacity = 0;
}

void sctp_end_reply(struct sctp_association *a, struct sctp_writer *writer) {
    int length = sctp_writer_finish(writer, false); /* RFC 9653 section 5.2: who is no part of it does not know what was agreed */
    if (length > 0)
        a->reply_length = (size_t)length;
    else
        a->count.replies_dropped++;
}

/* ---- bundling ---------------------------------------------------------------------------------------------------------------------- */

/* Writes a chunk, or takes it back when it does not fit. */
static bool fits(struct sctp_writer *writer, size_t before) {
    if (!writer->failed)
        return true;
    sctp_writer_rewind(writer, before);
    return false;
}

static void write_plain(struct sctp_writer *writer, bool *is_due, uint8_t type) {
    size_t before = writer->length;
    if (!*is_due)
        return;
    sctp_write_chunk(writer, type, 0, NULL, 0);
    *is_due = !fits(writer, before);
}

static void write_answers(struct sctp_association *a, struct sctp_writer *writer) {
    struct sctp_walk walk = sctp_walk_bytes(a->answers, a->answers_length), next = walk;
    struct sctp_chunk chunk;
    while (sctp_walk_chunk(&next, &chunk)) {
        size_t before = writer->length;
        sctp_write_chunk(writer, chunk.type, chunk.flags, chunk.value, chunk.length);
        if (!fits(writer, before))
            break;
        walk = next;
    }
    memmove(a->answers, walk.at, walk.length);
    a->answers_length = walk.length;
}

static void write_control(struct sctp_association *a, uint64_t now_us, struct sctp_writer *writer) {
    write_plain(writer, &a->cookie_ack_is_due, SCTP_CHUNK_COOKIE_ACK); /* RFC 9260 section 5.1: the first of its packet */
    write_answers(a, writer);
    if (a->heartbeat_is_due)
        sctp_write_own_heartbeat(a, now_us, writer);
    if (a->reset.is_due)
        sctp_write_reset_request(a, now_us, writer);
}

static void write_shutdown(struct sctp_association *a, struct sctp_writer *writer) {
    size_t before = writer->length;
    write_plain(writer, &a->shutdown_ack_is_due, SCTP_CHUNK_SHUTDOWN_ACK);
    if (!a->shutdown_is_due)
        return;
    sctp_write_shutdown(writer, sctp_inbound_cumulative_tsn(a->in));
    a->shutdown_is_due = !fits(writer, before);
}

/* RFC 9260 section 6.2: a SACK that is not due yet goes along where data goes anyway. What it takes is left free before the data. */
static bool write_data_behind_sack(struct sctp_association *a, uint64_t now_us, struct sctp_writer *writer) {
    size_t before = writer->length;
    if (writer->capacity - writer->length < SCTP_SACK_MIN_BYTES)
        return false;
    writer->length += SCTP_SACK_MIN_BYTES;
    if (!sctp_outbound_write(a->out, now_us, writer)) {
        sctp_writer_rewind(writer, before);
        return false;
    }
    struct sctp_writer hole = *writer;
    hole.length = before;
    hole.capacity = before + SCTP_SACK_MIN_BYTES;
    bool has_written = sctp_inbound_write_sack(a->in, &hole);
    assert(has_written && hole.length == hole.capacity); /* without gaps and duplicates: those make a SACK due at once */
    (void)has_written;
    return true;
}

static void write_sack_and_data(struct sctp_association *a, uint64_t now_us, struct sctp_writer *writer) {
    bool has_data = false;
    if (sctp_inbound_sack_is_due(a->in, now_us))
        sctp_inbound_write_sack(a->in, writer);
    else if (sctp_inbound_sack_is_pending(a->in))
        has_data = write_data_behind_sack(a, now_us, writer);
    if (!has_data)
        has_data = sctp_outbound_write(a->out, now_us, writer);
    if (has_data)
        a->last_data_us = now_us;
}

/* ---- packets ----------------------------------------------------------------------------------------------------------------------- */

static void begin(const struct sctp_association *a, struct sctp_writer *writer, uint8_t *buffer, size_t capacity, size_t longest) {
    sctp_writer_begin(writer, buffer, capacity < longest ? capacity : longest, a->config.local_port, a->config.remote_port, a->peer_tag);
}

static bool write_handshake(struct sctp_association *a, struct sctp_writer *writer) {
    if (a->init_is_due) {
        sctp_write_own_init(a, writer);
        a->init_is_due = writer->failed;
    } else if (a->cookie_echo_is_due) {
        sctp_write_chunk(writer, SCTP_CHUNK_COOKIE_ECHO, 0, a->peer_cookie, a->peer_cookie_length);
        a->cookie_echo_is_due = writer->failed;
        size_t before = writer->length;
        if (!writer->failed && a->unrecognized_length > 0) {
            sctp_write_error(writer, SCTP_CHUNK_ERROR, 0, SCTP_CAUSE_UNRECOGNIZED_PARAMETERS, a->unrecognized, a->unrecognized_length);
            fits(writer, before);
        }
    }
    return !writer->failed && writer->length > SCTP_HEADER_BYTES;
}

static bool write_packet(struct sctp_association *a, uint64_t now_us, struct sctp_writer *writer, uint8_t *buffer, size_t capacity) {
    begin(a, writer, buffer, capacity, a->path.known_bytes);
    if (writer->failed)
        return false;
    write_control(a, now_us, writer);
    if (a->state != SCTP_STATE_SHUTDOWN_ACK_SENT)
        write_sack_and_data(a, now_us, writer);
    write_shutdown(a, writer);
    if (writer->length > SCTP_HEADER_BYTES)
        return true;
    if (a->path.longest_bytes > a->path.known_bytes) { /* a chunk that was cut when packets were longer: it cannot be cut again */
        begin(a, writer, buffer, capacity, a->path.longest_bytes);
        if (sctp_outbound_write(a->out, now_us, writer))
            return true;
        if (sctp_outbound_is_empty(a->out))
            a->path.longest_bytes = a->path.known_bytes;
    }
    if (!a->path.is_due || capacity < a->path.probe_bytes)
        return false;
    begin(a, writer, buffer, capacity, a->path.probe_bytes);
    sctp_write_probe(a, now_us, writer);
    return !writer->failed;
}

static bool finish(struct sctp_association *a, struct sctp_writer *writer, bool zero_checksum, struct sctp_transmit *out) {
    int length = sctp_writer_finish(writer, zero_checksum);
    if (length < 0)
        return false;
    *out = (struct sctp_transmit){(size_t)length, (size_t)length > a->path.known_bytes};
    a->count.packets_sent++;
    a->count.bytes_sent += out->length;
    return true;
}

bool sctp_association_poll_transmit(struct sctp_association *a, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sctp_transmit *out) {
    struct sctp_writer writer;
    if (a->reply_length > 0) {
        if (capacity < a->reply_length)
            return false;
        memcpy(buffer, a->reply, a->reply_length);
        *out = (struct sctp_transmit){a->reply_length, false};
        a->count.packets_sent++;
        a->count.bytes_sent += a->reply_length;
        a->reply_length = 0;
        return true;
    }
    if (a->is_over)
        return false;
    if (!a->out) {
        begin(a, &writer, buffer, capacity, a->path.known_bytes);
        /* RFC 9653 section 5.2, MUST: INIT and COOKIE ECHO have their CRC32c. */
        return write_handshake(a, &writer) && finish(a, &writer, false, out);
    }
    sctp_go_on_with_resets(a, now_us);
    return write_packet(a, now_us, &writer, buffer, capacity) && finish(a, &writer, a->agreed.is_without_checksum, out);
}
