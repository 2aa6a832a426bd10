/* links: peer ice stun sdp dtls rtp sctp */
/* with: fuzz/peer_connection_alone.c fuzz/peer_connection_alone_judge.c test/sim/walk.c test/sim/walk_end.c test/sim/walk_steps.c test/sim/walk_transceivers.c test/sim/walk_descriptions.c test/sim/walk_candidates.c test/sim/walk_channels.c test/sim/walk_disturb.c test/sim/walk_judge.c test/sim/walk_settle.c test/sim/walk_script.c test/sim/w3c_model.c test/sim/w3c_descriptions.c test/sim/w3c_judge.c test/sim/sdp_lines.c test/sim/sim.c test/sim/network.c test/sim/link.c test/sim/nat.c test/sim/counters.c test/sim/event_queue.c test/sim/random.c test/sim/stream.c */
/*
 * Two PeerConnections on the virtual network: the input is a walk over their API (test/sim/walk.h), four bytes a step, and the judge of the
 * walks says what must hold after each: the W3C's tables, both ends of one mind, no memory kept. Steps are API calls in any order, what the
 * other end said, late, twice, and with bytes changed; candidates; strangers' datagrams; time and loss. OpenSSL brings its own randomness, so
 * a run repeats in its steps but not to the bit. With bit 7 of the second byte it is one PeerConnection, and its peer is the input
 * (peer_connection_alone.h): descriptions that nobody of ours would write.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/peer_connection_alone.h"
#include "test/sim/walk_internal.h"

/* What test/sim wants of cmocka: a way to fail. */
void _fail(const char *file, int line);
void print_error(const char *format, ...);
void _fail(const char *file, int line) {
    fprintf(stderr, "%s:%d\n", file, line);
    abort();
}
void print_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

#define HEADER_BYTES 4
#define STEPS_MAX 160

static void read_script(struct walk_script *script, const uint8_t *data, size_t size) {
    *script = (struct walk_script){.seed = data[0],
                                   .settles = data[1] & 1,
                                   .is_bad = data[1] & 2,
                                   .is_hostile = data[1] & 4,
                                   .has_servers = data[1] & 8,
                                   .fail_at = data[1] & 16 ? 1u + data[3] * 2u : 0};
    script->policies[0] = (enum peer_bundle_policy)(data[2] % 3);
    script->policies[1] = (enum peer_bundle_policy)(data[2] / 3 % 3);
    for (size_t at = HEADER_BYTES; at + 4 <= size && script->count < STEPS_MAX; at += 4)
        script->steps[script->count++] = (struct walk_step){data[at] % WALK_ACTION_COUNT, data[at + 1], data[at + 2], data[at + 3]};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool is_set_up;
    static struct walk_script script;
    struct walk_result result;
    if (!is_set_up && !walk_set_up())
        abort();
    is_set_up = true;
    if (size < HEADER_BYTES)
        return 0;
    if (data[1] & 128) {
        fuzz_peer_connection_alone(walk_certificates[0], data + 2, size - 2);
        return 0;
    }
    read_script(&script, data, size);
    if (!walk_run(&script, &result)) {
        walk_explain(&script);
        abort();
    }
    return 0;
}
