/*
 * A bad cable in user space: takes Ethernet frames at one device, gives them out at the other, and does to them what test/sim/link.c
 * decides: loss, bursts, delay, jitter, reordering, duplication, a rate with its queue, flipped bits, an MTU.
 *
 * Usage: lab_link HOME_DEVICE PUBLIC_DEVICE [--control FIFO] [--seed N] [SETTING...]      (SETTING: test/wire/settings.h)
 *
 * Lines written to FIFO change the settings in mid-call: "down rate_kbps=500". What waits in the queue keeps its place. ARP and IPv6
 * neighbour discovery pass untouched: they are not what a path between two homes suffers from.
 * Ends with SIGTERM or SIGINT, and then prints one JSON line with its counters: a quiet network cannot pass for a bad one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/sim/link.h"
#include "test/wire/packet_queue.h"
#include "test/wire/packet_socket.h"
#include "test/wire/settings.h"

#define ETHERNET_HEADER 14u
#define BATCH 64
#define CONTROL_LINE_MAX 512

struct way {
    struct sim_link link;
    int from, to;
    uint64_t in_bytes, out_bytes;
    uint64_t untouched;     /* ARP, neighbour discovery */
    uint64_t dropped_full;  /* no room in our own store */
    uint64_t dropped_send;  /* the device did not take it */
};

struct cable {
    struct way ways[WIRE_DIRECTIONS];
    struct wire_packet_queue *queue;
    int control;
    char line[CONTROL_LINE_MAX];
    size_t line_length;
    uint64_t started_us;
    uint64_t changes, refused_changes;
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number) {
    (void)signal_number;
    stopped = 1;
}

/* ---- frames ------------------------------------------------------------------------------------------------------------ */

/* RFC 4861 section 4: router solicitation to redirect are ICMPv6 types 133 to 137. */
static bool is_of_the_link(const uint8_t *frame, size_t length) {
    unsigned type = length >= ETHERNET_HEADER ? (unsigned)frame[12] << 8 | frame[13] : 0;
    if (type != 0x0800 && type != 0x86dd)
        return true;
    const uint8_t *ip = frame + ETHERNET_HEADER;
    return type == 0x86dd && length > ETHERNET_HEADER + 40 && ip[6] == 58 && ip[40] >= 133 && ip[40] <= 137;
}

static void give_out(struct way *way, const uint8_t *frame, size_t length) {
    if (send(way->to, frame, length, 0) == (ssize_t)length)
        way->out_bytes += length;
    else
        way->dropped_send++;
}

static void take_in(struct cable *cable, size_t direction, const uint8_t *frame, size_t length) {
    struct way *way = &cable->ways[direction];
    struct sim_link_copy copies[SIM_LINK_COPIES_MAX];
    if (is_of_the_link(frame, length)) {
        way->untouched++;
        give_out(way, frame, length);
        return;
    }
    way->in_bytes += length;
    size_t count = sim_link_send(&way->link, wire_now_us(), length - ETHERNET_HEADER, copies);
    for (size_t i = 0; i < count; i++)
        if (!wire_packet_queue_put(cable->queue, &copies[i], direction, frame, length))
            way->dropped_full++;
}

static void drain(struct cable *cable, size_t direction) {
    static uint8_t frame[WIRE_PACKET_MAX_BYTES];
    for (int i = 0; i < BATCH; i++) {
        bool to_us;
        ptrdiff_t length = wire_receive(cable->ways[direction].from, frame, sizeof frame, &to_us);
        if (length < 0)
            return;
        take_in(cable, direction, frame, (size_t)length);
    }
}

/* Flipped bits are in the payload of IP: a frame that reaches nobody would be loss, which has a setting of its own. */
static void deliver_due(struct cable *cable, uint64_t now_us) {
    struct wire_packet *packet;
    while ((packet = wire_packet_queue_first(cable->queue)) && packet->copy.arrival_us <= now_us) {
        struct way *way = &cable->ways[packet->direction];
        size_t headers = ETHERNET_HEADER + (packet->bytes[12] == 0x86 ? 40u : 20u) + 8u;
        size_t payload = packet->length > headers ? packet->length - headers : 0;
        sim_link_arrived(&way->link, &packet->copy, packet->bytes + packet->length - payload, payload);
        give_out(way, packet->bytes, packet->length);
        wire_packet_queue_drop_first(cable->queue);
    }
}

/* ---- settings in mid-call ---------------------------------------------------------------------------------------------- */

/* All words of a line, or none of them. */
static void obey(struct cable *cable, char *line) {
    struct sim_link_config configs[WIRE_DIRECTIONS] = {cable->ways[WIRE_UP].link.config, cable->ways[WIRE_DOWN].link.config};
    struct wire_scope scope = WIRE_SCOPE_BOTH;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest))
        if (!wire_settings_word(word, &scope, configs)) {
            fprintf(stderr, "lab_link: cannot use %s\n", word);
            cable->refused_changes++;
            return;
        }
    for (size_t i = 0; i < WIRE_DIRECTIONS; i++)
        cable->ways[i].link.config = configs[i];
    cable->changes++;
}

static void read_control(struct cable *cable) {
    char byte;
    while (read(cable->control, &byte, 1) == 1) {
        if (byte != '\n' && cable->line_length + 1 < sizeof cable->line) {
            cable->line[cable->line_length++] = byte;
            continue;
        }
        cable->line[cable->line_length] = '\0';
        cable->line_length = 0;
        obey(cable, cable->line);
    }
}

static void run(struct cable *cable) {
    struct pollfd polled[] = {{.fd = cable->ways[WIRE_UP].from, .events = POLLIN},
                              {.fd = cable->ways[WIRE_DOWN].from, .events = POLLIN},
                              {.fd = cable->control, .events = POLLIN}};
    sigset_t during; /* the signals are blocked but while waiting */
    sigemptyset(&during);
    while (!stopped) {
        const struct wire_packet *next = wire_packet_queue_first(cable->queue);
        uint64_t now_us = wire_now_us(), wait_us = next && next->copy.arrival_us > now_us ? next->copy.arrival_us - now_us : 0;
        struct timespec wait = {.tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000) * 1000};
        if (ppoll(polled, 3, next ? &wait : NULL, &during) < 0)
            continue;
        if (polled[0].revents)
            drain(cable, WIRE_UP);
        if (polled[1].revents)
            drain(cable, WIRE_DOWN);
        if (polled[2].revents)
            read_control(cable);
        deliver_due(cable, wire_now_us());
    }
}

/* ---- the report -------------------------------------------------------------------------------------------------------- */

static void report_way(const char *name, const struct way *way) {
    const struct sim_counters *c = &way->link.counters;
    printf(",\"%s\":{\"in\":%" PRIu64 ",\"inBytes\":%" PRIu64 ",\"out\":%" PRIu64 ",\"outBytes\":%" PRIu64 ",\"duplicated\":%" PRIu64 ",\"reordered\":%" PRIu64
           ",\"corrupted\":%" PRIu64 ",\"untouched\":%" PRIu64 ",\"dropped\":{\"loss\":%" PRIu64 ",\"burst\":%" PRIu64 ",\"queue\":%" PRIu64 ",\"mtu\":%" PRIu64
           ",\"full\":%" PRIu64 ",\"send\":%" PRIu64 "}}",
           name, c->sent, way->in_bytes, c->delivered, way->out_bytes, c->duplicated, c->reordered, c->corrupted, way->untouched, c->dropped_loss, c->dropped_burst,
           c->dropped_queue, c->dropped_mtu, way->dropped_full, way->dropped_send);
}

static void report(const struct cable *cable) {
    printf("{\"program\":\"lab_link\",\"seconds\":%.3f,\"cpuSeconds\":%.6f,\"changes\":%" PRIu64 ",\"refusedChanges\":%" PRIu64 ",\"onTheWay\":%zu",
           (double)(wire_now_us() - cable->started_us) / 1e6, wire_cpu_seconds(), cable->changes, cable->refused_changes, wire_packet_queue_count(cable->queue));
    report_way("up", &cable->ways[WIRE_UP]);
    report_way("down", &cable->ways[WIRE_DOWN]);
    printf("}\n");
}

/* ---- the command line ---------------------------------------------------------------------------------------------------- */

struct options {
    const char *control;
    uint64_t seed;
    struct sim_link_config configs[WIRE_DIRECTIONS];
};

static bool parse(int count, char **words, struct options *options) {
    struct wire_scope scope = WIRE_SCOPE_BOTH;
    for (int i = 3; i < count; i++) {
        bool has_value = i + 1 < count;
        if (strcmp(words[i], "--control") == 0 && has_value) {
            options->control = words[++i];
        } else if (strcmp(words[i], "--seed") == 0 && has_value) {
            options->seed = strtoull(words[++i], NULL, 10);
        } else if (!wire_settings_word(words[i], &scope, options->configs)) {
            fprintf(stderr, "lab_link: cannot use %s\n", words[i]);
            return false;
        }
    }
    if (count < 3)
        fprintf(stderr, "usage: lab_link HOME_DEVICE PUBLIC_DEVICE [--control FIFO] [--seed N] [SETTING...]\n");
    return count >= 3;
}

static int opened(int fd, const char *what) {
    if (fd < 0)
        fprintf(stderr, "lab_link: %s: %s\n", what, strerror(errno));
    return fd;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = stop};
    sigset_t caught;
    sigemptyset(&caught);
    sigaddset(&caught, SIGTERM);
    sigaddset(&caught, SIGINT);
    sigprocmask(SIG_BLOCK, &caught, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

int main(int count, char **words) {
    struct options options = {.seed = 1};
    static struct cable cable;
    if (!parse(count, words, &options))
        return 64;
    catch_signals();
    prctl(PR_SET_TIMERSLACK, 1000UL); /* a microsecond instead of fifty */
    int home = opened(wire_frame_socket(words[1]), words[1]), public_side = opened(wire_frame_socket(words[2]), words[2]);
    /* Read and write: a FIFO without a writer would be ready, at its end, for ever. */
    cable.control = options.control ? opened(open(options.control, O_RDWR | O_NONBLOCK | O_CLOEXEC), options.control) : -1;
    cable.queue = wire_packet_queue_new();
    if (home < 0 || public_side < 0 || (options.control && cable.control < 0) || !cable.queue)
        return 71;
    cable.ways[WIRE_UP] = (struct way){.from = home, .to = public_side};
    cable.ways[WIRE_DOWN] = (struct way){.from = public_side, .to = home};
    sim_link_init(&cable.ways[WIRE_UP].link, &options.configs[WIRE_UP], 2 * options.seed);
    sim_link_init(&cable.ways[WIRE_DOWN].link, &options.configs[WIRE_DOWN], 2 * options.seed + 1);
    cable.started_us = wire_now_us();
    printf("ready\n");
    fflush(stdout);
    run(&cable);
    report(&cable);
    wire_packet_queue_free(cable.queue);
    return 0;
}
