/* Who is in a session: senders and receivers come, change and go, and say BYE. */
#include "rtp/session_internal.h"

void rtp_session_queue_bye(struct rtp_session *session, uint32_t ssrc) {
    /* Room for all: media leaves only behind the BYEs that wait, so each of these is of another sender that had sent. */
    if (session->bye_count < RTP_SENDERS_MAX) {
        session->byes[session->bye_count++] = ssrc;
    }
}

/* ---- senders --------------------------------------------------------------------------------------------------------- */

int rtp_session_add_sender(struct rtp_session *session, uint64_t now_us, const struct rtp_sender_config *config, struct rtp_sender **out) {
    if (session->sender_count == RTP_SENDERS_MAX) {
        return RTP_ERROR_CAPACITY;
    }
    if (config->ssrc != 0 && rtp_session_ssrc_known(session, config->ssrc)) {
        return RTP_ERROR_ARGUMENT;
    }
    int error = rtp_sender_new(session, now_us, config, out);
    if (error == RTP_OK) {
        session->senders[session->sender_count++] = *out;
    }
    return error;
}

int rtp_session_update_sender(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, const struct rtp_sender_config *config) {
    (void)now_us;
    return rtp_sender_update(session, sender, config);
}

void rtp_session_remove_sender(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender) {
    (void)now_us;
    for (size_t i = 0; i < session->sender_count; i++) {
        if (session->senders[i] == sender) {
            /* RFC 3550 section 6.3.7: who never sent anything says no BYE. */
            if (sender->statistics.packets_sent > 0 && !session->closed) {
                rtp_session_queue_bye(session, sender->ssrc);
            }
            session->senders[i] = session->senders[--session->sender_count];
            rtp_sender_free(session, sender);
            return;
        }
    }
}

int rtp_session_send_frame(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, const struct rtp_frame *frame) {
    return session->closed || sender->paused ? RTP_ERROR_STATE : rtp_sender_queue(session, now_us, sender, frame);
}

int rtp_session_send_tone(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, uint8_t event, uint8_t volume,
                          uint32_t duration_ms) {
    return session->closed || sender->paused ? RTP_ERROR_STATE : rtp_sender_start_tone(session, now_us, sender, event, volume, duration_ms);
}

void rtp_session_bye(struct rtp_session *session, uint64_t now_us) {
    (void)now_us;
    if (session->closed) {
        return;
    }
    for (size_t i = 0; i < session->sender_count; i++) {
        session->senders[i]->queued = session->senders[i]->sent;
        session->senders[i]->tone.active = false;
        if (session->senders[i]->statistics.packets_sent > 0) {
            rtp_session_queue_bye(session, session->senders[i]->ssrc);
        }
    }
    session->closed = true;
    session->report_due = session->bye_count > 0;
    session->report_open = false;
}

/* ---- receivers ------------------------------------------------------------------------------------------------------- */

int rtp_session_add_receiver(struct rtp_session *session, uint64_t now_us, const struct rtp_receiver_config *config, struct rtp_receiver **out) {
    (void)now_us;
    if (session->receiver_count == RTP_RECEIVERS_MAX) {
        return RTP_ERROR_CAPACITY;
    }
    int error = rtp_receiver_new(session, config, out);
    if (error == RTP_OK) {
        session->receivers[session->receiver_count++] = *out;
    }
    return error;
}

int rtp_session_update_receiver(struct rtp_session *session, uint64_t now_us, struct rtp_receiver *receiver, const struct rtp_receiver_config *config) {
    (void)now_us;
    rtp_session_end_synchronisation(session);
    return rtp_receiver_update(receiver, config);
}

void rtp_session_remove_receiver(struct rtp_session *session, struct rtp_receiver *receiver) {
    for (size_t i = 0; i < session->receiver_count; i++) {
        if (session->receivers[i] == receiver) {
            session->receivers[i] = session->receivers[--session->receiver_count];
            rtp_receiver_free(session, receiver);
            rtp_session_end_synchronisation(session);
            return;
        }
    }
}

void rtp_session_request_key_frame(struct rtp_session *session, uint64_t now_us, struct rtp_receiver *receiver) {
    (void)session;
    (void)now_us;
    receiver->key_frame_requested = receiver->send_pli && receiver->has_source && !receiver->paused;
}
