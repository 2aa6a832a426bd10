#include "test_ice.h"

static struct scripted_peer peer;

static void add(uint16_t port, uint32_t priority, const char *foundation) {
    struct stun_address address = peer.address;
    address.port = port;
    assert_int_equal(scripted_candidate(&peer, &address, priority, foundation), ICE_OK);
}

static struct ice_pair_statistics to_port(uint16_t port) {
    for (size_t i = 0; i < ice_agent_pair_count(peer.agent); i++)
        if (scripted_pair(&peer, i).remote->address.port == port)
            return scripted_pair(&peer, i);
    fail();
    return (struct ice_pair_statistics){0};
}

static bool next_request(struct sent *sent, uint64_t until_us) {
    while (!scripted_poll_request(&peer, sent)) {
        uint64_t next_us = ice_agent_next_timeout(peer.agent);
        if (next_us > until_us)
            return false;
        peer.now_us = ice_later(peer.now_us, next_us);
        ice_agent_handle_timeout(peer.agent, peer.now_us);
    }
    return true;
}

/* One pair for each way to fail, and one that wins: each says what became of it, with the numbers that prove it */
static void each_says_why(void **state) {
    (void)state;
    struct sent sent;
    struct stun_key *other_key = stun_key_new_short_term((const uint8_t *)"attackerattackerattacker", 24);
    struct stun_address elsewhere = ip("203.0.113.5", 5555);
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    add(6000, 2000000000, "silent");
    add(6001, 1900000000, "unreachable");
    add(6002, 1800000000, "error");
    add(6003, 1700000000, "password");
    add(6004, 1600000000, "elsewhere");
    add(6005, 1500000000, "winner");
    add(6007, 1600000000 - 1, "elsewhere"); /* the same foundation as one that does not succeed */
    assert_int_equal(to_port(6000).verdict, ICE_VERDICT_NOT_TRIED_WAITING);
    assert_int_equal(to_port(6007).verdict, ICE_VERDICT_NOT_TRIED_FROZEN);
    uint64_t until_us = peer.now_us + 60 * SECOND;
    while (to_port(6005).state != ICE_PAIR_SUCCEEDED && next_request(&sent, until_us)) {
        switch (sent.path.remote.port) {
        case 6001: ice_agent_handle_send_error(peer.agent, peer.now_us, &sent.path, 113); break;
        case 6002: scripted_respond(&peer, &sent, 400, NULL); break;
        case 6003: scripted_respond(&peer, &sent, 0, &(struct wrong){.key = other_key}); break;
        case 6004: scripted_respond(&peer, &sent, 0, &(struct wrong){.from = &elsewhere}); break;
        case 6005: scripted_respond(&peer, &sent, 0, NULL); break;
        default: break;
        }
    }
    assert_int_equal(to_port(6000).verdict, ICE_VERDICT_IN_PROGRESS);
    assert_int_equal(to_port(6005).verdict, ICE_VERDICT_WORKS);
    while (!to_port(6005).selected && next_request(&sent, until_us))
        if (sent.path.remote.port == 6005)
            scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(to_port(6005).verdict, ICE_VERDICT_SELECTED);
    add(6008, 1000, "later");
    assert_int_equal(to_port(6008).verdict, ICE_VERDICT_NOT_TRIED_CHOSEN);
    uint64_t end_us = peer.now_us + 40 * SECOND;
    while (next_request(&sent, end_us))
        if (sent.path.remote.port == 6005)
            scripted_respond(&peer, &sent, 0, NULL);
    struct ice_pair_statistics pair = to_port(6000);
    assert_int_equal(pair.verdict, ICE_VERDICT_NO_ANSWER);
    assert_in_range(pair.requests_sent, 6, 12);
    pair = to_port(6001);
    assert_int_equal(pair.verdict, ICE_VERDICT_SEND_ERROR);
    assert_int_equal(pair.last_send_error, 113);
    pair = to_port(6002);
    assert_int_equal(pair.verdict, ICE_VERDICT_ERROR_RESPONSE);
    assert_int_equal(pair.last_error_code, 400);
    pair = to_port(6003);
    assert_int_equal(pair.verdict, ICE_VERDICT_WRONG_CREDENTIALS);
    assert_true(pair.unauthentic > 0);
    pair = to_port(6004);
    assert_int_equal(pair.verdict, ICE_VERDICT_WRONG_ADDRESS);
    assert_true(pair.answers_elsewhere > 0);
    assert_int_equal(to_port(6005).verdict, ICE_VERDICT_SELECTED);
    assert_true(to_port(6005).first_response_us >= to_port(6005).first_request_us);
    scripted_close(&peer);
    stun_key_free(other_key);
}

/* The peer signs its requests with a password that is not ours: the pair knows it */
static void requests_with_wrong_credentials(void **state) {
    (void)state;
    struct stun_key *other_key = stun_key_new_short_term((const uint8_t *)"attackerattackerattacker", 24);
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    (void)scripted_drop_all(&peer);
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING}, &(struct wrong){.key = other_key}), ICE_ERROR_UNAUTHENTIC);
    assert_int_equal(scripted_pair(&peer, 0).unauthentic, 1);
    assert_int_equal(scripted_pair(&peer, 0).verdict, ICE_VERDICT_WRONG_CREDENTIALS);
    scripted_close(&peer);
    stun_key_free(other_key);
}

static void ends_of_a_pair(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    add(6001, 2130706431, "better");
    uint64_t until_us = peer.now_us + 2 * SECOND;
    while (next_request(&sent, until_us))
        scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(to_port(6000).verdict, ICE_VERDICT_REPLACED);
    assert_int_equal(to_port(6001).verdict, ICE_VERDICT_SELECTED);
    add(6002, 1000, "later");
    scripted_wait(&peer, peer.now_us + 60 * SECOND);
    assert_int_equal(scripted_state(&peer), ICE_STATE_FAILED);
    assert_int_equal(to_port(6001).verdict, ICE_VERDICT_DIED);
    assert_int_equal(to_port(6000).verdict, ICE_VERDICT_DIED);
    assert_int_equal(to_port(6002).verdict, ICE_VERDICT_NO_ANSWER); /* it was asked when the selected one was dying */
    assert_int_equal(ice_agent_handle_interfaces(peer.agent, peer.now_us, NULL, 0), ICE_OK);
    assert_int_equal(to_port(6002).verdict, ICE_VERDICT_INTERFACE_GONE);
    scripted_close(&peer);
}

/* Controlled: the better pair was answered, but the peer has chosen */
static void too_late(void **state) {
    (void)state;
    struct sent worse, better;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    add(6000, 2000000000, "better");
    add(6001, 1000000000, "worse");
    assert_true(next_request(&better, peer.now_us + SECOND));
    assert_true(next_request(&worse, peer.now_us + SECOND));
    scripted_respond(&peer, &worse, 0, NULL);
    struct stun_address from = worse.path.remote;
    scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .use_candidate = true}, &(struct wrong){.from = &from});
    assert_int_equal(to_port(6001).verdict, ICE_VERDICT_SELECTED);
    peer.now_us += 10 * MS;
    scripted_respond(&peer, &better, 0, NULL);
    assert_int_equal(to_port(6000).verdict, ICE_VERDICT_TOO_LATE);
    scripted_close(&peer);
}

static struct ice_remote_statistics remote_at(size_t index) {
    struct ice_remote_statistics statistics;
    assert_true(ice_agent_remote_candidate(peer.agent, index, &statistics));
    return statistics;
}

/* Remote candidates without a pair: family, scope, limit; none of ours */
static void unpaired(void **state) {
    (void)state;
    struct stun_address ipv6 = ip("2001:db8::1", 6000), loopback = ip("127.0.0.1", 6000);
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    assert_int_equal(scripted_candidate(&peer, &peer.address, 1000, "1"), ICE_OK);
    assert_int_equal(remote_at(0).unpaired, ICE_UNPAIRED_NO_LOCAL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    assert_int_equal(remote_at(0).unpaired, ICE_UNPAIRED_NONE);
    assert_int_equal(remote_at(0).pairs, 1);
    assert_int_equal(scripted_candidate(&peer, &ipv6, 1000, "2"), ICE_OK);
    assert_int_equal(scripted_candidate(&peer, &loopback, 1000, "3"), ICE_OK);
    assert_int_equal(ice_agent_remote_candidate_count(peer.agent), 3);
    assert_int_equal(remote_at(1).unpaired, ICE_UNPAIRED_FAMILY);
    assert_int_equal(remote_at(2).unpaired, ICE_UNPAIRED_SCOPE);
    struct ice_remote_statistics statistics;
    assert_false(ice_agent_remote_candidate(peer.agent, 3, &statistics));
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    assert_int_equal(ice_agent_remote_candidate_count(peer.agent), 3); /* it may yet be cancelled */
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "next", 4, "nextnextnextnextnextnext", 24), ICE_OK);
    assert_int_equal(ice_agent_remote_candidate_count(peer.agent), 0);
    scripted_close(&peer);

    struct ice_interface interfaces[2] = {{.base = ip("192.0.2.1", 5000), .preference = 65535}, {.base = ip("192.0.2.2", 5000), .preference = 100}};
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    ice_agent_handle_interfaces(peer.agent, peer.now_us, interfaces, 2);
    ice_agent_gather(peer.agent, peer.now_us);
    scripted_credentials(&peer);
    for (uint16_t i = 0; i < 51; i++)
        add((uint16_t)(6000 + i), 2000000000u - i, "x");
    struct ice_statistics all;
    ice_agent_statistics(peer.agent, &all);
    assert_int_equal(all.pairs_pruned, 2);
    assert_int_equal(remote_at(50).unpaired, ICE_UNPAIRED_LIMIT);
    assert_int_equal(remote_at(49).unpaired, ICE_UNPAIRED_NONE);
    scripted_close(&peer);
}

static void names(void **state) {
    (void)state;
    for (int i = ICE_VERDICT_SELECTED; i <= ICE_VERDICT_NOT_TRIED_ENDED; i++) {
        assert_true(strlen(ice_pair_verdict_name((enum ice_pair_verdict)i)) > 0);
        for (int j = ICE_VERDICT_SELECTED; j < i; j++)
            assert_string_not_equal(ice_pair_verdict_name((enum ice_pair_verdict)i), ice_pair_verdict_name((enum ice_pair_verdict)j));
    }
    assert_string_equal(ice_pair_verdict_name((enum ice_pair_verdict)(ICE_VERDICT_NOT_TRIED_ENDED + 1)), "");
    for (int i = ICE_UNPAIRED_NO_LOCAL; i <= ICE_UNPAIRED_LIMIT; i++)
        assert_true(strlen(ice_unpaired_name((enum ice_unpaired)i)) > 0);
    for (int i = ICE_RESTART_INTERFACE_GONE; i <= ICE_RESTART_NO_PAIR; i++)
        assert_true(strlen(ice_restart_reason_name((enum ice_restart_reason)i)) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_says_why), cmocka_unit_test(requests_with_wrong_credentials), cmocka_unit_test(ends_of_a_pair),
        cmocka_unit_test(too_late), cmocka_unit_test(unpaired), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
