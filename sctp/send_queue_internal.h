/*
 * What has no TSN yet: a queue of messages for each stream that is in use, and the scheduler that says whose turn it is.
 *
 *     stream 1   [ m ][ m ][ m ]                  A message keeps its memory from send to acknowledgement: a chain of blocks, the
 *     stream 7   [ m      ]       --> cut -->     first of which begins with the message itself. The cutter hands out views into it.
 *     stream 9   [ m ][ m ]
 *
 * Scheduler: weighted fair queueing (RFC 8260 section 3.6), by fragments when they may be interleaved, by whole messages else.
 */
#ifndef SCTP_SEND_QUEUE_INTERNAL_H
#define SCTP_SEND_QUEUE_INTERNAL_H

#include "sctp/block_pool_internal.h"

struct sctp_stream_out;

/* A message of ours. In the queue until its last fragment is cut; then held by the records of its chunks. */
struct sctp_outgoing {
    struct sctp_outgoing *next; /* of its stream, in the queue */
    struct sctp_stream_out *stream;
    struct sctp_block *last;
    struct sctp_block *at;      /* where the next fragment begins */
    uint64_t expires_us;        /* UINT64_MAX: never */
    uint32_t at_offset;
    uint32_t block_count;
    uint32_t payload_protocol;
    uint32_t id;                /* SSN or MID, given with the first fragment */
    uint32_t next_fragment;     /* FSN */
    uint32_t retransmit_limit;  /* UINT32_MAX: none */
    uint32_t first_tsn, last_tsn; /* of the records */
    size_t length, unsent;
    size_t records;             /* chunks of it with a TSN that the cumulative one has not passed */
    bool is_unordered, is_abandoned, is_queued, is_unfinished;
};

struct sctp_stream_out {
    uint16_t id;
    uint16_t weight;
    bool is_paused, is_low_due;
    uint32_t next_ordered, next_unordered; /* SSN (its low 16 bits) or MID; unordered: MID only */
    struct sctp_outgoing *head, *tail;
    uint64_t buffered_bytes, low_bytes;
    size_t message_count;    /* queued or held by records */
    size_t held_count;       /* of these, begun */
    uint64_t virtual_time;   /* when its turn is */
    uint64_t turn;           /* breaks ties: the longer waiting one */
    size_t heap_index;       /* SIZE_MAX: not in the heap */
    struct sctp_stream_out *next_low, *next_held;
    bool is_held; /* its message may not begin yet */
    uint32_t skip_mark, skip_index[2]; /* partial_reliability.c */
};

#define SCTP_STREAM_PAGE_STREAMS 256
#define SCTP_STREAM_PAGES 256
struct sctp_stream_page {
    struct sctp_stream_out *streams[SCTP_STREAM_PAGE_STREAMS];
    size_t count;
};

/* With I-DATA, a message longer than this begins only when those that have begun leave room for all of it: see may_begin. */
#define SCTP_BEGINS_ALWAYS_BYTES 1024

struct sctp_scheduler {
    struct sctp_stream_out **heap;
    size_t count, capacity;
    uint64_t virtual_time, turns;
};

struct sctp_send_queue {
    struct sctp_allocator allocator;
    struct sctp_block_pool pool;
    struct sctp_stream_page **pages; /* SCTP_STREAM_PAGES of them, from the first use on */
    struct sctp_scheduler scheduler;
    struct sctp_stream_out *current; /* not interleaved: it has begun a message, and goes on */
    struct sctp_stream_out *low_first, *low_last;
    struct sctp_stream_out *held_first, *held_last;
    uint64_t unfinished_bytes, unfinished_max_bytes; /* whole lengths of interleaved messages that have begun and not ended */
    uint64_t buffered_bytes;
    size_t stream_count, memory_bytes;
    bool is_interleaved;
};

/* What the next chunk is to hold: a view into the message, which goes on from block to block. */
struct sctp_fragment {
    struct sctp_outgoing *message;
    struct sctp_block *block;
    uint32_t offset, length, number;
    bool is_begin, is_end;
};

void sctp_send_queue_begin(struct sctp_send_queue *queue, const struct sctp_allocator *allocator, size_t budget_bytes, bool is_interleaved);
/* Messages held by records have to be gone. */
void sctp_send_queue_end(struct sctp_send_queue *queue);

/* See sctp_outbound_send. */
int sctp_send_queue_add(struct sctp_send_queue *queue, uint64_t now_us, const struct sctp_message *message, bool can_abandon, uint64_t *dropped);
/* The stream's, NULL when it is not in use. _make: makes it; NULL: no memory. */
struct sctp_stream_out *sctp_send_queue_stream(const struct sctp_send_queue *queue, uint16_t id);
struct sctp_stream_out *sctp_send_queue_make_stream(struct sctp_send_queue *queue, uint16_t id);
/* Forgets a stream that nothing refers to, counters included. */
void sctp_send_queue_forget_stream(struct sctp_send_queue *queue, struct sctp_stream_out *stream);

/* The message whose turn it is; NULL: nothing may be cut. What has expired and not begun is dropped on the way; *dropped counts it. */
struct sctp_outgoing *sctp_send_queue_next(struct sctp_send_queue *queue, uint64_t now_us, uint64_t *dropped);
/* Cuts `bytes` (1..message->unsent) off it. The message may leave the queue; it is held by one more record. */
void sctp_send_queue_cut(struct sctp_send_queue *queue, struct sctp_outgoing *message, size_t bytes, struct sctp_fragment *fragment);
/* Takes a message that has begun out of the queue, unsent bytes and all. */
void sctp_send_queue_withdraw(struct sctp_send_queue *queue, struct sctp_outgoing *message);
/* One record of the message is gone; the last one that leaves frees it. */
void sctp_send_queue_release(struct sctp_send_queue *queue, struct sctp_outgoing *message);
/* Frees its bytes, not itself. */
void sctp_send_queue_drop_bytes(struct sctp_send_queue *queue, struct sctp_outgoing *message);

void sctp_send_queue_pause(struct sctp_send_queue *queue, struct sctp_stream_out *stream);
void sctp_send_queue_resume(struct sctp_send_queue *queue, struct sctp_stream_out *stream);
void sctp_send_queue_low(struct sctp_send_queue *queue, struct sctp_stream_out *stream, uint64_t before_bytes);

/* ---- scheduler.c ------------------------------------------------------------------------------------------------------------------- */

/* Room for so many streams. */
bool sctp_scheduler_reserve(struct sctp_scheduler *scheduler, const struct sctp_allocator *allocator, size_t count, size_t *memory_bytes);
void sctp_scheduler_end(struct sctp_scheduler *scheduler, const struct sctp_allocator *allocator);
void sctp_scheduler_add(struct sctp_scheduler *scheduler, struct sctp_stream_out *stream);    /* if it is not in it */
void sctp_scheduler_remove(struct sctp_scheduler *scheduler, struct sctp_stream_out *stream); /* if it is in it */
struct sctp_stream_out *sctp_scheduler_first(const struct sctp_scheduler *scheduler);         /* NULL: none */
void sctp_scheduler_charge(struct sctp_scheduler *scheduler, struct sctp_stream_out *stream, size_t bytes);

#endif
