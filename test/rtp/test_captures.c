/*
 * Captures of other stacks' video, through a session to frames, and the frames to a decoder that shares no code with us: it must show as
 * many pictures as there were frames, and complain of nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture.h"
#include "decoder.h"
#include "rtp/packet.h"
#include "rtp/session.h"

struct row {
    const char *name;
    enum rtp_codec codec;
    uint8_t payload_type;
    const char *fourcc;    /* NULL: Annex B */
    size_t datagram_limit; /* 0: none; else longer ones were cut to this length when they were captured, and count as lost */
};

struct result {
    unsigned packets, markers, frames, key_frames;
    bool wants_key_frame;
    struct rtp_receiver_statistics statistics;
};

static void fixed_random(void *context, uint8_t *out, size_t length) {
    (void)context;
    memset(out, 1, length);
}

static struct capture open_capture(const char *name) {
    struct capture capture = capture_open(name);
    if (capture.bytes == NULL) {
        printf("SKIP: %s: corpora not present (set STRATA_CORPORA)\n", name);
        skip();
    }
    return capture;
}

static void take_frames(struct rtp_session *session, uint64_t now_us, struct decoder_file *file, struct result *result) {
    struct rtp_event event;
    rtp_session_handle_timeout(session, now_us);
    while (rtp_session_poll_event(session, now_us, &event)) {
        if (event.type == RTP_EVENT_FRAME) {
            result->frames++;
            result->key_frames += event.frame.key_frame;
            decoder_put(file, event.frame.timestamp, event.frame.bytes, event.frame.length);
        }
    }
}

static struct result run(const struct row *row, struct decoder_file *file) {
    struct result result = {0};
    struct capture capture = open_capture(row->name);
    struct rtp_session_config config = {.random = fixed_random};
    uint64_t now_us = 1000000;
    struct rtp_session *session = rtp_session_new(&config, now_us);
    struct rtp_payload_mapping mapping = {row->payload_type, row->codec, 0};
    struct rtp_receiver_config video = {.payload_types = &mapping, .payload_type_count = 1, .send_pli = true};
    struct rtp_receiver *receiver;
    assert_int_equal(rtp_session_add_receiver(session, now_us, &video, &receiver), RTP_OK);
    const uint8_t *datagram;
    size_t length;
    while (capture_next(&capture, &datagram, &length)) {
        if (row->datagram_limit != 0 && length >= row->datagram_limit) {
            continue;
        }
        result.packets++;
        result.markers += datagram[1] >> 7;
        (void)rtp_session_handle_rtp(session, now_us, datagram, length);
        take_frames(session, now_us, file, &result);
        now_us += 10000;
    }
    take_frames(session, now_us + 1000000, file, &result);
    rtp_receiver_statistics(receiver, &result.statistics);
    rtp_session_free(session);
    capture_close(&capture);
    printf("%s: %u packets, %u markers, %u frames (%u key), %llu dropped\n", row->name, result.packets, result.markers, result.frames,
           result.key_frames, (unsigned long long)result.statistics.frames_dropped);
    return result;
}

/* Nothing is lost in it: a frame for every marker, and a picture for every frame. */
static void whole(const struct row *row, unsigned frames, unsigned key_frames) {
    struct capture probe = open_capture(row->name);
    capture_close(&probe);
    struct decoder_file file = decoder_open(row->fourcc);
    struct result result = run(row, &file);
    struct decoder_result decoded;
    decoder_judge(&file, &decoded);
    assert_int_equal(result.markers, frames);
    assert_int_equal(result.frames, frames);
    assert_int_equal(result.key_frames, key_frames);
    assert_int_equal(result.statistics.frames_dropped, 0);
    assert_int_equal(decoded.pictures, frames);
    assert_int_equal(decoded.complaints, 0);
}

static void vp8(void **state) {
    (void)state;
    whole(&(struct row){"str0m_vp8.pcap", RTP_CODEC_VP8, 96, "VP80", 0}, 101, 3);
}

static void av1(void **state) {
    (void)state;
    whole(&(struct row){"str0m_av1.pcap", RTP_CODEC_AV1, 45, "AV01", 0}, 44, 1);
}

/*
 * Three packets are missing, and all that were longer than 1,043 bytes were cut to that: a STAP-A is shorter than it says, slices end in their
 * middle. Without the cut ones, what is handed up, from key frame to loss, decodes without a fault. With them it may complain, but
 * every frame is a picture.
 */
static void h264(void **state) {
    (void)state;
    for (int with_cut = 0; with_cut <= 1; with_cut++) {
        struct row row = {"str0m_h264.pcap", RTP_CODEC_H264, 126, NULL, with_cut ? 0 : 1043};
        struct capture probe = open_capture(row.name);
        capture_close(&probe);
        struct decoder_file file = decoder_open(NULL);
        struct result result = run(&row, &file);
        struct decoder_result decoded;
        decoder_judge(&file, &decoded);
        assert_int_equal(result.frames, with_cut ? 145 : 24);
        assert_int_equal(result.key_frames, 7);
        assert_int_equal(result.statistics.packets_malformed, with_cut ? 1 : 0);
        assert_int_equal(decoded.pictures, result.frames);
        assert_true(with_cut || decoded.complaints == 0);
    }
}

/* A capture from the middle of a call, without a key frame: a session hands up nothing. Its packets make 15 pictures nevertheless. */
static void vp9(void **state) {
    (void)state;
    struct row row = {"str0m_contiguous_vp9.pcap", RTP_CODEC_VP9, 98, "VP90", 0};
    struct capture capture = open_capture(row.name);
    struct result result = run(&row, NULL);
    assert_true(result.frames == 0 && result.markers == 15 && result.statistics.frames_dropped == 15);
    const struct rtp_payload_format *format = rtp_payload_format(RTP_CODEC_VP9);
    static uint8_t bytes[1 << 16];
    struct rtp_assembly assembly = {.bytes = bytes, .capacity = sizeof bytes};
    unsigned pictures = 0;
    const uint8_t *datagram;
    size_t length, payload_bytes = 0, picture_bytes = 0;
    while (capture_next(&capture, &datagram, &length)) {
        struct rtp_packet packet;
        struct rtp_payload payload;
        assert_int_equal(rtp_packet_parse(datagram, length, &packet), RTP_OK);
        assert_int_equal(format->parse(packet.payload, packet.payload_bytes, &payload), RTP_OK);
        assert_int_equal(payload.frame_start, assembly.length == 0 ? RTP_FRAME_START_YES : RTP_FRAME_START_NO);
        assert_true(!payload.key_frame && payload.has_picture_id && payload.picture_id == 0x7DD6 + pictures && payload.picture_id_mask == 0x7FFF);
        assert_int_equal(format->append(&assembly, payload.bytes, payload.length), RTP_OK);
        payload_bytes += packet.payload_bytes - 3; /* flags and 15 bits of picture id: all that these descriptors have */
        if (packet.marker) {
            assert_int_equal(bytes[0] >> 6, 2); /* frame_marker of the uncompressed header */
            picture_bytes += assembly.length;
            assembly.length = 0;
            pictures++;
        }
    }
    assert_int_equal(pictures, 15);
    assert_int_equal(picture_bytes + assembly.length, payload_bytes);
    capture_close(&capture);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(vp8), cmocka_unit_test(vp9), cmocka_unit_test(h264), cmocka_unit_test(av1)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
