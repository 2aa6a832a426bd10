/* Cells of one size, cut from slabs. */
#include "sctp/cell_pool_internal.h"

#include <assert.h>

struct slab {
    struct slab *next;
};
/* The first cell's place is the slab's own record. */
#define CELLS_PER_SLAB (SCTP_SLAB_BYTES / SCTP_CELL_BYTES - 1)

static bool grow(struct sctp_cell_pool *pool) {
    struct slab *slab = pool->allocator.allocate(pool->allocator.context, SCTP_SLAB_BYTES);
    if (!slab)
        return false;
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->slab_count++;
    for (size_t i = CELLS_PER_SLAB; i > 0; i--) {
        struct sctp_cell *cell = (void *)((uint8_t *)slab + i * SCTP_CELL_BYTES);
        cell->next = pool->free;
        pool->free = cell;
    }
    pool->free_count += CELLS_PER_SLAB;
    return true;
}

bool sctp_cell_pool_reserve(struct sctp_cell_pool *pool, size_t count) {
    while (pool->free_count < count)
        if (!grow(pool))
            return false;
    return true;
}

struct sctp_cell *sctp_cell_pool_take(struct sctp_cell_pool *pool) {
    assert(pool->free_count > 0);
    struct sctp_cell *cell = pool->free;
    pool->free = cell->next;
    pool->free_count--;
    pool->used_count++;
    *cell = (struct sctp_cell){0};
    return cell;
}

void sctp_cell_pool_give(struct sctp_cell_pool *pool, struct sctp_cell *first, struct sctp_cell *last, size_t count) {
    assert(count <= pool->used_count);
    last->next = pool->free;
    pool->free = first;
    pool->free_count += count;
    pool->used_count -= count;
}

void sctp_cell_pool_release(struct sctp_cell_pool *pool) {
    for (struct slab *slab = pool->slabs, *next; slab; slab = next) {
        next = slab->next;
        pool->allocator.release(pool->allocator.context, slab);
    }
    pool->slabs = NULL;
    pool->free = NULL;
    pool->slab_count = pool->free_count = pool->used_count = 0;
}
