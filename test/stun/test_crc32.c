/* stun/crc32.c against a bit-by-bit definition, at every length and alignment that the slicing can meet. */
#include "test_stun.h"

#include "stun/crc32_internal.h"

static uint32_t crc32_bit_by_bit(const uint8_t *bytes, size_t length) {
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return ~crc;
}

static void check_value_of_the_polynomial(void **state) {
    (void)state;
    assert_int_equal(stun_crc32((const uint8_t *)"123456789", 9), 0xCBF43926u);
    assert_int_equal(stun_crc32((const uint8_t *)"", 0), 0);
}

/* One byte set in an 8-byte word selects one table entry alone: all 2,048 of them are met. */
static void every_table_entry(void **state) {
    (void)state;
    for (unsigned position = 0; position < 8; position++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t bytes[8] = {0};
            bytes[position] = (uint8_t)value;
            assert_int_equal(stun_crc32(bytes, sizeof bytes), crc32_bit_by_bit(bytes, sizeof bytes));
        }
    }
}

static void every_short_length_and_alignment(void **state) {
    (void)state;
    uint8_t bytes[96];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167 + 13);
    for (size_t start = 0; start < 8; start++)
        for (size_t length = 0; start + length <= sizeof bytes; length++)
            assert_int_equal(stun_crc32(bytes + start, length), crc32_bit_by_bit(bytes + start, length));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_value_of_the_polynomial),
        cmocka_unit_test(every_table_entry),
        cmocka_unit_test(every_short_length_and_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
