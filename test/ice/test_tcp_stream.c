/* RFC 6544 section 10, RFC 4571: what goes through a connection, and what may not. */
#include "test_ice.h"

#include "ice/tcp_internal.h"
#include "tcp_calls.h"

/* A frame is at most 65535 bytes long; what is longer cannot be sent, and says so */
static void longest_payload(void **state) {
    (void)state;
    static uint8_t buffer[ICE_HEADROOM_BYTES + 65536 + ICE_TAILROOM_BYTES];
    struct ice_transmit out;
    open_net(1);
    connect_by(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    assert_true(tcp_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    for (size_t length = 65534; length <= 65536; length++)
        assert_int_equal(ice_agent_wrap_payload(net.side[0].agent, net.now_us, buffer, length, sizeof buffer, &out), length <= 65535 ? ICE_OK : ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_agent_wrap_payload(net.side[0].agent, net.now_us, buffer, 258, sizeof buffer, &out), ICE_OK);
    assert_int_equal(out.offset, ICE_HEADROOM_BYTES - 2);
    assert_int_equal(out.length, 260);
    assert_int_equal(buffer[ICE_HEADROOM_BYTES - 2] << 8 | buffer[ICE_HEADROOM_BYTES - 1], 258);
    assert_int_equal(out.path.stream_id, 1);
    tcp_agents_close(&net);
}

static void talking_stranger(void **state) {
    (void)state;
    struct ice_path path;
    struct stun_address from = ip("203.0.113.66", 4444);
    static const uint8_t stun_like[1 + ICE_TCP_UNPROVEN_BYTES]; /* empty frames, each is two bytes */
    for (size_t length = ICE_TCP_UNPROVEN_BYTES - 1; length <= ICE_TCP_UNPROVEN_BYTES + 1; length++) {
        listen_only();
        assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
        assert_int_equal(tcp_agents_stranger_writes(&net, 1, &path, stun_like, length), ICE_OK);
        assert_int_equal(net.side[1].closes, length > ICE_TCP_UNPROVEN_BYTES);
        assert_int_equal(net.side[1].agent->statistics.streams_unproven, length > ICE_TCP_UNPROVEN_BYTES);
        tcp_agents_close(&net);
    }
}

/* RFC 6544 section 7.1: who does not begin with STUN is not our peer */
static void stranger_without_stun(void **state) {
    (void)state;
    struct ice_path path;
    struct stun_address from = ip("203.0.113.66", 4444);
    static const uint8_t http[] = "GET / HTTP/1.1\r\n\r\n", data[] = {0, 3, 128, 1, 2}, too_long[] = {0x08, 0x01, 0};
    listen_only();
    assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
    assert_int_equal(tcp_agents_stranger_writes(&net, 1, &path, http, sizeof http), ICE_ERROR_MALFORMED); /* "GE" is 18245 bytes */
    assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
    assert_int_equal(tcp_agents_stranger_writes(&net, 1, &path, data, sizeof data), ICE_OK);
    assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
    assert_int_equal(tcp_agents_stranger_writes(&net, 1, &path, too_long, sizeof too_long), ICE_ERROR_MALFORMED);
    assert_int_equal(net.side[1].closes, 3);
    assert_int_equal(net.side[1].received_count, 0);
    assert_int_equal(net.side[1].agent->statistics.malformed_dropped, 2);
    assert_int_equal(tcp_agents_stranger_writes(&net, 1, &path, data, sizeof data), ICE_ERROR_ARGUMENT); /* it is gone */
    tcp_agents_close(&net);
}

/* The connection goes before the answer to its check does: there is nowhere to send it */
static void answer_to_a_closed_connection(void **state) {
    (void)state;
    struct stun_address from = ip("203.0.113.66", 4444);
    for (int closed = 0; closed < 2; closed++) {
        struct ice_path path;
        struct ice_transmit out;
        uint8_t frame[2 + ICE_DATAGRAM_MAX_BYTES], buffer[ICE_DATAGRAM_MAX_BYTES];
        listen_only();
        struct ice_agent *agent = net.side[1].agent;
        assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
        size_t length = write_check(frame, sizeof frame, ice_agent_local_password(agent));
        assert_int_equal(ice_agent_handle_stream_bytes(agent, net.now_us, &path, frame, length), ICE_OK);
        assert_int_equal(ice_agent_pair_count(agent), 1);
        if (closed)
            assert_int_equal(ice_agent_handle_stream_closed(agent, net.now_us, &path, 104), ICE_OK);
        assert_int_equal(ice_agent_poll_transmit(agent, net.now_us, buffer, sizeof buffer, &out), !closed);
        ice_agent_free(net.side[0].agent);
        ice_agent_free(net.side[1].agent);
    }
}

/* A stranger who replays a check, signed by us for another path, or with a wrong key: no pair, no answer */
static void unauthentic_checks(void **state) {
    (void)state;
    struct ice_path path;
    struct stun_address from = ip("203.0.113.66", 4444);
    uint8_t frame[2 + ICE_DATAGRAM_MAX_BYTES] = {0};
    listen_only();
    size_t length = write_check(frame, sizeof frame, "wrongwrongwrongwrongwrong") - 2;
    assert_int_equal(tcp_agents_stranger(&net, 1, &from, &path), ICE_OK);
    for (size_t cut = 0; cut <= length; cut++) { /* also cut short, each under a true header */
        ice_framing_write_header(frame, cut);
        tcp_agents_stranger_writes(&net, 1, &path, frame, 2 + cut);
        if (net.side[1].closes > 0)
            break;
    }
    assert_int_equal(ice_agent_pair_count(net.side[1].agent), 0);
    assert_int_equal(net.side[1].closes, 1); /* too many bytes without a check */
    assert_int_equal(net.segment_count, 0);
    tcp_agents_close(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_payload), cmocka_unit_test(talking_stranger),
        cmocka_unit_test(stranger_without_stun), cmocka_unit_test(answer_to_a_closed_connection),
        cmocka_unit_test(unauthentic_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
