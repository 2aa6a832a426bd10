/* The client of WHIP and WHEP: one request at a time, in the order that the session wants. What responses mean is in whip_client_response.c. */
#include <stdlib.h>
#include <string.h>

#include "signaling/whip_client_internal.h"

#define SDP "application/sdp"
#define SDPFRAG "application/trickle-ice-sdpfrag"

static const char *check_token(const char *token) {
    size_t length = token != NULL ? strlen(token) : 0;
    if (token != NULL && (length == 0 || length > SIGNALING_WHIP_TOKEN_MAX_BYTES))
        return "the token is empty, or too long";
    /* RFC 6750 section 2.1: b64token, of which it is enough to know that a header can hold it. */
    for (size_t i = 0; i < length; i++) {
        if (token[i] <= ' ' || token[i] > '~')
            return "the token has a space, or a character that is not ASCII";
    }
    return NULL;
}

struct signaling_whip_client *signaling_whip_client_new(const struct signaling_whip_client_config *config, const char **problem) {
    struct signaling_whip_client *client = calloc(1, sizeof *client);
    *problem = client == NULL ? "there is not enough memory" : signaling_http_url_parse(config->url, strlen(config->url), &client->endpoint);
    if (*problem == NULL)
        *problem = check_token(config->token);
    if (*problem != NULL) {
        free(client);
        return NULL;
    }
    if (config->token != NULL)
        memcpy(client->token, config->token, strlen(config->token) + 1);
    client->is_egress = config->is_egress;
    client->url = client->endpoint;
    return client;
}

void signaling_whip_client_free(struct signaling_whip_client *client) {
    if (client == NULL)
        return;
    free(client->description.bytes);
    free(client->next.bytes);
    free(client->body);
    free(client->received);
    free(client);
}

bool signaling_whip_client_has_session(const struct signaling_whip_client *client) {
    return client->has_session;
}

bool signaling_whip_client_is_over(const struct signaling_whip_client *client) {
    return client->is_ending && client->under_way == SIGNALING_WHIP_NOTHING && (!client->has_session || client->is_deleted);
}

/* ---- verbs ------------------------------------------------------------------------------------------------------------------ */

/* Keeps a description that a request is going to carry. */
static enum signaling_error keep(struct signaling_whip_client *client, const char *sdp, size_t length, enum signaling_whip_work work) {
    struct signaling_whip_description *kept = work == SIGNALING_WHIP_PATCH_RESTART ? &client->next : &client->description;
    if (client->is_ending || client->has_failed)
        return SIGNALING_ERROR_STATE;
    if (length > SIGNALING_WHIP_BODY_MAX_BYTES)
        return SIGNALING_ERROR_TOO_LARGE;
    char *copy = malloc(length + 1);
    if (copy == NULL)
        return SIGNALING_ERROR_MEMORY;
    memcpy(copy, sdp, length);
    copy[length] = '\0';
    free(kept->bytes);
    *kept = (struct signaling_whip_description){copy, length};
    client->work = work;
    return SIGNALING_OK;
}

void signaling_whip_client_forget_candidates(struct signaling_whip_client *client) {
    client->waiting_length = 0;
    client->is_end_waiting = false;
}

enum signaling_error signaling_whip_client_offer(struct signaling_whip_client *client, const char *sdp, size_t length) {
    if (client->has_session || client->under_way != SIGNALING_WHIP_NOTHING || client->work != SIGNALING_WHIP_NOTHING)
        return SIGNALING_ERROR_STATE;
    client->redirections = 0;
    return keep(client, sdp, length, SIGNALING_WHIP_POST_OFFER);
}

enum signaling_error signaling_whip_client_answer(struct signaling_whip_client *client, const char *sdp, size_t length) {
    if (!client->has_counter_offer)
        return SIGNALING_ERROR_STATE;
    enum signaling_error error = keep(client, sdp, length, SIGNALING_WHIP_PATCH_ANSWER);
    client->has_counter_offer = error != SIGNALING_OK;
    return error;
}

static enum signaling_error add_line(struct signaling_whip_client *client, const char *text, size_t length) {
    if (client->waiting_length + length + 4 > sizeof client->waiting)
        return SIGNALING_ERROR_CAPACITY;
    memcpy(client->waiting + client->waiting_length, "a=", 2);
    memcpy(client->waiting + client->waiting_length + 2, text, length);
    memcpy(client->waiting + client->waiting_length + 2 + length, "\r\n", 2);
    client->waiting_length += length + 4;
    return SIGNALING_OK;
}

enum signaling_error signaling_whip_client_candidate(struct signaling_whip_client *client, const char *candidate) {
    if (client->is_ending || client->has_failed || client->is_trickle_refused)
        return SIGNALING_ERROR_STATE;
    return add_line(client, candidate, strlen(candidate));
}

enum signaling_error signaling_whip_client_end_of_candidates(struct signaling_whip_client *client) {
    if (client->is_ending || client->has_failed || client->is_trickle_refused)
        return SIGNALING_ERROR_STATE;
    client->is_end_waiting = true;
    return SIGNALING_OK;
}

enum signaling_error signaling_whip_client_restart(struct signaling_whip_client *client, const char *sdp, size_t length) {
    if (!client->has_session || client->has_counter_offer || client->work != SIGNALING_WHIP_NOTHING || client->under_way == SIGNALING_WHIP_PATCH_RESTART)
        return SIGNALING_ERROR_STATE;
    enum signaling_error error = keep(client, sdp, length, SIGNALING_WHIP_PATCH_RESTART);
    if (error == SIGNALING_OK)
        signaling_whip_client_forget_candidates(client);
    return error;
}

enum signaling_error signaling_whip_client_again(struct signaling_whip_client *client) {
    if (!client->is_put_off || client->is_ending || client->has_failed)
        return SIGNALING_ERROR_STATE;
    client->is_put_off = false;
    client->redirections = 0;
    client->url = client->endpoint;
    client->work = SIGNALING_WHIP_POST_OFFER;
    return SIGNALING_OK;
}

void signaling_whip_client_end(struct signaling_whip_client *client) {
    client->is_ending = true;
    client->work = SIGNALING_WHIP_NOTHING;
    client->event.type = 0;
}

/* ---- requests --------------------------------------------------------------------------------------------------------------- */

static struct signaling_text text_of(struct signaling_whip_description description) {
    return (struct signaling_text){description.bytes, description.length};
}

/* The fragment of a description, as the body of a request. */
static bool make_fragment(struct signaling_whip_client *client, struct signaling_whip_description description, struct signaling_text candidates, bool is_end) {
    size_t length;
    (void)signaling_sdpfrag_write(text_of(description), candidates, is_end, NULL, 0, &length);
    free(client->body);
    client->body = malloc(length + 1);
    client->body_length = length;
    return client->body != NULL && signaling_sdpfrag_write(text_of(description), candidates, is_end, client->body, length + 1, &length) == SIGNALING_OK;
}

static bool has_candidates(const struct signaling_whip_client *client) {
    return client->has_session && !client->has_counter_offer && !client->is_trickle_refused && (client->waiting_length > 0 || client->is_end_waiting);
}

/* What is to be said next, if anything. */
static enum signaling_whip_work choose(const struct signaling_whip_client *client) {
    if (client->under_way != SIGNALING_WHIP_NOTHING)
        return SIGNALING_WHIP_NOTHING;
    if (client->is_ending)
        return client->has_session && !client->is_deleted ? SIGNALING_WHIP_DELETE_SESSION : SIGNALING_WHIP_NOTHING;
    if (client->has_failed)
        return SIGNALING_WHIP_NOTHING;
    if (client->work != SIGNALING_WHIP_NOTHING)
        return client->work;
    return has_candidates(client) ? SIGNALING_WHIP_PATCH_CANDIDATES : SIGNALING_WHIP_NOTHING;
}

static struct signaling_text body_of(const struct signaling_whip_client *client) {
    return (struct signaling_text){client->body, client->body_length};
}

static bool fill(struct signaling_whip_client *client, enum signaling_whip_work work, struct signaling_http_request *out) {
    struct signaling_text tag = signaling_text_of(client->tag[0] != '\0' ? client->tag : NULL), waiting = {client->waiting, client->waiting_length};
    switch (work) {
    case SIGNALING_WHIP_POST_OFFER:
        *out = (struct signaling_http_request){.method = "POST", .accept = signaling_text_of(SDP), .content_type = signaling_text_of(SDP), .body = text_of(client->description)};
        return true;
    case SIGNALING_WHIP_PATCH_ANSWER:
        *out = (struct signaling_http_request){.method = "PATCH", .content_type = signaling_text_of(SDP), .body = text_of(client->description)};
        return true;
    case SIGNALING_WHIP_PATCH_CANDIDATES:
        /* RFC 9725 section 4.3.1: for the ICE session of that entity tag. A server that gave none wants none. */
        if (!make_fragment(client, client->description, waiting, client->is_end_waiting))
            return false;
        signaling_whip_client_forget_candidates(client);
        *out = (struct signaling_http_request){.method = "PATCH", .content_type = signaling_text_of(SDPFRAG), .if_match = tag, .body = body_of(client)};
        return true;
    case SIGNALING_WHIP_PATCH_RESTART:
        /* RFC 9725 section 4.3.3, MUST: If-Match is "*", without quotes (RFC 9110 section 13.1.1). */
        if (!make_fragment(client, client->next, (struct signaling_text){NULL, 0}, false))
            return false;
        *out = (struct signaling_http_request){.method = "PATCH", .content_type = signaling_text_of(SDPFRAG), .if_match = signaling_text_of("*"), .body = body_of(client)};
        return true;
    case SIGNALING_WHIP_DELETE_SESSION:
        /* RFC 9725 section 4.3.1, SHOULD NOT: an entity tag here. */
        *out = (struct signaling_http_request){.method = "DELETE"};
        return true;
    case SIGNALING_WHIP_NOTHING:
        break;
    }
    return false;
}

bool signaling_whip_client_poll_request(struct signaling_whip_client *client, struct signaling_http_request *out) {
    enum signaling_whip_work work = choose(client);
    if (work == SIGNALING_WHIP_NOTHING || client->event.type != 0)
        return false;
    if (!fill(client, work, out))
        return false;
    out->url = work == SIGNALING_WHIP_POST_OFFER ? &client->url : &client->session;
    /* RFC 9725 section 4.7.1, MUST: the token goes with all requests; MUST NOT: an Authorization field without one. */
    out->bearer_token = signaling_text_of(client->token[0] != '\0' ? client->token : NULL);
    client->under_way = work;
    client->work = SIGNALING_WHIP_NOTHING;
    return true;
}

bool signaling_whip_client_poll_event(struct signaling_whip_client *client, struct signaling_whip_event *out) {
    if (client->event.type == 0)
        return false;
    *out = client->event;
    client->event.type = 0;
    return true;
}
