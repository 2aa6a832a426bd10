/*
 * Does a TURN server really relay? An allocation, a permission for its own relayed address, and a datagram that goes out by the relay
 * and comes back by it: client -> server -> relayed address -> server -> client. It needs no second host, and no UDP of ours.
 */
#include <stdio.h>
#include <string.h>

#include "app/net/clock.h"
#include "app/net/random.h"
#include "app/probe/probe_internal.h"

static void end(struct probe_relay *relay, uint64_t now_us, enum probe_relay_outcome outcome) {
    if (relay->outcome != PROBE_RELAY_RUNNING)
        return;
    relay->outcome = outcome;
    ice_turn_client_status(relay->client, &relay->status);
    (void)snprintf(relay->realm, sizeof relay->realm, "%s", relay->status.realm);
    (void)snprintf(relay->reason, sizeof relay->reason, "%s", relay->status.reason);
    relay->deadline_us = UINT64_MAX;
    ice_turn_client_close(relay->client, now_us); /* polite: Refresh with lifetime 0 */
    probe_wake(relay->probe);
}

/* ---- the datagram to ourselves ------------------------------------------------------------------------------------------- */

static void send_echo(struct probe_relay *relay, uint64_t now_us) {
    struct ice_turn_status status;
    struct ice_transmit transmit;
    size_t capacity;
    ice_turn_client_status(relay->client, &status);
    const struct stun_address *ourselves = status.relayed[0].family != STUN_ADDRESS_NONE ? &status.relayed[0] : &status.relayed[1];
    uint8_t *buffer = net_driver_reserve(relay->driver, &capacity);
    memcpy(buffer + ICE_HEADROOM_BYTES, relay->token, sizeof relay->token);
    if (ice_turn_client_wrap(relay->client, now_us, ourselves, buffer, sizeof relay->token, capacity, &transmit) == ICE_OK)
        net_driver_send(relay->driver, buffer, &transmit);
    relay->echo_sent_us = now_us;
    relay->echoes++;
    relay->deadline_us = now_us + PROBE_ECHO_INTERVAL_US;
}

static void take_received(struct probe_relay *relay, uint64_t now_us, const struct ice_turn_received *received) {
    if (relay->echoes == 0 || received->length != sizeof relay->token || memcmp(received->bytes, relay->token, sizeof relay->token) != 0)
        return;
    relay->echo_back_us = now_us;
    end(relay, now_us, PROBE_RELAY_WORKS);
}

static void ask_permission(struct probe_relay *relay, uint64_t now_us) {
    struct ice_turn_status status;
    ice_turn_client_status(relay->client, &status);
    relay->allocated_us = now_us;
    relay->is_permission_asked = true;
    relay->deadline_us = now_us + PROBE_RELAY_PATIENCE_US;
    for (size_t i = 0; i < 2; i++)
        if (status.relayed[i].family != STUN_ADDRESS_NONE) {
            (void)ice_turn_client_permit(relay->client, now_us, &status.relayed[i]);
            return;
        }
}

static bool is_permitted(const struct probe_relay *relay) {
    struct ice_turn_status status;
    ice_turn_client_status(relay->client, &status);
    const struct stun_address *ourselves = status.relayed[0].family != STUN_ADDRESS_NONE ? &status.relayed[0] : &status.relayed[1];
    return ice_turn_client_is_permitted(relay->client, ourselves);
}

static void take_event(struct probe_relay *relay, uint64_t now_us, const struct ice_turn_event *event) {
    switch (event->type) {
    case ICE_TURN_EVENT_ALLOCATED:
        ask_permission(relay, now_us);
        break;
    case ICE_TURN_EVENT_PERMISSION_FAILED:
        relay->permission_code = event->as.permission.code;
        end(relay, now_us, PROBE_RELAY_NO_PERMISSION);
        break;
    case ICE_TURN_EVENT_FAILED:
        end(relay, now_us, PROBE_RELAY_NO_ALLOCATION);
        break;
    case ICE_TURN_EVENT_CLOSED:
        break;
    case ICE_TURN_EVENT_OPEN_STREAM: {
        int error = net_driver_open_stream(relay->driver, &event->as.stream.path, event->as.stream.server_name);
        if (error != 0)
            (void)ice_turn_client_handle_stream_closed(relay->client, now_us, &event->as.stream.path, -error);
        break;
    }
    case ICE_TURN_EVENT_CLOSE_STREAM:
        net_driver_close_stream(relay->driver, event->as.stream.path.stream_id);
        break;
    }
}

/* ---- the verbs ------------------------------------------------------------------------------------------------------------- */

static void handle_datagram(void *object, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    (void)ice_turn_client_handle_datagram(((struct probe_relay *)object)->client, now_us, path, bytes, length);
}

static void handle_timeout(void *object, uint64_t now_us) {
    struct probe_relay *relay = object;
    ice_turn_client_handle_timeout(relay->client, now_us);
    if (now_us < relay->deadline_us)
        return;
    if (relay->allocated_us == 0)
        end(relay, now_us, PROBE_RELAY_NO_ALLOCATION);
    else if (relay->permitted_us == 0)
        end(relay, now_us, PROBE_RELAY_NO_PERMISSION);
    else if (relay->echoes < PROBE_ECHO_TRIES)
        send_echo(relay, now_us);
    else
        end(relay, now_us, PROBE_RELAY_NOTHING_COMES_BACK);
}

static uint64_t next_timeout(const void *object) {
    const struct probe_relay *relay = object;
    uint64_t next_us = relay->client ? ice_turn_client_next_timeout(relay->client) : UINT64_MAX;
    return relay->deadline_us < next_us ? relay->deadline_us : next_us;
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    struct probe_relay *relay = object;
    return relay->client && ice_turn_client_poll_transmit(relay->client, now_us, buffer, capacity, out);
}

static bool drain(void *object, uint64_t now_us) {
    struct probe_relay *relay = object;
    struct ice_turn_received received;
    struct ice_turn_event event;
    bool came = false;
    while (relay->client && ice_turn_client_poll_received(relay->client, &received)) {
        came = true;
        take_received(relay, now_us, &received);
    }
    while (relay->client && ice_turn_client_poll_event(relay->client, &event)) {
        came = true;
        take_event(relay, now_us, &event);
    }
    if (relay->client && relay->outcome == PROBE_RELAY_RUNNING && relay->is_permission_asked && relay->permitted_us == 0 && is_permitted(relay)) {
        came = true;
        relay->permitted_us = now_us;
        send_echo(relay, now_us);
    }
    return came;
}

static void handle_interfaces(void *object, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    struct probe_relay *relay = object;
    if (count == 0 || relay->client)
        return;
    enum ice_transport transport = call_ice_server_transport(relay->server->given);
    struct ice_turn_client_config config = {
        .path = {.transport = transport, .local = interfaces[0].base, .remote = relay->server->address, .stream_id = transport == ICE_TRANSPORT_UDP ? 0 : 1},
        .server_name = relay->server->given->host,
        .username = relay->server->given->username,
        .credential = relay->server->given->credential,
        .families = ICE_TURN_BOTH,
        .random = net_random,
    };
    if (transport != ICE_TRANSPORT_UDP)
        config.path.local.port = 0;
    relay->began_us = now_us;
    relay->deadline_us = now_us + PROBE_RELAY_PATIENCE_US;
    relay->client = ice_turn_client_new(&config, now_us);
}

static void handle_send_error(void *object, uint64_t now_us, const struct ice_path *path, int error) {
    ice_turn_client_handle_send_error(((struct probe_relay *)object)->client, now_us, path, error);
}

static void handle_stream_opened(void *object, uint64_t now_us, const struct ice_path *path) {
    (void)ice_turn_client_handle_stream_opened(((struct probe_relay *)object)->client, now_us, path);
}

static void handle_stream_bytes(void *object, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    (void)ice_turn_client_handle_stream_bytes(((struct probe_relay *)object)->client, now_us, path, bytes, length);
}

static void handle_stream_closed(void *object, uint64_t now_us, const struct ice_path *path, int error) {
    (void)ice_turn_client_handle_stream_closed(((struct probe_relay *)object)->client, now_us, path, error);
}

static const struct net_driver_verbs verbs = {
    .handle_datagram = handle_datagram,
    .handle_timeout = handle_timeout,
    .next_timeout = next_timeout,
    .poll_transmit = poll_transmit,
    .drain = drain,
    .handle_interfaces = handle_interfaces,
    .handle_send_error = handle_send_error,
    .handle_stream_opened = handle_stream_opened,
    .handle_stream_bytes = handle_stream_bytes,
    .handle_stream_closed = handle_stream_closed,
};

/* ---- all of them ----------------------------------------------------------------------------------------------------------- */

/* What has not begun must not be called by its driver. */
static void give_up(struct probe_relay *relay) {
    relay->outcome = PROBE_RELAY_NO_SOCKET;
    if (relay->driver)
        net_driver_free(relay->driver);
    relay->driver = NULL;
}

static void begin(struct probe_relay *relay) {
    struct probe *probe = relay->probe;
    relay->deadline_us = UINT64_MAX;
    net_random(NULL, relay->token, sizeof relay->token);
    if (relay->server->address.family == STUN_ADDRESS_NONE || !probe_local_for(probe, &relay->server->address, &relay->local)) {
        relay->outcome = PROBE_RELAY_NO_ADDRESS;
        return;
    }
    struct net_driver_config config = {.verbs = &verbs, .object = relay, .addresses = &relay->local, .address_count = 1, .tls_ca_file = probe->options->turn_ca_file};
    if (net_driver_new(&probe->loop, &config, &relay->driver) != 0 || net_driver_start(relay->driver) != 0 || !relay->client)
        give_up(relay);
}

void probe_relays_begin(struct probe *probe) {
    probe->has_begun_relays = true;
    for (size_t i = 0; i < probe->server_count; i++) {
        enum call_ice_scheme scheme = probe->servers[i].given->scheme;
        if ((scheme != CALL_ICE_TURN && scheme != CALL_ICE_TURNS) || call_ice_server_unusable(probe->servers[i].given))
            continue;
        struct probe_relay *relay = &probe->relays[probe->relay_count++];
        *relay = (struct probe_relay){.probe = probe, .server = &probe->servers[i]};
        begin(relay);
    }
    probe_wake(probe);
}

bool probe_relays_are_done(const struct probe *probe) {
    for (size_t i = 0; i < probe->relay_count; i++)
        if (probe->relays[i].outcome == PROBE_RELAY_RUNNING)
            return false;
    return probe->has_begun_relays;
}

void probe_relays_end(struct probe *probe) {
    for (size_t i = 0; i < probe->relay_count; i++) {
        struct probe_relay *relay = &probe->relays[i];
        if (relay->driver)
            net_driver_free(relay->driver);
        ice_turn_client_free(relay->client);
        relay->driver = NULL;
        relay->client = NULL;
    }
}
