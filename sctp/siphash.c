/*
 * SipHash-2-4, 128 bits (Aumasson and Bernstein, 2012): a keyed MAC for short messages, in forty lines without tables. It seals the state
 * cookie; docs/sctp.md says why it and no HMAC.
 */
#include <string.h>

#include "sctp/cookie_internal.h"

struct sip {
    uint64_t a, b, c, d;
};

static uint64_t rotated(uint64_t x, int bits) {
    return x << bits | x >> (64 - bits);
}

static uint64_t load_little_endian(const uint8_t *at, size_t length) {
    uint64_t word = 0;
    for (size_t i = 0; i < length; i++)
        word |= (uint64_t)at[i] << (8 * i);
    return word;
}

static void store_little_endian(uint8_t *at, uint64_t word) {
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(word >> (8 * i));
}

static void mix(struct sip *s, int rounds) {
    for (int i = 0; i < rounds; i++) {
        s->a += s->b;
        s->b = rotated(s->b, 13) ^ s->a;
        s->a = rotated(s->a, 32);
        s->c += s->d;
        s->d = rotated(s->d, 16) ^ s->c;
        s->a += s->d;
        s->d = rotated(s->d, 21) ^ s->a;
        s->c += s->b;
        s->b = rotated(s->b, 17) ^ s->c;
        s->c = rotated(s->c, 32);
    }
}

static void absorb(struct sip *s, uint64_t word) {
    s->d ^= word;
    mix(s, 2);
    s->a ^= word;
}

void sctp_siphash(const uint8_t key[16], const uint8_t *bytes, size_t length, uint8_t out[16]) {
    uint64_t low = load_little_endian(key, 8), high = load_little_endian(key + 8, 8);
    struct sip s = {low ^ UINT64_C(0x736F6D6570736575), high ^ UINT64_C(0x646F72616E646F6D) ^ 0xEE, low ^ UINT64_C(0x6C7967656E657261),
                    high ^ UINT64_C(0x7465646279746573)};
    size_t whole = length & ~(size_t)7;
    for (size_t at = 0; at < whole; at += 8)
        absorb(&s, load_little_endian(bytes + at, 8));
    absorb(&s, (uint64_t)length << 56 | load_little_endian(bytes + whole, length - whole));
    s.c ^= 0xEE;
    mix(&s, 4);
    store_little_endian(out, s.a ^ s.b ^ s.c ^ s.d);
    s.b ^= 0xDD;
    mix(&s, 4);
    store_little_endian(out + 8, s.a ^ s.b ^ s.c ^ s.d);
}
