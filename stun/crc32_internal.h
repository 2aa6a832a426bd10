/* CRC-32 of ITU-T V.42, as FINGERPRINT uses it (RFC 8489 section 14.7). */
#ifndef STUN_CRC32_INTERNAL_H
#define STUN_CRC32_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of `length` bytes (0 is fine: the result is 0). "123456789" gives 0xCBF43926. */
uint32_t stun_crc32(const uint8_t *bytes, size_t length);

#endif
