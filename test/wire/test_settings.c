/* test/wire/settings.c: each word sets what it says, where it says, and a wrong one sets nothing. */
#include "test_wire.h"

#include <string.h>

#include "test/wire/settings.h"

static bool words(const char *const *list, struct sim_link_config configs[WIRE_DIRECTIONS]) {
    struct wire_scope scope = WIRE_SCOPE_BOTH;
    for (; *list; list++)
        if (!wire_settings_word(*list, &scope, configs))
            return false;
    return true;
}

static void each_word_sets_what_it_says(void **state) {
    (void)state;
    struct sim_link_config c[WIRE_DIRECTIONS] = {0};
    const char *const list[] = {"loss=3", "burst_enter=1.5", "burst_leave=25", "burst_loss=100", "delay_ms=40", "jitter_ms=0.5", "jitter_keeps_order=1", "reorder=2",
                                "reorder_delay_ms=20", "duplicate=4", "corrupt=0.1", "mtu_bytes=1280", "rate_kbps=1000", "queue_bytes=30000", NULL};
    assert_true(words(list, c));
    for (size_t i = 0; i < WIRE_DIRECTIONS; i++) {
        assert_float_equal(c[i].loss, 0.03, 1e-9);
        assert_float_equal(c[i].burst_enter, 0.015, 1e-9);
        assert_float_equal(c[i].burst_leave, 0.25, 1e-9);
        assert_float_equal(c[i].burst_loss, 1.0, 1e-9);
        assert_int_equal(c[i].delay_us, 40000);
        assert_int_equal(c[i].jitter_us, 500);
        assert_true(c[i].jitter_keeps_order);
        assert_float_equal(c[i].reorder, 0.02, 1e-9);
        assert_int_equal(c[i].reorder_delay_us, 20000);
        assert_float_equal(c[i].duplicate, 0.04, 1e-9);
        assert_float_equal(c[i].corrupt, 0.001, 1e-9);
        assert_int_equal(c[i].mtu_bytes, 1280);
        assert_int_equal(c[i].rate_bps, 1000000);
        assert_int_equal(c[i].queue_bytes, 30000);
    }
}

static void directions_are_told_apart(void **state) {
    (void)state;
    struct sim_link_config c[WIRE_DIRECTIONS] = {0};
    const char *const list[] = {"delay_ms=5", "up", "rate_kbps=500", "down", "rate_kbps=2000", "both", "loss=1", NULL};
    assert_true(words(list, c));
    assert_int_equal(c[WIRE_UP].rate_bps, 500000);
    assert_int_equal(c[WIRE_DOWN].rate_bps, 2000000);
    assert_int_equal(c[WIRE_UP].delay_us, 5000);
    assert_int_equal(c[WIRE_DOWN].delay_us, 5000);
    assert_float_equal(c[WIRE_UP].loss, 0.01, 1e-9);
    assert_float_equal(c[WIRE_DOWN].loss, 0.01, 1e-9);
}

static void wrong_words_change_nothing(void **state) {
    (void)state;
    const char *const wrong[] = {"",         "loss",        "loss=",     "loss=x",       "loss=-1",          "loss=100.1",     "loss=1%",       "los=1",
                                 "losses=1", "loss =1",     "delay=1",   "delay_ms=inf", "delay_ms=nan",     "delay_ms=60001", "rate_kbps=1e9", "jitter_keeps_order=2",
                                 "sideways", "both=1",      "=1",        "loss=1 ",      "queue_bytes=5e9",  "UP"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct sim_link_config c[WIRE_DIRECTIONS] = {0}, none[WIRE_DIRECTIONS] = {0};
        struct wire_scope scope = WIRE_SCOPE_BOTH;
        assert_false(wire_settings_word(wrong[i], &scope, c));
        assert_memory_equal(c, none, sizeof c);
        assert_true(scope.up && scope.down);
    }
}

static void limits_are_where_they_are_said_to_be(void **state) {
    (void)state;
    struct sim_link_config c[WIRE_DIRECTIONS] = {0};
    const char *const list[] = {"loss=100", "delay_ms=60000", "rate_kbps=100000000", "queue_bytes=4000000000", "mtu_bytes=4000000000", NULL};
    assert_true(words(list, c));
    assert_float_equal(c[WIRE_UP].loss, 1.0, 1e-9);
    assert_true(c[WIRE_UP].rate_bps == UINT64_C(100000000000));
    assert_true(c[WIRE_UP].queue_bytes == UINT64_C(4000000000));
    assert_true(c[WIRE_UP].mtu_bytes == UINT32_C(4000000000));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_word_sets_what_it_says), cmocka_unit_test(directions_are_told_apart),
                                       cmocka_unit_test(wrong_words_change_nothing), cmocka_unit_test(limits_are_where_they_are_said_to_be)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
