#include "test/media/test_media.h"

#include <ogg/ogg.h>

#include "app/media/ogg_opus.h"
#include "app/media/opus_codec.h"

/* Files are made by libogg, which shares no code with the reader. */
struct file { uint8_t bytes[1 << 20]; size_t length; ogg_stream_state stream; int64_t number; };
static struct file file;
static uint8_t packet_out[MEDIA_OPUS_FILE_MAX_PACKET_BYTES];

static void put_pages(bool flush) {
    ogg_page page;
    while ((flush ? ogg_stream_flush(&file.stream, &page) : ogg_stream_pageout(&file.stream, &page)) != 0) {
        memcpy(file.bytes + file.length, page.header, (size_t)page.header_len);
        memcpy(file.bytes + file.length + page.header_len, page.body, (size_t)page.body_len);
        file.length += (size_t)(page.header_len + page.body_len);
    }
}

static void put(const void *bytes, size_t length, bool last, bool flush) {
    uint8_t copy[70000];
    memcpy(copy, bytes, length);
    ogg_packet packet = { .packet = copy, .bytes = (long)length, .b_o_s = file.number == 0, .e_o_s = last, .packetno = file.number };
    file.number++;
    assert_int_equal(ogg_stream_packetin(&file.stream, &packet), 0);
    put_pages(flush);
}

static const uint8_t head[19] = { 'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 0x38, 1, 0x80, 0xBB, 0, 0, 0, 0, 0 };
static const uint8_t tags[16] = { 'O', 'p', 'u', 's', 'T', 'a', 'g', 's', 0, 0, 0, 0, 0, 0, 0, 0 };

static void begin_with(int serial, const uint8_t *first, size_t length) {
    (void)ogg_stream_init(&file.stream, serial);
    file.number = 0;
    put(first, length, false, true);
}

static void begin(void) {
    file.length = 0;
    begin_with(7, head, sizeof head);
    put(tags, sizeof tags, false, true);
}

static void end(void) {
    put_pages(true);
    (void)ogg_stream_clear(&file.stream);
}

/* Reads to the end: how many packets, and their bytes and samples together. */
struct sums { unsigned packets; size_t bytes, samples; enum media_ogg_opus_result result; struct media_parse_problem problem; };

static struct sums read_all(const uint8_t *bytes, size_t length) {
    struct media_ogg_opus_reader reader = { .bytes = bytes, .length_bytes = length };
    struct media_ogg_opus_packet packet;
    struct sums sums = { 0 };
    while ((sums.result = media_ogg_opus_next(&reader, packet_out, &packet, &sums.problem)) == MEDIA_OGG_OPUS_PACKET) {
        sums.packets++;
        sums.bytes += packet.length_bytes;
        sums.samples += packet.samples;
    }
    return sums;
}

/* RFC 3533 section 5: a packet may go on over pages, may fill its last segment, and may be exactly 255 long. */
static void test_packets_over_pages(void **state) {
    (void)state;
    static const size_t lengths[] = { 1, 254, 255, 256, 509, 510, 511, 20000, 20000, 20000, 20000, 61440, 3, 65025 % 61440, 5 };
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    uint8_t bytes[MEDIA_OPUS_FILE_MAX_PACKET_BYTES];
    begin();
    for (size_t i = 0; i < COUNT; i++) {
        memset(bytes, (int)i, sizeof bytes);
        bytes[0] = 0xFC;                                       /* CELT, 20 ms, stereo, one frame */
        put(bytes, lengths[i], i + 1 == COUNT, false);
    }
    end();
    struct media_ogg_opus_reader reader = { .bytes = file.bytes, .length_bytes = file.length };
    struct media_ogg_opus_packet packet;
    struct media_parse_problem problem;
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(media_ogg_opus_next(&reader, packet_out, &packet, &problem), MEDIA_OGG_OPUS_PACKET);
        assert_int_equal(packet.length_bytes, lengths[i]);
        assert_int_equal(packet.samples, 960);
        assert_int_equal(packet_out[lengths[i] - 1], lengths[i] == 1 ? 0xFC : (uint8_t)i);
    }
    assert_int_equal(media_ogg_opus_next(&reader, packet_out, &packet, &problem), MEDIA_OGG_OPUS_END);
}

/* RFC 7845 section 6: a packet of 61440 bytes is taken, one more is not. */
static void test_packet_limit(void **state) {
    (void)state;
    for (size_t length = MEDIA_OPUS_FILE_MAX_PACKET_BYTES - 1; length <= MEDIA_OPUS_FILE_MAX_PACKET_BYTES + 1; length++) {
        uint8_t bytes[MEDIA_OPUS_FILE_MAX_PACKET_BYTES + 1] = { 0xFC };
        begin();
        put(bytes, length, true, false);
        end();
        assert_int_equal(read_all(file.bytes, file.length).result,
                         length <= MEDIA_OPUS_FILE_MAX_PACKET_BYTES ? MEDIA_OGG_OPUS_END : MEDIA_OGG_OPUS_BROKEN);
    }
}

static void make_small(void) {
    static const uint8_t sound[300] = { 0xFC, 1, 2, 3 };
    begin();
    for (unsigned i = 0; i < 6; i++) {
        put(sound, 100 + 30 * i, i == 5, i % 2 == 1);
    }
    end();
}

static void test_every_truncation(void **state) {
    (void)state;
    make_small();
    unsigned ends = 0;
    for (size_t length = 0; length < file.length; length++) {
        uint8_t *exact = malloc(length != 0 ? length : 1);
        memcpy(exact, file.bytes, length);
        struct sums sums = read_all(exact, length);
        ends += sums.result == MEDIA_OGG_OPUS_END ? 1 : 0;
        assert_true(sums.result == MEDIA_OGG_OPUS_END || (sums.problem.rule != NULL && sums.problem.offset <= length));
        assert_in_range(sums.packets, 0, 5);
        free(exact);
    }
    assert_int_equal(ends, 3);           /* behind the comments and behind two of the three pages with sound */
}

/* RFC 3533 section 6, the checksum: no changed byte is taken. */
static void test_every_changed_byte(void **state) {
    (void)state;
    make_small();
    assert_int_equal(read_all(file.bytes, file.length).packets, 6);
    for (size_t i = 0; i < file.length; i++) {
        file.bytes[i] ^= 0x10;
        assert_int_equal(read_all(file.bytes, file.length).result, MEDIA_OGG_OPUS_BROKEN);
        file.bytes[i] ^= 0x10;
    }
}

/* RFC 3533 section 4: another stream beside ours; RFC 7845 section 3: what follows our end is not looked at. */
static void test_other_streams(void **state) {
    (void)state;
    static const uint8_t other[40] = { 1, 'v', 'o', 'r', 'b', 'i', 's' }, sound[20] = { 0xFC };
    file.length = 0;
    begin_with(5, other, sizeof other);
    end();
    begin_with(7, head, sizeof head);
    put(tags, sizeof tags, false, true);
    put(sound, sizeof sound, true, true);
    end();
    begin_with(9, head, sizeof head);
    end();
    struct sums sums = read_all(file.bytes, file.length);
    assert_int_equal(sums.result, MEDIA_OGG_OPUS_END);
    assert_int_equal(sums.packets, 1);
    file.length = 0;
    begin_with(5, other, sizeof other);
    end();
    assert_int_equal(read_all(file.bytes, file.length).result, MEDIA_OGG_OPUS_BROKEN);
}

static enum media_ogg_opus_result read_with_head(size_t at, uint8_t value, size_t length) {
    uint8_t changed[32] = { 0 };
    static const uint8_t sound[20] = { 0xFC };
    memcpy(changed, head, sizeof head);
    changed[at] = value;
    file.length = 0;
    begin_with(7, changed, length);
    put(tags, sizeof tags, false, true);
    put(sound, sizeof sound, true, true);
    end();
    return read_all(file.bytes, file.length).result;
}

/* RFC 7845 section 5.1: version, channels, mapping; section 5.2: the comments. */
static void test_headers(void **state) {
    (void)state;
    assert_int_equal(read_with_head(8, 1, 19), MEDIA_OGG_OPUS_END);
    assert_int_equal(read_with_head(8, 15, 19), MEDIA_OGG_OPUS_END);
    assert_int_equal(read_with_head(8, 16, 19), MEDIA_OGG_OPUS_BROKEN);
    assert_int_equal(read_with_head(9, 0, 19), MEDIA_OGG_OPUS_BROKEN);
    assert_int_equal(read_with_head(9, 1, 19), MEDIA_OGG_OPUS_END);
    assert_int_equal(read_with_head(9, 3, 19), MEDIA_OGG_OPUS_BROKEN);
    assert_int_equal(read_with_head(18, 1, 19), MEDIA_OGG_OPUS_BROKEN);
    assert_int_equal(read_with_head(8, 1, 18), MEDIA_OGG_OPUS_BROKEN);
    assert_int_equal(read_with_head(8, 1, 21), MEDIA_OGG_OPUS_END);
    static const uint8_t sound[20] = { 0xFC };
    file.length = 0;
    begin_with(7, head, sizeof head);
    put(sound, sizeof sound, true, true);
    end();
    assert_int_equal(read_all(file.bytes, file.length).result, MEDIA_OGG_OPUS_BROKEN);
}

/* RFC 6716 section 3: what our reader says of a packet is what libopus says. */
static void test_durations(void **state) {
    (void)state;
    for (unsigned toc = 0; toc < 256; toc++) {
        for (unsigned count = 0; count < 256; count++) {
            uint8_t packet[2] = { (uint8_t)toc, (uint8_t)count };
            assert_int_equal(media_opus_packet_duration(packet, 2), media_opus_packet_samples(packet, 2));
        }
        uint8_t alone = (uint8_t)toc;
        assert_int_equal(media_opus_packet_duration(&alone, 1), media_opus_packet_samples(&alone, 1));
    }
    assert_int_equal(media_opus_packet_duration(NULL, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets_over_pages), cmocka_unit_test(test_packet_limit), cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_changed_byte), cmocka_unit_test(test_other_streams), cmocka_unit_test(test_headers),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
