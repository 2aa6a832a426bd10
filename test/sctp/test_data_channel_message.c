/* DATA_CHANNEL_OPEN as bytes: RFC 8832 section 5.1. */
#include "test_sctp.h"

#include "corpora.h"
#include "sctp/data_channel_message_internal.h"

/* The example: unordered, 3 retransmissions, priority 512, "chat", protocol "irc". */
static const uint8_t example[] = {3, 0x81, 2, 0, 0, 0, 0, 3, 0, 4, 0, 3, 'c', 'h', 'a', 't', 'i', 'r', 'c'};

static void reads_and_writes(void **state) {
    (void)state;
    struct data_channel_open_message message;
    uint8_t bytes[sizeof example];
    assert_int_equal(data_channel_read_open(example, sizeof example, &message), SCTP_OK);
    assert_true(message.is_unordered);
    assert_int_equal(message.reliability, SCTP_MAX_RETRANSMITS);
    assert_int_equal(message.limit, 3);
    assert_int_equal(message.priority, 512);
    assert_int_equal(message.label_length, 4);
    assert_memory_equal(message.label, "chat", 4);
    assert_int_equal(message.protocol_length, 3);
    assert_memory_equal(message.protocol, "irc", 3);
    for (size_t capacity = 0; capacity < sizeof example; capacity++)
        assert_int_equal(data_channel_write_open(&message, bytes, capacity), SCTP_ERROR_BUFFER);
    assert_int_equal(data_channel_write_open(&message, bytes, sizeof bytes), sizeof example);
    assert_memory_equal(bytes, example, sizeof example);
}

/* Cut anywhere, and one byte too long: lengths have to fit exactly */
static void lengths(void **state) {
    (void)state;
    struct data_channel_open_message message;
    for (size_t length = 0; length < sizeof example; length++) {
        uint8_t *copy = malloc(length + 1);
        memcpy(copy, example, length);
        assert_int_equal(data_channel_read_open(copy, length, &message), SCTP_ERROR_MALFORMED);
        free(copy);
    }
    uint8_t longer[sizeof example + 1] = {0};
    memcpy(longer, example, sizeof example);
    assert_int_equal(data_channel_read_open(longer, sizeof longer, &message), SCTP_ERROR_MALFORMED);
    static const uint16_t sums[][2] = {{0, 7}, {7, 0}, {8, 0}, {0, 8}, {65535, 65535}, {65535, 8}, {4, 4}, {5, 3}};
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        longer[8] = (uint8_t)(sums[i][0] >> 8);
        longer[9] = (uint8_t)sums[i][0];
        longer[10] = (uint8_t)(sums[i][1] >> 8);
        longer[11] = (uint8_t)sums[i][1];
        bool fits = sums[i][0] + sums[i][1] == 7;
        assert_int_equal(data_channel_read_open(longer, sizeof example, &message), fits ? SCTP_OK : SCTP_ERROR_MALFORMED);
    }
}

/* RFC 8832 section 5.1: six channel types; of the reliable ones the parameter is ignored, and written as 0 */
static void channel_types(void **state) {
    (void)state;
    uint8_t bytes[12] = {3, 0, 1, 0, 0, 0, 0, 9};
    uint8_t written[12];
    struct data_channel_open_message message;
    for (unsigned type = 0; type < 256; type++) {
        bytes[1] = (uint8_t)type;
        int result = data_channel_read_open(bytes, sizeof bytes, &message);
        assert_int_equal(result, (type & 0x7F) <= 2 ? SCTP_OK : SCTP_ERROR_MALFORMED);
        if (result != SCTP_OK)
            continue;
        assert_int_equal(message.is_unordered, type >= 128);
        assert_int_equal(message.limit, type & 3 ? 9 : 0);
        assert_int_equal(data_channel_write_open(&message, written, sizeof written), sizeof written);
        assert_int_equal(written[1], type);
        assert_int_equal(written[7], type & 3 ? 9 : 0);
    }
    bytes[1] = 0;
    for (unsigned type = 0; type < 256; type++) {
        bytes[0] = (uint8_t)type;
        assert_int_equal(data_channel_read_open(bytes, sizeof bytes, &message), type == DATA_CHANNEL_MESSAGE_OPEN ? SCTP_OK : SCTP_ERROR_MALFORMED);
    }
}

/* RFC 3629 section 4: every first and last of each length, and those just beyond */
static void utf8(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_valid;
    } cases[] = {
        {"", true}, {"plain", true}, {"\x7F", true}, {"\x80", false}, {"\xC1\xBF", false}, {"\xC2\x80", true}, {"\xDF\xBF", true}, {"\xDF", false},
        {"\xDF\xC0", false}, {"\xE0\x9F\xBF", false}, {"\xE0\xA0\x80", true}, {"\xED\x9F\xBF", true}, {"\xED\xA0\x80", false}, {"\xEE\x80\x80", true},
        {"\xEF\xBF\xBF", true}, {"\xE2\x82", false}, {"\xF0\x8F\xBF\xBF", false}, {"\xF0\x90\x80\x80", true}, {"\xF4\x8F\xBF\xBF", true},
        {"\xF4\x90\x80\x80", false}, {"\xF5\x80\x80\x80", false}, {"\xF0\x90\x80", false}, {"\xFF", false}, {"a\xE2\x82\xAC" "b", true}, {"a\xBF", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(data_channel_is_utf8(cases[i].text, strlen(cases[i].text)), cases[i].is_valid);
    assert_true(data_channel_is_utf8("nul\0within", 10));
    struct data_channel_open_message message;
    uint8_t bytes[sizeof example];
    for (size_t at = 12; at < sizeof example; at++) {
        memcpy(bytes, example, sizeof example);
        bytes[at] = 0xFF;
        assert_int_equal(data_channel_read_open(bytes, sizeof bytes, &message), SCTP_ERROR_MALFORMED);
    }
}

struct opens {
    unsigned count;
    bool has_reliable, has_retransmits, has_unordered;
};

static void take_chunk(void *context, const char *file, const struct sctp_chunk *chunk) {
    struct opens *opens = context;
    struct sctp_data data;
    struct data_channel_open_message message;
    (void)file;
    if (chunk->type != SCTP_CHUNK_DATA || sctp_read_data(chunk, &data) != SCTP_OK || data.payload_protocol != DATA_CHANNEL_PPID_CONTROL)
        return;
    if (data_channel_read_open(data.bytes, data.length, &message) != SCTP_OK)
        return;
    opens->count++;
    opens->has_reliable |= message.label_length == 15 && memcmp(message.label, "dataSendChannel", 15) == 0 && message.reliability == SCTP_RELIABLE && !message.is_unordered;
    opens->has_retransmits |= message.label_length == 8 && memcmp(message.label, "captions", 8) == 0 && message.reliability == SCTP_MAX_RETRANSMITS && message.limit == 10;
    opens->has_unordered |= message.label_length == 14 && memcmp(message.label, "audioprocessor", 14) == 0 && message.is_unordered && message.limit == 0;
}

/* What a browser said: three channels in one packet */
static void corpora(void **state) {
    (void)state;
    struct opens opens = {0};
    if (!corpora_chunks("corpora", take_chunk, &opens))
        skip();
    assert_true(opens.count >= 3);
    assert_true(opens.has_reliable && opens.has_retransmits && opens.has_unordered);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_and_writes), cmocka_unit_test(lengths), cmocka_unit_test(channel_types), cmocka_unit_test(utf8), cmocka_unit_test(corpora)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
