/* What tests of the inbound side share: an allocator that counts and fails, chunks in one line, SACKs read back. */
#ifndef TEST_SCTP_INBOUND_BENCH_H
#define TEST_SCTP_INBOUND_BENCH_H

#include "sctp/inbound_internal.h"

struct counting {
    struct sctp_allocator allocator; /* its context is this */
    size_t blocks, bytes;            /* held now */
    size_t calls;                    /* of allocate, ever */
    size_t fails_after;              /* so many calls more succeed; SIZE_MAX: all */
};
void counting_begin(struct counting *counting);

#define INITIAL_TSN 0xFFFFFFF0u
/* budget 1 MiB, messages up to 64 KiB, 1,024 streams, INITIAL_TSN */
struct sctp_inbound_config inbound_config(const struct counting *counting, bool is_interleaved);

/* `flags`: B, E, U, I in any order. tsn counts from 0, the first. text is what the chunk holds. */
enum sctp_inbound_result give(struct sctp_inbound *in, uint32_t tsn, uint16_t stream, uint16_t sequence, const char *flags, const char *text);
/* I-DATA: message and fragment for the stream sequence number. */
enum sctp_inbound_result give_interleaved(struct sctp_inbound *in, uint32_t tsn, uint16_t stream, uint32_t message, uint32_t fragment, const char *flags, const char *text);
/* The next message as text, its stream before it: "3:hello"; "" when there is none. Valid until the next call. */
const char *take(struct sctp_inbound *in);

struct told {
    uint32_t cumulative; /* counts from 0 like tsn; UINT32_MAX: none of them */
    uint32_t window;
    size_t gap_count, duplicate_count;
    struct sctp_gap gaps[300];
    uint32_t duplicates[300];
};
/* Writes a SACK into a packet with room for `room` bytes of chunks, and reads it; false: it was not written. */
bool sack(struct sctp_inbound *in, size_t room, struct told *told);

/* FORWARD TSN or I-FORWARD-TSN, through its bytes. */
bool forward(struct sctp_inbound *in, uint32_t tsn, bool is_interleaved, const struct sctp_skipped *streams, size_t count);

#endif
