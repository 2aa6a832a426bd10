#include "test_ice.h"

static struct scripted_peer peer;

static const struct stun_address none;

/* security.md row 9: no check goes to an address that cannot be a peer */
static void forbidden_addresses(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool usable;
    } cases[] = {
        {"0.0.0.0", false}, {"0.1.2.3", false}, {"224.0.0.1", false}, {"239.255.255.255", false}, {"240.0.0.1", false},
        {"255.255.255.255", false}, {"::", false}, {"ff02::1", false}, {"ff0e::1", false}, {"::ffff:127.0.0.1", false},
        {"::ffff:192.0.2.1", false}, {"::192.0.2.1", false}, {"::2", false},
        {"192.0.2.1", true}, {"10.0.0.1", true}, {"127.0.0.1", true}, {"169.254.1.1", true}, {"223.255.255.255", true},
        {"2001:db8::1", true}, {"::1", true}, {"fe80::1", true}, {"fd00::1", true}, {"64:ff9b::192.0.2.1", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stun_address address = ip(cases[i].text, 5000);
        assert_int_equal(ice_address_is_usable(&address), cases[i].usable);
        address.port = 0;
        assert_false(ice_address_is_usable(&address));
    }
    assert_false(ice_address_is_usable(&none));
    struct stun_address strange = ip("192.0.2.1", 5000);
    strange.family = 7;
    assert_false(ice_address_is_usable(&strange));
}

static void forbidden_candidates_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint16_t port;
        int result;
    } cases[] = {
        {"198.51.100.1", 6000, ICE_OK}, {"198.51.100.1", 443, ICE_OK}, {"198.51.100.1", 80, ICE_OK}, {"198.51.100.1", 1024, ICE_OK},
        {"198.51.100.1", 0, ICE_ERROR_ARGUMENT}, {"198.51.100.1", 19, ICE_ERROR_ARGUMENT}, {"198.51.100.1", 53, ICE_ERROR_ARGUMENT},
        {"198.51.100.1", 1023, ICE_ERROR_ARGUMENT}, {"0.0.0.0", 6000, ICE_ERROR_ARGUMENT}, {"224.0.0.251", 5353, ICE_ERROR_ARGUMENT},
        {"255.255.255.255", 6000, ICE_ERROR_ARGUMENT}, {"::ffff:127.0.0.1", 6000, ICE_ERROR_ARGUMENT}, {"ff02::fb", 5353, ICE_ERROR_ARGUMENT},
    };
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stun_address address = ip(cases[i].text, cases[i].port);
        assert_int_equal(scripted_candidate(&peer, &address, 2130706431, "1"), cases[i].result);
    }
    assert_int_equal(ice_agent_pair_count(peer.agent), 4);
    /* 127.0.0.1 is a fine candidate, for an agent that is on the loopback itself. */
    struct stun_address loopback = ip("127.0.0.1", 6000);
    assert_int_equal(scripted_candidate(&peer, &loopback, 2130706431, "1"), ICE_OK);
    assert_int_equal(ice_agent_pair_count(peer.agent), 4);
    scripted_close(&peer);
}

/* RFC 8445 section 6.1.2.2 */
static void which_addresses_pair(void **state) {
    (void)state;
    static const struct {
        const char *base, *remote;
        bool pairs;
    } cases[] = {
        {"192.0.2.1", "198.51.100.1", true}, {"192.0.2.1", "2001:db8::1", false}, {"2001:db8::1", "2001:db8::2", true},
        {"fe80::1", "fe80::2", true}, {"fe80::1", "2001:db8::2", false}, {"2001:db8::1", "fe80::2", false},
        {"127.0.0.1", "127.0.0.1", true}, {"192.0.2.1", "127.0.0.1", false}, {"127.0.0.1", "192.0.2.1", false}, {"::1", "::1", true},
        {"2001:db8::1", "::1", false}, {"febf::1", "fe80::1", true}, {"fec0::1", "fe80::1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stun_address base = ip(cases[i].base, 5000), remote = ip(cases[i].remote, 6000);
        assert_int_equal(ice_addresses_can_pair(&base, &remote), cases[i].pairs);
    }
}

/* RFC 8445 section 5.1.1.3 */
static void foundations(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    struct stun_address a = ip("192.0.2.1", 5000), a2 = ip("192.0.2.1", 5001), b = ip("192.0.2.2", 5000);
    struct stun_address mapped = ip("203.0.113.1", 7000), mapped2 = ip("203.0.113.1", 7001), mapped3 = ip("203.0.113.1", 7002);
    struct stun_address server = ip("198.51.100.9", 3478), same_server = ip("198.51.100.9", 3479), other_server = ip("198.51.100.10", 3478);
    const struct ice_local *locals = peer.agent->locals;
    uint16_t host = ice_local_add(peer.agent, ICE_CANDIDATE_HOST, &a, &a, &none, 65535);
    uint16_t same_ip = ice_local_add(peer.agent, ICE_CANDIDATE_HOST, &a2, &a2, &none, 65534);
    uint16_t other_ip = ice_local_add(peer.agent, ICE_CANDIDATE_HOST, &b, &b, &none, 65533);
    uint16_t srflx = ice_local_add(peer.agent, ICE_CANDIDATE_SERVER_REFLEXIVE, &mapped, &a, &server, 65535);
    uint16_t srflx_same = ice_local_add(peer.agent, ICE_CANDIDATE_SERVER_REFLEXIVE, &mapped2, &a2, &same_server, 65534);
    uint16_t srflx_other = ice_local_add(peer.agent, ICE_CANDIDATE_SERVER_REFLEXIVE, &mapped3, &a, &other_server, 65535);
    assert_int_equal(locals[host].foundation, locals[same_ip].foundation);
    assert_int_not_equal(locals[host].foundation, locals[other_ip].foundation);
    assert_int_not_equal(locals[host].foundation, locals[srflx].foundation);
    assert_int_equal(locals[srflx].foundation, locals[srflx_same].foundation);
    assert_int_not_equal(locals[srflx].foundation, locals[srflx_other].foundation);
    /* RFC 8445 section 5.1.2.1: one type, no preference twice, even if the caller gave it twice */
    assert_int_not_equal(locals[srflx].priority, locals[srflx_other].priority);
    scripted_close(&peer);
}

/* RFC 8445 section 5.1.3 */
static void redundant_candidates(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    struct stun_address a = ip("192.0.2.1", 5000), b = ip("192.0.2.2", 5000), server = ip("198.51.100.9", 3478);
    uint16_t host = ice_local_add(peer.agent, ICE_CANDIDATE_HOST, &a, &a, &none, 65535);
    assert_int_equal(ice_local_add(peer.agent, ICE_CANDIDATE_SERVER_REFLEXIVE, &a, &a, &server, 65535), host); /* no NAT */
    assert_int_not_equal(ice_local_add(peer.agent, ICE_CANDIDATE_SERVER_REFLEXIVE, &a, &b, &server, 65535), host); /* another base */
    assert_int_equal(peer.agent->local_count, 2);
    scripted_close(&peer);
}

static void local_limit(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    for (unsigned i = 0; i < ICE_LOCAL_CANDIDATE_MAX; i++) {
        struct stun_address address = ip("192.0.2.1", (uint16_t)(5000 + i));
        assert_int_equal(ice_local_add(peer.agent, ICE_CANDIDATE_HOST, &address, &address, &none, 65535), i);
        assert_int_equal(peer.agent->statistics.capacity_refused, 0);
    }
    struct stun_address address = ip("192.0.2.1", 4000);
    assert_int_equal(ice_local_add(peer.agent, ICE_CANDIDATE_HOST, &address, &address, &none, 65535), ICE_NONE);
    assert_int_equal(peer.agent->statistics.capacity_refused, 1);
    for (size_t i = 0; i < ICE_LOCAL_CANDIDATE_MAX; i++) /* all distinct */
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(peer.agent->locals[i].priority, peer.agent->locals[j].priority);
    scripted_close(&peer);
}

/* ICE_REMOTE_CANDIDATE_MAX at -1, 0, +1; a duplicate is no candidate */
static void remote_limit(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_gather(&peer);
    for (unsigned i = 0; i < ICE_REMOTE_CANDIDATE_MAX; i++) {
        struct stun_address address = ip("198.51.100.1", (uint16_t)(6000 + i));
        assert_int_equal(scripted_candidate(&peer, &address, 2130706431 - i, "1"), ICE_OK);
        assert_int_equal(scripted_candidate(&peer, &address, 2130706431 - i, "1"), ICE_OK);
    }
    struct stun_address address = ip("198.51.100.2", 6000);
    assert_int_equal(scripted_candidate(&peer, &address, 1, "1"), ICE_ERROR_CAPACITY);
    assert_int_equal(ice_agent_pair_count(peer.agent), ICE_REMOTE_CANDIDATE_MAX);
    struct ice_statistics statistics;
    ice_agent_statistics(peer.agent, &statistics);
    assert_int_equal(statistics.capacity_refused, 1);
    scripted_close(&peer);
}

/* Peer-reflexive ones have room of their own, and a limit of their own: RFC 8445 section 19.5.1 */
static void peer_reflexive_limit(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    for (unsigned i = 0; i < ICE_REMOTE_CANDIDATE_MAX; i++) {
        struct stun_address address = ip("198.51.100.1", (uint16_t)(6000 + i));
        assert_int_equal(scripted_candidate(&peer, &address, 2130706431 - i, "1"), ICE_OK);
    }
    for (unsigned i = 0; i < ICE_REMOTE_PEER_REFLEXIVE_MAX + 5; i++) {
        struct stun_address from = ip("203.0.113.5", (uint16_t)(7000 + i));
        struct request request = {.role = ICE_ROLE_CONTROLLING, .id = {(uint8_t)i}};
        assert_int_equal(scripted_request(&peer, &request, &(struct wrong){.from = &from}), ICE_OK);
        /* Beyond the limit there is no pair for it, and so no answer that would promise one. */
        bool answered = scripted_poll(&peer, &sent) && sent.message.class_ == STUN_CLASS_SUCCESS_RESPONSE;
        assert_int_equal(answered, i < ICE_REMOTE_PEER_REFLEXIVE_MAX);
        scripted_drop_all(&peer);
    }
    assert_int_equal(peer.agent->generations[0].remote_peer_reflexive_count, ICE_REMOTE_PEER_REFLEXIVE_MAX);
    assert_int_equal(peer.agent->remote_count, ICE_REMOTE_CANDIDATE_MAX + ICE_REMOTE_PEER_REFLEXIVE_MAX);
    assert_int_equal(peer.agent->statistics.capacity_refused, 5);
    scripted_close(&peer);
}

/* RFC 8445 section 7.3.1.3: what the signaling says of a peer-reflexive candidate replaces what was guessed */
static void signaled_after_learned(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    struct request request = {.role = ICE_ROLE_CONTROLLING};
    assert_int_equal(scripted_request(&peer, &request, NULL), ICE_OK);
    assert_int_equal(scripted_pair(&peer, 0).remote->type, ICE_CANDIDATE_PEER_REFLEXIVE);
    uint64_t before = scripted_pair(&peer, 0).priority;
    assert_int_equal(scripted_candidate(&peer, &peer.address, 2130706431, "abc"), ICE_OK);
    assert_int_equal(ice_agent_pair_count(peer.agent), 1);
    assert_int_equal(scripted_pair(&peer, 0).remote->type, ICE_CANDIDATE_HOST);
    assert_string_equal(scripted_pair(&peer, 0).remote->foundation, "abc");
    assert_true(scripted_pair(&peer, 0).priority > before);
    assert_int_equal(peer.agent->generations[0].remote_peer_reflexive_count, 0); /* its place is free again */
    scripted_close(&peer);
}

static void not_supported(void **state) {
    (void)state;
    struct ice_candidate candidate;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    static const char tcp[] = "candidate:1 1 tcp 1015021823 192.168.1.4 9 typ host tcptype active";
    static const char name[] = "candidate:1 1 udp 2113937151 abc.local 50021 typ host";
    static const char rtcp[] = "candidate:1 2 udp 2113937150 198.51.100.1 50021 typ host";
    assert_int_equal(ice_candidate_parse(tcp, strlen(tcp), &candidate, NULL), ICE_OK);
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_ERROR_NOT_SUPPORTED);
    assert_int_equal(ice_candidate_parse(name, strlen(name), &candidate, NULL), ICE_OK);
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_ERROR_NOT_SUPPORTED);
    assert_int_equal(peer.agent->statistics.candidates_not_supported, 2);
    assert_int_equal(ice_candidate_parse(rtcp, strlen(rtcp), &candidate, NULL), ICE_OK);
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_OK);
    assert_int_equal(peer.agent->remote_count, 0);
    memset(candidate.ufrag, 'x', sizeof candidate.ufrag); /* not terminated */
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, NULL), ICE_ERROR_ARGUMENT);
    scripted_close(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_addresses), cmocka_unit_test(forbidden_candidates_are_refused), cmocka_unit_test(which_addresses_pair),
        cmocka_unit_test(foundations), cmocka_unit_test(redundant_candidates), cmocka_unit_test(local_limit), cmocka_unit_test(remote_limit),
        cmocka_unit_test(peer_reflexive_limit), cmocka_unit_test(signaled_after_learned), cmocka_unit_test(not_supported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
