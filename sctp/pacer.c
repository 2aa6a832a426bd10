/* No bursts: see pacer_internal.h. */
#include "sctp/pacer_internal.h"

#define US_PER_SECOND UINT64_C(1000000)
#define MILLIONTHS UINT64_C(1000000) /* of a byte: what a rate of bytes a second makes of a microsecond */

uint64_t sctp_pacer_rate(uint64_t window_bytes, uint64_t smoothed_rtt_us, unsigned gain) {
    if (smoothed_rtt_us == 0)
        return 0;
    uint64_t rate = window_bytes * gain * (US_PER_SECOND / 100) / smoothed_rtt_us;
    return rate > 0 ? rate : 1;
}

static uint64_t burst_bytes(uint64_t rate) {
    uint64_t by_time_bytes = rate * SCTP_PACER_BURST_US / US_PER_SECOND;
    return by_time_bytes > SCTP_PACER_BURST_BYTES ? by_time_bytes : SCTP_PACER_BURST_BYTES;
}

/* What is sent ahead melts at the rate of the day; exactly, or a fast path would get a little more with each packet. */
static void melt(struct sctp_pacer *pacer, uint64_t now_us, uint64_t rate) {
    uint64_t elapsed_us = now_us - pacer->since_us;
    pacer->since_us = now_us;
    if (rate == 0 || elapsed_us > pacer->ahead_millionths / rate)
        pacer->ahead_millionths = 0;
    else
        pacer->ahead_millionths -= elapsed_us * rate;
}

bool sctp_pacer_allows(struct sctp_pacer *pacer, uint64_t now_us, uint64_t rate, uint64_t *until_us) {
    melt(pacer, now_us, rate);
    uint64_t most_bytes = burst_bytes(rate);
    if (rate == 0 || pacer->ahead_millionths <= most_bytes * MILLIONTHS)
        return true;
    /* Half a burst then goes at once, instead of a wake-up for each packet. */
    *until_us = now_us + (pacer->ahead_millionths - most_bytes / 2 * MILLIONTHS) / rate + 1;
    return false;
}

void sctp_pacer_sent(struct sctp_pacer *pacer, uint64_t now_us, uint64_t rate, uint64_t bytes) {
    melt(pacer, now_us, rate);
    pacer->ahead_millionths += rate > 0 ? bytes * MILLIONTHS : 0;
}
