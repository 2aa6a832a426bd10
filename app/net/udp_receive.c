/* Receiving: one recvmmsg fills the batch, an iterator hands out datagrams, splitting those that the kernel joined (GRO). */
#include "app/net/udp_socket_internal.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "app/net/sockaddr_internal.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define JOINED_BUFFERS 8
#define JOINED_BYTES 65536 /* the longest UDP datagram is 65,507 bytes */
#define CONTROL_BYTES CMSG_SPACE(sizeof(int))
#define RECEIVE_RETRY_MAX 4

struct receive_control {
    alignas(struct cmsghdr) uint8_t bytes[CONTROL_BYTES];
};

/* buffer_count buffers of buffer_bytes each, and where the iterator stands: in message `at`, `offset` bytes handed out. */
struct net_receive_batch {
    size_t buffer_count;
    size_t buffer_bytes;
    uint8_t *buffers;
    struct mmsghdr messages[NET_UDP_BATCH];
    struct iovec vectors[NET_UDP_BATCH];
    struct sockaddr_storage names[NET_UDP_BATCH];
    struct receive_control controls[NET_UDP_BATCH];
    struct net_udp_socket *socket;
    size_t count;
    size_t at;
    size_t offset;
    size_t segment_bytes; /* of message `at`, known once offset > 0 or its first segment was taken */
};

struct net_receive_batch *net_receive_batch_new(bool gro) {
    struct net_receive_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return NULL;
    batch->buffer_count = gro ? JOINED_BUFFERS : NET_UDP_BATCH;
    batch->buffer_bytes = gro ? JOINED_BYTES : NET_UDP_DATAGRAM_MAX_BYTES;
    batch->buffers = malloc(batch->buffer_count * batch->buffer_bytes);
    if (batch->buffers == NULL) {
        free(batch);
        return NULL;
    }
    return batch;
}

void net_receive_batch_free(struct net_receive_batch *batch) {
    if (batch == NULL)
        return;
    free(batch->buffers);
    free(batch);
}

/* recvmmsg overwrites lengths and flags, so every round starts from fresh headers. */
static void prepare(struct net_receive_batch *batch, bool gro) {
    for (size_t i = 0; i < batch->buffer_count; i++) {
        batch->vectors[i].iov_base = batch->buffers + i * batch->buffer_bytes;
        batch->vectors[i].iov_len = batch->buffer_bytes;
        batch->messages[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &batch->names[i],
                                                          .msg_namelen = sizeof batch->names[i],
                                                          .msg_iov = &batch->vectors[i],
                                                          .msg_iovlen = 1,
                                                          .msg_control = gro ? batch->controls[i].bytes : NULL,
                                                          .msg_controllen = gro ? CONTROL_BYTES : 0}};
    }
}

int net_udp_receive(struct net_udp_socket *socket, struct net_receive_batch *batch) {
    batch->socket = socket;
    batch->count = batch->at = batch->offset = 0;
    if (socket->gro && batch->buffer_bytes < JOINED_BYTES)
        return -EINVAL;
    int error = 0;
    /* An ICMP error makes one receive fail (and says nothing about what waits behind it): take the error, read again. */
    for (int attempt = 0; attempt < RECEIVE_RETRY_MAX; attempt++) {
        prepare(batch, socket->gro);
        int got = recvmmsg(socket->descriptor, batch->messages, (unsigned)batch->buffer_count, MSG_DONTWAIT, NULL);
        error = errno;
        socket->statistics.receive_calls++;
        if (got >= 0) {
            batch->count = (size_t)got;
            return got;
        }
        if (error == EBADF || error == ENOTSOCK || error == EFAULT || error == EINVAL)
            return -error;
        size_t errors = net_udp_drain_errors(socket);
        if ((error == EAGAIN || error == EWOULDBLOCK) && errors == 0)
            break;
    }
    return 0;
}

/* How long the datagrams are that the kernel joined into this message; all of it when it joined none. */
static size_t segment_bytes_of(struct mmsghdr *message) {
    struct msghdr *header = &message->msg_hdr;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL; control = CMSG_NXTHDR(header, control)) {
        int size = 0;
        if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO && control->cmsg_len >= CMSG_LEN(sizeof size)) {
            memcpy(&size, CMSG_DATA(control), sizeof size);
            if (size > 0 && (size_t)size < message->msg_len)
                return (size_t)size;
        }
    }
    return message->msg_len;
}

/* Takes the next piece of message `at`, and moves on to the next message after its last one. */
static void take_segment(struct net_receive_batch *batch, struct net_datagram *out) {
    struct mmsghdr *message = &batch->messages[batch->at];
    size_t total = message->msg_len;
    assert(total <= batch->buffer_bytes && batch->offset <= total);
    if (batch->offset == 0) {
        batch->segment_bytes = segment_bytes_of(message);
        if (batch->segment_bytes < total)
            batch->socket->statistics.joined_messages++;
    }
    size_t left = total - batch->offset;
    out->bytes = batch->buffers + batch->at * batch->buffer_bytes + batch->offset;
    out->length = left < batch->segment_bytes ? left : batch->segment_bytes;
    batch->offset += out->length;
    if (batch->offset == total) {
        batch->offset = 0;
        batch->at++;
    }
}

bool net_receive_batch_next(struct net_receive_batch *batch, struct net_datagram *out) {
    while (batch->at < batch->count) {
        struct mmsghdr *message = &batch->messages[batch->at];
        const struct sockaddr *name = (const struct sockaddr *)&batch->names[batch->at];
        bool cut = (message->msg_hdr.msg_flags & MSG_TRUNC) != 0;
        take_segment(batch, out);
        if (cut || out->length > NET_UDP_DATAGRAM_MAX_BYTES) {
            batch->socket->statistics.over_long_dropped++;
            continue;
        }
        if (message->msg_hdr.msg_namelen == 0 || !net_sockaddr_read(name, &out->remote))
            continue;
        batch->socket->statistics.datagrams_received++;
        batch->socket->statistics.bytes_received += out->length;
        return true;
    }
    return false;
}
