/* Multicast sockets, one interface and family each. */
#include "app/net/mdns_socket_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/net/sockaddr_internal.h"

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif
#define TTL 255 /* RFC 6762 section 11, SHOULD: so that a receiver can see that no router was in between */

static int set_int(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

/* ---- opening ----------------------------------------------------------------------------------------------------------------- */

/* Multicasts leave by the interface, with its address; what comes says by which interface. */
static int configure_v4(int descriptor, uint32_t interface, const struct stun_address *local) {
    struct ip_mreqn by = {.imr_ifindex = (int)interface};
    memcpy(&by.imr_address, local->ip, 4);
    if (setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by) != 0)
        return -errno;
    set_int(descriptor, IPPROTO_IP, IP_TTL, TTL);
    int error = set_int(descriptor, IPPROTO_IP, IP_MULTICAST_TTL, TTL);
    return error != 0 ? error : set_int(descriptor, IPPROTO_IP, IP_PKTINFO, 1);
}

static int configure_v6(int descriptor, uint32_t interface) {
    int error = set_int(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (error == 0)
        error = set_int(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)interface);
    set_int(descriptor, IPPROTO_IPV6, IPV6_UNICAST_HOPS, TTL);
    if (error == 0)
        error = set_int(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, TTL);
    return error != 0 ? error : set_int(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

/* Only what is sent to the group on this interface, not what another socket of the host has joined elsewhere. */
static int join(int descriptor, uint32_t interface, const struct stun_address *group) {
    if (group->family == STUN_ADDRESS_IPV4) {
        struct ip_mreqn membership = {.imr_ifindex = (int)interface};
        memcpy(&membership.imr_multiaddr, group->ip, 4);
        set_int(descriptor, IPPROTO_IP, IP_MULTICAST_ALL, 0);
        return setsockopt(descriptor, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) == 0 ? 0 : -errno;
    }
    struct ipv6_mreq membership = {.ipv6mr_interface = interface};
    memcpy(&membership.ipv6mr_multiaddr, group->ip, 16);
    set_int(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
    return setsockopt(descriptor, IPPROTO_IPV6, IPV6_JOIN_GROUP, &membership, sizeof membership) == 0 ? 0 : -errno;
}

static socklen_t write_name(const struct stun_address *address, uint32_t interface, struct sockaddr_storage *out) {
    socklen_t length = net_sockaddr_write(address, interface, out);
    if (address->family == STUN_ADDRESS_IPV6 && address->ip[0] == 0xff) { /* a group of the link needs to know which link */
        struct sockaddr_in6 v6;
        memcpy(&v6, out, sizeof v6);
        v6.sin6_scope_id = interface;
        memcpy(out, &v6, sizeof v6);
    }
    return length;
}

/*
 * RFC 6762 section 15: port 5353 is shared. Bound to the group's address, we hear all multicasts, as everybody does, and take no unicast message
 * from another responder of this host.
 */
static int bind_shared(int descriptor, uint32_t interface, const struct stun_address *group) {
    struct sockaddr_storage name;
    socklen_t length = write_name(group, interface, &name);
    int error = set_int(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (error == 0)
        error = set_int(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && bind(descriptor, (struct sockaddr *)&name, length) != 0)
        error = -errno;
    return error != 0 ? error : join(descriptor, interface, group);
}

int net_mdns_socket_open(enum mdns_socket kind, uint32_t interface, const struct stun_address *local) {
    bool v6 = local->family == STUN_ADDRESS_IPV6;
    int descriptor = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -errno;
    struct stun_address group = {.family = local->family, .port = MDNS_PORT, .ip = {224, 0, 0, 251}};
    if (v6)
        group = (struct stun_address){.family = local->family, .port = MDNS_PORT, .ip = {0xff, 0x02, [15] = 0xfb}};
    int error = v6 ? configure_v6(descriptor, interface) : configure_v4(descriptor, interface, local);
    if (error == 0 && kind == MDNS_SOCKET_SHARED)
        error = bind_shared(descriptor, interface, &group);
    if (error != 0) {
        close(descriptor);
        return error;
    }
    return descriptor; /* the one that asks gets its port with the first question */
}

/* ---- receiving and sending ----------------------------------------------------------------------------------------------------- */

static uint32_t interface_of(struct msghdr *message) {
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO && control->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo))) {
            struct in_pktinfo v4;
            memcpy(&v4, CMSG_DATA(control), sizeof v4);
            return (uint32_t)v4.ipi_ifindex;
        }
        if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO && control->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
            struct in6_pktinfo v6;
            memcpy(&v6, CMSG_DATA(control), sizeof v6);
            return v6.ipi6_ifindex;
        }
    }
    return 0;
}

long net_mdns_socket_receive(int descriptor, uint8_t *bytes, size_t capacity, struct stun_address *source, uint32_t *interface) {
    struct sockaddr_storage name = {0};
    alignas(struct cmsghdr) uint8_t control[128];
    struct iovec vector = {bytes, capacity};
    struct msghdr message = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &vector, .msg_iovlen = 1,
                             .msg_control = control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(descriptor, &message, MSG_DONTWAIT);
    if (length < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNREFUSED ? 0 : -errno;
    *interface = interface_of(&message);
    if ((message.msg_flags & MSG_TRUNC) != 0 || !net_sockaddr_read((struct sockaddr *)&name, source))
        return 0;
    return length;
}

int net_mdns_socket_send(int descriptor, uint32_t interface, const struct stun_address *to, const uint8_t *bytes, size_t length) {
    struct sockaddr_storage name;
    socklen_t name_bytes = write_name(to, interface, &name);
    return sendto(descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&name, name_bytes) >= 0 ? 0 : -errno;
}
