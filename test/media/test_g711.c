#include "test/media/test_media.h"

#include "app/media/g711.h"

/* ITU-T G.711 table 2a, positive input: decision values, the character signal after inversion, and the decoder's output; at the
 * ends of the segments. Values are 14-bit. */
static void test_ulaw_table(void **state) {
    (void)state;
    static const struct { uint8_t byte; int lowest, output; } rows[] = {
        { 0x80, 7903, 8031 }, { 0x8F, 4063, 4191 }, { 0x90, 3935, 3999 }, { 0x9F, 2015, 2079 }, { 0xAF, 991, 1023 }, { 0xBF, 479, 495 },
        { 0xCF, 223, 231 }, { 0xDF, 95, 99 }, { 0xEF, 31, 33 }, { 0xF0, 29, 30 }, { 0xFE, 1, 2 }, { 0xFF, 0, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(media_g711_decode_ulaw(rows[i].byte), rows[i].output * 4);
        assert_int_equal(media_g711_decode_ulaw(rows[i].byte & 0x7F), -rows[i].output * 4);
        assert_int_equal(media_g711_encode_ulaw((int16_t)(rows[i].lowest * 4)), rows[i].byte);
        if (rows[i].lowest > 0) {
            assert_int_equal(media_g711_encode_ulaw((int16_t)(rows[i].lowest * 4 - 1)), rows[i].byte + 1);
        }
        assert_int_equal(media_g711_encode_ulaw((int16_t)(-rows[i].lowest * 4 - 1)), rows[i].byte & 0x7F);
    }
    assert_int_equal(media_g711_encode_ulaw(INT16_MAX), 0x80);
    assert_int_equal(media_g711_encode_ulaw(INT16_MIN), 0x00);
    assert_int_equal(media_g711_decode_ulaw(MEDIA_G711_ULAW_SILENCE), 0);
}

/* ITU-T G.711 table 1a; bytes are those of the line, even bits inverted. Values are 13-bit. */
static void test_alaw_table(void **state) {
    (void)state;
    static const struct { uint8_t code; int lowest, output; } rows[] = {
        { 0xFF, 3968, 4032 }, { 0xF0, 2048, 2112 }, { 0xE0, 1024, 1056 }, { 0xD0, 512, 528 }, { 0xC0, 256, 264 }, { 0xB0, 128, 132 },
        { 0xA0, 64, 66 }, { 0x90, 32, 33 }, { 0x8F, 30, 31 }, { 0x80, 0, 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t byte = rows[i].code ^ 0x55;
        assert_int_equal(media_g711_decode_alaw(byte), rows[i].output * 8);
        assert_int_equal(media_g711_decode_alaw(byte ^ 0x80), -rows[i].output * 8);
        assert_int_equal(media_g711_encode_alaw((int16_t)(rows[i].lowest * 8)), byte);
        assert_int_equal(media_g711_encode_alaw((int16_t)(-rows[i].lowest * 8 - 1)), byte ^ 0x80);
    }
    assert_int_equal(media_g711_encode_alaw(INT16_MAX), 0xAA);
    assert_int_equal(media_g711_encode_alaw(INT16_MIN), 0x2A);
    assert_int_equal(media_g711_decode_alaw(MEDIA_G711_ALAW_SILENCE), 8);
}

/* Each byte comes back, but for mu-law's second zero; and no output is further from its input than half an interval. */
static void test_round_trip(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        int16_t ulaw = media_g711_decode_ulaw((uint8_t)byte);
        assert_int_equal(media_g711_encode_ulaw(ulaw), byte == 0x7F ? 0xFF : byte);
        assert_int_equal(media_g711_encode_alaw(media_g711_decode_alaw((uint8_t)byte)), byte);
    }
    for (int sample = INT16_MIN; sample <= INT16_MAX; sample++) {
        int size = sample < 0 ? -sample : sample;
        int ulaw = media_g711_decode_ulaw(media_g711_encode_ulaw((int16_t)sample));
        int alaw = media_g711_decode_alaw(media_g711_encode_alaw((int16_t)sample));
        assert_in_range(ulaw > sample ? ulaw - sample : sample - ulaw, 0, size > 32635 ? 644 : size / 32 + 8);
        assert_in_range(alaw > sample ? alaw - sample : sample - alaw, 0, size / 32 + 8);
    }
}

/* ffmpeg decodes every byte to the same sample; it shares no code with us. */
static void judge_by_ffmpeg(const char *format, const char *command, int16_t (*decode)(uint8_t)) {
    uint8_t bytes[256];
    size_t length;
    for (size_t i = 0; i < 256; i++) {
        bytes[i] = (uint8_t)i;
    }
    media_test_write_file(media_test_path("bytes"), bytes, sizeof bytes);
    (void)media_test_command(command, media_test_path("bytes"));
    char name[32];
    (void)snprintf(name, sizeof name, "bytes.%s", format);
    uint8_t *file = media_test_read_file(media_test_path(name), &length);
    assert_int_equal(length, 512);
    for (size_t i = 0; i < 256; i++) {
        assert_int_equal((int16_t)(file[2 * i] | file[2 * i + 1] << 8), decode((uint8_t)i));
    }
    free(file);
}

static void test_ffmpeg_agrees(void **state) {
    (void)state;
    if (!media_test_have_ffprobe("test_ffmpeg_agrees")) {
        skip();
    }
    judge_by_ffmpeg("mulaw", "f=%s; ffmpeg -v error -y -f mulaw -ar 8000 -ac 1 -i $f -f s16le $f.mulaw", media_g711_decode_ulaw);
    judge_by_ffmpeg("alaw", "f=%s; ffmpeg -v error -y -f alaw -ar 8000 -ac 1 -i $f -f s16le $f.alaw", media_g711_decode_alaw);
}

static bool are_neighbours(int16_t a, int16_t b, int16_t (*decode)(uint8_t)) {
    for (unsigned byte = 0; byte < 256; byte++) {
        int16_t value = decode((uint8_t)byte);
        if ((value > a && value < b) || (value > b && value < a)) {
            return false;
        }
    }
    return true;
}

/* And it encodes every sample to the same byte but for those near the border of two intervals: it takes the nearer output, where G.711 has
 * fixed decision values (the tables above), which differ at the ends of segments. 964 of 65536, all between neighbours. */
static void judge_encoder(const char *command, const char *name, uint8_t (*encode)(int16_t), int16_t (*decode)(uint8_t)) {
    static uint8_t samples[2 * 65536];
    size_t length;
    unsigned other = 0;
    for (unsigned i = 0; i < 65536; i++) {
        samples[2 * i] = (uint8_t)i;
        samples[2 * i + 1] = (uint8_t)(i >> 8);
    }
    media_test_write_file(media_test_path("pcm"), samples, sizeof samples);
    (void)media_test_command(command, media_test_path("pcm"));
    uint8_t *file = media_test_read_file(media_test_path(name), &length);
    assert_int_equal(length, 65536);
    for (unsigned i = 0; i < 65536; i++) {
        int16_t sample = (int16_t)i;
        if (encode(sample) != file[i]) {
            assert_true(are_neighbours(decode(encode(sample)), decode(file[i]), decode));
            other++;
        }
    }
    assert_in_range(other, 0, 65536 / 64);
    free(file);
}

static void test_ffmpeg_encodes_alike(void **state) {
    (void)state;
    if (!media_test_have_ffprobe("test_ffmpeg_encodes_alike")) {
        skip();
    }
    judge_encoder("f=%s; ffmpeg -v error -y -f s16le -ar 8000 -ac 1 -i $f -f mulaw $f.mulaw", "pcm.mulaw", media_g711_encode_ulaw, media_g711_decode_ulaw);
    judge_encoder("f=%s; ffmpeg -v error -y -f s16le -ar 8000 -ac 1 -i $f -f alaw $f.alaw", "pcm.alaw", media_g711_encode_alaw, media_g711_decode_alaw);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ulaw_table), cmocka_unit_test(test_alaw_table), cmocka_unit_test(test_round_trip),
        cmocka_unit_test_setup_teardown(test_ffmpeg_agrees, media_test_make_folder, media_test_remove_folder),
        cmocka_unit_test_setup_teardown(test_ffmpeg_encodes_alike, media_test_make_folder, media_test_remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
