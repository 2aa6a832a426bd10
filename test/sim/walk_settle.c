#include <stdio.h>
#include <string.h>

#include "test/sim/walk_internal.h"

#define ROUNDS_MAX 8
#define FRAMES 8
#define FRAMES_ENOUGH 5 /* of them: a jitter buffer may begin behind the first */

/* ---- frames that say who sent them ------------------------------------------------------------------------------------------------ */

/* Enough of a key frame of each codec for what cuts it into packets; then 14 characters that no codec takes for anything. */
size_t walk_write_frame(const struct walk_end *end, size_t transceiver, enum peer_codec codec, uint32_t number, uint8_t frame[WALK_FRAME_BYTES]) {
    static const struct {
        size_t length;
        uint8_t bytes[24];
    } starts[PEER_CODEC_COUNT] = {
        [PEER_CODEC_OPUS] = {1, {0x78}}, /* a TOC byte: CELT, 20 ms, one frame (RFC 6716 section 3.1) */
        [PEER_CODEC_PCMU] = {1, {0x55}},
        [PEER_CODEC_PCMA] = {1, {0x55}},
        [PEER_CODEC_VP8] = {10, {0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01}},
        [PEER_CODEC_VP9] = {5, {0x82, 0x49, 0x83, 0x42, 0x11}},
        [PEER_CODEC_H264] = {20, {0, 0, 0, 1, 0x67, 0x42, 0x40, 0x1F, 0x11, 0, 0, 0, 1, 0x68, 0x41, 0, 0, 0, 1, 0x65}},
        [PEER_CODEC_AV1] = {8, {0x12, 0x00, 0x0A, 0x02, 0x11, 0x11, 0x32, 15}}, /* delimiter, sequence header, frame */
    };
    size_t length = starts[codec].length;
    memcpy(frame, starts[codec].bytes, length);
    if (codec == PEER_CODEC_AV1)
        frame[length++] = 0x10;
    int section = end->model.transceivers[transceiver % W3C_TRANSCEIVER_MAX].section;
    char text[16];
    snprintf(text, sizeof text, "WALK%c%c%08x", 'A' + end->index, '0' + (section & 63), number);
    memcpy(frame + length, text, 14);
    return length + 14;
}

int walk_send_frame(struct walk_end *end, size_t transceiver) {
    struct peer_transceiver facts = {0};
    uint8_t bytes[WALK_FRAME_BYTES];
    bool exists = peer_connection_transceiver(end->connection, transceiver, &facts);
    enum peer_codec codec = facts.codec != PEER_CODEC_NONE ? facts.codec : facts.kind == PEER_VIDEO ? PEER_CODEC_VP8 : PEER_CODEC_OPUS;
    size_t place = transceiver < PEER_TRANSCEIVER_MAX ? transceiver : 0;
    uint32_t number = end->frames_sent[place];
    size_t length = walk_write_frame(end, transceiver, codec, number, bytes);
    uint64_t now_us = sim_now(end->walk->sim);
    struct peer_frame frame = {.bytes = bytes, .length = length, .timestamp = (uint32_t)(now_us / 1000 * (exists && facts.clock_rate_hz
            ? facts.clock_rate_hz / 1000 : 90)), .is_key_frame = true};
    int error = peer_connection_send_frame(end->connection, now_us, transceiver, &frame);
    end->frames_sent[place] += error == PEER_OK;
    return error;
}

void walk_hear_frame(struct walk_end *end, const struct peer_received_frame *frame) {
    struct walk *walk = end->walk;
    const uint8_t *text = frame->length >= 14 ? frame->bytes + frame->length - 14 : NULL;
    if (walk->is_judged && (!text || memcmp(text, "WALK", 4) != 0 || text[4] != (uint8_t)('B' - end->index)))
        walk_fail(walk, "%c: a frame of %zu bytes on transceiver %zu that nobody sent", 'A' + end->index, frame->length, frame->transceiver);
    else if (walk->is_settling && text[5] != (uint8_t)('0' + (end->model.transceivers[frame->transceiver].section & 63)))
        walk_fail(walk, "%c: transceiver %zu has a frame of section %c", 'A' + end->index, frame->transceiver, text[5]);
    end->frames_received[frame->transceiver]++;
}

/* ---- to a common stable state -------------------------------------------------------------------------------------------------------- */

/* Once memory was short, a good end is not owed any more: what is left of the walk is to crash, or to leak, or to be over. */
static bool is_owed(const struct walk *walk) {
    return walk->is_judged && !walk->result->failed;
}

static bool step(struct walk *walk, enum walk_action action, int end, uint8_t a, uint8_t b) {
    walk_do(walk, &(struct walk_step){(uint8_t)action, (uint8_t)end, a, b});
    return is_owed(walk);
}

static bool judge_both(struct walk *walk) {
    for (int i = 0; i < 2 && is_owed(walk); i++)
        walk_judge_end(&walk->ends[i]);
    if (is_owed(walk))
        walk_judge_agreement(walk);
    return is_owed(walk);
}

/* The final answer that the other end took for the offer that this one still has open, and lives by. */
static bool hear_the_answer(struct walk_end *end) {
    struct walk_end *other = &end->walk->ends[1 - end->index];
    for (size_t i = other->message_count; i > 0; i--) {
        const struct walk_message *message = other->messages[i - 1];
        bool is_it = message->type == W3C_ANSWER && message->answers == end->model.pending_local.id && other->model.current_local.id == message->id;
        if (!is_it)
            continue;
        end->heard_count = i - 1;
        return step(end->walk, WALK_HEAR, end->index, 0, 0);
    }
    return false;
}

static bool become_stable(struct walk *walk) {
    for (int i = 0; i < 2; i++)
        if (walk->ends[i].model.state == W3C_HAVE_LOCAL_PRANSWER && !(step(walk, WALK_SET_LOCAL_IMPLICIT, i, 0, 0) && judge_both(walk)))
            return false;
    for (int i = 0; i < 2; i++) {
        struct walk_end *end = &walk->ends[i];
        bool waits = end->model.state == W3C_HAVE_LOCAL_OFFER || end->model.state == W3C_HAVE_REMOTE_PRANSWER;
        if (waits && hear_the_answer(end) && !judge_both(walk))
            return false;
        if (end->model.state == W3C_HAVE_LOCAL_OFFER || end->model.state == W3C_HAVE_REMOTE_OFFER)
            (void)step(walk, WALK_ROLL_BACK, i, 0, 0);
        if (!judge_both(walk))
            return false;
    }
    return walk_is_common(walk);
}

static void calm_the_network(struct walk *walk) {
    struct sim_network *network = sim_network_of(walk->sim);
    walk_count_network(walk);
    for (int i = 0; i < 2; i++) {
        struct sim_link_config kind = {.delay_us = 10 * SIM_MILLISECOND_US};
        sim_network_interface_up_link(network, walk->ends[i].interface_)->config = kind;
        sim_network_interface_down_link(network, walk->ends[i].interface_)->config = kind;
        if (walk->ends[i].is_interface_down)
            (void)step(walk, WALK_LOSE_INTERFACE, i, 0, 0);
    }
}

/* ---- negotiation until nothing is left ---------------------------------------------------------------------------------------------------- */

static bool exchange(struct walk *walk, int offerer) {
    struct walk_end *a = &walk->ends[offerer], *b = &walk->ends[1 - offerer];
    for (int i = 0; i < 2; i++) {
        if (!walk_say_description(i == 0 ? a : b) || !judge_both(walk))
            return false;
        if (!walk_hear_next(i == 0 ? b : a) || !judge_both(walk))
            return is_owed(walk) && walk_fail(walk, "%c: what %c says is not taken", i == 0 ? 'A' + b->index : 'A' + a->index, i == 0 ? 'A' + a->index : 'A' + b->index);
    }
    return true;
}

static bool has_anything(const struct walk_end *end) {
    for (size_t i = 0; i < W3C_TRANSCEIVER_MAX; i++)
        if (end->model.transceivers[i].exists && !end->model.transceivers[i].is_stopping)
            return true;
    return false;
}

static bool negotiate(struct walk *walk) {
    int offerer = walk->script->seed & 1;
    if (!has_anything(&walk->ends[offerer]))
        (void)step(walk, WALK_ADD_TRANSCEIVER, offerer, 3 << 1, 0);
    for (int i = 0; i < 2; i++)
        if (peer_connection_state(walk->ends[i].connection) != PEER_CONNECTION_CONNECTED)
            (void)step(walk, WALK_RESTART, i, 0, 0);
    if (!judge_both(walk))
        return false;
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        if (!exchange(walk, offerer))
            return false;
        walk_pass_time(walk, 100 * SIM_MILLISECOND_US);
        for (int i = 0; i < 2; i++)
            walk_give_candidates(&walk->ends[i], 0);
        if (!judge_both(walk))
            return false;
        if (!walk->ends[0].model.negotiation_needed && !walk->ends[1].model.negotiation_needed)
            return true;
        offerer = walk->ends[offerer].model.negotiation_needed ? offerer : 1 - offerer;
    }
    return is_owed(walk) && walk_fail(walk, "negotiation does not come to an end");
}

/* ---- connected, and what is sent arrives where it was agreed ------------------------------------------------------------------------------------ */

static bool is_agreed(const struct walk *walk) {
    return peer_connection_agreed_count(walk->ends[0].connection, NULL) > 0;
}

static bool are_connected(const struct walk *walk) {
    return peer_connection_state(walk->ends[0].connection) == PEER_CONNECTION_CONNECTED && peer_connection_state(walk->ends[1].connection) == PEER_CONNECTION_CONNECTED;
}

static bool connect(struct walk *walk) {
    for (unsigned seconds = 0; seconds < 30 && !are_connected(walk); seconds++)
        walk_pass_time(walk, SIM_SECOND_US);
    if (are_connected(walk))
        return judge_both(walk);
    return is_owed(walk) && walk_fail(walk, "30 seconds later: A is %s, B is %s", peer_connection_state_name(peer_connection_state(walk->ends[0].connection)),
                     peer_connection_state_name(peer_connection_state(walk->ends[1].connection)));
}

/* One controls, one is DTLS client: of the first transport on both sides. */
static void judge_roles(struct walk *walk) {
    struct peer_statistics found[2] = {0};
    unsigned counts[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        struct peer_statistics statistics;
        for (size_t cursor = 0; peer_connection_statistics(walk->ends[i].connection, &cursor, &statistics);)
            if (statistics.type == PEER_STATISTICS_TRANSPORT && counts[i]++ == 0)
                found[i] = statistics;
    }
    if (counts[0] != counts[1])
        walk_fail(walk, "A has %u transports, B has %u", counts[0], counts[1]);
    else if (counts[0] == 1 && found[0].as.transport.ice_role == found[1].as.transport.ice_role)
        walk_fail(walk, "both have ICE role %d", found[0].as.transport.ice_role);
    else if (counts[0] == 1 && found[0].as.transport.dtls_role == found[1].as.transport.dtls_role)
        walk_fail(walk, "both have DTLS role %d", found[0].as.transport.dtls_role);
}

static bool sends(const struct walk_end *end, size_t number) {
    const struct w3c_transceiver *transceiver = &end->model.transceivers[number];
    return transceiver->exists && !transceiver->is_stopping && transceiver->has_current && (transceiver->current & SDP_LINES_SENDONLY);
}

static void send_on_all(struct walk *walk) {
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < W3C_TRANSCEIVER_MAX; k++) {
            if (!walk->ends[i].model.transceivers[k].exists)
                continue;
            int error = walk_send_frame(&walk->ends[i], k);
            walk_touch(&walk->ends[i]);
            if (is_owed(walk) && sends(&walk->ends[i], k) != (error == PEER_OK))
                walk_fail(walk, "%c: transceiver %zu: sending a frame: %s", 'A' + i, k, peer_error_name(error));
        }
}

static void judge_frames(struct walk *walk) {
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < W3C_TRANSCEIVER_MAX; k++) {
            const struct walk_end *end = &walk->ends[i];
            const struct w3c_transceiver *transceiver = &end->model.transceivers[k];
            bool receives = transceiver->exists && !transceiver->is_stopping && transceiver->has_current && (transceiver->current & SDP_LINES_RECVONLY);
            uint32_t frames = end->frames_received[k];
            walk->result->coverage.frames += frames;
            if (receives ? frames < FRAMES_ENOUGH || frames > FRAMES : frames > 0)
                walk_fail(walk, "%c: transceiver %zu (section %d) got %u frames of %u", 'A' + i, k, transceiver->section, frames, receives ? FRAMES : 0);
        }
}

static void exchange_frames(struct walk *walk) {
    walk_pass_time(walk, 2 * SIM_SECOND_US); /* what was sent before, is there */
    walk->is_settling = true;
    for (int i = 0; i < 2; i++)
        memset(walk->ends[i].frames_received, 0, sizeof walk->ends[i].frames_received);
    for (unsigned i = 0; i < FRAMES && is_owed(walk); i++) {
        send_on_all(walk);
        walk_pass_time(walk, 20 * SIM_MILLISECOND_US);
    }
    walk_pass_time(walk, 2 * SIM_SECOND_US);
    if (is_owed(walk))
        judge_frames(walk);
}

void walk_settle(struct walk *walk) {
    bool is_over = walk->is_estranged;
    for (int i = 0; i < 2; i++)
        is_over |= walk->ends[i].model.state == W3C_CLOSED;
    walk_say(walk, "    ---- to a good end\n");
    if (!is_over)
        calm_the_network(walk);
    if (is_over || !is_owed(walk) || !become_stable(walk) || walk->ends[0].dtls_has_failed || walk->ends[1].dtls_has_failed) {
        walk->result->coverage.given_up++;
        return;
    }
    if (!negotiate(walk))
        return;
    walk->result->coverage.settled++;
    if (!is_agreed(walk) || !connect(walk))
        return;
    walk->result->coverage.connected++;
    if (is_owed(walk))
        judge_roles(walk);
    exchange_frames(walk);
    if (is_owed(walk))
        walk_exchange_data(walk);
}
