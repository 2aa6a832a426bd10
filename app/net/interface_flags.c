/*
 * What the kernel says about each IPv6 address beside the address: is it temporary, deprecated, still being checked? getifaddrs does not tell; the
 * table in /proc does, one line an address:
 *
 *     20010db8000000008c1d2a3477f01bd2 02 40 00 01     eth0
 *     address, 32 hex digits           |  |  |  |      name
 *                            interface index |  |  flags (IFA_F_*, the lower eight bits)
 *                                 prefix length scope
 */
#include "app/net/interfaces_internal.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE_MAX_BYTES 65536 /* some 1,100 addresses */

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Reads up to eight hex digits from *at, spaces before them skipped. False: there are none, or more. */
static bool read_hex(const char **at, const char *end, uint32_t *out) {
    size_t digits = 0;
    *out = 0;
    while (*at < end && **at == ' ')
        (*at)++;
    for (; *at < end && hex_value(**at) >= 0; (*at)++, digits++)
        *out = *out << 4 | (uint32_t)hex_value(**at);
    return digits > 0 && digits <= 8;
}

static void apply(struct net_interface_fact *facts, size_t count, const uint8_t ip[16], uint32_t index, uint32_t flags) {
    for (size_t i = 0; i < count; i++) {
        struct net_interface_fact *fact = &facts[i];
        if (fact->address.family != STUN_ADDRESS_IPV6 || fact->index != index || memcmp(fact->address.ip, ip, 16) != 0)
            continue;
        fact->temporary = (flags & IFA_F_TEMPORARY) != 0;
        fact->deprecated = (flags & IFA_F_DEPRECATED) != 0;
        /* An optimistic address may be used while it is checked (RFC 4429). */
        fact->unusable = (flags & IFA_F_DADFAILED) != 0 || ((flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0);
    }
}

static void apply_line(const char *at, const char *end, struct net_interface_fact *facts, size_t count) {
    uint8_t ip[16];
    uint32_t index, prefix, scope, flags;
    if (end - at < 32)
        return;
    for (size_t i = 0; i < 16; i++) {
        int high = hex_value(at[2 * i]), low = hex_value(at[2 * i + 1]);
        if (high < 0 || low < 0)
            return;
        ip[i] = (uint8_t)(high << 4 | low);
    }
    at += 32;
    if (read_hex(&at, end, &index) && read_hex(&at, end, &prefix) && read_hex(&at, end, &scope) && read_hex(&at, end, &flags))
        apply(facts, count, ip, index, flags);
}

void net_interfaces_apply_flags(const char *table, size_t length, struct net_interface_fact *facts, size_t count) {
    for (const char *end = table + length; length > 0 && table < end;) {
        const char *line_end = memchr(table, '\n', (size_t)(end - table));
        if (line_end == NULL)
            return; /* cut off: half a line says nothing */
        apply_line(table, line_end, facts, count);
        table = line_end + 1;
    }
}

void net_interfaces_read_flags(struct net_interface_fact *facts, size_t count) {
    size_t length = 0;
    int descriptor = open("/proc/net/if_inet6", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return; /* no /proc: the form of the address has to do */
    char *table = malloc(TABLE_MAX_BYTES);
    for (ssize_t got; table != NULL && length < TABLE_MAX_BYTES && (got = read(descriptor, table + length, TABLE_MAX_BYTES - length)) > 0;)
        length += (size_t)got;
    close(descriptor);
    net_interfaces_apply_flags(table, length, facts, count);
    free(table);
}
