#include "test_ice.h"

static struct scripted_peer peer;

static void add(uint16_t port, uint32_t priority, const char *foundation) {
    struct stun_address address = peer.address;
    address.port = port;
    assert_int_equal(scripted_candidate(&peer, &address, priority, foundation), ICE_OK);
}

/* RFC 8445 section 8.1.1: with nothing better in question the nomination follows at once, 5 ms behind the check */
static void best_pair_at_once(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
    assert_false(scripted_poll_request(&peer, &sent));
    assert_true(ice_agent_next_timeout(peer.agent) == peer.now_us + 5 * MS);
    peer.now_us += 5 * MS;
    assert_true(scripted_poll_request(&peer, &sent));
    assert_true(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE)); /* RFC 8445 section 7.1.2 */
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
    assert_false(scripted_pair(&peer, 0).nominated);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
    assert_true(scripted_pair(&peer, 0).nominated && scripted_pair(&peer, 0).selected);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    scripted_close(&peer);
}

/* A better pair that has not answered is waited for: twice the round trip of the valid one and 20 ms, never beyond 200 ms */
static void waits_for_a_better_pair(void **state) {
    (void)state;
    struct sent better, worse, sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_gather(&peer);
    add(6000, 2000000000, "a");
    add(6001, 1000000000, "b");
    scripted_credentials(&peer);
    assert_true(scripted_poll_request(&peer, &better));
    uint64_t better_us = peer.now_us;
    peer.now_us += 50 * MS;
    assert_true(scripted_poll_request(&peer, &worse));
    peer.now_us += 30 * MS;
    scripted_respond(&peer, &worse, 0, NULL); /* round trip 30 ms: in question until better_us + 80 ms, which is now */
    peer.now_us += 1;
    assert_true(scripted_poll_request(&peer, &sent));
    assert_true(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
    assert_int_equal(sent.path.remote.port, 6001);
    scripted_close(&peer);

    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL); /* the same with a round trip of 60 ms */
    scripted_gather(&peer);
    add(6000, 2000000000, "a");
    add(6001, 1000000000, "b");
    scripted_credentials(&peer);
    assert_true(scripted_poll_request(&peer, &better));
    better_us = peer.now_us;
    peer.now_us += 50 * MS;
    assert_true(scripted_poll_request(&peer, &worse));
    peer.now_us += 60 * MS;
    scripted_respond(&peer, &worse, 0, NULL);
    assert_true(ice_agent_next_timeout(peer.agent) == better_us + 2 * 60 * MS + 20 * MS);
    peer.now_us += 10 * MS;
    assert_false(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &better, 0, NULL); /* it comes in time, and wins */
    assert_true(scripted_poll_request(&peer, &sent));
    assert_true(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
    assert_int_equal(sent.path.remote.port, 6000);
    scripted_close(&peer);
}

static void waits_no_longer_than_200_ms(void **state) {
    (void)state;
    struct sent sent, valid = {0};
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_gather(&peer);
    for (unsigned i = 0; i < 30; i++) { /* better ones wait for their turn for 1.5 s */
        char foundation[3] = {(char)('a' + i % 26), (char)('a' + i / 26), '\0'};
        add((uint16_t)(6000 + i), 2000000000 - i, foundation);
    }
    scripted_credentials(&peer);
    add(7000, 1000, "x");
    struct request request = {.role = ICE_ROLE_CONTROLLED};
    struct stun_address from = peer.address;
    from.port = 7000;
    scripted_request(&peer, &request, &(struct wrong){.from = &from}); /* triggers the worst */
    assert_true(scripted_poll_request(&peer, &valid));
    assert_int_equal(valid.path.remote.port, 7000);
    peer.now_us += 300 * MS; /* a long round trip */
    scripted_respond(&peer, &valid, 0, NULL);
    uint64_t valid_us = peer.now_us;
    bool nominated = false;
    while (!nominated && peer.now_us < valid_us + SECOND) {
        peer.now_us += MS;
        ice_agent_handle_timeout(peer.agent, peer.now_us);
        while (scripted_poll_request(&peer, &sent))
            nominated = nominated || sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE);
    }
    assert_true(nominated);
    assert_in_range(peer.now_us - valid_us, 200 * MS, 206 * MS);
    assert_int_equal(sent.path.remote.port, 7000);
    scripted_close(&peer);
}

/* The nomination is repeated until it is answered; loss does not undo it */
static void nomination_survives_loss(void **state) {
    (void)state;
    struct sent sent;
    for (unsigned lost = 0; lost < 30; lost++) {
        scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
        scripted_start(&peer);
        assert_true(scripted_poll_request(&peer, &sent));
        scripted_respond(&peer, &sent, 0, NULL);
        uint64_t start_us = peer.now_us;
        unsigned seen = 0;
        while (peer.now_us < start_us + 40 * SECOND && seen <= lost) {
            peer.now_us = ice_agent_next_timeout(peer.agent);
            ice_agent_handle_timeout(peer.agent, peer.now_us);
            while (seen <= lost && scripted_poll_request(&peer, &sent)) {
                assert_true(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
                seen++;
            }
        }
        assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
        assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
        assert_true(peer.now_us - start_us <= (lost + 1) * 800 * MS); /* 0, 500, 1500, 2000 ... ms */
        scripted_close(&peer);
    }
}

/* RFC 8445 section 8.1.1: one nomination while nothing better comes; a worse pair, even if it works, changes nothing */
static void nominates_once(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    add(6001, 1000, "worse");
    struct stun_address from = ip("203.0.113.1", 5000);
    scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED, .priority = 1000}, &(struct wrong){.from = &from});
    uint64_t until_us = peer.now_us + 20 * SECOND;
    while (peer.now_us < until_us) {
        while (scripted_poll_request(&peer, &sent)) {
            assert_false(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
            assert_int_equal(sent.path.remote.port, 6000); /* consent, and nothing else (section 8.1.2) */
            scripted_respond(&peer, &sent, 0, NULL);
        }
        peer.now_us = ice_agent_next_timeout(peer.agent);
        ice_agent_handle_timeout(peer.agent, peer.now_us);
    }
    scripted_close(&peer);
}

/* RFC 8445 section 8.1.2, MUST: after the nomination the other pairs are not checked any more */
static void others_are_cancelled(void **state) {
    (void)state;
    struct sent better, worse, sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_gather(&peer);
    add(6000, 2000000000, "a");
    add(6001, 1000000000, "b");
    add(6002, 1000, "c");
    scripted_credentials(&peer);
    assert_true(scripted_poll_request(&peer, &better));
    peer.now_us += 50 * MS;
    assert_true(scripted_poll_request(&peer, &worse));
    scripted_respond(&peer, &better, 0, NULL);
    peer.now_us += 5 * MS;
    assert_true(scripted_poll_request(&peer, &sent));
    assert_true(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
    scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(scripted_wait(&peer, peer.now_us + 3900 * MS), 0); /* not even a retransmission */
    /* a request on another pair is answered, and that is all (section 8.1.2, MUST) */
    struct stun_address from = worse.path.remote;
    scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, &(struct wrong){.from = &from});
    assert_true(scripted_poll(&peer, &sent));
    assert_int_equal(sent.message.class_, STUN_CLASS_SUCCESS_RESPONSE);
    assert_int_equal(peer.agent->triggered.count, 0);
    scripted_close(&peer);
}

/* A nomination that stays unanswered is tried elsewhere, if there is another valid pair */
static void falls_back(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_gather(&peer);
    add(6000, 2000000000, "a");
    add(6001, 1000000000, "b");
    scripted_credentials(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    peer.now_us += 50 * MS;
    struct sent second;
    assert_true(scripted_poll_request(&peer, &second));
    scripted_respond(&peer, &sent, 0, NULL);
    scripted_respond(&peer, &second, 0, NULL);
    uint64_t start_us = peer.now_us;
    bool connected = false;
    while (!connected && peer.now_us < start_us + 20 * SECOND) {
        peer.now_us = ice_agent_next_timeout(peer.agent);
        ice_agent_handle_timeout(peer.agent, peer.now_us);
        while (scripted_poll_request(&peer, &sent))
            if (sent.path.remote.port == 6001) {
                assert_true(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
                scripted_respond(&peer, &sent, 0, NULL);
                connected = scripted_state(&peer) == ICE_STATE_CONNECTED;
            }
    }
    assert_true(connected);
    assert_in_range(peer.now_us - start_us, 8 * SECOND, 9 * SECOND);
    scripted_close(&peer);
}

/* A 487 to the nomination makes us controlled; nothing of the nomination is left */
static void role_lost_while_nominating(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 0, NULL);
    peer.now_us += 5 * MS;
    assert_true(scripted_poll_request(&peer, &sent));
    assert_int_equal(scripted_respond(&peer, &sent, 487, NULL), ICE_OK);
    assert_int_equal(ice_agent_role(peer.agent), ICE_ROLE_CONTROLLED);
    uint64_t until_us = peer.now_us + 5 * SECOND;
    while (peer.now_us < until_us) { /* RFC 8445 section 7.1.2, MUST NOT */
        while (scripted_poll_request(&peer, &sent))
            assert_false(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
        peer.now_us = ice_earlier(until_us, ice_agent_next_timeout(peer.agent));
        ice_agent_handle_timeout(peer.agent, peer.now_us);
    }
    /* and the peer's nomination of the valid pair connects at once */
    scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .use_candidate = true}, NULL);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    scripted_close(&peer);
}

/* RFC 8445 section 6.1.1, MUST: with a lite peer we control, whatever we were; it never sends a check, and need not */
static void lite_peer(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    ice_agent_set_remote_lite(peer.agent, peer.now_us, true);
    assert_int_equal(ice_agent_role(peer.agent), ICE_ROLE_CONTROLLING);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    assert_true(sent_has(&sent, STUN_ATTRIBUTE_ICE_CONTROLLING));
    /* a 487 of a lite peer is its mistake: we cannot both be controlled */
    assert_int_equal(scripted_respond(&peer, &sent, 487, NULL), ICE_OK);
    assert_int_equal(ice_agent_role(peer.agent), ICE_ROLE_CONTROLLING);
    peer.now_us += 50 * MS;
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 0, NULL);
    peer.now_us += 5 * MS;
    assert_true(scripted_poll_request(&peer, &sent));
    assert_true(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
    scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    /* consent needs its answers only */
    scripted_wait_answering(&peer, peer.now_us + 120 * SECOND);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    /* RFC 8445 section 9: what was lite may be full after a restart */
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "next", 4, "nextnextnextnextnextnext", 24), ICE_OK);
    assert_false(ice_generation_current(peer.agent)->remote_lite);
    scripted_close(&peer);
}

/* An agent that is told late is told in time: what has been checked as controlled is nominated now */
static void lite_peer_said_late(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 0, NULL);
    ice_agent_set_remote_lite(peer.agent, peer.now_us, true);
    peer.now_us += 5 * MS;
    assert_true(scripted_poll_request(&peer, &sent));
    assert_true(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
    scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    scripted_close(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(best_pair_at_once), cmocka_unit_test(waits_for_a_better_pair), cmocka_unit_test(waits_no_longer_than_200_ms),
        cmocka_unit_test(nomination_survives_loss), cmocka_unit_test(nominates_once), cmocka_unit_test(others_are_cancelled),
        cmocka_unit_test(falls_back), cmocka_unit_test(role_lost_while_nominating),
        cmocka_unit_test(lite_peer), cmocka_unit_test(lite_peer_said_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
