/*
 * What fuzz_vp8.c, fuzz_vp9.c, fuzz_h264.c and fuzz_av1.c do with one payload format. The first byte of an input chooses:
 *   0  packets, as a script, through a session's jitter buffer, and each behind the one before in a small assembly:
 *      time step, sequence step, timestamp step and marker, length, payload
 *   1  a frame, cut with the limit that the second byte says, and joined (3: single NAL units): nothing may be lost by doing it twice
 */
#include <stdlib.h>
#include <string.h>

#include "rtp/packet.h"
#include "rtp/session.h"

#define FRAME_MAX_BYTES 8192

static void must(bool condition) {
    if (!condition) {
        abort();
    }
}

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
        must(event.type != RTP_EVENT_FRAME || (event.frame.length > 0 && event.frame.bytes != NULL));
    }
    while (rtp_session_poll_packet(session, now_us, buffer, sizeof buffer, &length, &kind)) {
    }
    must(rtp_session_next_timeout(session) > now_us);
}

/* A block of exactly its size, so that a byte too many is found. */
static uint8_t *copy_of(const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length + (length == 0));
    must(copy != NULL);
    memcpy(copy, bytes, length);
    return copy;
}

static void check_payload(const struct rtp_payload_format *format, const uint8_t *bytes, size_t length, struct rtp_assembly *assembly) {
    struct rtp_payload payload;
    uint8_t *copy = copy_of(bytes, length);
    int error = format->parse(copy, length, &payload);
    must(error == RTP_OK || error == RTP_ERROR_MALFORMED);
    if (error == RTP_OK && payload.length > 0) {
        must(payload.bytes >= copy && payload.bytes + payload.length == copy + length);
        error = format->append(assembly, payload.bytes, payload.length);
        must(error == RTP_OK || error == RTP_ERROR_MALFORMED || error == RTP_ERROR_CAPACITY);
        must(assembly->length <= assembly->capacity && assembly->unit <= assembly->capacity);
    }
    if (error != RTP_OK) {
        assembly->length = 0;
        assembly->unit_open = false;
    }
    free(copy);
}

static void run_packets(enum rtp_codec codec, const uint8_t *bytes, size_t length) {
    struct rtp_session_config config = {.random = fixed_random};
    uint64_t now_us = 1000000;
    struct rtp_session *session = rtp_session_new(&config, now_us);
    struct rtp_payload_mapping mapping = {96, codec, 0};
    struct rtp_receiver_config video = {.payload_types = &mapping, .payload_type_count = 1, .send_pli = true};
    struct rtp_receiver *receiver;
    uint8_t small[64];
    struct rtp_assembly assembly = {.bytes = small, .capacity = sizeof small};
    must(session != NULL && rtp_session_add_receiver(session, now_us, &video, &receiver) == RTP_OK);
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
        check_payload(rtp_payload_format(codec), packet.payload, payload, &assembly);
        uint8_t wire[512];
        int written = rtp_packet_write(&packet, NULL, 0, wire, sizeof wire);
        rtp_session_handle_timeout(session, now_us);
        (void)rtp_session_handle_rtp(session, now_us, wire, (size_t)written);
        drain(session, now_us);
    }
    rtp_session_free(session);
}

/* Cuts a frame and joins it. Returns the length of what came out, 0: it was refused. */
static size_t cut_and_join(enum rtp_codec codec, const struct rtp_payload_state *state, const uint8_t *frame, size_t length, size_t max, uint8_t *out) {
    const struct rtp_payload_format *format = rtp_payload_format(codec);
    struct rtp_packetizer packetizer;
    struct rtp_assembly assembly = {.bytes = out, .capacity = 4 * FRAME_MAX_BYTES};
    if (rtp_packetizer_start(&packetizer, format, state, frame, length, max) != RTP_OK) {
        return 0;
    }
    size_t left = rtp_packetizer_count(&packetizer);
    bool first = true;
    for (bool last = false; !last; first = false) {
        struct rtp_payload payload;
        uint8_t *packet = malloc(max);
        size_t size = rtp_packetizer_next(&packetizer, packet, &last);
        must(size > 0 && size <= max && left-- > 0);
        must(format->parse(packet, size, &payload) == RTP_OK && (!first || payload.frame_start != RTP_FRAME_START_NO));
        must(format->append(&assembly, payload.bytes, payload.length) == RTP_OK);
        free(packet);
    }
    must(left == 0 && !assembly.unit_open && assembly.length > 0);
    return assembly.length;
}

static void run_frame(enum rtp_codec codec, bool single_nal_unit, size_t max, const uint8_t *bytes, size_t length) {
    static uint8_t once[4 * FRAME_MAX_BYTES], twice[4 * FRAME_MAX_BYTES];
    struct rtp_payload_state state = {.picture_id = 0x7FFF, .single_nal_unit = single_nal_unit};
    if (length > FRAME_MAX_BYTES) {
        return;
    }
    uint8_t *frame = copy_of(bytes, length);
    size_t first = cut_and_join(codec, &state, frame, length, max, once);
    free(frame);
    if (first > 0) {
        must(first <= 4 * FRAME_MAX_BYTES);
        must(cut_and_join(codec, &state, once, first, max, twice) == first && memcmp(once, twice, first) == 0);
    }
}

static int run_payload_script(enum rtp_codec codec, const uint8_t *bytes, size_t length) {
    if (length >= 2 && (bytes[0] & 1) != 0) {
        run_frame(codec, (bytes[0] & 2) != 0, RTP_PAYLOAD_MIN_BYTES + (size_t)bytes[1] * 5, bytes + 2, length - 2);
    } else if (length >= 1) {
        run_packets(codec, bytes + 1, length - 1);
    }
    return 0;
}
