/* app/peer/peer_media.c and peer_dtmf.c: what offers and answers in mid-call make of the streams; keys of a telephone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "test/peer/connection_pair.h"

#define SECOND_US 1000000u

static struct peer_connection *end_of(struct connection_pair *pair, int end) {
    return pair->ends[end].connection;
}

static void negotiate(struct connection_pair *pair, int from) {
    connection_pair_drain(pair, from);
    assert_int_equal(connection_pair_describe_from(pair, from), PEER_OK);
    connection_pair_drain(pair, 0);
    connection_pair_drain(pair, 1);
}

/* The dictionary of one transceiver. False: there is none. */
static bool statistics_of(struct connection_pair *pair, int end, enum peer_statistics_type type, size_t transceiver, struct peer_statistics *out) {
    size_t cursor = 0;
    while (peer_connection_statistics(end_of(pair, end), &cursor, out)) {
        size_t index = type == PEER_STATISTICS_INBOUND_RTP ? out->as.inbound_rtp.transceiver : out->as.outbound_rtp.transceiver;
        if (out->type == type && index == transceiver)
            return true;
    }
    return false;
}

static uint32_t ssrc_sent(struct connection_pair *pair, int end, size_t transceiver) {
    struct peer_statistics report;
    assert_true(statistics_of(pair, end, PEER_STATISTICS_OUTBOUND_RTP, transceiver, &report));
    return report.as.outbound_rtp.ssrc;
}

static void start_media(struct connection_pair *pair, uint64_t seed) {
    assert_true(connection_pair_connect(pair, seed));
    pair->media_from_us = pair->now_us;
    connection_pair_run(pair, pair->now_us + SECOND_US);
}

/* RFC 3264 section 8.4: a direction that says no, and yes again. The stream is the same as before, and video begins with a key frame. */
static void test_hold_and_resume(void **state) {
    (void)state;
    struct connection_pair pair;
    start_media(&pair, 31);
    uint32_t ssrc = ssrc_sent(&pair, 0, CONNECTION_PAIR_VIDEO);
    for (int who = 0; who < 2; who++) {
        /* Who asks does not matter: the sender stops sending, or the receiver receiving. */
        assert_int_equal(peer_connection_set_direction(end_of(&pair, who), CONNECTION_PAIR_VIDEO, who == 0 ? PEER_RECVONLY : PEER_SENDONLY), PEER_OK);
        negotiate(&pair, who);
        connection_pair_run(&pair, pair.now_us + SECOND_US / 2);
        uint32_t frames = pair.ends[1].frames_received[CONNECTION_PAIR_VIDEO], others = pair.ends[0].frames_received[CONNECTION_PAIR_VIDEO];
        uint32_t audio = pair.ends[1].frames_received[CONNECTION_PAIR_AUDIO];
        connection_pair_run(&pair, pair.now_us + 2 * SECOND_US);
        assert_int_equal(pair.ends[1].frames_received[CONNECTION_PAIR_VIDEO], frames);
        assert_true(pair.ends[0].frames_received[CONNECTION_PAIR_VIDEO] > others + 50);
        assert_true(pair.ends[1].frames_received[CONNECTION_PAIR_AUDIO] > audio + 90);
        struct peer_statistics report;
        assert_true(statistics_of(&pair, 0, PEER_STATISTICS_OUTBOUND_RTP, CONNECTION_PAIR_VIDEO, &report));
        assert_false(report.as.outbound_rtp.active);
        unsigned keys = pair.ends[1].key_frames_received[CONNECTION_PAIR_VIDEO];
        assert_int_equal(peer_connection_set_direction(end_of(&pair, who), CONNECTION_PAIR_VIDEO, PEER_SENDRECV), PEER_OK);
        negotiate(&pair, who);
        connection_pair_run(&pair, pair.now_us + SECOND_US);
        assert_true(pair.ends[1].frames_received[CONNECTION_PAIR_VIDEO] > frames + 20);
        assert_true(pair.ends[1].key_frames_received[CONNECTION_PAIR_VIDEO] > keys);
        assert_int_equal(ssrc_sent(&pair, 0, CONNECTION_PAIR_VIDEO), ssrc);
        assert_true(statistics_of(&pair, 1, PEER_STATISTICS_INBOUND_RTP, CONNECTION_PAIR_VIDEO, &report));
        assert_int_equal(report.as.inbound_rtp.packets_lost, 0);
        assert_int_equal(pair.ends[1].broken_frames[CONNECTION_PAIR_VIDEO], 0);
    }
    connection_pair_stop(&pair);
}

/* RFC 7160 section 4.1: from Opus to PCMU is another clock rate, so another SSRC, and BYE for the old one; the streams of others go on. */
static void test_audio_codec_in_mid_call(void **state) {
    (void)state;
    struct connection_pair pair;
    static const struct peer_codec_capability pcmu = {PEER_CODEC_PCMU, NULL};
    start_media(&pair, 32);
    uint32_t before = ssrc_sent(&pair, 0, CONNECTION_PAIR_AUDIO), video = ssrc_sent(&pair, 0, CONNECTION_PAIR_VIDEO);
    assert_int_equal(pair.ends[1].last_codec[CONNECTION_PAIR_AUDIO], PEER_CODEC_OPUS);
    assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, 0), CONNECTION_PAIR_AUDIO, &pcmu, 1), PEER_OK);
    negotiate(&pair, 0);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND_US);
    assert_int_equal(pair.ends[1].last_codec[CONNECTION_PAIR_AUDIO], PEER_CODEC_PCMU);
    assert_int_equal(pair.ends[0].last_codec[CONNECTION_PAIR_AUDIO], PEER_CODEC_PCMU);
    assert_int_not_equal(ssrc_sent(&pair, 0, CONNECTION_PAIR_AUDIO), before);
    assert_int_equal(ssrc_sent(&pair, 0, CONNECTION_PAIR_VIDEO), video);
    struct peer_statistics report;
    assert_true(statistics_of(&pair, 1, PEER_STATISTICS_INBOUND_RTP, CONNECTION_PAIR_AUDIO, &report));
    assert_int_equal(report.as.inbound_rtp.ssrc, ssrc_sent(&pair, 0, CONNECTION_PAIR_AUDIO));
    assert_int_equal(report.as.inbound_rtp.codec, PEER_CODEC_PCMU);
    assert_int_equal(pair.ends[1].key_frames_received[CONNECTION_PAIR_VIDEO], 1);
    connection_pair_stop(&pair);
}

/* W3C webrtc section 5.4, stop: at once nothing more, and BYE; then a track in another section; both ends free what they do not need. */
static void test_stop_and_add(void **state) {
    (void)state;
    struct connection_pair pair;
    size_t index;
    start_media(&pair, 33);
    pair.media_from_us = UINT64_MAX;
    assert_int_equal(peer_connection_stop_transceiver(end_of(&pair, 0), CONNECTION_PAIR_VIDEO), PEER_OK);
    assert_int_equal(connection_pair_send_frame(&pair, 0, CONNECTION_PAIR_VIDEO), PEER_ERROR_STATE);
    connection_pair_run(&pair, pair.now_us + SECOND_US);
    assert_int_equal(pair.ends[1].ended, 1);
    struct peer_statistics report;
    assert_false(statistics_of(&pair, 0, PEER_STATISTICS_OUTBOUND_RTP, CONNECTION_PAIR_VIDEO, &report));
    negotiate(&pair, 0);
    assert_false(statistics_of(&pair, 1, PEER_STATISTICS_INBOUND_RTP, CONNECTION_PAIR_VIDEO, &report));
    struct peer_transceiver_config config = {.kind = PEER_VIDEO};
    assert_int_equal(peer_connection_add_track(end_of(&pair, 0), &config, &index), PEER_OK);
    negotiate(&pair, 0);
    static uint8_t bytes[500] = {0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01};
    struct peer_frame frame = {bytes, sizeof bytes, 0, 0, true};
    assert_int_equal(peer_connection_send_frame(end_of(&pair, 0), pair.now_us, index, &frame), PEER_OK);
    connection_pair_run(&pair, pair.now_us + SECOND_US);
    uint32_t received = 0;
    for (size_t i = 2; i < PEER_TRANSCEIVER_MAX; i++)
        received += pair.ends[1].frames_received[i];
    assert_int_equal(received, 1);
    connection_pair_stop(&pair);
}

/* How long a frame of video has waited in the jitter buffer of end 1, on average. */
static uint64_t video_waits_us(struct connection_pair *pair) {
    struct peer_statistics report;
    assert_true(statistics_of(pair, 1, PEER_STATISTICS_INBOUND_RTP, CONNECTION_PAIR_VIDEO, &report));
    assert_true(report.as.inbound_rtp.jitter_buffer_emitted_count > 100);
    return report.as.inbound_rtp.jitter_buffer_delay_us / report.as.inbound_rtp.jitter_buffer_emitted_count;
}

/* RFC 8830 section 2: in the offer, what is in stream "0" is in none. */
static void describe_without_stream(struct connection_pair *pair) {
    assert_int_equal(connection_pair_set_local(pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_read(pair, 0, PEER_LOCAL), PEER_OK);
    for (char *at = pair->text; (at = strstr(at, "a=msid:0 ")) != NULL;)
        at[7] = '-';
    assert_int_equal(peer_connection_set_remote_description(end_of(pair, 1), pair->now_us, PEER_SDP_OFFER, pair->text, strlen(pair->text), NULL), PEER_OK);
    connection_pair_drain(pair, 1);
    assert_int_equal(connection_pair_set_local(pair, 1, PEER_SDP_ANSWER), PEER_OK);
    assert_int_equal(connection_pair_give_description(pair, 1), PEER_OK);
}

/* W3C mediacapture-streams section 4.1: pictures wait for the sound of their MediaStream, and for no other. */
static void test_in_step_with_the_sound_of_its_stream(void **state) {
    (void)state;
    static const char *const streams[] = {"one", "two", "0"};
    static const struct {
        const char *const *of[2];
        bool waits;
    } rows[] = {{{NULL, NULL}, true}, {{&streams[0], &streams[0]}, true}, {{&streams[0], &streams[1]}, false}, {{&streams[0], NULL}, false}, {{&streams[2], &streams[2]}, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct connection_pair pair;
        size_t index;
        assert_true(connection_pair_start(&pair, 60 + i, NULL, false));
        for (int end = 0; end < 2; end++)
            for (int kind = 0; kind < 2; kind++) {
                struct peer_transceiver_config track = {.kind = (enum peer_media_kind)kind, .streams = rows[i].of[kind], .stream_count = rows[i].of[kind] ? 1 : 0};
                assert_int_equal(peer_connection_add_track(end_of(&pair, end), &track, &index), PEER_OK);
            }
        connection_pair_drain(&pair, 0);
        connection_pair_drain(&pair, 1);
        describe_without_stream(&pair);
        pair.media_from_us = pair.now_us + SECOND_US;
        connection_pair_run(&pair, pair.now_us + 10 * SECOND_US);
        /* The sound's jitter buffer begins with 40 ms, and goes down to 20 (jitter_buffer.h). */
        if (rows[i].waits)
            assert_in_range(video_waits_us(&pair), 15000, 40000);
        else
            assert_in_range(video_waits_us(&pair), 0, 5000);
        connection_pair_stop(&pair);
    }
}

/* With loss, over and over: what is agreed in the end works. */
static void test_changes_with_loss(void **state) {
    (void)state;
    for (uint64_t seed = 41; seed < 45; seed++) {
        struct connection_pair pair;
        start_media(&pair, seed);
        pair.loss = 0.05;
        for (unsigned round = 0; round < 24; round++) {
            int who = (int)(connection_pair_random(&pair) % 2);
            size_t index = connection_pair_random(&pair) % 2;
            enum peer_direction direction = (enum peer_direction)(connection_pair_random(&pair) % 4);
            assert_int_equal(peer_connection_set_direction(end_of(&pair, who), index, direction), PEER_OK);
            negotiate(&pair, who);
            connection_pair_run(&pair, pair.now_us + SECOND_US / 4);
        }
        pair.loss = 0;
        for (int end = 0; end < 2; end++)
            for (size_t t = 0; t < 2; t++)
                assert_int_equal(peer_connection_set_direction(end_of(&pair, end), t, PEER_SENDRECV), PEER_OK);
        negotiate(&pair, 0);
        connection_pair_run(&pair, pair.now_us + SECOND_US);
        uint32_t before[2][2];
        memcpy(before[0], pair.ends[0].frames_received, sizeof before[0]);
        memcpy(before[1], pair.ends[1].frames_received, sizeof before[1]);
        connection_pair_run(&pair, pair.now_us + 2 * SECOND_US);
        for (int end = 0; end < 2; end++) {
            assert_true(pair.ends[end].frames_received[CONNECTION_PAIR_AUDIO] > before[end][0] + 90);
            assert_true(pair.ends[end].frames_received[CONNECTION_PAIR_VIDEO] > before[end][1] + 50);
            assert_int_equal(pair.ends[end].broken_frames[0] + pair.ends[end].broken_frames[1], 0);
        }
        connection_pair_stop(&pair);
    }
}

/* W3C webrtc section 7.2: each key once, at both ends, in order, also when packets are lost; the last event says that all are sent. */
static void test_keys(void **state) {
    (void)state;
    for (int lossy = 0; lossy < 2; lossy++) {
        struct connection_pair pair;
        start_media(&pair, 51);
        pair.loss = lossy ? 0.1 : 0;
        assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, "1,2A#d", 100, 70), PEER_OK);
        connection_pair_run(&pair, pair.now_us + 5 * SECOND_US);
        assert_string_equal(pair.ends[0].keys_sent, "1,2A#d.");
        assert_string_equal(pair.ends[1].keys_heard, "12A#D");
        assert_int_equal(pair.ends[1].broken_frames[CONNECTION_PAIR_AUDIO], 0);
        /* The shortest gap is shorter than the end of a tone takes (RFC 4733 section 2.5.1.4): none is lost for that. */
        pair.ends[0].keys_sent[0] = pair.ends[1].keys_heard[0] = '\0';
        assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, "0987", 40, 30), PEER_OK);
        connection_pair_run(&pair, pair.now_us + 2 * SECOND_US);
        assert_string_equal(pair.ends[0].keys_sent, "0987.");
        assert_string_equal(pair.ends[1].keys_heard, "0987");
        connection_pair_stop(&pair);
    }
}

/* RFC 3264 section 6.1: what was agreed is received, also the last of PEER_CODEC_PREFERENCE_MAX codecs, behind which the key presses stand. */
static void test_keys_behind_many_codecs(void **state) {
    (void)state;
    struct connection_pair pair;
    struct peer_codec_capability many[PEER_CODEC_PREFERENCE_MAX];
    char parameters[PEER_CODEC_PREFERENCE_MAX][16];
    for (size_t i = 0; i < PEER_CODEC_PREFERENCE_MAX; i++) {
        (void)snprintf(parameters[i], sizeof parameters[i], "maxptime=%zu", 10 + i);
        many[i] = (struct peer_codec_capability){i == 1 ? PEER_CODEC_PCMU : PEER_CODEC_OPUS, parameters[i]};
    }
    start_media(&pair, 53);
    for (int end = 0; end < 2; end++)
        assert_int_equal(peer_connection_set_codec_preferences(end_of(&pair, end), CONNECTION_PAIR_AUDIO, many, PEER_CODEC_PREFERENCE_MAX), PEER_OK);
    negotiate(&pair, 0);
    assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, "12", 100, 70), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND_US);
    assert_string_equal(pair.ends[0].keys_sent, "12.");
    assert_string_equal(pair.ends[1].keys_heard, "12");
    connection_pair_stop(&pair);
}

/* Keys that are pressed before there is a path wait for it, and nobody is woken up for them meanwhile. */
static void test_keys_wait_for_the_path(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 54, NULL, true));
    pair.trickle = false;
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, "12", 100, 70), PEER_OK);
    unsigned woken = 0;
    uint64_t until_us = pair.now_us + 5 * SECOND_US;
    for (uint64_t next_us; (next_us = peer_connection_next_timeout(end_of(&pair, 0))) < until_us; woken++) {
        pair.now_us = next_us > pair.now_us ? next_us : pair.now_us + 1;
        peer_connection_handle_timeout(end_of(&pair, 0), pair.now_us);
        connection_pair_drain(&pair, 0);
    }
    assert_true(woken < 20);
    assert_string_equal(pair.ends[0].keys_sent, "");
    for (int i = 0; i < 2; i++)
        connection_pair_give_candidates(&pair, i);
    pair.media_from_us = pair.now_us;
    connection_pair_run(&pair, pair.now_us + 3 * SECOND_US);
    assert_string_equal(pair.ends[0].keys_sent, "12.");
    assert_string_equal(pair.ends[1].keys_heard, "12");
    connection_pair_stop(&pair);
}

/* A new call replaces what is left; the empty one ends it; a direction that says no ends it too. */
static void test_keys_replaced(void **state) {
    (void)state;
    struct connection_pair pair;
    start_media(&pair, 52);
    assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, "123456789", 200, 100), PEER_OK);
    connection_pair_run(&pair, pair.now_us + SECOND_US / 2);
    assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, "A", 100, 70), PEER_OK);
    connection_pair_run(&pair, pair.now_us + 2 * SECOND_US);
    assert_string_equal(pair.ends[0].keys_sent, "12A.");
    assert_string_equal(pair.ends[1].keys_heard, "12A");
    assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, "555", 200, 100), PEER_OK);
    connection_pair_run(&pair, pair.now_us + SECOND_US / 10);
    assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, "", 200, 100), PEER_OK);
    connection_pair_run(&pair, pair.now_us + SECOND_US);
    assert_string_equal(pair.ends[0].keys_sent, "12A.5.");
    assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, "666", 200, 100), PEER_OK);
    connection_pair_run(&pair, pair.now_us + SECOND_US / 10);
    assert_int_equal(peer_connection_set_direction(end_of(&pair, 0), CONNECTION_PAIR_AUDIO, PEER_RECVONLY), PEER_OK);
    negotiate(&pair, 0);
    connection_pair_run(&pair, pair.now_us + SECOND_US);
    assert_string_equal(pair.ends[0].keys_sent, "12A.5.6.");
    assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, "7", 200, 100), PEER_ERROR_STATE);
    connection_pair_stop(&pair);
}

static void test_keys_refused(void **state) {
    (void)state;
    struct connection_pair pair;
    char most[PEER_DTMF_MAX_TONES + 2];
    memset(most, '1', sizeof most);
    most[PEER_DTMF_MAX_TONES + 1] = '\0';
    start_media(&pair, 53);
    static const struct {
        size_t index;
        const char *tones;
        uint32_t duration_ms, gap_ms;
        int expected;
    } rows[] = {
        {31, "1", 100, 70, PEER_ERROR_NOT_FOUND},
        {CONNECTION_PAIR_VIDEO, "1", 100, 70, PEER_ERROR_STATE},
        {CONNECTION_PAIR_AUDIO, NULL, 100, 70, PEER_ERROR_ARGUMENT},
        {CONNECTION_PAIR_AUDIO, "1E", 100, 70, PEER_ERROR_ARGUMENT},
        {CONNECTION_PAIR_AUDIO, "R", 100, 70, PEER_ERROR_ARGUMENT},
        {CONNECTION_PAIR_AUDIO, "1", 39, 70, PEER_ERROR_ARGUMENT},
        {CONNECTION_PAIR_AUDIO, "1", 6001, 70, PEER_ERROR_ARGUMENT},
        {CONNECTION_PAIR_AUDIO, "1", 100, 29, PEER_ERROR_ARGUMENT},
        {CONNECTION_PAIR_AUDIO, "1", 100, 6001, PEER_ERROR_ARGUMENT},
        {CONNECTION_PAIR_AUDIO, "1", 40, 30, PEER_OK},
        {CONNECTION_PAIR_AUDIO, "1", 6000, 6000, PEER_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, rows[i].index, rows[i].tones, rows[i].duration_ms, rows[i].gap_ms), rows[i].expected);
    for (int skip = 0; skip < 3; skip++)
        assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, most + skip, 100, 70),
                         skip == 0 ? PEER_ERROR_ARGUMENT : PEER_OK);
    peer_connection_close(end_of(&pair, 0), pair.now_us);
    assert_int_equal(peer_connection_insert_dtmf(end_of(&pair, 0), pair.now_us, CONNECTION_PAIR_AUDIO, "1", 100, 70), PEER_ERROR_STATE);
    connection_pair_stop(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold_and_resume), cmocka_unit_test(test_audio_codec_in_mid_call), cmocka_unit_test(test_stop_and_add),
        cmocka_unit_test(test_in_step_with_the_sound_of_its_stream),
        cmocka_unit_test(test_changes_with_loss), cmocka_unit_test(test_keys), cmocka_unit_test(test_keys_replaced), cmocka_unit_test(test_keys_refused),
        cmocka_unit_test(test_keys_behind_many_codecs), cmocka_unit_test(test_keys_wait_for_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
