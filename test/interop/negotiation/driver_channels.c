#include <stdlib.h>
#include <string.h>

#include "app/net/clock.h"
#include "test/interop/negotiation/driver_internal.h"

/* As page.js has it. */
static uint8_t byte_of(size_t length, size_t i) {
    return (uint8_t)(length * 7 + i * 31);
}

int driver_create_channel(struct driver *driver, const char *label, size_t *channel) {
    struct peer_data_channel_config config = {.label = label, .label_length = strlen(label)};
    return peer_connection_create_data_channel(driver->connection, net_clock_now_us(), &config, channel);
}

int driver_send_message(struct driver *driver, size_t channel, size_t length) {
    uint8_t *bytes = malloc(length + 1);
    if (!bytes)
        return PEER_ERROR_MEMORY;
    for (size_t i = 0; i < length; i++)
        bytes[i] = byte_of(length, i);
    int error = peer_connection_send_data(driver->connection, net_clock_now_us(), channel, bytes, length, false);
    free(bytes);
    return error;
}

static json_t *take_message(struct driver *driver, const struct peer_connection_event *event) {
    size_t channel = event->as.message.channel, length = event->as.message.length;
    struct peer_data_channel facts;
    bool is_intact = true;
    for (size_t i = 0; i < length; i++)
        is_intact &= event->as.message.bytes[i] == byte_of(length, i);
    if (!peer_connection_data_channel(driver->connection, channel, &facts) || !facts.is_of_peer)
        return json_pack("{s:s,s:I,s:I,s:b}", "event", "message", "channel", (json_int_t)channel, "length", (json_int_t)length, "intact", is_intact);
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
        return json_pack("{s:s,s:I}", "event", "datachannel", "channel", (json_int_t)event->as.channel);
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN:
        return json_pack("{s:s,s:I}", "event", "channelopen", "channel", (json_int_t)event->as.channel);
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE:
        return take_message(driver, event);
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSED:
        return json_pack("{s:s,s:I,s:s}", "event", "channelclosed", "channel", (json_int_t)event->as.channel_closed.channel, "reason",
                         data_channel_reason_name(event->as.channel_closed.reason));
    default:
        return NULL;
    }
}
