/*
 * A walk over the API of PeerConnection: two ends on the virtual network, a list of steps, and a judge after each. A step is four small numbers
 * that mean something in every state, so that a list with steps taken out is a walk too: that is how a failing one is made short.
 *
 *     struct walk_script script;
 *     walk_script_from_seed(&script, seed);
 *     struct walk_result result;
 *     if (!walk_run(&script, &result)) walk_explain(&script);     prints the seed and the steps as lines
 *
 * What the judge holds against the connection: test/sim/w3c_model.h for each call, what the two ends say of each other when both are stable, and
 * that all memory has come back at the end.
 */
#ifndef TEST_SIM_WALK_H
#define TEST_SIM_WALK_H

#include "app/peer/peer_connection.h"
#include "test/sim/sim.h"
#include "test/sim/w3c_model.h"

#define WALK_STEP_MAX 256
#define WALK_WHY_BYTES 512

enum walk_action {
    WALK_ADD_TRANSCEIVER,
    WALK_ADD_TRACK,
    WALK_REMOVE_TRACK,
    WALK_SET_DIRECTION,
    WALK_SET_CODECS,
    WALK_STOP,
    WALK_CREATE_OFFER,
    WALK_CREATE_ANSWER,
    WALK_SET_LOCAL,          /* the text that was created last, or one that was not, or NULL; of any type */
    WALK_SET_LOCAL_IMPLICIT,
    WALK_ROLL_BACK,          /* setLocalDescription(rollback) */
    WALK_HEAR_ROLL_BACK,     /* setRemoteDescription(rollback) */
    WALK_HEAR,               /* setRemoteDescription of what the other end has said: the next, an old one, the newest, the last once more */
    WALK_MISS,               /* what the other end said next is lost */
    WALK_HEAR_HOSTILE,       /* what the other end said last, with bytes changed */
    WALK_GIVE_CANDIDATES,    /* of ours to the other end: the next few, or all again */
    WALK_GIVE_BAD_CANDIDATE, /* to this end */
    WALK_RESTART,
    WALK_INSERT_DTMF,
    WALK_SEND_FRAME,
    WALK_REQUEST_KEY_FRAME,
    WALK_PASS_TIME,
    WALK_LOSE_INTERFACE,     /* or get it back */
    WALK_DISTURB,            /* datagrams of strangers, ICMP, answers nobody asked for, statistics: none of it moves a slot */
    WALK_CLOSE,
    WALK_CREATE_CHANNEL,
    WALK_SEND_DATA,          /* on a channel of either side, or on none */
    WALK_CLOSE_CHANNEL,
    WALK_ACTION_COUNT
};

struct walk_step {
    uint8_t action, end, a, b;
};

/*
 * seed          of everything random but the steps
 * settles       at the end the network gets kind, both ends negotiate until nothing is left, connect and send frames on all there is
 * is_bad        losses, reordering and duplicates on both links from the start
 * fail_at       > 0: that allocation fails, and from then on only crashes and leaks count
 * is_hostile    steps may be HEAR_HOSTILE
 * has_servers   a STUN server and a TURN server over TCP that have names and do not answer; and the keys are told
 */
struct walk_script {
    uint64_t seed;
    enum peer_bundle_policy policies[2];
    bool settles, is_bad, is_hostile, has_servers;
    uint64_t fail_at;
    size_t count;
    struct walk_step steps[WALK_STEP_MAX];
};

/* What walks have come through, summed; a test looks whether they have been anywhere. */
struct walk_coverage {
    uint64_t walks, steps, calls, refused;
    uint64_t states[6], actions[WALK_ACTION_COUNT];
    uint64_t exchanges, agreements, doubtful, settled, connected, frames, roll_backs, sections_recycled, given_up, messages, channels_proven;
    uint64_t allocations, failures;
    struct sim_counters network; /* of the bad links, while they were bad */
};

struct walk_result {
    bool failed;
    size_t at_step; /* script->count: at the end */
    char why[WALK_WHY_BYTES];
    uint64_t allocations;
    struct walk_coverage coverage; /* of this walk */
};

/* Certificates for all walks, and what libsrtp wants once. */
bool walk_set_up(void);
void walk_tear_down(void);

void walk_script_from_seed(struct walk_script *script, uint64_t seed);
/* True: nothing to hold against it. */
bool walk_run(const struct walk_script *script, struct walk_result *result);
/* The same once more, with a line for each step on stderr, and what was wrong. */
void walk_explain(const struct walk_script *script);
/* Takes out steps as long as the walk fails, with the same first words of the reason. */
void walk_shrink(struct walk_script *script);
/* What the bad links of a walk promise. */
extern const struct sim_link_config walk_bad_link;
const char *walk_action_name(enum walk_action action);
void walk_coverage_add(struct walk_coverage *sum, const struct walk_coverage *more);

#endif
