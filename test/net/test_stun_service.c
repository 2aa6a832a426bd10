/* app/net/stun_service.c: real sockets on loopback; answered from the address that was asked, in the family that asked. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "app/net/stun_service.h"
#include "stun/message.h"
#include "test/net/test_net.h"

static const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES] = {"strata tests"};

static void close_service(uv_loop_t *loop, struct net_stun_service *service) {
    net_stun_service_free(service);
    assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(loop), 0);
}

/* Asks from `local`, and is told the socket's own address: there is no NAT between. */
static void ask(uv_loop_t *loop, const struct stun_address *local, const struct stun_address *server, bool answered) {
    struct net_udp_socket *udp;
    struct net_receive_batch *received = net_receive_batch_new(false);
    struct net_send_batch *batch = net_send_batch_new();
    struct net_datagram datagram;
    struct stun_writer writer;
    size_t capacity;
    assert_int_equal(net_udp_open(local, NULL, &udp), 0);
    uint8_t *bytes = net_send_batch_reserve(batch, &capacity);
    stun_writer_begin(&writer, bytes, capacity, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, transaction_id);
    net_send_batch_commit(batch, udp, server, bytes, (size_t)stun_writer_finish(&writer), 0);
    net_send_batch_flush(batch);
    uv_run(loop, UV_RUN_NOWAIT);
    assert_int_equal(wait_readable(net_udp_descriptor(udp), answered ? 2000 : 20), answered);
    if (answered) {
        struct stun_message message;
        struct stun_address told;
        assert_int_equal(net_udp_receive(udp, received), 1);
        assert_true(net_receive_batch_next(received, &datagram));
        assert_true(stun_address_equal(&datagram.remote, server));
        assert_int_equal(stun_message_parse(datagram.bytes, datagram.length, &message), STUN_OK);
        assert_int_equal(stun_message_read_xor_address(&message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &told), STUN_OK);
        assert_true(stun_address_equal(&told, net_udp_local(udp)));
    }
    net_send_batch_free(batch);
    net_receive_batch_free(received);
    net_udp_close(udp);
}

/* RFC 8489 section 6.3.1.2, MUST: the answer comes from the address and port that the request was sent to; 127.0.0.2 is not what routing would choose. */
static void test_all_addresses(void **state) {
    (void)state;
    uv_loop_t loop;
    struct net_stun_service *service;
    const struct stun_address any = {.family = STUN_ADDRESS_IPV4}, local = loopback_v4(0);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(net_stun_service_new(&loop, &any, NULL, &service), 0);
    struct stun_address server = loopback_v4(net_stun_service_local(service)->port);
    ask(&loop, &local, &server, true);
    server.ip[3] = 2;
    ask(&loop, &local, &server, true);
    close_service(&loop, service);
}

/* A dual-stack socket: an IPv4 client is told an IPv4 address, from the address it asked. */
static void test_both_families(void **state) {
    (void)state;
    uv_loop_t loop;
    struct net_stun_service *service;
    const struct stun_address any = {.family = STUN_ADDRESS_IPV6}, local4 = loopback_v4(0), local6 = loopback_v6(0);
    assert_int_equal(uv_loop_init(&loop), 0);
    if (net_stun_service_new(&loop, &any, NULL, &service) != 0) { /* a host without IPv6 */
        uv_loop_close(&loop);
        skip();
    }
    uint16_t port = net_stun_service_local(service)->port;
    struct stun_address server4 = loopback_v4(port), server6 = loopback_v6(port);
    ask(&loop, &local6, &server6, true);
    ask(&loop, &local4, &server4, true);
    server4.ip[3] = 2;
    ask(&loop, &local4, &server4, true);
    struct net_stun_service_statistics statistics;
    net_stun_service_statistics(service, &statistics);
    assert_int_equal(statistics.responder.answered, 3);
    assert_int_equal(statistics.unsent_dropped, 0);
    close_service(&loop, service);
}

static void test_limits(void **state) {
    (void)state;
    uv_loop_t loop;
    struct net_stun_service *service, *second;
    const struct net_stun_responder_config few = {.rate = 1, .burst = 2}, many = {.rate = NET_STUN_LIMIT_MAX + 1};
    const struct stun_address local = loopback_v4(0), nowhere = {.family = STUN_ADDRESS_NONE};
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(net_stun_service_new(&loop, &nowhere, NULL, &second), -EINVAL);
    assert_int_equal(net_stun_service_new(&loop, &local, &many, &second), -EINVAL);
    assert_int_equal(net_stun_service_new(&loop, &local, &few, &service), 0);
    const struct stun_address *server = net_stun_service_local(service);
    assert_int_equal(net_stun_service_new(&loop, server, NULL, &second), -EADDRINUSE);
    ask(&loop, &local, server, true);
    ask(&loop, &local, server, true);
    ask(&loop, &local, server, false);
    net_stun_service_free(NULL);
    close_service(&loop, service);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_addresses),
        cmocka_unit_test(test_both_families),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
