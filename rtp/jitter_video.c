/*
 * Video: a frame is whole when its packets, from the one that starts it to the one with the marker, are all there. What a missing packet
 * leaves is not decodable, nor is what follows, until a key frame.
 */
#include <string.h>

#include "rtp/jitter_buffer_internal.h"

enum scan_result { SCAN_WHOLE, SCAN_GAP, SCAN_BROKEN };

/*
 * Looks at the packets from `next` on. WHOLE: *end is behind the frame's last packet. GAP: *end is the first one missing.
 * BROKEN: what is before *end can never be a frame.
 */
static enum scan_result scan_frame(struct rtp_jitter_buffer *buffer, uint64_t *end) {
    const struct rtp_jitter_slot *first = rtp_jitter_slot_at(buffer, buffer->next);
    if (first == NULL) {
        *end = buffer->next;
        return SCAN_GAP;
    }
    if (!first->frame_start) {
        *end = buffer->next + 1;
        return SCAN_BROKEN;
    }
    uint64_t at = buffer->scan > buffer->next ? buffer->scan : buffer->next;
    for (;; at++) {
        const struct rtp_jitter_slot *slot = at <= buffer->last ? rtp_jitter_slot_at(buffer, at) : NULL;
        buffer->scan = *end = at;
        if (slot == NULL) {
            return SCAN_GAP;
        }
        /* RFC 3550 section 5.1: the packets of a frame share their timestamp; another one begins the next frame, marker or not. */
        if (slot->timestamp != first->timestamp) {
            return SCAN_WHOLE;
        }
        if (slot->frame_start && at != buffer->next) {
            return SCAN_BROKEN;
        }
        /* RFC 7741 section 4.1, MUST: the marker is on the last packet of a frame. */
        if (slot->marker) {
            *end = at + 1;
            return SCAN_WHOLE;
        }
    }
}

static void lose(struct rtp_jitter_buffer *buffer) {
    buffer->needs_key_frame = buffer->wants_key_frame = true;
    buffer->dropped++;
    buffer->lost++;
}

/* When a gap that begins at `missing` is given up: some time after the packet behind it came. */
static uint64_t gap_deadline_us(const struct rtp_jitter_buffer *buffer, const struct rtp_jitter_slot *behind) {
    (void)buffer;
    return behind == NULL ? UINT64_MAX : behind->arrival_us + RTP_VIDEO_HOLD_US;
}

/* Until anything was handed up, the first packet to come may be the second that was sent: how long the one before it may take. 0: not at all. */
static uint64_t start_deadline_us(const struct rtp_jitter_buffer *buffer) {
    const struct rtp_jitter_slot *first = rtp_jitter_slot_at(buffer, buffer->next);
    return buffer->emitted || first == NULL || first->frame_start ? 0 : first->arrival_us + RTP_VIDEO_HOLD_US;
}

/* RFC 7741 section 4.2: picture ids count frames; when they show that no frame is missing, only padding was lost. */
static bool continues(const struct rtp_jitter_buffer *buffer, const struct rtp_jitter_slot *slot) {
    return slot->frame_start && slot->has_picture_id && buffer->has_picture_id &&
           slot->picture_id == ((buffer->picture_id + 1) & slot->picture_id_mask);
}

/* Gives up the gap at `missing`, when its time has come. */
static bool pass_gap(struct rtp_jitter_buffer *buffer, uint64_t now_us, uint64_t missing) {
    const struct rtp_jitter_slot *behind = rtp_jitter_first_from(buffer, missing);
    if (now_us < gap_deadline_us(buffer, behind)) {
        return false;
    }
    if (missing != buffer->next || buffer->needs_key_frame || !continues(buffer, behind)) {
        lose(buffer);
    }
    rtp_jitter_advance(buffer, behind->extended);
    return true;
}

static void assemble(struct rtp_jitter_buffer *buffer, uint64_t now_us, uint64_t end, struct rtp_received_frame *out) {
    const struct rtp_jitter_slot *first = rtp_jitter_slot_at(buffer, buffer->next);
    rtp_jitter_fill_frame(buffer, now_us, first, out);
    buffer->has_picture_id = first->has_picture_id;
    buffer->picture_id = first->picture_id;
    size_t length = 0;
    for (uint64_t at = buffer->next; at < end; at++) {
        const struct rtp_jitter_slot *slot = rtp_jitter_slot_at(buffer, at);
        memcpy(buffer->assembly + length, rtp_jitter_slot_bytes(buffer, at), slot->length);
        length += slot->length;
        out->receive_us = slot->arrival_us > out->receive_us ? slot->arrival_us : out->receive_us;
        out->marker = slot->marker;
    }
    out->bytes = buffer->assembly;
    out->length = length;
    rtp_jitter_advance(buffer, end);
}

/* Padding-only packets between frames just take their place in the sequence. */
static void skip_padding(struct rtp_jitter_buffer *buffer) {
    const struct rtp_jitter_slot *slot;
    while (buffer->started && (slot = rtp_jitter_slot_at(buffer, buffer->next)) != NULL && slot->length == 0) {
        rtp_jitter_advance(buffer, buffer->next + 1);
    }
}

bool rtp_jitter_video_poll(struct rtp_jitter_buffer *buffer, uint64_t now_us, struct rtp_received_frame *out) {
    while (buffer->started) {
        uint64_t end;
        skip_padding(buffer);
        switch (scan_frame(buffer, &end)) {
        case SCAN_GAP:
            if (!pass_gap(buffer, now_us, end)) {
                return false;
            }
            break;
        case SCAN_BROKEN:
            if (now_us < start_deadline_us(buffer)) {
                return false;
            }
            lose(buffer);
            rtp_jitter_advance(buffer, end);
            break;
        case SCAN_WHOLE:
            if (buffer->needs_key_frame && !rtp_jitter_slot_at(buffer, buffer->next)->key_frame) {
                lose(buffer);
                rtp_jitter_advance(buffer, end);
                break;
            }
            buffer->needs_key_frame = buffer->wants_key_frame = false;
            assemble(buffer, now_us, end, out);
            return true;
        }
    }
    return false;
}

uint64_t rtp_jitter_video_timeout(const struct rtp_jitter_buffer *buffer) {
    if (!buffer->started) {
        return UINT64_MAX;
    }
    if (start_deadline_us(buffer) != 0) {
        return start_deadline_us(buffer);
    }
    uint64_t missing = buffer->scan > buffer->next ? buffer->scan : buffer->next;
    while (missing <= buffer->last && rtp_jitter_slot_at(buffer, missing) != NULL) {
        missing++;
    }
    return gap_deadline_us(buffer, rtp_jitter_first_from(buffer, missing));
}
