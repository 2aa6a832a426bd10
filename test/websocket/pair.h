/* A signaling server and clients of it on one loop, for the tests. */
#ifndef TEST_WEBSOCKET_PAIR_H
#define TEST_WEBSOCKET_PAIR_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "signaling/websocket/client.h"
#include "signaling/websocket/server.h"

#define LOG_MESSAGES_MAX 64

/* A client and what it heard. */
struct test_client {
    struct signaling_client *client;
    bool open, closed;
    enum signaling_client_end end;
    unsigned close_code;
    char why[256];
    char *messages[LOG_MESSAGES_MAX];
    size_t message_count;
};

struct test_pair {
    uv_loop_t loop;
    struct signaling_server *server;
    char last_detail[64];
    unsigned joined, left, refused;
};

void test_pair_open(struct test_pair *pair, const struct signaling_server_config *with); /* with: NULL, or address, port and random are filled in */
void test_pair_close(struct test_pair *pair); /* stops, runs, frees, and asserts that the loop is empty */

void test_client_open(struct test_pair *pair, struct test_client *client, const char *room);
void test_client_open_url(struct test_pair *pair, struct test_client *client, const char *url, const char *ca_file);
void test_client_close(struct test_pair *pair, struct test_client *client); /* stop, run a little; free comes with test_client_free */
void test_client_free(struct test_client *client);                          /* after test_pair_close */

/* Runs the loop until the condition holds or two seconds have passed. */
#define TEST_RUN_UNTIL(pair, condition)                                                                                   \
    do {                                                                                                                   \
        uint64_t run_until_ns = uv_hrtime() + 4000000000u;                                                                 \
        while (!(condition) && uv_hrtime() < run_until_ns)                                                                 \
            test_pair_turn(pair);                                                                                          \
        assert_true(condition);                                                                                            \
    } while (0)
void test_pair_turn(struct test_pair *pair); /* at most a few milliseconds */

#endif
