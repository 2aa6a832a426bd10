/* Descriptors of every kind: read and written whole, never waited for, and not changed for those who share them. */
#include "app/net/descriptor.h"
#include "test/net/test_net.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uv_loop_t loop;
static unsigned ready_count;

static void on_ready(void *context) {
    (void)context;
    ready_count++;
}

static int setup(void **state) {
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    ready_count = 0;
    return uv_loop_init(&loop);
}

static int teardown(void **state) {
    (void)state;
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static struct net_descriptor *open_one(int fd, enum net_descriptor_use use) {
    struct net_descriptor *descriptor = NULL;
    assert_int_equal(net_descriptor_new(&loop, fd, use, on_ready, NULL, &descriptor), 0);
    return descriptor;
}

static void wait_for(struct net_descriptor *descriptor) {
    unsigned before = ready_count;
    net_descriptor_wait(descriptor);
    net_descriptor_wait(descriptor); /* again: nothing changes */
    while (ready_count == before)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(ready_count, before + 1);
}

/* Fills until it says "not now", which it must: a call that waited would hang the test. Returns how much went in. */
static size_t fill(struct net_descriptor *out) {
    static uint8_t bytes[100000];
    size_t total = 0;
    for (;;) {
        ssize_t done = net_descriptor_write(out, bytes, sizeof bytes);
        if (done < 0) {
            assert_int_equal(done, -EAGAIN);
            return total;
        }
        assert_true(done > 0);
        total += (size_t)done;
        assert_true(total < 100u << 20);
    }
}

static size_t empty(struct net_descriptor *in) {
    static uint8_t bytes[65536];
    size_t total = 0;
    for (;;) {
        ssize_t done = net_descriptor_read(in, bytes, sizeof bytes);
        if (done <= 0) {
            assert_int_equal(done, -EAGAIN);
            return total;
        }
        total += (size_t)done;
    }
}

static void go_through(int read_fd, int write_fd) {
    struct net_descriptor *in = open_one(read_fd, NET_DESCRIPTOR_READ), *out = open_one(write_fd, NET_DESCRIPTOR_WRITE);
    uint8_t byte;
    assert_int_equal(net_descriptor_read(in, &byte, 1), -EAGAIN);
    size_t sent = fill(out), received = 0;
    assert_true(sent > 0);
    for (int round = 0; round < 5; round++) {
        wait_for(in);
        received += empty(in);
        wait_for(out);
        sent += fill(out);
    }
    received += empty(in);
    if (read_fd != write_fd) {
        close(write_fd);
        wait_for(in); /* the end is something to read */
        assert_int_equal(net_descriptor_read(in, &byte, 1), 0);
    }
    assert_int_equal(received, sent);
    net_descriptor_free(in);
    net_descriptor_free(out);
}

static void a_pipe_is_never_waited_for(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    go_through(fds[0], fds[1]);
    close(fds[0]);
}

static void a_socket_is_never_waited_for(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    go_through(fds[0], fds[1]);
    close(fds[0]);
}

/* Less room than is asked for, but some: still no waiting. */
static void a_pipe_that_is_nearly_full_takes_what_it_can(void **state) {
    (void)state;
    int fds[2];
    static uint8_t bytes[65536];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], bytes, sizeof bytes - 4096), sizeof bytes - 4096);
    struct net_descriptor *out = open_one(fds[1], NET_DESCRIPTOR_WRITE);
    assert_int_equal(net_descriptor_write(out, bytes, sizeof bytes), 4096);
    assert_int_equal(net_descriptor_write(out, bytes, sizeof bytes), -EAGAIN);
    net_descriptor_free(out);
    close(fds[0]);
    close(fds[1]);
}

/* stdout and stderr are often one open file: what we did to it would make other processes lose what they write. */
static void the_flags_stay_as_they_were(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct net_descriptor *out = open_one(fds[1], NET_DESCRIPTOR_WRITE);
    wait_for(out);
    assert_false(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
    net_descriptor_free(out);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_false(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
    assert_int_equal(write(fds[1], "x", 1), 1); /* it is open still */
    close(fds[0]);
    close(fds[1]);
}

static void nobody_reads_any_more(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct net_descriptor *out = open_one(fds[1], NET_DESCRIPTOR_WRITE);
    close(fds[0]);
    wait_for(out);
    assert_int_equal(net_descriptor_write(out, "x", 1), -EPIPE);
    net_descriptor_free(out);
    uv_run(&loop, UV_RUN_NOWAIT);
    close(fds[1]);
}

static void files_are_always_ready(void **state) {
    (void)state;
    char name[] = "build/descriptor-XXXXXX", read_back[16];
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(unlink(name), 0);
    struct net_descriptor *out = open_one(fd, NET_DESCRIPTOR_WRITE), *in = open_one(fd, NET_DESCRIPTOR_READ);
    wait_for(out);
    assert_int_equal(net_descriptor_write(out, "some bytes", 10), 10);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    wait_for(in);
    assert_int_equal(net_descriptor_read(in, read_back, sizeof read_back), 10);
    assert_memory_equal(read_back, "some bytes", 10);
    assert_int_equal(net_descriptor_read(in, read_back, sizeof read_back), 0);
    net_descriptor_free(out);
    net_descriptor_free(in);
    close(fd);
    int nothing = open("/dev/null", O_RDONLY), full = open("/dev/full", O_WRONLY);
    in = open_one(nothing, NET_DESCRIPTOR_READ);
    out = open_one(full, NET_DESCRIPTOR_WRITE);
    wait_for(in);
    assert_int_equal(net_descriptor_read(in, read_back, sizeof read_back), 0);
    assert_int_equal(net_descriptor_write(out, "x", 1), -ENOSPC);
    net_descriptor_free(in);
    net_descriptor_free(out);
    close(nothing);
    close(full);
}

static void what_is_not_open_is_refused(void **state) {
    (void)state;
    struct net_descriptor *descriptor;
    assert_int_equal(net_descriptor_new(&loop, 987, NET_DESCRIPTOR_READ, on_ready, NULL, &descriptor), -EBADF);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_pipe_is_never_waited_for),
        CASE(a_socket_is_never_waited_for),
        CASE(a_pipe_that_is_nearly_full_takes_what_it_can),
        CASE(the_flags_stay_as_they_were),
        CASE(nobody_reads_any_more),
        CASE(files_are_always_ready),
        CASE(what_is_not_open_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
