/* The insides of struct sctp_outbound, for the outbound*.c files and partial_reliability.c. */
#ifndef SCTP_OUTBOUND_STATE_INTERNAL_H
#define SCTP_OUTBOUND_STATE_INTERNAL_H

#include "sctp/in_flight_internal.h"
#include "sctp/loss_internal.h"
#include "sctp/outbound_internal.h"
#include "sctp/pacer_internal.h"
#include "sctp/retransmission_timeout_internal.h"

/* What an idle sender's memory is trimmed after: a request and its answer come sooner than this. */
#define SCTP_TRIM_IDLE_US UINT64_C(5000000)

enum sctp_recovery_state {
    SCTP_RECOVERY_NONE,
    SCTP_RECOVERY_FAST, /* RFC 9260 section 7.2.4: until end_tsn is acknowledged */
    SCTP_RECOVERY_TIMEOUT
};

struct sctp_recovery {
    enum sctp_recovery_state state;
    uint32_t start_tsn, end_tsn; /* what was in flight when it began: behind the one, up to the other */
    uint64_t start_flight_bytes, delivered_bytes, sent_bytes; /* RFC 9937: proportional rate reduction */
    uint64_t budget_bytes;                                    /* what may be sent until the next SACK; of a timeout: not 0, its one packet */
    uint64_t undo_count;                                      /* sent again since, and not reported as duplicates; see is_undoable */
    bool is_undoable, has_sent_again;
    bool is_answered;                                         /* of a timeout: something has been acknowledged since */
};

struct sctp_probe { /* RFC 8985 section 7 */
    uint64_t due_us;  /* UINT64_MAX: none */
    bool is_sent, is_wanted, is_retransmission;
    uint32_t tsn;
};

struct sctp_window_probe { /* RFC 9260 section 6.1 A: of a peer's window that is closed */
    uint64_t due_us; /* UINT64_MAX: none */
    bool is_wanted, is_out;
};

struct sctp_outbound {
    struct sctp_allocator allocator;
    struct sctp_send_queue queue;
    struct sctp_in_flight flight;
    struct sctp_loss loss;
    struct sctp_retransmission_timeout rtt;
    struct sctp_congestion congestion;
    struct sctp_pacer pacer;
    struct sctp_recovery recovery;
    struct sctp_probe probe;
    struct sctp_window_probe window_probe;
    size_t fragment_bytes;
    uint64_t peer_window;
    bool is_interleaved, can_forward;
    bool is_window_limited;          /* since data ran out last */
    bool is_heard_since_timeout;
    bool is_measured_since_probe;    /* RFC 8985 section 7.3: else no probe follows the last one */
    uint32_t round_end_tsn;
    uint64_t rtt_round_us;           /* when the last smoothed sample was taken */
    uint64_t last_sent_us;
    /* FORWARD TSN: RFC 3758 section 3.5 */
    uint32_t forward_tsn;            /* Advanced.Peer.Ack.Point */
    bool is_forward_due;
    uint64_t forward_sent_us;
    uint32_t skip_mark;
    /* deadlines, UINT64_MAX: none */
    uint64_t t3_us, reorder_us, pace_us, trim_us;
    struct sctp_outbound_statistics counted;
};

/* ---- outbound_loss.c: from what is lost to what is done about it ------------------------------------------------------------------ */

/* Marks what RACK finds, and reacts once in each round trip. */
void sctp_outbound_detect_losses(struct sctp_outbound *out, uint64_t now_us);
void sctp_outbound_enter_recovery(struct sctp_outbound *out, uint64_t now_us, uint64_t flight_bytes);
void sctp_outbound_recovery_acknowledged(struct sctp_outbound *out, uint64_t delivered_bytes, bool is_safe);
/* From one packet, as after a timeout. */
void sctp_outbound_begin_anew(struct sctp_outbound *out, uint64_t now_us);
void sctp_outbound_timed_out(struct sctp_outbound *out, uint64_t now_us);
void sctp_outbound_arm_t3(struct sctp_outbound *out, uint64_t now_us);
void sctp_outbound_arm_probe(struct sctp_outbound *out, uint64_t now_us);
bool sctp_outbound_needs_t3(const struct sctp_outbound *out);

/* ---- partial_reliability.c --------------------------------------------------------------------------------------------------------- */

/* Gives the message of this record up if its limit is reached; false: it is to be sent (again). */
bool sctp_outbound_abandon_if_due(struct sctp_outbound *out, uint64_t now_us, struct sctp_outgoing *message, unsigned transmissions);
void sctp_outbound_advance_forward(struct sctp_outbound *out);
/* True: written. */
bool sctp_outbound_write_forward(struct sctp_outbound *out, uint64_t now_us, struct sctp_writer *writer);

#endif
