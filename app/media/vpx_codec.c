#include "app/media/vpx_codec.h"

#include <stdlib.h>
#include <string.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>

#include "app/media/media_error_internal.h"
#include "app/media/video_header.h"

enum {
    CLOCK_HZ = 90000,
    VP8_CPU_USED = -6,                  /* measured: docs/media.md. Two encoders and two decoders share two cores in the demo */
    VP9_CPU_USED = 9,
    VP9_ADAPTIVE_CYCLIC_REFRESH = 3,    /* of the quantizer: spends bits where the eye rests, and refreshes the picture in turn */
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

struct media_vpx_decoder {
    vpx_codec_ctx_t codec;
    enum media_codec kind;
};

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

static void tune_vp8(vpx_codec_ctx_t *codec) {
    (void)vpx_codec_control(codec, VP8E_SET_CPUUSED, VP8_CPU_USED);
    (void)vpx_codec_control(codec, VP8E_SET_STATIC_THRESHOLD, 1);
    (void)vpx_codec_control(codec, VP8E_SET_NOISE_SENSITIVITY, 0);
    (void)vpx_codec_control(codec, VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION);
    (void)vpx_codec_control(codec, VP8E_SET_MAX_INTRA_BITRATE_PCT, MAX_KEY_FRAME_PERCENT);
}

/* No alternate reference: it is a picture that is not shown, for which a call has no time. Rows are there for threads, of which one runs. */
static void tune_vp9(vpx_codec_ctx_t *codec) {
    (void)vpx_codec_control(codec, VP8E_SET_CPUUSED, VP9_CPU_USED);
    (void)vpx_codec_control(codec, VP8E_SET_ENABLEAUTOALTREF, 0);
    (void)vpx_codec_control(codec, VP8E_SET_MAX_INTRA_BITRATE_PCT, MAX_KEY_FRAME_PERCENT);
    (void)vpx_codec_control(codec, VP9E_SET_AQ_MODE, VP9_ADAPTIVE_CYCLIC_REFRESH);
    (void)vpx_codec_control(codec, VP9E_SET_ROW_MT, 1);
    (void)vpx_codec_control(codec, VP9E_SET_TILE_COLUMNS, 0);
    (void)vpx_codec_control(codec, VP9E_SET_FRAME_PARALLEL_DECODING, 0);
}

struct media_vpx_encoder *media_vpx_encoder_new(const struct media_vpx_encoder_config *config, struct media_error *error) {
    struct media_vpx_encoder *encoder = calloc(1, sizeof *encoder);
    if (encoder == NULL) {
        library_failed(error, "make an encoder", NULL, VPX_CODEC_MEM_ERROR);
        return NULL;
    }
    vpx_codec_iface_t *interface = config->codec == MEDIA_CODEC_VP9 ? vpx_codec_vp9_cx() : vpx_codec_vp8_cx();
    vpx_codec_err_t code = vpx_codec_enc_config_default(interface, &encoder->config, 0);
    if (code == VPX_CODEC_OK) {
        configure(&encoder->config, config);
        code = vpx_codec_enc_init(&encoder->codec, interface, &encoder->config, 0);
    }
    if (code != VPX_CODEC_OK) {
        library_failed(error, "make an encoder", NULL, code);
        free(encoder);
        return NULL;
    }
    if (config->codec == MEDIA_CODEC_VP9) {
        tune_vp9(&encoder->codec);
    } else {
        tune_vp8(&encoder->codec);
    }
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

struct media_vpx_decoder *media_vpx_decoder_new(enum media_codec codec, struct media_error *error) {
    struct media_vpx_decoder *decoder = calloc(1, sizeof *decoder);
    vpx_codec_dec_cfg_t config = { .threads = 1 };
    vpx_codec_err_t code = VPX_CODEC_MEM_ERROR;

    if (decoder != NULL) {
        decoder->kind = codec;
        code = vpx_codec_dec_init(&decoder->codec, codec == MEDIA_CODEC_VP9 ? vpx_codec_vp9_dx() : vpx_codec_vp8_dx(), &config, 0);
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
    struct media_video_header header;
    vpx_codec_iter_t iterator = NULL;

    /* Judged first: libvpx takes an empty frame for "lost, repeat the last", and would allocate for 16383 x 16383, VP9 for 65536 x 65536. */
    if (length_bytes > UINT32_MAX || !media_video_header_read(decoder->kind, bytes, length_bytes, &header) ||
        (header.has_size && (header.width > MEDIA_PICTURE_MAX_SIDE || header.height > MEDIA_PICTURE_MAX_SIDE || header.width == 0 || header.height == 0))) {
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
