#include "test/media/test_media.h"

#include "app/media/pattern_internal.h"
#include "app/media/video_header.h"
#include "app/media/vpx_codec.h"

struct chain {
    struct media_vpx_encoder *encoder;
    struct media_vpx_decoder *decoder;
    struct media_pattern *pattern;
    struct media_picture picture;
    uint32_t number;
    const uint8_t *bytes;              /* of the last frame */
    size_t length;
    bool key_frame;
};

static struct chain make(enum media_codec codec, uint32_t width, uint32_t height, uint32_t bitrate_bps) {
    struct media_error error;
    struct media_vpx_encoder_config config = { codec, width, height, 30, 1, bitrate_bps };
    struct chain chain = { .encoder = media_vpx_encoder_new(&config, &error), .decoder = media_vpx_decoder_new(codec, &error),
                           .pattern = media_pattern_new() };
    assert_non_null(chain.encoder);
    assert_non_null(chain.decoder);
    assert_true(media_picture_allocate(&chain.picture, width, height));
    return chain;
}

static void clear(struct chain *chain) {
    media_picture_clear(&chain->picture);
    media_pattern_free(chain->pattern);
    media_vpx_decoder_free(chain->decoder);
    media_vpx_encoder_free(chain->encoder);
}

static void encode(struct chain *chain, bool want_key_frame) {
    struct media_error error;
    media_pattern_draw(chain->pattern, chain->number, &chain->picture);
    assert_true(media_vpx_encode(chain->encoder, &chain->picture, chain->number * 3000U, 3000, want_key_frame, &chain->bytes,
                                 &chain->length, &chain->key_frame, &error));
    chain->number++;
}

static const enum media_codec codecs[] = { MEDIA_CODEC_VP8, MEDIA_CODEC_VP9 };
enum { CODECS = 2 };

/* The header says of each frame what the encoder says of it. */
static void test_key_frames_only_on_request(void **state) {
    (void)state;
    for (size_t c = 0; c < CODECS; c++) {
        struct chain chain = make(codecs[c], 320, 240, 500000);
        for (int i = 0; i < 200; i++) {
            struct media_video_header header;
            bool wanted = i == 70 || i == 71;
            encode(&chain, wanted);
            assert_int_equal(chain.key_frame, i == 0 || wanted);
            assert_true(media_video_header_read(codecs[c], chain.bytes, chain.length, &header));
            assert_int_equal(header.key_frame, chain.key_frame);
            assert_int_equal(header.has_size, chain.key_frame);
            assert_true(!header.has_size || (header.width == 320 && header.height == 240));
        }
        clear(&chain);
    }
}

/* Each picture comes back, close to what it was; odd sizes as well. */
static void test_round_trip(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = { { 640, 480 }, { 161, 121 }, { 16, 16 } };
    for (size_t s = 0; s < CODECS * sizeof sizes / sizeof sizes[0]; s++) {
        const uint32_t *size = sizes[s / CODECS];
        struct chain chain = make(codecs[s % CODECS], size[0], size[1], 1700000);
        for (int i = 0; i < 30; i++) {
            struct media_picture decoded;
            encode(&chain, false);
            assert_true(media_vpx_decode(chain.decoder, chain.bytes, chain.length, &decoded));
            assert_int_equal(decoded.width, size[0]);
            assert_int_equal(decoded.height, size[1]);
            assert_true(media_test_psnr(&chain.picture, &decoded, 0) > 26.0);
        }
        clear(&chain);
    }
}

static size_t bytes_of_second(struct chain *chain) {
    size_t sum = 0;
    for (int i = 0; i < 30; i++) {
        encode(chain, false);
        sum += chain->length;
    }
    return sum;
}

/* The target is met, and a new one is met within two seconds. */
static void test_bitrate_is_followed(void **state) {
    (void)state;
    for (size_t c = 0; c < CODECS; c++) {
        struct chain chain = make(codecs[c], 640, 480, 2000000);
        (void)bytes_of_second(&chain);
        (void)bytes_of_second(&chain);
        assert_in_range(bytes_of_second(&chain) * 8, 1400000, 2600000);
        assert_true(media_vpx_encoder_set_bitrate(chain.encoder, 600000));
        (void)bytes_of_second(&chain);
        (void)bytes_of_second(&chain);
        assert_in_range(bytes_of_second(&chain) * 8, 300000, 800000);
        clear(&chain);
    }
}

/* A lost frame is followed by one that decodes: error resilience keeps entropy contexts apart from what was lost. */
static void test_loss_is_survived(void **state) {
    (void)state;
    for (size_t c = 0; c < CODECS; c++) {
        struct chain chain = make(codecs[c], 320, 240, 500000);
        struct media_picture decoded;
        for (int i = 0; i < 40; i++) {
            encode(&chain, i == 30);
            if (i % 10 == 5) {
                continue;
            }
            assert_true(media_vpx_decode(chain.decoder, chain.bytes, chain.length, &decoded));
        }
        assert_true(media_test_psnr(&chain.picture, &decoded, 0) > 20.0);
        clear(&chain);
    }
}

static void test_every_truncation_is_survived(void **state) {
    (void)state;
    for (size_t c = 0; c < CODECS; c++) {
        struct chain chain = make(codecs[c], 64, 64, 300000);
        struct media_picture decoded;
        encode(&chain, false);
        for (size_t length = 0; length < chain.length; length++) {
            uint8_t *exact = malloc(length != 0 ? length : 1);
            memcpy(exact, chain.bytes, length);
            struct media_error error;
            struct media_vpx_decoder *decoder = media_vpx_decoder_new(codecs[c], &error);
            bool shown = media_vpx_decode(decoder, exact, length, &decoded);
            assert_false(length < 8 && shown);
            media_vpx_decoder_free(decoder);
            free(exact);
        }
        clear(&chain);
    }
}

/* A key frame of MEDIA_PICTURE_MAX_SIDE + 1 is refused before libvpx sees it; so is one codec's frame by the other's decoder. */
static void test_refused_before_decoding(void **state) {
    (void)state;
    struct media_error error;
    struct media_picture picture;
    uint8_t vp8[10] = { 0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x01, 0x10, 0x01, 0x10 };     /* 4097 x 4097 */
    uint8_t vp9[10] = { 0x82, 0x49, 0x83, 0x42, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00 };/* 4097 x 4097 */
    struct media_vpx_decoder *decoder = media_vpx_decoder_new(MEDIA_CODEC_VP8, &error);
    assert_false(media_vpx_decode(decoder, vp8, sizeof vp8, &picture));
    assert_false(media_vpx_decode(decoder, vp8, 0, &picture));
    media_vpx_decoder_free(decoder);
    decoder = media_vpx_decoder_new(MEDIA_CODEC_VP9, &error);
    assert_false(media_vpx_decode(decoder, vp9, sizeof vp9, &picture));
    assert_false(media_vpx_decode(decoder, vp9, 0, &picture));
    media_vpx_decoder_free(decoder);
}

/* MEDIA_PICTURE_MAX_SIDE at limit - 2, limit, limit + 2 in good frames: what is larger is refused, and libvpx would have shown it. */
static void test_side_limit(void **state) {
    (void)state;
    for (size_t c = 0; c < CODECS; c++) {
        for (uint32_t width = MEDIA_PICTURE_MAX_SIDE - 2; width <= MEDIA_PICTURE_MAX_SIDE + 2; width += 2) {
            struct media_error error;
            struct media_picture decoded;
            static uint8_t grey[(MEDIA_PICTURE_MAX_SIDE + 2) * 16];
            struct media_picture picture = { .width = width, .height = 16, .planes = { grey, grey, grey }, .strides = { (int)width, (int)width / 2, (int)width / 2 } };
            struct media_vpx_encoder_config config = { codecs[c], width, 16, 30, 1, 300000 };
            struct media_vpx_encoder *encoder = media_vpx_encoder_new(&config, &error);
            struct media_vpx_decoder *decoder = media_vpx_decoder_new(codecs[c], &error);
            const uint8_t *bytes;
            size_t length;
            bool key_frame;
            assert_true(encoder != NULL && decoder != NULL);
            assert_true(media_vpx_encode(encoder, &picture, 0, 3000, false, &bytes, &length, &key_frame, &error));
            assert_int_equal(media_vpx_decode(decoder, bytes, length, &decoded), width <= MEDIA_PICTURE_MAX_SIDE);
            media_vpx_encoder_free(encoder);
            media_vpx_decoder_free(decoder);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_frames_only_on_request),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bitrate_is_followed),
        cmocka_unit_test(test_loss_is_survived),
        cmocka_unit_test(test_every_truncation_is_survived),
        cmocka_unit_test(test_refused_before_decoding),
        cmocka_unit_test(test_side_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
