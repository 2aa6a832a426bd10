/*
 * OpenSSL asks gettimeofday for the time of its DTLS timer. A program that links virtual_clock.c answers instead: the
 * dynamic linker finds our definition before libc's, for libssl too.
 *
 * Nothing in dtls/ needs this to run on virtual time (datagram_bio.c keeps OpenSSL's timer out of the way); it is here to prove
 * that, by telling OpenSSL any time but the right one.
 */
#ifndef TEST_DTLS_VIRTUAL_CLOCK_H
#define TEST_DTLS_VIRTUAL_CLOCK_H

#include <stdint.h>

/* From now on gettimeofday says this many microseconds after 1970, until set again. */
void virtual_clock_set_us(uint64_t wall_clock_us);

/* From now on each call of gettimeofday jumps by up to +-2 days, from this seed. */
void virtual_clock_jump(uint64_t seed);

/* Back to the real clock. */
void virtual_clock_release(void);

/* How often it was asked, so that a test can prove that the interposition works. */
uint64_t virtual_clock_calls(void);

#endif
