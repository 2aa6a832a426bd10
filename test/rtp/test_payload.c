/* rtp/payload.c, payload_vp8.c and the packetizer in sender.c, read back by a reassembler written here from the RFCs alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/packet.h"
#include "rtp/payload.h"
#include "rtp/session.h"

#define FRAME_MAX_BYTES 60000
#define MID_EXTENSION 4

/* ---- a reassembler of its own ---------------------------------------------------------------------------------------- */

struct reassembler {
    bool inside;          /* between an S and a marker */
    bool has_packet, has_frame;
    unsigned sequence, picture;
    uint32_t timestamp;
    size_t length, packets, shortest, longest;
    uint8_t frame[FRAME_MAX_BYTES];
};

static size_t skip_header(const uint8_t *at, size_t length) {
    assert_true(length > 12 && at[0] == 0x90); /* version 2, extension, no padding, no CSRC */
    size_t words = (size_t)at[14] << 8 | at[15];
    assert_true(at[12] == 0xBE && at[13] == 0xDE && at[16] == (MID_EXTENSION << 4 | 1) && at[17] == 'v' && at[18] == '0');
    return 16 + 4 * words;
}

static void check_sequence(struct reassembler *r, const uint8_t *at) {
    unsigned sequence = (unsigned)at[2] << 8 | at[3];
    if (r->has_packet) {
        assert_int_equal(sequence, (r->sequence + 1) & 0xFFFF);
    }
    r->has_packet = true;
    r->sequence = sequence;
}

/* RFC 7741 section 4.2, the form we send: X, S on the first, PID 0; I with a 15-bit PictureID. True when a frame is whole. */
static bool feed(struct reassembler *r, const uint8_t *at, size_t length, uint8_t payload_type, size_t payload_max) {
    size_t header = skip_header(at, length);
    size_t payload = length - header;
    uint32_t timestamp = (uint32_t)at[4] << 24 | (uint32_t)at[5] << 16 | (uint32_t)at[6] << 8 | at[7];
    const uint8_t *vp8 = at + header;
    bool marker = (at[1] & 0x80) != 0;
    check_sequence(r, at);
    assert_int_equal(at[1] & 0x7F, payload_type);
    assert_true(payload > 4 && payload <= payload_max);
    assert_int_equal(vp8[0], r->inside ? 0x80 : 0x90);
    assert_int_equal(vp8[1], 0x80);
    assert_true((vp8[2] & 0x80) != 0);
    unsigned picture = (unsigned)(vp8[2] & 0x7F) << 8 | vp8[3];
    if (r->inside) {
        assert_int_equal(timestamp, r->timestamp);
        assert_int_equal(picture, r->picture);
    } else {
        assert_true(!r->has_frame || picture == ((r->picture + 1) & 0x7FFF));
        r->length = r->packets = r->longest = 0;
        r->shortest = SIZE_MAX;
    }
    assert_true(r->length + payload - 4 <= sizeof r->frame);
    memcpy(r->frame + r->length, vp8 + 4, payload - 4);
    r->length += payload - 4;
    r->packets++;
    r->shortest = payload < r->shortest ? payload : r->shortest;
    r->longest = payload > r->longest ? payload : r->longest;
    r->timestamp = timestamp;
    r->picture = picture;
    r->has_frame = true;
    r->inside = !marker;
    return marker;
}

/* ---- the packetizer -------------------------------------------------------------------------------------------------- */

/* All ones: sequence number, timestamp and picture id wrap with the second packet or frame. */
static void all_ones(void *context, uint8_t *out, size_t length) {
    (void)context;
    memset(out, 0xFF, length);
}

static struct rtp_session *open_session(const struct rtp_sender_config *config, struct rtp_sender **sender) {
    struct rtp_session_config session_config = {.random = all_ones, .mid_extension_id = MID_EXTENSION, .abs_send_time_extension_id = 3};
    struct rtp_session *session = rtp_session_new(&session_config, 0);
    assert_non_null(session);
    assert_int_equal(rtp_session_add_sender(session, 0, config, sender), RTP_OK);
    return session;
}

static bool next_media(struct rtp_session *session, uint64_t now_us, uint8_t *bytes, size_t *length) {
    enum rtp_packet_kind kind;
    while (rtp_session_poll_packet(session, now_us, bytes, RTP_PACKET_MAX_BYTES, length, &kind)) {
        if (kind == RTP_PACKET_MEDIA) {
            return true;
        }
    }
    return false;
}

static void send_and_reassemble(struct rtp_session *session, struct rtp_sender *sender, struct reassembler *r, size_t size, size_t payload_max,
                                uint64_t *now_us, uint32_t timestamp) {
    static uint8_t frame[FRAME_MAX_BYTES];
    for (size_t i = 0; i < size; i++) {
        frame[i] = (uint8_t)(i * 31 + i / 251 + timestamp);
    }
    struct rtp_frame input = {.bytes = frame, .length = size, .timestamp = timestamp};
    assert_int_equal(rtp_session_send_frame(session, *now_us, sender, &input), RTP_OK);
    *now_us += 1000000;
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
    size_t length;
    bool whole = false;
    while (next_media(session, *now_us, bytes, &length)) {
        assert_false(whole);
        whole = feed(r, bytes, length, 96, payload_max);
    }
    assert_true(whole);
    assert_int_equal(r->length, size);
    assert_memory_equal(r->frame, frame, size);
    assert_int_equal(r->timestamp, timestamp + 0xFFFFFFFFu);
    assert_int_equal(r->packets, (size + payload_max - 5) / (payload_max - 4));
    assert_true(r->longest - r->shortest <= 1);
}

/* RFC 7741 sections 4.1, 4.2 and 4.4; RFC 3550 section 5.1: frames of every size about each multiple of a packet's room. */
static void vp8_frames_come_back(void **state) {
    (void)state;
    static const size_t limits[] = {RTP_PAYLOAD_MIN_BYTES, RTP_PAYLOAD_DEFAULT_BYTES, RTP_PAYLOAD_MAX_BYTES};
    for (size_t i = 0; i < 3; i++) {
        struct rtp_sender_config config = {.codec = RTP_CODEC_VP8, .payload_type = 96, .mid = "v0", .payload_max_bytes = limits[i]};
        struct rtp_sender *sender;
        struct rtp_session *session = open_session(&config, &sender);
        struct reassembler *r = calloc(1, sizeof *r);
        uint64_t now_us = 0;
        uint32_t timestamp = 0;
        for (size_t packets = 1; packets <= 40; packets++) {
            for (size_t around = packets * (limits[i] - 4) - 1; around <= packets * (limits[i] - 4) + 1; around++) {
                send_and_reassemble(session, sender, r, around, limits[i], &now_us, timestamp += 3000);
            }
        }
        send_and_reassemble(session, sender, r, 1, limits[i], &now_us, timestamp += 3000);
        free(r);
        rtp_session_free(session);
    }
}

/* session.h: the queue takes history_packets packets, not one more; a refused frame leaves no trace. */
static void queue_limit(void **state) {
    (void)state;
    for (size_t packets = RTP_HISTORY_MIN_PACKETS - 1; packets <= RTP_HISTORY_MIN_PACKETS + 1; packets++) {
        struct rtp_sender_config config = {.codec = RTP_CODEC_VP8, .payload_type = 96, .payload_max_bytes = 64, .history_packets = RTP_HISTORY_MIN_PACKETS};
        struct rtp_sender *sender;
        struct rtp_session *session = open_session(&config, &sender);
        static const uint8_t frame[60 * (RTP_HISTORY_MIN_PACKETS + 1)];
        struct rtp_frame input = {.bytes = frame, .length = 60 * packets};
        bool takes = packets <= RTP_HISTORY_MIN_PACKETS;
        assert_int_equal(rtp_session_send_frame(session, 0, sender, &input), takes ? RTP_OK : RTP_ERROR_CAPACITY);
        uint8_t bytes[RTP_PACKET_MAX_BYTES];
        size_t length, sent = 0;
        while (next_media(session, 1000000, bytes, &length)) {
            sent++;
        }
        assert_int_equal(sent, takes ? packets : 0);
        struct rtp_sender_statistics statistics;
        rtp_sender_statistics(sender, &statistics);
        assert_int_equal(statistics.frames_refused, takes ? 0 : 1);
        rtp_session_free(session);
    }
}

/* RFC 7587 section 4.2: one packet is one payload, unchanged; RFC 3551 section 4.1: the marker is the caller's. */
static void opus_packets(void **state) {
    (void)state;
    struct rtp_sender_config config = {.codec = RTP_CODEC_OPUS, .payload_type = 111, .mid = "v0"};
    struct rtp_sender *sender;
    struct rtp_session *session = open_session(&config, &sender);
    static uint8_t frame[RTP_PAYLOAD_DEFAULT_BYTES + 1];
    memset(frame, 0x78, sizeof frame);
    static const size_t sizes[] = {0, 1, 2, RTP_PAYLOAD_DEFAULT_BYTES - 1, RTP_PAYLOAD_DEFAULT_BYTES, RTP_PAYLOAD_DEFAULT_BYTES + 1};
    for (size_t i = 0; i < 6; i++) {
        struct rtp_frame input = {.bytes = frame, .length = sizes[i], .marker = i == 1};
        bool takes = sizes[i] >= 1 && sizes[i] <= RTP_PAYLOAD_DEFAULT_BYTES;
        assert_int_equal(rtp_session_send_frame(session, 0, sender, &input), takes ? RTP_OK : RTP_ERROR_ARGUMENT);
        uint8_t bytes[RTP_PACKET_MAX_BYTES];
        size_t length;
        assert_int_equal(next_media(session, 0, bytes, &length), takes);
        if (takes) {
            size_t header = skip_header(bytes, length);
            assert_int_equal(length - header, sizes[i]);
            assert_memory_equal(bytes + header, frame, sizes[i]);
            assert_int_equal(bytes[1], i == 1 ? 0x80 | 111 : 111);
        }
        assert_false(next_media(session, 0, bytes, &length));
    }
    rtp_session_free(session);
}

/* RFC 9143 section 9.2: the MID is on every packet (feed() looks). abs-send-time: 6.18 bits; 1970 began at a multiple of 64 s of NTP. */
static void send_time(void **state) {
    (void)state;
    static const struct {
        uint64_t now_us;
        uint8_t expected[3];
    } rows[] = {{0, {0, 0, 0}}, {1500000, {0x06, 0, 0}}, {63000000, {0xFC, 0, 0}}, {64250000, {0x01, 0, 0}}, {64250004, {0x01, 0, 1}}};
    struct rtp_sender_config config = {.codec = RTP_CODEC_OPUS, .payload_type = 111, .mid = "v0"};
    struct rtp_sender *sender;
    struct rtp_session *session = open_session(&config, &sender);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[RTP_PACKET_MAX_BYTES];
        size_t length;
        struct rtp_frame input = {.bytes = (const uint8_t *)"x", .length = 1};
        assert_int_equal(rtp_session_send_frame(session, rows[i].now_us, sender, &input), RTP_OK);
        assert_true(next_media(session, rows[i].now_us, bytes, &length));
        assert_int_equal(skip_header(bytes, length), 12 + 4 + 8);
        assert_int_equal(bytes[19], 3 << 4 | 2);
        assert_memory_equal(bytes + 20, rows[i].expected, 3);
    }
    rtp_session_free(session);
}

/* ---- parsing --------------------------------------------------------------------------------------------------------- */

/* RFC 7741 section 4.2: X, I, L, T, K and M each add their bytes and nothing else does; behind them at least one byte of VP8. */
static void check_descriptor(uint8_t *bytes, size_t length, unsigned first, unsigned optional, unsigned picture) {
    const uint8_t content[8] = {(uint8_t)first, (uint8_t)optional, (uint8_t)picture, 0x21, 0x40, 0x60, 0x02, 0x03};
    memcpy(bytes, content, length);
    bool x = (first & 0x80) != 0, i = x && (optional & 0x80) != 0, m = i && (picture & 0x80) != 0;
    size_t descriptor = (size_t)1 + x + i + m + (x && (optional & 0x40) != 0) + (x && (optional & 0x30) != 0);
    struct rtp_payload payload, untouched;
    memset(&payload, 0xEE, sizeof payload);
    memcpy(&untouched, &payload, sizeof payload);
    int error = rtp_payload_format(RTP_CODEC_VP8)->parse(bytes, length, &payload);
    if (length <= descriptor) {
        assert_int_equal(error, RTP_ERROR_MALFORMED);
        assert_memory_equal(&payload, &untouched, sizeof payload);
        return;
    }
    assert_int_equal(error, RTP_OK);
    assert_ptr_equal(payload.bytes, bytes + descriptor);
    assert_int_equal(payload.length, length - descriptor);
    bool start = (first & 0x10) != 0 && (first & 0x07) == 0;
    assert_int_equal(payload.frame_start, start);
    assert_int_equal(payload.key_frame, start && (content[descriptor] & 1) == 0);
    assert_int_equal(payload.has_picture_id, i);
    if (i) {
        assert_int_equal(payload.picture_id_mask, m ? 0x7FFF : 0x7F);
        assert_int_equal(payload.picture_id, m ? (picture & 0x7F) << 8 | 0x21 : picture);
    }
}

static void vp8_descriptors(void **state) {
    (void)state;
    static const unsigned pictures[] = {0x00, 0x01, 0x7F, 0x80, 0xAB, 0xFF};
    for (size_t length = 0; length <= 8; length++) {
        uint8_t *bytes = malloc(length);
        for (unsigned first = 0; first < 256; first++) {
            for (unsigned optional = 0; optional < 256; optional++) {
                for (size_t p = 0; p < sizeof pictures / sizeof pictures[0]; p++) {
                    check_descriptor(bytes, length, first, optional, pictures[p]);
                }
            }
        }
        free(bytes);
    }
}

/* RFC 7741 section 4.2: what we write says what we meant, at the ends of the 15 bits. */
static void written_descriptors(void **state) {
    (void)state;
    const struct rtp_payload_format *vp8 = rtp_payload_format(RTP_CODEC_VP8);
    struct rtp_payload_state picture = {.picture_id = 0x7FFE};
    static const uint16_t expected[] = {0x7FFE, 0x7FFF, 0, 1};
    for (size_t i = 0; i < 4; i++) {
        static const uint8_t frame[61] = {0x10};
        uint8_t bytes[RTP_PAYLOAD_MIN_BYTES];
        struct rtp_packetizer packetizer;
        struct rtp_payload payload;
        assert_int_equal(rtp_packetizer_start(&packetizer, vp8, &picture, frame, sizeof frame, sizeof bytes), RTP_OK);
        assert_int_equal(rtp_packetizer_count(&packetizer), 2);
        for (int packet = 0; packet < 2; packet++) {
            bool last;
            size_t length = rtp_packetizer_next(&packetizer, bytes, &last);
            assert_int_equal(length, packet == 0 ? 4 + 31 : 4 + 30);
            assert_int_equal(last, packet == 1);
            assert_int_equal(vp8->parse(bytes, length, &payload), RTP_OK);
            assert_int_equal(payload.length, length - 4);
            assert_int_equal(payload.frame_start, packet == 0 ? RTP_FRAME_START_YES : RTP_FRAME_START_NO);
            assert_int_equal(payload.key_frame, packet == 0);
            assert_int_equal(payload.picture_id, expected[i]);
        }
        rtp_payload_next_frame(&picture);
    }
}

/* RFC 7587 section 4.1 and RFC 7741 section 4.1: clock rates. RFC 6716 section 3.1: at least a TOC byte. */
static void table_and_opus(void **state) {
    (void)state;
    assert_int_equal(rtp_payload_format(RTP_CODEC_OPUS)->clock_rate_hz, 48000);
    assert_int_equal(rtp_payload_format(RTP_CODEC_VP8)->clock_rate_hz, 90000);
    assert_null(rtp_payload_format((enum rtp_codec)RTP_CODEC_COUNT));
    for (int codec = 0; codec < RTP_CODEC_COUNT; codec++) {
        assert_int_equal(rtp_payload_format((enum rtp_codec)codec)->codec, codec);
    }
    struct rtp_payload payload;
    uint8_t *bytes = malloc(1275);
    memset(bytes, 0xFC, 1275);
    assert_int_equal(rtp_payload_format(RTP_CODEC_OPUS)->parse(bytes, 0, &payload), RTP_ERROR_MALFORMED);
    for (size_t length = 1; length <= 1275; length++) {
        assert_int_equal(rtp_payload_format(RTP_CODEC_OPUS)->parse(bytes, length, &payload), RTP_OK);
        assert_true(payload.bytes == bytes && payload.length == length && payload.frame_start && payload.key_frame && !payload.has_picture_id);
    }
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vp8_frames_come_back), cmocka_unit_test(queue_limit), cmocka_unit_test(opus_packets), cmocka_unit_test(send_time),
        cmocka_unit_test(vp8_descriptors), cmocka_unit_test(written_descriptors), cmocka_unit_test(table_and_opus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
