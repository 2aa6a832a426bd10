/*
 * What a packet of media costs, in nanoseconds and as a ratio to moving its bytes once with memcpy, measured in the same run:
 *
 *   send      rtp_session_send_frame, and rtp_session_poll_packet until it is empty: cut, keep in the history, write the header
 *   receive   rtp_session_handle_rtp for each packet, and rtp_session_poll_event for the frame: parse, judge, buffer, hand up
 *
 * Video is a frame of ten full packets, audio one packet of 80 bytes. Each byte is copied twice on the way: into the history or
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
};

static uint8_t frame_bytes[PACKETS_MAX * (RTP_PAYLOAD_DEFAULT_BYTES - 4)];
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

static void open_flow(struct flow *flow, enum rtp_codec codec, size_t frame_length, size_t packets) {
    static uint8_t random;
    const struct rtp_payload_format *format = rtp_payload_format(codec);
    struct rtp_payload_mapping mapping = {96, codec, 0};
    struct rtp_sender_config sender = {.codec = codec, .payload_type = 96, .mid = "0"};
    struct rtp_receiver_config receiver = {.mid = "0", .payload_types = &mapping, .payload_type_count = 1};
    struct rtp_receiver *ignored;
    *flow = (struct flow){.name = format->name, .near = new_session(&random), .far = new_session(&random), .interval_us = 20000, .count = packets};
    flow->timestamp_step = format->clock_rate_hz / 50;
    flow->frame = (struct rtp_frame){.bytes = frame_bytes, .length = frame_length, .key_frame = true};
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
        size_t frame_length, packets;
    } rows[] = {{RTP_CODEC_VP8, sizeof frame_bytes, PACKETS_MAX}, {RTP_CODEC_OPUS, 80, 1}};
    printf("one packet of media; best of %d batches of %d frames\n\n", BATCHES, ROUNDS);
    printf("%-34s %9s %9s %9s\n", "", "bytes", "ns", "/ memcpy");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        open_flow(&flow, rows[i].codec, rows[i].frame_length, rows[i].packets);
        double memcpy_ns = best_ns_per_packet(run_memcpy, &flow);
        double send_ns = best_ns_per_packet(run_send, &flow);
        double receive_ns = best_ns_per_packet(run_receive, &flow);
        check_emitted(&flow);
        printf("%-5s%-29s %9zu %9.1f %9.1f\n", flow.name, "floor: memcpy", flow.lengths[0], memcpy_ns, 1.0);
        printf("%-5s%-29s %9zu %9.1f %9.1f\n", flow.name, "send", flow.lengths[0], send_ns, send_ns / memcpy_ns);
        printf("%-5s%-29s %9zu %9.1f %9.1f\n", flow.name, "receive", flow.lengths[0], receive_ns, receive_ns / memcpy_ns);
        close_flow(&flow);
    }
    return 0;
}
