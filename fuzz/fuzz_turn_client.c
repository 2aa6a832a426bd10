/* links: ice stun */
/* with: test/ice/turn_server.c */
/*
 * A TURN client driven by a script: bytes of anybody, answers of a true server (also damaged, repeated, lost), time, calls. The input is one
 * octet of set-up, then operations of one octet with their arguments.
 *
 * What must hold after each of them:
 *   - an allocation exists only if the server that knows the password has made one
 *   - nothing is delivered from an IP that was not permitted
 *   - no request is longer than ICE_DATAGRAM_MAX_BYTES, and each parses
 *   - states go forward only, each of ALLOCATED, FAILED, CLOSED is reported once at most
 *   - after handle_timeout and a drain the next timeout is in the future
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ice/turn_client.h"
#include "test/ice/turn_server.h"

#define SECOND UINT64_C(1000000)
#define PEERS 96 /* more than ICE_TURN_PEER_MAX */

struct script {
    const uint8_t *bytes;
    size_t length, at;
};

struct world {
    struct turn_server server;
    struct ice_turn_client *client;
    struct ice_path path;
    uint64_t now_us, random_state;
    uint8_t answer[8192]; /* the last one, for replays */
    size_t answer_bytes;
    size_t chunk_bytes;
    bool was_allocated_by_server, is_trusting; /* trusting: no credentials are asked for, so that anybody may answer */
    bool permitted[PEERS];
    unsigned allocated, failed, closed;
    enum ice_turn_state state;
};

static struct world world; /* kept after a run, for the test that replays the seeds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t next(struct script *script) {
    return script->at < script->length ? script->bytes[script->at++] : 0;
}

static void seeded_random(void *context, uint8_t *out, size_t length) {
    uint64_t *state = context;
    for (size_t i = 0; i < length; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(*state >> 56);
    }
}

static struct stun_address peer_number(unsigned number) {
    struct stun_address peer = {.family = number % 8 == 7 ? STUN_ADDRESS_IPV6 : STUN_ADDRESS_IPV4, .port = (uint16_t)(5000 + number)};
    peer.ip[0] = 0x20;
    peer.ip[number % 8 == 7 ? 15 : 3] = (uint8_t)(number % PEERS);
    return peer;
}

/* ---- what must hold ------------------------------------------------------------------------------------------------------------------ */

static void check(struct world *w) {
    struct ice_turn_status status;
    ice_turn_client_status(w->client, &status);
    assert(status.state == w->state || w->state < ICE_TURN_ALLOCATED || status.state > w->state ||
           (w->state == ICE_TURN_FAILED && (status.state == ICE_TURN_CLOSED || status.state == ICE_TURN_CLOSING)));
    w->state = status.state;
    if (status.state == ICE_TURN_ALLOCATED) {
        assert(w->was_allocated_by_server || w->is_trusting);
        assert(status.relayed[0].family != STUN_ADDRESS_NONE || status.relayed[1].family != STUN_ADDRESS_NONE);
    }
    assert((status.state == ICE_TURN_FAILED) <= (status.failure != ICE_TURN_FAILURE_NONE));
    assert(strlen(status.realm) <= ICE_TURN_REALM_MAX_BYTES && strlen(status.reason) <= ICE_TURN_REASON_MAX_BYTES);
}

static void drain_received(struct world *w) {
    for (int pass = 0; pass < 2; pass++) {
        struct ice_turn_received received;
        while (ice_turn_client_poll_received(w->client, &received)) {
            unsigned number = received.peer.ip[received.peer.family == STUN_ADDRESS_IPV6 ? 15 : 3];
            assert(number < PEERS && w->permitted[number]);
            assert(received.relayed.family == received.peer.family);
            volatile uint8_t sum = 0;
            for (size_t i = 0; i < received.length; i++)
                sum = (uint8_t)(sum + received.bytes[i]);
        }
        ice_turn_client_rewind_received(w->client);
    }
    struct ice_turn_received received;
    while (ice_turn_client_poll_received(w->client, &received))
        continue;
}

static void drain_events(struct world *w) {
    struct ice_turn_event event;
    while (ice_turn_client_poll_event(w->client, &event)) {
        w->allocated += event.type == ICE_TURN_EVENT_ALLOCATED;
        w->failed += event.type == ICE_TURN_EVENT_FAILED;
        w->closed += event.type == ICE_TURN_EVENT_CLOSED;
        assert(w->allocated <= 1 && w->failed <= 1 && w->closed <= 1);
        if (event.type == ICE_TURN_EVENT_OPEN_STREAM)
            w->path = event.as.stream.path;
    }
    check(w);
}

/* ---- the wire -------------------------------------------------------------------------------------------------------------------------- */

static void deliver(struct world *w, const uint8_t *bytes, size_t length) {
    bool stream = w->path.transport != ICE_TRANSPORT_UDP;
    size_t step = stream && w->chunk_bytes > 0 ? w->chunk_bytes : length;
    for (size_t at = 0; at < length || at == 0; at += step) {
        size_t now = length - at < step ? length - at : step;
        uint8_t *copy = malloc(now > 0 ? now : 1);
        assert(copy != NULL);
        memcpy(copy, bytes + at, now);
        if (stream)
            (void)ice_turn_client_handle_stream_bytes(w->client, w->now_us, &w->path, copy, now);
        else
            (void)ice_turn_client_handle_datagram(w->client, w->now_us, &w->path, copy, now);
        drain_received(w);
        free(copy);
        if (step == 0)
            break;
    }
    drain_events(w);
}

/* Sends what the client has to send. how: 0 answered, 1 lost, 2 the answer is lost, 3 damaged at `where`, 4 answered late (kept only). */
static void exchange(struct world *w, unsigned how, size_t where) {
    uint8_t buffer[2048];
    struct ice_transmit out;
    for (int i = 0; i < 40 && ice_turn_client_poll_transmit(w->client, w->now_us, buffer, sizeof buffer, &out); i++) {
        struct stun_message message;
        assert(out.length <= ICE_DATAGRAM_MAX_BYTES && stun_message_parse(buffer + out.offset, out.length, &message) == STUN_OK);
        assert(message.class_ == STUN_CLASS_REQUEST);
        w->path = out.path;
        if (how == 1)
            continue;
        w->answer_bytes = turn_server_answer(&w->server, w->now_us, buffer + out.offset, out.length, w->answer, sizeof w->answer);
        w->was_allocated_by_server = w->was_allocated_by_server || w->server.is_allocated;
        if (how == 2 || how == 4 || w->answer_bytes == 0)
            continue;
        if (how == 3)
            w->answer[where % w->answer_bytes] ^= (uint8_t)(1u << where % 8);
        deliver(w, w->answer, w->answer_bytes);
    }
    drain_events(w);
}

static void pass_time(struct world *w, uint8_t how) {
    static const uint64_t steps_us[] = {1, 1000, 100000, 500000, SECOND, 10 * SECOND, 40 * SECOND, 100 * SECOND, 300 * SECOND, 1000 * SECOND};
    uint64_t next_us = ice_turn_client_next_timeout(w->client);
    if (how >= 128) {
        if (next_us == UINT64_MAX || next_us < w->now_us)
            next_us = w->now_us;
        w->now_us = next_us;
    } else {
        w->now_us += steps_us[how % (sizeof steps_us / sizeof steps_us[0])];
    }
    ice_turn_client_handle_timeout(w->client, w->now_us);
    drain_events(w);
}

/* ---- the operations ---------------------------------------------------------------------------------------------------------------------- */

static void wrap(struct world *w, uint8_t number, size_t length) {
    uint8_t buffer[ICE_HEADROOM_BYTES + 1100 + ICE_TURN_TAILROOM_BYTES];
    struct ice_transmit out;
    struct stun_address peer = peer_number(number);
    memset(buffer, 0x5A, sizeof buffer);
    if (ice_turn_client_wrap(w->client, w->now_us, &peer, buffer, length, ICE_HEADROOM_BYTES + length + ICE_TURN_TAILROOM_BYTES, &out) != ICE_OK)
        return;
    assert(w->permitted[number % PEERS] && w->state == ICE_TURN_ALLOCATED);
    assert(out.offset + out.length <= ICE_HEADROOM_BYTES + length + ICE_TURN_TAILROOM_BYTES);
    for (size_t i = 0; i < length; i++)
        assert(buffer[ICE_HEADROOM_BYTES + i] == 0x5A);
}

static void misbehave(struct world *w, uint8_t how, uint8_t argument) {
    static const uint16_t codes[] = {0, 300, 400, 403, 437, 440, 441, 442, 443, 486, 500, 508};
    static const char *const nonces[] = {"nonce-2", "obMatJos2gAAAx", "obMatJos2wAAAy", "obMatJos2QAAAz", ""};
    struct turn_server *server = &w->server;
    switch (how % 14) {
    case 0: server->refuse[argument & 15] = codes[argument / 16 % 12]; break;
    case 1: server->stale = argument % 4; server->next_nonce = nonces[argument / 4 % 5]; break;
    case 2: server->alternate = (struct stun_address){.family = argument % 3, .port = (uint16_t)(argument / 8 * 7), .ip = {argument, 1, 2, 3}}; break;
    case 3: server->strips_algorithms = argument & 1; server->offers_sha256 = argument & 2; break;
    case 4: server->altered_nonce = argument % 6 == 0 ? NULL : nonces[argument % 6 - 1]; break;
    case 5: server->signs_wrongly = argument & 1; server->signs_not = argument & 2; break;
    case 6: server->omits_relayed = argument & 1; server->omits_lifetime = argument & 2; server->omits_mapped = argument & 4; break;
    case 7: server->adds_unknown = argument & 1; break;
    case 8: server->lifetime_seconds = argument; break;
    case 9: server->has_ipv4 = argument & 1; server->has_ipv6 = argument & 2; server->address_error = argument & 4 ? 440 : 0; break;
    case 10: server->forbidden_peer = peer_number(argument); server->refuse_peer = argument & 1 ? 403 : 443; break;
    case 11: server->is_allocated = false; break; /* it has been restarted */
    case 12: server->realm = argument & 1 ? "other.example.org" : "example.org"; break;
    default: server->alternate_domain = argument & 1 ? "other.example.org" : argument & 2 ? "" : NULL; break;
    }
}

static void step(struct world *w, struct script *script) {
    uint8_t bytes[512], operation = next(script), argument = next(script);
    struct stun_address peer = peer_number(argument);
    switch (operation % 18) {
    case 0: exchange(w, 0, 0); break;
    case 1: exchange(w, 1 + argument % 4, next(script)); break;
    case 2: pass_time(w, argument); break;
    case 3:
        if (ice_turn_client_permit(w->client, w->now_us, &peer) == ICE_OK)
            w->permitted[argument % PEERS] = true;
        break;
    case 4:
        if (ice_turn_client_bind(w->client, w->now_us, &peer) == ICE_OK)
            w->permitted[argument % PEERS] = true;
        break;
    case 5: wrap(w, argument, next(script) * 4u); break;
    case 6: { /* data of a peer; over streams sometimes more than is kept */
        static uint8_t whole[8192];
        static const uint8_t payload[4096];
        size_t length = next(script) * 16u;
        w->server.now_us = w->now_us;
        deliver(w, whole, turn_server_data(&w->server, &peer, payload, length, w->path.transport != ICE_TRANSPORT_UDP, whole, sizeof whole));
        break;
    }
    case 7: /* bytes of anybody */
        for (size_t i = 0; i < argument; i++)
            bytes[i] = next(script);
        deliver(w, bytes, argument);
        break;
    case 8: deliver(w, w->answer, w->answer_bytes); break; /* again */
    case 9: misbehave(w, argument, next(script)); break;
    case 10: ice_turn_client_handle_send_error(w->client, w->now_us, &w->path, argument); break;
    case 11: (void)ice_turn_client_handle_stream_opened(w->client, w->now_us, &w->path); break;
    case 12: (void)ice_turn_client_handle_stream_closed(w->client, w->now_us, &w->path, argument); break;
    case 13: ice_turn_client_refresh(w->client, w->now_us); break;
    case 14: ice_turn_client_close(w->client, w->now_us); break;
    case 15: w->chunk_bytes = argument; break;
    case 16: /* many peers at once */
        for (unsigned i = 0; i < argument % PEERS; i++) {
            peer = peer_number(i);
            if (ice_turn_client_permit(w->client, w->now_us, &peer) == ICE_OK)
                w->permitted[i] = true;
        }
        break;
    default: /* another path */
        w->path.remote.port ^= 1;
        deliver(w, w->answer, w->answer_bytes);
        w->path.remote.port ^= 1;
        break;
    }
    drain_events(w);
}

/* Whatever has happened: left alone, the client comes to rest, and says when it wants to be woken. */
static void settle(struct world *w) {
    for (int i = 0; i < 30; i++) {
        uint64_t next_us = ice_turn_client_next_timeout(w->client);
        if (next_us == UINT64_MAX)
            return;
        w->now_us = next_us > w->now_us ? next_us : w->now_us;
        ice_turn_client_handle_timeout(w->client, w->now_us);
        exchange(w, 1, 0);
        assert(ice_turn_client_next_timeout(w->client) > w->now_us);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct script script = {.bytes = data, .length = size};
    world = (struct world){.now_us = SECOND, .random_state = 7};
    turn_server_init(&world.server);
    uint8_t setup = next(&script);
    enum ice_transport transport = (enum ice_transport)(setup % 3);
    if (setup & 16) {
        world.server.offers_sha256 = true;
        world.server.nonce = setup & 32 ? "obMatJos2wAAAserver" : "obMatJos2gAAAserver";
    }
    if (setup & 64) {
        world.server.realm = NULL;
        world.is_trusting = true;
    }
    bool has_credentials = !(setup & 128);
    world.is_trusting = world.is_trusting || !has_credentials;
    world.path = (struct ice_path){.transport = transport, .local = turn_server_address("192.0.2.1", 4000),
                                   .remote = turn_server_address("203.0.113.1", 3478), .stream_id = transport == ICE_TRANSPORT_UDP ? 0 : 9};
    struct ice_turn_client_config config = {.path = world.path, .server_name = "turn.example.org", .username = has_credentials ? "user" : NULL,
                                            .credential = has_credentials ? "pass" : NULL, .families = (enum ice_turn_families)(setup / 4 % 3),
                                            .random = seeded_random, .random_context = &world.random_state};
    world.client = ice_turn_client_new(&config, world.now_us);
    assert(world.client != NULL);
    drain_events(&world);
    for (unsigned steps = 0; script.at < script.length && steps < 400; steps++)
        step(&world, &script);
    settle(&world);
    ice_turn_client_free(world.client);
    return 0;
}
