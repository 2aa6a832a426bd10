#include <stdlib.h>
#include <string.h>

#include "app/net/clock.h"
#include "test/interop/negotiation/driver_internal.h"

/* What a message holds, as data/content.js has it: its number, a pattern of its length; a string has letters, and ends in a check mark. */
#define NUMBER_BYTES 4u
#define LETTERS 26u
#define MARKED_BYTES 7u
static const uint8_t mark[] = {0xe2, 0x9c, 0x93};

static uint8_t byte_of(size_t length, size_t i, uint32_t number, bool is_text) {
    uint8_t pattern = (uint8_t)(length * 7 + i * 31);
    if (length < NUMBER_BYTES || i >= NUMBER_BYTES) {
        if (is_text && length >= MARKED_BYTES && i >= length - sizeof mark)
            return mark[i - (length - sizeof mark)];
        return is_text ? (uint8_t)('a' + pattern % LETTERS) : pattern;
    }
    if (!is_text)
        return (uint8_t)(number >> 8 * (NUMBER_BYTES - 1 - i));
    for (size_t later = i + 1; later < NUMBER_BYTES; later++)
        number /= LETTERS;
    return (uint8_t)('a' + number % LETTERS);
}

static uint32_t number_in(const uint8_t *bytes, size_t length, bool is_text) {
    uint32_t number = 0;
    for (size_t i = 0; i < NUMBER_BYTES && length >= NUMBER_BYTES; i++)
        number = is_text ? number * LETTERS + (uint32_t)(bytes[i] - 'a') : number << 8 | bytes[i];
    return number;
}

int driver_create_channel(struct driver *driver, const json_t *command, size_t *channel) {
    static const char *const empty = "";
    struct peer_data_channel_config config = {.label = empty, .protocol = empty};
    int is_ordered = 1, is_negotiated = 0, retransmits = -1, lifetime_ms = -1, id = 0;
    if (json_unpack((json_t *)(uintptr_t)command, "{s?s%,s?{s?s%,s?b,s?b,s?i,s?i,s?i}}", "label", &config.label, &config.label_length, "init", "protocol",
                    &config.protocol, &config.protocol_length, "ordered", &is_ordered, "negotiated", &is_negotiated, "maxRetransmits", &retransmits,
                    "maxPacketLifeTime", &lifetime_ms, "id", &id) != 0)
        return PEER_ERROR_ARGUMENT;
    config.is_unordered = !is_ordered;
    config.is_negotiated = is_negotiated != 0;
    config.has_max_retransmits = retransmits >= 0;
    config.has_max_packet_life_time = lifetime_ms >= 0;
    config.max_retransmits = (uint16_t)(retransmits >= 0 ? retransmits : 0);
    config.max_packet_life_time_ms = (uint16_t)(lifetime_ms >= 0 ? lifetime_ms : 0);
    config.id = (uint16_t)id;
    return peer_connection_create_data_channel(driver->connection, net_clock_now_us(), &config, channel);
}

int driver_send_message(struct driver *driver, size_t channel, size_t length, uint32_t number, bool is_text) {
    uint8_t *bytes = malloc(length + 1);
    if (!bytes)
        return PEER_ERROR_MEMORY;
    for (size_t i = 0; i < length; i++)
        bytes[i] = byte_of(length, i, number, is_text);
    int error = peer_connection_send_data(driver->connection, net_clock_now_us(), channel, bytes, length, is_text);
    free(bytes);
    return error;
}

json_t *driver_channel_facts(const struct driver *driver, size_t channel) {
    struct peer_data_channel facts;
    if (!peer_connection_data_channel(driver->connection, channel, &facts))
        return NULL;
    json_t *told = json_pack("{s:I,s:s%,s:s%,s:b,s:b,s:i,s:s,s:I}", "channel", (json_int_t)channel, "label", facts.label, facts.label_length, "protocol", facts.protocol,
                             facts.protocol_length, "ordered", !facts.is_unordered, "negotiated", facts.is_negotiated, "id", facts.id, "readyState",
                             data_channel_state_name(facts.state), "maxMessageSize", (json_int_t)facts.max_message_bytes);
    json_object_set_new(told, "maxRetransmits", facts.has_max_retransmits ? json_integer(facts.max_retransmits) : json_null());
    json_object_set_new(told, "maxPacketLifeTime", facts.has_max_packet_life_time ? json_integer(facts.max_packet_life_time_ms) : json_null());
    return told;
}

static json_t *take_message(struct driver *driver, const struct peer_connection_event *event) {
    size_t channel = event->as.message.channel, length = event->as.message.length;
    bool is_text = event->as.message.is_text, is_intact = true;
    uint32_t number = number_in(event->as.message.bytes, length, is_text);
    struct peer_data_channel facts;
    for (size_t i = 0; i < length; i++)
        is_intact &= event->as.message.bytes[i] == byte_of(length, i, number, is_text);
    if (driver->is_silent || !peer_connection_data_channel(driver->connection, channel, &facts) || !facts.is_of_peer)
        return json_pack("{s:s,s:I,s:I,s:b,s:b,s:I}", "event", "message", "channel", (json_int_t)channel, "length", (json_int_t)length, "intact", is_intact, "text", is_text,
                         "number", (json_int_t)number);
    /* The view ends with the call that sends it back. */
    uint8_t *copy = malloc(length + 1);
    int error = PEER_ERROR_MEMORY;
    if (copy) {
        memcpy(copy, event->as.message.bytes, length);
        error = peer_connection_send_data(driver->connection, net_clock_now_us(), channel, copy, length, event->as.message.is_text);
    }
    free(copy);
    return error == PEER_OK ? NULL : json_pack("{s:s,s:s}", "event", "echofailed", "error", peer_error_name(error));
}

json_t *driver_channel_event(struct driver *driver, const struct peer_connection_event *event) {
    switch (event->type) {
    case PEER_CONNECTION_EVENT_DATA_CHANNEL:
        return json_pack("{s:s,s:I,s:o?}", "event", "datachannel", "channel", (json_int_t)event->as.channel, "facts", driver_channel_facts(driver, event->as.channel));
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN:
        return json_pack("{s:s,s:I}", "event", "channelopen", "channel", (json_int_t)event->as.channel);
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE:
        return take_message(driver, event);
    case PEER_CONNECTION_EVENT_DATA_SENDABLE:
        return json_pack("{s:s}", "event", "sendable");
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSED:
        return json_pack("{s:s,s:I,s:s}", "event", "channelclosed", "channel", (json_int_t)event->as.channel_closed.channel, "reason",
                         data_channel_reason_name(event->as.channel_closed.reason));
    default:
        return NULL;
    }
}
