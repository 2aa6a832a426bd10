/* Bytes in a heap block of exactly their length, so that AddressSanitizer sees the first byte read beyond it. */
#ifndef TEST_STUN_EXACT_COPY_H
#define TEST_STUN_EXACT_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "stun/message.h"

/* The caller frees it with free(). */
uint8_t *exact_copy(const uint8_t *bytes, size_t length);

/*
 * Parses an exact copy of the bytes. When that succeeds, walks all attributes, calls every reader for every type it met
 * and for all types of stun/message.h, checks integrity and fingerprint with some key, and asserts what must hold of any
 * message. Returns what stun_message_parse returned.
 */
int read_everything(const uint8_t *bytes, size_t length);

#endif
