/*
 * What the files of PeerConnection share: the object, and who does what.
 *
 *     peer_connection.c    dispatch: the contract's verbs
 *     peer_description.c   create and set, local and remote: the four calls and the signaling state
 *     peer_local.c         what we bring, as sdp/ wants to be told; the offer
 *     peer_answer.c        the peer's offer, and our answer to it
 *     peer_candidates.c    addIceCandidate
 *     peer_negotiated.c    struct sdp_negotiated -> transport, transceivers, rtp: the one place where agreed facts fan out
 *     peer_media.c         frames to packets to datagrams, and back
 *     peer_events.c        what happened below, in the words of the W3C
 *     peer_states.c        the tables of the W3C, pure
 *     peer_statistics.c    getStats
 */
#ifndef PEER_CONNECTION_INTERNAL_H
#define PEER_CONNECTION_INTERNAL_H

#include "app/peer/peer_connection.h"
#include "sdp/negotiate.h"

#define PEER_RANDOM_ID_CHARACTERS 16 /* 96 bits in base64: RFC 7022 section 5 asks this of a cname */

struct rtp_session; /* known to peer_media.c only */
struct rtp_sender;
struct rtp_receiver;

/* What a W3C table needs to know of a transport. */
struct peer_transport_states {
    enum ice_state ice;
    enum ice_gathering_state gathering;
    enum dtls_transport_state dtls;
};

struct peer_transceiver_entry {
    struct peer_transceiver facts; /* what peer_connection_transceiver hands out */
    enum peer_codec codecs[PEER_CODEC_PREFERENCE_MAX];
    size_t codec_count;
    uint32_t bitrate_bps;
    uint32_t ssrc; /* of what we send */
    int section;   /* of the descriptions, -1: none */
    struct rtp_sender *sender; /* NULL: it does not send; owned by the rtp session */
    struct rtp_receiver *receiver;
    bool track_pending;
};

struct peer_pending_candidate {
    struct ice_candidate candidate;
    bool is_end;
    char mid[PEER_MID_MAX_BYTES + 1];
    int line_index;
};

/* A description that is set. */
struct peer_description {
    struct sdp_description *sdp; /* NULL: none */
    enum peer_sdp_type type;
};

/* What create_offer or set_remote_description(offer) wrote for set_local_description. */
struct peer_created {
    char *text; /* NULL: nothing */
    size_t length;
    enum peer_sdp_type type;
};

struct peer_connection {
    struct ice_allocator allocator;
    struct sdp_allocator sdp_allocator; /* the same, as sdp/ and rtp/ spell it */
    struct peer_connection_config config;
    char cname[PEER_RANDOM_ID_CHARACTERS + 1], stream_id[PEER_RANDOM_ID_CHARACTERS + 1];
    uint64_t session_id, session_version;
    uint64_t now_us; /* of the last call that brought it */

    struct ice_interface interfaces[ICE_INTERFACE_MAX];
    size_t interface_count;
    bool has_interfaces, gathering_wanted, gathering_started;
    struct ice_server *servers; /* config.ice.servers, copied */

    struct peer_transport *transports[PEER_TRANSPORT_MAX];
    struct peer_transport_states transport_states[PEER_TRANSPORT_MAX];
    size_t transport_count;

    struct peer_transceiver_entry transceivers[PEER_TRANSCEIVER_MAX];
    size_t transceiver_count;
    struct rtp_session *rtp; /* NULL until negotiated */

    enum peer_signaling_state signaling_state;
    struct peer_description local, remote;
    struct peer_description agreed_local; /* while a later offer of ours is open: what rollback goes back to */
    bool restart_wanted;                  /* the next offer restarts ICE */
    struct peer_created created;
    struct sdp_negotiated *negotiated; /* between an offer and the answer to it that we set; views into remote and answer */
    struct sdp_description *answer;    /* our answer, until it becomes the local description */
    size_t transport_section;          /* whose candidates count */
    struct peer_pending_candidate *pending;
    size_t pending_count;

    enum peer_connection_state state;
    enum ice_state ice_connection_state;
    enum ice_gathering_state ice_gathering_state;
    bool negotiation_needed_pending, signaling_state_pending, dtls_pending, end_of_candidates_pending, closed_by_peer_pending;
    bool failure_pending, closed_by_peer;
    struct peer_failure failure;
    bool is_closed, transports_closed;

    char candidate_text[ICE_CANDIDATE_TEXT_BYTES], candidate_mid[PEER_MID_MAX_BYTES + 1], candidate_ufrag[ICE_UFRAG_MAX_BYTES + 1];
};

void *peer_connection_allocate(struct peer_connection *connection, size_t bytes);
void peer_connection_release(struct peer_connection *connection, void *memory);
void peer_connection_random(struct peer_connection *connection, void *out, size_t length);

/* ---- peer_states.c: W3C webrtc section 4.3, RFC 9429 section 3.2 ---------------------------------------------------- */

enum peer_connection_state peer_states_connection(bool is_closed, const struct peer_transport_states *transports, size_t count);
enum ice_state peer_states_ice_connection(bool is_closed, const struct peer_transport_states *transports, size_t count);
enum ice_gathering_state peer_states_ice_gathering(const struct peer_transport_states *transports, size_t count);
/* False: this description is not allowed in this state. */
bool peer_states_signaling_next(enum peer_signaling_state state, bool is_local, enum peer_sdp_type type, enum peer_signaling_state *next);

/* ---- peer_description.c --------------------------------------------------------------------------------------------- */

/* Makes the transport, or makes it anew for another role. Not after a local description is set. */
int peer_description_make_transport(struct peer_connection *connection, uint64_t now_us, enum ice_role role);
/* Gathers, once it is wanted and there are interfaces. */
int peer_description_gather(struct peer_connection *connection, uint64_t now_us);
void peer_description_free(struct peer_connection *connection);

/* Each returns the error it is given, so that a refusal is one statement. `problem` may be NULL. */
int peer_problem_set(struct peer_problem *problem, int error, const char *rule);
int peer_problem_from_sdp(struct peer_problem *problem, int error, const struct sdp_problem *found, const struct sdp_session *session);
int peer_error_from_sdp(int error);

/* Takes `sdp` over; frees what was there. */
void peer_description_replace(struct peer_description *description, enum peer_sdp_type type, struct sdp_description *sdp);
/* The text that set_local_description will be compared with. Takes `text` over. */
void peer_created_keep(struct peer_connection *connection, enum peer_sdp_type type, char *text, size_t length);

/* ---- peer_local.c --------------------------------------------------------------------------------------------------- */

/* struct sdp_local only points: this is where it points to. */
struct peer_local_storage {
    struct sdp_codec codecs[PEER_TRANSCEIVER_MAX][PEER_CODEC_PREFERENCE_MAX];
    struct sdp_local_extension extensions[PEER_TRANSCEIVER_MAX];
    struct sdp_local_section sections[PEER_TRANSCEIVER_MAX];
    char mids[PEER_TRANSCEIVER_MAX][PEER_MID_MAX_BYTES + 1];
    char tracks[PEER_TRANSCEIVER_MAX][8];
    char fingerprint[DTLS_FINGERPRINT_TEXT_BYTES];
};

/* Fills *local for all transceivers; it points into storage. storage->mids decides which section is whose. */
void peer_local_describe(const struct peer_connection *connection, struct peer_local_storage *storage, struct sdp_local *local);
/* Writes an offer and keeps it as created. */
int peer_local_make_offer(struct peer_connection *connection, struct peer_problem *problem);

/* ---- peer_answer.c -------------------------------------------------------------------------------------------------- */

/* Judges an offer and writes the answer to it; all or nothing. */
int peer_answer_take_offer(struct peer_connection *connection, uint64_t now_us, const char *text, size_t length, struct peer_problem *problem);

/* ---- peer_candidates.c ---------------------------------------------------------------------------------------------- */

/* Gives ICE the candidates inside the remote description, and those that waited for it. */
int peer_candidates_take(struct peer_connection *connection, uint64_t now_us);

/* ---- peer_negotiated.c ---------------------------------------------------------------------------------------------- */

/* Can this be applied? Nothing changes. *parameters is filled with views into the remote text. */
int peer_negotiated_check(const struct sdp_negotiated *negotiated, struct peer_transport_parameters *parameters, struct peer_problem *problem);
/* NONE: not a codec that we have a payload format for. */
enum peer_codec peer_negotiated_codec_of(enum sdp_codec_id id);
/* The codec of a section that we will send, or NULL when none of it is ours. */
const struct sdp_negotiated_codec *peer_negotiated_codec(const struct sdp_negotiated *negotiated, const struct sdp_negotiated_section *section);
/* Tells transport, transceivers and rtp. After an error other than MEMORY and CRYPTO nothing has changed. */
int peer_negotiated_apply(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated, struct peer_problem *problem);

/* ---- peer_media.c --------------------------------------------------------------------------------------------------- */

/* Makes the rtp session with a sender and a receiver for each agreed section. */
int peer_media_start(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated);
/* Gives rtp what the transports have authenticated. */
void peer_media_take_received(struct peer_connection *connection, uint64_t now_us);
/* One protected packet of the rtp session. */
bool peer_media_poll_transmit(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out);
/* True when packets could be protected and sent now. */
bool peer_media_can_send(const struct peer_connection *connection, uint64_t now_us);
void peer_media_handle_timeout(struct peer_connection *connection, uint64_t now_us);
uint64_t peer_media_next_timeout(const struct peer_connection *connection);
/* BYE is the next packet, and the last. */
void peer_media_close(struct peer_connection *connection, uint64_t now_us);
void peer_media_free(struct peer_connection *connection);
bool peer_media_poll_event(struct peer_connection *connection, struct peer_connection_event *out);
/* The counters of one dictionary; who it is about is filled in by peer_statistics.c. False: there is no such stream. */
bool peer_media_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out);
bool peer_media_outbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out);
bool peer_media_remote_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out);

#endif
