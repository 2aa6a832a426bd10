#include "app/call/call_internal.h"
#include "app/call/network.h"
#include "app/net/clock.h"
#include "app/net/random.h"

/* ---- the contract's verbs ------------------------------------------------------------------------------------------------- */

static void handle_datagram(void *object, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    struct call *call = object;
    (void)peer_connection_handle_datagram(call->connection, now_us, path, bytes, length); /* what is dropped is counted there */
}

static void handle_timeout(void *object, uint64_t now_us) {
    peer_connection_handle_timeout(((struct call *)object)->connection, now_us);
}

static uint64_t next_timeout(const void *object) {
    return peer_connection_next_timeout(((const struct call *)object)->connection);
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    return peer_connection_poll_transmit(((struct call *)object)->connection, now_us, buffer, capacity, out);
}

static void handle_interfaces(void *object, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    (void)peer_connection_handle_interfaces(((struct call *)object)->connection, now_us, interfaces, count);
}

static void handle_set_interfaces(void *object, uint64_t now_us, size_t set, const struct ice_interface *interfaces, size_t count) {
    (void)peer_connection_handle_transport_interfaces(((struct call *)object)->connection, now_us, set, interfaces, count);
}

static void handle_send_error(void *object, uint64_t now_us, const struct ice_path *path, int error) {
    peer_connection_handle_send_error(((struct call *)object)->connection, now_us, path, error);
}

static void handle_resolved(void *object, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count) {
    (void)peer_connection_handle_resolved(((struct call *)object)->connection, now_us, query, addresses, count);
}

static void handle_stream_opened(void *object, uint64_t now_us, const struct ice_path *path) {
    (void)peer_connection_handle_stream_opened(((struct call *)object)->connection, now_us, path);
}

static void handle_stream_bytes(void *object, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    (void)peer_connection_handle_stream_bytes(((struct call *)object)->connection, now_us, path, bytes, length);
}

static void handle_stream_closed(void *object, uint64_t now_us, const struct ice_path *path, int error) {
    (void)peer_connection_handle_stream_closed(((struct call *)object)->connection, now_us, path, error);
}

static bool drain(void *object, uint64_t now_us) {
    struct call *call = object;
    (void)now_us;
    bool came = false;
    struct peer_connection_event event;
    while (peer_connection_poll_event(call->connection, &event)) {
        came = true;
        call_peer_event(call, &event);
    }
    return call_data_go_on(call) || came;
}

static const struct net_driver_verbs verbs = {
    .handle_datagram = handle_datagram,
    .handle_timeout = handle_timeout,
    .next_timeout = next_timeout,
    .poll_transmit = poll_transmit,
    .drain = drain,
    .handle_interfaces = handle_interfaces,
    .handle_set_interfaces = handle_set_interfaces,
    .handle_send_error = handle_send_error,
    .handle_resolved = handle_resolved,
    .handle_stream_opened = handle_stream_opened,
    .handle_stream_bytes = handle_stream_bytes,
    .handle_stream_closed = handle_stream_closed,
};

/* ---- beginning ------------------------------------------------------------------------------------------------------------ */

static int add(struct call *call, struct call_media *media, bool sends) {
    struct peer_codec_capability codecs[CALL_CODEC_PREFERENCE_MAX];
    size_t codec_count = call_codec_preference(call, media->kind, codecs);
    struct peer_transceiver_config config = {
        .kind = media->kind,
        .direction = PEER_RECVONLY,
        .codecs = codecs,
        .codec_count = codec_count,
        .bitrate_bps = media->kind == PEER_VIDEO ? call->options->bitrate_bps : 0,
    };
    return sends ? peer_connection_add_track(call->connection, &config, &media->transceiver)
                 : peer_connection_add_transceiver(call->connection, &config, &media->transceiver);
}

/* addTrack for what we send: it goes into our offer, or takes the first section of its kind in theirs. */
static bool add_tracks(struct call *call) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        call->media[i].transceiver = call->media[i].inbound = CALL_NO_TRANSCEIVER;
        if (call->media[i].sender && add(call, &call->media[i], true) != PEER_OK)
            return false;
    }
    return true;
}

void call_peer_ask_for_media(struct call *call) {
    if (call->options->data_label && !call->media[0].sender && !call->media[1].sender)
        return; /* a call of data alone */
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++)
        if (call->media[i].transceiver == CALL_NO_TRANSCEIVER && add(call, &call->media[i], false) != PEER_OK)
            call_say(call, 0, "%s cannot be asked for: %s", peer_media_kind_name(call->media[i].kind), peer_connection_problem(call->connection));
}

static bool make_connection(struct call *call) {
    static const enum peer_bundle_policy policies[] = {
        [CALL_BUNDLE_MAX_BUNDLE] = PEER_BUNDLE_MAX_BUNDLE, [CALL_BUNDLE_BALANCED] = PEER_BUNDLE_BALANCED, [CALL_BUNDLE_MAX_COMPAT] = PEER_BUNDLE_MAX_COMPAT};
    struct ice_server servers[ICE_SERVER_MAX];
    struct peer_connection_config config = {
        .ice = {.servers = servers, .server_count = call_ice_servers_map(call->servers, call->server_count, servers, ICE_SERVER_MAX), .random = net_random,
                .transport_policy = call->options->relay_only ? ICE_TRANSPORT_POLICY_RELAY : ICE_TRANSPORT_POLICY_ALL},
        .bundle_policy = policies[call->options->bundle_policy],
        .certificate = call->certificate,
        .wall_clock_offset_us = net_clock_wall_offset_us(),
        .key_log = call->key_log != NULL,
    };
    call->connection = peer_connection_new(&config, net_clock_now_us());
    return call->connection && add_tracks(call);
}

bool call_peer_begin(struct call *call) {
    if (!make_connection(call)) {
        call_fail(call, CALL_EXIT_SYSTEM, "system", "The call could not be set up.", "There is not enough memory.", "Free some, and try again.");
        return false;
    }
    struct net_driver_config config = call_network_config(call->options);
    config.verbs = &verbs;
    config.object = call;
    int error = net_driver_new(&call->loop, &config, &call->driver);
    if (error == 0)
        error = net_driver_start(call->driver);
    if (error != 0 && error != UV_EADDRNOTAVAIL) {
        call_fail(call, CALL_EXIT_SYSTEM, "system", "No UDP socket could be opened.", uv_strerror(error), "Check --interface, and the limit of open files.");
        return false;
    }
    return true;
}

/* ---- the end -------------------------------------------------------------------------------------------------------------- */

void call_peer_free(struct call *call) {
    if (call->driver)
        net_driver_free(call->driver);
    call->driver = NULL;
    peer_connection_free(call->connection);
    call->connection = NULL;
}

void call_peer_restart(struct call *call) {
    call_peer_free(call);
    call_media_let_go(call);
    call_data_let_go(call);
    if (call->is_connected)
        call_wait(call); /* a new connection may hang as the first one might */
    call->is_described = call->was_agreed = call->is_connected = false;
    call->exchange_failures = 0;
    call->peer_session[0] = '\0';
    (void)call_peer_begin(call);
}

void call_peer_leave(struct call *call) {
    if (!call->connection)
        return;
    peer_connection_close(call->connection, net_clock_now_us());
    if (call->driver)
        net_driver_run(call->driver);
}
