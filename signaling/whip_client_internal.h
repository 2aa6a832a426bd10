/* What the two files of the client share: what it says (whip_client.c), and what the answers mean (whip_client_response.c). */
#ifndef SIGNALING_WHIP_CLIENT_INTERNAL_H
#define SIGNALING_WHIP_CLIENT_INTERNAL_H

#include "signaling/whip_client.h"

#define SIGNALING_WHIP_SENTENCE_BYTES 512u

enum signaling_whip_work {
    SIGNALING_WHIP_NOTHING = 0,
    SIGNALING_WHIP_POST_OFFER,
    SIGNALING_WHIP_PATCH_ANSWER,
    SIGNALING_WHIP_PATCH_CANDIDATES,
    SIGNALING_WHIP_PATCH_RESTART,
    SIGNALING_WHIP_DELETE_SESSION
};

struct signaling_whip_description {
    char *bytes; /* NULL: none */
    size_t length;
};

struct signaling_whip_client {
    struct signaling_http_url endpoint, url; /* as configured; where redirections have led */
    struct signaling_http_url session;
    char token[SIGNALING_WHIP_TOKEN_MAX_BYTES + 1];
    char tag[SIGNALING_WHIP_TAG_MAX_BYTES + 1]; /* of the ICE session; "": none */
    bool is_egress, has_session, has_counter_offer, is_trickle_refused, is_put_off, is_ending, is_deleted, has_failed;
    enum signaling_whip_work work, under_way; /* to be done besides trickling and deleting; what is being done */
    unsigned redirections;
    struct signaling_whip_description description; /* ours: the offer, the answer, and of it the fragments */
    struct signaling_whip_description next;        /* of a restart; when that is agreed, it is ours */
    char waiting[SIGNALING_WHIP_TRICKLE_MAX_BYTES]; /* lines of candidates */
    size_t waiting_length;
    bool is_end_waiting;
    char *body; /* of the request that is under way, when it is a fragment */
    size_t body_length;
    char *received; /* the body of the last response, decoded, NUL-terminated */
    size_t received_length;
    struct signaling_link servers[SIGNALING_ICE_SERVERS_MAX];
    char sentence[SIGNALING_WHIP_SENTENCE_BYTES];
    struct signaling_whip_event event; /* type 0: none */
};

/* What waits to be trickled belongs to credentials that are of no use any more. */
void signaling_whip_client_forget_candidates(struct signaling_whip_client *client);

#endif
