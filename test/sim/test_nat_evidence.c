/* What a call shows of both NATs, without asking for it, is never wrong about them; and what can be seen is seen (RFC 4787 section 4.1). */
#include "test_sim.h"

#include <string.h>

#include "ice/nat_behaviour.h"
#include "test/sim/homes.h"

static struct homes homes;

struct seen {
    struct ice_nat_behaviour local, remote;
};

/* The offerer's view, when the call has its verdict. */
static struct seen call(const char *offerer, const char *answerer) {
    struct homes_config config = {.kinds = {nat_named_kind_index(offerer), nat_named_kind_index(answerer)}, .has_turn = true};
    struct seen seen;
    homes_build(&homes, 1, &config);
    homes_call(&homes, &(struct transport_side_config){0});
    sim_set_deadline(homes.sim, 45 * SIM_SECOND_US);
    while (!transport_sides_have_verdict(homes.sides) && sim_step(homes.sim)) {
    }
    ice_nat_evidence(peer_transport_ice(homes.sides[0].transport), &seen.local, &seen.remote);
    homes_free(&homes);
    return seen;
}

static void cones_that_meet(void **state) {
    (void)state;
    struct seen seen = call("port-restricted", "full-cone");
    assert_int_equal(seen.local.presence, ICE_NAT_PRESENT);
    assert_int_equal(seen.local.mapping, ICE_NAT_ENDPOINT_INDEPENDENT);
    assert_int_equal(seen.local.filtering, ICE_NAT_UNKNOWN);
    assert_int_equal(seen.remote.presence, ICE_NAT_PRESENT);
    assert_int_not_equal(seen.remote.mapping, ICE_NAT_DEPENDENT);
}

static void symmetric(void **state) {
    (void)state;
    struct seen seen = call("symmetric", "full-cone");
    assert_int_equal(seen.local.mapping, ICE_NAT_DEPENDENT);
    seen = call("full-cone", "symmetric"); /* the peer's checks come from another port than its servers told */
    assert_int_equal(seen.local.mapping, ICE_NAT_ENDPOINT_INDEPENDENT);
    assert_int_equal(seen.remote.mapping, ICE_NAT_DEPENDENT);
}

static void nothing_between(void **state) {
    (void)state;
    struct seen seen = call("none", "none");
    assert_int_equal(seen.local.presence, ICE_NAT_ABSENT);
    assert_int_equal(seen.local.mapping, ICE_NAT_ENDPOINT_INDEPENDENT);
    assert_int_not_equal(seen.remote.presence, ICE_NAT_PRESENT);
}

static void udp_is_shut_out(void **state) {
    (void)state;
    struct seen seen = call("no-udp", "none");
    assert_int_equal(seen.local.presence, ICE_NAT_UDP_BLOCKED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cones_that_meet),
        cmocka_unit_test(symmetric),
        cmocka_unit_test(nothing_between),
        cmocka_unit_test(udp_is_shut_out),
    };
    return cmocka_run_group_tests(tests, homes_set_up, homes_tear_down);
}
