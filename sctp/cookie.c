/* The state cookie, as bytes: RFC 9260 section 5.1.3. */
#include "sctp/cookie_internal.h"

#include <assert.h>
#include <string.h>

#include "sctp/bytes_internal.h"

#define SEALED_BYTES (SCTP_COOKIE_BYTES - 16)

#define INTERLEAVED 1u
#define FORWARD 2u
#define RESET 4u
#define WITHOUT_CHECKSUM 8u

static void pack(const struct sctp_cookie *cookie, uint8_t *out) {
    unsigned flags = (cookie->is_interleaved ? INTERLEAVED : 0) | (cookie->can_forward ? FORWARD : 0) | (cookie->can_reset ? RESET : 0) |
                     (cookie->is_without_checksum ? WITHOUT_CHECKSUM : 0);
    sctp_store_u32(out, (uint32_t)(cookie->made_us >> 32));
    sctp_store_u32(out + 4, (uint32_t)cookie->made_us);
    sctp_store_u32(out + 8, cookie->own_tag);
    sctp_store_u32(out + 12, cookie->peer_tag);
    sctp_store_u32(out + 16, cookie->own_tie_tag);
    sctp_store_u32(out + 20, cookie->peer_tie_tag);
    sctp_store_u32(out + 24, cookie->own_initial_tsn);
    sctp_store_u32(out + 28, cookie->peer_initial_tsn);
    sctp_store_u32(out + 32, cookie->peer_window);
    sctp_store_u16(out + 36, cookie->outbound_streams);
    sctp_store_u16(out + 38, cookie->inbound_streams);
    sctp_store_u32(out + 40, flags);
}

static void unpack(const uint8_t *at, struct sctp_cookie *out) {
    uint32_t flags = sctp_load_u32(at + 40);
    *out = (struct sctp_cookie){
        .made_us = (uint64_t)sctp_load_u32(at) << 32 | sctp_load_u32(at + 4),
        .own_tag = sctp_load_u32(at + 8),
        .peer_tag = sctp_load_u32(at + 12),
        .own_tie_tag = sctp_load_u32(at + 16),
        .peer_tie_tag = sctp_load_u32(at + 20),
        .own_initial_tsn = sctp_load_u32(at + 24),
        .peer_initial_tsn = sctp_load_u32(at + 28),
        .peer_window = sctp_load_u32(at + 32),
        .outbound_streams = sctp_load_u16(at + 36),
        .inbound_streams = sctp_load_u16(at + 38),
        .is_interleaved = (flags & INTERLEAVED) != 0,
        .can_forward = (flags & FORWARD) != 0,
        .can_reset = (flags & RESET) != 0,
        .is_without_checksum = (flags & WITHOUT_CHECKSUM) != 0,
    };
}

void sctp_cookie_seal(const struct sctp_cookie *cookie, const struct sctp_cookie_key *key, uint8_t *out) {
    static_assert(SEALED_BYTES == 44, "the fields of pack");
    pack(cookie, out);
    sctp_siphash(key->bytes, out, SEALED_BYTES, out + SEALED_BYTES);
}

bool sctp_cookie_open(const uint8_t *bytes, size_t length, const struct sctp_cookie_key *key, struct sctp_cookie *out) {
    uint8_t expected[16];
    if (length != SCTP_COOKIE_BYTES)
        return false;
    sctp_siphash(key->bytes, bytes, SEALED_BYTES, expected);
    /* RFC 9260 section 5.1.5, MUST: a cookie whose MAC is another was not made here, and is dropped. In constant time. */
    unsigned difference = 0;
    for (size_t i = 0; i < sizeof expected; i++)
        difference |= (unsigned)(expected[i] ^ bytes[SEALED_BYTES + i]);
    if (difference != 0)
        return false;
    unpack(bytes, out);
    return true;
}
