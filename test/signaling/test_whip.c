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

/* RFC 9725 sections 4.2, 4.3.1, 4.3.3, 4.7.1. */
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
        {SIGNALING_WHIP_OPTIONS, "", NULL, NULL, NULL, "secret", false, 204},
        {SIGNALING_WHIP_DELETE, ID, NULL, NULL, NULL, NULL, true, 0},
        {SIGNALING_WHIP_DELETE, ID, NULL, NULL, NULL, NULL, false, 404},
        {SIGNALING_WHIP_DELETE, ID, NULL, NULL, NULL, "secret", true, 401},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, "\"" ID "\"", NULL, true, 0},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, "\"" ID "\"", NULL, false, 404},
        {SIGNALING_WHIP_PATCH, ID, "application/sdp", NULL, "\"" ID "\"", NULL, true, 415},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, NULL, NULL, true, 428},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, "*", NULL, true, 422},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, "\"other\"", NULL, true, 412},
        {SIGNALING_WHIP_PATCH, ID, "application/trickle-ice-sdpfrag", NULL, "\"0123456789abcdef0123456789abcdeF\"", NULL, true, 412},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct signaling_whip_request request = {cases[i].method, {false, "demo", ""}, signaling_text_of(cases[i].type),
                                                 signaling_text_of(cases[i].authorization), signaling_text_of(cases[i].if_match)};
        memcpy(request.target.id, cases[i].id, strlen(cases[i].id));
        assert_int_equal(signaling_whip_judge(&request, cases[i].token, cases[i].has_session), cases[i].status);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),  cmocka_unit_test(test_judge), cmocka_unit_test(test_fragment), cmocka_unit_test(test_fragment_without_mid),
        cmocka_unit_test(test_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
