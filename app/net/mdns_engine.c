/* The engine as a whole: its links, and who a datagram is for. */
#include "app/net/mdns_engine_internal.h"

#include <stdlib.h>
#include <string.h>

#include "app/net/sockaddr_internal.h"

struct mdns_engine *mdns_engine_new(void (*random)(void *context, uint8_t *out, size_t length), void *random_context, uint64_t now_us) {
    struct mdns_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return NULL;
    engine->random = random;
    engine->random_context = random_context;
    engine->reply_credit_us = 1000000;
    engine->credit_at_us = now_us;
    return engine;
}

void mdns_engine_free(struct mdns_engine *engine) {
    free(engine);
}

/* ---- links -------------------------------------------------------------------------------------------------------------- */

struct stun_address mdns_engine_group(enum stun_address_family family) {
    if (family == STUN_ADDRESS_IPV4)
        return (struct stun_address){.family = STUN_ADDRESS_IPV4, .port = MDNS_PORT, .ip = {224, 0, 0, 251}};
    return (struct stun_address){.family = STUN_ADDRESS_IPV6, .port = MDNS_PORT, .ip = {0xff, 0x02, [15] = 0xfb}};
}

bool mdns_engine_has_link(const struct mdns_engine *engine, uint32_t interface, enum stun_address_family family) {
    for (size_t i = 0; i < engine->link_count; i++)
        if (engine->links[i].interface == interface && engine->links[i].family == family)
            return true;
    return false;
}

uint32_t mdns_engine_all_links(const struct mdns_engine *engine) {
    return engine->link_count == 32 ? UINT32_MAX : (UINT32_C(1) << engine->link_count) - 1;
}

void mdns_engine_set_interfaces(struct mdns_engine *engine, uint64_t now_us, const struct net_interface_address *addresses, size_t count) {
    (void)now_us;
    engine->address_count = count < NET_INTERFACE_MAX ? count : NET_INTERFACE_MAX;
    engine->link_count = 0;
    for (size_t i = 0; i < engine->address_count; i++) {
        const struct net_interface_address *address = &addresses[i];
        engine->addresses[i] = *address;
        if (!mdns_engine_has_link(engine, address->index, address->address.family))
            engine->links[engine->link_count++] = (struct mdns_link){.interface = address->index, .family = address->address.family};
    }
    /* The bits mean other links now: what is being asked is asked on all of them. */
    for (size_t i = 0; i < MDNS_QUESTION_MAX; i++)
        if (engine->asked[i].used && !engine->asked[i].done)
            engine->asked[i].unsent = mdns_engine_all_links(engine);
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits) {
    unsigned rest = bits % 8;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    return memcmp(a, b, bits / 8) == 0 && (rest == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

/* RFC 6762 section 11: the source of a unicast message is in a network of the interface that it came in by; link-local IPv6 always is. */
bool mdns_engine_is_on_link(const struct mdns_engine *engine, uint32_t interface, const struct stun_address *address) {
    for (size_t i = 0; i < engine->address_count; i++) {
        const struct net_interface_address *ours = &engine->addresses[i];
        if (ours->index != interface || ours->address.family != address->family)
            continue;
        if (net_address_is_link_local(address) || same_prefix(ours->address.ip, address->ip, ours->prefix_bits))
            return true;
    }
    return false;
}

/* ---- what comes in ------------------------------------------------------------------------------------------------------------ */

void mdns_engine_handle_datagram(struct mdns_engine *engine, uint64_t now_us, const struct mdns_origin *origin, const uint8_t *bytes, size_t length) {
    struct mdns_message message;
    engine->statistics.datagrams_received++;
    if (mdns_message_parse(bytes, length, &message, NULL) != MDNS_OK) {
        engine->statistics.malformed_dropped++;
        return;
    }
    /*
     * What came to the group's address cannot have come from beyond the link; what came to us alone can (RFC 6762 section 11).
     * RFC 6762 section 6, MUST: responses from another port than 5353 are ignored.
     */
    bool from_link = origin->socket == MDNS_SOCKET_SHARED || mdns_engine_is_on_link(engine, origin->interface, &origin->source);
    if (!from_link || (message.response && origin->source.port != MDNS_PORT)) {
        engine->statistics.off_link_dropped++;
        return;
    }
    if (message.response)
        mdns_question_handle_response(engine, origin, &message);
    else if (origin->socket == MDNS_SOCKET_SHARED)
        mdns_owned_handle_query(engine, now_us, origin, &message);
}

/* ---- time ------------------------------------------------------------------------------------------------------------------------ */

void mdns_engine_handle_timeout(struct mdns_engine *engine, uint64_t now_us) {
    mdns_question_handle_timeout(engine, now_us);
    mdns_owned_handle_timeout(engine, now_us);
}

uint64_t mdns_engine_next_timeout(const struct mdns_engine *engine) {
    uint64_t question_us = mdns_question_next_timeout(engine), owned_us = mdns_owned_next_timeout(engine);
    return question_us < owned_us ? question_us : owned_us;
}

/* ---- what goes out ------------------------------------------------------------------------------------------------------------------ */

static bool poll_reply(struct mdns_engine *engine, uint8_t *buffer, struct mdns_transmit *out) {
    if (engine->reply_count == 0)
        return false;
    *out = engine->replies[0].transmit;
    memcpy(buffer, engine->replies[0].bytes, out->length);
    engine->reply_count--;
    memmove(&engine->replies[0], &engine->replies[1], engine->reply_count * sizeof engine->replies[0]);
    engine->statistics.replies_sent++;
    return true;
}

bool mdns_engine_poll_transmit(struct mdns_engine *engine, uint64_t now_us, uint8_t *buffer, size_t capacity, struct mdns_transmit *out) {
    if (capacity < MDNS_WRITE_MAX_BYTES)
        return false;
    return poll_reply(engine, buffer, out) || mdns_owned_poll_transmit(engine, now_us, buffer, capacity, out) ||
           mdns_question_poll_transmit(engine, buffer, capacity, out);
}

void mdns_engine_statistics(const struct mdns_engine *engine, struct mdns_statistics *out) {
    *out = engine->statistics;
    out->questions = out->owned = 0;
    for (size_t i = 0; i < MDNS_QUESTION_MAX; i++)
        out->questions += engine->asked[i].used;
    for (size_t i = 0; i < MDNS_OWNED_MAX; i++)
        out->owned += engine->owned[i].used && !engine->owned[i].leaving;
}
