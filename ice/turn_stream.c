/*
 * TURN over TCP and TLS: STUN and ChannelData messages one behind the other, cut anywhere by the transport (RFC 8489 section 6.2.2, RFC 8656
 * section 12.5). Messages that are whole in the caller's bytes are handled where they stand; only one that is cut is collected.
 *
 * A stream that does not make sense is broken for good: nothing behind a wrong length can be trusted to be a beginning, and a guess would let
 * the data of a peer pass for a message of the server.
 */
#include <string.h>

#include "ice/turn_client_internal.h"

_Static_assert(ICE_TURN_STREAM_MESSAGE_MAX_BYTES >= ICE_TURN_DATA_MAX_BYTES + ICE_HEADROOM_BYTES + 3, "the largest payload fits a message");

bool ice_turn_stream_start(struct ice_turn_client *client) {
    uint8_t *both = client->allocator.allocate(client->allocator.context, (size_t)2 * ICE_TURN_STREAM_MESSAGE_MAX_BYTES);
    if (both == NULL)
        return false;
    client->stream.buffers[0] = both;
    client->stream.buffers[1] = both + ICE_TURN_STREAM_MESSAGE_MAX_BYTES;
    return true;
}

void ice_turn_stream_free(struct ice_turn_client *client) {
    if (client->stream.buffers[0] != NULL)
        client->allocator.release(client->allocator.context, client->stream.buffers[0]);
}

void ice_turn_stream_reset(struct ice_turn_client *client) {
    client->stream.length = client->stream.skip = 0;
}

/* As stun_stream_message_bytes; and before there can be a channel, ChannelData is no message: "HTTP/1.1 400 ..." begins like it. */
static int frame(const struct ice_turn_client *client, const uint8_t *bytes, size_t length) {
    bool is_too_early = client->state == ICE_TURN_ALLOCATING && stun_channel_data_is(bytes, length);
    return is_too_early ? STUN_ERROR_NOT_STUN : stun_stream_message_bytes(bytes, length);
}

/* Handles one whole message. */
static void handle_message(struct ice_turn_client *client, uint64_t now_us, const uint8_t *bytes, size_t length) {
    bool is_data;
    (void)ice_turn_data_handle_message(client, now_us, bytes, length, &is_data); /* what was wrong with it has been counted */
    if (!is_data)
        ice_turn_client_pump(client, now_us);
}

/* After the last message the stream may be another's, or nobody's. */
static bool is_still_ours(const struct ice_turn_client *client) {
    return client->is_stream_open;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Too long to be kept: its bytes are passed over as they come. */
static void skip_message(struct ice_turn_client *client, size_t bytes) {
    client->oversized_dropped++;
    client->stream.skip = bytes;
    client->stream.length = 0;
}

/* Collects up to `wanted` bytes of the message that was cut. Returns how many were taken. */
static size_t collect(struct ice_turn_stream *stream, size_t wanted, const uint8_t *bytes, size_t length) {
    size_t taken = stream->length < wanted ? smaller(wanted - stream->length, length) : 0;
    memcpy(stream->buffers[stream->filling] + stream->length, bytes, taken);
    stream->length += taken;
    return taken;
}

/* Brings the message that was cut nearer to its end. *taken: of the bytes. False: it is no message. */
static bool continue_message(struct ice_turn_client *client, uint64_t now_us, const uint8_t *bytes, size_t length, size_t *taken) {
    struct ice_turn_stream *stream = &client->stream;
    const uint8_t *buffer = stream->buffers[stream->filling];
    *taken = collect(stream, STUN_CHANNEL_DATA_HEADER_BYTES, bytes, length);
    int whole = frame(client, buffer, stream->length);
    if (whole == STUN_ERROR_BUFFER) {
        *taken += collect(stream, STUN_STREAM_HEADER_BYTES, bytes + *taken, length - *taken);
        whole = frame(client, buffer, stream->length);
    }
    if (whole == STUN_ERROR_BUFFER)
        return true;
    if (whole < 0)
        return false;
    if (whole > ICE_TURN_STREAM_MESSAGE_MAX_BYTES) {
        skip_message(client, (size_t)whole - stream->length);
        return true;
    }
    *taken += collect(stream, (size_t)whole, bytes + *taken, length - *taken);
    if (stream->length < (size_t)whole)
        return true;
    /* It stays in this buffer, for poll_received, while the other one takes what may be cut at the end of these bytes. */
    client->inbox.own = buffer;
    client->inbox.own_length = (size_t)whole;
    client->inbox.own_is_delivered = false;
    stream->filling ^= 1u;
    stream->length = 0;
    handle_message(client, now_us, buffer, (size_t)whole);
    return true;
}

static size_t skip(struct ice_turn_stream *stream, size_t length) {
    size_t taken = smaller(stream->skip, length);
    stream->skip -= taken;
    return taken;
}

bool ice_turn_stream_handle_bytes(struct ice_turn_client *client, uint64_t now_us, const uint8_t *bytes, size_t length) {
    struct ice_turn_stream *stream = &client->stream;
    size_t at = skip(stream, length);
    if (stream->length > 0) {
        size_t taken;
        if (!continue_message(client, now_us, bytes + at, length - at, &taken))
            return false;
        if (!is_still_ours(client))
            return true;
        at += taken;
        at += skip(stream, length - at);
    }
    const uint8_t *start = client->inbox.bytes = bytes + at;
    while (at < length) {
        int whole = frame(client, bytes + at, length - at);
        if (whole < 0 && whole != STUN_ERROR_BUFFER)
            return false;
        if (whole > ICE_TURN_STREAM_MESSAGE_MAX_BYTES) {
            skip_message(client, (size_t)whole);
            at += skip(stream, length - at);
            continue;
        }
        if (whole == STUN_ERROR_BUFFER || (size_t)whole > length - at) {
            at += collect(stream, length - at, bytes + at, length - at);
            break;
        }
        handle_message(client, now_us, bytes + at, (size_t)whole);
        if (!is_still_ours(client))
            return true;
        at += (size_t)whole;
        client->inbox.length = (size_t)(bytes + at - start); /* whole messages: what begins behind them ends with later bytes */
    }
    return true;
}
