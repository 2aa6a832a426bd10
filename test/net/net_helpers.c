/* Loopback and descriptors for the tests of app/net. */
#include "test/net/test_net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTOR_LIMIT 256

struct stun_address loopback_v4(uint16_t port) {
    return (struct stun_address){.family = STUN_ADDRESS_IPV4, .port = port, .ip = {127, 0, 0, 1}};
}

struct stun_address loopback_v6(uint16_t port) {
    return (struct stun_address){.family = STUN_ADDRESS_IPV6, .port = port, .ip = {[15] = 1}};
}

struct net_udp_socket *open_loopback(const struct net_udp_options *options) {
    struct stun_address local = loopback_v4(0);
    struct net_udp_socket *udp = NULL;
    assert_int_equal(net_udp_open(&local, options, &udp), 0);
    assert_non_null(udp);
    assert_int_not_equal(net_udp_local(udp)->port, 0);
    return udp;
}

uint16_t closed_port(void) {
    struct net_udp_socket *udp = open_loopback(NULL);
    uint16_t port = net_udp_local(udp)->port;
    net_udp_close(udp);
    return port;
}

int listen_loopback(int backlog, struct stun_address *bound) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(listener, backlog), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &length), 0);
    *bound = loopback_v4(ntohs(name.sin_port));
    return listener;
}

int accept_loopback(int listener) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(descriptor >= 0);
    return descriptor;
}

void progress_until_settled(struct net_stream *stream) {
    for (int i = 0; i < 1000 && net_stream_state(stream) < NET_STREAM_OPEN; i++) {
        struct pollfd poller = {.fd = net_stream_descriptor(stream), .events = (short)(POLLIN | (net_stream_wants_write(stream) ? POLLOUT : 0))};
        assert_true(poll(&poller, 1, 5000) > 0);
        net_stream_progress(stream);
    }
}

struct net_stream *connect_loopback(int listener, const struct stun_address *to, int *server) {
    struct net_stream *stream = NULL;
    assert_int_equal(net_stream_connect(&(struct stun_address){0}, to, 0, NULL, &stream), 0);
    progress_until_settled(stream);
    assert_int_equal(net_stream_state(stream), NET_STREAM_OPEN);
    *server = accept_loopback(listener);
    return stream;
}

bool wait_readable(int descriptor, int timeout_ms) {
    struct pollfd poller = {.fd = descriptor, .events = POLLIN};
    return poll(&poller, 1, timeout_ms) > 0;
}

static int taken[DESCRIPTOR_LIMIT];
static size_t taken_count;
static struct rlimit limit_before;

size_t exhaust_descriptors(size_t spare) {
    getrlimit(RLIMIT_NOFILE, &limit_before);
    struct rlimit low = {.rlim_cur = DESCRIPTOR_LIMIT, .rlim_max = limit_before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    taken_count = 0;
    int descriptor;
    while (taken_count < DESCRIPTOR_LIMIT && (descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        taken[taken_count++] = descriptor;
    while (spare-- > 0)
        close(taken[--taken_count]);
    return taken_count;
}

void release_descriptors(void) {
    while (taken_count > 0)
        close(taken[--taken_count]);
    setrlimit(RLIMIT_NOFILE, &limit_before);
}
