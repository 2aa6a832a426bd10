/*
 * Data to and from peers: Send and Data indications (RFC 8656 section 11), ChannelData (sections 12.4 to 12.6). Nothing is copied: a payload
 * to a peer gets its header written before it, a payload from a peer is a view.
 */
#include <assert.h>

#include "ice/turn_client_internal.h"

#define ATTRIBUTE_HEADER_BYTES 4u

/* ---- to a peer -------------------------------------------------------------------------------------------------------------------- */

static int wrap_in_channel(const struct ice_turn_client *client, const struct ice_turn_channel *channel, uint8_t *buffer, size_t length, size_t capacity,
                           struct ice_transmit *out) {
    size_t offset = ICE_HEADROOM_BYTES - STUN_CHANNEL_DATA_HEADER_BYTES;
    int whole = stun_channel_data_write(buffer + offset, capacity - offset, ice_turn_channel_number(client, channel), length, ice_turn_is_stream(client));
    *out = (struct ice_transmit){.path = client->path, .offset = offset, .length = (size_t)whole};
    return whole > 0 ? ICE_OK : ICE_ERROR_BUFFER;
}

static int wrap_in_indication(struct ice_turn_client *client, const struct stun_address *peer, uint8_t *buffer, size_t length, size_t capacity,
                              struct ice_transmit *out) {
    /* Header, XOR-PEER-ADDRESS, DATA: written so far before the payload that it becomes the value of DATA. */
    size_t header = STUN_HEADER_BYTES + ATTRIBUTE_HEADER_BYTES + 4 + stun_address_ip_bytes(peer) + ATTRIBUTE_HEADER_BYTES;
    size_t offset = ICE_HEADROOM_BYTES - header;
    uint8_t id[STUN_TRANSACTION_ID_BYTES];
    client->random(client->random_context, id, sizeof id);
    struct stun_writer writer;
    stun_writer_begin(&writer, buffer + offset, capacity - offset, STUN_CLASS_INDICATION, STUN_METHOD_SEND, id);
    /* RFC 8656 section 11.1, MUST: the peer and the data. An indication carries no credentials (RFC 8489 section 9.2). */
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, peer);
    stun_writer_add_in_place(&writer, STUN_ATTRIBUTE_DATA, length);
    int whole = stun_writer_finish(&writer);
    *out = (struct ice_transmit){.path = client->path, .offset = offset, .length = (size_t)whole};
    return whole > 0 ? ICE_OK : ICE_ERROR_BUFFER;
}

int ice_turn_client_wrap(struct ice_turn_client *client, uint64_t now_us, const struct stun_address *peer, uint8_t *buffer, size_t length,
                         size_t capacity, struct ice_transmit *out) {
    (void)now_us;
    if (length > ICE_TURN_SEND_MAX_BYTES || stun_address_ip_bytes(peer) == 0)
        return ICE_ERROR_ARGUMENT;
    if (capacity < ICE_HEADROOM_BYTES + length + ICE_TURN_TAILROOM_BYTES)
        return ICE_ERROR_BUFFER;
    /* RFC 8656 section 11.1, MUST: a permission for this peer. deviation: sent for, if not yet confirmed; see docs/turn.md. */
    const struct ice_turn_permission *permission = ice_turn_permission_find(client, peer);
    if (client->state != ICE_TURN_ALLOCATED || permission == NULL || !permission->is_sent)
        return ICE_ERROR_STATE;
    const struct ice_turn_channel *channel = ice_turn_channel_find(client, peer);
    /* RFC 8656 section 12: who wants to be safe uses Send indications until the binding is confirmed. */
    int error = channel != NULL && channel->is_bound ? wrap_in_channel(client, channel, buffer, length, capacity, out)
                                                     : wrap_in_indication(client, peer, buffer, length, capacity, out);
    if (error == ICE_OK)
        client->datagrams_relayed_out++;
    return error;
}

/* ---- from a peer ------------------------------------------------------------------------------------------------------------------ */

enum kind { NO_DATA, DATA, DATA_ICMP, DATA_MALFORMED, DATA_UNPERMITTED, DATA_OVERSIZED };

static enum kind judge(struct ice_turn_client *client, struct ice_turn_received *out) {
    if (ice_turn_is_stream(client) && out->length > ICE_TURN_DATA_MAX_BYTES)
        return DATA_OVERSIZED;
    /* RFC 8656 sections 11.4 and 12.6: data is dropped unless we believe that there is a permission. A request that has left may have made one. */
    const struct ice_turn_permission *permission = ice_turn_permission_find(client, &out->peer);
    const struct stun_address *relayed = ice_turn_allocation_relayed(client, out->peer.family);
    if (client->state != ICE_TURN_ALLOCATED || permission == NULL || !permission->is_sent || relayed == NULL)
        return DATA_UNPERMITTED;
    out->relayed = *relayed;
    return DATA;
}

static enum kind read_channel_data(struct ice_turn_client *client, const uint8_t *bytes, size_t length, struct ice_turn_received *out) {
    struct stun_channel_data data;
    if (stun_channel_data_parse(bytes, length, &data) != STUN_OK)
        return DATA_MALFORMED;
    size_t index = data.channel - STUN_CHANNEL_NUMBER_MIN;
    /* RFC 8656 section 12, SHOULD: data may come as soon as ChannelBind has left. Section 12.6: on a channel of nobody it is dropped. */
    if (index >= ICE_TURN_CHANNEL_MAX || client->channels[index].state == ICE_TURN_CHANNEL_FREE || !client->channels[index].is_sent)
        return DATA_UNPERMITTED;
    *out = (struct ice_turn_received){.peer = client->channels[index].peer, .bytes = data.data, .length = data.length};
    return judge(client, out);
}

static enum kind read_indication(struct ice_turn_client *client, const struct stun_message *message, struct ice_turn_received *out) {
    *out = (struct ice_turn_received){.length = 0};
    struct stun_attribute icmp;
    /* RFC 8656 section 11.6: it reports an ICMP error. Nothing of ours acts on it (docs/turn.md). */
    if (stun_message_find(message, STUN_ATTRIBUTE_ICMP, &icmp))
        return DATA_ICMP;
    /* RFC 8656 section 11.4: without a peer or without data it is dropped. */
    if (stun_message_read_xor_address(message, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &out->peer) != STUN_OK ||
        stun_message_read_bytes(message, STUN_ATTRIBUTE_DATA, &out->bytes, &out->length) != STUN_OK)
        return DATA_MALFORMED;
    /* RFC 8489 section 6.3.2: so is one with an attribute that must be understood, and is not. */
    static const uint16_t known[] = {STUN_ATTRIBUTE_XOR_PEER_ADDRESS, STUN_ATTRIBUTE_DATA};
    uint16_t unknown;
    if (stun_message_unknown_required(message, known, 2, &unknown, 1) > 0)
        return DATA_MALFORMED;
    return judge(client, out);
}

/* What is this message? DATA: *out is filled. NO_DATA: *message is a STUN message of another kind. */
static enum kind read_data(struct ice_turn_client *client, const uint8_t *bytes, size_t length, struct ice_turn_received *out, struct stun_message *message) {
    if (stun_channel_data_is(bytes, length))
        return read_channel_data(client, bytes, length, out);
    if (stun_message_parse(bytes, length, message) != STUN_OK)
        return DATA_MALFORMED;
    if (message->class_ == STUN_CLASS_INDICATION && message->method == STUN_METHOD_DATA)
        return read_indication(client, message, out);
    return NO_DATA;
}

int ice_turn_data_handle_message(struct ice_turn_client *client, uint64_t now_us, const uint8_t *bytes, size_t length, bool *is_data) {
    struct ice_turn_received received;
    struct stun_message message;
    *is_data = false;
    switch (read_data(client, bytes, length, &received, &message)) {
    case DATA:
        *is_data = true;
        client->datagrams_relayed_in++;
        return ICE_OK;
    case DATA_ICMP:
        client->icmp_ignored++;
        return ICE_OK;
    case DATA_UNPERMITTED:
        client->unpermitted_dropped++;
        return ICE_ERROR_UNAUTHENTIC;
    case DATA_OVERSIZED:
        client->oversized_dropped++;
        return ICE_ERROR_CAPACITY;
    case DATA_MALFORMED:
        client->malformed_dropped++;
        return ICE_ERROR_MALFORMED;
    default:
        return ice_turn_request_handle_response(client, now_us, &message);
    }
}

/* ---- what poll_received delivers ---------------------------------------------------------------------------------------------------- */

void ice_turn_data_forget_inbox(struct ice_turn_client *client) {
    client->inbox = (struct ice_turn_inbox){.own_is_delivered = true};
}

/* The next message in the caller's bytes: all of a datagram, or one cut out of a stream's. False at the end. */
static bool next_message(struct ice_turn_client *client, const uint8_t **bytes, size_t *length) {
    struct ice_turn_inbox *inbox = &client->inbox;
    if (!inbox->own_is_delivered) {
        inbox->own_is_delivered = true;
        *bytes = inbox->own;
        *length = inbox->own_length;
        return true;
    }
    size_t left = inbox->length - inbox->offset;
    if (left == 0)
        return false;
    size_t whole = left;
    if (ice_turn_is_stream(client)) {
        int framed = stun_stream_message_bytes(inbox->bytes + inbox->offset, left);
        assert(framed > 0 && (size_t)framed <= left); /* turn_stream.c has cut it out already */
        whole = (size_t)framed;
    }
    *bytes = inbox->bytes + inbox->offset;
    *length = whole;
    inbox->offset += whole;
    return true;
}

bool ice_turn_client_poll_received(struct ice_turn_client *client, struct ice_turn_received *out) {
    const uint8_t *bytes;
    size_t length;
    struct stun_message message;
    while (next_message(client, &bytes, &length)) {
        bool is_kept = !ice_turn_is_stream(client) || length <= ICE_TURN_STREAM_MESSAGE_MAX_BYTES;
        if (is_kept && read_data(client, bytes, length, out, &message) == DATA)
            return true;
    }
    return false;
}

void ice_turn_client_rewind_received(struct ice_turn_client *client) {
    client->inbox.offset = 0;
    client->inbox.own_is_delivered = client->inbox.own == NULL;
}
