/*
 * The connections of TCP candidates, RFC 6544 sections 7 and 11: opened when a check is due, accepted from whoever comes, believed when
 * an authentic check has come by them, closed when nothing needs them.
 *
 * Anybody can connect to a listening socket. What is accepted has ICE_TCP_UNPROVEN_TIMEOUT_US and ICE_TCP_UNPROVEN_BYTES to bring a
 * check that our password has signed; at most ICE_TCP_UNPROVEN_MAX may be on probation at a time.
 *
 * A connection belongs to one pair. After a restart the same two ends can be a pair of the new generation too, which shares it
 * (RFC 6544 section 9.2); it is handed on when the old pair is forgotten.
 */
#include "ice/tcp_internal.h"

/* ---- the table ---------------------------------------------------------------------------------------------------------------------- */

static const struct ice_stream *find(const struct ice_agent *agent, uint64_t stream_id) {
    for (size_t i = 0; i < ICE_STREAM_MAX; i++)
        if (agent->streams[i].owner != ICE_STREAM_FREE && agent->streams[i].path.stream_id == stream_id)
            return &agent->streams[i];
    return NULL;
}

const struct ice_stream *ice_tcp_open_stream(const struct ice_agent *agent, uint64_t stream_id) {
    const struct ice_stream *stream = stream_id != 0 ? find(agent, stream_id) : NULL;
    bool is_ours = stream != NULL && (stream->owner == ICE_STREAM_OF_PAIR || stream->owner == ICE_STREAM_ACCEPTED_NEW);
    return is_ours && stream->state == ICE_STREAM_OPEN ? stream : NULL;
}

/* Are these two pairs, one of each generation, the same two ends of one connection? */
static bool are_twins(const struct ice_agent *agent, const struct ice_pair *a, const struct ice_pair *b) {
    const struct ice_remote *of_a = &agent->remotes[a->remote], *of_b = &agent->remotes[b->remote];
    if (agent->locals[a->local].tcp_type == ICE_TCP_ACTIVE)
        return false; /* an active candidate has another port each time */
    return a->generation != b->generation && a->local == b->local && of_a->tcp_type == of_b->tcp_type && stun_address_equal(&of_a->address, &of_b->address);
}

static bool uses(const struct ice_agent *agent, const struct ice_pair *pair, const struct ice_stream *stream) {
    if (stream->owner != ICE_STREAM_OF_PAIR || stream->state == ICE_STREAM_UNWANTED || !ice_tcp_is_pair(agent, pair))
        return false;
    return stream->index == ice_pair_index(agent, pair) || are_twins(agent, pair, &agent->pairs[stream->index]);
}

const struct ice_stream *ice_tcp_stream_of_pair(const struct ice_agent *agent, const struct ice_pair *pair) {
    for (size_t i = 0; i < ICE_STREAM_MAX; i++)
        if (uses(agent, pair, &agent->streams[i]))
            return &agent->streams[i];
    return NULL;
}

static const struct ice_tcp_connection *find_connection(const struct ice_agent *agent, uint64_t stream_id) {
    for (size_t i = 0; i < ICE_TCP_CONNECTION_MAX; i++)
        if (agent->tcp->connections[i].stream_id == stream_id)
            return &agent->tcp->connections[i];
    return NULL;
}

struct ice_tcp_connection *ice_tcp_connection_of(struct ice_agent *agent, uint64_t stream_id) {
    const struct ice_tcp_connection *found = find_connection(agent, stream_id);
    return found != NULL ? &agent->tcp->connections[found - agent->tcp->connections] : NULL;
}

static void start_connection(struct ice_tcp_connection *connection, uint64_t now_us, uint64_t stream_id, uint64_t deadline_us) {
    connection->stream_id = stream_id;
    connection->opened_us = now_us;
    connection->deadline_us = deadline_us;
    connection->unproven_bytes = 0;
    connection->framing.held = 0;
}

static void end_connection(struct ice_agent *agent, uint64_t stream_id) {
    struct ice_tcp_connection *connection = ice_tcp_connection_of(agent, stream_id);
    if (connection != NULL)
        connection->stream_id = 0;
}

void ice_tcp_close(struct ice_agent *agent, struct ice_stream *stream) {
    end_connection(agent, stream->path.stream_id);
    ice_stream_close(stream);
}

void ice_tcp_adopt(struct ice_agent *agent, struct ice_stream *stream, const struct ice_pair *pair) {
    /* Of two connections of one pair (both sides of a simultaneous open got through) the one that brought the check stays. */
    const struct ice_stream *other = ice_tcp_stream_of_pair(agent, pair);
    if (other != NULL && other->index == ice_pair_index(agent, pair))
        ice_tcp_close(agent, ice_stream_find(agent, other->path.stream_id));
    stream->owner = ICE_STREAM_OF_PAIR;
    stream->index = ice_pair_index(agent, pair);
    ice_tcp_connection_of(agent, stream->path.stream_id)->deadline_us = ICE_NEVER_US;
    if (stream->index == agent->selected)
        agent->consent.next_us = 0; /* RFC 6544 section 11.1, MUST: a check in answer, at once */
}

/* ---- paths -------------------------------------------------------------------------------------------------------------------------- */

void ice_tcp_path(const struct ice_agent *agent, const struct ice_pair *pair, struct ice_path *path) {
    const struct ice_stream *stream = ice_tcp_stream_of_pair(agent, pair);
    if (stream != NULL)
        *path = stream->path;
    else
        *path = (struct ice_path){.transport = ICE_TRANSPORT_TCP, .local = agent->locals[pair->local].base, .remote = agent->remotes[pair->remote].address};
}

bool ice_tcp_is_path_open(const struct ice_agent *agent, const struct ice_path *path) {
    return ice_tcp_open_stream(agent, path->stream_id) != NULL;
}

uint16_t ice_tcp_pair_of_path(const struct ice_agent *agent, const struct ice_path *path) {
    const struct ice_stream *stream = ice_tcp_open_stream(agent, path->stream_id);
    for (uint16_t i = 0; stream != NULL && i < agent->pair_count; i++) {
        const struct ice_pair *pair = &agent->pairs[i];
        if ((ice_pair_is_valid(pair) || pair->requests_received > 0) && uses(agent, pair, stream))
            return i;
    }
    return ICE_NONE;
}

bool ice_tcp_is_path_valid(const struct ice_agent *agent, const struct ice_path *path) {
    return ice_tcp_pair_of_path(agent, path) != ICE_NONE;
}

static bool is_proven(const struct ice_agent *agent, const struct ice_pair *pair, const struct ice_stream *stream) {
    const struct ice_tcp_connection *connection = find_connection(agent, stream->path.stream_id);
    return connection != NULL && pair->last_response_us >= connection->opened_us;
}

bool ice_tcp_is_cut(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (!ice_tcp_is_pair(agent, pair) || pair->state != ICE_PAIR_SUCCEEDED)
        return false;
    const struct ice_stream *stream = ice_tcp_stream_of_pair(agent, pair);
    return stream == NULL || stream->state != ICE_STREAM_OPEN || !is_proven(agent, pair, stream);
}

bool ice_tcp_is_reopened(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (!ice_tcp_is_pair(agent, pair) || pair->state != ICE_PAIR_SUCCEEDED || agent->locals[pair->local].gone)
        return false;
    const struct ice_stream *stream = ice_tcp_stream_of_pair(agent, pair);
    return stream != NULL && stream->state == ICE_STREAM_OPEN && !is_proven(agent, pair, stream);
}

/* ---- opening ------------------------------------------------------------------------------------------------------------------------- */

static struct ice_stream *open_stream(struct ice_agent *agent, const struct ice_pair *pair, uint64_t now_us) {
    const struct ice_local *local = &agent->locals[pair->local];
    struct ice_tcp_connection *connection = ice_tcp_connection_of(agent, 0); /* a free one */
    if (connection == NULL) {
        agent->statistics.capacity_refused++;
        return NULL;
    }
    struct ice_path path = {.transport = ICE_TRANSPORT_TCP, .local = local->base, .remote = agent->remotes[pair->remote].address};
    /* RFC 6544 section 7.1: an active one connects from any port of its interface, a simultaneous-open one from its own. */
    if (local->tcp_type == ICE_TCP_ACTIVE)
        path.local.port = 0;
    struct ice_stream *stream = ice_stream_open(agent, ICE_STREAM_OF_PAIR, ice_pair_index(agent, pair), &path, NULL);
    if (stream != NULL)
        start_connection(connection, now_us, stream->path.stream_id, ice_after(now_us, ICE_TCP_OPEN_TIMEOUT_US));
    return stream;
}

bool ice_tcp_prepare(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us) {
    if (!ice_tcp_is_pair(agent, pair))
        return true;
    const struct ice_stream *stream = ice_tcp_stream_of_pair(agent, pair);
    if (stream != NULL && stream->state == ICE_STREAM_OPEN)
        return true;
    /* RFC 6544 section 7.1: first the connection, unless it is on its way; then the check. A passive end can only wait for it. */
    bool is_passive = agent->locals[pair->local].tcp_type == ICE_TCP_PASSIVE;
    agent->last_transaction_us = now_us;
    if (stream == NULL && (is_passive || open_stream(agent, pair, now_us) == NULL)) {
        ice_pair_fail(agent, pair, now_us, false);
        ice_controlling_update(agent, now_us); /* it may have waited for this one */
        return false;
    }
    pair->state = ICE_PAIR_IN_PROGRESS;
    pair->check.transaction.first_sent_us = now_us; /* from when on nomination may wonder how long this takes */
    if (pair->checks++ == 0)
        pair->first_check_us = now_us;
    return false;
}

static bool is_check_due(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (!ice_tcp_is_pair(agent, pair) || pair->state != ICE_PAIR_IN_PROGRESS || !pair->check.transaction.done || !ice_pair_is_usable(agent, pair))
        return false;
    const struct ice_stream *stream = ice_tcp_stream_of_pair(agent, pair);
    return stream != NULL && stream->state == ICE_STREAM_OPEN;
}

struct ice_pair *ice_tcp_check_due(struct ice_agent *agent) {
    for (size_t i = 0; agent->tcp != NULL && i < agent->pair_count; i++)
        if (is_check_due(agent, &agent->pairs[i]))
            return &agent->pairs[i];
    return NULL;
}

int ice_tcp_handle_opened(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream, const struct ice_path *path) {
    struct ice_tcp_connection *connection = ice_tcp_connection_of(agent, stream->path.stream_id);
    if (stream->state != ICE_STREAM_OPENING || connection == NULL)
        return ICE_ERROR_STATE;
    stream->state = ICE_STREAM_OPEN;
    stream->path.local = path->local;
    connection->deadline_us = ICE_NEVER_US;
    connection->opened_us = now_us;
    if (agent->selected != ICE_NONE && uses(agent, &agent->pairs[agent->selected], stream))
        agent->consent.next_us = 0;
    return ICE_OK;
}

/* ---- accepting ------------------------------------------------------------------------------------------------------------------------- */

static bool listens_at(const struct ice_agent *agent, const struct stun_address *address) {
    struct ice_local wanted = {.address = *address, .base = *address, .transport = ICE_TRANSPORT_TCP, .tcp_type = ICE_TCP_PASSIVE};
    uint16_t local = ice_local_find_like(agent, &wanted);
    return local != ICE_NONE && !agent->locals[local].gone;
}

static bool is_signaled_ip(const struct ice_agent *agent, const struct stun_address *address) {
    for (size_t i = 0; i < agent->remote_count; i++)
        if (agent->remotes[i].generation != ICE_NONE && stun_address_equal_ip(&agent->remotes[i].address, address))
            return true;
    return false;
}

/* How many are on probation, and the oldest that comes from an IP nobody has told us of. */
static size_t count_unproven(struct ice_agent *agent, struct ice_stream **stranger) {
    size_t count = 0;
    uint64_t oldest_us = ICE_NEVER_US;
    *stranger = NULL;
    for (size_t i = 0; i < ICE_STREAM_MAX; i++) {
        struct ice_stream *stream = &agent->streams[i];
        if (stream->owner != ICE_STREAM_ACCEPTED_NEW || stream->state != ICE_STREAM_OPEN)
            continue;
        count++;
        const struct ice_tcp_connection *connection = ice_tcp_connection_of(agent, stream->path.stream_id);
        if (connection->deadline_us < oldest_us && !is_signaled_ip(agent, &stream->path.remote)) {
            oldest_us = connection->deadline_us;
            *stranger = stream;
        }
    }
    return count;
}

int ice_tcp_handle_accepted(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path) {
    if (agent->tcp == NULL || path->transport != ICE_TRANSPORT_TCP || !ice_address_is_usable(&path->remote) || find(agent, path->stream_id) != NULL)
        return ICE_ERROR_ARGUMENT;
    /* RFC 6544 section 7.2, MUST: connections to a passive or simultaneous-open candidate are accepted. */
    if (!listens_at(agent, &path->local) || agent->state == ICE_STATE_FAILED || agent->state == ICE_STATE_CLOSED)
        return ICE_ERROR_STATE;
    struct ice_stream *stranger;
    size_t unproven = count_unproven(agent, &stranger);
    if (unproven >= ICE_TCP_UNPROVEN_MAX && stranger != NULL && is_signaled_ip(agent, &path->remote)) {
        agent->statistics.streams_unproven++; /* who comes from where the peer said it is goes before strangers */
        ice_tcp_close(agent, stranger);
        unproven--;
    }
    struct ice_tcp_connection *connection = ice_tcp_connection_of(agent, 0); /* a free one */
    if (unproven >= ICE_TCP_UNPROVEN_MAX || connection == NULL) {
        agent->statistics.capacity_refused++;
        return ICE_ERROR_CAPACITY;
    }
    if (ice_stream_accept(agent, path) == NULL)
        return ICE_ERROR_CAPACITY;
    start_connection(connection, now_us, path->stream_id, ice_after(now_us, ICE_TCP_UNPROVEN_TIMEOUT_US));
    return ICE_OK;
}

/* ---- the end of a connection ------------------------------------------------------------------------------------------------------------ */

void ice_tcp_fail_pair(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us, enum ice_restart_reason reason, bool timed_out) {
    uint16_t index = ice_pair_index(agent, pair);
    if (index == agent->selected) { /* RFC 6544 section 11.1: without it nothing can be sent; a restart brings another */
        ice_agent_need_restart(agent, reason);
        return;
    }
    if (index == agent->nominating)
        agent->nominating = ICE_NONE;
    bool has_worked = pair->state == ICE_PAIR_SUCCEEDED;
    if (pair->state != ICE_PAIR_FAILED)
        ice_pair_fail(agent, pair, now_us, timed_out);
    if (has_worked && agent->locals[pair->local].tcp_type != ICE_TCP_PASSIVE) {
        pair->state = ICE_PAIR_WAITING; /* and may again: it is asked when the selected pair dies, not before (reselect.c) */
        pair->timeouts = UINT8_MAX;
    }
}

void ice_tcp_fail_stream(struct ice_agent *agent, struct ice_stream *stream, uint64_t now_us, int error, bool timed_out) {
    bool failed[ICE_PAIR_SLOT_MAX];
    for (size_t i = 0; i < agent->pair_count; i++)
        failed[i] = uses(agent, &agent->pairs[i], stream);
    ice_tcp_close(agent, stream);
    for (size_t i = 0; i < agent->pair_count; i++) {
        if (!failed[i])
            continue;
        agent->pairs[i].last_send_error = error;
        ice_tcp_fail_pair(agent, &agent->pairs[i], now_us, ICE_RESTART_STREAM_LOST, timed_out);
    }
}

int ice_tcp_handle_closed(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream, int error) {
    uint64_t stream_id = stream->path.stream_id;
    /* RFC 6544 section 7.1: no connection, no pair. It is not tried again: who refuses now has never listened. */
    ice_tcp_fail_stream(agent, stream, now_us, error, false);
    if ((stream = ice_stream_find(agent, stream_id)) != NULL)
        ice_stream_forget(stream); /* there is nothing to be closed */
    return ICE_OK;
}

void ice_tcp_forget_pair(struct ice_agent *agent, const struct ice_pair *pair) {
    uint16_t index = ice_pair_index(agent, pair);
    for (size_t i = 0; agent->tcp != NULL && i < ICE_STREAM_MAX; i++) {
        struct ice_stream *stream = &agent->streams[i];
        if (stream->owner != ICE_STREAM_OF_PAIR || stream->index != index || stream->state == ICE_STREAM_UNWANTED)
            continue;
        size_t heir = 0;
        while (heir < agent->pair_count && (heir == index || !uses(agent, &agent->pairs[heir], stream)))
            heir++;
        if (heir < agent->pair_count)
            stream->index = (uint16_t)heir;
        else
            ice_tcp_close(agent, stream);
    }
}

void ice_tcp_handle_timeout(struct ice_agent *agent, uint64_t now_us) {
    for (size_t i = 0; agent->tcp != NULL && i < ICE_TCP_CONNECTION_MAX; i++) {
        const struct ice_tcp_connection *connection = &agent->tcp->connections[i];
        if (connection->stream_id == 0 || now_us < connection->deadline_us)
            continue;
        struct ice_stream *stream = ice_stream_find(agent, connection->stream_id);
        agent->statistics.streams_unproven += stream->owner == ICE_STREAM_ACCEPTED_NEW;
        ice_tcp_fail_stream(agent, stream, now_us, 0, true);
    }
}

/*
 * Until when a pair may have its connection, which another is preferred to: RFC 8445 section 8.3 gives it three seconds more. Before the
 * choice, for ever; and what may still take the place of the choice, too (reselect.c). The generation before a restart ends as a whole.
 */
static uint64_t linger_us(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (agent->selected == ICE_NONE || ice_pair_index(agent, pair) == agent->selected || ice_reselect_is_of_interest(agent, pair))
        return ICE_NEVER_US;
    const struct ice_pair *selected = &agent->pairs[agent->selected];
    bool is_inferior = pair->generation == selected->generation && pair->priority <= selected->priority;
    return is_inferior ? ice_after(agent->selected_us, ICE_TCP_LINGER_US) : ICE_NEVER_US;
}

/* Until when it is of use to any pair; 0: it is not. */
static uint64_t needed_until_us(const struct ice_agent *agent, const struct ice_stream *stream) {
    if (agent->state == ICE_STATE_FAILED || agent->state == ICE_STATE_CLOSED)
        return 0;
    if (stream->owner != ICE_STREAM_OF_PAIR)
        return ICE_NEVER_US;
    uint64_t until_us = 0;
    for (size_t i = 0; i < agent->pair_count; i++) {
        const struct ice_pair *pair = &agent->pairs[i];
        if (uses(agent, pair, stream) && pair->state != ICE_PAIR_FAILED)
            until_us = ice_later(until_us, linger_us(agent, pair));
    }
    return until_us;
}

/* When the selected pair may be connected again; ICE_NEVER_US: it need not, or is for the peer to connect. */
static uint64_t reopen_us(const struct ice_agent *agent) {
    if (agent->tcp == NULL || agent->selected == ICE_NONE)
        return ICE_NEVER_US;
    const struct ice_pair *pair = &agent->pairs[agent->selected];
    const struct ice_local *local = &agent->locals[pair->local];
    bool is_ours = !local->gone && local->tcp_type != ICE_TCP_PASSIVE && ice_tcp_is_cut(agent, pair) && ice_tcp_stream_of_pair(agent, pair) == NULL;
    return is_ours ? agent->tcp->reopen_us : ICE_NEVER_US;
}

void ice_tcp_update(struct ice_agent *agent, uint64_t now_us) {
    if (agent->tcp == NULL)
        return;
    if (now_us >= reopen_us(agent)) {
        /* RFC 6544 section 11.1, MUST: who connected actively connects again; as long as consent lasts. */
        agent->tcp->reopen_us = ice_after(now_us, ICE_TCP_REOPEN_US);
        open_stream(agent, &agent->pairs[agent->selected], now_us);
    }
    bool is_back = agent->selected != ICE_NONE && !ice_tcp_is_cut(agent, &agent->pairs[agent->selected]);
    if (agent->restart_reason == ICE_RESTART_STREAM_LOST && is_back)
        agent->restart_reason = ICE_RESTART_NONE;
    for (size_t i = 0; i < ICE_TCP_CONNECTION_MAX; i++) {
        uint64_t stream_id = agent->tcp->connections[i].stream_id;
        struct ice_stream *stream = stream_id != 0 ? ice_stream_find(agent, stream_id) : NULL;
        if (stream != NULL && now_us >= needed_until_us(agent, stream))
            ice_tcp_fail_stream(agent, stream, now_us, 0, false);
    }
}

uint64_t ice_tcp_next_timeout(const struct ice_agent *agent) {
    uint64_t next_us = reopen_us(agent);
    for (size_t i = 0; agent->tcp != NULL && i < ICE_TCP_CONNECTION_MAX; i++) {
        const struct ice_tcp_connection *connection = &agent->tcp->connections[i];
        if (connection->stream_id == 0)
            continue;
        next_us = ice_earlier(next_us, connection->deadline_us);
        next_us = ice_earlier(next_us, needed_until_us(agent, find(agent, connection->stream_id)));
    }
    for (size_t i = 0; agent->tcp != NULL && ice_checklist_is_running(agent) && i < agent->pair_count; i++)
        if (is_check_due(agent, &agent->pairs[i]))
            next_us = ice_earlier(next_us, ice_agent_earliest_transaction(agent));
    return next_us;
}
