/* The inside of a session: what sender.c, receiver.c, session.c and session_rtcp.c share. */
#ifndef RTP_SESSION_INTERNAL_H
#define RTP_SESSION_INTERNAL_H

#include "rtp/jitter_buffer.h"
#include "rtp/packet.h"
#include "rtp/reception.h"
#include "rtp/session.h"

#define RTP_NEVER UINT64_MAX

/* One packet of the history: what its header will say; its payload is beside it. */
struct rtp_history_slot {
    uint64_t due_us;
    uint32_t timestamp;
    uint16_t length;
    bool marker;
};

struct rtp_sender {
    const struct rtp_payload_format *format;
    uint8_t payload_type;
    uint32_t clock_rate_hz;
    uint32_t ssrc;
    uint32_t timestamp_offset;
    char mid[RTP_MID_MAX_BYTES + 1];
    size_t payload_max_bytes;
    size_t capacity;             /* of the history, a power of two */
    struct rtp_history_slot *slots;
    uint8_t *bytes;              /* capacity times payload_max_bytes */
    uint64_t queued, sent;       /* packets since the beginning; the low bits index the history */
    uint16_t first_sequence;     /* of packet 0 */
    uint64_t pace_us;            /* when the next packet may be due */
    struct rtp_payload_state payload_state;
    uint32_t last_timestamp;     /* of the last frame, offset included, and its capture */
    uint64_t last_capture_us;
    bool key_frame_requested, ssrc_changed;
    uint64_t key_frame_event_us; /* of the last event; RTP_NEVER: none */
    bool has_fir;
    uint8_t fir_sequence;
    size_t memory_bytes;
    struct rtp_sender_statistics statistics;
};

struct rtp_receiver {
    char mid[RTP_MID_MAX_BYTES + 1];
    struct rtp_payload_mapping payload_types[RTP_RECEIVER_PAYLOAD_TYPES_MAX];
    size_t payload_type_count;
    bool send_pli;
    bool has_source;
    struct rtp_reception source;
    bool has_candidate;
    struct rtp_reception candidate; /* another SSRC on probation */
    struct rtp_jitter_buffer *buffer;
    bool key_frame_requested; /* by the app */
    uint64_t pli_us;          /* when the last was sent; RTP_NEVER: none */
    bool bye;
    size_t memory_bytes;
    struct rtp_receiver_statistics statistics;
};

struct rtp_session {
    struct rtp_session_config config;
    struct rtp_allocator allocator;
    char cname[RTP_CNAME_MAX_BYTES + 1];
    uint32_t local_ssrc; /* reports when nothing was sent */
    struct rtp_sender *senders[RTP_SENDERS_MAX];
    size_t sender_count;
    struct rtp_receiver *receivers[RTP_RECEIVERS_MAX];
    size_t receiver_count;
    uint64_t report_us; /* when the next report is due */
    bool report_due, closed;
    uint32_t byes[RTP_SENDERS_MAX];
    size_t bye_count;
    uint64_t collision_us; /* of the last change of an SSRC; RTP_NEVER: none */
    struct rtp_session_statistics statistics;
};

void *rtp_session_allocate(struct rtp_session *session, size_t bytes); /* zeroed; NULL: budget or memory */
void rtp_session_release(struct rtp_session *session, void *memory, size_t bytes);
void rtp_session_random(struct rtp_session *session, void *out, size_t length);
uint32_t rtp_session_random_ssrc(struct rtp_session *session); /* unused by anybody known, not 0 */
uint64_t rtp_session_ntp(const struct rtp_session *session, uint64_t now_us);

int rtp_sender_new(struct rtp_session *session, uint64_t now_us, const struct rtp_sender_config *config, struct rtp_sender **out);
int rtp_sender_queue(struct rtp_sender *sender, uint64_t now_us, const struct rtp_frame *frame);
uint64_t rtp_sender_due_us(const struct rtp_sender *sender); /* RTP_NEVER: nothing queued */
size_t rtp_sender_write(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, uint8_t *bytes, size_t capacity);

int rtp_receiver_new(struct rtp_session *session, const struct rtp_receiver_config *config, struct rtp_receiver **out);
void rtp_receiver_free(struct rtp_session *session, struct rtp_receiver *receiver);
const struct rtp_payload_mapping *rtp_receiver_mapping(const struct rtp_receiver *receiver, uint8_t payload_type);
int rtp_receiver_take(struct rtp_receiver *receiver, uint64_t now_us, const struct rtp_packet *packet, size_t packet_bytes);
uint64_t rtp_receiver_pli_us(const struct rtp_receiver *receiver); /* when a PLI is due; RTP_NEVER: none wanted */

void rtp_session_schedule_report(struct rtp_session *session, uint64_t now_us, bool first);
size_t rtp_session_write_control(struct rtp_session *session, uint64_t now_us, uint8_t *bytes, size_t capacity); /* 0: nothing due */

#endif
