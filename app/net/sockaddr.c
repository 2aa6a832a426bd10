/* Copies fields one by one: the kernel's structures are never laid over ours. */
#include "app/net/sockaddr_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

bool net_address_is_link_local(const struct stun_address *address) {
    return address->family == STUN_ADDRESS_IPV6 && address->ip[0] == 0xfe && (address->ip[1] & 0xc0) == 0x80;
}

socklen_t net_sockaddr_write(const struct stun_address *address, uint32_t scope_id, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (address->family == STUN_ADDRESS_IPV4) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&v4.sin_addr, address->ip, 4);
        memcpy(out, &v4, sizeof v4);
        return sizeof v4;
    }
    if (address->family == STUN_ADDRESS_IPV6) {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
        memcpy(&v6.sin6_addr, address->ip, 16);
        v6.sin6_scope_id = net_address_is_link_local(address) ? scope_id : 0;
        memcpy(out, &v6, sizeof v6);
        return sizeof v6;
    }
    return 0;
}

bool net_sockaddr_read(const struct sockaddr *from, struct stun_address *out) {
    memset(out, 0, sizeof *out);
    if (from->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof v4);
        out->family = STUN_ADDRESS_IPV4;
        out->port = ntohs(v4.sin_port);
        memcpy(out->ip, &v4.sin_addr, 4);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof v6);
        out->family = STUN_ADDRESS_IPV6;
        out->port = ntohs(v6.sin6_port);
        memcpy(out->ip, &v6.sin6_addr, 16);
        return true;
    }
    return false;
}
