/* The servers of the configuration: their names, their addresses, and what became of each, for people. RFC 8445 section 5.1.1.2. */
#include <string.h>

#include "ice/agent_internal.h"

/* ---- addresses -------------------------------------------------------------------------------------------------------------------- */

uint16_t ice_server_address(const struct ice_gather_server *server, uint8_t family, uint16_t from) {
    for (uint16_t i = from; i < server->address_count; i++)
        if (server->addresses[i].family == family)
            return i;
    return ICE_NONE;
}

static bool is_known(const struct ice_gather_server *server, const struct stun_address *address) {
    for (size_t i = 0; i < server->address_count; i++)
        if (stun_address_equal(&server->addresses[i], address))
            return true;
    return false;
}

static void add_address(struct ice_gather_server *server, const struct stun_address *address) {
    struct stun_address added = *address;
    added.port = server->port;
    if (server->address_count < ICE_SERVER_ADDRESS_MAX && ice_address_is_usable(&added) && !is_known(server, &added))
        server->addresses[server->address_count++] = added;
}

static void begin(struct ice_agent *agent, uint16_t index) {
    struct ice_gather_server *server = &agent->gatherer.servers[index];
    server->progress = server->address_count > 0 ? ICE_SERVER_READY : ICE_SERVER_NAMELESS;
    ice_gather_add_server(agent, index);
    ice_relay_add(agent, index);
}

void ice_server_start(struct ice_agent *agent, uint16_t index) {
    struct ice_gather_server *server = &agent->gatherer.servers[index];
    bool is_stun = server->kind == ICE_SERVER_STUN;
    /* A mapping belongs to one socket: what a server sees of a TCP connection says nothing about our UDP ports. And RFC 8828 and
     * RTCIceTransportPolicy "relay": nothing but relayed candidates may be known of us. */
    if (is_stun && (server->transport != ICE_TRANSPORT_UDP || agent->config.transport_policy == ICE_TRANSPORT_POLICY_RELAY)) {
        server->progress = ICE_SERVER_USELESS;
        return;
    }
    struct stun_address literal;
    if (!stun_address_parse_ip(server->host, strlen(server->host), &literal)) {
        server->progress = ICE_SERVER_LOOKED_UP; /* event.c asks for it */
        return;
    }
    add_address(server, &literal);
    begin(agent, index);
}

int ice_server_handle_resolved(struct ice_agent *agent, uint64_t query, const struct stun_address *addresses, size_t count) {
    struct ice_gatherer *gatherer = &agent->gatherer;
    if (query == 0 || query > gatherer->server_count || (addresses == NULL && count > 0))
        return ICE_ERROR_ARGUMENT;
    struct ice_gather_server *server = &gatherer->servers[query - 1];
    if (server->progress != ICE_SERVER_LOOKED_UP)
        return ICE_ERROR_STATE;
    for (size_t i = 0; i < count; i++)
        add_address(server, &addresses[i]);
    begin(agent, (uint16_t)(query - 1));
    return ICE_OK;
}

/* ---- what became of them -------------------------------------------------------------------------------------------------------------- */

/* Of several relays on one server: one that is there, else one that can say why not, else any. */
static const struct ice_relay *telling_relay(const struct ice_agent *agent, size_t server) {
    const struct ice_relay *telling = NULL;
    for (size_t i = 0; i < agent->relay_count; i++) {
        const struct ice_relay *relay = &agent->relays[i];
        if (relay->state == ICE_RELAY_FREE || relay->server != server)
            continue;
        if (relay->state == ICE_RELAY_READY)
            return relay;
        if (telling == NULL || (telling->client == NULL && relay->client != NULL))
            telling = relay;
    }
    return telling;
}

static bool is_asking(const struct ice_agent *agent, size_t server, bool *has_begun) {
    bool waits = false;
    *has_begun = false;
    for (size_t i = 0; i < agent->relay_count; i++) {
        const struct ice_relay *relay = &agent->relays[i];
        if (relay->state == ICE_RELAY_FREE || relay->server != server)
            continue;
        waits = waits || relay->state == ICE_RELAY_WAITING || relay->state == ICE_RELAY_ASKING;
        *has_begun = *has_begun || relay->client != NULL;
    }
    for (size_t i = 0; i < agent->gatherer.transaction_count; i++) {
        const struct ice_gather_transaction *transaction = &agent->gatherer.transactions[i];
        if (transaction->server_index != server)
            continue;
        waits = waits || transaction->state == ICE_GATHER_WAITING || transaction->state == ICE_GATHER_RUNNING;
        *has_begun = *has_begun || transaction->state != ICE_GATHER_WAITING;
    }
    return waits;
}

static enum ice_server_state state_of(const struct ice_agent *agent, size_t index, const struct ice_server_statistics *statistics) {
    switch (agent->gatherer.servers[index].progress) {
    case ICE_SERVER_IDLE: return ICE_SERVER_NEW;
    case ICE_SERVER_LOOKED_UP: return ICE_SERVER_RESOLVING;
    case ICE_SERVER_NAMELESS: return ICE_SERVER_UNRESOLVED;
    case ICE_SERVER_USELESS: return ICE_SERVER_NOT_ASKED;
    case ICE_SERVER_READY: break;
    }
    if (statistics->answered_us != 0)
        return ICE_SERVER_ANSWERED;
    bool has_begun;
    if (is_asking(agent, index, &has_begun))
        return has_begun ? ICE_SERVER_ASKING : ICE_SERVER_NEW;
    if (!has_begun)
        return ICE_SERVER_NOT_ASKED;
    return statistics->code != 0 || statistics->error != 0 ? ICE_SERVER_REFUSED : ICE_SERVER_SILENT;
}

static void add_relay_facts(const struct ice_agent *agent, size_t index, struct ice_server_statistics *out) {
    uint64_t first_us = 0;
    for (size_t i = 0; i < agent->relay_count; i++) {
        const struct ice_relay *relay = &agent->relays[i];
        if (relay->state == ICE_RELAY_FREE || relay->server != index)
            continue;
        out->relays_lost += relay->times_lost;
        if (relay->answered_us != 0 && (first_us == 0 || relay->answered_us < first_us))
            first_us = relay->answered_us;
    }
    out->answered_us = first_us; /* of a TURN server a mapped address alone is no success */
    const struct ice_relay *relay = telling_relay(agent, index);
    if (relay == NULL)
        return;
    out->address = relay->path.remote;
    memcpy(out->relayed, relay->relayed, sizeof out->relayed);
    out->mapped = relay->mapped;
    if (relay->client == NULL)
        return;
    struct ice_turn_status status;
    ice_turn_client_status(relay->client, &status);
    out->code = status.code;
    out->error = status.error;
    out->realm = status.realm;
    out->reason = status.reason;
    out->software = status.software;
    out->round_trip_us = status.allocate_round_trip_us;
}

size_t ice_agent_server_count(const struct ice_agent *agent) {
    return agent->gatherer.server_count;
}

bool ice_agent_server_statistics(const struct ice_agent *agent, size_t index, struct ice_server_statistics *out) {
    if (index >= agent->gatherer.server_count)
        return false;
    const struct ice_gather_server *server = &agent->gatherer.servers[index];
    *out = (struct ice_server_statistics){
        .kind = server->kind,
        .transport = server->transport,
        .host = server->host,
        .port = server->port,
        .code = server->code,
        .error = server->error,
        .realm = "",
        .reason = "",
        .software = "",
        .mapped = server->mapped,
        .round_trip_us = server->round_trip_us,
        .answered_us = server->answered_us,
    };
    if (server->address_count > 0)
        out->address = server->addresses[0];
    for (size_t i = 0; i < agent->gatherer.transaction_count; i++)
        if (agent->gatherer.transactions[i].server_index == index)
            out->address = agent->gatherer.transactions[i].server;
    if (server->kind == ICE_SERVER_TURN)
        add_relay_facts(agent, index, out);
    out->state = state_of(agent, index, out);
    return true;
}

const char *ice_server_state_name(enum ice_server_state state) {
    switch (state) {
    case ICE_SERVER_NEW: return "new";
    case ICE_SERVER_RESOLVING: return "resolving";
    case ICE_SERVER_ASKING: return "asking";
    case ICE_SERVER_ANSWERED: return "answered";
    case ICE_SERVER_SILENT: return "silent";
    case ICE_SERVER_REFUSED: return "refused";
    case ICE_SERVER_UNRESOLVED: return "unresolved";
    case ICE_SERVER_NOT_ASKED: return "not asked";
    }
    return "";
}
