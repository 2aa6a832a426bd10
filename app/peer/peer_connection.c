/* PeerConnection: life, transceivers, and dispatch of the contract's verbs. */
#include "app/peer/peer_connection.h"

#include <assert.h>
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

static void make_random_id(struct peer_connection *connection, char id[PEER_RANDOM_ID_CHARACTERS + 1]) {
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

/* The servers outlive peer_connection_new, since an agent of the other role may have to be made: one piece of memory. */
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

struct peer_connection *peer_connection_new(const struct peer_connection_config *config, uint64_t now_us) {
    if (!config || !config->certificate || !config->ice.random || config->ice.server_count > ICE_SERVER_MAX)
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
    };
    connection->config.ice.allocator = &connection->allocator;
    /* RFC 7022 section 4.2: a cname per connection, random, so that it links no two calls. */
    make_random_id(connection, connection->cname);
    make_random_id(connection, connection->stream_id);
    /* RFC 9429 section 5.2.1: a random session id, below 2^63. */
    peer_connection_random(connection, &connection->session_id, sizeof connection->session_id);
    connection->session_id >>= 2;
    if (!copy_servers(connection) || peer_description_make_transport(connection, now_us, ICE_ROLE_CONTROLLING) != PEER_OK) {
        peer_connection_free(connection);
        return NULL;
    }
    return connection;
}

void peer_connection_free(struct peer_connection *connection) {
    if (!connection)
        return;
    peer_media_free(connection);
    for (size_t i = 0; i < connection->transport_count; i++)
        peer_transport_free(connection->transports[i]);
    peer_description_free(connection);
    peer_connection_release(connection, connection->servers);
    struct ice_allocator allocator = connection->allocator;
    allocator.release(allocator.context, connection);
}

/* ---- transceivers --------------------------------------------------------------------------------------------------- */

static enum peer_media_kind kind_of(enum peer_codec codec) {
    return codec == PEER_CODEC_OPUS ? PEER_AUDIO : PEER_VIDEO;
}

static bool is_config_valid(const struct peer_transceiver_config *config) {
    if ((config->kind != PEER_AUDIO && config->kind != PEER_VIDEO) || (unsigned)config->direction > PEER_SENDRECV)
        return false;
    if (config->codec_count > PEER_CODEC_PREFERENCE_MAX || (config->codec_count > 0 && !config->codecs))
        return false;
    for (size_t i = 0; i < config->codec_count; i++)
        if (config->codecs[i] <= PEER_CODEC_NONE || config->codecs[i] > PEER_CODEC_VP8 || kind_of(config->codecs[i]) != config->kind)
            return false;
    return true;
}

/* RFC 3550 section 8.1: random, and never the same twice; 0 means "none" in our structures. */
static uint32_t make_ssrc(struct peer_connection *connection) {
    for (;;) {
        uint32_t ssrc;
        peer_connection_random(connection, &ssrc, sizeof ssrc);
        bool is_taken = ssrc == 0;
        for (size_t i = 0; i < connection->transceiver_count; i++)
            is_taken |= connection->transceivers[i].ssrc == ssrc;
        if (!is_taken)
            return ssrc;
    }
}

int peer_connection_add_transceiver(struct peer_connection *connection, const struct peer_transceiver_config *config, size_t *index) {
    if (!config || !index || !is_config_valid(config))
        return PEER_ERROR_ARGUMENT;
    if (connection->signaling_state != PEER_SIGNALING_STABLE || connection->local.sdp)
        return PEER_ERROR_STATE;
    if (connection->transceiver_count == PEER_TRANSCEIVER_MAX)
        return PEER_ERROR_CAPACITY;
    struct peer_transceiver_entry *entry = &connection->transceivers[connection->transceiver_count];
    *entry = (struct peer_transceiver_entry){
        .facts = {.kind = config->kind, .direction = config->direction},
        .codec_count = config->codec_count,
        .bitrate_bps = config->bitrate_bps,
        .section = -1,
    };
    if (config->codec_count > 0)
        memcpy(entry->codecs, config->codecs, config->codec_count * sizeof entry->codecs[0]);
    else
        entry->codecs[entry->codec_count++] = config->kind == PEER_AUDIO ? PEER_CODEC_OPUS : PEER_CODEC_VP8;
    entry->ssrc = make_ssrc(connection);
    *index = connection->transceiver_count++;
    connection->negotiation_needed_pending = true;
    return PEER_OK;
}

size_t peer_connection_transceiver_count(const struct peer_connection *connection) {
    return connection->transceiver_count;
}

bool peer_connection_transceiver(const struct peer_connection *connection, size_t index, struct peer_transceiver *out) {
    if (index >= connection->transceiver_count)
        return false;
    *out = connection->transceivers[index].facts;
    return true;
}

/* ---- in ------------------------------------------------------------------------------------------------------------- */

/* Which transport a path belongs to: with BUNDLE there is one. */
static struct peer_transport *transport_of(struct peer_connection *connection, const struct ice_path *path) {
    (void)path;
    return connection->transports[0];
}

int peer_connection_handle_interfaces(struct peer_connection *connection, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    if (connection->is_closed)
        return PEER_ERROR_STATE;
    connection->now_us = now_us;
    for (size_t i = 0; i < connection->transport_count; i++) {
        int error = peer_transport_handle_interfaces(connection->transports[i], now_us, interfaces, count);
        if (error != PEER_OK)
            return error;
    }
    if (count > 0)
        memcpy(connection->interfaces, interfaces, count * sizeof *interfaces);
    connection->interface_count = count;
    connection->has_interfaces = true;
    return peer_description_gather(connection, now_us);
}

int peer_connection_handle_resolved(struct peer_connection *connection, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count) {
    connection->now_us = now_us;
    return connection->is_closed ? PEER_ERROR_STATE : peer_transport_handle_resolved(connection->transports[0], now_us, query, addresses, count);
}

int peer_connection_handle_stream_opened(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path) {
    connection->now_us = now_us;
    return connection->is_closed ? PEER_ERROR_STATE : peer_transport_handle_stream_opened(transport_of(connection, path), now_us, path);
}

int peer_connection_handle_stream_bytes(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    if (connection->is_closed)
        return PEER_ERROR_STATE;
    connection->now_us = now_us;
    int error = peer_transport_handle_stream_bytes(transport_of(connection, path), now_us, path, bytes, length);
    peer_media_take_received(connection, now_us);
    return error;
}

int peer_connection_handle_stream_closed(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, int error) {
    connection->now_us = now_us;
    return connection->is_closed ? PEER_ERROR_STATE : peer_transport_handle_stream_closed(transport_of(connection, path), now_us, path, error);
}

void peer_connection_handle_send_error(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, int error) {
    connection->now_us = now_us;
    if (!connection->is_closed)
        peer_transport_handle_send_error(transport_of(connection, path), now_us, path, error);
}

int peer_connection_handle_datagram(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    if (connection->is_closed)
        return PEER_ERROR_STATE;
    connection->now_us = now_us;
    int error = peer_transport_handle_datagram(transport_of(connection, path), now_us, path, bytes, length);
    peer_media_take_received(connection, now_us);
    return error;
}

void peer_connection_handle_timeout(struct peer_connection *connection, uint64_t now_us) {
    if (connection->is_closed)
        return;
    connection->now_us = now_us;
    for (size_t i = 0; i < connection->transport_count; i++)
        peer_transport_handle_timeout(connection->transports[i], now_us);
    peer_media_take_received(connection, now_us);
    peer_media_handle_timeout(connection, now_us);
}

uint64_t peer_connection_next_timeout(const struct peer_connection *connection) {
    uint64_t next = UINT64_MAX;
    if (connection->is_closed)
        return next;
    for (size_t i = 0; i < connection->transport_count; i++) {
        uint64_t of_transport = peer_transport_next_timeout(connection->transports[i]);
        next = of_transport < next ? of_transport : next;
    }
    uint64_t of_media = peer_media_next_timeout(connection);
    return of_media < next ? of_media : next;
}

/* ---- out ------------------------------------------------------------------------------------------------------------ */

static bool poll_transports(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    for (size_t i = 0; i < connection->transport_count; i++)
        if (peer_transport_poll_transmit(connection->transports[i], now_us, buffer, capacity, out))
            return true;
    return false;
}

bool peer_connection_poll_transmit(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    if (capacity < PEER_TRANSMIT_BUFFER_BYTES)
        return false;
    connection->now_us = now_us;
    if (connection->is_closed && !connection->transports_closed) {
        /* RFC 3550 section 6.3.7: BYE is the last RTCP packet; it needs the keys, so it goes before close_notify. */
        if (peer_media_poll_transmit(connection, now_us, buffer, capacity, out))
            return true;
        for (size_t i = 0; i < connection->transport_count; i++)
            peer_transport_close(connection->transports[i], now_us);
        connection->transports_closed = true;
    }
    if (poll_transports(connection, now_us, buffer, capacity, out))
        return true;
    return !connection->is_closed && peer_media_poll_transmit(connection, now_us, buffer, capacity, out);
}

void peer_connection_close(struct peer_connection *connection, uint64_t now_us) {
    if (connection->is_closed)
        return;
    connection->now_us = now_us;
    connection->is_closed = true;
    peer_media_close(connection, now_us);
    /* W3C webrtc section 4.4.1, close: the states become closed without an event. */
    connection->signaling_state = PEER_SIGNALING_CLOSED;
    connection->state = PEER_CONNECTION_CLOSED;
    connection->ice_connection_state = ICE_STATE_CLOSED;
    for (size_t i = 0; i < connection->transceiver_count; i++)
        connection->transceivers[i].facts.current_direction = PEER_INACTIVE;
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

const struct peer_transport *peer_connection_transport(const struct peer_connection *connection, size_t index) {
    return index < connection->transport_count ? connection->transports[index] : NULL;
}
