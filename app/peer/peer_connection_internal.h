/*
 * What the files of PeerConnection share: the object, and who does what.
 *
 *     peer_connection.c    life; what the last refused call had to say
 *     peer_transceivers.c  addTransceiver, addTrack, stop and the like
 *     peer_negotiation.c   what a round of offer and answer, or its rollback, leaves in them; is another one needed?
 *     peer_description.c   setLocalDescription, setRemoteDescription, rollback: the signaling state and the four descriptions
 *     peer_description_read.c  what is in them, and how they are handed out
 *     peer_local.c         what we bring, section by section, as sdp/ wants to be told
 *     peer_numbers.c       payload types, header extension ids, mids: one number, one meaning, as long as the session lasts
 *     peer_offer.c         createOffer: which sections an offer has
 *     peer_associate.c     the peer's description and which transceiver takes which section; tracks that come and go with it
 *     peer_answer.c        createAnswer: which sections it takes, over which transports
 *     peer_candidates.c    addIceCandidate
 *     peer_restart.c       restartIce
 *     peer_negotiated.c    struct sdp_negotiated -> transports, transceivers, rtp: the one place where agreed facts fan out
 *     peer_dispatch.c      the contract's verbs, told to the transport that a path belongs to
 *     peer_transports.c    the array of transports: which section has which, when they come, restart and go
 *     peer_transports_agreed.c  what offer and answer agreed on, told to them
 *     peer_media.c         the senders and receivers of each transport's rtp session; peer_media_flow.c: frames to packets to datagrams, and back
 *     peer_dtmf.c          keys of a telephone
 *     peer_channels.c      data channels: their section, their association, and the calls; peer_channels_flow.c: what flows
 *     peer_events.c        what happened below, in the words of the W3C
 *     peer_states.c        the tables of the W3C, pure
 *     peer_statistics.c    getStats
 *
 * Which way a description goes:
 *
 *     create_offer, create_answer   peer_local -> sdp_write_*; changes nothing but `created_offer`, `created_answer`
 *     set_local(offer)              transceivers get sections and mids; peer_transports_set_local: transports appear or restart, gather
 *     set_remote(offer)             transceivers are matched or made; transports do not move yet
 *     set_local(answer)             peer_transports_set_local, then peer_negotiated_apply
 *     set_remote(answer)            peer_negotiated_apply
 *     rollback                      transceivers go back to what they were when stable; peer_transports_rollback
 *
 * A transport is derived from the descriptions that are *set*, never from those created: its ICE credentials are those in the text.
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

/* ICE credentials of ours. NUL-terminated. */
struct peer_credentials {
    char ufrag[ICE_UFRAG_MAX_BYTES + 1], password[ICE_PASSWORD_MAX_BYTES + 1];
};

/* One place of the array of transports. Owned by peer_transports.c; rtp by peer_media.c. */
struct peer_transport_entry {
    struct peer_transport *transport; /* NULL: the place is free */
    struct peer_transport *leaving;   /* that was here, and says goodbye by the same sockets; it hears nothing any more. NULL: none */
    bool has_left;                    /* ... and has: it goes when its streams are closed */
    uint32_t leaving_serial;
    struct peer_transport_states states;
    uint32_t serial;       /* no two transports of a connection have the same: the upper half of its query and stream numbers */
    size_t section;        /* whose candidates are this transport's: the tagged section of its BUNDLE */
    bool is_of_open_offer; /* came with a local offer that is not answered: a rollback takes it away */
    bool is_restarting;    /* restarted by a local offer that is not answered: a rollback takes that back */
    struct ice_interface interfaces[ICE_INTERFACE_MAX]; /* there also while there is no transport: what the next one in this place will have */
    char interface_names[ICE_INTERFACE_MAX][ICE_MDNS_NAME_MAX_BYTES + 1];
    size_t interface_count;
    bool has_interfaces, is_gathering;
    bool sockets_asked; /* event SOCKETS_NEEDED was told: SOCKETS_FREE will be */
    bool sockets_needed_pending, sockets_free_pending, dtls_pending, end_of_candidates_pending;
    struct rtp_session *rtp; /* NULL until media is agreed on it */
    uint64_t selected_pair_changes;
};

/* What rollback gives back (W3C webrtc section 4.4.1.5, RFC 9429 section 4.1.10.2). */
struct peer_transceiver_stable {
    int section;
    char mid[PEER_MID_MAX_BYTES + 1];
    char remote_stream[PEER_STREAM_ID_MAX_BYTES + 1];
};

/* The keys of insert_dtmf. Owned by peer_dtmf.c. */
struct peer_dtmf {
    bool is_active;
    char tones[PEER_DTMF_MAX_TONES + 1];
    size_t next; /* of them */
    uint64_t next_us;
    uint32_t duration_ms, gap_ms;
    bool change_pending;
    char key;
};

struct peer_codec_choice {
    enum peer_codec codec;
    char parameters[PEER_CODEC_PARAMETERS_MAX_BYTES + 1];
    bool has_parameters;
};

struct peer_transceiver_entry {
    struct peer_transceiver facts; /* what peer_connection_transceiver hands out */
    struct peer_codec_choice codecs[PEER_CODEC_PREFERENCE_MAX];
    size_t codec_count;
    char streams[PEER_STREAM_MAX][PEER_STREAM_ID_MAX_BYTES + 1];
    size_t stream_count;
    uint32_t bitrate_bps;
    uint32_t ssrc; /* of what we send */
    char track_id[PEER_RANDOM_ID_CHARACTERS + 1], remote_stream[PEER_STREAM_ID_MAX_BYTES + 1], remote_track[PEER_STREAM_ID_MAX_BYTES + 1];
    bool is_of_track;        /* made by addTrack: may take a section that the peer offers */
    bool is_of_remote_offer; /* made for a section of an offer that is not answered: a rollback takes it away, unless addTrack has used it since */
    bool has_sent;           /* it was once agreed that it sends: addTrack leaves it alone */
    bool has_preferences;    /* setCodecPreferences: `codecs` are the user's, not ours */
    bool is_removed;         /* no longer in the set of transceivers: stopped, and its section may be anybody's. The number is free when no other is */
    bool is_receiving_told;  /* [[FiredDirection]] of the W3C: TRACK has been told, and TRACK_MUTED has not */
    uint64_t order;          /* of being made: RFC 9429 section 5.10 takes the first */
    char *parameters;        /* what facts.send_parameters and receive_parameters look into; NULL: none */
    struct peer_transceiver_stable stable;
    struct rtp_sender *sender; /* NULL: it does not send; owned by the rtp session of its transport */
    struct rtp_receiver *receiver;
    size_t media_transport; /* whose rtp session has the two */
    struct peer_dtmf dtmf;
    bool track_pending, muted_pending, key_frame_pending;
};

/* A candidate that waits for its description, or for the answer to it. */
struct peer_pending_candidate {
    struct ice_candidate candidate;
    bool is_end;
    char mid[PEER_MID_MAX_BYTES + 1];
    int line_index;
};

struct peer_description {
    struct sdp_description *sdp; /* NULL: none */
    enum peer_sdp_type type;
};

/* [[LastCreatedOffer]], [[LastCreatedAnswer]] of the W3C. */
struct peer_created {
    char *text; /* NULL: nothing */
    size_t length;
    int8_t transceivers[SDP_SECTION_MAX]; /* an offer: whose section it is, -1: nobody's */
    const char *refusals[SDP_SECTION_MAX]; /* an answer: static, why we do not take a section; NULL: we do */
};

/* What a payload type has meant in the descriptions that were agreed. Of a codec that we do not know, it is only taken. */
struct peer_payload_type {
    bool is_taken;
    enum sdp_codec_id id;
    uint32_t clock_hz;
    char parameters[PEER_CODEC_PARAMETERS_MAX_BYTES + 1];
};
#define PEER_REPLACED_MAX (2 * PEER_TRANSPORT_MAX) /* ICE credentials: of the current and the pending local description */
#define PEER_EXTENSION_ID_MAX 14 /* RFC 8285 section 4.2: with one byte */

/* Data channels. Owned by peer_channels.c. */
struct peer_channels {
    struct data_channel_layer *layer;     /* NULL: nobody has asked for any */
    struct sctp_association *association; /* NULL until DTLS is connected: there is nothing of it before */
    bool is_wanted;          /* a channel of ours has been created: an offer has a section for it */
    bool is_agreed;          /* the members below are what offer and answer agreed on */
    size_t transport;        /* place and serial of the one that carries it */
    uint32_t serial;
    uint16_t remote_port;
    uint64_t peer_message_max_bytes; /* 0: any */
    bool has_ended;          /* the layer takes no more channels */
    bool is_replaced;        /* ... and goes when all has been told of it */
    uint64_t opened_before, closed_before; /* by layers that have gone */
    bool is_held; /* the app takes no events of channels now */
};

struct peer_connection {
    struct ice_allocator allocator;
    struct sdp_allocator sdp_allocator; /* the same, as sdp/ and rtp/ spell it */
    struct peer_connection_config config;
    struct ice_server *servers; /* config.ice.servers, copied */
    char cname[PEER_RANDOM_ID_CHARACTERS + 1], stream_id[PEER_RANDOM_ID_CHARACTERS + 1];
    uint64_t session_id, session_version;
    uint64_t now_us; /* of the last call that brought it */
    const char *last_problem; /* static */

    struct peer_transport_entry *transports[PEER_TRANSPORT_MAX]; /* allocated when first used; NULL: never was */
    size_t transport_end;                               /* behind the last that ever was: what every drain walks */
    int8_t section_transports[SDP_SECTION_MAX];         /* by section of the descriptions that are set: its transport, or -1 */
    int8_t stable_section_transports[SDP_SECTION_MAX];  /* by the last answer: what a rollback gives back */
    int8_t offered_section_transports[SDP_SECTION_MAX]; /* by the last local description: BUNDLE folds these when there is an answer */
    uint32_t next_transport_serial;

    struct peer_transceiver_entry *transceivers[PEER_TRANSCEIVER_MAX]; /* NULL: that number is free */
    size_t transceiver_count;                                          /* one more than the highest in use */

    enum peer_signaling_state signaling_state;
    struct peer_description current_local, pending_local, current_remote, pending_remote;
    struct peer_created created_offer, created_answer;
    char replaced_ufrags[PEER_REPLACED_MAX][ICE_UFRAG_MAX_BYTES + 1]; /* [[LocalIceCredentialsToReplace]], by username fragment */
    size_t replaced_count;
    uint64_t next_order;      /* of transceivers */
    uint32_t next_mid;        /* no agreed description has named a section by this number, or a higher one */
    struct peer_payload_type payload_types[SDP_PAYLOAD_TYPE_MAX + 1];
    uint8_t extension_ids[PEER_EXTENSION_ID_MAX + 1]; /* by id: 0 free, else 1 + enum sdp_extension, or 1 + SDP_EXTENSION_COUNT: one we do not know */
    bool negotiation_needed;  /* [[NegotiationNeeded]] */
    size_t agreed_count;      /* sections, by the last answer that was set */
    struct peer_pending_candidate *pending;
    size_t pending_count;

    struct peer_channels channels;

    enum peer_connection_state state;
    enum ice_state ice_connection_state;
    enum ice_gathering_state ice_gathering_state;
    bool negotiation_needed_pending, signaling_state_pending, closed_by_peer_pending;
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

/* ---- peer_connection.c ---------------------------------------------------------------------------------------------- */

void peer_connection_make_id(struct peer_connection *connection, char id[PEER_RANDOM_ID_CHARACTERS + 1]);
/* Each returns the error it is given, so that a refusal is one statement, and keeps the rule for peer_connection_problem. `problem` may be NULL. */
int peer_problem_set(struct peer_connection *connection, struct peer_problem *problem, int error, const char *rule);
int peer_problem_from_sdp(struct peer_connection *connection, struct peer_problem *problem, int error, const struct sdp_problem *found,
                          const struct sdp_session *session);
int peer_error_from_sdp(int error);

/* ---- peer_transceivers.c -------------------------------------------------------------------------------------------- */

/* NULL: out of memory, or PEER_TRANSCEIVER_MAX in the set. */
struct peer_transceiver_entry *peer_transceivers_make(struct peer_connection *connection, const struct peer_transceiver_config *config, size_t *index);
/* Of those in the set; NULL: none. */
struct peer_transceiver_entry *peer_transceivers_of_section(const struct peer_connection *connection, size_t section);
/* The next one in the set from *index on, which is set to its number; NULL: no more. */
struct peer_transceiver_entry *peer_transceivers_next(const struct peer_connection *connection, size_t *index);
void peer_transceivers_free(struct peer_connection *connection);

/* ---- peer_negotiation.c ---------------------------------------------------------------------------------------------- */

/* "Stop the RTCRtpTransceiver", W3C webrtc section 5.4. */
void peer_transceivers_stop(struct peer_connection *connection, struct peer_transceiver_entry *entry);
/* Out of the set: the section is nobody's. */
void peer_transceivers_remove(struct peer_connection *connection, struct peer_transceiver_entry *entry);
/* Offer and answer are done: what they agreed is what a rollback goes back to. */
void peer_transceivers_settle(struct peer_connection *connection);
/* The pending offer is taken back. is_ours: not the peer's. */
void peer_transceivers_rollback(struct peer_connection *connection, bool is_ours);
/* "Process remote tracks", W3C webrtc section 5.4.2. stream: of the first a=msid, empty: none. */
void peer_transceivers_tell_track(struct peer_transceiver_entry *entry, enum peer_direction direction, struct sdp_view stream);
/* W3C webrtc section 4.7.3, "update the negotiation-needed flag": call it after whatever may have changed the verdict. */
void peer_transceivers_update_negotiation_needed(struct peer_connection *connection);

/* ---- peer_description.c --------------------------------------------------------------------------------------------- */

/* The pending one, else the current one; NULL: none. */
const struct sdp_session *peer_description_local(const struct peer_connection *connection);
const struct sdp_session *peer_description_remote(const struct peer_connection *connection);
/* Of one of the four; NULL: none. */
const struct sdp_session *peer_description_session(const struct peer_description *description);
/* False: there is no such section, or it is refused. */
bool peer_description_is_live(const struct peer_description *description, size_t section);
/* Of a section, or of the one whose transport it has by BUNDLE; empty when absent. */
struct sdp_view peer_description_credential(const struct sdp_session *session, size_t section, enum sdp_attribute_kind kind);
/* The section whose transport this one has, by the last answer (RFC 9143 section 7.3): an offer may have given it one of its own. */
size_t peer_description_carrier(const struct peer_connection *connection, size_t section);
/* RFC 8839 section 4.4.1.1.1: are the ICE credentials of `section` here others than those of `old_section` there? */
bool peer_description_restarts(const struct sdp_session *session, size_t section, const struct sdp_session *old, size_t old_section);
void peer_description_free(struct peer_connection *connection);

/* ---- peer_numbers.c ------------------------------------------------------------------------------------------------- */

#define PEER_PAYLOAD_TYPE_NONE 255
#define PEER_MID_NUMBER_MAX 999999999u /* mids beyond are names to us */
/* What one description uses; sections of a BUNDLE share it. */
struct peer_numbers {
    struct sdp_codec codecs[SDP_PAYLOAD_TYPE_MAX + 1];
    bool is_used[SDP_PAYLOAD_TYPE_MAX + 1];
};
/* The formats of a section as it was described last. */
struct peer_described {
    struct sdp_codec codecs[SDP_CODEC_MAX];
    size_t count;
};
/* The payload type for a codec of an offer: what it was in this section, else the one it has always had, else `preferred`, else a free one. NONE: there is none left. */
uint8_t peer_numbers_payload_type(const struct peer_connection *connection, struct peer_numbers *used, const struct sdp_codec *codec, const struct peer_described *before,
                                  uint8_t preferred);
/* 0: there is none left. */
uint8_t peer_numbers_extension_id(const struct peer_connection *connection, enum sdp_extension extension);
/* The next mid that names no section of any description that is set: a number from *next on, which goes on. */
void peer_numbers_make_mid(const struct peer_connection *connection, uint32_t *next, char mid[PEER_MID_MAX_BYTES + 1]);
/* Remembers what the numbers of a description that was agreed mean. */
void peer_numbers_learn(struct peer_connection *connection, const struct sdp_session *session);

/* ---- peer_local.c, peer_offer.c, peer_associate.c, peer_answer.c ------------------------------------------------------ */

#define PEER_LOCAL_CODEC_MAX (PEER_CODEC_PREFERENCE_MAX + 2) /* and telephone-event at two clocks */

/* struct sdp_local only points: this is what it points to. */
struct peer_local {
    struct sdp_local sdp;
    struct sdp_local_section sections[SDP_SECTION_MAX];
    char mids[SDP_SECTION_MAX][PEER_MID_MAX_BYTES + 1];
    char names[SDP_SECTION_MAX][16]; /* of the media of sections that are refused */
    struct {
        struct sdp_codec codecs[PEER_LOCAL_CODEC_MAX];
        struct sdp_local_extension extension;
        const char *streams[PEER_STREAM_MAX];
    } media[PEER_TRANSCEIVER_MAX];
    size_t media_count;
    struct {
        struct sdp_local_transport sdp;
        struct peer_credentials credentials, in_force; /* in_force.ufrag "": it is new */
    } transports[PEER_TRANSPORT_MAX];
    size_t transport_count;
    struct peer_numbers numbers;
    char fingerprint[DTLS_FINGERPRINT_TEXT_BYTES];
};
/* NULL: out of memory. Release it with peer_connection_release. */
struct peer_local *peer_local_new(struct peer_connection *connection);
/* Describes what a transceiver brings to a section; its transport, mid and place in the BUNDLE are the caller's. */
void peer_local_describe(const struct peer_connection *connection, struct peer_local *local, size_t section, const struct peer_transceiver_entry *entry, bool is_offer);
/* Describes a section for data. */
void peer_local_describe_data(struct peer_local *local, size_t section);
/*
 * The transport whose credentials `like` has now, a section of the descriptions that are set; when it has none, or is none, a new one.
 * is_fresh: other credentials, the same for all that shared it. NULL: PEER_TRANSPORT_MAX.
 */
const struct sdp_local_transport *peer_local_transport(struct peer_connection *connection, struct peer_local *local, size_t like, bool is_fresh);

/* Writes it and keeps it as created. */
int peer_offer_make(struct peer_connection *connection, struct peer_problem *problem);
int peer_answer_make(struct peer_connection *connection, struct peer_problem *problem);
int peer_created_hand_out(struct peer_connection *connection, const struct peer_created *created, char *text, size_t capacity, size_t *length,
                          struct peer_problem *problem);
/* RFC 9429 section 5.8.3: what a remote description must have before anything of it is believed. Nothing changes. */
int peer_associate_check(struct peer_connection *connection, const struct sdp_session *remote, bool is_offer, struct peer_problem *problem);
/* The sections of the peer's offer get their transceivers. MEMORY. */
int peer_associate_offer(struct peer_connection *connection, const struct sdp_session *offer);

/* ---- peer_restart.c ------------------------------------------------------------------------------------------------- */

/* Are the credentials of this section's transport to be replaced by the next offer? */
bool peer_restart_is_wanted(const struct peer_connection *connection, size_t section);
/* A round has ended: is there any left that restartIce asked to be replaced? */
void peer_restart_settle(struct peer_connection *connection);

/* ---- peer_candidates.c ---------------------------------------------------------------------------------------------- */

/* Gives ICE the candidates inside the remote description, and those that waited. Only what is fatal is an error. */
int peer_candidates_take(struct peer_connection *connection, uint64_t now_us);

/* ---- peer_negotiated.c ---------------------------------------------------------------------------------------------- */

/* Can this be applied? Nothing changes. */
int peer_negotiated_check(struct peer_connection *connection, const struct sdp_negotiated *negotiated, struct peer_problem *problem);
/* Tells transports, transceivers and rtp. is_final: an answer; else a pranswer, after which transports that it does not need stay. */
int peer_negotiated_apply(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated, bool is_final, struct peer_problem *problem);
/* NONE: not a codec that we have a payload format for. */
enum peer_codec peer_negotiated_codec_of(enum sdp_codec_id id);
enum sdp_codec_id peer_negotiated_sdp_codec(enum peer_codec codec);
/* The codec of a section that we will send, or NULL when none of it is ours. */
const struct sdp_negotiated_codec *peer_negotiated_codec(const struct sdp_negotiated *negotiated, const struct sdp_negotiated_section *section);

/* ---- peer_dispatch.c ------------------------------------------------------------------------------------------------ */

/* Goodbyes, when the connection is closed or not. */
bool peer_dispatch_poll_transports(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out);

/* ---- peer_transports.c ---------------------------------------------------------------------------------------------- */

/* Call once, when the connection is made. */
void peer_transports_init(struct peer_connection *connection);
/* The entry of a place, made when it was never used. NULL: out of memory. */
struct peer_transport_entry *peer_transports_place(struct peer_connection *connection, size_t index);
/* By number of the place; NULL: -1, or nobody is there. */
struct peer_transport_entry *peer_transports_at(const struct peer_connection *connection, int8_t index);
/* The transport of a section, NULL: it has none. */
struct peer_transport_entry *peer_transports_of_section(const struct peer_connection *connection, size_t section);
/* The next one in use from *index on, which is set to its number; NULL: no more. for (size_t i = 0; (entry = peer_transports_next(c, &i)); i++) */
struct peer_transport_entry *peer_transports_next(const struct peer_connection *connection, size_t *index);
/* Fresh ones, random (RFC 8445 section 5.3). */
void peer_transports_make_credentials(struct peer_connection *connection, struct peer_credentials *out);
/* Those in force for a section's transport. False: it has none yet. */
bool peer_transports_credentials(const struct peer_connection *connection, size_t section, struct peer_credentials *out);
/* What the next description says: ACTPASS until an answer has decided, then what was decided. */
enum peer_setup peer_transports_setup(const struct peer_connection *connection, size_t section);
/*
 * A local description is being set. Sections with the same credentials share a transport; one that has a transport with other credentials
 * restarts it; one that has none gets a new one; bundle-only and bundled ones of an answer have their tagged section's. Gathering starts.
 * role  of new transports
 * CAPACITY beyond PEER_TRANSPORT_MAX, MEMORY, CRYPTO.
 */
int peer_transports_set_local(struct peer_connection *connection, uint64_t now_us, const struct sdp_session *local, bool is_offer, enum ice_role role);
/* Nobody needs it. Its relays are given back and the peer is told, by what poll_transmit sends next. */
void peer_transports_leave(struct peer_connection *connection, uint64_t now_us, size_t index);
/*
 * The section of the peer's offer that goes on with the transport at a place: the first of the `carriers` that has the peer's credentials of before,
 * else the first, which restarts ICE; SDP_SECTION_MAX: none. Another one that had this transport leaves the BUNDLE, for a new one.
 */
size_t peer_transports_heir(const struct peer_connection *connection, const struct sdp_session *offer, const size_t *carriers, int8_t place);
/* Could an answer go on with the transports that are connected? PEER_ERROR_NOT_SUPPORTED: not with this certificate. Nothing changes. */
int peer_transports_check_offer(struct peer_connection *connection, const struct sdp_session *offer, struct peer_problem *problem);
/* Can this be applied? Nothing changes. */
int peer_transports_check(struct peer_connection *connection, const struct sdp_negotiated *negotiated, struct peer_problem *problem);
/* What was agreed: remote credentials, fingerprints, roles. Sections that BUNDLE has folded change over; a final answer frees what is left over. */
int peer_transports_apply(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated, bool is_final, struct peer_problem *problem);
/* The open local offer is taken back: its new transports go, its restarts are cancelled, sections have the transports they had. */
void peer_transports_rollback(struct peer_connection *connection, uint64_t now_us);
/* candidate NULL: no more. PEER_OK also for a section that BUNDLE has folded away. */
int peer_transports_add_candidate(struct peer_connection *connection, uint64_t now_us, size_t section, const struct ice_candidate *candidate);
/* Interfaces or a description have come: who has both gathers. */
int peer_transports_gather(struct peer_connection *connection, struct peer_transport_entry *entry, uint64_t now_us);
/* The transport that is leaving this place has nothing more to say: it goes, and so do the sockets when there is no other. */
void peer_transports_vacate(struct peer_connection *connection, size_t index);
void peer_transports_close(struct peer_connection *connection, uint64_t now_us);
void peer_transports_free(struct peer_connection *connection);

/* ---- peer_channels.c, peer_channels_flow.c --------------------------------------------------------------------------- */

/* Is this section of a description one for data, and not refused? */
bool peer_channels_is_section(const struct sdp_session *session, size_t index);
/* The one that our next offer has for data already; -1: none. */
int peer_channels_section(const struct peer_connection *connection);
/* The one of the peer's offer that we take: the one there was, else the first; -1: none. */
int peer_channels_offered_section(const struct peer_connection *connection, const struct sdp_session *offer);
bool peer_channels_need_negotiation(const struct peer_connection *connection);
/* What offer and answer say of data. MEMORY. */
int peer_channels_apply(struct peer_connection *connection, const struct sdp_negotiated *negotiated, bool is_final);
/* The transport that was agreed on; NULL: none, or it has gone. */
struct peer_transport_entry *peer_channels_transport(const struct peer_connection *connection);
/* All channels are CLOSED, and their events wait to be told; the association goes without a word. */
void peer_channels_end(struct peer_connection *connection);
/* All has been told of a layer that is over: another one may come. */
void peer_channels_replace(struct peer_connection *connection);
/* An ABORT is the next packet, and the last. */
void peer_channels_close(struct peer_connection *connection, uint64_t now_us);
void peer_channels_free(struct peer_connection *connection);
/* DTLS is connected: calls the peer. Whenever that may have come to be true. */
void peer_channels_begin(struct peer_connection *connection, uint64_t now_us);
/* What DTLS of this transport has vouched for. */
void peer_channels_handle(struct peer_connection *connection, uint64_t now_us, const struct peer_transport_entry *entry, const uint8_t *bytes, size_t length);
void peer_channels_handle_timeout(struct peer_connection *connection, uint64_t now_us);
uint64_t peer_channels_next_timeout(const struct peer_connection *connection);
bool peer_channels_poll_transmit(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out);
void peer_channels_path_changed(struct peer_connection *connection, uint64_t now_us, const struct peer_transport_entry *entry);
bool peer_channels_poll_event(struct peer_connection *connection, struct peer_connection_event *out);

/* ---- peer_events.c -------------------------------------------------------------------------------------------------- */

bool peer_events_poll_transports(struct peer_connection *connection, struct peer_connection_event *out);

/* ---- peer_media.c --------------------------------------------------------------------------------------------------- */

/* After every answer: senders and receivers are made, changed, silenced and taken away, in the rtp session of their section's transport. */
int peer_media_apply(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated);
/* A transport goes: what is left in its session has ended. */
void peer_media_drop_transport(struct peer_connection *connection, size_t transport);
/* Gives rtp what the transports have authenticated. */
void peer_media_take_received(struct peer_connection *connection, uint64_t now_us);
/* One protected packet of an rtp session. */
bool peer_media_poll_transmit(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out);
void peer_media_handle_timeout(struct peer_connection *connection, uint64_t now_us);
uint64_t peer_media_next_timeout(const struct peer_connection *connection);
/* stop(): nothing more goes out or comes out of this one. */
void peer_media_stop_transceiver(struct peer_connection *connection, uint64_t now_us, struct peer_transceiver_entry *entry);
/* Keys that were not sent yet never are. */
void peer_dtmf_end(struct peer_transceiver_entry *entry);
/* BYE is the next packet, and the last. */
void peer_media_close(struct peer_connection *connection, uint64_t now_us);
void peer_media_free(struct peer_connection *connection);
/* ICE has selected the first pair since a restart: whoever sends video on it is asked for a key frame. */
void peer_media_handle_restarted(struct peer_connection *connection, const struct peer_transport_entry *transport);
bool peer_media_poll_event(struct peer_connection *connection, struct peer_connection_event *out);
/* The counters of one dictionary; who it is about is filled in by peer_statistics.c. False: there is no such stream. */
bool peer_media_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out);
bool peer_media_outbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out);
bool peer_media_remote_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out);
bool peer_media_remote_outbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out);
/* What the last packet of media was. codec NONE: telephone events only. */
struct peer_received_codec {
    enum peer_codec codec;
    uint8_t payload_type;
    uint32_t clock_rate_hz;
};
bool peer_media_received_codec(const struct peer_connection *connection, size_t index, struct peer_received_codec *out);

#endif
