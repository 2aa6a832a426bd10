/*
 * What a simulated network did to the datagrams given to it. Every copy has exactly one end:
 *
 *     sent + duplicated == delivered + (all dropped_...) + those still on their way
 */
#ifndef TEST_SIM_COUNTERS_H
#define TEST_SIM_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_link_config;

struct sim_counters {
    uint64_t sent;
    uint64_t delivered;
    uint64_t duplicated; /* extra copies made */
    /* effects that change a datagram's fate but do not end it */
    uint64_t reordered;   /* arrived after one that was sent later over the same link: measured on arrival */
    uint64_t corrupted;   /* arrived with bits flipped */
    uint64_t hairpinned;
    uint64_t send_errors; /* ICMP unreachable and the like, reported to the sender */
    /* ends */
    uint64_t dropped_loss;    /* at random, one by one */
    uint64_t dropped_burst;   /* at random, in the bad state of Gilbert and Elliott */
    uint64_t dropped_queue;   /* the queue before a slow link was full */
    uint64_t dropped_mtu;
    uint64_t dropped_by_filter;     /* NAT: mapped, but its source was not welcome */
    uint64_t dropped_no_mapping;    /* NAT: no such mapping, or expired */
    uint64_t dropped_no_hairpin;    /* NAT: does not hairpin */
    uint64_t dropped_blocked;       /* NAT: lets no UDP out */
    uint64_t dropped_nat_exhausted; /* NAT: no port or no room left */
    uint64_t dropped_no_route;      /* nobody has that IP address */
    uint64_t dropped_no_socket;     /* somebody has it, but nobody listens on that port */
    uint64_t dropped_interface_down;
    uint64_t dropped_by_script;     /* a test took this very datagram out, see sim_network_set_filter */
};

void sim_counters_add(struct sim_counters *sum, const struct sim_counters *more);
uint64_t sim_counters_dropped(const struct sim_counters *counters);

/* sent + duplicated - delivered - dropped: how many are still on their way; 0 when the network is at rest. */
int64_t sim_counters_in_flight(const struct sim_counters *counters);

/* A line for people: the counters that are not 0. Returns text. */
const char *sim_counters_write(const struct sim_counters *counters, char *text, size_t capacity);
#define SIM_COUNTERS_TEXT_BYTES 512

/*
 * Did the network do what a test promised? Sum the counters of the links that carried `promised` (over all seeds of a
 * test, so that there are enough). Every promised impairment must have happened, and as often as promised within six
 * standard deviations, where the number of datagrams says how often that is.
 * why   receives the first reason when not, NUL-terminated
 */
bool sim_is_bad_network(const struct sim_counters *counters, const struct sim_link_config *promised, char *why, size_t capacity);

/* The same, and fails the cmocka test with that reason and the seed. A lossy test that lost nothing proves nothing. */
void sim_require_bad_network(const struct sim_counters *counters, const struct sim_link_config *promised, uint64_t seed);

#endif
