#include "test/media/test_media.h"

#include "app/media/freeze.h"

enum { FRAME_US = 33333 };

/* Steady pictures, then one after `pause_us`. Returns the freezes. */
static uint64_t freezes_after(uint64_t frame_us, unsigned steady, uint64_t pause_us, uint64_t *total_us) {
    struct media_freeze freeze = { 0 };
    uint64_t now_us = 1000;
    for (unsigned i = 0; i < steady; i++) {
        media_freeze_picture(&freeze, now_us);
        now_us += frame_us;
    }
    media_freeze_picture(&freeze, now_us - frame_us + pause_us);
    *total_us = freeze.total_freezes_duration_us;
    return freeze.freeze_count;
}

/* webrtc-stats, freezeCount: at 30 pictures a second the limit is the mean and 150 ms; at 5 a second it is three means. */
static void test_limit(void **state) {
    (void)state;
    uint64_t total_us;
    assert_int_equal(freezes_after(FRAME_US, 100, FRAME_US, &total_us), 0);
    assert_int_equal(freezes_after(FRAME_US, 100, FRAME_US + 150000 - 1, &total_us), 0);
    assert_int_equal(total_us, 0);
    assert_int_equal(freezes_after(FRAME_US, 100, FRAME_US + 150000, &total_us), 1);
    assert_int_equal(total_us, FRAME_US + 150000);
    assert_int_equal(freezes_after(200000, 100, 599999, &total_us), 0);
    assert_int_equal(freezes_after(200000, 100, 600000, &total_us), 1);
}

/* MEDIA_FREEZE_MIN_DURATIONS at limit - 1, limit, limit + 1. */
static void test_beginning_is_not_judged(void **state) {
    (void)state;
    uint64_t total_us;
    assert_int_equal(freezes_after(FRAME_US, MEDIA_FREEZE_MIN_DURATIONS, 1000000, &total_us), 0);
    assert_int_equal(freezes_after(FRAME_US, MEDIA_FREEZE_MIN_DURATIONS + 1, 1000000, &total_us), 1);
    assert_int_equal(freezes_after(FRAME_US, MEDIA_FREEZE_MIN_DURATIONS + 2, 1000000, &total_us), 1);
}

/* The mean forgets: after 30 slow pictures the fast ones before them do not count. */
static void test_mean_is_over_the_last_thirty(void **state) {
    (void)state;
    struct media_freeze freeze = { 0 };
    uint64_t now_us = 0;
    for (int i = 0; i < 200; i++) {
        media_freeze_picture(&freeze, now_us += 10000);
    }
    for (int i = 0; i < MEDIA_FREEZE_WINDOW; i++) {
        media_freeze_picture(&freeze, now_us += 100000);
    }
    assert_int_equal(freeze.sum_us, MEDIA_FREEZE_WINDOW * 100000);
    media_freeze_picture(&freeze, now_us += 299999);
    assert_int_equal(freeze.freeze_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_beginning_is_not_judged),
        cmocka_unit_test(test_mean_is_over_the_last_thirty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
