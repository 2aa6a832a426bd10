/* See inbound_model.h. */
#include "inbound_model.h"

#include <stdlib.h>
#include <string.h>

#include "inbound_bench.h"
#include "sctp/bytes_internal.h"

#define MESSAGES_MAX 600
#define CHUNKS_MAX 4000
#define STREAMS 5
#define MESSAGE_MAX_BYTES 3000
#define BUDGET_BYTES SCTP_INBOUND_BUDGET_MIN_BYTES

struct message {
    uint16_t stream;
    bool is_unordered, is_given_up, is_received;
    uint32_t number; /* SSN or MID */
    unsigned place;  /* among the ordered ones of its stream, ever */
    size_t length, first_chunk, chunk_count;
    size_t fragment_bytes;
};

struct chunk {
    unsigned message, fragment;
    bool has_arrived, is_skipped;
};

struct model {
    const uint8_t *script;
    size_t length;
    struct counting memory;
    struct sctp_inbound *in;
    bool is_interleaved;
    uint64_t now_us;

    struct message messages[MESSAGES_MAX];
    unsigned message_count;
    struct chunk chunks[CHUNKS_MAX]; /* the index is the TSN */
    unsigned chunk_count;
    unsigned open[2];                /* messages of which not every fragment has a TSN: with I-DATA two at a time. MESSAGES_MAX: none */
    size_t open_next[2];
    unsigned cumulative;             /* chunks that have arrived or were skipped, in a row */
    uint32_t next_number[STREAMS][2];
    unsigned next_place[STREAMS], received_place[STREAMS];
    struct inbound_model_result result;
};

static void require(bool holds) {
    if (!holds)
        abort();
}

static unsigned next_byte(struct model *model) {
    if (model->length == 0)
        return 0;
    model->length--;
    return *model->script++;
}

/* What stands in a message: its number in the model, then a pattern. */
static uint8_t byte_at(unsigned message, size_t at) {
    return (uint8_t)(at < 2 ? message >> 8 * at : message * 7 + at * 13 + at / 256);
}

/* ---- the sender -------------------------------------------------------------------------------------------------------------------- */

static void begin_message(struct model *model, unsigned slot) {
    if (model->message_count == MESSAGES_MAX)
        return;
    unsigned kind = next_byte(model);
    struct message *message = &model->messages[model->message_count];
    uint16_t stream = (uint16_t)(kind % STREAMS);
    bool is_unordered = kind >= 128;
    /* Messages of one kind on one stream are sent one after another. */
    unsigned other = model->open[1 - slot];
    if (other != MESSAGES_MAX && model->messages[other].stream == stream && model->messages[other].is_unordered == is_unordered)
        return;
    *message = (struct message){
        .stream = stream,
        .is_unordered = is_unordered,
        .number = model->next_number[stream][is_unordered],
        .place = is_unordered ? 0 : model->next_place[stream],
        .fragment_bytes = 1 + next_byte(model) * 4,
    };
    message->length = 2 + next_byte(model) * (kind & 1 ? 1 : 11) % (MESSAGE_MAX_BYTES - 2);
    model->next_number[stream][is_unordered]++;
    if (!is_unordered)
        model->next_place[stream]++;
    model->open[slot] = model->message_count++;
    model->open_next[slot] = 0;
    model->result.sent++;
}

/* The next fragment of an open message gets its TSN. */
static void assign(struct model *model, unsigned slot) {
    if (model->chunk_count == CHUNKS_MAX)
        return;
    if (model->open[slot] == MESSAGES_MAX) {
        begin_message(model, slot);
        return;
    }
    unsigned index = model->open[slot];
    struct message *message = &model->messages[index];
    size_t fragments = (message->length + message->fragment_bytes - 1) / message->fragment_bytes;
    if (model->open_next[slot] == 0)
        message->first_chunk = model->chunk_count;
    model->chunks[model->chunk_count++] = (struct chunk){.message = index, .fragment = (unsigned)model->open_next[slot]++};
    message->chunk_count++;
    if (model->open_next[slot] == fragments)
        model->open[slot] = MESSAGES_MAX;
}

static void advance(struct model *model) {
    while (model->cumulative < model->chunk_count && (model->chunks[model->cumulative].has_arrived || model->chunks[model->cumulative].is_skipped))
        model->cumulative++;
}

static void deliver(struct model *model, unsigned tsn) {
    struct chunk *chunk = &model->chunks[tsn];
    const struct message *message = &model->messages[chunk->message];
    uint8_t bytes[1024];
    size_t from = chunk->fragment * message->fragment_bytes;
    size_t length = message->length - from < message->fragment_bytes ? message->length - from : message->fragment_bytes;
    for (size_t i = 0; i < length; i++)
        bytes[i] = byte_at(chunk->message, from + i);
    struct sctp_data data = {
        .is_interleaved = model->is_interleaved,
        .is_unordered = message->is_unordered,
        .is_begin = chunk->fragment == 0,
        .is_end = from + length == message->length,
        .tsn = INITIAL_TSN + tsn,
        .stream = message->stream,
        .message = model->is_interleaved ? message->number : (uint16_t)message->number,
        .fragment = chunk->fragment,
        .payload_protocol = chunk->fragment == 0 || !model->is_interleaved ? chunk->message : 0,
        .bytes = bytes,
        .length = length,
    };
    bool is_known = chunk->has_arrived || tsn < model->cumulative;
    enum sctp_inbound_result result = sctp_inbound_data(model->in, &data);
    require(result == SCTP_INBOUND_TAKEN || result == SCTP_INBOUND_DUPLICATE || result == SCTP_INBOUND_NO_ROOM);
    require((result == SCTP_INBOUND_DUPLICATE) == is_known);
    chunk->has_arrived |= result == SCTP_INBOUND_TAKEN;
    model->result.duplicates += result == SCTP_INBOUND_DUPLICATE;
    model->result.refused += result == SCTP_INBOUND_NO_ROOM;
    advance(model);
}

/* ---- giving up --------------------------------------------------------------------------------------------------------------------- */

/* The message of the first chunk that is missing, whatever of it was sent: RFC 3758 section 3.5. */
static void give_up(struct model *model) {
    if (model->cumulative == model->chunk_count)
        return;
    unsigned index = model->chunks[model->cumulative].message;
    struct message *message = &model->messages[index];
    message->is_given_up = true;
    model->result.given_up++;
    for (unsigned slot = 0; slot < 2; slot++)
        if (model->open[slot] == index)
            model->open[slot] = MESSAGES_MAX; /* the rest of it gets no TSN */
    unsigned cumulative = model->cumulative;
    while (cumulative < model->chunk_count && (model->chunks[cumulative].has_arrived || model->messages[model->chunks[cumulative].message].is_given_up))
        cumulative++;
    struct sctp_skipped skipped[2 * STREAMS];
    size_t count = 0;
    for (unsigned tsn = model->cumulative; tsn < cumulative; tsn++) {
        const struct message *given_up = &model->messages[model->chunks[tsn].message];
        model->chunks[tsn].is_skipped = true;
        if (!given_up->is_given_up || (given_up->is_unordered && !model->is_interleaved))
            continue;
        size_t at = 0;
        while (at < count && (skipped[at].stream != given_up->stream || skipped[at].is_unordered != given_up->is_unordered))
            at++;
        count += at == count;
        skipped[at] = (struct sctp_skipped){given_up->stream, given_up->is_unordered, given_up->number};
    }
    require(forward(model->in, cumulative - 1, model->is_interleaved, skipped, count));
    model->result.forwards++;
    advance(model);
}

/* All streams begin anew when nothing is under way; asked too early, the receiver declines. */
static void reset(struct model *model) {
    bool has_arrived = model->cumulative == model->chunk_count;
    if (has_arrived && (model->open[0] != MESSAGES_MAX || model->open[1] != MESSAGES_MAX))
        return;
    require(sctp_inbound_reset(model->in, NULL, 0, INITIAL_TSN + model->chunk_count - 1) == has_arrived);
    if (!has_arrived)
        return;
    memset(model->next_number, 0, sizeof model->next_number);
    model->result.resets++;
}

/* ---- the receiver ------------------------------------------------------------------------------------------------------------------ */

static void receive(struct model *model) {
    struct sctp_received received;
    if (!sctp_inbound_poll_message(model->in, &received))
        return;
    require(received.length >= 2);
    unsigned index = received.bytes[0] | (unsigned)received.bytes[1] << 8;
    require(index < model->message_count);
    struct message *message = &model->messages[index];
    require(!message->is_received && received.payload_protocol == index);
    require(received.stream == message->stream && received.is_unordered == message->is_unordered && received.length == message->length);
    for (size_t i = 0; i < received.length; i++)
        require(received.bytes[i] == byte_at(index, i));
    message->is_received = true;
    if (!message->is_unordered) {
        require(message->place >= model->received_place[message->stream]);
        model->received_place[message->stream] = message->place + 1;
    }
    model->result.received++;
}

static void check_sack(struct model *model) {
    struct told told;
    sctp_inbound_packet_end(model->in, model->now_us);
    require(sack(model->in, 16 + 4 * (next_byte(model) % 40), &told));
    require(told.cumulative == model->cumulative - 1);
    unsigned at = model->cumulative;
    for (size_t i = 0; i < told.gap_count; i++) {
        unsigned start = model->cumulative - 1 + told.gaps[i].start, end = model->cumulative - 1 + told.gaps[i].end;
        for (; at < start; at++)
            require(!model->chunks[at].has_arrived);
        for (; at <= end; at++)
            require(at < model->chunk_count && model->chunks[at].has_arrived);
    }
}

static void check(struct model *model) {
    struct sctp_inbound_statistics statistics;
    sctp_inbound_statistics(model->in, &statistics);
    require(statistics.memory_bytes == model->memory.bytes);
    require(statistics.waiting_bytes <= BUDGET_BYTES + MESSAGE_MAX_BYTES + 2 * 256 + MESSAGE_MAX_BYTES / 16);
    require(sctp_inbound_cumulative_tsn(model->in) == INITIAL_TSN + model->cumulative - 1);
    require(sctp_inbound_window(model->in) <= BUDGET_BYTES);
}

/* ---- the script -------------------------------------------------------------------------------------------------------------------- */

static unsigned any_missing(struct model *model, unsigned choice) {
    unsigned window = model->chunk_count - model->cumulative;
    return window == 0 ? model->cumulative - 1 : model->cumulative + choice % window;
}

static void step(struct model *model) {
    unsigned operation = next_byte(model), slot = model->is_interleaved && operation & 128;
    model->now_us += operation * 100;
    switch (operation % 16) {
    case 0: case 1: case 2: case 3: case 4:
        assign(model, slot);
        break;
    case 5: case 6: /* in order */
        if (model->cumulative < model->chunk_count)
            deliver(model, model->cumulative);
        break;
    case 7: case 8: case 9:
        if (model->chunk_count > 0 && any_missing(model, 0) < model->chunk_count)
            deliver(model, any_missing(model, next_byte(model)));
        break;
    case 10: /* the newest: something is on its way behind it */
        if (model->chunk_count > 0)
            deliver(model, model->chunk_count - 1);
        break;
    case 11: receive(model); break;
    case 12: check_sack(model); break;
    case 13: give_up(model); break;
    case 14:
        if (next_byte(model) % 8 == 0)
            reset(model);
        break;
    case 15: sctp_inbound_handle_timeout(model->in, model->now_us += 1000000); break;
    }
    check(model);
}

/* Everything arrives in the end, and then everything was received that was not given up. */
static void finish(struct model *model) {
    for (unsigned slot = 0; slot < 2; slot++)
        while (model->open[slot] != MESSAGES_MAX && model->chunk_count < CHUNKS_MAX)
            assign(model, slot);
    for (unsigned rounds = 0; model->cumulative < model->chunk_count; rounds++) {
        require(rounds < 2 * CHUNKS_MAX);
        unsigned before = model->result.received;
        deliver(model, model->cumulative);
        do
            before = model->result.received, receive(model);
        while (model->result.received > before);
    }
    for (unsigned before = UINT32_MAX; before != model->result.received;) {
        before = model->result.received;
        receive(model);
    }
    for (unsigned i = 0; i < model->message_count; i++) {
        const struct message *message = &model->messages[i];
        size_t fragments = (message->length + message->fragment_bytes - 1) / message->fragment_bytes;
        require(message->is_received || message->is_given_up || message->chunk_count < fragments);
    }
}

struct inbound_model_result inbound_model_run(const uint8_t *script, size_t length) {
    static struct model model;
    model = (struct model){.script = script, .length = length, .open = {MESSAGES_MAX, MESSAGES_MAX}};
    counting_begin(&model.memory);
    model.is_interleaved = next_byte(&model) & 1;
    struct sctp_inbound_config config = inbound_config(&model.memory, model.is_interleaved);
    config.budget_bytes = BUDGET_BYTES;
    config.message_max_bytes = MESSAGE_MAX_BYTES;
    model.in = sctp_inbound_new(&config);
    require(model.in != NULL);
    bool has_ended = false;
    while (model.length > 0 && !has_ended) {
        bool had_more = model.length > 1;
        step(&model);
        has_ended = had_more && model.length == 0;
    }
    finish(&model);
    sctp_inbound_free(model.in);
    require(model.memory.blocks == 0);
    return model.result;
}
