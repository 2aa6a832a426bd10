/*
 * The client's session. Three questions make its state: is a peer there and ready, have we said that we are, and what is open of the last offer and
 * answer. Everything else (who offers, who yields) is read off those.
 *
 *            send_offer              REMOTE_ANSWER
 *   NONE ------------------> OURS -----------------> NONE (established)
 *    |                        | crossing, we joined first: roll back
 *    | REMOTE_OFFER           v
 *    +--------------------> THEIRS ----------------> NONE (established)
 *                                     send_answer, or decline
 */
#include "signaling/session.h"

#include <stdlib.h>
#include <string.h>

#include "signaling/json_internal.h"

#define EVENTS_MAX 2 /* one message makes at most so many */

enum exchange { EXCHANGE_NONE, EXCHANGE_OURS, EXCHANGE_THEIRS };

struct queued {
    char *bytes;
    size_t length;
};

struct signaling_session {
    enum signaling_role role;
    bool joined;
    bool ready;          /* the app said so */
    bool peer_known;
    bool peer_ready;
    bool peer_same_kind; /* its `ready` said so */
    bool said_again;     /* our `ready`, in reply to its own */
    bool joined_last;    /* later than the peer */
    bool established;    /* an offer and its answer have passed: who offers again is the app's choice */
    bool offer_asked;    /* CREATE_OFFER went out, send_offer did not come yet */
    bool ignoring;       /* candidates of an offer that we ignored may come */
    enum exchange exchange;
    char peer[SIGNALING_ROOM_NAME_MAX_BYTES + 1]; /* its id; "" when it gave none */
    struct signaling_message message;
    struct signaling_problem problem;
    struct signaling_event events[EVENTS_MAX];
    size_t event_count, event_next;
    struct queued queue[SIGNALING_SESSION_QUEUE_MAX]; /* a ring */
    size_t queue_first, queue_count, queue_bytes;
    char *last_output; /* what poll_output gave out */
};

struct signaling_session *signaling_session_new(enum signaling_role role) {
    if (role != SIGNALING_CALLER && role != SIGNALING_CALLEE)
        return NULL;
    struct signaling_session *session = calloc(1, sizeof *session);
    if (session != NULL)
        session->role = role;
    return session;
}

void signaling_session_free(struct signaling_session *session) {
    if (session == NULL)
        return;
    for (; session->queue_count > 0; session->queue_count--) {
        free(session->queue[session->queue_first].bytes);
        session->queue_first = (session->queue_first + 1) % SIGNALING_SESSION_QUEUE_MAX;
    }
    free(session->last_output);
    signaling_message_release(&session->message);
    free(session);
}

/* ---- texts out ---------------------------------------------------------------------------------------------------- */

static enum signaling_error enqueue(struct signaling_session *session, const struct signaling_message *message) {
    size_t length = 0;
    enum signaling_error error = signaling_message_write(message, NULL, 0, &length);
    if (error != SIGNALING_ERROR_BUFFER)
        return error;
    if (length > SIGNALING_MESSAGE_MAX_BYTES)
        return SIGNALING_ERROR_TOO_LARGE;
    /* One message may always wait, however long it is; a second one must fit beside it. */
    if (session->queue_count == SIGNALING_SESSION_QUEUE_MAX ||
        (session->queue_count > 0 && length > SIGNALING_SESSION_QUEUE_MAX_BYTES - session->queue_bytes))
        return SIGNALING_ERROR_CAPACITY;
    char *bytes = malloc(length + 1);
    if (bytes == NULL)
        return SIGNALING_ERROR_MEMORY;
    error = signaling_message_write(message, bytes, length + 1, &length);
    if (error != SIGNALING_OK) {
        free(bytes);
        return error;
    }
    size_t last = (session->queue_first + session->queue_count++) % SIGNALING_SESSION_QUEUE_MAX;
    session->queue[last] = (struct queued){bytes, length};
    session->queue_bytes += length;
    return SIGNALING_OK;
}

bool signaling_session_poll_output(struct signaling_session *session, struct signaling_text *out) {
    free(session->last_output);
    session->last_output = NULL;
    if (session->queue_count == 0)
        return false;
    struct queued first = session->queue[session->queue_first];
    session->queue_first = (session->queue_first + 1) % SIGNALING_SESSION_QUEUE_MAX;
    session->queue_count--;
    session->queue_bytes -= first.length;
    session->last_output = first.bytes;
    *out = (struct signaling_text){first.bytes, first.length};
    return true;
}

static enum signaling_error enqueue_ready(struct signaling_session *session) {
    struct signaling_message message = {.type = SIGNALING_READY};
    message.role = signaling_text_of(session->role == SIGNALING_CALLER ? "caller" : "callee");
    return enqueue(session, &message);
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static struct signaling_event *add_event(struct signaling_session *session, enum signaling_event_type type) {
    struct signaling_event *event = &session->events[session->event_count++];
    memset(event, 0, sizeof *event);
    event->type = type;
    event->message = type == SIGNALING_EVENT_CREATE_OFFER || type == SIGNALING_EVENT_PROBLEM ? NULL : &session->message;
    return event;
}

bool signaling_session_poll_event(struct signaling_session *session, struct signaling_event *out) {
    if (session->event_next == session->event_count)
        return false;
    *out = session->events[session->event_next++];
    return true;
}

static void add_problem(struct signaling_session *session, enum signaling_error error, const char *sentence) {
    signaling_problem_set(&session->problem, 0, 0, sentence);
    struct signaling_event *event = add_event(session, SIGNALING_EVENT_PROBLEM);
    event->error = error;
    event->problem = &session->problem;
}

/* ---- who offers --------------------------------------------------------------------------------------------------- */

static bool ours_to_offer(const struct signaling_session *session) {
    if (session->peer_same_kind)
        return session->joined_last;
    return session->role == SIGNALING_CALLER;
}

static void ask_for_offer_when_due(struct signaling_session *session) {
    if (!session->joined || !session->ready || !session->peer_ready || session->established || session->offer_asked ||
        session->exchange != EXCHANGE_NONE || !ours_to_offer(session))
        return;
    session->offer_asked = true;
    add_event(session, SIGNALING_EVENT_CREATE_OFFER);
}

/* ---- the peer ----------------------------------------------------------------------------------------------------- */

static void forget_peer(struct signaling_session *session) {
    session->peer_known = session->peer_ready = session->peer_same_kind = session->joined_last = false;
    session->established = session->offer_asked = session->ignoring = session->said_again = false;
    session->exchange = EXCHANGE_NONE;
    session->peer[0] = '\0';
}

/* An id longer than a server of ours gives is cut: it still tells peers apart, and a clash costs no more than a third member's silence. */
static void copy_id(char out[SIGNALING_ROOM_NAME_MAX_BYTES + 1], struct signaling_text id) {
    size_t length = id.length < SIGNALING_ROOM_NAME_MAX_BYTES ? id.length : SIGNALING_ROOM_NAME_MAX_BYTES;
    if (length > 0)
        memcpy(out, id.bytes, length);
    out[length] = '\0';
}

static bool is_peer(const struct signaling_session *session, struct signaling_text id) {
    char cut[SIGNALING_ROOM_NAME_MAX_BYTES + 1];
    copy_id(cut, id);
    return session->peer_known && strcmp(cut, session->peer) == 0;
}

static void meet_peer(struct signaling_session *session, struct signaling_text id, bool joined_last) {
    forget_peer(session);
    session->peer_known = true;
    session->joined_last = joined_last;
    copy_id(session->peer, id);
}

/* One session talks to one peer. True when the message is that peer's, or nobody's in particular (a server that adds no `from`). */
static bool from_our_peer(struct signaling_session *session) {
    struct signaling_text from = session->message.from;
    if (!session->peer_known)
        meet_peer(session, from, false);
    return from.bytes == NULL || session->peer[0] == '\0' || is_peer(session, from);
}

/* ---- messages in -------------------------------------------------------------------------------------------------- */

static void handle_joined(struct signaling_session *session) {
    const struct signaling_message *message = &session->message;
    if (session->joined) {
        add_problem(session, SIGNALING_ERROR_BAD_JSON, "the server said \"joined\" twice");
        return;
    }
    session->joined = true;
    if (message->peer_count > 0)
        meet_peer(session, message->peers[0], true);
    add_event(session, SIGNALING_EVENT_JOINED);
}

static enum signaling_error handle_peer_joined(struct signaling_session *session) {
    if (!session->peer_known)
        meet_peer(session, session->message.id, false);
    add_event(session, SIGNALING_EVENT_PEER_JOINED);
    /* The newcomer has not heard our first `ready`. */
    return session->ready ? enqueue_ready(session) : SIGNALING_OK;
}

static void handle_peer_left(struct signaling_session *session) {
    if (!is_peer(session, session->message.id))
        return;
    forget_peer(session);
    add_event(session, SIGNALING_EVENT_PEER_LEFT);
}

/*
 * The client of tutorials is in the room before its person has pressed start, and forgets a `ready` that comes until then: it hears ours again, once,
 * when it says its own. Programs and pages of ours need no second one; to them it is harmless.
 */
static enum signaling_error handle_ready(struct signaling_session *session) {
    session->peer_ready = true;
    session->peer_same_kind = signaling_text_is(session->message.role, session->role == SIGNALING_CALLER ? "caller" : "callee");
    ask_for_offer_when_due(session);
    if (session->role != SIGNALING_CALLEE || session->message.role.bytes != NULL || !session->ready || session->said_again || session->established ||
        session->exchange != EXCHANGE_NONE)
        return SIGNALING_OK;
    session->said_again = true;
    return enqueue_ready(session);
}

static void handle_offer(struct signaling_session *session) {
    bool crossing = session->exchange == EXCHANGE_OURS;
    if (crossing && session->joined_last) {
        session->ignoring = true;
        add_event(session, SIGNALING_EVENT_OFFER_IGNORED);
        return;
    }
    session->exchange = EXCHANGE_THEIRS;
    session->offer_asked = false;
    session->ignoring = false;
    add_event(session, SIGNALING_EVENT_REMOTE_OFFER)->rollback = crossing;
}

static void handle_answer(struct signaling_session *session) {
    if (session->exchange != EXCHANGE_OURS) {
        add_problem(session, SIGNALING_ERROR_BAD_JSON, "an answer came, but no offer of ours is open");
        return;
    }
    session->exchange = EXCHANGE_NONE;
    session->established = true;
    session->ignoring = false;
    add_event(session, SIGNALING_EVENT_REMOTE_ANSWER);
}

static enum signaling_error handle_relayed(struct signaling_session *session) {
    if (!session->joined) {
        add_problem(session, SIGNALING_ERROR_BAD_JSON, "the server relayed a message before it said \"joined\"");
        return SIGNALING_OK;
    }
    if (!from_our_peer(session))
        return SIGNALING_OK;
    switch (session->message.type) {
    case SIGNALING_READY:
        return handle_ready(session);
    case SIGNALING_BYE:
        add_event(session, SIGNALING_EVENT_PEER_BYE);
        break;
    case SIGNALING_OFFER:
        handle_offer(session);
        break;
    case SIGNALING_ANSWER:
        handle_answer(session);
        break;
    case SIGNALING_CANDIDATE:
        add_event(session, SIGNALING_EVENT_REMOTE_CANDIDATE)->of_ignored_offer = session->ignoring;
        break;
    default:
        add_event(session, SIGNALING_EVENT_REMOTE_END_OF_CANDIDATES)->of_ignored_offer = session->ignoring;
        break;
    }
    return SIGNALING_OK;
}

static enum signaling_error dispatch(struct signaling_session *session) {
    switch (session->message.type) {
    case SIGNALING_JOINED:
        handle_joined(session);
        break;
    case SIGNALING_PEER_JOINED:
        return handle_peer_joined(session);
    case SIGNALING_PEER_LEFT:
        handle_peer_left(session);
        break;
    case SIGNALING_ERROR_MESSAGE:
        add_event(session, SIGNALING_EVENT_REFUSED)->error = signaling_error_of_code(session->message.code);
        break;
    default:
        return handle_relayed(session);
    }
    return SIGNALING_OK;
}

/* What the last message left behind: its events are no longer needed. */
static void begin_events(struct signaling_session *session) {
    session->event_count = session->event_next = 0;
}

enum signaling_error signaling_session_handle_message(struct signaling_session *session, const char *bytes, size_t length) {
    if (session->event_next < session->event_count)
        return SIGNALING_ERROR_STATE;
    begin_events(session);
    signaling_message_release(&session->message);
    enum signaling_error error = signaling_message_parse(bytes, length, &session->message, &session->problem);
    if (error == SIGNALING_OK)
        return dispatch(session);
    if (error == SIGNALING_ERROR_MEMORY)
        return error;
    struct signaling_event *event = add_event(session, SIGNALING_EVENT_PROBLEM);
    event->error = error;
    event->problem = &session->problem;
    return SIGNALING_OK;
}

/* ---- the app's verbs ---------------------------------------------------------------------------------------------- */

enum signaling_error signaling_session_ready(struct signaling_session *session) {
    if (session->event_next < session->event_count)
        return SIGNALING_ERROR_STATE;
    enum signaling_error error = enqueue_ready(session);
    if (error != SIGNALING_OK)
        return error;
    session->ready = true;
    begin_events(session);
    ask_for_offer_when_due(session);
    return SIGNALING_OK;
}

static enum signaling_error send_description(struct signaling_session *session, enum signaling_message_type type, const char *sdp, size_t length) {
    if (length == 0 || !session->joined || !session->peer_known)
        return length == 0 ? SIGNALING_ERROR_ARGUMENT : SIGNALING_ERROR_STATE;
    struct signaling_message message = {.type = type, .sdp = {sdp, length}};
    return enqueue(session, &message);
}

enum signaling_error signaling_session_send_offer(struct signaling_session *session, const char *sdp, size_t length) {
    if (session->exchange != EXCHANGE_NONE)
        return SIGNALING_ERROR_STATE;
    enum signaling_error error = send_description(session, SIGNALING_OFFER, sdp, length);
    if (error != SIGNALING_OK)
        return error;
    session->exchange = EXCHANGE_OURS;
    session->offer_asked = false;
    return SIGNALING_OK;
}

enum signaling_error signaling_session_send_answer(struct signaling_session *session, const char *sdp, size_t length) {
    if (session->exchange != EXCHANGE_THEIRS)
        return SIGNALING_ERROR_STATE;
    enum signaling_error error = send_description(session, SIGNALING_ANSWER, sdp, length);
    if (error != SIGNALING_OK)
        return error;
    session->exchange = EXCHANGE_NONE;
    session->established = true;
    return SIGNALING_OK;
}

enum signaling_error signaling_session_decline(struct signaling_session *session) {
    if (session->exchange != EXCHANGE_THEIRS)
        return SIGNALING_ERROR_STATE;
    session->exchange = EXCHANGE_NONE;
    return SIGNALING_OK;
}

static enum signaling_error send_to_peer(struct signaling_session *session, const struct signaling_message *message) {
    return session->joined && session->peer_known ? enqueue(session, message) : SIGNALING_ERROR_STATE;
}

enum signaling_error signaling_session_send_candidate(struct signaling_session *session, const struct signaling_candidate *candidate) {
    struct signaling_message message = {.type = SIGNALING_CANDIDATE, .candidate = *candidate};
    return send_to_peer(session, &message);
}

enum signaling_error signaling_session_send_end_of_candidates(struct signaling_session *session) {
    struct signaling_message message = {.type = SIGNALING_END_OF_CANDIDATES};
    return send_to_peer(session, &message);
}

enum signaling_error signaling_session_bye(struct signaling_session *session) {
    struct signaling_message message = {.type = SIGNALING_BYE};
    return send_to_peer(session, &message);
}

bool signaling_session_has_peer(const struct signaling_session *session) {
    return session->peer_known;
}
