/* signaling/whip_client.c, whip_client_response.c and whip_link.c: RFC 9725 sections 4.1 to 4.7, draft-ietf-wish-whep-03, RFC 8288. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/whip_client.h"

#define OFFER "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-options:trickle\r\n" \
              "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:aaaa\r\na=ice-pwd:bbbb\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=bundle-only\r\n"
#define ANSWER "v=0\r\nm=audio 9 X\r\n"
#define FRAGMENT_HEAD "a=ice-options:trickle\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:aaaa\r\na=ice-pwd:bbbb\r\n"
#define CREATED "HTTP/1.1 201 Created\r\nLocation: /s/1\r\nETag: \"x\"\r\nContent-Type: application/sdp\r\nContent-Length: 18\r\n\r\n" ANSWER

static struct signaling_whip_client *make(const char *url, const char *token, bool is_egress) {
    const char *problem;
    struct signaling_whip_client *client = signaling_whip_client_new(&(struct signaling_whip_client_config){url, token, is_egress}, &problem);
    assert_non_null(client);
    return client;
}

/* The request that comes next, as text. */
static void expect_request(struct signaling_whip_client *client, const char *expected) {
    struct signaling_http_request request;
    char text[4096];
    size_t length;
    assert_true(signaling_whip_client_poll_request(client, &request));
    assert_int_equal(signaling_http_request_write(&request, text, sizeof text, &length), SIGNALING_OK);
    assert_string_equal(text, expected);
}

static void expect_nothing(struct signaling_whip_client *client) {
    struct signaling_http_request request;
    struct signaling_whip_event event;
    assert_false(signaling_whip_client_poll_event(client, &event));
    assert_false(signaling_whip_client_poll_request(client, &request));
}

static void respond(struct signaling_whip_client *client, const char *text) {
    struct signaling_http_response response;
    size_t length = strlen(text);
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, text, length + 1);
    assert_int_equal(signaling_http_response_read(copy, length, true, &response), SIGNALING_HTTP_DONE);
    assert_int_equal(signaling_whip_client_handle_response(client, &response), SIGNALING_OK);
    free(copy);
}

static struct signaling_whip_event expect_event(struct signaling_whip_client *client, enum signaling_whip_event_type type) {
    struct signaling_whip_event event;
    assert_true(signaling_whip_client_poll_event(client, &event));
    assert_int_equal(event.type, type);
    assert_non_null(event.sentence);
    return event;
}

static void offer(struct signaling_whip_client *client) {
    struct signaling_http_request request;
    assert_int_equal(signaling_whip_client_offer(client, OFFER, strlen(OFFER)), SIGNALING_OK);
    assert_true(signaling_whip_client_poll_request(client, &request));
    assert_string_equal(request.method, "POST");
}

#define FIELDS "Host: h\r\nConnection: close\r\n"

/* RFC 9725 sections 4.2, 4.3.1, 4.3.2, 4.7.1: the whole of a session. */
static void test_session(void **state) {
    struct signaling_whip_client *client = make("http://h/whip", "t0", false);
    (void)state;
    expect_nothing(client);
    assert_int_equal(signaling_whip_client_offer(client, OFFER, strlen(OFFER)), SIGNALING_OK);
    assert_int_equal(signaling_whip_client_offer(client, OFFER, strlen(OFFER)), SIGNALING_ERROR_STATE);
    struct signaling_http_request request;
    assert_true(signaling_whip_client_poll_request(client, &request));
    assert_true(signaling_text_is(request.content_type, "application/sdp") && signaling_text_is(request.bearer_token, "t0"));
    assert_true(signaling_text_is(request.body, OFFER));
    /* MUST: candidates wait for the session. */
    assert_int_equal(signaling_whip_client_candidate(client, "candidate:1"), SIGNALING_OK);
    assert_int_equal(signaling_whip_client_candidate(client, "candidate:2"), SIGNALING_OK);
    expect_nothing(client);
    respond(client, CREATED);
    struct signaling_whip_event event = expect_event(client, SIGNALING_WHIP_EVENT_ANSWER);
    assert_true(signaling_text_is(event.sdp, ANSWER));
    /* SHOULD: those that waited go as one. */
    expect_request(client, "PATCH /s/1 HTTP/1.1\r\n" FIELDS "Authorization: Bearer t0\r\nIf-Match: \"x\"\r\nContent-Type: application/trickle-ice-sdpfrag\r\n"
                           "Content-Length: 149\r\n\r\n" FRAGMENT_HEAD "a=candidate:1\r\na=candidate:2\r\n");
    assert_int_equal(signaling_whip_client_end_of_candidates(client), SIGNALING_OK);
    expect_nothing(client);
    respond(client, "HTTP/1.1 204 No Content\r\n\r\n");
    expect_request(client, "PATCH /s/1 HTTP/1.1\r\n" FIELDS "Authorization: Bearer t0\r\nIf-Match: \"x\"\r\nContent-Type: application/trickle-ice-sdpfrag\r\n"
                           "Content-Length: 140\r\n\r\n" FRAGMENT_HEAD "a=end-of-candidates\r\n");
    respond(client, "HTTP/1.1 204 No Content\r\n\r\n");
    expect_nothing(client);
    signaling_whip_client_end(client);
    assert_false(signaling_whip_client_is_over(client));
    /* SHOULD NOT: an entity tag with DELETE. */
    expect_request(client, "DELETE /s/1 HTTP/1.1\r\n" FIELDS "Authorization: Bearer t0\r\n\r\n");
    respond(client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_true(signaling_whip_client_is_over(client));
    expect_nothing(client);
    signaling_whip_client_free(client);
}

/* Section 4.7.1, MUST NOT: no Authorization without a token. Section 4.2: an absolute Location. No ETag: no If-Match. */
static void test_absolute_location(void **state) {
    struct signaling_whip_client *client = make("http://h/whip", NULL, false);
    (void)state;
    offer(client);
    respond(client, "HTTP/1.1 201 Created\r\nLocation: https://other:8443/s?1\r\nETag: W/\"weak\"\r\nContent-Type: Application/SDP;x=y\r\nContent-Length: 18\r\n\r\n" ANSWER);
    (void)expect_event(client, SIGNALING_WHIP_EVENT_ANSWER);
    assert_int_equal(signaling_whip_client_candidate(client, "candidate:1"), SIGNALING_OK);
    expect_request(client, "PATCH /s?1 HTTP/1.1\r\nHost: other:8443\r\nConnection: close\r\nContent-Type: application/trickle-ice-sdpfrag\r\nContent-Length: 134\r\n\r\n" FRAGMENT_HEAD
                           "a=candidate:1\r\n");
    signaling_whip_client_free(client);
}

/* RFC 9110 section 8.8.3: etagc. What is no entity tag is none; capacity at its limit. */
static void test_tags(void **state) {
    char text[1024];
    struct signaling_http_request request;
    (void)state;
    for (size_t turn = 0; turn < 5; turn++) {
        static const size_t lengths[] = {3, 3, SIGNALING_WHIP_TAG_MAX_BYTES - 1, SIGNALING_WHIP_TAG_MAX_BYTES, SIGNALING_WHIP_TAG_MAX_BYTES + 1};
        char tag[SIGNALING_WHIP_TAG_MAX_BYTES + 2];
        memset(tag, turn == 1 ? 1 : 't', sizeof tag);
        tag[0] = tag[lengths[turn] - 1] = '"';
        tag[lengths[turn]] = '\0';
        struct signaling_whip_client *client = make("http://h/whip", NULL, false);
        offer(client);
        snprintf(text, sizeof text, "HTTP/1.1 201 Created\r\nLocation: /s\r\nETag: %s\r\nContent-Type: application/sdp\r\nContent-Length: 18\r\n\r\n" ANSWER, tag);
        respond(client, text);
        (void)expect_event(client, SIGNALING_WHIP_EVENT_ANSWER);
        assert_int_equal(signaling_whip_client_candidate(client, "candidate:1"), SIGNALING_OK);
        assert_true(signaling_whip_client_poll_request(client, &request));
        assert_int_equal(request.if_match.bytes != NULL, turn != 1 && turn != 4);
        signaling_whip_client_free(client);
    }
}

/* Section 4.5: 307 and 308, up to a limit; never 301, 302, 303, nor from TLS to none. */
static void test_redirections(void **state) {
    struct signaling_whip_client *client = make("http://h/whip", "t", false);
    (void)state;
    offer(client);
    for (unsigned i = 0; i < SIGNALING_WHIP_REDIRECTIONS_MAX; i++) {
        respond(client, i % 2 ? "HTTP/1.1 307 Elsewhere\r\nLocation: x\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 308 There\r\nLocation: https://g/y/z\r\nContent-Length: 0\r\n\r\n");
        struct signaling_whip_event event = expect_event(client, SIGNALING_WHIP_EVENT_REDIRECTED);
        assert_string_equal(event.sentence, i % 2 ? "https://g/y/x" : "https://g/y/z");
        struct signaling_http_request request;
        assert_true(signaling_whip_client_poll_request(client, &request));
        assert_true(signaling_text_is(request.body, OFFER) && signaling_text_is(request.bearer_token, "t"));
    }
    respond(client, "HTTP/1.1 307 Elsewhere\r\nLocation: x\r\nContent-Length: 0\r\n\r\n");
    assert_non_null(strstr(expect_event(client, SIGNALING_WHIP_EVENT_REFUSED).sentence, "SIGNALING_WHIP_REDIRECTIONS_MAX"));
    expect_nothing(client);
    signaling_whip_client_free(client);
    static const char *const bad[] = {"301 Moved\r\nLocation: /x", "302 Found\r\nLocation: /x", "303 See\r\nLocation: /x", "307 No", "307 Down\r\nLocation: http://h/", "307 Odd\r\nLocation: ftp://h/"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[128] = "HTTP/1.1 ";
        client = make("https://h/whip", NULL, false);
        offer(client);
        memcpy(text + 9, bad[i], strlen(bad[i]));
        memcpy(text + 9 + strlen(bad[i]), "\r\nContent-Length: 0\r\n\r\n", 24);
        respond(client, text);
        (void)expect_event(client, SIGNALING_WHIP_EVENT_REFUSED);
        expect_nothing(client);
        signaling_whip_client_free(client);
    }
}

/* Sections 4.1 and 4.5, WHEP section 4.2.8: what a status means. */
static void test_statuses(void **state) {
    static const struct {
        const char *response, *sentence;
        enum signaling_whip_event_type type;
        bool is_egress;
        uint32_t retry_after_s;
    } cases[] = {
        {"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nno.\n", "The server answered 400 Bad Request: no.", SIGNALING_WHIP_EVENT_REFUSED, false, 0},
        {"HTTP/1.1 401\r\nContent-Length: 0\r\n\r\n", "The server answered 401.", SIGNALING_WHIP_EVENT_REFUSED, false, 0},
        {"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", "The server answered 403 Forbidden.", SIGNALING_WHIP_EVENT_REFUSED, false, 0},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\na\033b", "The server answered 404 Not Found: a b.", SIGNALING_WHIP_EVENT_REFUSED, false, 0},
        {"HTTP/1.1 406 No\r\nContent-Type: application/sdp\r\nLocation: /x\r\nContent-Length: 3\r\n\r\nv=0", "The server answered 406 No.", SIGNALING_WHIP_EVENT_REFUSED, false, 0},
        {"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", "The server answered 409 Conflict.", SIGNALING_WHIP_EVENT_REFUSED, false, 0},
        {"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", "The server answered 409 Conflict.", SIGNALING_WHIP_EVENT_RETRY, true, SIGNALING_WHIP_RETRY_DEFAULT_S},
        {"HTTP/1.1 422 X\r\nContent-Type: application/problem+json\r\nContent-Length: 29\r\n\r\n{\"title\":\"t\",\"detail\":\"why.\"}", "The server answered 422 X: why.", SIGNALING_WHIP_EVENT_REFUSED, false, 0},
        {"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", "The server answered 429 Slow.", SIGNALING_WHIP_EVENT_RETRY, false, 7},
        {"HTTP/1.1 418 Tea\r\nContent-Length: 0\r\n\r\n", "The server answered 418 Tea.", SIGNALING_WHIP_EVENT_REFUSED, false, 0},
        {"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", "The server answered 500 X.", SIGNALING_WHIP_EVENT_REFUSED, false, 0},
        {"HTTP/1.1 503 X\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", "The server answered 503 X.", SIGNALING_WHIP_EVENT_RETRY, false, 1},
        {"HTTP/1.1 503 X\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n", "The server answered 503 X.", SIGNALING_WHIP_EVENT_RETRY, false, SIGNALING_WHIP_RETRY_MAX_S},
        {"HTTP/1.1 503 X\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n", "The server answered 503 X.", SIGNALING_WHIP_EVENT_RETRY, false, SIGNALING_WHIP_RETRY_DEFAULT_S},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "The server answered 200 OK. RFC 9725 section 4.2 wants 201.", SIGNALING_WHIP_EVENT_REFUSED, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct signaling_whip_client *client = make("http://h/whip", NULL, cases[i].is_egress);
        offer(client);
        respond(client, cases[i].response);
        struct signaling_whip_event event = expect_event(client, cases[i].type);
        assert_string_equal(event.sentence, cases[i].sentence);
        assert_int_equal(event.retry_after_s, cases[i].retry_after_s);
        expect_nothing(client);
        struct signaling_http_request request;
        bool is_retry = cases[i].type == SIGNALING_WHIP_EVENT_RETRY;
        assert_int_equal(signaling_whip_client_again(client), is_retry ? SIGNALING_OK : SIGNALING_ERROR_STATE);
        assert_int_equal(signaling_whip_client_poll_request(client, &request), is_retry);
        signaling_whip_client_free(client);
    }
}

/* A 201 that is of no use: said, and the session deleted when it can be found. */
static void test_bad_created(void **state) {
    static const struct {
        const char *response;
        bool has_session;
    } cases[] = {
        {"HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\nContent-Length: 18\r\n\r\n" ANSWER, false},
        {"HTTP/1.1 201 Created\r\nLocation: /s\r\nContent-Type: text/plain\r\nContent-Length: 18\r\n\r\n" ANSWER, true},
        {"HTTP/1.1 201 Created\r\nLocation: /s\r\nContent-Type: application/sdp\r\nContent-Length: 0\r\n\r\n", true},
        {"HTTP/1.1 201 Created\r\nLocation: /s\r\nContent-Type: application/sdp\r\nContent-Length: 1\r\n\r\n\xff", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct signaling_whip_client *client = make("http://h/whip", NULL, false);
        struct signaling_http_request request;
        offer(client);
        assert_int_equal(signaling_whip_client_end_of_candidates(client), SIGNALING_OK);
        respond(client, cases[i].response);
        (void)expect_event(client, SIGNALING_WHIP_EVENT_REFUSED);
        expect_nothing(client);
        assert_int_equal(signaling_whip_client_restart(client, OFFER, strlen(OFFER)), SIGNALING_ERROR_STATE);
        signaling_whip_client_end(client);
        assert_int_equal(signaling_whip_client_poll_request(client, &request), cases[i].has_session);
        signaling_whip_client_free(client);
    }
}

/* WHEP sections 4.2.2 and 4.2.3: another offer, our answer by PATCH, and only then candidates. */
static void test_counter_offer(void **state) {
    struct signaling_whip_client *client = make("http://h/whep", "t", true);
    (void)state;
    offer(client);
    respond(client, "HTTP/1.1 406 Not Acceptable\r\nLocation: s\r\nContent-Type: application/sdp; valid-until=\"x\"\r\nContent-Length: 18\r\n\r\n" ANSWER);
    assert_true(signaling_text_is(expect_event(client, SIGNALING_WHIP_EVENT_COUNTER_OFFER).sdp, ANSWER));
    assert_int_equal(signaling_whip_client_candidate(client, "candidate:1"), SIGNALING_OK);
    expect_nothing(client);
    assert_int_equal(signaling_whip_client_restart(client, OFFER, strlen(OFFER)), SIGNALING_ERROR_STATE);
    assert_int_equal(signaling_whip_client_answer(client, OFFER, strlen(OFFER)), SIGNALING_OK);
    assert_int_equal(signaling_whip_client_answer(client, OFFER, strlen(OFFER)), SIGNALING_ERROR_STATE);
    struct signaling_http_request request;
    assert_true(signaling_whip_client_poll_request(client, &request));
    assert_true(strcmp(request.method, "PATCH") == 0 && signaling_text_is(request.content_type, "application/sdp") && request.if_match.bytes == NULL);
    respond(client, "HTTP/1.1 204 No Content\r\n\r\n");
    (void)expect_event(client, SIGNALING_WHIP_EVENT_ACCEPTED);
    assert_true(signaling_whip_client_poll_request(client, &request));
    assert_true(signaling_text_is(request.content_type, "application/trickle-ice-sdpfrag"));
    signaling_whip_client_free(client);
}

/* Our answer is refused: nothing follows but the end. */
static void test_answer_refused(void **state) {
    struct signaling_whip_client *client = make("http://h/whep", NULL, true);
    struct signaling_http_request request;
    (void)state;
    offer(client);
    respond(client, "HTTP/1.1 406 Not Acceptable\r\nLocation: s\r\nContent-Type: application/sdp\r\nContent-Length: 18\r\n\r\n" ANSWER);
    (void)expect_event(client, SIGNALING_WHIP_EVENT_COUNTER_OFFER);
    assert_int_equal(signaling_whip_client_answer(client, OFFER, strlen(OFFER)), SIGNALING_OK);
    assert_true(signaling_whip_client_poll_request(client, &request));
    /* A restart waits for its turn, and what is under way stays where it is. */
    assert_int_equal(signaling_whip_client_restart(client, "v=0\r\n", 5), SIGNALING_OK);
    assert_true(signaling_text_is(request.body, OFFER));
    assert_int_equal(signaling_whip_client_candidate(client, "candidate:1"), SIGNALING_OK);
    respond(client, "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(expect_event(client, SIGNALING_WHIP_EVENT_REFUSED).status, 400);
    expect_nothing(client);
    signaling_whip_client_end(client);
    assert_true(signaling_whip_client_poll_request(client, &request));
    assert_string_equal(request.method, "DELETE");
    signaling_whip_client_free(client);
}

/* A restart that is refused, or not answered: its credentials were never agreed, so their candidates go to nobody, and later ones go with those that were. */
static void test_restart_taken_back(void **state) {
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct signaling_whip_client *client = make("http://h/whip", NULL, false);
        struct signaling_http_request request;
        offer(client);
        respond(client, CREATED);
        (void)expect_event(client, SIGNALING_WHIP_EVENT_ANSWER);
        static const char other[] = "v=0\r\na=ice-ufrag:new\r\na=ice-pwd:new\r\n";
        assert_int_equal(signaling_whip_client_restart(client, other, sizeof other - 1), SIGNALING_OK);
        assert_true(signaling_whip_client_poll_request(client, &request));
        assert_int_equal(signaling_whip_client_candidate(client, "candidate:new"), SIGNALING_OK);
        assert_int_equal(signaling_whip_client_end_of_candidates(client), SIGNALING_OK);
        if (turn == 0)
            respond(client, "HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n");
        else
            signaling_whip_client_handle_failure(client, "It did not answer.");
        (void)expect_event(client, SIGNALING_WHIP_EVENT_RESTART_REFUSED);
        expect_nothing(client);
        assert_int_equal(signaling_whip_client_candidate(client, "candidate:1"), SIGNALING_OK);
        expect_request(client, "PATCH /s/1 HTTP/1.1\r\n" FIELDS "If-Match: \"x\"\r\nContent-Type: application/trickle-ice-sdpfrag\r\nContent-Length: 134\r\n\r\n" FRAGMENT_HEAD
                               "a=candidate:1\r\n");
        signaling_whip_client_free(client);
    }
}

/* Section 4.3.3: If-Match is "*"; the response has a new entity tag. A refusal changes nothing. */
static void test_restart(void **state) {
    struct signaling_whip_client *client = make("http://h/whip", NULL, false);
    (void)state;
    assert_int_equal(signaling_whip_client_restart(client, OFFER, strlen(OFFER)), SIGNALING_ERROR_STATE);
    offer(client);
    respond(client, CREATED);
    (void)expect_event(client, SIGNALING_WHIP_EVENT_ANSWER);
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(signaling_whip_client_candidate(client, "candidate:old"), SIGNALING_OK);
        assert_int_equal(signaling_whip_client_restart(client, OFFER "a=candidate:x\r\n", strlen(OFFER) + 15), SIGNALING_OK);
        expect_request(client, "PATCH /s/1 HTTP/1.1\r\n" FIELDS "If-Match: *\r\nContent-Type: application/trickle-ice-sdpfrag\r\nContent-Length: 119\r\n\r\n" FRAGMENT_HEAD);
        assert_int_equal(signaling_whip_client_restart(client, OFFER, strlen(OFFER)), SIGNALING_ERROR_STATE);
        if (turn == 0) {
            respond(client, "HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n");
            assert_int_equal(expect_event(client, SIGNALING_WHIP_EVENT_RESTART_REFUSED).status, 422);
            continue;
        }
        respond(client, "HTTP/1.1 200 OK\r\nETag: \"y\"\r\nContent-Type: application/trickle-ice-sdpfrag\r\nContent-Length: 15\r\n\r\na=ice-ufrag:z\r\n");
        assert_true(signaling_text_is(expect_event(client, SIGNALING_WHIP_EVENT_RESTART_ANSWER).sdp, "a=ice-ufrag:z\r\n"));
    }
    assert_int_equal(signaling_whip_client_candidate(client, "candidate:n"), SIGNALING_OK);
    struct signaling_http_request request;
    assert_true(signaling_whip_client_poll_request(client, &request));
    assert_true(signaling_text_is(request.if_match, "\"y\""));
    signaling_whip_client_free(client);
}

/* Section 4.3.1: a server without trickle ICE refuses the PATCH; the session goes on. */
static void test_trickle_refused(void **state) {
    struct signaling_whip_client *client = make("http://h/whip", NULL, false);
    struct signaling_http_request request;
    (void)state;
    offer(client);
    respond(client, CREATED);
    (void)expect_event(client, SIGNALING_WHIP_EVENT_ANSWER);
    assert_int_equal(signaling_whip_client_candidate(client, "candidate:1"), SIGNALING_OK);
    assert_true(signaling_whip_client_poll_request(client, &request));
    respond(client, "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(expect_event(client, SIGNALING_WHIP_EVENT_TRICKLE_REFUSED).status, 405);
    assert_int_equal(signaling_whip_client_candidate(client, "candidate:2"), SIGNALING_ERROR_STATE);
    expect_nothing(client);
    assert_true(signaling_whip_client_has_session(client));
    signaling_whip_client_free(client);
}

/* The end while the POST is under way: what it makes is deleted, and nobody is told. */
static void test_end(void **state) {
    struct signaling_whip_client *client = make("http://h/whip", NULL, false);
    struct signaling_http_request request;
    (void)state;
    offer(client);
    signaling_whip_client_end(client);
    assert_false(signaling_whip_client_is_over(client));
    respond(client, CREATED);
    struct signaling_whip_event event;
    assert_false(signaling_whip_client_poll_event(client, &event));
    assert_true(signaling_whip_client_poll_request(client, &request));
    assert_string_equal(request.method, "DELETE");
    signaling_whip_client_handle_failure(client, "gone");
    assert_true(signaling_whip_client_is_over(client));
    signaling_whip_client_free(client);
    client = make("http://h/whip", NULL, false);
    offer(client);
    signaling_whip_client_handle_failure(client, "No such name.");
    assert_string_equal(expect_event(client, SIGNALING_WHIP_EVENT_GONE).sentence, "No such name.");
    expect_nothing(client);
    signaling_whip_client_end(client);
    assert_true(signaling_whip_client_is_over(client));
    signaling_whip_client_free(client);
}

/* RFC 8288 section 3, RFC 9725 section 4.6. */
static void test_links(void **state) {
    static const char value[] = " , <stun:a>; rel=ice-server, <turn:b?transport=udp> ; REL = \"x ICE-Server\"; username=\"u,\\\"\\\\\"; credential=\"c;d\"; credential-type=password;foo,"
                                "<x>; rel=other, <y>; rel=other; rel=ice-server, <turn:o>; rel=ice-server; credential-type=\"oauth\", <z>,, <turns:c>;rel=\"ice-server\"";
    static const char *const expected[][3] = {{"stun:a", "", ""}, {"turn:b?transport=udp", "u,\"\\", "c;d"}, {"turns:c", "", ""}};
    struct signaling_link link;
    size_t at = 0;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(signaling_link_next(signaling_text_of(value), &at, &link));
        assert_string_equal(link.uri, expected[i][0]);
        assert_string_equal(link.username, expected[i][1]);
        assert_string_equal(link.credential, expected[i][2]);
    }
    assert_false(signaling_link_next(signaling_text_of(value), &at, &link));
    static const char *const bad[] = {"", "x", "<", "<>", "<a", "<a>; rel=\"ice-server", "<a>; rel=", "<a> rel=ice-server", "<a>; rel=ice-server x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        at = 0;
        assert_false(signaling_link_next(signaling_text_of(bad[i]), &at, &link));
    }
    for (size_t cut = 0; cut < sizeof value; cut++) {
        char *copy = malloc(cut + (cut == 0));
        assert_non_null(copy);
        memcpy(copy, value, cut);
        size_t count = 0;
        for (at = 0; signaling_link_next((struct signaling_text){copy, cut}, &at, &link);)
            count++;
        assert_true(count <= 3);
        free(copy);
    }
    char text[SIGNALING_LINK_TEXT_MAX_BYTES + 64];
    for (size_t length = SIGNALING_LINK_TEXT_MAX_BYTES - 1; length <= SIGNALING_LINK_TEXT_MAX_BYTES + 1; length++) {
        memset(text, 'x', sizeof text);
        text[0] = '<';
        memcpy(text + 1 + length, ">; rel=ice-server", 17);
        at = 0;
        assert_int_equal(signaling_link_next((struct signaling_text){text, length + 18}, &at, &link), length <= SIGNALING_LINK_TEXT_MAX_BYTES);
    }
}

static void test_servers(void **state) {
    struct signaling_whip_client *client = make("http://h/whip", NULL, false);
    (void)state;
    offer(client);
    respond(client, "HTTP/1.1 201 Created\r\nLocation: /s/1\r\nLink: <stun:a>; rel=ice-server\r\nLink: <turn:b>; rel=ice-server; username=u; credential=c\r\n"
                    "Content-Type: application/sdp\r\nContent-Length: 18\r\n\r\n" ANSWER);
    struct signaling_whip_event event = expect_event(client, SIGNALING_WHIP_EVENT_ANSWER);
    assert_int_equal(event.server_count, 2);
    assert_string_equal(event.servers[1].username, "u");
    signaling_whip_client_free(client);
}

static void test_limits(void **state) {
    struct signaling_whip_client *client = make("http://h/whip", NULL, false);
    char candidate[1024], token[SIGNALING_WHIP_TOKEN_MAX_BYTES + 2];
    const char *problem;
    (void)state;
    memset(candidate, 'c', sizeof candidate);
    candidate[1020] = '\0';
    for (size_t i = 0; i < SIGNALING_WHIP_TRICKLE_MAX_BYTES / 1024; i++)
        assert_int_equal(signaling_whip_client_candidate(client, candidate), SIGNALING_OK);
    assert_int_equal(signaling_whip_client_candidate(client, ""), SIGNALING_ERROR_CAPACITY);
    signaling_whip_client_free(client);
    char *sdp = calloc(1, SIGNALING_WHIP_BODY_MAX_BYTES + 1);
    assert_non_null(sdp);
    client = make("http://h/whip", NULL, false);
    assert_int_equal(signaling_whip_client_offer(client, sdp, SIGNALING_WHIP_BODY_MAX_BYTES + 1), SIGNALING_ERROR_TOO_LARGE);
    assert_int_equal(signaling_whip_client_offer(client, sdp, SIGNALING_WHIP_BODY_MAX_BYTES), SIGNALING_OK);
    signaling_whip_client_free(client);
    free(sdp);
    for (size_t length = 0; length < sizeof token; length++) {
        memset(token, 't', length);
        token[length] = '\0';
        client = signaling_whip_client_new(&(struct signaling_whip_client_config){"http://h/", token, false}, &problem);
        assert_int_equal(client != NULL, length > 0 && length <= SIGNALING_WHIP_TOKEN_MAX_BYTES);
        assert_int_equal(problem == NULL, client != NULL);
        signaling_whip_client_free(client);
    }
    assert_null(signaling_whip_client_new(&(struct signaling_whip_client_config){"http://h/", "a b", false}, &problem));
    assert_null(signaling_whip_client_new(&(struct signaling_whip_client_config){"ws://h/", NULL, false}, &problem));
    signaling_whip_client_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session),     cmocka_unit_test(test_absolute_location), cmocka_unit_test(test_redirections), cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_bad_created), cmocka_unit_test(test_counter_offer),     cmocka_unit_test(test_restart),      cmocka_unit_test(test_trickle_refused),
        cmocka_unit_test(test_tags),        cmocka_unit_test(test_end),               cmocka_unit_test(test_links),        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_answer_refused),    cmocka_unit_test(test_restart_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
