/* Permissions: RFC 8656 sections 9 and 10. */
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
    struct stun_address peer = turn_server_address("198.51.100.0", (uint16_t)(6000 + number));
    peer.ip[3] = (uint8_t)number;
    return peer;
}

static void permit(unsigned number, int expected) {
    struct stun_address peer = peer_number(number);
    assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &peer), expected);
}

static bool is_permitted(unsigned number) {
    struct stun_address peer = peer_number(number);
    return ice_turn_client_is_permitted(f.client, &peer);
}

/* RFC 8656 section 10.1: several in one request; what is permitted before ALLOCATED goes out together, ICE_TURN_PERMISSION_BATCH_MAX at a time. */
static void batched(void **state) {
    (void)state;
    for (unsigned count = ICE_TURN_PERMISSION_BATCH_MAX - 1; count <= ICE_TURN_PERMISSION_BATCH_MAX + 1; count++) {
        turn_fixture_free(&f);
        turn_fixture_init(&f, ICE_TRANSPORT_UDP);
        turn_fixture_start(&f);
        for (unsigned i = 1; i <= count; i++)
            permit(i, ICE_OK);
        turn_fixture_drain(&f);
        for (unsigned i = 1; i <= count; i++)
            assert_true(is_permitted(i));
        assert_int_equal(f.server.create_permissions, count <= ICE_TURN_PERMISSION_BATCH_MAX ? 1 : 2);
        assert_int_equal(f.server.most_peers, count <= ICE_TURN_PERMISSION_BATCH_MAX ? count : ICE_TURN_PERMISSION_BATCH_MAX);
    }
}

/* RFC 8656 section 9: ports are not considered. */
static void once_per_ip(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    permit(1, ICE_OK);
    turn_fixture_drain(&f);
    struct stun_address other_port = peer_number(1);
    other_port.port = 9;
    assert_true(ice_turn_client_is_permitted(f.client, &other_port));
    assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &other_port), ICE_OK);
    turn_fixture_drain(&f);
    assert_int_equal(f.server.create_permissions, 1);
}

/* ICE_TURN_PEER_MAX, at -1, 0 and +1. */
static void limit(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    for (unsigned i = 0; i < ICE_TURN_PEER_MAX - 1; i++)
        permit(i, ICE_OK);
    turn_fixture_drain(&f);
    permit(ICE_TURN_PEER_MAX - 1, ICE_OK);
    permit(ICE_TURN_PEER_MAX, ICE_ERROR_CAPACITY);
    permit(0, ICE_OK); /* is there already */
    turn_fixture_drain(&f);
    for (unsigned i = 0; i < ICE_TURN_PEER_MAX; i++)
        assert_true(is_permitted(i));
    assert_false(is_permitted(ICE_TURN_PEER_MAX));
    /* All of them fall due together, more than there are slots for; the fixture sees to it that nobody spins meanwhile. */
    turn_fixture_run_until(&f, f.now_us + 1300 * TURN_SECOND);
    for (unsigned i = 0; i < ICE_TURN_PEER_MAX; i++)
        assert_true(is_permitted(i));
}

/* RFC 8656 section 9: 300 s each; for half an hour the server never sees one expire. Loss does not change that. */
static void refreshed_for_half_an_hour(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    for (unsigned i = 0; i < 20; i++)
        permit(i, ICE_OK);
    turn_fixture_drain(&f);
    for (unsigned second = 0; second < 1800; second++) {
        if (second % 200 == 0)
            f.drop = 5;
        turn_fixture_run_until(&f, f.now_us + TURN_SECOND);
        for (unsigned i = 0; i < 20; i++) {
            struct stun_address peer = peer_number(i);
            assert_true(turn_server_permits(&f.server, f.now_us, &peer));
            assert_true(is_permitted(i));
        }
    }
    assert_int_equal(f.server.create_permissions, 3 * 8); /* 20 in three batches, at 0 and each 240 s */
}

/* RFC 8656 section 10.2: one refused address refuses the request. The others are asked for again, alone, and granted. */
static void one_refused_of_many(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        turn_fixture_free(&f);
        turn_fixture_init(&f, ICE_TRANSPORT_UDP);
        f.server.refuse_peer = i == 0 ? 403 : 443;
        f.server.forbidden_peer = peer_number(3);
        turn_fixture_start(&f);
        for (unsigned n = 1; n <= 5; n++)
            permit(n, ICE_OK);
        turn_fixture_drain(&f);
        for (unsigned n = 1; n <= 5; n++)
            assert_int_equal(is_permitted(n), n != 3);
        assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_PERMISSION_FAILED), 1);
        struct ice_turn_event last = f.events[f.event_count - 1];
        struct stun_address forbidden = peer_number(3);
        assert_int_equal(last.as.permission.code, f.server.refuse_peer);
        assert_true(stun_address_equal(&last.as.permission.peer, &forbidden));
        assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
    }
}

/* 508, 403 ... alone; and once more when it is asked for again. */
static void refused(void **state) {
    (void)state;
    static const uint16_t codes[] = {403, 443, 508, 400, 441, 486, 500};
    turn_fixture_allocate(&f);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        f.server.refuse[STUN_METHOD_CREATE_PERMISSION] = codes[i];
        permit(1, ICE_OK);
        turn_fixture_drain(&f);
        assert_false(is_permitted(1));
        assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_PERMISSION_FAILED), i + 1);
        assert_int_equal(f.events[f.event_count - 1].as.permission.code, codes[i]);
    }
    f.server.refuse[STUN_METHOD_CREATE_PERMISSION] = 0;
    permit(1, ICE_OK);
    turn_fixture_drain(&f);
    assert_true(is_permitted(1));
}

/* Refused, and permitted again before the event was polled: the event is void. */
static void again_before_the_event(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    f.server.refuse[STUN_METHOD_CREATE_PERMISSION] = 403;
    permit(1, ICE_OK);
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048];
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    turn_fixture_deliver(&f, answer, turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer));
    f.server.refuse[STUN_METHOD_CREATE_PERMISSION] = 0;
    permit(1, ICE_OK);
    turn_fixture_drain(&f);
    assert_true(is_permitted(1));
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_PERMISSION_FAILED), 0);
}

static void refresh_refused(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    permit(1, ICE_OK);
    struct stun_address peer = peer_number(1);
    assert_int_equal(ice_turn_client_bind(f.client, f.now_us, &peer), ICE_OK);
    turn_fixture_drain(&f);
    f.server.refuse[STUN_METHOD_CREATE_PERMISSION] = 403;
    turn_fixture_run_until(&f, f.now_us + 239 * TURN_SECOND);
    assert_true(is_permitted(1));
    turn_fixture_run_until(&f, f.now_us + TURN_SECOND);
    assert_false(is_permitted(1));
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_PERMISSION_FAILED), 1);
    uint8_t buffer[200];
    struct ice_transmit out;
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, 8, sizeof buffer, &out), ICE_ERROR_STATE);
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "x", 1), ICE_ERROR_UNAUTHENTIC);
}

static void unanswered(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    f.drop = 1000;
    permit(1, ICE_OK);
    permit(2, ICE_OK);
    turn_fixture_run_until(&f, f.now_us + 40 * TURN_SECOND);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_PERMISSION_FAILED), 2);
    assert_int_equal(f.events[f.event_count - 1].as.permission.code, 0);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED); /* that is the Refresh's to say */
}

/* RFC 8656 section 10.1, MUST: only peers of the family that is relayed. */
static void arguments(void **state) {
    (void)state;
    struct stun_address v6 = turn_server_address("2001:db8::20", 1), none = {0};
    turn_fixture_start(&f);
    assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &v6), ICE_ERROR_ARGUMENT);
    turn_fixture_drain(&f);
    assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &v6), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &none), ICE_ERROR_ARGUMENT);
    ice_turn_client_close(f.client, f.now_us);
    permit(1, ICE_ERROR_STATE);
    turn_fixture_drain(&f);
    permit(1, ICE_ERROR_STATE);
    turn_fixture_free(&f);
    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    f.config.families = ICE_TURN_IPV6;
    turn_fixture_start(&f);
    permit(1, ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &v6), ICE_OK);
    turn_fixture_drain(&f);
    assert_true(ice_turn_client_is_permitted(f.client, &v6));
}

/* A batch that does not fit beside a long realm is cut until it does. */
static void too_long_a_batch(void **state) {
    (void)state;
    static char realm[ICE_TURN_REALM_MAX_BYTES - 3 + 1], nonce[400];
    memset(realm, 'r', sizeof realm - 1);
    memset(nonce, 'n', sizeof nonce - 1);
    f.server.realm = realm;
    f.server.nonce = nonce;
    turn_fixture_allocate(&f);
    for (unsigned i = 1; i <= 8; i++)
        permit(i, ICE_OK);
    turn_fixture_drain(&f);
    for (unsigned i = 1; i <= 8; i++)
        assert_true(is_permitted(i));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batched, setup, teardown),
        cmocka_unit_test_setup_teardown(once_per_ip, setup, teardown),
        cmocka_unit_test_setup_teardown(limit, setup, teardown),
        cmocka_unit_test_setup_teardown(refreshed_for_half_an_hour, setup, teardown),
        cmocka_unit_test_setup_teardown(one_refused_of_many, setup, teardown),
        cmocka_unit_test_setup_teardown(refused, setup, teardown),
        cmocka_unit_test_setup_teardown(again_before_the_event, setup, teardown),
        cmocka_unit_test_setup_teardown(refresh_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(unanswered, setup, teardown),
        cmocka_unit_test_setup_teardown(arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(too_long_a_batch, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
