#include "test_ice.h"

static struct scripted_peer peer;

/* RFC 8445 section 6.1.2.3 */
static void priority_formula(void **state) {
    (void)state;
    assert_true(ice_pair_priority(1, 2) == (1ull << 32) + 4);
    assert_true(ice_pair_priority(2, 1) == (1ull << 32) + 4 + 1);
    assert_true(ice_pair_priority(5, 5) == (5ull << 32) + 10);
    assert_true(ice_pair_priority(2130706431u, 1694498815u) == 7277816997797167103ull);
    assert_true(ice_pair_priority(INT32_MAX, INT32_MAX) == ((uint64_t)INT32_MAX << 32) + 2ull * INT32_MAX);
}

/* RFC 8445 section 6.1.2.3: both sides order alike, since each knows who controls */
static void both_sides_agree(void **state) {
    (void)state;
    static struct two_agents net;
    two_agents_open(&net, 3, NULL);
    struct ice_interface first[2] = {{.base = ipv4("192.0.2.1", 5000), .preference = 65535}, {.base = ipv4("192.0.2.2", 5000), .preference = 100}};
    struct ice_interface second[2] = {{.base = ipv4("198.51.100.1", 6000), .preference = 7}, {.base = ipv4("198.51.100.2", 6000), .preference = 65535}};
    ice_agent_handle_interfaces(net.side[0].agent, net.now_us, first, 2);
    ice_agent_handle_interfaces(net.side[1].agent, net.now_us, second, 2);
    two_agents_gather(&net);
    two_agents_signal(&net);
    struct ice_pair_statistics a, b;
    size_t same = 0;
    for (size_t i = 0; ice_agent_pair_statistics(net.side[0].agent, i, &a); i++)
        for (size_t j = 0; ice_agent_pair_statistics(net.side[1].agent, j, &b); j++)
            if (stun_address_equal(&a.local->address, &b.remote->address) && stun_address_equal(&a.remote->address, &b.local->address)) {
                assert_true(a.priority == b.priority);
                same++;
            }
    assert_int_equal(same, 4);
    two_agents_close(&net);
}

/* RFC 8445 section 7.2.5.3.1: an unknown mapped address is a peer-reflexive candidate, and the valid pair's local one */
static void local_peer_reflexive(void **state) {
    (void)state;
    struct sent sent;
    struct stun_address mapped = ip("203.0.113.9", 12345);
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    uint32_t priority;
    assert_int_equal(stun_message_read_u32(&sent.message, STUN_ATTRIBUTE_PRIORITY, &priority), STUN_OK);
    assert_int_equal(scripted_respond(&peer, &sent, 0, &(struct wrong){.mapped = &mapped}), ICE_OK);
    assert_int_equal(ice_agent_local_candidate_count(peer.agent), 2);
    const struct ice_candidate *added = ice_agent_local_candidate(peer.agent, 1);
    assert_int_equal(added->type, ICE_CANDIDATE_PEER_REFLEXIVE);
    assert_true(stun_address_equal(&added->address, &mapped));
    assert_true(stun_address_equal(&added->base, &peer.base));
    assert_int_equal(added->priority, priority); /* that of the request */
    struct ice_pair_statistics pair = scripted_pair(&peer, 0);
    assert_int_equal(pair.state, ICE_PAIR_SUCCEEDED);
    assert_true(stun_address_equal(&pair.local->address, &mapped));
    /* a NAT that maps by destination makes another one: the priority is again that of the request */
    struct stun_address other = ip("198.51.100.2", 6000), mapped_again = ip("203.0.113.9", 12346);
    assert_int_equal(scripted_candidate(&peer, &other, 1, "2"), ICE_OK);
    peer.now_us += 50 * MS;
    assert_true(scripted_poll_request(&peer, &sent));
    assert_int_equal(scripted_respond(&peer, &sent, 0, &(struct wrong){.mapped = &mapped_again}), ICE_OK);
    assert_int_equal(ice_agent_local_candidate_count(peer.agent), 3);
    assert_int_equal(ice_agent_local_candidate(peer.agent, 2)->priority, priority);
    /* it is not told to the caller as a candidate to be signaled, and pairs with nobody */
    struct ice_event event;
    size_t candidates = 0;
    while (ice_agent_poll_event(peer.agent, &event))
        candidates += event.type == ICE_EVENT_CANDIDATE;
    assert_int_equal(candidates, 1);
    assert_int_equal(ice_agent_pair_count(peer.agent), 2);
    scripted_close(&peer);
}

static void names(void **state) {
    (void)state;
    static const char *const expected[] = {"frozen", "waiting", "in-progress", "succeeded", "failed"};
    for (int i = ICE_PAIR_FROZEN; i <= ICE_PAIR_FAILED; i++)
        assert_string_equal(ice_pair_state_name((enum ice_pair_state)i), expected[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priority_formula), cmocka_unit_test(both_sides_agree), cmocka_unit_test(local_peer_reflexive), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
