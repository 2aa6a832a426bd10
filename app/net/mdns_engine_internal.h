/* What the engine's files share: links and dispatch (mdns_engine.c), asking (mdns_question.c), owning and answering (mdns_owned.c). */
#ifndef NET_MDNS_ENGINE_INTERNAL_H
#define NET_MDNS_ENGINE_INTERNAL_H

#include "app/net/mdns_engine.h"

/* An interface with addresses of one family: a place to send a multicast on. */
struct mdns_link {
    uint32_t interface;
    enum stun_address_family family;
};

struct mdns_asked {
    bool used, done;
    uint64_t query;
    char name[MDNS_NAME_MAX_BYTES + 1];
    uint16_t id;           /* of the one-shot query */
    unsigned attempt;      /* 0: the one-shot query */
    uint32_t unsent;       /* links that this attempt has yet to go out on */
    uint64_t next_us;      /* the next attempt */
    uint64_t deadline_us;
    size_t address_count;
    struct stun_address addresses[MDNS_ANSWER_MAX];
};

/* What is to be multicast about a name on one family of its interface. */
struct mdns_due {
    uint64_t at_us; /* UINT64_MAX: nothing */
    unsigned say;
    uint64_t last_us; /* when it was last multicast; UINT64_MAX: never */
};

struct mdns_owned {
    bool used, leaving;
    char name[MDNS_UUID_NAME_BYTES];
    struct stun_address address;
    uint32_t interface;
    unsigned announcements_left;
    uint64_t announce_us;
    struct mdns_due due[2]; /* IPv4, IPv6 */
};

struct mdns_reply {
    struct mdns_transmit transmit;
    uint8_t bytes[160];
};

struct mdns_engine {
    void (*random)(void *context, uint8_t *out, size_t length);
    void *random_context;
    struct net_interface_address addresses[NET_INTERFACE_MAX];
    size_t address_count;
    struct mdns_link links[NET_INTERFACE_MAX]; /* bits of mdns_asked.unsent */
    size_t link_count;
    struct mdns_asked asked[MDNS_QUESTION_MAX];
    struct mdns_owned owned[MDNS_OWNED_MAX];
    struct mdns_reply replies[MDNS_REPLY_MAX];
    size_t reply_count;
    uint64_t reply_credit_us; /* a second of it is MDNS_REPLIES_PER_S replies */
    uint64_t credit_at_us;
    struct mdns_statistics statistics;
};

/* mdns_engine.c */
bool mdns_engine_is_on_link(const struct mdns_engine *engine, uint32_t interface, const struct stun_address *address);
bool mdns_engine_has_link(const struct mdns_engine *engine, uint32_t interface, enum stun_address_family family);
uint32_t mdns_engine_all_links(const struct mdns_engine *engine);
struct stun_address mdns_engine_group(enum stun_address_family family);

/* mdns_question.c */
void mdns_question_handle_response(struct mdns_engine *engine, const struct mdns_origin *origin, const struct mdns_message *message);
void mdns_question_handle_timeout(struct mdns_engine *engine, uint64_t now_us);
uint64_t mdns_question_next_timeout(const struct mdns_engine *engine);
bool mdns_question_poll_transmit(struct mdns_engine *engine, uint8_t *buffer, size_t capacity, struct mdns_transmit *out);

/* mdns_owned.c */
const struct mdns_owned *mdns_owned_find(const struct mdns_engine *engine, const char *name);
void mdns_owned_handle_query(struct mdns_engine *engine, uint64_t now_us, const struct mdns_origin *origin, const struct mdns_message *message);
void mdns_owned_handle_timeout(struct mdns_engine *engine, uint64_t now_us);
uint64_t mdns_owned_next_timeout(const struct mdns_engine *engine);
bool mdns_owned_poll_transmit(struct mdns_engine *engine, uint64_t now_us, uint8_t *buffer, size_t capacity, struct mdns_transmit *out);

#endif
