#include <stdio.h>
#include <string.h>

#include "test/sim/walk_internal.h"

/* ---- local descriptions ------------------------------------------------------------------------------------------------------------------ */

static bool judge_created(struct walk_end *end, struct walk_message *message) {
    char why[W3C_WHY_BYTES];
    bool is_offer = message->type == W3C_OFFER;
    bool is_well = is_offer ? w3c_judge_offer(&end->model, &message->lines, &end->model.created_offer, why) : w3c_judge_answer(&end->model, &message->lines, why);
    if (is_offer) {
        if (is_well)
            w3c_learn_own_stream(&end->model, &message->lines);
        message->based_local = end->model.current_local.id;
        message->based_remote = end->model.current_remote.id;
    } else {
        message->answers = end->model.pending_remote.id;
    }
    if (!is_well)
        walk_say(end->walk, "%s\n", message->text);
    return is_well ? true : walk_fail(end->walk, "%c: %s in %s: %s", 'A' + end->index, walk_type_name(message->type), w3c_state_name(end->model.state), why);
}

void walk_create(struct walk_end *end, bool is_offer) {
    struct walk *walk = end->walk;
    size_t length = 0;
    struct peer_problem problem = {0};
    int error = is_offer ? peer_connection_create_offer(end->connection, walk_now(end), walk->text, sizeof walk->text, &length, &problem)
                         : peer_connection_create_answer(end->connection, walk_now(end), walk->text, sizeof walk->text, &length, &problem);
    unsigned may = is_offer ? w3c_may_create_offer(&end->model) : w3c_may_create_answer(&end->model);
    if (!walk_judge_call(end, error, may, is_offer ? "createOffer" : "createAnswer"))
        return;
    struct walk_message *message = walk_message_new(end, is_offer ? W3C_OFFER : W3C_ANSWER, walk->text, length);
    *(is_offer ? &end->created_offer : &end->created_answer) = message;
    end->is_answer_stale &= is_offer;
    (void)judge_created(end, message);
}

/* What setLocalDescription made on the way, read back. */
static struct walk_message *read_local(struct walk_end *end, enum w3c_type type) {
    struct walk *walk = end->walk;
    enum peer_sdp_type set;
    size_t length = 0;
    enum peer_description_which which = type == W3C_ANSWER ? PEER_CURRENT_LOCAL : PEER_PENDING_LOCAL;
    if (peer_connection_description(end->connection, which, &set, walk->text, sizeof walk->text, &length) != PEER_OK || set != walk_peer_type(type)) {
        walk_fail(walk, "%c: there is no local %s after it was set", 'A' + end->index, walk_type_name(type));
        return NULL;
    }
    struct walk_message *message = walk_message_new(end, type, walk->text, length);
    return judge_created(end, message) ? message : NULL;
}

static void follow_local(struct walk_end *end, struct walk_message *message, enum w3c_type type) {
    struct walk *walk = end->walk;
    if (!message)
        message = read_local(end, type);
    if (!message)
        return;
    if (type == W3C_PRANSWER && message->type == W3C_ANSWER) { /* the same text is said as something else */
        struct walk_message *provisional = walk_message_new(end, type, message->text, message->length);
        provisional->answers = message->answers;
        message = provisional;
    }
    struct w3c_description description = {&message->lines, type, message->id};
    w3c_did_set_local(&end->model, &description);
    if (type == W3C_ANSWER) {
        walk->result->coverage.exchanges++;
        end->created_offer = end->created_answer = NULL;
    }
    walk_end_says(end, message);
    walk_judge_descriptions(end);
}

/* Has an offer perhaps more sections than there are transports? Each has one, until an answer bundles them. */
static bool may_want_too_many_transports(const struct walk_end *end) {
    size_t sections = 1; /* that of data channels */
    for (size_t i = 0; i < W3C_TRANSCEIVER_MAX; i++)
        sections += end->model.transceivers[i].exists;
    return end->walk->script->policies[end->index] == PEER_BUNDLE_MAX_COMPAT && sections > PEER_TRANSPORT_MAX;
}

void walk_set_local(struct walk_end *end, enum w3c_type type, bool is_implicit, struct walk_message *message, bool is_last_created) {
    enum peer_sdp_type peer_type = is_implicit ? PEER_SDP_IMPLICIT : walk_peer_type(type);
    unsigned may = w3c_may_set_local(&end->model, type, is_last_created);
    if (end->walk->is_estranged && may == W3C_OK && type != W3C_OFFER)
        may |= W3C_INVALID_CONTENT; /* to an offer of another history there may be none: the transports that it means are not ours */
    if (walk_other(end)->model.state == W3C_CLOSED && (may & W3C_OK) && type != W3C_OFFER)
        may |= W3C_INVALID_STATE; /* the other end's close_notify has ended the transport that the answer is for */
    if (type == W3C_OFFER && (may & W3C_OK) && may_want_too_many_transports(end))
        may |= W3C_FULL;
    struct peer_problem problem = {0};
    int error = peer_connection_set_local_description(end->connection, walk_now(end), peer_type, message ? message->text : NULL, message ? message->length : 0, &problem);
    char what[64];
    snprintf(what, sizeof what, "setLocalDescription(%s%s%s)", is_implicit ? "implicit " : "", walk_type_name(type), message ? is_last_created
             ? ", created" : ", not the last" : "");
    if (error != PEER_OK && !problem.rule)
        walk_fail(end->walk, "%c: %s: no rule", 'A' + end->index, what);
    /* Another text is the last created one now, also when it was not set; it has candidates that the text set has not. */
    if (!message && type != W3C_ROLLBACK && error != PEER_ERROR_STATE)
        *(type == W3C_OFFER ? &end->created_offer : &end->created_answer) = NULL;
    if (!walk_judge_call(end, error, may, what))
        return;
    if (type == W3C_ROLLBACK) {
        w3c_did_roll_back(&end->model);
        end->walk->result->coverage.roll_backs++;
        return;
    }
    follow_local(end, message, type);
}

void walk_set_some_local(struct walk_end *end, const struct walk_step *step) {
    enum w3c_type type = (enum w3c_type)(step->a % 3);
    struct walk_message *created = type == W3C_OFFER ? end->created_offer : end->created_answer;
    if (step->b % 8 == 7 && end->message_count > 0) { /* something that it said once */
        struct walk_message *old = end->messages[step->b / 8 % end->message_count];
        /* It may be, word for word, what was created last on the way. */
        if (old != end->created_offer && old != end->created_answer && created && (old->length != created->length || memcmp(old->text, created->text, old->length) != 0))
            walk_set_local(end, type, false, old, false);
    } else if (step->b % 2 == 0 && created) {
        walk_set_local(end, type, false, created, type == W3C_OFFER || !end->is_answer_stale);
    } else {
        walk_set_local(end, type, false, NULL, true);
    }
}

/* ---- remote descriptions -------------------------------------------------------------------------------------------------------------------- */

/* What may become of something that the other end really said: it depends on whether both mean the same history. */
static unsigned may_hear(const struct walk_end *end, const struct walk_message *message, bool *is_doubtful) {
    const struct w3c_model *model = &end->model;
    unsigned may = w3c_may_set_remote(model, message->type);
    *is_doubtful = false;
    if (may != W3C_OK)
        return may;
    if (message->type != W3C_OFFER) {
        *is_doubtful = message->answers != model->pending_local.id || end->walk->is_estranged;
        if (!*is_doubtful)
            return W3C_OK;
        return w3c_answers(model->pending_local.lines, &message->lines) ? W3C_OK | W3C_INVALID_CONTENT : W3C_INVALID_CONTENT;
    }
    if (!w3c_follows(model->current_local.lines, &message->lines))
        return W3C_INVALID_CONTENT;
    *is_doubtful = end->walk->is_estranged || message->based_local != model->current_remote.id || message->based_remote != model->current_local.id;
    bool is_second = model->state == W3C_HAVE_REMOTE_OFFER; /* it is checked as if the first had been answered */
    return *is_doubtful || is_second ? W3C_OK | W3C_INVALID_CONTENT : W3C_OK;
}

/* Whether it says only what was offered: codecs, which the model does not know, decide what is refused. */
static bool has_offered_codecs(const struct sdp_lines *offer, const struct sdp_lines *answer) {
    for (size_t i = 0; i < answer->count; i++)
        for (size_t k = 0; k < answer->sections[i].format_count && !sdp_lines_is_refused(&answer->sections[i]); k++)
            if (answer->sections[i].formats[k].name[0] && sdp_lines_payload_type(&offer->sections[i], answer->sections[i].formats[k].name) < 0)
                return false;
    return true;
}

static bool hear(struct walk_end *end, const struct walk_message *message) {
    struct walk *walk = end->walk;
    bool is_doubtful;
    unsigned may = may_hear(end, message, &is_doubtful);
    struct peer_problem problem = {0};
    int error = peer_connection_set_remote_description(end->connection, walk_now(end), walk_peer_type(message->type), message->text, message->length, &problem);
    char what[80];
    snprintf(what, sizeof what, "setRemoteDescription(%s %llu%s)", walk_type_name(message->type), (unsigned long long)message->id, is_doubtful ? ", doubtful" : "");
    if (error != PEER_OK && !problem.rule)
        walk_fail(walk, "%c: %s: no rule", 'A' + end->index, what);
    if (!walk_judge_call(end, error, may, what))
        return false;
    if (is_doubtful && message->type != W3C_OFFER && !has_offered_codecs(end->model.pending_local.lines, &message->lines)) {
        walk->is_judged = false;
        return false;
    }
    walk->is_estranged |= is_doubtful;
    walk->result->coverage.doubtful += is_doubtful;
    struct w3c_description description = {&message->lines, message->type, message->id};
    w3c_did_set_remote(&end->model, &description);
    end->is_answer_stale |= message->type == W3C_OFFER; /* an answer is to one offer (docs/peer.md, deviations) */
    if (message->type == W3C_ANSWER) {
        walk->result->coverage.exchanges++;
        end->created_offer = end->created_answer = NULL;
    }
    walk_judge_descriptions(end);
    return !walk->result->failed;
}

void walk_hear_something(struct walk_end *end, const struct walk_step *step) {
    const struct walk_end *other = walk_other(end);
    if (other->message_count == 0)
        return;
    size_t which = end->heard_count;
    switch (step->a % 8) {
    case 5: which = step->b % other->message_count; break;
    case 6: which = end->heard_count > 0 ? end->heard_count - 1 : 0; break;
    case 7: which = other->message_count - 1; break;
    default: break;
    }
    if (which >= other->message_count)
        return;
    if (which >= end->heard_count)
        end->heard_count = which + 1;
    (void)hear(end, other->messages[which]);
}

void walk_hear_roll_back(struct walk_end *end) {
    struct peer_problem problem = {0};
    int error = peer_connection_set_remote_description(end->connection, walk_now(end), PEER_SDP_ROLLBACK, NULL, 0, &problem);
    if (!walk_judge_call(end, error, w3c_may_set_remote(&end->model, W3C_ROLLBACK), "setRemoteDescription(rollback)"))
        return;
    w3c_did_roll_back(&end->model);
    end->walk->result->coverage.roll_backs++;
}

/* What the other end said last, but for some bytes. Whatever becomes of it, an error has changed nothing. */
void walk_hear_hostile(struct walk_end *end, const struct walk_step *step) {
    struct walk *walk = end->walk;
    const struct walk_end *other = walk_other(end);
    if (other->message_count == 0)
        return;
    const struct walk_message *message = other->messages[other->message_count - 1];
    size_t length = message->length < sizeof walk->text ? message->length : sizeof walk->text;
    memcpy(walk->text, message->text, length);
    struct sim_random random;
    sim_random_seed(&random, step->a * 256u + step->b);
    for (unsigned changes = 1 + (step->a & 3); changes > 0 && length > 1; changes--) {
        size_t at = (size_t)sim_random_below(&random, length), many = (size_t)sim_random_below(&random, length - at < 40 ? length - at : 40);
        switch (sim_random_below(&random, 4)) {
        case 0: walk->text[at] = (char)sim_random_below(&random, 256); break;
        case 1: walk->text[at] = "0123456789:/= \r\n"[sim_random_below(&random, 16)]; break;
        case 2: memmove(walk->text + at, walk->text + at + many, length - at - many), length -= many; break;
        default: memcpy(walk->text + at, message->text + (size_t)sim_random_below(&random, message->length - many), many); break;
        }
    }
    struct peer_problem problem = {0};
    int error = peer_connection_set_remote_description(end->connection, walk_now(end), walk_peer_type(step->b & 1 ? W3C_OFFER : message->type),
                                                       walk->text, length, &problem);
    unsigned may = W3C_OK | W3C_INVALID_CONTENT | W3C_INVALID_STATE | W3C_FULL | W3C_INVALID_MODIFICATION;
    bool was_judged = walk->is_judged;
    (void)walk_judge_call(end, error, may, "setRemoteDescription(hostile)");
    walk->is_judged = was_judged && error != PEER_OK;
    bool is_inside = !problem.text || (problem.text >= walk->text && problem.text + problem.length <= walk->text + length);
    if (error != PEER_OK && (!problem.rule || !is_inside))
        walk_fail(walk, "%c: setRemoteDescription(hostile): no rule, or a text that is not in it", 'A' + end->index);
}

/* ---- for the settlement --------------------------------------------------------------------------------------------------------------------------------- */

bool walk_say_description(struct walk_end *end) {
    size_t before = end->message_count;
    walk_set_local(end, w3c_implicit_type(&end->model), true, NULL, true);
    walk_touch(end);
    return end->message_count > before && !end->walk->result->failed;
}

bool walk_hear_next(struct walk_end *end) {
    const struct walk_end *other = walk_other(end);
    end->heard_count = other->message_count;
    bool is_well = other->message_count > 0 && hear(end, other->messages[other->message_count - 1]);
    walk_touch(end);
    return is_well;
}
