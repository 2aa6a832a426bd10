/*
 * Candidates over TCP, RFC 6544: which there are, and which of them pair. Their connections are in tcp_connection.c, what goes through
 * them in tcp_stream.c.
 *
 *   a listening socket  -> an active candidate of its IP (port 9), a passive and a simultaneous-open one at its port
 *   an interface with port 9 -> the active one only
 */
#include "ice/tcp_internal.h"

#include <string.h>

int ice_tcp_enable(struct ice_agent *agent) {
    if (agent->tcp != NULL)
        return ICE_OK;
    if (agent->memory_bytes > agent->config.memory_budget_bytes || agent->config.memory_budget_bytes - agent->memory_bytes < sizeof *agent->tcp)
        return ICE_ERROR_CAPACITY;
    agent->tcp = agent->allocator.allocate(agent->allocator.context, sizeof *agent->tcp);
    if (agent->tcp == NULL)
        return ICE_ERROR_CAPACITY;
    memset(agent->tcp, 0, sizeof *agent->tcp);
    agent->memory_bytes += sizeof *agent->tcp;
    return ICE_OK;
}

void ice_tcp_free(struct ice_agent *agent) {
    if (agent->tcp != NULL)
        agent->allocator.release(agent->allocator.context, agent->tcp);
    agent->tcp = NULL;
}

/* ---- interfaces ------------------------------------------------------------------------------------------------------------------ */

static struct stun_address with_port(const struct stun_address *address, uint16_t port) {
    struct stun_address result = *address;
    result.port = port;
    return result;
}

/* The interface is there, perhaps again: so are its candidates, and their pairs get another chance. */
static void gather(struct ice_agent *agent, const struct ice_interface *interface, enum ice_tcp_type tcp_type) {
    struct stun_address base = with_port(&interface->base, tcp_type == ICE_TCP_ACTIVE ? ICE_TCP_ACTIVE_PORT : interface->base.port);
    struct ice_local wanted = {.address = base, .base = base, .transport = ICE_TRANSPORT_TCP, .tcp_type = tcp_type, .relay = ICE_NONE,
                               .server_index = ICE_NONE, .type = ICE_CANDIDATE_HOST};
    wanted.preference = ice_candidate_tcp_preference(ICE_CANDIDATE_HOST, tcp_type, interface->preference);
    uint16_t known = ice_local_find_like(agent, &wanted);
    if (known != ICE_NONE && !agent->locals[known].gone)
        return;
    uint16_t index = known != ICE_NONE ? known : ice_local_add_like(agent, &wanted);
    if (index == ICE_NONE)
        return;
    agent->locals[index].name = ice_names_of_interface(agent, interface);
    for (size_t i = 0; i < agent->local_count; i++) {
        struct ice_local *local = &agent->locals[i];
        if (local->transport == ICE_TRANSPORT_TCP && local->tcp_type == tcp_type && stun_address_equal(&local->base, &base))
            local->gone = local->told = false;
    }
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation == agent->generation && agent->pairs[i].local == index && agent->pairs[i].state == ICE_PAIR_FAILED &&
            tcp_type != ICE_TCP_PASSIVE)
            agent->pairs[i].state = ICE_PAIR_WAITING;
    ice_checklist_add_local(agent, index);
    ice_restart_consider_local(agent, index);
}

void ice_tcp_gather_host(struct ice_agent *agent, const struct ice_interface *interface) {
    /* RFC 6544 section 4.1, SHOULD: an active candidate for each interface, and for each that listens a passive and a
     * simultaneous-open one. */
    gather(agent, interface, ICE_TCP_ACTIVE);
    if (interface->base.port == ICE_TCP_ACTIVE_PORT)
        return;
    gather(agent, interface, ICE_TCP_PASSIVE);
    gather(agent, interface, ICE_TCP_SIMULTANEOUS_OPEN);
}

static bool is_present(const struct ice_gatherer *gatherer, const struct ice_local *local) {
    for (size_t i = 0; i < gatherer->interface_count; i++) {
        const struct ice_interface *interface = &gatherer->interfaces[i];
        bool same = local->tcp_type == ICE_TCP_ACTIVE ? stun_address_equal_ip(&interface->base, &local->base) : stun_address_equal(&interface->base, &local->base);
        if (interface->transport == ICE_TRANSPORT_TCP && same)
            return true;
    }
    return false;
}

void ice_tcp_leave(struct ice_agent *agent, uint64_t now_us) {
    if (agent->tcp == NULL)
        return;
    for (size_t i = 0; i < agent->local_count; i++)
        if (agent->locals[i].transport == ICE_TRANSPORT_TCP && !is_present(&agent->gatherer, &agent->locals[i]))
            agent->locals[i].gone = true;
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        if (ice_tcp_is_pair(agent, pair) && agent->locals[pair->local].gone && pair->state != ICE_PAIR_FAILED)
            ice_tcp_fail_pair(agent, pair, now_us, ICE_RESTART_INTERFACE_GONE, false);
    }
}

/* ---- pairs ----------------------------------------------------------------------------------------------------------------------- */

bool ice_tcp_is_pair(const struct ice_agent *agent, const struct ice_pair *pair) {
    return pair->generation != ICE_NONE && agent->locals[pair->local].transport == ICE_TRANSPORT_TCP;
}

bool ice_tcp_can_pair(const struct ice_local *local, const struct ice_remote *remote) {
    if (local->transport != remote->transport)
        return false;
    /* RFC 6544 section 6.2: active goes with passive, simultaneous-open with its like; MUST: a pair of which our end is passive is
     * not in the list, for we cannot begin it. It comes to be when the peer has connected. */
    switch (local->tcp_type) {
    case ICE_TCP_NONE: return remote->tcp_type == ICE_TCP_NONE;
    case ICE_TCP_ACTIVE: return remote->tcp_type == ICE_TCP_PASSIVE;
    case ICE_TCP_PASSIVE: return false;
    case ICE_TCP_SIMULTANEOUS_OPEN: return remote->tcp_type == ICE_TCP_SIMULTANEOUS_OPEN;
    }
    return false;
}

/* Whose is a connection that was accepted there? That of the simultaneous-open candidate if it comes from one, else the passive one's. */
static uint16_t listening_local(struct ice_agent *agent, uint16_t generation, const struct ice_path *path) {
    bool simultaneous = ice_remote_find_tcp(agent, generation, &path->remote, ICE_TCP_SIMULTANEOUS_OPEN) != ICE_NONE;
    struct ice_local wanted = {.address = path->local, .base = path->local, .transport = ICE_TRANSPORT_TCP,
                               .tcp_type = simultaneous ? ICE_TCP_SIMULTANEOUS_OPEN : ICE_TCP_PASSIVE};
    return ice_local_find_like(agent, &wanted);
}

uint16_t ice_tcp_local_of_path(struct ice_agent *agent, uint16_t generation, const struct ice_path *path) {
    const struct ice_stream *stream = ice_tcp_open_stream(agent, path->stream_id);
    if (stream == NULL)
        return ICE_NONE;
    return stream->owner == ICE_STREAM_OF_PAIR ? agent->pairs[stream->index].local : listening_local(agent, generation, path);
}

/* A peer that connects again and again has another port each time: one whose connection has gone will not come back. */
static void forget_dead_peer(struct ice_agent *agent, uint16_t generation) {
    for (uint16_t i = 0; i < agent->pair_count; i++) {
        const struct ice_pair *pair = &agent->pairs[i];
        bool is_dead = pair->generation == generation && i != agent->selected && i != agent->nominating && ice_tcp_is_pair(agent, pair) &&
                       agent->locals[pair->local].tcp_type == ICE_TCP_PASSIVE && ice_tcp_stream_of_pair(agent, pair) == NULL &&
                       ice_remote_pair_count(agent, pair->remote) == 1;
        if (is_dead) {
            uint16_t remote = pair->remote;
            ice_generation_forget_pair(agent, i);
            ice_remote_free(agent, remote);
            return;
        }
    }
}

/* RFC 6544 section 7.2: who connects to a passive candidate is learned as a peer-reflexive one, mostly. */
static uint16_t connecting_remote(struct ice_agent *agent, uint16_t generation, const struct ice_path *path, enum ice_tcp_type tcp_type,
                                  const struct stun_message *request, uint64_t ufrag_tag) {
    uint16_t known = ice_remote_find_tcp(agent, generation, &path->remote, tcp_type);
    if (known != ICE_NONE)
        return known;
    uint32_t priority;
    if (stun_message_read_u32(request, STUN_ATTRIBUTE_PRIORITY, &priority) != STUN_OK || priority == 0)
        return ICE_NONE;
    if (agent->generations[generation].remote_peer_reflexive_count >= ICE_REMOTE_PEER_REFLEXIVE_MAX)
        forget_dead_peer(agent, generation);
    uint16_t added = ice_remote_add_peer_reflexive(agent, generation, &path->remote, priority, ufrag_tag);
    if (added != ICE_NONE) {
        agent->remotes[added].transport = ICE_TRANSPORT_TCP;
        agent->remotes[added].tcp_type = tcp_type;
    }
    return added;
}

struct ice_pair *ice_tcp_pair_of_request(struct ice_agent *agent, uint16_t generation, uint16_t local, const struct ice_path *path,
                                         const struct stun_message *request, uint64_t ufrag_tag) {
    struct ice_stream *stream = ice_stream_find(agent, path->stream_id);
    const struct ice_pair *owner = stream->owner == ICE_STREAM_OF_PAIR ? &agent->pairs[stream->index] : NULL;
    if (owner != NULL && owner->generation == generation)
        return &agent->pairs[stream->index];
    enum ice_tcp_type tcp_type = agent->locals[local].tcp_type == ICE_TCP_SIMULTANEOUS_OPEN ? ICE_TCP_SIMULTANEOUS_OPEN : ICE_TCP_ACTIVE;
    if (owner != NULL) /* RFC 6544 section 9.2: after a restart the connection that is there is checked again */
        tcp_type = agent->remotes[owner->remote].tcp_type;
    uint16_t remote = connecting_remote(agent, generation, path, tcp_type, request, ufrag_tag);
    if (remote == ICE_NONE)
        return NULL;
    ice_remote_prove(agent, remote, ufrag_tag);
    struct ice_pair *pair = ice_checklist_find(agent, local, remote);
    if (pair == NULL)
        pair = ice_checklist_add(agent, local, remote);
    if (pair != NULL && owner == NULL)
        ice_tcp_adopt(agent, stream, pair);
    return pair;
}
