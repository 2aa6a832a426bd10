/*
 * ICE restart, RFC 8445 section 9.
 *
 *     offered    its credentials are in a description of ours; what was current goes on as if nothing had happened
 *     committed  the peer's answer is here: it is the current one, and of the one before that stays which may carry data, for a while
 *     cancelled  the description was rolled back: nothing has happened
 *
 * When the current one ends while another is offered, the offered one takes its place early; its credentials are kept for a rollback.
 */
#include <assert.h>

#include "ice/agent_internal.h"

/* The selected pair before all others, then the valid ones by priority, the older of two equal ones first. */
static bool is_before(const struct ice_agent *agent, const struct ice_pair *a, const struct ice_pair *b) {
    if (ice_pair_index(agent, a) == agent->selected || ice_pair_index(agent, b) == agent->selected)
        return ice_pair_index(agent, a) == agent->selected;
    return a->priority != b->priority ? a->priority > b->priority : a < b;
}

static bool is_worth_keeping(const struct ice_agent *agent, const struct ice_pair *pair) {
    return ice_pair_index(agent, pair) == agent->selected || (ice_pair_is_valid(pair) && ice_pair_is_usable(agent, pair));
}

static bool is_kept(const struct ice_agent *agent, const struct ice_pair *pair) {
    size_t before = 0;
    for (size_t i = 0; i < agent->pair_count; i++) {
        const struct ice_pair *other = &agent->pairs[i];
        if (other != pair && other->generation == pair->generation && is_worth_keeping(agent, other) && is_before(agent, other, pair))
            before++;
    }
    return is_worth_keeping(agent, pair) && before < ICE_PREVIOUS_PAIR_MAX;
}

/* RFC 8445 section 9: of the old states only that remains which carries data, or is known to be able to. */
static void reduce(struct ice_agent *agent, uint16_t generation) {
    bool kept[ICE_PAIR_SLOT_MAX] = {false};
    for (uint16_t i = 0; i < agent->pair_count; i++)
        kept[i] = agent->pairs[i].generation == generation && is_kept(agent, &agent->pairs[i]);
    for (uint16_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        if (pair->generation != generation)
            continue;
        stun_transaction_finish(&pair->check.transaction);
        ice_checklist_unqueue(agent, pair);
        if (!kept[i])
            ice_generation_forget_pair(agent, i);
    }
    ice_generation_forget_remotes(agent, generation);
}

bool ice_restart_is_offered(const struct ice_agent *agent) {
    return agent->offered != ICE_NONE || agent->fallen != ICE_NONE;
}

/* Where the offered generation goes: in place of one that was offered before, else where none is. */
static uint16_t slot_for_offer(const struct ice_agent *agent) {
    if (ice_restart_is_offered(agent))
        return agent->offered != ICE_NONE ? agent->offered : agent->generation;
    uint16_t slot = 0;
    while (agent->generations[slot].in_use)
        slot++;
    assert(slot < ICE_GENERATION_MAX);
    return slot;
}

int ice_restart_offer(struct ice_agent *agent, uint64_t now_us, const char *ufrag, const char *password) {
    struct ice_generation fresh;
    int result = ice_generation_start(agent, &fresh, ufrag, password);
    if (result != ICE_OK)
        return result;
    bool is_another = ice_restart_is_offered(agent);
    uint16_t slot = slot_for_offer(agent);
    ice_generation_end(agent, slot);
    agent->generations[slot] = fresh;
    if (slot == agent->generation)
        agent->patience_us = ICE_NEVER_US;
    ice_gather_restart(agent, now_us);
    bool is_failed = agent->state == ICE_STATE_FAILED;
    if (is_failed)
        agent->state = ICE_STATE_NEW;
    if (is_another)
        return ICE_OK;
    agent->statistics.restarts++;
    agent->offered = slot;
    /* RFC 7675 section 5.1, MUST NOT: lost consent is not renewed by the same credentials. Nor is there anything to keep of an offer without answer. */
    if (is_failed || ice_generation_current(agent)->remote_key == NULL)
        (void)ice_restart_succeed(agent, is_failed ? agent->failure : ICE_FAILURE_NONE);
    agent->failure = ICE_FAILURE_NONE;
    return ICE_OK;
}

bool ice_restart_succeed(struct ice_agent *agent, enum ice_failure failure) {
    if (agent->offered == ICE_NONE)
        return false;
    uint16_t ended = agent->generation;
    for (uint16_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation == ended)
            ice_generation_forget_pair(agent, i);
    ice_generation_forget_remotes(agent, ended);
    ice_response_forget(agent, ended);
    ice_names_forget_pending(agent);
    agent->generations[ended].in_use = false; /* its credentials remain, for a rollback */
    agent->fallen = ended;
    agent->fallen_failure = failure;
    agent->generation = agent->offered;
    agent->offered = ICE_NONE;
    agent->first_valid_us = agent->patience_us = agent->reopened_us = ICE_NEVER_US;
    return true;
}

/* What is current stays as the one before, unless it has not come to its end and the one before it carries data still. */
static void replace_current(struct ice_agent *agent) {
    uint16_t current = agent->generation, before = ICE_NONE;
    for (uint16_t i = 0; i < ICE_GENERATION_MAX; i++)
        if (agent->generations[i].in_use && ice_generation_is_previous(agent, i))
            before = i;
    agent->nominating = ICE_NONE;
    ice_names_forget_pending(agent);
    if (before != ICE_NONE && ice_pair_is_concluded(agent, before)) {
        ice_generation_end(agent, current);
    } else {
        if (before != ICE_NONE)
            ice_generation_end(agent, before);
        reduce(agent, current);
    }
    agent->generation = agent->offered;
    agent->offered = ICE_NONE;
}

void ice_restart_commit(struct ice_agent *agent, uint64_t now_us) {
    agent->restart_reason = ICE_RESTART_NONE;
    if (agent->fallen != ICE_NONE) {
        ice_generation_end(agent, agent->fallen);
        agent->fallen = ICE_NONE;
        return;
    }
    replace_current(agent);
    agent->first_valid_us = agent->patience_us = agent->reopened_us = ICE_NEVER_US;
    agent->next_check_us = ice_later(agent->next_check_us, now_us);
}

/* RFC 9429 section 4.1.10.2: the offer that restarted is taken back. */
int ice_restart_cancel(struct ice_agent *agent, uint64_t now_us) {
    if (!ice_restart_is_offered(agent))
        return ICE_ERROR_STATE;
    agent->statistics.restarts--;
    ice_gather_cancel_restart(agent);
    if (agent->offered != ICE_NONE) {
        ice_generation_end(agent, agent->offered);
        agent->offered = ICE_NONE;
        return ICE_OK;
    }
    ice_generation_end(agent, agent->generation);
    agent->generation = agent->fallen;
    agent->fallen = ICE_NONE;
    ice_generation_current(agent)->in_use = true;
    agent->patience_us = ICE_NEVER_US;
    if (agent->fallen_failure == ICE_FAILURE_NONE)
        return ICE_OK;
    if (agent->fallen_failure == ICE_FAILURE_CONSENT_EXPIRED)
        agent->restart_reason = ICE_RESTART_CONSENT_LOST;
    ice_agent_fail(agent, now_us, agent->fallen_failure);
    return ICE_OK;
}

/*
 * RFC 8445 section 8.3.1 would stop answering after three seconds. But the peer may not have selected yet (the answer to its
 * nomination was lost), and what it then sends is good: as long as its last consent may last, we listen.
 */
void ice_restart_conclude(struct ice_agent *agent, uint64_t now_us) {
    for (uint16_t i = 0; i < ICE_GENERATION_MAX; i++) {
        struct ice_generation *generation = &agent->generations[i];
        if (generation->in_use && ice_generation_is_previous(agent, i) && generation->ends_us == ICE_NEVER_US)
            generation->ends_us = ice_after(now_us, agent->config.consent_expiry_us);
    }
    for (size_t i = 0; i < agent->pair_count; i++) {
        if (agent->pairs[i].generation == ICE_NONE || !ice_generation_is_previous(agent, agent->pairs[i].generation))
            continue;
        stun_transaction_finish(&agent->pairs[i].check.transaction);
        ice_checklist_unqueue(agent, &agent->pairs[i]);
    }
}

void ice_restart_handle_timeout(struct ice_agent *agent, uint64_t now_us) {
    for (uint16_t i = 0; i < ICE_GENERATION_MAX; i++)
        if (agent->generations[i].in_use && now_us >= agent->generations[i].ends_us)
            ice_generation_end(agent, i);
}

uint64_t ice_restart_next_timeout(const struct ice_agent *agent) {
    uint64_t next_us = ICE_NEVER_US;
    for (size_t i = 0; i < ICE_GENERATION_MAX; i++)
        if (agent->generations[i].in_use)
            next_us = ice_earlier(next_us, agent->generations[i].ends_us);
    return next_us;
}

void ice_restart_consider_local(struct ice_agent *agent, uint16_t local) {
    if (!ice_pair_is_concluded(agent, agent->generation))
        return;
    for (size_t i = 0; i < agent->pair_count; i++) {
        const struct ice_pair *pair = &agent->pairs[i];
        if (pair->generation == agent->generation && pair->local == local && pair->priority > agent->pairs[agent->selected].priority) {
            ice_agent_need_restart(agent, ICE_RESTART_INTERFACE_NEW);
            return;
        }
    }
}
