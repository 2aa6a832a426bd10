/* RTCP of a session: when reports go (RFC 3550 section 6.3), what is in them (6.4), and what comes in (RFC 4585, RFC 5104). */
#include "rtp/session_internal.h"

/* RFC 3550 section 6.3.1: timer reconsideration makes intervals longer; e - 3/2 compensates. */
#define COMPENSATION_PER_MILLE 1218u

void rtp_session_schedule_report(struct rtp_session *session, uint64_t now_us, bool first) {
    uint32_t random;
    rtp_session_random(session, &random, sizeof random);
    /* RFC 3550 section 6.2, SHOULD: half the minimum before the first report. Section 6.3.1: 0.5 to 1.5 times the interval, at random. */
    uint64_t interval = session->config.rtcp_interval_us / (first ? 2 : 1);
    uint64_t wait = interval / 2 + (interval * (random >> 16) >> 16);
    session->report_us = now_us + wait * 1000 / COMPENSATION_PER_MILLE;
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

static void describe_sender(const struct rtp_session *session, uint64_t now_us, const struct rtp_sender *sender, struct rtcp_sender_report *out) {
    /* RFC 3550 section 6.4.1: the RTP timestamp is that of the same instant as the NTP one, not of the last packet. */
    uint64_t since_us = now_us - sender->last_capture_us;
    uint64_t units = since_us / 1000000 * sender->clock_rate_hz + since_us % 1000000 * sender->clock_rate_hz / 1000000;
    *out = (struct rtcp_sender_report){
        .ssrc = sender->ssrc,
        .ntp = rtp_session_ntp(session, now_us),
        .rtp_timestamp = sender->last_timestamp + (uint32_t)units,
        .packet_count = (uint32_t)sender->statistics.packets_sent,
        .octet_count = (uint32_t)sender->statistics.bytes_sent,
    };
}

static uint32_t reporter_ssrc(const struct rtp_session *session) {
    return session->sender_count > 0 ? session->senders[0]->ssrc : session->local_ssrc;
}

/* SR of each that has sent, the first with the report blocks; an RR when none has; and the CNAMEs. */
static void write_reports(struct rtp_session *session, uint64_t now_us, struct rtcp_buffer *buffer) {
    struct rtcp_report_block blocks[RTP_RECEIVERS_MAX];
    size_t block_count = 0;
    for (size_t i = 0; i < session->receiver_count; i++) {
        if (session->receivers[i]->has_source) {
            rtp_reception_report(&session->receivers[i]->source, now_us, &blocks[block_count++]);
        }
    }
    uint32_t ssrcs[RTP_SENDERS_MAX];
    size_t ssrc_count = 0;
    for (size_t i = 0; i < session->sender_count; i++) {
        if (session->senders[i]->statistics.packets_sent > 0) {
            struct rtcp_sender_report report;
            describe_sender(session, now_us, session->senders[i], &report);
            (void)rtcp_write_sender_report(buffer, &report, blocks, ssrc_count == 0 ? block_count : 0);
            ssrcs[ssrc_count++] = report.ssrc;
        }
    }
    if (ssrc_count == 0) {
        ssrcs[ssrc_count++] = reporter_ssrc(session);
        (void)rtcp_write_receiver_report(buffer, ssrcs[0], blocks, block_count);
    }
    /* RFC 3550 section 6.1, MUST: every compound packet has an SDES with the CNAME. */
    (void)rtcp_write_cnames(buffer, ssrcs, ssrc_count, session->cname);
}

size_t rtp_session_write_control(struct rtp_session *session, uint64_t now_us, uint8_t *bytes, size_t capacity) {
    struct rtcp_buffer buffer = {bytes, capacity, 0};
    bool pli_due = false;
    for (size_t i = 0; i < session->receiver_count && !session->closed; i++) {
        pli_due = pli_due || rtp_receiver_pli_us(session->receivers[i]) <= now_us;
    }
    if (!session->report_due && !pli_due) {
        return 0;
    }
    /* RFC 5506 section 3.4: without a=rtcp-rsize feedback travels in a compound packet. */
    if (session->report_due || !session->config.reduced_size_rtcp) {
        write_reports(session, now_us, &buffer);
    }
    for (size_t i = 0; i < session->receiver_count && pli_due; i++) {
        struct rtp_receiver *receiver = session->receivers[i];
        if (rtp_receiver_pli_us(receiver) <= now_us &&
            rtcp_write_pli(&buffer, reporter_ssrc(session), receiver->source.ssrc) == RTP_OK) {
            receiver->pli_us = now_us;
            receiver->key_frame_requested = false;
            receiver->statistics.pli_count++;
        }
    }
    if (session->bye_count > 0) {
        (void)rtcp_write_bye(&buffer, session->byes, session->bye_count);
        session->bye_count = 0;
    }
    session->report_due = false;
    return buffer.length;
}

/* ---- in -------------------------------------------------------------------------------------------------------------- */

static struct rtp_sender *find_sender(const struct rtp_session *session, uint32_t ssrc) {
    for (size_t i = 0; i < session->sender_count; i++) {
        if (session->senders[i]->ssrc == ssrc) {
            return session->senders[i];
        }
    }
    return NULL;
}

static struct rtp_receiver *find_source(const struct rtp_session *session, uint32_t ssrc) {
    for (size_t i = 0; i < session->receiver_count; i++) {
        if (session->receivers[i]->has_source && session->receivers[i]->source.ssrc == ssrc) {
            return session->receivers[i];
        }
    }
    return NULL;
}

static void take_block(struct rtp_session *session, uint64_t now_us, const struct rtcp_report_block *block) {
    struct rtp_sender *sender = find_sender(session, block->ssrc);
    if (sender == NULL) {
        return;
    }
    struct rtp_sender_statistics *statistics = &sender->statistics;
    statistics->has_remote_report = true;
    statistics->remote_packets_lost = block->cumulative_lost;
    statistics->remote_fraction_lost = block->fraction_lost / 256.0;
    statistics->remote_jitter_us = (uint64_t)block->jitter * 1000000 / sender->clock_rate_hz;
    /* RFC 3550 section 6.4.1: round trip = arrival - LSR - DLSR, in 1/65536 s; a negative one is a clock's fault. */
    uint32_t round_trip = (uint32_t)(rtp_session_ntp(session, now_us) >> 16) - block->last_sender_report - block->delay_since_last;
    if (block->last_sender_report != 0 && round_trip < 0x80000000u) {
        statistics->round_trip_time_us = (uint64_t)round_trip * 1000000 >> 16;
        statistics->round_trip_time_measurements++;
    }
}

static void take_reports(struct rtp_session *session, uint64_t now_us, const struct rtcp_packet *packet) {
    struct rtcp_sender_report report;
    struct rtp_receiver *receiver;
    if (rtcp_read_sender_report(packet, &report) == RTP_OK && (receiver = find_source(session, report.ssrc)) != NULL) {
        rtp_reception_sender_report(&receiver->source, now_us, &report);
    }
    struct rtcp_report_block block;
    for (size_t i = 0; rtcp_read_report_block(packet, i, &block) == RTP_OK; i++) {
        take_block(session, now_us, &block);
    }
}

static void request_key_frame(struct rtp_sender *sender, uint64_t now_us) {
    if (sender->format->video &&
        (sender->key_frame_event_us == RTP_NEVER || now_us - sender->key_frame_event_us >= RTP_KEY_FRAME_REQUEST_INTERVAL_US)) {
        sender->key_frame_event_us = now_us;
        sender->key_frame_requested = true;
    }
}

static void take_fir(struct rtp_session *session, uint64_t now_us, const struct rtcp_packet *packet) {
    for (size_t i = 0; i < rtcp_fir_count(packet); i++) {
        uint32_t ssrc;
        uint8_t command_sequence;
        struct rtp_sender *sender;
        if (rtcp_read_fir(packet, i, &ssrc, &command_sequence) != RTP_OK || (sender = find_sender(session, ssrc)) == NULL) {
            continue;
        }
        /* RFC 5104 section 4.3.1.1: the same sequence number again is a repetition of a command already obeyed. */
        if (!sender->has_fir || sender->fir_sequence != command_sequence) {
            sender->has_fir = true;
            sender->fir_sequence = command_sequence;
            sender->statistics.fir_count++;
            request_key_frame(sender, now_us);
        }
    }
}

static void take_feedback(struct rtp_session *session, uint64_t now_us, const struct rtcp_packet *packet) {
    uint32_t ssrc;
    if (rtcp_read_media_ssrc(packet, &ssrc) != RTP_OK) {
        return;
    }
    struct rtp_sender *sender = find_sender(session, ssrc);
    if (packet->type == RTCP_TYPE_PAYLOAD_FEEDBACK && packet->count == RTCP_PAYLOAD_FIR) {
        take_fir(session, now_us, packet);
    } else if (sender != NULL && packet->type == RTCP_TYPE_PAYLOAD_FEEDBACK && packet->count == RTCP_PAYLOAD_PLI) {
        sender->statistics.pli_count++;
        request_key_frame(sender, now_us);
    } else if (sender != NULL && rtcp_nack_count(packet) > 0) {
        sender->statistics.nack_count++;
    }
}

static void take_bye(struct rtp_session *session, const struct rtcp_packet *packet) {
    uint32_t ssrc;
    for (size_t i = 0; rtcp_read_bye(packet, i, &ssrc) == RTP_OK; i++) {
        struct rtp_receiver *receiver = find_source(session, ssrc);
        if (receiver != NULL) {
            receiver->bye = true;
        }
    }
}

int rtp_session_handle_rtcp(struct rtp_session *session, uint64_t now_us, const uint8_t *bytes, size_t length) {
    if (rtcp_compound_check(bytes, length) != RTP_OK) {
        session->statistics.rtcp_packets_malformed++;
        return RTP_ERROR_MALFORMED;
    }
    session->statistics.rtcp_packets_received++;
    struct rtcp_packet packet;
    for (size_t offset = 0; rtcp_next(bytes, length, &offset, &packet);) {
        switch (packet.type) {
        case RTCP_TYPE_SENDER_REPORT:
        case RTCP_TYPE_RECEIVER_REPORT:
            take_reports(session, now_us, &packet);
            break;
        case RTCP_TYPE_BYE:
            take_bye(session, &packet);
            break;
        case RTCP_TYPE_TRANSPORT_FEEDBACK:
        case RTCP_TYPE_PAYLOAD_FEEDBACK:
            take_feedback(session, now_us, &packet);
            break;
        default: /* RFC 3550 section 6.1, SHOULD: unknown types are ignored. */
            break;
        }
    }
    return RTP_OK;
}
