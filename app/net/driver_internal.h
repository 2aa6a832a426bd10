/* What the driver's two files share: the turn (driver.c) and the sockets (driver_sockets.c). */
#ifndef NET_DRIVER_INTERNAL_H
#define NET_DRIVER_INTERNAL_H

#include "app/net/driver.h"
#include "app/net/resolver.h"

/* One bound address. Its memory outlives the socket until libuv has let go of the handle. */
struct driver_socket {
    uv_poll_t poll;
    struct net_driver *driver;
    struct net_udp_socket *udp;
    struct net_interface_address interface;
    bool seen; /* still there in the listing that is being compared */
};

struct net_driver {
    uv_loop_t *loop;
    const struct net_driver_verbs *verbs;
    void *object;
    struct net_driver_config config;
    char filter_name[NET_INTERFACE_NAME_BYTES];
    struct stun_address addresses[NET_INTERFACE_MAX];

    struct driver_socket *sockets[NET_INTERFACE_MAX];
    size_t socket_count;
    struct net_interface_watch *watch;
    struct net_resolver *resolver;
    struct net_receive_batch *received;
    struct net_send_batch *sending;

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
};

/* driver.c */
bool net_driver_begin_turn(struct net_driver *driver, uint64_t *now_us); /* false: one is under way; do nothing more */
void net_driver_settle(struct net_driver *driver, uint64_t now_us);      /* transmit and drain until nothing moves */
void net_driver_end_turn(struct net_driver *driver, uint64_t now_us);
void net_driver_receive(struct driver_socket *socket);
void net_driver_release(struct net_driver *driver); /* one handle less */

/* driver_sockets.c */
int net_driver_update_sockets(struct net_driver *driver, bool *changed);
struct net_udp_socket *net_driver_socket_of(const struct net_driver *driver, const struct stun_address *local);
void net_driver_tell_interfaces(struct net_driver *driver, uint64_t now_us);
void net_driver_close_sockets(struct net_driver *driver);
void net_driver_add_statistics(struct net_udp_statistics *sum, const struct net_udp_socket *socket);

#endif
