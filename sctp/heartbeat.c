/* Is the peer there, and how far away, while nothing is sent (RFC 9260 section 8.3)? */
#include "sctp/association_internal.h"

#include "sctp/bytes_internal.h"

static bool may_beat(const struct sctp_association *a) {
    return a->config.heartbeat_us != UINT64_MAX && a->state != SCTP_STATE_SHUTDOWN_ACK_SENT && a->state != SCTP_STATE_SHUTDOWN_SENT;
}

/* HB.interval and an RTO, between half of that and one and a half, so that heartbeats of many do not march in step. */
static void wait(struct sctp_association *a, uint64_t now_us) {
    uint64_t rto = sctp_outbound_rto_us(a->out);
    if (may_beat(a))
        sctp_start_timer(a, SCTP_TIMER_HEARTBEAT, now_us + a->config.heartbeat_us + rto / 2 + sctp_random_u32(a) % (rto + 1));
}

void sctp_begin_heartbeats(struct sctp_association *a, uint64_t now_us) {
    a->heartbeat_sent_us = SCTP_NEVER;
    a->heartbeat_is_due = false;
    a->last_data_us = now_us;
    wait(a, now_us);
}

void sctp_handle_heartbeat_timer(struct sctp_association *a, uint64_t now_us) {
    if (a->heartbeat_sent_us != SCTP_NEVER) {
        a->heartbeat_sent_us = SCTP_NEVER;
        if (!sctp_count_error(a)) /* RFC 9260 section 8.3: one that had no answer counts */
            return;
    }
    /* RFC 9260 section 8.3: data measures the round trip, and shows who is there, as well as a heartbeat. */
    bool is_idle = now_us - a->last_data_us >= a->config.heartbeat_us;
    a->heartbeat_is_due = is_idle && may_beat(a);
    wait(a, now_us);
}

void sctp_write_own_heartbeat(struct sctp_association *a, uint64_t now_us, struct sctp_writer *writer) {
    uint8_t info[SCTP_HEARTBEAT_INFO_BYTES];
    size_t before = writer->length;
    /* RFC 9260 section 3.3.5: 64 random bits (MUST, to verify a path), so that nobody can acknowledge what has not arrived. When it was sent stays here. */
    uint64_t nonce = sctp_random_u64(a);
    sctp_store_u32(info, (uint32_t)(nonce >> 32));
    sctp_store_u32(info + 4, (uint32_t)nonce);
    sctp_write_heartbeat(writer, SCTP_CHUNK_HEARTBEAT, info, sizeof info);
    if (writer->failed) {
        sctp_writer_rewind(writer, before);
        return;
    }
    a->heartbeat_is_due = false;
    a->heartbeat_nonce = nonce;
    a->heartbeat_sent_us = now_us;
}

void sctp_handle_heartbeat(struct sctp_association *a, const struct sctp_chunk *chunk) {
    struct sctp_parameter info;
    /* RFC 9260 section 8.3, MUST: it is answered; SHOULD: with what it brought, as it came. */
    if (sctp_read_heartbeat(chunk, &info) == SCTP_OK)
        sctp_answer(a, SCTP_CHUNK_HEARTBEAT_ACK, 0, chunk->value, chunk->length);
    else
        a->count.packets_malformed++;
}

void sctp_handle_heartbeat_ack(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk) {
    struct sctp_parameter info;
    if (sctp_read_heartbeat(chunk, &info) != SCTP_OK || info.length != SCTP_HEARTBEAT_INFO_BYTES)
        return;
    uint64_t nonce = (uint64_t)sctp_load_u32(info.value) << 32 | sctp_load_u32(info.value + 4);
    if (sctp_handle_probe_ack(a, now_us, nonce)) {
        a->errors = 0;
        return;
    }
    if (a->heartbeat_sent_us == SCTP_NEVER || nonce != a->heartbeat_nonce)
        return;
    a->errors = 0; /* RFC 9260 section 8.1 */
    sctp_outbound_measured(a->out, now_us, now_us - a->heartbeat_sent_us);
    a->heartbeat_sent_us = SCTP_NEVER;
}
