/* What the agent keeps for mDNS names (draft-ietf-mmusic-mdns-ice-candidates): a piece of memory of its own, made with the first name. */
#ifndef ICE_NAMES_INTERNAL_H
#define ICE_NAMES_INTERNAL_H

#include "ice/agent_internal.h"

#define ICE_NAME_TIMEOUT_US (10u * ICE_SECOND_US) /* who has not answered for a name by then is not on this link */
#define ICE_NAME_ADDRESS_MAX 2                    /* one of each family */
#define ICE_NAME_OWN_MAX (ICE_LOCAL_CANDIDATE_MAX + 2 * ICE_INTERFACE_MAX) /* in use at once: by candidates, by interfaces before and after a change */
#define ICE_NAME_QUERY_FIRST (ICE_SERVER_MAX + 1) /* RESOLVE events: 1 + its index for a server, from here on for names */

enum ice_name_state { ICE_NAME_FREE, ICE_NAME_PENDING, ICE_NAME_RESOLVED };

/*
 * A remote candidate with a name in place of its address, until it is resolved; from then on the name of the remote candidates that came of it.
 * query     several candidates of one name share the query
 * reported  the RESOLVE event has been polled
 */
struct ice_name {
    enum ice_name_state state;
    bool reported;
    uint16_t generation;
    uint64_t query;
    uint64_t deadline_us;
    char hostname[ICE_MDNS_NAME_MAX_BYTES + 1];
    struct stun_address addresses[ICE_NAME_ADDRESS_MAX];
    size_t address_count;
    uint64_t ufrag_tag;
    uint32_t priority;
    uint16_t port;
    enum ice_candidate_protocol protocol;
    enum ice_tcp_type tcp_type;
    char foundation[ICE_FOUNDATION_MAX_BYTES + 1];
};

struct ice_names {
    struct ice_name remote[ICE_REMOTE_NAME_MAX];
    char own[ICE_NAME_OWN_MAX][ICE_MDNS_NAME_MAX_BYTES + 1]; /* "" is free */
    uint64_t next_query;
};

#endif
