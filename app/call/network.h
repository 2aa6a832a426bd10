/* What the flags about the network mean to app/net: the same for a call and for a probe, which shows what a call would do. */
#ifndef CALL_NETWORK_H
#define CALL_NETWORK_H

#include "app/call/options.h"
#include "app/net/driver.h"

/* --interface, -4, -6; loopback only when it is named. Points into `options`. */
struct net_interface_filter call_network_filter(const struct call_options *options);

/* Those, --turn-ca and --mdns, and listening for TCP candidates. Verbs and object are the caller's. Points into `options`. */
struct net_driver_config call_network_config(const struct call_options *options);

/* False, with CALL_EXIT_FILE or CALL_EXIT_INPUT: --turn-ca or --signaling-ca cannot be taken. Read here to be told apart; who needs them reads them again. */
bool call_network_check(const struct call_options *options, struct call_problem *problem);

#endif
