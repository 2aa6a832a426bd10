/* Names to addresses: only what the host itself knows, no server is asked. */
#include "app/net/resolver.h"
#include "test/net/test_net.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct answers {
    unsigned count[64];
    size_t addresses[64];
    int error[64];
    struct stun_address first[64];
    unsigned total;
};

static uv_loop_t loop;
static struct answers answers;
static struct net_resolver *resolver;

static void on_resolved(void *context, uint64_t query, const struct stun_address *addresses, size_t count, int error) {
    assert_ptr_equal(context, &answers);
    assert_true(query < COUNT(answers.count));
    answers.count[query]++;
    answers.addresses[query] = count;
    answers.error[query] = error;
    if (count > 0)
        answers.first[query] = addresses[0];
    answers.total++;
}

static int set_up(void **state) {
    (void)state;
    memset(&answers, 0, sizeof answers);
    uv_loop_init(&loop);
    resolver = net_resolver_new(&loop, on_resolved, &answers);
    return resolver == NULL;
}

static int tear_down(void **state) {
    (void)state;
    net_resolver_free(resolver);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void localhost_is_known(void **state) {
    (void)state;
    assert_int_equal(net_resolver_ask(resolver, 5, "localhost"), 0);
    assert_int_equal(answers.total, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(answers.count[5], 1);
    assert_in_range(answers.addresses[5], 1, NET_RESOLVER_ADDRESS_MAX);
    assert_int_equal(answers.error[5], 0);
    assert_int_equal(answers.first[5].port, 0);
    assert_true(answers.first[5].ip[0] == 127 || answers.first[5].ip[15] == 1);
}

static void literals_answer_themselves(void **state) {
    (void)state;
    assert_int_equal(net_resolver_ask(resolver, 1, "192.0.2.7"), 0);
    assert_int_equal(net_resolver_ask(resolver, 2, "2001:db8::7"), 0);
    assert_int_equal(answers.total, 0); /* never from within ask */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(answers.addresses[1], 1);
    assert_int_equal(answers.first[1].family, STUN_ADDRESS_IPV4);
    assert_int_equal(answers.first[2].ip[15], 7);
}

/* RFC 6762 section 3: no resolver hears of a .local name. "localhost.local" would be known to none either way; the error tells them apart. */
static void local_names_are_not_asked_for(void **state) {
    (void)state;
    static const char *const names[] = {"a1b2.local", "a1b2.LOCAL.", ".local", "x.y.local"};
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(net_resolver_ask(resolver, i, names[i]), 0);
    for (size_t i = 0; i < 3; i++)
        uv_run(&loop, UV_RUN_NOWAIT); /* no worker has to be waited for */
    assert_int_equal(answers.total, COUNT(names));
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(answers.addresses[i], 0);
        assert_int_equal(answers.error[i], UV_EAI_NONAME);
    }
}

/* A label of 64 bytes is no name for anybody (RFC 1035 section 2.3.4): it fails without a server. */
static void failure_is_an_answer_of_zero(void **state) {
    (void)state;
    char name[80];
    memset(name, 'a', sizeof name);
    memcpy(name + 64, ".invalid", 9);
    assert_int_equal(net_resolver_ask(resolver, 3, name), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(answers.count[3], 1);
    assert_int_equal(answers.addresses[3], 0);
    assert_true(answers.error[3] < 0);
}

/* NET_RESOLVER_NAME_MAX_BYTES at limit - 1, limit, limit + 1. */
static void names_are_bounded(void **state) {
    (void)state;
    char name[NET_RESOLVER_NAME_MAX_BYTES + 2];
    for (size_t length = NET_RESOLVER_NAME_MAX_BYTES - 1; length <= NET_RESOLVER_NAME_MAX_BYTES + 1; length++) {
        memset(name, 'a', length);
        memcpy(name + length - 6, ".local", 7); /* answered without asking */
        assert_int_equal(net_resolver_ask(resolver, 1, name), length <= NET_RESOLVER_NAME_MAX_BYTES ? 0 : -EINVAL);
    }
    assert_int_equal(net_resolver_ask(resolver, 1, ""), -EINVAL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(answers.total, 2);
}

/* NET_RESOLVER_QUERY_MAX at limit and limit + 1; afterwards there is room again. */
static void questions_are_bounded(void **state) {
    (void)state;
    for (uint64_t i = 0; i < NET_RESOLVER_QUERY_MAX; i++)
        assert_int_equal(net_resolver_ask(resolver, i, "192.0.2.1"), 0);
    assert_int_equal(net_resolver_ask(resolver, 40, "192.0.2.1"), -EBUSY);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(answers.total, NET_RESOLVER_QUERY_MAX);
    assert_int_equal(net_resolver_ask(resolver, 41, "192.0.2.1"), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(answers.count[41], 1);
}

static void freed_resolvers_are_silent(void **state) {
    (void)state;
    net_resolver_ask(resolver, 1, "localhost");
    net_resolver_ask(resolver, 2, "192.0.2.1");
    net_resolver_ask(resolver, 3, "x.local");
    net_resolver_free(resolver);
    resolver = NULL;
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(answers.total, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(localhost_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(literals_answer_themselves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(local_names_are_not_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failure_is_an_answer_of_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(questions_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freed_resolvers_are_silent, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
