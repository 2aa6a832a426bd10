/*
 * A STUN server on a UDP port (RFC 8489 section 12): stun_responder.h with a socket, on the program's libuv loop.
 *
 *     new -> the loop runs -> free -> the loop runs once more, for libuv to let go of the handle
 *
 * It answers from the very address that it was asked at, also when it listens on all of them. Functions that can fail return a negative errno.
 */
#ifndef NET_STUN_SERVICE_H
#define NET_STUN_SERVICE_H

#include <stdint.h>

#include <uv.h>

#include "app/net/stun_responder.h"

struct net_stun_service;

/*
 * local    0.0.0.0 and :: mean all addresses, :: of both families; port 0: the kernel chooses
 * limits   rate and burst as stun_responder.h says, NULL: the defaults; its random source is not looked at
 * out      written on success; owned by the caller
 * Returns 0, or -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EMFILE, -EINVAL (a limit is out of range), -ENOMEM, ...
 */
int net_stun_service_new(uv_loop_t *loop, const struct stun_address *local, const struct net_stun_responder_config *limits,
                         struct net_stun_service **out);
void net_stun_service_free(struct net_stun_service *service); /* NULL is fine */

const struct stun_address *net_stun_service_local(const struct net_stun_service *service); /* with the port the kernel chose */

struct net_stun_service_statistics {
    struct net_stun_responder_statistics responder;
    uint64_t unsent_dropped; /* the kernel did not take the answer */
};
void net_stun_service_statistics(const struct net_stun_service *service, struct net_stun_service_statistics *out);

#endif
