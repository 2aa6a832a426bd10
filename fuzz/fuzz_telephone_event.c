/* links: rtp */
/*
 * Telephone events: each record of the input is a step of time, a timestamp, and a payload. The receiver keeps its promises: a tone only after
 * a packet, never more of them than there were events, and each comes out once. The first bytes start a tone that is sent through a second one.
 */
#include <stdlib.h>
#include <string.h>

#include "rtp/telephone_event.h"

#define RECORD_BYTES 6 /* step in 4 ms, clock and marker, timestamp in units of 1/8 s + remainder, payload length */

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

static void send_and_receive(const uint8_t *bytes) {
    struct rtp_tone tone = {0};
    struct rtp_tone_receiver receiver = {0};
    struct rtp_tone_packet packet;
    struct rtp_received_tone heard;
    uint32_t rate = (bytes[0] & 1) != 0 ? 48000 : 8000, duration_ms = (uint32_t)bytes[1] << 4 | bytes[2];
    uint64_t now_us = 0;
    size_t tones = 0;
    if (rtp_tone_start(&tone, 0, bytes[3], bytes[4], duration_ms, rate, bytes[5]) != RTP_OK) {
        return;
    }
    while (tone.active) {
        now_us = rtp_tone_next_timeout(&tone);
        check(rtp_tone_poll(&tone, now_us, &packet));
        check(rtp_tone_receiver_take(&receiver, now_us, rate, packet.timestamp, packet.marker, packet.bytes, sizeof packet.bytes) == RTP_OK);
        while (rtp_tone_receiver_poll(&receiver, now_us, &heard)) {
            tones++;
        }
    }
    check(tones == 1 && heard.event == bytes[3] && heard.volume == bytes[4]);
    check(heard.duration_us <= (uint64_t)duration_ms * 1000 && heard.duration_us + 1000 > (uint64_t)duration_ms * 1000);
}

static void name_keys(uint8_t byte) {
    uint8_t event;
    if (rtp_telephone_event_of_key((char)byte, &event)) {
        check((rtp_telephone_event_key(event) | 0x20) == (byte | 0x20));
    }
    check(rtp_telephone_event_key(byte) == '\0' || (rtp_telephone_event_of_key(rtp_telephone_event_key(byte), &event) && event == byte));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct rtp_tone_receiver receiver = {0};
    struct rtp_received_tone heard;
    uint64_t now_us = 0;
    size_t events = 0, tones = 0;
    if (length >= RECORD_BYTES) {
        name_keys(bytes[0]);
        send_and_receive(bytes);
    }
    while (length >= RECORD_BYTES) {
        now_us += bytes[0] * 4000u;
        uint32_t rate = (bytes[1] & 1) != 0 ? 48000 : 8000;
        uint32_t timestamp = (bytes[1] & 4) != 0 ? bytes[2] * (uint32_t)RTP_TELEPHONE_EVENT_SEGMENT : (uint32_t)bytes[2] << 24 | (uint32_t)bytes[3] << 8 | bytes[4];
        size_t payload = bytes[5] < length - RECORD_BYTES ? bytes[5] : length - RECORD_BYTES;
        uint8_t *copy = malloc(payload == 0 ? 1 : payload); /* so that one byte too many is seen */
        memcpy(copy, bytes + RECORD_BYTES, payload);
        int error = rtp_tone_receiver_take(&receiver, now_us, rate, timestamp, (bytes[1] & 2) != 0, copy, payload);
        free(copy);
        check((error == RTP_OK) == (payload > 0 && payload % RTP_TELEPHONE_EVENT_BYTES == 0));
        events += error == RTP_OK ? rtp_telephone_event_count(payload) : 0;
        check(receiver.ended_count <= RTP_TONES_ENDED_MAX);
        while ((bytes[1] & 8) != 0 && rtp_tone_receiver_poll(&receiver, now_us, &heard)) {
            tones++;
        }
        bytes += RECORD_BYTES + payload;
        length -= RECORD_BYTES + payload;
    }
    now_us += RTP_TONE_SILENCE_US;
    while (rtp_tone_receiver_poll(&receiver, now_us, &heard)) {
        tones++;
    }
    check(tones + receiver.dropped <= events);
    check(rtp_tone_receiver_next_timeout(&receiver) == UINT64_MAX);
    return 0;
}
