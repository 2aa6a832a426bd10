/*
 * The inside of a session, and who does what.
 *
 *     session.c               the object: memory, time, and what goes out
 *     session_members.c       who is in it: add, update, remove
 *     session_demultiplex.c   whose an incoming packet is
 *     session_report.c        RTCP out
 *     session_rtcp.c          RTCP in
 *     session_synchronise.c   sound and picture in step
 *     sender.c, receiver.c    one stream
 */
#ifndef RTP_SESSION_INTERNAL_H
#define RTP_SESSION_INTERNAL_H

#include "rtp/jitter_buffer.h"
#include "rtp/packet.h"
#include "rtp/reception.h"
#include "rtp/session.h"

#define RTP_NEVER UINT64_MAX

/* One packet of the history: what its header will say; its payload is beside it. */
struct rtp_history_slot {
    uint64_t queued_us, due_us;
    uint32_t timestamp;
    uint16_t length;
    uint8_t payload_type;
    bool marker;
};

struct rtp_sender {
    const struct rtp_payload_format *format;
    uint8_t payload_type;
    uint32_t clock_rate_hz;
    uint32_t ssrc;
    uint32_t timestamp_offset;
    char mid[RTP_MID_MAX_BYTES + 1];
    bool paused;
    size_t payload_max_bytes;
    size_t capacity;             /* of the history, a power of two */
    struct rtp_history_slot *slots; /* NULL until the first frame */
    uint8_t *bytes;              /* capacity times payload_max_bytes, in the same block */
    uint64_t queued, sent;       /* packets since the beginning; the low bits index the history */
    uint64_t ssrc_first;         /* the first packet of this SSRC */
    uint16_t first_sequence;     /* of packet 0 */
    uint64_t pace_us;            /* when the next packet may be due */
    struct rtp_payload_state payload_state;
    bool telephone_event;
    uint8_t telephone_event_payload_type;
    struct rtp_tone tone;
    bool tone_sent;              /* not told yet */
    uint32_t last_timestamp;     /* of the last frame, offset included, and its capture */
    uint64_t last_capture_us;
    bool key_frame_requested, ssrc_changed;
    uint64_t key_frame_event_us; /* of the last event; RTP_NEVER: none */
    bool has_fir;
    uint8_t fir_sequence;
    unsigned idle_reports;       /* reports since the last packet */
    bool report_pending;         /* of the round that is being written */
    struct rtp_sender_statistics statistics;
};

struct rtp_receiver {
    char mid[RTP_MID_MAX_BYTES + 1];
    struct rtp_payload_mapping payload_types[RTP_RECEIVER_PAYLOAD_TYPES_MAX];
    size_t payload_type_count;
    uint32_t ssrcs[RTP_RECEIVER_SSRCS_MAX]; /* signalled */
    size_t ssrc_count;
    bool video, paused, send_pli;
    uint32_t synchronisation_group;
    uint64_t delay_min_us, delay_max_us;
    bool has_source;
    bool source_stale; /* begins anew with its next packet: it was paused */
    bool source_left;  /* it said BYE */
    struct rtp_reception source;
    bool has_candidate;
    struct rtp_reception candidate; /* another SSRC on probation */
    struct rtp_jitter_buffer *buffer; /* NULL until the first packet */
    bool key_frame_requested; /* by the app */
    uint64_t pli_us;          /* when the last was sent; RTP_NEVER: none */
    bool bye;
    struct rtp_tone_receiver tones;
    bool report_pending; /* of the round that is being written */
    struct rtp_receiver_statistics statistics; /* packets_lost: of the sources before this one */
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
    bool report_due;    /* a round of reports begins with the next packet */
    bool report_open;   /* a round has begun, and some members still wait for their report */
    bool closed;
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

/* ---- sender.c -------------------------------------------------------------------------------------------------------- */

int rtp_sender_new(struct rtp_session *session, uint64_t now_us, const struct rtp_sender_config *config, struct rtp_sender **out);
void rtp_sender_free(struct rtp_session *session, struct rtp_sender *sender);
/* The next packet has another SSRC; BYE for the old one. */
void rtp_sender_change_ssrc(struct rtp_session *session, struct rtp_sender *sender);
int rtp_sender_update(struct rtp_session *session, struct rtp_sender *sender, const struct rtp_sender_config *config);
int rtp_sender_queue(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, const struct rtp_frame *frame);
int rtp_sender_start_tone(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, uint8_t event, uint8_t volume, uint32_t duration_ms);
/* Queues the packets of a tone that are due. */
void rtp_sender_queue_tone(struct rtp_sender *sender, uint64_t now_us);
uint32_t rtp_sender_timestamp(const struct rtp_sender *sender, uint64_t now_us); /* of an instant not before the last frame's capture */
uint64_t rtp_sender_due_us(const struct rtp_sender *sender); /* RTP_NEVER: nothing queued */
size_t rtp_sender_write(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, uint8_t *bytes, size_t capacity);

/* ---- receiver.c ------------------------------------------------------------------------------------------------------ */

int rtp_receiver_new(struct rtp_session *session, const struct rtp_receiver_config *config, struct rtp_receiver **out);
void rtp_receiver_free(struct rtp_session *session, struct rtp_receiver *receiver);
int rtp_receiver_update(struct rtp_receiver *receiver, const struct rtp_receiver_config *config);
const struct rtp_payload_mapping *rtp_receiver_mapping(const struct rtp_receiver *receiver, uint8_t payload_type);
bool rtp_receiver_knows(const struct rtp_receiver *receiver, uint32_t ssrc); /* received before: the source, or one on probation */
void rtp_receiver_signal(struct rtp_receiver *receiver, uint32_t ssrc);
void rtp_receiver_forget(struct rtp_receiver *receiver, uint32_t ssrc);
/* by_payload_type: nothing else says that the packet is its. */
int rtp_receiver_take(struct rtp_session *session, uint64_t now_us, struct rtp_receiver *receiver, const struct rtp_packet *packet,
                      size_t packet_bytes, bool by_payload_type);
uint64_t rtp_receiver_pli_us(const struct rtp_receiver *receiver); /* when a PLI is due; RTP_NEVER: none wanted */

/* ---- session_*.c ----------------------------------------------------------------------------------------------------- */

struct rtp_receiver *rtp_session_find_receiver(struct rtp_session *session, const struct rtp_packet *packet, bool *by_payload_type);
struct rtp_receiver *rtp_session_find_mid(const struct rtp_session *session, const uint8_t *mid, size_t length);
struct rtp_receiver *rtp_session_find_source(const struct rtp_session *session, uint32_t ssrc);
void rtp_session_queue_bye(struct rtp_session *session, uint32_t ssrc);
bool rtp_session_ssrc_known(const struct rtp_session *session, uint32_t ssrc);
void rtp_session_schedule_report(struct rtp_session *session, uint64_t now_us, bool first);
/* A frame of this audio is played now: whoever is in its group knows from that when its own are. */
void rtp_session_synchronise(struct rtp_session *session, uint64_t now_us, const struct rtp_receiver *audio, int64_t capture_ntp_us);
/* Nobody waits for anybody, until the next frame of audio is played. */
void rtp_session_end_synchronisation(struct rtp_session *session);
size_t rtp_session_write_control(struct rtp_session *session, uint64_t now_us, uint8_t *bytes, size_t capacity); /* 0: nothing due */

#endif
