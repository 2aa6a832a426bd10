/*
 * Random walks over the API of PeerConnection (walk.h), from seeds. In `make check` a few thousand; `make walks` 100,000. A walk that fails is
 * printed with its seed and made short; SIM_SEED=n runs just that one.
 */
#include "test_sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/sim/walk.h"

#define WALKS_IN_CHECK 3000
#define SWEEPS_IN_CHECK 6
#define SWEEP_ALLOCATIONS_MAX 400 /* of one walk in `make check`: the short ones are swept */
#define PROCESSES_MAX 16
#define FAILURES_SHOWN 6

struct share {
    uint64_t seed;    /* that is being run: what it was when the process died */
    uint64_t fail_at;
    unsigned failed;
    struct walk_coverage coverage;
};

static unsigned process_count(void) {
    const char *text = getenv("SIM_PROCESSES");
    unsigned long count = text ? strtoul(text, NULL, 10) : (unsigned long)sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > PROCESSES_MAX ? PROCESSES_MAX : (unsigned)count;
}

static void show(const struct walk_script *script) {
    struct walk_script shorter = *script;
    walk_shrink(&shorter);
    fprintf(stderr, "walk: %zu steps of %zu are enough, again with SIM_SEED=%" PRIu64 "\n", shorter.count, script->count, script->seed);
    walk_explain(&shorter);
}

static void walk_share(struct share *share, unsigned process, unsigned processes, struct sim_seeds seeds) {
    for (uint64_t seed = seeds.first + process; seed < seeds.first + seeds.count; seed += processes) {
        static struct walk_script script;
        struct walk_result result;
        share->seed = seed;
        walk_script_from_seed(&script, seed);
        if (!walk_run(&script, &result) && share->failed++ < FAILURES_SHOWN) {
            fprintf(stderr, "walk: seed %" PRIu64 ", step %zu: %s\n", seed, result.at_step, result.why);
            show(&script);
        }
        walk_coverage_add(&share->coverage, &result.coverage);
    }
}

/* Every allocation of a walk fails once. */
static void sweep_share(struct share *share, unsigned process, unsigned processes, struct sim_seeds seeds) {
    uint64_t swept = 0;
    for (uint64_t seed = seeds.first + process; swept < (seeds.count + processes - 1) / processes; seed += processes) {
        static struct walk_script script;
        struct walk_result result;
        share->seed = seed;
        walk_script_from_seed(&script, seed);
        script.is_hostile = false;
        (void)walk_run(&script, &result);
        if (result.failed || result.allocations < 100 || (!getenv("SIM_SEEDS") && result.allocations > SWEEP_ALLOCATIONS_MAX))
            continue;
        swept++;
        for (script.fail_at = result.allocations; script.fail_at > 0; script.fail_at--) {
            share->fail_at = script.fail_at;
            if (!walk_run(&script, &result) && share->failed++ < FAILURES_SHOWN) {
                fprintf(stderr, "walk: seed %" PRIu64 ", allocation %" PRIu64 " fails: %s\n", seed, script.fail_at, result.why);
                walk_explain(&script);
            }
            walk_coverage_add(&share->coverage, &result.coverage);
        }
    }
}

/* In processes of their own, so that a crash can be told from a failure, and leaves its seed behind. */
static unsigned run_all(void (*run)(struct share *, unsigned, unsigned, struct sim_seeds), struct sim_seeds seeds, struct walk_coverage *sum) {
    unsigned processes = process_count(), failed = 0;
    struct share *shares = mmap(NULL, sizeof *shares * processes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shares != MAP_FAILED);
    pid_t children[PROCESSES_MAX];
    fflush(stdout);
    for (unsigned i = 0; i < processes; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            run(&shares[i], i, processes, seeds);
            fflush(stdout);
            _exit(0);
        }
    }
    *sum = (struct walk_coverage){0};
    for (unsigned i = 0; i < processes; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        if (status != 0)
            fprintf(stderr, "walk: the process died in seed %" PRIu64 ", allocation %" PRIu64 "\n", shares[i].seed, shares[i].fail_at);
        failed += shares[i].failed + (status != 0);
        walk_coverage_add(sum, &shares[i].coverage);
    }
    munmap(shares, sizeof *shares * processes);
    return failed;
}

static void report(const struct walk_coverage *sum) {
    char text[SIM_COUNTERS_TEXT_BYTES];
    printf("    %" PRIu64 " walks, %" PRIu64 " steps, %" PRIu64 " calls of which %" PRIu64 " refused; %" PRIu64 " exchanges, %" PRIu64 " roll-backs, %" PRIu64
           " doubtful, both agreed %" PRIu64 " times\n",
           sum->walks, sum->steps, sum->calls, sum->refused, sum->exchanges, sum->roll_backs, sum->doubtful, sum->agreements);
    printf("    messages on data channels %" PRIu64 ", sections of data that carried a new channel each way %" PRIu64 "\n", sum->messages, sum->channels_proven);
    printf("    settled %" PRIu64 ", connected %" PRIu64 ", frames %" PRIu64 "; given up %" PRIu64 ", allocations %" PRIu64 ", of which failed %" PRIu64 "\n", sum->settled,
           sum->connected, sum->frames, sum->given_up, sum->allocations, sum->failures);
    for (unsigned i = 0; i < 6; i++)
        printf("    %s %" PRIu64 "%s", w3c_state_name((enum w3c_state)i), sum->states[i], i == 5 ? "\n" : "");
    for (unsigned i = 0; i < WALK_ACTION_COUNT; i++)
        printf("    %s %" PRIu64 "%s", walk_action_name((enum walk_action)i), sum->actions[i], i % 6 == 5 ? "\n" : "");
    printf("    bad links: %s\n", sim_counters_write(&sum->network, text, sizeof text));
}

static void the_connection_does_what_the_tables_say(void **state) {
    (void)state;
    struct sim_seeds seeds = sim_seeds(1, WALKS_IN_CHECK);
    struct walk_coverage sum;
    unsigned failed = run_all(walk_share, seeds, &sum);
    report(&sum);
    assert_int_equal(failed, 0);
    if (seeds.count < 1000)
        return;
    for (unsigned i = 0; i < 6; i++)
        assert_true(sum.states[i] > 0);
    for (unsigned i = 0; i < WALK_ACTION_COUNT; i++)
        assert_true(sum.actions[i] > 0);
    assert_true(sum.refused > sum.calls / 50 && sum.refused < sum.calls / 2);
    assert_true(sum.exchanges > seeds.count / 2 && sum.agreements > seeds.count && sum.roll_backs > seeds.count / 10);
    assert_true(sum.settled > seeds.count / 20 && sum.connected > seeds.count / 20 && sum.frames > sum.connected);
    assert_true(sum.messages > seeds.count / 20 && sum.channels_proven > seeds.count / 50);
    sim_require_bad_network(&sum.network, &walk_bad_link, seeds.first);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    struct walk_coverage sum;
    struct sim_seeds seeds = sim_seeds(1, SWEEPS_IN_CHECK);
    if (seeds.count > SWEEPS_IN_CHECK)
        seeds.count = SWEEPS_IN_CHECK + seeds.count / 1000; /* each is as many walks as it has allocations */
    unsigned failed = run_all(sweep_share, seeds, &sum);
    report(&sum);
    assert_int_equal(failed, 0);
    assert_true(sum.failures > 100 && sum.failures + 10 * seeds.count > sum.walks); /* DTLS's randomness moves an allocation or two */
}

static int set_up(void **state) {
    (void)state;
    return walk_set_up() ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    walk_tear_down();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_connection_does_what_the_tables_say),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
