/* The choice among addresses, apart from asking the kernel for them, so that tests can bring their own. */
#ifndef NET_INTERFACES_INTERNAL_H
#define NET_INTERFACES_INTERNAL_H

#include "app/net/interfaces.h"

/* What the kernel says about one address. The preference is not decided yet. */
struct net_interface_fact {
    struct stun_address address;
    char name[NET_INTERFACE_NAME_BYTES];
    uint32_t index;
    uint8_t prefix_bits;
    bool up;
    bool loopback;
    bool point_to_point;
    bool temporary;  /* IPv6: made to be forgotten (RFC 8981) */
    bool deprecated; /* IPv6: its preferred lifetime is over (RFC 4862 section 5.5.4) */
    bool superseded; /* deprecated, and its interface has a better one; decided by net_interfaces_choose */
    bool unusable;   /* IPv6: still being checked for duplicates, or one */
};

/* What /proc/net/if_inet6 says, read from a text (whole lines), or from the kernel. Unknown addresses are let pass. */
void net_interfaces_apply_flags(const char *table, size_t length, struct net_interface_fact *facts, size_t count);
void net_interfaces_read_flags(struct net_interface_fact *facts, size_t count);

/* The rules: filters, orders and numbers. Returns how many are usable; writes at most `capacity` of them. `facts` is reordered. */
size_t net_interfaces_choose(struct net_interface_fact *facts, size_t count, const struct net_interface_filter *filter,
                             struct net_interface_address *out, size_t capacity);

#endif
