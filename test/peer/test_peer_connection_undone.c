/* An offer that is taken back, or that memory did not suffice for, leaves nothing behind: RFC 9429 sections 4.1.10.2 and 5.7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "test/peer/connection_pair.h"

#define SECOND UINT64_C(1000000)

static struct connection_pair pair;

/* ---- candidates ------------------------------------------------------------------------------------------------------------ */

/* The offer of end 0 as it was created, without candidates. */
static void offer(void) {
    size_t length;
    assert_int_equal(peer_connection_create_offer(pair.ends[0].connection, pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(pair.ends[0].connection, pair.now_us, PEER_SDP_OFFER, pair.text, length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_remote_description(pair.ends[1].connection, pair.now_us, PEER_SDP_OFFER, pair.text, length, NULL), PEER_OK);
}

/* That of end 0, without a username fragment: it may be of any description. */
static int add_candidate(int to) {
    static const char candidate[] = "candidate:1 1 udp 2130706431 10.0.0.1 5000 typ host";
    struct peer_candidate_init init = {.candidate = candidate, .candidate_length = sizeof candidate - 1, .line_index = 0};
    return peer_connection_add_ice_candidate(pair.ends[to].connection, pair.now_us, &init);
}

static void answer(void) {
    size_t length;
    assert_int_equal(peer_connection_create_answer(pair.ends[1].connection, pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(pair.ends[1].connection, pair.now_us, PEER_SDP_ANSWER, pair.text, length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_remote_description(pair.ends[0].connection, pair.now_us, PEER_SDP_ANSWER, pair.text, length, NULL), PEER_OK);
}

/* RFC 9429 section 5.7: what waited for the answer to an offer is not of the next one, and takes no place there. */
static void test_candidates_go_with_their_offer(void **state) {
    (void)state;
    assert_true(connection_pair_start(&pair, 1, NULL, true));
    pair.trickle = false;
    for (int round = 0; round < 2; round++) {
        offer();
        for (size_t i = 0; i < PEER_PENDING_CANDIDATE_MAX; i++)
            assert_int_equal(add_candidate(1), PEER_OK);
        assert_int_equal(add_candidate(1), PEER_ERROR_CAPACITY);
        for (int i = 0; i < 2; i++)
            assert_int_equal(connection_pair_set_local(&pair, i, PEER_SDP_ROLLBACK), PEER_OK);
    }
    offer();
    answer();
    assert_int_equal(connection_pair_remote_candidates(&pair, 1), 0);
    connection_pair_stop(&pair);
}

/* What waited before the offer came is of the offer that comes, also when it meets one of ours. */
static void test_candidates_wait_through_glare(void **state) {
    (void)state;
    assert_true(connection_pair_start(&pair, 2, NULL, true));
    pair.trickle = false;
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(add_candidate(1), PEER_OK);
    offer();
    answer();
    assert_int_equal(connection_pair_remote_candidates(&pair, 1), 1);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    assert_int_equal(pair.ends[1].state, PEER_CONNECTION_CONNECTED);
    connection_pair_stop(&pair);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------ */

/* The allocation that fails, counted from when it was set; 0: none. */
static size_t fail_at;

static void *allocate(void *context, size_t bytes) {
    (void)context;
    return fail_at > 0 && --fail_at == 0 ? NULL : malloc(bytes);
}

static void release(void *context, void *memory) {
    (void)context;
    free(memory);
}

static const struct ice_allocator allocator = {allocate, release, NULL};

static size_t sections_of_an_offer(int end) {
    size_t length, count = 0;
    assert_int_equal(peer_connection_create_offer(pair.ends[end].connection, pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    for (const char *at = pair.text; (at = strstr(at, "\nm=")) != NULL; at++)
        count++;
    return count;
}

/* Five sections, two of them for the tracks of end 1: the transceivers for the other three are allocated one by one. */
static void test_no_memory_for_the_sections_of_an_offer(void **state) {
    (void)state;
    int error = PEER_ERROR_MEMORY;
    for (size_t n = 1; error != PEER_OK; n++) {
        assert_true(n < 100 && connection_pair_start(&pair, 3, &allocator, true));
        struct peer_transceiver_config config = {.kind = PEER_VIDEO, .direction = PEER_SENDONLY};
        struct peer_transceiver facts;
        size_t index;
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(peer_connection_add_transceiver(pair.ends[0].connection, &config, &index), PEER_OK);
        assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
        fail_at = n;
        error = connection_pair_give_description(&pair, 0);
        fail_at = 0;
        if (error != PEER_OK) {
            assert_int_equal(error, PEER_ERROR_MEMORY);
            assert_int_equal(peer_connection_signaling_state(pair.ends[1].connection), PEER_SIGNALING_STABLE);
            assert_int_equal(pair.ends[1].tracks, 0);
            assert_int_equal(pair.ends[1].signaling_events, 0);
            for (size_t i = 0; i < 2; i++)
                assert_true(peer_connection_transceiver(pair.ends[1].connection, i, &facts) && facts.section == -1 && facts.mid[0] == '\0');
            assert_int_equal(sections_of_an_offer(1), 2);
        }
        connection_pair_stop(&pair);
    }
}

/* The first transport of an offer is not left over when there is no memory for the second. */
static void test_no_memory_for_the_transports_of_an_offer(void **state) {
    (void)state;
    int error = PEER_ERROR_MEMORY;
    for (size_t n = 1; error != PEER_OK; n++) {
        assert_true(n < 100 && connection_pair_start_with(&pair, 4, &allocator, true, PEER_BUNDLE_MAX_COMPAT));
        fail_at = n;
        error = peer_connection_set_local_description(pair.ends[0].connection, pair.now_us, PEER_SDP_IMPLICIT, NULL, 0, NULL);
        fail_at = 0;
        if (error != PEER_OK) {
            assert_int_equal(error, PEER_ERROR_MEMORY);
            for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++)
                assert_null(peer_connection_transport(pair.ends[0].connection, i));
            assert_int_equal(connection_pair_describe(&pair), PEER_OK);
        }
        connection_pair_stop(&pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidates_go_with_their_offer),
        cmocka_unit_test(test_candidates_wait_through_glare),
        cmocka_unit_test(test_no_memory_for_the_sections_of_an_offer),
        cmocka_unit_test(test_no_memory_for_the_transports_of_an_offer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
