/*
 * Memory for messages that wait or are in flight: blocks of one size, which the allocator gives in slabs. A message takes as many as it
 * needs and gives all back at once. Slabs are kept: a flow that has found its size allocates nothing more.
 */
#ifndef SCTP_BLOCK_POOL_INTERNAL_H
#define SCTP_BLOCK_POOL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sctp/association.h"

#define SCTP_BLOCK_BYTES 512      /* a message of one byte costs this much, a full packet is three copies */
#define SCTP_SLAB_BLOCKS 15       /* 8 kB with the allocator's own header */

struct sctp_block {
    struct sctp_block *next;
    _Alignas(8) uint8_t bytes[SCTP_BLOCK_BYTES - 8];
};
#define SCTP_BLOCK_ROOM_BYTES sizeof(((struct sctp_block *)0)->bytes)

struct sctp_slab;
struct sctp_block_pool {
    struct sctp_allocator allocator;
    struct sctp_slab *slabs;
    struct sctp_block *free;
    size_t slab_count, free_count, used_count, limit_count;
};

void sctp_block_pool_begin(struct sctp_block_pool *pool, const struct sctp_allocator *allocator, size_t budget_bytes);
void sctp_block_pool_end(struct sctp_block_pool *pool);

/* A chain of `count` blocks, 1 at least, ended by NULL. SCTP_ERROR_CAPACITY: beyond the budget; SCTP_ERROR_MEMORY. Then nothing is taken. */
int sctp_block_pool_take(struct sctp_block_pool *pool, size_t count, struct sctp_block **first);
/* first to last: a chain of `count`. */
void sctp_block_pool_give(struct sctp_block_pool *pool, struct sctp_block *first, struct sctp_block *last, size_t count);
/* Nothing is used: gives all slabs but one back to the allocator. */
void sctp_block_pool_trim(struct sctp_block_pool *pool);
size_t sctp_block_pool_memory_bytes(const struct sctp_block_pool *pool);

#endif
