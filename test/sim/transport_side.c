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
    const uint8_t header[12] = {0x80, 96, (uint8_t)(side->frames_sent >> 8), (uint8_t)side->frames_sent, 0, 0, 0, 0, 0x57, 0x52, 0x54, side->is_offerer};
    memcpy(packet, header, sizeof header);
    for (size_t i = 0; i < FRAME_BYTES; i++)
        packet[sizeof header + i] = frame_byte(side->is_offerer, side->frames_sent, i);
    return sizeof header + FRAME_BYTES;
}

static void read_frame(struct transport_side *side, const uint8_t *packet, size_t length) {
    uint16_t sequence = (uint16_t)(length >= 4 ? packet[2] << 8 | packet[3] : 0);
    bool is_damaged = length != 12 + FRAME_BYTES || sequence >= SIDE_FRAMES;
    for (size_t i = 0; i < FRAME_BYTES && !is_damaged; i++)
        is_damaged = packet[12 + i] != frame_byte(!side->is_offerer, sequence, i);
    if (is_damaged) {
        side->frames_damaged++;
        return;
    }
    side->frames_doubled += side->seen[sequence];
    side->seen[sequence] = true;
    side->frames_received++;
}

/* ---- the contract's verbs ----------------------------------------------------------------------------------------------- */

static struct ice_path to_ice_path(const struct sim_path *path) {
    return (struct ice_path){.transport = ICE_TRANSPORT_UDP, .local = path->local, .remote = path->remote};
}

static void handle_datagram(void *object, uint64_t now_us, const struct sim_path *sim_path, uint8_t *bytes, size_t length) {
    struct transport_side *side = object;
    struct ice_path path = to_ice_path(sim_path);
    (void)peer_transport_handle_datagram(side->transport, now_us, &path, bytes, length);
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
    if (!has_one && now_us >= side->next_frame_us && side->frames_sent < SIDE_FRAMES) {
        size_t length = write_frame(side, buffer + ICE_HEADROOM_BYTES);
        has_one = peer_transport_protect_rtp(side->transport, now_us, buffer, length, PEER_TRANSMIT_BUFFER_BYTES, &transmit) == PEER_OK;
        side->frames_sent++;
        side->next_frame_us = side->frames_sent < SIDE_FRAMES ? side->next_frame_us + SIDE_FRAME_INTERVAL_US : UINT64_MAX;
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

/* Arrives at the other side: a description is text, and is read as such. */
static void deliver_description(struct sim *sim, void *context) {
    struct transport_side *side = context;
    struct description remote;
    bool is_good = description_read(side->remote_text, &remote);
    /* RFC 8842 section 5.3: the offer says actpass, the answerer becomes the client. */
    is_good = is_good && description_apply(side->transport, sim_now(sim), &remote, side->is_offerer ? DTLS_ROLE_SERVER : DTLS_ROLE_CLIENT);
    assert(is_good);
}

static void send_description(struct transport_side *side) {
    size_t length = description_write(side->transport, true, side->other->remote_text, sizeof side->other->remote_text);
    assert(length > 0);
    sim_at(side->sim, sim_now(side->sim) + SIDE_SIGNALING_DELAY_US, deliver_description, side->other, side->other->endpoint);
}

static void take_event(struct transport_side *side, uint64_t now_us, const struct peer_event *event) {
    if (event->type == PEER_EVENT_DTLS)
        side->dtls_failure = event->as.dtls.failure;
    if (event->type == PEER_EVENT_ICE && event->as.ice.type == ICE_EVENT_STATE)
        side->ice_failure = event->as.ice.as.state.failure;
    bool is_complete = event->type == PEER_EVENT_ICE && event->as.ice.type == ICE_EVENT_GATHERING_STATE &&
                       event->as.ice.as.gathering_state == ICE_GATHERING_COMPLETE;
    if (is_complete && !side->is_gathered) {
        side->is_gathered = true;
        send_description(side);
    }
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
            read_frame(side, received.bytes, received.length);
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
                                       .next_timeout = next_timeout};

/* ---- life ------------------------------------------------------------------------------------------------------------------ */

static void start_side(struct transport_side *side, int interface_, struct dtls_certificate *certificate, const struct ice_server *servers,
                       size_t server_count) {
    struct peer_transport_config config = {
        .ice = {.role = side->is_offerer ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED, .servers = servers, .server_count = server_count,
                .random = sim_random_fill, .random_context = sim_random_of(side->sim)},
        .certificate = certificate,
    };
    side->started_us = sim_now(side->sim);
    side->transport = peer_transport_new(&config, side->started_us);
    assert(side->transport);
    side->endpoint = sim_attach(side->sim, side->name, &verbs, side);
    const struct stun_address *base = sim_bind(side->sim, side->endpoint, interface_, 0);
    assert(base);
    struct ice_interface interface = {.base = *base, .preference = 65535};
    (void)peer_transport_handle_interfaces(side->transport, side->started_us, &interface, 1);
    (void)peer_transport_gather(side->transport, side->started_us);
    sim_touch(side->sim, side->endpoint);
}

void transport_sides_start(struct sim *sim, struct transport_side sides[2], const int interfaces[2],
                           struct dtls_certificate *const certificates[2], const struct ice_server *servers, size_t server_count) {
    for (int i = 0; i < 2; i++)
        sides[i] = (struct transport_side){.sim = sim, .name = i == 0 ? "offerer" : "answerer", .is_offerer = i == 0, .other = &sides[1 - i],
                                           .next_frame_us = UINT64_MAX};
    for (int i = 0; i < 2; i++)
        start_side(&sides[i], interfaces[i], certificates[i], servers, server_count);
}

void transport_sides_free(struct transport_side sides[2]) {
    for (int i = 0; i < 2; i++)
        peer_transport_free(sides[i].transport);
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
    return sim_now(sides[0].sim) > last_us + SIDE_FRAMES * SIDE_FRAME_INTERVAL_US + SIM_SECOND_US / 2;
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
}
