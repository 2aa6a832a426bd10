/*
 * Frames to packets to datagrams, and back. What goes into rtp/ SRTP has vouched for, and what comes out of it SRTP protects in place
 * before anybody sees it.
 */
#include "app/peer/peer_media_internal.h"
#include "rtp/packet.h"

enum peer_codec peer_media_codec_of(enum rtp_codec codec) {
    switch (codec) {
    case RTP_CODEC_OPUS: return PEER_CODEC_OPUS;
    case RTP_CODEC_PCMU: return PEER_CODEC_PCMU;
    case RTP_CODEC_PCMA: return PEER_CODEC_PCMA;
    case RTP_CODEC_VP8: return PEER_CODEC_VP8;
    case RTP_CODEC_VP9: return PEER_CODEC_VP9;
    case RTP_CODEC_H264: return PEER_CODEC_H264;
    case RTP_CODEC_AV1: return PEER_CODEC_AV1;
    case RTP_CODEC_TELEPHONE_EVENT: return PEER_CODEC_NONE;
    }
    return PEER_CODEC_NONE;
}

/* ---- in ---------------------------------------------------------------------------------------------------------------------- */

/* What is broken is dropped and counted there. */
static void take_one(struct rtp_session *session, uint64_t now_us, const struct peer_received *received) {
    if (received->kind == PEER_RECEIVED_RTP)
        (void)rtp_session_handle_rtp(session, now_us, received->bytes, received->length);
    else if (received->kind == PEER_RECEIVED_RTCP)
        (void)rtp_session_handle_rtcp(session, now_us, received->bytes, received->length);
}

void peer_media_take_received(struct peer_connection *connection, uint64_t now_us) {
    struct peer_transport_entry *entry;
    struct peer_received received;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++)
        while (peer_transport_poll_received(entry->transport, now_us, &received)) {
            if (received.kind == PEER_RECEIVED_DATA)
                peer_channels_handle(connection, now_us, entry, received.bytes, received.length);
            else if (entry->rtp)
                take_one(entry->rtp, now_us, &received);
        }
}

void peer_media_handle_timeout(struct peer_connection *connection, uint64_t now_us) {
    struct peer_transport_entry *entry;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++)
        if (entry->rtp)
            rtp_session_handle_timeout(entry->rtp, now_us);
    peer_dtmf_handle_timeout(connection, now_us);
}

/* Packets that nobody could send have no deadline: without a path the session waits, and ICE has timers enough meanwhile. */
uint64_t peer_media_next_timeout(const struct peer_connection *connection) {
    const struct peer_transport_entry *entry;
    uint64_t next = peer_dtmf_next_timeout(connection);
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++) {
        if (!entry->rtp || !peer_media_can_send(entry, connection->now_us))
            continue;
        uint64_t of_session = rtp_session_next_timeout(entry->rtp);
        next = of_session < next ? of_session : next;
    }
    return next;
}

/* ---- out --------------------------------------------------------------------------------------------------------------------- */

bool peer_media_can_send(const struct peer_transport_entry *transport, uint64_t now_us) {
    if (!transport || !transport->transport)
        return false;
    return peer_transport_dtls_state(transport->transport) == DTLS_TRANSPORT_CONNECTED && ice_agent_can_send(peer_transport_ice(transport->transport), now_us);
}

static bool poll_session(struct peer_transport_entry *entry, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    enum rtp_packet_kind kind;
    size_t length, room = capacity - ICE_HEADROOM_BYTES - DTLS_SRTP_MAX_OVERHEAD_BYTES - ICE_TAILROOM_BYTES;
    while (rtp_session_poll_packet(entry->rtp, now_us, buffer + ICE_HEADROOM_BYTES, room, &length, &kind)) {
        int error = kind == RTP_PACKET_CONTROL ? peer_transport_protect_rtcp(entry->transport, now_us, buffer, length, capacity, out)
                                               : peer_transport_protect_rtp(entry->transport, now_us, buffer, length, capacity, out);
        if (error == PEER_OK)
            return true;
        /* A packet that cannot be protected is a lost packet, and is never sent as it is. */
    }
    return false;
}

bool peer_media_poll_transmit(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    struct peer_transport_entry *entry;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++)
        if (entry->rtp && peer_media_can_send(entry, now_us) && poll_session(entry, now_us, buffer, capacity, out))
            return true;
    return false;
}

static struct peer_transceiver_entry *find(const struct peer_connection *connection, size_t index) {
    return index < connection->transceiver_count ? connection->transceivers[index] : NULL;
}

static const char no_transceiver_rule[] = "there is no transceiver of that number";
static const char closed_rule[] = "the connection is closed (W3C webrtc section 4.4.1): nothing is sent or asked for any more";

/* Why it cannot send now; NULL: it can. */
static const char *why_silent(const struct peer_connection *connection, const struct peer_transceiver_entry *entry, uint64_t now_us) {
    if (connection->is_closed)
        return closed_rule;
    if (!entry->sender || !(entry->facts.current_direction & PEER_SENDONLY))
        return "it does not send: current_direction has to be sendrecv or sendonly (W3C webrtc section 5.4)";
    if (!peer_media_can_send(connection->transports[entry->media_transport], now_us))
        return "its transport is not connected: ICE has to have a valid pair with consent, and DTLS has to be connected (RFC 8826, RFC 7675)";
    return NULL;
}

static const char *rule_of(int error) {
    return error == PEER_ERROR_CAPACITY ? "the pacer is full, and the frame is dropped: encode less, and make the next one a key frame"
                                        : "the frame is not one of its codec, or too long for one packet (audio)";
}

int peer_connection_send_frame(struct peer_connection *connection, uint64_t now_us, size_t transceiver, const struct peer_frame *frame) {
    const struct peer_transceiver_entry *entry = find(connection, transceiver);
    if (!entry)
        return peer_problem_set(connection, NULL, PEER_ERROR_NOT_FOUND, no_transceiver_rule);
    if (!frame->bytes || frame->length == 0 || frame->length > PEER_FRAME_MAX_BYTES || frame->capture_us > now_us)
        return peer_problem_set(connection, NULL, PEER_ERROR_ARGUMENT, "a frame has 1 to PEER_FRAME_MAX_BYTES bytes, and was captured before now");
    connection->now_us = now_us;
    const char *silent = why_silent(connection, entry, now_us);
    if (silent)
        return peer_problem_set(connection, NULL, PEER_ERROR_STATE, silent);
    struct rtp_frame media = {
        .bytes = frame->bytes,
        .length = frame->length,
        .timestamp = frame->timestamp,
        .capture_us = frame->capture_us,
        .key_frame = frame->is_key_frame,
    };
    int error = peer_media_error(rtp_session_send_frame(peer_media_session(connection, entry), now_us, entry->sender, &media));
    return error == PEER_OK ? PEER_OK : peer_problem_set(connection, NULL, error, rule_of(error));
}

int peer_connection_request_key_frame(struct peer_connection *connection, uint64_t now_us, size_t transceiver) {
    const struct peer_transceiver_entry *entry = find(connection, transceiver);
    if (!entry)
        return peer_problem_set(connection, NULL, PEER_ERROR_NOT_FOUND, no_transceiver_rule);
    connection->now_us = now_us;
    if (connection->is_closed || !entry->receiver)
        return peer_problem_set(connection, NULL, PEER_ERROR_STATE,
                                connection->is_closed ? closed_rule : "it has never received: no offer and answer have agreed that it does");
    rtp_session_request_key_frame(peer_media_session(connection, entry), now_us, entry->receiver);
    return PEER_OK;
}

/* ---- events ------------------------------------------------------------------------------------------------------------------ */

/* Whose sender or receiver it is; the other is NULL. */
static struct peer_transceiver_entry *owner(const struct peer_connection *connection, const struct rtp_event *event, size_t *index) {
    for (*index = 0; *index < connection->transceiver_count; ++*index) {
        struct peer_transceiver_entry *entry = connection->transceivers[*index];
        if (entry && ((event->sender && entry->sender == event->sender) || (event->receiver && entry->receiver == event->receiver)))
            return entry;
    }
    return NULL;
}

static void tell_frame(const struct peer_transceiver_entry *entry, size_t index, const struct rtp_received_frame *frame, struct peer_connection_event *out) {
    *out = (struct peer_connection_event){
        .type = PEER_CONNECTION_EVENT_FRAME,
        .as.frame = {
            .transceiver = index,
            .kind = entry->facts.kind,
            .codec = peer_media_codec_of(frame->codec),
            .bytes = frame->bytes,
            .length = frame->length,
            .timestamp = frame->timestamp,
            .received_us = frame->receive_us,
            .is_key_frame = frame->key_frame && entry->facts.kind == PEER_VIDEO,
            .lost_before = frame->lost_before,
            .has_capture_time = frame->has_capture_time,
            .capture_unix_us = frame->capture_ntp_us,
        },
    };
}

/* False: nothing that anybody is told. */
static bool translate(struct peer_transceiver_entry *entry, size_t index, const struct rtp_event *event, struct peer_connection_event *out) {
    *out = (struct peer_connection_event){.as.transceiver = index};
    switch (event->type) {
    case RTP_EVENT_FRAME:
        tell_frame(entry, index, &event->frame, out);
        return true;
    case RTP_EVENT_KEY_FRAME_REQUESTED:
        out->type = PEER_CONNECTION_EVENT_KEY_FRAME_REQUESTED;
        return true;
    case RTP_EVENT_BYE:
        out->type = PEER_CONNECTION_EVENT_TRACK_ENDED;
        return true;
    case RTP_EVENT_TONE:
        out->type = PEER_CONNECTION_EVENT_DTMF;
        out->as.dtmf.transceiver = index;
        out->as.dtmf.digit = rtp_telephone_event_key(event->tone.event);
        out->as.dtmf.duration_ms = (uint32_t)(event->tone.duration_us / 1000);
        /* RFC 4733 section 3.2: what is beyond the keys of a telephone is not for this API. */
        return event->tone.event < RTP_TELEPHONE_EVENT_FLASH;
    case RTP_EVENT_SSRC_CHANGED: /* the statistics have the new one, and the mid extension carries the stream */
        entry->ssrc = rtp_sender_ssrc(event->sender);
        return false;
    case RTP_EVENT_TONE_SENT: /* the next one goes by its time */
        return false;
    }
    return false;
}

/*
 * RFC 8445 section 7.3 has us answer checks that come before the answer. A peer that has nominated by them, and (as Firefox does) then closes what it had
 * before, loses all that we send until its answer is here. What follows a lost frame shows nothing; and whom we have promised no retransmission may
 * be slow to ask for a key frame.
 */
void peer_media_handle_restarted(struct peer_connection *connection, const struct peer_transport_entry *transport) {
    for (size_t i = 0; i < connection->transceiver_count; i++) {
        struct peer_transceiver_entry *entry = connection->transceivers[i];
        if (entry && entry->sender && entry->facts.kind == PEER_VIDEO && connection->transports[entry->media_transport] == transport)
            entry->key_frame_pending = true;
    }
}

static bool poll_key_frames(struct peer_connection *connection, struct peer_connection_event *out) {
    for (size_t i = 0; i < connection->transceiver_count; i++) {
        struct peer_transceiver_entry *entry = connection->transceivers[i];
        if (!entry || !entry->key_frame_pending)
            continue;
        entry->key_frame_pending = false;
        if (!entry->sender || !(entry->facts.current_direction & PEER_SENDONLY))
            continue;
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_KEY_FRAME_REQUESTED, .as.transceiver = i};
        return true;
    }
    return false;
}

bool peer_media_poll_event(struct peer_connection *connection, struct peer_connection_event *out) {
    struct peer_transport_entry *transport;
    struct rtp_event event;
    size_t index;
    if (peer_dtmf_poll_event(connection, out) || poll_key_frames(connection, out))
        return true;
    for (size_t i = 0; (transport = peer_transports_next(connection, &i)); i++)
        while (transport->rtp && rtp_session_poll_event(transport->rtp, connection->now_us, &event)) {
            struct peer_transceiver_entry *entry = owner(connection, &event, &index);
            if (entry && translate(entry, index, &event, out))
                return true;
        }
    return false;
}
