/* What the association reports becomes what channels report. */
#include "sctp/data_channel_internal.h"

#include <assert.h>
#include <string.h>

/* ---- the peer's OPEN and ACK --------------------------------------------------------------------------------------------------------- */

/* RFC 8832 section 6, MUST: no ACK; the channel, if there is one, is closed. Otherwise our stream is reset, which says no. */
static void decline(struct data_channel_layer *layer, uint64_t now_us, uint16_t stream) {
    struct data_channel *channel = data_channel_with_id(layer, stream);
    layer->statistics.declined++;
    if (channel)
        data_channel_begin_close(layer, now_us, channel, DATA_CHANNEL_CLOSED_VIOLATION);
    else
        (void)sctp_association_reset_streams(layer->association, now_us, &stream, 1); /* not even that: then the peer waits */
}

/* RFC 8832 section 6: the peer opens a number anew when it has performed the reset that we asked for: so it has, though its answer got lost. */
static void make_way(struct data_channel_layer *layer, unsigned id) {
    struct data_channel *before = data_channel_with_id(layer, id);
    if (before && before->state == DATA_CHANNEL_CLOSING && before->is_reset_by_peer && !before->owes_reset)
        data_channel_end(layer, before, before->reason);
}

static void take_open(struct data_channel_layer *layer, uint64_t now_us, const struct sctp_received *received) {
    struct data_channel_open_message open;
    struct data_channel *channel;
    make_way(layer, received->stream);
    /* RFC 8832 section 6, MUST: well-formed, on a stream that is free and has the parity of the peer's role. */
    bool is_good = data_channel_read_open(received->bytes, received->length, &open) == SCTP_OK && received->stream < layer->streams &&
                   !data_channel_is_ours(layer, received->stream) && !data_channel_with_id(layer, received->stream);
    if (!is_good || data_channel_create(layer, open.label, open.label_length, open.protocol, open.protocol_length, &channel) != SCTP_OK) {
        decline(layer, now_us, received->stream);
        return;
    }
    data_channel_set_id(layer, channel, received->stream);
    channel->state = DATA_CHANNEL_OPEN;
    channel->is_by_peer = channel->is_acknowledged = true;
    channel->is_unordered = open.is_unordered;
    channel->reliability = open.reliability;
    channel->limit = open.limit;
    channel->priority = open.priority;
    layer->statistics.opened_by_peer++;
    data_channel_tell(layer, channel, &channel->tells_opened);
    data_channel_owe(layer, channel, &channel->owes_ack);
    data_channel_pay(layer, now_us, channel);
}

static void take_control(struct data_channel_layer *layer, uint64_t now_us, const struct sctp_received *received) {
    struct data_channel *channel = data_channel_with_id(layer, received->stream);
    if (received->bytes[0] == DATA_CHANNEL_MESSAGE_OPEN)
        take_open(layer, now_us, received);
    else if (received->bytes[0] == DATA_CHANNEL_MESSAGE_ACK && channel)
        channel->is_acknowledged = true;
    else
        layer->statistics.messages_dropped++;
}

/* ---- messages ---------------------------------------------------------------------------------------------------------------------- */

/* Puts off what has come of a message of the old kind (RFC 8831 section 6.6 tells us not to send it). False: it is too much. */
static bool append_partial(struct data_channel_layer *layer, struct data_channel *channel, const uint8_t *bytes, size_t length) {
    size_t needed = channel->partial_length + length;
    if (needed > channel->partial_capacity) {
        size_t capacity = 2 * channel->partial_capacity > needed ? 2 * channel->partial_capacity : needed;
        size_t others = layer->partial_bytes - channel->partial_capacity;
        if (others + needed > layer->partial_max_bytes)
            return false;
        if (others + capacity > layer->partial_max_bytes)
            capacity = needed;
        uint8_t *wider = data_channel_allocate(layer, capacity);
        if (!wider)
            return false;
        if (channel->partial_length > 0)
            memcpy(wider, channel->partial, channel->partial_length);
        data_channel_release(layer, channel->partial, channel->partial_capacity);
        channel->partial = wider;
        channel->partial_capacity = capacity;
        layer->partial_bytes = others + capacity;
    }
    memcpy(channel->partial + channel->partial_length, bytes, length);
    channel->partial_length = needed;
    return true;
}

/* The whole of it is handed out; the memory goes at the next poll. */
static void finish_partial(struct data_channel_layer *layer, struct data_channel *channel, struct data_channel_event *event) {
    assert(!layer->finished);
    event->bytes = layer->finished = channel->partial;
    event->length = channel->partial_length;
    layer->finished_capacity = channel->partial_capacity;
    layer->partial_bytes -= channel->partial_capacity;
    channel->partial = NULL;
    channel->partial_length = channel->partial_capacity = 0;
}

static bool is_user_message(uint32_t payload_protocol) {
    switch (payload_protocol) {
    case DATA_CHANNEL_PPID_TEXT:
    case DATA_CHANNEL_PPID_BINARY:
    case DATA_CHANNEL_PPID_TEXT_EMPTY:
    case DATA_CHANNEL_PPID_BINARY_EMPTY:
    case DATA_CHANNEL_PPID_TEXT_PARTIAL:
    case DATA_CHANNEL_PPID_BINARY_PARTIAL:
        return true;
    default:
        return false;
    }
}

/* True: *event is a message. */
static bool take_message(struct data_channel_layer *layer, uint64_t now_us, const struct sctp_received *received, struct data_channel_event *event) {
    uint32_t kind = received->payload_protocol;
    if (kind == DATA_CHANNEL_PPID_CONTROL) {
        take_control(layer, now_us, received);
        return false;
    }
    struct data_channel *channel = data_channel_with_id(layer, received->stream);
    if (!channel || channel->state != DATA_CHANNEL_OPEN || !is_user_message(kind)) {
        layer->statistics.messages_dropped++;
        return false;
    }
    channel->is_acknowledged = true; /* RFC 8832 section 6: who sends has seen our OPEN */
    bool is_partial = kind == DATA_CHANNEL_PPID_TEXT_PARTIAL || kind == DATA_CHANNEL_PPID_BINARY_PARTIAL;
    bool is_empty = kind == DATA_CHANNEL_PPID_TEXT_EMPTY || kind == DATA_CHANNEL_PPID_BINARY_EMPTY;
    if (is_partial || (channel->partial_length > 0 && !is_empty)) {
        if (!append_partial(layer, channel, received->bytes, received->length)) {
            data_channel_begin_close(layer, now_us, channel, DATA_CHANNEL_CLOSED_VIOLATION);
            return false;
        }
        if (is_partial)
            return false;
        finish_partial(layer, channel, event);
    } else {
        event->bytes = received->bytes;
        event->length = is_empty ? 0 : received->length; /* RFC 8831 section 6.6, MUST: the byte of an empty one is not looked at */
    }
    event->type = DATA_CHANNEL_EVENT_MESSAGE;
    event->handle = channel->handle;
    event->is_text = kind == DATA_CHANNEL_PPID_TEXT || kind == DATA_CHANNEL_PPID_TEXT_EMPTY;
    channel->messages_received++;
    channel->bytes_received += event->length;
    return true;
}

/* ---- resets ------------------------------------------------------------------------------------------------------------------------ */

static void take_reset_by_peer(struct data_channel_layer *layer, uint64_t now_us, struct data_channel *channel) {
    channel->is_reset_by_peer = true;
    if (channel->state == DATA_CHANNEL_OPEN) {
        /* RFC 8831 section 6.7: the other direction is reset too. */
        data_channel_begin_close(layer, now_us, channel, DATA_CHANNEL_CLOSED_BY_PEER);
        if (channel->state == DATA_CHANNEL_CLOSING)
            data_channel_tell(layer, channel, &channel->tells_closing);
    } else if (channel->state == DATA_CHANNEL_CLOSING && channel->is_reset_by_us) {
        data_channel_end(layer, channel, channel->reason);
    }
}

static void take_reset_by_us(struct data_channel_layer *layer, struct data_channel *channel, bool is_refused) {
    channel->is_reset_by_us = true;
    if (is_refused)
        data_channel_end(layer, channel, DATA_CHANNEL_CLOSED_RESET_REFUSED);
    else if (channel->is_reset_by_peer)
        data_channel_end(layer, channel, channel->reason);
}

static void take_resets(struct data_channel_layer *layer, uint64_t now_us, const struct sctp_event *event) {
    /* Views end with the next call on the association: what to do is noted for all before it is done for any. */
    for (size_t i = 0; i < event->stream_count; i++) {
        struct data_channel *channel = data_channel_with_id(layer, event->streams[i]);
        if (!channel || channel->state == DATA_CHANNEL_CONNECTING)
            continue;
        if (event->is_incoming)
            channel->is_reset_by_peer = true;
        else if (channel->state == DATA_CHANNEL_CLOSING)
            take_reset_by_us(layer, channel, event->is_refused);
    }
    bool is_all = event->stream_count == 0;
    for (unsigned i = 0; event->is_incoming && i < layer->slot_count; i++) {
        struct data_channel *channel = layer->slots[i].channel;
        if (channel && channel->state != DATA_CHANNEL_CONNECTING && (channel->is_reset_by_peer || is_all))
            take_reset_by_peer(layer, now_us, channel);
    }
}

/* ---- the association as a whole ------------------------------------------------------------------------------------------------------ */

static void connected(struct data_channel_layer *layer, uint64_t now_us, const struct sctp_event *event) {
    layer->is_connected = true;
    layer->streams = event->outbound_streams < event->inbound_streams ? event->outbound_streams : event->inbound_streams;
    for (unsigned i = 0; i < layer->slot_count; i++)
        if (layer->slots[i].channel && layer->slots[i].channel->state == DATA_CHANNEL_CONNECTING)
            data_channel_begin(layer, now_us, layer->slots[i].channel);
}

static void pay_all(struct data_channel_layer *layer, uint64_t now_us) {
    for (unsigned i = 0; i < layer->slot_count && layer->debtor_count > 0; i++)
        if (layer->slots[i].channel)
            data_channel_pay(layer, now_us, layer->slots[i].channel);
}

static bool take_buffered_low(struct data_channel_layer *layer, uint16_t stream, struct data_channel_event *out) {
    const struct data_channel *channel = data_channel_with_id(layer, stream);
    if (!channel || channel->payload_sent == 0) /* the OPEN or ACK that has left is none of the user's bytes */
        return false;
    out->type = DATA_CHANNEL_EVENT_BUFFERED_LOW;
    out->handle = channel->handle;
    return true;
}

/* True: there is something to tell at once. */
static bool translate(struct data_channel_layer *layer, uint64_t now_us, const struct sctp_event *event, struct data_channel_event *out) {
    *out = (struct data_channel_event){.type = DATA_CHANNEL_EVENT_ASSOCIATION, .association = *event};
    switch (event->type) {
    case SCTP_EVENT_MESSAGE:
        *out = (struct data_channel_event){0};
        return take_message(layer, now_us, &event->message, out);
    case SCTP_EVENT_BUFFERED_LOW:
        *out = (struct data_channel_event){0};
        return take_buffered_low(layer, event->stream, out);
    case SCTP_EVENT_STREAMS_RESET:
        take_resets(layer, now_us, event);
        pay_all(layer, now_us);
        return false;
    case SCTP_EVENT_CONNECTED:
        connected(layer, now_us, event);
        return true;
    case SCTP_EVENT_SENDABLE:
        pay_all(layer, now_us);
        return true;
    case SCTP_EVENT_RESTARTED:
        data_channel_end_all(layer, DATA_CHANNEL_CLOSED_RESTARTED);
        connected(layer, now_us, event);
        return true;
    case SCTP_EVENT_CLOSED:
        layer->has_ended = true;
        data_channel_end_all(layer, DATA_CHANNEL_CLOSED_ASSOCIATION);
        return true;
    }
    return false;
}

/* ---- poll -------------------------------------------------------------------------------------------------------------------------- */

static bool take_flag(bool *flag) {
    bool was = *flag;
    *flag = false;
    return was;
}

/* One event of the channel at the head of the queue, in the order of a channel's life. */
static bool poll_pending(struct data_channel_layer *layer, struct data_channel_event *event) {
    struct data_channel *channel = layer->pending;
    if (!channel)
        return false;
    *event = (struct data_channel_event){.handle = channel->handle, .reason = channel->reason};
    if (take_flag(&channel->tells_opened)) {
        event->type = DATA_CHANNEL_EVENT_OPENED;
    } else if (take_flag(&channel->tells_open)) {
        event->type = DATA_CHANNEL_EVENT_OPEN;
    } else if (take_flag(&channel->tells_closing)) {
        event->type = DATA_CHANNEL_EVENT_CLOSING;
    } else {
        event->type = DATA_CHANNEL_EVENT_CLOSED;
        channel->tells_closed = false;
        layer->departed = channel;
    }
    if (!channel->tells_open && !channel->tells_closing && !channel->tells_closed) {
        layer->pending = channel->next_pending;
        channel->is_pending = false;
    }
    return true;
}

bool data_channel_poll_event(struct data_channel_layer *layer, uint64_t now_us, struct data_channel_event *event) {
    struct sctp_event from;
    if (layer->departed)
        data_channel_destroy(layer, layer->departed);
    layer->departed = NULL;
    data_channel_release(layer, layer->finished, layer->finished_capacity);
    layer->finished = NULL;
    if (take_flag(&layer->lacked_memory))
        pay_all(layer, now_us);
    if (poll_pending(layer, event))
        return true;
    while (layer->association && sctp_association_poll_event(layer->association, &from))
        if (translate(layer, now_us, &from, event) || poll_pending(layer, event))
            return true;
    return false;
}
