#include "test_ice.h"

static struct two_agents net;
static struct scripted_peer peer;

static size_t count_type(const struct side *side, enum ice_candidate_type type) {
    size_t count = 0;
    for (size_t i = 0; i < side->candidate_count; i++)
        count += side->candidates[i].type == type;
    return count;
}

static struct ice_server stun_server(const char *host, uint16_t port) {
    return (struct ice_server){.kind = ICE_SERVER_STUN, .transport = ICE_TRANSPORT_UDP, .host = host, .port = port};
}

/* RFC 8445 section 5.1.1.1: host candidates at once, gathering over when there is nobody to ask */
static void host_only(void **state) {
    (void)state;
    two_agents_open(&net, 1, NULL);
    two_agents_interfaces(&net);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_NEW);
    two_agents_gather(&net);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_COMPLETE);
    assert_int_equal(net.side[0].candidate_count, 1);
    const struct ice_candidate *host = &net.side[0].candidates[0];
    assert_int_equal(host->type, ICE_CANDIDATE_HOST);
    assert_int_equal(host->priority, 2130706431u);
    assert_int_equal(host->component, 1);
    assert_true(stun_address_equal(&host->address, &host->base));
    assert_string_equal(host->ufrag, ice_agent_local_ufrag(net.side[0].agent));
    assert_int_equal(host->related.family, STUN_ADDRESS_NONE);
    assert_int_equal(ice_agent_gather(net.side[0].agent, net.now_us), ICE_ERROR_STATE);
    two_agents_close(&net);
}

/* RFC 8445 section 5.1.1.2: the mapped address, with its base; the events in order */
static void server_reflexive(void **state) {
    (void)state;
    struct ice_server servers[2] = {stun_server("198.51.100.250", 3478), stun_server("198.51.100.251", 3478)};
    two_agents_open(&net, 1, &(struct ice_agent_config){.servers = servers, .server_count = 2});
    servers[0].host = "poisoned"; /* copied */
    net.servers[0] = ip("198.51.100.250", 3478);
    net.servers[1] = ip("198.51.100.251", 3478);
    net.server_count = 2;
    net.delay_us = 10 * MS;
    net.nat[0] = ip("203.0.113.1", 0);
    two_agents_interfaces(&net);
    two_agents_gather(&net);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_GATHERING);
    two_agents_run(&net, net.now_us + 100 * MS);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_COMPLETE);
    /* both servers saw the same address: one candidate (section 5.1.3); the other side has no NAT: none */
    assert_int_equal(count_type(&net.side[0], ICE_CANDIDATE_SERVER_REFLEXIVE), 1);
    assert_int_equal(count_type(&net.side[1], ICE_CANDIDATE_SERVER_REFLEXIVE), 0);
    const struct ice_candidate *reflexive = &net.side[0].candidates[1];
    struct stun_address expected = ip("203.0.113.1", 5000), base = ip("192.0.2.1", 5000);
    assert_true(stun_address_equal(&reflexive->address, &expected));
    assert_true(stun_address_equal(&reflexive->base, &base));
    assert_true(stun_address_equal(&reflexive->related, &base));
    two_agents_close(&net);
}

/* A dead server delays nobody: not its neighbours, and the end of gathering only until the deadline */
static void dead_server(void **state) {
    (void)state;
    struct ice_server servers[3] = {stun_server("198.51.100.249", 3478), stun_server("198.51.100.250", 3478), stun_server("198.51.100.248", 3478)};
    two_agents_open(&net, 1, &(struct ice_agent_config){.servers = servers, .server_count = 3, .gathering_deadline_us = 3 * SECOND});
    net.servers[0] = ip("198.51.100.250", 3478);
    net.server_count = 1;
    net.delay_us = 10 * MS;
    net.nat[0] = ip("203.0.113.1", 0);
    two_agents_interfaces(&net);
    uint64_t start_us = net.now_us;
    two_agents_gather(&net);
    while (count_type(&net.side[0], ICE_CANDIDATE_SERVER_REFLEXIVE) == 0 && two_agents_step(&net, start_us + 10 * SECOND)) {
    }
    assert_true(net.now_us - start_us <= 50 * MS + 20 * MS); /* its turn, and its round trip */
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_GATHERING);
    two_agents_run(&net, start_us + 3 * SECOND - 1);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_GATHERING);
    two_agents_run(&net, start_us + 3 * SECOND);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_COMPLETE);
    two_agents_close(&net);
}

/* RFC 8445 sections 5.1.1.2 and 14: the first at once, then one each Ta; retransmissions from 500 ms */
static void pacing(void **state) {
    (void)state;
    struct ice_server servers[4] = {stun_server("198.51.100.1", 3478), stun_server("198.51.100.2", 3478), stun_server("198.51.100.3", 3478),
                                    stun_server("198.51.100.4", 3478)};
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, &(struct ice_agent_config){.servers = servers, .server_count = 4});
    scripted_gather(&peer);
    uint64_t start_us = peer.now_us;
    for (unsigned i = 0; i < 4; i++) {
        assert_true(scripted_poll_request(&peer, &sent));
        assert_int_equal(sent.path.remote.ip[3], i + 1);
        assert_false(sent_has(&sent, STUN_ATTRIBUTE_USERNAME)); /* section 5.1.1.2: not authenticated */
        assert_int_equal(sent.message.integrity_offset, 0);
        assert_false(scripted_poll_request(&peer, &sent));
        if (i < 3)
            assert_true(ice_agent_next_timeout(peer.agent) == start_us + (i + 1) * 50 * MS);
        peer.now_us += 50 * MS;
    }
    assert_true(ice_agent_next_timeout(peer.agent) == start_us + 500 * MS);
    scripted_close(&peer);
}

/* RFC 8445 section 14.2, MUST NOT: checks and gathering together never closer than 5 ms */
static void five_milliseconds_for_all(void **state) {
    (void)state;
    struct ice_server servers[4] = {stun_server("198.51.100.241", 3478), stun_server("198.51.100.242", 3478), stun_server("198.51.100.243", 3478),
                                    stun_server("198.51.100.244", 3478)};
    for (uint64_t seed = 0; seed < 50; seed++) {
        two_agents_open(&net, seed, &(struct ice_agent_config){.servers = servers, .server_count = 4, .ta_us = seed % 2 ? 5 * MS : 0});
        net.delay_us = seed * MS;
        net.loss = 0.1;
        two_agents_connect(&net);
        two_agents_run(&net, net.now_us + 8 * SECOND);
        for (int i = 0; i < 2; i++) {
            assert_true(net.side[i].new_transactions > 4);
            assert_true(net.side[i].closest_new_us >= 5 * MS);
        }
        two_agents_close(&net);
    }
}

/* RFC 8489 section 6.3, security.md row 5: right identifier from the wrong server, wrong identifier from the right one */
static void forged_answers(void **state) {
    (void)state;
    struct ice_server servers[1] = {stun_server("198.51.100.250", 3478)};
    struct stun_address attacker = ip("203.0.113.66", 3478), evil = ip("203.0.113.66", 9), other_base = ip("192.0.2.1", 5001);
    struct sent sent, other;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, &(struct ice_agent_config){.servers = servers, .server_count = 1});
    scripted_gather(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 0, &(struct wrong){.from = &attacker, .mapped = &evil, .no_integrity = true});
    scripted_respond(&peer, &sent, 0, &(struct wrong){.to = &other_base, .mapped = &evil, .no_integrity = true});
    other = sent;
    other.bytes[19] ^= 1;
    assert_int_equal(stun_message_parse(other.bytes, other.length, &other.message), STUN_OK);
    scripted_respond(&peer, &other, 0, &(struct wrong){.mapped = &evil, .no_integrity = true});
    assert_int_equal(ice_agent_local_candidate_count(peer.agent), 1);
    struct stun_address mapped = ip("203.0.113.1", 5000);
    assert_int_equal(scripted_respond(&peer, &sent, 0, &(struct wrong){.mapped = &mapped, .no_integrity = true, .no_fingerprint = true}), ICE_OK);
    assert_int_equal(ice_agent_local_candidate_count(peer.agent), 2);
    /* and once more: nobody waits for it */
    scripted_respond(&peer, &sent, 0, &(struct wrong){.mapped = &evil, .no_integrity = true});
    assert_int_equal(ice_agent_local_candidate_count(peer.agent), 2);
    scripted_close(&peer);
}

/* An error, or an address that cannot be: no candidate, and no waiting for one */
static void useless_answers(void **state) {
    (void)state;
    struct ice_server servers[1] = {stun_server("198.51.100.250", 3478)};
    struct stun_address nowhere = ip("0.0.0.0", 9);
    for (int i = 0; i < 3; i++) {
        struct sent sent;
        struct ice_statistics statistics;
        scripted_open(&peer, ICE_ROLE_CONTROLLING, &(struct ice_agent_config){.servers = servers, .server_count = 1});
        scripted_gather(&peer);
        assert_true(scripted_poll_request(&peer, &sent));
        if (i < 2)
            scripted_respond(&peer, &sent, i == 0 ? 400 : 0, &(struct wrong){.no_integrity = true, .no_mapped = i == 1});
        else
            scripted_respond(&peer, &sent, 0, &(struct wrong){.no_integrity = true, .mapped = &nowhere});
        ice_agent_statistics(peer.agent, &statistics);
        assert_int_equal(statistics.gathering_state, ICE_GATHERING_COMPLETE);
        assert_int_equal(ice_agent_local_candidate_count(peer.agent), 1);
        scripted_close(&peer);
    }
}

static uint64_t query_of(struct scripted_peer *of, const char *name) {
    struct ice_event event;
    while (ice_agent_poll_event(of->agent, &event))
        if (event.type == ICE_EVENT_RESOLVE && strcmp(event.as.resolve.name, name) == 0)
            return event.as.resolve.query;
    return 0;
}

/* Names are looked up outside */
static void names(void **state) {
    (void)state;
    struct ice_server servers[3] = {stun_server("stun.example.org", 3478), stun_server("nowhere.example", 3478), stun_server("late.example", 3478)};
    struct stun_address addresses[4] = {ip("::ffff:192.0.2.9", 0), ip("2001:db8::9", 0), ip("198.51.100.250", 0), ip("198.51.100.251", 0)};
    struct sent sent;
    struct ice_statistics statistics;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, &(struct ice_agent_config){.servers = servers, .server_count = 3});
    scripted_gather(&peer);
    uint64_t first = query_of(&peer, "stun.example.org"), second = query_of(&peer, "nowhere.example");
    assert_true(first != 0 && second != 0 && first != second);
    assert_false(scripted_poll_request(&peer, &sent));
    assert_int_equal(ice_agent_handle_resolved(peer.agent, peer.now_us, 99, addresses, 1), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_agent_handle_resolved(peer.agent, peer.now_us, 0, addresses, 1), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_agent_handle_resolved(peer.agent, peer.now_us, first, NULL, 1), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_agent_handle_resolved(peer.agent, peer.now_us, second, NULL, 0), ICE_OK); /* no such name */
    assert_int_equal(ice_agent_handle_resolved(peer.agent, peer.now_us, first, addresses, 4), ICE_OK);
    assert_int_equal(ice_agent_handle_resolved(peer.agent, peer.now_us, first, addresses, 4), ICE_ERROR_STATE);
    assert_true(scripted_poll_request(&peer, &sent)); /* the first IPv4 address: our base is IPv4 */
    struct stun_address expected = ip("198.51.100.250", 3478);
    assert_true(stun_address_equal(&sent.path.remote, &expected));
    struct stun_address mapped = ip("203.0.113.1", 5000);
    scripted_respond(&peer, &sent, 0, &(struct wrong){.mapped = &mapped, .no_integrity = true});
    ice_agent_statistics(peer.agent, &statistics);
    assert_int_equal(statistics.gathering_state, ICE_GATHERING_GATHERING); /* the third is still being looked up */
    scripted_wait(&peer, peer.now_us + 5 * SECOND);
    ice_agent_statistics(peer.agent, &statistics);
    assert_int_equal(statistics.gathering_state, ICE_GATHERING_COMPLETE);
    assert_int_equal(ice_agent_handle_resolved(peer.agent, peer.now_us, 3, addresses, 4), ICE_ERROR_STATE);
    scripted_close(&peer);
}

/* RFC 8445 section 5.1.1.4, MUST: the NAT's binding is kept until ICE has ended; a new mapping is a new candidate */
static void refresh(void **state) {
    (void)state;
    struct ice_server servers[1] = {stun_server("198.51.100.250", 3478)};
    struct stun_address mapped = ip("203.0.113.1", 5000), moved = ip("203.0.113.1", 5777);
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, &(struct ice_agent_config){.servers = servers, .server_count = 1});
    scripted_gather(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 0, &(struct wrong){.mapped = &mapped, .no_integrity = true});
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scripted_wait(&peer, peer.now_us + 15 * SECOND - 1), 0);
        peer.now_us += 1;
        assert_true(scripted_poll_request(&peer, &sent));
        scripted_respond(&peer, &sent, 0, &(struct wrong){.mapped = i < 2 ? &mapped : &moved, .no_integrity = true});
        assert_int_equal(ice_agent_local_candidate_count(peer.agent), i < 2 ? 2 : 3);
    }
    scripted_close(&peer);
}

/* ICE_GATHER_TRANSACTION_MAX, ICE_INTERFACE_MAX and ICE_SERVER_MAX */
static void limits(void **state) {
    (void)state;
    struct ice_server servers[ICE_SERVER_MAX + 1];
    struct ice_interface interfaces[ICE_INTERFACE_MAX + 1];
    char hosts[ICE_SERVER_MAX + 1][32];
    uint64_t random = 1;
    for (unsigned i = 0; i <= ICE_SERVER_MAX; i++) {
        snprintf(hosts[i], sizeof hosts[i], "198.51.100.%u", i + 1);
        servers[i] = stun_server(hosts[i], 3478);
    }
    for (unsigned i = 0; i <= ICE_INTERFACE_MAX; i++)
        interfaces[i] = (struct ice_interface){.base = ip("192.0.2.1", (uint16_t)(5000 + i)), .preference = (uint16_t)i};
    struct ice_agent_config config = {.servers = servers, .random = seeded_random, .random_context = &random};
    for (unsigned count = ICE_SERVER_MAX - 1; count <= ICE_SERVER_MAX + 1; count++) {
        config.server_count = count;
        struct ice_agent *agent = ice_agent_new(&config, 0);
        assert_int_equal(agent != NULL, count <= ICE_SERVER_MAX);
        ice_agent_free(agent);
    }
    config.server_count = 2;
    struct ice_agent *agent = ice_agent_new(&config, 0);
    assert_int_equal(ice_agent_handle_interfaces(agent, 0, interfaces, ICE_INTERFACE_MAX + 1), ICE_ERROR_CAPACITY);
    assert_int_equal(ice_agent_handle_interfaces(agent, 0, interfaces, ICE_INTERFACE_MAX - 1), ICE_OK);
    assert_int_equal(ice_agent_handle_interfaces(agent, 0, interfaces, ICE_INTERFACE_MAX), ICE_OK);
    assert_int_equal(ice_agent_gather(agent, 0), ICE_OK);
    assert_int_equal(agent->gatherer.transaction_count, ICE_GATHER_TRANSACTION_MAX); /* 32 times 2 */
    assert_int_equal(agent->statistics.capacity_refused, 0);
    ice_agent_free(agent);
    config.server_count = 3;
    agent = ice_agent_new(&config, 0);
    assert_int_equal(ice_agent_handle_interfaces(agent, 0, interfaces, ICE_INTERFACE_MAX), ICE_OK);
    assert_int_equal(ice_agent_gather(agent, 0), ICE_OK);
    assert_int_equal(agent->gatherer.transaction_count, ICE_GATHER_TRANSACTION_MAX);
    assert_int_equal(agent->statistics.capacity_refused, 32);
    interfaces[0].base.port = 0;
    assert_int_equal(ice_agent_handle_interfaces(agent, 0, interfaces, 1), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_agent_handle_interfaces(agent, 0, NULL, 1), ICE_ERROR_ARGUMENT);
    ice_agent_free(agent);
}

/* TURN servers are asked for relays (test_relay.c), and by turns with STUN servers; over TCP and TLS a STUN server is not asked at all */
static void kinds_of_servers(void **state) {
    (void)state;
    struct ice_server servers[5] = {{ICE_SERVER_STUN, ICE_TRANSPORT_TCP, "198.51.100.1", 3478, NULL, NULL},
                                    {ICE_SERVER_TURN, ICE_TRANSPORT_UDP, "198.51.100.2", 3478, "u", "c"},
                                    {ICE_SERVER_STUN, ICE_TRANSPORT_TLS, "198.51.100.3", 443, NULL, NULL},
                                    {ICE_SERVER_STUN, ICE_TRANSPORT_UDP, "198.51.100.4", 3478, NULL, NULL},
                                    {ICE_SERVER_STUN, ICE_TRANSPORT_UDP, "198.51.100.5", 3478, NULL, NULL}};
    static const uint8_t expected[3] = {4, 2, 5};
    struct sent sent;
    struct ice_server_statistics statistics;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, &(struct ice_agent_config){.servers = servers, .server_count = 5});
    scripted_gather(&peer);
    for (size_t i = 0; i < 3; i++) {
        assert_true(scripted_poll_request(&peer, &sent));
        assert_int_equal(sent.path.remote.ip[3], expected[i]);
        assert_int_equal(sent.message.method, expected[i] == 2 ? STUN_METHOD_ALLOCATE : STUN_METHOD_BINDING);
        assert_false(scripted_poll_request(&peer, &sent));
        peer.now_us += 50 * MS;
    }
    assert_true(ice_agent_server_statistics(peer.agent, 0, &statistics));
    assert_int_equal(statistics.state, ICE_SERVER_NOT_ASKED);
    assert_true(ice_agent_server_statistics(peer.agent, 4, &statistics));
    assert_int_equal(statistics.state, ICE_SERVER_ASKING);
    assert_false(ice_agent_server_statistics(peer.agent, 5, &statistics));
    scripted_close(&peer);
    /* RTCIceTransportPolicy "relay": nobody hears of us but TURN servers */
    scripted_open(&peer, ICE_ROLE_CONTROLLING, &(struct ice_agent_config){.servers = servers, .server_count = 5, .transport_policy = ICE_TRANSPORT_POLICY_RELAY});
    scripted_gather(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    assert_int_equal(sent.path.remote.ip[3], 2);
    peer.now_us += 100 * MS;
    assert_false(scripted_poll_request(&peer, &sent));
    assert_int_equal(ice_agent_local_candidate_count(peer.agent), 0);
    assert_true(ice_agent_server_statistics(peer.agent, 4, &statistics));
    assert_int_equal(statistics.state, ICE_SERVER_NOT_ASKED);
    scripted_close(&peer);
}

/* A send error towards a server ends the waiting for it, one RTO later: ICMP can be forged, and an answer that comes counts */
static void unreachable_server(void **state) {
    (void)state;
    struct ice_server servers[1] = {stun_server("198.51.100.250", 3478)};
    struct sent sent;
    struct ice_statistics statistics;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, &(struct ice_agent_config){.servers = servers, .server_count = 1});
    scripted_gather(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    ice_agent_handle_send_error(peer.agent, peer.now_us, &sent.path, 101);
    ice_agent_statistics(peer.agent, &statistics);
    assert_int_equal(statistics.gathering_state, ICE_GATHERING_GATHERING);
    peer.now_us += 500 * MS;
    ice_agent_handle_timeout(peer.agent, peer.now_us);
    ice_agent_statistics(peer.agent, &statistics);
    assert_int_equal(statistics.gathering_state, ICE_GATHERING_COMPLETE);
    scripted_close(&peer);
}

/* RFC 8445 section 5.1.1.4: addresses come and go */
static void interfaces_change(void **state) {
    (void)state;
    struct ice_server servers[1] = {stun_server("198.51.100.250", 3478)};
    two_agents_open(&net, 5, &(struct ice_agent_config){.servers = servers, .server_count = 1});
    net.servers[0] = ip("198.51.100.250", 3478);
    net.server_count = 1;
    net.delay_us = 10 * MS;
    two_agents_connect(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
    two_agents_run(&net, net.now_us + SECOND);
    struct ice_agent *agent = net.side[0].agent;
    struct ice_interface both[2] = {{.base = ip("192.0.2.1", 5000), .preference = 65535}, {.base = ip("192.0.2.2", 5000), .preference = 100}};
    assert_int_equal(ice_agent_handle_interfaces(agent, net.now_us, both, 2), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(net.side[0].candidate_count, 2); /* gathered, told */
    assert_int_equal(net.side[0].restarts, 0);
    two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_COMPLETE);
    assert_int_equal(ice_agent_pair_count(agent), 2);
    /* the selected one's interface vanishes */
    assert_int_equal(ice_agent_handle_interfaces(agent, net.now_us, &both[1], 1), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(net.side[0].restarts, 1);
    assert_int_equal(net.side[0].state, ICE_STATE_DISCONNECTED);
    struct ice_transmit out;
    uint8_t buffer[100];
    assert_int_equal(ice_agent_wrap_payload(agent, net.now_us, buffer, 10, sizeof buffer, &out), ICE_ERROR_STATE);
    /* the other one takes over */
    two_agents_run(&net, net.now_us + 100 * MS);
    assert_true(is_up(&net.side[0]));
    assert_true(stun_address_equal(&net.side[0].local.address, &both[1].base));
    /* none is left: nothing is sent; one comes back before consent has expired */
    assert_int_equal(ice_agent_handle_interfaces(agent, net.now_us, NULL, 0), ICE_OK);
    two_agents_drain(&net, 0);
    uint64_t sent = net.side[0].sent;
    two_agents_run(&net, net.now_us + 10 * SECOND);
    assert_int_equal(net.side[0].sent, sent);
    assert_int_equal(ice_agent_handle_interfaces(agent, net.now_us, both, 2), ICE_OK);
    two_agents_drain(&net, 0);
    two_agents_run(&net, net.now_us + 7 * SECOND);
    assert_true(is_up(&net.side[0]));
    /* for good: consent ends it */
    assert_int_equal(ice_agent_handle_interfaces(agent, net.now_us, NULL, 0), ICE_OK);
    two_agents_drain(&net, 0);
    two_agents_run(&net, net.now_us + 31 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_FAILED);
    assert_int_equal(net.side[0].failure, ICE_FAILURE_CONSENT_EXPIRED);
    two_agents_close(&net);
}

/* A vanished interface fails its pairs while checking; another one carries on */
static void interface_vanishes_while_checking(void **state) {
    (void)state;
    struct sent sent;
    struct ice_interface both[2] = {{.base = ip("192.0.2.1", 5000), .preference = 65535}, {.base = ip("192.0.2.2", 5000), .preference = 100}};
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    ice_agent_handle_interfaces(peer.agent, peer.now_us, both, 2);
    ice_agent_gather(peer.agent, peer.now_us);
    scripted_credentials(&peer);
    scripted_candidate(&peer, &peer.address, 2130706431, "1");
    assert_true(scripted_poll_request(&peer, &sent));
    assert_true(stun_address_equal(&sent.path.local, &both[0].base));
    /* the running check is cancelled by a triggered one, so that its late answer would count */
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, NULL), ICE_OK);
    ice_agent_handle_interfaces(peer.agent, peer.now_us, &both[1], 1);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_FAILED);
    scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_FAILED);
    for (unsigned i = 0; i < 20; i++) {
        peer.now_us += 50 * MS;
        ice_agent_handle_timeout(peer.agent, peer.now_us);
        while (scripted_poll_request(&peer, &sent))
            assert_true(stun_address_equal(&sent.path.local, &both[1].base));
    }
    scripted_close(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_only), cmocka_unit_test(server_reflexive), cmocka_unit_test(dead_server), cmocka_unit_test(pacing),
        cmocka_unit_test(five_milliseconds_for_all), cmocka_unit_test(forged_answers), cmocka_unit_test(useless_answers), cmocka_unit_test(names),
        cmocka_unit_test(refresh), cmocka_unit_test(limits), cmocka_unit_test(kinds_of_servers), cmocka_unit_test(unreachable_server),
        cmocka_unit_test(interfaces_change), cmocka_unit_test(interface_vanishes_while_checking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
