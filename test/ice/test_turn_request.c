/* Transactions of the TURN client: sent again, matched, verified. RFC 8489 sections 6.2, 6.3 and 9.2.5. */
#include "test_ice.h"

#include "turn_fixture.h"

static struct turn_fixture f;

static int setup(void **state) {
    (void)state;
    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    return 0;
}

static int setup_tcp(void **state) {
    (void)state;
    turn_fixture_init(&f, ICE_TRANSPORT_TCP);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    turn_fixture_free(&f);
    return 0;
}

/* RFC 8489 section 6.2.1: 0, 500, 1500, 3500, 7500, 15500, 31500 ms, and given up at 39500 ms. */
static void silence(void **state) {
    (void)state;
    static const uint64_t times_ms[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    f.drop = 1000;
    uint64_t start_us = f.now_us;
    turn_fixture_start(&f);
    for (size_t i = 0; i < 7; i++) {
        turn_fixture_run_until(&f, start_us + times_ms[i] * 1000 - (i > 0));
        assert_int_equal(f.sent, i + (i == 0));
        turn_fixture_run_until(&f, start_us + times_ms[i] * 1000);
        assert_int_equal(f.sent, i + 1);
    }
    turn_fixture_run_until(&f, start_us + 39499999);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATING);
    turn_fixture_run_until(&f, start_us + 39500000);
    struct ice_turn_status status = turn_fixture_status(&f);
    assert_int_equal(status.state, ICE_TURN_FAILED);
    assert_int_equal(status.failure, ICE_TURN_FAILURE_NO_ANSWER);
    assert_int_equal(status.requests_sent, 1);
    assert_int_equal(status.retransmissions_sent, 6);
    assert_true(ice_turn_client_next_timeout(f.client) == UINT64_MAX);
}

/* RFC 8489 section 6.2.2: once, and 39.5 s of patience. */
static void silence_on_a_stream(void **state) {
    (void)state;
    f.drop = 1000;
    uint64_t start_us = f.now_us;
    turn_fixture_start(&f);
    turn_fixture_run_until(&f, start_us + 39499999);
    assert_int_equal(f.sent, 1);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATING);
    turn_fixture_run_until(&f, start_us + 39500000);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_NO_ANSWER);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), 1);
}

/* Retransmissions are the same transaction and, nothing having been learned, the same bytes (RFC 8489 section 6.2.1). */
static void same_bytes(void **state) {
    (void)state;
    uint8_t first[2048];
    f.drop = 2;
    turn_fixture_start(&f);
    turn_fixture_drain(&f);
    size_t length = f.last_length;
    memcpy(first, f.last, length);
    turn_fixture_run_until(&f, f.now_us + 500000);
    assert_int_equal(f.sent, 2);
    assert_int_equal(f.last_length, length);
    assert_memory_equal(f.last, first, length);
}

/* RFC 8489 section 5, MUST: only the very same bytes under one id. A nonce that another request has learned makes a new transaction. */
static void other_bytes_other_id(void **state) {
    (void)state;
    struct stun_address peer = turn_server_address("198.51.100.20", 7000);
    uint8_t first[2048];
    turn_fixture_allocate(&f);
    ice_turn_client_permit(f.client, f.now_us, &peer);
    f.drop = 1;
    turn_fixture_drain(&f);
    memcpy(first, f.last, f.last_length);
    f.server.nonce = "nonce-2";
    ice_turn_client_refresh(f.client, f.now_us); /* learns it by a 438 */
    turn_fixture_drain(&f);
    f.drop = 1;
    turn_fixture_run_until(&f, f.now_us + 500000);
    assert_int_equal(f.last[1], first[1]); /* CreatePermission again */
    assert_memory_not_equal(f.last + 8, first + 8, 12);
    turn_fixture_run_until(&f, f.now_us + 500000);
    assert_true(ice_turn_client_is_permitted(f.client, &peer));
}

/* The loss of any one request, and of any one answer, costs one RTO and nothing else. */
static void loss_of_each(void **state) {
    (void)state;
    struct stun_address peer = turn_server_address("198.51.100.20", 7000);
    for (unsigned answers = 0; answers < 2; answers++) {
        for (unsigned lost = 0; lost < 5; lost++) { /* Allocate, Allocate, CreatePermission, ChannelBind, Refresh */
            turn_fixture_init(&f, ICE_TRANSPORT_UDP);
            turn_fixture_start(&f);
            for (unsigned step = 0; step < 4; step++) {
                if (step == 1)
                    assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &peer), ICE_OK);
                if (step == 2)
                    assert_int_equal(ice_turn_client_bind(f.client, f.now_us, &peer), ICE_OK);
                if (step == 3)
                    ice_turn_client_refresh(f.client, f.now_us);
                unsigned here = step == 0 ? lost < 2 : lost == step + 1;
                if (here && answers)
                    f.lose_answers = 1;
                else if (here)
                    f.drop = 1;
                if (step == 0 && lost == 1) { /* the second request: after the challenge */
                    f.drop = f.lose_answers = 0;
                    struct ice_transmit out;
                    uint8_t buffer[2048], answer[2048];
                    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
                    turn_fixture_deliver(&f, answer, turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer));
                    f.drop = 1; /* a lost answer would make an honest server say 437: see the next test */
                }
                turn_fixture_run_until(&f, f.now_us + 600000);
            }
            struct ice_turn_status status = turn_fixture_status(&f);
            assert_int_equal(status.state, ICE_TURN_ALLOCATED);
            assert_int_equal(status.retransmissions_sent, 1);
            assert_true(ice_turn_client_is_permitted(f.client, &peer));
            assert_true(ice_turn_channel_find(f.client, &peer)->is_bound);
            turn_fixture_free(&f);
        }
    }
    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    turn_fixture_start(&f);
}

/*
 * RFC 8656 section 7.4: the success is lost, and a server that forgets transaction ids sees a second Allocate on the 5-tuple: 437. What
 * the first has made is deleted then, and asked for once more; a server that says 437 even so is believed.
 */
static void lost_success(void **state) {
    (void)state;
    turn_fixture_start(&f);
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048];
    for (int i = 0; i < 2; i++) {
        assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
        size_t length = turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer);
        if (i == 0)
            turn_fixture_deliver(&f, answer, length);
    }
    turn_fixture_run_until(&f, f.now_us + 600000);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
    assert_int_equal(f.server.deletes, 1);
    turn_fixture_free(&f);
    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    f.server.refuse[STUN_METHOD_ALLOCATE] = STUN_CODE_ALLOCATION_MISMATCH;
    turn_fixture_start(&f);
    turn_fixture_run_until(&f, f.now_us + 600000);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_REFUSED);
    assert_int_equal(turn_fixture_status(&f).code, STUN_CODE_ALLOCATION_MISMATCH);
    assert_int_equal(f.server.requests, 4); /* Allocate, Allocate with credentials, the deletion, Allocate */
}

/* ---- what is not believed ---------------------------------------------------------------------------------------------------------- */

/* RFC 8489 section 9.2.5, MUST: over UDP an answer that does not verify is as if it had never come; all of them being so, that is reported. */
static void wrongly_signed(void **state) {
    (void)state;
    f.server.signs_wrongly = true;
    uint64_t start_us = f.now_us;
    turn_fixture_start(&f);
    turn_fixture_run_until(&f, start_us + 39 * TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATING);
    assert_int_equal(turn_fixture_status(&f).unauthentic_dropped, 7);
    turn_fixture_run_until(&f, start_us + 40 * TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_INTEGRITY);
}

static void unsigned_then_signed(void **state) {
    (void)state;
    f.server.signs_not = true;
    turn_fixture_start(&f);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).unauthentic_dropped, 1);
    f.server.signs_not = false;
    f.server.is_allocated = false; /* the forger has not allocated anything */
    turn_fixture_run_until(&f, f.now_us + TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
}

/* RFC 8489 section 9.2.5, MUST: over a stream the transaction ends at once. */
static void wrongly_signed_on_a_stream(void **state) {
    (void)state;
    f.server.signs_wrongly = true;
    turn_fixture_start(&f);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_INTEGRITY);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), 1);
}

/* An error after credentials must verify too: whoever can forge a 486 or 437 but not sign it changes nothing. */
static void forged_errors(void **state) {
    (void)state;
    static const uint16_t codes[] = {300, 400, 403, 420, 437, 440, 441, 442, 443, 486, 500, 508};
    turn_fixture_start(&f);
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048], forged[2048];
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    turn_fixture_deliver(&f, answer, turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer));
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct stun_writer writer;
        stun_writer_begin(&writer, forged, sizeof forged, STUN_CLASS_ERROR_RESPONSE, STUN_METHOD_ALLOCATE, buffer + 8);
        stun_writer_add_error_code(&writer, codes[i], "forged");
        stun_writer_add_address(&writer, STUN_ATTRIBUTE_ALTERNATE_SERVER, &f.server.relayed[0]);
        assert_int_equal(turn_fixture_deliver(&f, forged, writer.length), ICE_ERROR_UNAUTHENTIC);
    }
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATING);
    turn_fixture_deliver(&f, answer, turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer));
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
}

/* RFC 8489 section 9.2.5, MUST: a 400 without integrity is as if it had never come, on a stream too; the code is not lost to the reader. */
static void bad_request(void **state) {
    (void)state;
    f.server.realm = NULL;
    turn_fixture_start(&f);
    uint64_t start_us = f.now_us;
    f.server.refuse[STUN_METHOD_ALLOCATE] = 400;
    turn_fixture_run_until(&f, start_us + 39 * TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATING);
    turn_fixture_run_until(&f, start_us + 40 * TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_INTEGRITY);
    assert_int_equal(turn_fixture_status(&f).code, 400);
}

/* The same port on another address, another transaction id, another method, a request: none of them is our answer. */
static void not_our_answer(void **state) {
    (void)state;
    turn_fixture_start(&f);
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048], copy[2048];
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    size_t length = turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer);
    struct ice_path elsewhere = out.path;
    elsewhere.remote.port++;
    assert_int_equal(ice_turn_client_handle_datagram(f.client, f.now_us, &elsewhere, answer, length), ICE_ERROR_UNAUTHENTIC);
    elsewhere = out.path;
    elsewhere.remote.ip[3]++;
    assert_int_equal(ice_turn_client_handle_datagram(f.client, f.now_us, &elsewhere, answer, length), ICE_ERROR_UNAUTHENTIC);
    elsewhere.transport = ICE_TRANSPORT_TCP;
    assert_int_equal(ice_turn_client_handle_datagram(f.client, f.now_us, &elsewhere, answer, length), ICE_ERROR_ARGUMENT);
    for (size_t i = 8; i < 20; i++) { /* every byte of the id counts */
        memcpy(copy, answer, length);
        copy[i] ^= 0x80;
        assert_int_equal(turn_fixture_deliver(&f, copy, length), ICE_ERROR_UNAUTHENTIC);
    }
    memcpy(copy, answer, length);
    copy[1] ^= 0x07; /* 0x113 -> 0x114: the answer to a Refresh */
    assert_int_equal(turn_fixture_deliver(&f, copy, length), ICE_ERROR_UNAUTHENTIC);
    assert_int_equal(turn_fixture_deliver(&f, buffer, out.length), ICE_ERROR_UNAUTHENTIC); /* reflected */
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATING);
    assert_int_equal(turn_fixture_deliver(&f, answer, length), ICE_OK);
    assert_int_equal(turn_fixture_deliver(&f, answer, length), ICE_ERROR_UNAUTHENTIC); /* and once only */
}

/* RFC 8489 section 6.3.3: an attribute that must be understood, and is not: the transaction has failed. */
static void unknown_required(void **state) {
    (void)state;
    f.server.adds_unknown = true;
    turn_fixture_start(&f);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_BROKEN_ANSWER);
}

/* Every beginning of every answer of the exchange: dropped, counted, and the whole one still works. */
static void truncated(void **state) {
    (void)state;
    turn_fixture_start(&f);
    struct stun_address peer = turn_server_address("198.51.100.20", 7000);
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048];
    for (int step = 0; step < 5; step++) {
        if (step == 2)
            ice_turn_client_permit(f.client, f.now_us, &peer);
        if (step == 3)
            ice_turn_client_bind(f.client, f.now_us, &peer);
        if (step == 4)
            ice_turn_client_refresh(f.client, f.now_us);
        assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
        size_t length = turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer);
        uint64_t before = turn_fixture_status(&f).malformed_dropped;
        for (size_t cut = 0; cut < length; cut++)
            assert_int_equal(turn_fixture_deliver(&f, answer, cut), ICE_ERROR_MALFORMED);
        assert_true(turn_fixture_status(&f).malformed_dropped == before + length);
        assert_int_equal(turn_fixture_deliver(&f, answer, length), ICE_OK);
    }
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
    assert_true(ice_turn_client_is_permitted(f.client, &peer));
}

/* Every single bit of a signed success: none is accepted. (The header's first bits make it no STUN; FINGERPRINT is not used.) */
static void bit_flips(void **state) {
    (void)state;
    turn_fixture_start(&f);
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048];
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    turn_fixture_deliver(&f, answer, turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer));
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    size_t length = turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer);
    for (size_t bit = 0; bit < length * 8; bit++) {
        answer[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(turn_fixture_deliver(&f, answer, length) < 0);
        answer[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATING);
    assert_int_equal(turn_fixture_deliver(&f, answer, length), ICE_OK);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
}

/* ICE_TURN_REQUEST_MAX: one slot is the allocation's own, the others are shared; who finds none waits for one and is not lost. */
static void slots(void **state) {
    (void)state;
    for (unsigned channels = ICE_TURN_REQUEST_MAX - 3; channels <= ICE_TURN_REQUEST_MAX + 2; channels++) {
        turn_fixture_init(&f, ICE_TRANSPORT_UDP);
        turn_fixture_allocate(&f);
        unsigned before = f.sent;
        f.drop = 1000;
        struct stun_address peer = turn_server_address("198.51.100.20", 7000);
        for (unsigned i = 0; i < channels; i++) {
            peer.port = (uint16_t)(7000 + i);
            assert_int_equal(ice_turn_client_bind(f.client, f.now_us, &peer), ICE_OK);
        }
        turn_fixture_drain(&f);
        unsigned wanted = channels + 1; /* with one CreatePermission for the one IP */
        assert_int_equal(f.sent - before, wanted < ICE_TURN_REQUEST_MAX - 1 ? wanted : ICE_TURN_REQUEST_MAX - 1);
        ice_turn_client_refresh(f.client, f.now_us);
        turn_fixture_drain(&f); /* never has to wait */
        assert_int_equal(f.sent - before, (wanted < ICE_TURN_REQUEST_MAX - 1 ? wanted : ICE_TURN_REQUEST_MAX - 1) + 1);
        f.drop = 0;
        turn_fixture_run_until(&f, f.now_us + 2 * TURN_SECOND);
        for (unsigned i = 0; i < channels; i++) {
            peer.port = (uint16_t)(7000 + i);
            assert_int_equal(turn_server_channel(&f.server, f.now_us, &peer), 0x4000 + i);
        }
        turn_fixture_free(&f);
    }
    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    turn_fixture_start(&f);
}

/* rto_us of the configuration is what RFC 8489 section 6.2.1 calls RTO. */
static void configured_rto(void **state) {
    (void)state;
    f.config.rto_us = 100000;
    f.drop = 1000;
    turn_fixture_start(&f);
    turn_fixture_run_until(&f, f.now_us + 7900000);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_NO_ANSWER);
    assert_int_equal(f.sent, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(silence, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_on_a_stream, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(other_bytes_other_id, setup, teardown),
        cmocka_unit_test_setup_teardown(loss_of_each, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_success, setup, teardown),
        cmocka_unit_test_setup_teardown(wrongly_signed, setup, teardown),
        cmocka_unit_test_setup_teardown(unsigned_then_signed, setup, teardown),
        cmocka_unit_test_setup_teardown(wrongly_signed_on_a_stream, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(forged_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_request, setup, teardown),
        {"bad request over TCP", bad_request, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(not_our_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_required, setup, teardown),
        {"unknown required over TCP", unknown_required, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(truncated, setup, teardown),
        cmocka_unit_test_setup_teardown(bit_flips, setup, teardown),
        cmocka_unit_test_setup_teardown(slots, setup, teardown),
        cmocka_unit_test_setup_teardown(configured_rto, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
