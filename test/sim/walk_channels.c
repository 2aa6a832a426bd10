#include <stdio.h>
#include <string.h>

#include "test/sim/walk_internal.h"

#define MARK "WALKDATA"
#define MARK_BYTES 8

/* ---- what an end knows of its channels ------------------------------------------------------------------------------------------------ */

static struct walk_channel *find(struct walk_end *end, size_t handle) {
    for (size_t i = 0; i < WALK_CHANNEL_MAX; i++)
        if (end->channels[i].exists && end->channels[i].handle == handle)
            return &end->channels[i];
    return NULL;
}

static struct walk_channel *remember(struct walk_end *end, size_t handle, enum data_channel_state state) {
    for (size_t i = 0; i < WALK_CHANNEL_MAX; i++) {
        if (end->channels[i].exists)
            continue;
        end->channels[i] = (struct walk_channel){.exists = true, .handle = handle, .state = state};
        return &end->channels[i];
    }
    return NULL; /* one too many for the judge: what it does is nobody's business */
}

static bool become(struct walk_end *end, size_t handle, enum data_channel_state state, bool is_allowed, const char *what) {
    struct walk_channel *channel = find(end, handle);
    if (!channel || !end->walk->is_judged)
        return false;
    if (!is_allowed)
        walk_fail(end->walk, "%c: channel %s while %s", 'A' + end->index, what, data_channel_state_name(channel->state));
    channel->state = state;
    return true;
}

static bool is_at(struct walk_end *end, size_t handle, enum data_channel_state state) {
    const struct walk_channel *channel = find(end, handle);
    return channel && channel->state == state;
}

/* ---- what it hears: W3C webrtc sections 6.2 and 6.4 -------------------------------------------------------------------------------------- */

/* "WALKDATA", who, which number: ordered channels bring each once and in order, the others none that was not sent. */
static void take_message(struct walk_end *end, const struct peer_connection_event *event) {
    struct walk *walk = end->walk;
    const uint8_t *bytes = event->as.message.bytes;
    struct walk_channel *channel = find(end, event->as.message.channel);
    if (!walk->is_judged || !channel)
        return;
    if (channel->state != DATA_CHANNEL_OPEN)
        walk_fail(walk, "%c: a message on a channel that is %s", 'A' + end->index, data_channel_state_name(channel->state));
    else if (event->as.message.length < MARK_BYTES + 2 || memcmp(bytes, MARK, MARK_BYTES) != 0 || bytes[MARK_BYTES] != (uint8_t)('B' - end->index))
        walk_fail(walk, "%c: a message of %zu bytes that nobody sent", 'A' + end->index, event->as.message.length);
    else if (!channel->is_loose && bytes[MARK_BYTES + 1] != (uint8_t)channel->received)
        walk_fail(walk, "%c: message %u where %u is due", 'A' + end->index, bytes[MARK_BYTES + 1], channel->received & 255);
    channel->received++;
    walk->result->coverage.messages++;
}

static void take_new(struct walk_end *end, size_t handle) {
    struct peer_data_channel facts;
    struct walk_channel *channel = remember(end, handle, DATA_CHANNEL_OPEN);
    if (!peer_connection_data_channel(end->connection, handle, &facts) || !facts.is_of_peer || facts.state != DATA_CHANNEL_OPEN)
        walk_fail(end->walk, "%c: the channel of the event is not there, or not open", 'A' + end->index);
    else if (channel)
        channel->is_loose = facts.is_unordered || facts.has_max_retransmits;
}

bool walk_hear_channel(struct walk_end *end, const struct peer_connection_event *event) {
    size_t handle = event->as.channel;
    switch (event->type) {
    case PEER_CONNECTION_EVENT_DATA_CHANNEL: take_new(end, handle); return true;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN: become(end, handle, DATA_CHANNEL_OPEN, is_at(end, handle, DATA_CHANNEL_CONNECTING), "opens"); return true;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSING: become(end, handle, DATA_CHANNEL_CLOSING, is_at(end, handle, DATA_CHANNEL_OPEN), "closing"); return true;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE: take_message(end, event); return true;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSED:
        handle = event->as.channel_closed.channel;
        end->channels_have_ended |= event->as.channel_closed.reason == DATA_CHANNEL_CLOSED_ASSOCIATION;
        if (become(end, handle, DATA_CHANNEL_CLOSED, true, "closed"))
            find(end, handle)->exists = false;
        return true;
    default: return false;
    }
}

/* W3C: readyState is what the events have said, once all have been heard. */
void walk_judge_channels(struct walk_end *end) {
    for (size_t i = 0; i < WALK_CHANNEL_MAX && !end->walk->result->failed; i++) {
        const struct walk_channel *channel = &end->channels[i];
        struct peer_data_channel facts;
        if (!channel->exists)
            continue;
        bool is_there = peer_connection_data_channel(end->connection, channel->handle, &facts);
        enum data_channel_state expected = end->model.state == W3C_CLOSED ? DATA_CHANNEL_CLOSED : channel->state; /* without an event: section 4.4.1, close */
        if (!is_there && expected != DATA_CHANNEL_CLOSED)
            walk_fail(end->walk, "%c: a channel that is %s is not there", 'A' + end->index, data_channel_state_name(channel->state));
        else if (is_there && facts.state != expected)
            walk_fail(end->walk, "%c: a channel is %s, not %s", 'A' + end->index, data_channel_state_name(facts.state), data_channel_state_name(expected));
    }
}

/* ---- steps ------------------------------------------------------------------------------------------------------------------------------------ */

/* True: there is one more, *handle. */
static bool create(struct walk_end *end, uint8_t choice, size_t *handle) {
    static const struct peer_data_channel_config kinds[] = {
        {.label = "w", .label_length = 1}, {.label = "", .priority = 512}, {.label = "loose", .label_length = 5, .is_unordered = true, .has_max_retransmits = true},
        {.label = "\xC3\xA9", .label_length = 2, .is_unordered = true}};
    static const struct peer_data_channel_config bad[] = {
        {.has_max_retransmits = true, .has_max_packet_life_time = true}, {.label = "\xFF", .label_length = 1}, {.is_negotiated = true, .id = 65535}};
    bool is_bad = choice % 8 == 7;
    const struct peer_data_channel_config *config = is_bad ? &bad[choice / 8 % 3] : &kinds[choice % 4];
    unsigned may = is_bad ? W3C_INVALID_MODIFICATION : W3C_OK | W3C_FULL | (end->channels_have_ended ? W3C_INVALID_STATE : 0u);
    may = end->model.state == W3C_CLOSED ? W3C_INVALID_STATE : may; /* W3C webrtc section 6.1, createDataChannel step 2: before all else */
    int error = peer_connection_create_data_channel(end->connection, walk_now(end), config, handle);
    if (!walk_judge_call(end, error, may, "createDataChannel"))
        return false;
    w3c_did_create_channel(&end->model);
    struct walk_channel *channel = remember(end, *handle, DATA_CHANNEL_CONNECTING);
    struct peer_data_channel facts;
    if (!channel)
        return true;
    channel->is_loose = config->is_unordered || config->has_max_retransmits;
    if (!peer_connection_data_channel(end->connection, *handle, &facts))
        walk_fail(end->walk, "%c: the channel is not there", 'A' + end->index);
    return true;
}

void walk_create_channel(struct walk_end *end, const struct walk_step *step) {
    size_t handle = 0, count = 0;
    for (size_t i = 0; i < WALK_CHANNEL_MAX; i++)
        count += end->channels[i].exists;
    if (count < WALK_CHANNEL_MAX / 4) /* the peer's come beside */
        (void)create(end, step->a, &handle);
}

static int send_on(struct walk_end *end, struct walk_channel *channel) {
    uint8_t bytes[MARK_BYTES + 2 + 3000] = MARK;
    bytes[MARK_BYTES] = (uint8_t)('A' + end->index);
    bytes[MARK_BYTES + 1] = (uint8_t)channel->sent;
    int error = peer_connection_send_data(end->connection, walk_now(end), channel->handle, bytes, channel->sent % 3 ? MARK_BYTES + 2 : sizeof bytes, channel->sent & 1);
    channel->sent += error == PEER_OK;
    return error;
}

void walk_send_data(struct walk_end *end, const struct walk_step *step) {
    struct walk_channel nobody = {.handle = 0xFFFFFFFF}, *channel = &end->channels[step->a % WALK_CHANNEL_MAX];
    unsigned may = channel->state == DATA_CHANNEL_OPEN ? W3C_OK | W3C_FULL | W3C_INVALID_STATE : W3C_INVALID_STATE;
    if (end->model.state == W3C_CLOSED)
        may = W3C_INVALID_STATE | W3C_NOT_FOUND;
    if (!channel->exists) {
        channel = &nobody;
        may = W3C_NOT_FOUND;
    }
    (void)walk_judge_call(end, send_on(end, channel), may, "send");
}

void walk_close_channel(struct walk_end *end, const struct walk_step *step) {
    struct walk_channel *channel = &end->channels[step->a % WALK_CHANNEL_MAX];
    int error = peer_connection_close_data_channel(end->connection, walk_now(end), channel->exists ? channel->handle : 0xFFFFFFFF);
    unsigned may = !channel->exists ? W3C_NOT_FOUND : end->model.state == W3C_CLOSED ? W3C_OK | W3C_NOT_FOUND : W3C_OK;
    if (walk_judge_call(end, error, may, "close of a channel") && channel->state == DATA_CHANNEL_OPEN)
        channel->state = DATA_CHANNEL_CLOSING; /* one that is connecting is closed at once, and the event says so */
}

/* ---- the good end: what is agreed on carries a new channel each way ----------------------------------------------------------------------------- */

#define MESSAGES 5

void walk_exchange_data(struct walk *walk) {
    size_t handles[2], before[2] = {0};
    if (w3c_data_section(&walk->ends[0].model) < 0 || walk->ends[0].channels_have_ended || walk->ends[1].channels_have_ended)
        return;
    for (int i = 0; i < 2; i++) {
        memset(walk->ends[i].channels, 0, sizeof walk->ends[i].channels); /* room for these; what the others still say is not judged */
        if (!create(&walk->ends[i], 0, &handles[i]))
            return;
        walk_touch(&walk->ends[i]);
    }
    walk_pass_time(walk, 3 * SIM_SECOND_US);
    for (int i = 0; i < 2 && walk->is_judged && !walk->result->failed; i++) {
        struct walk_end *end = &walk->ends[i];
        struct walk_channel *channel = find(end, handles[i]);
        if (!channel || channel->state != DATA_CHANNEL_OPEN) {
            walk_fail(walk, "%c: a new channel is %s after three seconds", 'A' + i, channel ? data_channel_state_name(channel->state) : "closed");
            return;
        }
        before[i] = (size_t)walk->result->coverage.messages;
        for (int k = 0; k < MESSAGES; k++)
            if (send_on(end, channel) != PEER_OK && walk->is_judged)
                walk_fail(walk, "%c: a new channel takes no message", 'A' + i);
        walk_touch(end);
        walk_pass_time(walk, 2 * SIM_SECOND_US);
        if (walk->is_judged && walk->result->coverage.messages != before[i] + MESSAGES)
            walk_fail(walk, "%c: of %d messages %zu arrived", 'A' + i, MESSAGES, (size_t)walk->result->coverage.messages - before[i]);
    }
    walk->result->coverage.channels_proven++;
}
