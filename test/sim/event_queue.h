/* What happens next: a binary heap ordered by time, and by order of insertion where times are equal. */
#ifndef TEST_SIM_EVENT_QUEUE_H
#define TEST_SIM_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_event {
    uint64_t time_us;
    uint64_t sequence; /* given by the queue: makes the order total, so that a seed repeats to the bit */
    int kind;          /* the rest is the owner's */
    int place;
    void *subject;
};

struct sim_event_queue {
    struct sim_event *events;
    size_t count, capacity;
    uint64_t next_sequence;
};

void sim_event_queue_init(struct sim_event_queue *queue);
void sim_event_queue_release(struct sim_event_queue *queue); /* frees the heap, not the subjects */
void sim_event_queue_push(struct sim_event_queue *queue, uint64_t time_us, int kind, int place, void *subject);
bool sim_event_queue_pop(struct sim_event_queue *queue, struct sim_event *out); /* false when empty */
uint64_t sim_event_queue_next_us(const struct sim_event_queue *queue);          /* UINT64_MAX when empty */

#endif
