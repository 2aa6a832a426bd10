/*
 * What happens to a call that runs: its TURN server dies, its interface goes, its NAT forgets, the network is silent; and ICE restarts,
 * many of them, under loss. In every case media flows again by itself, and the test says how soon.
 */
#include "test_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/homes.h"

#define SEEDS_IN_CHECK 2
#define LISTENING_TO_MEDIA_US (10 * SIM_SECOND_US) /* the measure */
#define EVENT_US (10 * SIM_SECOND_US)              /* when it happens, after the start */

static struct homes homes;

struct times {
    uint64_t us[2000];
    size_t count;
};

static void note(struct times *times, uint64_t us) {
    if (times->count < COUNT(times->us))
        times->us[times->count++] = us;
}

static int compare(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void print_times(const char *what, struct times *times) {
    assert_true(times->count > 0);
    qsort(times->us, times->count, sizeof times->us[0], compare);
    print_message("    %s: %zu times, media again after %llu ms (median), %llu (95 %%), %llu (the longest)\n", what, times->count,
                  (unsigned long long)times->us[times->count / 2] / 1000, (unsigned long long)times->us[times->count * 95 / 100] / 1000,
                  (unsigned long long)times->us[times->count - 1] / 1000);
}

/* A call with media for so long, that restarts when it needs to. */
static void start_call(uint64_t seed, const char *offerer, const char *answerer, double loss, unsigned seconds) {
    struct homes_config config = {.kinds = {nat_named_kind_index(offerer), nat_named_kind_index(answerer)}, .has_turn = true, .up = homes_bad_link(loss)};
    homes_build(&homes, seed, &config);
    homes_call(&homes, &(struct transport_side_config){.trickles = true, .restarts = true, .frames = seconds * 50});
}

static void run_until(uint64_t since_start_us) {
    sim_set_deadline(homes.sim, since_start_us);
    while (sim_step(homes.sim)) {
    }
    sim_require(homes.sim, sim_end(homes.sim) != SIM_HUNG);
}

static void watch_from(uint64_t since_start_us) {
    for (int i = 0; i < 2; i++) {
        homes.sides[i].watched_us = SIM_START_US + since_start_us;
        homes.sides[i].resumed_us = 0;
    }
}

static void require(bool condition, const char *what) {
    if (condition)
        return;
    for (int i = 0; i < 2; i++)
        transport_side_explain(&homes.sides[i]);
    sim_require_at(homes.sim, false, what, __FILE__, __LINE__);
}
#define REQUIRE(condition) require((condition), #condition)

/* Both hear the other again; returns how long after the moment that was watched. */
static uint64_t resumed_after(void) {
    uint64_t last_us = 0;
    for (int i = 0; i < 2; i++) {
        const struct transport_side *side = &homes.sides[i];
        REQUIRE(side->resumed_us > 0);
        REQUIRE(side->frames_damaged == 0 && side->frames_doubled == 0);
        uint64_t us = side->resumed_us - side->watched_us;
        last_us = us > last_us ? us : last_us;
    }
    return last_us;
}

/* ---- the TURN server dies -------------------------------------------------------------------------------------------------------- */

static void kill_server(struct sim *sim, void *context) {
    (void)sim;
    sim_turn_server_kill(context);
}

static void start_server(struct sim *sim, void *context) {
    (void)sim;
    sim_turn_server_start(context);
}

static void server_dies(const char *offerer, const char *answerer, uint64_t dead_us, double loss, bool icmp) {
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    struct times times = {.count = 0};
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        start_call(seed, offerer, answerer, loss, 60);
        sim_network_set_icmp(sim_network_of(homes.sim), icmp);
        uint64_t kill_us = EVENT_US + sim_random_below(sim_random_of(homes.sim), SIM_SECOND_US);
        sim_at(homes.sim, SIM_START_US + kill_us, kill_server, homes.turn, -1);
        sim_at(homes.sim, SIM_START_US + kill_us + dead_us, start_server, homes.turn, -1);
        watch_from(kill_us + dead_us);
        run_until(kill_us);
        REQUIRE(transport_sides_are_connected(homes.sides) && transport_sides_are_relayed(homes.sides));
        run_until(kill_us + dead_us + 30 * SIM_SECOND_US);
        uint64_t us = resumed_after();
        REQUIRE(us <= LISTENING_TO_MEDIA_US);
        note(&times, us);
        sim_turn_server_require_no_wrong(homes.turn);
        homes_free(&homes);
    }
    char what[128];
    snprintf(what, sizeof what, "TURN server killed, listening again after %llu s; %s with %s, %.0f %% loss%s", (unsigned long long)(dead_us / SIM_SECOND_US), offerer,
             answerer, 100.0 * loss, icmp ? ", ICMP" : "");
    print_times(what, &times);
}

/* The measure of the issue: media flows again within 10 s of the server's listening again. */
static void turn_server_killed_and_started_again(void **state) {
    (void)state;
    server_dies("symmetric", "symmetric", 1 * SIM_SECOND_US, 0.0, true);
    server_dies("symmetric", "symmetric", 1 * SIM_SECOND_US, 0.0, false);
    server_dies("symmetric", "symmetric", 5 * SIM_SECOND_US, 0.05, false);
    server_dies("symmetric", "port-restricted", 20 * SIM_SECOND_US, 0.1, false);
}

static void turn_server_over_a_stream_killed_and_started_again(void **state) {
    (void)state;
    server_dies("no-udp", "symmetric", 1 * SIM_SECOND_US, 0.0, false);
    server_dies("no-udp", "no-udp", 5 * SIM_SECOND_US, 0.05, false);
    server_dies("full-cone", "no-udp", 20 * SIM_SECOND_US, 0.05, false);
}

/* ---- restarts ----------------------------------------------------------------------------------------------------------------------- */

static void restart_now(struct sim *sim, void *context) {
    (void)sim;
    transport_side_restart(context);
}

/* RFC 8445 section 9: one every five seconds, and nobody who only looks at the media notices. */
static void restarts_under_loss_do_not_interrupt(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"port-restricted", "full-cone"}, {"symmetric", "symmetric"}, {"none", "no-udp"}, {"shared-port", "double-nat"}};
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    uint64_t longest_us = 0;
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        double loss = (double)(seed % 11) / 100.0;
        const char *const *pair = pairs[seed % COUNT(pairs)];
        start_call(seed, pair[0], pair[1], loss, 60);
        for (unsigned i = 1; i <= 6; i++)
            sim_at(homes.sim, SIM_START_US + EVENT_US + i * 5 * SIM_SECOND_US, restart_now, &homes.sides[0], homes.sides[0].endpoint);
        run_until(60 * SIM_SECOND_US);
        for (int i = 0; i < 2; i++) {
            const struct transport_side *side = &homes.sides[i];
            REQUIRE(side->restarts >= 6 && side->failures == 0 && side->state == PEER_TRANSPORT_CONNECTED);
            REQUIRE(side->frames_damaged == 0 && side->frames_doubled == 0);
            REQUIRE(side->selections >= 6);
            longest_us = side->longest_gap_us > longest_us ? side->longest_gap_us : longest_us;
            REQUIRE(side->longest_gap_us < 2 * SIM_SECOND_US);
        }
        sim_turn_server_require_no_wrong(homes.turn);
        homes_free(&homes);
    }
    print_message("    six restarts each: the longest gap in the media %llu ms\n", (unsigned long long)longest_us / 1000);
}

/* ---- the network changes ------------------------------------------------------------------------------------------------------------------ */

/* The offerer gets a second way out, behind a NAT of its own. */
static int add_second_interface(void) {
    struct sim_network *network = sim_network_of(homes.sim);
    struct sim_link_config up = homes_bad_link(0.02), down = {.delay_us = HOMES_DOWN_US};
    struct nat_config nat = {.filtering = NAT_ADDRESS_AND_PORT_DEPENDENT};
    int realm = sim_network_add_nat(network, SIM_PUBLIC, "198.51.100.77", &nat, NULL, NULL);
    return sim_network_add_interface(network, realm, "10.77.0.2", &up, &down);
}

struct change {
    int interfaces[2];
    size_t count;
};

static void change_interfaces(struct sim *sim, void *context) {
    const struct change *change = context;
    struct sim_network *network = sim_network_of(sim);
    bool has_first = false;
    for (size_t i = 0; i < change->count; i++)
        has_first = has_first || change->interfaces[i] == homes.interfaces[0];
    sim_network_set_interface_up(network, homes.interfaces[0], has_first);
    transport_side_set_interfaces(&homes.sides[0], change->interfaces, change->count);
}

/* From one network to the other and back, as a telephone does. */
static void an_interface_goes_and_comes(void **state) {
    (void)state;
    static const char *const answerers[] = {"none", "port-restricted", "symmetric", "full-cone"};
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    struct times away = {.count = 0}, back = {.count = 0};
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        start_call(seed, "port-restricted", answerers[seed % COUNT(answerers)], 0.02, 80);
        int second = add_second_interface();
        struct change leave = {{second}, 1}, come = {{homes.interfaces[0], second}, 2};
        sim_at(homes.sim, SIM_START_US + EVENT_US, change_interfaces, &leave, homes.sides[0].endpoint);
        watch_from(EVENT_US + 100 * SIM_MILLISECOND_US); /* what was on its way has arrived */
        run_until(3 * EVENT_US);
        note(&away, resumed_after());
        sim_at(homes.sim, SIM_START_US + 3 * EVENT_US, change_interfaces, &come, homes.sides[0].endpoint);
        watch_from(3 * EVENT_US);
        run_until(5 * EVENT_US);
        note(&back, resumed_after());
        REQUIRE(homes.sides[0].state == PEER_TRANSPORT_CONNECTED && homes.sides[1].state == PEER_TRANSPORT_CONNECTED);
        sim_turn_server_require_no_wrong(homes.turn);
        homes_free(&homes);
    }
    print_times("the interface has gone, another takes over", &away);
    print_times("it is there again", &back);
    assert_true(away.us[away.count - 1] < 5 * SIM_SECOND_US);
    assert_true(back.us[back.count - 1] < SIM_SECOND_US);
}

static void forget_mappings(struct sim *sim, void *context) {
    nat_reboot(sim_network_nat(sim_network_of(sim), *(const int *)context));
}

/* A NAT is switched off and on: all mappings are gone, new ones have new ports. */
static void a_nat_forgets(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"port-restricted", "none"}, {"port-restricted", "port-restricted"}, {"symmetric", "symmetric"}, {"full-cone", "symmetric"}};
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    struct times times = {.count = 0};
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        start_call(seed, pairs[seed % COUNT(pairs)][0], pairs[seed % COUNT(pairs)][1], 0.02, 60);
        sim_at(homes.sim, SIM_START_US + EVENT_US, forget_mappings, &homes.realms[0], -1);
        watch_from(EVENT_US + 200 * SIM_MILLISECOND_US);
        run_until(EVENT_US + 40 * SIM_SECOND_US);
        note(&times, resumed_after());
        /* Seen from outside the client is another one now, whose refresh names no allocation. */
        REQUIRE(sim_turn_server_wrongs(homes.turn) == sim_turn_server_counters(homes.turn)->wrongs[SIM_TURN_WRONG_NO_ALLOCATION]);
        homes_free(&homes);
    }
    print_times("a NAT has forgotten all mappings", &times);
    assert_true(times.us[times.count - 1] < 20 * SIM_SECOND_US);
}

/* ---- silence ----------------------------------------------------------------------------------------------------------------------------- */

static void set_silence(bool is_silent, double loss) {
    for (int i = 0; i < 2; i++)
        sim_network_interface_up_link(sim_network_of(homes.sim), homes.interfaces[i])->config.loss = is_silent ? 1.0 : loss;
}

static void fall_silent(struct sim *sim, void *context) {
    (void)sim;
    (void)context;
    set_silence(true, 0.0);
}

static void speak_again(struct sim *sim, void *context) {
    (void)sim;
    set_silence(false, *(const double *)context);
}

/* What both hosts hand to the network in the middle of a silence: requests, perhaps, but no media once consent has expired. */
static uint64_t sent_by_both(void) {
    uint64_t sum = 0;
    for (int i = 0; i < 2; i++)
        sum += sim_network_interface_up_link(sim_network_of(homes.sim), homes.interfaces[i])->counters.sent;
    return sum;
}

/*
 * RFC 7675 section 5.1: short silences are survived; in a long one consent expires after 30 s, and from then on no media is sent. Restarts
 * bring the call back when somebody can hear them.
 */
static void the_network_is_silent(void **state) {
    (void)state;
    static const unsigned silences_s[] = {4, 25, 60};
    double loss = 0.03;
    for (size_t which = 0; which < COUNT(silences_s); which++) {
        struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
        struct times times = {.count = 0};
        unsigned failed = 0;
        for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
            uint64_t until_us = EVENT_US + silences_s[which] * SIM_SECOND_US;
            start_call(seed, seed % 2 ? "port-restricted" : "symmetric", "symmetric", loss, 150);
            sim_at(homes.sim, SIM_START_US + EVENT_US, fall_silent, NULL, -1);
            sim_at(homes.sim, SIM_START_US + until_us, speak_again, &loss, -1);
            watch_from(until_us);
            if (silences_s[which] > 50) {
                run_until(EVENT_US + 40 * SIM_SECOND_US);
                uint64_t sent = sent_by_both();
                run_until(EVENT_US + 50 * SIM_SECOND_US);
                REQUIRE(sent_by_both() - sent < 10 * 20); /* media would be 10 * 50 from each */
            }
            run_until(until_us + 60 * SIM_SECOND_US);
            note(&times, resumed_after());
            failed += homes.sides[0].failures > 0 || homes.sides[1].failures > 0;
            homes_free(&homes);
        }
        char what[64];
        snprintf(what, sizeof what, "silence of %u s (%u of the calls had failed)", silences_s[which], failed);
        print_times(what, &times);
        assert_int_equal(failed, silences_s[which] < 30 ? 0 : seeds.count);
        assert_true(times.us[times.count - 1] < 20 * SIM_SECOND_US);
    }
}

/* ---- five minutes without a word -------------------------------------------------------------------------------------------------------- */

/* RFC 8445 section 11, RFC 7675 section 5.1: mappings that are forgotten after 20 s of silence stay open, without media. */
static void keepalives_hold_short_mappings_open(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"short-timeout", "none"}, {"short-timeout", "short-timeout"}, {"short-timeout", "port-restricted"},
                                           {"short-timeout", "symmetric"}};
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        double loss = (double)(seed % 11) / 100.0;
        start_call(seed, pairs[seed % COUNT(pairs)][0], pairs[seed % COUNT(pairs)][1], loss, 1);
        run_until(310 * SIM_SECOND_US);
        for (int i = 0; i < 2; i++) {
            REQUIRE(homes.sides[i].state == PEER_TRANSPORT_CONNECTED && homes.sides[i].restarts == 0 && homes.sides[i].failures == 0);
            homes.sides[i].frames_received = 0;
        }
        watch_from(310 * SIM_SECOND_US);
        for (int i = 0; i < 2; i++)
            transport_side_send_more(&homes.sides[i], 100);
        run_until(314 * SIM_SECOND_US);
        REQUIRE(resumed_after() < SIM_SECOND_US);
        for (int i = 0; i < 2; i++)
            REQUIRE(homes.sides[i].frames_received > 70);
        sim_turn_server_require_no_wrong(homes.turn);
        homes_free(&homes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turn_server_killed_and_started_again),
        cmocka_unit_test(turn_server_over_a_stream_killed_and_started_again),
        cmocka_unit_test(restarts_under_loss_do_not_interrupt),
        cmocka_unit_test(an_interface_goes_and_comes),
        cmocka_unit_test(a_nat_forgets),
        cmocka_unit_test(the_network_is_silent),
        cmocka_unit_test(keepalives_hold_short_mappings_open),
    };
    return cmocka_run_group_tests(tests, homes_set_up, homes_tear_down);
}
