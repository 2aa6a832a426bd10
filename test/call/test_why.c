/* Why: every verdict of a pair has its sentence, and a failed ICE names what was tried, what it was seen to be, and what would help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/call/why.h"

#define SECOND UINT64_C(1000000)

static void seeded_random(void *context, uint8_t *out, size_t length) {
    uint64_t *state = context;
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)((*state = *state * 6364136223846793005u + 1442695040888963407u) >> 56);
}

static struct stun_address ip(const char *text, uint16_t port) {
    struct stun_address address;
    assert_true(stun_address_parse_ip(text, strlen(text), &address));
    address.port = port;
    return address;
}

static void verdicts(void **state) {
    (void)state;
    char sentence[CALL_SENTENCE_BYTES], all[ICE_VERDICT_NOT_TRIED_ENDED + 1][CALL_SENTENCE_BYTES];
    for (int verdict = 0; verdict <= ICE_VERDICT_NOT_TRIED_ENDED; verdict++) {
        struct ice_pair_statistics pair = {.verdict = (enum ice_pair_verdict)verdict, .requests_sent = 7, .current_round_trip_us = 12300,
                                           .last_send_error = EHOSTUNREACH, .last_error_code = 487, .relay_error_code = 403, .unauthentic = 5, .answers_elsewhere = 2};
        call_why_pair(&pair, all[verdict]);
        assert_true(strlen(all[verdict]) > 3);
        for (int other = 0; other < verdict; other++)
            assert_string_not_equal(all[verdict], all[other]);
    }
    assert_string_equal(all[ICE_VERDICT_NO_ANSWER], "no answer to 7 requests");
    assert_string_equal(all[ICE_VERDICT_SELECTED], "won: round trip 12.3 ms");
    assert_non_null(strstr(all[ICE_VERDICT_SEND_ERROR], strerror(EHOSTUNREACH)));
    assert_non_null(strstr(all[ICE_VERDICT_ERROR_RESPONSE], "487"));
    assert_non_null(strstr(all[ICE_VERDICT_RELAY_REFUSED], "403 Forbidden"));
    struct ice_pair_statistics one = {.verdict = ICE_VERDICT_NO_ANSWER, .requests_sent = 1};
    call_why_pair(&one, sentence);
    assert_string_equal(sentence, "no answer to 1 request");
}

static void servers(void **state) {
    (void)state;
    char sentence[CALL_SENTENCE_BYTES];
    struct ice_server_statistics server = {.kind = ICE_SERVER_TURN, .host = "turn.example", .state = ICE_SERVER_REFUSED, .code = 486,
                                           .reason = "Allocation Quota Reached", .realm = "example"};
    call_why_server(&server, sentence);
    assert_string_equal(sentence, "it answered 486 Allocation Quota Reached, realm example");
    server.code = 0;
    server.error = ICE_STREAM_ERROR_TLS_NAME;
    call_why_server(&server, sentence);
    assert_string_equal(sentence, "its certificate is for another name");
    server.error = ECONNREFUSED;
    call_why_server(&server, sentence);
    assert_string_equal(sentence, strerror(ECONNREFUSED));
    server.state = ICE_SERVER_ANSWERED;
    call_why_server(&server, sentence);
    assert_string_equal(sentence, "");
    const enum ice_server_state others[] = {ICE_SERVER_NEW, ICE_SERVER_SILENT, ICE_SERVER_UNRESOLVED, ICE_SERVER_NOT_ASKED};
    for (size_t i = 0; i < 4; i++) {
        server.state = others[i];
        call_why_server(&server, sentence);
        assert_true(strlen(sentence) > 3);
    }
}

/* An agent that talks to the wall until it gives up; remote NULL: to nobody at all. */
static void fail_alone(const struct ice_server *servers, size_t count, bool relay_only, const char *remote, struct call_problem *problem) {
    uint64_t random = 1, now_us = SECOND;
    struct ice_agent_config config = {.role = ICE_ROLE_CONTROLLING, .servers = servers, .server_count = count, .random = seeded_random, .random_context = &random,
                                      .transport_policy = relay_only ? ICE_TRANSPORT_POLICY_RELAY : ICE_TRANSPORT_POLICY_ALL};
    struct ice_agent *agent = ice_agent_new(&config, now_us);
    struct ice_interface interface = {.base = ip("10.0.0.2", 5000), .preference = 65535};
    struct ice_candidate candidate = {.foundation = "1", .component = 1, .priority = 2130706431, .address = ip(remote ? remote : "192.0.2.7", 6000),
                                      .type = ICE_CANDIDATE_HOST};
    struct ice_statistics statistics;
    struct ice_event event;
    uint8_t buffer[2048];
    struct ice_transmit out;
    assert_non_null(agent);
    assert_int_equal(ice_agent_handle_interfaces(agent, now_us, &interface, 1), ICE_OK);
    assert_int_equal(ice_agent_gather(agent, now_us), ICE_OK);
    assert_int_equal(ice_agent_set_remote_credentials(agent, now_us, "abcd", 4, "0123456789012345678901", 22), ICE_OK);
    if (remote)
        assert_int_equal(ice_agent_add_remote_candidate(agent, now_us, &candidate), ICE_OK);
    (void)ice_agent_end_of_remote_candidates(agent, now_us);
    do {
        while (ice_agent_poll_transmit(agent, now_us, buffer, sizeof buffer, &out) || ice_agent_poll_event(agent, &event)) {
        }
        uint64_t next_us = ice_agent_next_timeout(agent);
        assert_true(next_us != UINT64_MAX);
        now_us = next_us > now_us ? next_us : now_us;
        ice_agent_handle_timeout(agent, now_us);
        ice_agent_statistics(agent, &statistics);
    } while (statistics.state != ICE_STATE_FAILED && now_us < 100 * SECOND);
    assert_int_equal(statistics.state, ICE_STATE_FAILED);
    call_why_failed(agent, relay_only, problem);
    ice_agent_free(agent);
    assert_int_equal(problem->exit_code, CALL_EXIT_ICE);
    assert_true(problem->why[0] != '\0' && problem->try_this[0] != '\0');
}

static void failures(void **state) {
    (void)state;
    struct call_problem problem;
    const struct ice_server stun = {.kind = ICE_SERVER_STUN, .transport = ICE_TRANSPORT_UDP, .host = "203.0.113.1", .port = 3478};
    const struct ice_server turn = {.kind = ICE_SERVER_TURN, .transport = ICE_TRANSPORT_UDP, .host = "203.0.113.2", .port = 3478, .username = "u", .credential = "c"};
    fail_alone(NULL, 0, false, "192.0.2.7", &problem);
    assert_non_null(strstr(problem.why, "1 pair of addresses: 1 without an answer"));
    assert_non_null(strstr(problem.try_this, "--ice-server stun:"));
    fail_alone(&stun, 1, false, "192.0.2.7", &problem); /* it does not answer either */
    assert_non_null(strstr(problem.why, "Our NAT: no answer over UDP"));
    assert_non_null(strstr(problem.try_this, "turns:HOST:443"));
    fail_alone(&turn, 1, false, "192.0.2.7", &problem);
    assert_non_null(strstr(problem.try_this, "203.0.113.2 gives no relay: no answer"));
    fail_alone(&turn, 1, true, "192.0.2.7", &problem);
    assert_non_null(strstr(problem.why, "relays only"));
    fail_alone(NULL, 0, true, "192.0.2.7", &problem); /* a STUN server would not help */
    assert_non_null(strstr(problem.why, "relays only"));
    assert_non_null(strstr(problem.try_this, "--ice-transport-policy all"));
    fail_alone(NULL, 0, false, "2001:db8::7", &problem); /* of a family that we have no address of */
    assert_non_null(strstr(problem.what, "could be tried"));
    assert_non_null(strstr(problem.why, "paired"));
    assert_non_null(strstr(problem.try_this, "family"));
    fail_alone(&stun, 1, false, NULL, &problem);
    assert_non_null(strstr(problem.why, "has sent no address"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(verdicts), cmocka_unit_test(servers), cmocka_unit_test(failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
