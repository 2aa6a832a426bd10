/* links: peer ice stun sdp dtls rtp sctp */
/* with: test/peer/pair.c */
/*
 * Two whole transports on a wire that the input commands: bytes, time and API calls are its script. What must hold after
 * every step is in check_invariants. OpenSSL brings its own randomness, so a run repeats in its steps but not to the bit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "test/peer/pair.h"

#define MILLISECOND_US UINT64_C(1000)
#define STEPS_MAX 400

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

struct wire {
    unsigned lose, corrupt; /* how many of the next datagrams */
    uint8_t bit;
};

static bool tamper(void *context, int from, uint8_t *bytes, size_t length, uint64_t index) {
    struct wire *wire = context;
    (void)from;
    (void)index;
    if (wire->lose > 0) {
        wire->lose--;
        return false;
    }
    if (wire->corrupt > 0 && length > 0) {
        wire->corrupt--;
        bytes[(wire->bit * 7u) % length] ^= (uint8_t)(1u << wire->bit % 8);
    }
    return true;
}

/* What the inputs so far have reached: bits of enum peer_transport_state, and packets received at each end. */
static unsigned states_reached, media_reached[2];

static void require(bool holds) {
    if (!holds)
        abort();
}

static void check_invariants(const struct pair *pair, const unsigned sent[2]) {
    for (int i = 0; i < 2; i++) {
        const struct pair_end *end = &pair->ends[i];
        /* Nothing that the peer did not send ever comes out, and nothing twice: SRTP vouches for it. */
        require(end->rtp_received + end->rtcp_received <= sent[1 - i]);
        struct peer_transport_statistics statistics;
        peer_transport_statistics(end->transport, &statistics);
        states_reached |= 1u << statistics.state;
        media_reached[i] += end->rtp_received > 0;
        require(statistics.state != PEER_TRANSPORT_CONNECTED || statistics.dtls_state == DTLS_TRANSPORT_CONNECTED);
        require(statistics.early_kept <= pair->sent + 100000);
        struct ice_statistics ice;
        ice_agent_statistics(peer_transport_ice(end->transport), &ice);
        require(ice.memory_bytes <= ICE_MEMORY_BUDGET_DEFAULT_BYTES);
        require(ice_agent_pair_count(peer_transport_ice(end->transport)) <= ICE_PAIR_MAX);
    }
}

static void inject(struct pair *pair, struct script *script, int to, bool from_peer) {
    static const struct stun_address stranger = {.family = STUN_ADDRESS_IPV4, .port = 666, .ip = {192, 0, 2, 66}};
    uint8_t bytes[256];
    size_t length = next_byte(script);
    for (size_t i = 0; i < length; i++)
        bytes[i] = next_byte(script);
    (void)pair_inject(pair, to, from_peer ? &pair->ends[1 - to].address : &stranger, bytes, length);
}

static void step(struct pair *pair, struct wire *wire, struct script *script, unsigned sent[2]) {
    uint8_t operation = next_byte(script), argument = next_byte(script);
    int end = argument & 1;
    struct peer_transport *transport = pair->ends[end].transport;
    struct ice_path path = {.local = pair->ends[end].address, .remote = pair->ends[1 - end].address};
    struct ice_interface interface = {.base = pair->ends[end].address, .preference = 65535};
    switch (operation % 18) {
    case 0: pair_run(pair, pair->now_us + argument * MILLISECOND_US); break;
    case 1: pair_run(pair, pair->now_us + argument * 200 * MILLISECOND_US); break;
    case 2: pair_describe(pair, end); break;
    case 3: wire->lose = argument >> 1; break;
    case 4: wire->corrupt = 1 + (argument >> 6); wire->bit = argument; break;
    case 5: pair->loss = argument / 512.0; break;
    case 6: pair->duplication = argument / 512.0; break;
    case 7: inject(pair, script, end, true); break;
    case 8: inject(pair, script, end, false); break;
    case 9: sent[end] += pair_send_rtp(pair, end, (uint16_t)(argument * 3), argument) == PEER_OK; break;
    case 10: sent[end] += pair_send_rtcp(pair, end) == PEER_OK; break;
    case 11: peer_transport_handle_send_error(transport, pair->now_us, &path, 111); break;
    case 12: (void)peer_transport_handle_interfaces(transport, pair->now_us, &interface, argument >> 7); break;
    case 13: peer_transport_handle_timeout(transport, pair->now_us); break;
    case 14: (void)peer_transport_handle_resolved(transport, pair->now_us, argument, &path.remote, argument >> 7); break;
    case 15:
        if (argument >= 240)
            peer_transport_close(transport, pair->now_us);
        break;
    case 16: /* a stream that nobody has asked for, or that was accepted */
        path.transport = argument & 2 ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_TLS;
        path.stream_id = argument & 4 ? ICE_STREAM_ACCEPTED | argument : argument;
        (void)peer_transport_handle_stream_opened(transport, pair->now_us, &path);
        (void)peer_transport_handle_stream_bytes(transport, pair->now_us, &path, &argument, 1);
        if (argument & 8)
            (void)peer_transport_handle_stream_closed(transport, pair->now_us, &path, argument >> 4);
        break;
    case 17:
        if (argument & 1)
            (void)peer_transport_restart(transport, pair->now_us, "ours", argument & 2 ? "ourourourourourourours" : "short");
        else
            (void)peer_transport_restart(transport, pair->now_us, NULL, NULL);
        break;
    case 18: (void)peer_transport_cancel_restart(transport, pair->now_us); break;
    case 19: peer_transport_abandon_streams(transport); break;
    }
    pair_drain(pair, end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct script script = {data, size};
    struct pair pair;
    struct wire wire = {0};
    unsigned sent[2] = {0, 0};
    if (!pair_start(&pair, next_byte(&script), NULL))
        return 0;
    pair.filter = tamper;
    pair.filter_context = &wire;
    for (unsigned steps = 0; script.length > 0 && steps < STEPS_MAX; steps++) {
        step(&pair, &wire, &script, sent);
        check_invariants(&pair, sent);
    }
    pair_stop(&pair);
    return 0;
}
