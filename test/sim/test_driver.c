/* test/sim/sim.c: the drain rule, deadlines, and that objects which break the contract are caught. */
#include "test_sim.h"

#include <stdlib.h>
#include <string.h>

#include "test/sim/sim.h"

/* An object whose faults can be switched on. */
struct subject {
    struct stun_address local, remote;
    uint64_t next_us, period_us;
    unsigned to_send, events;
    unsigned heard, errors, timeouts, acted;
    uint64_t heard_at_us;
    size_t segments, last_length;
    bool ignores_timeouts, never_dry, chatters, lies_about_local;
    uint8_t *lent; /* the bytes of the last datagram, while they may be looked at */
    size_t lent_length;
    int reply_on_event;
    unsigned events_per_transmit;
    struct subject *touches; /* acting on an event changes this one too, and touches it */
    struct sim *sim;
    int touched_endpoint;
};

static void handle_datagram(void *object, uint64_t now_us, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct subject *s = object;
    (void)path;
    s->heard++;
    s->heard_at_us = now_us;
    s->last_length = length;
    s->lent = bytes;
    s->lent_length = length;
    s->events++;
}

static void handle_timeout(void *object, uint64_t now_us) {
    struct subject *s = object;
    s->timeouts++;
    if (s->ignores_timeouts || now_us < s->next_us)
        return;
    s->next_us = s->period_us ? now_us + s->period_us : UINT64_MAX;
    s->to_send++;
}

static void handle_send_error(void *object, uint64_t now_us, const struct sim_path *path, int error) {
    (void)now_us, (void)path, (void)error;
    ((struct subject *)object)->errors++;
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sim_transmit *out) {
    struct subject *s = object;
    (void)now_us;
    if (s->to_send == 0 && !s->never_dry)
        return false;
    if (s->to_send > 0)
        s->to_send--;
    s->events += s->events_per_transmit;
    assert_true(capacity >= 2000);
    memset(buffer, 7, 2000);
    out->path.local = s->local;
    out->path.remote = s->remote;
    out->path.local.port = (uint16_t)(s->local.port + s->lies_about_local);
    out->offset = 10;
    out->length = s->segments ? 1000 : 3;
    out->segment_bytes = s->segments;
    return true;
}

static bool poll_upward(void *object, uint64_t now_us) {
    struct subject *s = object;
    (void)now_us;
    if (s->chatters)
        return true;
    if (s->events == 0)
        return false;
    s->events--;
    s->acted++;
    for (size_t i = 0; i < s->lent_length; i++) /* under ASan: the bytes are still there */
        assert_int_equal(s->lent[i], 7);
    s->lent_length = 0;
    if (s->reply_on_event-- > 0)
        s->to_send++; /* acting on an event makes it send: the drain must go round again */
    if (s->touches) {
        s->touches->to_send++;
        sim_touch(s->sim, s->touched_endpoint);
    }
    return true;
}

static uint64_t next_timeout(const void *object) {
    return ((const struct subject *)object)->next_us;
}

static const struct sim_verbs verbs = {.handle_datagram = handle_datagram,
                                       .handle_timeout = handle_timeout,
                                       .handle_send_error = handle_send_error,
                                       .poll_transmit = poll_transmit,
                                       .poll_upward = poll_upward,
                                       .next_timeout = next_timeout};

struct pair {
    struct sim *sim;
    struct subject a, b;
    int endpoint_a, endpoint_b, interface_a;
};

static void build(struct pair *pair, const struct sim_link_config *link) {
    *pair = (struct pair){.sim = sim_new(77)};
    struct sim_network *network = sim_network_of(pair->sim);
    pair->interface_a = sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.1", link, NULL);
    int interface_b = sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.2", link, NULL);
    pair->endpoint_a = sim_attach(pair->sim, "a", &verbs, &pair->a);
    pair->endpoint_b = sim_attach(pair->sim, "b", &verbs, &pair->b);
    pair->a.local = pair->b.remote = *sim_bind(pair->sim, pair->endpoint_a, pair->interface_a, 1000);
    pair->b.local = pair->a.remote = *sim_bind(pair->sim, pair->endpoint_b, interface_b, 1000);
    pair->a.next_us = pair->b.next_us = UINT64_MAX;
}

static void run(struct sim *sim) {
    while (sim_step(sim)) {
    }
}

static void drains_and_delivers(void **state) {
    (void)state;
    const struct sim_link_config link = {.delay_us = 5 * MS};
    struct pair p;
    build(&p, &link);
    p.a.to_send = 3;
    p.b.reply_on_event = 2;
    sim_touch(p.sim, p.endpoint_a);
    assert_int_equal(p.a.to_send, 0);
    run(p.sim);
    assert_int_equal(sim_end(p.sim), SIM_IDLE);
    assert_int_equal(p.b.heard, 3);
    assert_int_equal(p.b.acted, 3);
    assert_int_equal(p.a.heard, 2);
    assert_true(p.a.heard_at_us == SIM_START_US + 10 * MS);
    sim_free(p.sim);
}

/* What sending brings up is drained as well; and so is an object that another one changed, whichever was attached first. */
static void drains_all_the_way(void **state) {
    (void)state;
    struct pair p;
    build(&p, NULL);
    p.a.events_per_transmit = 1;
    p.a.to_send = 1;
    sim_touch(p.sim, p.endpoint_a);
    assert_int_equal(p.a.acted, 1);
    run(p.sim);
    p.b.events_per_transmit = 1;
    p.b.touches = &p.a;
    p.b.sim = p.sim;
    p.b.touched_endpoint = p.endpoint_a;
    p.b.next_us = SIM_START_US + 10;
    while (p.b.timeouts == 0)
        assert_true(sim_step(p.sim));
    assert_int_equal(p.a.to_send, 0);
    assert_int_equal(p.a.acted, 2);
    sim_free(p.sim);
}

static void timeouts_and_deadline(void **state) {
    (void)state;
    struct pair p;
    build(&p, NULL);
    p.a.next_us = SIM_START_US;
    p.a.period_us = 100 * MS;
    sim_set_deadline(p.sim, 1 * SECOND);
    run(p.sim);
    assert_int_equal(sim_end(p.sim), SIM_DEADLINE);
    assert_true(sim_now(p.sim) == SIM_START_US + SECOND);
    assert_int_equal(p.a.timeouts, 11); /* 0, 100 ... 1000 ms: at the deadline is not after it */
    assert_int_equal(p.b.heard, 11);
    sim_set_deadline(p.sim, 1100 * MS);
    run(p.sim);
    assert_int_equal(p.b.heard, 12);
    sim_free(p.sim);
}

/* A run of segments, as for GSO: 1000 bytes in 300s are four datagrams, the last of 100. */
static void segments(void **state) {
    (void)state;
    struct pair p;
    build(&p, NULL);
    p.a.segments = 300;
    p.a.to_send = 1;
    sim_touch(p.sim, p.endpoint_a);
    run(p.sim);
    assert_int_equal(p.b.heard, 4);
    assert_int_equal(p.b.last_length, 100);
    sim_free(p.sim);
}

static void hangs_are_caught(void **state) {
    (void)state;
    for (int fault = 0; fault < 4; fault++) {
        struct pair p;
        build(&p, NULL);
        p.a.ignores_timeouts = fault == 0;
        p.a.never_dry = fault == 1;
        p.a.chatters = fault == 2;
        p.a.lies_about_local = fault == 3;
        p.a.next_us = SIM_START_US + 10;
        run(p.sim);
        assert_int_equal(sim_end(p.sim), SIM_HUNG);
        assert_int_equal(strncmp(sim_why(p.sim), "a hangs", 7), 0);
        assert_false(sim_step(p.sim));
        if (fault == 0)
            assert_int_equal(p.a.timeouts, SIM_TIMEOUTS_AT_ONE_INSTANT_MAX);
        sim_free(p.sim);
    }
}

/* Two objects that answer each other for ever, over links without delay: no object is to blame, and still it ends. */
static void the_clock_must_move(void **state) {
    (void)state;
    struct pair p;
    build(&p, NULL);
    p.a.reply_on_event = p.b.reply_on_event = 1 << 30;
    p.a.to_send = 1;
    sim_touch(p.sim, p.endpoint_a);
    run(p.sim);
    assert_int_equal(sim_end(p.sim), SIM_HUNG);
    assert_non_null(strstr(sim_why(p.sim), "clock"));
    sim_free(p.sim);
}

/* A timeout in the past is due now; and one that is due at once again and again, but a finite number of times, is no hang. */
static void late_is_not_hung(void **state) {
    (void)state;
    struct pair p;
    build(&p, NULL);
    p.a.next_us = 5;
    run(p.sim);
    assert_int_equal(sim_end(p.sim), SIM_IDLE);
    assert_int_equal(p.a.timeouts, 1);
    assert_true(sim_now(p.sim) == SIM_START_US);
    sim_free(p.sim);
}

static void set_remote(struct sim *sim, void *context) {
    struct subject *s = context;
    (void)sim;
    s->to_send = 1;
}

static void actions_and_detaching(void **state) {
    (void)state;
    const struct sim_link_config link = {.delay_us = 5 * MS};
    struct pair p;
    build(&p, &link);
    sim_network_set_icmp(sim_network_of(p.sim), true);
    sim_at(p.sim, SIM_START_US + 20 * MS, set_remote, &p.a, p.endpoint_a);
    sim_at(p.sim, SIM_START_US + 30 * MS, set_remote, &p.b, p.endpoint_b);
    run(p.sim);
    assert_true(p.b.heard_at_us == SIM_START_US + 25 * MS);
    assert_true(p.a.heard_at_us == SIM_START_US + 35 * MS);
    sim_detach(p.sim, p.endpoint_b);
    p.a.to_send = 1;
    sim_touch(p.sim, p.endpoint_a);
    run(p.sim);
    assert_int_equal(p.b.heard, 1);
    assert_int_equal(p.a.errors, 1); /* nobody listens there any more */
    sim_free(p.sim);
}

static void seeds_come_from_the_environment(void **state) {
    (void)state;
    unsetenv("SIM_SEED");
    unsetenv("SIM_SEEDS");
    struct sim_seeds seeds = sim_seeds(10, 1000);
    assert_true(seeds.first == 10 && seeds.count == 1000);
    setenv("SIM_SEEDS", "7", 1);
    seeds = sim_seeds(10, 1000);
    assert_true(seeds.first == 10 && seeds.count == 7);
    setenv("SIM_SEED", "0x2a", 1);
    seeds = sim_seeds(10, 1000);
    assert_true(seeds.first == 42 && seeds.count == 7);
    unsetenv("SIM_SEEDS");
    seeds = sim_seeds(10, 1000);
    assert_true(seeds.first == 42 && seeds.count == 1);
    unsetenv("SIM_SEED");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drains_and_delivers), cmocka_unit_test(drains_all_the_way), cmocka_unit_test(timeouts_and_deadline), cmocka_unit_test(segments),
        cmocka_unit_test(hangs_are_caught),    cmocka_unit_test(late_is_not_hung), cmocka_unit_test(the_clock_must_move),     cmocka_unit_test(actions_and_detaching),
        cmocka_unit_test(seeds_come_from_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
