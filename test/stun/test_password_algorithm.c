/* PASSWORD-ALGORITHMS, PASSWORD-ALGORITHM and USERHASH: RFC 8489 sections 9.2.5, 14.4, 14.11 and 14.12. */
#include "test_stun.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "exact_copy.h"
#include "stun/password_algorithm.h"
#include "vectors.h"

static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = {1};

static int choose(const char *list, size_t length, enum stun_password_algorithm *out) {
    uint8_t *copy = exact_copy((const uint8_t *)list, length);
    int error = stun_password_algorithm_choose(copy, length, out);
    free(copy);
    return error;
}

/* RFC 8489 section 9.2.5, MUST: the first of the list that is supported. */
static void chooses_the_first_supported(void **state) {
    (void)state;
    static const struct {
        const char *list;
        size_t length;
        int error;
        enum stun_password_algorithm chosen;
    } cases[] = {
        {"\0\1\0\0", 4, STUN_OK, STUN_PASSWORD_MD5},
        {"\0\2\0\0", 4, STUN_OK, STUN_PASSWORD_SHA256},
        {"\0\2\0\0\0\1\0\0", 8, STUN_OK, STUN_PASSWORD_SHA256},
        {"\0\1\0\0\0\2\0\0", 8, STUN_OK, STUN_PASSWORD_MD5},
        {"\0\7\0\0\0\2\0\0", 8, STUN_OK, STUN_PASSWORD_SHA256},
        {"\0\7\0\5abcdexyz\0\2\0\0", 16, STUN_OK, STUN_PASSWORD_SHA256}, /* section 14.11: parameters are padded */
        {"\0\2\0\0\0\7\0\3abc", 11, STUN_OK, STUN_PASSWORD_SHA256},      /* the last padding is the attribute's */
        {"\0\2\0\4abcd\0\1\0\0", 12, STUN_OK, STUN_PASSWORD_MD5},        /* SHA-256 with parameters: not the one we know */
        {"\0\7\0\0", 4, STUN_ERROR_NOT_FOUND, 0},
        {"", 0, STUN_ERROR_NOT_FOUND, 0},
        {"\0\2\0\0\0\1", 6, STUN_ERROR_MALFORMED, 0},
        {"\0\2\0\0\0\1\0\4abc", 11, STUN_ERROR_MALFORMED, 0},
        {"\0\2\377\377", 4, STUN_ERROR_MALFORMED, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum stun_password_algorithm algorithm = 0;
        assert_int_equal(choose(cases[i].list, cases[i].length, &algorithm), cases[i].error);
        if (cases[i].error == STUN_OK)
            assert_int_equal(algorithm, cases[i].chosen);
    }
}

static void walks(void **state) {
    (void)state;
    static const uint8_t list[] = {0, 7, 0, 5, 'a', 'b', 'c', 'd', 'e', 0, 0, 0, 0, 2, 0, 0};
    struct stun_password_algorithm_entry entry;
    size_t offset = 0;
    assert_int_equal(stun_password_algorithm_next(list, sizeof list, &offset, &entry), STUN_OK);
    assert_int_equal(entry.algorithm, 7);
    assert_int_equal(entry.parameters_length, 5);
    assert_memory_equal(entry.parameters, "abcde", 5);
    assert_int_equal(stun_password_algorithm_next(list, sizeof list, &offset, &entry), STUN_OK);
    assert_int_equal(entry.algorithm, STUN_PASSWORD_SHA256);
    assert_int_equal(stun_password_algorithm_next(list, sizeof list, &offset, &entry), STUN_ERROR_NOT_FOUND);
    for (size_t length = 0; length < sizeof list; length++) { /* truncation: never beyond, always an end */
        uint8_t *copy = exact_copy(list, length);
        offset = 0;
        for (int i = 0; i < 4 && stun_password_algorithm_next(copy, length, &offset, &entry) == STUN_OK; i++)
            assert_true(offset <= length);
        free(copy);
    }
}

static void writes(void **state) {
    (void)state;
    static const enum stun_password_algorithm algorithms[] = {STUN_PASSWORD_SHA256, STUN_PASSWORD_MD5};
    static const uint8_t expected[] = {0x80, 0x02, 0, 8, 0, 2, 0, 0, 0, 1, 0, 0, 0x00, 0x1D, 0, 4, 0, 2, 0, 0};
    uint8_t bytes[64];
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_ALLOCATE, id);
    stun_writer_add_password_algorithms(&writer, algorithms, 2);
    stun_writer_add_password_algorithm(&writer, STUN_PASSWORD_SHA256);
    assert_int_equal(stun_writer_finish(&writer), 20 + sizeof expected);
    assert_memory_equal(bytes + 20, expected, sizeof expected);
    stun_writer_begin(&writer, bytes, 20 + 11, STUN_CLASS_REQUEST, STUN_METHOD_ALLOCATE, id);
    stun_writer_add_password_algorithms(&writer, algorithms, 2);
    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_BUFFER);
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_ALLOCATE, id);
    stun_writer_add_password_algorithms(&writer, algorithms, 65532 / 4 + 1);
    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
}

/* RFC 8489 section 14.4 by the published message of appendix B.1: its USERHASH, and its PASSWORD-ALGORITHM. */
static void rfc8489_appendix_b_1(void **state) {
    (void)state;
    struct stun_message message;
    const uint8_t *value;
    size_t length;
    enum stun_password_algorithm algorithm;
    uint8_t userhash[STUN_USERHASH_BYTES];
    assert_int_equal(stun_message_parse(vector_sha256_request, sizeof vector_sha256_request, &message), STUN_OK);
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_USERHASH, &value, &length), STUN_OK);
    assert_true(stun_userhash(vector_matrix_username, sizeof vector_matrix_username, (const uint8_t *)VECTOR_REALM, strlen(VECTOR_REALM), userhash));
    assert_int_equal(length, sizeof userhash);
    assert_memory_equal(value, userhash, sizeof userhash);
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_PASSWORD_ALGORITHM, &value, &length), STUN_OK);
    assert_int_equal(stun_password_algorithm_choose(value, length, &algorithm), STUN_OK);
    assert_int_equal(algorithm, STUN_PASSWORD_SHA256);
}

/* The value of an attribute that stands already where it belongs: the same bytes as if it had been copied. */
static void in_place(void **state) {
    (void)state;
    for (size_t length = 0; length < 9; length++) {
        uint8_t copied[64], placed[64];
        struct stun_writer a, b;
        memset(placed, 0xEE, sizeof placed);
        memcpy(placed + 24, "payload!!", length);
        stun_writer_begin(&a, copied, sizeof copied, STUN_CLASS_INDICATION, STUN_METHOD_SEND, id);
        stun_writer_begin(&b, placed, sizeof placed, STUN_CLASS_INDICATION, STUN_METHOD_SEND, id);
        stun_writer_add_bytes(&a, STUN_ATTRIBUTE_DATA, (const uint8_t *)"payload!!", length);
        stun_writer_add_in_place(&b, STUN_ATTRIBUTE_DATA, length);
        assert_int_equal(stun_writer_finish(&a), stun_writer_finish(&b));
        assert_memory_equal(copied, placed, a.length);
    }
    uint8_t bytes[32];
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_INDICATION, STUN_METHOD_SEND, id);
    stun_writer_add_in_place(&writer, STUN_ATTRIBUTE_DATA, 9);
    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_BUFFER);
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_INDICATION, STUN_METHOD_SEND, id);
    stun_writer_add_in_place(&writer, STUN_ATTRIBUTE_REALM, STUN_TEXT_MAX_BYTES + 1);
    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_the_first_supported), cmocka_unit_test(walks),    cmocka_unit_test(writes),
        cmocka_unit_test(rfc8489_appendix_b_1),        cmocka_unit_test(in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
