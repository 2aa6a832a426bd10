#include "test_ice.h"

static struct scripted_peer peer;
static struct ice_transmit out;
static uint8_t payload[200];

static bool next_request(struct sent *sent, uint64_t until_us) {
    for (;;) {
        if (scripted_poll_request(&peer, sent))
            return true;
        uint64_t next_us = ice_agent_next_timeout(peer.agent);
        if (next_us > until_us) {
            peer.now_us = until_us;
            return false;
        }
        peer.now_us = next_us;
        ice_agent_handle_timeout(peer.agent, peer.now_us);
    }
}

/* RFC 7675 section 5.1: every 5 s, times 0.8 to 1.2, a fresh identifier each, no retransmission */
static void interval(void **state) {
    (void)state;
    static uint8_t ids[200][STUN_TRANSACTION_ID_BYTES];
    uint64_t shortest_us = UINT64_MAX, longest_us = 0, last_us;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    last_us = peer.now_us;
    for (size_t i = 0; i < 200; i++) {
        assert_true(next_request(&sent, peer.now_us + 10 * SECOND));
        uint64_t gap_us = peer.now_us - last_us;
        shortest_us = ice_earlier(shortest_us, gap_us);
        longest_us = ice_later(longest_us, gap_us);
        last_us = peer.now_us;
        memcpy(ids[i], sent.message.transaction_id, sizeof ids[i]);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(ids[i], ids[j], sizeof ids[i]);
        assert_int_equal(stun_message_check_integrity(&sent.message, peer.peer_key), STUN_OK);
        assert_int_equal(stun_message_check_fingerprint(&sent.message), STUN_OK);
        assert_true(sent_has(&sent, STUN_ATTRIBUTE_USERNAME) && sent_has(&sent, STUN_ATTRIBUTE_PRIORITY));
        peer.now_us += 10 * MS;
        assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
    }
    assert_in_range(shortest_us, 4000 * MS, 4200 * MS);
    assert_in_range(longest_us, 5800 * MS, 6000 * MS);
    assert_int_equal(scripted_pair(&peer, 0).consent_requests_sent, 200);
    assert_true(scripted_pair(&peer, 0).current_round_trip_us == 10 * MS);
    scripted_close(&peer);
}

/* A request with an identifier that was not seen before: a repetition is not a new check. */
static bool next_check(struct sent *sent, uint64_t until_us) {
    uint8_t before[STUN_TRANSACTION_ID_BYTES];
    memcpy(before, sent->bytes + 8, sizeof before);
    while (next_request(sent, until_us))
        if (memcmp(before, sent->bytes + 8, sizeof before) != 0)
            return true;
    return false;
}

/* security.md row 42: lose one, lose five, lose all */
static void lose(unsigned count, bool survives) {
    struct sent sent = {.length = 0};
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    for (int round = 0; round < 20; round++) {
        for (unsigned i = 0; i < count; i++)
            if (!next_check(&sent, peer.now_us + 60 * SECOND))
                break;
        if (!survives)
            break;
        assert_true(next_check(&sent, peer.now_us + 10 * SECOND));
        assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
        assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    }
    assert_int_equal(scripted_state(&peer), survives ? ICE_STATE_CONNECTED : ICE_STATE_FAILED);
    scripted_close(&peer);
}

/* Our deviation from RFC 7675: a request that follows an unanswered one is repeated after 500 and 1500 ms, the same message */
static void anxious_requests_are_repeated(void **state) {
    (void)state;
    struct sent sent, again;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    assert_true(next_request(&sent, peer.now_us + 6 * SECOND));
    uint64_t first_us = peer.now_us;
    assert_true(next_request(&again, peer.now_us + 6 * SECOND)); /* the first was sent once */
    assert_in_range(peer.now_us - first_us, 4000 * MS, 4500 * MS);
    assert_memory_not_equal(sent.bytes + 8, again.bytes + 8, STUN_TRANSACTION_ID_BYTES);
    uint64_t second_us = peer.now_us;
    static const uint64_t offsets[] = {500 * MS, 1500 * MS};
    for (int i = 0; i < 2; i++) {
        assert_true(next_request(&sent, peer.now_us + 6 * SECOND));
        assert_true(peer.now_us - second_us == offsets[i]);
        assert_int_equal(sent.length, again.length);
        assert_memory_equal(sent.bytes, again.bytes, sent.length);
    }
    assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
    assert_int_equal(scripted_wait(&peer, peer.now_us + 2400 * MS), 0); /* 4 s after the second at the soonest */
    assert_int_equal(scripted_pair(&peer, 0).consent_requests_sent, 2);
    scripted_close(&peer);
}

static void lose_one(void **state) {
    (void)state;
    lose(1, true);
}

/* six requests fit into 30 s whatever the draw, so that five may be lost */
static void lose_five(void **state) {
    (void)state;
    lose(5, true);
}

static void lose_all(void **state) {
    (void)state;
    lose(100, false);
}

/* RFC 7675 section 5.1, MUST: 30 s after the last valid answer sending stops, to the microsecond, handled or not */
static void expiry(void **state) {
    (void)state;
    struct sent sent;
    struct ice_event event;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    assert_true(next_request(&sent, peer.now_us + 10 * SECOND));
    scripted_respond(&peer, &sent, 0, NULL);
    uint64_t last_us = peer.now_us;
    while (ice_agent_poll_event(peer.agent, &event)) {
    }
    scripted_wait(&peer, last_us + 30 * SECOND - 1);
    assert_int_equal(ice_agent_wrap_payload(peer.agent, last_us + 30 * SECOND - 1, payload, 100, sizeof payload, &out), ICE_OK);
    assert_int_equal(ice_agent_wrap_payload(peer.agent, last_us + 30 * SECOND, payload, 100, sizeof payload, &out), ICE_ERROR_STATE);
    assert_true(ice_agent_next_timeout(peer.agent) == last_us + 30 * SECOND);
    peer.now_us = last_us + 30 * SECOND;
    ice_agent_handle_timeout(peer.agent, peer.now_us);
    enum ice_failure failure = ICE_FAILURE_NONE;
    while (ice_agent_poll_event(peer.agent, &event))
        if (event.type == ICE_EVENT_STATE && event.as.state.state == ICE_STATE_FAILED)
            failure = event.as.state.failure;
    assert_int_equal(failure, ICE_FAILURE_CONSENT_EXPIRED);
    assert_false(scripted_poll(&peer, &sent));
    assert_true(ice_agent_next_timeout(peer.agent) == UINT64_MAX);
    /* not even an answer is sent from here on, and no late answer brings it back */
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, NULL), ICE_OK);
    assert_false(scripted_poll(&peer, &sent));
    assert_int_equal(ice_agent_wrap_payload(peer.agent, peer.now_us, payload, 100, sizeof payload, &out), ICE_ERROR_STATE);
    scripted_close(&peer);
}

/* Requests of the peer are not consent (RFC 7675 section 5.1), though they say that it is alive */
static void requests_are_not_consent(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    uint64_t start_us = peer.now_us;
    for (uint8_t i = 0; i < 29; i++) {
        scripted_wait(&peer, start_us + i * SECOND);
        assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED, .id = {i}}, NULL), ICE_OK);
        assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    }
    scripted_wait(&peer, start_us + 30 * SECOND);
    assert_int_equal(scripted_state(&peer), ICE_STATE_FAILED);
    scripted_close(&peer);
}

static void disconnected_and_back(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    assert_true(next_request(&sent, peer.now_us + 10 * SECOND));
    uint64_t asked_us = peer.now_us;
    scripted_wait(&peer, asked_us + 5 * SECOND - 1);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    scripted_wait(&peer, asked_us + 5 * SECOND);
    assert_int_equal(scripted_state(&peer), ICE_STATE_DISCONNECTED);
    assert_int_equal(ice_agent_wrap_payload(peer.agent, peer.now_us, payload, 100, sizeof payload, &out), ICE_OK); /* consent still holds */
    assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK); /* an old answer is a valid answer */
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    scripted_close(&peer);
}

/* RFC 7675 section 5.1: valid means signed, symmetric, successful */
static void answers_that_do_not_count(void **state) {
    (void)state;
    struct stun_key *other = stun_key_new_short_term((const uint8_t *)"attackerattackerattacker", 24);
    struct stun_address attacker = ip("203.0.113.66", 6666);
    const struct wrong cases[] = {{.no_integrity = true}, {.key = other}, {.from = &attacker}, {.to = &attacker}, {.no_fingerprint = true}};
    static const uint16_t codes[] = {0, 400, 487};
    for (size_t code = 0; code < 3; code++) {
        for (size_t i = 0; i < 5 + (codes[code] != 0); i++) {
            struct sent sent;
            scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
            scripted_connect(&peer);
            uint64_t start_us = peer.now_us;
            while (next_request(&sent, start_us + 31 * SECOND))
                scripted_respond(&peer, &sent, codes[code], i < 5 ? &cases[i] : NULL);
            assert_int_equal(scripted_state(&peer), ICE_STATE_FAILED);
            assert_int_equal(ice_agent_role(peer.agent), ICE_ROLE_CONTROLLING);
            scripted_close(&peer);
        }
    }
    stun_key_free(other);
}

/* RFC 8445 section 11: never more than 15 s without a packet on the pair; consent sees to that */
static void keepalive(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 0, NULL);
    scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .use_candidate = true}, NULL);
    scripted_drop_all(&peer);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t before_us = peer.now_us;
        assert_true(next_request(&sent, peer.now_us + 15 * SECOND));
        assert_true(peer.now_us - before_us < 15 * SECOND);
        scripted_respond(&peer, &sent, 0, NULL);
    }
    scripted_close(&peer);
}

/* A process that slept through the expiry must not send one packet on waking */
static void woken_too_late(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    assert_true(next_request(&sent, peer.now_us + 6 * SECOND));
    peer.now_us += 40 * SECOND;
    assert_false(scripted_poll(&peer, &(struct sent){.length = 0}));
    scripted_respond(&peer, &sent, 0, NULL); /* it lay in the socket meanwhile: consent had expired before it was seen */
    assert_int_equal(ice_agent_wrap_payload(peer.agent, peer.now_us, payload, 100, sizeof payload, &out), ICE_ERROR_STATE);
    ice_agent_handle_timeout(peer.agent, peer.now_us);
    assert_int_equal(scripted_state(&peer), ICE_STATE_FAILED);
    assert_false(scripted_poll(&peer, &sent));
    scripted_close(&peer);
}

/* Consent runs for hours: no leak of slots, one answer in three is enough */
static void long_call(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    for (unsigned i = 0; i < 3000; i++) {
        assert_true(next_request(&sent, peer.now_us + 10 * SECOND));
        if (i % 3 == 0)
            scripted_respond(&peer, &sent, 0, NULL);
    }
    assert_true(is_up(&(struct side){.state = scripted_state(&peer)}) || scripted_state(&peer) == ICE_STATE_DISCONNECTED);
    scripted_close(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interval), cmocka_unit_test(lose_one), cmocka_unit_test(lose_five), cmocka_unit_test(lose_all),
        cmocka_unit_test(anxious_requests_are_repeated), cmocka_unit_test(expiry), cmocka_unit_test(requests_are_not_consent), cmocka_unit_test(disconnected_and_back),
        cmocka_unit_test(answers_that_do_not_count), cmocka_unit_test(keepalive), cmocka_unit_test(woken_too_late), cmocka_unit_test(long_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
