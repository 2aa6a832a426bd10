#include <string.h>

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

/* ---- events --------------------------------------------------------------------------------------------------------------- */

static void log_state(struct call *call, const char *event, const char *state) {
    call_json_log_event(call->log, net_clock_now_us(), event, json_pack("{s:s}", "state", state));
}

static void on_candidate(struct call *call, const struct peer_connection_event *event) {
    const char *candidate = event->as.ice_candidate.candidate, *mid = event->as.ice_candidate.mid;
    call_json_log_event(call->log, net_clock_now_us(), "icecandidate", json_pack("{s:s,s:s?}", "candidate", candidate, "sdpMid", mid));
    call_say(call, 1, "candidate: %s", *candidate ? candidate : "no more");
    call_signaling_send_candidate(call, candidate, mid, event->as.ice_candidate.line_index, event->as.ice_candidate.ufrag);
}

const struct ice_agent *call_agent(const struct call *call) {
    const struct peer_transport *transport = call->connection ? peer_connection_transport(call->connection, 0) : NULL;
    return transport ? peer_transport_ice(transport) : NULL;
}

void call_fail_of_ice(struct call *call) {
    struct call_problem problem;
    call_why_failed(call_agent(call), call->options->relay_only, &problem);
    call_fail(call, problem.exit_code, problem.layer, problem.what, problem.why, problem.try_this);
}

static void fail_of_ice(struct call *call, enum ice_failure failure) {
    if (failure == ICE_FAILURE_CONSENT_EXPIRED)
        call_fail(call, CALL_EXIT_PEER_VANISHED, "ice", "The other side is gone.",
                  "It has not answered a consent check for 30 seconds (RFC 7675 section 5.1), and it did not say goodbye.",
                  "Ask there whether the program or the network failed, then call again.");
    else
        call_fail_of_ice(call);
}

static void fail_of_dtls(struct call *call, enum dtls_failure failure) {
    char why[CALL_SENTENCE_BYTES];
    call_sentence(why, "The DTLS handshake ended with: %s.", dtls_failure_name(failure));
    if (failure == DTLS_FAILURE_FINGERPRINT_MISMATCH)
        call_fail(call, CALL_EXIT_FINGERPRINT, "dtls", "The other side is not who its description says.",
                  "Its certificate has another fingerprint than the one that came by signaling (RFC 8122 section 6.2): somebody may be in between.",
                  "Do not go on. Use a signaling server that you trust, by wss://.");
    else
        call_fail(call, CALL_EXIT_DTLS, "dtls", "A path was found, but no secure connection could be made on it.", why,
                  "Look at what the other side says; --keylog FILE and a capture show the handshake.");
}

static void on_failure(struct call *call, const struct peer_failure *failure) {
    if (failure->layer == PEER_LAYER_DTLS)
        fail_of_dtls(call, failure->dtls);
    else
        fail_of_ice(call, failure->ice);
}

static void on_selected_pair(struct call *call, const struct ice_candidate *local, const struct ice_candidate *remote) {
    char from[STUN_ADDRESS_TEXT_BYTES], to[STUN_ADDRESS_TEXT_BYTES];
    stun_address_write(&local->address, from, sizeof from);
    stun_address_write(&remote->address, to, sizeof to);
    call_say(call, 0, "path: %s %s -> %s %s%s", ice_candidate_type_name(local->type), from, ice_candidate_type_name(remote->type), to,
             local->protocol == ICE_PROTOCOL_TCP ? ", over TCP" : "");
}

static void on_open_stream(struct call *call, const struct ice_path *path, const char *server_name) {
    int error = net_driver_open_stream(call->driver, path, server_name);
    if (error != 0)
        (void)peer_connection_handle_stream_closed(call->connection, net_clock_now_us(), path, -error);
}

static void on_connection_state(struct call *call, enum peer_connection_state state) {
    log_state(call, "connectionstatechange", peer_connection_state_name(state));
    call_say(call, 1, "connection: %s", peer_connection_state_name(state));
    if (state == PEER_CONNECTION_CONNECTED)
        call_connected(call);
}

/* What is agreed in mid-call is sent from then on; what is agreed before there is a path is made ready. */
static void on_signaling_state(struct call *call, enum peer_signaling_state state) {
    log_state(call, "signalingstatechange", peer_signaling_state_name(state));
    if (state == PEER_SIGNALING_STABLE)
        call_media_start(call);
}

static bool is_gone(const struct call *call, size_t transceiver) {
    struct peer_transceiver of;
    return !peer_connection_transceiver(call->connection, transceiver, &of) || of.stopping || of.stopped;
}

/* The first of its kind is received, whoever asked for it; what comes besides is left alone. */
static void on_track(struct call *call, size_t transceiver, enum peer_media_kind kind, enum peer_codec codec) {
    struct call_media *media = &call->media[kind == PEER_VIDEO];
    if (media->transceiver == CALL_NO_TRANSCEIVER || is_gone(call, media->transceiver))
        media->transceiver = transceiver;
    if (media->inbound == CALL_NO_TRANSCEIVER || is_gone(call, media->inbound))
        media->inbound = transceiver;
    if (media->inbound == transceiver)
        call_media_track(call, transceiver, codec);
    else
        call_say(call, 0, "the other side sends another %s track: it is left alone", peer_media_kind_name(kind));
}

static void on_track_muted(struct call *call, size_t transceiver) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++)
        if (call->media[i].inbound == transceiver)
            call_say(call, 0, "the other side sends no %s any more", peer_media_kind_name(call->media[i].kind));
}

static void on_key_log(struct call *call, const char *line, size_t length) {
    if (call->key_log)
        fprintf(call->key_log, "%.*s\n", (int)length, line);
}

static void on_event(struct call *call, const struct peer_connection_event *event) {
    switch (event->type) {
    case PEER_CONNECTION_EVENT_ICE_GATHERING_STATE:
        log_state(call, "icegatheringstatechange", ice_gathering_state_name(event->as.ice_gathering_state));
        break;
    case PEER_CONNECTION_EVENT_ICE_CANDIDATE:
        on_candidate(call, event);
        break;
    case PEER_CONNECTION_EVENT_ICE_CONNECTION_STATE:
        log_state(call, "iceconnectionstatechange", ice_state_name(event->as.ice_connection_state));
        call_say(call, 1, "ice: %s", ice_state_name(event->as.ice_connection_state));
        break;
    case PEER_CONNECTION_EVENT_SIGNALING_STATE:
        on_signaling_state(call, event->as.signaling_state);
        break;
    case PEER_CONNECTION_EVENT_SELECTED_PAIR:
        on_selected_pair(call, event->as.selected_pair.local, event->as.selected_pair.remote);
        break;
    case PEER_CONNECTION_EVENT_CONNECTION_STATE:
        on_connection_state(call, event->as.connection_state);
        break;
    case PEER_CONNECTION_EVENT_TRACK:
        on_track(call, event->as.track.transceiver, event->as.track.kind, event->as.track.codec);
        break;
    case PEER_CONNECTION_EVENT_TRACK_MUTED:
        on_track_muted(call, event->as.transceiver);
        break;
    case PEER_CONNECTION_EVENT_FRAME:
        call_media_frame(call, &event->as.frame);
        break;
    case PEER_CONNECTION_EVENT_KEY_FRAME_REQUESTED:
        call_media_request_key_frame(call, event->as.transceiver);
        break;
    case PEER_CONNECTION_EVENT_CLOSED_BY_PEER:
        call_say(call, 0, "the other side ended the call");
        call_end(call);
        break;
    case PEER_CONNECTION_EVENT_FAILURE:
        on_failure(call, &event->as.failure);
        break;
    case PEER_CONNECTION_EVENT_RESOLVE:
        if (net_driver_resolve(call->driver, event->as.resolve.query, event->as.resolve.name) != 0)
            (void)peer_connection_handle_resolved(call->connection, net_clock_now_us(), event->as.resolve.query, NULL, 0);
        break;
    case PEER_CONNECTION_EVENT_KEY_LOG:
        on_key_log(call, event->as.key_log.line, event->as.key_log.length);
        break;
    case PEER_CONNECTION_EVENT_OPEN_STREAM:
        on_open_stream(call, &event->as.stream.path, event->as.stream.server_name);
        break;
    case PEER_CONNECTION_EVENT_CLOSE_STREAM:
        net_driver_close_stream(call->driver, event->as.stream.path.stream_id);
        break;
    case PEER_CONNECTION_EVENT_SOCKETS_NEEDED:
        (void)net_driver_open_set(call->driver, event->as.transport); /* without sockets, that transport fails: the states say so */
        break;
    case PEER_CONNECTION_EVENT_SOCKETS_FREE:
        net_driver_close_set(call->driver, event->as.transport);
        break;
    case PEER_CONNECTION_EVENT_ICE_RESTART_NEEDED:
        call_say(call, 0, "the path may be lost (%s): looking for another", ice_restart_reason_name(event->as.restart_reason));
        break;
    case PEER_CONNECTION_EVENT_NEGOTIATION_NEEDED:
        if (call->is_described) /* the first time the session says when */
            call_peer_renegotiate(call);
        break;
    case PEER_CONNECTION_EVENT_DTMF:
        call_media_dtmf(call, event->as.dtmf.digit, event->as.dtmf.duration_ms);
        break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_BUFFERED_LOW:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSING:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSED:
    case PEER_CONNECTION_EVENT_DATA_SENDABLE:
        call_data_event(call, event);
        break;
    case PEER_CONNECTION_EVENT_DTLS_STATE:         /* in the statistics */
    case PEER_CONNECTION_EVENT_TRACK_ENDED:        /* an offer says so too, or close_notify follows, or consent ends */
    case PEER_CONNECTION_EVENT_TONE_CHANGE:        /* --dtmf: nobody waits for it */
        break;
    }
}

static bool drain(void *object, uint64_t now_us) {
    struct call *call = object;
    (void)now_us;
    bool came = false;
    struct peer_connection_event event;
    while (peer_connection_poll_event(call->connection, &event)) {
        came = true;
        on_event(call, &event);
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
