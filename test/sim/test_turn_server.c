/*
 * The TURN server of the virtual network, asked by a client of a few lines that writes its messages with stun/: two readings of
 * RFC 8489 and RFC 8656 that must agree. Every wrong that the server can count is committed here once.
 */
#include "test_sim.h"

#include <errno.h>
#include <string.h>

#include "stun/integrity.h"
#include "test/sim/turn_server.h"

#define SERVER "203.0.113.5"
#define SERVER6 "2001:db8::5"

struct world {
    struct sim_network *network;
    struct sim_streams *streams;
    struct sim_turn_server *server;
};

struct client {
    struct world *world;
    int socket, stream; /* one of them is -1 */
    struct stun_address server;
    uint8_t id[12];
    char realm[64], nonce[128];
    size_t nonce_length;
    bool uses_sha256, is_open, is_closed;
    const char *password;
    uint8_t in[4096];
    size_t in_length, in_pieces;
    uint8_t last[2048]; /* the request that was sent last, to send again */
    size_t last_length;
};

/* A peer that keeps what it hears. */
struct peer {
    int socket;
    struct sim_path path;
    uint8_t bytes[2048];
    size_t length, heard;
};

static struct world make_world(struct sim_turn_server_config config) {
    struct world world;
    world.network = sim_network_new(5, 1000 * SECOND);
    world.streams = sim_streams_new(world.network);
    config.ipv4 = config.ipv4 ? config.ipv4 : SERVER;
    config.udp_port = 3478;
    config.stream_port = 443;
    world.server = sim_turn_server_new(world.network, world.streams, &config);
    return world;
}

static void end_world(struct world *world) {
    sim_network_free(world->network);
    sim_streams_free(world->streams);
    sim_turn_server_free(world->server);
}

static void run(struct world *world, uint64_t us) {
    sim_network_advance(world->network, sim_network_now(world->network) + us);
}

static void client_received(void *context, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct client *client = context;
    (void)path;
    assert_true(length <= sizeof client->in);
    memcpy(client->in, bytes, length);
    client->in_length = length;
    client->in_pieces++;
}

static void stream_opened(void *context, int stream) {
    struct client *client = context;
    (void)stream;
    client->is_open = true;
}

static void stream_received(void *context, int stream, const uint8_t *bytes, size_t length) {
    struct client *client = context;
    (void)stream;
    assert_true(length <= sizeof client->in - client->in_length);
    memcpy(client->in + client->in_length, bytes, length);
    client->in_length += length;
    client->in_pieces++;
}

static void stream_closed(void *context, int stream, int error) {
    struct client *client = context;
    (void)stream;
    assert_int_equal(error, ECONNRESET);
    client->is_closed = true;
}

static void make_client(struct world *world, struct client *client, const char *ip, bool by_stream) {
    static const struct sim_socket_callbacks callbacks = {.received = client_received};
    static const struct sim_stream_callbacks stream_callbacks = {stream_opened, stream_received, stream_closed};
    *client = (struct client){.world = world, .socket = -1, .stream = -1, .password = "secret"};
    const char *server = strchr(ip, ':') ? SERVER6 : SERVER;
    assert_true(stun_address_parse_ip(server, strlen(server), &client->server));
    client->server.port = by_stream ? 443 : 3478;
    int interface = sim_network_add_interface(world->network, SIM_PUBLIC, ip, NULL, NULL);
    if (by_stream) {
        client->stream = sim_stream_connect(world->streams, interface, &client->server, &stream_callbacks, client);
        run(world, MS);
        assert_true(client->is_open);
    } else {
        client->socket = sim_network_bind(world->network, interface, 0, &callbacks, client);
    }
}

static void send_bytes(struct client *client, const uint8_t *bytes, size_t length) {
    client->in_length = client->in_pieces = 0;
    if (client->stream >= 0)
        sim_stream_send(client->world->streams, client->stream, bytes, length);
    else
        sim_network_send(client->world->network, client->socket, &client->server, bytes, length);
    run(client->world, 100 * MS);
}

static void begin(struct client *client, struct stun_writer *writer, uint8_t *buffer, enum stun_class class_, uint16_t method) {
    client->id[0]++;
    if (client->id[0] == 0)
        client->id[1]++;
    stun_writer_begin(writer, buffer, 2048, class_, method, client->id);
}

static struct stun_key *key_of(const struct client *client) {
    return stun_key_new_long_term(client->uses_sha256 ? STUN_PASSWORD_SHA256 : STUN_PASSWORD_MD5, (const uint8_t *)"user", 4,
                                  (const uint8_t *)client->realm, strlen(client->realm), (const uint8_t *)client->password, strlen(client->password));
}

/* Signs as the last answer of the server asked for, sends, and reads the answer. Returns its error code, 0 for a success, -1 for none. */
static int finish_with(struct client *client, struct stun_writer *writer, struct stun_message *answer, bool is_signed) {
    static const uint8_t list[] = {0, 2, 0, 0, 0, 1, 0, 0}, choice[] = {0, 2, 0, 0};
    struct stun_key *key = key_of(client);
    if (is_signed) {
        stun_writer_add_bytes(writer, STUN_ATTRIBUTE_USERNAME, (const uint8_t *)"user", 4);
        stun_writer_add_bytes(writer, STUN_ATTRIBUTE_REALM, (const uint8_t *)client->realm, strlen(client->realm));
        stun_writer_add_bytes(writer, STUN_ATTRIBUTE_NONCE, (const uint8_t *)client->nonce, client->nonce_length);
        if (client->uses_sha256) {
            stun_writer_add_bytes(writer, STUN_ATTRIBUTE_PASSWORD_ALGORITHMS, list, sizeof list);
            stun_writer_add_bytes(writer, STUN_ATTRIBUTE_PASSWORD_ALGORITHM, choice, sizeof choice);
            stun_writer_add_integrity_sha256(writer, key);
        } else {
            stun_writer_add_integrity(writer, key);
        }
    }
    stun_writer_add_fingerprint(writer);
    int length = stun_writer_finish(writer);
    assert_true(length > 0 && (size_t)length <= sizeof client->last);
    memcpy(client->last, writer->bytes, (size_t)length);
    client->last_length = (size_t)length;
    send_bytes(client, writer->bytes, (size_t)length);
    int result = -1;
    if (client->in_length > 0) {
        assert_int_equal(stun_message_parse(client->in, client->in_length, answer), STUN_OK);
        assert_memory_equal(answer->transaction_id, writer->bytes + 8, 12);
        assert_int_equal(stun_message_check_fingerprint(answer), STUN_OK);
        uint16_t code = 0;
        const uint8_t *reason;
        size_t reason_length;
        if (answer->class_ == STUN_CLASS_ERROR_RESPONSE)
            assert_int_equal(stun_message_read_error_code(answer, &code, &reason, &reason_length), STUN_OK);
        if (is_signed && code != 401 && code != 438 && code != 400)
            assert_int_equal(client->uses_sha256 ? stun_message_check_integrity_sha256(answer, key) : stun_message_check_integrity(answer, key), STUN_OK);
        result = code;
    }
    stun_key_free(key);
    return result;
}

static int finish(struct client *client, struct stun_writer *writer, struct stun_message *answer) {
    return finish_with(client, writer, answer, true);
}

static void learn_nonce(struct client *client, const struct stun_message *answer) {
    const uint8_t *value;
    size_t length;
    assert_int_equal(stun_message_read_bytes(answer, STUN_ATTRIBUTE_REALM, &value, &length), STUN_OK);
    assert_true(length < sizeof client->realm);
    memcpy(client->realm, value, length);
    assert_int_equal(stun_message_read_bytes(answer, STUN_ATTRIBUTE_NONCE, &value, &length), STUN_OK);
    assert_true(length < sizeof client->nonce);
    memcpy(client->nonce, value, length);
    client->nonce_length = length;
    uint32_t features = 0;
    bool promises = stun_nonce_security_features(value, length, &features) && features & STUN_SECURITY_FEATURE_PASSWORD_ALGORITHMS;
    client->uses_sha256 = promises && stun_message_read_bytes(answer, STUN_ATTRIBUTE_PASSWORD_ALGORITHMS, &value, &length) == STUN_OK;
}

static void begin_allocate(struct client *client, struct stun_writer *writer, uint8_t *buffer) {
    begin(client, writer, buffer, STUN_CLASS_REQUEST, STUN_METHOD_ALLOCATE);
    stun_writer_add_u32(writer, STUN_ATTRIBUTE_REQUESTED_TRANSPORT, 17u << 24);
}

static void ask_for_nonce(struct client *client) {
    uint8_t buffer[2048];
    struct stun_writer writer;
    struct stun_message answer;
    begin_allocate(client, &writer, buffer);
    assert_int_equal(finish_with(client, &writer, &answer, false), 401);
    learn_nonce(client, &answer);
}

static int allocate_with(struct client *client, uint16_t type, uint32_t value, struct stun_message *answer) {
    static uint8_t buffer[2048];
    struct stun_writer writer;
    begin_allocate(client, &writer, buffer);
    if (type != 0)
        stun_writer_add_u32(&writer, type, value);
    return finish(client, &writer, answer);
}

/* An allocation; returns its relayed address. */
static struct stun_address allocate(struct client *client) {
    struct stun_message answer;
    struct stun_address relayed, mapped;
    uint32_t lifetime;
    ask_for_nonce(client);
    assert_int_equal(allocate_with(client, 0, 0, &answer), 0);
    assert_int_equal(stun_message_read_xor_address(&answer, STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, &relayed), STUN_OK);
    assert_int_equal(stun_message_read_xor_address(&answer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &mapped), STUN_OK);
    assert_int_equal(stun_message_read_u32(&answer, STUN_ATTRIBUTE_LIFETIME, &lifetime), STUN_OK);
    assert_int_equal(lifetime, 600);
    if (client->socket >= 0)
        assert_true(stun_address_equal(&mapped, sim_network_local_address(client->world->network, client->socket)));
    return relayed;
}

static int refresh(struct client *client, uint32_t seconds) {
    uint8_t buffer[2048];
    struct stun_writer writer;
    struct stun_message answer;
    begin(client, &writer, buffer, STUN_CLASS_REQUEST, STUN_METHOD_REFRESH);
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_LIFETIME, seconds);
    int code = finish(client, &writer, &answer);
    if (code == 438)
        learn_nonce(client, &answer);
    return code;
}

static int permit(struct client *client, const struct stun_address *peer) {
    uint8_t buffer[2048];
    struct stun_writer writer;
    struct stun_message answer;
    begin(client, &writer, buffer, STUN_CLASS_REQUEST, STUN_METHOD_CREATE_PERMISSION);
    if (peer)
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, peer);
    return finish(client, &writer, &answer);
}

static int bind_channel(struct client *client, uint16_t number, const struct stun_address *peer) {
    uint8_t buffer[2048];
    struct stun_writer writer;
    struct stun_message answer;
    begin(client, &writer, buffer, STUN_CLASS_REQUEST, STUN_METHOD_CHANNEL_BIND);
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_CHANNEL_NUMBER, (uint32_t)number << 16);
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, peer);
    return finish(client, &writer, &answer);
}

static void send_indication(struct client *client, const struct stun_address *peer, const char *data) {
    uint8_t buffer[2048];
    struct stun_writer writer;
    begin(client, &writer, buffer, STUN_CLASS_INDICATION, STUN_METHOD_SEND);
    if (peer)
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, peer);
    if (data)
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, (const uint8_t *)data, strlen(data));
    send_bytes(client, buffer, (size_t)stun_writer_finish(&writer));
}

static void send_channel(struct client *client, uint16_t number, const char *data) {
    uint8_t frame[64] = {(uint8_t)(number >> 8), (uint8_t)number, 0, (uint8_t)strlen(data)};
    memcpy(frame + 4, data, strlen(data));
    send_bytes(client, frame, 4 + (client->stream >= 0 ? (strlen(data) + 3) / 4 * 4 : strlen(data)));
}

static void peer_received(void *context, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct peer *peer = context;
    peer->path = *path;
    memcpy(peer->bytes, bytes, length);
    peer->length = length;
    peer->heard++;
}

static struct stun_address make_peer(struct world *world, struct peer *peer, const char *ip) {
    static const struct sim_socket_callbacks callbacks = {.received = peer_received};
    *peer = (struct peer){0};
    peer->socket = sim_network_bind(world->network, sim_network_add_interface(world->network, SIM_PUBLIC, ip, NULL, NULL), 0, &callbacks, peer);
    return *sim_network_local_address(world->network, peer->socket);
}

static uint64_t wrong(const struct world *world, enum sim_turn_wrong which) {
    const struct sim_turn_server_counters *counters = sim_turn_server_counters(world->server);
    assert_int_equal(sim_turn_server_wrongs(world->server), counters->wrongs[which]);
    return counters->wrongs[which];
}

/* ---- what works --------------------------------------------------------------------------------------------------------------- */

/* RFC 8656 sections 7, 9, 11 and 12, over UDP and over a stream; with MD5 and with SHA-256 (RFC 8489 section 9.2). */
static void data_flows_both_ways(void **state) {
    (void)state;
    for (int mode = 0; mode < 4; mode++) {
        struct world world = make_world((struct sim_turn_server_config){.security = mode & 1 ? SIM_TURN_SHA256 : SIM_TURN_MD5});
        struct client client;
        struct peer peer;
        make_client(&world, &client, "198.51.100.1", mode & 2);
        struct stun_address remote = make_peer(&world, &peer, "198.51.100.2");
        struct stun_address relayed = allocate(&client);
        assert_int_equal(client.uses_sha256, mode & 1);

        sim_network_send(world.network, peer.socket, &relayed, (const uint8_t *)"early", 5);
        run(&world, MS);
        assert_int_equal(sim_turn_server_counters(world.server)->peers_dropped, 1);
        assert_int_equal(permit(&client, &remote), 0);
        send_indication(&client, &remote, "hello");
        assert_int_equal(peer.length, 5);
        assert_true(stun_address_equal(&peer.path.remote, &relayed));
        client.in_length = 0;
        sim_network_send(world.network, peer.socket, &relayed, (const uint8_t *)"answer", 6);
        run(&world, 10 * MS);
        struct stun_message data;
        struct stun_address from;
        const uint8_t *value;
        size_t length;
        assert_int_equal(stun_message_parse(client.in, client.in_length, &data), STUN_OK);
        assert_int_equal(data.method, STUN_METHOD_DATA);
        assert_int_equal(stun_message_read_xor_address(&data, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &from), STUN_OK);
        assert_true(stun_address_equal(&from, &remote));
        assert_int_equal(stun_message_read_bytes(&data, STUN_ATTRIBUTE_DATA, &value, &length), STUN_OK);
        assert_memory_equal(value, "answer", 6);

        assert_int_equal(bind_channel(&client, 0x4000, &remote), 0);
        send_channel(&client, 0x4000, "by channel");
        assert_int_equal(peer.length, 10);
        client.in_length = 0;
        sim_network_send(world.network, peer.socket, &relayed, (const uint8_t *)"fives", 5);
        run(&world, 10 * MS);
        static const uint8_t expected[] = {0x40, 0x00, 0, 5, 'f', 'i', 'v', 'e', 's', 0, 0, 0};
        assert_int_equal(client.in_length, mode & 2 ? 12 : 9);
        assert_memory_equal(client.in, expected, client.in_length);
        assert_int_equal(refresh(&client, 0), 0);
        assert_int_equal(sim_turn_server_allocation_count(world.server), 0);
        sim_turn_server_require_no_wrong(world.server);
        end_world(&world);
    }
}

/* RFC 8656 section 7.2: a retransmitted Allocate gets the answer again, not a second relay. */
static void a_retransmission_is_none_too_many(void **state) {
    (void)state;
    struct world world = make_world((struct sim_turn_server_config){0});
    struct client client;
    make_client(&world, &client, "198.51.100.1", false);
    allocate(&client);
    uint8_t first[2048];
    size_t length = client.in_length;
    memcpy(first, client.in, length);
    send_bytes(&client, client.last, client.last_length);
    assert_int_equal(client.in_length, length);
    assert_memory_equal(client.in, first, length);
    assert_int_equal(sim_turn_server_allocation_count(world.server), 1);
    sim_turn_server_require_no_wrong(world.server);
    end_world(&world);
}

/* RFC 8656 sections 7.1 and 7.2: one family, two, and one that is not there. */
static void families(void **state) {
    (void)state;
    for (int has_ipv6 = 0; has_ipv6 < 2; has_ipv6++) {
        struct world world = make_world((struct sim_turn_server_config){.ipv4 = SERVER, .ipv6 = has_ipv6 ? SERVER6 : NULL});
        struct client both, six;
        struct stun_message answer;
        make_client(&world, &both, "198.51.100.1", false);
        ask_for_nonce(&both);
        assert_int_equal(allocate_with(&both, STUN_ATTRIBUTE_ADDITIONAL_ADDRESS_FAMILY, 2u << 24, &answer), 0);
        int relayed = 0, refused = 0;
        struct stun_attribute attribute = {0};
        while (stun_message_next(&answer, &attribute)) {
            relayed += attribute.type == STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS;
            refused += attribute.type == STUN_ATTRIBUTE_ADDRESS_ERROR_CODE;
        }
        assert_int_equal(relayed, 1 + has_ipv6);
        assert_int_equal(refused, 1 - has_ipv6);
        make_client(&world, &six, "198.51.100.2", false);
        ask_for_nonce(&six);
        assert_int_equal(allocate_with(&six, STUN_ATTRIBUTE_REQUESTED_ADDRESS_FAMILY, 2u << 24, &answer), has_ipv6 ? 0 : 440);
        sim_turn_server_require_no_wrong(world.server);
        if (has_ipv6) {
            struct client over_ipv6;
            struct stun_address address;
            make_client(&world, &over_ipv6, "2001:db8::1", false);
            address = allocate(&over_ipv6);
            assert_int_equal(address.family, STUN_ADDRESS_IPV4);
            sim_turn_server_require_no_wrong(world.server);
            assert_int_equal(permit(&over_ipv6, sim_network_interface_address(world.network, 1)), 443);
            assert_int_equal(wrong(&world, SIM_TURN_WRONG_FAMILY), 1);
        }
        end_world(&world);
    }
}

/* RFC 8489 section 9.2.4: 438 and a new nonce after the time that was set. RFC 8656 section 3.2: allocations end by themselves. */
static void time_passes(void **state) {
    (void)state;
    struct world world = make_world((struct sim_turn_server_config){.nonce_us = 10 * SECOND});
    struct client client;
    struct peer peer;
    make_client(&world, &client, "198.51.100.1", false);
    struct stun_address remote = make_peer(&world, &peer, "198.51.100.2");
    allocate(&client);
    assert_int_equal(permit(&client, &remote), 0);
    run(&world, 11 * SECOND);
    assert_int_equal(refresh(&client, 600), 438);
    assert_int_equal(refresh(&client, 600), 0);
    sim_turn_server_require_no_wrong(world.server);
    /* RFC 8656 section 9: a permission lives for 300 s. */
    run(&world, 288 * SECOND);
    send_indication(&client, &remote, "just in time");
    assert_int_equal(peer.heard, 1);
    run(&world, 2 * SECOND);
    send_indication(&client, &remote, "too late");
    assert_int_equal(peer.heard, 1);
    assert_int_equal(wrong(&world, SIM_TURN_WRONG_NO_PERMISSION), 1);
    assert_int_equal(sim_turn_server_allocation_count(world.server), 1);
    run(&world, 310 * SECOND);
    assert_int_equal(sim_turn_server_allocation_count(world.server), 0);
    end_world(&world);
}

/* RFC 8656 section 8.2 (437): a server that was killed knows nothing, and a client cannot know that. */
static void killed_and_started_again(void **state) {
    (void)state;
    struct world world = make_world((struct sim_turn_server_config){0});
    struct client client, by_stream;
    make_client(&world, &client, "198.51.100.1", false);
    make_client(&world, &by_stream, "198.51.100.2", true);
    allocate(&client);
    allocate(&by_stream);
    sim_turn_server_kill(world.server);
    run(&world, MS);
    assert_true(by_stream.is_closed);
    assert_int_equal(refresh(&client, 600), -1);
    sim_turn_server_start(world.server);
    assert_int_equal(sim_turn_server_counters(world.server)->allocations_lost, 2);
    assert_int_equal(refresh(&client, 600), 438);
    assert_int_equal(refresh(&client, 600), 437);
    struct stun_message answer;
    assert_int_equal(allocate_with(&client, 0, 0, &answer), 0);
    sim_turn_server_require_no_wrong(world.server);
    end_world(&world);
}

/* 300, 403, 486, 508: what a server may refuse without the client having done anything wrong. */
static void refusals(void **state) {
    (void)state;
    struct world world = make_world((struct sim_turn_server_config){.quota = 1, .forbidden_count = 1});
    struct client client, second;
    struct peer peer;
    struct stun_message answer;
    struct stun_address remote = make_peer(&world, &peer, "198.51.100.9"), alternate;
    sim_turn_server_configuration(world.server)->forbidden[0] = remote;
    make_client(&world, &client, "198.51.100.1", false);
    make_client(&world, &second, "198.51.100.2", false);
    allocate(&client);
    assert_int_equal(permit(&client, &remote), 403);
    assert_int_equal(bind_channel(&client, 0x4001, &remote), 403);
    ask_for_nonce(&second);
    assert_int_equal(allocate_with(&second, 0, 0, &answer), 486);
    sim_turn_server_configuration(world.server)->quota = 0;
    sim_turn_server_configuration(world.server)->capacity = 1;
    run(&world, 2 * SECOND);
    assert_int_equal(allocate_with(&second, 0, 0, &answer), 508);
    sim_turn_server_configuration(world.server)->alternate = remote;
    assert_int_equal(allocate_with(&second, 0, 0, &answer), 300);
    assert_int_equal(stun_message_read_address(&answer, STUN_ATTRIBUTE_ALTERNATE_SERVER, &alternate), STUN_OK);
    assert_true(stun_address_equal(&alternate, &remote));
    sim_turn_server_require_no_wrong(world.server);
    assert_int_equal(allocate_with(&second, 0, 0, &answer), 300);
    assert_int_equal(wrong(&world, SIM_TURN_WRONG_AFTER_REDIRECT), 1);
    end_world(&world);
}

/* ---- what a client may not do ------------------------------------------------------------------------------------------------------ */

#define WITH_WORLD(config) struct world world = make_world(config); struct client client; make_client(&world, &client, "198.51.100.1", false)
#define EXPECT_WRONG(which) do { assert_int_equal(wrong(&world, which), 1); end_world(&world); } while (0)

static const struct sim_turn_server_config plain;

static void wrong_messages(void **state) {
    (void)state;
    struct stun_message answer;
    uint8_t buffer[2048];
    struct stun_writer writer;
    {
        WITH_WORLD(plain);
        send_bytes(&client, (const uint8_t *)"\x80\x60rtp", 5);
        EXPECT_WRONG(SIM_TURN_WRONG_MESSAGE);
    }
    {
        WITH_WORLD(plain);
        ask_for_nonce(&client);
        client.last[client.last_length - 1] ^= 1;
        send_bytes(&client, client.last, client.last_length);
        EXPECT_WRONG(SIM_TURN_WRONG_FINGERPRINT);
    }
    {
        WITH_WORLD(plain);
        begin(&client, &writer, buffer, STUN_CLASS_REQUEST, 0x0AB);
        assert_int_equal(finish_with(&client, &writer, &answer, false), 400);
        EXPECT_WRONG(SIM_TURN_WRONG_METHOD);
    }
    {
        WITH_WORLD(plain);
        ask_for_nonce(&client);
        client.id[0]--; /* the same id for another request */
        assert_int_equal(allocate_with(&client, 0, 0, &answer), 0);
        EXPECT_WRONG(SIM_TURN_WRONG_TRANSACTION);
    }
}

/* RFC 8489 section 9.2.4. */
static void wrong_credentials(void **state) {
    (void)state;
    struct stun_message answer;
    uint8_t buffer[2048];
    struct stun_writer writer;
    {
        WITH_WORLD(plain);
        ask_for_nonce(&client);
        ask_for_nonce(&client);
        EXPECT_WRONG(SIM_TURN_WRONG_NO_CREDENTIALS);
    }
    {
        WITH_WORLD(plain);
        ask_for_nonce(&client);
        struct stun_key *key = key_of(&client);
        begin_allocate(&client, &writer, buffer);
        stun_writer_add_integrity(&writer, key);
        stun_key_free(key);
        assert_int_equal(finish_with(&client, &writer, &answer, false), 400);
        EXPECT_WRONG(SIM_TURN_WRONG_HALF_CREDENTIALS);
    }
    {
        WITH_WORLD(plain);
        ask_for_nonce(&client);
        client.password = "guess";
        assert_int_equal(allocate_with(&client, 0, 0, &answer), 401);
        EXPECT_WRONG(SIM_TURN_WRONG_CREDENTIALS);
    }
    {
        /* RFC 8489 section 9.2.5: a list was sent, and the client goes on with MD5 as if it had not. */
        WITH_WORLD(((struct sim_turn_server_config){.security = SIM_TURN_SHA256}));
        ask_for_nonce(&client);
        assert_true(client.uses_sha256);
        client.uses_sha256 = false;
        assert_int_equal(allocate_with(&client, 0, 0, &answer), 0);
        EXPECT_WRONG(SIM_TURN_WRONG_PASSWORD_ALGORITHM);
    }
    {
        WITH_WORLD(((struct sim_turn_server_config){.nonce_us = SECOND}));
        allocate(&client);
        char stale[sizeof client.nonce];
        memcpy(stale, client.nonce, sizeof stale);
        run(&world, 2 * SECOND);
        for (int i = 0; i < 17; i++) {
            memcpy(client.nonce, stale, sizeof stale);
            assert_int_equal(refresh(&client, 600), 438);
        }
        EXPECT_WRONG(SIM_TURN_WRONG_STALE_AGAIN);
    }
    {
        /* RFC 8489 section 9.2.1: what a man in the middle makes of it. The client of this test notices nothing; ours must. */
        WITH_WORLD(((struct sim_turn_server_config){.security = SIM_TURN_BID_DOWN}));
        ask_for_nonce(&client);
        uint32_t features = 0;
        assert_true(stun_nonce_security_features((const uint8_t *)client.nonce, client.nonce_length, &features));
        assert_true(features & STUN_SECURITY_FEATURE_PASSWORD_ALGORITHMS);
        assert_false(client.uses_sha256);
        end_world(&world);
    }
}

/* RFC 8656 sections 7.2 and 8.2. */
static void wrong_allocations(void **state) {
    (void)state;
    struct stun_message answer;
    uint8_t buffer[2048];
    struct stun_writer writer;
    {
        WITH_WORLD(plain);
        ask_for_nonce(&client);
        begin(&client, &writer, buffer, STUN_CLASS_REQUEST, STUN_METHOD_ALLOCATE);
        assert_int_equal(finish(&client, &writer, &answer), 400);
        EXPECT_WRONG(SIM_TURN_WRONG_ALLOCATE);
    }
    {
        WITH_WORLD(plain);
        ask_for_nonce(&client);
        begin(&client, &writer, buffer, STUN_CLASS_REQUEST, STUN_METHOD_ALLOCATE);
        stun_writer_add_u32(&writer, STUN_ATTRIBUTE_REQUESTED_TRANSPORT, 6u << 24);
        assert_int_equal(finish(&client, &writer, &answer), 442);
        EXPECT_WRONG(SIM_TURN_WRONG_ALLOCATE);
    }
    {
        WITH_WORLD(plain);
        allocate(&client);
        assert_int_equal(allocate_with(&client, 0, 0, &answer), 437);
        EXPECT_WRONG(SIM_TURN_WRONG_ALLOCATE_AGAIN);
    }
    {
        WITH_WORLD(((struct sim_turn_server_config){.capacity = 1}));
        struct client second;
        allocate(&client);
        make_client(&world, &second, "198.51.100.2", false);
        ask_for_nonce(&second);
        assert_int_equal(allocate_with(&second, 0, 0, &answer), 508);
        assert_int_equal(allocate_with(&second, 0, 0, &answer), 508);
        EXPECT_WRONG(SIM_TURN_WRONG_AFTER_REFUSAL);
    }
    {
        WITH_WORLD(plain);
        ask_for_nonce(&client);
        assert_int_equal(refresh(&client, 600), 437);
        EXPECT_WRONG(SIM_TURN_WRONG_NO_ALLOCATION);
    }
    {
        /* RFC 8489 section 6.3.1: what is not understood is named, and that is nobody's fault. */
        WITH_WORLD(plain);
        ask_for_nonce(&client);
        assert_int_equal(allocate_with(&client, 0x7FFE, 0, &answer), 420);
        sim_turn_server_require_no_wrong(world.server);
        end_world(&world);
    }
}

/* RFC 8656 sections 10.2, 11.2, 12.2 and 12.6. */
static void wrong_peers_and_channels(void **state) {
    (void)state;
    struct stun_address peer = {.family = STUN_ADDRESS_IPV4, .port = 9, .ip = {198, 51, 100, 9}}, other = peer;
    other.port = 10;
    {
        WITH_WORLD(plain);
        allocate(&client);
        assert_int_equal(permit(&client, NULL), 400);
        EXPECT_WRONG(SIM_TURN_WRONG_PEER);
    }
    for (int which = 0; which < 4; which++) {
        WITH_WORLD(plain);
        allocate(&client);
        if (which >= 2)
            assert_int_equal(bind_channel(&client, 0x4FFF, &peer), 0);
        if (which == 0)
            assert_int_equal(bind_channel(&client, 0x3FFF, &peer), 400);
        else if (which == 1)
            assert_int_equal(bind_channel(&client, 0x5000, &peer), 400);
        else if (which == 2)
            assert_int_equal(bind_channel(&client, 0x4FFF, &other), 400);
        else
            assert_int_equal(bind_channel(&client, 0x4FFE, &peer), 400);
        EXPECT_WRONG(SIM_TURN_WRONG_CHANNEL);
    }
    {
        WITH_WORLD(plain);
        allocate(&client);
        send_indication(&client, &peer, "overtakes the request");
        assert_int_equal(permit(&client, &peer), 0);
        peer.ip[3]++;
        send_indication(&client, &peer, "never permitted");
        sim_turn_server_require_no_wrong(world.server);
        peer.ip[3]--;
        run(&world, 10 * SECOND);
        EXPECT_WRONG(SIM_TURN_WRONG_NO_PERMISSION);
    }
    {
        WITH_WORLD(plain);
        allocate(&client);
        send_indication(&client, &peer, NULL);
        EXPECT_WRONG(SIM_TURN_WRONG_SEND);
    }
    {
        WITH_WORLD(plain);
        allocate(&client);
        send_channel(&client, 0x4000, "not bound");
        EXPECT_WRONG(SIM_TURN_WRONG_CHANNEL_DATA);
    }
    {
        WITH_WORLD(plain);
        allocate(&client);
        assert_int_equal(bind_channel(&client, 0x4000, &peer), 0);
        const uint8_t cut[] = {0x40, 0x00, 0, 9, 'x'};
        send_bytes(&client, cut, sizeof cut);
        EXPECT_WRONG(SIM_TURN_WRONG_CHANNEL_DATA);
    }
    {
        /* RFC 8656 section 12: the number rests for five minutes after its binding has expired, then it is free. */
        WITH_WORLD(((struct sim_turn_server_config){.lifetime_seconds = 3600}));
        struct stun_message answer;
        ask_for_nonce(&client);
        assert_int_equal(allocate_with(&client, 0, 0, &answer), 0);
        assert_int_equal(bind_channel(&client, 0x4000, &peer), 0);
        run(&world, 901 * SECOND);
        assert_int_equal(bind_channel(&client, 0x4000, &other), 0);
        sim_turn_server_require_no_wrong(world.server);
        end_world(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_flows_both_ways),
        cmocka_unit_test(a_retransmission_is_none_too_many),
        cmocka_unit_test(families),
        cmocka_unit_test(time_passes),
        cmocka_unit_test(killed_and_started_again),
        cmocka_unit_test(refusals),
        cmocka_unit_test(wrong_messages),
        cmocka_unit_test(wrong_credentials),
        cmocka_unit_test(wrong_allocations),
        cmocka_unit_test(wrong_peers_and_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
