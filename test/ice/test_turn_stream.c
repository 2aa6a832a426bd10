/* TURN on a byte stream: RFC 8656 section 12.5, RFC 8489 section 6.2.2. */
#include "test_ice.h"

#include "turn_fixture.h"

static struct turn_fixture f;
static struct stun_address peer;

static int setup(void **state) {
    (void)state;
    turn_fixture_init(&f, ICE_TRANSPORT_TCP);
    peer = turn_server_address("198.51.100.20", 7000);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    turn_fixture_free(&f);
    return 0;
}

static void allocate_and_bind(void) {
    turn_fixture_allocate(&f);
    assert_int_equal(ice_turn_client_bind(f.client, f.now_us, &peer), ICE_OK);
    turn_fixture_drain(&f);
    assert_int_equal(turn_server_channel(&f.server, f.now_us, &peer), 0x4000);
}

static size_t append_data(uint8_t *out, size_t at, size_t capacity, size_t payload_bytes, bool indication) {
    static uint8_t payload[8192];
    for (size_t i = 0; i < payload_bytes; i++)
        payload[i] = (uint8_t)(i + payload_bytes);
    uint16_t channel = f.server.channels[0].channel;
    if (indication)
        f.server.channels[0].channel = 0;
    size_t length = turn_server_data(&f.server, &peer, payload, payload_bytes, true, out + at, capacity - at);
    f.server.channels[0].channel = channel;
    return at + length;
}

/* The whole exchange in chunks of every small size. */
static void chunked_exchange(void **state) {
    (void)state;
    for (size_t chunk = 1; chunk <= 40; chunk++) {
        turn_fixture_free(&f);
        turn_fixture_init(&f, ICE_TRANSPORT_TCP);
        f.chunk_bytes = chunk;
        allocate_and_bind();
        for (size_t length = 0; length < 10; length++) {
            assert_int_equal(turn_fixture_deliver_data(&f, &peer, "0123456789", length), ICE_OK);
            assert_int_equal(f.received, length + 1);
            assert_int_equal(f.payload_length, length);
            assert_memory_equal(f.payload, "0123456789", length);
        }
        assert_int_equal(turn_fixture_status(&f).malformed_dropped, 0);
    }
}

/* Many messages in one chunk, ChannelData and indications and an answer among them; then the same bytes cut at every place. */
static void cut_anywhere(void **state) {
    (void)state;
    uint8_t bytes[2048], answer[1024], buffer[2048];
    struct ice_transmit out;
    static const size_t lengths[] = {5, 0, 1, 100, 3, 4};
    allocate_and_bind();
    for (size_t cut = 0;; cut++) {
        size_t length = 0, received = f.received;
        for (size_t i = 0; i < 3; i++)
            length = append_data(bytes, length, sizeof bytes, lengths[i], i == 1);
        ice_turn_client_refresh(f.client, f.now_us);
        assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
        size_t answer_bytes = turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer);
        memcpy(bytes + length, answer, answer_bytes);
        length += answer_bytes;
        for (size_t i = 3; i < 6; i++)
            length = append_data(bytes, length, sizeof bytes, lengths[i], i == 4);
        if (cut > length)
            break;
        assert_int_equal(turn_fixture_deliver(&f, bytes, cut), ICE_OK);
        assert_int_equal(turn_fixture_deliver(&f, bytes + cut, length - cut), ICE_OK);
        assert_int_equal(f.received - received, 6);
        assert_int_equal(f.payload_length, 4);
        assert_true(f.client->requests[0].kind == ICE_TURN_REQUEST_FREE); /* the answer was taken */
    }
    assert_int_equal(turn_fixture_status(&f).datagrams_relayed_in, f.received);
}

/* What the last call brought can be read twice, the message that was completed from an earlier chunk included. */
static void rewinds(void **state) {
    (void)state;
    uint8_t bytes[512];
    struct ice_turn_received received;
    allocate_and_bind();
    size_t first = append_data(bytes, 0, sizeof bytes, 7, false), second = append_data(bytes, first, sizeof bytes, 9, true),
           third = append_data(bytes, second, sizeof bytes, 11, false);
    assert_int_equal(ice_turn_client_handle_stream_bytes(f.client, f.now_us, &f.path, bytes, 6), ICE_OK);
    assert_false(ice_turn_client_poll_received(f.client, &received));
    assert_int_equal(ice_turn_client_handle_stream_bytes(f.client, f.now_us, &f.path, bytes + 6, third - 6 - 2), ICE_OK);
    for (int i = 0; i < 2; i++) {
        assert_true(ice_turn_client_poll_received(f.client, &received));
        assert_int_equal(received.length, 7);
        assert_int_equal(received.bytes[6], 13);
        assert_true(ice_turn_client_poll_received(f.client, &received));
        assert_int_equal(received.length, 9);
        assert_false(ice_turn_client_poll_received(f.client, &received)); /* the third is not whole */
        ice_turn_client_rewind_received(f.client);
    }
    assert_int_equal(ice_turn_client_handle_stream_bytes(f.client, f.now_us, &f.path, bytes + third - 2, 2), ICE_OK);
    assert_true(ice_turn_client_poll_received(f.client, &received));
    assert_int_equal(received.length, 11);
}

/* A stream that does not make sense: no guess, an end. While nothing is allocated, ChannelData is none either ("HTTP" begins like it). */
static void broken_before_allocated(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {{"HTTP/1.1 400 Bad Request\r\n\r\n", 28}, {"\x80\x60\x00\x00", 4}, {"\x50\x00\x00\x00", 4}, {"\x01\x13\x00\x02", 4},
                 {"\x01\x13\x00\x00\x21\x12\xA4\x43" "012345678901", 20}, {"\x40\x00\x00\x00", 4}, {"\x16\x03\x01\x00\x05xxxxx", 10}, {"SSH-2.0-x\r\n", 11}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t chunk = 0; chunk < 2; chunk++) {
            turn_fixture_free(&f);
            turn_fixture_init(&f, ICE_TRANSPORT_TCP);
            f.drop = 1;
            turn_fixture_start(&f);
            turn_fixture_drain(&f);
            assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATING);
            f.chunk_bytes = chunk;
            (void)turn_fixture_deliver(&f, (const uint8_t *)cases[i].bytes, cases[i].length);
            turn_fixture_drain(&f);
            assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_BROKEN_ANSWER);
            assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_FAILED), 1);
            assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), 1);
            assert_int_equal(ice_turn_client_handle_stream_bytes(f.client, f.now_us, &f.path, (const uint8_t *)"x", 1), ICE_ERROR_STATE);
        }
    }
}

static void broken_after_allocated(void **state) {
    (void)state;
    static const uint8_t bad[] = {0x90, 0x00, 0x00, 0x00};
    uint8_t bytes[512];
    allocate_and_bind();
    size_t length = append_data(bytes, 0, sizeof bytes, 5, false);
    memcpy(bytes + length, bad, sizeof bad);
    (void)append_data(bytes, length + 4, sizeof bytes, 5, false);
    assert_int_equal(turn_fixture_deliver(&f, bytes, sizeof bytes), ICE_ERROR_MALFORMED);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_LOST);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), 1);
    assert_int_equal(f.received, 0); /* what came with it is not believed either */
}

/* A message that is broken inside its frame is dropped, the stream is fine. */
static void broken_message(void **state) {
    (void)state;
    static const uint8_t bad[] = {0x00, 0x17, 0x00, 0x04, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x00, 0x13, 0x00, 0x09};
    allocate_and_bind();
    assert_int_equal(turn_fixture_deliver(&f, bad, sizeof bad), ICE_OK);
    assert_int_equal(turn_fixture_status(&f).malformed_dropped, 1);
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "x", 1), ICE_OK);
    assert_int_equal(f.received, 1);
}

/* ICE_TURN_DATA_MAX_BYTES, at -1, 0 and +1: beyond it is dropped and counted, and what follows is found. */
static void data_limit(void **state) {
    (void)state;
    static uint8_t bytes[8192];
    for (size_t chunk = 0; chunk < 1500; chunk = chunk * 7 + 1) {
        for (int indication = 0; indication < 2; indication++) {
            turn_fixture_free(&f);
            turn_fixture_init(&f, ICE_TRANSPORT_TCP);
            allocate_and_bind();
            f.chunk_bytes = chunk;
            for (size_t length = ICE_TURN_DATA_MAX_BYTES - 1; length <= ICE_TURN_DATA_MAX_BYTES + 1; length++) {
                size_t whole = append_data(bytes, 0, sizeof bytes, length, indication != 0);
                whole = append_data(bytes, whole, sizeof bytes, 3, false);
                size_t before = f.received;
                assert_int_equal(turn_fixture_deliver(&f, bytes, whole), ICE_OK);
                assert_int_equal(f.received - before, length <= ICE_TURN_DATA_MAX_BYTES ? 2 : 1);
                assert_int_equal(turn_fixture_status(&f).oversized_dropped, length > ICE_TURN_DATA_MAX_BYTES);
            }
        }
    }
}

/* ICE_TURN_STREAM_MESSAGE_MAX_BYTES, at -4, 0 and +4, however it is cut; and the longest that the length field can say. */
static void message_limit(void **state) {
    (void)state;
    static uint8_t bytes[80000];
    static const size_t chunks[] = {0, 1, 3, 4, 5, 1000, 4095, 4096, 4097, 5000};
    for (size_t c = 0; c < sizeof chunks / sizeof chunks[0]; c++) {
        turn_fixture_free(&f);
        turn_fixture_init(&f, ICE_TRANSPORT_TCP);
        allocate_and_bind();
        f.chunk_bytes = chunks[c];
        uint64_t oversized = 0, malformed = 0;
        static const size_t lengths[] = {4092, 4096, 4100, 65552};
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            memset(bytes, 0, sizeof bytes);
            bytes[1] = 0x17; /* a Data indication with one long attribute, which is not the one it needs */
            bytes[2] = (uint8_t)((lengths[i] - 20) >> 8);
            bytes[3] = (uint8_t)(lengths[i] - 20);
            memcpy(bytes + 4, "\x21\x12\xA4\x42", 4);
            bytes[20] = 0x80;
            bytes[21] = 0x22;
            bytes[22] = (uint8_t)((lengths[i] - 24) >> 8);
            bytes[23] = (uint8_t)(lengths[i] - 24);
            size_t whole = append_data(bytes, lengths[i], sizeof bytes, 3, false), before = f.received;
            assert_int_equal(turn_fixture_deliver(&f, bytes, whole), ICE_OK);
            assert_int_equal(f.received - before, 1);
            oversized += lengths[i] > ICE_TURN_STREAM_MESSAGE_MAX_BYTES;
            malformed += lengths[i] <= ICE_TURN_STREAM_MESSAGE_MAX_BYTES;
            assert_true(turn_fixture_status(&f).oversized_dropped == oversized);
            assert_true(turn_fixture_status(&f).malformed_dropped == malformed);
        }
    }
}

/* Nothing is allocated per packet, whatever the cuts. */
static void no_allocation_per_packet(void **state) {
    (void)state;
    allocate_and_bind();
    assert_int_equal(f.allocations, 2);
    f.allocation_limit = 2;
    for (size_t i = 1; i < 500; i++) {
        f.chunk_bytes = i % 37;
        assert_int_equal(turn_fixture_deliver_data(&f, &peer, "payload payload", i % 16), ICE_OK);
    }
    assert_int_equal(f.received, 499);
    assert_int_equal(f.allocations, 2);
}

/* The stream is cut off in the middle of a message, and with it the allocation. */
static void cut_off(void **state) {
    (void)state;
    uint8_t bytes[64];
    allocate_and_bind();
    (void)append_data(bytes, 0, sizeof bytes, 20, false);
    assert_int_equal(turn_fixture_deliver(&f, bytes, 10), ICE_OK);
    assert_int_equal(ice_turn_client_handle_stream_closed(f.client, f.now_us, &f.path, 104), ICE_OK);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_LOST);
    assert_int_equal(turn_fixture_status(&f).error, 104);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(chunked_exchange, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(rewinds, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_before_allocated, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_after_allocated, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_message, setup, teardown),
        cmocka_unit_test_setup_teardown(data_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(message_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(no_allocation_per_packet, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_off, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
