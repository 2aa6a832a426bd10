#include "test_ice.h"

static struct scripted_peer peer;

static struct stun_address remote_address(unsigned i) {
    struct stun_address address = ip("198.51.100.1", 6000);
    address.ip[3] = (uint8_t)(1 + i % 250);
    address.port = (uint16_t)(6000 + i / 250);
    return address;
}

/* RFC 8445 section 6.1.2.4: a reflexive candidate makes no pair of its own, its base has made it */
static void reflexive_is_pruned(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    struct stun_address mapped = ip("203.0.113.1", 5000), server = ip("198.51.100.9", 3478);
    uint16_t added = ice_local_add(peer.agent, ICE_CANDIDATE_SERVER_REFLEXIVE, &mapped, &peer.base, &server, 65535);
    ice_checklist_add_local(peer.agent, added);
    struct stun_address other = ip("198.51.100.2", 6000);
    scripted_candidate(&peer, &other, 1, "1");
    assert_int_equal(ice_agent_pair_count(peer.agent), 2); /* one for each remote candidate */
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(scripted_pair(&peer, i).local->type, ICE_CANDIDATE_HOST);
    scripted_close(&peer);
}

/* RFC 8445 section 6.1.2.6 and RFC 8838 section 12: one of a foundation waits, the others are frozen */
static void freezing(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    for (unsigned i = 0; i < 3; i++) {
        struct stun_address address = remote_address(i);
        scripted_candidate(&peer, &address, 2130706431 - i, "same");
    }
    struct stun_address other = remote_address(3);
    scripted_candidate(&peer, &other, 1000, "other");
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_WAITING);
    assert_int_equal(scripted_pair(&peer, 1).state, ICE_PAIR_FROZEN);
    assert_int_equal(scripted_pair(&peer, 2).state, ICE_PAIR_FROZEN);
    assert_int_equal(scripted_pair(&peer, 3).state, ICE_PAIR_WAITING);
    scripted_credentials(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_IN_PROGRESS);
    /* RFC 8445 section 7.2.5.3.3: success thaws the foundation */
    assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
    assert_int_equal(scripted_pair(&peer, 1).state, ICE_PAIR_WAITING);
    assert_int_equal(scripted_pair(&peer, 2).state, ICE_PAIR_WAITING);
    scripted_close(&peer);
}

/* RFC 8445 section 7.2.5.2: failure leaves the others; section 6.1.4.2 step 2 lets the next of the foundation go on */
static void failure_thaws_one(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    for (unsigned i = 0; i < 3; i++) {
        struct stun_address address = remote_address(i);
        scripted_candidate(&peer, &address, 2130706431 - i, "same");
    }
    scripted_credentials(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    assert_int_equal(scripted_respond(&peer, &sent, 500, NULL), ICE_OK);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_FAILED);
    assert_int_equal(scripted_pair(&peer, 0).last_error_code, 500);
    assert_int_equal(scripted_pair(&peer, 1).state, ICE_PAIR_FROZEN);
    peer.now_us += 50 * MS;
    assert_true(scripted_poll_request(&peer, &sent));
    assert_int_equal(scripted_pair(&peer, 1).state, ICE_PAIR_IN_PROGRESS);
    assert_int_equal(scripted_pair(&peer, 2).state, ICE_PAIR_FROZEN);
    scripted_close(&peer);
}

/* RFC 8445 section 6.1.4.2: the first check at once, then one each Ta, the highest priority first; section 14.2 */
static void pacing(void **state) {
    (void)state;
    static const uint64_t tas[] = {0, 5 * MS, 20 * MS, 200 * MS};
    for (size_t t = 0; t < 4; t++) {
        struct sent sent;
        uint64_t ta_us = tas[t] != 0 ? tas[t] : 50 * MS;
        scripted_open(&peer, ICE_ROLE_CONTROLLED, &(struct ice_agent_config){.ta_us = tas[t]});
        scripted_gather(&peer);
        for (unsigned i = 0; i < 5; i++) {
            struct stun_address address = remote_address(i);
            char foundation[2] = {(char)('a' + i), '\0'};
            scripted_candidate(&peer, &address, 1000 + i * 7 % 5, foundation); /* 0 2 4 1 3 */
        }
        scripted_credentials(&peer);
        static const unsigned order[] = {2, 4, 1, 3, 0};
        for (unsigned i = 0; i < 5; i++) {
            assert_true(scripted_poll_request(&peer, &sent));
            struct stun_address expected = remote_address(order[i]);
            assert_true(stun_address_equal(&sent.path.remote, &expected));
            assert_false(scripted_poll_request(&peer, &sent));
            if (i < 4)
                assert_true(ice_agent_next_timeout(peer.agent) == peer.now_us + ta_us);
            peer.now_us += ta_us - 1;
            assert_false(scripted_poll_request(&peer, &sent));
            peer.now_us += 1;
        }
        scripted_close(&peer);
    }
}

/* RFC 8445 section 6.1.4.2 step 1: triggered checks go before ordinary ones, in the order they came, once each */
static void triggered_first(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    for (unsigned i = 0; i < 4; i++) {
        struct stun_address address = remote_address(i);
        char foundation[2] = {(char)('a' + i), '\0'};
        scripted_candidate(&peer, &address, 2000 - i, foundation);
    }
    scripted_credentials(&peer);
    assert_true(scripted_poll_request(&peer, &sent)); /* pair 0 */
    static const unsigned order[] = {3, 2};
    for (unsigned i = 0; i < 6; i++) {
        struct stun_address from = remote_address(order[i % 2]);
        struct request request = {.role = ICE_ROLE_CONTROLLING, .id = {(uint8_t)i}};
        assert_int_equal(scripted_request(&peer, &request, &(struct wrong){.from = &from}), ICE_OK);
    }
    assert_int_equal(peer.agent->triggered.count, 2);
    assert_int_equal(scripted_drop_all(&peer), 0); /* Ta holds for triggered checks too */
    static const unsigned expected[] = {3, 2, 1};
    for (unsigned i = 0; i < 3; i++) {
        peer.now_us += 50 * MS;
        assert_true(scripted_poll_request(&peer, &sent));
        struct stun_address address = remote_address(expected[i]);
        assert_true(stun_address_equal(&sent.path.remote, &address));
    }
    scripted_close(&peer);
}

/* RFC 8445 section 7.3.1.4: a request on a pair in progress makes a new check; the answer to the old one still counts */
static void triggered_in_progress(void **state) {
    (void)state;
    struct sent first, second;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &first));
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING}, NULL), ICE_OK);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_WAITING);
    peer.now_us += 50 * MS;
    assert_true(scripted_poll_request(&peer, &second));
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_IN_PROGRESS);
    assert_memory_not_equal(first.message.transaction_id, second.message.transaction_id, STUN_TRANSACTION_ID_BYTES);
    assert_int_equal(scripted_respond(&peer, &first, 0, NULL), ICE_OK);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
    /* Succeeded: nothing further is done */
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .id = {1}}, NULL), ICE_OK);
    assert_int_equal(peer.agent->triggered.count, 0);
    assert_int_equal(scripted_wait(&peer, peer.now_us + 2 * SECOND), 0);
    scripted_close(&peer);
}

/* RFC 8445 section 7.2.5.2.3 and 8863: silence fails a pair; it is tried again, ever slower, while patience lasts */
static void silence_is_retried(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    uint64_t start_us = peer.now_us;
    assert_int_equal(scripted_wait(&peer, start_us + 2999 * MS), 3); /* 0, 500, 1500 ms */
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_IN_PROGRESS);
    struct sent sent;
    peer.now_us = start_us + 3000 * MS;
    ice_agent_handle_timeout(peer.agent, peer.now_us);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_FAILED);
    assert_true(scripted_poll_request(&peer, &sent)); /* the next round begins */
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_IN_PROGRESS);
    size_t requests = 4 + scripted_wait(&peer, start_us + 39499 * MS);
    assert_in_range(requests, 10, 14);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    scripted_wait(&peer, start_us + 39500 * MS);
    assert_int_equal(scripted_state(&peer), ICE_STATE_FAILED);
    scripted_close(&peer);
}

/* RFC 8445 section 6.1.2.5: at ICE_PAIR_MAX a better pair takes the place of the worst, a worse one is refused, and counted */
static void pair_limit(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    struct ice_interface interfaces[2] = {{.base = ip("192.0.2.1", 5000), .preference = 65535}, {.base = ip("192.0.2.2", 5000), .preference = 65534}};
    ice_agent_handle_interfaces(peer.agent, peer.now_us, interfaces, 2);
    ice_agent_gather(peer.agent, peer.now_us);
    for (unsigned i = 0; i < ICE_PAIR_MAX / 2; i++) {
        assert_int_equal(ice_agent_pair_count(peer.agent), 2 * i);
        struct stun_address address = remote_address(i);
        assert_int_equal(scripted_candidate(&peer, &address, 1000000 + i, "f"), ICE_OK);
    }
    assert_int_equal(ice_agent_pair_count(peer.agent), ICE_PAIR_MAX);
    assert_int_equal(peer.agent->statistics.capacity_refused, 0);
    struct stun_address worst = remote_address(60), best = remote_address(61);
    assert_int_equal(scripted_candidate(&peer, &worst, 1, "f"), ICE_OK);
    assert_int_equal(peer.agent->statistics.capacity_refused, 2);
    for (size_t i = 0; i < ICE_PAIR_MAX; i++)
        assert_false(stun_address_equal(&scripted_pair(&peer, i).remote->address, &worst));
    assert_int_equal(scripted_candidate(&peer, &best, 2000000000, "f"), ICE_OK);
    assert_int_equal(ice_agent_pair_count(peer.agent), ICE_PAIR_MAX);
    size_t with_best = 0, with_worst = 0, with_first = 0;
    struct stun_address first = remote_address(0);
    for (size_t i = 0; i < ICE_PAIR_MAX; i++) {
        struct ice_pair_statistics pair = scripted_pair(&peer, i);
        with_best += stun_address_equal(&pair.remote->address, &best);
        with_worst += stun_address_equal(&pair.remote->address, &worst);
        with_first += stun_address_equal(&pair.remote->address, &first);
    }
    assert_int_equal(with_best, 2);
    assert_int_equal(with_worst, 0);
    assert_int_equal(with_first, 0); /* the lowest priority of those that were there */
    scripted_close(&peer);
}

/* RFC 8445 section 19.5.1: an authenticated peer that asks for ever does not make us ask for ever */
static void triggered_checks_are_bounded(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    size_t requests = 0;
    for (unsigned i = 0; i < 300; i++) {
        struct request request = {.role = ICE_ROLE_CONTROLLING, .id = {(uint8_t)i, (uint8_t)(i >> 8)}};
        scripted_request(&peer, &request, NULL);
        requests += scripted_wait(&peer, peer.now_us + 100 * MS);
    }
    assert_in_range(requests, ICE_PAIR_CHECK_MAX, ICE_PAIR_CHECK_MAX + 3);
    assert_true(peer.agent->statistics.capacity_refused > 0);
    scripted_close(&peer);
}

/* RFC 8445 section 14.3: RTO = MAX (500 ms, Ta (waiting + in progress)) */
static void rto(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    for (unsigned i = 0; i < 30; i++) {
        struct stun_address address = remote_address(i);
        char foundation[3] = {(char)('a' + i % 26), (char)('a' + i / 26), '\0'};
        scripted_candidate(&peer, &address, 2000 - i, foundation);
        assert_true(ice_checklist_rto_us(peer.agent, &peer.agent->pairs[0]) == (i < 9 ? 500 * MS : (i + 1) * 50 * MS));
    }
    peer.agent->pairs[0].timeouts = 200;
    assert_true(ice_checklist_rto_us(peer.agent, &peer.agent->pairs[0]) == ICE_RTO_MAX_US);
    scripted_close(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reflexive_is_pruned), cmocka_unit_test(freezing), cmocka_unit_test(failure_thaws_one), cmocka_unit_test(pacing),
        cmocka_unit_test(triggered_first), cmocka_unit_test(triggered_in_progress), cmocka_unit_test(silence_is_retried),
        cmocka_unit_test(pair_limit), cmocka_unit_test(triggered_checks_are_bounded), cmocka_unit_test(rto),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
