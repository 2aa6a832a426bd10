/* Addresses that come and go, noticed by the watch and followed by the driver: in a network namespace of this process alone. */
#include "test/net/object.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool have_namespace;

/* Everything below happens behind this; the host's addresses are not touched. */
static int enter_namespace(void **state) {
    (void)state;
    have_namespace = unshare(CLONE_NEWNET) == 0 &&
                     system("ip link set lo up && ip link add d0 type veth peer name d1 && ip link set d1 up") == 0;
    return 0;
}

static void need_namespace(const char *test) {
    if (have_namespace)
        return;
    printf("SKIP: %s: needs root and iproute2 for a network namespace\n", test);
    skip();
}

static void command(const char *text) {
    assert_int_equal(system(text), 0);
}

static void count_changes(void *context) {
    ++*(unsigned *)context;
}

static void on_tick(uv_timer_t *timer) {
    uv_stop(timer->loop);
}

static void on_closed(uv_handle_t *handle) {
    handle->data = NULL;
}

/* Runs the loop until *counter reaches `least`, five seconds at most. The tick keeps the loop alive, which a watch does not. */
static void run_until(uv_loop_t *loop, const unsigned *counter, unsigned least) {
    uint64_t end = uv_hrtime() + 5000000000u;
    uv_timer_t tick;
    uv_timer_init(loop, &tick);
    tick.data = loop;
    uv_timer_start(&tick, on_tick, 1, 1);
    while (*counter < least && uv_hrtime() < end)
        uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&tick, on_closed);
    while (tick.data != NULL)
        uv_run(loop, UV_RUN_NOWAIT);
    assert_true(*counter >= least);
}

static void watch_tells(bool without_netlink) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    unsigned changes = 0;
    struct net_interface_watch *watch = net_interface_watch_new(&loop, without_netlink, 10, count_changes, &changes);
    assert_non_null(watch);
    assert_int_equal(net_interface_watch_uses_netlink(watch), !without_netlink);
    assert_int_equal(uv_run(&loop, UV_RUN_NOWAIT), 0); /* it does not keep the loop alive */
    if (have_namespace && !without_netlink) {
        command("ip address add 127.0.0.50/8 dev lo");
        run_until(&loop, &changes, 1);
        unsigned before = changes;
        command("ip address del 127.0.0.50/8 dev lo");
        run_until(&loop, &changes, before + 1);
    }
    if (without_netlink)
        run_until(&loop, &changes, 2);
    net_interface_watch_free(watch);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void netlink_tells_of_changes(void **state) {
    (void)state;
    need_namespace("netlink_tells_of_changes");
    watch_tells(false);
}

static void without_netlink_a_timer_does_it(void **state) {
    (void)state;
    watch_tells(true);
}

/* Without descriptors there is no netlink socket: the timer does it. */
static void without_descriptors_a_timer_does_it(void **state) {
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    unsigned changes = 0;
    exhaust_descriptors(0);
    struct net_interface_watch *watch = net_interface_watch_new(&loop, false, 10, count_changes, &changes);
    release_descriptors();
    assert_non_null(watch);
    assert_false(net_interface_watch_uses_netlink(watch));
    run_until(&loop, &changes, 1);
    net_interface_watch_free(watch);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static bool has(const struct object *object, const char *ip) {
    struct stun_address address;
    assert_true(stun_address_parse_ip(ip, strlen(ip), &address));
    for (size_t i = 0; i < object->interface_count; i++)
        if (stun_address_equal_ip(&object->interfaces[i].base, &address))
            return true;
    return false;
}

/* RFC 8445 has no say in this, docs/contract.md has: the full list each time it changes; a socket that stays keeps its port. */
static void the_driver_follows_addresses(void **state) {
    (void)state;
    need_namespace("the_driver_follows_addresses");
    struct object *object = object_new();
    net_driver_free(object->driver);
    struct net_driver_config config = {.verbs = &object_verbs, .object = object, .filter = {.only_ipv4 = true}};
    object->stop_after = 1000;
    assert_int_equal(net_driver_new(&object->loop, &config, &object->driver), 0);
    assert_int_equal(net_driver_start(object->driver), -EADDRNOTAVAIL); /* nothing but loopback yet: it goes on watching */
    assert_int_equal(object->interface_count, 0);

    command("ip address add 192.0.2.1/24 dev d0 && ip link set d0 up");
    unsigned calls = 1;
    run_until(&object->loop, &object->interface_calls, ++calls);
    assert_true(has(object, "192.0.2.1"));
    uint16_t port = object->interfaces[0].base.port;

    command("ip address add 192.0.2.2/24 dev d0");
    run_until(&object->loop, &object->interface_calls, ++calls);
    assert_true(has(object, "192.0.2.1") && has(object, "192.0.2.2"));
    assert_int_equal(object->interfaces[0].base.port, port);

    command("ip address add 127.0.0.60/8 dev lo"); /* no candidate: the object hears nothing of it */
    for (int i = 0; i < 20; i++)
        uv_run(&object->loop, UV_RUN_NOWAIT);
    assert_int_equal(object->interface_calls, calls);

    command("ip address flush dev d0");
    run_until(&object->loop, &object->interface_calls, ++calls);
    while (object->interface_count > 0)
        run_until(&object->loop, &object->interface_calls, object->interface_calls + 1);
    struct net_driver_statistics statistics;
    net_driver_statistics(object->driver, &statistics);
    assert_int_equal(statistics.sockets, 0);
    object_free(object);
}

/* RFC 4862 section 5.5.4: a deprecated address that is in use goes on; it begins nothing new where there is a better one. */
static void deprecated_addresses_fade_out(void **state) {
    (void)state;
    need_namespace("deprecated_addresses_fade_out");
    struct object *object = object_new();
    net_driver_free(object->driver);
    struct net_driver_config config = {.verbs = &object_verbs, .object = object, .filter = {.only_ipv6 = true}};
    object->stop_after = 1000;
    command("ip link set d0 up && ip -6 address add 2001:db8::1/64 dev d0 nodad");
    assert_int_equal(net_driver_new(&object->loop, &config, &object->driver), 0);
    assert_int_equal(net_driver_start(object->driver), 0);
    assert_int_equal(object->interface_count, 1);

    unsigned calls = 1; /* a new one comes, the old one is deprecated: both serve */
    command("ip -6 address add 2001:db8::2/64 dev d0 nodad");
    run_until(&object->loop, &object->interface_calls, ++calls);
    command("ip -6 address change 2001:db8::1/64 dev d0 preferred_lft 0");
    run_until(&object->loop, &object->interface_calls, ++calls);
    assert_int_equal(object->interface_count, 2);
    assert_true(has(object, "2001:db8::1") && has(object, "2001:db8::2"));
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(object->interfaces[i].preference == UINT16_MAX, object->interfaces[i].base.ip[15] == 2);

    /* A driver that starts now does not begin with it. */
    struct net_interface_address list[4];
    assert_int_equal(net_interfaces_list(&config.filter, list, COUNT(list)), 1);
    assert_int_equal(list[0].address.ip[15], 2);
    command("ip address flush dev d0");
    object_free(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(netlink_tells_of_changes),
        cmocka_unit_test(without_netlink_a_timer_does_it),
        cmocka_unit_test(without_descriptors_a_timer_does_it),
        cmocka_unit_test(the_driver_follows_addresses),
        cmocka_unit_test(deprecated_addresses_fade_out),
    };
    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
