/* ICE server URIs (RFC 7064, RFC 7065), taken apart. */
#ifndef CALL_ICE_URI_H
#define CALL_ICE_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_HOST_BYTES 256   /* RFC 1035 section 2.3.4: 253 as text; and the NUL */
#define CALL_USERNAME_BYTES 509 /* RFC 8489 section 14.3: fewer than 509 bytes; and the NUL */
#define CALL_SECRET_BYTES 512
#define CALL_ICE_URI_BYTES 300

enum call_ice_scheme { CALL_ICE_STUN, CALL_ICE_STUNS, CALL_ICE_TURN, CALL_ICE_TURNS };

struct call_ice_server {
    enum call_ice_scheme scheme;
    bool is_tcp;                /* the transport to the server: what the URI says; without a word, TCP for the schemes over TLS and UDP for the others */
    char host[CALL_HOST_BYTES]; /* without brackets, NUL-terminated */
    uint16_t port;              /* the default of the scheme when none is given */
    char username[CALL_USERNAME_BYTES]; /* empty: none */
    char credential[CALL_SECRET_BYTES];
};

/* Reads one URI; username and credential become empty. Returns NULL, or a sentence that says what is wrong with it. */
const char *call_ice_uri_parse(const char *uri, struct call_ice_server *out);

/* Writes the URI in one form: with its port, and for turn with its transport. capacity: CALL_ICE_URI_BYTES is always enough, a longer one is cut. */
void call_ice_uri_write(const struct call_ice_server *server, char *out, size_t capacity);

#endif
