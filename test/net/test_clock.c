/* Clock and random source: little to prove, but wrong units would be found here. */
#include "app/net/clock.h"
#include "app/net/random.h"
#include "test/net/test_net.h"

#include <string.h>
#include <time.h>

static void the_clock_never_goes_back(void **state) {
    (void)state;
    uint64_t before = net_clock_now_us();
    for (int i = 0; i < 100000; i++) {
        uint64_t now = net_clock_now_us();
        assert_true(now >= before);
        before = now;
    }
}

static void the_clock_counts_microseconds(void **state) {
    (void)state;
    struct timespec time;
    uint64_t before = net_clock_now_us();
    clock_gettime(CLOCK_MONOTONIC, &time);
    uint64_t between = (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
    assert_in_range(between, before, net_clock_now_us());
}

static void the_offset_leads_to_wall_time(void **state) {
    (void)state;
    int64_t before = (int64_t)time(NULL) - 1;
    int64_t wall_s = ((int64_t)net_clock_now_us() + net_clock_wall_offset_us()) / 1000000;
    assert_true(wall_s >= before && wall_s <= (int64_t)time(NULL) + 1);
}

/* Every byte of the asked-for length is written, none beyond; two calls differ. */
static void random_fills_exactly(void **state) {
    (void)state;
    static uint8_t bytes[1002], again[1002];
    for (size_t length = 0; length <= 1000; length += length < 40 ? 1 : 480) {
        uint8_t seen[1002] = {0};
        for (int round = 0; round < 8; round++) { /* a byte that stays 0 eight times running: once in 2^64 */
            memset(bytes, 0, sizeof bytes);
            net_random(NULL, bytes + 1, length);
            for (size_t i = 0; i < length + 2; i++)
                seen[i] = (uint8_t)(seen[i] | bytes[i]);
        }
        assert_int_equal(seen[0], 0);
        assert_int_equal(seen[length + 1], 0);
        for (size_t i = 1; i <= length; i++)
            assert_int_not_equal(seen[i], 0);
    }
    net_random(NULL, again, sizeof again);
    assert_memory_not_equal(bytes, again, sizeof again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_never_goes_back),
        cmocka_unit_test(the_clock_counts_microseconds),
        cmocka_unit_test(the_offset_leads_to_wall_time),
        cmocka_unit_test(random_fills_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
