/* A hostile client by hand: what breaks RFC 6455, or our limits, ends that connection and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/websocket/pair.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define UPGRADE "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" KEY

struct attacker {
    int descriptor;
    unsigned char heard[8192];
    size_t length;
    bool closed;
};

static void attacker_open(struct test_pair *pair, struct attacker *attacker) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(signaling_server_port(pair->server)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    memset(attacker, 0, sizeof *attacker);
    attacker->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(attacker->descriptor, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(attacker->descriptor, F_SETFL, O_NONBLOCK), 0);
}

static void attacker_read(struct attacker *attacker) {
    ssize_t got = recv(attacker->descriptor, attacker->heard + attacker->length, sizeof attacker->heard - 1 - attacker->length, 0);
    if (got > 0)
        attacker->length += (size_t)got;
    attacker->closed = attacker->closed || got == 0 || (got < 0 && errno != EAGAIN);
}

/* Runs the loop until the text was heard, the server closed, or the time is up. False: time is up. */
static bool attacker_wait(struct test_pair *pair, struct attacker *attacker, const char *text, unsigned milliseconds) {
    uint64_t until_ns = uv_hrtime() + milliseconds * 1000000ull;
    while (uv_hrtime() < until_ns) {
        test_pair_turn(pair);
        attacker_read(attacker);
        if (attacker->closed || (text != NULL && memmem(attacker->heard, attacker->length, text, strlen(text)) != NULL))
            return true;
    }
    return false;
}

static void attacker_send(struct attacker *attacker, const void *bytes, size_t length) {
    assert_int_equal(send(attacker->descriptor, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

static void attacker_join(struct test_pair *pair, struct attacker *attacker, const char *more) {
    char request[512];
    attacker_open(pair, attacker);
    snprintf(request, sizeof request, "GET /r/demo HTTP/1.1\r\n" UPGRADE "%s\r\n", more);
    attacker_send(attacker, request, strlen(request));
    assert_true(attacker_wait(pair, attacker, "\"iceServers\":[]}", 2000));
    assert_false(attacker->closed);
    attacker->length = 0;
}

/* The code of the close frame heard; 0: none. */
static unsigned close_code(const struct attacker *attacker) {
    for (size_t i = 0; i + 3 < attacker->length; i++) {
        if (attacker->heard[i] == 0x88)
            return (unsigned)(attacker->heard[i + 2] << 8 | attacker->heard[i + 3]);
    }
    return 0;
}

/* The server still serves: a friend joins another room. */
static void end_with_a_friend(struct test_pair *pair, struct attacker *attacker) {
    struct test_client friendly;
    close(attacker->descriptor);
    test_client_open(pair, &friendly, "other");
    TEST_RUN_UNTIL(pair, friendly.message_count == 1);
    signaling_client_stop(friendly.client);
    test_pair_close(pair);
    test_client_free(&friendly);
    assert_int_equal(uv_loop_close(&pair->loop), 0);
}

/* RFC 6455 sections 5.1, 5.2, 5.5 and 8.1, each broken once. Masks are zero: the payload is as it is written. */
static void test_broken_frames(void **state) {
    static const struct {
        const char *name, *bytes;
        size_t length;
        unsigned code; /* wanted in a close frame; 0: the connection ends, with or without one */
    } cases[] = {
        {"RSV1 (section 5.2)", "\xC1\x82\0\0\0\0{}", 8, 0},
        {"RSV2", "\xA1\x82\0\0\0\0{}", 8, 0},
        {"RSV3", "\x91\x82\0\0\0\0{}", 8, 0},
        {"reserved opcode", "\x83\x82\0\0\0\0{}", 8, 0},
        {"continuation of nothing (section 5.4)", "\x80\x82\0\0\0\0{}", 8, 0},
        {"ping in fragments (section 5.5)", "\x09\x80\0\0\0\0", 6, 0},
        {"ping of 126 bytes", "\x89\xFE\0\x7E\0\0\0\0", 8, 0},
        {"2^31", "\x81\xFF\0\0\0\0\x80\0\0\0\0\0\0\0{", 15, SIGNALING_CLOSE_TOO_LARGE},
        {"2^32-1", "\x81\xFF\0\0\0\0\xFF\xFF\xFF\xFF\0\0\0\0{", 15, SIGNALING_CLOSE_TOO_LARGE},
        {"2^63-1", "\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0{", 15, SIGNALING_CLOSE_TOO_LARGE},
        {"2^64-1 (section 5.2: the top bit is 0)", "\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0{", 15, 0},
        {"not UTF-8 (section 8.1)", "\x81\x82\0\0\0\0\xC3(", 8, SIGNALING_CLOSE_INVALID_TEXT},
        {"surrogate", "\x81\x83\0\0\0\0\xED\xA0\x80", 9, SIGNALING_CLOSE_INVALID_TEXT},
        {"binary", "\x82\x82\0\0\0\0{}", 8, SIGNALING_CLOSE_TEXT_ONLY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_pair pair;
        struct attacker attacker;
        test_pair_open(&pair, NULL);
        attacker_join(&pair, &attacker, "");
        /* The payload limit is judged when payload comes: four more kilobytes of it. */
        attacker_send(&attacker, cases[i].bytes, cases[i].length);
        if (cases[i].code == SIGNALING_CLOSE_TOO_LARGE) {
            char filler[8192];
            memset(filler, ' ', sizeof filler);
            attacker_send(&attacker, filler, sizeof filler);
        }
        if (!attacker_wait(&pair, &attacker, "\x88", 2000))
            fail_msg("%s: still open", cases[i].name);
        if (cases[i].code != 0 && close_code(&attacker) != cases[i].code && !(attacker.closed && cases[i].code == SIGNALING_CLOSE_TOO_LARGE))
            fail_msg("%s: close code %u", cases[i].name, close_code(&attacker));
        end_with_a_friend(&pair, &attacker);
    }
}

/* RFC 6455 section 5.1 wants it closed; libwebsockets 4.1 reads it (docs/signaling.md, deviation). It is judged as any other text. */
static void test_unmasked_frame(void **state) {
    struct test_pair pair;
    struct attacker attacker;
    (void)state;
    test_pair_open(&pair, NULL);
    attacker_join(&pair, &attacker, "");
    attacker_send(&attacker, "\x81\x02{}", 4);
    assert_true(attacker_wait(&pair, &attacker, "unknown-type", 2000));
    end_with_a_friend(&pair, &attacker);
}

/* RFC 6455 section 5.4: a message in fragments with a ping between them is one message, and the ping is answered. */
static void test_fragments(void **state) {
    struct test_pair pair;
    struct attacker attacker;
    static const char frames[] = "\x01\x86\0\0\0\0{\"type"
                                 "\x89\x82\0\0\0\0hi"
                                 "\x80\x88\0\0\0\0\":\"bye\"}";
    (void)state;
    test_pair_open(&pair, NULL);
    attacker_join(&pair, &attacker, "");
    attacker_send(&attacker, frames, sizeof frames - 1);
    assert_true(attacker_wait(&pair, &attacker, "\x8A\x02hi", 2000));
    attacker_send(&attacker, "\x81\x81\0\0\0\0{", 7);
    assert_true(attacker_wait(&pair, &attacker, "bad-json", 2000)); /* the first one was good: only this is refused */
    assert_null(memmem(attacker.heard, attacker.length, "unknown-type", 12));
    end_with_a_friend(&pair, &attacker);
}

static void test_too_many_fragments(void **state) {
    struct test_pair pair;
    struct attacker attacker;
    (void)state;
    test_pair_open(&pair, NULL);
    attacker_join(&pair, &attacker, "");
    attacker_send(&attacker, "\x01\x81\0\0\0\0{", 7);
    for (size_t i = 1; i < SIGNALING_SERVER_FRAGMENTS_MAX; i++)
        attacker_send(&attacker, "\x00\x81\0\0\0\0 ", 7);
    assert_false(attacker_wait(&pair, &attacker, "\x88", 200));
    attacker_send(&attacker, "\x00\x81\0\0\0\0 ", 7);
    assert_true(attacker_wait(&pair, &attacker, "\x88", 2000));
    assert_int_equal(close_code(&attacker), SIGNALING_CLOSE_TOO_LARGE);
    end_with_a_friend(&pair, &attacker);
}

/* RFC 6455 section 10.2. */
static void test_origins(void **state) {
    static const char *const patterns[] = {"https://calls.example", "https://*.calls.example:8443"};
    static const struct {
        const char *header;
        bool welcome;
    } cases[] = {{"", true},
                 {"Origin: https://calls.example\r\n", true},
                 {"Origin: HTTPS://Calls.Example\r\n", true},
                 {"Origin: https://a.calls.example:8443\r\n", true},
                 {"Origin: https://calls.example.evil\r\n", false},
                 {"Origin: https://evil/calls.example\r\n", false},
                 {"Origin: null\r\n", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct signaling_server_config config = {.origins = patterns, .origin_count = 2};
        struct test_pair pair;
        struct attacker attacker;
        char request[512];
        test_pair_open(&pair, &config);
        attacker_open(&pair, &attacker);
        snprintf(request, sizeof request, "GET /r/demo HTTP/1.1\r\n" UPGRADE "%s\r\n", cases[i].header);
        attacker_send(&attacker, request, strlen(request));
        assert_true(attacker_wait(&pair, &attacker, cases[i].welcome ? "joined" : " 403 ", 2000));
        assert_int_equal(memmem(attacker.heard, attacker.length, "joined", 6) != NULL, cases[i].welcome);
        assert_int_equal(memmem(attacker.heard, attacker.length, " 403 ", 5) == NULL, cases[i].welcome);
        end_with_a_friend(&pair, &attacker);
    }
}

static void test_http(void **state) {
    static const struct {
        const char *request, *answer;
    } cases[] = {{"GET /r/demo HTTP/1.1\r\nHost: a\r\n\r\n", "<title>strata</title>"},
                 {"GET /web/style.css HTTP/1.1\r\nHost: a\r\n\r\n", "text/css"},
                 {"GET /web/../web/main.js HTTP/1.1\r\nHost: a\r\n\r\n", "text/javascript"},
                 {"GET /web/passwd HTTP/1.1\r\nHost: a\r\n\r\n", " 404 "},
                 {"GET /web/ HTTP/1.1\r\nHost: a\r\n\r\n", " 404 "},
                 {"GET /r/de%20mo HTTP/1.1\r\nHost: a\r\n\r\n", " 404 "},
                 {"GET /r/<b> HTTP/1.1\r\nHost: a\r\n\r\n", " 404 "},
                 {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", " 404 "},
                 {"GET /nope HTTP/1.1\r\n" UPGRADE "\r\n", " 404 "},
                 {"POST /r/demo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", " 405 "}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_pair pair;
        struct attacker attacker;
        test_pair_open(&pair, NULL);
        attacker_open(&pair, &attacker);
        attacker_send(&attacker, cases[i].request, strlen(cases[i].request));
        assert_true(attacker_wait(&pair, &attacker, cases[i].answer, 2000));
        if (memmem(attacker.heard, attacker.length, cases[i].answer, strlen(cases[i].answer)) == NULL)
            fail_msg("%s heard %s", cases[i].request, (const char *)attacker.heard);
        end_with_a_friend(&pair, &attacker);
    }
}

/* Headers without end, and a handshake without end: both are shown out. */
static void test_endless_headers(void **state) {
    struct test_pair pair;
    struct attacker attacker;
    char line[1024];
    (void)state;
    test_pair_open(&pair, NULL);
    attacker_open(&pair, &attacker);
    attacker_send(&attacker, "GET /r/demo HTTP/1.1\r\nOrigin: ", 30);
    memset(line, 'a', sizeof line);
    for (size_t i = 0; i < 12 && !attacker.closed; i++) {
        send(attacker.descriptor, line, sizeof line, MSG_NOSIGNAL);
        attacker_wait(&pair, &attacker, NULL, 20);
    }
    assert_true(attacker_wait(&pair, &attacker, NULL, 2000));
    end_with_a_friend(&pair, &attacker);
}

static void test_slow_handshake(void **state) {
    struct test_pair pair;
    struct attacker attacker;
    (void)state;
    test_pair_open(&pair, NULL);
    attacker_open(&pair, &attacker);
    uint64_t begin_ns = uv_hrtime();
    for (size_t i = 0; !attacker.closed && uv_hrtime() - begin_ns < 12000000000u; i++) {
        static const char request[] = "GET /r/demo HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        send(attacker.descriptor, &request[i % 40], 1, MSG_NOSIGNAL);
        attacker_wait(&pair, &attacker, NULL, 500);
    }
    assert_true(attacker.closed);
    assert_true(uv_hrtime() - begin_ns < 9000000000u);
    end_with_a_friend(&pair, &attacker);
}

/* A peer that answers no ping is dropped, and the other one is told. */
static void test_silent_peer(void **state) {
    struct signaling_server_config config = {.ping_interval_s = 1, .pong_timeout_s = 1};
    struct test_pair pair;
    struct attacker attacker;
    (void)state;
    test_pair_open(&pair, &config);
    attacker_join(&pair, &attacker, "");
    assert_true(attacker_wait(&pair, &attacker, "\x89", 4000));
    uint64_t until_ns = uv_hrtime() + 5000000000u;
    while (pair.left == 0 && uv_hrtime() < until_ns)
        test_pair_turn(&pair);
    assert_int_equal(pair.left, 1);
    end_with_a_friend(&pair, &attacker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_frames),   cmocka_unit_test(test_unmasked_frame),  cmocka_unit_test(test_fragments),       cmocka_unit_test(test_too_many_fragments),
        cmocka_unit_test(test_origins),         cmocka_unit_test(test_http),            cmocka_unit_test(test_endless_headers),
        cmocka_unit_test(test_slow_handshake),  cmocka_unit_test(test_silent_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
