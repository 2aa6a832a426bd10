#include "app/media/g711.h"

/*   mu-law, all bits inverted:           sign | segment 3 bits | interval 4 bits       tables 2a, 2b of G.711; 14-bit magnitudes, offset 33
 *   A-law, every second bit inverted:    sign | segment 3 bits | interval 4 bits       tables 1a, 1b; 13-bit magnitudes
 * In mu-law segment s has sixteen intervals of 2^(s+1), in A-law of 2^max(s,1) at half the scale: a small floating-point number. */
enum { SIGN = 0x80, ULAW_OFFSET = 33, ULAW_MAXIMUM = 0x1FFF, EVEN_BITS = 0x55 };

/* The magnitude with one's complement for the negative, so that -1 mirrors 0 and nothing overflows. */
static unsigned magnitude(int16_t sample, unsigned drop_bits) {
    return (unsigned)(sample < 0 ? ~sample : sample) >> drop_bits;
}

static unsigned highest_bit(unsigned value) {
    unsigned bit = 0;
    while (value >>= 1) {
        bit++;
    }
    return bit;
}

uint8_t media_g711_encode_ulaw(int16_t sample) {
    unsigned value = magnitude(sample, 2) + ULAW_OFFSET;
    value = value > ULAW_MAXIMUM ? ULAW_MAXIMUM : value;
    unsigned segment = highest_bit(value) - 5;
    unsigned interval = value >> (segment + 1) & 0x0F;
    return (uint8_t)~((sample < 0 ? SIGN : 0U) | segment << 4 | interval);
}

int16_t media_g711_decode_ulaw(uint8_t byte) {
    unsigned code = (uint8_t)~byte;
    unsigned segment = code >> 4 & 7;
    int value = (int)((((code & 0x0F) << 1) + ULAW_OFFSET) << segment) - ULAW_OFFSET;
    return (int16_t)((code & SIGN) != 0 ? -value * 4 : value * 4);
}

uint8_t media_g711_encode_alaw(int16_t sample) {
    unsigned value = magnitude(sample, 4);
    unsigned segment = value < 16 ? 0 : highest_bit(value) - 3;
    unsigned interval = (segment < 2 ? value : value >> (segment - 1)) & 0x0F;
    return (uint8_t)(((sample < 0 ? 0U : SIGN) | segment << 4 | interval) ^ EVEN_BITS);
}

int16_t media_g711_decode_alaw(uint8_t byte) {
    unsigned code = byte ^ (unsigned)EVEN_BITS;
    unsigned segment = code >> 4 & 7;
    unsigned middle = ((code & 0x0F) << 1) + 1;                    /* of the interval, in halves of the smallest */
    int value = (int)(segment == 0 ? middle : (middle + 32) << (segment - 1));
    return (int16_t)((code & SIGN) != 0 ? value * 8 : -value * 8);
}
