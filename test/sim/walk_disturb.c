#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "test/sim/walk_internal.h"

/* Bytes that could be STUN, DTLS or SRTP by their first (RFC 7983), and are nothing. */
static void inject(struct walk_end *end, const struct walk_step *step, const struct ice_path *path) {
    static const uint8_t firsts[] = {0, 1, 20, 22, 23, 63, 64, 79, 128, 144, 191, 255};
    uint8_t bytes[64];
    struct sim_random random;
    sim_random_seed(&random, step->b);
    sim_random_fill(&random, bytes, sizeof bytes);
    bytes[0] = firsts[step->b % sizeof firsts];
    (void)peer_connection_handle_datagram(end->connection, walk_now(end), path, bytes, step->b % sizeof bytes);
}

static void walk_statistics(struct walk_end *end) {
    struct peer_statistics statistics;
    size_t steps = 0;
    for (size_t cursor = 0; peer_connection_statistics(end->connection, &cursor, &statistics) && steps < 10000; steps++)
        if (statistics.id[0] == '\0' || strcmp(peer_statistics_type_name(statistics.type), "") == 0)
            walk_fail(end->walk, "%c: statistics without an id or a type", 'A' + end->index);
    if (steps >= 10000)
        walk_fail(end->walk, "%c: the statistics have no end", 'A' + end->index);
}

static void disturb_stream(struct walk_end *end, const struct walk_step *step, struct ice_path *path) {
    path->transport = step->b & 1 ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_TLS;
    path->stream_id = step->b & 2 ? ICE_STREAM_ACCEPTED | step->b : step->b % 4u;
    (void)peer_connection_handle_stream_opened(end->connection, walk_now(end), path);
    walk_touch(end);
    (void)peer_connection_handle_stream_bytes(end->connection, walk_now(end), path, &step->b, 1);
    walk_touch(end);
    if (step->b & 4)
        (void)peer_connection_handle_stream_closed(end->connection, walk_now(end), path, ECONNRESET);
}

void walk_disturb(struct walk_end *end, const struct walk_step *step) {
    const struct stun_address stranger = {.family = STUN_ADDRESS_IPV4, .port = 666, .ip = {192, 0, 2, 66}};
    struct ice_path path = {.transport = ICE_TRANSPORT_UDP, .local = end->base, .remote = step->b & 16 ? stranger : walk_other(end)->base};
    struct ice_interface interface = {.base = end->base, .preference = 1};
    walk_say(end->walk, "    %3zu %c disturb %u, %u\n", end->walk->step, 'A' + end->index, step->a % 8u, step->b);
    switch (step->a % 8) {
    case 0: inject(end, step, &path); break;
    case 1: peer_connection_handle_send_error(end->connection, walk_now(end), &path, ECONNREFUSED); break;
    case 2: (void)peer_connection_handle_resolved(end->connection, walk_now(end), step->b, &stranger, step->b & 1); break;
    case 3: disturb_stream(end, step, &path); break;
    case 4: peer_connection_handle_timeout(end->connection, walk_now(end)); break;
    case 5: walk_statistics(end); break;
    case 6: /* a base that another transport has, or of a transport that nobody has */
        (void)peer_connection_handle_transport_interfaces(end->connection, walk_now(end), step->b % (PEER_TRANSPORT_MAX + 2u), &interface, 1);
        break;
    default: {
        uint8_t small[16];
        struct ice_transmit out;
        if (peer_connection_poll_transmit(end->connection, walk_now(end), small, sizeof small, &out))
            walk_fail(end->walk, "%c: a datagram in 16 bytes", 'A' + end->index);
        break;
    }
    }
}
