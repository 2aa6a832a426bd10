/*
 * The two clocks of a program: a monotonic one for everything that waits, and how far the wall clock is from it.
 *
 * The protocol libraries read no clock (docs/contract.md, promise 1); the app reads this one and hands it down.
 */
#ifndef NET_CLOCK_H
#define NET_CLOCK_H

#include <stdint.h>

/* Microseconds of CLOCK_MONOTONIC: never decreasing, the same in all threads and processes of a host, 0 at boot. */
uint64_t net_clock_now_us(void);

/*
 * What to add to net_clock_now_us to have microseconds since 1970-01-01 00:00 UTC. Read it once and put it into
 * configurations: a later step of the wall clock then moves nothing that is under way.
 */
int64_t net_clock_wall_offset_us(void);

#endif
