#include "test_ice.h"

static struct two_agents net;
static struct scripted_peer peer;

/* Whatever happens in this time, data may be sent at every moment, and what is sent is believed. */
static void run_with_media(uint64_t until_us) {
    while (net.now_us < until_us) {
        for (int i = 0; i < 2; i++) {
            uint8_t buffer[ICE_HEADROOM_BYTES + 10 + ICE_TAILROOM_BYTES] = {0};
            struct ice_transmit out;
            assert_int_equal(ice_agent_wrap_payload(net.side[i].agent, net.now_us, buffer, 10, sizeof buffer, &out), ICE_OK);
            struct ice_path seen = {.local = out.path.remote, .remote = out.path.local};
            assert_true(ice_agent_is_path_valid(net.side[1 - i].agent, &seen));
        }
        two_agents_run(&net, ice_earlier(net.now_us + 10 * MS, until_us));
    }
}

static void connect(uint64_t seed, const struct ice_agent_config *config) {
    two_agents_open(&net, seed, config);
    net.delay_us = 50 * MS;
    two_agents_connect(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 2 * SECOND));
    two_agents_run(&net, net.now_us + SECOND);
}

static uint16_t selected_generation(int side) {
    const struct ice_agent *agent = net.side[side].agent;
    return agent->selected != ICE_NONE ? agent->pairs[agent->selected].generation : ICE_NONE;
}

/* RFC 8445 section 9, MUST: both ufrag and password change; the roles stay; RFC 8839 section 5.4: what they are made of. */
static void credentials_change(void **state) {
    (void)state;
    char ufrag[2][64], password[2][64];
    connect(1, NULL);
    for (int i = 0; i < 2; i++) {
        snprintf(ufrag[i], sizeof ufrag[i], "%s", ice_agent_local_ufrag(net.side[i].agent));
        snprintf(password[i], sizeof password[i], "%s", ice_agent_local_password(net.side[i].agent));
    }
    uint64_t tie_breaker = net.side[0].agent->tie_breaker;
    two_agents_restart(&net);
    two_agents_run(&net, net.now_us + SECOND);
    for (int i = 0; i < 2; i++) {
        assert_string_not_equal(ice_agent_local_ufrag(net.side[i].agent), ufrag[i]);
        assert_string_not_equal(ice_agent_local_password(net.side[i].agent), password[i]);
        assert_int_equal(net.side[i].roles, 0);
        assert_int_equal(net.side[i].selections, 2);
        assert_string_equal(net.side[i].local.ufrag, ice_agent_local_ufrag(net.side[i].agent));
        assert_string_equal(net.side[i].remote.ufrag, ice_agent_local_ufrag(net.side[1 - i].agent));
        assert_int_equal(net.side[i].state, ICE_STATE_COMPLETED);
        struct ice_statistics statistics;
        ice_agent_statistics(net.side[i].agent, &statistics);
        assert_int_equal(statistics.restarts, 1);
    }
    assert_int_equal(net.side[0].agent->tie_breaker, tie_breaker);
    assert_int_equal(ice_agent_role(net.side[0].agent), ICE_ROLE_CONTROLLING);
    two_agents_close(&net);
}

/* RFC 8445 section 12.1: the previous selected pair is used until there is another; nothing is missing in between */
static void media_flows_all_the_time(void **state) {
    (void)state;
    connect(2, NULL);
    uint64_t from_us = net.now_us;
    two_agents_restart(&net);
    assert_int_equal(net.side[0].state, ICE_STATE_CONNECTED);
    assert_int_equal(selected_generation(0), 0);
    run_with_media(from_us + 20 * SECOND);
    assert_int_equal(selected_generation(0), 1);
    assert_int_equal(selected_generation(1), 1);
    assert_int_equal(net.side[0].states[ICE_STATE_DISCONNECTED] + net.side[0].states[ICE_STATE_CHECKING], 1); /* the first time */
    two_agents_close(&net);
}

static size_t in_gathering, candidates_told;

static void take(struct ice_agent *agent) {
    struct ice_event event;
    while (ice_agent_poll_event(agent, &event)) {
        if (event.type == ICE_EVENT_GATHERING_STATE)
            in_gathering = in_gathering * 10 + event.as.gathering_state;
        if (event.type == ICE_EVENT_CANDIDATE) {
            assert_string_equal(event.as.candidate->ufrag, ice_agent_local_ufrag(agent));
            candidates_told++;
        }
    }
}

/* RFC 8838 section 4, RFC 8445 section 9: gathering -> candidates under the new ufrag -> complete */
static void gathers_again(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    in_gathering = candidates_told = 0;
    take(peer.agent);
    assert_int_equal(candidates_told, 1);
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    in_gathering = candidates_told = 0;
    take(peer.agent);
    assert_int_equal(candidates_told, 1);
    assert_int_equal(in_gathering, 12); /* gathering, complete */
    scripted_close(&peer);
}

/* Servers are asked anew; a reflexive candidate is signaled when the server has confirmed it, and not before */
static void asks_servers_again(void **state) {
    (void)state;
    struct ice_server server = {.kind = ICE_SERVER_STUN, .host = "203.0.113.9", .port = 3478};
    struct ice_agent_config config = {.servers = &server, .server_count = 1};
    two_agents_open(&net, 3, &config);
    net.servers[0] = ip("203.0.113.9", 3478);
    net.server_count = 1;
    net.delay_us = 20 * MS;
    net.nat[0] = ip("203.0.113.1", 0);
    net.nat[1] = ip("203.0.113.2", 0);
    two_agents_interfaces(&net);
    two_agents_gather(&net);
    two_agents_run(&net, net.now_us + 100 * MS);
    assert_int_equal(net.side[0].candidate_count, 2);
    two_agents_signal(&net);
    two_agents_run(&net, net.now_us + 2 * SECOND);
    net.nat[0] = ip("203.0.113.7", 0); /* the provider has given us another address */
    net.side[0].candidate_count = 0;
    assert_int_equal(ice_agent_restart(net.side[0].agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(net.side[0].candidate_count, 1); /* host */
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_GATHERING);
    two_agents_run(&net, net.now_us + 100 * MS);
    assert_int_equal(net.side[0].candidate_count, 2);
    struct stun_address new_address = ip("203.0.113.7", 5000);
    assert_true(stun_address_equal(&net.side[0].candidates[1].address, &new_address));
    assert_int_equal(net.side[0].gathering, ICE_GATHERING_COMPLETE);
    two_agents_close(&net);
}

/* Our offer, their answer 300 ms later; meanwhile the old pair is asked for consent under the old password */
static void offer_and_answer(void **state) {
    (void)state;
    connect(4, NULL);
    struct side *offerer = &net.side[0], *answerer = &net.side[1];
    offerer->candidate_count = answerer->candidate_count = 0;
    assert_int_equal(ice_agent_restart(offerer->agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
    run_with_media(net.now_us + 10 * SECOND);
    assert_int_equal(offerer->state, ICE_STATE_CONNECTED);
    assert_int_equal(answerer->state, ICE_STATE_COMPLETED); /* it knows of nothing */
    /* what the offer brings: new credentials are no news for the running generation; a restart comes first */
    const char *ufrag = ice_agent_local_ufrag(offerer->agent), *password = ice_agent_local_password(offerer->agent);
    assert_int_equal(ice_agent_set_remote_credentials(answerer->agent, net.now_us, ufrag, strlen(ufrag), password, strlen(password)), ICE_ERROR_STATE);
    assert_int_equal(ice_agent_restart(answerer->agent, net.now_us), ICE_OK);
    assert_int_equal(ice_agent_set_remote_credentials(answerer->agent, net.now_us, ufrag, strlen(ufrag), password, strlen(password)), ICE_OK);
    two_agents_drain(&net, 1);
    two_agents_give_candidates(&net, 0);
    run_with_media(net.now_us + 300 * MS); /* its checks arrive before its answer */
    assert_int_equal(selected_generation(0), 0);
    ufrag = ice_agent_local_ufrag(answerer->agent);
    password = ice_agent_local_password(answerer->agent);
    assert_int_equal(ice_agent_set_remote_credentials(offerer->agent, net.now_us, ufrag, strlen(ufrag), password, strlen(password)), ICE_OK);
    two_agents_drain(&net, 0);
    two_agents_give_candidates(&net, 1);
    uint64_t answered_us = net.now_us;
    while (selected_generation(0) != 1)
        run_with_media(net.now_us + 10 * MS);
    assert_in_range(net.now_us - answered_us, 0, 400 * MS);
    run_with_media(net.now_us + SECOND);
    assert_int_equal(selected_generation(1), 1);
    two_agents_close(&net);
}

/* Candidates of the peer's previous generation are refused once the next is known: they would be mixed with the new ones. Until then, those of the next are */
static void late_candidates_of_the_previous_generation(void **state) {
    (void)state;
    struct ice_candidate candidate = {.foundation = "1", .component = 1, .priority = 1, .address = ip("198.51.100.1", 6001), .ufrag = PEER_UFRAG};
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_OK);
    memcpy(candidate.ufrag, "next", 5);
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_ERROR_STATE);
    memcpy(candidate.ufrag, PEER_UFRAG, 5);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, PEER_UFRAG, 4, PEER_PASSWORD, 22), ICE_ERROR_STATE);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "next", 4, PEER_PASSWORD, 22), ICE_OK);
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_ERROR_STATE);
    memcpy(candidate.ufrag, "next", 5);
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_OK);
    scripted_close(&peer);
}

/* Requests of either generation are opened by their own key, and work on their own check list */
static void each_in_its_own_list(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    char old_name[64], new_name[64];
    snprintf(old_name, sizeof old_name, "%s:" PEER_UFRAG, ice_agent_local_ufrag(peer.agent));
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    snprintf(new_name, sizeof new_name, "%s:next", ice_agent_local_ufrag(peer.agent));
    const char *password = ice_agent_local_password(peer.agent);
    struct stun_key *new_key = stun_key_new_short_term((const uint8_t *)password, strlen(password));
    assert_int_equal(ice_agent_pair_count(peer.agent), 1);
    uint64_t before = scripted_pair(&peer, 0).requests_received;
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, &(struct wrong){.username = old_name}), ICE_OK);
    assert_true(scripted_poll(&peer, &sent));
    assert_int_equal(stun_message_check_integrity(&sent.message, peer.agent_key), STUN_OK);
    assert_int_equal(scripted_pair(&peer, 0).requests_received, before + 1);
    assert_true(!scripted_pair(&peer, 0).previous && scripted_pair(&peer, 0).selected);
    /* the same path in the new generation is another pair; it waits for the peer's password */
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, &(struct wrong){.username = new_name, .key = new_key}), ICE_OK);
    assert_true(scripted_poll(&peer, &sent));
    assert_int_equal(sent.message.class_, STUN_CLASS_SUCCESS_RESPONSE);
    assert_int_equal(stun_message_check_integrity(&sent.message, new_key), STUN_OK);
    assert_false(scripted_poll(&peer, &sent));
    assert_int_equal(ice_agent_pair_count(peer.agent), 2);
    assert_false(scripted_pair(&peer, 1).previous);
    /* the key of one does not open the other */
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, &(struct wrong){.username = new_name}), ICE_ERROR_UNAUTHENTIC);
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, &(struct wrong){.username = old_name, .key = new_key}),
                     ICE_ERROR_UNAUTHENTIC);
    /* the password comes: the check that waited goes out at once, signed by it */
    struct stun_key *next_key = stun_key_new_short_term((const uint8_t *)"nextnextnextnextnextnext", 24);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "next", 4, "nextnextnextnextnextnext", 24), ICE_OK);
    peer.now_us += 50 * MS;
    assert_true(scripted_poll_request(&peer, &sent));
    assert_int_equal(stun_message_check_integrity(&sent.message, next_key), STUN_OK);
    assert_true(scripted_pair(&peer, 0).previous && scripted_pair(&peer, 0).selected && !scripted_pair(&peer, 1).previous);
    /* consent on the old pair is asked with the old one */
    uint64_t until_us = peer.now_us + 6 * SECOND;
    bool consent = false;
    while (!consent && ice_agent_next_timeout(peer.agent) <= until_us) {
        peer.now_us = ice_later(peer.now_us, ice_agent_next_timeout(peer.agent));
        ice_agent_handle_timeout(peer.agent, peer.now_us);
        while (scripted_poll_request(&peer, &sent))
            consent = consent || stun_message_check_integrity(&sent.message, peer.peer_key) == STUN_OK;
    }
    assert_true(consent);
    stun_key_free(new_key);
    stun_key_free(next_key);
    scripted_close(&peer);
}

/* The previous generation is forgotten consent_expiry_us after a pair of the new one was selected */
static void previous_generation_ends(void **state) {
    (void)state;
    connect(5, NULL);
    two_agents_restart(&net);
    while (selected_generation(0) != 1)
        run_with_media(net.now_us + MS);
    uint64_t concluded_us = net.now_us;
    struct ice_agent *agent = net.side[0].agent;
    assert_int_equal(ice_agent_pair_count(agent), 2);
    run_with_media(concluded_us + 29 * SECOND);
    assert_true(agent->generations[0].in_use);
    run_with_media(concluded_us + 31 * SECOND);
    assert_false(agent->generations[0].in_use);
    assert_int_equal(ice_agent_pair_count(agent), 1);
    size_t remotes = 0;
    for (size_t i = 0; i < agent->remote_count; i++)
        remotes += agent->remotes[i].generation != ICE_NONE;
    assert_int_equal(remotes, 1);
    two_agents_close(&net);
}

/* 20 % lost each way, 300 ms of signaling: every restart concludes, and data may be sent at every moment of it */
static void under_loss(void **state) {
    (void)state;
    uint64_t longest_us = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        two_agents_open(&net, seed, NULL);
        net.delay_us = 50 * MS;
        net.loss = 0.2;
        two_agents_connect(&net);
        assert_true(two_agents_run_until_connected(&net, net.now_us + 10 * SECOND));
        two_agents_run(&net, net.now_us + SECOND);
        uint64_t from_us = net.now_us;
        two_agents_restart(&net);
        while ((selected_generation(0) != 1 || selected_generation(1) != 1) && net.now_us < from_us + 20 * SECOND)
            run_with_media(net.now_us + 10 * MS);
        longest_us = ice_later(longest_us, net.now_us - from_us);
        run_with_media(net.now_us + 2 * SECOND);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(net.side[i].state, ICE_STATE_COMPLETED);
            assert_int_equal(net.side[i].states[ICE_STATE_FAILED], 0);
        }
        two_agents_close(&net);
    }
    print_message("under loss: the longest of 200 restarts took %u ms\n", (unsigned)(longest_us / MS));
    assert_in_range(longest_us, 0, 10 * SECOND);
}

/* An agent that has FAILED checks again (W3C: failed -> checking), on the same interfaces or others */
static void after_failure(void **state) {
    (void)state;
    connect(6, NULL);
    net.loss = 1.0;
    two_agents_run(&net, net.now_us + 40 * SECOND);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(net.side[i].state, ICE_STATE_FAILED);
        assert_int_equal(net.side[i].restart_reason, ICE_RESTART_CONSENT_LOST);
    }
    net.loss = 0;
    assert_false(ice_agent_can_send(net.side[0].agent, net.now_us));
    two_agents_restart(&net);
    assert_int_equal(net.side[0].state, ICE_STATE_CHECKING);
    assert_false(ice_agent_can_send(net.side[0].agent, net.now_us)); /* RFC 7675: the old consent is gone for good */
    assert_int_equal(net.side[0].agent->generations[0].in_use, false);
    two_agents_run(&net, net.now_us + SECOND);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(net.side[i].state, ICE_STATE_COMPLETED);
        assert_true(ice_agent_can_send(net.side[i].agent, net.now_us));
        assert_int_equal(net.side[i].selections, 2);
    }
    two_agents_close(&net);
}

/* W3C webrtc-pc: a restart of what is disconnected is checking */
static void while_disconnected(void **state) {
    (void)state;
    connect(7, NULL);
    net.loss = 1.0;
    two_agents_run(&net, net.now_us + 15 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_DISCONNECTED);
    assert_int_equal(net.side[0].restart_reason, ICE_RESTART_CONSENT_LATE);
    two_agents_restart(&net);
    assert_int_equal(net.side[0].state, ICE_STATE_CHECKING);
    net.loss = 0;
    two_agents_run(&net, net.now_us + 2 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    two_agents_close(&net);
}

/* A restart whose answer never comes, replaced by another: the old pair carries on through both */
static void restart_of_a_restart(void **state) {
    (void)state;
    connect(8, NULL);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ice_agent_restart(net.side[0].agent, net.now_us), ICE_OK);
        net.side[0].candidate_count = 0;
        two_agents_drain(&net, 0);
        run_with_media(net.now_us + SECOND);
        assert_int_equal(selected_generation(0), 0);
    }
    two_agents_restart(&net);
    run_with_media(net.now_us + SECOND);
    assert_int_equal(selected_generation(0), 1);
    two_agents_restart(&net); /* the previous one is still listened to: it goes, the order is kept */
    run_with_media(net.now_us + SECOND);
    assert_int_equal(selected_generation(0), 2);
    assert_false(net.side[0].agent->generations[0].in_use);
    two_agents_restart(&net);
    run_with_media(net.now_us + SECOND);
    assert_int_equal(selected_generation(0), 0);
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    two_agents_close(&net);
}

/* No answer, and then the old path dies: checking until patience ends, then a verdict */
static void no_answer_and_no_path(void **state) {
    (void)state;
    connect(9, NULL);
    assert_int_equal(ice_agent_restart(net.side[0].agent, net.now_us), ICE_OK);
    two_agents_drain(&net, 0);
    net.loss = 1.0;
    uint64_t from_us = net.now_us;
    two_agents_run(&net, from_us + 36 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_CHECKING);
    assert_false(ice_agent_can_send(net.side[0].agent, net.now_us));
    two_agents_run(&net, from_us + 80 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_FAILED);
    assert_int_equal(net.side[0].failure, ICE_FAILURE_NO_CANDIDATES);
    two_agents_close(&net);
}

static bool only_the_first_generation(struct two_agents *two, int from, struct datagram *datagram, void *context) {
    (void)two;
    (void)from;
    struct stun_message message;
    struct stun_key *const *keys = context;
    assert_int_equal(stun_message_parse(datagram->bytes, datagram->length, &message), STUN_OK);
    return stun_message_check_integrity(&message, keys[0]) == STUN_OK || stun_message_check_integrity(&message, keys[1]) == STUN_OK;
}

static bool note_nomination(struct two_agents *two, int from, struct datagram *datagram, void *context) {
    uint64_t *nominated_us = context;
    struct stun_message message;
    struct stun_attribute attribute;
    if (from == 0 && *nominated_us == 0 && stun_message_parse(datagram->bytes, datagram->length, &message) == STUN_OK &&
        stun_message_find(&message, STUN_ATTRIBUTE_USE_CANDIDATE, &attribute))
        *nominated_us = two->now_us;
    return true;
}

/* A restart of which the controlled side hears that much later than the controlling one: until then it answers checks, and sends none. */
static uint64_t time_to_nomination(uint64_t late_us, bool peer_is_lite) {
    uint64_t nominated_us = 0;
    connect(14, NULL);
    net.tap = note_nomination;
    net.tap_context = &nominated_us;
    uint64_t from_us = net.now_us;
    for (int i = 0; i < 2; i++) {
        net.side[i].candidate_count = 0;
        assert_int_equal(ice_agent_restart(net.side[i].agent, net.now_us), ICE_OK);
        two_agents_drain(&net, i);
    }
    for (int i = 0; i < 2; i++) {
        const struct ice_agent *other = net.side[1 - i].agent;
        const char *ufrag = ice_agent_local_ufrag(other), *password = ice_agent_local_password(other);
        ice_agent_set_remote_lite(net.side[i].agent, net.now_us, i == 0 && peer_is_lite);
        assert_int_equal(ice_agent_set_remote_credentials(net.side[i].agent, net.now_us, ufrag, strlen(ufrag), password, strlen(password)), ICE_OK);
        two_agents_drain(&net, i);
        two_agents_give_candidates(&net, 1 - i);
        if (i == 0)
            run_with_media(from_us + late_us);
    }
    run_with_media(from_us + 2 * SECOND);
    assert_int_not_equal(nominated_us, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(selected_generation(i), 1);
    net.tap = NULL;
    two_agents_close(&net);
    return nominated_us - from_us;
}

/* RFC 8445 section 8.1.1: when to nominate is ours to say. While the path before works, after the peer's own check; 200 ms is enough of that. */
static void nomination_waits_for_the_peers_check(void **state) {
    (void)state;
    uint64_t round_trip_us = 100 * MS;
    assert_in_range(time_to_nomination(0, false), round_trip_us, round_trip_us + 10 * MS);
    assert_in_range(time_to_nomination(120 * MS, false), 170 * MS, 180 * MS); /* and half a round trip */
    assert_in_range(time_to_nomination(SECOND, false), round_trip_us + 200 * MS, round_trip_us + 210 * MS);
    assert_in_range(time_to_nomination(SECOND, true), round_trip_us, round_trip_us + 10 * MS); /* RFC 8445 section 2.5: it never checks */
}

/* A restart that finds no path does not end a call that works: the caller is told, and a late path still counts */
static void restart_finds_nothing(void **state) {
    (void)state;
    struct stun_key *keys[2];
    connect(10, NULL);
    for (int i = 0; i < 2; i++) {
        const char *password = ice_agent_local_password(net.side[i].agent);
        keys[i] = stun_key_new_short_term((const uint8_t *)password, strlen(password));
    }
    net.tap = only_the_first_generation;
    net.tap_context = keys;
    two_agents_restart(&net);
    run_with_media(net.now_us + 60 * SECOND);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(selected_generation(i), 0);
        assert_int_equal(net.side[i].state, ICE_STATE_CONNECTED);
        assert_int_equal(net.side[i].restarts, 1);
        assert_int_equal(net.side[i].restart_reason, ICE_RESTART_NO_PAIR);
        stun_key_free(keys[i]);
    }
    net.tap = NULL;
    two_agents_restart(&net);
    run_with_media(net.now_us + SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    assert_int_not_equal(selected_generation(0), ICE_NONE);
    assert_int_equal(selected_generation(0), net.side[0].agent->generation);
    two_agents_close(&net);
}

/* In the middle of checking, nothing selected yet: the new generation alone decides */
static void while_checking(void **state) {
    (void)state;
    two_agents_open(&net, 11, NULL);
    net.delay_us = 50 * MS;
    net.loss = 1.0;
    two_agents_connect(&net);
    two_agents_run(&net, net.now_us + 10 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_CHECKING);
    net.loss = 0;
    two_agents_restart(&net);
    assert_int_equal(net.side[0].agent->generations[0].pair_count, 0);
    assert_true(two_agents_run_until_connected(&net, net.now_us + SECOND));
    assert_int_equal(selected_generation(0), 1);
    two_agents_close(&net);
}

/* Of the old check list at most ICE_PREVIOUS_PAIR_MAX stay, the selected one among them, the new one has ICE_PAIR_MAX */
static void limits(void **state) {
    (void)state;
    struct sent sent;
    for (size_t valid = ICE_PREVIOUS_PAIR_MAX - 1; valid <= ICE_PREVIOUS_PAIR_MAX + 1; valid++) {
        scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
        scripted_gather(&peer);
        scripted_credentials(&peer);
        struct stun_address address = peer.address;
        for (size_t i = 0; i < valid; i++) {
            address.port = (uint16_t)(7000 + i);
            scripted_candidate(&peer, &address, 2130706431, "1");
            peer.now_us += SECOND;
            ice_agent_handle_timeout(peer.agent, peer.now_us);
            while (scripted_poll_request(&peer, &sent))
                scripted_respond(&peer, &sent, 0, NULL);
        }
        peer.address.port = (uint16_t)(7000 + valid - 1); /* the last, and of the lowest rank */
        assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .use_candidate = true}, NULL), ICE_OK);
        assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
        assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
        assert_int_equal(ice_agent_pair_count(peer.agent), valid);
        assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "next", 4, "nextnextnextnextnextnext", 24), ICE_OK);
        assert_int_equal(ice_agent_pair_count(peer.agent), valid < ICE_PREVIOUS_PAIR_MAX ? valid : ICE_PREVIOUS_PAIR_MAX);
        bool selected = false;
        for (size_t i = 0; i < ice_agent_pair_count(peer.agent); i++)
            selected = selected || scripted_pair(&peer, i).selected;
        assert_true(selected);
        assert_true(ice_agent_can_send(peer.agent, peer.now_us));
        for (uint16_t i = 0; i < ICE_REMOTE_CANDIDATE_MAX; i++) {
            address.port = (uint16_t)(8000 + i);
            assert_int_equal(scripted_candidate(&peer, &address, 2130706431, "2"), ICE_OK);
        }
        address.port = 9000;
        assert_int_equal(scripted_candidate(&peer, &address, 2130706431, "2"), ICE_ERROR_CAPACITY);
        scripted_close(&peer);
    }
}

/* A host that roams for days: places of candidates that are history are used again */
static void a_thousand_restarts(void **state) {
    (void)state;
    connect(12, NULL);
    for (unsigned i = 0; i < 1000; i++) {
        struct ice_interface interfaces[2] = {{.base = ipv4("192.0.2.1", 5000), .preference = 65535},
                                              {.base = ipv4("192.0.2.1", (uint16_t)(20000 + i)), .preference = 1}};
        assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, interfaces, 2), ICE_OK);
        two_agents_restart(&net);
        run_with_media(net.now_us + SECOND);
        assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
        assert_int_equal(net.side[0].candidate_count, 2);
    }
    struct ice_statistics statistics;
    ice_agent_statistics(net.side[0].agent, &statistics);
    assert_int_equal(statistics.capacity_refused, 0);
    two_agents_close(&net);
}

/* The interface of the old selected pair goes during the restart; the new generation finds its way without it */
static void interface_goes_during_restart(void **state) {
    (void)state;
    connect(13, NULL);
    struct ice_interface other = {.base = ipv4("192.0.2.2", 5002), .preference = 65535};
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, &other, 1), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(net.side[0].restart_reason, ICE_RESTART_INTERFACE_GONE);
    assert_false(ice_agent_can_send(net.side[0].agent, net.now_us));
    two_agents_restart(&net);
    two_agents_run(&net, net.now_us + SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    assert_true(stun_address_equal(&net.side[0].local.address, &other.base));
    two_agents_close(&net);
}

/* A better interface comes: the caller is told; a worse one is nobody's business */
static void interface_comes(void **state) {
    (void)state;
    connect(14, NULL);
    struct ice_interface interfaces[3] = {{.base = ipv4("192.0.2.1", 5000), .preference = 65535}, {.base = ipv4("192.0.2.2", 5002), .preference = 1}};
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, interfaces, 2), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(net.side[0].restarts, 0);
    two_agents_restart(&net);
    two_agents_run(&net, net.now_us + SECOND);
    assert_true(stun_address_equal(&net.side[0].local.address, &interfaces[0].base));
    two_agents_close(&net);

    two_agents_open(&net, 15, NULL);
    struct ice_interface slow = {.base = ipv4("192.0.2.1", 5000), .preference = 100}, other = {.base = ipv4("198.51.100.1", 6000), .preference = 65535};
    ice_agent_handle_interfaces(net.side[0].agent, net.now_us, &slow, 1);
    ice_agent_handle_interfaces(net.side[1].agent, net.now_us, &other, 1);
    two_agents_gather(&net);
    two_agents_signal(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + SECOND));
    interfaces[0] = slow;
    interfaces[1] = (struct ice_interface){.base = ipv4("192.0.2.3", 5003), .preference = 60000};
    assert_int_equal(ice_agent_handle_interfaces(net.side[0].agent, net.now_us, interfaces, 2), ICE_OK);
    two_agents_drain(&net, 0);
    assert_int_equal(net.side[0].restarts, 1);
    assert_int_equal(net.side[0].restart_reason, ICE_RESTART_INTERFACE_NEW);
    two_agents_close(&net);
}

/* Once the new generation has selected its pair, the one before asks nothing more, not even what it was about to ask */
static void previous_generation_falls_silent(void **state) {
    (void)state;
    char username[64];
    struct stun_address elsewhere = ip("198.51.100.9", 6009);
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    snprintf(username, sizeof username, "%s:%s", ice_agent_local_ufrag(peer.agent), PEER_UFRAG);
    struct sent sent;
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 0, NULL);
    scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .use_candidate = true}, NULL);
    assert_true(peer.agent->selected != ICE_NONE);
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "next", 4, "nextnextnextnextnextnext", 24), ICE_OK);
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .use_candidate = true, .id = {9}},
                                      &(struct wrong){.username = username, .from = &elsewhere}), ICE_OK);
    assert_int_equal(peer.agent->triggered.count, 1);
    ice_restart_conclude(peer.agent, peer.now_us);
    assert_int_equal(peer.agent->triggered.count, 0);
    scripted_close(&peer);
}

/* Answers that have not been polled when the password that signs them goes, go with it */
static void answers_of_a_forgotten_generation(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING}, NULL);
    assert_int_equal(peer.agent->responses.count, 1);
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "next", 4, "nextnextnextnextnextnext", 24), ICE_OK);
    assert_int_equal(peer.agent->responses.count, 1); /* the old generation is answered still */
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    assert_int_equal(peer.agent->responses.count, 1);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "after", 5, "afterafterafterafterafter", 25), ICE_OK);
    assert_int_equal(peer.agent->responses.count, 0);
    assert_false(scripted_poll(&peer, &sent));
    scripted_close(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_change), cmocka_unit_test(nomination_waits_for_the_peers_check), cmocka_unit_test(media_flows_all_the_time),
        cmocka_unit_test(gathers_again),
        cmocka_unit_test(asks_servers_again), cmocka_unit_test(offer_and_answer), cmocka_unit_test(late_candidates_of_the_previous_generation),
        cmocka_unit_test(each_in_its_own_list), cmocka_unit_test(previous_generation_ends), cmocka_unit_test(under_loss),
        cmocka_unit_test(after_failure), cmocka_unit_test(while_disconnected), cmocka_unit_test(restart_of_a_restart),
        cmocka_unit_test(no_answer_and_no_path), cmocka_unit_test(restart_finds_nothing), cmocka_unit_test(while_checking),
        cmocka_unit_test(limits), cmocka_unit_test(a_thousand_restarts), cmocka_unit_test(interface_goes_during_restart),
        cmocka_unit_test(interface_comes), cmocka_unit_test(answers_of_a_forgotten_generation),
        cmocka_unit_test(previous_generation_falls_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
