#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/call/network.h"

/* RFC 8445 section 5.1.1.1: loopback is for those who name it. */
static void test_filter(void **state) {
    (void)state;
    struct call_options options = {.only_ipv4 = true};
    struct net_interface_filter filter = call_network_filter(&options);
    assert_true(!filter.name && filter.only_ipv4 && !filter.only_ipv6 && !filter.loopback);
    options = (struct call_options){.interface = "lo", .only_ipv6 = true};
    filter = call_network_filter(&options);
    assert_true(filter.name == options.interface && !filter.only_ipv4 && filter.only_ipv6 && filter.loopback);
    options.interface = "lo0";
    assert_false(call_network_filter(&options).loopback);
}

static void test_config(void **state) {
    (void)state;
    static const struct {
        enum call_mdns given;
        int wanted;
    } cases[] = {{CALL_MDNS_RESOLVE, NET_MDNS_RESOLVE}, {CALL_MDNS_OFFER, NET_MDNS_OFFER}, {CALL_MDNS_OFF, NET_MDNS_OFF}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call_options options = {.mdns = cases[i].given, .turn_ca_file = "ca.pem", .interface = "eth0"};
        struct net_driver_config config = call_network_config(&options);
        assert_int_equal(config.mdns, cases[i].wanted);
        assert_true(config.tcp_listen);
        assert_string_equal(config.tls_ca_file, "ca.pem");
        assert_string_equal(config.filter.name, "eth0");
        assert_null(config.verbs);
    }
}

/* A file that is not there and one that holds no certificate have exit codes of their own. */
static void test_turn_ca(void **state) {
    (void)state;
    struct call_options options = {.turn_ca_file = NULL};
    struct call_problem problem = {.exit_code = CALL_EXIT_OK};
    assert_true(call_network_check(&options, &problem));
    char path[] = "/tmp/strata-turn-ca-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "no PEM\n", 7), 7);
    close(file);
    options.turn_ca_file = path;
    assert_false(call_network_check(&options, &problem));
    assert_int_equal(problem.exit_code, CALL_EXIT_INPUT);
    assert_non_null(strstr(problem.what, path));
    unlink(path);
    assert_false(call_network_check(&options, &problem));
    assert_int_equal(problem.exit_code, CALL_EXIT_FILE);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_filter), cmocka_unit_test(test_config), cmocka_unit_test(test_turn_ca)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
