/* A restart that is offered and taken back: RFC 9429 section 4.1.10.2. And credentials of the caller's. */
#include "test_ice.h"

static struct two_agents net;
static struct scripted_peer peer;

#define OWN_UFRAG "ownufrag"
#define OWN_PASSWORD "ownpasswordownpassword12"

static void connect(uint64_t seed) {
    two_agents_open(&net, seed, NULL);
    net.delay_us = 50 * MS;
    two_agents_connect(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    two_agents_run(&net, net.now_us + SECOND);
}

static int restart_with(const char *ufrag, const char *password) {
    return ice_agent_restart_with(net.side[0].agent, net.now_us, ufrag, password);
}

static bool may_send(int side) {
    return ice_agent_can_send(net.side[side].agent, net.now_us);
}

/* RFC 8839 section 5.4: what is given is used, and what is none is refused; all limits -1, 0, +1 */
static void given_credentials(void **state) {
    (void)state;
    static const size_t lengths[] = {3, 4, 5, 21, 22, 23, 255, 256, 257};
    uint64_t random = 1;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t j = 0; j < sizeof lengths / sizeof lengths[0]; j++) {
            char ufrag[300] = {0}, password[300] = {0};
            memset(ufrag, 'u', lengths[i]);
            memset(password, 'p', lengths[j]);
            struct ice_agent_config config = {.random = seeded_random, .random_context = &random, .local_ufrag = ufrag, .local_password = password};
            struct ice_agent *agent = ice_agent_new(&config, 0);
            bool fits = lengths[i] >= 4 && lengths[i] <= 256 && lengths[j] >= 22 && lengths[j] <= 256;
            assert_int_equal(agent != NULL, fits);
            if (agent == NULL)
                continue;
            assert_string_equal(ice_agent_local_ufrag(agent), ufrag);
            assert_string_equal(ice_agent_local_password(agent), password);
            ufrag[0] = 'v'; /* copied */
            assert_int_equal(ice_agent_local_ufrag(agent)[0], 'u');
            ice_agent_free(agent);
        }
    }
    struct ice_agent_config half = {.random = seeded_random, .random_context = &random, .local_ufrag = OWN_UFRAG};
    assert_null(ice_agent_new(&half, 0));
    connect(1);
    assert_int_equal(restart_with("abc", OWN_PASSWORD), ICE_ERROR_ARGUMENT);
    assert_int_equal(restart_with(OWN_UFRAG, "short"), ICE_ERROR_ARGUMENT);
    assert_int_equal(restart_with("own:frag", OWN_PASSWORD), ICE_ERROR_ARGUMENT);
    assert_int_equal(restart_with(OWN_UFRAG, NULL), ICE_ERROR_ARGUMENT);
    assert_int_equal(restart_with(ice_agent_local_ufrag(net.side[0].agent), OWN_PASSWORD), ICE_ERROR_ARGUMENT); /* no restart */
    assert_int_equal(ice_agent_cancel_restart(net.side[0].agent, net.now_us), ICE_ERROR_STATE);
    net.side[0].candidate_count = net.side[1].candidate_count = 0;
    assert_int_equal(restart_with(OWN_UFRAG, OWN_PASSWORD), ICE_OK);
    assert_string_equal(ice_agent_local_ufrag(net.side[0].agent), OWN_UFRAG);
    assert_string_equal(ice_agent_local_password(net.side[0].agent), OWN_PASSWORD);
    assert_int_equal(ice_agent_restart(net.side[1].agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
    two_agents_drain(&net, 1);
    two_agents_exchange_credentials(&net);
    two_agents_give_candidates(&net, 0);
    two_agents_give_candidates(&net, 1);
    two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].selections, 2);
    assert_string_equal(net.side[0].local.ufrag, OWN_UFRAG);
    two_agents_close(&net);
}

/* The longest ufrags of both sides make a USERNAME that fits (RFC 8489 section 14.3), and connect */
static void longest_ufrags(void **state) {
    (void)state;
    char ufrag[257] = {0};
    memset(ufrag, 'u', 256);
    struct ice_agent_config config = {.local_ufrag = ufrag, .local_password = OWN_PASSWORD};
    two_agents_open(&net, 2, &config);
    two_agents_connect(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    two_agents_close(&net);
}

/* RFC 9429 section 4.1.10.2: nothing of what is agreed has been touched, whatever happened in between */
static void as_if_nothing_had_happened(void **state) {
    (void)state;
    connect(3);
    char ufrag[32], password[32];
    struct ice_agent *agent = net.side[0].agent;
    snprintf(ufrag, sizeof ufrag, "%s", ice_agent_local_ufrag(agent));
    snprintf(password, sizeof password, "%s", ice_agent_local_password(agent));
    struct ice_pair_statistics before, after;
    assert_true(ice_agent_pair_statistics(agent, 0, &before));
    for (int rounds = 0; rounds < 3; rounds++) {
        assert_int_equal(ice_agent_restart(agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
        assert_int_equal(restart_with(OWN_UFRAG, OWN_PASSWORD), ICE_OK); /* the offer is replaced by another */
        net.side[0].candidate_count = 0;
        for (int i = 0; i < 600; i++) {
            two_agents_run(&net, net.now_us + 100 * MS);
            assert_true(may_send(0) && may_send(1));
        }
        assert_int_equal(net.side[0].candidate_count, 1);
        assert_string_equal(net.side[0].candidates[0].ufrag, OWN_UFRAG);
        assert_int_equal(ice_agent_cancel_restart(agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
        assert_int_equal(ice_agent_cancel_restart(agent, net.now_us), ICE_ERROR_STATE);
        net.side[0].candidate_count = 0;
        two_agents_run(&net, net.now_us + 60 * SECOND);
        assert_int_equal(net.side[0].candidate_count, 0); /* the peer has it */
        assert_string_equal(ice_agent_local_ufrag(agent), ufrag);
        assert_string_equal(ice_agent_local_password(agent), password);
        assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
        assert_int_equal(net.side[0].selections, 1);
        assert_int_equal(ice_agent_pair_count(agent), 1);
        assert_true(ice_agent_pair_statistics(agent, 0, &after));
        assert_true(after.selected && !after.previous && after.consent_requests_sent > before.consent_requests_sent);
        before = after;
    }
    struct ice_statistics statistics;
    ice_agent_statistics(agent, &statistics);
    assert_int_equal(statistics.restarts, 0);
    assert_int_equal(net.side[0].restarts, 0);
    two_agents_restart(&net); /* and a true one works as ever */
    two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    assert_int_equal(net.side[0].selections, 2);
    two_agents_close(&net);
}

/* Once the answer is there, there is nothing to take back */
static void not_after_the_answer(void **state) {
    (void)state;
    connect(4);
    two_agents_restart(&net);
    assert_int_equal(ice_agent_cancel_restart(net.side[0].agent, net.now_us), ICE_ERROR_STATE);
    two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    ice_agent_close(net.side[0].agent, net.now_us);
    assert_int_equal(ice_agent_cancel_restart(net.side[0].agent, net.now_us), ICE_ERROR_STATE);
    assert_int_equal(restart_with(OWN_UFRAG, OWN_PASSWORD), ICE_ERROR_STATE);
    two_agents_close(&net);
}

/* In the middle of checking: the offer does not hold it up, and a restart that was negotiated stays what it is */
static void while_checking(void **state) {
    (void)state;
    two_agents_open(&net, 5, NULL);
    net.delay_us = 50 * MS;
    net.loss = 1.0;
    two_agents_connect(&net);
    two_agents_run(&net, net.now_us + 3 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_CHECKING);
    assert_int_equal(ice_agent_restart(net.side[0].agent, net.now_us), ICE_OK);
    net.loss = 0;
    assert_true(two_agents_run_until_connected(&net, net.now_us + 3 * SECOND));
    assert_int_equal(ice_agent_cancel_restart(net.side[0].agent, net.now_us), ICE_OK);
    two_agents_run(&net, net.now_us + 40 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    /* a restart under way, with the pair from before it still selected; another is offered, and taken back */
    net.delay_us = 500 * MS;
    two_agents_restart(&net);
    assert_int_equal(ice_agent_restart(net.side[0].agent, net.now_us), ICE_OK);
    two_agents_run(&net, net.now_us + 200 * MS);
    assert_int_equal(net.side[0].selections, 1);
    assert_int_equal(ice_agent_cancel_restart(net.side[0].agent, net.now_us), ICE_OK);
    two_agents_run(&net, net.now_us + 5 * SECOND);
    assert_int_equal(net.side[0].selections, 2);
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    assert_int_equal(net.side[1].state, ICE_STATE_COMPLETED);
    two_agents_close(&net);
}

/* RFC 7675 section 5.1: what has failed stays so, under the credentials of before */
static void after_failure(void **state) {
    (void)state;
    connect(6);
    char ufrag[32];
    struct ice_agent *agent = net.side[0].agent;
    snprintf(ufrag, sizeof ufrag, "%s", ice_agent_local_ufrag(agent));
    net.loss = 1.0;
    two_agents_run(&net, net.now_us + 40 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_FAILED);
    size_t told = net.side[0].restarts;
    assert_int_equal(ice_agent_restart(agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
    two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_CHECKING);
    assert_int_equal(ice_agent_cancel_restart(agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
    two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_FAILED);
    assert_int_equal(net.side[0].failure, ICE_FAILURE_CONSENT_EXPIRED);
    assert_int_equal(net.side[0].restarts, told);
    assert_string_equal(ice_agent_local_ufrag(agent), ufrag);
    net.loss = 0;
    two_agents_restart(&net);
    two_agents_run(&net, net.now_us + 2 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    two_agents_close(&net);
}

/* The old path dies while the restart is offered: checking until its answer; taken back, it is the failure that it would have been */
static void fails_while_offered(void **state) {
    (void)state;
    connect(7);
    struct ice_agent *agent = net.side[0].agent;
    assert_int_equal(ice_agent_restart(agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
    net.loss = 1.0;
    two_agents_run(&net, net.now_us + 36 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_CHECKING);
    assert_false(may_send(0));
    assert_int_equal(net.side[0].restarts, 0); /* one is offered already */
    assert_int_equal(ice_agent_cancel_restart(agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
    two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_FAILED);
    assert_int_equal(net.side[0].failure, ICE_FAILURE_CONSENT_EXPIRED);
    assert_int_equal(net.side[0].restarts, 1); /* now it is needed */
    assert_int_equal(net.side[0].restart_reason, ICE_RESTART_CONSENT_LOST);
    two_agents_close(&net);
}

/* What was found while the restart was offered is told under the ufrag that holds again, and behind it the end of candidates */
static void candidates_are_not_lost(void **state) {
    (void)state;
    connect(8);
    struct ice_agent *agent = net.side[0].agent;
    assert_int_equal(ice_agent_restart(agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
    struct ice_interface interfaces[2] = {{.base = ip("192.0.2.1", 5000), .preference = 65535}, {.base = ip("192.0.2.9", 5009), .preference = 1}};
    assert_int_equal(ice_agent_handle_interfaces(agent, net.now_us, interfaces, 2), ICE_OK);
    net.side[0].candidate_count = 0;
    assert_int_equal(ice_agent_restart(agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(net.side[0].candidate_count, 2);
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_COMPLETE);
    assert_int_equal(ice_agent_cancel_restart(agent, net.now_us), ICE_OK);
    net.side[0].candidate_count = 0;
    net.side[0].gathering = ICE_GATHERING_NEW;
    two_agents_drain(&net, 0);
    two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].candidate_count, 1);
    assert_true(stun_address_equal(&net.side[0].candidates[0].address, &interfaces[1].base));
    assert_string_equal(net.side[0].candidates[0].ufrag, ice_agent_local_ufrag(agent));
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_COMPLETE);
    two_agents_close(&net);
}

/* An early check of the offered generation is answered, and forgotten with it: its password opens nothing any more */
static void early_checks(void **state) {
    (void)state;
    struct sent sent;
    char name[64];
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    snprintf(name, sizeof name, "%s:next", ice_agent_local_ufrag(peer.agent));
    const char *password = ice_agent_local_password(peer.agent);
    struct stun_key *key = stun_key_new_short_term((const uint8_t *)password, strlen(password));
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, &(struct wrong){.username = name, .key = key}), ICE_OK);
    assert_true(scripted_poll(&peer, &sent));
    assert_int_equal(sent.message.class_, STUN_CLASS_SUCCESS_RESPONSE);
    assert_int_equal(ice_agent_pair_count(peer.agent), 2);
    assert_int_equal(ice_agent_cancel_restart(peer.agent, peer.now_us), ICE_OK);
    assert_int_equal(ice_agent_pair_count(peer.agent), 1);
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, &(struct wrong){.username = name, .key = key}), ICE_ERROR_UNAUTHENTIC);
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, NULL), ICE_OK);
    stun_key_free(key);
    scripted_close(&peer);
}

/* ICE_PREVIOUS_PAIR_MAX strangers may be early, one more is counted and not answered */
static void early_limit(void **state) {
    (void)state;
    char name[64];
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    snprintf(name, sizeof name, "%s:next", ice_agent_local_ufrag(peer.agent));
    const char *password = ice_agent_local_password(peer.agent);
    struct stun_key *key = stun_key_new_short_term((const uint8_t *)password, strlen(password));
    for (uint8_t i = 0; i <= ICE_PREVIOUS_PAIR_MAX; i++) {
        struct stun_address from = ip("198.51.100.1", (uint16_t)(7000 + i));
        struct request request = {.role = ICE_ROLE_CONTROLLED, .id = {1, i}};
        (void)scripted_request(&peer, &request, &(struct wrong){.username = name, .key = key, .from = &from});
        assert_int_equal(peer.agent->statistics.capacity_refused, i == ICE_PREVIOUS_PAIR_MAX);
        scripted_drop_all(&peer);
    }
    assert_int_equal(ice_agent_pair_count(peer.agent), 1 + ICE_PREVIOUS_PAIR_MAX);
    stun_key_free(key);
    scripted_close(&peer);
}

/* Two agents behind one caller: their numbers never meet */
static void stream_numbers(void **state) {
    (void)state;
    struct ice_server server = {ICE_SERVER_TURN, ICE_TRANSPORT_TCP, "192.0.2.200", 3478, "user", "password"};
    struct ice_interface interface = {.base = ip("192.0.2.1", 5000), .preference = 65535};
    uint64_t random = 1;
    static const uint64_t firsts[] = {0, 1, 7, UINT64_C(5) << 32, ICE_STREAM_ACCEPTED};
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        struct ice_agent_config config = {.random = seeded_random, .random_context = &random, .servers = &server, .server_count = 1, .first_stream_id = firsts[i]};
        struct ice_agent *agent = ice_agent_new(&config, 0);
        assert_int_equal(agent != NULL, firsts[i] != ICE_STREAM_ACCEPTED);
        if (agent == NULL)
            continue;
        assert_int_equal(ice_agent_handle_interfaces(agent, 0, &interface, 1), ICE_OK);
        assert_int_equal(ice_agent_gather(agent, 0), ICE_OK);
        uint8_t buffer[ICE_DATAGRAM_MAX_BYTES];
        struct ice_transmit out;
        while (ice_agent_poll_transmit(agent, 0, buffer, sizeof buffer, &out)) {
        }
        struct ice_event event;
        uint64_t opened = 0, closed = 0;
        while (ice_agent_poll_event(agent, &event))
            if (event.type == ICE_EVENT_OPEN_STREAM)
                opened = event.as.stream.path.stream_id;
        assert_int_equal(opened, firsts[i] == 0 ? 1 : firsts[i]);
        ice_agent_abandon_streams(agent);
        while (ice_agent_poll_event(agent, &event))
            if (event.type == ICE_EVENT_CLOSE_STREAM)
                closed = event.as.stream.path.stream_id;
        assert_int_equal(closed, opened);
        ice_agent_free(agent);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_credentials), cmocka_unit_test(longest_ufrags), cmocka_unit_test(as_if_nothing_had_happened),
        cmocka_unit_test(not_after_the_answer), cmocka_unit_test(while_checking), cmocka_unit_test(after_failure),
        cmocka_unit_test(fails_while_offered), cmocka_unit_test(candidates_are_not_lost), cmocka_unit_test(early_checks),
        cmocka_unit_test(early_limit), cmocka_unit_test(stream_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
