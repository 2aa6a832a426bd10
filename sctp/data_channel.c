/* Data channels: opening, sending, closing. What comes from the association is in data_channel_event.c. */
#include "sctp/data_channel_internal.h"

#include <assert.h>
#include <string.h>

const char *data_channel_state_name(enum data_channel_state state) {
    static const char *const names[] = {"connecting", "open", "closing", "closed"};
    return names[state];
}

const char *data_channel_reason_name(enum data_channel_reason reason) {
    static const char *const names[] = {
        "closed by us", "closed by the peer", "protocol violation", "no free id", "stream reset refused", "association restarted", "association ended",
        "OPEN too long for the peer",
    };
    return names[reason];
}

struct data_channel_layer *data_channel_layer_new(const struct data_channel_layer_config *config) {
    if (config->channels_max > DATA_CHANNEL_COUNT_MAX)
        return NULL;
    struct sctp_allocator allocator = sctp_allocator_or_default(config->allocator);
    struct data_channel_layer *layer = allocator.allocate(allocator.context, sizeof *layer);
    if (!layer)
        return NULL;
    *layer = (struct data_channel_layer){
        .allocator = allocator,
        .channels_max = config->channels_max != 0 ? config->channels_max : DATA_CHANNEL_COUNT_DEFAULT,
        .partial_max_bytes = config->partial_max_bytes != 0 ? config->partial_max_bytes : SCTP_MESSAGE_DEFAULT_BYTES,
        .peer_message_max_bytes = DATA_CHANNEL_MESSAGE_DEFAULT_BYTES,
        .streams = DATA_CHANNEL_ID_MAX + 1,
        .last_id = DATA_CHANNEL_ID_MAX,
        .statistics.memory_bytes = sizeof *layer,
    };
    return layer;
}

void data_channel_layer_free(struct data_channel_layer *layer) {
    if (!layer)
        return;
    for (unsigned i = 0; i < layer->slot_count; i++)
        if (layer->slots[i].channel)
            data_channel_destroy(layer, layer->slots[i].channel);
    data_channel_release(layer, layer->slots, layer->slot_count * sizeof *layer->slots);
    data_channel_release(layer, layer->finished, layer->finished_capacity);
    struct sctp_allocator allocator = layer->allocator;
    allocator.release(allocator.context, layer);
}

int data_channel_layer_set_role(struct data_channel_layer *layer, bool is_client) {
    if (layer->has_role)
        return SCTP_ERROR_STATE;
    layer->has_role = true;
    layer->is_client = is_client;
    for (unsigned i = 0; i < layer->slot_count; i++) {
        struct data_channel *channel = layer->slots[i].channel;
        uint16_t id;
        if (!channel || channel->state != DATA_CHANNEL_CONNECTING || channel->id != DATA_CHANNEL_ID_NONE)
            continue;
        if (data_channel_choose_id(layer, &id))
            data_channel_set_id(layer, channel, id);
        else
            data_channel_end(layer, channel, DATA_CHANNEL_CLOSED_NO_ID);
    }
    return SCTP_OK;
}

int data_channel_layer_attach(struct data_channel_layer *layer, struct sctp_association *association) {
    if (layer->association || !layer->has_role)
        return SCTP_ERROR_STATE;
    layer->association = association;
    return SCTP_OK;
}

void data_channel_layer_set_peer_message_max(struct data_channel_layer *layer, uint64_t bytes) {
    layer->peer_message_max_bytes = bytes;
}

void data_channel_layer_end(struct data_channel_layer *layer) {
    layer->association = NULL;
    layer->is_connected = false;
    layer->has_ended = true;
    data_channel_end_all(layer, DATA_CHANNEL_CLOSED_ASSOCIATION);
}

/* RFC 8832 section 6, MUST: the DTLS client opens even numbers, the server odd ones. */
bool data_channel_is_ours(const struct data_channel_layer *layer, unsigned id) {
    return (id % 2 == 0) == layer->is_client;
}

/* ---- telling, owing ----------------------------------------------------------------------------------------------------------------- */

void data_channel_tell(struct data_channel_layer *layer, struct data_channel *channel, bool *what) {
    *what = true;
    if (channel->is_pending)
        return;
    channel->is_pending = true;
    channel->next_pending = NULL;
    if (layer->pending)
        layer->pending_last->next_pending = channel;
    else
        layer->pending = channel;
    layer->pending_last = channel;
}

static bool is_debtor(const struct data_channel *channel) {
    return channel->owes_open || channel->owes_ack || channel->owes_reset;
}

void data_channel_owe(struct data_channel_layer *layer, struct data_channel *channel, bool *debt) {
    layer->debtor_count += !is_debtor(channel);
    *debt = true;
}

static void forgive(struct data_channel_layer *layer, struct data_channel *channel, bool *debt) {
    bool was = is_debtor(channel);
    *debt = false;
    layer->debtor_count -= was && !is_debtor(channel);
}

/* ---- control messages -------------------------------------------------------------------------------------------------------------- */

/* RFC 8832 section 6, MUST: reliable and in order, whatever the channel is. */
static int send_control(struct data_channel_layer *layer, uint64_t now_us, const struct data_channel *channel, const uint8_t *bytes, size_t length) {
    struct sctp_message message = {
        .stream = channel->id,
        .payload_protocol = DATA_CHANNEL_PPID_CONTROL,
        .priority = channel->priority,
        .bytes = bytes,
        .length = length,
    };
    return sctp_association_send(layer->association, now_us, &message);
}

static size_t open_length(const struct data_channel *channel) {
    return DATA_CHANNEL_OPEN_BYTES + channel->label_length + channel->protocol_length;
}

/* RFC 8841 section 6.1, MUST NOT: longer than the peer takes; it holds for control messages too. */
static bool is_too_long(const struct data_channel_layer *layer, size_t length) {
    return layer->peer_message_max_bytes != 0 && length > layer->peer_message_max_bytes;
}

static int send_open(struct data_channel_layer *layer, uint64_t now_us, const struct data_channel *channel) {
    struct data_channel_open_message message = {
        .is_unordered = channel->is_unordered,
        .reliability = channel->reliability,
        .limit = channel->limit,
        .priority = channel->priority,
        .label = channel->text,
        .label_length = channel->label_length,
        .protocol = channel->text + channel->label_length + 1,
        .protocol_length = channel->protocol_length,
    };
    size_t length = open_length(channel);
    uint8_t *bytes = data_channel_allocate(layer, length);
    if (!bytes)
        return SCTP_ERROR_MEMORY;
    (void)data_channel_write_open(&message, bytes, length);
    int result = send_control(layer, now_us, channel, bytes, length);
    data_channel_release(layer, bytes, length);
    return result;
}

static void now_open(struct data_channel_layer *layer, struct data_channel *channel) {
    channel->state = DATA_CHANNEL_OPEN;
    layer->statistics.opened++;
    data_channel_tell(layer, channel, &channel->tells_open);
    if (channel->buffered_low_bytes > 0)
        (void)sctp_association_set_buffered_low(layer->association, channel->id, channel->buffered_low_bytes);
}

/* Is this one for another try, when the association has room or memory? */
static bool can_wait(struct data_channel_layer *layer, int result) {
    layer->lacked_memory |= result == SCTP_ERROR_MEMORY;
    return result == SCTP_ERROR_CAPACITY || result == SCTP_ERROR_MEMORY;
}

static void pay_open(struct data_channel_layer *layer, uint64_t now_us, struct data_channel *channel) {
    int result = send_open(layer, now_us, channel);
    if (can_wait(layer, result))
        return;
    forgive(layer, channel, &channel->owes_open);
    if (result == SCTP_OK)
        now_open(layer, channel);
    else
        data_channel_end(layer, channel, result == SCTP_ERROR_ARGUMENT ? DATA_CHANNEL_CLOSED_NO_ID : DATA_CHANNEL_CLOSED_ASSOCIATION);
}

static void pay_ack(struct data_channel_layer *layer, uint64_t now_us, struct data_channel *channel) {
    static const uint8_t ack[] = {DATA_CHANNEL_MESSAGE_ACK};
    int result = send_control(layer, now_us, channel, ack, sizeof ack);
    if (!can_wait(layer, result) && result != SCTP_ERROR_STATE) /* the stream's life before may end with the reset that is under way */
        forgive(layer, channel, &channel->owes_ack);
}

static void pay_reset(struct data_channel_layer *layer, uint64_t now_us, struct data_channel *channel) {
    int result = sctp_association_reset_streams(layer->association, now_us, &channel->id, 1);
    if (can_wait(layer, result))
        return;
    forgive(layer, channel, &channel->owes_reset);
    if (result != SCTP_OK)
        data_channel_end(layer, channel, DATA_CHANNEL_CLOSED_RESET_REFUSED);
}

void data_channel_pay(struct data_channel_layer *layer, uint64_t now_us, struct data_channel *channel) {
    if (channel->owes_open)
        pay_open(layer, now_us, channel);
    if (channel->owes_ack)
        pay_ack(layer, now_us, channel);
    if (channel->owes_reset && !channel->owes_ack) /* what is owed before is sent before */
        pay_reset(layer, now_us, channel);
}

/* ---- opening ----------------------------------------------------------------------------------------------------------------------- */

void data_channel_begin(struct data_channel_layer *layer, uint64_t now_us, struct data_channel *channel) {
    if (channel->id >= layer->streams) {
        data_channel_end(layer, channel, DATA_CHANNEL_CLOSED_NO_ID);
        return;
    }
    if (channel->is_negotiated) {
        channel->is_acknowledged = true;
        now_open(layer, channel);
        return;
    }
    if (is_too_long(layer, open_length(channel))) {
        data_channel_end(layer, channel, DATA_CHANNEL_CLOSED_OPEN_TOO_LONG);
        return;
    }
    data_channel_owe(layer, channel, &channel->owes_open);
    data_channel_pay(layer, now_us, channel);
}

static bool is_valid(const struct data_channel_config *config) {
    return config->label_length <= DATA_CHANNEL_LABEL_MAX_BYTES && config->protocol_length <= DATA_CHANNEL_LABEL_MAX_BYTES &&
           (!config->is_negotiated || config->id <= DATA_CHANNEL_ID_MAX) && data_channel_is_utf8(config->label, config->label_length) &&
           data_channel_is_utf8(config->protocol, config->protocol_length);
}

int data_channel_open(struct data_channel_layer *layer, uint64_t now_us, const struct data_channel_config *config, data_channel_handle *handle) {
    if (!is_valid(config))
        return SCTP_ERROR_ARGUMENT;
    if (layer->has_ended || (config->is_negotiated && data_channel_with_id(layer, config->id)))
        return SCTP_ERROR_STATE;
    uint16_t id = config->is_negotiated ? config->id : DATA_CHANNEL_ID_NONE;
    if (!config->is_negotiated && layer->has_role && !data_channel_choose_id(layer, &id))
        return SCTP_ERROR_CAPACITY;
    struct data_channel *channel;
    int result = data_channel_create(layer, config->label, config->label_length, config->protocol, config->protocol_length, &channel);
    if (result != SCTP_OK)
        return result;
    channel->priority = config->priority != 0 ? config->priority : SCTP_PRIORITY_DEFAULT;
    channel->is_unordered = config->is_unordered;
    channel->reliability = config->reliability;
    channel->limit = config->limit;
    channel->is_negotiated = config->is_negotiated;
    if (id != DATA_CHANNEL_ID_NONE)
        data_channel_set_id(layer, channel, id);
    *handle = channel->handle;
    if (layer->is_connected)
        data_channel_begin(layer, now_us, channel);
    return SCTP_OK;
}

/* ---- sending ----------------------------------------------------------------------------------------------------------------------- */

int data_channel_send(struct data_channel_layer *layer, uint64_t now_us, data_channel_handle handle, bool is_text, const uint8_t *bytes, size_t length) {
    static const uint8_t nothing[1];
    struct data_channel *channel = data_channel_of(layer, handle);
    if (!channel)
        return SCTP_ERROR_ARGUMENT;
    if (channel->state != DATA_CHANNEL_OPEN)
        return SCTP_ERROR_STATE;
    if (is_too_long(layer, length))
        return SCTP_ERROR_ARGUMENT;
    /* RFC 8831 section 6.6, MUST: SCTP has no empty messages, so one zero byte goes under a number that says so. */
    uint32_t full = is_text ? DATA_CHANNEL_PPID_TEXT : DATA_CHANNEL_PPID_BINARY;
    uint32_t empty = is_text ? DATA_CHANNEL_PPID_TEXT_EMPTY : DATA_CHANNEL_PPID_BINARY_EMPTY;
    struct sctp_message message = {
        .stream = channel->id,
        .payload_protocol = length > 0 ? full : empty,
        /* RFC 8832 section 6, MUST: nothing overtakes our OPEN; when the peer has answered it, nothing can. */
        .is_unordered = channel->is_unordered && channel->is_acknowledged && !channel->owes_ack,
        .reliability = channel->reliability,
        .max_retransmits = channel->limit,
        .lifetime_us = channel->limit * UINT64_C(1000),
        .priority = channel->priority,
        .bytes = length > 0 ? bytes : nothing,
        .length = length > 0 ? length : 1,
    };
    int result = sctp_association_send(layer->association, now_us, &message);
    if (result != SCTP_OK)
        return result;
    channel->messages_sent++;
    channel->bytes_sent += length;
    channel->payload_sent += message.length;
    return SCTP_OK;
}

uint64_t data_channel_buffered(const struct data_channel_layer *layer, data_channel_handle handle) {
    const struct data_channel *channel = data_channel_of(layer, handle);
    if (!channel || !layer->is_connected || channel->id == DATA_CHANNEL_ID_NONE || channel->state == DATA_CHANNEL_CLOSED)
        return 0;
    /* What is more than all that was ever sent is OPEN or ACK, which leave first. */
    uint64_t buffered = sctp_association_buffered(layer->association, channel->id);
    return buffered < channel->payload_sent ? buffered : channel->payload_sent;
}

int data_channel_set_buffered_low(struct data_channel_layer *layer, data_channel_handle handle, uint64_t bytes) {
    struct data_channel *channel = data_channel_of(layer, handle);
    if (!channel)
        return SCTP_ERROR_ARGUMENT;
    if (channel->state == DATA_CHANNEL_OPEN || channel->state == DATA_CHANNEL_CLOSING) {
        int result = sctp_association_set_buffered_low(layer->association, channel->id, bytes);
        if (result == SCTP_ERROR_MEMORY)
            return result;
    }
    channel->buffered_low_bytes = bytes;
    return SCTP_OK;
}

/* ---- closing ----------------------------------------------------------------------------------------------------------------------- */

void data_channel_end(struct data_channel_layer *layer, struct data_channel *channel, enum data_channel_reason reason) {
    if (channel->state == DATA_CHANNEL_CLOSED)
        return;
    data_channel_drop_id(layer, channel);
    layer->statistics.closed += channel->state == DATA_CHANNEL_OPEN;
    channel->state = DATA_CHANNEL_CLOSED;
    channel->reason = reason;
    forgive(layer, channel, &channel->owes_open);
    forgive(layer, channel, &channel->owes_ack);
    forgive(layer, channel, &channel->owes_reset);
    layer->statistics.channels--;
    data_channel_tell(layer, channel, &channel->tells_closed);
}

void data_channel_end_all(struct data_channel_layer *layer, enum data_channel_reason reason) {
    for (unsigned i = 0; i < layer->slot_count; i++)
        if (layer->slots[i].channel)
            data_channel_end(layer, layer->slots[i].channel, reason);
}

void data_channel_begin_close(struct data_channel_layer *layer, uint64_t now_us, struct data_channel *channel, enum data_channel_reason reason) {
    if (channel->state == DATA_CHANNEL_CLOSING || channel->state == DATA_CHANNEL_CLOSED)
        return;
    channel->reason = reason;
    if (channel->state == DATA_CHANNEL_CONNECTING) { /* the peer has never heard of it */
        data_channel_end(layer, channel, reason);
        return;
    }
    channel->state = DATA_CHANNEL_CLOSING;
    layer->statistics.closed++;
    data_channel_owe(layer, channel, &channel->owes_reset);
    data_channel_pay(layer, now_us, channel);
}

int data_channel_close(struct data_channel_layer *layer, uint64_t now_us, data_channel_handle handle) {
    struct data_channel *channel = data_channel_of(layer, handle);
    if (!channel)
        return SCTP_ERROR_ARGUMENT;
    data_channel_begin_close(layer, now_us, channel, DATA_CHANNEL_CLOSED_BY_US);
    return SCTP_OK;
}

/* ---- facts ------------------------------------------------------------------------------------------------------------------------- */

bool data_channel_info(const struct data_channel_layer *layer, data_channel_handle handle, struct data_channel_info *info) {
    const struct data_channel *channel = data_channel_of(layer, handle);
    if (!channel)
        return false;
    *info = (struct data_channel_info){
        .state = channel->state,
        .id = channel->id,
        .label = channel->text,
        .label_length = channel->label_length,
        .protocol = channel->text + channel->label_length + 1,
        .protocol_length = channel->protocol_length,
        .priority = channel->priority,
        .is_unordered = channel->is_unordered,
        .is_negotiated = channel->is_negotiated,
        .is_by_peer = channel->is_by_peer,
        .reliability = channel->reliability,
        .limit = channel->limit,
        .buffered_low_bytes = channel->buffered_low_bytes,
        .messages_sent = channel->messages_sent,
        .bytes_sent = channel->bytes_sent,
        .messages_received = channel->messages_received,
        .bytes_received = channel->bytes_received,
    };
    return true;
}

size_t data_channel_place_count(const struct data_channel_layer *layer) {
    return layer->slot_count;
}

data_channel_handle data_channel_at(const struct data_channel_layer *layer, size_t place) {
    return place < layer->slot_count && layer->slots[place].channel ? layer->slots[place].channel->handle : 0;
}

void data_channel_layer_statistics(const struct data_channel_layer *layer, struct data_channel_layer_statistics *statistics) {
    *statistics = layer->statistics;
}
