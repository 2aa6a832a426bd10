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

/* Up at once, down slowly. */
static uint64_t follow(uint64_t target_us, uint64_t wanted_us) {
    return wanted_us > target_us ? wanted_us : target_us - ((target_us - wanted_us) >> TARGET_DECAY_SHIFT);
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
    buffer->least_us = follow(buffer->least_us, wanted > buffer->delay_max_us ? buffer->delay_max_us : wanted);
    wanted = wanted < buffer->delay_min_us ? buffer->delay_min_us : wanted;
    wanted = wanted > buffer->delay_max_us ? buffer->delay_max_us : wanted;
    buffer->target_us = follow(buffer->target_us, wanted);
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

/* RFC 6716 section 3.1: how long a frame of each configuration of the TOC byte is, in units of 48,000 Hz; the low two bits count frames. */
static uint32_t opus_duration(const uint8_t *bytes, size_t length) {
    static const uint16_t silk[] = {480, 960, 1920, 2880}, hybrid[] = {480, 960}, celt[] = {120, 240, 480, 960};
    unsigned configuration = bytes[0] >> 3, code = bytes[0] & 3u;
    uint32_t frame = configuration < 12   ? silk[configuration & 3]
                     : configuration < 16 ? hybrid[configuration & 1]
                                          : celt[configuration & 3];
    uint32_t frames = code == 0 ? 1 : code < 3 ? 2 : length > 1 ? bytes[1] & 0x3Fu : 0;
    return frame * frames;
}

uint32_t rtp_jitter_audio_duration(enum rtp_codec codec, const uint8_t *bytes, size_t length) {
    /* RFC 3551 section 4.5.14: a byte of G.711 is a sample. */
    return codec == RTP_CODEC_OPUS ? opus_duration(bytes, length) : codec == RTP_CODEC_PCMU || codec == RTP_CODEC_PCMA ? (uint32_t)length : 0;
}
