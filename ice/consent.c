/* Consent freshness on the selected pair, RFC 7675; its checks are the keepalives too (RFC 8445 section 11, RFC 7675 section 5.1). */
#include <string.h>

#include "ice/agent_internal.h"

#define LATE_US (5u * ICE_SECOND_US) /* a request without an answer for so long means DISCONNECTED */

static uint64_t next_interval_us(struct ice_agent *agent) {
    /* RFC 7675 section 5.1: each interval is drawn from 0.8 to 1.2 of the basic one, so that peers do not fall into step. */
    uint64_t tenth = agent->config.consent_interval_us / 10;
    return 8 * tenth + ice_agent_random_u64(agent) % (4 * tenth + 1);
}

void ice_consent_start(struct ice_agent *agent, uint64_t now_us) {
    const struct ice_pair *pair = &agent->pairs[agent->selected];
    struct ice_consent *consent = &agent->consent;
    *consent = (struct ice_consent){.unanswered_since_us = ICE_NEVER_US};
    /* RFC 7675 section 5.1: the check that made the pair valid was the first consent. */
    consent->expiry_us = ice_after(pair->last_response_us, agent->config.consent_expiry_us);
    consent->next_us = ice_later(now_us, ice_after(pair->last_response_us, next_interval_us(agent)));
}

bool ice_consent_is_fresh(const struct ice_agent *agent, uint64_t now_us) {
    return agent->selected != ICE_NONE && now_us < agent->consent.expiry_us;
}

static bool is_running(const struct ice_agent *agent) {
    return agent->selected != ICE_NONE && agent->state != ICE_STATE_FAILED && agent->state != ICE_STATE_CLOSED;
}

size_t ice_consent_poll(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path) {
    struct ice_consent *consent = &agent->consent;
    if (!is_running(agent) || now_us < consent->next_us || now_us >= consent->expiry_us)
        return 0;
    struct ice_pair *pair = &agent->pairs[agent->selected];
    consent->next_us = ice_after(now_us, next_interval_us(agent));
    if (!ice_pair_is_usable(agent, pair))
        return 0;
    /* RFC 7675 section 5.1, MUST: a fresh transaction identifier each time; there are no retransmissions. */
    uint8_t id[STUN_TRANSACTION_ID_BYTES];
    ice_agent_random_id(agent, id);
    size_t length = ice_check_write_request(agent, pair->local, id, agent->role, agent->tie_breaker, false, buffer, capacity);
    if (length == 0)
        return 0;
    size_t slot = consent->outstanding_next;
    consent->outstanding_next = (slot + 1) % ICE_CONSENT_OUTSTANDING_MAX;
    memcpy(consent->outstanding[slot].id, id, sizeof id);
    consent->outstanding[slot].sent_us = now_us;
    consent->outstanding[slot].waiting = true;
    if (consent->unanswered_since_us == ICE_NEVER_US)
        consent->unanswered_since_us = now_us;
    pair->requests_sent++;
    pair->consent_requests_sent++;
    ice_check_path(agent, pair, path);
    return length;
}

static int handle_answer(struct ice_agent *agent, size_t slot, uint64_t now_us, const struct ice_path *path, const struct stun_message *message) {
    struct ice_consent *consent = &agent->consent;
    struct ice_pair *pair = &agent->pairs[agent->selected];
    struct ice_path sent;
    ice_check_path(agent, pair, &sent);
    /* RFC 7675 section 5.1: only a valid answer renews consent: signed by the peer, and from where the request went. */
    if (stun_message_check_fingerprint(message) != STUN_OK ||
        stun_message_check_integrity(message, ice_generation_current(agent)->remote_key) != STUN_OK) {
        agent->statistics.unauthentic_dropped++;
        return ICE_ERROR_UNAUTHENTIC;
    }
    if (!stun_address_equal(&sent.local, &path->local) || !stun_address_equal(&sent.remote, &path->remote) ||
        message->class_ != STUN_CLASS_SUCCESS_RESPONSE || now_us >= consent->expiry_us) {
        agent->statistics.unmatched_dropped++;
        return ICE_OK;
    }
    pair->responses_received++;
    pair->current_round_trip_us = now_us - consent->outstanding[slot].sent_us;
    pair->total_round_trip_us += pair->current_round_trip_us;
    pair->last_response_us = now_us;
    pair->last_heard_us = now_us;
    consent->outstanding[slot].waiting = false;
    /* RFC 7675 section 5.1: consent lasts 30 s from the last valid answer. */
    consent->expiry_us = ice_after(now_us, agent->config.consent_expiry_us);
    consent->unanswered_since_us = ICE_NEVER_US;
    consent->late = false;
    return ICE_OK;
}

bool ice_consent_handle_response(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const struct stun_message *message, int *result) {
    if (!is_running(agent))
        return false;
    for (size_t i = 0; i < ICE_CONSENT_OUTSTANDING_MAX; i++) {
        if (agent->consent.outstanding[i].waiting && memcmp(agent->consent.outstanding[i].id, message->transaction_id, STUN_TRANSACTION_ID_BYTES) == 0) {
            *result = handle_answer(agent, i, now_us, path, message);
            return true;
        }
    }
    return false;
}

/* Late: a request has been without an answer for LATE_US, and nothing authentic has come on the pair since it was sent. */
static uint64_t late_us(const struct ice_agent *agent) {
    const struct ice_consent *consent = &agent->consent;
    if (consent->unanswered_since_us == ICE_NEVER_US)
        return ICE_NEVER_US;
    return ice_after(ice_later(consent->unanswered_since_us, agent->pairs[agent->selected].last_heard_us), LATE_US);
}

void ice_consent_handle_timeout(struct ice_agent *agent, uint64_t now_us) {
    if (!is_running(agent))
        return;
    agent->consent.late = now_us >= late_us(agent);
    /* RFC 7675 section 5.1, MUST: when consent has expired, sending stops. */
    if (now_us >= agent->consent.expiry_us)
        ice_agent_fail(agent, ICE_FAILURE_CONSENT_EXPIRED);
}

uint64_t ice_consent_next_timeout(const struct ice_agent *agent) {
    if (!is_running(agent))
        return ICE_NEVER_US;
    uint64_t next_us = ice_earlier(agent->consent.next_us, agent->consent.expiry_us);
    return agent->consent.late ? next_us : ice_earlier(next_us, late_us(agent));
}
