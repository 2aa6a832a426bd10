#include <errno.h>

#include "app/net/clock.h"
#include "app/net/random.h"
#include "test/interop/negotiation/driver_internal.h"

/* ---- the contract's verbs ------------------------------------------------------------------------------------------------- */

static struct peer_connection *connection_of(const void *object) {
    return ((const struct driver *)object)->connection;
}

static void handle_datagram(void *object, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    (void)peer_connection_handle_datagram(connection_of(object), now_us, path, bytes, length);
}

static void handle_timeout(void *object, uint64_t now_us) {
    peer_connection_handle_timeout(connection_of(object), now_us);
}

static uint64_t next_timeout(const void *object) {
    return peer_connection_next_timeout(connection_of(object));
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    return peer_connection_poll_transmit(connection_of(object), now_us, buffer, capacity, out);
}

static void handle_interfaces(void *object, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    (void)peer_connection_handle_interfaces(connection_of(object), now_us, interfaces, count);
}

/* Set n is for transport n. */
static void handle_set_interfaces(void *object, uint64_t now_us, size_t set, const struct ice_interface *interfaces, size_t count) {
    (void)peer_connection_handle_transport_interfaces(connection_of(object), now_us, set, interfaces, count);
}

static void handle_send_error(void *object, uint64_t now_us, const struct ice_path *path, int error) {
    peer_connection_handle_send_error(connection_of(object), now_us, path, error);
}

static void handle_resolved(void *object, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count) {
    (void)peer_connection_handle_resolved(connection_of(object), now_us, query, addresses, count);
}

/* ---- events --------------------------------------------------------------------------------------------------------------- */

static json_t *state_json(const char *event, const char *state) {
    return json_pack("{s:s,s:s}", "event", event, "state", state);
}

static json_t *candidate_json(const struct peer_connection_event *event) {
    return json_pack("{s:s,s:{s:s,s:s?,s:i,s:s?}}", "event", "icecandidate", "candidate", "candidate", event->as.ice_candidate.candidate, "sdpMid",
                     event->as.ice_candidate.mid, "sdpMLineIndex", event->as.ice_candidate.line_index, "usernameFragment", event->as.ice_candidate.ufrag);
}

static json_t *transceiver_event(const char *event, size_t transceiver) {
    return json_pack("{s:s,s:I}", "event", event, "transceiver", (json_int_t)transceiver);
}

static json_t *digit_event(const char *event, const struct peer_connection_event *of) {
    char digit[2] = {of->as.dtmf.digit, '\0'};
    return json_pack("{s:s,s:I,s:s,s:i}", "event", event, "transceiver", (json_int_t)of->as.dtmf.transceiver, "digit", digit, "durationMs", (int)of->as.dtmf.duration_ms);
}

static json_t *failure_json(const struct peer_failure *failure) {
    bool is_dtls = failure->layer == PEER_LAYER_DTLS;
    return json_pack("{s:s,s:s,s:i}", "event", "failure", "layer", is_dtls ? "dtls" : "ice", "reason", is_dtls ? (int)failure->dtls : (int)failure->ice);
}

/* NULL: an event that is acted on instead. */
static json_t *event_json(const struct peer_connection_event *event) {
    switch (event->type) {
    case PEER_CONNECTION_EVENT_NEGOTIATION_NEEDED:
        return json_pack("{s:s}", "event", "negotiationneeded");
    case PEER_CONNECTION_EVENT_SIGNALING_STATE:
        return state_json("signalingstatechange", peer_signaling_state_name(event->as.signaling_state));
    case PEER_CONNECTION_EVENT_ICE_GATHERING_STATE:
        return state_json("icegatheringstatechange", ice_gathering_state_name(event->as.ice_gathering_state));
    case PEER_CONNECTION_EVENT_ICE_CONNECTION_STATE:
        return state_json("iceconnectionstatechange", ice_state_name(event->as.ice_connection_state));
    case PEER_CONNECTION_EVENT_CONNECTION_STATE:
        return state_json("connectionstatechange", peer_connection_state_name(event->as.connection_state));
    case PEER_CONNECTION_EVENT_ICE_RESTART_NEEDED:
        return state_json("icerestartneeded", ice_restart_reason_name(event->as.restart_reason));
    case PEER_CONNECTION_EVENT_ICE_CANDIDATE:
        return candidate_json(event);
    case PEER_CONNECTION_EVENT_TRACK:
        return json_pack("{s:s,s:I,s:s,s:s,s:s}", "event", "track", "transceiver", (json_int_t)event->as.track.transceiver, "kind",
                         peer_media_kind_name(event->as.track.kind), "codec", peer_codec_name(event->as.track.codec), "stream", event->as.track.stream);
    case PEER_CONNECTION_EVENT_TRACK_MUTED:
        return transceiver_event("mute", event->as.transceiver);
    case PEER_CONNECTION_EVENT_TRACK_ENDED:
        return transceiver_event("ended", event->as.transceiver);
    case PEER_CONNECTION_EVENT_DTMF:
        return digit_event("dtmf", event);
    case PEER_CONNECTION_EVENT_TONE_CHANGE:
        return digit_event("tonechange", event);
    case PEER_CONNECTION_EVENT_CLOSED_BY_PEER:
        return json_pack("{s:s}", "event", "closedbypeer");
    case PEER_CONNECTION_EVENT_FAILURE:
        return failure_json(&event->as.failure);
    default:
        return NULL;
    }
}

static void count_frame(struct driver_stream *stream, uint64_t now_us) {
    stream->frames_received++;
    if (stream->last_frame_us != 0 && now_us - stream->last_frame_us > stream->longest_gap_us)
        stream->longest_gap_us = now_us - stream->last_frame_us;
    stream->last_frame_us = now_us;
}

static void act_on(struct driver *driver, const struct peer_connection_event *event) {
    if (event->type == PEER_CONNECTION_EVENT_FRAME && event->as.frame.transceiver < PEER_TRANSCEIVER_MAX)
        count_frame(&driver->streams[event->as.frame.transceiver], net_clock_now_us());
    if (event->type == PEER_CONNECTION_EVENT_KEY_FRAME_REQUESTED && event->as.transceiver < PEER_TRANSCEIVER_MAX)
        driver->streams[event->as.transceiver].position = 0;
    if (event->type == PEER_CONNECTION_EVENT_SOCKETS_NEEDED)
        (void)net_driver_open_set(driver->network, event->as.transport);
    if (event->type == PEER_CONNECTION_EVENT_SOCKETS_FREE)
        net_driver_close_set(driver->network, event->as.transport);
    if (event->type == PEER_CONNECTION_EVENT_RESOLVE && net_driver_resolve(driver->network, event->as.resolve.query, event->as.resolve.name) != 0)
        handle_resolved(driver, net_clock_now_us(), event->as.resolve.query, NULL, 0);
}

static bool drain(void *object, uint64_t now_us) {
    struct driver *driver = object;
    struct peer_connection_event event;
    bool came = false;
    (void)now_us;
    while (peer_connection_poll_event(driver->connection, &event)) {
        came = true;
        json_t *line = event_json(&event);
        if (!line)
            line = driver_channel_event(driver, &event);
        if (line)
            driver_write(line);
        act_on(driver, &event);
    }
    return came;
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
};

/* ---- what is sent --------------------------------------------------------------------------------------------------------- */

static void send_frame(struct driver *driver, size_t index, enum peer_codec codec, uint64_t now_us) {
    struct driver_stream *stream = &driver->streams[index];
    const struct canned *canned = &driver->canned[codec];
    stream->position %= canned->count;
    const struct canned_frame *frame = &canned->frames[stream->position];
    struct peer_frame out = {.bytes = canned->bytes + frame->offset, .length = frame->length, .timestamp = stream->timestamp, .is_key_frame = stream->position == 0};
    int error = peer_connection_send_frame(driver->connection, now_us, index, &out);
    stream->timestamp += canned_ticks(codec);
    stream->position = error == PEER_OK ? stream->position + 1 : 0; /* what follows a lost one builds on it */
    stream->frames_sent += error == PEER_OK;
}

/* Every CANNED_AUDIO_MS: a frame on everything that was agreed to be sent; of video, on every other tick. */
void driver_send_frames(struct driver *driver) {
    driver->ticks++;
    if (!driver->connection || !driver->network || peer_connection_state(driver->connection) != PEER_CONNECTION_CONNECTED)
        return;
    struct peer_transceiver transceiver;
    for (size_t i = 0; i < peer_connection_transceiver_count(driver->connection) && i < PEER_TRANSCEIVER_MAX; i++) {
        if (!peer_connection_transceiver(driver->connection, i, &transceiver) || transceiver.codec == PEER_CODEC_NONE || !(transceiver.current_direction & PEER_SENDONLY))
            continue;
        if (transceiver.kind == PEER_VIDEO && driver->ticks % (CANNED_VIDEO_MS / CANNED_AUDIO_MS) != 0)
            continue;
        if (canned_load(&driver->canned[transceiver.codec], driver->folder, transceiver.codec))
            send_frame(driver, i, transceiver.codec, net_clock_now_us());
    }
    net_driver_run(driver->network);
}

/* ---- beginning and end ---------------------------------------------------------------------------------------------------- */

int driver_begin(struct driver *driver, enum peer_bundle_policy policy) {
    struct peer_connection_config config = {
        .ice = {.random = net_random},
        .bundle_policy = policy,
        .certificate = driver->certificate,
        .wall_clock_offset_us = net_clock_wall_offset_us(),
    };
    struct net_driver_config network = {.verbs = &verbs, .object = driver, .filter = {.name = driver->interface, .loopback = true, .only_ipv4 = true}};
    driver->connection = peer_connection_new(&config, net_clock_now_us());
    if (!driver->connection)
        return -ENOMEM;
    int error = net_driver_new(&driver->loop, &network, &driver->network);
    return error == 0 ? net_driver_start(driver->network) : error;
}

void driver_finish(struct driver *driver) {
    if (driver->connection) {
        peer_connection_close(driver->connection, net_clock_now_us());
        if (driver->network)
            net_driver_run(driver->network);
    }
    net_driver_free(driver->network);
    peer_connection_free(driver->connection);
    driver->network = NULL;
    driver->connection = NULL;
}
