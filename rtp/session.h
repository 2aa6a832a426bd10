/*
 * An RTP session over one BUNDLE (RFC 3550, RFC 8834, RFC 9143): its senders, its receivers, and the RTCP they share.
 *
 * Packets and time in, packets, frames and time out. All packets here are plaintext; only dtls/srtp.h makes them fit for a
 * socket. After every call that changes the session the caller drains rtp_session_poll_event, then rtp_session_poll_packet (frames
 * that are dropped may ask for a key frame), then reads rtp_session_next_timeout. Time is monotonic microseconds, never decreasing.
 *
 * Members come, change and go while packets fly: an answer in mid-call is a few calls of _update_, _add_ and _remove_.
 *
 * Memory follows need: a member costs some hundred bytes until its first frame or packet, which takes the memory for its packets, once.
 * After that nothing is allocated per packet.
 */
#ifndef RTP_SESSION_H
#define RTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtp/error.h"
#include "rtp/payload.h"
#include "rtp/statistics.h"
#include "rtp/telephone_event.h"

#define RTP_SENDERS_MAX 32
#define RTP_RECEIVERS_MAX 32
#define RTP_RECEIVER_PAYLOAD_TYPES_MAX 32
#define RTP_RECEIVER_SSRCS_MAX 16
#define RTP_CONTROL_MAX_BYTES 1200 /* of one compound packet: reports of many members travel in several */
#define RTP_MID_MAX_BYTES 16
#define RTP_CNAME_MAX_BYTES 64
#define RTP_RTCP_INTERVAL_DEFAULT_US 1000000u
#define RTP_MEMORY_BUDGET_DEFAULT_BYTES (128u * 1024u * 1024u)
#define RTP_SOURCE_SILENCE_US 500000u /* how long a source must be silent before one that only a payload type brings here replaces it */
#define RTP_SYNCHRONISATION_SILENCE_US 2000000u /* video does not wait for audio that has been silent for so long */
#define RTP_KEY_FRAME_REQUEST_INTERVAL_US 300000u /* at most one PLI, and at most one KEY_FRAME_REQUESTED, in this time */

/*
 * random          fills `out` with `length` random bytes; cryptographic in production, seeded in tests; required
 * allocator       NULL: malloc and free; copied
 * wall_clock_offset_us   Unix time in microseconds minus now_us: the NTP times of sender reports
 * cname           NULL: 96 random bits in base64 (RFC 7022 section 4.2); at most RTP_CNAME_MAX_BYTES; copied
 * mid_extension_id, abs_send_time_extension_id   1..14 as negotiated, 0: not used
 * rtcp_interval_us       mean time between reports, 0: the default. RFC 8834 section 4.1 allows less than 5 s
 * reduced_size_rtcp      a=rtcp-rsize was agreed: a PLI may travel alone (RFC 5506)
 */
struct rtp_session_config {
    void (*random)(void *context, uint8_t *out, size_t length);
    void *random_context;
    const struct rtp_allocator *allocator;
    size_t memory_budget_bytes; /* 0: RTP_MEMORY_BUDGET_DEFAULT_BYTES */
    int64_t wall_clock_offset_us;
    const char *cname;
    uint8_t mid_extension_id;
    uint8_t abs_send_time_extension_id;
    uint64_t rtcp_interval_us;
    bool reduced_size_rtcp;
};

struct rtp_session;
struct rtp_sender;
struct rtp_receiver;

/* NULL: an invalid configuration, or no memory. */
struct rtp_session *rtp_session_new(const struct rtp_session_config *config, uint64_t now_us);
void rtp_session_free(struct rtp_session *session); /* NULL allowed; frees its senders and receivers */
/* A later answer: takes mid_extension_id, abs_send_time_extension_id and reduced_size_rtcp; the rest of *config is not read. From the next
 * packet on, in both directions. RTP_OK, or RTP_ERROR_ARGUMENT (an id above 14). */
int rtp_session_update(struct rtp_session *session, const struct rtp_session_config *config);

/*
 * One outgoing stream.
 * codec, payload_type, clock_rate_hz  as negotiated; 0..127; 0: the codec's own rate
 * ssrc                  0: random
 * mid                   NUL-terminated, "" or NULL: none; copied
 * payload_max_bytes     most bytes of payload in one packet, descriptor included: RTP_PAYLOAD_MIN_BYTES to RTP_PAYLOAD_MAX_BYTES;
 *                       0: RTP_PAYLOAD_DEFAULT_BYTES
 * history_packets       power of two 16..4096: packets queued or kept for repair; 0: RTP_HISTORY_AUDIO_ / _VIDEO_PACKETS
 * telephone_event       tones may be sent (RFC 4733) as telephone_event_payload_type, whose clock rate is that of the audio
 * single_nal_unit       H264 with packetization-mode 0 (RFC 6184 section 6.2)
 * paused                sends nothing: rtp_session_send_frame answers RTP_ERROR_STATE
 */
struct rtp_sender_config {
    enum rtp_codec codec;
    uint8_t payload_type;
    uint32_t clock_rate_hz;
    uint32_t ssrc;
    const char *mid;
    size_t payload_max_bytes;
    size_t history_packets;
    bool telephone_event;
    uint8_t telephone_event_payload_type;
    bool single_nal_unit;
    bool paused;
};
#define RTP_PAYLOAD_DEFAULT_BYTES 1120 /* 1200 less header, extensions, SRTP tag and a TURN header */
#define RTP_HISTORY_AUDIO_PACKETS 128
#define RTP_HISTORY_VIDEO_PACKETS 1024
#define RTP_HISTORY_MIN_PACKETS 16
#define RTP_HISTORY_MAX_PACKETS 4096

/* RTP_OK and *out (owned by the session), RTP_ERROR_ARGUMENT, or RTP_ERROR_CAPACITY (RTP_SENDERS_MAX, or the budget). */
int rtp_session_add_sender(struct rtp_session *session, uint64_t now_us, const struct rtp_sender_config *config, struct rtp_sender **out);
/* Queues a BYE for it in the next RTCP packet and frees it; the pointer is dead. */
void rtp_session_remove_sender(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender);
/*
 * A later answer: takes codec, payload_type, clock_rate_hz, mid, telephone_event.., single_nal_unit and paused; the rest of *config is not read. Sequence numbers and
 * timestamps go on. What was queued before a pause is dropped; what was queued before another codec still leaves as it was cut.
 * Another clock rate is another SSRC: BYE for the old one, RTP_EVENT_SSRC_CHANGED, counters of the statistics from 0 (RFC 7160 section 4.1).
 * Video that is resumed, or has another codec, asks for a key frame: RTP_EVENT_KEY_FRAME_REQUESTED.
 * RTP_OK, or RTP_ERROR_ARGUMENT: a value out of range, or audio that would become video; nothing changed.
 */
int rtp_session_update_sender(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, const struct rtp_sender_config *config);
uint32_t rtp_sender_ssrc(const struct rtp_sender *sender);

/*
 * One incoming stream: one m= section's receiving side. Which packets are its is decided as in RFC 9143 section 9.2: by their MID, else by
 * an SSRC that it received before, else by one that was signalled, else by a payload type that no other receiver has. It follows one
 * SSRC at a time; a new one takes over after its probation (RFC 3550 appendix A.1), and, when only the payload type
 * brings it here, not before the old one was silent for RTP_SOURCE_SILENCE_US.
 * mid              as for the sender
 * payload_types    `payload_type_count` of 1..RTP_RECEIVER_PAYLOAD_TYPES_MAX; copied
 * ssrcs            `ssrc_count` of 0..RTP_RECEIVER_SSRCS_MAX from a=ssrc lines; copied
 * paused           takes its packets, so that nobody else does, and drops them
 * send_pli         a=rtcp-fb nack pli was agreed: loss of video asks for a key frame
 * delay_min_us, delay_max_us   bounds of the playout delay, of video the upper one; 0: the RTP_DELAY_..._US of jitter_buffer.h
 * synchronisation_group   video waits for the audio of its group (of several, for one that is heard), delay_max_us at most, as soon as sender
 *                  reports of both have come; 0: for none
 */
struct rtp_payload_mapping {
    uint8_t payload_type; /* 0..127 */
    enum rtp_codec codec;
    uint32_t clock_rate_hz; /* 0: the codec's own */
};
struct rtp_receiver_config {
    const char *mid;
    const struct rtp_payload_mapping *payload_types;
    size_t payload_type_count;
    const uint32_t *ssrcs;
    size_t ssrc_count;
    bool paused;
    bool send_pli;
    uint64_t delay_min_us;
    uint64_t delay_max_us;
    uint32_t synchronisation_group;
};
int rtp_session_add_receiver(struct rtp_session *session, uint64_t now_us, const struct rtp_receiver_config *config,
                             struct rtp_receiver **out);
/* Frees it; the pointer is dead, and its SSRCs are forgotten. */
void rtp_session_remove_receiver(struct rtp_session *session, struct rtp_receiver *receiver);
/*
 * A later answer: takes mid, payload_types, ssrcs, paused, send_pli and synchronisation_group; the delays are not read. What is in its buffer is still played, but
 * for a pause, which drops it. RTP_OK, or RTP_ERROR_ARGUMENT: a value out of range, or audio that would become video; nothing changed.
 */
int rtp_session_update_receiver(struct rtp_session *session, uint64_t now_us, struct rtp_receiver *receiver, const struct rtp_receiver_config *config);

/* Asks the remote side for a key frame (rate-limited). Does nothing before the first packet, or without send_pli. */
void rtp_session_request_key_frame(struct rtp_session *session, uint64_t now_us, struct rtp_receiver *receiver);

/*
 * A frame from the encoder. bytes: copied. timestamp: clock units counted from any start; the random offset of RFC 3550
 * section 5.1 is added here. capture_us: when it was captured, on now_us's clock, not after now_us; 0: now_us.
 * marker: audio only, the first packet of a talkspurt (RFC 3551 section 4.1); a video frame sets it by itself.
 */
struct rtp_frame {
    const uint8_t *bytes;
    size_t length;
    uint32_t timestamp;
    uint64_t capture_us;
    bool key_frame;
    bool marker;
};
/* RTP_OK; RTP_ERROR_ARGUMENT (empty, not a frame of the codec, or too big: rtp_packetizer_start); RTP_ERROR_CAPACITY (the queue is full: drop the frame, and
 * for video encode the next as a key frame; or no memory at the first); RTP_ERROR_STATE (paused, or after rtp_session_bye). */
int rtp_session_send_frame(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, const struct rtp_frame *frame);

/*
 * A tone in the place of some of the audio: packets of it leave every RTP_TONE_UPDATE_US; frames of audio may go on between them.
 * event, volume, duration_ms   as for rtp_tone_start (telephone_event.h)
 * RTP_OK, and RTP_EVENT_TONE_SENT at its end; RTP_ERROR_ARGUMENT; RTP_ERROR_STATE (telephone_event was not agreed, a tone is being sent, paused,
 * or after rtp_session_bye); RTP_ERROR_CAPACITY (no memory at the first).
 */
int rtp_session_send_tone(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, uint8_t event, uint8_t volume,
                          uint32_t duration_ms);

/* What came from the network, already unprotected. The bytes are only read. RTP_OK, or a peer-tier error: drop it. */
int rtp_session_handle_rtp(struct rtp_session *session, uint64_t now_us, const uint8_t *bytes, size_t length);
int rtp_session_handle_rtcp(struct rtp_session *session, uint64_t now_us, const uint8_t *bytes, size_t length);
void rtp_session_handle_timeout(struct rtp_session *session, uint64_t now_us);
uint64_t rtp_session_next_timeout(const struct rtp_session *session); /* UINT64_MAX: none */

/* Queues BYE for every sender; nothing is sent after it. */
void rtp_session_bye(struct rtp_session *session, uint64_t now_us);

enum rtp_packet_kind { RTP_PACKET_MEDIA, RTP_PACKET_CONTROL };
/* Writes the next packet that is due into `bytes` (capacity at least RTP_PACKET_MAX_BYTES, else false). */
bool rtp_session_poll_packet(struct rtp_session *session, uint64_t now_us, uint8_t *bytes, size_t capacity, size_t *length,
                             enum rtp_packet_kind *kind);

enum rtp_event_type {
    RTP_EVENT_FRAME,               /* receiver, frame */
    RTP_EVENT_KEY_FRAME_REQUESTED, /* sender: a PLI or FIR arrived (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1) */
    RTP_EVENT_SSRC_CHANGED,        /* sender: another SSRC, after a collision (RFC 3550 section 8.2) or with another clock rate */
    RTP_EVENT_BYE,                 /* receiver: its source left (RFC 3550 section 6.6) */
    RTP_EVENT_TONE,                /* receiver, tone: a key was pressed and released */
    RTP_EVENT_TONE_SENT            /* sender: the next may begin */
};
struct rtp_event {
    enum rtp_event_type type;
    struct rtp_sender *sender;
    struct rtp_receiver *receiver;
    struct rtp_received_frame frame;
    struct rtp_received_tone tone;
};
/* Frames come when their playout time has come: after handle_timeout or handle_rtp. Views are valid until the next call. */
bool rtp_session_poll_event(struct rtp_session *session, uint64_t now_us, struct rtp_event *out);

/* Read at any time. */
void rtp_sender_statistics(const struct rtp_sender *sender, struct rtp_sender_statistics *out);
void rtp_receiver_statistics(const struct rtp_receiver *receiver, struct rtp_receiver_statistics *out);
void rtp_session_statistics(const struct rtp_session *session, struct rtp_session_statistics *out);

#endif
