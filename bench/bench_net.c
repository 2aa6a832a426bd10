/*
 * What a media-sized datagram costs on its way through the kernel: our batches against a plain sendto/recv loop over loopback, 1,222 bytes
 * each, in one process. Prints nanoseconds and, what counts, ratios to the plain loop of the same run; the best of many rounds each.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "app/net/udp_socket.h"

#define DATAGRAM_BYTES 1222
#define BATCH 32
#define ROUNDS 400

static uint8_t payload[DATAGRAM_BYTES];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

struct cost {
    double send_ns, receive_ns; /* of one datagram */
};

static void keep_best(struct cost *best, double start, double sent, double received) {
    if (best->send_ns == 0 || sent - start < best->send_ns * BATCH)
        best->send_ns = (sent - start) / BATCH;
    if (best->receive_ns == 0 || received - sent < best->receive_ns * BATCH)
        best->receive_ns = (received - sent) / BATCH;
}

static int plain_socket(struct sockaddr_in *name) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t length = sizeof *name;
    *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (descriptor < 0 || bind(descriptor, (struct sockaddr *)name, length) != 0 ||
        getsockname(descriptor, (struct sockaddr *)name, &length) != 0)
        fail("bench_net: plain socket");
    return descriptor;
}

static struct cost measure_plain(void) {
    struct sockaddr_in from_name, to_name;
    int from = plain_socket(&from_name), to = plain_socket(&to_name);
    struct cost best = {0};
    uint8_t buffer[NET_UDP_DATAGRAM_MAX_BYTES];
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < BATCH; i++)
            if (sendto(from, payload, sizeof payload, 0, (struct sockaddr *)&to_name, sizeof to_name) != DATAGRAM_BYTES)
                fail("bench_net: sendto");
        double sent = now_ns();
        for (int i = 0; i < BATCH; i++) {
            struct sockaddr_in source;
            socklen_t length = sizeof source;
            if (recvfrom(to, buffer, sizeof buffer, 0, (struct sockaddr *)&source, &length) != DATAGRAM_BYTES)
                fail("bench_net: recvfrom");
        }
        keep_best(&best, start, sent, now_ns());
    }
    close(from);
    close(to);
    return best;
}

/* The same through app/net: written into reserved room (the copy stands for poll_transmit), flushed, read, iterated. */
static struct cost measure_ours(bool gso, bool gro) {
    struct stun_address local = {.family = STUN_ADDRESS_IPV4, .ip = {127, 0, 0, 1}};
    struct net_udp_socket *from, *to;
    if (net_udp_open(&local, &(struct net_udp_options){.without_gso = !gso}, &from) != 0 ||
        net_udp_open(&local, &(struct net_udp_options){.with_gro = gro}, &to) != 0)
        fail("bench_net: net_udp_open");
    struct net_send_batch *sending = net_send_batch_new();
    struct net_receive_batch *received = net_receive_batch_new(gro);
    struct cost best = {0};
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < BATCH; i++) {
            size_t capacity;
            uint8_t *room = net_send_batch_reserve(sending, &capacity);
            memcpy(room, payload, sizeof payload);
            net_send_batch_commit(sending, from, net_udp_local(to), room, sizeof payload, 0);
        }
        net_send_batch_flush(sending);
        double sent = now_ns();
        struct net_datagram datagram;
        int got = 0;
        while (got < BATCH && net_udp_receive(to, received) > 0)
            while (net_receive_batch_next(received, &datagram))
                got++;
        if (got != BATCH)
            fail("bench_net: datagrams were lost");
        keep_best(&best, start, sent, now_ns());
    }
    net_udp_close(from);
    net_udp_close(to);
    net_send_batch_free(sending);
    net_receive_batch_free(received);
    return best;
}

static void print(const char *name, struct cost cost, struct cost floor) {
    printf("%-36s send %6.0f ns (%.2f of plain)   receive %6.0f ns (%.2f of plain)\n", name, cost.send_ns, cost.send_ns / floor.send_ns,
           cost.receive_ns, cost.receive_ns / floor.receive_ns);
}

int main(void) {
    memset(payload, 0x55, sizeof payload);
    struct cost plain = measure_plain();
    print("plain sendto, recvfrom", plain, plain);
    print("app/net, sendmmsg, recvmmsg", measure_ours(false, false), plain);
    print("app/net, with GSO", measure_ours(true, false), plain);
    print("app/net, with GSO and GRO", measure_ours(true, true), plain);
    return 0;
}
