/*
 * setLocalDescription, setRemoteDescription, rollback (W3C webrtc sections 4.4.1.5 and 4.4.2, RFC 9429 sections 4.1 and 5.5 to 5.7): the
 * signaling state and the four descriptions.
 */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- the state machine -------------------------------------------------------------------------------------------------- */

/* RFC 9429 section 3.2: what each state waits for. */
static const char *const state_rules[] = {
    [PEER_SIGNALING_STABLE] = "the signaling state is stable: an offer was expected (RFC 9429 section 3.2)",
    [PEER_SIGNALING_HAVE_LOCAL_OFFER] =
        "the signaling state is have-local-offer: an answer of the peer, another offer of ours, or a rollback was expected (RFC 9429 section 3.2)",
    [PEER_SIGNALING_HAVE_REMOTE_OFFER] =
        "the signaling state is have-remote-offer: our answer, another offer of the peer, or a rollback was expected (RFC 9429 section 3.2)",
    [PEER_SIGNALING_HAVE_LOCAL_PRANSWER] = "the signaling state is have-local-pranswer: our answer was expected (RFC 9429 section 3.2)",
    [PEER_SIGNALING_HAVE_REMOTE_PRANSWER] = "the signaling state is have-remote-pranswer: the answer of the peer was expected (RFC 9429 section 3.2)",
    [PEER_SIGNALING_CLOSED] = "the signaling state is closed (W3C webrtc section 4.4.1): nothing is expected any more, make another connection",
};

static int refuse_state(struct peer_connection *connection, struct peer_problem *problem) {
    return peer_problem_set(connection, problem, PEER_ERROR_STATE, state_rules[connection->signaling_state]);
}

static void enter(struct peer_connection *connection, enum peer_signaling_state next) {
    if (connection->signaling_state != next)
        connection->signaling_state_pending = true;
    connection->signaling_state = next;
}

static bool is_answer(enum peer_sdp_type type) {
    return type == PEER_SDP_ANSWER || type == PEER_SDP_PRANSWER;
}

/* ---- the descriptions --------------------------------------------------------------------------------------------------- */

static void put(struct peer_description *description, enum peer_sdp_type type, struct sdp_description *sdp) {
    if (description->sdp != sdp)
        sdp_description_free(description->sdp);
    *description = (struct peer_description){sdp, type};
}

static void move(struct peer_description *to, struct peer_description *from) {
    put(to, from->type, from->sdp);
    *from = (struct peer_description){NULL, PEER_SDP_OFFER};
}

static void forget_created(struct peer_connection *connection, struct peer_created *created) {
    peer_connection_release(connection, created->text);
    created->text = NULL;
    created->length = 0;
}

void peer_description_free(struct peer_connection *connection) {
    sdp_description_free(connection->current_local.sdp);
    sdp_description_free(connection->pending_local.sdp);
    sdp_description_free(connection->current_remote.sdp);
    sdp_description_free(connection->pending_remote.sdp);
    forget_created(connection, &connection->created_offer);
    forget_created(connection, &connection->created_answer);
    peer_connection_release(connection, connection->pending);
}

static int parse(struct peer_connection *connection, const char *text, size_t length, struct sdp_description **out, struct peer_problem *problem) {
    struct sdp_problem found = {0};
    int error = sdp_description_new(text, length, &connection->sdp_allocator, out, &found);
    return error == SDP_OK ? PEER_OK : peer_problem_from_sdp(connection, problem, peer_error_from_sdp(error), &found, NULL);
}

/* W3C webrtc section 4.4.1.5: whenever the state is stable again, the flag is cleared and judged anew. */
static void become_stable(struct peer_connection *connection) {
    enter(connection, PEER_SIGNALING_STABLE);
    connection->negotiation_needed = connection->negotiation_needed_pending = false;
    peer_transceivers_update_negotiation_needed(connection);
}

/* W3C webrtc section 4.4.1.5: an answer ends the round; `pending` are current from now on, and what was created before is worth nothing. */
static void finish(struct peer_connection *connection) {
    move(&connection->current_local, &connection->pending_local);
    move(&connection->current_remote, &connection->pending_remote);
    forget_created(connection, &connection->created_offer);
    forget_created(connection, &connection->created_answer);
    peer_restart_settle(connection);
    peer_numbers_learn(connection, &connection->current_local.sdp->session);
    peer_numbers_learn(connection, &connection->current_remote.sdp->session);
    peer_transceivers_settle(connection);
    become_stable(connection);
}

/* ---- rollback ------------------------------------------------------------------------------------------------------------ */

/* The pending offer, of ours or of the peer, is as if it had never been. */
static void take_back(struct peer_connection *connection, uint64_t now_us, bool is_ours) {
    if (is_ours)
        peer_transports_rollback(connection, now_us);
    else if (connection->pending_remote.sdp)
        connection->pending_count = 0; /* candidates that waited for the answer to it */
    peer_transceivers_rollback(connection, is_ours);
    put(&connection->pending_local, PEER_SDP_OFFER, NULL);
    put(&connection->pending_remote, PEER_SDP_OFFER, NULL);
    become_stable(connection);
}

static int roll_back(struct peer_connection *connection, uint64_t now_us, struct peer_problem *problem) {
    enum peer_signaling_state state = connection->signaling_state;
    /* W3C webrtc section 4.4.1.5: not from stable, and not once a provisional answer has begun to be acted on. */
    if (state != PEER_SIGNALING_HAVE_LOCAL_OFFER && state != PEER_SIGNALING_HAVE_REMOTE_OFFER)
        return refuse_state(connection, problem);
    take_back(connection, now_us, state == PEER_SIGNALING_HAVE_LOCAL_OFFER);
    return PEER_OK;
}

/* ---- setLocalDescription --------------------------------------------------------------------------------------------------- */

/* RFC 8445 section 6.1.1: who offers controls, unless it is lite. */
static enum ice_role role_of(const struct peer_connection *connection, bool is_offer) {
    const struct sdp_session *remote = peer_description_remote(connection);
    struct sdp_attribute lite;
    return is_offer || (remote && sdp_header_find(remote, SDP_ATTRIBUTE_ICE_LITE, &lite)) ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED;
}

/* The sections of our offer are those of the transceivers that createOffer meant them for. */
static void associate_local(struct peer_connection *connection, const struct sdp_session *offer) {
    struct peer_transceiver_entry *entry;
    for (size_t i = 0; i < offer->section_count; i++) {
        int number = connection->created_offer.transceivers[i];
        entry = number >= 0 ? connection->transceivers[number] : NULL;
        struct sdp_view mid = offer->sections[i].mid;
        if (!entry || entry->is_removed || mid.length > PEER_MID_MAX_BYTES)
            continue;
        entry->facts.section = (int)i;
        memcpy(entry->facts.mid, mid.text, mid.length);
        entry->facts.mid[mid.length] = '\0';
    }
}

/* These take `sdp` over, whatever comes of it. */
static int set_local_offer(struct peer_connection *connection, uint64_t now_us, struct sdp_description *sdp, struct peer_problem *problem) {
    int error = peer_transports_set_local(connection, now_us, &sdp->session, true, role_of(connection, true));
    if (error != PEER_OK) {
        /* What was made and restarted for it goes. That of an offer before it stays, and a rollback takes both. */
        if (connection->signaling_state == PEER_SIGNALING_STABLE)
            peer_transports_rollback(connection, now_us);
        sdp_description_free(sdp);
        return peer_problem_set(connection, problem, error, "the transports of the offer could not be made or restarted");
    }
    associate_local(connection, &sdp->session);
    put(&connection->pending_local, PEER_SDP_OFFER, sdp);
    enter(connection, PEER_SIGNALING_HAVE_LOCAL_OFFER);
    return PEER_OK;
}

/* What the pending offer and this answer to it agree on, and whether that can be had. The caller releases *out. */
static int negotiate(struct peer_connection *connection, const struct sdp_session *local, const struct sdp_session *remote, bool is_local_offer,
                     struct sdp_negotiated **out, struct peer_problem *problem) {
    struct sdp_problem found = {0};
    *out = peer_connection_allocate(connection, sizeof **out);
    if (!*out)
        return peer_problem_set(connection, problem, PEER_ERROR_MEMORY, "out of memory");
    int error = sdp_negotiate(local, remote, is_local_offer, *out, &found);
    if (error != SDP_OK)
        return peer_problem_from_sdp(connection, problem, peer_error_from_sdp(error), &found, remote);
    return peer_negotiated_check(connection, *out, problem);
}

/* An answer of either side is good: what it says is now, and final unless it is provisional. */
static int answered(struct peer_connection *connection, uint64_t now_us, bool is_local, enum peer_sdp_type type, struct sdp_description *sdp,
                    struct peer_problem *problem) {
    put(is_local ? &connection->pending_local : &connection->pending_remote, type, sdp);
    enter(connection, is_local ? PEER_SIGNALING_HAVE_LOCAL_PRANSWER : PEER_SIGNALING_HAVE_REMOTE_PRANSWER);
    if (type == PEER_SDP_ANSWER)
        finish(connection);
    int error = peer_candidates_take(connection, now_us);
    if (error != PEER_OK)
        return peer_problem_set(connection, problem, error, "the candidates of the peer could not be taken");
    return PEER_OK;
}

static int set_local_answer(struct peer_connection *connection, uint64_t now_us, enum peer_sdp_type type, struct sdp_description *sdp, struct peer_problem *problem) {
    struct sdp_negotiated *negotiated;
    int error = negotiate(connection, &sdp->session, &connection->pending_remote.sdp->session, false, &negotiated, problem);
    if (error == PEER_OK) {
        error = peer_transports_set_local(connection, now_us, &sdp->session, false, role_of(connection, false));
        if (error != PEER_OK)
            (void)peer_problem_set(connection, problem, error, "the transports of the answer could not be made or restarted");
    }
    if (error == PEER_OK)
        error = peer_negotiated_apply(connection, now_us, negotiated, type == PEER_SDP_ANSWER, problem);
    peer_connection_release(connection, negotiated);
    if (error != PEER_OK) {
        /* Nothing was agreed: what was made and restarted for this answer goes. What a provisional answer made stays. */
        if (connection->signaling_state == PEER_SIGNALING_HAVE_REMOTE_OFFER)
            peer_transports_rollback(connection, now_us);
        sdp_description_free(sdp);
        return error;
    }
    return answered(connection, now_us, true, type, sdp, problem);
}

/* What was said of our copy, which is gone, is said of the text that the caller has. What is not in it, it cannot look at. */
static void point_into(struct peer_problem *problem, uintptr_t copy, const char *text, size_t length) {
    uintptr_t offset = (uintptr_t)problem->text - copy;
    bool is_inside = text && problem->text && offset <= length && problem->length <= length - offset;
    problem->text = is_inside ? text + offset : NULL;
    problem->length = is_inside ? problem->length : 0;
}

static int set_created(struct peer_connection *connection, uint64_t now_us, enum peer_sdp_type type, const char *text, size_t length, struct peer_problem *problem) {
    const struct peer_created *created = type == PEER_SDP_OFFER ? &connection->created_offer : &connection->created_answer;
    /* RFC 9429 section 5.4, MUST NOT: a description is changed between create and set. */
    if (!created->text || (text && (created->length != length || memcmp(created->text, text, length) != 0)))
        return peer_problem_set(connection, problem, PEER_ERROR_ARGUMENT,
                                "this is not the text that was created last: it must be set as it was made (RFC 9429 section 5.4)");
    struct sdp_description *sdp;
    int error = parse(connection, created->text, created->length, &sdp, problem);
    if (error != PEER_OK)
        return error;
    uintptr_t copy = (uintptr_t)sdp->session.text.text;
    error = type == PEER_SDP_OFFER ? set_local_offer(connection, now_us, sdp, problem) : set_local_answer(connection, now_us, type, sdp, problem);
    if (error != PEER_OK && problem)
        point_into(problem, copy, text, length);
    return error;
}

/* W3C webrtc section 4.4.2, setLocalDescription: the type that is meant where none is given. */
static enum peer_sdp_type implicit_type(enum peer_signaling_state state) {
    bool is_offer = state == PEER_SIGNALING_STABLE || state == PEER_SIGNALING_HAVE_LOCAL_OFFER || state == PEER_SIGNALING_HAVE_REMOTE_PRANSWER;
    return is_offer ? PEER_SDP_OFFER : PEER_SDP_ANSWER;
}

int peer_connection_set_local_description(struct peer_connection *connection, uint64_t now_us, enum peer_sdp_type type, const char *text,
                                          size_t length, struct peer_problem *problem) {
    enum peer_signaling_state next;
    connection->now_us = now_us;
    if (connection->is_closed)
        return refuse_state(connection, problem);
    if (type == PEER_SDP_ROLLBACK)
        return roll_back(connection, now_us, problem);
    if (type == PEER_SDP_IMPLICIT) {
        type = implicit_type(connection->signaling_state);
        text = NULL;
    }
    if (!peer_states_signaling_next(connection->signaling_state, true, type, &next))
        return refuse_state(connection, problem);
    int error = PEER_OK;
    if (!text)
        error = type == PEER_SDP_OFFER ? peer_offer_make(connection, problem) : peer_answer_make(connection, problem);
    return error == PEER_OK ? set_created(connection, now_us, type, text, length, problem) : error;
}

/* ---- setRemoteDescription -------------------------------------------------------------------------------------------------- */

static int set_remote_offer(struct peer_connection *connection, uint64_t now_us, struct sdp_description *sdp, struct peer_problem *problem) {
    int error = peer_associate_check(connection, &sdp->session, true, problem);
    if (error == PEER_OK)
        error = peer_transports_check_offer(connection, &sdp->session, problem);
    if (error != PEER_OK) {
        sdp_description_free(sdp);
        return error;
    }
    /* W3C webrtc section 4.4.2, setRemoteDescription: an offer that meets one of ours rolls ours back. */
    if (connection->signaling_state == PEER_SIGNALING_HAVE_LOCAL_OFFER)
        (void)roll_back(connection, now_us, problem);
    error = peer_associate_offer(connection, &sdp->session);
    if (error != PEER_OK) {
        take_back(connection, now_us, false); /* some sections have their transceivers already */
        sdp_description_free(sdp);
        return peer_problem_set(connection, problem, error, "out of memory");
    }
    put(&connection->pending_remote, PEER_SDP_OFFER, sdp);
    forget_created(connection, &connection->created_answer); /* it answers another offer */
    enter(connection, PEER_SIGNALING_HAVE_REMOTE_OFFER);
    return PEER_OK;
}

static int set_remote_answer(struct peer_connection *connection, uint64_t now_us, enum peer_sdp_type type, struct sdp_description *sdp, struct peer_problem *problem) {
    struct sdp_negotiated *negotiated = NULL;
    int error = peer_associate_check(connection, &sdp->session, false, problem);
    if (error == PEER_OK)
        error = negotiate(connection, &connection->pending_local.sdp->session, &sdp->session, true, &negotiated, problem);
    if (error == PEER_OK)
        error = peer_negotiated_apply(connection, now_us, negotiated, type == PEER_SDP_ANSWER, problem);
    peer_connection_release(connection, negotiated);
    if (error != PEER_OK) {
        sdp_description_free(sdp);
        return error;
    }
    return answered(connection, now_us, false, type, sdp, problem);
}

int peer_connection_set_remote_description(struct peer_connection *connection, uint64_t now_us, enum peer_sdp_type type, const char *text,
                                           size_t length, struct peer_problem *problem) {
    enum peer_signaling_state next;
    connection->now_us = now_us;
    if (connection->is_closed)
        return refuse_state(connection, problem);
    if (type == PEER_SDP_ROLLBACK)
        return roll_back(connection, now_us, problem);
    if (type == PEER_SDP_IMPLICIT)
        return peer_problem_set(connection, problem, PEER_ERROR_ARGUMENT,
                                "a remote description says what it is: offer, pranswer, answer or rollback (W3C webrtc section 4.6.2)");
    bool rolls_back = type == PEER_SDP_OFFER && connection->signaling_state == PEER_SIGNALING_HAVE_LOCAL_OFFER;
    if (!rolls_back && !peer_states_signaling_next(connection->signaling_state, false, type, &next))
        return refuse_state(connection, problem);
    struct sdp_description *sdp;
    int error = parse(connection, text, length, &sdp, problem);
    if (error != PEER_OK)
        return error;
    uintptr_t copy = (uintptr_t)sdp->session.text.text;
    error = is_answer(type) ? set_remote_answer(connection, now_us, type, sdp, problem) : set_remote_offer(connection, now_us, sdp, problem);
    if (error != PEER_OK && problem)
        point_into(problem, copy, text, length);
    return error;
}
