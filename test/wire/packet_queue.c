/* A binary heap of indices over a pool of packets. */
#include "test/wire/packet_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct wire_packet_queue {
    size_t count;
    uint64_t given; /* ever: breaks ties */
    uint16_t heap[WIRE_PACKETS_MAX];
    uint16_t unused[WIRE_PACKETS_MAX]; /* the first WIRE_PACKETS_MAX - count are free slots */
    uint64_t order[WIRE_PACKETS_MAX];
    struct wire_packet packets[WIRE_PACKETS_MAX];
};

struct wire_packet_queue *wire_packet_queue_new(void) {
    struct wire_packet_queue *queue = malloc(sizeof *queue);
    if (!queue)
        return NULL;
    queue->count = 0;
    queue->given = 0;
    for (size_t i = 0; i < WIRE_PACKETS_MAX; i++)
        queue->unused[i] = (uint16_t)i;
    return queue;
}

void wire_packet_queue_free(struct wire_packet_queue *queue) {
    free(queue);
}

static bool comes_before(const struct wire_packet_queue *queue, size_t a, size_t b) {
    uint64_t time_a = queue->packets[queue->heap[a]].copy.arrival_us, time_b = queue->packets[queue->heap[b]].copy.arrival_us;
    return time_a != time_b ? time_a < time_b : queue->order[queue->heap[a]] < queue->order[queue->heap[b]];
}

static void exchange(struct wire_packet_queue *queue, size_t a, size_t b) {
    uint16_t slot = queue->heap[a];
    queue->heap[a] = queue->heap[b];
    queue->heap[b] = slot;
}

bool wire_packet_queue_put(struct wire_packet_queue *queue, const struct sim_link_copy *copy, size_t direction, const uint8_t *bytes, size_t length) {
    if (queue->count == WIRE_PACKETS_MAX || length > WIRE_PACKET_MAX_BYTES)
        return false;
    uint16_t slot = queue->unused[WIRE_PACKETS_MAX - queue->count - 1];
    struct wire_packet *packet = &queue->packets[slot];
    packet->copy = *copy;
    packet->direction = direction;
    packet->length = length;
    if (length > 0)
        memcpy(packet->bytes, bytes, length);
    queue->order[slot] = queue->given++;
    size_t at = queue->count++;
    queue->heap[at] = slot;
    for (; at > 0 && comes_before(queue, at, (at - 1) / 2); at = (at - 1) / 2)
        exchange(queue, at, (at - 1) / 2);
    return true;
}

struct wire_packet *wire_packet_queue_first(struct wire_packet_queue *queue) {
    return queue->count ? &queue->packets[queue->heap[0]] : NULL;
}

void wire_packet_queue_drop_first(struct wire_packet_queue *queue) {
    assert(queue->count > 0);
    queue->unused[WIRE_PACKETS_MAX - queue->count] = queue->heap[0];
    queue->heap[0] = queue->heap[--queue->count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < queue->count; child++)
            if (comes_before(queue, child, least))
                least = child;
        if (least == at)
            return;
        exchange(queue, at, least);
        at = least;
    }
}

size_t wire_packet_queue_count(const struct wire_packet_queue *queue) {
    return queue->count;
}
