/* links: rtp */
/* RTCP: every reader over every walked packet, and a session that takes it all. */
#include <string.h>

#include "rtp/rtcp.h"
#include "rtp/session.h"

static void fixed_random(void *context, uint8_t *out, size_t length) {
    (void)context;
    memset(out, 1, length);
}

static void read_all(const struct rtcp_packet *packet) {
    struct rtcp_sender_report report;
    struct rtcp_report_block block;
    struct rtcp_sdes_item item = {0};
    uint32_t ssrc;
    uint16_t sequence_number, mask;
    uint8_t command;
    (void)rtcp_read_sender_report(packet, &report);
    (void)rtcp_read_ssrc(packet, &ssrc);
    (void)rtcp_read_media_ssrc(packet, &ssrc);
    (void)rtcp_sdes_check(packet);
    while (rtcp_next_sdes_item(packet, &item)) {
        volatile uint8_t last = item.length > 0 ? item.value[item.length - 1] : 0;
        (void)last;
    }
    for (size_t i = 0; i < 40; i++) {
        (void)rtcp_read_report_block(packet, i, &block);
        (void)rtcp_read_bye(packet, i, &ssrc);
        (void)rtcp_read_nack(packet, i, &sequence_number, &mask);
        (void)rtcp_read_fir(packet, i, &ssrc, &command);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static struct rtp_session *session;
    static uint64_t now_us = 1000000;
    if (session == NULL) {
        struct rtp_session_config config = {.random = fixed_random};
        struct rtp_sender_config video = {.codec = RTP_CODEC_VP8, .payload_type = 96, .ssrc = 0x31323334};
        struct rtp_sender *sender;
        session = rtp_session_new(&config, now_us);
        (void)rtp_session_add_sender(session, now_us, &video, &sender);
    }
    struct rtcp_packet packet;
    for (size_t offset = 0; rtcp_next(bytes, length, &offset, &packet);) {
        read_all(&packet);
    }
    now_us += 1000;
    (void)rtp_session_handle_rtcp(session, now_us, bytes, length);
    struct rtp_event event;
    while (rtp_session_poll_event(session, now_us, &event)) {
    }
    return 0;
}
