/*
 * restartIce (W3C webrtc section 4.4.2): which ICE credentials of ours are to be replaced, [[LocalIceCredentialsToReplace]]. They are until a round
 * of offer and answer ends with a description that has none of them, whoever offered it.
 */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

static bool is_listed(const struct peer_connection *connection, struct sdp_view ufrag) {
    for (size_t i = 0; i < connection->replaced_count; i++)
        if (sdp_view_is(ufrag, connection->replaced_ufrags[i]))
            return true;
    return false;
}

/* Those of a local description. There are at most PEER_TRANSPORT_MAX in each of two, and what does not fit is none of ours. */
static void list(struct peer_connection *connection, const struct sdp_session *session) {
    for (size_t i = 0; session && i < session->section_count && connection->replaced_count < PEER_REPLACED_MAX; i++) {
        struct sdp_view ufrag = peer_description_credential(session, i, SDP_ATTRIBUTE_ICE_UFRAG);
        if (ufrag.length == 0 || ufrag.length > ICE_UFRAG_MAX_BYTES || is_listed(connection, ufrag))
            continue;
        char *text = connection->replaced_ufrags[connection->replaced_count++];
        memcpy(text, ufrag.text, ufrag.length);
        text[ufrag.length] = '\0';
    }
}

int peer_connection_restart_ice(struct peer_connection *connection, uint64_t now_us) {
    if (connection->is_closed)
        return peer_problem_set(connection, NULL, PEER_ERROR_STATE, "the signaling state is closed (W3C webrtc section 4.4.2, restartIce): nothing is expected any more");
    connection->now_us = now_us;
    connection->replaced_count = 0;
    list(connection, peer_description_session(&connection->current_local));
    list(connection, peer_description_session(&connection->pending_local));
    peer_transceivers_update_negotiation_needed(connection);
    return PEER_OK;
}

bool peer_restart_is_wanted(const struct peer_connection *connection, size_t section) {
    struct peer_credentials in_force;
    return connection->replaced_count > 0 && peer_transports_credentials(connection, section, &in_force) &&
           is_listed(connection, (struct sdp_view){in_force.ufrag, strlen(in_force.ufrag)});
}

void peer_restart_settle(struct peer_connection *connection) {
    const struct sdp_session *local = peer_description_session(&connection->current_local);
    for (size_t i = 0; i < local->section_count; i++)
        if (is_listed(connection, peer_description_credential(local, i, SDP_ATTRIBUTE_ICE_UFRAG)))
            return;
    connection->replaced_count = 0;
}
