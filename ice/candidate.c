/* Candidate priority and names, RFC 8445 section 5.1.2; the preferences of several interfaces, RFC 8421. */
#include "ice/candidate.h"

#include "ice/agent.h"

/* RFC 8445 section 5.1.2.1: 2^24 (type preference) + 2^8 (local preference) + (256 - component ID). */
static uint32_t priority_of(uint32_t type_preference, uint16_t local_preference, uint16_t component) {
    return (type_preference << 24) + ((uint32_t)local_preference << 8) + (256u - component);
}

uint32_t ice_candidate_priority(enum ice_candidate_type type, uint16_t local_preference, uint16_t component) {
    /* RFC 8445 section 5.1.2.2: 126 for host, 110 for peer-reflexive, 100 for server-reflexive, 0 for relayed. */
    uint32_t type_preference = 0;
    switch (type) {
    case ICE_CANDIDATE_HOST: type_preference = 126; break;
    case ICE_CANDIDATE_PEER_REFLEXIVE: type_preference = 110; break;
    case ICE_CANDIDATE_SERVER_REFLEXIVE: type_preference = 100; break;
    case ICE_CANDIDATE_RELAYED: type_preference = 0; break;
    }
    return priority_of(type_preference, local_preference, component);
}

uint32_t ice_candidate_tcp_priority(enum ice_candidate_type type, uint16_t local_preference, uint16_t component) {
    /* RFC 6544 section 4.2, SHOULD: media prefers UDP, hence the type preferences of TCP are lower: any direct path over UDP comes
     * before a direct one over TCP, and that before a relay. */
    uint32_t type_preference = 0;
    switch (type) {
    case ICE_CANDIDATE_HOST: type_preference = 90; break;
    case ICE_CANDIDATE_PEER_REFLEXIVE: type_preference = 80; break;
    case ICE_CANDIDATE_SERVER_REFLEXIVE: type_preference = 70; break;
    case ICE_CANDIDATE_RELAYED: type_preference = 0; break;
    }
    return priority_of(type_preference, local_preference, component);
}

uint16_t ice_candidate_tcp_preference(enum ice_candidate_type type, enum ice_tcp_type tcp_type, uint16_t preference) {
    /* RFC 6544 section 4.2: where nothing is translated it is easiest to connect actively; through a NAT, by opening from both sides. */
    static const uint8_t direct[] = {[ICE_TCP_ACTIVE] = 6, [ICE_TCP_PASSIVE] = 4, [ICE_TCP_SIMULTANEOUS_OPEN] = 2};
    static const uint8_t translated[] = {[ICE_TCP_ACTIVE] = 4, [ICE_TCP_PASSIVE] = 2, [ICE_TCP_SIMULTANEOUS_OPEN] = 6};
    bool is_translated = type == ICE_CANDIDATE_SERVER_REFLEXIVE || type == ICE_CANDIDATE_PEER_REFLEXIVE;
    uint32_t direction = is_translated ? translated[tcp_type] : direct[tcp_type];
    /* RFC 6544 section 4.2: local preference = 2^13 (direction preference) + other preference, 0..8191. */
    return (uint16_t)((direction << 13) + (preference >> 3));
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
