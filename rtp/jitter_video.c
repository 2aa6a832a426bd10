/*
 * Video: a frame is whole when its packets, from the one that starts it to the one with the marker, are all there. What a missing packet
 * leaves is not decodable, nor is what follows, until a key frame. A whole frame leaves at once, or with its sound.
 */
#include <string.h>

#include "rtp/jitter_buffer_internal.h"

enum scan_result { SCAN_WHOLE, SCAN_GAP, SCAN_BROKEN };

/*
 * Whether a frame begins with the packet at `next`. RFC 6184 section 5.1 and the AV1 payload format section 4.2: where the payload does
 * not say so, the packet before it had the marker or another timestamp.
 */
static bool begins_frame(const struct rtp_jitter_buffer *buffer, const struct rtp_jitter_slot *first) {
    bool after_another = buffer->has_previous && (buffer->previous_marker || buffer->previous_timestamp != first->timestamp);
    return first->frame_start == RTP_FRAME_START_YES || (first->frame_start == RTP_FRAME_START_MAYBE && after_another);
}

/* Where the packets end that are there and were sent with the one at `next`. */
static uint64_t end_of_remains(const struct rtp_jitter_buffer *buffer, const struct rtp_jitter_slot *first) {
    const struct rtp_jitter_slot *slot = first;
    uint64_t at = buffer->next;
    do {
        at++;
        if (slot->marker) {
            break;
        }
        slot = at <= buffer->last ? rtp_jitter_slot_at(buffer, at) : NULL;
    } while (slot != NULL && slot->timestamp == first->timestamp && slot->frame_start != RTP_FRAME_START_YES);
    return at;
}

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
    if (!begins_frame(buffer, first)) {
        *end = end_of_remains(buffer, first);
        return SCAN_BROKEN;
    }
    bool single_start = rtp_payload_format(first->codec)->single_start;
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
        if (at != buffer->next && (slot->codec != first->codec || (single_start && slot->frame_start == RTP_FRAME_START_YES))) {
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
static uint64_t gap_deadline_us(const struct rtp_jitter_slot *behind) {
    return behind == NULL ? UINT64_MAX : behind->arrival_us + RTP_VIDEO_HOLD_US;
}

/* Until anything was handed up, the first packet to come may be the second that was sent: how long the one before it may take. 0: not at all. */
static uint64_t start_deadline_us(const struct rtp_jitter_buffer *buffer) {
    const struct rtp_jitter_slot *first = rtp_jitter_slot_at(buffer, buffer->next);
    return buffer->emitted || first == NULL || first->frame_start == RTP_FRAME_START_YES ? 0 : first->arrival_us + RTP_VIDEO_HOLD_US;
}

/* False while the packet before the first may still come. */
static bool settle_start(struct rtp_jitter_buffer *buffer, uint64_t now_us) {
    uint64_t deadline_us = start_deadline_us(buffer);
    if (deadline_us == 0) {
        return true;
    }
    buffer->emitted = now_us >= deadline_us;
    return buffer->emitted;
}

/* RFC 7741 section 4.2 and RFC 9628 section 4.2: picture ids count frames; when they show that no frame is missing, only padding was lost. */
static bool continues(const struct rtp_jitter_buffer *buffer, const struct rtp_jitter_slot *slot) {
    return slot->frame_start == RTP_FRAME_START_YES && slot->has_picture_id && buffer->has_picture_id &&
           slot->picture_id == ((buffer->picture_id + 1) & slot->picture_id_mask);
}

/* Whether what is behind a gap is the rest of the frame that lost a packet there: it will be dropped as such, and counted then. */
static bool is_rest(const struct rtp_jitter_buffer *buffer, const struct rtp_jitter_slot *behind) {
    const struct rtp_jitter_slot *first = rtp_jitter_slot_at(buffer, buffer->next);
    return behind->length > 0 && behind->frame_start != RTP_FRAME_START_YES && (first == NULL || first->timestamp == behind->timestamp);
}

/* Gives up the gap at `missing`, when its time has come. */
static bool pass_gap(struct rtp_jitter_buffer *buffer, uint64_t now_us, uint64_t missing) {
    const struct rtp_jitter_slot *behind = rtp_jitter_first_from(buffer, missing);
    if (now_us < gap_deadline_us(behind)) {
        return false;
    }
    bool only_padding = missing == buffer->next && !buffer->needs_key_frame && continues(buffer, behind);
    if (!only_padding && !is_rest(buffer, behind)) {
        lose(buffer);
    }
    rtp_jitter_advance(buffer, behind->extended);
    return true;
}

static bool has_key_frame(const struct rtp_jitter_buffer *buffer, uint64_t end) {
    for (uint64_t at = buffer->next; at < end; at++) {
        if (rtp_jitter_slot_at(buffer, at)->key_frame) {
            return true;
        }
    }
    return false;
}

/* ---- in step with sound ---------------------------------------------------------------------------------------------- */

void rtp_jitter_buffer_hold(struct rtp_jitter_buffer *buffer, uint32_t timestamp, int64_t at_us, uint32_t clock_rate_hz, uint64_t until_us) {
    buffer->hold_timestamp = timestamp;
    buffer->hold_at_us = at_us;
    buffer->hold_clock_rate_hz = clock_rate_hz;
    buffer->hold_until_us = until_us;
}

void rtp_jitter_buffer_release(struct rtp_jitter_buffer *buffer) {
    buffer->hold_until_us = 0;
}

/* When the frame that begins with `first` is to leave; 0: as soon as it is whole. */
static uint64_t due_us(const struct rtp_jitter_buffer *buffer, const struct rtp_jitter_slot *first) {
    if (buffer->hold_until_us == 0 || buffer->last - buffer->next >= buffer->capacity / 2) {
        return 0;
    }
    int64_t distance = (int32_t)(first->timestamp - buffer->hold_timestamp);
    int64_t at_us = buffer->hold_at_us + distance * 1000000 / buffer->hold_clock_rate_hz;
    int64_t latest_us = (int64_t)(first->arrival_us + buffer->delay_max_us);
    if (at_us < 0 || at_us > latest_us + (int64_t)buffer->delay_max_us) {
        return 0;
    }
    uint64_t at_most_us = (uint64_t)(at_us < latest_us ? at_us : latest_us);
    return at_most_us < buffer->hold_until_us ? at_most_us : buffer->hold_until_us;
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

/* Joins the packets before `end`. False: their payloads do not make a frame. */
static bool join(const struct rtp_jitter_buffer *buffer, uint64_t end, struct rtp_assembly *assembly) {
    const struct rtp_payload_format *format = rtp_payload_format(rtp_jitter_slot_at(buffer, buffer->next)->codec);
    for (uint64_t at = buffer->next; at < end; at++) {
        size_t length = rtp_jitter_slot_at(buffer, at)->length;
        if (length > 0 && format->append(assembly, rtp_jitter_slot_bytes(buffer, at), length) != RTP_OK) {
            return false;
        }
    }
    return assembly->length > 0 && !assembly->unit_open;
}

/* Hands up the frame before `end` when it can be decoded, otherwise it is lost; or leaves it, when it waits for its sound. */
static bool hand_up(struct rtp_jitter_buffer *buffer, uint64_t now_us, uint64_t end, struct rtp_received_frame *out) {
    const struct rtp_jitter_slot *first = rtp_jitter_slot_at(buffer, buffer->next);
    const struct rtp_jitter_slot *last = rtp_jitter_slot_at(buffer, end - 1);
    struct rtp_assembly assembly = {.bytes = buffer->assembly, .capacity = buffer->capacity * RTP_PACKET_MAX_BYTES};
    bool key_frame = has_key_frame(buffer, end), is_decodable = key_frame || !buffer->needs_key_frame;
    uint64_t playout_us = due_us(buffer, first);
    if (is_decodable && playout_us > now_us) {
        buffer->held_us = playout_us;
        buffer->held_is_key_frame = key_frame;
        return false;
    }
    if (!is_decodable || !join(buffer, end, &assembly)) {
        lose(buffer);
        rtp_jitter_advance(buffer, end);
        return false;
    }
    buffer->needs_key_frame = buffer->wants_key_frame = false;
    rtp_jitter_fill_frame(buffer, now_us, first, out);
    out->bytes = assembly.bytes;
    out->length = assembly.length;
    out->key_frame = key_frame;
    out->marker = last->marker;
    uint64_t earliest_us = first->arrival_us;
    for (uint64_t at = buffer->next; at < end; at++) {
        uint64_t arrival_us = rtp_jitter_slot_at(buffer, at)->arrival_us;
        out->receive_us = arrival_us > out->receive_us ? arrival_us : out->receive_us;
        earliest_us = arrival_us < earliest_us ? arrival_us : earliest_us;
    }
    /* W3C webrtc-stats, jitterBufferDelay: from the first packet that came. Waiting for sound is part of it and of the target, not of the minimum. */
    buffer->emitted_count++;
    buffer->emitted_delay_us += now_us - earliest_us;
    buffer->emitted_target_us += playout_us > earliest_us ? playout_us - earliest_us : 0;
    buffer->assembled += end - buffer->next > 1;
    buffer->assembly_us += out->receive_us - earliest_us;
    buffer->has_picture_id = first->has_picture_id;
    buffer->picture_id = first->picture_id;
    rtp_jitter_advance(buffer, end);
    return true;
}

/* Padding-only packets between frames just take their place in the sequence. */
static void skip_padding(struct rtp_jitter_buffer *buffer) {
    const struct rtp_jitter_slot *slot;
    while (buffer->started && (slot = rtp_jitter_slot_at(buffer, buffer->next)) != NULL && slot->length == 0) {
        rtp_jitter_advance(buffer, buffer->next + 1);
    }
}

bool rtp_jitter_video_poll(struct rtp_jitter_buffer *buffer, uint64_t now_us, struct rtp_received_frame *out) {
    buffer->held_us = 0;
    while (buffer->started && buffer->held_us == 0) {
        uint64_t end;
        skip_padding(buffer);
        if (!settle_start(buffer, now_us)) {
            return false;
        }
        switch (scan_frame(buffer, &end)) {
        case SCAN_GAP:
            if (!pass_gap(buffer, now_us, end)) {
                return false;
            }
            break;
        case SCAN_BROKEN:
            lose(buffer);
            rtp_jitter_advance(buffer, end);
            break;
        case SCAN_WHOLE:
            if (hand_up(buffer, now_us, end, out)) {
                return true;
            }
            break;
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
    if (buffer->held_us != 0) {
        return buffer->held_us;
    }
    uint64_t missing = buffer->scan > buffer->next ? buffer->scan : buffer->next;
    while (missing <= buffer->last && rtp_jitter_slot_at(buffer, missing) != NULL) {
        missing++;
    }
    return gap_deadline_us(rtp_jitter_first_from(buffer, missing));
}
