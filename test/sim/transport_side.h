/*
 * A whole peer transport as an endpoint of the virtual network: it gathers, tells the other side its description, connects, and
 * sends synthetic frames whose every byte the other side can check.
 */
#ifndef TEST_SIM_TRANSPORT_SIDE_H
#define TEST_SIM_TRANSPORT_SIDE_H

#include "app/peer/peer_transport.h"
#include "test/sim/description.h"
#include "test/sim/sim.h"

#define SIDE_FRAMES 50
#define SIDE_FRAME_INTERVAL_US (20 * SIM_MILLISECOND_US)
#define SIDE_SIGNALING_DELAY_US (50 * SIM_MILLISECOND_US)

struct transport_side {
    struct sim *sim;
    const char *name;
    int endpoint;
    bool is_offerer;
    struct transport_side *other;
    struct peer_transport *transport;
    char remote_text[DESCRIPTION_MAX_BYTES]; /* the other side's description, as it came */

    bool is_gathered;
    enum peer_transport_state state;
    enum ice_failure ice_failure;
    enum dtls_failure dtls_failure;
    uint64_t started_us, connected_us, failed_us; /* 0: has not happened */

    uint64_t next_frame_us;
    uint16_t frames_sent;
    unsigned frames_received, frames_doubled, frames_damaged;
    bool seen[SIDE_FRAMES];
};

/*
 * Two sides and their signaling. certificates outlive them (they are costly, so that many runs share them).
 * interfaces   one for each side
 * servers      the STUN servers that both ask
 */
void transport_sides_start(struct sim *sim, struct transport_side sides[2], const int interfaces[2],
                           struct dtls_certificate *const certificates[2], const struct ice_server *servers, size_t server_count);
void transport_sides_free(struct transport_side sides[2]);

/* Both have got as far as they will: all frames sent and a while passed, or a failure. */
bool transport_sides_have_verdict(const struct transport_side sides[2]);
bool transport_sides_are_connected(const struct transport_side sides[2]);

/* A few lines for people: states, pairs with their counters, statistics. */
void transport_side_explain(const struct transport_side *side);

#endif
