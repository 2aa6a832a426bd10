/*
 * Giving messages up: RFC 3758, RFC 7496, and I-FORWARD-TSN of RFC 8260 section 2.3. A message is given up as a whole. Its chunks keep their TSNs until
 * the peer has been told, by FORWARD TSN, that it shall wait for them no longer.
 */
#include <assert.h>

#include "sctp/outbound_state_internal.h"

static void abandon_chunks(struct sctp_outbound *out, const struct sctp_outgoing *message) {
    uint32_t tsn = message->first_tsn;
    for (;;) {
        struct sctp_record *record = sctp_in_flight_record(&out->flight, tsn);
        uint32_t next = record->next_of_message;
        if (record->state != SCTP_RECORD_ABANDONED)
            sctp_in_flight_set_abandoned(&out->flight, record);
        if (tsn == message->last_tsn)
            return;
        tsn = next;
    }
}

static bool abandon(struct sctp_outbound *out, struct sctp_outgoing *message) {
    if (message->is_queued) {
        /* A TSN for what was not sent, which never goes out: without it there might be nothing to forward over, though the peer holds the
         * beginning (RFC 3758 section 3.5 gives up a message as a whole). */
        if (sctp_in_flight_reserve(&out->flight) != SCTP_OK)
            return false;
        sctp_in_flight_add_abandoned(&out->flight, message);
        sctp_send_queue_withdraw(&out->queue, message);
    }
    abandon_chunks(out, message);
    message->is_abandoned = true;
    sctp_send_queue_drop_bytes(&out->queue, message);
    out->counted.messages_abandoned++;
    sctp_outbound_advance_forward(out);
    return true;
}

bool sctp_outbound_abandon_if_due(struct sctp_outbound *out, uint64_t now_us, struct sctp_outgoing *message, unsigned transmissions) {
    if (message->is_abandoned)
        return true;
    /* RFC 7496 section 3.1 and RFC 3758 section 4.1 TR3 and TR4, MUST: judged before each transmission. */
    bool is_spent = message->retransmit_limit != UINT32_MAX && transmissions > message->retransmit_limit;
    if (!is_spent && message->expires_us > now_us)
        return false;
    return abandon(out, message);
}

void sctp_outbound_advance_forward(struct sctp_outbound *out) {
    struct sctp_in_flight *flight = &out->flight;
    /* RFC 3758 section 3.5 C1 and C2, MUST: never behind the cumulative TSN, over what is given up and no further: what a gap block has named
     * may yet be taken back. */
    if (sctp_tsn_before(out->forward_tsn, flight->cumulative_tsn))
        out->forward_tsn = flight->cumulative_tsn;
    while (out->forward_tsn + 1 != flight->next_tsn && sctp_in_flight_record(flight, out->forward_tsn + 1)->state == SCTP_RECORD_ABANDONED) {
        out->forward_tsn++;
        out->is_forward_due = true;
    }
    if (out->forward_tsn == flight->cumulative_tsn)
        out->is_forward_due = false;
}

/* The place of the record's stream in the list, or a new one; SIZE_MAX: it is full. */
static size_t place_of(struct sctp_outbound *out, const struct sctp_outgoing *message, size_t count, size_t most) {
    struct sctp_stream_out *stream = message->stream;
    if (stream->skip_mark != out->skip_mark) {
        stream->skip_mark = out->skip_mark;
        stream->skip_index[0] = stream->skip_index[1] = UINT32_MAX;
    }
    uint32_t *index = &stream->skip_index[message->is_unordered];
    if (*index != UINT32_MAX)
        return *index;
    if (count == most)
        return SIZE_MAX;
    *index = (uint32_t)count;
    return count;
}

bool sctp_outbound_write_forward(struct sctp_outbound *out, uint64_t now_us, struct sctp_writer *writer) {
    static const size_t base_bytes = SCTP_CHUNK_HEADER_BYTES + 4;
    size_t entry_bytes = out->is_interleaved ? 8 : 4;
    size_t room = writer->capacity - writer->length;
    if (room < base_bytes + entry_bytes)
        return false;
    size_t most = (room - base_bytes) / entry_bytes < SCTP_FORWARD_STREAMS_MAX ? (room - base_bytes) / entry_bytes : SCTP_FORWARD_STREAMS_MAX;
    struct sctp_skipped streams[SCTP_FORWARD_STREAMS_MAX];
    size_t count = 0;
    uint32_t tsn = out->flight.cumulative_tsn;
    out->skip_mark++;
    while (tsn != out->forward_tsn) {
        const struct sctp_outgoing *message = sctp_in_flight_record(&out->flight, tsn + 1)->message;
        /* RFC 3758 section 3.2, MUST NOT: no unordered messages; RFC 8260 section 2.3.1 names both kinds. */
        if (out->is_interleaved || !message->is_unordered) {
            size_t place = place_of(out, message, count, most);
            if (place == SIZE_MAX)
                break;
            /* Later TSNs of a stream have later messages. */
            streams[place] = (struct sctp_skipped){message->stream->id, message->is_unordered, message->id};
            count = place == count ? count + 1 : count;
        }
        tsn++;
    }
    sctp_write_forward_tsn(writer, out->is_interleaved, tsn, streams, count);
    assert(!writer->failed);
    out->is_forward_due = false;
    out->forward_sent_us = now_us;
    if (out->t3_us == UINT64_MAX)
        sctp_outbound_arm_t3(out, now_us); /* RFC 3758 section 3.5 C5, MUST: T3-rtx runs while it is not acknowledged */
    return true;
}
