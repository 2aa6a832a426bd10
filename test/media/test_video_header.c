#include "test/media/test_media.h"

#include "app/media/video_header.h"

/* Every prefix of a good frame, in memory of exactly its length: never true for less than `needed` bytes. */
static void sweep(enum media_codec codec, const uint8_t *bytes, size_t length, size_t needed) {
    struct media_video_header header;
    for (size_t cut = 0; cut <= length; cut++) {
        uint8_t *exact = malloc(cut != 0 ? cut : 1);
        memcpy(exact, bytes, cut);
        assert_int_equal(media_video_header_read(codec, exact, cut, &header), cut >= needed);
        assert_true(cut >= needed || (!header.key_frame && !header.has_size && header.width == 0));
        free(exact);
    }
}

static struct media_video_header read(enum media_codec codec, const uint8_t *bytes, size_t length) {
    struct media_video_header header;
    assert_true(media_video_header_read(codec, bytes, length, &header));
    return header;
}

/* RFC 6386 section 9.1: start code and size, without the scale bits. */
static void test_vp8(void **state) {
    (void)state;
    uint8_t frame[10] = { 0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x42, 0xE0, 0x81 };
    struct media_video_header header = read(MEDIA_CODEC_VP8, frame, sizeof frame);
    assert_true(header.key_frame && header.has_size);
    assert_int_equal(header.width, 640);
    assert_int_equal(header.height, 480);
    sweep(MEDIA_CODEC_VP8, frame, sizeof frame, 10);
    for (size_t i = 3; i < 6; i++) {
        frame[i] ^= 1;
        assert_false(media_video_header_read(MEDIA_CODEC_VP8, frame, sizeof frame, &header));
        frame[i] ^= 1;
    }
    frame[0] = 0x11;
    header = read(MEDIA_CODEC_VP8, frame, 3);
    assert_true(!header.key_frame && !header.has_size);
}

/* VP9 section 6.2: profile 0 key frame 640x480; inter frames with a size of their references and with one of their own. */
static void test_vp9(void **state) {
    (void)state;
    /* 10 00 0 0 1 0 | 49 83 42 | 000 0 (colour) | 0x027F | 0x01DF, four bits late */
    static const uint8_t key[9] = { 0x82, 0x49, 0x83, 0x42, 0x00, 0x27, 0xF0, 0x1D, 0xF0 };
    struct media_video_header header = read(MEDIA_CODEC_VP9, key, sizeof key);
    assert_true(header.key_frame && header.has_size);
    assert_int_equal(header.width, 640);
    assert_int_equal(header.height, 480);
    sweep(MEDIA_CODEC_VP9, key, sizeof key, 9);
    uint8_t changed[9];
    memcpy(changed, key, sizeof key);
    changed[2] ^= 0x10;
    assert_false(media_video_header_read(MEDIA_CODEC_VP9, changed, sizeof changed, &header));
    changed[0] = 0x42;                                        /* frame_marker 1 */
    assert_false(media_video_header_read(MEDIA_CODEC_VP9, changed, sizeof changed, &header));
    static const uint8_t reserved[2] = { 0xB8, 0 };           /* profile 3 with its reserved bit */
    assert_false(media_video_header_read(MEDIA_CODEC_VP9, reserved, sizeof reserved, &header));

    /* 10 00 0 1 1 1 (inter, shown, resilient) | refresh 8 | 3 references of 4 | found_ref 1 */
    static const uint8_t inter[4] = { 0x87, 0x01, 0x00, 0x08 };
    header = read(MEDIA_CODEC_VP9, inter, sizeof inter);
    assert_true(!header.key_frame && !header.has_size);
    sweep(MEDIA_CODEC_VP9, inter, sizeof inter, 4);
    /* none found: 4096 x 4097 follows: 0000 0000 0000 | 000 | 0x0FFF | 0x1000, seven bits after a byte's begin */
    static const uint8_t own_size[8] = { 0x87, 0x01, 0x00, 0x00, 0x1F, 0xFE, 0x20, 0x00 };
    header = read(MEDIA_CODEC_VP9, own_size, sizeof own_size);
    assert_true(!header.key_frame && header.has_size);
    assert_int_equal(header.width, 4096);
    assert_int_equal(header.height, 4097);
    sweep(MEDIA_CODEC_VP9, own_size, sizeof own_size, 8);
    static const uint8_t again[1] = { 0x88 };                 /* show_existing_frame 0 */
    assert_false(read(MEDIA_CODEC_VP9, again, 1).key_frame);
}

/* VP9 annex B: a superframe is a key frame when its first frame is, and as large as its largest. */
static void test_vp9_superframe(void **state) {
    (void)state;
    uint8_t super[9 + 8 + 4] = { 0x82, 0x49, 0x83, 0x42, 0x00, 0x27, 0xF0, 0x1D, 0xF0, 0x87, 0x01, 0x00, 0x00, 0x1F, 0xFE, 0x20, 0x00,
                                 0xC1, 9, 8, 0xC1 };
    struct media_video_header header = read(MEDIA_CODEC_VP9, super, sizeof super);
    assert_true(header.key_frame);
    assert_int_equal(header.width, 4096);
    uint8_t turned[sizeof super];                             /* the larger one first */
    memcpy(turned, super + 9, 8);
    memcpy(turned + 8, super, 9);
    memcpy(turned + 17, (const uint8_t[]) { 0xC1, 8, 9, 0xC1 }, 4);
    header = read(MEDIA_CODEC_VP9, turned, sizeof turned);
    assert_true(!header.key_frame && header.width == 4096 && header.height == 4097);
    super[19] = 10;                                           /* more than there is */
    super[18] = 12;
    assert_false(media_video_header_read(MEDIA_CODEC_VP9, super, sizeof super, &header));
    static const uint8_t empty[4] = { 0xC1, 0, 0, 0xC1 };
    assert_false(media_video_header_read(MEDIA_CODEC_VP9, empty, sizeof empty, &header));
}

static void test_h264(void **state) {
    (void)state;
    static const uint8_t key[] = { 0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 0x88, 0x84 };
    assert_true(read(MEDIA_CODEC_H264, key, sizeof key).key_frame);
    sweep(MEDIA_CODEC_H264, key, sizeof key, 16);
    static const uint8_t without_parameters[] = { 0, 0, 1, 0x65, 0x88, 0x84 };
    assert_false(read(MEDIA_CODEC_H264, without_parameters, sizeof without_parameters).key_frame);
    static const uint8_t delta[] = { 0, 0, 1, 0x41, 0x9A };
    assert_false(read(MEDIA_CODEC_H264, delta, sizeof delta).key_frame);
    struct media_video_header header;
    static const uint8_t forbidden[] = { 0, 0, 1, 0xE5, 0x88 };
    assert_false(media_video_header_read(MEDIA_CODEC_H264, forbidden, sizeof forbidden, &header));
}

/* AV1 sections 5.5.1 and 5.9.2: the first OBUs of a 640x480 stream of libaom, shortened behind what is read. */
static void test_av1(void **state) {
    (void)state;
    static const uint8_t key[] = { 0x12, 0x00, 0x0A, 0x0B, 0x00, 0x00, 0x00, 0x24, 0xC4, 0xFF, 0xDF, 0x36, 0xBE, 0x40, 0x10, 0x32, 0x01, 0x14 };
    struct media_video_header header = read(MEDIA_CODEC_AV1, key, sizeof key);
    assert_true(header.key_frame && header.has_size);
    assert_int_equal(header.width, 640);
    assert_int_equal(header.height, 480);
    sweep(MEDIA_CODEC_AV1, key, sizeof key, sizeof key);
    static const uint8_t delta[] = { 0x12, 0x00, 0x32, 0x01, 0x30 };
    header = read(MEDIA_CODEC_AV1, delta, sizeof delta);
    assert_true(!header.key_frame && !header.has_size);
    static const uint8_t again[] = { 0x0A, 0x0B, 0x00, 0x00, 0x00, 0x24, 0xC4, 0xFF, 0xDF, 0x36, 0xBE, 0x40, 0x10, 0x1A, 0x01, 0x90 };
    assert_false(read(MEDIA_CODEC_AV1, again, sizeof again).key_frame);      /* show_existing_frame, whatever follows */
    static const uint8_t unsized[] = { 0x30, 0x30 };          /* only the last OBU may lack its size */
    assert_false(read(MEDIA_CODEC_AV1, unsized, sizeof unsized).key_frame);
    static const uint8_t forbidden[] = { 0x92, 0x00, 0x32, 0x01, 0x30 };
    assert_false(media_video_header_read(MEDIA_CODEC_AV1, forbidden, sizeof forbidden, &header));
    static const uint8_t endless[] = { 0x32, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 };
    assert_false(media_video_header_read(MEDIA_CODEC_AV1, endless, sizeof endless, &header));
}

static void test_audio_has_none(void **state) {
    (void)state;
    struct media_video_header header;
    static const uint8_t bytes[16] = { 0 };
    assert_false(media_video_header_read(MEDIA_CODEC_OPUS, bytes, sizeof bytes, &header));
    assert_false(media_video_header_read(MEDIA_CODEC_NONE, bytes, sizeof bytes, &header));
    assert_false(media_video_header_read((enum media_codec)99, bytes, sizeof bytes, &header));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vp8), cmocka_unit_test(test_vp9), cmocka_unit_test(test_vp9_superframe), cmocka_unit_test(test_h264),
        cmocka_unit_test(test_av1), cmocka_unit_test(test_audio_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
