/* What every test of app/net includes: cmocka with the headers it needs before it, and loopback helpers. */
#ifndef TEST_NET_TEST_NET_H
#define TEST_NET_TEST_NET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/net/stream.h"
#include "app/net/udp_socket.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct stun_address loopback_v4(uint16_t port);
struct stun_address loopback_v6(uint16_t port);

/* Opens a socket on 127.0.0.1 and a port of the kernel's choice; fails the test when that is impossible. */
struct net_udp_socket *open_loopback(const struct net_udp_options *options);

/* A port of 127.0.0.1 that nobody listens on (it was just given back). */
uint16_t closed_port(void);

/* A TCP socket listening on 127.0.0.1, and the next connection to it (accept blocks; it does not when a connect has succeeded). */
int listen_loopback(int backlog, struct stun_address *bound);
int accept_loopback(int listener);

/* Connects a stream to the listener and goes on until it is OPEN or has ENDED; *server is the other end, which blocks. */
struct net_stream *connect_loopback(int listener, const struct stun_address *to, int *server);
void progress_until_settled(struct net_stream *stream);

/* Waits until the descriptor is readable; false after timeout_ms. Loopback delivers at once: this is for errors and for other threads. */
_Bool wait_readable(int descriptor, int timeout_ms);

/* Leaves `spare` descriptors free to the process; returns how many it took. Give them back with release_descriptors. */
size_t exhaust_descriptors(size_t spare);
void release_descriptors(void);

#endif
