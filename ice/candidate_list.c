/* The local and remote candidates of an agent: RFC 8445 sections 5.1 (foundations, redundancy) and 7.3.1.3. */
#include <string.h>

#include "ice/agent_internal.h"

/* ---- which addresses checks may be sent to -------------------------------------------------------------------------------- */

static bool all_zero(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static bool is_ipv4_loopback(const struct stun_address *address) {
    return address->family == STUN_ADDRESS_IPV4 && address->ip[0] == 127;
}

static bool is_ipv6_loopback(const struct stun_address *address) {
    return address->family == STUN_ADDRESS_IPV6 && all_zero(address->ip, 15) && address->ip[15] == 1;
}

static bool is_ipv6_link_local(const struct stun_address *address) {
    return address->family == STUN_ADDRESS_IPV6 && address->ip[0] == 0xFE && (address->ip[1] & 0xC0) == 0x80;
}

bool ice_address_is_usable(const struct stun_address *address) {
    const uint8_t *ip = address->ip;
    if (address->port == 0)
        return false;
    if (address->family == STUN_ADDRESS_IPV4)
        return ip[0] != 0 && ip[0] < 224; /* this network; multicast; reserved, and 255.255.255.255 in it */
    if (address->family != STUN_ADDRESS_IPV6)
        return false;
    /* ff00::/8 is multicast. An IPv4 address dressed as IPv6 (::ffff:a.b.c.d, ::a.b.c.d, unspecified too) would leave as
     * IPv4 and pass every rule made for that; it is not a candidate anyone legitimately has. */
    if (ip[0] == 0xFF)
        return false;
    if (all_zero(ip, 10) && ip[10] == 0xFF && ip[11] == 0xFF)
        return false;
    return !all_zero(ip, 12) || is_ipv6_loopback(address);
}

bool ice_port_is_usable(uint16_t port) {
    /* RFC 8445 section 19.5.1: a page must not aim our checks at chargen, DNS or mail. Relays do live on 80 and 443. */
    return port >= 1024 || port == 443 || port == 80;
}

bool ice_addresses_can_pair(const struct stun_address *base, const struct stun_address *remote) {
    /* RFC 8445 section 6.1.2.2: the same family. */
    if (base->family != remote->family)
        return false;
    /* RFC 8445 section 6.1.2.2, MUST: IPv6 link-local only with link-local. */
    if (is_ipv6_link_local(base) != is_ipv6_link_local(remote))
        return false;
    /* Whoever signals 127.0.0.1 means us, unless we are there too. */
    bool from_loopback = is_ipv4_loopback(base) || is_ipv6_loopback(base);
    bool to_loopback = is_ipv4_loopback(remote) || is_ipv6_loopback(remote);
    return from_loopback == to_loopback;
}

uint64_t ice_ufrag_tag(const char *ufrag, size_t length) {
    uint64_t tag = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        tag = (tag ^ (uint8_t)ufrag[i]) * 1099511628211u;
    return tag != 0 ? tag : 1;
}

/* ---- local -------------------------------------------------------------------------------------------------------------------- */

uint16_t ice_local_find_like(const struct ice_agent *agent, const struct ice_local *wanted) {
    for (size_t i = 0; i < agent->local_count; i++) {
        const struct ice_local *local = &agent->locals[i];
        if (stun_address_equal(&local->address, &wanted->address) && stun_address_equal(&local->base, &wanted->base) &&
            local->transport == wanted->transport && local->tcp_type == wanted->tcp_type)
            return (uint16_t)i;
    }
    return ICE_NONE;
}

uint16_t ice_local_find(const struct ice_agent *agent, const struct stun_address *address, const struct stun_address *base) {
    return ice_local_find_like(agent, &(struct ice_local){.address = *address, .base = *base, .transport = ICE_TRANSPORT_UDP});
}

uint16_t ice_local_find_base(const struct ice_agent *agent, const struct stun_address *base) {
    return ice_local_find(agent, base, base);
}

/* RFC 8445 section 5.1.1.3: the same type, base IP, server IP and protocol make the same foundation, and nothing else does. */
static uint16_t foundation_of(struct ice_agent *agent, const struct ice_local *added) {
    for (size_t i = 0; i < agent->local_count; i++) {
        const struct ice_local *other = &agent->locals[i];
        if (other->type == added->type && other->transport == added->transport && stun_address_equal_ip(&other->base, &added->base) &&
            stun_address_equal_ip(&other->server, &added->server))
            return other->foundation;
    }
    return ++agent->next_foundation;
}

/* Is there a pair, of either generation, whose data this candidate describes? */
static bool is_local_in_use(const struct ice_agent *agent, uint16_t index) {
    for (size_t i = 0; i < agent->pair_count; i++) {
        const struct ice_pair *pair = &agent->pairs[i];
        if (pair->generation != ICE_NONE && (pair->local == index || pair->valid_local == index))
            return true;
    }
    return false;
}

/* A free place, or that of a candidate whose mapping, interface or relay is history. */
static uint16_t place_of_new_local(struct ice_agent *agent) {
    if (agent->local_count < ICE_LOCAL_CANDIDATE_MAX)
        return (uint16_t)agent->local_count++;
    for (uint16_t i = 0; i < agent->local_count; i++) {
        const struct ice_local *local = &agent->locals[i];
        if ((local->gone || local->stale) && !is_local_in_use(agent, i))
            return i;
    }
    agent->statistics.capacity_refused++;
    return ICE_NONE;
}

/* RFC 8445 section 5.1.2.1, MUST: candidates of one type have different local preferences. */
static uint16_t distinct_preference(const struct ice_agent *agent, const struct ice_local *added) {
    uint16_t preference = added->preference;
    for (size_t i = 0; i < agent->local_count;) {
        const struct ice_local *other = &agent->locals[i];
        if (other->type == added->type && other->transport == added->transport && other->preference == preference) {
            preference--; /* wraps below 0: then it is high, but still its own */
            i = 0;
        } else {
            i++;
        }
    }
    return preference;
}

static uint32_t priority_of(const struct ice_local *local, enum ice_candidate_type type) {
    return local->transport == ICE_TRANSPORT_TCP ? ice_candidate_tcp_priority(type, local->preference, 1) : ice_candidate_priority(type, local->preference, 1);
}

uint32_t ice_local_peer_reflexive_priority(const struct ice_local *local) {
    return priority_of(local, ICE_CANDIDATE_PEER_REFLEXIVE);
}

/* What is reached through a base with a name must not give that away either. */
static uint16_t name_of_base(const struct ice_agent *agent, const struct ice_local *added) {
    for (size_t i = 0; i < agent->local_count; i++) {
        const struct ice_local *other = &agent->locals[i];
        if (other->type == ICE_CANDIDATE_HOST && other->transport == added->transport && stun_address_equal(&other->base, &added->base))
            return other->name;
    }
    return 0;
}

uint16_t ice_local_add_like(struct ice_agent *agent, const struct ice_local *wanted) {
    /* RFC 8445 section 5.1.3, SHOULD: of two with the same address and base, the one of lower priority goes. Host comes
     * first here and is the higher. */
    uint16_t known = ice_local_find_like(agent, wanted);
    if (known != ICE_NONE) {
        agent->locals[known].stale = false;
        return known;
    }
    struct ice_local added = *wanted;
    if (added.name == 0)
        added.name = name_of_base(agent, wanted);
    added.gone = added.stale = added.told = false;
    /* RFC 8839 section 5.1: raddr and rport of a reflexive candidate are its base. */
    if (added.type != ICE_CANDIDATE_HOST)
        added.related = added.base;
    added.preference = distinct_preference(agent, wanted);
    added.priority = priority_of(&added, added.type);
    added.foundation = foundation_of(agent, wanted);
    uint16_t index = place_of_new_local(agent);
    if (index != ICE_NONE)
        agent->locals[index] = added;
    return index;
}

uint16_t ice_local_add(struct ice_agent *agent, enum ice_candidate_type type, const struct stun_address *address, const struct stun_address *base,
                       const struct stun_address *server, uint16_t preference) {
    return ice_local_add_like(agent, &(struct ice_local){.address = *address, .base = *base, .server = *server, .transport = ICE_TRANSPORT_UDP,
                                                         .preference = preference, .relay = ICE_NONE, .server_index = ICE_NONE, .type = type});
}

/* ---- remote ------------------------------------------------------------------------------------------------------------------- */

static uint16_t find_remote(const struct ice_agent *agent, uint16_t generation, const struct stun_address *address, enum ice_transport transport,
                            enum ice_tcp_type tcp_type) {
    for (size_t i = 0; i < agent->remote_count; i++) {
        const struct ice_remote *remote = &agent->remotes[i];
        if (remote->generation == generation && remote->transport == transport && remote->tcp_type == tcp_type && stun_address_equal(&remote->address, address))
            return (uint16_t)i;
    }
    return ICE_NONE;
}

uint16_t ice_remote_find(const struct ice_agent *agent, uint16_t generation, const struct stun_address *address) {
    return find_remote(agent, generation, address, ICE_TRANSPORT_UDP, ICE_TCP_NONE);
}

uint16_t ice_remote_find_tcp(const struct ice_agent *agent, uint16_t generation, const struct stun_address *address, enum ice_tcp_type tcp_type) {
    return find_remote(agent, generation, address, ICE_TRANSPORT_TCP, tcp_type);
}

static uint16_t free_remote(struct ice_agent *agent) {
    for (uint16_t i = 0; i < agent->remote_count; i++)
        if (agent->remotes[i].generation == ICE_NONE)
            return i;
    return agent->remote_count < ICE_REMOTE_SLOT_MAX ? (uint16_t)agent->remote_count++ : ICE_NONE;
}

size_t ice_remote_pair_count(const struct ice_agent *agent, uint16_t index) {
    size_t count = 0;
    for (size_t i = 0; i < agent->pair_count; i++)
        count += agent->pairs[i].generation != ICE_NONE && agent->pairs[i].remote == index;
    return count;
}

void ice_remote_prove(struct ice_agent *agent, uint16_t index, uint64_t ufrag_tag) {
    if (!agent->remotes[index].foreign)
        return;
    agent->remotes[index].foreign = false;
    agent->remotes[index].ufrag_tag = ufrag_tag;
}

void ice_remote_free(struct ice_agent *agent, uint16_t index) {
    struct ice_remote *remote = &agent->remotes[index];
    struct ice_generation *generation = &agent->generations[remote->generation];
    if (remote->type == ICE_CANDIDATE_PEER_REFLEXIVE && remote->foundation_text[0] == '\0')
        generation->remote_peer_reflexive_count--;
    else
        generation->remote_signaled_count--;
    *remote = (struct ice_remote){.generation = ICE_NONE};
}

/* A number for a remote foundation: the same text has the same one. A peer-reflexive candidate has one of its own, and no text. */
static uint16_t remote_foundation(struct ice_agent *agent, uint16_t generation, const char *text) {
    for (size_t i = 0; i < agent->remote_count; i++)
        if (agent->remotes[i].generation == generation && strcmp(agent->remotes[i].foundation_text, text) == 0)
            return agent->remotes[i].foundation;
    return ++agent->next_foundation;
}

static enum ice_transport transport_of(const struct ice_candidate *candidate) {
    return candidate->protocol == ICE_PROTOCOL_TCP ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_UDP;
}

static void take_signaled(struct ice_agent *agent, struct ice_remote *remote, const struct ice_candidate *candidate) {
    remote->foundation = remote_foundation(agent, remote->generation, candidate->foundation);
    memcpy(remote->foundation_text, candidate->foundation, sizeof remote->foundation_text);
    remote->foundation_text[ICE_FOUNDATION_MAX_BYTES] = '\0';
    remote->address = candidate->address;
    remote->transport = transport_of(candidate);
    remote->tcp_type = candidate->tcp_type;
    remote->related = candidate->related;
    remote->priority = candidate->priority;
    remote->type = candidate->type;
    size_t ufrag_length = strlen(candidate->ufrag);
    if (ufrag_length > 0)
        remote->ufrag_tag = ice_ufrag_tag(candidate->ufrag, ufrag_length);
}

int ice_remote_add_signaled(struct ice_agent *agent, const struct ice_candidate *candidate, uint16_t *index) {
    struct ice_generation *generation = ice_generation_current(agent);
    uint16_t known = find_remote(agent, agent->generation, &candidate->address, transport_of(candidate), candidate->tcp_type);
    if (known != ICE_NONE) {
        struct ice_remote *remote = &agent->remotes[known];
        *index = known;
        bool is_learned = remote->type == ICE_CANDIDATE_PEER_REFLEXIVE && remote->foundation_text[0] == '\0';
        if (is_learned && generation->remote_signaled_count == ICE_REMOTE_CANDIDATE_MAX)
            return ICE_ERROR_CAPACITY;
        /* RFC 8445 section 7.3.1.3: the signaling may bring the true foundation of one that was learned from a check. RFC 8838 section 9:
         * and it may say that an address which was told of another generation is one of this, too. */
        if (is_learned || remote->foreign) {
            take_signaled(agent, remote, candidate);
            remote->foreign = false;
            generation->remote_peer_reflexive_count -= is_learned;
            generation->remote_signaled_count += is_learned;
            ice_checklist_recompute_priorities(agent);
        }
        return ICE_OK;
    }
    if (generation->remote_signaled_count == ICE_REMOTE_CANDIDATE_MAX || (*index = free_remote(agent)) == ICE_NONE)
        return ICE_ERROR_CAPACITY;
    agent->remotes[*index] = (struct ice_remote){.generation = agent->generation};
    take_signaled(agent, &agent->remotes[*index], candidate);
    generation->remote_signaled_count++;
    return ICE_OK;
}

uint16_t ice_remote_add_peer_reflexive(struct ice_agent *agent, uint16_t generation, const struct stun_address *address, uint32_t priority, uint64_t ufrag_tag) {
    size_t *count = &agent->generations[generation].remote_peer_reflexive_count;
    size_t limit = generation == agent->generation ? ICE_REMOTE_PEER_REFLEXIVE_MAX : ICE_PREVIOUS_PAIR_MAX;
    uint16_t index = *count < limit ? free_remote(agent) : ICE_NONE;
    if (index == ICE_NONE) {
        agent->statistics.capacity_refused++;
        return ICE_NONE;
    }
    /* RFC 8445 section 7.3.1.3: the priority is that of the request, the foundation is unlike all others. */
    struct ice_remote added = {.generation = generation, .address = *address, .priority = priority, .type = ICE_CANDIDATE_PEER_REFLEXIVE, .ufrag_tag = ufrag_tag};
    added.foundation = ++agent->next_foundation;
    agent->remotes[index] = added;
    (*count)++;
    return index;
}

/* ---- views --------------------------------------------------------------------------------------------------------------------- */

static void write_decimal(uint16_t number, char *text) {
    char digits[5];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number = (uint16_t)(number / 10);
    } while (number > 0);
    while (count > 0)
        *text++ = digits[--count];
    *text = '\0';
}

void ice_local_view(const struct ice_agent *agent, uint16_t index, struct ice_candidate *out) {
    const struct ice_local *local = &agent->locals[index];
    const struct ice_generation *generation = ice_generation_youngest(agent);
    *out = (struct ice_candidate){.component = 1, .protocol = local->transport == ICE_TRANSPORT_TCP ? ICE_PROTOCOL_TCP : ICE_PROTOCOL_UDP,
                                  .priority = local->priority, .address = local->address, .base = local->base, .type = local->type, .tcp_type = local->tcp_type};
    write_decimal(local->foundation, out->foundation);
    out->related = local->related;
    out->server = local->server_index != ICE_NONE ? (uint16_t)(local->server_index + 1) : 0;
    out->relay_transport = local->relay_transport;
    ice_names_hide_local(agent, local, out);
    memcpy(out->ufrag, generation->local_ufrag, sizeof generation->local_ufrag);
}

void ice_remote_view(const struct ice_agent *agent, uint16_t index, struct ice_candidate *out) {
    const struct ice_remote *remote = &agent->remotes[index];
    const struct ice_generation *generation = &agent->generations[remote->generation];
    *out = (struct ice_candidate){.component = 1, .protocol = remote->transport == ICE_TRANSPORT_TCP ? ICE_PROTOCOL_TCP : ICE_PROTOCOL_UDP,
                                  .priority = remote->priority, .address = remote->address, .related = remote->related, .type = remote->type,
                                  .tcp_type = remote->tcp_type};
    ice_names_hide_remote(agent, remote, out);
    if (remote->foundation_text[0] != '\0')
        memcpy(out->foundation, remote->foundation_text, sizeof out->foundation);
    else
        write_decimal(remote->foundation, out->foundation);
    if (remote->ufrag_tag != 0 && !remote->foreign)
        memcpy(out->ufrag, generation->remote_ufrag, sizeof out->ufrag);
}
