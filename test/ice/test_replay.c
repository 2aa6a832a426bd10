/* An attacker who knows the addresses, sees every datagram and forges sources, but has no password: nothing is ended, redirected or slowed. */
#include "test_ice.h"

static struct two_agents net;
static struct scripted_peer peer;

#define KEPT_MAX 512

/* What the attacker has seen on the wire. */
static struct {
    struct datagram items[KEPT_MAX];
    int from[KEPT_MAX];
    size_t count;
} wire;

static bool listen_in(struct two_agents *two, int from, struct datagram *datagram, void *context) {
    (void)two;
    (void)context;
    if (wire.count < KEPT_MAX) {
        wire.from[wire.count] = from;
        wire.items[wire.count++] = *datagram;
    }
    return true;
}

static struct stun_address attacker(uint32_t n) {
    struct stun_address address = ip("203.0.113.66", (uint16_t)(10000 + n % 50000));
    address.ip[2] = (uint8_t)(n / 50000);
    return address;
}

static void open_call(uint64_t seed) {
    wire.count = 0;
    two_agents_open(&net, seed, NULL);
    net.delay_us = 50 * MS;
    net.tap = listen_in;
    two_agents_connect(&net);
}

static size_t allocations;

static void *counting_allocate(void *context, size_t bytes) {
    (void)context;
    allocations++;
    return malloc(bytes);
}

static void counting_release(void *context, void *memory) {
    (void)context;
    free(memory);
}

/* security.md: requests from 10,000 source ports, with a good FINGERPRINT, the right ufrags and a wrong signature */
static void flood(void **state) {
    (void)state;
    static const struct ice_allocator allocator = {counting_allocate, counting_release, NULL};
    struct stun_key *other_key = stun_key_new_short_term((const uint8_t *)"attackerattackerattacker", 24);
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, &(struct ice_agent_config){.allocator = &allocator});
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    size_t before = allocations;
    for (uint32_t i = 0; i < 10000; i++) {
        struct stun_address from = attacker(i);
        struct request request = {.role = ICE_ROLE_CONTROLLING, .use_candidate = true, .priority = UINT32_MAX >> 1, .id = {(uint8_t)i, (uint8_t)(i >> 8)}};
        assert_int_equal(scripted_request(&peer, &request, &(struct wrong){.key = i % 2 ? other_key : NULL, .no_integrity = i % 2 == 0,
                                                                           .from = &from}), ICE_ERROR_UNAUTHENTIC);
        struct sent answer;
        assert_false(scripted_poll(&peer, &answer)); /* nothing to reflect */
    }
    assert_int_equal(allocations, before);
    assert_int_equal(ice_agent_pair_count(peer.agent), 1);
    assert_int_equal(ice_agent_remote_candidate_count(peer.agent), 1);
    scripted_respond(&peer, &sent, 0, NULL); /* the call is where it was */
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
    scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .use_candidate = true}, NULL);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    scripted_close(&peer);
    stun_key_free(other_key);
}

/* RFC 8489 section 9.1.4: answers to transactions he has seen, successes, 487, 400 and 401, signed wrongly or not at all */
static void forged_responses(void **state) {
    (void)state;
    static const uint16_t codes[] = {0, 487, 400, 401, 420, 500};
    struct stun_key *other_key = stun_key_new_short_term((const uint8_t *)"attackerattackerattacker", 24);
    struct stun_address elsewhere = attacker(1);
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    for (int stage = 0; stage < 3; stage++) { /* a check, the nomination, consent */
        while (!scripted_poll_request(&peer, &sent)) {
            peer.now_us = ice_agent_next_timeout(peer.agent);
            ice_agent_handle_timeout(peer.agent, peer.now_us);
        }
        enum ice_state was = scripted_state(&peer);
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
            assert_int_equal(scripted_respond(&peer, &sent, codes[i], &(struct wrong){.key = other_key}), ICE_ERROR_UNAUTHENTIC);
            assert_int_equal(scripted_respond(&peer, &sent, codes[i], &(struct wrong){.no_integrity = true}), ICE_ERROR_UNAUTHENTIC);
            assert_int_equal(scripted_respond(&peer, &sent, codes[i], &(struct wrong){.key = other_key, .from = &elsewhere}), ICE_ERROR_UNAUTHENTIC);
        }
        assert_int_equal(ice_agent_role(peer.agent), ICE_ROLE_CONTROLLING);
        assert_int_equal(scripted_state(&peer), was);
        assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK); /* the true answer, after all those, counts */
    }
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    assert_int_equal(scripted_pair(&peer, 0).responses_received, 3);
    scripted_close(&peer);
    stun_key_free(other_key);
}

/* Every signed answer is overtaken by a copy of it from elsewhere: RFC 8445 section 7.2.5.2.1 would let that fail each pair */
static void overtaken_answers(void **state) {
    (void)state;
    struct stun_address elsewhere = attacker(2);
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    for (int i = 0; i < 2; i++) {
        assert_true(scripted_poll_request(&peer, &sent));
        assert_int_equal(scripted_respond(&peer, &sent, 0, &(struct wrong){.from = &elsewhere}), ICE_OK);
        assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
        peer.now_us += 5 * MS;
    }
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    assert_int_equal(scripted_pair(&peer, 0).answers_elsewhere, 2);
    scripted_close(&peer);
}

/* ICMP without end, forged for the right five-tuple, while checking, nominating and connected: nothing is ended, delayed, or sent more often */
static void forged_icmp(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    uint64_t start_us = peer.now_us;
    size_t requests = 0;
    struct ice_path path = {.local = peer.base, .remote = peer.address};
    while (peer.now_us < start_us + 20 * SECOND) {
        for (int i = 0; i < 100; i++)
            ice_agent_handle_send_error(peer.agent, peer.now_us, &path, 111);
        while (scripted_poll_request(&peer, &sent))
            if (++requests % 3 == 0) /* two of three are lost besides */
                scripted_respond(&peer, &sent, 0, NULL);
        peer.now_us += 10 * MS;
        ice_agent_handle_timeout(peer.agent, peer.now_us);
    }
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    assert_in_range(requests, 6, 25);
    scripted_close(&peer);
}

/* Everything that was ever sent is played back from other addresses, ten times, at every stage of a call */
static void replays(void **state) {
    (void)state;
    uint64_t quiet_us = 0;
    for (int attacked = 0; attacked < 2; attacked++) {
        open_call(5);
        uint64_t start_us = net.now_us;
        uint32_t source = 0;
        while (net.now_us < start_us + 120 * SECOND) {
            two_agents_run(&net, net.now_us + (net.now_us < start_us + SECOND ? 20 * MS : 2 * SECOND));
            size_t count = wire.count;
            for (size_t i = 0; attacked && i < count; i++)
                for (int copy = 0; copy < 10; copy++) {
                    struct stun_address from = attacker(source++);
                    two_agents_inject(&net, 1 - wire.from[i], &from, &wire.items[i].path.remote, wire.items[i].bytes, wire.items[i].length);
                    two_agents_inject(&net, wire.from[i], &from, &wire.items[i].path.local, wire.items[i].bytes, wire.items[i].length);
                }
        }
        for (int i = 0; i < 2; i++) {
            assert_int_equal(net.side[i].state, ICE_STATE_COMPLETED);
            assert_int_equal(net.side[i].selections, 1);
            assert_int_equal(net.side[i].roles, 0);
            assert_int_equal(net.side[i].states[ICE_STATE_DISCONNECTED], 0);
            struct ice_transmit out;
            uint8_t buffer[ICE_HEADROOM_BYTES + 10 + ICE_TAILROOM_BYTES];
            assert_int_equal(ice_agent_wrap_payload(net.side[i].agent, net.now_us, buffer, 10, sizeof buffer, &out), ICE_OK);
            assert_true(out.path.remote.ip[0] != 203);
        }
        if (!attacked)
            quiet_us = net.side[0].connected_us - start_us;
        else
            assert_true(net.side[0].connected_us - start_us <= quiet_us + 200 * MS); /* docs/ice.md: what a better pair in question costs */
        two_agents_close(&net);
    }
}

/* The places for learned candidates cannot be taken: a peer who really has another address is still learned */
static void places_are_kept(void **state) {
    (void)state;
    uint8_t bytes[ICE_DATAGRAM_MAX_BYTES];
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    struct request request = {.role = ICE_ROLE_CONTROLLING, .id = {1}};
    size_t length = scripted_build_request(&peer, &request, NULL, bytes, sizeof bytes);
    for (uint32_t i = 0; i < 1000; i++) {
        struct stun_address from = attacker(i);
        struct ice_path path = {.local = peer.base, .remote = from};
        assert_int_equal(ice_agent_handle_datagram(peer.agent, peer.now_us, &path, bytes, length), ICE_OK);
        (void)scripted_drop_all(&peer);
    }
    assert_int_equal(ice_agent_remote_candidate_count(peer.agent), ICE_REMOTE_COPY_MAX);
    struct ice_statistics statistics;
    ice_agent_statistics(peer.agent, &statistics);
    assert_int_equal(statistics.replayed_dropped, 1000 - ICE_REMOTE_COPY_MAX);
    struct stun_address real = ip("198.51.100.77", 7777);
    request = (struct request){.role = ICE_ROLE_CONTROLLING, .use_candidate = true, .id = {2}};
    assert_int_equal(scripted_request(&peer, &request, &(struct wrong){.from = &real}), ICE_OK);
    struct sent sent;
    bool connected = false;
    uint64_t until_us = peer.now_us + SECOND;
    while (!connected && peer.now_us < until_us) { /* its check stands behind those of the copies, Ta apart */
        while (scripted_poll_request(&peer, &sent))
            if (stun_address_equal(&sent.path.remote, &real))
                scripted_respond(&peer, &sent, 0, NULL);
        connected = scripted_state(&peer) == ICE_STATE_CONNECTED;
        peer.now_us += 10 * MS;
        ice_agent_handle_timeout(peer.agent, peer.now_us);
    }
    assert_true(connected);
    scripted_close(&peer);
}

/* ICE_REMOTE_PEER_REFLEXIVE_MAX: beyond it, a place that nothing came of is used again, one that is in question is not */
static void hopeless_places_are_used_again(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    for (uint32_t i = 0; i < ICE_REMOTE_PEER_REFLEXIVE_MAX + 1; i++) {
        struct stun_address from = attacker(i);
        struct request request = {.role = ICE_ROLE_CONTROLLING, .id = {3, (uint8_t)i}};
        assert_int_equal(scripted_request(&peer, &request, &(struct wrong){.from = &from}), ICE_OK);
    }
    assert_int_equal(ice_agent_remote_candidate_count(peer.agent), ICE_REMOTE_PEER_REFLEXIVE_MAX);
    (void)scripted_wait(&peer, peer.now_us + 10 * SECOND); /* each is asked, and asked again */
    struct stun_address from = attacker(100);
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .id = {4}}, &(struct wrong){.from = &from}), ICE_OK);
    assert_int_equal(ice_agent_remote_candidate_count(peer.agent), ICE_REMOTE_PEER_REFLEXIVE_MAX);
    struct ice_path path = {.local = peer.base, .remote = from};
    assert_true(ice_agent_is_path_valid(peer.agent, &path));
    scripted_close(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flood), cmocka_unit_test(forged_responses), cmocka_unit_test(overtaken_answers), cmocka_unit_test(forged_icmp),
        cmocka_unit_test(replays), cmocka_unit_test(places_are_kept), cmocka_unit_test(hopeless_places_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
