/* What has a TSN and is not acknowledged: see in_flight_internal.h. */
#include "sctp/in_flight_internal.h"

#include <assert.h>
#include <string.h>

#include "sctp/chunk.h"
#include "sctp/outbound_internal.h"

#define WORD_BITS 64u
#define CAPACITY_MIN 64u /* one word */

void sctp_in_flight_begin(struct sctp_in_flight *flight, const struct sctp_allocator *allocator, uint32_t initial_tsn, size_t header_bytes) {
    *flight = (struct sctp_in_flight){
        .allocator = *allocator,
        .cumulative_tsn = initial_tsn - 1,
        .next_tsn = initial_tsn,
        .lost_hint = initial_tsn,
        .oldest = SCTP_NO_SLOT,
        .newest = SCTP_NO_SLOT,
        .header_bytes = header_bytes,
    };
}

static void release(struct sctp_in_flight *flight) {
    if (flight->records)
        flight->allocator.release(flight->allocator.context, flight->records);
}

void sctp_in_flight_end(struct sctp_in_flight *flight) {
    release(flight);
    flight->records = NULL;
}

/* One block: records, then both bitmaps. */
static size_t bytes_for(size_t capacity) {
    return capacity * sizeof(struct sctp_record) + 2 * capacity / 8;
}

size_t sctp_in_flight_memory_bytes(const struct sctp_in_flight *flight) {
    return bytes_for(flight->capacity);
}

void sctp_in_flight_trim(struct sctp_in_flight *flight) {
    if (flight->capacity <= CAPACITY_MIN || sctp_in_flight_count(flight) > 0)
        return;
    release(flight);
    flight->records = NULL;
    flight->capacity = 0;
}

/* ---- bits -------------------------------------------------------------------------------------------------------------------------- */

static void set_bit(uint64_t *bits, uint32_t slot) {
    bits[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
}

static void clear_bit(uint64_t *bits, uint32_t slot) {
    bits[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
}

static unsigned lowest_bit(uint64_t word) {
    unsigned index = 0;
    for (unsigned step = WORD_BITS / 2; step > 0; step /= 2) {
        if (word << (WORD_BITS - step) == 0) {
            word >>= step;
            index += step;
        }
    }
    return index;
}

/* The first TSN of from..end whose bit, after `flip`, is set. The ring is whole words, so that a walk by TSN is a walk by words. */
static bool find(const struct sctp_in_flight *flight, const uint64_t *bits, uint64_t flip, uint32_t from, uint32_t end, uint32_t *found) {
    while (!sctp_tsn_before(end, from)) {
        uint32_t slot = from & (flight->capacity - 1);
        uint64_t word = (bits[slot / WORD_BITS] ^ flip) >> slot % WORD_BITS;
        if (word != 0) {
            *found = from + lowest_bit(word);
            return !sctp_tsn_before(end, *found);
        }
        from += WORD_BITS - slot % WORD_BITS;
    }
    return false;
}

bool sctp_in_flight_next_unacked(const struct sctp_in_flight *flight, uint32_t *tsn, uint32_t end) {
    return find(flight, flight->acked, UINT64_MAX, *tsn, end, tsn);
}

struct sctp_record *sctp_in_flight_first_lost(struct sctp_in_flight *flight) {
    if (flight->lost_count == 0)
        return NULL;
    if (sctp_tsn_before(flight->lost_hint, flight->cumulative_tsn + 1))
        flight->lost_hint = flight->cumulative_tsn + 1;
    bool is_found = find(flight, flight->lost, 0, flight->lost_hint, flight->next_tsn - 1, &flight->lost_hint);
    assert(is_found);
    (void)is_found;
    return sctp_in_flight_record(flight, flight->lost_hint);
}

/* ---- the list by time -------------------------------------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct sctp_in_flight *flight, const struct sctp_record *record) {
    return (uint32_t)(record - flight->records);
}

static void append(struct sctp_in_flight *flight, struct sctp_record *record) {
    uint32_t slot = slot_of(flight, record);
    record->older = flight->newest;
    record->newer = SCTP_NO_SLOT;
    if (flight->newest != SCTP_NO_SLOT)
        flight->records[flight->newest].newer = slot;
    else
        flight->oldest = slot;
    flight->newest = slot;
}

static void detach(struct sctp_in_flight *flight, const struct sctp_record *record) {
    if (record->older != SCTP_NO_SLOT)
        flight->records[record->older].newer = record->newer;
    else
        flight->oldest = record->newer;
    if (record->newer != SCTP_NO_SLOT)
        flight->records[record->newer].older = record->older;
    else
        flight->newest = record->older;
}

/* ---- states ------------------------------------------------------------------------------------------------------------------------ */

static void enter(struct sctp_in_flight *flight, struct sctp_record *record, enum sctp_record_state state) {
    uint32_t slot = slot_of(flight, record);
    record->state = (uint8_t)state;
    switch (state) {
    case SCTP_RECORD_OUTSTANDING:
        flight->outstanding_count++;
        flight->user_bytes += record->length;
        flight->flight_bytes += sctp_in_flight_cost(flight, record->length);
        append(flight, record);
        break;
    case SCTP_RECORD_LOST:
        flight->lost_count++;
        set_bit(flight->lost, slot);
        if (sctp_tsn_before(record->tsn, flight->lost_hint))
            flight->lost_hint = record->tsn;
        break;
    case SCTP_RECORD_ACKED:
        flight->acked_count++;
        set_bit(flight->acked, slot);
        break;
    case SCTP_RECORD_ABANDONED:
        flight->abandoned_count++;
        break;
    }
}

static void leave(struct sctp_in_flight *flight, struct sctp_record *record) {
    uint32_t slot = slot_of(flight, record);
    switch ((enum sctp_record_state)record->state) {
    case SCTP_RECORD_OUTSTANDING:
        flight->outstanding_count--;
        flight->user_bytes -= record->length;
        flight->flight_bytes -= sctp_in_flight_cost(flight, record->length);
        detach(flight, record);
        break;
    case SCTP_RECORD_LOST:
        flight->lost_count--;
        clear_bit(flight->lost, slot);
        break;
    case SCTP_RECORD_ACKED:
        flight->acked_count--;
        clear_bit(flight->acked, slot);
        break;
    case SCTP_RECORD_ABANDONED:
        flight->abandoned_count--;
        clear_bit(flight->acked, slot); /* a gap block may have named it all the same */
        break;
    }
}

static void move(struct sctp_in_flight *flight, struct sctp_record *record, enum sctp_record_state state) {
    leave(flight, record);
    enter(flight, record, state);
}

void sctp_in_flight_set_lost(struct sctp_in_flight *flight, struct sctp_record *record) {
    assert(record->state == SCTP_RECORD_OUTSTANDING);
    move(flight, record, SCTP_RECORD_LOST);
}

void sctp_in_flight_set_sent(struct sctp_in_flight *flight, struct sctp_record *record, uint64_t now_us) {
    assert(record->state == SCTP_RECORD_LOST || record->state == SCTP_RECORD_OUTSTANDING);
    record->sent_us = now_us;
    record->transmissions = record->transmissions < UINT16_MAX ? (uint16_t)(record->transmissions + 1) : UINT16_MAX;
    move(flight, record, SCTP_RECORD_OUTSTANDING);
}

void sctp_in_flight_set_acked(struct sctp_in_flight *flight, struct sctp_record *record) {
    if (record->state == SCTP_RECORD_ABANDONED) {
        set_bit(flight->acked, slot_of(flight, record)); /* it is not looked at again; it stays given up */
        return;
    }
    move(flight, record, SCTP_RECORD_ACKED);
}

void sctp_in_flight_set_abandoned(struct sctp_in_flight *flight, struct sctp_record *record) {
    bool was_acked = record->state == SCTP_RECORD_ACKED;
    move(flight, record, SCTP_RECORD_ABANDONED);
    if (was_acked)
        set_bit(flight->acked, slot_of(flight, record));
}

uint32_t sctp_in_flight_renege(struct sctp_in_flight *flight) {
    uint32_t count = 0;
    for (uint32_t tsn = flight->cumulative_tsn + 1; tsn != flight->next_tsn; tsn++) {
        struct sctp_record *record = sctp_in_flight_record(flight, tsn);
        if (record->state == SCTP_RECORD_ACKED) {
            move(flight, record, SCTP_RECORD_LOST);
            count++;
        }
    }
    return count;
}

/* ---- the ring ---------------------------------------------------------------------------------------------------------------------- */

static void copy_to(struct sctp_in_flight *to, const struct sctp_in_flight *from) {
    /* By time first, so that the list comes out in its order; then the others, by TSN. */
    for (uint32_t slot = from->oldest; slot != SCTP_NO_SLOT; slot = from->records[slot].newer) {
        struct sctp_record *record = sctp_in_flight_record(to, from->records[slot].tsn);
        *record = from->records[slot];
        enter(to, record, SCTP_RECORD_OUTSTANDING);
    }
    for (uint32_t tsn = from->cumulative_tsn + 1; tsn != from->next_tsn; tsn++) {
        const struct sctp_record *old = sctp_in_flight_record(from, tsn);
        if (old->state == SCTP_RECORD_OUTSTANDING)
            continue;
        struct sctp_record *record = sctp_in_flight_record(to, tsn);
        *record = *old;
        enter(to, record, (enum sctp_record_state)old->state);
        uint32_t slot = slot_of(from, old);
        if ((from->acked[slot / WORD_BITS] >> slot % WORD_BITS & 1) != 0)
            set_bit(to->acked, slot_of(to, record));
    }
}

int sctp_in_flight_reserve(struct sctp_in_flight *flight) {
    uint32_t count = sctp_in_flight_count(flight);
    if (count >= SCTP_IN_FLIGHT_MAX)
        return SCTP_ERROR_CAPACITY;
    if (count < flight->capacity)
        return SCTP_OK;
    uint32_t capacity = flight->capacity > 0 ? 2 * flight->capacity : CAPACITY_MIN;
    void *memory = flight->allocator.allocate(flight->allocator.context, bytes_for(capacity));
    if (!memory)
        return SCTP_ERROR_MEMORY;
    memset(memory, 0, bytes_for(capacity));
    struct sctp_in_flight grown;
    sctp_in_flight_begin(&grown, &flight->allocator, flight->cumulative_tsn + 1, flight->header_bytes);
    grown.next_tsn = flight->next_tsn;
    grown.lost_hint = flight->lost_hint;
    grown.capacity = capacity;
    grown.records = memory;
    grown.acked = (uint64_t *)(void *)(grown.records + capacity);
    grown.lost = grown.acked + capacity / WORD_BITS;
    copy_to(&grown, flight);
    release(flight);
    *flight = grown;
    return SCTP_OK;
}

/* The message counts the record already. */
static struct sctp_record *next_record(struct sctp_in_flight *flight, struct sctp_outgoing *message) {
    assert(sctp_in_flight_count(flight) < flight->capacity);
    uint32_t tsn = flight->next_tsn++;
    struct sctp_record *record = sctp_in_flight_record(flight, tsn);
    *record = (struct sctp_record){.tsn = tsn, .message = message};
    if (message->records > 1)
        sctp_in_flight_record(flight, message->last_tsn)->next_of_message = tsn;
    else
        message->first_tsn = tsn;
    message->last_tsn = tsn;
    return record;
}

struct sctp_record *sctp_in_flight_add(struct sctp_in_flight *flight, uint64_t now_us, const struct sctp_fragment *fragment) {
    struct sctp_record *record = next_record(flight, fragment->message);
    record->sent_us = now_us;
    record->block = fragment->block;
    record->number = fragment->number;
    record->offset = (uint16_t)fragment->offset;
    record->length = (uint16_t)fragment->length;
    record->transmissions = 1;
    record->is_begin = fragment->is_begin;
    record->is_end = fragment->is_end;
    enter(flight, record, SCTP_RECORD_OUTSTANDING);
    return record;
}

void sctp_in_flight_add_abandoned(struct sctp_in_flight *flight, struct sctp_outgoing *message) {
    message->records++;
    struct sctp_record *record = next_record(flight, message);
    record->is_end = true;
    enter(flight, record, SCTP_RECORD_ABANDONED);
}

void sctp_in_flight_remove_first(struct sctp_in_flight *flight) {
    assert(sctp_in_flight_count(flight) > 0);
    flight->cumulative_tsn++;
    struct sctp_record *record = sctp_in_flight_record(flight, flight->cumulative_tsn);
    record->message->first_tsn = record->next_of_message;
    leave(flight, record);
}
