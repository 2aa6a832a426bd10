/* sctp/crc32c.c against a bit-by-bit definition: every table entry, every short length and alignment, both ways of computing it. */
#include "test_sctp.h"

#include "sctp/crc32c_internal.h"

static uint32_t bit_by_bit(const uint8_t *bytes, size_t length) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
    }
    return ~crc;
}

static uint32_t portable(const uint8_t *bytes, size_t length) {
    return ~sctp_crc32c_update_portable(SCTP_CRC32C_START, bytes, length);
}

/* RFC 3720 appendix B.4: the published vectors of the polynomial. */
static void published(void **state) {
    (void)state;
    uint8_t bytes[32];
    assert_int_equal(sctp_crc32c((const uint8_t *)"123456789", 9), 0xE3069283u);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(sctp_crc32c(bytes, 32), 0x8A9136AAu);
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(sctp_crc32c(bytes, 32), 0x62A8AB43u);
    for (size_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(sctp_crc32c(bytes, 32), 0x46DD794Eu);
    assert_int_equal(portable(bytes, 32), 0x46DD794Eu);
}

/* One byte set in a word of four selects one table entry alone. */
static void every_table_entry(void **state) {
    (void)state;
    for (size_t position = 0; position < 4; position++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t bytes[4] = {0};
            bytes[position] = (uint8_t)value;
            assert_int_equal(portable(bytes, 4), bit_by_bit(bytes, 4));
        }
}

static void every_short_length_and_alignment(void **state) {
    (void)state;
    uint8_t bytes[96];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167 + 13);
    for (size_t start = 0; start < 8; start++)
        for (size_t length = 0; start + length <= sizeof bytes; length++) {
            assert_int_equal(sctp_crc32c(bytes + start, length), bit_by_bit(bytes + start, length));
            assert_int_equal(portable(bytes + start, length), bit_by_bit(bytes + start, length));
        }
}

static void goes_on(void **state) {
    (void)state;
    static const uint8_t text[] = "one after another";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        uint32_t crc = sctp_crc32c_update(SCTP_CRC32C_START, text, cut);
        assert_int_equal(~sctp_crc32c_update(crc, text + cut, sizeof text - cut), bit_by_bit(text, sizeof text));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published), cmocka_unit_test(every_table_entry), cmocka_unit_test(every_short_length_and_alignment), cmocka_unit_test(goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
