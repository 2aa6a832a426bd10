/* Slow start, and its end before the first loss: RFC 9260 section 7.2.1, HyStart++ (RFC 9406 section 4). */
#include "sctp/congestion_internal.h"

/* RFC 9406 section 4.3 */
#define RTT_THRESHOLD_MIN_US UINT64_C(4000)
#define RTT_THRESHOLD_MAX_US UINT64_C(16000)
#define RTT_DIVISOR 8
#define SAMPLES 8
#define CONSERVATIVE_GROWTH_DIVISOR 4
#define CONSERVATIVE_ROUNDS 5

static void begin_round(struct sctp_slow_start *s, uint64_t window_bytes) {
    s->last_round_window_bytes = s->round_window_bytes;
    s->round_window_bytes = window_bytes;
    s->last_round_least_us = s->round_least_us;
    s->round_least_us = 0;
    s->samples = 0;
    if (s->is_conservative)
        s->conservative_rounds++;
}

static void sample(struct sctp_slow_start *s, uint64_t rtt_us) {
    if (rtt_us == 0)
        return;
    s->samples++;
    if (s->round_least_us == 0 || rtt_us < s->round_least_us)
        s->round_least_us = rtt_us;
}

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most) {
    return value < least ? least : value > most ? most : value;
}

static void judge(struct sctp_slow_start *s) {
    if (s->samples < SAMPLES)
        return;
    if (s->is_conservative) {
        /* RFC 9406 section 4.2: the round trips have become shorter again, so it was jitter. */
        if (s->round_least_us < s->conservative_least_us)
            s->is_conservative = false;
        return;
    }
    if (s->last_round_least_us == 0)
        return;
    /* RFC 9406 section 4.2: a queue has begun to build: an eighth of the round trip, within 4 and 16 ms. */
    uint64_t threshold_us = clamp(s->last_round_least_us / RTT_DIVISOR, RTT_THRESHOLD_MIN_US, RTT_THRESHOLD_MAX_US);
    if (s->round_least_us >= s->last_round_least_us + threshold_us) {
        s->is_conservative = true;
        s->conservative_least_us = s->round_least_us;
        s->conservative_rounds = 0;
    }
}

/*
 * What is acknowledged now left when the window was that of a round ago, and shows the queue of that window; today's has made a longer one, which would
 * stay until something is lost. What the link carries is known by now: that window in its round trip. More than SCTP_CONGESTION_QUEUE_MAX_US beyond the
 * floor is given back, down to what a loss leaves.
 */
static uint64_t kept(const struct sctp_congestion *c, uint64_t floor_rtt_us) {
    const struct sctp_slow_start *s = &c->slow_start;
    uint64_t rtt_us = s->samples >= SAMPLES ? s->round_least_us : s->last_round_least_us;
    if (floor_rtt_us == 0 || rtt_us == 0 || s->last_round_window_bytes == 0)
        return c->window_bytes;
    uint64_t least_bytes = (uint64_t)SCTP_CONGESTION_LEAST_UNITS * c->unit_bytes;
    uint64_t enough_bytes = s->last_round_window_bytes * (floor_rtt_us + SCTP_CONGESTION_QUEUE_MAX_US) / rtt_us;
    enough_bytes = enough_bytes > least_bytes ? enough_bytes : least_bytes;
    return enough_bytes < c->window_bytes ? enough_bytes : c->window_bytes;
}

static void leave_if_enough(struct sctp_congestion *c, uint64_t floor_rtt_us) {
    struct sctp_slow_start *s = &c->slow_start;
    bool is_enough = s->is_conservative && s->conservative_rounds >= CONSERVATIVE_ROUNDS;
    /* By the least of a round: a peer that held back the SACKs of single messages has made no queue. */
    bool is_long = s->samples >= SAMPLES && floor_rtt_us > 0 && s->round_least_us > floor_rtt_us + SCTP_CONGESTION_QUEUE_MAX_US;
    if (is_enough || is_long) {
        s->is_over = true;
        c->threshold_bytes = c->window_bytes = kept(c, floor_rtt_us);
    }
}

void sctp_slow_start_acknowledged(struct sctp_congestion *c, const struct sctp_congestion_acknowledgement *ack) {
    struct sctp_slow_start *s = &c->slow_start;
    /* RFC 9406 section 4.3, SHOULD: in the first slow start only; later the threshold is known, and what the first one saw is old. */
    bool is_first = !s->is_over;
    if (is_first) {
        if (ack->is_new_round)
            begin_round(s, c->window_bytes);
        sample(s, ack->rtt_us);
        judge(s);
    }
    /* RFC 9260 section 7.2.1, MUST: it grows only when it is what holds the sender back. By all that was acknowledged, as RFC 9406 section 4.2
     * has it for a sender that paces (L infinite), not by one packet for each SACK. */
    if (!ack->is_limited)
        return;
    c->window_bytes += is_first && s->is_conservative ? ack->acknowledged_bytes / CONSERVATIVE_GROWTH_DIVISOR : ack->acknowledged_bytes;
    if (is_first)
        leave_if_enough(c, ack->floor_rtt_us);
}
