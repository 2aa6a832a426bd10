/* Sessions with a seeded random source, packets made by hand for them, and what they send, read again. */
#ifndef TEST_RTP_CRAFTED_H
#define TEST_RTP_CRAFTED_H

#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "rtp/session.h"

#define CRAFTED_MID_ID 4
#define CRAFTED_SEND_TIME_ID 3

struct rtp_session_config crafted_config(void);
struct rtp_session *crafted_session(void); /* of that configuration, at time 0 */

/* A packet for rtp_session_handle_rtp. mid NULL: none. payload NULL: one byte that starts a frame of any codec. */
struct crafted {
    const char *mid;
    uint8_t mid_id; /* 0: CRAFTED_MID_ID */
    uint32_t ssrc;
    uint8_t payload_type;
    uint16_t sequence_number;
    uint32_t timestamp;
    bool marker;
    const uint8_t *payload;
    size_t payload_bytes;
};
int crafted_receive(struct rtp_session *session, uint64_t now_us, const struct crafted *packet);

/* What came out of one drain of poll_packet. */
struct drained {
    size_t media, control, senders, blocks, plis, byes;
    uint32_t bye_ssrcs[64];
    uint32_t reported_ssrcs[64]; /* of the senders */
    struct rtp_packet first, last; /* media; views into `bytes` */
    char mid[RTP_MID_MAX_BYTES + 1]; /* of the last */
    uint8_t bytes[2][RTP_PACKET_MAX_BYTES];
};
void crafted_drain(struct rtp_session *session, uint64_t now_us, struct drained *out);
int crafted_send(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, size_t length); /* a frame of that many bytes */
/* Drains the events; returns how many of that type there were. */
size_t crafted_events(struct rtp_session *session, uint64_t now_us, enum rtp_event_type type);

#endif
