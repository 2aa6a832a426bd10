#include "test/sim/attacker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/turn_wire.h"

#define FLOOD_EVERY_US 200 /* 5,000 requests a second */
#define REPLAY_LATE_US (15 * SIM_SECOND_US)
#define TURN_EVERY_US 5000
#define TURN_PORT 3478

/* A datagram that is sent again later. */
struct attacker_delayed {
    struct attacker_delayed *next;
    struct attacker *attacker;
    struct stun_address source, destination;
    size_t length;
    uint8_t bytes[];
};

static struct stun_address own_address(struct attacker *attacker, const struct stun_address *like) {
    struct stun_address own = {.family = like->family, .ip = {192, 0, 2, 66}};
    if (own.family == STUN_ADDRESS_IPV6)
        own = (struct stun_address){.family = STUN_ADDRESS_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x66}};
    own.port = (uint16_t)(20000 + attacker->port);
    attacker->port = (attacker->port + 1) % ATTACKER_PORTS;
    return own;
}

static void inject(struct attacker *attacker, const struct stun_address *source, const struct stun_address *destination, const uint8_t *bytes, size_t length) {
    attacker->sent++;
    sim_network_inject(sim_network_of(attacker->sim), SIM_PUBLIC, source, destination, bytes, length);
}

static void send_delayed(void *context) {
    struct attacker_delayed *delayed = context;
    inject(delayed->attacker, &delayed->source, &delayed->destination, delayed->bytes, delayed->length);
}

static void inject_later(struct attacker *attacker, uint64_t after_us, const struct stun_address *source, const struct stun_address *destination,
                         const uint8_t *bytes, size_t length) {
    struct attacker_delayed *delayed = malloc(sizeof *delayed + length);
    if (!delayed)
        abort();
    *delayed = (struct attacker_delayed){.next = attacker->delayed, .attacker = attacker, .source = *source, .destination = *destination, .length = length};
    memcpy(delayed->bytes, bytes, length);
    attacker->delayed = delayed;
    sim_network_call_at(sim_network_of(attacker->sim), sim_now(attacker->sim) + after_us, send_delayed, delayed);
}

static void random_bytes(struct attacker *attacker, uint8_t *bytes, size_t length) {
    sim_random_fill(&attacker->random, bytes, length);
}

/* A MAC that is as long as it should be, and wrong; and a fingerprint that is right. */
static void sign_badly(struct attacker *attacker, struct turn_wire_writer *writer) {
    uint8_t mac[20];
    random_bytes(attacker, mac, sizeof mac);
    turn_wire_add(writer, TURN_INTEGRITY, mac, sizeof mac);
    turn_wire_add_fingerprint(writer);
}

/* ---- answers that were not asked of him ------------------------------------------------------------------------------------------ */

static void forge_success(struct attacker *attacker, const struct turn_wire_message *request, const struct stun_address *asker, const struct stun_address *asked) {
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        struct turn_wire_writer writer;
        struct stun_address mapped = own_address(attacker, asker);
        turn_wire_begin(&writer, TURN_SUCCESS, request->method, request->id);
        turn_wire_add_address(&writer, TURN_MAPPED_ADDRESS, &mapped, true);
        if (request->method == TURN_ALLOCATE)
            turn_wire_add_address(&writer, TURN_RELAYED_ADDRESS, &mapped, true);
        if (request->method == TURN_ALLOCATE || request->method == TURN_REFRESH)
            turn_wire_add_u32(&writer, TURN_LIFETIME, 0);
        if (is_signed)
            sign_badly(attacker, &writer);
        else
            turn_wire_add_fingerprint(&writer);
        inject(attacker, asked, asker, writer.bytes, writer.length);
    }
}

static void forge_errors(struct attacker *attacker, const struct turn_wire_message *request, const struct stun_address *asker, const struct stun_address *asked) {
    static const uint16_t codes[] = {300, 400, 401, 403, 420, 437, 438, 441, 487, 500};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        for (int is_signed = 0; is_signed < 2; is_signed++) {
            struct turn_wire_writer writer;
            struct stun_address alternate = own_address(attacker, asker);
            turn_wire_begin(&writer, TURN_ERROR, request->method, request->id);
            turn_wire_add_error(&writer, codes[i], "");
            turn_wire_add(&writer, TURN_REALM, "sim", 3);
            turn_wire_add(&writer, TURN_NONCE, "forged", 6);
            turn_wire_add_address(&writer, TURN_ALTERNATE_SERVER, &alternate, false);
            if (is_signed)
                sign_badly(attacker, &writer);
            else
                turn_wire_add_fingerprint(&writer);
            inject(attacker, asked, asker, writer.bytes, writer.length);
        }
    }
}

/* ---- requests that were never asked ---------------------------------------------------------------------------------------------- */

static void remember_target(struct attacker *attacker, const struct stun_address *target) {
    for (size_t i = 0; i < attacker->target_count; i++)
        if (stun_address_equal(&attacker->targets[i], target))
            return;
    if (attacker->target_count < ATTACKER_TARGET_MAX)
        attacker->targets[attacker->target_count++] = *target;
}

/* The check seen last with a new transaction id and a MAC of chance, to everybody who is sent checks. */
static void flood(void *context) {
    struct attacker *attacker = context;
    struct turn_wire_message request;
    sim_network_call_at(sim_network_of(attacker->sim), sim_now(attacker->sim) + FLOOD_EVERY_US, flood, attacker);
    if (attacker->target_count == 0 || !turn_wire_read(attacker->request, attacker->request_length, &request))
        return;
    struct turn_wire_writer writer;
    uint8_t id[12];
    random_bytes(attacker, id, sizeof id);
    turn_wire_begin(&writer, TURN_REQUEST, TURN_BINDING, id);
    for (size_t i = 0; i < request.value_count; i++)
        if (request.values[i].type != TURN_INTEGRITY && request.values[i].type != TURN_FINGERPRINT)
            turn_wire_add(&writer, request.values[i].type, request.values[i].bytes, request.values[i].length);
    sign_badly(attacker, &writer);
    const struct stun_address *target = &attacker->targets[attacker->port % attacker->target_count];
    struct stun_address source = own_address(attacker, target);
    inject(attacker, &source, target, writer.bytes, writer.length);
}

static void replay_check(struct attacker *attacker, const struct stun_address *source, const struct stun_address *destination, const uint8_t *bytes, size_t length) {
    inject(attacker, source, destination, bytes, length);
    inject_later(attacker, 300 * SIM_MILLISECOND_US, source, destination, bytes, length);
    inject_later(attacker, 3 * SIM_SECOND_US, source, destination, bytes, length);
    inject_later(attacker, REPLAY_LATE_US, source, destination, bytes, length);
    for (int i = 0; i < 50; i++) {
        struct stun_address own = own_address(attacker, destination);
        inject(attacker, &own, destination, bytes, length);
        inject_later(attacker, (uint64_t)(i + 1) * 20 * SIM_MILLISECOND_US, &own, destination, bytes, length);
    }
}

/* ---- in the name of a TURN server, or of its client ------------------------------------------------------------------------------- */

static void send_data_in_its_name(struct attacker *attacker, const struct stun_address *server, const struct stun_address *client, const uint8_t *data, size_t length) {
    struct turn_wire_writer writer;
    uint8_t frame[256] = {0x40, 0, (uint8_t)(length >> 8), (uint8_t)length}, id[12];
    memcpy(frame + 4, data, length);
    inject(attacker, server, client, frame, 4 + length);
    for (size_t i = 0; i < attacker->target_count && i < 4; i++) {
        random_bytes(attacker, id, sizeof id);
        turn_wire_begin(&writer, TURN_INDICATION, TURN_DATA, id);
        turn_wire_add_address(&writer, TURN_PEER_ADDRESS, &attacker->targets[i], true);
        turn_wire_add(&writer, TURN_DATA_VALUE, data, length);
        inject(attacker, server, client, writer.bytes, writer.length);
    }
}

static const uint8_t alert[] = {21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40}; /* fatal: handshake_failure */

static void attack_turn_client(struct attacker *attacker, const struct stun_address *server, const struct stun_address *client) {
    uint8_t garbage[64];
    /* What he asks in the client's name is answered, which he sees too: not without end. */
    if (sim_now(attacker->sim) < attacker->next_turn_us)
        return;
    attacker->next_turn_us = sim_now(attacker->sim) + TURN_EVERY_US;
    random_bytes(attacker, garbage, sizeof garbage);
    garbage[0] = 0x80;
    send_data_in_its_name(attacker, server, client, garbage, sizeof garbage);
    send_data_in_its_name(attacker, server, client, alert, sizeof alert);
    /* And the other way: the allocation shall be given back, and garbage sent. */
    struct turn_wire_writer writer;
    uint8_t id[12];
    random_bytes(attacker, id, sizeof id);
    turn_wire_begin(&writer, TURN_REQUEST, TURN_REFRESH, id);
    turn_wire_add_u32(&writer, TURN_LIFETIME, 0);
    sign_badly(attacker, &writer);
    inject(attacker, client, server, writer.bytes, writer.length);
}

/* ---- in the peer's name -------------------------------------------------------------------------------------------------------------- */

/* RFC 6347 section 4.2.2: the beginning of a ClientHello, which goes no further. */
static const uint8_t hello[] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 20, 1, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 8, 0xFE, 0xFD, 1, 2, 3, 4, 5, 6};

static void attack_media(struct attacker *attacker, const struct stun_address *source, const struct stun_address *destination, const uint8_t *bytes, size_t length) {
    uint8_t forged[2048];
    if (length > sizeof forged)
        return;
    inject(attacker, source, destination, bytes, length); /* twice the same */
    inject_later(attacker, 500 * SIM_MILLISECOND_US, source, destination, bytes, length);
    memcpy(forged, bytes, length);
    forged[length - 1] ^= 1;
    inject(attacker, source, destination, forged, length);
    inject(attacker, source, destination, alert, sizeof alert);
    inject(attacker, source, destination, hello, sizeof hello);
    if (bytes[0] >= 128 && length >= 4) {
        forged[2] = (uint8_t)(forged[2] + 0x40); /* a sequence number far ahead */
        inject(attacker, source, destination, forged, length);
    }
}

static void attack_by_icmp(struct attacker *attacker, const struct stun_address *destination) {
    static const int errors[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EPERM};
    for (int i = 0; i < 2; i++) {
        struct sim_path path = {.local = attacker->sides[i].bases[0], .remote = *destination};
        if (path.local.family != destination->family)
            continue;
        attacker->sent++;
        sim_network_inject_error(sim_network_of(attacker->sim), &path, errors[sim_random_below(&attacker->random, 4)]);
    }
}

/* ---- what he sees ----------------------------------------------------------------------------------------------------------------------- */

static bool is_signed(const struct turn_wire_message *message) {
    return turn_wire_find(message, TURN_INTEGRITY) || turn_wire_find(message, TURN_INTEGRITY_SHA256);
}

static void sees_request(struct attacker *attacker, const struct turn_wire_message *message, const struct stun_address *source, const struct stun_address *destination) {
    bool is_check = message->method == TURN_BINDING && is_signed(message);
    if (is_check && message->length <= sizeof attacker->request) {
        memcpy(attacker->request, message->bytes, message->length);
        attacker->request_length = message->length;
        remember_target(attacker, destination);
        remember_target(attacker, source);
    }
    if (is_check && attacker->attacks & ATTACK_REPLAYS)
        replay_check(attacker, source, destination, message->bytes, message->length);
    bool is_of_turn = message->method != TURN_BINDING && is_signed(message);
    if ((is_check && attacker->attacks & ATTACK_RESPONSES) || (is_of_turn && attacker->attacks & ATTACK_TURN) ||
        (message->method == TURN_BINDING && !is_signed(message) && attacker->attacks & ATTACK_STUN_SERVERS))
        forge_success(attacker, message, source, destination);
    if ((is_check && attacker->attacks & ATTACK_ERRORS) || (is_of_turn && attacker->attacks & ATTACK_TURN))
        forge_errors(attacker, message, source, destination);
}

static void sees(void *context, const struct stun_address *source, const struct stun_address *destination, const uint8_t *bytes, size_t length) {
    struct attacker *attacker = context;
    struct turn_wire_message message;
    if (length == 0)
        return;
    if (attacker->attacks & ATTACK_ICMP)
        attack_by_icmp(attacker, destination);
    if (attacker->attacks & ATTACK_TURN && source->port == TURN_PORT && (bytes[0] & 0xC0) == 0x40)
        attack_turn_client(attacker, source, destination);
    if (turn_wire_read(bytes, length, &message)) {
        if (message.class_ == TURN_REQUEST)
            sees_request(attacker, &message, source, destination);
        if (attacker->attacks & ATTACK_TURN && source->port == TURN_PORT && message.method != TURN_BINDING)
            attack_turn_client(attacker, source, destination);
    } else if (bytes[0] >= 20 && !(bytes[0] >= 64 && bytes[0] <= 79) && attacker->attacks & ATTACK_MEDIA) {
        attack_media(attacker, source, destination, bytes, length);
    }
}

void attacker_begin(struct attacker *attacker, struct sim *sim, unsigned attacks, struct transport_side sides[2]) {
    *attacker = (struct attacker){.sim = sim, .attacks = attacks, .sides = sides};
    sim_random_seed(&attacker->random, sim_seed(sim) + 1);
    sim_network_set_tap(sim_network_of(sim), SIM_PUBLIC, sees, attacker);
    if (attacks & ATTACK_FLOOD)
        flood(attacker);
}

void attacker_end(struct attacker *attacker) {
    sim_network_set_tap(sim_network_of(attacker->sim), SIM_PUBLIC, NULL, NULL);
    while (attacker->delayed) {
        struct attacker_delayed *delayed = attacker->delayed;
        attacker->delayed = delayed->next;
        free(delayed);
    }
}
