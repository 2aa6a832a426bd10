/* The pools of the rooms: growing arrays with free lists, so that an index stays what it is while its entry is used; and the book of sources. */
#include <stdlib.h>
#include <string.h>

#include "signaling/room_internal.h"

#define FIRST_ENTRIES 16u
#define SWEEP_INTERVAL_US 1000000u

static uint32_t *next_of(const struct signaling_pool *pool, uint32_t index) {
    unsigned char *entry = (unsigned char *)pool->entries + index * pool->entry_bytes;
    return (uint32_t *)(void *)(entry + pool->next_offset);
}

static bool grow(struct signaling_pool *pool) {
    uint32_t capacity = pool->capacity == 0 ? FIRST_ENTRIES : pool->capacity * 2;
    if (capacity > pool->limit)
        capacity = pool->limit;
    void *entries = realloc(pool->entries, capacity * pool->entry_bytes);
    if (entries == NULL)
        return false;
    memset((unsigned char *)entries + pool->capacity * pool->entry_bytes, 0, (capacity - pool->capacity) * pool->entry_bytes);
    pool->entries = entries;
    pool->capacity = capacity;
    return true;
}

uint32_t signaling_pool_take(struct signaling_pool *pool) {
    uint32_t index = pool->free_first;
    if (index != SIGNALING_NONE) {
        pool->free_first = *next_of(pool, index);
    } else {
        if (pool->used_ever == pool->limit || (pool->used_ever == pool->capacity && !grow(pool)))
            return SIGNALING_NONE;
        index = pool->used_ever++;
    }
    pool->count++;
    return index;
}

void signaling_pool_give(struct signaling_pool *pool, uint32_t index) {
    *next_of(pool, index) = pool->free_first;
    pool->free_first = index;
    pool->count--;
}

struct signaling_room_entry *signaling_room_at(const struct signaling_rooms *rooms, uint32_t index) {
    return (struct signaling_room_entry *)rooms->rooms.entries + index;
}

struct signaling_member_entry *signaling_member_at(const struct signaling_rooms *rooms, uint32_t index) {
    return (struct signaling_member_entry *)rooms->members.entries + index;
}

struct signaling_source_entry *signaling_source_at(const struct signaling_rooms *rooms, uint32_t index) {
    return (struct signaling_source_entry *)rooms->sources.entries + index;
}

/* ---- sources ------------------------------------------------------------------------------------------------------ */

/* Forgets the sources that have no member and a whole budget: they are as good as new. At most once a second, for it looks at all of them. */
static void sweep(struct signaling_rooms *rooms, uint64_t now_us) {
    if (now_us < rooms->swept_us)
        return;
    rooms->swept_us = now_us + SWEEP_INTERVAL_US;
    for (uint32_t i = 0; i < rooms->sources.used_ever; i++) {
        struct signaling_source_entry *source = signaling_source_at(rooms, i);
        if (source->used && source->members == 0 && signaling_bucket_refill(&source->joins, now_us)) {
            signaling_table_remove(&rooms->sources_by_key, source->key, source->key_length);
            source->used = false;
            signaling_pool_give(&rooms->sources, i);
        }
    }
}

uint32_t signaling_source_find(struct signaling_rooms *rooms, uint64_t now_us, const uint8_t *key, size_t length) {
    if (length == 0)
        key = (const uint8_t *)""; /* it may be NULL, which memcpy does not like */
    uint32_t index = signaling_table_find(&rooms->sources_by_key, key, length);
    if (index != SIGNALING_TABLE_NONE)
        return index;
    sweep(rooms, now_us);
    index = signaling_pool_take(&rooms->sources);
    if (index == SIGNALING_NONE)
        return SIGNALING_NONE;
    if (!signaling_table_insert(&rooms->sources_by_key, key, length, index)) {
        signaling_pool_give(&rooms->sources, index);
        return SIGNALING_NONE;
    }
    struct signaling_source_entry *source = signaling_source_at(rooms, index);
    memset(source, 0, sizeof *source);
    source->used = true;
    memcpy(source->key, key, length);
    source->key_length = (uint8_t)length;
    signaling_bucket_fill(&source->joins, rooms->config.join_rate, rooms->config.join_burst, now_us);
    return index;
}
