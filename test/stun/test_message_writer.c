/* stun/message_writer.c: what is written is what RFC 8489 sections 5, 6.1 and 14 ask for, and reads back the same. */
#include "test_stun.h"

#include <stdlib.h>
#include <string.h>

#include "exact_copy.h"
#include "stun/integrity.h"
#include "stun/message.h"

static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = {0xB7, 0xE7, 0xA7, 0x01, 0xBC, 0x34, 0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE};

static struct stun_writer begun(uint8_t *bytes, size_t capacity) {
    struct stun_writer writer;
    memset(bytes, 0xA5, capacity);
    stun_writer_begin(&writer, bytes, capacity, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
    return writer;
}

static struct stun_message finished(const struct stun_writer *writer) {
    struct stun_message message;
    int length = stun_writer_finish(writer);
    assert_true(length > 0);
    assert_int_equal(read_everything(writer->bytes, (size_t)length), STUN_OK);
    assert_int_equal(stun_message_parse(writer->bytes, (size_t)length, &message), STUN_OK);
    return message;
}

static void header_of_every_type(void **state) {
    (void)state;
    for (unsigned class_ = 0; class_ < 4; class_++)
        for (uint16_t method = 0; method <= 0xFFF; method++) {
            uint8_t bytes[STUN_HEADER_BYTES];
            struct stun_writer writer;
            struct stun_message message;
            stun_writer_begin(&writer, bytes, sizeof bytes, (enum stun_class)class_, method, id);
            assert_int_equal(stun_writer_finish(&writer), STUN_HEADER_BYTES);
            assert_int_equal(stun_message_parse(bytes, sizeof bytes, &message), STUN_OK);
            assert_int_equal(message.class_, class_);
            assert_int_equal(message.method, method);
            assert_memory_equal(message.transaction_id, id, sizeof id);
        }
}

static void bad_beginnings(void **state) {
    (void)state;
    uint8_t bytes[STUN_HEADER_BYTES + 1] = {0};
    struct stun_writer writer;
    for (size_t capacity = STUN_HEADER_BYTES - 1; capacity <= STUN_HEADER_BYTES + 1; capacity++) {
        stun_writer_begin(&writer, bytes, capacity, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
        assert_int_equal(stun_writer_finish(&writer), capacity < STUN_HEADER_BYTES ? STUN_ERROR_BUFFER : STUN_HEADER_BYTES);
    }
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, 0x1000, id);
    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
    stun_writer_begin(&writer, bytes, sizeof bytes, (enum stun_class)4, 1, id);
    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
    stun_writer_begin(&writer, NULL, 0, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
    struct stun_address address = {.family = STUN_ADDRESS_IPV4};
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address);
    stun_writer_add_error_code(&writer, 400, "");
    stun_writer_add_unknown_attributes(&writer, NULL, 0);
    stun_writer_add_fingerprint(&writer);
    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_BUFFER);
}

static void every_kind_of_attribute_reads_back(void **state) {
    (void)state;
    uint8_t bytes[512];
    struct stun_writer writer = begun(bytes, sizeof bytes);
    const struct stun_address ipv4 = {STUN_ADDRESS_IPV4, 32853, {192, 0, 2, 1}};
    const struct stun_address ipv6 = {STUN_ADDRESS_IPV6, 65535, {0x20, 1, 0x0D, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
    const uint16_t types[] = {0x7FFF, 0x0002, 0x1234};
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, (const uint8_t *)"hello", 5);
    stun_writer_add_flag(&writer, STUN_ATTRIBUTE_USE_CANDIDATE);
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, 0x6E0001FF);
    stun_writer_add_u64(&writer, STUN_ATTRIBUTE_ICE_CONTROLLED, 0x932FF9B151263B36);
    stun_writer_add_address(&writer, STUN_ATTRIBUTE_MAPPED_ADDRESS, &ipv4);
    stun_writer_add_address(&writer, STUN_ATTRIBUTE_ALTERNATE_SERVER, &ipv6);
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &ipv4);
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &ipv6);
    stun_writer_add_error_code(&writer, STUN_CODE_ROLE_CONFLICT, "Role Conflict");
    stun_writer_add_unknown_attributes(&writer, types, COUNT(types));
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_RESERVATION_TOKEN, NULL, 0);

    struct stun_message message = finished(&writer);
    const uint8_t *value;
    size_t length;
    uint32_t u32;
    uint64_t u64;
    uint16_t code;
    struct stun_address address;
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_DATA, &value, &length), STUN_OK);
    assert_int_equal(length, 5);
    assert_memory_equal(value, "hello\0\0\0", 8); /* RFC 8489 section 14, MUST: padding is zero. */
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_USE_CANDIDATE, &value, &length), STUN_OK);
    assert_int_equal(length, 0);
    assert_int_equal(stun_message_read_u32(&message, STUN_ATTRIBUTE_PRIORITY, &u32), STUN_OK);
    assert_int_equal(u32, 0x6E0001FF);
    assert_int_equal(stun_message_read_u64(&message, STUN_ATTRIBUTE_ICE_CONTROLLED, &u64), STUN_OK);
    assert_true(u64 == 0x932FF9B151263B36);
    assert_int_equal(stun_message_read_address(&message, STUN_ATTRIBUTE_MAPPED_ADDRESS, &address), STUN_OK);
    assert_true(stun_address_equal(&address, &ipv4));
    assert_int_equal(stun_message_read_address(&message, STUN_ATTRIBUTE_ALTERNATE_SERVER, &address), STUN_OK);
    assert_true(stun_address_equal(&address, &ipv6));
    assert_int_equal(stun_message_read_xor_address(&message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address), STUN_OK);
    assert_true(stun_address_equal(&address, &ipv4));
    assert_int_equal(stun_message_read_address(&message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address), STUN_OK);
    assert_int_equal(address.port, 0xA147); /* RFC 5769 section 2.2 has the same port, address and cookie */
    assert_memory_equal(address.ip, "\xE1\x12\xA6\x43", 4);
    assert_int_equal(stun_message_read_xor_address(&message, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &address), STUN_OK);
    assert_true(stun_address_equal(&address, &ipv6));
    assert_int_equal(stun_message_read_error_code(&message, &code, &value, &length), STUN_OK);
    assert_int_equal(code, 487);
    assert_int_equal(length, 13);
    assert_memory_equal(value, "Role Conflict", 13);
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, &value, &length), STUN_OK);
    assert_int_equal(length, 6);
    assert_memory_equal(value, "\x7F\xFF\x00\x02\x12\x34", 6);
}

/* A writer never touches a byte beyond its capacity, reports what did not fit, and keeps to that. */
static void every_capacity(void **state) {
    (void)state;
    struct stun_key *key = stun_key_new_short_term((const uint8_t *)"pw", 2);
    enum { WHOLE = 20 + 12 + 8 + 24 + 36 + 8 };
    for (size_t capacity = 0; capacity <= WHOLE + 1; capacity++) {
        uint8_t *bytes = malloc(capacity); /* exactly so long: ASan watches the end */
        struct stun_writer writer;
        stun_writer_begin(&writer, bytes, capacity, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERNAME, (const uint8_t *)"abc:de", 6);
        stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, 1);
        stun_writer_add_integrity(&writer, key);
        stun_writer_add_integrity_sha256(&writer, key);
        stun_writer_add_fingerprint(&writer);
        assert_int_equal(stun_writer_finish(&writer), capacity < WHOLE ? STUN_ERROR_BUFFER : WHOLE);
        free(bytes);
    }
    stun_key_free(key);
}

/* The 16-bit length field: whole messages of 65,532 to 65,540 bytes, and attributes that sum up to as much. */
static void largest_messages(void **state) {
    (void)state;
    const size_t capacity = STUN_MESSAGE_MAX_BYTES + 64;
    uint8_t *bytes = malloc(capacity);
    uint8_t *value = calloc(1, 70000);
    assert_non_null(bytes);
    assert_non_null(value);
    for (size_t total = 65532; total <= 65540; total++) {
        /* a message of `total` bytes, made of two attributes; lengths that are not whole words are padded up */
        struct stun_writer writer = begun(bytes, capacity);
        stun_writer_add_flag(&writer, STUN_ATTRIBUTE_USE_CANDIDATE);
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, value, total - 20 - 4 - 4);
        assert_int_equal(finished(&writer).length, (total + 3) / 4 * 4);

        /* attributes of `total` bytes in all: 65,532 is the most that the length field can say */
        writer = begun(bytes, capacity);
        stun_writer_add_flag(&writer, STUN_ATTRIBUTE_USE_CANDIDATE);
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, value, total - 4 - 4);
        if (total <= 65532)
            assert_int_equal(finished(&writer).length, STUN_MESSAGE_MAX_BYTES);
        else
            assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_BUFFER);

        /* a value of `total` bytes fits no message; above 65,532 not even the argument's range */
        writer = begun(bytes, capacity);
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, value, total);
        assert_int_equal(stun_writer_finish(&writer), total <= 65532 ? STUN_ERROR_BUFFER : STUN_ERROR_ARGUMENT);
    }
    struct stun_writer writer = begun(bytes, capacity);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, value, 65528);
    assert_int_equal(finished(&writer).length, STUN_MESSAGE_MAX_BYTES);
    stun_writer_add_fingerprint(&writer);
    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_BUFFER);
    writer = begun(bytes, capacity);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, value, SIZE_MAX);
    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
    writer = begun(bytes, capacity);
    stun_writer_add_unknown_attributes(&writer, (const uint16_t *)(const void *)value, 32764);
    assert_int_equal(finished(&writer).length, STUN_MESSAGE_MAX_BYTES);
    for (size_t count = 32765; count <= 32767; count++) {
        writer = begun(bytes, capacity);
        stun_writer_add_unknown_attributes(&writer, (const uint16_t *)(const void *)value, count);
        assert_int_equal(stun_writer_finish(&writer), count <= 32766 ? STUN_ERROR_BUFFER : STUN_ERROR_ARGUMENT);
    }
    free(value);
    free(bytes);
}

/* RFC 8489 sections 14.3, 14.8, 14.9, 14.10, 14.14; RFC 8839 section 5.4 for the USERNAME of ICE. */
static void text_limits(void **state) {
    (void)state;
    static const struct {
        uint16_t type;
        size_t limit;
    } cases[] = {
        {STUN_ATTRIBUTE_USERNAME, 513}, {STUN_ATTRIBUTE_REALM, 763}, {STUN_ATTRIBUTE_NONCE, 763}, {STUN_ATTRIBUTE_SOFTWARE, 763},
    };
    uint8_t bytes[1024];
    char text[800];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t length = cases[i].limit - 1; length <= cases[i].limit + 1; length++) {
            struct stun_writer writer = begun(bytes, sizeof bytes);
            stun_writer_add_bytes(&writer, cases[i].type, (const uint8_t *)text, length);
            if (length <= cases[i].limit)
                finished(&writer);
            else
                assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
        }
    for (size_t length = 762; length <= 764; length++) {
        text[length] = '\0';
        struct stun_writer writer = begun(bytes, sizeof bytes);
        stun_writer_add_error_code(&writer, 400, text);
        if (length <= 763)
            finished(&writer);
        else
            assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
        text[length] = 'x';
    }
}

static void error_code_range(void **state) {
    (void)state;
    static const uint16_t codes[] = {0, 299, 300, 301, 698, 699, 700, 65535};
    for (size_t i = 0; i < COUNT(codes); i++) {
        uint8_t bytes[64];
        struct stun_writer writer = begun(bytes, sizeof bytes);
        stun_writer_add_error_code(&writer, codes[i], "");
        if (codes[i] < 300 || codes[i] > 699) {
            assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
            continue;
        }
        struct stun_message message = finished(&writer);
        uint16_t code;
        const uint8_t *reason;
        size_t length;
        assert_int_equal(stun_message_read_error_code(&message, &code, &reason, &length), STUN_OK);
        assert_int_equal(code, codes[i]);
        assert_int_equal(length, 0);
    }
}

static void address_without_family(void **state) {
    (void)state;
    static const uint8_t families[] = {0, 3, 255};
    for (size_t i = 0; i < COUNT(families); i++) {
        uint8_t bytes[64];
        struct stun_address address = {.family = families[i]};
        struct stun_writer writer = begun(bytes, sizeof bytes);
        stun_writer_add_address(&writer, STUN_ATTRIBUTE_MAPPED_ADDRESS, &address);
        assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
        writer = begun(bytes, sizeof bytes);
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address);
        assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
    }
}

/* RFC 8489 section 14.7: ordinary attributes, MESSAGE-INTEGRITY, -SHA256, FINGERPRINT, in this order only. */
static void order_of_attributes(void **state) {
    (void)state;
    static const uint16_t kinds[] = {STUN_ATTRIBUTE_PRIORITY, STUN_ATTRIBUTE_MESSAGE_INTEGRITY, STUN_ATTRIBUTE_MESSAGE_INTEGRITY_SHA256,
                                     STUN_ATTRIBUTE_FINGERPRINT};
    struct stun_key *key = stun_key_new_short_term((const uint8_t *)"pw", 2);
    for (size_t first = 0; first < 4; first++)
        for (size_t second = 0; second < 4; second++)
            for (int raw = 0; raw < 2; raw++) {
                uint8_t bytes[128];
                struct stun_writer writer = begun(bytes, sizeof bytes);
                const size_t order[] = {first, second};
                for (size_t i = 0; i < 2; i++) {
                    if (raw == 1 || order[i] == 0)
                        stun_writer_add_u32(&writer, kinds[order[i]], 1);
                    else if (order[i] == 1)
                        stun_writer_add_integrity(&writer, key);
                    else if (order[i] == 2)
                        stun_writer_add_integrity_sha256(&writer, key);
                    else
                        stun_writer_add_fingerprint(&writer);
                }
                if (first == 0 || second > first)
                    finished(&writer);
                else
                    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
            }
    stun_key_free(key);
}

static void first_error_sticks(void **state) {
    (void)state;
    uint8_t bytes[32];
    struct stun_writer writer = begun(bytes, sizeof bytes);
    stun_writer_add_error_code(&writer, 1, "");
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, bytes, 1000);
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, 1);
    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_ARGUMENT);
    writer = begun(bytes, sizeof bytes);
    stun_writer_add_u64(&writer, STUN_ATTRIBUTE_ICE_CONTROLLED, 1);
    stun_writer_add_u64(&writer, STUN_ATTRIBUTE_ICE_CONTROLLED, 1);
    stun_writer_add_error_code(&writer, 1, "");
    stun_writer_add_flag(&writer, STUN_ATTRIBUTE_USE_CANDIDATE);
    assert_int_equal(stun_writer_finish(&writer), STUN_ERROR_BUFFER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_of_every_type), cmocka_unit_test(bad_beginnings),   cmocka_unit_test(every_kind_of_attribute_reads_back),
        cmocka_unit_test(every_capacity),       cmocka_unit_test(largest_messages), cmocka_unit_test(text_limits),
        cmocka_unit_test(error_code_range),     cmocka_unit_test(order_of_attributes), cmocka_unit_test(address_without_family),
        cmocka_unit_test(first_error_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
