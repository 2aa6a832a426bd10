/* app/server/ice_servers.c: what a joiner is handed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/server/ice_servers.h"

static uint8_t next_random;

static void counting(void *context, uint8_t *out, size_t length) {
    (void)context;
    memset(out, next_random++, length);
}

static struct server_ice_servers new_servers(void) {
    next_random = 0x1a;
    return (struct server_ice_servers){.stun_port = 8080, .random = counting};
}

static void add(struct server_ice_servers *servers, const char *url, const char *username, const char *credential) {
    servers->configured[servers->configured_count++] =
        (struct signaling_ice_server){signaling_text_of(url), signaling_text_of(username), signaling_text_of(credential)};
}

/* Nothing configured: ourselves, as this one reached us. */
static void test_ourselves(void **state) {
    (void)state;
    struct signaling_ice_server out[SIGNALING_ICE_SERVERS_MAX];
    struct server_ice_servers servers = new_servers();
    static const char *const hosts[] = {"calls.example", "192.0.2.1", "[2001:db8::1]"};
    static const char *const wanted[] = {"stun:calls.example:8080", "stun:192.0.2.1:8080", "stun:[2001:db8::1]:8080"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(server_ice_servers_list(&servers, 0, hosts[i], out), 1);
        assert_string_equal(out[0].url.bytes, wanted[i]);
        assert_null(out[0].username.bytes);
    }
    char longest[256];
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    servers.stun_port = 65535;
    assert_int_equal(server_ice_servers_list(&servers, 0, longest, out), 1);
    assert_int_equal(out[0].url.length, 5 + 255 + 6);
    servers.stun_port = 0;
    assert_int_equal(server_ice_servers_list(&servers, 0, "calls.example", out), 0);
}

static void test_configured_instead(void **state) {
    (void)state;
    struct signaling_ice_server out[SIGNALING_ICE_SERVERS_MAX];
    struct server_ice_servers servers = new_servers();
    add(&servers, "stun:other", NULL, NULL);
    add(&servers, "turn:relay", "u", "p");
    assert_int_equal(server_ice_servers_list(&servers, 0, "calls.example", out), 2);
    assert_string_equal(out[0].url.bytes, "stun:other");
    assert_string_equal(out[1].url.bytes, "turn:relay");
    assert_string_equal(out[1].credential.bytes, "p");
}

/* One credential for each joiner, good for NET_TURN_LIFETIME_SECONDS, for the servers that have none of their own. */
static void test_minted(void **state) {
    (void)state;
    struct signaling_ice_server out[SIGNALING_ICE_SERVERS_MAX];
    struct server_ice_servers servers = new_servers();
    memcpy(servers.secret.bytes, "north", 5);
    servers.secret.length = 5;
    add(&servers, "stun:other", NULL, NULL);
    add(&servers, "turn:relay", NULL, NULL);
    add(&servers, "turns:relay?transport=tcp", NULL, NULL);
    add(&servers, "turn:fixed", "u", "p");
    assert_int_equal(server_ice_servers_list(&servers, 1700000000, "calls.example", out), 4);
    assert_null(out[0].username.bytes);
    /* printf %s 1700043200:1a1a1a1a1a1a1a1a | openssl dgst -sha1 -hmac north -binary | base64 */
    assert_string_equal(out[1].username.bytes, "1700043200:1a1a1a1a1a1a1a1a");
    assert_string_equal(out[1].credential.bytes, "UnF2wywPQv//tUsDEucuz6aO2vE=");
    assert_string_equal(out[2].username.bytes, out[1].username.bytes);
    assert_string_equal(out[3].username.bytes, "u");
    assert_int_equal(server_ice_servers_list(&servers, 1700000001, "calls.example", out), 4);
    assert_string_equal(out[1].username.bytes, "1700043201:1b1b1b1b1b1b1b1b");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ourselves),
        cmocka_unit_test(test_configured_instead),
        cmocka_unit_test(test_minted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
