/* Big-endian integers on the wire (RFC 8489 section 5: all integer fields are in network byte order). */
#ifndef STUN_BYTES_INTERNAL_H
#define STUN_BYTES_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

/* An attribute is a type and a length of 16 bits each, then the value, padded to a multiple of 4 (section 14). */
#define STUN_ATTRIBUTE_HEADER_BYTES 4u

/* RFC 8489 section 14.7: the CRC is XORed with this, "STUN" in ASCII, lest an application's own CRC pass for it. */
#define STUN_FINGERPRINT_XOR 0x5354554Eu

static inline uint16_t stun_load_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t stun_load_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
}

static inline uint64_t stun_load_u64(const uint8_t *bytes) {
    return (uint64_t)stun_load_u32(bytes) << 32 | stun_load_u32(bytes + 4);
}

static inline void stun_store_u16(uint8_t *bytes, uint16_t value) {
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static inline void stun_store_u32(uint8_t *bytes, uint32_t value) {
    stun_store_u16(bytes, (uint16_t)(value >> 16));
    stun_store_u16(bytes + 2, (uint16_t)value);
}

static inline void stun_store_u64(uint8_t *bytes, uint64_t value) {
    stun_store_u32(bytes, (uint32_t)(value >> 32));
    stun_store_u32(bytes + 4, (uint32_t)value);
}

/* The length of a value with its padding. */
static inline size_t stun_padded(size_t length) {
    return (length + 3) & ~(size_t)3;
}

#endif
