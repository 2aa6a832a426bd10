/* RFC 6544 sections 7 and 11: connections that are refused, break, are opened again; strangers; limits. */
#include "test_ice.h"

#include "ice/tcp_internal.h"
#include "tcp_calls.h"

/* ---- failing ------------------------------------------------------------------------------------------------------- */

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

/* ---- breaking ------------------------------------------------------------------------------------------------------ */

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

/* A simultaneous-open pair: both connect again, or one does and the other accepts it into the pair that it has */
static void broken_simultaneous_open(void **state) {
    (void)state;
    for (uint64_t late_us = 0; late_us <= 30 * MS; late_us += 5 * MS) {
        for (int controlling = 0; controlling < 2; controlling++) {
            tcp_agents_open(&net, late_us, controlling == 0 ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED,
                            controlling == 0 ? ICE_ROLE_CONTROLLED : ICE_ROLE_CONTROLLING, NULL);
            connect_by(ICE_TCP_SIMULTANEOUS_OPEN, ICE_TCP_SIMULTANEOUS_OPEN);
            assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
            tcp_agents_run(&net, net.now_us + SECOND);
            for (size_t i = 0; i < net.connection_count; i++)
                if (net.connections[i].end[0].state == END_OPEN)
                    tcp_agents_break_late(&net, i, 104, late_us);
            tcp_agents_run(&net, net.now_us + 150 * MS);
            exchange_data(10);
            assert_int_equal(tcp_agents_open_count(&net), 1);
            assert_int_equal(ice_agent_pair_count(net.side[0].agent), 1);
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

/* ---- strangers ----------------------------------------------------------------------------------------------------- */

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

/* ---- limits and memory --------------------------------------------------------------------------------------------- */

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

/* What the agent says is for connections that this network does not know. */
static void drop_all(struct ice_agent *agent) {
    uint8_t buffer[ICE_DATAGRAM_MAX_BYTES];
    struct ice_transmit out;
    struct ice_event event;
    while (ice_agent_poll_transmit(agent, net.now_us, buffer, sizeof buffer, &out)) {
    }
    while (ice_agent_poll_event(agent, &event)) {
    }
}

static struct ice_path connects_and_checks(uint16_t listening, uint16_t port, uint8_t *check, size_t length) {
    struct stun_address from = ip("203.0.113.5", port);
    struct ice_path path = {.transport = ICE_TRANSPORT_TCP, .local = ip("198.51.100.1", listening), .remote = from,
                            .stream_id = ICE_STREAM_ACCEPTED | ++net.next_accepted};
    assert_int_equal(ice_agent_handle_stream_opened(net.side[1].agent, net.now_us, &path), ICE_OK);
    assert_int_equal(ice_agent_handle_stream_bytes(net.side[1].agent, net.now_us, &path, check, length), ICE_OK);
    drop_all(net.side[1].agent);
    return path;
}

/* One address of the peer may connect to two of our sockets: when one connection ends, and its place is needed, the other pair stays whole */
static void shared_remote(void **state) {
    (void)state;
    uint8_t check[256];
    listen_only();
    tcp_agents_interface(&net, 1, ICE_TRANSPORT_TCP, 6001);
    struct ice_agent *agent = net.side[1].agent;
    size_t length = write_check(check, sizeof check, ice_agent_local_password(agent));
    struct ice_path first = connects_and_checks(6000, 7000, check, length);
    connects_and_checks(6001, 7000, check, length);
    assert_int_equal(agent->generations[agent->generation].remote_peer_reflexive_count, 1);
    assert_int_equal(ice_agent_handle_stream_closed(agent, net.now_us, &first, 0), ICE_OK);
    drop_all(agent);
    for (uint16_t i = 1; i <= ICE_REMOTE_PEER_REFLEXIVE_MAX; i++)
        connects_and_checks(6000, (uint16_t)(7000 + i), check, length);
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->locals[agent->pairs[i].local].base.port == 6001)
            assert_int_equal(agent->remotes[agent->pairs[i].remote].address.port, 7000);
    tcp_agents_close(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused), cmocka_unit_test(black_hole),
        cmocka_unit_test(failure_closes), cmocka_unit_test(broken_in_mid_call),
        cmocka_unit_test(broken_simultaneous_open), cmocka_unit_test(broken_many_times),
        cmocka_unit_test(broken_for_good), cmocka_unit_test(another_takes_over),
        cmocka_unit_test(broken_at_any_time), cmocka_unit_test(silent_stranger),
        cmocka_unit_test(many_strangers), cmocka_unit_test(accepted_where_nobody_listens),
        cmocka_unit_test(no_allocation_per_packet), cmocka_unit_test(short_memory),
        cmocka_unit_test(many_connections), cmocka_unit_test(shared_remote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
