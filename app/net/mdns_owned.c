/* Owning names: announcing them, answering for them on the one interface that has the address, and saying goodbye. */
#include "app/net/mdns_engine_internal.h"

#include <errno.h>
#include <string.h>

#define SECOND_US UINT64_C(1000000)

static const enum stun_address_family families[2] = {STUN_ADDRESS_IPV4, STUN_ADDRESS_IPV6};

/* ---- having ------------------------------------------------------------------------------------------------------------------ */

const struct mdns_owned *mdns_owned_find(const struct mdns_engine *engine, const char *name) {
    for (size_t i = 0; i < MDNS_OWNED_MAX; i++)
        if (engine->owned[i].used && !engine->owned[i].leaving && strcmp(engine->owned[i].name, name) == 0)
            return &engine->owned[i];
    return NULL;
}

static struct mdns_owned *free_slot(struct mdns_engine *engine) {
    for (size_t i = 0; i < MDNS_OWNED_MAX; i++)
        if (!engine->owned[i].used)
            return &engine->owned[i];
    return NULL;
}

int mdns_engine_own(struct mdns_engine *engine, uint64_t now_us, const struct stun_address *address, uint32_t interface, char *name) {
    if (stun_address_ip_bytes(address) == 0)
        return -EINVAL;
    struct mdns_owned *owned = free_slot(engine);
    if (owned == NULL)
        return -ENOSPC;
    *owned = (struct mdns_owned){.used = true, .address = *address, .interface = interface, .announcements_left = MDNS_ANNOUNCEMENTS,
                                 .announce_us = now_us};
    owned->address.port = 0;
    for (size_t i = 0; i < 2; i++)
        owned->due[i] = (struct mdns_due){.at_us = UINT64_MAX, .last_us = UINT64_MAX};
    uint8_t random[16];
    engine->random(engine->random_context, random, sizeof random);
    mdns_uuid_name(random, owned->name);
    memcpy(name, owned->name, sizeof owned->name);
    /* draft-ietf-mmusic-mdns-ice-candidates section 3.1.1, SHOULD: the name is announced, and not probed for: with 122 random bits nobody else has it. */
    mdns_owned_handle_timeout(engine, now_us);
    return 0;
}

/* RFC 6762 section 10.1, SHOULD: a name that goes is taken back at once, with a TTL of 0. */
static void leave(struct mdns_owned *owned, uint64_t now_us) {
    owned->leaving = true;
    for (size_t i = 0; i < 2; i++)
        owned->due[i] = (struct mdns_due){.at_us = now_us, .say = MDNS_SAY_ADDRESS, .last_us = UINT64_MAX};
}

void mdns_engine_disown(struct mdns_engine *engine, uint64_t now_us, const char *name) {
    for (size_t i = 0; i < MDNS_OWNED_MAX; i++)
        if (engine->owned[i].used && !engine->owned[i].leaving && strcmp(engine->owned[i].name, name) == 0)
            leave(&engine->owned[i], now_us);
}

void mdns_engine_disown_all(struct mdns_engine *engine, uint64_t now_us) {
    for (size_t i = 0; i < MDNS_OWNED_MAX; i++)
        if (engine->owned[i].used && !engine->owned[i].leaving)
            leave(&engine->owned[i], now_us);
}

/* ---- multicasting --------------------------------------------------------------------------------------------------------------- */

/* RFC 6762 section 6, MUST NOT: a record is multicast again before a second has passed. */
static void schedule(struct mdns_due *due, uint64_t now_us, unsigned say) {
    uint64_t at_us = due->last_us != UINT64_MAX && due->last_us + MDNS_MULTICAST_INTERVAL_US > now_us ? due->last_us + MDNS_MULTICAST_INTERVAL_US : now_us;
    due->at_us = due->at_us < at_us ? due->at_us : at_us;
    due->say |= say;
}

void mdns_owned_handle_timeout(struct mdns_engine *engine, uint64_t now_us) {
    for (size_t i = 0; i < MDNS_OWNED_MAX; i++) {
        struct mdns_owned *owned = &engine->owned[i];
        if (!owned->used || owned->leaving || owned->announcements_left == 0 || now_us < owned->announce_us)
            continue;
        /* RFC 6762 section 8.3, MUST: two unsolicited responses at least, a second apart. */
        owned->announcements_left--;
        owned->announce_us = now_us + MDNS_MULTICAST_INTERVAL_US;
        for (size_t f = 0; f < 2; f++)
            schedule(&owned->due[f], now_us, MDNS_SAY_ADDRESS);
        engine->statistics.announcements_sent++;
    }
}

uint64_t mdns_owned_next_timeout(const struct mdns_engine *engine) {
    uint64_t next_us = UINT64_MAX;
    for (size_t i = 0; i < MDNS_OWNED_MAX; i++) {
        const struct mdns_owned *owned = &engine->owned[i];
        if (!owned->used)
            continue;
        if (owned->announcements_left > 0 && !owned->leaving && owned->announce_us < next_us)
            next_us = owned->announce_us;
        for (size_t f = 0; f < 2; f++)
            next_us = owned->due[f].at_us < next_us ? owned->due[f].at_us : next_us;
    }
    return next_us;
}

/* Takes what is due on one family of the name's interface. False: nothing is to be sent there. */
static bool take_due(struct mdns_engine *engine, struct mdns_owned *owned, size_t family, uint64_t now_us, uint8_t *buffer, size_t capacity,
                     struct mdns_transmit *out) {
    struct mdns_due *due = &owned->due[family];
    if (now_us < due->at_us)
        return false;
    unsigned say = due->say;
    *due = (struct mdns_due){.at_us = UINT64_MAX, .last_us = now_us};
    if (!mdns_engine_has_link(engine, owned->interface, families[family]))
        return false;
    int length = mdns_write_response(owned->name, &owned->address, say, owned->leaving ? 0 : MDNS_TTL_S, NULL, buffer, capacity);
    if (length < 0)
        return false;
    *out = (struct mdns_transmit){.socket = MDNS_SOCKET_SHARED, .interface = owned->interface, .to = mdns_engine_group(families[family]),
                                  .length = (size_t)length};
    engine->statistics.responses_sent++;
    return true;
}

bool mdns_owned_poll_transmit(struct mdns_engine *engine, uint64_t now_us, uint8_t *buffer, size_t capacity, struct mdns_transmit *out) {
    for (size_t i = 0; i < MDNS_OWNED_MAX; i++) {
        struct mdns_owned *owned = &engine->owned[i];
        if (!owned->used)
            continue;
        for (size_t f = 0; f < 2; f++)
            if (take_due(engine, owned, f, now_us, buffer, capacity, out))
                return true;
        if (owned->leaving)
            owned->used = false; /* both goodbyes are said */
    }
    return false;
}

/* ---- answering -------------------------------------------------------------------------------------------------------------------- */

/* What a query wants to know of one name. */
struct wanted {
    unsigned say;
    bool multicast; /* some question did not have the unicast-response bit */
    uint16_t type;  /* of the first question */
};

static unsigned what_to_say(const struct mdns_owned *owned, const struct mdns_question *question) {
    uint16_t own_type = owned->address.family == STUN_ADDRESS_IPV4 ? MDNS_TYPE_A : MDNS_TYPE_AAAA;
    if (!question->internet)
        return 0;
    if (question->type == own_type || question->type == MDNS_TYPE_ANY)
        return MDNS_SAY_ADDRESS;
    /* RFC 6762 section 6.1, MUST: of a name that is ours alone, say that the type does not exist, rather than nothing. */
    return MDNS_SAY_NO_OTHER;
}

/* Only names of the interface that the query came in by: an address is told nowhere else. */
static size_t find_on(const struct mdns_engine *engine, uint32_t interface, const char *name) {
    const struct mdns_owned *owned = mdns_owned_find(engine, name);
    return owned != NULL && owned->interface == interface ? (size_t)(owned - engine->owned) : MDNS_OWNED_MAX;
}

static bool read_questions(const struct mdns_engine *engine, const struct mdns_origin *origin, const struct mdns_message *message,
                           struct wanted wanted[MDNS_OWNED_MAX]) {
    struct mdns_cursor cursor = {0};
    struct mdns_question question;
    bool any = false;
    while (mdns_message_next_question(message, &cursor, &question)) {
        size_t index = find_on(engine, origin->interface, question.name);
        unsigned say = index < MDNS_OWNED_MAX ? what_to_say(&engine->owned[index], &question) : 0;
        if (say == 0)
            continue;
        if (wanted[index].say == 0)
            wanted[index].type = question.type;
        wanted[index].say |= say;
        wanted[index].multicast = wanted[index].multicast || !question.unicast_response;
        any = true;
    }
    return any;
}

/* RFC 6762 section 7.1, MUST NOT: what the asker lists as known, with half of its lifetime left, is not said again. */
static void leave_out_known(const struct mdns_engine *engine, const struct mdns_origin *origin, const struct mdns_message *message,
                            struct wanted wanted[MDNS_OWNED_MAX]) {
    struct mdns_cursor cursor = {0};
    struct mdns_record record;
    while (mdns_message_next_record(message, &cursor, &record)) {
        size_t index = record.section == MDNS_SECTION_ANSWER ? find_on(engine, origin->interface, record.name) : MDNS_OWNED_MAX;
        if (index < MDNS_OWNED_MAX && record.ttl_s >= MDNS_TTL_S / 2 && stun_address_equal_ip(&record.address, &engine->owned[index].address))
            wanted[index].say &= ~(unsigned)MDNS_SAY_ADDRESS;
    }
}

/* A reply to one host costs a twentieth of a second's credit: what floods us with questions does not make us flood. */
static bool may_reply(struct mdns_engine *engine, uint64_t now_us) {
    uint64_t credit_us = engine->reply_credit_us + (now_us - engine->credit_at_us);
    engine->reply_credit_us = credit_us < SECOND_US ? credit_us : SECOND_US;
    engine->credit_at_us = now_us;
    if (engine->reply_count == MDNS_REPLY_MAX || engine->reply_credit_us < SECOND_US / MDNS_REPLIES_PER_S)
        return false;
    engine->reply_credit_us -= SECOND_US / MDNS_REPLIES_PER_S;
    return true;
}

static void reply(struct mdns_engine *engine, uint64_t now_us, const struct mdns_origin *origin, const struct mdns_owned *owned,
                  const struct wanted *wanted, const struct mdns_legacy *legacy) {
    if (!mdns_engine_is_on_link(engine, origin->interface, &origin->source)) {
        engine->statistics.off_link_dropped++; /* a forged source: RFC 6762 section 11 */
        return;
    }
    if (!may_reply(engine, now_us)) {
        engine->statistics.replies_dropped++;
        return;
    }
    struct mdns_reply *slot = &engine->replies[engine->reply_count];
    int length = mdns_write_response(owned->name, &owned->address, wanted->say, MDNS_TTL_S, legacy, slot->bytes, sizeof slot->bytes);
    if (length < 0)
        return;
    slot->transmit = (struct mdns_transmit){.socket = MDNS_SOCKET_SHARED, .interface = origin->interface, .to = origin->source, .length = (size_t)length};
    engine->reply_count++;
}

void mdns_owned_handle_query(struct mdns_engine *engine, uint64_t now_us, const struct mdns_origin *origin, const struct mdns_message *message) {
    struct wanted wanted[MDNS_OWNED_MAX] = {{0}};
    /* RFC 6762 section 6.7: a query from another port is from a simple resolver that hears no multicast. */
    bool one_shot = origin->source.port != MDNS_PORT;
    if (!read_questions(engine, origin, message, wanted))
        return;
    if (!one_shot)
        leave_out_known(engine, origin, message, wanted);
    for (size_t i = 0; i < MDNS_OWNED_MAX; i++) {
        if (wanted[i].say == 0)
            continue;
        struct mdns_due *due = &engine->owned[i].due[origin->source.family == STUN_ADDRESS_IPV6];
        /* RFC 6762 section 5.4, SHOULD: to one host only if the link has heard it in the last quarter of its lifetime. */
        bool fresh = due->last_us != UINT64_MAX && now_us - due->last_us < MDNS_TTL_S * SECOND_US / 4;
        if (one_shot)
            reply(engine, now_us, origin, &engine->owned[i], &wanted[i], &(struct mdns_legacy){.id = message->id, .type = wanted[i].type});
        else if (!wanted[i].multicast && fresh)
            reply(engine, now_us, origin, &engine->owned[i], &wanted[i], NULL);
        else
            schedule(due, now_us, wanted[i].say);
    }
}
