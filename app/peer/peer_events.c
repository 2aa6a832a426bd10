/* What happened below, in the words of the W3C. Nothing is queued here: flags say what has not been told yet. */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- flags of our own -------------------------------------------------------------------------------------------------- */

static bool take(bool *flag) {
    bool was_set = *flag;
    *flag = false;
    return was_set;
}

static bool poll_track(struct peer_connection *connection, struct peer_connection_event *out) {
    for (size_t i = 0; i < connection->transceiver_count; i++) {
        const struct peer_transceiver *facts = &connection->transceivers[i].facts;
        if (!take(&connection->transceivers[i].track_pending))
            continue;
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_TRACK, .as.track = {i, facts->kind, facts->codec}};
        return true;
    }
    return false;
}

static bool poll_signaling(struct peer_connection *connection, struct peer_connection_event *out) {
    /* W3C webrtc section 4.7.3: negotiation is needed, and asked for, only while nothing else is under way. */
    if (connection->signaling_state == PEER_SIGNALING_STABLE && take(&connection->negotiation_needed_pending)) {
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_NEGOTIATION_NEEDED};
        return true;
    }
    if (take(&connection->signaling_state_pending)) {
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_SIGNALING_STATE, .as.signaling_state = connection->signaling_state};
        return true;
    }
    return poll_track(connection, out);
}

/* ---- ICE ------------------------------------------------------------------------------------------------------------------ */

static bool tell_candidate(struct peer_connection *connection, size_t transport, const struct ice_candidate *candidate, struct peer_connection_event *out) {
    struct peer_transport_parameters parameters;
    peer_transport_local_parameters(connection->transports[transport], &parameters);
    memcpy(connection->candidate_ufrag, parameters.ufrag, parameters.ufrag_length);
    connection->candidate_ufrag[parameters.ufrag_length] = '\0';
    connection->candidate_text[0] = '\0';
    /* RFC 8838 section 13: a candidate says by its ufrag which generation it is of. */
    if (candidate && ice_candidate_write(candidate, connection->candidate_text, sizeof connection->candidate_text) == 0)
        return false;
    /* RFC 9143 section 7.2: candidates go with the section whose transport the bundle uses. */
    int line_index = (int)connection->transport_section;
    const char *mid = "";
    for (size_t i = 0; i < connection->transceiver_count; i++)
        if (connection->transceivers[i].section == line_index)
            mid = connection->transceivers[i].facts.mid;
    *out = (struct peer_connection_event){
        .type = PEER_CONNECTION_EVENT_ICE_CANDIDATE,
        .as.ice_candidate = {connection->candidate_text, mid, line_index, connection->candidate_ufrag, candidate},
    };
    return true;
}

static void fail(struct peer_connection *connection, struct peer_failure failure) {
    connection->failure = failure;
    connection->failure_pending = true;
}

/* False: nothing to tell yet; the state tables may have changed. */
static bool translate_ice(struct peer_connection *connection, size_t transport, const struct ice_event *event, struct peer_connection_event *out) {
    struct peer_transport_states *states = &connection->transport_states[transport];
    switch (event->type) {
    case ICE_EVENT_GATHERING_STATE:
        states->gathering = event->as.gathering_state;
        /* W3C webrtc section 4.3.2: end of candidates is told as a candidate that is empty, before the state. */
        connection->end_of_candidates_pending |= states->gathering == ICE_GATHERING_COMPLETE;
        return false;
    case ICE_EVENT_CANDIDATE:
        return tell_candidate(connection, transport, event->as.candidate, out);
    case ICE_EVENT_STATE:
        states->ice = event->as.state.state;
        if (states->ice == ICE_STATE_FAILED)
            fail(connection, (struct peer_failure){.layer = PEER_LAYER_ICE, .ice = event->as.state.failure});
        return false;
    case ICE_EVENT_SELECTED_PAIR:
        *out = (struct peer_connection_event){
            .type = PEER_CONNECTION_EVENT_SELECTED_PAIR,
            .as.selected_pair = {event->as.selected_pair.local, event->as.selected_pair.remote},
        };
        return true;
    case ICE_EVENT_RESOLVE:
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_RESOLVE, .as.resolve = {event->as.resolve.query, event->as.resolve.name}};
        return true;
    case ICE_EVENT_OPEN_STREAM:
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_OPEN_STREAM};
        out->as.stream.path = event->as.stream.path;
        out->as.stream.server_name = event->as.stream.server_name;
        return true;
    case ICE_EVENT_CLOSE_STREAM:
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_CLOSE_STREAM};
        out->as.stream.path = event->as.stream.path;
        out->as.stream.server_name = event->as.stream.server_name;
        return true;
    case ICE_EVENT_RESTART_NEEDED:
        (void)peer_connection_restart_ice(connection, connection->now_us);
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_ICE_RESTART_NEEDED, .as.restart_reason = event->as.restart_reason};
        return true;
    case ICE_EVENT_ROLE:
        return false; /* it stands in the statistics */
    }
    return false;
}

/* ---- a transport ---------------------------------------------------------------------------------------------------------- */

static void take_dtls(struct peer_connection *connection, size_t transport, const struct peer_event *event) {
    enum dtls_transport_state state = event->as.dtls.state;
    connection->transport_states[transport].dtls = state;
    connection->dtls_pending = true;
    if (state == DTLS_TRANSPORT_FAILED)
        fail(connection, (struct peer_failure){.layer = PEER_LAYER_DTLS, .dtls = event->as.dtls.failure});
    if (state == DTLS_TRANSPORT_CLOSED)
        connection->closed_by_peer_pending = true;
}

static bool translate(struct peer_connection *connection, size_t transport, const struct peer_event *event, struct peer_connection_event *out) {
    switch (event->type) {
    case PEER_EVENT_ICE:
        return translate_ice(connection, transport, &event->as.ice, out);
    case PEER_EVENT_DTLS:
        take_dtls(connection, transport, event);
        return false;
    case PEER_EVENT_STATE:
        return false; /* the tables of the W3C ask ICE and DTLS themselves */
    case PEER_EVENT_KEY_LOG:
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_KEY_LOG, .as.key_log = {event->as.key_log.line, event->as.key_log.length}};
        return true;
    }
    return false;
}

/* ---- what the tables make of it --------------------------------------------------------------------------------------------- */

static bool poll_gathering(struct peer_connection *connection, struct peer_connection_event *out) {
    if (take(&connection->end_of_candidates_pending))
        return tell_candidate(connection, 0, NULL, out);
    enum ice_gathering_state gathering = peer_states_ice_gathering(connection->transport_states, connection->transport_count);
    if (gathering == connection->ice_gathering_state)
        return false;
    connection->ice_gathering_state = gathering;
    *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_ICE_GATHERING_STATE, .as.ice_gathering_state = gathering};
    return true;
}

static bool poll_states(struct peer_connection *connection, struct peer_connection_event *out) {
    const struct peer_transport_states *transports = connection->transport_states;
    enum ice_state ice = peer_states_ice_connection(false, transports, connection->transport_count);
    if (ice != connection->ice_connection_state) {
        connection->ice_connection_state = ice;
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_ICE_CONNECTION_STATE, .as.ice_connection_state = ice};
        return true;
    }
    if (take(&connection->dtls_pending)) {
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_DTLS_STATE, .as.dtls_state = transports[0].dtls};
        return true;
    }
    if (take(&connection->failure_pending)) {
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_FAILURE, .as.failure = connection->failure};
        return true;
    }
    enum peer_connection_state state = peer_states_connection(false, transports, connection->transport_count);
    if (state != connection->state) {
        connection->state = state;
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_CONNECTION_STATE, .as.connection_state = state};
        return true;
    }
    return false;
}

bool peer_connection_poll_event(struct peer_connection *connection, struct peer_connection_event *out) {
    if (connection->is_closed)
        return false;
    if (poll_signaling(connection, out))
        return true;
    for (size_t i = 0; i < connection->transport_count; i++) {
        struct peer_event event;
        while (peer_transport_poll_event(connection->transports[i], &event))
            if (translate(connection, i, &event, out))
                return true;
    }
    if (poll_gathering(connection, out) || poll_states(connection, out))
        return true;
    if (peer_media_poll_event(connection, out))
        return true;
    /* Last: frames that came before the peer's goodbye are told before it. */
    if (take(&connection->closed_by_peer_pending)) {
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_CLOSED_BY_PEER};
        return true;
    }
    return false;
}
