/* The behaviour of one UDP NAT, RFC 4787. Lookups are linear: a simulated home has a handful of mappings. */
#include "test/sim/nat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/random.h"

struct mapping {
    struct stun_address inner;
    struct stun_address key; /* what of the remote address it depends on: nothing, its IP, or IP and port */
    uint16_t port;
    uint64_t expires_us;
};

/* The inside endpoint has sent to `remote`: what filters ask. */
struct session {
    struct stun_address inner;
    struct stun_address remote;
    uint16_t port; /* outside */
    uint64_t expires_us;
};

struct nat {
    struct nat_config config;
    struct stun_address external;
    struct sim_random random;
    uint32_t next_port; /* SEQUENTIAL */
    uint64_t rebooted_away[65536 / 64]; /* bit map of ports that were in use when the NAT was rebooted */
    struct mapping mappings[NAT_MAPPING_MAX];
    size_t mapping_count;
    struct session sessions[NAT_SESSION_MAX];
    size_t session_count;
};

struct nat *nat_new(const struct nat_config *config, const struct stun_address *external) {
    struct nat *nat = calloc(1, sizeof *nat);
    if (!nat)
        return NULL;
    nat->config = *config;
    if (nat->config.port_low == 0)
        nat->config.port_low = NAT_PORT_LOW_DEFAULT;
    if (nat->config.port_high == 0)
        nat->config.port_high = NAT_PORT_HIGH_DEFAULT;
    if (nat->config.timeout_us == 0)
        nat->config.timeout_us = NAT_TIMEOUT_DEFAULT_US;
    if (nat->config.port_low > nat->config.port_high || external->family == STUN_ADDRESS_NONE) {
        free(nat);
        return NULL;
    }
    nat->external = *external;
    nat->external.port = 0;
    nat->next_port = nat->config.port_low;
    sim_random_seed(&nat->random, config->seed);
    return nat;
}

void nat_free(struct nat *nat) {
    free(nat);
}

/* The part of a remote address that a behaviour looks at. */
static struct stun_address dependent_part(enum nat_dependence dependence, const struct stun_address *remote) {
    struct stun_address part = {0};
    if (dependence != NAT_ENDPOINT_INDEPENDENT)
        part = *remote;
    if (dependence == NAT_ADDRESS_DEPENDENT)
        part.port = 0;
    return part;
}

static bool same_part(enum nat_dependence dependence, const struct stun_address *a, const struct stun_address *b) {
    struct stun_address part_a = dependent_part(dependence, a), part_b = dependent_part(dependence, b);
    return stun_address_equal(&part_a, &part_b);
}

/* Whatever has expired is gone for good, before anything else is looked at: no later packet can revive it. */
static void forget_expired(struct nat *nat, uint64_t now_us) {
    size_t kept = 0;
    for (size_t i = 0; i < nat->mapping_count; i++)
        if (nat->mappings[i].expires_us > now_us)
            nat->mappings[kept++] = nat->mappings[i];
    nat->mapping_count = kept;
    kept = 0;
    for (size_t i = 0; i < nat->session_count; i++)
        if (nat->sessions[i].expires_us > now_us)
            nat->sessions[kept++] = nat->sessions[i];
    nat->session_count = kept;
}

/* Where a datagram from `source` to this port belongs. Mappings that share a port differ in the remote they are for; one from a
 * stranger is shown to the oldest, whose filter will judge it. */
static struct mapping *mapping_of_port(struct nat *nat, uint16_t port, const struct stun_address *source) {
    struct mapping *oldest = NULL;
    struct stun_address key = dependent_part(nat->config.mapping, source);
    for (size_t i = 0; i < nat->mapping_count; i++) {
        struct mapping *mapping = &nat->mappings[i];
        if (mapping->port != port)
            continue;
        if (nat->config.ports != NAT_PORTS_SHARED || stun_address_equal(&mapping->key, &key))
            return mapping;
        if (!oldest)
            oldest = mapping;
    }
    return oldest;
}

/* RFC 4787 section 4.2.1, REQ-3: no port overloading: a port in use belongs to one mapping. But to one for each remote when SHARED. */
static bool port_is_free(const struct nat *nat, uint32_t port, const struct stun_address *key) {
    bool away = nat->rebooted_away[port / 64] >> (port % 64) & 1;
    if (port < nat->config.port_low || port > nat->config.port_high || away)
        return false;
    for (size_t i = 0; i < nat->mapping_count; i++) {
        const struct mapping *mapping = &nat->mappings[i];
        if (mapping->port == port && (nat->config.ports != NAT_PORTS_SHARED || stun_address_equal(&mapping->key, key)))
            return false;
    }
    return true;
}

/* 0 when no port is free. */
static uint16_t assign_port(struct nat *nat, uint16_t inner_port, const struct stun_address *key) {
    const struct nat_config *config = &nat->config;
    uint32_t count = (uint32_t)config->port_high - config->port_low + 1;
    bool preserves = config->ports == NAT_PORTS_PRESERVING || config->ports == NAT_PORTS_SHARED;
    if (preserves && port_is_free(nat, inner_port, key))
        return inner_port;
    uint32_t start = nat->next_port;
    if (config->ports != NAT_PORTS_SEQUENTIAL)
        start = config->port_low + (uint32_t)sim_random_below(&nat->random, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t port = config->port_low + (start - config->port_low + i) % count;
        if (port_is_free(nat, port, key)) {
            nat->next_port = port == config->port_high ? config->port_low : port + 1;
            return (uint16_t)port;
        }
    }
    return 0;
}

/* RFC 4787 section 4.1: a mapping is found again for the same inside endpoint and the same dependent part of the remote one. */
static enum nat_verdict find_or_make_mapping(struct nat *nat, const struct stun_address *inner, const struct stun_address *remote,
                                             struct mapping **out) {
    struct stun_address key = dependent_part(nat->config.mapping, remote);
    for (size_t i = 0; i < nat->mapping_count; i++) {
        *out = &nat->mappings[i];
        if (stun_address_equal(&(*out)->inner, inner) && stun_address_equal(&(*out)->key, &key))
            return NAT_FORWARD;
    }
    if (nat->mapping_count == NAT_MAPPING_MAX)
        return NAT_DROP_CAPACITY;
    uint16_t port = assign_port(nat, inner->port, &key);
    if (port == 0)
        return NAT_DROP_NO_PORT;
    *out = &nat->mappings[nat->mapping_count++];
    **out = (struct mapping){.inner = *inner, .key = key, .port = port};
    return NAT_FORWARD;
}

static struct session *find_session(struct nat *nat, const struct mapping *mapping, const struct stun_address *remote) {
    for (size_t i = 0; i < nat->session_count; i++)
        if (nat->sessions[i].port == mapping->port && stun_address_equal(&nat->sessions[i].inner, &mapping->inner) &&
            stun_address_equal(&nat->sessions[i].remote, remote))
            return &nat->sessions[i];
    return NULL;
}

enum nat_verdict nat_outbound(struct nat *nat, uint64_t now_us, const struct stun_address *source,
                              const struct stun_address *destination, struct stun_address *mapped_source) {
    forget_expired(nat, now_us);
    if (nat->config.blocks_udp)
        return NAT_DROP_BLOCKED;
    bool turns_round = stun_address_equal_ip(destination, &nat->external);
    if (turns_round && nat->config.hairpin == NAT_HAIRPIN_OFF)
        return NAT_DROP_NO_HAIRPIN;
    struct mapping *mapping;
    enum nat_verdict verdict = find_or_make_mapping(nat, source, destination, &mapping);
    if (verdict != NAT_FORWARD)
        return verdict;
    struct session *session = find_session(nat, mapping, destination);
    if (!session) {
        if (nat->session_count == NAT_SESSION_MAX)
            return NAT_DROP_CAPACITY; /* a mapping made for it just now is not yet refreshed, so it has expired already */
        session = &nat->sessions[nat->session_count++];
        *session = (struct session){.inner = *source, .remote = *destination, .port = mapping->port};
    }
    /* RFC 4787 section 4.3, REQ-6: outbound traffic refreshes the mapping. The filter's memory ages session by session. */
    mapping->expires_us = session->expires_us = now_us + nat->config.timeout_us;
    *mapped_source = nat->external;
    mapped_source->port = mapping->port;
    return turns_round ? NAT_HAIRPIN : NAT_FORWARD;
}

/* RFC 4787 section 5: has the inside endpoint spoken to this remote, as far as the filter tells remotes apart? */
static bool filter_admits(const struct nat *nat, const struct mapping *mapping, const struct stun_address *remote) {
    if (nat->config.filtering == NAT_ENDPOINT_INDEPENDENT)
        return true;
    for (size_t i = 0; i < nat->session_count; i++) {
        const struct session *session = &nat->sessions[i];
        bool in_scope = stun_address_equal(&session->inner, &mapping->inner) &&
                        (nat->config.filter_scope == NAT_FILTER_OF_ENDPOINT || session->port == mapping->port);
        if (in_scope && same_part(nat->config.filtering, &session->remote, remote))
            return true;
    }
    return false;
}

enum nat_verdict nat_inbound(struct nat *nat, uint64_t now_us, const struct stun_address *source,
                             const struct stun_address *destination, struct stun_address *inner_destination) {
    assert(stun_address_equal_ip(destination, &nat->external));
    forget_expired(nat, now_us);
    struct mapping *mapping = mapping_of_port(nat, destination->port, source);
    if (!mapping)
        return NAT_DROP_NO_MAPPING;
    if (!filter_admits(nat, mapping, source))
        return NAT_DROP_FILTERED;
    if (nat->config.inbound_refresh) {
        struct session *session = find_session(nat, mapping, source);
        mapping->expires_us = now_us + nat->config.timeout_us;
        if (session)
            session->expires_us = mapping->expires_us;
    }
    *inner_destination = mapping->inner;
    return NAT_FORWARD;
}

enum nat_verdict nat_hairpin(struct nat *nat, uint64_t now_us, const struct stun_address *source,
                             const struct stun_address *mapped_source, const struct stun_address *destination,
                             struct stun_address *inner_source, struct stun_address *inner_destination) {
    enum nat_verdict verdict = nat_inbound(nat, now_us, mapped_source, destination, inner_destination);
    *inner_source = nat->config.hairpin == NAT_HAIRPIN_INTERNAL_SOURCE ? *source : *mapped_source;
    return verdict;
}

void nat_reboot(struct nat *nat) {
    memset(nat->rebooted_away, 0, sizeof nat->rebooted_away);
    for (size_t i = 0; i < nat->mapping_count; i++)
        nat->rebooted_away[nat->mappings[i].port / 64] |= UINT64_C(1) << (nat->mappings[i].port % 64);
    nat->mapping_count = nat->session_count = 0;
}

const struct stun_address *nat_external(const struct nat *nat) {
    return &nat->external;
}

const struct nat_config *nat_configuration(const struct nat *nat) {
    return &nat->config;
}

size_t nat_mapping_count(struct nat *nat, uint64_t now_us) {
    forget_expired(nat, now_us);
    return nat->mapping_count;
}

const char *nat_dependence_name(enum nat_dependence dependence) {
    static const char *const names[NAT_DEPENDENCES] = {"endpoint-independent", "address-dependent", "address-and-port-dependent"};
    return names[dependence];
}
