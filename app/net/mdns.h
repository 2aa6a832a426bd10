/*
 * Multicast DNS on the loop: app/net/mdns_engine.h with sockets. For each interface and family, one socket on the group's address and port 5353, shared
 * with whoever else listens there, and one with a port of its own to ask from.
 *
 *     net_mdns_new -> net_mdns_set_interfaces, again whenever they change
 *                  -> net_mdns_ask, later `answered`
 *                  -> net_mdns_own, net_mdns_disown
 */
#ifndef NET_MDNS_H
#define NET_MDNS_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "app/net/interfaces.h"
#include "app/net/mdns_engine.h"

struct net_mdns;

/* count 0: nobody answered. Called on the loop, never from within a function of this header; it may free the object. */
typedef void (*net_mdns_answered)(void *context, uint64_t query, const struct stun_address *addresses, size_t count);

/* NULL: memory is short. Opens no socket yet; does not keep the loop alive but while a question is pending. */
struct net_mdns *net_mdns_new(uv_loop_t *loop, net_mdns_answered answered, void *context);

/* Says goodbye for all names, closes at once; no answer follows. The memory goes when the loop has run once more. */
void net_mdns_free(struct net_mdns *mdns);

/* Opens and closes sockets so that there are two for each interface and family of the list. What cannot be opened is counted and tried again next time. */
void net_mdns_set_interfaces(struct net_mdns *mdns, const struct net_interface_address *addresses, size_t count);

/* As mdns_engine_ask, _own and _disown. */
int net_mdns_ask(struct net_mdns *mdns, uint64_t query, const char *name);
int net_mdns_own(struct net_mdns *mdns, const struct stun_address *address, uint32_t interface, char *name);
void net_mdns_disown(struct net_mdns *mdns, const char *name);

struct net_mdns_statistics {
    struct mdns_statistics engine;
    size_t sockets;
    uint64_t open_failures, send_failures;
    int last_error; /* of these two, a positive errno; 0: none */
};
void net_mdns_statistics(const struct net_mdns *mdns, struct net_mdns_statistics *out);

#endif
