/*
 * Who is let in: fingerprints, kinds of certificates, extensions, SRTP profiles.
 */
#include "test/dtls/pair.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dtls/certificate_internal.h"
#include "dtls/policy_internal.h"

#define ONE_SECOND_US 1000000u

static struct pair pair;

/* The end whose configuration a test wants to change, opened with right fingerprints. The caller's config must stay alive only until the call returns. */
static struct dtls_transport_config config_of(enum pair_end end) {
    pair_certificates(&pair);
    static struct pair stable;
    pair_certificates(&stable);
    return pair_config(&stable, end);
}

static void assert_nothing_was_said(void) {
    struct dtls_srtp_keys keys;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pair.record[i].messages, 0);
        assert_int_not_equal(dtls_transport_state(pair.end[i]), DTLS_TRANSPORT_CONNECTED);
        assert_int_equal(dtls_transport_keying_material(pair.end[i], &keys), DTLS_ERROR_STATE);
        assert_int_equal(dtls_transport_send(pair.end[i], pair.now_us, (const uint8_t *)"x", 1), DTLS_ERROR_STATE);
    }
}

/* RFC 8122 section 6.2: a certificate that is not the promised one ends the association at once, with no data and no keys. */
static void test_wrong_fingerprint(void **state) {
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) { /* the end that was promised another certificate */
        struct dtls_transport_config config[2] = {config_of(PAIR_CLIENT), config_of(PAIR_SERVER)};
        struct dtls_fingerprint other = *config[wrong].remote_fingerprints;
        other.bytes[31] ^= 1;
        config[wrong].remote_fingerprints = &other;
        pair_open_with(&pair, NULL, &config[0], &config[1]);
        pair_run(&pair, ONE_SECOND_US + 100000); /* 100 ms, of which a round trip is 40 */
        assert_true(pair.record[wrong].failed);
        assert_int_equal(pair.record[wrong].failure, DTLS_FAILURE_FINGERPRINT_MISMATCH);
        assert_false(pair.record[0].connected || pair.record[1].connected);
        struct dtls_fingerprint seen;
        assert_true(dtls_transport_peer_fingerprint(pair.end[wrong], DTLS_HASH_SHA_256, &seen));
        assert_true(dtls_fingerprint_equal(&seen, &pair.fingerprint[1 - wrong]));
        assert_nothing_was_said();
        pair_run(&pair, 10 * ONE_SECOND_US); /* the other end has only a plaintext alert for it, and believes that after a while */
        assert_int_equal(pair.record[1 - wrong].failure, DTLS_FAILURE_ALERT);
        assert_true(pair.record[1 - wrong].ended_at_us < 5 * ONE_SECOND_US);
        assert_nothing_was_said();
        pair_close(&pair);
    }
}

/* RFC 8122 section 5: several hashes, the strongest decides; several fingerprints of it, one must match. */
static void test_several_fingerprints(void **state) {
    (void)state;
    struct dtls_certificate_config certificate_config = {.wall_clock_s = 1700000000};
    struct dtls_certificate *certificate = dtls_certificate_new(&certificate_config);
    X509 *x509 = SSL_CTX_get0_certificate(certificate->context);
    struct dtls_fingerprint right[3];
    struct dtls_fingerprint wrong[3];
    for (int i = 0; i < 3; i++) {
        assert_true(dtls_certificate_digest(x509, (enum dtls_hash)(DTLS_HASH_SHA_256 + i), &right[i]));
        wrong[i] = right[i];
        wrong[i].bytes[0] ^= 0x80;
    }
    const struct {
        struct dtls_fingerprint list[3];
        size_t count;
        bool match;
    } cases[] = {
        {{right[0]}, 1, true},           {{right[1]}, 1, true},           {{right[2]}, 1, true},
        {{wrong[0], right[0]}, 2, true}, {{right[0], wrong[0]}, 2, true}, {{wrong[0], wrong[0]}, 2, false},
        {{wrong[0], right[2]}, 2, true}, {{right[0], wrong[2]}, 2, false}, {{right[2], wrong[1], wrong[0]}, 3, true},
        {{right[0], right[1], wrong[2]}, 3, false}, {{right[0]}, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(dtls_policy_matches(x509, cases[i].list, cases[i].count), cases[i].match);
    }
    dtls_certificate_free(certificate);
}

/* RFC 8122 section 6.2: the answer may come after the handshake. Until then the peer is nobody. */
static void test_fingerprints_come_later(void **state) {
    (void)state;
    for (int right = 0; right < 2; right++) {
        for (int late = 0; late < 2; late++) {
            struct dtls_transport_config config[2] = {config_of(PAIR_CLIENT), config_of(PAIR_SERVER)};
            config[late].remote_fingerprint_count = 0;
            config[late].remote_fingerprints = NULL;
            pair_open_with(&pair, NULL, &config[0], &config[1]);
            pair_run(&pair, 2 * ONE_SECOND_US);
            assert_true(pair.record[1 - late].connected); /* it knows its peer, and may speak */
            assert_false(pair.record[late].connected);
            struct dtls_srtp_keys keys;
            assert_int_equal(dtls_transport_keying_material(pair.end[late], &keys), DTLS_ERROR_STATE);
            assert_int_equal(dtls_transport_send(pair.end[late], pair.now_us, (const uint8_t *)"x", 1), DTLS_ERROR_STATE);
            assert_int_equal(dtls_transport_send(pair.end[1 - late], pair.now_us, (const uint8_t *)"early", 5), DTLS_OK);
            pair_run(&pair, 3 * ONE_SECOND_US);
            struct dtls_transport_stats stats;
            dtls_transport_stats(pair.end[late], &stats);
            assert_int_equal(stats.early_data_dropped, 1);
            assert_int_equal(pair.record[late].messages, 0);

            struct dtls_fingerprint fingerprint = pair.fingerprint[1 - late];
            fingerprint.bytes[0] ^= right ? 0 : 1;
            assert_int_equal(dtls_transport_set_remote_fingerprints(pair.end[late], pair.now_us, &fingerprint, 1), DTLS_OK);
            pair_run(&pair, 4 * ONE_SECOND_US);
            assert_int_equal(pair.record[late].connected, right);
            assert_int_equal(pair.record[late].failure, right ? DTLS_FAILURE_NONE : DTLS_FAILURE_FINGERPRINT_MISMATCH);
            if (!right) {
                assert_true(pair.record[1 - late].closed); /* it was told */
            }
            pair_close(&pair);
        }
    }
}

/* They never come: the wait has an end. And a connected peer whose new description names another certificate is gone. */
static void test_fingerprints_never_or_changed(void **state) {
    (void)state;
    struct dtls_transport_config client = config_of(PAIR_CLIENT);
    client.remote_fingerprint_count = 0;
    pair_open_with(&pair, NULL, &client, NULL);
    pair_run(&pair, 100 * ONE_SECOND_US);
    assert_int_equal(pair.record[0].failure, DTLS_FAILURE_TIMEOUT);
    assert_int_equal(pair.record[0].ended_at_us, ONE_SECOND_US + DTLS_HANDSHAKE_TIMEOUT_DEFAULT_US);
    pair_close(&pair);

    pair_open(&pair, NULL);
    assert_true(pair_run_until_connected(&pair, 2 * ONE_SECOND_US));
    struct dtls_fingerprint same = pair.fingerprint[PAIR_SERVER];
    assert_int_equal(dtls_transport_set_remote_fingerprints(pair.end[0], pair.now_us, &same, 1), DTLS_OK);
    pair_run(&pair, 3 * ONE_SECOND_US);
    assert_int_equal(dtls_transport_state(pair.end[0]), DTLS_TRANSPORT_CONNECTED);
    same.bytes[5] ^= 1;
    assert_int_equal(dtls_transport_set_remote_fingerprints(pair.end[0], pair.now_us, &same, 1), DTLS_OK);
    pair_run(&pair, 4 * ONE_SECOND_US);
    assert_int_equal(pair.record[0].failure, DTLS_FAILURE_FINGERPRINT_MISMATCH);
    pair_close(&pair);
}

/* ---- foreign certificates -------------------------------------------------------------------------------------------------- */

static EVP_PKEY *explicit_curve_key(void) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_EXPLICIT_CURVE), 1);
    assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

static X509 *self_signed(EVP_PKEY *key) {
    X509 *x509 = X509_new();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    ASN1_TIME_set(X509_getm_notBefore(x509), 1600000000); /* long expired: dates do not matter, the fingerprint does */
    ASN1_TIME_set(X509_getm_notAfter(x509), 1600000001);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, (const unsigned char *)"x\0y", 3, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    X509_set_pubkey(x509, key);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    /* Reparse, so that a key decoded from explicit parameters knows it. */
    unsigned char *der = NULL;
    int length = i2d_X509(x509, &der);
    const unsigned char *at = der;
    X509 *reparsed = d2i_X509(NULL, &at, length);
    OPENSSL_free(der);
    X509_free(x509);
    return reparsed;
}

static void test_kinds_of_keys(void **state) {
    (void)state;
    const struct {
        EVP_PKEY *key;
        bool accepted;
    } cases[] = {
        {EVP_EC_gen("P-256"), true},  {EVP_EC_gen("P-384"), true},    {EVP_RSA_gen(2048), true},
        {EVP_RSA_gen(1024), false},   {explicit_curve_key(), false},  {EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        X509 *x509 = X509_new();
        if (EVP_PKEY_is_a(cases[i].key, "ED25519")) {
            X509_set_pubkey(x509, cases[i].key);
        } else {
            X509_free(x509);
            x509 = self_signed(cases[i].key);
        }
        assert_int_equal(dtls_policy_accepts_key(x509), cases[i].accepted);
        X509_free(x509);
        EVP_PKEY_free(cases[i].key);
    }
}

/* A peer that is our transport with one thing changed in its TLS settings. */
static struct dtls_certificate *foreign_certificate(EVP_PKEY *key) {
    struct dtls_certificate_config config = {.wall_clock_s = 1700000000};
    struct dtls_certificate *certificate = dtls_certificate_new(&config);
    assert_non_null(certificate);
    if (key != NULL) {
        X509 *x509 = self_signed(key);
        assert_int_equal(SSL_CTX_use_certificate(certificate->context, x509), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(certificate->context, key), 1);
        assert_true(dtls_certificate_digest(x509, DTLS_HASH_SHA_256, &certificate->fingerprint));
        X509_free(x509);
    }
    return certificate;
}

/* Runs our `end` against a foreign peer. Returns why ours failed. */
static enum dtls_failure against(enum pair_end end, struct dtls_certificate *foreign) {
    struct dtls_transport_config config[2] = {config_of(PAIR_CLIENT), config_of(PAIR_SERVER)};
    config[1 - end].certificate = foreign;
    config[end].remote_fingerprints = &foreign->fingerprint;
    pair_open_with(&pair, NULL, &config[0], &config[1]);
    (void)pair_run_until_connected(&pair, 60 * ONE_SECOND_US);
    pair_run(&pair, 60 * ONE_SECOND_US);
    bool connected = dtls_transport_state(pair.end[end]) == DTLS_TRANSPORT_CONNECTED;
    enum dtls_failure failure = pair.record[end].failure;
    assert_true(connected || failure != DTLS_FAILURE_NONE);
    assert_int_equal(pair.record[end].connected, connected);
    pair_close(&pair);
    return failure;
}

static void test_expired_rsa_certificate_connects(void **state) {
    (void)state;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    struct dtls_certificate *foreign = foreign_certificate(key);
    SSL_CTX_set_cipher_list(foreign->context, "ECDHE-RSA-AES128-GCM-SHA256"); /* it still has its ECDSA certificate too */
    assert_int_equal(against(PAIR_CLIENT, foreign), DTLS_FAILURE_NONE);
    dtls_certificate_free(foreign);
    EVP_PKEY_free(key);
}

/* RFC 8422 section 5.1.1: an explicit curve is refused, in either role, although its fingerprint is right. */
static void test_explicit_curve_is_refused(void **state) {
    (void)state;
    EVP_PKEY *key = explicit_curve_key();
    struct dtls_certificate *foreign = foreign_certificate(NULL);
    X509 *x509 = self_signed(key);
    SSL_CTX_set_security_level(foreign->context, 0);
    assert_int_equal(SSL_CTX_use_certificate(foreign->context, x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(foreign->context, key), 1);
    assert_true(dtls_certificate_digest(x509, DTLS_HASH_SHA_256, &foreign->fingerprint));
    enum dtls_failure failure = against(PAIR_SERVER, foreign);
    assert_true(failure == DTLS_FAILURE_CERTIFICATE);
    X509_free(x509);
    dtls_certificate_free(foreign);
    EVP_PKEY_free(key);
}

static int accept_anything(X509_STORE_CTX *store, void *argument) {
    (void)store;
    (void)argument;
    return 1;
}

/* RFC 5763 section 5: a client without a certificate is nobody. */
static void test_client_without_certificate(void **state) {
    (void)state;
    struct dtls_certificate bare = {.context = SSL_CTX_new(DTLS_method())};
    SSL_CTX_set_options(bare.context, SSL_OP_NO_QUERY_MTU);
    SSL_CTX_set_cert_verify_callback(bare.context, accept_anything, NULL);
    memset(&bare.fingerprint, 0, sizeof bare.fingerprint);
    bare.fingerprint.hash = DTLS_HASH_SHA_256;
    bare.fingerprint.length = 32;
    enum dtls_failure failure = against(PAIR_SERVER, &bare);
    assert_true(failure == DTLS_FAILURE_HANDSHAKE || failure == DTLS_FAILURE_ALERT);
    SSL_CTX_free(bare.context);
}

/* RFC 7627 section 5.2: either side refuses to go on without it. */
static void test_extended_master_secret_is_required(void **state) {
    (void)state;
    struct dtls_certificate *foreign = foreign_certificate(NULL);
    SSL_CTX_set_options(foreign->context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    assert_int_equal(against(PAIR_CLIENT, foreign), DTLS_FAILURE_NO_EXTENDED_MASTER_SECRET);
    assert_int_equal(against(PAIR_SERVER, foreign), DTLS_FAILURE_NO_EXTENDED_MASTER_SECRET);
    dtls_certificate_free(foreign);
}

/*
 * RFC 6347 section 4.1.2.7: an encrypted record that has no room for what its cipher adds (RFC 5288 section 3, RFC 7905 section 2) is dropped, at
 * limit - 1, before OpenSSL sees it: 3.0.20 would end the call. At the limit and above OpenSSL says that it is forged.
 */
static void test_records_shorter_than_their_cipher_allows(void **state) {
    (void)state;
    static const struct {
        const char *ciphers;
        size_t expansion;
    } rows[] = {{"ECDHE-ECDSA-AES128-GCM-SHA256", 24}, {"ECDHE-ECDSA-AES256-GCM-SHA384", 24}, {"ECDHE-ECDSA-CHACHA20-POLY1305", 16}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dtls_certificate *foreign = foreign_certificate(NULL);
        struct dtls_transport_config config[2] = {config_of(PAIR_CLIENT), config_of(PAIR_SERVER)};
        SSL_CTX_set_cipher_list(foreign->context, rows[i].ciphers);
        config[PAIR_CLIENT].certificate = foreign;
        config[PAIR_SERVER].remote_fingerprints = &foreign->fingerprint;
        pair_open_with(&pair, NULL, &config[PAIR_CLIENT], &config[PAIR_SERVER]);
        assert_true(pair_run_until_connected(&pair, 2 * ONE_SECOND_US));
        for (int end = 0; end < 2; end++) {
            for (uint8_t type = 20; type <= 23; type++) {
                for (size_t length = 0; length <= rows[i].expansion + 1; length++) {
                    uint8_t record[13 + 64] = {type, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 99, 0, (uint8_t)length};
                    int result = dtls_transport_handle_datagram(pair.end[end], pair.now_us, record, 13 + length);
                    assert_int_equal(result, length < rows[i].expansion ? DTLS_ERROR_MALFORMED : DTLS_OK);
                    assert_int_equal(dtls_transport_state(pair.end[end]), DTLS_TRANSPORT_CONNECTED);
                }
            }
            assert_int_equal(dtls_transport_send(pair.end[1 - end], pair.now_us, (const uint8_t *)"still", 5), DTLS_OK);
        }
        pair_run(&pair, pair.now_us + ONE_SECOND_US);
        assert_int_equal(pair.record[0].messages, 1);
        assert_int_equal(pair.record[1].messages, 1);
        pair_close(&pair);
        dtls_certificate_free(foreign);
    }
}

/* RFC 8827 section 6.5: nothing below DTLS 1.2, nothing without forward secrecy and AEAD. */
static void test_old_versions_and_ciphers_are_refused(void **state) {
    (void)state;
    struct dtls_certificate *old = foreign_certificate(NULL);
    SSL_CTX_set_security_level(old->context, 0);
    SSL_CTX_set_min_proto_version(old->context, DTLS1_VERSION);
    SSL_CTX_set_max_proto_version(old->context, DTLS1_VERSION);
    SSL_CTX_set_cipher_list(old->context, "ALL:@SECLEVEL=0");
    enum dtls_failure failure = against(PAIR_SERVER, old);
    assert_true(failure == DTLS_FAILURE_HANDSHAKE || failure == DTLS_FAILURE_ALERT);
    dtls_certificate_free(old);

    struct dtls_certificate *weak = foreign_certificate(NULL);
    SSL_CTX_set_cipher_list(weak->context, "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0");
    failure = against(PAIR_SERVER, weak);
    assert_true(failure == DTLS_FAILURE_HANDSHAKE || failure == DTLS_FAILURE_ALERT);
    failure = against(PAIR_CLIENT, weak);
    assert_true(failure == DTLS_FAILURE_HANDSHAKE || failure == DTLS_FAILURE_ALERT);
    dtls_certificate_free(weak);
}

/* ---- SRTP profiles ------------------------------------------------------------------------------------------------------------ */

/* RFC 5764 section 4.1.1 and 4.1.2: the server chooses one of the client's; ours by its own order. */
static void test_srtp_profile_is_the_servers_choice(void **state) {
    (void)state;
    static const enum dtls_srtp_profile gcm = DTLS_SRTP_AEAD_AES_128_GCM;
    static const enum dtls_srtp_profile gcm_256 = DTLS_SRTP_AEAD_AES_256_GCM;
    static const enum dtls_srtp_profile cm = DTLS_SRTP_AES128_CM_HMAC_SHA1_80;
    const struct {
        enum dtls_srtp_profile client[3];
        size_t client_count;
        enum dtls_srtp_profile server[3];
        size_t server_count;
        unsigned agreed; /* 0: none */
    } cases[] = {
        {{cm, gcm}, 2, {gcm, cm}, 2, DTLS_SRTP_AEAD_AES_128_GCM},
        {{gcm, cm}, 2, {cm, gcm}, 2, DTLS_SRTP_AES128_CM_HMAC_SHA1_80},
        {{cm}, 1, {gcm, cm}, 2, DTLS_SRTP_AES128_CM_HMAC_SHA1_80},
        {{gcm_256, gcm, cm}, 3, {gcm_256}, 1, DTLS_SRTP_AEAD_AES_256_GCM},
        {{gcm}, 1, {cm}, 1, 0},
    };
    assert_int_equal(dtls_srtp_initialize(), DTLS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dtls_transport_config config[2] = {config_of(PAIR_CLIENT), config_of(PAIR_SERVER)};
        config[0].srtp_profiles = cases[i].client;
        config[0].srtp_profile_count = cases[i].client_count;
        config[1].srtp_profiles = cases[i].server;
        config[1].srtp_profile_count = cases[i].server_count;
        pair_open_with(&pair, NULL, &config[0], &config[1]);
        assert_int_equal(pair_run_until_connected(&pair, 10 * ONE_SECOND_US), cases[i].agreed != 0);
        if (cases[i].agreed == 0) {
            pair_run(&pair, 20 * ONE_SECOND_US);
            assert_true(pair.record[0].failure == DTLS_FAILURE_NO_SRTP_PROFILE || pair.record[1].failure == DTLS_FAILURE_NO_SRTP_PROFILE);
            assert_nothing_was_said();
            pair_close(&pair);
            continue;
        }
        /* Profile negotiated, policy used and keys are one thing: a packet of either side passes at the other. */
        struct dtls_srtp *srtp[2];
        for (int end = 0; end < 2; end++) {
            struct dtls_srtp_keys keys;
            assert_int_equal(dtls_transport_keying_material(pair.end[end], &keys), DTLS_OK);
            assert_int_equal(keys.profile, cases[i].agreed);
            struct dtls_srtp_config srtp_config = {.keys = &keys};
            srtp[end] = dtls_srtp_new(&srtp_config);
            assert_non_null(srtp[end]);
            dtls_srtp_keys_wipe(&keys);
        }
        for (int end = 0; end < 2; end++) {
            uint8_t packet[100] = {0x80, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 'h', 'i'};
            size_t length = 14;
            assert_int_equal(dtls_srtp_protect_rtp(srtp[end], packet, &length, sizeof packet), DTLS_OK);
            assert_int_equal(dtls_srtp_unprotect_rtp(srtp[1 - end], packet, &length), DTLS_OK);
            assert_memory_equal(packet + 12, "hi", 2);
        }
        dtls_srtp_free(srtp[0]);
        dtls_srtp_free(srtp[1]);
        pair_close(&pair);
    }
}

/* A session of data channels only may do without. */
static void test_srtp_optional(void **state) {
    (void)state;
    static const enum dtls_srtp_profile gcm = DTLS_SRTP_AEAD_AES_128_GCM;
    static const enum dtls_srtp_profile cm = DTLS_SRTP_AES128_CM_HMAC_SHA1_80;
    struct dtls_transport_config config[2] = {config_of(PAIR_CLIENT), config_of(PAIR_SERVER)};
    config[0].srtp_profiles = &gcm;
    config[1].srtp_profiles = &cm;
    config[0].srtp_profile_count = config[1].srtp_profile_count = 1;
    config[0].srtp_optional = config[1].srtp_optional = true;
    pair_open_with(&pair, NULL, &config[0], &config[1]);
    assert_true(pair_run_until_connected(&pair, 10 * ONE_SECOND_US));
    struct dtls_srtp_keys keys;
    assert_int_equal(dtls_transport_keying_material(pair.end[0], &keys), DTLS_ERROR_STATE);
    assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, (const uint8_t *)"data", 4), DTLS_OK);
    pair_run(&pair, 11 * ONE_SECOND_US);
    assert_int_equal(pair.record[1].messages, 1);
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_fingerprint),
        cmocka_unit_test(test_several_fingerprints),
        cmocka_unit_test(test_fingerprints_come_later),
        cmocka_unit_test(test_fingerprints_never_or_changed),
        cmocka_unit_test(test_kinds_of_keys),
        cmocka_unit_test(test_expired_rsa_certificate_connects),
        cmocka_unit_test(test_explicit_curve_is_refused),
        cmocka_unit_test(test_client_without_certificate),
        cmocka_unit_test(test_extended_master_secret_is_required),
        cmocka_unit_test(test_records_shorter_than_their_cipher_allows),
        cmocka_unit_test(test_old_versions_and_ciphers_are_refused),
        cmocka_unit_test(test_srtp_profile_is_the_servers_choice),
        cmocka_unit_test(test_srtp_optional),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
