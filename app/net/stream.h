/*
 * One TCP connection, plain or with TLS inside, that never blocks: what the transports TCP and TLS of ice/agent.h run over. Where messages
 * begin and end (RFC 4571, RFC 8656 section 3.1) is the business of ice/: this is bytes.
 *
 *     net_stream_connect, net_stream_accept
 *     poll net_stream_descriptor for reading, and for writing while net_stream_wants_write
 *     -> net_stream_progress until it says OPEN
 *     -> net_stream_receive, net_stream_send ..., net_stream_flush
 *     any of them may end the stream: net_stream_state is ENDED then, and net_stream_error says why
 *
 * A media stack sends datagrams over it: a late one is worth nothing. So little waits (a bounded buffer here, TCP_NOTSENT_LOWAT in the
 * kernel), and what does not fit whole is dropped whole, like a datagram; half a frame would ruin all that follows.
 *
 * Functions that can fail return a negative errno. One thread.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/net/tls.h"
#include "stun/address.h"

#define NET_STREAM_SEND_BYTES 65536   /* that wait here for the socket; TLS records and their overhead included */
#define NET_STREAM_UNSENT_BYTES 32768 /* that wait in the kernel beside what is under way */
#define NET_STREAM_RECEIVE_BYTES 16384 /* that one net_stream_receive takes from the socket, and hands out at most */

enum net_stream_state { NET_STREAM_CONNECTING, NET_STREAM_HANDSHAKING, NET_STREAM_OPEN, NET_STREAM_ENDED };

struct net_stream;

/*
 * Begins to connect.
 * local        family NONE: the kernel chooses; port 0: any port; a port is shared with SO_REUSEADDR and SO_REUSEPORT, because simultaneous-open
 *              (RFC 6544 section 3, appendix B) uses one port for several connections and a listening socket
 * scope_id     the interface index, needed for link-local IPv6 only
 * tls          NULL: plain TCP; else a session, which the stream owns from now on, even when this fails
 * out          written on success; owned by the caller, net_stream_close
 * Returns 0: the stream is CONNECTING (or already ENDED, when the kernel says no at once); or -EMFILE, -ENFILE (close something),
 * -EADDRINUSE, -EADDRNOTAVAIL (local), -EAFNOSUPPORT, -EINVAL, -ENOMEM.
 */
int net_stream_connect(const struct stun_address *local, const struct stun_address *remote, uint32_t scope_id, struct net_tls_session *tls,
                       struct net_stream **out);

/*
 * Takes the next connection of a listening socket. It is OPEN.
 * Returns 0; -EAGAIN: there is none; -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM: it stays in the queue and the listener stays readable, so wait before the next try;
 * -ECONNABORTED and others: that one has gone.
 */
int net_stream_accept(int listener, struct net_stream **out);

/*
 * A listening socket. `local` with port 0 lets the kernel choose; `bound` is the address with its port. Returns the descriptor, to be closed with
 * close(2), or what net_stream_connect may return.
 */
int net_stream_listen(const struct stun_address *local, uint32_t scope_id, struct stun_address *bound);

/* Closes at once. An OPEN stream first sends what waits, as far as the socket takes it without waiting, and TLS its goodbye. */
void net_stream_close(struct net_stream *stream);

int net_stream_descriptor(const struct net_stream *stream);
bool net_stream_wants_write(const struct net_stream *stream);
enum net_stream_state net_stream_state(const struct net_stream *stream);

/* Of an ENDED stream: 0 the peer has closed it in order; > 0 an errno; < 0 enum ice_stream_error. A TLS stream cut off without close_notify: ECONNRESET. */
int net_stream_error(const struct net_stream *stream);

/* Family NONE until connected, unless a port was asked for. */
const struct stun_address *net_stream_local(const struct net_stream *stream);
const struct stun_address *net_stream_remote(const struct net_stream *stream);
const struct net_tls_session *net_stream_tls(const struct net_stream *stream); /* NULL: plain */

/* The socket is readable or writable, and the stream is not OPEN yet: connects, shakes hands. Returns the state. */
enum net_stream_state net_stream_progress(struct net_stream *stream);

/*
 * Reads an OPEN stream.
 * Returns how many bytes were written to `out` (NET_STREAM_RECEIVE_BYTES of room); 0: none for now, or ENDED. Call until 0 only with TLS, where
 * one read of the socket may hold several records: net_stream_has_more says so; otherwise wait for the socket, so that others have their turn.
 */
size_t net_stream_receive(struct net_stream *stream, uint8_t *out);
bool net_stream_has_more(const struct net_stream *stream);

/*
 * Queues all of it, or nothing: false when it does not fit (dropped and counted), or when the stream is not OPEN. What was queued goes with
 * net_stream_flush, or when the socket is writable again.
 */
bool net_stream_send(struct net_stream *stream, const uint8_t *bytes, size_t length);
void net_stream_flush(struct net_stream *stream);

struct net_stream_statistics {
    uint64_t messages_sent, bytes_sent;       /* what net_stream_send took */
    uint64_t messages_dropped, bytes_dropped; /* did not fit, or came when the stream was not OPEN */
    uint64_t bytes_received;
    uint64_t send_calls, receive_calls;
};
void net_stream_statistics(const struct net_stream *stream, struct net_stream_statistics *out);

#endif
