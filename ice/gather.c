/*
 * Gathering: host candidates from the interfaces, server-reflexive ones from STUN servers. RFC 8445 section 5.1.1.
 *
 * Every base asks every server in a transaction of its own, a new one each Ta, so that a dead server costs nobody else anything
 * but its own turn. Allocations on TURN servers (relay.c) take turns with the Binding requests here. A TURN server over UDP is not
 * asked for the mapped address, its Allocate response has that; it is asked when it refuses to allocate, and to keep the binding.
 */
#include <string.h>

#include "ice/agent_internal.h"

#define REFRESH_US (15u * ICE_SECOND_US) /* RFC 8445 section 5.1.1.4, and the Tr of section 11 */
#define GATHER_RTO_MIN_US 500000u
#define GATHER_INTERVAL_MAX_US 1000000u

/* ---- transactions -------------------------------------------------------------------------------------------------------------- */

static bool is_present(const struct ice_gatherer *gatherer, const struct stun_address *base) {
    for (size_t i = 0; i < gatherer->interface_count; i++)
        if (gatherer->interfaces[i].transport == ICE_TRANSPORT_UDP && stun_address_equal(&gatherer->interfaces[i].base, base))
            return true;
    return false;
}

/* A place for asking this server from this base; NULL: it is being asked, or ICE_GATHER_TRANSACTION_MAX are there (counted). */
static struct ice_gather_transaction *add_transaction(struct ice_agent *agent, const struct stun_address *base, uint16_t preference, uint16_t server_index,
                                                      const struct stun_address *server) {
    struct ice_gatherer *gatherer = &agent->gatherer;
    if (!ice_addresses_can_pair(base, server))
        return NULL;
    struct ice_gather_transaction *free_slot = NULL;
    for (size_t i = 0; i < gatherer->transaction_count; i++) {
        struct ice_gather_transaction *other = &gatherer->transactions[i];
        if (stun_address_equal(&other->base, base) && other->server_index == server_index) {
            if (other->state != ICE_GATHER_FAILED)
                return NULL;
            free_slot = other; /* the base is back: ask again */
            break;
        }
        if (other->state == ICE_GATHER_FAILED && !is_present(gatherer, &other->base))
            free_slot = other;
    }
    if (free_slot == NULL) {
        if (gatherer->transaction_count == ICE_GATHER_TRANSACTION_MAX) {
            agent->statistics.capacity_refused++;
            return NULL;
        }
        free_slot = &gatherer->transactions[gatherer->transaction_count++];
    }
    *free_slot = (struct ice_gather_transaction){.base = *base, .server = *server, .server_index = server_index, .preference = preference,
                                                 .state = ICE_GATHER_WAITING, .refresh_us = ICE_NEVER_US};
    stun_transaction_finish(&free_slot->transaction);
    return free_slot;
}

void ice_gather_add_server(struct ice_agent *agent, uint16_t index) {
    const struct ice_gatherer *gatherer = &agent->gatherer;
    const struct ice_gather_server *server = &gatherer->servers[index];
    if (server->kind != ICE_SERVER_STUN || server->progress != ICE_SERVER_READY)
        return;
    for (size_t i = 0; i < gatherer->interface_count; i++) {
        const struct ice_interface *interface = &gatherer->interfaces[i];
        uint16_t address = ice_server_address(server, interface->base.family, 0);
        if (interface->transport == ICE_TRANSPORT_UDP && address != ICE_NONE)
            add_transaction(agent, &interface->base, interface->preference, index, &server->addresses[address]);
    }
}

void ice_gather_ask_turn_server(struct ice_agent *agent, uint16_t server, const struct ice_path *path, uint16_t preference) {
    if (agent->config.transport_policy == ICE_TRANSPORT_POLICY_ALL)
        add_transaction(agent, &path->local, preference, server, &path->remote);
}

void ice_gather_keep_binding(struct ice_agent *agent, uint64_t now_us, uint16_t server, const struct ice_path *path, uint16_t preference) {
    struct ice_gather_transaction *added = add_transaction(agent, &path->local, preference, server, &path->remote);
    if (added == NULL)
        return;
    added->state = ICE_GATHER_SUCCEEDED;
    added->refresh_us = ice_after(now_us, REFRESH_US);
}

/* It leads nowhere; perhaps the server has another address that does. */
static void fail_transaction(struct ice_agent *agent, struct ice_gather_transaction *transaction) {
    const struct ice_gather_server *server = &agent->gatherer.servers[transaction->server_index];
    stun_transaction_finish(&transaction->transaction);
    transaction->state = ICE_GATHER_FAILED;
    for (uint16_t i = 0; i < server->address_count; i++) {
        if (!stun_address_equal(&server->addresses[i], &transaction->server))
            continue;
        uint16_t next = ice_server_address(server, transaction->base.family, (uint16_t)(i + 1));
        if (next != ICE_NONE) {
            transaction->server = server->addresses[next];
            transaction->state = ICE_GATHER_WAITING;
        }
        return;
    }
}

uint32_t ice_gather_rto_us(const struct ice_agent *agent) {
    /* RFC 8445 section 14.3, SHOULD: RTO = MAX (500 ms, Ta * number of candidates to be gathered). */
    return (uint32_t)ice_earlier(ice_later(GATHER_RTO_MIN_US, agent->config.ta_us * agent->gatherer.transaction_count), ICE_RTO_MAX_US);
}

/* ---- interfaces -------------------------------------------------------------------------------------------------------------------- */

static void gather_host(struct ice_agent *agent, const struct ice_interface *interface) {
    static const struct stun_address no_server = {.family = STUN_ADDRESS_NONE};
    if (agent->config.transport_policy == ICE_TRANSPORT_POLICY_RELAY)
        return;
    if (interface->transport == ICE_TRANSPORT_TCP) {
        ice_tcp_gather_host(agent, interface);
        return;
    }
    uint16_t known = ice_local_find_base(agent, &interface->base);
    if (known != ICE_NONE && !agent->locals[known].gone)
        return;
    uint16_t added = known != ICE_NONE ? known : ice_local_add(agent, ICE_CANDIDATE_HOST, &interface->base, &interface->base, &no_server, interface->preference);
    if (added == ICE_NONE)
        return;
    agent->locals[added].name = ice_names_of_interface(agent, interface);
    for (size_t i = 0; i < agent->local_count; i++) /* the interface is back, and what is behind it */
        if (agent->locals[i].transport == ICE_TRANSPORT_UDP && stun_address_equal(&agent->locals[i].base, &interface->base))
            agent->locals[i].gone = agent->locals[i].told = false;
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation == agent->generation && agent->pairs[i].local == added && agent->pairs[i].state == ICE_PAIR_FAILED)
            agent->pairs[i].state = ICE_PAIR_WAITING;
    ice_checklist_add_local(agent, added);
    ice_restart_consider_local(agent, added);
}

static void leave_base(struct ice_agent *agent, uint64_t now_us, const struct stun_address *base) {
    struct ice_gatherer *gatherer = &agent->gatherer;
    for (size_t i = 0; i < agent->local_count; i++)
        if (agent->locals[i].transport == ICE_TRANSPORT_UDP && stun_address_equal(&agent->locals[i].base, base))
            agent->locals[i].gone = true;
    for (size_t i = 0; i < gatherer->transaction_count; i++) {
        struct ice_gather_transaction *transaction = &gatherer->transactions[i];
        if (stun_address_equal(&transaction->base, base)) {
            stun_transaction_finish(&transaction->transaction);
            transaction->state = ICE_GATHER_FAILED;
        }
    }
    ice_relay_park(agent, now_us, base);
    /* RFC 8445 section 5.1.1.4, SHOULD: what was sent from there cannot be any more. */
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        if (pair->generation == ICE_NONE || ice_tcp_is_pair(agent, pair) || !agent->locals[pair->local].gone ||
            !stun_address_equal(&agent->locals[pair->local].base, base))
            continue;
        if (i == agent->selected) {
            ice_agent_need_restart(agent, ICE_RESTART_INTERFACE_GONE);
            continue; /* consent decides how long to hope for its return */
        }
        if (i == agent->nominating)
            agent->nominating = ICE_NONE;
        ice_pair_fail(agent, pair, now_us, false);
    }
}

/* Whatever is new among the interfaces is gathered from; nothing happens twice. */
static void gather_interfaces(struct ice_agent *agent, uint64_t now_us) {
    struct ice_gatherer *gatherer = &agent->gatherer;
    size_t locals = agent->local_count, transactions = gatherer->transaction_count;
    for (size_t i = 0; i < gatherer->interface_count; i++) {
        gather_host(agent, &gatherer->interfaces[i]);
        if (gatherer->interfaces[i].transport == ICE_TRANSPORT_UDP)
            ice_relay_unpark(agent, now_us, &gatherer->interfaces[i].base);
    }
    for (uint16_t i = 0; i < gatherer->server_count; i++) {
        ice_gather_add_server(agent, i);
        ice_relay_add(agent, i);
    }
    if (gatherer->state == ICE_GATHERING_COMPLETE &&
        (agent->local_count > locals || gatherer->transaction_count > transactions || ice_relay_is_open(agent))) {
        gatherer->state = ICE_GATHERING_GATHERING;
        gatherer->deadline_us = ice_after(now_us, agent->config.gathering_deadline_us);
    }
}

int ice_gather_set_interfaces(struct ice_agent *agent, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    struct ice_gatherer *gatherer = &agent->gatherer;
    if (count > ICE_INTERFACE_MAX)
        return ICE_ERROR_CAPACITY;
    for (size_t i = 0; i < count; i++)
        if (!ice_address_is_usable(&interfaces[i].base) || interfaces[i].transport == ICE_TRANSPORT_TLS ||
            (interfaces[i].mdns_name != NULL && !ice_names_is_own_name(interfaces[i].mdns_name)))
            return ICE_ERROR_ARGUMENT;
    for (size_t i = 0; i < count; i++)
        if (interfaces[i].transport == ICE_TRANSPORT_TCP && ice_tcp_enable(agent) != ICE_OK)
            return ICE_ERROR_CAPACITY;
    struct ice_interface now[ICE_INTERFACE_MAX], before[ICE_INTERFACE_MAX];
    if (count > 0)
        memcpy(now, interfaces, count * sizeof now[0]);
    if (ice_names_copy(agent, now, count) != ICE_OK)
        return ICE_ERROR_CAPACITY;
    size_t before_count = gatherer->interface_count;
    memcpy(before, gatherer->interfaces, sizeof before);
    if (count > 0)
        memcpy(gatherer->interfaces, now, count * sizeof now[0]);
    gatherer->interface_count = count;
    for (size_t i = 0; i < before_count; i++)
        if (before[i].transport == ICE_TRANSPORT_UDP && !is_present(gatherer, &before[i].base))
            leave_base(agent, now_us, &before[i].base);
    ice_tcp_leave(agent, now_us);
    if (gatherer->started && agent->state != ICE_STATE_FAILED) /* what has failed waits for a restart */
        gather_interfaces(agent, now_us);
    return ICE_OK;
}

int ice_gather_start(struct ice_agent *agent, uint64_t now_us) {
    struct ice_gatherer *gatherer = &agent->gatherer;
    if (gatherer->started)
        return ICE_ERROR_STATE;
    gatherer->started = true;
    gatherer->state = ICE_GATHERING_GATHERING;
    gatherer->deadline_us = ice_after(now_us, agent->config.gathering_deadline_us);
    gatherer->next_us = now_us;
    agent->statistics.gathering_started_us = now_us;
    for (size_t i = 0; i < gatherer->interface_count; i++)
        gather_host(agent, &gatherer->interfaces[i]);
    for (uint16_t i = 0; i < gatherer->server_count; i++)
        ice_server_start(agent, i);
    return ICE_OK;
}

void ice_gather_restart(struct ice_agent *agent, uint64_t now_us) {
    struct ice_gatherer *gatherer = &agent->gatherer;
    bool is_another = ice_restart_is_offered(agent);
    for (size_t i = 0; i < agent->local_count; i++) {
        struct ice_local *local = &agent->locals[i];
        if (!is_another)
            local->told_before = local->told;
        local->told = false;
        local->stale = local->stale || local->type == ICE_CANDIDATE_SERVER_REFLEXIVE || local->type == ICE_CANDIDATE_PEER_REFLEXIVE;
    }
    agent->reported.gathering_state = ICE_GATHERING_NEW;
    if (!gatherer->started)
        return;
    gatherer->state = ICE_GATHERING_GATHERING;
    gatherer->deadline_us = ice_after(now_us, agent->config.gathering_deadline_us);
    for (size_t i = 0; i < gatherer->transaction_count; i++) {
        struct ice_gather_transaction *transaction = &gatherer->transactions[i];
        stun_transaction_finish(&transaction->transaction);
        transaction->state = is_present(gatherer, &transaction->base) ? ICE_GATHER_WAITING : ICE_GATHER_FAILED;
    }
    for (uint16_t i = 0; i < gatherer->server_count; i++) {
        struct ice_gather_server *server = &gatherer->servers[i];
        server->resolve_reported = server->resolve_reported && server->progress == ICE_SERVER_LOOKED_UP;
        if (server->progress == ICE_SERVER_NAMELESS)
            ice_server_start(agent, i);
    }
    ice_relay_revive(agent, now_us);
    gather_interfaces(agent, now_us);
}

void ice_gather_cancel_restart(struct ice_agent *agent) {
    bool has_news = false;
    for (size_t i = 0; i < agent->local_count; i++) {
        struct ice_local *local = &agent->locals[i];
        local->told = local->told_before;
        local->stale = local->stale && !local->told;
        has_news = has_news || !(local->told || local->gone || local->stale || local->type == ICE_CANDIDATE_PEER_REFLEXIVE);
    }
    /* The end of candidates was told of that generation, and is told again behind what is new. */
    if (has_news && agent->gatherer.state == ICE_GATHERING_COMPLETE)
        agent->reported.gathering_state = ICE_GATHERING_NEW;
}

/* ---- messages ------------------------------------------------------------------------------------------------------------------------ */

static size_t send_request(struct ice_gather_transaction *transaction, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path) {
    struct stun_writer writer;
    /* RFC 8445 section 5.1.1.2: Binding requests to a STUN server are not authenticated. */
    stun_writer_begin(&writer, buffer, capacity, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, transaction->transaction.id);
    stun_writer_add_fingerprint(&writer);
    int length = stun_writer_finish(&writer);
    stun_transaction_sent(&transaction->transaction, now_us);
    /* RFC 8489 section 6.2.1 would double the interval for 39.5 s. Gathering ends after 5 s (docs/ice.md), so the requests there is time for
     * are spread over it: six instead of four, and one gathering in 15,000 instead of 600 without an answer when every fifth is lost. */
    struct stun_transaction *timer = &transaction->transaction;
    if (timer->sent < timer->rc)
        timer->deadline_us = ice_earlier(timer->deadline_us, ice_after(now_us, ice_later(GATHER_INTERVAL_MAX_US, timer->rto_us)));
    *path = (struct ice_path){.transport = ICE_TRANSPORT_UDP, .local = transaction->base, .remote = transaction->server};
    return length > 0 ? (size_t)length : 0;
}

static bool is_refreshing(const struct ice_agent *agent) {
    /* RFC 8445 section 5.1.1.4, MUST: kept alive until ICE has ended; a relay or a peer keeps it alive from then on. */
    bool is_over = ice_pair_is_concluded(agent, agent->generation) && !ice_restart_is_offered(agent);
    return !is_over && agent->state != ICE_STATE_FAILED && agent->state != ICE_STATE_CLOSED;
}

static bool has_waiting_transaction(const struct ice_gatherer *gatherer) {
    for (size_t i = 0; i < gatherer->transaction_count; i++)
        if (gatherer->transactions[i].state == ICE_GATHER_WAITING)
            return true;
    return false;
}

size_t ice_gather_poll(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path) {
    struct ice_gatherer *gatherer = &agent->gatherer;
    for (size_t i = 0; i < gatherer->transaction_count; i++) {
        struct ice_gather_transaction *transaction = &gatherer->transactions[i];
        const struct stun_transaction *timer = &transaction->transaction;
        if (!timer->done && timer->sent < timer->rc && timer->deadline_us <= now_us)
            return send_request(transaction, now_us, buffer, capacity, path);
    }
    /* RFC 8445 section 5.1.1.2, SHOULD NOT: no more than one new transaction each Ta; the first one at once. */
    if (now_us < gatherer->next_us || now_us < ice_agent_earliest_transaction(agent))
        return 0;
    if ((gatherer->relay_turn || !has_waiting_transaction(gatherer)) && ice_relay_start_next(agent, now_us)) {
        gatherer->relay_turn = false;
        gatherer->next_us = ice_after(now_us, agent->config.ta_us);
        return ice_relay_poll(agent, now_us, buffer, capacity, path);
    }
    for (size_t i = 0; i < gatherer->transaction_count; i++) {
        struct ice_gather_transaction *transaction = &gatherer->transactions[i];
        bool first = transaction->state == ICE_GATHER_WAITING;
        bool again = transaction->state == ICE_GATHER_SUCCEEDED && transaction->refresh_us <= now_us && is_refreshing(agent);
        if (!first && !again)
            continue;
        uint8_t id[STUN_TRANSACTION_ID_BYTES];
        ice_agent_random_id(agent, id);
        stun_transaction_start(&transaction->transaction, id, now_us, ice_gather_rto_us(agent), STUN_RC_DEFAULT, STUN_RM_DEFAULT);
        if (first)
            transaction->state = ICE_GATHER_RUNNING;
        transaction->refresh_us = ice_after(now_us, REFRESH_US);
        gatherer->relay_turn = true;
        gatherer->next_us = ice_after(now_us, agent->config.ta_us);
        agent->last_transaction_us = now_us;
        return send_request(transaction, now_us, buffer, capacity, path);
    }
    return 0;
}

static void note_answer(struct ice_gather_server *server, const struct stun_transaction *timer, uint64_t now_us, const struct stun_message *message) {
    const uint8_t *reason;
    size_t reason_length;
    if (timer->sent == 1)
        server->round_trip_us = now_us - timer->last_sent_us;
    (void)stun_message_read_error_code(message, &server->code, &reason, &reason_length); /* untouched when there is none */
}

static void add_reflexive(struct ice_agent *agent, const struct ice_gather_transaction *transaction, const struct stun_address *mapped, uint64_t now_us) {
    struct ice_gather_server *server = &agent->gatherer.servers[transaction->server_index];
    server->mapped = *mapped;
    server->code = 0;
    if (server->answered_us == 0)
        server->answered_us = now_us;
    uint16_t added = ice_local_add(agent, ICE_CANDIDATE_SERVER_REFLEXIVE, mapped, &transaction->base, &transaction->server, transaction->preference);
    if (added != ICE_NONE && agent->locals[added].type == ICE_CANDIDATE_SERVER_REFLEXIVE && agent->locals[added].server_index == ICE_NONE)
        agent->locals[added].server_index = transaction->server_index;
}

/* RFC 8489 section 10: 300 names another server, of the same family, which is asked at once; but never twice on end, or two could send us to and fro. */
static bool redirect(struct ice_gather_transaction *transaction, const struct stun_message *message) {
    struct stun_address alternate;
    uint16_t code;
    const uint8_t *reason;
    size_t reason_length;
    if (transaction->redirected || stun_message_read_error_code(message, &code, &reason, &reason_length) != STUN_OK || code != STUN_CODE_TRY_ALTERNATE ||
        stun_message_read_address(message, STUN_ATTRIBUTE_ALTERNATE_SERVER, &alternate) != STUN_OK)
        return false;
    if (!ice_address_is_usable(&alternate) || !ice_addresses_can_pair(&transaction->base, &alternate))
        return false;
    transaction->redirected = true;
    transaction->server = alternate;
    transaction->state = ICE_GATHER_WAITING;
    return true;
}

bool ice_gather_handle_response(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const struct stun_message *message) {
    struct ice_gatherer *gatherer = &agent->gatherer;
    for (size_t i = 0; i < gatherer->transaction_count; i++) {
        struct ice_gather_transaction *transaction = &gatherer->transactions[i];
        /* RFC 8489 section 6.3: the identifier must match; so must the server, or anybody who saw one could answer. */
        if (transaction->transaction.sent == 0 || !stun_transaction_matches(&transaction->transaction, message))
            continue;
        if (!stun_address_equal(&transaction->server, &path->remote) || !stun_address_equal(&transaction->base, &path->local))
            return false;
        struct stun_address mapped;
        note_answer(&gatherer->servers[transaction->server_index], &transaction->transaction, now_us, message);
        stun_transaction_finish(&transaction->transaction);
        /* A server of RFC 3489 answers with MAPPED-ADDRESS (RFC 8445 section 5.1.1.2, MUST: support it). */
        bool has_mapped = message->class_ == STUN_CLASS_SUCCESS_RESPONSE &&
                          (stun_message_read_xor_address(message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &mapped) == STUN_OK ||
                           stun_message_read_address(message, STUN_ATTRIBUTE_MAPPED_ADDRESS, &mapped) == STUN_OK);
        if (has_mapped && ice_address_is_usable(&mapped)) {
            transaction->state = ICE_GATHER_SUCCEEDED;
            transaction->refresh_us = ice_after(now_us, REFRESH_US);
            add_reflexive(agent, transaction, &mapped, now_us);
        } else if (transaction->state == ICE_GATHER_RUNNING && !redirect(transaction, message)) {
            fail_transaction(agent, transaction);
        }
        return true;
    }
    return false;
}

void ice_gather_handle_send_error(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, int error) {
    for (size_t i = 0; i < agent->gatherer.transaction_count; i++) {
        struct ice_gather_transaction *transaction = &agent->gatherer.transactions[i];
        if (transaction->state == ICE_GATHER_RUNNING && stun_address_equal(&transaction->server, &path->remote) &&
            stun_address_equal(&transaction->base, &path->local)) {
            agent->gatherer.servers[transaction->server_index].error = error;
            stun_transaction_doubt(&transaction->transaction, now_us); /* ICMP can be forged */
        }
    }
}

/* ---- time ---------------------------------------------------------------------------------------------------------------------------- */

static bool has_open_work(const struct ice_agent *agent) {
    const struct ice_gatherer *gatherer = &agent->gatherer;
    for (size_t i = 0; i < gatherer->server_count; i++)
        if (gatherer->servers[i].progress == ICE_SERVER_LOOKED_UP)
            return true;
    for (size_t i = 0; i < gatherer->transaction_count; i++)
        if (gatherer->transactions[i].state == ICE_GATHER_WAITING || gatherer->transactions[i].state == ICE_GATHER_RUNNING)
            return true;
    return ice_relay_is_open(agent);
}

/* Whoever is silent is given up, so that the end of candidates can be said. */
void ice_gather_give_up(struct ice_agent *agent, uint64_t now_us) {
    struct ice_gatherer *gatherer = &agent->gatherer;
    for (size_t i = 0; i < gatherer->server_count; i++)
        if (gatherer->servers[i].progress == ICE_SERVER_LOOKED_UP)
            gatherer->servers[i].progress = ICE_SERVER_NAMELESS;
    ice_relay_give_up(agent, now_us);
    for (size_t i = 0; i < gatherer->transaction_count; i++) {
        struct ice_gather_transaction *transaction = &gatherer->transactions[i];
        if (transaction->state == ICE_GATHER_WAITING || transaction->state == ICE_GATHER_RUNNING) {
            stun_transaction_finish(&transaction->transaction);
            transaction->state = ICE_GATHER_FAILED;
        }
    }
}

void ice_gather_handle_timeout(struct ice_agent *agent, uint64_t now_us) {
    struct ice_gatherer *gatherer = &agent->gatherer;
    for (size_t i = 0; i < gatherer->transaction_count; i++) {
        struct ice_gather_transaction *transaction = &gatherer->transactions[i];
        struct stun_transaction *timer = &transaction->transaction;
        if (timer->done || timer->sent < timer->rc || timer->deadline_us > now_us)
            continue;
        stun_transaction_finish(timer);
        if (transaction->state == ICE_GATHER_RUNNING)
            fail_transaction(agent, transaction);
    }
    if (gatherer->state != ICE_GATHERING_GATHERING)
        return;
    if (now_us >= gatherer->deadline_us)
        ice_gather_give_up(agent, now_us);
    if (!has_open_work(agent)) {
        gatherer->state = ICE_GATHERING_COMPLETE;
        agent->statistics.gathering_completed_us = now_us;
    }
}

uint64_t ice_gather_next_timeout(const struct ice_agent *agent) {
    const struct ice_gatherer *gatherer = &agent->gatherer;
    uint64_t next_us = gatherer->state == ICE_GATHERING_GATHERING ? gatherer->deadline_us : ICE_NEVER_US;
    uint64_t start_us = ICE_NEVER_US; /* the earliest new transaction */
    for (size_t i = 0; i < gatherer->transaction_count; i++) {
        const struct ice_gather_transaction *transaction = &gatherer->transactions[i];
        next_us = ice_earlier(next_us, stun_transaction_deadline(&transaction->transaction));
        if (transaction->state == ICE_GATHER_WAITING)
            start_us = 0;
        else if (transaction->state == ICE_GATHER_SUCCEEDED && is_refreshing(agent))
            start_us = ice_earlier(start_us, transaction->refresh_us);
    }
    start_us = ice_earlier(start_us, ice_relay_start_us(agent));
    if (start_us != ICE_NEVER_US)
        next_us = ice_earlier(next_us, ice_later(start_us, ice_later(gatherer->next_us, ice_agent_earliest_transaction(agent))));
    return next_us;
}
