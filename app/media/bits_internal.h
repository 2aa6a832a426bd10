/* Reading bit fields, the most significant bit first. Past the end it gives zeros and remembers. */
#ifndef MEDIA_BITS_INTERNAL_H
#define MEDIA_BITS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct media_bits {
    const uint8_t *bytes;
    size_t length_bytes;
    size_t position;                  /* bits read so far */
    bool   overrun;                   /* some were not there */
};

/* `count` 0..32. */
static inline uint32_t media_bits_read(struct media_bits *bits, unsigned count) {
    uint32_t value = 0;
    for (; count > 0; count--) {
        size_t at = bits->position / 8;
        bool there = at < bits->length_bytes;
        uint32_t bit = there ? (uint32_t)(bits->bytes[at] >> (7 - bits->position % 8)) & 1U : 0;
        bits->overrun = bits->overrun || !there;
        bits->position += there ? 1 : 0;
        value = value << 1 | bit;
    }
    return value;
}

static inline bool media_bits_flag(struct media_bits *bits) {
    return media_bits_read(bits, 1) != 0;
}

#endif
