/* HTTP on the same port: the page of a room for people, and who may upgrade to a WebSocket. */
#include <stdlib.h>
#include <string.h>

#include "signaling/websocket/server_internal.h"

/* ---- paths, hosts and origins ----------------------------------------------------------------------------------------- */

bool signaling_page_room(const char *path, size_t length, char room[SIGNALING_ROOM_NAME_MAX_BYTES + 1]) {
    if (length < 3 || memcmp(path, "/r/", 3) != 0 || !signaling_room_name_is_valid(path + 3, length - 3))
        return false;
    memcpy(room, path + 3, length - 3);
    room[length - 3] = '\0';
    return true;
}

bool signaling_page_path(struct lws *wsi, char *path, size_t capacity) {
    int length = lws_hdr_copy(wsi, path, (int)capacity, WSI_TOKEN_GET_URI);
    if (length > 0)
        return true;
    path[0] = '\0';
    return false;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_host_character(char c, bool in_brackets) {
    if (is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.')
        return true;
    return in_brackets ? c == ':' : (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z') || c == '-' || c == '_';
}

/* RFC 9110 section 7.2: uri-host [":" port]. Of RFC 3986 section 3.2.2 without percent-encoding, sub-delimiters, zones and future addresses. */
bool signaling_page_host(const char *value, size_t length, char host[SIGNALING_SERVER_HOST_MAX_BYTES + 1]) {
    bool in_brackets = length > 0 && value[0] == '[';
    size_t end = in_brackets ? 1 : 0;
    while (end < length && is_host_character(value[end], in_brackets))
        end++;
    if (in_brackets && (end == 1 || end == length || value[end++] != ']'))
        return false;
    if (end == 0 || end > SIGNALING_SERVER_HOST_MAX_BYTES || (end < length && value[end] != ':'))
        return false;
    for (size_t i = end + 1; i < length; i++) {
        if (!is_digit(value[i]))
            return false;
    }
    memcpy(host, value, end);
    host[end] = '\0';
    return true;
}

static char lower(char character) {
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

static bool equal_ignoring_case(const char *a, const char *b, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

/* One "*" stands for any characters. Scheme and host are compared without case (RFC 6454 section 4). */
static bool matches(const char *pattern, const char *origin) {
    size_t pattern_length = strlen(pattern), origin_length = strlen(origin);
    const char *star = strchr(pattern, '*');
    if (star == NULL)
        return pattern_length == origin_length && equal_ignoring_case(pattern, origin, origin_length);
    size_t before = (size_t)(star - pattern), after = pattern_length - before - 1;
    return origin_length >= before + after && equal_ignoring_case(pattern, origin, before) &&
           equal_ignoring_case(star + 1, origin + origin_length - after, after);
}

/* RFC 6455 section 10.2, SHOULD: a server that is not for every page checks Origin; who is no browser sends none, and may lie anyhow. */
bool signaling_origin_allowed(const struct signaling_server *server, const char *origin) {
    if (origin[0] == '\0' || server->origin_count == 0)
        return true;
    for (size_t i = 0; i < server->origin_count; i++) {
        if (matches(server->origins[i], origin))
            return true;
    }
    return false;
}

/* ---- upgrades ----------------------------------------------------------------------------------------------------- */

int signaling_page_confirm_upgrade(struct signaling_server *server, struct lws *wsi) {
    char path[SIGNALING_ROOM_NAME_MAX_BYTES + 8], room[SIGNALING_ROOM_NAME_MAX_BYTES + 1], origin[256] = "", remote[64];
    uint8_t source[SIGNALING_SOURCE_MAX_BYTES];
    signaling_listener_source(lws_get_socket_fd(wsi), source, remote, sizeof remote);
    if (!signaling_page_path(wsi, path, sizeof path) || !signaling_page_room(path, strlen(path), room)) {
        signaling_server_event(server, SIGNALING_SERVER_REFUSED, "", remote, "no such path");
        lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, "A room is /r/NAME, 1 to 64 of A-Z a-z 0-9 - _ .");
        return 1;
    }
    int length = lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN);
    bool copied = length <= 0 || lws_hdr_copy(wsi, origin, sizeof origin, WSI_TOKEN_ORIGIN) >= 0;
    if (!copied || !signaling_origin_allowed(server, origin)) {
        signaling_server_event(server, SIGNALING_SERVER_REFUSED, room, remote, "the page's origin is not allowed");
        lws_return_http_status(wsi, HTTP_STATUS_FORBIDDEN, "This server does not take calls from pages of that origin.");
        return 1;
    }
    return server->stopping ? -1 : 0;
}

/* ---- the page ----------------------------------------------------------------------------------------------------- */

/*
 * Nothing from elsewhere, nothing inline, and nobody frames it. W3C CSP3 section 6.7.2.8: 'self' covers the WebSocket of the same host only in
 * newer browsers, hence ws: and wss:.
 */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; media-src 'self' blob: mediastream:; "
                             "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static bool add(struct lws *wsi, const char *name, const char *value, unsigned char **at, unsigned char *end) {
    return lws_add_http_header_by_name(wsi, (const unsigned char *)name, (const unsigned char *)value, (int)strlen(value), at, end) == 0;
}

static int send_file(struct lws *wsi, const struct signaling_web_file *file) {
    unsigned char headers[LWS_PRE + 1024];
    unsigned char *start = headers + LWS_PRE, *at = start, *end = headers + sizeof headers - 1;
    if (lws_add_http_common_headers(wsi, HTTP_STATUS_OK, file->type, (lws_filepos_t)file->length, &at, end) != 0 ||
        !add(wsi, "content-security-policy:", policy, &at, end) || !add(wsi, "x-content-type-options:", "nosniff", &at, end) ||
        !add(wsi, "referrer-policy:", "no-referrer", &at, end) || !add(wsi, "cache-control:", "no-cache", &at, end) ||
        lws_finalize_write_http_header(wsi, start, &at, end) != 0)
        return -1;
    unsigned char *body = malloc(LWS_PRE + file->length);
    if (body == NULL)
        return -1;
    memcpy(body + LWS_PRE, file->bytes, file->length);
    int written = lws_write(wsi, body + LWS_PRE, file->length, LWS_WRITE_HTTP_FINAL); /* what does not leave at once is kept there */
    free(body);
    if (written < 0)
        return -1;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* The page of a room, or one of the files that it asks for. */
static bool find_file(const char *path, struct signaling_web_file *out) {
    char room[SIGNALING_ROOM_NAME_MAX_BYTES + 1];
    if (signaling_page_room(path, strlen(path), room))
        return signaling_web_file("index.html", out);
    return strncmp(path, "/web/", 5) == 0 && signaling_web_file(path + 5, out);
}

int signaling_page_answer(struct lws *wsi) {
    char path[SIGNALING_ROOM_NAME_MAX_BYTES + 8];
    struct signaling_web_file file;
    unsigned status = HTTP_STATUS_NOT_FOUND;
    const char *text = "A room is /r/NAME, 1 to 64 of A-Z a-z 0-9 - _ .";
    if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) <= 0) {
        status = HTTP_STATUS_METHOD_NOT_ALLOWED;
        text = "Only GET is answered here.";
    } else if (signaling_page_path(wsi, path, sizeof path) && find_file(path, &file)) {
        return send_file(wsi, &file);
    }
    if (lws_return_http_status(wsi, status, text) != 0)
        return -1;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}
