/* The sockets of Multicast DNS: options that only they need. */
#ifndef NET_MDNS_SOCKET_INTERNAL_H
#define NET_MDNS_SOCKET_INTERNAL_H

#include "app/net/mdns_engine.h"

/* A socket for one family on one interface. `local` is an address of the interface. Returns the descriptor or a negative errno. */
int net_mdns_socket_open(enum mdns_socket kind, uint32_t interface, const struct stun_address *local);

/* Returns the length; 0: nothing there, or nothing of use; a negative errno: the socket is of no use. `interface` is where it came in, 0: unknown. */
long net_mdns_socket_receive(int descriptor, uint8_t *bytes, size_t capacity, struct stun_address *source, uint32_t *interface);

/* Returns 0 or a negative errno. */
int net_mdns_socket_send(int descriptor, uint32_t interface, const struct stun_address *to, const uint8_t *bytes, size_t length);

#endif
