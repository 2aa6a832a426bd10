/*
 * What two whole associations carry over a fast and long path, 1 Gbit/s and 100 ms, without DTLS between: with a queue that holds whatever comes, and
 * with queues much shorter than what the path holds, where slow start ends with thousands of lost packets and SACKs that have no room for all gaps.
 */
#include "test_sim.h"

#include <stdio.h>
#include <string.h>

#include "test/sim/association_side.h"

#define RATE_BPS UINT64_C(1000000000)
#define ONE_WAY_US (50 * SIM_MILLISECOND_US)
#define BUFFER_BYTES (64u << 20)
#define MESSAGE_BYTES 65536u
#define SEEDS_IN_CHECK 1

struct side {
    struct association_side sctp;
    bool sends, is_closed;
    uint64_t received_bytes;
};

static uint8_t message_bytes[MESSAGE_BYTES];

static void fill(struct side *side, uint64_t now_us) {
    struct sctp_message message = {.stream = 1, .payload_protocol = 53, .bytes = message_bytes, .length = sizeof message_bytes};
    while (side->sends && !side->is_closed && sctp_association_send(side->sctp.association, now_us, &message) == SCTP_OK) {
    }
}

static bool poll_upward(void *object, uint64_t now_us) {
    struct side *side = object;
    struct sctp_event event;
    if (!sctp_association_poll_event(side->sctp.association, &event))
        return false;
    if (event.type == SCTP_EVENT_MESSAGE)
        side->received_bytes += event.message.length;
    side->is_closed |= event.type == SCTP_EVENT_CLOSED;
    if (event.type == SCTP_EVENT_CONNECTED || event.type == SCTP_EVENT_SENDABLE)
        fill(side, now_us);
    return true;
}

static const struct sim_verbs verbs = ASSOCIATION_SIDE_VERBS(poll_upward);

struct path {
    struct sim *sim;
    struct side sides[2];
    int interfaces[2];
};

static void begin(struct path *path, uint64_t seed, uint64_t queue_bytes) {
    struct sim_link_config up = {.rate_bps = RATE_BPS, .queue_bytes = (uint32_t)queue_bytes, .delay_us = ONE_WAY_US}, down = {.rate_bps = 0};
    static const char *const addresses[] = {"203.0.113.1", "203.0.113.2"};
    *path = (struct path){.sim = sim_new(seed)};
    for (int i = 0; i < 2; i++) {
        struct side *side = &path->sides[i];
        struct sctp_association_config config = {.wants_interleaving = true, .send_bytes = BUFFER_BYTES, .receive_bytes = BUFFER_BYTES,
                                                 .accepts_zero_checksum = true};
        *side = (struct side){.sends = i == 0};
        path->interfaces[i] = sim_network_add_interface(sim_network_of(path->sim), SIM_PUBLIC, addresses[i], &up, &down);
        association_side_start(&side->sctp, path->sim, &config, path->interfaces[i], addresses[i], &verbs);
    }
    association_side_introduce(&path->sides[0].sctp, &path->sides[1].sctp);
    association_side_connect(&path->sides[0].sctp);
}

/* Mbit/s of user data between now and then. */
static double carry(struct path *path, uint64_t until_us) {
    uint64_t before_bytes = path->sides[1].received_bytes, from_us = sim_now(path->sim);
    sim_set_deadline(path->sim, until_us);
    while (sim_step(path->sim)) {
    }
    sim_require(path->sim, sim_end(path->sim) == SIM_DEADLINE && !path->sides[0].is_closed);
    return (double)(path->sides[1].received_bytes - before_bytes) * 8.0 / (double)(sim_now(path->sim) - from_us);
}

static struct sim_counters end(struct path *path) {
    struct sim_counters counters = sim_network_interface_up_link(sim_network_of(path->sim), path->interfaces[0])->counters;
    for (int i = 0; i < 2; i++)
        sctp_association_free(path->sides[i].sctp.association);
    sim_free(path->sim);
    return counters;
}

/* At least 80 % of an ideal link after start-up, and nothing is lost. */
static void an_ideal_link(void **state) {
    (void)state;
    struct path path;
    begin(&path, 1, 0);
    double first = carry(&path, 1500 * SIM_MILLISECOND_US), then = carry(&path, 3 * SIM_SECOND_US);
    struct sim_counters counters = end(&path);
    print_message("    1 Gbit/s, 100 ms: %.0f Mbit/s in the first 1.5 s, %.0f in the next; %llu packets, none lost\n", first, then, (unsigned long long)counters.sent);
    assert_true(then > 800.0);
    assert_int_equal(sim_counters_dropped(&counters), 0);
    assert_true(counters.sent > 100000);
}

/* RFC 8985: what a slow start loses in a queue of 1 to 32 ms is mended within the first seconds, and no timeout is needed for it. */
static void short_queues(void **state) {
    (void)state;
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        struct path path;
        uint64_t queue_bytes = UINT64_C(125000) << (seed + 1) % 6; /* of 1, 2, 4 .. 32 ms, seed 1: 4 ms */
        begin(&path, seed, queue_bytes);
        double all = carry(&path, 4 * SIM_SECOND_US);
        struct sctp_association_statistics statistics;
        sctp_association_statistics(path.sides[0].sctp.association, &statistics);
        struct sim_counters counters = end(&path);
        print_message("    a queue of %llu ms: %.0f Mbit/s in the first 4 s; %llu of %llu packets dropped, %llu timeouts\n", (unsigned long long)queue_bytes / 125000, all,
                      (unsigned long long)counters.dropped_queue, (unsigned long long)counters.sent, (unsigned long long)statistics.timeouts);
        assert_true(counters.dropped_queue > 1000);
        assert_true(all > 300.0);
        assert_int_equal(statistics.timeouts, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_ideal_link), cmocka_unit_test(short_queues)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
