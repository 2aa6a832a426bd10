/* Client and server over loopback, both on one loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/websocket/pair.h"

static void send_text(struct test_client *client, const char *text) {
    assert_int_equal(signaling_client_send(client->client, text, strlen(text)), SIGNALING_OK);
}

/* The last message, or "". */
static const char *heard(const struct test_client *client) {
    return client->message_count > 0 ? client->messages[client->message_count - 1] : "";
}

static void end(struct test_pair *pair, struct test_client *clients, size_t count) {
    for (size_t i = 0; i < count; i++)
        signaling_client_stop(clients[i].client);
    test_pair_close(pair);
    for (size_t i = 0; i < count; i++)
        test_client_free(&clients[i]);
    assert_int_equal(uv_loop_close(&pair->loop), 0);
}

static void test_two_talk(void **state) {
    struct test_pair pair;
    struct test_client clients[2];
    (void)state;
    test_pair_open(&pair, NULL);
    test_client_open(&pair, &clients[0], "demo");
    TEST_RUN_UNTIL(&pair, clients[0].message_count == 1);
    assert_non_null(strstr(heard(&clients[0]), "\"type\":\"joined\""));
    assert_non_null(strstr(heard(&clients[0]), "\"room\":\"demo\",\"peers\":[]"));
    test_client_open(&pair, &clients[1], "demo");
    send_text(&clients[1], "{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}"); /* before it is open */
    TEST_RUN_UNTIL(&pair, clients[0].message_count == 3);
    assert_non_null(strstr(clients[0].messages[1], "peer-joined"));
    assert_non_null(strstr(clients[0].messages[2], "\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}"));
    assert_memory_equal(clients[0].messages[2], "{\"from\":\"", 9);
    signaling_client_close(clients[1].client);
    TEST_RUN_UNTIL(&pair, clients[1].closed && clients[0].message_count == 4);
    assert_int_equal(clients[1].end, SIGNALING_CLIENT_END_CLOSED);
    assert_non_null(strstr(heard(&clients[0]), "peer-left"));
    assert_int_equal(pair.joined, 2);
    assert_int_equal(pair.left, 1);
    end(&pair, clients, 2);
}

static void test_third_finds_room_full(void **state) {
    struct test_pair pair;
    struct test_client clients[3];
    (void)state;
    test_pair_open(&pair, NULL);
    for (size_t i = 0; i < 3; i++) {
        test_client_open(&pair, &clients[i], "demo");
        TEST_RUN_UNTIL(&pair, clients[i].message_count >= 1);
    }
    assert_non_null(strstr(clients[2].messages[0], "\"code\":\"room-full\""));
    TEST_RUN_UNTIL(&pair, clients[2].closed);
    assert_int_equal(clients[2].end, SIGNALING_CLIENT_END_ROOM_FULL);
    assert_int_equal(clients[2].close_code, SIGNALING_CLOSE_ROOM_FULL);
    assert_false(clients[0].closed || clients[1].closed);
    end(&pair, clients, 3);
}

static void test_server_goes_away(void **state) {
    struct test_pair pair;
    struct test_client client;
    (void)state;
    test_pair_open(&pair, NULL);
    test_client_open(&pair, &client, "demo");
    TEST_RUN_UNTIL(&pair, client.message_count == 1);
    signaling_server_stop(pair.server);
    TEST_RUN_UNTIL(&pair, client.closed);
    assert_int_equal(client.end, SIGNALING_CLIENT_END_LOST);
    assert_int_equal(client.close_code, SIGNALING_CLOSE_GOING_AWAY);
    end(&pair, &client, 1);
}

static void test_unreachable(void **state) {
    static const char *const urls[] = {"ws://127.0.0.1:1/r/demo", "ws://no-such-name.invalid/r/demo"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct test_pair pair;
        struct test_client client;
        test_pair_open(&pair, NULL);
        test_client_open_url(&pair, &client, urls[i], NULL);
        TEST_RUN_UNTIL(&pair, client.closed);
        assert_int_equal(client.end, SIGNALING_CLIENT_END_UNREACHABLE);
        assert_false(client.open);
        end(&pair, &client, 1);
    }
}

static void test_origin_is_for_browsers_only(void **state) {
    static const char *const origins[] = {"https://calls.example"};
    struct signaling_server_config config = {.origins = origins, .origin_count = 1};
    struct test_pair pair;
    struct test_client client;
    (void)state;
    test_pair_open(&pair, &config);
    test_client_open(&pair, &client, "demo"); /* no Origin: RFC 6455 section 10.2 concerns browsers */
    TEST_RUN_UNTIL(&pair, client.message_count == 1);
    end(&pair, &client, 1);
}

/* The largest message there may be arrives whole; one byte more and the sender is sent away. */
static void test_message_limits(void **state) {
    struct test_pair pair;
    struct test_client clients[2];
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct signaling_server_config config = {.rooms = {.max_message_bytes = SIGNALING_MESSAGE_MAX_BYTES - 1}};
        size_t length = SIGNALING_MESSAGE_MAX_BYTES - 1 + over;
        char *text = malloc(length + 1);
        assert_non_null(text);
        memset(text, 'x', length);
        memcpy(text, "{\"type\":\"offer\",\"sdp\":\"", 23);
        memcpy(text + length - 2, "\"}", 3);
        test_pair_open(&pair, &config);
        test_client_open(&pair, &clients[0], "demo");
        test_client_open(&pair, &clients[1], "demo");
        TEST_RUN_UNTIL(&pair, clients[0].message_count > 0 && clients[1].message_count > 0);
        size_t before = clients[1].message_count;
        assert_int_equal(signaling_client_send(clients[0].client, text, length), SIGNALING_OK);
        if (over == 0) {
            TEST_RUN_UNTIL(&pair, clients[1].message_count > before && strstr(heard(&clients[1]), "offer") != NULL);
            assert_int_equal(strlen(heard(&clients[1])), length + 42);
        } else {
            TEST_RUN_UNTIL(&pair, clients[0].closed);
            assert_non_null(strstr(heard(&clients[0]), "too-large"));
            assert_int_equal(clients[0].close_code, SIGNALING_CLOSE_TOO_LARGE);
            assert_int_equal(clients[0].end, SIGNALING_CLIENT_END_PROTOCOL);
        }
        free(text);
        end(&pair, clients, 2);
    }
}

/* What is sent must fit the queue: one text always, a second one only beside it. */
static void test_queue_limits(void **state) {
    struct test_pair pair;
    struct test_client client;
    char *text = calloc(1, SIGNALING_MESSAGE_MAX_BYTES + 1);
    (void)state;
    assert_non_null(text);
    memset(text, ' ', SIGNALING_MESSAGE_MAX_BYTES);
    test_pair_open(&pair, NULL);
    test_client_open(&pair, &client, "demo");
    assert_int_equal(signaling_client_send(client.client, text, 0), SIGNALING_ERROR_TOO_LARGE);
    assert_int_equal(signaling_client_send(client.client, text, SIGNALING_MESSAGE_MAX_BYTES + 1), SIGNALING_ERROR_TOO_LARGE);
    assert_int_equal(signaling_client_send(client.client, text, SIGNALING_CLIENT_QUEUE_MAX_BYTES - 1), SIGNALING_OK);
    assert_int_equal(signaling_client_send(client.client, text, 1), SIGNALING_OK);
    assert_int_equal(signaling_client_send(client.client, text, 1), SIGNALING_ERROR_CAPACITY);
    free(text);
    end(&pair, &client, 1);
}

static void test_stop_at_every_turn(void **state) {
    (void)state;
    for (int turns = 0; turns < 12; turns++) {
        struct test_pair pair;
        struct test_client clients[2];
        test_pair_open(&pair, NULL);
        test_client_open(&pair, &clients[0], "demo");
        test_client_open(&pair, &clients[1], "demo");
        for (int i = 0; i < turns; i++)
            uv_run(&pair.loop, UV_RUN_NOWAIT);
        end(&pair, clients, 2);
    }
}

static void test_urls(void **state) {
    static const char *const bad[] = {"", "demo", "ftp://h/r/x", "ws://", "ws:///r/x", "ws://h", "ws://h/", "ws://h/r/", "ws://h/r/a/b", "ws://h/r/a b",
                                      "ws://h/r/a?b", "ws://u@h/r/x", "ws://h:0/r/x", "ws://h:65536/r/x", "ws://h:/r/x", "ws://[::1/r/x", "ws://[::1]x/r/x"};
    uv_loop_t loop;
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct signaling_client *client;
        struct signaling_problem problem = {0, 0, ""};
        struct signaling_client_config config = {.url = bad[i]};
        assert_int_equal(signaling_client_new(&config, &loop, &client, &problem), SIGNALING_ERROR_ARGUMENT);
        assert_null(client);
        assert_true(strlen(problem.sentence) > 0);
    }
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_talk),         cmocka_unit_test(test_third_finds_room_full),
        cmocka_unit_test(test_server_goes_away), cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_origin_is_for_browsers_only), cmocka_unit_test(test_message_limits),
        cmocka_unit_test(test_queue_limits),     cmocka_unit_test(test_stop_at_every_turn),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
