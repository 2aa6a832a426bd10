/* CRC32c (Castagnoli), the checksum of SCTP: RFC 9260 section 6.8 and appendix A. */
#ifndef SCTP_CRC32C_INTERNAL_H
#define SCTP_CRC32C_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#define SCTP_CRC32C_START UINT32_C(0xFFFFFFFF)

/* Goes on from `crc` (first SCTP_CRC32C_START) over `length` bytes. */
uint32_t sctp_crc32c_update(uint32_t crc, const uint8_t *bytes, size_t length);
/* The same without the processor's own instruction. */
uint32_t sctp_crc32c_update_portable(uint32_t crc, const uint8_t *bytes, size_t length);
/* Of a whole message. "123456789" gives 0xE3069283. On the wire its four bytes stand lowest first (appendix A). */
static inline uint32_t sctp_crc32c(const uint8_t *bytes, size_t length) {
    return ~sctp_crc32c_update(SCTP_CRC32C_START, bytes, length);
}

#endif
