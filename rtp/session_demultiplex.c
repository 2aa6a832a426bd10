/* Packets in: whose an RTP packet is (RFC 9143 section 9.2), and what its SSRC means (RFC 3550 section 8.2). */
#include <string.h>

#include "rtp/session_internal.h"

/* RFC 3550 section 8.2: one conflict in ten report intervals changes an SSRC; more are a loop. */
#define COLLISION_INTERVALS 10

struct rtp_receiver *rtp_session_find_mid(const struct rtp_session *session, const uint8_t *mid, size_t length) {
    for (size_t i = 0; i < session->receiver_count && length > 0; i++) {
        if (strlen(session->receivers[i]->mid) == length && memcmp(session->receivers[i]->mid, mid, length) == 0) {
            return session->receivers[i];
        }
    }
    return NULL;
}

struct rtp_receiver *rtp_session_find_source(const struct rtp_session *session, uint32_t ssrc) {
    for (size_t i = 0; i < session->receiver_count; i++) {
        if (session->receivers[i]->has_source && session->receivers[i]->source.ssrc == ssrc) {
            return session->receivers[i];
        }
    }
    return NULL;
}

static struct rtp_receiver *find_learned(const struct rtp_session *session, uint32_t ssrc) {
    for (size_t i = 0; i < session->receiver_count; i++) {
        if (rtp_receiver_knows(session->receivers[i], ssrc)) {
            return session->receivers[i];
        }
    }
    return NULL;
}

static struct rtp_receiver *find_signalled(const struct rtp_session *session, uint32_t ssrc) {
    for (size_t i = 0; i < session->receiver_count; i++) {
        for (size_t j = 0; j < session->receivers[i]->ssrc_count; j++) {
            if (session->receivers[i]->ssrcs[j] == ssrc) {
                return session->receivers[i];
            }
        }
    }
    return NULL;
}

static struct rtp_receiver *find_payload_type(const struct rtp_session *session, uint8_t payload_type) {
    struct rtp_receiver *found = NULL;
    size_t takers = 0;
    for (size_t i = 0; i < session->receiver_count; i++) {
        if (rtp_receiver_mapping(session->receivers[i], payload_type) != NULL) {
            found = session->receivers[i];
            takers++;
        }
    }
    /* RFC 9143 section 9.2, MUST: a payload type of more than one section identifies none. */
    return takers == 1 ? found : NULL;
}

/* RFC 9143 section 9.2 with RFC 7941 section 4.2.6: a packet from before the last one that moved its SSRC moves it no more. */
static bool is_late(const struct rtp_receiver *learned, const struct rtp_packet *packet) {
    return learned->has_source && learned->source.ssrc == packet->ssrc &&
           (int16_t)(uint16_t)(packet->sequence_number - (uint16_t)learned->source.highest_extended) <= 0;
}

struct rtp_receiver *rtp_session_find_receiver(struct rtp_session *session, const struct rtp_packet *packet, bool *by_payload_type) {
    struct rtp_receiver *learned = find_learned(session, packet->ssrc);
    struct rtp_extension mid;
    *by_payload_type = false;
    if (rtp_packet_find_extension(packet, session->config.mid_extension_id, &mid)) {
        struct rtp_receiver *named = rtp_session_find_mid(session, mid.value, mid.length);
        if (learned != NULL && learned != named && is_late(learned, packet)) {
            return learned;
        }
        /* RFC 9143 section 9.2, MUST: a MID of no section: not decoded. One that is known moves the SSRC to its section. */
        if (learned != NULL && learned != named && named != NULL) {
            rtp_receiver_forget(learned, packet->ssrc);
        }
        return named;
    }
    if (learned != NULL) {
        return learned;
    }
    struct rtp_receiver *signalled = find_signalled(session, packet->ssrc);
    if (signalled != NULL) {
        return signalled;
    }
    *by_payload_type = true;
    return find_payload_type(session, packet->payload_type);
}

/* RFC 3550 section 8.2, MUST: the SSRC of a remote source is ours: say BYE for it, and take another. */
static bool resolve_collision(struct rtp_session *session, uint64_t now_us, uint32_t ssrc) {
    for (size_t i = 0; i < session->sender_count; i++) {
        struct rtp_sender *sender = session->senders[i];
        if (sender->ssrc != ssrc) {
            continue;
        }
        session->statistics.loops_detected++;
        if (session->collision_us == RTP_NEVER ||
            now_us - session->collision_us >= COLLISION_INTERVALS * session->config.rtcp_interval_us) {
            session->collision_us = now_us;
            rtp_sender_change_ssrc(session, sender);
        }
        return true;
    }
    return false;
}

int rtp_session_handle_rtp(struct rtp_session *session, uint64_t now_us, const uint8_t *bytes, size_t length) {
    struct rtp_packet packet;
    if (rtp_packet_parse(bytes, length, &packet) != RTP_OK) {
        session->statistics.rtp_packets_malformed++;
        return RTP_ERROR_MALFORMED;
    }
    if (resolve_collision(session, now_us, packet.ssrc)) {
        return RTP_ERROR_UNKNOWN_SOURCE;
    }
    bool by_payload_type;
    struct rtp_receiver *receiver = session->closed ? NULL : rtp_session_find_receiver(session, &packet, &by_payload_type);
    int error = receiver == NULL ? RTP_ERROR_UNKNOWN_SOURCE : rtp_receiver_take(session, now_us, receiver, &packet, length, by_payload_type);
    session->statistics.rtp_packets_unknown += error == RTP_ERROR_UNKNOWN_SOURCE;
    return error;
}
