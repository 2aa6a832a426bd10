/* Sound of this room (48 kHz, 20 ms) to packets and back, whatever the codec: Opus, or G.711 behind a resampler. */
#ifndef MEDIA_AUDIO_CODEC_H
#define MEDIA_AUDIO_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "app/media/media_codec.h"
#include "app/media/media_error.h"

enum {
    MEDIA_AUDIO_MAX_PACKET_BYTES = 1275,         /* that the encoders make */
    MEDIA_AUDIO_MAX_PACKET_SAMPLES = 5760,       /* of one channel at 48 kHz: 120 ms; a packet that lasts longer is none */
    MEDIA_AUDIO_DECODED_CHANNELS = 2
};

struct media_audio_encoder;
struct media_audio_decoder;

/* OPUS, PCMU or PCMA; `channels` 1 or 2 of the samples that come. G.711 is mono: two channels are mixed. NULL with *error. */
struct media_audio_encoder *media_audio_encoder_new(enum media_codec codec, unsigned channels, uint32_t bitrate_bps, struct media_error *error);
void media_audio_encoder_free(struct media_audio_encoder *encoder);

/* Opus only; G.711 has one rate and no redundancy. */
void media_audio_encoder_set_bitrate(struct media_audio_encoder *encoder, uint32_t bitrate_bps);
void media_audio_encoder_set_packet_loss(struct media_audio_encoder *encoder, unsigned percent);

/* 960 samples per channel, interleaved. Returns the packet's length, 0 on failure with *error. */
size_t media_audio_encode(struct media_audio_encoder *encoder, const int16_t *samples, uint8_t packet[MEDIA_AUDIO_MAX_PACKET_BYTES],
                          struct media_error *error);

struct media_audio_decoder *media_audio_decoder_new(enum media_codec codec, struct media_error *error);
void media_audio_decoder_free(struct media_audio_decoder *decoder);

/* How long a packet lasts, in the codec's clock (media_codec_clock_hz); 0: it is none. */
size_t media_audio_packet_duration(enum media_codec codec, const uint8_t *packet, size_t length_bytes);

/* Into `samples`: MEDIA_AUDIO_MAX_PACKET_SAMPLES * MEDIA_AUDIO_DECODED_CHANNELS, 48 kHz, interleaved. Returns samples per channel, 0 when the
 * packet is none (the peer's fault: drop it). */
size_t media_audio_decode(struct media_audio_decoder *decoder, const uint8_t *packet, size_t length_bytes, int16_t *samples);

/* Stands in for a lost packet of `duration` (codec's clock; what one packet can last): Opus from the FEC of `next`, the packet that came after it, or
 * by invention when that is NULL; G.711 is silent. Returns samples per channel at 48 kHz. */
size_t media_audio_decode_lost(struct media_audio_decoder *decoder, const uint8_t *next, size_t next_bytes, size_t duration, int16_t *samples);

#endif
