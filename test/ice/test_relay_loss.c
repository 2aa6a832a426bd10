/* A TURN server that forgets, dies, comes back: relays are lost and made again (RFC 8656 sections 7.4 and 8). */
#include "test_ice.h"

#include "relay_agents.h"

static size_t signaled[2], restarts_seen;

/* What a call does: candidates are signaled as they come, and who needs a restart gets one. */
static void signal_like_a_call(void) {
    if (agents_net.side[0].restarts + agents_net.side[1].restarts > restarts_seen) {
        restarts_seen = agents_net.side[0].restarts + agents_net.side[1].restarts;
        two_agents_restart(&agents_net);
        signaled[0] = agents_net.side[0].candidate_count;
        signaled[1] = agents_net.side[1].candidate_count;
    }
    for (int i = 0; i < 2; i++)
        for (; signaled[i] < agents_net.side[i].candidate_count; signaled[i]++) {
            (void)ice_agent_add_remote_candidate(agents_net.side[1 - i].agent, agents_net.now_us, &agents_net.side[i].candidates[signaled[i]]);
            two_agents_drain(&agents_net, 1 - i);
        }
}

static void run_call(uint64_t duration_us) {
    static const uint8_t media[100] = {0x80};
    for (uint64_t end_us = agents_net.now_us + duration_us; agents_net.now_us < end_us;) {
        for (int i = 0; i < 2; i++)
            (void)two_agents_send_payload(&agents_net, i, media, sizeof media);
        two_agents_run(&agents_net, agents_net.now_us + 20 * MS);
        signal_like_a_call();
    }
}

static void begin_call(uint64_t seed, enum ice_transport transport) {
    connect_relayed(seed, transport);
    restarts_seen = agents_net.side[0].restarts + agents_net.side[1].restarts;
    signaled[0] = agents_net.side[0].candidate_count;
    signaled[1] = agents_net.side[1].candidate_count;
}

/* How long after the server listens again does media flow both ways? */
static uint64_t recovery_us(uint64_t down_us) {
    two_agents_kill_relay(&agents_net, 0);
    run_call(down_us);
    relay_double_restart(&agents_net.relays[0]);
    uint64_t start_us = agents_net.now_us;
    size_t before[2] = {agents_net.side[0].received_count, agents_net.side[1].received_count};
    while (agents_net.side[0].received_count < before[0] + 5 || agents_net.side[1].received_count < before[1] + 5) {
        run_call(20 * MS);
        assert_true(agents_net.now_us < start_us + 60 * SECOND);
    }
    return agents_net.now_us - start_us;
}

/* A TURN server is killed and started again in mid-call: media flows again within 10 s of its listening again, however long it was away
 * (as long as consent lasts, RFC 7675), and at whatever moment between two consent checks. */
static void server_restarts(void **state) {
    (void)state;
    static const uint64_t down_us[] = {0, 1 * SECOND, 3 * SECOND, 8 * SECOND, 20 * SECOND};
    for (int transport = 0; transport < 2; transport++)
        for (size_t i = 0; i < sizeof down_us / sizeof down_us[0]; i++)
            for (uint64_t seed = 1; seed < 8; seed++) {
                begin_call(seed, transport == 0 ? ICE_TRANSPORT_UDP : ICE_TRANSPORT_TCP);
                run_call(seed * 700 * MS);
                uint64_t took_us = recovery_us(down_us[i]);
                assert_true(took_us < 10 * SECOND);
                struct ice_server_statistics statistics;
                assert_true(ice_agent_server_statistics(agents_net.side[0].agent, 0, &statistics));
                assert_int_equal(statistics.relays_lost, 1);
                assert_int_equal(statistics.state, ICE_SERVER_ANSWERED);
                two_agents_close(&agents_net);
            }
}

/* Every new allocation is a new candidate; those of lost ones make room for it (ICE_LOCAL_CANDIDATE_MAX) */
static void server_restarts_many_times(void **state) {
    (void)state;
    begin_call(1, ICE_TRANSPORT_UDP);
    for (size_t i = 0; i < 2 * ICE_LOCAL_CANDIDATE_MAX; i++)
        assert_true(recovery_us(100 * MS) < 10 * SECOND);
    assert_int_equal(agents_net.side[0].agent->statistics.capacity_refused, 0);
    two_agents_close(&agents_net);
}

/* The server dies for good, and its name has another address: the relay is made there */
static void another_address_takes_over(void **state) {
    (void)state;
    struct stun_address addresses[2] = {ip("198.51.100.250", 0), ip("198.51.100.251", 0)};
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_TCP, "turn.example")};
    open_with(20, servers, 1, ICE_TRANSPORT_POLICY_RELAY);
    add_relay("198.51.100.250");
    add_relay("198.51.100.251");
    two_agents_interfaces(&agents_net);
    two_agents_gather(&agents_net);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ice_agent_handle_resolved(agents_net.side[i].agent, agents_net.now_us, 1, addresses, 2), ICE_OK);
        two_agents_drain(&agents_net, i);
    }
    wait_gathered();
    two_agents_signal(&agents_net);
    assert_true(two_agents_run_until_connected(&agents_net, agents_net.now_us + 10 * SECOND));
    restarts_seen = agents_net.side[0].restarts + agents_net.side[1].restarts;
    signaled[0] = agents_net.side[0].candidate_count;
    signaled[1] = agents_net.side[1].candidate_count;
    assert_int_equal(relay_double_allocation_count(&agents_net.relays[1]), 0);
    two_agents_kill_relay(&agents_net, 0);
    run_call(5 * SECOND);
    assert_int_equal(relay_double_allocation_count(&agents_net.relays[1]), 2);
    assert_true(is_up(&agents_net.side[0]));
    two_agents_run(&agents_net, agents_net.now_us + SECOND / 2); /* what is under way arrives */
    exchange(500);
    assert_true(agents_net.relays[1].channel_data_in > 0); /* bound anew */
    two_agents_close(&agents_net);
}

/* A server that has forgotten one allocation of ours has forgotten all: the others are asked for at once, not when they are due */
static void all_of_one_server(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    const struct ice_interface both[2] = {{.base = ip("192.0.2.1", 5000), .preference = 65535}, {.base = ip("192.0.2.2", 5000), .preference = 100}};
    open_with(21, servers, 1, ICE_TRANSPORT_POLICY_RELAY);
    add_relay("198.51.100.250");
    two_agents_interfaces(&agents_net);
    assert_int_equal(ice_agent_handle_interfaces(agents_net.side[0].agent, agents_net.now_us, both, 2), ICE_OK);
    agents_net.side[0].bases[1] = both[1].base;
    agents_net.side[0].base_count = 2;
    two_agents_gather(&agents_net);
    wait_gathered();
    assert_int_equal(agents_net.side[0].candidate_count, 2);
    two_agents_signal(&agents_net);
    assert_true(two_agents_run_until_connected(&agents_net, agents_net.now_us + 10 * SECOND));
    assert_int_equal(relay_double_allocation_count(&agents_net.relays[0]), 3);
    relay_double_restart(&agents_net.relays[0]);
    two_agents_run(&agents_net, agents_net.now_us + 10 * SECOND);
    assert_int_equal(relay_double_allocation_count(&agents_net.relays[0]), 3);
    assert_int_equal(server_statistics(0, 0).relays_lost, 2);
    two_agents_close(&agents_net);
}

/* RFC 8445 section 9: a restart uses allocations again; whether they are still there is asked */
static void restart_asks_for_relays(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    gather_with(servers, 1);
    struct relay_double *relay = add_relay("198.51.100.250");
    two_agents_gather(&agents_net);
    wait_gathered();
    two_agents_signal(&agents_net);
    assert_true(two_agents_run_until_connected(&agents_net, agents_net.now_us + 10 * SECOND));
    assert_int_equal(agents_net.side[0].local.type, ICE_CANDIDATE_HOST);
    relay_double_restart(relay);
    two_agents_run(&agents_net, agents_net.now_us + 10 * SECOND);
    assert_int_equal(relay_double_allocation_count(relay), 0); /* nobody needed it, nobody noticed */
    two_agents_restart(&agents_net);
    two_agents_run(&agents_net, agents_net.now_us + SECOND);
    assert_int_equal(relay_double_allocation_count(relay), 2);
    assert_int_equal(agents_net.side[0].gathering, ICE_GATHERING_COMPLETE);
    two_agents_close(&agents_net);
}

/* What is asked for again is no part of gathering: nobody waits for its end */
static void retries_are_not_gathering(void **state) {
    (void)state;
    connect_relayed(22, ICE_TRANSPORT_TCP);
    two_agents_kill_relay(&agents_net, 0);
    const struct ice_interface other = {.base = ip("192.0.2.2", 5000), .preference = 100};
    assert_int_equal(ice_agent_handle_interfaces(agents_net.side[0].agent, agents_net.now_us, &other, 1), ICE_OK);
    two_agents_drain(&agents_net, 0);
    assert_int_equal(agents_net.side[0].gathering, ICE_GATHERING_COMPLETE);
    two_agents_close(&agents_net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_restarts), cmocka_unit_test(server_restarts_many_times), cmocka_unit_test(another_address_takes_over),
        cmocka_unit_test(all_of_one_server), cmocka_unit_test(restart_asks_for_relays), cmocka_unit_test(retries_are_not_gathering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
