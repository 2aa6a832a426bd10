#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/call/call_internal.h"

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* docs/programs.md: every member is there even when the call never began. */
static void test_members_before_a_call(void **state) {
    (void)state;
    static struct call call;
    json_t *summary = call_summary_json(&call);
    static const char *const names[] = {"exitCode", "selectedCandidatePair", "candidatePairs", "timings", "inbound", "outbound", "nat", "failure"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_non_null(json_object_get(summary, names[i]));
    assert_int_equal(json_integer_value(json_object_get(summary, "exitCode")), 0);
    assert_true(json_is_null(json_object_get(summary, "failure")));
    assert_true(json_is_null(json_object_get(summary, "selectedCandidatePair")));
    assert_true(json_is_null(json_object_get(json_object_get(summary, "timings"), "firstVideoMs")));
    json_decref(summary);
}

static void test_failure_has_the_three_sentences(void **state) {
    (void)state;
    static struct call call;
    call_problem_set(&call.problem, CALL_EXIT_ROOM_FULL, "signaling", "What.", "Why.", "Try.");
    json_t *summary = call_summary_json(&call);
    const json_t *failure = json_object_get(summary, "failure");
    assert_int_equal(json_integer_value(json_object_get(summary, "exitCode")), 16);
    assert_string_equal(text_of(failure, "layer"), "signaling");
    assert_string_equal(text_of(failure, "what"), "What.");
    assert_string_equal(text_of(failure, "why"), "Why.");
    assert_string_equal(text_of(failure, "try"), "Try.");
    json_decref(summary);
}

/* What a peer put into a sentence may be no UTF-8: the summary is there all the same. */
static void test_bytes_that_are_no_text(void **state) {
    (void)state;
    static struct call call;
    call_problem_set(&call.problem, CALL_EXIT_SDP, "sdp", "What.", "Line 3: \xff\xfe", "Try.");
    json_t *summary = call_summary_json(&call);
    assert_int_equal(json_integer_value(json_object_get(summary, "exitCode")), 14);
    assert_string_equal(text_of(json_object_get(summary, "failure"), "what"), "What.");
    json_decref(summary);
}

static void test_timings_count_from_the_description(void **state) {
    (void)state;
    static struct call call;
    call.timings.offer_or_answer = 1000000;
    call.timings.first_audio = 1012500;
    call.timings.first_video = 1;  /* before: a clock that went backwards is no time */
    json_t *summary = call_summary_json(&call);
    const json_t *timings = json_object_get(summary, "timings");
    assert_true(json_number_value(json_object_get(timings, "firstAudioMs")) == 12.5);
    assert_true(json_is_null(json_object_get(timings, "firstVideoMs")));
    json_decref(summary);
}

/* W3C webrtc-stats, RTCIceCandidateStats: url of those that a server told us of, relayProtocol of relayed ones, neither of others. */
static void test_server_of_a_candidate(void **state) {
    (void)state;
    static struct call call;
    assert_null(call_ice_uri_parse("stun:a", &call.servers[0]));
    assert_null(call_ice_uri_parse("turns:b", &call.servers[1]));
    call.server_count = 2;
    static const struct {
        struct ice_candidate candidate;
        const char *url, *relay_protocol;
    } cases[] = {
        {{.type = ICE_CANDIDATE_HOST}, "", ""},
        {{.type = ICE_CANDIDATE_SERVER_REFLEXIVE, .server = 1}, "stun:a:3478", ""},
        {{.type = ICE_CANDIDATE_RELAYED, .server = 2, .relay_transport = ICE_TRANSPORT_TLS}, "turns:b:5349?transport=tcp", "tls"},
        {{.type = ICE_CANDIDATE_RELAYED, .server = 2, .relay_transport = ICE_TRANSPORT_TCP}, "turns:b:5349?transport=tcp", "tcp"},
        {{.type = ICE_CANDIDATE_RELAYED, .server = 2, .relay_transport = ICE_TRANSPORT_UDP}, "turns:b:5349?transport=tcp", "udp"},
        {{.type = ICE_CANDIDATE_RELAYED, .server = 3}, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *out = json_object();
        call_set_server(&call, out, &cases[i].candidate);
        assert_string_equal(text_of(out, "url"), cases[i].url);
        assert_string_equal(text_of(out, "relayProtocol"), cases[i].relay_protocol);
        json_decref(out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_of_a_candidate),
        cmocka_unit_test(test_members_before_a_call),
        cmocka_unit_test(test_failure_has_the_three_sentences),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_timings_count_from_the_description),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
