/* A token bucket: `burst` at once, `rate` a second in the long run. */
#ifndef SIGNALING_BUCKET_INTERNAL_H
#define SIGNALING_BUCKET_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#define SIGNALING_MICRO 1000000u

/* rate, burst: at least 1. The level counts millionths of a token, so that slow rates refill evenly. */
struct signaling_bucket {
    uint32_t rate;
    uint32_t burst;
    uint64_t level;
    uint64_t filled_us;
};

static inline void signaling_bucket_fill(struct signaling_bucket *bucket, uint32_t rate, uint32_t burst, uint64_t now_us) {
    bucket->rate = rate;
    bucket->burst = burst;
    bucket->level = (uint64_t)burst * SIGNALING_MICRO;
    bucket->filled_us = now_us;
}

/* True when it holds its whole burst. */
static inline bool signaling_bucket_refill(struct signaling_bucket *bucket, uint64_t now_us) {
    uint64_t full = (uint64_t)bucket->burst * SIGNALING_MICRO;
    uint64_t elapsed_us = now_us > bucket->filled_us ? now_us - bucket->filled_us : 0;
    bucket->filled_us += elapsed_us;
    /* elapsed x rate cannot overflow once it is known not to exceed what is missing. */
    if (elapsed_us > (full - bucket->level) / bucket->rate)
        bucket->level = full;
    else
        bucket->level += elapsed_us * bucket->rate;
    return bucket->level == full;
}

static inline bool signaling_bucket_has(struct signaling_bucket *bucket, uint64_t now_us, uint64_t tokens) {
    signaling_bucket_refill(bucket, now_us);
    return bucket->level / SIGNALING_MICRO >= tokens;
}

/* Only after signaling_bucket_has said yes to as many. */
static inline void signaling_bucket_take(struct signaling_bucket *bucket, uint64_t tokens) {
    bucket->level -= tokens * SIGNALING_MICRO;
}

#endif
