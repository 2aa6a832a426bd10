/*
 * Packets on their way, ordered by when they arrive; of two that arrive at once the one that was given first comes first.
 * A fixed number of fixed size: no allocation per packet.
 */
#ifndef TEST_WIRE_PACKET_QUEUE_H
#define TEST_WIRE_PACKET_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test/sim/link.h"

#define WIRE_PACKET_MAX_BYTES 1600 /* an Ethernet frame of 1500 bytes with its header, and room to spare */
#define WIRE_PACKETS_MAX 8192      /* a second of 100 Mbit/s in full frames */

struct wire_packet {
    struct sim_link_copy copy;
    size_t direction; /* of the caller */
    size_t length;
    uint8_t bytes[WIRE_PACKET_MAX_BYTES];
};

struct wire_packet_queue;

/* NULL when there is no memory. */
struct wire_packet_queue *wire_packet_queue_new(void);
void wire_packet_queue_free(struct wire_packet_queue *queue);

/* Copies the bytes. False when the queue is full or the packet longer than WIRE_PACKET_MAX_BYTES. */
bool wire_packet_queue_put(struct wire_packet_queue *queue, const struct sim_link_copy *copy, size_t direction, const uint8_t *bytes, size_t length);

/* The next to arrive, NULL when empty. Valid until the next put or drop. */
struct wire_packet *wire_packet_queue_first(struct wire_packet_queue *queue);
void wire_packet_queue_drop_first(struct wire_packet_queue *queue);

size_t wire_packet_queue_count(const struct wire_packet_queue *queue);

#endif
