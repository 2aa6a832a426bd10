#include "test_ice.h"

static struct two_agents net;

static struct ice_server turn_server(enum ice_transport transport, const char *host) {
    return (struct ice_server){.kind = ICE_SERVER_TURN, .transport = transport, .host = host, .port = 3478,
                               .username = RELAY_DOUBLE_USERNAME, .credential = RELAY_DOUBLE_PASSWORD};
}

static void open_with(uint64_t seed, const struct ice_server *servers, size_t count, enum ice_transport_policy policy) {
    two_agents_open(&net, seed, &(struct ice_agent_config){.servers = servers, .server_count = count, .transport_policy = policy});
    net.delay_us = 10 * MS;
}

static struct relay_double *add_relay(const char *host) {
    struct stun_address address = ip(host, 3478);
    relay_double_open(&net.relays[net.relay_count], &address);
    return &net.relays[net.relay_count++];
}

static const struct ice_candidate *find_type(const struct side *side, enum ice_candidate_type type) {
    for (size_t i = 0; i < side->candidate_count; i++)
        if (side->candidates[i].type == type)
            return &side->candidates[i];
    return NULL;
}

static void wait_gathered(void) {
    while (net.side[0].gathering != ICE_GATHERING_COMPLETE || net.side[1].gathering != ICE_GATHERING_COMPLETE)
        assert_true(two_agents_step(&net, net.now_us + 10 * SECOND));
}

/* Both sides reach each other through their relays alone. */
static void connect_relayed(uint64_t seed, enum ice_transport transport) {
    const struct ice_server servers[1] = {turn_server(transport, "198.51.100.250")};
    open_with(seed, servers, 1, ICE_TRANSPORT_POLICY_RELAY);
    add_relay("198.51.100.250");
    two_agents_interfaces(&net);
    two_agents_gather(&net);
    wait_gathered();
    two_agents_signal(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 10 * SECOND));
    two_agents_run(&net, net.now_us + SECOND);
}

/* A payload goes from one side to the other, unchanged, by the path that the layers above believe in. */
static void exchange(size_t length) {
    uint8_t bytes[1300];
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(0x80 + i % 64);
    for (int from = 0; from < 2; from++) {
        struct side *to = &net.side[1 - from];
        size_t before = to->received_count;
        assert_int_equal(two_agents_send_payload(&net, from, bytes, length), ICE_OK);
        two_agents_run(&net, net.now_us + 4 * net.delay_us + 10 * MS);
        assert_int_equal(to->received_count, before + 1);
        assert_int_equal(to->received_length, length);
        assert_memory_equal(to->received, bytes, length);
        assert_true(ice_agent_is_path_valid(to->agent, &to->received_path));
    }
}

/* RFC 8445 section 5.1.1.2: one Allocate brings a relayed and a server-reflexive candidate; RFC 8839 section 5.1: raddr is the mapped address */
static void candidates(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    open_with(1, servers, 1, ICE_TRANSPORT_POLICY_ALL);
    struct relay_double *relay = add_relay("198.51.100.250");
    net.nat[0] = ip("203.0.113.1", 0);
    two_agents_interfaces(&net);
    two_agents_gather(&net);
    wait_gathered();
    const struct side *side = &net.side[0];
    assert_int_equal(side->candidate_count, 3);
    assert_int_equal(net.side[1].candidate_count, 2); /* no NAT: the mapped address is the host's */
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
    two_agents_run(&net, net.now_us + 16 * SECOND);
    assert_int_equal(relay->requests, 6);
    two_agents_close(&net);
}

/* RTCIceTransportPolicy "relay": one candidate, and not a word about where we are; and the call works */
static void relay_only(void **state) {
    (void)state;
    connect_relayed(1, ICE_TRANSPORT_UDP);
    static const struct stun_address hidden = {.family = STUN_ADDRESS_IPV4, .port = 9};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(net.side[i].candidate_count, 1);
        assert_int_equal(net.side[i].candidates[0].type, ICE_CANDIDATE_RELAYED);
        assert_true(stun_address_equal(&net.side[i].candidates[0].related, &hidden));
        assert_int_equal(net.side[i].local.type, ICE_CANDIDATE_RELAYED);
    }
    exchange(1);
    exchange(1200);
    /* RFC 8656 section 12: the selected pair has a channel */
    assert_int_equal(net.relays[0].channel_data_in, 4);
    assert_int_equal(net.relays[0].unpermitted, 0);
    two_agents_close(&net);
}

static void over_streams(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        connect_relayed(2, i == 0 ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_TLS);
        assert_int_equal(net.side[0].stream_count, 1);
        assert_int_equal(net.side[0].streams[0].transport, i == 0 ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_TLS);
        assert_string_equal(net.side[0].server_names[0], i == 0 ? "" : "198.51.100.250");
        for (size_t length = 1; length < 9; length++)
            exchange(length);
        two_agents_close(&net);
    }
}

static struct ice_server_statistics server_statistics(int side, size_t index) {
    struct ice_server_statistics statistics;
    assert_true(ice_agent_server_statistics(net.side[side].agent, index, &statistics));
    return statistics;
}

static void gather_with(const struct ice_server *servers, size_t count) {
    open_with(3, servers, count, ICE_TRANSPORT_POLICY_ALL);
    two_agents_interfaces(&net);
}

/* ---- loss ------------------------------------------------------------------------------------------------------------------------ */

static size_t signaled[2], restarts_seen;

/* What a call does: candidates are signaled as they come, and who needs a restart gets one. */
static void signal_like_a_call(void) {
    if (net.side[0].restarts + net.side[1].restarts > restarts_seen) {
        restarts_seen = net.side[0].restarts + net.side[1].restarts;
        two_agents_restart(&net);
        signaled[0] = net.side[0].candidate_count;
        signaled[1] = net.side[1].candidate_count;
    }
    for (int i = 0; i < 2; i++)
        for (; signaled[i] < net.side[i].candidate_count; signaled[i]++) {
            (void)ice_agent_add_remote_candidate(net.side[1 - i].agent, net.now_us, &net.side[i].candidates[signaled[i]]);
            two_agents_drain(&net, 1 - i);
        }
}

static void run_call(uint64_t duration_us) {
    static const uint8_t media[100] = {0x80};
    for (uint64_t end_us = net.now_us + duration_us; net.now_us < end_us;) {
        for (int i = 0; i < 2; i++)
            (void)two_agents_send_payload(&net, i, media, sizeof media);
        two_agents_run(&net, net.now_us + 20 * MS);
        signal_like_a_call();
    }
}

static void begin_call(uint64_t seed, enum ice_transport transport) {
    connect_relayed(seed, transport);
    restarts_seen = net.side[0].restarts + net.side[1].restarts;
    signaled[0] = net.side[0].candidate_count;
    signaled[1] = net.side[1].candidate_count;
}

/* How long after the server listens again does media flow both ways? */
static uint64_t recovery_us(uint64_t down_us) {
    two_agents_kill_relay(&net, 0);
    run_call(down_us);
    relay_double_restart(&net.relays[0]);
    uint64_t start_us = net.now_us;
    size_t before[2] = {net.side[0].received_count, net.side[1].received_count};
    while (net.side[0].received_count < before[0] + 5 || net.side[1].received_count < before[1] + 5) {
        run_call(20 * MS);
        assert_true(net.now_us < start_us + 60 * SECOND);
    }
    return net.now_us - start_us;
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
                assert_true(ice_agent_server_statistics(net.side[0].agent, 0, &statistics));
                assert_int_equal(statistics.relays_lost, 1);
                assert_int_equal(statistics.state, ICE_SERVER_ANSWERED);
                two_agents_close(&net);
            }
}

/* Every new allocation is a new candidate; those of lost ones make room for it (ICE_LOCAL_CANDIDATE_MAX) */
static void server_restarts_many_times(void **state) {
    (void)state;
    begin_call(1, ICE_TRANSPORT_UDP);
    for (size_t i = 0; i < 2 * ICE_LOCAL_CANDIDATE_MAX; i++)
        assert_true(recovery_us(100 * MS) < 10 * SECOND);
    assert_int_equal(net.side[0].agent->statistics.capacity_refused, 0);
    two_agents_close(&net);
}

/* The server dies for good, and its name has another address: the relay is made there */
static void another_address_takes_over(void **state) {
    (void)state;
    struct stun_address addresses[2] = {ip("198.51.100.250", 0), ip("198.51.100.251", 0)};
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_TCP, "turn.example")};
    open_with(20, servers, 1, ICE_TRANSPORT_POLICY_RELAY);
    add_relay("198.51.100.250");
    add_relay("198.51.100.251");
    two_agents_interfaces(&net);
    two_agents_gather(&net);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ice_agent_handle_resolved(net.side[i].agent, net.now_us, 1, addresses, 2), ICE_OK);
        two_agents_drain(&net, i);
    }
    wait_gathered();
    two_agents_signal(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 10 * SECOND));
    restarts_seen = net.side[0].restarts + net.side[1].restarts;
    signaled[0] = net.side[0].candidate_count;
    signaled[1] = net.side[1].candidate_count;
    assert_int_equal(relay_double_allocation_count(&net.relays[1]), 0);
    two_agents_kill_relay(&net, 0);
    run_call(5 * SECOND);
    assert_int_equal(relay_double_allocation_count(&net.relays[1]), 2);
    assert_true(is_up(&net.side[0]));
    two_agents_run(&net, net.now_us + SECOND / 2); /* what is under way arrives */
    exchange(500);
    assert_true(net.relays[1].channel_data_in > 0); /* bound anew */
    two_agents_close(&net);
}

/* A server that has forgotten one allocation of ours has forgotten all: the others are asked for at once, not when they are due */
static void all_of_one_server(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    const struct ice_interface both[2] = {{.base = ip("192.0.2.1", 5000), .preference = 65535}, {.base = ip("192.0.2.2", 5000), .preference = 100}};
    open_with(21, servers, 1, ICE_TRANSPORT_POLICY_RELAY);
    add_relay("198.51.100.250");
    two_agents_interfaces(&net);
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, both, 2), ICE_OK);
    net.side[0].bases[1] = both[1].base;
    net.side[0].base_count = 2;
    two_agents_gather(&net);
    wait_gathered();
    assert_int_equal(net.side[0].candidate_count, 2);
    two_agents_signal(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 10 * SECOND));
    assert_int_equal(relay_double_allocation_count(&net.relays[0]), 3);
    relay_double_restart(&net.relays[0]);
    two_agents_run(&net, net.now_us + 10 * SECOND);
    assert_int_equal(relay_double_allocation_count(&net.relays[0]), 3);
    assert_int_equal(server_statistics(0, 0).relays_lost, 2);
    two_agents_close(&net);
}

/* RFC 8445 section 9: a restart uses allocations again; whether they are still there is asked */
static void restart_asks_for_relays(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    gather_with(servers, 1);
    struct relay_double *relay = add_relay("198.51.100.250");
    two_agents_gather(&net);
    wait_gathered();
    two_agents_signal(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 10 * SECOND));
    assert_int_equal(net.side[0].local.type, ICE_CANDIDATE_HOST);
    relay_double_restart(relay);
    two_agents_run(&net, net.now_us + 10 * SECOND);
    assert_int_equal(relay_double_allocation_count(relay), 0); /* nobody needed it, nobody noticed */
    two_agents_restart(&net);
    two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(relay_double_allocation_count(relay), 2);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_COMPLETE);
    two_agents_close(&net);
}

/* What is asked for again is no part of gathering: nobody waits for its end */
static void retries_are_not_gathering(void **state) {
    (void)state;
    connect_relayed(22, ICE_TRANSPORT_TCP);
    two_agents_kill_relay(&net, 0);
    const struct ice_interface other = {.base = ip("192.0.2.2", 5000), .preference = 100};
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, &other, 1), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_COMPLETE);
    two_agents_close(&net);
}

/* ---- servers --------------------------------------------------------------------------------------------------------------------- */

/* UDP before TCP before TLS, whatever answers first; RFC 8445 section 5.1.1.3: each its foundation */
static void preferences(void **state) {
    (void)state;
    const struct ice_server servers[3] = {turn_server(ICE_TRANSPORT_TLS, "198.51.100.250"), turn_server(ICE_TRANSPORT_TCP, "198.51.100.250"),
                                          turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    gather_with(servers, 3);
    add_relay("198.51.100.250");
    two_agents_gather(&net);
    wait_gathered();
    const struct ice_candidate *by_transport[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < net.side[0].candidate_count; i++)
        if (net.side[0].candidates[i].type == ICE_CANDIDATE_RELAYED)
            by_transport[net.side[0].candidates[i].relay_transport] = &net.side[0].candidates[i];
    for (int i = 0; i < 3; i++) {
        assert_non_null(by_transport[i]);
        assert_int_equal(by_transport[i]->server, 3 - i);
        assert_int_equal(server_statistics(0, (size_t)(2 - i)).state, ICE_SERVER_ANSWERED);
    }
    assert_true(by_transport[0]->priority > by_transport[1]->priority && by_transport[1]->priority > by_transport[2]->priority);
    assert_string_not_equal(by_transport[0]->foundation, by_transport[1]->foundation);
    assert_string_not_equal(by_transport[1]->foundation, by_transport[2]->foundation);
    two_agents_close(&net);
}

/* A dead TURN server delays nobody, and the end of gathering only until the deadline; a restart asks it again */
static void dead_server(void **state) {
    (void)state;
    const struct ice_server servers[3] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.249"), turn_server(ICE_TRANSPORT_TCP, "198.51.100.249"),
                                          turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    gather_with(servers, 3);
    add_relay("198.51.100.250");
    add_relay("198.51.100.249");
    two_agents_kill_relay(&net, 1);
    uint64_t start_us = net.now_us;
    two_agents_gather(&net);
    while (find_type(&net.side[0], ICE_CANDIDATE_RELAYED) == NULL && two_agents_step(&net, start_us + 10 * SECOND)) {
    }
    assert_in_range(net.now_us - start_us, 1, 2 * 50 * MS + 4 * 10 * MS + 5 * MS); /* two turns, two round trips */
    two_agents_run(&net, start_us + 5 * SECOND - 1);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_GATHERING);
    assert_int_equal(server_statistics(0, 0).state, ICE_SERVER_ASKING);
    assert_int_equal(server_statistics(0, 1).state, ICE_SERVER_REFUSED);
    assert_int_equal(server_statistics(0, 1).error, 111);
    two_agents_run(&net, start_us + 5 * SECOND);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_COMPLETE);
    assert_int_equal(server_statistics(0, 0).state, ICE_SERVER_SILENT);
    assert_int_equal(server_statistics(0, 2).state, ICE_SERVER_ANSWERED);
    assert_int_equal(server_statistics(0, 2).round_trip_us, 20 * MS);
    /* nobody asks it behind our back */
    uint64_t sent = net.side[0].sent;
    two_agents_run(&net, net.now_us + 10 * SECOND);
    assert_int_equal(net.side[0].sent, sent);
    relay_double_restart(&net.relays[1]);
    two_agents_signal(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
    two_agents_restart(&net);
    two_agents_run(&net, net.now_us + 2 * SECOND);
    assert_int_equal(server_statistics(0, 0).state, ICE_SERVER_ANSWERED);
    assert_int_equal(server_statistics(0, 1).state, ICE_SERVER_ANSWERED);
    two_agents_close(&net);
}

/* What becomes of each server is said, with the words of the server */
static void refusals(void **state) {
    (void)state;
    struct ice_server servers[4] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250"), turn_server(ICE_TRANSPORT_UDP, "198.51.100.251"),
                                    turn_server(ICE_TRANSPORT_UDP, "nowhere.example"), turn_server(ICE_TRANSPORT_UDP, "2001:db8::250")};
    servers[0].credential = "wrong";
    gather_with(servers, 4);
    net.nat[0] = ip("203.0.113.1", 0);
    add_relay("198.51.100.250");
    add_relay("198.51.100.251")->refuse = STUN_CODE_ALLOCATION_QUOTA_REACHED;
    assert_int_equal(server_statistics(0, 0).state, ICE_SERVER_NEW);
    two_agents_gather(&net);
    assert_int_equal(server_statistics(0, 2).state, ICE_SERVER_RESOLVING);
    assert_int_equal(ice_agent_handle_resolved(net.side[0].agent, net.now_us, 3, NULL, 0), ICE_OK);
    two_agents_run(&net, net.now_us + SECOND);
    struct ice_server_statistics statistics = server_statistics(0, 0);
    assert_int_equal(statistics.state, ICE_SERVER_REFUSED);
    assert_int_equal(statistics.code, STUN_CODE_UNAUTHENTICATED);
    assert_string_equal(statistics.realm, RELAY_DOUBLE_REALM);
    assert_string_equal(ice_server_state_name(statistics.state), "refused");
    assert_int_equal(server_statistics(0, 1).state, ICE_SERVER_REFUSED);
    assert_int_equal(server_statistics(0, 1).code, STUN_CODE_ALLOCATION_QUOTA_REACHED);
    assert_int_equal(server_statistics(0, 2).state, ICE_SERVER_UNRESOLVED);
    assert_int_equal(server_statistics(0, 3).state, ICE_SERVER_NOT_ASKED); /* we have no IPv6 */
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_COMPLETE);
    /* who refuses to relay may still tell how it sees us */
    assert_non_null(find_type(&net.side[0], ICE_CANDIDATE_SERVER_REFLEXIVE));
    assert_null(find_type(&net.side[0], ICE_CANDIDATE_RELAYED));
    two_agents_close(&net);
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
        two_agents_gather(&net);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(ice_agent_handle_resolved(net.side[i].agent, net.now_us, 1, addresses, 5), ICE_OK);
            two_agents_drain(&net, i);
            if (transport == 0) {
                struct ice_path path = {.local = net.side[i].bases[0], .remote = addresses[0]};
                path.remote.port = 3478;
                ice_agent_handle_send_error(net.side[i].agent, net.now_us, &path, 111);
                two_agents_drain(&net, i);
            }
        }
        two_agents_run(&net, net.now_us + SECOND);
        assert_non_null(find_type(&net.side[0], ICE_CANDIDATE_RELAYED));
        assert_int_equal(server_statistics(0, 0).state, ICE_SERVER_ANSWERED);
        struct ice_server_statistics statistics = server_statistics(0, 0);
        assert_true(stun_address_equal(&statistics.address, &net.relays[0].address));
        if (transport == 1)
            assert_string_equal(net.side[0].server_names[2], "turn.example");
        two_agents_close(&net);
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
        first->alternate = net.relays[0].address;
        two_agents_gather(&net);
        wait_gathered();
        assert_non_null(find_type(&net.side[0], ICE_CANDIDATE_RELAYED));
        struct ice_server_statistics statistics = server_statistics(0, 0);
        assert_true(stun_address_equal(&statistics.address, &net.relays[0].address));
        two_agents_signal(&net);
        assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
        assert_int_equal(net.side[0].stream_count, transport == 0 ? 0 : 2);
        assert_int_equal(net.side[0].streams_closed, transport == 0 ? 0 : 1);
        two_agents_close(&net);
    }
}

/* Both families, so that peers of either can be reached (RFC 8656 section 7.1); the headers to an IPv6 peer are the longest */
static void both_families(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    open_with(4, servers, 1, ICE_TRANSPORT_POLICY_RELAY);
    struct relay_double *relay = add_relay("198.51.100.250");
    relay->relay_ip[1] = ip("2001:db8::250", 0);
    two_agents_interfaces(&net);
    two_agents_gather(&net);
    wait_gathered();
    assert_int_equal(net.side[0].candidate_count, 2);
    two_agents_signal(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
    two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].local.address.family, STUN_ADDRESS_IPV4); /* the family that the server is spoken to in ranks first */
    exchange(1200);
    two_agents_close(&net);
}

/* ---- permissions ------------------------------------------------------------------------------------------------------------------ */

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
    two_agents_interfaces(&net);
    two_agents_gather(&net);
    wait_gathered();
    net.tap = note_methods;
    method_count = 0;
    uint64_t start_us = net.now_us;
    two_agents_signal(&net);
    two_agents_run(&net, start_us + 10 * MS);
    assert_true(method_count >= 2);
    assert_int_equal(methods[0], STUN_METHOD_CREATE_PERMISSION);
    assert_int_equal(methods[1], STUN_METHOD_SEND);
    assert_true(two_agents_run_until_connected(&net, start_us + 5 * SECOND));
    /* check and answer, nomination and answer: each way three hops of 10 ms, and 5 ms of pacing now and then */
    assert_in_range(net.side[0].connected_us - start_us, 120 * MS, 140 * MS);
    assert_int_equal(relay->unpermitted, 0);
    two_agents_close(&net);
}

/* 403: the pair fails at once, with the code, and others carry on */
static void forbidden_peer(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    open_with(6, servers, 1, ICE_TRANSPORT_POLICY_ALL);
    struct relay_double *relay = add_relay("198.51.100.250");
    relay->forbidden = ip("198.51.100.1", 0); /* the second host itself; not its relay */
    two_agents_interfaces(&net);
    two_agents_gather(&net);
    wait_gathered();
    net.loss = 0;
    two_agents_exchange_credentials(&net);
    const struct ice_agent *agent = net.side[0].agent;
    for (size_t i = 0; i < net.side[1].candidate_count; i++)
        assert_int_equal(ice_agent_add_remote_candidate(net.side[0].agent, net.now_us, &net.side[1].candidates[i]), ICE_OK);
    two_agents_drain(&net, 0);
    two_agents_run(&net, net.now_us + 100 * MS);
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
    two_agents_close(&net);
}

/* 403 to the refresh of a permission, the selected pair going by it: the server is not asked again and again until consent ends */
static void forbidden_later(void **state) {
    (void)state;
    connect_relayed(6, ICE_TRANSPORT_UDP);
    struct relay_double *relay = &net.relays[0];
    relay->forbidden = relay->relay_ip[0];
    uint64_t until_us = net.now_us + 300 * SECOND;
    while (net.side[0].restarts == 0 && net.now_us < until_us)
        two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].restart_reason, ICE_RESTART_RELAY_LOST);
    uint64_t requests = relay->requests;
    two_agents_run(&net, net.now_us + 20 * SECOND);
    assert_in_range(relay->requests - requests, 0, 50); /* doubts (a Refresh every 2 s of each side); not one each round trip */
    two_agents_close(&net);
}

/* The server forgets us and gives the same address again: it has no permissions, so they are asked for again, of pairs that were failed too */
static void same_address_again(void **state) {
    (void)state;
    connect_relayed(16, ICE_TRANSPORT_UDP);
    struct relay_double *relay = &net.relays[0];
    struct ice_candidate dead = {.foundation = "dead", .component = 1, .priority = 1000, .address = ip("203.0.113.77", 7777), .type = ICE_CANDIDATE_HOST};
    struct stun_address relayed = net.side[0].local.address;
    const struct ice_agent *agent = net.side[0].agent;
    /* In the list before anything is selected: a restart begins a new one. */
    assert_int_equal(ice_agent_restart(net.side[0].agent, net.now_us), ICE_OK);
    assert_int_equal(ice_agent_set_remote_credentials(net.side[0].agent, net.now_us, "nobody", 6, "nobodynobodynobodynobody", 24), ICE_OK);
    assert_int_equal(ice_agent_add_remote_candidate(net.side[0].agent, net.now_us, &dead), ICE_OK);
    two_agents_drain(&net, 0);
    struct ice_pair *pair = NULL;
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation == agent->generation)
            pair = &net.side[0].agent->pairs[i];
    assert_non_null(pair);
    pair->checks = ICE_PAIR_CHECK_MAX - 1; /* or it would be tried again at once */
    for (uint64_t until_us = net.now_us + 10 * SECOND; pair->state != ICE_PAIR_FAILED && net.now_us < until_us;)
        two_agents_step(&net, until_us);
    assert_int_equal(pair->state, ICE_PAIR_FAILED);
    two_agents_kill_relay(&net, 0);
    relay_double_restart(relay);
    relay->next_port = relayed.port;
    ice_turn_client_refresh(agent->relays[0].client, net.now_us);
    two_agents_drain(&net, 0);
    two_agents_run(&net, net.now_us + 3 * SECOND);
    assert_true(stun_address_equal(&agent->relays[0].relayed[0], &relayed));
    bool is_permitted = false;
    for (size_t i = 0; i < RELAY_DOUBLE_ALLOCATION_MAX; i++)
        for (size_t j = 0; relay->allocations[i].in_use && j < relay->allocations[i].permitted_count; j++)
            is_permitted = is_permitted || stun_address_equal_ip(&relay->allocations[i].permitted[j], &dead.address);
    assert_true(is_permitted);
    two_agents_close(&net);
}

/* ---- the end, and interfaces --------------------------------------------------------------------------------------------------------- */

/* RFC 8656 section 8: what is no longer used is given back; over UDP and over streams; nothing else is sent */
static void polite_end(void **state) {
    (void)state;
    for (int transport = 0; transport < 2; transport++) {
        connect_relayed(7, transport == 0 ? ICE_TRANSPORT_UDP : ICE_TRANSPORT_TCP);
        assert_int_equal(relay_double_allocation_count(&net.relays[0]), 2);
        for (int i = 0; i < 2; i++) {
            ice_agent_close(net.side[i].agent, net.now_us);
            uint64_t sent = net.side[i].sent;
            two_agents_drain(&net, i);
            assert_int_equal(net.side[i].sent, sent + 1);
            assert_int_equal(net.side[i].state, ICE_STATE_CLOSED);
            ice_agent_close(net.side[i].agent, net.now_us);
            assert_int_equal(two_agents_send_payload(&net, i, (const uint8_t *)"x", 1), ICE_ERROR_STATE);
        }
        two_agents_run(&net, net.now_us + 5 * SECOND);
        assert_int_equal(relay_double_allocation_count(&net.relays[0]), 0);
        assert_int_equal(net.relays[0].deleted, 2);
        assert_int_equal(net.side[0].streams_closed, transport);
        assert_true(ice_agent_next_timeout(net.side[0].agent) == UINT64_MAX);
        two_agents_close(&net);
    }
}

/* A closed agent whose server is silent waits a second for it */
static void end_without_an_answer(void **state) {
    (void)state;
    connect_relayed(8, ICE_TRANSPORT_UDP);
    two_agents_kill_relay(&net, 0);
    uint64_t start_us = net.now_us;
    ice_agent_close(net.side[0].agent, net.now_us);
    two_agents_drain(&net, 0);
    ice_agent_close(net.side[1].agent, net.now_us);
    two_agents_drain(&net, 1);
    while (ice_agent_next_timeout(net.side[0].agent) != UINT64_MAX)
        two_agents_step(&net, net.now_us + 10 * SECOND);
    assert_in_range(net.now_us - start_us, SECOND / 2, 2 * SECOND);
    two_agents_close(&net);
}

/* The interface of a relay goes and comes back: the allocation is still there, and is used again */
static void interface_returns(void **state) {
    (void)state;
    connect_relayed(9, ICE_TRANSPORT_UDP);
    const struct ice_interface interface = {.base = net.side[0].bases[0], .preference = 65535};
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, NULL, 0), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(net.side[0].restarts, 1);
    assert_int_equal(two_agents_send_payload(&net, 0, (const uint8_t *)"x", 1), ICE_ERROR_STATE);
    uint64_t sent = net.side[0].sent;
    two_agents_run(&net, net.now_us + 3 * SECOND);
    assert_int_equal(net.side[0].sent, sent);
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, &interface, 1), ICE_OK);
    two_agents_drain(&net, 0);
    two_agents_run(&net, net.now_us + 8 * SECOND);
    assert_true(is_up(&net.side[0]));
    exchange(100);
    assert_int_equal(net.relays[0].allocated, 2);
    assert_true(net.relays[0].refreshed > 0); /* the server was asked */
    two_agents_close(&net);
}

/* What is left over on the server from before an outage that was longer than our patience is deleted, and asked for anew */
static void leftover(void **state) {
    (void)state;
    const struct ice_server servers[1] = {turn_server(ICE_TRANSPORT_UDP, "198.51.100.250")};
    connect_relayed(10, ICE_TRANSPORT_UDP);
    struct relay_double_allocation allocations[RELAY_DOUBLE_ALLOCATION_MAX];
    memcpy(allocations, net.relays[0].allocations, sizeof allocations);
    two_agents_close(&net);
    open_with(11, servers, 1, ICE_TRANSPORT_POLICY_RELAY); /* a new agent on the same port */
    add_relay("198.51.100.250");
    memcpy(net.relays[0].allocations, allocations, sizeof allocations);
    net.relays[0].next_port = 51000;
    two_agents_interfaces(&net);
    two_agents_gather(&net);
    wait_gathered();
    assert_int_equal(net.relays[0].deleted, 2);
    assert_non_null(find_type(&net.side[0], ICE_CANDIDATE_RELAYED));
    two_agents_close(&net);
}

/* ---- limits ------------------------------------------------------------------------------------------------------------------------ */

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
    struct side *side = &net.side[0];
    struct ice_path path = {.local = side->bases[0], .remote = net.relays[0].address}, other = path;
    struct relay_double_output out;
    uint8_t data[40] = {0x90};
    other.remote.port++;
    assert_true(relay_double_handle_peer(&net.relays[0], &side->local.address, &side->remote.address, data, sizeof data, &out));
    size_t received = side->received_count;
    for (size_t length = 0; length < out.length; length++) {
        uint8_t *cut = malloc(length + 1);
        memcpy(cut, out.bytes, length);
        assert_true(ice_agent_handle_datagram(side->agent, net.now_us, &path, cut, length) != ICE_OK);
        two_agents_drain(&net, 0);
        free(cut);
    }
    assert_int_equal(ice_agent_handle_datagram(side->agent, net.now_us, &other, out.bytes, out.length), ICE_ERROR_MALFORMED);
    two_agents_drain(&net, 0);
    assert_int_equal(side->received_count, received);
    assert_int_equal(ice_agent_handle_datagram(side->agent, net.now_us, &path, out.bytes, out.length), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(side->received_count, received + 1);
    two_agents_close(&net);
}

/* One read of a stream brings many messages, the last of them cut: checks are answered at once, data comes out one by one */
static void many_in_one_read(void **state) {
    (void)state;
    connect_relayed(13, ICE_TRANSPORT_TCP);
    struct side *side = &net.side[0];
    uint8_t chunk[8 * RELAY_DOUBLE_BYTES], data[50] = {0x90};
    size_t length = 0, received = side->received_count;
    for (size_t i = 0; i < 8; i++) {
        struct relay_double_output out;
        data[1] = (uint8_t)i;
        assert_true(relay_double_handle_peer(&net.relays[0], &side->local.address, &side->remote.address, data, 43 + i, &out));
        memcpy(chunk + length, out.bytes, out.length);
        length += out.length;
    }
    assert_int_equal(ice_agent_handle_stream_bytes(side->agent, net.now_us, &side->streams[0], chunk, length - 20), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(side->received_count, received + 7);
    assert_int_equal(ice_agent_handle_stream_bytes(side->agent, net.now_us, &side->streams[0], chunk + length - 20, 20), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(side->received_count, received + 8);
    assert_int_equal(side->received[1], 7);
    assert_int_equal(side->received_length, 50);
    two_agents_close(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates), cmocka_unit_test(relay_only), cmocka_unit_test(over_streams), cmocka_unit_test(server_restarts),
        cmocka_unit_test(server_restarts_many_times),
        cmocka_unit_test(another_address_takes_over), cmocka_unit_test(all_of_one_server), cmocka_unit_test(retries_are_not_gathering),
        cmocka_unit_test(restart_asks_for_relays),
        cmocka_unit_test(preferences), cmocka_unit_test(dead_server), cmocka_unit_test(refusals), cmocka_unit_test(next_address),
        cmocka_unit_test(redirected), cmocka_unit_test(both_families), cmocka_unit_test(permission_first), cmocka_unit_test(forbidden_peer),
        cmocka_unit_test(forbidden_later), cmocka_unit_test(same_address_again),
        cmocka_unit_test(polite_end), cmocka_unit_test(end_without_an_answer), cmocka_unit_test(interface_returns), cmocka_unit_test(leftover),
        cmocka_unit_test(limits), cmocka_unit_test(budget), cmocka_unit_test(broken_input), cmocka_unit_test(many_in_one_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
