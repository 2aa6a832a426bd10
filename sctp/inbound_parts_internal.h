/* The state of the inbound side, and what its files do for one another. inbound_internal.h is for the association. */
#ifndef SCTP_INBOUND_PARTS_INTERNAL_H
#define SCTP_INBOUND_PARTS_INTERNAL_H

#include "sctp/inbound_internal.h"
#include "sctp/run_internal.h"
#include "sctp/tsn_map_internal.h"

#define SCTP_NEVER_US UINT64_MAX

/*
 * What is known of each stream: a tree of three levels over the 16 bits of its number, whose pages come with use. At most 540 kB, when all
 * 65,536 streams are used.
 */
struct sctp_stream_in {
    uint32_t next;              /* SSN or MID of the next ordered message */
    uint32_t unordered_skipped; /* I-DATA: no unordered message below this MID will be finished; 0: none was given up */
};
#define SCTP_STREAMS_PER_PAGE 64
#define SCTP_PAGES_PER_SHELF 32
#define SCTP_SHELVES 32
struct sctp_stream_shelf {
    struct sctp_stream_in *pages[SCTP_PAGES_PER_SHELF];
};
struct sctp_stream_table {
    struct sctp_stream_shelf *shelves[SCTP_SHELVES];
    size_t allocated_bytes;
};

/* What the next SACK has to say and when: acknowledgement.c. */
struct sctp_acknowledgement {
    bool packet_counts, packet_is_urgent; /* of the packet that is being taken apart, or the first of all */
    bool had_gap;                         /* before it */
    unsigned packets;     /* that no SACK has told of */
    uint64_t deadline_us; /* of the SACK that tells of them; never: none, or is_due */
    bool is_due;          /* it waits for nothing but the next drain, which may be long in coming: there may be no path */
    uint32_t advertised_window;
    uint32_t duplicates[SCTP_DUPLICATES_MAX];
    size_t duplicate_count;
};

struct sctp_inbound {
    struct sctp_allocator allocator;
    size_t message_max_bytes, cells_max, cells_beyond; /* cells_beyond: for what the cumulative TSN needs next */
    uint32_t stream_count;
    bool is_interleaved;
    uint64_t reset_behind_tsn; /* a reset of streams waits for data up to this one */
    struct sctp_violation violation;

    struct sctp_tsn_map map;
    struct sctp_cell_pool pool;
    struct sctp_run *incomplete; /* trees: see run_internal.h */
    struct sctp_run *waiting;
    size_t incomplete_count, incomplete_after_sweep, chunks_since_sweep;
    struct sctp_run *ready, *ready_last; /* in the order in which they can be read */
    struct sctp_stream_table streams;
    uint8_t *delivered; /* one message in one piece: what poll_message points to */
    size_t delivered_capacity;

    struct sctp_acknowledgement acknowledgement;
    uint64_t last_data_us;
    struct sctp_inbound_statistics statistics;
};

/* A stream's messages of one kind, as a group of runs: they are neighbours in the trees. */
static inline uint64_t sctp_message_group(uint16_t stream, bool is_unordered, uint32_t message) {
    return (uint64_t)stream << 33 | (uint64_t)is_unordered << 32 | message;
}

/* ---- reassembly.c ------------------------------------------------------------------------------------------------------------------ */

/* The bytes of a chunk that was not there before, into a run; *whole: the run that is a message now, no more in the tree, or NULL. */
enum sctp_inbound_result sctp_reassembly_take(struct sctp_inbound *in, const struct sctp_data *data, uint64_t tsn, struct sctp_run **whole);
/* A run of the tree of incomplete ones that never will be whole. */
void sctp_reassembly_drop(struct sctp_inbound *in, struct sctp_run *run);
/* After each chunk of DATA: now and then drops the runs of which a part was skipped. */
void sctp_reassembly_sweep(struct sctp_inbound *in);
void sctp_run_release(struct sctp_inbound *in, struct sctp_run *run);

/* ---- inbound_streams.c ------------------------------------------------------------------------------------------------------------- */

/* Makes sctp_streams_deliver and _skip of this stream succeed; false: the allocator said no. */
bool sctp_streams_reserve(struct sctp_inbound *in, uint16_t stream);
/* A whole message: to be read now with all that waited for it, or later. */
void sctp_streams_deliver(struct sctp_inbound *in, struct sctp_run *whole);
/* Ordered messages up to this one will not come any more. */
void sctp_streams_skip(struct sctp_inbound *in, uint16_t stream, uint32_t message);
/* Unordered ones up to this one will not come any more, but in pieces that are on their way. */
void sctp_streams_skip_unordered(struct sctp_inbound *in, uint16_t stream, uint32_t message);
bool sctp_streams_is_skipped(const struct sctp_inbound *in, uint16_t stream, uint32_t unordered_message);
/* How many messages of its stream come before this ordered one, from the next on. */
uint32_t sctp_streams_distance(const struct sctp_inbound *in, uint16_t stream, uint32_t message);
/* Is this message here already, whole? */
bool sctp_streams_is_waiting(const struct sctp_inbound *in, uint16_t stream, uint32_t message);
void sctp_streams_release(struct sctp_inbound *in);

/* ---- inbound.c --------------------------------------------------------------------------------------------------------------------- */

enum sctp_inbound_result sctp_inbound_violates(struct sctp_inbound *in, uint16_t cause, const char *why);

/* ---- acknowledgement.c ------------------------------------------------------------------------------------------------------------- */

void sctp_acknowledgement_duplicate(struct sctp_inbound *in, uint32_t tsn);
void sctp_acknowledgement_handle_timeout(struct sctp_inbound *in, uint64_t now_us);

#endif
