#include "test_ice.h"

static struct scripted_peer peer;

/* ---- what we send ----------------------------------------------------------------------------------------------------------------- */

/* RFC 8445 sections 7.1.1 to 7.1.3, 7.2.2, 7.2.4 */
static void request_form(void **state) {
    (void)state;
    for (int role = 0; role < 2; role++) {
        struct sent sent;
        struct stun_attribute attribute;
        scripted_open(&peer, (enum ice_role)role, NULL);
        scripted_start(&peer);
        assert_true(scripted_poll_request(&peer, &sent));
        assert_int_equal(sent.message.method, STUN_METHOD_BINDING);
        char expected[64];
        int length = snprintf(expected, sizeof expected, PEER_UFRAG ":%s", ice_agent_local_ufrag(peer.agent));
        assert_true(stun_message_find(&sent.message, STUN_ATTRIBUTE_USERNAME, &attribute));
        assert_int_equal(attribute.length, length);
        assert_memory_equal(attribute.value, expected, attribute.length);
        assert_int_equal(stun_message_check_integrity(&sent.message, peer.peer_key), STUN_OK);
        assert_int_equal(stun_message_check_fingerprint(&sent.message), STUN_OK);
        uint32_t priority;
        assert_int_equal(stun_message_read_u32(&sent.message, STUN_ATTRIBUTE_PRIORITY, &priority), STUN_OK);
        assert_int_equal(priority, ice_candidate_priority(ICE_CANDIDATE_PEER_REFLEXIVE, 65535, 1));
        assert_int_equal(sent_has(&sent, STUN_ATTRIBUTE_ICE_CONTROLLING), role == ICE_ROLE_CONTROLLING);
        assert_int_equal(sent_has(&sent, STUN_ATTRIBUTE_ICE_CONTROLLED), role == ICE_ROLE_CONTROLLED);
        assert_false(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
        assert_true(stun_address_equal(&sent.path.local, &peer.base));
        assert_true(stun_address_equal(&sent.path.remote, &peer.address));
        /* a retransmission is the same message */
        struct sent again;
        peer.now_us += 500 * MS;
        assert_true(scripted_poll_request(&peer, &again));
        assert_int_equal(again.length, sent.length);
        assert_memory_equal(again.bytes, sent.bytes, sent.length);
        scripted_close(&peer);
    }
}

/* RFC 8445 sections 7.2.2 and 7.3.1.2: the response has the mapped address, our integrity, no USERNAME */
static void response_form(void **state) {
    (void)state;
    struct sent sent;
    struct stun_address mapped, from = ip("203.0.113.77", 40000);
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    struct request request = {.role = ICE_ROLE_CONTROLLING, .id = {1, 2, 3}};
    assert_int_equal(scripted_request(&peer, &request, &(struct wrong){.from = &from}), ICE_OK);
    assert_true(scripted_poll(&peer, &sent));
    assert_int_equal(sent.message.class_, STUN_CLASS_SUCCESS_RESPONSE);
    assert_memory_equal(sent.message.transaction_id, request.id, STUN_TRANSACTION_ID_BYTES);
    assert_int_equal(stun_message_read_xor_address(&sent.message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &mapped), STUN_OK);
    assert_true(stun_address_equal(&mapped, &from));
    assert_false(sent_has(&sent, STUN_ATTRIBUTE_USERNAME));
    assert_int_equal(stun_message_check_integrity(&sent.message, peer.agent_key), STUN_OK);
    assert_int_equal(stun_message_check_fingerprint(&sent.message), STUN_OK);
    assert_true(stun_address_equal(&sent.path.remote, &from));
    assert_true(stun_address_equal(&sent.path.local, &peer.base));
    assert_false(scripted_poll(&peer, &sent));
    scripted_close(&peer);
}

/* ---- requests received --------------------------------------------------------------------------------------------------------------- */

/* What an attacker could want to have changed. */
struct snapshot {
    struct ice_statistics statistics;
    struct ice_pair_statistics pair;
    size_t pairs, locals;
    uint64_t next_us;
};

static struct snapshot look(void) {
    struct snapshot now = {.pairs = ice_agent_pair_count(peer.agent), .locals = ice_agent_local_candidate_count(peer.agent),
                           .next_us = ice_agent_next_timeout(peer.agent)};
    ice_agent_statistics(peer.agent, &now.statistics);
    if (now.pairs > 0)
        now.pair = scripted_pair(&peer, 0);
    now.statistics.datagrams_received = now.statistics.unauthentic_dropped = now.statistics.malformed_dropped = now.statistics.unmatched_dropped = 0;
    now.pair.local = now.pair.remote = NULL;
    return now;
}

static void assert_unchanged(const struct snapshot *before) {
    struct snapshot now = look();
    assert_memory_equal(&now.statistics, &before->statistics, sizeof now.statistics);
    assert_int_equal(now.pair.state, before->pair.state);
    assert_int_equal(now.pair.nominated, before->pair.nominated);
    assert_true(now.pair.priority == before->pair.priority && now.pair.responses_received == before->pair.responses_received &&
                now.pair.requests_received == before->pair.requests_received);
    assert_int_equal(now.pair.last_error_code, before->pair.last_error_code);
    assert_int_equal(now.pairs, before->pairs);
    assert_int_equal(now.locals, before->locals);
    assert_true(now.next_us == before->next_us);
}

/* RFC 8445 section 7.3, RFC 8489 section 9.1.3, security.md rows 10 and 43: what is not signed is not answered and does nothing */
static void unauthentic_requests(void **state) {
    (void)state;
    struct stun_key *other = stun_key_new_short_term((const uint8_t *)"attackerattackerattacker", 24);
    struct stun_address attacker = ip("203.0.113.66", 6666);
    const struct wrong cases[] = {
        {.no_username = true}, {.no_integrity = true}, {.no_fingerprint = true}, {.bad_fingerprint = true}, {.key = other},
        {.key = other, .from = &attacker}, {.no_integrity = true, .from = &attacker}, {.username = "x"}, {.username = "evil:peer"},
    };
    for (int phase = 0; phase < 3; phase++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct sent sent;
            scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
            if (phase == 0)
                scripted_gather(&peer);
            else
                scripted_start(&peer);
            if (phase == 2) { /* valid, waiting for the nomination that the attacker would like to be */
                assert_true(scripted_poll_request(&peer, &sent));
                assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
            }
            scripted_drop_all(&peer);
            struct snapshot before = look();
            struct request request = {.role = ICE_ROLE_CONTROLLING, .tie_breaker = UINT64_MAX, .use_candidate = true};
            assert_int_equal(scripted_request(&peer, &request, &cases[i]), ICE_ERROR_UNAUTHENTIC);
            assert_unchanged(&before);
            assert_false(scripted_poll(&peer, &sent));
            assert_int_equal(peer.agent->statistics.unauthentic_dropped, 1);
            scripted_close(&peer);
        }
    }
    stun_key_free(other);
}

/* A check cut short at every length, and with every single bit flipped: never accepted */
static void truncations_and_bit_flips(void **state) {
    (void)state;
    uint8_t good[ICE_DATAGRAM_MAX_BYTES], bytes[ICE_DATAGRAM_MAX_BYTES];
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    scripted_drop_all(&peer);
    struct request request = {.role = ICE_ROLE_CONTROLLING, .use_candidate = true};
    size_t length = scripted_build_request(&peer, &request, NULL, good, sizeof good);
    struct ice_path path = {.local = peer.base, .remote = peer.address};
    struct snapshot before = look();
    for (size_t n = 0; n < length; n++) {
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, good, n);
        assert_int_not_equal(ice_agent_handle_datagram(peer.agent, peer.now_us, &path, copy, n), ICE_OK);
        free(copy);
    }
    for (size_t bit = 0; bit < length * 8; bit++) {
        memcpy(bytes, good, length);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        int result = ice_agent_handle_datagram(peer.agent, peer.now_us, &path, bytes, length);
        /* a flip in the type makes a response, an indication or another method of it: nobody's, dropped */
        assert_true(result == ICE_ERROR_MALFORMED || result == ICE_ERROR_UNAUTHENTIC || bit < 16);
    }
    assert_unchanged(&before);
    assert_int_equal(ice_agent_handle_datagram(peer.agent, peer.now_us, &path, good, length), ICE_OK);
    scripted_close(&peer);
}

/* The same for the response to our check */
static void response_truncations_and_bit_flips(void **state) {
    (void)state;
    struct sent sent;
    uint8_t good[ICE_DATAGRAM_MAX_BYTES], bytes[ICE_DATAGRAM_MAX_BYTES];
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    struct stun_writer writer;
    stun_writer_begin(&writer, good, sizeof good, STUN_CLASS_SUCCESS_RESPONSE, STUN_METHOD_BINDING, sent.message.transaction_id);
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &peer.base);
    stun_writer_add_integrity(&writer, peer.peer_key);
    stun_writer_add_fingerprint(&writer);
    size_t length = (size_t)stun_writer_finish(&writer);
    struct ice_path path = {.local = peer.base, .remote = peer.address};
    struct snapshot before = look();
    for (size_t n = 0; n < length; n++)
        assert_int_not_equal(ice_agent_handle_datagram(peer.agent, peer.now_us, &path, good, n), ICE_OK);
    for (size_t bit = 0; bit < length * 8; bit++) {
        memcpy(bytes, good, length);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        ice_agent_handle_datagram(peer.agent, peer.now_us, &path, bytes, length);
    }
    assert_unchanged(&before);
    assert_int_equal(ice_agent_handle_datagram(peer.agent, peer.now_us, &path, good, length), ICE_OK);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
    scripted_close(&peer);
}

/* RFC 8489 section 6.3.1, MUST: 420 with the list */
static void unknown_attributes(void **state) {
    (void)state;
    struct sent sent;
    struct stun_attribute attribute;
    uint16_t code;
    const uint8_t *reason;
    size_t reason_length;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING}, &(struct wrong){.unknown_attribute = true}), ICE_OK);
    assert_true(scripted_poll(&peer, &sent));
    assert_int_equal(sent.message.class_, STUN_CLASS_ERROR_RESPONSE);
    assert_int_equal(stun_message_read_error_code(&sent.message, &code, &reason, &reason_length), STUN_OK);
    assert_int_equal(code, 420);
    assert_int_equal(reason_length, 0);
    assert_true(stun_message_find(&sent.message, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, &attribute));
    assert_int_equal(attribute.value[0] << 8 | attribute.value[1], 0x7777);
    assert_int_equal(stun_message_check_integrity(&sent.message, peer.agent_key), STUN_OK);
    assert_int_equal(ice_agent_pair_count(peer.agent), 0);
    scripted_close(&peer);
}

/* RFC 8445 section 7.3, MUST: requests that come before the answer are answered at once and acted on when it comes */
static void early_request(void **state) {
    (void)state;
    struct sent sent;
    struct stun_address nat = ip("203.0.113.50", 50000);
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .use_candidate = true, .id = {(uint8_t)i}},
                                          &(struct wrong){.from = &nat}), ICE_OK);
        assert_true(scripted_poll(&peer, &sent));
        assert_int_equal(sent.message.class_, STUN_CLASS_SUCCESS_RESPONSE);
        assert_false(scripted_poll(&peer, &sent));
        peer.now_us += SECOND;
    }
    struct ice_path path = {.local = peer.base, .remote = nat};
    assert_true(ice_agent_is_path_valid(peer.agent, &path));
    assert_int_equal(scripted_state(&peer), ICE_STATE_NEW);
    scripted_credentials(&peer);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    assert_true(scripted_poll_request(&peer, &sent)); /* at once */
    assert_true(stun_address_equal(&sent.path.remote, &nat));
    assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED); /* the nomination was remembered */
    scripted_close(&peer);
}

/* ICE_RESPONSE_MAX at -1, 0, +1, for a caller who does not drain */
static void response_limit(void **state) {
    (void)state;
    struct sent sent;
    for (unsigned n = ICE_RESPONSE_MAX - 1; n <= ICE_RESPONSE_MAX + 1; n++) {
        scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
        scripted_gather(&peer);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .id = {(uint8_t)i}}, NULL), ICE_OK);
        unsigned answers = 0;
        while (scripted_poll(&peer, &sent))
            assert_int_equal(sent.message.transaction_id[0], answers++);
        assert_int_equal(answers, n <= ICE_RESPONSE_MAX ? n : ICE_RESPONSE_MAX);
        assert_int_equal(peer.agent->statistics.capacity_refused, n <= ICE_RESPONSE_MAX ? 0 : 1);
        scripted_close(&peer);
    }
}

/* A request from a new address without PRIORITY makes no pair, and so gets no answer that would promise one; without a role there is no conflict */
static void incomplete_requests(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING}, &(struct wrong){.no_priority = true}), ICE_OK);
    assert_false(scripted_poll(&peer, &sent));
    assert_int_equal(peer.agent->statistics.unmatched_dropped, 1);
    assert_int_equal(ice_agent_pair_count(peer.agent), 0);
    assert_int_equal(scripted_request(&peer, &(struct request){.no_role = true}, NULL), ICE_OK);
    assert_int_equal(ice_agent_pair_count(peer.agent), 1);
    /* To an address that is not ours: nobody's. */
    struct stun_address elsewhere = ip("192.0.2.99", 5000);
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .id = {9}}, &(struct wrong){.to = &elsewhere}), ICE_OK);
    assert_int_equal(ice_agent_pair_count(peer.agent), 1);
    assert_int_equal(peer.agent->statistics.unmatched_dropped, 2);
    scripted_close(&peer);
}

/*
 * RFC 8445 section 7.3.1.4: an authentic check makes its pair whatever we think of the two addresses, and data may come by it. A browser once
 * moved its media to a path from its LAN address to our loopback, which we had answered for and then dropped.
 */
static void a_check_proves_its_path(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    struct stun_address from = ip("127.0.0.1", 6000); /* ours is 192.0.2.1: never tried of our own accord */
    struct ice_path path = {.transport = ICE_TRANSPORT_UDP, .local = peer.base, .remote = from};
    assert_false(ice_agent_is_path_valid(peer.agent, &path));
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING}, &(struct wrong){.from = &from}), ICE_OK);
    struct sent sent;
    assert_true(scripted_poll(&peer, &sent));
    assert_int_equal(sent.message.class_, STUN_CLASS_SUCCESS_RESPONSE);
    assert_true(ice_agent_is_path_valid(peer.agent, &path));
    scripted_close(&peer);
}

/* ---- role conflicts, RFC 8445 section 7.3.1.1 and 7.2.5.1 -------------------------------------------------------------------------------- */

static uint16_t code_of(const struct sent *sent) {
    uint16_t code = 0;
    const uint8_t *reason;
    size_t reason_length;
    if (sent->message.class_ == STUN_CLASS_ERROR_RESPONSE)
        assert_int_equal(stun_message_read_error_code(&sent->message, &code, &reason, &reason_length), STUN_OK);
    return code;
}

static void role_conflict_received(void **state) {
    (void)state;
    static const struct {
        enum ice_role ours, theirs;
        int tie; /* theirs against ours */
        uint16_t code;
        enum ice_role after;
    } cases[] = {
        {ICE_ROLE_CONTROLLING, ICE_ROLE_CONTROLLING, -1, 487, ICE_ROLE_CONTROLLING},
        {ICE_ROLE_CONTROLLING, ICE_ROLE_CONTROLLING, 0, 487, ICE_ROLE_CONTROLLING},
        {ICE_ROLE_CONTROLLING, ICE_ROLE_CONTROLLING, 1, 0, ICE_ROLE_CONTROLLED},
        {ICE_ROLE_CONTROLLED, ICE_ROLE_CONTROLLED, -1, 0, ICE_ROLE_CONTROLLING},
        {ICE_ROLE_CONTROLLED, ICE_ROLE_CONTROLLED, 0, 0, ICE_ROLE_CONTROLLING},
        {ICE_ROLE_CONTROLLED, ICE_ROLE_CONTROLLED, 1, 487, ICE_ROLE_CONTROLLED},
        {ICE_ROLE_CONTROLLING, ICE_ROLE_CONTROLLED, 1, 0, ICE_ROLE_CONTROLLING},
        {ICE_ROLE_CONTROLLED, ICE_ROLE_CONTROLLING, -1, 0, ICE_ROLE_CONTROLLED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sent sent;
        scripted_open(&peer, cases[i].ours, NULL);
        scripted_start(&peer);
        scripted_drop_all(&peer);
        uint64_t before = scripted_pair(&peer, 0).priority;
        struct request request = {.role = cases[i].theirs, .tie_breaker = peer.agent->tie_breaker + (uint64_t)(int64_t)cases[i].tie};
        assert_int_equal(scripted_request(&peer, &request, NULL), ICE_OK);
        assert_true(scripted_poll(&peer, &sent));
        assert_int_equal(code_of(&sent), cases[i].code);
        assert_int_equal(stun_message_check_integrity(&sent.message, peer.agent_key), STUN_OK);
        assert_int_equal(ice_agent_role(peer.agent), cases[i].after);
        assert_int_equal(scripted_pair(&peer, 0).priority != before, cases[i].after != cases[i].ours); /* section 6.1.2.3 */
        assert_int_equal(scripted_pair(&peer, 0).requests_received, cases[i].code == 0 ? 1 : 0); /* 487: no further steps */
        struct ice_event event;
        size_t roles = 0;
        while (ice_agent_poll_event(peer.agent, &event))
            roles += event.type == ICE_EVENT_ROLE && event.as.role == cases[i].after;
        assert_int_equal(roles, cases[i].after != cases[i].ours);
        scripted_close(&peer);
    }
}

static void role_conflict_answered(void **state) {
    (void)state;
    for (int role = 0; role < 2; role++) {
        struct sent first, second;
        scripted_open(&peer, (enum ice_role)role, NULL);
        scripted_start(&peer);
        assert_true(scripted_poll_request(&peer, &first));
        uint64_t tie_breaker = peer.agent->tie_breaker;
        assert_int_equal(scripted_respond(&peer, &first, 487, NULL), ICE_OK);
        assert_int_equal(ice_agent_role(peer.agent), 1 - role);
        assert_true(peer.agent->tie_breaker != tie_breaker); /* RFC 8445 section 7.2.5.1, MUST */
        assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_WAITING);
        assert_int_equal(peer.agent->triggered.count, 1);
        peer.now_us += 50 * MS;
        assert_true(scripted_poll_request(&peer, &second));
        assert_true(sent_has(&second, role == ICE_ROLE_CONTROLLING ? STUN_ATTRIBUTE_ICE_CONTROLLED : STUN_ATTRIBUTE_ICE_CONTROLLING));
        /* a second 487, to the request of the old role, changes nothing: that conflict is repaired */
        assert_int_equal(scripted_respond(&peer, &first, 487, NULL), ICE_OK);
        assert_int_equal(ice_agent_role(peer.agent), 1 - role);
        scripted_close(&peer);
    }
}

/* Both believe the same: they end with one of each, and connected */
static void role_conflict_between_two(void **state) {
    (void)state;
    static struct two_agents net;
    for (uint64_t seed = 0; seed < 200; seed++) {
        enum ice_role role = (enum ice_role)(seed % 2);
        two_agents_open_roles(&net, seed, NULL, role, role);
        net.delay_us = 20 * MS;
        net.loss = seed % 4 >= 2 ? 0.2 : 0;
        two_agents_connect(&net);
        assert_true(two_agents_run_until_connected(&net, net.now_us + 45 * SECOND));
        assert_int_equal(ice_agent_role(net.side[0].agent) + ice_agent_role(net.side[1].agent), 1);
        two_agents_close(&net);
    }
}

/* ---- responses received ------------------------------------------------------------------------------------------------------------------ */

/* RFC 8489 section 9.1.4: nothing unsigned changes anything, be it success, 487 or 400; security.md row 5 */
static void unauthentic_responses(void **state) {
    (void)state;
    struct stun_key *other = stun_key_new_short_term((const uint8_t *)"attackerattackerattacker", 24);
    struct stun_address attacker = ip("203.0.113.66", 6666);
    static const uint16_t codes[] = {0, 300, 400, 401, 420, 487, 500};
    const struct wrong cases[] = {
        {.no_integrity = true}, {.key = other}, {.no_fingerprint = true}, {.no_integrity = true, .no_fingerprint = true},
        {.key = other, .from = &attacker}, {.no_integrity = true, .from = &attacker}, {.key = other, .to = &attacker},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        for (size_t j = 0; j < sizeof cases / sizeof cases[0]; j++) {
            struct sent sent;
            scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
            scripted_start(&peer);
            assert_true(scripted_poll_request(&peer, &sent));
            struct snapshot before = look();
            assert_int_equal(scripted_respond(&peer, &sent, codes[i], &cases[j]), ICE_ERROR_UNAUTHENTIC);
            assert_unchanged(&before);
            assert_int_equal(ice_agent_role(peer.agent), ICE_ROLE_CONTROLLING);
            /* and the true answer still counts */
            assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
            assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
            scripted_close(&peer);
        }
    }
    stun_key_free(other);
}

/* RFC 8489 section 6.3: an unknown identifier is nobody's, however well signed */
static void unmatched_response(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    struct snapshot before = look();
    struct sent other = sent;
    other.bytes[8 + 11] ^= 1;
    assert_int_equal(stun_message_parse(other.bytes, other.length, &other.message), STUN_OK);
    assert_int_equal(scripted_respond(&peer, &other, 0, NULL), ICE_OK);
    assert_unchanged(&before);
    assert_int_equal(peer.agent->statistics.unmatched_dropped, 1);
    /* our own request, reflected, is a request by nobody */
    struct ice_path path = {.local = peer.base, .remote = peer.address};
    assert_int_equal(ice_agent_handle_datagram(peer.agent, peer.now_us, &path, sent.bytes, sent.length), ICE_ERROR_UNAUTHENTIC);
    assert_unchanged(&before);
    scripted_close(&peer);
}

/* RFC 8445 section 7.2.5.2.1, MUST: signed, but from or to another address: the pair does not succeed; the true answer still counts */
static void asymmetric_response(void **state) {
    (void)state;
    struct stun_address other = ip("198.51.100.1", 6001), other_base = ip("192.0.2.1", 5001);
    const struct wrong cases[] = {{.from = &other}, {.to = &other_base}};
    for (size_t i = 0; i < 2; i++) {
        struct sent sent;
        scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
        scripted_start(&peer);
        assert_true(scripted_poll_request(&peer, &sent));
        scripted_respond(&peer, &sent, 0, &cases[i]);
        assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_IN_PROGRESS);
        assert_int_equal(scripted_pair(&peer, 0).responses_received, 0);
        assert_int_equal(scripted_pair(&peer, 0).answers_elsewhere, 1);
        assert_int_equal(scripted_pair(&peer, 0).verdict, ICE_VERDICT_WRONG_ADDRESS);
        scripted_respond(&peer, &sent, 0, NULL);
        assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
        scripted_close(&peer);
        /* and when there is none, it fails like any other */
        scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
        scripted_start(&peer);
        assert_true(scripted_poll_request(&peer, &sent));
        scripted_respond(&peer, &sent, 0, &cases[i]);
        peer.now_us += 3 * SECOND;
        ice_agent_handle_timeout(peer.agent, peer.now_us);
        (void)scripted_drop_all(&peer);
        peer.now_us += 3 * SECOND;
        ice_agent_handle_timeout(peer.agent, peer.now_us);
        assert_int_not_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
        scripted_close(&peer);
    }
}

static void broken_responses(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    struct snapshot before = look();
    assert_int_equal(scripted_respond(&peer, &sent, 0, &(struct wrong){.no_mapped = true}), ICE_ERROR_MALFORMED);
    assert_int_equal(scripted_respond(&peer, &sent, 0, &(struct wrong){.unknown_attribute = true}), ICE_ERROR_MALFORMED);
    assert_unchanged(&before);
    /* a mapped address that cannot be a candidate: the pair is valid, the address is not taken */
    struct stun_address nowhere = ip("224.0.0.1", 7);
    assert_int_equal(scripted_respond(&peer, &sent, 0, &(struct wrong){.mapped = &nowhere}), ICE_OK);
    assert_int_equal(ice_agent_local_candidate_count(peer.agent), 1);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
    scripted_close(&peer);
}

/* The answer to a check that was given up still counts for a while */
static void late_response(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    peer.now_us += 3 * SECOND;
    ice_agent_handle_timeout(peer.agent, peer.now_us);
    scripted_wait(&peer, peer.now_us + 3 * SECOND);
    assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
    scripted_close(&peer);
}

/* Karn: the time to an answer is known only when one request was sent */
static void round_trip(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    peer.now_us += 123 * MS;
    scripted_respond(&peer, &sent, 0, NULL);
    assert_true(scripted_pair(&peer, 0).current_round_trip_us == 123 * MS);
    scripted_close(&peer);
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    peer.now_us += 500 * MS;
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 0, NULL);
    assert_true(scripted_pair(&peer, 0).current_round_trip_us == 0);
    scripted_close(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_form), cmocka_unit_test(response_form), cmocka_unit_test(unauthentic_requests),
        cmocka_unit_test(truncations_and_bit_flips), cmocka_unit_test(response_truncations_and_bit_flips), cmocka_unit_test(unknown_attributes),
        cmocka_unit_test(early_request), cmocka_unit_test(response_limit), cmocka_unit_test(incomplete_requests), cmocka_unit_test(a_check_proves_its_path),
        cmocka_unit_test(role_conflict_received), cmocka_unit_test(role_conflict_answered), cmocka_unit_test(role_conflict_between_two),
        cmocka_unit_test(unauthentic_responses), cmocka_unit_test(unmatched_response), cmocka_unit_test(asymmetric_response),
        cmocka_unit_test(broken_responses), cmocka_unit_test(late_response), cmocka_unit_test(round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
