/* links: dtls */
/*
 * Two transports and a network in the hands of the fuzzer: each byte of the input is one thing that happens. Checked after each:
 * nobody is connected to a peer with the wrong certificate, keys agree, timers move, and nothing is said before CONNECTED.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/transport.h"

#define DATAGRAMS 32
#define DATAGRAM_BYTES 1600
#define STEPS_MAX 400
#define WALL_CLOCK_S 1700000000

#define CHECK(condition) \
    do {                 \
        if (!(condition)) { \
            abort();     \
        }                \
    } while (0)

struct datagram {
    int to;
    size_t length;
    uint8_t bytes[DATAGRAM_BYTES];
};

struct world {
    struct dtls_transport *end[2];
    bool may_connect[2]; /* its fingerprints are those of the other end */
    bool told[2];        /* it has fingerprints at all */
    bool connected[2];
    unsigned over[2];    /* CLOSED and FAILED events */
    uint64_t now_us;
    struct datagram network[DATAGRAMS];
    size_t count;
    const uint8_t *input;
    size_t left;
};

static struct dtls_certificate *certificate[2];
static struct dtls_fingerprint right[2]; /* of the other end's certificate */
static struct dtls_fingerprint wrong;

static uint8_t next_byte(struct world *world) {
    if (world->left == 0) {
        return 0;
    }
    world->left--;
    return *world->input++;
}

static void check_end(struct world *world, int end) {
    struct dtls_transport *transport = world->end[end];
    enum dtls_transport_state state = dtls_transport_state(transport);
    struct dtls_srtp_keys keys;
    int exported = dtls_transport_keying_material(transport, &keys);
    CHECK(state != DTLS_TRANSPORT_CONNECTED || (world->told[end] && world->may_connect[end]));
    CHECK(exported != DTLS_OK || state == DTLS_TRANSPORT_CONNECTED);
    CHECK((dtls_transport_max_message(transport) > 0) == (state == DTLS_TRANSPORT_CONNECTED));
    CHECK((dtls_transport_failure(transport) != DTLS_FAILURE_NONE) == (state == DTLS_TRANSPORT_FAILED));
    CHECK(state == DTLS_TRANSPORT_CONNECTING || dtls_transport_next_timeout(transport) == UINT64_MAX);
    CHECK(world->over[end] <= 1);
}

static void drain(struct world *world) {
    for (int end = 0; end < 2; end++) {
        struct dtls_transmit transmit;
        struct dtls_event event;
        uint8_t buffer[DATAGRAM_BYTES];
        unsigned guard = 0;
        while (dtls_transport_poll_transmit(world->end[end], world->now_us, buffer, sizeof buffer, &transmit)) {
            CHECK(transmit.length > 0 && transmit.length <= DTLS_MTU_DEFAULT_BYTES && ++guard < 64);
            if (world->count < DATAGRAMS) {
                struct datagram *datagram = &world->network[world->count++];
                datagram->to = 1 - end;
                datagram->length = transmit.length;
                memcpy(datagram->bytes, buffer, transmit.length);
            }
        }
        guard = 0;
        while (dtls_transport_poll_event(world->end[end], &event)) {
            CHECK(++guard < 10000);
            if (event.type == DTLS_EVENT_CONNECTED) {
                CHECK(!world->connected[end] && world->may_connect[end] && world->told[end]);
                world->connected[end] = true;
            }
            CHECK(event.type != DTLS_EVENT_RECEIVED || (world->connected[end] && event.length <= DTLS_MESSAGE_MAX_BYTES));
            world->over[end] += event.type == DTLS_EVENT_CLOSED || event.type == DTLS_EVENT_FAILED ? 1 : 0;
        }
        check_end(world, end);
    }
    struct dtls_srtp_keys keys[2];
    if (dtls_transport_keying_material(world->end[0], &keys[0]) == DTLS_OK && dtls_transport_keying_material(world->end[1], &keys[1]) == DTLS_OK) {
        CHECK(keys[0].profile == keys[1].profile);
        CHECK(memcmp(keys[0].local_key, keys[1].remote_key, keys[0].key_length) == 0);
        CHECK(memcmp(keys[0].remote_key, keys[1].local_key, keys[0].key_length) == 0);
        CHECK(memcmp(keys[0].local_salt, keys[1].remote_salt, keys[0].salt_length) == 0);
    }
}

static void hand_over(struct world *world, const struct datagram *datagram) {
    /* A heap block of the exact length, so that a byte too many is seen. */
    uint8_t *exact = malloc(datagram->length == 0 ? 1 : datagram->length);
    CHECK(exact != NULL);
    memcpy(exact, datagram->bytes, datagram->length);
    (void)dtls_transport_handle_datagram(world->end[datagram->to], world->now_us, exact, datagram->length);
    free(exact);
}

static void remove_datagram(struct world *world, size_t at) {
    memmove(&world->network[at], &world->network[at + 1], (world->count - at - 1) * sizeof world->network[0]);
    world->count--;
}

static void corrupt(struct world *world, struct datagram *datagram) {
    size_t at = ((size_t)next_byte(world) << 8 | next_byte(world)) % (datagram->length + 1);
    uint8_t how = next_byte(world);
    if (at == datagram->length || how == 0) {
        datagram->length = at; /* cut */
    } else {
        datagram->bytes[at] ^= how;
    }
}

static void timer(struct world *world, bool only_when_due) {
    for (int end = 0; end < 2; end++) {
        uint64_t due = dtls_transport_next_timeout(world->end[end]);
        if (due == UINT64_MAX) {
            continue;
        }
        if (!only_when_due && due > world->now_us) {
            world->now_us = due;
        }
        dtls_transport_handle_timeout(world->end[end], world->now_us);
        CHECK(dtls_transport_next_timeout(world->end[end]) > world->now_us); /* progress */
    }
}

static void inject(struct world *world, int to) {
    struct datagram made = {.to = to, .length = next_byte(world)};
    for (size_t i = 0; i < made.length; i++) {
        made.bytes[i] = next_byte(world);
    }
    hand_over(world, &made);
}

static void step(struct world *world) {
    uint8_t code = next_byte(world);
    int end = code >> 7;
    size_t which = world->count == 0 ? 0 : (size_t)(code & 0x0f) % world->count;
    bool any = world->count > 0;
    switch ((code >> 4) & 7) {
    case 0: /* deliver the oldest */
    case 1: /* deliver any: reordering */
        if (any) {
            struct datagram datagram = world->network[(code >> 4 & 7) == 0 ? 0 : which];
            remove_datagram(world, (code >> 4 & 7) == 0 ? 0 : which);
            hand_over(world, &datagram);
        }
        break;
    case 2: /* deliver and keep: duplication */
        if (any) {
            hand_over(world, &world->network[which]);
        }
        break;
    case 3: /* lose */
        if (any) {
            remove_datagram(world, which);
        }
        break;
    case 4:
        if (any) {
            corrupt(world, &world->network[which]);
        }
        break;
    case 5: /* time passes */
        if ((code & 0x0f) == 0) {
            timer(world, false);
        } else {
            world->now_us += 1000u << (code & 0x0f);
            timer(world, true);
        }
        break;
    case 6:
        inject(world, end);
        break;
    default: /* the application */
        switch (code & 3) {
        case 0:
            (void)dtls_transport_send(world->end[end], world->now_us, (const uint8_t *)"message", 7);
            break;
        case 1:
            dtls_transport_close(world->end[end], world->now_us);
            break;
        default:
            if (dtls_transport_set_remote_fingerprints(world->end[end], world->now_us, world->may_connect[end] ? &right[end] : &wrong, 1) ==
                DTLS_OK) {
                world->told[end] = true;
            }
            break;
        }
        break;
    }
}

static void make_certificates(void) {
    struct dtls_certificate_config config = {.wall_clock_s = WALL_CLOCK_S};
    for (int i = 0; i < 2; i++) {
        certificate[i] = dtls_certificate_new(&config);
        CHECK(certificate[i] != NULL);
        dtls_certificate_fingerprint(certificate[i], &right[1 - i]);
    }
    wrong = right[0];
    wrong.bytes[0] ^= 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct world world;
    if (certificate[0] == NULL) {
        make_certificates();
    }
    memset(&world, 0, sizeof world);
    world.now_us = 1000000;
    world.input = data;
    world.left = size;
    uint8_t setup = next_byte(&world);
    for (int end = 0; end < 2; end++) {
        world.may_connect[end] = (setup >> end & 1) == 0;
        world.told[end] = (setup >> (2 + end) & 1) == 0;
        struct dtls_transport_config config = {
            .role = end == 0 ? DTLS_ROLE_CLIENT : DTLS_ROLE_SERVER,
            .certificate = certificate[end],
            .remote_fingerprints = world.may_connect[end] ? &right[end] : &wrong,
            .remote_fingerprint_count = world.told[end] ? 1 : 0,
            .key_log = (setup >> 4 & 1) != 0,
        };
        world.end[end] = dtls_transport_new(&config, world.now_us);
        CHECK(world.end[end] != NULL);
    }
    drain(&world);
    for (unsigned steps = 0; world.left > 0 && steps < STEPS_MAX; steps++) {
        step(&world);
        drain(&world);
    }
    for (unsigned i = 0; i < 200 && (dtls_transport_next_timeout(world.end[0]) != UINT64_MAX ||
                                     dtls_transport_next_timeout(world.end[1]) != UINT64_MAX); i++) {
        timer(&world, false);
        drain(&world);
        CHECK(i < 199); /* left alone, everybody comes to a verdict */
    }
    dtls_transport_free(world.end[0]);
    dtls_transport_free(world.end[1]);
    return 0;
}
