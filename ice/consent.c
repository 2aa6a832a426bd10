/* Consent freshness on the selected pair, RFC 7675; its checks are the keepalives too (RFC 8445 section 11, RFC 7675 section 5.1). */
#include <string.h>

#include "ice/agent_internal.h"

/* DISCONNECTED: a request has been without an answer for LATE_US, and the peer, who asks every 4 to 6 s too, silent for SILENT_US. */
#define LATE_US (5u * ICE_SECOND_US)
#define SILENT_US (7u * ICE_SECOND_US)
#define REPEATS_RC 3u /* of a request that follows an unanswered one: after 500 and 1500 ms */

/*
 * RFC 7675 section 5.1, MUST: each interval is drawn from 0.8 to 1.2 of the basic one, so that peers do not fall into step, and
 * is 4 s at least. While an answer is missing we draw from 0.8 to 0.9: then the sixth request still goes out in time
 * (6 s + 5 * 4.5 s < 30 s), and five in a row may be lost.
 */
static uint64_t interval_us(struct ice_agent *agent, uint64_t widest_tenths) {
    uint64_t tenth = agent->config.consent_interval_us / 10;
    return 8 * tenth + ice_agent_random_u64(agent) % ((widest_tenths - 8) * tenth + 1);
}

void ice_consent_start(struct ice_agent *agent, uint64_t now_us) {
    const struct ice_pair *pair = &agent->pairs[agent->selected];
    struct ice_consent *consent = &agent->consent;
    *consent = (struct ice_consent){.unanswered_since_us = ICE_NEVER_US};
    stun_transaction_finish(&consent->last);
    /* RFC 7675 section 5.1: the check that made the pair valid was the first consent. */
    consent->expiry_us = ice_after(pair->last_response_us, agent->config.consent_expiry_us);
    consent->next_us = ice_later(now_us, ice_after(pair->last_response_us, interval_us(agent, 12)));
}

bool ice_consent_is_fresh(const struct ice_agent *agent, uint64_t now_us) {
    return agent->selected != ICE_NONE && now_us < agent->consent.expiry_us;
}

static bool is_running(const struct ice_agent *agent) {
    return agent->selected != ICE_NONE && agent->state != ICE_STATE_FAILED && agent->state != ICE_STATE_CLOSED;
}

static void start_request(struct ice_agent *agent, uint64_t now_us) {
    struct ice_consent *consent = &agent->consent;
    /* RFC 7675 section 5.1, MUST: a fresh transaction identifier each time. It knows no retransmission, which at 20 % loss each
     * way ends a quarter of all calls within ten minutes: a request that follows an unanswered one is repeated (docs/ice.md). */
    bool anxious = consent->unanswered_since_us != ICE_NEVER_US;
    uint8_t id[STUN_TRANSACTION_ID_BYTES];
    ice_agent_random_id(agent, id);
    bool repeats = anxious && !ice_tcp_is_pair(agent, &agent->pairs[agent->selected]);
    stun_transaction_start(&consent->last, id, now_us, STUN_RTO_DEFAULT_US, repeats ? REPEATS_RC : 1, 1);
    consent->next_us = ice_after(now_us, interval_us(agent, 9)); /* an answer puts it off */
    if (!anxious)
        consent->unanswered_since_us = now_us;
    size_t slot = consent->outstanding_next;
    consent->outstanding_next = (slot + 1) % ICE_CONSENT_OUTSTANDING_MAX;
    memcpy(consent->outstanding[slot].id, id, sizeof id);
    consent->outstanding[slot].waiting = true;
    agent->pairs[agent->selected].consent_requests_sent++;
}

size_t ice_consent_poll(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path) {
    struct ice_consent *consent = &agent->consent;
    struct stun_transaction *last = &consent->last;
    if (!is_running(agent) || now_us >= consent->expiry_us)
        return 0;
    if (now_us >= consent->next_us)
        start_request(agent, now_us);
    if (last->done || last->sent == last->rc || last->deadline_us > now_us)
        return 0;
    struct ice_pair *pair = &agent->pairs[agent->selected];
    stun_transaction_sent(last, now_us);
    /* RFC 6544 section 11.1, MUST: a connection that was opened again is checked before it is used; to the peer it is a new pair,
     * which we want to be selected. */
    bool reopened = ice_tcp_is_reopened(agent, pair);
    if (!reopened && !ice_pair_is_usable(agent, pair))
        return 0;
    pair->requests_sent++;
    ice_check_path(agent, pair, path);
    return ice_check_write_request(agent, pair, last->id, agent->role, agent->tie_breaker, reopened && agent->role == ICE_ROLE_CONTROLLING, buffer, capacity);
}

static void measure_round_trip(const struct stun_transaction *last, struct ice_pair *pair, const struct stun_message *message, uint64_t now_us) {
    if (!stun_transaction_matches(last, message) || last->sent != 1) /* an older one, or a repeated one: whose answer is it? */
        return;
    pair->current_round_trip_us = now_us - last->last_sent_us;
    pair->total_round_trip_us += pair->current_round_trip_us;
}

static int handle_answer(struct ice_agent *agent, size_t slot, uint64_t now_us, const struct ice_path *path, const struct stun_message *message) {
    struct ice_consent *consent = &agent->consent;
    struct ice_pair *pair = &agent->pairs[agent->selected];
    struct ice_path sent;
    ice_check_path(agent, pair, &sent);
    /* RFC 7675 section 5.1: only a valid answer renews consent: signed by the peer, and from where the request went. */
    if (stun_message_check_fingerprint(message) != STUN_OK ||
        stun_message_check_integrity(message, agent->generations[pair->generation].remote_key) != STUN_OK) {
        agent->statistics.unauthentic_dropped++;
        pair->unauthentic++;
        return ICE_ERROR_UNAUTHENTIC;
    }
    if (!stun_address_equal(&sent.local, &path->local) || !stun_address_equal(&sent.remote, &path->remote) ||
        message->class_ != STUN_CLASS_SUCCESS_RESPONSE || now_us >= consent->expiry_us) {
        agent->statistics.unmatched_dropped++;
        return ICE_OK;
    }
    pair->responses_received++;
    measure_round_trip(&consent->last, pair, message, now_us);
    pair->last_response_us = now_us;
    pair->last_heard_us = now_us;
    consent->outstanding[slot].waiting = false;
    /* RFC 7675 section 5.1: consent lasts 30 s from the last valid answer. */
    consent->expiry_us = ice_after(now_us, agent->config.consent_expiry_us);
    consent->next_us = ice_later(now_us, ice_after(consent->last.first_sent_us, interval_us(agent, 12)));
    stun_transaction_finish(&consent->last);
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

static uint64_t late_us(const struct ice_agent *agent) {
    const struct ice_consent *consent = &agent->consent;
    if (consent->unanswered_since_us == ICE_NEVER_US)
        return ICE_NEVER_US;
    return ice_later(ice_after(consent->unanswered_since_us, LATE_US), ice_after(agent->pairs[agent->selected].last_heard_us, SILENT_US));
}

void ice_consent_handle_timeout(struct ice_agent *agent, uint64_t now_us) {
    if (!is_running(agent))
        return;
    struct stun_transaction *last = &agent->consent.last;
    if (last->sent == last->rc && stun_transaction_deadline(last) <= now_us)
        stun_transaction_finish(last); /* no more repetitions; its answer counts as long as consent lasts */
    agent->consent.late = now_us >= late_us(agent);
    if (agent->consent.late)
        ice_agent_need_restart(agent, ICE_RESTART_CONSENT_LATE);
    /* RFC 7675 section 5.1, MUST: when consent has expired, sending stops. */
    if (now_us >= agent->consent.expiry_us)
        ice_agent_lose_selected(agent, now_us);
}

uint64_t ice_consent_next_timeout(const struct ice_agent *agent) {
    if (!is_running(agent))
        return ICE_NEVER_US;
    uint64_t next_us = ice_earlier(agent->consent.next_us, agent->consent.expiry_us);
    next_us = ice_earlier(next_us, stun_transaction_deadline(&agent->consent.last));
    return agent->consent.late ? next_us : ice_earlier(next_us, late_us(agent));
}
