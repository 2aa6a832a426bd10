/* rtp/statistics.h: each counter against what really happened, in the words of W3C webrtc-stats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/rtp/crafted.h"

static const struct rtp_payload_mapping types[] = {{96, RTP_CODEC_VP8, 0}}, audio_types[] = {{111, RTP_CODEC_OPUS, 0}, {0, RTP_CODEC_PCMU, 0}};

static struct rtp_sender *add_sender(struct rtp_session *session, enum rtp_codec codec, uint8_t payload_type) {
    struct rtp_sender_config config = {.codec = codec, .payload_type = payload_type, .mid = "m"};
    struct rtp_sender *sender;
    assert_int_equal(rtp_session_add_sender(session, 0, &config, &sender), RTP_OK);
    return sender;
}

/* bytesSent is payload, headerBytesSent the rest; totalPacketSendDelay is what the pacer held back. */
static void outbound(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender *sender = add_sender(session, RTP_CODEC_VP8, 96);
    struct rtp_sender_statistics statistics;
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
    uint64_t payload_bytes = 0, header_bytes = 0, packets = 0, delay_us = 0;
    size_t length;
    enum rtp_packet_kind kind;
    assert_int_equal(crafted_send(session, 1000, sender, 5000), RTP_OK);
    for (uint64_t now_us = 1000; now_us < 20000; now_us += 100) {
        while (rtp_session_poll_packet(session, now_us, bytes, sizeof bytes, &length, &kind)) {
            struct rtp_packet packet;
            assert_int_equal(rtp_packet_parse(bytes, length, &packet), RTP_OK);
            packets++;
            payload_bytes += packet.payload_bytes;
            header_bytes += length - packet.payload_bytes;
            delay_us += now_us - 1000;
        }
    }
    rtp_sender_statistics(sender, &statistics);
    assert_int_equal(statistics.packets_sent, packets);
    assert_int_equal(statistics.bytes_sent, payload_bytes);
    assert_int_equal(statistics.header_bytes_sent, header_bytes);
    assert_int_equal(statistics.total_packet_send_delay_us, delay_us);
    assert_true(packets == 5 && delay_us > 0);
    assert_int_equal(statistics.frames_sent, 1);
    assert_false(statistics.has_remote_report);
    rtp_session_free(session);
}

/* hugeFramesSent: at least 2.5 times the average of the frames before. */
static void huge_frames(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender *sender = add_sender(session, RTP_CODEC_VP8, 96), *audio = add_sender(session, RTP_CODEC_OPUS, 111);
    struct rtp_sender_statistics statistics;
    struct drained out;
    static const size_t lengths[] = {1000, 1000, 2499, 1000, 3437, 3436};
    static const uint64_t huge[] = {0, 0, 0, 0, 1, 1};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(crafted_send(session, 20000 * i, sender, lengths[i]), RTP_OK);
        rtp_sender_statistics(sender, &statistics);
        assert_int_equal(statistics.huge_frames_sent, huge[i]);
        assert_int_equal(crafted_send(session, 20000 * i, audio, i == 5 ? 1000 : 10), RTP_OK);
        crafted_drain(session, 20000 * i + 15000, &out);
    }
    rtp_sender_statistics(audio, &statistics);
    assert_int_equal(statistics.huge_frames_sent, 0); /* only video has frames in this sense */
    rtp_session_free(session);
}

/* Report blocks about a sender become its RTCRemoteInboundRtpStreamStats: also when the sequence numbers wrap. */
static void remote_inbound(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender *sender = add_sender(session, RTP_CODEC_OPUS, 111);
    struct rtp_sender_statistics statistics;
    struct drained out;
    uint16_t first = 0, last = 0;
    for (uint32_t i = 0; i < 70000; i++) {
        assert_int_equal(crafted_send(session, 20000 * (uint64_t)i, sender, 10), RTP_OK);
        crafted_drain(session, 20000 * (uint64_t)i, &out);
        first = i == 0 ? out.first.sequence_number : first;
        last = out.last.sequence_number;
    }
    uint64_t now_us = 70000u * 20000ull;
    struct rtcp_report_block block = {.ssrc = rtp_sender_ssrc(sender), .fraction_lost = 64, .cumulative_lost = 10,
                                      .highest_sequence = (uint16_t)(last - 3), .jitter = 480};
    for (int measured = 0; measured < 3; measured++) {
        uint8_t bytes[64];
        struct rtcp_buffer buffer = {bytes, sizeof bytes, 0};
        if (measured > 0) {
            /* Sent 150 ms ago, of which the peer kept it for 50. */
            uint64_t ntp = ((now_us - 150000 + 1700000000000000) / 1000000 + 2208988800u) << 32 | ((now_us - 150000 + 1700000000000000) % 1000000 << 32) / 1000000;
            block.last_sender_report = (uint32_t)(ntp >> 16);
            block.delay_since_last = 50000 * 65536ull / 1000000;
        }
        assert_int_equal(rtcp_write_receiver_report(&buffer, 77, &block, 1), RTP_OK);
        assert_int_equal(rtp_session_handle_rtcp(session, now_us, bytes, buffer.length), RTP_OK);
        rtp_sender_statistics(sender, &statistics);
        assert_int_equal(statistics.round_trip_time_measurements, measured);
        assert_in_range(statistics.total_round_trip_time_us, 99900u * (unsigned)measured, 100100u * (unsigned)measured);
    }
    assert_true(statistics.has_remote_report);
    assert_int_equal(statistics.remote_report_us, now_us);
    assert_int_equal(statistics.remote_packets_lost, 10);
    assert_int_equal(statistics.remote_packets_received, 70000 - 3 - 10);
    assert_true(statistics.remote_fraction_lost == 0.25);
    assert_int_equal(statistics.remote_jitter_us, 10000);
    /* A report about packets that were never sent is of no use. */
    uint8_t bytes[64];
    struct rtcp_buffer buffer = {bytes, sizeof bytes, 0};
    struct rtp_sender *fresh = add_sender(session, RTP_CODEC_OPUS, 111);
    block.ssrc = rtp_sender_ssrc(fresh);
    block.highest_sequence = first;
    assert_int_equal(rtcp_write_receiver_report(&buffer, 77, &block, 1), RTP_OK);
    assert_int_equal(rtp_session_handle_rtcp(session, now_us, bytes, buffer.length), RTP_OK);
    rtp_sender_statistics(fresh, &statistics);
    assert_int_equal(statistics.remote_packets_received, 0);
    rtp_session_free(session);
}

/* Sender reports become RTCRemoteOutboundRtpStreamStats. */
static void remote_outbound(void **state) {
    (void)state;
    struct rtp_session *near = crafted_session(), *far = crafted_session();
    struct rtp_sender *sender = add_sender(near, RTP_CODEC_VP8, 96);
    struct rtp_receiver_config config = {.mid = "m", .payload_types = types, .payload_type_count = 1};
    struct rtp_receiver *receiver;
    struct rtp_receiver_statistics in;
    struct rtp_sender_statistics out;
    uint64_t reported_us = 0, reports = 0;
    assert_int_equal(rtp_session_add_receiver(far, 0, &config, &receiver), RTP_OK);
    for (uint64_t now_us = 0; now_us < 5000000; now_us += 10000) {
        uint8_t bytes[RTP_PACKET_MAX_BYTES];
        size_t length;
        enum rtp_packet_kind kind;
        rtp_session_handle_timeout(near, now_us);
        assert_int_equal(crafted_send(near, now_us, sender, 100), RTP_OK);
        while (rtp_session_poll_packet(near, now_us, bytes, sizeof bytes, &length, &kind)) {
            if (kind == RTP_PACKET_CONTROL) {
                reported_us = now_us;
                reports++;
                assert_int_equal(rtp_session_handle_rtcp(far, now_us + 7, bytes, length), RTP_OK);
                rtp_sender_statistics(sender, &out);
                rtp_receiver_statistics(receiver, &in);
                assert_int_equal(in.remote_packets_sent, out.packets_sent);
                assert_int_equal(in.remote_bytes_sent, out.bytes_sent);
            } else {
                assert_int_equal(rtp_session_handle_rtp(far, now_us + 7, bytes, length), RTP_OK);
            }
        }
    }
    rtp_receiver_statistics(receiver, &in);
    assert_true(in.has_remote_report && reports > 3);
    assert_int_equal(in.remote_reports_sent, reports);
    assert_int_equal(in.remote_report_us, reported_us + 7);
    assert_in_range(in.remote_timestamp_unix_us, 1700000000000000 + (int64_t)reported_us - 1, 1700000000000000 + (int64_t)reported_us);
    rtp_sender_statistics(sender, &out);
    assert_int_equal(in.packets_received, out.packets_sent);
    assert_int_equal(in.bytes_received, out.bytes_sent);
    assert_int_equal(in.header_bytes_received, out.header_bytes_sent);
    assert_int_equal(in.payload_type, 96);
    rtp_session_free(near);
    rtp_session_free(far);
}

/* jitterBufferDelay and its friends count audio by the sample: Opus says its length in its first byte, G.711 is its length. */
static void jitter_buffer_of_audio(void **state) {
    (void)state;
    static const struct {
        uint8_t payload_type, bytes[2];
        size_t length;
        uint32_t samples;
    } rows[] = {
        {111, {31 << 3}, 1, 960}, {111, {16 << 3}, 1, 120}, {111, {17 << 3 | 1}, 2, 480}, {111, {18 << 3 | 2}, 2, 960}, {111, {3 << 3}, 1, 2880},
        {111, {0}, 1, 480}, {111, {1 << 3 | 3, 3}, 2, 2880}, {111, {12 << 3}, 1, 480}, {111, {13 << 3}, 1, 960}, {111, {31 << 3 | 3}, 1, 0}, {0, {1, 2}, 2, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rtp_session *session = crafted_session();
        struct rtp_receiver_config config = {.payload_types = audio_types, .payload_type_count = 2};
        struct rtp_receiver *receiver;
        struct rtp_receiver_statistics statistics;
        struct rtp_event event;
        assert_int_equal(rtp_session_add_receiver(session, 0, &config, &receiver), RTP_OK);
        assert_int_equal(crafted_receive(session, 1000000, &(struct crafted){.ssrc = 7, .payload_type = rows[i].payload_type,
                                                                             .payload = rows[i].bytes, .payload_bytes = rows[i].length}), RTP_OK);
        rtp_receiver_statistics(receiver, &statistics);
        assert_int_equal(statistics.jitter_buffer_emitted_count, 0);
        uint64_t due_us = rtp_session_next_timeout(session) < 1000000 ? 1040000 : rtp_session_next_timeout(session);
        due_us = due_us > 1040000 ? due_us : 1040000;
        assert_true(rtp_session_poll_event(session, due_us, &event));
        assert_int_equal(event.frame.duration, rows[i].samples);
        rtp_receiver_statistics(receiver, &statistics);
        assert_int_equal(statistics.jitter_buffer_emitted_count, rows[i].samples);
        assert_int_equal(statistics.jitter_buffer_delay_us, (due_us - 1000000) * rows[i].samples);
        assert_int_equal(statistics.jitter_buffer_target_delay_us, 40000u * rows[i].samples);
        assert_true(statistics.jitter_buffer_minimum_delay_us <= statistics.jitter_buffer_target_delay_us);
        rtp_session_free(session);
    }
}

/* totalAssemblyTime: from the first packet of a frame to its last, in whatever order they came; of frames of several packets only. */
static void assembly(void **state) {
    (void)state;
    static const uint8_t start[] = {0x10, 0x00}, more[] = {0x00, 0x00};
    struct rtp_session *session = crafted_session();
    struct rtp_receiver_config config = {.payload_types = types, .payload_type_count = 1};
    struct rtp_receiver *receiver;
    struct rtp_receiver_statistics statistics;
    assert_int_equal(rtp_session_add_receiver(session, 0, &config, &receiver), RTP_OK);
    assert_int_equal(crafted_receive(session, 1000, &(struct crafted){.ssrc = 7, .payload_type = 96, .sequence_number = 1, .marker = true,
                                                                      .payload = start, .payload_bytes = 2}), RTP_OK);
    assert_int_equal(crafted_events(session, 1000, RTP_EVENT_FRAME), 1);
    assert_int_equal(crafted_receive(session, 2000, &(struct crafted){.ssrc = 7, .payload_type = 96, .sequence_number = 4, .timestamp = 9,
                                                                      .marker = true, .payload = more, .payload_bytes = 2}), RTP_OK);
    assert_int_equal(crafted_receive(session, 3000, &(struct crafted){.ssrc = 7, .payload_type = 96, .sequence_number = 2, .timestamp = 9,
                                                                      .payload = start, .payload_bytes = 2}), RTP_OK);
    assert_int_equal(crafted_receive(session, 9000, &(struct crafted){.ssrc = 7, .payload_type = 96, .sequence_number = 3, .timestamp = 9,
                                                                      .payload = more, .payload_bytes = 2}), RTP_OK);
    assert_int_equal(crafted_events(session, 9000, RTP_EVENT_FRAME), 1);
    rtp_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.frames_received, 2);
    assert_int_equal(statistics.frames_assembled_from_multiple_packets, 1);
    assert_int_equal(statistics.total_assembly_time_us, 7000);
    assert_int_equal(statistics.jitter_buffer_emitted_count, 2);
    assert_int_equal(statistics.jitter_buffer_delay_us, 7000); /* from the first that came, which is the last of the frame */
    rtp_session_free(session);
}

/* RFC 7160 section 4.3: a source whose clock rate changes on one SSRC goes on; its jitter is told in seconds as before. */
static void clock_rate_on_one_ssrc(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_receiver_config config = {.payload_types = audio_types, .payload_type_count = 2};
    struct rtp_receiver *receiver;
    struct rtp_receiver_statistics before, after;
    uint16_t sequence_number = 0;
    size_t frames = 0;
    assert_int_equal(rtp_session_add_receiver(session, 0, &config, &receiver), RTP_OK);
    for (uint64_t i = 0; i < 200; i++) {
        bool narrow = i >= 100;
        uint32_t timestamp = narrow ? 500000 + (uint32_t)(i - 100) * 160 : (uint32_t)i * 960;
        uint64_t now_us = i * 20000 + (i % 2) * 4000;
        static const uint8_t opus[160] = {31 << 3};
        assert_int_equal(crafted_receive(session, now_us, &(struct crafted){.ssrc = 7, .payload_type = narrow ? 0 : 111,
                                                                            .sequence_number = sequence_number++, .timestamp = timestamp,
                                                                            .payload = opus, .payload_bytes = 160}), RTP_OK);
        frames += crafted_events(session, now_us, RTP_EVENT_FRAME);
        rtp_receiver_statistics(receiver, i < 100 ? &before : &after);
        if (i == 100) {
            assert_in_range(after.jitter_us, before.jitter_us - 200, before.jitter_us + 200);
        }
    }
    frames += crafted_events(session, 5000000, RTP_EVENT_FRAME);
    assert_int_equal(frames, 200);
    assert_int_equal(after.packets_lost, 0);
    assert_in_range(after.jitter_us, 2000, 5000);
    assert_int_equal(after.payload_type, 0);
    rtp_session_free(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outbound), cmocka_unit_test(huge_frames), cmocka_unit_test(remote_inbound), cmocka_unit_test(remote_outbound),
        cmocka_unit_test(jitter_buffer_of_audio), cmocka_unit_test(assembly), cmocka_unit_test(clock_rate_on_one_ssrc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
