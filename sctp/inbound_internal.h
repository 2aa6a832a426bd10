/*
 * What arrives: DATA and I-DATA chunks become messages, and SACKs say what has arrived (RFC 9260 sections 6.2 to 6.9, RFC 8260, RFC 3758).
 *
 *     sctp_inbound_data --> seen before? --> a run of fragments --> whole? --> in order? --> sctp_inbound_poll_message
 *     of every chunk        tsn_map.c        reassembly.c, by        |         inbound_streams.c
 *           |                                 TSN or FSN             +-- no: waits
 *     sctp_inbound_packet_end --> acknowledgement.c --> sctp_inbound_write_sack
 *     sctp_inbound_forward_tsn --> forward_tsn.c: what the peer has given up is skipped
 *
 * The association owns it, and is its only caller; it knows no packet header and no state of the association.
 *
 * Everything that waits lies in cells of SCTP_CELL_BYTES (cell_pool.c), those of a message chained, and is found through two balanced trees
 * (run_tree.c). The budget counts cells, so fragments of one byte and messages of one byte cost the peer's window what they cost us. What has
 * been acknowledged is never dropped again, but by the peer's own FORWARD TSN.
 */
#ifndef SCTP_INBOUND_INTERNAL_H
#define SCTP_INBOUND_INTERNAL_H

#include "sctp/chunk.h"
#include "sctp/association.h"

/* A chunk this far beyond the cumulative TSN can be acknowledged by a gap block; one farther away is not taken. */
#define SCTP_TSN_AHEAD_MAX 65535
/* Of one SACK; a duplicate beyond is counted, and not reported. */
#define SCTP_DUPLICATES_MAX 16
/*
 * How long a SACK for a lone packet waits for a companion. RFC 9260 section 6.2 allows 200 ms as a default. A conversation of small messages
 * pays it in round-trip times that its sender measures, hence in late probes and late retransmissions; 20 ms still halves the SACKs of
 * every flow above 100 packets a second, and below that there is nothing to save.
 */
#define SCTP_SACK_DELAY_US UINT64_C(20000)
#define SCTP_INBOUND_BUDGET_MIN_BYTES (64 * 1024)

/*
 * allocator          copied
 * budget_bytes       of memory for what waits to be whole, in order or read; SCTP_INBOUND_BUDGET_MIN_BYTES at least. In addition, one message
 *                    of message_max_bytes may wait: what the cumulative TSN needs next is taken even then, so that a hole can always be filled
 * message_max_bytes  of the longest message: a longer one is the peer's violation; 1 at least
 * initial_tsn        the peer's, of its INIT or INIT ACK
 * stream_count       streams 0..stream_count - 1 are valid; 1..65536
 * is_interleaved     I-DATA has been agreed: no DATA comes (RFC 8260 sections 2.2.1 and 2.2.3); else no I-DATA does
 */
struct sctp_inbound_config {
    const struct sctp_allocator *allocator;
    size_t budget_bytes, message_max_bytes;
    uint32_t initial_tsn, stream_count;
    bool is_interleaved;
};

struct sctp_inbound;

struct sctp_inbound *sctp_inbound_new(const struct sctp_inbound_config *config); /* NULL: no memory, or a value outside its range */
void sctp_inbound_free(struct sctp_inbound *in);                                 /* NULL: nothing */

enum sctp_inbound_result {
    SCTP_INBOUND_TAKEN,          /* acknowledged from now on */
    SCTP_INBOUND_DUPLICATE,      /* it was here before: the next SACK says so */
    SCTP_INBOUND_NO_ROOM,        /* not acknowledged: no window, no memory, or too far beyond. It will come again */
    SCTP_INBOUND_INVALID_STREAM, /* acknowledged and dropped: answer an ERROR, SCTP_CAUSE_INVALID_STREAM (RFC 9260 section 6.5) */
    SCTP_INBOUND_VIOLATION       /* ABORT with what sctp_inbound_violation says */
};
enum sctp_inbound_result sctp_inbound_data(struct sctp_inbound *in, const struct sctp_data *data);

/*
 * FORWARD TSN or I-FORWARD-TSN. True: done, or too old to matter. False: it is of the kind that was not agreed, see sctp_inbound_violation.
 * Only when partial reliability was agreed (RFC 3758 section 3.3).
 */
bool sctp_inbound_forward_tsn(struct sctp_inbound *in, const struct sctp_forward_tsn *forward);

/* Once, behind the last chunk of a packet that had any of these: decides when a SACK is due. */
void sctp_inbound_packet_end(struct sctp_inbound *in, uint64_t now_us);

/* Why the association ends, for the ABORT: `cause` of enum sctp_cause_code, `why` static text for its information. */
struct sctp_violation {
    uint16_t cause;
    const char *why;
};
struct sctp_violation sctp_inbound_violation(const struct sctp_inbound *in);

/* ---- messages ---------------------------------------------------------------------------------------------------------------------- */

/* The next message; false: none. Its bytes are one view, valid until the next call on this object that is not const. Reading gives the window back: ask
 * sctp_inbound_sack_is_due afterwards. */
bool sctp_inbound_poll_message(struct sctp_inbound *in, struct sctp_received *out);

/* ---- SACK -------------------------------------------------------------------------------------------------------------------------- */

bool sctp_inbound_sack_is_due(const struct sctp_inbound *in, uint64_t now_us);
/* Something has arrived that no SACK has told of: one may go with a packet that leaves anyway. */
bool sctp_inbound_sack_is_pending(const struct sctp_inbound *in);
/* Adds a SACK with as many gap blocks and duplicates as there is room for; false: no room for any (SCTP_SACK_MIN_BYTES), still due. */
bool sctp_inbound_write_sack(struct sctp_inbound *in, struct sctp_writer *writer);
#define SCTP_SACK_MIN_BYTES 16

/* UINT64_MAX: none. handle_timeout gives unused memory back, and makes a SACK due. */
uint64_t sctp_inbound_next_timeout(const struct sctp_inbound *in);
void sctp_inbound_handle_timeout(struct sctp_inbound *in, uint64_t now_us);

/* ---- for the association's own chunks ----------------------------------------------------------------------------------------------- */

/* All up to this one have arrived or were given up: for SHUTDOWN (RFC 9260 section 9.2). */
uint32_t sctp_inbound_cumulative_tsn(const struct sctp_inbound *in);
/* a_rwnd, as a SACK would say it now; and of one with this budget that holds nothing yet, for INIT and INIT ACK. */
uint32_t sctp_inbound_window(const struct sctp_inbound *in);
uint32_t sctp_inbound_first_window(size_t budget_bytes);

/*
 * RFC 6525 section 5.2.2: the peer resets its outgoing streams `streams`, which count from 0 again. count 0: all.
 * False: data up to last_tsn is still missing: nothing was done. Answer IN_PROGRESS, and ask again when sctp_inbound_cumulative_tsn has moved
 * or when the peer asks again.
 * Messages that were complete come out of poll_message all the same.
 */
bool sctp_inbound_reset(struct sctp_inbound *in, const uint16_t *streams, size_t count, uint32_t last_tsn);

struct sctp_inbound_statistics {
    uint64_t chunks, bytes, messages; /* taken; bytes of user data; messages whole */
    uint64_t duplicates, no_room, invalid_streams;
    uint64_t skipped;                 /* fragments' runs that were dropped because the peer gave them up, or can no more become whole */
    uint64_t sacks;
    size_t waiting_bytes;             /* cells in use: what counts against the budget */
    size_t memory_bytes;              /* taken from the allocator now */
};
void sctp_inbound_statistics(const struct sctp_inbound *in, struct sctp_inbound_statistics *statistics);

#endif
