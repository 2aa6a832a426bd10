/*
 * Names to addresses, without blocking: the answer to the RESOLVE events of ice/agent.h. uv_getaddrinfo asks the host's resolver on a worker
 * thread of libuv.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "stun/address.h"

#define NET_RESOLVER_ADDRESS_MAX 16 /* of one answer; the resolver's order is kept, the rest is left out */
#define NET_RESOLVER_QUERY_MAX 16   /* at one time */
#define NET_RESOLVER_NAME_MAX_BYTES 253

struct net_resolver;

/*
 * addresses  port 0, in the resolver's order (RFC 6724); valid during the call
 * count      0: no such name, or no answer
 * error      0, or a negative libuv error that says why (uv_strerror)
 */
typedef void (*net_resolved)(void *context, uint64_t query, const struct stun_address *addresses, size_t count, int error);

/* NULL: memory is short. `resolved` is called on the loop, never from within net_resolver_ask. */
struct net_resolver *net_resolver_new(uv_loop_t *loop, net_resolved resolved, void *context);

/* No answer is delivered any more; the memory goes once the loop has seen the last worker return. */
void net_resolver_free(struct net_resolver *resolver);

/*
 * Asks for the addresses of a name; exactly one answer follows.
 * query  given back with the answer
 * name   NUL-terminated, copied. An IP literal is its own answer. A name under .local is answered with count 0: RFC 6762 section 3 keeps those
 *        names away from unicast DNS, and asking it would tell who calls whom.
 * Returns 0; -EINVAL: empty or beyond NET_RESOLVER_NAME_MAX_BYTES; -EBUSY: NET_RESOLVER_QUERY_MAX are under way; -ENOMEM. No answer follows then.
 */
int net_resolver_ask(struct net_resolver *resolver, uint64_t query, const char *name);

#endif
