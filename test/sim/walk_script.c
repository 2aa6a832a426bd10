#include <stdio.h>
#include <string.h>

#include "test/sim/walk_internal.h"

static const struct {
    const char *name;
    unsigned weight;
} actions[WALK_ACTION_COUNT] = {
    [WALK_ADD_TRANSCEIVER] = {"addTransceiver", 10},
    [WALK_ADD_TRACK] = {"addTrack", 10},
    [WALK_REMOVE_TRACK] = {"removeTrack", 4},
    [WALK_SET_DIRECTION] = {"direction", 8},
    [WALK_SET_CODECS] = {"setCodecPreferences", 4},
    [WALK_STOP] = {"stop", 5},
    [WALK_CREATE_OFFER] = {"createOffer", 5},
    [WALK_CREATE_ANSWER] = {"createAnswer", 5},
    [WALK_SET_LOCAL] = {"setLocalDescription", 12},
    [WALK_SET_LOCAL_IMPLICIT] = {"setLocalDescription()", 16},
    [WALK_ROLL_BACK] = {"setLocalDescription(rollback)", 3},
    [WALK_HEAR_ROLL_BACK] = {"setRemoteDescription(rollback)", 2},
    [WALK_HEAR] = {"setRemoteDescription", 24},
    [WALK_MISS] = {"lost", 2},
    [WALK_HEAR_HOSTILE] = {"setRemoteDescription(hostile)", 3},
    [WALK_GIVE_CANDIDATES] = {"addIceCandidate", 8},
    [WALK_GIVE_BAD_CANDIDATE] = {"addIceCandidate(bad)", 2},
    [WALK_RESTART] = {"restartIce", 3},
    [WALK_INSERT_DTMF] = {"insertDTMF", 2},
    [WALK_SEND_FRAME] = {"sendFrame", 4},
    [WALK_REQUEST_KEY_FRAME] = {"requestKeyFrame", 1},
    [WALK_PASS_TIME] = {"time", 8},
    [WALK_LOSE_INTERFACE] = {"interface", 1},
    [WALK_CREATE_CHANNEL] = {"createDataChannel", 4},
    [WALK_SEND_DATA] = {"send", 6},
    [WALK_CLOSE_CHANNEL] = {"close of a channel", 2},
    [WALK_DISTURB] = {"disturb", 2},
    [WALK_CLOSE] = {"close", 0},
};

const char *walk_action_name(enum walk_action action) {
    return actions[action].name;
}

static enum walk_action choose_action(struct sim_random *random) {
    unsigned sum = 0;
    for (unsigned i = 0; i < WALK_ACTION_COUNT; i++)
        sum += actions[i].weight;
    uint64_t left = sim_random_below(random, sum);
    unsigned action = 0;
    while (left >= actions[action].weight)
        left -= actions[action++].weight;
    return (enum walk_action)action;
}

static void push(struct walk_script *script, enum walk_action action, uint64_t end, uint64_t arguments) {
    if (script->count < WALK_STEP_MAX)
        script->steps[script->count++] = (struct walk_step){(uint8_t)action, (uint8_t)(end & 1), (uint8_t)arguments, (uint8_t)(arguments >> 8)};
}

/* An offer and its answer, as they should be, sometimes with something in between. */
static void push_exchange(struct walk_script *script, struct sim_random *random) {
    uint64_t offerer = sim_random_u64(random);
    const struct {
        enum walk_action action;
        uint64_t end;
    } order[] = {{WALK_SET_LOCAL_IMPLICIT, offerer}, {WALK_HEAR, offerer + 1}, {WALK_SET_LOCAL_IMPLICIT, offerer + 1}, {WALK_HEAR, offerer}};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        push(script, order[i].action, order[i].end, order[i].action == WALK_HEAR ? 7 : 0);
        if (sim_random_chance(random, 0.15))
            push(script, choose_action(random), sim_random_u64(random), sim_random_u64(random));
    }
}

static void push_connection(struct walk_script *script) {
    for (uint64_t end = 0; end < 2; end++)
        push(script, WALK_GIVE_CANDIDATES, end, 7);
    push(script, WALK_PASS_TIME, 0, 9);
}

void walk_script_from_seed(struct walk_script *script, uint64_t seed) {
    struct sim_random random;
    sim_random_seed(&random, seed);
    *script = (struct walk_script){.seed = seed};
    for (int i = 0; i < 2; i++)
        script->policies[i] = (enum peer_bundle_policy)sim_random_below(&random, 3);
    script->settles = sim_random_chance(&random, 0.2);
    script->is_bad = sim_random_chance(&random, 0.5);
    script->is_hostile = sim_random_chance(&random, 0.1);
    bool closes = sim_random_chance(&random, 0.15);
    size_t length = 8 + (size_t)sim_random_below(&random, 56);
    while (script->count < length) {
        uint64_t choice = sim_random_below(&random, 100);
        if (choice < 12) {
            push_exchange(script, &random);
        } else if (choice < 14) {
            push_connection(script);
        } else if (choice == 14 && closes && script->count > 4) {
            push(script, WALK_CLOSE, sim_random_u64(&random), 0);
        } else {
            enum walk_action action = choose_action(&random);
            push(script, action == WALK_HEAR_HOSTILE && !script->is_hostile ? WALK_HEAR : action, sim_random_u64(&random), sim_random_u64(&random));
        }
    }
}

/* ---- shorter, as long as it fails ---------------------------------------------------------------------------------------------------- */

/* The first words, before what is counted: the same failure, most likely. */
static bool is_same_reason(const char *a, const char *b) {
    size_t length = strcspn(a, ":(0123456789");
    if (a[0] != '\0' && a[1] == ':')
        length = 2 + strcspn(a + 2, ":(0123456789");
    return strncmp(a, b, length > 4 ? length : 4) == 0;
}

static bool fails_alike(const struct walk_script *script, const char *why) {
    struct walk_result result;
    return !walk_run(script, &result) && is_same_reason(why, result.why);
}

void walk_shrink(struct walk_script *script) {
    struct walk_result first;
    if (walk_run(script, &first))
        return;
    if (first.at_step < script->count) {
        script->count = first.at_step + 1;
        script->settles = false;
    }
    for (size_t many = script->count / 2; many > 0; many /= 2)
        for (size_t at = 0; at + many <= script->count;) {
            struct walk_script less = *script;
            memmove(&less.steps[at], &less.steps[at + many], (less.count - at - many) * sizeof less.steps[0]);
            less.count -= many;
            if (fails_alike(&less, first.why))
                *script = less;
            else
                at++;
        }
}
