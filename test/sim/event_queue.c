#include "test/sim/event_queue.h"

#include <stdlib.h>

void sim_event_queue_init(struct sim_event_queue *queue) {
    *queue = (struct sim_event_queue){0};
}

void sim_event_queue_release(struct sim_event_queue *queue) {
    free(queue->events);
    sim_event_queue_init(queue);
}

static bool before(const struct sim_event *a, const struct sim_event *b) {
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->sequence < b->sequence;
}

static void swap(struct sim_event *a, struct sim_event *b) {
    struct sim_event kept = *a;
    *a = *b;
    *b = kept;
}

void sim_event_queue_push(struct sim_event_queue *queue, uint64_t time_us, int kind, int place, void *subject) {
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity ? 2 * queue->capacity : 64;
        queue->events = realloc(queue->events, queue->capacity * sizeof *queue->events);
        if (!queue->events)
            abort(); /* a test without memory has no verdict */
    }
    size_t at = queue->count++;
    queue->events[at] = (struct sim_event){time_us, queue->next_sequence++, kind, place, subject};
    while (at > 0 && before(&queue->events[at], &queue->events[(at - 1) / 2])) {
        swap(&queue->events[at], &queue->events[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

bool sim_event_queue_pop(struct sim_event_queue *queue, struct sim_event *out) {
    if (queue->count == 0)
        return false;
    struct sim_event *events = queue->events;
    *out = events[0];
    events[0] = events[--queue->count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < queue->count; child++)
            if (before(&events[child], &events[least]))
                least = child;
        if (least == at)
            return true;
        swap(&events[at], &events[least]);
        at = least;
    }
}

uint64_t sim_event_queue_next_us(const struct sim_event_queue *queue) {
    return queue->count ? queue->events[0].time_us : UINT64_MAX;
}
