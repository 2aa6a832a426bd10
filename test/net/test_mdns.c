/* Multicast DNS with real sockets: on loopback and on a cable, in a network namespace of this process alone. */
#include "test/net/object.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/net/mdns.h"

static bool have_namespace;

static int enter_namespace(void **state) {
    (void)state;
    have_namespace = unshare(CLONE_NEWNET) == 0 && system("ip link set lo up && ip link add d0 type veth peer name d1 && ip link set d1 up && ip link set d0 up && "
                            "ip address add 192.0.2.1/24 dev d0 && ip address add 2001:db8::1/64 dev d0 nodad") == 0;
    return 0;
}

static void need_namespace(const char *test) {
    if (have_namespace)
        return;
    print_message("SKIP: %s: needs root and iproute2 for a network namespace\n", test);
    skip();
}

/* ---- two of them on one loop ---------------------------------------------------------------------------------------------- */

static uv_loop_t loop;

struct heard {
    unsigned answers;
    uint64_t query;
    size_t count;
    struct stun_address addresses[MDNS_ANSWER_MAX];
    struct net_mdns *free_me;
};

static void on_answered(void *context, uint64_t query, const struct stun_address *addresses, size_t count) {
    struct heard *heard = context;
    heard->answers++;
    heard->query = query;
    heard->count = count;
    if (count > 0)
        memcpy(heard->addresses, addresses, count * sizeof addresses[0]);
    net_mdns_free(heard->free_me);
    uv_stop(&loop);
}

static struct net_mdns_statistics numbers(const struct net_mdns *mdns) {
    struct net_mdns_statistics statistics;
    net_mdns_statistics(mdns, &statistics);
    return statistics;
}

static struct net_interface_address list[NET_INTERFACE_MAX];
static size_t list_count;

static int set_up(void **state) {
    (void)state;
    uv_loop_init(&loop);
    /* Loopback has no route for multicasts of IPv6; a cable brings ours back to us in both families. */
    int count = net_interfaces_list(&(struct net_interface_filter){.name = have_namespace ? "d0" : "lo", .loopback = true}, list, NET_INTERFACE_MAX);
    assert_in_range(count, 1, NET_INTERFACE_MAX);
    list_count = (size_t)count;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static struct net_mdns *open_mdns(struct heard *heard) {
    struct net_mdns *mdns = net_mdns_new(&loop, on_answered, heard);
    assert_non_null(mdns);
    net_mdns_set_interfaces(mdns, list, list_count);
    return mdns;
}

/* Each has the group and port 5353 for itself, although both are there; the first question is answered, both families. */
static void names_are_found_on_the_link(void **state) {
    (void)state;
    need_namespace("names_are_found_on_the_link");
    for (size_t i = 0; i < list_count; i++) {
        struct heard offers = {0}, asks = {0};
        struct net_mdns *offering = open_mdns(&offers), *asking = open_mdns(&asks);
        char name[MDNS_UUID_NAME_BYTES];
        assert_int_equal(numbers(asking).open_failures, 0);
        assert_int_equal(numbers(asking).sockets, 2 * list_count);
        assert_int_equal(net_mdns_own(offering, &list[i].address, list[i].index, name), 0);
        uint64_t begin_us = uv_hrtime() / 1000;
        assert_int_equal(net_mdns_ask(asking, 42, name), 0);
        assert_int_equal(asks.answers, 0); /* never from within */
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(asks.answers, 1);
        assert_int_equal(asks.query, 42);
        assert_int_equal(asks.count, 1);
        assert_true(stun_address_equal(&asks.addresses[0], &list[i].address));
        assert_true(uv_hrtime() / 1000 - begin_us < 2 * MDNS_FIRST_RETRY_US);
        assert_in_range(numbers(offering).engine.replies_sent, 1, 2); /* asked in each family at once */
        assert_int_equal(numbers(asking).send_failures + numbers(offering).send_failures, 0);
        net_mdns_free(offering);
        net_mdns_free(asking);
        uv_run(&loop, UV_RUN_DEFAULT);
    }
}

/* A responder that hears only multicast, and answers so: the second question, from the shared port, gets it. */
static void multicast_answers_are_heard(void **state) {
    (void)state;
    need_namespace("multicast_answers_are_heard");
    struct heard offers = {0}, asks = {0};
    struct net_mdns *offering = open_mdns(&offers), *asking = open_mdns(&asks);
    struct stun_address elsewhere = {.family = STUN_ADDRESS_IPV4, .ip = {192, 0, 2, 55}};
    char name[MDNS_UUID_NAME_BYTES];
    assert_int_equal(net_mdns_ask(asking, 1, "somebody-else.local"), 0);
    assert_int_equal(net_mdns_own(offering, &elsewhere, list[0].index, name), 0); /* its announcement is a multicast that nobody asked for */
    for (int i = 0; i < 20; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    assert_true(numbers(asking).engine.unasked_dropped >= 1);
    assert_int_equal(asks.answers, 0);
    net_mdns_disown(offering, name);
    net_mdns_free(offering);
    net_mdns_free(asking);
}

static void a_name_that_nobody_has_is_given_up(void **state) {
    (void)state;
    struct heard asks = {0};
    struct net_mdns *asking = open_mdns(&asks);
    assert_int_equal(net_mdns_ask(asking, 1, "a.b.local"), -EINVAL);
    assert_int_equal(net_mdns_ask(asking, 1, "nobody.local"), 0);
    net_mdns_free(asking); /* with a question under way: no answer follows */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(asks.answers, 0);
}

static void it_may_be_freed_in_its_answer(void **state) {
    (void)state;
    struct heard asks = {0};
    struct net_mdns *mdns = open_mdns(&asks);
    char name[MDNS_UUID_NAME_BYTES];
    assert_int_equal(net_mdns_own(mdns, &list[0].address, list[0].index, name), 0);
    assert_int_equal(net_mdns_ask(mdns, 1, name), 0);
    assert_int_equal(net_mdns_ask(mdns, 2, name), 0);
    asks.free_me = mdns;
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(asks.answers, 1);
}

/* Out of descriptors nothing opens; the next listing tries again. Interfaces that go take their sockets with them. */
static void sockets_follow_the_interfaces(void **state) {
    (void)state;
    struct heard heard = {0};
    struct net_mdns *mdns = net_mdns_new(&loop, on_answered, &heard);
    exhaust_descriptors(1);
    net_mdns_set_interfaces(mdns, list, 1);
    struct net_mdns_statistics exhausted = numbers(mdns);
    release_descriptors();
    assert_int_equal(exhausted.sockets, 1);
    assert_int_equal(exhausted.open_failures, 1);
    assert_int_equal(exhausted.last_error, EMFILE);
    net_mdns_set_interfaces(mdns, list, 1);
    assert_int_equal(numbers(mdns).sockets, 2);
    net_mdns_set_interfaces(mdns, list, 1);
    assert_int_equal(numbers(mdns).sockets, 2);
    assert_int_equal(numbers(mdns).open_failures, 1);
    net_mdns_set_interfaces(mdns, list, 0);
    assert_int_equal(numbers(mdns).sockets, 0);
    net_mdns_free(mdns);
}

/* ---- the driver --------------------------------------------------------------------------------------------------------------- */

static bool is_resolved(struct object *object) {
    return object->resolved_calls > 0;
}

static struct object *object_with(enum net_mdns_mode mode) {
    struct object *object = object_new_with(&(struct net_driver_config){.mdns = mode, .tcp_listen = true});
    object->stop_after = UINT32_MAX;
    object_start(object);
    return object;
}

static void turn_other(void *context) {
    uv_run(&((struct object *)context)->loop, UV_RUN_NOWAIT);
}

/* One driver offers its address by a name, for both of its sockets; another one resolves it. */
static void drivers_offer_and_resolve(void **state) {
    (void)state;
    need_namespace("drivers_offer_and_resolve");
    struct object *offering = object_with(NET_MDNS_OFFER), *resolving = object_with(NET_MDNS_RESOLVE);
    char name[ICE_MDNS_NAME_MAX_BYTES + 1];
    assert_int_equal(offering->interface_count, 2);
    assert_non_null(offering->interfaces[0].mdns_name);
    assert_string_equal(offering->interfaces[0].mdns_name, offering->interfaces[1].mdns_name);
    assert_null(resolving->interfaces[0].mdns_name);
    assert_true(strlen(offering->interfaces[0].mdns_name) < sizeof name);
    memcpy(name, offering->interfaces[0].mdns_name, strlen(offering->interfaces[0].mdns_name) + 1);
    assert_int_equal(net_driver_resolve(resolving->driver, 7, name), 0);
    object_run_until(resolving, is_resolved, turn_other, offering);
    assert_int_equal(resolving->resolved_query, 7);
    assert_int_equal(resolving->resolved_count, 1);
    assert_true(stun_address_equal_ip(&resolving->resolved[0], &offering->interfaces[0].base));
    struct net_driver_statistics statistics;
    net_driver_statistics(offering->driver, &statistics);
    assert_int_equal(statistics.mdns.engine.owned, 1);
    assert_int_equal(statistics.names_refused, 0);
    object_free(offering);
    object_free(resolving);
}

/* What is OFF asks nobody; what is no name of the link is not asked there. Neither goes to DNS: the resolver refuses them (test_resolver.c). */
static void names_of_the_link_stay_there(void **state) {
    (void)state;
    static const struct {
        enum net_mdns_mode mode;
        const char *name;
    } cases[] = {{NET_MDNS_OFF, "somebody.local"}, {NET_MDNS_RESOLVE, "a.b.local"}, {NET_MDNS_RESOLVE, "127.0.0.7"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct object *object = object_with(cases[i].mode);
        struct net_driver_statistics statistics;
        assert_int_equal(net_driver_resolve(object->driver, 1, cases[i].name), 0);
        object_run_until(object, is_resolved, NULL, NULL);
        assert_int_equal(object->resolved_count, i == 2);
        net_driver_statistics(object->driver, &statistics);
        assert_int_equal(statistics.mdns.sockets, 0);
        object_free(object);
    }
}

/* As many names as there may be addresses: MDNS_OWNED_MAX is NET_INTERFACE_MAX. */
static void every_address_has_its_name(void **state) {
    (void)state;
    struct stun_address addresses[NET_INTERFACE_MAX];
    for (size_t i = 0; i < COUNT(addresses); i++) {
        addresses[i] = loopback_v4(0);
        addresses[i].ip[3] = (uint8_t)(i + 1);
    }
    struct object *object = object_new_with(&(struct net_driver_config){.mdns = NET_MDNS_OFFER, .addresses = addresses, .address_count = COUNT(addresses)});
    object_start(object);
    assert_int_equal(object->interface_count, NET_INTERFACE_MAX);
    for (size_t i = 0; i < object->interface_count; i++)
        for (size_t j = 0; j < i; j++) /* draft section 3.1.1: one name replaces one address */
            assert_string_not_equal(object->interfaces[i].mdns_name, object->interfaces[j].mdns_name);
    object_free(object);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(names_are_found_on_the_link),
        TEST(multicast_answers_are_heard),
        TEST(a_name_that_nobody_has_is_given_up),
        TEST(it_may_be_freed_in_its_answer),
        TEST(sockets_follow_the_interfaces),
        TEST(drivers_offer_and_resolve),
        TEST(names_of_the_link_stay_there),
        TEST(every_address_has_its_name),
    };
    return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
