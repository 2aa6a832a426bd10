#include "test_ice.h"

static struct two_agents net;
static struct scripted_peer peer;

#define DIRECT 5000u
#define RELAYED 7000u /* the port of what is signaled as a relayed candidate */

/* What happens to datagrams of the direct path. */
static struct direct {
    double loss;
    bool dead;
    uint64_t random;
} direct;

static bool is_direct(const struct datagram *datagram) {
    return datagram->path.local.port == DIRECT || datagram->path.remote.port == DIRECT;
}

static bool direct_tap(struct two_agents *two, int from, struct datagram *datagram, void *context) {
    (void)two;
    (void)from;
    (void)context;
    if (!is_direct(datagram))
        return true;
    return !direct.dead && (double)(next_random(&direct.random) >> 11) / 9007199254740992.0 >= direct.loss;
}

static struct ice_candidate as_relayed(const struct ice_candidate *host) {
    struct ice_candidate candidate = *host;
    candidate.type = ICE_CANDIDATE_RELAYED;
    candidate.priority = ice_candidate_priority(ICE_CANDIDATE_RELAYED, 65535, 1);
    memcpy(candidate.foundation, "relay", 6);
    return candidate;
}

/* Each side has an address that is reached directly, and one that the other side believes to be a relay's. */
static void open_two_paths(uint64_t seed, bool signal_direct) {
    two_agents_open(&net, seed, NULL);
    net.delay_us = 50 * MS;
    net.tap = direct_tap;
    direct.random = seed;
    for (int i = 0; i < 2; i++) {
        struct ice_interface interfaces[2] = {{.base = ipv4(i == 0 ? "192.0.2.1" : "198.51.100.1", DIRECT), .preference = 65535},
                                              {.base = ipv4(i == 0 ? "192.0.2.2" : "198.51.100.2", RELAYED), .preference = 10}};
        assert_int_equal(ice_agent_handle_interfaces(net.side[i].agent, net.now_us, interfaces, 2), ICE_OK);
    }
    two_agents_gather(&net);
    two_agents_exchange_credentials(&net);
    for (int i = 0; i < 2; i++) {
        for (size_t j = 0; j < net.side[i].candidate_count; j++) {
            struct ice_candidate candidate = net.side[i].candidates[j];
            if (candidate.address.port == RELAYED)
                candidate = as_relayed(&candidate);
            else if (!signal_direct)
                continue;
            assert_int_equal(ice_agent_add_remote_candidate(net.side[1 - i].agent, net.now_us, &candidate), ICE_OK);
            two_agents_drain(&net, 1 - i);
        }
        ice_agent_end_of_remote_candidates(net.side[1 - i].agent, net.now_us);
        two_agents_drain(&net, 1 - i);
    }
}

static bool is_on_direct(int side) {
    struct ice_transmit out;
    uint8_t buffer[ICE_HEADROOM_BYTES + 10 + ICE_TAILROOM_BYTES];
    return ice_agent_wrap_payload(net.side[side].agent, net.now_us, buffer, 10, sizeof buffer, &out) == ICE_OK && out.path.local.port == DIRECT &&
           out.path.remote.port == DIRECT;
}

static void run_with_media(uint64_t until_us) {
    while (net.now_us < until_us) {
        for (int i = 0; i < 2; i++) {
            uint8_t buffer[ICE_HEADROOM_BYTES + 10 + ICE_TAILROOM_BYTES];
            struct ice_transmit out;
            assert_int_equal(ice_agent_wrap_payload(net.side[i].agent, net.now_us, buffer, 10, sizeof buffer, &out), ICE_OK);
            struct ice_path seen = {.local = out.path.remote, .remote = out.path.local};
            assert_true(ice_agent_is_path_valid(net.side[1 - i].agent, &seen));
        }
        two_agents_run(&net, ice_earlier(net.now_us + 10 * MS, until_us));
    }
}

/* The measure: where the direct path works, the call ends on it, however many packets it loses; data never stops. */
static void direct_wins_under_loss(void **state) {
    (void)state;
    size_t at_once = 0;
    uint64_t longest_us = 0;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        direct.loss = 0.2;
        direct.dead = false;
        open_two_paths(seed, true);
        uint64_t from_us = net.now_us;
        assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
        at_once += is_on_direct(0);
        while (!(is_on_direct(0) && is_on_direct(1)) && net.now_us < from_us + 25 * SECOND)
            run_with_media(net.now_us + 10 * MS);
        assert_true(is_on_direct(0) && is_on_direct(1));
        longest_us = ice_later(longest_us, net.now_us - from_us);
        two_agents_close(&net);
    }
    print_message("20%% lost on the direct path only: %u of 500 begin on it, the last moves to it after %u ms\n", (unsigned)at_once, (unsigned)(longest_us / MS));
    assert_true(at_once >= 440);
}

/* A call that has nothing but a relay waits for the direct path: an RTO and two round trips after it was asked, and no longer */
static void what_a_relay_costs(void **state) {
    (void)state;
    direct.dead = true;
    open_two_paths(1, true);
    uint64_t from_us = net.now_us;
    assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
    print_message("by a relay, at a round trip of 100 ms: connected after %u ms\n", (unsigned)((net.side[0].connected_us - from_us) / MS));
    assert_in_range(net.side[0].connected_us - from_us, 600 * MS, 1000 * MS);
    assert_false(is_on_direct(0));
    /* the direct pairs are asked for a while, then it is over: consent, and nothing else */
    assert_int_equal(net.side[0].state, ICE_STATE_CONNECTED);
    run_with_media(from_us + 40 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    assert_int_equal(net.side[1].state, ICE_STATE_COMPLETED);
    uint64_t before = net.side[0].new_transactions;
    run_with_media(net.now_us + 60 * SECOND);
    assert_in_range(net.side[0].new_transactions - before, 10, 15); /* one in 4 to 6 s */
    two_agents_close(&net);
}

/* The direct path appears after 5 s (a firewall opens): the call moves, on both sides, without a pause */
static void moves_when_it_opens(void **state) {
    (void)state;
    direct = (struct direct){.dead = true};
    open_two_paths(2, true);
    uint64_t from_us = net.now_us;
    assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
    run_with_media(from_us + 5 * SECOND);
    direct.dead = false;
    while (!(is_on_direct(0) && is_on_direct(1)) && net.now_us < from_us + 20 * SECOND)
        run_with_media(net.now_us + 10 * MS);
    assert_true(is_on_direct(0) && is_on_direct(1));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(net.side[i].selections, 2);
        assert_int_equal(net.side[i].states[ICE_STATE_DISCONNECTED], 0);
    }
    run_with_media(net.now_us + 60 * SECOND); /* consent is asked on the new one */
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    two_agents_close(&net);
}

/* A better candidate is signaled later (RFC 8838): it gets its chance, whenever it comes */
static void moves_to_a_late_candidate(void **state) {
    (void)state;
    direct = (struct direct){.dead = false};
    open_two_paths(3, false);
    direct.dead = true; /* nor may it be found by a peer-reflexive candidate */
    assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
    run_with_media(net.now_us + 100 * SECOND);
    direct.dead = false;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ice_agent_add_remote_candidate(net.side[1 - i].agent, net.now_us, &net.side[i].candidates[0]), ICE_OK);
        two_agents_drain(&net, 1 - i);
    }
    run_with_media(net.now_us + SECOND);
    assert_true(is_on_direct(0) && is_on_direct(1));
    two_agents_close(&net);
}

/* The selected path dies, another one of the list lives: it takes over long before consent would expire */
static void another_takes_over(void **state) {
    (void)state;
    direct = (struct direct){.dead = false};
    open_two_paths(4, true);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
    run_with_media(net.now_us + 30 * SECOND);
    assert_true(is_on_direct(0) && is_on_direct(1));
    direct.dead = true;
    uint64_t died_us = net.now_us;
    while (is_on_direct(0) || is_on_direct(1)) {
        two_agents_run(&net, net.now_us + 10 * MS);
        assert_true(net.now_us < died_us + 30 * SECOND);
    }
    print_message("the other pair has taken over %u ms after the selected one died\n", (unsigned)((net.now_us - died_us) / MS));
    assert_in_range(net.now_us - died_us, 0, 20 * SECOND);
    two_agents_run(&net, net.now_us + SECOND);
    for (int i = 0; i < 2; i++) {
        assert_true(is_up(&net.side[i]));
        assert_true(net.side[i].restarts > 0); /* the caller has been told */
        assert_int_equal(net.side[i].failed_us, 0);
    }
    run_with_media(net.now_us + 60 * SECOND);
    two_agents_close(&net);
}

/* Only our interface has gone: the peer follows our nomination, without waiting for its consent to be late */
static void peer_follows_at_once(void **state) {
    (void)state;
    direct = (struct direct){.dead = false};
    open_two_paths(5, true);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
    run_with_media(net.now_us + 30 * SECOND);
    struct ice_interface left = {.base = ipv4("192.0.2.2", RELAYED), .preference = 10};
    uint64_t gone_us = net.now_us;
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, &left, 1), ICE_OK);
    two_agents_drain(&net, 0);
    while (is_on_direct(1) || !ice_agent_can_send(net.side[0].agent, net.now_us)) {
        two_agents_run(&net, net.now_us + 10 * MS);
        assert_true(net.now_us < gone_us + 2 * SECOND);
    }
    print_message("both have moved %u ms after the interface went\n", (unsigned)((net.now_us - gone_us) / MS));
    assert_in_range(net.now_us - gone_us, 0, 500 * MS);
    run_with_media(net.now_us + 60 * SECOND);
    two_agents_close(&net);
}

static void add(uint16_t port, uint32_t priority, const char *foundation) {
    struct stun_address address = peer.address;
    address.port = port;
    assert_int_equal(scripted_candidate(&peer, &address, priority, foundation), ICE_OK);
}

static uint16_t selected_port(void) {
    for (size_t i = 0; i < ice_agent_pair_count(peer.agent); i++)
        if (scripted_pair(&peer, i).selected)
            return scripted_pair(&peer, i).remote->address.port;
    return 0;
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

/* Controlling: the better pair is nominated when it answers, and carries data when that has been answered */
static void nominates_the_better_one(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    add(6001, 2130706431, "better");
    peer.now_us += 50 * MS;
    assert_true(next_request(&sent, peer.now_us + SECOND));
    assert_int_equal(sent.path.remote.port, 6001);
    assert_false(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
    scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(selected_port(), 6000);
    peer.now_us += 5 * MS;
    assert_true(next_request(&sent, peer.now_us));
    assert_true(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
    assert_int_equal(sent.path.remote.port, 6001);
    assert_int_equal(selected_port(), 6000);
    scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(selected_port(), 6001);
    scripted_close(&peer);
}

/* A peer that refuses the second nomination (RFC 8445 section 8.1.1 does not know it): we stay, and stop asking */
static void peer_refuses(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    add(6001, 2130706431, "better");
    uint64_t until_us = peer.now_us + 60 * SECOND;
    size_t nominations = 0;
    while (next_request(&sent, until_us)) {
        bool nominates = sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE);
        nominations += nominates;
        scripted_respond(&peer, &sent, nominates ? 400 : 0, NULL);
    }
    assert_in_range(nominations, 1, 4);
    assert_int_equal(selected_port(), 6000);
    assert_true(ice_agent_can_send(peer.agent, until_us));
    scripted_close(&peer);
}

/*
 * Controlling: the selected pair falls silent, the other one is nominated, and before that is answered the first one speaks again. The peer
 * has moved by then: so do we, and back again by one more nomination each way; not by one for each round trip for ever
 */
static void recovers_during_the_nomination(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    add(6001, 1000, "worse");
    uint64_t until_us = peer.now_us + 25 * SECOND;
    struct sent consent = {.length = 0};
    for (;;) { /* 6000 is silent, until 6001 is nominated */
        assert_true(next_request(&sent, until_us));
        if (sent.path.remote.port == 6001 && sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE))
            break;
        if (sent.path.remote.port == 6001)
            scripted_respond(&peer, &sent, 0, NULL);
        else
            consent = sent;
    }
    assert_true(consent.length > 0);
    assert_true(stun_message_parse(consent.bytes, consent.length, &consent.message) == STUN_OK);
    scripted_respond(&peer, &consent, 0, NULL);
    assert_int_equal(selected_port(), 6000);
    scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(selected_port(), 6001);
    size_t nominations = 0;
    until_us = peer.now_us + 3 * SECOND;
    while (next_request(&sent, until_us)) {
        nominations += sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE);
        scripted_respond(&peer, &sent, 0, NULL);
    }
    assert_int_equal(nominations, 1);
    assert_int_equal(selected_port(), 6000);
    scripted_close(&peer);
}

static void request_from(uint16_t port, bool use_candidate, uint32_t priority, uint8_t id) {
    struct stun_address from = peer.address;
    from.port = port;
    struct request request = {.role = ICE_ROLE_CONTROLLING, .use_candidate = use_candidate, .priority = priority, .id = {id}};
    assert_int_equal(scripted_request(&peer, &request, &(struct wrong){.from = &from}), ICE_OK);
}

/* Controlled: a nomination moves us when our own check on that pair is answered after it; a pair that is dead never does */
static void replayed_nomination(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    add(6000, 2000, "a");
    add(6001, 1000, "b");
    for (int i = 0; i < 2; i++) {
        assert_true(next_request(&sent, peer.now_us + SECOND));
        scripted_respond(&peer, &sent, 0, NULL);
    }
    request_from(6000, true, 0, 1);
    assert_int_equal(selected_port(), 6000);
    uint64_t until_us = peer.now_us + 10 * SECOND;
    while (next_request(&sent, until_us))
        scripted_respond(&peer, &sent, 0, NULL);
    /* the peer has lost 6000 and takes 6001 */
    request_from(6001, true, 0, 2);
    assert_int_equal(selected_port(), 6000);
    peer.now_us += 50 * MS;
    assert_true(next_request(&sent, peer.now_us));
    assert_int_equal(sent.path.remote.port, 6001);
    scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(selected_port(), 6001);
    /* somebody plays the first nomination back, from its address: it is asked, and silent */
    request_from(6000, true, 0, 1);
    until_us = peer.now_us + 60 * SECOND;
    size_t asked = 0;
    while (next_request(&sent, until_us)) {
        asked += sent.path.remote.port == 6000;
        if (sent.path.remote.port == 6001)
            scripted_respond(&peer, &sent, 0, NULL);
        assert_int_equal(selected_port(), 6001);
    }
    assert_in_range(asked, 1, 12);
    scripted_close(&peer);
}

/* A second nomination of a worse pair, of an aggressive peer, is remembered: when the selected pair dies, we go there */
static void worse_nomination_is_remembered(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    add(6000, 2000, "a");
    add(6001, 1000, "b");
    for (int i = 0; i < 2; i++) {
        assert_true(next_request(&sent, peer.now_us + SECOND));
        scripted_respond(&peer, &sent, 0, NULL);
    }
    request_from(6000, true, 0, 1);
    request_from(6001, true, 0, 2);
    assert_int_equal(selected_port(), 6000);
    uint64_t until_us = peer.now_us + 25 * SECOND;
    while (selected_port() == 6000 && next_request(&sent, until_us))
        if (sent.path.remote.port == 6001)
            scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(selected_port(), 6001);
    scripted_close(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(direct_wins_under_loss), cmocka_unit_test(what_a_relay_costs), cmocka_unit_test(moves_when_it_opens),
        cmocka_unit_test(moves_to_a_late_candidate), cmocka_unit_test(another_takes_over), cmocka_unit_test(peer_follows_at_once),
        cmocka_unit_test(nominates_the_better_one), cmocka_unit_test(peer_refuses), cmocka_unit_test(recovers_during_the_nomination),
        cmocka_unit_test(replayed_nomination),
        cmocka_unit_test(worse_nomination_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
