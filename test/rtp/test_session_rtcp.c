/* rtp/session_rtcp.c: feedback that comes in (RFC 4585 section 6, RFC 5104 section 4.3.1). Reports are in test_session_statistics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/rtp/crafted.h"

#define THEIR_SSRC 0x51515151u
#define INTERVAL_US RTP_KEY_FRAME_REQUEST_INTERVAL_US

enum feedback { PLI, FIR, NACK };

static struct rtp_session *open_with(enum rtp_codec codec, struct rtp_sender **sender) {
    struct rtp_session *session = crafted_session();
    struct rtp_sender_config config = {.codec = codec, .payload_type = 96, .mid = "0"};
    assert_int_equal(rtp_session_add_sender(session, 0, &config, sender), RTP_OK);
    return session;
}

/* One compound packet: an empty report, then the feedback. */
static void give(struct rtp_session *session, uint64_t now_us, enum feedback kind, uint32_t media_ssrc, uint8_t command) {
    uint8_t bytes[200];
    struct rtcp_buffer buffer = {bytes, sizeof bytes, 0};
    uint16_t number = 7, mask = 0;
    assert_int_equal(rtcp_write_receiver_report(&buffer, THEIR_SSRC, NULL, 0), RTP_OK);
    int error = kind == PLI ? rtcp_write_pli(&buffer, THEIR_SSRC, media_ssrc) : kind == FIR ? rtcp_write_fir(&buffer, THEIR_SSRC, media_ssrc, command)
                                                                             : rtcp_write_nack(&buffer, THEIR_SSRC, media_ssrc, &number, &mask, 1);
    assert_int_equal(error, RTP_OK);
    assert_int_equal(rtp_session_handle_rtcp(session, now_us, bytes, buffer.length), RTP_OK);
}

static size_t requests(struct rtp_session *session, uint64_t now_us) {
    return crafted_events(session, now_us, RTP_EVENT_KEY_FRAME_REQUESTED);
}

static void expect_counts(const struct rtp_sender *sender, uint64_t plis, uint64_t firs, uint64_t nacks) {
    struct rtp_sender_statistics statistics;
    rtp_sender_statistics(sender, &statistics);
    assert_int_equal(statistics.pli_count, plis);
    assert_int_equal(statistics.fir_count, firs);
    assert_int_equal(statistics.nack_count, nacks);
}

/* RFC 5104 section 4.3.1.1: a command that comes again with its sequence number has been obeyed; another number is another command. */
static void fir_is_repeated(void **state) {
    (void)state;
    struct rtp_sender *sender;
    struct rtp_session *session = open_with(RTP_CODEC_VP8, &sender);
    uint32_t ssrc = rtp_sender_ssrc(sender);
    give(session, INTERVAL_US, FIR, ssrc, 0);
    assert_int_equal(requests(session, INTERVAL_US), 1);
    for (unsigned i = 2; i < 5; i++) {
        give(session, i * INTERVAL_US, FIR, ssrc, 0);
        assert_int_equal(requests(session, i * INTERVAL_US), 0);
    }
    expect_counts(sender, 0, 1, 0);
    give(session, 5 * INTERVAL_US, FIR, ssrc, 255);
    give(session, 6 * INTERVAL_US, FIR, ssrc, 0);
    assert_int_equal(requests(session, 6 * INTERVAL_US), 1);
    expect_counts(sender, 0, 3, 0);
    rtp_session_free(session);
}

/* session.h: however many PLIs come, there is at most one request in RTP_KEY_FRAME_REQUEST_INTERVAL_US; at limit - 1, limit. */
static void pli_storm(void **state) {
    (void)state;
    struct rtp_sender *sender;
    struct rtp_session *session = open_with(RTP_CODEC_VP8, &sender);
    uint32_t ssrc = rtp_sender_ssrc(sender);
    size_t asked = 0;
    for (uint64_t now_us = 0; now_us < INTERVAL_US; now_us += INTERVAL_US / 100) {
        give(session, now_us, PLI, ssrc, 0);
        asked += requests(session, now_us);
    }
    assert_int_equal(asked, 1);
    give(session, INTERVAL_US - 1, PLI, ssrc, 0);
    assert_int_equal(requests(session, INTERVAL_US - 1), 0);
    give(session, INTERVAL_US, PLI, ssrc, 0);
    assert_int_equal(requests(session, INTERVAL_US), 1);
    expect_counts(sender, 102, 0, 0);
    rtp_session_free(session);
}

/* Feedback names the SSRC that it is about; another's is nobody's, and sound has no key frames. */
static void whose(void **state) {
    (void)state;
    struct rtp_sender *sender;
    struct rtp_session *session = open_with(RTP_CODEC_VP8, &sender);
    uint32_t ssrc = rtp_sender_ssrc(sender);
    for (enum feedback kind = PLI; kind <= NACK; kind++) {
        give(session, 0, kind, ssrc + 1, 1);
    }
    assert_int_equal(requests(session, 0), 0);
    expect_counts(sender, 0, 0, 0);
    give(session, 0, NACK, ssrc, 0);
    assert_int_equal(requests(session, 0), 0);
    expect_counts(sender, 0, 0, 1);
    rtp_session_free(session);

    session = open_with(RTP_CODEC_OPUS, &sender);
    give(session, 0, PLI, rtp_sender_ssrc(sender), 0);
    give(session, 0, FIR, rtp_sender_ssrc(sender), 0);
    assert_int_equal(requests(session, 0), 0);
    rtp_session_free(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fir_is_repeated), cmocka_unit_test(pli_storm), cmocka_unit_test(whose)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
