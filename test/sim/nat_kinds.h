/*
 * The ways in which a host is connected that people have names for: what `make lab A=symmetric` and the matrix of test_nat_matrix.c
 * speak of. Each is a chain of NATs (nat.h), outermost last, and what addresses the host has; pure data.
 *
 *   none                  a public address, nothing in between
 *   full-cone             RFC 3489's words for endpoint-independent mapping, and filtering that is endpoint-independent,
 *   address-restricted    ... address-dependent,
 *   port-restricted       ... address-and-port-dependent
 *   symmetric             address-and-port-dependent mapping and filtering, ports at random
 *   sequential-symmetric  the same, and each new mapping takes the next port
 *   shared-port           Linux masquerading: address-and-port-dependent, but all mappings of an endpoint show one port
 *   short-timeout         port-restricted, and what is silent for 20 s is forgotten
 *   double-nat            port-restricted at home, behind a carrier's NAT which does not hairpin
 *   double-nat-hairpin    the same, and the carrier's does (RFC 6888 section 3, REQ-1 asks for it)
 *   no-udp                no datagram gets out; streams do, to port 443
 *   ipv6-only             a public IPv6 address, and nothing else
 */
#ifndef TEST_SIM_NAT_KINDS_H
#define TEST_SIM_NAT_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#include "test/sim/nat.h"

#define NAT_KINDS_NAMED 12
#define NAT_KINDS_CHAIN_MAX 2
#define NAT_KINDS_SHORT_TIMEOUT_US (UINT64_C(20) * 1000 * 1000)

struct nat_named_kind {
    const char *name;
    size_t nat_count;                              /* 0..NAT_KINDS_CHAIN_MAX */
    struct nat_config nats[NAT_KINDS_CHAIN_MAX];   /* [0] is the one next to the host */
    bool shares_carrier;                           /* two hosts of this kind are behind one and the same outer NAT */
    bool has_ipv4, has_ipv6;
};

const struct nat_named_kind *nat_named_kind_at(size_t index);       /* 0..NAT_KINDS_NAMED-1, in the order above */
const struct nat_named_kind *nat_named_kind_find(const char *name); /* NULL: no such kind */
size_t nat_named_kind_index(const char *name);                      /* there must be one */

/*
 * How two hosts of these kinds reach each other: the table of docs/nat-pairs.md, which nat_kinds.py derives from mapping and
 * filtering alone. A TURN server, where there is one, is reached by every kind (by UDP, by IPv6, or by TCP to port 443).
 */
enum nat_named_verdict { NAT_PAIR_DIRECT, NAT_PAIR_RELAY };
enum nat_named_verdict nat_named_pair(size_t kind_a, size_t kind_b);

#endif
