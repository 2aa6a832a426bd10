/* The outbound side against a small peer, over a link in virtual time: see outbound_model.h. */
#include "outbound_model.h"

#define SACK_DELAY_US 20000
#define US_PER_SECOND UINT64_C(1000000)

double model_random(struct model *m) {
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (double)(m->random >> 11) / 9007199254740992.0;
}

/* ---- wires ----------------------------------------------------------------------------------------------------------------------------- */

static struct model_packet *at(struct model_wire *wire, size_t index) {
    return &wire->packets[(wire->first + index) & (wire->capacity - 1)];
}

static void put(struct model_wire *wire, uint64_t at_us, const uint8_t *bytes, size_t length) {
    if (wire->count == wire->capacity) {
        struct model_wire grown = {.capacity = wire->capacity > 0 ? 2 * wire->capacity : 64};
        grown.packets = calloc(grown.capacity, sizeof *grown.packets);
        assert_non_null(grown.packets);
        for (size_t i = 0; i < wire->count; i++)
            grown.packets[i] = *at(wire, i);
        free(wire->packets);
        wire->packets = grown.packets;
        wire->capacity = grown.capacity;
        wire->first = 0;
    }
    size_t place = wire->count++;
    while (place > 0 && at(wire, place - 1)->at_us > at_us) {
        *at(wire, place) = *at(wire, place - 1);
        place--;
    }
    uint8_t *copy = malloc(length);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    *at(wire, place) = (struct model_packet){at_us, length, copy};
}

static uint64_t wire_next(struct model_wire *wire) {
    return wire->count > 0 ? at(wire, 0)->at_us : UINT64_MAX;
}

static struct model_packet take(struct model_wire *wire) {
    struct model_packet packet = *at(wire, 0);
    wire->first = (wire->first + 1) & (wire->capacity - 1);
    wire->count--;
    return packet;
}

static void wire_end(struct model_wire *wire) {
    while (wire->count > 0)
        free(take(wire).bytes);
    free(wire->packets);
}

static void send_forth(struct model *m, const uint8_t *bytes, size_t length) {
    const struct model_config *config = &m->config;
    uint64_t number = m->packets++;
    if (length > m->largest_packet_bytes)
        m->largest_packet_bytes = length;
    if ((m->filter && !m->filter(m, number, bytes, length)) || model_random(m) < config->loss) {
        m->lost++;
        return;
    }
    uint64_t free_us = m->forth.free_us > m->now_us ? m->forth.free_us : m->now_us;
    if (config->rate_bps > 0) {
        uint64_t waiting_us = free_us - m->now_us;
        uint64_t bits = (length + MODEL_OVERHEAD_BYTES) * 8;
        if (config->queue_bytes > 0 && waiting_us * config->rate_bps / 8 / US_PER_SECOND + length > config->queue_bytes) {
            m->dropped++;
            return;
        }
        if (waiting_us > m->queue_most_us)
            m->queue_most_us = waiting_us;
        /* fractions of a microsecond matter at 1 Gbit/s: carried in the upper half */
        static uint64_t carry;
        uint64_t ns = bits * 1000000000 / config->rate_bps + carry;
        carry = ns % 1000;
        free_us += ns / 1000;
        m->forth.free_us = free_us;
    }
    uint64_t arrival_us = free_us + config->delay_us + (uint64_t)(model_random(m) * (double)config->jitter_us);
    if (model_random(m) < config->reorder)
        arrival_us += config->reorder_us;
    put(&m->forth, arrival_us, bytes, length);
    if (model_random(m) < config->duplicate)
        put(&m->forth, arrival_us + 1, bytes, length);
}

/* ---- the receiver ------------------------------------------------------------------------------------------------------------------ */

static bool is_seen(const struct model *m, uint32_t tsn) {
    return (m->seen[tsn % MODEL_TSNS / 8] >> tsn % 8 & 1) != 0;
}

static void set_seen(struct model *m, uint32_t tsn, bool seen) {
    uint8_t *byte = &m->seen[tsn % MODEL_TSNS / 8];
    *byte = (uint8_t)((*byte & ~(1u << tsn % 8)) | (unsigned)seen << tsn % 8);
}

static void advance(struct model *m) {
    while (is_seen(m, m->cumulative_tsn + 1)) {
        set_seen(m, m->cumulative_tsn + 1, false);
        m->cumulative_tsn++;
    }
    if (sctp_tsn_before(m->highest_tsn, m->cumulative_tsn))
        m->highest_tsn = m->cumulative_tsn;
}

static void keep(struct model *m, const struct sctp_data *data) {
    size_t index = data->tsn - m->first_tsn;
    if (index >= m->chunk_capacity) {
        size_t capacity = m->chunk_capacity > 0 ? m->chunk_capacity : 1024;
        while (capacity <= index)
            capacity *= 2;
        m->chunks = realloc(m->chunks, capacity * sizeof *m->chunks);
        assert_non_null(m->chunks);
        memset(m->chunks + m->chunk_capacity, 0, (capacity - m->chunk_capacity) * sizeof *m->chunks);
        m->chunk_capacity = capacity;
    }
    struct model_chunk *chunk = &m->chunks[index];
    assert_false(chunk->is_received);
    *chunk = (struct model_chunk){true, *data, malloc(data->length)};
    assert_non_null(chunk->bytes);
    memcpy(chunk->bytes, data->bytes, data->length);
    if (index >= m->chunk_count)
        m->chunk_count = index + 1;
}

static void receive_data(struct model *m, const struct sctp_chunk *chunk) {
    struct sctp_data data;
    assert_int_equal(sctp_read_data(chunk, &data), SCTP_OK);
    assert_int_equal(data.is_interleaved, m->config.is_interleaved);
    bool is_old = !sctp_tsn_before(m->cumulative_tsn, data.tsn) || is_seen(m, data.tsn);
    if (data.wants_immediate_sack && !m->config.ignores_immediate)
        m->is_sack_due = true;
    if (is_old) {
        if (m->duplicate_count < MODEL_DUPLICATES_MAX)
            m->duplicates[m->duplicate_count++] = data.tsn;
        m->duplicate_chunks++;
        m->is_sack_due = true;
        return;
    }
    if (m->window == 0) { /* nothing is taken; the sender is told */
        m->is_sack_due = true;
        return;
    }
    m->received_bytes += data.length;
    m->received_chunks++;
    if (m->config.keeps)
        keep(m, &data);
    set_seen(m, data.tsn, true);
    if (sctp_tsn_before(m->highest_tsn, data.tsn))
        m->highest_tsn = data.tsn;
    bool was_gap = m->highest_tsn != data.tsn || data.tsn != m->cumulative_tsn + 1;
    advance(m);
    m->is_sack_due |= was_gap || m->highest_tsn != m->cumulative_tsn;
}

static void receive_forward(struct model *m, const struct sctp_chunk *chunk) {
    struct sctp_forward_tsn forward;
    assert_int_equal(sctp_read_forward_tsn(chunk, &forward), SCTP_OK);
    assert_int_equal(forward.is_interleaved, m->config.is_interleaved);
    m->forwards++;
    m->is_sack_due = true;
    while (sctp_tsn_before(m->cumulative_tsn, forward.new_cumulative_tsn)) {
        m->cumulative_tsn++;
        set_seen(m, m->cumulative_tsn, false);
    }
    advance(m);
}

static void receive(struct model *m, const uint8_t *bytes, size_t length) {
    struct sctp_packet packet;
    assert_int_equal(sctp_packet_parse(bytes, length, &packet), SCTP_OK);
    struct sctp_walk walk = sctp_walk_packet(&packet);
    struct sctp_chunk chunk;
    while (sctp_walk_chunk(&walk, &chunk)) {
        if (chunk.type == SCTP_CHUNK_DATA || chunk.type == SCTP_CHUNK_I_DATA)
            receive_data(m, &chunk);
        else
            receive_forward(m, &chunk);
    }
    if (++m->unacknowledged >= 2)
        m->is_sack_due = true;
    if (m->sack_us == UINT64_MAX)
        m->sack_us = m->now_us + (m->config.sack_delay_us > 0 ? m->config.sack_delay_us : SACK_DELAY_US);
}

static size_t find_gaps(const struct model *m, struct sctp_gap *gaps) {
    size_t count = 0;
    uint32_t tsn = m->cumulative_tsn + 1;
    while (count < MODEL_GAPS_MAX && !sctp_tsn_before(m->highest_tsn, tsn) && tsn - m->cumulative_tsn <= UINT16_MAX) {
        if (!is_seen(m, tsn)) {
            tsn++;
            continue;
        }
        uint32_t end = tsn;
        while (is_seen(m, end + 1) && end + 1 - m->cumulative_tsn <= UINT16_MAX)
            end++;
        gaps[count++] = (struct sctp_gap){(uint16_t)(tsn - m->cumulative_tsn), (uint16_t)(end - m->cumulative_tsn)};
        tsn = end + 1;
    }
    return count;
}

static void send_sack(struct model *m) {
    struct sctp_gap gaps[MODEL_GAPS_MAX];
    uint8_t bytes[2048];
    struct sctp_writer writer;
    size_t count = find_gaps(m, gaps);
    sctp_writer_begin(&writer, bytes, sizeof bytes, 5000, 5000, 1);
    sctp_write_sack(&writer, m->cumulative_tsn, m->window, gaps, count, m->duplicates, m->duplicate_count);
    int length = sctp_writer_finish(&writer, true);
    assert_true(length > 0);
    m->duplicate_count = 0;
    m->unacknowledged = 0;
    m->is_sack_due = false;
    m->sack_us = UINT64_MAX;
    if (model_random(m) >= m->config.sack_loss)
        put(&m->back, m->now_us + m->config.delay_us, bytes, (size_t)length);
}

/* ---- the sender -------------------------------------------------------------------------------------------------------------------- */

static void handle_sack(struct model *m, const uint8_t *bytes, size_t length) {
    struct sctp_packet packet;
    assert_int_equal(sctp_packet_parse(bytes, length, &packet), SCTP_OK);
    struct sctp_walk walk = sctp_walk_packet(&packet);
    struct sctp_chunk chunk;
    struct sctp_sack sack;
    assert_true(sctp_walk_chunk(&walk, &chunk));
    assert_int_equal(sctp_read_sack(&chunk, &sack), SCTP_OK);
    bool has_progressed;
    assert_int_equal(sctp_outbound_handle_sack(m->out, m->now_us, &sack, &has_progressed), SCTP_OK);
}

void model_drain(struct model *m) {
    uint8_t bytes[MODEL_PACKET_BYTES];
    struct sctp_writer writer;
    for (;;) {
        sctp_writer_begin(&writer, bytes, sizeof bytes, 5000, 5000, 1);
        if (!sctp_outbound_write(m->out, m->now_us, &writer))
            return;
        int length = sctp_writer_finish(&writer, true);
        assert_true(length > SCTP_HEADER_BYTES);
        send_forth(m, bytes, (size_t)length);
    }
}

static uint64_t sooner(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t next_us(struct model *m) {
    uint64_t timer_us = sctp_outbound_next_timeout(m->out);
    return sooner(sooner(wire_next(&m->forth), wire_next(&m->back)), sooner(m->sack_us, timer_us > m->now_us ? timer_us : m->now_us));
}

static void step(struct model *m) {
    if (wire_next(&m->forth) <= m->now_us) {
        struct model_packet packet = take(&m->forth);
        receive(m, packet.bytes, packet.length);
        free(packet.bytes);
    } else if (wire_next(&m->back) <= m->now_us) {
        struct model_packet packet = take(&m->back);
        handle_sack(m, packet.bytes, packet.length);
        free(packet.bytes);
    }
    if (m->is_sack_due || m->sack_us <= m->now_us)
        send_sack(m);
    if (sctp_outbound_next_timeout(m->out) <= m->now_us)
        m->timeouts_counted += sctp_outbound_handle_timeout(m->out, m->now_us);
    model_drain(m);
}

void model_run(struct model *m, uint64_t until_us) {
    model_drain(m);
    unsigned idle_steps = 0;
    while (next_us(m) <= until_us) {
        uint64_t at_us = next_us(m);
        idle_steps = at_us > m->now_us ? 0 : idle_steps + 1;
        assert_true(idle_steps < 1000000); /* time stands still: a timer that is never done */
        m->now_us = at_us > m->now_us ? at_us : m->now_us;
        step(m);
    }
    m->now_us = until_us;
}

bool model_finish(struct model *m, uint64_t within_us) {
    uint64_t end_us = m->now_us + within_us;
    while (!sctp_outbound_is_empty(m->out) || m->forth.count > 0 || m->back.count > 0) {
        if (m->now_us >= end_us)
            return false;
        model_run(m, sooner(m->now_us + 10000, end_us));
    }
    return true;
}

uint8_t model_byte(uint32_t index, size_t offset) {
    return (uint8_t)((index * 2654435761u + (uint32_t)offset * 40503u) >> 13);
}

int model_send(struct model *m, const struct sctp_message *like, uint32_t index, size_t length) {
    uint8_t *bytes = malloc(length > 0 ? length : 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = model_byte(index, i);
    struct sctp_message message = like ? *like : (struct sctp_message){.stream = 0};
    message.payload_protocol = index;
    message.bytes = bytes;
    message.length = length;
    int error = sctp_outbound_send(m->out, m->now_us, &message);
    free(bytes);
    return error;
}

double model_stream(struct model *m, uint64_t until_us, size_t message_bytes) {
    uint8_t *bytes = calloc(1, message_bytes);
    assert_non_null(bytes);
    uint64_t before_bytes = m->received_bytes, start_us = m->now_us;
    struct sctp_message message = {.stream = 1, .payload_protocol = 53, .bytes = bytes, .length = message_bytes};
    while (m->now_us < until_us) {
        while (sctp_outbound_send(m->out, m->now_us, &message) == SCTP_OK)
            ;
        model_run(m, m->now_us + 500);
    }
    free(bytes);
    return (double)(m->received_bytes - before_bytes) * 1e6 / (double)(m->now_us - start_us);
}

struct sctp_outbound_statistics model_statistics(const struct model *m) {
    struct sctp_outbound_statistics statistics;
    sctp_outbound_statistics(m->out, &statistics);
    return statistics;
}

struct model *model_new(const struct model_config *config) {
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->config = *config;
    m->random = config->seed * 0x9E3779B97F4A7C15u + 88172645463325252u;
    m->now_us = 1000;
    m->window = config->window > 0 ? config->window : 1u << 30;
    m->first_tsn = config->initial_tsn;
    m->cumulative_tsn = m->highest_tsn = config->initial_tsn - 1;
    m->sack_us = UINT64_MAX;
    m->seen = calloc(1, MODEL_TSNS / 8);
    assert_non_null(m->seen);
    struct sctp_outbound_config outbound = {
        .allocator = config->allocator,
        .congestion = config->congestion,
        .budget_bytes = config->budget_bytes > 0 ? config->budget_bytes : 1u << 20,
        .initial_tsn = config->initial_tsn,
        .fragment_bytes = MODEL_FRAGMENT_BYTES,
        .peer_window = m->window,
        .is_interleaved = config->is_interleaved,
        .can_forward = true,
    };
    m->out = sctp_outbound_new(&outbound, m->now_us);
    assert_non_null(m->out);
    return m;
}

void model_free(struct model *m) {
    sctp_outbound_free(m->out);
    wire_end(&m->forth);
    wire_end(&m->back);
    for (size_t i = 0; i < m->chunk_capacity; i++)
        free(m->chunks[i].bytes);
    free(m->chunks);
    free(m->seen);
    free(m);
}

/* ---- the judge --------------------------------------------------------------------------------------------------------------------- */

/* A message under reassembly: by stream, order and id, or without I-DATA simply by the TSNs in a row. */
static const struct model_chunk *follower(const struct model *m, size_t index, size_t *next) {
    const struct sctp_data *data = &m->chunks[index].data;
    for (size_t i = index + 1; i < m->chunk_count; i++) {
        const struct model_chunk *other = &m->chunks[i];
        if (!m->config.is_interleaved) {
            *next = i;
            return other->is_received && !other->data.is_begin ? other : NULL;
        }
        bool is_same = other->is_received && other->data.stream == data->stream && other->data.is_unordered == data->is_unordered && other->data.message == data->message;
        if (is_same) {
            *next = i;
            return other;
        }
    }
    return NULL;
}

static bool judge_message(const struct model *m, size_t index, uint32_t id) {
    size_t offset = 0;
    const struct model_chunk *chunk = &m->chunks[index];
    for (uint32_t number = 0;; number++) {
        if (m->config.is_interleaved)
            assert_int_equal(chunk->data.fragment, number);
        for (size_t i = 0; i < chunk->data.length; i++)
            assert_int_equal(chunk->bytes[i], model_byte(id, offset + i));
        offset += chunk->data.length;
        if (chunk->data.is_end)
            return true;
        chunk = follower(m, index, &index);
        if (!chunk || (m->config.is_interleaved && chunk->data.fragment != number + 1))
            return false;
    }
}

void model_judge(struct model *m, struct model_verdict *verdicts, size_t count) {
    memset(verdicts, 0, count * sizeof *verdicts);
    uint32_t *last = calloc(65536, sizeof *last); /* the id behind the last ordered message of each stream */
    assert_non_null(last);
    for (size_t i = 0; i < m->chunk_count; i++) {
        const struct sctp_data *data = &m->chunks[i].data;
        if (!m->chunks[i].is_received || !data->is_begin)
            continue;
        uint32_t id = data->payload_protocol;
        assert_true(id < count);
        verdicts[id].is_begun = true;
        if (!data->is_unordered) {
            assert_true(data->message >= last[data->stream]); /* RFC 9260 section 6.5: ids rise with the TSNs (tests stay below 65,536) */
            last[data->stream] = data->message + 1;
        }
        verdicts[id].times += judge_message(m, i, id);
    }
    free(last);
}
