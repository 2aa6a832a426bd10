/* The URL of a room: ws://HOST[:PORT]/r/ROOM, wss, http or https. */
#ifndef SIGNALING_WEBSOCKET_URL_INTERNAL_H
#define SIGNALING_WEBSOCKET_URL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "signaling/websocket/client.h"

struct signaling_url {
    bool tls;
    char host[256];      /* a name, or an IP literal without brackets */
    uint16_t port;       /* 80 and 443 when the URL has none */
    char authority[272]; /* for the Host field: brackets and port as needed (RFC 9110 section 7.2) */
    char path[SIGNALING_ROOM_NAME_MAX_BYTES + 8];
};

/* NULL when it is one; else a sentence that says what is wrong. */
const char *signaling_url_parse(const char *text, struct signaling_url *out);

#endif
