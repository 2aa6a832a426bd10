/*
 * ICE restarts of a PeerConnection with media, in virtual time over bad links: on request, when nobody who watches may notice; and by itself,
 * when the interface goes, the relay dies, or the peer is silent for longer than consent lasts.
 */
#include "test_sim.h"

#include <stdlib.h>
#include <string.h>

#include "test/sim/connection_side.h"
#include "test/sim/homes.h"

#define SEEDS_IN_CHECK 4
#define SEEDS_WITH_LOSS 12
#define WARM_UP_US (5 * SIM_SECOND_US)    /* to be connected, and for jitter buffers to know their network */
#define RESTART_EVERY_US (3 * SIM_SECOND_US)
#define RESTARTS 5
#define RESTART_TAKES_US (100 * SIM_MILLISECOND_US) /* until the answer is there, and new paths are tried */
#define BAD_RESTART_US 500000
#define MORE_THAN_USUAL_US (100 * SIM_MILLISECOND_US)
#define AGAIN_US (10 * SIM_SECOND_US)

static struct homes homes;
static struct connection_side sides[2];

static void start_call(uint64_t seed, const char *offerer, const char *answerer, double loss, enum peer_bundle_policy policy) {
    struct homes_config config = {.kinds = {nat_named_kind_index(offerer), nat_named_kind_index(answerer)}, .has_turn = true, .up = homes_bad_link(loss)};
    struct connection_side_config configs[2];
    homes_build(&homes, seed, &config);
    for (int i = 0; i < 2; i++)
        configs[i] = (struct connection_side_config){.interfaces = {homes.interfaces[i]}, .interface_count = 1, .servers = homes.servers,
                                                     .server_count = homes.server_count, .certificate = homes_certificate(i), .bundle_policy = policy};
    connection_sides_start(homes.sim, sides, configs);
}

static void end_call(void) {
    connection_sides_free(sides);
    for (int i = 0; i < HOMES_STUN_SERVERS; i++)
        sim_stun_server_free(homes.stun[i]);
    sim_free(homes.sim);
    sim_turn_server_free(homes.turn);
}

static void run_until(uint64_t since_start_us) {
    sim_set_deadline(homes.sim, since_start_us);
    while (sim_step(homes.sim)) {
    }
    sim_require(homes.sim, sim_end(homes.sim) != SIM_HUNG);
}

static void require(bool condition, const char *what, int line) {
    if (condition)
        return;
    for (int i = 0; i < 2; i++)
        connection_side_explain(&sides[i]);
    sim_require_at(homes.sim, false, what, __FILE__, line);
}
#define REQUIRE(condition) require((condition), #condition, __LINE__)

static void require_up(void) {
    for (int i = 0; i < 2; i++) {
        REQUIRE(sides[i].state == PEER_CONNECTION_CONNECTED);
        for (size_t media = 0; media < 2; media++)
            REQUIRE(sides[i].media[media].damaged == 0);
    }
}

/* ---- on request --------------------------------------------------------------------------------------------------------------------- */

static void restart_now(struct sim *sim, void *context) {
    struct connection_side *side = context;
    REQUIRE(peer_connection_restart_ice(side->connection, sim_now(sim)) == PEER_OK);
}

/*
 * Loss whose media is the same with and without restarts: whether an RTP packet is lost follows from what it is, whichever way it takes. Checks and
 * all else are lost one by one; RTCP is not, since when it goes out is drawn, and a lost request for a key frame would be the longer gap.
 */
struct loss {
    uint64_t seed, state;
    double probability;
    uint64_t asked, lost, withheld;
    bool restarts_are_bad, has_no_media; /* each restart withholds media for a while: what this test is there to see */
};

static bool passes(void *context, uint64_t number, const struct sim_path *path, const uint8_t *bytes, size_t length) {
    struct loss *loss = context;
    (void)number, (void)path;
    if (length > 4 && bytes[0] >= 0x40 && bytes[0] <= 0x4F) { /* a channel of a relay */
        bytes += 4;
        length -= 4;
    }
    bool is_media = length >= 12 && bytes[0] >= 128 && bytes[0] <= 191, is_control = is_media && bytes[1] >= 192 && bytes[1] <= 223;
    if (is_media && loss->has_no_media) {
        loss->withheld++;
        return false;
    }
    if (is_control)
        return true;
    uint64_t z = loss->seed;
    for (size_t i = 2; i < 12 && is_media; i++) /* sequence number, timestamp, SSRC */
        z = (z ^ bytes[i]) * UINT64_C(0x100000001B3);
    if (!is_media)
        z = loss->state += UINT64_C(0x9E3779B97F4A7C15);
    /* splitmix64, public domain */
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    bool is_lost = (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0 < loss->probability;
    loss->asked++;
    loss->lost += is_lost;
    return !is_lost;
}

/* What one call was like from WARM_UP_US to the end. */
struct call {
    uint64_t longest_gap_us; /* between two frames that came out, of both sides and both kinds */
    uint64_t frozen_us;      /* of both pictures */
};

enum how { WITHOUT_RESTARTS, WITH_RESTARTS, WITH_BAD_RESTARTS };

static void run_restarts(struct loss *filter) {
    uint64_t end_us = WARM_UP_US + RESTARTS * RESTART_EVERY_US;
    for (uint64_t at_us = WARM_UP_US; at_us < end_us; at_us += RESTART_EVERY_US) {
        run_until(at_us + RESTART_TAKES_US);
        filter->has_no_media = filter->restarts_are_bad;
        run_until(at_us + RESTART_TAKES_US + BAD_RESTART_US);
        filter->has_no_media = false;
    }
    run_until(end_us);
}

static struct call watch_call(uint64_t seed, const char *const kinds[2], double loss, enum how how) {
    struct loss filter = {.seed = seed, .state = seed, .probability = loss, .restarts_are_bad = how == WITH_BAD_RESTARTS};
    struct call call = {0, 0};
    start_call(seed, kinds[0], kinds[1], 0.0, PEER_BUNDLE_BALANCED);
    sim_network_set_filter(sim_network_of(homes.sim), passes, &filter);
    run_until(WARM_UP_US);
    require_up();
    for (int i = 0; i < 2; i++)
        connection_side_watch_gaps(&sides[i], sim_now(homes.sim));
    for (unsigned i = 0; i < RESTARTS && how != WITHOUT_RESTARTS; i++) /* by turns, and once by both at a time */
        for (int k = 0; k < 2; k++)
            if (i % 2 == (unsigned)k || i == RESTARTS - 1)
                sim_at(homes.sim, SIM_START_US + WARM_UP_US + i * RESTART_EVERY_US, restart_now, &sides[k], sides[k].endpoint);
    run_restarts(&filter);
    require_up();
    for (int i = 0; i < 2; i++) {
        struct ice_statistics ice;
        ice_agent_statistics(peer_transport_ice(peer_connection_transport(sides[i].connection, 0)), &ice);
        REQUIRE(ice.restarts >= (how == WITHOUT_RESTARTS ? 0 : RESTARTS) && sides[i].disconnections == 0 && sides[i].failures == 0);
        for (size_t media = 0; media < 2; media++) {
            uint64_t gap_us = sides[i].media[media].longest_gap_us;
            call.longest_gap_us = gap_us > call.longest_gap_us ? gap_us : call.longest_gap_us;
        }
        call.frozen_us += sides[i].media[CONNECTION_SIDE_VIDEO].frozen_us;
    }
    /* The network was as bad as was asked for, and has lost nothing but what it says. */
    struct sim_counters up = sim_network_interface_up_link(sim_network_of(homes.sim), homes.interfaces[0])->counters,
                             all = sim_network_counters(sim_network_of(homes.sim));
    REQUIRE(up.sent > 2000 && up.reordered > up.sent / 100 && up.duplicated > up.sent / 100 && up.dropped_loss == 0);
    REQUIRE(all.dropped_by_script == filter.lost + filter.withheld && (double)filter.lost >= loss / 4 * (double)filter.asked &&
            (double)filter.lost <= loss * 2 * (double)filter.asked);
    sim_turn_server_require_no_wrong(homes.turn);
    end_call();
    return call;
}

/* Calls on one network, one after another; gaps are in microseconds. */
struct calls {
    uint64_t count, longest_gap_us, frozen_us;
    uint64_t most_over_usual_us; /* by which the longest gap of a call was longer than in the same call without restarts */
};

static struct calls watch_calls(double loss, enum how how) {
    static const char *const pairs[][2] = {{"port-restricted", "full-cone"}, {"symmetric", "symmetric"}, {"none", "none"}};
    struct sim_seeds seeds = sim_seeds(1, loss > 0 ? SEEDS_WITH_LOSS : SEEDS_IN_CHECK);
    struct calls calls = {0, 0, 0, 0};
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        struct call call = watch_call(seed, pairs[seed % COUNT(pairs)], loss, how), usual = {0, 0};
        if (how != WITHOUT_RESTARTS && loss == 0)
            usual = watch_call(seed, pairs[seed % COUNT(pairs)], loss, WITHOUT_RESTARTS);
        uint64_t over_us = call.longest_gap_us > usual.longest_gap_us ? call.longest_gap_us - usual.longest_gap_us : 0;
        calls.most_over_usual_us = over_us > calls.most_over_usual_us ? over_us : calls.most_over_usual_us;
        calls.longest_gap_us = call.longest_gap_us > calls.longest_gap_us ? call.longest_gap_us : calls.longest_gap_us;
        calls.frozen_us += call.frozen_us;
        calls.count++;
    }
    return calls;
}

/* Issue 4, part 3: while the old path works, no gap between frames is more than 100 ms longer than is usual on that network. */
static void restarts_are_not_noticed(void **state) {
    (void)state;
    struct calls with = watch_calls(0.0, WITH_RESTARTS), bad = watch_calls(0.0, WITH_BAD_RESTARTS);
    print_message("    no loss: in %llu calls, %d restarts make the longest gap between frames %llu ms longer at the most; with %d ms of silence each, %llu ms\n",
                  (unsigned long long)with.count, RESTARTS, (unsigned long long)with.most_over_usual_us / 1000, BAD_RESTART_US / 1000,
                  (unsigned long long)bad.most_over_usual_us / 1000);
    assert_true(with.most_over_usual_us <= MORE_THAN_USUAL_US);
    assert_true(bad.most_over_usual_us > MORE_THAN_USUAL_US); /* it would be seen */
}

/* How much longer the picture stands still for each restart, on average over the calls of both directions. */
static int64_t frozen_per_restart_us(const struct calls *with, const struct calls *without) {
    return ((int64_t)with->frozen_us - (int64_t)without->frozen_us) / (int64_t)(with->count * 2 * RESTARTS);
}

/*
 * Where packets get lost, the longest gap of one call says nothing: a lost packet stops the picture until the next key frame, which may be lost, too, and
 * which frame that is, restarts or not, hangs on a few milliseconds. What is no accident is the time that the picture stands still, summed over many calls.
 */
static void restarts_are_not_noticed_under_loss(void **state) {
    (void)state;
    static const double losses[] = {0.02, 0.05};
    for (size_t l = 0; l < COUNT(losses); l++) {
        struct calls without = watch_calls(losses[l], WITHOUT_RESTARTS), with = watch_calls(losses[l], WITH_RESTARTS), bad = watch_calls(losses[l], WITH_BAD_RESTARTS);
        int64_t more_us = frozen_per_restart_us(&with, &without), bad_us = frozen_per_restart_us(&bad, &without);
        print_message("    %.0f %% loss: in %llu calls the picture stands still for %llu ms, with restarts for %lld ms more each; with %d ms of silence, %lld ms\n",
                      100.0 * losses[l], (unsigned long long)without.count, (unsigned long long)without.frozen_us / 1000, (long long)more_us / 1000,
                          BAD_RESTART_US / 1000,
                      (long long)bad_us / 1000);
        assert_true(more_us <= (int64_t)MORE_THAN_USUAL_US);
        assert_true(bad_us > (int64_t)MORE_THAN_USUAL_US); /* it would be seen */
    }
}

/* ---- by itself ------------------------------------------------------------------------------------------------------------------------ */

/* Both hear and see the other again, without anybody having been asked; returns how long after the moment. */
static uint64_t again_after(uint64_t since_start_us, uint64_t patience_us) {
    for (int i = 0; i < 2; i++)
        sides[i].watched_us = SIM_START_US + since_start_us;
    run_until(since_start_us + patience_us);
    uint64_t last_us = 0;
    for (int i = 0; i < 2; i++)
        for (size_t media = 0; media < 2; media++) {
            REQUIRE(sides[i].media[media].resumed_us > 0 && sides[i].media[media].damaged == 0);
            uint64_t us = sides[i].media[media].resumed_us - sides[i].watched_us;
            last_us = us > last_us ? us : last_us;
        }
    REQUIRE(sides[0].state == PEER_CONNECTION_CONNECTED && sides[1].state == PEER_CONNECTION_CONNECTED);
    return last_us;
}

static int second_interface;

static void change_interface(struct sim *sim, void *context) {
    (void)context;
    sim_network_set_interface_up(sim_network_of(sim), homes.interfaces[0], false);
    connection_side_set_interfaces(&sides[0], &second_interface, 1);
}

/* From one network to another, at once: the offer that restarts goes out by itself */
static void interface_lost(void **state) {
    (void)state;
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    uint64_t longest_us = 0;
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        start_call(seed, "port-restricted", "symmetric", 0.02, PEER_BUNDLE_BALANCED);
        struct sim_link_config up = homes_bad_link(0.02), down = {.delay_us = HOMES_DOWN_US};
        struct nat_config nat = {.filtering = NAT_ADDRESS_AND_PORT_DEPENDENT};
        int realm = sim_network_add_nat(sim_network_of(homes.sim), SIM_PUBLIC, "198.51.100.77", &nat, NULL, NULL);
        second_interface = sim_network_add_interface(sim_network_of(homes.sim), realm, "10.77.0.2", &up, &down);
        run_until(WARM_UP_US);
        require_up();
        sim_at(homes.sim, SIM_START_US + WARM_UP_US, change_interface, NULL, -1);
        uint64_t us = again_after(WARM_UP_US + SIM_MILLISECOND_US, AGAIN_US);
        REQUIRE(sides[0].restarts_needed > 0);
        longest_us = us > longest_us ? us : longest_us;
        end_call();
    }
    print_message("    another interface: media again after %llu ms at the longest\n", (unsigned long long)longest_us / 1000);
}

static void kill_server(struct sim *sim, void *context) {
    (void)sim;
    (void)context;
    sim_turn_server_kill(homes.turn);
}

static void start_server(struct sim *sim, void *context) {
    (void)sim;
    (void)context;
    sim_turn_server_start(homes.turn);
}

/* The TURN server is started anew and knows no relay: within 10 s of its listening again, media flows */
static void relay_gone(void **state) {
    (void)state;
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    uint64_t longest_us = 0;
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        uint64_t dead_us = (1 + seed % 3 * 5) * SIM_SECOND_US;
        start_call(seed, "symmetric", "symmetric", 0.02, PEER_BUNDLE_BALANCED);
        run_until(WARM_UP_US);
        require_up();
        REQUIRE(sides[0].local_type == ICE_CANDIDATE_RELAYED || sides[0].remote_type == ICE_CANDIDATE_RELAYED || sides[1].local_type == ICE_CANDIDATE_RELAYED);
        sim_at(homes.sim, SIM_START_US + WARM_UP_US, kill_server, NULL, -1);
        sim_at(homes.sim, SIM_START_US + WARM_UP_US + dead_us, start_server, NULL, -1);
        uint64_t us = again_after(WARM_UP_US + dead_us + SIM_MILLISECOND_US, AGAIN_US);
        REQUIRE(sides[0].restarts_needed + sides[1].restarts_needed > 0);
        longest_us = us > longest_us ? us : longest_us;
        end_call();
    }
    print_message("    the TURN server started anew: media again after %llu ms at the longest\n", (unsigned long long)longest_us / 1000);
}

static bool nothing_passes(void *context, uint64_t number, const struct sim_path *path, const uint8_t *bytes, size_t length) {
    (void)context, (void)number, (void)path, (void)bytes, (void)length;
    return false;
}

/*
 * The network is silent until consent is late, until it is lost (RFC 7675), and until all has failed; then it is back, and so is the call. After
 * a failure it is the application that asks (W3C webrtc section 4.4.2, restartIce).
 */
static void consent_lost(void **state) {
    (void)state;
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    uint64_t longest_us = 0;
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        static const uint64_t silent_s[] = {12, 35, 60};
        uint64_t silent_us = silent_s[seed % COUNT(silent_s)] * SIM_SECOND_US;
        bool has_failed = seed % COUNT(silent_s) == 2;
        start_call(seed, "port-restricted", "full-cone", 0.02, PEER_BUNDLE_BALANCED);
        run_until(WARM_UP_US);
        require_up();
        sim_network_set_filter(sim_network_of(homes.sim), nothing_passes, NULL);
        run_until(WARM_UP_US + silent_us);
        REQUIRE(sides[0].restarts_needed + sides[1].restarts_needed > 0);
        for (int i = 0; i < 2; i++)
            REQUIRE(has_failed ? sides[i].state == PEER_CONNECTION_FAILED : sides[i].state != PEER_CONNECTION_CONNECTED);
        sim_network_set_filter(sim_network_of(homes.sim), NULL, NULL);
        if (has_failed)
            sim_at(homes.sim, sim_now(homes.sim), restart_now, &sides[seed & 1], sides[seed & 1].endpoint);
        uint64_t us = again_after(WARM_UP_US + silent_us, AGAIN_US);
        longest_us = us > longest_us ? us : longest_us;
        end_call();
    }
    print_message("    silence of 12, 35 and 60 s: media again after %llu ms at the longest\n", (unsigned long long)longest_us / 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restarts_are_not_noticed), cmocka_unit_test(restarts_are_not_noticed_under_loss), cmocka_unit_test(interface_lost),
        cmocka_unit_test(relay_gone),               cmocka_unit_test(consent_lost),
    };
    return cmocka_run_group_tests(tests, homes_set_up, homes_tear_down);
}
