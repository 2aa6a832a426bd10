/* A UDP socket: opening it, and what went wrong with what it sent. */
#include "app/net/udp_socket_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h> /* linux/errqueue.h uses struct timespec and does not say so */
#include <unistd.h>

#include <linux/errqueue.h>

#include "app/net/sockaddr_internal.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#define MEMINFO_WORDS 9 /* linux/sock_diag.h: SK_MEMINFO_VARS */
#define MEMINFO_DROPS 8 /* SK_MEMINFO_DROPS */

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static int set_int(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

static int buffer_bytes(size_t wanted) {
    if (wanted == 0)
        return NET_UDP_BUFFER_DEFAULT_BYTES;
    return wanted > 1u << 30 ? 1 << 30 : (int)wanted;
}

/* Only what the socket cannot do without fails the opening: RECVERR, and IPv6 only. */
static int configure(struct net_udp_socket *udp, const struct net_udp_options *options) {
    bool v6 = udp->local.family == STUN_ADDRESS_IPV6;
    int descriptor = udp->descriptor;
    int error = v6 ? set_int(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
    if (error == 0)
        error = v6 ? set_int(descriptor, IPPROTO_IPV6, IPV6_RECVERR, 1) : set_int(descriptor, IPPROTO_IP, IP_RECVERR, 1);
    if (error != 0)
        return error;
    set_int(descriptor, SOL_SOCKET, SO_RCVBUF, buffer_bytes(options->receive_buffer_bytes));
    set_int(descriptor, SOL_SOCKET, SO_SNDBUF, buffer_bytes(options->send_buffer_bytes));
    udp->gso = !options->without_gso && set_int(descriptor, SOL_UDP, UDP_SEGMENT, 0) == 0; /* 0: no default, but is it known? */
    udp->gro = options->with_gro && set_int(descriptor, SOL_UDP, UDP_GRO, 1) == 0;
    return 0;
}

static int bind_local(struct net_udp_socket *udp) {
    struct sockaddr_storage name;
    socklen_t length = net_sockaddr_write(&udp->local, udp->scope_id, &name);
    if (bind(udp->descriptor, (struct sockaddr *)&name, length) != 0 ||
        getsockname(udp->descriptor, (struct sockaddr *)&name, &length) != 0)
        return -errno;
    return net_sockaddr_read((struct sockaddr *)&name, &udp->local) ? 0 : -EAFNOSUPPORT;
}

int net_udp_open(const struct stun_address *local, const struct net_udp_options *options, struct net_udp_socket **out) {
    static const struct net_udp_options defaults;
    if (options == NULL)
        options = &defaults;
    if (stun_address_ip_bytes(local) == 0)
        return -EINVAL;
    struct net_udp_socket *udp = calloc(1, sizeof *udp);
    if (udp == NULL)
        return -ENOMEM;
    udp->local = *local;
    udp->scope_id = options->scope_id;
    int family = local->family == STUN_ADDRESS_IPV6 ? AF_INET6 : AF_INET;
    udp->descriptor = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = udp->descriptor < 0 ? -errno : configure(udp, options);
    if (error == 0)
        error = bind_local(udp);
    if (error != 0) {
        net_udp_close(udp);
        return error;
    }
    *out = udp;
    return 0;
}

void net_udp_close(struct net_udp_socket *socket) {
    if (socket == NULL)
        return;
    if (socket->descriptor >= 0)
        close(socket->descriptor);
    free(socket);
}

int net_udp_descriptor(const struct net_udp_socket *socket) {
    return socket->descriptor;
}

const struct stun_address *net_udp_local(const struct net_udp_socket *socket) {
    return &socket->local;
}

/* ---- errors --------------------------------------------------------------------------------------------------------- */

void net_udp_note_error(struct net_udp_socket *socket, const struct stun_address *remote, int error) {
    /* A datagram too big for the path says nothing against the path: the pair must live on with smaller ones. */
    if (error == EMSGSIZE) {
        socket->statistics.too_big++;
        return;
    }
    for (size_t i = 0; i < socket->error_count; i++) {
        const struct net_udp_error *known = &socket->errors[(socket->error_first + i) % NET_UDP_ERROR_MAX];
        if (known->error == error && stun_address_equal(&known->remote, remote))
            return;
    }
    if (socket->error_count == NET_UDP_ERROR_MAX) {
        socket->statistics.errors_forgotten++;
        return;
    }
    struct net_udp_error *slot = &socket->errors[(socket->error_first + socket->error_count++) % NET_UDP_ERROR_MAX];
    slot->remote = *remote;
    slot->error = error;
}

bool net_udp_next_error(struct net_udp_socket *socket, struct net_udp_error *out) {
    if (socket->error_count == 0)
        return false;
    *out = socket->errors[socket->error_first];
    socket->error_first = (socket->error_first + 1) % NET_UDP_ERROR_MAX;
    socket->error_count--;
    return true;
}

/* The extended error among the control messages: IP_RECVERR and IPV6_RECVERR carry the same structure. */
static bool find_extended_error(struct msghdr *message, struct sock_extended_err *out) {
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control)) {
        bool v4 = control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR;
        bool v6 = control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_RECVERR;
        if ((v4 || v6) && control->cmsg_len >= CMSG_LEN(sizeof *out)) {
            memcpy(out, CMSG_DATA(control), sizeof *out);
            return true;
        }
    }
    return false;
}

size_t net_udp_drain_errors(struct net_udp_socket *socket) {
    size_t count = 0;
    for (int reads = 0; reads < 4 * NET_UDP_ERROR_MAX; reads++) {
        struct sockaddr_storage name = {0};
        alignas(struct cmsghdr) uint8_t control[512];
        uint8_t byte;
        struct iovec vector = {&byte, 1};
        struct msghdr message = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &vector, .msg_iovlen = 1,
                                 .msg_control = control, .msg_controllen = sizeof control};
        if (recvmsg(socket->descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            if (errno == EINTR)
                continue;
            break;
        }
        struct sock_extended_err error;
        struct stun_address remote; /* of the datagram that came to grief, not of the router that says so */
        if (!find_extended_error(&message, &error) || error.ee_origin == SO_EE_ORIGIN_LOCAL) /* that send has failed by itself */
            continue;
        count++;
        if (net_sockaddr_read((struct sockaddr *)&name, &remote))
            net_udp_note_error(socket, &remote, (int)error.ee_errno);
    }
    return count;
}

/* ---- numbers --------------------------------------------------------------------------------------------------------- */

void net_udp_statistics(const struct net_udp_socket *socket, struct net_udp_statistics *out) {
    *out = socket->statistics;
    out->segmentation = socket->gso;
    uint32_t words[MEMINFO_WORDS] = {0};
    socklen_t length = sizeof words;
    if (getsockopt(socket->descriptor, SOL_SOCKET, SO_MEMINFO, words, &length) == 0)
        out->kernel_dropped = words[MEMINFO_DROPS];
}
