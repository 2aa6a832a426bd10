/* The words for NATs, what follows for two of them, and what discovery believes. The nine kinds themselves are in test/sim/test_nat_discovery.c. */
#include "test_ice.h"

#include <stdlib.h>
#include <string.h>

#include "ice/nat_behaviour.h"
#include "stun/integrity.h"

static void count_up(void *context, uint8_t *out, size_t length) {
    uint8_t *next = context;
    for (size_t i = 0; i < length; i++)
        out[i] = (*next)++;
}

static struct ice_nat_discovery *make(const struct stun_address *servers, size_t count, uint8_t *seed) {
    struct ice_nat_discovery_config config = {.base = ip("192.0.2.1", 5000), .servers = servers, .server_count = count, .random = count_up, .random_context = seed};
    return ice_nat_discovery_new(&config, 1000);
}

static void words(void **state) {
    (void)state;
    char text[ICE_NAT_TEXT_BYTES];
    struct ice_nat_behaviour behaviour = {.presence = ICE_NAT_PRESENT, .mapping = ICE_NAT_ENDPOINT_INDEPENDENT, .filtering = ICE_NAT_ADDRESS_AND_PORT_DEPENDENT};
    assert_true(ice_nat_behaviour_write(&behaviour, text, sizeof text) > 0);
    assert_string_equal(text, "endpoint-independent mapping, address-and-port-dependent filtering");
    size_t needed = strlen(text) + 1;
    assert_int_equal(ice_nat_behaviour_write(&behaviour, text, needed), needed - 1);
    assert_int_equal(ice_nat_behaviour_write(&behaviour, text, needed - 1), 0);
    behaviour.presence = ICE_NAT_ABSENT;
    assert_true(ice_nat_behaviour_write(&behaviour, text, sizeof text) > 0);
    assert_string_equal(text, "no NAT, address-and-port-dependent filtering");
    for (int presence = ICE_NAT_PRESENCE_UNKNOWN; presence <= ICE_NAT_UDP_BLOCKED; presence++)
        for (int mapping = ICE_NAT_UNKNOWN; mapping <= ICE_NAT_DEPENDENT; mapping++)
            for (int filtering = ICE_NAT_UNKNOWN; filtering <= ICE_NAT_DEPENDENT; filtering++) {
                behaviour = (struct ice_nat_behaviour){.presence = (enum ice_nat_presence)presence, .mapping = (enum ice_nat_dependence)mapping,
                                                       .filtering = (enum ice_nat_dependence)filtering};
                assert_true(ice_nat_behaviour_write(&behaviour, text, sizeof text) > 0);
            }
}

/* What is not known is not promised; what is known to fail is said to, whatever else is unknown. */
static void crossing_with_gaps(void **state) {
    (void)state;
    struct ice_nat_behaviour unknown = {0};
    struct ice_nat_behaviour open = {.presence = ICE_NAT_ABSENT, .filtering = ICE_NAT_ENDPOINT_INDEPENDENT};
    struct ice_nat_behaviour cone = {.presence = ICE_NAT_PRESENT, .mapping = ICE_NAT_ENDPOINT_INDEPENDENT};
    struct ice_nat_behaviour some = {.presence = ICE_NAT_PRESENT, .mapping = ICE_NAT_DEPENDENT};
    struct ice_nat_behaviour symmetric = {.presence = ICE_NAT_PRESENT, .mapping = ICE_NAT_ADDRESS_AND_PORT_DEPENDENT, .filtering = ICE_NAT_ADDRESS_AND_PORT_DEPENDENT};
    struct ice_nat_behaviour blocked = {.presence = ICE_NAT_UDP_BLOCKED};
    assert_int_equal(ice_nat_crossing(&unknown, &open), ICE_NAT_CROSSING_UNKNOWN);
    assert_int_equal(ice_nat_crossing(&cone, &cone), ICE_NAT_CROSSING_DIRECT);
    assert_int_equal(ice_nat_crossing(&cone, &some), ICE_NAT_CROSSING_UNKNOWN);
    assert_int_equal(ice_nat_crossing(&open, &some), ICE_NAT_CROSSING_DIRECT);
    assert_int_equal(ice_nat_crossing(&open, &symmetric), ICE_NAT_CROSSING_DIRECT);
    assert_int_equal(ice_nat_crossing(&some, &symmetric), ICE_NAT_CROSSING_NEEDS_RELAY);
    assert_int_equal(ice_nat_crossing(&symmetric, &symmetric), ICE_NAT_CROSSING_NEEDS_RELAY);
    assert_int_equal(ice_nat_crossing(&unknown, &blocked), ICE_NAT_CROSSING_NEEDS_RELAY);
    assert_int_equal(ice_nat_crossing(&blocked, &open), ICE_NAT_CROSSING_NEEDS_RELAY);
}

static void limits(void **state) {
    (void)state;
    uint8_t seed = 0;
    struct stun_address servers[ICE_NAT_SERVER_MAX + 1];
    for (size_t i = 0; i <= ICE_NAT_SERVER_MAX; i++)
        servers[i] = ip("203.0.113.1", (uint16_t)(3478 + i));
    assert_null(make(servers, 0, &seed));
    assert_null(make(NULL, 1, &seed));
    const size_t good[] = {1, ICE_NAT_SERVER_MAX - 1, ICE_NAT_SERVER_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct ice_nat_discovery *discovery = make(servers, good[i], &seed);
        assert_non_null(discovery);
        ice_nat_discovery_free(discovery);
    }
    assert_null(make(servers, ICE_NAT_SERVER_MAX + 1, &seed));
    servers[0] = ip("2001:db8::1", 3478); /* of another family than the base */
    assert_null(make(servers, 1, &seed));
    servers[0] = ip("203.0.113.1", 0);
    assert_null(make(servers, 1, &seed));
    ice_nat_discovery_free(NULL);
}

struct asked {
    uint8_t request[ICE_DATAGRAM_MAX_BYTES];
    struct ice_transmit transmit;
    struct stun_message message;
};

static void poll_request(struct ice_nat_discovery *discovery, uint64_t now_us, struct asked *out) {
    assert_true(ice_nat_discovery_poll_transmit(discovery, now_us, out->request, sizeof out->request, &out->transmit));
    assert_int_equal(stun_message_parse(out->request, out->transmit.length, &out->message), STUN_OK);
}

static size_t answer(const struct asked *asked, enum stun_class class_, const struct stun_address *mapped, uint8_t *out, size_t capacity) {
    struct stun_writer writer;
    stun_writer_begin(&writer, out, capacity, class_, STUN_METHOD_BINDING, asked->message.transaction_id);
    if (mapped)
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, mapped);
    int length = stun_writer_finish(&writer);
    assert_true(length > 0);
    return (size_t)length;
}

/* RFC 8489 section 6.3: what does not belong to a request of ours, or is cut short, changes nothing. */
static void only_answers_count(void **state) {
    (void)state;
    uint8_t seed = 0, bytes[256];
    struct stun_address server = ip("203.0.113.1", 3478), mapped = ip("198.51.100.1", 7000), stranger = ip("203.0.113.66", 3478);
    struct ice_nat_discovery *discovery = make(&server, 1, &seed);
    struct asked asked;
    poll_request(discovery, 1000, &asked);
    assert_true(stun_address_equal(&asked.transmit.path.remote, &server));
    assert_int_equal(stun_message_check_fingerprint(&asked.message), STUN_OK);
    size_t length = answer(&asked, STUN_CLASS_SUCCESS_RESPONSE, &mapped, bytes, sizeof bytes);
    struct ice_path path = asked.transmit.path, elsewhere = path;
    elsewhere.remote = stranger;
    assert_int_equal(ice_nat_discovery_handle_datagram(discovery, 2000, &elsewhere, bytes, length), ICE_ERROR_UNAUTHENTIC);
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *copy = malloc(cut + 1); /* its own piece, so that a read beyond it is seen */
        memcpy(copy, bytes, cut);
        assert_int_not_equal(ice_nat_discovery_handle_datagram(discovery, 2000, &path, copy, cut), ICE_OK);
        free(copy);
    }
    bytes[8] ^= 1;
    assert_int_equal(ice_nat_discovery_handle_datagram(discovery, 2000, &path, bytes, length), ICE_ERROR_UNAUTHENTIC);
    bytes[8] ^= 1;
    struct ice_nat_behaviour found;
    ice_nat_discovery_result(discovery, &found);
    assert_int_equal(found.presence, ICE_NAT_PRESENCE_UNKNOWN);
    assert_int_equal(ice_nat_discovery_handle_datagram(discovery, 2000, &path, bytes, length), ICE_OK);
    assert_int_equal(ice_nat_discovery_handle_datagram(discovery, 2000, &path, bytes, length), ICE_ERROR_UNAUTHENTIC); /* again */
    ice_nat_discovery_result(discovery, &found);
    assert_int_equal(found.presence, ICE_NAT_PRESENT);
    assert_true(stun_address_equal(&found.mapped, &mapped));
    /* The request to our own mapped address comes next; its echo by anybody as an answer is not a hairpin. */
    poll_request(discovery, 3000, &asked);
    assert_true(stun_address_equal(&asked.transmit.path.remote, &mapped));
    length = answer(&asked, STUN_CLASS_SUCCESS_RESPONSE, &mapped, bytes, sizeof bytes);
    assert_int_equal(ice_nat_discovery_handle_datagram(discovery, 3000, &path, bytes, length), ICE_ERROR_UNAUTHENTIC);
    assert_false(ice_nat_discovery_is_done(discovery));
    ice_nat_discovery_free(discovery);
}

/* Sent three times, given up after ICE_NAT_ROUND_US; early calls do nothing. */
static void silence(void **state) {
    (void)state;
    uint8_t seed = 0;
    struct stun_address server = ip("203.0.113.1", 3478);
    struct ice_nat_discovery *discovery = make(&server, 1, &seed);
    struct asked asked;
    unsigned sent = 0;
    uint64_t now_us = 1000;
    while (!ice_nat_discovery_is_done(discovery)) {
        ice_nat_discovery_handle_timeout(discovery, now_us);
        while (ice_nat_discovery_poll_transmit(discovery, now_us, asked.request, sizeof asked.request, &asked.transmit))
            sent++;
        assert_false(ice_nat_discovery_poll_transmit(discovery, now_us, asked.request, ICE_DATAGRAM_MAX_BYTES - 1, &asked.transmit));
        uint64_t next_us = ice_nat_discovery_next_timeout(discovery);
        if (next_us == UINT64_MAX)
            break;
        assert_true(next_us > now_us);
        now_us = next_us;
    }
    assert_int_equal(sent, 3);
    assert_true(ice_nat_discovery_is_done(discovery));
    assert_int_equal(now_us, 1000 + ICE_NAT_ROUND_US);
    struct ice_nat_behaviour found;
    ice_nat_discovery_result(discovery, &found);
    assert_int_equal(found.presence, ICE_NAT_UDP_BLOCKED);
    ice_nat_discovery_free(discovery);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),  cmocka_unit_test(crossing_with_gaps), cmocka_unit_test(limits), cmocka_unit_test(only_answers_count),
        cmocka_unit_test(silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
