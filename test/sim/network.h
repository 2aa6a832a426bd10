/*
 * A network in virtual time: interfaces, NATs, links, and sockets bound to interfaces.
 *
 *     public realm (0)
 *        |          \___ interface 203.0.113.7   a server
 *      NAT  198.51.100.1                          made by sim_network_add_nat(0, ...): returns realm 1
 *        |
 *     realm 1 ___ interface 192.168.1.2           a host
 *        |
 *      NAT  192.168.1.9                           a NAT behind a NAT: realm 2
 *
 * A realm is a set of addresses that reach each other; private addresses may repeat from realm to realm. Whatever has no
 * owner in a realm leaves it through the realm's NAT. Each interface and the outside of each NAT has an up link and a
 * down link. A host with two networks is two interfaces.
 *
 * Nothing happens outside sim_network_step; whatever is received is handed to the socket's callbacks from there, never
 * from within sim_network_send. Memory shortage aborts: a test without memory has no verdict.
 */
#ifndef TEST_SIM_NETWORK_H
#define TEST_SIM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/address.h"
#include "test/sim/counters.h"
#include "test/sim/link.h"
#include "test/sim/nat.h"
#include "test/sim/random.h"

#define SIM_PUBLIC 0 /* the realm that is there from the start */
#define SIM_NAT_MAX 64
#define SIM_INTERFACE_MAX 256
#define SIM_SOCKET_MAX 1024
#define SIM_DATAGRAM_MAX_BYTES 65507

/* From a socket's point of view. */
struct sim_path {
    struct stun_address local, remote;
};

struct sim_socket_callbacks {
    /* bytes: a copy that may be changed, gone after the call */
    void (*received)(void *context, const struct sim_path *path, uint8_t *bytes, size_t length);
    /* error: EHOSTUNREACH, ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL; NULL: not interested */
    void (*send_error)(void *context, const struct sim_path *path, int error);
};

struct sim_network;

struct sim_network *sim_network_new(uint64_t seed, uint64_t start_us);
void sim_network_free(struct sim_network *network);
uint64_t sim_network_now(const struct sim_network *network);
struct sim_random *sim_network_random(struct sim_network *network);

/*
 * outside_realm  where its external address lives
 * external_ip    text, not in use in that realm
 * config         copied; its seed is replaced by one drawn from the network's
 * up, down       links between it and the outside realm; NULL: perfect
 * Returns the number of the realm inside, 1.. (which also names the NAT).
 */
int sim_network_add_nat(struct sim_network *network, int outside_realm, const char *external_ip, const struct nat_config *config,
                        const struct sim_link_config *up, const struct sim_link_config *down);
struct nat *sim_network_nat(struct sim_network *network, int inside_realm);

/* Returns the number of the interface, 0.. */
int sim_network_add_interface(struct sim_network *network, int realm, const char *ip, const struct sim_link_config *up,
                              const struct sim_link_config *down);
const struct stun_address *sim_network_interface_address(const struct sim_network *network, int interface_); /* port 0 */
void sim_network_set_interface_up(struct sim_network *network, int interface_, bool is_up); /* down: drops both ways */

/* The links, to look at their counters or to change their configuration in mid-flight. */
struct sim_link *sim_network_interface_up_link(struct sim_network *network, int interface_);
struct sim_link *sim_network_interface_down_link(struct sim_network *network, int interface_);
struct sim_link *sim_network_nat_up_link(struct sim_network *network, int inside_realm);
struct sim_link *sim_network_nat_down_link(struct sim_network *network, int inside_realm);

/* port 0 picks a free one of 49152..65535. Returns the number of the socket, 0.., or -1 when the port is taken. */
int sim_network_bind(struct sim_network *network, int interface_, uint16_t port, const struct sim_socket_callbacks *callbacks, void *context);
void sim_network_close(struct sim_network *network, int socket_);
const struct stun_address *sim_network_local_address(const struct sim_network *network, int socket_);

/* bytes are copied. length 0..SIM_DATAGRAM_MAX_BYTES. */
void sim_network_send(struct sim_network *network, int socket_, const struct stun_address *remote, const uint8_t *bytes, size_t length);

/* Off at first. On: a sender hears of closed ports and missing hosts, after as long as its datagram had travelled. NATs
 * are silent about what they filter. The report passes NATs unharmed (RFC 5508 section 4) and is never lost. */
void sim_network_set_icmp(struct sim_network *network, bool is_on);

/*
 * A test's own finger in the network: called for every datagram that a socket sends, with its number 0, 1, 2 ... since
 * the start; false takes it out. NULL: none.
 */
void sim_network_set_filter(struct sim_network *network,
                            bool (*passes)(void *context, uint64_t number, const struct sim_path *path, const uint8_t *bytes, size_t length),
                            void *context);

/* An attacker's means: a datagram with any source address that appears in this realm, and is routed from there. Its errors are not reported. */
void sim_network_inject(struct sim_network *network, int realm, const struct stun_address *source, const struct stun_address *destination,
                        const uint8_t *bytes, size_t length);
/* An ICMP error that nobody's datagram has caused: the socket bound to path->local (if it is open) hears it. */
void sim_network_inject_error(struct sim_network *network, const struct sim_path *path, int error);

/* Sees every datagram that is routed in this realm but injected ones, with the addresses it has there. It may inject from within the call.
 * NULL: none. */
void sim_network_set_tap(struct sim_network *network, int realm,
                         void (*tap)(void *context, const struct stun_address *source, const struct stun_address *destination,
                                     const uint8_t *bytes, size_t length),
                         void *context);

/* Calls `action` from a step at that time. What is still pending when the network is freed is not called. */
void sim_network_call_at(struct sim_network *network, uint64_t time_us, void (*action)(void *context), void *context);

/* The way that something without a fate of its own would take from an interface to an address: for streams. */
struct sim_route {
    int interface_;              /* the owner of the address */
    bool crosses_nat;
    struct stun_address source;  /* the sender's IP as the owner sees it, port 0 */
    uint64_t delay_us, jitter_us;
    double loss;                 /* of all links together, bursts as their mean */
};
/* 0; or EHOSTUNREACH (nobody has it), ECONNREFUSED (a NAT has it), ENETUNREACH (another family), ETIMEDOUT (blocked, or an interface is down). */
int sim_network_trace(struct sim_network *network, int interface_, const struct stun_address *remote, uint16_t blocked_port, struct sim_route *out);

uint64_t sim_network_next_us(const struct sim_network *network); /* UINT64_MAX when nothing is on its way */
bool sim_network_step(struct sim_network *network);              /* the next event; false when there is none */
void sim_network_advance(struct sim_network *network, uint64_t until_us); /* all events up to and at until_us; then it is until_us */

/* All there is: sockets, NATs and links together. In flight 0 means that nothing got lost in the bookkeeping. */
struct sim_counters sim_network_counters(const struct sim_network *network);

#endif
