/*
 * Channels, RFC 8656 section 12: four bytes before the data instead of an indication. Each peer (IP and port) has one number for as long as
 * the allocation lives: the number is the place in the table.
 */
#include "ice/turn_client_internal.h"

_Static_assert(STUN_CHANNEL_NUMBER_MIN + ICE_TURN_CHANNEL_MAX - 1 <= STUN_CHANNEL_NUMBER_MAX, "every place in the table has a number");
_Static_assert(ICE_TURN_CHANNEL_MAX <= UINT8_MAX, "a request names its channel in eight bits");

static bool is_for(const struct ice_turn_channel *channel, const struct stun_address *peer) {
    return channel->state != ICE_TURN_CHANNEL_FREE && stun_address_equal(&channel->peer, peer);
}

struct ice_turn_channel *ice_turn_channel_find(struct ice_turn_client *client, const struct stun_address *peer) {
    if (is_for(&client->channels[client->last_channel], peer)) /* as in turn_permission.c */
        return &client->channels[client->last_channel];
    for (size_t i = 0; i < ICE_TURN_CHANNEL_MAX; i++) {
        if (is_for(&client->channels[i], peer)) {
            client->last_channel = i;
            return &client->channels[i];
        }
    }
    return NULL;
}

uint16_t ice_turn_channel_number(const struct ice_turn_client *client, const struct ice_turn_channel *channel) {
    return (uint16_t)(STUN_CHANNEL_NUMBER_MIN + (unsigned)(channel - client->channels));
}

static struct ice_turn_channel *find_place(struct ice_turn_client *client, uint64_t now_us) {
    for (size_t i = 0; i < ICE_TURN_CHANNEL_MAX; i++) {
        struct ice_turn_channel *channel = &client->channels[i];
        /* RFC 8656 section 12, MUST: a number is given to another peer no earlier than 5 minutes after its binding has expired. */
        bool is_reusable = channel->state == ICE_TURN_CHANNEL_REFUSED && now_us >= channel->refresh_us;
        if (channel->state == ICE_TURN_CHANNEL_FREE || is_reusable)
            return channel;
    }
    return NULL;
}

int ice_turn_client_bind(struct ice_turn_client *client, uint64_t now_us, const struct stun_address *peer) {
    struct ice_turn_channel *channel = ice_turn_channel_find(client, peer);
    struct ice_turn_channel *place = channel != NULL ? channel : find_place(client, now_us);
    if (peer->port == 0)
        return ICE_ERROR_ARGUMENT;
    if (place == NULL)
        return ICE_ERROR_CAPACITY;
    /* RFC 8656 section 12.1: binding also makes a permission; but it is asked for in its own name too, which is refreshed more often. */
    int error = ice_turn_client_permit(client, now_us, peer);
    if (error != ICE_OK)
        return error;
    if (channel == NULL)
        *place = (struct ice_turn_channel){.state = ICE_TURN_CHANNEL_WANTED, .peer = *peer};
    else if (channel->state == ICE_TURN_CHANNEL_REFUSED)
        channel->state = ICE_TURN_CHANNEL_WANTED;
    ice_turn_client_pump(client, now_us);
    return ICE_OK;
}

/* RFC 8656 section 12: a binding lasts 10 minutes, and is refreshed by binding again. */
static void want_again_what_ends(struct ice_turn_client *client, uint64_t now_us) {
    for (size_t i = 0; i < ICE_TURN_CHANNEL_MAX; i++)
        if (client->channels[i].state == ICE_TURN_CHANNEL_BOUND && now_us >= client->channels[i].refresh_us)
            client->channels[i].state = ICE_TURN_CHANNEL_WANTED;
}

void ice_turn_channel_pump(struct ice_turn_client *client, uint64_t now_us) {
    want_again_what_ends(client, now_us);
    for (size_t i = 0; i < ICE_TURN_CHANNEL_MAX; i++) {
        struct ice_turn_channel *channel = &client->channels[i];
        if (channel->state != ICE_TURN_CHANNEL_WANTED)
            continue;
        if (ice_turn_request_start(client, now_us, ICE_TURN_REQUEST_CHANNEL_BIND, (uint8_t)i) == ICE_TURN_NO_REQUEST)
            return;
        channel->state = ICE_TURN_CHANNEL_ASKED;
    }
}

void ice_turn_channel_write(const struct ice_turn_client *client, uint8_t index, struct stun_writer *writer) {
    const struct ice_turn_channel *channel = &client->channels[index];
    /* RFC 8656 section 18.1: the number, and two octets that are zero. */
    stun_writer_add_u32(writer, STUN_ATTRIBUTE_CHANNEL_NUMBER, (uint32_t)ice_turn_channel_number(client, channel) << 16);
    stun_writer_add_xor_address(writer, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &channel->peer);
}

/* From here on Send indications do; data on the channel is still understood, for the server may have it. */
static void give_up(struct ice_turn_channel *channel, uint64_t now_us) {
    channel->state = ICE_TURN_CHANNEL_REFUSED;
    channel->is_bound = false;
    channel->refresh_us = ice_turn_later(now_us, ICE_TURN_CHANNEL_REUSE_US);
}

void ice_turn_channel_ended(struct ice_turn_client *client, uint64_t now_us, uint8_t index, enum ice_turn_outcome outcome) {
    struct ice_turn_channel *channel = &client->channels[index];
    if (channel->state != ICE_TURN_CHANNEL_ASKED)
        return; /* its permission has been refused meanwhile */
    if (outcome != ICE_TURN_OUTCOME_SUCCESS) {
        give_up(channel, now_us);
        return;
    }
    channel->state = ICE_TURN_CHANNEL_BOUND;
    channel->is_bound = true;
    channel->refresh_us = ice_turn_later(now_us, ICE_TURN_CHANNEL_REFRESH_US);
}

void ice_turn_channel_peer_refused(struct ice_turn_client *client, uint64_t now_us, const struct stun_address *peer) {
    for (size_t i = 0; i < ICE_TURN_CHANNEL_MAX; i++)
        if (client->channels[i].state != ICE_TURN_CHANNEL_FREE && stun_address_equal_ip(&client->channels[i].peer, peer))
            give_up(&client->channels[i], now_us);
}

uint64_t ice_turn_channel_next_timeout(const struct ice_turn_client *client) {
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < ICE_TURN_CHANNEL_MAX; i++)
        if (client->channels[i].state == ICE_TURN_CHANNEL_BOUND && client->channels[i].refresh_us < next)
            next = client->channels[i].refresh_us;
    return next;
}
