#include "test/dtls/virtual_clock.h"

#include <sys/time.h>
#include <time.h>

#define TWO_DAYS_US 172800000000u

static enum { CLOCK_IS_REAL, CLOCK_IS_SET, CLOCK_JUMPS } mode;
static uint64_t wall_us;
static uint64_t random_state;
static uint64_t calls;

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    calls++;
    if (mode == CLOCK_IS_REAL) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        time->tv_sec = now.tv_sec;
        time->tv_usec = now.tv_nsec / 1000;
        return 0;
    }
    uint64_t shown = wall_us;
    if (mode == CLOCK_JUMPS) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        shown += (random_state >> 20) % (2 * TWO_DAYS_US);
    }
    time->tv_sec = (time_t)(shown / 1000000);
    time->tv_usec = (suseconds_t)(shown % 1000000);
    return 0;
}

void virtual_clock_set_us(uint64_t wall_clock_us) {
    mode = CLOCK_IS_SET;
    wall_us = wall_clock_us;
}

void virtual_clock_jump(uint64_t seed) {
    mode = CLOCK_JUMPS;
    wall_us = 1700000000000000u;
    random_state = seed;
}

void virtual_clock_release(void) {
    mode = CLOCK_IS_REAL;
}

uint64_t virtual_clock_calls(void) {
    return calls;
}
