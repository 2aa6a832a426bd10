/*
 * The connections of TCP candidates, RFC 6544 sections 7 and 11: opened when a check is due, accepted from whoever comes, believed when
 * an authentic check has come by them, closed when nothing needs them.
 *
 * Anybody can connect to a listening socket. What is accepted has ICE_TCP_UNPROVEN_TIMEOUT_US and ICE_TCP_UNPROVEN_BYTES to bring a
 * check that our password has signed; at most ICE_TCP_UNPROVEN_MAX may be on probation at a time.
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

const struct ice_stream *ice_tcp_stream_of_pair(const struct ice_agent *agent, const struct ice_pair *pair) {
    uint16_t index = ice_pair_index(agent, pair);
    for (size_t i = 0; i < ICE_STREAM_MAX; i++) {
        const struct ice_stream *stream = &agent->streams[i];
        if (stream->owner == ICE_STREAM_OF_PAIR && stream->index == index && stream->state != ICE_STREAM_UNWANTED)
            return stream;
    }
    return NULL;
}

struct ice_tcp_connection *ice_tcp_connection_of(struct ice_agent *agent, uint64_t stream_id) {
    for (size_t i = 0; i < ICE_TCP_CONNECTION_MAX; i++)
        if (agent->tcp->connections[i].stream_id == stream_id)
            return &agent->tcp->connections[i];
    return NULL;
}

static struct ice_tcp_connection *free_connection(struct ice_agent *agent) {
    return ice_tcp_connection_of(agent, 0);
}

static void start_connection(struct ice_tcp_connection *connection, uint64_t stream_id, uint64_t deadline_us) {
    connection->stream_id = stream_id;
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
    if (other != NULL)
        ice_tcp_close(agent, ice_stream_find(agent, other->path.stream_id));
    stream->owner = ICE_STREAM_OF_PAIR;
    stream->index = ice_pair_index(agent, pair);
    ice_tcp_connection_of(agent, stream->path.stream_id)->deadline_us = ICE_NEVER_US;
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

struct ice_pair *ice_tcp_pair_of_path(struct ice_agent *agent, const struct ice_path *path) {
    const struct ice_stream *stream = ice_tcp_open_stream(agent, path->stream_id);
    return stream != NULL && stream->owner == ICE_STREAM_OF_PAIR ? &agent->pairs[stream->index] : NULL;
}

bool ice_tcp_is_path_valid(const struct ice_agent *agent, const struct ice_path *path) {
    const struct ice_stream *stream = ice_tcp_open_stream(agent, path->stream_id);
    if (stream == NULL || stream->owner != ICE_STREAM_OF_PAIR)
        return false;
    const struct ice_pair *pair = &agent->pairs[stream->index];
    return ice_pair_is_valid(pair) || pair->requests_received > 0;
}

bool ice_tcp_is_cut(const struct ice_agent *agent, const struct ice_pair *pair) {
    if (!ice_tcp_is_pair(agent, pair) || pair->state != ICE_PAIR_SUCCEEDED)
        return false;
    const struct ice_stream *stream = ice_tcp_stream_of_pair(agent, pair);
    return stream == NULL || stream->state != ICE_STREAM_OPEN;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------------------- */

static struct ice_stream *open_stream(struct ice_agent *agent, const struct ice_pair *pair, uint64_t now_us) {
    const struct ice_local *local = &agent->locals[pair->local];
    struct ice_tcp_connection *connection = free_connection(agent);
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
        start_connection(connection, stream->path.stream_id, ice_after(now_us, ICE_TCP_OPEN_TIMEOUT_US));
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
    if (stream == NULL && (is_passive || open_stream(agent, pair, now_us) == NULL)) {
        ice_pair_fail(agent, pair, now_us, false);
        return false;
    }
    pair->state = ICE_PAIR_IN_PROGRESS;
    pair->checks++;
    pair->check.transaction.first_sent_us = now_us; /* from when on nomination may wonder how long this takes */
    agent->last_transaction_us = now_us;
    return false;
}

struct ice_pair *ice_tcp_check_due(struct ice_agent *agent) {
    for (size_t i = 0; agent->tcp != NULL && i < ICE_STREAM_MAX; i++) {
        const struct ice_stream *stream = &agent->streams[i];
        if (stream->owner != ICE_STREAM_OF_PAIR || stream->state != ICE_STREAM_OPEN)
            continue;
        struct ice_pair *pair = &agent->pairs[stream->index];
        if (pair->state == ICE_PAIR_IN_PROGRESS && pair->check.transaction.done && ice_pair_is_usable(agent, pair))
            return pair;
    }
    return NULL;
}

void ice_tcp_handle_opened(struct ice_agent *agent, struct ice_stream *stream, const struct ice_path *path) {
    struct ice_tcp_connection *connection = ice_tcp_connection_of(agent, stream->path.stream_id);
    if (stream->state != ICE_STREAM_OPENING || connection == NULL)
        return;
    stream->state = ICE_STREAM_OPEN;
    stream->path.local = path->local;
    connection->deadline_us = ICE_NEVER_US;
}

/* ---- accepting ------------------------------------------------------------------------------------------------------------------------- */

static bool listens_at(const struct ice_agent *agent, const struct stun_address *address) {
    struct ice_local wanted = {.address = *address, .base = *address, .transport = ICE_TRANSPORT_TCP, .tcp_type = ICE_TCP_PASSIVE};
    uint16_t local = ice_local_find_like(agent, &wanted);
    return local != ICE_NONE && !agent->locals[local].gone;
}

static bool is_signaled_ip(const struct ice_agent *agent, const struct stun_address *address) {
    for (size_t i = 0; i < agent->remote_count; i++)
        if (stun_address_equal_ip(&agent->remotes[i].address, address))
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
    struct ice_tcp_connection *connection = free_connection(agent);
    if (unproven >= ICE_TCP_UNPROVEN_MAX || connection == NULL) {
        agent->statistics.capacity_refused++;
        return ICE_ERROR_CAPACITY;
    }
    if (ice_stream_accept(agent, path) == NULL)
        return ICE_ERROR_CAPACITY;
    start_connection(connection, path->stream_id, ice_after(now_us, ICE_TCP_UNPROVEN_TIMEOUT_US));
    return ICE_OK;
}

/* ---- the end of a connection ------------------------------------------------------------------------------------------------------------ */

void ice_tcp_fail_pair(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us, bool timed_out) {
    uint16_t index = ice_pair_index(agent, pair);
    if (index == agent->selected) { /* RFC 6544 section 11.1: without it nothing can be sent; a restart brings another */
        agent->restart_needed = true;
        return;
    }
    if (index == agent->nominating)
        agent->nominating = ICE_NONE;
    if (pair->state != ICE_PAIR_FAILED)
        ice_pair_fail(agent, pair, now_us, timed_out);
}

void ice_tcp_handle_closed(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream, int error) {
    end_connection(agent, stream->path.stream_id);
    struct ice_pair *pair = stream->owner == ICE_STREAM_OF_PAIR && stream->state != ICE_STREAM_UNWANTED ? &agent->pairs[stream->index] : NULL;
    ice_stream_forget(stream);
    if (pair == NULL)
        return;
    pair->last_send_error = error;
    /* RFC 6544 section 7.1: no connection, no pair. It is not tried again: who refuses now has never listened. */
    ice_tcp_fail_pair(agent, pair, now_us, false);
}

void ice_tcp_handle_timeout(struct ice_agent *agent, uint64_t now_us) {
    for (size_t i = 0; agent->tcp != NULL && i < ICE_TCP_CONNECTION_MAX; i++) {
        const struct ice_tcp_connection *connection = &agent->tcp->connections[i];
        if (connection->stream_id == 0 || now_us < connection->deadline_us)
            continue;
        struct ice_stream *stream = ice_stream_find(agent, connection->stream_id);
        struct ice_pair *pair = stream->owner == ICE_STREAM_OF_PAIR ? &agent->pairs[stream->index] : NULL;
        agent->statistics.streams_unproven += pair == NULL;
        ice_tcp_close(agent, stream);
        if (pair != NULL)
            ice_tcp_fail_pair(agent, pair, now_us, true);
    }
}

/* A pair that was not selected keeps its connection for a while, and as long as it could still become better than the selected one. */
static bool may_linger(const struct ice_agent *agent, const struct ice_pair *pair, uint64_t now_us) {
    return agent->selected == ICE_NONE || pair->priority > agent->pairs[agent->selected].priority ||
           now_us < ice_after(agent->tcp->selected_us, ICE_TCP_LINGER_US);
}

static bool is_needed(const struct ice_agent *agent, const struct ice_stream *stream, uint64_t now_us) {
    if (agent->state == ICE_STATE_FAILED || agent->state == ICE_STATE_CLOSED)
        return false;
    if (stream->owner != ICE_STREAM_OF_PAIR || stream->index == agent->selected)
        return true;
    const struct ice_pair *pair = &agent->pairs[stream->index];
    return pair->state != ICE_PAIR_FAILED && may_linger(agent, pair, now_us);
}

void ice_tcp_update(struct ice_agent *agent, uint64_t now_us) {
    if (agent->tcp == NULL)
        return;
    if (agent->tcp->selected != agent->selected) {
        agent->tcp->selected = agent->selected;
        agent->tcp->selected_us = now_us;
    }
    for (size_t i = 0; i < ICE_TCP_CONNECTION_MAX; i++) {
        uint64_t stream_id = agent->tcp->connections[i].stream_id;
        struct ice_stream *stream = stream_id != 0 ? ice_stream_find(agent, stream_id) : NULL;
        if (stream != NULL && !is_needed(agent, stream, now_us))
            ice_tcp_close(agent, stream);
    }
}

uint64_t ice_tcp_next_timeout(const struct ice_agent *agent) {
    uint64_t next_us = ICE_NEVER_US;
    for (size_t i = 0; agent->tcp != NULL && i < ICE_TCP_CONNECTION_MAX; i++) {
        const struct ice_tcp_connection *connection = &agent->tcp->connections[i];
        if (connection->stream_id == 0)
            continue;
        next_us = ice_earlier(next_us, connection->deadline_us);
        const struct ice_stream *stream = find(agent, connection->stream_id);
        if (stream->owner != ICE_STREAM_OF_PAIR || stream->index == agent->selected)
            continue;
        const struct ice_pair *pair = &agent->pairs[stream->index];
        if (agent->selected != ICE_NONE && pair->priority <= agent->pairs[agent->selected].priority)
            next_us = ice_earlier(next_us, ice_after(agent->tcp->selected_us, ICE_TCP_LINGER_US));
        bool is_due = stream->state == ICE_STREAM_OPEN && pair->state == ICE_PAIR_IN_PROGRESS && pair->check.transaction.done;
        if (is_due && ice_pair_is_usable(agent, pair) && ice_checklist_can_check(agent))
            next_us = ice_earlier(next_us, ice_agent_earliest_transaction(agent));
    }
    return next_us;
}
