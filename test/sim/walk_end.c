#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/walk_internal.h"

/* ---- what an end has said --------------------------------------------------------------------------------------------------- */

struct walk_message *walk_message_new(struct walk_end *end, enum w3c_type type, const char *text, size_t length) {
    struct walk_message *message = malloc(sizeof *message), **pool = realloc(end->pool, (end->pool_count + 1) * sizeof *pool);
    char *copy = malloc(length + 1);
    if (!message || !copy || !pool)
        abort();
    memcpy(copy, text, length);
    copy[length] = '\0';
    message->text = copy;
    message->length = length;
    message->type = type;
    message->id = ++end->walk->next_id;
    message->answers = message->based_local = message->based_remote = 0;
    sdp_lines_read(copy, length, &message->lines);
    end->pool = pool;
    end->pool[end->pool_count++] = message;
    return message;
}

void walk_end_says(struct walk_end *end, struct walk_message *message) {
    if (end->message_count < WALK_MESSAGE_MAX)
        end->messages[end->message_count++] = message;
}

/* ---- the driver's verbs --------------------------------------------------------------------------------------------------------- */

static struct ice_path to_ice_path(const struct sim_path *path) {
    return (struct ice_path){.transport = ICE_TRANSPORT_UDP, .local = path->local, .remote = path->remote};
}

static void handle_datagram(void *object, uint64_t now_us, const struct sim_path *sim_path, uint8_t *bytes, size_t length) {
    struct walk_end *end = object;
    struct ice_path path = to_ice_path(sim_path);
    (void)peer_connection_handle_datagram(end->connection, now_us, &path, bytes, length);
}

static void handle_timeout(void *object, uint64_t now_us) {
    struct walk_end *end = object;
    peer_connection_handle_timeout(end->connection, now_us);
}

static void handle_send_error(void *object, uint64_t now_us, const struct sim_path *sim_path, int error) {
    struct walk_end *end = object;
    struct ice_path path = to_ice_path(sim_path);
    peer_connection_handle_send_error(end->connection, now_us, &path, error);
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sim_transmit *out) {
    struct walk_end *end = object;
    struct ice_transmit transmit;
    if (!peer_connection_poll_transmit(end->connection, now_us, buffer, capacity, &transmit))
        return false;
    *out = (struct sim_transmit){
        .path = {transmit.path.local, transmit.path.remote}, .offset = transmit.offset, .length = transmit.length, .segment_bytes = transmit.segment_bytes};
    return true;
}

static uint64_t next_timeout(const void *object) {
    const struct walk_end *end = object;
    return peer_connection_next_timeout(end->connection);
}

/* ---- what comes upward -------------------------------------------------------------------------------------------------------------- */

static void copy_text(char *out, size_t capacity, const char *text) {
    size_t length = strlen(text);
    assert(length < capacity);
    memcpy(out, text, length + 1);
}

static void take_candidate(struct walk_end *end, const struct peer_connection_event *event) {
    if (end->candidate_count == WALK_CANDIDATE_MAX)
        return;
    struct walk_candidate *candidate = &end->candidates[end->candidate_count++];
    copy_text(candidate->text, sizeof candidate->text, event->as.ice_candidate.candidate);
    copy_text(candidate->mid, sizeof candidate->mid, event->as.ice_candidate.mid);
    copy_text(candidate->ufrag, sizeof candidate->ufrag, event->as.ice_candidate.ufrag);
    candidate->line_index = event->as.ice_candidate.line_index;
    candidate->is_end = candidate->text[0] == '\0';
}

static int give_interface(struct walk_end *end, size_t transport, bool is_first) {
    const struct stun_address *base = sim_bind(end->walk->sim, end->endpoint, end->interface_, 0);
    struct ice_interface interface = {.base = *base, .preference = 65535};
    uint64_t now_us = sim_now(end->walk->sim);
    if (is_first)
        end->base = *base;
    if (is_first)
        return peer_connection_handle_interfaces(end->connection, now_us, &interface, 1);
    return peer_connection_handle_transport_interfaces(end->connection, now_us, transport, &interface, 1);
}

static void take_state(struct walk_end *end, const struct peer_connection_event *event) {
    struct walk *walk = end->walk;
    if (event->type == PEER_CONNECTION_EVENT_SIGNALING_STATE) {
        end->heard.signaling_state = true;
        if (walk->is_judged && event->as.signaling_state != peer_connection_signaling_state(end->connection))
            walk_fail(walk, "%c: the event says %s", 'A' + end->index, peer_signaling_state_name(event->as.signaling_state));
    } else if (event->as.dtls_state == DTLS_TRANSPORT_FAILED) {
        end->dtls_has_failed = true;
    }
}

static bool poll_upward(void *object, uint64_t now_us) {
    (void)now_us;
    struct walk_end *end = object;
    struct peer_connection_event event;
    if (!peer_connection_poll_event(end->connection, &event))
        return false;
    switch (event.type) {
    case PEER_CONNECTION_EVENT_NEGOTIATION_NEEDED:
        walk_say(end->walk, "        %c: negotiation needed\n", 'A' + end->index);
        end->heard.negotiation_needed = true;
        break;
    case PEER_CONNECTION_EVENT_SIGNALING_STATE:
    case PEER_CONNECTION_EVENT_DTLS_STATE: take_state(end, &event); break;
    case PEER_CONNECTION_EVENT_ICE_CANDIDATE: take_candidate(end, &event); break;
    case PEER_CONNECTION_EVENT_TRACK: end->heard.track |= UINT32_C(1) << event.as.track.transceiver; break;
    case PEER_CONNECTION_EVENT_TRACK_MUTED: end->heard.muted |= UINT32_C(1) << event.as.transceiver; break;
    case PEER_CONNECTION_EVENT_FRAME: walk_hear_frame(end, &event.as.frame); break;
    case PEER_CONNECTION_EVENT_ICE_RESTART_NEEDED: w3c_did_restart(&end->model); break; /* the connection has called restartIce for itself */
    case PEER_CONNECTION_EVENT_SOCKETS_NEEDED: (void)give_interface(end, event.as.transport, false); break;
    default: (void)walk_hear_channel(end, &event); break;
    }
    return true;
}

static const struct sim_verbs verbs = {.handle_datagram = handle_datagram,
                                       .handle_timeout = handle_timeout,
                                       .handle_send_error = handle_send_error,
                                       .poll_transmit = poll_transmit,
                                       .poll_upward = poll_upward,
                                       .next_timeout = next_timeout};

void walk_touch(struct walk_end *end) {
    sim_touch(end->walk->sim, end->endpoint);
    end->walk->memory_was_short_before = end->walk->memory_was_short;
}

void walk_pass_time(struct walk *walk, uint64_t duration_us) {
    sim_set_deadline(walk->sim, sim_now(walk->sim) - SIM_START_US + duration_us);
    while (sim_step(walk->sim)) {
    }
    if (sim_end(walk->sim) == SIM_IDLE) /* nobody waits: the time passes all the same */
        sim_network_advance(sim_network_of(walk->sim), sim_now(walk->sim) + duration_us);
    walk->memory_was_short_before = walk->memory_was_short;
}

/* ---- life ------------------------------------------------------------------------------------------------------------------------------- */

const struct sim_link_config walk_bad_link = {
    .loss = 0.05, .delay_us = 10 * SIM_MILLISECOND_US, .jitter_us = 5 * SIM_MILLISECOND_US, .reorder = 0.1, .reorder_delay_us = 20 * SIM_MILLISECOND_US, .duplicate = 0.05};
static const struct sim_link_config good_link = {.delay_us = 10 * SIM_MILLISECOND_US};

bool walk_end_start(struct walk *walk, int index) {
    struct walk_end *end = &walk->ends[index];
    end->walk = walk;
    end->index = index;
    w3c_init(&end->model);
    sim_random_fork(sim_random_of(walk->sim), &end->random);
    const struct sim_link_config *link = walk->script->is_bad ? &walk_bad_link : &good_link;
    end->interface_ = sim_network_add_interface(sim_network_of(walk->sim), SIM_PUBLIC, index == 0 ? "198.51.100.1" : "198.51.100.2", link, link);
    const struct ice_server servers[] = {
        {.kind = ICE_SERVER_STUN, .transport = ICE_TRANSPORT_UDP, .host = "stun.invalid", .port = 3478},
        {.kind = ICE_SERVER_TURN, .transport = ICE_TRANSPORT_TCP, .host = "203.0.113.9", .port = 3478, .username = "walker", .credential = "walks"},
    };
    struct peer_connection_config config = {
        .ice = {.random = sim_random_fill, .random_context = &end->random, .allocator = &walk->allocator},
        .bundle_policy = walk->script->policies[index],
        .certificate = walk_certificates[index],
        .wall_clock_offset_us = 1700000000000000,
        .key_log = walk->script->has_servers,
    };
    if (walk->script->has_servers) {
        config.ice.servers = servers;
        config.ice.server_count = sizeof servers / sizeof servers[0];
    }
    bool was_short = walk->memory_was_short;
    end->connection = peer_connection_new(&config, sim_now(walk->sim));
    if (!end->connection)
        return was_short == walk->memory_was_short ? walk_fail(walk, "peer_connection_new: NULL") : false;
    end->endpoint = sim_attach(walk->sim, index == 0 ? "A" : "B", &verbs, end);
    int error = give_interface(end, 0, true);
    if (error != PEER_OK && !walk->memory_was_short)
        return walk_fail(walk, "handle_interfaces: %s", peer_error_name(error));
    walk_touch(end);
    return true;
}

void walk_end_free(struct walk_end *end) {
    peer_connection_free(end->connection);
    end->connection = NULL;
    for (size_t i = 0; i < end->pool_count; i++) {
        free(end->pool[i]->text);
        free(end->pool[i]);
    }
    free(end->pool);
}
