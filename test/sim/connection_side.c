#include "test/sim/connection_side.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUDIO_BYTES 80
#define VIDEO_BYTES 3000
#define TEXT_BYTES 32768

static const uint64_t interval_us[2] = {20000, 33333};

/* ---- synthetic frames --------------------------------------------------------------------------------------------------------- */

/* As a decoder would see them: RFC 6716 section 3.1, RFC 6386 section 9.1; the number stands in bytes 10 to 13, all others follow from it. */
static size_t write_frame(size_t kind, uint32_t number, bool is_key, uint8_t *out) {
    size_t length = kind == CONNECTION_SIDE_AUDIO ? AUDIO_BYTES : VIDEO_BYTES;
    static const uint8_t key_header[10] = {0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01};
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(number * 31u + i * 7u);
    memcpy(out, key_header, sizeof key_header);
    if (kind == CONNECTION_SIDE_AUDIO)
        out[0] = 0x78;
    else if (!is_key)
        out[0] = 0x11;
    for (int i = 0; i < 4; i++)
        out[10 + i] = (uint8_t)(number >> (24 - 8 * i));
    return length;
}

static void send_frame(struct connection_side *side, uint64_t now_us, size_t kind) {
    struct connection_side_media *media = &side->media[kind];
    uint8_t bytes[VIDEO_BYTES];
    bool is_key = kind == CONNECTION_SIDE_VIDEO && (media->sent == 0 || media->wants_key_frame);
    struct peer_frame frame = {.bytes = bytes, .timestamp = media->sent * (kind == CONNECTION_SIDE_AUDIO ? 960u : 3000u), .capture_us = now_us, .is_key_frame = is_key};
    frame.length = write_frame(kind, media->sent, is_key, bytes);
    media->next_us += interval_us[kind];
    if (peer_connection_send_frame(side->connection, now_us, kind, &frame) == PEER_OK && is_key)
        media->wants_key_frame = false;
    media->sent++;
}

static void take_frame(struct connection_side *side, uint64_t now_us, const struct peer_received_frame *frame) {
    struct connection_side_media *media = &side->media[frame->transceiver];
    uint8_t expected[VIDEO_BYTES];
    uint32_t number = 0;
    for (size_t i = 10; i < 14 && frame->length >= 14; i++)
        number = number << 8 | frame->bytes[i];
    size_t length = write_frame(frame->transceiver, number, frame->is_key_frame, expected);
    bool is_good = frame->length == length && memcmp(frame->bytes, expected, length) == 0 && (media->received == 0 || number > media->last_number);
    media->damaged += !is_good;
    media->last_number = number;
    media->received++;
    if (side->gaps_from_us > 0 && media->last_us >= side->gaps_from_us) {
        uint64_t gap_us = now_us - media->last_us;
        media->longest_gap_us = gap_us > media->longest_gap_us ? gap_us : media->longest_gap_us;
        media->frozen_us += gap_us > CONNECTION_SIDE_FREEZE_US ? gap_us : 0;
    }
    media->last_us = now_us;
    if (side->watched_us > 0 && now_us >= side->watched_us && media->resumed_us == 0)
        media->resumed_us = now_us;
}

/* ---- signaling: messages keep their order --------------------------------------------------------------------------------------- */

struct connection_message {
    struct connection_message *next;
    struct connection_side *to;
    bool is_candidate;
    enum peer_sdp_type type;
    int line_index;
    char mid[PEER_MID_MAX_BYTES + 1], ufrag[ICE_UFRAG_MAX_BYTES + 1];
    char text[];
};

static struct connection_message *make_message(struct connection_side *side, size_t text_bytes) {
    struct connection_message *message = calloc(1, sizeof *message + text_bytes + 1);
    if (!message)
        abort();
    message->next = side->messages;
    message->to = side->other;
    side->messages = message;
    return message;
}

static void describe(struct connection_side *side);

static void take_description(struct connection_side *side, const struct connection_message *message) {
    bool is_offer = message->type == PEER_SDP_OFFER;
    bool is_collision = is_offer && peer_connection_signaling_state(side->connection) != PEER_SIGNALING_STABLE;
    if (is_collision && !side->is_polite)
        return;
    struct peer_problem problem = {0};
    int error = peer_connection_set_remote_description(side->connection, sim_now(side->sim), message->type, message->text, strlen(message->text), &problem);
    if (error != PEER_OK)
        printf("%s: refused: %s\n%s\n", side->name, problem.rule, message->text);
    assert(error == PEER_OK);
    if (is_offer)
        describe(side);
}

static void deliver(struct sim *sim, void *context) {
    const struct connection_message *message = context;
    if (!message->is_candidate) {
        take_description(message->to, message);
        return;
    }
    struct peer_candidate_init init = {.candidate = message->text, .candidate_length = strlen(message->text), .mid = message->mid, .mid_length = strlen(message->mid),
                                       .line_index = message->line_index, .ufrag = message->ufrag, .ufrag_length = strlen(message->ufrag)};
    (void)peer_connection_add_ice_candidate(message->to->connection, sim_now(sim), &init);
}

static void send_message(struct connection_side *side, struct connection_message *message) {
    sim_at(side->sim, sim_now(side->sim) + CONNECTION_SIDE_SIGNALING_US, deliver, message, side->other->endpoint);
}

/* The offer or the answer that the state asks for. */
static void describe(struct connection_side *side) {
    char text[TEXT_BYTES];
    size_t length;
    enum peer_sdp_type type;
    int error = peer_connection_set_local_description(side->connection, sim_now(side->sim), PEER_SDP_IMPLICIT, NULL, 0, NULL);
    assert(error == PEER_OK);
    error = peer_connection_description(side->connection, PEER_LOCAL, &type, text, sizeof text, &length);
    assert(error == PEER_OK);
    struct connection_message *message = make_message(side, length);
    memcpy(message->text, text, length);
    message->type = type;
    side->offers += type == PEER_SDP_OFFER;
    send_message(side, message);
}

static void send_candidate(struct connection_side *side, const struct peer_connection_event *event) {
    size_t length = strlen(event->as.ice_candidate.candidate);
    struct connection_message *message = make_message(side, length);
    memcpy(message->text, event->as.ice_candidate.candidate, length);
    memcpy(message->mid, event->as.ice_candidate.mid, strlen(event->as.ice_candidate.mid));
    memcpy(message->ufrag, event->as.ice_candidate.ufrag, strlen(event->as.ice_candidate.ufrag));
    message->line_index = event->as.ice_candidate.line_index;
    message->is_candidate = true;
    send_message(side, message);
}

/* ---- the contract's verbs ---------------------------------------------------------------------------------------------------------- */

static struct ice_path to_ice_path(const struct sim_path *path) {
    return (struct ice_path){.transport = ICE_TRANSPORT_UDP, .local = path->local, .remote = path->remote};
}

static struct ice_path to_stream_path(const struct connection_side *side, uint64_t stream_id, const struct sim_path *path) {
    struct ice_path result = {.local = path->local, .remote = path->remote, .stream_id = stream_id};
    for (size_t i = 0; i < side->stream_count; i++)
        if (side->streams[i].id == stream_id)
            result.transport = side->streams[i].transport;
    return result;
}

static void handle_datagram(void *object, uint64_t now_us, const struct sim_path *sim_path, uint8_t *bytes, size_t length) {
    struct ice_path path = to_ice_path(sim_path);
    (void)peer_connection_handle_datagram(((struct connection_side *)object)->connection, now_us, &path, bytes, length);
}

static void handle_stream_opened(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *sim_path) {
    struct ice_path path = to_stream_path(object, stream_id, sim_path);
    (void)peer_connection_handle_stream_opened(((struct connection_side *)object)->connection, now_us, &path);
}

static void handle_stream_bytes(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *sim_path, const uint8_t *bytes, size_t length) {
    struct ice_path path = to_stream_path(object, stream_id, sim_path);
    (void)peer_connection_handle_stream_bytes(((struct connection_side *)object)->connection, now_us, &path, bytes, length);
}

static void handle_stream_closed(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *sim_path, int error) {
    struct ice_path path = to_stream_path(object, stream_id, sim_path);
    (void)peer_connection_handle_stream_closed(((struct connection_side *)object)->connection, now_us, &path, error);
}

static void handle_send_error(void *object, uint64_t now_us, const struct sim_path *sim_path, int error) {
    struct ice_path path = to_ice_path(sim_path);
    peer_connection_handle_send_error(((struct connection_side *)object)->connection, now_us, &path, error);
}

static void handle_timeout(void *object, uint64_t now_us) {
    struct connection_side *side = object;
    for (size_t kind = 0; kind < 2; kind++)
        if (now_us >= side->media[kind].next_us)
            send_frame(side, now_us, kind);
    if (now_us >= peer_connection_next_timeout(side->connection))
        peer_connection_handle_timeout(side->connection, now_us);
}

static uint64_t next_timeout(const void *object) {
    const struct connection_side *side = object;
    uint64_t next_us = peer_connection_next_timeout(side->connection);
    for (size_t kind = 0; kind < 2; kind++)
        next_us = side->media[kind].next_us < next_us ? side->media[kind].next_us : next_us;
    return next_us;
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sim_transmit *out) {
    struct ice_transmit transmit;
    if (!peer_connection_poll_transmit(((struct connection_side *)object)->connection, now_us, buffer, capacity, &transmit))
        return false;
    *out = (struct sim_transmit){.path = {transmit.path.local, transmit.path.remote}, .offset = transmit.offset, .length = transmit.length,
                                 .segment_bytes = transmit.segment_bytes, .stream_id = transmit.path.stream_id};
    return true;
}

/* ---- sockets ------------------------------------------------------------------------------------------------------------------------- */

/* Binds what is not bound, and tells the transport of all. */
static void give_sockets(struct connection_side *side, size_t transport, const int *numbers, const struct stun_address *bases, size_t count) {
    struct ice_interface interfaces[CONNECTION_SIDE_INTERFACE_MAX];
    struct stun_address bound[CONNECTION_SIDE_INTERFACE_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < side->config.interface_count; k++)
            if (side->config.interfaces[k] == numbers[i] && bases[k].family != STUN_ADDRESS_NONE)
                bound[i] = bases[k];
        if (bound[i].family == STUN_ADDRESS_NONE)
            bound[i] = *sim_bind(side->sim, side->endpoint, numbers[i], 0);
        interfaces[i] = (struct ice_interface){.base = bound[i], .preference = (uint16_t)(65535 - i)};
    }
    memcpy(side->bases[transport], bound, sizeof bound);
    (void)peer_connection_handle_transport_interfaces(side->connection, sim_now(side->sim), transport, interfaces, count);
}

void connection_side_set_interfaces(struct connection_side *side, const int *interfaces, size_t count) {
    struct stun_address before[PEER_TRANSPORT_MAX][CONNECTION_SIDE_INTERFACE_MAX];
    assert(count <= CONNECTION_SIDE_INTERFACE_MAX);
    memcpy(before, side->bases, sizeof before);
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++)
        if (i == 0 || before[i][0].family != STUN_ADDRESS_NONE)
            give_sockets(side, i, interfaces, before[i], count);
    memcpy(side->config.interfaces, interfaces, count * sizeof interfaces[0]);
    side->config.interface_count = count;
    sim_touch(side->sim, side->endpoint);
}

static void open_stream(struct connection_side *side, const struct ice_path *path) {
    assert(side->stream_count < CONNECTION_SIDE_STREAM_MAX);
    side->streams[side->stream_count].id = path->stream_id;
    side->streams[side->stream_count++].transport = path->transport;
    size_t best = 0;
    for (size_t i = side->config.interface_count; i-- > 0;)
        if (stun_address_equal_ip(&side->bases[0][i], &path->local) || (path->local.family == STUN_ADDRESS_NONE && side->bases[0][i].family == path->remote.family))
            best = i;
    sim_open_stream(side->sim, side->endpoint, side->config.interfaces[best], path->stream_id, &path->remote);
}

/* ---- what comes upward ------------------------------------------------------------------------------------------------------------------ */

static void take_state(struct connection_side *side, uint64_t now_us, enum peer_connection_state state) {
    side->state = state;
    side->failures += state == PEER_CONNECTION_FAILED;
    side->disconnections += state == PEER_CONNECTION_DISCONNECTED;
    if (state != PEER_CONNECTION_CONNECTED || side->connected_us > 0)
        return;
    side->connected_us = now_us;
    for (size_t kind = 0; kind < 2; kind++)
        side->media[kind].next_us = side->config.has_no_media ? UINT64_MAX : now_us;
}

static void take_event(struct connection_side *side, uint64_t now_us, const struct peer_connection_event *event) {
    switch (event->type) {
    case PEER_CONNECTION_EVENT_NEGOTIATION_NEEDED: describe(side); break;
    case PEER_CONNECTION_EVENT_ICE_CANDIDATE: send_candidate(side, event); break;
    case PEER_CONNECTION_EVENT_CONNECTION_STATE: take_state(side, now_us, event->as.connection_state); break;
    case PEER_CONNECTION_EVENT_SELECTED_PAIR:
        side->selections++;
        side->local_type = event->as.selected_pair.local->type;
        side->remote_type = event->as.selected_pair.remote->type;
        break;
    case PEER_CONNECTION_EVENT_ICE_RESTART_NEEDED:
        side->restarts_needed++;
        side->restart_reason = event->as.restart_reason;
        break;
    case PEER_CONNECTION_EVENT_FRAME: take_frame(side, now_us, &event->as.frame); break;
    case PEER_CONNECTION_EVENT_KEY_FRAME_REQUESTED: side->media[CONNECTION_SIDE_VIDEO].wants_key_frame = true; break;
    case PEER_CONNECTION_EVENT_SOCKETS_NEEDED:
        give_sockets(side, event->as.transport, side->config.interfaces, side->bases[event->as.transport], side->config.interface_count);
        break;
    case PEER_CONNECTION_EVENT_SOCKETS_FREE: memset(side->bases[event->as.transport], 0, sizeof side->bases[0]); break;
    case PEER_CONNECTION_EVENT_OPEN_STREAM: open_stream(side, &event->as.stream.path); break;
    case PEER_CONNECTION_EVENT_CLOSE_STREAM: sim_close_stream(side->sim, side->endpoint, event->as.stream.path.stream_id); break;
    default:
        if (side->config.take_data)
            side->config.take_data(side->config.data_context, now_us, event);
    }
}

static bool poll_upward(void *object, uint64_t now_us) {
    struct connection_side *side = object;
    struct peer_connection_event event;
    if (!peer_connection_poll_event(side->connection, &event))
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

/* ---- life ------------------------------------------------------------------------------------------------------------------------------------ */

static void start_side(struct connection_side *side) {
    const struct connection_side_config *own = &side->config;
    struct peer_connection_config config = {
        .ice = {.transport_policy = own->policy, .servers = own->servers, .server_count = own->server_count, .random = sim_random_fill,
                .random_context = sim_random_of(side->sim)},
        .bundle_policy = own->bundle_policy,
        .certificate = own->certificate,
        .wall_clock_offset_us = 1700000000000000,
    };
    side->connection = peer_connection_new(&config, sim_now(side->sim));
    assert(side->connection);
    side->endpoint = sim_attach(side->sim, side->name, &verbs, side);
    give_sockets(side, 0, own->interfaces, side->bases[0], own->interface_count);
}

static void add_tracks(struct connection_side *side) {
    for (int kind = 0; kind < 2; kind++) {
        struct peer_transceiver_config track = {.kind = (enum peer_media_kind)kind};
        size_t index;
        int error = peer_connection_add_track(side->connection, &track, &index);
        assert(error == PEER_OK && index == (size_t)kind);
        (void)error;
    }
}

void connection_sides_start(struct sim *sim, struct connection_side sides[2], const struct connection_side_config configs[2]) {
    for (int i = 0; i < 2; i++) {
        sides[i] = (struct connection_side){.sim = sim, .config = configs[i], .name = i == 0 ? "offerer" : "answerer", .is_polite = i == 1, .other = &sides[1 - i]};
        for (size_t kind = 0; kind < 2; kind++)
            sides[i].media[kind].next_us = UINT64_MAX;
    }
    for (int i = 0; i < 2; i++)
        start_side(&sides[i]);
    for (int i = 0; i < 2; i++) {
        if (!sides[i].config.has_no_media)
            add_tracks(&sides[i]); /* both: offers cross, and the polite side yields */
        sim_touch(sim, sides[i].endpoint);
    }
}

void connection_sides_free(struct connection_side sides[2]) {
    for (int i = 0; i < 2; i++) {
        peer_connection_free(sides[i].connection);
        while (sides[i].messages) {
            struct connection_message *next = sides[i].messages->next;
            free(sides[i].messages);
            sides[i].messages = next;
        }
    }
}

void connection_side_watch_gaps(struct connection_side *side, uint64_t from_us) {
    side->gaps_from_us = from_us;
    for (size_t kind = 0; kind < 2; kind++)
        side->media[kind].longest_gap_us = side->media[kind].frozen_us = 0;
}

void connection_side_explain(const struct connection_side *side) {
    printf("%s: %s, %u offers, %u selections, %u restarts needed (%s), %u disconnections, %u failures\n", side->name,
           peer_connection_state_name(side->state), side->offers,
           side->selections, side->restarts_needed, ice_restart_reason_name(side->restart_reason), side->disconnections, side->failures);
    for (size_t kind = 0; kind < 2; kind++) {
        const struct connection_side_media *media = &side->media[kind];
        printf("    %s: %u sent, %u received, %u damaged, longest gap %llu ms, last at +%llu ms\n", peer_media_kind_name((enum peer_media_kind)kind), media->sent,
               media->received, media->damaged, (unsigned long long)media->longest_gap_us / 1000,
               media->last_us > SIM_START_US ? (unsigned long long)(media->last_us - SIM_START_US) / 1000 : 0);
    }
}
