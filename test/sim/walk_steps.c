#include <stdio.h>
#include <string.h>

#include "test/sim/walk_internal.h"

/* ---- outcomes ------------------------------------------------------------------------------------------------------------------ */

unsigned walk_outcome(int error) {
    switch (error) {
    case PEER_OK: return W3C_OK;
    case PEER_ERROR_STATE: return W3C_INVALID_STATE;
    case PEER_ERROR_ARGUMENT: return W3C_INVALID_MODIFICATION;
    case PEER_ERROR_MALFORMED:
    case PEER_ERROR_NOT_AGREED: return W3C_INVALID_CONTENT;
    case PEER_ERROR_NOT_FOUND: return W3C_NOT_FOUND;
    case PEER_ERROR_CAPACITY: return W3C_FULL;
    default: return 0;
    }
}

enum peer_sdp_type walk_peer_type(enum w3c_type type) {
    static const enum peer_sdp_type types[] = {PEER_SDP_OFFER, PEER_SDP_PRANSWER, PEER_SDP_ANSWER, PEER_SDP_ROLLBACK};
    return types[type];
}

static const char *type_name(enum w3c_type type) {
    static const char *const names[] = {"offer", "pranswer", "answer", "rollback"};
    return names[type];
}

/* Has the call ended as it may? Prints it, drains the connection. True: it was PEER_OK, and the model is to follow. */
static bool judge(struct walk_end *end, int error, unsigned may, const char *what) {
    struct walk *walk = end->walk;
    const char *problem = peer_connection_problem(end->connection);
    walk_say(walk, "    %3zu %c %s: %s%s%s\n", walk->step, 'A' + end->index, what, peer_error_name(error), error ? ", " : "", error && problem ? problem : "");
    walk->result->coverage.calls++;
    walk->result->coverage.refused += error != PEER_OK;
    if (walk->memory_was_short && !walk->memory_was_short_before && error != PEER_OK && error != PEER_ERROR_MEMORY)
        walk_fail(walk, "%c: %s: memory is short, and the error is %s", 'A' + end->index, what, peer_error_name(error));
    if (walk->is_judged && !(walk_outcome(error) & may))
        walk_fail(walk, "%c: %s in %s: %s (%s), allowed: %#x", 'A' + end->index, what, w3c_state_name(end->model.state), peer_error_name(error), problem ? problem : "", may);
    if (error != PEER_OK && (!problem || problem[0] == '\0'))
        walk_fail(walk, "%c: %s: an error without a word", 'A' + end->index, what);
    return error == PEER_OK && walk->is_judged && !walk->result->failed;
}

static uint64_t now(const struct walk_end *end) {
    return sim_now(end->walk->sim);
}

static struct walk_end *other_of(const struct walk_end *end) {
    return &end->walk->ends[1 - end->index];
}

/* ---- transceivers ------------------------------------------------------------------------------------------------------------------- */

static size_t some_number(const struct walk_end *end, unsigned choice) {
    size_t count = 1; /* one too many */
    for (size_t i = 0; i < W3C_TRANSCEIVER_MAX; i++)
        if (end->model.transceivers[i].exists)
            count = i + 2;
    return choice % count;
}

struct codec_choice {
    struct peer_codec_capability codecs[PEER_CODEC_PREFERENCE_MAX + 1];
    size_t count;
    unsigned mask;
    bool is_wrong;
};

static struct codec_choice choose_codecs(bool is_video, unsigned choice) {
    static const enum peer_codec audio[] = {PEER_CODEC_OPUS, PEER_CODEC_PCMU, PEER_CODEC_PCMA}, video[] = {PEER_CODEC_VP8, PEER_CODEC_VP9, PEER_CODEC_H264, PEER_CODEC_AV1};
    static const uint8_t audio_masks[] = {0, 0, 0, 0, 0, 0, 1, 2, 4, 3, 6, 5, 7, 7, 3, 1}, video_masks[] = {0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 3, 5, 6, 15, 7, 12};
    struct codec_choice chosen = {.is_wrong = choice == 255};
    if (chosen.is_wrong) {
        chosen.codecs[chosen.count++].codec = is_video ? PEER_CODEC_OPUS : PEER_CODEC_VP8;
        return chosen;
    }
    chosen.mask = is_video ? video_masks[choice % 16] : audio_masks[choice % 16];
    for (unsigned i = 0, bit; w3c_codec_name(is_video, i); i++) {
        for (bit = 0; w3c_codec_name(is_video, bit); bit++) {
        }
        bit = choice & 16 ? bit - 1 - i : i; /* from the last, or from the first */
        if (chosen.mask >> bit & 1)
            chosen.codecs[chosen.count++].codec = is_video ? video[bit] : audio[bit];
    }
    return chosen;
}

struct stream_choice {
    const char *ids[2];
    size_t count;
    uint64_t hash;
};

static struct stream_choice choose_streams(unsigned choice) {
    static const char *const ids[] = {"camera", "screen", "second-room"};
    struct stream_choice chosen = {.count = choice % 4 == 3 ? 2 : choice % 4 == 2};
    for (size_t i = 0; i < chosen.count; i++) {
        chosen.ids[i] = ids[(choice / 4 + i) % 3];
        chosen.hash += sdp_lines_hash(chosen.ids[i], strlen(chosen.ids[i]));
    }
    return chosen;
}

static void add(struct walk_end *end, const struct walk_step *step, bool is_track) {
    bool is_video = step->a & 1;
    unsigned direction = step->a >> 1 & 3;
    struct codec_choice codecs = choose_codecs(is_video, step->b);
    struct stream_choice streams = choose_streams(step->a >> 3);
    struct peer_transceiver_config config = {.kind = is_video ? PEER_VIDEO : PEER_AUDIO,
                                             .direction = (enum peer_direction)direction,
                                             .codecs = codecs.count ? codecs.codecs : NULL,
                                             .codec_count = codecs.count,
                                             .streams = streams.count ? streams.ids : NULL,
                                             .stream_count = streams.count};
    struct w3c_model *model = &end->model;
    int expected = is_track ? w3c_track_number(model, is_video) : w3c_next_number(model);
    unsigned may = is_track && expected >= 0 && model->state != W3C_CLOSED ? W3C_OK : w3c_may_add(model);
    if (codecs.is_wrong)
        may = may == W3C_OK ? W3C_INVALID_MODIFICATION : may | W3C_INVALID_MODIFICATION;
    size_t number = SIZE_MAX;
    int error = is_track ? peer_connection_add_track(end->connection, &config, &number) : peer_connection_add_transceiver(end->connection, &config, &number);
    char what[96];
    snprintf(what, sizeof what, "%s(%s, direction %u, codecs %#x, %zu streams)", is_track ? "addTrack" : "addTransceiver", is_video ? "video" : "audio", direction, codecs.mask,
             streams.count);
    if (!judge(end, error, may, what))
        return;
    if (number != (size_t)expected)
        walk_fail(end->walk, "%c: %s: number %zu, not %d", 'A' + end->index, what, number, expected);
    else if (is_track)
        w3c_did_add_track(model, is_video, codecs.mask, (unsigned)streams.count, streams.hash);
    else
        w3c_did_add_transceiver(model, is_video, direction, codecs.mask, (unsigned)streams.count, streams.hash);
}

static void change(struct walk_end *end, const struct walk_step *step) {
    size_t number = some_number(end, step->a);
    struct w3c_model *model = &end->model;
    char what[64];
    if (step->action == WALK_REMOVE_TRACK) {
        snprintf(what, sizeof what, "removeTrack(%zu)", number);
        int error = peer_connection_remove_track(end->connection, number);
        if (judge(end, error, w3c_may_change(model, (int)number, false), what))
            w3c_did_remove_track(model, (int)number);
    } else if (step->action == WALK_SET_DIRECTION) {
        snprintf(what, sizeof what, "%zu.direction = %u", number, step->b & 3u);
        int error = peer_connection_set_direction(end->connection, number, (enum peer_direction)(step->b & 3));
        if (judge(end, error, w3c_may_change(model, (int)number, true), what))
            w3c_did_set_direction(model, (int)number, step->b & 3);
    } else if (step->action == WALK_STOP) {
        snprintf(what, sizeof what, "%zu.stop", number);
        int error = peer_connection_stop_transceiver(end->connection, number);
        if (judge(end, error, w3c_may_change(model, (int)number, false), what))
            w3c_did_stop(model, (int)number);
    } else {
        bool is_video = model->transceivers[number % W3C_TRANSCEIVER_MAX].is_video;
        struct codec_choice codecs = choose_codecs(is_video, step->b);
        unsigned may = w3c_may_change(model, (int)number, false);
        if (may == W3C_OK && model->transceivers[number].is_stopping)
            may |= W3C_INVALID_STATE; /* the documents do not say */
        if (codecs.is_wrong)
            may = may == W3C_OK ? W3C_INVALID_MODIFICATION : (may & ~(unsigned)W3C_OK) | W3C_INVALID_MODIFICATION;
        snprintf(what, sizeof what, "%zu.setCodecPreferences(%#x)", number, codecs.mask);
        int error = peer_connection_set_codec_preferences(end->connection, number, codecs.count ? codecs.codecs : NULL, codecs.count);
        if (judge(end, error, may, what))
            model->transceivers[number].codecs = codecs.mask;
    }
}

/* ---- local descriptions ------------------------------------------------------------------------------------------------------------------ */

static bool judge_created(struct walk_end *end, struct walk_message *message) {
    char why[W3C_WHY_BYTES];
    bool is_offer = message->type == W3C_OFFER;
    bool is_well = is_offer ? w3c_judge_offer(&end->model, &message->lines, &end->model.created_offer, why) : w3c_judge_answer(&end->model, &message->lines, why);
    if (is_offer) {
        message->based_local = end->model.current_local.id;
        message->based_remote = end->model.current_remote.id;
    } else {
        message->answers = end->model.pending_remote.id;
    }
    if (!is_well)
        walk_say(end->walk, "%s\n", message->text);
    return is_well ? true : walk_fail(end->walk, "%c: %s in %s: %s", 'A' + end->index, type_name(message->type), w3c_state_name(end->model.state), why);
}

static void create(struct walk_end *end, bool is_offer) {
    struct walk *walk = end->walk;
    size_t length = 0;
    struct peer_problem problem = {0};
    int error = is_offer ? peer_connection_create_offer(end->connection, now(end), walk->text, sizeof walk->text, &length, &problem)
                         : peer_connection_create_answer(end->connection, now(end), walk->text, sizeof walk->text, &length, &problem);
    unsigned may = is_offer ? w3c_may_create_offer(&end->model) : w3c_may_create_answer(&end->model);
    if (!judge(end, error, may, is_offer ? "createOffer" : "createAnswer"))
        return;
    struct walk_message *message = walk_message_new(end, is_offer ? W3C_OFFER : W3C_ANSWER, walk->text, length);
    *(is_offer ? &end->created_offer : &end->created_answer) = message;
    (void)judge_created(end, message);
}

/* What setLocalDescription made on the way, read back. */
static struct walk_message *read_local(struct walk_end *end, enum w3c_type type) {
    struct walk *walk = end->walk;
    enum peer_sdp_type set;
    size_t length = 0;
    enum peer_description_which which = type == W3C_ANSWER ? PEER_CURRENT_LOCAL : PEER_PENDING_LOCAL;
    if (peer_connection_description(end->connection, which, &set, walk->text, sizeof walk->text, &length) != PEER_OK || set != walk_peer_type(type)) {
        walk_fail(walk, "%c: there is no local %s after it was set", 'A' + end->index, type_name(type));
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
    if (type != W3C_OFFER && message->answers != end->model.pending_remote.id)
        walk->is_estranged = true;
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

static void set_local(struct walk_end *end, enum w3c_type type, bool is_implicit, struct walk_message *message, bool is_last_created) {
    enum peer_sdp_type peer_type = is_implicit ? PEER_SDP_IMPLICIT : walk_peer_type(type);
    unsigned may = w3c_may_set_local(&end->model, type, is_last_created);
    bool is_stale = message && type != W3C_OFFER && message->answers != end->model.pending_remote.id;
    if (is_stale && may == W3C_OK) /* an answer to an offer before: its sections may be others */
        may = w3c_answers(end->model.pending_remote.lines, &message->lines) ? W3C_OK | W3C_INVALID_MODIFICATION | W3C_INVALID_CONTENT : W3C_INVALID_MODIFICATION | W3C_INVALID_CONTENT;
    struct peer_problem problem = {0};
    int error = peer_connection_set_local_description(end->connection, now(end), peer_type, message ? message->text : NULL, message ? message->length : 0, &problem);
    char what[64];
    snprintf(what, sizeof what, "setLocalDescription(%s%s%s)", is_implicit ? "implicit " : "", type_name(type), message ? is_last_created ? ", created" : ", not the last" : "");
    if (error != PEER_OK && !problem.rule)
        walk_fail(end->walk, "%c: %s: no rule", 'A' + end->index, what);
    if (!judge(end, error, may, what))
        return;
    if (type == W3C_ROLLBACK) {
        w3c_did_roll_back(&end->model);
        end->walk->result->coverage.roll_backs++;
        return;
    }
    if (!message && type == W3C_OFFER)
        end->created_offer = NULL; /* another text is the last created one now, with candidates that the text set has not */
    if (!message && type != W3C_OFFER)
        end->created_answer = NULL;
    follow_local(end, message, type);
}

static void set_some_local(struct walk_end *end, const struct walk_step *step) {
    enum w3c_type type = (enum w3c_type)(step->a % 3);
    struct walk_message *created = type == W3C_OFFER ? end->created_offer : end->created_answer;
    if (step->b % 8 == 7 && end->message_count > 0) { /* something that it said once */
        struct walk_message *old = end->messages[step->b / 8 % end->message_count];
        /* It may be, word for word, what was created last on the way. */
        if (old != end->created_offer && old != end->created_answer && created && (old->length != created->length || memcmp(old->text, created->text, old->length) != 0))
            set_local(end, type, false, old, false);
    } else if (step->b % 2 == 0 && created) {
        set_local(end, type, false, created, true);
    } else {
        set_local(end, type, false, NULL, true);
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
        if (message->answers == model->pending_local.id)
            return W3C_OK;
        *is_doubtful = true;
        return w3c_answers(model->pending_local.lines, &message->lines) ? W3C_OK | W3C_INVALID_CONTENT : W3C_INVALID_CONTENT;
    }
    if (!w3c_follows(model->current_local.lines, &message->lines))
        return W3C_INVALID_CONTENT;
    *is_doubtful = message->based_local != model->current_remote.id || message->based_remote != model->current_local.id;
    bool is_second = model->state == W3C_HAVE_REMOTE_OFFER; /* it is checked as if the first had been answered */
    return *is_doubtful || is_second ? W3C_OK | W3C_INVALID_CONTENT : W3C_OK;
}

static bool hear(struct walk_end *end, const struct walk_message *message) {
    struct walk *walk = end->walk;
    bool is_doubtful;
    unsigned may = may_hear(end, message, &is_doubtful);
    struct peer_problem problem = {0};
    int error = peer_connection_set_remote_description(end->connection, now(end), walk_peer_type(message->type), message->text, message->length, &problem);
    char what[80];
    snprintf(what, sizeof what, "setRemoteDescription(%s %llu%s)", type_name(message->type), (unsigned long long)message->id, is_doubtful ? ", doubtful" : "");
    if (error != PEER_OK && !problem.rule)
        walk_fail(walk, "%c: %s: no rule", 'A' + end->index, what);
    if (!judge(end, error, may, what))
        return false;
    walk->is_estranged |= is_doubtful;
    walk->result->coverage.doubtful += is_doubtful;
    struct w3c_description description = {&message->lines, message->type, message->id};
    w3c_did_set_remote(&end->model, &description);
    if (message->type == W3C_ANSWER) {
        walk->result->coverage.exchanges++;
        end->created_offer = end->created_answer = NULL;
    }
    walk_judge_descriptions(end);
    return !walk->result->failed;
}

static void hear_something(struct walk_end *end, const struct walk_step *step) {
    const struct walk_end *other = other_of(end);
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

static void hear_roll_back(struct walk_end *end) {
    struct peer_problem problem = {0};
    int error = peer_connection_set_remote_description(end->connection, now(end), PEER_SDP_ROLLBACK, NULL, 0, &problem);
    if (!judge(end, error, w3c_may_set_remote(&end->model, W3C_ROLLBACK), "setRemoteDescription(rollback)"))
        return;
    w3c_did_roll_back(&end->model);
    end->walk->result->coverage.roll_backs++;
}

/* What the other end said last, but for some bytes. Whatever becomes of it, an error has changed nothing. */
static void hear_hostile(struct walk_end *end, const struct walk_step *step) {
    struct walk *walk = end->walk;
    const struct walk_end *other = other_of(end);
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
    int error = peer_connection_set_remote_description(end->connection, now(end), walk_peer_type(step->b & 1 ? PEER_SDP_OFFER : message->type), walk->text, length, &problem);
    unsigned may = W3C_OK | W3C_INVALID_CONTENT | W3C_INVALID_STATE | W3C_FULL | W3C_INVALID_MODIFICATION;
    bool was_judged = walk->is_judged;
    (void)judge(end, error, may, "setRemoteDescription(hostile)");
    walk->is_judged = was_judged && error != PEER_OK;
    bool is_inside = !problem.text || (problem.text >= walk->text && problem.text + problem.length <= walk->text + length);
    if (error != PEER_OK && (!problem.rule || !is_inside))
        walk_fail(walk, "%c: setRemoteDescription(hostile): no rule, or a text that is not in it", 'A' + end->index);
}

/* ---- candidates --------------------------------------------------------------------------------------------------------------------------------- */

/* RFC 9429 section 4.1.19: its mid and ufrag are those of a remote description, or nobody wants it. */
static unsigned may_give(const struct walk_end *end, const struct walk_candidate *candidate) {
    const struct w3c_model *model = &end->model;
    if (model->state == W3C_CLOSED)
        return W3C_INVALID_STATE;
    const struct sdp_lines *all[] = {model->pending_remote.lines, model->current_remote.lines};
    bool has_any = false, has_mid = false, has_both = false;
    for (int i = 0; i < 2; i++) {
        int section = all[i] ? sdp_lines_find(all[i], candidate->mid) : -1;
        has_any |= all[i] != NULL;
        has_mid |= section >= 0;
        has_both |= section >= 0 && (candidate->ufrag[0] == '\0' || strcmp(all[i]->sections[section].ufrag, candidate->ufrag) == 0);
    }
    if (!has_any)
        return W3C_OK | W3C_FULL;
    if (has_both)
        return W3C_OK | W3C_FULL | W3C_NOT_FOUND; /* of what was before a restart, perhaps */
    return has_mid ? W3C_OK | W3C_NOT_FOUND | W3C_FULL : W3C_INVALID_MODIFICATION | W3C_NOT_FOUND;
}

static void give(struct walk_end *from, const struct walk_candidate *candidate) {
    struct walk_end *to = other_of(from);
    struct peer_candidate_init init = {.candidate = candidate->text,
                                       .candidate_length = strlen(candidate->text),
                                       .mid = candidate->mid,
                                       .mid_length = strlen(candidate->mid),
                                       .line_index = candidate->line_index,
                                       .ufrag = candidate->ufrag[0] ? candidate->ufrag : NULL,
                                       .ufrag_length = strlen(candidate->ufrag)};
    int error = peer_connection_add_ice_candidate(to->connection, now(to), &init);
    char what[96];
    snprintf(what, sizeof what, "addIceCandidate(%s, mid %s, ufrag %.16s)", candidate->is_end ? "end" : "candidate", candidate->mid, candidate->ufrag);
    (void)judge(to, error, may_give(to, candidate), what);
    walk_touch(to);
}

void walk_give_candidates(struct walk_end *end, size_t from) {
    for (size_t i = from; i < end->candidate_count && !end->walk->result->failed; i++)
        give(end, &end->candidates[i]);
    end->given_count = end->candidate_count;
}

static void give_some_candidates(struct walk_end *end, const struct walk_step *step) {
    if (step->a % 8 == 7) {
        walk_give_candidates(end, 0); /* all, again */
        return;
    }
    for (unsigned i = 0; i <= step->b % 4u && end->given_count < end->candidate_count; i++)
        give(end, &end->candidates[end->given_count++]);
}

static void give_bad_candidate(struct walk_end *end, const struct walk_step *step) {
    static const char good[] = "candidate:1 1 udp 2113937151 198.51.100.9 50000 typ host";
    struct peer_candidate_init init = {.candidate = good, .candidate_length = sizeof good - 1, .line_index = -1};
    bool is_closed = end->model.state == W3C_CLOSED, has_remote = w3c_remote(&end->model)->lines != NULL;
    unsigned may = 0;
    switch (step->a % 4) {
    case 0: /* no candidate at all */
        init.candidate = "candidate:1 1 udp x";
        init.candidate_length = 19;
        init.line_index = 0;
        may = W3C_INVALID_CONTENT;
        break;
    case 1: /* of a section that nobody has */
        init.mid = "nobody's";
        init.mid_length = 8;
        may = has_remote ? W3C_INVALID_MODIFICATION : W3C_OK | W3C_FULL;
        break;
    case 2: /* neither mid nor index: W3C webrtc section 4.4.2, TypeError */
        may = W3C_INVALID_MODIFICATION;
        break;
    default: /* a section far away */
        init.line_index = 100;
        may = has_remote ? W3C_INVALID_MODIFICATION : W3C_OK | W3C_FULL;
        break;
    }
    int error = peer_connection_add_ice_candidate(end->connection, now(end), &init);
    (void)judge(end, error, is_closed ? may | W3C_INVALID_STATE : may, "addIceCandidate(bad)");
}

/* ---- media, time, the end -------------------------------------------------------------------------------------------------------------------------- */

static void insert_dtmf(struct walk_end *end, const struct walk_step *step) {
    size_t number = some_number(end, step->a);
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
    int error = peer_connection_insert_dtmf(end->connection, now(end), number, is_bad ? "1Z" : "1,#", 40 + step->b, 30);
    (void)judge(end, error, may, "insertDTMF");
}

static void send_frame(struct walk_end *end, const struct walk_step *step) {
    size_t number = some_number(end, step->a);
    unsigned may = w3c_may_change(&end->model, (int)number, true);
    if (may == W3C_OK) {
        const struct w3c_transceiver *transceiver = &end->model.transceivers[number];
        bool agreed = transceiver->has_current && (transceiver->current & SDP_LINES_SENDONLY);
        bool is_connected = peer_connection_state(end->connection) == PEER_CONNECTION_CONNECTED;
        may = !agreed || peer_connection_state(end->connection) == PEER_CONNECTION_NEW ? W3C_INVALID_STATE : W3C_OK | W3C_FULL | W3C_INVALID_STATE;
        if (agreed && is_connected && (transceiver->direction & SDP_LINES_SENDONLY))
            may = W3C_OK | W3C_FULL;
    }
    (void)judge(end, walk_send_frame(end, number), may, "sendFrame");
}

static void request_key_frame(struct walk_end *end, const struct walk_step *step) {
    size_t number = some_number(end, step->a);
    unsigned may = w3c_may_change(&end->model, (int)number, false);
    int error = peer_connection_request_key_frame(end->connection, now(end), number);
    (void)judge(end, error, may | W3C_INVALID_STATE | W3C_INVALID_MODIFICATION, "requestKeyFrame");
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
    int error = peer_connection_handle_interfaces(end->connection, now(end), &interface, end->is_interface_down ? 0 : 1);
    (void)judge(end, error, end->model.state == W3C_CLOSED ? W3C_INVALID_STATE | W3C_OK : W3C_OK, end->is_interface_down ? "no interface" : "an interface");
}

static void restart(struct walk_end *end) {
    int error = peer_connection_restart_ice(end->connection, now(end));
    if (judge(end, error, end->model.state == W3C_CLOSED ? W3C_INVALID_STATE : W3C_OK, "restartIce"))
        w3c_did_restart(&end->model);
}

static void close_end(struct walk_end *end) {
    peer_connection_close(end->connection, now(end));
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
    case WALK_ADD_TRACK: add(end, step, step->action == WALK_ADD_TRACK); break;
    case WALK_REMOVE_TRACK:
    case WALK_SET_DIRECTION:
    case WALK_SET_CODECS:
    case WALK_STOP: change(end, step); break;
    case WALK_CREATE_OFFER:
    case WALK_CREATE_ANSWER: create(end, step->action == WALK_CREATE_OFFER); break;
    case WALK_SET_LOCAL: set_some_local(end, step); break;
    case WALK_SET_LOCAL_IMPLICIT: set_local(end, w3c_implicit_type(&end->model), true, NULL, true); break;
    case WALK_ROLL_BACK: set_local(end, W3C_ROLLBACK, false, NULL, true); break;
    case WALK_HEAR_ROLL_BACK: hear_roll_back(end); break;
    case WALK_HEAR: hear_something(end, step); break;
    case WALK_MISS: end->heard_count += end->heard_count < other_of(end)->message_count; break;
    case WALK_HEAR_HOSTILE: hear_hostile(end, step); break;
    case WALK_GIVE_CANDIDATES: give_some_candidates(end, step); break;
    case WALK_GIVE_BAD_CANDIDATE: give_bad_candidate(end, step); break;
    case WALK_RESTART: restart(end); break;
    case WALK_INSERT_DTMF: insert_dtmf(end, step); break;
    case WALK_SEND_FRAME: send_frame(end, step); break;
    case WALK_REQUEST_KEY_FRAME: request_key_frame(end, step); break;
    case WALK_PASS_TIME: pass_time(walk, step); break;
    case WALK_LOSE_INTERFACE: lose_interface(end); break;
    case WALK_CLOSE: close_end(end); break;
    case WALK_ACTION_COUNT: break;
    }
    walk_touch(end);
}

/* ---- for the settlement --------------------------------------------------------------------------------------------------------------------------------- */

bool walk_say_description(struct walk_end *end) {
    size_t before = end->message_count;
    set_local(end, w3c_implicit_type(&end->model), true, NULL, true);
    walk_touch(end);
    return end->message_count > before && !end->walk->result->failed;
}

bool walk_hear_next(struct walk_end *end) {
    const struct walk_end *other = other_of(end);
    end->heard_count = other->message_count;
    bool is_well = other->message_count > 0 && hear(end, other->messages[other->message_count - 1]);
    walk_touch(end);
    return is_well;
}
