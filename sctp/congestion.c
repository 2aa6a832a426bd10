/* What all congestion controls have in common. */
#include "sctp/congestion_internal.h"

void sctp_congestion_begin(struct sctp_congestion *c, const struct sctp_congestion_algorithm *algorithm, uint32_t unit_bytes) {
    *c = (struct sctp_congestion){
        .algorithm = algorithm,
        .window_bytes = (uint64_t)SCTP_CONGESTION_INITIAL_UNITS * unit_bytes,
        .threshold_bytes = UINT64_MAX, /* RFC 9260 section 7.2.1: arbitrarily high at first */
        .unit_bytes = unit_bytes,
    };
}

bool sctp_congestion_has_long_queue(const struct sctp_congestion_acknowledgement *ack) {
    return ack->floor_rtt_us > 0 && ack->smoothed_rtt_us > ack->floor_rtt_us + SCTP_CONGESTION_QUEUE_MAX_US;
}

void sctp_congestion_reduce(struct sctp_congestion *c, uint64_t numerator, uint64_t denominator) {
    c->before.window_bytes = c->window_bytes;
    c->before.threshold_bytes = c->threshold_bytes;
    c->before.most_bytes = c->cubic.most_bytes;
    c->before.is_valid = true;
    uint64_t least_bytes = (uint64_t)SCTP_CONGESTION_LEAST_UNITS * c->unit_bytes;
    uint64_t reduced_bytes = c->window_bytes * numerator / denominator;
    c->threshold_bytes = reduced_bytes > least_bytes ? reduced_bytes : least_bytes;
    c->credit_bytes = 0;
    c->slow_start.is_over = true;
}

void sctp_congestion_restore(struct sctp_congestion *c) {
    if (!c->before.is_valid)
        return;
    c->window_bytes = c->before.window_bytes > c->window_bytes ? c->before.window_bytes : c->window_bytes;
    c->threshold_bytes = c->before.threshold_bytes;
    c->cubic.most_bytes = c->before.most_bytes;
    /* RFC 9406 section 4.3: with no threshold known it is still the first slow start, and watches the round trips. */
    c->slow_start.is_over = c->before.threshold_bytes < UINT64_MAX;
    c->before.is_valid = false;
}

void sctp_congestion_decay(struct sctp_congestion *c) {
    /* RFC 9260 section 7.2.1, SHOULD: a path that was not used for a retransmission timeout is trusted half as much, down to the initial window. */
    uint64_t least_bytes = (uint64_t)SCTP_CONGESTION_INITIAL_UNITS * c->unit_bytes;
    uint64_t half_bytes = c->window_bytes / 2;
    if (c->window_bytes <= least_bytes)
        return;
    uint64_t known_bytes = c->window_bytes - c->window_bytes / 4; /* RFC 7661 section 4.4.3: where to is remembered */
    if (c->threshold_bytes < known_bytes)
        c->threshold_bytes = known_bytes;
    c->window_bytes = half_bytes > least_bytes ? half_bytes : least_bytes;
}
