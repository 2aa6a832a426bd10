/* stun/message.c: framing, walking and typed reads, RFC 8489 sections 5, 6.3 and 14. */
#include "test_stun.h"

#include <stdlib.h>
#include <string.h>

#include "exact_copy.h"
#include "stun/message.h"
#include "vectors.h"

#define HEADER(length) 0x00, 0x01, (uint8_t)((length) >> 8), (uint8_t)(length), 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12

static struct stun_message parsed(const uint8_t *bytes, size_t length) {
    struct stun_message message;
    assert_int_equal(stun_message_parse(bytes, length, &message), STUN_OK);
    return message;
}

/* A message with one attribute whose length field may lie. `room` bytes follow the attribute's header. */
static size_t one_attribute(uint8_t *out, uint16_t type, uint16_t value_length, size_t room, uint8_t filler) {
    const uint8_t header[] = {HEADER(4 + room)};
    const uint8_t attribute[] = {(uint8_t)(type >> 8), (uint8_t)type, (uint8_t)(value_length >> 8), (uint8_t)value_length};
    memcpy(out, header, sizeof header);
    memcpy(out + sizeof header, attribute, sizeof attribute);
    memset(out + sizeof header + sizeof attribute, filler, room);
    return sizeof header + sizeof attribute + room;
}

/* RFC 8489 section 5: two zero bits, the cookie, a length that is a multiple of 4 and fits. */
static void header_checks(void **state) {
    (void)state;
    uint8_t bytes[24] = {HEADER(0)};
    assert_int_equal(read_everything(bytes, 20), STUN_OK);
    for (size_t length = 0; length < 20; length++)
        assert_int_equal(read_everything(bytes, length), STUN_ERROR_NOT_STUN);
    for (size_t bit = 0; bit < 64; bit++) {
        uint8_t broken[20];
        memcpy(broken, bytes, sizeof broken);
        broken[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
        bool in_type = bit >= 2 && bit < 16;
        assert_int_equal(read_everything(broken, sizeof broken), in_type ? STUN_OK : STUN_ERROR_NOT_STUN);
    }
    /* Another message, or garbage, behind the first: STUN, but not one message. */
    assert_true(stun_message_is_stun(bytes, 24));
    assert_int_equal(read_everything(bytes, 24), STUN_ERROR_MALFORMED);
    assert_int_equal(read_everything(bytes, 21), STUN_ERROR_MALFORMED);
}

/* RFC 8489 section 5, figure 3, for all classes and methods. */
static void types_of_messages(void **state) {
    (void)state;
    uint8_t bytes[20] = {HEADER(0)};
    for (unsigned type = 0; type <= 0x3FFF; type++) {
        bytes[0] = (uint8_t)(type >> 8);
        bytes[1] = (uint8_t)type;
        struct stun_message message = parsed(bytes, sizeof bytes);
        unsigned class_ = (type & 0x0100) >> 7 | (type & 0x0010) >> 4;
        unsigned method = (type & 0x3E00) >> 2 | (type & 0x00E0) >> 1 | (type & 0x000F);
        assert_int_equal(message.class_, class_);
        assert_int_equal(message.method, method);
    }
    /* The numbers that everyone knows by heart. */
    static const struct {
        uint8_t type[2];
        enum stun_class class_;
        uint16_t method;
    } known[] = {
        {{0x00, 0x01}, STUN_CLASS_REQUEST, STUN_METHOD_BINDING},          {{0x00, 0x11}, STUN_CLASS_INDICATION, STUN_METHOD_BINDING},
        {{0x01, 0x01}, STUN_CLASS_SUCCESS_RESPONSE, STUN_METHOD_BINDING}, {{0x01, 0x11}, STUN_CLASS_ERROR_RESPONSE, STUN_METHOD_BINDING},
        {{0x01, 0x13}, STUN_CLASS_ERROR_RESPONSE, STUN_METHOD_ALLOCATE},  {{0x00, 0x17}, STUN_CLASS_INDICATION, STUN_METHOD_DATA},
    };
    for (size_t i = 0; i < COUNT(known); i++) {
        memcpy(bytes, known[i].type, 2);
        struct stun_message message = parsed(bytes, sizeof bytes);
        assert_int_equal(message.class_, known[i].class_);
        assert_int_equal(message.method, known[i].method);
    }
}

static void every_truncation_of_valid_messages(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const struct vector *vector = &vectors[i];
        assert_int_equal(read_everything(vector->bytes, vector->length), STUN_OK);
        for (size_t length = 0; length < vector->length; length++) {
            assert_int_equal(read_everything(vector->bytes, length), STUN_ERROR_NOT_STUN);
            if (length < STUN_HEADER_BYTES)
                continue;
            /* And with a length field that agrees with the truncation: accepted only where an attribute ends. */
            uint8_t *copy = exact_copy(vector->bytes, length);
            copy[2] = (uint8_t)((length - STUN_HEADER_BYTES) >> 8);
            copy[3] = (uint8_t)(length - STUN_HEADER_BYTES);
            int error = read_everything(copy, length);
            if (length % 4 != 0)
                assert_int_equal(error, STUN_ERROR_NOT_STUN);
            struct stun_message message = parsed(vector->bytes, vector->length);
            struct stun_attribute attribute = {0};
            bool at_boundary = length == STUN_HEADER_BYTES;
            while (stun_message_next(&message, &attribute))
                at_boundary = at_boundary || length == attribute.offset;
            assert_int_equal(error == STUN_OK, at_boundary);
            free(copy);
        }
    }
}

/* Every type of attribute, with a length field of 0..8 and 65535, with 0..12 bytes behind it. */
static void every_type_with_every_length(void **state) {
    (void)state;
    static const uint16_t lengths[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 65535};
    static const uint8_t fillers[] = {0x00, 0x01, 0x02, 0x03, 0xFF};
    uint8_t bytes[36];
    for (unsigned low = 0; low <= 0x30; low++)
        for (unsigned high = 0; high <= 0x8000; high += 0x8000)
            for (size_t l = 0; l < COUNT(lengths); l++)
                for (size_t room = 0; room <= 12; room += 4)
                    for (size_t f = 0; f < COUNT(fillers); f++) {
                        size_t length = one_attribute(bytes, (uint16_t)(high | low), lengths[l], room, fillers[f]);
                        int error = read_everything(bytes, length);
                        if ((size_t)lengths[l] > room)
                            assert_int_equal(error, STUN_ERROR_MALFORMED);
                        if ((size_t)(lengths[l] + 3) / 4 * 4 == room)
                            assert_int_equal(error, STUN_OK);
                    }
}

/* RFC 5389 section 15.4 and RFC 8489 section 14.7: which attributes are shown, and which order is not a message. */
static void closing_attributes(void **state) {
    (void)state;
    enum { PRIORITY = 0x24, MI = 0x08, MI256 = 0x1C, FP = 0x28 /* with 0x80 before it */ };
    static const struct {
        uint8_t types[6];
        uint8_t shown[6];
        int error;
    } cases[] = {
        {{PRIORITY, MI, FP}, {PRIORITY, MI, FP}, STUN_OK},
        {{PRIORITY, MI, MI256, FP}, {PRIORITY, MI, MI256, FP}, STUN_OK},
        {{MI, PRIORITY, FP}, {MI, FP}, STUN_OK},
        {{MI, PRIORITY, MI256, PRIORITY, FP}, {MI, MI256, FP}, STUN_OK},
        {{MI256, MI, PRIORITY, FP}, {MI256, FP}, STUN_OK},
        {{MI, MI, MI256, MI256}, {MI, MI256}, STUN_OK},
        {{MI256, PRIORITY}, {MI256}, STUN_OK},
        {{FP}, {FP}, STUN_OK},
        {{FP, PRIORITY}, {0}, STUN_ERROR_MALFORMED},
        {{FP, FP}, {0}, STUN_ERROR_MALFORMED},
        {{MI, FP, MI256}, {0}, STUN_ERROR_MALFORMED},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[20 + 6 * 4] = {HEADER(0)};
        size_t length = 20;
        for (size_t k = 0; k < 6 && cases[i].types[k] != 0; k++, length += 4) {
            bytes[length] = cases[i].types[k] == FP ? 0x80 : 0x00;
            bytes[length + 1] = cases[i].types[k];
        }
        bytes[3] = (uint8_t)(length - 20);
        assert_int_equal(read_everything(bytes, length), cases[i].error);
        if (cases[i].error != STUN_OK)
            continue;
        struct stun_message message = parsed(bytes, length);
        struct stun_attribute attribute = {0};
        size_t shown = 0;
        while (stun_message_next(&message, &attribute))
            assert_int_equal(attribute.type & 0xFF, cases[i].shown[shown++]);
        assert_true(shown == 6 || cases[i].shown[shown] == 0);
    }
}

/* RFC 8489 section 14: of several attributes of one type, the first counts. */
static void first_of_duplicates(void **state) {
    (void)state;
    static const uint8_t bytes[] = {HEADER(24), 0, 0x24, 0, 4, 0, 0, 0, 1, 0, 0x24, 0, 4, 0, 0, 0, 2, 0, 0x25, 0, 0, 0, 0x25, 0, 0};
    struct stun_message message = parsed(bytes, sizeof bytes);
    uint32_t priority = 0;
    assert_int_equal(stun_message_read_u32(&message, STUN_ATTRIBUTE_PRIORITY, &priority), STUN_OK);
    assert_int_equal(priority, 1);
}

/* RFC 8489 section 6.3.1: what a server must name in a 420. */
static void unknown_required(void **state) {
    (void)state;
    static const uint8_t bytes[] = {HEADER(36), 0x00, 0x24, 0, 0, 0x7F, 0xFF, 0, 0, 0x00, 0x02, 0, 0, 0x80, 0x77, 0, 0, 0x00, 0x06, 0, 0,
                                    0x7F, 0xFF, 0, 0, 0x00, 0x08, 0, 0, 0x00, 0x05, 0, 0, 0x80, 0x28, 0, 0};
    static const uint16_t known[] = {STUN_ATTRIBUTE_USE_CANDIDATE, STUN_ATTRIBUTE_PRIORITY};
    struct stun_message message = parsed(bytes, sizeof bytes);
    uint16_t unknown[4] = {0};
    assert_int_equal(stun_message_unknown_required(&message, known, COUNT(known), unknown, COUNT(unknown)), 2);
    assert_int_equal(unknown[0], 0x7FFF);
    assert_int_equal(unknown[1], 0x0002);
    assert_int_equal(stun_message_unknown_required(&message, NULL, 0, unknown, COUNT(unknown)), 3);
    assert_int_equal(unknown[0], STUN_ATTRIBUTE_PRIORITY);
    unknown[1] = 0xAAAA;
    assert_int_equal(stun_message_unknown_required(&message, known, COUNT(known), unknown, 1), 1);
    assert_int_equal(unknown[1], 0xAAAA);
    assert_int_equal(stun_message_unknown_required(&message, known, COUNT(known), NULL, 0), 0);
}

/* RFC 8489 section 14.1: the first octet is ignored; family and length must agree. */
static void addresses(void **state) {
    (void)state;
    static const struct {
        uint8_t family;
        uint8_t length;
        int error;
    } cases[] = {
        {1, 8, STUN_OK},
        {2, 20, STUN_OK},
        {1, 20, STUN_ERROR_MALFORMED},
        {2, 8, STUN_ERROR_MALFORMED},
        {0, 4, STUN_ERROR_MALFORMED},
        {3, 8, STUN_ERROR_MALFORMED},
        {1, 7, STUN_ERROR_MALFORMED},
        {1, 9, STUN_ERROR_MALFORMED},
        {2, 19, STUN_ERROR_MALFORMED},
        {2, 21, STUN_ERROR_MALFORMED},
        {1, 3, STUN_ERROR_MALFORMED},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[64];
        size_t length = one_attribute(bytes, STUN_ATTRIBUTE_MAPPED_ADDRESS, cases[i].length, (cases[i].length + 3u) / 4 * 4, 0xC0);
        bytes[25] = cases[i].family;
        struct stun_message message = parsed(bytes, length);
        struct stun_address address = {.family = 0xEE};
        assert_int_equal(stun_message_read_address(&message, STUN_ATTRIBUTE_MAPPED_ADDRESS, &address), cases[i].error);
        if (cases[i].error != STUN_OK) {
            assert_int_equal(address.family, 0xEE);
            assert_int_equal(stun_message_read_xor_address(&message, STUN_ATTRIBUTE_MAPPED_ADDRESS, &address), cases[i].error);
            assert_int_equal(address.family, 0xEE);
            continue;
        }
        assert_int_equal(address.family, cases[i].family);
        assert_int_equal(address.port, 0xC0C0);
        for (size_t k = 0; k < 16; k++)
            assert_int_equal(address.ip[k], k < stun_address_ip_bytes(&address) ? 0xC0 : 0);
        assert_int_equal(stun_message_read_address(&message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address), STUN_ERROR_NOT_FOUND);
    }
}

/* RFC 8489 section 14.8: class 3 to 6, number 0 to 99, the reserved bits ignored, no reason longer than 763 bytes. */
static void error_codes(void **state) {
    (void)state;
    uint8_t bytes[32];
    for (unsigned class_ = 0; class_ < 256; class_++)
        for (unsigned number = 0; number < 256; number++) {
            size_t length = one_attribute(bytes, STUN_ATTRIBUTE_ERROR_CODE, 7, 8, 'x');
            bytes[26] = (uint8_t)class_;
            bytes[27] = (uint8_t)number;
            struct stun_message message = parsed(bytes, length);
            uint16_t code = 0;
            const uint8_t *reason;
            size_t reason_length;
            int error = stun_message_read_error_code(&message, &code, &reason, &reason_length);
            if ((class_ & 7) >= 3 && (class_ & 7) <= 6 && number <= 99) {
                assert_int_equal(error, STUN_OK);
                assert_int_equal(code, (class_ & 7) * 100 + number);
                assert_int_equal(reason_length, 3);
                assert_memory_equal(reason, "xxx", 3);
            } else {
                assert_int_equal(error, STUN_ERROR_MALFORMED);
                assert_int_equal(code, 0);
            }
        }
}

/* The longest texts that are accepted, 763 bytes; one more is refused (RFC 8489 sections 14.3, 14.8 to 14.10, 14.14). */
static void text_limits(void **state) {
    (void)state;
    static const uint16_t types[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_REALM, STUN_ATTRIBUTE_NONCE, STUN_ATTRIBUTE_SOFTWARE};
    uint8_t bytes[1024];
    for (uint16_t text = STUN_TEXT_MAX_BYTES - 1; text <= STUN_TEXT_MAX_BYTES + 1; text++) {
        int expected = text <= STUN_TEXT_MAX_BYTES ? STUN_OK : STUN_ERROR_MALFORMED;
        for (size_t i = 0; i < COUNT(types); i++) {
            struct stun_message message = parsed(bytes, one_attribute(bytes, types[i], text, (text + 3u) / 4 * 4, 'x'));
            const uint8_t *value;
            size_t length = 0;
            assert_int_equal(stun_message_read_bytes(&message, types[i], &value, &length), expected);
            assert_int_equal(length, expected == STUN_OK ? text : 0);
        }
        struct stun_message message =
            parsed(bytes, one_attribute(bytes, STUN_ATTRIBUTE_ERROR_CODE, (uint16_t)(4 + text), (4 + text + 3u) / 4 * 4, 4));
        uint16_t code;
        const uint8_t *reason;
        size_t reason_length;
        assert_int_equal(stun_message_read_error_code(&message, &code, &reason, &reason_length), expected);
    }
    struct stun_message message = parsed(bytes, one_attribute(bytes, STUN_ATTRIBUTE_DATA, 900, 900, 'x'));
    const uint8_t *value;
    size_t length;
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_DATA, &value, &length), STUN_OK);
    assert_int_equal(length, 900);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_checks),        cmocka_unit_test(types_of_messages),   cmocka_unit_test(every_truncation_of_valid_messages),
        cmocka_unit_test(closing_attributes),   cmocka_unit_test(first_of_duplicates), cmocka_unit_test(every_type_with_every_length),
        cmocka_unit_test(unknown_required),     cmocka_unit_test(addresses),           cmocka_unit_test(error_codes),
        cmocka_unit_test(text_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
