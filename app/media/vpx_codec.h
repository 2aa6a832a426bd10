/* VP8 (RFC 6386) and VP9 by libvpx, set up for a call: one pass, real time, constant bitrate, no frame held back. */
#ifndef MEDIA_VPX_CODEC_H
#define MEDIA_VPX_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_codec.h"
#include "app/media/media_error.h"
#include "app/media/picture.h"

struct media_vpx_encoder;
struct media_vpx_decoder;

struct media_vpx_encoder_config {
    enum media_codec codec;            /* VP8 or VP9 (profile 0: 4:2:0 of 8 bits) */
    uint32_t width, height;            /* MEDIA_PICTURE_MIN_SIDE..MEDIA_PICTURE_MAX_SIDE */
    uint32_t fps_numerator, fps_denominator;
    uint32_t bitrate_bps;
};

/* NULL with *error (MEDIA_EXIT_DEVICE). */
struct media_vpx_encoder *media_vpx_encoder_new(const struct media_vpx_encoder_config *config, struct media_error *error);
void media_vpx_encoder_free(struct media_vpx_encoder *encoder);

/* Holds from the next frame. Returns false when libvpx refuses; the old one then holds. */
bool media_vpx_encoder_set_bitrate(struct media_vpx_encoder *encoder, uint32_t bitrate_bps);

/* Encodes one picture of the configured size. `timestamp` and `duration` in 90 kHz; timestamps grow. *bytes is the
 * encoder's, valid until the next call on it. Every picture becomes one frame. Returns false with *error. */
bool media_vpx_encode(struct media_vpx_encoder *encoder, const struct media_picture *picture, uint64_t timestamp, uint32_t duration,
                      bool want_key_frame, const uint8_t **bytes, size_t *length_bytes, bool *key_frame, struct media_error *error);

/* `codec` is VP8 or VP9. NULL with *error (MEDIA_EXIT_DEVICE). */
struct media_vpx_decoder *media_vpx_decoder_new(enum media_codec codec, struct media_error *error);
void media_vpx_decoder_free(struct media_vpx_decoder *decoder);

/* Decodes one frame. Returns true and a picture (the decoder's, valid until the next call on it; do not write into it), or false when the bytes are not
 * a frame that can be shown (VP9 of another profile than 0 among them): the peer's fault, ask for a key frame. */
bool media_vpx_decode(struct media_vpx_decoder *decoder, const uint8_t *bytes, size_t length_bytes, struct media_picture *picture);

#endif
