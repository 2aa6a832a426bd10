/*
 * Offer, answer and candidates: between the signaling session and the PeerConnection. Both sides may offer at any time (W3C webrtc section
 * 10.7); the session says whose offer stands when two cross, and setRemoteDescription takes ours back when it is not ours.
 */
#include <stdlib.h>
#include <string.h>

#include "app/call/call_internal.h"
#include "app/net/clock.h"

#define SDP_ADVICE "Compare what both sides offer, with sdp-explain OFFER ANSWER (-vv shows both), and what --codec says."

/* Ends the call only if nothing has ever been agreed: else it goes on as it was. */
static void refuse(struct call *call, const char *what, const char *why) {
    call->exchange_failures++;
    if (call->was_agreed)
        call_say(call, 0, "%s The call goes on as it was. %s", what, why);
    else
        call_fail(call, CALL_EXIT_SDP, "sdp", what, why, SDP_ADVICE);
}

static void refuse_description(struct call *call, int error, const struct peer_problem *problem, const char *what) {
    char why[CALL_SENTENCE_BYTES];
    const char *rule = problem->rule ? problem->rule : peer_error_name(error);
    if (problem->section >= 0)
        call_sentence(why, "Media section %d: %s%s%.*s", problem->section, rule, problem->length ? ": " : "", (int)(problem->length < 80 ? problem->length : 80),
                      problem->text ? problem->text : "");
    else if (problem->line)
        call_sentence(why, "Line %zu: %s", problem->line, rule);
    else
        call_sentence(why, "%s", rule);
    refuse(call, what, why);
}

/* ---- ours ------------------------------------------------------------------------------------------------------------------- */

char *call_peer_local_description(struct call *call, enum peer_sdp_type *type, size_t *length) {
    char *text = malloc(CALL_SDP_MAX_BYTES);
    if (text && peer_connection_description(call->connection, PEER_LOCAL, type, text, CALL_SDP_MAX_BYTES, length) == PEER_OK) {
        call_say(call, 2, "our %s:\n%s", *type == PEER_SDP_OFFER ? "offer" : "answer", text);
        return text;
    }
    free(text);
    return NULL;
}

/* The description that was just set goes to the other side. False: nobody takes it. */
static bool send_local_description(struct call *call) {
    enum peer_sdp_type type = PEER_SDP_OFFER;
    size_t length = 0;
    enum signaling_error sent = SIGNALING_ERROR_MEMORY;
    char *text = call_peer_local_description(call, &type, &length);
    if (text)
        sent = type == PEER_SDP_OFFER ? signaling_session_send_offer(call->session, text, length) : signaling_session_send_answer(call->session, text, length);
    free(text);
    if (sent != SIGNALING_OK)
        call_say(call, 0, "signaling did not take our description (error %d)", (int)sent);
    return sent == SIGNALING_OK;
}

void call_peer_take_back(struct call *call) {
    (void)peer_connection_set_local_description(call->connection, net_clock_now_us(), PEER_SDP_ROLLBACK, NULL, 0, NULL);
}

static bool offer(struct call *call) {
    struct peer_problem problem = {.section = -1};
    int error = peer_connection_set_local_description(call->connection, net_clock_now_us(), PEER_SDP_IMPLICIT, NULL, 0, &problem);
    if (error != PEER_OK) {
        refuse_description(call, error, &problem, "No offer could be made.");
        return false;
    }
    if (send_local_description(call))
        return true;
    call_peer_take_back(call);
    return false;
}

/* The connection belongs to this peer from now on, whoever was in the room before. */
void call_peer_begin_with_peer(struct call *call) {
    call->is_described = true;
    call->has_peer_left = false;
    call->timings.offer_or_answer = net_clock_now_us();
}

bool call_peer_describe(struct call *call, enum peer_sdp_type type, char **text, size_t *length) {
    struct peer_problem problem = {.section = -1};
    int error = peer_connection_set_local_description(call->connection, net_clock_now_us(), PEER_SDP_IMPLICIT, NULL, 0, &problem);
    *text = error == PEER_OK ? call_peer_local_description(call, &type, length) : NULL;
    if (error != PEER_OK || !*text)
        refuse_description(call, error, &problem, type == PEER_SDP_OFFER ? "No offer could be made." : "The offer could not be answered.");
    return *text != NULL;
}

void call_peer_offer(struct call *call) {
    if (call->is_described)
        call_peer_restart(call);
    if (!call->driver) /* it could not be set up: the call is ending */
        return;
    call_peer_begin_with_peer(call);
    call_peer_ask_for_media(call);
    if (call_data_offer(call))
        (void)offer(call);
    net_driver_run(call->driver);
}

void call_peer_renegotiate(struct call *call) {
    if (peer_connection_signaling_state(call->connection) != PEER_SIGNALING_STABLE)
        return; /* W3C webrtc section 4.7.3: it is said again when it is stable */
    if (call->whip) {
        call_whip_restart(call);
        return;
    }
    if (!call->is_signaling_open || call->has_peer_left) /* nobody would answer; whether the other side lives, consent tells */
        call_say(call, 0, "%s: nothing more can be agreed", call->is_signaling_open ? "the other side has left the room" : "signaling is gone");
    else if (call->exchange_failures >= CALL_EXCHANGE_FAILURE_MAX)
        call_say(call, 1, "nothing came of the last %u offers: no more of them", call->exchange_failures);
    else if (offer(call))
        call_say(call, 1, "another offer");
    call_signaling_pump(call);
}

/* ---- theirs ----------------------------------------------------------------------------------------------------------------- */

/* RFC 8866 section 5.2: <sess-id>, the second word of "o=", which stays for as long as it is the same connection (RFC 3264 section 8). */
static void read_session_id(struct signaling_text sdp, char out[CALL_SESSION_ID_BYTES]) {
    const char *origin = strstr(sdp.bytes, "\no=");
    const char *id = origin ? strchr(origin, ' ') : NULL;
    size_t length = id ? strcspn(id + 1, " \r\n") : 0;
    if (length >= CALL_SESSION_ID_BYTES)
        length = CALL_SESSION_ID_BYTES - 1;
    if (length)
        memcpy(out, id + 1, length);
    out[length] = '\0';
}

/* An offer of somebody who has come instead, or of another connection of the same page, begins a new call. */
static bool is_of_this_connection(const struct call *call, struct signaling_text offer_sdp) {
    char session[CALL_SESSION_ID_BYTES];
    read_session_id(offer_sdp, session);
    return call->is_described && !call->has_peer_left && (!call->peer_session[0] || strcmp(session, call->peer_session) == 0);
}

static bool take_description(struct call *call, enum peer_sdp_type type, struct signaling_text sdp) {
    struct peer_problem problem = {.section = -1};
    call_say(call, 2, "their %s:\n%s", type == PEER_SDP_OFFER ? "offer" : "answer", sdp.bytes);
    int error = peer_connection_set_remote_description(call->connection, net_clock_now_us(), type, sdp.bytes, sdp.length, &problem);
    if (error == PEER_OK)
        read_session_id(sdp, call->peer_session);
    else
        refuse_description(call, error, &problem, type == PEER_SDP_OFFER ? "The other side's offer cannot be accepted." : "The other side's answer cannot be accepted.");
    return error == PEER_OK;
}

/* Why nothing was agreed: the sentence of the first section that has one. */
static const char *refusal(const struct call *call) {
    struct peer_transceiver transceiver;
    for (size_t i = 0; i < peer_connection_transceiver_count(call->connection); i++)
        if (peer_connection_transceiver(call->connection, i, &transceiver) && transceiver.refused)
            return transceiver.refused;
    return "Every media section was refused.";
}

static void judge_agreement(struct call *call) {
    if (peer_connection_agreed_count(call->connection, NULL) > 0) {
        call->was_agreed = true;
        call->exchange_failures = 0;
    } else if (!call->was_agreed) {
        refuse(call, "Nothing could be agreed.", refusal(call));
    }
}

bool call_peer_take(struct call *call, enum peer_sdp_type type, struct signaling_text sdp) {
    if (!take_description(call, type, sdp))
        return false;
    if (type == PEER_SDP_ANSWER)
        judge_agreement(call);
    return true;
}

static bool answer(struct call *call) {
    struct peer_problem problem = {.section = -1};
    int error = peer_connection_set_local_description(call->connection, net_clock_now_us(), PEER_SDP_IMPLICIT, NULL, 0, &problem);
    if (error == PEER_OK && send_local_description(call))
        return true;
    if (error != PEER_OK) {
        (void)peer_connection_set_remote_description(call->connection, net_clock_now_us(), PEER_SDP_ROLLBACK, NULL, 0, NULL);
        refuse_description(call, error, &problem, "The offer could not be answered.");
    }
    return false;
}

void call_peer_answer(struct call *call, struct signaling_text offer_sdp) {
    bool is_known = is_of_this_connection(call, offer_sdp);
    if (call->is_described && !is_known)
        call_peer_restart(call);
    if (!call->driver)
        return;
    if (!is_known)
        call_peer_begin_with_peer(call);
    bool is_taken = take_description(call, PEER_SDP_OFFER, offer_sdp);
    if (is_taken)
        call_codecs_follow_offer(call, offer_sdp.bytes, offer_sdp.length);
    if (is_taken && answer(call))
        judge_agreement(call);
    else
        (void)signaling_session_decline(call->session);
    net_driver_run(call->driver);
}

void call_peer_accept(struct call *call, struct signaling_text answer_sdp) {
    if (!call->driver)
        return;
    if (take_description(call, PEER_SDP_ANSWER, answer_sdp))
        judge_agreement(call);
    else
        call_peer_take_back(call);
    net_driver_run(call->driver);
}

void call_peer_add_candidate(struct call *call, const struct signaling_candidate *candidate, bool is_of_ignored_offer) {
    if (!call->driver)
        return;
    struct peer_candidate_init init;
    if (candidate)
        init = (struct peer_candidate_init){
            .candidate = candidate->candidate.bytes, .candidate_length = candidate->candidate.length,
            .mid = candidate->sdp_mid.bytes, .mid_length = candidate->sdp_mid.length,
            .line_index = candidate->sdp_m_line_index,
            .ufrag = candidate->username_fragment.bytes, .ufrag_length = candidate->username_fragment.length,
        };
    int error = peer_connection_add_ice_candidate(call->connection, net_clock_now_us(), candidate ? &init : NULL);
    if (error != PEER_OK && !is_of_ignored_offer)
        call_say(call, 1, "their candidate was left aside (%s): %s", peer_error_name(error), candidate ? candidate->candidate.bytes : "");
    net_driver_run(call->driver);
}
