#include "app/media/vpx_codec.h"

#include <stdlib.h>
#include <string.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>

#include "app/media/media_error_internal.h"

enum {
    CLOCK_HZ = 90000,
    CPU_USED = -6,                      /* measured: docs/media.md. Two encoders and two decoders share two cores in the demo */
    MIN_QUANTIZER = 2,
    MAX_QUANTIZER = 60,
    BUFFER_MS = 1000, BUFFER_INITIAL_MS = 500, BUFFER_OPTIMAL_MS = 600,
    UNDERSHOOT_PERCENT = 100, OVERSHOOT_PERCENT = 15,
    MAX_KEY_FRAME_PERCENT = 600         /* of the average frame: a key frame should pass the path within a few frame times */
};

struct media_vpx_encoder {
    vpx_codec_ctx_t codec;
    vpx_codec_enc_cfg_t config;
};

struct media_vpx_decoder { vpx_codec_ctx_t codec; };

static void library_failed(struct media_error *error, const char *doing, vpx_codec_ctx_t *codec, vpx_codec_err_t code) {
    const char *detail = codec != NULL ? vpx_codec_error_detail(codec) : NULL;

    media_error_what(error, MEDIA_EXIT_DEVICE, "libvpx cannot %s.", doing);
    media_error_why(error, "It says: %s%s%s.", vpx_codec_err_to_string(code), detail != NULL ? ": " : "", detail != NULL ? detail : "");
    media_error_try(error, "Check that the machine has memory left; try a smaller --size.");
}

static void configure(vpx_codec_enc_cfg_t *vpx, const struct media_vpx_encoder_config *config) {
    vpx->g_w = config->width;
    vpx->g_h = config->height;
    vpx->g_timebase.num = 1;
    vpx->g_timebase.den = CLOCK_HZ;
    vpx->g_threads = 1;
    vpx->g_lag_in_frames = 0;
    vpx->g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
    vpx->rc_end_usage = VPX_CBR;
    vpx->rc_target_bitrate = config->bitrate_bps / 1000;
    vpx->rc_min_quantizer = MIN_QUANTIZER;
    vpx->rc_max_quantizer = MAX_QUANTIZER;
    vpx->rc_undershoot_pct = UNDERSHOOT_PERCENT;
    vpx->rc_overshoot_pct = OVERSHOOT_PERCENT;
    vpx->rc_buf_sz = BUFFER_MS;
    vpx->rc_buf_initial_sz = BUFFER_INITIAL_MS;
    vpx->rc_buf_optimal_sz = BUFFER_OPTIMAL_MS;
    vpx->rc_dropframe_thresh = 0;       /* every picture becomes a frame; who is late skips before encoding */
    vpx->rc_resize_allowed = 0;
    vpx->kf_mode = VPX_KF_DISABLED;     /* key frames when they are asked for, and the first */
}

struct media_vpx_encoder *media_vpx_encoder_new(const struct media_vpx_encoder_config *config, struct media_error *error) {
    struct media_vpx_encoder *encoder = calloc(1, sizeof *encoder);
    if (encoder == NULL) {
        library_failed(error, "make an encoder", NULL, VPX_CODEC_MEM_ERROR);
        return NULL;
    }
    vpx_codec_err_t code = vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &encoder->config, 0);
    if (code == VPX_CODEC_OK) {
        configure(&encoder->config, config);
        code = vpx_codec_enc_init(&encoder->codec, vpx_codec_vp8_cx(), &encoder->config, 0);
    }
    if (code != VPX_CODEC_OK) {
        library_failed(error, "make an encoder", NULL, code);
        free(encoder);
        return NULL;
    }
    (void)vpx_codec_control(&encoder->codec, VP8E_SET_CPUUSED, CPU_USED);
    (void)vpx_codec_control(&encoder->codec, VP8E_SET_STATIC_THRESHOLD, 1);
    (void)vpx_codec_control(&encoder->codec, VP8E_SET_NOISE_SENSITIVITY, 0);
    (void)vpx_codec_control(&encoder->codec, VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION);
    (void)vpx_codec_control(&encoder->codec, VP8E_SET_MAX_INTRA_BITRATE_PCT, MAX_KEY_FRAME_PERCENT);
    return encoder;
}

void media_vpx_encoder_free(struct media_vpx_encoder *encoder) {
    if (encoder != NULL) {
        (void)vpx_codec_destroy(&encoder->codec);
        free(encoder);
    }
}

bool media_vpx_encoder_set_bitrate(struct media_vpx_encoder *encoder, uint32_t bitrate_bps) {
    vpx_codec_enc_cfg_t wanted = encoder->config;

    wanted.rc_target_bitrate = bitrate_bps / 1000;
    if (wanted.rc_target_bitrate == encoder->config.rc_target_bitrate) {
        return true;
    }
    if (vpx_codec_enc_config_set(&encoder->codec, &wanted) != VPX_CODEC_OK) {
        return false;
    }
    encoder->config = wanted;
    return true;
}

/* libvpx reads the planes where they are; its image only describes them. */
static void describe(const struct media_picture *picture, vpx_image_t *image) {
    memset(image, 0, sizeof *image);
    image->fmt = VPX_IMG_FMT_I420;
    image->w = image->d_w = picture->width;
    image->h = image->d_h = picture->height;
    image->x_chroma_shift = image->y_chroma_shift = 1;
    image->bps = 12;
    for (int plane = 0; plane < 3; plane++) {
        image->planes[plane] = picture->planes[plane];
        image->stride[plane] = picture->strides[plane];
    }
}

bool media_vpx_encode(struct media_vpx_encoder *encoder, const struct media_picture *picture, uint64_t timestamp, uint32_t duration,
                      bool want_key_frame, const uint8_t **bytes, size_t *length_bytes, bool *key_frame, struct media_error *error) {
    vpx_image_t image;
    vpx_codec_iter_t iterator = NULL;
    const vpx_codec_cx_pkt_t *packet;

    describe(picture, &image);
    vpx_codec_err_t code = vpx_codec_encode(&encoder->codec, &image, (vpx_codec_pts_t)timestamp, duration,
                                            want_key_frame ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME);
    if (code != VPX_CODEC_OK) {
        library_failed(error, "encode a picture", &encoder->codec, code);
        return false;
    }
    while ((packet = vpx_codec_get_cx_data(&encoder->codec, &iterator)) != NULL) {
        if (packet->kind == VPX_CODEC_CX_FRAME_PKT) {
            *bytes = packet->data.frame.buf;
            *length_bytes = packet->data.frame.sz;
            *key_frame = (packet->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
            return true;
        }
    }
    library_failed(error, "encode a picture: it gave no frame", &encoder->codec, VPX_CODEC_ERROR);
    return false;
}

struct media_vpx_decoder *media_vpx_decoder_new(struct media_error *error) {
    struct media_vpx_decoder *decoder = calloc(1, sizeof *decoder);
    vpx_codec_dec_cfg_t config = { .threads = 1 };
    vpx_codec_err_t code = VPX_CODEC_MEM_ERROR;

    if (decoder != NULL) {
        code = vpx_codec_dec_init(&decoder->codec, vpx_codec_vp8_dx(), &config, 0);
    }
    if (code != VPX_CODEC_OK) {
        library_failed(error, "make a decoder", NULL, code);
        free(decoder);
        return NULL;
    }
    return decoder;
}

void media_vpx_decoder_free(struct media_vpx_decoder *decoder) {
    if (decoder != NULL) {
        (void)vpx_codec_destroy(&decoder->codec);
        free(decoder);
    }
}

bool media_vpx_decode(struct media_vpx_decoder *decoder, const uint8_t *bytes, size_t length_bytes, struct media_picture *picture) {
    bool key_frame;
    uint32_t width;
    uint32_t height;
    vpx_codec_iter_t iterator = NULL;

    /* Judged first: libvpx takes an empty frame for "lost, repeat the last", and would allocate for 16383 x 16383. */
    if (length_bytes > UINT32_MAX || !media_vp8_frame_header(bytes, length_bytes, &key_frame, &width, &height) ||
        (key_frame && (width > MEDIA_PICTURE_MAX_SIDE || height > MEDIA_PICTURE_MAX_SIDE || width == 0 || height == 0))) {
        return false;
    }
    if (vpx_codec_decode(&decoder->codec, bytes, (unsigned)length_bytes, NULL, 0) != VPX_CODEC_OK) {
        return false;
    }
    const vpx_image_t *image = vpx_codec_get_frame(&decoder->codec, &iterator);
    if (image == NULL || image->fmt != VPX_IMG_FMT_I420) {
        return false;
    }
    picture->width = image->d_w;
    picture->height = image->d_h;
    for (int plane = 0; plane < 3; plane++) {
        picture->planes[plane] = image->planes[plane];
        picture->strides[plane] = image->stride[plane];
    }
    return true;
}

/*   frame tag, 3 bytes little-endian:  bit 0: 0 in a key frame | version 3 bits | show_frame 1 bit | first partition size 19 bits
 *   key frames go on:  9D 01 2A   width 14 bits, scale 2 bits   height 14 bits, scale 2 bits          little-endian */
bool media_vp8_frame_header(const uint8_t *bytes, size_t length_bytes, bool *key_frame, uint32_t *width, uint32_t *height) {
    if (length_bytes < 3) {
        return false;
    }
    *key_frame = (bytes[0] & 1) == 0;
    if (!*key_frame) {
        return true;
    }
    /* RFC 6386 section 9.1: a key frame repeats three known bytes before its size. */
    if (length_bytes < 10 || bytes[3] != 0x9D || bytes[4] != 0x01 || bytes[5] != 0x2A) {
        return false;
    }
    *width = (uint32_t)(bytes[6] | (bytes[7] & 0x3F) << 8);
    *height = (uint32_t)(bytes[8] | (bytes[9] & 0x3F) << 8);
    return true;
}
