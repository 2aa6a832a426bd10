/* URLs of HTTP: the generic syntax of RFC 3986, and its reference resolution. */
#include "signaling/http.h"

#include <string.h>

static char lower(char character) {
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

bool signaling_http_begins(struct signaling_text text, const char *string) {
    size_t length = strlen(string);
    if (text.bytes == NULL || text.length < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (lower(text.bytes[i]) != lower(string[i]))
            return false;
    }
    return true;
}

bool signaling_http_is_media_type(struct signaling_text value, const char *type) {
    size_t length = strlen(type);
    if (!signaling_http_begins(value, type))
        return false;
    return value.length == length || value.bytes[length] == ';' || value.bytes[length] == ' ' || value.bytes[length] == '\t';
}

/* ---- the parts of a URL ------------------------------------------------------------------------------------------------- */

static const char *parse_port(struct signaling_text text, uint16_t *port) {
    uint32_t value = 0;
    if (text.length > 5)
        return "the port is not a number from 1 to 65535";
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return "the port is not a number from 1 to 65535";
        value = value * 10 + (uint32_t)(text.bytes[i] - '0');
    }
    if (text.length == 0) /* RFC 3986 section 3.2.3: an empty port is the default one */
        return NULL;
    if (value < 1 || value > 65535)
        return "the port is not a number from 1 to 65535";
    *port = (uint16_t)value;
    return NULL;
}

static const char *parse_authority(struct signaling_text text, struct signaling_http_url *out) {
    const char *host = text.bytes, *end = text.bytes + text.length, *host_end;
    if (memchr(text.bytes, '@', text.length) != NULL)
        return "the URL has a user name in it; a token belongs into a file";
    if (text.length > 0 && *host == '[') {
        host_end = memchr(host, ']', text.length);
        if (host_end == NULL)
            return "the bracket of the IPv6 address is not closed";
        host++;
    } else {
        host_end = memchr(host, ':', text.length);
        host_end = host_end != NULL ? host_end : end;
    }
    if (host_end == host || (size_t)(host_end - host) > SIGNALING_HTTP_HOST_MAX_BYTES)
        return "the host is missing, or too long";
    memcpy(out->host, host, (size_t)(host_end - host));
    out->host[host_end - host] = '\0';
    out->port = out->is_tls ? 443 : 80;
    const char *after = host_end + (*text.bytes == '[' ? 1 : 0);
    if (after == end)
        return NULL;
    return *after == ':' ? parse_port((struct signaling_text){after + 1, (size_t)(end - after - 1)}, &out->port) : "something stands behind the IPv6 address";
}

/* Without its fragment; false: it has a byte that no URL has. */
static bool take_text(const char *text, size_t length, struct signaling_text *out) {
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"<>\\^`{|}", text[i]) != NULL)
            return false;
    }
    const char *fragment = length > 0 ? memchr(text, '#', length) : NULL;
    *out = (struct signaling_text){text, fragment != NULL ? (size_t)(fragment - text) : length};
    return true;
}

static size_t length_to(struct signaling_text text, const char *stops) {
    size_t at = 0;
    while (at < text.length && strchr(stops, text.bytes[at]) == NULL)
        at++;
    return at;
}

static struct signaling_text rest(struct signaling_text text, size_t from) {
    return (struct signaling_text){text.bytes + from, text.length - from};
}

/* ---- resolution --------------------------------------------------------------------------------------------------------- */

/* RFC 3986 section 5.2.4, on a path that begins with "/". Returns the new length. */
static size_t remove_dot_segments(char *path, size_t length) {
    size_t from = 0, to = 0;
    while (from < length) {
        size_t end = from + 1;
        while (end < length && path[end] != '/')
            end++;
        size_t size = end - from; /* of "/segment" */
        bool is_dot = size == 2 && path[from + 1] == '.', is_double = size == 3 && path[from + 1] == '.' && path[from + 2] == '.';
        if (is_double) {
            while (to > 0 && path[--to] != '/')
                ;
        }
        if (!is_dot && !is_double) {
            memmove(path + to, path + from, size);
            to += size;
        } else if (end == length) {
            path[to++] = '/';
        }
        from = end;
    }
    if (to == 0)
        path[to++] = '/';
    return to;
}

/* The target of base up to what its own kind of reference keeps, and the reference behind it. */
static const char *set_target(struct signaling_text before, struct signaling_text reference, struct signaling_http_url *out) {
    char target[SIGNALING_HTTP_URL_MAX_BYTES + 1];
    if (before.length + reference.length > SIGNALING_HTTP_URL_MAX_BYTES)
        return "the URL is too long";
    if (before.length > 0)
        memcpy(target, before.bytes, before.length);
    if (reference.length > 0)
        memcpy(target + before.length, reference.bytes, reference.length);
    size_t length = before.length + reference.length;
    size_t path = length_to((struct signaling_text){target, length}, "?");
    size_t kept = remove_dot_segments(target, path);
    memcpy(out->target, target, kept);
    if (length > path)
        memcpy(out->target + kept, target + path, length - path);
    out->target[kept + length - path] = '\0';
    return NULL;
}

static const char *parse_hierarchy(struct signaling_text text, struct signaling_http_url *out) {
    size_t authority = length_to(text, "/?");
    const char *problem = parse_authority((struct signaling_text){text.bytes, authority}, out);
    if (problem != NULL)
        return problem;
    bool has_path = authority < text.length && text.bytes[authority] == '/';
    return set_target((struct signaling_text){"/", has_path ? 0 : 1}, rest(text, authority), out);
}

static const char *parse_absolute(struct signaling_text text, struct signaling_http_url *out) {
    out->is_tls = signaling_http_begins(text, "https://");
    if (!out->is_tls && !signaling_http_begins(text, "http://"))
        return "the URL does not begin with http:// or https://";
    return parse_hierarchy(rest(text, out->is_tls ? 8 : 7), out);
}

static bool has_scheme(struct signaling_text text) {
    size_t at = length_to(text, ":/?");
    return at < text.length && text.bytes[at] == ':' && at > 0;
}

static const char *resolve(const struct signaling_http_url *base, struct signaling_text text, struct signaling_http_url *out) {
    struct signaling_text target = signaling_text_of(base->target);
    if (has_scheme(text))
        return parse_absolute(text, out);
    *out = *base;
    if (text.length >= 2 && text.bytes[0] == '/' && text.bytes[1] == '/')
        return parse_hierarchy(rest(text, 2), out);
    if (text.length == 0)
        return NULL;
    if (text.bytes[0] == '/')
        return set_target((struct signaling_text){"", 0}, text, out);
    size_t path = length_to(target, "?");
    if (text.bytes[0] != '?') {
        while (path > 0 && target.bytes[path - 1] != '/')
            path--;
    }
    return set_target((struct signaling_text){target.bytes, path}, text, out);
}

const char *signaling_http_url_parse(const char *text, size_t length, struct signaling_http_url *out) {
    struct signaling_text view;
    memset(out, 0, sizeof *out);
    const char *problem = length > SIGNALING_HTTP_URL_MAX_BYTES ? "the URL is too long" : NULL;
    if (problem == NULL && !take_text(text, length, &view))
        problem = "the URL has a space, or a character that no URL has";
    if (problem == NULL)
        problem = parse_absolute(view, out);
    if (problem != NULL)
        memset(out, 0, sizeof *out);
    return problem;
}

const char *signaling_http_url_resolve(const struct signaling_http_url *base, const char *reference, size_t length, struct signaling_http_url *out) {
    struct signaling_text view;
    struct signaling_http_url resolved = {0};
    const char *problem = length > SIGNALING_HTTP_URL_MAX_BYTES ? "the URL is too long" : NULL;
    if (problem == NULL && !take_text(reference, length, &view))
        problem = "the URL has a space, or a character that no URL has";
    if (problem == NULL)
        problem = resolve(base, view, &resolved);
    if (problem != NULL)
        memset(out, 0, sizeof *out);
    else
        *out = resolved;
    return problem;
}

void signaling_http_url_authority(const struct signaling_http_url *url, char out[SIGNALING_HTTP_AUTHORITY_BYTES]) {
    bool is_ipv6 = strchr(url->host, ':') != NULL;
    size_t at = 0, length = strlen(url->host);
    if (is_ipv6)
        out[at++] = '[';
    memcpy(out + at, url->host, length);
    at += length;
    if (is_ipv6)
        out[at++] = ']';
    if (url->port != (url->is_tls ? 443 : 80)) {
        char digits[5];
        size_t count = 0;
        for (unsigned value = url->port; value > 0; value /= 10)
            digits[count++] = (char)('0' + value % 10);
        out[at++] = ':';
        while (count > 0)
            out[at++] = digits[--count];
    }
    out[at] = '\0';
}
