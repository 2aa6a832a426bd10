/* The socket that listens: ours, so that any address family can be bound and the error told; what it accepts is handed to libwebsockets. */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "signaling/websocket/server_internal.h"

#define BACKLOG 128
#define ACCEPT_MAX 32 /* in one turn of the loop */

static bool parse_address(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *length) {
    memset(out, 0, sizeof *out);
    if (uv_ip4_addr(text, port, (struct sockaddr_in *)out) == 0) {
        *length = sizeof(struct sockaddr_in);
        return true;
    }
    *length = sizeof(struct sockaddr_in6);
    return uv_ip6_addr(text, port, (struct sockaddr_in6 *)out) == 0;
}

size_t signaling_listener_source(int descriptor, uint8_t source[SIGNALING_SOURCE_MAX_BYTES], char *text, size_t capacity) {
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    text[0] = '\0';
    if (getpeername(descriptor, (struct sockaddr *)&peer, &length) != 0)
        return 0;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *address = (const struct sockaddr_in *)&peer;
        uv_ip4_name(address, text, capacity);
        memcpy(source, &address->sin_addr, 4);
        return 4;
    }
    const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)&peer;
    uv_ip6_name(address, text, capacity);
    if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr)) {
        memcpy(source, &address->sin6_addr.s6_addr[12], 4);
        return 4;
    }
    memcpy(source, &address->sin6_addr, 8);
    return 8;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    struct signaling_server *server = poll->data;
    (void)events;
    for (int i = 0; status == 0 && i < ACCEPT_MAX; i++) {
        int descriptor = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0)
            return; /* nothing more; or the host is out of descriptors: those who wait stay in the backlog */
        /* Messages are small and answer each other: Nagle with delayed acknowledgement costs a call 40 ms of its set-up. */
        const int on = 1;
        (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (server->stopping)
            close(descriptor);
        else
            lws_adopt_socket_vhost(server->vhost, descriptor); /* closes it when it fails */
    }
}

static enum signaling_error refuse(struct signaling_server *server, struct signaling_problem *problem, int error) {
    problem->line = problem->column = 0;
    lws_snprintf(problem->sentence, sizeof problem->sentence, "cannot listen there: %s", strerror(error));
    if (server->listener >= 0)
        close(server->listener);
    server->listener = -1;
    return SIGNALING_ERROR_STATE;
}

enum signaling_error signaling_listener_open(struct signaling_server *server, const char *address, uint16_t port, struct signaling_problem *problem) {
    struct sockaddr_storage local;
    socklen_t length;
    if (!parse_address(address, port, &local, &length)) {
        lws_snprintf(problem->sentence, sizeof problem->sentence, "the address to listen on is no IP address");
        return SIGNALING_ERROR_ARGUMENT;
    }
    const int on = 1;
    server->listener = socket(local.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->listener < 0 || setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(server->listener, (struct sockaddr *)&local, length) != 0 || listen(server->listener, BACKLOG) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&local, &length) != 0)
        return refuse(server, problem, errno);
    server->port = ntohs(local.ss_family == AF_INET ? ((struct sockaddr_in *)&local)->sin_port : ((struct sockaddr_in6 *)&local)->sin6_port);
    uv_poll_t *poll = calloc(1, sizeof *poll);
    if (poll == NULL || uv_poll_init(server->loop, poll, server->listener) != 0) {
        free(poll);
        return refuse(server, problem, ENOMEM);
    }
    poll->data = server;
    server->poll = poll;
    uv_poll_start(poll, UV_READABLE, on_readable);
    return SIGNALING_OK;
}

static void free_handle(uv_handle_t *handle) {
    free(handle);
}

void signaling_listener_close(struct signaling_server *server) {
    if (server->poll != NULL) {
        uv_poll_stop(server->poll);
        uv_close((uv_handle_t *)server->poll, free_handle);
        server->poll = NULL;
    }
    if (server->listener >= 0)
        close(server->listener);
    server->listener = -1;
}
