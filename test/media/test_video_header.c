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

/* ---- the size in a sequence parameter set of H.264 (section 7.3.2.1.1) ------------------------------------------------------------- */

struct writer {
    uint8_t bytes[64];
    size_t bits;
};

static void put(struct writer *writer, uint32_t value, unsigned count) {
    while (count-- > 0) {
        writer->bytes[writer->bits / 8] |= (uint8_t)((value >> count & 1) << (7 - writer->bits % 8));
        writer->bits++;
    }
}

static void put_ue(struct writer *writer, uint32_t value) {
    unsigned length = 0;
    while (((uint64_t)value + 1) >> (length + 1) != 0) {
        length++;
    }
    put(writer, 0, length);
    put(writer, value + 1, length + 1);
}

static void put_se(struct writer *writer, int32_t value) {
    put_ue(writer, value > 0 ? 2 * (uint32_t)value - 1 : 2 * (uint32_t)-value);
}

static struct media_video_header read_parameters(const uint8_t *parameters, size_t length) {
    static const uint8_t picture[] = { 0, 0, 1, 0x65, 0x88, 0x84 };
    uint8_t unit[128] = { 0, 0, 0, 1 };
    memcpy(unit + 4, parameters, length);
    memcpy(unit + 4 + length, picture, sizeof picture);
    return read(MEDIA_CODEC_H264, unit, 4 + length + sizeof picture);
}

/* What x264 writes: cropped, in the high profiles, in 4:2:2 and 4:4:4, interlaced; ffprobe says these sizes of them. */
static void test_h264_size(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[25];
        uint32_t length, width, height;
    } rows[] = {
        { { 0x67, 0x42, 0xC0, 0x0D, 0xD9, 0x01, 0x41, 0x9F, 0x88, 0xC0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xF0, 0x3C, 0x50,
            0xA9, 0x20 }, 25, 320, 178 },
        { { 0x67, 0x64, 0x00, 0x0D, 0xAC, 0xD9, 0x41, 0x41, 0xFB, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xC0, 0xF1, 0x42,
            0x99, 0x60 }, 25, 320, 240 },
        { { 0x67, 0x7A, 0x00, 0x0A, 0xBC, 0xD9, 0x44, 0x27, 0xE3, 0xF0, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3C, 0x0F, 0x12,
            0x25, 0x96 }, 25, 64, 50 },
        { { 0x67, 0xF4, 0x00, 0x0D, 0x91, 0x9B, 0x28, 0x2C, 0x12, 0xD8, 0x08, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1E, 0x07, 0x8A, 0x14,
            0xCB }, 24, 352, 288 },
        { { 0x67, 0x64, 0x00, 0x15, 0xAC, 0xD9, 0x41, 0x43, 0xBF, 0x3E, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x06, 0x43, 0xE2, 0x85,
            0x32, 0xC0 }, 25, 320, 200 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct media_video_header header = read_parameters(rows[i].bytes, rows[i].length);
        assert_true(header.key_frame && header.has_size);
        assert_int_equal(header.width, rows[i].width);
        assert_int_equal(header.height, rows[i].height);
    }
    /* Cut anywhere: no size, or the same one, since what follows it is not read. */
    for (size_t length = 1; length < rows[0].length; length++) {
        struct media_video_header header = read_parameters(rows[0].bytes, length);
        assert_true(header.has_size ? header.width == 320 && header.height == 178 : header.width == 0 && header.height == 0);
        assert_int_equal(header.has_size, length >= 9);
    }
    /* A second one that cannot be read takes nothing back: the size is all there, or not at all. */
    uint8_t two[64];
    memcpy(two, rows[0].bytes, rows[0].length);
    memcpy(two + rows[0].length, (const uint8_t[]) { 0, 0, 1, 0x67, 0x42 }, 5);
    struct media_video_header header = read_parameters(two, rows[0].length + 5);
    assert_true(header.has_size && header.width == 320 && header.height == 178);
}

/* Behind the profile: chroma format, scaling lists, order count of the kind 1, then the size in macroblocks and the cropping of each side. */
static size_t write_parameters(struct writer *writer, bool separate, uint32_t macroblocks, uint32_t crop) {
    *writer = (struct writer) { { 0 }, 0 };
    put(writer, 0x67F4000D, 32);
    put_ue(writer, 0);
    put_ue(writer, separate ? 3 : 1);
    if (separate) {
        put(writer, 1, 1);
    }
    put_ue(writer, 0);
    put_ue(writer, 0);
    put(writer, 1, 2);                                         /* no bypass; scaling lists: */
    put(writer, 1, 1);
    for (int i = 0; i < 16; i++) {
        put_se(writer, i % 2 ? 3 : -3);
    }
    put(writer, 1, 1);
    put_se(writer, -8);                                        /* the default one: the list ends with its first number */
    put(writer, 0, separate ? 10 : 6);
    put_ue(writer, 0);
    put_ue(writer, 1);
    put(writer, 1, 1);
    put_se(writer, -70000);
    put_se(writer, 5);
    put_ue(writer, 2);
    put_se(writer, 1);
    put_se(writer, -1);
    put_ue(writer, 1);
    put(writer, 0, 1);
    put_ue(writer, macroblocks - 1);
    put_ue(writer, macroblocks - 1);
    put(writer, 0x7, 3);                                       /* frames only, direct_8x8, cropping */
    for (int side = 0; side < 4; side++) {
        put_ue(writer, crop);
    }
    put(writer, 1, 1);
    return (writer->bits + 7) / 8;
}

static void test_h264_size_rules(void **state) {
    (void)state;
    struct writer writer;
    struct media_video_header header = read_parameters(writer.bytes, write_parameters(&writer, false, 2, 3));
    assert_true(header.has_size && header.width == 32 - 12 && header.height == 32 - 12);      /* 4:2:0: units of two samples */
    header = read_parameters(writer.bytes, write_parameters(&writer, true, 2, 3));
    assert_true(header.has_size && header.width == 32 - 6 && header.height == 32 - 6);
    header = read_parameters(writer.bytes, write_parameters(&writer, false, 2, 7));
    assert_true(header.has_size && header.width == 4 && header.height == 4);
    assert_false(read_parameters(writer.bytes, write_parameters(&writer, false, 2, 8)).has_size);      /* nothing would be left */
    header = read_parameters(writer.bytes, write_parameters(&writer, true, 4096, 0));
    assert_true(header.has_size && header.width == 65536 && header.height == 65536);
    assert_false(read_parameters(writer.bytes, write_parameters(&writer, true, 4097, 0)).has_size);
    assert_false(read_parameters(writer.bytes, write_parameters(&writer, true, 0xFFFFFFFE, 0)).has_size);
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
        cmocka_unit_test(test_h264_size), cmocka_unit_test(test_h264_size_rules),
        cmocka_unit_test(test_av1), cmocka_unit_test(test_audio_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
