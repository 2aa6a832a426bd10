/* The TURN client as a whole: from new to closed, over UDP and over streams; its states, its limits, its memory. */
#include "test_ice.h"

#include "turn_fixture.h"

static struct turn_fixture f;

static int setup_udp(void **state) {
    (void)state;
    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    return 0;
}

static int setup_tcp(void **state) {
    (void)state;
    turn_fixture_init(&f, ICE_TRANSPORT_TCP);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    turn_fixture_free(&f);
    return 0;
}

/* RFC 8656 sections 7.1 to 7.3: asked without credentials, challenged, asked with them. */
static void allocates(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    struct ice_turn_status status = turn_fixture_status(&f);
    assert_int_equal(f.server.requests, 2);
    assert_int_equal(f.server.unauthenticated, 1);
    assert_true(stun_address_equal(&status.relayed[0], &f.server.relayed[0]));
    assert_int_equal(status.relayed[1].family, STUN_ADDRESS_NONE);
    assert_true(stun_address_equal(&status.mapped, &f.server.mapped));
    assert_int_equal(status.lifetime_seconds, 600);
    assert_int_equal(status.failure, ICE_TURN_FAILURE_NONE);
    assert_string_equal(status.realm, "example.org");
    assert_string_equal(status.software, "double");
    assert_false(status.uses_sha256);
    assert_true(f.server.saw_username && f.server.saw_sha1);
}

/* RFC 8656 section 7.3: an address that is none (coturn's way of having no IPv6) does not spoil the one that is; alone it is a broken answer. */
static void allocates_beside_no_address(void **state) {
    (void)state;
    f.config.families = ICE_TURN_BOTH;
    f.server.has_ipv6 = false;
    f.server.address_error = STUN_CODE_ADDRESS_FAMILY_NOT_SUPPORTED;
    f.server.writes_no_address = true;
    turn_fixture_allocate(&f);
    struct ice_turn_status status = turn_fixture_status(&f);
    assert_true(stun_address_equal(&status.relayed[0], &f.server.relayed[0]));
    assert_int_equal(status.relayed[1].family, STUN_ADDRESS_NONE);
    assert_int_equal(status.code, STUN_CODE_ADDRESS_FAMILY_NOT_SUPPORTED);
}

static void allocates_no_address(void **state) {
    (void)state;
    f.server.writes_no_address = f.server.omits_relayed = true;
    turn_fixture_start(&f);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_BROKEN_ANSWER);
}

static void permits_and_relays(void **state) {
    (void)state;
    struct stun_address peer = turn_server_address("198.51.100.20", 7000);
    turn_fixture_allocate(&f);
    assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &peer), ICE_OK);
    assert_false(ice_turn_client_is_permitted(f.client, &peer));
    turn_fixture_drain(&f);
    assert_true(ice_turn_client_is_permitted(f.client, &peer));
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "hello", 5), ICE_OK);
    assert_int_equal(f.received, 1);
    assert_int_equal(f.payload_length, 5);
    assert_memory_equal(f.payload, "hello", 5);
    assert_true(stun_address_equal(&f.last_received.peer, &peer));
    assert_true(stun_address_equal(&f.last_received.relayed, &f.server.relayed[0]));

    uint8_t buffer[200];
    struct ice_transmit out;
    memcpy(buffer + ICE_HEADROOM_BYTES, "abcde", 5);
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, 5, sizeof buffer, &out), ICE_OK);
    struct stun_message message;
    const uint8_t *data;
    size_t length;
    struct stun_address to;
    assert_int_equal(out.length, 36 + 8);
    assert_int_equal(stun_message_parse(buffer + out.offset, out.length, &message), STUN_OK);
    assert_int_equal(message.class_, STUN_CLASS_INDICATION);
    assert_int_equal(message.method, STUN_METHOD_SEND);
    assert_int_equal(stun_message_read_xor_address(&message, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &to), STUN_OK);
    assert_true(stun_address_equal(&to, &peer));
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_DATA, &data, &length), STUN_OK);
    assert_int_equal(length, 5);
    assert_memory_equal(data, "abcde", 5);

    assert_int_equal(ice_turn_client_bind(f.client, f.now_us, &peer), ICE_OK);
    turn_fixture_drain(&f);
    assert_int_equal(turn_server_channel(&f.server, f.now_us, &peer), 0x4000);
    memcpy(buffer + ICE_HEADROOM_BYTES, "abcde", 5);
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, 5, sizeof buffer, &out), ICE_OK);
    bool stream = f.path.transport != ICE_TRANSPORT_UDP;
    assert_int_equal(out.length, stream ? 12 : 9);
    assert_int_equal(out.offset, ICE_HEADROOM_BYTES - 4);
    assert_memory_equal(buffer + out.offset, "\x40\x00\x00\x05" "abcde\0\0", out.length);
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "again", 5), ICE_OK);
    assert_int_equal(f.received, 2);
    assert_memory_equal(f.payload, "again", 5);
}

static void closes(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    ice_turn_client_close(f.client, f.now_us);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSING);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSED);
    assert_int_equal(f.server.deletes, 1);
    assert_false(f.server.is_allocated);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSED), 1);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), f.path.transport == ICE_TRANSPORT_UDP ? 0 : 1);
    assert_true(ice_turn_client_next_timeout(f.client) == UINT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(allocates, setup_udp, teardown),
        {"allocates over TCP", allocates, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(allocates_beside_no_address, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(allocates_no_address, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(permits_and_relays, setup_udp, teardown),
        {"permits and relays over TCP", permits_and_relays, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(closes, setup_udp, teardown),
        {"closes over TCP", closes, setup_tcp, teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
