/* What became of each pair, and of each remote candidate, in words that a person can act on. Derived: nothing is stored for it but numbers. */
#include "ice/agent_internal.h"

static enum ice_pair_verdict verdict_of_unasked(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (agent->state == ICE_STATE_FAILED)
        return ICE_VERDICT_NOT_TRIED_ENDED;
    if (agent->selected != ICE_NONE && !ice_reselect_is_of_interest(agent, pair))
        return ICE_VERDICT_NOT_TRIED_CHOSEN;
    return pair->state == ICE_PAIR_FROZEN ? ICE_VERDICT_NOT_TRIED_FROZEN : ICE_VERDICT_NOT_TRIED_WAITING;
}

static enum ice_pair_verdict verdict_of_valid(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (agent->state == ICE_STATE_FAILED && agent->failure == ICE_FAILURE_CONSENT_EXPIRED && pair->nominated)
        return ICE_VERDICT_DIED;
    if (agent->selected == ICE_NONE)
        return ICE_VERDICT_WORKS;
    if (pair->nominated)
        return ICE_VERDICT_REPLACED;
    const struct ice_pair *selected = &agent->pairs[agent->selected];
    bool is_late = pair->generation == selected->generation && pair->priority > selected->priority && pair->first_valid_us > agent->selected_us;
    return is_late ? ICE_VERDICT_TOO_LATE : ICE_VERDICT_WORKS;
}

/* Of one that was asked and has not been answered: what speaks most clearly comes first. */
static enum ice_pair_verdict verdict_of_asked(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (pair->unauthentic > 0)
        return ICE_VERDICT_WRONG_CREDENTIALS;
    if (pair->answers_elsewhere > 0)
        return ICE_VERDICT_WRONG_ADDRESS;
    if (pair->last_error_code != 0)
        return ICE_VERDICT_ERROR_RESPONSE;
    if (pair->last_send_error != 0)
        return ICE_VERDICT_SEND_ERROR;
    bool is_running = pair->state == ICE_PAIR_IN_PROGRESS || pair->queued;
    return is_running && agent->state != ICE_STATE_FAILED ? ICE_VERDICT_IN_PROGRESS : ICE_VERDICT_NO_ANSWER;
}

enum ice_pair_verdict ice_pair_verdict(const struct ice_agent *agent, const struct ice_pair *pair) {
    const struct ice_local *local = &agent->locals[pair->local];
    if (ice_pair_index(agent, pair) == agent->selected)
        return ICE_VERDICT_SELECTED;
    if (local->gone)
        return local->relay != ICE_NONE ? ICE_VERDICT_RELAY_LOST : ICE_VERDICT_INTERFACE_GONE;
    if (agent->remotes[pair->remote].foreign)
        return ICE_VERDICT_OTHER_GENERATION;
    if (pair->relay_error_code != 0)
        return ICE_VERDICT_RELAY_REFUSED;
    if (ice_pair_is_valid(pair))
        return verdict_of_valid(agent, pair);
    if (pair->first_valid_us != 0)
        return ICE_VERDICT_DIED;
    return pair->requests_sent > 0 ? verdict_of_asked(agent, pair) : verdict_of_unasked(agent, pair);
}

enum ice_unpaired ice_remote_unpaired(const struct ice_agent *agent, const struct ice_remote *remote) {
    size_t bases = 0, of_family = 0, possible = 0;
    if (ice_remote_pair_count(agent, (uint16_t)(remote - agent->remotes)) > 0)
        return ICE_UNPAIRED_NONE;
    if (remote->foreign || ice_generation_is_previous(agent, remote->generation))
        return ICE_UNPAIRED_GENERATION;
    for (size_t i = 0; i < agent->local_count; i++) {
        const struct ice_local *local = &agent->locals[i];
        if (local->gone || !stun_address_equal(&local->address, &local->base))
            continue;
        bases++;
        of_family += local->base.family == remote->address.family;
        possible += ice_addresses_can_pair(&local->base, &remote->address);
    }
    if (bases == 0)
        return ICE_UNPAIRED_NO_LOCAL;
    if (of_family == 0)
        return ICE_UNPAIRED_FAMILY;
    return possible == 0 ? ICE_UNPAIRED_SCOPE : ICE_UNPAIRED_LIMIT;
}

size_t ice_agent_remote_candidate_count(const struct ice_agent *agent) {
    size_t count = 0;
    for (size_t i = 0; i < agent->remote_count; i++)
        count += agent->remotes[i].generation != ICE_NONE;
    return count;
}

bool ice_agent_remote_candidate(const struct ice_agent *agent, size_t index, struct ice_remote_statistics *out) {
    for (uint16_t i = 0; i < agent->remote_count; i++) {
        const struct ice_remote *remote = &agent->remotes[i];
        if (remote->generation == ICE_NONE || index-- > 0)
            continue;
        ice_remote_view(agent, i, &agent->views->statistics[1]);
        *out = (struct ice_remote_statistics){.candidate = &agent->views->statistics[1], .pairs = ice_remote_pair_count(agent, (uint16_t)(remote - agent->remotes)),
                                              .unpaired = ice_remote_unpaired(agent, remote), .previous = ice_generation_is_previous(agent, remote->generation)};
        return true;
    }
    return false;
}

const char *ice_pair_verdict_name(enum ice_pair_verdict verdict) {
    switch (verdict) {
    case ICE_VERDICT_SELECTED: return "selected";
    case ICE_VERDICT_REPLACED: return "was selected, another took over";
    case ICE_VERDICT_WORKS: return "works, another was chosen";
    case ICE_VERDICT_TOO_LATE: return "works, but was answered after another had been chosen";
    case ICE_VERDICT_DIED: return "worked, and then was silent";
    case ICE_VERDICT_IN_PROGRESS: return "in progress";
    case ICE_VERDICT_NO_ANSWER: return "no answer";
    case ICE_VERDICT_WRONG_CREDENTIALS: return "wrong credentials";
    case ICE_VERDICT_WRONG_ADDRESS: return "answered from another address";
    case ICE_VERDICT_ERROR_RESPONSE: return "error response";
    case ICE_VERDICT_SEND_ERROR: return "cannot be sent to";
    case ICE_VERDICT_RELAY_REFUSED: return "the relay refuses this peer";
    case ICE_VERDICT_RELAY_LOST: return "the relay is gone";
    case ICE_VERDICT_INTERFACE_GONE: return "the interface is gone";
    case ICE_VERDICT_OTHER_GENERATION: return "never tried: the candidate is from before a restart";
    case ICE_VERDICT_NOT_TRIED_WAITING: return "never tried: its turn has not come yet";
    case ICE_VERDICT_NOT_TRIED_FROZEN: return "never tried: another pair of its foundation has not succeeded";
    case ICE_VERDICT_NOT_TRIED_CHOSEN: return "never tried: a better pair was chosen before";
    case ICE_VERDICT_NOT_TRIED_ENDED: return "never tried: ICE had failed before its turn came";
    }
    return "";
}

const char *ice_unpaired_name(enum ice_unpaired unpaired) {
    switch (unpaired) {
    case ICE_UNPAIRED_NONE: return "";
    case ICE_UNPAIRED_NO_LOCAL: return "we have no candidate of our own";
    case ICE_UNPAIRED_FAMILY: return "we have no address of its family";
    case ICE_UNPAIRED_SCOPE: return "loopback or link-local, and we are not there";
    case ICE_UNPAIRED_GENERATION: return "from before a restart";
    case ICE_UNPAIRED_LIMIT: return "too many better pairs";
    }
    return "";
}
