#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/net/random.h"
#include "test/websocket/pair.h"

static void on_event(void *context, const struct signaling_server_event *event) {
    struct test_pair *pair = context;
    pair->joined += event->type == SIGNALING_SERVER_JOINED;
    pair->left += event->type == SIGNALING_SERVER_LEFT;
    pair->refused += event->type == SIGNALING_SERVER_REFUSED;
    snprintf(pair->last_detail, sizeof pair->last_detail, "%s", event->detail);
}

void test_pair_open(struct test_pair *pair, const struct signaling_server_config *with) {
    struct signaling_server_config config = {0};
    struct signaling_problem problem;
    memset(pair, 0, sizeof *pair);
    assert_int_equal(uv_loop_init(&pair->loop), 0);
    if (with != NULL)
        config = *with;
    config.address = "127.0.0.1";
    config.rooms.random = net_random;
    config.context = pair;
    config.on_event = on_event;
    assert_int_equal(signaling_server_new(&config, &pair->loop, &pair->server, &problem), SIGNALING_OK);
}

void test_pair_close(struct test_pair *pair) {
    if (pair->server != NULL)
        signaling_server_stop(pair->server);
    assert_int_equal(uv_run(&pair->loop, UV_RUN_DEFAULT), 0);
    signaling_server_free(pair->server);
}

static void on_tick(uv_timer_t *timer) {
    (void)timer;
}

void test_pair_turn(struct test_pair *pair) {
    uv_timer_t tick;
    uv_timer_init(&pair->loop, &tick);
    uv_timer_start(&tick, on_tick, 5, 0);
    uv_run(&pair->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&pair->loop, UV_RUN_NOWAIT);
}

/* ---- clients ------------------------------------------------------------------------------------------------------ */

static void client_open(void *context) {
    ((struct test_client *)context)->open = true;
}

static void client_message(void *context, const char *bytes, size_t length) {
    struct test_client *client = context;
    assert_int_equal(bytes[length], 0);
    if (client->message_count < LOG_MESSAGES_MAX)
        client->messages[client->message_count++] = strdup(bytes);
}

static void client_closed(void *context, const struct signaling_client_closed *closed) {
    struct test_client *client = context;
    assert_false(client->closed);
    client->closed = true;
    client->end = closed->end;
    client->close_code = closed->close_code;
    assert_true(strlen(closed->what) > 0 && strlen(closed->why) > 0 && strlen(closed->try_next) > 0);
    snprintf(client->why, sizeof client->why, "%s", closed->why);
}

void test_client_open_url(struct test_pair *pair, struct test_client *client, const char *url, const char *ca_file) {
    struct signaling_problem problem;
    memset(client, 0, sizeof *client);
    struct signaling_client_config config = {url, ca_file, client, client_open, client_message, client_closed};
    assert_int_equal(signaling_client_new(&config, &pair->loop, &client->client, &problem), SIGNALING_OK);
}

void test_client_open(struct test_pair *pair, struct test_client *client, const char *room) {
    char url[256];
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/r/%s", (unsigned)signaling_server_port(pair->server), room);
    test_client_open_url(pair, client, url, NULL);
}

void test_client_close(struct test_pair *pair, struct test_client *client) {
    signaling_client_stop(client->client);
    test_pair_turn(pair);
}

void test_client_free(struct test_client *client) {
    signaling_client_free(client->client);
    for (size_t i = 0; i < client->message_count; i++)
        free(client->messages[i]);
}
