/*
 * An SCTP association as an endpoint of the virtual network, without DTLS between: what it sends goes from `local` to `remote`. The test's own side
 * begins with one of these, and says what to do with events:
 *
 *     struct side { struct association_side sctp; ... };
 *     static const struct sim_verbs verbs = ASSOCIATION_SIDE_VERBS(poll_upward);
 *     association_side_start(&side.sctp, sim, &config, interface, "a", &verbs);
 *     association_side_introduce(&a.sctp, &b.sctp);
 *     association_side_connect(&a.sctp);
 *     sctp_association_free(side.sctp.association);      before sim_free
 */
#ifndef TEST_SIM_ASSOCIATION_SIDE_H
#define TEST_SIM_ASSOCIATION_SIDE_H

#include "sctp/association.h"
#include "test/sim/sim.h"

struct association_side {
    struct sim *sim;
    struct sctp_association *association;
    struct stun_address local, remote;
    int endpoint;
};

/* `config` without a source of random bytes: that is the simulator's. `verbs` outlives the simulator. */
void association_side_start(struct association_side *side, struct sim *sim, const struct sctp_association_config *config, int interface_, const char *name,
                            const struct sim_verbs *verbs);
void association_side_introduce(struct association_side *a, struct association_side *b); /* each learns the other's address */
void association_side_connect(struct association_side *side);

/* Verbs, for objects that begin with a struct association_side. */
void association_side_handle_datagram(void *object, uint64_t now_us, const struct sim_path *path, uint8_t *bytes, size_t length);
void association_side_handle_timeout(void *object, uint64_t now_us);
bool association_side_poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sim_transmit *out);
uint64_t association_side_next_timeout(const void *object);

#define ASSOCIATION_SIDE_VERBS(upward) \
    {.handle_datagram = association_side_handle_datagram, \
     .handle_timeout = association_side_handle_timeout, \
     .poll_transmit = association_side_poll_transmit, \
     .poll_upward = (upward), \
     .next_timeout = association_side_next_timeout}

#endif
