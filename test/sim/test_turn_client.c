/*
 * ice/turn_client against the strict TURN server of this room: whole lives of allocations in virtual time, from seeds, over a bad
 * network, over UDP and over streams. Whatever the client does that RFC 8656 and RFC 8489 do not allow is counted by the server, and
 * must not be.
 */
#include "test_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ice/turn_client.h"
#include "test/sim/sim.h"
#include "test/sim/turn_server.h"

#define PEERS 3
#define DATA_EVERY_US (500 * SIM_MILLISECOND_US)
#define SEEDS_IN_CHECK 12

/* The client as an endpoint. */
struct user {
    struct sim *sim;
    int endpoint, interface_;
    struct ice_turn_client *client;
    bool is_stream;
    struct stun_address peers[PEERS];
    bool was_allocated, was_closed;
    uint64_t allocated_us, failed_us, next_data_us;
    unsigned sent[PEERS], received[PEERS], permission_failures, damaged;
    uint16_t permission_code;
};

static struct ice_path ice_path_of(const struct user *user, const struct sim_path *path, uint64_t stream_id) {
    return (struct ice_path){user->is_stream ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_UDP, path->local, path->remote, stream_id};
}

static void handle_datagram(void *object, uint64_t now_us, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct user *user = object;
    struct ice_path ice_path = ice_path_of(user, path, 0);
    (void)ice_turn_client_handle_datagram(user->client, now_us, &ice_path, bytes, length);
}

static void handle_timeout(void *object, uint64_t now_us) {
    ice_turn_client_handle_timeout(((struct user *)object)->client, now_us);
}

static void handle_send_error(void *object, uint64_t now_us, const struct sim_path *path, int error) {
    struct user *user = object;
    struct ice_path ice_path = ice_path_of(user, path, 0);
    ice_turn_client_handle_send_error(user->client, now_us, &ice_path, error);
}

static void handle_stream_opened(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *path) {
    struct user *user = object;
    struct ice_path ice_path = ice_path_of(user, path, stream_id);
    (void)ice_turn_client_handle_stream_opened(user->client, now_us, &ice_path);
}

static void handle_stream_bytes(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *path, const uint8_t *bytes, size_t length) {
    struct user *user = object;
    struct ice_path ice_path = ice_path_of(user, path, stream_id);
    (void)ice_turn_client_handle_stream_bytes(user->client, now_us, &ice_path, bytes, length);
}

static void handle_stream_closed(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *path, int error) {
    struct user *user = object;
    struct ice_path ice_path = ice_path_of(user, path, stream_id);
    (void)ice_turn_client_handle_stream_closed(user->client, now_us, &ice_path, error);
}

static void give(const struct ice_transmit *transmit, struct sim_transmit *out) {
    *out = (struct sim_transmit){.path = {transmit->path.local, transmit->path.remote}, .offset = transmit->offset, .length = transmit->length,
                                 .stream_id = transmit->path.stream_id};
}

/* Numbered data of varying length to each peer in turn. */
static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sim_transmit *out) {
    struct user *user = object;
    struct ice_transmit transmit;
    if (ice_turn_client_poll_transmit(user->client, now_us, buffer, capacity, &transmit)) {
        give(&transmit, out);
        return true;
    }
    if (!user->was_allocated || user->failed_us > 0 || now_us < user->next_data_us)
        return false;
    unsigned turn = (unsigned)((now_us / DATA_EVERY_US) % PEERS);
    size_t length = 4 + user->sent[turn] % 7;
    memset(buffer + ICE_HEADROOM_BYTES, (int)turn, length);
    user->next_data_us = now_us + DATA_EVERY_US;
    if (ice_turn_client_wrap(user->client, now_us, &user->peers[turn], buffer + 0, length, capacity, &transmit) != ICE_OK)
        return false;
    user->sent[turn]++;
    give(&transmit, out);
    return true;
}

static void take_event(struct user *user, uint64_t now_us, const struct ice_turn_event *event) {
    switch (event->type) {
    case ICE_TURN_EVENT_ALLOCATED:
        user->was_allocated = true;
        user->allocated_us = user->next_data_us = now_us;
        break;
    case ICE_TURN_EVENT_PERMISSION_FAILED:
        user->permission_failures++;
        user->permission_code = event->as.permission.code;
        break;
    case ICE_TURN_EVENT_FAILED: user->failed_us = now_us; break;
    case ICE_TURN_EVENT_CLOSED: user->was_closed = true; break;
    case ICE_TURN_EVENT_OPEN_STREAM:
        sim_open_stream(user->sim, user->endpoint, user->interface_, event->as.stream.path.stream_id, &event->as.stream.path.remote);
        break;
    case ICE_TURN_EVENT_CLOSE_STREAM: sim_close_stream(user->sim, user->endpoint, event->as.stream.path.stream_id); break;
    }
}

static bool poll_upward(void *object, uint64_t now_us) {
    struct user *user = object;
    struct ice_turn_received received;
    struct ice_turn_event event;
    if (ice_turn_client_poll_received(user->client, &received)) {
        for (unsigned i = 0; i < PEERS; i++) {
            if (!stun_address_equal(&received.peer, &user->peers[i]))
                continue;
            user->received[i]++;
            for (size_t k = 0; k < received.length; k++)
                user->damaged += received.bytes[k] != i;
        }
        return true;
    }
    if (!ice_turn_client_poll_event(user->client, &event))
        return false;
    take_event(user, now_us, &event);
    return true;
}

static uint64_t next_timeout(const void *object) {
    const struct user *user = object;
    uint64_t next_us = ice_turn_client_next_timeout(user->client);
    return user->was_allocated && user->failed_us == 0 && user->next_data_us < next_us ? user->next_data_us : next_us;
}

static const struct sim_verbs verbs = {.handle_datagram = handle_datagram,
                                       .handle_timeout = handle_timeout,
                                       .handle_send_error = handle_send_error,
                                       .poll_transmit = poll_transmit,
                                       .poll_upward = poll_upward,
                                       .next_timeout = next_timeout,
                                       .handle_stream_opened = handle_stream_opened,
                                       .handle_stream_bytes = handle_stream_bytes,
                                       .handle_stream_closed = handle_stream_closed};

/* A peer that says back whatever it hears. */
struct echo {
    struct sim_network *network;
    int socket;
};

static void echo_received(void *context, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct echo *echo = context;
    sim_network_send(echo->network, echo->socket, &path->remote, bytes, length);
}

struct world {
    struct sim *sim;
    struct sim_turn_server *servers[2];
    struct echo echoes[PEERS];
    struct user user;
};

struct world_config {
    struct sim_turn_server_config server;
    struct sim_link_config link;
    bool is_stream, has_second_server, is_lazy_nat;
    const char *password;
    enum ice_turn_families families;
};

static struct stun_address address_of(const char *ip, uint16_t port) {
    struct stun_address address;
    assert_true(stun_address_parse_ip(ip, strlen(ip), &address));
    address.port = port;
    return address;
}

static void build(struct world *world, uint64_t seed, struct world_config config) {
    static const struct sim_socket_callbacks echoes = {.received = echo_received};
    static const char *const ips[2] = {"203.0.113.5", "203.0.113.6"};
    memset(world, 0, sizeof *world);
    world->sim = sim_new(seed);
    struct sim_network *network = sim_network_of(world->sim);
    config.server.udp_port = 3478;
    config.server.stream_port = 443;
    for (int i = 0; i < 1 + config.has_second_server; i++) {
        config.server.ipv4 = ips[i];
        config.server.ipv6 = i == 0 ? "2001:db8::5" : NULL;
        world->servers[i] = sim_turn_server_new(network, sim_streams_of(world->sim), &config.server);
        config.server.alternate = (struct stun_address){0};
    }
    for (int i = 0; i < PEERS; i++) {
        char ip[32];
        snprintf(ip, sizeof ip, "198.51.100.%d", 10 + i);
        int interface = sim_network_add_interface(network, SIM_PUBLIC, ip, NULL, NULL);
        world->echoes[i] = (struct echo){network, -1};
        world->echoes[i].socket = sim_network_bind(network, interface, 0, &echoes, &world->echoes[i]);
        world->user.peers[i] = *sim_network_local_address(network, world->echoes[i].socket);
    }
    struct nat_config nat = {.mapping = NAT_ADDRESS_AND_PORT_DEPENDENT, .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT, .timeout_us = config.is_lazy_nat ? 0 : 30 * SECOND};
    int home = sim_network_add_nat(network, SIM_PUBLIC, "198.51.100.1", &nat, NULL, NULL);
    struct user *user = &world->user;
    user->sim = world->sim;
    user->is_stream = config.is_stream;
    user->interface_ = sim_network_add_interface(network, home, "192.168.1.2", &config.link, &config.link);
    user->endpoint = sim_attach(world->sim, "client", &verbs, user);
    struct ice_turn_client_config client = {.path = {.transport = config.is_stream ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_UDP,
                                                     .local = *sim_network_interface_address(network, user->interface_),
                                                     .remote = address_of(ips[0], config.is_stream ? 443 : 3478),
                                                     .stream_id = config.is_stream ? 1 : 0},
                                            .username = "user", .credential = config.password ? config.password : "secret",
                                            .families = config.families, .random = sim_random_fill, .random_context = sim_random_of(world->sim)};
    if (!config.is_stream)
        client.path.local = *sim_bind(world->sim, user->endpoint, user->interface_, 0);
    user->client = ice_turn_client_new(&client, sim_now(world->sim));
    assert_non_null(user->client);
    sim_touch(world->sim, user->endpoint);
}

static void run_until(struct world *world, uint64_t since_start_us) {
    sim_set_deadline(world->sim, since_start_us);
    while (sim_step(world->sim)) {
    }
    sim_require(world->sim, sim_end(world->sim) != SIM_HUNG);
}

static struct ice_turn_status status_of(const struct world *world) {
    struct ice_turn_status status;
    ice_turn_client_status(world->user.client, &status);
    return status;
}

static void end(struct world *world) {
    ice_turn_client_free(world->user.client);
    sim_free(world->sim);
    sim_turn_server_free(world->servers[0]);
    sim_turn_server_free(world->servers[1]);
}

static void permit_all(struct world *world) {
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(ice_turn_client_permit(world->user.client, sim_now(world->sim), &world->user.peers[i]), ICE_OK);
    assert_int_equal(ice_turn_client_bind(world->user.client, sim_now(world->sim), &world->user.peers[0]), ICE_OK);
    sim_touch(world->sim, world->user.endpoint);
}

/* ---- lives ------------------------------------------------------------------------------------------------------------------------ */

/*
 * Half an hour: nonces go stale every 100 s, permissions live for 300 s, channels and the allocation for 600 s, and up to 15 % of
 * what is sent each way is lost. RFC 8656 sections 3.2, 8, 9 and 12; RFC 8489 section 9.2.
 */
static void half_an_hour_without_a_wrong(void **state) {
    (void)state;
    static struct world world;
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    struct sim_counters lossy = {0};
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        struct world_config config = {.server = {.nonce_us = 100 * SECOND, .security = seed & 1 ? SIM_TURN_SHA256 : SIM_TURN_MD5},
                                      .is_stream = seed % 4 >= 2, .families = seed % 3 == 0 ? ICE_TURN_BOTH : ICE_TURN_IPV4,
                                      .link = {.loss = 0.15, .delay_us = 20 * MS, .jitter_us = 20 * MS, .reorder = 0.05, .reorder_delay_us = 50 * MS, .duplicate = 0.03}};
        build(&world, seed, config);
        permit_all(&world);
        run_until(&world, 1800 * SECOND);
        struct ice_turn_status status = status_of(&world);
        if (status.state != ICE_TURN_ALLOCATED || sim_turn_server_wrongs(world.servers[0]) > 0)
            print_error("seed %llu: state %d, failure %s, code %u\n", (unsigned long long)seed, (int)status.state, ice_turn_failure_name(status.failure), status.code);
        sim_require(world.sim, status.state == ICE_TURN_ALLOCATED);
        sim_require(world.sim, status.uses_sha256 == (seed & 1));
        sim_turn_server_require_no_wrong(world.servers[0]);
        sim_require(world.sim, world.user.permission_failures == 0 && world.user.damaged == 0);
        for (int i = 0; i < PEERS; i++) {
            double expected = world.user.sent[i] * (config.is_stream ? 1.0 : 0.85 * 0.85);
            sim_require(world.sim, world.user.sent[i] > 1000 && world.user.received[i] > expected * 0.9);
        }
        const struct sim_turn_server_counters *counters = sim_turn_server_counters(world.servers[0]);
        sim_require(world.sim, counters->answers[438] > 0 && counters->channel_data_received > 0 && counters->send_received > 0);
        if (!config.is_stream)
            sim_counters_add(&lossy, &sim_network_interface_up_link(sim_network_of(world.sim), world.user.interface_)->counters);
        ice_turn_client_close(world.user.client, sim_now(world.sim));
        sim_touch(world.sim, world.user.endpoint);
        world.user.failed_us = sim_now(world.sim); /* no more data */
        run_until(&world, 1805 * SECOND);
        sim_require(world.sim, world.user.was_closed);
        sim_turn_server_require_no_wrong(world.servers[0]);
        end(&world);
    }
    if (lossy.sent > 1000)
        sim_require_bad_network(&lossy, &(struct sim_link_config){.loss = 0.15, .reorder = 0.05, .duplicate = 0.03}, seeds.first);
}

/* RFC 8656 section 7.3: what a refusal means, and that nobody asks on. */
static void refusals_are_understood(void **state) {
    (void)state;
    static struct world world;
    static const struct {
        struct world_config config;
        enum ice_turn_failure failure;
        uint16_t code;
    } cases[] = {
        {{.password = "wrong"}, ICE_TURN_FAILURE_CREDENTIALS, 401},
        {{.server = {.security = SIM_TURN_BID_DOWN}}, ICE_TURN_FAILURE_BID_DOWN, 401},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int is_stream = 0; is_stream < 2; is_stream++) {
            struct world_config config = cases[i].config;
            config.is_stream = is_stream;
            build(&world, 7 + i, config);
            run_until(&world, 60 * SECOND);
            struct ice_turn_status status = status_of(&world);
            assert_int_equal(status.state, ICE_TURN_FAILED);
            assert_int_equal(status.failure, cases[i].failure);
            assert_true(sim_turn_server_counters(world.servers[0])->requests[3] <= 3);
            end(&world);
        }
    }
}

static void forbidden_peers_and_redirection(void **state) {
    (void)state;
    static struct world world;
    for (int is_stream = 0; is_stream < 2; is_stream++) {
        struct world_config config = {.is_stream = is_stream, .has_second_server = true};
        config.server.alternate = address_of("203.0.113.6", is_stream ? 443 : 3478);
        config.server.forbidden_count = 1;
        config.server.forbidden[0] = address_of("198.51.100.12", 0);
        build(&world, 21, config);
        permit_all(&world);
        run_until(&world, 60 * SECOND);
        struct ice_turn_status status = status_of(&world);
        assert_int_equal(status.state, ICE_TURN_ALLOCATED);
        assert_true(stun_address_equal(&status.path.remote, &config.server.alternate));
        assert_int_equal(sim_turn_server_counters(world.servers[0])->answers[300], 1);
        assert_int_equal(sim_turn_server_allocation_count(world.servers[1]), 1);
        assert_int_equal(world.user.permission_code, 403);
        assert_int_equal(world.user.received[2], 0);
        assert_true(world.user.received[0] > 20 && world.user.received[1] > 20);
        sim_turn_server_require_no_wrong(world.servers[0]);
        sim_turn_server_require_no_wrong(world.servers[1]);
        end(&world);
    }
}

static void kill_server(struct sim *sim, void *context) {
    (void)sim;
    sim_turn_server_kill(context);
}

static void start_server(struct sim *sim, void *context) {
    (void)sim;
    sim_turn_server_start(context);
}

/*
 * RFC 8656 section 8.2 (437): the server was killed and started again. Over a stream the client hears of it at once; over UDP it hears
 * when it asks: by itself at the next refresh of anything, at once when the port was seen to be closed.
 */
static void a_restarted_server_is_noticed(void **state) {
    (void)state;
    static struct world world;
    for (int mode = 0; mode < 3; mode++) { /* UDP, UDP with ICMP, stream */
        build(&world, 31, (struct world_config){.is_stream = mode == 2});
        sim_network_set_icmp(sim_network_of(world.sim), mode == 1);
        permit_all(&world);
        sim_at(world.sim, SIM_START_US + 20 * SECOND, kill_server, world.servers[0], -1);
        sim_at(world.sim, SIM_START_US + 23 * SECOND, start_server, world.servers[0], -1);
        run_until(&world, 600 * SECOND);
        struct ice_turn_status status = status_of(&world);
        assert_int_equal(status.state, ICE_TURN_FAILED);
        assert_int_equal(status.failure, ICE_TURN_FAILURE_LOST);
        uint64_t noticed_us = world.user.failed_us - SIM_START_US - 20 * SECOND;
        print_message("    killed for 3 s, noticed after %llu ms (%s)\n", (unsigned long long)noticed_us / 1000,
                      mode == 0 ? "UDP" : mode == 1 ? "UDP with ICMP" : "stream");
        if (mode == 1)
            assert_true(noticed_us < 8 * SECOND);
        if (mode == 2)
            assert_true(noticed_us < SECOND);
        sim_turn_server_require_no_wrong(world.servers[0]);
        end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_an_hour_without_a_wrong),
        cmocka_unit_test(refusals_are_understood),
        cmocka_unit_test(forbidden_peers_and_redirection),
        cmocka_unit_test(a_restarted_server_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
