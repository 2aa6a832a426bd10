/*
 * The signaling state machine: every call in every state (RFC 9429 section 3.2, W3C webrtc sections 4.3.1, 4.4.1.5 and 4.4.2), what it leads to, and that
 * a refusal names the state and what was expected and changes nothing; the descriptions that stand in each state (section 4.1.14 to 4.1.17).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "test/peer/connection_pair.h"

enum call {
    CREATE_OFFER,
    CREATE_ANSWER,
    LOCAL_OFFER,
    LOCAL_PRANSWER,
    LOCAL_ANSWER,
    LOCAL_ROLLBACK,
    LOCAL_IMPLICIT,
    REMOTE_OFFER,
    REMOTE_PRANSWER,
    REMOTE_ANSWER,
    REMOTE_ROLLBACK,
    CALL_COUNT
};
#define STATE_COUNT (PEER_SIGNALING_CLOSED + 1)

#define STABLE PEER_SIGNALING_STABLE
#define LOCAL PEER_SIGNALING_HAVE_LOCAL_OFFER
#define REMOTE PEER_SIGNALING_HAVE_REMOTE_OFFER
#define LOCAL_PR PEER_SIGNALING_HAVE_LOCAL_PRANSWER
#define REMOTE_PR PEER_SIGNALING_HAVE_REMOTE_PRANSWER
#define NO -1

/* Where each call leads from each state, or NO. */
static const int transitions[STATE_COUNT][CALL_COUNT] = {
    /*             createOffer createAnswer offer pranswer  answer  rollback implicit | offer  pranswer   answer  rollback of the peer */
    [STABLE] =    {STABLE,     NO,          LOCAL, NO,       NO,     NO,      LOCAL,     REMOTE, NO,        NO,     NO},
    [LOCAL] =     {LOCAL,      NO,          LOCAL, NO,       NO,     STABLE,  LOCAL,     REMOTE, REMOTE_PR, STABLE, STABLE},
    [REMOTE] =    {NO,         REMOTE,      NO,    LOCAL_PR, STABLE, STABLE,  STABLE,    REMOTE, NO,        NO,     STABLE},
    [LOCAL_PR] =  {NO,         LOCAL_PR,    NO,    LOCAL_PR, STABLE, NO,      STABLE,    NO,     NO,        NO,     NO},
    [REMOTE_PR] = {NO,         NO,          NO,    NO,       NO,     NO,      NO,        NO,     REMOTE_PR, STABLE, NO},
    [PEER_SIGNALING_CLOSED] = {NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO},
};

/* End 0 is the one that is looked at. */
static void reach(struct connection_pair *pair, enum peer_signaling_state state) {
    switch (state) {
    case PEER_SIGNALING_STABLE: break;
    case PEER_SIGNALING_HAVE_LOCAL_OFFER: assert_int_equal(connection_pair_set_local(pair, 0, PEER_SDP_OFFER), PEER_OK); break;
    case PEER_SIGNALING_HAVE_REMOTE_PRANSWER:
        assert_int_equal(connection_pair_set_local(pair, 0, PEER_SDP_OFFER), PEER_OK);
        assert_int_equal(connection_pair_give_description(pair, 0), PEER_OK);
        assert_int_equal(connection_pair_set_local(pair, 1, PEER_SDP_PRANSWER), PEER_OK);
        assert_int_equal(connection_pair_give_description(pair, 1), PEER_OK);
        break;
    case PEER_SIGNALING_HAVE_REMOTE_OFFER:
    case PEER_SIGNALING_HAVE_LOCAL_PRANSWER:
        assert_int_equal(connection_pair_set_local(pair, 1, PEER_SDP_OFFER), PEER_OK);
        assert_int_equal(connection_pair_give_description(pair, 1), PEER_OK);
        if (state == PEER_SIGNALING_HAVE_LOCAL_PRANSWER)
            assert_int_equal(connection_pair_set_local(pair, 0, PEER_SDP_PRANSWER), PEER_OK);
        break;
    case PEER_SIGNALING_CLOSED: peer_connection_close(pair->ends[0].connection, pair->now_us); break;
    }
    assert_int_equal(peer_connection_signaling_state(pair->ends[0].connection), state);
}

/* What the other side would say now, of that type; what it says in a state in which nothing is expected does not matter. */
static size_t write_remote(struct connection_pair *pair, enum peer_sdp_type type) {
    struct peer_connection *other = pair->ends[1].connection;
    size_t length = 0;
    enum peer_signaling_state state = peer_connection_signaling_state(other);
    if (type != PEER_SDP_OFFER && state == PEER_SIGNALING_STABLE && connection_pair_give_description(pair, 0) != PEER_OK)
        return 0;
    (void)(type == PEER_SDP_OFFER ? peer_connection_create_offer : peer_connection_create_answer)(other, pair->now_us, pair->text, sizeof pair->text, &length, NULL);
    return length;
}

static int set_remote(struct connection_pair *pair, enum peer_sdp_type type, struct peer_problem *problem) {
    size_t length = type == PEER_SDP_ROLLBACK ? 0 : write_remote(pair, type);
    return peer_connection_set_remote_description(pair->ends[0].connection, pair->now_us, type, pair->text, length, problem);
}

static int make_call(struct connection_pair *pair, enum call call, struct peer_problem *problem) {
    struct peer_connection *connection = pair->ends[0].connection;
    size_t length;
    switch (call) {
    case CREATE_OFFER: return peer_connection_create_offer(connection, pair->now_us, pair->text, sizeof pair->text, &length, problem);
    case CREATE_ANSWER: return peer_connection_create_answer(connection, pair->now_us, pair->text, sizeof pair->text, &length, problem);
    case LOCAL_OFFER: return peer_connection_set_local_description(connection, pair->now_us, PEER_SDP_OFFER, NULL, 0, problem);
    case LOCAL_PRANSWER: return peer_connection_set_local_description(connection, pair->now_us, PEER_SDP_PRANSWER, NULL, 0, problem);
    case LOCAL_ANSWER: return peer_connection_set_local_description(connection, pair->now_us, PEER_SDP_ANSWER, NULL, 0, problem);
    case LOCAL_ROLLBACK: return peer_connection_set_local_description(connection, pair->now_us, PEER_SDP_ROLLBACK, NULL, 0, problem);
    case LOCAL_IMPLICIT: return peer_connection_set_local_description(connection, pair->now_us, PEER_SDP_IMPLICIT, NULL, 0, problem);
    case REMOTE_OFFER: return set_remote(pair, PEER_SDP_OFFER, problem);
    case REMOTE_PRANSWER: return set_remote(pair, PEER_SDP_PRANSWER, problem);
    case REMOTE_ANSWER: return set_remote(pair, PEER_SDP_ANSWER, problem);
    case REMOTE_ROLLBACK: return set_remote(pair, PEER_SDP_ROLLBACK, problem);
    case CALL_COUNT: break;
    }
    return PEER_OK;
}

/* is_later: the first round is over already. */
static void try_call(enum peer_signaling_state state, enum call call, bool is_later) {
    struct connection_pair pair;
    struct peer_problem problem = {0};
    assert_true(connection_pair_start(&pair, 1, NULL, true));
    if (is_later)
        assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    reach(&pair, state);
    connection_pair_drain(&pair, 0);
    pair.ends[0].signaling_events = 0;
    int error = make_call(&pair, call, &problem), next = transitions[state][call];
    connection_pair_drain(&pair, 0);
    if (error != (next == NO ? PEER_ERROR_STATE : PEER_OK))
        fail_msg("call %d in %s: error %d (%s)", (int)call, peer_signaling_state_name(state), error, problem.rule ? problem.rule : "");
    enum peer_signaling_state now = peer_connection_signaling_state(pair.ends[0].connection);
    if ((int)now != (next == NO ? (int)state : next))
        fail_msg("call %d in %s led to %s", (int)call, peer_signaling_state_name(state), peer_signaling_state_name(now));
    /* W3C webrtc section 4.4.1.5: told when it changes, and only then. */
    assert_int_equal(pair.ends[0].signaling_events, now != state);
    if (error != PEER_OK) {
        assert_non_null(strstr(problem.rule, peer_signaling_state_name(state)));
        assert_non_null(strstr(problem.rule, "expect"));
        assert_string_equal(problem.rule, peer_connection_problem(pair.ends[0].connection));
    }
    connection_pair_stop(&pair);
}

static void test_every_call_in_every_state(void **state) {
    (void)state;
    for (int from = 0; from < STATE_COUNT; from++)
        for (int call = 0; call < CALL_COUNT; call++)
            for (int is_later = 0; is_later < 2; is_later++)
                try_call((enum peer_signaling_state)from, (enum call)call, is_later);
}

/* Which of the four descriptions are there, as bits: current local, pending local, current remote, pending remote. */
static unsigned descriptions(const struct peer_connection *connection) {
    static const enum peer_description_which all[] = {PEER_CURRENT_LOCAL, PEER_PENDING_LOCAL, PEER_CURRENT_REMOTE, PEER_PENDING_REMOTE};
    unsigned bits = 0;
    for (unsigned i = 0; i < 4; i++)
        if (peer_connection_description(connection, all[i], NULL, NULL, 0, NULL) == PEER_OK)
            bits |= 1u << i;
    return bits;
}

/* W3C webrtc section 4.4.2: pending until the answer, then current; localDescription is the pending one when there is one. */
static void test_pending_and_current(void **state) {
    (void)state;
    static const unsigned expected[2][STATE_COUNT] = {
        {[STABLE] = 0, [LOCAL] = 2, [REMOTE] = 8, [LOCAL_PR] = 2 | 8, [REMOTE_PR] = 2 | 8},
        {[STABLE] = 1 | 4, [LOCAL] = 1 | 2 | 4, [REMOTE] = 1 | 4 | 8, [LOCAL_PR] = 15, [REMOTE_PR] = 15},
    };
    for (int round = 0; round < 2; round++)
        for (int at = STABLE; at < PEER_SIGNALING_CLOSED; at++) {
            struct connection_pair pair;
            enum peer_sdp_type type;
            assert_true(connection_pair_start(&pair, 2, NULL, true));
            if (round > 0)
                assert_int_equal(connection_pair_describe(&pair), PEER_OK);
            reach(&pair, (enum peer_signaling_state)at);
            assert_int_equal(descriptions(pair.ends[0].connection), expected[round][at]);
            int error = peer_connection_description(pair.ends[0].connection, PEER_LOCAL, &type, NULL, 0, NULL);
            assert_int_equal(error, expected[round][at] & 3 ? PEER_OK : PEER_ERROR_NOT_FOUND);
            if (at == LOCAL || at == REMOTE_PR)
                assert_int_equal(type, PEER_SDP_OFFER);
            if (at == LOCAL_PR)
                assert_int_equal(type, PEER_SDP_PRANSWER);
            connection_pair_stop(&pair);
        }
}

/* RFC 9429 section 5.4: what is set is what was created last, to the byte; W3C webrtc section 4.4.2: an answer makes it worth nothing. */
static void test_only_the_last_created(void **state) {
    (void)state;
    struct connection_pair pair;
    struct peer_problem problem;
    static char first[CONNECTION_PAIR_TEXT_BYTES];
    size_t first_length, length;
    assert_true(connection_pair_start(&pair, 3, NULL, true));
    struct peer_connection *connection = pair.ends[0].connection;
    assert_int_equal(peer_connection_create_offer(connection, 0, first, sizeof first, &first_length, NULL), PEER_OK);
    assert_int_equal(peer_connection_create_offer(connection, 0, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(connection, 0, PEER_SDP_OFFER, first, first_length, &problem), PEER_ERROR_ARGUMENT);
    assert_non_null(strstr(problem.rule, "created last"));
    pair.text[length - 3] ^= 1;
    assert_int_equal(peer_connection_set_local_description(connection, 0, PEER_SDP_OFFER, pair.text, length, &problem), PEER_ERROR_ARGUMENT);
    pair.text[length - 3] ^= 1;
    assert_int_equal(peer_connection_set_local_description(connection, 0, PEER_SDP_OFFER, pair.text, length - 1, &problem), PEER_ERROR_ARGUMENT);
    assert_int_equal(peer_connection_set_local_description(connection, 0, PEER_SDP_OFFER, pair.text, length, &problem), PEER_OK);
    memcpy(first, pair.text, length);
    first_length = length;
    assert_int_equal(connection_pair_give_description(&pair, 0), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_IMPLICIT), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(connection, 0, PEER_SDP_OFFER, first, first_length, &problem), PEER_ERROR_ARGUMENT);
    connection_pair_stop(&pair);
}

/* RFC 9429 section 5.4: an answer was created for the offer that was there; for the next one it is none, though it would fit. */
static void test_an_answer_is_to_one_offer(void **state) {
    (void)state;
    struct connection_pair pair;
    struct peer_problem problem;
    static char answer[CONNECTION_PAIR_TEXT_BYTES];
    size_t length;
    for (int is_rolled_back = 0; is_rolled_back < 2; is_rolled_back++) {
        assert_true(connection_pair_start(&pair, 6, NULL, true));
        struct peer_connection *connection = pair.ends[0].connection;
        reach(&pair, PEER_SIGNALING_HAVE_REMOTE_OFFER);
        assert_int_equal(peer_connection_create_answer(connection, 0, answer, sizeof answer, &length, NULL), PEER_OK);
        if (is_rolled_back)
            assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_ROLLBACK), PEER_OK);
        assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_OFFER), PEER_OK);
        assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
        assert_int_equal(peer_connection_set_local_description(connection, 0, PEER_SDP_ANSWER, answer, length, &problem), PEER_ERROR_ARGUMENT);
        assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_ANSWER), PEER_OK);
        connection_pair_stop(&pair);
    }
}

/* RFC 9429 section 5.2.2: createOffer changes nothing, and each offer has a version of its own. */
static void test_creating_changes_nothing(void **state) {
    (void)state;
    struct connection_pair pair;
    struct peer_transceiver facts;
    unsigned long long version[3];
    size_t length;
    assert_true(connection_pair_start(&pair, 4, NULL, true));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(peer_connection_create_offer(pair.ends[0].connection, 0, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
        const char *origin = strstr(pair.text, "o=- ");
        assert_non_null(origin);
        version[i] = strtoull(strchr(origin + strlen("o=- "), ' '), NULL, 10);
    }
    assert_true(version[1] == version[0] + 1 && version[2] == version[1] + 1);
    assert_int_equal(descriptions(pair.ends[0].connection), 0);
    assert_true(peer_connection_transceiver(pair.ends[0].connection, 0, &facts));
    assert_string_equal(facts.mid, "");
    assert_int_equal(facts.section, -1);
    assert_null(peer_connection_transport(pair.ends[0].connection, 0));
    assert_int_equal(peer_connection_ice_gathering_state(pair.ends[0].connection), ICE_GATHERING_NEW);
    connection_pair_stop(&pair);
}

/* A provisional answer carries media; the final one ends the round. */
static void test_provisional_answer_connects(void **state) {
    (void)state;
    struct connection_pair pair;
    struct peer_transceiver facts;
    assert_true(connection_pair_start(&pair, 5, NULL, true));
    reach(&pair, PEER_SIGNALING_HAVE_REMOTE_PRANSWER);
    connection_pair_run(&pair, pair.now_us + 2000000);
    assert_int_equal(pair.ends[0].state, PEER_CONNECTION_CONNECTED);
    assert_int_equal(pair.ends[1].state, PEER_CONNECTION_CONNECTED);
    assert_true(peer_connection_transceiver(pair.ends[0].connection, 0, &facts));
    assert_int_equal(facts.current_direction, PEER_SENDRECV);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
    assert_int_equal(descriptions(pair.ends[0].connection), 1 | 4);
    connection_pair_run(&pair, pair.now_us + 1000000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pair.ends[i].state, PEER_CONNECTION_CONNECTED);
        assert_int_equal(pair.ends[i].tracks, 2);
        assert_int_equal(pair.ends[i].muted, 0);
    }
    connection_pair_stop(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_in_every_state), cmocka_unit_test(test_pending_and_current),
        cmocka_unit_test(test_only_the_last_created),     cmocka_unit_test(test_creating_changes_nothing),
        cmocka_unit_test(test_provisional_answer_connects), cmocka_unit_test(test_an_answer_is_to_one_offer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
