#include "association_pair.h"

#include <stdio.h>

/* ---- memory, chance ---------------------------------------------------------------------------------------------------------------- */

static void *allocate(void *context, size_t bytes) {
    struct pair *pair = context;
    pair->allocations++;
    if (pair->allocations == pair->fail_at)
        return NULL;
    size_t *block = malloc(bytes + 16);
    *block = bytes;
    pair->allocated_bytes += bytes;
    if (pair->allocated_bytes > pair->most_allocated_bytes)
        pair->most_allocated_bytes = pair->allocated_bytes;
    return (uint8_t *)block + 16;
}

static void release(void *context, void *memory) {
    struct pair *pair = context;
    size_t *block = (size_t *)(void *)((uint8_t *)memory - 16);
    pair->allocated_bytes -= *block;
    free(block);
}

static void seeded(void *context, uint8_t *out, size_t length) {
    struct pair *pair = context;
    for (size_t i = 0; i < length; i++) {
        if (pair->random_zeros > 0) {
            pair->random_zeros--;
            out[i] = 0;
            continue;
        }
        pair->random_state = pair->random_state * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(pair->random_state >> 56);
    }
}

struct sctp_association_config two_config(struct pair *pair) {
    (void)pair;
    return (struct sctp_association_config){.random = seeded};
}

/* ---- life -------------------------------------------------------------------------------------------------------------------------- */

struct pair *two_new(uint64_t seed, const struct sctp_association_config *left, const struct sctp_association_config *right) {
    struct pair *pair = calloc(1, sizeof *pair);
    pair->now_us = 1000000;
    pair->delay_us = 10000;
    pair->random_state = seed;
    struct sctp_allocator allocator = {allocate, release, pair};
    for (unsigned end = 0; end < 2; end++) {
        const struct sctp_association_config *given = end == 0 ? left : right;
        struct sctp_association_config config = given ? *given : two_config(pair);
        config.allocator = &allocator;
        config.random = seeded;
        config.random_context = pair;
        pair->end[end].association = sctp_association_new(&config, pair->now_us);
        assert_non_null(pair->end[end].association);
    }
    return pair;
}

void two_free(struct pair *pair) {
    for (unsigned end = 0; end < 2; end++)
        sctp_association_free(pair->end[end].association);
    for (size_t i = 0; i < pair->packet_count; i++)
        free(pair->packets[i].bytes);
    assert_int_equal(pair->allocated_bytes, 0);
    free(pair);
}

struct pair *two_connected(uint64_t seed) {
    struct pair *pair = two_new(seed, NULL, NULL);
    assert_int_equal(sctp_association_connect(pair->end[0].association, pair->now_us), SCTP_OK);
    two_run(pair, 200000);
    assert_int_equal(two_count(pair, 0, SCTP_EVENT_CONNECTED), 1);
    assert_int_equal(two_count(pair, 1, SCTP_EVENT_CONNECTED), 1);
    return pair;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------------------------- */

static void note_event(struct pair_end *end, const struct sctp_event *event) {
    if (event->type == SCTP_EVENT_MESSAGE) {
        end->messages++;
        end->message_bytes += event->message.length;
        uint64_t sum = 0; /* touches each byte: AddressSanitizer looks on */
        for (size_t i = 0; i < event->message.length; i++)
            sum += event->message.bytes[i];
        (void)sum;
    }
    if (end->event_count == PAIR_EVENTS_MAX)
        return;
    struct pair_event *note = &end->events[end->event_count++];
    *note = (struct pair_event){.type = event->type, .event = *event, .length = event->message.length};
    if (event->type == SCTP_EVENT_MESSAGE) {
        size_t length = event->message.length < PAIR_TEXT_BYTES - 1 ? event->message.length : PAIR_TEXT_BYTES - 1;
        memcpy(note->text, event->message.bytes, length);
    }
    for (size_t i = 0; i < event->stream_count && i < 8; i++)
        note->streams[i] = event->streams[i];
    note->event.message.bytes = NULL;
    note->event.streams = NULL;
}

static void put(struct pair *pair, unsigned from, const uint8_t *bytes, size_t length) {
    struct pair_end *end = &pair->end[from];
    size_t n = end->packets_sent++;
    uint8_t *copy = malloc(length);
    memcpy(copy, bytes, length);
    if (length > end->longest_packet)
        end->longest_packet = length;
    bool arrives = (pair->path_bytes == 0 || length <= pair->path_bytes) && (!pair->filter || pair->filter(pair, from, n, copy, length));
    if (!arrives || pair->packet_count == PAIR_PACKETS_MAX) {
        free(copy);
        return;
    }
    pair->packets[pair->packet_count++] = (struct pair_packet){pair->now_us + pair->delay_us, 1 - from, length, copy};
}

void two_drain(struct pair *pair, unsigned which) {
    struct pair_end *end = &pair->end[which];
    static uint8_t buffer[PAIR_PACKET_BYTES];
    struct sctp_transmit transmit;
    struct sctp_event event;
    bool has_done = true;
    for (int turns = 0; has_done; turns++) {
        assert_true(turns < 100000);
        has_done = false;
        while (!end->is_deaf && sctp_association_poll_event(end->association, &event)) {
            note_event(end, &event);
            has_done = true;
        }
        while (sctp_association_poll_transmit(end->association, pair->now_us, buffer, sizeof buffer, &transmit)) {
            put(pair, which, buffer, transmit.length);
            has_done = true;
        }
    }
    uint64_t next = sctp_association_next_timeout(end->association);
    (void)next;
}

static struct pair_packet take(struct pair *pair, size_t i) {
    struct pair_packet packet = pair->packets[i];
    memmove(pair->packets + i, pair->packets + i + 1, (pair->packet_count - i - 1) * sizeof packet);
    pair->packet_count--;
    return packet;
}

static size_t earliest(const struct pair *pair) {
    size_t first = 0;
    for (size_t i = 1; i < pair->packet_count; i++)
        first = pair->packets[i].at_us < pair->packets[first].at_us ? i : first;
    return first;
}

void two_run(struct pair *pair, uint64_t us) {
    uint64_t until = pair->now_us + us;
    two_drain(pair, 0);
    two_drain(pair, 1);
    for (int steps = 0;; steps++) {
        assert_true(steps < 3000000);
        uint64_t next[2], at = UINT64_MAX;
        for (unsigned end = 0; end < 2; end++) {
            next[end] = sctp_association_next_timeout(pair->end[end].association);
            at = next[end] < at ? next[end] : at;
        }
        size_t first = earliest(pair);
        bool is_packet = pair->packet_count > 0 && pair->packets[first].at_us <= at;
        at = is_packet ? pair->packets[first].at_us : at;
        if (at > until)
            break;
        pair->now_us = at > pair->now_us ? at : pair->now_us;
        if (is_packet) {
            struct pair_packet packet = take(pair, first);
            two_give(pair, packet.to, packet.bytes, packet.length);
            free(packet.bytes);
        } else {
            unsigned end = next[0] <= next[1] ? 0 : 1;
            sctp_association_handle_timeout(pair->end[end].association, pair->now_us);
            two_drain(pair, end);
        }
    }
    pair->now_us = until;
}

size_t two_take_packet(struct pair *pair, unsigned from, uint8_t *out) {
    for (size_t i = 0; i < pair->packet_count; i++) {
        if (pair->packets[i].to != 1 - from)
            continue;
        struct pair_packet packet = take(pair, i);
        memcpy(out, packet.bytes, packet.length);
        free(packet.bytes);
        return packet.length;
    }
    return 0;
}

int two_give(struct pair *pair, unsigned end, const uint8_t *bytes, size_t length) {
    int result = sctp_association_handle_datagram(pair->end[end].association, pair->now_us, bytes, length);
    two_drain(pair, end);
    return result;
}

/* ---- shorthand --------------------------------------------------------------------------------------------------------------------- */

int two_send(struct pair *pair, unsigned from, uint16_t stream, const char *text) {
    struct sctp_message message = {.stream = stream, .payload_protocol = 51, .bytes = (const uint8_t *)text, .length = strlen(text)};
    return sctp_association_send(pair->end[from].association, pair->now_us, &message);
}

int two_send_bytes(struct pair *pair, unsigned from, uint16_t stream, size_t length) {
    uint8_t *bytes = malloc(length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    struct sctp_message message = {.stream = stream, .payload_protocol = 53, .bytes = bytes, .length = length};
    int result = sctp_association_send(pair->end[from].association, pair->now_us, &message);
    free(bytes);
    return result;
}

const struct pair_event *two_find(const struct pair *pair, unsigned end, enum sctp_event_type type, size_t n) {
    for (size_t i = 0; i < pair->end[end].event_count; i++) {
        const struct pair_event *event = &pair->end[end].events[i];
        if (event->type == type && n-- == 0)
            return event;
    }
    return NULL;
}

size_t two_count(const struct pair *pair, unsigned end, enum sctp_event_type type) {
    size_t count = 0;
    for (size_t i = 0; i < pair->end[end].event_count; i++)
        count += pair->end[end].events[i].type == type;
    return count;
}

struct sctp_association_statistics two_statistics(const struct pair *pair, unsigned end) {
    struct sctp_association_statistics statistics;
    sctp_association_statistics(pair->end[end].association, &statistics);
    return statistics;
}

void two_write(struct sctp_writer *writer, uint8_t *bytes, uint32_t tag) {
    sctp_writer_begin(writer, bytes, PAIR_PACKET_BYTES, SCTP_PORT, SCTP_PORT, tag);
}

bool two_find_chunk(const uint8_t *bytes, size_t length, uint8_t type, struct sctp_chunk *out) {
    struct sctp_packet packet;
    if (sctp_packet_parse(bytes, length, &packet) != SCTP_OK)
        return false;
    struct sctp_walk walk = sctp_walk_packet(&packet);
    while (sctp_walk_chunk(&walk, out)) {
        if (out->type == type)
            return true;
    }
    return false;
}

uint32_t two_tag_of(const uint8_t *bytes) {
    return (uint32_t)bytes[4] << 24 | (uint32_t)bytes[5] << 16 | (uint32_t)bytes[6] << 8 | bytes[7];
}
