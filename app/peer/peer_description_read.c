/* Reading the descriptions that are set: what is in them, and how they are handed out (RFC 9429 sections 4.1.14 to 4.1.17). */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

const struct sdp_session *peer_description_session(const struct peer_description *description) {
    return description->sdp ? &description->sdp->session : NULL;
}

const struct sdp_session *peer_description_local(const struct peer_connection *connection) {
    return peer_description_session(connection->pending_local.sdp ? &connection->pending_local : &connection->current_local);
}

const struct sdp_session *peer_description_remote(const struct peer_connection *connection) {
    return peer_description_session(connection->pending_remote.sdp ? &connection->pending_remote : &connection->current_remote);
}

bool peer_description_is_live(const struct peer_description *description, size_t section) {
    const struct sdp_session *session = peer_description_session(description);
    return session && section < session->section_count && sdp_section_is_offered(session, &session->sections[section]);
}

struct sdp_view peer_description_credential(const struct sdp_session *session, size_t section, enum sdp_attribute_kind kind) {
    const struct sdp_section *at = section < session->section_count ? &session->sections[section] : NULL;
    struct sdp_attribute found;
    struct sdp_view tagged;
    if (at && sdp_find(session, at, kind, &found))
        return found.value;
    if (at && sdp_session_bundles(session, at->mid, &tagged) && (at = sdp_session_find_mid(session, tagged)) && sdp_find(session, at, kind, &found))
        return found.value;
    return (struct sdp_view){NULL, 0};
}

size_t peer_description_carrier(const struct peer_connection *connection, size_t section) {
    const struct peer_description *last = connection->current_local.type == PEER_SDP_ANSWER ? &connection->current_local : &connection->current_remote;
    const struct sdp_session *answer = peer_description_session(last);
    size_t tagged[SDP_SECTION_MAX];
    if (!answer || section >= answer->section_count)
        return section;
    sdp_bundle_tags(answer, tagged);
    return tagged[section];
}

bool peer_description_restarts(const struct sdp_session *session, size_t section, const struct sdp_session *old, size_t old_section) {
    static const enum sdp_attribute_kind credentials[] = {SDP_ATTRIBUTE_ICE_UFRAG, SDP_ATTRIBUTE_ICE_PWD};
    for (size_t i = 0; i < 2; i++)
        if (!sdp_view_equal(peer_description_credential(session, section, credentials[i]), peer_description_credential(old, old_section, credentials[i])))
            return true;
    return false;
}

/* ---- handing out --------------------------------------------------------------------------------------------------------- */

/* A text of which, when it does not fit, only the length is known. */
struct out {
    char *text;
    size_t capacity, length;
};

static void put(struct out *out, const char *text, size_t length) {
    if (length > 0 && out->length < out->capacity && length <= out->capacity - out->length)
        memcpy(out->text + out->length, text, length);
    out->length += length;
}

static void put_string(struct out *out, const char *text) {
    put(out, text, strlen(text));
}

/* The transport whose candidates belong to this section of this description, and are not of another generation. */
static const struct peer_transport_entry *transport_of(const struct peer_connection *connection, const struct sdp_session *session, size_t section) {
    const struct peer_transport_entry *entry = peer_transports_of_section(connection, section);
    struct sdp_attribute ufrag;
    if (!entry || !entry->transport || entry->section != section || !sdp_find(session, &session->sections[section], SDP_ATTRIBUTE_ICE_UFRAG, &ufrag))
        return NULL;
    return sdp_view_is(ufrag.value, ice_agent_local_ufrag(peer_transport_ice(entry->transport))) ? entry : NULL;
}

/* RFC 9429 section 5.2.2, MUST: the candidates that there are so far, and that nothing follows when nothing does (W3C webrtc section 4.4.2, currentLocalDescription). */
static void put_candidates(struct out *out, const struct peer_transport_entry *entry) {
    const struct ice_agent *agent = peer_transport_ice(entry->transport);
    char text[ICE_CANDIDATE_TEXT_BYTES];
    for (size_t i = 0; i < ice_agent_local_candidate_count(agent); i++) {
        if (ice_candidate_write(ice_agent_local_candidate(agent, i), text, sizeof text) == 0)
            continue;
        put_string(out, "a=");
        put_string(out, text);
        put_string(out, "\r\n");
    }
    if (entry->states.gathering == ICE_GATHERING_COMPLETE)
        put_string(out, "a=end-of-candidates\r\n");
}

static void put_local(struct out *out, const struct peer_connection *connection, const struct sdp_session *session) {
    put(out, session->header.text, session->header.length);
    for (size_t i = 0; i < session->section_count; i++) {
        const struct peer_transport_entry *entry = transport_of(connection, session, i);
        put(out, session->sections[i].text.text, session->sections[i].text.length);
        if (entry)
            put_candidates(out, entry);
    }
}

int peer_connection_description(const struct peer_connection *connection, enum peer_description_which which, enum peer_sdp_type *type, char *text,
                                size_t capacity, size_t *length) {
    const struct peer_description *const all[] = {
        [PEER_LOCAL] = connection->pending_local.sdp ? &connection->pending_local : &connection->current_local,
        [PEER_REMOTE] = connection->pending_remote.sdp ? &connection->pending_remote : &connection->current_remote,
        [PEER_CURRENT_LOCAL] = &connection->current_local,
        [PEER_PENDING_LOCAL] = &connection->pending_local,
        [PEER_CURRENT_REMOTE] = &connection->current_remote,
        [PEER_PENDING_REMOTE] = &connection->pending_remote,
    };
    const struct sdp_session *session = (unsigned)which < sizeof all / sizeof all[0] ? peer_description_session(all[which]) : NULL;
    struct out out = {text, text ? capacity : 0, 0};
    if (!session)
        return PEER_ERROR_NOT_FOUND;
    if (type)
        *type = all[which]->type;
    if (which == PEER_LOCAL || which == PEER_CURRENT_LOCAL || which == PEER_PENDING_LOCAL)
        put_local(&out, connection, session);
    else
        put(&out, session->text.text, session->text.length);
    if (length)
        *length = out.length;
    if (!text && capacity == 0)
        return PEER_OK;
    if (out.length >= out.capacity)
        return PEER_ERROR_BUFFER;
    text[out.length] = '\0';
    return PEER_OK;
}

size_t peer_connection_agreed_count(const struct peer_connection *connection, size_t *section_count) {
    const struct sdp_session *session = peer_description_session(&connection->current_local);
    if (section_count)
        *section_count = session ? session->section_count : 0;
    return connection->agreed_count;
}
