/* stun/address.c, with the C library's inet_pton and inet_ntop as judges. */
#include "test_stun.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "stun/address.h"

static uint64_t random_state = 0x9E3779B97F4A7C15u;

static uint32_t random_u32(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

static struct stun_address parsed(const char *text) {
    struct stun_address address = {.family = 0xEE};
    assert_true(stun_address_parse_ip(text, strlen(text), &address));
    return address;
}

/* RFC 4291 section 2.2: the same verdict and the same bytes as inet_pton. */
static void agrees_with_inet_pton(const char *text) {
    struct stun_address address = {.family = 0xEE};
    uint8_t expected[16] = {0};
    int family = inet_pton(AF_INET, text, expected) == 1 ? STUN_ADDRESS_IPV4 : inet_pton(AF_INET6, text, expected) == 1 ? STUN_ADDRESS_IPV6 : 0;
    /* An exact copy on the heap, without a NUL: ASan sees a read beyond the end. */
    size_t length = strlen(text);
    char *copy = malloc(length);
    assert_non_null(copy);
    memcpy(copy, text, length);
    bool ok = stun_address_parse_ip(copy, length, &address);
    free(copy);
    if (ok != (family != 0))
        fail_msg("\"%s\": %s", text, ok ? "accepted" : "rejected");
    if (!ok) {
        assert_int_equal(address.family, 0xEE);
        return;
    }
    assert_int_equal(address.family, family);
    assert_int_equal(address.port, 0);
    assert_memory_equal(address.ip, expected, 16);
}

static void literals(void **state) {
    (void)state;
    static const char *const texts[] = {
        "0.0.0.0", "192.0.2.1", "255.255.255.255", "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.04", "1.2.3.", ".1.2.3",
        "1..2.3", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:80", "1.2.3.1000", "0x1.2.3.4", "127.1", "", ".", ":", "::", ":::", "::1", "1::",
        "1::2", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8::", "1:2:3:4::5:6:7:8", "1::2::3", "12345::", "g::", "1:", ":1", "1:2:", "fe80::1%eth0", "[::1]", "2001:DB8::A",
        "2001:db8::a", "::ffff:192.0.2.1", "::192.0.2.1", "1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:7:192.0.2.1", "1:2:3:4:5:192.0.2.1",
        "::1:192.0.2.1:2", "::192.0.2", "::192.0.2.256", "64:ff9b::192.0.2.33", "::1.2.3.4.5", "::a.2.3.4", "1:2:3:4:5::1.2.3.4",
        "::1:2:3:4:5:6:1.2.3.4", "::1:2:3:4:5:1.2.3.4", "0000:0000:0000:0000:0000:0000:0000:0001", "00000::1", "example.org", "1.2.3.4:",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        agrees_with_inet_pton(texts[i]);
}

/* Texts made of the right letters in any order: mostly wrong, sometimes right, never a difference. */
static void random_literals(void **state) {
    (void)state;
    static const char letters[] = "0011239afF::::..";
    for (int round = 0; round < 200000; round++) {
        char text[24];
        size_t length = random_u32() % (sizeof text);
        for (size_t i = 0; i < length; i++)
            text[i] = letters[random_u32() % (sizeof letters - 1)];
        text[length] = '\0';
        agrees_with_inet_pton(text);
    }
}

/* RFC 5952: inet_ntop writes the same, but for the deprecated ::192.0.2.1 (section 5 leaves that in hexadecimal). */
static void writes_as_inet_ntop(void **state) {
    (void)state;
    for (int round = 0; round < 200000; round++) {
        struct stun_address address = {.family = (uint8_t)(round % 2 == 0 ? STUN_ADDRESS_IPV6 : STUN_ADDRESS_IPV4)};
        for (size_t i = 0; i < stun_address_ip_bytes(&address); i++)
            address.ip[i] = (uint8_t)(random_u32() % 3 == 0 ? random_u32() : 0);
        if (round % 16 == 0) {
            memset(address.ip, 0, 10);
            memset(address.ip + 10, 0xFF, 2);
        }
        static const uint8_t zeros[12];
        bool compatible = memcmp(address.ip, zeros, 12) == 0 && (address.ip[12] != 0 || address.ip[13] != 0);
        char text[STUN_ADDRESS_TEXT_BYTES];
        size_t length = stun_address_write_ip(&address, text, sizeof text);
        assert_int_equal(length, strlen(text));
        if (address.family == STUN_ADDRESS_IPV4 || !compatible) {
            char expected[INET6_ADDRSTRLEN];
            assert_non_null(inet_ntop(address.family == STUN_ADDRESS_IPV4 ? AF_INET : AF_INET6, address.ip, expected, sizeof expected));
            assert_string_equal(text, expected);
        }
        struct stun_address again = parsed(text);
        assert_true(stun_address_equal(&address, &again));
    }
}

/* The examples that RFC 5952 itself gives. */
static void rfc5952_examples(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"},    /* section 4.2.3 */
        {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},                           /* section 4.2.1 */
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},                    /* section 4.2.2 */
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},                             /* section 4.2.3 */
        {"2001:DB8::AAAA", "2001:db8::aaaa"},                                /* section 4.3 */
        {"::FFFF:192.0.2.1", "::ffff:192.0.2.1"},                            /* section 5 */
        {"::192.0.2.1", "::c000:201"},                                       /* section 5 */
        {"0:0:0:0:0:0:0:0", "::"},
        {"1:0:0:0:0:0:0:0", "1::"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct stun_address address = parsed(pairs[i][0]);
        char text[STUN_ADDRESS_TEXT_BYTES];
        assert_int_equal(stun_address_write_ip(&address, text, sizeof text), strlen(pairs[i][1]));
        assert_string_equal(text, pairs[i][1]);
    }
}

static void with_port(void **state) {
    (void)state;
    char text[STUN_ADDRESS_TEXT_BYTES];
    struct stun_address address = parsed("192.0.2.1");
    address.port = 3478;
    assert_int_equal(stun_address_write(&address, text, sizeof text), 14);
    assert_string_equal(text, "192.0.2.1:3478");
    address = parsed("2001:db8::1");
    assert_int_equal(stun_address_write(&address, text, sizeof text), 15);
    assert_string_equal(text, "[2001:db8::1]:0");
}

/* Capacities one below, at, and one above what the longest texts need. */
static void capacity(void **state) {
    (void)state;
    struct stun_address address = parsed("::ffff:255.255.255.255");
    address.port = 65535;
    static const char longest[] = "[::ffff:255.255.255.255]:65535";
    for (size_t room = 0; room < sizeof longest + 2; room++) {
        char text[sizeof longest + 2];
        memset(text, 'x', sizeof text);
        size_t length = stun_address_write(&address, text, room);
        assert_int_equal(text[room], 'x');
        if (room >= sizeof longest) {
            assert_int_equal(length, sizeof longest - 1);
            assert_string_equal(text, longest);
        } else {
            assert_int_equal(length, 0);
            if (room > 0)
                assert_int_equal(text[0], '\0');
        }
    }
    memset(address.ip, 0xFF, 16);
    char text[STUN_ADDRESS_TEXT_BYTES];
    assert_int_equal(stun_address_write(&address, text, sizeof text), strlen("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"));
}

static void none_has_no_text(void **state) {
    (void)state;
    struct stun_address none = {.family = STUN_ADDRESS_NONE, .port = 7};
    char text[STUN_ADDRESS_TEXT_BYTES] = "x";
    assert_int_equal(stun_address_write(&none, text, sizeof text), 0);
    assert_string_equal(text, "");
    text[0] = 'x';
    assert_int_equal(stun_address_write_ip(&none, text, sizeof text), 0);
    assert_string_equal(text, "");
    assert_int_equal(stun_address_ip_bytes(&none), 0);
}

static void equality(void **state) {
    (void)state;
    struct stun_address a = parsed("192.0.2.1");
    struct stun_address b = a;
    assert_true(stun_address_equal(&a, &b));
    b.port = 1;
    assert_false(stun_address_equal(&a, &b));
    assert_true(stun_address_equal_ip(&a, &b));
    b = parsed("192.0.2.2");
    assert_false(stun_address_equal_ip(&a, &b));
    b = parsed("::ffff:192.0.2.1");
    assert_false(stun_address_equal_ip(&a, &b));
    struct stun_address c = parsed("2001:db8::1");
    struct stun_address d = parsed("2001:db8::2");
    assert_false(stun_address_equal(&c, &d));
    d.ip[15] = 1;
    assert_true(stun_address_equal(&c, &d));
    struct stun_address none = {0};
    struct stun_address other = {.port = 5};
    assert_true(stun_address_equal(&none, &other));
    assert_false(stun_address_equal(&none, &a));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals),  cmocka_unit_test(random_literals), cmocka_unit_test(writes_as_inet_ntop), cmocka_unit_test(rfc5952_examples),
        cmocka_unit_test(with_port), cmocka_unit_test(capacity),        cmocka_unit_test(none_has_no_text),    cmocka_unit_test(equality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
