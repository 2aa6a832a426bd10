/*
 * Names in place of addresses, draft-ietf-mmusic-mdns-ice-candidates: those of the peer are looked up by the caller (RESOLVE events)
 * and stand in the statistics instead of what they resolve to; ours stand for the addresses of interfaces that have one.
 */
#include "ice/names_internal.h"

#include <string.h>

static bool enable(struct ice_agent *agent) {
    if (agent->names != NULL)
        return true;
    if (agent->memory_bytes > agent->config.memory_budget_bytes || agent->config.memory_budget_bytes - agent->memory_bytes < sizeof *agent->names)
        return false;
    agent->names = agent->allocator.allocate(agent->allocator.context, sizeof *agent->names);
    if (agent->names == NULL)
        return false;
    memset(agent->names, 0, sizeof *agent->names);
    agent->names->next_query = ICE_NAME_QUERY_FIRST;
    agent->memory_bytes += sizeof *agent->names;
    return true;
}

void ice_names_free(struct ice_agent *agent) {
    if (agent->names != NULL)
        agent->allocator.release(agent->allocator.context, agent->names);
    agent->names = NULL;
}

/* ---- what a name looks like --------------------------------------------------------------------------------------------------------- */

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_hexadecimal(char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f');
}

static bool equal_names(const char *a, const char *b) {
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

/* A UUID and ".local": 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid_name(const char *name) {
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.local";
    if (strlen(name) != sizeof shape - 1)
        return false;
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] == 'x' && i < 36 ? !is_hexadecimal(name[i]) : lower(name[i]) != shape[i])
            return false;
    return true;
}

bool ice_names_is_own_name(const char *name) {
    static const char suffix[] = ".local";
    const char *end = memchr(name, '\0', ICE_MDNS_NAME_MAX_BYTES + 1);
    if (end == NULL || (size_t)(end - name) < sizeof suffix || !equal_names(end - (sizeof suffix - 1), suffix))
        return false;
    for (const char *c = name; c < end; c++)
        if (!(lower(*c) >= 'a' && lower(*c) <= 'z') && !(*c >= '0' && *c <= '9') && *c != '-' && *c != '.')
            return false;
    return true;
}

/* ---- ours -------------------------------------------------------------------------------------------------------------------------- */

static bool is_own_in_use(const struct ice_agent *agent, const struct ice_interface *interfaces, size_t count, size_t slot) {
    for (size_t i = 0; i < agent->local_count; i++)
        if (agent->locals[i].name == slot + 1)
            return true;
    for (size_t i = 0; i < count; i++)
        if (interfaces[i].mdns_name == agent->names->own[slot])
            return true;
    return false;
}

static size_t find_own(const struct ice_agent *agent, const char *name) {
    size_t slot = 0;
    while (slot < ICE_NAME_OWN_MAX && !equal_names(agent->names->own[slot], name))
        slot++;
    return slot;
}

int ice_names_copy(struct ice_agent *agent, struct ice_interface *interfaces, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (interfaces[i].mdns_name == NULL)
            continue;
        if (!enable(agent))
            return ICE_ERROR_CAPACITY;
        size_t slot = find_own(agent, interfaces[i].mdns_name);
        for (size_t n = 0; slot == ICE_NAME_OWN_MAX && n < ICE_NAME_OWN_MAX; n++)
            if (!is_own_in_use(agent, interfaces, i, n) && !is_own_in_use(agent, agent->gatherer.interfaces, agent->gatherer.interface_count, n))
                slot = n;
        if (slot == ICE_NAME_OWN_MAX)
            return ICE_ERROR_CAPACITY;
        char *own = agent->names->own[slot];
        memmove(own, interfaces[i].mdns_name, strlen(interfaces[i].mdns_name) + 1);
        interfaces[i].mdns_name = own;
    }
    return ICE_OK;
}

uint16_t ice_names_of_interface(const struct ice_agent *agent, const struct ice_interface *interface) {
    return interface->mdns_name != NULL ? (uint16_t)(1 + find_own(agent, interface->mdns_name)) : 0;
}

static bool is_hidden(const struct ice_agent *agent, const struct stun_address *address) {
    for (size_t i = 0; i < agent->local_count; i++)
        if (agent->locals[i].name != 0 && agent->locals[i].type == ICE_CANDIDATE_HOST && stun_address_equal_ip(&agent->locals[i].base, address))
            return true;
    return false;
}

void ice_names_hide_local(const struct ice_agent *agent, const struct ice_local *local, struct ice_candidate *view) {
    if (agent->names == NULL)
        return;
    /* draft-ietf-mmusic-mdns-ice-candidates section 3.1.1: the name stands where the address was. A peer-reflexive candidate of
     * TCP has that address, too, and another port. */
    if (local->name != 0 && stun_address_equal_ip(&local->address, &local->base)) {
        view->address = (struct stun_address){.family = STUN_ADDRESS_NONE, .port = local->address.port};
        memcpy(view->hostname, agent->names->own[local->name - 1], ICE_MDNS_NAME_MAX_BYTES + 1);
    }
    /* Section 3.1.2.2: a reflexive candidate says nothing of the address that it was found from, nor does a relayed one when the
     * server has seen that very address. */
    if (view->related.family != STUN_ADDRESS_NONE && is_hidden(agent, &view->related))
        view->related = (struct stun_address){.family = STUN_ADDRESS_IPV4, .port = 9};
}

/* ---- the peer's: adding ---------------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct ice_agent *agent, size_t slot) {
    const struct ice_name *name = &agent->names->remote[slot];
    for (size_t i = 0; name->state == ICE_NAME_RESOLVED && i < agent->remote_count; i++)
        if (agent->remotes[i].generation != ICE_NONE && agent->remotes[i].name == slot + 1)
            return true;
    return name->state == ICE_NAME_PENDING;
}

static struct ice_name *free_slot(struct ice_agent *agent) {
    for (size_t i = 0; i < ICE_REMOTE_NAME_MAX; i++)
        if (!is_wanted(agent, i))
            return &agent->names->remote[i];
    return NULL;
}

static void take_candidate(struct ice_name *name, const struct ice_candidate *candidate) {
    memcpy(name->hostname, candidate->hostname, strlen(candidate->hostname) + 1);
    memcpy(name->foundation, candidate->foundation, sizeof name->foundation);
    name->port = candidate->address.port;
    name->priority = candidate->priority;
    name->protocol = candidate->protocol;
    name->tcp_type = candidate->tcp_type;
    size_t ufrag_length = strlen(candidate->ufrag);
    name->ufrag_tag = ufrag_length > 0 ? ice_ufrag_tag(candidate->ufrag, ufrag_length) : 0;
}

static bool is_same_candidate(const struct ice_name *name, const struct ice_candidate *candidate) {
    return name->port == candidate->address.port && name->protocol == candidate->protocol && name->tcp_type == candidate->tcp_type;
}

/* Its addresses are remote host candidates now. */
static void add_candidates(struct ice_agent *agent, struct ice_name *name) {
    const struct ice_generation *current = ice_generation_current_const(agent);
    for (size_t i = 0; i < name->address_count; i++) {
        struct ice_candidate candidate = {.component = 1, .protocol = name->protocol, .priority = name->priority, .address = name->addresses[i],
                                          .type = ICE_CANDIDATE_HOST, .tcp_type = name->tcp_type};
        candidate.address.port = name->port;
        memcpy(candidate.foundation, name->foundation, sizeof candidate.foundation);
        uint16_t index;
        if (ice_remote_add_signaled(agent, &candidate, &index) != ICE_OK) {
            agent->statistics.capacity_refused++;
            continue;
        }
        struct ice_remote *remote = &agent->remotes[index];
        remote->name = (uint16_t)(1 + (name - agent->names->remote));
        if (name->ufrag_tag != 0)
            remote->ufrag_tag = name->ufrag_tag;
        remote->foreign = current->remote_key != NULL && remote->ufrag_tag != 0 &&
                          remote->ufrag_tag != ice_ufrag_tag(current->remote_ufrag, strlen(current->remote_ufrag));
        ice_checklist_add_remote(agent, index);
    }
}

int ice_names_add_remote(struct ice_agent *agent, uint64_t now_us, const struct ice_candidate *candidate) {
    /* draft-ietf-mmusic-mdns-ice-candidates section 3.2.1, and RFC 8839 section 5.1, MUST: other names are ignored. We ask for
     * the names that browsers make, lest a page learn by its candidates what is called what in this house. */
    if (candidate->type != ICE_CANDIDATE_HOST || !is_uuid_name(candidate->hostname)) {
        agent->statistics.candidates_not_supported++;
        return ICE_ERROR_NOT_SUPPORTED;
    }
    if (candidate->tcp_type == ICE_TCP_ACTIVE)
        return ICE_OK; /* it will come to us: its name is of no use */
    struct ice_name *added = enable(agent) ? free_slot(agent) : NULL;
    const struct ice_name *sibling = NULL;
    for (size_t i = 0; added != NULL && i < ICE_REMOTE_NAME_MAX; i++) {
        const struct ice_name *other = &agent->names->remote[i];
        if (!is_wanted(agent, i) || other->generation != agent->generation || !equal_names(other->hostname, candidate->hostname))
            continue;
        if (is_same_candidate(other, candidate))
            return ICE_OK; /* told twice */
        sibling = other;
    }
    if (added == NULL) {
        agent->statistics.capacity_refused++;
        return ICE_ERROR_CAPACITY;
    }
    *added = (struct ice_name){.state = ICE_NAME_PENDING, .generation = agent->generation, .deadline_us = ice_after(now_us, ICE_NAME_TIMEOUT_US)};
    take_candidate(added, candidate);
    if (sibling == NULL) {
        added->query = agent->names->next_query++;
        return ICE_OK;
    }
    added->query = sibling->query;
    added->reported = true; /* asked for already, or about to be */
    added->state = sibling->state;
    added->address_count = sibling->address_count;
    memcpy(added->addresses, sibling->addresses, sizeof added->addresses);
    add_candidates(agent, added);
    return ICE_OK;
}

/* ---- the peer's: resolving -------------------------------------------------------------------------------------------------------------- */

bool ice_names_is_pending(const struct ice_agent *agent) {
    for (size_t i = 0; agent->names != NULL && i < ICE_REMOTE_NAME_MAX; i++)
        if (agent->names->remote[i].state == ICE_NAME_PENDING)
            return true;
    return false;
}

bool ice_names_poll_event(struct ice_agent *agent, struct ice_event *out) {
    for (size_t i = 0; agent->names != NULL && i < ICE_REMOTE_NAME_MAX; i++) {
        struct ice_name *name = &agent->names->remote[i];
        if (name->state != ICE_NAME_PENDING || name->reported)
            continue;
        name->reported = true;
        *out = (struct ice_event){.type = ICE_EVENT_RESOLVE};
        out->as.resolve.query = name->query;
        out->as.resolve.name = name->hostname;
        return true;
    }
    return false;
}

static void take_addresses(struct ice_name *name, const struct stun_address *addresses, size_t count) {
    bool has_family[STUN_ADDRESS_IPV6 + 1] = {false};
    for (size_t i = 0; i < count; i++) {
        struct stun_address address = addresses[i];
        address.port = name->port;
        if (!ice_address_is_usable(&address) || has_family[address.family])
            continue;
        has_family[address.family] = true;
        name->addresses[name->address_count++] = address;
    }
}

static void end_lookup(struct ice_agent *agent, struct ice_name *name) {
    agent->statistics.names_unresolved++;
    name->state = ICE_NAME_FREE;
}

bool ice_names_is_query(uint64_t query) {
    return query >= ICE_NAME_QUERY_FIRST;
}

int ice_names_handle_resolved(struct ice_agent *agent, uint64_t query, const struct stun_address *addresses, size_t count) {
    if (agent->names == NULL || query < ICE_NAME_QUERY_FIRST || query >= agent->names->next_query || (addresses == NULL && count > 0))
        return ICE_ERROR_ARGUMENT;
    bool waited = false;
    for (size_t i = 0; i < ICE_REMOTE_NAME_MAX; i++) {
        struct ice_name *name = &agent->names->remote[i];
        if (name->state != ICE_NAME_PENDING || name->query != query)
            continue;
        waited = true;
        take_addresses(name, addresses, count);
        if (name->address_count == 0) {
            end_lookup(agent, name);
            continue;
        }
        name->state = ICE_NAME_RESOLVED;
        add_candidates(agent, name);
    }
    return waited ? ICE_OK : ICE_ERROR_STATE; /* it came too late */
}

void ice_names_handle_timeout(struct ice_agent *agent, uint64_t now_us) {
    for (size_t i = 0; agent->names != NULL && i < ICE_REMOTE_NAME_MAX; i++)
        if (agent->names->remote[i].state == ICE_NAME_PENDING && now_us >= agent->names->remote[i].deadline_us)
            end_lookup(agent, &agent->names->remote[i]);
}

void ice_names_forget_pending(struct ice_agent *agent) {
    for (size_t i = 0; agent->names != NULL && i < ICE_REMOTE_NAME_MAX; i++)
        if (agent->names->remote[i].state == ICE_NAME_PENDING)
            agent->names->remote[i].state = ICE_NAME_FREE;
}

void ice_names_update(struct ice_agent *agent) {
    if (agent->state == ICE_STATE_FAILED || agent->state == ICE_STATE_CLOSED)
        ice_names_forget_pending(agent);
}

uint64_t ice_names_next_timeout(const struct ice_agent *agent) {
    uint64_t next_us = ICE_NEVER_US;
    for (size_t i = 0; agent->names != NULL && i < ICE_REMOTE_NAME_MAX; i++)
        if (agent->names->remote[i].state == ICE_NAME_PENDING)
            next_us = ice_earlier(next_us, agent->names->remote[i].deadline_us);
    return next_us;
}

void ice_names_hide_remote(const struct ice_agent *agent, const struct ice_remote *remote, struct ice_candidate *view) {
    if (remote->name == 0)
        return;
    /* draft-ietf-mmusic-mdns-ice-candidates section 3.3, and W3C webrtc-stats: what a name resolves to is not told on. */
    view->address = (struct stun_address){.family = STUN_ADDRESS_NONE, .port = remote->address.port};
    memcpy(view->hostname, agent->names->remote[remote->name - 1].hostname, ICE_MDNS_NAME_MAX_BYTES + 1);
}
