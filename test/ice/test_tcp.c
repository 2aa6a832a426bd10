/* RFC 6544: candidates over TCP, from the interface to data in both directions. */
#include "test_ice.h"

#include "ice/tcp_internal.h"

static struct tcp_agents net;

static void open_net(uint64_t seed) {
    tcp_agents_open(&net, seed, ICE_ROLE_CONTROLLING, ICE_ROLE_CONTROLLED, NULL);
}

/* Both sides listen; only candidates of `type` of each side are told. */
static void connect_by(enum ice_tcp_type of_first, enum ice_tcp_type of_second) {
    tcp_agents_interface(&net, 0, ICE_TRANSPORT_TCP, 5000);
    tcp_agents_interface(&net, 1, ICE_TRANSPORT_TCP, 6000);
    tcp_agents_gather(&net);
    tcp_agents_credentials(&net);
    tcp_agents_give(&net, 0, of_first);
    tcp_agents_give(&net, 1, of_second);
}

static void exchange_data(size_t rounds) {
    for (int to = 0; to < 2; to++)
        net.side[to].received_count = net.side[to].received_bytes = net.side[to].received_sum = 0;
    uint64_t sum = 0, bytes = 0;
    for (size_t i = 0; i < rounds; i++) {
        size_t length = 1 + i * 37 % TCP_PAYLOAD_MAX;
        uint8_t value = (uint8_t)(128 + i % 64); /* as RTP begins */
        assert_true(tcp_agents_send(&net, 0, length, value));
        assert_true(tcp_agents_send(&net, 1, length, value));
        sum += length * value;
        bytes += length;
        tcp_agents_run(&net, net.now_us + 5 * MS);
    }
    tcp_agents_run(&net, net.now_us + SECOND);
    for (int to = 0; to < 2; to++) {
        assert_int_equal(net.side[to].received_count, rounds);
        assert_int_equal(net.side[to].received_bytes, bytes);
        assert_int_equal(net.side[to].received_sum, sum);
        assert_int_equal(net.side[to].received_path.transport, ICE_TRANSPORT_TCP);
    }
}

/* ---- candidates ------------------------------------------------------------------------------------------------------------------------ */

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

/* ---- connecting ------------------------------------------------------------------------------------------------------------------------- */

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

/* ---- failing ------------------------------------------------------------------------------------------------------------------------------ */

/* RFC 6544 section 7.1: no connection, no pair; and it is not tried again */
static void refused(void **state) {
    (void)state;
    open_net(1);
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    net.side[1].interface_count = 0; /* the network forgets that somebody listens */
    tcp_agents_run(&net, net.now_us + 60 * SECOND);
    assert_int_equal(net.side[0].opens, 1);
    assert_int_equal(net.side[0].state, ICE_STATE_FAILED);
    struct ice_pair_statistics pair;
    assert_true(ice_agent_pair_statistics(net.side[0].agent, 0, &pair));
    assert_int_equal(pair.state, ICE_PAIR_FAILED);
    assert_int_equal(pair.last_send_error, 111);
    assert_int_equal(ice_agent_next_timeout(net.side[0].agent), UINT64_MAX);
    tcp_agents_close(&net);
}

/* Nobody answers the SYN: after ICE_TCP_OPEN_TIMEOUT_US it is closed and tried again, while there is patience */
static void black_hole(void **state) {
    (void)state;
    open_net(1);
    net.black_hole = true;
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    uint64_t start_us = net.now_us;
    tcp_agents_run(&net, start_us + ICE_TCP_OPEN_TIMEOUT_US - MS);
    assert_int_equal(net.side[0].closes, 0);
    tcp_agents_run(&net, start_us + ICE_TCP_OPEN_TIMEOUT_US + 100 * MS);
    assert_int_equal(net.side[0].closes, 1);
    assert_int_equal(net.side[0].opens, 2);
    tcp_agents_run(&net, start_us + 60 * SECOND);
    assert_int_equal(net.side[0].opens, 4);
    assert_int_equal(net.side[0].closes, 4);
    assert_int_equal(net.side[0].state, ICE_STATE_FAILED);
    assert_int_equal(ice_agent_next_timeout(net.side[0].agent), UINT64_MAX);
    tcp_agents_close(&net);
}

/*
 * RFC 6544 section 11.1, MUST: the connection of the selected pair breaks; who connected connects again, the connection is checked, and
 * nothing is sent before. Either side may control, and the address may be another.
 */
static void broken_in_mid_call(void **state) {
    (void)state;
    for (int active = 0; active < 2; active++) {
        for (int nat = 0; nat < 2; nat++) {
            open_net(1);
            net.chunk_bytes = 40;
            net.nat[active] = nat ? ip("203.0.113.5", 0) : net.nat[active];
            connect_by(active == 0 ? ICE_TCP_ACTIVE : ICE_TCP_PASSIVE, active == 0 ? ICE_TCP_PASSIVE : ICE_TCP_ACTIVE);
            assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
            tcp_agents_run(&net, net.now_us + (nat ? 10 : 1) * SECOND);
            for (int round = 0; round < 3; round++) {
                exchange_data(3);
                uint64_t broken_us = net.now_us;
                tcp_agents_break(&net, net.connection_count - 1, 104);
                tcp_agents_run(&net, net.now_us + MS);
                for (int i = 0; i < 2; i++) {
                    assert_int_equal(net.side[i].state, ICE_STATE_DISCONNECTED);
                    assert_int_equal(net.side[i].restarts, 1 + round);
                    assert_false(tcp_agents_send(&net, i, 100, 200));
                }
                assert_int_equal(net.side[active].opens, 2 + round);
                tcp_agents_run(&net, net.now_us + 2 * net.delay_us); /* the connection is there, the answer is not */
                assert_false(tcp_agents_send(&net, active, 100, 200));
                tcp_agents_run(&net, broken_us + 150 * MS); /* RTT 20 ms: connecting, asking, being asked a turn of Ta later */
                assert_true(tcp_agents_send(&net, active, 1, 200) && tcp_agents_send(&net, 1 - active, 1, 200));
                tcp_agents_run(&net, net.now_us + 3 * SECOND);
            }
            exchange_data(10);
            tcp_agents_run(&net, net.now_us + 100 * SECOND);
            exchange_data(10);
            assert_int_equal(tcp_agents_open_count(&net), 1);
            assert_int_equal(net.side[active].opens, 4);
            tcp_agents_close(&net);
        }
    }
}

/* Each time from another port: the list of peer-reflexive candidates does not run full */
static void broken_many_times(void **state) {
    (void)state;
    for (int active = 0; active < 2; active++) {
        open_net(1);
        connect_by(active == 0 ? ICE_TCP_ACTIVE : ICE_TCP_PASSIVE, active == 0 ? ICE_TCP_PASSIVE : ICE_TCP_ACTIVE);
        assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
        for (size_t round = 0; round < 3 * ICE_REMOTE_PEER_REFLEXIVE_MAX; round++) {
            tcp_agents_run(&net, net.now_us + 5 * SECOND);
            assert_true(tcp_agents_send(&net, 0, 10, 200) && tcp_agents_send(&net, 1, 10, 200));
            tcp_agents_break(&net, net.connection_count - 1, 104);
            tcp_agents_run(&net, net.now_us + 5 * SECOND);
        }
        exchange_data(10);
        assert_int_equal(net.side[0].agent->statistics.capacity_refused + net.side[1].agent->statistics.capacity_refused, 0);
        tcp_agents_close(&net);
    }
}

/* Nobody listens any more: it is tried every 2 s, or as the network answers, until consent has expired */
static void broken_for_good(void **state) {
    (void)state;
    for (int black_hole = 0; black_hole < 2; black_hole++) {
        open_net(1);
        connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
        assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
        net.black_hole = black_hole;
        net.side[1].interface_count = 0;
        tcp_agents_break(&net, 0, 104);
        tcp_agents_run(&net, net.now_us + 60 * SECOND);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(net.side[i].state, ICE_STATE_FAILED);
            assert_int_equal(net.side[i].failure, ICE_FAILURE_CONSENT_EXPIRED);
            assert_int_equal(ice_agent_next_timeout(net.side[i].agent), UINT64_MAX);
        }
        assert_in_range(net.side[0].opens, black_hole ? 3 : 12, black_hole ? 5 : 18);
        tcp_agents_close(&net);
    }
}

/* Both sides listen: when the connection of the selected pair breaks, another takes its place (docs/ice.md), without a restart */
static void another_takes_over(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        open_net(seed);
        for (int i = 0; i < 2; i++)
            tcp_agents_interface(&net, i, ICE_TRANSPORT_TCP, 5000);
        tcp_agents_gather(&net);
        tcp_agents_credentials(&net);
        tcp_agents_give_all(&net);
        assert_true(tcp_agents_run_until_connected(&net, net.now_us + 3 * SECOND));
        tcp_agents_run(&net, net.now_us + 4 * SECOND);
        assert_int_equal(tcp_agents_open_count(&net), 1);
        for (size_t i = 0; i < net.connection_count; i++)
            if (net.connections[i].end[0].state == END_OPEN)
                tcp_agents_break(&net, i, 104);
        tcp_agents_run(&net, net.now_us + MS);
        assert_false(tcp_agents_send(&net, 0, 10, 200));
        tcp_agents_run(&net, net.now_us + SECOND);
        exchange_data(10);
        tcp_agents_run(&net, net.now_us + 60 * SECOND);
        exchange_data(10);
        tcp_agents_close(&net);
    }
}

/* Every moment of the course is a moment at which the connection may break; it ends in a verdict, and nothing is left open */
static void broken_at_any_time(void **state) {
    (void)state;
    for (size_t steps = 0; steps < 40; steps++) {
        open_net(steps);
        net.chunk_bytes = 30;
        connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
        for (size_t i = 0; i < steps; i++)
            tcp_agents_step(&net, net.now_us + SECOND);
        if (net.connection_count > 0)
            tcp_agents_break(&net, 0, 104);
        tcp_agents_run(&net, net.now_us + 90 * SECOND);
        for (int i = 0; i < 2; i++)
            assert_true(net.side[i].state == ICE_STATE_FAILED || ice_agent_can_send(net.side[i].agent, net.now_us));
        tcp_agents_close(&net);
    }
}

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

/* ---- restarting --------------------------------------------------------------------------------------------------------------------------- */

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

/* ---- strangers ---------------------------------------------------------------------------------------------------------------------------- */

static void listen_only(void) {
    open_net(1);
    tcp_agents_interface(&net, 1, ICE_TRANSPORT_TCP, 6000);
    tcp_agents_gather(&net);
    tcp_agents_credentials(&net);
}

/* Accepted and silent, or talking without end: closed after 5 s, or 4096 bytes; the calls of the others go on */
static void silent_stranger(void **state) {
    (void)state;
    struct ice_path path;
    struct stun_address from = ip("203.0.113.66", 4444);
    listen_only();
    assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
    tcp_agents_run(&net, net.now_us + ICE_TCP_UNPROVEN_TIMEOUT_US - 1);
    assert_int_equal(net.side[1].closes, 0);
    tcp_agents_run(&net, net.now_us + 1);
    assert_int_equal(net.side[1].closes, 1);
    assert_int_equal(net.side[1].agent->statistics.streams_unproven, 1);
    tcp_agents_close(&net);
}

static void talking_stranger(void **state) {
    (void)state;
    struct ice_path path;
    struct stun_address from = ip("203.0.113.66", 4444);
    static const uint8_t stun_like[1 + ICE_TCP_UNPROVEN_BYTES]; /* empty frames, each is two bytes */
    for (size_t length = ICE_TCP_UNPROVEN_BYTES - 1; length <= ICE_TCP_UNPROVEN_BYTES + 1; length++) {
        listen_only();
        assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
        assert_int_equal(tcp_agents_stranger_writes(&net, 1, &path, stun_like, length), ICE_OK);
        assert_int_equal(net.side[1].closes, length > ICE_TCP_UNPROVEN_BYTES);
        assert_int_equal(net.side[1].agent->statistics.streams_unproven, length > ICE_TCP_UNPROVEN_BYTES);
        tcp_agents_close(&net);
    }
}

/* RFC 6544 section 7.1: who does not begin with STUN is not our peer */
static void stranger_without_stun(void **state) {
    (void)state;
    struct ice_path path;
    struct stun_address from = ip("203.0.113.66", 4444);
    static const uint8_t http[] = "GET / HTTP/1.1\r\n\r\n", data[] = {0, 3, 128, 1, 2}, too_long[] = {0x08, 0x01, 0};
    listen_only();
    assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
    assert_int_equal(tcp_agents_stranger_writes(&net, 1, &path, http, sizeof http), ICE_ERROR_MALFORMED); /* "GE" is 18245 bytes */
    assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
    assert_int_equal(tcp_agents_stranger_writes(&net, 1, &path, data, sizeof data), ICE_OK);
    assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
    assert_int_equal(tcp_agents_stranger_writes(&net, 1, &path, too_long, sizeof too_long), ICE_ERROR_MALFORMED);
    assert_int_equal(net.side[1].closes, 3);
    assert_int_equal(net.side[1].received_count, 0);
    assert_int_equal(net.side[1].agent->statistics.malformed_dropped, 2);
    assert_int_equal(tcp_agents_stranger_writes(&net, 1, &path, data, sizeof data), ICE_ERROR_ARGUMENT); /* it is gone */
    tcp_agents_close(&net);
}

/* ICE_TCP_UNPROVEN_MAX: one less, the limit, one more. The peer still gets in: its IP is known; and from elsewhere 5 s later. */
static void many_strangers(void **state) {
    (void)state;
    struct ice_path path;
    for (size_t count = ICE_TCP_UNPROVEN_MAX - 1; count <= ICE_TCP_UNPROVEN_MAX + 1; count++) {
        listen_only();
        tcp_agents_interface(&net, 0, ICE_TRANSPORT_TCP, 9);
        for (size_t i = 0; i < count; i++) {
            struct stun_address from = ip("203.0.113.66", (uint16_t)(2000 + i));
            assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), i < ICE_TCP_UNPROVEN_MAX ? ICE_OK : ICE_ERROR_CAPACITY);
        }
        assert_int_equal(net.side[1].agent->statistics.capacity_refused, count > ICE_TCP_UNPROVEN_MAX);
        tcp_agents_give(&net, 0, ICE_TCP_ACTIVE);
        tcp_agents_give(&net, 1, ICE_TCP_PASSIVE);
        assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
        assert_int_equal(net.side[1].closes, count >= ICE_TCP_UNPROVEN_MAX); /* the oldest stranger */
        exchange_data(5);
        tcp_agents_close(&net);
    }
    for (size_t i = 0; i < 2; i++) { /* from an IP that nobody has told us of there is no such favour */
        listen_only();
        tcp_agents_interface(&net, 0, ICE_TRANSPORT_TCP, 9);
        for (size_t n = 0; n < ICE_TCP_UNPROVEN_MAX - i; n++) {
            struct stun_address from = ip("203.0.113.66", (uint16_t)(2000 + n));
            assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
        }
        tcp_agents_give(&net, 1, ICE_TCP_PASSIVE);
        tcp_agents_run(&net, net.now_us + 2 * SECOND);
        assert_int_equal(net.side[1].refusals, 1 - i);
        tcp_agents_close(&net);
    }
}

static void accepted_where_nobody_listens(void **state) {
    (void)state;
    struct ice_path path = {.transport = ICE_TRANSPORT_TCP, .local = ip("198.51.100.1", 6001), .remote = ip("192.0.2.1", 40000), .stream_id = ICE_STREAM_ACCEPTED | 1};
    listen_only();
    assert_int_equal(ice_agent_handle_stream_opened(net.side[1].agent, net.now_us, &path), ICE_ERROR_STATE);
    assert_int_equal(ice_agent_handle_stream_opened(net.side[0].agent, net.now_us, &path), ICE_ERROR_ARGUMENT); /* no TCP at all */
    path.local.port = 6000;
    assert_int_equal(ice_agent_handle_stream_opened(net.side[1].agent, net.now_us, &path), ICE_OK);
    assert_int_equal(ice_agent_handle_stream_opened(net.side[1].agent, net.now_us, &path), ICE_ERROR_ARGUMENT); /* the same number */
    path.stream_id++;
    path.remote.port = 0;
    assert_int_equal(ice_agent_handle_stream_opened(net.side[1].agent, net.now_us, &path), ICE_ERROR_ARGUMENT);
    path.transport = ICE_TRANSPORT_UDP;
    assert_int_equal(ice_agent_handle_stream_opened(net.side[1].agent, net.now_us, &path), ICE_ERROR_ARGUMENT);
    tcp_agents_close(&net);
}

/* A stranger who replays a check, signed by us for another path, or with a wrong key: no pair, no answer */
static void unauthentic_checks(void **state) {
    (void)state;
    struct ice_path path;
    struct stun_address from = ip("203.0.113.66", 4444);
    uint8_t frame[2 + ICE_DATAGRAM_MAX_BYTES] = {0};
    listen_only();
    static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = {1};
    struct stun_key *key = stun_key_new_short_term((const uint8_t *)"wrongwrongwrongwrongwrong", 25);
    struct stun_writer writer;
    char username[64];
    snprintf(username, sizeof username, "%s:%s", ice_agent_local_ufrag(net.side[1].agent), ice_agent_local_ufrag(net.side[0].agent));
    stun_writer_begin(&writer, frame + 2, sizeof frame - 2, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERNAME, (const uint8_t *)username, strlen(username));
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, 1);
    stun_writer_add_u64(&writer, STUN_ATTRIBUTE_ICE_CONTROLLING, 1);
    stun_writer_add_integrity(&writer, key);
    stun_writer_add_fingerprint(&writer);
    size_t length = (size_t)stun_writer_finish(&writer);
    stun_key_free(key);
    ice_framing_write_header(frame, length);
    assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
    for (size_t cut = 0; cut <= length; cut++) { /* also cut short, each under a true header */
        ice_framing_write_header(frame, cut);
        tcp_agents_stranger_writes(&net, 1, &path, frame, 2 + cut);
        if (net.side[1].closes > 0)
            break;
    }
    assert_int_equal(ice_agent_pair_count(net.side[1].agent), 0);
    assert_int_equal(net.side[1].closes, 1); /* too many bytes without a check */
    assert_int_equal(net.segment_count, 0);
    tcp_agents_close(&net);
}

/* ---- limits and memory --------------------------------------------------------------------------------------------------------------------- */

struct counter {
    size_t allocations, releases, fail_after;
};

static void *counting_allocate(void *context, size_t bytes) {
    struct counter *counter = context;
    if (counter->allocations == counter->fail_after)
        return NULL;
    counter->allocations++;
    return malloc(bytes);
}

static void counting_release(void *context, void *memory) {
    ((struct counter *)context)->releases++;
    free(memory);
}

/* One allocation for TCP when it is first asked for, none for a packet or a connection */
static void no_allocation_per_packet(void **state) {
    (void)state;
    struct counter counter = {.fail_after = 100};
    const struct ice_allocator allocator = {counting_allocate, counting_release, &counter};
    tcp_agents_open(&net, 1, ICE_ROLE_CONTROLLING, ICE_ROLE_CONTROLLED, &allocator);
    assert_int_equal(counter.allocations, 2);
    net.chunk_bytes = 5;
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    assert_int_equal(counter.allocations, 4);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    exchange_data(50);
    assert_int_equal(counter.allocations, 4);
    tcp_agents_close(&net);
    assert_int_equal(counter.releases, 4);
}

static void short_memory(void **state) {
    (void)state;
    struct counter counter = {.fail_after = 1};
    const struct ice_allocator allocator = {counting_allocate, counting_release, &counter};
    uint64_t random = 1;
    struct ice_agent_config config = {.random = seeded_random, .random_context = &random, .allocator = &allocator};
    struct ice_interface interfaces[2] = {{.base = ip("192.0.2.1", 5000), .preference = 1}, {.base = ip("192.0.2.1", 5000), .transport = ICE_TRANSPORT_TCP}};
    struct ice_agent *agent = ice_agent_new(&config, 0);
    assert_int_equal(ice_agent_handle_interfaces(agent, 0, interfaces, 2), ICE_ERROR_CAPACITY);
    assert_int_equal(agent->gatherer.interface_count, 0); /* nothing has changed */
    counter.fail_after = 2;
    config.memory_budget_bytes = agent->memory_bytes + sizeof(struct ice_tcp) - 1;
    size_t exact = agent->memory_bytes + sizeof(struct ice_tcp);
    ice_agent_free(agent);
    for (int more = 0; more < 2; more++) {
        counter = (struct counter){.fail_after = 10};
        config.memory_budget_bytes = exact - 1 + (size_t)more;
        agent = ice_agent_new(&config, 0);
        assert_int_equal(ice_agent_handle_interfaces(agent, 0, interfaces, 2), more == 1 ? ICE_OK : ICE_ERROR_CAPACITY);
        ice_agent_free(agent);
    }
    interfaces[1].transport = ICE_TRANSPORT_TLS;
    agent = ice_agent_new(&config, 0);
    assert_int_equal(ice_agent_handle_interfaces(agent, 0, interfaces, 2), ICE_ERROR_ARGUMENT);
    ice_agent_free(agent);
}

/* ICE_TCP_CONNECTION_MAX: one less, the limit, one more remote passive candidates behind a black hole */
static void many_connections(void **state) {
    (void)state;
    for (size_t count = ICE_TCP_CONNECTION_MAX - 1; count <= ICE_TCP_CONNECTION_MAX + 1; count++) {
        open_net(1);
        net.black_hole = true;
        tcp_agents_interface(&net, 0, ICE_TRANSPORT_TCP, 9);
        tcp_agents_gather(&net);
        tcp_agents_credentials(&net);
        for (size_t i = 0; i < count; i++) {
            struct ice_candidate candidate = {.component = 1, .protocol = ICE_PROTOCOL_TCP, .tcp_type = ICE_TCP_PASSIVE, .priority = 1000,
                                              .address = ip("198.51.100.1", (uint16_t)(6000 + i)), .foundation = {(char)('a' + i), '\0'}};
            assert_int_equal(ice_agent_add_remote_candidate(net.side[0].agent, net.now_us, &candidate), ICE_OK);
        }
        tcp_agents_run(&net, net.now_us + 5 * SECOND);
        assert_int_equal(net.side[0].opens, count < ICE_TCP_CONNECTION_MAX ? count : ICE_TCP_CONNECTION_MAX);
        assert_int_equal(net.side[0].agent->statistics.capacity_refused, count > ICE_TCP_CONNECTION_MAX);
        tcp_agents_close(&net);
    }
}

/* A frame is at most 65535 bytes long; what is longer cannot be sent, and says so */
static void longest_payload(void **state) {
    (void)state;
    static uint8_t buffer[ICE_HEADROOM_BYTES + 65536 + ICE_TAILROOM_BYTES];
    struct ice_transmit out;
    open_net(1);
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    for (size_t length = 65534; length <= 65536; length++)
        assert_int_equal(ice_agent_wrap_payload(net.side[0].agent, net.now_us, buffer, length, sizeof buffer, &out), length <= 65535 ? ICE_OK : ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_agent_wrap_payload(net.side[0].agent, net.now_us, buffer, 258, sizeof buffer, &out), ICE_OK);
    assert_int_equal(out.offset, ICE_HEADROOM_BYTES - 2);
    assert_int_equal(out.length, 260);
    assert_int_equal(buffer[ICE_HEADROOM_BYTES - 2] << 8 | buffer[ICE_HEADROOM_BYTES - 1], 258);
    assert_int_equal(out.path.stream_id, 1);
    tcp_agents_close(&net);
}

/* RFC 6544 section 11.1: FAILED closes what is open */
static void failure_closes(void **state) {
    (void)state;
    struct ice_path path;
    struct stun_address from = ip("203.0.113.66", 4444);
    open_net(1);
    net.black_hole = true;
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    tcp_agents_run(&net, net.now_us + 39 * SECOND);
    assert_int_equal(tcp_agents_stranger(&net, 0, &from, &path), ICE_OK);
    tcp_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_FAILED);
    assert_int_equal(net.side[0].closes, net.side[0].opens + 1);
    assert_int_equal(tcp_agents_stranger(&net, 0, &from, &path), ICE_ERROR_STATE);
    for (size_t i = 0; i < ICE_TCP_CONNECTION_MAX; i++)
        assert_int_equal(net.side[0].agent->tcp->connections[i].stream_id, 0);
    tcp_agents_close(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates),        cmocka_unit_test(preferences),          cmocka_unit_test(pairing),
        cmocka_unit_test(remote_candidates), cmocka_unit_test(active_passive),       cmocka_unit_test(round_trips),
        cmocka_unit_test(simultaneous_open), cmocka_unit_test(all_kinds),            cmocka_unit_test(udp_wins),
        cmocka_unit_test(through_a_nat),     cmocka_unit_test(consent),              cmocka_unit_test(refused),
        cmocka_unit_test(black_hole),        cmocka_unit_test(broken_in_mid_call),   cmocka_unit_test(broken_at_any_time),
        cmocka_unit_test(another_takes_over),   cmocka_unit_test(broken_for_good),
        cmocka_unit_test(broken_many_times),
        cmocka_unit_test(interface_goes),    cmocka_unit_test(interface_goes_before), cmocka_unit_test(silent_stranger),
        cmocka_unit_test(talking_stranger),  cmocka_unit_test(stranger_without_stun), cmocka_unit_test(many_strangers),
        cmocka_unit_test(accepted_where_nobody_listens), cmocka_unit_test(unauthentic_checks), cmocka_unit_test(no_allocation_per_packet),
        cmocka_unit_test(short_memory),      cmocka_unit_test(many_connections),     cmocka_unit_test(longest_payload),
        cmocka_unit_test(failure_closes),    cmocka_unit_test(restart_with_a_new_connection), cmocka_unit_test(restart_with_the_same_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
