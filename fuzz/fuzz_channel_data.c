/* links: stun */
/*
 * ChannelData, the framing of a stream, and PASSWORD-ALGORITHMS: any bytes. What parses is written again to the same bytes; a stream cut
 * into messages covers its bytes without gap or overlap; nothing reads beyond the length (AddressSanitizer sees that in an exact copy).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "stun/channel_data.h"
#include "stun/password_algorithm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_and_write(const uint8_t *bytes, size_t length) {
    struct stun_channel_data parsed;
    if (stun_channel_data_parse(bytes, length, &parsed) != STUN_OK)
        return;
    assert(stun_channel_data_is(bytes, length));
    assert(parsed.data == bytes + 4 && 4u + parsed.length <= length);
    size_t padded = ((size_t)parsed.length + 3) / 4 * 4;
    uint8_t *again = malloc(4 + padded);
    assert(again != NULL);
    memcpy(again + 4, parsed.data, parsed.length);
    assert(stun_channel_data_write(again, 4 + padded, parsed.channel, parsed.length, true) == (int)(4 + padded));
    assert(memcmp(again, bytes, 4u + parsed.length) == 0);
    assert(stun_stream_message_bytes(again, 4 + padded) == (int)(4 + padded));
    assert(stun_channel_data_write(again, 4u + parsed.length, parsed.channel, parsed.length, false) == (int)(4u + parsed.length));
    free(again);
}

static void cut(const uint8_t *bytes, size_t length) {
    size_t at = 0;
    while (at < length) {
        int whole = stun_stream_message_bytes(bytes + at, length - at);
        assert(whole >= 4 || whole == STUN_ERROR_BUFFER || whole == STUN_ERROR_NOT_STUN);
        assert(whole != STUN_ERROR_BUFFER || length - at < STUN_STREAM_HEADER_BYTES);
        if (whole < 0 || (size_t)whole > length - at)
            return;
        assert(whole % 4 == 0);
        parse_and_write(bytes + at, (size_t)whole);
        at += (size_t)whole;
    }
}

static void walk_algorithms(const uint8_t *bytes, size_t length) {
    struct stun_password_algorithm_entry entry;
    enum stun_password_algorithm chosen;
    size_t offset = 0, before = 0;
    bool has_ours = false;
    int error;
    while ((error = stun_password_algorithm_next(bytes, length, &offset, &entry)) == STUN_OK) {
        assert(offset > before && offset <= length);
        assert(entry.parameters + entry.parameters_length <= bytes + length);
        before = offset;
        has_ours = has_ours || ((entry.algorithm == STUN_PASSWORD_MD5 || entry.algorithm == STUN_PASSWORD_SHA256) && entry.parameters_length == 0);
    }
    int expected = error == STUN_ERROR_MALFORMED ? STUN_ERROR_MALFORMED : has_ours ? STUN_OK : STUN_ERROR_NOT_FOUND;
    assert(stun_password_algorithm_choose(bytes, length, &chosen) == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    parse_and_write(copy, size);
    cut(copy, size);
    walk_algorithms(copy, size);
    free(copy);
    return 0;
}
