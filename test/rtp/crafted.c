#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/rtp/crafted.h"

static uint64_t seed = 1;

static void seeded_random(void *context, uint8_t *out, size_t length) {
    uint64_t *state = context;
    for (size_t i = 0; i < length; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(*state >> 40);
    }
}

struct rtp_session_config crafted_config(void) {
    return (struct rtp_session_config){.random = seeded_random, .random_context = &seed, .wall_clock_offset_us = 1700000000000000,
                                       .mid_extension_id = CRAFTED_MID_ID, .abs_send_time_extension_id = CRAFTED_SEND_TIME_ID, .reduced_size_rtcp = true};
}

struct rtp_session *crafted_session(void) {
    struct rtp_session_config config = crafted_config();
    struct rtp_session *session = rtp_session_new(&config, 0);
    assert_non_null(session);
    return session;
}

int crafted_receive(struct rtp_session *session, uint64_t now_us, const struct crafted *from) {
    static const uint8_t start[] = {0x10, 0x00}; /* VP8: start of a key frame */
    struct rtp_packet packet = {.marker = from->marker, .payload_type = from->payload_type, .sequence_number = from->sequence_number, .timestamp = from->timestamp,
                                .ssrc = from->ssrc, .payload = from->payload != NULL ? from->payload : start,
                                .payload_bytes = from->payload != NULL ? from->payload_bytes : sizeof start};
    struct rtp_extension element = {0};
    if (from->mid != NULL) {
        element = (struct rtp_extension){from->mid_id != 0 ? from->mid_id : CRAFTED_MID_ID, (uint8_t)strlen(from->mid), (const uint8_t *)from->mid, 0};
    }
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
    int length = rtp_packet_write(&packet, &element, from->mid != NULL, bytes, sizeof bytes);
    assert_true(length > 0);
    return rtp_session_handle_rtp(session, now_us, bytes, (size_t)length);
}

static void read_control(const uint8_t *bytes, size_t length, struct drained *out) {
    struct rtcp_packet packet;
    assert_int_equal(rtcp_compound_check(bytes, length), RTP_OK);
    assert_true(length <= RTP_CONTROL_MAX_BYTES);
    for (size_t offset = 0; rtcp_next(bytes, length, &offset, &packet);) {
        uint32_t ssrc;
        struct rtcp_sender_report report;
        if (rtcp_read_sender_report(&packet, &report) == RTP_OK) {
            out->reported_ssrcs[out->senders++] = report.ssrc;
        }
        out->blocks += packet.type == RTCP_TYPE_SENDER_REPORT || packet.type == RTCP_TYPE_RECEIVER_REPORT ? packet.count : 0;
        out->plis += packet.type == RTCP_TYPE_PAYLOAD_FEEDBACK && packet.count == RTCP_PAYLOAD_PLI;
        for (size_t i = 0; rtcp_read_bye(&packet, i, &ssrc) == RTP_OK; i++) {
            out->bye_ssrcs[out->byes++] = ssrc;
        }
    }
}

void crafted_drain(struct rtp_session *session, uint64_t now_us, struct drained *out) {
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
    size_t length;
    enum rtp_packet_kind kind;
    memset(out, 0, sizeof *out);
    while (rtp_session_poll_packet(session, now_us, bytes, sizeof bytes, &length, &kind)) {
        if (kind == RTP_PACKET_CONTROL) {
            out->control++;
            read_control(bytes, length, out);
            continue;
        }
        size_t slot = out->media == 0 ? 0 : 1;
        struct rtp_packet *packet = slot == 0 ? &out->first : &out->last;
        memcpy(out->bytes[slot], bytes, length);
        assert_int_equal(rtp_packet_parse(out->bytes[slot], length, packet), RTP_OK);
        out->last = *packet;
        out->media++;
        struct rtp_extension element = {0};
        memset(out->mid, 0, sizeof out->mid);
        while (rtp_packet_next_extension(packet, &element)) {
            if (element.id != CRAFTED_SEND_TIME_ID) {
                memcpy(out->mid, element.value, element.length);
            }
        }
    }
}

int crafted_send(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, size_t length) {
    static const uint8_t bytes[20000];
    struct rtp_frame frame = {.bytes = bytes, .length = length, .timestamp = (uint32_t)(now_us * 90 / 1000)};
    return rtp_session_send_frame(session, now_us, sender, &frame);
}

size_t crafted_events(struct rtp_session *session, uint64_t now_us, enum rtp_event_type type) {
    struct rtp_event event;
    size_t count = 0;
    while (rtp_session_poll_event(session, now_us, &event)) {
        count += event.type == type;
    }
    return count;
}
