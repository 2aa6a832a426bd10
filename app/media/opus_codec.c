#include "app/media/opus_codec.h"

#include <opus/opus.h>
#include <stdlib.h>

#include "app/media/audio_source.h"
#include "app/media/media_error_internal.h"

enum { COMPLEXITY = 5 };

struct media_opus_encoder { OpusEncoder *opus; unsigned channels; };
struct media_opus_decoder { OpusDecoder *opus; };

static void library_failed(struct media_error *error, const char *doing, int code) {
    media_error_what(error, MEDIA_EXIT_DEVICE, "libopus cannot %s.", doing);
    media_error_why(error, "It says: %s.", opus_strerror(code));
    media_error_try(error, "Check that the machine has memory left; run the call without --audio to see whether the rest works.");
}

struct media_opus_encoder *media_opus_encoder_new(unsigned channels, uint32_t bitrate_bps, struct media_error *error) {
    struct media_opus_encoder *encoder = calloc(1, sizeof *encoder);
    int code = OPUS_ALLOC_FAIL;

    if (encoder != NULL) {
        /* The "audio" application: "voip" filters and emphasises, which is not ours to do with somebody's file. */
        encoder->opus = opus_encoder_create(MEDIA_AUDIO_RATE_HZ, (int)channels, OPUS_APPLICATION_AUDIO, &code);
    }
    if (encoder == NULL || encoder->opus == NULL) {
        library_failed(error, "make an encoder", code);
        free(encoder);
        return NULL;
    }
    encoder->channels = channels;
    (void)opus_encoder_ctl(encoder->opus, OPUS_SET_COMPLEXITY(COMPLEXITY));
    (void)opus_encoder_ctl(encoder->opus, OPUS_SET_INBAND_FEC(1));
    (void)opus_encoder_ctl(encoder->opus, OPUS_SET_SIGNAL(channels == 1 ? OPUS_SIGNAL_VOICE : OPUS_AUTO));
    media_opus_encoder_set_packet_loss(encoder, MEDIA_OPUS_EXPECTED_LOSS_PERCENT);
    media_opus_encoder_set_bitrate(encoder, bitrate_bps);
    return encoder;
}

void media_opus_encoder_free(struct media_opus_encoder *encoder) {
    if (encoder != NULL) {
        opus_encoder_destroy(encoder->opus);
        free(encoder);
    }
}

void media_opus_encoder_set_bitrate(struct media_opus_encoder *encoder, uint32_t bitrate_bps) {
    (void)opus_encoder_ctl(encoder->opus, OPUS_SET_BITRATE((opus_int32)bitrate_bps));
}

void media_opus_encoder_set_packet_loss(struct media_opus_encoder *encoder, unsigned percent) {
    (void)opus_encoder_ctl(encoder->opus, OPUS_SET_PACKET_LOSS_PERC((opus_int32)(percent > 100 ? 100 : percent)));
}

unsigned media_opus_encoder_lookahead(const struct media_opus_encoder *encoder) {
    opus_int32 samples = 0;
    (void)opus_encoder_ctl(encoder->opus, OPUS_GET_LOOKAHEAD(&samples));
    return (unsigned)samples;
}

size_t media_opus_encode(struct media_opus_encoder *encoder, const int16_t *samples, uint8_t packet[MEDIA_OPUS_MAX_PACKET_BYTES],
                         struct media_error *error) {
    opus_int32 length = opus_encode(encoder->opus, samples, MEDIA_AUDIO_FRAME_SAMPLES, packet, MEDIA_OPUS_MAX_PACKET_BYTES);
    if (length <= 0) {
        library_failed(error, "encode a frame", length);
        return 0;
    }
    return (size_t)length;
}

struct media_opus_decoder *media_opus_decoder_new(struct media_error *error) {
    struct media_opus_decoder *decoder = calloc(1, sizeof *decoder);
    int code = OPUS_ALLOC_FAIL;

    if (decoder != NULL) {
        decoder->opus = opus_decoder_create(MEDIA_AUDIO_RATE_HZ, MEDIA_OPUS_DECODER_CHANNELS, &code);
    }
    if (decoder == NULL || decoder->opus == NULL) {
        library_failed(error, "make a decoder", code);
        free(decoder);
        return NULL;
    }
    return decoder;
}

void media_opus_decoder_free(struct media_opus_decoder *decoder) {
    if (decoder != NULL) {
        opus_decoder_destroy(decoder->opus);
        free(decoder);
    }
}

size_t media_opus_decode(struct media_opus_decoder *decoder, const uint8_t *packet, size_t length_bytes, int16_t *samples) {
    /* An empty packet would mean "invent": that has a function of its own. */
    if (length_bytes == 0 || length_bytes > INT32_MAX) {
        return 0;
    }
    int count = opus_decode(decoder->opus, packet, (opus_int32)length_bytes, samples, MEDIA_OPUS_MAX_PACKET_SAMPLES, 0);
    return count > 0 ? (size_t)count : 0;
}

size_t media_opus_decode_lost(struct media_opus_decoder *decoder, const uint8_t *next, size_t next_bytes, size_t count,
                              int16_t *samples) {
    if (count == 0 || count > MEDIA_OPUS_MAX_PACKET_SAMPLES || next_bytes > INT32_MAX) {
        return 0;
    }
    int made = opus_decode(decoder->opus, next, next == NULL ? 0 : (opus_int32)next_bytes, samples, (int)count, next != NULL);
    return made > 0 ? (size_t)made : 0;
}

size_t media_opus_packet_samples(const uint8_t *packet, size_t length_bytes) {
    if (length_bytes == 0 || length_bytes > INT32_MAX) {
        return 0;
    }
    int count = opus_packet_get_nb_samples(packet, (opus_int32)length_bytes, MEDIA_AUDIO_RATE_HZ);
    return count > 0 ? (size_t)count : 0;
}
