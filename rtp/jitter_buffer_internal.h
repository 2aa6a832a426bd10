/* What jitter_buffer.c, jitter_audio.c and jitter_video.c share. */
#ifndef RTP_JITTER_BUFFER_INTERNAL_H
#define RTP_JITTER_BUFFER_INTERNAL_H

#include "rtp/jitter_buffer.h"

struct rtp_jitter_slot {
    uint64_t extended; /* 0: empty; real ones are 65,437 or more */
    uint64_t arrival_us;
    int64_t media_us; /* the timestamp, unwrapped, in microseconds */
    uint32_t timestamp;
    enum rtp_codec codec;
    uint16_t length;
    enum rtp_frame_start frame_start;
    bool marker, key_frame, has_picture_id;
    uint16_t picture_id, picture_id_mask;
};

struct rtp_jitter_buffer {
    struct rtp_allocator allocator;
    bool video;
    uint64_t delay_min_us, delay_max_us;
    size_t capacity; /* a power of two */
    struct rtp_jitter_slot *slots;
    uint8_t *bytes;    /* capacity times RTP_PACKET_MAX_BYTES */
    uint8_t *assembly; /* video: as many again */
    bool started;      /* `next` is known */
    bool emitted;      /* something left the buffer, or was given up: what is before `next` is late */
    uint64_t next;     /* the first sequence number not handed up nor given up */
    uint64_t last;     /* the highest in the buffer */
    uint32_t lost;     /* since the last frame handed up */

    /* Audio: playout time = media time + least transit + target. */
    bool has_clock;
    uint32_t clock_rate_hz;
    uint32_t clock_timestamp;
    int64_t clock_units; /* clock_timestamp unwrapped */
    int64_t transit_least_us, transit_window_us; /* of the last window and this one; of this one alone */
    uint64_t window_end_us;
    uint64_t target_us;
    uint64_t least_us; /* the target without its lower bound */

    /* Video. */
    uint64_t scan; /* from `next` up to here all packets are present and belong to one frame */
    bool has_previous; /* the packet before `next` was there (or `next` is the very first): */
    bool previous_marker;
    uint32_t previous_timestamp;
    bool needs_key_frame, wants_key_frame;
    bool has_picture_id;
    uint16_t picture_id; /* of the last frame handed up */
    uint64_t hold_until_us; /* 0: no sound to wait for */
    int64_t hold_at_us;     /* when the frame of this timestamp is played */
    uint32_t hold_timestamp, hold_clock_rate_hz;
    uint64_t held_us;       /* the frame at `next` is whole, and waits until then; 0: it does not */
    bool held_is_key_frame;

    uint64_t discarded, duplicated, concealments, dropped, emitted_count, emitted_delay_us, emitted_target_us, emitted_least_us;
    uint64_t assembled, assembly_us; /* frames of several packets, and how long these took to come */
};

struct rtp_jitter_slot *rtp_jitter_slot_at(const struct rtp_jitter_buffer *buffer, uint64_t extended); /* NULL: not present */
uint8_t *rtp_jitter_slot_bytes(const struct rtp_jitter_buffer *buffer, uint64_t extended);
/* The first one present from `from` on; NULL when none. */
struct rtp_jitter_slot *rtp_jitter_first_from(const struct rtp_jitter_buffer *buffer, uint64_t from);
/* Empties the slots before `to`, which becomes `next`. */
void rtp_jitter_advance(struct rtp_jitter_buffer *buffer, uint64_t to);
void rtp_jitter_fill_frame(struct rtp_jitter_buffer *buffer, uint64_t now_us, const struct rtp_jitter_slot *slot,
                           struct rtp_received_frame *out);

void rtp_jitter_audio_arrival(struct rtp_jitter_buffer *buffer, uint64_t now_us, uint32_t clock_rate_hz, struct rtp_jitter_slot *slot);
bool rtp_jitter_audio_poll(struct rtp_jitter_buffer *buffer, uint64_t now_us, struct rtp_received_frame *out);
uint32_t rtp_jitter_audio_duration(enum rtp_codec codec, const uint8_t *bytes, size_t length); /* timestamp units, 0: unknown */
uint64_t rtp_jitter_audio_timeout(const struct rtp_jitter_buffer *buffer);
bool rtp_jitter_video_poll(struct rtp_jitter_buffer *buffer, uint64_t now_us, struct rtp_received_frame *out);
uint64_t rtp_jitter_video_timeout(const struct rtp_jitter_buffer *buffer);

#endif
