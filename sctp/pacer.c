/* No bursts: see pacer_internal.h. */
#include "sctp/pacer_internal.h"

#define US_PER_SECOND UINT64_C(1000000)

uint64_t sctp_pacer_rate(uint64_t window_bytes, uint64_t smoothed_rtt_us, bool is_slow_start) {
    if (smoothed_rtt_us == 0)
        return 0;
    uint64_t gain = is_slow_start ? SCTP_PACER_GAIN_SLOW_START : SCTP_PACER_GAIN;
    uint64_t rate = window_bytes * gain * (US_PER_SECOND / 100) / smoothed_rtt_us;
    return rate > 0 ? rate : 1;
}

static uint64_t burst_bytes(uint64_t rate) {
    uint64_t by_time_bytes = rate * SCTP_PACER_BURST_US / US_PER_SECOND;
    return by_time_bytes > SCTP_PACER_BURST_BYTES ? by_time_bytes : SCTP_PACER_BURST_BYTES;
}

/* What is sent ahead melts at the rate of the day. */
static void melt(struct sctp_pacer *pacer, uint64_t now_us, uint64_t rate) {
    uint64_t elapsed_us = now_us - pacer->since_us;
    if (rate == 0 || pacer->ahead_bytes == 0 || elapsed_us >= pacer->ahead_bytes * US_PER_SECOND / rate) {
        pacer->ahead_bytes = 0;
        pacer->since_us = now_us;
        return;
    }
    uint64_t melted_bytes = elapsed_us * rate / US_PER_SECOND;
    pacer->ahead_bytes -= melted_bytes;
    pacer->since_us += melted_bytes * US_PER_SECOND / rate; /* the rest of the time counts next time */
}

bool sctp_pacer_allows(struct sctp_pacer *pacer, uint64_t now_us, uint64_t rate, uint64_t *until_us) {
    melt(pacer, now_us, rate);
    uint64_t most_bytes = burst_bytes(rate);
    if (rate == 0 || pacer->ahead_bytes <= most_bytes)
        return true;
    /* Half a burst then goes at once, instead of a wake-up for each packet. */
    *until_us = now_us + (pacer->ahead_bytes - most_bytes / 2) * US_PER_SECOND / rate + 1;
    return false;
}

void sctp_pacer_sent(struct sctp_pacer *pacer, uint64_t now_us, uint64_t rate, uint64_t bytes) {
    melt(pacer, now_us, rate);
    pacer->ahead_bytes += rate > 0 ? bytes : 0;
}
