/*
 * Which TSNs have arrived: all up to the cumulative one, and a ring of bits for those beyond it. TSNs are unwrapped to 64 bits.
 * While nothing is missing there is no ring at all; it doubles with the distance, up to SCTP_TSN_AHEAD_MAX: 8 KiB.
 */
#ifndef SCTP_TSN_MAP_INTERNAL_H
#define SCTP_TSN_MAP_INTERNAL_H

#include "sctp/chunk.h"
#include "sctp/inbound_internal.h"

struct sctp_tsn_map {
    uint64_t cumulative, highest; /* highest: the last that arrived, or the cumulative one */
    uint64_t *words;              /* bit `tsn % bits`; those not in (cumulative, highest] are 0 */
    size_t bits;                  /* a power of two, or 0 */
};

/* The cumulative one is the one before the first. Unwrapped ones start at 2^32, so that the one before exists. */
void sctp_tsn_map_begin(struct sctp_tsn_map *map, uint32_t initial_tsn);
/* The number near the cumulative one that is `tsn` on the wire. */
uint64_t sctp_tsn_map_unwrap(const struct sctp_tsn_map *map, uint32_t tsn);
bool sctp_tsn_map_has(const struct sctp_tsn_map *map, uint64_t tsn);
static inline bool sctp_tsn_map_has_gap(const struct sctp_tsn_map *map) {
    return map->highest > map->cumulative;
}

/* Makes place for a TSN above the cumulative one and SCTP_TSN_AHEAD_MAX beyond it at most; false: the allocator said no. */
bool sctp_tsn_map_reserve(struct sctp_tsn_map *map, const struct sctp_allocator *allocator, uint64_t tsn);
/* One that was reserved, and is not in the map. */
void sctp_tsn_map_add(struct sctp_tsn_map *map, uint64_t tsn);
/* Everything up to `tsn`, above the cumulative one, counts as arrived. */
void sctp_tsn_map_forward(struct sctp_tsn_map *map, uint64_t tsn);
/* The first blocks beyond the cumulative TSN, as a SACK says them; returns how many. */
size_t sctp_tsn_map_gaps(const struct sctp_tsn_map *map, struct sctp_gap *gaps, size_t capacity);
void sctp_tsn_map_release(struct sctp_tsn_map *map, const struct sctp_allocator *allocator);

#endif
