/* Offers and answers: createOffer, createAnswer, setLocalDescription, setRemoteDescription (RFC 9429 sections 4.1 and 5). */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- problems -------------------------------------------------------------------------------------------------------- */

int peer_problem_set(struct peer_problem *problem, int error, const char *rule) {
    if (problem)
        *problem = (struct peer_problem){.rule = rule, .section = -1};
    return error;
}

int peer_problem_from_sdp(struct peer_problem *problem, int error, const struct sdp_problem *found, const struct sdp_session *session) {
    if (!problem)
        return error;
    *problem = (struct peer_problem){.rule = found->rule, .line = found->line, .text = found->text.text, .length = found->text.length, .section = -1};
    for (size_t i = 0; session && i < session->section_count; i++)
        if (found->line >= session->sections[i].line)
            problem->section = (int)i;
    return error;
}

int peer_error_from_sdp(int error) {
    switch ((enum sdp_error)error) {
    case SDP_OK: return PEER_OK;
    case SDP_ERROR_SYNTAX:
    case SDP_ERROR_LIMIT: return PEER_ERROR_MALFORMED;
    case SDP_ERROR_DISAGREEMENT: return PEER_ERROR_NOT_AGREED;
    case SDP_ERROR_ARGUMENT:
    case SDP_ERROR_NOT_FOUND: return PEER_ERROR_ARGUMENT;
    case SDP_ERROR_BUFFER: return PEER_ERROR_BUFFER;
    case SDP_ERROR_MEMORY: return PEER_ERROR_MEMORY;
    }
    return PEER_ERROR_MEMORY;
}

/* ---- the transport behind a description -------------------------------------------------------------------------------- */

int peer_description_make_transport(struct peer_connection *connection, uint64_t now_us, enum ice_role role) {
    if (connection->transport_count > 0 && connection->config.ice.role == role)
        return PEER_OK;
    connection->config.ice.role = role;
    struct peer_transport_config config = {
        .ice = connection->config.ice,
        .certificate = connection->config.certificate,
        .key_log = connection->config.key_log,
    };
    struct peer_transport *transport = peer_transport_new(&config, now_us);
    if (!transport)
        return PEER_ERROR_MEMORY;
    if (connection->has_interfaces) {
        int error = peer_transport_handle_interfaces(transport, now_us, connection->interfaces, connection->interface_count);
        if (error != PEER_OK) {
            peer_transport_free(transport);
            return error;
        }
    }
    if (connection->transport_count > 0)
        peer_transport_free(connection->transports[0]);
    peer_created_keep(connection, PEER_SDP_OFFER, NULL, 0); /* an offer that was made but not set had the credentials of the old one */
    connection->transports[0] = transport;
    connection->transport_count = 1;
    return PEER_OK;
}

int peer_description_gather(struct peer_connection *connection, uint64_t now_us) {
    if (!connection->gathering_wanted || connection->gathering_started || !connection->has_interfaces)
        return PEER_OK;
    connection->gathering_started = true;
    return peer_transport_gather(connection->transports[0], now_us);
}

/* The text that set_local_description will be compared with. Takes `text` over. */
void peer_created_keep(struct peer_connection *connection, enum peer_sdp_type type, char *text, size_t length) {
    peer_connection_release(connection, connection->created.text);
    connection->created = (struct peer_created){text, length, type};
}

static int hand_out(const struct peer_connection *connection, char *text, size_t capacity, size_t *length, struct peer_problem *problem) {
    if (connection->created.length >= capacity)
        return peer_problem_set(problem, PEER_ERROR_BUFFER, "the buffer is too small for the description and its NUL");
    memcpy(text, connection->created.text, connection->created.length + 1);
    *length = connection->created.length;
    return PEER_OK;
}

/* ---- createOffer, createAnswer -------------------------------------------------------------------------------------------- */

int peer_connection_create_offer(struct peer_connection *connection, uint64_t now_us, char *text, size_t capacity, size_t *length, struct peer_problem *problem) {
    connection->now_us = now_us;
    int error = peer_local_make_offer(connection, problem);
    return error == PEER_OK ? hand_out(connection, text, capacity, length, problem) : error;
}

int peer_connection_create_answer(struct peer_connection *connection, uint64_t now_us, char *text, size_t capacity, size_t *length, struct peer_problem *problem) {
    connection->now_us = now_us;
    /* W3C webrtc section 4.4.2, createAnswer: only where an offer of the peer waits. The text was made when it came. */
    if (connection->signaling_state != PEER_SIGNALING_HAVE_REMOTE_OFFER)
        return peer_problem_set(problem, PEER_ERROR_STATE, "there is no offer to answer: the signaling state is not have-remote-offer (RFC 9429 section 3.2)");
    return hand_out(connection, text, capacity, length, problem);
}

/* ---- setLocalDescription -------------------------------------------------------------------------------------------------- */

static int check_type(struct peer_connection *connection, bool is_local, enum peer_sdp_type type, enum peer_signaling_state *next, struct peer_problem *problem) {
    if (type == PEER_SDP_PRANSWER || type == PEER_SDP_ROLLBACK)
        return peer_problem_set(problem, PEER_ERROR_NOT_SUPPORTED, "only offer, answer and the rollback of a later local offer are known here (RFC 9429 sections 4.1.10.1 and 4.1.10.2)");
    if (peer_states_signaling_next(connection->signaling_state, is_local, type, next))
        return PEER_OK;
    static const char *const rules[] = {
        [PEER_SIGNALING_STABLE] = "the signaling state is stable: an offer comes first (RFC 9429 section 3.2)",
        [PEER_SIGNALING_HAVE_LOCAL_OFFER] = "the signaling state is have-local-offer: the peer's answer comes next (RFC 9429 section 3.2)",
        [PEER_SIGNALING_HAVE_REMOTE_OFFER] = "the signaling state is have-remote-offer: our answer comes next (RFC 9429 section 3.2)",
        [PEER_SIGNALING_CLOSED] = "the connection is closed (W3C webrtc section 4.4.1)",
    };
    return peer_problem_set(problem, PEER_ERROR_STATE, rules[connection->signaling_state]);
}

static void enter(struct peer_connection *connection, enum peer_signaling_state next) {
    if (connection->signaling_state != next)
        connection->signaling_state_pending = true;
    connection->signaling_state = next;
}

void peer_description_replace(struct peer_description *description, enum peer_sdp_type type, struct sdp_description *sdp) {
    sdp_description_free(description->sdp);
    *description = (struct peer_description){sdp, type};
}

static int set_local_offer(struct peer_connection *connection, struct peer_problem *problem) {
    struct sdp_description *sdp;
    struct sdp_problem found;
    int error = sdp_description_new(connection->created.text, connection->created.length, &connection->sdp_allocator, &sdp, &found);
    if (error != SDP_OK)
        return peer_problem_from_sdp(problem, peer_error_from_sdp(error), &found, NULL);
    if (connection->remote.sdp && !connection->agreed_local.sdp) {
        connection->agreed_local = connection->local;
        connection->local.sdp = NULL;
    }
    peer_description_replace(&connection->local, PEER_SDP_OFFER, sdp);
    for (size_t i = 0; !connection->remote.sdp && i < connection->transceiver_count; i++) {
        connection->transceivers[i].section = (int)i;
        connection->transceivers[i].facts.mid[0] = (char)('0' + i);
    }
    return PEER_OK;
}

/* RFC 9429 section 4.1.10.2: back to what was agreed. New ICE credentials stay: what is selected carries on, and whoever offers next restarts again. */
static int roll_back(struct peer_connection *connection, struct peer_problem *problem) {
    if (connection->signaling_state != PEER_SIGNALING_HAVE_LOCAL_OFFER)
        return peer_problem_set(problem, PEER_ERROR_STATE, "there is no local offer to roll back (RFC 9429 section 4.1.10.2)");
    if (!connection->agreed_local.sdp)
        return peer_problem_set(problem, PEER_ERROR_NOT_SUPPORTED, "the first offer cannot be rolled back: make another connection");
    sdp_description_free(connection->local.sdp);
    connection->local = connection->agreed_local;
    connection->agreed_local.sdp = NULL;
    enter(connection, PEER_SIGNALING_STABLE);
    return PEER_OK;
}

int peer_connection_restart_ice(struct peer_connection *connection, uint64_t now_us) {
    if (connection->is_closed)
        return PEER_ERROR_STATE;
    connection->now_us = now_us;
    if (!connection->local.sdp && !connection->remote.sdp)
        return PEER_OK;
    connection->restart_wanted = true;
    connection->negotiation_needed_pending = true;
    return PEER_OK;
}

static int set_local_answer(struct peer_connection *connection, uint64_t now_us, struct peer_problem *problem) {
    int error = peer_negotiated_apply(connection, now_us, connection->negotiated, problem);
    if (error != PEER_OK)
        return error;
    peer_description_replace(&connection->local, PEER_SDP_ANSWER, connection->answer);
    connection->answer = NULL;
    peer_connection_release(connection, connection->negotiated);
    connection->negotiated = NULL;
    return PEER_OK;
}

int peer_connection_set_local_description(struct peer_connection *connection, uint64_t now_us, enum peer_sdp_type type, const char *text, size_t length, struct peer_problem *problem) {
    connection->now_us = now_us;
    if (type == PEER_SDP_ROLLBACK && !connection->is_closed)
        return roll_back(connection, problem);
    enum peer_signaling_state next;
    int error = check_type(connection, true, type, &next, problem);
    if (error != PEER_OK)
        return error;
    if (!text && type == PEER_SDP_OFFER && (error = peer_local_make_offer(connection, problem)) != PEER_OK)
        return error;
    /* RFC 9429 section 5.4, MUST NOT: a description is not to be changed between create and set. */
    const struct peer_created *created = &connection->created;
    bool is_same = created->text && created->type == type && (!text || (created->length == length && memcmp(created->text, text, length) == 0));
    if (!is_same)
        return peer_problem_set(problem, PEER_ERROR_ARGUMENT, "this is not the text that was created last (RFC 9429 section 5.4)");
    error = type == PEER_SDP_OFFER ? set_local_offer(connection, problem) : set_local_answer(connection, now_us, problem);
    if (error != PEER_OK)
        return error;
    enter(connection, next);
    connection->negotiation_needed_pending = connection->restart_wanted;
    connection->gathering_wanted = true;
    return peer_description_gather(connection, now_us);
}

/* ---- setRemoteDescription ------------------------------------------------------------------------------------------------- */

static int set_remote_answer(struct peer_connection *connection, uint64_t now_us, const char *text, size_t length, struct peer_problem *problem) {
    struct sdp_description *remote;
    struct sdp_problem found = {0};
    int error = sdp_description_new(text, length, &connection->sdp_allocator, &remote, &found);
    if (error != SDP_OK)
        return peer_problem_from_sdp(problem, peer_error_from_sdp(error), &found, NULL);
    struct sdp_negotiated *negotiated = peer_connection_allocate(connection, sizeof *negotiated);
    if (!negotiated) {
        sdp_description_free(remote);
        return peer_problem_set(problem, PEER_ERROR_MEMORY, "out of memory");
    }
    error = sdp_negotiate(&connection->local.sdp->session, &remote->session, true, negotiated, &found);
    if (error != SDP_OK)
        error = peer_problem_from_sdp(problem, peer_error_from_sdp(error), &found, &remote->session);
    else
        error = peer_negotiated_apply(connection, now_us, negotiated, problem);
    if (error == PEER_OK) {
        peer_description_replace(&connection->remote, PEER_SDP_ANSWER, remote);
        peer_description_replace(&connection->agreed_local, PEER_SDP_OFFER, NULL);
        connection->transport_section = negotiated->transport_section;
        error = peer_candidates_take(connection, now_us);
    } else {
        sdp_description_free(remote);
    }
    peer_connection_release(connection, negotiated);
    return error;
}

int peer_connection_set_remote_description(struct peer_connection *connection, uint64_t now_us, enum peer_sdp_type type, const char *text, size_t length, struct peer_problem *problem) {
    connection->now_us = now_us;
    enum peer_signaling_state next;
    int error = check_type(connection, false, type, &next, problem);
    if (error != PEER_OK)
        return error;
    error = type == PEER_SDP_OFFER ? peer_answer_take_offer(connection, now_us, text, length, problem) : set_remote_answer(connection, now_us, text, length, problem);
    if (error != PEER_OK)
        return error;
    enter(connection, next);
    connection->negotiation_needed_pending = connection->restart_wanted;
    return PEER_OK;
}

static bool view_description(const struct peer_description *description, enum peer_sdp_type *type, const char **text, size_t *length) {
    if (!description->sdp)
        return false;
    *type = description->type;
    *text = description->sdp->session.text.text;
    *length = description->sdp->session.text.length;
    return true;
}

bool peer_connection_local_description(const struct peer_connection *connection, enum peer_sdp_type *type, const char **text, size_t *length) {
    return view_description(&connection->local, type, text, length);
}

bool peer_connection_remote_description(const struct peer_connection *connection, enum peer_sdp_type *type, const char **text, size_t *length) {
    return view_description(&connection->remote, type, text, length);
}

void peer_description_free(struct peer_connection *connection) {
    sdp_description_free(connection->local.sdp);
    sdp_description_free(connection->agreed_local.sdp);
    sdp_description_free(connection->remote.sdp);
    sdp_description_free(connection->answer);
    peer_connection_release(connection, connection->negotiated);
    peer_connection_release(connection, connection->created.text);
    peer_connection_release(connection, connection->pending);
}
