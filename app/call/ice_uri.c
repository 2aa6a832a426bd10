/*
 * ICE server URIs.
 *
 *     stun:HOST[:PORT]                       RFC 7064 section 3.1
 *     turn:HOST[:PORT][?transport=udp|tcp]   RFC 7065 section 3.1
 *     stuns: and turns: are the same over TLS
 */
#include "app/call/ice_uri.h"

#include <stdio.h>
#include <string.h>

#define PORT_PLAIN 3478 /* RFC 8489 section 8.1, RFC 8656 section 15 */
#define PORT_TLS 5349

struct scheme {
    const char *prefix;
    enum call_ice_scheme scheme;
    uint16_t default_port;
};

static const struct scheme schemes[] = {
    {"stun:", CALL_ICE_STUN, PORT_PLAIN},
    {"stuns:", CALL_ICE_STUNS, PORT_TLS},
    {"turn:", CALL_ICE_TURN, PORT_PLAIN},
    {"turns:", CALL_ICE_TURNS, PORT_TLS},
};

/* Digits only, 1..65535. */
static bool read_port(const char *text, size_t length, uint16_t *out) {
    uint32_t value = 0;
    if (length == 0 || length > 5)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    if (value == 0 || value > UINT16_MAX)
        return false;
    *out = (uint16_t)value;
    return true;
}

static bool is_host_character(char c, bool in_brackets) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.')
        return true;
    if (in_brackets)
        return c == ':';
    return (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z') || c == '-' || c == '_';
}

/* Splits "host", "host:port", "[v6]" and "[v6]:port". */
static const char *read_host_and_port(const char *text, size_t length, struct call_ice_server *out) {
    bool in_brackets = length > 0 && text[0] == '[';
    size_t begin = in_brackets ? 1 : 0, end = begin;
    while (end < length && is_host_character(text[end], in_brackets))
        end++;
    size_t host_length = end - begin;
    if (host_length == 0)
        return "there is no host in it";
    if (host_length >= sizeof out->host)
        return "its host is longer than a name can be";
    if (in_brackets) {
        if (end == length || text[end] != ']')
            return "its IPv6 address has no closing bracket";
        end++;
    }
    memcpy(out->host, text + begin, host_length);
    out->host[host_length] = '\0';
    if (end == length)
        return NULL;
    if (text[end] != ':')
        return "its host has a character that no host has";
    if (!read_port(text + end + 1, length - end - 1, &out->port))
        return "its port is not a number from 1 to 65535";
    return NULL;
}

static const char *read_query(const char *query, struct call_ice_server *out) {
    if (out->scheme == CALL_ICE_STUN || out->scheme == CALL_ICE_STUNS)
        return "a stun: URI has no query (RFC 7064 section 3.1)";
    if (strcmp(query, "transport=udp") == 0)
        out->is_tcp = false;
    else if (strcmp(query, "transport=tcp") == 0)
        out->is_tcp = true;
    else
        return "its query is neither transport=udp nor transport=tcp (RFC 7065 section 3.1)";
    return NULL;
}

const char *call_ice_uri_parse(const char *uri, struct call_ice_server *out) {
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t prefix_length = strlen(schemes[i].prefix);
        if (strncmp(uri, schemes[i].prefix, prefix_length) != 0)
            continue;
        out->scheme = schemes[i].scheme;
        out->port = schemes[i].default_port;
        out->is_tcp = schemes[i].default_port == PORT_TLS;
        const char *host = uri + prefix_length, *query = strchr(host, '?');
        const char *wrong = read_host_and_port(host, query ? (size_t)(query - host) : strlen(host), out);
        return wrong || !query ? wrong : read_query(query + 1, out);
    }
    return "it begins with none of stun:, stuns:, turn: and turns:";
}

void call_ice_uri_write(const struct call_ice_server *server, char *out, size_t capacity) {
    bool is_turn = server->scheme == CALL_ICE_TURN || server->scheme == CALL_ICE_TURNS, in_brackets = strchr(server->host, ':') != NULL;
    const char *query = !is_turn ? "" : server->is_tcp ? "?transport=tcp" : "?transport=udp";
    (void)snprintf(out, capacity, "%s%s%s%s:%u%s", schemes[server->scheme].prefix, in_brackets ? "[" : "", server->host, in_brackets ? "]" : "",
                   (unsigned)server->port, query);
}
