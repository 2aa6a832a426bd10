/*
 * What goes through relays. To the rest of the agent a relayed pair has the path {UDP, our relayed address, the peer}; here, and nowhere
 * else, that becomes a datagram to the TURN server or a few bytes of a stream, and back. RFC 8656 sections 11 and 12.
 *
 * What peers send comes in two kinds, and one read of a stream may bring many of both. STUN is handled at once, as if it had come alone.
 * The rest stays with the client, which hands it out once more, without a copy, when ice_agent_poll_received asks.
 */
#include <string.h>

#include "ice/agent_internal.h"

uint16_t ice_relay_of_path(const struct ice_agent *agent, const struct ice_path *path) {
    if (path->transport != ICE_TRANSPORT_UDP || path->local.family == STUN_ADDRESS_NONE)
        return ICE_NONE;
    for (uint16_t i = 0; i < agent->relay_count; i++) {
        const struct ice_relay *relay = &agent->relays[i];
        if (relay->state == ICE_RELAY_READY &&
            (stun_address_equal(&relay->relayed[0], &path->local) || stun_address_equal(&relay->relayed[1], &path->local)))
            return i;
    }
    return ICE_NONE;
}

/* The relay that talks to a server by this path, or ICE_NONE. */
static uint16_t relay_by_server(const struct ice_agent *agent, const struct ice_path *path) {
    for (uint16_t i = 0; i < agent->relay_count; i++) {
        const struct ice_relay *relay = &agent->relays[i];
        if (relay->client != NULL && relay->path.transport == ICE_TRANSPORT_UDP && stun_address_equal(&relay->path.remote, &path->remote) &&
            stun_address_equal(&relay->path.local, &path->local))
            return i;
    }
    return ICE_NONE;
}

/* ---- in -------------------------------------------------------------------------------------------------------------------------- */

/* The logical path of what a peer sent, and whether it is STUN. */
static bool is_stun(const struct ice_turn_received *received, struct ice_path *path) {
    *path = (struct ice_path){.transport = ICE_TRANSPORT_UDP, .local = received->relayed, .remote = received->peer};
    return stun_message_is_stun(received->bytes, received->length);
}

/* Something came from the server of this relay: events first, for a candidate must be known before a check to it is. */
static void finish_input(struct ice_agent *agent, uint16_t index, uint64_t now_us) {
    struct ice_turn_client *client = agent->relays[index].client;
    struct ice_turn_received received;
    struct ice_path path;
    agent->relay_reading = ICE_NONE;
    ice_relay_take_events(agent, index, now_us);
    while (ice_turn_client_poll_received(client, &received)) {
        if (is_stun(&received, &path))
            (void)ice_agent_handle_message(agent, now_us, &path, received.bytes, received.length); /* counted there */
        else
            agent->relay_reading = index;
    }
    if (agent->relay_reading == index)
        ice_turn_client_rewind_received(client);
}

bool ice_relay_poll_received(struct ice_agent *agent, struct ice_received *out) {
    struct ice_turn_received received;
    while (agent->relay_reading != ICE_NONE && ice_turn_client_poll_received(agent->relays[agent->relay_reading].client, &received)) {
        if (is_stun(&received, &out->path))
            continue; /* has been handled */
        out->bytes = received.bytes;
        out->length = received.length;
        return true;
    }
    agent->relay_reading = ICE_NONE;
    return false;
}

bool ice_relay_handle_datagram(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length, int *result) {
    uint16_t index = path->transport == ICE_TRANSPORT_UDP ? relay_by_server(agent, path) : ICE_NONE;
    if (index == ICE_NONE)
        return false;
    struct stun_message message;
    /* A Binding response is an answer to gather.c; the client asks nothing by that method. */
    if (stun_message_parse(bytes, length, &message) == STUN_OK && message.method == STUN_METHOD_BINDING)
        return false;
    *result = ice_turn_client_handle_datagram(agent->relays[index].client, now_us, path, bytes, length);
    finish_input(agent, index, now_us);
    if (*result == ICE_ERROR_MALFORMED)
        agent->statistics.malformed_dropped++;
    else if (*result == ICE_ERROR_UNAUTHENTIC)
        agent->statistics.unauthentic_dropped++;
    return true;
}

void ice_relay_handle_send_error(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, int error) {
    uint16_t index = path->transport == ICE_TRANSPORT_UDP ? relay_by_server(agent, path) : ICE_NONE;
    if (index == ICE_NONE)
        return;
    struct ice_relay *relay = &agent->relays[index];
    ice_turn_client_handle_send_error(relay->client, now_us, path, error);
    ice_relay_take_events(agent, index, now_us);
}

/* ---- streams ------------------------------------------------------------------------------------------------------------------------ */

/* The client knows its stream by the number that it was made with. */
static struct ice_path path_of_client(uint16_t index, const struct ice_stream *stream) {
    struct ice_path path = stream->path;
    path.stream_id = ice_relay_stream_id(index);
    return path;
}

static bool is_current(const struct ice_agent *agent, const struct ice_stream *stream) {
    const struct ice_relay *relay = &agent->relays[stream->index];
    return relay->client != NULL && relay->path.stream_id == stream->path.stream_id && stream->state != ICE_STREAM_UNWANTED;
}

int ice_relay_handle_stream_opened(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream) {
    uint16_t index = stream->index;
    if (!is_current(agent, stream) || stream->state != ICE_STREAM_OPENING)
        return ICE_ERROR_STATE;
    stream->state = ICE_STREAM_OPEN;
    struct ice_path path = path_of_client(index, stream);
    int result = ice_turn_client_handle_stream_opened(agent->relays[index].client, now_us, &path);
    finish_input(agent, index, now_us);
    return result;
}

int ice_relay_handle_stream_bytes(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream, const uint8_t *bytes, size_t length) {
    uint16_t index = stream->index;
    if (!is_current(agent, stream) || stream->state != ICE_STREAM_OPEN)
        return ICE_ERROR_STATE;
    struct ice_path path = path_of_client(index, stream);
    agent->relays[index].heard_us = now_us;
    int result = ice_turn_client_handle_stream_bytes(agent->relays[index].client, now_us, &path, bytes, length);
    finish_input(agent, index, now_us);
    return result;
}

int ice_relay_handle_stream_closed(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream, int error) {
    uint16_t index = stream->index;
    struct ice_path path = path_of_client(index, stream);
    bool current = is_current(agent, stream);
    ice_stream_forget(stream);
    if (!current)
        return ICE_OK; /* nobody is interested any more */
    int result = ice_turn_client_handle_stream_closed(agent->relays[index].client, now_us, &path, error);
    finish_input(agent, index, now_us);
    return result;
}

/* ---- out ----------------------------------------------------------------------------------------------------------------------------- */

static bool may_speak(const struct ice_agent *agent, const struct ice_relay *relay, uint64_t now_us) {
    if (!ice_relay_is_alive(relay))
        return false;
    /* RFC 8445 section 14.2, MUST NOT: transactions closer than 5 ms, those of TURN included. On a stream TCP sees to that. */
    return relay->path.transport != ICE_TRANSPORT_UDP || agent->state == ICE_STATE_CLOSED || now_us >= ice_agent_earliest_transaction(agent);
}

size_t ice_relay_poll(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path) {
    for (uint16_t i = 0; i < agent->relay_count; i++) {
        uint16_t index = (uint16_t)((agent->relay_next + i) % agent->relay_count);
        struct ice_relay *relay = &agent->relays[index];
        struct ice_transmit out;
        if (!may_speak(agent, relay, now_us) || !ice_turn_client_poll_transmit(relay->client, now_us, buffer, capacity, &out))
            continue;
        ice_relay_take_events(agent, index, now_us);
        agent->relay_next = (uint16_t)((index + 1) % agent->relay_count);
        if (relay->path.transport == ICE_TRANSPORT_UDP)
            agent->last_transaction_us = now_us;
        *path = out.path;
        path->stream_id = relay->path.transport == ICE_TRANSPORT_UDP ? 0 : relay->path.stream_id;
        return out.length;
    }
    return 0;
}

/* Puts around the payload at buffer + ICE_HEADROOM_BYTES what its relay needs. */
static int wrap(struct ice_agent *agent, uint16_t index, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out) {
    struct ice_relay *relay = &agent->relays[index];
    struct stun_address peer = out->path.remote;
    int result = ice_turn_client_wrap(relay->client, now_us, &peer, buffer, length, capacity, out);
    if (result == ICE_OK)
        out->path.stream_id = relay->path.transport == ICE_TRANSPORT_UDP ? 0 : relay->path.stream_id;
    return result;
}

bool ice_relay_wrap_message(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    uint16_t index = ice_relay_of_path(agent, &out->path);
    if (index == ICE_NONE)
        return true;
    if (agent->relays[index].parked || capacity < ICE_HEADROOM_BYTES + out->length + ICE_TAILROOM_BYTES)
        return false;
    memmove(buffer + ICE_HEADROOM_BYTES, buffer, out->length);
    if (wrap(agent, index, now_us, buffer, out->length, capacity, out) != ICE_OK)
        return false;
    memmove(buffer, buffer + out->offset, out->length);
    out->offset = 0;
    return true;
}

int ice_relay_wrap_payload(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out) {
    uint16_t index = ice_relay_of_path(agent, &out->path);
    return index != ICE_NONE ? wrap(agent, index, now_us, buffer, length, capacity, out) : ICE_OK;
}
