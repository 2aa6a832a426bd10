/* Round trip times and the retransmission timeout: RFC 9260 section 6.3. */
#ifndef SCTP_RETRANSMISSION_TIMEOUT_INTERNAL_H
#define SCTP_RETRANSMISSION_TIMEOUT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * RFC 9260 section 16 recommends 1 s, 1 s and 60 s. The floor has to exceed what a peer may wait before it sends a SACK (200 ms, section 6.2),
 * and no more: a tail-loss probe has gone out before (loss.c), so a timeout of ours is rarely early. Nobody waits a minute for a
 * message of a call, whose consent (RFC 7675) ends after 30 s of silence.
 */
#define SCTP_RTO_INITIAL_US UINT64_C(1000000)
#define SCTP_RTO_MIN_US UINT64_C(300000)
#define SCTP_RTO_MAX_US UINT64_C(10000000)
#define SCTP_LEAST_RTT_WINDOW_US UINT64_C(10000000) /* RFC 8985 section 6.2 step 1: the least of the last while */
#define SCTP_FLOOR_RTT_WINDOW_US UINT64_C(60000000) /* and of a longer one: of the path without its queue, as far as that can be known */

/* The least of the last one or two windows. */
struct sctp_least {
    uint64_t us[2]; /* of the last window and of this one; 0: no sample */
    uint64_t since_us;
};

struct sctp_retransmission_timeout {
    uint64_t smoothed_us, variation_us; /* 0: not measured */
    uint64_t rto_us;                    /* backed off */
    struct sctp_least least, floor;
};

void sctp_retransmission_timeout_begin(struct sctp_retransmission_timeout *timeout);
/* One measurement. is_smoothed: once a round trip (section 6.3.1 C4); the others only count for the least. */
void sctp_retransmission_timeout_measured(struct sctp_retransmission_timeout *timeout, uint64_t now_us, uint64_t rtt_us, bool is_smoothed);
/* Section 6.3.3 E2. */
void sctp_retransmission_timeout_back_off(struct sctp_retransmission_timeout *timeout);
/* 0: none. */
uint64_t sctp_retransmission_timeout_floor_us(const struct sctp_retransmission_timeout *timeout);
uint64_t sctp_retransmission_timeout_least_us(const struct sctp_retransmission_timeout *timeout);

#endif
