/*
 * The memory of what waits: cells of one size, cut from slabs, taken and given back in O(1). No call of the allocator in a steady flow.
 */
#ifndef SCTP_CELL_POOL_INTERNAL_H
#define SCTP_CELL_POOL_INTERNAL_H

#include <stdbool.h>

#include "sctp/association.h"

/* Small, so that a message of 64 bytes takes one and not a packet's worth; large enough for its record and 150 bytes beside it. */
#define SCTP_CELL_BYTES 256
#define SCTP_SLAB_BYTES 8192

/* Begins every cell. User bytes stand at [begin, end) from the start of the cell. */
struct sctp_cell {
    struct sctp_cell *next;
    uint16_t begin, end;
};
#define SCTP_CELL_ROOM_BYTES (SCTP_CELL_BYTES - sizeof(struct sctp_cell)) /* of a cell that is not the first of its chain */

struct sctp_cell_pool {
    struct sctp_allocator allocator;
    void *slabs; /* chained by their first pointer */
    struct sctp_cell *free;
    size_t slab_count, free_count, used_count;
};

/* Makes the next `count` takes succeed; false: the allocator said no. */
bool sctp_cell_pool_reserve(struct sctp_cell_pool *pool, size_t count);
/* A cell that was reserved: next NULL, begin and end 0. */
struct sctp_cell *sctp_cell_pool_take(struct sctp_cell_pool *pool);
/* Takes back a chain of `count` cells, from first to last. */
void sctp_cell_pool_give(struct sctp_cell_pool *pool, struct sctp_cell *first, struct sctp_cell *last, size_t count);
/* Returns every slab; whatever lay in cells is gone. */
void sctp_cell_pool_release(struct sctp_cell_pool *pool);

#endif
