/*
 * Somebody on the public internet who sees every datagram there (addresses, ports, transaction ids, nonces) and can send from any source
 * address, but knows no password and cannot keep anything from arriving. What he does with what he sees is a set of attacks.
 *
 * What he leaves alone: answers of servers to requests that no credentials protect (a Binding request to a STUN server, the first
 * Allocate). Those he could forge, and nobody could tell (RFC 8445 section 19.1, RFC 8656 section 21.1.1): ATTACK_STUN_SERVERS does that.
 */
#ifndef TEST_SIM_ATTACKER_H
#define TEST_SIM_ATTACKER_H

#include "test/sim/transport_side.h"

enum attack {
    ATTACK_RESPONSES = 1 << 0,    /* to each check seen a forged success, with the right transaction id, before the true one can be there */
    ATTACK_ERRORS = 1 << 1,       /* ... and a forged 400, 401, 403, 420, 437, 438, 441, 487, 500 */
    ATTACK_FLOOD = 1 << 2,        /* Binding requests with the right user name and a wrong MAC, from 10,000 source ports */
    ATTACK_REPLAYS = 1 << 3,      /* every check again, at once and later, from the same address and from many others */
    ATTACK_TURN = 1 << 4,         /* in the TURN server's name: errors to signed requests, ChannelData, Data indications; in the client's: Send, Refresh */
    ATTACK_ICMP = 1 << 5,         /* unreachable, for whatever was sent */
    ATTACK_MEDIA = 1 << 6,        /* DTLS alerts, hellos and garbage; SRTP garbage and replays, from the peer's address */
    ATTACK_ALL = (1 << 7) - 1,
    ATTACK_STUN_SERVERS = 1 << 7  /* not in ALL: see above */
};

#define ATTACKER_PORTS 10000
#define ATTACKER_TARGET_MAX 32

struct attacker {
    struct sim *sim;
    unsigned attacks;
    struct sim_random random;         /* his own: the others' luck stays as it is without him */
    struct transport_side *sides;     /* for ICMP: whose sockets hear it */
    struct stun_address targets[ATTACKER_TARGET_MAX]; /* where checks were sent to */
    size_t target_count;
    uint8_t request[512];             /* the last check seen, to copy its user name from */
    size_t request_length;
    struct attacker_delayed *delayed; /* copies that wait, to be freed */
    uint32_t port;                    /* the next of his source ports, 0..ATTACKER_PORTS-1 */
    uint64_t sent, next_turn_us;
};

/* Begins at once; `sides` may be started later. Call attacker_end before the simulation is freed. */
void attacker_begin(struct attacker *attacker, struct sim *sim, unsigned attacks, struct transport_side sides[2]);
void attacker_end(struct attacker *attacker);

#endif
