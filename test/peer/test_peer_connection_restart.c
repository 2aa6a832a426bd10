/* Later offers: ICE restarts from either side, offers that change nothing, rollback, glare. RFC 9429 sections 4.1.10.2, 5.2.2, 5.3.2; RFC 8445 section 9;
 * the numbers in them, RFC 3264 section 8.3.2, RFC 8285 section 7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/peer/connection_pair.h"

#define SECOND 1000000u

static struct peer_connection *end_of(struct connection_pair *pair, int end) {
    return pair->ends[end].connection;
}

static const struct ice_agent *agent_of(struct connection_pair *pair, int end) {
    return peer_transport_ice(peer_connection_transport(end_of(pair, end), 0));
}

struct ufrags {
    char of[2][64];
};

static struct ufrags ufrags_of(struct connection_pair *pair) {
    struct ufrags out;
    for (int i = 0; i < 2; i++)
        (void)snprintf(out.of[i], sizeof out.of[i], "%s", ice_agent_local_ufrag(agent_of(pair, i)));
    return out;
}

static size_t offer(struct connection_pair *pair, int from) {
    size_t length = 0;
    assert_int_equal(peer_connection_create_offer(end_of(pair, from), pair->now_us, pair->text, sizeof pair->text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(end_of(pair, from), pair->now_us, PEER_SDP_OFFER, pair->text, length, NULL), PEER_OK);
    return length;
}

/* The offer arrives before the candidates of it do, as signaling channels have it. */
static void answer(struct connection_pair *pair, int from, size_t length) {
    struct peer_problem problem = {0};
    int to = 1 - from, error = peer_connection_set_remote_description(end_of(pair, to), pair->now_us, PEER_SDP_OFFER, pair->text, length, &problem);
    if (error != PEER_OK)
        fail_msg("the offer was refused: %s", problem.rule);
    connection_pair_drain(pair, from);
    assert_int_equal(peer_connection_create_answer(end_of(pair, to), pair->now_us, pair->text, sizeof pair->text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(end_of(pair, to), pair->now_us, PEER_SDP_ANSWER, pair->text, length, NULL), PEER_OK);
    error = peer_connection_set_remote_description(end_of(pair, from), pair->now_us, PEER_SDP_ANSWER, pair->text, length, &problem);
    if (error != PEER_OK)
        fail_msg("the answer was refused: %s", problem.rule);
    connection_pair_drain(pair, to);
    connection_pair_drain(pair, from);
}

static void start(struct connection_pair *pair, uint64_t seed) {
    assert_true(connection_pair_connect(pair, seed));
    pair->media_from_us = pair->now_us;
    connection_pair_run(pair, pair->now_us + SECOND);
}

/* Every frame that was sent arrived, but for those still on the wire and in the jitter buffer. */
static void require_no_gap(struct connection_pair *pair) {
    for (int i = 0; i < 2; i++) {
        const struct connection_end *end = &pair->ends[i];
        assert_int_equal(end->state, PEER_CONNECTION_CONNECTED);
        assert_int_equal(end->failures, 0);
        for (size_t t = 0; t < 2; t++) {
            assert_int_equal(end->broken_frames[t], 0);
            assert_int_equal(end->lost_reported[t], 0);
            assert_true(end->frames_received[t] + 8 >= pair->ends[1 - i].frames_sent[t]);
        }
    }
}

static bool is_selected_pair_new(struct connection_pair *pair, int end) {
    struct ice_pair_statistics statistics;
    for (size_t i = 0; i < ice_agent_pair_count(agent_of(pair, end)); i++)
        if (ice_agent_pair_statistics(agent_of(pair, end), i, &statistics) && statistics.selected)
            return !statistics.previous;
    return false;
}

/* RFC 8445 section 9: new credentials on both sides, the same roles, the same DTLS association, and no frame lost over it. */
static void restart_from(struct connection_pair *pair, int from) {
    struct ufrags before = ufrags_of(pair);
    unsigned asked = pair->ends[from].negotiation_needed;
    unsigned keys[2] = {pair->ends[0].key_frame_requests[CONNECTION_PAIR_VIDEO], pair->ends[1].key_frame_requests[CONNECTION_PAIR_VIDEO]};
    assert_int_equal(peer_connection_restart_ice(end_of(pair, from), pair->now_us), PEER_OK);
    connection_pair_drain(pair, from);
    assert_int_equal(pair->ends[from].negotiation_needed, asked + 1);
    answer(pair, from, offer(pair, from));
    connection_pair_run(pair, pair->now_us + 2 * SECOND);
    struct ufrags after = ufrags_of(pair);
    for (int i = 0; i < 2; i++) {
        struct peer_transport_statistics transport;
        struct ice_statistics ice;
        assert_string_not_equal(before.of[i], after.of[i]);
        assert_true(is_selected_pair_new(pair, i));
        assert_int_equal(ice_agent_role(agent_of(pair, i)), i == 0 ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED);
        peer_transport_statistics(peer_connection_transport(end_of(pair, i), 0), &transport);
        assert_int_equal(transport.dtls_role, i == 0 ? DTLS_ROLE_SERVER : DTLS_ROLE_CLIENT);
        assert_true(transport.dtls_connected_us < pair->media_from_us);
        ice_agent_statistics(agent_of(pair, i), &ice);
        assert_true(ice.restarts > 0);
        assert_int_equal(peer_connection_signaling_state(end_of(pair, i)), PEER_SIGNALING_STABLE);
        assert_int_equal(pair->ends[i].tracks, 2);
        /* What the peer of end i may have missed on the path before needs a key frame: one, of the picture alone. */
        assert_int_equal(pair->ends[i].key_frame_requests[CONNECTION_PAIR_VIDEO], keys[i] + 1);
        assert_int_equal(pair->ends[i].key_frame_requests[CONNECTION_PAIR_AUDIO], 0);
    }
    require_no_gap(pair);
}

/* In place; what comes out must fit CONNECTION_PAIR_TEXT_BYTES. */
static void replace_all(char *text, const char *from, const char *to) {
    static char out[CONNECTION_PAIR_TEXT_BYTES];
    size_t length = 0;
    for (const char *at = text; *at;) {
        bool is_here = strncmp(at, from, strlen(from)) == 0;
        const char *piece = is_here ? to : at;
        size_t bytes = is_here ? strlen(to) : 1;
        assert_true(length + bytes < sizeof out);
        memcpy(out + length, piece, bytes);
        length += bytes;
        at += is_here ? strlen(from) : 1;
    }
    out[length] = '\0';
    memcpy(text, out, length + 1);
}

/* RFC 8842 section 5.3: the roles of the association stay, though the answer says otherwise of the same certificate. */
static void test_restart_whose_answer_turns_the_role(void **state) {
    (void)state;
    struct connection_pair pair;
    size_t length;
    start(&pair, 9);
    struct ufrags before = ufrags_of(&pair);
    assert_int_equal(peer_connection_restart_ice(end_of(&pair, 1), pair.now_us), PEER_OK);
    length = offer(&pair, 1);
    assert_int_equal(peer_connection_set_remote_description(end_of(&pair, 0), pair.now_us, PEER_SDP_OFFER, pair.text, length, NULL), PEER_OK);
    connection_pair_drain(&pair, 1);
    assert_int_equal(peer_connection_create_answer(end_of(&pair, 0), pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(end_of(&pair, 0), pair.now_us, PEER_SDP_ANSWER, pair.text, length, NULL), PEER_OK);
    assert_non_null(strstr(pair.text, "a=setup:passive\r\n"));
    replace_all(pair.text, "a=setup:passive\r\n", "a=setup:active\r\n"); /* as Firefox writes it */
    assert_int_equal(peer_connection_set_remote_description(end_of(&pair, 1), pair.now_us, PEER_SDP_ANSWER, pair.text, strlen(pair.text), NULL), PEER_OK);
    connection_pair_drain(&pair, 0);
    connection_pair_drain(&pair, 1);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    struct ufrags after = ufrags_of(&pair);
    for (int i = 0; i < 2; i++) {
        struct peer_transport_statistics transport;
        assert_string_not_equal(before.of[i], after.of[i]);
        assert_true(is_selected_pair_new(&pair, i));
        peer_transport_statistics(peer_connection_transport(end_of(&pair, i), 0), &transport);
        assert_int_equal(transport.dtls_role, i == 0 ? DTLS_ROLE_SERVER : DTLS_ROLE_CLIENT);
    }
    require_no_gap(&pair);
    connection_pair_stop(&pair);
}

static void test_restart_from_the_offerer(void **state) {
    (void)state;
    struct connection_pair pair;
    start(&pair, 1);
    restart_from(&pair, 0);
    restart_from(&pair, 0);
    connection_pair_stop(&pair);
}

static void test_restart_from_the_answerer(void **state) {
    (void)state;
    struct connection_pair pair;
    start(&pair, 2);
    restart_from(&pair, 1);
    restart_from(&pair, 0);
    connection_pair_stop(&pair);
}

/* RFC 9429 section 5.2.2: without restart_ice the credentials of a later offer are the same, and nothing happens to ICE. */
static void test_later_offer_without_restart(void **state) {
    (void)state;
    struct connection_pair pair;
    start(&pair, 3);
    struct ufrags before = ufrags_of(&pair);
    assert_int_equal(pair.ends[0].key_frame_requests[CONNECTION_PAIR_VIDEO], 0);
    for (int from = 0; from < 2; from++) {
        answer(&pair, from, offer(&pair, from));
        connection_pair_run(&pair, pair.now_us + SECOND);
        struct ufrags after = ufrags_of(&pair);
        assert_string_equal(before.of[0], after.of[0]);
        assert_string_equal(before.of[1], after.of[1]);
        assert_int_equal(pair.ends[from].key_frame_requests[CONNECTION_PAIR_VIDEO], 0);
        require_no_gap(&pair);
    }
    connection_pair_stop(&pair);
}

/* The later offer of one who has answered a peer with other numbers than ours; `mid_line` takes the place of our line for MID. */
static void offer_after_answer(struct connection_pair *pair, const char *mid_line) {
    size_t length;
    assert_true(connection_pair_start(pair, 7, NULL, true));
    length = offer(pair, 0);
    pair->text[length] = '\0';
    replace_all(pair->text, "SAVPF 111", "SAVPF 109");
    replace_all(pair->text, ":111 ", ":109 ");
    replace_all(pair->text, "SAVPF 96", "SAVPF 120");
    replace_all(pair->text, ":96 ", ":120 ");
    replace_all(pair->text, "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n", mid_line);
    struct peer_connection *answerer = end_of(pair, 1);
    assert_int_equal(peer_connection_set_remote_description(answerer, pair->now_us, PEER_SDP_OFFER, pair->text, strlen(pair->text), NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(answerer, pair->now_us, PEER_SDP_ANSWER, NULL, 0, NULL), PEER_OK);
    length = offer(pair, 1);
    pair->text[length] = '\0';
}

/*
 * RFC 3264 section 8.3.2, RFC 8285 section 7: what the peer's numbers stand for stays. Here its 1 is the audio level, which the answer
 * left out: an offer in which 1 is MID makes a browser's tab crash.
 */
static void test_later_offer_keeps_the_numbers(void **state) {
    (void)state;
    struct connection_pair pair;
    offer_after_answer(&pair, "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
    assert_non_null(strstr(pair.text, "SAVPF 109 0 8 "));
    assert_non_null(strstr(pair.text, "a=rtpmap:109 opus/48000/2\r\n"));
    assert_non_null(strstr(pair.text, "a=rtpmap:120 VP8/90000\r\n"));
    assert_null(strstr(pair.text, "a=extmap:1 "));
    char *first = strstr(pair.text, "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"));
    /* and once more, while that one is open: the numbers are those of the last answer still */
    size_t length = 0;
    assert_int_equal(peer_connection_create_offer(end_of(&pair, 1), pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_true(length < sizeof pair.text);
    pair.text[length] = '\0';
    assert_non_null(strstr(pair.text, "a=rtpmap:109 opus/48000/2\r\n"));
    assert_non_null(strstr(pair.text, "a=extmap:4 "));
    connection_pair_stop(&pair);
}

/* RFC 3264 section 8.3.2: a section's own numbers, and RFC 9429 section 5.2.2: their order, though another section names the same codec otherwise. */
static void test_later_offer_keeps_the_numbers_of_each_section(void **state) {
    (void)state;
    struct connection_pair pair;
    const struct peer_transceiver_config another = {.kind = PEER_AUDIO};
    size_t length, index;
    assert_true(connection_pair_start(&pair, 8, NULL, true));
    assert_int_equal(peer_connection_add_track(end_of(&pair, 0), &another, &index), PEER_OK);
    length = offer(&pair, 0);
    pair.text[length] = '\0';
    char *second = strstr(strstr(pair.text, "m=audio ") + 1, "m=audio ");
    assert_non_null(second);
    replace_all(second, "SAVPF 111", "SAVPF 109");
    replace_all(second, ":111 ", ":109 ");
    assert_int_equal(peer_connection_set_remote_description(end_of(&pair, 1), pair.now_us, PEER_SDP_OFFER, pair.text, strlen(pair.text), NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(end_of(&pair, 1), pair.now_us, PEER_SDP_ANSWER, NULL, 0, NULL), PEER_OK);
    length = offer(&pair, 1);
    pair.text[length] = '\0';
    second = strstr(strstr(pair.text, "m=audio ") + 1, "m=audio ");
    assert_non_null(second);
    assert_non_null(strstr(second, "SAVPF 109 0 8 "));
    assert_null(strstr(second, "a=rtpmap:111 "));
    *second = '\0';
    assert_non_null(strstr(pair.text, "SAVPF 111 0 8 "));
    assert_null(strstr(pair.text, "a=rtpmap:109 "));
    connection_pair_stop(&pair);
}

/* RFC 8285 section 5: an extension that the peer did not take may be offered again, and its id is nobody else's. */
static void test_later_offer_with_a_new_extension(void **state) {
    (void)state;
    struct connection_pair pair;
    offer_after_answer(&pair, "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:2 urn:example:nobody-knows\r\n");
    assert_null(strstr(pair.text, "a=extmap:1 "));
    assert_null(strstr(pair.text, "a=extmap:2 "));
    assert_non_null(strstr(pair.text, "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"));
    connection_pair_stop(&pair);
}

/* RFC 9429 section 4.1.10.2: the credentials are those of before, the wish for others stays. */
static void test_rollback(void **state) {
    (void)state;
    struct connection_pair pair;
    start(&pair, 5);
    struct ufrags before = ufrags_of(&pair);
    assert_int_equal(connection_pair_read(&pair, 0, PEER_CURRENT_LOCAL), PEER_OK);
    char *agreed = strdup(pair.text);
    assert_int_equal(peer_connection_restart_ice(end_of(&pair, 0), pair.now_us), PEER_OK);
    (void)offer(&pair, 0);
    assert_string_not_equal(ufrags_of(&pair).of[0], before.of[0]);
    connection_pair_run(&pair, pair.now_us + SECOND / 10);
    unsigned asked = pair.ends[0].negotiation_needed;
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_ROLLBACK), PEER_OK);
    assert_int_equal(peer_connection_signaling_state(end_of(&pair, 0)), PEER_SIGNALING_STABLE);
    assert_string_equal(ufrags_of(&pair).of[0], before.of[0]);
    assert_int_equal(pair.ends[0].negotiation_needed, asked + 1);
    assert_int_equal(connection_pair_read(&pair, 0, PEER_LOCAL), PEER_OK);
    assert_string_equal(pair.text, agreed);
    free(agreed);
    /* And the call goes on, from either side. */
    connection_pair_run(&pair, pair.now_us + SECOND);
    require_no_gap(&pair);
    restart_from(&pair, 1);
    restart_from(&pair, 0);
    connection_pair_stop(&pair);
}

/* Both restart at once: one yields (its offer is rolled back, it answers), and its own wish is granted by the other's restart. */
static void test_glare(void **state) {
    (void)state;
    struct connection_pair pair;
    start(&pair, 6);
    for (int i = 0; i < 2; i++)
        assert_int_equal(peer_connection_restart_ice(end_of(&pair, i), pair.now_us), PEER_OK);
    (void)offer(&pair, 1);
    size_t length = offer(&pair, 0);
    answer(&pair, 0, length);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    for (int i = 0; i < 2; i++)
        assert_true(is_selected_pair_new(&pair, i));
    unsigned asked = pair.ends[1].negotiation_needed;
    connection_pair_run(&pair, pair.now_us + SECOND);
    assert_int_equal(pair.ends[1].negotiation_needed, asked);
    require_no_gap(&pair);
    connection_pair_stop(&pair);
}

/* W3C webrtc section 4.4.2, restartIce: the credentials of the pending description are to be replaced, too. */
static void test_restart_while_an_offer_is_open(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 10, NULL, true));
    (void)offer(&pair, 0);
    char ufrag[ICE_UFRAG_MAX_BYTES + 1];
    (void)snprintf(ufrag, sizeof ufrag, "%s", ice_agent_local_ufrag(agent_of(&pair, 0)));
    assert_int_equal(peer_connection_restart_ice(end_of(&pair, 0), pair.now_us), PEER_OK);
    size_t length = offer(&pair, 0);
    assert_string_not_equal(ice_agent_local_ufrag(agent_of(&pair, 0)), ufrag);
    answer(&pair, 0, length);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pair.ends[i].state, PEER_CONNECTION_CONNECTED);
    connection_pair_stop(&pair);
}

/* W3C webrtc section 4.4.1.5: the wish stays when a round ends with the old credentials, as one does whose offer was there before the wish. */
static void test_restart_outlasts_a_round_without_one(void **state) {
    (void)state;
    struct connection_pair pair;
    start(&pair, 11);
    struct ufrags before = ufrags_of(&pair);
    size_t length = offer(&pair, 1);
    assert_int_equal(peer_connection_set_remote_description(end_of(&pair, 0), pair.now_us, PEER_SDP_OFFER, pair.text, length, NULL), PEER_OK);
    assert_int_equal(peer_connection_restart_ice(end_of(&pair, 0), pair.now_us), PEER_OK);
    unsigned asked = pair.ends[0].negotiation_needed;
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_ANSWER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 0), PEER_OK);
    assert_string_equal(ufrags_of(&pair).of[0], before.of[0]);
    assert_int_equal(pair.ends[0].negotiation_needed, asked + 1);
    answer(&pair, 0, offer(&pair, 0));
    for (int i = 0; i < 2; i++)
        assert_string_not_equal(ufrags_of(&pair).of[i], before.of[i]);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    require_no_gap(&pair);
    connection_pair_stop(&pair);
}

static void test_restart_in_the_wrong_state(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 7, NULL, true));
    unsigned asked = pair.ends[0].negotiation_needed;
    assert_int_equal(peer_connection_restart_ice(end_of(&pair, 0), pair.now_us), PEER_OK); /* nothing to restart: nothing happens */
    connection_pair_drain(&pair, 0);
    assert_int_equal(pair.ends[0].negotiation_needed, asked);
    peer_connection_close(end_of(&pair, 0), pair.now_us);
    assert_int_equal(peer_connection_restart_ice(end_of(&pair, 0), pair.now_us), PEER_ERROR_STATE);
    assert_int_equal(peer_connection_set_local_description(end_of(&pair, 0), pair.now_us, PEER_SDP_ROLLBACK, NULL, 0, NULL), PEER_ERROR_STATE);
    connection_pair_stop(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restart_whose_answer_turns_the_role),
        cmocka_unit_test(test_restart_from_the_offerer),    cmocka_unit_test(test_restart_from_the_answerer),
        cmocka_unit_test(test_later_offer_without_restart), cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_later_offer_keeps_the_numbers), cmocka_unit_test(test_later_offer_keeps_the_numbers_of_each_section),
        cmocka_unit_test(test_later_offer_with_a_new_extension),
        cmocka_unit_test(test_restart_while_an_offer_is_open), cmocka_unit_test(test_restart_outlasts_a_round_without_one),
        cmocka_unit_test(test_glare),                       cmocka_unit_test(test_restart_in_the_wrong_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
