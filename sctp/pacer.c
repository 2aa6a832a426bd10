/* No bursts: see pacer_internal.h. */
#include "sctp/pacer_internal.h"

#define NS_PER_US UINT64_C(1000)
#define NS_PER_SECOND UINT64_C(1000000000)

uint64_t sctp_pacer_rate(uint64_t window_bytes, uint64_t smoothed_rtt_us, bool is_slow_start) {
    if (smoothed_rtt_us == 0)
        return 0;
    uint64_t gain = is_slow_start ? SCTP_PACER_GAIN_SLOW_START : SCTP_PACER_GAIN;
    uint64_t rate = window_bytes * 10000 / smoothed_rtt_us * gain;
    return rate > 0 ? rate : 1;
}

static uint64_t time_ns(uint64_t bytes, uint64_t rate) {
    return bytes * NS_PER_SECOND / rate;
}

static uint64_t burst_ns(uint64_t rate) {
    uint64_t by_bytes_ns = time_ns(SCTP_PACER_BURST_BYTES, rate);
    return by_bytes_ns > SCTP_PACER_BURST_US * NS_PER_US ? by_bytes_ns : SCTP_PACER_BURST_US * NS_PER_US;
}

bool sctp_pacer_allows(const struct sctp_pacer *pacer, uint64_t now_us, uint64_t rate, uint64_t *until_us) {
    if (rate == 0 || pacer->due_ns <= now_us * NS_PER_US + burst_ns(rate))
        return true;
    /* Half a burst then goes at once, instead of a wake-up for each packet. */
    uint64_t wait_ns = pacer->due_ns - burst_ns(rate) / 2;
    *until_us = wait_ns / NS_PER_US + 1;
    return false;
}

void sctp_pacer_sent(struct sctp_pacer *pacer, uint64_t now_us, uint64_t rate, uint64_t bytes) {
    uint64_t now_ns = now_us * NS_PER_US;
    if (pacer->due_ns < now_ns || rate == 0)
        pacer->due_ns = now_ns;
    if (rate > 0)
        pacer->due_ns += time_ns(bytes, rate);
}
