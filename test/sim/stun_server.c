#include "test/sim/stun_server.h"

#include <assert.h>
#include <stdlib.h>

#include "stun/message.h"

struct server_socket {
    struct sim_stun_server *server;
    int ip, port; /* which, 0 or 1 */
    int socket;
};

struct sim_stun_server {
    struct sim_network *network;
    bool is_alive;
    int ip_count;
    uint64_t requests;
    struct server_socket sockets[SIM_STUN_SERVER_IPS][SIM_STUN_SERVER_PORTS];
};

static void answer(void *context, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct server_socket *at = context;
    struct sim_stun_server *server = at->server;
    struct stun_message request;
    if (stun_message_parse(bytes, length, &request) != STUN_OK || request.class_ != STUN_CLASS_REQUEST ||
        request.method != STUN_METHOD_BINDING)
        return;
    server->requests++;
    if (!server->is_alive)
        return;
    uint32_t change = 0;
    int read = stun_message_read_u32(&request, SIM_STUN_ATTRIBUTE_CHANGE_REQUEST, &change);
    if (read != STUN_OK && read != STUN_ERROR_NOT_FOUND)
        return;
    int ip = change & SIM_STUN_CHANGE_IP ? 1 - at->ip : at->ip;
    int port = change & SIM_STUN_CHANGE_PORT ? 1 - at->port : at->port;
    if (ip >= server->ip_count)
        return;
    uint8_t out[128];
    struct stun_writer writer;
    stun_writer_begin(&writer, out, sizeof out, STUN_CLASS_SUCCESS_RESPONSE, STUN_METHOD_BINDING, request.transaction_id);
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &path->remote);
    if (server->ip_count == 2) /* RFC 5780 section 7.4: the address that CHANGE-REQUEST for both would answer from */
        stun_writer_add_address(&writer, STUN_ATTRIBUTE_OTHER_ADDRESS, sim_stun_server_address(server, 1 - at->ip, 1 - at->port));
    int written = stun_writer_finish(&writer);
    assert(written > 0);
    sim_network_send(server->network, server->sockets[ip][port].socket, &path->remote, out, (size_t)written);
}

struct sim_stun_server *sim_stun_server_new(struct sim_network *network, const char *first_ip, const char *second_ip, uint16_t first_port,
                                            const struct sim_link_config *up, const struct sim_link_config *down) {
    static const struct sim_socket_callbacks callbacks = {.received = answer};
    struct sim_stun_server *server = calloc(1, sizeof *server);
    if (!server)
        abort();
    server->network = network;
    server->is_alive = true;
    server->ip_count = second_ip ? 2 : 1;
    for (int ip = 0; ip < server->ip_count; ip++) {
        int interface = sim_network_add_interface(network, SIM_PUBLIC, ip == 0 ? first_ip : second_ip, up, down);
        for (int port = 0; port < SIM_STUN_SERVER_PORTS; port++) {
            struct server_socket *at = &server->sockets[ip][port];
            *at = (struct server_socket){.server = server, .ip = ip, .port = port};
            at->socket = sim_network_bind(network, interface, (uint16_t)(first_port + port), &callbacks, at);
            assert(at->socket >= 0);
        }
    }
    return server;
}

void sim_stun_server_free(struct sim_stun_server *server) {
    free(server);
}

void sim_stun_server_set_alive(struct sim_stun_server *server, bool is_alive) {
    server->is_alive = is_alive;
}

uint64_t sim_stun_server_requests(const struct sim_stun_server *server) {
    return server->requests;
}

const struct stun_address *sim_stun_server_address(const struct sim_stun_server *server, int ip, int port) {
    assert(ip < server->ip_count && port < SIM_STUN_SERVER_PORTS);
    return sim_network_local_address(server->network, server->sockets[ip][port].socket);
}

void sim_stun_server_send(struct sim_stun_server *server, int ip, int port, const struct stun_address *remote, const uint8_t *bytes,
                          size_t length) {
    assert(ip < server->ip_count && port < SIM_STUN_SERVER_PORTS);
    sim_network_send(server->network, server->sockets[ip][port].socket, remote, bytes, length);
}
