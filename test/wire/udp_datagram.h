/*
 * An IPv4 datagram with UDP in it, as a NAT looks at it: read, and rewritten in place.
 *
 * Checksums are changed by the difference only (RFC 1624 section 3), as real NATs do: what was corrupt before stays corrupt.
 */
#ifndef TEST_WIRE_UDP_DATAGRAM_H
#define TEST_WIRE_UDP_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/address.h"

struct wire_datagram {
    uint8_t *bytes; /* the IP header begins here */
    size_t length;  /* the IP header's total length: what follows it is padding of the link */
    size_t header_bytes;
    struct stun_address source, destination;
};

enum wire_parse {
    WIRE_UDP,
    WIRE_FRAGMENT, /* UDP, but only a piece: without the ports, or with them and without the rest */
    WIRE_OTHER,    /* not IPv4, or another protocol */
    WIRE_MALFORMED
};

/* bytes: kept by reference. out: written with UDP. */
enum wire_parse wire_datagram_parse(uint8_t *bytes, size_t length, struct wire_datagram *out);

/* The new address must be IPv4. Both checksums follow; a UDP checksum of 0 (none, RFC 768) stays 0. */
void wire_datagram_set_source(struct wire_datagram *datagram, const struct stun_address *source);
void wire_datagram_set_destination(struct wire_datagram *datagram, const struct stun_address *destination);

/* What every router does (RFC 1812 section 5.3.1). False when the datagram's life ends here. */
bool wire_datagram_decrement_ttl(struct wire_datagram *datagram);

/* True when both checksums are right, or the UDP one is absent. For tests. */
bool wire_datagram_checksums_right(const struct wire_datagram *datagram);

#endif
