/*
 * Lip sync. Sound is played at the pace of its jitter buffer, which follows the network; pictures could be shown sooner, and wait for it.
 *
 * What was captured at the same time, by the wall clock of the sender's reports, is played at the same time (RFC 3550 section 6.4.1). Of that
 * clock only differences count: it may be wrong by years.
 */
#include "rtp/session_internal.h"

/* The sound that a group follows: of several the first that is heard and has a clock. A BYE is not asked for: packets may come after it. */
static const struct rtp_receiver *leader_of(const struct rtp_session *session, uint64_t now_us, uint32_t group) {
    for (size_t i = 0; i < session->receiver_count; i++) {
        const struct rtp_receiver *receiver = session->receivers[i];
        if (!receiver->video && receiver->synchronisation_group == group && receiver->has_source && receiver->source.has_mapping &&
            now_us - receiver->statistics.last_packet_received_us < RTP_SYNCHRONISATION_SILENCE_US) {
            return receiver;
        }
    }
    return NULL;
}

void rtp_session_synchronise(struct rtp_session *session, uint64_t now_us, const struct rtp_receiver *audio, int64_t capture_ntp_us) {
    uint32_t group = audio->synchronisation_group;
    if (group == 0 || leader_of(session, now_us, group) != audio) {
        return;
    }
    int64_t local_minus_remote_us = (int64_t)now_us - capture_ntp_us;
    for (size_t i = 0; i < session->receiver_count; i++) {
        const struct rtp_receiver *receiver = session->receivers[i];
        const struct rtp_reception *source = &receiver->source;
        if (receiver->video && receiver->synchronisation_group == group && receiver->buffer != NULL && receiver->has_source && source->has_mapping) {
            rtp_jitter_buffer_hold(receiver->buffer, source->report.rtp_timestamp, rtp_reception_unix_us(&source->report) + local_minus_remote_us,
                                   source->clock_rate_hz, now_us + RTP_SYNCHRONISATION_SILENCE_US);
        }
    }
}

void rtp_session_end_synchronisation(struct rtp_session *session) {
    for (size_t i = 0; i < session->receiver_count; i++) {
        if (session->receivers[i]->video && session->receivers[i]->buffer != NULL) {
            rtp_jitter_buffer_release(session->receivers[i]->buffer);
        }
    }
}
