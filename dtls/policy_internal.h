/*
 * What we are willing to speak: versions, ciphers, groups, signatures, options. One SSL_CTX carries it, made with the
 * certificate and shared by that certificate's transports.
 */
#ifndef DTLS_POLICY_INTERNAL_H
#define DTLS_POLICY_INTERNAL_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "dtls/fingerprint.h"

/* Certificates in the chain that a peer may send; only the first one counts. */
#define DTLS_CHAIN_MAX_CERTIFICATES 4

/* RSA keys that we verify with. P-256 is what everybody uses; RSA 2048 was the browsers' default until 2016. */
#define DTLS_RSA_MIN_BITS 2048
#define DTLS_RSA_MAX_BITS 4096

/* A context with key, certificate and policy; both are referenced by it. NULL when OpenSSL fails. */
SSL_CTX *dtls_policy_context_new(EVP_PKEY *key, X509 *certificate);

/* Is the public key of this certificate one whose cost is bounded: a named curve, or RSA of a sane size? */
bool dtls_policy_accepts_key(X509 *certificate);

/*
 * Which of the fingerprints bind: true when the certificate is the one that they describe. False also when there are none
 * or OpenSSL fails.
 */
bool dtls_policy_matches(const X509 *certificate, const struct dtls_fingerprint *fingerprints, size_t count);

/* What the cipher that was agreed adds to a fragment: no encrypted record is shorter. SIZE_MAX before there is one. */
size_t dtls_policy_record_expansion(const SSL *ssl);

/* Callbacks of the handshake, in handshake.c; they find their transport through SSL_get_app_data. */
int dtls_handshake_verify_callback(X509_STORE_CTX *store, void *argument);
int dtls_handshake_client_hello_callback(SSL *ssl, int *alert, void *argument);
void dtls_handshake_key_log_callback(const SSL *ssl, const char *line);
void dtls_handshake_info_callback(const SSL *ssl, int where, int value);

#endif
