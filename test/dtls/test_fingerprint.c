#include "dtls/fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SHA_256_TEXT                                                                                                                         \
    "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:46:3F:54:42:CD:54:F1"

static int parse(const char *text, struct dtls_fingerprint *out) {
    /* A heap block that ends with the text, so that a byte too many is seen. */
    size_t length = strlen(text);
    char *exact = malloc(length == 0 ? 1 : length);
    memcpy(exact, text, length);
    int result = dtls_fingerprint_parse(exact, length, out);
    free(exact);
    return result;
}

/* RFC 8122 section 5: the example of the grammar, there and back. */
static void test_parse_and_write(void **state) {
    (void)state;
    struct dtls_fingerprint fingerprint;
    assert_int_equal(parse(SHA_256_TEXT, &fingerprint), DTLS_OK);
    assert_int_equal(fingerprint.hash, DTLS_HASH_SHA_256);
    assert_int_equal(fingerprint.length, 32);
    assert_int_equal(fingerprint.bytes[0], 0x4A);
    assert_int_equal(fingerprint.bytes[31], 0xF1);
    char text[DTLS_FINGERPRINT_TEXT_BYTES];
    assert_int_equal(dtls_fingerprint_write(&fingerprint, text, sizeof text), strlen(SHA_256_TEXT));
    assert_string_equal(text, SHA_256_TEXT);
    assert_int_equal(dtls_fingerprint_write(&fingerprint, text, strlen(SHA_256_TEXT)), 0); /* no room for the NUL */
    assert_int_equal(dtls_fingerprint_write(&fingerprint, text, strlen(SHA_256_TEXT) + 1), strlen(SHA_256_TEXT));
}

/* RFC 8122 section 5: hash names are compared without case; digits of peers come in both. */
static void test_case_does_not_matter(void **state) {
    (void)state;
    char lower[] = SHA_256_TEXT;
    struct dtls_fingerprint a;
    struct dtls_fingerprint b;
    for (char *c = lower; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    }
    assert_int_equal(parse(lower, &a), DTLS_OK);
    memcpy(lower, "SHA-256", 7);
    assert_int_equal(parse(lower, &b), DTLS_OK);
    assert_true(dtls_fingerprint_equal(&a, &b));
}

static void test_all_hashes(void **state) {
    (void)state;
    static const struct {
        enum dtls_hash hash;
        size_t bytes;
    } hashes[] = {{DTLS_HASH_SHA_256, 32}, {DTLS_HASH_SHA_384, 48}, {DTLS_HASH_SHA_512, 64}};
    for (size_t i = 0; i < 3; i++) {
        struct dtls_fingerprint fingerprint = {.hash = hashes[i].hash, .length = hashes[i].bytes};
        for (size_t k = 0; k < hashes[i].bytes; k++) {
            fingerprint.bytes[k] = (uint8_t)(k * 37);
        }
        char text[DTLS_FINGERPRINT_TEXT_BYTES];
        struct dtls_fingerprint back;
        size_t length = dtls_fingerprint_write(&fingerprint, text, sizeof text);
        assert_int_equal(length, strlen(text));
        assert_int_equal(parse(text, &back), DTLS_OK);
        assert_true(dtls_fingerprint_equal(&fingerprint, &back));
        for (size_t cut = 0; cut < length; cut++) { /* truncation sweep */
            text[cut] = '\0';
            assert_int_equal(parse(text, &back), DTLS_ERROR_MALFORMED);
            (void)dtls_fingerprint_write(&fingerprint, text, sizeof text);
        }
        for (size_t bit = 0; bit < 8 * hashes[i].bytes; bit++) {
            back = fingerprint;
            back.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_false(dtls_fingerprint_equal(&fingerprint, &back));
        }
    }
}

/* RFC 8122 section 5: weak or unknown hashes are told apart from nonsense, so that a second fingerprint may save the description. */
static void test_weak_and_malformed(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB", DTLS_ERROR_WEAK_HASH},
        {"md5 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B", DTLS_ERROR_WEAK_HASH},
        {"sha3-256 4A:AD", DTLS_ERROR_WEAK_HASH},
        {"", DTLS_ERROR_MALFORMED},
        {"sha-256", DTLS_ERROR_MALFORMED},
        {"sha-256 ", DTLS_ERROR_MALFORMED},
        {" 4A:AD", DTLS_ERROR_MALFORMED},
        {"sha-256 4A:AD", DTLS_ERROR_MALFORMED},
        {"sha-1 4A:A", DTLS_ERROR_MALFORMED},
        {"sha-1 4A:AG", DTLS_ERROR_MALFORMED},
        {"sha-1 4AAD0", DTLS_ERROR_MALFORMED},
        {"sha-1 4A:AD:", DTLS_ERROR_MALFORMED},
        {"sha,1 4A:AD", DTLS_ERROR_MALFORMED},
        {SHA_256_TEXT " ", DTLS_ERROR_MALFORMED},
        {SHA_256_TEXT ":00", DTLS_ERROR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dtls_fingerprint fingerprint = {.length = 99};
        assert_int_equal(parse(cases[i].text, &fingerprint), cases[i].result);
        assert_int_equal(fingerprint.length, 99); /* untouched */
    }
    struct dtls_fingerprint zero = {0};
    assert_false(dtls_fingerprint_equal(&zero, &zero)); /* an empty fingerprint equals nothing, itself included */
    assert_int_equal(dtls_fingerprint_parse(NULL, 0, &zero), DTLS_ERROR_ARGUMENT);
    char long_text[8192];
    memset(long_text, 'A', sizeof long_text);
    memcpy(long_text, "sha-512 ", 8);
    for (size_t i = 10; i < sizeof long_text; i += 3) {
        long_text[i] = ':';
    }
    assert_int_equal(dtls_fingerprint_parse(long_text, 8 + 3 * 2000 - 1, &zero), DTLS_ERROR_MALFORMED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_and_write),
        cmocka_unit_test(test_case_does_not_matter),
        cmocka_unit_test(test_all_hashes),
        cmocka_unit_test(test_weak_and_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
