/*
 * What only the controlling side does: it nominates, by regular nomination (RFC 8445 section 8.1.1).
 *
 * The rule (docs/ice.md has the costs): the best valid pair is nominated as soon as no better pair is still in question, and at
 * the latest NOMINATION_WAIT_US after the first valid one. A better pair is in question while it has not been asked, or was
 * asked less than twice the round trip of the best valid pair ago. A relayed pair waits longer for a direct one, so that a lost
 * packet does not put a call on a relay: until the answer to the first repetition of the direct one's check should have come, and at
 * the latest NOMINATION_WAIT_RELAYED_US after the first valid one. A better pair that comes later is nominated then (reselect.c). A restart whose
 * old path works waits for the peer's check too.
 */
#include "ice/agent_internal.h"

#define NOMINATION_WAIT_US 200000u
#define NOMINATION_WAIT_RELAYED_US 300000u
#define NOMINATION_MARGIN_US 20000u
#define DIRECT_CHANCE_MAX_US ICE_SECOND_US
#define ROUND_TRIP_UNKNOWN_US 100000u
#define NOMINATION_ATTEMPTS_MAX 4u /* of 2 s each, then another valid pair may be tried */

static bool is_candidate(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (pair->generation != agent->generation || !ice_pair_is_valid(pair) || !ice_pair_is_usable(agent, pair))
        return false;
    bool tired = pair->timeouts >= NOMINATION_ATTEMPTS_MAX;
    return !ice_pair_is_concluded(agent, agent->generation) || (!tired && ice_reselect_may_select(agent, pair));
}

static const struct ice_pair *best_valid(const struct ice_agent *agent) {
    const struct ice_pair *best = NULL;
    for (size_t i = 0; i < agent->pair_count; i++) {
        const struct ice_pair *pair = &agent->pairs[i];
        if (!is_candidate(agent, pair))
            continue;
        /* One whose nomination stays unanswered comes after all others. */
        bool tired = pair->timeouts >= NOMINATION_ATTEMPTS_MAX;
        bool best_tired = best != NULL && best->timeouts >= NOMINATION_ATTEMPTS_MAX;
        if (best == NULL || (tired != best_tired ? best_tired : pair->priority > best->priority))
            best = pair;
    }
    return best;
}

/* Two round trips and a margin; a check that had to be repeated has measured none. */
static uint64_t answer_us(const struct ice_pair *best) {
    bool unmeasured = best->current_round_trip_us == 0 && best->check.transaction.sent > 1;
    return 2 * (unmeasured ? ROUND_TRIP_UNKNOWN_US : best->current_round_trip_us) + NOMINATION_MARGIN_US;
}

/* Until when does a direct pair that has not been answered have a chance, when all that is valid is relayed? */
static uint64_t direct_chance_until(const struct ice_pair *pair, const struct ice_pair *best) {
    bool silent = pair->state == ICE_PAIR_IN_PROGRESS || (pair->state == ICE_PAIR_FAILED && pair->timed_out);
    if (!silent || pair->send_failed)
        return 0;
    /* The peer's checks arrive by it: only our own, or their answers, are missing. */
    uint64_t chance_us = ice_earlier(STUN_RTO_DEFAULT_US + answer_us(best), DIRECT_CHANCE_MAX_US);
    return pair->requests_received > 0 ? ICE_NEVER_US : ice_after(pair->first_check_us, chance_us);
}

/* Until when is a pair better than `best` worth waiting for? 0: it is not. */
static uint64_t in_question_until(const struct ice_agent *agent, const struct ice_pair *pair, const struct ice_pair *best) {
    if (pair->generation != best->generation || pair->priority <= best->priority || !ice_pair_is_usable(agent, pair))
        return 0;
    bool relayed_for_direct = ice_pair_is_relayed(agent, best) && !ice_pair_is_relayed(agent, pair);
    /* Replayed checks make many of these, and shall not hold us up. If one is real, it is moved to. */
    if (!relayed_for_direct && ice_checklist_is_unproven(agent, pair))
        return 0;
    uint64_t latest_us = ice_after(agent->first_valid_us, relayed_for_direct ? NOMINATION_WAIT_RELAYED_US : NOMINATION_WAIT_US);
    if (pair->state == ICE_PAIR_FROZEN || (pair->state == ICE_PAIR_WAITING && pair->checks < ICE_PAIR_CHECK_MAX))
        return latest_us;
    uint64_t until_us = 0;
    if (pair->state == ICE_PAIR_IN_PROGRESS && pair->timeouts == 0 && !pair->send_failed)
        until_us = ice_after(pair->check.transaction.first_sent_us, answer_us(best));
    if (relayed_for_direct)
        until_us = ice_later(until_us, direct_chance_until(pair, best));
    return ice_earlier(until_us, latest_us);
}

/*
 * After a restart, while the path before still carries data, there is time to wait for the peer's own check of the new one: until that is answered
 * some (Firefox) drop what comes by it, though RFC 8445 section 12.2 has them be prepared.
 */
static uint64_t peer_check_until(const struct ice_agent *agent, const struct ice_pair *best) {
    bool carries = agent->selected != ICE_NONE && agent->pairs[agent->selected].generation != agent->generation && !agent->consent.late &&
                   ice_pair_is_usable(agent, &agent->pairs[agent->selected]);
    bool is_lite = agent->generations[best->generation].remote_lite;
    return carries && !is_lite && best->requests_received == 0 ? ice_after(agent->first_valid_us, NOMINATION_WAIT_US) : 0;
}

/* When the best valid pair may be nominated. */
static uint64_t decision_us(const struct ice_agent *agent, const struct ice_pair *best) {
    uint64_t until_us = peer_check_until(agent, best);
    for (size_t i = 0; i < agent->pair_count; i++)
        until_us = ice_later(until_us, in_question_until(agent, &agent->pairs[i], best));
    return until_us;
}

static bool may_decide(const struct ice_agent *agent) {
    return agent->role == ICE_ROLE_CONTROLLING && agent->nominating == ICE_NONE && ice_checklist_can_check(agent);
}

void ice_controlling_update(struct ice_agent *agent, uint64_t now_us) {
    if (!may_decide(agent))
        return;
    const struct ice_pair *best = best_valid(agent);
    if (best == NULL)
        return;
    if (agent->first_valid_us == ICE_NEVER_US)
        agent->first_valid_us = now_us;
    if (now_us >= decision_us(agent, best))
        agent->nominating = ice_pair_index(agent, best);
}

bool ice_controlling_nomination_due(const struct ice_agent *agent, uint64_t now_us) {
    (void)now_us;
    return agent->nominating != ICE_NONE && agent->pairs[agent->nominating].check.transaction.done;
}

uint64_t ice_controlling_next_timeout(const struct ice_agent *agent, uint64_t now_us) {
    if (ice_controlling_nomination_due(agent, now_us))
        return ice_agent_earliest_transaction(agent);
    if (!may_decide(agent))
        return ICE_NEVER_US;
    const struct ice_pair *best = best_valid(agent);
    return best != NULL ? decision_us(agent, best) : ICE_NEVER_US;
}

void ice_controlling_nomination_failed(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us) {
    (void)now_us;
    stun_transaction_finish(&pair->check.transaction);
    /* RFC 8445 section 7.2.5.3.4 would fail the check list; with packets being lost it is wiser to ask again, or elsewhere. */
    if (pair->timeouts < UINT8_MAX)
        pair->timeouts++;
    agent->nominating = ICE_NONE;
}
