/* Round trip times and the retransmission timeout: RFC 9260 section 6.3. */
#include "sctp/retransmission_timeout_internal.h"

#define GRANULARITY_US 1000 /* section 6.3.1 G1: of the clocks that wake us */

void sctp_retransmission_timeout_begin(struct sctp_retransmission_timeout *timeout) {
    /* RFC 9260 section 6.3.1 C1: until the first measurement, RTO.Initial. */
    *timeout = (struct sctp_retransmission_timeout){.rto_us = SCTP_RTO_INITIAL_US};
}

static uint64_t lesser(uint64_t a, uint64_t b) {
    if (a == 0 || b == 0)
        return a | b;
    return a < b ? a : b;
}

static void keep_least(struct sctp_least *least, uint64_t now_us, uint64_t rtt_us, uint64_t window_us) {
    if (now_us - least->since_us > window_us) {
        least->us[0] = least->us[1];
        least->us[1] = 0;
        least->since_us = now_us;
    }
    least->us[1] = lesser(least->us[1], rtt_us);
}

void sctp_retransmission_timeout_measured(struct sctp_retransmission_timeout *timeout, uint64_t now_us, uint64_t rtt_us, bool is_smoothed) {
    rtt_us = rtt_us > 0 ? rtt_us : 1; /* 0 means none */
    keep_least(&timeout->least, now_us, rtt_us, SCTP_LEAST_RTT_WINDOW_US);
    keep_least(&timeout->floor, now_us, rtt_us, SCTP_FLOOR_RTT_WINDOW_US);
    if (!is_smoothed && timeout->smoothed_us > 0)
        return;
    if (timeout->smoothed_us == 0) {
        /* RFC 9260 section 6.3.1 C2: the first one. */
        timeout->smoothed_us = rtt_us;
        timeout->variation_us = rtt_us / 2;
    } else {
        /* RFC 9260 section 6.3.1 C3: 1/4 and 1/8, the variation first. */
        uint64_t off_us = timeout->smoothed_us > rtt_us ? timeout->smoothed_us - rtt_us : rtt_us - timeout->smoothed_us;
        timeout->variation_us = timeout->variation_us - timeout->variation_us / 4 + off_us / 4;
        timeout->smoothed_us = timeout->smoothed_us - timeout->smoothed_us / 8 + rtt_us / 8;
        timeout->smoothed_us = timeout->smoothed_us > 0 ? timeout->smoothed_us : 1;
    }
    uint64_t margin_us = 4 * timeout->variation_us;
    /* RFC 9260 section 6.3.1 C6 and C7: the bounds. */
    uint64_t rto_us = timeout->smoothed_us + (margin_us > GRANULARITY_US ? margin_us : GRANULARITY_US);
    rto_us = rto_us > SCTP_RTO_MIN_US ? rto_us : SCTP_RTO_MIN_US;
    timeout->rto_us = rto_us < SCTP_RTO_MAX_US ? rto_us : SCTP_RTO_MAX_US;
}

void sctp_retransmission_timeout_back_off(struct sctp_retransmission_timeout *timeout) {
    /* RFC 9260 section 6.3.3 E2: twice as long, up to RTO.Max. */
    uint64_t doubled_us = 2 * timeout->rto_us;
    timeout->rto_us = doubled_us < SCTP_RTO_MAX_US ? doubled_us : SCTP_RTO_MAX_US;
}

uint64_t sctp_retransmission_timeout_least_us(const struct sctp_retransmission_timeout *timeout) {
    return lesser(timeout->least.us[0], timeout->least.us[1]);
}

uint64_t sctp_retransmission_timeout_floor_us(const struct sctp_retransmission_timeout *timeout) {
    return lesser(timeout->floor.us[0], timeout->floor.us[1]);
}
