#include "app/call/call_internal.h"
#include "app/net/clock.h"

static void log_state(struct call *call, const char *event, const char *state) {
    call_json_log_event(call->log, net_clock_now_us(), event, json_pack("{s:s}", "state", state));
}

/* ---- how it ends ----------------------------------------------------------------------------------------------------------- */

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

static void on_closed_by_peer(struct call *call) {
    call_say(call, 0, "the other side ended the call");
    call_end(call);
}

/* ---- its states ------------------------------------------------------------------------------------------------------------ */

static void on_negotiation_needed(struct call *call) {
    if (call->is_described) /* the first time the session says when */
        call_peer_renegotiate(call);
}

/* What is agreed in mid-call is sent from then on; what is agreed before there is a path is made ready. */
static void on_signaling_state(struct call *call, enum peer_signaling_state state) {
    log_state(call, "signalingstatechange", peer_signaling_state_name(state));
    if (state == PEER_SIGNALING_STABLE)
        call_media_start(call);
}

static void on_connection_state(struct call *call, enum peer_connection_state state) {
    log_state(call, "connectionstatechange", peer_connection_state_name(state));
    call_say(call, 1, "connection: %s", peer_connection_state_name(state));
    if (state == PEER_CONNECTION_CONNECTED)
        call_connected(call);
}

static void on_key_log(struct call *call, const char *line, size_t length) {
    if (call->key_log)
        fprintf(call->key_log, "%.*s\n", (int)length, line);
}

/* ---- the path -------------------------------------------------------------------------------------------------------------- */

static void on_gathering_state(struct call *call, enum ice_gathering_state state) {
    log_state(call, "icegatheringstatechange", ice_gathering_state_name(state));
}

static void on_candidate(struct call *call, const struct peer_connection_event *event) {
    const char *candidate = event->as.ice_candidate.candidate, *mid = event->as.ice_candidate.mid;
    call_json_log_event(call->log, net_clock_now_us(), "icecandidate", json_pack("{s:s,s:s?}", "candidate", candidate, "sdpMid", mid));
    call_say(call, 1, "candidate: %s", *candidate ? candidate : "no more");
    call_signaling_send_candidate(call, candidate, mid, event->as.ice_candidate.line_index, event->as.ice_candidate.ufrag);
}

static void on_ice_connection_state(struct call *call, enum ice_state state) {
    log_state(call, "iceconnectionstatechange", ice_state_name(state));
    call_say(call, 1, "ice: %s", ice_state_name(state));
}

static void on_selected_pair(struct call *call, const struct ice_candidate *local, const struct ice_candidate *remote) {
    char from[STUN_ADDRESS_TEXT_BYTES], to[STUN_ADDRESS_TEXT_BYTES];
    stun_address_write(&local->address, from, sizeof from);
    stun_address_write(&remote->address, to, sizeof to);
    call_say(call, 0, "path: %s %s -> %s %s%s", ice_candidate_type_name(local->type), from, ice_candidate_type_name(remote->type), to,
             local->protocol == ICE_PROTOCOL_TCP ? ", over TCP" : "");
}

static void on_restart_needed(struct call *call, enum ice_restart_reason reason) {
    call_say(call, 0, "the path may be lost (%s): looking for another", ice_restart_reason_name(reason));
}

/* ---- what the driver does for it ------------------------------------------------------------------------------------------- */

static void on_resolve(struct call *call, uint64_t query, const char *name) {
    if (net_driver_resolve(call->driver, query, name) != 0)
        (void)peer_connection_handle_resolved(call->connection, net_clock_now_us(), query, NULL, 0);
}

static void on_open_stream(struct call *call, const struct ice_path *path, const char *server_name) {
    int error = net_driver_open_stream(call->driver, path, server_name);
    if (error != 0)
        (void)peer_connection_handle_stream_closed(call->connection, net_clock_now_us(), path, -error);
}

static void on_sockets_needed(struct call *call, size_t transport) {
    (void)net_driver_open_set(call->driver, transport); /* without sockets, that transport fails: the states say so */
}

/* ---- media ----------------------------------------------------------------------------------------------------------------- */

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

/* ---- which is whose ------------------------------------------------------------------------------------------------------- */

void call_peer_event(struct call *call, const struct peer_connection_event *event) {
    switch (event->type) {
    case PEER_CONNECTION_EVENT_NEGOTIATION_NEEDED: on_negotiation_needed(call); return;
    case PEER_CONNECTION_EVENT_SIGNALING_STATE: on_signaling_state(call, event->as.signaling_state); return;
    case PEER_CONNECTION_EVENT_CONNECTION_STATE: on_connection_state(call, event->as.connection_state); return;
    case PEER_CONNECTION_EVENT_CLOSED_BY_PEER: on_closed_by_peer(call); return;
    case PEER_CONNECTION_EVENT_FAILURE: on_failure(call, &event->as.failure); return;
    case PEER_CONNECTION_EVENT_KEY_LOG: on_key_log(call, event->as.key_log.line, event->as.key_log.length); return;

    case PEER_CONNECTION_EVENT_ICE_GATHERING_STATE: on_gathering_state(call, event->as.ice_gathering_state); return;
    case PEER_CONNECTION_EVENT_ICE_CANDIDATE: on_candidate(call, event); return;
    case PEER_CONNECTION_EVENT_ICE_CONNECTION_STATE: on_ice_connection_state(call, event->as.ice_connection_state); return;
    case PEER_CONNECTION_EVENT_SELECTED_PAIR: on_selected_pair(call, event->as.selected_pair.local, event->as.selected_pair.remote); return;
    case PEER_CONNECTION_EVENT_ICE_RESTART_NEEDED: on_restart_needed(call, event->as.restart_reason); return;

    case PEER_CONNECTION_EVENT_RESOLVE: on_resolve(call, event->as.resolve.query, event->as.resolve.name); return;
    case PEER_CONNECTION_EVENT_OPEN_STREAM: on_open_stream(call, &event->as.stream.path, event->as.stream.server_name); return;
    case PEER_CONNECTION_EVENT_CLOSE_STREAM: net_driver_close_stream(call->driver, event->as.stream.path.stream_id); return;
    case PEER_CONNECTION_EVENT_SOCKETS_NEEDED: on_sockets_needed(call, event->as.transport); return;
    case PEER_CONNECTION_EVENT_SOCKETS_FREE: net_driver_close_set(call->driver, event->as.transport); return;

    case PEER_CONNECTION_EVENT_TRACK: on_track(call, event->as.track.transceiver, event->as.track.kind, event->as.track.codec); return;
    case PEER_CONNECTION_EVENT_TRACK_MUTED: on_track_muted(call, event->as.transceiver); return;
    case PEER_CONNECTION_EVENT_FRAME: call_media_frame(call, &event->as.frame); return;
    case PEER_CONNECTION_EVENT_KEY_FRAME_REQUESTED: call_media_request_key_frame(call, event->as.transceiver); return;
    case PEER_CONNECTION_EVENT_DTMF: call_media_dtmf(call, event->as.dtmf.digit, event->as.dtmf.duration_ms); return;

    case PEER_CONNECTION_EVENT_DATA_CHANNEL:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_BUFFERED_LOW:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSING:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSED:
    case PEER_CONNECTION_EVENT_DATA_SENDABLE: call_data_event(call, event); return;

    case PEER_CONNECTION_EVENT_DTLS_STATE:  /* in the statistics */
    case PEER_CONNECTION_EVENT_TRACK_ENDED: /* an offer says so too, or close_notify follows, or consent ends */
    case PEER_CONNECTION_EVENT_TONE_CHANGE: /* --dtmf: nobody waits for it */
        return;
    }
}
