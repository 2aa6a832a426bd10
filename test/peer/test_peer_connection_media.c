/* Frames through a whole call: both ways, in order, bit for bit; loss, key frame requests, goodbye. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "test/peer/connection_pair.h"

#define SECOND_US UINT64_C(1000000)

static void start_call(struct connection_pair *pair, uint64_t seed) {
    assert_true(connection_pair_connect(pair, seed));
    pair->media_from_us = pair->now_us;
}

/* Lets what is under way arrive: no new frames. */
static void stop_media(struct connection_pair *pair) {
    pair->media_from_us = UINT64_MAX;
    connection_pair_run(pair, pair->now_us + SECOND_US);
}

static void test_audio_and_video_both_ways(void **state) {
    (void)state;
    struct connection_pair pair;
    start_call(&pair, 1);
    connection_pair_run(&pair, pair.now_us + 5 * SECOND_US);
    stop_media(&pair);
    for (int i = 0; i < 2; i++) {
        const struct connection_end *end = &pair.ends[i], *other = &pair.ends[1 - i];
        for (size_t t = 0; t < 2; t++) {
            assert_int_equal(end->frames_received[t], other->frames_sent[t]);
            assert_int_equal(end->broken_frames[t], 0);
            assert_int_equal(end->lost_reported[t], 0);
        }
        assert_in_range(end->frames_received[CONNECTION_PAIR_AUDIO], 250, 252);
        assert_in_range(end->frames_received[CONNECTION_PAIR_VIDEO], 150, 152);
        assert_true(end->key_frames_received[CONNECTION_PAIR_VIDEO] >= 1);
    }
    connection_pair_stop(&pair);
}

/* RFC 4585 section 6.3.1: loss of video asks for a key frame, and with it the picture comes back. No broken frame in between. */
static void test_video_recovers_from_loss(void **state) {
    (void)state;
    struct connection_pair pair;
    start_call(&pair, 2);
    pair.loss = 0.05;
    connection_pair_run(&pair, pair.now_us + 10 * SECOND_US);
    pair.loss = 0;
    connection_pair_run(&pair, pair.now_us + 2 * SECOND_US);
    unsigned before[2] = {pair.ends[0].frames_received[CONNECTION_PAIR_VIDEO], pair.ends[1].frames_received[CONNECTION_PAIR_VIDEO]};
    uint32_t sent[2] = {pair.ends[0].frames_sent[CONNECTION_PAIR_VIDEO], pair.ends[1].frames_sent[CONNECTION_PAIR_VIDEO]};
    connection_pair_run(&pair, pair.now_us + 2 * SECOND_US);
    assert_true(pair.lost > 50); /* the wire did its part */
    for (int i = 0; i < 2; i++) {
        const struct connection_end *end = &pair.ends[i];
        assert_true(end->key_frame_requests[CONNECTION_PAIR_VIDEO] >= 1);
        assert_true(end->key_frames_received[CONNECTION_PAIR_VIDEO] >= 2);
        assert_int_equal(end->broken_frames[CONNECTION_PAIR_VIDEO], 0);
        assert_int_equal(end->broken_frames[CONNECTION_PAIR_AUDIO], 0);
        /* what audio lost was said, so that a decoder can conceal it */
        uint32_t missing = pair.ends[1 - i].frames_sent[CONNECTION_PAIR_AUDIO] - end->frames_received[CONNECTION_PAIR_AUDIO];
        assert_true(end->lost_reported[CONNECTION_PAIR_AUDIO] > 0);
        assert_true(end->lost_reported[CONNECTION_PAIR_AUDIO] <= missing);
        /* and after the loss everything flows again */
        assert_in_range(end->frames_received[CONNECTION_PAIR_VIDEO] - before[i], pair.ends[1 - i].frames_sent[CONNECTION_PAIR_VIDEO] - sent[1 - i] - 3,
                        pair.ends[1 - i].frames_sent[CONNECTION_PAIR_VIDEO] - sent[1 - i] + 3);
    }
    connection_pair_stop(&pair);
}

static void test_a_decoder_may_ask_for_a_key_frame(void **state) {
    (void)state;
    struct connection_pair pair;
    start_call(&pair, 3);
    connection_pair_run(&pair, pair.now_us + SECOND_US);
    assert_int_equal(peer_connection_request_key_frame(pair.ends[0].connection, pair.now_us, CONNECTION_PAIR_VIDEO), PEER_OK);
    assert_int_equal(peer_connection_request_key_frame(pair.ends[0].connection, pair.now_us, 2), PEER_ERROR_NOT_FOUND);
    connection_pair_drain(&pair, 0);
    unsigned keys = pair.ends[0].key_frames_received[CONNECTION_PAIR_VIDEO];
    connection_pair_run(&pair, pair.now_us + SECOND_US / 2);
    assert_int_equal(pair.ends[1].key_frame_requests[CONNECTION_PAIR_VIDEO], 1);
    assert_int_equal(pair.ends[0].key_frames_received[CONNECTION_PAIR_VIDEO], keys + 1);
    connection_pair_stop(&pair);
}

static void test_frames_that_are_refused(void **state) {
    (void)state;
    struct connection_pair pair;
    uint8_t byte = 0x78;
    assert_true(connection_pair_connect(&pair, 4));
    struct peer_connection *connection = pair.ends[0].connection;
    assert_int_equal(peer_connection_send_frame(connection, pair.now_us, 0, &(struct peer_frame){.bytes = &byte, .length = 0}), PEER_ERROR_ARGUMENT);
    assert_int_equal(peer_connection_send_frame(connection, pair.now_us, 0, &(struct peer_frame){.bytes = &byte, .length = PEER_FRAME_MAX_BYTES + 1}),
                     PEER_ERROR_ARGUMENT);
    assert_int_equal(peer_connection_send_frame(connection, pair.now_us, 0,
                                                &(struct peer_frame){.bytes = &byte, .length = 1, .capture_us = pair.now_us + 1}), PEER_ERROR_ARGUMENT);
    assert_int_equal(peer_connection_send_frame(connection, pair.now_us, 9, &(struct peer_frame){.bytes = &byte, .length = 1}), PEER_ERROR_NOT_FOUND);
    assert_int_equal(peer_connection_send_frame(connection, pair.now_us, 0, &(struct peer_frame){.bytes = &byte, .length = 1}), PEER_OK);
    /* the queue is bounded: frames that nobody drains are refused at last, and said so */
    int error = PEER_OK;
    for (int i = 0; i < 5000 && error == PEER_OK; i++)
        error = connection_pair_send_frame(&pair, 0, CONNECTION_PAIR_VIDEO);
    assert_int_equal(error, PEER_ERROR_CAPACITY);
    peer_connection_close(connection, pair.now_us);
    assert_int_equal(peer_connection_send_frame(connection, pair.now_us, 0, &(struct peer_frame){.bytes = &byte, .length = 1}), PEER_ERROR_STATE);
    assert_int_equal(peer_connection_request_key_frame(connection, pair.now_us, 1), PEER_ERROR_STATE);
    connection_pair_stop(&pair);
}

/* RFC 3550 section 6.3.7: BYE before close_notify, so that the peer's tracks end before its connection does. */
static void test_goodbye(void **state) {
    (void)state;
    struct connection_pair pair;
    start_call(&pair, 5);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND_US);
    pair.media_from_us = UINT64_MAX;
    peer_connection_close(pair.ends[1].connection, pair.now_us);
    unsigned sent_by_then = pair.ends[1].packets_rtp;
    connection_pair_drain(&pair, 1);
    assert_true(pair.ends[1].packets_rtp > sent_by_then);
    connection_pair_run(&pair, pair.now_us + SECOND_US);
    assert_int_equal(pair.ends[0].ended, 2);
    assert_int_equal(pair.ends[0].closed_by_peer, 1);
    connection_pair_stop(&pair);
}

/* Directions: what one end does not send, the other does not receive (RFC 3264 section 6.1). */
static void test_one_way(void **state) {
    (void)state;
    struct connection_pair pair;
    size_t t;
    assert_true(connection_pair_start(&pair, 6, NULL, false));
    for (int kind = 0; kind < 2; kind++)
        assert_int_equal(peer_connection_add_transceiver(pair.ends[0].connection,
                                                         &(struct peer_transceiver_config){.kind = (enum peer_media_kind)kind, .direction = PEER_SENDONLY}, &t), PEER_OK);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    connection_pair_run(&pair, pair.now_us + SECOND_US);
    assert_int_equal(pair.ends[0].tracks, 0);
    assert_int_equal(pair.ends[1].tracks, 2);
    assert_int_equal(connection_pair_send_frame(&pair, 1, CONNECTION_PAIR_AUDIO), PEER_ERROR_STATE);
    assert_int_equal(connection_pair_send_frame(&pair, 0, CONNECTION_PAIR_AUDIO), PEER_OK);
    connection_pair_run(&pair, pair.now_us + SECOND_US);
    assert_int_equal(pair.ends[1].frames_received[CONNECTION_PAIR_AUDIO], 1);
    connection_pair_stop(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_audio_and_video_both_ways),
        cmocka_unit_test(test_video_recovers_from_loss),
        cmocka_unit_test(test_a_decoder_may_ask_for_a_key_frame),
        cmocka_unit_test(test_frames_that_are_refused),
        cmocka_unit_test(test_goodbye),
        cmocka_unit_test(test_one_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
