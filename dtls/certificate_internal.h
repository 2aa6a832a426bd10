/* What a transport needs of a certificate. */
#ifndef DTLS_CERTIFICATE_INTERNAL_H
#define DTLS_CERTIFICATE_INTERNAL_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "dtls/certificate.h"

struct dtls_certificate {
    SSL_CTX *context; /* holds key, certificate and policy; every transport takes a reference of its own */
    struct dtls_fingerprint fingerprint;
    int64_t expires_s;
};

/* As dtls_certificate_der. */
size_t dtls_certificate_x509_der(const X509 *certificate, uint8_t *out, size_t capacity);

/* The digest of a certificate in any of our hashes. False when OpenSSL fails. */
bool dtls_certificate_digest(const X509 *certificate, enum dtls_hash hash, struct dtls_fingerprint *out);

#endif
