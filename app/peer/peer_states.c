/* The states of RTCPeerConnection: each table of the W3C as one function of the transports' states, and the words. */
#include <assert.h>

#include "app/peer/peer_connection_internal.h"

enum peer_connection_state peer_states_connection(bool is_closed, const struct peer_transport_states *transports, size_t count) {
    bool any_failed = false, any_disconnected = false, all_new = true, all_connected = true;
    for (size_t i = 0; i < count; i++) {
        enum ice_state ice = transports[i].ice;
        enum dtls_transport_state dtls = transports[i].dtls;
        any_failed |= ice == ICE_STATE_FAILED || dtls == DTLS_TRANSPORT_FAILED;
        any_disconnected |= ice == ICE_STATE_DISCONNECTED;
        all_new &= (ice == ICE_STATE_NEW || ice == ICE_STATE_CLOSED) && (dtls == DTLS_TRANSPORT_NEW || dtls == DTLS_TRANSPORT_CLOSED);
        all_connected &= (ice == ICE_STATE_CONNECTED || ice == ICE_STATE_COMPLETED || ice == ICE_STATE_CLOSED) &&
                         (dtls == DTLS_TRANSPORT_CONNECTED || dtls == DTLS_TRANSPORT_CLOSED);
    }
    /* W3C webrtc section 4.3.3: the first row of the table that holds decides. */
    if (is_closed)
        return PEER_CONNECTION_CLOSED;
    if (any_failed)
        return PEER_CONNECTION_FAILED;
    if (any_disconnected)
        return PEER_CONNECTION_DISCONNECTED;
    if (all_new)
        return PEER_CONNECTION_NEW;
    return all_connected ? PEER_CONNECTION_CONNECTED : PEER_CONNECTION_CONNECTING;
}

enum ice_state peer_states_ice_connection(bool is_closed, const struct peer_transport_states *transports, size_t count) {
    bool any_failed = false, any_disconnected = false, any_checking = false;
    bool all_new = true, all_completed = true;
    for (size_t i = 0; i < count; i++) {
        enum ice_state ice = transports[i].ice;
        any_failed |= ice == ICE_STATE_FAILED;
        any_disconnected |= ice == ICE_STATE_DISCONNECTED;
        any_checking |= ice == ICE_STATE_NEW || ice == ICE_STATE_CHECKING;
        all_new &= ice == ICE_STATE_NEW || ice == ICE_STATE_CLOSED;
        all_completed &= ice == ICE_STATE_COMPLETED || ice == ICE_STATE_CLOSED;
    }
    /* W3C webrtc section 4.3.4: the same, for ICE alone. */
    if (is_closed)
        return ICE_STATE_CLOSED;
    if (any_failed)
        return ICE_STATE_FAILED;
    if (any_disconnected)
        return ICE_STATE_DISCONNECTED;
    if (all_new)
        return ICE_STATE_NEW;
    if (any_checking)
        return ICE_STATE_CHECKING;
    return all_completed ? ICE_STATE_COMPLETED : ICE_STATE_CONNECTED;
}

enum ice_gathering_state peer_states_ice_gathering(const struct peer_transport_states *transports, size_t count) {
    bool any_gathering = false, all_complete = count > 0;
    for (size_t i = 0; i < count; i++) {
        any_gathering |= transports[i].gathering == ICE_GATHERING_GATHERING;
        all_complete &= transports[i].gathering == ICE_GATHERING_COMPLETE;
    }
    /* W3C webrtc section 4.3.2. */
    if (any_gathering)
        return ICE_GATHERING_GATHERING;
    return all_complete ? ICE_GATHERING_COMPLETE : ICE_GATHERING_NEW;
}

bool peer_states_signaling_next(enum peer_signaling_state state, bool is_local, enum peer_sdp_type type, enum peer_signaling_state *next) {
    enum peer_signaling_state have_offer = is_local ? PEER_SIGNALING_HAVE_LOCAL_OFFER : PEER_SIGNALING_HAVE_REMOTE_OFFER;
    enum peer_signaling_state other_offer = is_local ? PEER_SIGNALING_HAVE_REMOTE_OFFER : PEER_SIGNALING_HAVE_LOCAL_OFFER;
    enum peer_signaling_state have_pranswer = is_local ? PEER_SIGNALING_HAVE_LOCAL_PRANSWER : PEER_SIGNALING_HAVE_REMOTE_PRANSWER;
    switch (type) {
    /* RFC 9429 section 3.2, figure 2: an offer from stable, or again from the same side ... */
    case PEER_SDP_OFFER:
        *next = have_offer;
        return state == PEER_SIGNALING_STABLE || state == have_offer;
    /* ... answers from the other side, provisional ones as many as you like ... */
    case PEER_SDP_PRANSWER:
        *next = have_pranswer;
        return state == other_offer || state == have_pranswer;
    case PEER_SDP_ANSWER:
        *next = PEER_SIGNALING_STABLE;
        return state == other_offer || state == have_pranswer;
    /* ... and back from an offer, on whichever side it is said; not from a pranswer, by which media flows (W3C webrtc section 4.4.1.5). */
    case PEER_SDP_ROLLBACK:
        *next = PEER_SIGNALING_STABLE;
        return state == PEER_SIGNALING_HAVE_LOCAL_OFFER || state == PEER_SIGNALING_HAVE_REMOTE_OFFER;
    case PEER_SDP_IMPLICIT:
        break;
    }
    return false;
}

/* ---- words ---------------------------------------------------------------------------------------------------------- */

const char *peer_signaling_state_name(enum peer_signaling_state state) {
    static const char *const names[] = {"stable", "have-local-offer", "have-remote-offer", "have-local-pranswer", "have-remote-pranswer", "closed"};
    assert(state <= PEER_SIGNALING_CLOSED);
    return names[state];
}

const char *peer_connection_state_name(enum peer_connection_state state) {
    static const char *const names[] = {"new", "connecting", "connected", "disconnected", "failed", "closed"};
    assert(state <= PEER_CONNECTION_CLOSED);
    return names[state];
}

const char *peer_media_kind_name(enum peer_media_kind kind) {
    return kind == PEER_AUDIO ? "audio" : "video";
}

const char *peer_codec_name(enum peer_codec codec) {
    static const char *const names[] = {"", "opus", "PCMU", "PCMA", "VP8", "VP9", "H264", "AV1"};
    assert(codec < PEER_CODEC_COUNT);
    return names[codec];
}

const char *peer_error_name(int error) {
    switch ((enum peer_error)error) {
    case PEER_OK: return "no error";
    case PEER_ERROR_MALFORMED: return "malformed";
    case PEER_ERROR_UNAUTHENTIC: return "not authentic";
    case PEER_ERROR_ARGUMENT: return "argument out of range";
    case PEER_ERROR_STATE: return "not in this state";
    case PEER_ERROR_BUFFER: return "buffer too small";
    case PEER_ERROR_CAPACITY: return "a capacity is reached";
    case PEER_ERROR_NOT_SUPPORTED: return "not supported";
    case PEER_ERROR_NOT_FOUND: return "no such thing";
    case PEER_ERROR_MEMORY: return "out of memory";
    case PEER_ERROR_CRYPTO: return "the crypto library failed";
    }
    return "unknown error";
}
