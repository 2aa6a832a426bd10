/*
 * Listening sockets for the passive candidates of RFC 6544: one beside each UDP socket, when the configuration asks for them. Out of
 * descriptors, a connection stays in the kernel's queue and the socket stays readable for ever: the listener then pauses.
 */
#include "app/net/driver_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 4

static void on_connection(uv_poll_t *poll, int status, int events);

static void listen_again(struct driver_listener *listener) {
    uv_poll_start(&listener->poll, UV_READABLE, on_connection);
}

static void on_pause_over(uv_timer_t *timer) {
    listen_again(timer->data);
}

static bool is_exhausted(int error) {
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

static void accept_some(struct driver_listener *listener, uint64_t now_us) {
    struct net_driver *driver = listener->driver;
    for (int i = 0; i < ACCEPTS_PER_TURN && !driver->freed && listener->descriptor >= 0; i++) {
        struct net_stream *accepted;
        int error = net_stream_accept(listener->descriptor, &accepted);
        if (error == 0) {
            net_driver_adopt_stream(driver, accepted, now_us);
        } else if (is_exhausted(error)) {
            driver->statistics.accept_pauses++;
            uv_poll_stop(&listener->poll);
            uv_timer_start(&listener->pause, on_pause_over, NET_DRIVER_ACCEPT_PAUSE_MS, 0);
            return;
        } else if (error == -EAGAIN) {
            return;
        }
    }
}

static void on_connection(uv_poll_t *poll, int status, int events) {
    (void)events;
    struct driver_listener *listener = poll->data;
    struct net_driver *driver = listener->driver;
    uint64_t now_us;
    if (status < 0)
        listen_again(listener); /* libuv has stopped; the socket's error, if any, is of a connection that has gone */
    if (!net_driver_begin_turn(driver, &now_us))
        return;
    accept_some(listener, now_us);
    net_driver_settle(driver, now_us);
    net_driver_end_turn(driver, now_us);
}

struct driver_listener *net_driver_listen(struct net_driver *driver, const struct net_interface_address *interface) {
    struct driver_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        return NULL;
    listener->driver = driver;
    listener->descriptor = net_stream_listen(&interface->address, interface->index, &listener->local);
    if (listener->descriptor < 0 || uv_poll_init(driver->loop, &listener->poll, listener->descriptor) != 0) {
        if (listener->descriptor >= 0)
            close(listener->descriptor);
        free(listener);
        return NULL;
    }
    uv_timer_init(driver->loop, &listener->pause);
    listener->poll.data = listener->pause.data = listener;
    driver->open_handles++;
    listen_again(listener);
    return listener;
}

static void on_pause_closed(uv_handle_t *handle) {
    struct driver_listener *listener = handle->data;
    struct net_driver *driver = listener->driver;
    free(listener);
    net_driver_release(driver);
}

static void on_poll_closed(uv_handle_t *handle) {
    struct driver_listener *listener = handle->data;
    uv_close((uv_handle_t *)&listener->pause, on_pause_closed);
}

void net_driver_unlisten(struct driver_listener *listener) {
    if (listener == NULL)
        return;
    uv_close((uv_handle_t *)&listener->poll, on_poll_closed);
    close(listener->descriptor);
    listener->descriptor = -1;
}
