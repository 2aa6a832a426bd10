/* What only the controlled side does: it obeys nominations (RFC 8445 section 7.3.1.5). */
#include "ice/agent_internal.h"

#define SETTLED_US (3u * ICE_SECOND_US)

/*
 * RFC 8445 section 8.1.1, MUST: if the peer nominates several pairs (an RFC 5245 peer may), the one of highest priority is
 * used. One that consent says is dying yields to any.
 */
static bool is_better_than_selected(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (agent->selected == ICE_NONE)
        return true;
    const struct ice_pair *selected = &agent->pairs[agent->selected];
    if (pair->generation != selected->generation) /* RFC 8445 section 12.1: a restart's pair takes over from the previous one */
        return pair->generation == agent->generation;
    return selected != pair && (pair->priority > selected->priority || agent->consent.late || !ice_pair_is_usable(agent, selected));
}

/*
 * A peer that nominates a worse pair long after the first has its reason: its end of the first is gone. (An aggressive one
 * nominates all that it ever does while it checks.) Each pair can do so once, else an old request could be played back.
 */
static bool is_takeover(const struct ice_agent *agent, const struct ice_pair *pair, uint64_t now_us) {
    return agent->selected != ICE_NONE && agent->pairs[agent->selected].generation == pair->generation && !pair->nominated &&
           now_us >= ice_after(agent->selected_us, SETTLED_US);
}

void ice_controlled_handle_nomination(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us) {
    if (ice_pair_index(agent, pair) == agent->selected)
        return;
    bool first = !ice_pair_is_concluded(agent, pair->generation);
    if (first && pair->state == ICE_PAIR_SUCCEEDED && is_better_than_selected(agent, pair)) {
        ice_pair_select(agent, pair, now_us);
        return;
    }
    pair->overrides = pair->overrides || is_takeover(agent, pair, now_us);
    pair->nominate_on_success = true;
    /* To move, it must work now: whoever plays back an old nomination gets no further than this check. */
    if (pair->state == ICE_PAIR_SUCCEEDED && (pair->overrides || is_better_than_selected(agent, pair)))
        ice_checklist_check_again(agent, pair, now_us);
}

void ice_controlled_handle_success(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us) {
    if (!pair->nominate_on_success)
        return;
    pair->nominated = true;
    /* One that is not good enough now is remembered: the peer may have gone there, and the selected pair die. */
    if (pair->overrides || is_better_than_selected(agent, pair))
        ice_pair_select(agent, pair, now_us);
}
