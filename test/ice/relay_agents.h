/* Two agents and the TURN servers of their world: what the tests of relays, their loss, their paths and their servers share. */
#ifndef TEST_ICE_RELAY_AGENTS_H
#define TEST_ICE_RELAY_AGENTS_H

#include "relay_double.h"
#include "two_agents.h"

extern struct two_agents agents_net;

struct ice_server turn_server(enum ice_transport transport, const char *host);
void open_with(uint64_t seed, const struct ice_server *servers, size_t count, enum ice_transport_policy policy);
struct relay_double *add_relay(const char *host);
const struct ice_candidate *find_type(const struct side *side, enum ice_candidate_type type);
void wait_gathered(void);
/* Both sides reach each other through their relays alone. */
void connect_relayed(uint64_t seed, enum ice_transport transport);
/* A payload goes from one side to the other, unchanged, by the path that the layers above believe in. */
void exchange(size_t length);
struct ice_server_statistics server_statistics(int side, size_t index);
void gather_with(const struct ice_server *servers, size_t count);

#endif
