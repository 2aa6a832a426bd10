/*
 * NAT behaviour discovery (RFC 5780), in three rounds:
 *
 *     1 SEEN     every server is asked once                       how do they see us; who has an OTHER-ADDRESS?
 *     2 FILTER   the server answers from its other IP and port, from its other port; and we send to our own mapped address
 *     3 MAPPING  the server's other IP is asked on both its ports
 *
 * The order matters: RFC 5780 section 4.4 tests a filter, which round 3 would open.
 */
#include <string.h>

#include "ice/nat_behaviour.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "stun/transaction.h"

#define REQUEST_RTO_US 300000u /* sent at 0, 300 and 900 ms, given up at 1,500: ICE_NAT_ROUND_US */
#define REQUEST_RC 3u
#define REQUEST_RM 2u
#define REQUEST_MAX (ICE_NAT_SERVER_MAX + 8)
#define CHANGE_IP 0x04u /* RFC 5780 section 7.2 */
#define CHANGE_PORT 0x02u
#define NOBODY SIZE_MAX

enum request_kind { REQUEST_SEEN, REQUEST_FROM_OTHER_ADDRESS, REQUEST_FROM_OTHER_PORT, REQUEST_TO_OURSELVES, REQUEST_OTHER_IP, REQUEST_OTHER_IP_AND_PORT };
enum round { ROUND_SEEN, ROUND_FILTER, ROUND_MAPPING, ROUND_DONE };

struct request {
    enum request_kind kind;
    struct stun_address remote;
    uint32_t change;
    struct stun_transaction transaction;
    bool answered;
    struct stun_address mapped, other; /* of the answer; family NONE: it had none */
};

struct ice_nat_discovery {
    struct ice_allocator allocator;
    void (*random)(void *context, uint8_t *out, size_t length);
    void *random_context;
    struct stun_address base;
    size_t server_count;
    struct request requests[REQUEST_MAX]; /* the first server_count of them are the servers' */
    size_t request_count;
    size_t two_faced; /* the server of rounds 2 and 3, or NOBODY */
    enum round round;
};

/* ---- life ------------------------------------------------------------------------------------------------------------- */

static void ask(struct ice_nat_discovery *discovery, uint64_t now_us, enum request_kind kind, const struct stun_address *remote, uint32_t change) {
    struct request *request = &discovery->requests[discovery->request_count++];
    *request = (struct request){.kind = kind, .remote = *remote, .change = change};
    uint8_t id[STUN_TRANSACTION_ID_BYTES];
    discovery->random(discovery->random_context, id, sizeof id);
    stun_transaction_start(&request->transaction, id, now_us, REQUEST_RTO_US, REQUEST_RC, REQUEST_RM);
}

struct ice_nat_discovery *ice_nat_discovery_new(const struct ice_nat_discovery_config *config, uint64_t now_us) {
    if (config == NULL || config->random == NULL || config->servers == NULL || config->server_count == 0 || config->server_count > ICE_NAT_SERVER_MAX)
        return NULL;
    for (size_t i = 0; i < config->server_count; i++)
        if (config->servers[i].family != config->base.family || config->servers[i].port == 0)
            return NULL;
    struct ice_allocator allocator = ice_allocator_or_default(config->allocator);
    struct ice_nat_discovery *discovery = allocator.allocate(allocator.context, sizeof *discovery);
    if (discovery == NULL)
        return NULL;
    *discovery = (struct ice_nat_discovery){
        .allocator = allocator,
        .random = config->random,
        .random_context = config->random_context,
        .base = config->base,
        .server_count = config->server_count,
        .two_faced = NOBODY,
    };
    for (size_t i = 0; i < config->server_count; i++)
        ask(discovery, now_us, REQUEST_SEEN, &config->servers[i], 0);
    return discovery;
}

void ice_nat_discovery_free(struct ice_nat_discovery *discovery) {
    if (discovery == NULL)
        return;
    struct ice_allocator allocator = discovery->allocator;
    allocator.release(allocator.context, discovery);
}

/* ---- rounds ----------------------------------------------------------------------------------------------------------- */

static const struct request *answered(const struct ice_nat_discovery *discovery, enum request_kind kind) {
    for (size_t i = 0; i < discovery->request_count; i++)
        if (discovery->requests[i].kind == kind && discovery->requests[i].answered)
            return &discovery->requests[i];
    return NULL;
}

static bool is_asked_ip(const struct ice_nat_discovery *discovery, const struct stun_address *address) {
    for (size_t i = 0; i < discovery->server_count; i++)
        if (stun_address_equal_ip(&discovery->requests[i].remote, address))
            return true;
    return false;
}

/* RFC 5780 section 4.3: another IP is needed; and one that round 1 has not sent to, or the filter is open already. */
static size_t find_two_faced(const struct ice_nat_discovery *discovery) {
    for (size_t i = 0; i < discovery->server_count; i++) {
        const struct request *request = &discovery->requests[i];
        if (request->answered && request->other.family == discovery->base.family && !is_asked_ip(discovery, &request->other))
            return i;
    }
    return NOBODY;
}

static bool is_quiet(const struct ice_nat_discovery *discovery) {
    for (size_t i = 0; i < discovery->request_count; i++)
        if (!discovery->requests[i].transaction.done)
            return false;
    return true;
}

static void begin_filter_round(struct ice_nat_discovery *discovery, uint64_t now_us) {
    const struct request *seen = answered(discovery, REQUEST_SEEN);
    discovery->two_faced = find_two_faced(discovery);
    if (discovery->two_faced != NOBODY) {
        /* RFC 5780 section 4.4, tests II and III. */
        struct stun_address server = discovery->requests[discovery->two_faced].remote;
        ask(discovery, now_us, REQUEST_FROM_OTHER_ADDRESS, &server, CHANGE_IP | CHANGE_PORT);
        ask(discovery, now_us, REQUEST_FROM_OTHER_PORT, &server, CHANGE_PORT);
    }
    if (seen != NULL && seen->mapped.family != STUN_ADDRESS_NONE && !stun_address_equal(&seen->mapped, &discovery->base)) {
        struct stun_address ourselves = seen->mapped;
        ask(discovery, now_us, REQUEST_TO_OURSELVES, &ourselves, 0);
    }
}

static void begin_mapping_round(struct ice_nat_discovery *discovery, uint64_t now_us) {
    if (discovery->two_faced == NOBODY)
        return;
    /* RFC 5780 section 4.3, tests II and III. */
    struct stun_address other = discovery->requests[discovery->two_faced].other, other_ip = other;
    other_ip.port = discovery->requests[discovery->two_faced].remote.port;
    ask(discovery, now_us, REQUEST_OTHER_IP, &other_ip, 0);
    ask(discovery, now_us, REQUEST_OTHER_IP_AND_PORT, &other, 0);
}

static void advance(struct ice_nat_discovery *discovery, uint64_t now_us) {
    while (discovery->round != ROUND_DONE && is_quiet(discovery)) {
        discovery->round++;
        if (discovery->round == ROUND_FILTER)
            begin_filter_round(discovery, now_us);
        else if (discovery->round == ROUND_MAPPING)
            begin_mapping_round(discovery, now_us);
    }
}

/* ---- the contract's verbs --------------------------------------------------------------------------------------------- */

bool ice_nat_discovery_poll_transmit(struct ice_nat_discovery *discovery, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    if (capacity < ICE_DATAGRAM_MAX_BYTES)
        return false;
    for (size_t i = 0; i < discovery->request_count; i++) {
        struct request *request = &discovery->requests[i];
        if (stun_transaction_due(&request->transaction, now_us) != STUN_TRANSACTION_SEND)
            continue;
        struct stun_writer writer;
        stun_writer_begin(&writer, buffer, capacity, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, request->transaction.id);
        if (request->change != 0)
            stun_writer_add_u32(&writer, STUN_ATTRIBUTE_CHANGE_REQUEST, request->change);
        stun_writer_add_fingerprint(&writer);
        int length = stun_writer_finish(&writer);
        stun_transaction_sent(&request->transaction, now_us);
        *out = (struct ice_transmit){.path = {.transport = ICE_TRANSPORT_UDP, .local = discovery->base, .remote = request->remote},
                                     .length = length > 0 ? (size_t)length : 0};
        return length > 0;
    }
    return false;
}

static void take_answer(struct request *request, const struct stun_message *message) {
    stun_transaction_finish(&request->transaction);
    if (message->class_ != STUN_CLASS_SUCCESS_RESPONSE)
        return;
    request->answered = true;
    if (stun_message_read_xor_address(message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &request->mapped) != STUN_OK)
        (void)stun_message_read_address(message, STUN_ATTRIBUTE_MAPPED_ADDRESS, &request->mapped);
    (void)stun_message_read_address(message, STUN_ATTRIBUTE_OTHER_ADDRESS, &request->other);
}

/* Whose answer it is: the identifier says it, and but for CHANGE-REQUEST it comes from where the request went. */
static bool is_answer_to(const struct request *request, const struct ice_path *path, const struct stun_message *message) {
    if (request->kind == REQUEST_TO_OURSELVES) /* our own request, turned round by the NAT */
        return message->class_ == STUN_CLASS_REQUEST && !request->transaction.done &&
               memcmp(message->transaction_id, request->transaction.id, STUN_TRANSACTION_ID_BYTES) == 0;
    if (!stun_transaction_matches(&request->transaction, message))
        return false;
    bool is_from_there = stun_address_equal(&path->remote, &request->remote);
    if (message->class_ == STUN_CLASS_ERROR_RESPONSE || request->change == 0)
        return is_from_there;
    return !is_from_there; /* a server that does not know CHANGE-REQUEST but answers all the same proves nothing */
}

int ice_nat_discovery_handle_datagram(struct ice_nat_discovery *discovery, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    struct stun_message message;
    if (stun_message_parse(bytes, length, &message) != STUN_OK)
        return ICE_ERROR_MALFORMED;
    for (size_t i = 0; i < discovery->request_count; i++) {
        struct request *request = &discovery->requests[i];
        if (!is_answer_to(request, path, &message))
            continue;
        if (request->kind == REQUEST_TO_OURSELVES)
            request->answered = true;
        take_answer(request, &message);
        advance(discovery, now_us);
        return ICE_OK;
    }
    return ICE_ERROR_UNAUTHENTIC;
}

void ice_nat_discovery_handle_timeout(struct ice_nat_discovery *discovery, uint64_t now_us) {
    for (size_t i = 0; i < discovery->request_count; i++)
        (void)stun_transaction_due(&discovery->requests[i].transaction, now_us); /* ends what is overdue for good */
    advance(discovery, now_us);
}

uint64_t ice_nat_discovery_next_timeout(const struct ice_nat_discovery *discovery) {
    uint64_t next_us = UINT64_MAX;
    for (size_t i = 0; i < discovery->request_count; i++) {
        uint64_t deadline_us = stun_transaction_deadline(&discovery->requests[i].transaction);
        next_us = deadline_us < next_us ? deadline_us : next_us;
    }
    return next_us;
}

/* ---- what it means ---------------------------------------------------------------------------------------------------- */

bool ice_nat_discovery_is_done(const struct ice_nat_discovery *discovery) {
    return discovery->round == ROUND_DONE;
}

/* RFC 5780 section 4.4. */
static enum ice_nat_dependence filtering_of(const struct ice_nat_discovery *discovery) {
    if (discovery->two_faced == NOBODY || discovery->round < ROUND_MAPPING)
        return ICE_NAT_UNKNOWN;
    if (answered(discovery, REQUEST_FROM_OTHER_ADDRESS) != NULL)
        return ICE_NAT_ENDPOINT_INDEPENDENT;
    return answered(discovery, REQUEST_FROM_OTHER_PORT) != NULL ? ICE_NAT_ADDRESS_DEPENDENT : ICE_NAT_ADDRESS_AND_PORT_DEPENDENT;
}

/* RFC 5780 section 4.3, with whatever two servers of different IPs have said where none is two-faced. */
static enum ice_nat_dependence mapping_of(const struct ice_nat_discovery *discovery) {
    const struct request *ip = answered(discovery, REQUEST_OTHER_IP), *both = answered(discovery, REQUEST_OTHER_IP_AND_PORT);
    if (discovery->two_faced != NOBODY && ip != NULL) {
        if (stun_address_equal(&ip->mapped, &discovery->requests[discovery->two_faced].mapped))
            return ICE_NAT_ENDPOINT_INDEPENDENT;
        if (both == NULL)
            return ICE_NAT_DEPENDENT;
        return stun_address_equal(&ip->mapped, &both->mapped) ? ICE_NAT_ADDRESS_DEPENDENT : ICE_NAT_ADDRESS_AND_PORT_DEPENDENT;
    }
    enum ice_nat_dependence mapping = ICE_NAT_UNKNOWN;
    for (size_t i = 0; i < discovery->server_count; i++) {
        for (size_t j = i + 1; j < discovery->server_count; j++) {
            const struct request *one = &discovery->requests[i], *two = &discovery->requests[j];
            if (!one->answered || !two->answered)
                continue;
            bool same_ip = stun_address_equal_ip(&one->remote, &two->remote), same = stun_address_equal(&one->mapped, &two->mapped);
            if (same_ip && !same)
                return ICE_NAT_ADDRESS_AND_PORT_DEPENDENT;
            if (!same_ip && mapping != ICE_NAT_DEPENDENT)
                mapping = same ? ICE_NAT_ENDPOINT_INDEPENDENT : ICE_NAT_DEPENDENT;
        }
    }
    return mapping;
}

void ice_nat_discovery_result(const struct ice_nat_discovery *discovery, struct ice_nat_behaviour *out) {
    *out = (struct ice_nat_behaviour){.servers_asked = discovery->server_count};
    for (size_t i = 0; i < discovery->server_count; i++)
        out->servers_answered += discovery->requests[i].answered;
    const struct request *seen = answered(discovery, REQUEST_SEEN);
    if (seen == NULL) {
        out->presence = discovery->round > ROUND_SEEN ? ICE_NAT_UDP_BLOCKED : ICE_NAT_PRESENCE_UNKNOWN;
        return;
    }
    out->mapped = seen->mapped;
    out->filtering = filtering_of(discovery);
    if (stun_address_equal(&seen->mapped, &discovery->base)) {
        out->presence = ICE_NAT_ABSENT;
        out->mapping = ICE_NAT_ENDPOINT_INDEPENDENT;
        out->port_preserved = true;
        return;
    }
    out->presence = ICE_NAT_PRESENT;
    out->mapping = mapping_of(discovery);
    out->port_preserved = seen->mapped.port == discovery->base.port;
    if (discovery->round > ROUND_FILTER)
        out->hairpin = answered(discovery, REQUEST_TO_OURSELVES) != NULL ? ICE_NAT_HAIRPIN_YES : ICE_NAT_HAIRPIN_NO;
}
