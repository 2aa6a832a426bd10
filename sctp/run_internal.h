/*
 * A run: neighbouring fragments of one message, in a chain of cells; and the balanced tree in which runs are found.
 *
 * Fragments come in any order, so a message may begin as several runs, which grow and join until one holds all of it. The order of runs is
 * that of two plain numbers, group and first:
 *     DATA being put together      group 0                    first: the TSN, unwrapped to 64 bits
 *     I-DATA being put together    stream, U bit and MID      first: the FSN
 *     whole, but not in order yet  stream and SSN or MID      first: 0
 */
#ifndef SCTP_RUN_INTERNAL_H
#define SCTP_RUN_INTERNAL_H

#include "sctp/cell_pool_internal.h"

struct sctp_run {
    struct sctp_cell cell; /* the first of the chain: this record stands in it, and user bytes behind it */
    struct sctp_cell *last_cell;
    struct sctp_run *left, *right; /* in the tree; `right` is the next in the queue of those that can be read */
    uint64_t group, first, last;   /* last: the TSN or FSN of the last fragment */
    uint32_t message, payload_protocol;
    uint32_t length, cell_count; /* user bytes */
    uint16_t stream;
    int8_t height;
    bool is_unordered, has_begin, has_end;
};
#define SCTP_RUN_ROOM_BYTES (SCTP_CELL_BYTES - sizeof(struct sctp_run)) /* user bytes in the first cell */

/* AVL: height at most 1.44 log2 of the count. A key is in it once. */
void sctp_run_tree_insert(struct sctp_run **root, struct sctp_run *run);
/* The run is in it. */
void sctp_run_tree_remove(struct sctp_run **root, const struct sctp_run *run);
/* The greatest not above the key, the least not below it; NULL: none. */
struct sctp_run *sctp_run_tree_floor(struct sctp_run *root, uint64_t group, uint64_t first);
struct sctp_run *sctp_run_tree_ceiling(struct sctp_run *root, uint64_t group, uint64_t first);

#endif
