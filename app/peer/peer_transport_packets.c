/* Which way a datagram goes: in by its first byte (RFC 7983), through DTLS or SRTP, to who reads it; out through SRTP and around by a relay. */
#include <string.h>

#include "app/peer/peer_demultiplex_internal.h"
#include "app/peer/peer_transport_internal.h"

#define WRAPPING_BYTES (ICE_HEADROOM_BYTES + ICE_TAILROOM_BYTES) /* around each payload, for relays */

/* ---- in ---------------------------------------------------------------------------------------------------------------- */

static int keep_early(struct peer_transport *transport, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    if (!peer_early_keep(&transport->early, &transport->allocator, path, bytes, length)) {
        transport->statistics.early_dropped++;
        return PEER_ERROR_CAPACITY;
    }
    transport->statistics.early_kept++;
    return PEER_OK;
}

static int count_srtp_error(struct peer_transport *transport, int error) {
    if (error == DTLS_ERROR_AUTHENTICATION)
        transport->statistics.srtp_unauthentic_dropped++;
    else if (error == DTLS_ERROR_REPLAY)
        transport->statistics.srtp_replay_dropped++;
    else
        transport->statistics.srtp_other_dropped++;
    return peer_transport_from_dtls(error);
}

/* What is authentic becomes transport->received; what is not is dropped here, and no reader ever sees it. */
static int unprotect(struct peer_transport *transport, enum peer_protocol protocol, uint8_t *bytes, size_t length) {
    bool is_rtcp = protocol == PEER_PROTOCOL_RTCP;
    int error = is_rtcp ? dtls_srtp_unprotect_rtcp(transport->srtp, bytes, &length) : dtls_srtp_unprotect_rtp(transport->srtp, bytes, &length);
    if (error != DTLS_OK)
        return count_srtp_error(transport, error);
    transport->received = (struct peer_received){is_rtcp ? PEER_RECEIVED_RTCP : PEER_RECEIVED_RTP, bytes, length};
    transport->has_received = true;
    return PEER_OK;
}

/* DTLS and SRTP, from a path that ICE has checked. */
static int handle_secured(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    enum peer_protocol protocol = peer_demultiplex(bytes, length);
    bool is_dtls = protocol == PEER_PROTOCOL_DTLS;
    /* RFC 8842 section 6: no DTLS (and so no SRTP) by a path that no check has validated; nor is it kept until the answer comes, or anybody could
     * fill the places of what the peer sends. */
    if (!ice_agent_is_path_valid(transport->ice, path)) {
        transport->statistics.invalid_path_dropped++;
        return PEER_ERROR_UNAUTHENTIC;
    }
    if (!transport->dtls || (!is_dtls && !transport->srtp))
        return keep_early(transport, path, bytes, length);
    transport->statistics.packets_received++;
    transport->statistics.bytes_received += length;
    ice_agent_count_received(transport->ice, now_us, path, length);
    if (!is_dtls)
        return unprotect(transport, protocol, bytes, length);
    if (transport->statistics.dtls_started_us == 0)
        transport->statistics.dtls_started_us = now_us;
    int error = dtls_transport_handle_datagram(transport->dtls, now_us, bytes, length);
    peer_transport_take_dtls_events(transport, now_us);
    return peer_transport_from_dtls(error);
}

int peer_transport_handle_datagram(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    transport->has_received = false;
    switch (peer_demultiplex(bytes, length)) {
    case PEER_PROTOCOL_STUN:
    case PEER_PROTOCOL_TURN_CHANNEL:
        return peer_transport_from_ice(ice_agent_handle_datagram(transport->ice, now_us, path, bytes, length));
    case PEER_PROTOCOL_DTLS:
    case PEER_PROTOCOL_RTP:
    case PEER_PROTOCOL_RTCP:
        return handle_secured(transport, now_us, path, bytes, length);
    case PEER_PROTOCOL_UNKNOWN:
        break;
    }
    transport->statistics.unknown_dropped++;
    return PEER_ERROR_MALFORMED;
}

/* ---- out ---------------------------------------------------------------------------------------------------------------- */

static bool wrap(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out) {
    if (ice_agent_wrap_payload(transport->ice, now_us, buffer, length, capacity, out) != ICE_OK)
        return false;
    transport->statistics.packets_sent++;
    transport->statistics.bytes_sent += length;
    return true;
}

static bool poll_dtls(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    /* RFC 8842 section 6: no DTLS before a pair has passed its check. Until then the handshake waits in dtls/. */
    if (!transport->dtls || !ice_agent_can_send(transport->ice, now_us))
        return false;
    struct dtls_transmit record;
    if (!dtls_transport_poll_transmit(transport->dtls, now_us, buffer + ICE_HEADROOM_BYTES, capacity - WRAPPING_BYTES, &record))
        return false;
    if (transport->statistics.dtls_started_us == 0)
        transport->statistics.dtls_started_us = now_us;
    return wrap(transport, now_us, buffer, record.length, capacity, out);
}

bool peer_transport_poll_transmit(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    if (capacity < PEER_TRANSMIT_BUFFER_BYTES)
        return false;
    if (!transport->closed && ice_agent_poll_transmit(transport->ice, now_us, buffer, capacity, out))
        return true;
    if (poll_dtls(transport, now_us, buffer, capacity, out))
        return true;
    if (!transport->closed)
        return false;
    /* close_notify may go through a relay: only behind it are the relays given back. */
    ice_agent_close(transport->ice, now_us);
    return ice_agent_poll_transmit(transport->ice, now_us, buffer, capacity, out);
}

static int protect(struct peer_transport *transport, uint64_t now_us, bool is_rtcp, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out) {
    if (transport->closed || !transport->srtp || !ice_agent_can_send(transport->ice, now_us))
        return PEER_ERROR_STATE;
    if (capacity < WRAPPING_BYTES + DTLS_SRTP_MAX_OVERHEAD_BYTES || length > capacity - WRAPPING_BYTES - DTLS_SRTP_MAX_OVERHEAD_BYTES)
        return PEER_ERROR_BUFFER;
    uint8_t *packet = buffer + ICE_HEADROOM_BYTES;
    size_t room = capacity - WRAPPING_BYTES;
    int error = is_rtcp ? dtls_srtp_protect_rtcp(transport->srtp, packet, &length, room) : dtls_srtp_protect_rtp(transport->srtp, packet, &length, room);
    if (error != DTLS_OK)
        return peer_transport_from_dtls(error);
    return wrap(transport, now_us, buffer, length, capacity, out) ? PEER_OK : PEER_ERROR_STATE;
}

int peer_transport_protect_rtp(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out) {
    return protect(transport, now_us, false, buffer, length, capacity, out);
}

int peer_transport_protect_rtcp(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out) {
    return protect(transport, now_us, true, buffer, length, capacity, out);
}

int peer_transport_send_data(struct peer_transport *transport, uint64_t now_us, const uint8_t *bytes, size_t length) {
    return transport->closed || !transport->dtls ? PEER_ERROR_STATE : peer_transport_from_dtls(dtls_transport_send(transport->dtls, now_us, bytes, length));
}

size_t peer_transport_data_max_bytes(const struct peer_transport *transport) {
    return transport->dtls ? dtls_transport_max_message(transport->dtls) : 0;
}

/* ---- what has come in ------------------------------------------------------------------------------------------------------ */

/* Payloads that ICE unwrapped are demultiplexed again, as if they had come alone. */
static bool take_unwrapped(struct peer_transport *transport, uint64_t now_us) {
    struct ice_received payload;
    if (!ice_agent_poll_received(transport->ice, &payload))
        return false;
    if (payload.length > sizeof transport->unwrapped) {
        transport->statistics.unknown_dropped++;
        return true;
    }
    struct ice_path path = payload.path;
    size_t length = payload.length;
    memcpy(transport->unwrapped, payload.bytes, length);
    switch (peer_demultiplex(transport->unwrapped, length)) {
    case PEER_PROTOCOL_STUN:
        (void)ice_agent_handle_datagram(transport->ice, now_us, &path, transport->unwrapped, length);
        break;
    case PEER_PROTOCOL_DTLS:
    case PEER_PROTOCOL_RTP:
    case PEER_PROTOCOL_RTCP:
        (void)handle_secured(transport, now_us, &path, transport->unwrapped, length);
        break;
    case PEER_PROTOCOL_TURN_CHANNEL:
    case PEER_PROTOCOL_UNKNOWN:
        transport->statistics.unknown_dropped++;
        break;
    }
    return true;
}

/* The oldest early datagram, once it can be used. The one that poll_received handed out is dropped at the next call. */
static bool take_early(struct peer_transport *transport, uint64_t now_us) {
    struct peer_early_packet *packet = peer_early_first(&transport->early);
    if (!packet || !transport->dtls)
        return false;
    bool is_dtls = peer_demultiplex(packet->bytes, packet->length) == PEER_PROTOCOL_DTLS;
    bool is_usable = is_dtls || transport->srtp;
    if (!is_usable)
        return false;
    struct ice_path path = packet->path;
    size_t length = packet->length;
    memcpy(transport->unwrapped, packet->bytes, length);
    peer_early_drop(&transport->early, &transport->allocator);
    (void)handle_secured(transport, now_us, &path, transport->unwrapped, length);
    return true;
}

bool peer_transport_poll_received(struct peer_transport *transport, uint64_t now_us, struct peer_received *out) {
    for (;;) {
        if (transport->has_received) {
            transport->has_received = false;
            *out = transport->received;
            return true;
        }
        if (transport->has_dtls_event) {
            transport->has_dtls_event = false;
            *out = (struct peer_received){PEER_RECEIVED_DATA, transport->dtls_event.bytes, transport->dtls_event.length};
            return true;
        }
        peer_transport_take_dtls_events(transport, now_us);
        if (transport->has_dtls_event)
            continue;
        if (!take_unwrapped(transport, now_us) && !take_early(transport, now_us))
            return false;
    }
}
