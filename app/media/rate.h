/* framesPerSecond of W3C webrtc-stats: how many there were in the last second, in tenths of a second. Pure; time is an argument. */
#ifndef MEDIA_RATE_H
#define MEDIA_RATE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MEDIA_RATE_SLOTS = 10,
    MEDIA_RATE_SLOT_US = 100000
};

/* Zeroed: none yet. */
struct media_rate {
    bool     began;
    uint64_t begin_us;                        /* of the first one */
    uint64_t newest;                          /* the slot that counts now, since begin_us */
    uint32_t counts[MEDIA_RATE_SLOTS + 1];    /* its own, and of the full ones before it */
};

/* One was made at `now_us`, which never decreases. */
void media_rate_count(struct media_rate *rate, uint64_t now_us);

/* How many in the second that ended with the last full tenth. False, and nothing is written, within the first second. */
bool media_rate_read(const struct media_rate *rate, uint64_t now_us, uint32_t *per_second);

#endif
