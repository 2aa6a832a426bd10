#include "test_ice.h"

/* RFC 8445 section 5.1.2.1 */
static void priority_formula(void **state) {
    (void)state;
    assert_int_equal(ice_candidate_priority(ICE_CANDIDATE_HOST, 65535, 1), 2130706431u); /* the well-known value of browsers */
    assert_int_equal(ice_candidate_priority(ICE_CANDIDATE_HOST, 65535, 256), 2130706176u);
    assert_int_equal(ice_candidate_priority(ICE_CANDIDATE_HOST, 0, 1), (126u << 24) + 255u);
    assert_int_equal(ice_candidate_priority(ICE_CANDIDATE_SERVER_REFLEXIVE, 65535, 1), 1694498815u);
    assert_int_equal(ice_candidate_priority(ICE_CANDIDATE_PEER_REFLEXIVE, 65535, 1), (110u << 24) + (65535u << 8) + 255u);
    assert_int_equal(ice_candidate_priority(ICE_CANDIDATE_RELAYED, 65535, 1), 16777215u);
}

/* RFC 8445 section 5.1.2.2: prflx above srflx, relay last; section 5.1.2: within 1 .. 2^31 - 1 */
static void priority_order(void **state) {
    (void)state;
    for (unsigned preference = 0; preference <= 65535; preference += 257) {
        uint32_t host = ice_candidate_priority(ICE_CANDIDATE_HOST, (uint16_t)preference, 1);
        uint32_t prflx = ice_candidate_priority(ICE_CANDIDATE_PEER_REFLEXIVE, (uint16_t)preference, 1);
        uint32_t srflx = ice_candidate_priority(ICE_CANDIDATE_SERVER_REFLEXIVE, (uint16_t)preference, 1);
        uint32_t relay = ice_candidate_priority(ICE_CANDIDATE_RELAYED, (uint16_t)preference, 1);
        assert_true(host > prflx && prflx > srflx && srflx > relay && relay >= 1 && host <= INT32_MAX);
    }
}

static void names(void **state) {
    (void)state;
    assert_string_equal(ice_candidate_type_name(ICE_CANDIDATE_HOST), "host");
    assert_string_equal(ice_candidate_type_name(ICE_CANDIDATE_SERVER_REFLEXIVE), "srflx");
    assert_string_equal(ice_candidate_type_name(ICE_CANDIDATE_PEER_REFLEXIVE), "prflx");
    assert_string_equal(ice_candidate_type_name(ICE_CANDIDATE_RELAYED), "relay");
}

/* RFC 8421 section 4: IPv6 first, families in proportion, all preferences different */
static void preferences_alternate_families(void **state) {
    (void)state;
    struct ice_interface interfaces[6] = {{.base = ip("192.0.2.1", 1), .preference = 0}, {.base = ip("192.0.2.2", 1), .preference = 0},
                                          {.base = ip("192.0.2.3", 1), .preference = 0},
                                          {.base = ip("192.0.2.4", 1), .preference = 0}, {.base = ip("2001:db8::1", 1), .preference = 0}, {.base = ip("2001:db8::2", 1), .preference = 0}};
    ice_interfaces_set_preferences(interfaces, 6);
    assert_int_equal(interfaces[4].preference, 65535);
    assert_true(interfaces[0].preference > interfaces[5].preference); /* the second IPv6 is not before the first IPv4 */
    assert_true(interfaces[5].preference > interfaces[3].preference); /* nor after the last */
    assert_true(interfaces[0].preference > interfaces[1].preference);
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(interfaces[i].preference, interfaces[j].preference);
}

static void preferences_of_one_family(void **state) {
    (void)state;
    struct ice_interface interfaces[3] = {{.base = ip("192.0.2.1", 1), .preference = 0}, {.base = ip("192.0.2.2", 1), .preference = 0},
                                          {.base = ip("192.0.2.3", 1), .preference = 0}};
    ice_interfaces_set_preferences(interfaces, 3);
    assert_int_equal(interfaces[0].preference, 65535); /* RFC 8445 section 5.1.2.1, SHOULD: a single address has 65535 */
    assert_int_equal(interfaces[1].preference, 65534);
    assert_int_equal(interfaces[2].preference, 65533);
    ice_interfaces_set_preferences(interfaces, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priority_formula), cmocka_unit_test(priority_order), cmocka_unit_test(names),
        cmocka_unit_test(preferences_alternate_families), cmocka_unit_test(preferences_of_one_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
