/* links: rtp */
/* VP8 through a session's jitter buffer. The input is a script: time step, sequence step, timestamp step and marker, length, payload. */
#include <stdlib.h>
#include <string.h>

#include "rtp/packet.h"
#include "rtp/session.h"

static void fixed_random(void *context, uint8_t *out, size_t length) {
    (void)context;
    memset(out, 1, length);
}

static void drain(struct rtp_session *session, uint64_t now_us) {
    uint8_t buffer[RTP_PACKET_MAX_BYTES];
    size_t length;
    enum rtp_packet_kind kind;
    struct rtp_event event;
    while (rtp_session_poll_event(session, now_us, &event)) {
        if (event.type == RTP_EVENT_FRAME && (event.frame.length == 0 || event.frame.bytes == NULL)) {
            abort();
        }
    }
    while (rtp_session_poll_packet(session, now_us, buffer, sizeof buffer, &length, &kind)) {
    }
    if (rtp_session_next_timeout(session) <= now_us) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct rtp_session_config config = {.random = fixed_random};
    uint64_t now_us = 1000000;
    struct rtp_session *session = rtp_session_new(&config, now_us);
    struct rtp_payload_mapping vp8 = {96, RTP_CODEC_VP8, 0};
    struct rtp_receiver_config video = {.payload_types = &vp8, .payload_type_count = 1, .send_pli = true};
    struct rtp_receiver *receiver;
    if (session == NULL || rtp_session_add_receiver(session, now_us, &video, &receiver) != RTP_OK) {
        abort();
    }
    struct rtp_packet packet = {.payload_type = 96, .ssrc = 7, .sequence_number = 65530};
    for (size_t at = 0; length - at >= 4;) {
        now_us += (uint64_t)bytes[at] * 500;
        packet.sequence_number = (uint16_t)(packet.sequence_number + (int8_t)bytes[at + 1]);
        packet.timestamp += (uint32_t)(bytes[at + 2] >> 1) * 3000;
        packet.marker = (bytes[at + 2] & 1) != 0;
        size_t payload = bytes[at + 3];
        at += 4;
        payload = payload > length - at ? length - at : payload;
        packet.payload = bytes + at;
        packet.payload_bytes = payload;
        at += payload;
        uint8_t wire[512];
        int written = rtp_packet_write(&packet, NULL, 0, wire, sizeof wire);
        rtp_session_handle_timeout(session, now_us);
        (void)rtp_session_handle_rtp(session, now_us, wire, (size_t)written);
        drain(session, now_us);
    }
    rtp_session_free(session);
    return 0;
}
