#include "test/sim/turn_server_internal.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint64_t turn_now(const struct sim_turn_server *server) {
    return sim_network_now(server->network);
}

void turn_count_wrong(struct sim_turn_server *server, enum sim_turn_wrong wrong) {
    server->counters.wrongs[wrong]++;
}

int turn_family_index(const struct stun_address *address) {
    return address->family == STUN_ADDRESS_IPV6 ? 1 : 0;
}

/* ---- who is who --------------------------------------------------------------------------------------------------------- */

bool turn_is_same_tuple(const struct turn_tuple *a, const struct turn_tuple *b) {
    if (a->stream >= 0 || b->stream >= 0)
        return a->stream == b->stream;
    return a->listener == b->listener && stun_address_equal(&a->remote, &b->remote);
}

struct turn_client *turn_client_of(struct sim_turn_server *server, const struct turn_tuple *tuple) {
    struct turn_client *oldest = &server->clients[0];
    for (size_t i = 0; i < SIM_TURN_CLIENT_MAX; i++) {
        struct turn_client *client = &server->clients[i];
        if (client->is_used && turn_is_same_tuple(&client->tuple, tuple)) {
            client->used_us = turn_now(server);
            return client;
        }
        if (!client->is_used || (oldest->is_used && client->used_us < oldest->used_us))
            oldest = client;
        if (!client->is_used)
            break;
    }
    server->counters.clients_forgotten += oldest->is_used;
    *oldest = (struct turn_client){.is_used = true, .tuple = *tuple, .used_us = turn_now(server)};
    return oldest;
}

void turn_allocation_end(struct sim_turn_server *server, struct turn_allocation *allocation) {
    turn_client_of(server, &allocation->tuple)->ended_us = turn_now(server);
    for (int i = 0; i < TURN_FAMILIES; i++) {
        struct turn_relay *relay = allocation->relays[i];
        if (!relay)
            continue;
        sim_network_close(relay->server->network, relay->socket);
        relay->allocation = NULL;
    }
    allocation->is_used = false;
}

bool turn_is_excused(const struct sim_turn_server *server, const struct turn_client *client) {
    return client->lost_allocation || (client->ended_us > 0 && turn_now(server) - client->ended_us <= TURN_ON_ITS_WAY_US);
}

/* RFC 8656 section 3.2: an allocation that is not refreshed in time is deleted. */
static void expire(struct sim_turn_server *server) {
    for (size_t i = 0; i < SIM_TURN_ALLOCATION_MAX; i++)
        if (server->allocations[i].is_used && server->allocations[i].expires_us <= turn_now(server))
            turn_allocation_end(server, &server->allocations[i]);
}

struct turn_allocation *turn_allocation_of(struct sim_turn_server *server, const struct turn_tuple *tuple) {
    expire(server);
    for (size_t i = 0; i < SIM_TURN_ALLOCATION_MAX; i++)
        if (server->allocations[i].is_used && turn_is_same_tuple(&server->allocations[i].tuple, tuple))
            return &server->allocations[i];
    return NULL;
}

size_t sim_turn_server_allocation_count(struct sim_turn_server *server) {
    size_t count = 0;
    expire(server);
    for (size_t i = 0; i < SIM_TURN_ALLOCATION_MAX; i++)
        count += server->allocations[i].is_used;
    return count;
}

/* ---- what comes and goes -------------------------------------------------------------------------------------------------- */

void turn_send(struct sim_turn_server *server, const struct turn_tuple *tuple, const uint8_t *bytes, size_t length) {
    if (tuple->stream >= 0)
        sim_stream_send(server->streams, tuple->stream, bytes, length);
    else
        sim_network_send(server->network, server->listeners[tuple->listener].socket, &tuple->remote, bytes, length);
}

/* FNV-1a */
static uint64_t hash_of(const uint8_t *bytes, size_t length) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* RFC 8489 section 6.3: a retransmission is the same message; another one has another transaction id. */
static void judge_transaction(struct sim_turn_server *server, struct turn_client *client, const struct turn_wire_message *message) {
    uint64_t hash = hash_of(message->bytes, message->length);
    for (size_t i = 0; i < TURN_RECENT_REQUESTS; i++) {
        struct turn_recent *recent = &client->recent[i];
        if (recent->hash == 0 || memcmp(recent->id, message->id, 12) != 0)
            continue;
        if (recent->hash != hash)
            turn_count_wrong(server, SIM_TURN_WRONG_TRANSACTION);
        return;
    }
    struct turn_recent *recent = &client->recent[client->recent_next++ % TURN_RECENT_REQUESTS];
    memcpy(recent->id, message->id, 12);
    recent->hash = hash;
}

/* RFC 8489 section 12: this server answers Binding requests too. */
static void answer_binding(struct sim_turn_server *server, const struct turn_tuple *tuple, const struct turn_wire_message *request) {
    struct turn_wire_writer writer;
    turn_wire_begin(&writer, TURN_SUCCESS, TURN_BINDING, request->id);
    turn_wire_add_address(&writer, TURN_MAPPED_ADDRESS, &tuple->remote, true);
    turn_finish_answer(server, tuple, &writer, NULL);
}

void turn_handle_message(struct sim_turn_server *server, const struct turn_tuple *tuple, const uint8_t *bytes, size_t length) {
    if (!server->is_alive)
        return;
    struct turn_client *client = turn_client_of(server, tuple);
    struct turn_wire_message message;
    turn_judge_doubts(server);
    if (length >= 4 && bytes[0] >= 0x40 && bytes[0] <= 0x4F) {
        turn_handle_channel_data(server, client, bytes, length);
        return;
    }
    if (!turn_wire_read(bytes, length, &message)) {
        turn_count_wrong(server, SIM_TURN_WRONG_MESSAGE);
        return;
    }
    if (!turn_wire_fingerprint_is_good(&message)) {
        turn_count_wrong(server, SIM_TURN_WRONG_FINGERPRINT);
        return;
    }
    if (message.class_ == TURN_REQUEST) {
        if (message.method < 16)
            server->counters.requests[message.method]++;
        judge_transaction(server, client, &message);
        if (message.method == TURN_BINDING)
            answer_binding(server, tuple, &message);
        else
            turn_handle_request(server, client, &message);
    } else if (message.class_ == TURN_INDICATION && message.method == TURN_SEND) {
        turn_handle_send(server, client, &message);
    } else if (message.class_ != TURN_INDICATION || message.method != TURN_BINDING) {
        turn_count_wrong(server, SIM_TURN_WRONG_METHOD);
    }
}

static void received(void *context, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct turn_listener *listener = context;
    struct turn_tuple tuple = {.stream = -1, .listener = turn_family_index(&path->local), .remote = path->remote};
    turn_handle_message(listener->server, &tuple, bytes, length);
}

/* ---- streams --------------------------------------------------------------------------------------------------------------- */

static void *stream_accepted(void *context, int number, const struct sim_path *path) {
    struct turn_listener *listener = context;
    struct turn_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        abort();
    *stream = (struct turn_stream){.server = listener->server, .stream = number, .remote = path->remote, .next = listener->server->open_streams};
    listener->server->open_streams = stream;
    return stream;
}

/* RFC 8656 section 12.5 and RFC 8489 section 6.2.2: how long the frame is that begins here. 0: its first four bytes are not all there. */
static size_t frame_bytes(const uint8_t *bytes, size_t length) {
    if (length < 4)
        return 0;
    size_t body = (size_t)bytes[2] << 8 | bytes[3];
    if ((bytes[0] & 0xC0) == 0x40)
        return 4 + (body + 3) / 4 * 4;
    return TURN_WIRE_HEADER_BYTES + body;
}

/* All frames that are whole. False: one is longer than any may be. */
static bool handle_frames(struct turn_stream *stream, const struct turn_tuple *tuple) {
    size_t at = 0, frame;
    while ((frame = frame_bytes(stream->bytes + at, stream->length - at)) != 0 && frame <= stream->length - at) {
        turn_handle_message(stream->server, tuple, stream->bytes + at, frame);
        at += frame;
    }
    memmove(stream->bytes, stream->bytes + at, stream->length - at);
    stream->length -= at;
    return frame <= sizeof stream->bytes;
}

static void stream_received(void *context, int number, const uint8_t *bytes, size_t length) {
    struct turn_stream *stream = context;
    struct sim_turn_server *server = stream->server;
    struct turn_tuple tuple = {.stream = number, .remote = stream->remote};
    while (length > 0) {
        size_t room = sizeof stream->bytes - stream->length, part = length < room ? length : room;
        memcpy(stream->bytes + stream->length, bytes, part);
        stream->length += part;
        bytes += part;
        length -= part;
        if (!handle_frames(stream, &tuple)) {
            turn_count_wrong(server, SIM_TURN_WRONG_MESSAGE);
            sim_stream_break(server->streams, number);
            return;
        }
    }
}

/* RFC 8656 section 7.2: an allocation over a stream ends with it. */
static void stream_closed(void *context, int number, int error) {
    struct turn_stream *stream = context;
    struct turn_tuple tuple = {.stream = number, .remote = stream->remote};
    struct turn_allocation *allocation = turn_allocation_of(stream->server, &tuple);
    (void)error;
    if (allocation)
        turn_allocation_end(stream->server, allocation);
}

/* ---- life -------------------------------------------------------------------------------------------------------------------- */

struct sim_turn_server *sim_turn_server_new(struct sim_network *network, struct sim_streams *streams, const struct sim_turn_server_config *config) {
    struct sim_turn_server *server = calloc(1, sizeof *server);
    if (!server)
        abort();
    server->network = network;
    server->streams = streams;
    server->config = *config;
    struct sim_turn_server_config *own = &server->config;
    own->realm = own->realm ? own->realm : "sim";
    own->username = own->username ? own->username : "user";
    own->password = own->password ? own->password : "secret";
    own->nonce_us = own->nonce_us ? own->nonce_us : UINT64_C(3600) * 1000 * 1000;
    own->lifetime_seconds = own->lifetime_seconds ? own->lifetime_seconds : 600;
    own->lifetime_max_seconds = own->lifetime_max_seconds ? own->lifetime_max_seconds : 3600;
    assert((own->ipv4 || own->ipv6) && (streams || own->stream_port == 0));
    for (int i = 0; i < TURN_FAMILIES; i++) {
        const char *ip = i == 0 ? own->ipv4 : own->ipv6;
        struct turn_listener *listener = &server->listeners[i];
        *listener = (struct turn_listener){.server = server, .interface_ = -1, .socket = -1, .listener = -1};
        if (ip)
            listener->interface_ = sim_network_add_interface(network, SIM_PUBLIC, ip, own->up, own->down);
    }
    sim_turn_server_start(server);
    return server;
}

void sim_turn_server_start(struct sim_turn_server *server) {
    static const struct sim_socket_callbacks datagrams = {.received = received};
    static const struct sim_stream_callbacks streams = {.received = stream_received, .closed = stream_closed};
    assert(!server->is_alive);
    server->is_alive = true;
    sim_random_fill(sim_network_random(server->network), server->secret, sizeof server->secret);
    for (int i = 0; i < TURN_FAMILIES; i++) {
        struct turn_listener *listener = &server->listeners[i];
        if (listener->interface_ < 0)
            continue;
        if (server->config.udp_port != 0)
            listener->socket = sim_network_bind(server->network, listener->interface_, server->config.udp_port, &datagrams, listener);
        if (server->config.stream_port != 0)
            listener->listener =
                sim_stream_listen(server->streams, listener->interface_, server->config.stream_port, &streams, stream_accepted, listener);
    }
}

void sim_turn_server_kill(struct sim_turn_server *server) {
    assert(server->is_alive);
    server->is_alive = false;
    for (size_t i = 0; i < SIM_TURN_ALLOCATION_MAX; i++) {
        if (!server->allocations[i].is_used)
            continue;
        turn_client_of(server, &server->allocations[i].tuple)->lost_allocation = true;
        turn_allocation_end(server, &server->allocations[i]);
        server->counters.allocations_lost++;
    }
    for (struct turn_stream *stream = server->open_streams; stream; stream = stream->next)
        sim_stream_break(server->streams, stream->stream);
    for (int i = 0; i < TURN_FAMILIES; i++) {
        struct turn_listener *listener = &server->listeners[i];
        if (listener->socket >= 0)
            sim_network_close(server->network, listener->socket);
        if (listener->listener >= 0)
            sim_stream_unlisten(server->streams, listener->listener);
        listener->socket = listener->listener = -1;
    }
    /* What was held against a client belongs to the process that is gone. That it had an allocation excuses what it asks now. */
    for (size_t i = 0; i < SIM_TURN_CLIENT_MAX; i++) {
        struct turn_client *client = &server->clients[i];
        client->was_asked_for_credentials = client->was_redirected = false;
        client->refused_us = 0;
        client->stale_nonce[0] = '\0';
    }
}

void sim_turn_server_free(struct sim_turn_server *server) {
    if (!server)
        return;
    while (server->relays) {
        struct turn_relay *relay = server->relays;
        server->relays = relay->next;
        free(relay);
    }
    while (server->open_streams) {
        struct turn_stream *stream = server->open_streams;
        server->open_streams = stream->next;
        free(stream);
    }
    free(server);
}

struct sim_turn_server_config *sim_turn_server_configuration(struct sim_turn_server *server) {
    return &server->config;
}

/* ---- the judgement ------------------------------------------------------------------------------------------------------------ */

const struct sim_turn_server_counters *sim_turn_server_counters(struct sim_turn_server *server) {
    turn_judge_doubts(server);
    return &server->counters;
}

uint64_t sim_turn_server_wrongs(struct sim_turn_server *server) {
    uint64_t sum = 0;
    turn_judge_doubts(server);
    for (int i = 0; i < SIM_TURN_WRONGS; i++)
        sum += server->counters.wrongs[i];
    return sum;
}

const char *sim_turn_wrong_name(enum sim_turn_wrong wrong) {
    static const char *const names[SIM_TURN_WRONGS] = {
        "broken message", "wrong fingerprint", "wrong method or class", "transaction id used again", "no credentials", "half of the credentials",
        "password algorithm", "wrong credentials", "stale nonce used again", "broken Allocate", "Allocate though allocated", "asked again after 300",
        "asked again too soon after 486 or 508", "no allocation", "another user's allocation", "family of the peer", "no peer address",
        "channel number or binding", "Send without data", "data to a peer without permission", "ChannelData without channel"};
    return names[wrong];
}

void sim_turn_server_require_no_wrong(struct sim_turn_server *server) {
    if (sim_turn_server_wrongs(server) == 0)
        return;
    for (int i = 0; i < SIM_TURN_WRONGS; i++)
        if (server->counters.wrongs[i] > 0)
            print_error("TURN server: %s: %llu times\n", sim_turn_wrong_name((enum sim_turn_wrong)i), (unsigned long long)server->counters.wrongs[i]);
    fail_msg("a TURN client did %llu things wrong", (unsigned long long)sim_turn_server_wrongs(server));
}
