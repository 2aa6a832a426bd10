#include <string.h>

#include "app/call/call_internal.h"
#include "app/net/clock.h"

/* ---- what the session says ------------------------------------------------------------------------------------------------- */

static bool is_known(const struct call *call, const char *uri) {
    char known[CALL_ICE_URI_BYTES];
    for (size_t i = 0; i < call->server_count; i++) {
        call_ice_uri_write(&call->servers[i], known, sizeof known);
        if (strcmp(known, uri) == 0)
            return true;
    }
    return false;
}

/* The same server twice would be asked twice from one socket, for one allocation: what the command line says of it holds. */
static void add_server(struct call *call, const struct call_ice_server *server, const char *from) {
    char uri[CALL_ICE_URI_BYTES];
    const char *unusable = call_ice_server_unusable(server);
    call_ice_uri_write(server, uri, sizeof uri);
    if (unusable)
        call_say(call, 0, "%s%s is not used: %s", from, uri, unusable);
    else if (is_known(call, uri))
        call_say(call, 1, "%s%s is named twice", from, uri);
    else if (call->server_count == ICE_SERVER_MAX)
        call_say(call, 0, "%s%s is not used: there are ICE_SERVER_MAX servers already", from, uri);
    else
        call->servers[call->server_count++] = *server;
}

/* False: it is absent, or as long as no such text may be. */
static bool copy_text(char *out, size_t capacity, struct signaling_text text) {
    if (!text.bytes || text.length == 0 || text.length >= capacity)
        return false;
    memcpy(out, text.bytes, text.length + 1);
    return true;
}

void call_signaling_own_servers(struct call *call) {
    call->server_count = 0;
    for (size_t i = 0; i < call->options->ice_server_count; i++)
        add_server(call, &call->options->ice_servers[i], "");
}

void call_signaling_add_server(struct call *call, const char *uri, struct signaling_text username, struct signaling_text credential, const char *from) {
    struct call_ice_server server;
    const char *wrong = call_ice_uri_parse(uri, &server);
    if (wrong) {
        call_say(call, 0, "%san ICE server that is not one (%s): %s", from, wrong, uri);
        return;
    }
    if (!copy_text(server.username, sizeof server.username, username) || !copy_text(server.credential, sizeof server.credential, credential))
        server.username[0] = server.credential[0] = '\0'; /* half of the two is none */
    add_server(call, &server, from);
}

/* The command line's first, then the room's: what this user says of servers matters more than what a room says to everybody. */
static void collect_servers(struct call *call, const struct signaling_message *message) {
    call_signaling_own_servers(call);
    for (size_t i = 0; i < message->ice_server_count; i++) {
        const struct signaling_ice_server *given = &message->ice_servers[i];
        call_signaling_add_server(call, given->url.bytes, given->username, given->credential, "the room's ");
    }
}

static void on_joined(struct call *call, const struct signaling_message *message) {
    if (call->is_joined)
        return;
    call->is_joined = true;
    call->timings.joined = net_clock_now_us();
    collect_servers(call, message);
    call_say(call, 0, "joined room %s, %s", message->room.bytes ? message->room.bytes : "", message->peer_count ? "the other side is there" : "waiting for the other side");
    (void)call_peer_begin(call);
}

/* Before the call is up another one may come instead; once it is up, media tells whether the other side is alive. */
static void on_peer_left(struct call *call) {
    call->has_peer_left = true;
    if (call->is_connected) {
        call_say(call, 0, "the other side has lost signaling; the call goes on while its packets come");
        return;
    }
    call_say(call, 0, "the other side left, waiting for another one");
    if (!call->is_described)
        return;
    call_why_failed(call_agent(call), call->options->relay_only, &call->last_attempt); /* if nobody else comes, this is why */
    call_peer_restart(call);
}

static void on_peer_bye(struct call *call) {
    if (!call->is_connected) {
        on_peer_left(call);
        return;
    }
    call_say(call, 0, "the other side said goodbye");
    call_end(call);
}

static void on_refused(struct call *call, const struct signaling_event *event) {
    const struct signaling_message *message = event->message;
    const char *text = message && message->text.bytes ? message->text.bytes : "It gives no reason.";
    const char *hint = message && message->hint.bytes ? message->hint.bytes : "Try again.";
    if (event->error == SIGNALING_ERROR_ROOM_FULL)
        call_fail(call, CALL_EXIT_ROOM_FULL, "signaling", "The room is full.", text, hint);
    else if (event->error == SIGNALING_ERROR_NO_PEER || event->error == SIGNALING_ERROR_RATE_LIMITED)
        call_say(call, 1, "the server: %s", text);
    else
        call_fail(call, CALL_EXIT_PROTOCOL, "signaling", "The signaling server refused what we said.", text, hint);
}

static void on_event(struct call *call, const struct signaling_event *event) {
    switch (event->type) {
    case SIGNALING_EVENT_JOINED:
        on_joined(call, event->message);
        break;
    case SIGNALING_EVENT_PEER_JOINED:
        call_say(call, 0, "the other side joined");
        break;
    case SIGNALING_EVENT_PEER_LEFT:
        on_peer_left(call);
        break;
    case SIGNALING_EVENT_PEER_BYE:
        on_peer_bye(call);
        break;
    case SIGNALING_EVENT_CREATE_OFFER:
        call_say(call, 0, "calling");
        call_peer_offer(call);
        break;
    case SIGNALING_EVENT_REMOTE_OFFER:
        call_say(call, call->is_connected ? 1 : 0, "answering");
        call_peer_answer(call, event->message->sdp); /* event->rollback: setRemoteDescription does it */
        break;
    case SIGNALING_EVENT_REMOTE_ANSWER:
        call_peer_accept(call, event->message->sdp);
        break;
    case SIGNALING_EVENT_REMOTE_CANDIDATE:
        call_say(call, 1, "their candidate: %s", event->message->candidate.candidate.bytes);
        call_peer_add_candidate(call, &event->message->candidate, event->of_ignored_offer);
        break;
    case SIGNALING_EVENT_REMOTE_END_OF_CANDIDATES:
        call_peer_add_candidate(call, NULL, true);
        break;
    case SIGNALING_EVENT_OFFER_IGNORED:
        call_say(call, 1, "offers crossed; ours stands");
        break;
    case SIGNALING_EVENT_REFUSED:
        on_refused(call, event);
        break;
    case SIGNALING_EVENT_PROBLEM:
        call_say(call, 1, "a signaling message was dropped: %s", event->problem ? event->problem->sentence : "");
        break;
    }
}

static void send_texts(struct call *call) {
    struct signaling_text text;
    while (call->client && signaling_session_poll_output(call->session, &text))
        if (signaling_client_send(call->client, text.bytes, text.length) != SIGNALING_OK)
            call_say(call, 1, "signaling could not take a message of %zu bytes", text.length);
}

void call_signaling_pump(struct call *call) {
    if (call->is_pumping || !call->session) /* an event's handler said something: the loop below sends it */
        return;
    call->is_pumping = true;
    /* A view of an event lives until the next call on the session, and handlers make calls: an event is acted on only with
     * what it points to unused afterwards, one at a time. */
    struct signaling_event event;
    while (!call->is_ending && signaling_session_poll_event(call->session, &event))
        on_event(call, &event);
    call->is_pumping = false;
    send_texts(call);
}

void call_signaling_send_candidate(struct call *call, const char *candidate, const char *mid, int line_index, const char *ufrag) {
    enum signaling_error error;
    if (call->whip) {
        call_whip_candidate(call, candidate);
        return;
    }
    if (!*candidate) {
        error = signaling_session_send_end_of_candidates(call->session);
    } else {
        struct signaling_candidate out = {.candidate = signaling_text_of(candidate), .sdp_mid = signaling_text_of(mid),
                                          .username_fragment = signaling_text_of(ufrag), .sdp_m_line_index = line_index};
        error = signaling_session_send_candidate(call->session, &out);
    }
    if (error != SIGNALING_OK)
        call_say(call, 1, "signaling did not take a candidate (error %d)", (int)error);
    call_signaling_pump(call);
}

/* ---- the WebSocket client --------------------------------------------------------------------------------------------------- */

static void on_open(void *context) {
    struct call *call = context;
    call->is_signaling_open = true;
    call_say(call, 1, "connected to the signaling server");
}

static void on_message(void *context, const char *bytes, size_t length) {
    struct call *call = context;
    if (call->is_ending)
        return;
    if (signaling_session_handle_message(call->session, bytes, length) != SIGNALING_OK)
        call_say(call, 0, "a signaling message of %zu bytes was lost", length);
    call_signaling_pump(call);
}

static void on_closed(void *context, const struct signaling_client_closed *closed) {
    struct call *call = context;
    call->is_signaling_open = false;
    signaling_client_stop(call->client);
    if (call->is_ending || closed->end == SIGNALING_CLIENT_END_CLOSED)
        return;
    if (call->is_connected) {
        call_say(call, 0, "signaling is gone; the call goes on without it (%s)", closed->why);
        return;
    }
    enum call_exit exit_code = closed->end == SIGNALING_CLIENT_END_ROOM_FULL  ? CALL_EXIT_ROOM_FULL
                               : closed->end == SIGNALING_CLIENT_END_PROTOCOL ? CALL_EXIT_PROTOCOL
                                                                              : CALL_EXIT_SIGNALING;
    call_fail(call, exit_code, "signaling", closed->what, closed->why, closed->try_next);
}

bool call_signaling_begin(struct call *call) {
    struct signaling_client_config config = {
        .url = call->options->room_url, .ca_file = call->options->signaling_ca_file, .context = call, .on_open = on_open, .on_message = on_message, .on_closed = on_closed,
    };
    struct signaling_problem problem = {0};
    if (call->options->whip_url)
        return call_whip_begin(call);
    call->session = signaling_session_new(call->creates_offer ? SIGNALING_CALLER : SIGNALING_CALLEE);
    enum signaling_error error = call->session ? signaling_client_new(&config, &call->loop, &call->client, &problem) : SIGNALING_ERROR_MEMORY;
    if (error != SIGNALING_OK) {
        call_fail(call, error == SIGNALING_ERROR_ARGUMENT ? CALL_EXIT_USAGE : CALL_EXIT_SYSTEM, "signaling", "The room URL cannot be used.",
                  error == SIGNALING_ERROR_ARGUMENT ? problem.sentence : "There is not enough memory.", "For example: ws://127.0.0.1:8080/r/demo");
        return false;
    }
    (void)signaling_session_ready(call->session); /* it may come before JOINED; it is sent then */
    return true;
}

void call_signaling_leave(struct call *call) {
    if (call->whip)
        call_whip_leave(call);
    if (!call->client)
        return;
    /* A goodbye is for a call that was; a failure speaks for itself, and the server tells that we left. */
    if (call->was_connected && call->problem.exit_code != CALL_EXIT_PEER_VANISHED && signaling_session_has_peer(call->session))
        (void)signaling_session_bye(call->session);
    send_texts(call);
    if (call->is_signaling_open)
        signaling_client_close(call->client);
    else
        signaling_client_stop(call->client);
}
