#include "app/media/rate.h"

static uint64_t slot_at(const struct media_rate *rate, uint64_t now_us) {
    return (now_us - rate->begin_us) / MEDIA_RATE_SLOT_US;
}

void media_rate_count(struct media_rate *rate, uint64_t now_us) {
    if (!rate->began) {
        *rate = (struct media_rate) { .began = true, .begin_us = now_us };
    }
    uint64_t now = slot_at(rate, now_us);
    for (unsigned cleared = 0; rate->newest < now && cleared <= MEDIA_RATE_SLOTS; cleared++) {
        rate->newest++;
        rate->counts[rate->newest % (MEDIA_RATE_SLOTS + 1)] = 0;
    }
    if (rate->newest < now) {          /* all were cleared: only the place still has to be right */
        rate->newest = now;
    }
    rate->counts[now % (MEDIA_RATE_SLOTS + 1)]++;
}

/* W3C webrtc-stats, RTCVideoSourceStats, MUST NOT: no framesPerSecond within the first second. */
bool media_rate_read(const struct media_rate *rate, uint64_t now_us, uint32_t *per_second) {
    uint32_t sum = 0;

    if (!rate->began || slot_at(rate, now_us) < MEDIA_RATE_SLOTS) {
        return false;
    }
    uint64_t now = slot_at(rate, now_us);
    for (uint64_t slot = now - MEDIA_RATE_SLOTS; slot < now && slot <= rate->newest; slot++) {
        sum += rate->newest - slot <= MEDIA_RATE_SLOTS ? rate->counts[slot % (MEDIA_RATE_SLOTS + 1)] : 0;
    }
    *per_second = sum;
    return true;
}
