/* Sets of sockets: one for each transport of an object that has several. */
#include "test/net/object.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static struct net_driver_statistics statistics_of(const struct object *object) {
    struct net_driver_statistics statistics;
    net_driver_statistics(object->driver, &statistics);
    return statistics;
}

static void a_further_set_has_ports_of_its_own(void **state) {
    (void)state;
    struct stun_address addresses[2] = {loopback_v4(0), loopback_v6(0)};
    struct object *object = object_new_with(&(struct net_driver_config){.addresses = addresses, .address_count = 2, .tcp_listen = true});
    object_start(object);
    for (size_t set = 1; set < NET_DRIVER_SET_MAX; set++) {
        assert_int_equal(net_driver_open_set(object->driver, set), 0);
        assert_int_equal(object->set_calls[set], 1);
        assert_int_equal(object->set_interface_count[set], object->interface_count);
    }
    assert_int_equal(object->interface_calls, 1); /* set 0 is as it was */
    assert_int_equal(object->interface_count, 4);
    assert_int_equal(statistics_of(object).sockets, 2 * NET_DRIVER_SET_MAX);
    assert_int_equal(statistics_of(object).listeners, 2 * NET_DRIVER_SET_MAX);
    for (size_t set = 1; set < NET_DRIVER_SET_MAX; set++)
        for (size_t i = 0; i < 4; i++) {
            const struct ice_interface *of_set = &object->set_interfaces[set][i], *first = &object->interfaces[i];
            assert_int_equal(of_set->transport, first->transport);
            assert_int_equal(of_set->preference, first->preference);
            assert_true(stun_address_equal_ip(&of_set->base, &first->base));
            assert_int_not_equal(of_set->base.port, first->base.port);
            assert_int_not_equal(of_set->base.port, object->set_interfaces[set == 1 ? 2 : 1][i].base.port);
        }
    object_free(object);
}

/* A configured port is that of set 0. */
static void a_configured_port_is_not_wanted_twice(void **state) {
    (void)state;
    struct stun_address address = loopback_v4(closed_port());
    struct object *object = object_new_with(&(struct net_driver_config){.addresses = &address, .address_count = 1});
    object_start(object);
    assert_int_equal(net_driver_open_set(object->driver, 3), 0);
    assert_int_equal(object->interfaces[0].base.port, address.port);
    assert_int_not_equal(object->set_interfaces[3][0].base.port, address.port);
    object_free(object);
}

/* What goes out by a socket of one set comes in by that of another, and says so by its path. */
static void each_set_carries_its_own(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    assert_int_equal(net_driver_open_set(object->driver, 1), 0);
    const struct stun_address *main = object_address(object), *other = &object->set_interfaces[1][0].base;
    object_queue(object, other, main, 10);
    net_driver_run(object->driver);
    object_run(object);
    assert_true(stun_address_equal(&object->last_path.local, main) && stun_address_equal(&object->last_path.remote, other));
    object->stop_after = 2;
    object_queue(object, main, other, 10);
    net_driver_run(object->driver);
    object_run(object);
    assert_true(stun_address_equal(&object->last_path.local, other) && stun_address_equal(&object->last_path.remote, main));
    object_free(object);
}

/* What was sent before goes, what is sent after is an error, and the others do not notice. */
static void a_set_closes_alone(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    assert_int_equal(net_driver_open_set(object->driver, 1), 0);
    assert_int_equal(net_driver_open_set(object->driver, 2), 0);
    struct stun_address other = object->set_interfaces[1][0].base;
    size_t capacity;
    uint8_t *room = net_driver_reserve(object->driver, &capacity);
    struct ice_transmit goodbye = {.path = {.local = other, .remote = *object_address(object)}, .length = 5};
    memset(room, 7, 5);
    net_driver_send(object->driver, room, &goodbye);
    net_driver_close_set(object->driver, 1);
    assert_int_equal(statistics_of(object).sockets, 2);
    assert_int_equal(statistics_of(object).udp.datagrams_sent, 1);
    object_run(object);
    assert_int_equal(object->last_length, 5);
    object_queue(object, &other, object_address(object), 10);
    object->stop_after = 2;
    net_driver_run(object->driver);
    assert_int_equal(object->errors, 1);
    assert_int_equal(object->error, EADDRNOTAVAIL);
    net_driver_close_set(object->driver, 1); /* let pass */
    net_driver_close_set(object->driver, 0);
    net_driver_close_set(object->driver, NET_DRIVER_SET_MAX);
    assert_int_equal(statistics_of(object).sockets, 2);
    assert_int_equal(net_driver_open_set(object->driver, 1), 0); /* and again */
    assert_int_equal(object->set_calls[1], 2);
    assert_int_equal(statistics_of(object).sockets, 3);
    object_free(object);
}

/* A datagram may end the transport whose set it came by: what had come with it, joined by the kernel or not, is for nobody any more. */
static void a_set_closes_while_it_is_read(void **state) {
    (void)state;
    for (unsigned gro = 0; gro < 2; gro++) {
        struct object *object = object_new_with(&(struct net_driver_config){.udp.with_gro = gro == 1});
        object_start(object);
        assert_int_equal(net_driver_open_set(object->driver, 1), 0);
        struct stun_address other = object->set_interfaces[1][0].base;
        object->close_set = 1;
        for (int i = 0; i < 4; i++)
            object_queue(object, object_address(object), &other, 100);
        net_driver_run(object->driver);
        object_run(object);
        assert_int_equal(object->datagrams, 1);
        assert_int_equal(statistics_of(object).sockets, 1);
        object_free(object);
    }
}

static void bad_sets_are_refused(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    assert_int_equal(net_driver_open_set(object->driver, 0), -EINVAL);
    assert_int_equal(net_driver_open_set(object->driver, NET_DRIVER_SET_MAX), -EINVAL);
    assert_int_equal(net_driver_open_set(object->driver, 1), 0);
    assert_int_equal(net_driver_open_set(object->driver, 1), -EINVAL);
    net_driver_free(object->driver);
    struct net_driver_verbs verbs = object_verbs;
    verbs.handle_set_interfaces = NULL;
    struct stun_address local = loopback_v4(0);
    struct net_driver_config config = {.verbs = &verbs, .object = object, .addresses = &local, .address_count = 1};
    assert_int_equal(net_driver_new(&object->loop, &config, &object->driver), 0);
    object_start(object);
    assert_int_equal(net_driver_open_set(object->driver, 1), -EINVAL);
    assert_int_equal(statistics_of(object).sockets, 1);
    object_free(object);
}

/* Out of descriptors, a set is an error, empty, and can be closed and opened again. */
static void descriptor_exhaustion_is_an_error(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    exhaust_descriptors(0);
    int error = net_driver_open_set(object->driver, 1);
    release_descriptors();
    assert_int_equal(error, -EMFILE);
    assert_int_equal(object->set_calls[1], 1);
    assert_int_equal(object->set_interface_count[1], 0);
    assert_int_equal(statistics_of(object).addresses_refused, 1);
    net_driver_close_set(object->driver, 1);
    assert_int_equal(net_driver_open_set(object->driver, 1), 0);
    assert_int_equal(object->set_interface_count[1], 1);
    object_free(object);
}

/* The verb may free the driver, as all others may. */
static void the_verb_may_free_the_driver(void **state) {
    (void)state;
    struct object *object = object_new();
    object_start(object);
    object->free_in = "handle_set_interfaces";
    assert_int_equal(net_driver_open_set(object->driver, 1), 0);
    assert_null(object->driver);
    object_free(object);
}

/* One address, one name: it stands for the ports of all sets, until the last socket there is closed. */
static void a_name_stands_for_the_address(void **state) {
    (void)state;
    struct object *object = object_new_with(&(struct net_driver_config){.mdns = NET_MDNS_OFFER});
    assert_int_equal(net_driver_start(object->driver), 0);
    if (object->interface_count == 0) { /* no multicast here */
        object_free(object);
        skip();
    }
    char name[ICE_MDNS_NAME_MAX_BYTES + 1];
    memcpy(name, object->interfaces[0].mdns_name, strlen(object->interfaces[0].mdns_name) + 1);
    assert_int_equal(net_driver_open_set(object->driver, 1), 0);
    assert_int_equal(object->set_interface_count[1], 1);
    assert_string_equal(object->set_interfaces[1][0].mdns_name, name);
    net_driver_close_set(object->driver, 1);
    assert_int_equal(net_driver_open_set(object->driver, 1), 0);
    assert_string_equal(object->set_interfaces[1][0].mdns_name, name);
    object_free(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_further_set_has_ports_of_its_own), cmocka_unit_test(a_configured_port_is_not_wanted_twice),
        cmocka_unit_test(each_set_carries_its_own), cmocka_unit_test(a_set_closes_alone), cmocka_unit_test(a_set_closes_while_it_is_read),
        cmocka_unit_test(bad_sets_are_refused),
        cmocka_unit_test(descriptor_exhaustion_is_an_error), cmocka_unit_test(the_verb_may_free_the_driver),
        cmocka_unit_test(a_name_stands_for_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
