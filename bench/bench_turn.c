/*
 * What a relayed datagram of 1,200 bytes costs a TURN client: unwrapped from ChannelData and from a Data indication, wrapped into both, over
 * UDP and over a stream, with 1 and with 64 peers. The floor is moving the payload once (memcpy), measured in the same run.
 *
 * The server is the least that lets the client come so far: it wants no credentials, and says yes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ice/turn_client.h"
#include "stun/message.h"

#define BATCHES 40
#define ROUNDS 5000
#define PAYLOAD_BYTES 1200

static struct ice_turn_client *client;
static struct ice_path path;
static struct stun_address peer;
static uint8_t incoming[PAYLOAD_BYTES + 64], outgoing[ICE_HEADROOM_BYTES + PAYLOAD_BYTES + ICE_TURN_TAILROOM_BYTES], copy[PAYLOAD_BYTES];
static size_t incoming_length;
static volatile size_t sink;

static void fail(const char *what) {
    fprintf(stderr, "bench_turn: %s\n", what);
    exit(1);
}

static void counted(void *context, uint8_t *out, size_t length) {
    static uint32_t count;
    (void)context;
    memset(out, 0, length);
    count++;
    memcpy(out, &count, length < sizeof count ? length : sizeof count);
}

static struct stun_address address_of(const char *ip, uint16_t port) {
    struct stun_address address;
    if (!stun_address_parse_ip(ip, strlen(ip), &address))
        fail("address");
    address.port = port;
    return address;
}

static void deliver(const uint8_t *bytes, size_t length) {
    int error = path.transport == ICE_TRANSPORT_UDP ? ice_turn_client_handle_datagram(client, 1, &path, bytes, length)
                                                    : ice_turn_client_handle_stream_bytes(client, 1, &path, bytes, length);
    if (error != ICE_OK)
        fail("not accepted");
}

static void answer(const uint8_t *request, size_t length) {
    static const struct stun_address relayed = {.family = STUN_ADDRESS_IPV4, .port = 50000, .ip = {203, 0, 113, 5}};
    struct stun_message message;
    struct stun_writer writer;
    uint8_t bytes[256];
    if (stun_message_parse(request, length, &message) != STUN_OK)
        fail("request");
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_SUCCESS_RESPONSE, message.method, message.transaction_id);
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, &relayed);
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &relayed);
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_LIFETIME, 600);
    deliver(bytes, writer.length);
}

static void drain(void) {
    struct ice_turn_event event;
    struct ice_transmit out;
    uint8_t buffer[ICE_DATAGRAM_MAX_BYTES];
    bool any = true;
    while (any) {
        any = false;
        while (ice_turn_client_poll_event(client, &event)) {
            any = true;
            if (event.type == ICE_TURN_EVENT_OPEN_STREAM)
                (void)ice_turn_client_handle_stream_opened(client, 1, &event.as.stream.path);
        }
        while (ice_turn_client_poll_transmit(client, 1, buffer, sizeof buffer, &out)) {
            any = true;
            answer(buffer + out.offset, out.length);
        }
    }
}

static void setup(enum ice_transport transport, unsigned peers, bool channel) {
    path = (struct ice_path){.transport = transport, .remote = address_of("203.0.113.1", 3478), .stream_id = transport == ICE_TRANSPORT_UDP ? 0 : 1};
    struct ice_turn_client_config config = {.path = path, .random = counted};
    client = ice_turn_client_new(&config, 1);
    if (client == NULL)
        fail("client");
    drain();
    peer = address_of("198.51.100.0", 7000);
    for (unsigned i = 0; i < peers; i++) {
        peer.ip[3] = (uint8_t)i;
        if ((channel ? ice_turn_client_bind(client, 1, &peer) : ice_turn_client_permit(client, 1, &peer)) != ICE_OK)
            fail("peer");
    }
    drain();
    if (channel) {
        incoming[0] = 0x40;
        incoming[1] = (uint8_t)(peers - 1);
        incoming[2] = PAYLOAD_BYTES >> 8;
        incoming[3] = PAYLOAD_BYTES & 0xFF;
        incoming_length = 4 + PAYLOAD_BYTES;
    } else {
        static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = {1};
        struct stun_writer writer;
        stun_writer_begin(&writer, incoming, sizeof incoming, STUN_CLASS_INDICATION, STUN_METHOD_DATA, id);
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &peer);
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, copy, PAYLOAD_BYTES);
        incoming_length = writer.length;
    }
}

static void run_in(void) {
    struct ice_turn_received received;
    deliver(incoming, incoming_length);
    while (ice_turn_client_poll_received(client, &received))
        sink += received.length;
}

static void run_out(void) {
    struct ice_transmit out;
    if (ice_turn_client_wrap(client, 1, &peer, outgoing, PAYLOAD_BYTES, sizeof outgoing, &out) != ICE_OK)
        fail("wrap");
    sink += out.length;
}

static void run_copy(void) {
    memcpy(copy, outgoing + ICE_HEADROOM_BYTES, PAYLOAD_BYTES);
    sink += copy[sink % PAYLOAD_BYTES];
}

/* Nanoseconds of one run: the best of many batches. */
static double best(void (*run)(void)) {
    double least = 1e9;
    for (int batch = 0; batch < BATCHES; batch++) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int i = 0; i < ROUNDS; i++)
            run();
        clock_gettime(CLOCK_MONOTONIC, &end);
        double each = ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / ROUNDS;
        least = each < least ? each : least;
    }
    return least;
}

int main(void) {
    double floor = best(run_copy);
    printf("floor: memcpy of %d bytes %.1f ns\n", PAYLOAD_BYTES, floor);
    for (int stream = 0; stream < 2; stream++) {
        for (int channel = 0; channel < 2; channel++) {
            for (unsigned peers = 1; peers <= 64; peers += 63) {
                setup(stream ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_UDP, peers, channel != 0);
                double in = best(run_in), out = best(run_out);
                printf("%s, %s, %2u peers: in %6.1f ns (%.1f floors), out %6.1f ns (%.1f floors)\n", stream ? "stream" : "UDP   ",
                       channel ? "ChannelData" : "indication ", peers, in, in / floor, out, out / floor);
                ice_turn_client_free(client);
            }
        }
    }
    return 0;
}
