/* UDP sockets in batches, over loopback: order, segmentation, limits, errors. */
#include "test/net/test_net.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers --------------------------------------------------------------------------------------------------------- */

struct pair {
    struct net_udp_socket *from, *to;
    struct net_send_batch *sending;
    struct net_receive_batch *received;
};

static struct pair make_pair(const struct net_udp_options *sender, const struct net_udp_options *receiver) {
    return (struct pair){.from = open_loopback(sender), .to = open_loopback(receiver), .sending = net_send_batch_new(),
                         .received = net_receive_batch_new(receiver != NULL && receiver->with_gro)};
}

static void free_pair(struct pair *pair) {
    net_udp_close(pair->from);
    net_udp_close(pair->to);
    net_send_batch_free(pair->sending);
    net_receive_batch_free(pair->received);
}

/* Datagram `number` of `length` bytes: each byte depends on both. */
static void fill(uint8_t *bytes, size_t length, unsigned number) {
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(number * 31u + i * 7u + (i >> 8));
}

static void queue(struct pair *pair, const struct stun_address *remote, size_t length, unsigned number) {
    size_t capacity;
    uint8_t *room = net_send_batch_reserve(pair->sending, &capacity);
    assert_true(capacity >= NET_SEND_RESERVE_BYTES);
    assert_true(length <= capacity);
    fill(room, length, number);
    net_send_batch_commit(pair->sending, pair->from, remote, room, length, 0);
}

static void expect(struct pair *pair, size_t length, unsigned number) {
    struct net_datagram datagram;
    if (!net_receive_batch_next(pair->received, &datagram)) {
        assert_true(net_udp_receive(pair->to, pair->received) > 0);
        assert_true(net_receive_batch_next(pair->received, &datagram));
    }
    uint8_t *want = malloc(length + 1);
    fill(want, length, number);
    assert_int_equal(datagram.length, length);
    assert_memory_equal(datagram.bytes, want, length);
    assert_true(stun_address_equal(&datagram.remote, net_udp_local(pair->from)));
    free(want);
}

static void expect_silence(struct pair *pair) {
    struct net_datagram datagram;
    assert_false(net_receive_batch_next(pair->received, &datagram));
    assert_int_equal(net_udp_receive(pair->to, pair->received), 0);
    assert_false(net_receive_batch_next(pair->received, &datagram));
}

static struct net_udp_statistics statistics_of(const struct net_udp_socket *udp) {
    struct net_udp_statistics statistics;
    net_udp_statistics(udp, &statistics);
    return statistics;
}

/* ---- order and content ------------------------------------------------------------------------------------------------- */

/* Lengths that start and break runs: equal ones, a shorter last one, a longer one after it, empty ones. */
static const size_t lengths[] = {1200, 1200, 1200, 1200, 400, 1200, 1200, 1200, 1400, 1400, 0, 0, 1400, 1, 1, 1, 1, 2, 1, 2048, 2048, 2048, 100};

static void send_and_expect(const struct net_udp_options *sender, const struct net_udp_options *receiver, struct net_udp_statistics *sent) {
    struct pair pair = make_pair(sender, receiver);
    unsigned rounds = 7; /* 161 datagrams: batches fill up in the middle */
    for (unsigned i = 0; i < rounds * COUNT(lengths); i++)
        queue(&pair, net_udp_local(pair.to), lengths[i % COUNT(lengths)], i);
    net_send_batch_flush(pair.sending);
    for (unsigned i = 0; i < rounds * COUNT(lengths); i++)
        expect(&pair, lengths[i % COUNT(lengths)], i);
    expect_silence(&pair);
    *sent = statistics_of(pair.from);
    struct net_udp_statistics got = statistics_of(pair.to);
    assert_int_equal(sent->datagrams_sent, rounds * COUNT(lengths));
    assert_int_equal(got.datagrams_received, sent->datagrams_sent);
    assert_int_equal(got.bytes_received, sent->bytes_sent);
    assert_int_equal(got.kernel_dropped + got.over_long_dropped, 0);
    free_pair(&pair);
}

static void batches_arrive_intact_without_segmentation(void **state) {
    (void)state;
    struct net_udp_statistics sent;
    send_and_expect(&(struct net_udp_options){.without_gso = true}, NULL, &sent);
    assert_int_equal(sent.segmented_messages, 0);
    assert_false(sent.segmentation);
}

static void batches_arrive_intact_with_segmentation(void **state) {
    (void)state;
    struct net_udp_statistics sent;
    send_and_expect(NULL, NULL, &sent);
    if (!sent.segmentation) {
        printf("SKIP: batches_arrive_intact_with_segmentation: this kernel has no UDP_SEGMENT\n");
        skip();
    }
    assert_true(sent.segmented_messages >= 7 * 4);
    assert_true(sent.send_calls < 20);
}

static void joined_datagrams_are_split_again(void **state) {
    (void)state;
    struct net_udp_statistics sent;
    send_and_expect(NULL, &(struct net_udp_options){.with_gro = true}, &sent);
    struct pair pair = make_pair(NULL, &(struct net_udp_options){.with_gro = true});
    for (unsigned i = 0; i < 40; i++)
        queue(&pair, net_udp_local(pair.to), 1000, i);
    net_send_batch_flush(pair.sending);
    for (unsigned i = 0; i < 40; i++)
        expect(&pair, 1000, i);
    if (statistics_of(pair.from).segmented_messages > 0 && statistics_of(pair.to).joined_messages == 0)
        print_message("loopback did not join\n");
    free_pair(&pair);
}

/* A socket that joins needs the big batch: with the small one every joined datagram would be lost. */
static void joining_needs_the_big_batch(void **state) {
    (void)state;
    struct net_udp_socket *udp = open_loopback(&(struct net_udp_options){.with_gro = true});
    struct net_receive_batch *small = net_receive_batch_new(false);
    assert_int_equal(net_udp_receive(udp, small), -EINVAL);
    net_receive_batch_free(small);
    net_udp_close(udp);
}

/* One commit may hold a run of equal datagrams back to back (segment_bytes of the contract); here longer than the batch is. */
static void a_run_in_one_buffer_is_split(void **state) {
    (void)state;
    struct pair pair = make_pair(NULL, NULL);
    queue(&pair, net_udp_local(pair.to), 10, 1);
    size_t capacity;
    uint8_t *room = net_send_batch_reserve(pair.sending, &capacity);
    size_t pieces = NET_SEND_BATCH + 6;
    assert_true(capacity >= pieces * 100 + 50);
    for (unsigned i = 0; i < pieces; i++)
        fill(room + i * 100, 100, 1000 + i);
    fill(room + pieces * 100, 50, 9);
    net_send_batch_commit(pair.sending, pair.from, net_udp_local(pair.to), room, pieces * 100 + 50, 100);
    queue(&pair, net_udp_local(pair.to), 1300, 2); /* must not lie over what still waits */
    net_send_batch_flush(pair.sending);
    expect(&pair, 10, 1);
    for (unsigned i = 0; i < pieces; i++)
        expect(&pair, 100, 1000 + i);
    expect(&pair, 50, 9);
    expect(&pair, 1300, 2);
    expect_silence(&pair);
    free_pair(&pair);
}

static void destinations_and_sockets_may_alternate(void **state) {
    (void)state;
    struct pair a = make_pair(NULL, NULL), b = make_pair(NULL, NULL);
    struct net_send_batch *own = b.sending;
    b.sending = a.sending;
    for (unsigned i = 0; i < 30; i++)
        queue(i % 3 == 0 ? &b : &a, i % 3 == 0 ? net_udp_local(b.to) : net_udp_local(a.to), 500, i);
    net_send_batch_flush(a.sending);
    for (unsigned i = 0; i < 30; i++)
        expect(i % 3 == 0 ? &b : &a, 500, i);
    b.sending = own;
    free_pair(&a);
    free_pair(&b);
}

static void ipv6_works_too(void **state) {
    (void)state;
    struct stun_address local = loopback_v6(0);
    struct net_udp_socket *from = NULL, *to = NULL;
    int error = net_udp_open(&local, NULL, &from);
    if (error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT) {
        printf("SKIP: ipv6_works_too: this host has no ::1\n");
        skip();
    }
    assert_int_equal(error, 0);
    assert_int_equal(net_udp_open(&local, NULL, &to), 0);
    struct pair pair = {.from = from, .to = to, .sending = net_send_batch_new(), .received = net_receive_batch_new(false)};
    for (unsigned i = 0; i < 10; i++)
        queue(&pair, net_udp_local(to), 1200, i);
    struct stun_address closed = loopback_v6(closed_port());
    queue(&pair, &closed, 10, 0);
    net_send_batch_flush(pair.sending);
    for (unsigned i = 0; i < 10; i++)
        expect(&pair, 1200, i);
    struct net_udp_error reported;
    assert_true(wait_readable(net_udp_descriptor(from), 1000));
    assert_int_equal(net_udp_receive(from, pair.received), 0);
    assert_true(net_udp_next_error(from, &reported));
    assert_int_equal(reported.error, ECONNREFUSED);
    assert_true(stun_address_equal(&reported.remote, &closed));
    free_pair(&pair);
}

/* ---- limits ------------------------------------------------------------------------------------------------------------- */

/* NET_UDP_DATAGRAM_MAX_BYTES at limit - 1, limit, limit + 1, and far beyond; the neighbours do not suffer. */
static void over_long_datagrams_are_dropped(const struct net_udp_options *receiver) {
    struct pair pair = make_pair(NULL, receiver);
    static const size_t sizes[] = {NET_UDP_DATAGRAM_MAX_BYTES - 1, NET_UDP_DATAGRAM_MAX_BYTES, NET_UDP_DATAGRAM_MAX_BYTES + 1, 30000, 100};
    for (unsigned i = 0; i < COUNT(sizes); i++)
        queue(&pair, net_udp_local(pair.to), sizes[i], i);
    net_send_batch_flush(pair.sending);
    expect(&pair, NET_UDP_DATAGRAM_MAX_BYTES - 1, 0);
    expect(&pair, NET_UDP_DATAGRAM_MAX_BYTES, 1);
    expect(&pair, 100, 4);
    expect_silence(&pair);
    assert_int_equal(statistics_of(pair.to).over_long_dropped, 2);
    assert_int_equal(statistics_of(pair.to).datagrams_received, 3);
    free_pair(&pair);
}

static void over_long_datagrams_are_dropped_and_counted(void **state) {
    (void)state;
    over_long_datagrams_are_dropped(NULL);
    over_long_datagrams_are_dropped(&(struct net_udp_options){.with_gro = true});
}

/* NET_SEND_BATCH at limit - 1, limit, limit + 1: reserve flushes only when it has to. */
static void a_full_batch_flushes_itself(void **state) {
    (void)state;
    struct pair pair = make_pair(NULL, NULL);
    for (unsigned i = 0; i < NET_SEND_BATCH; i++)
        queue(&pair, net_udp_local(pair.to), 20, i);
    expect_silence(&pair);
    queue(&pair, net_udp_local(pair.to), 20, NET_SEND_BATCH);
    for (unsigned i = 0; i < NET_SEND_BATCH; i++)
        expect(&pair, 20, i);
    expect_silence(&pair);
    net_send_batch_flush(pair.sending);
    expect(&pair, 20, NET_SEND_BATCH);
    free_pair(&pair);
}

/* NET_UDP_BATCH: one call takes no more, whatever waits. */
static void one_receive_takes_one_batch(void **state) {
    (void)state;
    struct pair pair = make_pair(&(struct net_udp_options){.without_gso = true}, NULL);
    for (unsigned i = 0; i < NET_UDP_BATCH + 1; i++)
        queue(&pair, net_udp_local(pair.to), 20, i);
    net_send_batch_flush(pair.sending);
    assert_int_equal(net_udp_receive(pair.to, pair.received), NET_UDP_BATCH);
    assert_int_equal(net_udp_receive(pair.to, pair.received), 1);
    free_pair(&pair);
}

/* ---- errors --------------------------------------------------------------------------------------------------------------- */

/* RFC 8445 section 7.2.5.2.3: the ICMP error belongs to the closed port, not to whoever was sent to next. */
static void port_unreachable_names_its_destination(void **state) {
    (void)state;
    struct pair pair = make_pair(NULL, NULL);
    struct stun_address closed = loopback_v4(closed_port());
    for (unsigned i = 0; i < 20; i++) {
        queue(&pair, &closed, 100 + i, i);
        queue(&pair, net_udp_local(pair.to), 200, i);
    }
    net_send_batch_flush(pair.sending);
    for (unsigned i = 0; i < 20; i++)
        expect(&pair, 200, i);
    expect_silence(&pair);
    net_udp_receive(pair.from, pair.received);
    struct net_udp_error error;
    assert_true(net_udp_next_error(pair.from, &error));
    assert_int_equal(error.error, ECONNREFUSED);
    assert_true(stun_address_equal(&error.remote, &closed));
    assert_false(net_udp_next_error(pair.from, &error)); /* twenty times the same is one error */
    assert_int_equal(statistics_of(pair.from).failed_dropped, 0);
    free_pair(&pair);
}

/* An error that waits must not hide datagrams that wait behind it. */
static void an_error_does_not_hide_datagrams(void **state) {
    (void)state;
    struct pair pair = make_pair(NULL, NULL);
    struct stun_address closed = loopback_v4(closed_port());
    struct pair back = {.from = pair.to, .to = pair.from, .sending = pair.sending, .received = pair.received};
    queue(&pair, &closed, 10, 0);
    net_send_batch_flush(pair.sending);
    queue(&back, net_udp_local(pair.from), 333, 5);
    net_send_batch_flush(pair.sending);
    expect(&back, 333, 5);
    struct net_udp_error error;
    assert_true(net_udp_next_error(pair.from, &error));
    assert_int_equal(error.error, ECONNREFUSED);
    free_pair(&pair);
}

/* The kernel refuses at once: port 0, and the broadcast address without SO_BROADCAST. The rest of the batch goes. */
static void refused_destinations_are_reported(void **state) {
    (void)state;
    struct pair pair = make_pair(NULL, NULL);
    struct stun_address port_zero = loopback_v4(0);
    struct stun_address broadcast = {.family = STUN_ADDRESS_IPV4, .port = 9, .ip = {255, 255, 255, 255}};
    struct stun_address other_family = loopback_v6(9);
    queue(&pair, &port_zero, 100, 0);
    queue(&pair, &port_zero, 100, 0);
    queue(&pair, &broadcast, 100, 0);
    queue(&pair, &other_family, 100, 0);
    queue(&pair, net_udp_local(pair.to), 100, 7);
    queue(&pair, net_udp_local(pair.to), 100, 8);
    net_send_batch_flush(pair.sending);
    expect(&pair, 100, 7);
    expect(&pair, 100, 8);
    struct net_udp_error error;
    assert_true(net_udp_next_error(pair.from, &error));
    assert_true(stun_address_equal(&error.remote, &port_zero));
    assert_int_equal(error.error, EINVAL);
    assert_true(net_udp_next_error(pair.from, &error));
    assert_true(stun_address_equal(&error.remote, &broadcast));
    assert_true(net_udp_next_error(pair.from, &error));
    assert_true(stun_address_equal(&error.remote, &other_family));
    assert_int_equal(error.error, EAFNOSUPPORT);
    assert_false(net_udp_next_error(pair.from, &error));
    assert_int_equal(statistics_of(pair.from).failed_dropped, 4);
    queue(&pair, net_udp_local(pair.to), 100, 1);
    queue(&pair, net_udp_local(pair.to), 100, 2);
    net_send_batch_flush(pair.sending);
    /* A destination that cannot be sent to is no reason to give up segmentation. */
    if (statistics_of(pair.from).segmentation)
        assert_int_equal(statistics_of(pair.from).segmented_messages, 2);
    free_pair(&pair);
}

/* NET_UDP_ERROR_MAX at limit and limit + 1: the rest is counted, not stored. */
static void errors_are_bounded(void **state) {
    (void)state;
    struct pair pair = make_pair(NULL, NULL);
    struct stun_address refused = {.family = STUN_ADDRESS_IPV4, .ip = {255, 255, 255, 255}};
    for (uint16_t port = 1; port <= NET_UDP_ERROR_MAX; port++) {
        refused.port = port;
        queue(&pair, &refused, 10, 0);
    }
    net_send_batch_flush(pair.sending);
    assert_int_equal(statistics_of(pair.from).errors_forgotten, 0);
    refused.port = NET_UDP_ERROR_MAX + 1;
    queue(&pair, &refused, 10, 0);
    net_send_batch_flush(pair.sending);
    assert_int_equal(statistics_of(pair.from).errors_forgotten, 1);
    struct net_udp_error error;
    for (uint16_t port = 1; port <= NET_UDP_ERROR_MAX; port++) {
        assert_true(net_udp_next_error(pair.from, &error));
        assert_int_equal(error.remote.port, port);
    }
    assert_false(net_udp_next_error(pair.from, &error));
    free_pair(&pair);
}

/* A datagram beyond what UDP can carry: counted, but no error against the path. */
static void too_big_fails_no_path(void **state) {
    (void)state;
    struct pair pair = make_pair(NULL, NULL);
    queue(&pair, net_udp_local(pair.to), 65508, 0);
    queue(&pair, net_udp_local(pair.to), 100, 1);
    net_send_batch_flush(pair.sending);
    expect(&pair, 100, 1);
    struct net_udp_error error;
    assert_false(net_udp_next_error(pair.from, &error));
    assert_int_equal(statistics_of(pair.from).too_big, 1);
    assert_int_equal(statistics_of(pair.from).failed_dropped, 1);
    free_pair(&pair);
}

/* Nobody reads, the receiver's buffer is small: the kernel drops at the receiver and says how many. */
static void overflow_is_counted_by_the_kernel(void **state) {
    (void)state;
    struct pair pair = make_pair(NULL, &(struct net_udp_options){.receive_buffer_bytes = 8192});
    for (unsigned i = 0; i < 500; i++)
        queue(&pair, net_udp_local(pair.to), 1000, i);
    net_send_batch_flush(pair.sending);
    struct net_udp_statistics got = statistics_of(pair.to);
    assert_true(got.kernel_dropped > 0);
    unsigned received = 0;
    struct net_datagram datagram;
    while (net_udp_receive(pair.to, pair.received) > 0)
        while (net_receive_batch_next(pair.received, &datagram))
            received++;
    assert_int_equal(received + got.kernel_dropped, 500);
    free_pair(&pair);
}

static void opening_says_why_not(void **state) {
    (void)state;
    struct net_udp_socket *udp = NULL;
    struct stun_address none = {0};
    struct stun_address elsewhere = {.family = STUN_ADDRESS_IPV4, .ip = {192, 0, 2, 1}};
    assert_int_equal(net_udp_open(&none, NULL, &udp), -EINVAL);
    assert_int_equal(net_udp_open(&elsewhere, NULL, &udp), -EADDRNOTAVAIL);
    struct net_udp_socket *first = open_loopback(NULL);
    assert_int_equal(net_udp_open(net_udp_local(first), NULL, &udp), -EADDRINUSE);
    net_udp_close(first);
    net_udp_close(NULL);
    assert_null(udp);
}

static void descriptor_exhaustion_is_an_error(void **state) {
    (void)state;
    struct net_udp_socket *udp = NULL;
    struct stun_address local = loopback_v4(0);
    exhaust_descriptors(0);
    int refused = net_udp_open(&local, NULL, &udp);
    release_descriptors();
    assert_int_equal(refused, -EMFILE);
    assert_null(udp);
    exhaust_descriptors(1);
    int opened = net_udp_open(&local, NULL, &udp);
    release_descriptors();
    assert_int_equal(opened, 0);
    net_udp_close(udp);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_arrive_intact_without_segmentation),
        cmocka_unit_test(batches_arrive_intact_with_segmentation),
        cmocka_unit_test(joined_datagrams_are_split_again),
        cmocka_unit_test(joining_needs_the_big_batch),
        cmocka_unit_test(a_run_in_one_buffer_is_split),
        cmocka_unit_test(destinations_and_sockets_may_alternate),
        cmocka_unit_test(ipv6_works_too),
        cmocka_unit_test(over_long_datagrams_are_dropped_and_counted),
        cmocka_unit_test(a_full_batch_flushes_itself),
        cmocka_unit_test(one_receive_takes_one_batch),
        cmocka_unit_test(port_unreachable_names_its_destination),
        cmocka_unit_test(an_error_does_not_hide_datagrams),
        cmocka_unit_test(refused_destinations_are_reported),
        cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(too_big_fails_no_path),
        cmocka_unit_test(overflow_is_counted_by_the_kernel),
        cmocka_unit_test(opening_says_why_not),
        cmocka_unit_test(descriptor_exhaustion_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
