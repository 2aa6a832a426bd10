#include "app/net/descriptor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* epoll refuses files and /dev/null, which are always ready: a timer of 0 ms stands for them. */
struct net_descriptor {
    int fd;
    enum net_descriptor_use use;
    bool is_polled, is_socket;
    union {
        uv_handle_t any;
        uv_poll_t poll;
        uv_timer_t timer;
    } handle;
    void (*ready)(void *context);
    void *context;
};

static short wanted(const struct net_descriptor *descriptor) {
    return descriptor->use == NET_DESCRIPTOR_READ ? POLLIN : POLLOUT;
}

/* uv_poll_init sets O_NONBLOCK, for everybody who shares the open file: stderr on the same terminal would lose lines. */
static int begin_polling(struct net_descriptor *descriptor, uv_loop_t *loop) {
    int flags = fcntl(descriptor->fd, F_GETFL);
    if (flags < 0)
        return -errno;
    int error = uv_poll_init(loop, &descriptor->handle.poll, descriptor->fd);
    if (error == 0)
        (void)fcntl(descriptor->fd, F_SETFL, flags);
    return error;
}

int net_descriptor_new(uv_loop_t *loop, int fd, enum net_descriptor_use use, void (*ready)(void *context), void *context, struct net_descriptor **out) {
    struct stat kind;
    if (fstat(fd, &kind) != 0)
        return -errno;
    struct net_descriptor *descriptor = calloc(1, sizeof *descriptor);
    if (!descriptor)
        return -ENOMEM;
    *descriptor = (struct net_descriptor){.fd = fd, .use = use, .is_socket = S_ISSOCK(kind.st_mode), .ready = ready, .context = context};
    int error = begin_polling(descriptor, loop);
    descriptor->is_polled = error == 0;
    if (error == UV_EPERM)
        error = uv_timer_init(loop, &descriptor->handle.timer);
    if (error != 0) {
        free(descriptor);
        return error;
    }
    descriptor->handle.any.data = descriptor;
    *out = descriptor;
    return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct net_descriptor *descriptor = poll->data;
    (void)status; /* read or write will say what is wrong */
    (void)events;
    uv_poll_stop(poll);
    descriptor->ready(descriptor->context);
}

static void on_timer(uv_timer_t *timer) {
    struct net_descriptor *descriptor = timer->data;
    descriptor->ready(descriptor->context);
}

void net_descriptor_wait(struct net_descriptor *descriptor) {
    if (uv_is_active(&descriptor->handle.any))
        return;
    if (!descriptor->is_polled)
        uv_timer_start(&descriptor->handle.timer, on_timer, 0, 0);
    else
        uv_poll_start(&descriptor->handle.poll, descriptor->use == NET_DESCRIPTOR_READ ? UV_READABLE : UV_WRITABLE, on_poll);
}

/* Asked before each call, since the descriptor itself would wait. An end and an error count as ready: the call tells which it is. */
static bool is_ready(const struct net_descriptor *descriptor) {
    struct pollfd one = {.fd = descriptor->fd, .events = wanted(descriptor)};
    return !descriptor->is_polled || poll(&one, 1, 0) > 0;
}

static ssize_t result_of(ssize_t done) {
    if (done >= 0)
        return done;
    return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ssize_t net_descriptor_read(struct net_descriptor *descriptor, void *bytes, size_t capacity) {
    assert(descriptor->use == NET_DESCRIPTOR_READ && capacity > 0);
    return is_ready(descriptor) ? result_of(read(descriptor->fd, bytes, capacity)) : -EAGAIN;
}

/*
 * A pipe that can be written at all takes PIPE_BUF bytes at once (POSIX write, "Pipes and FIFOs"): more might wait for a reader. A socket can be
 * told not to wait, a file never does.
 */
ssize_t net_descriptor_write(struct net_descriptor *descriptor, const void *bytes, size_t length) {
    assert(descriptor->use == NET_DESCRIPTOR_WRITE && length > 0);
    if (!is_ready(descriptor))
        return -EAGAIN;
    if (descriptor->is_socket)
        return result_of(send(descriptor->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (descriptor->is_polled && length > PIPE_BUF)
        length = PIPE_BUF;
    return result_of(write(descriptor->fd, bytes, length));
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void net_descriptor_free(struct net_descriptor *descriptor) {
    if (descriptor)
        uv_close(&descriptor->handle.any, on_closed);
}
