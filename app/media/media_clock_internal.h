/* The two clocks of this room: what paces and measures (monotonic), and what a stamp says (Unix time). */
#ifndef MEDIA_CLOCK_INTERNAL_H
#define MEDIA_CLOCK_INTERNAL_H

#include <stdint.h>
#include <time.h>

static inline uint64_t media_clock_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

static inline uint32_t media_clock_stamp_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U);
}

static inline struct timespec media_clock_timespec(uint64_t us)
{
    struct timespec when = { (time_t)(us / 1000000U), (long)(us % 1000000U) * 1000L };
    return when;
}

#endif
