/* What flows through an allocation: RFC 8656 sections 9, 11 and 12. */
#include "test/sim/turn_server_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool turn_permit(struct turn_allocation *allocation, uint64_t now_us, const struct stun_address *peer) {
    struct turn_permission *free_one = NULL;
    for (size_t i = 0; i < allocation->permission_count; i++) {
        struct turn_permission *permission = &allocation->permissions[i];
        if (stun_address_equal_ip(&permission->peer, peer)) {
            permission->expires_us = now_us + TURN_PERMISSION_US;
            return true;
        }
        if (permission->expires_us <= now_us)
            free_one = permission;
    }
    if (!free_one && allocation->permission_count < SIM_TURN_PERMISSION_MAX)
        free_one = &allocation->permissions[allocation->permission_count++];
    if (!free_one)
        return false;
    *free_one = (struct turn_permission){.peer = *peer, .expires_us = now_us + TURN_PERMISSION_US};
    return true;
}

static bool had_permission(const struct turn_allocation *allocation, const struct stun_address *peer) {
    for (size_t i = 0; i < allocation->permission_count; i++)
        if (stun_address_equal_ip(&allocation->permissions[i].peer, peer))
            return true;
    return false;
}

void turn_doubt(struct sim_turn_server *server, const struct turn_tuple *tuple, const struct stun_address *peer) {
    struct turn_doubt *free_one = NULL;
    for (size_t i = 0; i < TURN_DOUBT_MAX; i++) {
        struct turn_doubt *doubt = &server->doubts[i];
        if (doubt->time_us == 0)
            free_one = doubt;
        else if (turn_is_same_tuple(&doubt->tuple, tuple) && stun_address_equal_ip(&doubt->peer, peer))
            return;
    }
    if (free_one)
        *free_one = (struct turn_doubt){*tuple, *peer, turn_now(server)};
    else
        turn_count_wrong(server, SIM_TURN_WRONG_NO_PERMISSION);
}

void turn_settle_doubt(struct sim_turn_server *server, const struct turn_tuple *tuple, const struct stun_address *peer) {
    for (size_t i = 0; i < TURN_DOUBT_MAX; i++)
        if (turn_is_same_tuple(&server->doubts[i].tuple, tuple) && stun_address_equal_ip(&server->doubts[i].peer, peer))
            server->doubts[i].time_us = 0;
}

void turn_judge_doubts(struct sim_turn_server *server) {
    for (size_t i = 0; i < TURN_DOUBT_MAX; i++) {
        if (server->doubts[i].time_us == 0 || turn_now(server) - server->doubts[i].time_us < TURN_DOUBT_US)
            continue;
        server->doubts[i].time_us = 0;
        turn_count_wrong(server, SIM_TURN_WRONG_NO_PERMISSION);
    }
}

static bool is_permitted(const struct turn_allocation *allocation, uint64_t now_us, const struct stun_address *peer) {
    for (size_t i = 0; i < allocation->permission_count; i++)
        if (stun_address_equal_ip(&allocation->permissions[i].peer, peer) && allocation->permissions[i].expires_us > now_us)
            return true;
    return false;
}

/* ---- from peers to the client ------------------------------------------------------------------------------------------------ */

static const struct turn_channel *channel_of(const struct turn_allocation *allocation, uint64_t now_us, const struct stun_address *peer) {
    for (size_t i = 0; i < allocation->channel_count; i++)
        if (stun_address_equal(&allocation->channels[i].peer, peer) && allocation->channels[i].expires_us > now_us)
            return &allocation->channels[i];
    return NULL;
}

/* RFC 8656 section 12.5: padded to four bytes on a stream, and only there. */
static void send_channel_data(struct sim_turn_server *server, const struct turn_tuple *tuple, uint16_t number, const uint8_t *bytes, size_t length) {
    uint8_t frame[4 + TURN_WIRE_MESSAGE_MAX_BYTES] = {(uint8_t)(number >> 8), (uint8_t)number, (uint8_t)(length >> 8), (uint8_t)length};
    memcpy(frame + 4, bytes, length);
    size_t padding = tuple->stream >= 0 ? (4 - length % 4) % 4 : 0;
    server->counters.channel_data_sent++;
    turn_send(server, tuple, frame, 4 + length + padding);
}

static void send_data(struct sim_turn_server *server, const struct turn_tuple *tuple, const struct stun_address *peer, const uint8_t *bytes, size_t length) {
    struct turn_wire_writer writer;
    uint8_t id[12];
    sim_random_fill(sim_network_random(server->network), id, sizeof id);
    turn_wire_begin(&writer, TURN_INDICATION, TURN_DATA, id);
    turn_wire_add_address(&writer, TURN_PEER_ADDRESS, peer, true);
    turn_wire_add(&writer, TURN_DATA_VALUE, bytes, length);
    server->counters.data_sent++;
    turn_send(server, tuple, writer.bytes, writer.length);
}

/* RFC 8656 sections 11.3 and 12.7: from whom there is no permission, nothing passes. */
static void received_from_peer(void *context, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct turn_relay *relay = context;
    struct sim_turn_server *server = relay->server;
    if (!relay->allocation || length > TURN_WIRE_MESSAGE_MAX_BYTES - 64)
        return;
    struct turn_tuple tuple = relay->allocation->tuple;
    struct turn_allocation *allocation = turn_allocation_of(server, &tuple);
    if (!allocation || !is_permitted(allocation, turn_now(server), &path->remote)) {
        server->counters.peers_dropped++;
        return;
    }
    server->counters.relayed_to_clients++;
    const struct turn_channel *channel = channel_of(allocation, turn_now(server), &path->remote);
    if (channel)
        send_channel_data(server, &tuple, channel->number, bytes, length);
    else
        send_data(server, &tuple, &path->remote, bytes, length);
}

struct turn_relay *turn_relay_open(struct sim_turn_server *server, struct turn_allocation *allocation, int family_index) {
    static const struct sim_socket_callbacks callbacks = {.received = received_from_peer};
    struct turn_relay *relay = calloc(1, sizeof *relay);
    if (!relay)
        abort();
    *relay = (struct turn_relay){.server = server, .allocation = allocation, .next = server->relays};
    relay->socket = sim_network_bind(server->network, server->listeners[family_index].interface_, 0, &callbacks, relay);
    server->relays = relay;
    return relay;
}

/* ---- from the client to peers -------------------------------------------------------------------------------------------------- */

static void relay_to_peer(struct sim_turn_server *server, struct turn_allocation *allocation, const struct stun_address *peer, const uint8_t *bytes,
                          size_t length) {
    struct turn_relay *relay = allocation->relays[turn_family_index(peer)];
    if (!relay || !is_permitted(allocation, turn_now(server), peer)) {
        if (had_permission(allocation, peer))
            turn_count_wrong(server, SIM_TURN_WRONG_NO_PERMISSION);
        else
            turn_doubt(server, &allocation->tuple, peer);
        return;
    }
    server->counters.relayed_to_peers++;
    sim_network_send(server->network, relay->socket, peer, bytes, length);
}

/* NULL: there is none, and that was counted unless it is excused. */
static struct turn_allocation *allocation_for_data(struct sim_turn_server *server, const struct turn_client *client) {
    struct turn_allocation *allocation = turn_allocation_of(server, &client->tuple);
    if (!allocation && !turn_is_excused(server, client))
        turn_count_wrong(server, SIM_TURN_WRONG_NO_ALLOCATION);
    return allocation;
}

/* RFC 8656 section 11.2. */
void turn_handle_send(struct sim_turn_server *server, struct turn_client *client, const struct turn_wire_message *indication) {
    const struct turn_wire_value *data = turn_wire_find(indication, TURN_DATA_VALUE);
    struct stun_address peer;
    server->counters.send_received++;
    if (!turn_wire_address(indication, turn_wire_find(indication, TURN_PEER_ADDRESS), &peer)) {
        turn_count_wrong(server, SIM_TURN_WRONG_PEER);
    } else if (!data) {
        turn_count_wrong(server, SIM_TURN_WRONG_SEND);
    } else {
        struct turn_allocation *allocation = allocation_for_data(server, client);
        if (allocation)
            relay_to_peer(server, allocation, &peer, data->bytes, data->length);
    }
}

/* RFC 8656 section 12.6: over UDP the datagram may be longer than the length says, never shorter. */
void turn_handle_channel_data(struct sim_turn_server *server, struct turn_client *client, const uint8_t *bytes, size_t length) {
    uint16_t number = (uint16_t)(bytes[0] << 8 | bytes[1]);
    size_t data_length = (size_t)bytes[2] << 8 | bytes[3];
    server->counters.channel_data_received++;
    if (data_length > length - 4) {
        turn_count_wrong(server, SIM_TURN_WRONG_CHANNEL_DATA);
        return;
    }
    struct turn_allocation *allocation = allocation_for_data(server, client);
    if (!allocation)
        return;
    for (size_t i = 0; i < allocation->channel_count; i++) {
        const struct turn_channel *channel = &allocation->channels[i];
        if (channel->number == number && channel->expires_us > turn_now(server)) {
            relay_to_peer(server, allocation, &channel->peer, bytes + 4, data_length);
            return;
        }
    }
    turn_count_wrong(server, SIM_TURN_WRONG_CHANNEL_DATA);
}
