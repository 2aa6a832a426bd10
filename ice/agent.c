/* The agent: the verbs of docs/contract.md, and its states in one place. Everything else is in the files named in agent_internal.h. */
#include "ice/agent.h"

#include <string.h>

#include "ice/agent_internal.h"

#define NOMINATION_GRACE_US (5u * ICE_SECOND_US) /* beyond RFC 8863's patience, when only the nomination of a valid pair, or a name, is missing */

/* ---- randomness, and the pace of transactions --------------------------------------------------------------------------------------------- */

uint64_t ice_agent_random_u64(struct ice_agent *agent) {
    uint8_t bytes[8];
    uint64_t value = 0;
    agent->config.random(agent->config.random_context, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        value = value << 8 | bytes[i];
    return value;
}

void ice_agent_random_id(struct ice_agent *agent, uint8_t id[STUN_TRANSACTION_ID_BYTES]) {
    agent->config.random(agent->config.random_context, id, STUN_TRANSACTION_ID_BYTES);
}

uint64_t ice_agent_earliest_transaction(const struct ice_agent *agent) {
    /* RFC 8445 section 14.2, MUST NOT: whatever Ta is and whatever they are for, transactions start 5 ms apart. */
    return agent->last_transaction_us == ICE_NEVER_US ? 0 : ice_after(agent->last_transaction_us, ICE_TA_MIN_US);
}

/* ---- states: all transitions --------------------------------------------------------------------------------------------------------- */

void ice_agent_fail(struct ice_agent *agent, uint64_t now_us, enum ice_failure failure) {
    agent->state = ICE_STATE_FAILED;
    agent->failure = failure;
    agent->selected = ICE_NONE;
    agent->nominating = ICE_NONE;
    ice_checklist_clear_triggered(agent);
    agent->responses.count = 0;
    for (size_t i = 0; i < agent->pair_count; i++)
        stun_transaction_finish(&agent->pairs[i].check.transaction);
    for (uint16_t i = 0; i < ICE_GENERATION_MAX; i++)
        if (i != agent->generation && i != agent->fallen)
            ice_generation_end(agent, i);
    agent->offered = ICE_NONE;
    for (size_t i = 0; i < agent->gatherer.transaction_count; i++)
        stun_transaction_finish(&agent->gatherer.transactions[i].transaction);
    ice_gather_give_up(agent, now_us);
}

/* One that is under way looks for another pair already, and takes what trickles in; when it has found none, it is needed again. */
static bool is_restarting(const struct ice_agent *agent) {
    return agent->selected != ICE_NONE && !ice_pair_is_concluded(agent, agent->generation) && !ice_generation_current_const(agent)->given_up;
}

void ice_agent_need_restart(struct ice_agent *agent, enum ice_restart_reason reason) {
    if (is_restarting(agent))
        return;
    if (agent->restart_reason == ICE_RESTART_NONE || reason == ICE_RESTART_CONSENT_LOST)
        agent->restart_reason = reason;
}

/* There is no path any more: the agent fails, unless a restart is offered. Its answer has as long to come as a check would. */
static void end_current(struct ice_agent *agent, uint64_t now_us, enum ice_failure failure) {
    if (ice_restart_succeed(agent, failure))
        agent->patience_us = ice_after(now_us, agent->config.failure_deadline_us);
    else
        ice_agent_fail(agent, now_us, failure);
}

void ice_agent_lose_selected(struct ice_agent *agent, uint64_t now_us) {
    bool restarting = !ice_pair_is_concluded(agent, agent->generation) && !ice_generation_current(agent)->given_up;
    if (restarting) {
        ice_generation_end(agent, agent->pairs[agent->selected].generation);
        return;
    }
    ice_agent_need_restart(agent, ICE_RESTART_CONSENT_LOST);
    end_current(agent, now_us, ICE_FAILURE_CONSENT_EXPIRED);
}

static bool has_valid_pair(const struct ice_agent *agent) {
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation == agent->generation && ice_pair_is_valid(&agent->pairs[i]) && ice_pair_is_usable(agent, &agent->pairs[i]))
            return true;
    return false;
}

/* RFC 8863: failure is not declared before this moment, however hopeless the check list looks, nor later. */
static uint64_t verdict_us(const struct ice_agent *agent) {
    if (agent->patience_us == ICE_NEVER_US || ice_pair_is_concluded(agent, agent->generation) ||
        ice_generation_current_const(agent)->given_up || agent->state == ICE_STATE_FAILED)
        return ICE_NEVER_US;
    bool has_hope = has_valid_pair(agent) || ice_names_is_pending(agent);
    return has_hope ? ice_after(agent->patience_us, NOMINATION_GRACE_US) : agent->patience_us;
}

static void pass_verdict(struct ice_agent *agent, uint64_t now_us) {
    if (agent->selected == ICE_NONE) {
        end_current(agent, now_us, ice_generation_current(agent)->pair_count > 0 ? ICE_FAILURE_NO_PAIR_ANSWERED : ICE_FAILURE_NO_CANDIDATES);
        return;
    }
    /* RFC 8445 section 12.1: the pair from before the restart stays selected while there is no other. */
    ice_generation_current(agent)->given_up = true;
    ice_agent_need_restart(agent, ICE_RESTART_NO_PAIR);
}

static enum ice_state derive_state(const struct ice_agent *agent) {
    if (agent->state == ICE_STATE_FAILED || agent->state == ICE_STATE_CLOSED)
        return agent->state;
    const struct ice_generation *generation = ice_generation_current_const(agent);
    bool concluded = ice_pair_is_concluded(agent, agent->generation);
    bool offered = ice_restart_is_offered(agent);
    bool restarted = offered || (agent->statistics.restarts > 0 && !concluded && !generation->given_up);
    if (agent->selected != ICE_NONE) {
        /* W3C webrtc-pc section 5.6.4: a restart of what was disconnected, or failed, is checking; of what works, connected. */
        if (agent->consent.late || !ice_pair_is_usable(agent, &agent->pairs[agent->selected]))
            return restarted ? ICE_STATE_CHECKING : ICE_STATE_DISCONNECTED;
        bool over = concluded && !offered && generation->remote_end && agent->gatherer.state == ICE_GATHERING_COMPLETE && !ice_reselect_is_searching(agent) &&
                    !ice_names_is_pending(agent);
        return over ? ICE_STATE_COMPLETED : ICE_STATE_CONNECTED;
    }
    bool has_remote = generation->remote_signaled_count + generation->remote_peer_reflexive_count > 0 || ice_names_is_pending(agent);
    bool can_check = ice_checklist_can_check(agent) && has_remote;
    return can_check || (restarted && agent->statistics.checking_started_us != 0) ? ICE_STATE_CHECKING : ICE_STATE_NEW;
}

/* After every call that may have changed something: what follows from it. */
static void update(struct ice_agent *agent, uint64_t now_us) {
    if (agent->state == ICE_STATE_CLOSED)
        return;
    if (agent->patience_us == ICE_NEVER_US && ice_checklist_can_check(agent)) {
        agent->patience_us = ice_after(now_us, agent->config.failure_deadline_us);
        agent->next_check_us = ice_later(agent->next_check_us, now_us);
    }
    ice_gather_handle_timeout(agent, now_us);
    ice_tcp_update(agent, now_us);
    ice_names_update(agent);
    ice_reselect_update(agent, now_us);
    ice_relay_update(agent, now_us);
    ice_controlling_update(agent, now_us);
    agent->state = derive_state(agent);
    if (agent->state == ICE_STATE_CHECKING && agent->statistics.checking_started_us == 0)
        agent->statistics.checking_started_us = now_us;
}

void ice_agent_handle_timeout(struct ice_agent *agent, uint64_t now_us) {
    if (agent->state == ICE_STATE_CLOSED) {
        ice_relay_handle_timeout(agent, now_us);
        return;
    }
    ice_check_handle_timeout(agent, now_us);
    ice_tcp_handle_timeout(agent, now_us);
    ice_names_handle_timeout(agent, now_us);
    ice_consent_handle_timeout(agent, now_us);
    ice_relay_handle_timeout(agent, now_us);
    ice_restart_handle_timeout(agent, now_us);
    if (now_us >= verdict_us(agent))
        pass_verdict(agent, now_us);
    update(agent, now_us);
}

uint64_t ice_agent_next_timeout(const struct ice_agent *agent) {
    if (agent->state == ICE_STATE_CLOSED)
        return ice_relay_next_timeout(agent);
    uint64_t next_us = ice_earlier(ice_check_next_timeout(agent), ice_gather_next_timeout(agent));
    next_us = ice_earlier(next_us, ice_consent_next_timeout(agent));
    next_us = ice_earlier(next_us, ice_tcp_next_timeout(agent));
    next_us = ice_earlier(next_us, ice_names_next_timeout(agent));
    next_us = ice_earlier(next_us, ice_restart_next_timeout(agent));
    next_us = ice_earlier(next_us, ice_controlling_next_timeout(agent, 0));
    next_us = ice_earlier(next_us, ice_relay_next_timeout(agent));
    return ice_earlier(next_us, verdict_us(agent));
}

/* ---- what signaling brings --------------------------------------------------------------------------------------------------------------- */

int ice_agent_check_remote_credentials(const struct ice_agent *agent, const char *ufrag, size_t ufrag_length, const char *password, size_t password_length) {
    if (ufrag == NULL || password == NULL)
        return ICE_ERROR_ARGUMENT;
    const struct ice_generation *generation = ice_generation_youngest(agent);
    if (generation->remote_key == NULL && ice_generation_is_replaced_ufrag(agent, ufrag, ufrag_length))
        return ICE_ERROR_STATE; /* RFC 8445 section 9, MUST: a peer that restarts changes them */
    return ice_generation_check_remote(generation, ufrag, ufrag_length, password, password_length);
}

int ice_agent_set_remote_credentials(struct ice_agent *agent, uint64_t now_us, const char *ufrag, size_t ufrag_length,
                                     const char *password, size_t password_length) {
    int result = ice_agent_check_remote_credentials(agent, ufrag, ufrag_length, password, password_length);
    if (result != ICE_OK)
        return result;
    struct ice_generation *generation = &agent->generations[agent->offered != ICE_NONE ? agent->offered : agent->generation];
    bool first = generation->remote_key == NULL;
    result = ice_generation_set_remote(generation, ufrag, ufrag_length, password, password_length);
    if (result != ICE_OK)
        return result;
    if (ice_restart_is_offered(agent))
        ice_restart_commit(agent, now_us);
    if (first && agent->patience_us != ICE_NEVER_US)
        agent->patience_us = ice_after(now_us, agent->config.failure_deadline_us);
    /* RFC 8838 section 9 and RFC 8839 section 5.4: candidates of another generation are not for this one. */
    uint64_t tag = ice_ufrag_tag(ufrag, ufrag_length);
    for (size_t i = 0; i < agent->remote_count; i++)
        agent->remotes[i].foreign = agent->remotes[i].generation == agent->generation && agent->remotes[i].ufrag_tag != 0 && agent->remotes[i].ufrag_tag != tag;
    update(agent, now_us);
    return ICE_OK;
}

static bool is_terminated(const char *text, size_t capacity) {
    return memchr(text, '\0', capacity) != NULL;
}

/* RFC 6544 section 4.5: nobody connects to an active candidate, its port means nothing. */
static bool is_port_usable(const struct ice_candidate *candidate) {
    return candidate->tcp_type == ICE_TCP_ACTIVE ? candidate->address.port != 0 : ice_port_is_usable(candidate->address.port);
}

int ice_agent_add_remote_candidate(struct ice_agent *agent, uint64_t now_us, const struct ice_candidate *candidate) {
    if (candidate == NULL || !is_terminated(candidate->ufrag, sizeof candidate->ufrag) ||
        !is_terminated(candidate->foundation, sizeof candidate->foundation) || !is_terminated(candidate->hostname, sizeof candidate->hostname))
        return ICE_ERROR_ARGUMENT;
    bool is_tcp = candidate->protocol == ICE_PROTOCOL_TCP;
    if (is_tcp != (candidate->tcp_type != ICE_TCP_NONE))
        return ICE_ERROR_ARGUMENT;
    if (is_tcp && agent->tcp == NULL) {
        agent->statistics.candidates_not_supported++;
        return ICE_ERROR_NOT_SUPPORTED;
    }
    bool has_name = candidate->hostname[0] != '\0';
    if ((!has_name && !ice_address_is_usable(&candidate->address)) || !is_port_usable(candidate))
        return ICE_ERROR_ARGUMENT;
    if (candidate->component != 1) /* RFC 8445 section 6.1.2.2: RTCP's own component pairs with nothing of ours */
        return ICE_OK;
    const struct ice_generation *generation = ice_generation_current_const(agent);
    size_t ufrag_length = strlen(candidate->ufrag);
    if (ufrag_length > 0 && (generation->remote_key != NULL ? !ice_generation_is_remote_ufrag(generation, candidate->ufrag, ufrag_length)
                                                            : ice_generation_is_replaced_ufrag(agent, candidate->ufrag, ufrag_length)))
        return ICE_ERROR_STATE;
    if (has_name) {
        int added = ice_names_add_remote(agent, now_us, candidate);
        update(agent, now_us);
        return added;
    }
    uint16_t index;
    int result = ice_remote_add_signaled(agent, candidate, &index);
    if (result != ICE_OK) {
        agent->statistics.capacity_refused++;
        return result;
    }
    ice_checklist_add_remote(agent, index);
    update(agent, now_us);
    return ICE_OK;
}

void ice_agent_set_remote_lite(struct ice_agent *agent, uint64_t now_us, bool lite) {
    agent->generations[agent->offered != ICE_NONE ? agent->offered : agent->generation].remote_lite = lite;
    /* RFC 8445 section 6.1.1, MUST: the full agent controls. */
    if (lite)
        ice_check_switch_role(agent, ICE_ROLE_CONTROLLING);
    update(agent, now_us);
}

int ice_agent_end_of_remote_candidates(struct ice_agent *agent, uint64_t now_us) {
    ice_generation_current(agent)->remote_end = true;
    update(agent, now_us);
    return ICE_OK;
}

int ice_agent_restart(struct ice_agent *agent, uint64_t now_us) {
    return ice_agent_restart_with(agent, now_us, NULL, NULL);
}

int ice_agent_restart_with(struct ice_agent *agent, uint64_t now_us, const char *ufrag, const char *password) {
    int result = agent->state != ICE_STATE_CLOSED ? ice_restart_offer(agent, now_us, ufrag, password) : ICE_ERROR_STATE;
    update(agent, now_us);
    return result;
}

int ice_agent_cancel_restart(struct ice_agent *agent, uint64_t now_us) {
    int result = agent->state != ICE_STATE_CLOSED ? ice_restart_cancel(agent, now_us) : ICE_ERROR_STATE;
    update(agent, now_us);
    return result;
}

int ice_agent_handle_interfaces(struct ice_agent *agent, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    if (interfaces == NULL && count > 0)
        return ICE_ERROR_ARGUMENT;
    if (agent->state == ICE_STATE_CLOSED)
        return ICE_ERROR_STATE;
    int result = ice_gather_set_interfaces(agent, now_us, interfaces, count);
    update(agent, now_us);
    return result;
}

int ice_agent_gather(struct ice_agent *agent, uint64_t now_us) {
    int result = agent->state != ICE_STATE_CLOSED ? ice_gather_start(agent, now_us) : ICE_ERROR_STATE;
    update(agent, now_us);
    return result;
}

int ice_agent_handle_resolved(struct ice_agent *agent, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count) {
    int result;
    if (ice_names_is_query(query))
        result = ice_names_handle_resolved(agent, query, addresses, count);
    else
        result = ice_server_handle_resolved(agent, query, addresses, count);
    update(agent, now_us);
    return result;
}

/* ---- bytes ----------------------------------------------------------------------------------------------------------------------------------- */

static int handle_message(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const struct stun_message *message) {
    if (message->method != STUN_METHOD_BINDING) {
        agent->statistics.unmatched_dropped++;
        return ICE_OK;
    }
    if (message->class_ == STUN_CLASS_REQUEST)
        return ice_check_handle_request(agent, now_us, path, message);
    if (message->class_ == STUN_CLASS_INDICATION)
        return ICE_OK; /* RFC 8445 section 11: a keepalive, nothing follows from it */
    if (ice_gather_handle_response(agent, now_us, path, message))
        return ICE_OK;
    return ice_check_handle_response(agent, now_us, path, message);
}

int ice_agent_handle_message(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    struct stun_message message;
    if (stun_message_parse(bytes, length, &message) != STUN_OK) {
        agent->statistics.malformed_dropped++;
        return ICE_ERROR_MALFORMED;
    }
    return handle_message(agent, now_us, path, &message);
}

int ice_agent_handle_datagram(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    if (path->transport != ICE_TRANSPORT_UDP)
        return ICE_ERROR_ARGUMENT; /* a stream has no datagrams: ice_agent_handle_stream_bytes */
    agent->statistics.datagrams_received++;
    int result;
    if (!ice_relay_handle_datagram(agent, now_us, path, bytes, length, &result))
        result = ice_agent_handle_message(agent, now_us, path, bytes, length);
    update(agent, now_us);
    return result;
}

/* Answers and consent, framed if they go by a TCP candidate's connection. */
static size_t poll_answer(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path) {
    size_t length = ice_response_poll(agent, buffer, capacity, path);
    if (length == 0)
        length = ice_consent_poll(agent, now_us, buffer, capacity, path);
    return ice_tcp_frame(path, buffer, capacity, length);
}

static size_t poll_check(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path) {
    size_t length = ice_check_poll(agent, now_us, buffer, capacity, path);
    return ice_tcp_frame(path, buffer, capacity, length);
}

static size_t poll_message(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path) {
    size_t length;
    if ((length = poll_answer(agent, now_us, buffer, capacity, path)) > 0)
        return length;
    /* The relays before the checks: a permission that goes first saves the check behind it a round trip. */
    if ((length = ice_relay_poll(agent, now_us, buffer, capacity, path)) > 0 || (length = poll_check(agent, now_us, buffer, capacity, path)) > 0)
        return length;
    return ice_gather_poll(agent, now_us, buffer, capacity, path);
}

bool ice_agent_poll_transmit(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    if (capacity < ICE_DATAGRAM_MAX_BYTES)
        return false;
    do {
        *out = (struct ice_transmit){0};
        out->length = poll_message(agent, now_us, buffer, capacity, &out->path);
        if (out->length == 0) {
            ice_controlling_update(agent, now_us); /* the check that went out may have been the last that was waited for */
            return false;
        }
    } while (!ice_relay_wrap_message(agent, now_us, buffer, capacity, out)); /* its relay is gone: a lost packet */
    agent->statistics.datagrams_sent++;
    return true;
}

void ice_agent_handle_send_error(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, int error) {
    ice_gather_handle_send_error(agent, now_us, path, error);
    ice_relay_handle_send_error(agent, now_us, path, error);
    for (uint16_t index = 0; index < agent->pair_count; index++) {
        struct ice_pair *pair = ice_checklist_at_path(agent, index, path);
        if (pair == NULL)
            continue;
        /* RFC 8445 section 7.2.5.2.2, SHOULD: the pair fails. But ICMP can be forged: nobody waits for such a pair any more, and
         * its requests are repeated all the same, until the transaction ends (docs/ice.md). */
        pair->last_send_error = error;
        pair->send_failed = true;
    }
    update(agent, now_us);
}

bool ice_agent_can_send(const struct ice_agent *agent, uint64_t now_us) {
    /* RFC 7675 section 5.1, MUST: nothing is sent without consent, even if the timer has not been handled yet. */
    return ice_consent_is_fresh(agent, now_us) && ice_pair_is_usable(agent, &agent->pairs[agent->selected]);
}

int ice_agent_wrap_payload(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out) {
    if (capacity < ICE_HEADROOM_BYTES + ICE_TAILROOM_BYTES || length > capacity - ICE_HEADROOM_BYTES - ICE_TAILROOM_BYTES)
        return ICE_ERROR_BUFFER;
    if (!ice_agent_can_send(agent, now_us))
        return ICE_ERROR_STATE;
    *out = (struct ice_transmit){.offset = ICE_HEADROOM_BYTES, .length = length};
    struct ice_pair *pair = &agent->pairs[agent->selected];
    ice_check_path(agent, pair, &out->path);
    int result = out->path.transport == ICE_TRANSPORT_TCP ? ice_tcp_wrap_payload(buffer, out) : ice_relay_wrap_payload(agent, now_us, buffer, length, capacity, out);
    if (result != ICE_OK)
        return result;
    pair->packets_sent++;
    pair->bytes_sent += length;
    pair->last_sent_us = now_us;
    return ICE_OK;
}

bool ice_agent_poll_received(struct ice_agent *agent, struct ice_received *out) {
    return ice_relay_poll_received(agent, out) || ice_tcp_poll_received(agent, out);
}

/* ---- streams: of relays, and of TCP candidates --------------------------------------------------------------------------------------------------- */

int ice_agent_handle_stream_opened(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path) {
    struct ice_stream *stream = ice_stream_find(agent, path->stream_id);
    int result = ICE_ERROR_ARGUMENT;
    if (path->stream_id & ICE_STREAM_ACCEPTED)
        result = ice_tcp_handle_accepted(agent, now_us, path);
    else if (stream != NULL && stream->owner == ICE_STREAM_OF_RELAY)
        result = ice_relay_handle_stream_opened(agent, now_us, stream);
    else if (stream != NULL)
        result = ice_tcp_handle_opened(agent, now_us, stream, path);
    update(agent, now_us);
    return result;
}

int ice_agent_handle_stream_bytes(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    struct ice_stream *stream = ice_stream_find(agent, path->stream_id);
    int result = ICE_ERROR_ARGUMENT;
    if (stream != NULL && stream->owner == ICE_STREAM_OF_RELAY)
        result = ice_relay_handle_stream_bytes(agent, now_us, stream, bytes, length);
    else if (stream != NULL)
        result = ice_tcp_handle_bytes(agent, now_us, stream, bytes, length);
    update(agent, now_us);
    return result;
}

int ice_agent_handle_stream_closed(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, int error) {
    struct ice_stream *stream = ice_stream_find(agent, path->stream_id);
    int result = ICE_ERROR_ARGUMENT;
    if (stream != NULL && stream->owner == ICE_STREAM_OF_RELAY)
        result = ice_relay_handle_stream_closed(agent, now_us, stream, error);
    else if (stream != NULL)
        result = ice_tcp_handle_closed(agent, now_us, stream, error);
    update(agent, now_us);
    return result;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------------------- */

void ice_agent_close(struct ice_agent *agent, uint64_t now_us) {
    if (agent->state == ICE_STATE_CLOSED)
        return;
    ice_agent_fail(agent, now_us, ICE_FAILURE_NONE);
    agent->state = ICE_STATE_CLOSED;
    ice_relay_close(agent, now_us);
    ice_tcp_update(agent, now_us);
    ice_names_update(agent);
}
