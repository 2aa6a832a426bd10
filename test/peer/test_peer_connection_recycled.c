/* ICE restarts while sections come and go: which transport goes on, and that both ends mean the same one. RFC 9429 section 5.2.2, RFC 8842 section 5.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "test/peer/connection_pair.h"

#define SECOND UINT64_C(1000000)

static struct connection_pair pair;

static size_t add(int end) {
    const struct peer_transceiver_config config = {.kind = PEER_AUDIO, .direction = PEER_SENDRECV};
    size_t index;
    assert_int_equal(peer_connection_add_transceiver(pair.ends[end].connection, &config, &index), PEER_OK);
    return index;
}

static void offer(int from) {
    assert_int_equal(connection_pair_set_local(&pair, from, PEER_SDP_OFFER), PEER_OK);
}

static void answer_offer_of(int from) {
    assert_int_equal(connection_pair_give_description(&pair, from), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1 - from, PEER_SDP_ANSWER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 1 - from), PEER_OK);
}

/* The one transport of an end; its DTLS association began at *since_us. */
static const struct peer_transport *only_transport(int end, uint64_t *since_us) {
    const struct peer_transport *only = NULL;
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++) {
        const struct peer_transport *transport = peer_connection_transport(pair.ends[end].connection, i);
        assert_true(!only || !transport);
        only = transport ? transport : only;
    }
    assert_non_null(only);
    struct peer_transport_statistics statistics;
    peer_transport_statistics(only, &statistics);
    assert_int_equal(statistics.dtls_state, DTLS_TRANSPORT_CONNECTED);
    *since_us = statistics.dtls_connected_us;
    return only;
}

static uint64_t restarts(int end) {
    uint64_t unused;
    struct ice_statistics statistics;
    ice_agent_statistics(peer_transport_ice(only_transport(end, &unused)), &statistics);
    return statistics.restarts;
}

/* Connected by one transport each, whose association was there before `us`, or was not. */
static void require_association(bool is_of_before, uint64_t us) {
    connection_pair_run(&pair, pair.now_us + 3 * SECOND);
    for (int end = 0; end < 2; end++) {
        uint64_t since_us;
        assert_int_equal(pair.ends[end].state, PEER_CONNECTION_CONNECTED);
        assert_int_equal(pair.ends[end].failures, 0);
        (void)only_transport(end, &since_us);
        assert_int_equal(since_us < us, is_of_before);
    }
}

static size_t sections(const char *text) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, "\nm=")) != NULL; at++)
        count++;
    return count;
}

static void start(uint64_t seed) {
    assert_true(connection_pair_start_with(&pair, seed, NULL, false, PEER_BUNDLE_BALANCED));
    (void)add(0);
    offer(0);
    answer_offer_of(0);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
}

/* The only section that had the transport goes, another one comes, with other credentials: to the peer that is another transport. */
static void test_what_is_new_restarts_nothing(void **state) {
    (void)state;
    for (int is_connected = 0; is_connected < 2; is_connected++) {
        assert_true(connection_pair_start_with(&pair, 1, NULL, false, PEER_BUNDLE_BALANCED));
        size_t first = add(0);
        offer(0);
        answer_offer_of(0);
        if (is_connected)
            connection_pair_run(&pair, pair.now_us + 2 * SECOND);
        (void)add(0);
        offer(0);
        assert_int_equal(peer_connection_stop_transceiver(pair.ends[0].connection, first), PEER_OK);
        assert_int_equal(peer_connection_restart_ice(pair.ends[0].connection, pair.now_us), PEER_OK);
        offer(0);
        uint64_t offered_us = pair.now_us;
        answer_offer_of(0);
        require_association(false, offered_us);
        connection_pair_stop(&pair);
    }
}

/* The same where an offer that is open has restarted the transport already: its credentials are not of the new section. */
static void test_what_is_new_takes_no_restart_over(void **state) {
    (void)state;
    start(2);
    (void)add(0);
    assert_int_equal(peer_connection_restart_ice(pair.ends[0].connection, pair.now_us), PEER_OK);
    offer(0);
    assert_int_equal(peer_connection_stop_transceiver(pair.ends[0].connection, 0), PEER_OK);
    offer(0);
    uint64_t offered_us = pair.now_us;
    answer_offer_of(0);
    require_association(false, offered_us);
    connection_pair_stop(&pair);
}

/* Without a restart it has the credentials, and so the transport, of the one that goes. */
static void test_what_is_new_takes_the_transport_over(void **state) {
    (void)state;
    start(3);
    (void)add(0);
    offer(0);
    assert_int_equal(peer_connection_stop_transceiver(pair.ends[0].connection, 0), PEER_OK);
    offer(0);
    uint64_t offered_us = pair.now_us;
    answer_offer_of(0);
    require_association(true, offered_us);
    connection_pair_stop(&pair);
}

/* A recycled section heads the BUNDLE, and is new: the transport that restarts is that of those behind it. */
static void test_restart_behind_a_recycled_section(void **state) {
    (void)state;
    for (int from = 0; from < 2; from++) {
        start(4);
        (void)add(0);
        offer(0);
        answer_offer_of(0);
        assert_int_equal(peer_connection_stop_transceiver(pair.ends[0].connection, 0), PEER_OK);
        offer(0);
        answer_offer_of(0);
        (void)add(from);
        assert_int_equal(peer_connection_restart_ice(pair.ends[from].connection, pair.now_us), PEER_OK);
        offer(from);
        assert_int_equal(connection_pair_read(&pair, from, PEER_LOCAL), PEER_OK);
        assert_int_equal(sections(pair.text), 2);
        uint64_t offered_us = pair.now_us;
        answer_offer_of(from);
        require_association(true, offered_us);
        for (int end = 0; end < 2; end++)
            assert_int_equal(restarts(end), 1);
        connection_pair_stop(&pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_new_restarts_nothing),
        cmocka_unit_test(test_what_is_new_takes_no_restart_over),
        cmocka_unit_test(test_what_is_new_takes_the_transport_over),
        cmocka_unit_test(test_restart_behind_a_recycled_section),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
