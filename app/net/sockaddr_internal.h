/* Between struct stun_address and the kernel's socket addresses. */
#ifndef NET_SOCKADDR_INTERNAL_H
#define NET_SOCKADDR_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "stun/address.h"

/* scope_id: the interface index that a link-local IPv6 address needs (RFC 4007 section 6), else ignored. Returns the length, 0 for family NONE. */
socklen_t net_sockaddr_write(const struct stun_address *address, uint32_t scope_id, struct sockaddr_storage *out);

/* Returns false for families other than IPv4 and IPv6. A v4-mapped IPv6 address stays IPv6. */
bool net_sockaddr_read(const struct sockaddr *from, struct stun_address *out);

bool net_address_is_link_local(const struct stun_address *address); /* IPv6 fe80::/10, RFC 4291 section 2.5.6 */

#endif
