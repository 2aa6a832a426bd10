/* The choice among addresses, apart from asking the kernel for them, so that tests can bring their own. */
#ifndef NET_INTERFACES_INTERNAL_H
#define NET_INTERFACES_INTERNAL_H

#include "app/net/interfaces.h"

/* What the kernel says about one address. The preference is not decided yet. */
struct net_interface_fact {
    struct stun_address address;
    char name[NET_INTERFACE_NAME_BYTES];
    uint32_t index;
    bool up;
    bool loopback;
    bool point_to_point;
};

/* The rules: filters, orders and numbers. Returns how many are usable; writes at most `capacity` of them. `facts` is reordered. */
size_t net_interfaces_choose(struct net_interface_fact *facts, size_t count, const struct net_interface_filter *filter,
                             struct net_interface_address *out, size_t capacity);

#endif
