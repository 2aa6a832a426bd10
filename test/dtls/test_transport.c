/*
 * The verbs of the contract, and an attacker who sends from the right address.
 */
#include "test/dtls/pair.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dtls/record_internal.h"
#include "dtls/transport_internal.h"

#define ONE_SECOND_US 1000000u

static struct pair pair;

static struct dtls_transport_config config_of(enum pair_end end) {
    static struct pair stable;
    pair_certificates(&stable);
    return pair_config(&stable, end);
}

/* ---- construction ----------------------------------------------------------------------------------------------------------- */

struct counting_heap {
    size_t live, total, bytes;
    size_t fail_after; /* allocations that succeed */
};

static void *counting_allocate(void *context, size_t bytes) {
    struct counting_heap *heap = context;
    if (heap->total >= heap->fail_after) {
        return NULL;
    }
    heap->live++;
    heap->total++;
    heap->bytes += bytes;
    return malloc(bytes);
}

static void counting_release(void *context, void *memory) {
    struct counting_heap *heap = context;
    heap->live--;
    free(memory);
}

static void test_config_limits(void **state) {
    (void)state;
    struct dtls_fingerprint many[DTLS_REMOTE_FINGERPRINTS_MAX + 1];
    const struct dtls_transport_config good = config_of(PAIR_CLIENT);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        many[i] = good.remote_fingerprints[0];
    }
    static const enum dtls_srtp_profile profiles[4] = {DTLS_SRTP_AEAD_AES_128_GCM, DTLS_SRTP_AEAD_AES_256_GCM, DTLS_SRTP_AES128_CM_HMAC_SHA1_80,
                                                       DTLS_SRTP_AEAD_AES_128_GCM};
    static const enum dtls_srtp_profile null_cipher = (enum dtls_srtp_profile)0x0005;
    struct dtls_transport_config c[16];
    bool made[16];
    size_t n = 0;
#define CASE(expected, change) (c[n] = good, (change), made[n++] = (expected))
    CASE(true, (void)0);
    CASE(false, c[n].role = (enum dtls_role)0);
    CASE(false, c[n].certificate = NULL);
    CASE(true, (c[n].remote_fingerprints = many, c[n].remote_fingerprint_count = DTLS_REMOTE_FINGERPRINTS_MAX));
    CASE(false, (c[n].remote_fingerprints = many, c[n].remote_fingerprint_count = DTLS_REMOTE_FINGERPRINTS_MAX + 1));
    CASE(false, (c[n].remote_fingerprints = NULL, c[n].remote_fingerprint_count = 1));
    CASE(false, c[n].mtu_bytes = DTLS_MTU_MIN_BYTES - 1);
    CASE(true, c[n].mtu_bytes = DTLS_MTU_MIN_BYTES);
    CASE(true, c[n].mtu_bytes = DTLS_MTU_MAX_BYTES);
    CASE(false, c[n].mtu_bytes = DTLS_MTU_MAX_BYTES + 1);
    CASE(false, c[n].initial_retransmit_us = DTLS_RETRANSMIT_MIN_US - 1);
    CASE(false, c[n].initial_retransmit_us = DTLS_RETRANSMIT_MAX_US + 1);
    CASE(true, (c[n].srtp_profiles = profiles, c[n].srtp_profile_count = DTLS_SRTP_PROFILES_MAX));
    CASE(false, (c[n].srtp_profiles = profiles, c[n].srtp_profile_count = DTLS_SRTP_PROFILES_MAX + 1));
    CASE(false, (c[n].srtp_profiles = &null_cipher, c[n].srtp_profile_count = 1)); /* RFC 8827 section 6.5: NULL never */
#undef CASE
    for (size_t i = 0; i < n; i++) {
        struct dtls_transport *transport = dtls_transport_new(&c[i], 5);
        assert_int_equal(transport != NULL, made[i]);
        dtls_transport_free(transport);
    }
    assert_null(dtls_transport_new(NULL, 5));
    dtls_transport_free(NULL);
}

static void test_allocator_and_budget(void **state) {
    (void)state;
    struct counting_heap heap = {.fail_after = 1};
    struct dtls_allocator allocator = {&heap, counting_allocate, counting_release};
    struct dtls_transport_config config = config_of(PAIR_CLIENT);
    config.allocator = &allocator;
    struct dtls_transport *transport = dtls_transport_new(&config, 5);
    assert_non_null(transport);
    assert_int_equal(heap.live, 1);
    assert_null(dtls_transport_new(&config, 5)); /* out of memory */
    size_t bytes = heap.bytes;
    dtls_transport_free(transport);
    assert_int_equal(heap.live, 0);
    heap.fail_after = SIZE_MAX;
    for (int more = -1; more <= 1; more++) {
        config.byte_budget = (size_t)((long)bytes + more);
        transport = dtls_transport_new(&config, 5);
        assert_int_equal(transport != NULL, more >= 0);
        dtls_transport_free(transport);
    }
    /* Contract 9: no allocation of ours after the first, whatever comes. */
    config.byte_budget = 0;
    heap.total = 0;
    pair_open_with(&pair, NULL, &config, NULL);
    assert_true(pair_run_until_connected(&pair, 5 * ONE_SECOND_US));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, (const uint8_t *)"x", 1), DTLS_OK);
        assert_int_equal(dtls_transport_send(pair.end[1], pair.now_us, (const uint8_t *)"y", 1), DTLS_OK);
        pair_run(&pair, pair.now_us + PAIR_DELAY_US);
    }
    assert_int_equal(heap.total, 1);
    pair_close(&pair);
    assert_int_equal(heap.live, 0);
}

/* ---- states -------------------------------------------------------------------------------------------------------------------- */

static void test_new_says_nothing(void **state) {
    (void)state;
    struct dtls_transport_config config = config_of(PAIR_SERVER);
    struct dtls_transport *server = dtls_transport_new(&config, 5);
    uint8_t buffer[2000];
    struct dtls_transmit transmit;
    struct dtls_event event;
    struct dtls_srtp_keys keys;
    assert_false(dtls_transport_poll_transmit(server, 6, buffer, sizeof buffer, &transmit));
    assert_false(dtls_transport_poll_event(server, &event));
    assert_true(dtls_transport_next_timeout(server) == UINT64_MAX);
    dtls_transport_handle_timeout(server, 7);
    assert_int_equal(dtls_transport_handle_datagram(server, 8, (const uint8_t *)"\x16\xfe", 2), DTLS_ERROR_MALFORMED);
    assert_int_equal(dtls_transport_handle_datagram(server, 8, buffer, 0), DTLS_ERROR_MALFORMED);
    assert_int_equal(dtls_transport_send(server, 9, buffer, 1), DTLS_ERROR_STATE);
    assert_int_equal(dtls_transport_max_message(server), 0);
    assert_int_equal(dtls_transport_keying_material(server, &keys), DTLS_ERROR_STATE);
    assert_string_equal(dtls_transport_state_name(dtls_transport_state(server)), "new");
    dtls_transport_close(server, 10);
    assert_string_equal(dtls_transport_state_name(dtls_transport_state(server)), "closed");
    assert_int_equal(dtls_transport_handle_datagram(server, 11, buffer, 1), DTLS_ERROR_STATE);
    dtls_transport_close(server, 12);
    assert_false(dtls_transport_poll_transmit(server, 13, buffer, sizeof buffer, &transmit));
    dtls_transport_free(server);
}

/* A buffer too small keeps the datagram for a better one. */
static void test_small_buffer_loses_nothing(void **state) {
    (void)state;
    struct dtls_transport_config config = config_of(PAIR_CLIENT);
    struct dtls_transport *client = dtls_transport_new(&config, 5);
    uint8_t buffer[2000];
    struct dtls_transmit transmit = {0};
    assert_false(dtls_transport_poll_transmit(client, 6, buffer, 20, &transmit));
    assert_int_equal(transmit.length, 0);
    assert_true(dtls_transport_poll_transmit(client, 6, buffer, sizeof buffer, &transmit));
    assert_true(transmit.length > 20);
    dtls_transport_free(client);
}

/* RFC 5246 section 7.2.1: close_notify, answered; both ends are closed, once. */
static void test_close(void **state) {
    (void)state;
    for (int end = 0; end < 2; end++) {
        pair_open(&pair, NULL);
        assert_true(pair_run_until_connected(&pair, 5 * ONE_SECOND_US));
        dtls_transport_close(pair.end[end], pair.now_us);
        pair_run(&pair, 6 * ONE_SECOND_US);
        assert_int_equal(dtls_transport_state(pair.end[end]), DTLS_TRANSPORT_CLOSED);
        assert_int_equal(dtls_transport_state(pair.end[1 - end]), DTLS_TRANSPORT_CLOSED);
        assert_true(pair.record[1 - end].closed);
        assert_false(pair.record[end].closed); /* who closes needs no event */
        pair_close(&pair);
    }
}

static void test_close_at_any_moment(void **state) {
    (void)state;
    for (uint64_t at_us = 0; at_us <= 5 * PAIR_DELAY_US; at_us += PAIR_DELAY_US / 2) {
        for (int end = 0; end < 2; end++) {
            pair_open(&pair, NULL);
            pair_run(&pair, ONE_SECOND_US + at_us);
            dtls_transport_close(pair.end[end], pair.now_us);
            pair_run(&pair, 100 * ONE_SECOND_US);
            assert_int_equal(dtls_transport_state(pair.end[end]), DTLS_TRANSPORT_CLOSED);
            assert_int_not_equal(dtls_transport_state(pair.end[1 - end]), DTLS_TRANSPORT_CONNECTING); /* nobody waits for ever */
            pair_close(&pair);
        }
    }
}

static void test_key_log(void **state) {
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        struct dtls_transport_config config = config_of(PAIR_CLIENT);
        config.key_log = wanted;
        pair_open_with(&pair, NULL, &config, NULL);
        assert_true(pair_run_until_connected(&pair, 5 * ONE_SECOND_US));
        assert_int_equal(strncmp(pair.record[0].key_log, "CLIENT_RANDOM ", 14) == 0, wanted);
        assert_int_equal(strlen(pair.record[0].key_log), wanted ? 14 + 64 + 1 + 96 : 0);
        assert_int_equal(pair.record[1].key_log[0], '\0');
        pair_close(&pair);
    }
}

/* ---- messages -------------------------------------------------------------------------------------------------------------------- */

static void test_messages(void **state) {
    (void)state;
    pair_open(&pair, NULL);
    assert_true(pair_run_until_connected(&pair, 5 * ONE_SECOND_US));
    size_t most = dtls_transport_max_message(pair.end[0]);
    assert_true(most > 1100 && most < DTLS_MTU_DEFAULT_BYTES);
    uint8_t message[DTLS_MTU_DEFAULT_BYTES];
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (uint8_t)(i * 31);
    }
    static const int deltas[] = {-1, 0};
    for (size_t i = 0; i < 2; i++) {
        size_t length = (size_t)((long)most + deltas[i]);
        assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, message, length), DTLS_OK);
        pair_run(&pair, pair.now_us + ONE_SECOND_US);
        assert_int_equal(pair.record[1].last_length, length);
        assert_memory_equal(pair.record[1].last_message, message, length);
    }
    assert_true(pair.record[0].longest <= DTLS_MTU_DEFAULT_BYTES);
    assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, message, most + 1), DTLS_ERROR_BUFFER);
    assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, message, 0), DTLS_ERROR_ARGUMENT);
    /* The queue has a limit, and reaching it is an error, not a loss. */
    for (unsigned i = 0; i < DTLS_TRANSMIT_QUEUE_DATAGRAMS; i++) {
        assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, message, 10), DTLS_OK);
    }
    assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, message, 10), DTLS_ERROR_CAPACITY);
    pair_run(&pair, pair.now_us + ONE_SECOND_US);
    assert_int_equal(pair.record[1].messages, 2 + DTLS_TRANSMIT_QUEUE_DATAGRAMS);
    assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, message, 10), DTLS_OK);
    pair_close(&pair);
}

/* Two records in one datagram are two messages; a message longer than the buffer is dropped, counted, and harms nobody. */
static void test_received_messages(void **state) {
    (void)state;
    struct dtls_transport_config config = config_of(PAIR_CLIENT);
    config.mtu_bytes = DTLS_MTU_MAX_BYTES;
    pair_open_with(&pair, NULL, &config, NULL);
    assert_true(pair_run_until_connected(&pair, 5 * ONE_SECOND_US));
    static uint8_t message[DTLS_MESSAGE_MAX_BYTES + 1];
    static uint8_t datagram[3 * DTLS_MTU_MAX_BYTES];
    struct dtls_transmit transmit;
    struct dtls_event event;
    for (size_t length = DTLS_MESSAGE_MAX_BYTES - 1; length <= DTLS_MESSAGE_MAX_BYTES + 1; length++) {
        assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, message, length), DTLS_OK);
        assert_true(dtls_transport_poll_transmit(pair.end[0], pair.now_us, datagram, sizeof datagram, &transmit));
        assert_int_equal(dtls_transport_handle_datagram(pair.end[1], pair.now_us, datagram, transmit.length), DTLS_OK);
        bool fits = length <= DTLS_MESSAGE_MAX_BYTES;
        assert_int_equal(dtls_transport_poll_event(pair.end[1], &event), fits);
        assert_true(!fits || (event.type == DTLS_EVENT_RECEIVED && event.length == length));
        assert_false(dtls_transport_poll_event(pair.end[1], &event));
    }
    struct dtls_transport_stats stats;
    dtls_transport_stats(pair.end[1], &stats);
    assert_int_equal(stats.messages_dropped, 1);

    size_t length = 0;
    for (uint8_t i = 1; i <= 3; i++) {
        assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, &i, 1), DTLS_OK);
        assert_true(dtls_transport_poll_transmit(pair.end[0], pair.now_us, datagram + length, sizeof datagram - length, &transmit));
        length += transmit.length;
    }
    assert_int_equal(dtls_transport_handle_datagram(pair.end[1], pair.now_us, datagram, length), DTLS_OK);
    for (uint8_t i = 1; i <= 3; i++) {
        assert_true(dtls_transport_poll_event(pair.end[1], &event));
        assert_int_equal(event.length, 1);
        assert_int_equal(event.bytes[0], i);
    }
    assert_false(dtls_transport_poll_event(pair.end[1], &event));
    /* RFC 6347 section 4.1.2.6: the same datagram again is a replay. */
    (void)dtls_transport_handle_datagram(pair.end[1], pair.now_us, datagram, length);
    assert_false(dtls_transport_poll_event(pair.end[1], &event));
    /* A caller who never drains loses messages, not memory. */
    for (int i = 0; i < 20; i++) {
        assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, message, 1000), DTLS_OK);
        assert_true(dtls_transport_poll_transmit(pair.end[0], pair.now_us, datagram, sizeof datagram, &transmit));
        (void)dtls_transport_handle_datagram(pair.end[1], pair.now_us, datagram, transmit.length);
    }
    size_t count = 0;
    while (dtls_transport_poll_event(pair.end[1], &event)) {
        assert_int_equal(event.length, 1000);
        count++;
    }
    assert_int_equal(count, DTLS_MESSAGE_MAX_BYTES / 1002);
    dtls_transport_stats(pair.end[1], &stats);
    assert_int_equal(stats.messages_dropped, 1 + 20 - count);
    pair_close(&pair);
}

static void test_set_remote_fingerprints_arguments(void **state) {
    (void)state;
    struct dtls_fingerprint many[DTLS_REMOTE_FINGERPRINTS_MAX + 1];
    pair_open(&pair, NULL);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        many[i] = pair.fingerprint[PAIR_SERVER];
    }
    struct dtls_transport *client = pair.end[0];
    assert_int_equal(dtls_transport_set_remote_fingerprints(client, pair.now_us, many, 0), DTLS_ERROR_ARGUMENT);
    assert_int_equal(dtls_transport_set_remote_fingerprints(client, pair.now_us, NULL, 1), DTLS_ERROR_ARGUMENT);
    assert_int_equal(dtls_transport_set_remote_fingerprints(client, pair.now_us, many, DTLS_REMOTE_FINGERPRINTS_MAX + 1), DTLS_ERROR_CAPACITY);
    assert_int_equal(dtls_transport_set_remote_fingerprints(client, pair.now_us, many, DTLS_REMOTE_FINGERPRINTS_MAX), DTLS_OK);
    assert_true(pair_run_until_connected(&pair, 5 * ONE_SECOND_US));
    dtls_transport_close(client, pair.now_us);
    assert_int_equal(dtls_transport_set_remote_fingerprints(client, pair.now_us, many, 1), DTLS_ERROR_STATE);
    pair_close(&pair);
}

/* ---- an attacker who sends from the right address --------------------------------------------------------------------------- */

enum injection {
    INJECT_GARBAGE,
    INJECT_FATAL_ALERT,
    INJECT_CLOSE_NOTIFY,
    INJECT_NULL_CIPHER_HELLO,
    INJECT_VALID_HELLO,
    INJECT_PLAINTEXT_DATA,
    INJECT_ENCRYPTED_JUNK,
    INJECT_CHANGE_CIPHER_SPEC,
    INJECT_BROKEN_SERVER_HELLO,
    INJECT_HELLO_REQUEST,
    INJECTIONS
};

static uint8_t valid_hello[PAIR_DATAGRAM_BYTES];
static size_t valid_hello_length;

/* Somebody else's ClientHello, with a record number of its own. */
static void capture_hello(void) {
    struct dtls_transport_config config = config_of(PAIR_CLIENT);
    struct dtls_transport *other = dtls_transport_new(&config, 5);
    struct dtls_transmit transmit;
    assert_true(dtls_transport_poll_transmit(other, 5, valid_hello, sizeof valid_hello, &transmit));
    valid_hello_length = transmit.length;
    dtls_transport_free(other);
}

static size_t handshake_record(uint8_t *out, uint8_t type, const uint8_t *body, size_t length) {
    const uint8_t headers[25] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)(12 + length), type, 0, 0, (uint8_t)length, 0, 0, 0, 0, 0, 0, 0,
                                 (uint8_t)length};
    memcpy(out, headers, sizeof headers);
    memcpy(out + sizeof headers, body, length);
    return sizeof headers + length;
}

static size_t make_injection(enum injection kind, uint8_t *out, struct pair *p) {
    static const uint8_t record[13] = {0, 0xFE, 0xFD};
    size_t length = 0;
    memcpy(out, record, sizeof record);
    switch (kind) {
    case INJECT_GARBAGE:
        length = 20 + pair_random(p, 200);
        for (size_t i = 0; i < length; i++) {
            out[i] = (uint8_t)pair_random(p, 256);
        }
        out[0] = (uint8_t)(20 + pair_random(p, 44));
        return length;
    case INJECT_FATAL_ALERT:
    case INJECT_CLOSE_NOTIFY:
        out[0] = 21;
        out[12] = 2;
        out[13] = kind == INJECT_FATAL_ALERT ? 2 : 1;
        out[14] = kind == INJECT_FATAL_ALERT ? 40 : 0;
        length = 15;
        break;
    case INJECT_NULL_CIPHER_HELLO: {
        uint8_t body[43] = {0xFE, 0xFD};
        memset(body + 2, 0x77, 32);
        body[36] = 0; /* session id and cookie are empty; one suite, TLS_NULL_WITH_NULL_NULL; null compression */
        body[37] = 2;
        body[40] = 1;
        length = handshake_record(out, DTLS_HANDSHAKE_CLIENT_HELLO, body, 42);
        break;
    }
    case INJECT_VALID_HELLO:
        memcpy(out, valid_hello, valid_hello_length);
        length = valid_hello_length;
        break;
    case INJECT_PLAINTEXT_DATA:
        out[0] = 23;
        out[12] = 20;
        length = 33;
        memset(out + 13, 0x42, 20);
        break;
    case INJECT_ENCRYPTED_JUNK:
        out[0] = (uint8_t)(20 + pair_random(p, 4));
        out[4] = 1;
        out[12] = (uint8_t)pair_random(p, 61); /* also shorter than what any cipher adds */
        length = 13 + (size_t)out[12];
        memset(out + 13, 0x42, out[12]);
        break;
    case INJECT_CHANGE_CIPHER_SPEC:
        out[0] = 20;
        out[12] = 1;
        out[13] = 1;
        length = 14;
        break;
    case INJECT_BROKEN_SERVER_HELLO:
        length = handshake_record(out, DTLS_HANDSHAKE_SERVER_HELLO, (const uint8_t *)"nonsense", 8);
        break;
    case INJECT_HELLO_REQUEST:
        length = handshake_record(out, 0, (const uint8_t *)"", 0);
        break;
    case INJECTIONS:
        break;
    }
    out[9] = 0;
    out[10] = (uint8_t)(40 + pair_random(p, 20)); /* a record number that the other end will not use */
    return length;
}

struct attack {
    enum injection kind;
    unsigned left; /* how many more */
};

static void attacked_network(struct pair *p, enum pair_end from, unsigned index, const uint8_t *bytes, size_t length) {
    (void)index;
    struct attack *attack = p->context;
    if (attack->left > 0) {
        attack->left--;
        uint8_t bad[PAIR_DATAGRAM_BYTES];
        for (int end = 0; end < 2; end++) {
            size_t bad_length = make_injection(attack->kind, bad, p);
            pair_deliver(p, (enum pair_end)end, p->now_us + 1, bad, bad_length);
            pair_deliver(p, (enum pair_end)end, p->now_us + PAIR_DELAY_US, bad, bad_length);
        }
    }
    pair_deliver(p, (enum pair_end)(1 - (int)from), p->now_us + PAIR_DELAY_US, bytes, length);
}

/*
 * RFC 6347 section 4.1.2.7 and security row 12 of our list: what is not authentic does not end a handshake, nor a call. `left` 1: one
 * forgery ahead of the first datagram, the worst moment; 4: ahead of every datagram of the handshake.
 */
static void test_injection(void **state) {
    (void)state;
    capture_hello();
    for (int kind = 0; kind < INJECTIONS; kind++) {
        for (unsigned left = 1; left <= 4; left += 3) {
            struct attack attack = {.kind = (enum injection)kind, .left = left};
            pair_open(&pair, attacked_network);
            pair.context = &attack;
            pair.seed = (uint64_t)kind * 1000 + left;
            if (!pair_run_until_connected(&pair, 40 * ONE_SECOND_US)) {
                print_error("injection %d, %u times: failures %d and %d\n", kind, left, pair.record[0].failure, pair.record[1].failure);
                fail();
            }
            print_message("injection %d x %u: connected after %u ms\n", kind, left, (unsigned)((pair.now_us - ONE_SECOND_US) / 1000));
            /* Connected: now a thousand of each. */
            for (int i = 0; i < 1000; i++) {
                uint8_t bad[PAIR_DATAGRAM_BYTES];
                size_t length = make_injection((enum injection)kind, bad, &pair);
                for (int end = 0; end < 2; end++) {
                    int result = dtls_transport_handle_datagram(pair.end[end], pair.now_us, bad, length);
                    assert_true(result == DTLS_OK || result == DTLS_ERROR_MALFORMED);
                }
            }
            struct dtls_transport_stats stats;
            dtls_transport_stats(pair.end[0], &stats);
            assert_true(stats.records_ignored >= 1000 || kind == INJECT_GARBAGE || kind == INJECT_ENCRYPTED_JUNK);
            assert_true(stats.alerts_ignored >= 1000 || (kind != INJECT_FATAL_ALERT && kind != INJECT_CLOSE_NOTIFY));
            pair_run(&pair, pair.now_us + ONE_SECOND_US);
            assert_int_equal(dtls_transport_send(pair.end[0], pair.now_us, (const uint8_t *)"still", 5), DTLS_OK);
            assert_int_equal(dtls_transport_send(pair.end[1], pair.now_us, (const uint8_t *)"here", 4), DTLS_OK);
            pair_run(&pair, pair.now_us + ONE_SECOND_US);
            assert_int_equal(pair.record[0].messages, 1);
            assert_int_equal(pair.record[1].messages, 1);
            pair_close(&pair);
        }
    }
}

/* RFC 5246 section 7.4.1.2: a ClientHello comes first. What is late of the association before this one begins nothing, and is in nobody's way. */
static void test_late_messages_of_the_association_before(void **state) {
    (void)state;
    static const uint8_t types[] = {DTLS_HANDSHAKE_CERTIFICATE, DTLS_HANDSHAKE_CLIENT_KEY_EXCHANGE, DTLS_HANDSHAKE_CERTIFICATE_VERIFY};
    pair_open(&pair, NULL);
    for (size_t i = 0; i < sizeof types; i++) {
        uint8_t late[PAIR_DATAGRAM_BYTES];
        size_t length = handshake_record(late, types[i], (const uint8_t *)"of others", 9);
        late[18] = (uint8_t)(1 + i); /* message_seq */
        assert_int_equal(dtls_transport_handle_datagram(pair.end[PAIR_SERVER], pair.now_us, late, length), DTLS_ERROR_MALFORMED);
        assert_int_equal(dtls_transport_state(pair.end[PAIR_SERVER]), DTLS_TRANSPORT_NEW);
    }
    assert_true(pair_run_until_connected(&pair, 2 * ONE_SECOND_US));
    pair_close(&pair);
}

/* Forgeries without end: the work they cause has a limit with a name, and then a verdict. */
static void test_restarts_are_bounded(void **state) {
    (void)state;
    struct dtls_transport_config config = config_of(PAIR_SERVER);
    struct dtls_transport *server = dtls_transport_new(&config, ONE_SECOND_US);
    struct dtls_transport_stats stats;
    uint8_t bad[PAIR_DATAGRAM_BYTES];
    unsigned taken = 0;
    for (unsigned i = 0; i < 100; i++) {
        size_t length = make_injection(INJECT_NULL_CIPHER_HELLO, bad, &pair);
        taken += dtls_transport_handle_datagram(server, ONE_SECOND_US + i, bad, length) == DTLS_OK ? 1 : 0;
    }
    dtls_transport_stats(server, &stats);
    assert_int_equal(stats.restarts, DTLS_RESTARTS_MAX);
    assert_int_equal(taken, DTLS_RESTARTS_MAX + 1);
    assert_int_equal(dtls_transport_state(server), DTLS_TRANSPORT_FAILED);
    assert_int_equal(dtls_transport_failure(server), DTLS_FAILURE_NO_EXTENDED_MASTER_SECRET); /* the first thing that is wrong with it */
    dtls_transport_free(server);
}

/* An honest peer with whom we have nothing in common: the verdict comes after DTLS_DOUBT_US, not after the whole patience. */
static void test_doubt_ends(void **state) {
    (void)state;
    struct dtls_transport_config config = config_of(PAIR_SERVER);
    struct dtls_transport *server = dtls_transport_new(&config, ONE_SECOND_US);
    uint8_t bad[PAIR_DATAGRAM_BYTES];
    size_t length = make_injection(INJECT_NULL_CIPHER_HELLO, bad, &pair);
    assert_int_equal(dtls_transport_handle_datagram(server, ONE_SECOND_US, bad, length), DTLS_OK);
    struct dtls_transmit transmit;
    assert_true(dtls_transport_poll_transmit(server, ONE_SECOND_US, bad, sizeof bad, &transmit));
    assert_int_equal(bad[0], DTLS_CONTENT_ALERT); /* it is told why */
    assert_int_equal(dtls_transport_next_timeout(server), ONE_SECOND_US + DTLS_DOUBT_US);
    dtls_transport_handle_timeout(server, ONE_SECOND_US + DTLS_DOUBT_US);
    assert_int_equal(dtls_transport_failure(server), DTLS_FAILURE_NO_EXTENDED_MASTER_SECRET); /* the first thing that is wrong with it */
    dtls_transport_free(server);
}

/* ---- records of other stacks -------------------------------------------------------------------------------------------------- */

static void feed_file(const char *path, int role, int moment) {
    static uint8_t bytes[65536];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    uint8_t *exact = malloc(length == 0 ? 1 : length);
    memcpy(exact, bytes, length);
    pair_open(&pair, NULL);
    pair_run(&pair, ONE_SECOND_US + (uint64_t)moment * PAIR_DELAY_US);
    (void)dtls_transport_handle_datagram(pair.end[role], pair.now_us, exact, length);
    free(exact);
    pair_run(&pair, 60 * ONE_SECOND_US);
    for (int end = 0; end < 2; end++) {
        enum dtls_transport_state state = dtls_transport_state(pair.end[end]);
        assert_true(state == DTLS_TRANSPORT_CONNECTED || state == DTLS_TRANSPORT_FAILED); /* no hang */
    }
    pair_close(&pair);
}

static void test_corpus(void **state) {
    (void)state;
    const char *corpora = getenv("STRATA_CORPORA");
    char path[1024];
    snprintf(path, sizeof path, "%s/dtls", corpora == NULL ? "" : corpora);
    DIR *folder = corpora == NULL ? NULL : opendir(path);
    if (folder == NULL) {
        print_message("SKIP: test_corpus: corpora not present (set STRATA_CORPORA)\n");
        skip();
    }
    unsigned files = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/dtls/%s", corpora, entry->d_name);
        for (int moment = 0; moment <= 4; moment++) {
            feed_file(path, moment & 1, moment);
            feed_file(path, 1 - (moment & 1), moment);
        }
        files++;
    }
    closedir(folder);
    assert_true(files > 10);
}

static void test_names(void **state) {
    (void)state;
    for (int failure = DTLS_FAILURE_NONE; failure <= DTLS_FAILURE_INTERNAL; failure++) {
        assert_string_not_equal(dtls_failure_name((enum dtls_failure)failure), "unknown");
    }
    assert_string_equal(dtls_failure_name((enum dtls_failure)99), "unknown");
    assert_string_equal(dtls_transport_state_name(DTLS_TRANSPORT_CONNECTING), "connecting");
    assert_string_equal(dtls_transport_state_name((enum dtls_transport_state)99), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_limits),
        cmocka_unit_test(test_allocator_and_budget),
        cmocka_unit_test(test_new_says_nothing),
        cmocka_unit_test(test_small_buffer_loses_nothing),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_close_at_any_moment),
        cmocka_unit_test(test_key_log),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_received_messages),
        cmocka_unit_test(test_set_remote_fingerprints_arguments),
        cmocka_unit_test(test_injection),
        cmocka_unit_test(test_late_messages_of_the_association_before),
        cmocka_unit_test(test_restarts_are_bounded),
        cmocka_unit_test(test_doubt_ends),
        cmocka_unit_test(test_corpus),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
