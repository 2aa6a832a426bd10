/* ICE restart, RFC 8445 section 9: what of the old generation stays, and until when. The verb itself is in agent.c. */
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

int ice_restart(struct ice_agent *agent) {
    struct ice_generation fresh;
    if (!ice_generation_start(agent, &fresh))
        return ICE_ERROR_CRYPTO;
    uint16_t current = agent->generation, other = (uint16_t)(1 - current);
    agent->nominating = ICE_NONE;
    ice_names_forget_pending(agent);
    if (ice_pair_is_concluded(agent, other) && !ice_pair_is_concluded(agent, current)) {
        ice_generation_end(agent, current); /* a restart that has not come to its end is replaced by the next */
    } else {
        ice_generation_end(agent, other);
        if (agent->state == ICE_STATE_FAILED)
            ice_generation_end(agent, current); /* RFC 7675 section 5.1, MUST NOT: lost consent is not renewed by the same credentials */
        else
            reduce(agent, current);
        agent->generation = other;
    }
    *ice_generation_current(agent) = fresh;
    return ICE_OK;
}

/*
 * RFC 8445 section 8.3.1 would stop answering after three seconds. But the peer may not have selected yet (the answer to its
 * nomination was lost), and what it then sends is good: as long as its last consent may last, we listen.
 */
void ice_restart_conclude(struct ice_agent *agent, uint64_t now_us) {
    struct ice_generation *previous = &agent->generations[1 - agent->generation];
    if (previous->in_use && previous->ends_us == ICE_NEVER_US)
        previous->ends_us = ice_after(now_us, agent->config.consent_expiry_us);
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation == 1 - agent->generation)
            stun_transaction_finish(&agent->pairs[i].check.transaction);
}

void ice_restart_handle_timeout(struct ice_agent *agent, uint64_t now_us) {
    for (uint16_t i = 0; i < 2; i++)
        if (agent->generations[i].in_use && now_us >= agent->generations[i].ends_us)
            ice_generation_end(agent, i);
}

uint64_t ice_restart_next_timeout(const struct ice_agent *agent) {
    const struct ice_generation *previous = &agent->generations[1 - agent->generation];
    return previous->in_use ? previous->ends_us : ICE_NEVER_US;
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
