/*
 * Connectivity checks: Binding requests sent, their responses, and requests received. RFC 8445 sections 7.2 and 7.3.
 *
 * Nothing in a message is believed before its MESSAGE-INTEGRITY is: what is unauthentic is counted and dropped in silence,
 * requests included (RFC 8489 section 9.1.3 would answer 400 or 401; silence gives a reflector nothing to work with).
 */
#include <string.h>

#include "ice/agent_internal.h"

#define CHECK_RC 3u /* 0, 1 and 3 RTO after the start ... */
#define CHECK_RM 3u /* ... and given up at 6 RTO; then the pair is tried again, docs/ice.md says why */
#define TCP_CHECK_RM 20u /* over TCP: sent once, given up after 10 s (RFC 8489 section 6.2.2: Ti, configurable) */
#define NOMINATION_RM 1u /* a path that has worked: given up at 4 RTO, and asked again at once */

static const uint16_t known_attributes[] = {STUN_ATTRIBUTE_PRIORITY, STUN_ATTRIBUTE_USE_CANDIDATE};

/* ---- sending ------------------------------------------------------------------------------------------------------------------- */

size_t ice_check_write_request(const struct ice_agent *agent, const struct ice_pair *pair, const uint8_t id[STUN_TRANSACTION_ID_BYTES], enum ice_role role,
                               uint64_t tie_breaker, bool use_candidate, uint8_t *buffer, size_t capacity) {
    const struct ice_generation *generation = &agent->generations[pair->generation];
    uint8_t username[STUN_USERNAME_MAX_BYTES];
    size_t remote_length = strlen(generation->remote_ufrag);
    /* RFC 8445 section 7.2.2: the peer's ufrag, a colon, our own; the peer's password is the key. */
    memcpy(username, generation->remote_ufrag, remote_length);
    username[remote_length] = ':';
    size_t own_length = strlen(generation->local_ufrag);
    memcpy(username + remote_length + 1, generation->local_ufrag, own_length);

    struct stun_writer writer;
    stun_writer_begin(&writer, buffer, capacity, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERNAME, username, remote_length + 1 + own_length);
    /* RFC 8445 section 7.1.1, MUST: the priority that a peer-reflexive candidate found by this check would have. */
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY,
                        ice_local_peer_reflexive_priority(&agent->locals[pair->local]));
    /* RFC 8445 section 7.1.3, MUST: our role and tie-breaker. */
    stun_writer_add_u64(&writer, role == ICE_ROLE_CONTROLLING ? STUN_ATTRIBUTE_ICE_CONTROLLING : STUN_ATTRIBUTE_ICE_CONTROLLED, tie_breaker);
    if (use_candidate)
        stun_writer_add_flag(&writer, STUN_ATTRIBUTE_USE_CANDIDATE);
    stun_writer_add_integrity(&writer, generation->remote_key);
    /* RFC 8445 section 7.2.4, MUST. */
    stun_writer_add_fingerprint(&writer);
    int length = stun_writer_finish(&writer);
    return length > 0 ? (size_t)length : 0;
}

void ice_check_path(const struct ice_agent *agent, const struct ice_pair *pair, struct ice_path *path) {
    if (ice_tcp_is_pair(agent, pair)) {
        ice_tcp_path(agent, pair, path);
        return;
    }
    /* RFC 8445 section 7.2.4: from the base of the local candidate to the remote candidate. */
    *path = (struct ice_path){.transport = ICE_TRANSPORT_UDP, .local = agent->locals[pair->local].base, .remote = agent->remotes[pair->remote].address};
}

static size_t send_check(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path) {
    struct ice_check *check = &pair->check;
    size_t length = ice_check_write_request(agent, pair, check->transaction.id, check->role, check->tie_breaker, check->use_candidate, buffer, capacity);
    stun_transaction_sent(&check->transaction, now_us);
    pair->requests_sent++;
    ice_check_path(agent, pair, path);
    return length;
}

static void start_check(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us, bool use_candidate) {
    ice_pair_cancel_check(pair, now_us);
    uint8_t id[STUN_TRANSACTION_ID_BYTES];
    ice_agent_random_id(agent, id);
    uint32_t rto_us = use_candidate ? STUN_RTO_DEFAULT_US : ice_checklist_rto_us(agent, pair);
    if (ice_tcp_is_pair(agent, pair)) /* RFC 6544 section 7.1: TCP repeats what is lost, we do not */
        stun_transaction_start(&pair->check.transaction, id, now_us, STUN_RTO_DEFAULT_US, 1, TCP_CHECK_RM);
    else
        stun_transaction_start(&pair->check.transaction, id, now_us, rto_us, CHECK_RC, use_candidate ? NOMINATION_RM : CHECK_RM);
    pair->check.role = agent->role;
    pair->check.tie_breaker = agent->tie_breaker;
    pair->check.use_candidate = use_candidate;
    pair->send_failed = false;
    /* A nomination repeats a check that has succeeded: the pair stays valid meanwhile. */
    if (!use_candidate) {
        pair->state = ICE_PAIR_IN_PROGRESS;
        if (pair->checks++ == 0)
            pair->first_check_us = now_us;
    }
    agent->last_transaction_us = now_us;
}

static struct ice_pair *retransmission_due(struct ice_agent *agent, uint64_t now_us) {
    for (size_t i = 0; i < agent->pair_count; i++) {
        const struct stun_transaction *transaction = &agent->pairs[i].check.transaction;
        if (!transaction->done && transaction->sent < transaction->rc && transaction->deadline_us <= now_us)
            return &agent->pairs[i];
    }
    return NULL;
}

size_t ice_check_poll(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path) {
    if (!ice_checklist_is_running(agent))
        return 0;
    struct ice_pair *pair = retransmission_due(agent, now_us);
    if (pair != NULL)
        return send_check(agent, pair, now_us, buffer, capacity, path);
    if (now_us < ice_agent_earliest_transaction(agent))
        return 0;
    if (ice_controlling_nomination_due(agent, now_us)) {
        pair = &agent->pairs[agent->nominating];
        start_check(agent, pair, now_us, true);
        return send_check(agent, pair, now_us, buffer, capacity, path);
    }
    if ((pair = ice_tcp_check_due(agent)) != NULL) { /* its turn was when the connection was begun */
        start_check(agent, pair, now_us, false);
        return send_check(agent, pair, now_us, buffer, capacity, path);
    }
    /* RFC 8445 section 6.1.4.2: one new check whenever Ta fires; the first one at once. */
    if (now_us < agent->next_check_us || (pair = ice_checklist_next(agent)) == NULL)
        return 0;
    agent->next_check_us = ice_after(now_us, agent->config.ta_us);
    if (!ice_tcp_prepare(agent, pair, now_us))
        return 0;
    start_check(agent, pair, now_us, false);
    ice_controlling_update(agent, now_us); /* it may have been the last that was waited for */
    return send_check(agent, pair, now_us, buffer, capacity, path);
}

uint64_t ice_check_next_timeout(const struct ice_agent *agent) {
    uint64_t next_us = ICE_NEVER_US;
    if (!ice_checklist_is_running(agent))
        return next_us;
    for (size_t i = 0; i < agent->pair_count; i++)
        next_us = ice_earlier(next_us, stun_transaction_deadline(&agent->pairs[i].check.transaction));
    if (ice_checklist_has_work(agent))
        next_us = ice_earlier(next_us, ice_later(agent->next_check_us, ice_agent_earliest_transaction(agent)));
    return next_us;
}

void ice_check_handle_timeout(struct ice_agent *agent, uint64_t now_us) {
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        const struct stun_transaction *transaction = &pair->check.transaction;
        if (transaction->done || transaction->sent < transaction->rc || stun_transaction_deadline(transaction) > now_us)
            continue;
        ice_pair_cancel_check(pair, now_us);
        if (pair->check.use_candidate)
            ice_controlling_nomination_failed(agent, pair, now_us);
        else
            ice_pair_fail(agent, pair, now_us, true); /* RFC 8445 section 7.2.5.2.3, MUST */
    }
}

/* ---- roles ----------------------------------------------------------------------------------------------------------------------- */

void ice_check_switch_role(struct ice_agent *agent, enum ice_role role) {
    if (agent->role == role)
        return;
    agent->role = role;
    agent->nominating = ICE_NONE;
    /* RFC 8445 section 7.3.1.1: pair priorities depend on the role. */
    ice_checklist_recompute_priorities(agent);
    for (size_t i = 0; i < agent->pair_count; i++) {
        agent->pairs[i].nominate_on_success = agent->pairs[i].overrides = false;
        /* A controlled agent never sends USE-CANDIDATE (section 7.1.2, MUST NOT), not even again. */
        if (agent->pairs[i].check.use_candidate)
            stun_transaction_finish(&agent->pairs[i].check.transaction);
    }
}

/* RFC 8445 section 7.3.1.1. Returns false when the answer is 487. */
static bool repair_role_conflict(struct ice_agent *agent, const struct stun_message *request) {
    uint64_t theirs;
    if (agent->role == ICE_ROLE_CONTROLLING && stun_message_read_u64(request, STUN_ATTRIBUTE_ICE_CONTROLLING, &theirs) == STUN_OK) {
        /* RFC 8445 section 7.3.1.1, MUST: when both control, the larger tie-breaker stays and answers 487. */
        if (agent->tie_breaker >= theirs)
            return false;
        ice_check_switch_role(agent, ICE_ROLE_CONTROLLED);
    } else if (agent->role == ICE_ROLE_CONTROLLED && stun_message_read_u64(request, STUN_ATTRIBUTE_ICE_CONTROLLED, &theirs) == STUN_OK) {
        /* RFC 8445 section 7.3.1.1, MUST: when neither controls, the larger tie-breaker takes over, the smaller answers 487. */
        if (agent->tie_breaker < theirs)
            return false;
        ice_check_switch_role(agent, ICE_ROLE_CONTROLLING);
    }
    return true;
}

/* RFC 8445 section 7.2.5.1, MUST: change to the other role than the request had, take a new tie-breaker, and ask again. */
static void handle_role_conflict(struct ice_agent *agent, struct ice_pair *pair, enum ice_role sent_role, uint64_t now_us) {
    /* A lite peer is never the controlling one, whatever it says (section 6.1.1). */
    if (sent_role == agent->role && !ice_generation_current(agent)->remote_lite) {
        ice_check_switch_role(agent, sent_role == ICE_ROLE_CONTROLLING ? ICE_ROLE_CONTROLLED : ICE_ROLE_CONTROLLING);
        agent->tie_breaker = ice_agent_random_u64(agent);
    }
    if (!ice_pair_is_concluded(agent, pair->generation))
        ice_checklist_trigger(agent, pair, now_us);
}

/* ---- requests received ------------------------------------------------------------------------------------------------------------- */

/* Who sent it? Returns the generation, or ICE_NONE: unauthentic. */
static uint16_t authenticate_request(struct ice_agent *agent, const struct stun_message *request, uint64_t *ufrag_tag) {
    const uint8_t *username;
    size_t length, remote_length;
    const char *remote_ufrag;
    /* RFC 8445 section 7.3, MUST: FINGERPRINT, a USERNAME that begins with our ufrag, and MESSAGE-INTEGRITY by our password. */
    if (stun_message_check_fingerprint(request) != STUN_OK || stun_message_read_bytes(request, STUN_ATTRIBUTE_USERNAME, &username, &length) != STUN_OK)
        return ICE_NONE;
    uint16_t generation = ice_generation_of_username(agent, username, length, &remote_ufrag, &remote_length);
    if (generation == ICE_NONE || stun_message_check_integrity(request, agent->generations[generation].local_key) != STUN_OK)
        return ICE_NONE;
    *ufrag_tag = ice_ufrag_tag(remote_ufrag, remote_length);
    return generation;
}

/* RFC 8445 sections 7.3.1.3 and 7.3.1.4: the pair that the request came by, its remote candidate learned when it is new. */
static struct ice_pair *pair_of_request(struct ice_agent *agent, uint16_t generation, uint16_t local, const struct ice_path *path,
                                        const struct stun_message *request, uint64_t ufrag_tag) {
    uint16_t remote = ice_remote_find(agent, generation, &path->remote);
    bool is_copy = ice_replay_is_copy(agent, path, request->transaction_id);
    if (remote == ICE_NONE) {
        uint32_t priority;
        size_t learned = agent->generations[generation].remote_peer_reflexive_count;
        if (is_copy && learned >= ICE_REMOTE_COPY_MAX) {
            agent->statistics.replayed_dropped++;
            return NULL;
        }
        if (learned >= ICE_REMOTE_PEER_REFLEXIVE_MAX)
            ice_replay_make_room(agent, generation);
        if (!ice_address_is_usable(&path->remote) || stun_message_read_u32(request, STUN_ATTRIBUTE_PRIORITY, &priority) != STUN_OK || priority == 0)
            return NULL;
        remote = ice_remote_add_peer_reflexive(agent, generation, &path->remote, priority, ufrag_tag);
        if (remote == ICE_NONE)
            return NULL;
    }
    ice_remote_prove(agent, remote, ufrag_tag);
    struct ice_pair *pair = ice_checklist_find(agent, local, remote);
    return pair != NULL ? pair : ice_checklist_add(agent, local, remote);
}

static void act_on_request(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us, bool use_candidate) {
    pair->requests_received++;
    pair->responses_sent++;
    pair->last_heard_us = now_us;
    use_candidate = use_candidate && agent->role == ICE_ROLE_CONTROLLED; /* RFC 8445 section 7.3.1.5: only the controlling side nominates */
    /* The generation before a restart that has selected its pair is answered, and moves nothing. */
    if (ice_generation_is_previous(agent, pair->generation) && ice_pair_is_concluded(agent, agent->generation))
        return;
    /* RFC 8445 section 7.3.1.4: nothing further for a pair that has succeeded; section 8.1.2: nor once another is nominated,
     * unless this one is better, or the peer nominates again. */
    bool wanted = use_candidate || !ice_pair_is_concluded(agent, pair->generation) || ice_reselect_is_of_interest(agent, pair);
    if (pair->state != ICE_PAIR_SUCCEEDED && wanted)
        ice_checklist_trigger(agent, pair, now_us);
    if (use_candidate)
        ice_controlled_handle_nomination(agent, pair, now_us);
}

/* For the verdict on the pair; nothing else follows from it. */
static void note_unauthentic_request(struct ice_agent *agent, const struct ice_path *path) {
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = ice_checklist_at_path(agent, i, path);
        if (pair != NULL && pair->generation == agent->generation) {
            pair->unauthentic++;
            return;
        }
    }
}

int ice_check_handle_request(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const struct stun_message *message) {
    uint64_t ufrag_tag;
    uint16_t generation = authenticate_request(agent, message, &ufrag_tag);
    if (generation == ICE_NONE) {
        agent->statistics.unauthentic_dropped++;
        note_unauthentic_request(agent, path);
        return ICE_ERROR_UNAUTHENTIC;
    }
    bool is_tcp = path->transport == ICE_TRANSPORT_TCP;
    uint16_t local = is_tcp ? ice_tcp_local_of_path(agent, generation, path) : ice_local_find_base(agent, &path->local);
    if (local == ICE_NONE || agent->locals[local].gone || agent->state == ICE_STATE_FAILED || agent->state == ICE_STATE_CLOSED) {
        agent->statistics.unmatched_dropped++;
        return ICE_OK;
    }
    uint16_t unknown[ICE_RESPONSE_UNKNOWN_MAX];
    size_t unknown_count = stun_message_unknown_required(message, known_attributes, sizeof known_attributes / sizeof known_attributes[0],
                                                         unknown, ICE_RESPONSE_UNKNOWN_MAX);
    if (unknown_count > 0) { /* RFC 8489 section 6.3.1, MUST: 420 and the list of what was not understood */
        ice_response_queue_add(agent, path, message, STUN_CODE_UNKNOWN_ATTRIBUTE, generation, unknown, unknown_count);
        return ICE_OK;
    }
    if (!repair_role_conflict(agent, message)) {
        ice_response_queue_add(agent, path, message, STUN_CODE_ROLE_CONFLICT, generation, NULL, 0);
        return ICE_OK;
    }
    /* A success says that data may come by this path: there must be a pair for it, or the peer would talk to the wall. */
    struct ice_pair *pair = is_tcp ? ice_tcp_pair_of_request(agent, generation, local, path, message, ufrag_tag)
                                   : pair_of_request(agent, generation, local, path, message, ufrag_tag);
    if (pair == NULL) {
        agent->statistics.unmatched_dropped++;
        return ICE_OK;
    }
    /* RFC 8445 section 7.3, MUST: answer at once, the peer's credentials may come later. */
    struct stun_attribute attribute;
    if (ice_response_queue_add(agent, path, message, 0, generation, NULL, 0))
        act_on_request(agent, pair, now_us, stun_message_find(message, STUN_ATTRIBUTE_USE_CANDIDATE, &attribute));
    return ICE_OK;
}

/* ---- responses received -------------------------------------------------------------------------------------------------------------- */

/* What a response answers: the pair, and how the request was sent. */
struct answered {
    struct ice_pair *pair;
    enum ice_role role;
    bool use_candidate;
    bool current; /* not a cancelled or given-up transaction */
};

static bool find_answered(struct ice_agent *agent, const struct stun_message *message, uint64_t now_us, struct answered *out) {
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        if (pair->generation == ICE_NONE || !ice_pair_is_usable(agent, pair))
            continue;
        if (pair->check.transaction.sent > 0 && stun_transaction_matches(&pair->check.transaction, message)) {
            *out = (struct answered){pair, pair->check.role, pair->check.use_candidate, true};
            return true;
        }
        if (now_us < pair->last_id_until_us && memcmp(pair->last_id, message->transaction_id, sizeof pair->last_id) == 0) {
            *out = (struct answered){pair, pair->last_role, pair->last_use_candidate, false};
            return true;
        }
    }
    return false;
}

static void measure_round_trip(struct ice_pair *pair, uint64_t now_us) {
    const struct stun_transaction *transaction = &pair->check.transaction;
    if (transaction->sent != 1) /* which of the copies was answered? (RFC 8489 section 6.2.1, Karn's algorithm) */
        return;
    pair->current_round_trip_us = now_us - transaction->last_sent_us;
    pair->total_round_trip_us += pair->current_round_trip_us;
}

static int handle_success(struct ice_agent *agent, const struct answered *answered, uint64_t now_us, const struct stun_message *message) {
    struct ice_pair *pair = answered->pair;
    struct stun_address mapped;
    if (stun_message_read_xor_address(message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &mapped) != STUN_OK) {
        agent->statistics.malformed_dropped++;
        return ICE_ERROR_MALFORMED;
    }
    pair->responses_received++;
    if (answered->current)
        measure_round_trip(pair, now_us);
    pair->last_id_until_us = 0;
    bool nomination_runs = !answered->use_candidate && pair->check.use_candidate && !pair->check.transaction.done;
    struct stun_transaction running = pair->check.transaction;
    ice_pair_succeed(agent, pair, now_us, &mapped);
    if (nomination_runs) /* a late answer to an earlier check of a pair that is being nominated */
        pair->check.transaction = running;
    /* The peer obeys, even if the reason has gone meanwhile, the pair to be replaced having come back: then that one is nominated next. */
    bool is_nominated = answered->current && ice_pair_index(agent, pair) == agent->nominating;
    if (answered->use_candidate && agent->role == ICE_ROLE_CONTROLLING && (is_nominated || ice_reselect_may_select(agent, pair)))
        ice_pair_select(agent, pair, now_us); /* RFC 8445 section 7.2.5.3.4 */
    else if (agent->role == ICE_ROLE_CONTROLLED)
        ice_controlled_handle_success(agent, pair, now_us);
    return ICE_OK;
}

static int handle_error(struct ice_agent *agent, const struct answered *answered, uint64_t now_us, const struct stun_message *message) {
    uint16_t code;
    const uint8_t *reason;
    size_t reason_length;
    if (stun_message_read_error_code(message, &code, &reason, &reason_length) != STUN_OK) {
        agent->statistics.malformed_dropped++;
        return ICE_ERROR_MALFORMED;
    }
    struct ice_pair *pair = answered->pair;
    pair->last_error_code = code;
    if (code == STUN_CODE_ROLE_CONFLICT)
        handle_role_conflict(agent, pair, answered->role, now_us);
    else if (answered->use_candidate)
        ice_controlling_nomination_failed(agent, pair, now_us);
    else if (answered->current)
        ice_pair_fail(agent, pair, now_us, false); /* RFC 8445 section 7.2.5.2.4, SHOULD */
    return ICE_OK;
}

int ice_check_handle_response(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const struct stun_message *message) {
    struct answered answered;
    int result;
    if (ice_consent_handle_response(agent, now_us, path, message, &result))
        return result;
    if (!ice_checklist_is_running(agent) || !find_answered(agent, message, now_us, &answered)) {
        agent->statistics.unmatched_dropped++;
        return ICE_OK;
    }
    /* RFC 8489 section 9.1.4, MUST: a response whose integrity is missing or wrong is dropped as if it had never come, an
     * error response too: who cannot sign cannot fail a pair or change our role. */
    if (stun_message_check_fingerprint(message) != STUN_OK ||
        stun_message_check_integrity(message, agent->generations[answered.pair->generation].remote_key) != STUN_OK) {
        agent->statistics.unauthentic_dropped++;
        answered.pair->unauthentic++;
        return ICE_ERROR_UNAUTHENTIC;
    }
    uint16_t unknown[1];
    if (stun_message_unknown_required(message, NULL, 0, unknown, 1) > 0) { /* RFC 8489 section 6.3.3: cannot be understood */
        agent->statistics.malformed_dropped++;
        return ICE_ERROR_MALFORMED;
    }
    /* RFC 8445 section 7.2.5.2.1, MUST: an answer from or to another address than the request's fails the pair. Not at once:
     * whoever has seen the answer can play it back from elsewhere before it arrives (docs/ice.md). */
    struct ice_path sent;
    ice_check_path(agent, answered.pair, &sent);
    if (!stun_address_equal(&sent.local, &path->local) || !stun_address_equal(&sent.remote, &path->remote)) {
        answered.pair->answers_elsewhere++;
        return ICE_OK;
    }
    if (message->class_ == STUN_CLASS_SUCCESS_RESPONSE)
        return handle_success(agent, &answered, now_us, message);
    return handle_error(agent, &answered, now_us, message);
}
