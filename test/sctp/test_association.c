/* Two associations: messages, events, limits, memory. The handshake, the end and the resets have files of their own. */
#include "association_pair.h"

#include <stdio.h>

static void connects_and_talks(void **state) {
    (void)state;
    struct pair *pair = two_connected(1);
    const struct pair_event *connected = two_find(pair, 0, SCTP_EVENT_CONNECTED, 0);
    assert_int_equal(connected->event.outbound_streams, 65535);
    assert_true(connected->event.is_partially_reliable && connected->event.can_reset_streams);
    assert_false(connected->event.is_interleaved || connected->event.is_without_checksum);
    assert_int_equal(two_send(pair, 0, 0, "hello"), SCTP_OK);
    assert_int_equal(two_send(pair, 1, 65534, "world"), SCTP_OK);
    two_run(pair, 100000);
    const struct pair_event *here = two_find(pair, 1, SCTP_EVENT_MESSAGE, 0), *there = two_find(pair, 0, SCTP_EVENT_MESSAGE, 0);
    assert_string_equal(here->text, "hello");
    assert_int_equal(here->event.message.payload_protocol, 51);
    assert_string_equal(there->text, "world");
    assert_int_equal(there->event.message.stream, 65534);
    assert_int_equal(two_statistics(pair, 0).state, SCTP_STATE_ESTABLISHED);
    two_free(pair);
}

/* A 64-byte message leaves in the drain that follows its send. */
static void leaves_at_once(void **state) {
    (void)state;
    struct pair *pair = two_connected(2);
    uint8_t packet[PAIR_PACKET_BYTES];
    struct sctp_transmit out;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(two_send_bytes(pair, 0, 3, 64), SCTP_OK);
        assert_true(sctp_association_poll_transmit(pair->end[0].association, pair->now_us, packet, sizeof packet, &out));
        struct sctp_chunk chunk;
        assert_true(two_find_chunk(packet, out.length, SCTP_CHUNK_DATA, &chunk));
        two_give(pair, 1, packet, out.length);
        two_run(pair, 300); /* no acknowledgement has come */
    }
    assert_int_equal(pair->end[1].messages, 20);
    two_free(pair);
}

static void carries_large_messages(void **state) {
    (void)state;
    for (int interleaved = 0; interleaved < 2; interleaved++) {
        struct sctp_association_config config = {.wants_interleaving = interleaved == 1, .accepts_zero_checksum = interleaved == 1};
        struct pair *pair = two_new(3, &config, &config);
        sctp_association_connect(pair->end[0].association, pair->now_us);
        two_run(pair, 100000);
        assert_int_equal(two_find(pair, 1, SCTP_EVENT_CONNECTED, 0)->event.is_interleaved, interleaved == 1);
        assert_int_equal(two_find(pair, 0, SCTP_EVENT_CONNECTED, 0)->event.is_without_checksum, interleaved == 1);
        assert_int_equal(two_send_bytes(pair, 0, 1, 262144), SCTP_OK);
        assert_int_equal(two_send_bytes(pair, 1, 2, 100000), SCTP_OK);
        two_run(pair, 5000000);
        assert_int_equal(two_find(pair, 1, SCTP_EVENT_MESSAGE, 0)->length, 262144);
        assert_int_equal(two_find(pair, 0, SCTP_EVENT_MESSAGE, 0)->length, 100000);
        assert_true(pair->end[0].longest_packet <= SCTP_PACKET_DEFAULT_BYTES);
        two_free(pair);
    }
}

/* A message of message_max_bytes is received, one more byte ends the association. */
static void limits_messages(void **state) {
    (void)state;
    for (size_t length = 4999; length <= 5001; length++) {
        struct sctp_association_config config = {.message_max_bytes = 5000};
        struct pair *pair = two_new(4, NULL, &config);
        sctp_association_connect(pair->end[0].association, pair->now_us);
        two_run(pair, 100000);
        assert_int_equal(two_send_bytes(pair, 0, 1, length), SCTP_OK);
        two_run(pair, 1000000);
        assert_int_equal(two_count(pair, 1, SCTP_EVENT_MESSAGE), length <= 5000);
        if (length > 5000) {
            assert_int_equal(two_find(pair, 1, SCTP_EVENT_CLOSED, 0)->event.reason, SCTP_CLOSED_PROTOCOL_VIOLATION);
            assert_int_equal(two_find(pair, 0, SCTP_EVENT_CLOSED, 0)->event.reason, SCTP_CLOSED_PEER_ABORTED);
        }
        two_free(pair);
    }
}

static void refuses_what_is_wrong(void **state) {
    (void)state;
    struct sctp_association_config config = {.outbound_streams = 10, .send_bytes = 65536};
    struct pair *pair = two_new(5, &config, NULL);
    struct sctp_association *a = pair->end[0].association;
    uint16_t stream = 1;
    assert_int_equal(two_send(pair, 0, 0, "early"), SCTP_ERROR_STATE);
    assert_int_equal(sctp_association_reset_streams(a, pair->now_us, &stream, 1), SCTP_ERROR_STATE);
    assert_int_equal(sctp_association_set_buffered_low(a, 1, 1), SCTP_ERROR_STATE);
    assert_int_equal(sctp_association_buffered(a, 0), 0);
    sctp_association_connect(a, pair->now_us);
    two_run(pair, 100000);
    assert_int_equal(two_send(pair, 0, 9, "last"), SCTP_OK);
    assert_int_equal(two_send(pair, 0, 10, "beyond"), SCTP_ERROR_ARGUMENT);
    assert_int_equal(two_send(pair, 0, 1, ""), SCTP_ERROR_ARGUMENT);
    assert_int_equal(two_send_bytes(pair, 0, 1, 65537), SCTP_ERROR_ARGUMENT);
    stream = 10;
    assert_int_equal(sctp_association_reset_streams(a, pair->now_us, &stream, 1), SCTP_ERROR_ARGUMENT);
    assert_int_equal(sctp_association_reset_streams(a, pair->now_us, &stream, 0), SCTP_ERROR_ARGUMENT);
    assert_int_equal(sctp_association_set_buffered_low(a, 10, 1), SCTP_ERROR_ARGUMENT);
    assert_int_equal(sctp_association_connect(a, pair->now_us), SCTP_OK); /* it is */
    two_run(pair, 100000);
    assert_int_equal(two_count(pair, 1, SCTP_EVENT_MESSAGE), 1);
    two_free(pair);
}

static void configurations(void **state) {
    (void)state;
    struct pair *pair = two_new(6, NULL, NULL);
    const struct sctp_association_config good = two_config(pair);
    struct sctp_association_config bad[] = {good, good, good, good, good, good, good, good};
    bad[0].random = NULL;
    bad[1].packet_bytes = SCTP_PACKET_SMALLEST_BYTES - 4;
    bad[2].packet_bytes = SCTP_PACKET_LARGEST_BYTES + 4;
    bad[3].packet_bytes = 1162;
    bad[4].packet_max_bytes = 1000;
    bad[5].receive_bytes = SCTP_RECEIVE_SMALLEST_BYTES - 1;
    bad[6].send_bytes = SCTP_SEND_SMALLEST_BYTES - 1;
    bad[7].send_bytes = (size_t)SCTP_BUFFER_LARGEST_BYTES + 1;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bad[i].random_context = pair;
        assert_null(sctp_association_new(&bad[i], 0));
    }
    struct sctp_association_config edges[] = {good, good, good, good};
    edges[0].packet_bytes = SCTP_PACKET_SMALLEST_BYTES;
    edges[1].packet_bytes = SCTP_PACKET_LARGEST_BYTES;
    edges[2].receive_bytes = SCTP_RECEIVE_SMALLEST_BYTES;
    edges[3].send_bytes = SCTP_SEND_SMALLEST_BYTES;
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        edges[i].random_context = pair;
        struct sctp_association *a = sctp_association_new(&edges[i], 0);
        assert_non_null(a);
        sctp_association_free(a);
    }
    sctp_association_free(NULL);
    two_free(pair);
}

/* Back-pressure: CAPACITY, then SENDABLE; everything arrives once; nothing grows beyond the budgets. */
static void bounds_memory(void **state) {
    (void)state;
    struct sctp_association_config config = {.send_bytes = 131072, .receive_bytes = 131072, .message_max_bytes = 20000};
    struct pair *pair = two_new(7, &config, &config);
    sctp_association_connect(pair->end[0].association, pair->now_us);
    two_run(pair, 100000);
    pair->end[1].is_deaf = true;
    size_t sent = 0;
    int result = SCTP_OK;
    for (int i = 0; i < 1000; i++) {
        result = two_send_bytes(pair, 0, 1, 10000);
        sent += result == SCTP_OK;
        two_run(pair, 20000);
    }
    assert_int_equal(result, SCTP_ERROR_CAPACITY);
    assert_true(pair->most_allocated_bytes < 2 * (131072 + 65536));
    assert_true(sent < 30);
    assert_true(two_statistics(pair, 1).window_bytes < 20000);
    size_t sendable = two_count(pair, 0, SCTP_EVENT_SENDABLE);
    pair->end[1].is_deaf = false;
    two_run(pair, 5000000);
    assert_int_equal(pair->end[1].messages, sent);
    assert_true(two_count(pair, 0, SCTP_EVENT_SENDABLE) > sendable);
    assert_int_equal(two_send_bytes(pair, 0, 1, 10000), SCTP_OK);
    two_free(pair);
}

static void tells_of_low_water(void **state) {
    (void)state;
    struct pair *pair = two_connected(8);
    assert_int_equal(sctp_association_set_buffered_low(pair->end[0].association, 4, 1000), SCTP_OK);
    assert_int_equal(two_send_bytes(pair, 0, 4, 200000), SCTP_OK);
    assert_int_equal(sctp_association_buffered(pair->end[0].association, 4), 200000);
    assert_int_equal(sctp_association_buffered_total(pair->end[0].association), 200000);
    two_run(pair, 5000000);
    assert_int_equal(two_count(pair, 0, SCTP_EVENT_BUFFERED_LOW), 1);
    assert_int_equal(two_find(pair, 0, SCTP_EVENT_BUFFERED_LOW, 0)->event.stream, 4);
    assert_int_equal(sctp_association_buffered(pair->end[0].association, 4), 0);
    two_free(pair);
}

/* An idle association, its first messages sent and read, takes less than SCTP_ASSOCIATION_IDLE_BYTES. */
static void is_small_when_idle(void **state) {
    (void)state;
    struct pair *pair = two_connected(9);
    assert_true(pair->allocated_bytes / 2 < SCTP_ASSOCIATION_IDLE_BYTES);
    two_send(pair, 0, 0, "one");
    two_send(pair, 1, 1, "two");
    two_run(pair, 5000000);
    assert_int_equal(pair->end[0].messages + pair->end[1].messages, 2);
    assert_true(pair->allocated_bytes / 2 < SCTP_ASSOCIATION_IDLE_BYTES);
    two_free(pair);
}

/* docs/contract.md, promise 9: packets in steady state allocate nothing. */
static void allocates_nothing_per_packet(void **state) {
    (void)state;
    struct pair *pair = two_connected(10);
    for (int i = 0; i < 50; i++) {
        two_send_bytes(pair, 0, 1, 8000);
        two_run(pair, 30000);
    }
    size_t before = pair->allocations;
    for (int i = 0; i < 500; i++) {
        two_send_bytes(pair, 0, 1, 8000);
        two_run(pair, 30000);
    }
    assert_int_equal(pair->end[1].messages, 550);
    assert_int_equal(pair->allocations, before);
    two_free(pair);
}

/* Each allocation fails once: the association goes on, or ends with SCTP_CLOSED_MEMORY; nothing leaks (two_free looks). */
static void survives_each_failed_allocation(void **state) {
    (void)state;
    for (size_t n = 3; n < 60; n++) {
        struct pair *pair = two_new(11, NULL, NULL);
        pair->fail_at = n;
        sctp_association_connect(pair->end[0].association, pair->now_us);
        two_run(pair, 3000000);
        uint16_t streams[] = {5, 6};
        two_send_bytes(pair, 0, 5, 30000);
        two_send(pair, 1, 7, "back");
        sctp_association_reset_streams(pair->end[0].association, pair->now_us, streams, 2);
        two_run(pair, 3000000);
        for (unsigned end = 0; end < 2; end++) {
            const struct pair_event *closed = two_find(pair, end, SCTP_EVENT_CLOSED, 0);
            if (closed)
                assert_true(closed->event.reason == SCTP_CLOSED_MEMORY || closed->event.reason == SCTP_CLOSED_PEER_ABORTED);
        }
        two_free(pair);
    }
}

/* RFC 9260 section 6.8: a wrong checksum is dropped. RFC 9653 section 5.3: zero is none, where that was said. */
static void checks_checksums(void **state) {
    (void)state;
    struct pair *pair = two_connected(12);
    uint8_t packet[PAIR_PACKET_BYTES];
    two_send(pair, 0, 0, "sealed");
    two_drain(pair, 0);
    size_t length = two_take_packet(pair, 0, packet);
    packet[length - 1] ^= 1;
    assert_int_equal(two_give(pair, 1, packet, length), SCTP_ERROR_CHECKSUM);
    memset(packet + 8, 0, 4);
    packet[length - 1] ^= 1;
    assert_int_equal(two_give(pair, 1, packet, length), SCTP_ERROR_CHECKSUM);
    assert_int_equal(two_statistics(pair, 1).checksums_wrong, 2);
    assert_int_equal(pair->end[1].messages, 0);
    two_run(pair, 3000000);
    assert_int_equal(pair->end[1].messages, 1); /* the second time */
    two_free(pair);
}

static bool note_checksums(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length) {
    size_t *zeros = pair->context;
    struct sctp_chunk chunk;
    (void)n;
    bool is_zero = bytes[8] == 0 && bytes[9] == 0 && bytes[10] == 0 && bytes[11] == 0;
    zeros[from] += is_zero;
    /* RFC 9653 section 5.2, MUST: INIT and COOKIE ECHO have theirs. */
    if (two_find_chunk(bytes, length, SCTP_CHUNK_INIT, &chunk) || two_find_chunk(bytes, length, SCTP_CHUNK_COOKIE_ECHO, &chunk))
        assert_false(is_zero);
    return true;
}

static void leaves_checksums_out(void **state) {
    (void)state;
    for (int both = 0; both < 2; both++) {
        struct sctp_association_config yes = {.accepts_zero_checksum = true};
        struct pair *pair = two_new(13, &yes, both == 1 ? &yes : NULL);
        size_t zeros[2] = {0, 0};
        pair->context = zeros;
        pair->filter = note_checksums;
        sctp_association_connect(pair->end[0].association, pair->now_us);
        two_run(pair, 100000);
        two_send(pair, 0, 0, "x");
        two_send(pair, 1, 0, "y");
        two_run(pair, 1000000);
        assert_int_equal(pair->end[0].messages + pair->end[1].messages, 2);
        assert_int_equal(zeros[0] > 0, both == 1);
        assert_int_equal(zeros[1] > 0, both == 1);
        two_free(pair);
    }
}

static void names(void **state) {
    (void)state;
    assert_string_equal(sctp_association_state_name(SCTP_STATE_SHUTDOWN_ACK_SENT), "shutdown ack sent");
    assert_string_equal(sctp_association_state_name(SCTP_STATE_COOKIE_WAIT), "cookie wait");
    assert_string_equal(sctp_association_state_name((enum sctp_association_state)99), "unknown");
    assert_string_equal(sctp_closed_reason_name(SCTP_CLOSED_PEER_ABORTED), "peer aborted");
    assert_string_equal(sctp_closed_reason_name((enum sctp_closed_reason)99), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects_and_talks), cmocka_unit_test(leaves_at_once), cmocka_unit_test(carries_large_messages),
        cmocka_unit_test(limits_messages), cmocka_unit_test(refuses_what_is_wrong), cmocka_unit_test(configurations),
        cmocka_unit_test(bounds_memory), cmocka_unit_test(tells_of_low_water), cmocka_unit_test(is_small_when_idle),
        cmocka_unit_test(allocates_nothing_per_packet), cmocka_unit_test(survives_each_failed_allocation),
        cmocka_unit_test(checks_checksums), cmocka_unit_test(leaves_checksums_out), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
