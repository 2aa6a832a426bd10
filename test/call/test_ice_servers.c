/* app/call/ice_servers.c and the writer of ice_uri.c: what the agent is given of each URI, what it is not given and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/call/ice_servers.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct call_ice_server server_of(const char *uri, const char *username, const char *credential) {
    struct call_ice_server server;
    assert_null(call_ice_uri_parse(uri, &server));
    (void)snprintf(server.username, sizeof server.username, "%s", username);
    (void)snprintf(server.credential, sizeof server.credential, "%s", credential);
    return server;
}

/* RFC 7064 section 3.2, RFC 7065 section 3.2: scheme and transport say how the server is spoken to. */
static void test_map(void **state) {
    (void)state;
    static const struct {
        const char *uri;
        const char *unusable; /* a word of the sentence, NULL: usable */
        enum ice_server_kind kind;
        enum ice_transport transport;
        uint16_t port;
    } cases[] = {
        {"stun:a", NULL, ICE_SERVER_STUN, ICE_TRANSPORT_UDP, 3478},
        {"stuns:a", "stun:", ICE_SERVER_STUN, ICE_TRANSPORT_UDP, 0},
        {"turn:a", NULL, ICE_SERVER_TURN, ICE_TRANSPORT_UDP, 3478},
        {"turn:a:80?transport=udp", NULL, ICE_SERVER_TURN, ICE_TRANSPORT_UDP, 80},
        {"turn:a?transport=tcp", NULL, ICE_SERVER_TURN, ICE_TRANSPORT_TCP, 3478},
        {"turns:a", NULL, ICE_SERVER_TURN, ICE_TRANSPORT_TLS, 5349},
        {"turns:a:443?transport=tcp", NULL, ICE_SERVER_TURN, ICE_TRANSPORT_TLS, 443},
        {"turns:a?transport=udp", "DTLS", ICE_SERVER_TURN, ICE_TRANSPORT_TLS, 0},
    };
    struct call_ice_server all[COUNT(cases)];
    struct ice_server out[COUNT(cases)];
    size_t usable = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        all[i] = server_of(cases[i].uri, "user", "secret");
        const char *sentence = call_ice_server_unusable(&all[i]);
        assert_int_equal(sentence != NULL, cases[i].unusable != NULL);
        assert_int_equal(call_ice_servers_map(&all[i], 1, out, 1), sentence == NULL);
        if (sentence) {
            assert_non_null(strstr(sentence, cases[i].unusable));
            continue;
        }
        usable++;
        assert_int_equal(out[0].kind, cases[i].kind);
        assert_int_equal(out[0].transport, cases[i].transport);
        assert_int_equal(out[0].port, cases[i].port);
        assert_string_equal(out[0].host, "a");
        bool is_turn = cases[i].kind == ICE_SERVER_TURN;
        assert_int_equal(out[0].username != NULL && out[0].credential != NULL, is_turn);
        if (is_turn)
            assert_true(strcmp(out[0].username, "user") == 0 && strcmp(out[0].credential, "secret") == 0);
    }
    /* All at once: the order is kept. */
    assert_int_equal(call_ice_servers_map(all, COUNT(cases), out, COUNT(out)), usable);
    for (size_t i = 0, next = 0; i < COUNT(cases); i++)
        if (!call_ice_server_unusable(&all[i]))
            assert_ptr_equal(out[next++].host, all[i].host);
    for (size_t capacity = usable - 1; capacity <= usable + 1; capacity++)
        assert_int_equal(call_ice_servers_map(all, COUNT(cases), out, capacity), capacity < usable ? capacity : usable);
}

static void test_half_a_credential(void **state) {
    (void)state;
    struct call_ice_server nameless = server_of("turn:a", "", "secret"), open = server_of("turn:a", "user", ""), stun = server_of("stun:a", "", "");
    assert_non_null(strstr(call_ice_server_unusable(&nameless), "401"));
    assert_non_null(strstr(call_ice_server_unusable(&open), "401"));
    assert_null(call_ice_server_unusable(&stun));
}

static void test_write(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"stun:a", "stun:a:3478"},
        {"stuns:a:1", "stuns:a:1"},
        {"turn:192.0.2.1", "turn:192.0.2.1:3478?transport=udp"},
        {"turns:[2001:db8::1]:443", "turns:[2001:db8::1]:443?transport=tcp"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[CALL_ICE_URI_BYTES];
        struct call_ice_server server = server_of(cases[i][0], "", ""), again;
        call_ice_uri_write(&server, text, sizeof text);
        assert_string_equal(text, cases[i][1]);
        assert_null(call_ice_uri_parse(text, &again));
        assert_true(again.scheme == server.scheme && again.port == server.port && again.is_tcp == server.is_tcp && strcmp(again.host, server.host) == 0);
    }
    struct call_ice_server longest = server_of("turns:h:65535", "", "");
    char text[CALL_ICE_URI_BYTES];
    memset(longest.host, 'h', sizeof longest.host - 1);
    call_ice_uri_write(&longest, text, sizeof text);
    assert_string_equal(text + strlen(text) - 20, ":65535?transport=tcp");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_half_a_credential),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
