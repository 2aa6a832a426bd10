#include "tcp_agents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTION_REFUSED 111
#define ADDRESS_IN_USE 98

void tcp_agents_open(struct tcp_agents *net, uint64_t seed, enum ice_role first, enum ice_role second, const struct ice_allocator *allocator) {
    memset(net, 0, sizeof *net);
    net->random = seed;
    net->now_us = 1000 * SECOND;
    net->delay_us = 10 * MS;
    net->nat_port = 40000;
    for (int i = 0; i < 2; i++) {
        struct ice_agent_config config = {.role = i == 0 ? first : second, .random = seeded_random, .random_context = &net->random, .allocator = allocator};
        net->side[i].agent = ice_agent_new(&config, net->now_us);
        assert_non_null(net->side[i].agent);
    }
}

void tcp_agents_close(struct tcp_agents *net) {
    for (int i = 0; i < 2; i++)
        ice_agent_free(net->side[i].agent);
}

/* ---- the network ------------------------------------------------------------------------------------------------------------------ */

static struct segment *add_segment(struct tcp_agents *net, enum segment_kind kind, size_t connection, int to, uint64_t delay_us) {
    assert_true(net->segment_count < TCP_SEGMENT_MAX);
    struct segment *segment = &net->segments[net->segment_count++];
    segment->kind = kind;
    segment->at_us = net->now_us + delay_us;
    segment->order = net->order++;
    segment->connection = connection;
    segment->to = to;
    segment->error = 0;
    segment->length = 0;
    return segment;
}

static bool listens(const struct tcp_side *side, const struct stun_address *address) {
    for (size_t i = 0; i < side->interface_count; i++)
        if (side->interfaces[i].transport == ICE_TRANSPORT_TCP && side->interfaces[i].base.port != 9 && stun_address_equal(&side->interfaces[i].base, address))
            return true;
    return false;
}

static struct connection *find_end(struct tcp_agents *net, int side, uint64_t stream_id) {
    for (size_t i = 0; i < net->connection_count; i++)
        if (net->connections[i].end[side].state != END_NONE && net->connections[i].end[side].path.stream_id == stream_id)
            return &net->connections[i];
    return NULL;
}

static bool is_in_use(const struct tcp_agents *net, int side, const struct ice_path *path) {
    for (size_t i = 0; i < net->connection_count; i++) {
        const struct end *end = &net->connections[i].end[side];
        if (end->state == END_OPEN && stun_address_equal(&end->path.local, &path->local) && stun_address_equal(&end->path.remote, &path->remote))
            return true;
    }
    return false;
}

static struct stun_address seen_from_outside(struct tcp_agents *net, int side, const struct stun_address *local) {
    if (net->nat[side].family == STUN_ADDRESS_NONE)
        return *local;
    struct stun_address address = net->nat[side];
    address.port = net->nat_port++;
    return address;
}

static void open_connection(struct tcp_agents *net, int from, const struct ice_path *path) {
    assert_true(net->connection_count < TCP_CONNECTION_COUNT_MAX);
    size_t index = net->connection_count++;
    struct end *end = &net->connections[index].end[from];
    *end = (struct end){END_CONNECTING, *path};
    net->side[from].last_open = *path;
    if (end->path.local.port == 0) {
        end->path.local.port = (uint16_t)(50000 + net->order++ % 10000);
    } else if (is_in_use(net, from, path)) {
        end->state = END_CLOSED;
        struct segment *failed = add_segment(net, SEGMENT_CLOSED, index, from, 0);
        failed->error = ADDRESS_IN_USE;
        return;
    }
    if (!net->black_hole)
        add_segment(net, SEGMENT_CONNECT, index, 1 - from, net->delay_us);
}

/* A SYN arrives: at a socket that connects the other way round, at a listening one, or at nobody's. */
static void take_connect(struct tcp_agents *net, size_t index, int to) {
    struct connection *connection = &net->connections[index];
    struct end *caller = &connection->end[1 - to], *callee = &connection->end[to];
    if (caller->state != END_CONNECTING)
        return;
    struct ice_path path = {.transport = ICE_TRANSPORT_TCP, .local = caller->path.remote, .remote = seen_from_outside(net, 1 - to, &caller->path.local)};
    for (size_t i = 0; i < net->connection_count; i++) {
        struct connection *other = &net->connections[i];
        if (other != connection && other->end[to].state == END_CONNECTING && stun_address_equal(&other->end[to].path.local, &path.local) &&
            stun_address_equal(&other->end[to].path.remote, &path.remote)) {
            *callee = other->end[to]; /* one connection, opened from both sides */
            *other = (struct connection){0};
            add_segment(net, SEGMENT_OPENED, index, to, 0);
            callee->state = END_OPEN;
            add_segment(net, SEGMENT_OPENED, index, 1 - to, net->delay_us);
            return;
        }
    }
    if (!listens(&net->side[to], &path.local)) {
        struct segment *refused = add_segment(net, SEGMENT_CLOSED, index, 1 - to, net->delay_us);
        refused->error = CONNECTION_REFUSED;
        return;
    }
    path.stream_id = ICE_STREAM_ACCEPTED | ++net->next_accepted;
    *callee = (struct end){END_OPEN, path};
    net->side[to].accepts++;
    add_segment(net, SEGMENT_OPENED, index, 1 - to, net->delay_us);
    if (ice_agent_handle_stream_opened(net->side[to].agent, net->now_us, &path) != ICE_OK) {
        net->side[to].refusals++;
        callee->state = END_CLOSED;
        add_segment(net, SEGMENT_CLOSED, index, 1 - to, net->delay_us);
    }
    tcp_agents_drain(net, to);
}

static void take_closed(struct tcp_agents *net, const struct segment *segment) {
    struct end *end = &net->connections[segment->connection].end[segment->to];
    bool is_known = end->state == END_OPEN || end->state == END_CONNECTING || segment->error == ADDRESS_IN_USE;
    end->state = END_CLOSED;
    if (is_known)
        ice_agent_handle_stream_closed(net->side[segment->to].agent, net->now_us, &end->path, segment->error);
    tcp_agents_drain(net, segment->to);
}

static size_t next_chunk(struct tcp_agents *net, size_t left) {
    size_t chunk = net->chunk_bytes == SIZE_MAX ? 1 + next_random(&net->random) % 700 : net->chunk_bytes;
    return chunk == 0 || chunk > left ? left : chunk;
}

/* Each chunk is in memory of its own, which is gone once the agent has been drained. */
static void take_bytes(struct tcp_agents *net, int to, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        size_t chunk = next_chunk(net, length);
        uint8_t *copy = malloc(chunk);
        memcpy(copy, bytes, chunk);
        ice_agent_handle_stream_bytes(net->side[to].agent, net->now_us, path, copy, chunk);
        tcp_agents_drain(net, to);
        free(copy);
        bytes += chunk;
        length -= chunk;
    }
}

static void take_segment(struct tcp_agents *net, const struct segment *segment) {
    struct end *end = &net->connections[segment->connection].end[segment->to];
    switch (segment->kind) {
    case SEGMENT_CONNECT: take_connect(net, segment->connection, segment->to); break;
    case SEGMENT_OPENED:
        if (end->state != END_CONNECTING && end->state != END_OPEN)
            break;
        end->state = END_OPEN;
        ice_agent_handle_stream_opened(net->side[segment->to].agent, net->now_us, &end->path);
        tcp_agents_drain(net, segment->to);
        break;
    case SEGMENT_CLOSED: take_closed(net, segment); break;
    case SEGMENT_BYTES:
        if (end->state == END_OPEN)
            take_bytes(net, segment->to, &end->path, segment->bytes, segment->length);
        break;
    case SEGMENT_RESOLVED:
        ice_agent_handle_resolved(net->side[segment->to].agent, net->now_us, segment->query, &segment->address, segment->address.family != STUN_ADDRESS_NONE);
        tcp_agents_drain(net, segment->to);
        break;
    case SEGMENT_DATAGRAM:
        ice_agent_handle_datagram(net->side[segment->to].agent, net->now_us, &segment->path, segment->bytes, segment->length);
        tcp_agents_drain(net, segment->to);
        break;
    }
}

static void transmit(struct tcp_agents *net, int from, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    struct segment *segment;
    if (path->transport == ICE_TRANSPORT_UDP) {
        if (!net->udp)
            return;
        segment = add_segment(net, SEGMENT_DATAGRAM, 0, 1 - from, net->delay_us);
        segment->path = (struct ice_path){.transport = ICE_TRANSPORT_UDP, .local = path->remote, .remote = path->local};
    } else {
        struct connection *connection = find_end(net, from, path->stream_id);
        assert_non_null(connection); /* nothing goes to a connection that nobody has heard of */
        if (connection->end[from].state != END_OPEN)
            return;
        segment = add_segment(net, SEGMENT_BYTES, (size_t)(connection - net->connections), 1 - from, net->delay_us);
    }
    assert_true(length <= sizeof segment->bytes);
    memcpy(segment->bytes, bytes, length);
    segment->length = length;
}

/* RFC 6762: whose interface is called so? Answers go to the one who asked. */
static void resolve(struct tcp_agents *net, int index, uint64_t query, const char *name) {
    net->side[index].resolves++;
    struct segment *answer = add_segment(net, SEGMENT_RESOLVED, 0, index, 2 * net->delay_us);
    answer->query = query;
    answer->address = (struct stun_address){.family = STUN_ADDRESS_NONE};
    for (size_t i = 0; i < net->side[1 - index].interface_count; i++) {
        const struct ice_interface *interface = &net->side[1 - index].interfaces[i];
        if (interface->mdns_name != NULL && strcmp(interface->mdns_name, name) == 0)
            answer->address = interface->base;
    }
}

/* ---- the agents -------------------------------------------------------------------------------------------------------------------- */

static void take_event(struct tcp_agents *net, int index, const struct ice_event *event) {
    struct tcp_side *side = &net->side[index];
    struct connection *connection;
    switch (event->type) {
    case ICE_EVENT_CANDIDATE: side->candidates[side->candidate_count++] = *event->as.candidate; break;
    case ICE_EVENT_STATE:
        side->state = event->as.state.state;
        side->failure = event->as.state.failure;
        if ((side->state == ICE_STATE_CONNECTED || side->state == ICE_STATE_COMPLETED) && side->connected_us == 0)
            side->connected_us = net->now_us;
        break;
    case ICE_EVENT_SELECTED_PAIR:
        side->selected = true;
        side->local = *event->as.selected_pair.local;
        side->remote = *event->as.selected_pair.remote;
        break;
    case ICE_EVENT_RESTART_NEEDED: side->restarts++; break;
    case ICE_EVENT_RESOLVE: resolve(net, index, event->as.resolve.query, event->as.resolve.name); break;
    case ICE_EVENT_OPEN_STREAM:
        assert_null(event->as.stream.server_name);
        assert_int_equal(event->as.stream.path.transport, ICE_TRANSPORT_TCP);
        side->opens++;
        open_connection(net, index, &event->as.stream.path);
        break;
    case ICE_EVENT_CLOSE_STREAM:
        side->closes++;
        connection = find_end(net, index, event->as.stream.path.stream_id);
        if (connection != NULL && connection->end[index].state != END_CLOSED) {
            connection->end[index].state = END_CLOSED;
            add_segment(net, SEGMENT_CLOSED, (size_t)(connection - net->connections), 1 - index, net->delay_us);
        }
        break;
    default: break;
    }
}

void tcp_agents_drain(struct tcp_agents *net, int index) {
    struct tcp_side *side = &net->side[index];
    uint8_t buffer[ICE_DATAGRAM_MAX_BYTES];
    struct ice_transmit out;
    struct ice_received received;
    struct ice_event event;
    while (ice_agent_poll_transmit(side->agent, net->now_us, buffer, sizeof buffer, &out))
        transmit(net, index, &out.path, buffer + out.offset, out.length);
    while (ice_agent_poll_received(side->agent, &received)) {
        assert_true(ice_agent_is_path_valid(side->agent, &received.path));
        side->received_count++;
        side->received_bytes += received.length;
        side->received_path = received.path;
        for (size_t i = 0; i < received.length; i++)
            side->received_sum += received.bytes[i];
    }
    while (ice_agent_poll_event(side->agent, &event))
        take_event(net, index, &event);
}

void tcp_agents_interface(struct tcp_agents *net, int index, enum ice_transport transport, uint16_t port) {
    struct tcp_side *side = &net->side[index];
    struct ice_interface *added = &side->interfaces[side->interface_count++];
    *added = (struct ice_interface){.base = ip(index == 0 ? "192.0.2.1" : "198.51.100.1", port), .transport = transport};
    added->preference = (uint16_t)(65536 - side->interface_count);
    added->mdns_name = side->mdns_name;
    assert_int_equal(ice_agent_handle_interfaces(side->agent, net->now_us, side->interfaces, side->interface_count), ICE_OK);
    tcp_agents_drain(net, index);
}

void tcp_agents_gather(struct tcp_agents *net) {
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ice_agent_gather(net->side[i].agent, net->now_us), ICE_OK);
        tcp_agents_drain(net, i);
    }
}

void tcp_agents_credentials(struct tcp_agents *net) {
    for (int i = 0; i < 2; i++) {
        const struct ice_agent *other = net->side[1 - i].agent;
        const char *ufrag = ice_agent_local_ufrag(other), *password = ice_agent_local_password(other);
        assert_int_equal(ice_agent_set_remote_credentials(net->side[i].agent, net->now_us, ufrag, strlen(ufrag), password, strlen(password)), ICE_OK);
        tcp_agents_drain(net, i);
    }
}

void tcp_agents_give(struct tcp_agents *net, int from, enum ice_tcp_type tcp_type) {
    for (size_t i = 0; i < net->side[from].candidate_count; i++) {
        if (net->side[from].candidates[i].tcp_type != tcp_type)
            continue;
        char text[ICE_CANDIDATE_TEXT_BYTES];
        struct ice_candidate parsed;
        size_t length = ice_candidate_write(&net->side[from].candidates[i], text, sizeof text);
        assert_int_equal(ice_candidate_parse(text, length, &parsed, NULL), ICE_OK);
        assert_int_equal(ice_agent_add_remote_candidate(net->side[1 - from].agent, net->now_us, &parsed), ICE_OK);
        tcp_agents_drain(net, 1 - from);
    }
}

void tcp_agents_give_all(struct tcp_agents *net) {
    for (int from = 0; from < 2; from++) {
        for (int type = ICE_TCP_NONE; type <= ICE_TCP_SIMULTANEOUS_OPEN; type++)
            tcp_agents_give(net, from, (enum ice_tcp_type)type);
        ice_agent_end_of_remote_candidates(net->side[1 - from].agent, net->now_us);
        tcp_agents_drain(net, 1 - from);
    }
}

bool tcp_agents_send(struct tcp_agents *net, int from, size_t length, uint8_t value) {
    static uint8_t buffer[ICE_HEADROOM_BYTES + TCP_PAYLOAD_MAX + ICE_TAILROOM_BYTES];
    struct ice_transmit out;
    memset(buffer, 0xEE, sizeof buffer);
    memset(buffer + ICE_HEADROOM_BYTES, value, length);
    bool can_send = ice_agent_can_send(net->side[from].agent, net->now_us);
    int result = ice_agent_wrap_payload(net->side[from].agent, net->now_us, buffer, length, sizeof buffer, &out);
    assert_int_equal(result == ICE_OK, can_send);
    if (can_send)
        transmit(net, from, &out.path, buffer + out.offset, out.length);
    return can_send;
}

void tcp_agents_break_late(struct tcp_agents *net, size_t connection, int error, uint64_t late_us) {
    for (int i = 0; i < 2; i++)
        add_segment(net, SEGMENT_CLOSED, connection, i, i == 0 ? 0 : late_us)->error = error;
}

void tcp_agents_break(struct tcp_agents *net, size_t connection, int error) {
    tcp_agents_break_late(net, connection, error, 0);
}

size_t tcp_agents_open_count(const struct tcp_agents *net) {
    size_t count = 0;
    for (size_t i = 0; i < net->connection_count; i++)
        count += net->connections[i].end[0].state == END_OPEN || net->connections[i].end[1].state == END_OPEN;
    return count;
}

int tcp_agents_stranger(struct tcp_agents *net, int to, const struct stun_address *from, struct ice_path *path) {
    *path = (struct ice_path){.transport = ICE_TRANSPORT_TCP, .remote = *from, .stream_id = ICE_STREAM_ACCEPTED | ++net->next_accepted};
    for (size_t i = 0; i < net->side[to].interface_count; i++)
        if (net->side[to].interfaces[i].transport == ICE_TRANSPORT_TCP)
            path->local = net->side[to].interfaces[i].base;
    int result = ice_agent_handle_stream_opened(net->side[to].agent, net->now_us, path);
    tcp_agents_drain(net, to);
    return result;
}

int tcp_agents_stranger_writes(struct tcp_agents *net, int to, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length > 0 ? length : 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    int result = ice_agent_handle_stream_bytes(net->side[to].agent, net->now_us, path, copy, length);
    tcp_agents_drain(net, to);
    free(copy);
    return result;
}

/* ---- time ------------------------------------------------------------------------------------------------------------------------- */

static size_t first_segment(const struct tcp_agents *net) {
    size_t first = 0;
    for (size_t i = 1; i < net->segment_count; i++) {
        const struct segment *a = &net->segments[i], *b = &net->segments[first];
        if (a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order))
            first = i;
    }
    return first;
}

bool tcp_agents_step(struct tcp_agents *net, uint64_t until_us) {
    static struct segment segment;
    uint64_t timeouts[2] = {ice_agent_next_timeout(net->side[0].agent), ice_agent_next_timeout(net->side[1].agent)};
    int who = timeouts[0] <= timeouts[1] ? 0 : 1;
    uint64_t next_us = timeouts[who];
    size_t first = net->segment_count > 0 ? first_segment(net) : 0;
    bool is_segment = net->segment_count > 0 && net->segments[first].at_us <= next_us;
    if (is_segment)
        next_us = net->segments[first].at_us;
    if (next_us > until_us) {
        net->now_us = net->now_us < until_us ? until_us : net->now_us;
        return false;
    }
    net->now_us = net->now_us < next_us ? next_us : net->now_us;
    if (is_segment) {
        segment = net->segments[first];
        net->segments[first] = net->segments[--net->segment_count];
        take_segment(net, &segment);
        return true;
    }
    ice_agent_handle_timeout(net->side[who].agent, net->now_us);
    tcp_agents_drain(net, who);
    assert_true(ice_agent_next_timeout(net->side[who].agent) > net->now_us); /* what was due has been done */
    return true;
}

void tcp_agents_run(struct tcp_agents *net, uint64_t until_us) {
    while (tcp_agents_step(net, until_us)) {
    }
}

bool tcp_agents_run_until_connected(struct tcp_agents *net, uint64_t until_us) {
    while (net->side[0].connected_us == 0 || net->side[1].connected_us == 0)
        if (net->side[0].state == ICE_STATE_FAILED || net->side[1].state == ICE_STATE_FAILED || !tcp_agents_step(net, until_us))
            return false;
    return true;
}
