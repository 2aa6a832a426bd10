/* PeerConnection: offers, answers, candidates, states, refusals, close and free at every point, memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/peer/connection_pair.h"
#include "test/peer/failing_allocator.h"

static void test_offer_and_answer_connect(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_connect(&pair, 1));
    for (int i = 0; i < 2; i++) {
        const struct connection_end *end = &pair.ends[i];
        assert_int_equal(peer_connection_signaling_state(end->connection), PEER_SIGNALING_STABLE);
        assert_int_equal(peer_connection_state(end->connection), PEER_CONNECTION_CONNECTED);
        assert_int_equal(peer_connection_ice_gathering_state(end->connection), ICE_GATHERING_COMPLETE);
        assert_int_equal(end->negotiation_needed, 1);
        assert_int_equal(end->tracks, 2);
        assert_int_equal(end->failures, 0);
        for (size_t t = 0; t < 2; t++) {
            struct peer_transceiver facts;
            assert_true(peer_connection_transceiver(end->connection, t, &facts));
            assert_int_equal(facts.current_direction, PEER_SENDRECV);
            assert_int_equal(facts.codec, t == 0 ? PEER_CODEC_OPUS : PEER_CODEC_VP8);
            assert_int_equal(facts.clock_rate_hz, t == 0 ? 48000 : 90000);
            assert_null(facts.refused);
        }
    }
    /* RFC 8445 section 6.1.1: the offerer controls. RFC 8842 section 5.3: the answerer is active. */
    struct peer_transport_statistics transport;
    peer_transport_statistics(peer_connection_transport(pair.ends[0].connection, 0), &transport);
    assert_int_equal(transport.dtls_role, DTLS_ROLE_SERVER);
    assert_int_equal(ice_agent_role(peer_transport_ice(peer_connection_transport(pair.ends[0].connection, 0))), ICE_ROLE_CONTROLLING);
    assert_int_equal(ice_agent_role(peer_transport_ice(peer_connection_transport(pair.ends[1].connection, 0))), ICE_ROLE_CONTROLLED);
    connection_pair_stop(&pair);
}

/* Signaling channels reorder: what comes before the description waits for it. */
static void test_candidates_before_the_description(void **state) {
    (void)state;
    struct connection_pair pair;
    size_t length;
    assert_true(connection_pair_start(&pair, 2, NULL, true));
    struct peer_connection *offerer = pair.ends[0].connection, *answerer = pair.ends[1].connection;
    assert_int_equal(peer_connection_create_offer(offerer, pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(offerer, pair.now_us, PEER_SDP_OFFER, pair.text, length, NULL), PEER_OK);
    connection_pair_drain(&pair, 0); /* trickle gives the candidates to the answerer, which has no description */
    assert_true(pair.ends[0].candidate_count >= 2);
    assert_string_equal(pair.ends[0].candidates[pair.ends[0].candidate_count - 1].text, ""); /* the end of candidates, told */
    assert_int_equal(peer_connection_set_remote_description(answerer, pair.now_us, PEER_SDP_OFFER, pair.text, length, NULL), PEER_OK);
    pair.trickle = false; /* and the offerer learns the answerer's address from its checks alone: peer-reflexive */
    assert_int_equal(peer_connection_set_local_description(answerer, pair.now_us, PEER_SDP_ANSWER, NULL, 0, NULL), PEER_OK);
    enum peer_sdp_type type;
    assert_int_equal(peer_connection_description(answerer, PEER_LOCAL, &type, pair.text, sizeof pair.text, &length), PEER_OK);
    assert_int_equal(type, PEER_SDP_ANSWER);
    assert_int_equal(peer_connection_set_remote_description(offerer, pair.now_us, PEER_SDP_ANSWER, pair.text, length, NULL), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 3000000);
    assert_int_equal(pair.ends[0].state, PEER_CONNECTION_CONNECTED);
    assert_int_equal(pair.ends[1].state, PEER_CONNECTION_CONNECTED);
    connection_pair_stop(&pair);
}

/* RFC 9725 section 4.6: the servers come with the answer to an offer that was made, but not set. */
static void test_servers_before_the_local_description(void **state) {
    (void)state;
    struct connection_pair pair;
    size_t length;
    assert_true(connection_pair_start(&pair, 21, NULL, true));
    struct peer_connection *connection = pair.ends[0].connection;
    char host[] = "203.0.113.5";
    struct ice_server servers[ICE_SERVER_MAX + 1];
    for (size_t i = 0; i <= ICE_SERVER_MAX; i++)
        servers[i] = (struct ice_server){ICE_SERVER_STUN, ICE_TRANSPORT_UDP, host, (uint16_t)(3478 + i), NULL, NULL};
    assert_int_equal(peer_connection_create_offer(connection, pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_ice_servers(connection, servers, ICE_SERVER_MAX + 1), PEER_ERROR_ARGUMENT);
    assert_int_equal(peer_connection_set_ice_servers(connection, servers, ICE_SERVER_MAX), PEER_OK);
    assert_int_equal(peer_connection_set_ice_servers(connection, servers, 2), PEER_OK);
    memset(host, 'x', sizeof host - 1); /* it was copied */
    assert_int_equal(peer_connection_set_local_description(connection, pair.now_us, PEER_SDP_OFFER, pair.text, length, NULL), PEER_OK);
    const struct ice_agent *agent = peer_transport_ice(peer_connection_transport(connection, 0));
    assert_int_equal(ice_agent_server_count(agent), 2);
    assert_int_equal(peer_connection_set_ice_servers(connection, servers, 1), PEER_ERROR_STATE);
    assert_int_equal(peer_connection_set_ice_servers(pair.ends[1].connection, NULL, 0), PEER_OK);
    peer_connection_close(pair.ends[1].connection, pair.now_us);
    assert_int_equal(peer_connection_set_ice_servers(pair.ends[1].connection, NULL, 0), PEER_ERROR_STATE);
    connection_pair_stop(&pair);
}

static int add(struct connection_pair *pair, int to, const char *text, const char *mid, int line_index, const char *ufrag) {
    struct peer_candidate_init init = {text, strlen(text), mid, mid ? strlen(mid) : 0, line_index, ufrag, ufrag ? strlen(ufrag) : 0};
    return peer_connection_add_ice_candidate(pair->ends[to].connection, pair->now_us, &init);
}

#define CANDIDATE "candidate:1 1 udp 2130706431 192.0.2.7 4000 typ host"

static void test_candidate_errors(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 3, NULL, true));
    assert_int_equal(add(&pair, 1, "candidate:nonsense", "0", 0, NULL), PEER_ERROR_MALFORMED);
    for (size_t i = 0; i < PEER_PENDING_CANDIDATE_MAX; i++)
        assert_int_equal(add(&pair, 1, CANDIDATE, "0", 0, NULL), PEER_OK);
    assert_int_equal(add(&pair, 1, CANDIDATE, "0", 0, NULL), PEER_ERROR_CAPACITY);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    assert_int_equal(add(&pair, 1, CANDIDATE, "0", 0, NULL), PEER_OK);
    assert_int_equal(add(&pair, 1, CANDIDATE, NULL, 0, NULL), PEER_OK);
    assert_int_equal(add(&pair, 1, CANDIDATE, "1", 1, NULL), PEER_OK);        /* bundled away: ignored, RFC 9143 section 7.3.2 */
    assert_int_equal(add(&pair, 1, CANDIDATE, "7", 0, NULL), PEER_ERROR_ARGUMENT);
    assert_int_equal(add(&pair, 1, CANDIDATE, NULL, 2, NULL), PEER_ERROR_ARGUMENT);
    assert_int_equal(add(&pair, 1, CANDIDATE, NULL, -1, NULL), PEER_ERROR_ARGUMENT);
    assert_int_equal(add(&pair, 1, CANDIDATE, "0", 0, "wrong"), PEER_ERROR_NOT_FOUND);
    assert_int_equal(add(&pair, 1, "candidate:1 1 udp 1 224.0.0.1 4000 typ host", "0", 0, NULL), PEER_ERROR_ARGUMENT);
    assert_int_equal(add(&pair, 1, "candidate:1 1 udp 1 a.local 4000 typ host", "0", 0, NULL), PEER_ERROR_NOT_SUPPORTED);
    assert_int_equal(peer_connection_add_ice_candidate(pair.ends[1].connection, pair.now_us, NULL), PEER_OK);
    /* NULL is absent, whatever its length: the end of all candidates. */
    struct peer_candidate_init absent = {.candidate_length = 7, .mid_length = 1, .ufrag_length = 4, .line_index = -1};
    assert_int_equal(peer_connection_add_ice_candidate(pair.ends[1].connection, pair.now_us, &absent), PEER_OK);
    peer_connection_close(pair.ends[1].connection, pair.now_us);
    assert_int_equal(add(&pair, 1, CANDIDATE, "0", 0, NULL), PEER_ERROR_STATE);
    connection_pair_stop(&pair);
}

static void test_capacities(void **state) {
    (void)state;
    struct connection_pair pair;
    size_t t, length;
    assert_true(connection_pair_start(&pair, 5, NULL, false));
    struct peer_connection *connection = pair.ends[0].connection;
    /* RFC 9429 section 5.2.1: an offer of nothing has no sections, and is one. */
    assert_int_equal(peer_connection_create_offer(connection, 0, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_null(strstr(pair.text, "m="));
    struct peer_codec_capability wrong = {PEER_CODEC_VP8, NULL};
    struct peer_transceiver_config config = {.kind = PEER_AUDIO, .direction = PEER_SENDRECV, .codecs = &wrong, .codec_count = 1};
    assert_int_equal(peer_connection_add_transceiver(connection, &config, &t), PEER_ERROR_ARGUMENT);
    struct peer_codec_capability many[PEER_CODEC_PREFERENCE_MAX + 1];
    char parameters[PEER_CODEC_PREFERENCE_MAX + 1][16];
    for (size_t i = 0; i <= PEER_CODEC_PREFERENCE_MAX; i++) {
        (void)snprintf(parameters[i], sizeof parameters[i], "stereo=%zu", i);
        many[i] = (struct peer_codec_capability){PEER_CODEC_OPUS, parameters[i]};
    }
    config.codecs = many;
    config.codec_count = PEER_CODEC_PREFERENCE_MAX + 1;
    assert_int_equal(peer_connection_add_transceiver(connection, &config, &t), PEER_ERROR_ARGUMENT);
    config.codec_count = PEER_CODEC_PREFERENCE_MAX;
    assert_int_equal(peer_connection_add_transceiver(connection, &config, &t), PEER_OK);
    config.codec_count = 1;
    for (size_t i = 1; i < PEER_TRANSCEIVER_MAX; i++)
        assert_int_equal(peer_connection_add_transceiver(connection, &config, &t), PEER_OK);
    assert_int_equal(peer_connection_add_transceiver(connection, &config, &t), PEER_ERROR_CAPACITY);
    assert_int_equal(peer_connection_transceiver_count(connection), PEER_TRANSCEIVER_MAX);
    assert_int_equal(peer_connection_create_offer(connection, 0, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    static char small[CONNECTION_PAIR_TEXT_BYTES];
    size_t again;
    assert_int_equal(peer_connection_create_offer(connection, 0, small, length, &again, NULL), PEER_ERROR_BUFFER); /* no room for the NUL */
    assert_int_equal(peer_connection_create_offer(connection, 0, small, length + 1, &again, NULL), PEER_OK);
    uint8_t buffer[PEER_TRANSMIT_BUFFER_BYTES];
    struct ice_transmit out;
    assert_false(peer_connection_poll_transmit(connection, 0, buffer, PEER_TRANSMIT_BUFFER_BYTES - 1, &out));
    connection_pair_stop(&pair);
}

/* ---- what cannot be agreed ------------------------------------------------------------------------------------------------- */

/* Replaces every occurrence of `from` by `to`, of the same length. */
static void substitute(char *text, const char *from, const char *to) {
    for (char *at = strstr(text, from); at; at = strstr(at + 1, from))
        memcpy(at, to, strlen(to));
}

static void test_no_common_codec(void **state) {
    (void)state;
    struct connection_pair pair;
    struct peer_problem problem;
    size_t length;
    assert_true(connection_pair_start(&pair, 6, NULL, true));
    assert_int_equal(peer_connection_create_offer(pair.ends[0].connection, 0, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    static const char *const names[][2] = {{"opus", "onyx"}, {"PCM", "PCN"}, {"VP8", "XP8"}, {"VP9", "XP9"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        substitute(pair.text, names[i][0], names[i][1]);
    /* RFC 3551: the static payload types of PCMU and PCMA mean what they mean, unless rtpmap says otherwise. */
    struct peer_connection *answerer = pair.ends[1].connection;
    assert_int_equal(peer_connection_set_remote_description(answerer, 0, PEER_SDP_OFFER, pair.text, length, &problem), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(answerer, 0, PEER_SDP_ANSWER, NULL, 0, &problem), PEER_OK);
    /* RFC 3264 section 6: everything refused is an answer too; who asked is told, and why. */
    size_t sections;
    assert_int_equal(peer_connection_agreed_count(answerer, &sections), 0);
    assert_int_equal(sections, 2);
    struct peer_transceiver facts;
    for (size_t t = 0; t < 2; t++) {
        assert_true(peer_connection_transceiver(answerer, t, &facts));
        assert_int_equal(facts.codec, PEER_CODEC_NONE);
        assert_non_null(facts.refused);
        assert_true(facts.stopped);
    }
    connection_pair_stop(&pair);
    assert_true(connection_pair_start(&pair, 6, NULL, true));
    answerer = pair.ends[1].connection;
    assert_int_equal(peer_connection_create_offer(pair.ends[0].connection, 0, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    substitute(pair.text, "VP8", "XP8");
    substitute(pair.text, "VP9", "XP9");
    assert_int_equal(peer_connection_set_remote_description(answerer, 0, PEER_SDP_OFFER, pair.text, length, &problem), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(answerer, 0, PEER_SDP_ANSWER, NULL, 0, &problem), PEER_OK);
    assert_true(peer_connection_transceiver(answerer, 0, &facts));
    assert_int_equal(facts.codec, PEER_CODEC_OPUS);
    assert_true(peer_connection_transceiver(answerer, 1, &facts));
    assert_int_equal(facts.codec, PEER_CODEC_NONE);
    assert_non_null(facts.refused);
    connection_pair_stop(&pair);
}

static void test_descriptions_that_are_refused(void **state) {
    (void)state;
    struct connection_pair pair;
    struct peer_problem problem;
    size_t length;
    assert_true(connection_pair_start(&pair, 7, NULL, true));
    struct peer_connection *answerer = pair.ends[1].connection;
    assert_int_equal(peer_connection_set_remote_description(answerer, 0, PEER_SDP_OFFER, "", 0, &problem), PEER_ERROR_MALFORMED);
    assert_non_null(problem.rule);
    assert_int_equal(peer_connection_set_remote_description(answerer, 0, PEER_SDP_OFFER, "v=0\r\nhello\r\n", 12, &problem), PEER_ERROR_MALFORMED);
    assert_int_equal(problem.line, 2);
    static const char broken[] = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 x\r\n";
    assert_int_equal(peer_connection_set_remote_description(answerer, 0, PEER_SDP_OFFER, broken, sizeof broken - 1, &problem), PEER_ERROR_MALFORMED);
    assert_int_equal(problem.line, 4);
    assert_true(problem.text >= broken && problem.text + problem.length <= broken + sizeof broken);
    assert_int_equal(problem.length, 1);
    assert_int_equal(*problem.text, 'x'); /* in the text that was passed in */
    assert_int_equal(peer_connection_create_offer(pair.ends[0].connection, 0, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    /* RFC 8827 section 6.5: without a fingerprint nothing is secured */
    substitute(pair.text, "a=fingerprint:sha-256 ", "a=fingerprinx:sha-256 ");
    assert_int_not_equal(peer_connection_set_remote_description(answerer, 0, PEER_SDP_OFFER, pair.text, length, &problem), PEER_OK);
    substitute(pair.text, "a=fingerprinx:sha-256 ", "a=fingerprint:sha-256 ");
    substitute(pair.text, "a=ice-pwd:", "a=ice-pwx:");
    assert_int_not_equal(peer_connection_set_remote_description(answerer, 0, PEER_SDP_OFFER, pair.text, length, &problem), PEER_OK);
    assert_int_equal(peer_connection_signaling_state(answerer), PEER_SIGNALING_STABLE);
    /* every truncation is refused or taken, and never crashes */
    substitute(pair.text, "a=ice-pwx:", "a=ice-pwd:");
    for (size_t i = 0; i < length; i += 7) {
        char *exact = malloc(i + 1);
        assert_non_null(exact);
        memcpy(exact, pair.text, i);
        (void)peer_connection_set_remote_description(answerer, 0, PEER_SDP_OFFER, exact, i, &problem);
        free(exact);
    }
    connection_pair_stop(&pair);
}

/* security: the peer's certificate is not the one its description promised. */
static void test_wrong_fingerprint(void **state) {
    (void)state;
    struct connection_pair pair;
    size_t length;
    assert_true(connection_pair_start(&pair, 8, NULL, true));
    struct peer_connection *offerer = pair.ends[0].connection, *answerer = pair.ends[1].connection;
    assert_int_equal(peer_connection_create_offer(offerer, pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(offerer, pair.now_us, PEER_SDP_OFFER, pair.text, length, NULL), PEER_OK);
    for (char *at = strstr(pair.text, "a=fingerprint:sha-256 "); at; at = strstr(at + 1, "a=fingerprint:sha-256 ")) {
        char *digit = at + strlen("a=fingerprint:sha-256 ");
        *digit = *digit == '0' ? '1' : '0';
    }
    assert_int_equal(peer_connection_set_remote_description(answerer, pair.now_us, PEER_SDP_OFFER, pair.text, length, NULL), PEER_OK);
    assert_int_equal(peer_connection_create_answer(answerer, pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(answerer, pair.now_us, PEER_SDP_ANSWER, pair.text, length, NULL), PEER_OK);
    connection_pair_drain(&pair, 0);
    assert_int_equal(peer_connection_set_remote_description(offerer, pair.now_us, PEER_SDP_ANSWER, pair.text, length, NULL), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 3000000);
    assert_int_equal(pair.ends[1].state, PEER_CONNECTION_FAILED);
    assert_int_equal(pair.ends[1].failures, 1);
    assert_int_equal(pair.ends[1].failure.layer, PEER_LAYER_DTLS);
    assert_int_equal(pair.ends[1].failure.dtls, DTLS_FAILURE_FINGERPRINT_MISMATCH);
    assert_int_not_equal(pair.ends[0].state, PEER_CONNECTION_CONNECTED);
    connection_pair_stop(&pair);
}

static void test_peer_vanishes(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_connect(&pair, 9));
    pair.ends[1].address.port = 1; /* nothing reaches it any more */
    connection_pair_run(&pair, pair.now_us + 31000000);
    /* RFC 7675 section 5.1: consent expires after 30 s */
    assert_int_equal(pair.ends[0].state, PEER_CONNECTION_FAILED);
    assert_int_equal(pair.ends[0].failure.layer, PEER_LAYER_ICE);
    assert_int_equal(pair.ends[0].failure.ice, ICE_FAILURE_CONSENT_EXPIRED);
    connection_pair_stop(&pair);
}

/* ---- closing, freeing ------------------------------------------------------------------------------------------------------- */

static void test_close_tells_the_peer(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_connect(&pair, 10));
    unsigned events = pair.ends[0].events;
    peer_connection_close(pair.ends[0].connection, pair.now_us);
    peer_connection_close(pair.ends[0].connection, pair.now_us);
    assert_int_equal(peer_connection_state(pair.ends[0].connection), PEER_CONNECTION_CLOSED);
    assert_int_equal(peer_connection_ice_connection_state(pair.ends[0].connection), ICE_STATE_CLOSED);
    connection_pair_drain(&pair, 0);
    assert_int_equal(pair.ends[0].events, events); /* W3C webrtc section 4.4.1: no event */
    connection_pair_run(&pair, pair.now_us + 100000);
    assert_int_equal(pair.ends[1].closed_by_peer, 1);
    assert_int_equal(pair.ends[1].failures, 0);
    connection_pair_stop(&pair);
}

/* Close in each state of a call that grows: from just made to connected; after it nothing goes out and no timer runs. */
static void test_close_at_each_moment(void **state) {
    (void)state;
    for (uint64_t moment = 0; moment < 40; moment++) {
        struct connection_pair pair;
        assert_true(connection_pair_start(&pair, 11, NULL, true));
        if (moment > 0)
            assert_int_equal(connection_pair_describe(&pair), PEER_OK);
        connection_pair_run(&pair, pair.now_us + moment * 5000);
        int end = (int)(moment % 2);
        peer_connection_close(pair.ends[end].connection, pair.now_us);
        connection_pair_drain(&pair, end);
        assert_int_equal(peer_connection_next_timeout(pair.ends[end].connection), UINT64_MAX);
        connection_pair_run(&pair, pair.now_us + 50000);
        connection_pair_stop(&pair);
    }
}

/* Freed after each of the first N events, without another call. */
static void test_free_at_each_event(void **state) {
    (void)state;
    for (unsigned stop = 0; stop < 60; stop++) {
        struct connection_pair pair;
        assert_true(connection_pair_start(&pair, 12, NULL, true));
        if (stop > 2)
            assert_int_equal(connection_pair_describe(&pair), PEER_OK);
        for (unsigned i = 0; i < 100 && pair.ends[0].events + pair.ends[1].events < stop; i++)
            connection_pair_run(&pair, pair.now_us + 5000);
        connection_pair_stop(&pair);
    }
}

/* The n-th allocation fails, for every n until a call needs no more: an error, never a crash, never a leak. */
static void test_allocation_failures(void **state) {
    (void)state;
    bool has_connected = false;
    for (size_t n = 1; n < 400 && !has_connected; n++) {
        struct failing_allocator failing = {.fail_at = n};
        struct ice_allocator allocator = failing_allocator_of(&failing);
        struct connection_pair pair;
        if (connection_pair_start(&pair, 13, &allocator, true)) {
            if (connection_pair_describe(&pair) == PEER_OK) {
                pair.media_from_us = pair.now_us;
                connection_pair_run(&pair, pair.now_us + 500000);
            }
            has_connected = failing.calls < n && pair.ends[0].state == PEER_CONNECTION_CONNECTED;
            connection_pair_stop(&pair);
        }
        assert_int_equal(failing.live, 0);
    }
    assert_true(has_connected);
}

static void test_statistics_walk(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_connect(&pair, 14));
    pair.media_from_us = pair.now_us;
    connection_pair_run(&pair, pair.now_us + 3000000);
    unsigned counts[PEER_STATISTICS_CERTIFICATE + 1] = {0};
    struct peer_statistics statistics;
    char selected[PEER_STATISTICS_ID_BYTES] = "";
    bool has_selected = false;
    for (size_t cursor = 0; peer_connection_statistics(pair.ends[0].connection, &cursor, &statistics);) {
        counts[statistics.type]++;
        assert_true(strlen(statistics.id) > 0);
        switch (statistics.type) {
        case PEER_STATISTICS_TRANSPORT: memcpy(selected, statistics.as.transport.selected_candidate_pair_id, sizeof selected); break;
        case PEER_STATISTICS_CANDIDATE_PAIR: has_selected |= strcmp(statistics.id, selected) == 0 && statistics.as.candidate_pair.pair.selected; break;
        case PEER_STATISTICS_INBOUND_RTP:
            assert_true(statistics.as.inbound_rtp.packets_received > 50);
            assert_int_equal(statistics.as.inbound_rtp.packets_lost, 0);
            break;
        case PEER_STATISTICS_OUTBOUND_RTP: assert_true(statistics.as.outbound_rtp.packets_sent > 50); break;
        case PEER_STATISTICS_REMOTE_INBOUND_RTP:
            /* the wire takes 10 ms each way */
            assert_in_range(statistics.as.remote_inbound_rtp.round_trip_time_us, 15000, 40000);
            break;
        default: break;
        }
    }
    assert_true(has_selected);
    assert_int_equal(counts[PEER_STATISTICS_CODEC], 4); /* W3C webrtc-stats section 8.3: what is sent and what is received are told apart */
    assert_int_equal(counts[PEER_STATISTICS_INBOUND_RTP], 2);
    assert_int_equal(counts[PEER_STATISTICS_OUTBOUND_RTP], 2);
    assert_int_equal(counts[PEER_STATISTICS_REMOTE_INBOUND_RTP], 2);
    assert_int_equal(counts[PEER_STATISTICS_TRANSPORT], 1);
    assert_int_equal(counts[PEER_STATISTICS_CERTIFICATE], 2); /* ours and the peer's */
    assert_true(counts[PEER_STATISTICS_LOCAL_CANDIDATE] >= 1 && counts[PEER_STATISTICS_REMOTE_CANDIDATE] >= 1);
    connection_pair_stop(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offer_and_answer_connect),
        cmocka_unit_test(test_candidates_before_the_description),
        cmocka_unit_test(test_servers_before_the_local_description),
        cmocka_unit_test(test_candidate_errors),
        cmocka_unit_test(test_capacities),
        cmocka_unit_test(test_no_common_codec),
        cmocka_unit_test(test_descriptions_that_are_refused),
        cmocka_unit_test(test_wrong_fingerprint),
        cmocka_unit_test(test_peer_vanishes),
        cmocka_unit_test(test_close_tells_the_peer),
        cmocka_unit_test(test_close_at_each_moment),
        cmocka_unit_test(test_free_at_each_event),
        cmocka_unit_test(test_allocation_failures),
        cmocka_unit_test(test_statistics_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
