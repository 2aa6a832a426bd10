/* Opus (RFC 6716) by libopus: 20 ms packets for a real-time call, and concealment of those that did not come. */
#ifndef MEDIA_OPUS_CODEC_H
#define MEDIA_OPUS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_error.h"

enum {
    MEDIA_OPUS_MAX_PACKET_BYTES = 1275,      /* RFC 6716 section 3.2.1, of one frame: what the encoder needs */
    MEDIA_OPUS_MAX_PACKET_SAMPLES = 5760,    /* of one channel: 120 ms, RFC 6716 section 3.1, what a decoder must have room for */
    MEDIA_OPUS_EXPECTED_LOSS_PERCENT = 5,    /* of a new encoder, until _set_packet_loss: enough that Opus keeps to modes with FEC */
    MEDIA_OPUS_DECODER_CHANNELS = 2          /* always decoded to stereo: RFC 7587 section 4.1, mono is the same twice */
};

struct media_opus_encoder;
struct media_opus_decoder;

/* 48 kHz, `channels` 1 or 2, variable bitrate around `bitrate_bps`, in-band FEC on. NULL with *error (MEDIA_EXIT_DEVICE). */
struct media_opus_encoder *media_opus_encoder_new(unsigned channels, uint32_t bitrate_bps, struct media_error *error);
void media_opus_encoder_free(struct media_opus_encoder *encoder);
void media_opus_encoder_set_bitrate(struct media_opus_encoder *encoder, uint32_t bitrate_bps);
void media_opus_encoder_set_packet_loss(struct media_opus_encoder *encoder, unsigned percent);

/* Samples of one channel that the encoder's delay takes at 48 kHz: the pre-skip of an Ogg file (RFC 7845 section 4.2). */
unsigned media_opus_encoder_lookahead(const struct media_opus_encoder *encoder);

/* One frame of 960 samples per channel, interleaved, into `packet`. Returns its length, 0 on failure with *error. */
size_t media_opus_encode(struct media_opus_encoder *encoder, const int16_t *samples, uint8_t packet[MEDIA_OPUS_MAX_PACKET_BYTES],
                         struct media_error *error);

struct media_opus_decoder *media_opus_decoder_new(struct media_error *error);
void media_opus_decoder_free(struct media_opus_decoder *decoder);

/* Decodes a packet into `samples` (MEDIA_OPUS_MAX_PACKET_SAMPLES * MEDIA_OPUS_DECODER_CHANNELS, interleaved). Returns samples per
 * channel, 0 when the packet is not Opus (the peer's fault: drop it; the decoder is fine). */
size_t media_opus_decode(struct media_opus_decoder *decoder, const uint8_t *packet, size_t length_bytes, int16_t *samples);

/* Stands in for a lost packet of `count` samples per channel (a multiple of 120, at most MEDIA_OPUS_MAX_PACKET_SAMPLES): from the FEC that
 * the packet after it carries (`next`, `next_bytes`: the packet that did come), or by invention when next is NULL.
 * Returns count, or 0 when it cannot: play silence. */
size_t media_opus_decode_lost(struct media_opus_decoder *decoder, const uint8_t *next, size_t next_bytes, size_t count,
                              int16_t *samples);

/* Samples per channel at 48 kHz that a packet lasts, read from its TOC byte; 0 when it is not Opus. */
size_t media_opus_packet_samples(const uint8_t *packet, size_t length_bytes);

#endif
