/* framesPerSecond (W3C webrtc-stats, RTCVideoSourceStats), in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/media/rate.h"

#define BEGIN_US 123456789u
#define SECOND_US 1000000u

static void count_until(struct media_rate *rate, uint64_t *now_us, uint64_t until_us, uint64_t step_us) {
    for (; *now_us < until_us; *now_us += step_us) {
        media_rate_count(rate, *now_us);
    }
}

/* RTCVideoSourceStats: not there within the first second. */
static void test_first_second(void **state) {
    (void)state;
    struct media_rate rate = { 0 };
    uint32_t per_second = 77;
    uint64_t now_us = BEGIN_US;
    assert_false(media_rate_read(&rate, now_us, &per_second));
    count_until(&rate, &now_us, BEGIN_US + SECOND_US, 40000);
    assert_false(media_rate_read(&rate, BEGIN_US + SECOND_US - 1, &per_second));
    assert_int_equal(per_second, 77);
    assert_true(media_rate_read(&rate, BEGIN_US + SECOND_US, &per_second));
    assert_int_equal(per_second, 25);
}

static void test_steady(void **state) {
    (void)state;
    struct media_rate rate = { 0 };
    uint32_t per_second;
    uint64_t now_us = BEGIN_US;
    for (uint64_t until_us = BEGIN_US + SECOND_US; until_us < BEGIN_US + 20 * SECOND_US; until_us += 33000) {
        count_until(&rate, &now_us, until_us, 33333);
        assert_true(media_rate_read(&rate, until_us, &per_second));
        assert_in_range(per_second, 29, 31);
    }
}

/* What has stopped falls to nothing within a second, and what begins again is not added to what was. */
static void test_stops_and_goes_on(void **state) {
    (void)state;
    struct media_rate rate = { 0 };
    uint32_t per_second;
    uint64_t now_us = BEGIN_US;
    count_until(&rate, &now_us, BEGIN_US + 3 * SECOND_US, 10000);
    assert_true(media_rate_read(&rate, BEGIN_US + 3 * SECOND_US, &per_second));
    assert_int_equal(per_second, 100);
    assert_true(media_rate_read(&rate, BEGIN_US + 3 * SECOND_US + SECOND_US / 2, &per_second));
    assert_int_equal(per_second, 50);
    assert_true(media_rate_read(&rate, BEGIN_US + 4 * SECOND_US, &per_second));
    assert_int_equal(per_second, 0);
    static const uint64_t rests_us[] = { SECOND_US, 1050000, 1100000, 60 * SECOND_US };
    for (size_t i = 0; i < sizeof rests_us / sizeof rests_us[0]; i++) {
        now_us += rests_us[i];
        media_rate_count(&rate, now_us);
        assert_true(media_rate_read(&rate, now_us + 150000, &per_second));
        assert_int_equal(per_second, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_second),
        cmocka_unit_test(test_steady),
        cmocka_unit_test(test_stops_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
