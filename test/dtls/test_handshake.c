/*
 * The handshake over a network that loses, doubles, swaps and fragments. RFC 6347 section 4.2.4 promises that it ends well.
 */
#include "test/dtls/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dtls/transport_internal.h"
#include "test/dtls/virtual_clock.h"

#define ONE_SECOND_US 1000000u

static struct pair pair;

static void assert_keys_agree(void) {
    struct dtls_srtp_keys client;
    struct dtls_srtp_keys server;
    assert_int_equal(dtls_transport_keying_material(pair.end[PAIR_CLIENT], &client), DTLS_OK);
    assert_int_equal(dtls_transport_keying_material(pair.end[PAIR_SERVER], &server), DTLS_OK);
    assert_int_equal(client.profile, server.profile);
    assert_memory_equal(client.local_key, server.remote_key, client.key_length);
    assert_memory_equal(client.remote_key, server.local_key, client.key_length);
    assert_memory_equal(client.local_salt, server.remote_salt, client.salt_length);
    assert_memory_equal(client.remote_salt, server.local_salt, client.salt_length);
    assert_memory_not_equal(client.local_key, client.remote_key, client.key_length);
}

/* RFC 5764 section 4.2: client key, server key, client salt, server salt; each end writes with its own. */
static void test_order_of_the_exported_keys(void **state) {
    (void)state;
    pair_open(&pair, NULL);
    assert_true(pair_run_until_connected(&pair, 10 * ONE_SECOND_US));
    uint8_t material[2 * (16 + 12)];
    assert_int_equal(SSL_export_keying_material(pair.end[PAIR_SERVER]->ssl, material, sizeof material, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0), 1);
    struct dtls_srtp_keys keys;
    assert_int_equal(dtls_transport_keying_material(pair.end[PAIR_CLIENT], &keys), DTLS_OK);
    assert_memory_equal(keys.local_key, material, 16);
    assert_memory_equal(keys.remote_key, material + 16, 16);
    assert_memory_equal(keys.local_salt, material + 32, 12);
    assert_memory_equal(keys.remote_salt, material + 44, 12);
    assert_keys_agree();
    pair_close(&pair);
}

/* RFC 6347 section 4.2.4: two round trips when nothing is lost. */
static void test_connects_in_two_round_trips(void **state) {
    (void)state;
    pair_open(&pair, NULL);
    assert_int_equal(dtls_transport_state(pair.end[0]), DTLS_TRANSPORT_NEW);
    assert_true(pair_run_until_connected(&pair, 10 * ONE_SECOND_US));
    assert_int_equal(pair.now_us, ONE_SECOND_US + 4 * PAIR_DELAY_US);
    assert_int_equal(pair.record[0].sent, 2);
    assert_int_equal(pair.record[1].sent, 2);
    assert_keys_agree();
    for (int i = 0; i < 2; i++) {
        struct dtls_transport_stats stats;
        dtls_transport_stats(pair.end[i], &stats);
        assert_int_equal(stats.tls_version, 0xFEFD);
        assert_int_equal(stats.dtls_cipher, 0xC02B);
        assert_int_equal(stats.srtp_profile, DTLS_SRTP_AEAD_AES_128_GCM);
        assert_int_equal(stats.records_ignored, 0);
        assert_true(dtls_transport_next_timeout(pair.end[i]) == UINT64_MAX);
    }
    pair_close(&pair);
}

/* ---- a plan for single datagrams --------------------------------------------------------------------------------------- */

enum fate { FATE_PASS, FATE_DROP, FATE_DOUBLE, FATE_LATE };

/* The datagrams of both ends are numbered together in the order of sending. */
struct plan {
    unsigned first, second;
    enum fate fate;
    unsigned seen;
};

static void planned_network(struct pair *p, enum pair_end from, unsigned index, const uint8_t *bytes, size_t length) {
    (void)index;
    struct plan *plan = p->context;
    unsigned number = plan->seen++;
    enum fate fate = number == plan->first || number == plan->second ? plan->fate : FATE_PASS;
    uint64_t due_us = p->now_us + PAIR_DELAY_US;
    if (fate == FATE_DROP) {
        p->dropped++;
        return;
    }
    if (fate == FATE_LATE) {
        p->reordered++;
        due_us += 150000; /* behind its own retransmission */
    }
    pair_deliver(p, (enum pair_end)(1 - (int)from), due_us, bytes, length);
    if (fate == FATE_DOUBLE) {
        p->doubled++;
        pair_deliver(p, (enum pair_end)(1 - (int)from), due_us, bytes, length);
        pair_deliver(p, (enum pair_end)(1 - (int)from), due_us + 300000, bytes, length);
    }
}

/* A small MTU makes every flight several datagrams, so that there is more to lose. */
static unsigned run_plan(size_t mtu_bytes, struct plan plan) {
    pair_open(&pair, planned_network);
    struct dtls_transport_config client = pair_config(&pair, PAIR_CLIENT);
    struct dtls_transport_config server = pair_config(&pair, PAIR_SERVER);
    pair_close(&pair);
    client.mtu_bytes = server.mtu_bytes = mtu_bytes;
    struct dtls_fingerprint of_client = pair.fingerprint[PAIR_CLIENT];
    struct dtls_fingerprint of_server = pair.fingerprint[PAIR_SERVER];
    client.remote_fingerprints = &of_server;
    server.remote_fingerprints = &of_client;
    pair_open_with(&pair, planned_network, &client, &server);
    pair.context = &plan;
    if (!pair_run_until_connected(&pair, 30 * ONE_SECOND_US)) {
        print_error("mtu %zu, fate %d, datagrams %u and %u: not connected\n", mtu_bytes, plan.fate, plan.first, plan.second);
        fail();
    }
    assert_keys_agree();
    assert_true(pair.record[0].longest <= mtu_bytes && pair.record[1].longest <= mtu_bytes);
    /* Late copies still on the way must not disturb what is connected. */
    pair_run(&pair, pair.now_us + ONE_SECOND_US);
    assert_int_equal(dtls_transport_state(pair.end[0]), DTLS_TRANSPORT_CONNECTED);
    assert_int_equal(dtls_transport_state(pair.end[1]), DTLS_TRANSPORT_CONNECTED);
    unsigned count = plan.seen;
    if (plan.fate != FATE_PASS && plan.first < count) {
        assert_true(pair.dropped + pair.doubled + pair.reordered > 0);
    }
    pair_close(&pair);
    return count;
}

/* RFC 6347 section 4.2.4: every single datagram may be lost, and every two of them. */
static void test_any_one_or_two_lost_doubled_or_late(void **state) {
    (void)state;
    static const size_t mtus[] = {1200, 256};
    static const enum fate fates[] = {FATE_DROP, FATE_DOUBLE, FATE_LATE};
    for (size_t m = 0; m < 2; m++) {
        unsigned count = run_plan(mtus[m], (struct plan){.first = UINT32_MAX, .second = UINT32_MAX, .fate = FATE_PASS});
        unsigned last = count + 2; /* retransmissions too */
        for (size_t f = 0; f < 3; f++) {
            for (unsigned first = 0; first < last; first++) {
                for (unsigned second = first; second < last; second++) {
                    (void)run_plan(mtus[m], (struct plan){.first = first, .second = second, .fate = fates[f]});
                }
            }
        }
    }
}

/* ---- random loss ------------------------------------------------------------------------------------------------------- */

static void lossy_network(struct pair *p, enum pair_end from, unsigned index, const uint8_t *bytes, size_t length) {
    (void)index;
    unsigned percent = *(const unsigned *)p->context;
    enum pair_end to = (enum pair_end)(1 - (int)from);
    if (pair_random(p, 100) < percent) {
        p->dropped++;
        return;
    }
    uint64_t due_us = p->now_us + PAIR_DELAY_US + pair_random(p, 30000);
    pair_deliver(p, to, due_us, bytes, length);
    if (pair_random(p, 100) < 5) {
        p->doubled++;
        pair_deliver(p, to, due_us + pair_random(p, 50000), bytes, length);
    }
}

static unsigned connected_under_loss(unsigned percent, unsigned seeds, uint64_t *slowest_us) {
    unsigned connected = 0;
    unsigned long dropped = 0;
    *slowest_us = 0;
    for (unsigned seed = 1; seed <= seeds; seed++) {
        pair_open(&pair, lossy_network);
        pair.seed = seed * 2654435761u;
        pair.context = &percent;
        uint64_t started_us = pair.now_us;
        if (pair_run_until_connected(&pair, 45 * ONE_SECOND_US)) {
            connected++;
            assert_keys_agree();
            uint64_t took_us = pair.now_us - started_us;
            *slowest_us = took_us > *slowest_us ? took_us : *slowest_us;
        }
        dropped += pair.dropped;
        pair_close(&pair);
    }
    assert_true(dropped > seeds / 2); /* a lossy network that lost nothing proves nothing */
    return connected;
}

static void test_loss_of_20_percent(void **state) {
    (void)state;
    uint64_t slowest_us;
    unsigned connected = connected_under_loss(20, 1000, &slowest_us);
    print_message("20 %% loss: %u of 1000 connected, the slowest after %u ms\n", connected, (unsigned)(slowest_us / 1000));
    assert_true(connected >= 999);
}

static void test_loss_of_40_percent(void **state) {
    (void)state;
    uint64_t slowest_us;
    unsigned connected = connected_under_loss(40, 500, &slowest_us);
    print_message("40 %% loss: %u of 500 connected, the slowest after %u ms\n", connected, (unsigned)(slowest_us / 1000));
    assert_true(connected >= 493);
}

/* OpenSSL's clock jumps by up to two days at every look; the handshake keeps to ours. */
static void test_wall_clock_does_not_matter(void **state) {
    (void)state;
    unsigned percent = 20;
    uint64_t calls = virtual_clock_calls();
    for (unsigned seed = 1; seed <= 100; seed++) {
        uint64_t ended_us[2];
        for (int hostile = 0; hostile < 2; hostile++) {
            if (hostile) {
                virtual_clock_jump(seed);
            } else {
                virtual_clock_set_us(1700000000000000u);
            }
            pair_open(&pair, lossy_network);
            pair.seed = seed * 97;
            pair.context = &percent;
            assert_true(pair_run_until_connected(&pair, 45 * ONE_SECOND_US));
            ended_us[hostile] = pair.now_us;
            pair_close(&pair);
        }
        assert_int_equal(ended_us[0], ended_us[1]); /* to the microsecond */
    }
    virtual_clock_release();
    assert_true(virtual_clock_calls() > calls + 1000);
}

/* As with OpenSSL 3.2 and later, which keeps its own time: as long as the wall clock runs with ours, the same flights at the same times. */
static void test_openssl_may_keep_the_time(void **state) {
    (void)state;
    unsigned percent = 100;
    const uint64_t wall_us = 1700000000000000u;
    virtual_clock_set_us(wall_us + ONE_SECOND_US);
    pair_open(&pair, lossy_network);
    pair.context = &percent;
    pair.end[0]->openssl_keeps_time = true;
    pair_drain(&pair);
    uint64_t expected_us = DTLS_RETRANSMIT_DEFAULT_US;
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(dtls_transport_next_timeout(pair.end[0]), pair.now_us + expected_us);
        pair.now_us += expected_us;
        virtual_clock_set_us(wall_us + pair.now_us - (i == 3 ? ONE_SECOND_US : 0)); /* once it is a second behind: asked again, soon */
        dtls_transport_handle_timeout(pair.end[0], pair.now_us);
        pair_drain(&pair);
        if (i == 3) {
            assert_int_equal(pair.record[0].sent, 1 + i);
            assert_true(dtls_transport_next_timeout(pair.end[0]) < pair.now_us + 20000);
            virtual_clock_set_us(wall_us + pair.now_us);
            dtls_transport_handle_timeout(pair.end[0], dtls_transport_next_timeout(pair.end[0]));
            pair.now_us = dtls_transport_next_timeout(pair.end[0]) - 2 * expected_us;
            pair_drain(&pair);
        }
        assert_int_equal(pair.record[0].sent, 2 + i);
        expected_us *= 2;
    }
    virtual_clock_release();
    pair_close(&pair);
}

/* RFC 6347 section 4.2.4.1: the interval doubles, with us until 3.2 s. */
static void test_retransmission_doubles_and_ends(void **state) {
    (void)state;
    unsigned percent = 100;
    pair_open(&pair, lossy_network);
    pair.context = &percent;
    pair_drain(&pair);
    uint64_t expected_us = DTLS_RETRANSMIT_DEFAULT_US;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(dtls_transport_next_timeout(pair.end[0]), pair.now_us + expected_us);
        dtls_transport_handle_timeout(pair.end[0], pair.now_us + expected_us - 1); /* early: nothing */
        pair_drain(&pair);
        assert_int_equal(pair.record[0].sent, 1 + i);
        pair.now_us += expected_us;
        dtls_transport_handle_timeout(pair.end[0], pair.now_us);
        pair_drain(&pair);
        assert_int_equal(pair.record[0].sent, 2 + i);
        expected_us = expected_us < DTLS_RETRANSMIT_DOUBLE_UNTIL_US ? expected_us * 2 : expected_us;
    }
    pair_run(&pair, 100 * ONE_SECOND_US);
    assert_true(pair.record[0].failed);
    assert_int_equal(pair.record[0].failure, DTLS_FAILURE_TIMEOUT);
    assert_int_equal(pair.record[0].ended_at_us, ONE_SECOND_US + DTLS_HANDSHAKE_TIMEOUT_DEFAULT_US);
    assert_true(dtls_transport_next_timeout(pair.end[0]) == UINT64_MAX);
    pair_close(&pair);
}

/* OpenSSL would end the handshake at the thirteenth timeout of a flight: there is none, the flight keeps waiting for its answer. */
static void test_twelve_retransmissions_then_patience(void **state) {
    (void)state;
    unsigned percent = 100;
    pair_open(&pair, lossy_network);
    struct dtls_transport_config client = pair_config(&pair, PAIR_CLIENT);
    struct dtls_fingerprint of_server = pair.fingerprint[PAIR_SERVER];
    pair_close(&pair);
    client.remote_fingerprints = &of_server;
    client.initial_retransmit_us = DTLS_RETRANSMIT_MIN_US;
    client.handshake_timeout_us = 100u * ONE_SECOND_US;
    pair_open_with(&pair, lossy_network, &client, NULL);
    pair.context = &percent;
    pair_run(&pair, 90u * (uint64_t)ONE_SECOND_US);
    assert_int_equal(pair.record[0].sent, 13);
    assert_false(pair.record[0].failed);
    percent = 0; /* the path heals, but it is the peer that has to speak: nothing does */
    pair_run(&pair, 200u * (uint64_t)ONE_SECOND_US);
    assert_int_equal(pair.record[0].sent, 13);
    assert_int_equal(pair.record[0].failure, DTLS_FAILURE_TIMEOUT);
    assert_int_equal(pair.record[0].ended_at_us, 101u * ONE_SECOND_US);
    pair_close(&pair);
}

/* A call that comes a minute late does the overdue work once. */
static void test_late_timeout_retransmits_once(void **state) {
    (void)state;
    unsigned percent = 100;
    pair_open(&pair, lossy_network);
    pair.context = &percent;
    pair_drain(&pair);
    pair.now_us += 30 * ONE_SECOND_US;
    dtls_transport_handle_timeout(pair.end[0], pair.now_us);
    pair_drain(&pair);
    assert_int_equal(pair.record[0].sent, 2);
    assert_true(dtls_transport_next_timeout(pair.end[0]) > pair.now_us);
    pair_close(&pair);
}

/* ---- a ClientHello in fragments ------------------------------------------------------------------------------------------ */

struct fragmenter {
    size_t cut;     /* body bytes in the first fragment */
    bool backwards; /* second fragment first */
    bool twice;
    bool overlap; /* the second fragment repeats 10 bytes of the first */
};

static void write_24(uint8_t *bytes, size_t value) {
    bytes[0] = (uint8_t)(value >> 16);
    bytes[1] = (uint8_t)(value >> 8);
    bytes[2] = (uint8_t)value;
}

/*
 * One record with one fragment [from, to) of the message, which came whole in `hello`. The record numbers are some that the client
 * itself will not use, or its next flight would look like a replay.
 */
static size_t make_fragment(const uint8_t *hello, size_t from, size_t to, uint8_t sequence, uint8_t *out) {
    const size_t headers = DTLS_RECORD_HEADER_BYTES + DTLS_HANDSHAKE_HEADER_BYTES;
    size_t length = to - from;
    memcpy(out, hello, headers);
    out[10] = sequence;
    out[11] = (uint8_t)((length + DTLS_HANDSHAKE_HEADER_BYTES) >> 8);
    out[12] = (uint8_t)(length + DTLS_HANDSHAKE_HEADER_BYTES);
    write_24(out + DTLS_RECORD_HEADER_BYTES + 6, from);
    write_24(out + DTLS_RECORD_HEADER_BYTES + 9, length);
    memcpy(out + headers, hello + headers + from, length);
    return headers + length;
}

static void fragmenting_network(struct pair *p, enum pair_end from, unsigned index, const uint8_t *bytes, size_t length) {
    const struct fragmenter *how = p->context;
    const size_t headers = DTLS_RECORD_HEADER_BYTES + DTLS_HANDSHAKE_HEADER_BYTES;
    if (from != PAIR_CLIENT || index != 0) {
        pair_deliver(p, (enum pair_end)(1 - (int)from), p->now_us + PAIR_DELAY_US, bytes, length);
        return;
    }
    uint8_t part[2][PAIR_DATAGRAM_BYTES];
    size_t body = length - headers;
    assert_true(how->cut < body);
    size_t again = how->overlap ? 10 : 0;
    size_t part_length[2] = {make_fragment(bytes, 0, how->cut, 40, part[0]), make_fragment(bytes, how->cut - again, body, 41, part[1])};
    for (int round = 0; round < (how->twice ? 2 : 1); round++) {
        for (int i = 0; i < 2; i++) {
            int which = how->backwards ? 1 - i : i;
            part[which][10] = (uint8_t)(part[which][10] + 2 * round); /* its own record number: not a replay */
            pair_deliver(p, PAIR_SERVER, p->now_us + PAIR_DELAY_US, part[which], part_length[which]);
        }
    }
}

/* RFC 6347 section 4.2.3, MUST: a receiver reassembles. Browsers' ClientHellos no longer fit one datagram. */
static void test_fragmented_client_hello(void **state) {
    (void)state;
    for (unsigned variant = 0; variant < 8; variant++) {
        for (size_t cut = 11; cut < 110; cut += 14) {
            struct fragmenter how = {.cut = cut, .backwards = variant & 1, .twice = variant & 2, .overlap = variant & 4};
            pair_open(&pair, fragmenting_network);
            pair.context = &how;
            assert_true(pair_run_until_connected(&pair, 10 * ONE_SECOND_US));
            assert_int_equal(pair.now_us, ONE_SECOND_US + 4 * PAIR_DELAY_US); /* without a retransmission */
            assert_keys_agree();
            pair_close(&pair);
        }
    }
}

/* Half a ClientHello, then nothing: no answer, and a verdict in the end. */
static void test_half_a_client_hello_times_out(void **state) {
    (void)state;
    struct fragmenter how = {.cut = 60};
    pair_open(&pair, fragmenting_network);
    pair.context = &how;
    pair_drain(&pair);
    (void)dtls_transport_handle_datagram(pair.end[PAIR_SERVER], pair.now_us, pair.in_flight[0].bytes, pair.in_flight[0].length);
    pair.in_flight_count = 0;
    dtls_transport_close(pair.end[PAIR_CLIENT], pair.now_us);
    pair_run(&pair, 100 * ONE_SECOND_US);
    assert_int_equal(pair.record[PAIR_SERVER].failure, DTLS_FAILURE_TIMEOUT);
    assert_int_equal(pair.record[PAIR_SERVER].sent, 0);
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connects_in_two_round_trips),
        cmocka_unit_test(test_order_of_the_exported_keys),
        cmocka_unit_test(test_any_one_or_two_lost_doubled_or_late),
        cmocka_unit_test(test_loss_of_20_percent),
        cmocka_unit_test(test_loss_of_40_percent),
        cmocka_unit_test(test_wall_clock_does_not_matter),
        cmocka_unit_test(test_openssl_may_keep_the_time),
        cmocka_unit_test(test_retransmission_doubles_and_ends),
        cmocka_unit_test(test_twelve_retransmissions_then_patience),
        cmocka_unit_test(test_late_timeout_retransmits_once),
        cmocka_unit_test(test_fragmented_client_hello),
        cmocka_unit_test(test_half_a_client_hello_times_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
