/*
 * A whole peer transport as an endpoint of the virtual network: it gathers, tells the other side its description, connects, and
 * sends synthetic frames whose every byte the other side can check. Two of them make a call.
 *
 *     struct transport_side_config configs[2] = {{.interfaces = {a}, .interface_count = 1, ...}, ...};
 *     transport_sides_begin(sim, sides, configs);
 *     while (!transport_sides_have_verdict(sides) && sim_step(sim)) {}
 *     transport_sides_free(sides);      before sim_free
 */
#ifndef TEST_SIM_TRANSPORT_SIDE_H
#define TEST_SIM_TRANSPORT_SIDE_H

#include "app/peer/peer_transport.h"
#include "test/sim/description.h"
#include "test/sim/sim.h"

#define SIDE_FRAMES 50
#define SIDE_FRAMES_MAX 65535
#define SIDE_FRAME_INTERVAL_US (20 * SIM_MILLISECOND_US)
#define SIDE_SIGNALING_DELAY_US (50 * SIM_MILLISECOND_US)
#define SIDE_RESTART_PAUSE_US (2 * SIM_SECOND_US) /* between one offer that restarts and the next */
#define SIDE_INTERFACE_MAX 4
#define SIDE_STREAM_MAX 64

/*
 * certificate         outlives the side (they are costly, so that many runs share them)
 * trickles            the offer goes at once and candidates follow it, and the answerer begins when it arrives; else both gather
 *                     from the start and tell each other when they have done. The same for both sides.
 * restarts            answers RESTART_NEEDED, and FAILED after it had a pair, with an ICE restart: the offerer offers, the answerer asks it to
 * signaling_delay_us  of what this side sends; 0: SIDE_SIGNALING_DELAY_US
 * frames              to send, 0: SIDE_FRAMES
 */
struct transport_side_config {
    int interfaces[SIDE_INTERFACE_MAX]; /* better ones first */
    size_t interface_count;
    const struct ice_server *servers;
    size_t server_count;
    enum ice_transport_policy policy;
    struct dtls_certificate *certificate;
    bool trickles, restarts;
    uint64_t signaling_delay_us;
    unsigned frames;
};

/* A selected pair, as it was when it was selected. */
struct transport_selection {
    uint64_t time_us;
    enum ice_candidate_type local, remote;
};

struct transport_side {
    struct sim *sim;
    struct transport_side_config config;
    const char *name;
    int endpoint;
    bool is_offerer;
    struct transport_side *other;
    struct peer_transport *transport;
    struct signaling_message *messages;      /* that it has sent, to be freed */
    char remote_text[DESCRIPTION_MAX_BYTES]; /* the other side's description, as it came */
    struct stun_address bases[SIDE_INTERFACE_MAX];
    struct {
        uint64_t id;
        enum ice_transport transport;
    } streams[SIDE_STREAM_MAX];
    size_t stream_count;

    bool is_gathered, has_remote;
    enum peer_transport_state state;
    enum ice_state ice_state;
    enum ice_failure ice_failure;
    enum dtls_failure dtls_failure;
    uint64_t started_us, described_us, connected_us, failed_us; /* 0: has not happened; described: has the peer's description */
    uint64_t ice_connected_us, last_restart_us;
    unsigned restarts, disconnections, failures;
    enum ice_restart_reason restart_reason; /* the latest that was heard */
    struct transport_selection first_selection, selection; /* time_us 0: none yet */
    unsigned selections;

    uint64_t next_frame_us, last_frame_us, longest_gap_us;     /* the latter two of frames received */
    unsigned frames_sent;
    unsigned frames_received, frames_doubled, frames_damaged;
    uint64_t watched_us, resumed_us; /* a test sets the first; the second is the first frame received then or later */
    bool seen[SIDE_FRAMES_MAX + 1];
};

void transport_sides_begin(struct sim *sim, struct transport_side sides[2], const struct transport_side_config configs[2]);

/* The short way: one interface each, the same servers, all defaults. */
void transport_sides_start(struct sim *sim, struct transport_side sides[2], const int interfaces[2],
                           struct dtls_certificate *const certificates[2], const struct ice_server *servers, size_t server_count);
void transport_sides_free(struct transport_side sides[2]);

/* An ICE restart, offered by the offerer; at once, or when the pause since the last one is over. */
void transport_side_restart(struct transport_side *side);

/* These are the interfaces now; sockets are bound where there were none. */
void transport_side_set_interfaces(struct transport_side *side, const int *interfaces, size_t count);

/* So many frames more, from now on. */
void transport_side_send_more(struct transport_side *side, unsigned frames);

/* Both have got as far as they will: all frames sent and a while passed, or a failure. */
bool transport_sides_have_verdict(const struct transport_side sides[2]);
bool transport_sides_are_connected(const struct transport_side sides[2]);
bool transport_sides_are_relayed(const struct transport_side sides[2]); /* by what is selected now */

/* A few lines for people: states, pairs with their counters, statistics. */
void transport_side_explain(const struct transport_side *side);

/* ---- transport_signaling.c ------------------------------------------------------------------------------------------------ */

enum signaling_kind { SIGNALING_DESCRIPTION, SIGNALING_CANDIDATE, SIGNALING_END_OF_CANDIDATES, SIGNALING_PLEASE_RESTART };

/* To the other side, which hears it after the delay; messages keep their order. */
void signaling_send_description(struct transport_side *side, bool is_complete);
void signaling_send(struct transport_side *side, enum signaling_kind kind, const char *text);
void signaling_free(struct transport_side *side);

/* transport_side.c: what the messages do. */
void transport_side_gather(struct transport_side *side);
void transport_side_hear_request(struct transport_side *side); /* to restart */

#endif
