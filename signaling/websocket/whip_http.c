/* HTTP of WHIP and WHEP (RFC 9725 section 4.1): a header that is judged, a body that comes in, an answer that may come late. */
#include <string.h>

#include "signaling/websocket/whip_internal.h"

/* ---- answers ------------------------------------------------------------------------------------------------------ */

static bool add(struct lws *wsi, const char *name, const char *value, unsigned char **at, unsigned char *end) {
    return lws_add_http_header_by_name(wsi, (const unsigned char *)name, (const unsigned char *)value, (int)strlen(value), at, end) == 0;
}

/* The Fetch standard's CORS: pages of other origins may speak WHIP, as far as --origin lets them, and read what it says in its header. */
static bool add_cors(struct lws *wsi, const struct signaling_whip_exchange *exchange, bool is_preflight, unsigned char **at, unsigned char *end) {
    if (exchange->origin[0] == '\0')
        return true;
    if (!add(wsi, "access-control-allow-origin:", exchange->origin, at, end) || !add(wsi, "vary:", "origin", at, end))
        return false;
    if (!is_preflight)
        return add(wsi, "access-control-expose-headers:", "location, link, etag, accept-patch, retry-after", at, end);
    return add(wsi, "access-control-allow-methods:", "POST, PATCH, DELETE, OPTIONS", at, end) &&
           add(wsi, "access-control-allow-headers:", "authorization, content-type, if-match", at, end) && add(wsi, "access-control-max-age:", "600", at, end);
}

static bool add_fields(struct lws *wsi, const struct signaling_whip_exchange *exchange, unsigned status, unsigned char **at, unsigned char *end) {
    const struct signaling_whip_session *session = exchange->session;
    bool is_endpoint = exchange->request.target.id[0] == '\0';
    if (exchange->request.method == SIGNALING_WHIP_OPTIONS && !add(wsi, "accept-post:", "application/sdp", at, end))
        return false;
    /* RFC 9110 section 11.6.1, MUST: 401 says which scheme; section 15.5.6, MUST: 405 says what is allowed. */
    if (status == 401 && !add(wsi, "www-authenticate:", "Bearer", at, end))
        return false;
    if (status == 405 && !add(wsi, "allow:", is_endpoint ? "GET, HEAD, POST, OPTIONS" : "GET, HEAD, PATCH, DELETE, OPTIONS", at, end))
        return false;
    if (status == 503 && !add(wsi, "retry-after:", "5", at, end))
        return false;
    if (session == NULL || (status != 201 && status != 200))
        return true;
    char location[16 + SIGNALING_ROOM_NAME_MAX_BYTES + SIGNALING_ID_BYTES], tag[SIGNALING_ID_BYTES + 3];
    lws_snprintf(location, sizeof location, "/%s/%s/%s", session->target.is_egress ? "whep" : "whip", session->target.room, session->target.id);
    lws_snprintf(tag, sizeof tag, "\"%s\"", session->tag);
    /* RFC 9725 section 4.3.3, MUST: a restart makes another ICE session, with another entity tag. */
    if (status == 200)
        return add(wsi, "etag:", tag, at, end);
    for (const char *link = session->links; link[0] != '\0'; link += strlen(link) + 1) {
        if (!add(wsi, "link:", link, at, end))
            return false;
    }
    /* RFC 9725 section 4.2, MUST: 201 has the session's URL; section 4.3.1: the entity tag of its ICE session, and what a PATCH may hold. */
    return add(wsi, "location:", location, at, end) && add(wsi, "etag:", tag, at, end) && add(wsi, "accept-patch:", "application/trickle-ice-sdpfrag", at, end);
}

/* Sends the whole answer. False: the connection is of no more use. */
static bool answer(struct lws *wsi, const struct signaling_whip_exchange *exchange, unsigned status, const char *body, size_t length) {
    size_t capacity = LWS_PRE + 2 * SIGNALING_WHIP_LINKS_MAX_BYTES + 2048;
    unsigned char *buffer = malloc(capacity + LWS_PRE + length);
    if (buffer == NULL)
        return false;
    unsigned char *start = buffer + LWS_PRE, *at = start, *end = buffer + capacity - 1;
    const char *type = status == 201 ? "application/sdp" : status == 200 ? "application/trickle-ice-sdpfrag" : "text/plain";
    bool is_written = lws_add_http_header_status(wsi, status, &at, end) == 0 && (length == 0 || add(wsi, "content-type:", type, &at, end)) &&
                      (status == 204 || lws_add_http_header_content_length(wsi, length, &at, end) == 0) &&
                      add_cors(wsi, exchange, exchange->request.method == SIGNALING_WHIP_OPTIONS, &at, end) && add_fields(wsi, exchange, status, &at, end) &&
                      lws_finalize_write_http_header(wsi, start, &at, end) == 0;
    /* RFC 9110 section 9.3.2, MUST NOT: no content in the answer to HEAD; its header is as GET's. */
    if (is_written && length > 0 && !exchange->is_head) {
        memcpy(buffer + capacity + LWS_PRE, body, length);
        is_written = lws_write(wsi, buffer + capacity + LWS_PRE, length, LWS_WRITE_HTTP_FINAL) >= 0;
    }
    free(buffer);
    return is_written;
}

static const char *sentence_of(unsigned status) {
    switch (status) {
    case 400: return "This is nothing that a room could take.\n";
    case 401: return "This endpoint wants a bearer token.\n";
    case 403: return "This server does not take calls from pages of that origin.\n";
    case 404: return "There is no such session, or it is over.\n";
    case 405: return "An endpoint takes POST, a session PATCH and DELETE.\n";
    case 412: return "That is another ICE session's entity tag.\n";
    case 413: return "That is too long.\n";
    case 415: return "An offer is application/sdp, candidates are application/trickle-ice-sdpfrag.\n";
    case 409: return "An ICE restart of this session is under way.\n";
    case 422: return "The other side cannot take every media section of this offer.\n";
    case 428: return "If-Match has to name the ICE session.\n";
    case 429: return "Too much, too fast.\n";
    case 502: return "The other side has left before it answered.\n";
    case 503: return "Nobody is in the room who could answer, or it is full. Try again later.\n";
    case 504: return "The other side did not answer in time.\n";
    default: return "";
    }
}

void signaling_whip_exchange_free(struct signaling_server *server, struct signaling_connection *connection) {
    struct signaling_whip_exchange *exchange = connection->exchange;
    connection->exchange = NULL;
    if (exchange == NULL)
        return;
    if (exchange->session != NULL) {
        exchange->session->wsi = NULL;
        if (!exchange->session->is_established)
            exchange->session->is_over = true;
    }
    free(exchange->body);
    free(exchange);
    if (!server->destroyed)
        signaling_connection_drain(server);
}

static int finish(struct signaling_server *server, struct signaling_connection *connection, struct lws *wsi, unsigned status) {
    struct signaling_whip_exchange *exchange = connection->exchange;
    struct signaling_whip_session *session = exchange->session;
    bool is_description = session != NULL && (status == 201 || status == 200);
    const char *body = is_description ? session->answer : sentence_of(status);
    bool is_sent = answer(wsi, exchange, status, body, is_description ? session->answer_length : strlen(body));
    if (session != NULL && status == 201)
        session->is_established = true;
    signaling_whip_exchange_free(server, connection);
    return !is_sent || lws_http_transaction_completed(wsi) != 0 ? -1 : 0; /* with it the connection's user space may go */
}

/* ---- requests ----------------------------------------------------------------------------------------------------- */

static const struct {
    enum lws_token_indexes token;
    enum signaling_whip_method method;
} methods[] = {{WSI_TOKEN_POST_URI, SIGNALING_WHIP_POST}, {WSI_TOKEN_PATCH_URI, SIGNALING_WHIP_PATCH}, {WSI_TOKEN_DELETE_URI, SIGNALING_WHIP_DELETE},
               {WSI_TOKEN_OPTIONS_URI, SIGNALING_WHIP_OPTIONS}, {WSI_TOKEN_GET_URI, SIGNALING_WHIP_GET}, {WSI_TOKEN_HEAD_URI, SIGNALING_WHIP_GET},
               {WSI_TOKEN_PUT_URI, SIGNALING_WHIP_OTHER}};

bool signaling_whip_is_asked(struct lws *wsi, struct signaling_whip_target *target, unsigned *method) {
    char path[2 * SIGNALING_ROOM_NAME_MAX_BYTES + 8];
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        int length = lws_hdr_copy(wsi, path, (int)sizeof path, methods[i].token);
        if (length <= 0)
            continue;
        *method = methods[i].method;
        return signaling_whip_target_parse(path, (size_t)length, target);
    }
    return false;
}

/* False: it is longer than any that we take. */
static bool copy_field(struct lws *wsi, enum lws_token_indexes token, char *buffer, size_t capacity, struct signaling_text *out) {
    if (lws_hdr_total_length(wsi, token) <= 0)
        return true;
    int length = lws_hdr_copy(wsi, buffer, (int)capacity, token);
    if (length < 0)
        return false;
    *out = (struct signaling_text){buffer, (size_t)length};
    return true;
}

static unsigned judge(struct signaling_server *server, struct lws *wsi, struct signaling_whip_exchange *exchange) {
    struct signaling_whip_request *request = &exchange->request;
    struct signaling_text origin;
    if (!copy_field(wsi, WSI_TOKEN_ORIGIN, exchange->origin, sizeof exchange->origin, &origin) || !signaling_origin_allowed(server, exchange->origin)) {
        exchange->origin[0] = '\0';
        return 403;
    }
    if (!copy_field(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, exchange->content_type, sizeof exchange->content_type, &request->content_type))
        return 415;
    if (!copy_field(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, exchange->authorization, sizeof exchange->authorization, &request->authorization))
        return 401;
    if (!copy_field(wsi, WSI_TOKEN_HTTP_IF_MATCH, exchange->if_match, sizeof exchange->if_match, &request->if_match))
        return 412;
    const struct signaling_whip_session *session = signaling_whip_find(server, &request->target);
    return signaling_whip_judge(request, server->token, session != NULL ? session->tag : NULL);
}

/* A status, or 0: it comes when the session has it. */
static unsigned act_on_session(struct signaling_server *server, struct lws *wsi, struct signaling_whip_exchange *exchange) {
    struct signaling_whip_session *session = signaling_whip_find(server, &exchange->request.target);
    struct signaling_text body = {exchange->body, exchange->length};
    if (session == NULL)
        return 404;
    if (exchange->request.method == SIGNALING_WHIP_DELETE) {
        signaling_whip_end(server, session);
        return 200;
    }
    if (exchange->length == 0 || !signaling_text_is_utf8(body))
        return 400;
    unsigned status = signaling_whip_patch(server, wsi, session, body);
    if (status == 0)
        exchange->session = session;
    return status;
}

static unsigned act_on_endpoint(struct signaling_server *server, struct lws *wsi, struct signaling_whip_exchange *exchange) {
    struct signaling_text body = {exchange->body, exchange->length};
    /* RFC 9725 section 4.2, MUST: what is malformed is rejected, 4xx. */
    if (exchange->length == 0 || !signaling_text_is_utf8(body) || !signaling_whip_is_description(body))
        return 400;
    return signaling_whip_begin(server, wsi, exchange, &exchange->session);
}

static int act(struct signaling_server *server, struct signaling_connection *connection, struct lws *wsi) {
    struct signaling_whip_exchange *exchange = connection->exchange;
    unsigned status = exchange->status;
    if (status == 0)
        status = exchange->request.target.id[0] == '\0' ? act_on_endpoint(server, wsi, exchange) : act_on_session(server, wsi, exchange);
    if (status != 0)
        return finish(server, connection, wsi, status);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, 2 * (int)(SIGNALING_WHIP_ANSWER_TIMEOUT_US / 1000000));
    if (exchange->session->status != 0) /* it knew at once, before it knew who waits */
        lws_callback_on_writable(wsi);
    return 0;
}

int signaling_whip_http(struct signaling_server *server, struct signaling_connection *connection, struct lws *wsi) {
    struct signaling_whip_target target;
    unsigned method;
    char length[16];
    if (!signaling_whip_is_asked(wsi, &target, &method))
        return -1;
    struct signaling_whip_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL)
        return -1;
    connection->exchange = exchange;
    exchange->request.target = target;
    exchange->request.method = (enum signaling_whip_method)method;
    exchange->is_head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
    signaling_connection_host(wsi, exchange->host);
    exchange->status = judge(server, wsi, exchange);
    if (lws_hdr_copy(wsi, length, (int)sizeof length, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0)
        exchange->expected = strtoul(length, NULL, 10);
    if (exchange->expected > SIGNALING_WHIP_BODY_MAX_BYTES) {
        (void)finish(server, connection, wsi, 413);
        return -1; /* what is on its way is not waited for */
    }
    return exchange->expected > 0 ? 0 : act(server, connection, wsi);
}

int signaling_whip_body(struct signaling_connection *connection, const char *bytes, size_t length) {
    struct signaling_whip_exchange *exchange = connection->exchange;
    if (exchange == NULL || length > exchange->expected - exchange->length)
        return -1;
    if (exchange->body == NULL && (exchange->body = calloc(1, exchange->expected + 1)) == NULL)
        return -1;
    memcpy(exchange->body + exchange->length, bytes, length);
    exchange->length += length;
    return 0;
}

int signaling_whip_body_complete(struct signaling_server *server, struct signaling_connection *connection, struct lws *wsi) {
    if (connection->exchange == NULL || connection->exchange->session != NULL)
        return -1;
    return act(server, connection, wsi);
}

int signaling_whip_writable(struct signaling_server *server, struct signaling_connection *connection, struct lws *wsi) {
    const struct signaling_whip_session *session = connection->exchange->session;
    if (session == NULL || session->status == 0)
        return 0;
    return finish(server, connection, wsi, session->status);
}
