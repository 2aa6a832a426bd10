/*
 * RTCP out: when reports go (RFC 3550 section 6.3), and what is in them (6.4).
 *
 * A round of reports begins when its time has come, and takes as many compound packets as its members need. A packet is
 *     SR, SR ... or RR     of up to REPORT_SENDERS senders, with up to REPORT_BLOCKS report blocks in the first
 *     SDES                 the CNAME of each of them
 *     PLI ...              of the receivers that want one
 *     BYE                  in the last packet of the round
 */
#include <string.h>

#include "rtp/session_internal.h"

/* RFC 3550 section 6.3.1: timer reconsideration makes intervals longer; e - 3/2 compensates. */
#define COMPENSATION_PER_MILLE 1218u
/* With the longest CNAME these take 900 bytes; the rest of RTP_CONTROL_MAX_BYTES is for feedback and BYE. */
#define REPORT_SENDERS 6
#define REPORT_BLOCKS 12
#define BYE_BYTES (4 + 4 * RTCP_CHUNKS_MAX)
/* RFC 3550 section 6.4: who has sent since the report before the last one is a sender. */
#define REPORTS_OF_A_SENDER 2

void rtp_session_schedule_report(struct rtp_session *session, uint64_t now_us, bool first) {
    uint32_t random;
    rtp_session_random(session, &random, sizeof random);
    /* RFC 3550 section 6.2, SHOULD: half the minimum before the first report. Section 6.3.1: 0.5 to 1.5 times the interval, at random. */
    uint64_t interval = session->config.rtcp_interval_us / (first ? 2 : 1);
    uint64_t wait = interval / 2 + (interval * (random >> 16) >> 16);
    session->report_us = now_us + wait * 1000 / COMPENSATION_PER_MILLE;
}

static void begin_round(struct rtp_session *session) {
    for (size_t i = 0; i < session->sender_count; i++) {
        struct rtp_sender *sender = session->senders[i];
        sender->report_pending = sender->statistics.packets_sent > 0 && sender->idle_reports < REPORTS_OF_A_SENDER;
        sender->idle_reports += sender->idle_reports < REPORTS_OF_A_SENDER;
    }
    for (size_t i = 0; i < session->receiver_count; i++) {
        session->receivers[i]->report_pending = session->receivers[i]->has_source && !session->receivers[i]->paused;
    }
    session->report_due = false;
    session->report_open = true;
}

static bool round_is_over(const struct rtp_session *session) {
    bool pending = false;
    for (size_t i = 0; i < session->sender_count; i++) {
        pending = pending || session->senders[i]->report_pending;
    }
    for (size_t i = 0; i < session->receiver_count; i++) {
        pending = pending || session->receivers[i]->report_pending;
    }
    return !pending;
}

static void describe_sender(const struct rtp_session *session, uint64_t now_us, const struct rtp_sender *sender, struct rtcp_sender_report *out) {
    /* RFC 3550 section 6.4.1: the RTP timestamp is that of the same instant as the NTP one, not of the last packet. */
    *out = (struct rtcp_sender_report){
        .ssrc = sender->ssrc,
        .ntp = rtp_session_ntp(session, now_us),
        .rtp_timestamp = rtp_sender_timestamp(sender, now_us),
        .packet_count = (uint32_t)sender->statistics.packets_sent,
        .octet_count = (uint32_t)sender->statistics.bytes_sent,
    };
}

static uint32_t reporter_ssrc(const struct rtp_session *session) {
    return session->sender_count > 0 ? session->senders[0]->ssrc : session->local_ssrc;
}

static size_t take_blocks(struct rtp_session *session, uint64_t now_us, struct rtcp_report_block *blocks) {
    size_t count = 0;
    for (size_t i = 0; i < session->receiver_count && count < REPORT_BLOCKS; i++) {
        struct rtp_receiver *receiver = session->receivers[i];
        if (receiver->report_pending && receiver->has_source) {
            rtp_reception_report(&receiver->source, now_us, &blocks[count++]);
        }
        receiver->report_pending = false;
    }
    return count;
}

/* The next senders of the round, the first with the next report blocks; an RR when there is no sender left; and the CNAMEs. */
static void write_reports(struct rtp_session *session, uint64_t now_us, struct rtcp_buffer *buffer) {
    struct rtcp_report_block blocks[REPORT_BLOCKS];
    size_t block_count = take_blocks(session, now_us, blocks);
    uint32_t ssrcs[REPORT_SENDERS];
    size_t ssrc_count = 0;
    for (size_t i = 0; i < session->sender_count && ssrc_count < REPORT_SENDERS; i++) {
        struct rtp_sender *sender = session->senders[i];
        if (sender->report_pending) {
            struct rtcp_sender_report report;
            sender->report_pending = false;
            describe_sender(session, now_us, sender, &report);
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

/* RFC 4585 section 3.1: the minimal compound packet, for feedback that cannot wait for the next report. */
static void write_minimal(const struct rtp_session *session, struct rtcp_buffer *buffer) {
    uint32_t ssrc = reporter_ssrc(session);
    (void)rtcp_write_receiver_report(buffer, ssrc, NULL, 0);
    (void)rtcp_write_cnames(buffer, &ssrc, 1, session->cname);
}

/* Those that find no room are due still, and go with the next packet. */
static void write_key_frame_requests(struct rtp_session *session, uint64_t now_us, struct rtcp_buffer *buffer) {
    for (size_t i = 0; i < session->receiver_count && !session->closed; i++) {
        struct rtp_receiver *receiver = session->receivers[i];
        if (rtp_receiver_pli_us(receiver) <= now_us &&
            rtcp_write_pli(buffer, reporter_ssrc(session), receiver->source.ssrc) == RTP_OK) {
            receiver->pli_us = now_us;
            receiver->key_frame_requested = false;
            receiver->statistics.pli_count++;
        }
    }
}

static void write_byes(struct rtp_session *session, struct rtcp_buffer *buffer) {
    size_t count = session->bye_count < RTCP_CHUNKS_MAX ? session->bye_count : RTCP_CHUNKS_MAX;
    if (count > 0 && rtcp_write_bye(buffer, session->byes, count) == RTP_OK) {
        session->bye_count -= count;
        memmove(session->byes, session->byes + count, session->bye_count * sizeof session->byes[0]);
    }
}

size_t rtp_session_write_control(struct rtp_session *session, uint64_t now_us, uint8_t *bytes, size_t capacity) {
    bool pli_due = false;
    for (size_t i = 0; i < session->receiver_count && !session->closed; i++) {
        pli_due = pli_due || rtp_receiver_pli_us(session->receivers[i]) <= now_us;
    }
    if (session->report_due) {
        begin_round(session);
    }
    if (!session->report_open && !pli_due && session->bye_count == 0) {
        return 0;
    }
    size_t most = capacity < RTP_CONTROL_MAX_BYTES ? capacity : RTP_CONTROL_MAX_BYTES;
    struct rtcp_buffer buffer = {bytes, most - BYE_BYTES, 0};
    if (session->report_open) {
        write_reports(session, now_us, &buffer);
    } else if (session->bye_count > 0 || !session->config.reduced_size_rtcp) {
        /* RFC 5506 section 3.4: without a=rtcp-rsize feedback travels in a compound packet. RFC 3550 section 6.1: so does BYE. */
        write_minimal(session, &buffer);
    }
    write_key_frame_requests(session, now_us, &buffer);
    session->report_open = session->report_open && !round_is_over(session);
    if (!session->report_open) {
        /* RFC 3550 section 6.1, SHOULD: BYE is the last packet of its source. */
        buffer.capacity = most;
        write_byes(session, &buffer);
    }
    return buffer.length;
}
