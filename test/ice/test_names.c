/* Names in place of addresses: draft-ietf-mmusic-mdns-ice-candidates, RFC 8839 section 5.1. */
#include "test_ice.h"

#include "ice/names_internal.h"

#define NAME "2b1fb7f2-9b5c-4a4c-8d0b-0a7e7f4b2a11.local"
#define OTHER_NAME "0d9a7c30-51aa-4c0e-9d37-bb1c1f0e8f22.local"

static struct scripted_peer peer;
static struct tcp_agents net;

static struct ice_candidate named(const char *name, uint16_t port) {
    struct ice_candidate candidate = {.foundation = "1", .component = 1, .priority = 2130706431, .type = ICE_CANDIDATE_HOST};
    memcpy(candidate.hostname, name, strlen(name) + 1);
    candidate.address.port = port;
    return candidate;
}

static int add(const struct ice_candidate *candidate) {
    return ice_agent_add_remote_candidate(peer.agent, peer.now_us, candidate);
}

static int answer(uint64_t query, const struct stun_address *addresses, size_t count) {
    return ice_agent_handle_resolved(peer.agent, peer.now_us, query, addresses, count);
}

/* The next RESOLVE event; 0: none. */
static uint64_t next_query(char name[ICE_HOSTNAME_MAX_BYTES + 1]) {
    struct ice_event event;
    while (ice_agent_poll_event(peer.agent, &event)) {
        if (event.type == ICE_EVENT_RESOLVE) {
            snprintf(name, ICE_HOSTNAME_MAX_BYTES + 1, "%s", event.as.resolve.name);
            return event.as.resolve.query;
        }
    }
    return 0;
}

/* ---- theirs ------------------------------------------------------------------------------------------------------------------------- */

/* Section 3.2.1: one label and ".local", a UUID; all others are ignored and counted (RFC 8839 section 5.1) */
static void which_names(void **state) {
    (void)state;
    static const char *const refused[] = {
        "printer.local", "example.org", "2b1fb7f2-9b5c-4a4c-8d0b-0a7e7f4b2a11", "2b1fb7f2-9b5c-4a4c-8d0b-0a7e7f4b2a1.local",
        "2b1fb7f2-9b5c-4a4c-8d0b-0a7e7f4b2a111.local", "2b1fb7f2-9b5c-4a4c-8d0b-0a7e7f4b2a1g.local", "2b1fb7f2.9b5c-4a4c-8d0b-0a7e7f4b2a11.local",
        "2b1fb7f209b5c-4a4c-8d0b-0a7e7f4b2a11.local", "2b1fb7f2-9b5c-4a4c-8d0b-0a7e7f4b2a11.locax", "x2b1fb7f2-9b5c-4a4c-8d0b-0a7e7f4b2a1.local",
    };
    char name[ICE_HOSTNAME_MAX_BYTES + 1];
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    size_t before = peer.agent->memory_bytes;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct ice_candidate candidate = named(refused[i], 5000);
        assert_int_equal(add(&candidate), ICE_ERROR_NOT_SUPPORTED);
        assert_int_equal(peer.agent->statistics.candidates_not_supported, i + 1);
    }
    struct ice_candidate candidate = named(NAME, 5000);
    candidate.type = ICE_CANDIDATE_SERVER_REFLEXIVE;
    assert_int_equal(add(&candidate), ICE_ERROR_NOT_SUPPORTED);
    candidate = named(NAME, 25);
    assert_int_equal(add(&candidate), ICE_ERROR_ARGUMENT);
    memset(candidate.hostname, 'a', sizeof candidate.hostname); /* not terminated */
    assert_int_equal(add(&candidate), ICE_ERROR_ARGUMENT);
    assert_int_equal(next_query(name), 0);
    assert_int_equal(peer.agent->memory_bytes, before); /* no memory before it is needed */
    candidate = named("2B1FB7F2-9b5c-4a4c-8d0b-0a7e7f4b2a11.LOCAL", 5000);
    assert_int_equal(add(&candidate), ICE_OK);
    assert_int_equal(next_query(name), ICE_NAME_QUERY_FIRST);
    assert_string_equal(name, candidate.hostname);
    scripted_close(&peer);
}

/* It may come before everything else; what it resolves to becomes a host candidate, and is shown to nobody */
static void resolved(void **state) {
    (void)state;
    char name[ICE_HOSTNAME_MAX_BYTES + 1];
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    struct ice_candidate candidate = named(NAME, 6000);
    assert_int_equal(add(&candidate), ICE_OK);
    assert_int_equal(add(&candidate), ICE_OK); /* told twice, asked once */
    uint64_t query = next_query(name);
    assert_int_equal(query, ICE_NAME_QUERY_FIRST);
    assert_string_equal(name, NAME);
    assert_int_equal(next_query(name), 0);
    ice_agent_end_of_remote_candidates(peer.agent, peer.now_us);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    assert_int_equal(scripted_drop_all(&peer), 0);
    /* unusable ones are passed over; one of each family is taken */
    const struct stun_address addresses[] = {ip("0.0.0.0", 0), ip("224.0.0.1", 0), ip("198.51.100.1", 0), ip("198.51.100.2", 0),
                                             ip("2001:db8::1", 77), ip("2001:db8::2", 0)};
    assert_int_equal(answer(query, addresses, 6), ICE_OK);
    assert_int_equal(peer.agent->remote_count, 2);
    assert_int_equal(ice_agent_pair_count(peer.agent), 1); /* IPv6 has nobody here */
    struct sent sent;
    assert_true(scripted_poll_request(&peer, &sent));
    assert_true(stun_address_equal(&sent.path.remote, &peer.address));
    assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
    struct ice_pair_statistics pair = scripted_pair(&peer, 0);
    assert_string_equal(pair.remote->hostname, NAME);
    assert_int_equal(pair.remote->address.family, STUN_ADDRESS_NONE);
    assert_int_equal(pair.remote->address.port, 6000);
    assert_int_equal(pair.remote->type, ICE_CANDIDATE_HOST);
    assert_int_equal(answer(query, addresses, 6), ICE_ERROR_STATE); /* a second answer */
    scripted_close(&peer);
}

static void answers_that_nobody_asked_for(void **state) {
    (void)state;
    char name[ICE_HOSTNAME_MAX_BYTES + 1];
    struct stun_address address = ip("198.51.100.1", 0);
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    for (uint64_t query = 0; query < ICE_NAME_QUERY_FIRST + 2; query++)
        assert_int_equal(answer(query, &address, 1), ICE_ERROR_ARGUMENT);
    struct ice_candidate candidate = named(NAME, 6000);
    assert_int_equal(add(&candidate), ICE_OK);
    uint64_t query = next_query(name);
    assert_int_equal(answer(query + 1, &address, 1), ICE_ERROR_ARGUMENT);
    assert_int_equal(answer(query, NULL, 1), ICE_ERROR_ARGUMENT);
    assert_int_equal(answer(UINT64_MAX, &address, 1), ICE_ERROR_ARGUMENT);
    assert_int_equal(answer(query, NULL, 0), ICE_OK); /* there is no such name */
    assert_int_equal(peer.agent->statistics.names_unresolved, 1);
    assert_int_equal(answer(query, &address, 1), ICE_ERROR_STATE);
    assert_int_equal(peer.agent->remote_count, 0);
    assert_int_equal(add(&candidate), ICE_OK); /* it may be asked for again */
    assert_int_equal(next_query(name), query + 1);
    struct stun_address useless = ip("255.255.255.255", 0);
    assert_int_equal(answer(query + 1, &useless, 1), ICE_OK);
    assert_int_equal(peer.agent->statistics.names_unresolved, 2);
    scripted_close(&peer);
}

/* Candidates of one name share one query, whether it has been answered or not; over TCP too */
static void one_query_for_one_name(void **state) {
    (void)state;
    char name[ICE_HOSTNAME_MAX_BYTES + 1];
    struct ice_interface interfaces[2] = {{.base = ip("192.0.2.1", 5000), .preference = 65535},
                                          {.base = ip("192.0.2.1", 5000), .preference = 65534, .transport = ICE_TRANSPORT_TCP}};
    struct stun_address address = ip("198.51.100.1", 0);
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    struct ice_candidate udp = named(NAME, 6000), tcp = named(NAME, 6000);
    tcp.protocol = ICE_PROTOCOL_TCP;
    tcp.tcp_type = ICE_TCP_PASSIVE;
    assert_int_equal(add(&tcp), ICE_ERROR_NOT_SUPPORTED); /* no TCP here */
    assert_int_equal(ice_agent_handle_interfaces(peer.agent, peer.now_us, interfaces, 2), ICE_OK);
    assert_int_equal(ice_agent_gather(peer.agent, peer.now_us), ICE_OK);
    scripted_credentials(&peer);
    assert_int_equal(add(&udp), ICE_OK);
    assert_int_equal(add(&tcp), ICE_OK);
    tcp.tcp_type = ICE_TCP_ACTIVE;
    tcp.address.port = 9;
    assert_int_equal(add(&tcp), ICE_OK); /* nobody connects to it */
    uint64_t query = next_query(name);
    assert_int_not_equal(query, 0);
    assert_int_equal(next_query(name), 0);
    assert_int_equal(answer(query, &address, 1), ICE_OK);
    assert_int_equal(ice_agent_pair_count(peer.agent), 2);
    udp.address.port = 6001;
    assert_int_equal(add(&udp), ICE_OK);
    assert_int_equal(ice_agent_pair_count(peer.agent), 3); /* the answer is known */
    assert_int_equal(next_query(name), 0);
    udp = named(OTHER_NAME, 6000);
    assert_int_equal(add(&udp), ICE_OK);
    assert_int_equal(next_query(name), query + 1);
    scripted_close(&peer);
}

/* ICE_NAME_TIMEOUT_US: then it is given up, and counted; the lookup that comes later finds nobody waiting */
static void never_resolved(void **state) {
    (void)state;
    char name[ICE_HOSTNAME_MAX_BYTES + 1];
    struct stun_address address = ip("198.51.100.1", 0);
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    struct ice_candidate candidate = named(NAME, 6000);
    assert_int_equal(add(&candidate), ICE_OK);
    uint64_t query = next_query(name);
    assert_int_equal(ice_agent_next_timeout(peer.agent), peer.now_us + ICE_NAME_TIMEOUT_US);
    peer.now_us += ICE_NAME_TIMEOUT_US - 1;
    ice_agent_handle_timeout(peer.agent, peer.now_us);
    assert_int_equal(peer.agent->statistics.names_unresolved, 0);
    peer.now_us += 1;
    ice_agent_handle_timeout(peer.agent, peer.now_us);
    assert_int_equal(peer.agent->statistics.names_unresolved, 1);
    assert_int_equal(answer(query, &address, 1), ICE_ERROR_STATE);
    assert_int_equal(ice_agent_next_timeout(peer.agent), UINT64_MAX);
    scripted_close(&peer);
}

/* RFC 8863: FAILED is not said while a name may still be answered; nor is it put off for ever */
static void verdict_waits_for_names(void **state) {
    (void)state;
    char name[ICE_HOSTNAME_MAX_BYTES + 1];
    struct stun_address address = ip("198.51.100.1", 0);
    for (int answered = 0; answered < 2; answered++) {
        scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
        scripted_gather(&peer);
        scripted_credentials(&peer);
        ice_agent_end_of_remote_candidates(peer.agent, peer.now_us);
        uint64_t patience_us = peer.now_us + 39500 * MS;
        peer.now_us = patience_us - SECOND;
        struct ice_candidate candidate = named(NAME, 6000);
        assert_int_equal(add(&candidate), ICE_OK);
        uint64_t query = next_query(name);
        scripted_wait(&peer, patience_us + 4 * SECOND);
        assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
        if (answered) {
            struct sent sent;
            assert_int_equal(answer(query, &address, 1), ICE_OK);
            assert_true(scripted_poll_request(&peer, &sent)); /* asked at once: it may answer at once */
            assert_int_equal(scripted_respond(&peer, &sent, 0, NULL), ICE_OK);
            scripted_wait_answering(&peer, patience_us + 4900 * MS);
            assert_int_equal(scripted_state(&peer), ICE_STATE_COMPLETED);
        } else {
            scripted_wait(&peer, patience_us + 5 * SECOND);
            assert_int_equal(scripted_state(&peer), ICE_STATE_FAILED);
            assert_false(ice_names_is_pending(peer.agent));
            assert_int_equal(ice_agent_next_timeout(peer.agent), UINT64_MAX);
        }
        scripted_close(&peer);
    }
}

/* COMPLETED says that nothing is left to be checked: a name that may still be answered is */
static void completed_waits_for_names(void **state) {
    (void)state;
    char name[ICE_HOSTNAME_MAX_BYTES + 1];
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    struct ice_candidate candidate = named(NAME, 6001);
    assert_int_equal(add(&candidate), ICE_OK);
    uint64_t query = next_query(name);
    scripted_start(&peer);
    ice_agent_end_of_remote_candidates(peer.agent, peer.now_us);
    scripted_wait_answering(&peer, peer.now_us + SECOND);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    assert_int_equal(answer(query, NULL, 0), ICE_OK);
    assert_int_equal(scripted_state(&peer), ICE_STATE_COMPLETED);
    scripted_close(&peer);
}

/* ICE_REMOTE_NAME_MAX: one less, the limit, one more; a slot is free again when its name was not answered */
static void many_names(void **state) {
    (void)state;
    char name[ICE_HOSTNAME_MAX_BYTES + 1], text[] = NAME;
    uint64_t first = 0;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    for (size_t i = 0; i <= ICE_REMOTE_NAME_MAX; i++) {
        text[0] = "0123456789abcdef"[i / 16];
        text[1] = "0123456789abcdef"[i % 16];
        struct ice_candidate candidate = named(text, 6000);
        assert_int_equal(add(&candidate), i < ICE_REMOTE_NAME_MAX ? ICE_OK : ICE_ERROR_CAPACITY);
        uint64_t query = next_query(name);
        assert_int_equal(query != 0, i < ICE_REMOTE_NAME_MAX);
        first = first == 0 ? query : first;
    }
    assert_int_equal(peer.agent->statistics.capacity_refused, 1);
    assert_int_equal(answer(first, NULL, 0), ICE_OK);
    struct ice_candidate candidate = named(text, 6000);
    assert_int_equal(add(&candidate), ICE_OK);
    scripted_close(&peer);
}

/* A resolved name that finds the list of candidates full is counted, and nothing else */
static void full_list(void **state) {
    (void)state;
    char name[ICE_HOSTNAME_MAX_BYTES + 1];
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    struct ice_candidate candidate = named(NAME, 6000);
    assert_int_equal(add(&candidate), ICE_OK);
    uint64_t query = next_query(name);
    for (uint16_t i = 0; i < ICE_REMOTE_CANDIDATE_MAX; i++) {
        struct stun_address address = ip("198.51.100.9", (uint16_t)(2000 + i));
        assert_int_equal(scripted_candidate(&peer, &address, 1000, "x"), ICE_OK);
    }
    struct stun_address address = ip("198.51.100.1", 0);
    assert_int_equal(answer(query, &address, 1), ICE_OK);
    assert_int_equal(peer.agent->statistics.capacity_refused, 1);
    assert_int_equal(peer.agent->remote_count, ICE_REMOTE_CANDIDATE_MAX);
    scripted_close(&peer);
}

/* A check came from the address before the name did: then the candidate has its name too */
static void learned_before(void **state) {
    (void)state;
    char name[ICE_HOSTNAME_MAX_BYTES + 1];
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    scripted_credentials(&peer);
    struct ice_candidate candidate = named(NAME, 6000);
    assert_int_equal(add(&candidate), ICE_OK);
    uint64_t query = next_query(name);
    struct request request = {.role = ICE_ROLE_CONTROLLING, .tie_breaker = 1};
    assert_int_equal(scripted_request(&peer, &request, NULL), ICE_OK);
    assert_int_equal(scripted_pair(&peer, 0).remote->type, ICE_CANDIDATE_PEER_REFLEXIVE);
    assert_int_equal(answer(query, &peer.address, 1), ICE_OK);
    assert_int_equal(ice_agent_pair_count(peer.agent), 1);
    struct ice_pair_statistics pair = scripted_pair(&peer, 0);
    assert_int_equal(pair.remote->type, ICE_CANDIDATE_HOST);
    assert_string_equal(pair.remote->hostname, NAME);
    assert_int_equal(pair.remote->address.family, STUN_ADDRESS_NONE);
    scripted_close(&peer);
}

/* RFC 8838 section 9: the generation of a named candidate counts when it is resolved, whatever came first; a restart forgets questions */
static void generations(void **state) {
    (void)state;
    char name[ICE_HOSTNAME_MAX_BYTES + 1];
    struct stun_address address = ip("198.51.100.1", 0);
    static const char *const ufrags[] = {PEER_UFRAG, "another", ""};
    for (int late = 0; late < 2; late++) {
        for (size_t i = 0; i < 3; i++) {
            scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
            scripted_gather(&peer);
            struct ice_candidate candidate = named(NAME, 6000);
            snprintf(candidate.ufrag, sizeof candidate.ufrag, "%s", ufrags[i]);
            assert_int_equal(add(&candidate), ICE_OK);
            uint64_t query = next_query(name);
            if (late)
                assert_int_equal(answer(query, &address, 1), ICE_OK);
            scripted_credentials(&peer);
            if (!late)
                assert_int_equal(answer(query, &address, 1), ICE_OK);
            assert_int_equal(scripted_drop_all(&peer), i != 1);
            if (i == 1)
                assert_int_equal(add(&candidate), ICE_ERROR_STATE);
            scripted_close(&peer);
        }
    }
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    struct ice_candidate candidate = named(NAME, 6000);
    assert_int_equal(add(&candidate), ICE_OK);
    uint64_t query = next_query(name);
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    assert_false(ice_names_is_pending(peer.agent));
    assert_int_equal(answer(query, &address, 1), ICE_ERROR_STATE);
    assert_int_equal(peer.agent->statistics.names_unresolved, 0);
    assert_int_equal(add(&candidate), ICE_OK);
    assert_int_equal(next_query(name), query + 1);
    scripted_close(&peer);
    /* nor does a question of a restart that another restart has replaced while the pair from before carries the call */
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_connect(&peer);
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "next", 4, "nextnextnextnextnextnext", 24), ICE_OK);
    assert_int_equal(add(&candidate), ICE_OK);
    query = next_query(name);
    assert_int_equal(ice_agent_restart(peer.agent, peer.now_us), ICE_OK);
    assert_true(ice_names_is_pending(peer.agent)); /* it may yet be cancelled */
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "after", 5, "afterafterafterafterafter", 25), ICE_OK);
    assert_false(ice_names_is_pending(peer.agent));
    assert_int_equal(answer(query, &address, 1), ICE_ERROR_STATE);
    scripted_close(&peer);
}

/* ---- ours --------------------------------------------------------------------------------------------------------------------------- */

static void own_name_shapes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int result;
    } names[] = {{NAME, ICE_OK}, {"a.local", ICE_OK}, {"a.LOCAL", ICE_OK}, {".local", ICE_ERROR_ARGUMENT}, {"", ICE_ERROR_ARGUMENT},
                 {"a.example", ICE_ERROR_ARGUMENT}, {"a b.local", ICE_ERROR_ARGUMENT}, {"a\n.local", ICE_ERROR_ARGUMENT}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct ice_interface interface = {.base = ip("192.0.2.1", 5000), .preference = 1, .mdns_name = names[i].name};
        scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
        assert_int_equal(ice_agent_handle_interfaces(peer.agent, peer.now_us, &interface, 1), names[i].result);
        scripted_close(&peer);
    }
    for (size_t length = ICE_MDNS_NAME_MAX_BYTES - 1; length <= ICE_MDNS_NAME_MAX_BYTES + 1; length++) {
        char name[ICE_MDNS_NAME_MAX_BYTES + 2];
        memset(name, 'a', length - 6);
        memcpy(name + length - 6, ".local", 7);
        struct ice_interface interface = {.base = ip("192.0.2.1", 5000), .preference = 1, .mdns_name = name};
        scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
        assert_int_equal(ice_agent_handle_interfaces(peer.agent, peer.now_us, &interface, 1), length <= ICE_MDNS_NAME_MAX_BYTES ? ICE_OK : ICE_ERROR_ARGUMENT);
        scripted_close(&peer);
    }
}

/* Sections 3.1.1 and 3.1.2.2: the name stands where the address was, and nothing else tells it */
static void hidden_address(void **state) {
    (void)state;
    static struct two_agents two;
    static const char *const expected[] = {
        "candidate:1 1 udp 2130706431 " NAME " 5000 typ host",
        "candidate:2 1 tcp 1524629503 " NAME " 9 typ host tcptype active",
        "candidate:2 1 tcp 1520435199 " NAME " 5000 typ host tcptype passive",
        "candidate:2 1 tcp 1516240895 " NAME " 5000 typ host tcptype so",
        "candidate:3 1 udp 1694498815 203.0.113.1 5000 typ srflx raddr 0.0.0.0 rport 9",
    };
    struct ice_server server = {.kind = ICE_SERVER_STUN, .host = "198.51.100.250", .port = 3478};
    two_agents_open(&two, 1, &(struct ice_agent_config){.servers = &server, .server_count = 1});
    two.servers[two.server_count++] = ip("198.51.100.250", 3478);
    two.nat[0] = ip("203.0.113.1", 0);
    char name[] = NAME;
    struct ice_interface interfaces[2] = {{.base = ip("192.0.2.1", 5000), .preference = 65535, .mdns_name = name},
                                          {.base = ip("192.0.2.1", 5000), .preference = 65534, .transport = ICE_TRANSPORT_TCP, .mdns_name = name}};
    struct side *side = &two.side[0];
    assert_int_equal(ice_agent_handle_interfaces(side->agent, two.now_us, interfaces, 2), ICE_OK);
    memset(name, 'x', sizeof name - 1); /* copied */
    two_agents_gather(&two);
    two_agents_run(&two, two.now_us + SECOND);
    assert_int_equal(side->candidate_count, 5);
    for (size_t i = 0; i < 5; i++) {
        char text[ICE_CANDIDATE_TEXT_BYTES];
        side->candidates[i].ufrag[0] = '\0';
        ice_candidate_write(&side->candidates[i], text, sizeof text);
        assert_string_equal(text, expected[i]);
        struct ice_candidate parsed;
        assert_int_equal(ice_candidate_parse(text, strlen(text), &parsed, NULL), ICE_OK);
    }
    for (size_t i = 0; i < ice_agent_local_candidate_count(side->agent); i++) {
        const struct ice_candidate *local = ice_agent_local_candidate(side->agent, i);
        assert_true(local->hostname[0] == '\0' || local->address.family == STUN_ADDRESS_NONE);
        assert_true(stun_address_equal_ip(&local->base, &interfaces[0].base)); /* the caller's own, it is in no text */
    }
    two_agents_close(&two);
}

/* Names come and go with their interfaces; any number of them, over time */
static void names_of_changing_interfaces(void **state) {
    (void)state;
    struct ice_interface interfaces[ICE_INTERFACE_MAX];
    char names[ICE_INTERFACE_MAX][16];
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    assert_int_equal(ice_agent_gather(peer.agent, peer.now_us), ICE_OK);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < ICE_INTERFACE_MAX; i++) {
            snprintf(names[i], sizeof names[i], "n%u-%u.local", round, i);
            interfaces[i] = (struct ice_interface){.base = ip("192.0.2.1", (uint16_t)(5000 + round * 100 + i)), .preference = 1000, .mdns_name = names[i]};
        }
        assert_int_equal(ice_agent_handle_interfaces(peer.agent, peer.now_us, interfaces, ICE_INTERFACE_MAX), ICE_OK);
        struct ice_event event;
        size_t count = 0;
        while (ice_agent_poll_event(peer.agent, &event)) {
            if (event.type != ICE_EVENT_CANDIDATE)
                continue;
            assert_string_equal(event.as.candidate->hostname, names[event.as.candidate->address.port - 5000 - round * 100]);
            count++;
        }
        assert_int_equal(count, ICE_INTERFACE_MAX);
    }
    scripted_close(&peer);
}

/* Two agents that hide their addresses from each other's application meet all the same: over UDP, and over TCP */
static void both_hidden(void **state) {
    (void)state;
    for (int udp = 0; udp < 2; udp++) {
        tcp_agents_open(&net, 1, ICE_ROLE_CONTROLLING, ICE_ROLE_CONTROLLED, NULL);
        net.udp = udp;
        for (int i = 0; i < 2; i++) {
            net.side[i].mdns_name = i == 0 ? NAME : OTHER_NAME;
            tcp_agents_interface(&net, i, ICE_TRANSPORT_UDP, 5000);
            tcp_agents_interface(&net, i, ICE_TRANSPORT_TCP, 5000);
        }
        tcp_agents_gather(&net);
        tcp_agents_credentials(&net);
        tcp_agents_give_all(&net);
        assert_true(tcp_agents_run_until_connected(&net, net.now_us + 3 * SECOND));
        tcp_agents_run(&net, net.now_us + SECOND);
        for (int i = 0; i < 2; i++) {
            const char *own = i == 0 ? NAME : OTHER_NAME, *other = i == 0 ? OTHER_NAME : NAME;
            assert_int_equal(net.side[i].resolves, 1);
            assert_string_equal(net.side[i].local.hostname, own);
            assert_int_equal(net.side[i].local.address.family, STUN_ADDRESS_NONE);
            assert_int_equal(net.side[i].local.protocol, udp ? ICE_PROTOCOL_UDP : ICE_PROTOCOL_TCP);
            if (net.side[i].remote.type == ICE_CANDIDATE_HOST)
                assert_string_equal(net.side[i].remote.hostname, other);
        }
        tcp_agents_close(&net);
    }
}

struct counter {
    size_t allocations, releases, fail_after;
};

static void *counting_allocate(void *context, size_t bytes) {
    struct counter *counter = context;
    if (counter->allocations == counter->fail_after)
        return NULL;
    counter->allocations++;
    return malloc(bytes);
}

static void counting_release(void *context, void *memory) {
    ((struct counter *)context)->releases++;
    free(memory);
}

/* One allocation with the first name, whosesoever; none later */
static void memory(void **state) {
    (void)state;
    char name[ICE_HOSTNAME_MAX_BYTES + 1];
    struct counter counter = {.fail_after = 1};
    const struct ice_allocator allocator = {counting_allocate, counting_release, &counter};
    scripted_open(&peer, ICE_ROLE_CONTROLLED, &(struct ice_agent_config){.allocator = &allocator});
    struct ice_candidate candidate = named(NAME, 6000);
    struct ice_interface interface = {.base = ip("192.0.2.1", 5000), .mdns_name = "a.local"};
    assert_int_equal(add(&candidate), ICE_ERROR_CAPACITY);
    assert_int_equal(ice_agent_handle_interfaces(peer.agent, peer.now_us, &interface, 1), ICE_ERROR_CAPACITY);
    assert_int_equal(peer.agent->gatherer.interface_count, 0); /* nothing changed: least of all, no address is told */
    assert_int_equal(peer.agent->statistics.capacity_refused, 1);
    counter.fail_after = 2;
    assert_int_equal(add(&candidate), ICE_OK);
    assert_int_equal(ice_agent_handle_interfaces(peer.agent, peer.now_us, &interface, 1), ICE_OK);
    assert_int_equal(answer(next_query(name), &peer.address, 1), ICE_OK);
    assert_int_equal(counter.allocations, 2);
    size_t used = peer.agent->memory_bytes;
    scripted_close(&peer);
    assert_int_equal(counter.releases, 2);
    for (size_t less = 0; less < 2; less++) {
        scripted_open(&peer, ICE_ROLE_CONTROLLED, &(struct ice_agent_config){.memory_budget_bytes = used - less});
        assert_int_equal(add(&candidate), less == 0 ? ICE_OK : ICE_ERROR_CAPACITY);
        scripted_close(&peer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_names),       cmocka_unit_test(resolved),        cmocka_unit_test(answers_that_nobody_asked_for),
        cmocka_unit_test(one_query_for_one_name), cmocka_unit_test(never_resolved), cmocka_unit_test(verdict_waits_for_names),
        cmocka_unit_test(completed_waits_for_names), cmocka_unit_test(many_names), cmocka_unit_test(full_list),
        cmocka_unit_test(learned_before),    cmocka_unit_test(generations),     cmocka_unit_test(own_name_shapes),
        cmocka_unit_test(hidden_address),    cmocka_unit_test(names_of_changing_interfaces), cmocka_unit_test(both_hidden),
        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
