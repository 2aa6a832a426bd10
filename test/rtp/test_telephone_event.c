/* rtp/telephone_event.c, RFC 4733: the payload, a tone sent, tones received; and both through sessions, beside audio. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/telephone_event.h"
#include "test/rtp/crafted.h"

#define RATE 8000u

/* ---- the payload ----------------------------------------------------------------------------------------------------- */

/* RFC 4733 section 2.3: the fields; R is written as 0 and ignored. */
static void payload(void **state) {
    (void)state;
    const uint8_t bytes[] = {11, 0xCA, 0x06, 0x40, 16, 0x3F, 0xFF, 0xFF};
    struct rtp_telephone_event event;
    assert_int_equal(rtp_telephone_event_count(sizeof bytes), 2);
    rtp_telephone_event_read(bytes, 0, &event);
    assert_int_equal(event.event, RTP_TELEPHONE_EVENT_POUND);
    assert_true(event.end);
    assert_int_equal(event.volume, 10);
    assert_int_equal(event.duration, 1600);
    uint8_t again[RTP_TELEPHONE_EVENT_BYTES];
    rtp_telephone_event_write(&event, again);
    assert_memory_equal(again, ((const uint8_t[]){11, 0x8A, 0x06, 0x40}), sizeof again);
    rtp_telephone_event_read(bytes, 1, &event);
    assert_int_equal(event.event, RTP_TELEPHONE_EVENT_FLASH);
    assert_false(event.end);
    assert_int_equal(event.volume, RTP_TELEPHONE_EVENT_VOLUME_MAX);
    assert_int_equal(event.duration, 0xFFFF);
}

static void keys(void **state) {
    (void)state;
    static const char all[] = "0123456789*#ABCDR";
    uint8_t event;
    for (uint8_t i = 0; i < sizeof all - 1; i++) {
        assert_true(rtp_telephone_event_of_key(all[i], &event));
        assert_int_equal(event, i);
        assert_int_equal(rtp_telephone_event_key(i), all[i]);
    }
    assert_int_equal(rtp_telephone_event_key(17), '\0');
    assert_true(rtp_telephone_event_of_key('d', &event));
    assert_int_equal(event, 15);
    assert_false(rtp_telephone_event_of_key('\0', &event));
    assert_false(rtp_telephone_event_of_key(',', &event));
    assert_false(rtp_telephone_event_of_key('E', &event));
}

/* Every length from none to two events and a byte: only whole events are taken, and nothing is read beyond them. */
static void truncation(void **state) {
    (void)state;
    for (size_t length = 0; length <= 9; length++) {
        uint8_t *bytes = malloc(length == 0 ? 1 : length);
        struct rtp_tone_receiver receiver = {0};
        memset(bytes, 5, length);
        assert_int_equal(rtp_tone_receiver_take(&receiver, 0, RATE, 0, true, bytes, length), length == 4 || length == 8 ? RTP_OK : RTP_ERROR_MALFORMED);
        free(bytes);
    }
}

/* ---- sending --------------------------------------------------------------------------------------------------------- */

struct sent {
    uint64_t at_us;
    struct rtp_tone_packet packet;
    struct rtp_telephone_event event;
};

static size_t run_tone(struct rtp_tone *tone, uint64_t now_us, struct sent *sent, size_t most) {
    size_t count = 0;
    while (rtp_tone_next_timeout(tone) != UINT64_MAX) {
        assert_true(rtp_tone_next_timeout(tone) > now_us);
        now_us = rtp_tone_next_timeout(tone);
        assert_false(rtp_tone_poll(tone, now_us - 1, &sent[count].packet));
        assert_true(count < most);
        assert_true(rtp_tone_poll(tone, now_us, &sent[count].packet));
        rtp_telephone_event_read(sent[count].packet.bytes, 0, &sent[count].event);
        sent[count++].at_us = now_us;
    }
    assert_false(tone->active);
    return count;
}

/* RFC 4733 sections 2.2.1, 2.2.2, 2.5.1.2 and 2.5.1.4: one timestamp, the marker on the first, growing durations, the end three times. */
static void one_tone(void **state) {
    (void)state;
    struct rtp_tone tone = {0};
    struct sent sent[16];
    assert_int_equal(rtp_tone_start(&tone, 1000000, 9, 7, 100, RATE, 0xFFFFFF00), RTP_OK);
    size_t count = run_tone(&tone, 1000000, sent, 16);
    assert_int_equal(count, 7);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sent[i].at_us, 1000000 + 20000 * (i + 1));
        assert_int_equal(sent[i].packet.timestamp, 0xFFFFFF00);
        assert_int_equal(sent[i].packet.marker, i == 0);
        assert_int_equal(sent[i].event.event, 9);
        assert_int_equal(sent[i].event.volume, 7);
        assert_int_equal(sent[i].event.end, i >= 4);
        assert_int_equal(sent[i].event.duration, i >= 4 ? 800 : 160 * (i + 1));
    }
}

/* A duration that is no multiple of the interval ends with its own length. */
static void odd_duration(void **state) {
    (void)state;
    struct rtp_tone tone = {0};
    struct sent sent[16];
    assert_int_equal(rtp_tone_start(&tone, 0, 1, 0, 50, RATE, 0), RTP_OK);
    size_t count = run_tone(&tone, 0, sent, 16);
    assert_int_equal(count, 5);
    assert_int_equal(sent[2].event.duration, 400);
    assert_true(sent[2].event.end && sent[3].event.end && sent[4].event.end);
}

/* RFC 4733 section 2.5.1.3: a segment of full length without E, three times; the next begins there, without a marker. */
static void segments(void **state) {
    (void)state;
    static const struct {
        uint32_t rate, duration_ms;
        size_t segments;
    } rows[] = {{RATE, 8191, 1}, {RATE, 8192, 2}, {RATE, 20000, 3}, {48000, 1365, 1}, {48000, 1366, 2}, {48000, 6000, 5}, {48000, RTP_TONE_MAX_MS, 44}};
    static struct sent sent[4000];
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct rtp_tone tone = {0};
        assert_int_equal(rtp_tone_start(&tone, 0, 1, 0, rows[row].duration_ms, rows[row].rate, 77), RTP_OK);
        size_t count = run_tone(&tone, 0, sent, 4000), full = 0, ends = 0;
        uint32_t timestamp = 77;
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(sent[i].packet.timestamp, timestamp);
            assert_int_equal(sent[i].packet.marker, i == 0);
            ends += sent[i].event.end;
            if (!sent[i].event.end && sent[i].event.duration == 0xFFFF && ++full % 3 == 0) {
                timestamp += 0xFFFF;
            }
        }
        assert_int_equal(ends, 3);
        assert_int_equal(full, 3 * (rows[row].segments - 1));
        assert_int_equal(timestamp - 77 + sent[count - 1].event.duration, (uint64_t)rows[row].duration_ms * rows[row].rate / 1000);
        /* And a receiver hears one tone of that length. */
        struct rtp_tone_receiver receiver = {0};
        struct rtp_received_tone tone_heard;
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(rtp_tone_receiver_take(&receiver, sent[i].at_us, rows[row].rate, sent[i].packet.timestamp, sent[i].packet.marker,
                                                    sent[i].packet.bytes, 4), RTP_OK);
        }
        assert_true(rtp_tone_receiver_poll(&receiver, sent[count - 1].at_us, &tone_heard));
        assert_int_equal(tone_heard.duration_us, (uint64_t)rows[row].duration_ms * 1000);
        assert_int_equal(tone_heard.timestamp, 77);
        assert_false(rtp_tone_receiver_poll(&receiver, UINT64_MAX, &tone_heard));
    }
}

/* Called late, it says how long the tone is by now, once. */
static void late_poll(void **state) {
    (void)state;
    struct rtp_tone tone = {0};
    struct rtp_tone_packet packet;
    struct rtp_telephone_event event;
    assert_int_equal(rtp_tone_start(&tone, 0, 1, 0, 1000, RATE, 0), RTP_OK);
    assert_true(rtp_tone_poll(&tone, 500000, &packet));
    rtp_telephone_event_read(packet.bytes, 0, &event);
    assert_int_equal(event.duration, 4000);
    assert_false(rtp_tone_poll(&tone, 500000, &packet));
    assert_true(rtp_tone_poll(&tone, 9000000, &packet));
    rtp_telephone_event_read(packet.bytes, 0, &event);
    assert_true(event.end);
    assert_int_equal(event.duration, 8000);
}

static void tone_limits(void **state) {
    (void)state;
    static const struct {
        uint8_t event, volume;
        uint32_t duration_ms, rate;
        int expected;
    } rows[] = {
        {16, 63, RTP_TONE_MAX_MS, RATE, RTP_OK},
        {17, 0, 100, RATE, RTP_ERROR_ARGUMENT},
        {0, 64, 100, RATE, RTP_ERROR_ARGUMENT},
        {0, 62, RTP_TONE_MIN_MS - 1, RATE, RTP_ERROR_ARGUMENT},
        {15, 0, RTP_TONE_MIN_MS, RATE, RTP_OK},
        {0, 0, RTP_TONE_MIN_MS + 1, RATE, RTP_OK},
        {0, 0, RTP_TONE_MAX_MS - 1, RATE, RTP_OK},
        {0, 0, RTP_TONE_MAX_MS + 1, RATE, RTP_ERROR_ARGUMENT},
        {0, 0, 100, 0, RTP_ERROR_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rtp_tone tone = {0};
        assert_int_equal(rtp_tone_start(&tone, 0, rows[i].event, rows[i].volume, rows[i].duration_ms, rows[i].rate, 0), rows[i].expected);
        assert_int_equal(tone.active, rows[i].expected == RTP_OK);
    }
    struct rtp_tone tone = {0};
    assert_int_equal(rtp_tone_start(&tone, 0, 1, 0, 100, RATE, 0), RTP_OK);
    assert_int_equal(rtp_tone_start(&tone, 0, 2, 0, 100, RATE, 0), RTP_ERROR_STATE);
}

/* ---- receiving ------------------------------------------------------------------------------------------------------- */

static void hear(struct rtp_tone_receiver *receiver, uint64_t now_ms, uint32_t timestamp, bool marker, uint8_t event, uint16_t duration, bool end) {
    uint8_t bytes[RTP_TELEPHONE_EVENT_BYTES];
    rtp_telephone_event_write(&(struct rtp_telephone_event){event, end, 10, duration}, bytes);
    assert_int_equal(rtp_tone_receiver_take(receiver, now_ms * 1000, RATE, timestamp, marker, bytes, sizeof bytes), RTP_OK);
}

static void heard(struct rtp_tone_receiver *receiver, uint64_t now_ms, uint8_t event, uint32_t timestamp, uint32_t duration_ms) {
    struct rtp_received_tone tone;
    assert_true(rtp_tone_receiver_poll(receiver, now_ms * 1000, &tone));
    assert_int_equal(tone.event, event);
    assert_int_equal(tone.volume, 10);
    assert_int_equal(tone.timestamp, timestamp);
    assert_int_equal(tone.duration_us, duration_ms * 1000);
}

static void silent(struct rtp_tone_receiver *receiver, uint64_t now_ms) {
    struct rtp_received_tone tone;
    assert_false(rtp_tone_receiver_poll(receiver, now_ms * 1000, &tone));
}

/* RFC 4733 section 5: somebody dials 911, told every 50 ms; the last packet of each is sent three times, the first of these without E when
 * the sender does not know yet that it is the last. */
static const struct {
    uint32_t at_ms, timestamp;
    bool marker;
    uint8_t event;
    uint16_t duration;
    bool end;
} dialled[] = {
    {50, 0, true, 9, 400, false}, {100, 0, false, 9, 800, false}, {150, 0, false, 9, 1200, false}, {200, 0, false, 9, 1600, false},
    {250, 0, false, 9, 1600, true}, {300, 0, false, 9, 1600, true},
    {930, 7040, true, 1, 400, false}, {980, 7040, false, 1, 800, false}, {1030, 7040, false, 1, 1200, false}, {1080, 7040, false, 1, 1600, false},
    {1130, 7040, false, 1, 2000, true}, {1180, 7040, false, 1, 2000, true}, {1230, 7040, false, 1, 2000, true},
    {1450, 11200, true, 1, 400, false}, {1500, 11200, false, 1, 800, false}, {1550, 11200, false, 1, 1200, false}, {1600, 11200, false, 1, 1600, false},
    {1650, 11200, false, 1, 1760, true}, {1700, 11200, false, 1, 1760, true}, {1750, 11200, false, 1, 1760, true},
};
#define DIALLED (sizeof dialled / sizeof dialled[0])

static void example_911(void **state) {
    (void)state;
    struct rtp_tone_receiver receiver = {0};
    for (size_t i = 0; i < DIALLED; i++) {
        hear(&receiver, dialled[i].at_ms, dialled[i].timestamp, dialled[i].marker, dialled[i].event, dialled[i].duration, dialled[i].end);
        if (dialled[i].end && !dialled[i - 1].end) {
            heard(&receiver, dialled[i].at_ms, dialled[i].event, dialled[i].timestamp, dialled[i].duration / 8);
        }
        silent(&receiver, dialled[i].at_ms);
    }
    silent(&receiver, 100000);
}

/* Whichever packets of the example are lost: three tones, while one packet of each is left; and each at most once. */
static void example_with_loss(void **state) {
    (void)state;
    for (uint32_t lost = 0; lost < 1u << DIALLED; lost += 37) {
        struct rtp_tone_receiver receiver = {0};
        struct rtp_received_tone tone;
        bool left[3] = {false};
        size_t expected = 0, count = 0;
        for (size_t i = 0; i < DIALLED; i++) {
            if ((lost >> i & 1) == 0) {
                left[dialled[i].timestamp == 0 ? 0 : dialled[i].timestamp == 7040 ? 1 : 2] = true;
                hear(&receiver, dialled[i].at_ms, dialled[i].timestamp, dialled[i].marker, dialled[i].event, dialled[i].duration, dialled[i].end);
            }
        }
        expected = (size_t)left[0] + left[1] + left[2];
        while (rtp_tone_receiver_poll(&receiver, 10000000, &tone)) {
            count++;
        }
        assert_int_equal(count, expected);
    }
}

/* Packets of one tone in any order, and again when it is over. */
static void reordered(void **state) {
    (void)state;
    struct rtp_tone_receiver receiver = {0};
    hear(&receiver, 40, 0, false, 5, 320, false);
    hear(&receiver, 41, 0, true, 5, 160, false);
    hear(&receiver, 60, 0, false, 5, 480, true);
    hear(&receiver, 61, 0, false, 5, 400, false);
    heard(&receiver, 61, 5, 0, 60);
    hear(&receiver, 1000, 8000, true, 5, 160, false);
    hear(&receiver, 1001, 0, false, 5, 480, true);
    silent(&receiver, 1001);
    hear(&receiver, 1020, 8000, false, 5, 320, true);
    heard(&receiver, 1020, 5, 8000, 40);
    silent(&receiver, 99999);
}

/* Without a packet for RTP_TONE_SILENCE_US a tone has ended. */
static void silence(void **state) {
    (void)state;
    struct rtp_tone_receiver receiver = {0};
    assert_int_equal(rtp_tone_receiver_next_timeout(&receiver), UINT64_MAX);
    hear(&receiver, 100, 0, true, 5, 160, false);
    assert_int_equal(rtp_tone_receiver_next_timeout(&receiver), 100000 + RTP_TONE_SILENCE_US);
    silent(&receiver, 100 + RTP_TONE_SILENCE_US / 1000 - 1);
    heard(&receiver, 100 + RTP_TONE_SILENCE_US / 1000, 5, 0, 20);
    assert_int_equal(rtp_tone_receiver_next_timeout(&receiver), UINT64_MAX);
    hear(&receiver, 400, 0, false, 5, 160, true); /* its end, too late */
    silent(&receiver, 10000);
}

/* RFC 4733 section 2.5.2.3: lost packets, even a lost segment, do not break a long tone; a marker does, and another event. */
static void long_tones(void **state) {
    (void)state;
    struct rtp_tone_receiver receiver = {0};
    hear(&receiver, 20, 0, true, 5, 160, false);
    hear(&receiver, 100, 0xFFFF, false, 5, 160, false);
    hear(&receiver, 200, 3u * 0xFFFF, false, 5, 163, true);
    heard(&receiver, 200, 5, 0, (3u * 0xFFFF + 163) / 8);
    hear(&receiver, 300, 5u * 0xFFFF, true, 6, 160, false);
    hear(&receiver, 310, 6u * 0xFFFF, true, 6, 160, false);
    heard(&receiver, 310, 6, 5u * 0xFFFF, 20);
    hear(&receiver, 320, 7u * 0xFFFF, false, 7, 160, false);
    heard(&receiver, 320, 6, 6u * 0xFFFF, 20);
    hear(&receiver, 330, 7u * 0xFFFF + 100, false, 7, 160, true);
    heard(&receiver, 330, 7, 7u * 0xFFFF, 20);
    heard(&receiver, 330, 7, 7u * 0xFFFF + 100, 20);
}

/* RFC 4733 section 2.5.1.5: one packet with several events, each beginning where the one before ends. */
static void several_in_one_packet(void **state) {
    (void)state;
    struct rtp_tone_receiver receiver = {0};
    const uint8_t bytes[] = {1, 0x8A, 0, 160, 2, 0x0A, 0, 80, 3, 0x0A, 0, 40};
    for (int again = 0; again < 2; again++) {
        assert_int_equal(rtp_tone_receiver_take(&receiver, 0, RATE, 1000, true, bytes, sizeof bytes), RTP_OK);
    }
    heard(&receiver, 0, 1, 1000, 20);
    heard(&receiver, 0, 2, 1160, 10);
    silent(&receiver, 0);
    heard(&receiver, RTP_TONE_SILENCE_US, 3, 1240, 5);
}

/* RTP_TONES_ENDED_MAX: what is beyond is counted. */
static void too_many(void **state) {
    (void)state;
    for (size_t tones = RTP_TONES_ENDED_MAX - 1; tones <= RTP_TONES_ENDED_MAX + 1; tones++) {
        struct rtp_tone_receiver receiver = {0};
        struct rtp_received_tone tone;
        size_t count = 0;
        for (uint32_t i = 0; i < tones; i++) {
            hear(&receiver, i, i * 1000, true, 1, 100, true);
        }
        assert_int_equal(receiver.dropped, tones > RTP_TONES_ENDED_MAX);
        while (rtp_tone_receiver_poll(&receiver, 0, &tone)) {
            assert_int_equal(tone.timestamp, count * 1000);
            count++;
        }
        assert_int_equal(count, tones > RTP_TONES_ENDED_MAX ? RTP_TONES_ENDED_MAX : tones);
    }
}

/* ---- through sessions ------------------------------------------------------------------------------------------------ */

static const struct rtp_payload_mapping receive_types[] = {{0, RTP_CODEC_PCMU, 0}, {101, RTP_CODEC_TELEPHONE_EVENT, 0}};

/*
 * Two sessions, 20 ms frames of PCMU without end, and a tone among them: sequence numbers without a gap, every frame of audio in time,
 * the tone heard once. With loss: the tone still is heard.
 */
static void beside_audio(void **state) {
    (void)state;
    for (unsigned lose_every = 0; lose_every < 12; lose_every++) {
        struct rtp_session *near = crafted_session(), *far = crafted_session();
        struct rtp_sender_config config = {.codec = RTP_CODEC_PCMU, .payload_type = 0, .telephone_event = true, .telephone_event_payload_type = 101};
        struct rtp_receiver_config far_config = {.payload_types = receive_types, .payload_type_count = 2};
        struct rtp_sender *sender;
        struct rtp_receiver *receiver;
        static uint8_t frame[160];
        unsigned frames = 0, tones = 0, sent_events = 0, packets = 0, audio_sent = 0, markers = 0, lost = 0;
        int32_t last_sequence = -1;
        uint64_t longest_us = 0;
        assert_int_equal(rtp_session_add_sender(near, 0, &config, &sender), RTP_OK);
        assert_int_equal(rtp_session_add_receiver(far, 0, &far_config, &receiver), RTP_OK);
        for (uint64_t now_us = 20000; now_us < 3000000; now_us += 1000) {
            if (now_us % 20000 == 0 && now_us < 2000000) {
                struct rtp_frame audio = {.bytes = frame, .length = sizeof frame, .timestamp = (uint32_t)(now_us / 125)};
                assert_int_equal(rtp_session_send_frame(near, now_us, sender, &audio), RTP_OK);
                audio_sent++;
            }
            if (now_us == 507000) {
                assert_int_equal(rtp_session_send_tone(near, now_us, sender, 7, 12, 250), RTP_OK);
                assert_int_equal(rtp_session_send_tone(near, now_us, sender, 8, 12, 250), RTP_ERROR_STATE);
            }
            uint8_t bytes[RTP_PACKET_MAX_BYTES];
            size_t length;
            enum rtp_packet_kind kind;
            while (rtp_session_poll_packet(near, now_us, bytes, sizeof bytes, &length, &kind)) {
                struct rtp_packet packet;
                if (kind == RTP_PACKET_CONTROL) {
                    continue;
                }
                assert_int_equal(rtp_packet_parse(bytes, length, &packet), RTP_OK);
                assert_true(last_sequence < 0 || packet.sequence_number == (uint16_t)(last_sequence + 1));
                last_sequence = packet.sequence_number;
                if (packet.payload_type == 101) {
                    markers += packet.marker;
                }
                if (lose_every != 0 && ++packets % (lose_every + 1) == 0) {
                    lost++;
                    continue;
                }
                (void)rtp_session_handle_rtp(far, now_us, bytes, length);
            }
            rtp_session_handle_timeout(near, now_us);
            rtp_session_handle_timeout(far, now_us);
            struct rtp_event event;
            while (rtp_session_poll_event(near, now_us, &event)) {
                sent_events += event.type == RTP_EVENT_TONE_SENT && event.sender == sender;
            }
            while (rtp_session_poll_event(far, now_us, &event)) {
                assert_ptr_equal(event.receiver, receiver);
                if (event.type == RTP_EVENT_TONE) {
                    tones++;
                    assert_int_equal(event.tone.event, 7);
                    assert_int_equal(event.tone.volume, 12);
                    longest_us = event.tone.duration_us;
                } else if (event.type == RTP_EVENT_FRAME) {
                    frames++;
                    assert_int_equal(event.frame.codec, RTP_CODEC_PCMU);
                    assert_int_equal(event.frame.length, sizeof frame);
                }
            }
            assert_true(rtp_session_next_timeout(far) > now_us);
        }
        assert_int_equal(sent_events, 1);
        assert_int_equal(tones, 1);
        assert_int_equal(markers, 1);
        if (lose_every == 0) {
            assert_int_equal(frames, audio_sent);
            assert_int_equal(longest_us, 250000);
            struct rtp_receiver_statistics statistics;
            rtp_receiver_statistics(receiver, &statistics);
            assert_int_equal(statistics.packets_lost, 0);
            /* RFC 4733 section 2.2.1: in the jitter they all count. In the playout delay they do not. */
            assert_true(statistics.jitter_us > 1000);
            assert_true(statistics.target_delay_us <= 45000);
        }
        rtp_session_free(near);
        rtp_session_free(far);
    }
}

/* Not agreed, video, paused, closed: no tone; a pause in its midst ends it. */
static void tone_states(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_sender_config plain = {.codec = RTP_CODEC_PCMU, .payload_type = 0}, video = {.codec = RTP_CODEC_VP8, .payload_type = 96, .telephone_event = true};
    struct rtp_sender *sender, *picture;
    struct drained out;
    assert_int_equal(rtp_session_add_sender(session, 0, &plain, &sender), RTP_OK);
    assert_int_equal(rtp_session_add_sender(session, 0, &video, &picture), RTP_OK);
    assert_int_equal(rtp_session_send_tone(session, 0, sender, 1, 0, 100), RTP_ERROR_STATE);
    assert_int_equal(rtp_session_send_tone(session, 0, picture, 1, 0, 100), RTP_ERROR_STATE);
    plain.telephone_event = true;
    plain.telephone_event_payload_type = 128;
    assert_int_equal(rtp_session_update_sender(session, 0, sender, &plain), RTP_ERROR_ARGUMENT);
    plain.telephone_event_payload_type = 127;
    assert_int_equal(rtp_session_update_sender(session, 0, sender, &plain), RTP_OK);
    assert_int_equal(rtp_session_send_tone(session, 0, sender, 99, 0, 100), RTP_ERROR_ARGUMENT);
    assert_int_equal(rtp_session_send_tone(session, 0, sender, 1, 0, 100), RTP_OK);
    crafted_drain(session, 20000, &out);
    assert_int_equal(out.media, 1);
    assert_int_equal(out.first.payload_type, 127);
    plain.paused = true;
    assert_int_equal(rtp_session_update_sender(session, 30000, sender, &plain), RTP_OK);
    assert_int_equal(crafted_events(session, 30000, RTP_EVENT_TONE_SENT), 1);
    assert_int_equal(rtp_session_send_tone(session, 30000, sender, 1, 0, 100), RTP_ERROR_STATE);
    crafted_drain(session, 90000, &out);
    assert_int_equal(out.media, 0);
    plain.paused = false;
    assert_int_equal(rtp_session_update_sender(session, 90000, sender, &plain), RTP_OK);
    rtp_session_bye(session, 100000);
    assert_int_equal(rtp_session_send_tone(session, 100000, sender, 1, 0, 100), RTP_ERROR_STATE);
    rtp_session_free(session);
}

/* A broken payload is counted, and is no tone. */
static void malformed(void **state) {
    (void)state;
    struct rtp_session *session = crafted_session();
    struct rtp_receiver_config config = {.payload_types = receive_types, .payload_type_count = 2};
    struct rtp_receiver *receiver;
    struct rtp_receiver_statistics statistics;
    assert_int_equal(rtp_session_add_receiver(session, 0, &config, &receiver), RTP_OK);
    for (size_t length = 0; length <= 8; length++) {
        static const uint8_t bytes[8] = {1, 0x80, 0, 100, 2, 0x80, 0, 100};
        int expected = length % 4 == 0 ? RTP_OK : RTP_ERROR_MALFORMED;
        assert_int_equal(crafted_receive(session, 0, &(struct crafted){.ssrc = 7, .payload_type = 101, .sequence_number = (uint16_t)length,
                                                                       .timestamp = 1000 * (uint32_t)length,
                                                                       .payload = bytes, .payload_bytes = length}), expected);
    }
    rtp_receiver_statistics(receiver, &statistics);
    assert_int_equal(statistics.packets_malformed, 6);
    assert_int_equal(crafted_events(session, 0, RTP_EVENT_TONE), 3);
    rtp_session_free(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload), cmocka_unit_test(keys), cmocka_unit_test(truncation), cmocka_unit_test(one_tone), cmocka_unit_test(odd_duration),
        cmocka_unit_test(segments), cmocka_unit_test(late_poll), cmocka_unit_test(tone_limits), cmocka_unit_test(example_911), cmocka_unit_test(example_with_loss),
        cmocka_unit_test(reordered), cmocka_unit_test(silence), cmocka_unit_test(long_tones), cmocka_unit_test(several_in_one_packet), cmocka_unit_test(too_many),
        cmocka_unit_test(beside_audio), cmocka_unit_test(tone_states), cmocka_unit_test(malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
