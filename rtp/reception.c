/* RFC 3550 section 6.4.1 and appendices A.1, A.3 and A.8. */
#include "rtp/reception.h"

#define SEQUENCE_MODULUS 65536u
#define NTP_UNIX_SECONDS 2208988800ll /* from 1900 to 1970 */
#define LOST_MAX 0x7FFFFF
#define LOST_MIN (-0x800000)

static void begin_sequence(struct rtp_reception *reception, uint16_t sequence_number) {
    reception->base_extended = reception->highest_extended = SEQUENCE_MODULUS + sequence_number;
    reception->received = reception->received_prior = reception->expected_prior = 0;
    reception->bad_sequence = -1;
    reception->has_transit = false;
}

void rtp_reception_start(struct rtp_reception *reception, uint32_t ssrc, uint32_t clock_rate_hz, uint16_t sequence_number, uint32_t probation) {
    *reception = (struct rtp_reception){.ssrc = ssrc, .clock_rate_hz = clock_rate_hz, .probation = probation};
    begin_sequence(reception, sequence_number);
    reception->highest_extended -= probation > 0 ? 1 : 0;
}

static enum rtp_reception_verdict on_probation(struct rtp_reception *reception, uint16_t sequence_number, uint64_t *extended) {
    /* RFC 3550 appendix A.1: RTP_MIN_SEQUENTIAL packets in sequence make a source valid. */
    if (sequence_number != (uint16_t)(reception->highest_extended + 1)) {
        reception->probation = RTP_MIN_SEQUENTIAL - 1;
        reception->highest_extended = SEQUENCE_MODULUS + sequence_number;
        return RTP_RECEPTION_IGNORED;
    }
    reception->highest_extended++;
    if (--reception->probation > 0) {
        return RTP_RECEPTION_IGNORED;
    }
    begin_sequence(reception, sequence_number);
    reception->received = 1;
    *extended = reception->highest_extended;
    return RTP_RECEPTION_VALID;
}

enum rtp_reception_verdict rtp_reception_packet(struct rtp_reception *reception, uint16_t sequence_number, uint64_t *extended) {
    if (reception->probation > 0) {
        return on_probation(reception, sequence_number, extended);
    }
    int32_t delta = (int16_t)(uint16_t)(sequence_number - (uint16_t)reception->highest_extended);
    if (delta >= RTP_MAX_DROPOUT || delta <= -RTP_MAX_MISORDER) {
        /* RFC 3550 appendix A.1: a large jump is believed when a second packet continues it: the sender has restarted. */
        if (reception->bad_sequence != sequence_number) {
            reception->bad_sequence = (uint16_t)(sequence_number + 1);
            return RTP_RECEPTION_IGNORED;
        }
        begin_sequence(reception, sequence_number);
        reception->received = 1;
        *extended = reception->highest_extended;
        return RTP_RECEPTION_RESTARTED;
    }
    reception->received++;
    *extended = (uint64_t)((int64_t)reception->highest_extended + delta);
    if (delta > 0) {
        reception->highest_extended = *extended;
        reception->bad_sequence = -1;
    }
    return RTP_RECEPTION_VALID;
}

void rtp_reception_arrival(struct rtp_reception *reception, uint64_t now_us, uint32_t timestamp) {
    uint64_t seconds = now_us / 1000000;
    uint32_t arrival = (uint32_t)(seconds * reception->clock_rate_hz + now_us % 1000000 * reception->clock_rate_hz / 1000000);
    uint32_t transit = arrival - timestamp;
    if (reception->has_transit) {
        int32_t difference = (int32_t)(transit - reception->transit);
        uint32_t distance = difference < 0 ? 0u - (uint32_t)difference : (uint32_t)difference;
        /* RFC 3550 appendix A.8: J += (|D| - J) / 16 in integers, rounded. */
        reception->jitter_q4 += distance - ((reception->jitter_q4 + 8) >> 4);
    }
    reception->transit = transit;
    reception->has_transit = true;
}

void rtp_reception_set_clock_rate(struct rtp_reception *reception, uint32_t clock_rate_hz) {
    if (reception->clock_rate_hz == clock_rate_hz) {
        return;
    }
    reception->jitter_q4 = (uint32_t)((uint64_t)reception->jitter_q4 * clock_rate_hz / reception->clock_rate_hz);
    reception->clock_rate_hz = clock_rate_hz;
    reception->has_transit = false;
    /* The sender report maps timestamps of the old clock: without it there is no capture time until the next. Its NTP time is
     * still what the next report block answers to. */
    reception->has_mapping = false;
}

void rtp_reception_sender_report(struct rtp_reception *reception, uint64_t now_us, const struct rtcp_sender_report *report) {
    reception->has_report = true;
    /* RFC 3550 section 6.4.1, MAY: a sender without a notion of time says 0. */
    reception->has_mapping = report->ntp != 0;
    reception->report = *report;
    reception->report_us = now_us;
    reception->reports++;
}

static uint64_t expected(const struct rtp_reception *reception) {
    return reception->highest_extended - reception->base_extended + 1;
}

/* RFC 3550 section 6.4.1: lost over expected, in 1/256; none when packets came twice. */
static uint8_t fraction_lost(uint64_t interval, int64_t lost) {
    if (interval == 0 || lost <= 0)
        return 0;
    int64_t fraction = lost * 256 / (int64_t)interval;
    return fraction > 255 ? 255 : (uint8_t)fraction;
}

int64_t rtp_reception_lost(const struct rtp_reception *reception) {
    return reception->probation > 0 ? 0 : (int64_t)expected(reception) - (int64_t)reception->received;
}

void rtp_reception_report(struct rtp_reception *reception, uint64_t now_us, struct rtcp_report_block *out) {
    /* RFC 3550 appendix A.3: the fraction is of the interval since the last report; the total is clamped to 24 bits. */
    uint64_t all = expected(reception);
    uint64_t interval = all - reception->expected_prior;
    int64_t lost_interval = (int64_t)interval - (int64_t)(reception->received - reception->received_prior);
    reception->expected_prior = all;
    reception->received_prior = reception->received;
    int64_t lost = rtp_reception_lost(reception);
    *out = (struct rtcp_report_block){
        .ssrc = reception->ssrc,
        .fraction_lost = fraction_lost(interval, lost_interval),
        .cumulative_lost = (int32_t)(lost > LOST_MAX ? LOST_MAX : lost < LOST_MIN ? LOST_MIN : lost),
        .highest_sequence = (uint32_t)(reception->highest_extended - SEQUENCE_MODULUS),
        .jitter = reception->jitter_q4 >> 4,
    };
    if (reception->has_report) {
        out->last_sender_report = (uint32_t)(reception->report.ntp >> 16);
        uint64_t delay_us = now_us - reception->report_us;
        out->delay_since_last = (uint32_t)((delay_us / 1000000 << 16) + ((delay_us % 1000000 << 16) / 1000000));
    }
}

int64_t rtp_reception_unix_us(const struct rtcp_sender_report *report) {
    int64_t seconds = (int64_t)(report->ntp >> 32) - NTP_UNIX_SECONDS;
    return seconds * 1000000 + (int64_t)((report->ntp & UINT32_MAX) * 1000000 >> 32);
}

bool rtp_reception_wall_clock(const struct rtp_reception *reception, uint32_t timestamp, int64_t *unix_us) {
    if (!reception->has_mapping) {
        return false;
    }
    int64_t units = (int32_t)(timestamp - reception->report.rtp_timestamp);
    *unix_us = rtp_reception_unix_us(&reception->report) + units * 1000000 / (int64_t)reception->clock_rate_hz;
    return true;
}
