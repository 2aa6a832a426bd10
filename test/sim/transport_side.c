#include "test/sim/transport_side.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES 400

/* ---- synthetic frames ------------------------------------------------------------------------------------------------- */

static uint8_t frame_byte(bool from_offerer, uint16_t sequence, size_t index) {
    return (uint8_t)(sequence * 31u + index * 7u + (from_offerer ? 1u : 128u));
}

static size_t write_frame(const struct transport_side *side, uint8_t *packet) {
    uint16_t sequence = (uint16_t)side->frames_sent;
    const uint8_t header[12] = {0x80, 96, (uint8_t)(sequence >> 8), (uint8_t)sequence, 0, 0, 0, 0, 0x57, 0x52, 0x54, side->is_offerer};
    memcpy(packet, header, sizeof header);
    for (size_t i = 0; i < FRAME_BYTES; i++)
        packet[sizeof header + i] = frame_byte(side->is_offerer, sequence, i);
    return sizeof header + FRAME_BYTES;
}

static void read_frame(struct transport_side *side, uint64_t now_us, const uint8_t *packet, size_t length) {
    uint16_t sequence = (uint16_t)(length >= 4 ? packet[2] << 8 | packet[3] : 0);
    bool is_damaged = length != 12 + FRAME_BYTES || sequence >= side->other->frames_sent;
    for (size_t i = 0; i < FRAME_BYTES && !is_damaged; i++)
        is_damaged = packet[12 + i] != frame_byte(!side->is_offerer, sequence, i);
    if (is_damaged) {
        side->frames_damaged++;
        return;
    }
    side->frames_doubled += side->seen[sequence];
    side->seen[sequence] = true;
    side->frames_received++;
    if (side->last_frame_us > 0 && now_us - side->last_frame_us > side->longest_gap_us)
        side->longest_gap_us = now_us - side->last_frame_us;
    side->last_frame_us = now_us;
    if (side->watched_us > 0 && now_us >= side->watched_us && side->resumed_us == 0)
        side->resumed_us = now_us;
}

/* ---- the contract's verbs ----------------------------------------------------------------------------------------------- */

static struct ice_path to_ice_path(const struct sim_path *path) {
    return (struct ice_path){.transport = ICE_TRANSPORT_UDP, .local = path->local, .remote = path->remote};
}

static struct ice_path to_stream_path(const struct transport_side *side, uint64_t stream_id, const struct sim_path *path) {
    struct ice_path result = {.local = path->local, .remote = path->remote, .stream_id = stream_id};
    for (size_t i = 0; i < side->stream_count; i++)
        if (side->streams[i].id == stream_id)
            result.transport = side->streams[i].transport;
    return result;
}

static void handle_datagram(void *object, uint64_t now_us, const struct sim_path *sim_path, uint8_t *bytes, size_t length) {
    struct transport_side *side = object;
    struct ice_path path = to_ice_path(sim_path);
    (void)peer_transport_handle_datagram(side->transport, now_us, &path, bytes, length);
}

static void handle_stream_opened(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *sim_path) {
    struct transport_side *side = object;
    struct ice_path path = to_stream_path(side, stream_id, sim_path);
    (void)peer_transport_handle_stream_opened(side->transport, now_us, &path);
}

static void handle_stream_bytes(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *sim_path, const uint8_t *bytes, size_t length) {
    struct transport_side *side = object;
    struct ice_path path = to_stream_path(side, stream_id, sim_path);
    (void)peer_transport_handle_stream_bytes(side->transport, now_us, &path, bytes, length);
}

static void handle_stream_closed(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *sim_path, int error) {
    struct transport_side *side = object;
    struct ice_path path = to_stream_path(side, stream_id, sim_path);
    (void)peer_transport_handle_stream_closed(side->transport, now_us, &path, error);
}

static void handle_timeout(void *object, uint64_t now_us) {
    struct transport_side *side = object;
    peer_transport_handle_timeout(side->transport, now_us);
}

static void handle_send_error(void *object, uint64_t now_us, const struct sim_path *sim_path, int error) {
    struct transport_side *side = object;
    struct ice_path path = to_ice_path(sim_path);
    peer_transport_handle_send_error(side->transport, now_us, &path, error);
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sim_transmit *out) {
    struct transport_side *side = object;
    struct ice_transmit transmit;
    bool has_one = peer_transport_poll_transmit(side->transport, now_us, buffer, capacity, &transmit);
    if (!has_one && now_us >= side->next_frame_us && side->frames_sent < side->config.frames) {
        size_t length = write_frame(side, buffer + ICE_HEADROOM_BYTES);
        has_one = peer_transport_protect_rtp(side->transport, now_us, buffer, length, PEER_TRANSMIT_BUFFER_BYTES, &transmit) == PEER_OK;
        side->frames_sent++;
        side->next_frame_us = side->frames_sent < side->config.frames ? side->next_frame_us + SIDE_FRAME_INTERVAL_US : UINT64_MAX;
    }
    if (has_one)
        *out = (struct sim_transmit){.path = {transmit.path.local, transmit.path.remote},
                                     .offset = transmit.offset,
                                     .length = transmit.length,
                                     .segment_bytes = transmit.segment_bytes,
                                     .stream_id = transmit.path.stream_id};
    return has_one;
}

static uint64_t next_timeout(const void *object) {
    const struct transport_side *side = object;
    uint64_t next_us = peer_transport_next_timeout(side->transport);
    return side->next_frame_us < next_us ? side->next_frame_us : next_us;
}

/* ---- what comes upward --------------------------------------------------------------------------------------------------- */

static void want_restart(struct transport_side *side) {
    if (!side->config.restarts)
        return;
    if (side->is_offerer)
        transport_side_restart(side);
    else
        signaling_send(side, SIGNALING_PLEASE_RESTART, "");
}

static void open_stream(struct transport_side *side, const struct ice_path *path) {
    assert(side->stream_count < SIDE_STREAM_MAX);
    side->streams[side->stream_count].id = path->stream_id;
    side->streams[side->stream_count++].transport = path->transport;
    /* From where the path says; or, as an operating system would, from the first interface of that family. */
    for (size_t i = 0; i < side->config.interface_count; i++) {
        bool is_named = stun_address_equal_ip(&side->bases[i], &path->local);
        bool is_any = path->local.family == STUN_ADDRESS_NONE && side->bases[i].family == path->remote.family;
        if (!is_named && !is_any)
            continue;
        sim_open_stream(side->sim, side->endpoint, side->config.interfaces[i], path->stream_id, &path->remote);
        return;
    }
    sim_open_stream(side->sim, side->endpoint, side->config.interfaces[0], path->stream_id, &path->remote); /* which will fail */
}

static void take_selected(struct transport_side *side, uint64_t now_us, const struct ice_event *event) {
    side->selection = (struct transport_selection){now_us, event->as.selected_pair.local->type, event->as.selected_pair.remote->type};
    if (side->selections++ == 0)
        side->first_selection = side->selection;
}

static void take_ice_event(struct transport_side *side, uint64_t now_us, const struct ice_event *event) {
    char text[ICE_CANDIDATE_TEXT_BYTES];
    switch (event->type) {
    case ICE_EVENT_STATE:
        side->ice_state = event->as.state.state;
        side->ice_failure = event->as.state.failure;
        side->disconnections += side->ice_state == ICE_STATE_DISCONNECTED;
        side->failures += side->ice_state == ICE_STATE_FAILED;
        if (side->ice_state == ICE_STATE_FAILED && side->selections > 0)
            want_restart(side);
        if ((side->ice_state == ICE_STATE_CONNECTED || side->ice_state == ICE_STATE_COMPLETED) && side->ice_connected_us == 0)
            side->ice_connected_us = now_us;
        break;
    case ICE_EVENT_CANDIDATE:
        if (side->config.trickles && ice_candidate_write(event->as.candidate, text, sizeof text) > 0)
            signaling_send(side, SIGNALING_CANDIDATE, text);
        break;
    case ICE_EVENT_GATHERING_STATE:
        if (event->as.gathering_state != ICE_GATHERING_COMPLETE)
            break;
        if (side->config.trickles)
            signaling_send(side, SIGNALING_END_OF_CANDIDATES, "");
        else if (!side->is_gathered)
            signaling_send_description(side, true);
        side->is_gathered = true;
        break;
    case ICE_EVENT_SELECTED_PAIR: take_selected(side, now_us, event); break;
    case ICE_EVENT_RESTART_NEEDED:
        side->restart_reason = event->as.restart_reason;
        want_restart(side);
        break;
    case ICE_EVENT_OPEN_STREAM: open_stream(side, &event->as.stream.path); break;
    case ICE_EVENT_CLOSE_STREAM: sim_close_stream(side->sim, side->endpoint, event->as.stream.path.stream_id); break;
    case ICE_EVENT_ROLE:
    case ICE_EVENT_RESOLVE: break;
    }
}

static void take_event(struct transport_side *side, uint64_t now_us, const struct peer_event *event) {
    if (event->type == PEER_EVENT_DTLS)
        side->dtls_failure = event->as.dtls.failure;
    if (event->type == PEER_EVENT_ICE)
        take_ice_event(side, now_us, &event->as.ice);
    if (event->type != PEER_EVENT_STATE)
        return;
    side->state = event->as.state;
    if (side->state == PEER_TRANSPORT_CONNECTED && side->connected_us == 0)
        side->connected_us = now_us;
    /* The frames are a measure of the path, so they wait for both: what one side sends while the other's handshake still
     * lacks its last flight is early media, which test/peer looks at. */
    if (side->connected_us > 0 && side->other->connected_us > 0 && side->frames_sent == 0) {
        side->next_frame_us = now_us;
        side->other->next_frame_us = now_us;
        sim_touch(side->sim, side->other->endpoint);
    }
    if (side->state == PEER_TRANSPORT_FAILED && side->failed_us == 0)
        side->failed_us = now_us;
}

static bool poll_upward(void *object, uint64_t now_us) {
    struct transport_side *side = object;
    struct peer_received received;
    if (peer_transport_poll_received(side->transport, now_us, &received)) {
        if (received.kind == PEER_RECEIVED_RTP)
            read_frame(side, now_us, received.bytes, received.length);
        return true;
    }
    struct peer_event event;
    if (!peer_transport_poll_event(side->transport, &event))
        return false;
    take_event(side, now_us, &event);
    return true;
}

static const struct sim_verbs verbs = {.handle_datagram = handle_datagram,
                                       .handle_timeout = handle_timeout,
                                       .handle_send_error = handle_send_error,
                                       .poll_transmit = poll_transmit,
                                       .poll_upward = poll_upward,
                                       .next_timeout = next_timeout,
                                       .handle_stream_opened = handle_stream_opened,
                                       .handle_stream_bytes = handle_stream_bytes,
                                       .handle_stream_closed = handle_stream_closed};

/* ---- life ------------------------------------------------------------------------------------------------------------------ */

/* Binds what is not bound, and tells the transport of all. */
static void give_interfaces(struct transport_side *side, const int *numbers, size_t count) {
    struct ice_interface interfaces[SIDE_INTERFACE_MAX];
    struct stun_address bases[SIDE_INTERFACE_MAX];
    assert(count <= SIDE_INTERFACE_MAX);
    for (size_t i = 0; i < count; i++) {
        bool is_bound = false;
        for (size_t k = 0; k < side->config.interface_count && !is_bound; k++) {
            is_bound = side->config.interfaces[k] == numbers[i] && side->bases[k].family != STUN_ADDRESS_NONE;
            bases[i] = side->bases[k];
        }
        if (!is_bound)
            bases[i] = *sim_bind(side->sim, side->endpoint, numbers[i], 0);
        interfaces[i] = (struct ice_interface){.base = bases[i], .preference = (uint16_t)(65535 - i)};
    }
    for (size_t i = 0; i < count; i++) {
        side->config.interfaces[i] = numbers[i];
        side->bases[i] = bases[i];
    }
    side->config.interface_count = count;
    (void)peer_transport_handle_interfaces(side->transport, sim_now(side->sim), interfaces, count);
}

void transport_side_set_interfaces(struct transport_side *side, const int *interfaces, size_t count) {
    give_interfaces(side, interfaces, count);
    sim_touch(side->sim, side->endpoint);
}

void transport_side_send_more(struct transport_side *side, unsigned frames) {
    side->config.frames += frames;
    assert(side->config.frames <= SIDE_FRAMES_MAX);
    side->next_frame_us = sim_now(side->sim);
    sim_touch(side->sim, side->endpoint);
}

void transport_side_gather(struct transport_side *side) {
    (void)peer_transport_gather(side->transport, sim_now(side->sim));
}

static void restart_now(struct sim *sim, void *context) {
    struct transport_side *side = context;
    if (sim_now(sim) < side->last_restart_us + SIDE_RESTART_PAUSE_US)
        return; /* another reason has come first */
    side->last_restart_us = sim_now(sim);
    side->restarts++;
    if (peer_transport_restart(side->transport, sim_now(sim), NULL, NULL) == PEER_OK)
        signaling_send_description(side, false);
}

void transport_side_hear_request(struct transport_side *side) {
    /* It may have crossed our offer, which is what it asks for. */
    if (side->last_restart_us == 0 || sim_now(side->sim) >= side->last_restart_us + SIDE_RESTART_PAUSE_US)
        transport_side_restart(side);
}

void transport_side_restart(struct transport_side *side) {
    assert(side->is_offerer && side->config.trickles);
    uint64_t now_us = sim_now(side->sim), due_us = side->last_restart_us > 0 ? side->last_restart_us + SIDE_RESTART_PAUSE_US : now_us;
    sim_at(side->sim, due_us < now_us ? now_us : due_us, restart_now, side, side->endpoint);
}

static void start_side(struct transport_side *side) {
    const struct transport_side_config *own = &side->config;
    struct peer_transport_config config = {
        .ice = {.role = side->is_offerer ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED, .transport_policy = own->policy, .servers = own->servers,
                .server_count = own->server_count, .random = sim_random_fill, .random_context = sim_random_of(side->sim)},
        .certificate = own->certificate,
    };
    side->started_us = sim_now(side->sim);
    side->transport = peer_transport_new(&config, side->started_us);
    assert(side->transport);
    side->endpoint = sim_attach(side->sim, side->name, &verbs, side);
    int interfaces[SIDE_INTERFACE_MAX];
    memcpy(interfaces, own->interfaces, sizeof interfaces);
    give_interfaces(side, interfaces, own->interface_count);
}

void transport_sides_begin(struct sim *sim, struct transport_side sides[2], const struct transport_side_config configs[2]) {
    for (int i = 0; i < 2; i++) {
        struct transport_side *side = &sides[i];
        memset(side, 0, sizeof *side);
        side->sim = sim;
        side->config = configs[i];
        side->name = i == 0 ? "offerer" : "answerer";
        side->is_offerer = i == 0;
        side->other = &sides[1 - i];
        side->next_frame_us = UINT64_MAX;
        side->config.frames = side->config.frames ? side->config.frames : SIDE_FRAMES;
        side->config.signaling_delay_us = side->config.signaling_delay_us ? side->config.signaling_delay_us : SIDE_SIGNALING_DELAY_US;
        assert(side->config.frames <= SIDE_FRAMES_MAX && configs[i].trickles == configs[0].trickles);
    }
    for (int i = 0; i < 2; i++)
        start_side(&sides[i]);
    for (int i = 0; i < 2; i++) {
        if (sides[i].is_offerer || !sides[i].config.trickles)
            transport_side_gather(&sides[i]);
        if (sides[i].is_offerer && sides[i].config.trickles)
            signaling_send_description(&sides[i], false);
        sim_touch(sim, sides[i].endpoint);
    }
}

void transport_sides_start(struct sim *sim, struct transport_side sides[2], const int interfaces[2],
                           struct dtls_certificate *const certificates[2], const struct ice_server *servers, size_t server_count) {
    struct transport_side_config configs[2];
    for (int i = 0; i < 2; i++)
        configs[i] = (struct transport_side_config){.interfaces = {interfaces[i]}, .interface_count = 1, .servers = servers,
                                                    .server_count = server_count, .certificate = certificates[i]};
    transport_sides_begin(sim, sides, configs);
}

void transport_sides_free(struct transport_side sides[2]) {
    for (int i = 0; i < 2; i++) {
        peer_transport_free(sides[i].transport);
        signaling_free(&sides[i]);
    }
}

static bool is_relayed(const struct transport_side *side) {
    return side->selection.local == ICE_CANDIDATE_RELAYED || side->selection.remote == ICE_CANDIDATE_RELAYED;
}

/* Either side may know a relayed address of the other as a peer-reflexive one, so both are asked. */
bool transport_sides_are_relayed(const struct transport_side sides[2]) {
    return is_relayed(&sides[0]) || is_relayed(&sides[1]);
}

bool transport_sides_are_connected(const struct transport_side sides[2]) {
    return sides[0].connected_us > 0 && sides[1].connected_us > 0;
}

bool transport_sides_have_verdict(const struct transport_side sides[2]) {
    if (sides[0].failed_us > 0 && sides[1].failed_us > 0)
        return true;
    if (!transport_sides_are_connected(sides))
        return false;
    uint64_t last_us = sides[0].connected_us > sides[1].connected_us ? sides[0].connected_us : sides[1].connected_us;
    unsigned frames = sides[0].config.frames > sides[1].config.frames ? sides[0].config.frames : sides[1].config.frames;
    return sim_now(sides[0].sim) > last_us + frames * SIDE_FRAME_INTERVAL_US + SIM_SECOND_US / 2;
}

void transport_side_explain(const struct transport_side *side) {
    struct peer_transport_statistics statistics;
    peer_transport_statistics(side->transport, &statistics);
    const struct ice_agent *agent = peer_transport_ice(side->transport);
    struct ice_statistics ice;
    ice_agent_statistics(agent, &ice);
    printf("%s: %s, ice %s (failure %d), dtls %s (failure %d), dtls started at +%llu ms, early dropped %llu, invalid path %llu\n", side->name,
           peer_transport_state_name(side->state), ice_state_name(ice.state), (int)side->ice_failure, dtls_transport_state_name(statistics.dtls_state),
           (int)side->dtls_failure, statistics.dtls_started_us > side->started_us ? (unsigned long long)(statistics.dtls_started_us - side->started_us) / 1000 : 0,
           (unsigned long long)statistics.early_dropped, (unsigned long long)statistics.invalid_path_dropped);
    for (size_t i = 0; i < ice_agent_pair_count(agent); i++) {
        struct ice_pair_statistics pair;
        char local[STUN_ADDRESS_TEXT_BYTES], remote[STUN_ADDRESS_TEXT_BYTES];
        if (!ice_agent_pair_statistics(agent, i, &pair))
            continue;
        stun_address_write(&pair.local->address, local, sizeof local);
        stun_address_write(&pair.remote->address, remote, sizeof remote);
        printf("    %s %s -> %s %s: %s%s%s, %llu requests sent, %llu answered, %llu received\n", ice_candidate_type_name(pair.local->type), local,
               ice_candidate_type_name(pair.remote->type), remote, ice_pair_state_name(pair.state), pair.nominated ? " nominated" : "",
               pair.selected ? " selected" : "", (unsigned long long)pair.requests_sent, (unsigned long long)pair.responses_received,
               (unsigned long long)pair.requests_received);
    }
    for (size_t i = 0; i < ice_agent_server_count(agent); i++) {
        struct ice_server_statistics server;
        if (ice_agent_server_statistics(agent, i, &server))
            printf("    %s %s:%u: %s, code %u, error %d, relays lost %u\n", server.kind == ICE_SERVER_TURN ? "turn" : "stun", server.host, server.port,
                   ice_server_state_name(server.state), server.code, server.error, server.relays_lost);
    }
}
