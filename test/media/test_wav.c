#include "test/media/test_media.h"

#include <math.h>

#include "app/media/wav.h"

/* The usual file: one fmt chunk, one data chunk of eight bytes. */
static const uint8_t plain[] = {
    'R', 'I', 'F', 'F', 44, 0, 0, 0, 'W', 'A', 'V', 'E',
    'f', 'm', 't', ' ', 16, 0, 0, 0, 1, 0, 1, 0, 0x80, 0xBB, 0, 0, 0, 0x77, 1, 0, 2, 0, 16, 0,
    'd', 'a', 't', 'a', 8, 0, 0, 0, 0x00, 0x40, 0x00, 0xC0, 0xFF, 0x7F, 0x00, 0x80
};
enum { AT_RIFF_SIZE = 4, AT_FMT_SIZE = 16, AT_FORMAT = 20, AT_CHANNELS = 22, AT_RATE = 24, AT_ALIGN = 32, AT_BITS = 34, AT_DATA_SIZE = 40 };

/* A copy on the heap of exactly `length` bytes, so that the sanitizer sees one byte too many. */
static bool parse(const uint8_t *bytes, size_t length, struct media_wav *wav, struct media_error *error) {
    uint8_t *copy = malloc(length != 0 ? length : 1);
    memcpy(copy, bytes, length);
    bool good = media_wav_parse("x.wav", copy, length, wav, error);
    if (good) {
        for (size_t frame = 0; frame < wav->frames; frame++) {
            (void)media_wav_sample(wav, frame, wav->channels - 1);
        }
    }
    free(copy);
    return good;
}

static void assert_refused(const uint8_t *bytes, size_t length) {
    struct media_wav wav;
    struct media_error error;
    assert_false(parse(bytes, length, &wav, &error));
    media_test_assert_error(&error, MEDIA_EXIT_BAD_FILE);
}

static void test_plain(void **state) {
    (void)state;
    struct media_wav wav;
    struct media_error error;
    assert_true(media_wav_parse("x.wav", plain, sizeof plain, &wav, &error));
    assert_int_equal(wav.channels, 1);
    assert_int_equal(wav.rate_hz, 48000);
    assert_int_equal(wav.bits, 16);
    assert_int_equal(wav.frames, 4);
    assert_float_equal(media_wav_sample(&wav, 0, 0), 0.5F, 0.0F);
    assert_float_equal(media_wav_sample(&wav, 1, 0), -0.5F, 0.0F);
    assert_float_equal(media_wav_sample(&wav, 2, 0), 32767.0F / 32768.0F, 0.0F);
    assert_float_equal(media_wav_sample(&wav, 3, 0), -1.0F, 0.0F);
}

static void test_every_truncation_is_refused(void **state) {
    (void)state;
    for (size_t length = 0; length < sizeof plain; length++) {
        assert_refused(plain, length);
    }
}

/* One field of the header at a time, with the values that break things. */
static void test_hostile_fields(void **state) {
    (void)state;
    static const struct { size_t at, bytes; uint32_t value; } cases[] = {
        { AT_RIFF_SIZE, 4, 0xFFFFFFFF }, { AT_RIFF_SIZE, 4, 45 }, { AT_RIFF_SIZE, 4, 3 }, { AT_RIFF_SIZE, 4, 0 },
        { AT_FMT_SIZE, 4, 0 }, { AT_FMT_SIZE, 4, 15 }, { AT_FMT_SIZE, 4, 0xFFFFFFFF }, { AT_FMT_SIZE, 4, 0xFFFFFFF0 }, { AT_FMT_SIZE, 4, 0x7FFFFFFF },
        { AT_FORMAT, 2, 0 }, { AT_FORMAT, 2, 2 }, { AT_FORMAT, 2, 3 }, { AT_FORMAT, 2, 6 }, { AT_FORMAT, 2, 0xFFFE }, { AT_FORMAT, 2, 0xFFFF },
        { AT_CHANNELS, 2, 0 }, { AT_CHANNELS, 2, 9 }, { AT_CHANNELS, 2, 0xFFFF }, { AT_CHANNELS, 2, 2 },
        { AT_RATE, 4, 0 }, { AT_RATE, 4, 7999 }, { AT_RATE, 4, 192001 }, { AT_RATE, 4, 0xFFFFFFFF },
        { AT_ALIGN, 2, 0 }, { AT_ALIGN, 2, 1 }, { AT_ALIGN, 2, 4 }, { AT_ALIGN, 2, 0xFFFF },
        { AT_BITS, 2, 0 }, { AT_BITS, 2, 1 }, { AT_BITS, 2, 12 }, { AT_BITS, 2, 64 }, { AT_BITS, 2, 0xFFFF },
        { AT_DATA_SIZE, 4, 0 }, { AT_DATA_SIZE, 4, 7 }, { AT_DATA_SIZE, 4, 9 }, { AT_DATA_SIZE, 4, 10 }, { AT_DATA_SIZE, 4, 0xFFFFFFFF },
        { 0, 1, 'X' }, { 8, 1, 'X' }, { 12, 1, 'X' }, { 36, 1, 'X' },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[sizeof plain];
        memcpy(bytes, plain, sizeof plain);
        for (size_t k = 0; k < cases[i].bytes; k++) {
            bytes[cases[i].at + k] = (uint8_t)(cases[i].value >> 8 * k);
        }
        assert_refused(bytes, sizeof bytes);
    }
}

static void test_rate_limits(void **state) {
    (void)state;
    static const uint32_t rates[] = { MEDIA_WAV_MIN_RATE_HZ, MEDIA_WAV_MIN_RATE_HZ + 1, MEDIA_WAV_MAX_RATE_HZ - 1, MEDIA_WAV_MAX_RATE_HZ };
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct media_wav wav;
        struct media_error error;
        uint8_t bytes[sizeof plain];
        memcpy(bytes, plain, sizeof plain);
        for (size_t k = 0; k < 4; k++) {
            bytes[AT_RATE + k] = (uint8_t)(rates[i] >> 8 * k);
        }
        assert_true(parse(bytes, sizeof bytes, &wav, &error));
        assert_int_equal(wav.rate_hz, rates[i]);
    }
}

/* Foreign chunks are passed over, an odd one with its pad byte; what follows the RIFF does not matter. */
static void test_other_chunks(void **state) {
    (void)state;
    static const uint8_t list[] = { 'L', 'I', 'S', 'T', 3, 0, 0, 0, 1, 2, 3, 0 };
    static const uint8_t twice[] = { 'f', 'm', 't', ' ', 16, 0, 0, 0, 1, 0, 1, 0, 0x80, 0xBB, 0, 0, 0, 0x77, 1, 0, 2, 0, 16, 0 };
    uint8_t bytes[sizeof plain + sizeof twice + 5];
    struct media_wav wav;
    struct media_error error;

    memcpy(bytes, plain, 12);
    memcpy(bytes + 12, list, sizeof list);
    memcpy(bytes + 12 + sizeof list, plain + 12, sizeof plain - 12);
    memset(bytes + sizeof plain + sizeof list, 0xEE, 5);
    bytes[AT_RIFF_SIZE] = 44 + sizeof list;
    assert_true(parse(bytes, sizeof plain + sizeof list + 5, &wav, &error));
    assert_int_equal(wav.frames, 4);

    memcpy(bytes, plain, 12);
    memcpy(bytes + 12, twice, sizeof twice);
    memcpy(bytes + 12 + sizeof twice, plain + 12, sizeof plain - 12);
    bytes[AT_RIFF_SIZE] = 44 + sizeof twice;
    assert_refused(bytes, sizeof plain + sizeof twice);
}

/* Every encoding says 0.5 and -0.5. */
static void test_encodings(void **state) {
    (void)state;
    static const struct { uint16_t format, bits; uint8_t half[4], minus[4]; } cases[] = {
        { 1, 8, { 192 }, { 64 } },
        { 1, 16, { 0, 0x40 }, { 0, 0xC0 } },
        { 1, 24, { 0, 0, 0x40 }, { 0, 0, 0xC0 } },
        { 1, 32, { 0, 0, 0, 0x40 }, { 0, 0, 0, 0xC0 } },
        { 3, 32, { 0, 0, 0, 0x3F }, { 0, 0, 0, 0xBF } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[44 + 8];
        size_t width = cases[i].bits / 8U;
        struct media_wav wav;
        struct media_error error;
        memcpy(bytes, plain, 44);
        bytes[AT_FORMAT] = (uint8_t)cases[i].format;
        bytes[AT_BITS] = (uint8_t)cases[i].bits;
        bytes[AT_ALIGN] = (uint8_t)width;
        bytes[AT_DATA_SIZE] = (uint8_t)(2 * width);
        bytes[AT_RIFF_SIZE] = (uint8_t)(36 + 2 * width);
        memcpy(bytes + 44, cases[i].half, width);
        memcpy(bytes + 44 + width, cases[i].minus, width);
        assert_true(media_wav_parse("x.wav", bytes, 44 + 2 * width, &wav, &error));
        assert_float_equal(media_wav_sample(&wav, 0, 0), 0.5F, 0.0F);
        assert_float_equal(media_wav_sample(&wav, 1, 0), -0.5F, 0.0F);
    }
}

static void test_float_that_is_none(void **state) {
    (void)state;
    static const struct { float value, expected; } cases[] = {
        { NAN, 0.0F }, { INFINITY, 1.0F }, { -INFINITY, -1.0F }, { 7.0F, 1.0F }, { -7.0F, -1.0F }, { 0.25F, 0.25F }
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[4];
        struct media_wav wav = { .encoding = MEDIA_WAV_FLOAT, .channels = 1, .bits = 32, .samples = bytes, .frames = 1 };
        memcpy(bytes, &cases[i].value, 4);
        assert_float_equal(media_wav_sample(&wav, 0, 0), cases[i].expected, 0.0F);
    }
}

static void test_extensible(void **state) {
    (void)state;
    uint8_t bytes[sizeof plain + 24];
    static const uint8_t more[24] = { 22, 0, 16, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71 };
    struct media_wav wav;
    struct media_error error;

    memcpy(bytes, plain, 36);
    memcpy(bytes + 36, more, sizeof more);
    memcpy(bytes + 36 + sizeof more, plain + 36, sizeof plain - 36);
    bytes[AT_RIFF_SIZE] = 44 + sizeof more;
    bytes[AT_FMT_SIZE] = 40;
    bytes[AT_FORMAT] = 0xFE;
    bytes[AT_FORMAT + 1] = 0xFF;
    assert_true(parse(bytes, sizeof bytes, &wav, &error));
    assert_int_equal(wav.frames, 4);
    for (size_t length = 0; length < sizeof bytes; length++) {
        assert_refused(bytes, length);
    }
    bytes[36 + 10] ^= 1;      /* the GUID is another one */
    assert_refused(bytes, sizeof bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_hostile_fields),
        cmocka_unit_test(test_rate_limits),
        cmocka_unit_test(test_other_chunks),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_float_that_is_none),
        cmocka_unit_test(test_extensible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
