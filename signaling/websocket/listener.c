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

void signaling_listener_host(int descriptor, char host[SIGNALING_SERVER_HOST_MAX_BYTES + 1]) {
    struct sockaddr_storage local;
    socklen_t length = sizeof local;
    char text[64] = "";
    if (getsockname(descriptor, (struct sockaddr *)&local, &length) != 0)
        local.ss_family = AF_UNSPEC;
    if (local.ss_family == AF_INET) {
        uv_ip4_name((struct sockaddr_in *)&local, text, sizeof text);
    } else if (local.ss_family == AF_INET6) {
        const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)&local;
        if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr))
            uv_inet_ntop(AF_INET, &address->sin6_addr.s6_addr[12], text, sizeof text);
        else
            uv_ip6_name(address, text, sizeof text);
    }
    bool in_brackets = strchr(text, ':') != NULL;
    lws_snprintf(host, SIGNALING_SERVER_HOST_MAX_BYTES + 1, "%s%s%s", in_brackets ? "[" : "", text[0] != '\0' ? text : "localhost", in_brackets ? "]" : "");
}

/* ---- accepting ------------------------------------------------------------------------------------------------------ */

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer) {
    struct signaling_server *server = timer->data;
    uv_poll_start(server->poll, UV_READABLE, on_readable);
}

/*
 * Whoever waits stays in the backlog, and the listener stays readable: to look again at once, and again, would take all of the CPU from those who
 * are connected and could leave. So nothing is accepted for a moment.
 */
static void pause_accepting(struct signaling_server *server) {
    uv_poll_stop(server->poll);
    uv_timer_start(server->accept_timer, on_pause_over, SIGNALING_SERVER_ACCEPT_PAUSE_MS, 0);
    signaling_server_event(server, SIGNALING_SERVER_REFUSED, "", "", strerror(errno));
}

static bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    struct signaling_server *server = poll->data;
    (void)events;
    for (int i = 0; status == 0 && i < ACCEPT_MAX; i++) {
        int descriptor = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0) {
            if (is_shortage(errno))
                pause_accepting(server);
            return; /* else nothing more, or somebody who left while waiting */
        }
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
    uv_timer_t *timer = calloc(1, sizeof *timer);
    if (poll == NULL || timer == NULL || uv_poll_init(server->loop, poll, server->listener) != 0) {
        free(poll);
        free(timer);
        return refuse(server, problem, ENOMEM);
    }
    uv_timer_init(server->loop, timer);
    poll->data = timer->data = server;
    server->poll = poll;
    server->accept_timer = timer;
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
        uv_close((uv_handle_t *)server->accept_timer, free_handle);
        server->poll = NULL;
        server->accept_timer = NULL;
    }
    if (server->listener >= 0)
        close(server->listener);
    server->listener = -1;
}
