#include "test/media/test_media.h"

#include <math.h>

#include "app/media/audio_codec.h"
#include "app/media/audio_source.h"
#include "app/media/resample_stream.h"

enum { FRAMES = 50, RATE = 48000 };

/* The part of a sine of `hz` in `samples`, and what is left beside it, in dB. */
static double clean_db(const int16_t *samples, size_t count, size_t pitch, double hz) {
    double sine = 0, cosine = 0, power = 0;
    for (size_t i = 0; i < count; i++) {
        double value = samples[i * pitch], angle = 2.0 * 3.14159265358979 * hz * (double)i / RATE;
        sine += value * sin(angle);
        cosine += value * cos(angle);
        power += value * value;
    }
    double found = 2.0 * (sine * sine + cosine * cosine) / (double)count;
    return 10.0 * log10(found / fmax(power - found, 1e-3));
}

/* A tone through every codec is the tone again: Opus and G.711 at 1 kHz, and nothing of what 8 kHz cannot carry. */
static void test_tone_through_codecs(void **state) {
    (void)state;
    static const enum media_codec codecs[] = { MEDIA_CODEC_OPUS, MEDIA_CODEC_PCMU, MEDIA_CODEC_PCMA };
    for (size_t c = 0; c < 3; c++) {
        struct media_error error;
        int16_t samples[MEDIA_AUDIO_FRAME_SAMPLES], decoded[MEDIA_AUDIO_MAX_PACKET_SAMPLES * MEDIA_AUDIO_DECODED_CHANNELS];
        static int16_t all[FRAMES * MEDIA_AUDIO_FRAME_SAMPLES * 2];
        uint8_t packet[MEDIA_AUDIO_MAX_PACKET_BYTES];
        struct media_audio_source *source = media_audio_source_open("tone:1000", &error);
        struct media_audio_encoder *encoder = media_audio_encoder_new(codecs[c], 1, 64000, &error);
        struct media_audio_decoder *decoder = media_audio_decoder_new(codecs[c], &error);
        assert_true(source != NULL && encoder != NULL && decoder != NULL);
        media_audio_encoder_set_bitrate(encoder, 64000);
        media_audio_encoder_set_packet_loss(encoder, 0);
        for (size_t i = 0; i < FRAMES; i++) {
            (void)media_audio_source_read(source, samples, &error);
            size_t length = media_audio_encode(encoder, samples, packet, &error);
            assert_true(codecs[c] == MEDIA_CODEC_OPUS ? length > 0 : length == 160);
            assert_int_equal(media_audio_packet_duration(codecs[c], packet, length), codecs[c] == MEDIA_CODEC_OPUS ? 960 : 160);
            assert_int_equal(media_audio_decode(decoder, packet, length, decoded), 960);
            memcpy(all + i * 1920, decoded, 1920 * sizeof *decoded);
        }
        assert_true(clean_db(all + 10 * 1920, (FRAMES - 10) * 960, 2, 1000) > (codecs[c] == MEDIA_CODEC_OPUS ? 15 : 33));
        for (size_t i = 0; i < FRAMES * 960; i++) {
            assert_int_equal(all[2 * i], all[2 * i + 1]);
        }
        media_audio_decoder_free(decoder);
        media_audio_encoder_free(encoder);
        media_audio_source_free(source);
    }
}

/* Down and up again in pieces of any length is what it is in one piece: no seam at the joints. */
static void test_pieces_join(void **state) {
    (void)state;
    static int16_t sound[4800], whole[800], pieces[800];
    struct media_resample_stream *one = media_resample_stream_new(48000, 8000), *many = media_resample_stream_new(48000, 8000);
    for (int i = 0; i < 4800; i++) {
        sound[i] = (int16_t)lrint(12000 * sin(i * 0.06) + 9000 * sin(i * 0.011));
    }
    assert_int_equal(media_resample_stream_run(one, sound, 4800, whole), 800);
    size_t done = 0, made = 0;
    for (size_t length = 6; done < 4800; length += 6) {
        size_t now = length < 4800 - done ? length : 4800 - done;
        made += media_resample_stream_run(many, sound + done, now, pieces + made);
        done += now;
    }
    assert_int_equal(made, 800);
    assert_memory_equal(whole, pieces, sizeof whole);
    assert_int_equal(media_resample_stream_run(one, sound, 0, whole), 0);
    media_resample_stream_free(one);
    media_resample_stream_free(many);
    media_resample_stream_free(NULL);
}

/* A G.711 packet of 120 ms is taken, one sample more or none at all is not one. */
static void test_g711_packet_limit(void **state) {
    (void)state;
    struct media_error error;
    static int16_t samples[MEDIA_AUDIO_MAX_PACKET_SAMPLES * MEDIA_AUDIO_DECODED_CHANNELS];
    uint8_t packet[961] = { 0 };
    struct media_audio_decoder *decoder = media_audio_decoder_new(MEDIA_CODEC_PCMA, &error);
    assert_int_equal(media_audio_decode(decoder, packet, 959, samples), 5754);
    assert_int_equal(media_audio_decode(decoder, packet, 960, samples), 5760);
    assert_int_equal(media_audio_decode(decoder, packet, 961, samples), 0);
    assert_int_equal(media_audio_decode(decoder, packet, 0, samples), 0);
    assert_int_equal(media_audio_decode_lost(decoder, NULL, 0, 960, samples), 5760);
    assert_int_equal(media_audio_decode_lost(decoder, NULL, 0, 961, samples), 0);
    media_audio_decoder_free(decoder);
    media_audio_decoder_free(NULL);
    media_audio_encoder_free(NULL);
}

/* Two channels become one: their mean, and what is opposite in them is gone. */
static void test_stereo_is_mixed(void **state) {
    (void)state;
    struct media_error error;
    int16_t samples[2 * MEDIA_AUDIO_FRAME_SAMPLES];
    uint8_t packet[MEDIA_AUDIO_MAX_PACKET_BYTES];
    struct media_audio_encoder *encoder = media_audio_encoder_new(MEDIA_CODEC_PCMU, 2, 0, &error);
    for (int i = 0; i < MEDIA_AUDIO_FRAME_SAMPLES; i++) {
        samples[2 * i] = 20000;
        samples[2 * i + 1] = -20000;
    }
    assert_int_equal(media_audio_encode(encoder, samples, packet, &error), 160);
    for (int i = 0; i < 160; i++) {
        assert_int_equal(packet[i], 0xFF);
    }
    media_audio_encoder_free(encoder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tone_through_codecs), cmocka_unit_test(test_pieces_join), cmocka_unit_test(test_g711_packet_limit),
        cmocka_unit_test(test_stereo_is_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
