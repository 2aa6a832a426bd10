/* What only the controlled side does: it obeys nominations (RFC 8445 section 7.3.1.5). */
#include "ice/agent_internal.h"

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

void ice_controlled_handle_nomination(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us) {
    if (pair->state == ICE_PAIR_SUCCEEDED) {
        pair->nominated = true;
        if (is_better_than_selected(agent, pair))
            ice_pair_select(agent, pair, now_us);
    } else {
        pair->nominate_on_success = true;
    }
}

void ice_controlled_handle_success(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us) {
    if (!pair->nominate_on_success)
        return;
    pair->nominate_on_success = false;
    pair->nominated = true;
    if (is_better_than_selected(agent, pair))
        ice_pair_select(agent, pair, now_us);
}
