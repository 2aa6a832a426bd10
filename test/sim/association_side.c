#include "test/sim/association_side.h"

#define PORT 5000

void association_side_start(struct association_side *side, struct sim *sim, const struct sctp_association_config *config, int interface_, const char *name,
                            const struct sim_verbs *verbs) {
    struct sctp_association_config with_random = *config;
    with_random.random = sim_random_fill;
    with_random.random_context = sim_random_of(sim);
    side->sim = sim;
    side->association = sctp_association_new(&with_random, sim_now(sim));
    sim_require(sim, side->association != NULL);
    side->endpoint = sim_attach(sim, name, verbs, side);
    side->local = *sim_bind(sim, side->endpoint, interface_, PORT);
}

void association_side_introduce(struct association_side *a, struct association_side *b) {
    a->remote = b->local;
    b->remote = a->local;
}

void association_side_connect(struct association_side *side) {
    sctp_association_connect(side->association, sim_now(side->sim));
    sim_touch(side->sim, side->endpoint);
}

/* ---- verbs ---------------------------------------------------------------------------------------------------------------------------- */

void association_side_handle_datagram(void *object, uint64_t now_us, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct association_side *side = object;
    (void)path;
    sctp_association_handle_datagram(side->association, now_us, bytes, length);
}

void association_side_handle_timeout(void *object, uint64_t now_us) {
    struct association_side *side = object;
    sctp_association_handle_timeout(side->association, now_us);
}

bool association_side_poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sim_transmit *out) {
    struct association_side *side = object;
    struct sctp_transmit transmit;
    if (!sctp_association_poll_transmit(side->association, now_us, buffer, capacity, &transmit))
        return false;
    *out = (struct sim_transmit){.length = transmit.length, .path = {.local = side->local, .remote = side->remote}};
    return true;
}

uint64_t association_side_next_timeout(const void *object) {
    const struct association_side *side = object;
    return sctp_association_next_timeout(side->association);
}
