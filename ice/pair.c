/* One candidate pair: its priority, its states and what happens when a check of it ends. RFC 8445 sections 6.1.2 and 7.2.5. */
#include <string.h>

#include "ice/agent_internal.h"

/* How long the answer to a cancelled or timed-out request still counts (RFC 8445 section 7.3.1.4: the transaction's timeout). */
#define LATE_ANSWER_US (10u * ICE_SECOND_US)

uint64_t ice_pair_priority(uint32_t controlling, uint32_t controlled) {
    uint64_t low = controlling < controlled ? controlling : controlled;
    uint64_t high = controlling < controlled ? controlled : controlling;
    /* RFC 8445 section 6.1.2.3: 2^32 MIN(G,D) + 2 MAX(G,D) + (G > D ? 1 : 0). */
    return (low << 32) + 2 * high + (controlling > controlled ? 1 : 0);
}

void ice_pair_compute_priority(const struct ice_agent *agent, struct ice_pair *pair) {
    /* RFC 8445 section 7.2.5.3.2: a valid pair counts by the candidate that has the mapped address. */
    uint16_t local_index = pair->valid_local != ICE_NONE ? pair->valid_local : pair->local;
    uint32_t local = agent->locals[local_index].priority;
    uint32_t remote = agent->remotes[pair->remote].priority;
    pair->priority = agent->role == ICE_ROLE_CONTROLLING ? ice_pair_priority(local, remote) : ice_pair_priority(remote, local);
}

bool ice_pair_is_valid(const struct ice_pair *pair) {
    return pair->valid_local != ICE_NONE;
}

bool ice_pair_is_usable(const struct ice_agent *agent, const struct ice_pair *pair) {
    return !agent->locals[pair->local].gone && !agent->remotes[pair->remote].foreign && !ice_tcp_is_cut(agent, pair);
}

bool ice_pair_is_relayed(const struct ice_agent *agent, const struct ice_pair *pair) {
    return agent->locals[pair->local].type == ICE_CANDIDATE_RELAYED || agent->remotes[pair->remote].type == ICE_CANDIDATE_RELAYED;
}

bool ice_pair_same_foundation(const struct ice_agent *agent, const struct ice_pair *a, const struct ice_pair *b) {
    return agent->locals[a->local].foundation == agent->locals[b->local].foundation &&
           agent->remotes[a->remote].foundation == agent->remotes[b->remote].foundation;
}

uint16_t ice_pair_index(const struct ice_agent *agent, const struct ice_pair *pair) {
    return (uint16_t)(pair - agent->pairs);
}

bool ice_pair_is_concluded(const struct ice_agent *agent, uint16_t generation) {
    return agent->selected != ICE_NONE && agent->pairs[agent->selected].generation == generation;
}

void ice_pair_cancel_check(struct ice_pair *pair, uint64_t now_us) {
    struct ice_check *check = &pair->check;
    if (!check->transaction.done && check->transaction.sent > 0) {
        memcpy(pair->last_id, check->transaction.id, sizeof pair->last_id);
        pair->last_id_until_us = ice_after(now_us, LATE_ANSWER_US);
        pair->last_role = check->role;
        pair->last_use_candidate = check->use_candidate;
    }
    stun_transaction_finish(&check->transaction);
}

void ice_pair_fail(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us, bool timed_out) {
    (void)now_us;
    stun_transaction_finish(&pair->check.transaction);
    ice_checklist_unqueue(agent, pair);
    /* RFC 8445 section 7.2.5.2: other pairs of its foundation are left as they are. */
    pair->state = ICE_PAIR_FAILED;
    pair->timed_out = timed_out;
    pair->valid_local = ICE_NONE;
    ice_pair_compute_priority(agent, pair);
    if (timed_out && pair->timeouts < UINT8_MAX)
        pair->timeouts++;
}

/* RFC 8445 section 7.2.5.3.1: the local candidate that has the mapped address; a new one is peer-reflexive. */
static uint16_t valid_local(struct ice_agent *agent, const struct ice_pair *pair, const struct stun_address *mapped) {
    const struct ice_local *sent_from = &agent->locals[pair->local];
    struct ice_local wanted = *sent_from;
    wanted.address = *mapped;
    wanted.type = ICE_CANDIDATE_PEER_REFLEXIVE;
    wanted.server = (struct stun_address){.family = STUN_ADDRESS_NONE};
    wanted.relay = wanted.server_index = ICE_NONE;
    uint16_t known = ice_local_find_like(agent, &wanted);
    if (known != ICE_NONE)
        return known;
    if (!ice_address_is_usable(mapped))
        return pair->local;
    uint16_t added = ice_local_add_like(agent, &wanted);
    if (added == ICE_NONE)
        return pair->local;
    /* RFC 8445 section 7.2.5.3.1: its priority is the PRIORITY that the request carried. */
    agent->locals[added].priority = ice_local_peer_reflexive_priority(sent_from);
    return added;
}

void ice_pair_succeed(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us, const struct stun_address *mapped) {
    stun_transaction_finish(&pair->check.transaction);
    ice_checklist_unqueue(agent, pair);
    pair->state = ICE_PAIR_SUCCEEDED;
    pair->timed_out = false;
    pair->timeouts = 0;
    pair->last_response_us = now_us;
    pair->last_heard_us = now_us;
    pair->valid_local = valid_local(agent, pair, mapped);
    if (pair->first_valid_us == 0)
        pair->first_valid_us = now_us;
    ice_pair_compute_priority(agent, pair);
    /* RFC 8445 section 7.2.5.3.3, MUST: the frozen pairs of its foundation wait from now on. */
    ice_checklist_thaw_foundation(agent, pair);
}

void ice_pair_select(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us) {
    bool replaces_dying = ice_reselect_is_dying(agent);
    uint16_t replaced = agent->selected;
    pair->nominated = true;
    pair->nominate_on_success = pair->overrides = false;
    agent->selected = ice_pair_index(agent, pair);
    agent->selected_us = now_us;
    agent->nominating = ICE_NONE;
    agent->first_valid_us = agent->reopened_us = ICE_NEVER_US;
    agent->consent.late = false;
    if (replaces_dying) /* it may come back, by a check */
        ice_pair_fail(agent, &agent->pairs[replaced], now_us, true);
    agent->restart_reason = ICE_RESTART_NONE;
    if (agent->statistics.connected_us == 0)
        agent->statistics.connected_us = now_us;
    /* RFC 8445 section 8.1.2, MUST: the others leave the check list and the triggered queue; running checks are cancelled. But
     * better ones that are in question stay there for a while (docs/ice.md). */
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *other = &agent->pairs[i];
        if (other->generation != pair->generation || (other != pair && ice_reselect_is_of_interest(agent, other)))
            continue;
        ice_checklist_unqueue(agent, other);
        ice_pair_cancel_check(other, now_us);
        other->nominate_on_success = other->overrides = false;
        if (other->state == ICE_PAIR_IN_PROGRESS)
            other->state = ICE_PAIR_WAITING;
    }
    if (pair->generation == agent->generation)
        ice_restart_conclude(agent, now_us);
    ice_consent_start(agent, now_us);
}

void ice_pair_view(const struct ice_agent *agent, const struct ice_pair *pair, struct ice_candidate *local, struct ice_candidate *remote) {
    const struct ice_generation *generation = &agent->generations[pair->generation];
    ice_local_view(agent, ice_pair_is_valid(pair) ? pair->valid_local : pair->local, local);
    memcpy(local->ufrag, generation->local_ufrag, sizeof generation->local_ufrag); /* not what it is called after a restart */
    ice_remote_view(agent, pair->remote, remote);
}

const char *ice_pair_state_name(enum ice_pair_state state) {
    switch (state) { /* RTCStatsIceCandidatePairState */
    case ICE_PAIR_FROZEN: return "frozen";
    case ICE_PAIR_WAITING: return "waiting";
    case ICE_PAIR_IN_PROGRESS: return "in-progress";
    case ICE_PAIR_SUCCEEDED: return "succeeded";
    case ICE_PAIR_FAILED: return "failed";
    }
    return "";
}
