/* Allocate, Refresh, CreatePermission, ChannelBind: RFC 8656 sections 7.2, 8.2, 10.2 and 12.2. */
#include "test/sim/turn_server_internal.h"

#include <string.h>

#define UDP 17
#define CHANNEL_LOW 0x4000
#define CHANNEL_HIGH 0x4FFF
#define REFUSAL_PATIENCE_US (UINT64_C(1000) * 1000)

/* One request on its way through. */
struct asked {
    struct sim_turn_server *server;
    struct turn_client *client;
    const struct turn_wire_message *request;
    struct turn_proof proof;
    struct turn_allocation *allocation; /* of this 5-tuple; NULL: none */
};

static void refuse(struct asked *asked, uint16_t code) {
    turn_answer_error(asked->server, &asked->client->tuple, asked->request, code, &asked->proof);
}

static void refuse_wrong(struct asked *asked, enum sim_turn_wrong wrong, uint16_t code) {
    turn_count_wrong(asked->server, wrong);
    refuse(asked, code);
}

static void succeed(struct asked *asked, struct turn_wire_writer *writer) {
    asked->server->counters.answers[0]++;
    turn_finish_answer(asked->server, &asked->client->tuple, writer, &asked->proof);
}

static void begin(struct asked *asked, struct turn_wire_writer *writer) {
    turn_wire_begin(writer, TURN_SUCCESS, asked->request->method, asked->request->id);
}

/* RFC 8489 section 6.3.1: 420 names what is not understood. */
static bool understands_all(struct asked *asked) {
    static const uint16_t known[] = {TURN_USERNAME, TURN_INTEGRITY, TURN_CHANNEL_NUMBER, TURN_LIFETIME, TURN_PEER_ADDRESS, TURN_REALM, TURN_NONCE,
                                     TURN_REQUESTED_FAMILY, TURN_REQUESTED_TRANSPORT, TURN_DONT_FRAGMENT, TURN_INTEGRITY_SHA256, TURN_PASSWORD_ALGORITHM};
    const struct turn_wire_message *request = asked->request;
    for (size_t i = 0; i < request->value_count; i++) {
        bool is_known = request->values[i].type >= 0x8000;
        for (size_t k = 0; k < sizeof known / sizeof known[0] && !is_known; k++)
            is_known = known[k] == request->values[i].type;
        if (is_known)
            continue;
        struct turn_wire_writer writer;
        const uint8_t type[2] = {(uint8_t)(request->values[i].type >> 8), (uint8_t)request->values[i].type};
        turn_wire_begin(&writer, TURN_ERROR, request->method, request->id);
        turn_wire_add_error(&writer, 420, "Unknown Attribute");
        turn_wire_add(&writer, TURN_UNKNOWN_ATTRIBUTES, type, sizeof type);
        asked->server->counters.answers[420]++;
        turn_finish_answer(asked->server, &asked->client->tuple, &writer, &asked->proof);
        return false;
    }
    return true;
}

/* LIFETIME, or what stands for it. False: broken. */
static bool read_lifetime(const struct asked *asked, uint32_t *seconds) {
    const struct turn_wire_value *value = turn_wire_find(asked->request, TURN_LIFETIME);
    const struct sim_turn_server_config *config = &asked->server->config;
    *seconds = config->lifetime_seconds;
    if (!value)
        return true;
    if (value->length != 4)
        return false;
    uint32_t wanted = (uint32_t)value->bytes[0] << 24 | (uint32_t)value->bytes[1] << 16 | (uint32_t)value->bytes[2] << 8 | value->bytes[3];
    *seconds = wanted;
    /* RFC 8656 section 7.2: never above the server's maximum, nor below its default, but for 0 in a Refresh. */
    if (wanted > config->lifetime_max_seconds)
        *seconds = config->lifetime_max_seconds;
    if (wanted != 0 && wanted < config->lifetime_seconds)
        *seconds = config->lifetime_seconds;
    return true;
}

/* ---- Allocate --------------------------------------------------------------------------------------------------------------- */

static void say_allocated(struct asked *asked) {
    struct turn_wire_writer writer;
    begin(asked, &writer);
    for (int i = 0; i < TURN_FAMILIES; i++)
        if (asked->allocation->relays[i])
            turn_wire_add_address(&writer, TURN_RELAYED_ADDRESS,
                                  sim_network_local_address(asked->server->network, asked->allocation->relays[i]->socket), true);
    if (asked->allocation->refused_ipv6) {
        const uint8_t value[4] = {2, 0, 4, 40};
        turn_wire_add(&writer, TURN_ADDRESS_ERROR_CODE, value, sizeof value);
    }
    turn_wire_add_u32(&writer, TURN_LIFETIME, asked->allocation->lifetime_seconds);
    turn_wire_add_address(&writer, TURN_MAPPED_ADDRESS, &asked->client->tuple.remote, true);
    turn_wire_add(&writer, TURN_SOFTWARE, "sim", 3);
    succeed(asked, &writer);
}

/* Which families are asked for. 0: fine, else the code to refuse with. RFC 8656 section 7.2, points 5 to 8. */
static uint16_t read_families(const struct asked *asked, bool wants[TURN_FAMILIES], bool *is_additional) {
    const struct turn_wire_value *requested = turn_wire_find(asked->request, TURN_REQUESTED_FAMILY),
                                 *additional = turn_wire_find(asked->request, TURN_ADDITIONAL_FAMILY);
    wants[0] = wants[1] = *is_additional = false;
    if (requested && additional)
        return 400;
    if (requested && (requested->length != 4 || (requested->bytes[0] != 1 && requested->bytes[0] != 2)))
        return requested->length != 4 ? 400 : 440;
    if (additional && (additional->length != 4 || additional->bytes[0] != 2))
        return 400;
    wants[requested && requested->bytes[0] == 2 ? 1 : 0] = true;
    if (additional)
        wants[1] = *is_additional = true;
    return 0;
}

static bool is_available(const struct sim_turn_server *server, int family_index) {
    return server->listeners[family_index].interface_ >= 0;
}

static struct turn_allocation *free_allocation(struct sim_turn_server *server, const char *username, size_t *of_user, size_t *of_all) {
    struct turn_allocation *unused = NULL;
    *of_user = *of_all = 0;
    for (size_t i = 0; i < SIM_TURN_ALLOCATION_MAX; i++) {
        struct turn_allocation *allocation = &server->allocations[i];
        *of_all += allocation->is_used;
        *of_user += allocation->is_used && strcmp(allocation->username, username) == 0;
        if (!allocation->is_used && !unused)
            unused = allocation;
    }
    return unused;
}

static void refuse_for_now(struct asked *asked, uint16_t code) {
    asked->client->refused_us = turn_now(asked->server);
    refuse(asked, code);
}

/* Whether there is room for one more, and where. NULL: an error was answered. */
static struct turn_allocation *find_room(struct asked *asked) {
    const struct sim_turn_server_config *config = &asked->server->config;
    size_t of_user, of_all;
    struct turn_allocation *unused = free_allocation(asked->server, asked->proof.username, &of_user, &of_all);
    if (asked->client->refused_us > 0 && turn_now(asked->server) - asked->client->refused_us < REFUSAL_PATIENCE_US)
        turn_count_wrong(asked->server, SIM_TURN_WRONG_AFTER_REFUSAL);
    if (config->quota > 0 && of_user >= config->quota) {
        refuse_for_now(asked, 486);
        return NULL;
    }
    if (!unused || (config->capacity > 0 && of_all >= config->capacity)) {
        refuse_for_now(asked, 508);
        return NULL;
    }
    return unused;
}

static void make_allocation(struct asked *asked, struct turn_allocation *allocation, const bool wants[TURN_FAMILIES], uint32_t lifetime_seconds) {
    struct sim_turn_server *server = asked->server;
    *allocation = (struct turn_allocation){.is_used = true, .tuple = asked->client->tuple, .lifetime_seconds = lifetime_seconds,
                                           .expires_us = turn_now(server) + lifetime_seconds * UINT64_C(1000000)};
    memcpy(allocation->username, asked->proof.username, sizeof allocation->username);
    memcpy(allocation->made_by, asked->request->id, sizeof allocation->made_by);
    for (int i = 0; i < TURN_FAMILIES; i++)
        if (wants[i] && is_available(server, i))
            allocation->relays[i] = turn_relay_open(server, allocation, i);
    allocation->refused_ipv6 = wants[1] && !allocation->relays[1];
    server->counters.allocations_made++;
    asked->client->lost_allocation = false;
    asked->allocation = allocation;
}

static void allocate(struct asked *asked) {
    struct sim_turn_server *server = asked->server;
    const struct turn_wire_value *transport = turn_wire_find(asked->request, TURN_REQUESTED_TRANSPORT);
    bool wants[TURN_FAMILIES], is_additional;
    uint32_t lifetime_seconds;
    if (asked->allocation) {
        /* RFC 8656 section 7.2: the same request again is a retransmission, and gets the same answer. */
        if (memcmp(asked->allocation->made_by, asked->request->id, sizeof asked->allocation->made_by) == 0)
            say_allocated(asked);
        else
            refuse_wrong(asked, SIM_TURN_WRONG_ALLOCATE_AGAIN, 437);
        return;
    }
    uint16_t code = read_families(asked, wants, &is_additional);
    if (!transport || transport->length != 4 || !read_lifetime(asked, &lifetime_seconds) || code == 400) {
        refuse_wrong(asked, SIM_TURN_WRONG_ALLOCATE, 400);
    } else if (transport->bytes[0] != UDP) {
        refuse_wrong(asked, SIM_TURN_WRONG_ALLOCATE, 442);
    } else if (code != 0 || (!is_additional && !is_available(server, wants[1] ? 1 : 0)) || (!is_available(server, 0) && !is_available(server, 1))) {
        refuse(asked, 440);
    } else if (server->config.alternate.family != STUN_ADDRESS_NONE) {
        if (asked->client->was_redirected)
            turn_count_wrong(server, SIM_TURN_WRONG_AFTER_REDIRECT);
        asked->client->was_redirected = true;
        refuse(asked, 300);
    } else {
        struct turn_allocation *room = find_room(asked);
        if (!room)
            return;
        make_allocation(asked, room, wants, lifetime_seconds ? lifetime_seconds : server->config.lifetime_seconds);
        say_allocated(asked);
    }
}

/* ---- Refresh ------------------------------------------------------------------------------------------------------------------ */

static void refresh(struct asked *asked) {
    const struct turn_wire_value *family = turn_wire_find(asked->request, TURN_REQUESTED_FAMILY);
    uint32_t seconds;
    if (!read_lifetime(asked, &seconds) || (family && (family->length != 4 || family->bytes[0] < 1 || family->bytes[0] > 2))) {
        refuse_wrong(asked, SIM_TURN_WRONG_ALLOCATE, 400);
        return;
    }
    /* RFC 8656 section 8.2: a family that the allocation does not have. */
    if (family && !asked->allocation->relays[family->bytes[0] - 1]) {
        refuse_wrong(asked, SIM_TURN_WRONG_FAMILY, 443);
        return;
    }
    struct turn_wire_writer writer;
    begin(asked, &writer);
    turn_wire_add_u32(&writer, TURN_LIFETIME, seconds);
    if (seconds == 0) {
        turn_allocation_end(asked->server, asked->allocation);
    } else {
        asked->allocation->lifetime_seconds = seconds;
        asked->allocation->expires_us = turn_now(asked->server) + seconds * UINT64_C(1000000);
    }
    succeed(asked, &writer);
}

/* ---- peers ---------------------------------------------------------------------------------------------------------------------- */

static bool is_forbidden(const struct sim_turn_server *server, const struct stun_address *peer) {
    for (size_t i = 0; i < server->config.forbidden_count; i++)
        if (stun_address_equal_ip(&server->config.forbidden[i], peer))
            return true;
    return false;
}

/* One peer of a request. False: an error was answered. */
static bool peer_is_good(struct asked *asked, const struct turn_wire_value *value, struct stun_address *peer) {
    if (!turn_wire_address(asked->request, value, peer)) {
        refuse_wrong(asked, SIM_TURN_WRONG_PEER, 400);
        return false;
    }
    turn_settle_doubt(asked->server, &asked->client->tuple, peer);
    if (!asked->allocation->relays[turn_family_index(peer)]) {
        refuse_wrong(asked, SIM_TURN_WRONG_FAMILY, 443);
        return false;
    }
    if (is_forbidden(asked->server, peer)) {
        refuse(asked, 403);
        return false;
    }
    return true;
}

/* RFC 8656 section 10.2: all peers or none. */
static void create_permission(struct asked *asked) {
    const struct turn_wire_message *request = asked->request;
    struct stun_address peers[TURN_WIRE_ATTRIBUTE_MAX];
    size_t count = 0;
    for (size_t i = 0; i < request->value_count; i++)
        if (request->values[i].type == TURN_PEER_ADDRESS && !peer_is_good(asked, &request->values[i], &peers[count++]))
            return;
    if (count == 0) {
        refuse_wrong(asked, SIM_TURN_WRONG_PEER, 400);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!turn_permit(asked->allocation, turn_now(asked->server), &peers[i])) {
            refuse(asked, 508);
            return;
        }
    }
    struct turn_wire_writer writer;
    begin(asked, &writer);
    succeed(asked, &writer);
}

/* RFC 8656 section 12.2: neither the number nor the peer may be bound otherwise, nor have been in the last five minutes. */
static struct turn_channel *find_channel(struct asked *asked, uint16_t number, const struct stun_address *peer, bool *clashes) {
    struct turn_allocation *allocation = asked->allocation;
    *clashes = false;
    for (size_t i = 0; i < allocation->channel_count; i++) {
        struct turn_channel *channel = &allocation->channels[i];
        bool same_number = channel->number == number, same_peer = stun_address_equal(&channel->peer, peer);
        if (same_number && same_peer)
            return channel;
        if ((same_number || same_peer) && turn_now(asked->server) < channel->expires_us + TURN_CHANNEL_REST_US)
            *clashes = true;
    }
    if (allocation->channel_count == SIM_TURN_CHANNEL_MAX || *clashes)
        return NULL;
    struct turn_channel *channel = &allocation->channels[allocation->channel_count++];
    *channel = (struct turn_channel){.peer = *peer, .number = number};
    return channel;
}

static void channel_bind(struct asked *asked) {
    const struct turn_wire_value *number_value = turn_wire_find(asked->request, TURN_CHANNEL_NUMBER);
    struct stun_address peer;
    bool clashes;
    unsigned number = number_value && number_value->length == 4 ? (unsigned)(number_value->bytes[0] << 8 | number_value->bytes[1]) : 0;
    if (number < CHANNEL_LOW || number > CHANNEL_HIGH) {
        refuse_wrong(asked, SIM_TURN_WRONG_CHANNEL, 400);
        return;
    }
    if (!peer_is_good(asked, turn_wire_find(asked->request, TURN_PEER_ADDRESS), &peer))
        return;
    struct turn_channel *channel = find_channel(asked, (uint16_t)number, &peer, &clashes);
    if (clashes) {
        refuse_wrong(asked, SIM_TURN_WRONG_CHANNEL, 400);
        return;
    }
    if (!channel || !turn_permit(asked->allocation, turn_now(asked->server), &peer)) {
        refuse(asked, 508);
        return;
    }
    channel->expires_us = turn_now(asked->server) + TURN_CHANNEL_US;
    struct turn_wire_writer writer;
    begin(asked, &writer);
    succeed(asked, &writer);
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------------ */

/* RFC 8656 section 5: every request but Allocate is for the allocation of its 5-tuple, and of the user who made it. */
static bool allocation_is_good(struct asked *asked) {
    if (!asked->allocation) {
        /* Who gives up waiting for the answer to an Allocate gives back what it may have been granted. */
        uint32_t seconds = 1;
        bool gives_back = asked->request->method == TURN_REFRESH && read_lifetime(asked, &seconds) && seconds == 0;
        if (!gives_back && !turn_is_excused(asked->server, asked->client))
            turn_count_wrong(asked->server, SIM_TURN_WRONG_NO_ALLOCATION);
        refuse(asked, 437);
        return false;
    }
    if (strcmp(asked->allocation->username, asked->proof.username) != 0) {
        refuse_wrong(asked, SIM_TURN_WRONG_OTHER_USER, 441);
        return false;
    }
    return true;
}

void turn_handle_request(struct sim_turn_server *server, struct turn_client *client, const struct turn_wire_message *request) {
    struct asked asked = {.server = server, .client = client, .request = request};
    if (request->method != TURN_ALLOCATE && request->method != TURN_REFRESH && request->method != TURN_CREATE_PERMISSION &&
        request->method != TURN_CHANNEL_BIND) {
        turn_count_wrong(server, SIM_TURN_WRONG_METHOD);
        turn_answer_error(server, &client->tuple, request, 400, NULL);
        return;
    }
    if (!turn_authenticate(server, client, request, &asked.proof) || !understands_all(&asked))
        return;
    asked.allocation = turn_allocation_of(server, &client->tuple);
    if (request->method == TURN_ALLOCATE) {
        allocate(&asked);
        return;
    }
    if (!allocation_is_good(&asked))
        return;
    if (request->method == TURN_REFRESH)
        refresh(&asked);
    else if (request->method == TURN_CREATE_PERMISSION)
        create_permission(&asked);
    else
        channel_bind(&asked);
}
