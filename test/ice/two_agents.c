#include "two_agents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "stun/integrity.h"
#include "stun/message.h"

struct stun_address ip(const char *text, uint16_t port) {
    struct stun_address address;
    assert_true(stun_address_parse_ip(text, strlen(text), &address));
    address.port = port;
    return address;
}

struct stun_address ipv4(const char *text, uint16_t port) {
    return ip(text, port);
}

uint64_t next_random(uint64_t *state) { /* splitmix64 */
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void seeded_random(void *context, uint8_t *out, size_t length) {
    uint64_t *state = context;
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(next_random(state) >> 24);
}

static double uniform(struct two_agents *net) {
    return (double)(next_random(&net->random) >> 11) / 9007199254740992.0;
}

bool is_up(const struct side *side) {
    return side->state == ICE_STATE_CONNECTED || side->state == ICE_STATE_COMPLETED;
}

void two_agents_open_roles(struct two_agents *net, uint64_t seed, const struct ice_agent_config *config, enum ice_role first, enum ice_role second) {
    memset(net, 0, sizeof *net);
    net->random = seed;
    net->now_us = 1000 * SECOND;
    net->trickle = true;
    for (int i = 0; i < 2; i++) {
        struct ice_agent_config own = config != NULL ? *config : (struct ice_agent_config){0};
        own.role = i == 0 ? first : second;
        own.random = seeded_random;
        own.random_context = &net->random;
        net->side[i].agent = ice_agent_new(&own, net->now_us);
        net->side[i].closest_new_us = UINT64_MAX;
        assert_non_null(net->side[i].agent);
    }
}

void two_agents_open(struct two_agents *net, uint64_t seed, const struct ice_agent_config *config) {
    two_agents_open_roles(net, seed, config, ICE_ROLE_CONTROLLING, ICE_ROLE_CONTROLLED);
}

void two_agents_close(struct two_agents *net) {
    for (int i = 0; i < 2; i++) {
        ice_agent_free(net->side[i].agent);
        net->side[i].agent = NULL;
    }
    for (size_t i = 0; i < net->relay_count; i++)
        relay_double_close(&net->relays[i]);
    net->relay_count = 0;
}

/* ---- the link ------------------------------------------------------------------------------------------------------------------- */

static void enqueue(struct two_agents *net, const struct datagram *datagram, uint64_t delay_us) {
    assert_true(net->queue_count < QUEUE_MAX);
    struct datagram *added = &net->queue[net->queue_count++];
    *added = *datagram;
    added->at_us = net->now_us + delay_us;
    added->order = net->order++;
}

static void send(struct two_agents *net, int from, struct datagram *datagram) {
    if (net->tap != NULL && !net->tap(net, from, datagram, net->tap_context))
        return;
    if (datagram->path.transport != ICE_TRANSPORT_UDP) { /* TCP loses nothing and keeps the order */
        enqueue(net, datagram, net->delay_us);
        return;
    }
    if (uniform(net) < net->loss) {
        net->lost++;
        return;
    }
    uint64_t delay_us = net->delay_us + (net->jitter_us > 0 ? next_random(&net->random) % net->jitter_us : 0);
    enqueue(net, datagram, delay_us);
    if (uniform(net) < net->duplicate) {
        net->doubled++;
        enqueue(net, datagram, delay_us + 1 + next_random(&net->random) % (20 * MS));
    }
}

static void note_new_transaction(struct two_agents *net, struct side *side, const struct datagram *datagram) {
    static uint8_t seen[2][4096][12];
    static size_t seen_count[2];
    int index = side == &net->side[1];
    if (side->new_transactions == 0)
        seen_count[index] = 0;
    struct stun_message message;
    if (stun_message_parse(datagram->bytes, datagram->length, &message) != STUN_OK || message.class_ != STUN_CLASS_REQUEST)
        return;
    for (size_t i = 0; i < seen_count[index]; i++)
        if (memcmp(seen[index][i], message.transaction_id, 12) == 0)
            return;
    if (seen_count[index] < 4096)
        memcpy(seen[index][seen_count[index]++], message.transaction_id, 12);
    if (side->new_transactions++ > 0 && net->now_us - side->last_new_us < side->closest_new_us)
        side->closest_new_us = net->now_us - side->last_new_us;
    side->last_new_us = net->now_us;
}

/* ---- streams: each message that is written arrives as it is ------------------------------------------------------------------------ */

static void open_stream(struct two_agents *net, int index, const struct ice_event *event) {
    struct side *side = &net->side[index];
    assert_true(side->stream_count < SIDE_STREAM_MAX);
    side->streams[side->stream_count] = event->as.stream.path;
    const char *name = event->as.stream.server_name;
    if (name != NULL && strlen(name) < sizeof side->server_names[0])
        memcpy(side->server_names[side->stream_count], name, strlen(name) + 1);
    side->stream_count++;
    struct datagram opening = {.path = event->as.stream.path, .length = 0};
    enqueue(net, &opening, 2 * net->delay_us); /* a round trip */
    net->queue[net->queue_count - 1].stream_side = index;
}

static size_t find_stream(const struct side *side, uint64_t stream_id) {
    size_t i = 0;
    while (i < side->stream_count && side->streams[i].stream_id != stream_id)
        i++;
    return i;
}

static void close_stream(struct side *side, const struct ice_path *path) {
    size_t i = find_stream(side, path->stream_id);
    assert_true(i < side->stream_count);
    side->stream_is_open[i] = false;
    side->streams_closed++;
}

static void take_event(struct two_agents *net, int index, const struct ice_event *event) {
    struct side *side = &net->side[index];
    switch (event->type) {
    case ICE_EVENT_GATHERING_STATE:
        side->gathering = event->as.gathering_state;
        break;
    case ICE_EVENT_CANDIDATE:
        side->candidates[side->candidate_count++] = *event->as.candidate;
        break;
    case ICE_EVENT_STATE:
        side->state = event->as.state.state;
        side->failure = event->as.state.failure;
        side->states[side->state]++;
        if (is_up(side) && side->connected_us == 0)
            side->connected_us = net->now_us;
        if (side->state == ICE_STATE_COMPLETED && side->completed_us == 0)
            side->completed_us = net->now_us;
        if (side->state == ICE_STATE_FAILED && side->failed_us == 0)
            side->failed_us = net->now_us;
        break;
    case ICE_EVENT_SELECTED_PAIR:
        side->selected = true;
        side->selections++;
        side->local = *event->as.selected_pair.local;
        side->remote = *event->as.selected_pair.remote;
        if (side->selected_us == 0)
            side->selected_us = net->now_us;
        break;
    case ICE_EVENT_ROLE: side->roles++; break;
    case ICE_EVENT_RESTART_NEEDED:
        side->restarts++;
        side->restart_reason = event->as.restart_reason;
        break;
    case ICE_EVENT_RESOLVE: side->resolves++; break;
    case ICE_EVENT_OPEN_STREAM: open_stream(net, index, event); break;
    case ICE_EVENT_CLOSE_STREAM: close_stream(side, &event->as.stream.path); break;
    }
}

/* What comes wrapped is checked to be no STUN: that the agent keeps for itself. */
static void take_received(struct side *side, const struct ice_received *received) {
    assert_false(stun_message_is_stun(received->bytes, received->length));
    assert_true(received->length <= sizeof side->received);
    side->received_count++;
    side->received_path = received->path;
    side->received_length = received->length;
    memcpy(side->received, received->bytes, received->length);
}

void two_agents_drain(struct two_agents *net, int index) {
    struct side *side = &net->side[index];
    struct datagram datagram;
    struct ice_transmit out;
    while (ice_agent_poll_transmit(side->agent, net->now_us, datagram.bytes, sizeof datagram.bytes, &out)) {
        datagram.path = out.path;
        datagram.length = out.length;
        datagram.via = 0;
        datagram.stream_side = index;
        assert_int_equal(out.offset, 0);
        side->sent++;
        note_new_transaction(net, side, &datagram);
        send(net, index, &datagram);
    }
    struct ice_received received;
    while (ice_agent_poll_received(side->agent, &received))
        take_received(side, &received);
    struct ice_event event;
    while (ice_agent_poll_event(side->agent, &event))
        take_event(net, index, &event);
}

static bool is_server(const struct two_agents *net, const struct stun_address *address) {
    for (size_t i = 0; i < net->server_count; i++)
        if (stun_address_equal(&net->servers[i], address))
            return true;
    return false;
}

/* A host behind its NAT sends from the NAT's address; the port stays. */
static struct stun_address outside(const struct two_agents *net, int side, const struct stun_address *inside) {
    struct stun_address address = *inside;
    if (net->nat[side].family != STUN_ADDRESS_NONE && inside->family == net->nat[side].family) {
        address = net->nat[side];
        address.port = inside->port;
    }
    return address;
}

static size_t bases_of(const struct side *side, struct stun_address *bases) {
    size_t count = 0;
    for (size_t i = 0; i < side->base_count; i++)
        bases[count++] = side->bases[i];
    for (size_t i = 0; i < ice_agent_local_candidate_count(side->agent); i++) {
        const struct ice_candidate *candidate = ice_agent_local_candidate(side->agent, i);
        if (candidate->type != ICE_CANDIDATE_RELAYED)
            bases[count++] = candidate->base;
    }
    return count;
}

static bool owns(const struct two_agents *net, int side, const struct stun_address *address, struct stun_address *inside) {
    struct stun_address bases[ICE_LOCAL_CANDIDATE_MAX + HOST_MAX];
    size_t count = bases_of(&net->side[side], bases);
    for (size_t i = 0; i < count; i++) {
        struct stun_address seen = outside(net, side, &bases[i]);
        if (stun_address_equal(&seen, address)) {
            *inside = bases[i];
            return true;
        }
    }
    return false;
}

static void serve(struct two_agents *net, int from, const struct datagram *datagram) {
    struct stun_message request;
    if (stun_message_parse(datagram->bytes, datagram->length, &request) != STUN_OK)
        return;
    struct stun_address mapped = outside(net, from, &datagram->path.local);
    struct datagram answer = {.path = {.local = datagram->path.remote, .remote = datagram->path.local}};
    struct stun_writer writer;
    stun_writer_begin(&writer, answer.bytes, sizeof answer.bytes, STUN_CLASS_SUCCESS_RESPONSE, STUN_METHOD_BINDING, request.transaction_id);
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &mapped);
    stun_writer_add_fingerprint(&writer);
    int length = stun_writer_finish(&writer);
    assert_true(length > 0);
    two_agents_inject(net, from, &datagram->path.remote, &datagram->path.local, answer.bytes, (size_t)length);
}

void two_agents_inject(struct two_agents *net, int to, const struct stun_address *from, const struct stun_address *to_address, const uint8_t *bytes, size_t length) {
    struct ice_path path = {.transport = ICE_TRANSPORT_UDP, .local = *to_address, .remote = *from};
    ice_agent_handle_datagram(net->side[to].agent, net->now_us, &path, bytes, length);
    two_agents_drain(net, to);
}

/* ---- TURN servers ------------------------------------------------------------------------------------------------------------------ */

static size_t relay_at(const struct two_agents *net, const struct stun_address *address) {
    size_t i = 0;
    while (i < net->relay_count && !stun_address_equal(&net->relays[i].address, address))
        i++;
    return i;
}

/* The number of a side's stream is unique for the server when the side is in it. */
static uint64_t flow_stream(int side, uint64_t stream_id) {
    return stream_id * 2 + (uint64_t)side;
}

static void emit(struct two_agents *net, size_t relay, const struct relay_double_output *out) {
    struct datagram sent = {.via = relay + 1, .length = out->length};
    memcpy(sent.bytes, out->bytes, out->length);
    sent.path.local = out->to_peer ? out->relayed : net->relays[relay].address;
    sent.path.remote = out->to_peer ? out->peer : out->flow.client;
    if (!out->to_peer && out->flow.stream_id != 0) {
        sent.path.transport = ICE_TRANSPORT_TCP;
        sent.path.stream_id = out->flow.stream_id / 2;
        sent.stream_side = (int)(out->flow.stream_id % 2);
    }
    if (sent.path.transport != ICE_TRANSPORT_UDP || uniform(net) >= net->loss)
        enqueue(net, &sent, net->delay_us);
    else
        net->lost++;
}

/* To whoever has this address: a relayed one of a server, or a host. */
static void route(struct two_agents *net, const struct stun_address *source, const struct datagram *datagram) {
    struct relay_double_output out;
    struct stun_address inside;
    for (size_t i = 0; i < net->relay_count; i++) {
        if (!relay_double_handle_peer(&net->relays[i], &datagram->path.remote, source, datagram->bytes, datagram->length, &out))
            continue;
        emit(net, i, &out);
        return;
    }
    for (int to = 0; to < 2; to++) {
        if (!owns(net, to, &datagram->path.remote, &inside))
            continue;
        net->delivered++;
        two_agents_inject(net, to, source, &inside, datagram->bytes, datagram->length);
        return;
    }
    net->unroutable++;
}

static void deliver_on_stream(struct two_agents *net, const struct datagram *datagram) {
    struct side *side = &net->side[datagram->stream_side];
    size_t stream = find_stream(side, datagram->path.stream_id), relay = relay_at(net, &datagram->path.remote);
    struct ice_path path = side->streams[stream];
    struct relay_double_output out;
    assert_true(stream < side->stream_count);
    if (datagram->via == 0 && datagram->length == 0) { /* the connection */
        bool refused = relay == net->relay_count || net->relays[relay].is_down || net->streams_are_refused;
        side->stream_is_open[stream] = !refused;
        if (refused)
            ice_agent_handle_stream_closed(side->agent, net->now_us, &path, 111);
        else
            ice_agent_handle_stream_opened(side->agent, net->now_us, &path);
    } else if (!side->stream_is_open[stream]) {
        net->unroutable++;
    } else if (datagram->via != 0) {
        net->delivered++;
        ice_agent_handle_stream_bytes(side->agent, net->now_us, &path, datagram->bytes, datagram->length);
    } else {
        struct relay_double_flow flow = {.client = {.family = STUN_ADDRESS_IPV4, .port = 40000, .ip = {192, 0, 2, 200}},
                                         .stream_id = flow_stream(datagram->stream_side, path.stream_id)};
        if (relay_double_handle(&net->relays[relay], &flow, datagram->bytes, datagram->length, &out))
            emit(net, relay, &out);
        return;
    }
    two_agents_drain(net, datagram->stream_side);
}

void two_agents_kill_relay(struct two_agents *net, size_t index) {
    net->relays[index].is_down = true;
    for (int i = 0; i < 2; i++) {
        struct side *side = &net->side[i];
        for (size_t j = 0; j < side->stream_count; j++) {
            if (!side->stream_is_open[j] || !stun_address_equal(&side->streams[j].remote, &net->relays[index].address))
                continue;
            side->stream_is_open[j] = false;
            ice_agent_handle_stream_closed(side->agent, net->now_us, &side->streams[j], 104);
            two_agents_drain(net, i);
        }
    }
}

int two_agents_send_payload(struct two_agents *net, int from, const uint8_t *bytes, size_t length) {
    uint8_t buffer[2048];
    struct ice_transmit out;
    memcpy(buffer + ICE_HEADROOM_BYTES, bytes, length);
    int result = ice_agent_wrap_payload(net->side[from].agent, net->now_us, buffer, length, sizeof buffer, &out);
    if (result != ICE_OK)
        return result;
    struct datagram datagram = {.path = out.path, .length = out.length, .stream_side = from};
    memcpy(datagram.bytes, buffer + out.offset, out.length);
    send(net, from, &datagram);
    two_agents_drain(net, from);
    return ICE_OK;
}

static int sender_of(const struct two_agents *net, const struct stun_address *base) {
    struct stun_address bases[ICE_LOCAL_CANDIDATE_MAX + HOST_MAX];
    for (int i = 0; i < 2; i++) {
        size_t count = bases_of(&net->side[i], bases);
        for (size_t j = 0; j < count; j++)
            if (stun_address_equal(&bases[j], base))
                return i;
    }
    return -1;
}

static void deliver(struct two_agents *net, const struct datagram *datagram) {
    if (datagram->path.transport != ICE_TRANSPORT_UDP) {
        deliver_on_stream(net, datagram);
        return;
    }
    if (datagram->via != 0) {
        route(net, &datagram->path.local, datagram);
        return;
    }
    int from = sender_of(net, &datagram->path.local);
    if (from < 0) {
        net->unroutable++;
        return;
    }
    size_t relay = relay_at(net, &datagram->path.remote);
    struct stun_address seen = outside(net, from, &datagram->path.local);
    if (relay < net->relay_count) {
        struct relay_double_flow flow = {.client = seen};
        struct relay_double_output out;
        if (relay_double_handle(&net->relays[relay], &flow, datagram->bytes, datagram->length, &out))
            emit(net, relay, &out);
    } else if (is_server(net, &datagram->path.remote)) {
        serve(net, from, datagram);
    } else {
        route(net, &seen, datagram);
    }
}

/* ---- signaling -------------------------------------------------------------------------------------------------------------------- */

void two_agents_interfaces(struct two_agents *net) {
    const struct ice_interface first = {.base = ipv4("192.0.2.1", 5000), .preference = 65535};
    const struct ice_interface second = {.base = ipv4("198.51.100.1", 6000), .preference = 65535};
    assert_int_equal(ice_agent_handle_interfaces(net->side[0].agent, net->now_us, &first, 1), ICE_OK);
    assert_int_equal(ice_agent_handle_interfaces(net->side[1].agent, net->now_us, &second, 1), ICE_OK);
    net->side[0].bases[0] = first.base;
    net->side[1].bases[0] = second.base;
    net->side[0].base_count = net->side[1].base_count = 1;
}

void two_agents_gather(struct two_agents *net) {
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ice_agent_gather(net->side[i].agent, net->now_us), ICE_OK);
        two_agents_drain(net, i);
    }
}

void two_agents_exchange_credentials(struct two_agents *net) {
    for (int i = 0; i < 2; i++) {
        const struct ice_agent *other = net->side[1 - i].agent;
        const char *ufrag = ice_agent_local_ufrag(other), *password = ice_agent_local_password(other);
        assert_int_equal(ice_agent_set_remote_credentials(net->side[i].agent, net->now_us, ufrag, strlen(ufrag), password, strlen(password)), ICE_OK);
        two_agents_drain(net, i);
    }
}

void two_agents_give_candidates(struct two_agents *net, int from) {
    for (size_t i = 0; i < net->side[from].candidate_count; i++)
        assert_int_equal(ice_agent_add_remote_candidate(net->side[1 - from].agent, net->now_us, &net->side[from].candidates[i]), ICE_OK);
    ice_agent_end_of_remote_candidates(net->side[1 - from].agent, net->now_us);
    two_agents_drain(net, 1 - from);
}

void two_agents_signal(struct two_agents *net) {
    two_agents_exchange_credentials(net);
    two_agents_give_candidates(net, 0);
    two_agents_give_candidates(net, 1);
}

void two_agents_connect(struct two_agents *net) {
    two_agents_interfaces(net);
    two_agents_gather(net);
    two_agents_signal(net);
}

/* ---- time -------------------------------------------------------------------------------------------------------------------------- */

/* RFC 8839 section 4.4.1.1.1: one side offers new credentials, the other answers with its own, then candidates. */
void two_agents_restart(struct two_agents *net) {
    for (int i = 0; i < 2; i++) {
        net->side[i].candidate_count = 0;
        assert_int_equal(ice_agent_restart(net->side[i].agent, net->now_us), ICE_OK);
        two_agents_drain(net, i);
    }
    two_agents_signal(net);
}

static size_t first_in_queue(const struct two_agents *net) {
    size_t first = 0;
    for (size_t i = 1; i < net->queue_count; i++)
        if (net->queue[i].at_us < net->queue[first].at_us ||
            (net->queue[i].at_us == net->queue[first].at_us && net->queue[i].order < net->queue[first].order))
            first = i;
    return first;
}

bool two_agents_step(struct two_agents *net, uint64_t until_us) {
    uint64_t next_us = UINT64_MAX;
    int who = -1; /* 0, 1: a timeout; 2: a datagram */
    for (int i = 0; i < 2; i++) {
        uint64_t timeout_us = ice_agent_next_timeout(net->side[i].agent);
        if (timeout_us < next_us) {
            next_us = timeout_us;
            who = i;
        }
    }
    size_t first = 0;
    if (net->queue_count > 0) {
        first = first_in_queue(net);
        if (net->queue[first].at_us <= next_us) {
            next_us = net->queue[first].at_us;
            who = 2;
        }
    }
    if (who < 0 || next_us > until_us) {
        if (net->now_us < until_us)
            net->now_us = until_us;
        return false;
    }
    if (next_us > net->now_us)
        net->now_us = next_us;
    if (who == 2) {
        struct datagram datagram = net->queue[first];
        net->queue[first] = net->queue[--net->queue_count];
        deliver(net, &datagram);
        return true;
    }
    ice_agent_handle_timeout(net->side[who].agent, net->now_us);
    two_agents_drain(net, who);
    /* A timeout that has been handled is over: no busy loop. */
    assert_true(ice_agent_next_timeout(net->side[who].agent) > net->now_us);
    return true;
}

void two_agents_run(struct two_agents *net, uint64_t until_us) {
    while (two_agents_step(net, until_us)) {
    }
}

bool two_agents_run_until_connected(struct two_agents *net, uint64_t until_us) {
    while (!(is_up(&net->side[0]) && is_up(&net->side[1]))) {
        if (net->side[0].state == ICE_STATE_FAILED || net->side[1].state == ICE_STATE_FAILED || !two_agents_step(net, until_us))
            return false;
    }
    return true;
}
