/* The sessions of WHIP and WHEP: each is a member of a room that speaks HTTP. */
#include <string.h>

#include "signaling/websocket/whip_internal.h"

struct signaling_whip_session *signaling_whip_find(struct signaling_server *server, const struct signaling_whip_target *target) {
    for (struct signaling_whip_session *session = server->whip_sessions; session != NULL; session = session->next) {
        if (!session->is_over && target->id[0] != '\0' && strcmp(session->target.id, target->id) == 0 && strcmp(session->target.room, target->room) == 0 &&
            session->target.is_egress == target->is_egress)
            return session;
    }
    return NULL;
}

static void set_status(struct signaling_whip_session *session, unsigned status) {
    if (session->status != 0)
        return;
    session->status = status;
    if (session->wsi != NULL)
        lws_callback_on_writable(session->wsi);
}

/* ---- what the room says ------------------------------------------------------------------------------------------- */

static char *copy(struct signaling_text text) {
    char *bytes = malloc(text.length + 1);
    if (bytes != NULL)
        memcpy(bytes, text.bytes != NULL ? text.bytes : "", text.length + 1);
    return bytes;
}

/* A quoted-string of RFC 9110 section 5.6.4 holds no quote, no backslash and no control: such a credential is not handed out. */
static bool is_quotable(struct signaling_text text) {
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '"' || text.bytes[i] == '\\' || text.bytes[i] == '>' || (unsigned char)text.bytes[i] < ' ' || text.bytes[i] == 0x7f)
            return false;
    }
    return true;
}

/* RFC 9725 section 4.6: ICE servers are handed out as Link fields of relation "ice-server". */
static void take_ice_servers(struct signaling_whip_session *session, const struct signaling_message *message) {
    size_t used = 0;
    for (size_t i = 0; i < message->ice_server_count; i++) {
        const struct signaling_ice_server *server = &message->ice_servers[i];
        char *at = session->links + used;
        size_t room = sizeof session->links - 1 - used;
        int length;
        if (!is_quotable(server->url) || !is_quotable(server->username) || !is_quotable(server->credential))
            continue;
        if (server->username.bytes != NULL && server->credential.bytes != NULL)
            length = lws_snprintf(at, room, "<%s>; rel=\"ice-server\"; username=\"%s\"; credential=\"%s\"; credential-type=\"password\"", server->url.bytes,
                                  server->username.bytes, server->credential.bytes);
        else
            length = lws_snprintf(at, room, "<%s>; rel=\"ice-server\"", server->url.bytes);
        if ((size_t)length + 1 >= room) { /* it may have been cut */
            at[0] = '\0';
            return;
        }
        used += (size_t)length + 1;
    }
}

static void make_id(struct signaling_server *server, char id[SIGNALING_ID_BYTES + 1]) {
    static const char digits[] = "0123456789abcdef";
    uint8_t random[SIGNALING_ID_BYTES / 2];
    server->random(server->random_context, random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        id[2 * i] = digits[random[i] >> 4];
        id[2 * i + 1] = digits[random[i] & 15];
    }
    id[SIGNALING_ID_BYTES] = '\0';
}

/* RFC 9725 section 4.3.2, MUST: nothing can be trickled to the client, so the answer has every candidate. NULL: no memory. */
static char *complete_answer(const struct signaling_whip_session *session, size_t *length) {
    struct signaling_text sdp = {session->sdp, strlen(session->sdp)};
    (void)signaling_whip_answer(sdp, session->candidates, session->candidate_count, NULL, 0, length);
    char *answer = malloc(*length + 1);
    if (answer != NULL)
        (void)signaling_whip_answer(sdp, session->candidates, session->candidate_count, answer, *length + 1, length);
    return answer;
}

/* RFC 9725 section 4.3.3: of the answer to a restart, its transport. Takes the answer. */
static char *fragment_of(char *answer, size_t *length) {
    struct signaling_text sdp = {answer, *length}, none = {NULL, 0};
    char *fragment = NULL;
    if (answer != NULL) {
        (void)signaling_sdpfrag_write(sdp, none, false, NULL, 0, length);
        fragment = malloc(*length + 1);
    }
    if (fragment != NULL)
        (void)signaling_sdpfrag_write(sdp, none, false, fragment, *length + 1, length);
    free(answer);
    return fragment;
}

static void finish_answer(struct signaling_server *server, struct signaling_whip_session *session) {
    char *answer = complete_answer(session, &session->answer_length);
    session->is_gathering = false;
    free(session->answer);
    session->answer = session->next_offer != NULL ? fragment_of(answer, &session->answer_length) : answer;
    if (session->answer != NULL)
        make_id(server, session->tag);
    if (session->answer != NULL && session->next_offer != NULL) {
        free(session->offer);
        session->offer = session->next_offer;
        session->next_offer = NULL;
        set_status(session, 200);
        return;
    }
    set_status(session, session->answer != NULL ? 201 : 500);
}

/* RFC 9725 section 4.4.3, SHOULD NOT: no section is refused by itself, the POST is as a whole. WHEP has no such rule. */
static void take_answer(struct signaling_whip_session *session, struct signaling_text sdp) {
    if (session->status != 0 || session->sdp != NULL)
        return;
    if (!session->target.is_egress && !session->is_established && signaling_whip_is_partial(sdp)) {
        set_status(session, 422);
        return;
    }
    session->sdp = copy(sdp);
    session->is_gathering = session->sdp != NULL;
    session->deadline_us = signaling_server_now_us() + SIGNALING_WHIP_GATHERING_TIMEOUT_US;
    if (session->sdp == NULL)
        set_status(session, 500);
}

static void take_candidate(struct signaling_whip_session *session, const struct signaling_candidate *candidate) {
    if (session->status != 0 || session->candidate_count == SIGNALING_WHIP_CANDIDATES_MAX)
        return;
    struct signaling_candidate *kept = &session->candidates[session->candidate_count];
    memset(kept, 0, sizeof *kept);
    kept->sdp_m_line_index = candidate->sdp_m_line_index;
    kept->candidate = (struct signaling_text){copy(candidate->candidate), candidate->candidate.length};
    if (candidate->sdp_mid.bytes != NULL)
        kept->sdp_mid = (struct signaling_text){copy(candidate->sdp_mid), candidate->sdp_mid.length};
    if (kept->candidate.bytes != NULL)
        session->candidate_count++;
}

static bool has_line_end(struct signaling_text text) {
    return memchr(text.bytes, '\n', text.length) != NULL || memchr(text.bytes, '\r', text.length) != NULL;
}

static void take_message(struct signaling_server *server, struct signaling_whip_session *session, const struct signaling_message *message) {
    switch (message->type) {
    case SIGNALING_JOINED:
        take_ice_servers(session, message);
        if (message->peer_count == 0)
            set_status(session, 503); /* nobody is there who could answer */
        break;
    case SIGNALING_ANSWER:
        take_answer(session, message->sdp);
        break;
    case SIGNALING_CANDIDATE:
        if (!has_line_end(message->candidate.candidate))
            take_candidate(session, &message->candidate);
        break;
    case SIGNALING_END_OF_CANDIDATES:
        if (session->is_gathering)
            finish_answer(server, session);
        break;
    case SIGNALING_ERROR_MESSAGE:
        set_status(session, 503);
        break;
    case SIGNALING_BYE:
    case SIGNALING_PEER_LEFT:
        set_status(session, 502);
        session->is_over = true;
        break;
    default: /* an offer of the other side cannot be said to an HTTP client */
        break;
    }
}

void signaling_whip_take(struct signaling_server *server, signaling_member member, struct signaling_text text) {
    for (struct signaling_whip_session *session = server->whip_sessions; session != NULL; session = session->next) {
        struct signaling_message message;
        if (session->member != member)
            continue;
        if (signaling_message_parse(text.bytes, text.length, &message, NULL) == SIGNALING_OK)
            take_message(server, session, &message);
        signaling_message_release(&message);
        return;
    }
}

/* ---- what we say to it -------------------------------------------------------------------------------------------- */

static enum signaling_error say(struct signaling_server *server, struct signaling_whip_session *session, const struct signaling_message *message) {
    size_t length;
    (void)signaling_message_write(message, NULL, 0, &length);
    char *bytes = malloc(length + 1);
    if (bytes == NULL)
        return SIGNALING_ERROR_MEMORY;
    enum signaling_error error = signaling_message_write(message, bytes, length + 1, &length);
    if (error == SIGNALING_OK)
        error = signaling_rooms_handle_message(server->rooms, signaling_server_now_us(), session->member, bytes, length);
    free(bytes);
    signaling_connection_drain(server);
    return error;
}

static void on_tick(uv_timer_t *timer) {
    signaling_connection_drain(timer->data);
}

static bool start_ticking(struct signaling_server *server) {
    if (server->whip_timer == NULL) {
        server->whip_timer = calloc(1, sizeof *server->whip_timer);
        if (server->whip_timer == NULL)
            return false;
        uv_timer_init(server->loop, server->whip_timer);
        server->whip_timer->data = server;
    }
    uv_timer_start(server->whip_timer, on_tick, SIGNALING_WHIP_TICK_MS, SIGNALING_WHIP_TICK_MS);
    return true;
}

static unsigned status_of_saying(enum signaling_error error) {
    return error == SIGNALING_ERROR_RATE_LIMITED ? 429 : error == SIGNALING_ERROR_NO_PEER ? 503 : error == SIGNALING_ERROR_MEMORY ? 500 : 400;
}

static unsigned trickle(struct signaling_server *server, struct signaling_whip_session *session, struct signaling_text text) {
    struct signaling_sdpfrag fragment;
    struct signaling_message message;
    signaling_sdpfrag_begin(&fragment, text.bytes, text.length);
    while (signaling_sdpfrag_next(&fragment, &message)) {
        enum signaling_error error = say(server, session, &message);
        if (error != SIGNALING_OK)
            return status_of_saying(error);
    }
    return 204;
}

static void forget_answer(struct signaling_whip_session *session) {
    for (size_t i = 0; i < session->candidate_count; i++) {
        free((char *)(uintptr_t)session->candidates[i].candidate.bytes);
        free((char *)(uintptr_t)session->candidates[i].sdp_mid.bytes);
    }
    session->candidate_count = 0;
    free(session->sdp);
    free(session->next_offer);
    session->sdp = session->next_offer = NULL;
    session->is_gathering = false;
}

static char *restarted_offer(const struct signaling_whip_session *session, struct signaling_text fragment) {
    struct signaling_text offer = {session->offer, strlen(session->offer)};
    size_t length;
    (void)signaling_sdpfrag_apply(offer, fragment, NULL, 0, &length);
    char *next = malloc(length + 1);
    if (next != NULL)
        (void)signaling_sdpfrag_apply(offer, fragment, next, length + 1, &length);
    return next;
}

/* RFC 9725 section 4.3.3: to the room it is another offer of the same session, in which nothing but ICE is new. */
static unsigned restart(struct signaling_server *server, struct lws *wsi, struct signaling_whip_session *session, struct signaling_text fragment) {
    if (session->wsi != NULL)
        return 409;
    forget_answer(session);
    session->next_offer = restarted_offer(session, fragment);
    if (session->next_offer == NULL || !start_ticking(server))
        return 500;
    session->status = 0;
    session->wsi = wsi;
    session->deadline_us = signaling_server_now_us() + SIGNALING_WHIP_ANSWER_TIMEOUT_US;
    const struct signaling_message offer = {.type = SIGNALING_OFFER, .sdp = {session->next_offer, strlen(session->next_offer)}};
    enum signaling_error error = say(server, session, &offer);
    if (error != SIGNALING_OK)
        set_status(session, status_of_saying(error));
    return 0;
}

unsigned signaling_whip_patch(struct signaling_server *server, struct lws *wsi, struct signaling_whip_session *session, struct signaling_text fragment) {
    struct signaling_text offer = {session->offer, strlen(session->offer)};
    switch (signaling_whip_patch_kind(offer, fragment)) {
    case SIGNALING_WHIP_PATCH_TRICKLES:
        return trickle(server, session, fragment);
    case SIGNALING_WHIP_PATCH_RESTARTS:
        return restart(server, wsi, session, fragment);
    case SIGNALING_WHIP_PATCH_MALFORMED:
        break;
    }
    return 400;
}

void signaling_whip_end(struct signaling_server *server, struct signaling_whip_session *session) {
    const struct signaling_message bye = {.type = SIGNALING_BYE};
    (void)say(server, session, &bye);
    session->is_over = true;
}

/* ---- life --------------------------------------------------------------------------------------------------------- */

static void release(struct signaling_whip_session *session) {
    forget_answer(session);
    free(session->offer);
    free(session->answer);
    free(session);
}

static unsigned status_of_join(enum signaling_error error) {
    return error == SIGNALING_ERROR_RATE_LIMITED ? 429 : error == SIGNALING_ERROR_MEMORY ? 500 : 503; /* RFC 9725 section 4.5: 503 for now, not for ever */
}

unsigned signaling_whip_begin(struct signaling_server *server, struct lws *wsi, const struct signaling_whip_exchange *exchange, struct signaling_whip_session **out) {
    struct signaling_whip_session *session = server->whip_session_count < SIGNALING_WHIP_SESSIONS_MAX && !server->stopping ? calloc(1, sizeof *session) : NULL;
    uint8_t source[SIGNALING_SOURCE_MAX_BYTES];
    if (session == NULL || !start_ticking(server) || (session->offer = copy((struct signaling_text){exchange->body, exchange->length})) == NULL) {
        free(session);
        return 503;
    }
    session->target = exchange->request.target;
    make_id(server, session->target.id);
    size_t source_length = signaling_listener_source(lws_get_socket_fd(wsi), source, session->remote, sizeof session->remote);
    signaling_connection_list_ice_servers(server, exchange->host, session->target.room, session->remote);
    enum signaling_error error = signaling_rooms_join(server->rooms, signaling_server_now_us(), session->target.room, strlen(session->target.room), source,
                                                      source_length, &session->member);
    if (error != SIGNALING_OK) {
        signaling_connection_drain(server);
        signaling_server_event(server, SIGNALING_SERVER_REFUSED, session->target.room, session->remote, "WHIP: the room takes nobody");
        release(session);
        return status_of_join(error);
    }
    session->next = server->whip_sessions;
    server->whip_sessions = session;
    server->whip_session_count++;
    session->wsi = wsi;
    session->deadline_us = signaling_server_now_us() + SIGNALING_WHIP_ANSWER_TIMEOUT_US;
    signaling_server_event(server, SIGNALING_SERVER_JOINED, session->target.room, session->remote, session->target.is_egress ? "WHEP" : "WHIP");
    *out = session;
    signaling_connection_drain(server);
    const struct signaling_message offer = {.type = SIGNALING_OFFER, .sdp = {exchange->body, exchange->length}};
    if (session->status == 0 && (error = say(server, session, &offer)) != SIGNALING_OK)
        set_status(session, status_of_saying(error));
    return 0;
}

static bool is_late(const struct signaling_whip_session *session) {
    return session->status == 0 && signaling_server_now_us() >= session->deadline_us;
}

/* Those that wait too long are answered; those that are over, or could not begin, leave their rooms. True: somebody has left, and others are to be told. */
bool signaling_whip_sweep(struct signaling_server *server) {
    bool is_waiting = false;
    for (struct signaling_whip_session **at = &server->whip_sessions; *at != NULL;) {
        struct signaling_whip_session *session = *at;
        if (is_late(session) && session->is_gathering)
            finish_answer(server, session);
        else if (is_late(session))
            set_status(session, 504);
        session->is_over = session->is_over || (session->status >= 400 && !session->is_established);
        if (session->wsi == NULL && session->is_over) {
            *at = session->next;
            server->whip_session_count--;
            signaling_rooms_leave(server->rooms, signaling_server_now_us(), session->member, "closed");
            signaling_server_event(server, SIGNALING_SERVER_LEFT, session->target.room, session->remote, session->target.is_egress ? "WHEP" : "WHIP");
            release(session);
            return true;
        }
        is_waiting = is_waiting || session->wsi != NULL;
        at = &session->next;
    }
    if (!is_waiting && server->whip_timer != NULL)
        uv_timer_stop(server->whip_timer);
    return false;
}

static void free_timer(uv_handle_t *handle) {
    free(handle);
}

/* The loop is still to run: the timer goes; the rooms go with the server. */
void signaling_whip_stop(struct signaling_server *server) {
    if (server->whip_timer != NULL)
        uv_close((uv_handle_t *)server->whip_timer, free_timer);
    server->whip_timer = NULL;
}

void signaling_whip_free(struct signaling_server *server) {
    while (server->whip_sessions != NULL) {
        struct signaling_whip_session *session = server->whip_sessions;
        server->whip_sessions = session->next;
        release(session);
    }
}
