/*
 * One direction of a link: what it does to datagrams. It moves no bytes; it says when copies arrive, and counts.
 *
 * The order of things: MTU, single loss, burst loss, queue, duplication; then for each copy corruption, delay, jitter,
 * reordering.
 */
#ifndef TEST_SIM_LINK_H
#define TEST_SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test/sim/counters.h"
#include "test/sim/random.h"

/*
 * All zero is a perfect link. Probabilities are 0..1.
 * burst_...          Gilbert and Elliott: before each datagram the link goes from good to bad with burst_enter, from bad
 *                    to good with burst_leave; in the bad state it loses with burst_loss
 * jitter_us          uniform 0..jitter_us is added to the delay
 * jitter_keeps_order no copy overtakes another because of jitter (as in a queue); else it may, and that is counted
 * reorder            with this probability a datagram is held back by reorder_delay_us more; whether others overtook it
 *                    is measured on arrival
 * corrupt            1 to 3 bits of the payload are flipped (no UDP checksum protects it, to try the layers above)
 * mtu_bytes          of IP datagrams: payload + 28 for IPv4, + 48 for IPv6; 0: none. Larger ones vanish silently.
 * rate_bps           bits of IP datagrams a second; 0: infinite
 * queue_bytes        how many bytes may wait for a slow link, the one on the wire included; 0: no limit
 */
struct sim_link_config {
    double loss;
    double burst_enter, burst_leave, burst_loss;
    uint64_t delay_us, jitter_us;
    bool jitter_keeps_order;
    double reorder;
    uint64_t reorder_delay_us;
    double duplicate;
    double corrupt;
    uint32_t mtu_bytes;
    uint64_t rate_bps;
    uint64_t queue_bytes;
};

struct sim_link {
    struct sim_link_config config;
    struct sim_counters counters; /* sent: given to this link; delivered: arrived at its end */
    struct sim_random random;
    bool bad;                    /* Gilbert and Elliott */
    uint64_t free_us;            /* when the wire has sent all that waits */
    double free_rest_us;         /* and the fraction of a microsecond beyond */
    uint64_t last_arrival_us;    /* jitter_keeps_order */
    uint64_t next_sequence;
    uint64_t arrived_sequence;   /* the latest-sent datagram that has arrived, + 1; 0: none yet */
};

/* One copy on its way. Keep it with the bytes, and give it back on arrival. */
struct sim_link_copy {
    uint64_t arrival_us;
    uint64_t sequence;
    bool is_duplicate;
    bool is_corrupt;
};
#define SIM_LINK_COPIES_MAX 2

/* config is copied; NULL is a perfect link. */
void sim_link_init(struct sim_link *link, const struct sim_link_config *config, uint64_t seed);

/*
 * Takes one datagram.
 * ip_bytes  its length with IP and UDP headers
 * copies    written
 * Returns how many copies arrive: 0 (dropped, and counted by reason), 1, or 2.
 */
size_t sim_link_send(struct sim_link *link, uint64_t now_us, size_t ip_bytes, struct sim_link_copy copies[SIM_LINK_COPIES_MAX]);

/* A copy has arrived: flips bits when it is a corrupt one, measures reordering, counts. */
void sim_link_arrived(struct sim_link *link, const struct sim_link_copy *copy, uint8_t *bytes, size_t length);

#endif
