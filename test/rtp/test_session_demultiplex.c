/* rtp/session_demultiplex.c: whose a packet is, RFC 9143 section 9.2, one test for each rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/rtp/crafted.h"

/* Two video sections with one payload type in common and one of their own each, and an audio section. */
struct sections {
    struct rtp_session *session;
    struct rtp_receiver *first, *second, *audio;
};

static const struct rtp_payload_mapping first_types[] = {{96, RTP_CODEC_VP8, 0}, {97, RTP_CODEC_VP8, 0}};
static const struct rtp_payload_mapping second_types[] = {{96, RTP_CODEC_VP8, 0}, {98, RTP_CODEC_VP8, 0}};
static const struct rtp_payload_mapping audio_types[] = {{111, RTP_CODEC_OPUS, 0}};
static const uint32_t signalled[] = {0x5001, 0x5002};
static const struct rtp_receiver_config first_config = {.mid = "1", .payload_types = first_types, .payload_type_count = 2};
static const struct rtp_receiver_config second_config = {.mid = "2", .payload_types = second_types, .payload_type_count = 2, .ssrcs = signalled, .ssrc_count = 2};
static const struct rtp_receiver_config audio_config = {.mid = "a", .payload_types = audio_types, .payload_type_count = 1};

static struct sections open_sections(void) {
    struct sections s = {.session = crafted_session()};
    assert_int_equal(rtp_session_add_receiver(s.session, 0, &first_config, &s.first), RTP_OK);
    assert_int_equal(rtp_session_add_receiver(s.session, 0, &second_config, &s.second), RTP_OK);
    assert_int_equal(rtp_session_add_receiver(s.session, 0, &audio_config, &s.audio), RTP_OK);
    return s;
}

static uint64_t received(const struct rtp_receiver *receiver) {
    struct rtp_receiver_statistics statistics;
    rtp_receiver_statistics(receiver, &statistics);
    return statistics.packets_received;
}

static uint32_t source_of(const struct rtp_receiver *receiver) {
    struct rtp_receiver_statistics statistics;
    rtp_receiver_statistics(receiver, &statistics);
    return statistics.ssrc;
}

#define RECEIVE(s, now_us, ...) crafted_receive((s).session, now_us, &(struct crafted){__VA_ARGS__})

/* RFC 9143 section 9.2: the MID names the section, before anything else does. */
static void by_mid(void **state) {
    (void)state;
    struct sections s = open_sections();
    assert_int_equal(RECEIVE(s, 0, .mid = "2", .ssrc = 7, .payload_type = 96, .sequence_number = 1), RTP_OK);
    assert_int_equal(received(s.second), 1);
    /* Even when the SSRC was signalled for another. */
    assert_int_equal(RECEIVE(s, 0, .mid = "1", .ssrc = 0x5001, .payload_type = 96, .sequence_number = 1), RTP_OK);
    assert_int_equal(received(s.first), 1);
    assert_int_equal(received(s.second), 1);
    rtp_session_free(s.session);
}

/* RFC 9143 section 9.2: a MID of no section is not decoded, whatever payload type and SSRC say. */
static void unknown_mid(void **state) {
    (void)state;
    struct sections s = open_sections();
    assert_int_equal(RECEIVE(s, 0, .mid = "9", .ssrc = 7, .payload_type = 97, .sequence_number = 1), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_equal(RECEIVE(s, 0, .mid = "9", .ssrc = 0x5001, .payload_type = 98, .sequence_number = 1), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_equal(RECEIVE(s, 0, .mid = "1", .ssrc = 8, .payload_type = 97, .sequence_number = 1), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .mid = "9", .ssrc = 8, .payload_type = 97, .sequence_number = 2), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_equal(received(s.first), 1);
    struct rtp_session_statistics statistics;
    rtp_session_statistics(s.session, &statistics);
    assert_int_equal(statistics.rtp_packets_unknown, 3);
    rtp_session_free(s.session);
}

/* RFC 9143 section 9.2: the first packets carry the MID, the others are known by their SSRC; also one that is on probation. */
static void by_learned_ssrc(void **state) {
    (void)state;
    struct sections s = open_sections();
    assert_int_equal(RECEIVE(s, 0, .mid = "2", .ssrc = 7, .payload_type = 96, .sequence_number = 1), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 7, .payload_type = 96, .sequence_number = 2), RTP_OK);
    assert_int_equal(received(s.second), 2);
    assert_int_equal(RECEIVE(s, 0, .mid = "2", .ssrc = 8, .payload_type = 96, .sequence_number = 100), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 8, .payload_type = 96, .sequence_number = 101), RTP_OK);
    assert_int_equal(source_of(s.second), 8);
    /* An SSRC that nobody knows, with a payload type that two have. */
    assert_int_equal(RECEIVE(s, 0, .ssrc = 9, .payload_type = 96, .sequence_number = 1), RTP_ERROR_UNKNOWN_SOURCE);
    rtp_session_free(s.session);
}

/* RFC 9143 section 9.2: a MID moves the SSRC to its section; RFC 7941 section 4.2.6: not one from a packet before the move. */
static void mid_moves_an_ssrc(void **state) {
    (void)state;
    struct sections s = open_sections();
    assert_int_equal(RECEIVE(s, 0, .mid = "1", .ssrc = 7, .payload_type = 96, .sequence_number = 10), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .mid = "2", .ssrc = 7, .payload_type = 96, .sequence_number = 12), RTP_OK);
    assert_int_equal(source_of(s.first), 0);
    assert_int_equal(source_of(s.second), 7);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 7, .payload_type = 96, .sequence_number = 13), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .mid = "1", .ssrc = 7, .payload_type = 96, .sequence_number = 11), RTP_OK);
    assert_int_equal(source_of(s.second), 7);
    assert_int_equal(received(s.second), 3);
    assert_int_equal(RECEIVE(s, 0, .mid = "1", .ssrc = 7, .payload_type = 96, .sequence_number = 14), RTP_OK);
    assert_int_equal(source_of(s.first), 7);
    assert_int_equal(source_of(s.second), 0);
    rtp_session_free(s.session);
}

/* RFC 9143 section 9.2: an SSRC from an a=ssrc line, without a MID, with a payload type that two have. */
static void by_signalled_ssrc(void **state) {
    (void)state;
    struct sections s = open_sections();
    assert_int_equal(RECEIVE(s, 0, .ssrc = 0x5002, .payload_type = 96, .sequence_number = 1), RTP_OK);
    assert_int_equal(source_of(s.second), 0x5002);
    /* What a later answer no longer signals is not known any more. */
    struct rtp_receiver_config config = second_config;
    config.ssrc_count = 1;
    assert_int_equal(rtp_session_update_receiver(s.session, 0, s.second, &config), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 0x5002, .payload_type = 96, .sequence_number = 2), RTP_OK); /* learned meanwhile */
    assert_int_equal(rtp_session_update_receiver(s.session, 0, s.second, &second_config), RTP_OK);
    config.ssrcs = NULL;
    assert_int_equal(rtp_session_update_receiver(s.session, 0, s.second, &config), RTP_ERROR_ARGUMENT);
    rtp_session_free(s.session);
}

/* RFC 9143 section 9.2: a payload type that one section alone has; after an update, another's. */
static void by_payload_type(void **state) {
    (void)state;
    struct sections s = open_sections();
    assert_int_equal(RECEIVE(s, 0, .ssrc = 7, .payload_type = 97, .sequence_number = 1), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 8, .payload_type = 98, .sequence_number = 1), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 9, .payload_type = 111, .sequence_number = 1), RTP_OK);
    assert_int_equal(source_of(s.first), 7);
    assert_int_equal(source_of(s.second), 8);
    assert_int_equal(source_of(s.audio), 9);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 10, .payload_type = 96, .sequence_number = 1), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 10, .payload_type = 99, .sequence_number = 1), RTP_ERROR_UNKNOWN_SOURCE);
    /* When the second gives up 96, it is the first's alone. */
    const struct rtp_payload_mapping left = {98, RTP_CODEC_VP8, 0};
    struct rtp_receiver_config config = second_config;
    config.payload_types = &left;
    config.payload_type_count = 1;
    assert_int_equal(rtp_session_update_receiver(s.session, 0, s.second, &config), RTP_OK);
    rtp_session_remove_receiver(s.session, s.first);
    assert_int_equal(rtp_session_add_receiver(s.session, 0, &first_config, &s.first), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 10, .payload_type = 96, .sequence_number = 1), RTP_OK);
    assert_int_equal(source_of(s.first), 10);
    rtp_session_free(s.session);
}

/* RFC 9143 section 9.2: however a section was found, a payload type that is not its own is not decoded. */
static void foreign_payload_type(void **state) {
    (void)state;
    struct sections s = open_sections();
    assert_int_equal(RECEIVE(s, 0, .mid = "1", .ssrc = 7, .payload_type = 98, .sequence_number = 1), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_equal(RECEIVE(s, 0, .mid = "1", .ssrc = 7, .payload_type = 97, .sequence_number = 2), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 7, .payload_type = 98, .sequence_number = 3), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 0x5001, .payload_type = 97, .sequence_number = 3), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_equal(received(s.first), 1);
    assert_int_equal(received(s.second), 0);
    rtp_session_free(s.session);
}

/* RFC 9143 sections 9.2 and 15.1: the MID item of an SDES packet maps an SSRC as well; not to a section that there is not. */
static void by_sdes(void **state) {
    (void)state;
    struct sections s = open_sections();
    uint8_t sdes[] = {0x81, 202, 0, 2, 0, 0, 0, 7, 15, 1, '2', 0};
    assert_int_equal(rtp_session_handle_rtcp(s.session, 0, sdes, sizeof sdes), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 7, .payload_type = 96, .sequence_number = 1), RTP_OK);
    assert_int_equal(source_of(s.second), 7);
    sdes[7] = 8;
    sdes[10] = '9';
    assert_int_equal(rtp_session_handle_rtcp(s.session, 0, sdes, sizeof sdes), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 8, .payload_type = 96, .sequence_number = 1), RTP_ERROR_UNKNOWN_SOURCE);
    /* Beyond RTP_RECEIVER_SSRCS_MAX nothing more is learned this way. */
    sdes[10] = '1';
    for (uint8_t i = 0; i <= RTP_RECEIVER_SSRCS_MAX; i++) {
        sdes[6] = 1;
        sdes[7] = i;
        assert_int_equal(rtp_session_handle_rtcp(s.session, 0, sdes, sizeof sdes), RTP_OK);
    }
    assert_int_equal(RECEIVE(s, 0, .ssrc = 0x100 + RTP_RECEIVER_SSRCS_MAX, .payload_type = 96, .sequence_number = 1), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_equal(RECEIVE(s, 0, .ssrc = 0x100 + RTP_RECEIVER_SSRCS_MAX - 1, .payload_type = 96, .sequence_number = 1), RTP_OK);
    rtp_session_free(s.session);
}

/* The id of the MID extension changes with an answer: packets sent before still have the old id, and are known by their SSRC. */
static void mid_extension_renumbered(void **state) {
    (void)state;
    struct sections s = open_sections();
    assert_int_equal(RECEIVE(s, 0, .mid = "2", .ssrc = 7, .payload_type = 96, .sequence_number = 1), RTP_OK);
    struct rtp_session_config config = crafted_config();
    config.mid_extension_id = 9;
    assert_int_equal(rtp_session_update(s.session, &config), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .mid = "2", .ssrc = 7, .payload_type = 96, .sequence_number = 2), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .mid = "1", .mid_id = 9, .ssrc = 8, .payload_type = 96, .sequence_number = 1), RTP_OK);
    assert_int_equal(received(s.second), 2);
    assert_int_equal(source_of(s.first), 8);
    rtp_session_free(s.session);
}

/* The SSRC of a receiver that was removed is forgotten: what still comes of it does not take over a section that has a source. */
static void removed_source(void **state) {
    (void)state;
    struct sections s = open_sections();
    assert_int_equal(RECEIVE(s, 0, .mid = "1", .ssrc = 7, .payload_type = 96, .sequence_number = 1), RTP_OK);
    assert_int_equal(RECEIVE(s, 0, .mid = "2", .ssrc = 8, .payload_type = 96, .sequence_number = 1), RTP_OK);
    rtp_session_remove_receiver(s.session, s.first);
    /* With its MID it is nobody's. Without, the payload type is now the second's alone: but that follows 8. */
    assert_int_equal(RECEIVE(s, 1000, .mid = "1", .ssrc = 7, .payload_type = 96, .sequence_number = 2), RTP_ERROR_UNKNOWN_SOURCE);
    for (uint16_t i = 0; i < 20; i++) {
        assert_int_equal(RECEIVE(s, 20000u * i, .ssrc = 7, .payload_type = 96, .sequence_number = (uint16_t)(3 + i)), RTP_ERROR_UNKNOWN_SOURCE);
        assert_int_equal(RECEIVE(s, 20000u * i, .ssrc = 8, .payload_type = 96, .sequence_number = (uint16_t)(2 + i)), RTP_OK);
    }
    assert_int_equal(source_of(s.second), 8);
    rtp_session_free(s.session);
}

/* A source that only its payload type brings here waits until the one before is silent for RTP_SOURCE_SILENCE_US, or has said BYE. */
static void takeover_by_payload_type(void **state) {
    (void)state;
    for (uint64_t wait_us = RTP_SOURCE_SILENCE_US - 1; wait_us <= RTP_SOURCE_SILENCE_US + 1; wait_us++) {
        struct sections s = open_sections();
        assert_int_equal(RECEIVE(s, 1000, .ssrc = 7, .payload_type = 97, .sequence_number = 1), RTP_OK);
        assert_int_equal(RECEIVE(s, 1000 + wait_us, .ssrc = 8, .payload_type = 97, .sequence_number = 1), RTP_ERROR_UNKNOWN_SOURCE);
        int error = RECEIVE(s, 1000 + wait_us, .ssrc = 8, .payload_type = 97, .sequence_number = 2);
        assert_int_equal(error, wait_us < RTP_SOURCE_SILENCE_US ? RTP_ERROR_UNKNOWN_SOURCE : RTP_OK);
        assert_int_equal(source_of(s.first), wait_us < RTP_SOURCE_SILENCE_US ? 7 : 8);
        rtp_session_free(s.session);
    }
    struct sections s = open_sections();
    const uint8_t bye[] = {0x81, 203, 0, 1, 0, 0, 0, 7};
    assert_int_equal(RECEIVE(s, 1000, .ssrc = 7, .payload_type = 97, .sequence_number = 1), RTP_OK);
    assert_int_equal(rtp_session_handle_rtcp(s.session, 1000, bye, sizeof bye), RTP_OK);
    assert_int_equal(RECEIVE(s, 1000, .ssrc = 8, .payload_type = 97, .sequence_number = 1), RTP_ERROR_UNKNOWN_SOURCE);
    assert_int_equal(RECEIVE(s, 1000, .ssrc = 8, .payload_type = 97, .sequence_number = 2), RTP_OK);
    rtp_session_free(s.session);
}

/* RFC 3550 section 8.2, MUST: on a collision the SSRC changes; who sends whatever we send back makes us change once in ten intervals, no more. */
static void collisions_in_a_row(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender_config config = {.codec = RTP_CODEC_VP8, .payload_type = 96, .mid = "0"};
    struct rtp_sender *sender;
    assert_int_equal(rtp_session_add_sender(session, 0, &config, &sender), RTP_OK);
    uint32_t ssrc = rtp_sender_ssrc(sender);
    for (uint64_t now_us = 0; now_us < 3 * 10 * RTP_RTCP_INTERVAL_DEFAULT_US; now_us += RTP_RTCP_INTERVAL_DEFAULT_US) {
        struct crafted packet = {.ssrc = rtp_sender_ssrc(sender), .payload_type = 96};
        assert_int_equal(crafted_receive(session, now_us, &packet), RTP_ERROR_UNKNOWN_SOURCE);
        bool changes = now_us % (10 * RTP_RTCP_INTERVAL_DEFAULT_US) == 0;
        assert_int_equal(rtp_sender_ssrc(sender) != ssrc, changes);
        ssrc = rtp_sender_ssrc(sender);
    }
    struct rtp_session_statistics statistics;
    rtp_session_statistics(session, &statistics);
    assert_int_equal(statistics.loops_detected, 30);
    rtp_session_free(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_mid), cmocka_unit_test(unknown_mid), cmocka_unit_test(by_learned_ssrc), cmocka_unit_test(mid_moves_an_ssrc),
        cmocka_unit_test(by_signalled_ssrc), cmocka_unit_test(by_payload_type), cmocka_unit_test(foreign_payload_type), cmocka_unit_test(by_sdes),
        cmocka_unit_test(mid_extension_renumbered), cmocka_unit_test(removed_source), cmocka_unit_test(takeover_by_payload_type), cmocka_unit_test(collisions_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
