/* The state cookie and its MAC: RFC 9260 sections 5.1.3 and 5.1.5; the vectors are those that SipHash was published with. */
#include "test_sctp.h"

#include "sctp/cookie_internal.h"

/* vectors_sip128 of the reference implementation: key 00..0f, message 00..(n-1). */
static void siphash_vectors(void **state) {
    (void)state;
    static const struct {
        size_t length;
        uint8_t expected[16];
    } vectors[] = {
        {0, {0xA3, 0x81, 0x7F, 0x04, 0xBA, 0x25, 0xA8, 0xE6, 0x6D, 0xF6, 0x72, 0x14, 0xC7, 0x55, 0x02, 0x93}},
        {1, {0xDA, 0x87, 0xC1, 0xD8, 0x6B, 0x99, 0xAF, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9B, 0x22, 0xFC, 0x45}},
        {2, {0x81, 0x77, 0x22, 0x8D, 0xA4, 0xA4, 0x5D, 0xC7, 0xFC, 0xA3, 0x8B, 0xDE, 0xF6, 0x0A, 0xFF, 0xE4}},
    };
    uint8_t key[16], message[64], out[16];
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)i;
    memcpy(key, message, sizeof key);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        sctp_siphash(key, message, vectors[i].length, out);
        assert_memory_equal(out, vectors[i].expected, sizeof out);
    }
}

static struct sctp_cookie sample(void) {
    return (struct sctp_cookie){UINT64_C(0x0123456789), 1, 2, 3, 4, 5, 6, 7, 8, 9, true, false, true, true};
}

static void opens_what_it_sealed(void **state) {
    (void)state;
    struct sctp_cookie_key key = {{1, 2, 3}};
    struct sctp_cookie cookie = sample(), opened;
    uint8_t bytes[SCTP_COOKIE_BYTES];
    sctp_cookie_seal(&cookie, &key, bytes);
    assert_true(sctp_cookie_open(bytes, sizeof bytes, &key, &opened));
    assert_true(opened.made_us == cookie.made_us && opened.own_tag == 1 && opened.peer_tag == 2 && opened.own_tie_tag == 3 && opened.peer_tie_tag == 4);
    assert_true(opened.own_initial_tsn == 5 && opened.peer_initial_tsn == 6 && opened.peer_window == 7);
    assert_true(opened.outbound_streams == 8 && opened.inbound_streams == 9);
    assert_true(opened.is_interleaved && !opened.can_forward && opened.can_reset && opened.is_without_checksum);
}

/* RFC 9260 section 5.1.5: each bit flipped, each length cut, another key. */
static void refuses_every_other(void **state) {
    (void)state;
    struct sctp_cookie_key key = {{9}}, other = {{8}};
    struct sctp_cookie cookie = sample(), opened;
    uint8_t bytes[SCTP_COOKIE_BYTES + 4] = {0};
    sctp_cookie_seal(&cookie, &key, bytes);
    for (size_t bit = 0; bit < SCTP_COOKIE_BYTES * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(sctp_cookie_open(bytes, SCTP_COOKIE_BYTES, &key, &opened));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t length = 0; length <= sizeof bytes; length++)
        assert_int_equal(sctp_cookie_open(bytes, length, &key, &opened), length == SCTP_COOKIE_BYTES);
    assert_false(sctp_cookie_open(bytes, SCTP_COOKIE_BYTES, &other, &opened));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(siphash_vectors), cmocka_unit_test(opens_what_it_sealed), cmocka_unit_test(refuses_every_other)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
