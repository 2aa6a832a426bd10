/* rtp/session_members.c and session_report.c: what an answer in mid-call changes, adds and removes, while packets fly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/rtp/crafted.h"

static const struct rtp_sender_config video = {.codec = RTP_CODEC_VP8, .payload_type = 96, .mid = "v"};
static const struct rtp_sender_config audio = {.codec = RTP_CODEC_OPUS, .payload_type = 111, .mid = "a"};
static const struct rtp_payload_mapping vp8 = {96, RTP_CODEC_VP8, 0}, opus = {111, RTP_CODEC_OPUS, 0};

static struct rtp_sender *add(struct rtp_session *session, const struct rtp_sender_config *config) {
    struct rtp_sender *sender;
    assert_int_equal(rtp_session_add_sender(session, 0, config, &sender), RTP_OK);
    return sender;
}

/* The ids of a later answer are on the next packet; an id that is none changes nothing. */
static void session_update(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender *sender = add(session, &video);
    struct rtp_session_config config = crafted_config();
    struct drained out;
    struct rtp_extension element;
    config.mid_extension_id = 15;
    assert_int_equal(rtp_session_update(session, &config), RTP_ERROR_ARGUMENT);
    config.mid_extension_id = 14;
    config.abs_send_time_extension_id = 15;
    assert_int_equal(rtp_session_update(session, &config), RTP_ERROR_ARGUMENT);
    assert_int_equal(crafted_send(session, 0, sender, 100), RTP_OK);
    crafted_drain(session, 0, &out);
    assert_true(rtp_packet_find_extension(&out.first, CRAFTED_MID_ID, &element));
    config.abs_send_time_extension_id = 0;
    assert_int_equal(rtp_session_update(session, &config), RTP_OK);
    assert_int_equal(crafted_send(session, 1000, sender, 100), RTP_OK);
    crafted_drain(session, 1000, &out);
    assert_int_equal(out.media, 1);
    assert_false(rtp_packet_find_extension(&out.first, CRAFTED_MID_ID, &element));
    assert_false(rtp_packet_find_extension(&out.first, CRAFTED_SEND_TIME_ID, &element));
    assert_true(rtp_packet_find_extension(&out.first, 14, &element));
    rtp_session_free(session);
}

/* RFC 5506 section 3.4: feedback travels alone only while both sides agree to it. RFC 4585 section 3.1: else in a minimal compound packet. */
static void reduced_size_update(void **state) {
    (void)state;
    for (int reduced = 0; reduced < 2; reduced++) {
        struct rtp_session *session = crafted_session();
        struct rtp_session_config config = crafted_config();
        struct rtp_receiver_config receiver_config = {.payload_types = &vp8, .payload_type_count = 1, .send_pli = true};
        struct rtp_receiver *receiver;
        uint8_t bytes[RTP_PACKET_MAX_BYTES];
        size_t length;
        enum rtp_packet_kind kind;
        config.reduced_size_rtcp = reduced;
        assert_int_equal(rtp_session_update(session, &config), RTP_OK);
        assert_int_equal(rtp_session_add_receiver(session, 0, &receiver_config, &receiver), RTP_OK);
        assert_int_equal(crafted_receive(session, 0, &(struct crafted){.ssrc = 7, .payload_type = 96}), RTP_OK);
        rtp_session_request_key_frame(session, 0, receiver);
        assert_true(rtp_session_poll_packet(session, 0, bytes, sizeof bytes, &length, &kind));
        assert_int_equal(bytes[1], reduced ? RTCP_TYPE_PAYLOAD_FEEDBACK : RTCP_TYPE_RECEIVER_REPORT);
        assert_int_equal(bytes[length - 12 + 1], RTCP_TYPE_PAYLOAD_FEEDBACK);
        assert_int_equal(bytes[0] & 31, reduced ? RTCP_PAYLOAD_PLI : 0); /* an empty report */
        assert_false(rtp_session_poll_packet(session, 0, bytes, sizeof bytes, &length, &kind));
        rtp_session_free(session);
    }
}

/* A pause drops what is queued and refuses frames; after it sequence numbers go on, and video asks its encoder for a key frame. */
static void pause_and_resume(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender *sender = add(session, &video);
    struct rtp_sender_config paused = video;
    struct drained out;
    paused.paused = true;
    assert_int_equal(crafted_send(session, 0, sender, 3000), RTP_OK);
    crafted_drain(session, 0, &out);
    assert_int_equal(out.media, 1); /* the others are paced */
    uint32_t ssrc = rtp_sender_ssrc(sender);
    uint16_t sequence_number = out.last.sequence_number;
    assert_int_equal(rtp_session_update_sender(session, 100, sender, &paused), RTP_OK);
    assert_int_equal(crafted_send(session, 20000, sender, 100), RTP_ERROR_STATE);
    crafted_drain(session, 20000, &out);
    assert_int_equal(out.media, 0);
    assert_int_equal(crafted_events(session, 20000, RTP_EVENT_KEY_FRAME_REQUESTED), 0);
    assert_int_equal(rtp_session_update_sender(session, 30000, sender, &video), RTP_OK);
    assert_int_equal(crafted_events(session, 30000, RTP_EVENT_KEY_FRAME_REQUESTED), 1);
    assert_int_equal(crafted_send(session, 40000, sender, 100), RTP_OK);
    crafted_drain(session, 40000, &out);
    assert_int_equal(out.media, 1);
    assert_int_equal(out.first.sequence_number, (uint16_t)(sequence_number + 1));
    assert_int_equal(out.first.ssrc, ssrc);
    /* An update that changes nothing asks for nothing. */
    assert_int_equal(rtp_session_update_sender(session, 50000, sender, &video), RTP_OK);
    assert_int_equal(crafted_events(session, 50000, RTP_EVENT_KEY_FRAME_REQUESTED), 0);
    rtp_session_free(session);
}

/* RFC 3550 section 6.4: who has not sent since the report before the last one is no sender; who resumes is one again. */
static void reports_of_the_paused(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender *sender = add(session, &audio);
    size_t reports = 0, empty = 0;
    struct drained out;
    assert_int_equal(crafted_send(session, 0, sender, 100), RTP_OK);
    crafted_drain(session, 0, &out);
    for (uint64_t now_us = 0; now_us < 10000000; now_us += 10000) {
        rtp_session_handle_timeout(session, now_us);
        crafted_drain(session, now_us, &out);
        reports += out.senders;
        empty += out.control > 0 && out.senders == 0;
    }
    assert_int_equal(reports, 2);
    assert_true(empty > 4);
    assert_int_equal(crafted_send(session, 10000000, sender, 100), RTP_OK);
    for (uint64_t now_us = 10000000; now_us < 12000000; now_us += 10000) {
        rtp_session_handle_timeout(session, now_us);
        crafted_drain(session, now_us, &out);
        reports += out.senders;
    }
    assert_true(reports >= 3);
    rtp_session_free(session);
}

/* Payload type and MID change from the next frame on; what was queued leaves as it was cut. The SSRC stays. */
static void payload_type_and_mid(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender *sender = add(session, &video);
    struct rtp_sender_config changed = video;
    struct drained out;
    uint32_t ssrc = rtp_sender_ssrc(sender);
    changed.payload_type = 100;
    changed.mid = "w";
    assert_int_equal(crafted_send(session, 0, sender, 3000), RTP_OK);
    assert_int_equal(rtp_session_update_sender(session, 0, sender, &changed), RTP_OK);
    assert_int_equal(crafted_send(session, 0, sender, 3000), RTP_OK);
    crafted_drain(session, 20000, &out);
    assert_int_equal(out.media, 6);
    assert_int_equal(out.first.payload_type, 96);
    assert_int_equal(out.last.payload_type, 100);
    assert_int_equal(out.last.ssrc, ssrc);
    assert_int_equal((uint16_t)(out.last.sequence_number - out.first.sequence_number), 5);
    assert_string_equal(out.mid, "w");
    changed.mid = NULL;
    assert_int_equal(rtp_session_update_sender(session, 0, sender, &changed), RTP_OK);
    assert_int_equal(crafted_send(session, 20000, sender, 1), RTP_OK);
    crafted_drain(session, 20000, &out);
    assert_string_equal(out.mid, "");
    rtp_session_free(session);
}

/* RFC 7160 section 4.1: another clock rate takes another SSRC, and the old one says BYE; one that never sent says none. */
static void clock_rate(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender *sender = add(session, &audio);
    struct rtp_sender_config narrow = audio;
    struct rtp_sender_statistics statistics;
    struct drained out;
    narrow.payload_type = 0;
    narrow.clock_rate_hz = 8000;
    assert_int_equal(rtp_session_update_sender(session, 0, sender, &narrow), RTP_OK);
    assert_int_equal(rtp_session_update_sender(session, 0, sender, &audio), RTP_OK);
    assert_int_equal(crafted_events(session, 0, RTP_EVENT_SSRC_CHANGED), 1);
    crafted_drain(session, 0, &out);
    assert_int_equal(out.control, 0);
    uint32_t wide_ssrc = rtp_sender_ssrc(sender);
    assert_int_equal(crafted_send(session, 0, sender, 100), RTP_OK);
    crafted_drain(session, 0, &out);
    uint16_t sequence_number = out.last.sequence_number;
    assert_int_equal(crafted_send(session, 0, sender, 100), RTP_OK);
    assert_int_equal(rtp_session_update_sender(session, 0, sender, &narrow), RTP_OK);
    assert_int_not_equal(rtp_sender_ssrc(sender), wide_ssrc);
    assert_int_equal(crafted_events(session, 0, RTP_EVENT_SSRC_CHANGED), 1);
    rtp_sender_statistics(sender, &statistics);
    assert_int_equal(statistics.ssrc, rtp_sender_ssrc(sender));
    assert_int_equal(statistics.packets_sent, 0);
    assert_int_equal(crafted_send(session, 0, sender, 100), RTP_OK);
    crafted_drain(session, 0, &out);
    assert_int_equal(out.byes, 1);
    assert_int_equal(out.bye_ssrcs[0], wide_ssrc);
    assert_int_equal(out.media, 1); /* what was queued in the old clock is gone */
    assert_int_equal(out.first.ssrc, rtp_sender_ssrc(sender));
    assert_int_equal(out.first.payload_type, 0);
    assert_int_equal(out.first.sequence_number, (uint16_t)(sequence_number + 1));
    rtp_session_free(session);
}

/* What cannot be is refused, and nothing has changed. */
static void refused_updates(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender *sender = add(session, &video);
    struct rtp_receiver_config receiver_config = {.mid = "v", .payload_types = &vp8, .payload_type_count = 1};
    struct rtp_receiver *receiver;
    struct drained out;
    assert_int_equal(rtp_session_add_receiver(session, 0, &receiver_config, &receiver), RTP_OK);
    assert_int_equal(rtp_session_update_sender(session, 0, sender, &audio), RTP_ERROR_ARGUMENT);
    struct rtp_sender_config config = video;
    config.payload_type = 128;
    assert_int_equal(rtp_session_update_sender(session, 0, sender, &config), RTP_ERROR_ARGUMENT);
    config = video;
    config.mid = "0123456789abcdefg";
    assert_int_equal(rtp_session_update_sender(session, 0, sender, &config), RTP_ERROR_ARGUMENT);
    config.mid++;
    config.codec = (enum rtp_codec)RTP_CODEC_COUNT;
    assert_int_equal(rtp_session_update_sender(session, 0, sender, &config), RTP_ERROR_ARGUMENT);
    assert_int_equal(crafted_send(session, 0, sender, 1), RTP_OK);
    crafted_drain(session, 0, &out);
    assert_int_equal(out.first.payload_type, 96);
    assert_string_equal(out.mid, "v");
    receiver_config.payload_types = &opus;
    assert_int_equal(rtp_session_update_receiver(session, 0, receiver, &receiver_config), RTP_ERROR_ARGUMENT);
    receiver_config.payload_types = &vp8;
    receiver_config.payload_type_count = 0;
    assert_int_equal(rtp_session_update_receiver(session, 0, receiver, &receiver_config), RTP_ERROR_ARGUMENT);
    assert_int_equal(crafted_receive(session, 0, &(struct crafted){.mid = "v", .ssrc = 7, .payload_type = 96}), RTP_OK);
    rtp_session_free(session);
}

static void ssrc_limits(void **state) {
    (void)state;
    uint32_t ssrcs[RTP_RECEIVER_SSRCS_MAX + 1];
    for (uint32_t i = 0; i <= RTP_RECEIVER_SSRCS_MAX; i++) {
        ssrcs[i] = 1000 + i;
    }
    for (size_t count = RTP_RECEIVER_SSRCS_MAX - 1; count <= RTP_RECEIVER_SSRCS_MAX + 1; count++) {
        struct rtp_session *session = crafted_session();
        struct rtp_receiver *receiver;
        struct rtp_receiver_config config = {.payload_types = &vp8, .payload_type_count = 1, .ssrcs = ssrcs, .ssrc_count = count};
        int expected = count <= RTP_RECEIVER_SSRCS_MAX ? RTP_OK : RTP_ERROR_ARGUMENT;
        assert_int_equal(rtp_session_add_receiver(session, 0, &config, &receiver), expected);
        config.ssrc_count = 0;
        if (expected != RTP_OK) {
            assert_int_equal(rtp_session_add_receiver(session, 0, &config, &receiver), RTP_OK);
        }
        config.ssrc_count = count;
        assert_int_equal(rtp_session_update_receiver(session, 0, receiver, &config), expected);
        rtp_session_free(session);
    }
}

/* Another list of payload types, and another MID, for packets that come from then on. */
static void receiver_update(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_receiver_config config = {.mid = "v", .payload_types = &vp8, .payload_type_count = 1};
    struct rtp_receiver *receiver;
    assert_int_equal(rtp_session_add_receiver(session, 0, &config, &receiver), RTP_OK);
    assert_int_equal(crafted_receive(session, 0, &(struct crafted){.mid = "v", .ssrc = 7, .payload_type = 96, .marker = true}), RTP_OK);
    const struct rtp_payload_mapping other = {101, RTP_CODEC_VP8, 0};
    config.payload_types = &other;
    config.mid = "w";
    assert_int_equal(rtp_session_update_receiver(session, 0, receiver, &config), RTP_OK);
    assert_int_equal(crafted_events(session, 0, RTP_EVENT_FRAME), 1); /* what came before is still handed up */
    assert_int_equal(crafted_receive(session, 0, &(struct crafted){.mid = "w", .ssrc = 7, .payload_type = 96, .sequence_number = 1}), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_equal(crafted_receive(session, 0, &(struct crafted){.mid = "w", .ssrc = 7, .payload_type = 101, .sequence_number = 1, .timestamp = 1,
                                                                   .marker = true}), RTP_OK);
    assert_int_equal(crafted_events(session, 0, RTP_EVENT_FRAME), 1);
    rtp_session_free(session);
}

/* A paused receiver keeps its packets from others, asks for nothing, reports nothing, and counts no loss for what it did not want. */
static void receiver_pause(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_receiver_config config = {.mid = "v", .payload_types = &vp8, .payload_type_count = 1, .send_pli = true};
    struct rtp_receiver *receiver;
    struct rtp_receiver_statistics statistics;
    struct drained out;
    assert_int_equal(rtp_session_add_receiver(session, 0, &config, &receiver), RTP_OK);
    assert_int_equal(crafted_receive(session, 0, &(struct crafted){.ssrc = 7, .payload_type = 96, .sequence_number = 1, .marker = true}), RTP_OK);
    assert_int_equal(crafted_receive(session, 0, &(struct crafted){.ssrc = 7, .payload_type = 96, .sequence_number = 3, .timestamp = 3, .marker = true}), RTP_OK);
    config.paused = true;
    assert_int_equal(rtp_session_update_receiver(session, 0, receiver, &config), RTP_OK);
    assert_int_equal(crafted_events(session, 100000, RTP_EVENT_FRAME), 0); /* dropped */
    for (uint16_t i = 4; i < 5000; i++) {
        assert_int_equal(crafted_receive(session, 1000, &(struct crafted){.ssrc = 7, .payload_type = 96, .sequence_number = i}), RTP_ERROR_STALE);
    }
    rtp_session_request_key_frame(session, 1000, receiver);
    rtp_session_handle_timeout(session, 2000000);
    crafted_drain(session, 2000000, &out);
    assert_int_equal(out.control, 1);
    assert_int_equal(out.plis, 0);
    assert_int_equal(out.blocks, 0);
    config.paused = false;
    assert_int_equal(rtp_session_update_receiver(session, 2000000, receiver, &config), RTP_OK);
    assert_int_equal(crafted_receive(session, 2000000, &(struct crafted){.ssrc = 7, .payload_type = 96, .sequence_number = 9000, .timestamp = 9,
                                                                         .marker = true}), RTP_OK);
    assert_int_equal(crafted_events(session, 2000000, RTP_EVENT_FRAME), 1);
    rtp_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.packets_lost, 1); /* number 2, before the pause */
    assert_int_equal(statistics.packets_received, 3);
    assert_int_equal(statistics.packets_discarded, 4996);
    rtp_session_free(session);
}

/* RFC 3550 section 6.6: senders come and go without end: each that has sent says BYE once, and none that has not. */
static void come_and_go(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender *stays = add(session, &audio);
    struct drained out;
    for (unsigned round = 0; round < 200; round++) {
        struct rtp_sender *senders[RTP_SENDERS_MAX - 1];
        uint64_t now_us = round * 10000u;
        uint32_t said = 0;
        for (size_t i = 0; i < RTP_SENDERS_MAX - 1; i++) {
            senders[i] = add(session, &video);
            if (i % 2 == 0) {
                assert_int_equal(crafted_send(session, now_us, senders[i], 10), RTP_OK);
            }
        }
        assert_int_equal(crafted_send(session, now_us, stays, 10), RTP_OK);
        crafted_drain(session, now_us, &out);
        assert_int_equal(out.media, RTP_SENDERS_MAX / 2 + 1);
        for (size_t i = 0; i < RTP_SENDERS_MAX - 1; i++) {
            said += rtp_sender_ssrc(senders[i]) * (i % 2 == 0);
            rtp_session_remove_sender(session, now_us, senders[i]);
        }
        assert_int_equal(crafted_send(session, now_us, stays, 10), RTP_OK);
        crafted_drain(session, now_us, &out);
        assert_int_equal(out.byes, RTP_SENDERS_MAX / 2);
        for (size_t i = 0; i < out.byes; i++) {
            said -= out.bye_ssrcs[i];
        }
        assert_int_equal(said, 0);
        assert_int_equal(out.media, 1); /* behind the BYEs */
    }
    struct rtp_session_statistics statistics;
    rtp_session_statistics(session, &statistics);
    assert_true(statistics.memory_bytes < 200000);
    rtp_session_free(session);
}

/* A member that goes in the middle of a round of reports takes its report with it; the others still get theirs. */
static void gone_in_mid_round(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender *senders[20];
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
    size_t length;
    enum rtp_packet_kind kind;
    struct drained out;
    for (size_t i = 0; i < 20; i++) {
        senders[i] = add(session, &audio);
        assert_int_equal(crafted_send(session, 0, senders[i], 10), RTP_OK);
    }
    crafted_drain(session, 0, &out);
    assert_int_equal(out.media, 20);
    rtp_session_handle_timeout(session, 2000000);
    assert_true(rtp_session_poll_packet(session, 2000000, bytes, sizeof bytes, &length, &kind));
    assert_int_equal(kind, RTP_PACKET_CONTROL);
    size_t first = 0;
    struct rtcp_packet packet;
    for (size_t offset = 0; rtcp_next(bytes, length, &offset, &packet);) {
        first += packet.type == RTCP_TYPE_SENDER_REPORT;
    }
    assert_true(first > 1 && first < 20);
    for (size_t i = 10; i < 20; i++) {
        rtp_session_remove_sender(session, 2000000, senders[i]);
    }
    crafted_drain(session, 2000000, &out);
    assert_int_equal(first + out.senders, 10);
    assert_int_equal(out.byes, 10);
    rtp_session_free(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_update), cmocka_unit_test(reduced_size_update), cmocka_unit_test(pause_and_resume), cmocka_unit_test(reports_of_the_paused),
        cmocka_unit_test(payload_type_and_mid), cmocka_unit_test(clock_rate), cmocka_unit_test(refused_updates), cmocka_unit_test(ssrc_limits),
        cmocka_unit_test(receiver_update), cmocka_unit_test(receiver_pause), cmocka_unit_test(come_and_go), cmocka_unit_test(gone_in_mid_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
