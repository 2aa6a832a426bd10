/*
 * UDP sockets in batches: recvmmsg and sendmmsg, with UDP_SEGMENT (GSO) for runs of equal datagrams to one destination, and errors
 * (ICMP included) told per destination, as RFC 8445 section 7.2.5.2.3 and docs/contract.md want them.
 *
 * Functions that can fail return a negative errno, as libuv does. One thread.
 *
 *     net_udp_open -> net_udp_receive + net_receive_batch_next
 *                  -> net_send_batch_reserve, _commit ..., net_send_batch_flush
 *                  -> net_udp_next_error until false, after each receive and each flush
 */
#ifndef NET_UDP_SOCKET_H
#define NET_UDP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/address.h"

#define NET_UDP_BATCH 32                  /* datagrams that one recvmmsg takes; one turn of a loop handles no more */
#define NET_UDP_DATAGRAM_MAX_BYTES 9000   /* a jumbo frame. A longer one is dropped and counted. Nothing of ours is longer than 1,280 bytes, but
                                           * Chromium was seen to send two DTLS records of SCTP in one datagram: 2,190 bytes */
#define NET_UDP_ERROR_MAX 32              /* errors kept per socket between two rounds of net_udp_next_error */
#define NET_UDP_BUFFER_DEFAULT_BYTES (2u * 1024u * 1024u)

/*
 * receive_buffer_bytes, send_buffer_bytes  SO_RCVBUF, SO_SNDBUF; 0: NET_UDP_BUFFER_DEFAULT_BYTES. The kernel may give less
 *                                          (net.core.rmem_max), which is no error.
 * scope_id       the interface index, needed for link-local IPv6 addresses only
 * without_gso    never use UDP_SEGMENT
 * with_gro       let the kernel join what it receives (UDP_GRO); wants a batch made with net_receive_batch_new(true). Where the kernel
 *                does not know it, it stays off.
 */
struct net_udp_options {
    size_t receive_buffer_bytes;
    size_t send_buffer_bytes;
    uint32_t scope_id;
    bool without_gso;
    bool with_gro;
};

struct net_udp_socket;

/*
 * Binds a non-blocking socket.
 * local    port 0 lets the kernel choose; an IPv6 socket takes IPv6 only
 * options  may be NULL
 * out      written on success; owned by the caller, net_udp_close
 * Returns 0, or -EADDRNOTAVAIL (the address has gone, or is still tentative), -EADDRINUSE, -EMFILE, -ENFILE (out of
 * descriptors: close something), -EAFNOSUPPORT, -EINVAL, -ENOMEM.
 */
int net_udp_open(const struct stun_address *local, const struct net_udp_options *options, struct net_udp_socket **out);
void net_udp_close(struct net_udp_socket *socket);

int net_udp_descriptor(const struct net_udp_socket *socket);                   /* for polling only */
const struct stun_address *net_udp_local(const struct net_udp_socket *socket); /* with the port the kernel chose */

/* ---- receiving ---------------------------------------------------------------------------------------------------- */

struct net_receive_batch;

/* gro: with buffers that a joined datagram of 64 KiB fits into. NULL: memory is short. One batch serves any number of sockets in turn. */
struct net_receive_batch *net_receive_batch_new(bool gro);
void net_receive_batch_free(struct net_receive_batch *batch);

/*
 * Reads up to NET_UDP_BATCH datagrams (joined ones count as one) into the batch, over whatever it held.
 * Returns how many messages came, 0 when there were none, or a negative errno that says the socket is of no use any more. What ICMP
 * said is not returned here but by net_udp_next_error.
 */
int net_udp_receive(struct net_udp_socket *socket, struct net_receive_batch *batch);

/* bytes: may be changed in place; valid until the next net_udp_receive into the batch. length may be 0. */
struct net_datagram {
    struct stun_address remote;
    uint8_t *bytes;
    size_t length;
};

/* The next datagram of the batch in order of arrival. False when it is empty. Over-long ones are skipped and counted, so the socket must be open still. */
bool net_receive_batch_next(struct net_receive_batch *batch, struct net_datagram *out);

/* ---- sending ------------------------------------------------------------------------------------------------------ */

#define NET_SEND_BATCH 64                   /* datagrams that wait for one flush */
#define NET_SEND_RESERVE_BYTES 2048         /* room that net_send_batch_reserve has at least */

struct net_send_batch;
struct net_send_batch *net_send_batch_new(void); /* NULL: memory is short */
void net_send_batch_free(struct net_send_batch *batch);

/*
 * Room to write the next datagram into, so that nothing is copied. Flushes by itself when the batch is full.
 * capacity  written: NET_SEND_RESERVE_BYTES at least
 * The room stays the caller's until commit or the next reserve; not committing it is fine.
 */
uint8_t *net_send_batch_reserve(struct net_send_batch *batch, size_t *capacity);

/*
 * Queues what was written into the reserved room.
 * socket         must stay open until the flush; sockets may alternate, order is kept
 * bytes, length  within the reserved room
 * segment_bytes  0: one datagram. Else the bytes are datagrams of this size back to back, the last may be shorter
 */
void net_send_batch_commit(struct net_send_batch *batch, struct net_udp_socket *socket, const struct stun_address *remote,
                           const uint8_t *bytes, size_t length, size_t segment_bytes);

/*
 * Sends everything. Nothing waits afterwards: what a full socket buffer refuses (EAGAIN, ENOBUFS) is dropped and counted, as a lossy
 * network would; what cannot be sent at all is reported by net_udp_next_error.
 */
void net_send_batch_flush(struct net_send_batch *batch);

/* ---- errors and numbers ---------------------------------------------------------------------------------------------- */

struct net_udp_error {
    struct stun_address remote; /* where the datagram was going */
    int error;                  /* positive errno: ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EPERM, EACCES, ... */
};

/* The next error, oldest first; the same error for the same destination is kept once. False: none. EMSGSIZE is only counted. */
bool net_udp_next_error(struct net_udp_socket *socket, struct net_udp_error *out);

struct net_udp_statistics {
    uint64_t datagrams_sent, bytes_sent;
    uint64_t datagrams_received, bytes_received;
    uint64_t send_calls, receive_calls;
    uint64_t segmented_messages;  /* messages that carried more than one datagram by GSO */
    uint64_t joined_messages;     /* the same received, by GRO */
    uint64_t over_long_dropped;   /* beyond NET_UDP_DATAGRAM_MAX_BYTES */
    uint64_t would_block_dropped; /* the socket buffer was full */
    uint64_t failed_dropped;      /* refused by the kernel, reported as an error */
    uint64_t too_big;             /* EMSGSIZE, from the path (ICMP) or from the interface */
    uint64_t errors_forgotten;    /* beyond NET_UDP_ERROR_MAX */
    uint64_t kernel_dropped;      /* arrived, but the receive buffer was full */
    bool segmentation;            /* GSO is in use */
};
void net_udp_statistics(const struct net_udp_socket *socket, struct net_udp_statistics *out);

#endif
