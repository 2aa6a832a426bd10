/*
 * Relays: their making, their candidates, their end. RFC 8445 section 5.1.1.2, RFC 8656.
 *
 * The transitions of enum ice_relay_state: WAITING -> ASKING (start), ASKING -> READY (allocated), and in relay_loss.c ASKING -> WAITING or
 * GIVEN_UP (failed), READY -> WAITING (lose), GIVEN_UP -> WAITING (revived by a restart; here by an interface).
 */
#include <stddef.h>
#include <string.h>

#include "ice/agent_internal.h"

/* ---- memory: the clients' is the agent's, within its budget --------------------------------------------------------------------- */

union allocation {
    size_t bytes;
    max_align_t alignment;
};

static void *allocate_within_budget(void *context, size_t bytes) {
    struct ice_agent *agent = context;
    size_t all = bytes + sizeof(union allocation);
    if (bytes > SIZE_MAX - sizeof(union allocation) || agent->memory_bytes > agent->config.memory_budget_bytes ||
        all > agent->config.memory_budget_bytes - agent->memory_bytes)
        return NULL;
    union allocation *made = agent->allocator.allocate(agent->allocator.context, all);
    if (made == NULL)
        return NULL;
    made->bytes = all;
    agent->memory_bytes += all;
    return made + 1;
}

static void release_to_budget(void *context, void *memory) {
    struct ice_agent *agent = context;
    if (memory == NULL)
        return;
    union allocation *made = (union allocation *)memory - 1;
    agent->memory_bytes -= made->bytes;
    agent->allocator.release(agent->allocator.context, made);
}

/* ---- making ---------------------------------------------------------------------------------------------------------------------- */

static struct ice_relay *find(struct ice_agent *agent, uint16_t server, const struct stun_address *local) {
    bool is_stream = agent->gatherer.servers[server].transport != ICE_TRANSPORT_UDP;
    for (size_t i = 0; i < agent->relay_count; i++) {
        struct ice_relay *relay = &agent->relays[i];
        if (relay->state == ICE_RELAY_FREE || relay->server != server)
            continue;
        if (is_stream ? relay->path.remote.family == local->family : stun_address_equal(&relay->path.local, local))
            return relay;
    }
    return NULL;
}

void ice_relay_drop_client(struct ice_agent *agent, struct ice_relay *relay) {
    uint16_t index = (uint16_t)(relay - agent->relays);
    if (agent->relay_reading == index)
        agent->relay_reading = ICE_NONE;
    for (size_t i = 0; i < ICE_STREAM_MAX; i++)
        if (agent->streams[i].owner == ICE_STREAM_OF_RELAY && agent->streams[i].index == index) {
            agent->streams[i].server_name = NULL; /* it was the client's */
            ice_stream_close(&agent->streams[i]);
        }
    ice_turn_client_free(relay->client);
    relay->client = NULL;
}

/* Its candidates, which are gone, are no relay's any more: the place will be another's. */
static void forget(struct ice_agent *agent, struct ice_relay *relay) {
    ice_relay_drop_client(agent, relay);
    for (size_t i = 0; i < agent->local_count; i++)
        if (agent->locals[i].relay == relay - agent->relays)
            agent->locals[i].relay = ICE_NONE;
}

static struct ice_relay *free_slot(struct ice_agent *agent) {
    struct ice_relay *parked = NULL;
    for (size_t i = 0; i < agent->relay_count; i++) {
        struct ice_relay *relay = &agent->relays[i];
        if (relay->state == ICE_RELAY_FREE)
            return relay;
        if (relay->parked)
            parked = relay;
    }
    if (parked != NULL)
        forget(agent, parked);
    else
        agent->statistics.capacity_refused++;
    return parked;
}

/* The one of these interfaces that the caller prefers; NULL: none of this family. */
static const struct ice_interface *best_interface(const struct ice_agent *agent, uint8_t family) {
    const struct ice_interface *best = NULL;
    for (size_t i = 0; i < agent->gatherer.interface_count; i++) {
        const struct ice_interface *interface = &agent->gatherer.interfaces[i];
        if (interface->base.family == family && (best == NULL || interface->preference > best->preference))
            best = interface;
    }
    return best;
}

static void add(struct ice_agent *agent, uint16_t server_index, uint16_t address, const struct stun_address *local, uint16_t preference) {
    const struct ice_gather_server *server = &agent->gatherer.servers[server_index];
    struct ice_relay *known = find(agent, server_index, local);
    if (known != NULL) { /* interfaces have changed: another chance */
        if (known->state == ICE_RELAY_GIVEN_UP) {
            known->state = ICE_RELAY_WAITING;
            known->retry_us = 0;
            known->address = address;
        }
        return;
    }
    struct ice_relay *relay = free_slot(agent);
    if (relay == NULL)
        return;
    *relay = (struct ice_relay){.state = ICE_RELAY_WAITING, .server = server_index, .address = address, .preference = preference};
    relay->path = (struct ice_path){.transport = server->transport, .local = *local, .remote = server->addresses[address]};
}

void ice_relay_add(struct ice_agent *agent, uint16_t server_index) {
    const struct ice_gatherer *gatherer = &agent->gatherer;
    const struct ice_gather_server *server = &gatherer->servers[server_index];
    if (server->kind != ICE_SERVER_TURN || server->progress != ICE_SERVER_READY)
        return;
    if (server->transport == ICE_TRANSPORT_UDP) {
        for (size_t i = 0; i < gatherer->interface_count; i++) {
            const struct ice_interface *interface = &gatherer->interfaces[i];
            uint16_t address = ice_server_address(server, interface->base.family, 0);
            if (interface->transport == ICE_TRANSPORT_UDP && address != ICE_NONE && ice_addresses_can_pair(&interface->base, &server->addresses[address]))
                add(agent, server_index, address, &interface->base, interface->preference);
        }
        return;
    }
    static const uint8_t families[] = {STUN_ADDRESS_IPV6, STUN_ADDRESS_IPV4};
    for (size_t i = 0; i < 2; i++) {
        uint16_t address = ice_server_address(server, families[i], 0);
        const struct ice_interface *interface = best_interface(agent, families[i]);
        const struct stun_address any = {.family = families[i]}; /* the system knows which way it is */
        if (address != ICE_NONE && interface != NULL)
            add(agent, server_index, address, &any, interface->preference);
    }
}

/* ---- starting --------------------------------------------------------------------------------------------------------------------- */

/* One allocation of each server asks for both families, so that peers of either can be reached; the others only for their own. */
static enum ice_turn_families families_of(const struct ice_agent *agent, const struct ice_relay *relay) {
    for (const struct ice_relay *other = agent->relays; other < relay; other++)
        if (other->state != ICE_RELAY_FREE && other->state != ICE_RELAY_GIVEN_UP && other->server == relay->server)
            return relay->path.remote.family == STUN_ADDRESS_IPV6 ? ICE_TURN_IPV6 : ICE_TURN_IPV4;
    return ICE_TURN_BOTH;
}

static void start(struct ice_agent *agent, uint16_t index, uint64_t now_us) {
    struct ice_relay *relay = &agent->relays[index];
    const struct ice_gather_server *server = &agent->gatherer.servers[relay->server];
    relay->path.remote = server->addresses[relay->address]; /* a redirection (300) was the last attempt's */
    const struct ice_allocator allocator = {allocate_within_budget, release_to_budget, agent};
    struct ice_turn_client_config config = {
        .path = relay->path,
        .server_name = relay->path.transport == ICE_TRANSPORT_UDP ? NULL : server->host,
        .username = server->username,
        .credential = server->credential,
        .families = families_of(agent, relay),
        .rto_us = ice_gather_rto_us(agent),
        .random = agent->config.random,
        .random_context = agent->config.random_context,
        .allocator = &allocator,
    };
    config.path.stream_id = relay->path.transport == ICE_TRANSPORT_UDP ? 0 : ice_relay_stream_id(index);
    ice_relay_drop_client(agent, relay);
    relay->client = ice_turn_client_new(&config, now_us);
    relay->attempt_until_us = ice_after(now_us, ICE_RELAY_ATTEMPT_US);
    relay->state = relay->client != NULL ? ICE_RELAY_ASKING : ICE_RELAY_GIVEN_UP;
    if (relay->client == NULL)
        agent->statistics.capacity_refused++;
    ice_relay_take_events(agent, index, now_us);
}

uint64_t ice_relay_start_us(const struct ice_agent *agent) {
    uint64_t start_us = ICE_NEVER_US;
    for (size_t i = 0; i < agent->relay_count; i++)
        if (agent->relays[i].state == ICE_RELAY_WAITING && !agent->relays[i].parked)
            start_us = ice_earlier(start_us, agent->relays[i].retry_us);
    return start_us;
}

bool ice_relay_start_next(struct ice_agent *agent, uint64_t now_us) {
    for (uint16_t i = 0; i < agent->relay_count; i++) {
        if (agent->relays[i].state != ICE_RELAY_WAITING || agent->relays[i].parked || agent->relays[i].retry_us > now_us)
            continue;
        start(agent, i, now_us);
        return true;
    }
    return false;
}

bool ice_relay_is_open(const struct ice_agent *agent) {
    for (size_t i = 0; i < agent->relay_count; i++) {
        const struct ice_relay *relay = &agent->relays[i];
        if (!relay->lost && !relay->parked && (relay->state == ICE_RELAY_WAITING || relay->state == ICE_RELAY_ASKING))
            return true;
    }
    return false;
}

void ice_relay_give_up(struct ice_agent *agent, uint64_t now_us) {
    for (size_t i = 0; i < agent->relay_count; i++) {
        struct ice_relay *relay = &agent->relays[i];
        if (relay->state != ICE_RELAY_WAITING && relay->state != ICE_RELAY_ASKING)
            continue;
        if (relay->times_lost > 0 && agent->state != ICE_STATE_FAILED) {
            relay->lost = true; /* asked for further, but nobody waits */
            continue;
        }
        relay->state = ICE_RELAY_GIVEN_UP;
        if (relay->client != NULL)
            ice_turn_client_close(relay->client, now_us); /* it may be allocated by now, and a restart will come from the same port */
    }
}

/* ---- candidates ------------------------------------------------------------------------------------------------------------------- */

/* RFC 8445 section 5.1.2.1: the local preference. The way to the server says more than the interface: UDP before TCP before TLS. */
static uint16_t preference_of(const struct ice_relay *relay) {
    static const uint16_t ranks[] = {[ICE_TRANSPORT_UDP] = 3, [ICE_TRANSPORT_TCP] = 2, [ICE_TRANSPORT_TLS] = 1};
    return (uint16_t)(ranks[relay->path.transport] << 14 | relay->preference >> 2);
}

/* RFC 8445 section 5.1.1.3: candidates obtained over different transports have different foundations, be the addresses the same. */
static void set_foundation(struct ice_agent *agent, struct ice_local *local) {
    for (size_t i = 0; i < agent->local_count; i++) {
        const struct ice_local *other = &agent->locals[i];
        if (other != local && other->type == ICE_CANDIDATE_RELAYED && other->relay_transport == local->relay_transport &&
            stun_address_equal_ip(&other->base, &local->base) && stun_address_equal_ip(&other->server, &local->server)) {
            local->foundation = other->foundation;
            return;
        }
    }
    local->foundation = ++agent->next_foundation;
}

static void add_relayed(struct ice_agent *agent, uint16_t index, const struct stun_address *relayed) {
    const struct ice_relay *relay = &agent->relays[index];
    if (!ice_address_is_usable(relayed))
        return;
    uint16_t known = ice_local_find_base(agent, relayed);
    if (known != ICE_NONE && (agent->locals[known].type != ICE_CANDIDATE_RELAYED || !agent->locals[known].gone))
        return; /* an address that is in use already cannot be ours a second time, whatever the server says */
    uint16_t added = known != ICE_NONE ? known : ice_local_add(agent, ICE_CANDIDATE_RELAYED, relayed, relayed, &relay->path.remote, preference_of(relay));
    if (added == ICE_NONE)
        return;
    struct ice_local *local = &agent->locals[added];
    local->gone = local->told = false;
    local->relay = index;
    local->server_index = relay->server;
    local->relay_transport = relay->path.transport;
    /* RFC 8839 section 5.1: raddr and rport of a relayed candidate are the mapped address, unless that is to be hidden: then 0.0.0.0 and 9. */
    local->related = relay->mapped;
    if (agent->config.transport_policy == ICE_TRANSPORT_POLICY_RELAY || relay->mapped.family == STUN_ADDRESS_NONE)
        local->related = (struct stun_address){.family = relayed->family, .port = 9};
    if (known == ICE_NONE)
        set_foundation(agent, local);
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation == agent->generation && agent->pairs[i].local == added && agent->pairs[i].state == ICE_PAIR_FAILED)
            agent->pairs[i].state = ICE_PAIR_WAITING;
    ice_checklist_add_local(agent, added);
}

/* RFC 8445 section 5.1.1.2: an Allocate response carries a server-reflexive candidate too. */
static void add_reflexive(struct ice_agent *agent, uint64_t now_us, const struct ice_relay *relay) {
    if (relay->path.transport != ICE_TRANSPORT_UDP || agent->config.transport_policy == ICE_TRANSPORT_POLICY_RELAY || !ice_address_is_usable(&relay->mapped))
        return;
    uint16_t added = ice_local_add(agent, ICE_CANDIDATE_SERVER_REFLEXIVE, &relay->mapped, &relay->path.local, &relay->path.remote, relay->preference);
    if (added != ICE_NONE && agent->locals[added].server_index == ICE_NONE && agent->locals[added].type == ICE_CANDIDATE_SERVER_REFLEXIVE)
        agent->locals[added].server_index = relay->server;
    ice_gather_keep_binding(agent, now_us, relay->server, &relay->path, relay->preference);
}

/*
 * The family that we speak to the server goes first, and so ranks higher: the peer's host may be reached by it, where the other one takes
 * a relay on both sides. (RFC 8421 section 4 orders interfaces; this is about one.)
 */
void ice_relay_add_candidates(struct ice_agent *agent, uint16_t index) {
    const struct ice_relay *relay = &agent->relays[index];
    size_t own = relay->path.local.family == STUN_ADDRESS_IPV6 ? 1 : 0;
    add_relayed(agent, index, &relay->relayed[own]);
    add_relayed(agent, index, &relay->relayed[1 - own]);
}

static void allocated(struct ice_agent *agent, uint16_t index, uint64_t now_us) {
    struct ice_relay *relay = &agent->relays[index];
    struct ice_turn_status status;
    ice_turn_client_status(relay->client, &status);
    memcpy(relay->relayed, status.relayed, sizeof relay->relayed);
    relay->mapped = status.mapped;
    relay->state = ICE_RELAY_READY;
    relay->lost = false;
    relay->retry_delay_us = 0;
    relay->doubt_us = 0;
    if (relay->answered_us == 0)
        relay->answered_us = now_us;
    add_reflexive(agent, now_us, relay);
    ice_relay_add_candidates(agent, index);
}

/* ---- events ------------------------------------------------------------------------------------------------------------------------- */

static void open_stream(struct ice_agent *agent, uint16_t index, const struct ice_turn_event *event) {
    struct ice_relay *relay = &agent->relays[index];
    struct ice_path path = event->as.stream.path;
    const char *name = path.transport == ICE_TRANSPORT_TLS ? event->as.stream.server_name : NULL;
    const struct ice_stream *stream = ice_stream_open(agent, ICE_STREAM_OF_RELAY, index, &path, name);
    if (stream == NULL)
        relay->state = ICE_RELAY_GIVEN_UP; /* counted there */
    else
        relay->path = stream->path;
}

void ice_relay_take_events(struct ice_agent *agent, uint16_t index, uint64_t now_us) {
    struct ice_relay *relay = &agent->relays[index];
    struct ice_turn_event event;
    while (relay->client != NULL && ice_turn_client_poll_event(relay->client, &event)) {
        switch (event.type) {
        case ICE_TURN_EVENT_ALLOCATED: allocated(agent, index, now_us); break;
        case ICE_TURN_EVENT_PERMISSION_FAILED: ice_relay_permission_failed(agent, index, now_us, &event.as.permission.peer, event.as.permission.code); break;
        case ICE_TURN_EVENT_FAILED: ice_relay_failed(agent, index, now_us); break;
        case ICE_TURN_EVENT_CLOSED: break;
        case ICE_TURN_EVENT_OPEN_STREAM: open_stream(agent, index, &event); break;
        case ICE_TURN_EVENT_CLOSE_STREAM:
            for (size_t i = 0; i < ICE_STREAM_MAX; i++)
                if (agent->streams[i].owner == ICE_STREAM_OF_RELAY && agent->streams[i].path.stream_id == relay->path.stream_id)
                    ice_stream_close(&agent->streams[i]);
            break;
        }
    }
    if (relay->client != NULL && relay->state == ICE_RELAY_ASKING && relay->path.transport == ICE_TRANSPORT_UDP) {
        struct ice_turn_status status; /* RFC 8489 section 10: it may have been sent elsewhere */
        ice_turn_client_status(relay->client, &status);
        relay->path.remote = status.path.remote;
    }
}

/* ---- what follows --------------------------------------------------------------------------------------------------------------------- */

/* RFC 8656 section 9: the server drops what goes to, and comes from, a peer without a permission. It is asked for as soon as there is a pair. */
static void permit(struct ice_agent *agent, uint64_t now_us) {
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        uint16_t index = pair->generation != ICE_NONE ? agent->locals[pair->local].relay : ICE_NONE;
        if (pair->permitted || index == ICE_NONE || pair->state == ICE_PAIR_FAILED || agent->relays[index].state != ICE_RELAY_READY)
            continue;
        pair->permitted = true;
        if (ice_turn_client_permit(agent->relays[index].client, now_us, &agent->remotes[pair->remote].address) != ICE_OK) {
            agent->statistics.capacity_refused++;
            ice_pair_fail(agent, pair, now_us, false);
        }
    }
}

/* RFC 8656 section 12: four bytes before a datagram instead of 36 or 48, for the one pair that carries the data. */
static void bind_selected(struct ice_agent *agent, uint64_t now_us) {
    if (agent->relay_bound == agent->selected)
        return;
    agent->relay_bound = ICE_NONE;
    if (agent->selected == ICE_NONE)
        return;
    const struct ice_pair *pair = &agent->pairs[agent->selected];
    uint16_t index = agent->locals[pair->local].relay;
    if (index == ICE_NONE || agent->relays[index].state != ICE_RELAY_READY)
        return;
    agent->relay_bound = agent->selected;
    if (ice_turn_client_bind(agent->relays[index].client, now_us, &agent->remotes[pair->remote].address) != ICE_OK)
        agent->statistics.capacity_refused++; /* it goes on with Send indications */
}

void ice_relay_update(struct ice_agent *agent, uint64_t now_us) {
    permit(agent, now_us);
    bind_selected(agent, now_us);
    if (now_us >= ice_relay_doubt_us(agent))
        ice_relay_act_on_doubt(agent, now_us);
}

/* ---- time ------------------------------------------------------------------------------------------------------------------------------ */

/* GIVEN_UP too: it may be giving back what came too late. */
bool ice_relay_is_alive(const struct ice_relay *relay) {
    return relay->client != NULL && !relay->parked && relay->state != ICE_RELAY_WAITING;
}

void ice_relay_handle_timeout(struct ice_agent *agent, uint64_t now_us) {
    for (uint16_t i = 0; i < agent->relay_count; i++) {
        struct ice_relay *relay = &agent->relays[i];
        if (!ice_relay_is_alive(relay))
            continue;
        ice_turn_client_handle_timeout(relay->client, now_us);
        ice_relay_take_events(agent, i, now_us);
        ice_relay_handle_attempt(agent, relay, now_us);
    }
}

uint64_t ice_relay_next_timeout(const struct ice_agent *agent) {
    uint64_t next_us = ice_relay_doubt_us(agent);
    for (size_t i = 0; i < agent->relay_count; i++) {
        const struct ice_relay *relay = &agent->relays[i];
        if (!ice_relay_is_alive(relay))
            continue;
        uint64_t own_us = ice_turn_client_next_timeout(relay->client);
        if (relay->path.transport == ICE_TRANSPORT_UDP && own_us != ICE_NEVER_US && agent->state != ICE_STATE_CLOSED)
            own_us = ice_later(own_us, ice_agent_earliest_transaction(agent));
        next_us = ice_earlier(next_us, own_us);
        if (relay->state == ICE_RELAY_ASKING && relay->times_lost > 0)
            next_us = ice_earlier(next_us, relay->attempt_until_us);
    }
    return next_us;
}

/* ---- the end ----------------------------------------------------------------------------------------------------------------------------- */

void ice_relay_close(struct ice_agent *agent, uint64_t now_us) {
    for (uint16_t i = 0; i < agent->relay_count; i++) {
        struct ice_relay *relay = &agent->relays[i];
        if (relay->state == ICE_RELAY_FREE)
            continue;
        if (relay->client == NULL || relay->parked || relay->state == ICE_RELAY_WAITING) {
            ice_relay_drop_client(agent, relay);
            relay->state = ICE_RELAY_GIVEN_UP;
            continue;
        }
        ice_turn_client_close(relay->client, now_us);
        ice_relay_take_events(agent, i, now_us);
    }
}

void ice_relay_free(struct ice_agent *agent) {
    for (size_t i = 0; i < agent->relay_count; i++) {
        ice_turn_client_free(agent->relays[i].client);
        agent->relays[i].client = NULL;
    }
}
