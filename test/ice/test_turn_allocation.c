/* Allocate and Refresh: RFC 8656 sections 7 and 8. */
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

static void restart(enum ice_transport transport) {
    turn_fixture_free(&f);
    turn_fixture_init(&f, transport);
}

/* RFC 8656 section 7.4: every error that an Allocate request may be answered with, over UDP and over TCP. */
static void refusals(void **state) {
    (void)state;
    static const struct {
        uint16_t code;
        enum ice_turn_failure failure;
    } cases[] = {
        {403, ICE_TURN_FAILURE_REFUSED}, {420, ICE_TURN_FAILURE_REFUSED}, {437, ICE_TURN_FAILURE_REFUSED}, {440, ICE_TURN_FAILURE_REFUSED},
        {441, ICE_TURN_FAILURE_CREDENTIALS}, {442, ICE_TURN_FAILURE_REFUSED}, {443, ICE_TURN_FAILURE_REFUSED}, {486, ICE_TURN_FAILURE_REFUSED},
        {500, ICE_TURN_FAILURE_REFUSED}, {508, ICE_TURN_FAILURE_REFUSED}, {699, ICE_TURN_FAILURE_REFUSED}, {400, ICE_TURN_FAILURE_REFUSED},
    };
    for (int transport = 0; transport < 2; transport++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            restart(transport == 0 ? ICE_TRANSPORT_UDP : ICE_TRANSPORT_TCP);
            f.server.refuse[STUN_METHOD_ALLOCATE] = cases[i].code;
            turn_fixture_start(&f);
            turn_fixture_drain(&f);
            struct ice_turn_status status = turn_fixture_status(&f);
            assert_int_equal(status.state, ICE_TURN_FAILED);
            assert_int_equal(status.failure, cases[i].failure);
            assert_int_equal(status.code, cases[i].code);
            assert_string_equal(status.reason, "reason");
            /* and not one more; but over UDP a 437 makes it delete what may be left over, and ask again, once */
            assert_int_equal(f.sent, cases[i].code == 437 && transport == 0 ? 4 : 2);
            assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_FAILED), 1);
            assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), (size_t)transport);
            assert_true(ice_turn_client_next_timeout(f.client) == UINT64_MAX);
        }
    }
}

/* RFC 8656 section 7.4: 437 is most likely about an allocation of our own that we have lost sight of: deleted, and asked for again. */
static void leftover(void **state) {
    (void)state;
    f.server.is_allocated = true;
    f.server.expires_us = UINT64_MAX;
    turn_fixture_allocate(&f);
    assert_int_equal(f.server.deletes, 1);
    assert_int_equal(f.sent, 4);
}

/* The same without any credentials having been asked for. */
static void refused_at_once(void **state) {
    (void)state;
    f.server.realm = NULL;
    f.server.refuse[STUN_METHOD_ALLOCATE] = 508;
    turn_fixture_start(&f);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_REFUSED);
    assert_int_equal(turn_fixture_status(&f).code, 508);
}

/* RFC 8656 section 7.3: a success must have a relayed and a mapped address and a lifetime. */
static void broken_successes(void **state) {
    (void)state;
    for (int what = 0; what < 5; what++) {
        restart(ICE_TRANSPORT_UDP);
        f.server.omits_relayed = what == 0;
        f.server.omits_mapped = what == 1;
        f.server.omits_lifetime = what == 2;
        if (what == 3)
            f.server.lifetime_seconds = 0;
        if (what == 4)
            f.server.relayed[0].port = 0;
        turn_fixture_start(&f);
        turn_fixture_drain(&f);
        assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_BROKEN_ANSWER);
        assert_int_equal(turn_fixture_status(&f).relayed[0].family, STUN_ADDRESS_NONE);
        assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_ALLOCATED), 0);
    }
}

/* RFC 8656 section 7.1: one family, or IPv4 and in addition IPv6. */
static void families(void **state) {
    (void)state;
    restart(ICE_TRANSPORT_UDP);
    f.config.families = ICE_TURN_IPV6;
    turn_fixture_allocate(&f);
    assert_int_equal(turn_fixture_status(&f).relayed[0].family, STUN_ADDRESS_NONE);
    assert_true(stun_address_equal(&turn_fixture_status(&f).relayed[1], &f.server.relayed[1]));
    restart(ICE_TRANSPORT_UDP);
    f.config.families = ICE_TURN_BOTH;
    turn_fixture_allocate(&f);
    assert_true(f.server.saw_additional_family);
    assert_true(stun_address_equal(&turn_fixture_status(&f).relayed[0], &f.server.relayed[0]));
    assert_true(stun_address_equal(&turn_fixture_status(&f).relayed[1], &f.server.relayed[1]));
}

/* RFC 8656 sections 7.2 and 18.12: only one of two families: ADDRESS-ERROR-CODE 440 (or 508), and that one is used. */
static void one_of_two(void **state) {
    (void)state;
    for (uint16_t code = 440; code <= 508; code += 68) {
        restart(ICE_TRANSPORT_UDP);
        f.config.families = ICE_TURN_BOTH;
        f.server.has_ipv6 = false;
        f.server.address_error = code;
        struct stun_address v4 = turn_server_address("198.51.100.20", 1), v6 = turn_server_address("2001:db8::20", 1);
        turn_fixture_start(&f);
        assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &v4), ICE_OK);
        assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &v6), ICE_OK); /* who knows yet? */
        turn_fixture_drain(&f);
        assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
        assert_int_equal(turn_fixture_status(&f).code, code);
        assert_int_equal(turn_fixture_status(&f).relayed[1].family, STUN_ADDRESS_NONE);
        assert_true(ice_turn_client_is_permitted(f.client, &v4));
        assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_PERMISSION_FAILED), 1);
        for (size_t i = 0; i < f.event_count; i++)
            if (f.events[i].type == ICE_TURN_EVENT_PERMISSION_FAILED)
                assert_int_equal(f.events[i].as.permission.code, 443);
        assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &v6), ICE_ERROR_ARGUMENT);
    }
}

/* RFC 8656 section 7.3, MUST: an allocation of a family that was not asked for is deleted. */
static void other_family(void **state) {
    (void)state;
    f.server.relayed[0] = turn_server_address("2001:db8::6", 50000);
    turn_fixture_start(&f);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_BROKEN_ANSWER);
    assert_int_equal(f.server.deletes, 1);
    assert_false(f.server.is_allocated);
    turn_fixture_run_until(&f, f.now_us + 60 * TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_FAILED);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSED), 0);
}

/* RFC 8656 section 8, MUST: refreshed before it expires; for half an hour the server never sees it expire. */
static void refreshed_for_half_an_hour(void **state) {
    (void)state;
    static const struct {
        uint32_t lifetime;
        unsigned refreshes;
    } cases[] = {{600, 3}, {3600, 0}, {121, 29}, {119, 30}, {20, 179}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        restart(ICE_TRANSPORT_UDP);
        f.server.lifetime_seconds = cases[i].lifetime;
        turn_fixture_allocate(&f);
        uint64_t end_us = f.now_us + 1800 * TURN_SECOND - 1;
        while (f.now_us < end_us) {
            turn_fixture_run_until(&f, f.now_us + TURN_SECOND < end_us ? f.now_us + TURN_SECOND : end_us);
            assert_true(f.now_us < f.server.expires_us);
        }
        assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
        assert_true(f.server.refreshes >= cases[i].refreshes && f.server.refreshes <= cases[i].refreshes + 1);
    }
}

/* RFC 8656 section 7.3: the lifetime that counts is the last one that the server has said. */
static void lifetime_changes(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    f.server.lifetime_seconds = 1200;
    uint64_t start_us = f.now_us;
    turn_fixture_run_until(&f, start_us + 540 * TURN_SECOND - 1);
    assert_int_equal(f.server.refreshes, 0);
    turn_fixture_run_until(&f, start_us + 540 * TURN_SECOND);
    assert_int_equal(f.server.refreshes, 1);
    assert_int_equal(turn_fixture_status(&f).lifetime_seconds, 1200);
    turn_fixture_run_until(&f, start_us + 540 * TURN_SECOND + 1140 * TURN_SECOND - 1);
    assert_int_equal(f.server.refreshes, 1);
    turn_fixture_run_until(&f, start_us + 540 * TURN_SECOND + 1140 * TURN_SECOND);
    assert_int_equal(f.server.refreshes, 2);
}

/* RFC 8656 section 8.3: 437: it is gone. So it is after any other refusal, and after silence. Expired credentials: 401. */
static void lost(void **state) {
    (void)state;
    static const uint16_t codes[] = {437, 403, 441, 486, 500, 508, 300};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        restart(ICE_TRANSPORT_UDP);
        turn_fixture_allocate(&f);
        f.server.refuse[STUN_METHOD_REFRESH] = codes[i];
        turn_fixture_run_until(&f, f.now_us + 541 * TURN_SECOND);
        assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_FAILED);
        assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_LOST);
        assert_int_equal(turn_fixture_status(&f).code, codes[i]);
        assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_FAILED), 1);
    }
    restart(ICE_TRANSPORT_UDP);
    turn_fixture_allocate(&f);
    f.server.password = "expired";
    turn_fixture_run_until(&f, f.now_us + 541 * TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_LOST);
    assert_int_equal(turn_fixture_status(&f).code, 401);

    restart(ICE_TRANSPORT_UDP);
    turn_fixture_allocate(&f);
    f.drop = 1000;
    turn_fixture_run_until(&f, f.now_us + 579 * TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
    turn_fixture_run_until(&f, f.now_us + TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_LOST);
    assert_int_equal(turn_fixture_status(&f).code, 0);

    restart(ICE_TRANSPORT_UDP);
    turn_fixture_allocate(&f);
    f.server.lifetime_seconds = 0;
    turn_fixture_run_until(&f, f.now_us + 541 * TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_LOST);
}

/* RFC 8656 section 5: 437 to any other request says the same as to a Refresh. */
static void lost_by_another_request(void **state) {
    (void)state;
    struct stun_address peer = turn_server_address("198.51.100.20", 7000);
    for (int channel = 0; channel < 2; channel++) {
        restart(ICE_TRANSPORT_UDP);
        turn_fixture_allocate(&f);
        f.server.refuse[channel ? STUN_METHOD_CHANNEL_BIND : STUN_METHOD_CREATE_PERMISSION] = 437;
        assert_int_equal(ice_turn_client_bind(f.client, f.now_us, &peer), ICE_OK);
        turn_fixture_drain(&f);
        assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_LOST);
        assert_int_equal(turn_fixture_status(&f).code, 437);
    }
}

/* coturn says 400 to who asks for a permission or a channel of an allocation that it has not: whether it has, a Refresh tells. */
static void asked_for_after_a_bad_request(void **state) {
    (void)state;
    struct stun_address peer = turn_server_address("198.51.100.20", 7000);
    for (int way = 0; way < 4; way++) {
        bool is_channel = way & 1, is_gone = way & 2;
        restart(ICE_TRANSPORT_UDP);
        turn_fixture_allocate(&f);
        f.server.refuse[is_channel ? STUN_METHOD_CHANNEL_BIND : STUN_METHOD_CREATE_PERMISSION] = 400;
        f.server.is_allocated = !is_gone;
        assert_int_equal(is_channel ? ice_turn_client_bind(f.client, f.now_us, &peer) : ice_turn_client_permit(f.client, f.now_us, &peer), ICE_OK);
        turn_fixture_drain(&f);
        assert_int_equal(turn_fixture_status(&f).failure, is_gone ? ICE_TURN_FAILURE_LOST : ICE_TURN_FAILURE_NONE);
        assert_int_equal(turn_fixture_status(&f).code, is_gone ? 437 : 0);
        assert_int_equal(f.server.refreshes, is_gone ? 0 : 1);
    }
}

/* Asked for before its time; the server has forgotten: known after one round trip instead of nine minutes. */
static void asked_for(void **state) {
    (void)state;
    turn_fixture_start(&f);
    ice_turn_client_refresh(f.client, f.now_us); /* nothing to refresh yet */
    turn_fixture_drain(&f);
    assert_int_equal(f.sent, 2);
    ice_turn_client_refresh(f.client, f.now_us);
    ice_turn_client_refresh(f.client, f.now_us); /* one is under way */
    turn_fixture_drain(&f);
    assert_int_equal(f.server.refreshes, 1);
    f.server.is_allocated = false;
    ice_turn_client_refresh(f.client, f.now_us);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_LOST);
    assert_int_equal(turn_fixture_status(&f).code, 437);
}

/* Asked again while one is under way: within its RTO nothing, later at once instead of at the next retransmission. */
static void asked_for_again(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    f.drop = 1000;
    unsigned sent = f.sent;
    ice_turn_client_refresh(f.client, f.now_us);
    turn_fixture_run_until(&f, f.now_us + 10 * TURN_SECOND); /* 0, 0.5, 1.5, 3.5, 7.5; the next would be at 15.5 */
    assert_int_equal(f.sent - sent, 5);
    ice_turn_client_refresh(f.client, f.now_us);
    for (int i = 0; i < 100; i++) {
        turn_fixture_drain(&f);
        ice_turn_client_refresh(f.client, f.now_us + 499999);
    }
    assert_int_equal(f.sent - sent, 6);
}

static void round_trip(void **state) {
    (void)state;
    turn_fixture_start(&f);
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048];
    for (int i = 0; i < 2; i++) {
        assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
        size_t length = turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer);
        f.now_us += 80000;
        turn_fixture_deliver(&f, answer, length);
    }
    assert_int_equal(turn_fixture_status(&f).allocate_round_trip_us, 80000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(leftover, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_successes, setup, teardown),
        cmocka_unit_test_setup_teardown(families, setup, teardown),
        cmocka_unit_test_setup_teardown(one_of_two, setup, teardown),
        cmocka_unit_test_setup_teardown(other_family, setup, teardown),
        cmocka_unit_test_setup_teardown(refreshed_for_half_an_hour, setup, teardown),
        cmocka_unit_test_setup_teardown(lifetime_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(lost, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_by_another_request, setup, teardown),
        cmocka_unit_test_setup_teardown(asked_for_after_a_bad_request, setup, teardown),
        cmocka_unit_test_setup_teardown(asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(asked_for_again, setup, teardown),
        cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
