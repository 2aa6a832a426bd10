/* What answers refuse, and say of it, and what stays of that; what an answer that cannot be had leaves behind; an answer that is not as the provisional one before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "test/peer/connection_pair.h"

static struct peer_connection *end_of(struct connection_pair *pair, int end) {
    return pair->ends[end].connection;
}

static struct peer_transceiver facts_of(struct connection_pair *pair, int end, size_t index) {
    struct peer_transceiver facts;
    assert_true(peer_connection_transceiver(end_of(pair, end), index, &facts));
    return facts;
}

static void add(struct connection_pair *pair, int end, enum peer_media_kind kind, enum peer_codec codec) {
    const struct peer_codec_capability codecs[] = {{codec, NULL}};
    const struct peer_transceiver_config config = {.kind = kind, .direction = PEER_SENDRECV, .codecs = codecs, .codec_count = codec != PEER_CODEC_NONE};
    size_t index;
    assert_int_equal(peer_connection_add_transceiver(end_of(pair, end), &config, &index), PEER_OK);
}

/* The n-th `from`, counted from 0. */
static void replace(char *text, const char *from, int n, const char *to) {
    char *at = strstr(text, from);
    while (at && n-- > 0)
        at = strstr(at + 1, from);
    assert_non_null(at);
    memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    memcpy(at, to, strlen(to));
}

static size_t count(const char *text, const char *what) {
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        found++;
    return found;
}

static int hear(struct connection_pair *pair, int end, enum peer_sdp_type type) {
    return peer_connection_set_remote_description(end_of(pair, end), pair->now_us, type, pair->text, strlen(pair->text), NULL);
}

/* ---- what is refused ---------------------------------------------------------------------------------------------------------------------- */

/* RFC 9429 section 5.3.1: what shares no transport with the first section, or the first of its kind, as the policy has it. */
static void test_bundle_policies(void **state) {
    (void)state;
    static const char *const refused[] = {[PEER_BUNDLE_BALANCED] = "..x", [PEER_BUNDLE_MAX_COMPAT] = "...", [PEER_BUNDLE_MAX_BUNDLE] = ".xx"};
    for (int policy = PEER_BUNDLE_BALANCED; policy <= PEER_BUNDLE_MAX_BUNDLE; policy++) {
        struct connection_pair pair, offering;
        assert_true(connection_pair_start_with(&offering, 1, NULL, true, PEER_BUNDLE_MAX_COMPAT));
        add(&offering, 0, PEER_AUDIO, PEER_CODEC_NONE);
        assert_int_equal(connection_pair_set_local(&offering, 0, PEER_SDP_OFFER), PEER_OK);
        assert_int_equal(connection_pair_read(&offering, 0, PEER_LOCAL), PEER_OK);
        assert_true(connection_pair_start_with(&pair, 2, NULL, false, (enum peer_bundle_policy)policy));
        memcpy(pair.text, offering.text, strlen(offering.text) + 1);
        replace(pair.text, "a=group:BUNDLE 0 1 2\r\n", 0, "");
        assert_int_equal(hear(&pair, 1, PEER_SDP_OFFER), PEER_OK);
        assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_PRANSWER), PEER_OK);
        for (size_t i = 0; i < 3; i++) {
            const char *why = facts_of(&pair, 1, i).refused;
            assert_int_equal(why != NULL, refused[policy][i] == 'x');
            assert_true(!why || strstr(why, "bundle policy"));
        }
        connection_pair_stop(&pair);
        connection_pair_stop(&offering);
    }
}

/* RFC 9429 section 5.2.2, MUST: what an answer has left outside of BUNDLE stays there, whoever offers next. */
static void test_unbundled_stays_so(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start_with(&pair, 6, NULL, true, PEER_BUNDLE_MAX_COMPAT));
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_read(&pair, 0, PEER_LOCAL), PEER_OK);
    replace(pair.text, "a=group:BUNDLE 0 1\r\n", 0, "");
    assert_int_equal(hear(&pair, 1, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 2000000);
    for (int from = 0; from < 2; from++) {
        assert_int_equal(pair.ends[from].state, PEER_CONNECTION_CONNECTED);
        assert_int_equal(connection_pair_set_local(&pair, from, PEER_SDP_OFFER), PEER_OK);
        assert_int_equal(connection_pair_read(&pair, from, PEER_LOCAL), PEER_OK);
        assert_int_equal(count(pair.text, "a=ice-ufrag:"), 2);
        assert_null(strstr(pair.text, "BUNDLE"));
        assert_int_equal(connection_pair_give_description(&pair, from), PEER_OK);
        assert_int_equal(connection_pair_set_local(&pair, 1 - from, PEER_SDP_ANSWER), PEER_OK);
        assert_int_equal(connection_pair_give_description(&pair, 1 - from), PEER_OK);
    }
    connection_pair_stop(&pair);
}

/* W3C webrtc section 4.4.1.5: an offer that refuses a section stops its transceiver, and another offer at once does not wake it. */
static void test_stopped_by_an_offer(void **state) {
    (void)state;
    struct connection_pair pair;
    static char offer[CONNECTION_PAIR_TEXT_BYTES];
    assert_true(connection_pair_connect(&pair, 3));
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_read(&pair, 0, PEER_LOCAL), PEER_OK);
    memcpy(offer, pair.text, strlen(pair.text) + 1);
    replace(pair.text, "m=video 9 ", 0, "m=video 0 ");
    replace(pair.text, "BUNDLE 0 1", 0, "BUNDLE 0");
    char *bundle_only = strstr(pair.text, "a=bundle-only\r\n");
    if (bundle_only)
        replace(pair.text, "a=bundle-only\r\n", 0, "");
    assert_int_equal(hear(&pair, 1, PEER_SDP_OFFER), PEER_OK);
    assert_true(facts_of(&pair, 1, 1).stopped);
    memcpy(pair.text, offer, strlen(offer) + 1);
    assert_int_equal(hear(&pair, 1, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_PRANSWER), PEER_OK);
    assert_int_equal(connection_pair_read(&pair, 1, PEER_LOCAL), PEER_OK);
    assert_non_null(strstr(pair.text, "m=video 0 "));
    connection_pair_stop(&pair);
}

/* RFC 9429 section 5.2.2: what one offer refuses, the next one may use anew, with another mid: who had the section is out of the set. */
static void test_recycled_by_offers_back_to_back(void **state) {
    (void)state;
    struct connection_pair pair;
    static char offer[CONNECTION_PAIR_TEXT_BYTES];
    assert_true(connection_pair_start_with(&pair, 7, NULL, true, PEER_BUNDLE_MAX_COMPAT));
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 0), PEER_OK);
    assert_int_equal(facts_of(&pair, 1, 1).section, 1);
    memcpy(offer, pair.text, strlen(pair.text) + 1);
    replace(pair.text, "m=video 9 ", 0, "m=video 0 ");
    replace(pair.text, "BUNDLE 0 1", 0, "BUNDLE 0");
    assert_int_equal(hear(&pair, 1, PEER_SDP_OFFER), PEER_OK);
    assert_true(facts_of(&pair, 1, 1).stopped && facts_of(&pair, 1, 1).section == 1);
    memcpy(pair.text, offer, strlen(offer) + 1);
    replace(pair.text, "BUNDLE 0 1", 0, "BUNDLE 0 new");
    replace(pair.text, "a=mid:1", 0, "a=mid:new");
    assert_int_equal(hear(&pair, 1, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(facts_of(&pair, 1, 1).section, -1);
    assert_string_equal(facts_of(&pair, 1, 2).mid, "new");
    assert_int_equal(facts_of(&pair, 1, 2).section, 1);
    connection_pair_stop(&pair);
}

/* RFC 4733 section 2.1: keys go at the clock of the codec that they stand beside, or not at all. */
static void test_keys_need_the_clock_of_the_codec(void **state) {
    (void)state;
    for (int has_wide = 0; has_wide < 2; has_wide++) {
        struct connection_pair pair;
        assert_true(connection_pair_start(&pair, 8, NULL, true));
        assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
        assert_int_equal(connection_pair_read(&pair, 0, PEER_LOCAL), PEER_OK);
        if (!has_wide)
            replace(pair.text, "telephone-event/48000", 0, "telephone-evening/48000");
        assert_int_equal(hear(&pair, 1, PEER_SDP_OFFER), PEER_OK);
        assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
        assert_int_equal(facts_of(&pair, 1, 0).codec, PEER_CODEC_OPUS);
        assert_int_equal(facts_of(&pair, 1, 0).dtmf, has_wide);
        assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 1), pair.now_us, 0, "1", 100, 70), has_wide ? PEER_OK : PEER_ERROR_STATE);
        connection_pair_stop(&pair);
    }
}

/* ---- what cannot be had --------------------------------------------------------------------------------------------------------------------- */

/* RFC 8842 section 3.1: another certificate would be another association. An offer of a restart that has one is refused, and no restart is left behind. */
static void test_a_refused_offer_leaves_nothing(void **state) {
    (void)state;
    struct connection_pair pair;
    char ufrag[64];
    struct ice_statistics before, after;
    assert_true(connection_pair_connect(&pair, 4));
    const struct ice_agent *agent = peer_transport_ice(peer_connection_transport(end_of(&pair, 1), 0));
    (void)snprintf(ufrag, sizeof ufrag, "%s", ice_agent_local_ufrag(agent));
    ice_agent_statistics(agent, &before);
    assert_int_equal(peer_connection_restart_ice(end_of(&pair, 0), pair.now_us), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_read(&pair, 0, PEER_LOCAL), PEER_OK);
    for (char *at = pair.text; (at = strstr(at, "a=fingerprint:sha-256 ")); at++)
        at[22] = at[22] == 'A' ? 'B' : 'A';
    assert_int_equal(hear(&pair, 1, PEER_SDP_OFFER), PEER_ERROR_NOT_SUPPORTED);
    assert_non_null(strstr(peer_connection_problem(end_of(&pair, 1)), "another certificate"));
    assert_int_equal(peer_connection_signaling_state(end_of(&pair, 1)), PEER_SIGNALING_STABLE);
    assert_string_equal(ice_agent_local_ufrag(agent), ufrag);
    /* The offer as it was meant is answered, and all goes on. */
    assert_int_equal(connection_pair_give_description(&pair, 0), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 2000000);
    assert_int_equal(pair.ends[0].state, PEER_CONNECTION_CONNECTED);
    assert_int_equal(pair.ends[1].state, PEER_CONNECTION_CONNECTED);
    ice_agent_statistics(agent, &after);
    assert_int_equal(after.restarts, before.restarts + 1);
    connection_pair_stop(&pair);
}

/* RFC 9429 section 5.10: an answer to an offer that restarts ICE has new credentials, too, and no other has. */
static void test_answers_restart_with_the_offer(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_connect(&pair, 9));
    assert_int_equal(peer_connection_restart_ice(end_of(&pair, 0), pair.now_us), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_read(&pair, 1, PEER_CURRENT_LOCAL), PEER_OK);
    assert_int_equal(hear(&pair, 0, PEER_SDP_ANSWER), PEER_ERROR_MALFORMED);
    assert_non_null(strstr(peer_connection_problem(end_of(&pair, 0)), "the answer has the old credentials"));
    assert_int_equal(peer_connection_signaling_state(end_of(&pair, 0)), PEER_SIGNALING_HAVE_LOCAL_OFFER);
    /* ... and no new ones where none was asked for. */
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_ROLLBACK), PEER_OK);
    assert_int_equal(connection_pair_read(&pair, 0, PEER_CURRENT_LOCAL), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_OFFER), PEER_OK);
    for (char *at = pair.text; (at = strstr(at, "a=ice-ufrag:")); at++)
        memcpy(at + 12, "else", 4);
    while (strstr(pair.text, "a=setup:actpass"))
        replace(pair.text, "a=setup:actpass", 0, "a=setup:passive");
    struct peer_problem problem = {0};
    assert_int_equal(peer_connection_set_remote_description(end_of(&pair, 1), pair.now_us, PEER_SDP_ANSWER, pair.text, strlen(pair.text), &problem),
                     PEER_ERROR_MALFORMED);
    assert_true(problem.text > pair.text && problem.text < pair.text + strlen(pair.text)); /* it points into what was passed in */
    assert_memory_equal(problem.text, "else", 4);
    assert_non_null(strstr(problem.rule, "an ICE restart is offered before it is answered"));
    connection_pair_stop(&pair);
}

/* ---- after a provisional answer --------------------------------------------------------------------------------------------------------------- */

/* RFC 9143 section 7.3.1: the final answer refuses the section that carried the BUNDLE; at the peer the next one has a transport of its own. */
static void test_another_carrier_than_provisionally(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start_with(&pair, 5, NULL, false, PEER_BUNDLE_MAX_COMPAT));
    add(&pair, 0, PEER_AUDIO, PEER_CODEC_OPUS);
    add(&pair, 0, PEER_AUDIO, PEER_CODEC_PCMU);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 0), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_PRANSWER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 1000000);
    assert_int_equal(pair.ends[1].state, PEER_CONNECTION_CONNECTED);
    const struct peer_codec_capability only[] = {{PEER_CODEC_PCMU, NULL}};
    assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, 1), 0, only, 1), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
    assert_int_equal(connection_pair_read(&pair, 1, PEER_LOCAL), PEER_OK);
    assert_int_equal(count(pair.text, "m=audio 0 "), 1);
    assert_non_null(strstr(pair.text, "a=group:BUNDLE 1\r\n"));
    assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 3000000);
    for (int i = 0; i < 2; i++) {
        size_t transports = 0;
        for (size_t k = 0; k < PEER_TRANSPORT_MAX; k++)
            transports += peer_connection_transport(end_of(&pair, i), k) != NULL;
        assert_int_equal(transports, 1);
        assert_int_equal(pair.ends[i].state, PEER_CONNECTION_CONNECTED);
        assert_int_equal(pair.ends[i].failures, 0);
    }
    connection_pair_stop(&pair);
}

/* RFC 9429 section 5.10: what a provisional answer said of a transport, the final one says again. */
static void test_credentials_of_a_provisional_answer_stay(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 10, NULL, true));
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 0), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_PRANSWER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
    assert_int_equal(connection_pair_read(&pair, 1, PEER_LOCAL), PEER_OK);
    for (char *at = pair.text; (at = strstr(at, "a=ice-ufrag:")); at++)
        memcpy(at + 12, "else", 4);
    assert_int_equal(hear(&pair, 0, PEER_SDP_ANSWER), PEER_ERROR_MALFORMED);
    assert_non_null(strstr(peer_connection_problem(end_of(&pair, 0)), "than the provisional answer before it"));
    assert_int_equal(peer_connection_signaling_state(end_of(&pair, 0)), PEER_SIGNALING_HAVE_REMOTE_PRANSWER);
    assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
    connection_pair_stop(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundle_policies),
        cmocka_unit_test(test_unbundled_stays_so),
        cmocka_unit_test(test_stopped_by_an_offer),
        cmocka_unit_test(test_recycled_by_offers_back_to_back),
        cmocka_unit_test(test_keys_need_the_clock_of_the_codec),
        cmocka_unit_test(test_answers_restart_with_the_offer),
        cmocka_unit_test(test_a_refused_offer_leaves_nothing),
        cmocka_unit_test(test_another_carrier_than_provisionally),
        cmocka_unit_test(test_credentials_of_a_provisional_answer_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
