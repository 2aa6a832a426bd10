/* WHIP and WHEP on the server's port: the sessions, which are members of rooms (whip_session.c), and HTTP (whip_http.c). */
#ifndef SIGNALING_WEBSOCKET_WHIP_INTERNAL_H
#define SIGNALING_WEBSOCKET_WHIP_INTERNAL_H

#include "signaling/websocket/server_internal.h"
#include "signaling/whip.h"

#define SIGNALING_WHIP_SESSIONS_MAX 256u
#define SIGNALING_WHIP_ANSWER_TIMEOUT_US 10000000u    /* from the offer to the answer: then 504 */
#define SIGNALING_WHIP_GATHERING_TIMEOUT_US 2000000u  /* from the answer to the end of its candidates: then without the rest */
#define SIGNALING_WHIP_TICK_MS 100u                   /* how late a timeout may be */
#define SIGNALING_WHIP_LINKS_MAX_BYTES 4096u          /* ICE servers, as Link header fields */

/* An HTTP client in a room. Made by a POST; it ends by DELETE, or with the other side's bye or leaving. */
struct signaling_whip_session {
    struct signaling_whip_session *next;
    struct signaling_whip_target target; /* with its id */
    signaling_member member;
    char remote[64];
    char tag[SIGNALING_ID_BYTES + 1]; /* of the ICE session: another one after each restart */
    struct lws *wsi;     /* whose POST, or PATCH that restarts ICE, waits for the answer; NULL once it has it, or gave up */
    uint64_t deadline_us;
    unsigned status;     /* of the answer, once there is one; 0: it waits */
    bool is_gathering;   /* the answer is here, its candidates are coming */
    bool is_established; /* it has had its 201: what fails later, fails alone */
    bool is_over;        /* it will be swept */
    char *offer, *next_offer; /* the client's, as it stands; the one that a restart makes of it */
    char *sdp, *answer;  /* as the other side said it; with its candidates */
    size_t answer_length;
    struct signaling_candidate candidates[SIGNALING_WHIP_CANDIDATES_MAX]; /* of copied texts */
    size_t candidate_count;
    char links[SIGNALING_WHIP_LINKS_MAX_BYTES]; /* values of Link, one after another, each with its NUL; "" ends them */
};

/* One HTTP request while its body comes in; belongs to its connection. */
struct signaling_whip_exchange {
    struct signaling_whip_request request;
    char content_type[128], authorization[SIGNALING_WHIP_TOKEN_MAX_BYTES + 16], if_match[64], origin[256], host[SIGNALING_SERVER_HOST_MAX_BYTES + 1];
    bool is_head;    /* the answer has no content */
    unsigned status; /* already judged; 0: not */
    char *body;
    size_t length, expected;
    struct signaling_whip_session *session; /* whose answer it waits for */
};

/* whip_session.c */
struct signaling_whip_session *signaling_whip_find(struct signaling_server *server, const struct signaling_whip_target *target);
/* Enters the room and offers. Returns 0 and the session, whose answer will come, or a status. */
unsigned signaling_whip_begin(struct signaling_server *server, struct lws *wsi, const struct signaling_whip_exchange *exchange, struct signaling_whip_session **out);
/* What a PATCH says, to the room. Returns a status, or 0: it restarts ICE, and the answer will come. */
unsigned signaling_whip_patch(struct signaling_server *server, struct lws *wsi, struct signaling_whip_session *session, struct signaling_text fragment);
/* The client has ended it: says so to the room. */
void signaling_whip_end(struct signaling_server *server, struct signaling_whip_session *session);

#endif
