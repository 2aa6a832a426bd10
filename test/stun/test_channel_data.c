/* ChannelData and the framing of TURN on a stream: RFC 8656 sections 12.4 to 12.6. */
#include "test_stun.h"

#include <stdlib.h>
#include <string.h>

#include "exact_copy.h"
#include "stun/channel_data.h"

static int parse(const uint8_t *bytes, size_t length, struct stun_channel_data *out) {
    uint8_t *copy = exact_copy(bytes, length);
    int error = stun_channel_data_parse(copy, length, out);
    if (error == STUN_OK)
        out->data = bytes + (out->data - copy);
    free(copy);
    return error;
}

/* RFC 8656 section 12.4. */
static void parses(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x40, 0x01, 0x00, 0x03, 'a', 'b', 'c', 0};
    struct stun_channel_data data;
    assert_int_equal(parse(bytes, 8, &data), STUN_OK);
    assert_int_equal(data.channel, 0x4001);
    assert_int_equal(data.length, 3);
    assert_ptr_equal(data.data, bytes + 4);
    assert_int_equal(parse(bytes, 7, &data), STUN_OK); /* over UDP, padding is not required (section 12.5) */
}

/* RFC 8656 section 12.6: too short for what it claims. */
static void truncated(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x40, 0x01, 0x00, 0x03, 'a', 'b', 'c'};
    struct stun_channel_data data = {.channel = 77};
    for (size_t length = 0; length < sizeof bytes; length++) {
        assert_int_equal(parse(bytes, length, &data), STUN_ERROR_MALFORMED);
        assert_int_equal(data.channel, 77);
    }
}

/* RFC 8656 section 12.4: 0 is a valid length. */
static void empty(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x4F, 0xFF, 0x00, 0x00};
    struct stun_channel_data data;
    assert_int_equal(parse(bytes, 4, &data), STUN_OK);
    assert_int_equal(data.length, 0);
    assert_int_equal(data.channel, STUN_CHANNEL_NUMBER_MAX);
}

/* RFC 8656 section 12: 0x4000 to 0x4FFF, at -1, 0, +1 of both ends. */
static void channel_numbers(void **state) {
    (void)state;
    static const struct {
        uint16_t number;
        bool valid;
    } cases[] = {{0x3FFF, false}, {0x4000, true}, {0x4001, true}, {0x4FFE, true}, {0x4FFF, true}, {0x5000, false}, {0xFFFF, false}, {0, false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[8] = {(uint8_t)(cases[i].number >> 8), (uint8_t)cases[i].number, 0, 1, 9};
        uint8_t out[8];
        struct stun_channel_data data;
        assert_int_equal(parse(bytes, 5, &data), cases[i].valid ? STUN_OK : STUN_ERROR_NOT_STUN);
        assert_int_equal(stun_channel_data_is(bytes, 5), cases[i].valid);
        assert_int_equal(stun_channel_data_write(out, sizeof out, cases[i].number, 1, false), cases[i].valid ? 5 : STUN_ERROR_ARGUMENT);
    }
    assert_false(stun_channel_data_is(NULL, 0));
}

/* RFC 8656 section 12.5, MUST: padded over TCP and TLS; the length field does not count it. */
static void writes(void **state) {
    (void)state;
    static const uint8_t expected[] = {0x40, 0x02, 0x00, 0x05, 'h', 'e', 'l', 'l', 'o', 0, 0, 0};
    for (size_t length = 0; length <= 9; length++) {
        for (int padded = 0; padded < 2; padded++) {
            uint8_t bytes[32];
            size_t whole = 4 + (padded ? (length + 3) / 4 * 4 : length);
            memset(bytes, 0xEE, sizeof bytes);
            assert_int_equal(stun_channel_data_write(bytes, whole, 0x4002, length, padded != 0), whole);
            assert_int_equal(bytes[whole], 0xEE);
            for (size_t i = 4 + length; i < whole; i++)
                assert_int_equal(bytes[i], 0);
            assert_int_equal(stun_channel_data_write(bytes, whole - 1, 0x4002, length, padded != 0), STUN_ERROR_BUFFER);
            assert_int_equal(stun_channel_data_write(bytes, whole + 1, 0x4002, length, padded != 0), whole);
        }
    }
    uint8_t bytes[12] = {0, 0, 0, 0, 'h', 'e', 'l', 'l', 'o', 9, 9, 9};
    assert_int_equal(stun_channel_data_write(bytes, sizeof bytes, 0x4002, 5, true), 12);
    assert_memory_equal(bytes, expected, sizeof expected);
}

static void length_limits(void **state) {
    (void)state;
    static uint8_t bytes[4 + 65536];
    assert_int_equal(stun_channel_data_write(bytes, sizeof bytes, 0x4000, 65534, true), 4 + 65536);
    assert_int_equal(stun_channel_data_write(bytes, sizeof bytes, 0x4000, 65535, true), 4 + 65536);
    assert_int_equal(stun_channel_data_write(bytes, sizeof bytes, 0x4000, 65536, false), STUN_ERROR_ARGUMENT);
    assert_int_equal(stun_stream_message_bytes((const uint8_t *)"\x40\x00\xFF\xFF", 4), 4 + 65536);
}

/* RFC 8656 section 12.5 and RFC 8489 section 5: how long the next message is. */
static void stream_lengths(void **state) {
    (void)state;
#define COOKIE "\x21\x12\xA4\x42"
    static const struct {
        const char *bytes;
        size_t needed; /* bytes for an answer */
        int length;
    } cases[] = {
        {"\x40\x00\x00\x00", 4, 4},
        {"\x40\x00\x00\x01", 4, 8},
        {"\x4F\xFF\x00\x04", 4, 8},
        {"\x40\x00\x00\x05", 4, 12},
        {"\x00\x01\x00\x00" COOKIE, 8, 20},
        {"\x01\x03\x00\x08" COOKIE, 8, 28},
        {"\x3F\xFF\xFF\xFC" COOKIE, 8, 65552},
        {"\x00\x01\x00\x00\x21\x12\xA4\x43", 8, STUN_ERROR_NOT_STUN},
        {"\x16\x03\x01\x00\x05\x01\x00\x00", 8, STUN_ERROR_NOT_STUN}, /* TLS */
        {"\x00\x01\x00\x01", 4, STUN_ERROR_NOT_STUN},
        {"\x00\x01\x00\x02", 4, STUN_ERROR_NOT_STUN},
        {"\x50\x00\x00\x04", 4, STUN_ERROR_NOT_STUN},
        {"\x80\x00\x00\x04", 4, STUN_ERROR_NOT_STUN},
        {"\xC0\x00\x00\x04", 4, STUN_ERROR_NOT_STUN},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t length = 0; length <= cases[i].needed; length++) {
            uint8_t *copy = exact_copy((const uint8_t *)cases[i].bytes, length);
            assert_int_equal(stun_stream_message_bytes(copy, length), length < cases[i].needed ? STUN_ERROR_BUFFER : cases[i].length);
            free(copy);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),        cmocka_unit_test(truncated),     cmocka_unit_test(empty),          cmocka_unit_test(channel_numbers),
        cmocka_unit_test(writes),        cmocka_unit_test(length_limits), cmocka_unit_test(stream_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
