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
                if (getenv("VERBOSE"))
                    printf("transport %d down %2llu s seed %llu: %.2f s\n", transport, (unsigned long long)(down_us[i] / SECOND), (unsigned long long)seed, (double)took_us / 1e6);
                assert_true(took_us < 10 * SECOND);
                struct ice_server_statistics statistics;
                assert_true(ice_agent_server_statistics(net.side[0].agent, 0, &statistics));
                assert_int_equal(statistics.relays_lost, 1);
                assert_int_equal(statistics.state, ICE_SERVER_ANSWERED);
                two_agents_close(&net);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates), cmocka_unit_test(relay_only), cmocka_unit_test(over_streams), cmocka_unit_test(server_restarts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
