/* The queue of early datagrams: order, its two limits at -1, 0 and +1, and memory only while something waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/peer/peer_early_internal.h"

static size_t blocks;
static bool is_memory_short;

static void *count_allocate(void *context, size_t bytes) {
    (void)context;
    if (is_memory_short)
        return NULL;
    blocks++;
    return malloc(bytes);
}

static void count_release(void *context, void *memory) {
    (void)context;
    blocks--;
    free(memory);
}

static const struct ice_allocator allocator = {count_allocate, count_release, NULL};
static const struct ice_path path = {.transport = ICE_TRANSPORT_UDP, .remote = {.family = STUN_ADDRESS_IPV4, .port = 9, .ip = {192, 0, 2, 1}}};

static void datagrams_come_out_in_the_order_they_came(void **state) {
    (void)state;
    struct peer_early early = {0};
    assert_null(peer_early_first(&early));
    for (uint8_t round = 0; round < 3; round++) {
        for (uint8_t i = 0; i < 5; i++)
            assert_true(peer_early_keep(&early, &allocator, &path, &i, 1));
        for (uint8_t i = 0; i < 5; i++) {
            struct peer_early_packet *packet = peer_early_first(&early);
            assert_non_null(packet);
            assert_int_equal(packet->length, 1);
            assert_int_equal(packet->bytes[0], i);
            assert_true(stun_address_equal(&packet->path.remote, &path.remote));
            peer_early_drop(&early, &allocator);
        }
        assert_int_equal(blocks, 0);
    }
}

static void the_number_of_datagrams_is_limited(void **state) {
    (void)state;
    struct peer_early early = {0};
    uint8_t byte = 1;
    for (size_t i = 0; i < PEER_EARLY_PACKET_MAX; i++)
        assert_true(peer_early_keep(&early, &allocator, &path, &byte, 1));
    assert_false(peer_early_keep(&early, &allocator, &path, &byte, 1));
    peer_early_drop(&early, &allocator);
    assert_true(peer_early_keep(&early, &allocator, &path, &byte, 1));
    peer_early_free(&early, &allocator);
    assert_int_equal(blocks, 0);
}

static void the_length_of_a_datagram_is_limited(void **state) {
    (void)state;
    struct peer_early early = {0};
    uint8_t bytes[PEER_EARLY_PACKET_BYTES + 1];
    memset(bytes, 7, sizeof bytes);
    assert_true(peer_early_keep(&early, &allocator, &path, bytes, PEER_EARLY_PACKET_BYTES - 1));
    assert_true(peer_early_keep(&early, &allocator, &path, bytes, PEER_EARLY_PACKET_BYTES));
    assert_false(peer_early_keep(&early, &allocator, &path, bytes, PEER_EARLY_PACKET_BYTES + 1));
    peer_early_free(&early, &allocator);
}

static void no_memory_loses_the_datagram_and_nothing_else(void **state) {
    (void)state;
    struct peer_early early = {0};
    uint8_t byte = 1;
    is_memory_short = true;
    assert_false(peer_early_keep(&early, &allocator, &path, &byte, 1));
    is_memory_short = false;
    assert_true(peer_early_keep(&early, &allocator, &path, &byte, 1));
    peer_early_free(&early, &allocator);
    peer_early_free(&early, &allocator);
    assert_int_equal(blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_come_out_in_the_order_they_came),
        cmocka_unit_test(the_number_of_datagrams_is_limited),
        cmocka_unit_test(the_length_of_a_datagram_is_limited),
        cmocka_unit_test(no_memory_loses_the_datagram_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
