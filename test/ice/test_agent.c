#include "test_ice.h"

static struct two_agents net;
static struct scripted_peer peer;

/* ---- making ---------------------------------------------------------------------------------------------------------------------- */

/* Counts, fails the n-th, and knows what is still out. */
struct counting {
    size_t calls, fail_at, live, bytes;
};

static void *count_allocate(void *context, size_t bytes) {
    struct counting *counting = context;
    if (++counting->calls == counting->fail_at)
        return NULL;
    counting->live++;
    counting->bytes += bytes;
    return malloc(bytes);
}

static void count_release(void *context, void *memory) {
    struct counting *counting = context;
    counting->live--;
    free(memory);
}

static void configurations(void **state) {
    (void)state;
    uint64_t random = 1;
    struct ice_server server = {ICE_SERVER_STUN, ICE_TRANSPORT_UDP, "198.51.100.1", 3478, NULL, NULL};
    struct ice_agent_config good = {.random = seeded_random, .random_context = &random, .servers = &server, .server_count = 1};
    struct ice_agent_config bad[8];
    char longest[ICE_HOSTNAME_MAX_BYTES + 2];
    memset(longest, 'h', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i < 8; i++)
        bad[i] = good;
    struct ice_server no_host = server, no_port = server, long_host = server;
    no_host.host = "";
    no_port.port = 0;
    long_host.host = longest;
    bad[0].random = NULL;
    bad[1].servers = NULL;
    bad[2].ta_us = 4999;
    bad[3].ta_us = 1000001;
    bad[4].servers = &no_host;
    bad[5].servers = &no_port;
    bad[6].servers = &long_host;
    bad[7].memory_budget_bytes = 1000;
    for (size_t i = 0; i < 8; i++)
        assert_null(ice_agent_new(&bad[i], 0));
    assert_null(ice_agent_new(NULL, 0));
    struct ice_agent *agent = ice_agent_new(&good, 0);
    assert_non_null(agent);
    struct ice_statistics statistics;
    ice_agent_statistics(agent, &statistics);
    assert_in_range(statistics.memory_bytes, 10000, 68000); /* libjuice takes 68 kB, and counts no payload for each pair */
    good.memory_budget_bytes = statistics.memory_bytes; /* the budget at its limit, and one below */
    ice_agent_free(agent);
    agent = ice_agent_new(&good, 0);
    assert_non_null(agent);
    ice_agent_free(agent);
    good.memory_budget_bytes--;
    assert_null(ice_agent_new(&good, 0));
    longest[ICE_HOSTNAME_MAX_BYTES] = '\0';
    good.memory_budget_bytes = 0;
    good.servers = &long_host;
    agent = ice_agent_new(&good, 0);
    assert_non_null(agent);
    ice_agent_free(agent);
    ice_agent_free(NULL);
}

/* One block, and after it nothing: not for candidates, not for packets, not for an hour of consent */
static void allocations(void **state) {
    (void)state;
    struct counting counting = {0};
    struct ice_allocator allocator = {count_allocate, count_release, &counting};
    two_agents_open(&net, 1, &(struct ice_agent_config){.allocator = &allocator});
    memset(&allocator, 0, sizeof allocator); /* copied */
    assert_int_equal(counting.calls, 2);
    net.loss = 0.1;
    net.duplicate = 0.1;
    net.delay_us = 10 * MS;
    two_agents_connect(&net);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 45 * SECOND));
    two_agents_run(&net, net.now_us + 3600ull * SECOND);
    assert_true(is_up(&net.side[0]) && is_up(&net.side[1]));
    assert_int_equal(counting.calls, 2);
    two_agents_close(&net);
    assert_int_equal(counting.live, 0);
}

static void allocation_fails(void **state) {
    (void)state;
    for (size_t n = 1; n < 4; n++) {
        struct counting counting = {.fail_at = n};
        struct ice_allocator allocator = {count_allocate, count_release, &counting};
        uint64_t random = 1;
        struct ice_agent_config config = {.random = seeded_random, .random_context = &random, .allocator = &allocator};
        struct ice_agent *agent = ice_agent_new(&config, 0);
        assert_int_equal(agent == NULL, n == 1);
        ice_agent_free(agent);
        assert_int_equal(counting.live, 0);
    }
}

/* ---- states -------------------------------------------------------------------------------------------------------------------------- */

static void connects(void **state) {
    (void)state;
    two_agents_open(&net, 1, NULL);
    net.delay_us = 10 * MS;
    two_agents_interfaces(&net);
    two_agents_gather(&net);
    assert_int_equal(net.side[0].state, ICE_STATE_NEW);
    uint64_t start_us = net.now_us;
    two_agents_signal(&net);
    assert_int_equal(net.side[0].state, ICE_STATE_CHECKING);
    assert_true(two_agents_run_until_connected(&net, net.now_us + 45 * SECOND));
    assert_true(net.now_us - start_us <= 45 * MS); /* a check and a nomination: two round trips of 20 ms, and 5 ms between */
    two_agents_run(&net, net.now_us + 60 * SECOND);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(net.side[i].state, ICE_STATE_COMPLETED);
        assert_int_equal(net.side[i].states[ICE_STATE_DISCONNECTED], 0);
        assert_true(stun_address_equal(&net.side[i].local.address, &net.side[1 - i].remote.address));
        struct ice_statistics statistics;
        ice_agent_statistics(net.side[i].agent, &statistics);
        assert_true(statistics.gathering_started_us == start_us && statistics.checking_started_us == start_us);
        assert_true(statistics.connected_us > start_us && statistics.connected_us <= net.side[i].connected_us);
        assert_int_equal(statistics.unauthentic_dropped + statistics.malformed_dropped + statistics.capacity_refused, 0);
    }
    two_agents_close(&net);
}

/* COMPLETED needs the end of candidates (RFC 8838 section 14); CONNECTED does not */
static void completed_needs_the_end(void **state) {
    (void)state;
    two_agents_open(&net, 1, NULL);
    two_agents_interfaces(&net);
    two_agents_gather(&net);
    two_agents_exchange_credentials(&net);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ice_agent_add_remote_candidate(net.side[i].agent, net.now_us, &net.side[1 - i].candidates[0]), ICE_OK);
        two_agents_drain(&net, i);
    }
    assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
    two_agents_run(&net, net.now_us + 5 * SECOND);
    assert_int_equal(net.side[0].state, ICE_STATE_CONNECTED);
    ice_agent_end_of_remote_candidates(net.side[0].agent, net.now_us);
    two_agents_drain(&net, 0);
    assert_int_equal(net.side[0].state, ICE_STATE_COMPLETED);
    two_agents_close(&net);
}

/* Trickle (RFC 8838): one side's candidates come late, or never: it is found all the same (RFC 8445 section 7.3.1.3) */
static void peer_reflexive_remote(void **state) {
    (void)state;
    for (int from = 0; from < 2; from++) {
        two_agents_open(&net, 1, NULL);
        net.delay_us = 10 * MS;
        net.nat[from] = ip("203.0.113.1", 0); /* whose address outside nobody has signaled */
        two_agents_interfaces(&net);
        two_agents_gather(&net);
        two_agents_exchange_credentials(&net);
        two_agents_give_candidates(&net, 1 - from);
        assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
        assert_int_equal(net.side[1 - from].remote.type, ICE_CANDIDATE_PEER_REFLEXIVE);
        assert_int_equal(net.side[from].local.type, ICE_CANDIDATE_PEER_REFLEXIVE);
        two_agents_close(&net);
    }
}

/* RFC 8863: failure waits for the deadline, however hopeless it looks, and does not come later */
static void patience(void **state) {
    (void)state;
    static const uint64_t deadlines[] = {0, 10 * SECOND};
    for (size_t i = 0; i < 2; i++) {
        uint64_t deadline_us = deadlines[i] != 0 ? deadlines[i] : 39500 * MS;
        two_agents_open(&net, 1, &(struct ice_agent_config){.failure_deadline_us = deadlines[i]});
        net.loss = 1.1;
        two_agents_connect(&net);
        uint64_t start_us = net.now_us;
        two_agents_run(&net, start_us + deadline_us - 1);
        assert_int_equal(net.side[0].state, ICE_STATE_CHECKING);
        two_agents_run(&net, start_us + deadline_us);
        for (int j = 0; j < 2; j++) {
            assert_int_equal(net.side[j].state, ICE_STATE_FAILED);
            assert_int_equal(net.side[j].failure, ICE_FAILURE_NO_PAIR_ANSWERED);
            assert_true(ice_agent_next_timeout(net.side[j].agent) == UINT64_MAX);
        }
        two_agents_close(&net);
    }
}

/* RFC 8863: an empty check list, all pairs failed: the same patience, for the peer may still reach us */
static void nothing_to_check(void **state) {
    (void)state;
    for (int late = 0; late < 2; late++) {
        scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
        scripted_gather(&peer);
        scripted_credentials(&peer);
        ice_agent_end_of_remote_candidates(peer.agent, peer.now_us);
        uint64_t start_us = peer.now_us;
        scripted_wait(&peer, start_us + 39 * SECOND);
        assert_int_equal(scripted_state(&peer), ICE_STATE_NEW);
        if (late) {
            struct sent sent;
            scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING, .use_candidate = true}, NULL);
            assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
            assert_true(scripted_poll_request(&peer, &sent));
            scripted_respond(&peer, &sent, 0, NULL);
            assert_int_equal(scripted_state(&peer), ICE_STATE_COMPLETED);
        } else {
            scripted_wait(&peer, start_us + 39500 * MS);
            assert_int_equal(scripted_state(&peer), ICE_STATE_FAILED);
            struct ice_event event;
            enum ice_failure failure = ICE_FAILURE_NONE;
            while (ice_agent_poll_event(peer.agent, &event))
                if (event.type == ICE_EVENT_STATE)
                    failure = event.as.state.failure;
            assert_int_equal(failure, ICE_FAILURE_NO_CANDIDATES);
        }
        scripted_close(&peer);
    }
}

static void all_failed_is_not_over(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    ice_agent_end_of_remote_candidates(peer.agent, peer.now_us);
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 500, NULL);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_FAILED);
    scripted_wait(&peer, peer.now_us + 30 * SECOND);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, NULL); /* revives it */
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
    scripted_close(&peer);
}

/* RFC 8445 section 7.2.5.2.2: an ICMP error is noted, and neither ends a transaction (it may be forged) nor a pair that works */
static void send_errors(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    ice_agent_handle_send_error(peer.agent, peer.now_us, &sent.path, 113);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_IN_PROGRESS);
    assert_int_equal(scripted_pair(&peer, 0).last_send_error, 113);
    assert_int_equal(scripted_pair(&peer, 0).verdict, ICE_VERDICT_SEND_ERROR);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CHECKING);
    peer.now_us += 50 * MS;
    scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLED}, NULL);
    assert_true(scripted_poll_request(&peer, &sent));
    scripted_respond(&peer, &sent, 0, NULL);
    peer.now_us += 5 * MS;
    assert_true(scripted_poll_request(&peer, &sent)); /* the nomination */
    ice_agent_handle_send_error(peer.agent, peer.now_us, &sent.path, 1);
    assert_int_equal(scripted_pair(&peer, 0).state, ICE_PAIR_SUCCEEDED);
    peer.now_us += 500 * MS;
    assert_true(scripted_poll_request(&peer, &sent)); /* again */
    assert_true(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
    scripted_respond(&peer, &sent, 0, NULL);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    for (int i = 0; i < 100; i++)
        ice_agent_handle_send_error(peer.agent, peer.now_us, &sent.path, 111);
    assert_int_equal(scripted_state(&peer), ICE_STATE_CONNECTED);
    struct ice_path nowhere = {.local = peer.base, .remote = ip("203.0.113.3", 3)};
    ice_agent_handle_send_error(peer.agent, peer.now_us, &nowhere, 111);
    scripted_close(&peer);
}

/* A send error on every send must neither spin nor break the verdict */
static void every_send_fails(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    scripted_start(&peer);
    uint64_t start_us = peer.now_us;
    struct sent sent;
    size_t count = 0;
    while (scripted_state(&peer) != ICE_STATE_FAILED) {
        while (scripted_poll(&peer, &sent)) {
            ice_agent_handle_send_error(peer.agent, peer.now_us, &sent.path, 101);
            count++;
        }
        assert_true(ice_agent_next_timeout(peer.agent) > peer.now_us);
        peer.now_us = ice_agent_next_timeout(peer.agent);
        ice_agent_handle_timeout(peer.agent, peer.now_us);
    }
    assert_true(peer.now_us - start_us == 39500 * MS);
    assert_in_range(count, 1, ICE_PAIR_CHECK_MAX);
    scripted_close(&peer);
}

/* ---- the contract ---------------------------------------------------------------------------------------------------------------------- */

static void early_and_late_timeouts(void **state) {
    (void)state;
    struct sent sent;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    assert_true(scripted_poll_request(&peer, &sent));
    for (int i = 0; i < 10; i++)
        ice_agent_handle_timeout(peer.agent, peer.now_us);
    assert_false(scripted_poll(&peer, &sent));
    peer.now_us += 2900 * MS; /* three transmissions overdue: one is done */
    ice_agent_handle_timeout(peer.agent, peer.now_us);
    assert_int_equal(scripted_drop_all(&peer), 1);
    scripted_close(&peer);
}

static void small_buffer(void **state) {
    (void)state;
    struct ice_transmit out;
    uint8_t buffer[ICE_DATAGRAM_MAX_BYTES];
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    assert_false(ice_agent_poll_transmit(peer.agent, peer.now_us, buffer, ICE_DATAGRAM_MAX_BYTES - 1, &out));
    assert_true(ice_agent_poll_transmit(peer.agent, peer.now_us, buffer, ICE_DATAGRAM_MAX_BYTES, &out));
    scripted_close(&peer);
}

/* Streams that nobody has asked for, or that nothing listens for; test_tcp has the others */
static void unknown_streams(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    struct ice_path path = {.transport = ICE_TRANSPORT_TCP, .local = peer.base, .remote = peer.address, .stream_id = 1};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ice_agent_handle_stream_opened(peer.agent, peer.now_us, &path), ICE_ERROR_ARGUMENT);
        assert_int_equal(ice_agent_handle_stream_bytes(peer.agent, peer.now_us, &path, (const uint8_t *)"", 0), ICE_ERROR_ARGUMENT);
        assert_int_equal(ice_agent_handle_stream_closed(peer.agent, peer.now_us, &path, 0), ICE_ERROR_ARGUMENT);
        assert_int_equal(ice_agent_handle_datagram(peer.agent, peer.now_us, &path, (const uint8_t *)"", 0), ICE_ERROR_ARGUMENT);
        path.stream_id = ICE_STREAM_ACCEPTED | 1;
    }
    scripted_close(&peer);
}

/* Bytes that are no STUN, ChannelData among them, other methods, indications */
static void other_datagrams(void **state) {
    (void)state;
    struct sent sent;
    uint8_t bytes[ICE_DATAGRAM_MAX_BYTES];
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_start(&peer);
    scripted_drop_all(&peer);
    struct ice_path path = {.local = peer.base, .remote = peer.address};
    assert_int_equal(ice_agent_handle_datagram(peer.agent, peer.now_us, &path, bytes, 0), ICE_ERROR_MALFORMED);
    static const uint8_t channel[] = {0x40, 0x00, 0, 4, 1, 2, 3, 4};
    assert_int_equal(ice_agent_handle_datagram(peer.agent, peer.now_us, &path, channel, sizeof channel), ICE_ERROR_MALFORMED);
    static const uint8_t id[STUN_TRANSACTION_ID_BYTES];
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_INDICATION, STUN_METHOD_BINDING, id); /* RFC 8445 section 11 */
    stun_writer_add_fingerprint(&writer);
    assert_int_equal(ice_agent_handle_datagram(peer.agent, peer.now_us, &path, bytes, (size_t)stun_writer_finish(&writer)), ICE_OK);
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_ALLOCATE, id);
    assert_int_equal(ice_agent_handle_datagram(peer.agent, peer.now_us, &path, bytes, (size_t)stun_writer_finish(&writer)), ICE_OK);
    assert_false(scripted_poll(&peer, &sent));
    assert_int_equal(peer.agent->statistics.unmatched_dropped, 1);
    assert_int_equal(peer.agent->statistics.malformed_dropped, 2);
    scripted_close(&peer);
}

static void payloads(void **state) {
    (void)state;
    struct ice_transmit out;
    uint8_t buffer[ICE_HEADROOM_BYTES + 100 + ICE_TAILROOM_BYTES];
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    assert_int_equal(ice_agent_wrap_payload(peer.agent, peer.now_us, buffer, 100, sizeof buffer, &out), ICE_ERROR_STATE);
    struct ice_path path = {.local = peer.base, .remote = peer.address};
    assert_false(ice_agent_is_path_valid(peer.agent, &path));
    scripted_connect(&peer);
    assert_int_equal(ice_agent_wrap_payload(peer.agent, peer.now_us, buffer, 100, sizeof buffer, &out), ICE_OK);
    assert_int_equal(out.offset, ICE_HEADROOM_BYTES);
    assert_int_equal(out.length, 100);
    assert_int_equal(out.segment_bytes, 0);
    assert_true(stun_address_equal(&out.path.local, &peer.base) && stun_address_equal(&out.path.remote, &peer.address));
    assert_true(ice_agent_is_path_valid(peer.agent, &path));
    path.remote.port++;
    assert_false(ice_agent_is_path_valid(peer.agent, &path));
    path = (struct ice_path){.transport = ICE_TRANSPORT_TCP, .local = peer.base, .remote = peer.address};
    assert_false(ice_agent_is_path_valid(peer.agent, &path));
    scripted_close(&peer);
}

static void names(void **state) {
    (void)state;
    static const char *const states[] = {"new", "checking", "connected", "completed", "disconnected", "failed", "closed"};
    static const char *const gathering[] = {"new", "gathering", "complete"};
    for (int i = ICE_STATE_NEW; i <= ICE_STATE_CLOSED; i++)
        assert_string_equal(ice_state_name((enum ice_state)i), states[i]);
    for (int i = ICE_GATHERING_NEW; i <= ICE_GATHERING_COMPLETE; i++)
        assert_string_equal(ice_gathering_state_name((enum ice_gathering_state)i), gathering[i]);
}

/* The seed decides everything */
static void repeats(void **state) {
    (void)state;
    uint64_t sent[2], when[2];
    for (int i = 0; i < 2; i++) {
        two_agents_open(&net, 42, NULL);
        net.loss = 0.3;
        net.delay_us = 30 * MS;
        net.jitter_us = 20 * MS;
        two_agents_connect(&net);
        two_agents_run(&net, net.now_us + 100 * SECOND);
        sent[i] = net.side[0].sent * 1000000 + net.side[1].sent;
        when[i] = net.side[0].connected_us;
        assert_true(net.lost > 0);
        two_agents_close(&net);
    }
    assert_true(sent[0] == sent[1] && when[0] == when[1]);
}

/* security.md row 28: freed at each point of a run, with messages still on their way */
static void destroy_anywhere(void **state) {
    (void)state;
    struct ice_server server = {ICE_SERVER_STUN, ICE_TRANSPORT_UDP, "stun.example", 3478, NULL, NULL};
    for (unsigned n = 0; n < 150; n++) {
        two_agents_open(&net, 9, &(struct ice_agent_config){.servers = &server, .server_count = 1});
        net.delay_us = 10 * MS;
        net.loss = 0.2;
        net.duplicate = 0.2;
        two_agents_connect(&net);
        for (unsigned i = 0; i < n; i++)
            two_agents_step(&net, UINT64_MAX - 1);
        two_agents_close(&net);
    }
}

/* ---- loss -------------------------------------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* 20 % lost each way, 1,000 seeds: at least 99.9 % connect within 45 s, half of them below a second, and nobody hangs */
static void twenty_percent_loss(void **state) {
    (void)state;
    static uint64_t times[1000];
    size_t connected = 0;
    uint64_t lost = 0;
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        two_agents_open(&net, seed, NULL);
        net.delay_us = 50 * MS;
        net.jitter_us = 10 * MS;
        net.loss = 0.2;
        two_agents_connect(&net);
        uint64_t start_us = net.now_us;
        bool up = two_agents_run_until_connected(&net, start_us + 45 * SECOND);
        connected += up;
        times[seed - 1] = net.now_us - start_us;
        lost += net.lost;
        if (!up)
            print_message("seed %llu: %s, %s\n", (unsigned long long)seed, ice_state_name(net.side[0].state), ice_state_name(net.side[1].state));
        two_agents_close(&net);
    }
    qsort(times, 1000, sizeof times[0], compare);
    print_message("connected %zu of 1000; ms: median %llu, 90 %% %llu, 99 %% %llu, longest %llu; %llu datagrams lost\n", connected,
                  (unsigned long long)times[500] / 1000, (unsigned long long)times[900] / 1000, (unsigned long long)times[990] / 1000,
                  (unsigned long long)times[999] / 1000, (unsigned long long)lost);
    assert_true(lost > 500); /* the link did what it should */
    assert_true(connected >= 999);
    assert_true(times[500] < SECOND && times[900] < 3 * SECOND);
}

/* Up to half of all lost, doubled, out of order: a verdict on both sides within 45 s, whatever it is */
static void always_a_verdict(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        two_agents_open(&net, seed, NULL);
        net.delay_us = seed * 5 * MS; /* up to 1.5 s one way */
        net.jitter_us = 300 * MS;
        net.loss = (double)(seed % 6) * 0.1;
        net.duplicate = 0.1;
        two_agents_connect(&net);
        uint64_t start_us = net.now_us;
        two_agents_run(&net, start_us + 45 * SECOND);
        for (int i = 0; i < 2; i++) {
            uint64_t verdict_us = net.side[i].connected_us != 0 ? net.side[i].connected_us : net.side[i].failed_us;
            assert_true(verdict_us != 0 && verdict_us - start_us <= 45 * SECOND);
        }
        if (net.loss == 0)
            assert_true(net.side[0].connected_us != 0 && net.side[1].connected_us != 0);
        two_agents_close(&net);
    }
}

struct drop {
    size_t first, second, count;
};

static bool drop_two(struct two_agents *of, int from, struct datagram *datagram, void *context) {
    struct drop *drop = context;
    (void)of;
    (void)from;
    (void)datagram;
    size_t index = drop->count++;
    return index != drop->first && index != drop->second;
}

/* Each single datagram and each pair of datagrams lost: connected every time */
static void every_single_loss(void **state) {
    (void)state;
    for (size_t first = 0; first < 14; first++) {
        for (size_t second = first; second < 14; second++) {
            struct drop drop = {.first = first, .second = second};
            two_agents_open(&net, 77, NULL);
            net.delay_us = 20 * MS;
            net.tap = drop_two;
            net.tap_context = &drop;
            two_agents_connect(&net);
            uint64_t start_us = net.now_us;
            assert_true(two_agents_run_until_connected(&net, start_us + 10 * SECOND));
            assert_true(net.now_us - start_us < 4 * SECOND);
            two_agents_close(&net);
        }
    }
}

/* Calls of ten minutes over a link that loses 20 % each way: consent does not end them (docs/ice.md has the odds) */
static void long_lossy_call(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        two_agents_open(&net, seed, NULL);
        net.delay_us = 50 * MS;
        two_agents_connect(&net);
        assert_true(two_agents_run_until_connected(&net, net.now_us + 5 * SECOND));
        net.loss = 0.2;
        two_agents_run(&net, net.now_us + 600ull * SECOND);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(net.side[i].states[ICE_STATE_FAILED], 0);
            assert_true(net.side[i].states[ICE_STATE_DISCONNECTED] < 5);
        }
        net.loss = 1.1; /* and when the peer is gone, that is noticed within 30 s */
        two_agents_run(&net, net.now_us + 30 * SECOND);
        for (int i = 0; i < 2; i++)
            assert_int_equal(net.side[i].state, ICE_STATE_FAILED);
        two_agents_close(&net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations), cmocka_unit_test(allocations), cmocka_unit_test(allocation_fails), cmocka_unit_test(connects),
        cmocka_unit_test(completed_needs_the_end), cmocka_unit_test(peer_reflexive_remote), cmocka_unit_test(patience),
        cmocka_unit_test(nothing_to_check), cmocka_unit_test(all_failed_is_not_over), cmocka_unit_test(send_errors),
        cmocka_unit_test(every_send_fails), cmocka_unit_test(early_and_late_timeouts), cmocka_unit_test(small_buffer),
        cmocka_unit_test(unknown_streams), cmocka_unit_test(other_datagrams), cmocka_unit_test(payloads), cmocka_unit_test(names),
        cmocka_unit_test(repeats), cmocka_unit_test(destroy_anywhere), cmocka_unit_test(twenty_percent_loss), cmocka_unit_test(always_a_verdict),
        cmocka_unit_test(every_single_loss), cmocka_unit_test(long_lossy_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
