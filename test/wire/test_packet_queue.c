/* test/wire/packet_queue.c: comes out in the order of arrival, ties in the order of sending, and its two limits are where they are said to be. */
#include "test_wire.h"

#include <string.h>

#include "test/sim/random.h"
#include "test/wire/packet_queue.h"

static struct sim_link_copy at(uint64_t arrival_us) {
    return (struct sim_link_copy){.arrival_us = arrival_us};
}

static void comes_out_in_order(void **state) {
    (void)state;
    struct wire_packet_queue *queue = wire_packet_queue_new();
    assert_non_null(queue);
    struct sim_random random;
    sim_random_seed(&random, 3);
    uint64_t last_us = 0, given = 0, taken = 0;
    uint32_t last_given = 0;
    /* In and out in turns, so that slots are used again. */
    for (int round = 0; round < 20000; round++) {
        if (sim_random_chance(&random, 0.6) || wire_packet_queue_count(queue) == 0) {
            struct sim_link_copy copy = at(last_us + sim_random_below(&random, 20));
            uint32_t label = (uint32_t)given++;
            assert_true(wire_packet_queue_put(queue, &copy, given % 2, (const uint8_t *)&label, sizeof label));
        } else {
            const struct wire_packet *packet = wire_packet_queue_first(queue);
            uint32_t label;
            memcpy(&label, packet->bytes, sizeof label);
            assert_int_equal(packet->length, sizeof label);
            assert_int_equal(packet->direction, (label + 1) % 2);
            assert_true(packet->copy.arrival_us > last_us || (packet->copy.arrival_us == last_us && (label > last_given || taken == 0)));
            last_us = packet->copy.arrival_us;
            last_given = label;
            wire_packet_queue_drop_first(queue);
            taken++;
        }
        assert_int_equal(wire_packet_queue_count(queue), given - taken);
        if (wire_packet_queue_count(queue) > WIRE_PACKETS_MAX - 2)
            break;
    }
    assert_true(taken > 1000);
    wire_packet_queue_free(queue);
}

static void holds_so_many(void **state) {
    (void)state;
    struct wire_packet_queue *queue = wire_packet_queue_new();
    for (uint64_t i = 0; i < WIRE_PACKETS_MAX; i++) {
        struct sim_link_copy copy = at(WIRE_PACKETS_MAX - i);
        assert_true(wire_packet_queue_put(queue, &copy, 0, (const uint8_t *)"x", 1));
    }
    struct sim_link_copy late = at(0);
    assert_false(wire_packet_queue_put(queue, &late, 0, (const uint8_t *)"x", 1));
    for (uint64_t i = 1; i <= WIRE_PACKETS_MAX; i++) {
        assert_int_equal(wire_packet_queue_first(queue)->copy.arrival_us, i);
        wire_packet_queue_drop_first(queue);
    }
    assert_null(wire_packet_queue_first(queue));
    wire_packet_queue_free(queue);
}

static void holds_so_long(void **state) {
    (void)state;
    static uint8_t bytes[WIRE_PACKET_MAX_BYTES + 1];
    struct wire_packet_queue *queue = wire_packet_queue_new();
    struct sim_link_copy copy = at(1);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    assert_true(wire_packet_queue_put(queue, &copy, 0, bytes, WIRE_PACKET_MAX_BYTES - 1));
    assert_true(wire_packet_queue_put(queue, &copy, 0, bytes, WIRE_PACKET_MAX_BYTES));
    assert_false(wire_packet_queue_put(queue, &copy, 0, bytes, WIRE_PACKET_MAX_BYTES + 1));
    assert_int_equal(wire_packet_queue_count(queue), 2);
    wire_packet_queue_drop_first(queue);
    assert_memory_equal(wire_packet_queue_first(queue)->bytes, bytes, WIRE_PACKET_MAX_BYTES);
    wire_packet_queue_free(queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(comes_out_in_order), cmocka_unit_test(holds_so_many), cmocka_unit_test(holds_so_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
