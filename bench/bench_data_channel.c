/*
 * What a byte through a data channel costs, all of it: two PeerConnections in one process, real UDP sockets on loopback, app/net's loop as a
 * program has it. Reliable ordered messages, at most 1 MiB of them waiting (bufferedAmount), filled up again from 256 KiB on.
 *
 * floor  what cannot be saved, measured in the same run: as many payload bytes in datagrams of the same size, each sealed and opened by
 *        AES-128-GCM (EVP, one cached context for each side) as a DTLS record is, sent by a plain sendto and read by a plain recv over the
 *        same kind of sockets. No SCTP, no ICE, no acknowledgement, no loop.
 *
 *     bench_data_channel                     the table; "no GRO": where the kernel does not join what one socket receives (UDP_GRO)
 *     bench_data_channel LENGTH MEGABYTES    one run, one line of JSON, for bench/rivals
 *
 * CPU is that of the process, kernel included; the best of the rounds counts, since interference only ever adds. Ours and the floor take turns.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "app/net/clock.h"
#include "app/net/driver.h"
#include "app/net/random.h"
#include "app/peer/peer_connection.h"

#define ROUNDS 5
#define BULK_BYTES (UINT64_C(100) << 20)
#define PIPE_HIGH_BYTES (1024u * 1024u)
#define PIPE_LOW_BYTES (256u * 1024u)
#define MESSAGE_MAX_BYTES 65536

static uint8_t message_bytes[MESSAGE_MAX_BYTES];

static void fail(const char *what) {
    fprintf(stderr, "bench_data_channel: %s\n", what);
    exit(1);
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

struct cost {
    double wall_s, cpu_s; /* of all */
    double per_datagram_bytes; /* payload */
};

/* ---- two ends on one loop ------------------------------------------------------------------------------------------------------ */

struct end {
    struct end *other;
    struct peer_connection *connection;
    struct net_driver *driver;
    size_t channel;
    bool is_sender, is_open, is_done;
    size_t length;
    uint64_t to_send, received;
};

static void on_datagram(void *object, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    (void)peer_connection_handle_datagram(((struct end *)object)->connection, now_us, path, bytes, length);
}

static void on_timeout(void *object, uint64_t now_us) {
    peer_connection_handle_timeout(((struct end *)object)->connection, now_us);
}

static uint64_t next_timeout(const void *object) {
    return peer_connection_next_timeout(((const struct end *)object)->connection);
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    return peer_connection_poll_transmit(((struct end *)object)->connection, now_us, buffer, capacity, out);
}

static void on_interfaces(void *object, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    if (peer_connection_handle_interfaces(((struct end *)object)->connection, now_us, interfaces, count) != PEER_OK)
        fail("interfaces");
}

static void fill(struct end *end, uint64_t now_us) {
    struct peer_data_channel facts;
    while (end->to_send > 0 && peer_connection_data_channel(end->connection, end->channel, &facts) && facts.buffered_bytes + end->length <= PIPE_HIGH_BYTES) {
        int error = peer_connection_send_data(end->connection, now_us, end->channel, message_bytes, end->length, false);
        if (error == PEER_ERROR_CAPACITY)
            return;
        if (error != PEER_OK)
            fail(peer_connection_problem(end->connection));
        end->to_send -= end->length < end->to_send ? end->length : end->to_send;
    }
}

static void take(struct end *end, uint64_t now_us, const struct peer_connection_event *event) {
    switch (event->type) {
    case PEER_CONNECTION_EVENT_ICE_CANDIDATE: {
        const char *text = event->as.ice_candidate.candidate;
        (void)peer_connection_add_ice_candidate(end->other->connection, now_us, &(struct peer_candidate_init){.candidate = text, .candidate_length = strlen(text)});
        net_driver_run(end->other->driver);
        break;
    }
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN:
        end->is_open = true;
        break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_BUFFERED_LOW:
    case PEER_CONNECTION_EVENT_DATA_SENDABLE:
        fill(end, now_us);
        break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE:
        end->received += event->as.message.length;
        break;
    case PEER_CONNECTION_EVENT_FAILURE:
        fail("no connection");
    default:
        break;
    }
}

static bool drain(void *object, uint64_t now_us) {
    struct end *end = object;
    struct peer_connection_event event;
    bool is_any = false;
    while (peer_connection_poll_event(end->connection, &event)) {
        take(end, now_us, &event);
        is_any = true;
    }
    return is_any;
}

static const struct net_driver_verbs verbs = {
    .handle_datagram = on_datagram, .handle_timeout = on_timeout, .next_timeout = next_timeout,
    .poll_transmit = poll_transmit, .drain = drain, .handle_interfaces = on_interfaces,
};

static void make_end(struct end *end, uv_loop_t *loop, const struct dtls_certificate *certificate, bool joins) {
    static const struct stun_address loopback = {.family = STUN_ADDRESS_IPV4, .ip = {127, 0, 0, 1}};
    const struct net_driver_config config = {.verbs = &verbs, .object = end, .mdns = NET_MDNS_OFF, .addresses = &loopback, .address_count = 1, .udp.with_gro = joins};
    end->connection = peer_connection_new(&(struct peer_connection_config){.ice.random = net_random, .certificate = certificate}, net_clock_now_us());
    if (!end->connection || net_driver_new(loop, &config, &end->driver) != 0 || net_driver_start(end->driver) != 0)
        fail("no end");
    if (peer_connection_create_data_channel(end->connection, net_clock_now_us(), &(struct peer_data_channel_config){.is_negotiated = true, .id = 1}, &end->channel) != PEER_OK)
        fail("no channel");
}

static void describe(struct end *from) {
    static char sdp[16384];
    size_t length;
    enum peer_sdp_type type;
    if (peer_connection_set_local_description(from->connection, net_clock_now_us(), PEER_SDP_IMPLICIT, NULL, 0, NULL) != PEER_OK ||
        peer_connection_description(from->connection, PEER_LOCAL, &type, sdp, sizeof sdp, &length) != PEER_OK ||
        peer_connection_set_remote_description(from->other->connection, net_clock_now_us(), type, sdp, length, NULL) != PEER_OK)
        fail("no description");
}

static void begin(struct end ends[2], uv_loop_t *loop, const struct dtls_certificate *certificate, bool joins) {
    memset(ends, 0, 2 * sizeof *ends);
    for (int i = 0; i < 2; i++) {
        ends[i].other = &ends[1 - i];
        make_end(&ends[i], loop, certificate, joins);
    }
    describe(&ends[0]);
    describe(&ends[1]);
    for (int i = 0; i < 2; i++)
        net_driver_run(ends[i].driver);
    while (!ends[0].is_open || !ends[1].is_open)
        uv_run(loop, UV_RUN_ONCE);
}

static void finish(struct end ends[2], uv_loop_t *loop) {
    for (int i = 0; i < 2; i++) {
        peer_connection_close(ends[i].connection, net_clock_now_us());
        net_driver_run(ends[i].driver);
    }
    for (int i = 0; i < 2; i++)
        net_driver_free(ends[i].driver);
    while (uv_run(loop, UV_RUN_NOWAIT) != 0)
        ;
    for (int i = 0; i < 2; i++)
        peer_connection_free(ends[i].connection);
}

static struct cost run(size_t length, uint64_t bytes, const struct dtls_certificate *certificate, bool joins) {
    struct end ends[2];
    uv_loop_t loop;
    struct net_driver_statistics before, after;
    if (uv_loop_init(&loop) != 0)
        fail("no loop");
    begin(ends, &loop, certificate, joins);
    (void)peer_connection_set_buffered_low(ends[0].connection, ends[0].channel, PIPE_LOW_BYTES);
    net_driver_statistics(ends[0].driver, &before);
    ends[0].length = length;
    ends[0].to_send = bytes - bytes % length;
    bytes = ends[0].to_send;
    struct cost cost = {.wall_s = -seconds(CLOCK_MONOTONIC), .cpu_s = -seconds(CLOCK_PROCESS_CPUTIME_ID)};
    fill(&ends[0], net_clock_now_us());
    net_driver_run(ends[0].driver);
    while (ends[1].received < bytes)
        uv_run(&loop, UV_RUN_ONCE);
    cost.wall_s += seconds(CLOCK_MONOTONIC);
    cost.cpu_s += seconds(CLOCK_PROCESS_CPUTIME_ID);
    net_driver_statistics(ends[0].driver, &after);
    cost.per_datagram_bytes = (double)bytes / (double)(after.udp.datagrams_sent - before.udp.datagrams_sent);
    if (getenv("BENCH_STATISTICS")) {
        struct net_driver_statistics other;
        net_driver_statistics(ends[1].driver, &other);
        fprintf(stderr, "sender: %" PRIu64 " datagrams in %" PRIu64 " sends, %" PRIu64 " received in %" PRIu64 " reads, %" PRIu64 " turns\n", after.udp.datagrams_sent,
                after.udp.send_calls, after.udp.datagrams_received, after.udp.receive_calls, after.turns);
        fprintf(stderr, "receiver: %" PRIu64 " datagrams in %" PRIu64 " sends, %" PRIu64 " received in %" PRIu64 " reads, %" PRIu64 " turns, kernel dropped %" PRIu64 "\n",
                other.udp.datagrams_sent, other.udp.send_calls, other.udp.datagrams_received, other.udp.receive_calls, other.turns, other.udp.kernel_dropped);
    }
    finish(ends, &loop);
    if (uv_loop_close(&loop) != 0)
        fail("the loop is not empty");
    return cost;
}

/* ---- the floor ------------------------------------------------------------------------------------------------------------------- */

#define RECORD_HEADER_BYTES 13
#define RECORD_NONCE_BYTES 8
#define RECORD_TAG_BYTES 16
#define DATAGRAM_MAX_BYTES 2048
#define FLOOR_BATCH 32

static int plain_socket(struct sockaddr_in *name) {
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t length = sizeof *name;
    *name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (descriptor < 0 || bind(descriptor, (struct sockaddr *)name, length) != 0 || getsockname(descriptor, (struct sockaddr *)name, &length) != 0)
        fail("no socket");
    return descriptor;
}

static EVP_CIPHER_CTX *gcm(bool seals) {
    static const uint8_t key[16] = {1};
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!context || EVP_CipherInit_ex(context, EVP_aes_128_gcm(), NULL, key, NULL, seals) != 1)
        fail("no AES-128-GCM");
    return context;
}

static void seal(EVP_CIPHER_CTX *context, uint64_t number, const uint8_t *payload, size_t length, uint8_t *record) {
    uint8_t nonce[12] = {0};
    int n;
    memcpy(nonce + 4, &number, sizeof number);
    memset(record, 23, RECORD_HEADER_BYTES);
    memcpy(record + RECORD_HEADER_BYTES, &number, RECORD_NONCE_BYTES);
    uint8_t *text = record + RECORD_HEADER_BYTES + RECORD_NONCE_BYTES;
    if (EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, 1) != 1 || EVP_EncryptUpdate(context, NULL, &n, record, RECORD_HEADER_BYTES) != 1 ||
        EVP_EncryptUpdate(context, text, &n, payload, (int)length) != 1 || EVP_EncryptFinal_ex(context, text + length, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, RECORD_TAG_BYTES, text + length) != 1)
        fail("seal");
}

static void unseal(EVP_CIPHER_CTX *context, uint8_t *record, size_t length, uint8_t *payload) {
    uint8_t nonce[12] = {0};
    int n;
    memcpy(nonce + 4, record + RECORD_HEADER_BYTES, RECORD_NONCE_BYTES);
    uint8_t *text = record + RECORD_HEADER_BYTES + RECORD_NONCE_BYTES;
    if (EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, 0) != 1 || EVP_DecryptUpdate(context, NULL, &n, record, RECORD_HEADER_BYTES) != 1 ||
        EVP_DecryptUpdate(context, payload, &n, text, (int)length) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, RECORD_TAG_BYTES, text + length) != 1 || EVP_DecryptFinal_ex(context, payload + length, &n) != 1)
        fail("unseal");
}

static struct cost floor_of(uint64_t bytes, size_t per_datagram) {
    struct sockaddr_in from_name, to_name;
    int from = plain_socket(&from_name), to = plain_socket(&to_name);
    EVP_CIPHER_CTX *sealer = gcm(true), *opener = gcm(false);
    uint8_t record[DATAGRAM_MAX_BYTES], payload[DATAGRAM_MAX_BYTES];
    size_t whole = per_datagram + RECORD_HEADER_BYTES + RECORD_NONCE_BYTES + RECORD_TAG_BYTES;
    uint64_t number = 0, datagrams = bytes / per_datagram;
    struct cost cost = {.wall_s = -seconds(CLOCK_MONOTONIC), .cpu_s = -seconds(CLOCK_PROCESS_CPUTIME_ID), .per_datagram_bytes = (double)per_datagram};
    while (number < datagrams) {
        size_t count = datagrams - number < FLOOR_BATCH ? (size_t)(datagrams - number) : FLOOR_BATCH;
        for (size_t i = 0; i < count; i++, number++) {
            seal(sealer, number, message_bytes + number % 1024, per_datagram, record);
            if (sendto(from, record, whole, 0, (struct sockaddr *)&to_name, sizeof to_name) != (ssize_t)whole)
                fail("sendto");
        }
        for (size_t i = 0; i < count; i++) {
            if (recv(to, record, sizeof record, 0) != (ssize_t)whole)
                fail("recv");
            unseal(opener, record, per_datagram, payload);
        }
    }
    cost.wall_s += seconds(CLOCK_MONOTONIC);
    cost.cpu_s += seconds(CLOCK_PROCESS_CPUTIME_ID);
    EVP_CIPHER_CTX_free(sealer);
    EVP_CIPHER_CTX_free(opener);
    close(from);
    close(to);
    return cost;
}

/* ---- figures --------------------------------------------------------------------------------------------------------------------- */

static void keep_best(struct cost *best, const struct cost *cost) {
    if (best->wall_s == 0 || cost->wall_s < best->wall_s)
        best->wall_s = cost->wall_s;
    if (best->cpu_s == 0 || cost->cpu_s < best->cpu_s)
        best->cpu_s = cost->cpu_s;
    best->per_datagram_bytes = cost->per_datagram_bytes;
}

static void compare(size_t length, const struct dtls_certificate *certificate, bool joins) {
    struct cost ours = {0}, floor = {0};
    for (int round = 0; round < ROUNDS; round++) {
        struct cost cost = run(length, BULK_BYTES, certificate, joins);
        keep_best(&ours, &cost);
        cost = floor_of(BULK_BYTES, (size_t)cost.per_datagram_bytes);
        keep_best(&floor, &cost);
    }
    double megabytes = (double)BULK_BYTES * 1e-6, gigabytes = megabytes * 1e-3;
    printf("  messages of %5zu bytes%s  %5.0f MB/s  %5.2f CPU s/GB  floor %5.2f CPU s/GB  ratio %4.2f  (%4.0f bytes of message in a datagram)\n", length, joins ? "        " : ", no GRO",
           megabytes / ours.wall_s, ours.cpu_s / gigabytes, floor.cpu_s / gigabytes, ours.cpu_s / floor.cpu_s, ours.per_datagram_bytes);
}

int main(int argc, char **argv) {
    if (dtls_srtp_initialize() != DTLS_OK)
        fail("no SRTP");
    struct dtls_certificate *certificate = dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = time(NULL)});
    if (!certificate)
        fail("no certificate");
    for (size_t i = 0; i < sizeof message_bytes; i++)
        message_bytes[i] = (uint8_t)(i * 7 + i / 251);
    if (argc == 3) {
        size_t length = strtoul(argv[1], NULL, 10);
        uint64_t bytes = strtoul(argv[2], NULL, 10) * 1000000u;
        if (length == 0 || length > MESSAGE_MAX_BYTES || bytes < length)
            fail("a message has 1 to 65536 bytes, a run at least one");
        struct cost cost = run(length, bytes, certificate, true);
        printf("{\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"cpu\":%.6f}\n", bytes - bytes % length, cost.wall_s, cost.cpu_s);
    } else if (argc == 1) {
        compare(16384, certificate, true);
        compare(65536, certificate, true);
        compare(16384, certificate, false);
    } else {
        fail("usage: bench_data_channel [LENGTH MEGABYTES]");
    }
    dtls_certificate_free(certificate);
    return 0;
}
