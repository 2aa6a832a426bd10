/*
 * What has a TSN that the peer's cumulative one has not passed: a ring of records by TSN, and what must be found in it without a walk:
 *
 *     by time   a list of the outstanding ones, in the order of their last transmission: where RACK looks
 *     lost      a bitmap: the lowest TSN that is to be sent again
 *     acked     a bitmap: what gap blocks have named, so that the 10,000 TSNs of the next SACK cost 160 words
 *
 *                  sent               named by a gap block, and not taken back
 *     (new) --> OUTSTANDING ---------------------------> ACKED
 *                 |    ^ \                                 ^          each leaves the ring when the
 *            lost |    |  \ given up                       |          cumulative TSN passes it
 *                 v    |   v                               |
 *                 LOST-'  ABANDONED (RFC 3758)        LOST-'
 */
#ifndef SCTP_IN_FLIGHT_INTERNAL_H
#define SCTP_IN_FLIGHT_INTERNAL_H

#include "sctp/send_queue_internal.h"

enum sctp_record_state { SCTP_RECORD_OUTSTANDING, SCTP_RECORD_LOST, SCTP_RECORD_ACKED, SCTP_RECORD_ABANDONED };

#define SCTP_NO_SLOT UINT32_MAX

/* One chunk. */
struct sctp_record {
    uint64_t sent_us;             /* the last time */
    struct sctp_outgoing *message;
    struct sctp_block *block;     /* its bytes, in the message */
    uint32_t tsn, number;         /* number: FSN */
    uint32_t next_of_message;     /* TSN of its next chunk; none behind message->last_tsn */
    uint32_t older, newer;        /* slots, by time; SCTP_NO_SLOT: none */
    uint16_t offset, length;
    uint16_t transmissions;       /* counts to 65535 */
    uint8_t state;                /* enum sctp_record_state */
    bool is_begin, is_end;
};

struct sctp_in_flight {
    struct sctp_allocator allocator;
    struct sctp_record *records;  /* capacity of them, a power of two */
    uint64_t *acked, *lost;       /* a bit for each slot */
    uint32_t capacity;
    uint32_t cumulative_tsn;      /* the last one that the peer has acknowledged, or that was skipped */
    uint32_t next_tsn;            /* the ring holds those between */
    uint32_t oldest, newest;      /* by time */
    uint32_t lost_hint;           /* no lost TSN comes before it */
    size_t header_bytes;          /* of a chunk */
    uint64_t user_bytes;          /* outstanding: what the peer's window counts */
    uint64_t flight_bytes;        /* outstanding, with headers and padding: what the congestion window counts */
    uint32_t outstanding_count, lost_count, acked_count, abandoned_count;
};

void sctp_in_flight_begin(struct sctp_in_flight *flight, const struct sctp_allocator *allocator, uint32_t initial_tsn, size_t header_bytes);
void sctp_in_flight_end(struct sctp_in_flight *flight);
size_t sctp_in_flight_memory_bytes(const struct sctp_in_flight *flight);
/* Gives a large ring back when it is empty. */
void sctp_in_flight_trim(struct sctp_in_flight *flight);

static inline uint32_t sctp_in_flight_count(const struct sctp_in_flight *flight) {
    return flight->next_tsn - flight->cumulative_tsn - 1;
}
static inline struct sctp_record *sctp_in_flight_record(const struct sctp_in_flight *flight, uint32_t tsn) {
    return &flight->records[tsn & (flight->capacity - 1)];
}
static inline size_t sctp_in_flight_cost(const struct sctp_in_flight *flight, size_t length) {
    return flight->header_bytes + ((length + 3) & ~(size_t)3);
}

/* Makes room for one more. SCTP_ERROR_CAPACITY: SCTP_IN_FLIGHT_MAX; SCTP_ERROR_MEMORY. */
int sctp_in_flight_reserve(struct sctp_in_flight *flight);
/* The next TSN for a fragment that goes out now; there is room. */
struct sctp_record *sctp_in_flight_add(struct sctp_in_flight *flight, uint64_t now_us, const struct sctp_fragment *fragment);
/* The next TSN for what will never go out: the rest of a message that is given up. */
void sctp_in_flight_add_abandoned(struct sctp_in_flight *flight, struct sctp_outgoing *message);

void sctp_in_flight_set_lost(struct sctp_in_flight *flight, struct sctp_record *record);      /* OUTSTANDING */
void sctp_in_flight_set_sent(struct sctp_in_flight *flight, struct sctp_record *record, uint64_t now_us); /* LOST, or OUTSTANDING: a probe */
void sctp_in_flight_set_acked(struct sctp_in_flight *flight, struct sctp_record *record);     /* OUTSTANDING or LOST */
void sctp_in_flight_set_abandoned(struct sctp_in_flight *flight, struct sctp_record *record); /* OUTSTANDING, LOST or ACKED */
/* The cumulative TSN passes the first one, which is OUTSTANDING, LOST, ACKED or ABANDONED; it is gone after this. */
void sctp_in_flight_remove_first(struct sctp_in_flight *flight);
/* The peer has taken back what its gap blocks said: all ACKED ones are LOST. Returns how many. */
uint32_t sctp_in_flight_renege(struct sctp_in_flight *flight);

/* The lost one with the lowest TSN; NULL: none. */
struct sctp_record *sctp_in_flight_first_lost(struct sctp_in_flight *flight);
/* The next TSN in *tsn..end that no gap block has named yet; false: none. Sets *tsn. */
bool sctp_in_flight_next_unacked(const struct sctp_in_flight *flight, uint32_t *tsn, uint32_t end);

#endif
