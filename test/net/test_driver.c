/* The contract driver: mutate, drain, wait, over real sockets and a real loop. */
#include "test/net/object.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "app/net/clock.h"

static struct net_driver_statistics statistics_of(const struct object *object) {
    struct net_driver_statistics statistics;
    net_driver_statistics(object->driver, &statistics);
    return statistics;
}

/* Sends `count` datagrams of `length` bytes to the object from a socket outside of any loop. */
static struct net_udp_socket *send_from_outside(const struct object *object, size_t count, size_t length) {
    struct net_udp_socket *outside = open_loopback(NULL);
    struct net_send_batch *batch = net_send_batch_new();
    for (size_t i = 0; i < count; i++) {
        size_t capacity;
        uint8_t *room = net_send_batch_reserve(batch, &capacity);
        memset(room, (int)i, length);
        net_send_batch_commit(batch, outside, object_address(object), room, length, 0);
    }
    net_send_batch_free((net_send_batch_flush(batch), batch));
    return outside;
}

static size_t receive_outside(struct net_udp_socket *outside, struct net_datagram *last) {
    struct net_receive_batch *batch = net_receive_batch_new(false);
    size_t count = 0;
    static uint8_t bytes[NET_UDP_DATAGRAM_MAX_BYTES];
    struct net_datagram datagram;
    while (net_udp_receive(outside, batch) > 0)
        while (net_receive_batch_next(batch, &datagram)) {
            *last = datagram;
            memcpy(bytes, datagram.bytes, datagram.length);
            last->bytes = bytes;
            count++;
        }
    net_receive_batch_free(batch);
    return count;
}

/* ---- datagrams ------------------------------------------------------------------------------------------------------------- */

static void datagrams_come_with_their_path_and_answers_go(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    object->echo = true;
    object->stop_after = 100;
    struct net_udp_socket *outside = send_from_outside(object, 100, 1100);
    object_run(object);
    struct net_datagram last = {0};
    assert_int_equal(object->datagrams, 100);
    assert_int_equal(object->last_path.transport, ICE_TRANSPORT_UDP);
    assert_true(stun_address_equal(&object->last_path.local, object_address(object)));
    assert_true(stun_address_equal(&object->last_path.remote, net_udp_local(outside)));
    assert_int_equal(object->last_length, 1100);
    assert_int_equal(object->last_bytes[1099], 99);
    assert_int_equal(receive_outside(outside, &last), 100);
    assert_int_equal(last.length, 1100);
    assert_int_equal(last.bytes[0], 99); /* from buffer + offset, in order */
    assert_true(object->drains >= 100);  /* after every datagram, docs/contract.md promise 2 */
    net_udp_close(outside);
    object_free(object);
}

/* A flood must not hold up what is overdue: at most one batch of NET_UDP_BATCH comes before it. */
static void a_flood_does_not_starve_timeouts(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    object->overdue_at_once = true;
    object->stop_after = 501;
    struct net_udp_socket *outside = send_from_outside(object, 500, 20);
    object_run(object);
    assert_int_equal(object->timeouts, 1);
    assert_int_equal(object->datagrams, 500);
    assert_in_range(object->datagrams_at_timeout, 1, NET_UDP_BATCH);
    net_udp_close(outside);
    object_free(object);
}

static void what_an_event_causes_is_sent_in_the_same_turn(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    struct net_udp_socket *outside = open_loopback(NULL);
    object->event = true;
    object->event_to = *net_udp_local(outside);
    net_driver_run(object->driver);
    struct net_datagram last = {0};
    assert_int_equal(receive_outside(outside, &last), 1);
    assert_int_equal(last.length, 7);
    net_udp_close(outside);
    object_free(object);
}

/* NET_DRIVER_TURN_DATAGRAMS at limit - 1, limit, limit + 1: what one turn leaves goes in the next one, which comes by itself. */
static void a_long_queue_goes_in_several_turns(void **state) {
    (void)state;
    for (size_t count = NET_DRIVER_TURN_DATAGRAMS - 1; count <= NET_DRIVER_TURN_DATAGRAMS + 1; count++) {
        struct object *object = object_new();
        object_start(object);
        struct net_udp_socket *outside = open_loopback(NULL);
        for (size_t i = 0; i < count; i++)
            object_queue(object, object_address(object), net_udp_local(outside), 10);
        net_driver_run(object->driver);
        size_t first_turn = object->polled;
        assert_int_equal(first_turn, count < NET_DRIVER_TURN_DATAGRAMS ? count : NET_DRIVER_TURN_DATAGRAMS);
        assert_int_equal(statistics_of(object).turns_cut_short, count < NET_DRIVER_TURN_DATAGRAMS ? 0 : 1);
        if (count >= NET_DRIVER_TURN_DATAGRAMS)
            uv_run(&object->loop, UV_RUN_ONCE);
        assert_int_equal(object->polled, count);
        assert_int_equal(statistics_of(object).udp.datagrams_sent, count);
        net_udp_close(outside);
        object_free(object);
    }
}

static void packets_of_the_app_go_with_the_turn(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    struct net_udp_socket *outside = open_loopback(NULL);
    size_t capacity;
    uint8_t *room = net_driver_reserve(object->driver, &capacity);
    assert_true(capacity >= NET_SEND_RESERVE_BYTES);
    memset(room, 0x80, 200);
    struct ice_transmit transmit = {.path = {.local = *object_address(object), .remote = *net_udp_local(outside)}, .offset = 36, .length = 164};
    net_driver_send(object->driver, room, &transmit);
    struct net_datagram last = {0};
    assert_int_equal(receive_outside(outside, &last), 0);
    net_driver_run(object->driver);
    assert_int_equal(receive_outside(outside, &last), 1);
    assert_int_equal(last.length, 164);
    net_udp_close(outside);
    object_free(object);
}

/* ---- time ------------------------------------------------------------------------------------------------------------------ */

/* Never early (the object asserts it), and once. How late is the machine's affair. */
static void timeouts_come_and_never_early(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    for (unsigned i = 1; i <= 20; i++) {
        object->stop_after = i;
        uint64_t deadline_us = net_clock_now_us() + i * 137;
        object->deadline_us = deadline_us;
        net_driver_run(object->driver);
        object_run(object);
        assert_int_equal(object->timeouts, i);
        assert_true(object->timeout_at_us >= deadline_us);
    }
    uint64_t turns = statistics_of(object).turns;
    object->stop_after = 21;
    object->deadline_us = net_clock_now_us() + 20000;
    net_driver_run(object->driver);
    object_run(object);
    assert_int_equal(object->timeouts, 21);
    assert_in_range(statistics_of(object).turns - turns, 1, 3); /* it slept until then, and did not spin */
    object->deadline_us = 0; /* long overdue */
    net_driver_run(object->driver);
    assert_int_equal(object->timeouts, 22);
    object_free(object);
}

/* ---- errors ----------------------------------------------------------------------------------------------------------------- */

static void icmp_reaches_the_object(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    struct stun_address closed = loopback_v4(closed_port());
    for (unsigned round = 1; round <= 3; round++) { /* libuv stops a descriptor with an error: ours must go on */
        object->stop_after = round;
        object_queue(object, object_address(object), &closed, 50);
        net_driver_run(object->driver);
        object_run(object);
        assert_int_equal(object->errors, round);
        assert_int_equal(object->error, ECONNREFUSED);
        assert_true(stun_address_equal(&object->error_path.remote, &closed));
        assert_true(stun_address_equal(&object->error_path.local, object_address(object)));
    }
    object->stop_after = 4;
    struct net_udp_socket *outside = send_from_outside(object, 1, 10);
    object_run(object);
    assert_int_equal(object->datagrams, 1);
    net_udp_close(outside);
    object_free(object);
}

static void paths_that_nobody_serves_are_errors(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    object->stop_after = 100;
    struct stun_address elsewhere = {.family = STUN_ADDRESS_IPV4, .port = 4, .ip = {192, 0, 2, 1}};
    struct stun_address remote = loopback_v4(9);
    object_queue(object, &elsewhere, &remote, 50);
    net_driver_run(object->driver);
    assert_int_equal(object->errors, 1);
    assert_int_equal(object->error, EADDRNOTAVAIL);
    object_queue(object, object_address(object), &remote, 50);
    object->queue[1].path.transport = ICE_TRANSPORT_TCP;
    net_driver_run(object->driver);
    assert_int_equal(object->errors, 2);
    assert_int_equal(object->error, ENOTCONN);
    assert_int_equal(statistics_of(object).unroutable_dropped, 2);
    object_free(object);
}

/* ---- other threads, names ------------------------------------------------------------------------------------------------------ */

static void *wake(void *driver) {
    net_driver_wake(driver);
    return NULL;
}

static void threads_wake_the_loop(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake, object->driver), 0);
    object_run(object);
    pthread_join(thread, NULL);
    assert_int_equal(object->wakes, 1);
    object_free(object);
}

static void names_are_resolved_for_the_object(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    assert_int_equal(net_driver_resolve(object->driver, 77, "192.0.2.9"), 0);
    assert_int_equal(object->resolved_calls, 0);
    object_run(object);
    assert_int_equal(object->resolved_query, 77);
    assert_int_equal(object->resolved_count, 1);
    assert_int_equal(object->resolved[0].ip[3], 9);
    assert_int_equal(net_driver_resolve(object->driver, 78, ""), -EINVAL);
    object_free(object);
}

/* ---- life -------------------------------------------------------------------------------------------------------------------- */

/* A verb may free the driver: nothing of the object is called after that, and nothing leaks. */
static void any_verb_may_free_the_driver(void **state) {
    (void)state;
    static const char *const verbs[] = {"handle_datagram", "handle_timeout", "drain", "handle_send_error", "handle_resolved", "handle_wake"};
    for (size_t i = 0; i < COUNT(verbs); i++) {
        struct object *object = object_new();
        object_start(object);
        struct net_driver *driver = object->driver;
        struct stun_address closed = loopback_v4(closed_port());
        object->stop_after = 1000;
        object->free_in = verbs[i];
        object->deadline_us = i == 1 ? net_clock_now_us() : UINT64_MAX;
        if (i == 3)
            object_queue(object, object_address(object), &closed, 10);
        if (i == 4)
            net_driver_resolve(driver, 1, "192.0.2.1");
        if (i == 5)
            net_driver_wake(driver);
        struct net_udp_socket *outside = i == 0 ? send_from_outside(object, 3, 10) : NULL;
        net_driver_run(driver);
        if (object->driver != NULL)
            object_run(object);
        assert_null(object->driver);
        assert_int_equal(object->datagrams, i == 0 ? 1 : 0);
        net_udp_close(outside);
        object_free(object);
    }
}

static void a_driver_may_go_before_it_started(void **state) {
    (void)state;
    struct object *object = object_new();
    object_free(object);
}

/* A name that is being looked up must neither hold up the end nor be told after it. */
static void a_driver_may_go_while_names_are_asked(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    net_driver_resolve(object->driver, 1, "localhost");
    net_driver_resolve(object->driver, 2, "192.0.2.1");
    struct net_driver *driver = object->driver;
    object->driver = NULL;
    net_driver_free(driver);
    uv_run(&object->loop, UV_RUN_DEFAULT);
    assert_int_equal(object->resolved_calls, 0);
    object_free(object);
}

static void bad_configurations_are_refused(void **state) {
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct net_driver *driver = NULL;
    struct stun_address addresses[NET_INTERFACE_MAX + 1];
    for (size_t i = 0; i < COUNT(addresses); i++)
        addresses[i] = loopback_v4(0);
    struct net_driver_config config = {.verbs = &object_verbs, .addresses = addresses, .address_count = NET_INTERFACE_MAX + 1};
    assert_int_equal(net_driver_new(&loop, &config, &driver), -EINVAL);
    struct net_driver_verbs incomplete = object_verbs;
    incomplete.drain = NULL;
    config = (struct net_driver_config){.verbs = &incomplete};
    assert_int_equal(net_driver_new(&loop, &config, &driver), -EINVAL);
    config = (struct net_driver_config){.verbs = &object_verbs, .filter = {.name = "a-name-of-16-byt"}};
    assert_int_equal(net_driver_new(&loop, &config, &driver), -EINVAL);
    assert_null(driver);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* NET_INTERFACE_MAX sockets at the limit. */
static void many_addresses_are_many_sockets(void **state) {
    (void)state;
    struct object *object = object_new();
    net_driver_free(object->driver);
    struct stun_address addresses[NET_INTERFACE_MAX];
    for (size_t i = 0; i < COUNT(addresses); i++)
        addresses[i] = loopback_v4(0);
    struct net_driver_config config = {.verbs = &object_verbs, .object = object, .addresses = addresses, .address_count = COUNT(addresses)};
    assert_int_equal(net_driver_new(&object->loop, &config, &object->driver), 0);
    assert_int_equal(net_driver_start(object->driver), 0);
    assert_int_equal(object->interface_count, NET_INTERFACE_MAX);
    for (size_t i = 1; i < NET_INTERFACE_MAX; i++)
        assert_true(object->interfaces[i].preference < object->interfaces[i - 1].preference);
    object->stop_after = NET_INTERFACE_MAX;
    for (size_t i = 0; i < NET_INTERFACE_MAX; i++)
        object_queue(object, &object->interfaces[i].base, &object->interfaces[NET_INTERFACE_MAX - 1 - i].base, 10);
    net_driver_run(object->driver);
    object_run(object);
    assert_int_equal(object->datagrams, NET_INTERFACE_MAX);
    object_free(object);
}

static void unusable_addresses_are_left_out(void **state) {
    (void)state;
    struct object *object = object_new();
    net_driver_free(object->driver);
    struct stun_address addresses[] = {{.family = STUN_ADDRESS_IPV4, .ip = {192, 0, 2, 1}}, loopback_v4(0)};
    struct net_driver_config config = {.verbs = &object_verbs, .object = object, .addresses = addresses, .address_count = 2};
    assert_int_equal(net_driver_new(&object->loop, &config, &object->driver), 0);
    assert_int_equal(net_driver_start(object->driver), 0);
    assert_int_equal(object->interface_count, 1);
    assert_int_equal(statistics_of(object).addresses_refused, 1);
    net_driver_free(object->driver);
    config.address_count = 1;
    assert_int_equal(net_driver_new(&object->loop, &config, &object->driver), 0);
    assert_int_equal(net_driver_start(object->driver), -EADDRNOTAVAIL);
    object_free(object);
}

/* With 0, 1, 2 ... descriptors left, making and starting a driver fails with EMFILE or works; it never crashes and never leaks. */
static void descriptor_exhaustion_is_an_error(void **state) {
    (void)state;
    bool worked = false;
    for (size_t spare = 0; spare < 12 && !worked; spare++) {
        struct object *object = calloc(1, sizeof *object);
        assert_int_equal(uv_loop_init(&object->loop), 0);
        object->deadline_us = UINT64_MAX;
        struct net_driver_config config = {.verbs = &object_verbs, .object = object, .filter = {.loopback = true}, .fixed_interfaces = spare % 2};
        exhaust_descriptors(spare);
        int error = net_driver_new(&object->loop, &config, &object->driver);
        if (error == 0)
            error = net_driver_start(object->driver);
        release_descriptors();
        assert_true(error == 0 || error == -EMFILE);
        assert_true(error == -EMFILE || object->interface_count > 0);
        worked = error == 0 && statistics_of(object).addresses_refused == 0;
        assert_true(spare > 0 || error == -EMFILE);
        object_free(object);
    }
    assert_true(worked);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_come_with_their_path_and_answers_go),
        cmocka_unit_test(a_flood_does_not_starve_timeouts),
        cmocka_unit_test(what_an_event_causes_is_sent_in_the_same_turn),
        cmocka_unit_test(a_long_queue_goes_in_several_turns),
        cmocka_unit_test(packets_of_the_app_go_with_the_turn),
        cmocka_unit_test(timeouts_come_and_never_early),
        cmocka_unit_test(icmp_reaches_the_object),
        cmocka_unit_test(paths_that_nobody_serves_are_errors),
        cmocka_unit_test(threads_wake_the_loop),
        cmocka_unit_test(names_are_resolved_for_the_object),
        cmocka_unit_test(any_verb_may_free_the_driver),
        cmocka_unit_test(a_driver_may_go_before_it_started),
        cmocka_unit_test(a_driver_may_go_while_names_are_asked),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(many_addresses_are_many_sockets),
        cmocka_unit_test(unusable_addresses_are_left_out),
        cmocka_unit_test(descriptor_exhaustion_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
