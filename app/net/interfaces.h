/*
 * The addresses that ICE may gather host candidates from (RFC 8445 section 5.1.1.1), best first, and a watch that tells when they changed.
 */
#ifndef NET_INTERFACES_H
#define NET_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "stun/address.h"

#define NET_INTERFACE_NAME_BYTES 16 /* IFNAMSIZ, NUL included */
#define NET_INTERFACE_MAX 32        /* as many as ICE_INTERFACE_MAX */

/*
 * Which addresses are wanted; all zero takes what RFC 8445 takes.
 * name       only this interface, NUL-terminated; NULL or "": any
 * only_ipv4, only_ipv6  both: nothing is left
 * superseded also IPv6 addresses that are deprecated while their interface has a better one: for those who use them already
 * loopback   also 127.0.0.0/8 and ::1, last in order; for tests and for calls within one host
 */
struct net_interface_filter {
    const char *name;
    bool only_ipv4;
    bool only_ipv6;
    bool superseded;
    bool loopback;
};

/*
 * One address of one interface.
 * address     port 0
 * index       of the interface, the scope of link-local IPv6
 * prefix_bits of the network on the link: 0..32 or 0..128
 * preference  the local preference of RFC 8445 section 5.1.2.1: distinct, higher is better; a VPN's are the lowest
 */
struct net_interface_address {
    struct stun_address address;
    char name[NET_INTERFACE_NAME_BYTES];
    uint32_t index;
    uint8_t prefix_bits;
    uint16_t preference;
    bool loopback;
    bool vpn;
    bool superseded;
};

/*
 * Lists the usable addresses there are now, best first.
 * filter         may be NULL
 * out, capacity  at most `capacity` are written, the best ones
 * Returns how many there are, which may be more than `capacity`; or -ENODEV (no interface of that name), -EMFILE, -ENOMEM.
 */
int net_interfaces_list(const struct net_interface_filter *filter, struct net_interface_address *out, size_t capacity);

/* ---- noticing changes ------------------------------------------------------------------------------------------------ */

struct net_interface_watch;

/* Something about addresses or links changed, or may have: list them again and compare. */
typedef void (*net_interface_changed)(void *context);

#define NET_INTERFACE_POLL_MS 3000

/*
 * Watches by netlink, or, where that is not to be had, looks by itself every NET_INTERFACE_POLL_MS.
 * without_netlink  never use netlink
 * poll_ms          0: NET_INTERFACE_POLL_MS
 * changed          called on the loop; many changes at once make one call; it may free the watch
 * Returns NULL when memory is short. The watch does not keep the loop alive.
 */
struct net_interface_watch *net_interface_watch_new(uv_loop_t *loop, bool without_netlink, uint64_t poll_ms, net_interface_changed changed,
                                                    void *context);

/* `changed` is not called any more; the memory goes when the loop has run once more. */
void net_interface_watch_free(struct net_interface_watch *watch);
bool net_interface_watch_uses_netlink(const struct net_interface_watch *watch);

#endif
