/*
 * One UDP NAT, as RFC 4787 describes its behaviour: it says how a datagram is rewritten or that it is dropped, and
 * moves no bytes itself. Pure: time is an argument, chance comes from the seed in the configuration.
 *
 *     inside  X:x ---- nat_outbound ----> X1':x1' ----> Y1:y1  outside
 *             X:x <--- nat_inbound  ----- X1':x1' <---- Y1:y1
 */
#ifndef TEST_SIM_NAT_H
#define TEST_SIM_NAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/address.h"

/* What of the remote address a mapping (RFC 4787 section 4.1) or a filter (section 5) depends on. */
enum nat_dependence { NAT_ENDPOINT_INDEPENDENT, NAT_ADDRESS_DEPENDENT, NAT_ADDRESS_AND_PORT_DEPENDENT };
#define NAT_DEPENDENCES 3

/*
 * Whom a filter remembers to have spoken to the outside. RFC 4787 section 5 speaks of the inside endpoint X:x, whichever
 * mapping it used; many implementations keep the filter beside each mapping. They differ for dependent mappings only.
 */
enum nat_filter_scope { NAT_FILTER_OF_ENDPOINT, NAT_FILTER_OF_MAPPING };

/* RFC 4787 section 6. Of the two presentations REQ-9a wants the external one. */
enum nat_hairpin { NAT_HAIRPIN_OFF, NAT_HAIRPIN_EXTERNAL_SOURCE, NAT_HAIRPIN_INTERNAL_SOURCE };

/*
 * RFC 4787 section 4.2.1. PRESERVING takes the inside port if that is free outside, else a random one. SHARED does too, but a port
 * is taken only by a mapping with the same dependent part: port overloading, which REQ-3 forbids and Linux masquerading does. With
 * dependent mapping all mappings of an endpoint then show one port, unless another inside host has it towards the same remote.
 */
enum nat_ports { NAT_PORTS_RANDOM, NAT_PORTS_PRESERVING, NAT_PORTS_SEQUENTIAL, NAT_PORTS_SHARED };

#define NAT_TIMEOUT_DEFAULT_US (UINT64_C(300) * 1000 * 1000) /* RFC 4787 section 4.3, REQ-5b: five minutes or more */
#define NAT_PORT_LOW_DEFAULT 1024
#define NAT_PORT_HIGH_DEFAULT 65535
#define NAT_MAPPING_MAX 1024
#define NAT_SESSION_MAX 2048

/* All zero is an endpoint-independent NAT without hairpin, with random ports and the defaults. */
struct nat_config {
    enum nat_dependence mapping;
    enum nat_dependence filtering;
    enum nat_filter_scope filter_scope;
    enum nat_hairpin hairpin;
    enum nat_ports ports;
    uint16_t port_low, port_high; /* both included; 0 takes the default */
    uint64_t timeout_us;          /* since the last refresh; 0 takes the default */
    bool inbound_refresh;         /* RFC 4787 section 4.3, REQ-6: outbound always refreshes, inbound may */
    bool blocks_udp;              /* no datagram gets out; the streams of a network (stream.h) pass to port 443 only */
    uint64_t seed;
};

enum nat_verdict {
    NAT_FORWARD,            /* rewritten: send it on */
    NAT_HAIRPIN,            /* outbound only: its destination is this NAT: give it to nat_hairpin */
    NAT_DROP_NO_HAIRPIN,    /* its destination is this NAT, which does not hairpin */
    NAT_DROP_NO_PORT,       /* every port of the range is in use */
    NAT_DROP_CAPACITY,      /* NAT_MAPPING_MAX or NAT_SESSION_MAX is reached */
    NAT_DROP_NO_MAPPING,    /* inbound: nothing is mapped to this port (any more) */
    NAT_DROP_FILTERED,      /* inbound: mapped, but this source is not welcome */
    NAT_DROP_BLOCKED        /* outbound: no UDP at all */
};

struct nat;

/* external: the outside IP (its port is ignored). NULL when the port range is empty. */
struct nat *nat_new(const struct nat_config *config, const struct stun_address *external);
void nat_free(struct nat *nat);

/*
 * A datagram from the inside. Makes or refreshes the mapping, and opens the filter.
 * mapped_source  written with FORWARD and HAIRPIN
 */
enum nat_verdict nat_outbound(struct nat *nat, uint64_t now_us, const struct stun_address *source,
                              const struct stun_address *destination, struct stun_address *mapped_source);

/*
 * A datagram from the outside, addressed to the external IP.
 * inner_destination  written with FORWARD
 */
enum nat_verdict nat_inbound(struct nat *nat, uint64_t now_us, const struct stun_address *source,
                             const struct stun_address *destination, struct stun_address *inner_destination);

/*
 * What follows a HAIRPIN verdict: the datagram turns round inside the NAT, through the filter of its destination.
 * source, mapped_source   as given to and got from nat_outbound
 * inner_source, inner_destination  written with FORWARD: what the inside host shall see
 */
enum nat_verdict nat_hairpin(struct nat *nat, uint64_t now_us, const struct stun_address *source,
                             const struct stun_address *mapped_source, const struct stun_address *destination,
                             struct stun_address *inner_source, struct stun_address *inner_destination);

/* Loses every mapping, as a NAT that was switched off and on. Ports given out before are not given out again at once. */
void nat_reboot(struct nat *nat);

const struct stun_address *nat_external(const struct nat *nat);
const struct nat_config *nat_configuration(const struct nat *nat);
size_t nat_mapping_count(struct nat *nat, uint64_t now_us);

/* "address-dependent" and so on. */
const char *nat_dependence_name(enum nat_dependence dependence);

#endif
