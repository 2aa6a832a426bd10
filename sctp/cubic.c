/*
 * CUBIC: RFC 9438. After a loss the window follows a cubic of the time since, not of the round trips: fast back to where the loss was, slow around
 * it, then fast away. All in bytes, the cubic in milliseconds; a segment is unit_bytes.
 */
#include "sctp/congestion_internal.h"

/* RFC 9438 sections 4.6 and 5.1: beta 0.7, C 0.4; section 4.3: alpha = 3 (1 - beta) / (1 + beta) = 9/17 */
#define BETA_NUMERATOR 7
#define BETA_DENOMINATOR 10
/* For a loss without a queue: docs/sctp-outbound.md argues it. */
#define GENTLE_NUMERATOR 85
#define GENTLE_DENOMINATOR 100
#define QUEUE_NONE_MIN_US UINT64_C(2000)
#define QUEUE_NONE_DIVISOR 16
#define ALPHA_NUMERATOR 9
#define ALPHA_DENOMINATOR 17
#define US_PER_MS 1000
#define MS3_PER_S3 UINT64_C(1000000000)
#define DISTANCE_MAX_MS UINT64_C(100000) /* its cube times C times a segment of 4,000 bytes fits 64 bits */

static uint64_t cube_root(uint64_t value) {
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 21; bit > 0; bit >>= 1) {
        uint64_t trial = root | bit;
        if (trial <= 2642245 && trial * trial * trial <= value)
            root = trial;
    }
    return root;
}

/* RFC 9438 section 4.2: W(t) = C (t - K)^3 + W_max. */
static uint64_t cubic(const struct sctp_congestion *c, uint64_t elapsed_us) {
    uint64_t inflection_us = c->cubic.inflection_us;
    bool is_beyond = elapsed_us >= inflection_us;
    uint64_t distance_ms = (is_beyond ? elapsed_us - inflection_us : inflection_us - elapsed_us) / US_PER_MS;
    distance_ms = distance_ms < DISTANCE_MAX_MS ? distance_ms : DISTANCE_MAX_MS;
    uint64_t change_bytes = distance_ms * distance_ms * distance_ms / MS3_PER_S3 * 4 * c->unit_bytes / 10;
    if (distance_ms < 10000) /* the precise order of operations, where it cannot overflow */
        change_bytes = distance_ms * distance_ms * distance_ms * 4 / 10 * c->unit_bytes / MS3_PER_S3;
    if (is_beyond)
        return c->cubic.most_bytes + change_bytes;
    return c->cubic.most_bytes > change_bytes ? c->cubic.most_bytes - change_bytes : 0;
}

static void begin_epoch(struct sctp_congestion *c, uint64_t now_us) {
    c->cubic.has_epoch = true;
    c->cubic.epoch_us = c->cubic.last_us = now_us;
    c->cubic.estimate_bytes = c->window_bytes;
    c->cubic.estimate_credit = 0;
    if (c->cubic.most_bytes <= c->window_bytes) {
        /* RFC 9438 sections 4.8 and 4.10: after a timeout, or a slow start that ended without a loss, K is 0. */
        c->cubic.most_bytes = c->window_bytes;
        c->cubic.inflection_us = 0;
        return;
    }
    /* RFC 9438 section 4.2: K = cube root of (W_max - cwnd_epoch) / C, in seconds. */
    uint64_t below_bytes = c->cubic.most_bytes - c->window_bytes;
    c->cubic.inflection_us = cube_root(below_bytes * 10 / 4 / c->unit_bytes * MS3_PER_S3) * US_PER_MS;
}

/* RFC 9438 section 4.3: what Reno with a decrease of beta would have by now. */
static void grow_estimate(struct sctp_congestion *c, uint64_t acknowledged_bytes) {
    bool is_past = c->cubic.estimate_bytes >= c->cubic.prior_bytes;
    uint64_t alpha = is_past ? ALPHA_DENOMINATOR : ALPHA_NUMERATOR;
    c->cubic.estimate_credit += acknowledged_bytes * alpha * c->unit_bytes;
    uint64_t price = c->window_bytes * ALPHA_DENOMINATOR;
    c->cubic.estimate_bytes += c->cubic.estimate_credit / price;
    c->cubic.estimate_credit %= price;
}

static void acknowledged(struct sctp_congestion *c, const struct sctp_congestion_acknowledgement *ack) {
    if (ack->is_recovering)
        return;
    if (c->window_bytes < c->threshold_bytes) {
        c->cubic.has_epoch = false;
        sctp_slow_start_acknowledged(c, ack);
        return;
    }
    if (!c->cubic.has_epoch)
        begin_epoch(c, ack->now_us);
    /* RFC 9438 section 5.8: time in which the window was not what limited does not count. Nor does time in which it is large enough. */
    bool is_still = !ack->is_limited || (c->window_bytes >= c->cubic.most_bytes && sctp_congestion_has_long_queue(ack));
    if (is_still)
        c->cubic.epoch_us += ack->now_us - c->cubic.last_us;
    c->cubic.last_us = ack->now_us;
    if (is_still)
        return;
    grow_estimate(c, ack->acknowledged_bytes);
    uint64_t elapsed_us = ack->now_us - c->cubic.epoch_us;
    if (cubic(c, elapsed_us) < c->cubic.estimate_bytes) {
        if (c->window_bytes < c->cubic.estimate_bytes)
            c->window_bytes = c->cubic.estimate_bytes;
        return;
    }
    /* RFC 9438 section 4.2: in a round trip it shall be where the cubic is then, but at most half as much again. */
    uint64_t target_bytes = cubic(c, elapsed_us + ack->smoothed_rtt_us);
    uint64_t most_bytes = c->window_bytes + c->window_bytes / 2;
    target_bytes = target_bytes < most_bytes ? target_bytes : most_bytes;
    if (target_bytes <= c->window_bytes)
        return;
    /* RFC 9438 sections 4.4 and 4.5. */
    c->credit_bytes += (target_bytes - c->window_bytes) * ack->acknowledged_bytes;
    uint64_t step_bytes = c->credit_bytes / c->window_bytes;
    c->credit_bytes %= c->window_bytes;
    c->window_bytes += step_bytes;
}

static void reduce(struct sctp_congestion *c, uint64_t numerator, uint64_t denominator) {
    sctp_congestion_reduce(c, numerator, denominator);
    /* RFC 9438 section 4.7, fast convergence: a window that did not reach the last one leaves room for others. */
    bool is_lower = c->window_bytes < c->cubic.most_bytes;
    c->cubic.most_bytes = is_lower ? c->window_bytes * (numerator + denominator) / (2 * denominator) : c->window_bytes;
    c->cubic.prior_bytes = c->window_bytes;
    c->cubic.has_epoch = false;
}

static void lost(struct sctp_congestion *c, uint64_t now_us, uint64_t rtt_us, uint64_t least_rtt_us) {
    (void)now_us;
    /* A loss at a round trip that shows no queue is hardly an overflow of one: less is taken back. */
    uint64_t none_us = least_rtt_us / QUEUE_NONE_DIVISOR > QUEUE_NONE_MIN_US ? least_rtt_us / QUEUE_NONE_DIVISOR : QUEUE_NONE_MIN_US;
    if (c->slow_start.is_over && rtt_us < least_rtt_us + none_us)
        reduce(c, GENTLE_NUMERATOR, GENTLE_DENOMINATOR);
    else
        reduce(c, BETA_NUMERATOR, BETA_DENOMINATOR);
    c->window_bytes = c->threshold_bytes;
}

static void timed_out(struct sctp_congestion *c, uint64_t now_us) {
    (void)now_us;
    reduce(c, BETA_NUMERATOR, BETA_DENOMINATOR);
    /* RFC 9438 section 4.8: what comes after the slow start begins with K 0. */
    c->cubic.most_bytes = 0;
    c->window_bytes = c->unit_bytes;
}

static void spurious(struct sctp_congestion *c, uint64_t now_us) {
    (void)now_us;
    /* RFC 9438 section 4.9 */
    sctp_congestion_restore(c);
    c->cubic.has_epoch = false;
}

const struct sctp_congestion_algorithm sctp_cubic = {"cubic", acknowledged, lost, timed_out, spurious};
