/* addIceCandidate: candidates of the peer, before and after its description (RFC 8838, RFC 8839, RFC 9429 section 4.1.19). */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

static bool is_text(const char *text, size_t length, struct sdp_view view) {
    return length == view.length && memcmp(text, view.text, length) == 0;
}

/* Index of the section that a candidate names, by mid first (RFC 9429 section 3.5.2.1), or -1. */
static int section_of(const struct sdp_session *remote, const char *mid, size_t mid_length, int line_index) {
    if (mid_length == 0)
        return line_index >= 0 && (size_t)line_index < remote->section_count ? line_index : -1;
    const struct sdp_section *section = sdp_session_find_mid(remote, (struct sdp_view){mid, mid_length});
    return section ? (int)section->index : -1;
}

/* A candidate whose section is known to exist; the remote description is set. */
static int give_to_ice(struct peer_connection *connection, uint64_t now_us, const struct ice_candidate *candidate, int section) {
    /* RFC 9143 section 7.3.2: only the section whose address was taken for the bundle has candidates that count. */
    if (section >= 0 && (size_t)section != connection->transport_section)
        return PEER_OK;
    struct sdp_attribute ufrag;
    const struct sdp_session *remote = &connection->remote.sdp->session;
    bool has_ufrag = sdp_find(remote, &remote->sections[connection->transport_section], SDP_ATTRIBUTE_ICE_UFRAG, &ufrag);
    /* W3C webrtc section 4.4.2, addIceCandidate: a username fragment of no description is an OperationError. */
    if (candidate->ufrag[0] != '\0' && has_ufrag && !is_text(candidate->ufrag, strlen(candidate->ufrag), ufrag.value))
        return PEER_ERROR_NOT_FOUND;
    return peer_transport_add_remote_candidate(connection->transports[0], now_us, candidate);
}

static int keep(struct peer_connection *connection, const struct peer_pending_candidate *candidate) {
    if (connection->pending_count == PEER_PENDING_CANDIDATE_MAX)
        return PEER_ERROR_CAPACITY;
    if (!connection->pending)
        connection->pending = peer_connection_allocate(connection, PEER_PENDING_CANDIDATE_MAX * sizeof *connection->pending);
    if (!connection->pending)
        return PEER_ERROR_MEMORY;
    connection->pending[connection->pending_count++] = *candidate;
    return PEER_OK;
}

static int read_init(const struct peer_candidate_init *init, struct peer_pending_candidate *out) {
    *out = (struct peer_pending_candidate){.line_index = -1};
    if (!init) {
        out->is_end = true;
        return PEER_OK;
    }
    if (init->mid_length > PEER_MID_MAX_BYTES || init->ufrag_length > ICE_UFRAG_MAX_BYTES)
        return PEER_ERROR_ARGUMENT;
    out->is_end = init->candidate_length == 0;
    if (!out->is_end && ice_candidate_parse(init->candidate, init->candidate_length, &out->candidate, NULL) != ICE_OK)
        return PEER_ERROR_MALFORMED;
    /* W3C webrtc section 4.8.1, usernameFragment: it stands for the ufrag extension where the line has none. */
    if (init->ufrag_length > 0 && out->candidate.ufrag[0] == '\0') {
        memcpy(out->candidate.ufrag, init->ufrag, init->ufrag_length);
        out->candidate.ufrag[init->ufrag_length] = '\0';
    }
    if (init->mid_length > 0)
        memcpy(out->mid, init->mid, init->mid_length);
    out->line_index = init->line_index;
    return PEER_OK;
}

static int take(struct peer_connection *connection, uint64_t now_us, const struct peer_pending_candidate *candidate) {
    int section = section_of(&connection->remote.sdp->session, candidate->mid, strlen(candidate->mid), candidate->line_index);
    bool names_section = candidate->mid[0] != '\0' || candidate->line_index >= 0;
    if (names_section && section < 0)
        return PEER_ERROR_ARGUMENT;
    if (!candidate->is_end)
        return names_section ? give_to_ice(connection, now_us, &candidate->candidate, section) : PEER_ERROR_ARGUMENT;
    if (names_section && (size_t)section != connection->transport_section)
        return PEER_OK;
    return peer_transport_end_of_remote_candidates(connection->transports[0], now_us);
}

int peer_connection_add_ice_candidate(struct peer_connection *connection, uint64_t now_us, const struct peer_candidate_init *init) {
    if (connection->is_closed)
        return PEER_ERROR_STATE;
    connection->now_us = now_us;
    struct peer_pending_candidate candidate;
    int error = read_init(init, &candidate);
    if (error != PEER_OK)
        return error;
    return connection->remote.sdp ? take(connection, now_us, &candidate) : keep(connection, &candidate);
}

/* One bad candidate spoils no other: only what is fatal is an error here. */
static bool is_fatal(int error) {
    return error == PEER_ERROR_MEMORY || error == PEER_ERROR_CRYPTO;
}

int peer_candidates_take(struct peer_connection *connection, uint64_t now_us) {
    const struct sdp_session *remote = &connection->remote.sdp->session;
    const struct sdp_section *section = &remote->sections[connection->transport_section];
    struct sdp_walk walk = sdp_walk_section(section);
    struct sdp_view line;
    int error = PEER_OK;
    while (!is_fatal(error) && sdp_walk_candidate(&walk, &line)) {
        struct ice_candidate candidate;
        if (ice_candidate_parse(line.text, line.length, &candidate, NULL) == ICE_OK)
            error = give_to_ice(connection, now_us, &candidate, (int)section->index);
    }
    for (size_t i = 0; !is_fatal(error) && i < connection->pending_count; i++)
        error = take(connection, now_us, &connection->pending[i]);
    connection->pending_count = 0;
    peer_connection_release(connection, connection->pending);
    connection->pending = NULL;
    if (is_fatal(error))
        return error;
    struct sdp_attribute end;
    if (sdp_find(remote, section, SDP_ATTRIBUTE_END_OF_CANDIDATES, &end))
        error = peer_transport_end_of_remote_candidates(connection->transports[0], now_us);
    return is_fatal(error) ? error : PEER_OK;
}
