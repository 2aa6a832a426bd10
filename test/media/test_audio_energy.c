/* totalAudioEnergy, as W3C webrtc-stats (RTCAudioSourceStats) has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/media/audio_energy.h"

/* The specification's own example: 10 ms of RMS 0.5 add 0.0025, 10 ms of RMS 0.1 add 0.0001. */
static void test_example(void **state) {
    (void)state;
    int16_t half[480], tenth[480];
    for (size_t i = 0; i < 480; i++) {
        half[i] = i % 2 ? 16384 : -16384;
        tenth[i] = i % 2 ? 3277 : -3277;
    }
    assert_float_equal((float)media_audio_energy(half, 480, 1), 0.0025F, 1e-7F);
    assert_float_equal((float)media_audio_energy(tenth, 480, 1), 0.0001F, 1e-7F);
    assert_float_equal((float)media_audio_energy(half, 0, 1), 0.0F, 0.0F);
}

/* Of several channels the loudest counts, sample by sample. */
static void test_loudest_channel(void **state) {
    (void)state;
    int16_t stereo[960];
    for (size_t i = 0; i < 480; i++) {
        stereo[2 * i] = i < 240 ? INT16_MIN : 0;
        stereo[2 * i + 1] = i < 240 ? 0 : 16384;
    }
    assert_float_equal((float)media_audio_energy(stereo, 480, 2), 0.005F * (1.0F + 0.25F), 1e-7F);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_loudest_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
