/*
 * The smallest thing that crosses NATs, an object of the contract: it sends a ping to every address it has heard of,
 * answers pings to where they came from, takes their source as one more address (as ICE does: RFC 8445 section 7.3.1.3),
 * and has crossed when a pong comes back from where its ping went (section 7.2.5.2.1). No ICE, no STUN, no priorities.
 */
#ifndef TEST_SIM_PUNCHER_H
#define TEST_SIM_PUNCHER_H

#include "test/sim/sim.h"

#define PUNCHER_TARGET_MAX 64 /* of those heard later none is taken: a chase of ever new ports ends here */

struct puncher_pong {
    struct stun_address to, asked;
};

struct puncher {
    struct stun_address local;
    struct stun_address targets[PUNCHER_TARGET_MAX];
    size_t target_count;
    uint64_t next_ping_us;
    size_t next_target, pings_due;
    struct puncher_pong pongs[PUNCHER_TARGET_MAX];
    size_t pong_count;
    bool has_crossed;
    uint64_t crossed_us;
    unsigned errors;
};

extern const struct sim_verbs puncher_verbs;

/* Starts pinging at now_us. */
void puncher_start(struct puncher *puncher, uint64_t now_us, const struct stun_address *local, const struct stun_address *target);

#endif
