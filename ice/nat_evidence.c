/*
 * What a call shows of the two NATs without asking anybody anything more (RFC 4787 sections 4.1 and 4.2.1): the addresses under which each
 * side was seen, by the servers and by the other side. It never tells the filter; probe does (ice/nat_behaviour.h, discovery).
 */
#include "ice/nat_behaviour.h"

/* ---- our side ------------------------------------------------------------------------------------------------------------- */

/* The servers over UDP: did they answer, and how do they see us? */
static void ask_servers(const struct ice_agent *agent, struct ice_nat_behaviour *local) {
    struct ice_server_statistics server;
    for (size_t i = 0; ice_agent_server_statistics(agent, i, &server); i++) {
        if (server.transport != ICE_TRANSPORT_UDP || server.state == ICE_SERVER_NOT_ASKED || server.state == ICE_SERVER_UNRESOLVED)
            continue;
        local->servers_asked++;
        if (server.mapped.family == STUN_ADDRESS_NONE)
            continue;
        local->servers_answered++;
        if (local->mapped.family == STUN_ADDRESS_NONE)
            local->mapped = server.mapped;
    }
}

static bool is_ours(const struct ice_agent *agent, const struct stun_address *address) {
    for (size_t i = 0; i < ice_agent_local_candidate_count(agent); i++)
        if (stun_address_equal(&ice_agent_local_candidate(agent, i)->base, address))
            return true;
    return false;
}

/* One socket of ours that was seen under two addresses of one family. */
static bool is_seen_twice(const struct ice_agent *agent) {
    size_t count = ice_agent_local_candidate_count(agent);
    for (size_t i = 0; i < count; i++) {
        struct ice_candidate one = *ice_agent_local_candidate(agent, i); /* a copy: the view is good for one call */
        bool is_reflexive = one.type == ICE_CANDIDATE_SERVER_REFLEXIVE || one.type == ICE_CANDIDATE_PEER_REFLEXIVE;
        for (size_t j = i + 1; is_reflexive && j < count; j++) {
            const struct ice_candidate *two = ice_agent_local_candidate(agent, j);
            bool is_reflexive_too = two->type == ICE_CANDIDATE_SERVER_REFLEXIVE || two->type == ICE_CANDIDATE_PEER_REFLEXIVE;
            if (is_reflexive_too && stun_address_equal(&one.base, &two->base) && !stun_address_equal(&one.address, &two->address))
                return true;
        }
    }
    return false;
}

/* Did a check by the peer's answer, or two servers of different IPs, see the very address that the first server saw? */
static bool is_seen_alike(const struct ice_agent *agent) {
    struct ice_server_statistics one, two;
    struct ice_pair_statistics pair;
    for (size_t i = 0; i < ice_agent_pair_count(agent); i++)
        if (ice_agent_pair_statistics(agent, i, &pair) && pair.state == ICE_PAIR_SUCCEEDED && pair.local->type == ICE_CANDIDATE_SERVER_REFLEXIVE)
            return true;
    for (size_t i = 0; ice_agent_server_statistics(agent, i, &one); i++)
        for (size_t j = i + 1; ice_agent_server_statistics(agent, j, &two); j++)
            if (one.transport == ICE_TRANSPORT_UDP && two.transport == ICE_TRANSPORT_UDP && one.mapped.family != STUN_ADDRESS_NONE &&
                stun_address_equal(&one.mapped, &two.mapped) && !stun_address_equal_ip(&one.address, &two.address))
                return true;
    return false;
}

static void judge_local(const struct ice_agent *agent, struct ice_nat_behaviour *local) {
    ask_servers(agent, local);
    if (local->servers_answered == 0) {
        local->presence = local->servers_asked > 0 ? ICE_NAT_UDP_BLOCKED : ICE_NAT_PRESENCE_UNKNOWN;
        return;
    }
    local->presence = is_ours(agent, &local->mapped) ? ICE_NAT_ABSENT : ICE_NAT_PRESENT;
    if (local->presence == ICE_NAT_ABSENT)
        local->mapping = ICE_NAT_ENDPOINT_INDEPENDENT;
    else if (is_seen_twice(agent))
        local->mapping = ICE_NAT_DEPENDENT;
    else if (is_seen_alike(agent))
        local->mapping = ICE_NAT_ENDPOINT_INDEPENDENT;
}

/* ---- their side ----------------------------------------------------------------------------------------------------------- */

/* A peer-reflexive address with the IP of a server-reflexive one and another port: the NAT took a new port for us. */
static bool is_peer_seen_twice(const struct ice_agent *agent) {
    struct ice_pair_statistics one, two;
    for (size_t i = 0; i < ice_agent_pair_count(agent); i++) {
        if (!ice_agent_pair_statistics(agent, i, &one) || one.remote->type != ICE_CANDIDATE_SERVER_REFLEXIVE)
            continue;
        struct stun_address reflexive = one.remote->address;
        for (size_t j = 0; j < ice_agent_pair_count(agent); j++)
            if (ice_agent_pair_statistics(agent, j, &two) && two.remote->type == ICE_CANDIDATE_PEER_REFLEXIVE &&
                stun_address_equal_ip(&two.remote->address, &reflexive) && two.remote->address.port != reflexive.port)
                return true;
    }
    return false;
}

static void judge_remote(const struct ice_agent *agent, struct ice_nat_behaviour *remote) {
    struct ice_pair_statistics pair;
    for (size_t i = 0; i < ice_agent_pair_count(agent); i++) {
        if (!ice_agent_pair_statistics(agent, i, &pair) || pair.remote->type != ICE_CANDIDATE_SERVER_REFLEXIVE)
            continue;
        remote->presence = ICE_NAT_PRESENT; /* a redundant one, of a host without NAT, is never signaled (RFC 8445 section 5.1.3) */
        remote->mapped = pair.remote->address;
        if (pair.state == ICE_PAIR_SUCCEEDED)
            remote->mapping = ICE_NAT_ENDPOINT_INDEPENDENT;
    }
    if (remote->presence == ICE_NAT_PRESENT && remote->mapping == ICE_NAT_UNKNOWN && is_peer_seen_twice(agent))
        remote->mapping = ICE_NAT_DEPENDENT;
}

void ice_nat_evidence(const struct ice_agent *agent, struct ice_nat_behaviour *local, struct ice_nat_behaviour *remote) {
    *local = *remote = (struct ice_nat_behaviour){.presence = ICE_NAT_PRESENCE_UNKNOWN};
    judge_local(agent, local);
    judge_remote(agent, remote);
}
