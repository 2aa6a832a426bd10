#include "test/media/test_media.h"

#include "app/media/pattern_internal.h"
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

static struct chain make(uint32_t width, uint32_t height, uint32_t bitrate_bps) {
    struct media_error error;
    struct media_vpx_encoder_config config = { width, height, 30, 1, bitrate_bps };
    struct chain chain = { .encoder = media_vpx_encoder_new(&config, &error), .decoder = media_vpx_decoder_new(&error),
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

static void test_key_frames_only_on_request(void **state) {
    (void)state;
    struct chain chain = make(320, 240, 500000);
    for (int i = 0; i < 400; i++) {
        bool wanted = i == 70 || i == 71;
        encode(&chain, wanted);
        assert_int_equal(chain.key_frame, i == 0 || wanted);
    }
    clear(&chain);
}

/* Each picture comes back, close to what it was; odd sizes as well. */
static void test_round_trip(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = { { 640, 480 }, { 161, 121 }, { 16, 16 } };
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct chain chain = make(sizes[s][0], sizes[s][1], 1700000);
        for (int i = 0; i < 30; i++) {
            struct media_picture decoded;
            encode(&chain, false);
            assert_true(media_vpx_decode(chain.decoder, chain.bytes, chain.length, &decoded));
            assert_int_equal(decoded.width, sizes[s][0]);
            assert_int_equal(decoded.height, sizes[s][1]);
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
    struct chain chain = make(640, 480, 2000000);
    (void)bytes_of_second(&chain);
    (void)bytes_of_second(&chain);
    assert_in_range(bytes_of_second(&chain) * 8, 1400000, 2600000);
    assert_true(media_vpx_encoder_set_bitrate(chain.encoder, 600000));
    (void)bytes_of_second(&chain);
    (void)bytes_of_second(&chain);
    assert_in_range(bytes_of_second(&chain) * 8, 300000, 800000);
    clear(&chain);
}

static void test_every_truncation_is_survived(void **state) {
    (void)state;
    struct chain chain = make(64, 64, 300000);
    struct media_picture decoded;
    encode(&chain, false);
    for (size_t length = 0; length < chain.length; length++) {
        uint8_t *exact = malloc(length != 0 ? length : 1);
        memcpy(exact, chain.bytes, length);
        struct media_error error;
        struct media_vpx_decoder *decoder = media_vpx_decoder_new(&error);
        bool shown = media_vpx_decode(decoder, exact, length, &decoded);
        assert_false(length < 10 && shown);
        media_vpx_decoder_free(decoder);
        free(exact);
    }
    clear(&chain);
}

/* RFC 6386 section 9.1: start code, size, and what we refuse to allocate. */
static void test_frame_header(void **state) {
    (void)state;
    uint8_t frame[10] = { 0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x42, 0xE0, 0x81 };
    bool key_frame;
    uint32_t width;
    uint32_t height;
    struct media_error error;
    struct media_picture picture;

    assert_true(media_vp8_frame_header(frame, 10, &key_frame, &width, &height));
    assert_true(key_frame);
    assert_int_equal(width, 640);                       /* without the scale bits */
    assert_int_equal(height, 480);
    for (size_t length = 0; length < 10; length++) {
        assert_false(media_vp8_frame_header(frame, length, &key_frame, &width, &height));
    }
    for (size_t i = 3; i < 6; i++) {
        frame[i] ^= 1;
        assert_false(media_vp8_frame_header(frame, 10, &key_frame, &width, &height));
        frame[i] ^= 1;
    }
    frame[0] = 0x11;
    assert_true(media_vp8_frame_header(frame, 3, &key_frame, &width, &height));
    assert_false(key_frame);

    frame[0] = 0x10;
    frame[6] = frame[8] = 0xFF;
    frame[7] = frame[9] = 0x3F;                         /* 16383 x 16383 */
    struct media_vpx_decoder *decoder = media_vpx_decoder_new(&error);
    assert_false(media_vpx_decode(decoder, frame, sizeof frame, &picture));
    media_vpx_decoder_free(decoder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_frames_only_on_request),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bitrate_is_followed),
        cmocka_unit_test(test_every_truncation_is_survived),
        cmocka_unit_test(test_frame_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
