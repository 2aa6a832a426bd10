/* RFC 4733: the payload, a tone being sent, and tones being received. The picture is in telephone_event.h. */
#include "rtp/telephone_event.h"

#include <string.h>

#include "rtp/bytes_internal.h"

#define EVENT_END 0x80u
#define EVENT_VOLUME 0x3Fu
#define NEVER UINT64_MAX

static const char keys[] = "0123456789*#ABCDR";

size_t rtp_telephone_event_count(size_t length) {
    return length % RTP_TELEPHONE_EVENT_BYTES == 0 ? length / RTP_TELEPHONE_EVENT_BYTES : 0;
}

void rtp_telephone_event_read(const uint8_t *bytes, size_t index, struct rtp_telephone_event *out) {
    const uint8_t *at = bytes + index * RTP_TELEPHONE_EVENT_BYTES;
    /* RFC 4733 section 2.3.3, MUST: the receiver ignores R. */
    *out = (struct rtp_telephone_event){at[0], (at[1] & EVENT_END) != 0, at[1] & EVENT_VOLUME, rtp_load_u16(at + 2)};
}

void rtp_telephone_event_write(const struct rtp_telephone_event *event, uint8_t bytes[RTP_TELEPHONE_EVENT_BYTES]) {
    bytes[0] = event->event;
    bytes[1] = (uint8_t)((event->end ? EVENT_END : 0) | (event->volume & EVENT_VOLUME));
    rtp_store_u16(bytes + 2, event->duration);
}

bool rtp_telephone_event_of_key(char key, uint8_t *event) {
    char upper = key >= 'a' && key <= 'z' ? (char)(key - 'a' + 'A') : key;
    const char *found = upper == '\0' ? NULL : strchr(keys, upper);
    if (found == NULL) {
        return false;
    }
    *event = (uint8_t)(found - keys);
    return true;
}

char rtp_telephone_event_key(uint8_t event) {
    return event < sizeof keys - 1 ? keys[event] : '\0';
}

/* ---- sending --------------------------------------------------------------------------------------------------------- */

static uint64_t units_of(uint64_t duration_us, uint32_t clock_rate_hz) {
    return duration_us / 1000000 * clock_rate_hz + duration_us % 1000000 * clock_rate_hz / 1000000;
}

int rtp_tone_start(struct rtp_tone *tone, uint64_t now_us, uint8_t event, uint8_t volume, uint32_t duration_ms, uint32_t clock_rate_hz,
                   uint32_t timestamp) {
    if (event > RTP_TELEPHONE_EVENT_FLASH || volume > RTP_TELEPHONE_EVENT_VOLUME_MAX || duration_ms < RTP_TONE_MIN_MS ||
        duration_ms > RTP_TONE_MAX_MS || clock_rate_hz == 0) {
        return RTP_ERROR_ARGUMENT;
    }
    if (tone->active) {
        return RTP_ERROR_STATE;
    }
    *tone = (struct rtp_tone){
        .active = true,
        .last = {.event = event, .volume = volume},
        .clock_rate_hz = clock_rate_hz,
        .timestamp = timestamp,
        .start_us = now_us,
        .next_us = now_us + RTP_TONE_UPDATE_US,
        .total = units_of((uint64_t)duration_ms * 1000, clock_rate_hz),
    };
    return RTP_OK;
}

/* The state of the tone now becomes `last`, and says how often that is to be repeated. */
static void update(struct rtp_tone *tone, uint64_t now_us) {
    uint64_t elapsed = units_of(now_us - tone->start_us, tone->clock_rate_hz);
    elapsed = elapsed > tone->total ? tone->total : elapsed;
    uint64_t in_segment = elapsed - tone->segment;
    bool over = elapsed == tone->total && in_segment <= RTP_TELEPHONE_EVENT_SEGMENT;
    bool full = !over && in_segment >= RTP_TELEPHONE_EVENT_SEGMENT;
    tone->last.end = over;
    tone->last.duration = (uint16_t)(full ? RTP_TELEPHONE_EVENT_SEGMENT : in_segment);
    /* RFC 4733 section 2.5.1.4, SHOULD: the last packet of an event, and of a segment, is sent three times. */
    tone->repeats = over || full ? RTP_TONE_END_PACKETS - 1 : 0;
}

/* After the last packet of the tone, or of a segment. */
static void pass_on(struct rtp_tone *tone) {
    if (tone->repeats > 0) {
        return;
    }
    if (tone->last.end) {
        tone->active = false;
    } else if (tone->last.duration == RTP_TELEPHONE_EVENT_SEGMENT) {
        /* RFC 4733 section 2.5.1.3, MUST: the next segment begins where this one ended, its duration counts from there, and it has no marker. */
        tone->segment += RTP_TELEPHONE_EVENT_SEGMENT;
        tone->timestamp += RTP_TELEPHONE_EVENT_SEGMENT;
    }
}

bool rtp_tone_poll(struct rtp_tone *tone, uint64_t now_us, struct rtp_tone_packet *out) {
    if (!tone->active || now_us < tone->next_us) {
        return false;
    }
    if (tone->repeats > 0) {
        tone->repeats--;
    } else {
        update(tone, now_us);
    }
    /* RFC 4733 section 2.2.2, MUST: the marker is on the first packet of an event only. Section 2.2.1: all of them have the time of its beginning. */
    out->marker = !tone->marked;
    out->timestamp = tone->timestamp;
    rtp_telephone_event_write(&tone->last, out->bytes);
    tone->marked = true;
    tone->next_us += RTP_TONE_UPDATE_US;
    if (tone->next_us <= now_us) {
        tone->next_us = now_us + RTP_TONE_UPDATE_US;
    }
    pass_on(tone);
    return true;
}

uint64_t rtp_tone_next_timeout(const struct rtp_tone *tone) {
    return tone->active ? tone->next_us : NEVER;
}

/* ---- receiving ------------------------------------------------------------------------------------------------------- */

static void end_tone(struct rtp_tone_receiver *receiver) {
    if (!receiver->active) {
        return;
    }
    receiver->active = false;
    uint64_t units = receiver->before + receiver->duration;
    receiver->current.duration_us = units / receiver->clock_rate_hz * 1000000 + units % receiver->clock_rate_hz * 1000000 / receiver->clock_rate_hz;
    if (receiver->ended_count == RTP_TONES_ENDED_MAX) {
        receiver->dropped++;
        return;
    }
    receiver->ended[receiver->ended_count++] = receiver->current;
}

/* RFC 4733 section 2.5.2.3: the same event, without a marker, begun where a segment of full length ends. Lost ones in between are counted. */
static bool continues(const struct rtp_tone_receiver *receiver, uint32_t timestamp, bool marker, uint8_t event) {
    uint32_t distance = timestamp - receiver->segment;
    return receiver->active && !marker && event == receiver->current.event && distance > 0 && distance <= INT32_MAX &&
           distance % RTP_TELEPHONE_EVENT_SEGMENT == 0;
}

static void take_event(struct rtp_tone_receiver *receiver, uint64_t now_us, uint32_t clock_rate_hz, uint32_t timestamp, bool marker,
                       const struct rtp_telephone_event *event) {
    bool same = receiver->heard && timestamp == receiver->segment && event->event == receiver->current.event;
    /* What is older than the last, or a repetition of its end, tells nothing new. */
    if (receiver->heard && !same && (int32_t)(timestamp - receiver->segment) < 0) {
        return;
    }
    if (same && !receiver->active) {
        return;
    }
    if (continues(receiver, timestamp, marker, event->event)) {
        receiver->before += timestamp - receiver->segment;
        receiver->segment = timestamp;
        receiver->duration = 0;
    } else if (!same) {
        /* RFC 4733 section 2.5.2.2: another event ends the one before, whose end was lost. */
        end_tone(receiver);
        receiver->active = receiver->heard = true;
        receiver->current = (struct rtp_received_tone){.event = event->event, .timestamp = timestamp};
        receiver->segment = timestamp;
        receiver->before = receiver->duration = 0;
        receiver->clock_rate_hz = clock_rate_hz;
    }
    receiver->current.volume = event->volume;
    receiver->duration = event->duration > receiver->duration ? event->duration : receiver->duration;
    receiver->last_us = now_us;
    if (event->end) {
        end_tone(receiver);
    }
}

int rtp_tone_receiver_take(struct rtp_tone_receiver *receiver, uint64_t now_us, uint32_t clock_rate_hz, uint32_t timestamp, bool marker,
                           const uint8_t *bytes, size_t length) {
    size_t count = rtp_telephone_event_count(length);
    if (count == 0 || clock_rate_hz == 0) {
        return RTP_ERROR_MALFORMED;
    }
    if (receiver->heard && receiver->clock_rate_hz != clock_rate_hz) {
        rtp_tone_receiver_restart(receiver);
    }
    for (size_t i = 0; i < count; i++) {
        struct rtp_telephone_event event;
        rtp_telephone_event_read(bytes, i, &event);
        /* RFC 4733 section 2.5.1.5: several events in one packet follow each other without a pause; all but the last are complete. */
        event.end = event.end || i + 1 < count;
        take_event(receiver, now_us, clock_rate_hz, timestamp, marker || i > 0, &event);
        timestamp += event.duration;
    }
    return RTP_OK;
}

void rtp_tone_receiver_restart(struct rtp_tone_receiver *receiver) {
    end_tone(receiver);
    receiver->heard = false;
}

bool rtp_tone_receiver_poll(struct rtp_tone_receiver *receiver, uint64_t now_us, struct rtp_received_tone *out) {
    if (receiver->active && now_us - receiver->last_us >= RTP_TONE_SILENCE_US) {
        end_tone(receiver);
    }
    if (receiver->ended_count == 0) {
        return false;
    }
    *out = receiver->ended[0];
    receiver->ended_count--;
    memmove(receiver->ended, receiver->ended + 1, receiver->ended_count * sizeof receiver->ended[0]);
    return true;
}

uint64_t rtp_tone_receiver_next_timeout(const struct rtp_tone_receiver *receiver) {
    if (receiver->ended_count > 0) {
        return 0;
    }
    return receiver->active ? receiver->last_us + RTP_TONE_SILENCE_US : NEVER;
}
