/*
 * How many round trips each layer of a call's set-up takes, in virtual time: every way, signaling too, takes 50 ms and nothing is lost, so
 * that whatever has to wait for an answer is a multiple of 100 ms, and the rest is a rule's cost. Held against the least that the RFCs allow
 * for that path, counted from the offer:
 *
 *   the answer      offer there, answer back: 1
 *   candidates      the offerer's Binding answer is there at 1 and told at 1.5; the answerer begins at 0.5, has its own at 1.5, told at 2.
 *                   Allocate takes two exchanges (RFC 8489 section 9.2.3.1: the first without credentials): 2, 2.5; 2.5, 3. Over TCP one more.
 *   a check         the offerer's, when it knows where to: the round trip of the path, which through a relay is 2, and through two relays of
 *                   one server 3: host to server, server to itself, server to host. RFC 8445 section 8.1.1: the nomination is another.
 *   selected        host: 1 + 1 + 1 = 3; reflexive: 2 + 1 + 1 = 4; relayed on one side: 3 + 2 + 2 = 7; on both: 3 + 3 + 3 = 9, by TCP 10
 *   DTLS 1.2        two round trips of the path (RFC 6347 section 4.2.4; no cookie: ICE has proven the address), from when the client has a pair
 *
 * docs/ice.md says which rule costs what is above the least.
 */
#include "test_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/homes.h"

#define WAY_US (50 * SIM_MILLISECOND_US)
#define ROUND_TRIP_US (2 * WAY_US)

static struct homes homes;

/* In round trips since the offer left. */
static double trips(uint64_t time_us) {
    return (double)(time_us - homes.sides[0].started_us) / (double)ROUND_TRIP_US;
}

struct path {
    const char *name, *offerer, *answerer;
    double selected, dtls; /* the most round trips since the offer until the controlling side has selected, and from there until both have keys */
    double minimum_selected, minimum_dtls;
};

static size_t kind(const char *name) {
    size_t i = 0;
    while (strcmp(nat_named_kind_at(i)->name, name) != 0)
        i++;
    return i;
}

/* One way between two hosts, and between a host and a server, is WAY_US: hosts have half of it, up and down, servers too. */
static void build(const struct path *path) {
    struct sim_link_config half = {.delay_us = WAY_US / 2};
    homes_build(&homes, 1, &(struct homes_config){.kinds = {kind(path->offerer), kind(path->answerer)}, .has_turn = true, .up = half, .every_other = half});
    homes_call(&homes, &(struct transport_side_config){.trickles = true, .signaling_delay_us = WAY_US});
}

static void measure(const struct path *path) {
    build(path);
    sim_set_deadline(homes.sim, 20 * SIM_SECOND_US);
    while (!transport_sides_have_verdict(homes.sides) && sim_step(homes.sim)) {
    }
    sim_require(homes.sim, transport_sides_are_connected(homes.sides));
    const struct transport_side *offerer = &homes.sides[0], *answerer = &homes.sides[1];
    struct peer_transport_statistics statistics[2];
    for (int i = 0; i < 2; i++)
        peer_transport_statistics(homes.sides[i].transport, &statistics[i]);
    double described = trips(offerer->described_us), selected = trips(offerer->first_selection.time_us), followed = trips(answerer->first_selection.time_us);
    double started = trips(statistics[1].dtls_started_us), keys = trips(offerer->connected_us > answerer->connected_us ? offerer->connected_us : answerer->connected_us);
    printf("    %-24s answer %.2f | selected: controlling %.2f, controlled %.2f (least %.2f) | DTLS from %.2f to %.2f: %.2f (least %.2f) | by %s-%s\n", path->name, described,
           selected, followed, path->minimum_selected, started, keys, keys - started, path->minimum_dtls, ice_candidate_type_name(offerer->selection.local),
           ice_candidate_type_name(offerer->selection.remote));
    sim_require(homes.sim, described > 0.99 && described < 1.01);
    sim_require(homes.sim, selected >= path->minimum_selected - 0.01 && selected <= path->selected);
    sim_require(homes.sim, keys - started >= path->minimum_dtls - 0.01 && keys - started <= path->dtls);
    sim_turn_server_require_no_wrong(homes.turn);
    homes_free(&homes);
}

static const struct path paths[] = {
    {"host to host", "none", "none", 3.1, 2.01, 3.0, 2.0},
    {"IPv6 host to host", "ipv6-only", "ipv6-only", 3.1, 2.01, 3.0, 2.0},
    {"cone to cone", "full-cone", "full-cone", 4.5, 2.01, 4.0, 2.0},
    {"restricted to restricted", "port-restricted", "port-restricted", 4.8, 2.01, 4.0, 2.0},
    {"symmetric to cone", "symmetric", "full-cone", 4.8, 2.01, 4.0, 2.0},
    {"one relay, by UDP", "symmetric", "symmetric", 11.0, 4.01, 7.0, 4.0},
    {"two relays, by TCP", "no-udp", "no-udp", 15.6, 6.1, 10.0, 6.0},
};

static void each_layer_takes_the_least(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++)
        measure(&paths[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_layer_takes_the_least)};
    return cmocka_run_group_tests(tests, homes_set_up, homes_tear_down);
}
