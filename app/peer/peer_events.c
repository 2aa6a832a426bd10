/* What happened below, in the words of the W3C. Nothing is queued here: flags say what has not been told yet. */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- flags of our own -------------------------------------------------------------------------------------------------- */

static bool take(bool *flag) {
    bool was_set = *flag;
    *flag = false;
    return was_set;
}

static bool poll_tracks(struct peer_connection *connection, struct peer_connection_event *out) {
    for (size_t i = 0; i < connection->transceiver_count; i++) {
        struct peer_transceiver_entry *entry = connection->transceivers[i];
        if (!entry)
            continue;
        if (take(&entry->muted_pending)) {
            *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_TRACK_MUTED, .as.transceiver = i};
            return true;
        }
        if (take(&entry->track_pending)) {
            *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_TRACK, .as.track = {i, entry->facts.kind, entry->facts.codec, entry->remote_stream}};
            return true;
        }
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
    return poll_tracks(connection, out);
}

/* ---- ICE ------------------------------------------------------------------------------------------------------------------ */

/* RFC 9143 section 7.1.3: candidates go with the section whose transport the bundle uses. */
static const char *mid_of_section(struct peer_connection *connection, size_t section) {
    const struct sdp_session *local = peer_description_local(connection);
    connection->candidate_mid[0] = '\0';
    struct sdp_view mid = local && section < local->section_count ? local->sections[section].mid : (struct sdp_view){NULL, 0};
    if (mid.length > 0 && mid.length <= PEER_MID_MAX_BYTES) { /* a peer that knows no mids has been answered without */
        memcpy(connection->candidate_mid, mid.text, mid.length);
        connection->candidate_mid[mid.length] = '\0';
    }
    return connection->candidate_mid;
}

/* NULL: the end of them. */
static bool tell_candidate(struct peer_connection *connection, const struct peer_transport_entry *entry, const struct ice_candidate *candidate,
                           struct peer_connection_event *out) {
    struct peer_transport_parameters ours;
    peer_transport_local_parameters(entry->transport, &ours);
    /* RFC 8838 sections 9 and 13: a candidate, and the end of them, say by the ufrag which generation they are of. */
    memcpy(connection->candidate_ufrag, ours.ufrag, ours.ufrag_length);
    connection->candidate_ufrag[ours.ufrag_length] = '\0';
    connection->candidate_text[0] = '\0';
    if (candidate && ice_candidate_write(candidate, connection->candidate_text, sizeof connection->candidate_text) == 0)
        return false;
    *out = (struct peer_connection_event){
        .type = PEER_CONNECTION_EVENT_ICE_CANDIDATE,
        .as.ice_candidate = {connection->candidate_text, mid_of_section(connection, entry->section), (int)entry->section, connection->candidate_ufrag, candidate},
    };
    return true;
}

static void fail(struct peer_connection *connection, struct peer_failure failure) {
    connection->failure = failure;
    connection->failure_pending = true;
}

static bool tell_stream(enum peer_connection_event_type type, const struct ice_event *event, struct peer_connection_event *out) {
    *out = (struct peer_connection_event){.type = type};
    out->as.stream.path = event->as.stream.path;
    out->as.stream.server_name = event->as.stream.server_name;
    return true;
}

/* False: nothing to tell yet; the state tables may have changed. */
static bool translate_ice(struct peer_connection *connection, struct peer_transport_entry *entry, const struct ice_event *event, struct peer_connection_event *out) {
    switch (event->type) {
    case ICE_EVENT_GATHERING_STATE:
        entry->states.gathering = event->as.gathering_state;
        /* W3C webrtc section 4.3.2: end of candidates is told as a candidate that is empty, before the state. */
        entry->end_of_candidates_pending = entry->states.gathering == ICE_GATHERING_COMPLETE;
        return false;
    case ICE_EVENT_CANDIDATE:
        return tell_candidate(connection, entry, event->as.candidate, out);
    case ICE_EVENT_STATE:
        entry->states.ice = event->as.state.state;
        if (entry->states.ice == ICE_STATE_FAILED)
            fail(connection, (struct peer_failure){.layer = PEER_LAYER_ICE, .ice = event->as.state.failure});
        return false;
    case ICE_EVENT_SELECTED_PAIR:
        if (entry->selected_pair_changes++ > 0)
            peer_channels_path_changed(connection, connection->now_us, entry);
        if (event->as.selected_pair.restarted)
            peer_media_handle_restarted(connection, entry);
        *out = (struct peer_connection_event){
            .type = PEER_CONNECTION_EVENT_SELECTED_PAIR,
            .as.selected_pair = {event->as.selected_pair.local, event->as.selected_pair.remote},
        };
        return true;
    case ICE_EVENT_RESOLVE:
        *out = (struct peer_connection_event){
            .type = PEER_CONNECTION_EVENT_RESOLVE,
            .as.resolve = {(uint64_t)entry->serial << 32 | event->as.resolve.query, event->as.resolve.name},
        };
        return true;
    case ICE_EVENT_OPEN_STREAM:
        return tell_stream(PEER_CONNECTION_EVENT_OPEN_STREAM, event, out);
    case ICE_EVENT_CLOSE_STREAM:
        return tell_stream(PEER_CONNECTION_EVENT_CLOSE_STREAM, event, out);
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

/* RFC 9429 section 5.11: a transport that nobody uses says goodbye, too. The peer has gone when no other is left. */
static bool have_all_closed(const struct peer_connection *connection) {
    const struct peer_transport_entry *entry;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++)
        if (entry->states.dtls != DTLS_TRANSPORT_CLOSED)
            return false;
    return true;
}

static void take_dtls(struct peer_connection *connection, struct peer_transport_entry *entry, const struct peer_event *event) {
    entry->states.dtls = event->as.dtls.state;
    entry->dtls_pending = true;
    if (entry->states.dtls == DTLS_TRANSPORT_FAILED)
        fail(connection, (struct peer_failure){.layer = PEER_LAYER_DTLS, .dtls = event->as.dtls.failure});
    if (entry->states.dtls == DTLS_TRANSPORT_CLOSED && have_all_closed(connection))
        connection->closed_by_peer_pending = true;
}

static bool translate(struct peer_connection *connection, struct peer_transport_entry *entry, const struct peer_event *event, struct peer_connection_event *out) {
    switch (event->type) {
    case PEER_EVENT_ICE:
        return translate_ice(connection, entry, &event->as.ice, out);
    case PEER_EVENT_DTLS:
        take_dtls(connection, entry, event);
        return false;
    case PEER_EVENT_STATE:
        return false; /* the tables of the W3C ask ICE and DTLS themselves */
    case PEER_EVENT_KEY_LOG:
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_KEY_LOG, .as.key_log = {event->as.key_log.line, event->as.key_log.length}};
        return true;
    }
    return false;
}

/* Of one that is leaving, only its streams are news: they are to be closed. */
static bool poll_leaving(struct peer_connection *connection, size_t index, struct peer_connection_event *out) {
    struct peer_transport_entry *entry = connection->transports[index];
    struct peer_event event;
    while (peer_transport_poll_event(entry->leaving, &event))
        if (event.type == PEER_EVENT_ICE && event.as.ice.type == ICE_EVENT_CLOSE_STREAM)
            return tell_stream(PEER_CONNECTION_EVENT_CLOSE_STREAM, &event.as.ice, out);
    if (entry->has_left)
        peer_transports_vacate(connection, index);
    return false;
}

static bool poll_sockets(struct peer_connection *connection, struct peer_connection_event *out) {
    for (size_t i = 0; i < connection->transport_end; i++) {
        struct peer_transport_entry *entry = connection->transports[i];
        if (!entry)
            continue;
        bool is_free = take(&entry->sockets_free_pending);
        if (!is_free && !take(&entry->sockets_needed_pending))
            continue;
        entry->sockets_asked = !is_free;
        *out = (struct peer_connection_event){.type = is_free ? PEER_CONNECTION_EVENT_SOCKETS_FREE : PEER_CONNECTION_EVENT_SOCKETS_NEEDED, .as.transport = i};
        return true;
    }
    return false;
}

bool peer_events_poll_transports(struct peer_connection *connection, struct peer_connection_event *out) {
    struct peer_transport_entry *entry;
    struct peer_event event;
    for (size_t i = 0; i < connection->transport_end; i++)
        if (connection->transports[i] && connection->transports[i]->leaving && poll_leaving(connection, i, out))
            return true;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++) {
        while (peer_transport_poll_event(entry->transport, &event))
            if (translate(connection, entry, &event, out))
                return true;
        if (take(&entry->end_of_candidates_pending))
            return tell_candidate(connection, entry, NULL, out);
    }
    return poll_sockets(connection, out);
}

/* ---- what the tables make of it --------------------------------------------------------------------------------------------- */

static size_t collect(const struct peer_connection *connection, struct peer_transport_states *states) {
    const struct peer_transport_entry *entry;
    size_t count = 0;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++)
        states[count++] = entry->states;
    return count;
}

static bool poll_dtls(struct peer_connection *connection, struct peer_connection_event *out) {
    struct peer_transport_entry *entry;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++) {
        if (!take(&entry->dtls_pending))
            continue;
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_DTLS_STATE, .as.dtls_state = entry->states.dtls};
        return true;
    }
    return false;
}

static bool poll_states(struct peer_connection *connection, struct peer_connection_event *out) {
    struct peer_transport_states states[PEER_TRANSPORT_MAX];
    size_t count = collect(connection, states);
    enum ice_gathering_state gathering = peer_states_ice_gathering(states, count);
    if (gathering != connection->ice_gathering_state) {
        connection->ice_gathering_state = gathering;
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_ICE_GATHERING_STATE, .as.ice_gathering_state = gathering};
        return true;
    }
    enum ice_state ice = peer_states_ice_connection(false, states, count);
    if (ice != connection->ice_connection_state) {
        connection->ice_connection_state = ice;
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_ICE_CONNECTION_STATE, .as.ice_connection_state = ice};
        return true;
    }
    if (poll_dtls(connection, out))
        return true;
    if (take(&connection->failure_pending)) {
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_FAILURE, .as.failure = connection->failure};
        return true;
    }
    enum peer_connection_state state = peer_states_connection(false, states, count);
    if (state == connection->state)
        return false;
    connection->state = state;
    *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_CONNECTION_STATE, .as.connection_state = state};
    return true;
}

bool peer_connection_poll_event(struct peer_connection *connection, struct peer_connection_event *out) {
    if (connection->is_closed)
        return false;
    if (poll_signaling(connection, out) || peer_events_poll_transports(connection, out) || poll_states(connection, out))
        return true;
    if (peer_media_poll_event(connection, out) || peer_channels_poll_event(connection, out))
        return true;
    /* Last: frames and messages that came before the peer's goodbye are told before it. */
    if (take(&connection->closed_by_peer_pending)) {
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_CLOSED_BY_PEER};
        return true;
    }
    return false;
}
