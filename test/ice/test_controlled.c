#include "test_ice.h"

static struct scripted_peer peer;

static void request_from(uint16_t port, bool use_candidate, uint32_t priority, uint8_t id) {
    struct stun_address from = peer.address;
    from.port = port;
    struct request request = {.role = ICE_ROLE_CONTROLLING, .use_candidate = use_candidate, .priority = priority, .id = {id}};
    assert_int_equal(scripted_request(&peer, &request, &(struct wrong){.from = &from}), ICE_OK);
}

static void answer_next(void) {
    struct sent sent;
    for (unsigned i = 0; i < 100; i++) {
        if (scripted_poll_request(&peer, &sent)) {
            assert_false(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE)); /* RFC 8445 section 7.1.2, MUST NOT */
            assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
            return;
        }
        peer.now_us += 5 * MS;
        ice_agent_handle_timeout(peer.agent, peer.now_us);
    }
    fail();
}

/* RFC 8445 section 7.3.1.5: the pair has succeeded, so the nomination selects it */
static void nomination_of_a_succeeded_pair(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    answer_next();
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    request_from(6000, false, 0, 1);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    request_from(6000, true, 0, 2);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    assert_true(scripted_pair(&peer, 0).nominated);
    scripted_close(&peer);
}

/* RFC 8445 section 7.3.1.5: else our own check must succeed first: authentication in both directions */
static void nomination_before_our_success(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    request_from(6000, true, 0, 1);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    struct ice_transmit out;
    uint8_t buffer[100];
    assert_int_equal(ice_agent_wrap_payload(peer.agent, peer.now_us, buffer, 10, sizeof buffer, &out), ICE_ERROR_STATE);
    answer_next();
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    assert_int_equal(ice_agent_wrap_payload(peer.agent, peer.now_us, buffer, 10, sizeof buffer, &out), ICE_OK);
    scripted_close(&peer);
}

/* The controlled agent never ends it by itself; a peer who never nominates leaves it to the verdict of RFC 8863 */
static void never_nominates_itself(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    uint64_t start_us = peer.now_us;
    answer_next();
    scripted_wait(&peer, start_us + 44400 * MS);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    scripted_wait(&peer, start_us + 44600 * MS);
    assert_int_equal(scripted_state(&peer), ICE_STATE_FAILED);
    scripted_close(&peer);
}

/* RFC 8445 section 7.3.1.5: USE-CANDIDATE towards a controlling agent is nothing */
static void controlling_ignores_nominations(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    struct request request = {.role = ICE_ROLE_CONTROLLED, .use_candidate = true};
    assert_int_equal(scripted_request(&peer, &request, NULL), ICE_OK);
    struct sent sent;
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    request.id[0] = 1; /* the pair has succeeded now */
    assert_int_equal(scripted_request(&peer, &request, NULL), ICE_OK);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    scripted_close(&peer);
}

/* RFC 8445 section 8.1.1, MUST: of several nominated pairs the one of highest priority is used (RFC 5245 peers nominate all) */
static void aggressive_nomination(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    request_from(6000, true, 1000, 1);
    answer_next();
    assert_int_equal(scripted_pair(&peer, 0).selected, 1);
    request_from(6001, true, 2000, 2);
    assert_int_equal(scripted_pair(&peer, 0).selected, 1);
    answer_next();
    assert_int_equal(scripted_pair(&peer, 0).selected, 0);
    assert_int_equal(scripted_pair(&peer, 1).selected, 1);
    request_from(6002, true, 500, 3); /* a worse one does not move us */
    answer_next();
    assert_int_equal(scripted_pair(&peer, 1).selected, 1);
    request_from(6000, true, 1000, 4);
    assert_int_equal(scripted_pair(&peer, 1).selected, 1);
    /* unless the selected one is dying: the peer knows why it chose another */
    scripted_wait(&peer, peer.now_us + 12 * SECOND);
    assert_int_equal(scripted_state(&peer), ICE_STATE_DISCONNECTED);
    request_from(6000, true, 1000, 5);
    assert_int_equal(scripted_pair(&peer, 0).selected, 0);
    answer_next();
    assert_int_equal(scripted_pair(&peer, 0).selected, 1);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    scripted_close(&peer);
}

/* security.md row 43: the attacker nominates with the wrong key, before and after we are connected */
static void hijack(void **state) {
    (void)state;
    struct stun_key *other = stun_key_new_short_term((const uint8_t *)"attackerattackerattacker", 24);
    struct stun_address attacker = ip("203.0.113.66", 6666);
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    const struct wrong cases[] = {{.key = other, .from = &attacker}, {.key = other}, {.no_integrity = true, .from = &attacker}, {.no_integrity = true}};
    for (int connected = 0; connected < 2; connected++) {
        for (size_t i = 0; i < 4; i++) {
            struct request request = {.role = ICE_ROLE_CONTROLLING, .use_candidate = true, .priority = INT32_MAX, .tie_breaker = UINT64_MAX};
            assert_int_equal(scripted_request(&peer, &request, &cases[i]), ICE_ERROR_UNAUTHENTIC);
        }
        assert_int_equal(ice_agent_pair_count(peer.agent), 1);
        assert_int_equal(scripted_pair(&peer, 0).selected, connected);
        struct ice_path path = {.local = peer.base, .remote = attacker};
        assert_false(ice_agent_is_path_valid(peer.agent, &path));
        if (!connected) {
            answer_next();
            request_from(6000, true, 0, 7);
        }
    }
    struct ice_transmit out;
    uint8_t buffer[100];
    assert_int_equal(ice_agent_wrap_payload(peer.agent, peer.now_us, buffer, 10, sizeof buffer, &out), ICE_OK);
    assert_true(stun_address_equal(&out.path.remote, &peer.address));
    scripted_close(&peer);
    stun_key_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nomination_of_a_succeeded_pair), cmocka_unit_test(nomination_before_our_success), cmocka_unit_test(never_nominates_itself),
        cmocka_unit_test(controlling_ignores_nominations), cmocka_unit_test(aggressive_nomination), cmocka_unit_test(hijack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
