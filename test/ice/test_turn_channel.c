/* Channels: RFC 8656 section 12. */
#include "test_ice.h"

#include "turn_fixture.h"

static struct turn_fixture f;

static int setup(void **state) {
    (void)state;
    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    turn_fixture_free(&f);
    return 0;
}

static struct stun_address peer_number(unsigned number) {
    return turn_server_address("198.51.100.9", (uint16_t)(6000 + number));
}

static int bind_number(unsigned number) {
    struct stun_address peer = peer_number(number);
    return ice_turn_client_bind(f.client, f.now_us, &peer);
}

/* How a payload to this peer would leave: ICE_ERROR_..., or the bytes in front of it. */
static int overhead(unsigned number) {
    struct stun_address peer = peer_number(number);
    uint8_t buffer[200];
    struct ice_transmit out;
    int error = ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, 8, sizeof buffer, &out);
    return error == ICE_OK ? (int)out.length - 8 : error;
}

/* RFC 8656 section 12: Send indications until the binding is confirmed, then four bytes. */
static void binds(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    assert_int_equal(bind_number(1), ICE_OK);
    assert_int_equal(overhead(1), ICE_ERROR_STATE); /* CreatePermission has not left yet */
    struct ice_transmit out;
    uint8_t buffer[2048];
    while (ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out))
        continue;
    assert_int_equal(overhead(1), 36);
    turn_fixture_run_until(&f, f.now_us + TURN_SECOND);
    assert_int_equal(overhead(1), 4);
    struct stun_address peer = peer_number(1), other = peer_number(2);
    assert_int_equal(turn_server_channel(&f.server, f.now_us, &peer), 0x4000);
    assert_true(ice_turn_client_is_permitted(f.client, &peer));
    assert_int_equal(overhead(2), 36); /* the same IP: permitted, but not the channel's port */
    assert_int_equal(turn_server_channel(&f.server, f.now_us, &other), 0);
    unsigned sent = f.sent;
    assert_int_equal(bind_number(1), ICE_OK); /* is there already */
    turn_fixture_drain(&f);
    assert_int_equal(f.sent, sent);
}

static void before_allocated(void **state) {
    (void)state;
    turn_fixture_start(&f);
    assert_int_equal(bind_number(1), ICE_OK);
    turn_fixture_drain(&f);
    assert_int_equal(overhead(1), 4);
}

/* ICE_TURN_CHANNEL_MAX, at -1, 0 and +1; every peer has a number of its own. */
static void limit(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    for (unsigned i = 0; i < ICE_TURN_CHANNEL_MAX - 1; i++)
        assert_int_equal(bind_number(i), ICE_OK);
    turn_fixture_drain(&f);
    assert_int_equal(bind_number(ICE_TURN_CHANNEL_MAX - 1), ICE_OK);
    assert_int_equal(bind_number(ICE_TURN_CHANNEL_MAX), ICE_ERROR_CAPACITY);
    turn_fixture_drain(&f);
    for (unsigned i = 0; i < ICE_TURN_CHANNEL_MAX; i++) {
        struct stun_address peer = peer_number(i);
        assert_int_equal(turn_server_channel(&f.server, f.now_us, &peer), 0x4000 + i);
        assert_int_equal(overhead(i), 4);
    }
    /* All of them fall due together, more than there are slots for; the fixture sees to it that nobody spins meanwhile. */
    turn_fixture_run_until(&f, f.now_us + 1300 * TURN_SECOND);
    for (unsigned i = 0; i < ICE_TURN_CHANNEL_MAX; i++)
        assert_true(overhead(i) == 4);
}

/* RFC 8656 section 12: 10 minutes each; for half an hour the server never sees one expire. */
static void refreshed_for_half_an_hour(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(bind_number(i), ICE_OK);
    turn_fixture_drain(&f);
    for (unsigned second = 0; second < 1800; second++) {
        if (second % 500 == 0)
            f.drop = 6;
        turn_fixture_run_until(&f, f.now_us + TURN_SECOND);
        for (unsigned i = 0; i < 10; i++) {
            struct stun_address peer = peer_number(i);
            assert_int_equal(turn_server_channel(&f.server, f.now_us, &peer), 0x4000 + i);
            assert_int_equal(overhead(i), 4);
        }
    }
    assert_int_equal(f.server.channel_binds, 10 * 4);
}

/* Refused: Send indications go on (the permission is another matter), and the number stays this peer's for 15 minutes. */
static void refused(void **state) {
    (void)state;
    static const uint16_t codes[] = {400, 403, 443, 508, 486};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        turn_fixture_free(&f);
        turn_fixture_init(&f, ICE_TRANSPORT_UDP);
        turn_fixture_allocate(&f);
        f.server.refuse[STUN_METHOD_CHANNEL_BIND] = codes[i];
        assert_int_equal(bind_number(1), ICE_OK);
        turn_fixture_drain(&f);
        assert_int_equal(overhead(1), 36);
        assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
        f.server.refuse[STUN_METHOD_CHANNEL_BIND] = 0;
        assert_int_equal(bind_number(2), ICE_OK);
        assert_int_equal(bind_number(1), ICE_OK); /* asked for again */
        turn_fixture_drain(&f);
        struct stun_address one = peer_number(1), two = peer_number(2);
        assert_int_equal(turn_server_channel(&f.server, f.now_us, &one), 0x4000);
        assert_int_equal(turn_server_channel(&f.server, f.now_us, &two), 0x4001);
    }
}

/* RFC 8656 section 12, MUST: a number goes to another peer no earlier than 5 minutes after its binding must have expired. */
static void number_reuse(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    f.server.refuse[STUN_METHOD_CHANNEL_BIND] = 508;
    for (unsigned i = 0; i < ICE_TURN_CHANNEL_MAX; i++)
        assert_int_equal(bind_number(i), ICE_OK);
    turn_fixture_drain(&f);
    assert_int_equal(bind_number(100), ICE_ERROR_CAPACITY);
    turn_fixture_run_until(&f, f.now_us + 900 * TURN_SECOND - 1);
    assert_int_equal(bind_number(100), ICE_ERROR_CAPACITY);
    turn_fixture_run_until(&f, f.now_us + 1);
    f.server.refuse[STUN_METHOD_CHANNEL_BIND] = 0;
    assert_int_equal(bind_number(100), ICE_OK);
    turn_fixture_drain(&f);
    struct stun_address peer = peer_number(100);
    assert_int_equal(turn_server_channel(&f.server, f.now_us, &peer), 0x4000);
}

/* RFC 8656 section 12, SHOULD: data may come on a channel before ChannelBind is answered. */
static void early_data(void **state) {
    (void)state;
    static const uint8_t data[] = {0x40, 0x00, 0x00, 0x02, 'h', 'i'};
    turn_fixture_allocate(&f);
    assert_int_equal(bind_number(1), ICE_OK);
    assert_int_equal(turn_fixture_deliver(&f, data, sizeof data), ICE_ERROR_UNAUTHENTIC); /* nothing has been asked yet */
    f.lose_answers = 2;
    turn_fixture_drain(&f);
    assert_int_equal(overhead(1), 36);
    assert_int_equal(turn_fixture_deliver(&f, data, sizeof data), ICE_OK);
    assert_int_equal(f.received, 1);
    struct stun_address peer = peer_number(1);
    assert_true(stun_address_equal(&f.last_received.peer, &peer));
}

/* A refresh that is refused: indications out; what the server still sends on the channel is understood. */
static void refresh_refused(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    assert_int_equal(bind_number(1), ICE_OK);
    turn_fixture_drain(&f);
    f.server.refuse[STUN_METHOD_CHANNEL_BIND] = 508;
    turn_fixture_run_until(&f, f.now_us + 541 * TURN_SECOND);
    assert_int_equal(overhead(1), 36);
    struct stun_address peer = peer_number(1);
    assert_int_equal(turn_server_channel(&f.server, f.now_us, &peer), 0x4000);
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "x", 1), ICE_OK);
    assert_int_equal(f.received, 1);
}

/* The permission is refused while ChannelBind is under way: no channel either. */
static void peer_refused(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    f.server.refuse[STUN_METHOD_CREATE_PERMISSION] = 403;
    assert_int_equal(bind_number(1), ICE_OK);
    turn_fixture_drain(&f);
    assert_int_equal(overhead(1), ICE_ERROR_STATE);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_PERMISSION_FAILED), 1);
    struct stun_address peer = peer_number(1);
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "x", 1), ICE_ERROR_UNAUTHENTIC);
    assert_true(ice_turn_channel_find(f.client, &peer)->state == ICE_TURN_CHANNEL_REFUSED);
}

static void arguments(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    struct stun_address peer = peer_number(1);
    peer.port = 0;
    assert_int_equal(ice_turn_client_bind(f.client, f.now_us, &peer), ICE_ERROR_ARGUMENT);
    peer = turn_server_address("2001:db8::1", 5);
    assert_int_equal(ice_turn_client_bind(f.client, f.now_us, &peer), ICE_ERROR_ARGUMENT);
    ice_turn_client_close(f.client, f.now_us);
    assert_int_equal(bind_number(1), ICE_ERROR_STATE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(binds, setup, teardown),
        cmocka_unit_test_setup_teardown(before_allocated, setup, teardown),
        cmocka_unit_test_setup_teardown(limit, setup, teardown),
        cmocka_unit_test_setup_teardown(refreshed_for_half_an_hour, setup, teardown),
        cmocka_unit_test_setup_teardown(refused, setup, teardown),
        cmocka_unit_test_setup_teardown(number_reuse, setup, teardown),
        cmocka_unit_test_setup_teardown(early_data, setup, teardown),
        cmocka_unit_test_setup_teardown(refresh_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(peer_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
