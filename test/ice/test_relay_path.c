/* What goes through a relay: permissions before checks, and peers that the server refuses (RFC 8656 section 9). */
#include "test_ice.h"

#include "relay_agents.h"

static uint64_t methods[16], method_count;

static bool note_methods(struct two_agents *net_, int from, struct datagram *datagram, void *context) {
    struct stun_message message;
    (void)net_;
    (void)context;
    if (from == 0 && method_count < 16 && stun_message_parse(datagram->bytes, datagram->length, &message) == STUN_OK)
        methods[method_count++] = message.method;
    return true;
}

/* RFC 8656 section 9: the permission goes first, and the check right behind it: no round trip is spent on waiting */
static void permission_first(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    open_with(5, servers, 1, ICE_TRANSPORT_POLICY_RELAY);
    struct relay_double *relay = add_relay("198.51.100.250");
    two_agents_interfaces(&agents_net);
    two_agents_gather(&agents_net);
    wait_gathered();
    agents_net.tap = note_methods;
    method_count = 0;
    uint64_t start_us = agents_net.now_us;
    two_agents_signal(&agents_net);
    two_agents_run(&agents_net, start_us + 10 * MS);
    assert_true(method_count >= 2);
    assert_int_equal(methods[0], STUN_METHOD_CREATE_PERMISSION);
    assert_int_equal(methods[1], STUN_METHOD_SEND);
    assert_true(two_agents_run_until_connected(&agents_net, start_us + 5 * SECOND));
    /* check and answer, nomination and answer: each way three hops of 10 ms, and 5 ms of pacing now and then */
    assert_in_range(agents_net.side[0].connected_us - start_us, 120 * MS, 140 * MS);
    assert_int_equal(relay->unpermitted, 0);
    two_agents_close(&agents_net);
}

/* 403: the pair fails at once, with the code, and others carry on */
static void forbidden_peer(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    open_with(6, servers, 1, ICE_TRANSPORT_POLICY_ALL);
    struct relay_double *relay = add_relay("198.51.100.250");
    relay->forbidden = ip("198.51.100.1", 0); /* the second host itself; not its relay */
    two_agents_interfaces(&agents_net);
    two_agents_gather(&agents_net);
    wait_gathered();
    agents_net.loss = 0;
    two_agents_exchange_credentials(&agents_net);
    const struct ice_agent *agent = agents_net.side[0].agent;
    for (size_t i = 0; i < agents_net.side[1].candidate_count; i++)
        assert_int_equal(ice_agent_add_remote_candidate(agents_net.side[0].agent, agents_net.now_us, &agents_net.side[1].candidates[i]), ICE_OK);
    two_agents_drain(&agents_net, 0);
    two_agents_run(&agents_net, agents_net.now_us + 100 * MS);
    bool found = false;
    for (size_t i = 0; i < ice_agent_pair_count(agent); i++) {
        struct ice_pair_statistics pair;
        assert_true(ice_agent_pair_statistics(agent, i, &pair));
        if (pair.local->type != ICE_CANDIDATE_RELAYED || !stun_address_equal_ip(&pair.remote->address, &relay->forbidden))
            continue;
        found = true;
        assert_int_equal(pair.state, ICE_PAIR_FAILED);
        assert_int_equal(pair.last_error_code, STUN_CODE_FORBIDDEN);
    }
    assert_true(found);
    two_agents_close(&agents_net);
}

/* 403 to the refresh of a permission, the selected pair going by it: the server is not asked again and again until consent ends */
static void forbidden_later(void **state) {
    (void)state;
    connect_relayed(6, ICE_TRANSPORT_UDP);
    struct relay_double *relay = &agents_net.relays[0];
    relay->forbidden = relay->relay_ip[0];
    uint64_t until_us = agents_net.now_us + 300 * SECOND;
    while (agents_net.side[0].restarts == 0 && agents_net.now_us < until_us)
        two_agents_run(&agents_net, agents_net.now_us + SECOND);
    assert_int_equal(agents_net.side[0].restart_reason, ICE_RESTART_RELAY_LOST);
    uint64_t requests = relay->requests;
    two_agents_run(&agents_net, agents_net.now_us + 20 * SECOND);
    assert_in_range(relay->requests - requests, 0, 50); /* doubts (a Refresh every 2 s of each side); not one each round trip */
    two_agents_close(&agents_net);
}

/* The server forgets us and gives the same address again: it has no permissions, so they are asked for again, of pairs that were failed too */
static void same_address_again(void **state) {
    (void)state;
    connect_relayed(16, ICE_TRANSPORT_UDP);
    struct relay_double *relay = &agents_net.relays[0];
    struct ice_candidate dead = {.foundation = "dead", .component = 1, .priority = 1000, .address = ip("203.0.113.77", 7777), .type = ICE_CANDIDATE_HOST};
    struct stun_address relayed = agents_net.side[0].local.address;
    const struct ice_agent *agent = agents_net.side[0].agent;
    /* In the list before anything is selected: a restart begins a new one. */
    assert_int_equal(ice_agent_restart(agents_net.side[0].agent, agents_net.now_us), ICE_OK);
    assert_int_equal(ice_agent_set_remote_credentials(agents_net.side[0].agent, agents_net.now_us, "nobody", 6, "nobodynobodynobodynobody", 24), ICE_OK);
    assert_int_equal(ice_agent_add_remote_candidate(agents_net.side[0].agent, agents_net.now_us, &dead), ICE_OK);
    two_agents_drain(&agents_net, 0);
    struct ice_pair *pair = NULL;
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation == agent->generation)
            pair = &agents_net.side[0].agent->pairs[i];
    assert_non_null(pair);
    pair->checks = ICE_PAIR_CHECK_MAX - 1; /* or it would be tried again at once */
    for (uint64_t until_us = agents_net.now_us + 10 * SECOND; pair->state != ICE_PAIR_FAILED && agents_net.now_us < until_us;)
        two_agents_step(&agents_net, until_us);
    assert_int_equal(pair->state, ICE_PAIR_FAILED);
    two_agents_kill_relay(&agents_net, 0);
    relay_double_restart(relay);
    relay->next_port = relayed.port;
    ice_turn_client_refresh(agent->relays[0].client, agents_net.now_us);
    two_agents_drain(&agents_net, 0);
    two_agents_run(&agents_net, agents_net.now_us + 3 * SECOND);
    assert_true(stun_address_equal(&agent->relays[0].relayed[0], &relayed));
    bool is_permitted = false;
    for (size_t i = 0; i < RELAY_DOUBLE_ALLOCATION_MAX; i++)
        for (size_t j = 0; relay->allocations[i].in_use && j < relay->allocations[i].permitted_count; j++)
            is_permitted = is_permitted || stun_address_equal_ip(&relay->allocations[i].permitted[j], &dead.address);
    assert_true(is_permitted);
    two_agents_close(&agents_net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permission_first), cmocka_unit_test(forbidden_peer), cmocka_unit_test(forbidden_later),
        cmocka_unit_test(same_address_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
