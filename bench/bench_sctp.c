/*
 * What a message over a data channel's transport costs, both ends together, in memory: two associations, no DTLS, no socket. The floor is what cannot be saved,
 * done to the same bytes in the same run: each is copied into the send buffer, into a packet, and out of one, and summed up at both ends (CRC32c).
 * With zero checksums (RFC 9653) the sums are not part of it.
 *
 *   bulk   reliable ordered messages, as many as the windows take
 *   ping   one message of 64 bytes and its answer: a round trip through both ends
 *   idle   what an association takes of the heap, malloc's own part included, its first messages sent and read. More than SCTP_ASSOCIATION_IDLE_BYTES fails
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sctp/association.h"
#include "sctp/crc32c_internal.h"

#define ROUNDS 5
#define BULK_BYTES (UINT64_C(200) << 20)
#define PINGS 100000
#define IDLE_PAIRS 100
#define WINDOW_BYTES (4u << 20)

struct end {
    struct sctp_association *association;
    bool is_connected;
    uint64_t received_bytes, received_messages, packets;
};

static uint8_t message_bytes[65536];
static volatile uint32_t sink;

static void fail(const char *what) {
    fprintf(stderr, "bench_sctp: %s\n", what);
    exit(1);
}

static uint64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now_us(void) {
    return now_ns(CLOCK_MONOTONIC) / 1000;
}

static void counting_random(void *context, uint8_t *out, size_t length) {
    uint8_t *next = context;
    for (size_t i = 0; i < length; i++)
        out[i] = (*next)++;
}

/* ---- two ends ------------------------------------------------------------------------------------------------------------------------ */

static void take_events(struct end *end) {
    struct sctp_event event;
    while (sctp_association_poll_event(end->association, &event)) {
        end->is_connected |= event.type == SCTP_EVENT_CONNECTED;
        if (event.type == SCTP_EVENT_CLOSED)
            fail("closed");
        if (event.type != SCTP_EVENT_MESSAGE)
            continue;
        end->received_messages++;
        end->received_bytes += event.message.length;
        sink += event.message.bytes[event.message.length - 1];
    }
}

/* As a loop over sockets would: a batch out of one end, into the other. */
static bool carry(struct end *from, struct end *to) {
    uint8_t packet[SCTP_PACKET_DEFAULT_BYTES];
    struct sctp_transmit transmit;
    bool is_any = false;
    for (unsigned i = 0; i < 64 && sctp_association_poll_transmit(from->association, now_us(), packet, sizeof packet, &transmit); i++) {
        from->packets++;
        sctp_association_handle_datagram(to->association, now_us(), packet, transmit.length);
        take_events(to);
        is_any = true;
    }
    return is_any;
}

static void turn(struct end *a, struct end *b) {
    if (!carry(a, b) && !carry(b, a)) {
        sctp_association_handle_timeout(a->association, now_us());
        sctp_association_handle_timeout(b->association, now_us());
    }
    carry(b, a);
}

static void begin(struct end ends[2], uint8_t *random, bool zero_checksum, bool is_interleaved) {
    memset(ends, 0, 2 * sizeof *ends);
    for (int i = 0; i < 2; i++) {
        struct sctp_association_config config = {
            .random = counting_random, .random_context = random, .receive_bytes = WINDOW_BYTES, .send_bytes = WINDOW_BYTES,
            .accepts_zero_checksum = zero_checksum, .wants_interleaving = is_interleaved, .heartbeat_us = UINT64_MAX};
        ends[i].association = sctp_association_new(&config, now_us());
        if (!ends[i].association || sctp_association_connect(ends[i].association, now_us()) != SCTP_OK)
            fail("no association");
    }
    uint64_t give_up_us = now_us() + 2000000;
    while (!ends[0].is_connected || !ends[1].is_connected) {
        turn(&ends[0], &ends[1]);
        take_events(&ends[0]);
        take_events(&ends[1]);
        if (now_us() > give_up_us)
            fail("not connected");
    }
}

static void end(struct end ends[2]) {
    sctp_association_free(ends[0].association);
    sctp_association_free(ends[1].association);
}

/* ---- figures --------------------------------------------------------------------------------------------------------------------------- */

static double floor_ns_per_byte(bool zero_checksum) {
    static uint8_t buffer[4u << 20], packet[1160], whole[65536];
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
        uint64_t bytes = 0;
        for (; bytes < BULK_BYTES; bytes += 1120) {
            size_t at = bytes % (sizeof buffer - 1120), from = bytes % (sizeof message_bytes - 1120);
            memcpy(buffer + at, message_bytes + from, 1120);
            memcpy(packet, buffer + at, 1120);
            memcpy(whole + from, packet, 1120);
            if (!zero_checksum)
                sink += sctp_crc32c_update(SCTP_CRC32C_START, packet, 1148) ^ sctp_crc32c_update(SCTP_CRC32C_START, packet + 1, 1148);
            sink += whole[from];
        }
        double ns = (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / (double)bytes;
        best = ns < best ? ns : best;
    }
    return best;
}

static void bulk(uint8_t *random, size_t length, bool zero_checksum, bool is_interleaved) {
    double best_ns = 1e9, best_packets = 1;
    double floor_ns = floor_ns_per_byte(zero_checksum);
    for (int round = 0; round < ROUNDS; round++) {
        struct end ends[2];
        begin(ends, random, zero_checksum, is_interleaved);
        struct sctp_message message = {.stream = 0, .payload_protocol = 53, .bytes = message_bytes, .length = length};
        uint64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
        uint64_t sent = 0;
        while (ends[1].received_bytes < BULK_BYTES) {
            while (sent < BULK_BYTES && sctp_association_send(ends[0].association, now_us(), &message) == SCTP_OK)
                sent += length;
            turn(&ends[0], &ends[1]);
        }
        double ns = (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start);
        if (ns / (double)ends[1].received_bytes < best_ns) {
            best_ns = ns / (double)ends[1].received_bytes;
            best_packets = ns / (double)ends[0].packets;
        }
        end(ends);
    }
    printf("  bulk %6zu bytes, %s, %s  %7.0f MB/s  %6.3f ns/byte  %6.0f ns/packet  floor %6.3f ns/byte  ratio %5.2f\n", length, is_interleaved ? "I-DATA" : "DATA  ",
           zero_checksum ? "no checksum" : "CRC32c     ", 1000.0 / best_ns, best_ns, best_packets, floor_ns, best_ns / floor_ns);
}

static void ping(uint8_t *random) {
    struct end ends[2];
    begin(ends, random, true, false);
    struct sctp_message message = {.stream = 0, .payload_protocol = 53, .bytes = message_bytes, .length = 64};
    uint64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < PINGS; i++) {
        struct end *from = &ends[i % 2], *to = &ends[1 - i % 2];
        uint64_t before = to->received_messages;
        if (sctp_association_send(from->association, now_us(), &message) != SCTP_OK || !carry(from, to) || to->received_messages != before + 1)
            fail("a short message did not leave in the drain of its send");
    }
    double ns = (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / PINGS;
    printf("  ping     64 bytes, one way: %.0f ns, SACKs included\n", ns);
    end(ends);
}

static void idle(uint8_t *random) {
    static struct end ends[IDLE_PAIRS][2];
    struct sctp_message message = {.stream = 0, .payload_protocol = 53, .bytes = message_bytes, .length = 64};
    size_t before = mallinfo2().uordblks;
    for (unsigned i = 0; i < IDLE_PAIRS; i++) {
        begin(ends[i], random, true, true);
        for (int from = 0; from < 2; from++)
            if (sctp_association_send(ends[i][from].association, now_us(), &message) != SCTP_OK || !carry(&ends[i][from], &ends[i][1 - from]))
                fail("a first message did not leave");
        turn(&ends[i][0], &ends[i][1]);
    }
    size_t each = (mallinfo2().uordblks - before) / (2 * IDLE_PAIRS);
    for (unsigned i = 0; i < IDLE_PAIRS; i++)
        end(ends[i]);
    printf("  idle     %zu bytes of heap an association, at most %d\n", each, SCTP_ASSOCIATION_IDLE_BYTES);
    if (each == 0 || each > SCTP_ASSOCIATION_IDLE_BYTES)
        fail("an idle association is too big");
}

int main(void) {
    uint8_t random = 1;
    for (size_t i = 0; i < sizeof message_bytes; i++)
        message_bytes[i] = (uint8_t)(i * 7 + i / 251);
    for (int i = 0; i < 2; i++) {
        bulk(&random, 16384, i == 1, false);
        bulk(&random, 65536, i == 1, false);
    }
    bulk(&random, 65536, true, true);
    ping(&random);
    idle(&random);
    return 0;
}
