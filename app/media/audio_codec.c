#include "app/media/audio_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/audio_source.h"
#include "app/media/g711.h"
#include "app/media/media_error_internal.h"
#include "app/media/opus_codec.h"
#include "app/media/resample_stream.h"

enum { G711_RATIO = MEDIA_AUDIO_RATE_HZ / MEDIA_G711_RATE_HZ, G711_MAX_PACKET_BYTES = MEDIA_AUDIO_MAX_PACKET_SAMPLES / G711_RATIO };

_Static_assert((int)MEDIA_AUDIO_MAX_PACKET_BYTES >= (int)MEDIA_OPUS_MAX_PACKET_BYTES, "a packet of Opus has room");
_Static_assert((int)MEDIA_AUDIO_MAX_PACKET_SAMPLES == (int)MEDIA_OPUS_MAX_PACKET_SAMPLES, "both are 120 ms");

/* Opus, or a resampler for G.711; the other one is NULL. */
struct media_audio_encoder {
    enum media_codec codec;
    unsigned channels;
    struct media_opus_encoder *opus;
    struct media_resample_stream *resampler;
};

struct media_audio_decoder {
    enum media_codec codec;
    struct media_opus_decoder *opus;
    struct media_resample_stream *resampler;
};

static void no_memory(struct media_error *error) {
    media_error_file(error, "make", "a codec of sound", ENOMEM);
}

/* ---- encoding -------------------------------------------------------------------------------------------------------------- */

struct media_audio_encoder *media_audio_encoder_new(enum media_codec codec, unsigned channels, uint32_t bitrate_bps, struct media_error *error) {
    struct media_audio_encoder *encoder = calloc(1, sizeof *encoder);

    if (encoder == NULL) {
        no_memory(error);
        return NULL;
    }
    encoder->codec = codec;
    encoder->channels = channels;
    if (codec == MEDIA_CODEC_OPUS) {
        encoder->opus = media_opus_encoder_new(channels, bitrate_bps, error);
    } else if ((encoder->resampler = media_resample_stream_new(MEDIA_AUDIO_RATE_HZ, MEDIA_G711_RATE_HZ)) == NULL) {
        no_memory(error);
    }
    if (encoder->opus == NULL && encoder->resampler == NULL) {
        free(encoder);
        return NULL;
    }
    return encoder;
}

void media_audio_encoder_free(struct media_audio_encoder *encoder) {
    if (encoder != NULL) {
        media_opus_encoder_free(encoder->opus);
        media_resample_stream_free(encoder->resampler);
        free(encoder);
    }
}

void media_audio_encoder_set_bitrate(struct media_audio_encoder *encoder, uint32_t bitrate_bps) {
    if (encoder->opus != NULL) {
        media_opus_encoder_set_bitrate(encoder->opus, bitrate_bps);
    }
}

void media_audio_encoder_set_packet_loss(struct media_audio_encoder *encoder, unsigned percent) {
    if (encoder->opus != NULL) {
        media_opus_encoder_set_packet_loss(encoder->opus, percent);
    }
}

size_t media_audio_encode(struct media_audio_encoder *encoder, const int16_t *samples, uint8_t packet[MEDIA_AUDIO_MAX_PACKET_BYTES],
                          struct media_error *error) {
    int16_t mono[MEDIA_AUDIO_FRAME_SAMPLES];
    int16_t slow[MEDIA_AUDIO_FRAME_SAMPLES / G711_RATIO];

    if (encoder->opus != NULL) {
        return media_opus_encode(encoder->opus, samples, packet, error);
    }
    for (size_t i = 0; i < MEDIA_AUDIO_FRAME_SAMPLES; i++) {
        mono[i] = encoder->channels == 1 ? samples[i] : (int16_t)((samples[2 * i] + samples[2 * i + 1]) / 2);
    }
    size_t count = media_resample_stream_run(encoder->resampler, mono, MEDIA_AUDIO_FRAME_SAMPLES, slow);
    for (size_t i = 0; i < count; i++) {
        packet[i] = encoder->codec == MEDIA_CODEC_PCMA ? media_g711_encode_alaw(slow[i]) : media_g711_encode_ulaw(slow[i]);
    }
    return count;
}

/* ---- decoding -------------------------------------------------------------------------------------------------------------- */

struct media_audio_decoder *media_audio_decoder_new(enum media_codec codec, struct media_error *error) {
    struct media_audio_decoder *decoder = calloc(1, sizeof *decoder);

    if (decoder == NULL) {
        no_memory(error);
        return NULL;
    }
    decoder->codec = codec;
    if (codec == MEDIA_CODEC_OPUS) {
        decoder->opus = media_opus_decoder_new(error);
    } else if ((decoder->resampler = media_resample_stream_new(MEDIA_G711_RATE_HZ, MEDIA_AUDIO_RATE_HZ)) == NULL) {
        no_memory(error);
    }
    if (decoder->opus == NULL && decoder->resampler == NULL) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void media_audio_decoder_free(struct media_audio_decoder *decoder) {
    if (decoder != NULL) {
        media_opus_decoder_free(decoder->opus);
        media_resample_stream_free(decoder->resampler);
        free(decoder);
    }
}

size_t media_audio_packet_duration(enum media_codec codec, const uint8_t *packet, size_t length_bytes) {
    if (codec == MEDIA_CODEC_OPUS) {
        return media_opus_packet_samples(packet, length_bytes);
    }
    return length_bytes <= G711_MAX_PACKET_BYTES ? length_bytes : 0;
}

/* Mono at 8 kHz to stereo at 48 kHz. */
static size_t widen(struct media_audio_decoder *decoder, const int16_t *slow, size_t count, int16_t *samples) {
    size_t made = media_resample_stream_run(decoder->resampler, slow, count, samples);
    for (size_t i = made; i-- > 0;) {
        samples[2 * i] = samples[2 * i + 1] = samples[i];
    }
    return made;
}

size_t media_audio_decode(struct media_audio_decoder *decoder, const uint8_t *packet, size_t length_bytes, int16_t *samples) {
    int16_t slow[G711_MAX_PACKET_BYTES];

    if (decoder->opus != NULL) {
        return media_opus_decode(decoder->opus, packet, length_bytes, samples);
    }
    if (media_audio_packet_duration(decoder->codec, packet, length_bytes) == 0) {
        return 0;
    }
    for (size_t i = 0; i < length_bytes; i++) {
        slow[i] = decoder->codec == MEDIA_CODEC_PCMA ? media_g711_decode_alaw(packet[i]) : media_g711_decode_ulaw(packet[i]);
    }
    return widen(decoder, slow, length_bytes, samples);
}

size_t media_audio_decode_lost(struct media_audio_decoder *decoder, const uint8_t *next, size_t next_bytes, size_t duration, int16_t *samples) {
    static const int16_t silence[G711_MAX_PACKET_BYTES];

    if (decoder->opus == NULL) {
        return duration <= G711_MAX_PACKET_BYTES ? widen(decoder, silence, duration, samples) : 0;
    }
    size_t made = media_opus_decode_lost(decoder->opus, next, next_bytes, duration, samples);
    if (made == 0) {
        memset(samples, 0, duration * MEDIA_AUDIO_DECODED_CHANNELS * sizeof *samples);
    }
    return duration;
}
