/*
 * The self-signed certificate with which one PeerConnection proves who it is (RFC 8827 section 6.5, RFC 5763 section 5):
 * ECDSA on P-256, a random serial number and name, nothing in it that identifies a person.
 */
#ifndef DTLS_CERTIFICATE_H
#define DTLS_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#include "dtls/error.h"
#include "dtls/fingerprint.h"

#define DTLS_CERTIFICATE_DEFAULT_DAYS 30
#define DTLS_CERTIFICATE_MAX_DAYS 90

/*
 * wall_clock_s  Unix seconds, 0..4102444800 (the year 2100). The certificate is valid from one day before, so that a
 *               peer whose clock is behind accepts it
 * valid_days    0 means DTLS_CERTIFICATE_DEFAULT_DAYS; at most DTLS_CERTIFICATE_MAX_DAYS
 */
struct dtls_certificate_config {
    int64_t wall_clock_s;
    uint32_t valid_days;
};

/*
 * A key pair, its certificate and the TLS settings that go with them. Costs about 0.4 ms to make: make one for each
 * PeerConnection and share it among that connection's transports. Do not share it between origins or users: the
 * fingerprint would link them.
 */
struct dtls_certificate;

/*
 * config  read during the call only; NULL is the same as a configuration that is out of range
 * Returns an object that the caller owns, or NULL when a value is out of range or OpenSSL fails (out of memory, no entropy).
 */
struct dtls_certificate *dtls_certificate_new(const struct dtls_certificate_config *config);

/*
 * Frees it. NULL is fine. Transports made from it keep what they need of it: the certificate may go before they do.
 */
void dtls_certificate_free(struct dtls_certificate *certificate);

/* The sha-256 fingerprint, for a=fingerprint. out: written always. */
void dtls_certificate_fingerprint(const struct dtls_certificate *certificate, struct dtls_fingerprint *out);

/*
 * The certificate itself, DER, into `out` of `capacity` bytes. Returns its length; when that is more than capacity, nothing was written
 * (0 is a fine capacity to ask with). 0: OpenSSL is out of memory.
 */
size_t dtls_certificate_der(const struct dtls_certificate *certificate, uint8_t *out, size_t capacity);

/* The end of its validity, Unix seconds. */
int64_t dtls_certificate_expires_s(const struct dtls_certificate *certificate);

#endif
