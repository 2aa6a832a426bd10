/* signaling/http.c and http_url.c: RFC 9110, RFC 9112, RFC 3986. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/http.h"

/* ---- URLs ------------------------------------------------------------------------------------------------------------------ */

static void test_urls(void **state) {
    static const struct {
        const char *url, *host, *target, *authority;
        bool is_tls;
        uint16_t port;
    } good[] = {
        {"http://example.org", "example.org", "/", "example.org", false, 80},
        {"HTTPS://example.org/", "example.org", "/", "example.org", true, 443},
        {"https://example.org:8443/whip/demo?a=b/../c#d", "example.org", "/whip/demo?a=b/../c", "example.org:8443", true, 8443},
        {"http://[2001:db8::1]:1/x", "2001:db8::1", "/x", "[2001:db8::1]:1", false, 1},
        {"http://[::1]", "::1", "/", "[::1]", false, 80},
        {"http://h?q", "h", "/?q", "h", false, 80},
        {"http://h:/a/./b/../c/..", "h", "/a/", "h", false, 80},
        {"https://h:65535/../../x", "h", "/x", "h:65535", true, 65535},
    };
    static const char *const bad[] = {"", "http", "http:/", "http://", "ftp://h/", "//h/", "http://user@h/", "http://h:0/", "http://h:65536/", "http://h:a/", "http://[::1/",
                                      "http://[::1]x/", "http:///x", "http://h/a b", "http://h/\n", "http://h/\"", "http://h/\xc3\xa4"};
    struct signaling_http_url url;
    char authority[SIGNALING_HTTP_AUTHORITY_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(signaling_http_url_parse(good[i].url, strlen(good[i].url), &url));
        signaling_http_url_authority(&url, authority);
        assert_string_equal(url.host, good[i].host);
        assert_string_equal(url.target, good[i].target);
        assert_string_equal(authority, good[i].authority);
        assert_int_equal(url.port, good[i].port);
        assert_int_equal(url.is_tls, good[i].is_tls);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_non_null(signaling_http_url_parse(bad[i], strlen(bad[i]), &url));
        assert_int_equal(url.port, 0);
    }
}

/* RFC 3986 section 5.4: its examples, as far as they are of http; a fragment is left out. */
static void test_references(void **state) {
    static const struct {
        const char *reference, *target;
    } cases[] = {{"g", "/b/c/g"},       {"./g", "/b/c/g"},     {"g/", "/b/c/g/"},   {"/g", "/g"},         {"?y", "/b/c/d;p?y"}, {"g?y", "/b/c/g?y"},  {"#s", "/b/c/d;p?q"},
                 {"g#s", "/b/c/g"},     {";x", "/b/c/;x"},     {"g;x", "/b/c/g;x"}, {"", "/b/c/d;p?q"},  {".", "/b/c/"},       {"./", "/b/c/"},      {"..", "/b/"},
                 {"../g", "/b/g"},      {"../..", "/"},        {"../../g", "/g"},   {"../../../g", "/g"}, {"/./g", "/g"},      {"/../g", "/g"},      {"g.", "/b/c/g."},
                 {".g", "/b/c/.g"},     {"g..", "/b/c/g.."},   {"./../g", "/b/g"},  {"./g/.", "/b/c/g/"}, {"g/./h", "/b/c/g/h"}, {"g/../h", "/b/c/h"}, {"g?y/./x", "/b/c/g?y/./x"}};
    struct signaling_http_url base, url;
    (void)state;
    assert_null(signaling_http_url_parse("http://a/b/c/d;p?q", 18, &base));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_null(signaling_http_url_resolve(&base, cases[i].reference, strlen(cases[i].reference), &url));
        assert_string_equal(url.host, "a");
        assert_string_equal(url.target, cases[i].target);
    }
    assert_null(signaling_http_url_resolve(&base, "//g:8/h", 7, &url));
    assert_string_equal(url.host, "g");
    assert_int_equal(url.port, 8);
    assert_null(signaling_http_url_resolve(&base, "https://g/h", 11, &url));
    assert_true(url.is_tls && url.port == 443);
    assert_non_null(signaling_http_url_resolve(&base, "mailto:x", 8, &url));
    assert_non_null(signaling_http_url_resolve(&base, "a b", 3, &url));
    assert_null(signaling_http_url_resolve(&base, "../x", 4, &base)); /* out may be base */
    assert_string_equal(base.target, "/b/x");
}

static void test_url_limits(void **state) {
    char *text = malloc(SIGNALING_HTTP_URL_MAX_BYTES + 2);
    struct signaling_http_url url, base;
    (void)state;
    assert_non_null(text);
    for (size_t length = SIGNALING_HTTP_URL_MAX_BYTES - 1; length <= SIGNALING_HTTP_URL_MAX_BYTES + 1; length++) {
        memset(text, 'x', length);
        memcpy(text, "http://h/", 9);
        assert_int_equal(signaling_http_url_parse(text, length, &url) == NULL, length <= SIGNALING_HTTP_URL_MAX_BYTES);
        text[0] = '/';
        assert_null(signaling_http_url_parse("http://h/", 9, &base));
        memset(text + 1, 'x', length - 1);
        assert_int_equal(signaling_http_url_resolve(&base, text, length, &url) == NULL, length <= SIGNALING_HTTP_URL_MAX_BYTES);
    }
    for (size_t length = SIGNALING_HTTP_HOST_MAX_BYTES - 1; length <= SIGNALING_HTTP_HOST_MAX_BYTES + 1; length++) {
        memset(text, 'x', 7 + length);
        memcpy(text, "http://", 7);
        assert_int_equal(signaling_http_url_parse(text, 7 + length, &url) == NULL, length <= SIGNALING_HTTP_HOST_MAX_BYTES);
    }
    free(text);
}

/* ---- requests ---------------------------------------------------------------------------------------------------------------- */

static void test_request(void **state) {
    struct signaling_http_url url;
    char text[512];
    size_t length;
    (void)state;
    assert_null(signaling_http_url_parse("http://h:81/whip?x", 18, &url));
    struct signaling_http_request request = {.method = "POST", .url = &url, .content_type = signaling_text_of("application/sdp"), .bearer_token = signaling_text_of("t0"),
                                             .if_match = signaling_text_of("*"), .accept = signaling_text_of("a/b"), .body = signaling_text_of("v=0")};
    static const char expected[] = "POST /whip?x HTTP/1.1\r\nHost: h:81\r\nConnection: close\r\nAccept: a/b\r\nAuthorization: Bearer t0\r\nIf-Match: *\r\n"
                                   "Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0";
    assert_int_equal(signaling_http_request_write(&request, text, sizeof text, &length), SIGNALING_OK);
    assert_string_equal(text, expected);
    assert_int_equal(length, sizeof expected - 1);
    assert_int_equal(signaling_http_request_write(&request, text, length, &length), SIGNALING_ERROR_BUFFER);
    assert_int_equal(signaling_http_request_write(&request, text, length + 1, &length), SIGNALING_OK);
    assert_int_equal(signaling_http_request_write(&request, NULL, 0, &length), SIGNALING_ERROR_BUFFER);
    request = (struct signaling_http_request){.method = "DELETE", .url = &url};
    assert_int_equal(signaling_http_request_write(&request, text, sizeof text, &length), SIGNALING_OK);
    assert_string_equal(text, "DELETE /whip?x HTTP/1.1\r\nHost: h:81\r\nConnection: close\r\n\r\n");
    /* RFC 9110 section 5.5: a token with a line end would be a field of its own. */
    request.bearer_token = signaling_text_of("t\r\nX: y");
    assert_int_equal(signaling_http_request_write(&request, text, sizeof text, &length), SIGNALING_ERROR_ARGUMENT);
}

/* ---- responses --------------------------------------------------------------------------------------------------------------- */

static enum signaling_http_progress read_text(char *copy, const char *text, bool is_end, struct signaling_http_response *out) {
    size_t length = strlen(text);
    memcpy(copy, text, length);
    return signaling_http_response_read(copy, length, is_end, out);
}

/* Whole, each truncation is MORE (and BROKEN at the end of the connection), from a buffer of exactly that length. */
static void check_response(const char *text, unsigned status, const char *body, bool needs_end) {
    struct signaling_http_response response;
    size_t length = strlen(text);
    for (size_t cut = 0; cut <= length; cut++) {
        char *copy = malloc(cut + (cut == 0));
        assert_non_null(copy);
        memcpy(copy, text, cut);
        enum signaling_http_progress open = signaling_http_response_read(copy, cut, false, &response);
        assert_int_equal(open, cut == length && !needs_end ? SIGNALING_HTTP_DONE : SIGNALING_HTTP_MORE);
        enum signaling_http_progress closed = signaling_http_response_read(copy, cut, true, &response);
        if (cut == length) {
            char decoded[64] = "";
            assert_int_equal(closed, SIGNALING_HTTP_DONE);
            assert_int_equal(response.status, status);
            assert_int_equal(response.body_length, strlen(body));
            signaling_http_response_body(&response, decoded);
            assert_memory_equal(decoded, body, strlen(body));
        } else if (!needs_end) {
            assert_int_equal(closed, SIGNALING_HTTP_BROKEN);
            assert_non_null(response.problem);
        }
        free(copy);
    }
}

/* RFC 9112 sections 6.3 and 7.1. */
static void test_bodies(void **state) {
    (void)state;
    check_response("HTTP/1.1 201 Created\r\nContent-Length: 3\r\nLocation: /x\r\n\r\nv=0", 201, "v=0", false);
    check_response("HTTP/1.1 201\r\ncontent-length:  3 \r\ncontent-length: 3\r\n\r\nv=0", 201, "v=0", false);
    check_response("HTTP/1.0 200 OK\nContent-Length: 0\n\n", 200, "", false);
    check_response("HTTP/1.1 204 No Content\r\n\r\n", 204, "", false);
    check_response("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", 204, "", false);
    check_response("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false);
    check_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n", 200, "abc0123456789", false);
    check_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", false);
    check_response("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end", true);
}

static void test_broken(void **state) {
    static const char *const bad[] = {
        "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 600 Odd\r\n\r\n", "HTTP/1.1 099 Odd\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 200 OK\r\nno field\r\n\r\n", "HTTP/1.1 200 OK\r\nName : x\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\r\r\n\r\n", /* RFC 9110 section 5.5, MUST */
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1x\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40001\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz",
    };
    struct signaling_http_response response;
    char copy[256];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_text(copy, bad[i], false, &response), SIGNALING_HTTP_BROKEN);
        assert_non_null(response.problem);
    }
    char zero[] = "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n";
    assert_int_equal(signaling_http_response_read(zero, sizeof zero - 1, false, &response), SIGNALING_HTTP_BROKEN);
    assert_int_equal(read_text(copy, "", true, &response), SIGNALING_HTTP_BROKEN);
    assert_string_equal(response.problem, "the server closed the connection without a word");
}

/* RFC 9110 section 5.1: names have no case; RFC 9112 section 5.2: a fold is spaces. */
static void test_fields(void **state) {
    static const char text[] = "HTTP/1.1 201 It is made\r\nLINK: <a>;\r\n  rel=x\r\nLink:<b>\r\nLinks: no\r\nEmpty:\r\n\tfold\r\nContent-Length: 0\r\n\r\n";
    struct signaling_http_response response;
    struct signaling_text value;
    char copy[sizeof text];
    size_t cursor = 0;
    (void)state;
    assert_int_equal(read_text(copy, text, false, &response), SIGNALING_HTTP_DONE);
    assert_int_equal(response.reason.length, 10);
    assert_true(signaling_http_response_field(&response, "link", &cursor, &value));
    assert_int_equal(value.length, 13);
    assert_memory_equal(value.bytes, "<a>;    rel=x", 13);
    assert_true(signaling_http_response_field(&response, "link", &cursor, &value));
    assert_true(value.length == 3 && memcmp(value.bytes, "<b>", 3) == 0);
    assert_false(signaling_http_response_field(&response, "link", &cursor, &value));
    cursor = 0;
    assert_true(signaling_http_response_field(&response, "empty", &cursor, &value));
    assert_true(value.length == 4 && memcmp(value.bytes, "fold", 4) == 0);
}

/* A response with so long a header, or so long a body. */
static enum signaling_http_progress read_long(size_t header, size_t body) {
    static const char begin[] = "HTTP/1.1 200 OK\r\nX: ";
    struct signaling_http_response response;
    char *bytes = malloc(header + body + 1);
    assert_non_null(bytes);
    memset(bytes, 'x', header + body);
    memcpy(bytes, begin, sizeof begin - 1);
    memcpy(bytes + header - 4, "\r\n\r\n", 4);
    enum signaling_http_progress progress = signaling_http_response_read(bytes, header + body, true, &response);
    free(bytes);
    return progress;
}

static void test_limits(void **state) {
    struct signaling_http_response response;
    (void)state;
    for (size_t header = SIGNALING_HTTP_HEADER_MAX_BYTES - 1; header <= SIGNALING_HTTP_HEADER_MAX_BYTES + 1; header++)
        assert_int_equal(read_long(header, 1), header <= SIGNALING_HTTP_HEADER_MAX_BYTES ? SIGNALING_HTTP_DONE : SIGNALING_HTTP_BROKEN);
    for (size_t body = SIGNALING_HTTP_BODY_MAX_BYTES - 1; body <= SIGNALING_HTTP_BODY_MAX_BYTES + 1; body++)
        assert_int_equal(read_long(64, body), body <= SIGNALING_HTTP_BODY_MAX_BYTES ? SIGNALING_HTTP_DONE : SIGNALING_HTTP_BROKEN);
    /* Chunks of one byte: more framing than body. */
    static const char begin[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    char *bytes = malloc(SIGNALING_HTTP_RESPONSE_MAX_BYTES + 8);
    size_t at = sizeof begin - 1;
    assert_non_null(bytes);
    memcpy(bytes, begin, at);
    for (; at < SIGNALING_HTTP_RESPONSE_MAX_BYTES; at += 6)
        memcpy(bytes + at, "1\r\nx\r\n", 6);
    for (size_t length = SIGNALING_HTTP_RESPONSE_MAX_BYTES - 1; length <= SIGNALING_HTTP_RESPONSE_MAX_BYTES + 1; length++)
        assert_int_equal(signaling_http_response_read(bytes, length, false, &response), length < SIGNALING_HTTP_RESPONSE_MAX_BYTES ? SIGNALING_HTTP_MORE : SIGNALING_HTTP_BROKEN);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),    cmocka_unit_test(test_references), cmocka_unit_test(test_url_limits), cmocka_unit_test(test_request),
        cmocka_unit_test(test_bodies),  cmocka_unit_test(test_broken),     cmocka_unit_test(test_fields),     cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
