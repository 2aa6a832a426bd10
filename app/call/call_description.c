/* Offer, answer and candidates: between the signaling session and the PeerConnection. */
#include <stdlib.h>

#include "app/call/call_internal.h"
#include "app/net/clock.h"

static void fail_of_description(struct call *call, int error, const struct peer_problem *problem, const char *what) {
    char why[CALL_SENTENCE_BYTES];
    const char *rule = problem->rule ? problem->rule : peer_error_name(error);
    if (problem->section >= 0)
        call_sentence(why, "Media section %d: %s%s%.*s", problem->section, rule, problem->length ? ": " : "", (int)(problem->length < 80 ? problem->length : 80),
                      problem->text ? problem->text : "");
    else if (problem->line)
        call_sentence(why, "Line %zu: %s", problem->line, rule);
    else
        call_sentence(why, "%s", rule);
    call_fail(call, CALL_EXIT_SDP, "sdp", what, why, "Compare what both sides offer: audio is Opus here and video VP8, over one BUNDLE with rtcp-mux.");
}

static bool describe(struct call *call, enum peer_sdp_type type) {
    char *text = malloc(CALL_SDP_MAX_BYTES);
    struct peer_problem problem = {.section = -1};
    uint64_t now_us = net_clock_now_us();
    size_t length = 0;
    int error = PEER_ERROR_MEMORY;
    if (text)
        error = type == PEER_SDP_OFFER ? peer_connection_create_offer(call->connection, now_us, text, CALL_SDP_MAX_BYTES, &length, &problem)
                                       : peer_connection_create_answer(call->connection, now_us, text, CALL_SDP_MAX_BYTES, &length, &problem);
    if (error == PEER_OK)
        error = peer_connection_set_local_description(call->connection, now_us, type, text, length, &problem);
    if (error != PEER_OK) {
        fail_of_description(call, error, &problem, type == PEER_SDP_OFFER ? "No offer could be made." : "The offer could not be answered.");
    } else {
        call_say(call, 2, "%s:\n%s", type == PEER_SDP_OFFER ? "our offer" : "our answer", text);
        enum signaling_error sent = type == PEER_SDP_OFFER ? signaling_session_send_offer(call->session, text, length)
                                                           : signaling_session_send_answer(call->session, text, length);
        if (sent != SIGNALING_OK)
            call_say(call, 0, "signaling did not take our description (error %d)", (int)sent);
    }
    free(text);
    return error == PEER_OK;
}

/* The connection belongs to this peer from now on, whoever was in the room before. */
static void begin_with_peer(struct call *call) {
    call->is_described = true;
    call->has_peer_left = false;
    call->timings.offer_or_answer = net_clock_now_us();
}

void call_peer_offer(struct call *call) {
    if (call->is_described)
        call_peer_restart(call);
    if (!call->driver) /* it could not be set up: the call is ending */
        return;
    begin_with_peer(call);
    if (describe(call, PEER_SDP_OFFER))
        net_driver_run(call->driver);
}

static bool take_description(struct call *call, enum peer_sdp_type type, struct signaling_text sdp) {
    struct peer_problem problem = {.section = -1};
    call_say(call, 2, "their %s:\n%s", type == PEER_SDP_OFFER ? "offer" : "answer", sdp.bytes);
    int error = peer_connection_set_remote_description(call->connection, net_clock_now_us(), type, sdp.bytes, sdp.length, &problem);
    if (error != PEER_OK)
        fail_of_description(call, error, &problem, type == PEER_SDP_OFFER ? "The other side's offer cannot be accepted." : "The other side's answer cannot be accepted.");
    return error == PEER_OK;
}

static void offer_again(struct call *call) {
    call->is_negotiation_wanted = false;
    if (!call->is_signaling_open || call->has_peer_left) /* nobody would answer; whether the other side lives, consent tells */
        call_say(call, 0, "%s: no other path can be agreed", call->is_signaling_open ? "the other side has left the room" : "signaling is gone");
    else if (peer_connection_signaling_state(call->connection) == PEER_SIGNALING_STABLE && describe(call, PEER_SDP_OFFER))
        call_say(call, 1, "another offer");
}

static void on_restart_patience(uv_timer_t *timer) {
    struct call *call = timer->data;
    if (!call->is_negotiation_wanted || !call->connection || call->is_ending)
        return;
    offer_again(call);
    net_driver_run(call->driver);
    call_signaling_pump(call);
}

void call_peer_renegotiate(struct call *call) {
    call->is_negotiation_wanted = true;
    uv_timer_start(&call->restart_timer, on_restart_patience, call->creates_offer ? 0 : CALL_RESTART_PATIENCE_MS, 0);
}

void call_peer_answer(struct call *call, struct signaling_text offer, bool rolls_back) {
    bool is_same_peer = call->is_described && call->is_connected && !call->has_peer_left;
    if (call->is_described && !is_same_peer)
        call_peer_restart(call);
    if (!call->driver)
        return;
    if (is_same_peer && rolls_back)
        (void)peer_connection_set_local_description(call->connection, net_clock_now_us(), PEER_SDP_ROLLBACK, NULL, 0, NULL);
    if (!is_same_peer)
        begin_with_peer(call);
    call->is_negotiation_wanted = false;
    if (take_description(call, PEER_SDP_OFFER, offer) && describe(call, PEER_SDP_ANSWER))
        net_driver_run(call->driver);
}

void call_peer_accept(struct call *call, struct signaling_text answer) {
    if (call->driver && take_description(call, PEER_SDP_ANSWER, answer))
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
