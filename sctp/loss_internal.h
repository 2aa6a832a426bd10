/*
 * What is lost, by time: RACK-TLP (RFC 8985) instead of three duplicate reports (RFC 9260 section 7.2.4). A chunk is lost when one that was
 * sent later has arrived, and as much time as reordering may take has passed. That finds lost retransmissions, the ends of bursts and
 * sparse flows, and takes no reordered packet for a lost one.
 */
#ifndef SCTP_LOSS_INTERNAL_H
#define SCTP_LOSS_INTERNAL_H

#include "sctp/in_flight_internal.h"
#include "sctp/retransmission_timeout_internal.h"

#define SCTP_LOSS_DUPLICATE_THRESHOLD 3   /* RFC 8985 section 6.2 step 4: so many beyond it, and no reordering ever seen: no waiting */
#define SCTP_LOSS_BLOCKS_FULL 100         /* a SACK of so many gap blocks (it names the lowest) may have had no room for more */
#define SCTP_LOSS_PATIENCE_ROUND_TRIPS 4  /* until such SACKs have named everything; if it takes longer, it is presumed lost */
#define SCTP_LOSS_PERSIST_RECOVERIES 16   /* the reordering window grows for so many recoveries */
#define SCTP_PROBE_MIN_US UINT64_C(10000) /* what a loop needs to come round */
#define SCTP_PROBE_DELAYED_SACK_US UINT64_C(200000) /* RFC 9260 section 6.2: what a peer may hold a SACK back */

struct sctp_loss {
    uint64_t latest_sent_us;      /* RFC 8985 section 5.2: RACK.xmit_ts, .end_seq, .rtt */
    uint64_t latest_rtt_us;
    uint32_t latest_tsn;
    uint32_t highest_acked_tsn;   /* RACK.fack */
    uint32_t reported_tsn;        /* the highest that the last SACK named */
    uint32_t presumed_tsn;        /* lost, though untold, up to this one */
    uint32_t duplicate_round_tsn; /* the multiplier grows once for each round trip */
    unsigned window_multiplier, window_persist;
    bool has_latest, is_reordering_seen;
    bool is_cut_short;            /* SCTP_LOSS_BLOCKS_FULL, in the last SACK */
    bool has_presumed;            /* in this recovery */
    bool has_duplicate_round;
};

void sctp_loss_begin(struct sctp_loss *loss, uint32_t initial_tsn);
/* A record that a SACK names for the first time (RFC 8985 section 6.2 steps 2 and 3). */
void sctp_loss_acknowledged(struct sctp_loss *loss, const struct sctp_record *record, uint64_t now_us, uint64_t least_rtt_us);
/* How far the SACK reaches. */
void sctp_loss_reported(struct sctp_loss *loss, uint32_t highest_tsn, size_t block_count);
/* The last SACK had no room to name this one: it may have arrived. */
bool sctp_loss_was_untold(const struct sctp_loss *loss, uint32_t tsn);
/* What was sent again on a presumption, and is a duplicate: no sign of reordering. */
bool sctp_loss_was_presumed(const struct sctp_loss *loss, uint32_t tsn);
/* The SACK reported duplicates (step 4). */
void sctp_loss_duplicates(struct sctp_loss *loss, uint32_t cumulative_tsn, uint32_t next_tsn, bool is_recovering);
/* A recovery has ended. */
void sctp_loss_recovered(struct sctp_loss *loss);
uint64_t sctp_loss_reordering_window_us(const struct sctp_loss *loss, const struct sctp_in_flight *flight, const struct sctp_retransmission_timeout *rtt,
                                        bool is_recovering);
/* Step 5: the longest ago sent one, if it is lost; NULL: none is yet, and *due_us is when that may change (UINT64_MAX: only by a SACK). */
struct sctp_record *sctp_loss_next(struct sctp_loss *loss, const struct sctp_in_flight *flight, uint64_t now_us, uint64_t window_us, uint64_t *due_us);

#endif
