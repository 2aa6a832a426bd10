/*
 * What signaling-server hands to one who joins: the --ice-server list as it stands; with credentials made for this one where the server shares a secret
 * with us; and when nothing was configured, ourselves, because the same port answers STUN.
 */
#ifndef SERVER_ICE_SERVERS_H
#define SERVER_ICE_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/net/turn_secret.h"
#include "signaling/message.h"

#define SERVER_URI_BYTES 272u /* "stun:", a host of 255, ":65535" and the NUL */

/*
 * configured, configured_count  in the order of the command line; their texts stay the caller's
 * secret     length 0: none. Else the turn: and turns: servers without a username of their own get one that expires
 * stun_port  of our own STUN service; 0: there is none
 * random     fills `out` with `length` random bytes
 * credential, uri  what the last list points into
 */
struct server_ice_servers {
    struct signaling_ice_server configured[SIGNALING_ICE_SERVERS_MAX];
    size_t configured_count;
    struct net_turn_secret secret;
    uint16_t stun_port;
    void (*random)(void *context, uint8_t *out, size_t length);
    struct net_turn_credential credential;
    char uri[SERVER_URI_BYTES];
};

/* A server that takes an expiring credential: turn: or turns:, and none was given. */
bool server_ice_server_is_minted(const struct signaling_ice_server *server);

/*
 * Makes the list for one joiner.
 * wall_seconds  since 1970-01-01 00:00 UTC
 * host          how this one reached us, fit for a URI
 * out           at least SIGNALING_ICE_SERVERS_MAX; its texts live until the next call
 * Returns how many. A server whose credential cannot be made (libcrypto failed) is left out: without one it would only answer 401.
 */
size_t server_ice_servers_list(struct server_ice_servers *servers, uint64_t wall_seconds, const char *host, struct signaling_ice_server *out);

#endif
