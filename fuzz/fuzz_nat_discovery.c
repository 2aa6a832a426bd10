/* links: ice stun */
/*
 * NAT discovery driven by a script: time, answers of the servers (right, wrong, from elsewhere), our own request turned round, noise. It always ends,
 * sends no more than its rounds can, and never waits for a moment that has passed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ice/nat_behaviour.h"
#include "stun/message.h"

#define REQUESTS_MAX ((ICE_NAT_SERVER_MAX + 5) * 3)

struct script {
    const uint8_t *bytes;
    size_t length;
};

static uint8_t next_byte(struct script *script) {
    if (script->length == 0)
        return 0;
    script->length--;
    return *script->bytes++;
}

static void require(bool holds) {
    if (!holds)
        abort();
}

static void count_up(void *context, uint8_t *out, size_t length) {
    uint32_t *next = context;
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)((*next)++ >> (i % 3));
}

static struct stun_address address_of(uint8_t choice) {
    return (struct stun_address){.family = STUN_ADDRESS_IPV4, .port = (uint16_t)(3478 + (choice >> 6)), .ip = {203, 0, 113, (uint8_t)(choice & 7)}};
}

/* The last request that was sent, and the driver's state. */
struct world {
    struct ice_nat_discovery *discovery;
    uint64_t now_us;
    uint8_t request[ICE_DATAGRAM_MAX_BYTES];
    struct ice_transmit transmit;
    unsigned sent;
};

static void drain(struct world *world) {
    while (ice_nat_discovery_poll_transmit(world->discovery, world->now_us, world->request, sizeof world->request, &world->transmit))
        require(++world->sent <= REQUESTS_MAX);
    uint64_t next_us = ice_nat_discovery_next_timeout(world->discovery);
    require(next_us > world->now_us && (next_us == UINT64_MAX) == ice_nat_discovery_is_done(world->discovery));
    struct ice_nat_behaviour found;
    char text[ICE_NAT_TEXT_BYTES];
    ice_nat_discovery_result(world->discovery, &found);
    require(found.servers_answered <= found.servers_asked && ice_nat_behaviour_write(&found, text, sizeof text) > 0);
}

static void answer(struct world *world, struct script *script) {
    uint8_t bytes[256], kind = next_byte(script);
    struct stun_message request;
    struct ice_path path = world->transmit.path;
    require(stun_message_parse(world->request, world->transmit.length, &request) == STUN_OK);
    if (kind & 1)
        path.remote = address_of(next_byte(script));
    if (kind & 2) { /* a hairpin */
        (void)ice_nat_discovery_handle_datagram(world->discovery, world->now_us, &path, world->request, world->transmit.length);
        return;
    }
    struct stun_address mapped = address_of(next_byte(script)), other = address_of(next_byte(script));
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, kind & 4 ? STUN_CLASS_ERROR_RESPONSE : STUN_CLASS_SUCCESS_RESPONSE, STUN_METHOD_BINDING, request.transaction_id);
    if (kind & 8)
        stun_writer_add_address(&writer, STUN_ATTRIBUTE_MAPPED_ADDRESS, &mapped);
    else
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, kind & 16 ? &world->transmit.path.local : &mapped);
    if (kind & 32)
        stun_writer_add_address(&writer, STUN_ATTRIBUTE_OTHER_ADDRESS, &other);
    int length = stun_writer_finish(&writer);
    require(length > 0);
    (void)ice_nat_discovery_handle_datagram(world->discovery, world->now_us, &path, bytes, (size_t)length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct script script = {data, size};
    struct stun_address servers[ICE_NAT_SERVER_MAX];
    uint32_t random = 1;
    size_t count = next_byte(&script) % ICE_NAT_SERVER_MAX + 1;
    for (size_t i = 0; i < count; i++)
        servers[i] = address_of(next_byte(&script));
    struct ice_nat_discovery_config config = {.base = address_of(7), .servers = servers, .server_count = count, .random = count_up, .random_context = &random};
    struct world world = {.now_us = 1000000};
    world.discovery = ice_nat_discovery_new(&config, world.now_us);
    require(world.discovery != NULL);
    drain(&world);
    while (script.length > 0) {
        uint8_t operation = next_byte(&script);
        if (operation < 64)
            world.now_us += (uint64_t)operation * 10000;
        else if (operation < 192)
            answer(&world, &script);
        else
            (void)ice_nat_discovery_handle_datagram(world.discovery, world.now_us, &world.transmit.path, script.bytes,
                                                    script.length < operation ? script.length : operation);
        ice_nat_discovery_handle_timeout(world.discovery, world.now_us);
        drain(&world);
    }
    while (!ice_nat_discovery_is_done(world.discovery)) {
        world.now_us = ice_nat_discovery_next_timeout(world.discovery);
        ice_nat_discovery_handle_timeout(world.discovery, world.now_us);
        drain(&world);
    }
    ice_nat_discovery_free(world.discovery);
    return 0;
}
