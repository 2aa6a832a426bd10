/* How long a packet may be: RFC 8899, with the padding of RFC 4820. */
#include "association_pair.h"

static struct pair *two_on(size_t path_bytes, size_t packet_max_bytes) {
    struct sctp_association_config config = {.packet_bytes = 1160, .packet_max_bytes = packet_max_bytes};
    struct pair *pair = two_new(50, &config, &config);
    pair->path_bytes = path_bytes;
    sctp_association_connect(pair->end[0].association, pair->now_us);
    two_run(pair, 60000000);
    return pair;
}

/* Whatever the path carries, what is found is at most that, and less by no more than is worth a probe. */
static void finds_the_length(void **state) {
    (void)state;
    for (size_t path = 1160; path <= 1500; path += 20) {
        struct pair *pair = two_on(path, 1440);
        size_t known = two_statistics(pair, 0).packet_bytes, most = path < 1440 ? path : 1440;
        assert_true(known <= most && known + 36 >= most);
        assert_int_equal(two_send_bytes(pair, 0, 1, 200000), SCTP_OK);
        two_run(pair, 5000000);
        assert_int_equal(pair->end[1].message_bytes, 200000);
        assert_int_equal(two_statistics(pair, 0).chunks_retransmitted, 0);
        two_free(pair);
    }
}

static void does_not_probe_unasked(void **state) {
    (void)state;
    struct pair *pair = two_connected(51);
    two_run(pair, 20000000);
    assert_true(pair->end[0].longest_packet < 400);
    assert_int_equal(two_statistics(pair, 0).packet_bytes, SCTP_PACKET_DEFAULT_BYTES);
    two_free(pair);
}

/* RFC 8899 section 4.3: packets that vanish make it go back; and it is told of another path. */
static void falls_into_a_black_hole(void **state) {
    (void)state;
    struct pair *pair = two_on(0, 1440);
    assert_int_equal(two_statistics(pair, 0).packet_bytes, 1440);
    pair->path_bytes = 1200;
    two_send_bytes(pair, 0, 1, 20000);
    two_run(pair, 12000000);
    assert_int_equal(two_statistics(pair, 0).packet_bytes, 1160);
    pair->path_bytes = 0;
    two_run(pair, 60000000);
    assert_int_equal(pair->end[1].message_bytes, 20000);
    pair->path_bytes = 1300;
    sctp_association_path_changed(pair->end[0].association, pair->now_us);
    assert_int_equal(two_statistics(pair, 0).packet_bytes, 1160);
    two_run(pair, 60000000);
    size_t known = two_statistics(pair, 0).packet_bytes;
    assert_true(known > 1260 && known <= 1300);
    two_free(pair);
}

/* A buffer that is too small for a probe, and one too small for anything. */
static void small_buffers(void **state) {
    (void)state;
    struct sctp_association_config config = {.packet_bytes = 1160, .packet_max_bytes = 1440};
    struct pair *pair = two_new(52, &config, NULL);
    struct sctp_transmit out;
    uint8_t buffer[1200];
    struct sctp_association *a = pair->end[0].association;
    sctp_association_connect(a, pair->now_us);
    for (size_t capacity = 0; capacity < 40; capacity++)
        assert_int_equal(sctp_association_poll_transmit(a, pair->now_us, buffer, capacity, &out), false);
    assert_true(sctp_association_poll_transmit(a, pair->now_us, buffer, sizeof buffer, &out));
    two_give(pair, 1, buffer, out.length);
    uint8_t packet[PAIR_PACKET_BYTES];
    size_t length = two_take_packet(pair, 1, packet); /* INIT ACK */
    sctp_association_handle_datagram(a, pair->now_us, packet, length);
    assert_true(sctp_association_poll_transmit(a, pair->now_us, buffer, sizeof buffer, &out));
    two_give(pair, 1, buffer, out.length);
    length = two_take_packet(pair, 1, packet); /* COOKIE ACK */
    sctp_association_handle_datagram(a, pair->now_us, packet, length);
    assert_false(sctp_association_poll_transmit(a, pair->now_us, buffer, sizeof buffer, &out)); /* the probe stays */
    assert_true(sctp_association_poll_transmit(a, pair->now_us, packet, sizeof packet, &out));
    assert_true(out.is_probe && out.length == 1440);
    two_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_length), cmocka_unit_test(does_not_probe_unasked),
                                       cmocka_unit_test(falls_into_a_black_hole), cmocka_unit_test(small_buffers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
