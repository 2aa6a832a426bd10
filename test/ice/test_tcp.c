/* RFC 6544: candidates over TCP, what pairs and how they connect. */
#include "test_ice.h"

#include "ice/tcp_internal.h"
#include "tcp_calls.h"

/* ---- candidates ---------------------------------------------------------------------------------------------------- */

/* RFC 6544 sections 4.1 and 4.5: active at port 9, passive and simultaneous-open at the socket's */
static void candidates(void **state) {
    (void)state;
    open_net(1);
    tcp_agents_interface(&net, 0, ICE_TRANSPORT_UDP, 5000);
    tcp_agents_interface(&net, 0, ICE_TRANSPORT_TCP, 5000); /* the same port of another protocol */
    tcp_agents_interface(&net, 0, ICE_TRANSPORT_TCP, 5001); /* the same IP: no second active one */
    tcp_agents_interface(&net, 1, ICE_TRANSPORT_TCP, 9);
    tcp_agents_gather(&net);
    static const char *const expected[] = {
        "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
        "candidate:2 1 tcp 1524629503 192.0.2.1 9 typ host tcptype active",
        "candidate:2 1 tcp 1520435199 192.0.2.1 5000 typ host tcptype passive",
        "candidate:2 1 tcp 1516240895 192.0.2.1 5000 typ host tcptype so",
        "candidate:2 1 tcp 1520434943 192.0.2.1 5001 typ host tcptype passive",
        "candidate:2 1 tcp 1516240639 192.0.2.1 5001 typ host tcptype so",
    };
    assert_int_equal(net.side[0].candidate_count, 6);
    for (size_t i = 0; i < 6; i++) {
        char text[ICE_CANDIDATE_TEXT_BYTES];
        net.side[0].candidates[i].ufrag[0] = '\0';
        ice_candidate_write(&net.side[0].candidates[i], text, sizeof text);
        assert_string_equal(text, expected[i]);
    }
    assert_int_equal(net.side[1].candidate_count, 1); /* no socket: only active */
    assert_int_equal(net.side[1].candidates[0].tcp_type, ICE_TCP_ACTIVE);
    tcp_agents_close(&net);
}

/* RFC 6544 section 4.2: direction preference, and media prefers UDP whatever the local preferences are */
static void preferences(void **state) {
    (void)state;
    assert_int_equal(ice_candidate_tcp_preference(ICE_CANDIDATE_HOST, ICE_TCP_ACTIVE, 65535), (6 << 13) + 8191);
    assert_int_equal(ice_candidate_tcp_preference(ICE_CANDIDATE_HOST, ICE_TCP_PASSIVE, 65535), (4 << 13) + 8191);
    assert_int_equal(ice_candidate_tcp_preference(ICE_CANDIDATE_HOST, ICE_TCP_SIMULTANEOUS_OPEN, 0), 2 << 13);
    assert_int_equal(ice_candidate_tcp_preference(ICE_CANDIDATE_RELAYED, ICE_TCP_PASSIVE, 0), 4 << 13);
    assert_int_equal(ice_candidate_tcp_preference(ICE_CANDIDATE_SERVER_REFLEXIVE, ICE_TCP_SIMULTANEOUS_OPEN, 0), 6 << 13);
    assert_int_equal(ice_candidate_tcp_preference(ICE_CANDIDATE_SERVER_REFLEXIVE, ICE_TCP_ACTIVE, 0), 4 << 13);
    assert_int_equal(ice_candidate_tcp_preference(ICE_CANDIDATE_PEER_REFLEXIVE, ICE_TCP_PASSIVE, 0), 2 << 13);
    uint16_t best = ice_candidate_tcp_preference(ICE_CANDIDATE_HOST, ICE_TCP_ACTIVE, 65535);
    assert_true(ice_candidate_tcp_priority(ICE_CANDIDATE_HOST, best, 1) < ice_candidate_priority(ICE_CANDIDATE_SERVER_REFLEXIVE, 0, 256));
    assert_true(ice_candidate_tcp_priority(ICE_CANDIDATE_SERVER_REFLEXIVE, 0, 256) > ice_candidate_priority(ICE_CANDIDATE_RELAYED, 65535, 1));
    for (int type = ICE_CANDIDATE_HOST; type <= ICE_CANDIDATE_RELAYED; type++)
        assert_true(ice_candidate_tcp_priority((enum ice_candidate_type)type, 65535, 1) <= ice_candidate_priority((enum ice_candidate_type)type, 65535, 1));
}

/* RFC 6544 section 6.2: the table of what pairs; a passive end never begins */
static void pairing(void **state) {
    (void)state;
    for (int local = ICE_TCP_NONE; local <= ICE_TCP_SIMULTANEOUS_OPEN; local++) {
        for (int remote = ICE_TCP_NONE; remote <= ICE_TCP_SIMULTANEOUS_OPEN; remote++) {
            struct ice_local ours = {.transport = local == ICE_TCP_NONE ? ICE_TRANSPORT_UDP : ICE_TRANSPORT_TCP, .tcp_type = (enum ice_tcp_type)local};
            struct ice_remote theirs = {.transport = remote == ICE_TCP_NONE ? ICE_TRANSPORT_UDP : ICE_TRANSPORT_TCP, .tcp_type = (enum ice_tcp_type)remote};
            bool expected = (local == ICE_TCP_NONE && remote == ICE_TCP_NONE) || (local == ICE_TCP_ACTIVE && remote == ICE_TCP_PASSIVE) ||
                            (local == ICE_TCP_SIMULTANEOUS_OPEN && remote == ICE_TCP_SIMULTANEOUS_OPEN);
            assert_int_equal(ice_tcp_can_pair(&ours, &theirs), expected);
        }
    }
}

/* Without a TCP interface nothing is different; with one, a remote one is taken unless it is senseless */
static void remote_candidates(void **state) {
    (void)state;
    struct ice_candidate candidate;
    static const char active[] = "candidate:1 1 tcp 1015021823 198.51.100.7 9 typ host tcptype active";
    static const char passive[] = "candidate:1 1 tcp 1015021823 198.51.100.7 6000 typ host tcptype passive";
    static const char low_port[] = "candidate:1 1 tcp 1015021823 198.51.100.7 25 typ host tcptype passive";
    open_net(1);
    struct ice_agent *agent = net.side[0].agent;
    assert_int_equal(ice_candidate_parse(passive, strlen(passive), &candidate, NULL), ICE_OK);
    assert_int_equal(ice_agent_add_remote_candidate(agent, net.now_us, &candidate), ICE_ERROR_NOT_SUPPORTED);
    assert_int_equal(agent->statistics.candidates_not_supported, 1);
    size_t before = agent->memory_bytes;
    tcp_agents_interface(&net, 0, ICE_TRANSPORT_UDP, 5000);
    assert_int_equal(agent->memory_bytes, before);
    tcp_agents_interface(&net, 0, ICE_TRANSPORT_TCP, 5000);
    assert_true(agent->memory_bytes > before);
    tcp_agents_gather(&net);
    assert_int_equal(ice_agent_add_remote_candidate(agent, net.now_us, &candidate), ICE_OK);
    assert_int_equal(ice_agent_pair_count(agent), 1);
    assert_int_equal(ice_agent_add_remote_candidate(agent, net.now_us, &candidate), ICE_OK); /* again */
    assert_int_equal(ice_agent_pair_count(agent), 1);
    candidate.protocol = ICE_PROTOCOL_UDP;
    assert_int_equal(ice_agent_add_remote_candidate(agent, net.now_us, &candidate), ICE_ERROR_ARGUMENT);
    candidate.tcp_type = ICE_TCP_NONE;
    assert_int_equal(ice_agent_add_remote_candidate(agent, net.now_us, &candidate), ICE_OK); /* the same address over UDP is another */
    assert_int_equal(agent->remote_count, 2);
    assert_int_equal(ice_candidate_parse(active, strlen(active), &candidate, NULL), ICE_OK);
    assert_int_equal(ice_agent_add_remote_candidate(agent, net.now_us, &candidate), ICE_OK);
    assert_int_equal(ice_agent_pair_count(agent), 2);
    assert_int_equal(ice_candidate_parse(low_port, strlen(low_port), &candidate, NULL), ICE_OK);
    assert_int_equal(ice_agent_add_remote_candidate(agent, net.now_us, &candidate), ICE_ERROR_ARGUMENT);
    tcp_agents_close(&net);
}

/* ---- connecting ---------------------------------------------------------------------------------------------------- */

/* RFC 6544 sections 7.1 and 7.2: one side connects, the other learns whom from; either may control; chunks of any size */
static void active_passive(void **state) {
    (void)state;
    static const size_t chunks[] = {0, 1, 2, 3, 7, 100, SIZE_MAX};
    for (size_t n = 0; n < 2 * sizeof chunks / sizeof chunks[0]; n++) {
        int active = n % 2;
        open_net(n);
        net.chunk_bytes = chunks[n / 2];
        connect_by(active == 0 ? ICE_TCP_ACTIVE : ICE_TCP_PASSIVE, active == 0 ? ICE_TCP_PASSIVE : ICE_TCP_ACTIVE);
        assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
        assert_int_equal(net.side[active].opens, 1);
        assert_int_equal(net.side[1 - active].opens, 0);
        assert_int_equal(net.side[1 - active].accepts, 1);
        assert_int_equal(net.side[active].last_open.local.port, 0);
        /* the active side finds its true port, the passive side too: peer-reflexive on both */
        assert_int_equal(net.side[active].local.type, ICE_CANDIDATE_PEER_REFLEXIVE);
        assert_int_equal(net.side[active].local.tcp_type, ICE_TCP_ACTIVE);
        assert_int_equal(net.side[active].remote.tcp_type, ICE_TCP_PASSIVE);
        assert_int_equal(net.side[1 - active].local.type, ICE_CANDIDATE_HOST);
        assert_int_equal(net.side[1 - active].local.tcp_type, ICE_TCP_PASSIVE);
        assert_int_equal(net.side[1 - active].remote.type, ICE_CANDIDATE_PEER_REFLEXIVE);
        assert_true(stun_address_equal(&net.side[active].local.address, &net.side[1 - active].remote.address));
        assert_int_equal(net.side[active].local.priority, net.side[1 - active].remote.priority);
        exchange_data(60);
        assert_int_equal(net.side[0].closes + net.side[1].closes, 0);
        tcp_agents_close(&net);
    }
}

/* How long it takes at 100 ms round trip: connecting, checking, nominating */
static void round_trips(void **state) {
    (void)state;
    open_net(1);
    net.delay_us = 50 * MS;
    uint64_t start_us = net.now_us;
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    assert_in_range(net.side[0].connected_us - start_us, 300 * MS, 320 * MS);
    tcp_agents_close(&net);
}

/* RFC 6544 section 7.1: TCP repeats what is lost, a check is sent once, however long its answer takes */
static void slow_network(void **state) {
    (void)state;
    open_net(1);
    net.delay_us = 900 * MS;
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + 8 * SECOND));
    tcp_agents_run(&net, net.now_us + 3 * SECOND);
    for (int i = 0; i < 2; i++) {
        struct ice_pair_statistics pair;
        assert_true(ice_agent_pair_statistics(net.side[i].agent, 0, &pair));
        assert_in_range(pair.requests_sent, 1, 2); /* a triggered one may replace the first, and the nomination is one */
    }
    tcp_agents_close(&net);
}

/* RFC 6544 section 6.2: both connect, from the port they listen at; one connection comes of it, whoever is first */
static void simultaneous_open(void **state) {
    (void)state;
    for (uint64_t late_us = 0; late_us <= 40 * MS; late_us += 5 * MS) {
        open_net(late_us);
        net.chunk_bytes = SIZE_MAX;
        tcp_agents_interface(&net, 0, ICE_TRANSPORT_TCP, 5000);
        tcp_agents_interface(&net, 1, ICE_TRANSPORT_TCP, 6000);
        tcp_agents_gather(&net);
        tcp_agents_credentials(&net);
        tcp_agents_give(&net, 0, ICE_TCP_SIMULTANEOUS_OPEN);
        tcp_agents_run(&net, net.now_us + late_us);
        tcp_agents_give(&net, 1, ICE_TCP_SIMULTANEOUS_OPEN);
        assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
        assert_true(net.side[0].opens + net.side[1].opens >= 1);
        for (int i = 0; i < 2; i++) {
            /* whose check comes before its candidate looks like one that connects actively: at 30 ms, here */
            bool known = i == 1 || late_us < 30 * MS;
            assert_int_equal(net.side[i].local.tcp_type, known ? ICE_TCP_SIMULTANEOUS_OPEN : ICE_TCP_PASSIVE);
            assert_int_equal(net.side[i].local.type, ICE_CANDIDATE_HOST);
            assert_int_equal(net.side[i].remote.tcp_type, known ? ICE_TCP_SIMULTANEOUS_OPEN : ICE_TCP_ACTIVE);
            assert_int_equal(net.side[i].remote.type, known ? ICE_CANDIDATE_HOST : ICE_CANDIDATE_PEER_REFLEXIVE);
            if (net.side[i].opens > 0)
                assert_int_equal(net.side[i].last_open.local.port, i == 0 ? 5000 : 6000);
        }
        exchange_data(40);
        assert_int_equal(tcp_agents_open_count(&net), 1);
        tcp_agents_close(&net);
    }
}

/* Everything at once: a connection comes of it, and 3 s later only one is left (RFC 8445 section 8.3, RFC 6544 section 11.1) */
static void all_kinds(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        open_net(seed);
        net.chunk_bytes = SIZE_MAX;
        for (int i = 0; i < 2; i++) {
            tcp_agents_interface(&net, i, ICE_TRANSPORT_UDP, 5000);
            tcp_agents_interface(&net, i, ICE_TRANSPORT_TCP, 5000);
        }
        tcp_agents_gather(&net);
        tcp_agents_credentials(&net);
        tcp_agents_give_all(&net);
        assert_true(tcp_agents_run_until_connected(&net, net.now_us + 3 * SECOND));
        tcp_agents_run(&net, net.now_us + 4 * SECOND);
        assert_int_equal(tcp_agents_open_count(&net), 1);
        exchange_data(20);
        tcp_agents_close(&net);
    }
}

/* RFC 6544 section 4.2: where UDP works, UDP it is; connections that were begun are closed */
static void udp_wins(void **state) {
    (void)state;
    open_net(3);
    net.udp = true;
    for (int i = 0; i < 2; i++) {
        tcp_agents_interface(&net, i, ICE_TRANSPORT_UDP, 5000);
        tcp_agents_interface(&net, i, ICE_TRANSPORT_TCP, 5000);
    }
    tcp_agents_gather(&net);
    tcp_agents_credentials(&net);
    tcp_agents_give_all(&net);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + SECOND));
    tcp_agents_run(&net, net.now_us + 10 * SECOND);
    for (int i = 0; i < 2; i++)
        assert_int_equal(net.side[i].local.protocol, ICE_PROTOCOL_UDP);
    assert_int_equal(tcp_agents_open_count(&net), 0);
    assert_true(net.side[0].agent->tcp->connections[0].stream_id == 0);
    tcp_agents_close(&net);
}

/* The passive side sees the NAT's address, and tells the other of it */
static void through_a_nat(void **state) {
    (void)state;
    open_net(1);
    net.nat[0] = ip("203.0.113.5", 0);
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    struct stun_address seen = ip("203.0.113.5", 40000);
    assert_true(stun_address_equal(&net.side[1].remote.address, &seen));
    assert_true(stun_address_equal(&net.side[0].local.address, &seen));
    exchange_data(10);
    tcp_agents_close(&net);
}

/* RFC 7675: consent is asked for over the connection, once each, and lasts */
static void consent(void **state) {
    (void)state;
    open_net(1);
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    tcp_agents_run(&net, net.now_us + 300 * SECOND);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(net.side[i].state, i == 0 ? net.side[0].state : net.side[1].state);
        assert_true(ice_agent_can_send(net.side[i].agent, net.now_us));
        struct ice_pair_statistics pair;
        assert_true(ice_agent_pair_statistics(net.side[i].agent, net.side[i].agent->selected, &pair));
        assert_in_range(pair.consent_requests_sent, 45, 75);
        assert_int_equal(pair.requests_sent, pair.responses_received);
    }
    exchange_data(10);
    tcp_agents_close(&net);
}

/* ---- interfaces ---------------------------------------------------------------------------------------------------- */

/* The interface goes in mid-call: its candidates are gone, consent decides; it comes back: so do they */
static void interface_goes(void **state) {
    (void)state;
    open_net(1);
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, NULL, 0), ICE_OK);
    tcp_agents_drain(&net, 0);
    assert_int_equal(net.side[0].state, ICE_STATE_DISCONNECTED);
    assert_int_equal(net.side[0].restarts, 1);
    assert_false(tcp_agents_send(&net, 0, 10, 200));
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, net.side[0].interfaces, 1), ICE_OK);
    tcp_agents_drain(&net, 0);
    exchange_data(5);
    tcp_agents_close(&net);
}

static void interface_goes_before(void **state) {
    (void)state;
    open_net(1);
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    assert_int_equal(net.side[0].opens, 1);
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, NULL, 0), ICE_OK);
    tcp_agents_drain(&net, 0);
    assert_int_equal(net.side[0].closes, 1);
    tcp_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, net.side[0].interfaces, 1), ICE_OK);
    tcp_agents_drain(&net, 0);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    tcp_agents_close(&net);
}

/* ---- restarting ---------------------------------------------------------------------------------------------------- */

static void restart_by(enum ice_tcp_type of_first, enum ice_tcp_type of_second) {
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ice_agent_restart(net.side[i].agent, net.now_us), ICE_OK);
        net.side[i].candidate_count = 0;
        net.side[i].connected_us = 0;
        net.side[i].selected = false;
        tcp_agents_drain(&net, i);
    }
    assert_true(tcp_agents_send(&net, 0, 10, 200)); /* the old pair carries data meanwhile */
    tcp_agents_credentials(&net);
    tcp_agents_give(&net, 0, of_first);
    tcp_agents_give(&net, 1, of_second);
    uint64_t until_us = net.now_us + 3 * SECOND;
    while (!(net.side[0].selected && net.side[1].selected) && tcp_agents_step(&net, until_us)) {
    }
    assert_true(net.side[0].selected && net.side[1].selected);
}

/* RFC 6544 section 9.2: the old connection stays until the new pair is selected, and the old generation has ended */
static void restart_with_a_new_connection(void **state) {
    (void)state;
    open_net(1);
    net.chunk_bytes = 50;
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    restart_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    assert_int_equal(net.side[0].opens, 2);
    exchange_data(10);
    assert_int_equal(tcp_agents_open_count(&net), 2);
    tcp_agents_run(&net, net.now_us + 40 * SECOND);
    assert_int_equal(tcp_agents_open_count(&net), 1);
    exchange_data(10);
    assert_int_equal(net.side[0].restarts + net.side[1].restarts, 0);
    tcp_agents_close(&net);
}

/* RFC 6544 section 9.2, MUST NOT: a simultaneous-open pair that has a connection opens no second one */
static void restart_with_the_same_connection(void **state) {
    (void)state;
    open_net(1);
    net.chunk_bytes = 50;
    connect_by(ICE_TCP_SIMULTANEOUS_OPEN, ICE_TCP_SIMULTANEOUS_OPEN);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    size_t opens = net.side[0].opens + net.side[1].opens;
    restart_by(ICE_TCP_SIMULTANEOUS_OPEN, ICE_TCP_SIMULTANEOUS_OPEN);
    assert_int_equal(net.side[0].opens + net.side[1].opens, opens);
    exchange_data(10);
    tcp_agents_run(&net, net.now_us + 60 * SECOND); /* the old generation has ended, its connection not */
    assert_int_equal(tcp_agents_open_count(&net), 1);
    assert_int_equal(net.side[0].closes + net.side[1].closes, 0);
    exchange_data(10);
    tcp_agents_break(&net, 0, 104);
    tcp_agents_run(&net, net.now_us + MS);
    for (int i = 0; i < 2; i++)
        assert_int_equal(net.side[i].state, ICE_STATE_DISCONNECTED);
    tcp_agents_close(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates), cmocka_unit_test(preferences),
        cmocka_unit_test(pairing), cmocka_unit_test(remote_candidates),
        cmocka_unit_test(active_passive), cmocka_unit_test(round_trips),
        cmocka_unit_test(slow_network), cmocka_unit_test(simultaneous_open),
        cmocka_unit_test(all_kinds), cmocka_unit_test(udp_wins),
        cmocka_unit_test(through_a_nat), cmocka_unit_test(consent),
        cmocka_unit_test(interface_goes), cmocka_unit_test(interface_goes_before),
        cmocka_unit_test(restart_with_a_new_connection), cmocka_unit_test(restart_with_the_same_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
