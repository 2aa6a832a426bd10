#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/walk_internal.h"

/* ---- outcomes ------------------------------------------------------------------------------------------------------------------ */

unsigned walk_outcome(int error) {
    switch (error) {
    case PEER_OK: return W3C_OK;
    case PEER_ERROR_STATE: return W3C_INVALID_STATE;
    case PEER_ERROR_ARGUMENT: return W3C_INVALID_MODIFICATION;
    case PEER_ERROR_MALFORMED: return W3C_INVALID_CONTENT;
    case PEER_ERROR_NOT_FOUND: return W3C_NOT_FOUND;
    case PEER_ERROR_CAPACITY: return W3C_FULL;
    default: return 0;
    }
}

enum peer_sdp_type walk_peer_type(enum w3c_type type) {
    static const enum peer_sdp_type types[] = {PEER_SDP_OFFER, PEER_SDP_PRANSWER, PEER_SDP_ANSWER, PEER_SDP_ROLLBACK};
    return types[type];
}

const char *walk_type_name(enum w3c_type type) {
    static const char *const names[] = {"offer", "pranswer", "answer", "rollback"};
    return names[type];
}

/* Has the call ended as it may? Prints it, drains the connection. True: it was PEER_OK, and the model is to follow. */
bool walk_judge_call(struct walk_end *end, int error, unsigned may, const char *what) {
    struct walk *walk = end->walk;
    const char *problem = peer_connection_problem(end->connection);
    walk_say(walk, "    %3zu %c %s: %s%s%s\n", walk->step, 'A' + end->index, what, peer_error_name(error), error ? ", " : "", error && problem ? problem : "");
    walk->result->coverage.calls++;
    walk->result->coverage.refused += error != PEER_OK;
    /* A frame that does not find memory is dropped as one that finds no room. */
    bool is_memory = error == PEER_OK || error == PEER_ERROR_MEMORY || (error == PEER_ERROR_CAPACITY && strcmp(what, "sendFrame") == 0);
    if (walk->memory_was_short && !walk->memory_was_short_before && !is_memory)
        walk_fail(walk, "%c: %s: memory is short, and the error is %s", 'A' + end->index, what, peer_error_name(error));
    if (walk->is_judged && !(walk_outcome(error) & may))
        walk_fail(walk, "%c: %s in %s: %s (%s), allowed: %#x", 'A' + end->index, what, w3c_state_name(end->model.state), peer_error_name(error),
                  problem ? problem : "", may);
    if (error != PEER_OK && (!problem || problem[0] == '\0'))
        walk_fail(walk, "%c: %s: an error without a word", 'A' + end->index, what);
    walk->memory_was_short_before = walk->memory_was_short;
    return error == PEER_OK && walk->is_judged && !walk->result->failed;
}

uint64_t walk_now(const struct walk_end *end) {
    return sim_now(end->walk->sim);
}

struct walk_end *walk_other(const struct walk_end *end) {
    return &end->walk->ends[1 - end->index];
}

/* ---- media, time, the end -------------------------------------------------------------------------------------------------------------------------- */

static void insert_dtmf(struct walk_end *end, const struct walk_step *step) {
    size_t number = walk_some_number(end, step->a);
    bool is_bad = step->b % 8 == 7;
    unsigned may = w3c_may_change(&end->model, (int)number, true);
    struct peer_transceiver facts = {0};
    if (may == W3C_OK) {
        (void)peer_connection_transceiver(end->connection, number, &facts);
        const struct w3c_transceiver *transceiver = &end->model.transceivers[number];
        bool agreed = facts.dtmf && transceiver->has_current && (transceiver->current & SDP_LINES_SENDONLY);
        may = !agreed ? W3C_INVALID_STATE : transceiver->direction & SDP_LINES_SENDONLY ? W3C_OK | W3C_INVALID_STATE : W3C_OK | W3C_INVALID_STATE;
        if (is_bad)
            may = (may & ~(unsigned)W3C_OK) | W3C_INVALID_MODIFICATION;
    } else {
        may |= W3C_INVALID_MODIFICATION;
    }
    int error = peer_connection_insert_dtmf(end->connection, walk_now(end), number, is_bad ? "1Z" : "1,#", 40 + step->b, 30);
    (void)walk_judge_call(end, error, may, "insertDTMF");
}

static void send_frame(struct walk_end *end, const struct walk_step *step) {
    size_t number = walk_some_number(end, step->a);
    unsigned may = w3c_may_change(&end->model, (int)number, true);
    if (may == W3C_OK) {
        const struct w3c_transceiver *transceiver = &end->model.transceivers[number];
        bool agreed = transceiver->has_current && (transceiver->current & SDP_LINES_SENDONLY);
        /* W3C webrtc section 4.3.3: "connected" is also what has only closed transports left, and the other end's close() closes them one by one. */
        bool is_connected = peer_connection_state(end->connection) == PEER_CONNECTION_CONNECTED && walk_other(end)->model.state != W3C_CLOSED;
        may = !agreed || peer_connection_state(end->connection) == PEER_CONNECTION_NEW ? W3C_INVALID_STATE : W3C_OK | W3C_FULL | W3C_INVALID_STATE;
        if (agreed && is_connected && (transceiver->direction & SDP_LINES_SENDONLY))
            may = W3C_OK | W3C_FULL;
    }
    (void)walk_judge_call(end, walk_send_frame(end, number), may, "sendFrame");
}

static void request_key_frame(struct walk_end *end, const struct walk_step *step) {
    size_t number = walk_some_number(end, step->a);
    unsigned may = w3c_may_change(&end->model, (int)number, false);
    int error = peer_connection_request_key_frame(end->connection, walk_now(end), number);
    (void)walk_judge_call(end, error, may | W3C_INVALID_STATE | W3C_INVALID_MODIFICATION, "requestKeyFrame");
}

static void pass_time(struct walk *walk, const struct walk_step *step) {
    static const uint64_t durations_ms[] = {0, 1, 5, 20, 50, 100, 200, 500, 1000, 3000};
    uint64_t duration_ms = step->a == 255 ? 40000 : durations_ms[step->a % 10];
    walk_say(walk, "    %3zu   %llu ms\n", walk->step, (unsigned long long)duration_ms);
    walk_pass_time(walk, duration_ms * SIM_MILLISECOND_US);
}

static void lose_interface(struct walk_end *end) {
    end->is_interface_down = !end->is_interface_down;
    struct ice_interface interface = {.preference = 65535};
    if (!end->is_interface_down)
        interface.base = *sim_bind(end->walk->sim, end->endpoint, end->interface_, 0);
    int error = peer_connection_handle_interfaces(end->connection, walk_now(end), &interface, end->is_interface_down ? 0 : 1);
    (void)walk_judge_call(end, error, end->model.state == W3C_CLOSED ? W3C_INVALID_STATE | W3C_OK : W3C_OK, end->is_interface_down ? "no interface" : "an interface");
}

static void restart(struct walk_end *end) {
    int error = peer_connection_restart_ice(end->connection, walk_now(end));
    if (walk_judge_call(end, error, end->model.state == W3C_CLOSED ? W3C_INVALID_STATE : W3C_OK, "restartIce"))
        w3c_did_restart(&end->model);
}

static void close_end(struct walk_end *end) {
    peer_connection_close(end->connection, walk_now(end));
    walk_say(end->walk, "    %3zu %c close\n", end->walk->step, 'A' + end->index);
    w3c_did_close(&end->model);
    end->created_offer = end->created_answer = NULL;
}

void walk_do(struct walk *walk, const struct walk_step *step) {
    struct walk_end *end = &walk->ends[step->end & 1];
    walk->memory_was_short_before = walk->memory_was_short;
    walk->result->coverage.actions[step->action]++;
    walk->result->coverage.states[end->model.state]++;
    switch ((enum walk_action)step->action) {
    case WALK_ADD_TRANSCEIVER:
    case WALK_ADD_TRACK: walk_add(end, step, step->action == WALK_ADD_TRACK); break;
    case WALK_REMOVE_TRACK:
    case WALK_SET_DIRECTION:
    case WALK_SET_CODECS:
    case WALK_STOP: walk_change(end, step); break;
    case WALK_CREATE_OFFER:
    case WALK_CREATE_ANSWER: walk_create(end, step->action == WALK_CREATE_OFFER); break;
    case WALK_SET_LOCAL: walk_set_some_local(end, step); break;
    case WALK_SET_LOCAL_IMPLICIT: walk_set_local(end, w3c_implicit_type(&end->model), true, NULL, true); break;
    case WALK_ROLL_BACK: walk_set_local(end, W3C_ROLLBACK, false, NULL, true); break;
    case WALK_HEAR_ROLL_BACK: walk_hear_roll_back(end); break;
    case WALK_HEAR: walk_hear_something(end, step); break;
    case WALK_MISS: end->heard_count += end->heard_count < walk_other(end)->message_count; break;
    case WALK_HEAR_HOSTILE: walk_hear_hostile(end, step); break;
    case WALK_GIVE_CANDIDATES: walk_give_some_candidates(end, step); break;
    case WALK_GIVE_BAD_CANDIDATE: walk_give_bad_candidate(end, step); break;
    case WALK_RESTART: restart(end); break;
    case WALK_INSERT_DTMF: insert_dtmf(end, step); break;
    case WALK_SEND_FRAME: send_frame(end, step); break;
    case WALK_REQUEST_KEY_FRAME: request_key_frame(end, step); break;
    case WALK_PASS_TIME: pass_time(walk, step); break;
    case WALK_LOSE_INTERFACE: lose_interface(end); break;
    case WALK_CREATE_CHANNEL: walk_create_channel(end, step); break;
    case WALK_SEND_DATA: walk_send_data(end, step); break;
    case WALK_CLOSE_CHANNEL: walk_close_channel(end, step); break;
    case WALK_DISTURB: walk_disturb(end, step); break;
    case WALK_CLOSE: close_end(end); break;
    case WALK_ACTION_COUNT: break;
    }
    walk_touch(end);
}

