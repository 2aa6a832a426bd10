/* signaling/whip.c: RFC 9725 sections 4.2, 4.3 and 4.7, RFC 8840 section 9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/whip.h"

#define ID "0123456789abcdef0123456789abcdef"

static void test_targets(void **state) {
    static const struct {
        const char *path, *room, *id;
        bool is_egress;
    } good[] = {{"/whip/demo", "demo", "", false}, {"/whep/demo", "demo", "", true}, {"/whip/a.b/" ID, "a.b", ID, false}, {"/whep/x/" ID, "x", ID, true}};
    static const char *const bad[] = {"", "/", "/r/demo", "/whip", "/whip/", "/whop/demo", "/whip/a b", "/whip/demo/", "/whip/demo/x", "/whip/demo/" ID "0",
                                      "/whip/demo/0123456789ABCDEF0123456789abcdef", "/whip/demo/" ID "/"};
    struct signaling_whip_target target;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(signaling_whip_target_parse(good[i].path, strlen(good[i].path), &target));
        assert_string_equal(target.room, good[i].room);
        assert_string_equal(target.id, good[i].id);
        assert_int_equal(target.is_egress, good[i].is_egress);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(signaling_whip_target_parse(bad[i], strlen(bad[i]), &target));
    char path[SIGNALING_ROOM_NAME_MAX_BYTES + 8] = "/whip/";
    for (size_t length = SIGNALING_ROOM_NAME_MAX_BYTES - 1; length <= SIGNALING_ROOM_NAME_MAX_BYTES + 1; length++) {
        memset(path + 6, 'r', length);
        assert_int_equal(signaling_whip_target_parse(path, 6 + length, &target), length <= SIGNALING_ROOM_NAME_MAX_BYTES);
    }
}

/* RFC 9725 sections 4.1, 4.2, 4.3.1, 4.3.3, 4.7.1. */
static void test_judge(void **state) {
    static const struct {
        enum signaling_whip_method method;
        const char *id, *type, *authorization, *if_match, *token;
        bool has_session;
        unsigned status;
    } cases[] = {
        {SIGNALING_WHIP_POST, "", "application/sdp", NULL, NULL, NULL, false, 0},
        {SIGNALING_WHIP_POST, "", "Application/SDP; charset=utf-8", NULL, NULL, NULL, false, 0},
        {SIGNALING_WHIP_POST, "", "application/sdpx", NULL, NULL, NULL, false, 415},
        {SIGNALING_WHIP_POST, "", NULL, NULL, NULL, NULL, false, 415},
        {SIGNALING_WHIP_POST, "", "application/sdp", NULL, NULL, "secret", false, 401},
        {SIGNALING_WHIP_POST, "", "application/sdp", "Bearer secreT", NULL, "secret", false, 401},
        {SIGNALING_WHIP_POST, "", "application/sdp", "Bearer secre", NULL, "secret", false, 401},
        {SIGNALING_WHIP_POST, "", "application/sdp", "Basic secret", NULL, "secret", false, 401},
        {SIGNALING_WHIP_POST, "", "application/sdp", "bearer secret", NULL, "secret", false, 0},
        {SIGNALING_WHIP_POST, ID, "application/sdp", NULL, NULL, NULL, true, 405},
        {SIGNALING_WHIP_DELETE, "", NULL, NULL, NULL, NULL, false, 405},
        {SIGNALING_WHIP_OTHER, "", NULL, NULL, NULL, NULL, false, 405},
        {SIGNALING_WHIP_OTHER, ID, NULL, NULL, NULL, NULL, true, 405},
        {SIGNALING_WHIP_GET, "", NULL, NULL, NULL, NULL, false, 204},
        {SIGNALING_WHIP_GET, ID, NULL, NULL, NULL, NULL, true, 204},
        {SIGNALING_WHIP_GET, ID, NULL, NULL, NULL, NULL, false, 404},
        {SIGNALING_WHIP_GET, "", NULL, NULL, NULL, "secret", false, 401},
        {SIGNALING_WHIP_OPTIONS, "", NULL, NULL, NULL, "secret", false, 200},
        {SIGNALING_WHIP_DELETE, ID, NULL, NULL, NULL, NULL, true, 0},
        {SIGNALING_WHIP_DELETE, ID, NULL, NULL, NULL, NULL, false, 404},
        {SIGNALING_WHIP_DELETE, ID, NULL, NULL, NULL, "secret", true, 401},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, "\"" ID "\"", NULL, true, 0},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, "\"" ID "\"", NULL, false, 404},
        {SIGNALING_WHIP_PATCH, ID, "application/sdp", NULL, "\"" ID "\"", NULL, true, 415},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, NULL, NULL, true, 428},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, "*", NULL, true, 0},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, "\"*\"", NULL, true, 0},
        {SIGNALING_WHIP_DELETE, ID, NULL, NULL, "\"other\"", NULL, true, 0},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, "\"other\"", NULL, true, 412},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, "\"0123456789abcdef0123456789abcdeF\"", NULL, true, 412},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct signaling_whip_request request = {cases[i].method, {false, "demo", ""}, signaling_text_of(cases[i].type),
                                                 signaling_text_of(cases[i].authorization), signaling_text_of(cases[i].if_match)};
        memcpy(request.target.id, cases[i].id, strlen(cases[i].id));
        assert_int_equal(signaling_whip_judge(&request, cases[i].token, cases[i].has_session ? ID : NULL), cases[i].status);
    }
}

static void assert_text(struct signaling_text text, const char *string) {
    assert_int_equal(text.length, strlen(string));
    assert_memory_equal(text.bytes, string, text.length);
}

/* RFC 8840 section 9.2's example, with LF here and there; every truncation of it is read without a byte too many. */
static void test_fragment(void **state) {
    static const char body[] = "a=group:BUNDLE 0 1\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
                               "a=candidate:1 1 UDP 2122260223 192.0.2.1 61764 typ host\r\na=candidate:2 1 UDP 1 192.0.2.2 61765 typ host\n"
                               "m=video 9 RTP/AVP 0\r\na=mid:one\r\na=candidate:3 1 UDP 2 192.0.2.3 9 typ host\r\na=end-of-candidates\r\n";
    static const struct {
        const char *candidate, *mid;
    } wanted[] = {{"candidate:1 1 UDP 2122260223 192.0.2.1 61764 typ host", "0"}, {"candidate:2 1 UDP 1 192.0.2.2 61765 typ host", "0"},
                  {"candidate:3 1 UDP 2 192.0.2.3 9 typ host", "one"}};
    struct signaling_sdpfrag fragment;
    struct signaling_message message;
    (void)state;
    signaling_sdpfrag_begin(&fragment, body, sizeof body - 1);
    for (size_t i = 0; i < 3; i++) {
        assert_true(signaling_sdpfrag_next(&fragment, &message));
        assert_int_equal(message.type, SIGNALING_CANDIDATE);
        assert_text(message.candidate.candidate, wanted[i].candidate);
        assert_text(message.candidate.sdp_mid, wanted[i].mid);
        assert_text(message.candidate.username_fragment, "EsAw");
        assert_int_equal(message.candidate.sdp_m_line_index, -1);
    }
    assert_true(signaling_sdpfrag_next(&fragment, &message));
    assert_int_equal(message.type, SIGNALING_END_OF_CANDIDATES);
    assert_false(signaling_sdpfrag_next(&fragment, &message));
    for (size_t length = 0; length < sizeof body; length++) {
        char *exact = malloc(length + (length == 0));
        memcpy(exact, body, length);
        signaling_sdpfrag_begin(&fragment, exact, length);
        while (signaling_sdpfrag_next(&fragment, &message))
            assert_true(message.type == SIGNALING_CANDIDATE || message.type == SIGNALING_END_OF_CANDIDATES);
        free(exact);
    }
}

static void test_fragment_without_mid(void **state) {
    static const char body[] = "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host";
    struct signaling_sdpfrag fragment;
    struct signaling_message message;
    (void)state;
    signaling_sdpfrag_begin(&fragment, body, sizeof body - 1);
    assert_true(signaling_sdpfrag_next(&fragment, &message));
    assert_null(message.candidate.sdp_mid.bytes);
    assert_int_equal(message.candidate.sdp_m_line_index, 0);
}

/* RFC 9725 section 4.3.2: the answer holds the candidates, for there is no way to trickle them to a client. */
static void test_answer(void **state) {
    static const char sdp[] = "v=0\r\nt=0 0\r\nm=audio 9 X 0\r\na=mid:0\r\na=x\r\nm=video 9 X 1\r\na=mid:v\r\n";
    static const char wanted[] = "v=0\r\nt=0 0\r\nm=audio 9 X 0\r\na=mid:0\r\na=x\r\na=candidate:1\r\na=candidate:3\r\na=end-of-candidates\r\n"
                                 "m=video 9 X 1\r\na=mid:v\r\na=candidate:2\r\na=end-of-candidates\r\n";
    const struct signaling_text none = {NULL, 0};
    const struct signaling_candidate candidates[] = {{signaling_text_of("candidate:1"), signaling_text_of("0"), none, -1},
                                                     {signaling_text_of("candidate:2"), signaling_text_of("v"), none, 0},
                                                     {signaling_text_of("candidate:3"), none, none, 0},
                                                     {signaling_text_of("candidate:4"), signaling_text_of("nowhere"), none, 0}};
    char buffer[sizeof wanted + 8];
    size_t length;
    (void)state;
    assert_int_equal(signaling_whip_answer(signaling_text_of(sdp), candidates, 4, NULL, 0, &length), SIGNALING_ERROR_BUFFER);
    assert_int_equal(length, sizeof wanted - 1);
    for (size_t capacity = 0; capacity < sizeof wanted; capacity++) {
        memset(buffer, 0x5a, sizeof buffer);
        assert_int_equal(signaling_whip_answer(signaling_text_of(sdp), candidates, 4, buffer, capacity, &length), SIGNALING_ERROR_BUFFER);
        assert_int_equal((unsigned char)buffer[capacity], 0x5a);
    }
    assert_int_equal(signaling_whip_answer(signaling_text_of(sdp), candidates, 4, buffer, sizeof wanted, &length), SIGNALING_OK);
    assert_string_equal(buffer, wanted);
    assert_int_equal(signaling_whip_answer(signaling_text_of("v=0\n"), NULL, 0, buffer, sizeof buffer, &length), SIGNALING_OK);
    assert_string_equal(buffer, "v=0\r\n");
}

#define BUNDLED "v=0\r\no=- 42 7 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE one 0\r\na=ice-options:trickle ice2\r\n"                                            \
                "m=audio 9 X 0\r\na=mid:0\r\na=ice-ufrag:aaaa\r\na=ice-pwd:pppp\r\na=candidate:0\r\n"                                                             \
                "m=video 9 X 1\r\na=mid:one\r\na=ice-ufrag:aaaa\r\na=ice-pwd:pppp\r\na=candidate:1\r\na=end-of-candidates\r\na=sendonly\r\n"
#define HEAD "a=ice-options:trickle ice2\r\na=group:BUNDLE one 0\r\nm=video 9 X 1\r\na=mid:one\r\na=ice-ufrag:aaaa\r\na=ice-pwd:pppp\r\n"

typedef enum signaling_error (*two_to_one)(struct signaling_text first, struct signaling_text second, char *buffer, size_t capacity, size_t *length);

static enum signaling_error write_own(struct signaling_text sdp, struct signaling_text candidates, char *buffer, size_t capacity, size_t *length) {
    return signaling_sdpfrag_write(sdp, candidates, false, buffer, capacity, length);
}

/* The result, each capacity below it refused; and what comes of every truncation of both inputs fits what was promised. */
static void check_two(two_to_one function, struct signaling_text first, struct signaling_text second, const char *expected) {
    char text[1024];
    size_t length, promised;
    assert_int_equal(function(first, second, text, sizeof text, &length), SIGNALING_OK);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
    for (size_t capacity = 0; capacity <= length; capacity++)
        assert_int_equal(function(first, second, text, capacity, &promised), SIGNALING_ERROR_BUFFER);
    for (size_t cut = 0; cut < first.length + second.length; cut++) {
        size_t one = cut < first.length ? cut : first.length, two = cut < first.length ? second.length : cut - first.length;
        char *bytes = malloc(one + (one == 0)), *more = malloc(two + (two == 0));
        assert_true(bytes != NULL && more != NULL);
        memcpy(bytes, first.bytes, one);
        if (second.bytes != NULL)
            memcpy(more, second.bytes, two);
        struct signaling_text a = {bytes, one}, b = {second.bytes != NULL ? more : NULL, two};
        enum signaling_error error = function(a, b, NULL, 0, &promised);
        assert_true(error == SIGNALING_ERROR_ARGUMENT || (error == SIGNALING_ERROR_BUFFER && function(a, b, text, promised + 1, &length) == SIGNALING_OK && length == promised));
        free(bytes);
        free(more);
    }
}

/* RFC 9725 sections 4.3.2 and 4.3.3, RFC 8840 section 4.4.1. */
static void test_fragment_write(void **state) {
    char text[512];
    size_t length;
    (void)state;
    check_two(write_own, signaling_text_of(BUNDLED), (struct signaling_text){NULL, 0}, HEAD "a=candidate:1\r\na=end-of-candidates\r\n");
    check_two(write_own, signaling_text_of(BUNDLED), signaling_text_of("a=candidate:7\r\n"), HEAD "a=candidate:7\r\n");
    assert_int_equal(signaling_sdpfrag_write(signaling_text_of(BUNDLED), signaling_text_of(""), true, text, sizeof text, &length), SIGNALING_OK);
    assert_string_equal(text, HEAD "a=end-of-candidates\r\n");
    assert_int_equal(signaling_sdpfrag_write(signaling_text_of("v=0\r\na=ice-lite\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\nm=audio 9 X 0\r\n"), (struct signaling_text){NULL, 0}, false, text,
                                             sizeof text, &length), SIGNALING_OK);
    assert_string_equal(text, "a=ice-lite\r\nm=audio 9 X 0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n");
}

/* RFC 9725 section 4.3.3: other credentials everywhere, the candidates of before gone; RFC 3264 section 8: the next version. */
static void test_fragment_apply(void **state) {
    static const char fragment[] = "a=group:BUNDLE one 0\r\nm=video 9 X 1\r\na=mid:one\r\na=ice-ufrag:bbbb\r\na=ice-pwd:qqqq\r\na=candidate:8\r\na=candidate:9\r\n";
    static const char *const half[] = {"", "a=ice-ufrag:x\r\n", "a=ice-pwd:x\r\n", "a=candidate:1\r\n"};
    char text[16];
    size_t length;
    (void)state;
    check_two(signaling_sdpfrag_apply, signaling_text_of(BUNDLED), signaling_text_of(fragment),
              "v=0\r\no=- 42 8 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE one 0\r\na=ice-options:trickle ice2\r\n"
              "m=audio 9 X 0\r\na=mid:0\r\na=ice-ufrag:bbbb\r\na=ice-pwd:qqqq\r\n"
              "m=video 9 X 1\r\na=mid:one\r\na=ice-ufrag:bbbb\r\na=ice-pwd:qqqq\r\na=sendonly\r\na=candidate:8\r\na=candidate:9\r\n");
    for (size_t i = 0; i < sizeof half / sizeof half[0]; i++)
        assert_int_equal(signaling_sdpfrag_apply(signaling_text_of(BUNDLED), signaling_text_of(half[i]), text, sizeof text, &length), SIGNALING_ERROR_ARGUMENT);
}

/* RFC 9725 sections 4.2, 4.3.1 and 4.3.3. */
static void test_kinds(void **state) {
    static const struct {
        const char *fragment;
        enum signaling_whip_patch kind;
    } cases[] = {
        {"a=ice-ufrag:aaaa\r\na=ice-pwd:pppp\r\na=candidate:1\r\n", SIGNALING_WHIP_PATCH_TRICKLES}, {"a=candidate:1", SIGNALING_WHIP_PATCH_TRICKLES},
        {"a=ice-ufrag:aaaa\na=mid:0\n", SIGNALING_WHIP_PATCH_TRICKLES},     {"a=ice-ufrag:aaab\r\na=ice-pwd:pppp\r\n", SIGNALING_WHIP_PATCH_RESTARTS},
        {"a=ice-ufrag:aaaa\r\na=ice-pwd:pppq\r\n", SIGNALING_WHIP_PATCH_RESTARTS}, {"a=ice-ufrag:aaab\r\n", SIGNALING_WHIP_PATCH_MALFORMED},
        {"a=ice-pwd:x\r\n", SIGNALING_WHIP_PATCH_MALFORMED},                {"", SIGNALING_WHIP_PATCH_MALFORMED},
        {"\r\n", SIGNALING_WHIP_PATCH_MALFORMED},                           {"{}", SIGNALING_WHIP_PATCH_MALFORMED},
    };
    static const char *const descriptions[] = {"v=0\r\nm=audio 9 X 0\r\n", "v=0\nm="}, *const others[] = {"", "v=0\r\n", "v=1\r\nm=x\r\n", "v=0 \r\nm=x\r\n", "m=x\r\nv=0\r\n", "v=0\r\nm=x\r\n\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(signaling_whip_patch_kind(signaling_text_of(BUNDLED), signaling_text_of(cases[i].fragment)), cases[i].kind);
    for (size_t i = 0; i < 2; i++)
        assert_true(signaling_whip_is_description(signaling_text_of(descriptions[i])));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(signaling_whip_is_description(signaling_text_of(others[i])));
}

/* RFC 9725 section 4.4.3. */
static void test_partial(void **state) {
    (void)state;
    assert_false(signaling_whip_is_partial(signaling_text_of(BUNDLED)));
    assert_false(signaling_whip_is_partial(signaling_text_of("v=0\r\nm=audio 09 X 0\r\nm=video")));
    assert_true(signaling_whip_is_partial(signaling_text_of("v=0\r\nm=audio 9 X 0\r\nm=video 0 X 1")));
    assert_true(signaling_whip_is_partial(signaling_text_of("v=0\r\nm=audio 0/2 X 0\r\n")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fragment_write), cmocka_unit_test(test_fragment_apply), cmocka_unit_test(test_kinds), cmocka_unit_test(test_partial),
        
        cmocka_unit_test(test_targets),  cmocka_unit_test(test_judge), cmocka_unit_test(test_fragment), cmocka_unit_test(test_fragment_without_mid),
        cmocka_unit_test(test_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
