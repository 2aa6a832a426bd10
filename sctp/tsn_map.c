/* Which TSNs have arrived. */
#include "sctp/tsn_map_internal.h"

#include <assert.h>
#include <string.h>

#define WORD_BITS 64
#define BITS_MIN 1024
static_assert(SCTP_TSN_AHEAD_MAX == UINT16_MAX, "a gap block says the distance in 16 bits, and the ring has 2^16");

void sctp_tsn_map_begin(struct sctp_tsn_map *map, uint32_t initial_tsn) {
    uint64_t before = (UINT64_C(1) << 32) + initial_tsn - 1;
    *map = (struct sctp_tsn_map){.cumulative = before, .highest = before};
}

uint64_t sctp_tsn_map_unwrap(const struct sctp_tsn_map *map, uint32_t tsn) {
    uint32_t forward = tsn - (uint32_t)map->cumulative;
    /* RFC 9260 section 1.6: serial numbers; less than half the space ahead is ahead. */
    return forward < UINT32_C(0x80000000) ? map->cumulative + forward : map->cumulative - (UINT64_C(0x100000000) - forward);
}

static uint64_t *word_of(const struct sctp_tsn_map *map, uint64_t tsn) {
    return &map->words[(tsn & (map->bits - 1)) / WORD_BITS];
}

static uint64_t bit_of(uint64_t tsn) {
    return UINT64_C(1) << tsn % WORD_BITS;
}

bool sctp_tsn_map_has(const struct sctp_tsn_map *map, uint64_t tsn) {
    if (tsn <= map->cumulative || tsn > map->highest)
        return tsn <= map->cumulative;
    return (*word_of(map, tsn) & bit_of(tsn)) != 0;
}

bool sctp_tsn_map_reserve(struct sctp_tsn_map *map, const struct sctp_allocator *allocator, uint64_t tsn) {
    assert(tsn > map->cumulative && tsn - map->cumulative <= SCTP_TSN_AHEAD_MAX);
    bool is_next = tsn == map->cumulative + 1;
    if (is_next || tsn - map->cumulative < map->bits)
        return true;
    size_t bits = map->bits == 0 ? BITS_MIN : map->bits;
    while (bits <= tsn - map->cumulative)
        bits *= 2;
    struct sctp_tsn_map wider = *map;
    wider.bits = bits;
    wider.words = allocator->allocate(allocator->context, bits / 8);
    if (!wider.words)
        return false;
    memset(wider.words, 0, bits / 8);
    for (uint64_t at = map->cumulative + 1; at <= map->highest; at++)
        if (sctp_tsn_map_has(map, at))
            *word_of(&wider, at) |= bit_of(at);
    sctp_tsn_map_release(map, allocator);
    *map = wider;
    return true;
}

/* The cumulative TSN goes on over what is there. Each bit is cleared once for the once it was set. */
static void absorb(struct sctp_tsn_map *map) {
    while (map->cumulative < map->highest && (*word_of(map, map->cumulative + 1) & bit_of(map->cumulative + 1)) != 0) {
        map->cumulative++;
        *word_of(map, map->cumulative) &= ~bit_of(map->cumulative);
    }
}

void sctp_tsn_map_add(struct sctp_tsn_map *map, uint64_t tsn) {
    assert(tsn > map->cumulative);
    if (tsn > map->highest)
        map->highest = tsn;
    if (tsn == map->cumulative + 1) {
        map->cumulative++;
        absorb(map);
    } else {
        *word_of(map, tsn) |= bit_of(tsn);
    }
}

void sctp_tsn_map_forward(struct sctp_tsn_map *map, uint64_t tsn) {
    assert(tsn > map->cumulative);
    uint64_t end = tsn < map->highest ? tsn : map->highest;
    for (uint64_t at = map->cumulative + 1; at <= end; at++)
        *word_of(map, at) &= ~bit_of(at);
    map->cumulative = tsn;
    if (map->highest < tsn)
        map->highest = tsn;
    absorb(map);
}

/* The first from `tsn` on that has arrived (or has not: `inverted` all ones); above highest: none up to there. Whole words at a time. */
static uint64_t seek(const struct sctp_tsn_map *map, uint64_t tsn, uint64_t inverted) {
    while (tsn <= map->highest) {
        uint64_t word = (*word_of(map, tsn) ^ inverted) >> tsn % WORD_BITS;
        if (word != 0)
            return tsn + (uint64_t)__builtin_ctzll(word);
        tsn += WORD_BITS - tsn % WORD_BITS;
    }
    return tsn;
}

size_t sctp_tsn_map_gaps(const struct sctp_tsn_map *map, struct sctp_gap *gaps, size_t capacity) {
    size_t count = 0;
    uint64_t at = map->cumulative + 1;
    while (count < capacity) {
        uint64_t start = seek(map, at, 0);
        if (start > map->highest)
            break;
        at = seek(map, start, UINT64_MAX);
        uint64_t end = at - 1 < map->highest ? at - 1 : map->highest;
        gaps[count++] = (struct sctp_gap){(uint16_t)(start - map->cumulative), (uint16_t)(end - map->cumulative)};
    }
    return count;
}

void sctp_tsn_map_release(struct sctp_tsn_map *map, const struct sctp_allocator *allocator) {
    if (map->words)
        allocator->release(allocator->context, map->words);
    map->words = NULL;
    map->bits = 0;
}
