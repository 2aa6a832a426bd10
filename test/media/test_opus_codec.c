#include "test/media/test_media.h"

#include <math.h>

#include "app/media/audio_source.h"
#include "app/media/opus_codec.h"

enum { FRAMES = 100, FRAME = MEDIA_AUDIO_FRAME_SAMPLES };
static const double pi = 3.14159265358979323846;

struct packet { uint8_t bytes[MEDIA_OPUS_MAX_PACKET_BYTES]; size_t length; };
static int16_t source[FRAMES * FRAME];
static struct packet packets[FRAMES];

/* Something like speech: a voice that changes its pitch, in syllables of 160 ms. */
static void make_source(void) {
    double phase = 0.0;
    for (int i = 0; i < FRAMES * FRAME; i++) {
        double seconds = (double)i / MEDIA_AUDIO_RATE_HZ;
        double envelope = fmax(0.0, sin(2.0 * pi * seconds / 0.32));
        phase += 2.0 * pi * (150.0 + 60.0 * sin(2.0 * pi * seconds)) / MEDIA_AUDIO_RATE_HZ;
        source[i] = (int16_t)lrint(6000.0 * envelope * (sin(phase) + 0.5 * sin(3.0 * phase) + 0.3 * sin(7.0 * phase)));
    }
}

static unsigned encode_all(void) {
    struct media_error error;
    struct media_opus_encoder *encoder = media_opus_encoder_new(1, 32000, &error);
    assert_non_null(encoder);
    media_opus_encoder_set_packet_loss(encoder, 20);
    for (int i = 0; i < FRAMES; i++) {
        packets[i].length = media_opus_encode(encoder, source + i * FRAME, packets[i].bytes, &error);
        assert_true(packets[i].length > 0);
    }
    unsigned lookahead = media_opus_encoder_lookahead(encoder);
    media_opus_encoder_free(encoder);
    return lookahead;
}

/* Correlation of the energies of 5 ms windows; `output` is stereo and late by `delay` samples. */
static double energy_correlation(const int16_t *output, unsigned delay) {
    enum { WINDOW = 240 };
    double n = 0.0, sx = 0.0, sy = 0.0, sxx = 0.0, syy = 0.0, sxy = 0.0;
    for (int at = 0; at + WINDOW + (int)delay <= FRAMES * FRAME; at += WINDOW) {
        double x = 0.0;
        double y = 0.0;
        for (int i = at; i < at + WINDOW; i++) {
            double late = output[2 * ((size_t)i + delay)];
            x += (double)source[i] * source[i];
            y += late * late;
        }
        n += 1.0; sx += x; sy += y; sxx += x * x; syy += y * y; sxy += x * y;
    }
    return (n * sxy - sx * sy) / sqrt((n * sxx - sx * sx) * (n * syy - sy * sy));
}

static int setup(void **state) {
    (void)state;
    make_source();
    return 0;
}

static void test_round_trip(void **state) {
    (void)state;
    struct media_error error;
    static int16_t output[FRAMES * FRAME * 2];
    int16_t samples[MEDIA_OPUS_MAX_PACKET_SAMPLES * 2];
    struct media_opus_decoder *decoder = media_opus_decoder_new(&error);
    unsigned lookahead = encode_all();

    assert_in_range(lookahead, 1, 960);
    for (int i = 0; i < FRAMES; i++) {
        assert_int_equal(media_opus_packet_samples(packets[i].bytes, packets[i].length), FRAME);
        assert_int_equal(media_opus_decode(decoder, packets[i].bytes, packets[i].length, samples), FRAME);
        memcpy(output + i * FRAME * 2, samples, FRAME * 2 * sizeof *samples);
    }
    assert_true(energy_correlation(output, lookahead) > 0.95);
    assert_true(energy_correlation(output, lookahead + 4800) < 0.8);      /* the measure can fail */
    media_opus_decoder_free(decoder);
}

/* Every fifth packet lost: with the FEC of its successor the sound is closer to the source than with invention. */
static void test_lost_packets(void **state) {
    (void)state;
    static int16_t output[2][FRAMES * FRAME * 2];
    double closeness[2];
    unsigned lookahead = encode_all();

    for (int use_fec = 0; use_fec < 2; use_fec++) {
        struct media_error error;
        int16_t samples[MEDIA_OPUS_MAX_PACKET_SAMPLES * 2];
        struct media_opus_decoder *decoder = media_opus_decoder_new(&error);
        for (int i = 0; i < FRAMES; i++) {
            const struct packet *next = use_fec == 1 && i + 1 < FRAMES ? &packets[i + 1] : NULL;
            size_t count = i % 5 == 3 ? media_opus_decode_lost(decoder, next != NULL ? next->bytes : NULL,
                                                               next != NULL ? next->length : 0, FRAME, samples)
                                      : media_opus_decode(decoder, packets[i].bytes, packets[i].length, samples);
            assert_int_equal(count, FRAME);
            memcpy(output[use_fec] + i * FRAME * 2, samples, FRAME * 2 * sizeof *samples);
        }
        closeness[use_fec] = energy_correlation(output[use_fec], lookahead);
        media_opus_decoder_free(decoder);
    }
    assert_true(closeness[0] > 0.5);
    assert_true(closeness[1] > closeness[0]);
}

/* Nothing that arrives hurts: empty, truncated, noise. What is refused leaves a decoder that goes on. */
static void test_hostile_packets(void **state) {
    (void)state;
    struct media_error error;
    int16_t samples[MEDIA_OPUS_MAX_PACKET_SAMPLES * 2];
    struct media_opus_decoder *decoder = media_opus_decoder_new(&error);
    uint32_t seed = 7;

    (void)encode_all();
    assert_int_equal(media_opus_decode(decoder, packets[0].bytes, 0, samples), 0);
    assert_int_equal(media_opus_packet_samples(packets[0].bytes, 0), 0);
    for (size_t length = 1; length < packets[50].length; length++) {
        uint8_t *exact = malloc(length);
        memcpy(exact, packets[50].bytes, length);
        assert_true(media_opus_decode(decoder, exact, length, samples) <= MEDIA_OPUS_MAX_PACKET_SAMPLES);
        free(exact);
    }
    for (int round = 0; round < 2000; round++) {
        uint8_t noise[64];
        for (size_t i = 0; i < sizeof noise; i++) {
            seed = seed * 1664525U + 1013904223U;
            noise[i] = (uint8_t)(seed >> 24);
        }
        size_t length = 1 + (seed >> 8) % sizeof noise;
        assert_true(media_opus_decode(decoder, noise, length, samples) <= MEDIA_OPUS_MAX_PACKET_SAMPLES);
        assert_true(media_opus_packet_samples(noise, length) <= MEDIA_OPUS_MAX_PACKET_SAMPLES);
    }
    assert_int_equal(media_opus_decode_lost(decoder, NULL, 0, 0, samples), 0);
    assert_int_equal(media_opus_decode_lost(decoder, NULL, 0, MEDIA_OPUS_MAX_PACKET_SAMPLES, samples), MEDIA_OPUS_MAX_PACKET_SAMPLES);
    assert_int_equal(media_opus_decode_lost(decoder, NULL, 0, MEDIA_OPUS_MAX_PACKET_SAMPLES + 1, samples), 0);
    assert_int_equal(media_opus_decode(decoder, packets[0].bytes, packets[0].length, samples), FRAME);
    media_opus_decoder_free(decoder);
    media_opus_decoder_free(NULL);
    media_opus_encoder_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_lost_packets),
        cmocka_unit_test(test_hostile_packets),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
