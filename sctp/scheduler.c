/*
 * Whose turn it is: weighted fair queueing (RFC 8260 section 3.6), by start times. Each stream has a virtual time, which what it sends moves on
 * by bytes over weight; the earliest is next. One that comes back from idleness starts at the present, so that a short message
 * waits for no more than one turn of each stream before it.
 */
#include <assert.h>
#include <string.h>

#include "sctp/send_queue_internal.h"

#define NOT_IN_HEAP SIZE_MAX
#define VIRTUAL_SCALE 65536u /* above any weight, so that no charge is nothing */

bool sctp_scheduler_reserve(struct sctp_scheduler *scheduler, const struct sctp_allocator *allocator, size_t count, size_t *memory_bytes) {
    if (count <= scheduler->capacity)
        return true;
    size_t capacity = scheduler->capacity > 0 ? 2 * scheduler->capacity : 16;
    struct sctp_stream_out **heap = allocator->allocate(allocator->context, capacity * sizeof(struct sctp_stream_out *));
    if (!heap)
        return false;
    if (scheduler->heap) {
        memcpy(heap, scheduler->heap, scheduler->count * sizeof(struct sctp_stream_out *));
        allocator->release(allocator->context, scheduler->heap);
    }
    *memory_bytes += (capacity - scheduler->capacity) * sizeof(struct sctp_stream_out *);
    scheduler->heap = heap;
    scheduler->capacity = capacity;
    return true;
}

void sctp_scheduler_end(struct sctp_scheduler *scheduler, const struct sctp_allocator *allocator) {
    if (scheduler->heap)
        allocator->release(allocator->context, scheduler->heap);
    *scheduler = (struct sctp_scheduler){0};
}

static bool is_before(const struct sctp_stream_out *a, const struct sctp_stream_out *b) {
    return a->virtual_time != b->virtual_time ? a->virtual_time < b->virtual_time : a->turn < b->turn;
}

static void place(struct sctp_scheduler *scheduler, size_t index, struct sctp_stream_out *stream) {
    scheduler->heap[index] = stream;
    stream->heap_index = index;
}

static void rise(struct sctp_scheduler *scheduler, size_t index) {
    struct sctp_stream_out *stream = scheduler->heap[index];
    while (index > 0 && is_before(stream, scheduler->heap[(index - 1) / 2])) {
        place(scheduler, index, scheduler->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    place(scheduler, index, stream);
}

static void sink(struct sctp_scheduler *scheduler, size_t index) {
    struct sctp_stream_out *stream = scheduler->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= scheduler->count)
            break;
        if (child + 1 < scheduler->count && is_before(scheduler->heap[child + 1], scheduler->heap[child]))
            child++;
        if (!is_before(scheduler->heap[child], stream))
            break;
        place(scheduler, index, scheduler->heap[child]);
        index = child;
    }
    place(scheduler, index, stream);
}

void sctp_scheduler_add(struct sctp_scheduler *scheduler, struct sctp_stream_out *stream) {
    if (stream->heap_index != NOT_IN_HEAP)
        return;
    assert(scheduler->count < scheduler->capacity);
    if (stream->virtual_time < scheduler->virtual_time)
        stream->virtual_time = scheduler->virtual_time;
    stream->turn = scheduler->turns++;
    place(scheduler, scheduler->count++, stream);
    rise(scheduler, stream->heap_index);
}

void sctp_scheduler_remove(struct sctp_scheduler *scheduler, struct sctp_stream_out *stream) {
    size_t index = stream->heap_index;
    if (index == NOT_IN_HEAP)
        return;
    stream->heap_index = NOT_IN_HEAP;
    struct sctp_stream_out *moved = scheduler->heap[--scheduler->count];
    if (moved == stream)
        return;
    place(scheduler, index, moved);
    rise(scheduler, index);
    sink(scheduler, moved->heap_index);
}

struct sctp_stream_out *sctp_scheduler_first(const struct sctp_scheduler *scheduler) {
    return scheduler->count > 0 ? scheduler->heap[0] : NULL;
}

void sctp_scheduler_charge(struct sctp_scheduler *scheduler, struct sctp_stream_out *stream, size_t bytes) {
    if (scheduler->virtual_time < stream->virtual_time)
        scheduler->virtual_time = stream->virtual_time;
    stream->virtual_time += (uint64_t)bytes * VIRTUAL_SCALE / stream->weight;
    stream->turn = scheduler->turns++;
    if (stream->heap_index != NOT_IN_HEAP)
        sink(scheduler, stream->heap_index);
}
