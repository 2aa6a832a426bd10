/*
 * The random source of the configurations: the kernel's generator, fit for keys, transaction ids and passwords
 * (RFC 8489 section 5 and RFC 8445 section 5.3 ask for a cryptographic one).
 */
#ifndef NET_RANDOM_H
#define NET_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Fills `out` with `length` random bytes. Fits the `random` member of struct ice_agent_config.
 * context  unused, may be NULL
 * It cannot fail: without a random source there is no security to go on with, and the process is aborted.
 */
void net_random(void *context, uint8_t *out, size_t length);

#endif
