/* test/sim/random.c and event_queue.c: the two things that make a seed repeat to the bit. */
#include "test_sim.h"

#include "test/sim/event_queue.h"
#include "test/sim/random.h"

/* The first outputs of xoshiro256** from the state {1, 2, 3, 4}, worked out by hand from its definition. */
static void known_sequence(void **state) {
    (void)state;
    struct sim_random random = {{1, 2, 3, 4}};
    assert_true(sim_random_u64(&random) == 11520);
    assert_true(sim_random_u64(&random) == 0);
    assert_true(sim_random_u64(&random) == 1509978240);
    assert_true(sim_random_u64(&random) == UINT64_C(1215971899390074240));
}

static void seeds_differ_and_repeat(void **state) {
    (void)state;
    struct sim_random a, b, c, child;
    sim_random_seed(&a, 0);
    sim_random_seed(&b, 0);
    sim_random_seed(&c, 1);
    uint64_t first = sim_random_u64(&a);
    assert_true(first == sim_random_u64(&b));
    assert_true(first != sim_random_u64(&c));
    sim_random_fork(&a, &child);
    assert_true(sim_random_u64(&a) != sim_random_u64(&child));
}

static void ranges(void **state) {
    (void)state;
    struct sim_random random;
    unsigned seen[6] = {0};
    sim_random_seed(&random, 9);
    for (int i = 0; i < 6000; i++) {
        seen[sim_random_below(&random, 6)]++;
        double unit = sim_random_unit(&random);
        assert_true(unit >= 0.0 && unit < 1.0);
        assert_int_equal(sim_random_below(&random, 1), 0);
    }
    for (int i = 0; i < 6; i++)
        assert_in_range(seen[i], 850, 1150);
    struct sim_random before = random;
    assert_false(sim_random_chance(&random, 0.0));
    assert_true(sim_random_chance(&random, 1.0));
    assert_memory_equal(&before, &random, sizeof random);
    uint8_t bytes[19] = {0};
    sim_random_fill(&random, bytes, sizeof bytes - 1);
    assert_int_equal(bytes[18], 0);
}

static void events_come_in_order(void **state) {
    (void)state;
    struct sim_event_queue queue;
    struct sim_random random;
    struct sim_event event, last = {0};
    sim_event_queue_init(&queue);
    sim_random_seed(&random, 4);
    assert_true(sim_event_queue_next_us(&queue) == UINT64_MAX);
    assert_false(sim_event_queue_pop(&queue, &event));
    for (int i = 0; i < 2000; i++)
        sim_event_queue_push(&queue, sim_random_below(&random, 50), i, 0, NULL);
    for (int i = 0; i < 2000; i++) {
        uint64_t next_us = sim_event_queue_next_us(&queue);
        assert_true(sim_event_queue_pop(&queue, &event));
        assert_true(event.time_us == next_us);
        /* Equal times: first in, first out. */
        assert_true(i == 0 || last.time_us < event.time_us || (last.time_us == event.time_us && last.kind < event.kind));
        last = event;
    }
    assert_false(sim_event_queue_pop(&queue, &event));
    sim_event_queue_release(&queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sequence),
        cmocka_unit_test(seeds_differ_and_repeat),
        cmocka_unit_test(ranges),
        cmocka_unit_test(events_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
