/* Data to and from peers: RFC 8656 sections 11 and 12.6. */
#include "test_ice.h"

#include "turn_fixture.h"

static struct turn_fixture f;
static struct stun_address peer, stranger;

static int setup(void **state) {
    (void)state;
    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    peer = turn_server_address("198.51.100.20", 7000);
    stranger = turn_server_address("198.51.100.21", 7000);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    turn_fixture_free(&f);
    return 0;
}

static void allocate_and_permit(void) {
    turn_fixture_allocate(&f);
    assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &peer), ICE_OK);
    turn_fixture_drain(&f);
}

/* RFC 8656 section 11.4: only from peers that have a permission. Ports do not count. */
static void only_from_permitted_peers(void **state) {
    (void)state;
    allocate_and_permit();
    assert_int_equal(turn_fixture_deliver_data(&f, &stranger, "x", 1), ICE_ERROR_UNAUTHENTIC);
    assert_int_equal(f.received, 0);
    assert_int_equal(turn_fixture_status(&f).unpermitted_dropped, 1);
    struct stun_address other_port = peer;
    other_port.port++;
    assert_int_equal(turn_fixture_deliver_data(&f, &other_port, "x", 1), ICE_OK);
    assert_int_equal(f.received, 1);
    assert_true(stun_address_equal(&f.last_received.peer, &other_port));
    assert_int_equal(turn_fixture_status(&f).datagrams_relayed_in, 1);
}

/* Data may overtake the answer to CreatePermission; before the request has left, nobody can have a permission. */
static void while_the_permission_is_asked_for(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &peer), ICE_OK);
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "x", 1), ICE_ERROR_UNAUTHENTIC);
    f.lose_answers = 1;
    turn_fixture_drain(&f);
    assert_false(ice_turn_client_is_permitted(f.client, &peer));
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "x", 1), ICE_OK);
}

/* Every beginning of a Data indication and of ChannelData is dropped and counted; the whole one arrives. */
static void truncated(void **state) {
    (void)state;
    allocate_and_permit();
    for (int channel = 0; channel < 2; channel++) {
        uint8_t bytes[128];
        if (channel) {
            ice_turn_client_bind(f.client, f.now_us, &peer);
            turn_fixture_drain(&f);
        }
        size_t length = turn_server_data(&f.server, &peer, (const uint8_t *)"payload", 7, false, bytes, sizeof bytes);
        for (size_t cut = 0; cut < length; cut++)
            assert_int_equal(turn_fixture_deliver(&f, bytes, cut), ICE_ERROR_MALFORMED);
        assert_int_equal(f.received, channel);
        assert_int_equal(turn_fixture_deliver(&f, bytes, length), ICE_OK);
        assert_int_equal(f.received, channel + 1);
        assert_int_equal(f.payload_length, 7);
        assert_memory_equal(f.payload, "payload", 7);
    }
}

/* RFC 8656 section 11.4: a Data indication has a peer and data. RFC 8489 section 6.3.2: nothing that we do not know and must. */
static void broken_indications(void **state) {
    (void)state;
    allocate_and_permit();
    for (int what = 0; what < 5; what++) {
        uint8_t bytes[128];
        static const uint8_t id[12] = {1};
        struct stun_writer writer;
        stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_INDICATION, STUN_METHOD_DATA, id);
        if (what != 0)
            stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &peer);
        if (what == 1) /* RFC 8656 section 11.6: ICMP, and no data: counted */
            stun_writer_add_u64(&writer, STUN_ATTRIBUTE_ICMP, 0);
        else
            stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, (const uint8_t *)"abc", 3);
        if (what == 2)
            stun_writer_add_u32(&writer, 0x7ABC, 0);
        if (what == 3) /* what we do not know and need not */
            stun_writer_add_u32(&writer, 0xFABC, 0);
        assert_int_equal(turn_fixture_deliver(&f, bytes, writer.length), what == 0 || what == 2 ? ICE_ERROR_MALFORMED : ICE_OK);
    }
    assert_int_equal(f.received, 2);
    assert_int_equal(turn_fixture_status(&f).malformed_dropped, 2);
    assert_int_equal(turn_fixture_status(&f).icmp_ignored, 1);
}

/* RFC 8656 section 12.6: channels of nobody, and reserved numbers. */
static void channels_of_nobody(void **state) {
    (void)state;
    allocate_and_permit();
    ice_turn_client_bind(f.client, f.now_us, &peer);
    turn_fixture_drain(&f);
    static const struct {
        uint8_t first, second;
        int error;
    } cases[] = {{0x40, 0x00, ICE_OK}, {0x40, 0x01, ICE_ERROR_UNAUTHENTIC}, {0x40, 0x3F, ICE_ERROR_UNAUTHENTIC}, {0x40, 0x40, ICE_ERROR_UNAUTHENTIC},
                 {0x4F, 0xFF, ICE_ERROR_UNAUTHENTIC}, {0x50, 0x00, ICE_ERROR_MALFORMED}, {0x7F, 0xFF, ICE_ERROR_MALFORMED}, {0xFF, 0xFF, ICE_ERROR_MALFORMED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[] = {cases[i].first, cases[i].second, 0, 1, 'x'};
        assert_int_equal(turn_fixture_deliver(&f, bytes, sizeof bytes), cases[i].error);
    }
    assert_int_equal(f.received, 1);
}

/* RFC 8656 section 12.4: 0 is a valid length, both ways. */
static void empty(void **state) {
    (void)state;
    allocate_and_permit();
    for (int channel = 0; channel < 2; channel++) {
        assert_int_equal(turn_fixture_deliver_data(&f, &peer, "", 0), ICE_OK);
        assert_int_equal(f.received, channel + 1);
        assert_int_equal(f.payload_length, 0);
        uint8_t buffer[ICE_HEADROOM_BYTES + ICE_TURN_TAILROOM_BYTES];
        struct ice_transmit out;
        assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, 0, sizeof buffer, &out), ICE_OK);
        assert_int_equal(out.length, channel ? 4 : 36);
        ice_turn_client_bind(f.client, f.now_us, &peer);
        turn_fixture_drain(&f);
    }
}

/* Room before and behind the payload: the capacity is of the whole buffer. RFC 8656 section 11.1. */
static void capacity(void **state) {
    (void)state;
    allocate_and_permit();
    static uint8_t buffer[ICE_HEADROOM_BYTES + ICE_TURN_SEND_MAX_BYTES + 1 + ICE_TURN_TAILROOM_BYTES];
    struct ice_transmit out;
    for (size_t length = 0; length < 20; length++) {
        size_t enough = ICE_HEADROOM_BYTES + length + ICE_TURN_TAILROOM_BYTES;
        assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, length, enough - 1, &out), ICE_ERROR_BUFFER);
        assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, length, enough, &out), ICE_OK);
        assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, length, enough + 1, &out), ICE_OK);
        assert_true(out.offset + out.length <= enough);
        struct stun_message message;
        assert_int_equal(stun_message_parse(buffer + out.offset, out.length, &message), STUN_OK);
    }
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, ICE_TURN_SEND_MAX_BYTES - 1, sizeof buffer, &out), ICE_OK);
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, ICE_TURN_SEND_MAX_BYTES, sizeof buffer, &out), ICE_OK);
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, ICE_TURN_SEND_MAX_BYTES + 1, sizeof buffer, &out), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &stranger, buffer, 8, sizeof buffer, &out), ICE_ERROR_STATE);
    struct stun_address none = {0};
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &none, buffer, 8, sizeof buffer, &out), ICE_ERROR_ARGUMENT);
    assert_int_equal(turn_fixture_status(&f).datagrams_relayed_out, 42);
}

/* An IPv6 peer's address is twelve bytes longer: it fills the headroom to the last byte. */
static void to_an_ipv6_peer(void **state) {
    (void)state;
    f.config.families = ICE_TURN_IPV6;
    peer = turn_server_address("2001:db8::77", 7000);
    allocate_and_permit();
    uint8_t buffer[ICE_HEADROOM_BYTES + 5 + ICE_TURN_TAILROOM_BYTES];
    struct ice_transmit out;
    struct stun_message message;
    struct stun_address to;
    memcpy(buffer + ICE_HEADROOM_BYTES, "abcde", 5);
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, 5, sizeof buffer, &out), ICE_OK);
    assert_int_equal(out.offset, 0);
    assert_int_equal(out.length, 48 + 8);
    assert_int_equal(stun_message_parse(buffer, out.length, &message), STUN_OK);
    assert_int_equal(stun_message_read_xor_address(&message, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &to), STUN_OK);
    assert_true(stun_address_equal(&to, &peer));
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "answer", 6), ICE_OK);
    assert_true(stun_address_equal(&f.last_received.relayed, &f.server.relayed[1]));
}

/* Not allocated: nothing goes out, nothing comes in. */
static void without_an_allocation(void **state) {
    (void)state;
    uint8_t buffer[200];
    struct ice_transmit out;
    turn_fixture_start(&f);
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, 8, sizeof buffer, &out), ICE_ERROR_STATE);
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "x", 1), ICE_ERROR_UNAUTHENTIC);
    turn_fixture_free(&f);
    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    allocate_and_permit();
    ice_turn_client_close(f.client, f.now_us);
    turn_fixture_drain(&f);
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, 8, sizeof buffer, &out), ICE_ERROR_STATE);
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "x", 1), ICE_ERROR_UNAUTHENTIC);
}

/* A payload is delivered once; after a rewind, once more. */
static void rewinds(void **state) {
    (void)state;
    allocate_and_permit();
    uint8_t bytes[128];
    struct ice_turn_received received;
    size_t length = turn_server_data(&f.server, &peer, (const uint8_t *)"payload", 7, false, bytes, sizeof bytes);
    assert_int_equal(ice_turn_client_handle_datagram(f.client, f.now_us, &f.path, bytes, length), ICE_OK);
    for (int i = 0; i < 2; i++) {
        assert_true(ice_turn_client_poll_received(f.client, &received));
        assert_true(received.bytes > bytes && received.bytes + received.length <= bytes + length); /* a view, not a copy */
        assert_false(ice_turn_client_poll_received(f.client, &received));
        ice_turn_client_rewind_received(f.client);
    }
    /* The next datagram, whatever it is, ends the view. */
    (void)ice_turn_client_handle_datagram(f.client, f.now_us, &f.path, bytes, 3);
    ice_turn_client_rewind_received(f.client);
    assert_false(ice_turn_client_poll_received(f.client, &received));
}

/* Nothing is allocated per packet. */
static void no_allocation_per_packet(void **state) {
    (void)state;
    allocate_and_permit();
    assert_int_equal(f.allocations, 1);
    f.allocation_limit = f.allocations;
    uint8_t buffer[2048];
    struct ice_transmit out;
    for (int i = 0; i < 1000; i++) {
        if (i == 500) {
            ice_turn_client_bind(f.client, f.now_us, &peer);
            turn_fixture_drain(&f);
        }
        assert_int_equal(turn_fixture_deliver_data(&f, &peer, "payload", 7), ICE_OK);
        assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, 1000, sizeof buffer, &out), ICE_OK);
    }
    assert_int_equal(f.received, 1000);
    assert_int_equal(f.allocations, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_from_permitted_peers, setup, teardown),
        cmocka_unit_test_setup_teardown(while_the_permission_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(truncated, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_indications, setup, teardown),
        cmocka_unit_test_setup_teardown(channels_of_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(empty, setup, teardown),
        cmocka_unit_test_setup_teardown(capacity, setup, teardown),
        cmocka_unit_test_setup_teardown(to_an_ipv6_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(without_an_allocation, setup, teardown),
        cmocka_unit_test_setup_teardown(rewinds, setup, teardown),
        cmocka_unit_test_setup_teardown(no_allocation_per_packet, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
