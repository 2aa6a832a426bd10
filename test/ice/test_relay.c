/* Relayed candidates: made, used, given back; their limits. */
#include "test_ice.h"

#include "relay_agents.h"

/* RFC 8445 section 5.1.1.2: one Allocate brings a relayed and a server-reflexive candidate; RFC 8839 section 5.1: raddr is the mapped address */
static void candidates(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    open_with(1, servers, 1, ICE_TRANSPORT_POLICY_ALL);
    struct relay_double *relay = add_relay("198.51.100.250");
    agents_net.nat[0] = ip("203.0.113.1", 0);
    two_agents_interfaces(&agents_net);
    two_agents_gather(&agents_net);
    wait_gathered();
    const struct side *side = &agents_net.side[0];
    assert_int_equal(side->candidate_count, 3);
    assert_int_equal(agents_net.side[1].candidate_count, 2); /* no NAT: the mapped address is the host's */
    const struct ice_candidate *reflexive = find_type(side, ICE_CANDIDATE_SERVER_REFLEXIVE), *relayed = find_type(side, ICE_CANDIDATE_RELAYED);
    struct stun_address mapped = ip("203.0.113.1", 5000), base = ip("192.0.2.1", 5000);
    assert_non_null(reflexive);
    assert_non_null(relayed);
    assert_true(stun_address_equal(&reflexive->address, &mapped));
    assert_true(stun_address_equal(&reflexive->related, &base));
    assert_int_equal(reflexive->server, 1);
    assert_true(stun_address_equal_ip(&relayed->address, &relay->relay_ip[0]));
    assert_true(stun_address_equal(&relayed->base, &relayed->address));
    assert_true(stun_address_equal(&relayed->related, &mapped));
    assert_int_equal(relayed->server, 1);
    assert_int_equal(relayed->relay_transport, ICE_TRANSPORT_UDP);
    assert_int_equal(relayed->priority >> 24, 0);
    assert_true(relayed->priority < reflexive->priority);
    assert_string_not_equal(relayed->foundation, reflexive->foundation);
    /* Allocate, 401, Allocate: nothing else was asked */
    assert_int_equal(relay->requests, 4);
    assert_int_equal(relay_double_allocation_count(relay), 2);
    /* RFC 8445 section 5.1.1.4, MUST: the NAT's binding is kept alive until ICE has concluded */
    two_agents_run(&agents_net, agents_net.now_us + 16 * SECOND);
    assert_int_equal(relay->requests, 6);
    two_agents_close(&agents_net);
}

/* RTCIceTransportPolicy "relay": one candidate, and not a word about where we are; and the call works */
static void relay_only(void **state) {
    (void)state;
    connect_relayed(1, ICE_TRANSPORT_UDP);
    static const struct stun_address hidden = {.family = STUN_ADDRESS_IPV4, .port = 9};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(agents_net.side[i].candidate_count, 1);
        assert_int_equal(agents_net.side[i].candidates[0].type, ICE_CANDIDATE_RELAYED);
        assert_true(stun_address_equal(&agents_net.side[i].candidates[0].related, &hidden));
        assert_int_equal(agents_net.side[i].local.type, ICE_CANDIDATE_RELAYED);
    }
    exchange(1);
    exchange(1200);
    /* RFC 8656 section 12: the selected pair has a channel */
    assert_int_equal(agents_net.relays[0].channel_data_in, 4);
    assert_int_equal(agents_net.relays[0].unpermitted, 0);
    two_agents_close(&agents_net);
}

static void over_streams(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        connect_relayed(2, i == 0 ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_TLS);
        assert_int_equal(agents_net.side[0].stream_count, 1);
        assert_int_equal(agents_net.side[0].streams[0].transport, i == 0 ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_TLS);
        assert_string_equal(agents_net.side[0].server_names[0], i == 0 ? "" : "198.51.100.250");
        for (size_t length = 1; length < 9; length++)
            exchange(length);
        two_agents_close(&agents_net);
    }
}

/* ---- the end, and interfaces --------------------------------------------------------------------------------------------------------- */

/* RFC 8656 section 8: what is no longer used is given back; over UDP and over streams; nothing else is sent */
static void polite_end(void **state) {
    (void)state;
    for (int transport = 0; transport < 2; transport++) {
        connect_relayed(7, transport == 0 ? ICE_TRANSPORT_UDP : ICE_TRANSPORT_TCP);
        assert_int_equal(relay_double_allocation_count(&agents_net.relays[0]), 2);
        for (int i = 0; i < 2; i++) {
            ice_agent_close(agents_net.side[i].agent, agents_net.now_us);
            uint64_t sent = agents_net.side[i].sent;
            two_agents_drain(&agents_net, i);
            assert_int_equal(agents_net.side[i].sent, sent + 1);
            assert_int_equal(agents_net.side[i].state, ICE_STATE_CLOSED);
            ice_agent_close(agents_net.side[i].agent, agents_net.now_us);
            assert_int_equal(two_agents_send_payload(&agents_net, i, (const uint8_t *)"x", 1), ICE_ERROR_STATE);
        }
        two_agents_run(&agents_net, agents_net.now_us + 5 * SECOND);
        assert_int_equal(relay_double_allocation_count(&agents_net.relays[0]), 0);
        assert_int_equal(agents_net.relays[0].deleted, 2);
        assert_int_equal(agents_net.side[0].streams_closed, transport);
        assert_true(ice_agent_next_timeout(agents_net.side[0].agent) == UINT64_MAX);
        two_agents_close(&agents_net);
    }
}

/* A closed agent whose server is silent waits a second for it */
static void end_without_an_answer(void **state) {
    (void)state;
    connect_relayed(8, ICE_TRANSPORT_UDP);
    two_agents_kill_relay(&agents_net, 0);
    uint64_t start_us = agents_net.now_us;
    ice_agent_close(agents_net.side[0].agent, agents_net.now_us);
    two_agents_drain(&agents_net, 0);
    ice_agent_close(agents_net.side[1].agent, agents_net.now_us);
    two_agents_drain(&agents_net, 1);
    while (ice_agent_next_timeout(agents_net.side[0].agent) != UINT64_MAX)
        two_agents_step(&agents_net, agents_net.now_us + 10 * SECOND);
    assert_in_range(agents_net.now_us - start_us, SECOND / 2, 2 * SECOND);
    two_agents_close(&agents_net);
}

/* The interface of a relay goes and comes back: the allocation is still there, and is used again */
static void interface_returns(void **state) {
    (void)state;
    connect_relayed(9, ICE_TRANSPORT_UDP);
    const struct ice_interface interface = {.base = agents_net.side[0].bases[0], .preference = 65535};
    assert_int_equal(ice_agent_handle_interfaces(agents_net.side[0].agent, agents_net.now_us, NULL, 0), ICE_OK);
    two_agents_drain(&agents_net, 0);
    assert_int_equal(agents_net.side[0].restarts, 1);
    assert_int_equal(two_agents_send_payload(&agents_net, 0, (const uint8_t *)"x", 1), ICE_ERROR_STATE);
    uint64_t sent = agents_net.side[0].sent;
    two_agents_run(&agents_net, agents_net.now_us + 3 * SECOND);
    assert_int_equal(agents_net.side[0].sent, sent);
    struct ice_interface listening = interface; /* a TCP socket at the same port brings nothing of it back */
    listening.transport = ICE_TRANSPORT_TCP;
    assert_int_equal(ice_agent_handle_interfaces(agents_net.side[0].agent, agents_net.now_us, &listening, 1), ICE_OK);
    two_agents_drain(&agents_net, 0);
    two_agents_run(&agents_net, agents_net.now_us + 3 * SECOND);
    assert_int_equal(agents_net.side[0].sent, sent);
    assert_int_equal(ice_agent_handle_interfaces(agents_net.side[0].agent, agents_net.now_us, &interface, 1), ICE_OK);
    two_agents_drain(&agents_net, 0);
    two_agents_run(&agents_net, agents_net.now_us + 8 * SECOND);
    assert_true(is_up(&agents_net.side[0]));
    exchange(100);
    assert_int_equal(agents_net.relays[0].allocated, 2);
    assert_true(agents_net.relays[0].refreshed > 0); /* the server was asked */
    two_agents_close(&agents_net);
}

/* What is left over on the server from before an outage that was longer than our patience is deleted, and asked for anew */
static void leftover(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    connect_relayed(10, ICE_TRANSPORT_UDP);
    struct relay_double_allocation allocations[RELAY_DOUBLE_ALLOCATION_MAX];
    memcpy(allocations, agents_net.relays[0].allocations, sizeof allocations);
    two_agents_close(&agents_net);
    open_with(11, servers, 1, ICE_TRANSPORT_POLICY_RELAY); /* a new agent on the same port */
    add_relay("198.51.100.250");
    memcpy(agents_net.relays[0].allocations, allocations, sizeof allocations);
    agents_net.relays[0].next_port = 51000;
    two_agents_interfaces(&agents_net);
    two_agents_gather(&agents_net);
    wait_gathered();
    assert_int_equal(agents_net.relays[0].deleted, 2);
    assert_non_null(find_type(&agents_net.side[0], ICE_CANDIDATE_RELAYED));
    two_agents_close(&agents_net);
}

/* ---- limits ------------------------------------------------------------------------------------------------------------------------ */

/* A host that roams: the place of a relay whose interface is gone becomes another's, which has nothing to do with its candidates */
static void roaming(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    open_with(18, servers, 1, ICE_TRANSPORT_POLICY_RELAY);
    struct relay_double *relay = add_relay("198.51.100.250");
    two_agents_interfaces(&agents_net);
    two_agents_gather(&agents_net);
    wait_gathered();
    const struct ice_agent *agent = agents_net.side[0].agent;
    for (uint16_t i = 1; i <= 2 * ICE_RELAY_MAX; i++) {
        struct ice_interface interface = {.base = ip("192.0.2.1", (uint16_t)(5000 + i)), .preference = 65535};
        memset(relay->allocations, 0, sizeof relay->allocations); /* they have expired */
        agents_net.side[0].bases[0] = interface.base;
        assert_int_equal(ice_agent_handle_interfaces(agents_net.side[0].agent, agents_net.now_us, &interface, 1), ICE_OK);
        two_agents_drain(&agents_net, 0);
        two_agents_run(&agents_net, agents_net.now_us + SECOND);
        size_t present = 0;
        for (size_t j = 0; j < agent->local_count; j++) {
            const struct ice_local *local = &agent->locals[j];
            present += !local->gone;
            if (local->relay != ICE_NONE)
                assert_true(stun_address_equal(&agent->relays[local->relay].relayed[0], &local->address));
        }
        assert_int_equal(present, 1);
    }
    two_agents_close(&agents_net);
}

/* ICE_RELAY_MAX: one below, at it, one above */
static void limits(void **state) {
    (void)state;
    char hosts[ICE_SERVER_MAX][32];
    struct ice_server servers[ICE_SERVER_MAX];
    uint64_t random = 1;
    for (unsigned i = 0; i < ICE_SERVER_MAX; i++) {
        snprintf(hosts[i], sizeof hosts[i], "198.51.100.%u", i + 1);
        servers[i] = turn_server(ICE_TRANSPORT_UDP, hosts[i]);
    }
    for (size_t count = ICE_RELAY_MAX - 1; count <= ICE_RELAY_MAX + 1; count++) {
        struct ice_interface interfaces[2] = {{.base = ip("192.0.2.1", 5000), .preference = 2}, {.base = ip("192.0.2.2", 5000), .preference = 1}};
        struct ice_agent_config config = {.servers = servers, .server_count = (count + 1) / 2, .random = seeded_random, .random_context = &random};
        struct ice_agent *agent = ice_agent_new(&config, 0);
        assert_int_equal(ice_agent_handle_interfaces(agent, 0, interfaces, 2), ICE_OK);
        assert_int_equal(ice_agent_gather(agent, 0), ICE_OK);
        struct ice_statistics statistics;
        ice_agent_statistics(agent, &statistics);
        size_t wanted = 2 * config.server_count;
        assert_int_equal(statistics.capacity_refused, wanted > ICE_RELAY_MAX ? wanted - ICE_RELAY_MAX : 0);
        ice_agent_free(agent);
    }
}

/* The clients' memory is the agent's: what is beyond the budget is not asked, and counted */
static void budget(void **state) {
    (void)state;
    const struct ice_server server = turn_server(ICE_TRANSPORT_UDP, "198.51.100.250");
    uint64_t random = 1;
    size_t needed = 0;
    for (int i = 0; i < 3; i++) {
        struct ice_agent_config config = {.servers = &server, .server_count = 1, .random = seeded_random, .random_context = &random,
                                          .memory_budget_bytes = i == 0 ? 0 : needed - (size_t)(i == 2)};
        const struct ice_interface interface = {.base = ip("192.0.2.1", 5000), .preference = 1};
        struct ice_agent *agent = ice_agent_new(&config, 0);
        assert_non_null(agent);
        assert_int_equal(ice_agent_handle_interfaces(agent, 0, &interface, 1), ICE_OK);
        assert_int_equal(ice_agent_gather(agent, 0), ICE_OK);
        uint8_t buffer[ICE_DATAGRAM_MAX_BYTES];
        struct ice_transmit out;
        assert_int_equal(ice_agent_poll_transmit(agent, 0, buffer, sizeof buffer, &out), i < 2);
        struct ice_statistics statistics;
        ice_agent_statistics(agent, &statistics);
        assert_int_equal(statistics.capacity_refused, i == 2);
        needed = i == 0 ? statistics.memory_bytes : needed;
        ice_agent_free(agent);
    }
}

/* Whatever comes from the server's address: broken, cut, or of somebody else: dropped and counted */
static void broken_input(void **state) {
    (void)state;
    connect_relayed(12, ICE_TRANSPORT_UDP);
    struct side *side = &agents_net.side[0];
    struct ice_path path = {.local = side->bases[0], .remote = agents_net.relays[0].address}, other = path;
    struct relay_double_output out;
    uint8_t data[40] = {0x90};
    other.remote.port++;
    assert_true(relay_double_handle_peer(&agents_net.relays[0], &side->local.address, &side->remote.address, data, sizeof data, &out));
    size_t received = side->received_count;
    for (size_t length = 0; length < out.length; length++) {
        uint8_t *cut = malloc(length + 1);
        memcpy(cut, out.bytes, length);
        assert_true(ice_agent_handle_datagram(side->agent, agents_net.now_us, &path, cut, length) != ICE_OK);
        two_agents_drain(&agents_net, 0);
        free(cut);
    }
    assert_int_equal(ice_agent_handle_datagram(side->agent, agents_net.now_us, &other, out.bytes, out.length), ICE_ERROR_MALFORMED);
    two_agents_drain(&agents_net, 0);
    assert_int_equal(side->received_count, received);
    assert_int_equal(ice_agent_handle_datagram(side->agent, agents_net.now_us, &path, out.bytes, out.length), ICE_OK);
    two_agents_drain(&agents_net, 0);
    assert_int_equal(side->received_count, received + 1);
    two_agents_close(&agents_net);
}

/* One read of a stream brings many messages, the last of them cut: checks are answered at once, data comes out one by one */
static void many_in_one_read(void **state) {
    (void)state;
    connect_relayed(13, ICE_TRANSPORT_TCP);
    struct side *side = &agents_net.side[0];
    uint8_t chunk[8 * RELAY_DOUBLE_BYTES], data[50] = {0x90};
    size_t length = 0, received = side->received_count;
    for (size_t i = 0; i < 8; i++) {
        struct relay_double_output out;
        data[1] = (uint8_t)i;
        assert_true(relay_double_handle_peer(&agents_net.relays[0], &side->local.address, &side->remote.address, data, 43 + i, &out));
        memcpy(chunk + length, out.bytes, out.length);
        length += out.length;
    }
    assert_int_equal(ice_agent_handle_stream_bytes(side->agent, agents_net.now_us, &side->streams[0], chunk, length - 20), ICE_OK);
    two_agents_drain(&agents_net, 0);
    assert_int_equal(side->received_count, received + 7);
    assert_int_equal(ice_agent_handle_stream_bytes(side->agent, agents_net.now_us, &side->streams[0], chunk + length - 20, 20), ICE_OK);
    two_agents_drain(&agents_net, 0);
    assert_int_equal(side->received_count, received + 8);
    assert_int_equal(side->received[1], 7);
    assert_int_equal(side->received_length, 50);
    two_agents_close(&agents_net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates), cmocka_unit_test(relay_only), cmocka_unit_test(over_streams), cmocka_unit_test(polite_end),
        cmocka_unit_test(end_without_an_answer), cmocka_unit_test(interface_returns), cmocka_unit_test(leftover), cmocka_unit_test(roaming),
        cmocka_unit_test(limits), cmocka_unit_test(budget), cmocka_unit_test(broken_input), cmocka_unit_test(many_in_one_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
