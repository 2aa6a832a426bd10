/* RTCP in: reports (RFC 3550 section 6.4), names (6.5), BYE (6.6), feedback (RFC 4585 section 6, RFC 5104 section 4.3). */
#include "rtp/session_internal.h"

static struct rtp_sender *find_sender(const struct rtp_session *session, uint32_t ssrc) {
    for (size_t i = 0; i < session->sender_count; i++) {
        if (session->senders[i]->ssrc == ssrc) {
            return session->senders[i];
        }
    }
    return NULL;
}

/* RFC 3550 section 6.4.1: packets expected, up to the highest sequence number of the report, less those lost. */
static uint64_t packets_received(const struct rtp_sender *sender, const struct rtcp_report_block *block) {
    if (sender->sent == sender->ssrc_first) {
        return 0;
    }
    /* How far that packet is behind the last one that was sent; the sequence numbers of both are modulo 65,536. */
    uint16_t behind = (uint16_t)((uint16_t)(sender->first_sequence + sender->sent - 1) - (uint16_t)block->highest_sequence);
    uint64_t sent = sender->sent - sender->ssrc_first;
    int64_t received = behind >= sent ? 0 : (int64_t)(sent - behind) - block->cumulative_lost;
    return received < 0 ? 0 : (uint64_t)received;
}

static void take_block(struct rtp_session *session, uint64_t now_us, const struct rtcp_report_block *block) {
    struct rtp_sender *sender = find_sender(session, block->ssrc);
    if (sender == NULL) {
        return;
    }
    struct rtp_sender_statistics *statistics = &sender->statistics;
    statistics->has_remote_report = true;
    statistics->remote_report_us = now_us;
    statistics->remote_packets_lost = block->cumulative_lost;
    statistics->remote_packets_received = packets_received(sender, block);
    statistics->remote_fraction_lost = block->fraction_lost / 256.0;
    statistics->remote_jitter_us = (uint64_t)block->jitter * 1000000 / sender->clock_rate_hz;
    /* RFC 3550 section 6.4.1: round trip = arrival - LSR - DLSR, in 1/65536 s; a negative one is a clock's fault. */
    uint32_t round_trip = (uint32_t)(rtp_session_ntp(session, now_us) >> 16) - block->last_sender_report - block->delay_since_last;
    if (block->last_sender_report != 0 && round_trip < 0x80000000u) {
        statistics->round_trip_time_us = (uint64_t)round_trip * 1000000 >> 16;
        statistics->total_round_trip_time_us += statistics->round_trip_time_us;
        statistics->round_trip_time_measurements++;
    }
}

static void take_reports(struct rtp_session *session, uint64_t now_us, const struct rtcp_packet *packet) {
    struct rtcp_sender_report report;
    struct rtp_receiver *receiver;
    if (rtcp_read_sender_report(packet, &report) == RTP_OK && (receiver = rtp_session_find_source(session, report.ssrc)) != NULL) {
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

/* RFC 9143 section 9.2: a MID item of SDES says whose an SSRC is, like a header extension; it counts as signalled. */
static void take_names(const struct rtp_session *session, const struct rtcp_packet *packet) {
    for (struct rtcp_sdes_item item = {0}; rtcp_next_sdes_item(packet, &item);) {
        struct rtp_receiver *receiver = item.type == RTCP_SDES_MID ? rtp_session_find_mid(session, item.value, item.length) : NULL;
        if (receiver != NULL) {
            rtp_receiver_signal(receiver, item.ssrc);
        }
    }
}

static void take_bye(struct rtp_session *session, const struct rtcp_packet *packet) {
    uint32_t ssrc;
    for (size_t i = 0; rtcp_read_bye(packet, i, &ssrc) == RTP_OK; i++) {
        struct rtp_receiver *receiver = rtp_session_find_source(session, ssrc);
        if (receiver != NULL) {
            receiver->bye = receiver->source_left = true;
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
        case RTCP_TYPE_SDES:
            take_names(session, &packet);
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
