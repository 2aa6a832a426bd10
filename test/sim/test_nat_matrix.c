/*
 * The whole matrix of docs/nat-pairs.md: every pair of named kinds, from seeds, with 0 to 20 % loss each way, jitter, reordering and
 * duplication; once with a TURN server, once with STUN only. Where the table says direct, a call that ends on a relay has failed; where
 * it says relay, one that gets through directly would be the simulator's mistake, and without TURN it must fail, with a verdict.
 *
 * SIM_SEEDS=n seeds for each pair (make nat-matrix-sim: 100), SIM_SEED=n one, SIM_PROCESSES=n at a time, SIM_CELL=a,b one pair.
 */
#include "test_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/sim/homes.h"

#define VERDICT_US (45 * SIM_SECOND_US)
#define SETTLE_US (20 * SIM_SECOND_US) /* a call that got through by a relay first has this long to move */
#define LOSSES 21                      /* 0, 1, ... 20 % */
#define SEEDS_IN_CHECK 6
#define SEEDS_MAX 1000
#define PROCESSES_MAX 16

struct cell {
    uint32_t runs, direct, relay, none, moved, late, damaged, wrongs, hung;
    uint64_t first_bad_seed; /* 0: none */
    uint32_t setup_us[SEEDS_MAX];
    uint32_t setup_count;
};

/* Shared by the processes; each fills cells of its own. */
struct results {
    struct cell cells[NAT_KINDS_NAMED][NAT_KINDS_NAMED];
    struct sim_counters lossy[PROCESSES_MAX][LOSSES];
};

static double loss_of(uint64_t seed) {
    return (double)(seed % LOSSES) / 100.0;
}

static bool frames_are_good(const struct transport_side *side, double loss) {
    /* Six standard deviations below what should have come. */
    double expected = SIDE_FRAMES * (1.0 - loss);
    return side->frames_damaged == 0 && side->frames_doubled == 0 && (double)side->frames_received >= expected - 6.0 * 2.83 - 1.0;
}

static bool are_good(const struct transport_side sides[2], double loss) {
    return frames_are_good(&sides[0], loss) && frames_are_good(&sides[1], loss);
}

static bool is_settled(const struct homes *homes, uint64_t seed, bool expects_direct) {
    const struct transport_side *sides = homes->sides;
    if (!transport_sides_have_verdict(sides))
        return false;
    if (!transport_sides_are_connected(sides))
        return true;
    /* What a stream has to send again comes late. */
    if (are_good(sides, loss_of(seed)) && !(expects_direct && transport_sides_are_relayed(sides)))
        return true;
    return sim_now(homes->sim) > sides[0].connected_us + SETTLE_US;
}

static uint64_t verdict_us(const struct transport_side *side) {
    uint64_t us = side->connected_us ? side->connected_us : side->failed_us;
    return us ? us - side->started_us : UINT64_MAX;
}

static void explain(struct homes *homes, uint64_t seed, size_t a, size_t b, const char *what) {
    printf("SIM_SEED=%llu SIM_CELL=%zu,%zu: %s with %s: %s\n", (unsigned long long)seed, a, b, nat_named_kind_at(a)->name, nat_named_kind_at(b)->name, what);
    sim_explain(homes->sim, what);
    for (int i = 0; i < 2; i++) {
        const struct transport_side *side = &homes->sides[i];
        printf("    %u of %u frames, %u damaged, %u doubled\n", side->frames_received, side->other->frames_sent, side->frames_damaged, side->frames_doubled);
        transport_side_explain(side);
    }
    if (homes->turn && sim_turn_server_wrongs(homes->turn) > 0)
        for (int i = 0; i < SIM_TURN_WRONGS; i++)
            if (sim_turn_server_counters(homes->turn)->wrongs[i] > 0)
                printf("    TURN server: %s: %llu times\n", sim_turn_wrong_name((enum sim_turn_wrong)i),
                       (unsigned long long)sim_turn_server_counters(homes->turn)->wrongs[i]);
    fflush(stdout);
}

/* What happened, and what of it should not have. */
static void judge(struct homes *homes, uint64_t seed, size_t a, size_t b, bool has_turn, struct cell *cell) {
    struct transport_side *sides = homes->sides;
    bool is_connected = transport_sides_are_connected(sides), is_relayed = is_connected && transport_sides_are_relayed(sides);
    bool expects_direct = nat_named_pair(a, b) == NAT_PAIR_DIRECT;
    uint64_t first_us = verdict_us(&sides[0]), second_us = verdict_us(&sides[1]), last_us = first_us > second_us ? first_us : second_us;
    bool was_relayed = is_connected && (sides[0].first_selection.local == ICE_CANDIDATE_RELAYED || sides[1].first_selection.local == ICE_CANDIDATE_RELAYED);
    const char *problem = NULL;
    cell->runs++;
    cell->direct += is_connected && !is_relayed;
    cell->relay += is_relayed;
    cell->none += !is_connected;
    cell->moved += was_relayed && !is_relayed;
    if (is_connected && cell->setup_count < SEEDS_MAX)
        cell->setup_us[cell->setup_count++] = (uint32_t)last_us;
    if (sim_end(homes->sim) == SIM_HUNG) {
        cell->hung++;
        problem = sim_why(homes->sim);
    } else if (last_us > VERDICT_US) {
        cell->late++;
        problem = "no verdict within 45 s";
    } else if (is_connected && !are_good(sides, loss_of(seed))) {
        cell->damaged++;
        problem = "frames lost or damaged";
    } else if (homes->turn && sim_turn_server_wrongs(homes->turn) > 0) {
        cell->wrongs++;
        problem = "the TURN server was told something wrong";
    } else if (is_connected != (expects_direct || has_turn)) {
        problem = is_connected ? "connected, though there is no way" : "not connected, though there is a way";
    } else if (is_connected && is_relayed == expects_direct) {
        problem = is_relayed ? "relayed, though there is a direct way" : "direct, though there is no direct way";
    }
    if (problem && cell->first_bad_seed == 0) {
        cell->first_bad_seed = seed;
        explain(homes, seed, a, b, problem);
    }
}

static void run_cell(size_t a, size_t b, struct sim_seeds seeds, bool has_turn, struct cell *cell, struct sim_counters lossy[LOSSES]) {
    static struct homes homes;
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        bool is_swapped = seed % 2 == 0; /* each kind offers in half of the runs */
        struct homes_config config = {.kinds = {is_swapped ? b : a, is_swapped ? a : b}, .has_turn = has_turn, .up = homes_bad_link(loss_of(seed))};
        homes_build(&homes, seed * NAT_KINDS_NAMED * NAT_KINDS_NAMED + a * NAT_KINDS_NAMED + b, &config);
        homes_call(&homes, &(struct transport_side_config){.trickles = seed % 4 < 2});
        sim_set_deadline(homes.sim, 70 * SIM_SECOND_US);
        while (!is_settled(&homes, seed, nat_named_pair(a, b) == NAT_PAIR_DIRECT) && sim_step(homes.sim)) {
        }
        judge(&homes, seed, a, b, has_turn, cell);
        for (int i = 0; i < 2; i++)
            sim_counters_add(&lossy[seed % LOSSES], &sim_network_interface_up_link(sim_network_of(homes.sim), homes.interfaces[i])->counters);
        homes_free(&homes);
    }
}

/* ---- the whole of it ------------------------------------------------------------------------------------------------------------ */

static bool is_wanted(size_t a, size_t b) {
    const char *only = getenv("SIM_CELL");
    unsigned long wanted_a, wanted_b;
    char *end;
    if (!only || !*only)
        return true;
    wanted_a = strtoul(only, &end, 10);
    wanted_b = *end == ',' ? strtoul(end + 1, NULL, 10) : wanted_a;
    return a == wanted_a && b == wanted_b;
}

static unsigned process_count(void) {
    const char *text = getenv("SIM_PROCESSES");
    unsigned long count = text ? strtoul(text, NULL, 10) : 1;
    return count < 1 ? 1 : count > PROCESSES_MAX ? PROCESSES_MAX : (unsigned)count;
}

static void run_share(struct results *results, unsigned process, unsigned processes, struct sim_seeds seeds, bool has_turn) {
    unsigned number = 0;
    for (size_t a = 0; a < NAT_KINDS_NAMED; a++)
        for (size_t b = a; b < NAT_KINDS_NAMED; b++)
            if (is_wanted(a, b) && number++ % processes == process)
                run_cell(a, b, seeds, has_turn, &results->cells[a][b], results->lossy[process]);
}

static void run_all(struct results *results, struct sim_seeds seeds, bool has_turn) {
    unsigned processes = process_count();
    pid_t children[PROCESSES_MAX];
    fflush(stdout);
    for (unsigned i = 1; i < processes; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            run_share(results, i, processes, seeds, has_turn);
            fflush(stdout);
            _exit(0);
        }
    }
    run_share(results, 0, processes, seeds, has_turn);
    for (unsigned i = 1; i < processes; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
}

static int compare(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static void report_times(const char *what, uint32_t *us, size_t count, uint64_t round_trip_us) {
    if (count == 0)
        return;
    qsort(us, count, sizeof *us, compare);
    static const unsigned percents[] = {10, 50, 90, 99};
    printf("    set up %s, %zu calls:", what, count);
    for (size_t i = 0; i < COUNT(percents); i++)
        printf(" %u %% in %u ms (%.1f round trips),", percents[i], us[count * percents[i] / 100] / 1000, (double)us[count * percents[i] / 100] / (double)round_trip_us);
    printf(" the longest %u ms\n", us[count - 1] / 1000);
}

/* One line for each pair; then how long it took, and what the links did. Returns how many pairs were not as expected. */
static unsigned report(struct results *results, bool has_turn) {
    static uint32_t direct_us[NAT_KINDS_NAMED * NAT_KINDS_NAMED * SEEDS_MAX], relay_us[NAT_KINDS_NAMED * NAT_KINDS_NAMED * SEEDS_MAX];
    size_t directs = 0, relays = 0;
    unsigned bad = 0, runs = 0;
    for (size_t a = 0; a < NAT_KINDS_NAMED; a++) {
        for (size_t b = a; b < NAT_KINDS_NAMED; b++) {
            struct cell *cell = &results->cells[a][b];
            if (cell->runs == 0)
                continue;
            bool is_direct = nat_named_pair(a, b) == NAT_PAIR_DIRECT;
            runs += cell->runs;
            bad += cell->first_bad_seed != 0;
            memcpy(is_direct ? &direct_us[directs] : &relay_us[relays], cell->setup_us, cell->setup_count * sizeof cell->setup_us[0]);
            *(is_direct ? &directs : &relays) += cell->setup_count;
            qsort(cell->setup_us, cell->setup_count, sizeof cell->setup_us[0], compare);
            printf("    %-20s %-20s %-6s: %4u direct, %4u relay, %4u none, %3u moved; median %5u ms%s\n", nat_named_kind_at(a)->name,
                   nat_named_kind_at(b)->name, is_direct ? "direct" : has_turn ? "relay" : "none", cell->direct, cell->relay, cell->none, cell->moved,
                   cell->setup_count ? cell->setup_us[cell->setup_count / 2] / 1000 : 0, cell->first_bad_seed ? "   NOT AS EXPECTED" : "");
        }
    }
    report_times("directly", direct_us, directs, HOMES_DIRECT_ROUND_TRIP_US);
    report_times("by a relay", relay_us, relays, HOMES_RELAY_ROUND_TRIP_US);
    printf("    %u runs, %u pairs not as expected\n", runs, bad);
    return bad;
}

/* A quiet network must not pass for a bad one. */
static void require_bad_links(const struct results *results, uint64_t seed) {
    for (int loss = 0; loss < LOSSES; loss++) {
        struct sim_counters sum = {0};
        for (unsigned i = 0; i < PROCESSES_MAX; i++)
            sim_counters_add(&sum, &results->lossy[i][loss]);
        if (sum.sent < 1000)
            continue;
        struct sim_link_config promised = homes_bad_link((double)loss / 100.0);
        sim_require_bad_network(&sum, &promised, seed);
    }
}

static void run_matrix(bool has_turn) {
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    assert_true(seeds.count <= SEEDS_MAX);
    struct results *results = mmap(NULL, sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(results != MAP_FAILED);
    run_all(results, seeds, has_turn);
    unsigned bad = report(results, has_turn);
    require_bad_links(results, seeds.first);
    munmap(results, sizeof *results);
    assert_int_equal(bad, 0);
}

static void every_pair_with_a_relay(void **state) {
    (void)state;
    run_matrix(true);
}

static void every_pair_without_one(void **state) {
    (void)state;
    run_matrix(false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_with_a_relay),
        cmocka_unit_test(every_pair_without_one),
    };
    return cmocka_run_group_tests(tests, homes_set_up, homes_tear_down);
}
