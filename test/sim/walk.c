#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/walk_internal.h"

struct dtls_certificate *walk_certificates[2];
char walk_fingerprints[2][SDP_LINES_FINGERPRINT_BYTES];

bool walk_set_up(void) {
    for (int i = 0; i < 2; i++) {
        struct dtls_fingerprint fingerprint;
        walk_certificates[i] = dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = 1700000000});
        if (!walk_certificates[i])
            return false;
        dtls_certificate_fingerprint(walk_certificates[i], &fingerprint);
        dtls_fingerprint_write(&fingerprint, walk_fingerprints[i], sizeof walk_fingerprints[i]);
    }
    return dtls_srtp_initialize() == DTLS_OK;
}

void walk_tear_down(void) {
    for (int i = 0; i < 2; i++)
        dtls_certificate_free(walk_certificates[i]);
}

bool walk_fail(struct walk *walk, const char *format, ...) {
    if (walk->result->failed)
        return false;
    walk->result->failed = true;
    walk->result->at_step = walk->step;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(walk->result->why, sizeof walk->result->why, format, arguments);
    va_end(arguments);
    return false;
}

void walk_say(const struct walk *walk, const char *format, ...) {
    if (!walk->is_loud)
        return;
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

/* ---- memory that is counted, and short once -------------------------------------------------------------------------------- */

static void *allocate(void *context, size_t bytes) {
    struct walk *walk = context;
    if (++walk->allocations == walk->script->fail_at) {
        walk->memory_was_short = true;
        walk->is_judged = false;
        return NULL;
    }
    void *memory = malloc(bytes);
    if (!memory)
        abort();
    walk->live++;
    return memory;
}

static void release(void *context, void *memory) {
    struct walk *walk = context;
    walk->live -= memory != NULL;
    free(memory);
}

/* ---- a run ------------------------------------------------------------------------------------------------------------------- */

void walk_count_network(struct walk *walk) {
    struct sim_network *network = sim_network_of(walk->sim);
    for (int i = 0; i < 2 && walk->script->is_bad && !walk->network_is_counted; i++) {
        sim_counters_add(&walk->result->coverage.network, &sim_network_interface_up_link(network, walk->ends[i].interface_)->counters);
        sim_counters_add(&walk->result->coverage.network, &sim_network_interface_down_link(network, walk->ends[i].interface_)->counters);
    }
    walk->network_is_counted = true;
}

static void sum_up(struct walk *walk) {
    struct walk_coverage *coverage = &walk->result->coverage;
    coverage->walks = 1;
    coverage->allocations = walk->result->allocations = walk->allocations;
    coverage->failures = walk->memory_was_short;
}

static void run_steps(struct walk *walk) {
    for (walk->step = 0; walk->step < walk->script->count && !walk->result->failed; walk->step++) {
        walk->result->coverage.steps++;
        walk_do(walk, &walk->script->steps[walk->step]);
        if (sim_end(walk->sim) == SIM_HUNG)
            walk_fail(walk, "%s", sim_why(walk->sim));
        if (!walk->is_judged || walk->result->failed)
            continue;
        for (int i = 0; i < 2; i++)
            walk_judge_end(&walk->ends[i]);
        walk_judge_agreement(walk);
    }
    if (walk->script->settles && walk->is_judged && !walk->result->failed)
        walk_settle(walk);
    if (sim_end(walk->sim) == SIM_HUNG)
        walk_fail(walk, "%s", sim_why(walk->sim));
}

static bool run(const struct walk_script *script, struct walk_result *result, bool is_loud) {
    struct walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        abort();
    *result = (struct walk_result){0};
    walk->script = script;
    walk->result = result;
    walk->is_loud = is_loud;
    walk->is_judged = true;
    walk->allocator = (struct ice_allocator){allocate, release, walk};
    walk->sim = sim_new(script->seed);
    if (walk_end_start(walk, 0) && walk_end_start(walk, 1)) {
        run_steps(walk);
        walk_count_network(walk);
    }
    for (int i = 0; i < 2; i++) { /* half of them without a close before */
        if (walk->ends[i].connection && (script->seed & 1))
            peer_connection_close(walk->ends[i].connection, sim_now(walk->sim));
        walk_end_free(&walk->ends[i]);
    }
    if (walk->live != 0)
        walk_fail(walk, "%llu allocations were not given back", (unsigned long long)walk->live);
    sum_up(walk);
    sim_free(walk->sim);
    free(walk);
    return !result->failed;
}

bool walk_run(const struct walk_script *script, struct walk_result *result) {
    return run(script, result, false);
}

void walk_explain(const struct walk_script *script) {
    struct walk_result result;
    fprintf(stderr, "walk: seed %llu, bundle policies %d and %d%s%s, allocation %llu fails\n", (unsigned long long)script->seed, script->policies[0], script->policies[1],
            script->is_bad ? ", a bad network" : "", script->settles ? ", settles" : "", (unsigned long long)script->fail_at);
    run(script, &result, true);
    if (result.failed)
        fprintf(stderr, "walk: step %zu of %zu: %s\n", result.at_step, script->count, result.why);
    else
        fprintf(stderr, "walk: this time it was well\n");
}

void walk_coverage_add(struct walk_coverage *sum, const struct walk_coverage *more) {
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)more;
    for (size_t i = 0; i < offsetof(struct walk_coverage, network) / sizeof *to; i++)
        to[i] += from[i];
    sim_counters_add(&sum->network, &more->network);
}
