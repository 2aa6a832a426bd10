/*
 * A resolver and responder of Multicast DNS (RFC 6762) for the names of ICE candidates (draft-ietf-mmusic-mdns-ice-candidates), without sockets:
 * bytes and time in, bytes and answers out, as docs/contract.md has it. app/net/mdns.h gives it sockets.
 *
 *     mdns_engine_new -> set_interfaces
 *     ask            -> poll_transmit ... handle_datagram ... poll_answer
 *     own            -> announces, then answers; disown says goodbye
 *
 * What it believes: only answers to a question that is pending, and only from the link. What it says: only the names it owns, only on the
 * interface that has the address.
 *
 * It sends from two kinds of socket. SHARED is bound to the group and port 5353, together with any other responder of the host; unicast does not reach
 * it, so it takes nothing away from them. ASKER has a port of its own: a first, one-shot query from there is answered to us alone (RFC 6762 section 5.1, 6.7),
 * at once, and without the second that a multicast answer may have to wait (section 6). The queries after it go from 5353, for responders that
 * only multicast.
 */
#ifndef NET_MDNS_ENGINE_H
#define NET_MDNS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/net/interfaces.h"
#include "app/net/mdns_message.h"

#define MDNS_PORT 5353
#define MDNS_PATIENCE_US 5000000u        /* from the question to "no such name" */
#define MDNS_FIRST_RETRY_US 300000u      /* after the one-shot query; then 1 s and 2 s, RFC 6762 section 5.2 */
#define MDNS_TTL_S 120                   /* RFC 6762 section 10: names of hosts */
#define MDNS_MULTICAST_INTERVAL_US 1000000u /* RFC 6762 section 6: of one record on one interface */
#define MDNS_ANNOUNCEMENTS 2             /* RFC 6762 section 8.3, one second apart */
#define MDNS_QUESTION_MAX 16             /* at one time */
#define MDNS_OWNED_MAX NET_INTERFACE_MAX /* names of ours */
#define MDNS_REPLY_MAX 16                /* unicast replies between two rounds of poll_transmit */
#define MDNS_REPLIES_PER_S 20            /* unicast replies in all; RFC 6762 limits multicast ones by itself */
#define MDNS_ANSWER_MAX 16               /* addresses of one name */

enum mdns_socket { MDNS_SOCKET_SHARED, MDNS_SOCKET_ASKER };

struct mdns_engine;

/* random: cryptographic in production, seeded in tests. NULL: memory is short. */
struct mdns_engine *mdns_engine_new(void (*random)(void *context, uint8_t *out, size_t length), void *random_context, uint64_t now_us);
void mdns_engine_free(struct mdns_engine *engine);

/* The addresses there are (NET_INTERFACE_MAX at most): which links to speak on, and what is on the link. Questions under way are asked on the new ones too. */
void mdns_engine_set_interfaces(struct mdns_engine *engine, uint64_t now_us, const struct net_interface_address *addresses, size_t count);

/*
 * Asks for a name; exactly one answer follows in poll_answer. A name of our own is known without asking.
 * Returns 0; -EINVAL: it is not one label and .local; -EBUSY: MDNS_QUESTION_MAX are under way.
 */
int mdns_engine_ask(struct mdns_engine *engine, uint64_t now_us, uint64_t query, const char *name);

/*
 * Makes a fresh name for an address of the interface, and announces it (draft section 3.1.1).
 * name  written: MDNS_UUID_NAME_BYTES
 * Returns 0; -ENOSPC: MDNS_OWNED_MAX are owned; -EINVAL: no address.
 */
int mdns_engine_own(struct mdns_engine *engine, uint64_t now_us, const struct stun_address *address, uint32_t interface, char *name);

/* Says goodbye and forgets; an unknown name is let pass. */
void mdns_engine_disown(struct mdns_engine *engine, uint64_t now_us, const char *name);
void mdns_engine_disown_all(struct mdns_engine *engine, uint64_t now_us);

/* How a datagram came in. */
struct mdns_origin {
    enum mdns_socket socket;
    uint32_t interface;
    struct stun_address source;
};
void mdns_engine_handle_datagram(struct mdns_engine *engine, uint64_t now_us, const struct mdns_origin *origin, const uint8_t *bytes, size_t length);

void mdns_engine_handle_timeout(struct mdns_engine *engine, uint64_t now_us);
uint64_t mdns_engine_next_timeout(const struct mdns_engine *engine); /* UINT64_MAX: none */

/* to: the group of its family, or one host */
struct mdns_transmit {
    enum mdns_socket socket;
    uint32_t interface;
    struct stun_address to;
    size_t length;
};
/* capacity: MDNS_WRITE_MAX_BYTES at least, else false. */
bool mdns_engine_poll_transmit(struct mdns_engine *engine, uint64_t now_us, uint8_t *buffer, size_t capacity, struct mdns_transmit *out);

/* count 0: nobody has answered in MDNS_PATIENCE_US. The addresses have port 0. */
struct mdns_answer {
    uint64_t query;
    size_t count;
    struct stun_address addresses[MDNS_ANSWER_MAX];
};
bool mdns_engine_poll_answer(struct mdns_engine *engine, struct mdns_answer *out);

struct mdns_statistics {
    uint64_t queries_sent, announcements_sent, responses_sent, replies_sent; /* responses: multicast; replies: to one host */
    uint64_t datagrams_received;
    uint64_t malformed_dropped;
    uint64_t off_link_dropped;     /* RFC 6762 section 11, or not from port 5353 (section 6) */
    uint64_t unasked_dropped;      /* records that answer no question of ours */
    uint64_t unbelievable_dropped; /* addresses that no host of the link can have */
    uint64_t replies_dropped;      /* beyond MDNS_REPLY_MAX or MDNS_REPLIES_PER_S */
    uint64_t conflicts;            /* somebody else claims a name of ours */
    size_t questions, owned;
};
void mdns_engine_statistics(const struct mdns_engine *engine, struct mdns_statistics *out);

#endif
