/* G.711: a logarithmic byte for a sample at 8 kHz, mu-law and A-law (ITU-T G.711; RFC 3551 section 4.5.14). Pure arithmetic. */
#ifndef MEDIA_G711_H
#define MEDIA_G711_H

#include <stdint.h>

enum {
    MEDIA_G711_RATE_HZ = 8000,
    MEDIA_G711_ULAW_SILENCE = 0xFF,
    MEDIA_G711_ALAW_SILENCE = 0xD5
};

/* A 16-bit linear sample to a byte; the 14 (mu-law) or 13 (A-law) highest bits decide. */
uint8_t media_g711_encode_ulaw(int16_t sample);
uint8_t media_g711_encode_alaw(int16_t sample);

/* And back: the middle of the interval that the byte stands for. */
int16_t media_g711_decode_ulaw(uint8_t byte);
int16_t media_g711_decode_alaw(uint8_t byte);

#endif
