/*
 * The contract driver: one object of docs/contract.md (an ICE agent, a peer transport, a PeerConnection) on a libuv loop, with real sockets
 * and a real clock. It is the "mutate, drain, wait" of the contract, once, for everybody.
 *
 *     net_driver_new -> net_driver_start                      sockets are open, handle_interfaces was called
 *     the app calls a verb of its object -> net_driver_run    drains, sends, sets the timer
 *     a thread has something             -> net_driver_wake   handle_wake on the loop
 *     drain sees RESOLVE                 -> net_driver_resolve, later handle_resolved
 *     drain sees OPEN_STREAM             -> net_driver_open_stream, later handle_stream_opened or _closed
 *     drain sees CLOSE_STREAM            -> net_driver_close_stream
 *     drain sees SOCKETS_NEEDED, _FREE   -> net_driver_open_set, with handle_set_interfaces; net_driver_close_set
 *     the app has packets of its own     -> net_driver_reserve, write (protect) there, net_driver_send
 *
 * One turn: overdue timeouts, then one batch of at most NET_UDP_BATCH datagrams of one socket (with GRO: eight joined ones), draining after
 * each, or one read of at most NET_STREAM_RECEIVE_BYTES of one stream; then one flush, the errors of it, and the timer. A flood of garbage
 * thus delays a timeout by one batch per socket, never more.
 *
 * All functions but net_driver_wake belong to the loop's thread. Those that can fail return a negative errno.
 */
#ifndef NET_DRIVER_H
#define NET_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "app/net/interfaces.h"
#include "app/net/mdns.h"
#include "app/net/stream.h"
#include "app/net/udp_socket.h"
#include "ice/agent.h"

/* Datagrams that one turn takes from poll_transmit; what is left goes in the next turn, which comes at once. */
#define NET_DRIVER_TURN_DATAGRAMS 1024

#define NET_DRIVER_SET_MAX 16                /* sets of sockets: the one of net_driver_start, set 0, and those of net_driver_open_set */
#define NET_DRIVER_STREAM_MAX 64             /* that the object has opened, at a time */
#define NET_DRIVER_ACCEPTED_MAX 16           /* accepted ones at a time; a further one is closed as soon as it comes */
#define NET_DRIVER_CONNECT_TIMEOUT_MS 10000  /* from open_stream to opened, the TLS handshake included */
#define NET_DRIVER_ACCEPT_PAUSE_MS 500       /* before a listener tries again that found no descriptor left */

/*
 * The verbs of the object, with `object` as the configuration has it. now_us is net_clock_now_us, read once a turn.
 * Most are one-line adapters. Verbs may call any net_driver function, net_driver_free included; next_timeout and poll_transmit only answer.
 *
 * handle_datagram     required
 * handle_timeout      required; called only when next_timeout has passed
 * next_timeout        required
 * poll_transmit       required; capacity is NET_SEND_RESERVE_BYTES at least
 * drain               required: poll_received and poll_event until both return false, and act on what comes. Returns true if
 *                     anything came; it is called again then, after poll_transmit
 * handle_interfaces   required: the sockets there are, at the start and whenever they change
 * handle_set_interfaces  the same for the sets of net_driver_open_set; may be NULL when that is not used
 * handle_send_error   may be NULL: errors are counted only
 * handle_resolved     may be NULL when net_driver_resolve is not used
 * handle_wake         may be NULL: net_driver_wake then only drains
 */
struct net_driver_verbs {
    void (*handle_datagram)(void *object, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length);
    void (*handle_timeout)(void *object, uint64_t now_us);
    uint64_t (*next_timeout)(const void *object);
    bool (*poll_transmit)(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out);
    bool (*drain)(void *object, uint64_t now_us);
    void (*handle_interfaces)(void *object, uint64_t now_us, const struct ice_interface *interfaces, size_t count);
    void (*handle_set_interfaces)(void *object, uint64_t now_us, size_t set, const struct ice_interface *interfaces, size_t count);
    void (*handle_send_error)(void *object, uint64_t now_us, const struct ice_path *path, int error);
    void (*handle_resolved)(void *object, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count);
    void (*handle_wake)(void *object, uint64_t now_us);

    /*
     * TCP and TLS; all three may be NULL when net_driver_open_stream and tcp_listen are not used. path.local is the real address in all
     * of them, but in a closed without an opened before. error: 0 the peer closed it in order, > 0 errno, < 0 enum ice_stream_error.
     * An object that does not want an accepted stream says so with net_driver_close_stream.
     */
    void (*handle_stream_opened)(void *object, uint64_t now_us, const struct ice_path *path);
    void (*handle_stream_bytes)(void *object, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length);
    void (*handle_stream_closed)(void *object, uint64_t now_us, const struct ice_path *path, int error);
};

/* What to do with names under .local: resolve those of peers; also offer ours instead of our addresses; or leave all of it alone. */
enum net_mdns_mode { NET_MDNS_RESOLVE, NET_MDNS_OFFER, NET_MDNS_OFF };

/*
 * verbs, object      borrowed, until net_driver_free
 * filter             which addresses to bind; its name is copied
 * udp                see net_udp_options; scope_id is filled in by the driver where it knows the interface
 * fixed_interfaces   true: do not watch for addresses that come and go
 * tcp_listen         also listen on TCP, at each address: handle_interfaces then has an entry with transport TCP for each, after those of UDP.
 *                    A configured address with a port gives it to both
 * tls_ca_file        NULL, or certificates (PEM) that are believed beside the system's; read by net_driver_new
 * mdns               OFFER: each address has a name of its own (mdns_name in ice_interface), which the driver answers for on the link; an address
 *                    without one, because names cannot be had, is not told. OFF: names under .local do not exist
 * connect_timeout_ms 0: NET_DRIVER_CONNECT_TIMEOUT_MS
 * addresses          when address_count > 0: bind these (port included) instead of the interfaces' addresses, and watch nothing; copied
 */
struct net_driver_config {
    const struct net_driver_verbs *verbs;
    void *object;
    struct net_interface_filter filter;
    struct net_udp_options udp;
    bool fixed_interfaces;
    bool tcp_listen;
    const char *tls_ca_file;
    enum net_mdns_mode mdns;
    uint64_t connect_timeout_ms;
    const struct stun_address *addresses;
    size_t address_count; /* 0..NET_INTERFACE_MAX */
};

struct net_driver;

/*
 * Opens no socket yet. -EINVAL: a required verb is missing (tcp_listen requires those of streams), or too many addresses, or no certificate is
 * in tls_ca_file; -ENOENT, -EACCES, ...: that file cannot be read; -EMFILE, -ENFILE, -ENOMEM. Check the file with net_tls_trust_new to tell them apart.
 */
int net_driver_new(uv_loop_t *loop, const struct net_driver_config *config, struct net_driver **out);

/*
 * Binds one socket per address, calls handle_interfaces and makes the first turn. An address that cannot be bound is left out and counted.
 * Returns 0; -EADDRNOTAVAIL: there is no usable address (yet: the driver goes on watching); the errno of the last bind, when none could be
 * bound (-EMFILE ...); what net_interfaces_list says.
 */
int net_driver_start(struct net_driver *driver);

/*
 * Another socket for each address, with ports of their own, for an object that must tell by its socket what a datagram is for; calls
 * handle_set_interfaces before it returns, and whenever that set changes. Configured addresses lend their IP, not their port.
 * set  1..NET_DRIVER_SET_MAX-1, not open
 * Returns as net_driver_start, with the set open; -EINVAL: no such set, or it is open, or the verb is missing. Nothing was opened then.
 */
int net_driver_open_set(struct net_driver *driver, size_t set);
/* Sends what waits, and closes that set at once. One that is not open is let pass. */
void net_driver_close_set(struct net_driver *driver, size_t set);

/* Call after any verb that the app itself called on the object: drains, sends, sets the timer. Within a verb it is not needed. */
void net_driver_run(struct net_driver *driver);

/* From any thread: handle_wake follows on the loop. Many calls may make one. Must not race with net_driver_free. */
void net_driver_wake(struct net_driver *driver);

/*
 * The object is not called any more, sockets are closed at once; what was committed but not flushed is sent before. The memory goes when
 * the loop has run once more, or when a name that is being looked up has come back.
 */
void net_driver_free(struct net_driver *driver);

/* ---- for packets that do not come from poll_transmit ------------------------------------------------------------------ */

/* Room for one datagram, NET_SEND_RESERVE_BYTES at least. Yours until the next net_driver call or the return from the verb. */
uint8_t *net_driver_reserve(struct net_driver *driver, size_t *capacity);

/*
 * Queues what was written at buffer + transmit->offset, on transmit->path. It goes at the end of this turn, or with the next
 * net_driver_run when no turn is under way. A path that no socket serves makes a send error, as the network would: EADDRNOTAVAIL, or ENOTCONN
 * when there is no open stream of that id. What does not fit whole into a stream's buffer is dropped whole and counted.
 */
void net_driver_send(struct net_driver *driver, const uint8_t *buffer, const struct ice_transmit *transmit);

/*
 * Answers with handle_resolved later: names under .local from the link (RFC 6762), all others from the host's resolver. The errors are those of
 * net_resolver_ask and net_mdns_ask: no handle_resolved follows then.
 */
int net_driver_resolve(struct net_driver *driver, uint64_t query, const char *name);

/* ---- streams --------------------------------------------------------------------------------------------------------- */

/*
 * Connects, as an OPEN_STREAM event asks for it.
 * path         transport TCP or TLS; remote; stream_id, not 0, not in use, without ICE_STREAM_ACCEPTED; local: family NONE lets the kernel choose,
 *              port 0 takes any port, another port is bound and shared (simultaneous-open)
 * server_name  TLS: what the certificate must be for, a name or an IP literal; TCP: ignored
 * Returns 0: exactly one handle_stream_opened or handle_stream_closed follows, never from within this call. The latter also for what is known at once:
 * ENOBUFS: NET_DRIVER_STREAM_MAX are there; EMFILE, EADDRINUSE, ENETUNREACH, ...; EINVAL: no server_name for TLS.
 * -EINVAL: the path is not as above, or the verbs are missing; -ENOMEM. Nothing follows then.
 */
int net_driver_open_stream(struct net_driver *driver, const struct ice_path *path, const char *server_name);

/* Sends what waits, as far as that goes without waiting, and closes; handle_stream_closed does not follow. An unknown id is let pass. */
void net_driver_close_stream(struct net_driver *driver, uint64_t stream_id);

/* ---- numbers --------------------------------------------------------------------------------------------------------- */

struct net_driver_statistics {
    struct net_udp_statistics udp;  /* of all sockets together, closed ones included; kernel_dropped of open ones */
    size_t sockets;
    uint64_t turns, timeouts, wakes;
    uint64_t turns_cut_short;       /* by NET_DRIVER_TURN_DATAGRAMS */
    uint64_t send_errors;           /* told to handle_send_error */
    uint64_t unroutable_dropped;    /* no socket for the path */
    uint64_t addresses_refused;     /* could not be bound, or beyond NET_INTERFACE_MAX */
    uint64_t interface_changes;     /* handle_interfaces calls after the first */

    struct net_stream_statistics stream; /* of all streams together, closed ones included */
    size_t streams, listeners;           /* there now */
    uint64_t streams_opened, streams_accepted; /* accepted ones are also counted as opened */
    uint64_t streams_failed;        /* closed without having been opened */
    uint64_t streams_refused;       /* beyond NET_DRIVER_STREAM_MAX or NET_DRIVER_ACCEPTED_MAX */
    struct net_mdns_statistics mdns; /* all 0 until it is needed */
    uint64_t names_refused;         /* NET_MDNS_OFFER, and no name could be had */
    uint64_t accept_pauses;         /* no descriptor left */
    uint64_t listen_refused;        /* could not be bound, or no room beside NET_INTERFACE_MAX entries */
};
void net_driver_statistics(const struct net_driver *driver, struct net_driver_statistics *out);

#endif
