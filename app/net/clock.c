/* CLOCK_MONOTONIC through the vDSO: some 25 ns a call, so a turn of the loop can afford to read it. */
#include "app/net/clock.h"

#include <time.h>

static uint64_t read_clock_us(clockid_t which) {
    struct timespec time = {0};
    clock_gettime(which, &time); /* cannot fail for these two clocks with a valid pointer */
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_nsec / 1000u;
}

uint64_t net_clock_now_us(void) {
    return read_clock_us(CLOCK_MONOTONIC);
}

int64_t net_clock_wall_offset_us(void) {
    return (int64_t)read_clock_us(CLOCK_REALTIME) - (int64_t)read_clock_us(CLOCK_MONOTONIC);
}
