/* Notices that addresses changed: rtnetlink tells when something happened, never what; the listing says what there is now. */
#include "app/net/interfaces.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_PER_TURN 64

struct net_interface_watch {
    net_interface_changed changed;
    void *context;
    int descriptor; /* -1: the timer does the work */
    union {
        uv_handle_t handle;
        uv_poll_t poll;
        uv_timer_t timer;
    } as;
};

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void on_timer(uv_timer_t *timer) {
    struct net_interface_watch *watch = timer->data;
    watch->changed(watch->context);
}

/* What the messages say does not matter; ENOBUFS (messages were lost) means that something changed, too. */
static void on_readable(uv_poll_t *poll, int status, int events) {
    (void)events;
    struct net_interface_watch *watch = poll->data;
    if (status < 0)
        uv_poll_start(poll, UV_READABLE, on_readable); /* libuv stops a descriptor that reports an error; ENOBUFS is one */
    uint8_t buffer[8192];
    for (int i = 0; i < READS_PER_TURN; i++)
        if (recv(watch->descriptor, buffer, sizeof buffer, MSG_DONTWAIT) < 0 && errno != ENOBUFS && errno != EINTR)
            break;
    watch->changed(watch->context);
}

static int open_netlink(void) {
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    if (descriptor >= 0 && bind(descriptor, (struct sockaddr *)&name, sizeof name) != 0) {
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

static bool watch_netlink(struct net_interface_watch *watch, uv_loop_t *loop) {
    watch->descriptor = open_netlink();
    if (watch->descriptor < 0)
        return false;
    if (uv_poll_init(loop, &watch->as.poll, watch->descriptor) != 0) {
        close(watch->descriptor);
        watch->descriptor = -1;
        return false;
    }
    uv_poll_start(&watch->as.poll, UV_READABLE, on_readable);
    return true;
}

struct net_interface_watch *net_interface_watch_new(uv_loop_t *loop, bool without_netlink, uint64_t poll_ms, net_interface_changed changed,
                                                    void *context) {
    struct net_interface_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    *watch = (struct net_interface_watch){.changed = changed, .context = context, .descriptor = -1};
    if (without_netlink || !watch_netlink(watch, loop)) {
        uint64_t every_ms = poll_ms == 0 ? NET_INTERFACE_POLL_MS : poll_ms;
        uv_timer_init(loop, &watch->as.timer);
        uv_timer_start(&watch->as.timer, on_timer, every_ms, every_ms);
    }
    watch->as.handle.data = watch;
    uv_unref(&watch->as.handle);
    return watch;
}

void net_interface_watch_free(struct net_interface_watch *watch) {
    if (watch == NULL)
        return;
    uv_close(&watch->as.handle, on_closed);
    if (watch->descriptor >= 0)
        close(watch->descriptor);
    watch->descriptor = -1;
}

bool net_interface_watch_uses_netlink(const struct net_interface_watch *watch) {
    return watch->descriptor >= 0;
}
