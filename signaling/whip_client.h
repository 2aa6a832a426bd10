/*
 * WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03), the client's half without a socket: which HTTP request comes next, and what its answer means.
 *
 *     new -> offer -> poll_request, carry it there and back, handle_response or handle_failure -> poll_event; then poll_request again
 *            candidate ..., end_of_candidates     wait until the session is there, and go as one PATCH
 *            answer                               to a counter-offer (WHEP)
 *            restart                              new credentials, by PATCH
 *            end                                  DELETE, once there is a session to delete; is_over when nothing is left to say
 *
 * One request is under way at a time. There is no timer: after RETRY the caller says when (again). SDP is an opaque string but for its lines.
 */
#ifndef SIGNALING_WHIP_CLIENT_H
#define SIGNALING_WHIP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signaling/http.h"
#include "signaling/message.h"
#include "signaling/whip.h"

#define SIGNALING_WHIP_REDIRECTIONS_MAX 5u            /* of one POST */
#define SIGNALING_WHIP_TRICKLE_MAX_BYTES 16384u       /* candidates that wait for their PATCH */
#define SIGNALING_WHIP_TAG_MAX_BYTES 256u             /* an entity tag, quotes included */
#define SIGNALING_WHIP_RETRY_DEFAULT_S 2u             /* without Retry-After */
#define SIGNALING_WHIP_RETRY_MAX_S 60u                /* of a longer Retry-After this much is waited */

/* ---- Link fields ------------------------------------------------------------------------------------------------------- */

#define SIGNALING_LINK_TEXT_MAX_BYTES 511u /* a URI, a user name, a credential */

/* One ICE server of a Link field, RFC 9725 section 4.6. Texts are NUL-terminated; "" is absent. */
struct signaling_link {
    char uri[SIGNALING_LINK_TEXT_MAX_BYTES + 1], username[SIGNALING_LINK_TEXT_MAX_BYTES + 1], credential[SIGNALING_LINK_TEXT_MAX_BYTES + 1];
};

/*
 * The next link of relation "ice-server" in the value of a Link field (RFC 8288 section 3); *at is 0 at first.
 * Others are passed over, and so are those whose credential-type is not "password" or whose texts are too long. False: no more, or what follows is no link.
 */
bool signaling_link_next(struct signaling_text value, size_t *at, struct signaling_link *out);

/* ---- the client ---------------------------------------------------------------------------------------------------------- */

struct signaling_whip_client_config {
    const char *url;   /* the endpoint, http: or https:; copied */
    const char *token; /* or NULL; copied; SIGNALING_WHIP_TOKEN_MAX_BYTES at most */
    bool is_egress;    /* WHEP */
};

struct signaling_whip_client;

/*
 * *problem  written when NULL is returned: a sentence about the URL or the token, or about memory
 */
struct signaling_whip_client *signaling_whip_client_new(const struct signaling_whip_client_config *config, const char **problem);
void signaling_whip_client_free(struct signaling_whip_client *client); /* NULL is fine */

enum signaling_whip_event_type {
    SIGNALING_WHIP_EVENT_ANSWER = 1,      /* sdp; servers. The session is there */
    SIGNALING_WHIP_EVENT_COUNTER_OFFER,   /* sdp; servers. WHEP section 4.2.2: take ours back, answer this one */
    SIGNALING_WHIP_EVENT_ACCEPTED,        /* our answer to it was taken */
    SIGNALING_WHIP_EVENT_RESTART_ANSWER,  /* sdp: the fragment that signaling_sdpfrag_apply puts into their description */
    SIGNALING_WHIP_EVENT_RESTART_REFUSED, /* status, sentence: everything is as it was */
    SIGNALING_WHIP_EVENT_TRICKLE_REFUSED, /* status, sentence: no candidate is sent any more; our checks may reach the server all the same */
    SIGNALING_WHIP_EVENT_RETRY,           /* status, sentence, retry_after_s: not now. Wait so long, then signaling_whip_client_again */
    SIGNALING_WHIP_EVENT_REDIRECTED,      /* sentence: the new URL */
    SIGNALING_WHIP_EVENT_REFUSED,         /* status, sentence: the POST or our answer was refused for good. Nothing follows */
    SIGNALING_WHIP_EVENT_GONE             /* the server was not reached, or said what is no HTTP; sentence. Nothing follows */
};

/* Everything it points to is valid until the next call on the client that is not poll_event. */
struct signaling_whip_event {
    enum signaling_whip_event_type type;
    struct signaling_text sdp;
    const struct signaling_link *servers;
    size_t server_count;
    unsigned status; /* 0: there was no response */
    uint32_t retry_after_s;
    const char *sentence; /* "The server answered 403 Forbidden: Unauthorized.", without the token; "" when there is nothing to say */
};

/*
 * The app's verbs. Returns SIGNALING_OK; STATE: not now; TOO_LARGE: beyond SIGNALING_WHIP_BODY_MAX_BYTES; MEMORY; and candidate CAPACITY: more wait
 * than SIGNALING_WHIP_TRICKLE_MAX_BYTES.
 */
enum signaling_error signaling_whip_client_offer(struct signaling_whip_client *client, const char *sdp, size_t length);
enum signaling_error signaling_whip_client_answer(struct signaling_whip_client *client, const char *sdp, size_t length);
enum signaling_error signaling_whip_client_candidate(struct signaling_whip_client *client, const char *candidate); /* "candidate:...", without "a=" */
enum signaling_error signaling_whip_client_end_of_candidates(struct signaling_whip_client *client);
/*
 * sdp: our new offer, with the candidates that are known. What waits to be trickled is of before, and goes; what is trickled from now on is of the new one,
 * until RESTART_REFUSED. STATE: no session, a counter-offer that waits for its answer, or a restart is under way.
 */
enum signaling_error signaling_whip_client_restart(struct signaling_whip_client *client, const char *sdp, size_t length);
enum signaling_error signaling_whip_client_again(struct signaling_whip_client *client);
void signaling_whip_client_end(struct signaling_whip_client *client); /* harmless the second time */

bool signaling_whip_client_has_session(const struct signaling_whip_client *client);
bool signaling_whip_client_is_over(const struct signaling_whip_client *client); /* after end: nothing is under way, and nothing is to be said */

/* The next request, with views that live until its response or failure is handled. False: none, or one is under way. */
bool signaling_whip_client_poll_request(struct signaling_whip_client *client, struct signaling_http_request *out);

/* The response to it, DONE. STATE: none was awaited; MEMORY: it counts as a failure. */
enum signaling_error signaling_whip_client_handle_response(struct signaling_whip_client *client, const struct signaling_http_response *response);

/* There is none; why: a sentence, copied. */
void signaling_whip_client_handle_failure(struct signaling_whip_client *client, const char *why);

bool signaling_whip_client_poll_event(struct signaling_whip_client *client, struct signaling_whip_event *out);

#endif
