/* Which addresses are candidates, and in which order: RFC 8445 section 5.1.1.1, RFC 8421. */
#include "app/net/interfaces_internal.h"
#include "test/net/test_net.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FACT_MAX 64

static struct net_interface_fact facts[FACT_MAX];
static size_t fact_count;

static void add(const char *name, uint32_t index, const char *ip) {
    struct net_interface_fact *fact = &facts[fact_count++];
    *fact = (struct net_interface_fact){.index = index, .up = true, .loopback = strcmp(name, "lo") == 0};
    memcpy(fact->name, name, strlen(name) + 1);
    assert_true(stun_address_parse_ip(ip, strlen(ip), &fact->address));
}

/* The addresses that come out, in order, separated by spaces. */
static const char *chosen(const struct net_interface_filter *filter) {
    static char text[FACT_MAX * STUN_ADDRESS_TEXT_BYTES];
    struct net_interface_address out[FACT_MAX];
    size_t count = net_interfaces_choose(facts, fact_count, filter, out, FACT_MAX), at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text[at++] = ' ';
        at += stun_address_write_ip(&out[i].address, text + at, sizeof text - at);
        for (size_t j = 0; j < i; j++)
            assert_true(out[j].preference > out[i].preference); /* distinct, RFC 8445 section 5.1.2.1 */
    }
    fact_count = 0;
    return text;
}

static void families_take_turns(void **state) {
    (void)state;
    add("eth0", 2, "192.0.2.1");
    add("eth0", 2, "2001:db8::1");
    add("eth1", 3, "198.51.100.1");
    add("eth1", 3, "2001:db8:1::1");
    add("eth1", 3, "2001:db8:2::1");
    assert_string_equal(chosen(NULL), "2001:db8::1 192.0.2.1 2001:db8:1::1 198.51.100.1 2001:db8:2::1");
}

static void loopback_only_when_asked_and_last(void **state) {
    (void)state;
    for (int asked = 0; asked < 2; asked++) {
        add("lo", 1, "127.0.0.1");
        add("lo", 1, "::1");
        add("eth0", 2, "192.0.2.1");
        add("eth0", 2, "127.0.0.9");
        assert_string_equal(chosen(&(struct net_interface_filter){.loopback = asked}),
                            asked ? "192.0.2.1 ::1 127.0.0.1 127.0.0.9" : "192.0.2.1");
    }
}

static void link_local_only_when_alone(void **state) {
    (void)state;
    add("eth0", 2, "fe80::1");
    add("eth0", 2, "192.0.2.1");
    assert_string_equal(chosen(NULL), "192.0.2.1");
    add("eth0", 2, "fe80::1");
    assert_string_equal(chosen(NULL), "fe80::1");
    add("eth0", 2, "fe80::1");
    add("lo", 1, "127.0.0.1"); /* loopback is no way out */
    assert_string_equal(chosen(&(struct net_interface_filter){.loopback = true}), "fe80::1 127.0.0.1");
}

/* RFC 6724 section 5, rule 7; RFC 4862 section 5.5.4: what the kernel's table says about each address decides. */
static void flags_of_the_kernel_decide(void **state) {
    (void)state;
    static const char table[] = "20010db8000000000000000000000009 02 40 00 80     eth0\n" /* permanent */
                                "20010db80000000000000000000000a1 02 40 00 01     eth0\n" /* temporary */
                                "20010db80000000000000000000000a2 02 40 00 21     eth0\n" /* temporary, deprecated */
                                "20010db80000000000000000000000a3 02 40 00 41     eth0\n" /* tentative */
                                "20010db80000000000000000000000a4 02 40 00 45     eth0\n" /* tentative, optimistic */
                                "20010db80000000000000000000000a5 02 40 00 08     eth0\n" /* a duplicate */
                                "20010db80000000000000000000000b1 03 40 00 20     eth1\n" /* deprecated, nothing else there */
                                "20010db80000000000000000000000a1 09 40 00 41     eth9\n" /* another interface */
                                "zz010db80000000000000000000000a1 02 40 00 41     eth0\n"
                                "20010db80000000000000000000000a1 02 40\n\n"
                                "20010db80000000000000000000000a1 02 40 00 41     cut off";
    static const char *const last[] = {"9", "a1", "a2", "a3", "a4", "a5"};
    static const char *const outcome[] = {"2001:db8::a1 2001:db8::a4 2001:db8::9 2001:db8::b1",
                                          "2001:db8::a1 2001:db8::a4 2001:db8::9 2001:db8::b1 2001:db8::a2"};
    for (size_t cut = 0; cut <= sizeof table - 1; cut++) { /* cut anywhere, it is read to its last whole line */
        fact_count = 0;
        for (size_t i = 0; i < COUNT(last); i++) {
            char text[32];
            snprintf(text, sizeof text, "2001:db8::%s", last[i]);
            add("eth0", 2, text);
        }
        add("eth1", 3, "2001:db8::b1");
        add("eth1", 3, "fe80::1"); /* no alternative */
        char exact[sizeof table];
        memcpy(exact, table, cut);
        net_interfaces_apply_flags(exact, cut, facts, fact_count);
        if (cut >= sizeof table - 3)
            assert_string_equal(chosen(&(struct net_interface_filter){.superseded = cut % 2 == 0}), outcome[cut % 2 == 0]);
    }
}

/* Where an address does not give its owner away, one of the same network that does is not shown. */
static void trackable_addresses_are_left_out(void **state) {
    (void)state;
    add("eth0", 2, "2001:db8::211:22ff:fe33:4455");
    add("eth0", 2, "2001:db8::8c1d:2a34:77f0:1bd2");
    add("eth0", 2, "2001:db8:7::211:22ff:fe33:4455"); /* another network: nothing better there */
    assert_string_equal(chosen(NULL), "2001:db8::8c1d:2a34:77f0:1bd2 2001:db8:7:0:211:22ff:fe33:4455");
    add("eth0", 2, "2001:db8::211:22ff:fe33:4455");
    add("eth1", 3, "2001:db8::8c1d:2a34:77f0:1bd2"); /* another interface */
    assert_string_equal(chosen(NULL), "2001:db8::211:22ff:fe33:4455 2001:db8::8c1d:2a34:77f0:1bd2");
}

static void useless_addresses_are_left_out(void **state) {
    (void)state;
    static const char *const useless[] = {"0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "::192.0.2.1", "fec0::1", "ff02::1",
                                          "::ffff:192.0.2.1"};
    for (size_t i = 0; i < COUNT(useless); i++)
        add("eth0", 2, useless[i]);
    assert_string_equal(chosen(NULL), "");
    add("eth0", 2, "192.0.2.1");
    facts[0].up = false;
    assert_string_equal(chosen(NULL), "");
}

static void tunnels_come_after_everything_else(void **state) {
    (void)state;
    add("tun0", 1, "10.8.0.2");
    add("x0", 2, "10.9.0.2");
    facts[1].point_to_point = true;
    add("wg-home", 3, "fd00::2");
    add("eth0", 4, "192.0.2.1");
    add("lo", 5, "127.0.0.1");
    struct net_interface_address out[8];
    size_t count = net_interfaces_choose(facts, fact_count, &(struct net_interface_filter){.loopback = true}, out, 8);
    fact_count = 0;
    assert_int_equal(count, 5);
    assert_string_equal(out[0].name, "eth0");
    assert_int_equal(out[0].preference, 65535);
    assert_string_equal(out[1].name, "wg-home");
    assert_string_equal(out[2].name, "tun0");
    assert_string_equal(out[3].name, "x0");
    assert_true(out[1].vpn && out[2].vpn && out[3].vpn && !out[0].vpn);
    assert_true(out[1].preference < 8); /* RFC 5245 section 4.1.2.2: 0, or as near to it as distinct numbers allow */
    assert_true(out[4].loopback && !out[4].vpn);
}

static void filters_filter(void **state) {
    (void)state;
    static const struct {
        struct net_interface_filter filter;
        const char *want;
    } cases[] = {
        {{.only_ipv4 = true}, "192.0.2.1 198.51.100.1"},
        {{.only_ipv6 = true}, "2001:db8::1"},
        {{.only_ipv4 = true, .only_ipv6 = true}, ""},
        {{.name = "eth1"}, "198.51.100.1"},
        {{.name = ""}, "2001:db8::1 192.0.2.1 198.51.100.1"},
        {{.name = "eth"}, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        add("eth0", 2, "192.0.2.1");
        add("eth0", 2, "2001:db8::1");
        add("eth1", 3, "198.51.100.1");
        assert_string_equal(chosen(&cases[i].filter), cases[i].want);
    }
}

/* Capacity at limit - 1, limit, limit + 1: the best are written, all are counted. */
static void capacity_keeps_the_best(void **state) {
    (void)state;
    for (size_t capacity = 2; capacity <= 4; capacity++) {
        struct net_interface_address out[4] = {0};
        add("tun0", 1, "10.8.0.2");
        add("eth0", 2, "192.0.2.1");
        add("eth0", 2, "2001:db8::1");
        assert_int_equal(net_interfaces_choose(facts, fact_count, NULL, out, capacity), 3);
        fact_count = 0;
        assert_int_equal(out[0].address.family, STUN_ADDRESS_IPV6);
        assert_string_equal(out[1].name, "eth0");
        assert_string_equal(out[2].name, capacity >= 3 ? "tun0" : "");
        assert_string_equal(out[3].name, "");
    }
}

static void this_host_has_a_loopback(void **state) {
    (void)state;
    struct net_interface_address out[NET_INTERFACE_MAX];
    int count = net_interfaces_list(&(struct net_interface_filter){.name = "lo", .only_ipv4 = true, .loopback = true}, out, NET_INTERFACE_MAX);
    assert_true(count >= 1);
    assert_true(out[0].loopback);
    assert_int_equal(out[0].address.ip[0], 127);
    assert_int_equal(out[0].address.port, 0);
    assert_int_not_equal(out[0].index, 0);
    count = net_interfaces_list(NULL, out, NET_INTERFACE_MAX);
    assert_true(count >= 0);
    for (int i = 0; i < count && i < NET_INTERFACE_MAX; i++)
        assert_false(out[i].loopback);
}

static void listing_says_why_not(void **state) {
    (void)state;
    struct net_interface_address out[1];
    assert_int_equal(net_interfaces_list(&(struct net_interface_filter){.name = "no-such-device"}, out, 1), -ENODEV);
    exhaust_descriptors(0);
    int error = net_interfaces_list(NULL, out, 1);
    int named = net_interfaces_list(&(struct net_interface_filter){.name = "lo"}, out, 1);
    release_descriptors();
    assert_int_equal(error, -EMFILE);
    assert_int_equal(named, -EMFILE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_take_turns),
        cmocka_unit_test(loopback_only_when_asked_and_last),
        cmocka_unit_test(link_local_only_when_alone),
        cmocka_unit_test(flags_of_the_kernel_decide),
        cmocka_unit_test(trackable_addresses_are_left_out),
        cmocka_unit_test(useless_addresses_are_left_out),
        cmocka_unit_test(tunnels_come_after_everything_else),
        cmocka_unit_test(filters_filter),
        cmocka_unit_test(capacity_keeps_the_best),
        cmocka_unit_test(this_host_has_a_loopback),
        cmocka_unit_test(listing_says_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
