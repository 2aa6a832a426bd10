/*
 * No bursts: what the congestion window allows leaves at a little more than window over round trip time, so that an idle or blocked sender does
 * not hand a whole window to the queue of the bottleneck at once (RFC 9260 section 6.1 D bounds bursts by a count; a rate does it better). Never
 * delays the first packets of a silence.
 */
#ifndef SCTP_PACER_INTERNAL_H
#define SCTP_PACER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#define SCTP_PACER_BURST_BYTES 14480      /* ten packets at once are nobody's burst: RFC 6928 starts with as many */
#define SCTP_PACER_BURST_US 1000          /* nor is what a loop with a clock of milliseconds needs */
/* Per cent of window over round trip time: */
#define SCTP_PACER_GAIN_SLOW_START 200u   /* it doubles in a round trip */
#define SCTP_PACER_GAIN_FILLING 110u      /* much of the window has just been opened, by the end of a recovery or of a silence: hardly more than the link gives */
#define SCTP_PACER_GAIN 125u              /* the window is the limit, and what a late wake-up has missed is made up for */

struct sctp_pacer {
    uint64_t ahead_millionths; /* of a byte: sent sooner than the rate would have it, as of since_us */
    uint64_t since_us;
};

/* The rate: bytes a second; 0: none yet, no limit. True: one packet more may leave now. Else *until_us is when to ask again. */
bool sctp_pacer_allows(struct sctp_pacer *pacer, uint64_t now_us, uint64_t rate, uint64_t *until_us);
void sctp_pacer_sent(struct sctp_pacer *pacer, uint64_t now_us, uint64_t rate, uint64_t bytes);
uint64_t sctp_pacer_rate(uint64_t window_bytes, uint64_t smoothed_rtt_us, unsigned gain);

#endif
