/*
 * What ffmpeg encodes, sent by one session and received by another, in order and out of it, decodes to the same pictures as the file did.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "decoder.h"
#include "rtp/packet.h"
#include "rtp/session.h"

#define FRAMES 20
#define FILE_MAX_BYTES (4u << 20)
#define BURST_MAX_PACKETS 512
#define DISORDER_PACKETS 64

struct stream {
    enum rtp_codec codec;
    const char *encoder; /* of ffmpeg, with its options */
    const char *fourcc;
};

static const struct stream streams[] = {
    {RTP_CODEC_VP8, "libvpx -deadline realtime -cpu-used 8 -auto-alt-ref 0", "VP80"},
    {RTP_CODEC_VP9, "libvpx-vp9 -deadline realtime -cpu-used 8", "VP90"},
    {RTP_CODEC_H264, "libx264 -preset ultrafast -tune zerolatency -x264-params aud=1", NULL},
    {RTP_CODEC_AV1, "libaom-av1 -usage realtime -cpu-used 8", "AV01"},
};

/* ---- the file that ffmpeg wrote -------------------------------------------------------------------------------------- */

struct file {
    uint8_t *bytes;
    size_t length, at;
};

static bool next_ivf(struct file *file, const uint8_t **frame, size_t *length) {
    file->at = file->at == 0 ? 32 : file->at;
    if (file->length - file->at < 12) {
        return false;
    }
    const uint8_t *header = file->bytes + file->at;
    *length = (size_t)header[0] | (size_t)header[1] << 8 | (size_t)header[2] << 16 | (size_t)header[3] << 24;
    *frame = header + 12;
    assert_true(*length <= file->length - file->at - 12);
    file->at += 12 + *length;
    return true;
}

/* From one access unit delimiter, which we asked x264 for, to the next. */
static bool next_annex_b(struct file *file, const uint8_t **frame, size_t *length) {
    static const uint8_t delimiter[5] = {0, 0, 0, 1, 9};
    if (file->at == file->length) {
        return false;
    }
    size_t end = file->at + 1;
    while (file->length - end >= sizeof delimiter && memcmp(file->bytes + end, delimiter, sizeof delimiter) != 0) {
        end++;
    }
    end = file->length - end < sizeof delimiter ? file->length : end;
    *frame = file->bytes + file->at;
    *length = end - file->at;
    file->at = end;
    return true;
}

static struct file encode(const struct stream *stream, struct decoder_result *expected) {
    char path[] = P_tmpdir "/strata-encoder-XXXXXX";
    char arguments[800];
    const char *format = stream->fourcc != NULL ? "ivf" : "h264";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    snprintf(arguments, sizeof arguments, "-f lavfi -i testsrc2=size=320x180:rate=25 -frames:v %d -g 10 -b:v 1500k -pix_fmt yuv420p -c:v %s -f %s %s",
             FRAMES, stream->encoder, format, path);
    assert_true(decoder_run(arguments, expected));
    snprintf(arguments, sizeof arguments, "-f %s -i %s -fps_mode passthrough -f framecrc -", format, path);
    assert_true(decoder_run(arguments, expected));
    assert_true(expected->pictures == FRAMES && expected->complaints == 0);
    struct file file = {.bytes = malloc(FILE_MAX_BYTES)};
    FILE *stream_file = fdopen(descriptor, "rb");
    assert_non_null(file.bytes);
    file.length = fread(file.bytes, 1, FILE_MAX_BYTES, stream_file);
    fclose(stream_file);
    unlink(path);
    return file;
}

/* ---- two sessions ---------------------------------------------------------------------------------------------------- */

static void counting_random(void *context, uint8_t *out, size_t length) {
    uint8_t *next = context;
    for (size_t i = 0; i < length; i++) {
        out[i] = (*next)++;
    }
}

struct link {
    struct rtp_session *near, *far;
    struct rtp_sender *sender;
    struct rtp_receiver *receiver;
    uint64_t now_us;
    uint8_t random;
    unsigned key_frames, frames;
};

static void open_link(struct link *link, enum rtp_codec codec, size_t payload_max_bytes) {
    *link = (struct link){.now_us = 1000000, .random = 250};
    struct rtp_session_config config = {.random = counting_random, .random_context = &link->random};
    struct rtp_sender_config sender = {.codec = codec, .payload_type = 96, .ssrc = 0x01020305, .payload_max_bytes = payload_max_bytes};
    struct rtp_payload_mapping mapping = {96, codec, 0};
    struct rtp_receiver_config receiver = {.payload_types = &mapping, .payload_type_count = 1};
    link->near = rtp_session_new(&config, 0);
    link->far = rtp_session_new(&config, 0);
    assert_int_equal(rtp_session_add_sender(link->near, 0, &sender, &link->sender), RTP_OK);
    assert_int_equal(rtp_session_add_receiver(link->far, 0, &receiver, &link->receiver), RTP_OK);
}

/* Sends one frame; its packets arrive in order, or every so many the other way round (RFC 3550 appendix A.1 bounds the disorder at 100). */
static void carry(struct link *link, const uint8_t *frame, size_t length, uint32_t timestamp, bool reversed, struct decoder_file *out) {
    static uint8_t packets[BURST_MAX_PACKETS][RTP_PACKET_MAX_BYTES];
    static size_t lengths[BURST_MAX_PACKETS];
    size_t count = 0;
    enum rtp_packet_kind kind;
    struct rtp_frame input = {.bytes = frame, .length = length, .timestamp = timestamp};
    assert_int_equal(rtp_session_send_frame(link->near, link->now_us, link->sender, &input), RTP_OK);
    link->now_us += 40000;
    while (rtp_session_poll_packet(link->near, link->now_us, packets[count], RTP_PACKET_MAX_BYTES, &lengths[count], &kind)) {
        count += kind == RTP_PACKET_MEDIA;
        assert_true(count < BURST_MAX_PACKETS);
    }
    for (size_t i = 0; i < count; i++) {
        size_t block = i - i % DISORDER_PACKETS;
        size_t end = block + DISORDER_PACKETS > count ? count : block + DISORDER_PACKETS;
        size_t which = reversed ? end - 1 - (i - block) : i;
        assert_int_equal(rtp_session_handle_rtp(link->far, link->now_us, packets[which], lengths[which]), RTP_OK);
    }
    struct rtp_event event;
    while (rtp_session_poll_event(link->far, link->now_us, &event)) {
        link->frames++;
        link->key_frames += event.frame.key_frame;
        decoder_put(out, event.frame.timestamp, event.frame.bytes, event.frame.length);
    }
}

static void same_pictures(const struct stream *stream, const struct file *source, const struct decoder_result *expected, size_t payload_max_bytes,
                          bool reversed) {
    struct link link;
    struct file file = *source;
    struct decoder_file out = decoder_open(stream->fourcc);
    const uint8_t *frame;
    size_t length;
    open_link(&link, stream->codec, payload_max_bytes);
    for (uint32_t timestamp = 0; stream->fourcc != NULL ? next_ivf(&file, &frame, &length) : next_annex_b(&file, &frame, &length); timestamp += 3600) {
        carry(&link, frame, length, timestamp, reversed, &out);
    }
    struct decoder_result decoded;
    decoder_judge(&out, &decoded);
    assert_int_equal(link.frames, FRAMES);
    assert_int_equal(link.key_frames, FRAMES / 10);
    assert_int_equal(decoded.complaints, 0);
    assert_int_equal(decoded.pictures, FRAMES);
    assert_memory_equal(decoded.checksums, expected->checksums, sizeof decoded.checksums);
    rtp_session_free(link.near);
    rtp_session_free(link.far);
}

static void pictures_survive(void **state) {
    const struct stream *stream = *state;
    struct decoder_result expected;
    struct file file = encode(stream, &expected);
    same_pictures(stream, &file, &expected, RTP_PAYLOAD_DEFAULT_BYTES, false);
    same_pictures(stream, &file, &expected, RTP_PAYLOAD_DEFAULT_BYTES, true);
    same_pictures(stream, &file, &expected, RTP_PAYLOAD_MIN_BYTES, true);
    free(file.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"vp8", pictures_survive, NULL, NULL, (void *)(uintptr_t)&streams[0]},
        {"vp9", pictures_survive, NULL, NULL, (void *)(uintptr_t)&streams[1]},
        {"h264", pictures_survive, NULL, NULL, (void *)(uintptr_t)&streams[2]},
        {"av1", pictures_survive, NULL, NULL, (void *)(uintptr_t)&streams[3]},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
