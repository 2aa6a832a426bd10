/* Which of a host's addresses ICE may use, and in which order (RFC 8445 section 5.1.1.1, RFC 8421). */
#include "app/net/interfaces_internal.h"

#include <assert.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "app/net/sockaddr_internal.h"

static_assert(NET_INTERFACE_NAME_BYTES == IFNAMSIZ, "the kernel's names must fit");

/* ---- one address ----------------------------------------------------------------------------------------------------- */

static bool is_loopback(const struct net_interface_fact *fact) {
    static const uint8_t v6[16] = {[15] = 1};
    if (fact->loopback)
        return true;
    return fact->address.family == STUN_ADDRESS_IPV4 ? fact->address.ip[0] == 127 : memcmp(fact->address.ip, v6, 16) == 0;
}

/* No peer can use it, whatever else there is. */
static bool is_useless(const struct stun_address *address) {
    static const uint8_t zero[16];
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *ip = address->ip;
    if (address->family == STUN_ADDRESS_IPV4)
        return ip[0] == 0 || ip[0] >= 224; /* unspecified, multicast, reserved */
    /* RFC 8445 section 5.1.1.1, MUST NOT: IPv4-compatible (::/96) and site-local (fec0::/10) addresses are no candidates. */
    if (memcmp(ip, zero, 12) == 0 && !(ip[12] == 0 && ip[13] == 0 && ip[14] == 0 && ip[15] == 1))
        return true;
    if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0xc0)
        return true;
    /* RFC 8445 section 5.1.1.1, SHOULD NOT: IPv4-mapped addresses are no candidates either. */
    return memcmp(ip, mapped, 12) == 0 || ip[0] == 0xff;
}

/* Tunnels: by what they are, or by the names that their makers give them. Ethernet bridged over a tunnel (tap) counts too. */
static bool is_vpn(const struct net_interface_fact *fact) {
    static const char *const prefixes[] = {"tun", "tap", "wg", "ppp", "utun", "ipsec", "vpn", "tailscale", "zt", "nordlynx"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(fact->name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return fact->point_to_point;
}

/* An interface identifier made from the hardware address (RFC 4291 appendix A): it follows its owner from network to network. */
static bool allows_tracking(const struct net_interface_fact *fact) {
    return fact->address.family == STUN_ADDRESS_IPV6 && !fact->temporary && fact->address.ip[11] == 0xff && fact->address.ip[12] == 0xfe;
}

static bool same_network(const struct net_interface_fact *a, const struct net_interface_fact *b) {
    return a->index == b->index && a->address.family == b->address.family && memcmp(a->address.ip, b->address.ip, 8) == 0;
}

/* ---- filtering ------------------------------------------------------------------------------------------------------- */

static bool wanted(const struct net_interface_fact *fact, const struct net_interface_filter *filter) {
    if (!fact->up || fact->unusable || stun_address_ip_bytes(&fact->address) == 0 || is_useless(&fact->address))
        return false;
    if (filter->name != NULL && filter->name[0] != '\0' && strcmp(filter->name, fact->name) != 0)
        return false;
    /* RFC 8445 section 5.1.1.1, MUST NOT: addresses of a loopback interface are no candidates, unless our user insists. */
    if (is_loopback(fact) && !filter->loopback)
        return false;
    bool v4 = fact->address.family == STUN_ADDRESS_IPV4;
    return !(filter->only_ipv4 && !v4) && !(filter->only_ipv6 && v4);
}

static void keep_only(struct net_interface_fact *facts, size_t *count, const bool *drop) {
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (!drop[i])
            facts[kept++] = facts[i];
    *count = kept;
}

/*
 * RFC 8445 section 5.1.1.1, MUST NOT: where an interface has an address in a network that does not allow tracking, those
 * of the same network that do are left out.
 */
static void drop_trackable(struct net_interface_fact *facts, size_t *count, bool *drop) {
    for (size_t i = 0; i < *count; i++) {
        drop[i] = false;
        for (size_t j = 0; allows_tracking(&facts[i]) && j < *count; j++)
            drop[i] = drop[i] || (same_network(&facts[i], &facts[j]) && !allows_tracking(&facts[j]));
    }
    keep_only(facts, count, drop);
}

/*
 * RFC 4862 section 5.5.4, SHOULD NOT: an address whose preferred lifetime is over begins nothing new where its interface has another one; what is under way
 * on it may go on. (Temporary addresses come to that every day.)
 */
static void drop_superseded(struct net_interface_fact *facts, size_t *count, bool *drop, bool keep) {
    for (size_t i = 0; i < *count; i++) {
        for (size_t j = 0; facts[i].deprecated && j < *count; j++)
            facts[i].superseded = facts[i].superseded || (facts[j].index == facts[i].index && facts[j].address.family == facts[i].address.family &&
                                                          !facts[j].deprecated && !net_address_is_link_local(&facts[j].address));
        drop[i] = facts[i].superseded && !keep;
    }
    keep_only(facts, count, drop);
}

/*
 * RFC 8445 section 5.1.1.1, MUST NOT: link-local IPv6 addresses are left out beside IPv6 addresses that do not allow
 * tracking. We leave them out as soon as there is any other address: a peer elsewhere can do nothing with them.
 */
static void drop_link_local(struct net_interface_fact *facts, size_t *count, bool *drop) {
    bool others = false;
    for (size_t i = 0; i < *count; i++) {
        drop[i] = net_address_is_link_local(&facts[i].address);
        others = others || !(drop[i] || is_loopback(&facts[i]));
    }
    if (others)
        keep_only(facts, count, drop);
}

/* ---- ordering -------------------------------------------------------------------------------------------------------- */

enum rank { RANK_ORDINARY, RANK_VPN, RANK_SUPERSEDED, RANK_LOOPBACK };

static enum rank rank_of(const struct net_interface_fact *fact) {
    if (is_loopback(fact))
        return RANK_LOOPBACK;
    if (fact->superseded)
        return RANK_SUPERSEDED;
    return is_vpn(fact) ? RANK_VPN : RANK_ORDINARY;
}

static int compare(const void *left, const void *right) {
    const struct net_interface_fact *a = left, *b = right;
    if (rank_of(a) != rank_of(b))
        return rank_of(a) < rank_of(b) ? -1 : 1;
    if (a->address.family != b->address.family)
        return a->address.family == STUN_ADDRESS_IPV6 ? -1 : 1;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    /* RFC 6724 section 5, rule 7: temporary addresses come first. */
    if (a->temporary != b->temporary)
        return a->temporary ? -1 : 1;
    return memcmp(a->address.ip, b->address.ip, sizeof a->address.ip);
}

/* RFC 8421 section 4, SHOULD: the families take turns, IPv6 first, so that a broken one does not hold up the other. */
static size_t interleave(const struct net_interface_fact *facts, size_t count, const struct net_interface_fact **out) {
    size_t v6 = 0, v4 = 0, written = 0;
    while (v4 < count && facts[v4].address.family == STUN_ADDRESS_IPV6)
        v4++;
    size_t v6_end = v4;
    while (v6 < v6_end || v4 < count) {
        if (v6 < v6_end)
            out[written++] = &facts[v6++];
        if (v4 < count)
            out[written++] = &facts[v4++];
    }
    return written;
}

static struct net_interface_address chosen(const struct net_interface_fact *fact, uint16_t preference) {
    struct net_interface_address address = {.address = fact->address, .index = fact->index, .prefix_bits = fact->prefix_bits, .preference = preference,
                                            .loopback = is_loopback(fact), .vpn = rank_of(fact) == RANK_VPN,
                                            .superseded = fact->superseded};
    memcpy(address.name, fact->name, sizeof address.name);
    address.address.port = 0;
    return address;
}

size_t net_interfaces_choose(struct net_interface_fact *facts, size_t count, const struct net_interface_filter *filter,
                             struct net_interface_address *out, size_t capacity) {
    static const struct net_interface_filter any;
    if (filter == NULL)
        filter = &any;
    bool *drop = calloc(count + 1, sizeof *drop);
    const struct net_interface_fact **order = calloc(count + 1, sizeof *order);
    if (drop == NULL || order == NULL)
        count = 0;
    for (size_t i = 0; i < count; i++)
        drop[i] = !wanted(&facts[i], filter);
    if (count > 0) {
        keep_only(facts, &count, drop);
        drop_superseded(facts, &count, drop, filter->superseded);
        drop_trackable(facts, &count, drop);
        drop_link_local(facts, &count, drop);
        qsort(facts, count, sizeof *facts, compare);
    }
    size_t written = 0;
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start; end < count && rank_of(&facts[end]) == rank_of(&facts[start]);)
            end++;
        written += interleave(facts + start, end - start, order + written);
    }
    /* RFC 5245 section 4.1.2.2, SHOULD: a VPN has local preference 0. Ours have to be distinct, so they count down to 0, with those after them. */
    for (size_t i = 0; i < written && i < capacity; i++)
        out[i] = chosen(order[i], (uint16_t)(rank_of(order[i]) == RANK_ORDINARY ? UINT16_MAX - i : written - 1 - i));
    free(drop);
    free(order);
    return written;
}

/* ---- asking the kernel ------------------------------------------------------------------------------------------------ */

/* How many bits of the mask are set. */
static uint8_t prefix_of(const struct sockaddr *mask, const struct stun_address *address) {
    struct sockaddr_storage copy = {0};
    struct stun_address bits;
    /* The kernel's mask may lack its family. */
    if (mask == NULL)
        return (uint8_t)(8 * stun_address_ip_bytes(address));
    memcpy(&copy, mask, address->family == STUN_ADDRESS_IPV4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    copy.ss_family = address->family == STUN_ADDRESS_IPV4 ? AF_INET : AF_INET6;
    unsigned count = 0;
    if (net_sockaddr_read((struct sockaddr *)&copy, &bits))
        for (size_t i = 0; i < stun_address_ip_bytes(&bits); i++)
            count += (unsigned)__builtin_popcount(bits.ip[i]);
    return (uint8_t)count;
}

static bool read_fact(const struct ifaddrs *from, struct net_interface_fact *out) {
    *out = (struct net_interface_fact){0};
    if (from->ifa_addr == NULL || !net_sockaddr_read(from->ifa_addr, &out->address))
        return false;
    out->prefix_bits = prefix_of(from->ifa_netmask, &out->address);
    size_t length = strnlen(from->ifa_name, NET_INTERFACE_NAME_BYTES - 1);
    memcpy(out->name, from->ifa_name, length);
    out->name[strcspn(out->name, ":")] = '\0'; /* "eth0:1" is a label of eth0 */
    out->index = if_nametoindex(out->name);
    out->up = (from->ifa_flags & IFF_UP) != 0 && (from->ifa_flags & IFF_RUNNING) != 0;
    out->loopback = (from->ifa_flags & IFF_LOOPBACK) != 0;
    out->point_to_point = (from->ifa_flags & IFF_POINTOPOINT) != 0;
    return true;
}

int net_interfaces_list(const struct net_interface_filter *filter, struct net_interface_address *out, size_t capacity) {
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0)
        return -errno;
    size_t total = 0;
    bool named = filter == NULL || filter->name == NULL || filter->name[0] == '\0';
    for (const struct ifaddrs *at = list; at != NULL; at = at->ifa_next, total++)
        named = named || strcmp(at->ifa_name, filter->name) == 0; /* one without addresses is listed, too: as AF_PACKET */
    struct net_interface_fact *facts = calloc(total + 1, sizeof *facts);
    size_t count = 0;
    for (const struct ifaddrs *at = list; facts != NULL && at != NULL; at = at->ifa_next)
        if (read_fact(at, &facts[count]))
            count++;
    freeifaddrs(list);
    if (facts == NULL)
        return -ENOMEM;
    net_interfaces_read_flags(facts, count);
    int usable = named ? (int)net_interfaces_choose(facts, count, filter, out, capacity) : -ENODEV;
    free(facts);
    return usable;
}
