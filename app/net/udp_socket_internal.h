/* What the three files of a UDP socket share: open (udp_socket.c), receive (udp_receive.c), send (udp_send.c). */
#ifndef NET_UDP_SOCKET_INTERNAL_H
#define NET_UDP_SOCKET_INTERNAL_H

#include "app/net/udp_socket.h"

struct net_udp_socket {
    int descriptor;
    uint32_t scope_id;
    struct stun_address local;
    bool gso;
    bool gro;
    struct net_udp_error errors[NET_UDP_ERROR_MAX]; /* a ring */
    size_t error_first;
    size_t error_count;
    struct net_udp_statistics statistics;
};

/* Remembers an error for net_udp_next_error. */
void net_udp_note_error(struct net_udp_socket *socket, const struct stun_address *remote, int error);

/* Reads the kernel's error queue empty (bounded). Returns how many errors the network had reported. */
size_t net_udp_drain_errors(struct net_udp_socket *socket);

#endif
