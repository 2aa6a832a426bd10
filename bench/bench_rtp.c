/*
 * What a packet of media costs, in nanoseconds and as a ratio to moving its bytes once with memcpy, measured in the same run:
 *
 *   cut       rtp_packetizer_start, _count and _next: the payloads of a frame, nothing else
 *   join      parse and append of the payload format: the frame of those payloads, nothing else
 *   send      rtp_session_send_frame, and rtp_session_poll_packet until it is empty: cut, keep in the history, write the header
 *   receive   rtp_session_handle_rtp for each packet, and rtp_session_poll_event for the frame: parse, judge, buffer, hand up
 *
 * Video is a frame of ten full packets, audio one packet of 80 bytes (G.711: 160). Each byte is copied twice on the way: into the history or
 * the jitter buffer, whose rings exceed the first cache level, and out of it. Each figure is the best of many batches:
 * interference by other processes only ever adds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rtp/packet.h"
#include "rtp/session.h"

#define BATCHES 60
#define ROUNDS 2000
#define PACKETS_MAX 10

struct flow {
    const char *name;
    struct rtp_session *near, *far;
    struct rtp_sender *sender;
    struct rtp_frame frame;
    uint64_t now_us, interval_us;
    uint32_t timestamp, timestamp_step;
    uint16_t sequence;
    size_t count;
    uint8_t packets[PACKETS_MAX][RTP_PACKET_MAX_BYTES];
    size_t lengths[PACKETS_MAX];
    uint8_t payloads[PACKETS_MAX][RTP_PACKET_MAX_BYTES];
    size_t payload_lengths[PACKETS_MAX];
    const struct rtp_payload_format *format;
};

#define FRAME_MAX_BYTES (PACKETS_MAX * RTP_PAYLOAD_DEFAULT_BYTES)

static uint8_t frame_bytes[FRAME_MAX_BYTES], joined[2 * FRAME_MAX_BYTES];
static uint8_t scratch[PACKETS_MAX][RTP_PACKET_MAX_BYTES];
static volatile size_t sink;

static void fail(const char *what) {
    fprintf(stderr, "bench_rtp: %s\n", what);
    exit(1);
}

static void counting_random(void *context, uint8_t *out, size_t length) {
    uint8_t *next = context;
    for (size_t i = 0; i < length; i++) {
        out[i] = (*next)++;
    }
}

/* ---- frames ---------------------------------------------------------------------------------------------------------- */

/*
 * A key frame of each codec that fills `packets` packets, as random as compressed bytes are, without anything that Annex B would escape.
 * H264: one IDR slice. AV1: delimiter, sequence header of eleven bytes, frame. Returns its length.
 */
static size_t make_frame(enum rtp_codec codec, size_t packets) {
    static const uint8_t slice[] = {0, 0, 0, 1, 0x65, 0x88};
    static const uint8_t unit[] = {0x12, 0, 0x0A, 11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0x32, 0, 0, 0x10};
    uint32_t random = 12345;
    for (size_t i = 0; i < sizeof frame_bytes; i++) {
        random = random * 1664525 + 1013904223;
        frame_bytes[i] = (uint8_t)(random >> 24 == 0 ? 7 : random >> 24);
    }
    size_t room = packets * RTP_PAYLOAD_DEFAULT_BYTES;
    switch (codec) {
    case RTP_CODEC_VP8:
        frame_bytes[0] = 0x10;
        return room - 4 * packets;
    case RTP_CODEC_VP9:
        frame_bytes[0] = 0x82;
        return room - 4 * packets;
    case RTP_CODEC_H264:
        memcpy(frame_bytes, slice, sizeof slice);
        return room - 2 * packets + 5;
    case RTP_CODEC_AV1: {
        size_t length = room - packets - 100;
        memcpy(frame_bytes, unit, sizeof unit);
        size_t payload = length - (sizeof unit - 1); /* behind the two bytes of size */
        frame_bytes[16] = (uint8_t)(payload | 0x80);
        frame_bytes[17] = (uint8_t)(payload >> 7);
        return length;
    }
    case RTP_CODEC_PCMU:
    case RTP_CODEC_PCMA:
        return 160; /* 20 ms */
    default:
        return 80;
    }
}

/* ---- the flows ------------------------------------------------------------------------------------------------------- */

static void run_send(struct flow *flow) {
    size_t length;
    size_t count = 0;
    enum rtp_packet_kind kind;
    flow->frame.timestamp += flow->timestamp_step;
    if (rtp_session_send_frame(flow->near, flow->now_us, flow->sender, &flow->frame) != RTP_OK) {
        fail("a frame was refused");
    }
    flow->now_us += flow->interval_us;
    while (count < PACKETS_MAX && rtp_session_poll_packet(flow->near, flow->now_us, scratch[count], sizeof scratch[0], &length, &kind)) {
        flow->lengths[count++] = length;
    }
    if (count != flow->count) {
        fail("packets are missing");
    }
}

static void run_receive(struct flow *flow) {
    struct rtp_event event;
    size_t frames = 0;
    flow->now_us += flow->interval_us;
    flow->timestamp += flow->timestamp_step;
    for (size_t i = 0; i < flow->count; i++) {
        uint8_t *bytes = flow->packets[i];
        bytes[2] = (uint8_t)(flow->sequence >> 8);
        bytes[3] = (uint8_t)flow->sequence++;
        bytes[4] = (uint8_t)(flow->timestamp >> 24);
        bytes[5] = (uint8_t)(flow->timestamp >> 16);
        bytes[6] = (uint8_t)(flow->timestamp >> 8);
        bytes[7] = (uint8_t)flow->timestamp;
        if (rtp_session_handle_rtp(flow->far, flow->now_us, bytes, flow->lengths[i]) != RTP_OK) {
            fail("a packet was refused");
        }
        while (rtp_session_poll_event(flow->far, flow->now_us, &event)) {
            frames++;
            sink += event.frame.length;
        }
    }
    sink += frames;
}

static void run_cut(struct flow *flow) {
    struct rtp_payload_state state = {0};
    struct rtp_packetizer packetizer;
    if (rtp_packetizer_start(&packetizer, flow->format, &state, frame_bytes, flow->frame.length, RTP_PAYLOAD_DEFAULT_BYTES) != RTP_OK ||
        rtp_packetizer_count(&packetizer) != flow->count) {
        fail("a frame was not cut as it should be");
    }
    size_t count = 0;
    for (bool last = false; !last; count++) {
        flow->payload_lengths[count] = rtp_packetizer_next(&packetizer, flow->payloads[count], &last);
    }
}

static void run_join(struct flow *flow) {
    struct rtp_assembly assembly = {.bytes = joined, .capacity = sizeof joined};
    for (size_t i = 0; i < flow->count; i++) {
        struct rtp_payload payload;
        if (flow->format->parse(flow->payloads[i], flow->payload_lengths[i], &payload) != RTP_OK ||
            flow->format->append(&assembly, payload.bytes, payload.length) != RTP_OK) {
            fail("a payload was refused");
        }
    }
    sink += assembly.length;
}

static void run_memcpy(struct flow *flow) {
    for (size_t i = 0; i < flow->count; i++) {
        memcpy(scratch[i], flow->packets[i], flow->lengths[i]);
        __asm__ volatile("" : : "r"(scratch[i]) : "memory");
    }
}

static struct rtp_session *new_session(uint8_t *random) {
    struct rtp_session_config config = {.random = counting_random, .random_context = random, .mid_extension_id = 4, .abs_send_time_extension_id = 3};
    struct rtp_session *session = rtp_session_new(&config, 0);
    if (session == NULL) {
        fail("no session");
    }
    return session;
}

static void open_flow(struct flow *flow, enum rtp_codec codec, size_t packets) {
    static uint8_t random;
    const struct rtp_payload_format *format = rtp_payload_format(codec);
    struct rtp_payload_mapping mapping = {96, codec, 0};
    struct rtp_sender_config sender = {.codec = codec, .payload_type = 96, .mid = "0"};
    struct rtp_receiver_config receiver = {.mid = "0", .payload_types = &mapping, .payload_type_count = 1};
    struct rtp_receiver *ignored;
    *flow = (struct flow){.name = format->name, .near = new_session(&random), .far = new_session(&random), .interval_us = 20000, .count = packets};
    flow->timestamp_step = format->clock_rate_hz / 50;
    flow->format = format;
    flow->frame = (struct rtp_frame){.bytes = frame_bytes, .length = make_frame(codec, packets), .key_frame = true};
    if (rtp_session_add_sender(flow->near, 0, &sender, &flow->sender) != RTP_OK || rtp_session_add_receiver(flow->far, 0, &receiver, &ignored) != RTP_OK) {
        fail("no members");
    }
    run_send(flow);
    memcpy(flow->packets, scratch, sizeof scratch);
}

static void close_flow(struct flow *flow) {
    rtp_session_free(flow->near);
    rtp_session_free(flow->far);
}

/* ---- measuring ------------------------------------------------------------------------------------------------------- */

static double best_ns_per_packet(void (*run)(struct flow *), struct flow *flow) {
    double best = 1e18;
    for (int batch = 0; batch < BATCHES; batch++) {
        struct timespec from;
        struct timespec to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int round = 0; round < ROUNDS; round++) {
            run(flow);
        }
        clock_gettime(CLOCK_MONOTONIC, &to);
        double ns = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / ROUNDS / (double)flow->count;
        best = ns < best ? ns : best;
    }
    return best;
}

/* The far side must have handed up what it was given, or the figures mean nothing. */
static void check_emitted(struct flow *flow) {
    size_t before = sink;
    for (int round = 0; round < 100; round++) {
        run_receive(flow);
    }
    size_t bytes = (sink - before) / 100;
    if (bytes < flow->frame.length || bytes > flow->frame.length + 1) {
        fail("frames are missing");
    }
}

int main(void) {
    static struct flow flow;
    static const struct {
        enum rtp_codec codec;
        size_t packets;
    } rows[] = {{RTP_CODEC_VP8, PACKETS_MAX}, {RTP_CODEC_VP9, PACKETS_MAX}, {RTP_CODEC_H264, PACKETS_MAX}, {RTP_CODEC_AV1, PACKETS_MAX}, {RTP_CODEC_OPUS, 1}, {RTP_CODEC_PCMU, 1}, {RTP_CODEC_PCMA, 1}};
    printf("one packet of media; best of %d batches of %d frames\n\n", BATCHES, ROUNDS);
    printf("%-34s %9s %9s %9s\n", "", "bytes", "ns", "/ memcpy");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        open_flow(&flow, rows[i].codec, rows[i].packets);
        static const struct {
            const char *name;
            void (*run)(struct flow *);
        } works[] = {{"floor: memcpy", run_memcpy}, {"cut", run_cut}, {"join", run_join}, {"send", run_send}, {"receive", run_receive}};
        double floor_ns = 0;
        for (size_t work = 0; work < sizeof works / sizeof works[0]; work++) {
            double ns = best_ns_per_packet(works[work].run, &flow);
            floor_ns = work == 0 ? ns : floor_ns;
            printf("%-5s%-29s %9zu %9.1f %9.1f\n", flow.name, works[work].name, flow.lengths[0], ns, ns / floor_ns);
        }
        check_emitted(&flow);
        close_flow(&flow);
    }
    return 0;
}
