#include "test/sim/counters.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "test/sim/link.h"

#define COUNTERS                                                                                                                     \
    X(sent) X(delivered) X(duplicated) X(reordered) X(corrupted) X(hairpinned) X(send_errors) X(dropped_loss) X(dropped_burst)      \
    X(dropped_queue) X(dropped_mtu) X(dropped_by_filter) X(dropped_no_mapping) X(dropped_no_hairpin) X(dropped_blocked) X(dropped_nat_exhausted)       \
    X(dropped_no_route) X(dropped_no_socket) X(dropped_interface_down) X(dropped_by_script)

void sim_counters_add(struct sim_counters *sum, const struct sim_counters *more) {
#define X(name) sum->name += more->name;
    COUNTERS
#undef X
}

uint64_t sim_counters_dropped(const struct sim_counters *counters) {
    const struct sim_counters *c = counters;
    return c->dropped_loss + c->dropped_burst + c->dropped_queue + c->dropped_mtu + c->dropped_by_filter + c->dropped_no_mapping +
           c->dropped_no_hairpin + c->dropped_blocked + c->dropped_nat_exhausted + c->dropped_no_route + c->dropped_no_socket + c->dropped_interface_down +
           c->dropped_by_script;
}

int64_t sim_counters_in_flight(const struct sim_counters *counters) {
    return (int64_t)(counters->sent + counters->duplicated) - (int64_t)(counters->delivered + sim_counters_dropped(counters));
}

const char *sim_counters_write(const struct sim_counters *counters, char *text, size_t capacity) {
    size_t length = 0;
    text[0] = '\0';
#define X(name)                                                                                                                      \
    if (counters->name && length < capacity) {                                                                                       \
        int written = snprintf(text + length, capacity - length, "%s" #name " %" PRIu64, length ? ", " : "", counters->name);        \
        length += (size_t)written;                                                                                                   \
    }
    COUNTERS
#undef X
    return text;
}

/*
 * `happened` out of `trials`, each with `probability`. Events that come in bursts vary more: `clump` is how many come together.
 */
static bool is_likely(const char *what, uint64_t happened, uint64_t trials, double probability, double clump, char *why, size_t capacity) {
    if (probability <= 0.0)
        return true;
    double expected = probability * (double)trials;
    double deviation = sqrt(expected * (1.0 - probability) * clump) + 1.0;
    if (happened > 0 && fabs((double)happened - expected) <= 6.0 * deviation)
        return true;
    snprintf(why, capacity, "promised %s %.4f of %" PRIu64 " datagrams, about %.0f; it happened to %" PRIu64, what, probability, trials,
             expected, happened);
    return false;
}

bool sim_is_bad_network(const struct sim_counters *counters, const struct sim_link_config *promised, char *why, size_t capacity) {
    const struct sim_counters *c = counters;
    /* A datagram meets the impairments in this order: MTU, loss, burst, queue, duplication; see link.c. */
    uint64_t past_mtu = c->sent - c->dropped_mtu;
    uint64_t past_loss = past_mtu - c->dropped_loss;
    uint64_t past_burst = past_loss - c->dropped_burst;
    uint64_t past_queue = past_burst - c->dropped_queue;
    if (!is_likely("loss of", c->dropped_loss, past_mtu, promised->loss, 1.0, why, capacity) ||
        !is_likely("duplication of", c->duplicated, past_queue, promised->duplicate, 1.0, why, capacity) ||
        !is_likely("corruption of", c->corrupted, past_queue + c->duplicated, promised->corrupt, 1.0, why, capacity))
        return false;
    if (promised->burst_enter > 0.0) {
        double bad = promised->burst_enter / (promised->burst_enter + promised->burst_leave);
        double clump = 2.0 / promised->burst_leave;
        if (!is_likely("burst loss of", c->dropped_burst, past_loss, bad * promised->burst_loss, clump, why, capacity))
            return false;
    }
    if (promised->reorder > 0.0 && c->reordered == 0) {
        snprintf(why, capacity, "promised reordering, but all %" PRIu64 " datagrams arrived in the order they were sent", past_queue);
        return false;
    }
    return true;
}

void sim_require_bad_network(const struct sim_counters *counters, const struct sim_link_config *promised, uint64_t seed) {
    char why[256];
    if (!sim_is_bad_network(counters, promised, why, sizeof why))
        fail_msg("seed %" PRIu64 ": the network was better than the test says: %s", seed, why);
}
