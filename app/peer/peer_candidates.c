/*
 * addIceCandidate: candidates of the peer (W3C webrtc section 4.4.2, RFC 8838, RFC 8839, RFC 9429 section 4.1.19). Those of a description
 * that is not in force yet wait for the answer that puts it in force.
 */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

static int refuse(struct peer_connection *connection, int error, const char *rule) {
    return peer_problem_set(connection, NULL, error, rule);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------ */

static int read_init(struct peer_connection *connection, const struct peer_candidate_init *init, struct peer_pending_candidate *out) {
    size_t mid_length = init && init->mid ? init->mid_length : 0, ufrag_length = init && init->ufrag ? init->ufrag_length : 0;
    *out = (struct peer_pending_candidate){.line_index = -1};
    out->is_end = !init || !init->candidate || init->candidate_length == 0;
    if (!init)
        return PEER_OK;
    if (mid_length > PEER_MID_MAX_BYTES)
        return refuse(connection, PEER_ERROR_ARGUMENT, "no section has a mid that long (W3C webrtc section 4.4.2, addIceCandidate)");
    if (ufrag_length > ICE_UFRAG_MAX_BYTES)
        return refuse(connection, PEER_ERROR_NOT_FOUND, "no description has a username fragment that long (RFC 8839 section 5.4)");
    /* W3C webrtc section 4.4.2, addIceCandidate: a candidate says which section it is of; the end may be that of all. */
    if (!out->is_end && mid_length == 0 && init->line_index < 0)
        return refuse(connection, PEER_ERROR_ARGUMENT, "a candidate has sdpMid or sdpMLineIndex (W3C webrtc section 4.4.2, addIceCandidate)");
    if (!out->is_end && ice_candidate_parse(init->candidate, init->candidate_length, &out->candidate, NULL) != ICE_OK)
        return refuse(connection, PEER_ERROR_MALFORMED, "this is not a candidate line (RFC 8839 section 5.1)");
    /* W3C webrtc section 4.8.1, usernameFragment: it stands for the ufrag extension where the line has none. */
    if (ufrag_length > 0 && out->candidate.ufrag[0] == '\0') {
        memcpy(out->candidate.ufrag, init->ufrag, ufrag_length);
        out->candidate.ufrag[ufrag_length] = '\0';
    }
    if (mid_length > 0)
        memcpy(out->mid, init->mid, mid_length);
    out->line_index = init->line_index;
    return PEER_OK;
}

/* ---- which description is it of? ------------------------------------------------------------------------------------------------ */

/* Index of the section that a candidate names, by mid first (RFC 9429 section 3.5.2.1), or -1. */
static int section_of(const struct sdp_session *session, const struct peer_pending_candidate *candidate) {
    if (!session)
        return -1;
    if (candidate->mid[0] == '\0')
        return candidate->line_index >= 0 && (size_t)candidate->line_index < session->section_count ? candidate->line_index : -1;
    const struct sdp_section *section = sdp_session_find_mid(session, (struct sdp_view){candidate->mid, strlen(candidate->mid)});
    return section ? (int)section->index : -1;
}

/* Is it of this section of this description? Without a username fragment it may be. */
static bool is_of(const struct sdp_session *session, int section, const struct peer_pending_candidate *candidate) {
    return section >= 0 && (candidate->candidate.ufrag[0] == '\0' ||
                            sdp_view_is(peer_description_credential(session, (size_t)section, SDP_ATTRIBUTE_ICE_UFRAG), candidate->candidate.ufrag));
}

/* Has the pending remote description other credentials here than are in force? An answer that is set, provisional or not, is in force. */
static bool is_waiting(const struct peer_connection *connection, int section) {
    const struct sdp_session *pending = peer_description_session(&connection->pending_remote), *current = peer_description_session(&connection->current_remote);
    if (connection->signaling_state != PEER_SIGNALING_HAVE_REMOTE_OFFER)
        return false;
    return !current || (size_t)section >= current->section_count || !peer_description_is_live(&connection->current_remote, (size_t)section) ||
           peer_description_restarts(pending, (size_t)section, current, peer_description_carrier(connection, (size_t)section));
}

/* ---- giving ----------------------------------------------------------------------------------------------------------------------- */

static int keep(struct peer_connection *connection, const struct peer_pending_candidate *candidate) {
    if (connection->pending_count == PEER_PENDING_CANDIDATE_MAX)
        return refuse(connection, PEER_ERROR_CAPACITY, "PEER_PENDING_CANDIDATE_MAX candidates wait for their description");
    if (!connection->pending)
        connection->pending = peer_connection_allocate(connection, PEER_PENDING_CANDIDATE_MAX * sizeof *connection->pending);
    if (!connection->pending)
        return refuse(connection, PEER_ERROR_MEMORY, "out of memory");
    connection->pending[connection->pending_count++] = *candidate;
    return PEER_OK;
}

static int give(struct peer_connection *connection, uint64_t now_us, size_t section, const struct peer_pending_candidate *candidate) {
    int error = peer_transports_add_candidate(connection, now_us, section, candidate->is_end ? NULL : &candidate->candidate);
    /* The description has this username fragment, the agent not any more, or not yet: a restart is between the two. */
    if (error == PEER_ERROR_STATE)
        return refuse(connection, PEER_ERROR_NOT_FOUND, "the username fragment is not that of the ICE generation in force (W3C webrtc section 4.4.2, addIceCandidate)");
    return error == PEER_OK ? PEER_OK : refuse(connection, error, "ICE did not take the candidate: its address, transport or number is one that is never sent to");
}

/* The end of all candidates: of every section that is in force. */
static int give_end(struct peer_connection *connection, uint64_t now_us) {
    const struct sdp_session *remote = peer_description_remote(connection);
    struct peer_pending_candidate end = {.is_end = true, .line_index = -1};
    int error = PEER_OK;
    for (size_t i = 0; i < remote->section_count && error == PEER_OK; i++)
        if (peer_transports_of_section(connection, i))
            error = give(connection, now_us, i, &end);
    return error;
}

static int take(struct peer_connection *connection, uint64_t now_us, const struct peer_pending_candidate *candidate) {
    const struct sdp_session *pending = peer_description_session(&connection->pending_remote), *current = peer_description_session(&connection->current_remote);
    enum peer_signaling_state state = connection->signaling_state;
    bool names_section = candidate->mid[0] != '\0' || candidate->line_index >= 0;
    int of_pending = section_of(pending, candidate), of_current = section_of(current, candidate);
    if (!names_section)
        return state == PEER_SIGNALING_HAVE_REMOTE_OFFER ? keep(connection, candidate) : give_end(connection, now_us);
    if (is_of(pending, of_pending, candidate))
        return is_waiting(connection, of_pending) ? keep(connection, candidate) : give(connection, now_us, (size_t)of_pending, candidate);
    if (is_of(current, of_current, candidate) || (of_current >= 0 && is_of(current, (int)peer_description_carrier(connection, (size_t)of_current), candidate)))
        return give(connection, now_us, (size_t)of_current, candidate);
    /* Of an answer that is still on its way: signaling channels reorder. */
    if (state == PEER_SIGNALING_HAVE_LOCAL_OFFER)
        return keep(connection, candidate);
    if (of_pending < 0 && of_current < 0)
        return refuse(connection, PEER_ERROR_ARGUMENT, "the remote description has no such section (W3C webrtc section 4.4.2, addIceCandidate)");
    return refuse(connection, PEER_ERROR_NOT_FOUND, "no remote description has this username fragment (W3C webrtc section 4.4.2, addIceCandidate)");
}

int peer_connection_add_ice_candidate(struct peer_connection *connection, uint64_t now_us, const struct peer_candidate_init *init) {
    if (connection->is_closed)
        return refuse(connection, PEER_ERROR_STATE, "the signaling state is closed (W3C webrtc section 4.4.2, addIceCandidate): nothing is expected any more");
    connection->now_us = now_us;
    struct peer_pending_candidate candidate;
    int error = read_init(connection, init, &candidate);
    if (error != PEER_OK)
        return error;
    return peer_description_remote(connection) ? take(connection, now_us, &candidate) : keep(connection, &candidate);
}

/* ---- when an answer has been set ---------------------------------------------------------------------------------------------------- */

/* One bad candidate spoils no other: only what is fatal is an error here. */
static bool is_fatal(int error) {
    return error == PEER_ERROR_MEMORY || error == PEER_ERROR_CRYPTO;
}

static int take_candidates(struct peer_connection *connection, uint64_t now_us, const struct sdp_session *remote, size_t section) {
    struct sdp_walk walk = sdp_walk_section(&remote->sections[section]);
    struct sdp_view line;
    int error = PEER_OK;
    while (!is_fatal(error) && sdp_walk_candidate(&walk, &line)) {
        struct ice_candidate candidate;
        if (ice_candidate_parse(line.text, line.length, &candidate, NULL) == ICE_OK)
            error = peer_transports_add_candidate(connection, now_us, section, &candidate);
    }
    return error;
}

static int take_end(struct peer_connection *connection, uint64_t now_us, const struct sdp_session *remote, size_t section) {
    struct sdp_attribute end;
    if (!sdp_find(remote, &remote->sections[section], SDP_ATTRIBUTE_END_OF_CANDIDATES, &end))
        return PEER_OK;
    return peer_transports_add_candidate(connection, now_us, section, NULL);
}

int peer_candidates_take(struct peer_connection *connection, uint64_t now_us) {
    const struct sdp_session *remote = peer_description_remote(connection);
    struct peer_pending_candidate *waiting = connection->pending;
    size_t count = connection->pending_count;
    int error = PEER_OK;
    connection->pending = NULL;
    connection->pending_count = 0;
    for (size_t i = 0; !is_fatal(error) && i < remote->section_count; i++)
        if (peer_transports_of_section(connection, i))
            error = take_candidates(connection, now_us, remote, i);
    for (size_t i = 0; !is_fatal(error) && i < count; i++)
        error = take(connection, now_us, &waiting[i]);
    for (size_t i = 0; !is_fatal(error) && i < remote->section_count; i++)
        if (peer_transports_of_section(connection, i))
            error = take_end(connection, now_us, remote, i);
    peer_connection_release(connection, waiting);
    return is_fatal(error) ? error : PEER_OK;
}
