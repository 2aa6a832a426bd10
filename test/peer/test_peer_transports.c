/* Several transports: which section has which, what BUNDLE folds, what restarts, what goes (RFC 9429 section 3.5, RFC 9143, RFC 8842). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/peer/connection_pair.h"

#define SECOND UINT64_C(1000000)

static struct connection_pair pair;

/* ---- descriptions that are changed on their way -------------------------------------------------------------------------------- */

/* Takes every line away that begins so. */
static void strip(char *text, const char *line) {
    char *at;
    while ((at = strstr(text, line)) != NULL) {
        char *end = strstr(at, "\r\n");
        assert_non_null(end);
        memmove(at, end + 2, strlen(end + 2) + 1);
    }
}

/* Other text behind every line that begins so, from `text` on. */
static void alter(char *text, const char *line) {
    assert_non_null(strstr(text, line));
    for (char *at = text; (at = strstr(at, line)) != NULL;) {
        at += strlen(line);
        at[0] = at[0] == 'A' ? 'B' : 'A';
    }
}

enum edit { UNCHANGED, WITHOUT_BUNDLE, WITHOUT_CANDIDATES, OTHER_CERTIFICATE, SECOND_ON_ITS_OWN };

static void change(char *text, enum edit edit) {
    if (edit == WITHOUT_BUNDLE)
        strip(text, "a=group:BUNDLE");
    if (edit == WITHOUT_CANDIDATES) {
        strip(text, "a=candidate");
        strip(text, "a=end-of-candidates");
    }
    if (edit == OTHER_CERTIFICATE)
        alter(text, "a=fingerprint:sha-256 ");
    if (edit == SECOND_ON_ITS_OWN) { /* another transport of theirs, with another certificate */
        strip(text, "a=group:BUNDLE");
        char *second = strstr(strstr(text, "m=") + 1, "m=");
        assert_non_null(second);
        alter(second, "a=ice-ufrag:");
        alter(second, "a=ice-pwd:");
        alter(second, "a=fingerprint:sha-256 ");
    }
}

static int local(int end, enum peer_sdp_type type, char *text, size_t capacity) {
    int error = peer_connection_set_local_description(pair.ends[end].connection, pair.now_us, PEER_SDP_IMPLICIT, NULL, 0, NULL);
    if (error != PEER_OK)
        return error;
    size_t length;
    enum peer_sdp_type made;
    assert_int_equal(peer_connection_description(pair.ends[end].connection, PEER_LOCAL, &made, text, capacity, &length), PEER_OK);
    assert_int_equal(made, type);
    connection_pair_drain(&pair, end);
    return PEER_OK;
}

static int remote(int end, enum peer_sdp_type type, const char *text) {
    struct peer_problem problem = {0};
    int error = peer_connection_set_remote_description(pair.ends[end].connection, pair.now_us, type, text, strlen(text), &problem);
    if (error != PEER_OK)
        print_message("refused: %s\n", problem.rule);
    connection_pair_drain(&pair, end);
    return error;
}

static char offer_text[CONNECTION_PAIR_TEXT_BYTES], answer_text[CONNECTION_PAIR_TEXT_BYTES];

static int negotiate(int from, enum edit of_offer, enum edit of_answer) {
    int error = local(from, PEER_SDP_OFFER, offer_text, sizeof offer_text);
    if (error != PEER_OK)
        return error;
    change(offer_text, of_offer);
    if ((error = remote(1 - from, PEER_SDP_OFFER, offer_text)) != PEER_OK)
        return error;
    if ((error = local(1 - from, PEER_SDP_ANSWER, answer_text, sizeof answer_text)) != PEER_OK)
        return error;
    change(answer_text, of_answer);
    return remote(from, PEER_SDP_ANSWER, answer_text);
}

static size_t transport_count(int end) {
    size_t count = 0;
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++)
        count += peer_connection_transport(pair.ends[end].connection, i) != NULL;
    return count;
}

static size_t socket_count(int end) {
    size_t count = 0;
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++)
        count += pair.ends[end].has_sockets[i];
    return count;
}

static void get_ufrag(int end, size_t transport, char ufrag[ICE_UFRAG_MAX_BYTES + 1]) {
    const struct peer_transport *found = peer_connection_transport(pair.ends[end].connection, transport);
    assert_non_null(found);
    snprintf(ufrag, ICE_UFRAG_MAX_BYTES + 1, "%s", ice_agent_local_ufrag(peer_transport_ice(found)));
}

static bool is_connected(void) {
    return pair.ends[0].state == PEER_CONNECTION_CONNECTED && pair.ends[1].state == PEER_CONNECTION_CONNECTED;
}

static bool media_flows(void) {
    uint32_t before[2][2];
    for (int end = 0; end < 2; end++)
        for (int kind = 0; kind < 2; kind++)
            before[end][kind] = pair.ends[end].frames_received[kind];
    if (pair.media_from_us == UINT64_MAX)
        pair.media_from_us = pair.now_us;
    connection_pair_run(&pair, pair.now_us + SECOND);
    bool flows = true;
    for (int end = 0; end < 2; end++)
        for (int kind = 0; kind < 2; kind++)
            flows = flows && pair.ends[end].frames_received[kind] > before[end][kind] + 20 && pair.ends[end].broken_frames[kind] == 0;
    return flows;
}

static void start(uint64_t seed, enum peer_bundle_policy policy) {
    assert_true(connection_pair_start_with(&pair, seed, NULL, true, policy));
}

/* ---- which section has which ------------------------------------------------------------------------------------------------------ */

/* RFC 9429 section 4.1.1, max-bundle: one transport, whatever is negotiated; nobody is asked for sockets */
static void one_transport_with_max_bundle(void **state) {
    (void)state;
    start(1, PEER_BUNDLE_MAX_BUNDLE);
    assert_int_equal(local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text), PEER_OK);
    assert_int_equal(transport_count(0), 1);
    connection_pair_stop(&pair);
    start(1, PEER_BUNDLE_MAX_BUNDLE);
    assert_int_equal(negotiate(0, UNCHANGED, UNCHANGED), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    assert_true(is_connected());
    for (int end = 0; end < 2; end++) {
        assert_int_equal(transport_count(end), 1);
        assert_int_equal(socket_count(end), 0);
    }
    connection_pair_stop(&pair);
}

/* RFC 9143 section 7.3: candidates for two, an answer with BUNDLE: one stays, the other's sockets are free */
static void bundle_folds(void **state) {
    (void)state;
    static const enum peer_bundle_policy policies[] = {PEER_BUNDLE_BALANCED, PEER_BUNDLE_MAX_COMPAT};
    for (size_t i = 0; i < 2; i++) {
        start(2, policies[i]);
        assert_int_equal(local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text), PEER_OK);
        assert_int_equal(transport_count(0), 2);
        assert_int_equal(socket_count(0), 1);
        connection_pair_run(&pair, pair.now_us + SECOND / 10);
        assert_int_equal(pair.ends[0].gathered, true); /* both */
        assert_int_equal(remote(1, PEER_SDP_OFFER, offer_text), PEER_OK);
        assert_int_equal(local(1, PEER_SDP_ANSWER, answer_text, sizeof answer_text), PEER_OK);
        assert_int_equal(transport_count(1), 1);
        assert_int_equal(remote(0, PEER_SDP_ANSWER, answer_text), PEER_OK);
        assert_int_equal(transport_count(0), 1);
        assert_int_equal(socket_count(0), 0);
        assert_non_null(peer_connection_transport(pair.ends[0].connection, 0));
        connection_pair_run(&pair, pair.now_us + 2 * SECOND);
        assert_true(is_connected() && media_flows());
        connection_pair_stop(&pair);
    }
}

/* RFC 9143 section 7.3.1: who does not know BUNDLE gets a transport for each section, and both carry */
static void two_transports_without_bundle(void **state) {
    (void)state;
    start(3, PEER_BUNDLE_BALANCED);
    assert_int_equal(negotiate(0, WITHOUT_BUNDLE, UNCHANGED), PEER_OK);
    for (int end = 0; end < 2; end++) {
        assert_int_equal(transport_count(end), 2);
        assert_int_equal(socket_count(end), 1);
    }
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    assert_true(is_connected());
    for (int end = 0; end < 2; end++)
        for (size_t i = 0; i < 2; i++) {
            struct peer_transport_statistics statistics;
            peer_transport_statistics(peer_connection_transport(pair.ends[end].connection, i), &statistics);
            assert_int_equal(statistics.dtls_state, DTLS_TRANSPORT_CONNECTED);
        }
    assert_true(media_flows());
    /* an ICE restart is one of both (RFC 9429 section 5.2.2), and DTLS stays (RFC 8842 section 3.1) */
    char before[2][2][ICE_UFRAG_MAX_BYTES + 1], after[ICE_UFRAG_MAX_BYTES + 1];
    for (int end = 0; end < 2; end++)
        for (size_t i = 0; i < 2; i++)
            get_ufrag(end, i, before[end][i]);
    assert_int_equal(peer_connection_restart_ice(pair.ends[0].connection, pair.now_us), PEER_OK);
    connection_pair_drain(&pair, 0);
    assert_int_equal(negotiate(0, WITHOUT_BUNDLE, UNCHANGED), PEER_OK);
    for (int end = 0; end < 2; end++)
        for (size_t i = 0; i < 2; i++) {
            get_ufrag(end, i, after);
            assert_string_not_equal(after, before[end][i]);
        }
    assert_true(media_flows());
    assert_true(is_connected());
    for (int end = 0; end < 2; end++) {
        assert_int_equal(transport_count(end), 2);
        for (size_t i = 0; i < 2; i++) {
            struct ice_statistics ice;
            ice_agent_statistics(peer_transport_ice(peer_connection_transport(pair.ends[end].connection, i)), &ice);
            assert_int_equal(ice.restarts, 1);
            assert_int_equal(ice.state, ICE_STATE_COMPLETED);
        }
    }
    /* close_notify goes by both: the peer has gone when both have come */
    peer_connection_close(pair.ends[0].connection, pair.now_us);
    connection_pair_drain(&pair, 0);
    connection_pair_run(&pair, pair.now_us + SECOND);
    assert_int_equal(pair.ends[1].closed_by_peer, 1);
    connection_pair_stop(&pair);
}

/* Later the peer learns of BUNDLE: what was two becomes one, and the other one says goodbye without ending the call */
static void bundle_comes_later(void **state) {
    (void)state;
    start(4, PEER_BUNDLE_BALANCED);
    assert_int_equal(negotiate(0, WITHOUT_BUNDLE, UNCHANGED), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    assert_true(is_connected());
    assert_int_equal(negotiate(0, UNCHANGED, UNCHANGED), PEER_OK);
    connection_pair_run(&pair, pair.now_us + SECOND);
    assert_true(is_connected());
    for (int end = 0; end < 2; end++)
        assert_int_equal(pair.ends[end].closed_by_peer, 0);
    if (transport_count(0) == 1) /* if our offer says BUNDLE again */
        for (int end = 0; end < 2; end++) {
            assert_int_equal(transport_count(end), 1);
            assert_int_equal(socket_count(end), 0);
        }
    assert_true(media_flows());
    connection_pair_stop(&pair);
}

static void insert_behind(char *text, const char *line, const char *more) {
    char *at = strstr(text, line);
    assert_non_null(at);
    at += strlen(line);
    memmove(at + strlen(more), at, strlen(at) + 1);
    memcpy(at, more, strlen(more));
}

/* RFC 9143 section 7.4.1: who follows RFC 8843 accepts a bundled section by port 0 and a=bundle-only; section 7.5, MUST: the next offer gives it the address of all. */
static void answer_of_rfc_8843(void **state) {
    (void)state;
    start(11, PEER_BUNDLE_BALANCED);
    assert_int_equal(local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text), PEER_OK);
    assert_int_equal(remote(1, PEER_SDP_OFFER, offer_text), PEER_OK);
    assert_int_equal(local(1, PEER_SDP_ANSWER, answer_text, sizeof answer_text), PEER_OK);
    *(strstr(answer_text, "m=video 9") + strlen("m=video ")) = '0';
    insert_behind(answer_text, "a=mid:1\r\n", "a=bundle-only\r\n");
    assert_int_equal(remote(0, PEER_SDP_ANSWER, answer_text), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    assert_true(is_connected() && media_flows());
    assert_int_equal(local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text), PEER_OK);
    assert_non_null(strstr(offer_text, "m=video 9 "));
    assert_null(strstr(offer_text, "a=bundle-only"));
    connection_pair_stop(&pair);
}

/* RFC 9143 section 7.3.1: the answer's tagged section carries the transport of all, though no codec is agreed in it. */
static void tagged_section_without_a_codec(void **state) {
    (void)state;
    struct peer_statistics statistics;
    size_t signaled = 0;
    start(13, PEER_BUNDLE_MAX_BUNDLE);
    assert_int_equal(local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text), PEER_OK);
    assert_int_equal(remote(1, PEER_SDP_OFFER, offer_text), PEER_OK);
    assert_int_equal(local(1, PEER_SDP_ANSWER, answer_text, sizeof answer_text), PEER_OK);
    for (char *at = strstr(answer_text, "m=audio"), *end = strstr(answer_text, "m=video"); (at = strstr(at, "a=rtpmap:")) != NULL && at < end; at++)
        memset(strchr(at, ' ') + 1, 'x', 4);
    assert_int_equal(remote(0, PEER_SDP_ANSWER, answer_text), PEER_OK);
    assert_int_equal(peer_connection_agreed_count(pair.ends[0].connection, NULL), 1);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    assert_true(is_connected());
    for (size_t cursor = 0; peer_connection_statistics(pair.ends[0].connection, &cursor, &statistics);)
        signaled += statistics.type == PEER_STATISTICS_REMOTE_CANDIDATE && statistics.as.candidate.candidate->type == ICE_CANDIDATE_HOST;
    assert_int_equal(signaled, 1);
    connection_pair_stop(&pair);
}

/* RFC 9429 section 5.10: a peer that names its sections only later offers the same ones, and our tracks stay in them. */
static void mids_come_later(void **state) {
    (void)state;
    struct peer_transceiver facts;
    start(14, PEER_BUNDLE_MAX_COMPAT);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text), PEER_OK);
        strip(offer_text, "a=group:BUNDLE");
        if (round == 0)
            strip(offer_text, "a=mid:");
        else
            for (char *at = offer_text; (at = strstr(at, "a=mid:")) != NULL; at++)
                at[strlen("a=mid:")] += 'a' - '0';
        assert_int_equal(remote(1, PEER_SDP_OFFER, offer_text), PEER_OK);
        assert_int_equal(local(1, PEER_SDP_ANSWER, answer_text, sizeof answer_text), PEER_OK);
        assert_int_equal(peer_connection_transceiver_count(pair.ends[1].connection), 2);
        for (size_t i = 0; i < 2; i++) {
            assert_true(peer_connection_transceiver(pair.ends[1].connection, i, &facts) && !facts.stopped && facts.section == (int)i);
            assert_int_equal(facts.current_direction, PEER_SENDRECV);
            assert_true(round == 0 || facts.mid[0] == (char)('a' + i));
        }
        assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_ROLLBACK), PEER_OK);
    }
    connection_pair_stop(&pair);
}

/* RFC 9143 section 6: outside of a BUNDLE, a=bundle-only says nothing, and port 0 refuses. */
static void bundle_only_without_a_bundle(void **state) {
    (void)state;
    struct peer_transceiver facts;
    start(12, PEER_BUNDLE_MAX_BUNDLE);
    size_t index, count = peer_connection_transceiver_count(pair.ends[1].connection);
    assert_int_equal(peer_connection_add_transceiver(pair.ends[0].connection,
                                                     &(struct peer_transceiver_config){.kind = PEER_VIDEO, .direction = PEER_SENDONLY}, &index), PEER_OK);
    assert_int_equal(local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text), PEER_OK);
    strip(offer_text, "a=group:BUNDLE");
    assert_int_equal(remote(1, PEER_SDP_OFFER, offer_text), PEER_OK);
    assert_int_equal(peer_connection_transceiver_count(pair.ends[1].connection), count);
    assert_true(peer_connection_transceiver(pair.ends[1].connection, 1, &facts) && facts.section == -1);
    assert_int_equal(local(1, PEER_SDP_ANSWER, answer_text, sizeof answer_text), PEER_OK);
    assert_non_null(strstr(answer_text, "m=video 0 "));
    connection_pair_stop(&pair);
}

/* ---- taken back --------------------------------------------------------------------------------------------------------------------- */

static int roll_back(int end) {
    int error = peer_connection_set_local_description(pair.ends[end].connection, pair.now_us, PEER_SDP_ROLLBACK, NULL, 0, NULL);
    connection_pair_drain(&pair, end);
    return error;
}

/* RFC 9429 section 4.1.10.2: the first offer's transports go, and their sockets */
static void rollback_of_the_first_offer(void **state) {
    (void)state;
    start(5, PEER_BUNDLE_MAX_COMPAT);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text), PEER_OK);
        assert_int_equal(transport_count(0), 2);
        connection_pair_run(&pair, pair.now_us + SECOND);
        assert_int_equal(roll_back(0), PEER_OK);
        assert_int_equal(transport_count(0), 0);
        assert_int_equal(socket_count(0), 0);
        assert_int_equal(peer_connection_ice_gathering_state(pair.ends[0].connection), ICE_GATHERING_NEW);
        assert_int_equal(peer_connection_state(pair.ends[0].connection), PEER_CONNECTION_NEW);
    }
    pair.ends[0].candidate_count = 0;
    assert_int_equal(negotiate(1, UNCHANGED, UNCHANGED), PEER_OK); /* the other side may offer as well */
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    assert_true(is_connected());
    connection_pair_stop(&pair);
}

/* The same for an offer that restarts: the credentials of before hold, media never stops, and the restart is still wanted */
static void rollback_of_a_restart(void **state) {
    (void)state;
    char before[ICE_UFRAG_MAX_BYTES + 1], after[ICE_UFRAG_MAX_BYTES + 1];
    assert_true(connection_pair_connect(&pair, 6));
    assert_true(media_flows());
    get_ufrag(0, 0, before);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(peer_connection_restart_ice(pair.ends[0].connection, pair.now_us), PEER_OK);
        assert_int_equal(local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text), PEER_OK);
        get_ufrag(0, 0, after);
        assert_string_not_equal(after, before);
        assert_non_null(strstr(offer_text, after));
        assert_true(media_flows());
        assert_int_equal(roll_back(0), PEER_OK);
        get_ufrag(0, 0, after);
        assert_string_equal(after, before);
        assert_true(media_flows() && is_connected());
    }
    assert_int_equal(negotiate(0, UNCHANGED, UNCHANGED), PEER_OK);
    get_ufrag(0, 0, after);
    assert_string_not_equal(after, before);
    assert_true(media_flows() && is_connected());
    connection_pair_stop(&pair);
}

/* RFC 8445 section 9: a restart before there was any pair, even before there was an answer */
static void restart_before_connected(void **state) {
    (void)state;
    start(7, PEER_BUNDLE_MAX_BUNDLE);
    pair.trickle = false;
    assert_int_equal(negotiate(0, WITHOUT_CANDIDATES, WITHOUT_CANDIDATES), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 5 * SECOND);
    assert_false(is_connected());
    for (int end = 0; end < 2; end++)
        pair.ends[end].candidate_count = 0;
    assert_int_equal(peer_connection_restart_ice(pair.ends[0].connection, pair.now_us), PEER_OK);
    pair.trickle = true;
    assert_int_equal(negotiate(0, UNCHANGED, UNCHANGED), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    assert_true(is_connected() && media_flows());
    connection_pair_stop(&pair);
}

/* ---- what is refused ---------------------------------------------------------------------------------------------------------------- */

/* RFC 8842 section 3.1: another certificate would be another association. Offer or answer, it is refused, and nothing has changed. */
static void another_certificate(void **state) {
    (void)state;
    assert_true(connection_pair_connect(&pair, 8));
    assert_int_equal(negotiate(0, OTHER_CERTIFICATE, UNCHANGED), PEER_ERROR_NOT_SUPPORTED);
    assert_int_equal(peer_connection_signaling_state(pair.ends[1].connection), PEER_SIGNALING_STABLE);
    /* Nor does it take an open offer of ours back. */
    assert_int_equal(local(1, PEER_SDP_OFFER, answer_text, sizeof answer_text), PEER_OK);
    assert_int_equal(remote(1, PEER_SDP_OFFER, offer_text), PEER_ERROR_NOT_SUPPORTED);
    assert_int_equal(peer_connection_signaling_state(pair.ends[1].connection), PEER_SIGNALING_HAVE_LOCAL_OFFER);
    for (int end = 0; end < 2; end++)
        assert_int_equal(peer_connection_set_local_description(pair.ends[end].connection, pair.now_us, PEER_SDP_ROLLBACK, NULL, 0, NULL), PEER_OK);
    assert_int_equal(negotiate(0, UNCHANGED, OTHER_CERTIFICATE), PEER_ERROR_NOT_SUPPORTED);
    assert_int_equal(peer_connection_signaling_state(pair.ends[0].connection), PEER_SIGNALING_HAVE_LOCAL_OFFER);
    assert_true(media_flows() && is_connected());
    connection_pair_stop(&pair);
}

/* RFC 8842 section 3.1: a section that leaves the BUNDLE for a transport of its own has whatever certificate it likes. */
static void another_certificate_on_another_transport(void **state) {
    (void)state;
    start(12, PEER_BUNDLE_MAX_COMPAT);
    assert_int_equal(negotiate(0, UNCHANGED, UNCHANGED), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    assert_true(is_connected());
    assert_int_equal(transport_count(1), 1);
    assert_int_equal(local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text), PEER_OK);
    change(offer_text, SECOND_ON_ITS_OWN);
    assert_int_equal(remote(1, PEER_SDP_OFFER, offer_text), PEER_OK);
    assert_int_equal(local(1, PEER_SDP_ANSWER, answer_text, sizeof answer_text), PEER_OK);
    assert_int_equal(transport_count(1), 2);
    connection_pair_stop(&pair);
}

/* PEER_TRANSPORT_MAX sections without BUNDLE have one each; one more has none */
static void transports_have_a_limit(void **state) {
    (void)state;
    for (size_t count = PEER_TRANSPORT_MAX - 1; count <= PEER_TRANSPORT_MAX + 1; count++) {
        assert_true(connection_pair_start_with(&pair, 9, NULL, false, PEER_BUNDLE_MAX_COMPAT));
        struct peer_transceiver_config config = {.kind = PEER_AUDIO, .direction = PEER_SENDRECV};
        size_t index;
        for (size_t i = 0; i < count; i++)
            assert_int_equal(peer_connection_add_transceiver(pair.ends[0].connection, &config, &index), PEER_OK);
        int error = local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text);
        if (error == PEER_OK) {
            assert_int_equal(transport_count(0), count < PEER_TRANSPORT_MAX ? count : PEER_TRANSPORT_MAX);
            change(offer_text, WITHOUT_BUNDLE);
            assert_int_equal(remote(1, PEER_SDP_OFFER, offer_text), PEER_OK);
            assert_int_equal(local(1, PEER_SDP_ANSWER, answer_text, sizeof answer_text), PEER_OK);
            assert_int_equal(transport_count(1), count < PEER_TRANSPORT_MAX ? count : PEER_TRANSPORT_MAX);
            assert_int_equal(remote(0, PEER_SDP_ANSWER, answer_text), PEER_OK);
            connection_pair_run(&pair, pair.now_us + 3 * SECOND);
            assert_true(is_connected());
        } else {
            assert_int_equal(count, PEER_TRANSPORT_MAX + 1);
            assert_int_equal(error, PEER_ERROR_CAPACITY);
            assert_int_equal(transport_count(0), 0);
        }
        connection_pair_stop(&pair);
    }
}

/* ---- whose sockets -------------------------------------------------------------------------------------------------------------------- */

static void interfaces_of_transports(void **state) {
    (void)state;
    start(10, PEER_BUNDLE_MAX_COMPAT);
    struct peer_connection *connection = pair.ends[0].connection;
    struct ice_interface taken = {.base = pair.ends[0].address, .preference = 1}, free = taken, nine = taken;
    free.base.port = 9000;
    nine.base.port = 9;
    nine.transport = ICE_TRANSPORT_TCP;
    assert_int_equal(peer_connection_handle_transport_interfaces(connection, pair.now_us, 1, &free, 1), PEER_ERROR_NOT_FOUND);
    assert_int_equal(peer_connection_handle_transport_interfaces(connection, pair.now_us, PEER_TRANSPORT_MAX, &free, 1), PEER_ERROR_NOT_FOUND);
    assert_int_equal(local(0, PEER_SDP_OFFER, offer_text, sizeof offer_text), PEER_OK);
    assert_int_equal(peer_connection_handle_transport_interfaces(connection, pair.now_us, 1, &taken, 1), PEER_ERROR_ARGUMENT);
    assert_int_equal(peer_connection_handle_transport_interfaces(connection, pair.now_us, 1, &free, 1), PEER_OK);
    assert_int_equal(peer_connection_handle_interfaces(connection, pair.now_us, &free, 1), PEER_ERROR_ARGUMENT);
    struct ice_interface both[2] = {taken, nine}, other[2] = {free, nine}; /* port 9 is no socket, both may have it */
    assert_int_equal(peer_connection_handle_interfaces(connection, pair.now_us, both, 2), PEER_OK);
    assert_int_equal(peer_connection_handle_transport_interfaces(connection, pair.now_us, 1, other, 2), PEER_OK);
    struct ice_interface many[ICE_INTERFACE_MAX + 1];
    for (size_t i = 0; i <= ICE_INTERFACE_MAX; i++) {
        many[i] = free;
        many[i].base.port = (uint16_t)(10000 + i);
    }
    assert_int_equal(peer_connection_handle_transport_interfaces(connection, pair.now_us, 1, many, ICE_INTERFACE_MAX - 1), PEER_OK);
    assert_int_equal(peer_connection_handle_transport_interfaces(connection, pair.now_us, 1, many, ICE_INTERFACE_MAX), PEER_OK);
    assert_int_equal(peer_connection_handle_transport_interfaces(connection, pair.now_us, 1, many, ICE_INTERFACE_MAX + 1), PEER_ERROR_CAPACITY);
    /* what comes by no socket of ours is nobody's */
    uint8_t bytes[20] = {0};
    struct ice_path path = {.local = free.base, .remote = pair.ends[1].address};
    assert_int_equal(peer_connection_handle_datagram(connection, pair.now_us, &path, bytes, sizeof bytes), PEER_OK);
    path.local = pair.ends[0].address;
    assert_int_equal(peer_connection_handle_datagram(connection, pair.now_us, &path, bytes, sizeof bytes), PEER_ERROR_MALFORMED);
    assert_int_equal(peer_connection_handle_resolved(connection, pair.now_us, UINT64_C(7) << 32 | 1, NULL, 0), PEER_ERROR_STATE);
    peer_connection_close(connection, pair.now_us);
    assert_int_equal(peer_connection_handle_transport_interfaces(connection, pair.now_us, 1, &free, 1), PEER_ERROR_STATE);
    connection_pair_stop(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_transport_with_max_bundle), cmocka_unit_test(bundle_folds), cmocka_unit_test(two_transports_without_bundle),
        cmocka_unit_test(bundle_comes_later), cmocka_unit_test(rollback_of_the_first_offer), cmocka_unit_test(rollback_of_a_restart),
        cmocka_unit_test(restart_before_connected), cmocka_unit_test(another_certificate),
        cmocka_unit_test(another_certificate_on_another_transport), cmocka_unit_test(transports_have_a_limit),
        cmocka_unit_test(interfaces_of_transports), cmocka_unit_test(answer_of_rfc_8843), cmocka_unit_test(bundle_only_without_a_bundle),
        cmocka_unit_test(tagged_section_without_a_codec), cmocka_unit_test(mids_come_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
