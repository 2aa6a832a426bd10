#include "app/call/ice_servers.h"

static bool is_turn(const struct call_ice_server *server) {
    return server->scheme == CALL_ICE_TURN || server->scheme == CALL_ICE_TURNS;
}

const char *call_ice_server_unusable(const struct call_ice_server *server) {
    if (server->scheme == CALL_ICE_STUNS)
        return "STUN over TLS tells how TCP is mapped, and calls go over UDP: name the server as stun: too";
    if (server->scheme == CALL_ICE_TURNS && !server->is_tcp)
        return "TURN over DTLS is not spoken here: name it without transport=udp";
    if (is_turn(server) && (!server->username[0] || !server->credential[0]))
        return "a TURN server without username and credential only answers 401";
    return NULL;
}

enum ice_transport call_ice_server_transport(const struct call_ice_server *server) {
    if (server->scheme == CALL_ICE_TURNS)
        return ICE_TRANSPORT_TLS;
    return server->scheme == CALL_ICE_TURN && server->is_tcp ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_UDP;
}

const char *call_ice_relay_protocol(enum ice_transport transport) {
    switch (transport) {
    case ICE_TRANSPORT_UDP:
        return "udp";
    case ICE_TRANSPORT_TCP:
        return "tcp";
    case ICE_TRANSPORT_TLS:
        return "tls";
    }
    return "";
}

size_t call_ice_servers_map(const struct call_ice_server *servers, size_t count, struct ice_server *out, size_t capacity) {
    size_t written = 0;
    for (size_t i = 0; i < count && written < capacity; i++) {
        const struct call_ice_server *server = &servers[i];
        if (call_ice_server_unusable(server))
            continue;
        out[written++] = (struct ice_server){
            .kind = is_turn(server) ? ICE_SERVER_TURN : ICE_SERVER_STUN,
            .transport = call_ice_server_transport(server),
            .host = server->host,
            .port = server->port,
            .username = is_turn(server) ? server->username : NULL,
            .credential = is_turn(server) ? server->credential : NULL,
        };
    }
    return written;
}
