/*
 * The selected pair may move: to a better one that was still in question when it was selected, or away from one that is dying.
 *
 * RFC 8445 section 8.1.1 wants one nomination and an ICE restart for anything else; docs/ice.md argues the deviation. What makes
 * it safe: a pair is only selected after a check of our own was answered on it since the reason to move arose, data flows on the
 * old pair until then, and a better pair is better on both sides.
 */
#include "ice/agent_internal.h"

#define IMPROVE_ROUNDS_MAX 3u /* a better pair is asked 0, 0.5, 1.5, then 3, 4, 6, then 9, 11, 15 s after its first check, and then no more */

bool ice_reselect_is_dying(const struct ice_agent *agent) {
    return ice_pair_is_concluded(agent, agent->generation) &&
           (agent->consent.late || !ice_pair_is_usable(agent, &agent->pairs[agent->selected]));
}

/* The pair that another one has to beat: nominated already, or just being. */
static const struct ice_pair *pair_to_beat(const struct ice_agent *agent) {
    if (agent->nominating != ICE_NONE && agent->pairs[agent->nominating].generation == agent->generation)
        return &agent->pairs[agent->nominating];
    return ice_pair_is_concluded(agent, agent->generation) ? &agent->pairs[agent->selected] : NULL;
}

bool ice_reselect_is_of_interest(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (pair->generation != agent->generation || !ice_pair_is_usable(agent, pair) || ice_generation_current_const(agent)->given_up)
        return false;
    if (ice_reselect_is_dying(agent))
        return ice_pair_index(agent, pair) != agent->selected;
    const struct ice_pair *other = pair_to_beat(agent);
    return other == NULL || (pair->priority > other->priority && pair->timeouts < IMPROVE_ROUNDS_MAX);
}

bool ice_reselect_is_searching(const struct ice_agent *agent) {
    for (size_t i = 0; i < agent->pair_count; i++) {
        const struct ice_pair *pair = &agent->pairs[i];
        bool in_question = pair->state == ICE_PAIR_FROZEN || pair->state == ICE_PAIR_WAITING || pair->state == ICE_PAIR_IN_PROGRESS ||
                           (pair->state == ICE_PAIR_FAILED && pair->timed_out);
        if (in_question && pair->checks < ICE_PAIR_CHECK_MAX && ice_reselect_is_of_interest(agent, pair))
            return true;
    }
    return false;
}

/* Everything that may replace the dying pair has to prove itself now. */
static void reopen(struct ice_agent *agent, uint64_t now_us) {
    agent->reopened_us = now_us;
    agent->first_valid_us = ICE_NEVER_US;
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        if (i == agent->selected || pair->generation != agent->generation || !ice_pair_is_usable(agent, pair))
            continue;
        pair->timeouts = 0;
        pair->checks = 0;
        if (pair->state == ICE_PAIR_SUCCEEDED)
            ice_checklist_check_again(agent, pair, now_us);
    }
}

void ice_reselect_update(struct ice_agent *agent, uint64_t now_us) {
    bool dying = ice_reselect_is_dying(agent);
    if (dying && agent->reopened_us == ICE_NEVER_US)
        reopen(agent, now_us);
    else if (!dying)
        agent->reopened_us = ICE_NEVER_US;
}

bool ice_reselect_may_select(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (!ice_pair_is_concluded(agent, agent->generation))
        return true;
    if (pair->generation != agent->generation || ice_pair_index(agent, pair) == agent->selected)
        return false;
    if (ice_reselect_is_dying(agent))
        return agent->reopened_us != ICE_NEVER_US && pair->last_response_us >= agent->reopened_us;
    return pair->priority > agent->pairs[agent->selected].priority;
}
