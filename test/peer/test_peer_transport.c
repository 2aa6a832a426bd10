/* One transport: ICE, DTLS and SRTP together, the rules between them, and what an attacker can and cannot do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/peer/pair.h"

#define SECOND_US UINT64_C(1000000)

static const struct stun_address stranger = {.family = STUN_ADDRESS_IPV4, .port = 666, .ip = {192, 0, 2, 66}};

static void two_transports_connect_and_carry_srtp(void **state) {
    (void)state;
    struct pair pair = {0};
    assert_true(pair_connect(&pair, 1, 5 * SECOND_US));
    for (uint16_t i = 0; i < 100; i++) {
        assert_int_equal(pair_send_rtp(&pair, 0, i, 1000), PEER_OK);
        assert_int_equal(pair_send_rtp(&pair, 1, i, 500), PEER_OK);
        pair_run(&pair, pair.now_us + 10000);
    }
    assert_int_equal(pair_send_rtcp(&pair, 0), PEER_OK);
    pair_run(&pair, pair.now_us + SECOND_US / 10);
    assert_int_equal(pair.ends[0].rtp_received, 100);
    assert_int_equal(pair.ends[1].rtp_received, 100);
    assert_int_equal(pair.ends[1].rtcp_received, 1);
    struct peer_transport_statistics statistics;
    peer_transport_statistics(pair.ends[0].transport, &statistics);
    /* RFC 7714: AEAD_AES_128_GCM is what both prefer. */
    assert_int_equal(statistics.srtp_profile, DTLS_SRTP_AEAD_AES_128_GCM);
    assert_int_equal(statistics.srtp_unauthentic_dropped + statistics.srtp_replay_dropped + statistics.invalid_path_dropped, 0);
    pair_stop(&pair);
}

static void a_packet_comes_out_as_it_went_in(void **state) {
    (void)state;
    struct pair pair = {0};
    assert_true(pair_connect(&pair, 2, 5 * SECOND_US));
    assert_int_equal(pair_send_rtp(&pair, 1, 4660, 777), PEER_OK);
    pair_run(&pair, pair.now_us + SECOND_US / 10);
    assert_int_equal(pair.ends[0].last_length, 12 + 777);
    assert_int_equal(pair.ends[0].last_packet[2], 0x12);
    assert_int_equal(pair.ends[0].last_packet[3], 0x34);
    for (size_t i = 0; i < 777; i++)
        assert_int_equal(pair.ends[0].last_packet[12 + i], (uint8_t)(i + 4660));
    pair_stop(&pair);
}

static void nothing_is_protected_before_dtls_is_connected(void **state) {
    (void)state;
    struct pair pair;
    assert_true(pair_start(&pair, 3, NULL));
    assert_int_equal(pair_send_rtp(&pair, 0, 1, 10), PEER_ERROR_STATE);
    pair_stop(&pair);
}

static void a_small_buffer_is_refused(void **state) {
    (void)state;
    struct pair pair = {0};
    assert_true(pair_connect(&pair, 4, 5 * SECOND_US));
    uint8_t buffer[256] = {0};
    struct ice_transmit out;
    buffer[ICE_HEADROOM_BYTES] = 0x80;
    size_t length = 100, enough = ICE_HEADROOM_BYTES + length + DTLS_SRTP_MAX_OVERHEAD_BYTES + ICE_TAILROOM_BYTES;
    assert_int_equal(peer_transport_protect_rtp(pair.ends[0].transport, pair.now_us, buffer, length, enough - 1, &out), PEER_ERROR_BUFFER);
    assert_int_equal(peer_transport_protect_rtp(pair.ends[0].transport, pair.now_us, buffer, length, 0, &out), PEER_ERROR_BUFFER);
    assert_int_equal(peer_transport_protect_rtp(pair.ends[0].transport, pair.now_us, buffer, SIZE_MAX, enough, &out), PEER_ERROR_BUFFER);
    assert_int_equal(peer_transport_protect_rtp(pair.ends[0].transport, pair.now_us, buffer, length, enough, &out), PEER_OK);
    pair_stop(&pair);
}

/* RFC 8122 section 5: the certificate must be the one that the description named. */
static void a_wrong_fingerprint_fails_at_once_and_nothing_flows(void **state) {
    (void)state;
    for (int wronged = 0; wronged < 2; wronged++) {
        struct pair pair;
        assert_true(pair_start(&pair, 5, NULL));
        for (int i = 0; i < 2; i++) {
            struct peer_transport_parameters parameters;
            peer_transport_local_parameters(pair.ends[1 - i].transport, &parameters);
            if (i == wronged)
                parameters.fingerprints[0].bytes[31] ^= 1;
            assert_int_equal(peer_transport_set_remote_parameters(pair.ends[i].transport, pair.now_us, &parameters,
                                                                  i == 0 ? DTLS_ROLE_SERVER : DTLS_ROLE_CLIENT), PEER_OK);
            assert_int_equal(peer_transport_add_remote_candidate(pair.ends[i].transport, pair.now_us, &pair.ends[1 - i].candidates[0]), PEER_OK);
            pair_drain(&pair, i);
        }
        pair_run(&pair, pair.now_us + 3 * SECOND_US);
        assert_int_equal(pair.ends[wronged].state, PEER_TRANSPORT_FAILED);
        assert_int_equal(pair.ends[wronged].dtls_failure, DTLS_FAILURE_FINGERPRINT_MISMATCH);
        assert_int_not_equal(pair.ends[1 - wronged].state, PEER_TRANSPORT_CONNECTED);
        assert_int_equal(pair_send_rtp(&pair, wronged, 1, 10), PEER_ERROR_STATE);
        assert_int_equal(pair.ends[0].rtp_received + pair.ends[1].rtp_received, 0);
        pair_stop(&pair);
    }
}

static void a_description_without_fingerprint_is_refused(void **state) {
    (void)state;
    struct pair pair;
    assert_true(pair_start(&pair, 6, NULL));
    struct peer_transport_parameters parameters;
    peer_transport_local_parameters(pair.ends[1].transport, &parameters);
    parameters.fingerprint_count = 0;
    assert_int_equal(peer_transport_set_remote_parameters(pair.ends[0].transport, pair.now_us, &parameters, DTLS_ROLE_SERVER), PEER_ERROR_ARGUMENT);
    parameters.fingerprint_count = PEER_FINGERPRINT_MAX + 1;
    assert_int_equal(peer_transport_set_remote_parameters(pair.ends[0].transport, pair.now_us, &parameters, DTLS_ROLE_SERVER), PEER_ERROR_ARGUMENT);
    pair_stop(&pair);
}

/* RFC 8842 section 6: what comes by a path that no check has come by may be anybody's. It takes no place from what the peer sends. */
static void datagrams_from_nowhere_are_not_kept(void **state) {
    (void)state;
    struct pair pair;
    struct peer_transport_statistics statistics;
    static const uint8_t client_hello_like[64] = {22, 0xFE, 0xFD};
    assert_true(pair_start(&pair, 7, NULL));
    assert_int_equal(pair_inject(&pair, 0, &pair.ends[1].address, client_hello_like, sizeof client_hello_like), PEER_ERROR_UNAUTHENTIC);
    pair_describe(&pair, 1);
    pair_run(&pair, pair.now_us + SECOND_US / 10);
    for (unsigned i = 0; i < 2 * PEER_EARLY_PACKET_MAX; i++)
        assert_int_equal(pair_inject(&pair, 0, &stranger, client_hello_like, sizeof client_hello_like), PEER_ERROR_UNAUTHENTIC);
    assert_int_equal(pair_inject(&pair, 0, &pair.ends[1].address, client_hello_like, sizeof client_hello_like), PEER_OK);
    peer_transport_statistics(pair.ends[0].transport, &statistics);
    assert_int_equal(statistics.invalid_path_dropped, 2 * PEER_EARLY_PACKET_MAX + 1);
    assert_int_equal(statistics.early_kept, 1);
    assert_int_equal(statistics.early_dropped, 0);
    pair_stop(&pair);
}

/* The ClientHello overtakes the answer: it is kept, and the handshake does not wait for a retransmission. */
static void dtls_before_the_answer_is_kept(void **state) {
    (void)state;
    struct pair pair;
    assert_true(pair_start(&pair, 7, NULL));
    pair_describe(&pair, 1); /* the answerer knows all; the offerer waits for the answer */
    pair_run(&pair, pair.now_us + SECOND_US / 10); /* and has been asked by a check */
    static const uint8_t client_hello_like[64] = {22, 0xFE, 0xFD};
    assert_int_equal(pair_inject(&pair, 0, &pair.ends[1].address, client_hello_like, sizeof client_hello_like), PEER_OK);
    struct peer_transport_statistics statistics;
    peer_transport_statistics(pair.ends[0].transport, &statistics);
    assert_int_equal(statistics.early_kept, 1);
    for (unsigned i = 1; i < PEER_EARLY_PACKET_MAX; i++)
        assert_int_equal(pair_inject(&pair, 0, &pair.ends[1].address, client_hello_like, sizeof client_hello_like), PEER_OK);
    assert_int_equal(pair_inject(&pair, 0, &pair.ends[1].address, client_hello_like, sizeof client_hello_like), PEER_ERROR_CAPACITY);
    peer_transport_statistics(pair.ends[0].transport, &statistics);
    assert_int_equal(statistics.early_kept, PEER_EARLY_PACKET_MAX);
    assert_int_equal(statistics.early_dropped, 1);
    pair_describe(&pair, 0);
    pair_run(&pair, pair.now_us + 3 * SECOND_US);
    assert_true(pair_is_connected(&pair));
    pair_stop(&pair);
}

static bool lose_final_flight(void *context, int from, uint8_t *bytes, size_t length, uint64_t index) {
    unsigned *left = context;
    (void)length;
    (void)index;
    bool is_final = from == 0 && bytes[0] == 20; /* the server's ChangeCipherSpec and Finished */
    if (!is_final || *left == 0)
        return true;
    --*left;
    return false;
}

/* The server is connected first; when its last flight is lost, its media arrives before the client has the keys. It waits. */
static void media_before_the_keys_is_delivered_with_them(void **state) {
    (void)state;
    struct pair pair;
    unsigned left = 1;
    assert_true(pair_start(&pair, 17, NULL));
    pair.filter = lose_final_flight;
    pair.filter_context = &left;
    pair_describe(&pair, 1);
    pair_describe(&pair, 0);
    uint64_t until_us = pair.now_us + 3 * SECOND_US;
    while (pair.ends[0].state != PEER_TRANSPORT_CONNECTED && pair.now_us < until_us)
        pair_run(&pair, pair.now_us + 1000);
    assert_int_equal(left, 0);
    assert_int_not_equal(pair.ends[1].state, PEER_TRANSPORT_CONNECTED);
    for (uint16_t i = 0; i < 5; i++)
        assert_int_equal(pair_send_rtp(&pair, 0, i, 100), PEER_OK);
    pair_run(&pair, pair.now_us + 15000);
    struct peer_transport_statistics statistics;
    peer_transport_statistics(pair.ends[1].transport, &statistics);
    assert_int_equal(statistics.early_kept, 5);
    assert_int_equal(pair.ends[1].rtp_received, 0);
    pair_run(&pair, pair.now_us + 2 * SECOND_US);
    assert_true(pair_is_connected(&pair));
    assert_int_equal(pair.ends[1].rtp_received, 5);
    pair_stop(&pair);
}

/* RFC 8842 section 6 and RFC 7983: what does not come by a checked path, or belongs to no protocol, is dropped and counted. */
static void strangers_are_counted_and_dropped(void **state) {
    (void)state;
    struct pair pair = {0};
    assert_true(pair_connect(&pair, 8, 5 * SECOND_US));
    uint8_t bytes[100] = {22, 0xFE, 0xFD};
    assert_int_equal(pair_inject(&pair, 0, &stranger, bytes, sizeof bytes), PEER_ERROR_UNAUTHENTIC);
    bytes[0] = 0x80;
    assert_int_equal(pair_inject(&pair, 0, &stranger, bytes, sizeof bytes), PEER_ERROR_UNAUTHENTIC);
    bytes[0] = 200;
    assert_int_equal(pair_inject(&pair, 0, &stranger, bytes, sizeof bytes), PEER_ERROR_MALFORMED);
    assert_int_equal(pair_inject(&pair, 0, &stranger, bytes, 0), PEER_ERROR_MALFORMED);
    struct peer_transport_statistics statistics;
    peer_transport_statistics(pair.ends[0].transport, &statistics);
    assert_int_equal(statistics.invalid_path_dropped, 2);
    assert_int_equal(statistics.unknown_dropped, 2);
    assert_true(pair_is_connected(&pair));
    pair_stop(&pair);
}

/* security.md rows 13 and 15: forged media from the right address is dropped; plaintext too; the call goes on. */
static void forged_media_never_reaches_a_reader_nor_ends_the_call(void **state) {
    (void)state;
    struct pair pair = {0};
    assert_true(pair_connect(&pair, 9, 5 * SECOND_US));
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t forged[200];
        for (size_t k = 0; k < sizeof forged; k++)
            forged[k] = (uint8_t)pair_random(&pair);
        forged[0] = 0x80;
        forged[1] = i % 2 ? 96 : 200;
        size_t length = 12 + i % 189;
        assert_true(pair_inject(&pair, 0, &pair.ends[1].address, forged, length) < 0);
    }
    assert_int_equal(pair.ends[0].rtp_received + pair.ends[0].rtcp_received, 0);
    assert_int_equal(pair_send_rtp(&pair, 1, 1, 100), PEER_OK);
    pair_run(&pair, pair.now_us + SECOND_US / 10);
    assert_int_equal(pair.ends[0].rtp_received, 1);
    pair_stop(&pair);
}

struct flip {
    int from;
    size_t bit;
    bool is_armed;
};

static bool flip_one_bit(void *context, int from, uint8_t *bytes, size_t length, uint64_t index) {
    struct flip *flip = context;
    (void)index;
    if (flip->is_armed && from == flip->from && bytes[0] >= 128 && flip->bit < length * 8) {
        bytes[flip->bit / 8] ^= (uint8_t)(1u << flip->bit % 8);
        flip->is_armed = false;
    }
    return true;
}

static void a_flipped_bit_anywhere_loses_the_packet(void **state) {
    (void)state;
    struct pair pair = {0};
    assert_true(pair_connect(&pair, 10, 5 * SECOND_US));
    struct flip flip = {.from = 1};
    pair.filter = flip_one_bit;
    pair.filter_context = &flip;
    size_t bits = (12 + 20 + 16) * 8;
    for (size_t bit = 0; bit < bits; bit++) {
        flip.bit = bit;
        flip.is_armed = true;
        assert_int_equal(pair_send_rtp(&pair, 1, (uint16_t)bit, 20), PEER_OK);
        pair_run(&pair, pair.now_us + 20000);
        assert_false(flip.is_armed);
    }
    assert_int_equal(pair.ends[0].rtp_received, 0);
    pair_stop(&pair);
}

static void a_replayed_packet_comes_once(void **state) {
    (void)state;
    struct pair pair = {0};
    assert_true(pair_connect(&pair, 11, 5 * SECOND_US));
    pair.duplication = 1.0;
    for (uint16_t i = 0; i < 50; i++)
        assert_int_equal(pair_send_rtp(&pair, 0, i, 100), PEER_OK);
    pair_run(&pair, pair.now_us + SECOND_US / 10);
    assert_int_equal(pair.ends[1].rtp_received, 50);
    struct peer_transport_statistics statistics;
    peer_transport_statistics(pair.ends[1].transport, &statistics);
    assert_int_equal(statistics.srtp_replay_dropped, 50);
    pair_stop(&pair);
}

static void closing_tells_the_peer(void **state) {
    (void)state;
    struct pair pair = {0};
    assert_true(pair_connect(&pair, 12, 5 * SECOND_US));
    peer_transport_close(pair.ends[0].transport, pair.now_us);
    pair_drain(&pair, 0);
    assert_int_equal(pair.ends[0].state, PEER_TRANSPORT_CLOSED);
    assert_int_equal(pair_send_rtp(&pair, 0, 1, 10), PEER_ERROR_STATE);
    /* What is closed waits for nothing: a fuzzer once found it waiting for a consent check that it would not send. */
    assert_true(peer_transport_next_timeout(pair.ends[0].transport) == UINT64_MAX);
    pair_run(&pair, pair.now_us + 20 * SECOND_US);
    assert_int_equal(pair.ends[1].state, PEER_TRANSPORT_CLOSED);
    pair_stop(&pair);
}

/* RFC 7675 section 5.1: a peer that vanishes is noticed within 30 s, and nothing is sent to it from then on. */
static void a_vanished_peer_is_noticed_by_consent(void **state) {
    (void)state;
    struct pair pair = {0};
    assert_true(pair_connect(&pair, 13, 5 * SECOND_US));
    pair.loss = 1.0;
    uint64_t lost_us = pair.now_us;
    while (pair.ends[0].state != PEER_TRANSPORT_FAILED && pair.now_us < lost_us + 40 * SECOND_US)
        pair_run(&pair, pair.now_us + SECOND_US / 10);
    assert_int_equal(pair.ends[0].state, PEER_TRANSPORT_FAILED);
    assert_in_range(pair.now_us - lost_us, 23 * SECOND_US, 31 * SECOND_US);
    assert_int_equal(pair_send_rtp(&pair, 0, 1, 10), PEER_ERROR_STATE);
    pair_stop(&pair);
}

static void loss_delays_but_does_not_prevent(void **state) {
    (void)state;
    uint64_t sent = 0, lost = 0, doubled = 0;
    for (uint64_t seed = 100; seed < 140; seed++) {
        struct pair pair;
        assert_true(pair_start(&pair, seed, NULL));
        pair.loss = 0.2;
        pair.duplication = 0.1;
        if (!pair_connect(&pair, seed, 40 * SECOND_US))
            fail_msg("seed %llu: offer %s, answer %s", (unsigned long long)seed, peer_transport_state_name(pair.ends[0].state),
                     peer_transport_state_name(pair.ends[1].state));
        sent += pair.sent;
        lost += pair.lost;
        doubled += pair.doubled;
        pair_stop(&pair);
    }
    /* A quiet wire must not pass for a bad one. */
    assert_true(sent > 300 && lost > sent / 7 && doubled > sent / 25);
}

struct failing_allocator {
    size_t allowed, live;
};

static void *failing_allocate(void *context, size_t bytes) {
    struct failing_allocator *allocator = context;
    if (allocator->allowed == 0)
        return NULL;
    allocator->allowed--;
    allocator->live++;
    return malloc(bytes);
}

static void failing_release(void *context, void *memory) {
    struct failing_allocator *allocator = context;
    if (memory)
        allocator->live--;
    free(memory);
}

static void every_allocation_may_fail_once(void **state) {
    (void)state;
    bool has_survived = false;
    for (size_t allowed = 0; allowed < 400 && !has_survived; allowed++) {
        struct failing_allocator failing = {allowed, 0};
        struct ice_allocator allocator = {failing_allocate, failing_release, &failing};
        struct pair pair;
        if (pair_start(&pair, 14, &allocator)) {
            has_survived = pair_connect(&pair, 14, 3 * SECOND_US);
            pair_stop(&pair);
        }
        assert_int_equal(failing.live, 0);
    }
    assert_true(has_survived);
}

/* Contract, promise 9: per-packet paths allocate nothing of ours. */
static void packets_allocate_nothing(void **state) {
    (void)state;
    struct failing_allocator counting = {1000000, 0};
    struct ice_allocator allocator = {failing_allocate, failing_release, &counting};
    struct pair pair;
    assert_true(pair_start(&pair, 15, &allocator));
    assert_true(pair_connect(&pair, 15, 5 * SECOND_US));
    pair_run(&pair, pair.now_us + SECOND_US);
    size_t allowed = counting.allowed;
    for (uint16_t i = 0; i < 500; i++) {
        assert_int_equal(pair_send_rtp(&pair, 0, i, 1000), PEER_OK);
        assert_int_equal(pair_send_rtcp(&pair, 1), PEER_OK);
        pair_run(&pair, pair.now_us + 20000);
    }
    assert_int_equal(counting.allowed, allowed);
    assert_int_equal(pair.ends[1].rtp_received, 500);
    pair_stop(&pair);
}

static void the_key_log_holds_one_line(void **state) {
    (void)state;
    struct pair pair = {0};
    assert_true(pair_connect(&pair, 16, 5 * SECOND_US));
    assert_memory_equal(pair.ends[0].key_log, "CLIENT_RANDOM ", 14);
    assert_string_equal(pair.ends[0].key_log, pair.ends[1].key_log);
    pair_stop(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_transports_connect_and_carry_srtp),
        cmocka_unit_test(a_packet_comes_out_as_it_went_in),
        cmocka_unit_test(nothing_is_protected_before_dtls_is_connected),
        cmocka_unit_test(a_small_buffer_is_refused),
        cmocka_unit_test(a_wrong_fingerprint_fails_at_once_and_nothing_flows),
        cmocka_unit_test(a_description_without_fingerprint_is_refused),
        cmocka_unit_test(datagrams_from_nowhere_are_not_kept),
        cmocka_unit_test(dtls_before_the_answer_is_kept),
        cmocka_unit_test(media_before_the_keys_is_delivered_with_them),
        cmocka_unit_test(strangers_are_counted_and_dropped),
        cmocka_unit_test(forged_media_never_reaches_a_reader_nor_ends_the_call),
        cmocka_unit_test(a_flipped_bit_anywhere_loses_the_packet),
        cmocka_unit_test(a_replayed_packet_comes_once),
        cmocka_unit_test(closing_tells_the_peer),
        cmocka_unit_test(a_vanished_peer_is_noticed_by_consent),
        cmocka_unit_test(loss_delays_but_does_not_prevent),
        cmocka_unit_test(every_allocation_may_fail_once),
        cmocka_unit_test(packets_allocate_nothing),
        cmocka_unit_test(the_key_log_holds_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
