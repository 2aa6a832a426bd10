/*
 * What a NAT does with UDP, in the words of RFC 4787, and how to find out from inside (RFC 5780).
 *
 *     ice_nat_discovery_new        one UDP base of ours, and the STUN servers to ask
 *         -> poll_transmit / handle_datagram / handle_timeout / next_timeout, as in docs/contract.md
 *         -> ice_nat_discovery_is_done, then ice_nat_discovery_result
 *
 * One server that has an OTHER-ADDRESS (RFC 5780 section 7.4) tells everything; two servers with different IPs tell what the mapping
 * depends on, roughly, and nothing of the filter. The base must be fresh: what was sent from it before has opened the filter.
 */
#ifndef ICE_NAT_BEHAVIOUR_H
#define ICE_NAT_BEHAVIOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ice/agent.h"

/* What of the remote address a mapping (RFC 4787 section 4.1) or a filter (section 5) depends on. */
enum ice_nat_dependence {
    ICE_NAT_UNKNOWN,
    ICE_NAT_ENDPOINT_INDEPENDENT,
    ICE_NAT_ADDRESS_DEPENDENT,
    ICE_NAT_ADDRESS_AND_PORT_DEPENDENT,
    ICE_NAT_DEPENDENT /* one of the last two: what was heard does not tell which */
};

enum ice_nat_presence {
    ICE_NAT_PRESENCE_UNKNOWN,
    ICE_NAT_ABSENT,     /* our own address is the one that others see */
    ICE_NAT_PRESENT,
    ICE_NAT_UDP_BLOCKED /* no server answered */
};

enum ice_nat_hairpin { ICE_NAT_HAIRPIN_UNKNOWN, ICE_NAT_HAIRPIN_NO, ICE_NAT_HAIRPIN_YES };

struct ice_nat_behaviour {
    enum ice_nat_presence presence;
    enum ice_nat_dependence mapping, filtering;
    enum ice_nat_hairpin hairpin;  /* RFC 4787 section 6 */
    bool port_preserved;           /* RFC 4787 section 4.2.1: the mapped port is our own */
    struct stun_address mapped;    /* how the first server sees us; family NONE: unknown */
    size_t servers_asked, servers_answered;
};

/*
 * One sentence without a full stop: "endpoint-independent mapping, address-and-port-dependent filtering". NUL-terminated.
 * ICE_NAT_TEXT_BYTES is always enough; returns the length, 0 when the buffer is too small.
 */
#define ICE_NAT_TEXT_BYTES 160
size_t ice_nat_behaviour_write(const struct ice_nat_behaviour *behaviour, char *text, size_t capacity);

const char *ice_nat_dependence_name(enum ice_nat_dependence dependence); /* "endpoint-independent" ... */

/*
 * Can two hosts behind these reach each other directly (docs/nat-pairs.md)? A hole is punched unless one side's mapping is
 * dependent and the other side's filter is address-and-port-dependent, or both mappings depend on the port.
 */
enum ice_nat_crossing { ICE_NAT_CROSSING_UNKNOWN, ICE_NAT_CROSSING_DIRECT, ICE_NAT_CROSSING_NEEDS_RELAY };
enum ice_nat_crossing ice_nat_crossing(const struct ice_nat_behaviour *one, const struct ice_nat_behaviour *other);

/*
 * What an agent has seen of both NATs by gathering and checking; nothing is asked for it. Filtering stays UNKNOWN. Read it when ICE has
 * ended, one way or the other: before, there is less to see.
 */
void ice_nat_evidence(const struct ice_agent *agent, struct ice_nat_behaviour *local, struct ice_nat_behaviour *remote);

/* ---- discovery ---------------------------------------------------------------------------------------------------------- */

#define ICE_NAT_SERVER_MAX ICE_SERVER_MAX

/*
 * base      a UDP address of ours, as in struct ice_interface
 * servers   1..ICE_NAT_SERVER_MAX addresses of the family of base; copied
 * random    cryptographic; required
 */
struct ice_nat_discovery_config {
    struct stun_address base;
    const struct stun_address *servers;
    size_t server_count;
    void (*random)(void *context, uint8_t *out, size_t length);
    void *random_context;
    const struct ice_allocator *allocator; /* NULL: malloc, free; copied */
};

struct ice_nat_discovery;

/* NULL: an argument is out of range, or memory is short. */
struct ice_nat_discovery *ice_nat_discovery_new(const struct ice_nat_discovery_config *config, uint64_t now_us);
void ice_nat_discovery_free(struct ice_nat_discovery *discovery);

/* ICE_ERROR_MALFORMED: not STUN; ICE_ERROR_UNAUTHENTIC: nothing that was asked for. Both are dropped. */
int ice_nat_discovery_handle_datagram(struct ice_nat_discovery *discovery, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length);
void ice_nat_discovery_handle_timeout(struct ice_nat_discovery *discovery, uint64_t now_us);
bool ice_nat_discovery_poll_transmit(struct ice_nat_discovery *discovery, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out);
uint64_t ice_nat_discovery_next_timeout(const struct ice_nat_discovery *discovery);

/* Three rounds of at most ICE_NAT_ROUND_US each. */
#define ICE_NAT_ROUND_US 1500000u
bool ice_nat_discovery_is_done(const struct ice_nat_discovery *discovery);
/* At any time; what is not known yet is UNKNOWN. */
void ice_nat_discovery_result(const struct ice_nat_discovery *discovery, struct ice_nat_behaviour *out);

#endif
