#include "dtls/policy_internal.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "dtls/certificate_internal.h"

/* RFC 8827 section 6.5, MUST: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; forward secrecy and AEAD throughout, NULL never. */
static const char cipher_list[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                                  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
static const char group_list[] = "P-256:X25519:P-384";
static const char signature_list[] = "ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA+SHA256:RSA+SHA384";

/* Longest certificate message, which OpenSSL also takes as a bound of its reassembly. */
#define CERTIFICATE_LIST_MAX_BYTES 8192

static bool set_policy(SSL_CTX *context) {
    /* RFC 8827 section 6.5, MUST: DTLS 1.2, and no renegotiation. Compression and tickets have no use here. */
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(context, CERTIFICATE_LIST_MAX_BYTES);
    SSL_CTX_set_security_level(context, 2);
    /* RFC 5763 section 5, MUST: both sides present a certificate. The chain is never built: the fingerprint decides. */
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, dtls_handshake_verify_callback, NULL);
    SSL_CTX_set_client_hello_cb(context, dtls_handshake_client_hello_callback, NULL);
    SSL_CTX_set_keylog_callback(context, dtls_handshake_key_log_callback);
    SSL_CTX_set_info_callback(context, dtls_handshake_info_callback);
    return SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 && SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, cipher_list) == 1 && SSL_CTX_set1_groups_list(context, group_list) == 1 &&
           SSL_CTX_set1_sigalgs_list(context, signature_list) == 1;
}

SSL_CTX *dtls_policy_context_new(EVP_PKEY *key, X509 *certificate) {
    SSL_CTX *context = SSL_CTX_new(DTLS_method());
    if (context == NULL) {
        return NULL;
    }
    if (!set_policy(context) || SSL_CTX_use_certificate(context, certificate) != 1 || SSL_CTX_use_PrivateKey(context, key) != 1) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

size_t dtls_policy_record_expansion(const SSL *ssl) {
    enum { TAG_BYTES = 16, EXPLICIT_NONCE_BYTES = 8 };
    const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);
    if (cipher == NULL) {
        return SIZE_MAX;
    }
    /* RFC 5288 section 3: the nonce of AES-GCM is half explicit; RFC 7905 section 2: that of ChaCha20-Poly1305 is not. */
    return SSL_CIPHER_get_cipher_nid(cipher) == NID_chacha20_poly1305 ? TAG_BYTES : EXPLICIT_NONCE_BYTES + TAG_BYTES;
}

bool dtls_policy_accepts_key(X509 *certificate) {
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (key == NULL) {
        return false;
    }
    if (EVP_PKEY_is_a(key, "RSA")) {
        int bits = EVP_PKEY_get_bits(key);
        return bits >= DTLS_RSA_MIN_BITS && bits <= DTLS_RSA_MAX_BITS;
    }
    if (!EVP_PKEY_is_a(key, "EC")) {
        return false;
    }
    /* RFC 8422 section 5.1.1, MUST: explicit curve parameters are not used. Their arithmetic is also the attacker's choice. */
    int explicit_curve = 1;
    return EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_curve) == 1 && explicit_curve == 0;
}

bool dtls_policy_matches(const X509 *certificate, const struct dtls_fingerprint *fingerprints, size_t count) {
    /* RFC 8122 section 5, MUST: of several hashes only the most preferred counts, for us the strongest; one fingerprint of it has to match. */
    enum dtls_hash strongest = 0;
    for (size_t i = 0; i < count; i++) {
        if (fingerprints[i].hash > strongest) {
            strongest = fingerprints[i].hash;
        }
    }
    struct dtls_fingerprint seen;
    if (count == 0 || !dtls_certificate_digest(certificate, strongest, &seen)) {
        return false;
    }
    bool match = false;
    for (size_t i = 0; i < count; i++) {
        match = dtls_fingerprint_equal(&fingerprints[i], &seen) || match;
    }
    return match;
}
