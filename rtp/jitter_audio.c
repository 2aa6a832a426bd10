/*
 * Playout of audio: a packet leaves at its media time, plus the least transit seen, plus a target delay that follows the jitter:
 * up at once when a packet comes later than it, down slowly.
 */
#include "rtp/jitter_buffer_internal.h"

#define TRANSIT_WINDOW_US 5000000u   /* the least transit is that of the last one to two windows: it follows clock drift */
#define TRANSIT_JUMP_US 2000000      /* beyond this the sender's timestamps have jumped, not the network */
#define TARGET_HEADROOM_US 5000u     /* above the latest packet */
#define TARGET_DECAY_SHIFT 10        /* per packet: at 50 packets a second a peak halves in 14 s */

/* Timestamps in 64 bits, by the distance from the one before: reordering and wrap are the same thing. */
static int64_t unwrap(struct rtp_jitter_buffer *buffer, uint32_t timestamp) {
    int64_t units = buffer->has_clock ? buffer->clock_units + (int32_t)(timestamp - buffer->clock_timestamp) : (int64_t)timestamp;
    buffer->clock_timestamp = timestamp;
    buffer->clock_units = units;
    return units;
}

static void restart_clock(struct rtp_jitter_buffer *buffer, uint64_t now_us, int64_t transit_us) {
    buffer->has_clock = true;
    buffer->transit_least_us = buffer->transit_window_us = transit_us;
    buffer->window_end_us = now_us + TRANSIT_WINDOW_US;
}

void rtp_jitter_audio_arrival(struct rtp_jitter_buffer *buffer, uint64_t now_us, uint32_t clock_rate_hz, struct rtp_jitter_slot *slot) {
    if (slot->length == 0) {
        /* Padding, or a telephone event, whose timestamp is not its own time: it tells nothing of the network, and waits for nothing. */
        slot->media_us = (int64_t)now_us - (buffer->has_clock ? buffer->transit_least_us : 0);
        return;
    }
    /* RFC 7160 section 4.3: timestamps of another clock rate are another clock. */
    buffer->has_clock = buffer->has_clock && buffer->clock_rate_hz == clock_rate_hz;
    buffer->clock_rate_hz = clock_rate_hz;
    int64_t units = unwrap(buffer, slot->timestamp);
    slot->media_us = units / clock_rate_hz * 1000000 + units % clock_rate_hz * 1000000 / clock_rate_hz;
    int64_t transit_us = (int64_t)now_us - slot->media_us;
    int64_t above = transit_us - buffer->transit_least_us;
    if (!buffer->has_clock || above > TRANSIT_JUMP_US || above < -TRANSIT_JUMP_US) {
        restart_clock(buffer, now_us, transit_us);
        return;
    }
    if (now_us >= buffer->window_end_us) {
        buffer->transit_least_us = buffer->transit_window_us;
        buffer->transit_window_us = transit_us;
        buffer->window_end_us = now_us + TRANSIT_WINDOW_US;
    }
    buffer->transit_window_us = transit_us < buffer->transit_window_us ? transit_us : buffer->transit_window_us;
    buffer->transit_least_us = transit_us < buffer->transit_least_us ? transit_us : buffer->transit_least_us;
    uint64_t wanted = (uint64_t)(transit_us - buffer->transit_least_us) + TARGET_HEADROOM_US;
    wanted = wanted < buffer->delay_min_us ? buffer->delay_min_us : wanted;
    wanted = wanted > buffer->delay_max_us ? buffer->delay_max_us : wanted;
    if (wanted > buffer->target_us) {
        buffer->target_us = wanted;
    } else {
        buffer->target_us -= (buffer->target_us - wanted) >> TARGET_DECAY_SHIFT;
    }
}

static uint64_t playout_us(const struct rtp_jitter_buffer *buffer, const struct rtp_jitter_slot *slot) {
    int64_t at = slot->media_us + buffer->transit_least_us + (int64_t)buffer->target_us;
    /* Never more than the longest delay after it came: a jump of the timestamps must not hold it. */
    int64_t latest = (int64_t)(slot->arrival_us + buffer->delay_max_us);
    at = at > latest ? latest : at;
    return at < 0 ? 0 : (uint64_t)at;
}

/* When it leaves: at its playout time; at once, when nothing of it is played and nothing before it is missing. */
static uint64_t due_us(const struct rtp_jitter_buffer *buffer, const struct rtp_jitter_slot *slot) {
    return slot->length == 0 && slot->extended == buffer->next ? 0 : playout_us(buffer, slot);
}

bool rtp_jitter_audio_poll(struct rtp_jitter_buffer *buffer, uint64_t now_us, struct rtp_received_frame *out) {
    for (;;) {
        const struct rtp_jitter_slot *slot = rtp_jitter_first_from(buffer, buffer->next);
        if (slot == NULL || due_us(buffer, slot) > now_us) {
            return false;
        }
        uint64_t missing = slot->extended - buffer->next;
        buffer->lost += (uint32_t)missing;
        uint64_t extended = slot->extended;
        if (slot->length > 0) {
            buffer->concealments += buffer->lost > 0;
            rtp_jitter_fill_frame(buffer, now_us, slot, out);
            out->bytes = rtp_jitter_slot_bytes(buffer, extended);
            out->length = slot->length;
            rtp_jitter_advance(buffer, extended + 1);
            return true;
        }
        rtp_jitter_advance(buffer, extended + 1);
    }
}

uint64_t rtp_jitter_audio_timeout(const struct rtp_jitter_buffer *buffer) {
    const struct rtp_jitter_slot *slot = rtp_jitter_first_from(buffer, buffer->next);
    return slot == NULL ? UINT64_MAX : due_us(buffer, slot);
}
