/* Big-endian loads and stores. */
#ifndef SCTP_BYTES_INTERNAL_H
#define SCTP_BYTES_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t sctp_load_u16(const uint8_t *at) {
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t sctp_load_u32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void sctp_store_u16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void sctp_store_u32(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

/* RFC 9260 section 3.2: chunks and parameters end at a multiple of four; the padding is not in their length. */
static inline size_t sctp_padded(size_t length) {
    return (length + 3) & ~(size_t)3;
}

#endif
