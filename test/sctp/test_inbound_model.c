/* Scripts from seeds against the model of inbound_model.h; the fuzzer makes others. */
#include "test_sctp.h"

#include "inbound_model.h"

static uint64_t random_state;

static uint8_t random_byte(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint8_t)(random_state >> 32);
}

/* 1,000 scripts of 3,000 steps at most, DATA and I-DATA; all together reach everything that the model knows. */
static void seeds(void **state) {
    (void)state;
    struct inbound_model_result sum = {0};
    for (unsigned seed = 1; seed <= 1000; seed++) {
        static uint8_t script[6000];
        random_state = seed * UINT64_C(0x9E3779B97F4A7C15);
        size_t length = (size_t)(64 + random_byte() * 23);
        for (size_t i = 0; i < length; i++)
            script[i] = random_byte();
        struct inbound_model_result result = inbound_model_run(script, length);
        sum.sent += result.sent;
        sum.received += result.received;
        sum.given_up += result.given_up;
        sum.forwards += result.forwards;
        sum.resets += result.resets;
        sum.duplicates += result.duplicates;
        sum.refused += result.refused;
    }
    assert_true(sum.sent > 10000);
    assert_true(sum.received > sum.sent / 2);
    assert_true(sum.given_up > 1000);
    assert_true(sum.resets > 10);
    assert_true(sum.duplicates > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
