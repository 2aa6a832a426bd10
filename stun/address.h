/*
 * Transport addresses: an IP address and a port, as STUN carries them (RFC 8489 section 14.1).
 *
 * This is the one structure that every layer of strata shares. It holds no operating-system type, so that a
 * protocol library can be tested with nothing else linked.
 */
#ifndef STUN_ADDRESS_H
#define STUN_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values are the family octet on the wire, RFC 8489 section 14.1. NONE marks an address that is not set. */
enum stun_address_family {
    STUN_ADDRESS_NONE = 0x00,
    STUN_ADDRESS_IPV4 = 0x01,
    STUN_ADDRESS_IPV6 = 0x02
};

/*
 * family  one of enum stun_address_family
 * port    host byte order
 * ip      network byte order; IPv4 uses the first 4 bytes and the other 12 are zero
 */
struct stun_address {
    uint8_t family;
    uint16_t port;
    uint8_t ip[16];
};

/* Longest text that stun_address_write makes, its terminating NUL included: "[" IPv6 "]:65535". */
#define STUN_ADDRESS_TEXT_BYTES 56

/* True when family, IP and port are the same. Two addresses of family NONE are equal. */
bool stun_address_equal(const struct stun_address *a, const struct stun_address *b);

/* True when family and IP are the same; the ports may differ. */
bool stun_address_equal_ip(const struct stun_address *a, const struct stun_address *b);

/* How many bytes of `ip` the family uses: 4, 16, or 0 for NONE. */
size_t stun_address_ip_bytes(const struct stun_address *address);

/*
 * Reads an IP literal ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"), without port, brackets or zone.
 * text    not NUL-terminated, `length` bytes, read only
 * out     written on success: family and ip, port 0; untouched on failure
 * Returns true, or false when the text is not an IP literal (a host name, perhaps: resolve it first).
 */
bool stun_address_parse_ip(const char *text, size_t length, struct stun_address *out);

/*
 * Writes the IP as text (RFC 5952 for IPv6), NUL-terminated.
 * capacity  of `text`, STUN_ADDRESS_TEXT_BYTES is always enough
 * Returns the length without the NUL, or 0 when the address is NONE or the buffer is too small (then text[0] is NUL
 * if there is room for it).
 */
size_t stun_address_write_ip(const struct stun_address *address, char *text, size_t capacity);

/* The same with the port: "192.0.2.1:3478", "[2001:db8::1]:3478". */
size_t stun_address_write(const struct stun_address *address, char *text, size_t capacity);

#endif
