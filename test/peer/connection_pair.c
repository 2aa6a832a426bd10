#include "test/peer/connection_pair.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DATAGRAM_BYTES 2048
#define VIDEO_FRAME_BYTES 4000
#define AUDIO_FRAME_BYTES 80

struct connection_datagram {
    uint64_t due_us;
    struct ice_path path;
    int to;
    size_t length;
    uint8_t bytes[DATAGRAM_BYTES];
};

uint64_t connection_pair_random(struct connection_pair *pair) {
    /* splitmix64, public domain */
    uint64_t z = (pair->random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static bool chance(struct connection_pair *pair, double probability) {
    return (double)(connection_pair_random(pair) >> 11) / 9007199254740992.0 < probability;
}

static void random_bytes(void *context, uint8_t *out, size_t length) {
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)connection_pair_random(context);
}

/* ---- synthetic frames: number, then bytes that follow from it --------------------------------------------------------------- */

static uint8_t pattern_byte(uint32_t number, size_t i) {
    return (uint8_t)(number * 31u + i * 7u);
}

/* RFC 7741's payload begins as RFC 6386 section 9.1 says: bit 0 of the frame tag is 0 for a key frame, which has a start code. */
static size_t make_frame(size_t transceiver, uint32_t number, bool is_key, uint8_t *out) {
    size_t length = transceiver == CONNECTION_PAIR_AUDIO ? AUDIO_FRAME_BYTES : is_key ? 3 * VIDEO_FRAME_BYTES : VIDEO_FRAME_BYTES;
    for (size_t i = 0; i < length; i++)
        out[i] = pattern_byte(number, i);
    static const uint8_t key_header[10] = {0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01};
    memcpy(out, key_header, sizeof key_header);
    if (transceiver == CONNECTION_PAIR_AUDIO)
        out[0] = 0x78; /* a TOC byte: CELT, 20 ms, one frame (RFC 6716 section 3.1) */
    else if (!is_key)
        out[0] = 0x11;
    for (int i = 0; i < 4; i++)
        out[10 + i] = (uint8_t)(number >> (24 - 8 * i));
    return length;
}

static bool check_frame(const struct peer_received_frame *frame, uint32_t *number) {
    static uint8_t expected[3 * VIDEO_FRAME_BYTES];
    if (frame->length < 14)
        return false;
    *number = (uint32_t)frame->bytes[10] << 24 | (uint32_t)frame->bytes[11] << 16 | (uint32_t)frame->bytes[12] << 8 | frame->bytes[13];
    size_t length = make_frame(frame->transceiver, *number, frame->is_key_frame, expected);
    return length == frame->length && memcmp(expected, frame->bytes, length) == 0;
}

int connection_pair_send_frame(struct connection_pair *pair, int from, size_t transceiver) {
    struct connection_end *end = &pair->ends[from];
    static uint8_t bytes[3 * VIDEO_FRAME_BYTES];
    bool is_video = transceiver == CONNECTION_PAIR_VIDEO;
    uint32_t number = end->frames_sent[transceiver]++;
    bool is_key = is_video && (number == 0 || end->wants_key_frame);
    size_t length = make_frame(transceiver, number, is_key, bytes);
    struct peer_frame frame = {bytes, length, is_video ? number * 3000u : number * 960u, pair->now_us, is_key};
    int error = peer_connection_send_frame(end->connection, pair->now_us, transceiver, &frame);
    if (error == PEER_OK && is_key)
        end->wants_key_frame = false;
    return error;
}

static void take_frame(struct connection_end *end, const struct peer_received_frame *frame) {
    size_t t = frame->transceiver;
    uint32_t number = 0;
    if (!check_frame(frame, &number) || (end->frames_received[t] > 0 && number <= end->last_number[t]))
        end->broken_frames[t]++;
    end->last_number[t] = number;
    end->frames_received[t]++;
    end->last_codec[t] = frame->codec;
    end->key_frames_received[t] += frame->is_key_frame;
    end->lost_reported[t] += frame->lost_before;
}

/* ---- the wire --------------------------------------------------------------------------------------------------------------- */

static struct stun_address address_of(const struct connection_end *end, size_t transport) {
    struct stun_address address = end->address;
    address.port = (uint16_t)(address.port + 1000 * transport);
    return address;
}

static bool is_reachable(const struct connection_end *end, const struct stun_address *address) {
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++) {
        struct stun_address ours = address_of(end, i);
        if ((i == 0 || end->has_sockets[i]) && stun_address_equal(&ours, address))
            return true;
    }
    return false;
}

static void open_sockets(struct connection_pair *pair, int index, size_t transport) {
    struct connection_end *end = &pair->ends[index];
    struct ice_interface interface = {.base = address_of(end, transport), .preference = 65535};
    assert(!end->has_sockets[transport]);
    end->has_sockets[transport] = true;
    (void)peer_connection_handle_transport_interfaces(end->connection, pair->now_us, transport, &interface, 1);
}

static void put_on_wire(struct connection_pair *pair, int from, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    assert(pair->datagram_count < CONNECTION_PAIR_DATAGRAM_MAX && length <= DATAGRAM_BYTES && length > 0);
    bool is_rtp = bytes[0] >= 128 && bytes[0] <= 191, is_dtls = bytes[0] >= 20 && bytes[0] <= 63;
    bool is_data = is_dtls && pair->ends[0].state == PEER_CONNECTION_CONNECTED && pair->ends[1].state == PEER_CONNECTION_CONNECTED;
    pair->sent++;
    pair->ends[from].packets_rtp += is_rtp;
    if (!is_reachable(&pair->ends[1 - from], &path->remote) || (is_rtp && chance(pair, pair->loss)) || (is_data && chance(pair, pair->data_loss))) {
        pair->lost++;
        return;
    }
    struct connection_datagram *datagram = &pair->datagrams[pair->datagram_count++];
    *datagram = (struct connection_datagram){.due_us = pair->now_us + pair->delay_us, .to = 1 - from, .length = length};
    datagram->path = (struct ice_path){.transport = path->transport, .local = path->remote, .remote = path->local};
    memcpy(datagram->bytes, bytes, length);
}

static void give_candidate(struct connection_pair *pair, int to, const struct connection_pair_candidate *candidate) {
    struct peer_candidate_init init = {
        .candidate = candidate->text,
        .candidate_length = strlen(candidate->text),
        .mid = candidate->mid,
        .mid_length = strlen(candidate->mid),
        .line_index = candidate->line_index,
        .ufrag = candidate->ufrag,
        .ufrag_length = strlen(candidate->ufrag),
    };
    (void)peer_connection_add_ice_candidate(pair->ends[to].connection, pair->now_us, &init);
}

static void take_candidate(struct connection_pair *pair, int from, const struct peer_connection_event *event) {
    struct connection_end *end = &pair->ends[from];
    assert(end->candidate_count < CONNECTION_PAIR_CANDIDATE_MAX);
    struct connection_pair_candidate *kept = &end->candidates[end->candidate_count++];
    assert(strlen(event->as.ice_candidate.mid) <= PEER_MID_MAX_BYTES);
    memcpy(kept->text, event->as.ice_candidate.candidate, strlen(event->as.ice_candidate.candidate) + 1);
    memcpy(kept->mid, event->as.ice_candidate.mid, strlen(event->as.ice_candidate.mid) + 1);
    memcpy(kept->ufrag, event->as.ice_candidate.ufrag, strlen(event->as.ice_candidate.ufrag) + 1);
    kept->line_index = event->as.ice_candidate.line_index;
    if (pair->trickle)
        give_candidate(pair, 1 - from, kept);
}

void connection_pair_give_candidates(struct connection_pair *pair, int from) {
    for (size_t i = 0; i < pair->ends[from].candidate_count; i++)
        give_candidate(pair, 1 - from, &pair->ends[from].candidates[i]);
}

static void note_key(char keys[64], char key) {
    size_t length = strlen(keys);
    assert(length < 63);
    keys[length] = key != '\0' ? key : '.';
    keys[length + 1] = '\0';
}

static void take_event(struct connection_pair *pair, int index, const struct peer_connection_event *event) {
    struct connection_end *end = &pair->ends[index];
    end->events++;
    switch (event->type) {
    case PEER_CONNECTION_EVENT_NEGOTIATION_NEEDED: end->negotiation_needed++; break;
    case PEER_CONNECTION_EVENT_SIGNALING_STATE:
        end->signaling_state = event->as.signaling_state;
        end->signaling_events++;
        break;
    case PEER_CONNECTION_EVENT_ICE_GATHERING_STATE: end->gathered = event->as.ice_gathering_state == ICE_GATHERING_COMPLETE; break;
    case PEER_CONNECTION_EVENT_ICE_CANDIDATE: take_candidate(pair, index, event); break;
    case PEER_CONNECTION_EVENT_ICE_CONNECTION_STATE: end->ice_state = event->as.ice_connection_state; break;
    case PEER_CONNECTION_EVENT_CONNECTION_STATE:
        end->state = event->as.connection_state;
        if (end->state == PEER_CONNECTION_CONNECTED && end->connected_us == 0)
            end->connected_us = pair->now_us;
        break;
    case PEER_CONNECTION_EVENT_TRACK:
        end->tracks++;
        memcpy(end->stream, event->as.track.stream, strlen(event->as.track.stream) + 1);
        break;
    case PEER_CONNECTION_EVENT_TRACK_MUTED: end->muted++; break;
    case PEER_CONNECTION_EVENT_SOCKETS_NEEDED: open_sockets(pair, index, event->as.transport); break;
    case PEER_CONNECTION_EVENT_SOCKETS_FREE: end->has_sockets[event->as.transport] = false; break;
    case PEER_CONNECTION_EVENT_FRAME: take_frame(end, &event->as.frame); break;
    case PEER_CONNECTION_EVENT_KEY_FRAME_REQUESTED:
        end->key_frame_requests[event->as.transceiver]++;
        end->wants_key_frame = true;
        break;
    case PEER_CONNECTION_EVENT_TRACK_ENDED: end->ended++; break;
    case PEER_CONNECTION_EVENT_DTMF: note_key(end->keys_heard, event->as.dtmf.digit); break;
    case PEER_CONNECTION_EVENT_TONE_CHANGE: note_key(end->keys_sent, event->as.dtmf.digit); break;
    case PEER_CONNECTION_EVENT_CLOSED_BY_PEER: end->closed_by_peer++; break;
    case PEER_CONNECTION_EVENT_FAILURE:
        end->failures++;
        end->failure = event->as.failure;
        break;
    default:
        if (pair->take_data)
            pair->take_data(pair, index, event);
        break;
    }
}

void connection_pair_drain(struct connection_pair *pair, int index) {
    struct connection_end *end = &pair->ends[index];
    for (bool is_busy = true; is_busy;) {
        is_busy = false;
        uint8_t buffer[PEER_TRANSMIT_BUFFER_BYTES];
        struct ice_transmit out;
        while (peer_connection_poll_transmit(end->connection, pair->now_us, buffer, sizeof buffer, &out)) {
            is_busy = true;
            put_on_wire(pair, index, &out.path, buffer + out.offset, out.length);
        }
        struct peer_connection_event event;
        while (peer_connection_poll_event(end->connection, &event)) {
            is_busy = true;
            take_event(pair, index, &event);
        }
    }
}

/* ---- life ------------------------------------------------------------------------------------------------------------------- */

static bool start_end(struct connection_pair *pair, int index, bool has_transceivers, enum peer_bundle_policy policy) {
    struct connection_end *end = &pair->ends[index];
    end->address = (struct stun_address){.family = STUN_ADDRESS_IPV4, .port = (uint16_t)(5000 + index), .ip = {10, 0, 0, (uint8_t)(index + 1)}};
    end->certificate = dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = 1700000000});
    assert(end->certificate);
    struct peer_connection_config config = {
        .ice = {.random = random_bytes, .random_context = pair, .allocator = pair->allocator},
        .bundle_policy = policy,
        .certificate = end->certificate,
        .wall_clock_offset_us = 1700000000000000,
    };
    end->connection = peer_connection_new(&config, pair->now_us);
    struct ice_interface interface = {.base = end->address, .preference = 65535};
    if (!end->connection || peer_connection_handle_interfaces(end->connection, pair->now_us, &interface, 1) != PEER_OK)
        return false;
    size_t t;
    for (int kind = 0; has_transceivers && kind < 2; kind++) {
        struct peer_transceiver_config track = {.kind = (enum peer_media_kind)kind};
        int error = peer_connection_add_track(end->connection, &track, &t);
        assert(error == PEER_ERROR_MEMORY || (error == PEER_OK && t == (size_t)kind));
        if (error != PEER_OK)
            return false;
    }
    connection_pair_drain(pair, index);
    return true;
}

bool connection_pair_start_with(struct connection_pair *pair, uint64_t seed, const struct ice_allocator *allocator, bool has_transceivers,
                                enum peer_bundle_policy policy) {
    *pair = (struct connection_pair){.now_us = 1000000, .random_state = seed, .delay_us = 10000, .trickle = true, .allocator = allocator, .media_from_us = UINT64_MAX};
    pair->datagrams = malloc(sizeof *pair->datagrams * CONNECTION_PAIR_DATAGRAM_MAX);
    assert(pair->datagrams && dtls_srtp_initialize() == DTLS_OK);
    if (start_end(pair, 0, has_transceivers, policy) && start_end(pair, 1, has_transceivers, policy))
        return true;
    connection_pair_stop(pair);
    return false;
}

bool connection_pair_start(struct connection_pair *pair, uint64_t seed, const struct ice_allocator *allocator, bool has_transceivers) {
    return connection_pair_start_with(pair, seed, allocator, has_transceivers, PEER_BUNDLE_MAX_BUNDLE);
}

void connection_pair_stop(struct connection_pair *pair) {
    for (int i = 0; i < 2; i++) {
        peer_connection_free(pair->ends[i].connection);
        dtls_certificate_free(pair->ends[i].certificate);
        pair->ends[i].connection = NULL;
        pair->ends[i].certificate = NULL;
    }
    free(pair->datagrams);
    pair->datagrams = NULL;
}

int connection_pair_describe_from(struct connection_pair *pair, int from) {
    struct peer_connection *offerer = pair->ends[from].connection, *answerer = pair->ends[1 - from].connection;
    size_t length;
    int error = peer_connection_create_offer(offerer, pair->now_us, pair->text, sizeof pair->text, &length, NULL);
    if (error == PEER_OK)
        error = peer_connection_set_local_description(offerer, pair->now_us, PEER_SDP_OFFER, pair->text, length, NULL);
    if (error != PEER_OK)
        return error;
    connection_pair_drain(pair, from);
    error = peer_connection_set_remote_description(answerer, pair->now_us, PEER_SDP_OFFER, pair->text, length, NULL);
    memset(pair->text, 'X', sizeof pair->text); /* whoever kept a view of it will be found out */
    if (error == PEER_OK)
        error = peer_connection_create_answer(answerer, pair->now_us, pair->text, sizeof pair->text, &length, NULL);
    if (error == PEER_OK)
        error = peer_connection_set_local_description(answerer, pair->now_us, PEER_SDP_ANSWER, pair->text, length, NULL);
    if (error != PEER_OK)
        return error;
    connection_pair_drain(pair, 1 - from);
    error = peer_connection_set_remote_description(offerer, pair->now_us, PEER_SDP_ANSWER, pair->text, length, NULL);
    memset(pair->text, 'X', sizeof pair->text);
    connection_pair_drain(pair, from);
    return error;
}

int connection_pair_describe(struct connection_pair *pair) {
    return connection_pair_describe_from(pair, 0);
}

int connection_pair_set_local(struct connection_pair *pair, int end, enum peer_sdp_type type) {
    int error = peer_connection_set_local_description(pair->ends[end].connection, pair->now_us, type, NULL, 0, NULL);
    connection_pair_drain(pair, end);
    return error;
}

int connection_pair_read(struct connection_pair *pair, int end, enum peer_description_which which) {
    pair->text[0] = '\0';
    return peer_connection_description(pair->ends[end].connection, which, NULL, pair->text, sizeof pair->text, NULL);
}

int connection_pair_give_description(struct connection_pair *pair, int from) {
    enum peer_sdp_type type;
    size_t length;
    int error = peer_connection_description(pair->ends[from].connection, PEER_LOCAL, &type, pair->text, sizeof pair->text, &length);
    if (error == PEER_OK)
        error = peer_connection_set_remote_description(pair->ends[1 - from].connection, pair->now_us, type, pair->text, length, NULL);
    connection_pair_drain(pair, 1 - from);
    return error;
}

static void deliver_due(struct connection_pair *pair) {
    for (size_t i = 0; i < pair->datagram_count;) {
        if (pair->datagrams[i].due_us > pair->now_us) {
            i++;
            continue;
        }
        struct connection_datagram datagram = pair->datagrams[i];
        memmove(&pair->datagrams[i], &pair->datagrams[i + 1], (pair->datagram_count - i - 1) * sizeof datagram);
        pair->datagram_count--;
        (void)peer_connection_handle_datagram(pair->ends[datagram.to].connection, pair->now_us, &datagram.path, datagram.bytes, datagram.length);
        connection_pair_drain(pair, datagram.to);
        i = 0;
    }
}

static uint64_t earliest(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t next_frame_us(const struct connection_pair *pair, int end, size_t transceiver) {
    if (pair->media_from_us == UINT64_MAX)
        return UINT64_MAX;
    return pair->media_from_us + (uint64_t)pair->ends[end].frames_sent[transceiver] * (transceiver == CONNECTION_PAIR_AUDIO ? 20000u : 33333u);
}

void connection_pair_run(struct connection_pair *pair, uint64_t until_us) {
    for (unsigned idle = 0;; idle++) {
        assert(idle < 100000); /* time that never moves on would be a timer that never does its work */
        uint64_t next = until_us;
        for (size_t i = 0; i < pair->datagram_count; i++)
            next = earliest(next, pair->datagrams[i].due_us);
        for (int end = 0; end < 2; end++) {
            next = earliest(next, peer_connection_next_timeout(pair->ends[end].connection));
            for (size_t t = 0; t < 2; t++)
                next = earliest(next, next_frame_us(pair, end, t));
        }
        if (next > pair->now_us) {
            pair->now_us = next;
            idle = 0;
        }
        deliver_due(pair);
        for (int end = 0; end < 2; end++) {
            for (size_t t = 0; t < 2; t++)
                if (next_frame_us(pair, end, t) <= pair->now_us)
                    (void)connection_pair_send_frame(pair, end, t);
            peer_connection_handle_timeout(pair->ends[end].connection, pair->now_us);
            connection_pair_drain(pair, end);
        }
        if (pair->now_us >= until_us)
            return;
    }
}

bool connection_pair_connect(struct connection_pair *pair, uint64_t seed) {
    if (!connection_pair_start(pair, seed, NULL, true))
        return false;
    if (connection_pair_describe(pair) != PEER_OK)
        return false;
    connection_pair_run(pair, pair->now_us + 2000000);
    return pair->ends[0].state == PEER_CONNECTION_CONNECTED && pair->ends[1].state == PEER_CONNECTION_CONNECTED;
}

size_t connection_pair_remote_candidates(const struct connection_pair *pair, int end) {
    struct peer_statistics statistics;
    size_t count = 0;
    for (size_t cursor = 0; peer_connection_statistics(pair->ends[end].connection, &cursor, &statistics);)
        count += statistics.type == PEER_STATISTICS_REMOTE_CANDIDATE;
    return count;
}
