#include "dtls/record_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A plaintext ClientHello fragment: message 100 bytes long, bytes 10..29 of it. */
static size_t make(uint8_t *out, uint8_t type, size_t message_length, uint16_t sequence, size_t offset, size_t length) {
    size_t body = DTLS_HANDSHAKE_HEADER_BYTES + length;
    memset(out, 0xAB, DTLS_RECORD_HEADER_BYTES + body);
    const uint8_t header[25] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, (uint8_t)(body >> 8), (uint8_t)body,
                                type, (uint8_t)(message_length >> 16), (uint8_t)(message_length >> 8), (uint8_t)message_length,
                                (uint8_t)(sequence >> 8), (uint8_t)sequence, (uint8_t)(offset >> 16), (uint8_t)(offset >> 8), (uint8_t)offset,
                                (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length};
    memcpy(out, header, sizeof header);
    return DTLS_RECORD_HEADER_BYTES + body;
}

static bool plausible(const uint8_t *bytes, size_t length, bool from_client) {
    struct dtls_record record;
    size_t at = 0;
    return dtls_record_next(bytes, length, &at, &record) && record.type == DTLS_CONTENT_HANDSHAKE &&
           dtls_record_handshake_plausible(&record, from_client);
}

/* RFC 6347 section 4.1: several records in a datagram; whatever is cut off is not read. */
static void test_walk_and_truncation(void **state) {
    (void)state;
    uint8_t datagram[400];
    size_t first = make(datagram, DTLS_HANDSHAKE_CLIENT_HELLO, 100, 0, 10, 20);
    size_t length = first + make(datagram + first, DTLS_HANDSHAKE_CERTIFICATE, 40, 1, 0, 40);
    struct dtls_record record;
    for (size_t cut = 0; cut <= length; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, datagram, cut);
        size_t at = 0;
        size_t count = 0;
        while (dtls_record_next(exact, cut, &at, &record)) {
            count++;
            struct dtls_handshake_fragment fragment;
            size_t inner = 0;
            assert_true(dtls_handshake_fragment_next(&record, &inner, &fragment));
            assert_false(dtls_handshake_fragment_next(&record, &inner, &fragment));
        }
        assert_int_equal(count, cut == length ? 2 : cut >= first ? 1 : 0);
        assert_int_equal(at, cut == length ? length : cut >= first ? first : 0);
        free(exact);
    }
}

static void test_versions_and_types(void **state) {
    (void)state;
    uint8_t datagram[100];
    struct dtls_record record;
    for (unsigned version = 0; version <= 0xFFFF; version++) {
        size_t length = make(datagram, DTLS_HANDSHAKE_CLIENT_HELLO, 20, 0, 0, 20);
        datagram[1] = (uint8_t)(version >> 8);
        datagram[2] = (uint8_t)version;
        size_t at = 0;
        assert_int_equal(dtls_record_next(datagram, length, &at, &record), version == 0xFEFF || version == 0xFEFD);
    }
    for (unsigned type = 0; type < 256; type++) {
        size_t length = make(datagram, DTLS_HANDSHAKE_CLIENT_HELLO, 20, 0, 0, 20);
        datagram[0] = (uint8_t)type;
        size_t at = 0;
        assert_int_equal(dtls_record_next(datagram, length, &at, &record), type >= 20 && type <= 23);
    }
}

/* RFC 5246 section 7.3: each side has its messages. */
static void test_who_sends_what(void **state) {
    (void)state;
    uint8_t datagram[100];
    for (unsigned type = 0; type < 256; type++) {
        size_t length = make(datagram, (uint8_t)type, 20, 0, 0, 20);
        bool client = type == 1 || type == 11 || type == 15 || type == 16;
        bool server = type == 2 || type == 3 || (type >= 11 && type <= 14);
        assert_int_equal(plausible(datagram, length, true), client);
        assert_int_equal(plausible(datagram, length, false), server);
    }
}

/* RFC 6347 section 4.2.3: a fragment lies inside its message; and our own limits, at limit - 1, limit, limit + 1. */
static void test_bounds(void **state) {
    (void)state;
    static const struct {
        size_t message_length;
        uint16_t sequence;
        size_t offset, length;
        bool plausible;
    } cases[] = {
        {100, 0, 80, 20, true},
        {100, 0, 81, 20, false},
        {100, 0, 101, 0, false},
        {0, 0, 0, 0, true},
        {1, 0, 0, 0, false}, /* an empty fragment of something */
        {100, 0, 0xFFFFFF, 20, false},
        {DTLS_HANDSHAKE_MESSAGE_MAX_BYTES - 1, 0, 0, 20, true},
        {DTLS_HANDSHAKE_MESSAGE_MAX_BYTES, 0, 0, 20, true},
        {DTLS_HANDSHAKE_MESSAGE_MAX_BYTES + 1, 0, 0, 20, false},
        {0xFFFFFF, 0, 0, 20, false},
        {100, DTLS_HANDSHAKE_SEQUENCE_MAX - 1, 0, 20, true},
        {100, DTLS_HANDSHAKE_SEQUENCE_MAX, 0, 20, true},
        {100, DTLS_HANDSHAKE_SEQUENCE_MAX + 1, 0, 20, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t datagram[100];
        size_t length = make(datagram, DTLS_HANDSHAKE_CERTIFICATE, cases[i].message_length, cases[i].sequence, cases[i].offset, cases[i].length);
        assert_int_equal(plausible(datagram, length, true), cases[i].plausible);
    }
    /* Two fragments in one record, as other stacks write them, and one that is cut. */
    uint8_t datagram[200];
    size_t length = make(datagram, DTLS_HANDSHAKE_CERTIFICATE, 20, 1, 0, 20);
    uint8_t second[100];
    size_t second_length = make(second, DTLS_HANDSHAKE_CERTIFICATE_VERIFY, 30, 2, 0, 30) - DTLS_RECORD_HEADER_BYTES;
    memcpy(datagram + length, second + DTLS_RECORD_HEADER_BYTES, second_length);
    datagram[12] = (uint8_t)(datagram[12] + second_length);
    assert_true(plausible(datagram, length + second_length, true));
    datagram[12]--;
    assert_false(plausible(datagram, length + second_length, true));
}

/* RFC 6347 section 4.1, by way of RFC 5246 section 6.2.3. */
static void test_record_length_limit(void **state) {
    (void)state;
    static uint8_t datagram[DTLS_RECORD_HEADER_BYTES + DTLS_RECORD_FRAGMENT_MAX_BYTES + 1] = {23, 0xFE, 0xFD};
    for (int more = -1; more <= 1; more++) {
        size_t fragment = (size_t)((int)DTLS_RECORD_FRAGMENT_MAX_BYTES + more);
        datagram[11] = (uint8_t)(fragment >> 8);
        datagram[12] = (uint8_t)fragment;
        struct dtls_record record;
        size_t at = 0;
        assert_int_equal(dtls_record_next(datagram, DTLS_RECORD_HEADER_BYTES + fragment, &at, &record), more <= 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk_and_truncation), cmocka_unit_test(test_versions_and_types), cmocka_unit_test(test_who_sends_what),
        cmocka_unit_test(test_bounds),              cmocka_unit_test(test_record_length_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
