/*
 * Certificate fingerprints as SDP carries them: a=fingerprint:sha-256 4A:AD:B9:.. (RFC 8122 section 5).
 */
#ifndef DTLS_FINGERPRINT_H
#define DTLS_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtls/error.h"

/* The hashes we believe, weakest first. RFC 8122 section 5 also names md2, md5, sha-1 and sha-224: refused. */
enum dtls_hash { DTLS_HASH_SHA_256 = 1, DTLS_HASH_SHA_384 = 2, DTLS_HASH_SHA_512 = 3 };

#define DTLS_FINGERPRINT_MAX_BYTES 64

/* Longest text that dtls_fingerprint_write makes, its NUL included: "sha-512 " and 64 times "XX" with ':' between. */
#define DTLS_FINGERPRINT_TEXT_BYTES (8 + 3 * DTLS_FINGERPRINT_MAX_BYTES)

/* bytes: the digest of the DER certificate, `length` of them in use: 32, 48 or 64, as the hash says. */
struct dtls_fingerprint {
    enum dtls_hash hash;
    uint8_t bytes[DTLS_FINGERPRINT_MAX_BYTES];
    size_t length;
};

/*
 * Reads the value of an SDP fingerprint attribute: hash name (any case), one space, hexadecimal pairs (any case; the
 * grammar wants upper) joined by ':'.
 * text    not NUL-terminated, `length` bytes, read only
 * out     written on success only
 * Returns DTLS_OK; DTLS_ERROR_WEAK_HASH (well-formed, but a hash that we do not use: skip it if another fingerprint
 * is acceptable, else refuse the description); DTLS_ERROR_MALFORMED (refuse the description).
 */
int dtls_fingerprint_parse(const char *text, size_t length, struct dtls_fingerprint *out);

/*
 * Writes the value in canonical form (lower-case name, upper-case digits), NUL-terminated.
 * capacity  of `text`; DTLS_FINGERPRINT_TEXT_BYTES is always enough
 * Returns the length without the NUL, or 0 when the buffer is too small or the fingerprint is not valid.
 */
size_t dtls_fingerprint_write(const struct dtls_fingerprint *fingerprint, char *text, size_t capacity);

/* True when hash, length and every byte are the same. The time does not depend on which byte differs. */
bool dtls_fingerprint_equal(const struct dtls_fingerprint *a, const struct dtls_fingerprint *b);

#endif
