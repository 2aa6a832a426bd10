/* The servers of the configuration: several, dead, refusing, redirecting, with several addresses (RFC 8445 section 5.1.1.2, RFC 8489 section 10). */
#include "test_ice.h"

#include "relay_agents.h"

/* UDP before TCP before TLS, whatever answers first; RFC 8445 section 5.1.1.3: each its foundation */
static void preferences(void **state) {
    (void)state;
    const struct ice_server servers[3] = {turn_server(ICE_TRANSPORT_TLS, "198.51.100.250"), turn_server(ICE_TRANSPORT_TCP, "198.51.100.250"),
                                          turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    gather_with(servers, 3);
    add_relay("198.51.100.250");
    two_agents_gather(&agents_net);
    wait_gathered();
    const struct ice_candidate *by_transport[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < agents_net.side[0].candidate_count; i++)
        if (agents_net.side[0].candidates[i].type == ICE_CANDIDATE_RELAYED)
            by_transport[agents_net.side[0].candidates[i].relay_transport] = &agents_net.side[0].candidates[i];
    for (int i = 0; i < 3; i++) {
        assert_non_null(by_transport[i]);
        assert_int_equal(by_transport[i]->server, 3 - i);
        assert_int_equal(server_statistics(0, (size_t)(2 - i)).state, ICE_SERVER_ANSWERED);
    }
    assert_true(by_transport[0]->priority > by_transport[1]->priority && by_transport[1]->priority > by_transport[2]->priority);
    assert_string_not_equal(by_transport[0]->foundation, by_transport[1]->foundation);
    assert_string_not_equal(by_transport[1]->foundation, by_transport[2]->foundation);
    two_agents_close(&agents_net);
}

/* A dead TURN server delays nobody, and the end of gathering only until the deadline; a restart asks it again */
static void dead_server(void **state) {
    (void)state;
    const struct ice_server servers[3] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.249"), turn_server(ICE_TRANSPORT_TCP, "198.51.100.249"),
                                          turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    gather_with(servers, 3);
    add_relay("198.51.100.250");
    add_relay("198.51.100.249");
    two_agents_kill_relay(&agents_net, 1);
    uint64_t start_us = agents_net.now_us;
    two_agents_gather(&agents_net);
    while (find_type(&agents_net.side[0], ICE_CANDIDATE_RELAYED) == NULL && two_agents_step(&agents_net, start_us + 10 * SECOND)) {
    }
    assert_in_range(agents_net.now_us - start_us, 1, 2 * 50 * MS + 4 * 10 * MS + 5 * MS); /* two turns, two round trips */
    two_agents_run(&agents_net, start_us + 5 * SECOND - 1);
    assert_int_equal(agents_net.side[0].gathering, ICE_GATHERING_GATHERING);
    assert_int_equal(server_statistics(0, 0).state, ICE_SERVER_ASKING);
    assert_int_equal(server_statistics(0, 1).state, ICE_SERVER_REFUSED);
    assert_int_equal(server_statistics(0, 1).error, 111);
    two_agents_run(&agents_net, start_us + 5 * SECOND);
    assert_int_equal(agents_net.side[0].gathering, ICE_GATHERING_COMPLETE);
    assert_int_equal(server_statistics(0, 0).state, ICE_SERVER_SILENT);
    assert_int_equal(server_statistics(0, 2).state, ICE_SERVER_ANSWERED);
    assert_int_equal(server_statistics(0, 2).round_trip_us, 20 * MS);
    /* nobody asks it behind our back */
    uint64_t sent = agents_net.side[0].sent;
    two_agents_run(&agents_net, agents_net.now_us + 10 * SECOND);
    assert_int_equal(agents_net.side[0].sent, sent);
    relay_double_restart(&agents_net.relays[1]);
    two_agents_signal(&agents_net);
    assert_true(two_agents_run_until_connected(&agents_net, agents_net.now_us + 5 * SECOND));
    two_agents_restart(&agents_net);
    two_agents_run(&agents_net, agents_net.now_us + 2 * SECOND);
    assert_int_equal(server_statistics(0, 0).state, ICE_SERVER_ANSWERED);
    assert_int_equal(server_statistics(0, 1).state, ICE_SERVER_ANSWERED);
    two_agents_close(&agents_net);
}

/* What becomes of each server is said, with the words of the server */
static void refusals(void **state) {
    (void)state;
    struct ice_server servers[4] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250"), turn_server(ICE_TRANSPORT_UDP, "198.51.100.251"),
                                    turn_server(ICE_TRANSPORT_UDP, "nowhere.example"), turn_server(ICE_TRANSPORT_UDP, "2001:db8::250")};
    servers[0].credential = "wrong";
    gather_with(servers, 4);
    agents_net.nat[0] = ip("203.0.113.1", 0);
    add_relay("198.51.100.250");
    add_relay("198.51.100.251")->refuse = STUN_CODE_ALLOCATION_QUOTA_REACHED;
    assert_int_equal(server_statistics(0, 0).state, ICE_SERVER_NEW);
    two_agents_gather(&agents_net);
    assert_int_equal(server_statistics(0, 2).state, ICE_SERVER_RESOLVING);
    assert_int_equal(ice_agent_handle_resolved(agents_net.side[0].agent, agents_net.now_us, 3, NULL, 0), ICE_OK);
    two_agents_run(&agents_net, agents_net.now_us + SECOND);
    struct ice_server_statistics statistics = server_statistics(0, 0);
    assert_int_equal(statistics.state, ICE_SERVER_REFUSED);
    assert_int_equal(statistics.code, STUN_CODE_UNAUTHENTICATED);
    assert_string_equal(statistics.realm, RELAY_DOUBLE_REALM);
    assert_string_equal(ice_server_state_name(statistics.state), "refused");
    assert_int_equal(server_statistics(0, 1).state, ICE_SERVER_REFUSED);
    assert_int_equal(server_statistics(0, 1).code, STUN_CODE_ALLOCATION_QUOTA_REACHED);
    assert_int_equal(server_statistics(0, 2).state, ICE_SERVER_UNRESOLVED);
    assert_int_equal(server_statistics(0, 3).state, ICE_SERVER_NOT_ASKED); /* we have no IPv6 */
    assert_int_equal(agents_net.side[0].gathering, ICE_GATHERING_COMPLETE);
    /* who refuses to relay may still tell how it sees us */
    assert_non_null(find_type(&agents_net.side[0], ICE_CANDIDATE_SERVER_REFLEXIVE));
    assert_null(find_type(&agents_net.side[0], ICE_CANDIDATE_RELAYED));
    two_agents_close(&agents_net);
}

/* A name has several addresses: whoever is full, or not there, is followed by the next */
static void next_address(void **state) {
    (void)state;
    const struct stun_address first = ip("198.51.100.248", 0);
    struct stun_address addresses[5] = {first, first, first, ip("198.51.100.249", 0), ip("198.51.100.250", 0)}; /* twice is once */
    for (int transport = 0; transport < 2; transport++) {
        struct ice_server server = turn_server(transport == 0 ? ICE_TRANSPORT_UDP : ICE_TRANSPORT_TLS, "turn.example");
        gather_with(&server, 1);
        add_relay("198.51.100.250");
        add_relay("198.51.100.249")->refuse = STUN_CODE_INSUFFICIENT_CAPACITY;
        two_agents_gather(&agents_net);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(ice_agent_handle_resolved(agents_net.side[i].agent, agents_net.now_us, 1, addresses, 5), ICE_OK);
            two_agents_drain(&agents_net, i);
            if (transport == 0) {
                struct ice_path path = {.local = agents_net.side[i].bases[0], .remote = addresses[0]};
                path.remote.port = 3478;
                ice_agent_handle_send_error(agents_net.side[i].agent, agents_net.now_us, &path, 111);
                two_agents_drain(&agents_net, i);
            }
        }
        two_agents_run(&agents_net, agents_net.now_us + SECOND);
        assert_non_null(find_type(&agents_net.side[0], ICE_CANDIDATE_RELAYED));
        assert_int_equal(server_statistics(0, 0).state, ICE_SERVER_ANSWERED);
        struct ice_server_statistics statistics = server_statistics(0, 0);
        assert_true(stun_address_equal(&statistics.address, &agents_net.relays[0].address));
        if (transport == 1)
            assert_string_equal(agents_net.side[0].server_names[2], "turn.example");
        two_agents_close(&agents_net);
    }
}

/* RFC 8489 section 10: 300 */
static void redirected(void **state) {
    (void)state;
    for (int transport = 0; transport < 2; transport++) {
        struct ice_server server = turn_server(transport == 0 ? ICE_TRANSPORT_UDP : ICE_TRANSPORT_TCP, "198.51.100.249");
        gather_with(&server, 1);
        add_relay("198.51.100.250");
        struct relay_double *first = add_relay("198.51.100.249");
        first->refuse = STUN_CODE_TRY_ALTERNATE;
        first->alternate = agents_net.relays[0].address;
        two_agents_gather(&agents_net);
        wait_gathered();
        assert_non_null(find_type(&agents_net.side[0], ICE_CANDIDATE_RELAYED));
        struct ice_server_statistics statistics = server_statistics(0, 0);
        assert_true(stun_address_equal(&statistics.address, &agents_net.relays[0].address));
        two_agents_signal(&agents_net);
        assert_true(two_agents_run_until_connected(&agents_net, agents_net.now_us + 5 * SECOND));
        assert_int_equal(agents_net.side[0].stream_count, transport == 0 ? 0 : 2);
        assert_int_equal(agents_net.side[0].streams_closed, transport == 0 ? 0 : 1);
        two_agents_close(&agents_net);
    }
}

/* Both families, so that peers of either can be reached (RFC 8656 section 7.1); the headers to an IPv6 peer are the longest */
static void both_families(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    open_with(4, servers, 1, ICE_TRANSPORT_POLICY_RELAY);
    struct relay_double *relay = add_relay("198.51.100.250");
    relay->relay_ip[1] = ip("2001:db8::250", 0);
    two_agents_interfaces(&agents_net);
    two_agents_gather(&agents_net);
    wait_gathered();
    assert_int_equal(agents_net.side[0].candidate_count, 2);
    two_agents_signal(&agents_net);
    assert_true(two_agents_run_until_connected(&agents_net, agents_net.now_us + 5 * SECOND));
    two_agents_run(&agents_net, agents_net.now_us + SECOND);
    assert_int_equal(agents_net.side[0].local.address.family, STUN_ADDRESS_IPV4); /* the family that the server is spoken to in ranks first */
    exchange(1200);
    two_agents_close(&agents_net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preferences), cmocka_unit_test(dead_server), cmocka_unit_test(refusals), cmocka_unit_test(next_address),
        cmocka_unit_test(redirected), cmocka_unit_test(both_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
