/* The congestion control that RFC 9260 section 7.2 describes: the floor that the other is held against. */
#include "sctp/congestion_internal.h"

static void acknowledged(struct sctp_congestion *c, const struct sctp_congestion_acknowledgement *ack) {
    if (ack->is_recovering)
        return;
    if (c->window_bytes < c->threshold_bytes) {
        sctp_slow_start_acknowledged(c, ack);
        return;
    }
    /* RFC 9260 section 7.2.2, SHOULD: one segment for each window acknowledged in full use. */
    if (!ack->is_limited)
        return;
    c->credit_bytes += ack->acknowledged_bytes;
    if (c->credit_bytes >= c->window_bytes) {
        c->credit_bytes -= c->window_bytes;
        c->window_bytes += c->unit_bytes;
    }
}

static void lost(struct sctp_congestion *c, uint64_t now_us, uint64_t rtt_us, uint64_t least_rtt_us) {
    (void)now_us;
    (void)rtt_us;
    (void)least_rtt_us;
    /* RFC 9260 section 7.2.3, SHOULD: half, but four segments. */
    sctp_congestion_reduce(c, 1, 2);
    c->window_bytes = c->threshold_bytes;
}

static void timed_out(struct sctp_congestion *c, uint64_t now_us) {
    (void)now_us;
    /* RFC 9260 section 7.2.3, SHOULD: slow start from one segment. */
    sctp_congestion_reduce(c, 1, 2);
    c->window_bytes = c->unit_bytes;
}

static void spurious(struct sctp_congestion *c, uint64_t now_us) {
    (void)now_us;
    sctp_congestion_restore(c);
}

const struct sctp_congestion_algorithm sctp_newreno = {"newreno", acknowledged, lost, timed_out, spurious};
