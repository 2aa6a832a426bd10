/*
 * Two PeerConnections on one wire and one signaling channel, in virtual time, from one seed. The wire delays and loses as it is
 * told and counts what it did; frames are synthetic and say which they are, so that what comes out can be checked byte by byte.
 */
#ifndef TEST_PEER_CONNECTION_PAIR_H
#define TEST_PEER_CONNECTION_PAIR_H

#include "app/peer/peer_connection.h"

#define CONNECTION_PAIR_DATAGRAM_MAX 4096
#define CONNECTION_PAIR_TEXT_BYTES 65536
#define CONNECTION_PAIR_CANDIDATE_MAX 64

enum { CONNECTION_PAIR_AUDIO, CONNECTION_PAIR_VIDEO }; /* transceivers of both ends */

struct connection_pair_candidate {
    char text[ICE_CANDIDATE_TEXT_BYTES], mid[PEER_MID_MAX_BYTES + 1], ufrag[ICE_UFRAG_MAX_BYTES + 1];
    int line_index;
};

/* What one end has been told, and what it sent. */
struct connection_end {
    struct peer_connection *connection;
    struct dtls_certificate *certificate;
    struct stun_address address;                         /* of transport 0; transport N has the port 1000 * N above it */
    bool has_sockets[PEER_TRANSPORT_MAX];                /* which other transports have asked for sockets */
    struct connection_pair_candidate candidates[CONNECTION_PAIR_CANDIDATE_MAX];
    size_t candidate_count;
    bool gathered;
    unsigned negotiation_needed, tracks, muted, closed_by_peer, failures, key_frame_requests[PEER_TRANSCEIVER_MAX], ended;
    enum peer_signaling_state signaling_state;
    enum peer_connection_state state;
    enum ice_state ice_state;
    struct peer_failure failure;
    uint64_t connected_us;
    unsigned events, signaling_events;
    char stream[PEER_STREAM_ID_MAX_BYTES + 1]; /* of the last track */
    uint32_t frames_sent[PEER_TRANSCEIVER_MAX], frames_received[PEER_TRANSCEIVER_MAX], key_frames_received[PEER_TRANSCEIVER_MAX];
    uint32_t broken_frames[PEER_TRANSCEIVER_MAX], lost_reported[PEER_TRANSCEIVER_MAX];
    uint32_t last_number[PEER_TRANSCEIVER_MAX]; /* of the synthetic frame that came last */
    enum peer_codec last_codec[PEER_TRANSCEIVER_MAX]; /* of the frame that came last */
    char keys_heard[64], keys_sent[64];               /* of DTMF and TONE_CHANGE events; '.' for the end of ours */
    bool wants_key_frame;    /* the next video frame must be one */
    unsigned packets_rtp;    /* datagrams of the RTP range that it sent */
};

struct connection_pair {
    uint64_t now_us, random_state;
    struct connection_end ends[2]; /* 0 offers */
    uint64_t delay_us;
    double loss; /* of datagrams in the RTP range only, so that set-up is not what is measured */
    uint64_t sent, lost;
    bool trickle; /* candidates cross as they come */
    struct connection_datagram *datagrams;
    size_t datagram_count;
    const struct ice_allocator *allocator;
    uint64_t media_from_us; /* UINT64_MAX: no frames */
    double data_loss;       /* of datagrams in the DTLS range, once both are connected */
    void (*take_data)(struct connection_pair *pair, int end, const struct peer_connection_event *event); /* NULL: events of data channels are not looked at */
    void *data_context;
    char text[CONNECTION_PAIR_TEXT_BYTES];
};

/*
 * Both ends with an audio and a video track, unless has_transceivers is false; everything in one BUNDLE (max-bundle). False: an allocation
 * failed; all is freed again.
 */
bool connection_pair_start(struct connection_pair *pair, uint64_t seed, const struct ice_allocator *allocator, bool has_transceivers);
bool connection_pair_start_with(struct connection_pair *pair, uint64_t seed, const struct ice_allocator *allocator, bool has_transceivers,
                                enum peer_bundle_policy policy);
void connection_pair_stop(struct connection_pair *pair);

/* Offer and answer through all eight calls; of end 0, or of `from`. Returns the first error. */
int connection_pair_describe(struct connection_pair *pair);
int connection_pair_describe_from(struct connection_pair *pair, int from);

/* setLocalDescription in the parameterless form, or of this type; and what one end has set, given to the other as what it is. */
int connection_pair_set_local(struct connection_pair *pair, int end, enum peer_sdp_type type);
int connection_pair_give_description(struct connection_pair *pair, int from);
/* Its description, into pair->text; NOT_FOUND: "". */
int connection_pair_read(struct connection_pair *pair, int end, enum peer_description_which which);

/* Drains, moves time, delivers; sends frames (audio every 20 ms, video every 33 ms) from media_from_us on. */
void connection_pair_run(struct connection_pair *pair, uint64_t until_us);
void connection_pair_drain(struct connection_pair *pair, int end);

/* start, describe, run until both are connected. */
bool connection_pair_connect(struct connection_pair *pair, uint64_t seed);

/* One synthetic frame, as the run sends them; the error of send_frame. */
int connection_pair_send_frame(struct connection_pair *pair, int from, size_t transceiver);

/* Gives the candidates that `from` has gathered to the other end, and their end. */
void connection_pair_give_candidates(struct connection_pair *pair, int from);

size_t connection_pair_remote_candidates(const struct connection_pair *pair, int end); /* that it knows of the other, by its statistics */
uint64_t connection_pair_random(struct connection_pair *pair);

#endif
