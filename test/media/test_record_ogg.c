#include "test/media/test_media.h"

#include <math.h>
#include <ogg/ogg.h>

#include "app/media/audio_source.h"
#include "app/media/opus_codec.h"
#include "app/media/record_ogg.h"

enum { PACKETS = 100 };
struct packet { uint8_t bytes[MEDIA_OPUS_MAX_PACKET_BYTES]; size_t length; };
static struct packet packets[PACKETS];

static int setup(void **state) {
    struct media_error error;
    int16_t samples[MEDIA_AUDIO_FRAME_SAMPLES];
    struct media_audio_source *source = media_audio_source_open("tone", &error);
    struct media_opus_encoder *encoder = media_opus_encoder_new(1, 32000, &error);
    (void)state;
    for (int i = 0; i < PACKETS; i++) {
        (void)media_audio_source_read(source, samples, &error);
        packets[i].length = media_opus_encode(encoder, samples, packets[i].bytes, &error);
    }
    media_opus_encoder_free(encoder);
    media_audio_source_free(source);
    return 0;
}

/* What libogg finds in a file: packets after the two headers, stand-ins among them (one byte), the last granule position. */
struct contents { unsigned headers, packets, stand_ins; int64_t granule; bool ended, began; int64_t samples; };

static struct contents read_contents(const char *path) {
    struct contents contents = { 0 };
    size_t length;
    uint8_t *file = media_test_read_file(path, &length);
    ogg_sync_state sync;
    ogg_stream_state stream;
    ogg_page page;
    ogg_packet packet;
    bool opened = false;

    (void)ogg_sync_init(&sync);
    memcpy(ogg_sync_buffer(&sync, (long)length), file, length);
    (void)ogg_sync_wrote(&sync, (long)length);
    while (ogg_sync_pageout(&sync, &page) == 1) {
        if (!opened) {
            (void)ogg_stream_init(&stream, ogg_page_serialno(&page));
            opened = true;
        }
        assert_int_equal(ogg_stream_pagein(&stream, &page), 0);
        while (ogg_stream_packetout(&stream, &packet) == 1) {
            contents.began = contents.began || (packet.b_o_s != 0 && contents.headers == 0);
            contents.ended = packet.e_o_s != 0;
            if (contents.headers < 2) {
                assert_memory_equal(packet.packet, contents.headers == 0 ? "OpusHead" : "OpusTags", 8);
                contents.headers++;
                continue;
            }
            contents.packets++;
            contents.stand_ins += packet.bytes == 1 ? 1 : 0;
            contents.samples += (int64_t)media_opus_packet_samples(packet.packet, (size_t)packet.bytes);
            contents.granule = packet.granulepos >= 0 ? packet.granulepos : contents.granule;
        }
    }
    if (opened) {
        (void)ogg_stream_clear(&stream);
    }
    (void)ogg_sync_clear(&sync);
    free(file);
    return contents;
}

static struct media_ogg *create(void) {
    struct media_error error;
    struct media_ogg *ogg = media_ogg_create(media_test_path("x.ogg"), &error);
    assert_non_null(ogg);
    return ogg;
}

static bool put(struct media_ogg *ogg, int i, uint32_t timestamp) {
    struct media_error error;
    bool written;
    assert_true(media_ogg_write(ogg, packets[i].bytes, packets[i].length, timestamp, &written, &error));
    return written;
}

static struct contents close_and_read(struct media_ogg *ogg) {
    struct media_error error;
    assert_true(media_ogg_close(ogg, &error));
    struct contents contents = read_contents(media_test_path("x.ogg"));
    assert_int_equal(contents.headers, 2);
    assert_true(contents.began);
    assert_int_equal(contents.samples, contents.granule);      /* RFC 7845 section 4: the position counts every sample before it */
    return contents;
}

static void test_unbroken(void **state) {
    (void)state;
    struct media_ogg *ogg = create();
    for (int i = 0; i < PACKETS; i++) {
        assert_true(put(ogg, i, 0xFFFF0000 + (uint32_t)i * 960));
    }
    struct contents contents = close_and_read(ogg);
    assert_int_equal(contents.packets, PACKETS);
    assert_int_equal(contents.stand_ins, 0);
    assert_int_equal(contents.granule, PACKETS * 960);
    assert_true(contents.ended);
}

/* RFC 7845 section 4.1: lost packets have stand-ins, of the last one's length where they fit and of 2.5 ms where not. */
static void test_holes_are_filled(void **state) {
    (void)state;
    struct media_ogg *ogg = create();
    uint32_t timestamp = 0xFFFFFF00;
    (void)put(ogg, 0, timestamp);
    (void)put(ogg, 1, timestamp += 960);
    (void)put(ogg, 5, timestamp += 4 * 960);                   /* three lost */
    assert_false(put(ogg, 4, timestamp - 960));                /* one of them, too late */
    assert_false(put(ogg, 5, timestamp));                      /* again */
    (void)put(ogg, 6, timestamp += 960 + 240);                 /* 5 ms late: two of 2.5 ms */
    (void)put(ogg, 7, timestamp += 960 + 119);                 /* less than can be written */
    struct contents contents = close_and_read(ogg);
    assert_int_equal(contents.packets, 5 + 3 + 2);
    assert_int_equal(contents.stand_ins, 5);
    assert_int_equal(contents.granule, 8 * 960 + 240);
    assert_true(contents.ended);
}

/* MEDIA_OGG_MAX_HOLE_SAMPLES at limit - 1, limit, limit + 1 (in steps that can be written). */
static void test_hole_limit(void **state) {
    (void)state;
    static const struct { uint32_t hole; unsigned filled; } cases[] = {
        { MEDIA_OGG_MAX_HOLE_SAMPLES - 960, MEDIA_OGG_MAX_HOLE_SAMPLES / 960 - 1 },
        { MEDIA_OGG_MAX_HOLE_SAMPLES, MEDIA_OGG_MAX_HOLE_SAMPLES / 960 },
        { MEDIA_OGG_MAX_HOLE_SAMPLES + 1, 0 }, { 0x7FFFFFFF, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct media_ogg *ogg = create();
        assert_true(put(ogg, 0, 1000));
        assert_true(put(ogg, 1, 1000 + 960 + cases[i].hole));
        assert_int_equal(close_and_read(ogg).stand_ins, cases[i].filled);
    }
}

/* A program that is killed: without the close everything but the last page is there and whole. */
static void test_readable_without_close(void **state) {
    (void)state;
    struct media_error error;
    struct media_ogg *ogg = create();
    for (int i = 0; i < PACKETS; i++) {
        (void)put(ogg, i, (uint32_t)i * 960);
    }
    struct contents contents = read_contents(media_test_path("x.ogg"));
    assert_true(contents.packets >= PACKETS - 1 - MEDIA_OGG_PAGE_PACKETS);
    assert_int_equal(contents.samples, contents.granule);
    assert_false(contents.ended);
    assert_true(media_ogg_close(ogg, &error));
}

static void test_empty_and_garbage(void **state) {
    (void)state;
    struct media_error error;
    bool written = true;
    struct media_ogg *ogg = create();
    assert_true(media_ogg_write(ogg, packets[0].bytes, 0, 0, &written, &error));
    assert_false(written);
    static const uint8_t invalid[2] = { 0x03, 0x00 };          /* code 3 with no frames: RFC 6716 section 3.2.5 forbids it */
    assert_true(media_ogg_write(ogg, invalid, sizeof invalid, 0, &written, &error));
    assert_false(written);
    struct contents contents = close_and_read(ogg);
    assert_int_equal(contents.packets, 0);
    assert_true(media_ogg_close(NULL, &error));
}

static void test_ffprobe_reads_it(void **state) {
    (void)state;
    if (!media_test_have_ffprobe("test_ffprobe_reads_it")) {
        skip();
    }
    struct media_ogg *ogg = create();
    for (int i = 0; i < PACKETS; i++) {
        if (i < 40 || i >= 50) {
            (void)put(ogg, i, (uint32_t)i * 960);
        }
    }
    (void)close_and_read(ogg);
    assert_string_equal(media_test_command("ffprobe -v error -show_entries stream=codec_name,sample_rate,channels -of csv=p=0 %s 2>&1",
                                           media_test_path("x.ogg")), "opus,48000,2");
    /* Decoded: two seconds less the pre-skip, hole included. */
    assert_int_equal(atoi(media_test_command("ffmpeg -v error -i %s -f s16le -ac 1 - | wc -c", media_test_path("x.ogg"))) / 2,
                     PACKETS * 960 - MEDIA_OGG_PRE_SKIP);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unbroken, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_holes_are_filled, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_hole_limit, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_readable_without_close, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_empty_and_garbage, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_ffprobe_reads_it, media_test_make_folder, media_test_remove_folder),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
