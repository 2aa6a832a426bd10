/*
 * A STUN server on the virtual network: answers a Binding request with XOR-MAPPED-ADDRESS (RFC 8489 section 12), from
 * two addresses with two ports each, obeys CHANGE-REQUEST (RFC 5780 section 7.2: answer from another IP or port) and tells its
 * OTHER-ADDRESS (section 7.4).
 *
 * It keeps no state and belongs to no object of the contract: it answers within the step in which the request arrives.
 */
#ifndef TEST_SIM_STUN_SERVER_H
#define TEST_SIM_STUN_SERVER_H

#include "test/sim/network.h"

#define SIM_STUN_SERVER_IPS 2
#define SIM_STUN_SERVER_PORTS 2
#define SIM_STUN_ATTRIBUTE_CHANGE_REQUEST 0x0003 /* RFC 5780 section 7.2 */
#define SIM_STUN_CHANGE_IP 0x04u
#define SIM_STUN_CHANGE_PORT 0x02u

struct sim_stun_server;

/*
 * second_ip   NULL: one address only, and CHANGE-REQUEST for another IP is not answered
 * first_port  the other one is first_port + 1
 */
struct sim_stun_server *sim_stun_server_new(struct sim_network *network, const char *first_ip, const char *second_ip, uint16_t first_port,
                                            const struct sim_link_config *up, const struct sim_link_config *down);
void sim_stun_server_free(struct sim_stun_server *server);

/* A dead server hears and counts, but says nothing. */
void sim_stun_server_set_alive(struct sim_stun_server *server, bool is_alive);
uint64_t sim_stun_server_requests(const struct sim_stun_server *server);

const struct stun_address *sim_stun_server_address(const struct sim_stun_server *server, int ip, int port); /* each 0 or 1 */

/* Sends any bytes from one of its addresses: to knock on a mapping from outside. */
void sim_stun_server_send(struct sim_stun_server *server, int ip, int port, const struct stun_address *remote, const uint8_t *bytes,
                          size_t length);

#endif
