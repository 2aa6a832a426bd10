/* stun/integrity.c: MACs, fingerprint, keys and the nonce cookie, RFC 8489 sections 9 and 14.5 to 14.7. */
#include "test_stun.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "exact_copy.h"
#include "stun/integrity.h"
#include "vectors.h"

static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2};

static struct stun_key *password_key(const char *password) {
    struct stun_key *key = stun_key_new_short_term((const uint8_t *)password, strlen(password));
    assert_non_null(key);
    return key;
}

/* A request with both MACs and a fingerprint. Returns its length. */
static size_t protected_request(uint8_t *bytes, size_t capacity, struct stun_key *key) {
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, capacity, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERNAME, (const uint8_t *)"abcd:efgh", 9);
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, 0x6E7F00FF);
    stun_writer_add_integrity(&writer, key);
    stun_writer_add_integrity_sha256(&writer, key);
    stun_writer_add_fingerprint(&writer);
    int length = stun_writer_finish(&writer);
    assert_true(length > 0);
    return (size_t)length;
}

static struct stun_message parsed(const uint8_t *bytes, size_t length) {
    struct stun_message message;
    assert_int_equal(stun_message_parse(bytes, length, &message), STUN_OK);
    return message;
}

/* The saved hash states give what OpenSSL's own HMAC gives, for keys below, at and above a block, up to the limit. */
static void agrees_with_one_shot_hmac(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 2, 22, 63, 64, 65, 127, 128, 512, 762, 763};
    uint8_t password[764];
    for (size_t i = 0; i < sizeof password; i++)
        password[i] = (uint8_t)(i * 7 + 1);
    for (size_t k = 0; k < COUNT(lengths); k++) {
        struct stun_key *key = stun_key_new_short_term(password, lengths[k]);
        assert_non_null(key);
        for (size_t data = 0; data < 300; data += 13) {
            uint8_t bytes[512];
            uint8_t value[300] = {1};
            uint8_t mac[EVP_MAX_MD_SIZE];
            struct stun_writer writer;
            stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_INDICATION, STUN_METHOD_SEND, id);
            stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, value, data);
            size_t covered = writer.length;
            stun_writer_add_integrity(&writer, key);
            assert_non_null(HMAC(EVP_sha1(), password, (int)lengths[k], bytes, covered, mac, NULL));
            assert_memory_equal(bytes + covered + 4, mac, 20);
            covered = writer.length;
            stun_writer_add_integrity_sha256(&writer, key);
            assert_non_null(HMAC(EVP_sha256(), password, (int)lengths[k], bytes, covered, mac, NULL));
            assert_memory_equal(bytes + covered + 4, mac, 32);
            struct stun_message message = parsed(bytes, (size_t)stun_writer_finish(&writer));
            assert_int_equal(stun_message_check_integrity(&message, key), STUN_OK);
            assert_int_equal(stun_message_check_integrity_sha256(&message, key), STUN_OK);
        }
        stun_key_free(key);
    }
    assert_null(stun_key_new_short_term(password, 0));
    assert_null(stun_key_new_short_term(password, STUN_TEXT_MAX_BYTES + 1));
}

/* No single bit of a protected message can change unnoticed, by any of the three. */
static void single_bit_flips(void **state) {
    (void)state;
    struct stun_key *key = password_key(VECTOR_SHORT_TERM_PASSWORD);
    uint8_t bytes[160];
    size_t length = protected_request(bytes, sizeof bytes, key);
    struct stun_message good = parsed(bytes, length);
    assert_int_equal(stun_message_check_integrity(&good, key), STUN_OK);
    assert_int_equal(stun_message_check_integrity_sha256(&good, key), STUN_OK);
    assert_int_equal(stun_message_check_fingerprint(&good), STUN_OK);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        uint8_t *copy = exact_copy(bytes, length);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct stun_message message;
        if (stun_message_parse(copy, length, &message) == STUN_OK) {
            if (bit / 8 < good.integrity_offset + 24)
                assert_int_not_equal(stun_message_check_integrity(&message, key), STUN_OK);
            if (bit / 8 < good.integrity_sha256_offset + 36)
                assert_int_not_equal(stun_message_check_integrity_sha256(&message, key), STUN_OK);
            assert_int_not_equal(stun_message_check_fingerprint(&message), STUN_OK);
        }
        free(copy);
    }
    stun_key_free(key);
}

static void single_bit_flips_of_the_vector(void **state) {
    (void)state;
    struct stun_key *key = password_key(VECTOR_SHORT_TERM_PASSWORD);
    uint8_t bytes[sizeof vector_short_term_request];
    memcpy(bytes, vector_short_term_request, sizeof bytes);
    for (size_t bit = 0; bit < 8 * (sizeof bytes - 8); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct stun_message message;
        if (stun_message_parse(bytes, sizeof bytes, &message) == STUN_OK)
            assert_int_not_equal(stun_message_check_integrity(&message, key), STUN_OK);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    stun_key_free(key);
}

static void wrong_key_and_missing_attributes(void **state) {
    (void)state;
    struct stun_key *key = password_key("right");
    struct stun_key *wrong = password_key("wrong");
    uint8_t bytes[160];
    struct stun_message message = parsed(bytes, protected_request(bytes, sizeof bytes, key));
    assert_int_equal(stun_message_check_integrity(&message, wrong), STUN_ERROR_INTEGRITY);
    assert_int_equal(stun_message_check_integrity_sha256(&message, wrong), STUN_ERROR_INTEGRITY);
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
    message = parsed(bytes, (size_t)stun_writer_finish(&writer));
    assert_int_equal(stun_message_check_integrity(&message, key), STUN_ERROR_NOT_FOUND);
    assert_int_equal(stun_message_check_integrity_sha256(&message, key), STUN_ERROR_NOT_FOUND);
    assert_int_equal(stun_message_check_fingerprint(&message), STUN_ERROR_NOT_FOUND);
    stun_key_free(key);
    stun_key_free(wrong);
    stun_key_free(NULL);
}

/* Nothing behind MESSAGE-INTEGRITY can be believed: an attacker may append there (RFC 5389 section 15.4). */
static void appended_attribute_is_not_shown(void **state) {
    (void)state;
    struct stun_key *key = password_key("pw");
    uint8_t bytes[160];
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
    stun_writer_add_integrity(&writer, key);
    static const uint8_t appended[] = {0x00, 0x25, 0x00, 0x00};
    memcpy(bytes + writer.length, appended, sizeof appended);
    bytes[3] = (uint8_t)(bytes[3] + sizeof appended);
    struct stun_message message = parsed(bytes, writer.length + sizeof appended);
    struct stun_attribute attribute;
    assert_int_equal(stun_message_check_integrity(&message, key), STUN_OK);
    assert_false(stun_message_find(&message, STUN_ATTRIBUTE_USE_CANDIDATE, &attribute));
    stun_key_free(key);
}

/* RFC 8489 section 14.6: the SHA-256 MAC may be cut to 16..32 bytes, in words. */
static void truncated_sha256(void **state) {
    (void)state;
    struct stun_key *key = password_key("pw");
    for (uint16_t cut = 0; cut <= 40; cut++) {
        uint8_t bytes[128] = {0};
        uint8_t mac[EVP_MAX_MD_SIZE] = {0};
        struct stun_writer writer;
        stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
        stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, 5);
        size_t covered = writer.length;
        uint8_t zeros[40] = {0};
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_MESSAGE_INTEGRITY_SHA256, zeros, cut);
        assert_non_null(HMAC(EVP_sha256(), "pw", 2, bytes, covered, mac, NULL));
        memcpy(bytes + covered + 4, mac, cut);
        stun_writer_add_fingerprint(&writer);
        struct stun_message message = parsed(bytes, (size_t)stun_writer_finish(&writer));
        bool allowed = cut >= 16 && cut <= 32 && cut % 4 == 0;
        assert_int_equal(stun_message_check_integrity_sha256(&message, key), allowed ? STUN_OK : STUN_ERROR_MALFORMED);
        if (allowed) {
            bytes[covered + 4 + cut - 1] ^= 1;
            assert_int_equal(stun_message_check_integrity_sha256(&message, key), STUN_ERROR_INTEGRITY);
        }
    }
    stun_key_free(key);
}

/* RFC 8489 sections 14.5 and 14.7: 20 bytes of MAC, 4 of CRC, nothing else. */
static void wrong_lengths(void **state) {
    (void)state;
    struct stun_key *key = password_key("pw");
    const uint8_t zeros[32] = {0};
    for (size_t length = 0; length <= 32; length++) {
        uint8_t bytes[128];
        struct stun_writer writer;
        stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_MESSAGE_INTEGRITY, zeros, length);
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_FINGERPRINT, zeros, length);
        size_t total = (size_t)stun_writer_finish(&writer);
        uint8_t *copy = exact_copy(bytes, total);
        struct stun_message message = parsed(copy, total);
        assert_int_equal(stun_message_check_integrity(&message, key), length == 20 ? STUN_ERROR_INTEGRITY : STUN_ERROR_MALFORMED);
        assert_int_equal(stun_message_check_fingerprint(&message), length == 4 ? STUN_ERROR_INTEGRITY : STUN_ERROR_MALFORMED);
        free(copy);
    }
    stun_key_free(key);
}

static struct stun_key *matrix_key(enum stun_password_algorithm algorithm, const char *password) {
    return stun_key_new_long_term(algorithm, vector_matrix_username, sizeof vector_matrix_username, (const uint8_t *)VECTOR_REALM,
                                  strlen(VECTOR_REALM), (const uint8_t *)password, strlen(password));
}

/* RFC 8489 sections 18.5.1.1 and 18.5.1.2, by the published messages. */
static void long_term_keys(void **state) {
    (void)state;
    struct stun_message md5_message = parsed(vector_long_term_request, sizeof vector_long_term_request);
    struct stun_message sha256_message = parsed(vector_sha256_request, sizeof vector_sha256_request);
    struct stun_key *md5 = matrix_key(STUN_PASSWORD_MD5, VECTOR_LONG_TERM_PASSWORD);
    struct stun_key *sha256 = matrix_key(STUN_PASSWORD_SHA256, VECTOR_LONG_TERM_PASSWORD);
    struct stun_key *wrong = matrix_key(STUN_PASSWORD_SHA256, "TheMatrIx");
    assert_int_equal(stun_message_check_integrity(&md5_message, md5), STUN_OK);
    assert_int_equal(stun_message_check_integrity(&md5_message, sha256), STUN_ERROR_INTEGRITY);
    assert_int_equal(stun_message_check_integrity_sha256(&sha256_message, sha256), STUN_OK);
    assert_int_equal(stun_message_check_integrity_sha256(&sha256_message, md5), STUN_ERROR_INTEGRITY);
    assert_int_equal(stun_message_check_integrity_sha256(&sha256_message, wrong), STUN_ERROR_INTEGRITY);
    assert_null(matrix_key((enum stun_password_algorithm)3, "x"));
    stun_key_free(md5);
    stun_key_free(sha256);
    stun_key_free(wrong);
}

/* RFC 8489 sections 9.2 and 18.1. */
static void nonce_cookie(void **state) {
    (void)state;
    static const struct {
        const char *nonce;
        bool ok;
        uint32_t features;
    } cases[] = {
        {"obMatJos2gAAArest", true, STUN_SECURITY_FEATURE_PASSWORD_ALGORITHMS},
        {"obMatJos2QAAA", true, STUN_SECURITY_FEATURE_USERNAME_ANONYMITY},
        {"obMatJos2wAAA", true, STUN_SECURITY_FEATURE_PASSWORD_ALGORITHMS | STUN_SECURITY_FEATURE_USERNAME_ANONYMITY},
        {"obMatJos2AAAA", true, 0},
        {"obMatJos2////", true, 0xFFFFFF},
        {"obMatJos2+z9B", true, 62u << 18 | 51u << 12 | 61u << 6 | 1},
        {"obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA", true, 2}, /* RFC 8489 appendix B.1 */
        {"obMatJos2AAA", false, 0},
        {"obMatJos2AAA=", false, 0},
        {"obMatJos2AA-A", false, 0},
        {"obmatjos2AAAA", false, 0},
        {"f//499k954d6OL34oL9FSTvy64sA", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t length = strlen(cases[i].nonce);
        uint8_t *copy = exact_copy((const uint8_t *)cases[i].nonce, length);
        uint32_t features = 0x55;
        assert_int_equal(stun_nonce_security_features(copy, length, &features), cases[i].ok);
        assert_int_equal(features, cases[i].ok ? cases[i].features : 0x55);
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_one_shot_hmac),        cmocka_unit_test(single_bit_flips),
        cmocka_unit_test(single_bit_flips_of_the_vector),   cmocka_unit_test(wrong_key_and_missing_attributes),
        cmocka_unit_test(appended_attribute_is_not_shown),  cmocka_unit_test(truncated_sha256),
        cmocka_unit_test(wrong_lengths),                    cmocka_unit_test(long_term_keys),
        cmocka_unit_test(nonce_cookie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
