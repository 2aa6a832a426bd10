#include "app/peer/peer_transport.h"

#include <assert.h>
#include <string.h>

#include "app/peer/peer_transport_internal.h"

/* ---- errors: one table for each library below -------------------------------------------------------------------- */

int peer_transport_from_ice(int error) {
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

int peer_transport_from_dtls(int error) {
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

enum dtls_transport_state peer_transport_dtls_state(const struct peer_transport *transport) {
    return transport->dtls ? dtls_transport_state(transport->dtls) : DTLS_TRANSPORT_NEW;
}

/* W3C webrtc section 4.3.3, RTCPeerConnectionState, for the one transport that this is. */
static enum peer_transport_state derive_state(const struct peer_transport *transport) {
    enum dtls_transport_state dtls = peer_transport_dtls_state(transport);
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

void peer_transport_take_dtls_events(struct peer_transport *transport, uint64_t now_us) {
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

static bool is_up(const struct peer_transport *transport) {
    return transport->dtls && peer_transport_dtls_state(transport) == DTLS_TRANSPORT_CONNECTED;
}

/* Before the handshake has shown a certificate, anybody's fingerprints are welcome. */
bool peer_transport_is_of_association(const struct peer_transport *transport, const struct peer_transport_parameters *parameters) {
    struct dtls_fingerprint shown;
    bool is_shown = false;
    for (size_t i = 0; is_up(transport) && i < parameters->fingerprint_count; i++) {
        if (!dtls_transport_peer_fingerprint(transport->dtls, parameters->fingerprints[i].hash, &shown))
            continue;
        is_shown = true;
        if (dtls_fingerprint_equal(&shown, &parameters->fingerprints[i]))
            return true;
    }
    return !is_shown;
}

int peer_transport_check_remote_parameters(const struct peer_transport *transport, const struct peer_transport_parameters *parameters,
                                           enum dtls_role local_role, bool restarts) {
    /* RFC 8122 section 5, MUST: a description without a fingerprint secures nothing and is refused. */
    if (parameters->fingerprint_count == 0 || parameters->fingerprint_count > PEER_FINGERPRINT_MAX)
        return PEER_ERROR_ARGUMENT;
    /*
     * RFC 8842 section 5.3, MUST: the roles of an association stay. Of one that is up they do whatever is said: Firefox 153 answers "active" to every
     * offer that restarts ICE, also when it is the server, and the certificate tells that it means the same association.
     */
    if (transport->closed || (transport->dtls && !is_up(transport) && transport->dtls_role != local_role))
        return PEER_ERROR_STATE;
    if (!peer_transport_is_of_association(transport, parameters))
        return PEER_ERROR_NOT_SUPPORTED;
    if (restarts)
        return PEER_OK;
    return peer_transport_from_ice(ice_agent_check_remote_credentials(transport->ice, parameters->ufrag, parameters->ufrag_length,
                                                                      parameters->password, parameters->password_length));
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
        return peer_transport_from_ice(error);
    if (transport->dtls && peer_transport_dtls_state(transport) != DTLS_TRANSPORT_CLOSED && peer_transport_dtls_state(transport) != DTLS_TRANSPORT_FAILED)
        return peer_transport_from_dtls(dtls_transport_set_remote_fingerprints(transport->dtls, now_us, parameters->fingerprints, parameters->fingerprint_count));
    if (transport->dtls)
        return PEER_OK; /* it is over, and what is agreed now does not bring it back */
    struct dtls_transport_config config = {
        .role = local_role,
        .certificate = transport->certificate,
        .remote_fingerprints = parameters->fingerprints,
        .remote_fingerprint_count = parameters->fingerprint_count,
        .mtu_bytes = transport->mtu_bytes,
        .srtp_optional = parameters->carries_data_only,
        .key_log = transport->key_log_wanted,
        .allocator = &transport->dtls_allocator,
    };
    transport->dtls = dtls_transport_new(&config, now_us);
    transport->dtls_role = local_role;
    return transport->dtls ? PEER_OK : PEER_ERROR_MEMORY;
}

int peer_transport_restart(struct peer_transport *transport, uint64_t now_us, const char *ufrag, const char *password) {
    return transport->closed ? PEER_ERROR_STATE : peer_transport_from_ice(ice_agent_restart_with(transport->ice, now_us, ufrag, password));
}

int peer_transport_cancel_restart(struct peer_transport *transport, uint64_t now_us) {
    return transport->closed ? PEER_ERROR_STATE : peer_transport_from_ice(ice_agent_cancel_restart(transport->ice, now_us));
}

int peer_transport_add_remote_candidate(struct peer_transport *transport, uint64_t now_us, const struct ice_candidate *candidate) {
    return peer_transport_from_ice(ice_agent_add_remote_candidate(transport->ice, now_us, candidate));
}

int peer_transport_end_of_remote_candidates(struct peer_transport *transport, uint64_t now_us) {
    return peer_transport_from_ice(ice_agent_end_of_remote_candidates(transport->ice, now_us));
}

/* ---- in ---------------------------------------------------------------------------------------------------------------- */

int peer_transport_handle_interfaces(struct peer_transport *transport, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    return peer_transport_from_ice(ice_agent_handle_interfaces(transport->ice, now_us, interfaces, count));
}

int peer_transport_gather(struct peer_transport *transport, uint64_t now_us) {
    return peer_transport_from_ice(ice_agent_gather(transport->ice, now_us));
}

int peer_transport_handle_resolved(struct peer_transport *transport, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count) {
    return peer_transport_from_ice(ice_agent_handle_resolved(transport->ice, now_us, query, addresses, count));
}

int peer_transport_handle_stream_opened(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path) {
    return peer_transport_from_ice(ice_agent_handle_stream_opened(transport->ice, now_us, path));
}

int peer_transport_handle_stream_bytes(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    return peer_transport_from_ice(ice_agent_handle_stream_bytes(transport->ice, now_us, path, bytes, length));
}

int peer_transport_handle_stream_closed(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, int error) {
    return peer_transport_from_ice(ice_agent_handle_stream_closed(transport->ice, now_us, path, error));
}

void peer_transport_handle_send_error(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, int error) {
    ice_agent_handle_send_error(transport->ice, now_us, path, error);
}

void peer_transport_handle_timeout(struct peer_transport *transport, uint64_t now_us) {
    if (transport->closed)
        return;
    ice_agent_handle_timeout(transport->ice, now_us);
    if (transport->dtls) {
        dtls_transport_handle_timeout(transport->dtls, now_us);
        peer_transport_take_dtls_events(transport, now_us);
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
        *out = (struct peer_event){.type = PEER_EVENT_DTLS, .as.dtls = {peer_transport_dtls_state(transport), dtls_transport_failure(transport->dtls)}};
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
    out->dtls_state = peer_transport_dtls_state(transport);
    out->dtls_role = transport->dtls_role;
}

bool peer_transport_handshake(const struct peer_transport *transport, struct peer_handshake *out) {
    struct dtls_fingerprint fingerprint;
    struct dtls_transport_stats stats;
    if (!transport->dtls || transport->statistics.dtls_connected_us == 0 || !dtls_transport_peer_fingerprint(transport->dtls, DTLS_HASH_SHA_256, &fingerprint))
        return false;
    dtls_transport_stats(transport->dtls, &stats);
    *out = (struct peer_handshake){stats.tls_version, stats.dtls_cipher, fingerprint};
    return true;
}

size_t peer_transport_certificate(const struct peer_transport *transport, uint8_t *out, size_t capacity) {
    return transport->dtls && transport->statistics.dtls_connected_us != 0 ? dtls_transport_peer_certificate(transport->dtls, out, capacity) : 0;
}

const struct ice_agent *peer_transport_ice(const struct peer_transport *transport) {
    return transport->ice;
}

const char *peer_transport_state_name(enum peer_transport_state state) {
    static const char *const names[] = {"new", "connecting", "connected", "disconnected", "failed", "closed"};
    assert(state <= PEER_TRANSPORT_CLOSED);
    return names[state];
}
