/* The jitter buffer's slots: a ring indexed by sequence number, in one block of memory. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rtp/jitter_buffer_internal.h"

static void *default_allocate(void *context, size_t bytes) {
    (void)context;
    return malloc(bytes);
}

static void default_release(void *context, void *memory) {
    (void)context;
    free(memory);
}

static size_t capacity_of(bool video) {
    return video ? RTP_JITTER_VIDEO_PACKETS : RTP_JITTER_AUDIO_PACKETS;
}

size_t rtp_jitter_buffer_bytes(bool video) {
    size_t packets = capacity_of(video);
    return sizeof(struct rtp_jitter_buffer) + packets * (sizeof(struct rtp_jitter_slot) + RTP_PACKET_MAX_BYTES * (video ? 2u : 1u));
}

struct rtp_jitter_buffer *rtp_jitter_buffer_new(bool video, uint64_t delay_min_us, uint64_t delay_max_us, const struct rtp_allocator *allocator) {
    struct rtp_allocator memory = {default_allocate, default_release, NULL};
    if (allocator != NULL) {
        memory = *allocator;
    }
    uint64_t least = delay_min_us == 0 ? RTP_DELAY_MIN_US : delay_min_us;
    uint64_t most = delay_max_us == 0 ? RTP_DELAY_MAX_US : delay_max_us;
    if (least > most) {
        return NULL;
    }
    struct rtp_jitter_buffer *buffer = memory.allocate(memory.context, rtp_jitter_buffer_bytes(video));
    if (buffer == NULL) {
        return NULL;
    }
    memset(buffer, 0, sizeof *buffer);
    buffer->allocator = memory;
    buffer->video = video;
    buffer->delay_min_us = least;
    buffer->delay_max_us = most;
    buffer->capacity = capacity_of(video);
    buffer->slots = (struct rtp_jitter_slot *)(buffer + 1);
    buffer->bytes = (uint8_t *)(buffer->slots + buffer->capacity);
    buffer->assembly = buffer->bytes + buffer->capacity * RTP_PACKET_MAX_BYTES;
    rtp_jitter_buffer_reset(buffer);
    return buffer;
}

void rtp_jitter_buffer_free(struct rtp_jitter_buffer *buffer) {
    if (buffer != NULL) {
        struct rtp_allocator memory = buffer->allocator;
        memory.release(memory.context, buffer);
    }
}

void rtp_jitter_buffer_reset(struct rtp_jitter_buffer *buffer) {
    memset(buffer->slots, 0, buffer->capacity * sizeof buffer->slots[0]);
    buffer->started = buffer->emitted = buffer->has_clock = buffer->has_picture_id = false;
    buffer->needs_key_frame = buffer->video;
    buffer->has_previous = buffer->previous_marker = true;
    buffer->wants_key_frame = false;
    buffer->hold_until_us = buffer->held_us = 0;
    buffer->lost = 0;
    uint64_t start = RTP_DELAY_START_US < buffer->delay_min_us ? buffer->delay_min_us : RTP_DELAY_START_US;
    buffer->least_us = 0;
    buffer->target_us = start > buffer->delay_max_us ? buffer->delay_max_us : start;
}

/* ---- slots ----------------------------------------------------------------------------------------------------------- */

static size_t index_of(const struct rtp_jitter_buffer *buffer, uint64_t extended) {
    return (size_t)(extended & (buffer->capacity - 1));
}

struct rtp_jitter_slot *rtp_jitter_slot_at(const struct rtp_jitter_buffer *buffer, uint64_t extended) {
    struct rtp_jitter_slot *slot = &buffer->slots[index_of(buffer, extended)];
    return slot->extended == extended ? slot : NULL;
}

uint8_t *rtp_jitter_slot_bytes(const struct rtp_jitter_buffer *buffer, uint64_t extended) {
    return buffer->bytes + index_of(buffer, extended) * RTP_PACKET_MAX_BYTES;
}

struct rtp_jitter_slot *rtp_jitter_first_from(const struct rtp_jitter_buffer *buffer, uint64_t from) {
    for (uint64_t at = from; buffer->started && at <= buffer->last; at++) {
        struct rtp_jitter_slot *slot = rtp_jitter_slot_at(buffer, at);
        if (slot != NULL) {
            return slot;
        }
    }
    return NULL;
}

void rtp_jitter_advance(struct rtp_jitter_buffer *buffer, uint64_t to) {
    assert(to >= buffer->next);
    const struct rtp_jitter_slot *previous = to == buffer->next ? NULL : rtp_jitter_slot_at(buffer, to - 1);
    buffer->has_previous = previous != NULL;
    if (previous != NULL) {
        /* Padding of its own is sent between frames. */
        buffer->previous_marker = previous->marker || previous->length == 0;
        buffer->previous_timestamp = previous->timestamp;
    }
    uint64_t end = to - buffer->next > buffer->capacity ? buffer->next + buffer->capacity : to;
    for (uint64_t at = buffer->next; at < end; at++) {
        struct rtp_jitter_slot *slot = rtp_jitter_slot_at(buffer, at);
        if (slot != NULL) {
            slot->extended = 0;
        }
    }
    buffer->next = buffer->scan = to;
    buffer->held_us = 0;
    buffer->emitted = true;
}

/* Beyond the ring: what is in it is given up, and the sequence goes on here. */
static void overflow(struct rtp_jitter_buffer *buffer, uint64_t extended) {
    for (uint64_t at = buffer->next; at <= buffer->last; at++) {
        buffer->discarded += rtp_jitter_slot_at(buffer, at) != NULL;
    }
    uint64_t given_up = extended - buffer->next;
    buffer->lost += given_up > UINT32_MAX - buffer->lost ? UINT32_MAX - buffer->lost : (uint32_t)given_up;
    rtp_jitter_advance(buffer, extended);
    if (buffer->video) {
        buffer->needs_key_frame = buffer->wants_key_frame = true;
        buffer->dropped++;
    }
}

/* Makes `extended` lie within the window. False when its time has passed. */
static bool make_room(struct rtp_jitter_buffer *buffer, uint64_t extended) {
    if (!buffer->started) {
        buffer->started = true;
        buffer->next = buffer->scan = buffer->last = extended;
    } else if (extended < buffer->next) {
        /* The very first packets may come in any order. */
        if (buffer->emitted || buffer->last - extended >= buffer->capacity) {
            return false;
        }
        buffer->next = buffer->scan = extended;
    } else if (extended - buffer->next >= buffer->capacity) {
        overflow(buffer, extended);
    }
    buffer->last = extended > buffer->last ? extended : buffer->last;
    return true;
}

int rtp_jitter_buffer_insert(struct rtp_jitter_buffer *buffer, uint64_t now_us, uint64_t extended, enum rtp_codec codec,
                             uint32_t clock_rate_hz, const struct rtp_packet *packet, const struct rtp_payload *payload) {
    if (payload->length > RTP_PACKET_MAX_BYTES) {
        buffer->discarded++;
        return RTP_ERROR_CAPACITY;
    }
    if (!make_room(buffer, extended)) {
        buffer->discarded++;
        return RTP_ERROR_STALE;
    }
    struct rtp_jitter_slot *slot = &buffer->slots[index_of(buffer, extended)];
    if (slot->extended == extended) {
        buffer->duplicated++;
        return RTP_ERROR_STALE;
    }
    *slot = (struct rtp_jitter_slot){
        .extended = extended,
        .arrival_us = now_us,
        .timestamp = packet->timestamp,
        .codec = codec,
        .length = (uint16_t)payload->length,
        .marker = packet->marker,
        .frame_start = payload->frame_start,
        .key_frame = payload->key_frame,
        .has_picture_id = payload->has_picture_id,
        .picture_id = payload->picture_id,
        .picture_id_mask = payload->picture_id_mask,
    };
    if (payload->length > 0) {
        memcpy(rtp_jitter_slot_bytes(buffer, extended), payload->bytes, payload->length);
    }
    if (!buffer->video) {
        rtp_jitter_audio_arrival(buffer, now_us, clock_rate_hz, slot);
    }
    return RTP_OK;
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

void rtp_jitter_fill_frame(struct rtp_jitter_buffer *buffer, uint64_t now_us, const struct rtp_jitter_slot *slot,
                           struct rtp_received_frame *out) {
    *out = (struct rtp_received_frame){
        .codec = slot->codec,
        .timestamp = slot->timestamp,
        .key_frame = slot->key_frame,
        .marker = slot->marker,
        .receive_us = slot->arrival_us,
        .lost_before = buffer->lost,
    };
    buffer->lost = 0;
    if (buffer->video) {
        return; /* it is counted where the arrival of its packets is known */
    }
    /* W3C webrtc-stats, jitterBufferDelay: audio counts by the sample. */
    out->duration = rtp_jitter_audio_duration(slot->codec, rtp_jitter_slot_bytes(buffer, slot->extended), slot->length);
    buffer->emitted_count += out->duration;
    buffer->emitted_delay_us += out->duration * (now_us - slot->arrival_us);
    buffer->emitted_target_us += out->duration * buffer->target_us;
    buffer->emitted_least_us += out->duration * buffer->least_us;
}

bool rtp_jitter_buffer_poll(struct rtp_jitter_buffer *buffer, uint64_t now_us, struct rtp_received_frame *out) {
    return buffer->video ? rtp_jitter_video_poll(buffer, now_us, out) : rtp_jitter_audio_poll(buffer, now_us, out);
}

uint64_t rtp_jitter_buffer_next_timeout(const struct rtp_jitter_buffer *buffer) {
    return buffer->video ? rtp_jitter_video_timeout(buffer) : rtp_jitter_audio_timeout(buffer);
}

bool rtp_jitter_buffer_holds_key_frame(const struct rtp_jitter_buffer *buffer) {
    return buffer->held_us != 0 && buffer->held_is_key_frame;
}

bool rtp_jitter_buffer_wants_key_frame(const struct rtp_jitter_buffer *buffer) {
    return buffer->wants_key_frame && !rtp_jitter_buffer_holds_key_frame(buffer);
}

void rtp_jitter_buffer_statistics(const struct rtp_jitter_buffer *buffer, struct rtp_receiver_statistics *out) {
    out->packets_discarded += buffer->discarded;
    out->packets_duplicated += buffer->duplicated;
    out->concealment_events = buffer->concealments;
    out->frames_dropped = buffer->dropped;
    out->frames_assembled_from_multiple_packets = buffer->assembled;
    out->total_assembly_time_us = buffer->assembly_us;
    out->target_delay_us = buffer->video ? 0 : buffer->target_us;
    out->jitter_buffer_target_delay_us = buffer->emitted_target_us;
    out->jitter_buffer_minimum_delay_us = buffer->emitted_least_us;
    out->jitter_buffer_emitted_count = buffer->emitted_count;
    out->jitter_buffer_delay_us = buffer->emitted_delay_us;
}
