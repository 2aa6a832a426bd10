/* What the driver's files share: the turn (driver.c), UDP sockets (driver_sockets.c), streams (driver_streams.c), listening
 * (driver_listen.c), names of the link (driver_mdns.c). */
#ifndef NET_DRIVER_INTERNAL_H
#define NET_DRIVER_INTERNAL_H

#include "app/net/driver.h"
#include "app/net/mdns.h"
#include "app/net/resolver.h"
#include "app/net/stream.h"
#include "app/net/tls.h"

/* A listening TCP socket beside a UDP socket. */
struct driver_listener {
    uv_poll_t poll;
    uv_timer_t pause;
    struct net_driver *driver;
    int descriptor; /* -1: closed */
    struct stun_address local;
};

/* One connection, from open_stream or accept to its end. Its memory outlives it until libuv has let go of both handles. */
struct driver_stream {
    struct driver_stream *next;
    struct net_driver *driver;
    struct net_stream *stream; /* NULL: it could not be begun, or has been closed */
    struct ice_path path;
    uv_poll_t poll;
    uv_timer_t timer; /* patience with connecting and the TLS handshake */
    int events;       /* what is polled for */
    int failure;      /* why it ends, beside what the stream itself says; 0: nothing */
    bool polls;       /* `poll` is libuv's */
    bool opened;      /* the object has been told */
    bool accepted;
};

/* One bound address. Its memory outlives the socket until libuv has let go of the handle. */
struct driver_socket {
    uv_poll_t poll;
    struct net_driver *driver;
    struct net_udp_socket *udp;
    struct driver_listener *listener; /* NULL: none */
    struct net_interface_address interface;
    char mdns_name[MDNS_UUID_NAME_BYTES]; /* "" without */
    size_t set;
    bool seen; /* still there in the listing that is being compared */
};

struct net_driver {
    uv_loop_t *loop;
    const struct net_driver_verbs *verbs;
    void *object;
    struct net_driver_config config;
    char filter_name[NET_INTERFACE_NAME_BYTES];
    struct stun_address addresses[NET_INTERFACE_MAX];

    struct driver_socket *sockets[NET_INTERFACE_MAX * NET_DRIVER_SET_MAX];
    size_t socket_count;
    bool set_is_open[NET_DRIVER_SET_MAX]; /* [0]: since net_driver_start */
    struct net_interface_watch *watch;
    struct net_resolver *resolver;
    struct net_mdns *mdns; /* NULL: not needed yet */
    struct net_receive_batch *received;
    struct net_send_batch *sending;

    struct driver_stream *streams; /* newest first */
    size_t opened_count, accepted_count;
    uint64_t accepted_ids;
    struct net_tls_trust *trust; /* NULL: not needed yet */

    int timer_descriptor;
    uv_poll_t timer;
    uint64_t armed_us; /* what the timer is set to, UINT64_MAX: off */
    uv_async_t wake;

    unsigned open_handles; /* that libuv still knows; the last one to close frees the driver */
    bool in_turn;
    bool freed;
    bool again;    /* the turn was cut short: come back at once */
    size_t budget; /* datagrams that this turn may still take */
    struct ice_path unroutable[NET_UDP_ERROR_MAX]; /* no socket, or no transport of ours, serves these */
    size_t unroutable_count;
    struct net_driver_statistics statistics;
    uint8_t stream_bytes[NET_STREAM_RECEIVE_BYTES]; /* on their way to handle_stream_bytes */
};

/* driver.c */
bool net_driver_begin_turn(struct net_driver *driver, uint64_t *now_us); /* false: one is under way; do nothing more */
void net_driver_settle(struct net_driver *driver, uint64_t now_us);      /* transmit and drain until nothing moves */
void net_driver_end_turn(struct net_driver *driver, uint64_t now_us);
void net_driver_receive(struct driver_socket *socket);
void net_driver_on_answer(void *driver, uint64_t query, const struct stun_address *addresses, size_t count);
void net_driver_release(struct net_driver *driver); /* one handle less */

/* driver_sockets.c */
int net_driver_update_sockets(struct net_driver *driver, bool changed[NET_DRIVER_SET_MAX]);
struct net_udp_socket *net_driver_socket_of(const struct net_driver *driver, const struct stun_address *local);
void net_driver_tell_interfaces(struct net_driver *driver, uint64_t now_us, size_t set);
void net_driver_close_sockets(struct net_driver *driver);
void net_driver_add_statistics(struct net_udp_statistics *sum, const struct net_udp_socket *socket);

uint32_t net_driver_scope_of(const struct net_driver *driver, const struct stun_address *local); /* the interface index, 0: unknown */

/* driver_streams.c */
void net_driver_flush_streams(struct net_driver *driver);
bool net_driver_tell_streams(struct net_driver *driver, uint64_t now_us); /* handle_stream_closed for those that ended; whether there were any */
void net_driver_close_streams(struct net_driver *driver);
void net_driver_adopt_stream(struct net_driver *driver, struct net_stream *accepted, uint64_t now_us);
bool net_driver_send_stream(struct net_driver *driver, uint64_t stream_id, const uint8_t *bytes, size_t length); /* false: no such stream is open */
void net_driver_add_stream_statistics(struct net_stream_statistics *sum, const struct net_stream *stream);

/* driver_listen.c */
struct driver_listener *net_driver_listen(struct net_driver *driver, const struct net_interface_address *interface); /* NULL: it cannot be had */
void net_driver_unlisten(struct driver_listener *listener);

/* driver_mdns.c */
void net_driver_refresh_mdns(struct net_driver *driver);                                   /* the interfaces are other ones now */
bool net_driver_offer_name(struct net_driver *driver, struct driver_socket *socket);    /* false: a name is wanted and cannot be had */
void net_driver_withdraw_name(struct net_driver *driver, struct driver_socket *socket);

#endif
