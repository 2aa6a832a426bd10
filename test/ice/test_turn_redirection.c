/* 300 (Try Alternate): RFC 8489 section 10. */
#include "test_ice.h"

#include "turn_fixture.h"

static struct turn_fixture f;

static int setup_udp(void **state) {
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

static void redirected(void **state) {
    (void)state;
    struct stun_address first = f.path.remote, second = turn_server_address("203.0.113.2", 3479);
    f.server.alternate = second;
    turn_fixture_start(&f);
    struct ice_turn_event event;
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048];
    bool stream = f.path.transport != ICE_TRANSPORT_UDP;
    if (stream) {
        assert_true(ice_turn_client_poll_event(f.client, &event));
        assert_int_equal(ice_turn_client_handle_stream_opened(f.client, f.now_us, &f.path), ICE_OK);
    }
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    turn_fixture_deliver(&f, answer, turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer));
    f.server.alternate = (struct stun_address){0};
    if (stream) {
        assert_true(ice_turn_client_poll_event(f.client, &event));
        assert_int_equal(event.type, ICE_TURN_EVENT_CLOSE_STREAM);
        assert_true(stun_address_equal(&event.as.stream.path.remote, &first));
        /* What still comes on the old stream is not the new one's. */
        assert_int_equal(ice_turn_client_handle_stream_bytes(f.client, f.now_us, &event.as.stream.path, answer, 1), ICE_ERROR_ARGUMENT);
        assert_int_equal(ice_turn_client_handle_stream_closed(f.client, f.now_us, &event.as.stream.path, 0), ICE_ERROR_ARGUMENT);
    }
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
    struct ice_turn_status status = turn_fixture_status(&f);
    assert_true(stun_address_equal(&status.path.remote, &second));
    assert_true(stun_address_equal(&f.path.remote, &second));
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_NONE);
}

/* RFC 8489 section 10, MUST: not to who was asked within five minutes. And not for ever: ICE_TURN_REDIRECTION_MAX at -1, 0 and +1. */
static void redirected_in_a_circle(void **state) {
    (void)state;
    f.server.alternate = f.path.remote;
    turn_fixture_start(&f);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_BROKEN_ANSWER);
    assert_int_equal(turn_fixture_status(&f).code, 300);
    assert_int_equal(f.sent, 1);
    for (unsigned hops = ICE_TURN_REDIRECTION_MAX - 1; hops <= ICE_TURN_REDIRECTION_MAX + 1; hops++) {
        turn_fixture_free(&f);
        turn_fixture_init(&f, ICE_TRANSPORT_UDP);
        turn_fixture_start(&f);
        struct ice_transmit out;
        uint8_t buffer[2048], answer[2048];
        for (unsigned i = 0; i < hops; i++) {
            f.server.alternate = turn_server_address("203.0.113.50", (uint16_t)(1000 + i));
            assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
            f.path = out.path;
            turn_fixture_deliver(&f, answer, turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer));
        }
        f.server.alternate = (struct stun_address){0};
        turn_fixture_drain(&f);
        assert_int_equal(turn_fixture_status(&f).state, hops <= ICE_TURN_REDIRECTION_MAX ? ICE_TURN_ALLOCATED : ICE_TURN_FAILED);
    }
}

/* Nowhere, everybody, another family of the same socket. Over TCP another family is another socket. */
static void redirected_to_nobody(void **state) {
    (void)state;
    static const struct {
        const char *ip;
        uint16_t port;
        bool udp, tcp;
    } cases[] = {{"203.0.113.9", 0, false, false}, {"0.0.0.0", 3478, false, false}, {"224.0.0.1", 3478, false, false}, {"255.255.255.255", 3478, false, false},
                 {"::", 3478, false, false}, {"ff02::1", 3478, false, false}, {"2001:db8::9", 3478, false, true}, {"203.0.113.9", 3478, true, true}};
    for (int tcp = 0; tcp < 2; tcp++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            turn_fixture_free(&f);
            turn_fixture_init(&f, tcp ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_UDP);
            f.server.alternate = turn_server_address(cases[i].ip, cases[i].port);
            turn_fixture_start(&f);
            turn_fixture_drain(&f); /* the second time it points at itself */
            assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_BROKEN_ANSWER);
            assert_int_equal(f.sent, (tcp ? cases[i].tcp : cases[i].udp) ? 2 : 1);
        }
    }
}

/* RFC 8489 section 10, MUST: over TLS the certificate is for ALTERNATE-DOMAIN, or, without one, for the name that it was for. */
static void redirected_to_another_name(void **state) {
    (void)state;
    static char longest[ICE_TURN_SERVER_NAME_MAX_BYTES + 2];
    memset(longest, 'a', sizeof longest - 1);
    static const struct {
        enum ice_transport transport;
        const char *domain, *expected;
    } cases[] = {{ICE_TRANSPORT_TLS, "other.example.org", "other.example.org"}, {ICE_TRANSPORT_TLS, NULL, "turn.example.org"},
                 {ICE_TRANSPORT_TCP, "other.example.org", "turn.example.org"}, {ICE_TRANSPORT_TLS, longest, NULL}, {ICE_TRANSPORT_TLS, "", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        turn_fixture_free(&f);
        turn_fixture_init(&f, cases[i].transport);
        f.server.alternate = turn_server_address("203.0.113.2", 5349);
        f.server.alternate_domain = cases[i].domain;
        turn_fixture_start(&f);
        turn_fixture_drain(&f);
        assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_OPEN_STREAM), cases[i].expected != NULL ? 2 : 1);
        if (cases[i].expected != NULL)
            assert_string_equal(f.opened_name, cases[i].expected);
    }
    /* At the limit it is a name like any other. */
    turn_fixture_free(&f);
    turn_fixture_init(&f, ICE_TRANSPORT_TLS);
    longest[ICE_TURN_SERVER_NAME_MAX_BYTES] = '\0';
    f.server.alternate = turn_server_address("203.0.113.2", 5349);
    f.server.alternate_domain = longest;
    turn_fixture_start(&f);
    struct ice_turn_event event;
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048];
    assert_true(ice_turn_client_poll_event(f.client, &event));
    assert_int_equal(ice_turn_client_handle_stream_opened(f.client, f.now_us, &f.path), ICE_OK);
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    turn_fixture_deliver(&f, answer, turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer));
    while (ice_turn_client_poll_event(f.client, &event))
        if (event.type == ICE_TURN_EVENT_OPEN_STREAM)
            assert_string_equal(event.as.stream.server_name, longest);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CONNECTING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(redirected, setup_udp, teardown),
        {"redirected over TCP", redirected, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(redirected_in_a_circle, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(redirected_to_nobody, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(redirected_to_another_name, setup_udp, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
