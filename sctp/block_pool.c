/* Memory for messages, in blocks: see block_pool_internal.h. */
#include "sctp/block_pool_internal.h"

#include <assert.h>

struct sctp_slab {
    struct sctp_slab *next;
    struct sctp_block blocks[SCTP_SLAB_BLOCKS];
};
_Static_assert(sizeof(struct sctp_block) == SCTP_BLOCK_BYTES, "the link takes eight bytes");

void sctp_block_pool_begin(struct sctp_block_pool *pool, const struct sctp_allocator *allocator, size_t budget_bytes) {
    *pool = (struct sctp_block_pool){.allocator = *allocator, .limit_count = budget_bytes / SCTP_BLOCK_BYTES};
}

static void release_slabs(struct sctp_block_pool *pool, size_t keep_count) {
    while (pool->slab_count > keep_count) {
        struct sctp_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        pool->slab_count--;
        pool->allocator.release(pool->allocator.context, slab);
    }
}

void sctp_block_pool_end(struct sctp_block_pool *pool) {
    release_slabs(pool, 0);
}

static void put(struct sctp_block_pool *pool, struct sctp_block *block) {
    block->next = pool->free;
    pool->free = block;
    pool->free_count++;
}

static void put_slab(struct sctp_block_pool *pool, struct sctp_slab *slab) {
    for (size_t i = SCTP_SLAB_BLOCKS; i > 0; i--)
        put(pool, &slab->blocks[i - 1]);
}

static bool grow(struct sctp_block_pool *pool) {
    struct sctp_slab *slab = pool->allocator.allocate(pool->allocator.context, sizeof *slab);
    if (!slab)
        return false;
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->slab_count++;
    put_slab(pool, slab);
    return true;
}

int sctp_block_pool_take(struct sctp_block_pool *pool, size_t count, struct sctp_block **first) {
    assert(count > 0);
    if (count > pool->limit_count - pool->used_count)
        return SCTP_ERROR_CAPACITY;
    while (pool->free_count < count) {
        if (!grow(pool))
            return SCTP_ERROR_MEMORY;
    }
    struct sctp_block *last = pool->free;
    *first = last;
    for (size_t i = 1; i < count; i++)
        last = last->next;
    pool->free = last->next;
    last->next = NULL;
    pool->free_count -= count;
    pool->used_count += count;
    return SCTP_OK;
}

void sctp_block_pool_give(struct sctp_block_pool *pool, struct sctp_block *first, struct sctp_block *last, size_t count) {
    assert(count <= pool->used_count);
    last->next = pool->free;
    pool->free = first;
    pool->free_count += count;
    pool->used_count -= count;
}

void sctp_block_pool_trim(struct sctp_block_pool *pool) {
    assert(pool->used_count == 0);
    if (pool->slab_count <= 1)
        return;
    release_slabs(pool, 1);
    pool->free = NULL;
    pool->free_count = 0;
    put_slab(pool, pool->slabs);
}

size_t sctp_block_pool_memory_bytes(const struct sctp_block_pool *pool) {
    return pool->slab_count * sizeof(struct sctp_slab);
}
