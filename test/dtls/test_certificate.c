#include "dtls/certificate.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "dtls/certificate_internal.h"

#define WALL_CLOCK_S 1700000000
#define DAY_S 86400

/* RFC 8827 section 6.5 and RFC 5763 section 5: P-256, self-signed, valid from a day ago, nameless. */
static void test_what_it_says(void **state) {
    (void)state;
    struct dtls_certificate_config config = {.wall_clock_s = WALL_CLOCK_S};
    struct dtls_certificate *certificate = dtls_certificate_new(&config);
    assert_non_null(certificate);
    assert_int_equal(dtls_certificate_expires_s(certificate), WALL_CLOCK_S + 30 * DAY_S);
    X509 *x509 = SSL_CTX_get0_certificate(certificate->context);
    EVP_PKEY *key = X509_get0_pubkey(x509);
    char group[32];
    size_t length;
    assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof group, &length), 1);
    assert_string_equal(group, "prime256v1");
    assert_int_equal(X509_verify(x509, key), 1);
    time_t from = WALL_CLOCK_S - DAY_S;
    time_t until = WALL_CLOCK_S + 30 * DAY_S;
    assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notBefore(x509), from), 0);
    assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notAfter(x509), until), 0);
    assert_int_equal(X509_NAME_cmp(X509_get_subject_name(x509), X509_get_issuer_name(x509)), 0);
    assert_true(ASN1_STRING_length(X509_get0_serialNumber(x509)) == 16); /* positive, random */

    struct dtls_fingerprint fingerprint;
    struct dtls_fingerprint computed = {.hash = DTLS_HASH_SHA_256, .length = 32};
    dtls_certificate_fingerprint(certificate, &fingerprint);
    unsigned int digest_length;
    assert_int_equal(X509_digest(x509, EVP_sha256(), computed.bytes, &digest_length), 1);
    assert_true(dtls_fingerprint_equal(&fingerprint, &computed));
    dtls_certificate_free(certificate);
}

/* RFC 8122 section 5: the fingerprint is the digest of the DER form; W3C webrtc-stats shows that form. Its capacity at limit - 1, limit, limit + 1. */
static void test_der(void **state) {
    (void)state;
    struct dtls_certificate_config config = {.wall_clock_s = WALL_CLOCK_S};
    struct dtls_certificate *certificate = dtls_certificate_new(&config);
    struct dtls_fingerprint fingerprint, computed = {.hash = DTLS_HASH_SHA_256, .length = 32};
    uint8_t der[1024];
    assert_non_null(certificate);
    size_t length = dtls_certificate_der(certificate, NULL, 0);
    assert_in_range(length, 200, sizeof der - 1);
    memset(der, 0xEE, sizeof der);
    assert_int_equal(dtls_certificate_der(certificate, der, length - 1), length);
    for (size_t i = 0; i < sizeof der; i++) {
        assert_int_equal(der[i], 0xEE);
    }
    assert_int_equal(dtls_certificate_der(certificate, der, length), length);
    assert_int_equal(der[length], 0xEE);
    assert_int_equal(dtls_certificate_der(certificate, der, length + 1), length);
    assert_int_equal(der[length], 0xEE);
    dtls_certificate_fingerprint(certificate, &fingerprint);
    assert_int_equal(EVP_Digest(der, length, computed.bytes, NULL, EVP_sha256(), NULL), 1);
    assert_true(dtls_fingerprint_equal(&fingerprint, &computed));
    dtls_certificate_free(certificate);
}

static void test_no_two_are_the_same(void **state) {
    (void)state;
    struct dtls_certificate_config config = {.wall_clock_s = WALL_CLOCK_S, .valid_days = 1};
    struct dtls_fingerprint fingerprints[8];
    for (int i = 0; i < 8; i++) {
        struct dtls_certificate *certificate = dtls_certificate_new(&config);
        assert_non_null(certificate);
        dtls_certificate_fingerprint(certificate, &fingerprints[i]);
        for (int k = 0; k < i; k++) {
            assert_false(dtls_fingerprint_equal(&fingerprints[i], &fingerprints[k]));
        }
        dtls_certificate_free(certificate);
    }
}

static void test_limits(void **state) {
    (void)state;
    static const struct {
        struct dtls_certificate_config config;
        bool made;
    } cases[] = {
        {{WALL_CLOCK_S, DTLS_CERTIFICATE_MAX_DAYS - 1}, true}, {{WALL_CLOCK_S, DTLS_CERTIFICATE_MAX_DAYS}, true},
        {{WALL_CLOCK_S, DTLS_CERTIFICATE_MAX_DAYS + 1}, false}, {{-1, 1}, false},
        {{0, 1}, true}, {{4102444800, 90}, true}, {{4102444801, 1}, false}, {{INT64_MAX, 1}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dtls_certificate *certificate = dtls_certificate_new(&cases[i].config);
        assert_int_equal(certificate != NULL, cases[i].made);
        dtls_certificate_free(certificate);
    }
    assert_null(dtls_certificate_new(NULL));
    dtls_certificate_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_says),
        cmocka_unit_test(test_der),
        cmocka_unit_test(test_no_two_are_the_same),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
