/* What offer and answer agreed on of transports: fingerprints that count, candidates of sections that BUNDLE has folded (RFC 8122, RFC 9143). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "test/peer/connection_pair.h"

#define SECOND UINT64_C(1000000)

static struct connection_pair pair;

/* The offer of end 0 as it was created: nobody has polled yet, there are no candidates in it, or on their way. */
static void offer(void) {
    size_t length;
    pair.trickle = false;
    assert_int_equal(peer_connection_create_offer(pair.ends[0].connection, pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(pair.ends[0].connection, pair.now_us, PEER_SDP_OFFER, pair.text, length, NULL), PEER_OK);
}

static int hear(int end, enum peer_sdp_type type) {
    return peer_connection_set_remote_description(pair.ends[end].connection, pair.now_us, type, pair.text, strlen(pair.text), NULL);
}

static void answer(void) {
    size_t length;
    assert_int_equal(peer_connection_create_answer(pair.ends[1].connection, pair.now_us, pair.text, sizeof pair.text, &length, NULL), PEER_OK);
    assert_int_equal(peer_connection_set_local_description(pair.ends[1].connection, pair.now_us, PEER_SDP_ANSWER, pair.text, length, NULL), PEER_OK);
    assert_int_equal(hear(0, PEER_SDP_ANSWER), PEER_OK);
}

static void require_connected(void) {
    connection_pair_run(&pair, pair.now_us + 2 * SECOND);
    for (int end = 0; end < 2; end++)
        assert_int_equal(pair.ends[end].state, PEER_CONNECTION_CONNECTED);
}

/* ---- fingerprints ------------------------------------------------------------------------------------------------------------ */

#define SHA_1 "a=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\r\n"

static void put_before_each(char *text, const char *line, const char *more) {
    for (char *at = text; (at = strstr(at, line)) != NULL; at += strlen(more) + strlen(line)) {
        memmove(at + strlen(more), at, strlen(at) + 1);
        memcpy(at, more, strlen(more));
    }
}

/* RFC 8122 section 5: a hash that is not believed is passed over, and the certificate has to be that of one that is. */
static void test_weak_hash_beside_a_good_one(void **state) {
    (void)state;
    assert_true(connection_pair_start(&pair, 1, NULL, true));
    offer();
    put_before_each(pair.text, "a=fingerprint:sha-256", SHA_1);
    assert_int_equal(hear(1, PEER_SDP_OFFER), PEER_OK);
    answer();
    for (int end = 0; end < 2; end++) {
        connection_pair_drain(&pair, end);
        connection_pair_give_candidates(&pair, end);
    }
    require_connected();
    connection_pair_stop(&pair);
}

/* ... which alone would secure nothing: RFC 8827 section 6.5. */
static void test_weak_hash_alone(void **state) {
    (void)state;
    struct peer_transceiver facts;
    assert_true(connection_pair_start(&pair, 2, NULL, true));
    offer();
    put_before_each(pair.text, "a=fingerprint:sha-256", SHA_1);
    for (char *at; (at = strstr(pair.text, "a=fingerprint:sha-256")) != NULL;)
        memmove(at, strstr(at, "\r\n") + 2, strlen(strstr(at, "\r\n") + 2) + 1);
    assert_int_equal(hear(1, PEER_SDP_OFFER), PEER_OK);
    answer();
    for (size_t i = 0; i < 2; i++)
        assert_true(peer_connection_transceiver(pair.ends[1].connection, i, &facts) && facts.refused && strstr(facts.refused, "SHA-256 or better"));
    assert_null(peer_connection_transport(pair.ends[1].connection, 0));
    connection_pair_stop(&pair);
}

/* ---- candidates of folded sections ---------------------------------------------------------------------------------------------- */

/* RFC 9143 section 7.1.3: a later answer refuses the section that carried the BUNDLE; the candidates of the restart go with the one that does now. */
static void test_candidates_go_with_the_section_that_carries(void **state) {
    (void)state;
    const struct peer_codec_capability pcmu = {PEER_CODEC_PCMU, NULL}, opus = {PEER_CODEC_OPUS, NULL};
    const struct peer_transceiver_config audio = {.kind = PEER_AUDIO, .direction = PEER_SENDRECV, .codecs = &pcmu, .codec_count = 1};
    const struct peer_transceiver_config video = {.kind = PEER_VIDEO, .direction = PEER_SENDRECV};
    size_t index;
    assert_true(connection_pair_start(&pair, 3, NULL, false));
    assert_int_equal(peer_connection_add_transceiver(pair.ends[0].connection, &audio, &index), PEER_OK);
    assert_int_equal(peer_connection_add_transceiver(pair.ends[0].connection, &video, &index), PEER_OK);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    require_connected();
    assert_int_equal(peer_connection_restart_ice(pair.ends[0].connection, pair.now_us), PEER_OK);
    offer();
    assert_int_equal(hear(1, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(peer_connection_set_codec_preferences(pair.ends[1].connection, 0, &opus, 1), PEER_OK);
    answer();
    assert_non_null(strstr(pair.text, "m=audio 0 "));
    for (int end = 0; end < 2; end++) {
        pair.ends[end].candidate_count = 0;
        connection_pair_drain(&pair, end);
        assert_true(pair.ends[end].candidate_count > 0);
        for (size_t i = 0; i < pair.ends[end].candidate_count; i++) {
            assert_string_equal(pair.ends[end].candidates[i].mid, "1");
            assert_int_equal(pair.ends[end].candidates[i].line_index, 1);
        }
        connection_pair_give_candidates(&pair, end);
    }
    require_connected();
    connection_pair_stop(&pair);
}

/* Of the second section; an empty text is the end of them, an empty ufrag none. */
static int add_to_second(const char *text, const char *ufrag) {
    struct peer_candidate_init init = {
        .candidate = text, .candidate_length = strlen(text), .mid = "1", .mid_length = 1, .line_index = 1, .ufrag = ufrag, .ufrag_length = strlen(ufrag)};
    return peer_connection_add_ice_candidate(pair.ends[1].connection, pair.now_us, &init);
}

/* RFC 9143 section 10: the candidates that a section had before it was folded away are nobody's; those that name the transport's ufrag are the transport's. */
static void test_candidates_of_a_folded_section(void **state) {
    (void)state;
    assert_true(connection_pair_start_with(&pair, 4, NULL, true, PEER_BUNDLE_MAX_COMPAT));
    offer();
    assert_int_equal(hear(1, PEER_SDP_OFFER), PEER_OK);
    connection_pair_drain(&pair, 0); /* while both sections have transports of their own */
    answer();
    const struct connection_pair_candidate *first = NULL, *second = NULL;
    for (size_t i = 0; i < pair.ends[0].candidate_count; i++) {
        const struct connection_pair_candidate *candidate = &pair.ends[0].candidates[i];
        if (candidate->text[0] != '\0')
            *(candidate->line_index == 0 ? &first : &second) = candidate;
    }
    assert_true(first && second);
    assert_string_not_equal(first->ufrag, second->ufrag);
    assert_int_equal(add_to_second(second->text, second->ufrag), PEER_OK);
    assert_int_equal(add_to_second("candidate:1 1 udp 2130706431 10.0.0.1 6000 typ host", ""), PEER_OK);
    assert_int_equal(connection_pair_remote_candidates(&pair, 1), 0);
    assert_int_equal(add_to_second("", second->ufrag), PEER_OK); /* which is not the end of all */
    connection_pair_run(&pair, pair.now_us + SECOND);
    assert_int_equal(pair.ends[1].failures, 0);
    assert_int_equal(add_to_second(first->text, first->ufrag), PEER_OK);
    assert_int_equal(connection_pair_remote_candidates(&pair, 1), 1);
    require_connected();
    connection_pair_stop(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weak_hash_beside_a_good_one),
        cmocka_unit_test(test_weak_hash_alone),
        cmocka_unit_test(test_candidates_go_with_the_section_that_carries),
        cmocka_unit_test(test_candidates_of_a_folded_section),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
