#include "turn_fixture.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void seeded_random(void *context, uint8_t *out, size_t length) {
    uint64_t *state = context;
    for (size_t i = 0; i < length; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(*state >> 56);
    }
}

static void *counting_allocate(void *context, size_t bytes) {
    struct turn_fixture *f = context;
    if (f->allocations >= f->allocation_limit)
        return NULL;
    f->allocations++;
    return malloc(bytes);
}

static void counting_release(void *context, void *memory) {
    (void)context;
    free(memory);
}

void turn_fixture_init(struct turn_fixture *f, enum ice_transport transport) {
    *f = (struct turn_fixture){.now_us = 5 * TURN_SECOND, .random_state = 7, .allocation_limit = 100};
    turn_server_init(&f->server);
    f->allocator = (struct ice_allocator){counting_allocate, counting_release, f};
    f->path = (struct ice_path){.transport = transport, .local = turn_server_address("192.0.2.1", transport == ICE_TRANSPORT_UDP ? 4000 : 0),
                                .remote = turn_server_address("203.0.113.1", 3478), .stream_id = transport == ICE_TRANSPORT_UDP ? 0 : 9};
    f->config = (struct ice_turn_client_config){.path = f->path, .server_name = "turn.example.org", .username = "user", .credential = "pass",
                                                .random = seeded_random, .random_context = &f->random_state, .allocator = &f->allocator};
}

void turn_fixture_start(struct turn_fixture *f) {
    f->client = ice_turn_client_new(&f->config, f->now_us);
    assert(f->client != NULL);
}

void turn_fixture_free(struct turn_fixture *f) {
    ice_turn_client_free(f->client);
    f->client = NULL;
}

struct ice_turn_status turn_fixture_status(const struct turn_fixture *f) {
    struct ice_turn_status status;
    ice_turn_client_status(f->client, &status);
    return status;
}

static bool drain_events(struct turn_fixture *f) {
    struct ice_turn_event event;
    bool any = false;
    while (ice_turn_client_poll_event(f->client, &event)) {
        any = true;
        assert(f->event_count < TURN_EVENT_MAX);
        f->events[f->event_count++] = event;
        if (event.type != ICE_TURN_EVENT_OPEN_STREAM)
            continue;
        f->path = event.as.stream.path;
        f->path.local.port = 5555;
        f->opened_name[0] = '\0';
        if (event.as.stream.server_name != NULL) {
            size_t length = strlen(event.as.stream.server_name);
            assert(length < sizeof f->opened_name);
            memcpy(f->opened_name, event.as.stream.server_name, length + 1);
        }
        (void)ice_turn_client_handle_stream_opened(f->client, f->now_us, &f->path);
    }
    return any;
}

static void drain_received(struct turn_fixture *f) {
    struct ice_turn_received received;
    while (ice_turn_client_poll_received(f->client, &received)) {
        f->received++;
        f->payload_length = received.length < sizeof f->payload ? received.length : sizeof f->payload;
        memcpy(f->payload, received.bytes, f->payload_length);
        f->last_received = received;
    }
}

int turn_fixture_deliver(struct turn_fixture *f, const uint8_t *bytes, size_t length) {
    int error = ICE_OK;
    if (f->path.transport == ICE_TRANSPORT_UDP) {
        uint8_t *copy = malloc(length > 0 ? length : 1); /* so that one byte too far is seen */
        assert(copy != NULL);
        memcpy(copy, bytes, length);
        error = ice_turn_client_handle_datagram(f->client, f->now_us, &f->path, copy, length);
        drain_received(f);
        free(copy);
        return error;
    }
    size_t step = f->chunk_bytes != 0 ? f->chunk_bytes : length;
    for (size_t at = 0; at < length; at += step) {
        size_t now = length - at < step ? length - at : step;
        uint8_t *copy = malloc(now);
        assert(copy != NULL);
        memcpy(copy, bytes + at, now);
        error = ice_turn_client_handle_stream_bytes(f->client, f->now_us, &f->path, copy, now);
        drain_received(f);
        free(copy);
    }
    return error;
}

int turn_fixture_deliver_data(struct turn_fixture *f, const struct stun_address *peer, const void *data, size_t length) {
    static uint8_t bytes[70000];
    f->server.now_us = f->now_us;
    size_t whole = turn_server_data(&f->server, peer, data, length, f->path.transport != ICE_TRANSPORT_UDP, bytes, sizeof bytes);
    return turn_fixture_deliver(f, bytes, whole);
}

static bool drain_transmits(struct turn_fixture *f) {
    struct ice_transmit out;
    uint8_t buffer[2048], answer[8192];
    bool any = false;
    while (ice_turn_client_poll_transmit(f->client, f->now_us, buffer, sizeof buffer, &out)) {
        any = true;
        f->sent++;
        f->path = out.path;
        memcpy(f->last, buffer + out.offset, out.length);
        f->last_length = out.length;
        if (f->drop > 0) {
            f->drop--;
            continue;
        }
        size_t length = turn_server_answer(&f->server, f->now_us, f->last, f->last_length, answer, sizeof answer);
        if (length > 0 && f->lose_answers > 0) {
            f->lose_answers--;
            length = 0;
        }
        if (length > 0)
            (void)turn_fixture_deliver(f, answer, length);
    }
    return any;
}

void turn_fixture_drain(struct turn_fixture *f) {
    bool any = true;
    for (int i = 0; i < 100 && any; i++) {
        any = drain_transmits(f);
        drain_received(f);
        any = drain_events(f) || any;
    }
    assert(!any);
}

void turn_fixture_run_until(struct turn_fixture *f, uint64_t until_us) {
    turn_fixture_drain(f);
    for (;;) {
        uint64_t next = ice_turn_client_next_timeout(f->client);
        if (next > until_us)
            break;
        f->now_us = next > f->now_us ? next : f->now_us;
        ice_turn_client_handle_timeout(f->client, f->now_us);
        turn_fixture_drain(f);
        /* An object whose next timeout is not in the future now would make its caller spin. */
        assert(ice_turn_client_next_timeout(f->client) > f->now_us);
    }
    f->now_us = until_us;
}

size_t turn_fixture_count(const struct turn_fixture *f, enum ice_turn_event_type type) {
    size_t count = 0;
    for (size_t i = 0; i < f->event_count; i++)
        count += f->events[i].type == type;
    return count;
}

void turn_fixture_allocate(struct turn_fixture *f) {
    turn_fixture_start(f);
    turn_fixture_drain(f);
    assert(turn_fixture_status(f).state == ICE_TURN_ALLOCATED);
    assert(turn_fixture_count(f, ICE_TURN_EVENT_ALLOCATED) == 1);
}
