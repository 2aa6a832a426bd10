/* The published messages of RFC 5769 section 2 and RFC 8489 appendix B.1: read, verified, and written again to the bit. */
#include "test_stun.h"

#include <string.h>

#include "stun/integrity.h"
#include "vectors.h"

static const uint8_t short_id[STUN_TRANSACTION_ID_BYTES] = {0xB7, 0xE7, 0xA7, 0x01, 0xBC, 0x34, 0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE};
static const uint8_t long_id[STUN_TRANSACTION_ID_BYTES] = {0x78, 0xAD, 0x34, 0x33, 0xC6, 0xAD, 0x72, 0xC0, 0x29, 0xDA, 0x41, 0x2E};

static struct stun_message parsed(const uint8_t *bytes, size_t length) {
    struct stun_message message;
    assert_int_equal(stun_message_parse(bytes, length, &message), STUN_OK);
    return message;
}

static struct stun_key *short_term_key(void) {
    return stun_key_new_short_term((const uint8_t *)VECTOR_SHORT_TERM_PASSWORD, strlen(VECTOR_SHORT_TERM_PASSWORD));
}

static struct stun_key *long_term_key(enum stun_password_algorithm algorithm) {
    return stun_key_new_long_term(algorithm, vector_matrix_username, sizeof vector_matrix_username, (const uint8_t *)VECTOR_REALM,
                                  strlen(VECTOR_REALM), (const uint8_t *)VECTOR_LONG_TERM_PASSWORD, strlen(VECTOR_LONG_TERM_PASSWORD));
}

static void assert_text(const struct stun_message *message, uint16_t type, const char *text) {
    const uint8_t *value;
    size_t length;
    assert_int_equal(stun_message_read_bytes(message, type, &value, &length), STUN_OK);
    assert_int_equal(length, strlen(text));
    assert_memory_equal(value, text, length);
}

/* Our padding is zero, as RFC 8489 section 14 asks; RFC 5769 was published with spaces. They are put in before the MAC. */
static void add_text_padded_with_spaces(struct stun_writer *writer, uint16_t type, const char *text) {
    size_t length = strlen(text);
    stun_writer_add_bytes(writer, type, (const uint8_t *)text, length);
    size_t padding = (4 - length % 4) % 4;
    memset(writer->bytes + writer->length - padding, ' ', padding);
}

static void add_text(struct stun_writer *writer, uint16_t type, const char *text) {
    stun_writer_add_bytes(writer, type, (const uint8_t *)text, strlen(text));
}

static void assert_written(const struct stun_writer *writer, const uint8_t *expected, size_t length) {
    assert_int_equal(stun_writer_finish(writer), length);
    assert_memory_equal(writer->bytes, expected, length);
}

static void rfc5769_section_2_1(void **state) {
    (void)state;
    struct stun_key *key = short_term_key();
    struct stun_message message = parsed(vector_short_term_request, sizeof vector_short_term_request);
    uint32_t priority;
    uint64_t tie_breaker;
    assert_int_equal(message.class_, STUN_CLASS_REQUEST);
    assert_int_equal(message.method, STUN_METHOD_BINDING);
    assert_memory_equal(message.transaction_id, short_id, sizeof short_id);
    assert_text(&message, STUN_ATTRIBUTE_SOFTWARE, "STUN test client");
    assert_text(&message, STUN_ATTRIBUTE_USERNAME, "evtj:h6vY");
    assert_int_equal(stun_message_read_u32(&message, STUN_ATTRIBUTE_PRIORITY, &priority), STUN_OK);
    assert_int_equal(priority, 0x6E0001FF);
    assert_int_equal(stun_message_read_u64(&message, STUN_ATTRIBUTE_ICE_CONTROLLED, &tie_breaker), STUN_OK);
    assert_true(tie_breaker == 0x932FF9B151263B36);
    assert_int_equal(stun_message_check_integrity(&message, key), STUN_OK);
    assert_int_equal(stun_message_check_fingerprint(&message), STUN_OK);

    uint8_t bytes[256];
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, short_id);
    add_text(&writer, STUN_ATTRIBUTE_SOFTWARE, "STUN test client");
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, 0x6E0001FF);
    stun_writer_add_u64(&writer, STUN_ATTRIBUTE_ICE_CONTROLLED, 0x932FF9B151263B36);
    add_text_padded_with_spaces(&writer, STUN_ATTRIBUTE_USERNAME, "evtj:h6vY");
    stun_writer_add_integrity(&writer, key);
    stun_writer_add_fingerprint(&writer);
    assert_written(&writer, vector_short_term_request, sizeof vector_short_term_request);
    stun_key_free(key);
}

static void check_response(const uint8_t *bytes, size_t length, const char *ip) {
    struct stun_key *key = short_term_key();
    struct stun_message message = parsed(bytes, length);
    struct stun_address expected;
    struct stun_address address;
    assert_true(stun_address_parse_ip(ip, strlen(ip), &expected));
    expected.port = 32853;
    assert_int_equal(message.class_, STUN_CLASS_SUCCESS_RESPONSE);
    assert_text(&message, STUN_ATTRIBUTE_SOFTWARE, "test vector");
    assert_int_equal(stun_message_read_xor_address(&message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address), STUN_OK);
    assert_true(stun_address_equal(&address, &expected));
    assert_int_equal(stun_message_check_integrity(&message, key), STUN_OK);
    assert_int_equal(stun_message_check_fingerprint(&message), STUN_OK);

    uint8_t again[256];
    struct stun_writer writer;
    stun_writer_begin(&writer, again, sizeof again, STUN_CLASS_SUCCESS_RESPONSE, STUN_METHOD_BINDING, short_id);
    add_text_padded_with_spaces(&writer, STUN_ATTRIBUTE_SOFTWARE, "test vector");
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &expected);
    stun_writer_add_integrity(&writer, key);
    stun_writer_add_fingerprint(&writer);
    assert_written(&writer, bytes, length);
    stun_key_free(key);
}

static void rfc5769_section_2_2(void **state) {
    (void)state;
    check_response(vector_ipv4_response, sizeof vector_ipv4_response, "192.0.2.1");
}

static void rfc5769_section_2_3(void **state) {
    (void)state;
    check_response(vector_ipv6_response, sizeof vector_ipv6_response, "2001:db8:1234:5678:11:2233:4455:6677");
}

static void rfc5769_section_2_4(void **state) {
    (void)state;
    static const char nonce[] = "f//499k954d6OL34oL9FSTvy64sA";
    struct stun_key *key = long_term_key(STUN_PASSWORD_MD5);
    struct stun_message message = parsed(vector_long_term_request, sizeof vector_long_term_request);
    const uint8_t *username;
    size_t length;
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_USERNAME, &username, &length), STUN_OK);
    assert_int_equal(length, sizeof vector_matrix_username);
    assert_memory_equal(username, vector_matrix_username, length);
    assert_text(&message, STUN_ATTRIBUTE_NONCE, nonce);
    assert_text(&message, STUN_ATTRIBUTE_REALM, VECTOR_REALM);
    assert_int_equal(stun_message_check_integrity(&message, key), STUN_OK);
    assert_int_equal(stun_message_check_fingerprint(&message), STUN_ERROR_NOT_FOUND);

    uint8_t bytes[256];
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, long_id);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERNAME, vector_matrix_username, sizeof vector_matrix_username);
    add_text(&writer, STUN_ATTRIBUTE_NONCE, nonce);
    add_text(&writer, STUN_ATTRIBUTE_REALM, VECTOR_REALM);
    stun_writer_add_integrity(&writer, key);
    assert_written(&writer, vector_long_term_request, sizeof vector_long_term_request);
    stun_key_free(key);
}

static void rfc8489_appendix_b_1(void **state) {
    (void)state;
    static const char nonce[] = "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA";
    static const uint8_t algorithm[] = {0x00, STUN_PASSWORD_SHA256, 0x00, 0x00};
    struct stun_key *key = long_term_key(STUN_PASSWORD_SHA256);
    struct stun_message message = parsed(vector_sha256_request, sizeof vector_sha256_request);
    const uint8_t *userhash;
    const uint8_t *value;
    size_t length;
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_USERHASH, &userhash, &length), STUN_OK);
    assert_int_equal(length, 32);
    assert_text(&message, STUN_ATTRIBUTE_NONCE, nonce);
    assert_text(&message, STUN_ATTRIBUTE_REALM, VECTOR_REALM);
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_PASSWORD_ALGORITHM, &value, &length), STUN_OK);
    assert_int_equal(length, sizeof algorithm);
    assert_memory_equal(value, algorithm, length);
    assert_int_equal(stun_message_check_integrity_sha256(&message, key), STUN_OK);
    assert_int_equal(stun_message_check_integrity(&message, key), STUN_ERROR_NOT_FOUND);
    uint16_t unknown[1];
    assert_int_equal(stun_message_unknown_required(&message, NULL, 0, unknown, 1), 0);

    uint8_t bytes[256];
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, long_id);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERHASH, userhash, 32);
    add_text(&writer, STUN_ATTRIBUTE_NONCE, nonce);
    add_text(&writer, STUN_ATTRIBUTE_REALM, VECTOR_REALM);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_PASSWORD_ALGORITHM, algorithm, sizeof algorithm);
    stun_writer_add_integrity_sha256(&writer, key);
    assert_written(&writer, vector_sha256_request, sizeof vector_sha256_request);
    stun_key_free(key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc5769_section_2_1), cmocka_unit_test(rfc5769_section_2_2),  cmocka_unit_test(rfc5769_section_2_3),
        cmocka_unit_test(rfc5769_section_2_4), cmocka_unit_test(rfc8489_appendix_b_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
