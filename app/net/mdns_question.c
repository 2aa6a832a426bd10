/* Asking: when a question goes out again, what is believed as its answer, and when nobody is going to give one. */
#include "app/net/mdns_engine_internal.h"

#include <errno.h>
#include <string.h>

/* ---- asking --------------------------------------------------------------------------------------------------------------- */

static struct mdns_asked *free_slot(struct mdns_engine *engine) {
    for (size_t i = 0; i < MDNS_QUESTION_MAX; i++)
        if (!engine->asked[i].used)
            return &engine->asked[i];
    return NULL;
}

int mdns_engine_ask(struct mdns_engine *engine, uint64_t now_us, uint64_t query, const char *name) {
    char host[MDNS_NAME_MAX_BYTES + 1];
    /* draft-ietf-mmusic-mdns-ice-candidates section 3.2.1: only such names are for Multicast DNS. */
    if (!mdns_name_is_local_host(name, host))
        return -EINVAL;
    struct mdns_asked *asked = free_slot(engine);
    if (asked == NULL)
        return -EBUSY;
    *asked = (struct mdns_asked){.used = true, .query = query, .next_us = now_us + MDNS_FIRST_RETRY_US, .deadline_us = now_us + MDNS_PATIENCE_US};
    memcpy(asked->name, host, strlen(host) + 1);
    const struct mdns_owned *ours = mdns_owned_find(engine, host);
    if (ours != NULL) {
        asked->addresses[asked->address_count++] = ours->address;
        asked->done = true;
        return 0;
    }
    uint8_t id[2];
    engine->random(engine->random_context, id, sizeof id);
    asked->id = (uint16_t)(id[0] << 8 | id[1]);
    asked->unsent = mdns_engine_all_links(engine);
    return 0;
}

/* ---- time --------------------------------------------------------------------------------------------------------------------- */

/*
 * RFC 6762 section 5.2, MUST: a second lies between the first two multicast queries, and the intervals double. The one-shot query before them is of
 * another kind, and its answer costs the link nothing.
 */
static uint64_t interval_us(unsigned attempt) {
    return (uint64_t)1000000 << (attempt - 1);
}

void mdns_question_handle_timeout(struct mdns_engine *engine, uint64_t now_us) {
    for (size_t i = 0; i < MDNS_QUESTION_MAX; i++) {
        struct mdns_asked *asked = &engine->asked[i];
        if (!asked->used || asked->done)
            continue;
        if (now_us >= asked->deadline_us) {
            asked->done = true;
        } else if (now_us >= asked->next_us) {
            asked->attempt++;
            asked->unsent = mdns_engine_all_links(engine);
            asked->next_us = now_us + interval_us(asked->attempt);
        }
    }
}

uint64_t mdns_question_next_timeout(const struct mdns_engine *engine) {
    uint64_t next_us = UINT64_MAX;
    for (size_t i = 0; i < MDNS_QUESTION_MAX; i++) {
        const struct mdns_asked *asked = &engine->asked[i];
        if (!asked->used || asked->done)
            continue;
        uint64_t own_us = asked->next_us < asked->deadline_us ? asked->next_us : asked->deadline_us;
        next_us = own_us < next_us ? own_us : next_us;
    }
    return next_us;
}

/* ---- sending --------------------------------------------------------------------------------------------------------------------- */

bool mdns_question_poll_transmit(struct mdns_engine *engine, uint8_t *buffer, size_t capacity, struct mdns_transmit *out) {
    for (size_t i = 0; i < MDNS_QUESTION_MAX; i++) {
        struct mdns_asked *asked = &engine->asked[i];
        if (!asked->used || asked->done || asked->unsent == 0)
            continue;
        unsigned index = (unsigned)__builtin_ctz(asked->unsent);
        asked->unsent &= asked->unsent - 1;
        bool one_shot = asked->attempt == 0;
        /* draft section 3.2.1, SHOULD: the unicast-response bit is set. RFC 6762 section 18.1, SHOULD: a multicast query has id 0. */
        int length = mdns_write_query(one_shot ? asked->id : 0, asked->name, one_shot, buffer, capacity);
        if (length < 0)
            continue;
        *out = (struct mdns_transmit){.socket = one_shot ? MDNS_SOCKET_ASKER : MDNS_SOCKET_SHARED, .interface = engine->links[index].interface,
                                      .to = mdns_engine_group(engine->links[index].family), .length = (size_t)length};
        engine->statistics.queries_sent++;
        return true;
    }
    return false;
}

/* ---- believing ---------------------------------------------------------------------------------------------------------------------- */

/* Can a host of this link have it? Loopback only where the link is loopback: nobody else may send us to our own services. */
static bool is_believable(const struct mdns_engine *engine, const struct mdns_origin *origin, const struct stun_address *address) {
    static const uint8_t zero[16];
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *ip = address->ip;
    bool v4 = address->family == STUN_ADDRESS_IPV4;
    bool loopback = v4 ? ip[0] == 127 : memcmp(ip, zero, 15) == 0 && ip[15] == 1;
    if (v4 ? ip[0] == 0 || ip[0] >= 224 : ip[0] == 0xff || memcmp(ip, mapped, sizeof mapped) == 0 || (memcmp(ip, zero, 12) == 0 && !loopback))
        return false;
    return !loopback || mdns_engine_is_on_link(engine, origin->interface, address);
}

static void add_address(struct mdns_asked *asked, const struct stun_address *address) {
    for (size_t i = 0; i < asked->address_count; i++)
        if (stun_address_equal(&asked->addresses[i], address))
            return;
    if (asked->address_count < MDNS_ANSWER_MAX)
        asked->addresses[asked->address_count++] = *address;
}

/* Returns whether a pending question wanted it. */
static bool offer_record(struct mdns_engine *engine, const struct mdns_origin *origin, const struct mdns_message *message, const struct mdns_record *record) {
    bool wanted = false;
    for (size_t i = 0; i < MDNS_QUESTION_MAX; i++) {
        struct mdns_asked *asked = &engine->asked[i];
        if (!asked->used || asked->done || strcmp(asked->name, record->name) != 0)
            continue;
        /* RFC 6762 section 6.7, MUST: the answer to a one-shot query repeats its id; a guess of it by others is worth nothing. */
        if (origin->socket == MDNS_SOCKET_ASKER && message->id != asked->id)
            continue;
        wanted = true;
        add_address(asked, &record->address);
    }
    return wanted;
}

static void note_conflict(struct mdns_engine *engine, const struct mdns_record *record) {
    const struct mdns_owned *ours = mdns_owned_find(engine, record->name);
    if (ours != NULL && !stun_address_equal_ip(&ours->address, &record->address))
        engine->statistics.conflicts++;
}

void mdns_question_handle_response(struct mdns_engine *engine, const struct mdns_origin *origin, const struct mdns_message *message) {
    struct mdns_cursor cursor = {0};
    struct mdns_record record;
    while (mdns_message_next_record(message, &cursor, &record)) {
        /* RFC 6762 section 10.1: a TTL of 0 takes back, and answers nothing. */
        if (record.address.family == STUN_ADDRESS_NONE || record.ttl_s == 0 || record.name[0] == '\0' || record.section == MDNS_SECTION_AUTHORITY)
            continue;
        note_conflict(engine, &record);
        if (!is_believable(engine, origin, &record.address))
            engine->statistics.unbelievable_dropped++;
        else if (!offer_record(engine, origin, message, &record))
            engine->statistics.unasked_dropped++;
    }
    /* All addresses of the message are taken before any question ends. */
    for (size_t i = 0; i < MDNS_QUESTION_MAX; i++)
        engine->asked[i].done = engine->asked[i].done || engine->asked[i].address_count > 0;
}

bool mdns_engine_poll_answer(struct mdns_engine *engine, struct mdns_answer *out) {
    for (size_t i = 0; i < MDNS_QUESTION_MAX; i++) {
        struct mdns_asked *asked = &engine->asked[i];
        if (!asked->used || !asked->done)
            continue;
        *out = (struct mdns_answer){.query = asked->query, .count = asked->address_count};
        memcpy(out->addresses, asked->addresses, sizeof out->addresses);
        asked->used = false;
        return true;
    }
    return false;
}
