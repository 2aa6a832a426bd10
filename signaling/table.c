/* Open addressing with linear probing; a removal moves later entries up, so that there are no tombstones and a search ends at the first gap. */
#include "signaling/table_internal.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64u

/* ---- SipHash-2-4 -------------------------------------------------------------------------------------------------- */

static uint64_t rotate(uint64_t value, unsigned bits) {
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

uint64_t signaling_table_hash(const uint64_t secret[2], const uint8_t *bytes, size_t length) {
    uint64_t v[4] = {secret[0] ^ 0x736f6d6570736575u, secret[1] ^ 0x646f72616e646f6du, secret[0] ^ 0x6c7967656e657261u, secret[1] ^ 0x7465646279746573u};
    uint64_t word = 0;
    for (size_t i = 0; i <= length; i++) {
        /* The last byte of the last word is the length. */
        bool last = i == length;
        word |= last ? (uint64_t)(length & 0xFF) << 56 : (uint64_t)bytes[i] << 8 * (i % 8);
        if (last || i % 8 == 7) {
            v[3] ^= word;
            sip_round(v);
            sip_round(v);
            v[0] ^= word;
            word = 0;
        }
    }
    v[2] ^= 0xFF;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- the table ---------------------------------------------------------------------------------------------------- */

void signaling_table_clear(struct signaling_table *table) {
    free(table->slots);
    table->slots = NULL;
    table->capacity = table->count = 0;
}

/* The slot that holds the key, or the gap where it would go. There always is a gap. */
static uint32_t search(struct signaling_table *table, uint64_t hash, const uint8_t *key, size_t length) {
    uint32_t mask = table->capacity - 1, at = (uint32_t)hash & mask, probes = 1;
    for (;; at = (at + 1) & mask, probes++) {
        const struct signaling_table_slot *slot = &table->slots[at];
        if (slot->value == SIGNALING_TABLE_NONE || (slot->hash == hash && slot->length == length && memcmp(slot->key, key, length) == 0))
            break;
    }
    if (probes > table->longest_probe)
        table->longest_probe = probes;
    return at;
}

static bool grow(struct signaling_table *table) {
    uint32_t capacity = table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
    struct signaling_table_slot *old = table->slots, *slots = malloc(capacity * sizeof *slots);
    if (slots == NULL)
        return false;
    for (uint32_t i = 0; i < capacity; i++)
        slots[i].value = SIGNALING_TABLE_NONE;
    uint32_t old_capacity = table->capacity;
    table->slots = slots;
    table->capacity = capacity;
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (old[i].value != SIGNALING_TABLE_NONE)
            slots[search(table, old[i].hash, old[i].key, old[i].length)] = old[i];
    }
    free(old);
    return true;
}

uint32_t signaling_table_find(struct signaling_table *table, const uint8_t *key, size_t length) {
    if (table->count == 0)
        return SIGNALING_TABLE_NONE;
    return table->slots[search(table, signaling_table_hash(table->secret, key, length), key, length)].value;
}

bool signaling_table_insert(struct signaling_table *table, const uint8_t *key, size_t length, uint32_t value) {
    if (table->count + 1 > table->capacity / 2 && !grow(table))
        return false;
    uint64_t hash = signaling_table_hash(table->secret, key, length);
    struct signaling_table_slot *slot = &table->slots[search(table, hash, key, length)];
    slot->hash = hash;
    slot->value = value;
    slot->length = (uint8_t)length;
    memcpy(slot->key, key, length);
    table->count++;
    return true;
}

void signaling_table_remove(struct signaling_table *table, const uint8_t *key, size_t length) {
    if (table->count == 0)
        return;
    uint32_t mask = table->capacity - 1, gap = search(table, signaling_table_hash(table->secret, key, length), key, length);
    if (table->slots[gap].value == SIGNALING_TABLE_NONE)
        return;
    for (uint32_t at = (gap + 1) & mask; table->slots[at].value != SIGNALING_TABLE_NONE; at = (at + 1) & mask) {
        /* An entry may fill the gap unless its home lies behind the gap (cyclically in gap+1..at). */
        uint32_t home = (uint32_t)table->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            table->slots[gap] = table->slots[at];
            gap = at;
        }
    }
    table->slots[gap].value = SIGNALING_TABLE_NONE;
    table->count--;
}
