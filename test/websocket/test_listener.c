/* signaling/websocket/listener.c and what is known of a joiner before it joins: no descriptors left, how it reached us, what it is handed. */
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/websocket/pair.h"

#define DESCRIPTOR_LIMIT 256

static struct {
    char host[SIGNALING_SERVER_HOST_MAX_BYTES + 1];
    size_t count, asked;
    struct signaling_ice_server servers[SIGNALING_ICE_SERVERS_MAX + 1];
} told;

static size_t list_ice_servers(void *context, const struct signaling_server_joiner *joiner, struct signaling_ice_server *out) {
    (void)context;
    told.asked++;
    assert_true(strlen(joiner->remote) > 0 && strcmp(joiner->room, "demo") == 0);
    (void)snprintf(told.host, sizeof told.host, "%s", joiner->host);
    if (told.count <= SIGNALING_ICE_SERVERS_MAX)
        memcpy(out, told.servers, told.count * sizeof *out);
    return told.count;
}

static int knock(struct test_pair *pair) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(signaling_server_port(pair->server)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(descriptor, F_SETFL, O_NONBLOCK), 0);
    return descriptor;
}

static void say(int descriptor, const char *host) {
    char request[1024];
    int length = snprintf(request, sizeof request, "GET /r/demo HTTP/1.1\r\n%sUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", host);
    assert_int_equal(send(descriptor, request, (size_t)length, MSG_NOSIGNAL), length);
}

static void wait_for(struct test_pair *pair, int descriptor, const char *text) {
    char bytes[8192];
    size_t length = 0;
    bool found = false;
    for (uint64_t until_ns = uv_hrtime() + 4000000000u; !found && uv_hrtime() < until_ns;) {
        test_pair_turn(pair);
        ssize_t got = recv(descriptor, bytes + length, sizeof bytes - length, 0);
        length += got > 0 ? (size_t)got : 0;
        found = memmem(bytes, length, text, strlen(text)) != NULL;
    }
    assert_true(found);
}

/* ---- out of descriptors --------------------------------------------------------------------------------------------- */

static int taken[DESCRIPTOR_LIMIT];
static size_t taken_count;

static void take_all_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = DESCRIPTOR_LIMIT;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((taken[taken_count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        taken_count++;
}

static void give_descriptors_back(void) {
    while (taken_count > 0)
        close(taken[--taken_count]);
}

/* Someone waits and cannot be accepted: the loop sleeps meanwhile, and takes it in when there is room again. */
static void test_out_of_descriptors(void **state) {
    struct test_pair pair;
    (void)state;
    test_pair_open(&pair, NULL);
    int descriptor = knock(&pair);
    say(descriptor, "Host: a\r\n");
    take_all_descriptors();
    assert_true(taken_count > 0);
    unsigned turns = 0;
    for (uint64_t until_ns = uv_hrtime() + 400000000u; uv_hrtime() < until_ns; turns++)
        test_pair_turn(&pair); /* 5 ms when nothing happens */
    assert_true(turns <= 100);
    assert_true(pair.refused >= 1 && pair.refused <= 5);
    assert_string_equal(pair.last_detail, "Too many open files");
    assert_int_equal(pair.joined, 0);
    give_descriptors_back();
    TEST_RUN_UNTIL(&pair, pair.joined == 1);
    wait_for(&pair, descriptor, "\"joined\"");
    close(descriptor);
    test_pair_close(&pair);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

/* The end comes in the middle of a pause. */
static void test_stop_while_pausing(void **state) {
    struct test_pair pair;
    (void)state;
    test_pair_open(&pair, NULL);
    int descriptor = knock(&pair);
    take_all_descriptors();
    TEST_RUN_UNTIL(&pair, pair.refused == 1);
    give_descriptors_back();
    test_pair_close(&pair);
    close(descriptor);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

/* ---- hosts ------------------------------------------------------------------------------------------------------------ */

/* RFC 9110 section 7.2: what stands in Host may go into a URI, or our own address does. Who sends no Host, or an empty one, libwebsockets refuses. */
static void test_hosts(void **state) {
    char longest[SIGNALING_SERVER_HOST_MAX_BYTES + 32], longer[SIGNALING_SERVER_HOST_MAX_BYTES + 32];
    char name[SIGNALING_SERVER_HOST_MAX_BYTES + 2];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    (void)snprintf(longer, sizeof longer, "Host: %s\r\n", name);
    name[SIGNALING_SERVER_HOST_MAX_BYTES] = '\0';
    (void)snprintf(longest, sizeof longest, "Host: %s:65535\r\n", name);
    const struct {
        const char *header, *host;
    } cases[] = {
        {"Host: calls.example\r\n", "calls.example"},
        {"Host: Calls_1.example-2:8080\r\n", "Calls_1.example-2"},
        {"Host: 192.0.2.1:8080\r\n", "192.0.2.1"},
        {"Host: [2001:db8::1]:8080\r\n", "[2001:db8::1]"},
        {"Host: [::ffff:192.0.2.1]\r\n", "[::ffff:192.0.2.1]"},
        {"Host: calls.example:\r\n", "calls.example"},
        {longest, name},
        {longer, "127.0.0.1"},
        {"Host: :8080\r\n", "127.0.0.1"},
        {"Host: []\r\n", "127.0.0.1"},
        {"Host: [2001:db8::1\r\n", "127.0.0.1"},
        {"Host: [2001:db8::1]x\r\n", "127.0.0.1"},
        {"Host: [fe80::1%25eth0]\r\n", "127.0.0.1"},
        {"Host: 2001:db8::1\r\n", "127.0.0.1"},
        {"Host: a:80,b\r\n", "127.0.0.1"},
        {"Host: a?transport=tcp\r\n", "127.0.0.1"},
        {"Host: a\"b\r\n", "127.0.0.1"},
        {"Host: user@a\r\n", "127.0.0.1"},
        {"Host: b\xC3\xBC" "cher.example\r\n", "127.0.0.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct signaling_server_config config = {.list_ice_servers = list_ice_servers};
        struct test_pair pair;
        memset(&told, 0, sizeof told);
        test_pair_open(&pair, &config);
        int descriptor = knock(&pair);
        say(descriptor, cases[i].header);
        TEST_RUN_UNTIL(&pair, pair.joined == 1);
        assert_string_equal(told.host, cases[i].host);
        close(descriptor);
        test_pair_close(&pair);
        assert_int_equal(uv_loop_close(&pair.loop), 0);
    }
}

/* ---- what is handed out -------------------------------------------------------------------------------------------------- */

static void expect(size_t count, const struct signaling_ice_server *server, const char *text) {
    struct signaling_server_config config = {.list_ice_servers = list_ice_servers};
    struct test_pair pair;
    memset(&told, 0, sizeof told);
    for (size_t i = 0; i < count && i <= SIGNALING_ICE_SERVERS_MAX; i++)
        told.servers[i] = *server;
    told.count = count;
    test_pair_open(&pair, &config);
    int descriptor = knock(&pair);
    say(descriptor, "Host: a\r\n");
    wait_for(&pair, descriptor, text);
    assert_int_equal(told.asked, 1);
    close(descriptor);
    test_pair_close(&pair);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

static void test_list(void **state) {
    const struct signaling_ice_server turn = {signaling_text_of("turn:t"), signaling_text_of("1:u"), signaling_text_of("c")};
    const struct signaling_ice_server broken = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    (void)state;
    expect(1, &turn, "\"iceServers\":[{\"urls\":\"turn:t\",\"username\":\"1:u\",\"credential\":\"c\"}]}");
    expect(0, &turn, "\"iceServers\":[]}");
    expect(1, &broken, "\"iceServers\":[]}");
    expect(SIGNALING_ICE_SERVERS_MAX, &turn, "\"credential\":\"c\"}]}");
    expect(SIGNALING_ICE_SERVERS_MAX + 1, &turn, "\"iceServers\":[]}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test(test_stop_while_pausing),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
