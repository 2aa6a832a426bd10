#include "app/net/stun_service.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/net/clock.h"
#include "app/net/random.h"
#include "app/net/sockaddr_internal.h"

#define BATCH_MAX 64 /* datagrams in one turn of the loop, lest a flood of them keep signaling waiting */

/* Room for the one control message that says which of our addresses a datagram was for. */
union control {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct net_stun_service {
    uv_poll_t poll;
    int descriptor;
    struct stun_address local;
    struct net_stun_responder *responder;
    uint64_t unsent_dropped;
};

/* ---- one datagram ------------------------------------------------------------------------------------------------- */

/* A dual-stack socket shows IPv4 as ::ffff:a.b.c.d; who asked over IPv4 wants an IPv4 address to be told. */
static void unmap(struct stun_address *address) {
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (address->family != STUN_ADDRESS_IPV6 || memcmp(address->ip, prefix, sizeof prefix) != 0)
        return;
    address->family = STUN_ADDRESS_IPV4;
    memmove(address->ip, address->ip + 12, 4);
    memset(address->ip + 4, 0, 12);
}

/* What recvmsg said of the destination, turned into what sendmsg wants of the source. The way out is routing's choice: no interface is named. */
static void answer_from_where_it_came(struct msghdr *header) {
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof info);
            info.ipi_ifindex = 0;
            info.ipi_spec_dst = info.ipi_addr;
            memcpy(CMSG_DATA(control), &info, sizeof info);
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof info);
            info.ipi6_ifindex = 0;
            memcpy(CMSG_DATA(control), &info, sizeof info);
        }
    }
}

/* False: nothing waits any more. */
static bool serve_one(struct net_stun_service *service, uint64_t now_us) {
    uint8_t request[NET_STUN_REQUEST_MAX_BYTES + 1], answer[NET_STUN_ANSWER_MAX_BYTES];
    struct sockaddr_storage remote;
    union control control;
    struct iovec io = {.iov_base = request, .iov_len = sizeof request};
    struct msghdr header = {.msg_name = &remote, .msg_namelen = sizeof remote, .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control,
                            .msg_controllen = sizeof control};
    ssize_t length = recvmsg(service->descriptor, &header, MSG_DONTWAIT);
    if (length < 0)
        return errno != EAGAIN && errno != EWOULDBLOCK; /* else: what ICMP said of an earlier answer; it is read by that */
    struct stun_address source;
    if (!net_sockaddr_read((const struct sockaddr *)&remote, &source))
        return true;
    unmap(&source);
    size_t answered = net_stun_responder_handle(service->responder, now_us, &source, request, (size_t)length, answer);
    if (answered == 0)
        return true;
    answer_from_where_it_came(&header);
    io = (struct iovec){.iov_base = answer, .iov_len = answered};
    if (sendmsg(service->descriptor, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        service->unsent_dropped++;
    return true;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    struct net_stun_service *service = poll->data;
    (void)events;
    if (status != 0) /* libuv stops polling when the socket has an error; it is over once it was read */
        uv_poll_start(poll, UV_READABLE, on_readable);
    uint64_t now_us = net_clock_now_us();
    for (int i = 0; i < BATCH_MAX && serve_one(service, now_us); i++)
        continue;
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static int open_socket(struct net_stun_service *service, const struct stun_address *local) {
    struct sockaddr_storage name;
    socklen_t length = net_sockaddr_write(local, 0, &name);
    const int on = 1;
    bool ipv6 = local->family == STUN_ADDRESS_IPV6;
    service->descriptor = socket(name.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (service->descriptor < 0)
        return -errno;
    /* An IPv4 datagram on a dual-stack socket brings its destination as a mapped address in the IPv6 form, and takes its source so. */
    if (setsockopt(service->descriptor, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on) != 0 ||
        bind(service->descriptor, (struct sockaddr *)&name, length) != 0 || getsockname(service->descriptor, (struct sockaddr *)&name, &length) != 0)
        return -errno;
    return net_sockaddr_read((const struct sockaddr *)&name, &service->local) ? 0 : -EAFNOSUPPORT;
}

static void release(struct net_stun_service *service) {
    if (service->descriptor >= 0)
        close(service->descriptor);
    net_stun_responder_free(service->responder);
    free(service);
}

static void on_closed(uv_handle_t *handle) {
    release(handle->data);
}

int net_stun_service_new(uv_loop_t *loop, const struct stun_address *local, const struct net_stun_responder_config *limits,
                         struct net_stun_service **out) {
    if (local->family == STUN_ADDRESS_NONE)
        return -EINVAL;
    struct net_stun_responder_config config = {.random = net_random, .rate = limits ? limits->rate : 0, .burst = limits ? limits->burst : 0};
    if (config.rate > NET_STUN_LIMIT_MAX || config.burst > NET_STUN_LIMIT_MAX)
        return -EINVAL;
    struct net_stun_service *service = calloc(1, sizeof *service);
    if (!service)
        return -ENOMEM;
    service->descriptor = -1;
    service->responder = net_stun_responder_new(&config);
    int error = service->responder ? open_socket(service, local) : -ENOMEM;
    if (error == 0)
        error = uv_poll_init(loop, &service->poll, service->descriptor);
    if (error != 0) {
        release(service);
        return error;
    }
    service->poll.data = service;
    uv_poll_start(&service->poll, UV_READABLE, on_readable);
    *out = service;
    return 0;
}

void net_stun_service_free(struct net_stun_service *service) {
    if (!service)
        return;
    uv_poll_stop(&service->poll);
    uv_close((uv_handle_t *)&service->poll, on_closed);
}

const struct stun_address *net_stun_service_local(const struct net_stun_service *service) {
    return &service->local;
}

void net_stun_service_statistics(const struct net_stun_service *service, struct net_stun_service_statistics *out) {
    net_stun_responder_statistics(service->responder, &out->responder);
    out->unsent_dropped = service->unsent_dropped;
}
