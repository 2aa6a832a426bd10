/* The words for what a NAT does, and what follows from them for two hosts. Pure functions. */
#include "ice/nat_behaviour.h"

#include <string.h>

const char *ice_nat_dependence_name(enum ice_nat_dependence dependence) {
    switch (dependence) {
    case ICE_NAT_UNKNOWN: return "unknown";
    case ICE_NAT_ENDPOINT_INDEPENDENT: return "endpoint-independent";
    case ICE_NAT_ADDRESS_DEPENDENT: return "address-dependent";
    case ICE_NAT_ADDRESS_AND_PORT_DEPENDENT: return "address-and-port-dependent";
    case ICE_NAT_DEPENDENT: return "address-dependent or address-and-port-dependent";
    }
    return "unknown";
}

/* Appends; a text that does not fit makes the length larger than the capacity. */
static size_t append(char *text, size_t capacity, size_t length, const char *more) {
    size_t bytes = strlen(more);
    if (length + bytes < capacity)
        memcpy(text + length, more, bytes + 1);
    return length + bytes;
}

size_t ice_nat_behaviour_write(const struct ice_nat_behaviour *behaviour, char *text, size_t capacity) {
    size_t length = 0;
    switch (behaviour->presence) {
    case ICE_NAT_PRESENCE_UNKNOWN:
        length = append(text, capacity, length, "not known");
        break;
    case ICE_NAT_UDP_BLOCKED:
        length = append(text, capacity, length, "no answer over UDP");
        break;
    case ICE_NAT_ABSENT:
    case ICE_NAT_PRESENT:
        if (behaviour->presence == ICE_NAT_ABSENT) {
            length = append(text, capacity, length, "no NAT");
        } else {
            length = append(text, capacity, length, ice_nat_dependence_name(behaviour->mapping));
            length = append(text, capacity, length, " mapping");
        }
        length = append(text, capacity, length, ", ");
        length = append(text, capacity, length, ice_nat_dependence_name(behaviour->filtering));
        length = append(text, capacity, length, " filtering");
        break;
    }
    return length < capacity ? length : 0;
}

static bool is_dependent(enum ice_nat_dependence dependence) {
    return dependence >= ICE_NAT_ADDRESS_DEPENDENT;
}

/* Both unknown and ICE_NAT_DEPENDENT leave it open whether the port matters. */
static bool may_depend_on_port(enum ice_nat_dependence dependence) {
    return dependence != ICE_NAT_ENDPOINT_INDEPENDENT && dependence != ICE_NAT_ADDRESS_DEPENDENT;
}

static bool depends_on_port(enum ice_nat_dependence dependence) {
    return dependence == ICE_NAT_ADDRESS_AND_PORT_DEPENDENT;
}

/* An absent NAT maps every address to itself. */
static enum ice_nat_dependence mapping_of(const struct ice_nat_behaviour *behaviour) {
    return behaviour->presence == ICE_NAT_ABSENT ? ICE_NAT_ENDPOINT_INDEPENDENT : behaviour->mapping;
}

enum ice_nat_crossing ice_nat_crossing(const struct ice_nat_behaviour *one, const struct ice_nat_behaviour *other) {
    if (one->presence == ICE_NAT_UDP_BLOCKED || other->presence == ICE_NAT_UDP_BLOCKED)
        return ICE_NAT_CROSSING_NEEDS_RELAY;
    enum ice_nat_dependence a = mapping_of(one), b = mapping_of(other);
    if ((is_dependent(a) && depends_on_port(other->filtering)) || (is_dependent(b) && depends_on_port(one->filtering)) ||
        (depends_on_port(a) && depends_on_port(b)))
        return ICE_NAT_CROSSING_NEEDS_RELAY;
    bool unknown = one->presence == ICE_NAT_PRESENCE_UNKNOWN || other->presence == ICE_NAT_PRESENCE_UNKNOWN || a == ICE_NAT_UNKNOWN || b == ICE_NAT_UNKNOWN;
    if (unknown || (is_dependent(a) && may_depend_on_port(other->filtering)) || (is_dependent(b) && may_depend_on_port(one->filtering)) ||
        (may_depend_on_port(a) && may_depend_on_port(b)))
        return ICE_NAT_CROSSING_UNKNOWN;
    return ICE_NAT_CROSSING_DIRECT;
}
