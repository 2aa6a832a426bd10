/* Events: the difference between what is true and what the caller has been told. Nothing is queued, so nothing can overflow. */
#include "ice/agent_internal.h"

static bool poll_gathering(struct ice_agent *agent, struct ice_event *out) {
    struct ice_reported *reported = &agent->reported;
    enum ice_gathering_state state = agent->gatherer.state;
    if (state != ICE_GATHERING_NEW && reported->gathering_state != ICE_GATHERING_GATHERING && state != reported->gathering_state) {
        reported->gathering_state = ICE_GATHERING_GATHERING;
        *out = (struct ice_event){.type = ICE_EVENT_GATHERING_STATE, .as.gathering_state = ICE_GATHERING_GATHERING};
        return true;
    }
    for (size_t i = 0; i < agent->gatherer.server_count; i++) {
        struct ice_gather_server *server = &agent->gatherer.servers[i];
        if (server->progress == ICE_SERVER_LOOKED_UP && !server->resolve_reported) {
            server->resolve_reported = true;
            *out = (struct ice_event){.type = ICE_EVENT_RESOLVE};
            out->as.resolve.query = i + 1;
            out->as.resolve.name = server->host;
            return true;
        }
    }
    for (size_t i = 0; i < agent->local_count; i++) {
        struct ice_local *local = &agent->locals[i];
        /* RFC 8445 section 7.2.5.3.1: a peer-reflexive one needs no telling, the peer has found it too. */
        if (local->told || local->gone || local->stale || local->type == ICE_CANDIDATE_PEER_REFLEXIVE)
            continue;
        local->told = true;
        ice_local_view(agent, (uint16_t)i, &agent->views->event[0]);
        *out = (struct ice_event){.type = ICE_EVENT_CANDIDATE, .as.candidate = &agent->views->event[0]};
        return true;
    }
    if (reported->gathering_state != state) {
        reported->gathering_state = state;
        *out = (struct ice_event){.type = ICE_EVENT_GATHERING_STATE, .as.gathering_state = state};
        return true;
    }
    return false;
}

static bool poll_selected_pair(struct ice_agent *agent, struct ice_event *out) {
    struct ice_reported *reported = &agent->reported;
    if (agent->selected == ICE_NONE)
        return false;
    const struct ice_pair *pair = &agent->pairs[agent->selected];
    uint16_t local = ice_pair_is_valid(pair) ? pair->valid_local : pair->local;
    if (reported->selected == agent->selected && reported->selected_local == local)
        return false;
    reported->selected = agent->selected;
    reported->selected_local = local;
    ice_pair_view(agent, pair, &agent->views->event[0], &agent->views->event[1]);
    *out = (struct ice_event){.type = ICE_EVENT_SELECTED_PAIR};
    out->as.selected_pair.local = &agent->views->event[0];
    out->as.selected_pair.remote = &agent->views->event[1];
    struct ice_generation *generation = &agent->generations[pair->generation];
    out->as.selected_pair.restarted = agent->statistics.restarts > 0 && !generation->is_selection_told;
    generation->is_selection_told = true;
    return true;
}

bool ice_agent_poll_event(struct ice_agent *agent, struct ice_event *out) {
    struct ice_reported *reported = &agent->reported;
    if (poll_gathering(agent, out) || ice_names_poll_event(agent, out) || ice_stream_poll_event(agent, out))
        return true;
    if (reported->role != agent->role) {
        reported->role = agent->role;
        *out = (struct ice_event){.type = ICE_EVENT_ROLE, .as.role = agent->role};
        return true;
    }
    if (poll_selected_pair(agent, out))
        return true;
    if (reported->state != agent->state) {
        reported->state = agent->state;
        *out = (struct ice_event){.type = ICE_EVENT_STATE};
        out->as.state.state = agent->state;
        out->as.state.failure = agent->state == ICE_STATE_FAILED ? agent->failure : ICE_FAILURE_NONE;
        return true;
    }
    if (reported->restart_reason != agent->restart_reason && !ice_restart_is_offered(agent)) {
        reported->restart_reason = agent->restart_reason;
        if (agent->restart_reason != ICE_RESTART_NONE) {
            *out = (struct ice_event){.type = ICE_EVENT_RESTART_NEEDED, .as.restart_reason = agent->restart_reason};
            return true;
        }
    }
    return false;
}
