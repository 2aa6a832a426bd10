/* The making of an agent, in one block of memory, and its end. */
#include "ice/agent.h"

#include <stddef.h>
#include <string.h>

#include "ice/agent_internal.h"

static uint64_t value_or(uint64_t value, uint64_t otherwise) {
    return value != 0 ? value : otherwise;
}

static bool is_config_in_range(const struct ice_agent_config *config) {
    if (config->random == NULL || config->server_count > ICE_SERVER_MAX || (config->servers == NULL && config->server_count > 0))
        return false;
    /* RFC 8445 section 14.2, MUST: 5 ms at the least. */
    if (config->ta_us != 0 && (config->ta_us < ICE_TA_MIN_US || config->ta_us > ICE_TA_MAX_US))
        return false;
    for (size_t i = 0; i < config->server_count; i++) {
        const struct ice_server *server = &config->servers[i];
        if (server->host == NULL || server->port == 0 || strlen(server->host) == 0 || strlen(server->host) > ICE_HOSTNAME_MAX_BYTES)
            return false;
        if ((server->username != NULL && strlen(server->username) > ICE_SERVER_USERNAME_MAX_BYTES) ||
            (server->credential != NULL && strlen(server->credential) > ICE_SERVER_CREDENTIAL_MAX_BYTES))
            return false;
    }
    return (config->first_stream_id & ICE_STREAM_ACCEPTED) == 0;
}

/* The agent, its views, its relays (none without a TURN server) and the strings of its servers, each with its NUL, are one block. */
struct block {
    struct ice_agent agent;
    struct ice_views views;
    struct ice_relay relays[];
};

static uint16_t relay_count(const struct ice_agent_config *config) {
    for (size_t i = 0; i < config->server_count; i++)
        if (config->servers[i].kind == ICE_SERVER_TURN)
            return ICE_RELAY_MAX;
    return 0;
}

static size_t string_bytes(const char *text) {
    return text != NULL ? strlen(text) + 1 : 0;
}

static size_t strings_bytes(const struct ice_agent_config *config) {
    size_t bytes = 0;
    for (size_t i = 0; i < config->server_count; i++)
        bytes += string_bytes(config->servers[i].host) + string_bytes(config->servers[i].username) + string_bytes(config->servers[i].credential);
    return bytes;
}

static char *copy_string(char **place, const char *text) {
    if (text == NULL)
        return NULL;
    char *copy = *place;
    memcpy(copy, text, string_bytes(text));
    *place += string_bytes(text);
    return copy;
}

static void copy_servers(struct block *block, const struct ice_agent_config *config) {
    char *place = (char *)(block->relays + block->agent.relay_count);
    struct ice_gatherer *gatherer = &block->agent.gatherer;
    for (size_t i = 0; i < config->server_count; i++) {
        const struct ice_server *server = &config->servers[i];
        struct ice_gather_server *copy = &gatherer->servers[i];
        *copy = (struct ice_gather_server){.kind = server->kind, .transport = server->transport, .port = server->port};
        copy->host = copy_string(&place, server->host);
        copy->username = copy_string(&place, server->username);
        copy->credential = copy_string(&place, server->credential);
    }
    gatherer->server_count = config->server_count;
}

static void resolve_defaults(struct ice_agent_config *config) {
    config->ta_us = value_or(config->ta_us, ICE_TA_DEFAULT_US);
    config->gathering_deadline_us = value_or(config->gathering_deadline_us, ICE_GATHERING_DEADLINE_DEFAULT_US);
    config->failure_deadline_us = value_or(config->failure_deadline_us, ICE_FAILURE_DEADLINE_DEFAULT_US);
    config->consent_interval_us = value_or(config->consent_interval_us, ICE_CONSENT_INTERVAL_DEFAULT_US);
    config->consent_expiry_us = value_or(config->consent_expiry_us, ICE_CONSENT_EXPIRY_DEFAULT_US);
    config->memory_budget_bytes = config->memory_budget_bytes != 0 ? config->memory_budget_bytes : ICE_MEMORY_BUDGET_DEFAULT_BYTES;
    config->local_ufrag = config->local_password = NULL;
    config->servers = NULL;
    config->allocator = NULL;
}

struct ice_agent *ice_agent_new(const struct ice_agent_config *config, uint64_t now_us) {
    if (config == NULL || !is_config_in_range(config))
        return NULL;
    struct ice_allocator allocator = ice_allocator_or_default(config->allocator);
    uint16_t relays = relay_count(config);
    size_t bytes = sizeof(struct block) + relays * sizeof(struct ice_relay) + strings_bytes(config);
    if (bytes > (config->memory_budget_bytes != 0 ? config->memory_budget_bytes : ICE_MEMORY_BUDGET_DEFAULT_BYTES))
        return NULL;
    struct block *block = allocator.allocate(allocator.context, bytes);
    if (block == NULL)
        return NULL;
    struct ice_agent *agent = &block->agent;
    memset(agent, 0, offsetof(struct ice_agent, remotes));
    memset((uint8_t *)block + sizeof *agent, 0, bytes - sizeof *agent);
    agent->config = *config;
    resolve_defaults(&agent->config);
    agent->allocator = allocator;
    agent->views = &block->views;
    agent->relays = block->relays;
    agent->relay_count = relays;
    agent->memory_bytes = bytes;
    agent->role = agent->reported.role = config->role;
    agent->tie_breaker = ice_agent_random_u64(agent);
    agent->next_stream_id = config->first_stream_id != 0 ? config->first_stream_id - 1 : 0;
    agent->offered = agent->fallen = ICE_NONE;
    agent->nominating = agent->selected = agent->reported.selected = agent->reported.selected_local = ICE_NONE;
    agent->first_valid_us = agent->patience_us = agent->last_transaction_us = agent->reopened_us = ICE_NEVER_US;
    agent->consent.expiry_us = agent->consent.unanswered_since_us = ICE_NEVER_US;
    agent->next_check_us = now_us;
    agent->relay_reading = agent->relay_bound = ICE_NONE;
    copy_servers(block, config);
    if (ice_generation_start(agent, ice_generation_current(agent), config->local_ufrag, config->local_password) != ICE_OK) {
        ice_agent_free(agent);
        return NULL;
    }
    return agent;
}

void ice_agent_free(struct ice_agent *agent) {
    if (agent == NULL)
        return;
    for (uint16_t i = 0; i < ICE_GENERATION_MAX; i++)
        ice_generation_end(agent, i);
    ice_relay_free(agent);
    ice_tcp_free(agent);
    ice_names_free(agent);
    struct ice_allocator allocator = agent->allocator;
    allocator.release(allocator.context, agent); /* the agent is the first member of its block */
}
