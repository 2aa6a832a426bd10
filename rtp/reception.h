/*
 * What a receiver knows of one source: validity, loss and jitter (RFC 3550 sections 6.4.1, A.1, A.3, A.8), the last sender report,
 * and from it the sender's wall clock. A plain struct; pure functions over it.
 */
#ifndef RTP_RECEPTION_H
#define RTP_RECEPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "rtp/rtcp.h"

/* RFC 3550 appendix A.1. */
#define RTP_MAX_DROPOUT 3000
#define RTP_MAX_MISORDER 100
#define RTP_MIN_SEQUENTIAL 2

struct rtp_reception {
    uint32_t ssrc;
    uint32_t clock_rate_hz;
    uint64_t base_extended;    /* sequence numbers, extended to 64 bits; they begin at 65,536 + the first, so that reordering never wraps below 0 */
    uint64_t highest_extended;
    uint64_t received;
    uint64_t expected_prior, received_prior; /* at the last report */
    uint32_t probation; /* sequential packets still wanted; 0: valid */
    int32_t bad_sequence; /* where a jump would continue, -1: none */
    bool has_transit;
    uint32_t transit;
    uint32_t jitter_q4; /* timestamp units, times 16 */
    bool has_report;
    bool has_mapping; /* its RTP timestamp is of the clock rate above */
    struct rtcp_sender_report report;
    uint64_t report_us; /* when it came */
    uint64_t reports;
};

enum rtp_reception_verdict {
    RTP_RECEPTION_VALID,
    RTP_RECEPTION_RESTARTED, /* valid, and the sequence numbers began anew: what is buffered belongs to the past */
    RTP_RECEPTION_IGNORED    /* on probation, or a jump not confirmed yet */
};

/* Begins with a first packet, not counted yet. probation: 0..RTP_MIN_SEQUENTIAL; 0 trusts it at once. */
void rtp_reception_start(struct rtp_reception *reception, uint32_t ssrc, uint32_t clock_rate_hz, uint16_t sequence_number, uint32_t probation);
/* Counts a packet. *extended: its sequence number in 64 bits, unless IGNORED. */
enum rtp_reception_verdict rtp_reception_packet(struct rtp_reception *reception, uint16_t sequence_number, uint64_t *extended);
/* RFC 3550 section A.8, once for each valid packet that is no duplicate. */
void rtp_reception_arrival(struct rtp_reception *reception, uint64_t now_us, uint32_t timestamp);
/* RFC 7160 section 4.3: one SSRC may change its clock rate. What was measured in the old unit is converted, or begins anew. */
void rtp_reception_set_clock_rate(struct rtp_reception *reception, uint32_t clock_rate_hz);
void rtp_reception_sender_report(struct rtp_reception *reception, uint64_t now_us, const struct rtcp_sender_report *report);
int64_t rtp_reception_unix_us(const struct rtcp_sender_report *report); /* its NTP time */
int64_t rtp_reception_lost(const struct rtp_reception *reception); /* negative when duplicates outnumber losses */
/* The report block for now, and the beginning of the next interval. */
void rtp_reception_report(struct rtp_reception *reception, uint64_t now_us, struct rtcp_report_block *out);
/* The sender's wall clock at `timestamp`, Unix microseconds. False before the first sender report. */
bool rtp_reception_wall_clock(const struct rtp_reception *reception, uint32_t timestamp, int64_t *unix_us);

#endif
