/*
 * A whole PeerConnection as an endpoint of the virtual network: it negotiates by itself whenever it is asked to (perfect negotiation, W3C webrtc
 * section 10.7; the second side is the polite one), has sockets for every transport, and sends audio and video frames whose every byte the
 * other side can check. Data channels are the test's. Two of them make a call.
 *
 *     connection_sides_start(sim, sides, configs);
 *     while (sim_step(sim)) {}
 *     connection_sides_free(sides);      before sim_free
 */
#ifndef TEST_SIM_CONNECTION_SIDE_H
#define TEST_SIM_CONNECTION_SIDE_H

#include "app/peer/peer_connection.h"
#include "test/sim/sim.h"

#define CONNECTION_SIDE_INTERFACE_MAX 4
#define CONNECTION_SIDE_STREAM_MAX 128
#define CONNECTION_SIDE_SIGNALING_US (50 * SIM_MILLISECOND_US)
#define CONNECTION_SIDE_GAP_MAX 64

#define CONNECTION_SIDE_FREEZE_US 100000 /* a gap that one would see, or hear */

enum { CONNECTION_SIDE_AUDIO, CONNECTION_SIDE_VIDEO }; /* transceivers of both sides */

struct connection_side_config {
    int interfaces[CONNECTION_SIDE_INTERFACE_MAX]; /* better ones first */
    size_t interface_count;
    const struct ice_server *servers;
    size_t server_count;
    enum ice_transport_policy policy;
    enum peer_bundle_policy bundle_policy;
    struct dtls_certificate *certificate; /* outlives the side */
    bool has_no_media;                    /* no tracks: who wants a negotiation asks for one */
    /* What data channels tell; NULL: nothing is heard of them. */
    void (*take_data)(void *context, uint64_t now_us, const struct peer_connection_event *event);
    void *data_context;
};

/* Of one kind of media: what has been handed out. */
struct connection_side_media {
    uint32_t sent, received, damaged, last_number;
    bool wants_key_frame;
    uint64_t next_us, last_us;
    uint64_t longest_gap_us;           /* between two frames that were handed out, since gaps_from_us */
    uint64_t frozen_us;                /* the sum of such gaps as are longer than CONNECTION_SIDE_FREEZE_US */
    uint64_t resumed_us;               /* the first one from watched_us on */
};

struct connection_side {
    struct sim *sim;
    struct connection_side_config config;
    const char *name;
    int endpoint;
    bool is_polite;
    struct connection_side *other;
    struct peer_connection *connection;
    struct connection_message *messages; /* that it has sent, to be freed */
    struct stun_address bases[PEER_TRANSPORT_MAX][CONNECTION_SIDE_INTERFACE_MAX];
    struct {
        uint64_t id;
        enum ice_transport transport;
    } streams[CONNECTION_SIDE_STREAM_MAX];
    size_t stream_count;

    enum peer_connection_state state;
    enum ice_candidate_type local_type, remote_type; /* of what is selected */
    uint64_t connected_us;
    unsigned restarts_needed, failures, disconnections, selections, offers;
    enum ice_restart_reason restart_reason;
    struct connection_side_media media[2];
    uint64_t gaps_from_us, watched_us;
};

void connection_sides_start(struct sim *sim, struct connection_side sides[2], const struct connection_side_config configs[2]);
void connection_sides_free(struct connection_side sides[2]);

/* These are the interfaces now. */
void connection_side_set_interfaces(struct connection_side *side, const int *interfaces, size_t count);
/* From now on, gaps count. */
void connection_side_watch_gaps(struct connection_side *side, uint64_t from_us);
void connection_side_explain(const struct connection_side *side);

#endif
