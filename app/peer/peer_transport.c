#include "app/peer/peer_transport.h"

#include <assert.h>
#include <string.h>

#include "app/peer/peer_demultiplex_internal.h"
#include "app/peer/peer_early_internal.h"

#define WRAPPING_BYTES (ICE_HEADROOM_BYTES + ICE_TAILROOM_BYTES) /* around each payload, for relays */
#define KEY_LOG_LINE_MAX_BYTES 256 /* "CLIENT_RANDOM ", 64 hexadecimal digits, 96 more: 176 */

struct peer_transport {
    struct ice_allocator allocator;
    struct dtls_allocator dtls_allocator; /* the same, as dtls/ spells it */
    const struct dtls_certificate *certificate;
    size_t mtu_bytes;
    bool key_log_wanted;

    struct ice_agent *ice;
    struct dtls_transport *dtls; /* NULL until the roles are known */
    struct dtls_srtp *srtp;      /* NULL until DTLS is connected */
    enum dtls_role dtls_role;

    struct peer_early early;
    struct peer_received received; /* what the last datagram was, until poll_received takes it */
    bool has_received;
    struct dtls_event dtls_event; /* a RECEIVED event that waits for poll_received */
    bool has_dtls_event;
    uint8_t unwrapped[PEER_EARLY_PACKET_BYTES]; /* a payload that came wrapped (relay, stream): SRTP is undone in place */

    enum ice_state ice_state;
    enum peer_transport_state state;
    bool dtls_changed, state_changed, closed;
    char key_log[KEY_LOG_LINE_MAX_BYTES];
    size_t key_log_length;

    struct peer_transport_statistics statistics;
};

/* ---- errors: one table for each library below -------------------------------------------------------------------- */

static int from_ice(int error) {
    switch ((enum ice_error)error) {
    case ICE_OK: return PEER_OK;
    case ICE_ERROR_MALFORMED: return PEER_ERROR_MALFORMED;
    case ICE_ERROR_UNAUTHENTIC: return PEER_ERROR_UNAUTHENTIC;
    case ICE_ERROR_ARGUMENT: return PEER_ERROR_ARGUMENT;
    case ICE_ERROR_STATE: return PEER_ERROR_STATE;
    case ICE_ERROR_BUFFER: return PEER_ERROR_BUFFER;
    case ICE_ERROR_CAPACITY: return PEER_ERROR_CAPACITY;
    case ICE_ERROR_NOT_SUPPORTED: return PEER_ERROR_NOT_SUPPORTED;
    case ICE_ERROR_MEMORY: return PEER_ERROR_MEMORY;
    case ICE_ERROR_CRYPTO: return PEER_ERROR_CRYPTO;
    }
    return PEER_ERROR_CRYPTO;
}

static int from_dtls(int error) {
    switch ((enum dtls_error)error) {
    case DTLS_OK: return PEER_OK;
    case DTLS_ERROR_MALFORMED:
    case DTLS_ERROR_WEAK_HASH: return PEER_ERROR_MALFORMED;
    case DTLS_ERROR_AUTHENTICATION:
    case DTLS_ERROR_REPLAY: return PEER_ERROR_UNAUTHENTIC;
    case DTLS_ERROR_ARGUMENT: return PEER_ERROR_ARGUMENT;
    case DTLS_ERROR_BUFFER: return PEER_ERROR_BUFFER;
    case DTLS_ERROR_STATE: return PEER_ERROR_STATE;
    case DTLS_ERROR_CAPACITY: return PEER_ERROR_CAPACITY;
    case DTLS_ERROR_FATAL: return PEER_ERROR_CRYPTO;
    }
    return PEER_ERROR_CRYPTO;
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

struct peer_transport *peer_transport_new(const struct peer_transport_config *config, uint64_t now_us) {
    if (!config || !config->certificate)
        return NULL;
    struct ice_allocator allocator = ice_allocator_or_default(config->ice.allocator);
    struct peer_transport *transport = allocator.allocate(allocator.context, sizeof *transport);
    if (!transport)
        return NULL;
    *transport = (struct peer_transport){
        .allocator = allocator,
        .dtls_allocator = {allocator.context, allocator.allocate, allocator.release},
        .certificate = config->certificate,
        .mtu_bytes = config->mtu_bytes,
        .key_log_wanted = config->key_log,
    };
    transport->ice = ice_agent_new(&config->ice, now_us);
    if (!transport->ice) {
        peer_transport_free(transport);
        return NULL;
    }
    return transport;
}

void peer_transport_free(struct peer_transport *transport) {
    if (!transport)
        return;
    struct ice_allocator allocator = transport->allocator;
    dtls_srtp_free(transport->srtp);
    dtls_transport_free(transport->dtls);
    ice_agent_free(transport->ice);
    peer_early_free(&transport->early, &allocator);
    allocator.release(allocator.context, transport);
}

/* ---- state: derived from ICE and DTLS ------------------------------------------------------------------------------- */

static enum dtls_transport_state dtls_state(const struct peer_transport *transport) {
    return transport->dtls ? dtls_transport_state(transport->dtls) : DTLS_TRANSPORT_NEW;
}

/* W3C webrtc section 4.3.3, RTCPeerConnectionState, for the one transport that this is. */
static enum peer_transport_state derive_state(const struct peer_transport *transport) {
    enum dtls_transport_state dtls = dtls_state(transport);
    if (transport->closed || dtls == DTLS_TRANSPORT_CLOSED)
        return PEER_TRANSPORT_CLOSED;
    if (transport->ice_state == ICE_STATE_FAILED || dtls == DTLS_TRANSPORT_FAILED)
        return PEER_TRANSPORT_FAILED;
    if (transport->ice_state == ICE_STATE_DISCONNECTED)
        return PEER_TRANSPORT_DISCONNECTED;
    if (dtls == DTLS_TRANSPORT_CONNECTED)
        return PEER_TRANSPORT_CONNECTED;
    return transport->ice_state == ICE_STATE_NEW ? PEER_TRANSPORT_NEW : PEER_TRANSPORT_CONNECTING;
}

static void update_state(struct peer_transport *transport) {
    enum peer_transport_state state = derive_state(transport);
    if (state != transport->state) {
        transport->state = state;
        transport->state_changed = true;
    }
}

/* RFC 5764 section 4.2: the keys of SRTP come out of the handshake, and out of nothing else. */
static void key_srtp(struct peer_transport *transport) {
    struct dtls_srtp_keys keys;
    if (dtls_transport_keying_material(transport->dtls, &keys) != DTLS_OK)
        return;
    struct dtls_srtp_config config = {.keys = &keys, .allocator = &transport->dtls_allocator};
    transport->srtp = dtls_srtp_new(&config);
    transport->statistics.srtp_profile = keys.profile;
    dtls_srtp_keys_wipe(&keys);
}

/* Takes DTLS events as they come. One with application data stays until poll_received has handed it out. */
static void take_dtls_events(struct peer_transport *transport, uint64_t now_us) {
    while (transport->dtls && !transport->has_dtls_event && dtls_transport_poll_event(transport->dtls, &transport->dtls_event)) {
        switch (transport->dtls_event.type) {
        case DTLS_EVENT_RECEIVED:
            transport->has_dtls_event = true;
            break;
        case DTLS_EVENT_KEY_LOG:
            if (transport->dtls_event.length <= sizeof transport->key_log) {
                memcpy(transport->key_log, transport->dtls_event.bytes, transport->dtls_event.length);
                transport->key_log_length = transport->dtls_event.length;
            }
            break;
        case DTLS_EVENT_CONNECTED:
            transport->statistics.dtls_connected_us = now_us;
            key_srtp(transport);
            transport->dtls_changed = true;
            break;
        case DTLS_EVENT_CLOSED:
        case DTLS_EVENT_FAILED:
            transport->dtls_changed = true;
            break;
        }
    }
    update_state(transport);
}

/* ---- descriptions ------------------------------------------------------------------------------------------------------ */

void peer_transport_local_parameters(const struct peer_transport *transport, struct peer_transport_parameters *out) {
    *out = (struct peer_transport_parameters){
        .ufrag = ice_agent_local_ufrag(transport->ice),
        .password = ice_agent_local_password(transport->ice),
        .fingerprint_count = 1,
        .setup = PEER_SETUP_ACTPASS,
    };
    out->ufrag_length = strlen(out->ufrag);
    out->password_length = strlen(out->password);
    dtls_certificate_fingerprint(transport->certificate, &out->fingerprints[0]);
    if (transport->dtls)
        out->setup = transport->dtls_role == DTLS_ROLE_CLIENT ? PEER_SETUP_ACTIVE : PEER_SETUP_PASSIVE;
}

/* Before the handshake has shown a certificate, anybody's fingerprints are welcome. */
static bool is_of_this_association(const struct peer_transport *transport, const struct peer_transport_parameters *parameters) {
    struct dtls_fingerprint shown;
    bool is_shown = false;
    for (size_t i = 0; transport->dtls && i < parameters->fingerprint_count; i++) {
        if (!dtls_transport_peer_fingerprint(transport->dtls, parameters->fingerprints[i].hash, &shown))
            continue;
        is_shown = true;
        if (dtls_fingerprint_equal(&shown, &parameters->fingerprints[i]))
            return true;
    }
    return !is_shown;
}

int peer_transport_check_remote_parameters(const struct peer_transport *transport, const struct peer_transport_parameters *parameters, enum dtls_role local_role, bool restarts) {
    /* RFC 8122 section 5, MUST: a description without a fingerprint secures nothing and is refused. */
    if (parameters->fingerprint_count == 0 || parameters->fingerprint_count > PEER_FINGERPRINT_MAX)
        return PEER_ERROR_ARGUMENT;
    /* RFC 8842 section 5.5, MUST: the roles of an association stay. */
    if (transport->closed || (transport->dtls && transport->dtls_role != local_role))
        return PEER_ERROR_STATE;
    if (transport->dtls && dtls_state(transport) == DTLS_TRANSPORT_CONNECTED && !is_of_this_association(transport, parameters))
        return PEER_ERROR_NOT_SUPPORTED;
    return restarts ? PEER_OK : from_ice(ice_agent_check_remote_credentials(transport->ice, parameters->ufrag, parameters->ufrag_length, parameters->password, parameters->password_length));
}

int peer_transport_set_remote_parameters(struct peer_transport *transport, uint64_t now_us,
                                         const struct peer_transport_parameters *parameters, enum dtls_role local_role) {
    int refused = peer_transport_check_remote_parameters(transport, parameters, local_role, false);
    if (refused != PEER_OK)
        return refused;
    ice_agent_set_remote_lite(transport->ice, now_us, parameters->lite);
    int error = ice_agent_set_remote_credentials(transport->ice, now_us, parameters->ufrag, parameters->ufrag_length,
                                                 parameters->password, parameters->password_length);
    if (error != ICE_OK)
        return from_ice(error);
    if (transport->dtls && dtls_state(transport) != DTLS_TRANSPORT_CLOSED && dtls_state(transport) != DTLS_TRANSPORT_FAILED)
        return from_dtls(dtls_transport_set_remote_fingerprints(transport->dtls, now_us, parameters->fingerprints, parameters->fingerprint_count));
    if (transport->dtls)
        return PEER_OK; /* it is over, and what is agreed now does not bring it back */
    struct dtls_transport_config config = {
        .role = local_role,
        .certificate = transport->certificate,
        .remote_fingerprints = parameters->fingerprints,
        .remote_fingerprint_count = parameters->fingerprint_count,
        .mtu_bytes = transport->mtu_bytes,
        .key_log = transport->key_log_wanted,
        .allocator = &transport->dtls_allocator,
    };
    transport->dtls = dtls_transport_new(&config, now_us);
    transport->dtls_role = local_role;
    return transport->dtls ? PEER_OK : PEER_ERROR_MEMORY;
}

int peer_transport_restart(struct peer_transport *transport, uint64_t now_us, const char *ufrag, const char *password) {
    return transport->closed ? PEER_ERROR_STATE : from_ice(ice_agent_restart_with(transport->ice, now_us, ufrag, password));
}

int peer_transport_cancel_restart(struct peer_transport *transport, uint64_t now_us) {
    return transport->closed ? PEER_ERROR_STATE : from_ice(ice_agent_cancel_restart(transport->ice, now_us));
}

int peer_transport_add_remote_candidate(struct peer_transport *transport, uint64_t now_us, const struct ice_candidate *candidate) {
    return from_ice(ice_agent_add_remote_candidate(transport->ice, now_us, candidate));
}

int peer_transport_end_of_remote_candidates(struct peer_transport *transport, uint64_t now_us) {
    return from_ice(ice_agent_end_of_remote_candidates(transport->ice, now_us));
}

/* ---- in ---------------------------------------------------------------------------------------------------------------- */

int peer_transport_handle_interfaces(struct peer_transport *transport, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    return from_ice(ice_agent_handle_interfaces(transport->ice, now_us, interfaces, count));
}

int peer_transport_gather(struct peer_transport *transport, uint64_t now_us) {
    return from_ice(ice_agent_gather(transport->ice, now_us));
}

int peer_transport_handle_resolved(struct peer_transport *transport, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count) {
    return from_ice(ice_agent_handle_resolved(transport->ice, now_us, query, addresses, count));
}

int peer_transport_handle_stream_opened(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path) {
    return from_ice(ice_agent_handle_stream_opened(transport->ice, now_us, path));
}

int peer_transport_handle_stream_bytes(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    return from_ice(ice_agent_handle_stream_bytes(transport->ice, now_us, path, bytes, length));
}

int peer_transport_handle_stream_closed(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, int error) {
    return from_ice(ice_agent_handle_stream_closed(transport->ice, now_us, path, error));
}

void peer_transport_handle_send_error(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, int error) {
    ice_agent_handle_send_error(transport->ice, now_us, path, error);
}

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
    return from_dtls(error);
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
    /* RFC 8842 section 6, MUST: no DTLS (and so no SRTP) by a path that no check has validated. */
    if (transport->dtls && !ice_agent_is_path_valid(transport->ice, path)) {
        transport->statistics.invalid_path_dropped++;
        return PEER_ERROR_UNAUTHENTIC;
    }
    if (!transport->dtls || (!is_dtls && !transport->srtp))
        return keep_early(transport, path, bytes, length);
    if (!is_dtls)
        return unprotect(transport, protocol, bytes, length);
    if (transport->statistics.dtls_started_us == 0)
        transport->statistics.dtls_started_us = now_us;
    int error = dtls_transport_handle_datagram(transport->dtls, now_us, bytes, length);
    take_dtls_events(transport, now_us);
    return from_dtls(error);
}

int peer_transport_handle_datagram(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    transport->statistics.datagrams_received++;
    transport->statistics.bytes_received += length;
    transport->has_received = false;
    switch (peer_demultiplex(bytes, length)) {
    case PEER_PROTOCOL_STUN:
    case PEER_PROTOCOL_TURN_CHANNEL:
        return from_ice(ice_agent_handle_datagram(transport->ice, now_us, path, bytes, length));
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

void peer_transport_handle_timeout(struct peer_transport *transport, uint64_t now_us) {
    if (transport->closed)
        return;
    ice_agent_handle_timeout(transport->ice, now_us);
    if (transport->dtls) {
        dtls_transport_handle_timeout(transport->dtls, now_us);
        take_dtls_events(transport, now_us);
    }
}

uint64_t peer_transport_next_timeout(const struct peer_transport *transport) {
    if (transport->closed)
        return UINT64_MAX; /* nothing is sent any more but close_notify, which does not wait */
    uint64_t next = ice_agent_next_timeout(transport->ice);
    if (transport->dtls && dtls_transport_next_timeout(transport->dtls) < next)
        next = dtls_transport_next_timeout(transport->dtls);
    return next;
}

/* ---- out ---------------------------------------------------------------------------------------------------------------- */

static bool wrap(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out) {
    if (ice_agent_wrap_payload(transport->ice, now_us, buffer, length, capacity, out) != ICE_OK)
        return false;
    transport->statistics.datagrams_sent++;
    transport->statistics.bytes_sent += out->length;
    return true;
}

static bool poll_ice(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    if (!ice_agent_poll_transmit(transport->ice, now_us, buffer, capacity, out))
        return false;
    transport->statistics.datagrams_sent++;
    transport->statistics.bytes_sent += out->length;
    return true;
}

static bool poll_dtls(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    /* RFC 8842 section 6, MUST: no DTLS before a pair has passed its check. Until then the handshake waits in dtls/. */
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
    if (!transport->closed && poll_ice(transport, now_us, buffer, capacity, out))
        return true;
    if (poll_dtls(transport, now_us, buffer, capacity, out))
        return true;
    if (!transport->closed)
        return false;
    /* close_notify may go through a relay: only behind it are the relays given back. */
    ice_agent_close(transport->ice, now_us);
    return poll_ice(transport, now_us, buffer, capacity, out);
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
        return from_dtls(error);
    return wrap(transport, now_us, buffer, length, capacity, out) ? PEER_OK : PEER_ERROR_STATE;
}

int peer_transport_protect_rtp(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out) {
    return protect(transport, now_us, false, buffer, length, capacity, out);
}

int peer_transport_protect_rtcp(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out) {
    return protect(transport, now_us, true, buffer, length, capacity, out);
}

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
        take_dtls_events(transport, now_us);
        if (transport->has_dtls_event)
            continue;
        if (!take_unwrapped(transport, now_us) && !take_early(transport, now_us))
            return false;
    }
}

/* ---- events --------------------------------------------------------------------------------------------------------------- */

bool peer_transport_poll_event(struct peer_transport *transport, struct peer_event *out) {
    if (transport->key_log_length > 0) {
        *out = (struct peer_event){.type = PEER_EVENT_KEY_LOG, .as.key_log = {transport->key_log, transport->key_log_length}};
        transport->key_log_length = 0;
        return true;
    }
    struct ice_event ice;
    if (ice_agent_poll_event(transport->ice, &ice)) {
        if (ice.type == ICE_EVENT_STATE) {
            transport->ice_state = ice.as.state.state;
            update_state(transport);
        }
        *out = (struct peer_event){.type = PEER_EVENT_ICE, .as.ice = ice};
        return true;
    }
    if (transport->dtls_changed) {
        transport->dtls_changed = false;
        *out = (struct peer_event){.type = PEER_EVENT_DTLS, .as.dtls = {dtls_state(transport), dtls_transport_failure(transport->dtls)}};
        return true;
    }
    if (transport->state_changed) {
        transport->state_changed = false;
        *out = (struct peer_event){.type = PEER_EVENT_STATE, .as.state = transport->state};
        return true;
    }
    return false;
}

void peer_transport_close(struct peer_transport *transport, uint64_t now_us) {
    if (transport->dtls)
        dtls_transport_close(transport->dtls, now_us);
    transport->closed = true;
    update_state(transport);
}

void peer_transport_abandon_streams(struct peer_transport *transport) {
    ice_agent_abandon_streams(transport->ice);
}

/* ---- statistics -------------------------------------------------------------------------------------------------------------- */

void peer_transport_statistics(const struct peer_transport *transport, struct peer_transport_statistics *out) {
    *out = transport->statistics;
    out->state = transport->state;
    out->dtls_state = dtls_state(transport);
    out->dtls_role = transport->dtls_role;
}

bool peer_transport_handshake(const struct peer_transport *transport, struct peer_handshake *out) {
    struct dtls_fingerprint fingerprint;
    struct dtls_transport_stats stats;
    if (!transport->dtls || dtls_state(transport) != DTLS_TRANSPORT_CONNECTED ||
        !dtls_transport_peer_fingerprint(transport->dtls, DTLS_HASH_SHA_256, &fingerprint))
        return false;
    dtls_transport_stats(transport->dtls, &stats);
    *out = (struct peer_handshake){stats.tls_version, stats.dtls_cipher, fingerprint};
    return true;
}

const struct ice_agent *peer_transport_ice(const struct peer_transport *transport) {
    return transport->ice;
}

const char *peer_transport_state_name(enum peer_transport_state state) {
    static const char *const names[] = {"new", "connecting", "connected", "disconnected", "failed", "closed"};
    assert(state <= PEER_TRANSPORT_CLOSED);
    return names[state];
}
