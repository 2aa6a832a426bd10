/* From the URIs of people (ice_uri.h) to the servers of the ICE agent. */
#ifndef CALL_ICE_SERVERS_H
#define CALL_ICE_SERVERS_H

#include "app/call/ice_uri.h"
#include "ice/agent.h"

/* How the client speaks to it. */
enum ice_transport call_ice_server_transport(const struct call_ice_server *server);

/* RTCIceServerTransportProtocol: "udp", "tcp" or "tls". */
const char *call_ice_relay_protocol(enum ice_transport transport);

/* NULL when the agent can use such a server, else a sentence that says why not and what would help. */
const char *call_ice_server_unusable(const struct call_ice_server *server);

/*
 * Maps those that are usable, in their order. The texts of `out` point into `servers`.
 * Returns how many were written: at most `capacity`.
 */
size_t call_ice_servers_map(const struct call_ice_server *servers, size_t count, struct ice_server *out, size_t capacity);

#endif
