/*
 * A bounded table from short keys to numbers, hashed by SipHash-2-4 under a secret key: whoever chooses the keys cannot choose where they land.
 */
#ifndef SIGNALING_TABLE_INTERNAL_H
#define SIGNALING_TABLE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNALING_TABLE_KEY_MAX_BYTES 64u
#define SIGNALING_TABLE_NONE UINT32_MAX

struct signaling_table_slot {
    uint64_t hash;
    uint32_t value; /* SIGNALING_TABLE_NONE: empty */
    uint8_t length;
    uint8_t key[SIGNALING_TABLE_KEY_MAX_BYTES];
};

/* All zero but the secret is an empty table. */
struct signaling_table {
    uint64_t secret[2];
    struct signaling_table_slot *slots;
    uint32_t capacity; /* 0 or a power of two, at least twice the count */
    uint32_t count;
    uint32_t longest_probe; /* slots that the longest search looked at */
};

void signaling_table_clear(struct signaling_table *table);

/* length: at most SIGNALING_TABLE_KEY_MAX_BYTES. SIGNALING_TABLE_NONE: not there. */
uint32_t signaling_table_find(struct signaling_table *table, const uint8_t *key, size_t length);

/* The key must not be there yet. False: memory is short. */
bool signaling_table_insert(struct signaling_table *table, const uint8_t *key, size_t length, uint32_t value);

/* Nothing happens when it is not there. */
void signaling_table_remove(struct signaling_table *table, const uint8_t *key, size_t length);

/* SipHash-2-4 (Aumasson and Bernstein, 2012) of the bytes. */
uint64_t signaling_table_hash(const uint64_t secret[2], const uint8_t *bytes, size_t length);

#endif
