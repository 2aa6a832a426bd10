/* The check list: which pairs there are and which of them is checked next. RFC 8445 sections 6.1.2 to 6.1.4, RFC 8838 section 12. */
#include <string.h>

#include "ice/agent_internal.h"

#define RTO_MIN_US 500000u

/* ---- forming ------------------------------------------------------------------------------------------------------------------ */

struct ice_pair *ice_checklist_find(struct ice_agent *agent, uint16_t local, uint16_t remote) {
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation != ICE_NONE && agent->pairs[i].local == local && agent->pairs[i].remote == remote)
            return &agent->pairs[i];
    return NULL;
}

struct ice_pair *ice_checklist_at_path(struct ice_agent *agent, size_t index, const struct ice_path *path) {
    struct ice_pair *pair = &agent->pairs[index];
    struct ice_path own;
    if (pair->generation == ICE_NONE)
        return NULL;
    ice_check_path(agent, pair, &own);
    return own.transport == path->transport && stun_address_equal(&own.local, &path->local) && stun_address_equal(&own.remote, &path->remote) ? pair : NULL;
}

static struct ice_pair *free_slot(struct ice_agent *agent) {
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation == ICE_NONE)
            return &agent->pairs[i];
    return agent->pair_count < ICE_PAIR_SLOT_MAX ? &agent->pairs[agent->pair_count++] : NULL;
}

/* RFC 8445 section 6.1.2.5: at the limit the pair of lowest priority goes, unless work has begun on it. */
static struct ice_pair *make_room(struct ice_agent *agent, uint16_t generation, uint64_t priority) {
    size_t limit = generation == agent->generation ? ICE_PAIR_MAX : ICE_PREVIOUS_PAIR_MAX;
    if (agent->generations[generation].pair_count < limit)
        return free_slot(agent);
    struct ice_pair *victim = NULL;
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        if (pair->generation != generation)
            continue;
        bool idle = (pair->state == ICE_PAIR_FROZEN || pair->state == ICE_PAIR_WAITING || pair->state == ICE_PAIR_FAILED) && !pair->queued;
        bool lowest = victim == NULL || pair->priority < victim->priority;
        if (idle && pair->checks == 0 && pair->requests_received == 0 && pair->priority < priority && lowest)
            victim = pair;
    }
    agent->statistics.capacity_refused++;
    agent->statistics.pairs_pruned++;
    if (victim != NULL)
        ice_checklist_remove(agent, victim);
    return victim;
}

void ice_checklist_remove(struct ice_agent *agent, struct ice_pair *pair) {
    ice_tcp_forget_pair(agent, pair);
    ice_checklist_unqueue(agent, pair);
    agent->generations[pair->generation].pair_count--;
    *pair = (struct ice_pair){.generation = ICE_NONE, .state = ICE_PAIR_FAILED, .valid_local = ICE_NONE};
    stun_transaction_finish(&pair->check.transaction);
}

/* RFC 8838 section 12: a new pair waits if its foundation is proven or nobody else of it is on the way; else it is frozen. */
static enum ice_pair_state initial_state(const struct ice_agent *agent, const struct ice_pair *added) {
    bool on_the_way = false;
    for (size_t i = 0; i < agent->pair_count; i++) {
        const struct ice_pair *other = &agent->pairs[i];
        if (other == added || other->generation != added->generation || !ice_pair_same_foundation(agent, other, added))
            continue;
        if (other->state == ICE_PAIR_SUCCEEDED)
            return ICE_PAIR_WAITING;
        on_the_way = on_the_way || other->state == ICE_PAIR_WAITING || other->state == ICE_PAIR_IN_PROGRESS;
    }
    return on_the_way ? ICE_PAIR_FROZEN : ICE_PAIR_WAITING;
}

struct ice_pair *ice_checklist_add(struct ice_agent *agent, uint16_t local, uint16_t remote) {
    struct ice_pair added = {.generation = agent->remotes[remote].generation, .local = local, .remote = remote, .valid_local = ICE_NONE};
    stun_transaction_finish(&added.check.transaction);
    ice_pair_compute_priority(agent, &added);
    struct ice_pair *pair = make_room(agent, added.generation, added.priority);
    if (pair == NULL)
        return NULL;
    *pair = added;
    agent->generations[pair->generation].pair_count++;
    pair->state = initial_state(agent, pair);
    return pair;
}

/*
 * Shall we try this pair of our own accord? Which addresses can reach each other is a guess then; a pair that an authentic
 * check came by has proven it, and is added without this question (a browser may reach our loopback from its LAN address).
 */
static void add_if_promising(struct ice_agent *agent, uint16_t local_index, uint16_t remote_index) {
    const struct ice_local *local = &agent->locals[local_index];
    const struct ice_remote *remote = &agent->remotes[remote_index];
    /* RFC 8445 section 6.1.2.4, MUST: a reflexive candidate is replaced by its base, and that pair is there already with a
     * higher priority: of local candidates only bases pair. */
    bool is_base = stun_address_equal(&local->address, &local->base);
    if (is_base && !local->gone && !remote->foreign && ice_addresses_can_pair(&local->base, &remote->address) &&
        ice_tcp_can_pair(local, remote) && ice_checklist_find(agent, local_index, remote_index) == NULL)
        ice_checklist_add(agent, local_index, remote_index);
}

void ice_checklist_add_local(struct ice_agent *agent, uint16_t local) {
    for (size_t i = 0; i < agent->remote_count; i++)
        if (agent->remotes[i].generation == agent->generation)
            add_if_promising(agent, local, (uint16_t)i);
}

void ice_checklist_add_remote(struct ice_agent *agent, uint16_t remote) {
    for (size_t i = 0; i < agent->local_count; i++)
        add_if_promising(agent, (uint16_t)i, remote);
}

void ice_checklist_recompute_priorities(struct ice_agent *agent) {
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation != ICE_NONE)
            ice_pair_compute_priority(agent, &agent->pairs[i]);
}

/* ---- the triggered-check queue ------------------------------------------------------------------------------------------------- */

static void enqueue(struct ice_agent *agent, struct ice_pair *pair) {
    struct ice_triggered_queue *queue = &agent->triggered;
    queue->pairs[(queue->head + queue->count) % ICE_PAIR_SLOT_MAX] = ice_pair_index(agent, pair);
    queue->count++;
    pair->queued = true;
}

void ice_checklist_trigger(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us) {
    if (pair->checks >= ICE_PAIR_CHECK_MAX) {
        agent->statistics.capacity_refused++;
        return;
    }
    if (pair->state == ICE_PAIR_SUCCEEDED)
        return;
    /* RFC 8445 section 7.3.1.4: a running check is cancelled, the pair waits and is queued, once. */
    ice_pair_cancel_check(pair, now_us);
    pair->state = ICE_PAIR_WAITING;
    pair->timed_out = false;
    pair->timeouts = 0;
    if (!pair->queued)
        enqueue(agent, pair);
}

void ice_checklist_check_again(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us) {
    pair->state = ICE_PAIR_WAITING;
    ice_checklist_trigger(agent, pair, now_us);
}

static struct ice_pair *dequeue(struct ice_agent *agent) {
    struct ice_triggered_queue *queue = &agent->triggered;
    if (queue->count == 0)
        return NULL;
    struct ice_pair *pair = &agent->pairs[queue->pairs[queue->head]];
    queue->head = (queue->head + 1) % ICE_PAIR_SLOT_MAX;
    queue->count--;
    pair->queued = false;
    return pair;
}

void ice_checklist_unqueue(struct ice_agent *agent, struct ice_pair *pair) {
    if (!pair->queued)
        return;
    for (size_t left = agent->triggered.count; left > 0; left--) {
        struct ice_pair *first = dequeue(agent);
        if (first != pair)
            enqueue(agent, first);
    }
}

void ice_checklist_clear_triggered(struct ice_agent *agent) {
    while (dequeue(agent) != NULL) {
    }
}

/* ---- freezing and choosing ------------------------------------------------------------------------------------------------------ */

void ice_checklist_thaw_foundation(struct ice_agent *agent, const struct ice_pair *succeeded) {
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        if (pair->generation == succeeded->generation && pair->state == ICE_PAIR_FROZEN && ice_pair_same_foundation(agent, pair, succeeded))
            pair->state = ICE_PAIR_WAITING;
    }
}

/* RFC 8445 section 6.1.4.2, step 2: a foundation of which no pair waits or is checked lets one of its frozen pairs go on. */
static bool can_thaw(const struct ice_agent *agent, const struct ice_pair *frozen) {
    for (size_t i = 0; i < agent->pair_count; i++) {
        const struct ice_pair *other = &agent->pairs[i];
        bool is_stuck = other->state == ICE_PAIR_IN_PROGRESS && other->send_failed; /* and not worth waiting for */
        if ((other->state == ICE_PAIR_WAITING || other->state == ICE_PAIR_IN_PROGRESS) && !is_stuck && ice_reselect_is_of_interest(agent, other) &&
            ice_pair_same_foundation(agent, other, frozen))
            return false;
    }
    return true;
}

/* Failed only by silence: RFC 8863 lets us wait, and what costs a packet now and then is to ask again meanwhile. */
static bool can_retry(const struct ice_pair *pair) {
    return pair->state == ICE_PAIR_FAILED && pair->timed_out && pair->checks < ICE_PAIR_CHECK_MAX;
}

static struct ice_pair *highest(struct ice_agent *agent, bool (*fits)(const struct ice_agent *, const struct ice_pair *)) {
    struct ice_pair *best = NULL;
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        if (fits(agent, pair) && ice_reselect_is_of_interest(agent, pair) && (best == NULL || pair->priority > best->priority))
            best = pair;
    }
    return best;
}

static bool is_waiting(const struct ice_agent *agent, const struct ice_pair *pair) {
    (void)agent;
    return pair->state == ICE_PAIR_WAITING && !pair->queued && pair->checks < ICE_PAIR_CHECK_MAX;
}

static bool is_thawing(const struct ice_agent *agent, const struct ice_pair *pair) {
    return pair->state == ICE_PAIR_FROZEN && can_thaw(agent, pair);
}

static bool is_retried(const struct ice_agent *agent, const struct ice_pair *pair) {
    (void)agent;
    return can_retry(pair);
}

bool ice_checklist_is_running(const struct ice_agent *agent) {
    return agent->gatherer.started && agent->state != ICE_STATE_FAILED && agent->state != ICE_STATE_CLOSED;
}

bool ice_checklist_can_check(const struct ice_agent *agent) {
    return ice_checklist_is_running(agent) && ice_generation_current_const(agent)->remote_key != NULL;
}

/* A triggered check waits in the queue until the peer's password is known (RFC 8445 section 7.3). */
static bool can_send_triggered(const struct ice_agent *agent, const struct ice_pair *pair) {
    return agent->generations[pair->generation].remote_key != NULL;
}

bool ice_checklist_has_work(const struct ice_agent *agent) {
    if (!ice_checklist_is_running(agent))
        return false;
    for (size_t i = 0; i < agent->triggered.count; i++)
        if (can_send_triggered(agent, &agent->pairs[agent->triggered.pairs[(agent->triggered.head + i) % ICE_PAIR_SLOT_MAX]]))
            return true;
    if (!ice_checklist_can_check(agent))
        return false;
    for (size_t i = 0; i < agent->pair_count; i++) {
        const struct ice_pair *pair = &agent->pairs[i];
        if ((is_waiting(agent, pair) || can_retry(pair) || is_thawing(agent, pair)) && ice_reselect_is_of_interest(agent, pair))
            return true;
    }
    return false;
}

bool ice_checklist_is_unproven(const struct ice_agent *agent, const struct ice_pair *pair) {
    return agent->remotes[pair->remote].type == ICE_CANDIDATE_PEER_REFLEXIVE && !ice_pair_is_valid(pair) && pair->last_response_us == 0;
}

static struct ice_pair *next_triggered(struct ice_agent *agent, bool unproven) {
    struct ice_pair *found = NULL;
    for (size_t left = agent->triggered.count; left > 0; left--) { /* once around, so that the order stays */
        struct ice_pair *pair = dequeue(agent);
        bool is_gone = pair->state != ICE_PAIR_WAITING || !ice_pair_is_usable(agent, pair);
        if (found != NULL || !can_send_triggered(agent, pair) || (!is_gone && ice_checklist_is_unproven(agent, pair) != unproven))
            enqueue(agent, pair);
        else if (!is_gone)
            found = pair;
    }
    return found;
}

static struct ice_pair *next_ordinary(struct ice_agent *agent) {
    if (!ice_checklist_can_check(agent))
        return NULL;
    struct ice_pair *pair = highest(agent, is_waiting);
    if (pair == NULL)
        pair = highest(agent, is_thawing);
    return pair != NULL ? pair : highest(agent, is_retried);
}

/*
 * RFC 8445 section 6.1.4.2: triggered checks first, then the waiting pair of highest priority, after thawing if none waits. But who replays
 * a check from many addresses makes as many peer-reflexive candidates: theirs get every other turn at most (RFC 8445 section 19.2).
 */
struct ice_pair *ice_checklist_next(struct ice_agent *agent) {
    struct ice_pair *pair = next_triggered(agent, false);
    bool was_unproven = agent->last_check_unproven;
    agent->last_check_unproven = false;
    if (pair == NULL && was_unproven)
        pair = next_ordinary(agent);
    if (pair != NULL)
        return pair;
    if ((pair = next_triggered(agent, true)) != NULL) {
        agent->last_check_unproven = true;
        return pair;
    }
    return next_ordinary(agent);
}

uint32_t ice_checklist_rto_us(const struct ice_agent *agent, const struct ice_pair *pair) {
    uint64_t active = 0;
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation == pair->generation && (agent->pairs[i].state == ICE_PAIR_WAITING || agent->pairs[i].state == ICE_PAIR_IN_PROGRESS))
            active++;
    /* RFC 8445 section 14.3, SHOULD: MAX(500 ms, Ta N (waiting + in progress)); other ways are allowed, never below 500 ms.
     * We leave N out (docs/ice.md), and double for each round that a pair was silent, unless the peer has been heard on it. */
    uint64_t rto_us = ice_later(RTO_MIN_US, agent->config.ta_us * active);
    for (unsigned round = 0; pair->requests_received == 0 && round < pair->timeouts && rto_us < ICE_RTO_MAX_US; round++)
        rto_us *= 2;
    return (uint32_t)ice_earlier(rto_us, ICE_RTO_MAX_US);
}
