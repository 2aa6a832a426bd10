#include "relay_agents.h"

#include "test_ice.h"

struct two_agents agents_net;

struct ice_server turn_server(enum ice_transport transport, const char *host) {
    return (struct ice_server){.kind = ICE_SERVER_TURN, .transport = transport, .host = host, .port = 3478,
                               .username = RELAY_DOUBLE_USERNAME, .credential = RELAY_DOUBLE_PASSWORD};
}

void open_with(uint64_t seed, const struct ice_server *servers, size_t count, enum ice_transport_policy policy) {
    two_agents_open(&agents_net, seed, &(struct ice_agent_config){.servers = servers, .server_count = count, .transport_policy = policy});
    agents_net.delay_us = 10 * MS;
}

struct relay_double *add_relay(const char *host) {
    struct stun_address address = ip(host, 3478);
    relay_double_open(&agents_net.relays[agents_net.relay_count], &address);
    return &agents_net.relays[agents_net.relay_count++];
}

const struct ice_candidate *find_type(const struct side *side, enum ice_candidate_type type) {
    for (size_t i = 0; i < side->candidate_count; i++)
        if (side->candidates[i].type == type)
            return &side->candidates[i];
    return NULL;
}

void wait_gathered(void) {
    while (agents_net.side[0].gathering != ICE_GATHERING_COMPLETE || agents_net.side[1].gathering != ICE_GATHERING_COMPLETE)
        assert_true(two_agents_step(&agents_net, agents_net.now_us + 10 * SECOND));
}

void connect_relayed(uint64_t seed, enum ice_transport transport) {
    const struct ice_server servers[1] = {turn_server(transport, "198.51.100.250")};
    open_with(seed, servers, 1, ICE_TRANSPORT_POLICY_RELAY);
    add_relay("198.51.100.250");
    two_agents_interfaces(&agents_net);
    two_agents_gather(&agents_net);
    wait_gathered();
    two_agents_signal(&agents_net);
    assert_true(two_agents_run_until_connected(&agents_net, agents_net.now_us + 10 * SECOND));
    two_agents_run(&agents_net, agents_net.now_us + SECOND);
}

void exchange(size_t length) {
    uint8_t bytes[1300];
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(0x80 + i % 64);
    for (int from = 0; from < 2; from++) {
        struct side *to = &agents_net.side[1 - from];
        size_t before = to->received_count;
        assert_int_equal(two_agents_send_payload(&agents_net, from, bytes, length), ICE_OK);
        two_agents_run(&agents_net, agents_net.now_us + 4 * agents_net.delay_us + 10 * MS);
        assert_int_equal(to->received_count, before + 1);
        assert_int_equal(to->received_length, length);
        assert_memory_equal(to->received, bytes, length);
        assert_true(ice_agent_is_path_valid(to->agent, &to->received_path));
    }
}

struct ice_server_statistics server_statistics(int side, size_t index) {
    struct ice_server_statistics statistics;
    assert_true(ice_agent_server_statistics(agents_net.side[side].agent, index, &statistics));
    return statistics;
}

void gather_with(const struct ice_server *servers, size_t count) {
    open_with(3, servers, count, ICE_TRANSPORT_POLICY_ALL);
    two_agents_interfaces(&agents_net);
}
