/* PeerConnection: life, what the last refused call had to say, and the states. */
#include "app/peer/peer_connection.h"

#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- memory and randomness ------------------------------------------------------------------------------------------ */

void *peer_connection_allocate(struct peer_connection *connection, size_t bytes) {
    return connection->allocator.allocate(connection->allocator.context, bytes);
}

void peer_connection_release(struct peer_connection *connection, void *memory) {
    if (memory)
        connection->allocator.release(connection->allocator.context, memory);
}

void peer_connection_random(struct peer_connection *connection, void *out, size_t length) {
    connection->config.ice.random(connection->config.ice.random_context, out, length);
}

void peer_connection_make_id(struct peer_connection *connection, char id[PEER_RANDOM_ID_CHARACTERS + 1]) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[PEER_RANDOM_ID_CHARACTERS];
    peer_connection_random(connection, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        id[i] = alphabet[bytes[i] & 63];
    id[PEER_RANDOM_ID_CHARACTERS] = '\0';
}

/* ---- life ----------------------------------------------------------------------------------------------------------- */

static size_t text_bytes(const char *text) {
    return text ? strlen(text) + 1 : 0;
}

static const char *copy_text(const char *text, char **at) {
    if (!text)
        return NULL;
    char *copy = *at;
    size_t length = strlen(text) + 1;
    memcpy(copy, text, length);
    *at += length;
    return copy;
}

/* The servers outlive peer_connection_new, since agents are made when descriptions are set: one piece of memory. */
static bool copy_servers(struct peer_connection *connection) {
    struct ice_agent_config *ice = &connection->config.ice;
    size_t count = ice->server_count, bytes = count * sizeof(struct ice_server);
    for (size_t i = 0; i < count; i++)
        bytes += text_bytes(ice->servers[i].host) + text_bytes(ice->servers[i].username) + text_bytes(ice->servers[i].credential);
    const struct ice_server *from = ice->servers;
    ice->servers = NULL;
    if (count == 0)
        return true;
    connection->servers = peer_connection_allocate(connection, bytes);
    if (!connection->servers)
        return false;
    char *at = (char *)(connection->servers + count);
    for (size_t i = 0; i < count; i++) {
        connection->servers[i] = from[i];
        connection->servers[i].host = copy_text(from[i].host, &at);
        connection->servers[i].username = copy_text(from[i].username, &at);
        connection->servers[i].credential = copy_text(from[i].credential, &at);
    }
    ice->servers = connection->servers;
    return true;
}

int peer_connection_set_ice_servers(struct peer_connection *connection, const struct ice_server *servers, size_t count) {
    struct ice_agent_config *ice = &connection->config.ice, before = *ice;
    struct ice_server *old = connection->servers;
    size_t index = 0;
    if (count > ICE_SERVER_MAX)
        return PEER_ERROR_ARGUMENT;
    if (connection->is_closed || peer_transports_next(connection, &index))
        return PEER_ERROR_STATE;
    connection->servers = NULL;
    ice->servers = servers;
    ice->server_count = count;
    if (copy_servers(connection)) {
        peer_connection_release(connection, old);
        return PEER_OK;
    }
    *ice = before;
    connection->servers = old;
    return PEER_ERROR_MEMORY;
}

static bool is_config_valid(const struct peer_connection_config *config) {
    return config && config->certificate && config->ice.random && config->ice.server_count <= ICE_SERVER_MAX &&
           (unsigned)config->bundle_policy <= PEER_BUNDLE_MAX_BUNDLE;
}

struct peer_connection *peer_connection_new(const struct peer_connection_config *config, uint64_t now_us) {
    if (!is_config_valid(config))
        return NULL;
    struct ice_allocator allocator = ice_allocator_or_default(config->ice.allocator);
    struct peer_connection *connection = allocator.allocate(allocator.context, sizeof *connection);
    if (!connection)
        return NULL;
    *connection = (struct peer_connection){
        .allocator = allocator,
        .sdp_allocator = {allocator.context, allocator.allocate, allocator.release},
        .config = *config,
        .now_us = now_us,
        .last_problem = "",
    };
    connection->config.ice.allocator = &connection->allocator;
    peer_transports_init(connection);
    /* RFC 7022 section 4.2: a cname per connection, random, so that it links no two calls. */
    peer_connection_make_id(connection, connection->cname);
    peer_connection_make_id(connection, connection->stream_id);
    /* RFC 9429 section 5.2.1: a random session id, below 2^63. */
    peer_connection_random(connection, &connection->session_id, sizeof connection->session_id);
    connection->session_id >>= 2;
    if (copy_servers(connection))
        return connection;
    peer_connection_free(connection);
    return NULL;
}

void peer_connection_free(struct peer_connection *connection) {
    if (!connection)
        return;
    peer_channels_free(connection);
    peer_media_free(connection);
    peer_transports_free(connection);
    peer_transceivers_free(connection);
    peer_description_free(connection);
    peer_connection_release(connection, connection->servers);
    struct ice_allocator allocator = connection->allocator;
    allocator.release(allocator.context, connection);
}

void peer_connection_close(struct peer_connection *connection, uint64_t now_us) {
    if (connection->is_closed)
        return;
    connection->now_us = now_us;
    connection->is_closed = true;
    peer_media_close(connection, now_us);
    peer_channels_close(connection, now_us);
    /* W3C webrtc section 4.4.2, close: the states become closed, and the transceivers stopped, without an event. */
    connection->signaling_state = PEER_SIGNALING_CLOSED;
    connection->state = PEER_CONNECTION_CLOSED;
    connection->ice_connection_state = ICE_STATE_CLOSED;
    connection->negotiation_needed_pending = connection->signaling_state_pending = false;
    struct peer_transceiver_entry *entry;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++)
        peer_transceivers_stop(connection, entry);
}

/* ---- problems ------------------------------------------------------------------------------------------------------- */

int peer_problem_set(struct peer_connection *connection, struct peer_problem *problem, int error, const char *rule) {
    connection->last_problem = rule;
    if (problem)
        *problem = (struct peer_problem){.rule = rule, .section = -1};
    return error;
}

int peer_problem_from_sdp(struct peer_connection *connection, struct peer_problem *problem, int error, const struct sdp_problem *found,
                          const struct sdp_session *session) {
    const char *rule = found->rule ? found->rule : peer_error_name(error);
    connection->last_problem = rule;
    if (!problem)
        return error;
    *problem = (struct peer_problem){.rule = rule, .line = found->line, .text = found->text.text, .length = found->text.length, .section = -1};
    for (size_t i = 0; session && i < session->section_count; i++)
        if (found->line >= session->sections[i].line)
            problem->section = (int)i;
    return error;
}

int peer_error_from_sdp(int error) {
    switch ((enum sdp_error)error) {
    case SDP_OK: return PEER_OK;
    case SDP_ERROR_SYNTAX:
    case SDP_ERROR_LIMIT:
    case SDP_ERROR_DISAGREEMENT: return PEER_ERROR_MALFORMED;
    case SDP_ERROR_ARGUMENT:
    case SDP_ERROR_NOT_FOUND: return PEER_ERROR_ARGUMENT;
    case SDP_ERROR_BUFFER: return PEER_ERROR_BUFFER;
    case SDP_ERROR_MEMORY: return PEER_ERROR_MEMORY;
    }
    return PEER_ERROR_MEMORY;
}

const char *peer_connection_problem(const struct peer_connection *connection) {
    return connection->last_problem;
}

/* ---- states --------------------------------------------------------------------------------------------------------- */

enum peer_signaling_state peer_connection_signaling_state(const struct peer_connection *connection) {
    return connection->signaling_state;
}

enum ice_gathering_state peer_connection_ice_gathering_state(const struct peer_connection *connection) {
    return connection->ice_gathering_state;
}

enum ice_state peer_connection_ice_connection_state(const struct peer_connection *connection) {
    return connection->ice_connection_state;
}

enum peer_connection_state peer_connection_state(const struct peer_connection *connection) {
    return connection->state;
}
