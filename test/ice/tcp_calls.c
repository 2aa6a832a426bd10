#include "tcp_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "ice/framing.h"
#include "stun/integrity.h"
#include "stun/message.h"

struct tcp_agents net;

void open_net(uint64_t seed) {
    tcp_agents_open(&net, seed, ICE_ROLE_CONTROLLING, ICE_ROLE_CONTROLLED, NULL);
}

void connect_by(enum ice_tcp_type of_first, enum ice_tcp_type of_second) {
    tcp_agents_interface(&net, 0, ICE_TRANSPORT_TCP, 5000);
    tcp_agents_interface(&net, 1, ICE_TRANSPORT_TCP, 6000);
    tcp_agents_gather(&net);
    tcp_agents_credentials(&net);
    tcp_agents_give(&net, 0, of_first);
    tcp_agents_give(&net, 1, of_second);
}

void exchange_data(size_t rounds) {
    for (int to = 0; to < 2; to++)
        net.side[to].received_count = net.side[to].received_bytes = net.side[to].received_sum = 0;
    uint64_t sum = 0, bytes = 0;
    for (size_t i = 0; i < rounds; i++) {
        size_t length = 1 + i * 37 % TCP_PAYLOAD_MAX;
        uint8_t value = (uint8_t)(128 + i % 64); /* as RTP begins */
        assert_true(tcp_agents_send(&net, 0, length, value));
        assert_true(tcp_agents_send(&net, 1, length, value));
        sum += length * value;
        bytes += length;
        tcp_agents_run(&net, net.now_us + 5 * MS);
    }
    tcp_agents_run(&net, net.now_us + SECOND);
    for (int to = 0; to < 2; to++) {
        assert_int_equal(net.side[to].received_count, rounds);
        assert_int_equal(net.side[to].received_bytes, bytes);
        assert_int_equal(net.side[to].received_sum, sum);
        assert_int_equal(net.side[to].received_path.transport, ICE_TRANSPORT_TCP);
    }
}

void listen_only(void) {
    open_net(1);
    tcp_agents_interface(&net, 1, ICE_TRANSPORT_TCP, 6000);
    tcp_agents_gather(&net);
    tcp_agents_credentials(&net);
}

size_t write_check(uint8_t *frame, size_t capacity, const char *password) {
    static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = {1};
    struct stun_key *key = stun_key_new_short_term((const uint8_t *)password, strlen(password));
    struct stun_writer writer;
    char username[64];
    snprintf(username, sizeof username, "%s:%s", ice_agent_local_ufrag(net.side[1].agent), ice_agent_local_ufrag(net.side[0].agent));
    stun_writer_begin(&writer, frame + 2, capacity - 2, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERNAME, (const uint8_t *)username, strlen(username));
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, 1);
    stun_writer_add_u64(&writer, STUN_ATTRIBUTE_ICE_CONTROLLING, 1);
    stun_writer_add_integrity(&writer, key);
    stun_writer_add_fingerprint(&writer);
    size_t length = (size_t)stun_writer_finish(&writer);
    stun_key_free(key);
    ice_framing_write_header(frame, length);
    return 2 + length;
}
