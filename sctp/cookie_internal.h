/*
 * The state cookie (RFC 9260 sections 5.1.3 and 5.1.5): what an INIT said and what we would answer, in an envelope that only we can seal.
 * It travels to the peer and back, so that nothing has to be remembered of it.
 */
#ifndef SCTP_COOKIE_INTERNAL_H
#define SCTP_COOKIE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCTP_COOKIE_LIFETIME_US UINT64_C(60000000) /* Valid.Cookie.Life, section 16 */

struct sctp_cookie_key {
    uint8_t bytes[16];
};

struct sctp_cookie {
    uint64_t made_us;
    uint32_t own_tag, peer_tag;
    uint32_t own_tie_tag, peer_tie_tag; /* of the association that was there when the INIT came; 0: none */
    uint32_t own_initial_tsn, peer_initial_tsn;
    uint32_t peer_window;
    uint16_t outbound_streams, inbound_streams; /* agreed */
    bool is_interleaved, can_forward, can_reset, is_without_checksum;
};

#define SCTP_COOKIE_BYTES (8 + 7 * 4 + 2 * 2 + 4 + 16)

/* out: SCTP_COOKIE_BYTES. */
void sctp_cookie_seal(const struct sctp_cookie *cookie, const struct sctp_cookie_key *key, uint8_t *out);
/* False: we never made it. */
bool sctp_cookie_open(const uint8_t *bytes, size_t length, const struct sctp_cookie_key *key, struct sctp_cookie *out);

/* SipHash-2-4 with 128 bits of output. */
void sctp_siphash(const uint8_t key[16], const uint8_t *bytes, size_t length, uint8_t out[16]);

#endif
