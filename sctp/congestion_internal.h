/*
 * Congestion control: how many bytes may be on their way (RFC 9260 section 7). An algorithm is a row of functions over one small state;
 * the outbound side tells it what happened and reads `window_bytes`. Pure: it knows neither chunks nor packets.
 *
 *   sctp_newreno   RFC 9260 section 7.2, with a multiplicative decrease of a half
 *   sctp_cubic     RFC 9438, its slow start left as RFC 9406 says: the one in use (docs/sctp-outbound.md says why)
 */
#ifndef SCTP_CONGESTION_INTERNAL_H
#define SCTP_CONGESTION_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

struct sctp_congestion;

/* One SACK that acknowledged something. */
struct sctp_congestion_acknowledgement {
    uint64_t now_us;
    uint64_t acknowledged_bytes; /* for the first time, by the cumulative TSN or a gap block */
    uint64_t rtt_us;             /* measured by it; 0: no sample */
    uint64_t smoothed_rtt_us;
    uint64_t floor_rtt_us;       /* without a queue, as far as is known; 0: nothing is */
    bool is_limited;             /* the window, and nothing else, holds data back (RFC 9260 section 7.2.1: only then it may grow) */
    bool is_new_round;           /* what was the last chunk sent when the last round began is acknowledged: a round trip has passed */
    bool is_recovering;          /* the loss that on_loss reported is not repaired yet */
};

struct sctp_congestion_algorithm {
    const char *name;
    void (*on_acknowledged)(struct sctp_congestion *c, const struct sctp_congestion_acknowledgement *ack);
    /* A loss, once in each round trip; the latest round trip time and the least one say how long the queue was. */
    void (*on_loss)(struct sctp_congestion *c, uint64_t now_us, uint64_t rtt_us, uint64_t least_rtt_us);
    void (*on_timeout)(struct sctp_congestion *c, uint64_t now_us);
    /* The last on_loss or on_timeout was a mistake: nothing had been lost. */
    void (*on_spurious)(struct sctp_congestion *c, uint64_t now_us);
};
extern const struct sctp_congestion_algorithm sctp_newreno, sctp_cubic;

/* HyStart++: RFC 9406 section 4.2. */
struct sctp_slow_start {
    uint64_t round_least_us, last_round_least_us; /* 0: no sample */
    uint64_t conservative_least_us;               /* the least of the round in which the conservative phase began */
    uint64_t round_window_bytes, last_round_window_bytes; /* when it began */
    unsigned samples, conservative_rounds;
    bool is_conservative, is_over;
};

struct sctp_congestion {
    const struct sctp_congestion_algorithm *algorithm;
    uint64_t window_bytes;
    uint64_t threshold_bytes; /* below it: slow start. UINT64_MAX: not yet known */
    uint32_t unit_bytes;      /* "one segment" of all formulas */
    uint64_t credit_bytes;    /* acknowledged, not yet turned into window */
    struct sctp_slow_start slow_start;
    struct {
        bool has_epoch;               /* congestion avoidance has begun */
        uint64_t epoch_us;            /* when */
        uint64_t last_us;             /* the last acknowledgement */
        uint64_t most_bytes;          /* W_max */
        uint64_t prior_bytes;         /* cwnd_prior */
        uint64_t inflection_us;       /* K */
        uint64_t estimate_bytes;      /* W_est, and what does not make a byte yet */
        uint64_t estimate_credit;
    } cubic;
    struct { /* as it was before the last reduction, for on_spurious */
        uint64_t window_bytes, threshold_bytes, most_bytes;
        bool is_valid;
    } before;
};

/* unit_bytes: see SCTP_CONGESTION_UNIT_BYTES. */
void sctp_congestion_begin(struct sctp_congestion *c, const struct sctp_congestion_algorithm *algorithm, uint32_t unit_bytes);
/* Nothing was sent for a retransmission timeout: once for each. */
void sctp_congestion_decay(struct sctp_congestion *c);

/*
 * A queue of ours that is longer than this is not made longer on purpose: slow start ends, with a window that makes no longer one, and CUBIC does not look beyond the window at
 * which it last lost. What shares the bottleneck with a file transfer is often the call that it belongs to.
 */
#define SCTP_CONGESTION_QUEUE_MAX_US UINT64_C(100000)

/* ---- for the algorithms ------------------------------------------------------------------------------------------------------------ */

#define SCTP_CONGESTION_INITIAL_UNITS 10 /* RFC 6928 section 2; RFC 9260 section 7.2.1 says 4 */
#define SCTP_CONGESTION_LEAST_UNITS 4     /* RFC 9260 section 7.2.3 */

bool sctp_congestion_has_long_queue(const struct sctp_congestion_acknowledgement *ack);
/* Slow start with HyStart++: grows the window; sets the threshold to leave. */
void sctp_slow_start_acknowledged(struct sctp_congestion *c, const struct sctp_congestion_acknowledgement *ack);
/* The threshold becomes that part of the window, which is remembered; _restore: as it was before, if nothing came between. */
void sctp_congestion_reduce(struct sctp_congestion *c, uint64_t numerator, uint64_t denominator);
void sctp_congestion_restore(struct sctp_congestion *c);

#endif
