/*
 * An attacker who sees everything and knows no password (attacker.h) can neither end a call nor redirect nor slow it: each call is made
 * twice from the same seed, with and without him, and set-up time, frames and what is selected are compared.
 */
#include "test_sim.h"

#include <stdio.h>
#include <string.h>

#include "test/sim/attacker.h"
#include "test/sim/homes.h"

#define SEEDS_IN_CHECK 1
/* Two turns of Ta, and the round trip of another relay: what nobody has a key for yet, the first answer of a TURN server, can be forged. */
#define SLOWER_MAX_US (150 * SIM_MILLISECOND_US)
#define FRAMES 500

static struct homes homes;

struct outcome {
    bool is_connected, is_relayed;
    uint64_t setup_us;
    unsigned frames[2], doubled, damaged, failures, disconnections;
    uint64_t forged;
    struct sim_counters counters;
};

static struct outcome call(uint64_t seed, const char *const kinds[2], unsigned attacks) {
    struct attacker attacker;
    struct outcome outcome = {.setup_us = UINT64_MAX};
    homes_build(&homes, seed, &(struct homes_config){.kinds = {nat_named_kind_index(kinds[0]), nat_named_kind_index(kinds[1])}, .has_turn = true, .up = {.delay_us = HOMES_UP_US}});
    attacker_begin(&attacker, homes.sim, attacks, homes.sides);
    homes_call(&homes, &(struct transport_side_config){.trickles = true, .frames = FRAMES});
    sim_set_deadline(homes.sim, 60 * SIM_SECOND_US);
    while (!transport_sides_have_verdict(homes.sides) && sim_step(homes.sim)) {
    }
    sim_require(homes.sim, sim_end(homes.sim) != SIM_HUNG);
    outcome.is_connected = transport_sides_are_connected(homes.sides);
    outcome.is_relayed = transport_sides_are_relayed(homes.sides);
    outcome.forged = attacker.sent;
    outcome.counters = sim_network_counters(sim_network_of(homes.sim));
    uint64_t last_us = 0;
    for (int i = 0; i < 2; i++) {
        const struct transport_side *side = &homes.sides[i];
        last_us = side->connected_us > last_us ? side->connected_us : last_us;
        outcome.frames[i] = side->frames_received;
        outcome.doubled += side->frames_doubled;
        outcome.damaged += side->frames_damaged;
        outcome.failures += side->failures;
        outcome.disconnections += side->disconnections;
    }
    if (outcome.is_connected)
        outcome.setup_us = last_us - homes.sides[0].started_us;
    if (!outcome.is_connected || outcome.frames[0] < FRAMES || outcome.frames[1] < FRAMES) {
        transport_side_explain(&homes.sides[0]);
        transport_side_explain(&homes.sides[1]);
    }
    attacker_end(&attacker);
    homes_free(&homes);
    return outcome;
}

static const char *const pairs[][2] = {{"none", "none"}, {"full-cone", "full-cone"}, {"port-restricted", "shared-port"}, {"full-cone", "symmetric"},
                                       {"symmetric", "symmetric"}};

static void attack_with(unsigned attacks, const char *name) {
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    uint64_t forged = 0, worst_us = 0;
    for (size_t pair = 0; pair < COUNT(pairs); pair++) {
        for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
            struct outcome alone = call(seed, pairs[pair], 0), attacked = call(seed, pairs[pair], attacks);
            assert_true(alone.is_connected && alone.frames[0] == FRAMES && alone.frames[1] == FRAMES);
            bool is_same = attacked.is_connected && attacked.is_relayed == alone.is_relayed && attacked.frames[0] == FRAMES && attacked.frames[1] == FRAMES &&
                           attacked.doubled == 0 && attacked.damaged == 0 && attacked.failures == 0 && attacked.disconnections == 0;
            uint64_t slower_us = attacked.setup_us > alone.setup_us ? attacked.setup_us - alone.setup_us : 0;
            if (!is_same || slower_us > SLOWER_MAX_US)
                print_error("%s, %s with %s, seed %llu: %s, %s, frames %u %u, doubled %u, damaged %u, failures %u, disconnections %u, set up in %llu ms instead of %llu; %llu forged\n", name,
                            pairs[pair][0], pairs[pair][1], (unsigned long long)seed, attacked.is_connected ? "connected" : "failed",
                            attacked.is_relayed ? "relayed" : "direct", attacked.frames[0], attacked.frames[1], attacked.doubled, attacked.damaged,
                            attacked.failures, attacked.disconnections, (unsigned long long)attacked.setup_us / 1000, (unsigned long long)alone.setup_us / 1000,
                            (unsigned long long)attacked.forged);
            assert_true(is_same);
            assert_true(slower_us <= SLOWER_MAX_US);
            assert_true(attacked.forged > 0);
            forged += attacked.forged;
            worst_us = slower_us > worst_us ? slower_us : worst_us;
        }
    }
    print_message("    %s: %llu forged datagrams, set-up at most %llu ms longer\n", name, (unsigned long long)forged, (unsigned long long)worst_us / 1000);
}

/* RFC 8445 section 7.2.5: a response without a good MESSAGE-INTEGRITY is none, whatever its transaction id. */
static void forged_responses(void **state) {
    (void)state;
    attack_with(ATTACK_RESPONSES, "forged responses");
}

/* RFC 8445 section 7.2.5.1: 487 changes roles only when it is signed. */
static void forged_errors(void **state) {
    (void)state;
    attack_with(ATTACK_ERRORS, "forged 487 and other errors");
}

static void flood_from_many_ports(void **state) {
    (void)state;
    attack_with(ATTACK_FLOOD, "flood from 10,000 source ports");
}

/* RFC 8445 section 19.2: a replayed check is signed, and proves nothing about who sends it. */
static void replayed_checks(void **state) {
    (void)state;
    attack_with(ATTACK_REPLAYS, "replayed checks");
}

/* RFC 8656 section 21.1. */
static void forged_turn(void **state) {
    (void)state;
    attack_with(ATTACK_TURN, "in the TURN server's name");
}

/* RFC 5927 section 4 says of TCP what holds here too: ICMP proves nothing. */
static void forged_icmp(void **state) {
    (void)state;
    attack_with(ATTACK_ICMP, "forged ICMP");
}

static void forged_media(void **state) {
    (void)state;
    attack_with(ATTACK_MEDIA, "DTLS and SRTP in the peer's name");
}

static void all_at_once(void **state) {
    (void)state;
    attack_with(ATTACK_ALL, "all at once");
}

/* What hosts send to each other's home is lost until then: the call begins on the relay. */
static bool passes_later(void *context, uint64_t number, const struct sim_path *path, const uint8_t *bytes, size_t length) {
    (void)number;
    (void)bytes;
    (void)length;
    bool is_direct = path->remote.family == STUN_ADDRESS_IPV4 && path->remote.ip[0] == 198 && path->local.ip[0] == 192;
    return !is_direct || sim_now(context) > SIM_START_US + 4 * SIM_SECOND_US;
}

/* RFC 8445 section 7.3.1.5: the nominations of the relayed pair, replayed when the call has long moved to a direct one, move nothing. */
static void replayed_nominations(void **state) {
    (void)state;
    struct sim_seeds seeds = sim_seeds(1, 4);
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        struct attacker attacker;
        homes_build(&homes, seed, &(struct homes_config){.kinds = {nat_named_kind_index("full-cone"), nat_named_kind_index("full-cone")}, .has_turn = true, .up = {.delay_us = HOMES_UP_US}});
        attacker_begin(&attacker, homes.sim, ATTACK_REPLAYS, homes.sides);
        sim_network_set_filter(sim_network_of(homes.sim), passes_later, homes.sim);
        homes_call(&homes, &(struct transport_side_config){.trickles = true, .frames = 1400});
        sim_set_deadline(homes.sim, 14 * SIM_SECOND_US);
        while (sim_step(homes.sim)) {
        }
        sim_require(homes.sim, transport_sides_are_connected(homes.sides));
        sim_require(homes.sim, homes.sides[0].first_selection.local == ICE_CANDIDATE_RELAYED || homes.sides[0].first_selection.remote == ICE_CANDIDATE_RELAYED);
        sim_require(homes.sim, !transport_sides_are_relayed(homes.sides));
        unsigned selections[2] = {homes.sides[0].selections, homes.sides[1].selections};
        sim_set_deadline(homes.sim, 32 * SIM_SECOND_US);
        while (sim_step(homes.sim)) {
        }
        for (int i = 0; i < 2; i++)
            sim_require(homes.sim, homes.sides[i].selections == selections[i] && homes.sides[i].frames_received == 1400);
        sim_require(homes.sim, attacker.sent > 100);
        attacker_end(&attacker);
        homes_free(&homes);
    }
}

/* What no credentials protect can be forged by who sees the question: the call loses its reflexive addresses, but not its life. */
static void forged_answers_of_stun_servers(void **state) {
    (void)state;
    for (size_t pair = 0; pair < COUNT(pairs); pair++) {
        struct outcome outcome = call(3, pairs[pair], ATTACK_STUN_SERVERS);
        assert_true(outcome.is_connected);
        assert_true(outcome.frames[0] == FRAMES && outcome.frames[1] == FRAMES);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forged_responses), cmocka_unit_test(forged_errors), cmocka_unit_test(flood_from_many_ports),
        cmocka_unit_test(replayed_checks),  cmocka_unit_test(forged_turn),   cmocka_unit_test(forged_icmp),
        cmocka_unit_test(forged_media),     cmocka_unit_test(all_at_once),   cmocka_unit_test(forged_answers_of_stun_servers), cmocka_unit_test(replayed_nominations),
    };
    return cmocka_run_group_tests(tests, homes_set_up, homes_tear_down);
}
