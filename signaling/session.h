/*
 * The client's half of signaling, without a socket: who offers, who yields, what to tell the other side, as a small state machine on the
 * contract. Messages of the server go in, texts for the server and events for the app come out. It waits for nothing, so it has no timers and
 * its verbs take no time.
 *
 * The rules (docs/signaling.md):
 *   - `ready` goes out when the app says so, and again whenever a peer joins afterwards;
 *   - a caller offers once it has seen a `ready` of the other side; a callee never offers first;
 *   - two of the same kind (their `ready` says which): the one that joined last offers;
 *   - if offers cross, the one that joined first yields: its own offer is rolled back and the other one's is answered.
 *
 *     new -> on_message of the WebSocket client -> handle_message -> poll_event until false, poll_output until false
 *            the app has something to say        -> ready, send_offer, send_answer, ... -> the same
 */
#ifndef SIGNALING_SESSION_H
#define SIGNALING_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signaling/message.h"

#define SIGNALING_SESSION_QUEUE_MAX_BYTES 1048576u /* texts that wait for signaling_session_poll_output */
#define SIGNALING_SESSION_QUEUE_MAX 512u           /* how many */

enum signaling_role { SIGNALING_CALLER = 1, SIGNALING_CALLEE };

enum signaling_event_type {
    SIGNALING_EVENT_JOINED = 1,     /* message: id, room, peers, ice_servers */
    SIGNALING_EVENT_PEER_JOINED,    /* message: id */
    SIGNALING_EVENT_PEER_LEFT,      /* the one we were talking to is gone from the room; message: id, reason. The call itself may go on */
    SIGNALING_EVENT_PEER_BYE,       /* the other side ended the call */
    SIGNALING_EVENT_CREATE_OFFER,   /* now: create an offer, send it with signaling_session_send_offer */
    SIGNALING_EVENT_REMOTE_OFFER,   /* message: sdp. Answer it; if `rollback`, first roll back the local offer */
    SIGNALING_EVENT_REMOTE_ANSWER,  /* message: sdp */
    SIGNALING_EVENT_REMOTE_CANDIDATE,  /* message: candidate. If `of_ignored_offer`, an error in adding it is no error */
    SIGNALING_EVENT_REMOTE_END_OF_CANDIDATES,
    SIGNALING_EVENT_OFFER_IGNORED,  /* offers crossed and ours stands: nothing to do */
    SIGNALING_EVENT_REFUSED,        /* the server said no; error, message: code, text, hint. ROOM_FULL ends the session; NO_PEER is often harmless */
    SIGNALING_EVENT_PROBLEM         /* a message was dropped; error, problem */
};

/* Everything it points to is valid until the next call on the session other than poll_event and poll_output. */
struct signaling_event {
    enum signaling_event_type type;
    const struct signaling_message *message; /* NULL for CREATE_OFFER and PROBLEM */
    bool rollback;
    bool of_ignored_offer;
    enum signaling_error error;
    const struct signaling_problem *problem; /* for PROBLEM */
};

struct signaling_session;

/* NULL: memory is short, or no such role. */
struct signaling_session *signaling_session_new(enum signaling_role role);
void signaling_session_free(struct signaling_session *session); /* NULL is fine */

/*
 * A message of the server.
 * bytes, length  as the WebSocket client gives them; not kept
 * Returns SIGNALING_OK, also for a message that was dropped (event PROBLEM says why; what a third member of the room says is dropped silently);
 * STATE: events wait, poll them first; MEMORY.
 */
enum signaling_error signaling_session_handle_message(struct signaling_session *session, const char *bytes, size_t length);

/* The next event; false: none. Views in it: see struct signaling_event. */
bool signaling_session_poll_event(struct signaling_session *session, struct signaling_event *out);

/* The next text for the server, NUL-terminated too; false: none. Valid until the next call on the session that is not poll_event. */
bool signaling_session_poll_output(struct signaling_session *session, struct signaling_text *out);

/*
 * The app's verbs. Each but decline queues one text (send_candidate and send_end_of_candidates may be called as soon as there is a description).
 * Return SIGNALING_OK; STATE: not joined yet, or no peer to talk to, or (send_answer) no offer to answer, or (send_offer) an offer of ours is open
 * or theirs waits for its answer; ARGUMENT: not UTF-8 or empty; TOO_LARGE: beyond SIGNALING_MESSAGE_MAX_BYTES; CAPACITY: the queue is full, poll first;
 * MEMORY.
 */
enum signaling_error signaling_session_ready(struct signaling_session *session); /* our media is there; may come before JOINED */
enum signaling_error signaling_session_send_offer(struct signaling_session *session, const char *sdp, size_t length);
enum signaling_error signaling_session_send_answer(struct signaling_session *session, const char *sdp, size_t length);
enum signaling_error signaling_session_send_candidate(struct signaling_session *session, const struct signaling_candidate *candidate);
enum signaling_error signaling_session_send_end_of_candidates(struct signaling_session *session);
enum signaling_error signaling_session_decline(struct signaling_session *session); /* their offer gets no answer; queues nothing. STATE: none waits */
enum signaling_error signaling_session_bye(struct signaling_session *session);

/* True while a peer is known: it joined, and has not left. */
bool signaling_session_has_peer(const struct signaling_session *session);

#endif
