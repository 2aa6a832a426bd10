#include "exact_copy.h"

#include "test_stun.h"

#include <stdlib.h>
#include <string.h>

#include "stun/integrity.h"

uint8_t *exact_copy(const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length);
    assert_non_null(copy);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

static void touch(const uint8_t *bytes, size_t length) {
    volatile uint8_t sink = 0;
    for (size_t i = 0; i < length; i++)
        sink = (uint8_t)(sink ^ bytes[i]);
}

static void call_every_reader(const struct stun_message *message, uint16_t type) {
    const uint8_t *value;
    size_t length;
    uint16_t code;
    uint32_t u32;
    uint64_t u64;
    struct stun_attribute attribute;
    struct stun_address address;
    bool found = stun_message_find(message, type, &attribute);
    int error = stun_message_read_bytes(message, type, &value, &length);
    assert_int_equal(found, error != STUN_ERROR_NOT_FOUND);
    if (error == STUN_OK)
        touch(value, length);
    if (stun_message_read_u32(message, type, &u32) == STUN_OK)
        assert_int_equal(attribute.length, 4);
    if (stun_message_read_u64(message, type, &u64) == STUN_OK)
        assert_int_equal(attribute.length, 8);
    if (stun_message_read_address(message, type, &address) == STUN_OK)
        assert_int_equal(attribute.length, 4 + stun_address_ip_bytes(&address));
    assert_int_equal(stun_message_read_xor_address(message, type, &address), stun_message_read_address(message, type, &address));
    if (stun_message_read_error_code(message, &code, &value, &length) == STUN_OK) {
        assert_in_range(code, 300, 699);
        touch(value, length);
    }
}

int read_everything(const uint8_t *bytes, size_t length) {
    uint8_t *copy = exact_copy(bytes, length);
    struct stun_message message;
    int error = stun_message_parse(copy, length, &message);
    if (error == STUN_OK) {
        assert_true(stun_message_is_stun(copy, length));
        assert_int_equal(message.length, length);
        struct stun_attribute attribute = {0};
        size_t last = 0;
        while (stun_message_next(&message, &attribute)) {
            assert_true(attribute.offset > last && attribute.offset % 4 == 0);
            assert_true(attribute.value + attribute.length <= copy + length);
            last = attribute.offset;
            touch(attribute.value, attribute.length);
            call_every_reader(&message, attribute.type);
        }
        for (unsigned type = 0; type <= 0x30; type++) {
            call_every_reader(&message, (uint16_t)type);
            call_every_reader(&message, (uint16_t)(0x8000 | type));
        }
        uint16_t unknown[8];
        assert_true(stun_message_unknown_required(&message, NULL, 0, unknown, COUNT(unknown)) <= COUNT(unknown));
        struct stun_key *key = stun_key_new_short_term((const uint8_t *)"password", 8);
        assert_non_null(key);
        assert_int_not_equal(stun_message_check_integrity(&message, key), STUN_OK);
        assert_int_not_equal(stun_message_check_integrity_sha256(&message, key), STUN_OK);
        stun_message_check_fingerprint(&message);
        stun_key_free(key);
    } else {
        assert_true(error == STUN_ERROR_NOT_STUN || error == STUN_ERROR_MALFORMED);
    }
    free(copy);
    return error;
}
