/*
 * What leaves: messages become DATA or I-DATA chunks, and stay until the peer has acknowledged them (RFC 9260 sections 6 and 7).
 *
 *     sctp_outbound_send --> send queue --> write --> in flight --> handle_sack
 *                            a queue per    |  ^         |  acknowledged: gone
 *                            stream, and a  |  |         |
 *                            scheduler      |  +-- lost <+  RACK, tail-loss probe, T3-rtx
 *                                           |      |
 *                        congestion window, |      +-> given up: FORWARD TSN (RFC 3758)
 *                        peer's window, pace
 *
 * The association owns it, and is its only caller; it knows no packet header, no state of the association and no other chunk. Ports, tags,
 * checksums and what else goes into a packet are the association's. In the order of docs/contract.md: mutate (send, handle_sack,
 * handle_timeout), drain (write until it says no), wait until next_timeout.
 *
 *   block_pool.c              the memory of messages: blocks of one size
 *   send_queue.c, scheduler.c what has no TSN yet: streams, their order, whose turn it is
 *   in_flight.c               what has one: a ring by TSN, a list by time, and the sums
 *   loss.c                    RACK-TLP (RFC 8985)
 *   retransmission_timeout.c  RTO (RFC 9260 section 6.3)
 *   pacer.c                   no bursts
 *   newreno.c, cubic.c, slow_start.c   congestion_internal.h
 *   outbound.c                composes them; outbound_sack.c what comes back; outbound_write.c what goes out;
 *   partial_reliability.c     FORWARD TSN
 */
#ifndef SCTP_OUTBOUND_INTERNAL_H
#define SCTP_OUTBOUND_INTERNAL_H

#include "sctp/chunk.h"
#include "sctp/congestion_internal.h"
#include "sctp/association.h"

/* A gap block reaches 65,535 TSNs beyond the cumulative one: more could not be acknowledged selectively. */
#define SCTP_IN_FLIGHT_MAX 65535
#define SCTP_FRAGMENT_MIN_BYTES 64
#define SCTP_FORWARD_STREAMS_MAX 256 /* in one FORWARD TSN; those behind go into the next */
/* All windows count in these: what a TCP on the same path would call its segment, so that we get TCP's share though our packets are
 * smaller (docs/sctp-outbound.md). */
#define SCTP_CONGESTION_UNIT_BYTES 1448

/*
 * allocator       copied
 * congestion      NULL: sctp_cubic
 * budget_bytes    of memory for messages that wait or are in flight, their records included; SCTP_OUTBOUND_BUDGET_MIN_BYTES at least
 * initial_tsn     of the first chunk
 * fragment_bytes  user bytes of the largest chunk: SCTP_FRAGMENT_MIN_BYTES at least. What the association offers sctp_outbound_write in an
 *                 otherwise empty packet has to hold this much, and SCTP_I_DATA_HEADER_BYTES
 * peer_window     the peer's a_rwnd
 * is_interleaved  I-DATA, and I-FORWARD-TSN (RFC 8260)
 * can_forward     the peer takes FORWARD TSN; else every message is reliable (RFC 3758 section 3.3.1)
 */
struct sctp_outbound_config {
    const struct sctp_allocator *allocator;
    const struct sctp_congestion_algorithm *congestion;
    size_t budget_bytes;
    uint32_t initial_tsn;
    size_t fragment_bytes;
    uint32_t peer_window;
    bool is_interleaved, can_forward;
};
#define SCTP_OUTBOUND_BUDGET_MIN_BYTES 4096

struct sctp_outbound;

/* NULL: no memory, or a value outside its range. */
struct sctp_outbound *sctp_outbound_new(const struct sctp_outbound_config *config, uint64_t now_us);
void sctp_outbound_free(struct sctp_outbound *out); /* NULL: nothing */

/*
 * Takes a message, whole or not at all. Its stream need not be known before.
 * SCTP_ERROR_ARGUMENT  length 0, stream 65535, or more than the budget can ever hold
 * SCTP_ERROR_CAPACITY  the budget has no room now; there will be when messages have been acknowledged
 * SCTP_ERROR_MEMORY    the allocator said no; nothing has changed
 */
int sctp_outbound_send(struct sctp_outbound *out, uint64_t now_us, const struct sctp_message *message);

/*
 * Adds chunks to the packet: FORWARD TSN when one is due, lost data, new data, as much as windows, pace and room allow. Call it for packet
 * after packet until it writes nothing into a packet that has nothing else in it. Never fails the writer.
 * True: it wrote.
 */
bool sctp_outbound_write(struct sctp_outbound *out, uint64_t now_us, struct sctp_writer *writer);

/*
 * RFC 9260 section 6.2.1. An old one (its cumulative TSN has been passed) is counted and has no effect.
 * SCTP_ERROR_MALFORMED: it acknowledges what was never sent: a protocol violation (SCTP_CAUSE_PROTOCOL_VIOLATION); nothing changed.
 * SCTP_OK: *has_progressed: it acknowledged something new, so the peer is alive (section 8.1).
 */
int sctp_outbound_handle_sack(struct sctp_outbound *out, uint64_t now_us, const struct sctp_sack *sack, bool *has_progressed);
/* The cumulative TSN of a SHUTDOWN: a SACK without gaps that says nothing of the window (section 9.2). */
int sctp_outbound_handle_cumulative(struct sctp_outbound *out, uint64_t now_us, uint32_t cumulative_tsn, bool *has_progressed);

/* UINT64_MAX: none. True: T3-rtx has expired, which counts against the peer (section 8.1; a zero window that is being answered does not). */
uint64_t sctp_outbound_next_timeout(const struct sctp_outbound *out);
bool sctp_outbound_handle_timeout(struct sctp_outbound *out, uint64_t now_us);

/* A round trip measured by a HEARTBEAT (section 8.3); the RTO with which T1, T2 and heartbeats are timed as well. */
void sctp_outbound_measured(struct sctp_outbound *out, uint64_t now_us, uint64_t rtt_us);
uint64_t sctp_outbound_rto_us(const struct sctp_outbound *out);

/* The path has changed (ICE): windows, round trip times and pace begin anew, as for one that is not known (RFC 9260 section 7.2.1); what is in
 * flight stays. */
void sctp_outbound_path_changed(struct sctp_outbound *out, uint64_t now_us);
/* From the next chunk on. bytes: as in the configuration. */
void sctp_outbound_set_fragment_bytes(struct sctp_outbound *out, size_t bytes);

/* ---- buffers ----------------------------------------------------------------------------------------------------------------------- */

/* User bytes that have not been sent for the first time, or given up: W3C's bufferedAmount. */
uint64_t sctp_outbound_buffered(const struct sctp_outbound *out, uint16_t stream);
uint64_t sctp_outbound_buffered_in_all(const struct sctp_outbound *out);
/* When the stream's buffered bytes fall from above this to it, or below: sctp_outbound_poll_low names it once. 0 at first. */
int sctp_outbound_set_low_mark(struct sctp_outbound *out, uint16_t stream, uint64_t bytes); /* SCTP_ERROR_MEMORY, _ARGUMENT */
bool sctp_outbound_poll_low(struct sctp_outbound *out, uint16_t *stream);
/* Nothing waits and nothing is in flight: a SHUTDOWN may go (section 9.2). */
bool sctp_outbound_is_empty(const struct sctp_outbound *out);

/* ---- stream reset: RFC 6525 section 5.1.2 ------------------------------------------------------------------------------------------ */

/* From now on nothing of this stream gets a TSN but the rest of a message that has begun; new messages are taken, and wait. */
int sctp_outbound_pause(struct sctp_outbound *out, uint16_t stream); /* SCTP_ERROR_MEMORY, _ARGUMENT */
/* Everything that was sent before the pause has been acknowledged or given up: the request may go. True of a stream that was never used. */
bool sctp_outbound_is_drained(const struct sctp_outbound *out, uint16_t stream);
/* What the request says: the last TSN that was assigned. */
uint32_t sctp_outbound_last_tsn(const struct sctp_outbound *out);
/* Ends the pause. is_reset: SSN and MIDs begin at 0 again; else (denied) they go on. */
void sctp_outbound_resume(struct sctp_outbound *out, uint16_t stream, bool is_reset);

/* ---- statistics -------------------------------------------------------------------------------------------------------------------- */

struct sctp_outbound_statistics {
    uint64_t smoothed_rtt_us, least_rtt_us, rto_us; /* 0: none yet */
    uint64_t window_bytes, threshold_bytes, flight_bytes, peer_window_bytes;
    uint32_t chunks_in_flight, chunks_lost; /* lost: waiting to be sent again */
    uint64_t messages_sent, messages_abandoned;
    uint64_t chunks_sent, chunks_retransmitted, bytes_sent, bytes_retransmitted, bytes_acknowledged;
    uint64_t timeouts, probes, recoveries, spurious_recoveries, duplicates_reported, sacks_old, reneged;
    size_t held_bytes;   /* of the budget, by messages that wait or are in flight */
    size_t memory_bytes; /* taken from the allocator now */
};
void sctp_outbound_statistics(const struct sctp_outbound *out, struct sctp_outbound_statistics *statistics);

#endif
