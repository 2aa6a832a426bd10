#include "dtls/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "dtls/certificate_internal.h"
#include "dtls/policy_internal.h"

#define SECONDS_PER_DAY 86400
#define WALL_CLOCK_MAX_S 4102444800 /* the year 2100 */
#define SERIAL_BYTES 16

/*
 * RFC 5280 section 4.1.2.2: a positive serial number of at most 20 bytes; ours is random, so that it says nothing.
 * The name is random too: RFC 8827 section 6.5 and RFC 5763 section 5 identify the peer by fingerprint, never by name.
 */
static bool set_random_identity(X509 *x509) {
    static const char digits[] = "0123456789abcdef";
    uint8_t random[SERIAL_BYTES];
    uint8_t name[2 * SERIAL_BYTES];
    if (RAND_bytes(random, sizeof random) != 1) {
        return false;
    }
    random[0] = (uint8_t)((random[0] & 0x7f) | 0x40);
    BIGNUM *serial = BN_bin2bn(random, sizeof random, NULL);
    bool ok = serial != NULL && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509)) != NULL;
    BN_free(serial);
    if (!ok || RAND_bytes(random, sizeof random) != 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        name[2 * i] = (uint8_t)digits[random[i] >> 4];
        name[2 * i + 1] = (uint8_t)digits[random[i] & 15];
    }
    X509_NAME *subject = X509_get_subject_name(x509);
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC, name, (int)sizeof name, -1, 0) == 1 &&
           X509_set_issuer_name(x509, subject) == 1;
}

static X509 *make_x509(EVP_PKEY *key, int64_t not_before_s, int64_t not_after_s) {
    X509 *x509 = X509_new();
    if (x509 == NULL) {
        return NULL;
    }
    bool ok = X509_set_version(x509, X509_VERSION_3) == 1 && ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)not_before_s) != NULL &&
              ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)not_after_s) != NULL && X509_set_pubkey(x509, key) == 1 &&
              set_random_identity(x509) && X509_sign(x509, key, EVP_sha256()) > 0;
    if (!ok) {
        X509_free(x509);
        return NULL;
    }
    return x509;
}

bool dtls_certificate_digest(const X509 *certificate, enum dtls_hash hash, struct dtls_fingerprint *out) {
    const EVP_MD *md = hash == DTLS_HASH_SHA_256   ? EVP_sha256()
                       : hash == DTLS_HASH_SHA_384 ? EVP_sha384()
                       : hash == DTLS_HASH_SHA_512 ? EVP_sha512()
                                                   : NULL;
    struct dtls_fingerprint made = {.hash = hash};
    unsigned int length = 0;
    if (md == NULL || X509_digest(certificate, md, made.bytes, &length) != 1) {
        return false;
    }
    made.length = length;
    *out = made;
    return true;
}

struct dtls_certificate *dtls_certificate_new(const struct dtls_certificate_config *config) {
    if (config == NULL || config->wall_clock_s < 0 || config->wall_clock_s > WALL_CLOCK_MAX_S ||
        config->valid_days > DTLS_CERTIFICATE_MAX_DAYS) {
        return NULL;
    }
    uint32_t days = config->valid_days == 0 ? DTLS_CERTIFICATE_DEFAULT_DAYS : config->valid_days;
    struct dtls_certificate *certificate = calloc(1, sizeof *certificate);
    if (certificate == NULL) {
        return NULL;
    }
    certificate->expires_s = config->wall_clock_s + (int64_t)days * SECONDS_PER_DAY;
    /* RFC 8827 section 6.5, MUST: ECDSA on P-256 is what every implementation has. */
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = key == NULL ? NULL : make_x509(key, config->wall_clock_s - SECONDS_PER_DAY, certificate->expires_s);
    bool ok = x509 != NULL && dtls_certificate_digest(x509, DTLS_HASH_SHA_256, &certificate->fingerprint);
    if (ok) {
        certificate->context = dtls_policy_context_new(key, x509);
    }
    X509_free(x509);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (certificate->context == NULL) {
        free(certificate);
        return NULL;
    }
    return certificate;
}

void dtls_certificate_free(struct dtls_certificate *certificate) {
    if (certificate != NULL) {
        SSL_CTX_free(certificate->context);
        free(certificate);
    }
}

void dtls_certificate_fingerprint(const struct dtls_certificate *certificate, struct dtls_fingerprint *out) {
    *out = certificate->fingerprint;
}

size_t dtls_certificate_x509_der(const X509 *certificate, uint8_t *out, size_t capacity) {
    int length = i2d_X509(certificate, NULL);
    if (length > 0 && (size_t)length <= capacity) {
        length = i2d_X509(certificate, &out);
    }
    return length > 0 ? (size_t)length : 0;
}

size_t dtls_certificate_der(const struct dtls_certificate *certificate, uint8_t *out, size_t capacity) {
    return dtls_certificate_x509_der(SSL_CTX_get0_certificate(certificate->context), out, capacity);
}

int64_t dtls_certificate_expires_s(const struct dtls_certificate *certificate) {
    return certificate->expires_s;
}
