/*
 * Frames to packets to datagrams, and back. The only file of the PeerConnection that speaks with rtp/: what goes in there SRTP has
 * vouched for, and what comes out of there SRTP protects in place before anybody sees it.
 */
#include "rtp/session.h"

#include <string.h>

#include "app/peer/peer_connection_internal.h"
#include "rtp/packet.h"

static int from_rtp(int error) {
    switch ((enum rtp_error)error) {
    case RTP_OK: return PEER_OK;
    case RTP_ERROR_MALFORMED:
    case RTP_ERROR_UNKNOWN_SOURCE:
    case RTP_ERROR_STALE: return PEER_ERROR_MALFORMED;
    case RTP_ERROR_ARGUMENT: return PEER_ERROR_ARGUMENT;
    case RTP_ERROR_BUFFER: return PEER_ERROR_BUFFER;
    case RTP_ERROR_CAPACITY: return PEER_ERROR_CAPACITY;
    case RTP_ERROR_STATE: return PEER_ERROR_STATE;
    }
    return PEER_ERROR_STATE;
}

/* ---- from what was agreed ------------------------------------------------------------------------------------------------ */

static enum rtp_codec rtp_codec_of(enum peer_codec codec) {
    return codec == PEER_CODEC_OPUS ? RTP_CODEC_OPUS : RTP_CODEC_VP8;
}

static enum peer_codec peer_codec_of(enum rtp_codec codec) {
    return codec == RTP_CODEC_OPUS ? PEER_CODEC_OPUS : PEER_CODEC_VP8;
}

/* Memory short in rtp/ is a budget of ours that was passed, or the allocator that said no: neither can be mended here. */
static int fatal(int error) {
    return error == RTP_OK ? PEER_OK : error == RTP_ERROR_CAPACITY ? PEER_ERROR_MEMORY : from_rtp(error);
}

static int add_sender(struct peer_connection *connection, uint64_t now_us, struct peer_transceiver_entry *entry) {
    struct rtp_sender_config config = {
        .codec = rtp_codec_of(entry->facts.codec),
        .payload_type = entry->facts.send_payload_type,
        .clock_rate_hz = entry->facts.clock_rate_hz,
        .ssrc = entry->ssrc,
        .mid = entry->facts.mid,
    };
    return fatal(rtp_session_add_sender(connection->rtp, now_us, &config, &entry->sender));
}

static int add_receiver(struct peer_connection *connection, uint64_t now_us, struct peer_transceiver_entry *entry, const struct sdp_negotiated *negotiated) {
    const struct sdp_negotiated_section *section = &negotiated->sections[entry->section];
    struct rtp_payload_mapping mappings[PEER_CODEC_PREFERENCE_MAX];
    struct rtp_receiver_config config = {.mid = entry->facts.mid, .payload_types = mappings};
    /* RFC 3264 section 6.1: the peer may send any codec of the answer, at any time. */
    for (size_t i = 0; i < section->codec_count && config.payload_type_count < PEER_CODEC_PREFERENCE_MAX; i++) {
        const struct sdp_negotiated_codec *codec = &negotiated->codecs[section->first_codec + i];
        enum peer_codec id = peer_negotiated_codec_of(codec->id);
        if (id == PEER_CODEC_NONE)
            continue;
        mappings[config.payload_type_count++] = (struct rtp_payload_mapping){codec->receive_payload_type, rtp_codec_of(id), codec->clock_hz};
        config.send_pli |= (codec->feedback & SDP_FEEDBACK_NACK_PLI) != 0;
    }
    return fatal(rtp_session_add_receiver(connection->rtp, now_us, &config, &entry->receiver));
}

/* What holds for the whole session: one id for the mid extension in a bundle (RFC 9143 section 15), reduced-size RTCP where all have it. */
static void describe_bundle(const struct peer_connection *connection, const struct sdp_negotiated *negotiated, struct rtp_session_config *config) {
    config->reduced_size_rtcp = true;
    for (size_t i = 0; i < connection->transceiver_count; i++) {
        const struct peer_transceiver_entry *entry = &connection->transceivers[i];
        if (entry->facts.codec == PEER_CODEC_NONE)
            continue;
        const struct sdp_negotiated_section *section = &negotiated->sections[entry->section];
        if (section->extensions[SDP_EXTENSION_MID] >= 1 && section->extensions[SDP_EXTENSION_MID] <= 14)
            config->mid_extension_id = section->extensions[SDP_EXTENSION_MID];
        config->reduced_size_rtcp &= section->rtcp_rsize;
    }
}

static int make_session(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated) {
    struct rtp_allocator allocator = {connection->allocator.allocate, connection->allocator.release, connection->allocator.context};
    struct rtp_session_config config = {
        .random = connection->config.ice.random,
        .random_context = connection->config.ice.random_context,
        .allocator = &allocator,
        .wall_clock_offset_us = connection->config.wall_clock_offset_us,
        .cname = connection->cname,
    };
    describe_bundle(connection, negotiated, &config);
    connection->rtp = rtp_session_new(&config, now_us);
    return connection->rtp ? PEER_OK : PEER_ERROR_MEMORY;
}

/* A later description finds senders and receivers there; what it newly agrees is added, what it takes away falls silent (send_frame). */
int peer_media_start(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated) {
    int error = connection->rtp ? PEER_OK : make_session(connection, now_us, negotiated);
    for (size_t i = 0; i < connection->transceiver_count && error == PEER_OK; i++) {
        struct peer_transceiver_entry *entry = &connection->transceivers[i];
        if (entry->facts.codec == PEER_CODEC_NONE)
            continue;
        if ((entry->facts.current_direction & PEER_SENDONLY) && !entry->sender)
            error = add_sender(connection, now_us, entry);
        if (error == PEER_OK && (entry->facts.current_direction & PEER_RECVONLY) && !entry->receiver)
            error = add_receiver(connection, now_us, entry, negotiated);
    }
    return error;
}

/* ---- in ------------------------------------------------------------------------------------------------------------------ */

void peer_media_take_received(struct peer_connection *connection, uint64_t now_us) {
    struct peer_received received;
    for (size_t i = 0; i < connection->transport_count; i++)
        while (peer_transport_poll_received(connection->transports[i], now_us, &received)) {
            if (!connection->rtp)
                continue;
            /* What is broken is dropped and counted there. */
            if (received.kind == PEER_RECEIVED_RTP)
                (void)rtp_session_handle_rtp(connection->rtp, now_us, received.bytes, received.length);
            else if (received.kind == PEER_RECEIVED_RTCP)
                (void)rtp_session_handle_rtcp(connection->rtp, now_us, received.bytes, received.length);
        }
}

void peer_media_handle_timeout(struct peer_connection *connection, uint64_t now_us) {
    if (connection->rtp)
        rtp_session_handle_timeout(connection->rtp, now_us);
}

/* Packets that nobody could send have no deadline: without a path the session waits, and ICE has timers enough meanwhile. */
uint64_t peer_media_next_timeout(const struct peer_connection *connection) {
    return connection->rtp && peer_media_can_send(connection, connection->now_us) ? rtp_session_next_timeout(connection->rtp) : UINT64_MAX;
}

/* ---- out ----------------------------------------------------------------------------------------------------------------- */

bool peer_media_can_send(const struct peer_connection *connection, uint64_t now_us) {
    struct peer_transport_statistics statistics;
    peer_transport_statistics(connection->transports[0], &statistics);
    return statistics.dtls_state == DTLS_TRANSPORT_CONNECTED && ice_agent_can_send(peer_transport_ice(connection->transports[0]), now_us);
}

bool peer_media_poll_transmit(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    if (!connection->rtp || !peer_media_can_send(connection, now_us))
        return false;
    enum rtp_packet_kind kind;
    size_t length, room = capacity - ICE_HEADROOM_BYTES - DTLS_SRTP_MAX_OVERHEAD_BYTES - ICE_TAILROOM_BYTES;
    while (rtp_session_poll_packet(connection->rtp, now_us, buffer + ICE_HEADROOM_BYTES, room, &length, &kind)) {
        int error = kind == RTP_PACKET_CONTROL ? peer_transport_protect_rtcp(connection->transports[0], now_us, buffer, length, capacity, out)
                                               : peer_transport_protect_rtp(connection->transports[0], now_us, buffer, length, capacity, out);
        if (error == PEER_OK)
            return true;
        /* A packet that cannot be protected is a lost packet, and is never sent as it is. */
    }
    return false;
}

int peer_connection_send_frame(struct peer_connection *connection, uint64_t now_us, size_t transceiver, const struct peer_frame *frame) {
    if (transceiver >= connection->transceiver_count)
        return PEER_ERROR_NOT_FOUND;
    if (!frame->bytes || frame->length == 0 || frame->length > PEER_FRAME_MAX_BYTES || frame->capture_us > now_us)
        return PEER_ERROR_ARGUMENT;
    connection->now_us = now_us;
    const struct peer_transceiver_entry *entry = &connection->transceivers[transceiver];
    if (connection->is_closed || !entry->sender || !(entry->facts.current_direction & PEER_SENDONLY) || !peer_media_can_send(connection, now_us))
        return PEER_ERROR_STATE;
    struct rtp_frame media = {
        .bytes = frame->bytes,
        .length = frame->length,
        .timestamp = frame->timestamp,
        .capture_us = frame->capture_us,
        .key_frame = frame->is_key_frame,
    };
    return from_rtp(rtp_session_send_frame(connection->rtp, now_us, entry->sender, &media));
}

int peer_connection_request_key_frame(struct peer_connection *connection, uint64_t now_us, size_t transceiver) {
    if (transceiver >= connection->transceiver_count)
        return PEER_ERROR_NOT_FOUND;
    connection->now_us = now_us;
    if (connection->is_closed || !connection->transceivers[transceiver].receiver)
        return PEER_ERROR_STATE;
    rtp_session_request_key_frame(connection->rtp, now_us, connection->transceivers[transceiver].receiver);
    return PEER_OK;
}

void peer_media_close(struct peer_connection *connection, uint64_t now_us) {
    if (connection->rtp)
        rtp_session_bye(connection->rtp, now_us);
}

void peer_media_free(struct peer_connection *connection) {
    rtp_session_free(connection->rtp);
}

/* ---- events -------------------------------------------------------------------------------------------------------------- */

static bool find_sender(const struct peer_connection *connection, const struct rtp_sender *sender, size_t *index) {
    for (*index = 0; *index < connection->transceiver_count; ++*index)
        if (connection->transceivers[*index].sender == sender)
            return true;
    return false;
}

static bool find_receiver(const struct peer_connection *connection, const struct rtp_receiver *receiver, size_t *index) {
    for (*index = 0; *index < connection->transceiver_count; ++*index)
        if (connection->transceivers[*index].receiver == receiver)
            return true;
    return false;
}

static void tell_frame(const struct peer_connection *connection, size_t index, const struct rtp_received_frame *frame, struct peer_connection_event *out) {
    *out = (struct peer_connection_event){
        .type = PEER_CONNECTION_EVENT_FRAME,
        .as.frame = {
            .transceiver = index,
            .kind = connection->transceivers[index].facts.kind,
            .codec = peer_codec_of(frame->codec),
            .bytes = frame->bytes,
            .length = frame->length,
            .timestamp = frame->timestamp,
            .received_us = frame->receive_us,
            .is_key_frame = frame->key_frame && connection->transceivers[index].facts.kind == PEER_VIDEO,
            .lost_before = frame->lost_before,
            .has_capture_time = frame->has_capture_time,
            .capture_unix_us = frame->capture_ntp_us,
        },
    };
}

bool peer_media_poll_event(struct peer_connection *connection, struct peer_connection_event *out) {
    struct rtp_event event;
    size_t index;
    while (connection->rtp && rtp_session_poll_event(connection->rtp, connection->now_us, &event)) {
        switch (event.type) {
        case RTP_EVENT_FRAME:
            if (!find_receiver(connection, event.receiver, &index))
                break;
            tell_frame(connection, index, &event.frame, out);
            return true;
        case RTP_EVENT_KEY_FRAME_REQUESTED:
            if (!find_sender(connection, event.sender, &index))
                break;
            *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_KEY_FRAME_REQUESTED, .as.transceiver = index};
            return true;
        case RTP_EVENT_SSRC_CHANGED: /* RFC 3550 section 8.2; the statistics have the new one, and the mid extension carries the stream */
            if (find_sender(connection, event.sender, &index))
                connection->transceivers[index].ssrc = rtp_sender_ssrc(event.sender);
            break;
        case RTP_EVENT_BYE:
            if (!find_receiver(connection, event.receiver, &index))
                break;
            *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_TRACK_ENDED, .as.transceiver = index};
            return true;
        }
    }
    return false;
}

/* ---- statistics ---------------------------------------------------------------------------------------------------------- */

bool peer_media_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    if (!connection->transceivers[index].receiver)
        return false;
    struct rtp_receiver_statistics from;
    rtp_receiver_statistics(connection->transceivers[index].receiver, &from);
    if (from.ssrc == 0)
        return false;
    out->as.inbound_rtp.ssrc = from.ssrc;
    out->as.inbound_rtp.packets_received = from.packets_received;
    out->as.inbound_rtp.bytes_received = from.bytes_received;
    out->as.inbound_rtp.header_bytes_received = from.header_bytes_received;
    out->as.inbound_rtp.packets_lost = from.packets_lost;
    out->as.inbound_rtp.packets_discarded = from.packets_discarded;
    out->as.inbound_rtp.jitter_us = from.jitter_us > UINT32_MAX ? UINT32_MAX : (uint32_t)from.jitter_us;
    out->as.inbound_rtp.frames_received = from.frames_received;
    out->as.inbound_rtp.key_frames_received = from.key_frames_received;
    out->as.inbound_rtp.frames_dropped = from.frames_dropped;
    out->as.inbound_rtp.nack_count = from.nack_count;
    out->as.inbound_rtp.pli_count = from.pli_count;
    out->as.inbound_rtp.jitter_buffer_delay_us = from.jitter_buffer_delay_us;
    out->as.inbound_rtp.jitter_buffer_emitted_count = from.jitter_buffer_emitted_count;
    out->as.inbound_rtp.last_packet_received_us = from.last_packet_received_us;
    return true;
}

bool peer_media_outbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    if (!connection->transceivers[index].sender)
        return false;
    struct rtp_sender_statistics from;
    rtp_sender_statistics(connection->transceivers[index].sender, &from);
    out->as.outbound_rtp.ssrc = from.ssrc;
    out->as.outbound_rtp.packets_sent = from.packets_sent;
    out->as.outbound_rtp.bytes_sent = from.bytes_sent;
    out->as.outbound_rtp.header_bytes_sent = from.header_bytes_sent;
    out->as.outbound_rtp.frames_sent = from.frames_sent;
    out->as.outbound_rtp.key_frames_sent = from.key_frames_sent;
    out->as.outbound_rtp.nack_count = from.nack_count;
    out->as.outbound_rtp.pli_count = from.pli_count;
    out->as.outbound_rtp.fir_count = from.fir_count;
    out->as.outbound_rtp.frames_refused = from.frames_refused;
    return true;
}

bool peer_media_remote_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    if (!connection->transceivers[index].sender)
        return false;
    struct rtp_sender_statistics from;
    rtp_sender_statistics(connection->transceivers[index].sender, &from);
    if (!from.has_remote_report)
        return false;
    out->as.remote_inbound_rtp.ssrc = from.ssrc;
    out->as.remote_inbound_rtp.packets_lost = from.remote_packets_lost;
    out->as.remote_inbound_rtp.fraction_lost = from.remote_fraction_lost;
    out->as.remote_inbound_rtp.jitter_us = from.remote_jitter_us > UINT32_MAX ? UINT32_MAX : (uint32_t)from.remote_jitter_us;
    out->as.remote_inbound_rtp.round_trip_time_us = from.round_trip_time_us;
    out->as.remote_inbound_rtp.round_trip_time_measurements = from.round_trip_time_measurements;
    return true;
}
