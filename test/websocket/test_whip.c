/* WHIP over HTTP: websocket/whip_http.c and whip_session.c. RFC 9725 sections 4.1 to 4.3, 4.6, 4.7. */
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

#include "signaling/websocket/whip_internal.h"
#include "test/websocket/pair.h"

#define OFFER "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\nm=audio 9 X 0\r\na=mid:0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n"
#define ANSWER "{\"type\":\"answer\",\"sdp\":\"v=0\\r\\nm=audio 9 X 0\\r\\na=mid:0\\r\\n\"}"

/* An HTTP client of a socket's worth. */
struct http {
    int descriptor;
    char heard[16384];
    size_t length;
    bool closed;
};

static void http_open(struct test_pair *pair, struct http *http) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(signaling_server_port(pair->server)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    memset(http, 0, sizeof *http);
    http->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(http->descriptor, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(http->descriptor, F_SETFL, O_NONBLOCK), 0);
}

static void http_read(struct http *http) {
    ssize_t got = recv(http->descriptor, http->heard + http->length, sizeof http->heard - 1 - http->length, 0);
    if (got > 0)
        http->length += (size_t)got;
    http->heard[http->length] = '\0';
    http->closed = http->closed || got == 0 || (got < 0 && errno != EAGAIN);
}

static void http_send(struct http *http, const char *method, const char *path, const char *fields, const char *body) {
    char request[2048];
    int length = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n%s", method, path, fields, strlen(body), body);
    assert_int_equal(send(http->descriptor, request, (size_t)length, MSG_NOSIGNAL), length);
}

static void http_expect(struct test_pair *pair, struct http *http, const char *text) {
    for (uint64_t end = uv_hrtime() + 4000000000u; uv_hrtime() < end && strstr(http->heard, text) == NULL;) {
        test_pair_turn(pair);
        http_read(http);
    }
    if (strstr(http->heard, text) == NULL)
        fail_msg("no \"%s\" in: %s", text, http->heard);
}

static void ask(struct test_pair *pair, const char *method, const char *path, const char *fields, const char *body, const char *expected) {
    struct http http;
    http_open(pair, &http);
    http_send(&http, method, path, fields, body);
    http_expect(pair, &http, expected);
    close(http.descriptor);
}

#define SDP "Content-Type: application/sdp\r\n"
#define FRAGMENT "Content-Type: application/trickle-ice-sdpfrag\r\n"

static bool has_heard(const struct test_client *client, const char *text) {
    for (size_t i = 0; i < client->message_count; i++) {
        if (strstr(client->messages[i], text) != NULL)
            return true;
    }
    return false;
}

static void say(struct test_client *client, const char *text) {
    assert_int_equal(signaling_client_send(client->client, text, strlen(text)), SIGNALING_OK);
}

/* The value of a field, up to the end of its line. */
static void field(const struct http *http, const char *name, char *out, size_t capacity) {
    const char *at = strstr(http->heard, name);
    assert_non_null(at);
    at += strlen(name);
    size_t length = strcspn(at, "\r\n");
    assert_true(length < capacity);
    memcpy(out, at, length);
    out[length] = '\0';
}

static void test_session(void **state) {
    static const struct signaling_ice_server servers[] = {{{"stun:s.example", 14}, {NULL, 0}, {NULL, 0}}, {{"turn:t.example", 14}, {"u", 1}, {"c", 1}}};
    const struct signaling_server_config config = {.rooms = {.ice_servers = servers, .ice_server_count = 2}};
    struct test_pair pair;
    struct test_client other;
    struct http http;
    char path[256], tag[64], fields[512];
    (void)state;
    test_pair_open(&pair, &config);
    test_client_open(&pair, &other, "demo");
    TEST_RUN_UNTIL(&pair, other.message_count == 1);
    http_open(&pair, &http);
    http_send(&http, "POST", "/whip/demo", SDP, OFFER);
    TEST_RUN_UNTIL(&pair, has_heard(&other, "m=audio 9 X 0\\r\\na=mid:0"));
    say(&other, ANSWER);
    say(&other, "{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:1 1 udp 1 192.0.2.1 9 typ host\",\"sdpMid\":\"0\"}}");
    say(&other, "{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:2\\r\\na=evil:1\",\"sdpMid\":\"0\"}}");
    say(&other, "{\"type\":\"candidate\",\"candidate\":null}");
    http_expect(&pair, &http, "a=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n");
    assert_non_null(strstr(http.heard, "HTTP/1.1 201 "));
    assert_non_null(strstr(http.heard, "content-type: application/sdp\r\n"));
    assert_non_null(strstr(http.heard, "link: <stun:s.example>; rel=\"ice-server\"\r\n"));
    assert_non_null(strstr(http.heard, "link: <turn:t.example>; rel=\"ice-server\"; username=\"u\"; credential=\"c\"; credential-type=\"password\"\r\n"));
    assert_null(strstr(http.heard, "evil"));
    field(&http, "location: ", path, sizeof path);
    field(&http, "etag: ", tag, sizeof tag);
    close(http.descriptor);
    test_pair_turn(&pair);
    assert_false(has_heard(&other, "peer-left")); /* the session outlives its connection */
    ask(&pair, "PATCH", path, FRAGMENT, "a=mid:0\r\n", " 428 ");
    ask(&pair, "PATCH", path, FRAGMENT "If-Match: \"x\"\r\n", "a=mid:0\r\n", " 412 ");
    ask(&pair, "PATCH", path, FRAGMENT "If-Match: *\r\n", "a=ice-ufrag:other\r\n", " 400 ");
    ask(&pair, "PATCH", path, FRAGMENT "If-Match: *\r\n", "candidate\r\n", " 400 ");
    ask(&pair, "PATCH", path, SDP "If-Match: *\r\n", "a=mid:0\r\n", " 415 ");
    ask(&pair, "PUT", path, "", "", "allow: GET, HEAD, PATCH, DELETE, OPTIONS");
    ask(&pair, "GET", path, "", "", " 204 ");
    snprintf(fields, sizeof fields, FRAGMENT "If-Match: %s\r\n", tag);
    ask(&pair, "PATCH", path, fields, "a=ice-ufrag:u\r\nm=audio 9 X 0\r\na=mid:0\r\na=candidate:7 1 udp 1 192.0.2.7 9 typ host\r\na=end-of-candidates\r\n", " 204 ");
    TEST_RUN_UNTIL(&pair, has_heard(&other, "candidate:7 1 udp 1 192.0.2.7 9 typ host") && has_heard(&other, "\"candidate\":null"));
    ask(&pair, "DELETE", path, "", "", " 200 ");
    TEST_RUN_UNTIL(&pair, has_heard(&other, "\"bye\"") && has_heard(&other, "peer-left"));
    ask(&pair, "DELETE", path, "", "", " 404 ");
    ask(&pair, "GET", path, "", "", " 404 ");
    test_client_close(&pair, &other);
    test_pair_close(&pair);
    test_client_free(&other);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

/* The end of candidates does not come: the answer goes with those that are there, and no earlier. */
static void test_gathering_timeout(void **state) {
    struct test_pair pair;
    struct test_client other;
    struct http http;
    (void)state;
    test_pair_open(&pair, NULL);
    test_client_open(&pair, &other, "demo");
    TEST_RUN_UNTIL(&pair, other.message_count == 1);
    http_open(&pair, &http);
    http_send(&http, "POST", "/whip/demo", SDP, OFFER);
    TEST_RUN_UNTIL(&pair, has_heard(&other, "\"offer\""));
    uint64_t began_ns = uv_hrtime();
    say(&other, ANSWER);
    say(&other, "{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:1\",\"sdpMid\":\"0\"}}");
    http_expect(&pair, &http, "a=candidate:1\r\n");
    assert_true((uv_hrtime() - began_ns) / 1000 >= SIGNALING_WHIP_GATHERING_TIMEOUT_US - 100000);
    close(http.descriptor);
    test_client_close(&pair, &other);
    test_pair_close(&pair);
    test_client_free(&other);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

/* Who cannot be answered is told why, and is no member of the room any more. */
static void test_refused(void **state) {
    const struct signaling_server_config config = {.token = "secret"};
    struct test_pair pair;
    struct test_client other;
    struct http http;
    (void)state;
    test_pair_open(&pair, &config);
    ask(&pair, "POST", "/whip/demo", SDP, OFFER, " 401 ");
    ask(&pair, "POST", "/whip/demo", SDP, OFFER, "www-authenticate: Bearer");
    ask(&pair, "POST", "/whip/demo", SDP "Authorization: Bearer secret\r\n", OFFER, " 503 ");
    ask(&pair, "POST", "/whip/demo", SDP "Authorization: Bearer secret\r\n", "", " 400 ");
    ask(&pair, "POST", "/whip/demo", SDP "Authorization: Bearer secret\r\n", "v=0\xff", " 400 ");
    ask(&pair, "POST", "/whip/demo", SDP "Authorization: Bearer secret\r\n", "{\"sdp\":\"\"}", " 400 ");
    ask(&pair, "POST", "/whip/demo", FRAGMENT "Authorization: Bearer secret\r\n", OFFER, " 415 ");
    ask(&pair, "PUT", "/whip/demo", "", "", "allow: GET, HEAD, POST, OPTIONS");
    ask(&pair, "GET", "/whip/demo", "Authorization: Bearer secret\r\n", "", " 204 ");
    ask(&pair, "HEAD", "/whep/demo", "Authorization: Bearer secret\r\n", "", " 204 ");
    /* RFC 9110 section 9.3.2, MUST NOT: HEAD is answered without content, also when it is refused: what follows on the connection is the next answer. */
    http_open(&pair, &http);
    http_send(&http, "HEAD", "/whip/demo", "", "");
    http_expect(&pair, &http, "\r\n\r\n");
    http_send(&http, "GET", "/whip/demo", "Authorization: Bearer secret\r\n", "");
    http_expect(&pair, &http, " 204 ");
    assert_non_null(strstr(http.heard, "HTTP/1.1 401 "));
    assert_non_null(strstr(http.heard, "\r\n\r\nHTTP/1.1 204 "));
    close(http.descriptor);
    ask(&pair, "OPTIONS", "/whip/demo", "", "", "accept-post: application/sdp");
    ask(&pair, "OPTIONS", "/whip/demo", "", "", " 200 ");
    ask(&pair, "GET", "/whip/de%20mo", "", "", " 404 ");
    ask(&pair, "OPTIONS", "/whep/demo", "Origin: http://b.example\r\n", "", "access-control-allow-origin: http://b.example");
    test_client_open(&pair, &other, "demo");
    TEST_RUN_UNTIL(&pair, other.message_count == 1);
    /* The other side leaves instead of answering. */
    http_open(&pair, &http);
    http_send(&http, "POST", "/whep/demo", SDP "Authorization: Bearer secret\r\n", OFFER);
    TEST_RUN_UNTIL(&pair, has_heard(&other, "\"offer\""));
    say(&other, "{\"type\":\"bye\"}");
    http_expect(&pair, &http, " 502 ");
    close(http.descriptor);
    TEST_RUN_UNTIL(&pair, has_heard(&other, "peer-left"));
    /* The client leaves instead of waiting. */
    size_t before = other.message_count;
    http_open(&pair, &http);
    http_send(&http, "POST", "/whip/demo", SDP "Authorization: Bearer secret\r\n", OFFER);
    TEST_RUN_UNTIL(&pair, other.message_count == before + 2);
    close(http.descriptor);
    TEST_RUN_UNTIL(&pair, other.message_count == before + 3);
    assert_non_null(strstr(other.messages[before + 2], "peer-left"));
    test_client_close(&pair, &other);
    test_pair_close(&pair);
    test_client_free(&other);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

/* A session that other waits in: its path, and its entity tag. */
static void establish(struct test_pair *pair, struct test_client *other, char path[256], char tag[64]) {
    struct http http;
    test_client_open(pair, other, "demo");
    TEST_RUN_UNTIL(pair, other->message_count == 1);
    http_open(pair, &http);
    http_send(&http, "POST", "/whip/demo", SDP, OFFER);
    TEST_RUN_UNTIL(pair, has_heard(other, "\"offer\""));
    say(other, ANSWER);
    say(other, "{\"type\":\"candidate\",\"candidate\":null}");
    http_expect(pair, &http, "a=end-of-candidates\r\n");
    field(&http, "location: ", path, 256);
    field(&http, "etag: ", tag, 64);
    close(http.descriptor);
}

#define RESTARTED "a=mid:0\r\na=ice-ufrag:u2\r\na=ice-pwd:p2\r\na=candidate:3\r\n"

/* RFC 9725 section 4.3.3: 200, a fragment, another entity tag; the room hears another offer. */
static void test_restart(void **state) {
    struct test_pair pair;
    struct test_client other;
    struct http http;
    char path[256], tag[64], new_tag[64], fields[512];
    (void)state;
    test_pair_open(&pair, NULL);
    establish(&pair, &other, path, tag);
    http_open(&pair, &http);
    http_send(&http, "PATCH", path, FRAGMENT "If-Match: *\r\n", RESTARTED);
    TEST_RUN_UNTIL(&pair, has_heard(&other, "o=- 1 2 IN IP4 0.0.0.0\\r\\nm=audio 9 X 0\\r\\na=mid:0\\r\\na=ice-ufrag:u2\\r\\na=ice-pwd:p2\\r\\na=candidate:3"));
    ask(&pair, "PATCH", path, FRAGMENT "If-Match: *\r\n", "a=ice-ufrag:u3\r\na=ice-pwd:p3\r\n", " 409 ");
    say(&other, "{\"type\":\"answer\",\"sdp\":\"v=0\\r\\nm=audio 9 X 0\\r\\na=mid:0\\r\\na=ice-ufrag:U\\r\\na=ice-pwd:P\\r\\n\"}");
    say(&other, "{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:4\",\"sdpMid\":\"0\"}}");
    say(&other, "{\"type\":\"candidate\",\"candidate\":null}");
    http_expect(&pair, &http, "\r\n\r\nm=audio 9 X 0\r\na=mid:0\r\na=ice-ufrag:U\r\na=ice-pwd:P\r\na=candidate:4\r\na=end-of-candidates\r\n");
    assert_non_null(strstr(http.heard, "HTTP/1.1 200 "));
    assert_non_null(strstr(http.heard, "content-type: application/trickle-ice-sdpfrag\r\n"));
    assert_null(strstr(http.heard, "location:"));
    field(&http, "etag: ", new_tag, sizeof new_tag);
    assert_string_not_equal(tag, new_tag);
    close(http.descriptor);
    snprintf(fields, sizeof fields, FRAGMENT "If-Match: %s\r\n", tag);
    ask(&pair, "PATCH", path, fields, "a=candidate:5\r\n", " 412 ");
    snprintf(fields, sizeof fields, FRAGMENT "If-Match: %s\r\n", new_tag);
    ask(&pair, "PATCH", path, fields, "a=ice-ufrag:u2\r\na=candidate:5\r\n", " 204 ");
    ask(&pair, "DELETE", path, "", "", " 200 ");
    test_client_close(&pair, &other);
    test_pair_close(&pair);
    test_client_free(&other);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

/* RFC 9725 section 4.3.3, MUST NOT: a restart that cannot be does not end the session. */
static void test_restart_fails(void **state) {
    struct test_pair pair;
    struct test_client other;
    struct http http;
    char path[256], tag[64], fields[512];
    (void)state;
    test_pair_open(&pair, NULL);
    establish(&pair, &other, path, tag);
    http_open(&pair, &http);
    http_send(&http, "PATCH", path, FRAGMENT "If-Match: *\r\n", RESTARTED);
    TEST_RUN_UNTIL(&pair, has_heard(&other, "a=ice-ufrag:u2"));
    pair.server->whip_sessions->deadline_us = 0; /* nobody answers */
    http_expect(&pair, &http, " 504 ");
    close(http.descriptor);
    /* Nor does a client that goes away instead of waiting. */
    http_open(&pair, &http);
    http_send(&http, "PATCH", path, FRAGMENT "If-Match: *\r\n", "a=ice-ufrag:u4\r\na=ice-pwd:p4\r\n");
    TEST_RUN_UNTIL(&pair, has_heard(&other, "a=ice-ufrag:u4"));
    close(http.descriptor);
    TEST_RUN_UNTIL(&pair, pair.server->whip_sessions->wsi == NULL);
    snprintf(fields, sizeof fields, FRAGMENT "If-Match: %s\r\n", tag);
    ask(&pair, "PATCH", path, fields, "a=ice-ufrag:u\r\na=candidate:5\r\n", " 204 ");
    ask(&pair, "DELETE", path, "", "", " 200 ");
    test_client_close(&pair, &other);
    test_pair_close(&pair);
    test_client_free(&other);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

/* RFC 9725 section 4.4.3: 422 where a section is refused; WHEP takes what it gets. */
static void test_partial_answer(void **state) {
    struct test_pair pair;
    struct test_client other;
    (void)state;
    test_pair_open(&pair, NULL);
    test_client_open(&pair, &other, "demo");
    TEST_RUN_UNTIL(&pair, other.message_count == 1);
    for (size_t turn = 0; turn < 2; turn++) {
        struct http http;
        size_t before = other.message_count;
        http_open(&pair, &http);
        http_send(&http, "POST", turn == 0 ? "/whip/demo" : "/whep/demo", SDP, OFFER);
        TEST_RUN_UNTIL(&pair, other.message_count == before + 2);
        say(&other, "{\"type\":\"answer\",\"sdp\":\"v=0\\r\\nm=audio 9 X 0\\r\\nm=video 0 X 1\\r\\n\"}");
        say(&other, "{\"type\":\"candidate\",\"candidate\":null}");
        http_expect(&pair, &http, turn == 0 ? " 422 " : " 201 ");
        close(http.descriptor);
        if (turn == 0)
            TEST_RUN_UNTIL(&pair, other.message_count == before + 3);
    }
    test_client_close(&pair, &other);
    test_pair_close(&pair);
    test_client_free(&other);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

static void test_body_limit(void **state) {
    struct test_pair pair;
    (void)state;
    test_pair_open(&pair, NULL);
    for (size_t length = SIGNALING_WHIP_BODY_MAX_BYTES - 1; length <= SIGNALING_WHIP_BODY_MAX_BYTES + 1; length++) {
        struct http http;
        char header[128], piece[4096];
        int header_length = snprintf(header, sizeof header, "POST /whip/demo HTTP/1.1\r\nHost: a\r\n" SDP "Content-Length: %zu\r\n\r\n", length);
        http_open(&pair, &http);
        assert_int_equal(send(http.descriptor, header, (size_t)header_length, MSG_NOSIGNAL), header_length);
        memset(piece, 'v', sizeof piece);
        for (size_t sent = 0; sent < length && length <= SIGNALING_WHIP_BODY_MAX_BYTES && !http.closed;) {
            ssize_t count = send(http.descriptor, piece, length - sent < sizeof piece ? length - sent : sizeof piece, MSG_NOSIGNAL);
            sent += count > 0 ? (size_t)count : 0;
            test_pair_turn(&pair);
        }
        http_expect(&pair, &http, length <= SIGNALING_WHIP_BODY_MAX_BYTES ? " 400 " : " 413 ");
        close(http.descriptor);
    }
    test_pair_close(&pair);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

/* SIGNALING_WHIP_SESSIONS_MAX wait; one more is sent away; when the server stops they all end. */
static void test_sessions_limit(void **state) {
    enum { ROOMS = 5, EACH = 60 };
    const struct signaling_server_config config = {.rooms = {.max_room_size = 64, .members_per_source = 1000, .join_burst = 1000}};
    struct test_pair pair;
    struct test_client others[ROOMS];
    int descriptors[SIGNALING_WHIP_SESSIONS_MAX];
    (void)state;
    test_pair_open(&pair, &config);
    for (size_t i = 0; i < ROOMS; i++) {
        char room[8];
        snprintf(room, sizeof room, "r%zu", i);
        test_client_open(&pair, &others[i], room);
        TEST_RUN_UNTIL(&pair, others[i].message_count == 1);
    }
    for (size_t i = 0; i <= SIGNALING_WHIP_SESSIONS_MAX; i++) {
        char path[16];
        struct http http;
        snprintf(path, sizeof path, "/whip/r%zu", i / EACH);
        http_open(&pair, &http);
        http_send(&http, "POST", path, SDP, OFFER);
        if (i < SIGNALING_WHIP_SESSIONS_MAX) {
            TEST_RUN_UNTIL(&pair, pair.joined == ROOMS + i + 1);
            descriptors[i] = http.descriptor;
        } else {
            http_expect(&pair, &http, " 503 ");
            close(http.descriptor);
        }
    }
    for (size_t i = 0; i < ROOMS; i++)
        test_client_close(&pair, &others[i]);
    test_pair_close(&pair);
    for (size_t i = 0; i < SIGNALING_WHIP_SESSIONS_MAX; i++)
        close(descriptors[i]);
    for (size_t i = 0; i < ROOMS; i++)
        test_client_free(&others[i]);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_session), cmocka_unit_test(test_gathering_timeout), cmocka_unit_test(test_refused), cmocka_unit_test(test_restart), cmocka_unit_test(test_restart_fails), cmocka_unit_test(test_partial_answer),
                                       cmocka_unit_test(test_body_limit), cmocka_unit_test(test_sessions_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
