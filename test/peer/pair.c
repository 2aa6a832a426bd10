#include "test/peer/pair.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

uint64_t pair_random(struct pair *pair) {
    /* splitmix64, public domain */
    uint64_t z = (pair->random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static bool chance(struct pair *pair, double probability) {
    return (double)(pair_random(pair) >> 11) / 9007199254740992.0 < probability;
}

static void random_bytes(void *context, uint8_t *out, size_t length) {
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)pair_random(context);
}

static void put_on_wire(struct pair *pair, int from, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    assert(pair->datagram_count < PAIR_DATAGRAM_MAX && length <= PAIR_DATAGRAM_BYTES);
    struct pair_datagram *datagram = &pair->datagrams[pair->datagram_count];
    *datagram = (struct pair_datagram){.due_us = pair->now_us + pair->delay_us, .to = 1 - from, .length = length};
    datagram->path = (struct ice_path){.transport = path->transport, .local = path->remote, .remote = path->local};
    memcpy(datagram->bytes, bytes, length);
    pair->sent++;
    bool is_passed = !pair->filter || pair->filter(pair->filter_context, from, datagram->bytes, length, pair->sent - 1);
    if (!is_passed || chance(pair, pair->loss) || !stun_address_equal(&path->remote, &pair->ends[1 - from].address)) {
        pair->lost++;
        return;
    }
    pair->datagram_count++;
    if (chance(pair, pair->duplication) && pair->datagram_count < PAIR_DATAGRAM_MAX) {
        pair->datagrams[pair->datagram_count++] = *datagram;
        pair->doubled++;
    }
}

static void take_event(struct pair *pair, struct pair_end *end, const struct peer_event *event) {
    switch (event->type) {
    case PEER_EVENT_ICE:
        if (event->as.ice.type == ICE_EVENT_CANDIDATE && end->candidate_count < 8)
            end->candidates[end->candidate_count++] = *event->as.ice.as.candidate;
        if (event->as.ice.type == ICE_EVENT_GATHERING_STATE)
            end->is_gathered = event->as.ice.as.gathering_state == ICE_GATHERING_COMPLETE;
        break;
    case PEER_EVENT_DTLS:
        end->dtls_failure = event->as.dtls.failure;
        break;
    case PEER_EVENT_STATE:
        end->state = event->as.state;
        if (end->state == PEER_TRANSPORT_CONNECTED && end->connected_us == 0)
            end->connected_us = pair->now_us;
        break;
    case PEER_EVENT_KEY_LOG:
        if (event->as.key_log.length < sizeof end->key_log)
            memcpy(end->key_log, event->as.key_log.line, event->as.key_log.length);
        break;
    }
}

static void take_received(struct pair_end *end, const struct peer_received *received) {
    unsigned *counters[] = {&end->rtp_received, &end->rtcp_received, &end->data_received};
    ++*counters[received->kind];
    end->last_length = received->length;
    memcpy(end->last_packet, received->bytes, received->length);
}

void pair_drain(struct pair *pair, int index) {
    struct pair_end *end = &pair->ends[index];
    bool is_busy = true;
    while (is_busy) {
        is_busy = false;
        uint8_t buffer[PEER_TRANSMIT_BUFFER_BYTES];
        struct ice_transmit out;
        while (peer_transport_poll_transmit(end->transport, pair->now_us, buffer, sizeof buffer, &out)) {
            is_busy = true;
            put_on_wire(pair, index, &out.path, buffer + out.offset, out.length);
        }
        struct peer_received received;
        while (peer_transport_poll_received(end->transport, pair->now_us, &received)) {
            is_busy = true;
            take_received(end, &received);
        }
        struct peer_event event;
        while (peer_transport_poll_event(end->transport, &event)) {
            is_busy = true;
            take_event(pair, end, &event);
        }
    }
}

bool pair_start(struct pair *pair, uint64_t seed, const struct ice_allocator *allocator) {
    *pair = (struct pair){.now_us = 1000000, .random_state = seed, .delay_us = 10000};
    pair->datagrams = malloc(sizeof *pair->datagrams * PAIR_DATAGRAM_MAX);
    assert(pair->datagrams && dtls_srtp_initialize() == DTLS_OK);
    for (int i = 0; i < 2; i++) {
        struct pair_end *end = &pair->ends[i];
        end->address = (struct stun_address){.family = STUN_ADDRESS_IPV4, .port = (uint16_t)(5000 + i), .ip = {10, 0, 0, (uint8_t)(i + 1)}};
        end->certificate = dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = 1700000000});
        assert(end->certificate);
        struct peer_transport_config config = {
            .ice = {.role = i == 0 ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED, .random = random_bytes, .random_context = pair, .allocator = allocator},
            .certificate = end->certificate,
            .key_log = true,
        };
        end->transport = peer_transport_new(&config, pair->now_us);
        struct ice_interface interface = {.base = end->address, .preference = 65535};
        if (!end->transport || peer_transport_handle_interfaces(end->transport, pair->now_us, &interface, 1) != PEER_OK ||
            peer_transport_gather(end->transport, pair->now_us) != PEER_OK) {
            pair_stop(pair);
            return false;
        }
        pair_drain(pair, i);
    }
    return true;
}

void pair_stop(struct pair *pair) {
    for (int i = 0; i < 2; i++) {
        peer_transport_free(pair->ends[i].transport);
        dtls_certificate_free(pair->ends[i].certificate);
        pair->ends[i].transport = NULL;
        pair->ends[i].certificate = NULL;
    }
    free(pair->datagrams);
    pair->datagrams = NULL;
}

void pair_describe(struct pair *pair, int to) {
    struct pair_end *end = &pair->ends[to], *other = &pair->ends[1 - to];
    struct peer_transport_parameters parameters;
    peer_transport_local_parameters(other->transport, &parameters);
    (void)peer_transport_set_remote_parameters(end->transport, pair->now_us, &parameters, to == 0 ? DTLS_ROLE_SERVER : DTLS_ROLE_CLIENT);
    for (size_t i = 0; i < other->candidate_count; i++)
        (void)peer_transport_add_remote_candidate(end->transport, pair->now_us, &other->candidates[i]);
    (void)peer_transport_end_of_remote_candidates(end->transport, pair->now_us);
    pair_drain(pair, to);
}

static size_t next_datagram(const struct pair *pair) {
    size_t best = pair->datagram_count;
    for (size_t i = 0; i < pair->datagram_count; i++)
        if (best == pair->datagram_count || pair->datagrams[i].due_us < pair->datagrams[best].due_us)
            best = i;
    return best;
}

static void deliver(struct pair *pair, size_t index) {
    struct pair_datagram datagram = pair->datagrams[index];
    memmove(&pair->datagrams[index], &pair->datagrams[index + 1], (pair->datagram_count - index - 1) * sizeof datagram);
    pair->datagram_count--;
    (void)peer_transport_handle_datagram(pair->ends[datagram.to].transport, pair->now_us, &datagram.path, datagram.bytes, datagram.length);
    pair_drain(pair, datagram.to);
}

void pair_run(struct pair *pair, uint64_t until_us) {
    for (;;) {
        size_t index = next_datagram(pair);
        uint64_t due_us = index < pair->datagram_count ? pair->datagrams[index].due_us : UINT64_MAX;
        uint64_t timeouts[2] = {peer_transport_next_timeout(pair->ends[0].transport), peer_transport_next_timeout(pair->ends[1].transport)};
        int first = timeouts[0] <= timeouts[1] ? 0 : 1;
        uint64_t next_us = due_us < timeouts[first] ? due_us : timeouts[first];
        if (next_us > until_us) {
            pair->now_us = until_us;
            return;
        }
        if (next_us > pair->now_us)
            pair->now_us = next_us;
        if (due_us <= timeouts[first]) {
            deliver(pair, index);
        } else {
            peer_transport_handle_timeout(pair->ends[first].transport, pair->now_us);
            pair_drain(pair, first);
        }
    }
}

bool pair_is_connected(const struct pair *pair) {
    return pair->ends[0].state == PEER_TRANSPORT_CONNECTED && pair->ends[1].state == PEER_TRANSPORT_CONNECTED;
}

bool pair_connect(struct pair *pair, uint64_t seed, uint64_t patience_us) {
    if (!pair->datagrams && !pair_start(pair, seed, NULL))
        return false;
    uint64_t until_us = pair->now_us + patience_us;
    pair_describe(pair, 1);
    pair_describe(pair, 0);
    while (!pair_is_connected(pair) && pair->now_us < until_us)
        pair_run(pair, pair->now_us + 5000);
    return pair_is_connected(pair);
}

static int send_packet(struct pair *pair, int from, bool is_rtcp, const uint8_t *packet, size_t length) {
    uint8_t buffer[PEER_TRANSMIT_BUFFER_BYTES];
    assert(length + ICE_HEADROOM_BYTES < sizeof buffer);
    memcpy(buffer + ICE_HEADROOM_BYTES, packet, length);
    struct ice_transmit out;
    struct peer_transport *transport = pair->ends[from].transport;
    int error = is_rtcp ? peer_transport_protect_rtcp(transport, pair->now_us, buffer, length, sizeof buffer, &out)
                        : peer_transport_protect_rtp(transport, pair->now_us, buffer, length, sizeof buffer, &out);
    if (error == PEER_OK)
        put_on_wire(pair, from, &out.path, buffer + out.offset, out.length);
    return error;
}

int pair_send_rtp(struct pair *pair, int from, uint16_t sequence, size_t payload_length) {
    uint8_t packet[PEER_TRANSMIT_BUFFER_BYTES] = {0x80, 96, (uint8_t)(sequence >> 8), (uint8_t)sequence, 0, 0, 0, 1, 1, 2, 3, (uint8_t)from};
    for (size_t i = 0; i < payload_length; i++)
        packet[12 + i] = (uint8_t)(i + sequence);
    return send_packet(pair, from, false, packet, 12 + payload_length);
}

int pair_send_rtcp(struct pair *pair, int from) {
    uint8_t receiver_report[8] = {0x80, 201, 0, 1, 1, 2, 3, (uint8_t)from};
    return send_packet(pair, from, true, receiver_report, sizeof receiver_report);
}

int pair_inject(struct pair *pair, int to, const struct stun_address *from, const uint8_t *bytes, size_t length) {
    uint8_t copy[PAIR_DATAGRAM_BYTES];
    assert(length <= sizeof copy);
    memcpy(copy, bytes, length);
    struct ice_path path = {.transport = ICE_TRANSPORT_UDP, .local = pair->ends[to].address, .remote = *from};
    int error = peer_transport_handle_datagram(pair->ends[to].transport, pair->now_us, &path, copy, length);
    pair_drain(pair, to);
    return error;
}
