/* RFC 7983 section 7 and RFC 5761 section 4, byte by byte against a table written from the RFC's picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/peer/peer_demultiplex_internal.h"

static const struct {
    unsigned first, last;
    enum peer_protocol protocol;
} ranges[] = {
    {0, 3, PEER_PROTOCOL_STUN},    {4, 19, PEER_PROTOCOL_UNKNOWN},       {20, 63, PEER_PROTOCOL_DTLS},
    {64, 79, PEER_PROTOCOL_TURN_CHANNEL}, {80, 127, PEER_PROTOCOL_UNKNOWN}, {128, 191, PEER_PROTOCOL_RTP},
    {192, 255, PEER_PROTOCOL_UNKNOWN},
};

static void every_first_byte_has_its_protocol(void **state) {
    (void)state;
    unsigned seen = 0;
    for (size_t range = 0; range < sizeof ranges / sizeof ranges[0]; range++) {
        for (unsigned first = ranges[range].first; first <= ranges[range].last; first++, seen++) {
            uint8_t packet[2] = {(uint8_t)first, 96};
            assert_int_equal(peer_demultiplex(packet, sizeof packet), ranges[range].protocol);
            assert_int_equal(peer_demultiplex(packet, 1), ranges[range].protocol);
        }
    }
    assert_int_equal(seen, 256);
}

static void rtcp_is_told_from_rtp_by_its_second_byte(void **state) {
    (void)state;
    for (unsigned second = 0; second <= 255; second++) {
        uint8_t packet[2] = {0x80, (uint8_t)second};
        enum peer_protocol expected = second >= 192 && second <= 223 ? PEER_PROTOCOL_RTCP : PEER_PROTOCOL_RTP;
        assert_int_equal(peer_demultiplex(packet, sizeof packet), expected);
    }
}

static void nothing_is_read_of_an_empty_datagram(void **state) {
    (void)state;
    assert_int_equal(peer_demultiplex(NULL, 0), PEER_PROTOCOL_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_first_byte_has_its_protocol),
        cmocka_unit_test(rtcp_is_told_from_rtp_by_its_second_byte),
        cmocka_unit_test(nothing_is_read_of_an_empty_datagram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
