/* app/net/stun_responder.c: what is answered, how long the answer is, and to whom how often; in virtual time. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "app/net/stun_responder.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "test/net/test_net.h"

static const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static uint8_t answer[NET_STUN_ANSWER_MAX_BYTES];

static void not_random(void *context, uint8_t *out, size_t length) {
    memset(out, context ? *(const uint8_t *)context : 0x5A, length);
}

static struct net_stun_responder *new_responder(uint32_t rate, uint32_t burst) {
    struct net_stun_responder_config config = {.random = not_random, .rate = rate, .burst = burst};
    struct net_stun_responder *responder = net_stun_responder_new(&config);
    assert_non_null(responder);
    return responder;
}

static void begin(struct stun_writer *writer, uint8_t *bytes, size_t capacity, enum stun_class class_, uint16_t method) {
    stun_writer_begin(writer, bytes, capacity, class_, method, transaction_id);
}

static size_t finish(const struct stun_writer *writer) {
    int length = stun_writer_finish(writer);
    assert_true(length > 0);
    return (size_t)length;
}

static size_t plain_request(uint8_t *bytes, size_t capacity, bool with_fingerprint) {
    struct stun_writer writer;
    begin(&writer, bytes, capacity, STUN_CLASS_REQUEST, STUN_METHOD_BINDING);
    if (with_fingerprint)
        stun_writer_add_fingerprint(&writer);
    return finish(&writer);
}

/* The bytes get a heap of exactly their size, so that one read beyond is seen. */
static size_t ask(struct net_stun_responder *responder, uint64_t now_us, const struct stun_address *source, const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    size_t answered = net_stun_responder_handle(responder, now_us, source, copy, length, answer);
    free(copy);
    return answered;
}

/* RFC 8489 section 12, MUST: success with the source in XOR-MAPPED-ADDRESS; and nothing that makes it long. */
static void test_answers_the_source(void **state) {
    (void)state;
    const struct {
        struct stun_address source;
        bool fingerprint;
        size_t length;
    } cases[] = {
        {{.family = STUN_ADDRESS_IPV4, .port = 40000, .ip = {192, 0, 2, 7}}, false, 32},
        {{.family = STUN_ADDRESS_IPV4, .port = 1, .ip = {192, 0, 2, 7}}, true, 40},
        {{.family = STUN_ADDRESS_IPV6, .port = 65535, .ip = {0x20, 1, 0xd, 0xb8, [15] = 9}}, false, 44},
        {{.family = STUN_ADDRESS_IPV6, .port = 3478, .ip = {0x20, 1, 0xd, 0xb8, [15] = 9}}, true, 52},
    };
    struct net_stun_responder *responder = new_responder(0, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t request[64];
        struct stun_message message;
        struct stun_address told;
        size_t length = plain_request(request, sizeof request, cases[i].fingerprint);
        assert_int_equal(ask(responder, 0, &cases[i].source, request, length), cases[i].length);
        assert_int_equal(stun_message_parse(answer, cases[i].length, &message), STUN_OK);
        assert_int_equal(message.class_, STUN_CLASS_SUCCESS_RESPONSE);
        assert_int_equal(message.method, STUN_METHOD_BINDING);
        assert_memory_equal(message.transaction_id, transaction_id, sizeof transaction_id);
        assert_int_equal(stun_message_read_xor_address(&message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &told), STUN_OK);
        assert_true(stun_address_equal(&told, &cases[i].source));
        assert_int_equal(stun_message_check_fingerprint(&message), cases[i].fingerprint ? STUN_OK : STUN_ERROR_NOT_FOUND);
    }
    net_stun_responder_free(responder);
}

/* RFC 8489 section 6.3, MUST: responses, indications, other methods and broken messages get no answer. */
static void test_says_nothing(void **state) {
    (void)state;
    static const struct {
        enum stun_class class_;
        uint16_t method;
    } cases[] = {{STUN_CLASS_INDICATION, STUN_METHOD_BINDING},       {STUN_CLASS_SUCCESS_RESPONSE, STUN_METHOD_BINDING},
                 {STUN_CLASS_ERROR_RESPONSE, STUN_METHOD_BINDING},   {STUN_CLASS_REQUEST, STUN_METHOD_ALLOCATE},
                 {STUN_CLASS_REQUEST, STUN_METHOD_CHANNEL_BIND},     {STUN_CLASS_REQUEST, 0xFFF}};
    struct net_stun_responder *responder = new_responder(0, 0);
    struct stun_address source = loopback_v4(40000), nobody = loopback_v4(0), nowhere = {.port = 1};
    uint8_t bytes[64];
    struct stun_writer writer;
    for (size_t i = 0; i < COUNT(cases); i++) {
        begin(&writer, bytes, sizeof bytes, cases[i].class_, cases[i].method);
        assert_int_equal(ask(responder, 0, &source, bytes, finish(&writer)), 0);
    }
    size_t length = plain_request(bytes, sizeof bytes, false);
    assert_int_equal(ask(responder, 0, &nobody, bytes, length), 0);
    assert_int_equal(ask(responder, 0, &nowhere, bytes, length), 0);
    /* RFC 3489 had no cookie. */
    bytes[4] ^= 1;
    assert_int_equal(ask(responder, 0, &source, bytes, length), 0);
    struct net_stun_responder_statistics statistics;
    net_stun_responder_statistics(responder, &statistics);
    assert_int_equal(statistics.ignored_dropped, COUNT(cases) + 3);
    assert_int_equal(statistics.answered + statistics.refused + statistics.limited_dropped, 0);
    net_stun_responder_free(responder);
}

/* Every prefix of a request, and a request with every bit of it wrong once: an answer only to what still is a Binding request with its FINGERPRINT. */
static void test_truncated_and_flipped(void **state) {
    (void)state;
    struct net_stun_responder *responder = new_responder(1000000, 1000000);
    struct stun_address source = loopback_v4(40000);
    uint8_t bytes[64];
    size_t length = plain_request(bytes, sizeof bytes, true);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(ask(responder, 0, &source, bytes, cut), 0);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        /* A FINGERPRINT of another type is an attribute that nobody knows: 20 bytes is where its type begins. */
        bool unprotected = bit / 8 == 20 || bit / 8 == 21;
        if (!unprotected)
            assert_int_equal(ask(responder, 0, &source, bytes, length), 0);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(ask(responder, 0, &source, bytes, length), 40);
    net_stun_responder_free(responder);
}

/* RFC 8489 section 6.3.1, MUST: 420 that lists each of them; it is never longer than a request that has more than one. */
static void test_unknown_attributes(void **state) {
    (void)state;
    struct net_stun_responder *responder = new_responder(0, 0);
    struct stun_address source = loopback_v4(40000);
    const size_t most = (NET_STUN_REQUEST_MAX_BYTES - STUN_HEADER_BYTES) / 4;
    for (size_t count = 1; count <= most; count += count == 1 ? 2 : most - 3) {
        uint8_t bytes[NET_STUN_REQUEST_MAX_BYTES];
        struct stun_writer writer;
        begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING);
        for (size_t i = 0; i < count; i++)
            stun_writer_add_flag(&writer, (uint16_t)(0x3000 + i));
        size_t length = finish(&writer), answered = ask(responder, 0, &source, bytes, length);
        struct stun_message message;
        uint16_t code;
        const uint8_t *reason, *types;
        size_t reason_length, types_length;
        assert_int_equal(stun_message_parse(answer, answered, &message), STUN_OK);
        assert_int_equal(message.class_, STUN_CLASS_ERROR_RESPONSE);
        assert_int_equal(stun_message_read_error_code(&message, &code, &reason, &reason_length), STUN_OK);
        assert_int_equal(code, STUN_CODE_UNKNOWN_ATTRIBUTE);
        assert_int_equal(reason_length, 0);
        assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, &types, &types_length), STUN_OK);
        assert_int_equal(types_length, 2 * count);
        assert_int_equal(types[2 * count - 2] << 8 | types[2 * count - 1], 0x3000 + count - 1);
        assert_true(answered <= length || count == 1 || count == 3);
    }
    net_stun_responder_free(responder);
}

/* Those of RFC 8489 itself are understood, and need no answer of their own; an ICE check is for an agent, not for a server. */
static void test_known_attributes(void **state) {
    (void)state;
    struct net_stun_responder *responder = new_responder(0, 0);
    struct stun_address source = loopback_v4(40000);
    uint8_t bytes[128];
    struct stun_writer writer;
    begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_SOFTWARE, (const uint8_t *)"strata", 6);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERNAME, (const uint8_t *)"user", 4);
    assert_int_equal(ask(responder, 0, &source, bytes, finish(&writer)), 32);
    begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING);
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, 1);
    assert_int_equal(ask(responder, 0, &source, bytes, finish(&writer)), 20 + 8 + 8);
    net_stun_responder_free(responder);
}

static void test_request_size_limit(void **state) {
    (void)state;
    struct net_stun_responder *responder = new_responder(0, 0);
    struct stun_address source = loopback_v4(40000);
    static const uint8_t filler[NET_STUN_REQUEST_MAX_BYTES];
    for (int step = -4; step <= 4; step += 4) { /* STUN counts in fours */
        uint8_t bytes[NET_STUN_REQUEST_MAX_BYTES + 4];
        struct stun_writer writer;
        size_t value = (size_t)((int)NET_STUN_REQUEST_MAX_BYTES - STUN_HEADER_BYTES - 4 + step);
        begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING);
        stun_writer_add_bytes(&writer, 0xC001, filler, value);
        size_t length = finish(&writer);
        assert_int_equal(length, (int)NET_STUN_REQUEST_MAX_BYTES + step);
        assert_int_equal(ask(responder, 0, &source, bytes, length), step > 0 ? 0 : 32);
    }
    net_stun_responder_free(responder);
}

/* ---- who is limited ------------------------------------------------------------------------------------------------- */

static size_t ask_times(struct net_stun_responder *responder, uint64_t now_us, const struct stun_address *source, size_t times) {
    uint8_t bytes[STUN_HEADER_BYTES];
    size_t length = plain_request(bytes, sizeof bytes, false), answered = 0;
    for (size_t i = 0; i < times; i++)
        answered += net_stun_responder_handle(responder, now_us, source, bytes, length, answer) > 0;
    return answered;
}

static void test_burst_and_rate(void **state) {
    (void)state;
    struct net_stun_responder *responder = new_responder(10, 5);
    struct stun_address source = loopback_v4(40000), other = {.family = STUN_ADDRESS_IPV4, .port = 40000, .ip = {198, 51, 100, 1}};
    const uint64_t now_us = 1000000000;
    assert_int_equal(ask_times(responder, now_us, &source, 4), 4);
    assert_int_equal(ask_times(responder, now_us, &source, 1), 1);
    assert_int_equal(ask_times(responder, now_us, &source, 1), 0);
    source.port = 50000; /* another port is the same source */
    assert_int_equal(ask_times(responder, now_us, &source, 1), 0);
    assert_int_equal(ask_times(responder, now_us, &other, 5), 5);
    assert_int_equal(ask_times(responder, now_us + 99999, &source, 1), 0);
    assert_int_equal(ask_times(responder, now_us + 100000, &source, 2), 1);
    assert_int_equal(ask_times(responder, now_us + 3600000000u, &source, 9), 5);
    struct net_stun_responder_statistics statistics;
    net_stun_responder_statistics(responder, &statistics);
    assert_int_equal(statistics.limited_dropped, 1 + 1 + 1 + 1 + 4);
    net_stun_responder_free(responder);
}

/* One IPv6 /64 is one source, two are two; IPv4 is told from the /64 that begins with the same bytes. */
static void test_what_a_source_is(void **state) {
    (void)state;
    struct net_stun_responder *responder = new_responder(1, 1);
    struct stun_address source = {.family = STUN_ADDRESS_IPV6, .port = 1, .ip = {0x20, 1, 0xd, 0xb8}};
    assert_int_equal(ask_times(responder, 0, &source, 1), 1);
    source.ip[8] = 1;
    source.ip[15] = 1;
    assert_int_equal(ask_times(responder, 0, &source, 1), 0);
    source.ip[7] = 1;
    assert_int_equal(ask_times(responder, 0, &source, 1), 1);
    struct stun_address same_bytes = {.family = STUN_ADDRESS_IPV4, .port = 1, .ip = {0x20, 1, 0xd, 0xb8}};
    assert_int_equal(ask_times(responder, 0, &same_bytes, 1), 1);
    net_stun_responder_free(responder);
}

/* 1,000,000 claimed sources, in a row as an attacker without the key would: the fullest bucket is not much fuller than the mean, and a stranger is served. */
static void test_spread(void **state) {
    (void)state;
    struct net_stun_responder *responder = new_responder(1, 128);
    struct stun_address source = {.family = STUN_ADDRESS_IPV4, .port = 1};
    size_t answered = 0;
    for (uint32_t i = 0; i < 1000000; i++) {
        source.ip[0] = 10;
        source.ip[1] = (uint8_t)(i >> 16);
        source.ip[2] = (uint8_t)(i >> 8);
        source.ip[3] = (uint8_t)i;
        answered += ask_times(responder, 0, &source, 1);
    }
    assert_int_equal(answered, 1000000); /* 61 in a bucket on average, so 128 is more than eight standard deviations away */
    struct stun_address stranger = {.family = STUN_ADDRESS_IPV4, .port = 1, .ip = {192, 0, 2, 1}};
    assert_int_equal(ask_times(responder, 0, &stranger, 1), 1);
    net_stun_responder_free(responder);
}

static void test_configuration(void **state) {
    (void)state;
    struct net_stun_responder_config config = {.random = NULL};
    assert_null(net_stun_responder_new(&config));
    config.random = not_random;
    for (uint32_t more = 0; more < 3; more++) {
        config.rate = config.burst = NET_STUN_LIMIT_MAX - 1 + more;
        struct net_stun_responder *responder = net_stun_responder_new(&config);
        assert_int_equal(responder != NULL, more < 2);
        net_stun_responder_free(responder);
    }
    config.rate = NET_STUN_LIMIT_MAX + 1;
    config.burst = 0;
    assert_null(net_stun_responder_new(&config));
    net_stun_responder_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_the_source), cmocka_unit_test(test_says_nothing),       cmocka_unit_test(test_truncated_and_flipped),
        cmocka_unit_test(test_unknown_attributes), cmocka_unit_test(test_known_attributes),   cmocka_unit_test(test_request_size_limit),
        cmocka_unit_test(test_burst_and_rate),     cmocka_unit_test(test_what_a_source_is),   cmocka_unit_test(test_spread),
        cmocka_unit_test(test_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
