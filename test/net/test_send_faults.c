/*
 * What loopback never does: full buffers, interrupted and partial sends, kernels and devices that refuse to segment. This program has a
 * sendmmsg of its own, which does as a test scripts and otherwise hands over to the real one.
 */
#include "test/net/test_net.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static int fail_with;        /* errno of the next calls, 0: none */
static unsigned fail_times;  /* how many calls fail */
static bool fail_segmented;  /* only those whose first message has control data */
static unsigned most;        /* messages that one call takes, 0: all */
static bool earn_icmp;       /* each failing call also earns an ICMP error from a closed port, as if it had just come in */
static uint16_t icmp_port;
static unsigned calls;

typedef int (*sendmmsg_function)(int, struct mmsghdr *, unsigned, int);

int sendmmsg(int descriptor, struct mmsghdr *messages, unsigned count, int flags) {
    static sendmmsg_function real;
    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "sendmmsg");
        memcpy(&real, &found, sizeof real);
    }
    calls++;
    if (fail_times > 0 && (!fail_segmented || messages[0].msg_hdr.msg_controllen > 0)) {
        fail_times--;
        struct sockaddr_in closed = {.sin_family = AF_INET, .sin_port = htons(icmp_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        if (earn_icmp)
            sendto(descriptor, "", 1, 0, (struct sockaddr *)&closed, sizeof closed);
        errno = fail_with;
        return -1;
    }
    unsigned taken = most != 0 && most < count ? most : count;
    for (unsigned i = 1; fail_times > 0 && i < taken; i++)
        if (messages[i].msg_hdr.msg_controllen > 0)
            taken = i; /* as the kernel does it: those before the failing one go */
    return real(descriptor, messages, taken, flags);
}

static struct net_udp_socket *from, *to;
static struct net_send_batch *sending;
static struct net_receive_batch *received;

static int set_up(void **state) {
    (void)state;
    from = open_loopback(NULL);
    to = open_loopback(NULL);
    sending = net_send_batch_new();
    received = net_receive_batch_new(false);
    fail_with = 0;
    fail_times = most = calls = 0;
    fail_segmented = earn_icmp = false;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    net_udp_close(from);
    net_udp_close(to);
    net_send_batch_free(sending);
    net_receive_batch_free(received);
    return 0;
}

static void queue(size_t count, size_t length) {
    for (size_t i = 0; i < count; i++) {
        size_t capacity;
        uint8_t *room = net_send_batch_reserve(sending, &capacity);
        memset(room, (int)i, length);
        net_send_batch_commit(sending, from, net_udp_local(to), room, length, 0);
    }
}

/* Datagrams first .. first + count - 1 and nothing more. */
static void expect(size_t first, size_t count, size_t length) {
    struct net_datagram datagram;
    size_t got = 0;
    while (net_udp_receive(to, received) > 0)
        while (net_receive_batch_next(received, &datagram)) {
            assert_int_equal(datagram.length, length);
            assert_int_equal(datagram.bytes[length - 1], first + got);
            got++;
        }
    assert_int_equal(got, count);
}

static struct net_udp_statistics numbers(void) {
    struct net_udp_statistics statistics;
    net_udp_statistics(from, &statistics);
    return statistics;
}

/* A full buffer drops what is left, counts it, reports no error, and does not come back for it. */
static void full_buffers_drop_and_count(void **state) {
    (void)state;
    static const int errors[] = {EAGAIN, ENOBUFS};
    for (size_t i = 0; i < COUNT(errors); i++) {
        fail_with = errors[i];
        fail_times = 1;
        queue(5, 300);
        net_send_batch_flush(sending);
        struct net_udp_error error;
        assert_false(net_udp_next_error(from, &error));
        assert_int_equal(numbers().would_block_dropped, 5 * (i + 1));
        expect(0, 0, 300);
    }
    queue(5, 300);
    net_send_batch_flush(sending);
    expect(0, 5, 300);
    assert_int_equal(numbers().datagrams_sent, 5);
}

static void interrupted_and_partial_sends_go_on(void **state) {
    (void)state;
    from = (net_udp_close(from), open_loopback(&(struct net_udp_options){.without_gso = true}));
    fail_with = EINTR;
    fail_times = 3;
    most = 2;
    queue(9, 300);
    net_send_batch_flush(sending);
    expect(0, 9, 300);
    assert_int_equal(calls, 3 + 5);
    assert_int_equal(numbers().failed_dropped + numbers().would_block_dropped, 0);
}

/* A pending error that is not ours to blame on this destination: one retry, and it goes. */
static void one_failure_is_tried_again(void **state) {
    (void)state;
    fail_with = ECONNREFUSED;
    fail_times = 1;
    queue(3, 300);
    net_send_batch_flush(sending);
    struct net_udp_error error;
    assert_false(net_udp_next_error(from, &error));
    expect(0, 3, 300);
}

/* While errors of others keep coming in, failures are theirs: told against them, never against this destination. */
static void errors_of_others_do_not_count(void **state) {
    (void)state;
    icmp_port = closed_port();
    struct stun_address closed = loopback_v4(icmp_port);
    fail_with = ECONNREFUSED;
    fail_times = 3;
    earn_icmp = true;
    queue(3, 300);
    net_send_batch_flush(sending);
    struct net_udp_error error;
    assert_true(net_udp_next_error(from, &error));
    assert_true(stun_address_equal(&error.remote, &closed));
    assert_false(net_udp_next_error(from, &error));
    expect(0, 3, 300);
}

static void a_lasting_failure_is_reported_once(void **state) {
    (void)state;
    fail_with = EPERM;
    fail_times = 1000;
    queue(3, 300);
    net_send_batch_flush(sending);
    struct net_udp_error error;
    assert_true(net_udp_next_error(from, &error));
    assert_int_equal(error.error, EPERM);
    assert_true(stun_address_equal(&error.remote, net_udp_local(to)));
    assert_false(net_udp_next_error(from, &error));
    assert_int_equal(numbers().failed_dropped, 3);
    assert_true(calls <= 10);
    assert_true(!numbers().segmentation || numbers().datagrams_sent == 0);
}

/* A device without checksum offload answers EIO to every segmented message: the datagrams go one by one, and the next ones at once so. */
static void devices_that_cannot_segment_are_noticed(void **state) {
    (void)state;
    static const int errors[] = {EIO, EINVAL, EOPNOTSUPP};
    for (size_t i = 0; i < COUNT(errors); i++) {
        tear_down(state);
        set_up(state);
        if (!numbers().segmentation)
            return;
        fail_with = errors[i];
        fail_times = 1000;
        fail_segmented = true;
        queue(20, 300);
        net_send_batch_flush(sending);
        expect(0, 20, 300);
        assert_false(numbers().segmentation);
        assert_int_equal(numbers().failed_dropped, 0);
        calls = 0;
        queue(20, 300);
        net_send_batch_flush(sending);
        expect(0, 20, 300);
        assert_int_equal(calls, 1);
        struct net_udp_error error;
        assert_false(net_udp_next_error(from, &error));
    }
}

/* EMSGSIZE is about one path: these datagrams go one by one, but the socket goes on segmenting. */
static void a_narrow_path_does_not_end_segmentation(void **state) {
    (void)state;
    if (!numbers().segmentation)
        return;
    fail_with = EMSGSIZE;
    fail_times = 2; /* the first try and the retry */
    fail_segmented = true;
    queue(20, 300);
    net_send_batch_flush(sending);
    expect(0, 20, 300);
    assert_true(numbers().segmentation);
    queue(20, 300);
    net_send_batch_flush(sending);
    expect(0, 20, 300);
    assert_int_equal(numbers().segmented_messages, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(full_buffers_drop_and_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(interrupted_and_partial_sends_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_failure_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_of_others_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lasting_failure_is_reported_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(devices_that_cannot_segment_are_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_narrow_path_does_not_end_segmentation, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
