#include "app/server/ice_servers.h"

#include <stdio.h>
#include <string.h>

#define ID_RANDOM_BYTES 8u

bool server_ice_server_is_minted(const struct signaling_ice_server *server) {
    return strncmp(server->url.bytes, "turn", 4) == 0 && server->username.bytes == NULL;
}

/* One for each joiner: a TURN server counts its quota by the id. */
static bool mint(struct server_ice_servers *servers, uint64_t wall_seconds) {
    static const char hexadecimal[] = "0123456789abcdef";
    uint8_t bytes[ID_RANDOM_BYTES];
    char id[2 * ID_RANDOM_BYTES];
    servers->random(NULL, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        id[2 * i] = hexadecimal[bytes[i] >> 4];
        id[2 * i + 1] = hexadecimal[bytes[i] & 15];
    }
    return net_turn_credential_make(&servers->secret, wall_seconds + NET_TURN_LIFETIME_SECONDS, id, sizeof id, &servers->credential);
}

size_t server_ice_servers_list(struct server_ice_servers *servers, uint64_t wall_seconds, const char *host, struct signaling_ice_server *out) {
    bool is_minting = servers->secret.length > 0, is_minted = false;
    size_t count = 0;
    for (size_t i = 0; i < servers->configured_count; i++) {
        struct signaling_ice_server server = servers->configured[i];
        if (is_minting && server_ice_server_is_minted(&server)) {
            is_minted = is_minted || mint(servers, wall_seconds);
            if (!is_minted)
                continue;
            server.username = signaling_text_of(servers->credential.username);
            server.credential = signaling_text_of(servers->credential.credential);
        }
        out[count++] = server;
    }
    if (servers->configured_count == 0 && servers->stun_port != 0) {
        int length = snprintf(servers->uri, sizeof servers->uri, "stun:%s:%u", host, (unsigned)servers->stun_port);
        if (length > 0 && (size_t)length < sizeof servers->uri)
            out[count++] = (struct signaling_ice_server){.url = signaling_text_of(servers->uri)};
    }
    return count;
}
