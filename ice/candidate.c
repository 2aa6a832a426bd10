/* Candidate priority and names, RFC 8445 section 5.1.2; the preferences of several interfaces, RFC 8421. */
#include "ice/candidate.h"

#include "ice/agent.h"

uint32_t ice_candidate_priority(enum ice_candidate_type type, uint16_t local_preference, uint16_t component) {
    /* RFC 8445 section 5.1.2.2: 126 for host, 110 for peer-reflexive, 100 for server-reflexive, 0 for relayed. */
    uint32_t type_preference = 0;
    switch (type) {
    case ICE_CANDIDATE_HOST: type_preference = 126; break;
    case ICE_CANDIDATE_PEER_REFLEXIVE: type_preference = 110; break;
    case ICE_CANDIDATE_SERVER_REFLEXIVE: type_preference = 100; break;
    case ICE_CANDIDATE_RELAYED: type_preference = 0; break;
    }
    /* RFC 8445 section 5.1.2.1: 2^24 (type preference) + 2^8 (local preference) + (256 - component ID). */
    return (type_preference << 24) + ((uint32_t)local_preference << 8) + (256u - component);
}

const char *ice_candidate_type_name(enum ice_candidate_type type) {
    switch (type) {
    case ICE_CANDIDATE_HOST: return "host";
    case ICE_CANDIDATE_SERVER_REFLEXIVE: return "srflx";
    case ICE_CANDIDATE_PEER_REFLEXIVE: return "prflx";
    case ICE_CANDIDATE_RELAYED: return "relay";
    }
    return "";
}

void ice_interfaces_set_preferences(struct ice_interface *interfaces, size_t count) {
    size_t of_family[2] = {0, 0}; /* IPv6, IPv4 */
    for (size_t i = 0; i < count; i++)
        of_family[interfaces[i].base.family == STUN_ADDRESS_IPV6 ? 0 : 1]++;
    size_t given[2] = {0, 0};
    /* RFC 8421 section 4, SHOULD: the families alternate in proportion to their numbers, IPv6 first, lest a family without
     * connectivity hold up the other. */
    for (size_t rank = 0; rank < count; rank++) {
        size_t family = given[0] * of_family[1] <= given[1] * of_family[0] && given[0] < of_family[0] ? 0 : 1;
        if (given[family] == of_family[family])
            family = 1 - family;
        size_t skip = given[family]++;
        for (size_t i = 0; i < count; i++) {
            if ((interfaces[i].base.family == STUN_ADDRESS_IPV6 ? 0u : 1u) == family && skip-- == 0) {
                interfaces[i].preference = (uint16_t)(rank < UINT16_MAX ? UINT16_MAX - rank : 0);
                break;
            }
        }
    }
}
