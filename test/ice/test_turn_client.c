/* The TURN client as a whole: from new to closed, over UDP and over streams; its states, its limits, its memory. */
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

/* RFC 8656 sections 7.1 to 7.3: asked without credentials, challenged, asked with them. */
static void allocates(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    struct ice_turn_status status = turn_fixture_status(&f);
    assert_int_equal(f.server.requests, 2);
    assert_int_equal(f.server.unauthenticated, 1);
    assert_true(stun_address_equal(&status.relayed[0], &f.server.relayed[0]));
    assert_int_equal(status.relayed[1].family, STUN_ADDRESS_NONE);
    assert_true(stun_address_equal(&status.mapped, &f.server.mapped));
    assert_int_equal(status.lifetime_seconds, 600);
    assert_int_equal(status.failure, ICE_TURN_FAILURE_NONE);
    assert_string_equal(status.realm, "example.org");
    assert_string_equal(status.software, "double");
    assert_false(status.uses_sha256);
    assert_true(f.server.saw_username && f.server.saw_sha1);
}

/* RFC 8656 section 7.3: an address that is none (coturn's way of having no IPv6) does not spoil the one that is; alone it is a broken answer. */
static void allocates_beside_no_address(void **state) {
    (void)state;
    f.config.families = ICE_TURN_BOTH;
    f.server.has_ipv6 = false;
    f.server.address_error = STUN_CODE_ADDRESS_FAMILY_NOT_SUPPORTED;
    f.server.writes_no_address = true;
    turn_fixture_allocate(&f);
    struct ice_turn_status status = turn_fixture_status(&f);
    assert_true(stun_address_equal(&status.relayed[0], &f.server.relayed[0]));
    assert_int_equal(status.relayed[1].family, STUN_ADDRESS_NONE);
    assert_int_equal(status.code, STUN_CODE_ADDRESS_FAMILY_NOT_SUPPORTED);
}

static void allocates_no_address(void **state) {
    (void)state;
    f.server.writes_no_address = f.server.omits_relayed = true;
    turn_fixture_start(&f);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_BROKEN_ANSWER);
}

static void permits_and_relays(void **state) {
    (void)state;
    struct stun_address peer = turn_server_address("198.51.100.20", 7000);
    turn_fixture_allocate(&f);
    assert_int_equal(ice_turn_client_permit(f.client, f.now_us, &peer), ICE_OK);
    assert_false(ice_turn_client_is_permitted(f.client, &peer));
    turn_fixture_drain(&f);
    assert_true(ice_turn_client_is_permitted(f.client, &peer));
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "hello", 5), ICE_OK);
    assert_int_equal(f.received, 1);
    assert_int_equal(f.payload_length, 5);
    assert_memory_equal(f.payload, "hello", 5);
    assert_true(stun_address_equal(&f.last_received.peer, &peer));
    assert_true(stun_address_equal(&f.last_received.relayed, &f.server.relayed[0]));

    uint8_t buffer[200];
    struct ice_transmit out;
    memcpy(buffer + ICE_HEADROOM_BYTES, "abcde", 5);
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, 5, sizeof buffer, &out), ICE_OK);
    struct stun_message message;
    const uint8_t *data;
    size_t length;
    struct stun_address to;
    assert_int_equal(out.length, 36 + 8);
    assert_int_equal(stun_message_parse(buffer + out.offset, out.length, &message), STUN_OK);
    assert_int_equal(message.class_, STUN_CLASS_INDICATION);
    assert_int_equal(message.method, STUN_METHOD_SEND);
    assert_int_equal(stun_message_read_xor_address(&message, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &to), STUN_OK);
    assert_true(stun_address_equal(&to, &peer));
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_DATA, &data, &length), STUN_OK);
    assert_int_equal(length, 5);
    assert_memory_equal(data, "abcde", 5);

    assert_int_equal(ice_turn_client_bind(f.client, f.now_us, &peer), ICE_OK);
    turn_fixture_drain(&f);
    assert_int_equal(turn_server_channel(&f.server, f.now_us, &peer), 0x4000);
    memcpy(buffer + ICE_HEADROOM_BYTES, "abcde", 5);
    assert_int_equal(ice_turn_client_wrap(f.client, f.now_us, &peer, buffer, 5, sizeof buffer, &out), ICE_OK);
    bool stream = f.path.transport != ICE_TRANSPORT_UDP;
    assert_int_equal(out.length, stream ? 12 : 9);
    assert_int_equal(out.offset, ICE_HEADROOM_BYTES - 4);
    assert_memory_equal(buffer + out.offset, "\x40\x00\x00\x05" "abcde\0\0", out.length);
    assert_int_equal(turn_fixture_deliver_data(&f, &peer, "again", 5), ICE_OK);
    assert_int_equal(f.received, 2);
    assert_memory_equal(f.payload, "again", 5);
}

static void closes(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    ice_turn_client_close(f.client, f.now_us);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSING);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSED);
    assert_int_equal(f.server.deletes, 1);
    assert_false(f.server.is_allocated);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSED), 1);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), f.path.transport == ICE_TRANSPORT_UDP ? 0 : 1);
    assert_true(ice_turn_client_next_timeout(f.client) == UINT64_MAX);
}

/* A close that the server does not answer takes a second; one that nobody could have to answer takes none. */
static void closes_without_an_answer(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    f.drop = 1000;
    uint64_t start_us = f.now_us;
    ice_turn_client_close(f.client, f.now_us);
    ice_turn_client_close(f.client, f.now_us);
    turn_fixture_run_until(&f, start_us + TURN_SECOND - 1);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSING);
    turn_fixture_run_until(&f, start_us + TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSED);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSED), 1);
    ice_turn_client_close(f.client, f.now_us);
    turn_fixture_run_until(&f, start_us + 60 * TURN_SECOND);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSED), 1);
}

/* RFC 8656 section 8.3: 437 to a deletion means that it is done; so does anything else. */
static void closes_whatever_the_answer(void **state) {
    (void)state;
    static const uint16_t codes[] = {437, 400, 403, 441, 500};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        turn_fixture_free(&f);
        turn_fixture_init(&f, ICE_TRANSPORT_UDP);
        turn_fixture_allocate(&f);
        f.server.refuse[STUN_METHOD_REFRESH] = codes[i];
        ice_turn_client_close(f.client, f.now_us);
        turn_fixture_drain(&f);
        assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSED);
    }
}

/* Closed while it allocates: what may have been granted is given back; what cannot have been needs no word. */
static void closes_early(void **state) {
    (void)state;
    turn_fixture_start(&f);
    ice_turn_client_close(f.client, f.now_us);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSED);
    turn_fixture_drain(&f);
    assert_int_equal(f.sent, 0);
    turn_fixture_free(&f);
    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    turn_fixture_start(&f);
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048];
    for (int i = 0; i < 2; i++) {
        assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
        size_t length = turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer);
        if (i == 0)
            turn_fixture_deliver(&f, answer, length);
    }
    assert_true(f.server.is_allocated);
    ice_turn_client_close(f.client, f.now_us);
    turn_fixture_drain(&f);
    assert_false(f.server.is_allocated);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSED);
}

/* CLOSED also after FAILED, so that a caller may always wait for it. */
static void closes_after_failure(void **state) {
    (void)state;
    f.config.credential = "wrong";
    turn_fixture_start(&f);
    turn_fixture_run_until(&f, f.now_us + TURN_SECOND); /* an unsigned 401 counts after one RTO */
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_CREDENTIALS);
    ice_turn_client_close(f.client, f.now_us);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSED);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSED), 1);
}

static void stream_breaks_while_closing(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    f.drop = 1;
    ice_turn_client_close(f.client, f.now_us);
    turn_fixture_drain(&f);
    assert_int_equal(ice_turn_client_handle_stream_closed(f.client, f.now_us, &f.path, 0), ICE_OK);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSED);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), 0);
    turn_fixture_free(&f);
    turn_fixture_init(&f, ICE_TRANSPORT_TCP);
    turn_fixture_allocate(&f);
    f.drop = 1;
    ice_turn_client_close(f.client, f.now_us);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_deliver(&f, (const uint8_t *)"\xFF\xFF\xFF\xFF", 4), ICE_ERROR_MALFORMED);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSED);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), 1);
}

/* ---- the stream ------------------------------------------------------------------------------------------------------------------- */

/* Opened when asked for, not before, not twice, not another; nothing is sent until it is. */
static void stream_opens(void **state) {
    (void)state;
    struct ice_turn_event event;
    struct ice_transmit out;
    uint8_t buffer[2048];
    turn_fixture_start(&f);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CONNECTING);
    assert_int_equal(ice_turn_client_handle_stream_opened(f.client, f.now_us, &f.path), ICE_ERROR_STATE);
    assert_int_equal(ice_turn_client_handle_stream_bytes(f.client, f.now_us, &f.path, buffer, 1), ICE_ERROR_STATE);
    assert_false(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    assert_true(ice_turn_client_poll_event(f.client, &event));
    assert_int_equal(event.type, ICE_TURN_EVENT_OPEN_STREAM);
    assert_string_equal(event.as.stream.server_name, "turn.example.org");
    assert_int_equal(event.as.stream.path.stream_id, 9);
    assert_false(ice_turn_client_poll_event(f.client, &event));
    struct ice_path other = event.as.stream.path;
    other.stream_id++;
    assert_int_equal(ice_turn_client_handle_stream_opened(f.client, f.now_us, &other), ICE_ERROR_ARGUMENT);
    other = event.as.stream.path;
    other.remote.port++;
    assert_int_equal(ice_turn_client_handle_stream_opened(f.client, f.now_us, &other), ICE_ERROR_ARGUMENT);
    event.as.stream.path.local.port = 5555;
    assert_int_equal(ice_turn_client_handle_stream_opened(f.client, f.now_us, &event.as.stream.path), ICE_OK);
    assert_int_equal(ice_turn_client_handle_stream_opened(f.client, f.now_us, &event.as.stream.path), ICE_ERROR_STATE);
    assert_int_equal(turn_fixture_status(&f).path.local.port, 5555);
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    assert_int_equal(out.path.local.port, 5555);
    assert_int_equal(ice_turn_client_handle_stream_bytes(f.client, f.now_us, &other, buffer, 1), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_turn_client_handle_stream_bytes(f.client, f.now_us, &out.path, NULL, 0), ICE_OK);
    assert_int_equal(ice_turn_client_handle_datagram(f.client, f.now_us, &out.path, buffer, 1), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_turn_client_handle_stream_closed(f.client, f.now_us, &other, 0), ICE_ERROR_ARGUMENT);
}

static void stream_verbs_over_udp(void **state) {
    (void)state;
    turn_fixture_start(&f);
    assert_int_equal(ice_turn_client_handle_stream_opened(f.client, f.now_us, &f.path), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_turn_client_handle_stream_bytes(f.client, f.now_us, &f.path, (const uint8_t *)"x", 1), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_turn_client_handle_stream_closed(f.client, f.now_us, &f.path, 0), ICE_ERROR_ARGUMENT);
}

/* It could not be opened: the reason is kept as it came. Nor does it take longer than Ti (RFC 8489 section 6.2.2). */
static void stream_does_not_open(void **state) {
    (void)state;
    static const int errors[] = {111, ICE_STREAM_ERROR_TLS_NAME, ICE_STREAM_ERROR_TLS_UNTRUSTED};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct ice_turn_event event;
        turn_fixture_free(&f);
        turn_fixture_init(&f, ICE_TRANSPORT_TLS);
        turn_fixture_start(&f);
        assert_true(ice_turn_client_poll_event(f.client, &event));
        assert_int_equal(ice_turn_client_handle_stream_closed(f.client, f.now_us, &f.path, errors[i]), ICE_OK);
        turn_fixture_drain(&f);
        assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_UNREACHABLE);
        assert_int_equal(turn_fixture_status(&f).error, errors[i]);
        assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), 0);
        assert_int_equal(ice_turn_client_handle_stream_closed(f.client, f.now_us, &f.path, 0), ICE_ERROR_STATE);
    }
    struct ice_turn_event event;
    turn_fixture_free(&f);
    turn_fixture_init(&f, ICE_TRANSPORT_TCP);
    turn_fixture_start(&f);
    assert_true(ice_turn_client_poll_event(f.client, &event));
    f.now_us = ice_turn_client_next_timeout(f.client);
    assert_true(f.now_us == 5 * TURN_SECOND + 39500000);
    ice_turn_client_handle_timeout(f.client, f.now_us - 1);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CONNECTING);
    ice_turn_client_handle_timeout(f.client, f.now_us);
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_NO_ANSWER);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_CLOSE_STREAM), 1);
}

/* Closed before OPEN_STREAM was even polled: the caller never hears of the stream. */
static void stream_never_asked_for(void **state) {
    (void)state;
    turn_fixture_start(&f);
    ice_turn_client_close(f.client, f.now_us);
    turn_fixture_drain(&f);
    assert_int_equal(f.event_count, 1);
    assert_int_equal(f.events[0].type, ICE_TURN_EVENT_CLOSED);
}

/* ---- send errors -------------------------------------------------------------------------------------------------------------------- */

/* ICMP while allocating: over after one RTO, unless an answer proves it a lie. For an allocation it is a reason to ask the server. */
static void send_errors(void **state) {
    (void)state;
    turn_fixture_start(&f);
    struct ice_path other = f.path;
    other.remote.port++;
    f.drop = 1000;
    turn_fixture_drain(&f);
    ice_turn_client_handle_send_error(f.client, f.now_us, &other, 111);
    turn_fixture_run_until(&f, f.now_us + 700000);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATING);
    ice_turn_client_handle_send_error(f.client, f.now_us, &f.path, 111);
    turn_fixture_run_until(&f, f.now_us + 499999);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATING);
    turn_fixture_run_until(&f, f.now_us + 1);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_UNREACHABLE);
    assert_int_equal(turn_fixture_status(&f).error, 111);
    turn_fixture_free(&f);

    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    turn_fixture_start(&f);
    ice_turn_client_handle_send_error(f.client, f.now_us, &f.path, 111); /* a lie: the server is there */
    turn_fixture_drain(&f);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
    turn_fixture_free(&f);

    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    turn_fixture_allocate(&f);
    unsigned sent = f.sent;
    for (int i = 0; i < 100; i++)
        ice_turn_client_handle_send_error(f.client, f.now_us, &f.path, 111);
    turn_fixture_drain(&f);
    assert_int_equal(f.sent, sent + 1); /* one question, however many errors */
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);

    /* The server's host restarts: silence, then 437. Ten seconds after it is back at the latest, by the retransmission at 7.5 s. */
    f.server.is_allocated = false;
    f.drop = 4;
    uint64_t start_us = f.now_us;
    ice_turn_client_handle_send_error(f.client, f.now_us, &f.path, 111);
    turn_fixture_run_until(&f, start_us + 7500000);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_LOST);
    turn_fixture_free(&f);

    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    turn_fixture_allocate(&f);
    ice_turn_client_close(f.client, f.now_us);
    ice_turn_client_handle_send_error(f.client, f.now_us, &f.path, 111);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_CLOSED);
}

/* ---- configuration and memory ---------------------------------------------------------------------------------------------------------- */

static bool is_accepted(void) {
    struct ice_turn_client *client = ice_turn_client_new(&f.config, f.now_us);
    bool accepted = client != NULL;
    ice_turn_client_free(client);
    return accepted;
}

static void configuration(void **state) {
    (void)state;
    static char text[600];
    const struct ice_turn_client_config good = f.config;
    assert_true(is_accepted());
    f.config.random = NULL;
    assert_false(is_accepted());
    f.config = good;
    f.config.path.remote.port = 0;
    assert_false(is_accepted());
    f.config = good;
    f.config.path.remote.family = STUN_ADDRESS_NONE;
    assert_false(is_accepted());
    f.config = good;
    f.config.path.transport = (enum ice_transport)7;
    assert_false(is_accepted());
    f.config = good;
    f.config.families = (enum ice_turn_families)7;
    assert_false(is_accepted());
    f.config = good;
    f.config.credential = NULL;
    assert_false(is_accepted());
    f.config = good;
    f.config.username = NULL;
    assert_false(is_accepted());
    f.config.credential = NULL;
    assert_true(is_accepted());
    f.config = good;
    f.config.server_name = NULL;
    assert_true(is_accepted());
    f.config = good;
    f.config.username = "";
    assert_false(is_accepted());
    f.config = good;
    f.config.rto_us = 60 * TURN_SECOND;
    assert_true(is_accepted());
    f.config.rto_us++;
    assert_false(is_accepted());
    /* Every text at its limit -1, 0, +1. */
    struct {
        const char **place;
        size_t limit;
    } texts[] = {{&f.config.username, ICE_TURN_USERNAME_MAX_BYTES},
                 {&f.config.credential, ICE_TURN_CREDENTIAL_MAX_BYTES},
                 {&f.config.server_name, ICE_TURN_SERVER_NAME_MAX_BYTES}};
    for (size_t i = 0; i < 3; i++) {
        for (size_t length = texts[i].limit - 1; length <= texts[i].limit + 1; length++) {
            f.config = good;
            *texts[i].place = text;
            memset(text, 'x', sizeof text);
            text[length] = '\0';
            assert_int_equal(is_accepted(), length <= texts[i].limit);
        }
    }
    f.config = good;
    f.config.allocator = NULL; /* malloc and free */
    assert_true(is_accepted());
    f.config = good;
    turn_fixture_start(&f);
}

/* Memory is short: NULL, and nothing is left behind. */
static void out_of_memory(void **state) {
    (void)state;
    turn_fixture_free(&f);
    turn_fixture_init(&f, ICE_TRANSPORT_TCP);
    for (size_t limit = 0; limit < 2; limit++) {
        f.allocations = 0;
        f.allocation_limit = limit;
        assert_null(ice_turn_client_new(&f.config, f.now_us));
    }
    f.allocations = 0;
    f.allocation_limit = 2;
    turn_fixture_start(&f);
}

static void poll_transmit_needs_room(void **state) {
    (void)state;
    uint8_t buffer[ICE_DATAGRAM_MAX_BYTES];
    struct ice_transmit out;
    turn_fixture_start(&f);
    assert_false(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer - 1, &out));
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
}

/* The contract: a timeout that is early does nothing. */
static void early_timeouts(void **state) {
    (void)state;
    turn_fixture_allocate(&f);
    struct stun_address peer = turn_server_address("198.51.100.20", 7000);
    ice_turn_client_bind(f.client, f.now_us, &peer);
    turn_fixture_drain(&f);
    unsigned sent = f.sent;
    for (int i = 0; i < 230; i++) {
        f.now_us += TURN_SECOND;
        ice_turn_client_handle_timeout(f.client, f.now_us);
        turn_fixture_drain(&f);
    }
    assert_int_equal(f.sent, sent);
    /* Late, it does the overdue work once: the Refresh of the allocation is long due, and so are the others. */
    f.now_us += 340 * TURN_SECOND;
    ice_turn_client_handle_timeout(f.client, f.now_us);
    turn_fixture_drain(&f);
    assert_int_equal(f.sent, sent + 3);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
}

static void names(void **state) {
    (void)state;
    for (int i = 0; i <= ICE_TURN_FAILURE_INTEGRITY; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(ice_turn_failure_name((enum ice_turn_failure)i), ice_turn_failure_name((enum ice_turn_failure)j));
    assert_string_equal(ice_turn_failure_name((enum ice_turn_failure)99), "unknown");
    turn_fixture_start(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(allocates, setup_udp, teardown),
        {"allocates over TCP", allocates, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(allocates_beside_no_address, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(allocates_no_address, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(permits_and_relays, setup_udp, teardown),
        {"permits and relays over TCP", permits_and_relays, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(closes, setup_udp, teardown),
        {"closes over TCP", closes, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(closes_without_an_answer, setup_udp, teardown),
        {"closes without an answer over TCP", closes_without_an_answer, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(closes_whatever_the_answer, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(closes_early, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(closes_after_failure, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(stream_breaks_while_closing, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(stream_opens, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(stream_verbs_over_udp, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(stream_does_not_open, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(stream_never_asked_for, setup_tcp, teardown),
        cmocka_unit_test_setup_teardown(send_errors, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(configuration, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(out_of_memory, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(poll_transmit_needs_room, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(early_timeouts, setup_udp, teardown),
        cmocka_unit_test_setup_teardown(names, setup_udp, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
