/* Streams of the virtual network: what they promise (everything, in order) and what they do not (in what pieces, when). */
#include "test_sim.h"

#include <errno.h>
#include <string.h>

#include "test/sim/stream.h"

#define BYTES 20000

struct end {
    struct sim_streams *streams;
    int stream, opened, closed, error;
    struct stun_address seen; /* whom the accepting end sees */
    uint8_t bytes[BYTES];
    size_t length, pieces, smallest;
    uint64_t opened_us;
    struct sim_network *network;
};

static void opened(void *context, int stream) {
    struct end *end = context;
    assert_int_equal(stream, end->stream);
    end->opened++;
    end->opened_us = sim_network_now(end->network);
}

static void received(void *context, int stream, const uint8_t *bytes, size_t length) {
    struct end *end = context;
    assert_int_equal(stream, end->stream);
    assert_true(length > 0 && length <= sizeof end->bytes - end->length);
    memcpy(end->bytes + end->length, bytes, length);
    end->length += length;
    end->pieces++;
}

static void closed(void *context, int stream, int error) {
    struct end *end = context;
    assert_int_equal(stream, end->stream);
    end->closed++;
    end->error = error;
}

static const struct sim_stream_callbacks callbacks = {opened, received, closed};

static void *accepted(void *context, int stream, const struct sim_path *path) {
    struct end *end = context;
    end->stream = stream;
    end->seen = path->remote;
    return end;
}

struct world {
    struct sim_network *network;
    struct sim_streams *streams;
    int client_interface, server_interface;
    struct stun_address server_address;
    struct end client, server;
};

static struct world world;

static void build(const struct nat_config *nat, const struct sim_link_config *link, uint16_t port) {
    memset(&world, 0, sizeof world);
    world.network = sim_network_new(9, 1000 * SECOND);
    world.streams = sim_streams_new(world.network);
    world.client.network = world.server.network = world.network;
    int realm = nat ? sim_network_add_nat(world.network, SIM_PUBLIC, "198.51.100.1", nat, NULL, NULL) : SIM_PUBLIC;
    world.client_interface = sim_network_add_interface(world.network, realm, nat ? "192.168.1.2" : "198.51.100.1", link, link);
    world.server_interface = sim_network_add_interface(world.network, SIM_PUBLIC, "203.0.113.1", NULL, NULL);
    world.server_address = *sim_network_interface_address(world.network, world.server_interface);
    world.server_address.port = port;
    assert_true(sim_stream_listen(world.streams, world.server_interface, port, &callbacks, accepted, &world.server) >= 0);
    assert_int_equal(sim_stream_listen(world.streams, world.server_interface, port, &callbacks, accepted, &world.server), -1);
    world.client.stream = sim_stream_connect(world.streams, world.client_interface, &world.server_address, &callbacks, &world.client);
}

static void end_world(void) {
    sim_network_free(world.network);
    sim_streams_free(world.streams);
}

static void run(uint64_t us) {
    sim_network_advance(world.network, sim_network_now(world.network) + us);
}

/* All bytes, in order, over a link that loses and jitters; in pieces that are not those of the sender. */
static void everything_arrives_in_order(void **state) {
    (void)state;
    build(&(struct nat_config){0}, &(struct sim_link_config){.loss = 0.2, .delay_us = 20 * MS, .jitter_us = 20 * MS, .reorder = 0.1, .reorder_delay_us = 30 * MS}, 443);
    run(5 * SECOND);
    assert_int_equal(world.client.opened, 1);
    assert_true(world.client.opened_us - 1000 * SECOND >= 40 * MS);
    assert_true(stun_address_equal_ip(&world.server.seen, nat_external(sim_network_nat(world.network, 1))));
    uint8_t sent[BYTES];
    for (size_t i = 0; i < BYTES; i++)
        sent[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < BYTES; i += 100) {
        sim_stream_send(world.streams, world.client.stream, sent + i, 100);
        sim_stream_send(world.streams, world.server.stream, sent + i, 100);
        run(5 * MS);
    }
    sim_stream_close(world.streams, world.client.stream);
    run(20 * SECOND);
    assert_int_equal(world.server.length, BYTES);
    assert_memory_equal(world.server.bytes, sent, BYTES);
    assert_int_equal(world.server.closed, 1);
    assert_int_equal(world.server.error, 0);
    assert_true(world.client.length <= BYTES);
    assert_memory_equal(world.client.bytes, sent, world.client.length);
    assert_true(world.server.pieces > 20 && world.server.pieces != BYTES / 100);
    assert_true(sim_stream_counters(world.streams).retransmissions > 0);
    end_world();
}

/* A network without UDP lets through port 443 only; the rest waits for an answer that does not come. */
static void without_udp_only_443(void **state) {
    (void)state;
    for (int is_443 = 0; is_443 < 2; is_443++) {
        build(&(struct nat_config){.blocks_udp = true}, NULL, is_443 ? 443 : 3478);
        run(130 * SECOND);
        assert_int_equal(world.client.opened, is_443);
        assert_int_equal(world.client.closed, !is_443);
        assert_int_equal(world.client.error, is_443 ? 0 : ETIMEDOUT);
        end_world();
    }
}

static void nobody_there(void **state) {
    (void)state;
    static const struct {
        const char *ip;
        int error;
    } cases[] = {{"203.0.113.1", ECONNREFUSED}, {"203.0.113.77", EHOSTUNREACH}, {"2001:db8::1", ENETUNREACH}, {"198.51.100.1", ECONNREFUSED}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        build(&(struct nat_config){0}, NULL, 443);
        struct end other = {.network = world.network};
        struct stun_address remote;
        assert_true(stun_address_parse_ip(cases[i].ip, strlen(cases[i].ip), &remote));
        remote.port = 444;
        other.stream = sim_stream_connect(world.streams, world.client_interface, &remote, &callbacks, &other);
        run(SECOND);
        assert_int_equal(other.closed, 1);
        assert_int_equal(other.error, cases[i].error);
        end_world();
    }
}

/* What is cut for a while comes later; what is cut for long ends both. */
static void interface_down(void **state) {
    (void)state;
    for (int is_long = 0; is_long < 2; is_long++) {
        build(NULL, NULL, 443);
        run(SECOND);
        sim_network_set_interface_up(world.network, world.client_interface, false);
        sim_stream_send(world.streams, world.server.stream, (const uint8_t *)"late", 4);
        run(is_long ? 20 * SECOND : 5 * SECOND);
        assert_int_equal(world.client.length, 0);
        sim_network_set_interface_up(world.network, world.client_interface, true);
        run(SECOND);
        assert_int_equal(world.client.length, is_long ? 0 : 4);
        assert_int_equal(world.client.error, is_long ? ETIMEDOUT : 0);
        assert_int_equal(world.server.error, is_long ? ETIMEDOUT : 0);
        end_world();
    }
}

static void broken(void **state) {
    (void)state;
    build(NULL, &(struct sim_link_config){.delay_us = 10 * MS}, 443);
    run(SECOND);
    sim_stream_send(world.streams, world.client.stream, (const uint8_t *)"lost", 4);
    sim_stream_break(world.streams, world.client.stream);
    run(SECOND);
    assert_int_equal(world.server.length, 0);
    assert_int_equal(world.client.error, ECONNRESET);
    assert_int_equal(world.server.error, ECONNRESET);
    assert_false(sim_stream_is_open(world.streams, world.server.stream));
    sim_stream_send(world.streams, world.client.stream, (const uint8_t *)"into the void", 13);
    run(SECOND);
    end_world();
}

/* Freed with connections half open and bytes on their way: LeakSanitizer is the judge. */
static void freed_in_flight(void **state) {
    (void)state;
    build(NULL, &(struct sim_link_config){.delay_us = 10 * MS}, 443);
    run(SECOND);
    sim_stream_send(world.streams, world.client.stream, (const uint8_t *)"on its way", 10);
    struct end other = {.network = world.network};
    other.stream = sim_stream_connect(world.streams, world.client_interface, &world.server_address, &callbacks, &other);
    end_world();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_arrives_in_order), cmocka_unit_test(without_udp_only_443), cmocka_unit_test(nobody_there),
        cmocka_unit_test(interface_down),              cmocka_unit_test(broken),               cmocka_unit_test(freed_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
