/*
 * Finds out from inside what a NAT does, by asking two-faced servers (RFC 5780 sections 3 and 4). It shares no code and
 * no names with nat.c: that a NAT behaves as its configuration says is what it is there to prove.
 *
 * Each test takes fresh sockets, since what was sent before changes what a filter admits. The probes themselves advance
 * the virtual clock by some hundred milliseconds each. The network must be a perfect one: a probe is asked once.
 */
#ifndef TEST_SIM_PROBER_H
#define TEST_SIM_PROBER_H

#include "test/sim/network.h"
#include "test/sim/stun_server.h"

enum prober_verdict {
    PROBER_NO_ANSWER,
    PROBER_NOT_DEPENDENT,
    PROBER_DEPENDS_ON_ADDRESS,
    PROBER_DEPENDS_ON_ADDRESS_AND_PORT,
    PROBER_CONTRADICTION /* what no NAT of the three kinds does */
};

/* All take the interface to probe from. */
enum prober_verdict prober_mapping(struct sim_network *network, int interface_, struct sim_stun_server *server);
enum prober_verdict prober_filtering(struct sim_network *network, int interface_, struct sim_stun_server *server);

/* For a dependent mapping and a dependent filter: is a remote that one mapping has spoken to welcome at another mapping? */
bool prober_filter_is_shared(struct sim_network *network, int interface_, struct sim_stun_server *server);

/* RFC 5780 section 3.4: two sockets send to each other's mapped address; what does the receiver see as source? Only with a
 * mapping that is not dependent are the addresses that the server tells also those that the other socket sees. */
enum prober_hairpin { PROBER_HAIRPIN_NONE, PROBER_HAIRPIN_SEEN_EXTERNAL, PROBER_HAIRPIN_SEEN_INTERNAL };
enum prober_hairpin prober_hairpin(struct sim_network *network, int interface_, struct sim_stun_server *server);

/*
 * RFC 5780 section 4.6: after `idle_us` without a word, does the mapping still let the server in?
 * knock_every_us  the server sends meanwhile, this often; 0: it is silent too
 * keep_every_us   the client sends meanwhile, this often; 0: it is silent
 */
bool prober_mapping_lives(struct sim_network *network, int interface_, struct sim_stun_server *server, uint64_t idle_us,
                          uint64_t knock_every_us, uint64_t keep_every_us);

/* One Binding transaction from `port` (0: any) to one of the server's addresses. False: no answer. */
bool prober_mapped_address(struct sim_network *network, int interface_, uint16_t port, struct sim_stun_server *server, int ip, int server_port,
                           struct stun_address *mapped);

#endif
