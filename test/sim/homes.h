/*
 * Two homes of named kinds (nat_kinds.h) with one host each, the servers that a call needs, and the two ends of a call.
 *
 *     203.0.113.1, .2, 2001:db8::1  STUN servers, 3478
 *     203.0.113.5, 2001:db8::5   TURN server (and STUN): UDP 3478, streams 443
 *     198.51.100.1, .2           the homes, or the hosts themselves; 2001:db8:1::2 and 2001:db8:2::2 without IPv4
 *
 *       host --[bad or good link]-- NAT ... NAT -- the internet -- server
 *
 * What a host sends meets all that a link can do to it; what it receives is only delayed. So it is as bad each way between two hosts.
 */
#ifndef TEST_SIM_HOMES_H
#define TEST_SIM_HOMES_H

#include "test/sim/nat_kinds.h"
#include "test/sim/stun_server.h"
#include "test/sim/transport_side.h"
#include "test/sim/turn_server.h"

#define HOMES_STUN_SERVERS 3
#define HOMES_SERVER_MAX (HOMES_STUN_SERVERS + 3)
#define HOMES_UP_US (20 * SIM_MILLISECOND_US)
#define HOMES_DOWN_US (10 * SIM_MILLISECOND_US)
/* There and back without jitter: from host to host, and through a relay. */
#define HOMES_DIRECT_ROUND_TRIP_US (2 * (HOMES_UP_US + HOMES_DOWN_US))
#define HOMES_RELAY_ROUND_TRIP_US (2 * (HOMES_UP_US + 3 * HOMES_DOWN_US))

struct homes_config {
    size_t kinds[2]; /* of the offerer, of the answerer */
    bool has_turn;
    struct sim_link_config up; /* of the hosts; homes_bad_link makes one */
    struct sim_link_config every_other; /* of the hosts downwards, and of the servers; all zero: HOMES_DOWN_US of delay */
    struct sim_turn_server_config turn; /* what of it is not to be as usual */
};

struct homes {
    struct sim *sim;
    struct sim_link_config other_link;
    struct sim_stun_server *stun[HOMES_STUN_SERVERS];
    struct sim_turn_server *turn; /* NULL: none */
    struct ice_server servers[HOMES_SERVER_MAX];
    size_t server_count;
    int realms[2]; /* next to the hosts; SIM_PUBLIC: no NAT */
    int interfaces[2];
    struct transport_side sides[2];
};

/* Jitter, reordering, duplication, and this loss. */
struct sim_link_config homes_bad_link(double loss);

void homes_build(struct homes *homes, uint64_t seed, const struct homes_config *config);
void homes_call(struct homes *homes, const struct transport_side_config *like); /* begins; interfaces and servers are filled in */
void homes_free(struct homes *homes);

/* Certificates for both sides, made once: homes_set_up before the tests (cmocka group set-up), homes_tear_down after. */
int homes_set_up(void **state);
int homes_tear_down(void **state);
struct dtls_certificate *homes_certificate(int side); /* 0 or 1, in between */

#endif
