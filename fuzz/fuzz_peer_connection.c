/* links: peer ice stun sdp dtls rtp */
/* with: test/peer/connection_pair.c */
/*
 * Two PeerConnections on one wire: the input is a script of API calls in any order, time, loss, strangers' datagrams and
 * descriptions with bytes changed. What must hold after every step is in check_invariants. OpenSSL brings its own randomness, so a
 * run repeats in its steps but not to the bit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "test/peer/connection_pair.h"

#define MILLISECOND_US UINT64_C(1000)
#define STEPS_MAX 300

struct script {
    const uint8_t *bytes;
    size_t length;
};

static uint8_t next_byte(struct script *script) {
    if (script->length == 0)
        return 0;
    script->length--;
    return *script->bytes++;
}

static void require(bool holds) {
    if (!holds)
        abort();
}

static void check_statistics(const struct peer_connection *connection) {
    struct peer_statistics statistics;
    size_t steps = 0;
    for (size_t cursor = 0; peer_connection_statistics(connection, &cursor, &statistics); steps++)
        require(statistics.id[0] != '\0' && steps < 1000);
}

static void check_invariants(const struct connection_pair *pair, bool is_synthetic) {
    for (int i = 0; i < 2; i++) {
        const struct connection_end *end = &pair->ends[i], *other = &pair->ends[1 - i];
        /* Nothing that was not sent comes out, nothing twice, nothing damaged. */
        uint32_t received = 0, sent = 0;
        for (size_t t = 0; t < PEER_TRANSCEIVER_MAX; t++) {
            received += end->frames_received[t];
            sent += other->frames_sent[t];
            require(!is_synthetic || (end->frames_received[t] <= other->frames_sent[t] && end->broken_frames[t] == 0));
        }
        require(received <= sent);
        enum peer_connection_state state = peer_connection_state(end->connection);
        struct peer_transport_statistics transport;
        peer_transport_statistics(peer_connection_transport(end->connection, 0), &transport);
        require(state != PEER_CONNECTION_CONNECTED || transport.dtls_state == DTLS_TRANSPORT_CONNECTED || transport.dtls_state == DTLS_TRANSPORT_CLOSED);
        require(state != PEER_CONNECTION_CLOSED || peer_connection_next_timeout(end->connection) == UINT64_MAX);
        check_statistics(end->connection);
    }
}

/* A description for `to`: what the other end would say now, with some bytes changed. */
static void describe(struct connection_pair *pair, struct script *script, int to, enum peer_sdp_type type, unsigned changes) {
    size_t length = 0;
    struct peer_connection *from = pair->ends[1 - to].connection;
    struct peer_problem problem;
    enum peer_sdp_type set;
    const char *text;
    if (peer_connection_local_description(from, &set, &text, &length) && length < sizeof pair->text)
        memcpy(pair->text, text, length);
    else if (peer_connection_create_offer(from, pair->now_us, pair->text, sizeof pair->text, &length, &problem) != PEER_OK)
        return;
    for (unsigned i = 0; i < changes && length > 0; i++) {
        size_t at = (size_t)(next_byte(script) << 8 | next_byte(script)) % length;
        pair->text[at] = (char)next_byte(script);
    }
    int error = peer_connection_set_remote_description(pair->ends[to].connection, pair->now_us, type, pair->text, length, &problem);
    require(error == PEER_OK || (problem.rule && problem.length <= length));
}

static void add_candidate(struct connection_pair *pair, struct script *script, int to) {
    char text[64];
    size_t length = next_byte(script) % sizeof text;
    for (size_t i = 0; i < length; i++)
        text[i] = (char)next_byte(script);
    struct peer_candidate_init init = {.candidate = text, .candidate_length = length, .line_index = (int)(next_byte(script) % 4) - 1};
    (void)peer_connection_add_ice_candidate(pair->ends[to].connection, pair->now_us, &init);
}

static void inject(struct connection_pair *pair, struct script *script, int to, bool from_peer) {
    static const struct stun_address stranger = {.family = STUN_ADDRESS_IPV4, .port = 666, .ip = {192, 0, 2, 66}};
    uint8_t bytes[256];
    size_t length = next_byte(script);
    for (size_t i = 0; i < length; i++)
        bytes[i] = next_byte(script);
    struct ice_path path = {.local = pair->ends[to].address, .remote = from_peer ? pair->ends[1 - to].address : stranger};
    (void)peer_connection_handle_datagram(pair->ends[to].connection, pair->now_us, &path, bytes, length);
}

static void step(struct connection_pair *pair, struct script *script) {
    uint8_t operation = next_byte(script), argument = next_byte(script);
    int i = argument & 1;
    struct connection_end *end = &pair->ends[i];
    struct peer_transceiver_config transceiver = {.kind = (argument & 2) ? PEER_VIDEO : PEER_AUDIO, .direction = (enum peer_direction)(argument >> 6)};
    struct ice_path path = {.local = end->address, .remote = pair->ends[1 - i].address};
    size_t index;
    switch (operation % 18) {
    case 0: connection_pair_run(pair, pair->now_us + argument * MILLISECOND_US); break;
    case 1: connection_pair_run(pair, pair->now_us + argument * 20 * MILLISECOND_US); break;
    case 2: (void)connection_pair_describe(pair); break;
    case 3: (void)peer_connection_set_local_description(end->connection, pair->now_us, (enum peer_sdp_type)(argument >> 1 & 3), NULL, 0, NULL); break;
    case 4: describe(pair, script, i, argument & 2 ? PEER_SDP_ANSWER : PEER_SDP_OFFER, 0); break;
    case 5: describe(pair, script, i, argument & 2 ? PEER_SDP_ANSWER : PEER_SDP_OFFER, argument >> 5); break;
    case 6: add_candidate(pair, script, i); break;
    case 7: connection_pair_give_candidates(pair, i); break;
    case 8: pair->trickle = argument & 2; break;
    case 9: pair->loss = argument / 1024.0; break;
    case 10: inject(pair, script, i, argument & 2); break;
    case 11: pair->media_from_us = argument & 2 ? pair->now_us : UINT64_MAX; break;
    case 12: (void)connection_pair_send_frame(pair, i, argument >> 1 & 1); break;
    case 13: (void)peer_connection_request_key_frame(end->connection, pair->now_us, argument >> 1); break;
    case 14: (void)peer_connection_add_transceiver(end->connection, &transceiver, &index); break;
    case 15: peer_connection_handle_send_error(end->connection, pair->now_us, &path, 111); break;
    case 16:
        if (argument >= 240)
            peer_connection_close(end->connection, pair->now_us);
        break;
    case 17: end->address.port ^= 256; break; /* nothing reaches it any more, or everything again */
    }
    connection_pair_drain(pair, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct script script = {data, size};
    struct connection_pair pair;
    uint8_t first = next_byte(&script);
    if (!connection_pair_start(&pair, first, NULL, first & 1))
        return 0;
    for (unsigned steps = 0; script.length > 0 && steps < STEPS_MAX; steps++) {
        step(&pair, &script);
        check_invariants(&pair, first & 1);
    }
    connection_pair_stop(&pair);
    return 0;
}
