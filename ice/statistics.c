/* What can be read at any time. W3C webrtc-stats names where there are any. */
#include "ice/agent_internal.h"

const char *ice_agent_local_ufrag(const struct ice_agent *agent) {
    return ice_generation_youngest(agent)->local_ufrag;
}

const char *ice_agent_local_password(const struct ice_agent *agent) {
    return ice_generation_youngest(agent)->local_password;
}

enum ice_role ice_agent_role(const struct ice_agent *agent) {
    return agent->role;
}

void ice_agent_statistics(const struct ice_agent *agent, struct ice_statistics *out) {
    *out = agent->statistics;
    out->state = agent->state;
    out->gathering_state = agent->gatherer.state;
    out->role = agent->role;
    out->memory_bytes = agent->memory_bytes;
}

size_t ice_agent_pair_count(const struct ice_agent *agent) {
    size_t count = 0;
    for (size_t i = 0; i < agent->pair_count; i++)
        count += agent->pairs[i].generation != ICE_NONE;
    return count;
}

/* The pairs are counted without the free slots between them. */
static const struct ice_pair *nth_pair(const struct ice_agent *agent, size_t index) {
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation != ICE_NONE && index-- == 0)
            return &agent->pairs[i];
    return NULL;
}

bool ice_agent_pair_statistics(const struct ice_agent *agent, size_t index, struct ice_pair_statistics *out) {
    const struct ice_pair *pair = nth_pair(agent, index);
    if (pair == NULL)
        return false;
    ice_pair_view(agent, pair, &agent->views->statistics[0], &agent->views->statistics[1]);
    *out = (struct ice_pair_statistics){
        .local = &agent->views->statistics[0],
        .remote = &agent->views->statistics[1],
        .state = pair->state,
        .nominated = pair->nominated,
        .selected = ice_pair_index(agent, pair) == agent->selected,
        .previous = ice_generation_is_previous(agent, pair->generation),
        .verdict = ice_pair_verdict(agent, pair),
        .priority = pair->priority,
        .first_request_us = pair->first_check_us,
        .first_response_us = pair->first_valid_us,
        .requests_sent = pair->requests_sent,
        .responses_received = pair->responses_received,
        .requests_received = pair->requests_received,
        .responses_sent = pair->responses_sent,
        .consent_requests_sent = pair->consent_requests_sent,
        .current_round_trip_us = pair->current_round_trip_us,
        .total_round_trip_us = pair->total_round_trip_us,
        .packets_sent = pair->packets_sent,
        .packets_received = pair->packets_received,
        .bytes_sent = pair->bytes_sent,
        .bytes_received = pair->bytes_received,
        .last_sent_us = pair->last_sent_us,
        .last_received_us = pair->last_received_us,
        .last_error_code = pair->last_error_code,
        .last_send_error = pair->last_send_error,
        .relay_error_code = pair->relay_error_code,
        .unauthentic = pair->unauthentic,
        .answers_elsewhere = pair->answers_elsewhere,
    };
    return true;
}

size_t ice_agent_local_candidate_count(const struct ice_agent *agent) {
    return agent->local_count;
}

const struct ice_candidate *ice_agent_local_candidate(const struct ice_agent *agent, size_t index) {
    if (index >= agent->local_count)
        return NULL;
    ice_local_view(agent, (uint16_t)index, &agent->views->local);
    return &agent->views->local;
}

static bool is_pair_of(const struct ice_agent *agent, uint16_t index, const struct ice_path *path) {
    const struct ice_pair *pair = &agent->pairs[index];
    return pair->generation != ICE_NONE && (ice_pair_is_valid(pair) || pair->requests_received > 0) &&
           stun_address_equal(&agent->remotes[pair->remote].address, &path->remote) && stun_address_equal(&agent->locals[pair->local].base, &path->local);
}

/* The pair that data from this path is believed to come by. The selected one first: nearly all comes by it, and after a restart there may be two. */
static uint16_t pair_of_path(const struct ice_agent *agent, const struct ice_path *path) {
    if (path->transport == ICE_TRANSPORT_TCP)
        return ice_tcp_pair_of_path(agent, path);
    if (path->transport != ICE_TRANSPORT_UDP)
        return ICE_NONE;
    if (agent->selected != ICE_NONE && is_pair_of(agent, agent->selected, path))
        return agent->selected;
    for (uint16_t i = 0; i < agent->pair_count; i++)
        if (is_pair_of(agent, i, path))
            return i;
    return ICE_NONE;
}

bool ice_agent_is_path_valid(const struct ice_agent *agent, const struct ice_path *path) {
    return pair_of_path(agent, path) != ICE_NONE;
}

void ice_agent_count_received(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, size_t length) {
    uint16_t index = pair_of_path(agent, path);
    if (index == ICE_NONE)
        return;
    agent->pairs[index].packets_received++;
    agent->pairs[index].bytes_received += length;
    agent->pairs[index].last_received_us = now_us;
}

const char *ice_state_name(enum ice_state state) {
    switch (state) { /* RTCIceTransportState */
    case ICE_STATE_NEW: return "new";
    case ICE_STATE_CHECKING: return "checking";
    case ICE_STATE_CONNECTED: return "connected";
    case ICE_STATE_COMPLETED: return "completed";
    case ICE_STATE_DISCONNECTED: return "disconnected";
    case ICE_STATE_FAILED: return "failed";
    case ICE_STATE_CLOSED: return "closed";
    }
    return "";
}

const char *ice_gathering_state_name(enum ice_gathering_state state) {
    switch (state) { /* RTCIceGatheringState */
    case ICE_GATHERING_NEW: return "new";
    case ICE_GATHERING_GATHERING: return "gathering";
    case ICE_GATHERING_COMPLETE: return "complete";
    }
    return "";
}

const char *ice_restart_reason_name(enum ice_restart_reason reason) {
    switch (reason) {
    case ICE_RESTART_NONE: return "";
    case ICE_RESTART_INTERFACE_GONE: return "the interface of the selected pair has gone";
    case ICE_RESTART_INTERFACE_NEW: return "a new interface may have a better path";
    case ICE_RESTART_CONSENT_LATE: return "the peer is silent";
    case ICE_RESTART_CONSENT_LOST: return "the peer has been silent too long, consent has expired";
    case ICE_RESTART_RELAY_LOST: return "the relay of the selected pair is gone";
    case ICE_RESTART_STREAM_LOST: return "the TCP connection of the selected pair has ended";
    case ICE_RESTART_NO_PAIR: return "the restart has found no path, the old one is still in use";
    }
    return "";
}
