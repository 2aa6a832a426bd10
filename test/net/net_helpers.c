/* Loopback and descriptors for the tests of app/net. */
#include "test/net/test_net.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
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
