/* Room URLs: the generic syntax of RFC 3986, of which a room needs little; what else a URL may have (user, query, fragment) is refused by name. */
#include "signaling/websocket/url_internal.h"

#include <string.h>

static const struct {
    const char *prefix;
    bool tls;
} schemes[] = {{"ws://", false}, {"http://", false}, {"wss://", true}, {"https://", true}};

static const char *parse_port(const char *text, size_t length, uint16_t *port) {
    uint32_t value = 0;
    if (length < 1 || length > 5)
        return "the port is not a number from 1 to 65535";
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return "the port is not a number from 1 to 65535";
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    if (value < 1 || value > 65535)
        return "the port is not a number from 1 to 65535";
    *port = (uint16_t)value;
    return NULL;
}

static const char *parse_authority(const char *text, size_t length, struct signaling_url *out) {
    if (length >= sizeof out->authority)
        return "the host is too long";
    if (memchr(text, '@', length) != NULL)
        return "a room URL has no user name";
    memcpy(out->authority, text, length);
    out->authority[length] = '\0';
    const char *host = text, *end = text + length, *after;
    if (length > 0 && *text == '[') {
        const char *closing = memchr(text, ']', length);
        if (closing == NULL)
            return "the bracket of the IPv6 address is not closed";
        host = text + 1;
        after = closing + 1;
        end = closing;
    } else {
        const char *colon = memchr(text, ':', length);
        after = colon != NULL ? colon : end;
        end = after;
    }
    if (end == host || (size_t)(end - host) >= sizeof out->host)
        return "the host is missing, or too long";
    memcpy(out->host, host, (size_t)(end - host));
    out->host[end - host] = '\0';
    out->port = out->tls ? 443 : 80;
    if (after == text + length)
        return NULL;
    return *after == ':' ? parse_port(after + 1, (size_t)(text + length - after - 1), &out->port) : "something stands behind the IPv6 address";
}

const char *signaling_url_parse(const char *text, struct signaling_url *out) {
    memset(out, 0, sizeof *out);
    if (strlen(text) > SIGNALING_CLIENT_URL_MAX_BYTES)
        return "the URL is too long";
    const char *rest = NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i].prefix);
        if (strncmp(text, schemes[i].prefix, length) == 0) {
            rest = text + length;
            out->tls = schemes[i].tls;
        }
    }
    if (rest == NULL)
        return "the URL does not begin with ws://, wss://, http:// or https://";
    for (const char *c = rest; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            return "the URL has a space, or a character that is not ASCII";
    }
    const char *path = strchr(rest, '/');
    const char *problem = parse_authority(rest, path != NULL ? (size_t)(path - rest) : strlen(rest), out);
    if (problem != NULL)
        return problem;
    if (path == NULL || strncmp(path, "/r/", 3) != 0 || !signaling_room_name_is_valid(path + 3, strlen(path + 3)))
        return "the path is not /r/ROOM, with a ROOM of 1 to 64 of A-Z a-z 0-9 - _ .";
    memcpy(out->path, path, strlen(path) + 1);
    return NULL;
}
