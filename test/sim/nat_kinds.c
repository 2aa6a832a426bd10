#include "test/sim/nat_kinds.h"

#include <assert.h>
#include <string.h>

#define CONE(filter) {.mapping = NAT_ENDPOINT_INDEPENDENT, .filtering = (filter)}
#define STRICT .mapping = NAT_ADDRESS_AND_PORT_DEPENDENT, .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT
#define HOME CONE(NAT_ADDRESS_AND_PORT_DEPENDENT)

/* RFC 4787 section 4.1 and 5 for the behaviours, RFC 3489 section 5 for the older names. */
static const struct nat_named_kind kinds[NAT_KINDS_NAMED] = {
    {.name = "none", .has_ipv4 = true},
    {.name = "full-cone", .nat_count = 1, .nats = {CONE(NAT_ENDPOINT_INDEPENDENT)}, .has_ipv4 = true},
    {.name = "address-restricted", .nat_count = 1, .nats = {CONE(NAT_ADDRESS_DEPENDENT)}, .has_ipv4 = true},
    {.name = "port-restricted", .nat_count = 1, .nats = {HOME}, .has_ipv4 = true},
    {.name = "symmetric", .nat_count = 1, .nats = {{STRICT}}, .has_ipv4 = true},
    {.name = "sequential-symmetric", .nat_count = 1, .nats = {{STRICT, .ports = NAT_PORTS_SEQUENTIAL}}, .has_ipv4 = true},
    {.name = "shared-port", .nat_count = 1, .nats = {{STRICT, .filter_scope = NAT_FILTER_OF_MAPPING, .ports = NAT_PORTS_SHARED}}, .has_ipv4 = true},
    {.name = "short-timeout",
     .nat_count = 1,
     .nats = {{.filtering = NAT_ADDRESS_AND_PORT_DEPENDENT, .timeout_us = NAT_KINDS_SHORT_TIMEOUT_US}},
     .has_ipv4 = true},
    {.name = "double-nat", .nat_count = 2, .nats = {HOME, HOME}, .shares_carrier = true, .has_ipv4 = true},
    {.name = "double-nat-hairpin",
     .nat_count = 2,
     .nats = {HOME, {.filtering = NAT_ADDRESS_AND_PORT_DEPENDENT, .hairpin = NAT_HAIRPIN_EXTERNAL_SOURCE}},
     .shares_carrier = true,
     .has_ipv4 = true},
    {.name = "no-udp", .nat_count = 1, .nats = {{STRICT, .blocks_udp = true}}, .has_ipv4 = true},
    {.name = "ipv6-only", .has_ipv6 = true},
};

const struct nat_named_kind *nat_named_kind_at(size_t index) {
    assert(index < NAT_KINDS_NAMED);
    return &kinds[index];
}

const struct nat_named_kind *nat_named_kind_find(const char *name) {
    for (size_t i = 0; i < NAT_KINDS_NAMED; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

size_t nat_named_kind_index(const char *name) {
    const struct nat_named_kind *kind = nat_named_kind_find(name);
    assert(kind != NULL);
    return (size_t)(kind - kinds);
}

/* docs/nat-pairs.md, "The kinds that have names", literally: 'd' direct, 'r' relay. */
static const char verdicts[NAT_KINDS_NAMED][NAT_KINDS_NAMED + 1] = {
    /* none                 */ "ddddddddddrr",
    /* full-cone            */ "ddddddddddrr",
    /* address-restricted   */ "ddddddddddrr",
    /* port-restricted      */ "ddddrrddddrr",
    /* symmetric            */ "dddrrrrrrrrr",
    /* sequential-symmetric */ "dddrrrrrrrrr",
    /* shared-port          */ "ddddrrddddrr",
    /* short-timeout        */ "ddddrrddddrr",
    /* double-nat           */ "ddddrrddrdrr",
    /* double-nat-hairpin   */ "ddddrrddddrr",
    /* no-udp               */ "rrrrrrrrrrrr",
    /* ipv6-only            */ "rrrrrrrrrrrd"};

enum nat_named_verdict nat_named_pair(size_t kind_a, size_t kind_b) {
    assert(kind_a < NAT_KINDS_NAMED && kind_b < NAT_KINDS_NAMED);
    return verdicts[kind_a][kind_b] == 'd' ? NAT_PAIR_DIRECT : NAT_PAIR_RELAY;
}
