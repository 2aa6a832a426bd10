/* test/wire/udp_datagram.c: what a NAT reads is what is there, and what it writes has right checksums if it had them before. */
#include "test_wire.h"

#include <stdlib.h>
#include <string.h>

#include "test/sim/random.h"
#include "test/wire/udp_datagram.h"

#define HEADER 20u
#define UDP 8u

/* 10.1.0.2:5000 to 203.0.113.10:3478, payload of `payload` bytes; checksums as they must be, reckoned in the plainest way. */
static size_t build(uint8_t *out, size_t payload, size_t options) {
    size_t header = HEADER + options, total = header + UDP + payload;
    memset(out, 0, total);
    out[0] = (uint8_t)(0x40 | header / 4);
    out[2] = (uint8_t)(total >> 8), out[3] = (uint8_t)total;
    out[8] = 64, out[9] = 17;
    memcpy(out + 12, "\x0a\x01\x00\x02\xcb\x00\x71\x0a", 8);
    uint8_t *udp = out + header;
    memcpy(udp, "\x13\x88\x0d\x96", 4);
    udp[4] = (uint8_t)((UDP + payload) >> 8), udp[5] = (uint8_t)(UDP + payload);
    for (size_t i = 0; i < payload; i++)
        udp[UDP + i] = (uint8_t)(i * 7 + 1);
    uint32_t sum = 0;
    for (size_t i = 0; i < header; i += 2)
        sum += (uint32_t)(out[i] << 8 | out[i + 1]);
    for (; sum >> 16; sum = (sum & 0xffff) + (sum >> 16)) {}
    out[10] = (uint8_t)(~sum >> 8), out[11] = (uint8_t)~sum;
    sum = 17 + (uint32_t)(UDP + payload);
    for (size_t i = 12; i < 20; i += 2)
        sum += (uint32_t)(out[i] << 8 | out[i + 1]);
    for (size_t i = 0; i < UDP + payload; i++)
        sum += (uint32_t)udp[i] << (i % 2 ? 0 : 8);
    for (; sum >> 16; sum = (sum & 0xffff) + (sum >> 16)) {}
    udp[6] = (uint8_t)(~sum >> 8), udp[7] = (uint8_t)~sum;
    return total;
}

static struct stun_address address(const char *ip, uint16_t port) {
    struct stun_address out = {0};
    assert_true(stun_address_parse_ip(ip, strlen(ip), &out));
    out.port = port;
    return out;
}

static void reads_what_is_there(void **state) {
    (void)state;
    uint8_t bytes[256];
    struct wire_datagram datagram;
    struct stun_address source = address("10.1.0.2", 5000), destination = address("203.0.113.10", 3478);
    for (size_t options = 0; options <= 40; options += 4) {
        size_t length = build(bytes, 33, options);
        assert_int_equal(wire_datagram_parse(bytes, length + 5, &datagram), WIRE_UDP); /* five bytes of padding */
        assert_int_equal(datagram.length, length);
        assert_true(stun_address_equal(&datagram.source, &source));
        assert_true(stun_address_equal(&datagram.destination, &destination));
        assert_true(wire_datagram_checksums_right(&datagram));
    }
}

static void truncated_is_refused(void **state) {
    (void)state;
    uint8_t bytes[256];
    size_t full = build(bytes, 33, 8);
    for (size_t length = 0; length < full; length++) {
        struct wire_datagram datagram;
        uint8_t *exact = malloc(length ? length : 1); /* so that the sanitizer sees a byte too many */
        memcpy(exact, bytes, length);
        assert_int_not_equal(wire_datagram_parse(exact, length, &datagram), WIRE_UDP);
        free(exact);
    }
}

static void lies_are_refused(void **state) {
    (void)state;
    static const struct {
        size_t offset;
        uint8_t value;
        enum wire_parse expected;
    } lies[] = {
        {0, 0x65, WIRE_OTHER},     {0, 0x44, WIRE_MALFORMED}, {0, 0x4f, WIRE_MALFORMED}, {3, 19, WIRE_MALFORMED}, {2, 1, WIRE_MALFORMED}, {9, 6, WIRE_OTHER},
        {6, 0x20, WIRE_FRAGMENT},  {7, 1, WIRE_FRAGMENT},     {6, 0x40, WIRE_UDP} /* do not fragment */, {25, 7, WIRE_MALFORMED},   {25, 42, WIRE_MALFORMED},
        {24, 1, WIRE_MALFORMED},
    };
    for (size_t i = 0; i < COUNT(lies); i++) {
        uint8_t bytes[256];
        struct wire_datagram datagram;
        size_t length = build(bytes, 33, 0);
        bytes[lies[i].offset] = lies[i].value;
        assert_int_equal(wire_datagram_parse(bytes, length, &datagram), lies[i].expected);
    }
}

static void rewriting_keeps_checksums_right(void **state) {
    (void)state;
    struct sim_random random;
    sim_random_seed(&random, 7);
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[256];
        struct wire_datagram datagram, again;
        size_t length = build(bytes, (size_t)i % 60, 0);
        assert_int_equal(wire_datagram_parse(bytes, length, &datagram), WIRE_UDP);
        struct stun_address other = {.family = STUN_ADDRESS_IPV4, .port = (uint16_t)sim_random_u64(&random)};
        sim_random_fill(&random, other.ip, 4);
        if (i % 3 == 0)
            memset(other.ip, 0xff, 4), other.port = 0xffff;
        if (i % 2)
            wire_datagram_set_source(&datagram, &other);
        else
            wire_datagram_set_destination(&datagram, &other);
        assert_true(wire_datagram_decrement_ttl(&datagram));
        assert_true(wire_datagram_checksums_right(&datagram));
        assert_int_equal(wire_datagram_parse(bytes, length, &again), WIRE_UDP);
        assert_true(stun_address_equal(i % 2 ? &again.source : &again.destination, &other));
        assert_int_equal(bytes[8], 63);
    }
}

static void corruption_stays_visible(void **state) {
    (void)state;
    uint8_t bytes[256];
    struct wire_datagram datagram;
    struct stun_address other = address("192.0.2.77", 1234);
    size_t length = build(bytes, 33, 0);
    bytes[HEADER + UDP + 3] ^= 0x10;
    assert_int_equal(wire_datagram_parse(bytes, length, &datagram), WIRE_UDP);
    wire_datagram_set_source(&datagram, &other);
    assert_false(wire_datagram_checksums_right(&datagram));
}

/* RFC 768: zero means that the sender reckoned none. */
static void no_checksum_stays_none(void **state) {
    (void)state;
    uint8_t bytes[256];
    struct wire_datagram datagram;
    struct stun_address other = address("192.0.2.77", 1234);
    size_t length = build(bytes, 33, 0);
    bytes[HEADER + 6] = bytes[HEADER + 7] = 0;
    assert_int_equal(wire_datagram_parse(bytes, length, &datagram), WIRE_UDP);
    wire_datagram_set_destination(&datagram, &other);
    assert_int_equal(bytes[HEADER + 6] | bytes[HEADER + 7], 0);
    assert_true(wire_datagram_checksums_right(&datagram));
}

static void life_ends(void **state) {
    (void)state;
    uint8_t bytes[256];
    struct wire_datagram datagram;
    size_t length = build(bytes, 1, 0);
    bytes[8] = 2;
    assert_int_equal(wire_datagram_parse(bytes, length, &datagram), WIRE_UDP);
    assert_true(wire_datagram_decrement_ttl(&datagram));
    assert_false(wire_datagram_decrement_ttl(&datagram));
    assert_int_equal(bytes[8], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_there),      cmocka_unit_test(truncated_is_refused), cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(rewriting_keeps_checksums_right), cmocka_unit_test(corruption_stays_visible), cmocka_unit_test(no_checksum_stays_none),
        cmocka_unit_test(life_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
