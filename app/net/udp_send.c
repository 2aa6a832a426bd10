/*
 * Sending: datagrams wait in one arena and go out with sendmmsg. A run of equal datagrams to one destination becomes one message with
 * a UDP_SEGMENT size, which crosses the stack once. The segments need not lie side by side: the message gathers them.
 */
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

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define ARENA_BYTES (96u * 1024u)
#define SEGMENTED_BYTES_MAX 65000u /* the joined datagram must fit the 16-bit length of IP with its headers */
#define SEND_RETRY_MAX 4

struct waiting {
    struct net_udp_socket *socket;
    struct stun_address remote;
    const uint8_t *bytes;
    size_t length;
};

struct send_control {
    alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
};

struct net_send_batch {
    size_t count;
    size_t used_bytes;
    struct waiting waiting[NET_SEND_BATCH];
    struct mmsghdr messages[NET_SEND_BATCH];
    struct iovec vectors[NET_SEND_BATCH];
    struct sockaddr_storage names[NET_SEND_BATCH];
    struct send_control controls[NET_SEND_BATCH];
    uint8_t arena[ARENA_BYTES];
};

struct net_send_batch *net_send_batch_new(void) {
    return calloc(1, sizeof(struct net_send_batch));
}

void net_send_batch_free(struct net_send_batch *batch) {
    free(batch);
}

/* ---- queueing -------------------------------------------------------------------------------------------------------- */

uint8_t *net_send_batch_reserve(struct net_send_batch *batch, size_t *capacity) {
    if (batch->count == NET_SEND_BATCH || ARENA_BYTES - batch->used_bytes < NET_SEND_RESERVE_BYTES)
        net_send_batch_flush(batch);
    *capacity = ARENA_BYTES - batch->used_bytes;
    return batch->arena + batch->used_bytes;
}

static void queue_one(struct net_send_batch *batch, struct net_udp_socket *socket, const struct stun_address *remote,
                      const uint8_t *bytes, size_t length) {
    if (batch->count == NET_SEND_BATCH)
        net_send_batch_flush(batch);
    batch->waiting[batch->count++] = (struct waiting){.socket = socket, .remote = *remote, .bytes = bytes, .length = length};
}

void net_send_batch_commit(struct net_send_batch *batch, struct net_udp_socket *socket, const struct stun_address *remote,
                           const uint8_t *bytes, size_t length, size_t segment_bytes) {
    assert(bytes >= batch->arena && bytes + length <= batch->arena + ARENA_BYTES);
    size_t end = (size_t)(bytes - batch->arena) + length;
    if (segment_bytes == 0 || segment_bytes >= length) {
        queue_one(batch, socket, remote, bytes, length);
    } else {
        for (size_t at = 0; at < length; at += segment_bytes)
            queue_one(batch, socket, remote, bytes + at, length - at < segment_bytes ? length - at : segment_bytes);
    }
    /* After the queueing, because a flush in its middle empties the arena although these bytes still wait in it. */
    end = (end + 15u) & ~(size_t)15u;
    batch->used_bytes = end < ARENA_BYTES ? end : ARENA_BYTES;
}

/* ---- making messages -------------------------------------------------------------------------------------------------- */

/* How many datagrams from `first` on fit into one segmented message: same socket and destination, same size, only the last shorter. */
static size_t run_length(const struct net_send_batch *batch, size_t first, size_t end) {
    const struct waiting *head = &batch->waiting[first];
    if (!head->socket->gso || head->length == 0)
        return 1;
    size_t total = head->length;
    size_t at = first + 1;
    for (; at < end; at++) {
        const struct waiting *next = &batch->waiting[at];
        if (next->length == 0 || next->length > head->length || total + next->length > SEGMENTED_BYTES_MAX ||
            !stun_address_equal(&next->remote, &head->remote))
            break;
        total += next->length;
        if (next->length < head->length) {
            at++;
            break;
        }
    }
    return at - first;
}

static void make_message(struct net_send_batch *batch, size_t index, size_t first, size_t run) {
    const struct waiting *head = &batch->waiting[first];
    struct msghdr *header = &batch->messages[index].msg_hdr;
    *header = (struct msghdr){.msg_name = &batch->names[index], .msg_iov = &batch->vectors[first], .msg_iovlen = run};
    header->msg_namelen = net_sockaddr_write(&head->remote, head->socket->scope_id, &batch->names[index]);
    for (size_t i = first; i < first + run; i++) {
        batch->vectors[i].iov_base = (void *)(uintptr_t)batch->waiting[i].bytes; /* iovec has no const; sendmmsg only reads */
        batch->vectors[i].iov_len = batch->waiting[i].length;
    }
    if (run == 1)
        return;
    uint16_t segment = (uint16_t)head->length;
    memset(&batch->controls[index], 0, sizeof batch->controls[index]);
    header->msg_control = batch->controls[index].bytes;
    header->msg_controllen = sizeof batch->controls[index].bytes;
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    control->cmsg_level = SOL_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(control), &segment, sizeof segment);
}

/* Messages for waiting[first..end), one socket. single_until: datagrams before it are not joined. Returns how many. */
static size_t make_messages(struct net_send_batch *batch, size_t first, size_t end, size_t single_until) {
    size_t index = 0;
    while (first < end) {
        size_t run = first < single_until ? 1 : run_length(batch, first, end);
        make_message(batch, index++, first, run);
        first += run;
    }
    return index;
}

/* ---- sending ---------------------------------------------------------------------------------------------------------- */

/* Counts the messages that went; returns how many datagrams they were. */
static size_t account(struct net_send_batch *batch, struct net_udp_socket *socket, size_t first, size_t messages) {
    size_t datagrams = 0;
    for (size_t i = 0; i < messages; i++) {
        size_t run = batch->messages[i].msg_hdr.msg_iovlen;
        if (run > 1)
            socket->statistics.segmented_messages++;
        for (size_t j = 0; j < run; j++)
            socket->statistics.bytes_sent += batch->waiting[first + datagrams + j].length;
        datagrams += run;
    }
    socket->statistics.datagrams_sent += datagrams;
    return datagrams;
}

/* Errors by which a kernel or an interface refuses to segment: no checksum offload (EIO), an MTU below the segment (EMSGSIZE, EINVAL). */
static bool refuses_segments(int error) {
    return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP || error == ENOPROTOOPT;
}

/* Sends waiting[first..end), all of one socket. */
static void send_run(struct net_send_batch *batch, size_t first, size_t end) {
    struct net_udp_socket *socket = batch->waiting[first].socket;
    size_t single_until = first;
    int refused_with = 0; /* why a segmented message was refused that is now tried in single datagrams */
    int retries = 0;
    while (first < end) {
        size_t count = make_messages(batch, first, end, single_until);
        int sent = sendmmsg(socket->descriptor, batch->messages, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL);
        int error = sent < 0 ? errno : 0;
        socket->statistics.send_calls++;
        if (sent > 0) {
            /* Single datagrams go where segments did not: this socket cannot segment. (EMSGSIZE is about one path only.) */
            if (refused_with != 0 && refused_with != EMSGSIZE)
                socket->gso = false;
            refused_with = 0;
            first += account(batch, socket, first, (size_t)sent);
            retries = 0;
            continue;
        }
        if (error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || sent == 0) {
            socket->statistics.would_block_dropped += end - first;
            return;
        }
        /* An ICMP error that some earlier datagram earned makes the next send fail, wherever that one goes: take it, try again. */
        size_t pending = net_udp_drain_errors(socket);
        if (error == EINTR || (retries < SEND_RETRY_MAX && (pending > 0 || retries == 0))) {
            retries++;
            continue;
        }
        retries = 0;
        size_t run = batch->messages[0].msg_hdr.msg_iovlen;
        if (run > 1 && refuses_segments(error)) {
            single_until = first + run;
            refused_with = error;
            continue;
        }
        refused_with = 0;
        net_udp_note_error(socket, &batch->waiting[first].remote, error);
        socket->statistics.failed_dropped += run;
        first += run;
    }
}

void net_send_batch_flush(struct net_send_batch *batch) {
    size_t first = 0;
    while (first < batch->count) {
        size_t end = first + 1;
        while (end < batch->count && batch->waiting[end].socket == batch->waiting[first].socket)
            end++;
        send_run(batch, first, end);
        first = end;
    }
    batch->count = 0;
    batch->used_bytes = 0;
}
