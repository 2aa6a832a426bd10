/* VP8 (RFC 6386) by libvpx, set up for a call: one pass, real time, constant bitrate, no frame held back. */
#ifndef MEDIA_VPX_CODEC_H
#define MEDIA_VPX_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_error.h"
#include "app/media/picture.h"

struct media_vpx_encoder;
struct media_vpx_decoder;

struct media_vpx_encoder_config {
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

struct media_vpx_decoder *media_vpx_decoder_new(struct media_error *error);
void media_vpx_decoder_free(struct media_vpx_decoder *decoder);

/* Decodes one frame. Returns true and a picture (the decoder's, valid until the next call on it; do not write into it), or false when the bytes are not
 * a frame that can be shown: the peer's fault, ask for a key frame. */
bool media_vpx_decode(struct media_vpx_decoder *decoder, const uint8_t *bytes, size_t length_bytes, struct media_picture *picture);

/* What the first bytes of a frame say (RFC 6386 section 9.1). False when it is too short or its key frame start code is wrong.
 * Width and height are those of a key frame; untouched otherwise. */
bool media_vp8_frame_header(const uint8_t *bytes, size_t length_bytes, bool *key_frame, uint32_t *width, uint32_t *height);

#endif
