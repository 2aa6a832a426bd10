/*
 * RTCPeerConnection in C (W3C webrtc 1.0, RFC 9429): descriptions and candidates in and out for a signaling channel of the
 * caller's choice, datagrams in and out for its sockets, encoded frames in and out for its codecs, messages for its data channels.
 *
 *     dtls_srtp_initialize, once in a process; dtls_certificate_new
 *     peer_connection_new, peer_connection_handle_interfaces
 *     peer_connection_add_track, or _add_transceiver, (audio), (video); _create_data_channel
 *     event NEGOTIATION_NEEDED   -> set_local_description(IMPLICIT) -> description(LOCAL) -> send it     (an offer)
 *     an offer comes             -> set_remote_description -> set_local_description(IMPLICIT) -> description(LOCAL) -> send it (the answer)
 *     the answer comes           -> set_remote_description
 *     event ICE_CANDIDATE        -> send it;  what comes from the other side -> add_ice_candidate
 *     event CONNECTION_STATE connected -> send_frame;  event FRAME -> decode
 *     close -> drain poll_transmit -> free
 *
 * Both sides may offer whenever it suits them. Where offers can cross, the polite side takes the other's offer (setRemoteDescription rolls
 * its own back), the impolite side ignores it: W3C webrtc section 10.7, "perfect negotiation", in docs/peer.md and docs/example/perfect.c.
 *
 * It follows docs/contract.md. After every call that takes a non-const connection: drain poll_transmit and poll_event until
 * both return false, then read next_timeout. A view handed out is valid until the next call on that connection.
 */
#ifndef PEER_CONNECTION_H
#define PEER_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/peer/peer_transport.h"
#include "sctp/data_channel.h"

#define PEER_TRANSCEIVER_MAX 32       /* that are not stopped; one more is PEER_ERROR_CAPACITY, and a section that would need it is refused */
#define PEER_CODEC_PREFERENCE_MAX 16  /* codecs that one transceiver may name */
#define PEER_TRANSPORT_MAX 16         /* without BUNDLE (RFC 9143) each section has one; a section that would need one more is refused */
#define PEER_STREAM_MAX 4             /* MediaStreams that one track may belong to */
#define PEER_STREAM_ID_MAX_BYTES 64
#define PEER_DESCRIPTION_MAX_BYTES (256u * 1024u)
#define PEER_PENDING_CANDIDATE_MAX ICE_REMOTE_CANDIDATE_MAX /* candidates that came before the remote description */
#define PEER_MID_MAX_BYTES 16         /* what RFC 8285 section 4.2 can carry in one packet; a section with a longer mid is refused */
#define PEER_FRAME_MAX_BYTES (1024u * 1024u)

struct peer_connection;

/* RTCBundlePolicy, RFC 9429 section 4.1.1: how many transports an offer has candidates for, in case the peer does not know BUNDLE. */
enum peer_bundle_policy {
    PEER_BUNDLE_BALANCED,   /* one for audio, one for video */
    PEER_BUNDLE_MAX_COMPAT, /* one for each section */
    PEER_BUNDLE_MAX_BUNDLE  /* one. A section that the peer leaves outside of the BUNDLE is refused */
};
/* RTCRtcpMuxPolicy is always "require": a section without a=rtcp-mux is refused. */

/*
 * ice                   servers, policy, deadlines, random source, allocator; `role` is ignored: offer and answer decide it
 *                       (RFC 8445 section 6.1.1). Copied; the random context must outlive the connection.
 * bundle_policy         above; the default, 0, is what browsers have
 * certificate           borrowed; must outlive the connection
 * wall_clock_offset_us  Unix time in microseconds minus now_us, for the NTP time of RTCP; 0 when unknown
 * key_log               true: KEY_LOG events carry the DTLS secrets. For debugging only.
 */
struct peer_connection_config {
    struct ice_agent_config ice;
    enum peer_bundle_policy bundle_policy;
    const struct dtls_certificate *certificate;
    int64_t wall_clock_offset_us;
    bool key_log;
};

/* NULL: an argument is out of range, or memory is short. */
struct peer_connection *peer_connection_new(const struct peer_connection_config *config, uint64_t now_us);
/*
 * setConfiguration (W3C webrtc section 4.4.1.6), of the ICE servers: for those that come with the answer to an offer that is not set yet (RFC 9725 section 4.6).
 * Copied; they replace those of the configuration.
 * PEER_ERROR_STATE: a transport is there already, which has asked the servers of before; after close. PEER_ERROR_ARGUMENT: more than ICE_SERVER_MAX.
 */
int peer_connection_set_ice_servers(struct peer_connection *connection, const struct ice_server *servers, size_t count);
/* Everything, at once and from any state, without a word to the peer: close and drain first where it is to hear of it. NULL is no harm. */
void peer_connection_free(struct peer_connection *connection);

/* ---- transceivers ------------------------------------------------------------------------------------------------- */

enum peer_media_kind { PEER_AUDIO, PEER_VIDEO };
enum peer_codec {
    PEER_CODEC_NONE,
    PEER_CODEC_OPUS,
    PEER_CODEC_PCMU,
    PEER_CODEC_PCMA,
    PEER_CODEC_VP8,
    PEER_CODEC_VP9,
    PEER_CODEC_H264,
    PEER_CODEC_AV1
};
#define PEER_CODEC_COUNT 8
/* Bits: send is 1, receive is 2. RTCRtpTransceiverDirection, but for "stopped", which is a member of its own. */
enum peer_direction { PEER_INACTIVE = 0, PEER_SENDONLY = 1, PEER_RECVONLY = 2, PEER_SENDRECV = 3 };

/*
 * RTCRtpCodec, as setCodecPreferences takes it.
 * parameters   a=fmtp, NUL-terminated, copied; NULL: ours (docs/peer.md lists them)
 */
struct peer_codec_capability {
    enum peer_codec codec;
    const char *parameters;
};
#define PEER_CODEC_PARAMETERS_MAX_BYTES 127

/*
 * direction    what we would like; offer and answer may take from it
 * codecs       setCodecPreferences: most wanted first, all of `kind`; copied. NULL and 0: Opus, PCMU, PCMA, or VP8, VP9
 * streams      the MediaStreams of the track: NUL-terminated ids of 1..PEER_STREAM_ID_MAX_BYTES characters (RFC 8830); copied.
 *              NULL and 0: one that all such tracks of this connection share
 * bitrate_bps  what the encoder is set to: paces video, and stands in the statistics. 0: a default
 */
struct peer_transceiver_config {
    enum peer_media_kind kind;
    enum peer_direction direction;
    const struct peer_codec_capability *codecs;
    size_t codec_count;
    const char *const *streams;
    size_t stream_count;
    uint32_t bitrate_bps;
};

/*
 * Transceivers are numbered, 0, 1 ...: *index is for all calls and events below. The number of one that is stopped for good (`stopped`) goes to
 * a new one only when no other number is free. All these raise NEGOTIATION_NEEDED as W3C webrtc section 4.7.3 says.
 *
 * addTransceiver (W3C webrtc section 5.1). A section that the peer offers is never given to it: it makes one in our next offer.
 * PEER_ERROR_ARGUMENT: a codec of another kind, a stream id that is none; CAPACITY; STATE after close.
 */
int peer_connection_add_transceiver(struct peer_connection *connection, const struct peer_transceiver_config *config, size_t *index);
/*
 * addTrack: we want to send. Takes the first transceiver of that kind that has never sent and is not to (its direction gains "send"; codecs are
 * taken over when given), else makes one that is sendrecv; that one takes the first section of its kind that the peer offers.
 * `direction` is not looked at. Errors as above.
 */
int peer_connection_add_track(struct peer_connection *connection, const struct peer_transceiver_config *config, size_t *index);
/* removeTrack: its direction loses "send". OK also when it did not send. NOT_FOUND: no such number; STATE after close. */
int peer_connection_remove_track(struct peer_connection *connection, size_t index);
/* direction =. NOT_FOUND; STATE: it is stopped or stopping, or the connection is closed. */
int peer_connection_set_direction(struct peer_connection *connection, size_t index, enum peer_direction direction);
/* stop(): from now on nothing is sent or given out; the next offer or answer refuses its section, which may then be used anew. */
int peer_connection_stop_transceiver(struct peer_connection *connection, size_t index);
/* setCodecPreferences: for the next offer or answer. Count 0: the defaults. ARGUMENT: another kind, or too many; NOT_FOUND; STATE after close. */
int peer_connection_set_codec_preferences(struct peer_connection *connection, size_t index, const struct peer_codec_capability *codecs, size_t count);

/* What offer and answer made of a transceiver. */
struct peer_transceiver {
    enum peer_media_kind kind;
    enum peer_direction direction;         /* what was asked for, or what the peer's offer made of it */
    bool has_current_direction;            /* false: null, no offer and answer have been through */
    enum peer_direction current_direction; /* what was agreed; INACTIVE before */
    bool stopping, stopped;                /* stop was called; offer and answer, or close, have ended it */
    enum peer_codec codec;                 /* to send, and the first of those to receive; NONE until agreed, and when its section was refused */
    char mid[PEER_MID_MAX_BYTES + 1];      /* NUL-terminated, "" (null) until it has a section */
    int section;                           /* of the descriptions, -1: none */
    uint8_t send_payload_type, receive_payload_type;
    uint32_t clock_rate_hz;
    uint8_t channels;                      /* audio */
    const char *send_parameters;           /* a=fmtp of the peer for `codec`: what it wants to get. A view, NUL-terminated, "" when absent */
    const char *receive_parameters;        /* ours */
    bool dtmf;                             /* telephone-event was agreed: insert_dtmf works */
    const char *refused;                   /* a static sentence: why the section was refused, NULL when it was not */
};
/* One more than the highest number in use. */
size_t peer_connection_transceiver_count(const struct peer_connection *connection);
/* False when there is none of that number; *out is untouched then. */
bool peer_connection_transceiver(const struct peer_connection *connection, size_t index, struct peer_transceiver *out);

/*
 * RTCDTMFSender.insertDTMF (W3C webrtc section 7.2, RFC 4733): sent one after another in place of the sound; a new call replaces what is left.
 * tones        "0".."9", "A".."D", "*", "#", and "," for a pause of 2 s; NUL-terminated, at most PEER_DTMF_MAX_TONES; ""  ends the sending
 * duration_ms  of one, 40..6000;  gap_ms  between two, 30..6000
 * NOT_FOUND; ARGUMENT; STATE: telephone-event was not agreed, or it does not send.
 */
#define PEER_DTMF_MAX_TONES 64
int peer_connection_insert_dtmf(struct peer_connection *connection, uint64_t now_us, size_t index, const char *tones, uint32_t duration_ms, uint32_t gap_ms);

/* ---- descriptions ------------------------------------------------------------------------------------------------- */

enum peer_sdp_type {
    PEER_SDP_OFFER,
    PEER_SDP_PRANSWER,
    PEER_SDP_ANSWER,
    PEER_SDP_ROLLBACK, /* text NULL */
    PEER_SDP_IMPLICIT  /* set_local_description only, text NULL: makes and takes the offer, or the answer, that the state asks for */
};

/*
 * Why a call on a description failed.
 * rule     a static sentence that says what is wrong, naming the RFC section; never NULL after an error
 * line     1.. in the description, 0 when it is not about one line
 * text     the offending bytes, a view into the description that was passed in; NULL with length 0 when there are none
 * section  0.. of the media section it is about, -1 when it is about none
 */
struct peer_problem {
    const char *rule;
    size_t line;
    const char *text;
    size_t length;
    int section;
};

/*
 * createOffer, createAnswer (W3C webrtc section 4.4.2, RFC 9429 sections 5.2 and 5.3): writes the description that set_local_description
 * then takes; nothing else changes. CRLF line ends; NUL-terminated.
 * text      `capacity` bytes; PEER_DESCRIPTION_MAX_BYTES is always enough, 1 KiB for each section usually
 * *length   without the NUL
 * problem   may be NULL
 * An answer may refuse every section: peer_connection_agreed_count tells after it is set.
 * PEER_ERROR_STATE: create_offer outside stable and have-local-offer, create_answer outside have-remote-offer and have-local-pranswer; after close.
 * PEER_ERROR_BUFFER: too small, nothing written. PEER_ERROR_CAPACITY: the offer would have more than SDP_SECTION_MAX sections, or need more than
 * PEER_TRANSPORT_MAX transports: stop transceivers, or choose another bundle policy.
 */
int peer_connection_create_offer(struct peer_connection *connection, uint64_t now_us, char *text, size_t capacity, size_t *length, struct peer_problem *problem);
int peer_connection_create_answer(struct peer_connection *connection, uint64_t now_us, char *text, size_t capacity, size_t *length, struct peer_problem *problem);

/*
 * setLocalDescription: what create_offer or create_answer wrote last, unchanged (an answer also as PRANSWER), or text NULL with length 0,
 * which makes it first (W3C's parameterless form with IMPLICIT). Copied. Starts gathering for transports that are new; the description that goes to the peer needs
 * no candidates, they follow as ICE_CANDIDATE events. ROLLBACK goes back to the stable state before (RFC 9429 section 4.1.10.2).
 * PEER_ERROR_STATE: the signaling state does not allow that type now; PEER_ERROR_ARGUMENT: another text than the last created (W3C
 * InvalidModificationError; RFC 9429 section 5.4); those of create_offer where it is made first. An answer that the offer leaves no way for
 * is refused as an answer of the peer would be, below: roll back, or take another offer.
 * Nothing changed after any error but MEMORY and CRYPTO; after those, close.
 */
int peer_connection_set_local_description(struct peer_connection *connection, uint64_t now_us, enum peer_sdp_type type, const char *text,
                                          size_t length, struct peer_problem *problem);

/*
 * setRemoteDescription. `length` bytes, not NUL-terminated; copied. Candidates in it, and those that waited, go to ICE. An offer in
 * have-local-offer rolls ours back first. Sections that none of our transceivers (of add_track) takes make new ones: recvonly, see event TRACK.
 * PEER_ERROR_MALFORMED: not SDP, or it breaks a rule (no fingerprint, answer and offer disagree, a later one contradicts an earlier);
 * NOT_SUPPORTED: another certificate on a transport that is connected (RFC 8842 section 3.1); STATE as above; CAPACITY. Nothing changed after any
 * error but MEMORY and CRYPTO; after those, close.
 */
int peer_connection_set_remote_description(struct peer_connection *connection, uint64_t now_us, enum peer_sdp_type type, const char *text,
                                           size_t length, struct peer_problem *problem);

/* currentLocalDescription and so on. LOCAL and REMOTE: the pending one if there is one, else the current one. */
enum peer_description_which { PEER_LOCAL, PEER_REMOTE, PEER_CURRENT_LOCAL, PEER_PENDING_LOCAL, PEER_CURRENT_REMOTE, PEER_PENDING_REMOTE };
/*
 * Copies a description out, NUL-terminated; a local one has the candidates gathered so far in it (RFC 9429 section 4.1.14).
 * type, length  nullable; text may be NULL with capacity 0, to ask for type and length only
 * PEER_ERROR_NOT_FOUND: null, there is none. PEER_ERROR_BUFFER: *length is what it takes, without the NUL.
 */
int peer_connection_description(const struct peer_connection *connection, enum peer_description_which which, enum peer_sdp_type *type, char *text,
                                size_t capacity, size_t *length);

/* How many sections the last offer and answer agreed on, of how many. Agreed 0: say why (`refused` of each transceiver) and hang up. */
size_t peer_connection_agreed_count(const struct peer_connection *connection, size_t *section_count);

/*
 * restartIce (W3C webrtc section 4.4.2): the next offer has new ICE credentials (RFC 8445 section 9). Raises NEGOTIATION_NEEDED; before
 * the first description it does nothing. The connection calls it for itself when ICE says that its path may be lost (event
 * ICE_RESTART_NEEDED). PEER_ERROR_STATE after close.
 */
int peer_connection_restart_ice(struct peer_connection *connection, uint64_t now_us);

/* What the last call that returned an error had to say: for those without a `problem` argument too. "" before the first. Never NULL.
 * Datagrams and bytes of streams that are dropped say nothing here: the statistics count them. */
const char *peer_connection_problem(const struct peer_connection *connection);

/*
 * RTCIceCandidateInit. Strings are not NUL-terminated.
 * candidate       "candidate:..." (or "a=candidate:..."); NULL or length 0: end of candidates
 * mid             sdpMid, NULL when absent
 * line_index      sdpMLineIndex, -1 when absent
 * ufrag           usernameFragment, NULL when absent
 */
struct peer_candidate_init {
    const char *candidate;
    size_t candidate_length;
    const char *mid;
    size_t mid_length;
    int line_index;
    const char *ufrag;
    size_t ufrag_length;
};

/*
 * addIceCandidate. Before the remote description it waits (W3C would refuse it; signaling channels reorder). init NULL: end of candidates.
 * PEER_OK also for a candidate of a section that BUNDLE folded away (RFC 9143 section 10: ignored).
 * PEER_ERROR_MALFORMED: not a candidate line; PEER_ERROR_ARGUMENT: no such section, or an address that is never sent to;
 * NOT_SUPPORTED: TCP, or a .local name; NOT_FOUND: a username fragment that is not the remote description's;
 * CAPACITY: more than PEER_PENDING_CANDIDATE_MAX wait; STATE after close. None is fatal: the other candidates still count.
 */
int peer_connection_add_ice_candidate(struct peer_connection *connection, uint64_t now_us, const struct peer_candidate_init *init);

/* ---- the contract's verbs ------------------------------------------------------------------------------------------ */

/*
 * As in peer_transport.h and ice/agent.h. Interfaces may come before or after set_local_description: gathering waits for both.
 * Two transports never share a socket, since DTLS could not be told apart: these are the sockets of transport 0. With BUNDLE there is no other; else
 * event SOCKETS_NEEDED asks for more. Which transport a datagram is for, its path's local address says.
 */
int peer_connection_handle_interfaces(struct peer_connection *connection, uint64_t now_us, const struct ice_interface *interfaces, size_t count);
/* Those of another transport; again whenever they change. ARGUMENT: a base that another transport has. NOT_FOUND: no such transport (any more): close them. */
int peer_connection_handle_transport_interfaces(struct peer_connection *connection, uint64_t now_us, size_t transport,
                                                const struct ice_interface *interfaces, size_t count);
int peer_connection_handle_resolved(struct peer_connection *connection, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count);
int peer_connection_handle_stream_opened(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path);
int peer_connection_handle_stream_bytes(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length);
int peer_connection_handle_stream_closed(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, int error);
void peer_connection_handle_send_error(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, int error);

/*
 * One datagram. `bytes` is changed in place (SRTP). Returns PEER_OK, or MALFORMED, UNAUTHENTIC, CAPACITY: dropped and counted, the
 * connection is fine.
 */
int peer_connection_handle_datagram(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length);
void peer_connection_handle_timeout(struct peer_connection *connection, uint64_t now_us);
uint64_t peer_connection_next_timeout(const struct peer_connection *connection); /* UINT64_MAX: none */

/*
 * One outgoing datagram at buffer + out->offset: ICE and DTLS first, then RTCP, then RTP. `capacity` must be
 * PEER_TRANSMIT_BUFFER_BYTES at least; less returns false.
 */
bool peer_connection_poll_transmit(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out);

/* ---- media --------------------------------------------------------------------------------------------------------- */

/*
 * One encoded frame: an Opus packet, a VP8 frame.
 * bytes       copied during the call, 1..PEER_FRAME_MAX_BYTES
 * timestamp   in units of the codec's clock (48 kHz, 90 kHz), from any start; a random offset is added (RFC 3550 section 5.1)
 * capture_us  when it was captured, on the clock of now_us; 0: now. For the NTP time of sender reports
 */
struct peer_frame {
    const uint8_t *bytes;
    size_t length;
    uint32_t timestamp;
    uint64_t capture_us;
    bool is_key_frame;
};

/*
 * Queues a frame for sending. PEER_ERROR_NOT_FOUND: no such transceiver; PEER_ERROR_STATE: it does not send, or the connection is not connected (drop the frame);
 * CAPACITY: the pacer is full, the frame was dropped (encode less, and make the next one a key frame); ARGUMENT: length.
 */
int peer_connection_send_frame(struct peer_connection *connection, uint64_t now_us, size_t transceiver, const struct peer_frame *frame);

/*
 * Asks the peer for a key frame (PLI, RFC 4585 section 6.3.1; rate-limited), for a decoder that stumbled. Loss is handled
 * without being asked. NOT_FOUND, STATE as above.
 */
int peer_connection_request_key_frame(struct peer_connection *connection, uint64_t now_us, size_t transceiver);

/* ---- data channels: W3C webrtc section 6 ------------------------------------------------------------------------------ */

#define PEER_MESSAGE_MAX_BYTES SCTP_MESSAGE_DEFAULT_BYTES /* a=max-message-size of ours: a longer message of the peer ends the association */

/*
 * RTCDataChannelInit. All zero is the W3C's default: ordered, reliable, in-band.
 * label, protocol   UTF-8, copied, DATA_CHANNEL_LABEL_MAX_BYTES at most; NULL and 0: empty
 * is_unordered      ordered: false
 * has_max_..        a message is given up after so many milliseconds, or retransmissions: one of the two at most
 * is_negotiated     both sides create it with the same `id`, 0..DATA_CHANNEL_ID_MAX; else `id` is not looked at, and the peer hears of it in-band
 * priority          RFC 8831 section 6.4: 128, 256, 512, 1024; 0: 256
 */
struct peer_data_channel_config {
    const char *label, *protocol;
    size_t label_length, protocol_length;
    bool is_unordered, has_max_packet_life_time, has_max_retransmits, is_negotiated;
    uint16_t max_packet_life_time_ms, max_retransmits;
    uint16_t id;
    uint16_t priority;
};

/*
 * createDataChannel. The first one raises NEGOTIATION_NEEDED; offers and answers carry m=application from then on. *channel names it in all calls and
 * events below until CLOSED has been told; it is no index, and not the id.
 * PEER_ERROR_ARGUMENT: label or protocol too long or not UTF-8, both limits, an id out of range. CAPACITY: DATA_CHANNEL_COUNT_DEFAULT channels, or no id is free.
 * STATE: the id is another channel's; the SCTP association has ended; after close. MEMORY.
 */
int peer_connection_create_data_channel(struct peer_connection *connection, uint64_t now_us, const struct peer_data_channel_config *config, size_t *channel);
/*
 * send(). Copied. 0 bytes are a message, too.
 * is_text   a string: UTF-8, which is not looked at; else binary
 * NOT_FOUND: no such channel (any more). STATE: it is not open. ARGUMENT: longer than max_message_bytes. CAPACITY: SCTP_SEND_DEFAULT_BYTES of all channels
 * wait for the peer; again after DATA_SENDABLE. STATE may also pass by itself: an id that was given back a moment ago, again after the next event.
 */
int peer_connection_send_data(struct peer_connection *connection, uint64_t now_us, size_t channel, const uint8_t *bytes, size_t length, bool is_text);
/* close(). What was sent before still arrives; CLOSED follows. Again: nothing happens. NOT_FOUND. */
int peer_connection_close_data_channel(struct peer_connection *connection, uint64_t now_us, size_t channel);
/* bufferedAmountLowThreshold =, 0 at first. NOT_FOUND; MEMORY. */
int peer_connection_set_buffered_low(struct peer_connection *connection, size_t channel, uint64_t bytes);

/* Views are valid until CLOSED of the channel has been told. */
struct peer_data_channel {
    const char *label, *protocol; /* NUL-terminated, and perhaps with NULs within */
    size_t label_length, protocol_length;
    bool is_unordered, has_max_packet_life_time, has_max_retransmits, is_negotiated;
    uint16_t max_packet_life_time_ms, max_retransmits; /* of the peer: at most 65535 is told */
    uint16_t id;                  /* DATA_CHANNEL_ID_NONE (null): the DTLS role is not known yet */
    uint16_t priority;
    bool is_of_peer;              /* came with DATA_CHANNEL */
    enum data_channel_state state;
    uint64_t buffered_bytes;      /* bufferedAmount */
    uint64_t buffered_low_bytes;  /* bufferedAmountLowThreshold */
    uint64_t max_message_bytes;   /* what send_data takes: RTCSctpTransport.maxMessageSize, and what our memory allows */
};
/* False: there is none, and *out is untouched. */
bool peer_connection_data_channel(const struct peer_connection *connection, size_t channel, struct peer_data_channel *out);

/*
 * What the W3C has not: back-pressure for who receives. While held, no event of any channel is told; what comes waits in the association, whose window
 * closes then, so the peer waits (RFC 9260 section 6.2). Media is not touched. For a reader that is slow; the peer's close waits, too.
 */
void peer_connection_hold_data(struct peer_connection *connection, bool is_held);

/* ---- closing -------------------------------------------------------------------------------------------------------- */

/*
 * close(): RTCP BYE, SCTP ABORT and close_notify. Drain poll_transmit once more, then free. As in W3C it fires no event: the states are
 * closed when it returns. Closing twice does nothing.
 */
void peer_connection_close(struct peer_connection *connection, uint64_t now_us);

/* ---- states: the W3C words ------------------------------------------------------------------------------------------ */

enum peer_signaling_state { /* RTCSignalingState */
    PEER_SIGNALING_STABLE,
    PEER_SIGNALING_HAVE_LOCAL_OFFER,
    PEER_SIGNALING_HAVE_REMOTE_OFFER,
    PEER_SIGNALING_HAVE_LOCAL_PRANSWER,
    PEER_SIGNALING_HAVE_REMOTE_PRANSWER,
    PEER_SIGNALING_CLOSED
};
enum peer_connection_state { /* RTCPeerConnectionState */
    PEER_CONNECTION_NEW,
    PEER_CONNECTION_CONNECTING,
    PEER_CONNECTION_CONNECTED,
    PEER_CONNECTION_DISCONNECTED,
    PEER_CONNECTION_FAILED,
    PEER_CONNECTION_CLOSED
};
/* RTCIceGatheringState and RTCIceConnectionState are enum ice_gathering_state and enum ice_state of ice/agent.h. */

enum peer_signaling_state peer_connection_signaling_state(const struct peer_connection *connection);
enum ice_gathering_state peer_connection_ice_gathering_state(const struct peer_connection *connection);
enum ice_state peer_connection_ice_connection_state(const struct peer_connection *connection);
enum peer_connection_state peer_connection_state(const struct peer_connection *connection);

const char *peer_signaling_state_name(enum peer_signaling_state state);     /* "have-local-offer" */
const char *peer_connection_state_name(enum peer_connection_state state);   /* "connected" */
const char *peer_media_kind_name(enum peer_media_kind kind);                /* "audio" */
const char *peer_codec_name(enum peer_codec codec);                         /* "opus", "VP8", "" */
const char *peer_error_name(int error);                                     /* "out of memory": a few words for a log */

/* ---- events ---------------------------------------------------------------------------------------------------------- */

enum peer_connection_event_type {
    PEER_CONNECTION_EVENT_NEGOTIATION_NEEDED,
    PEER_CONNECTION_EVENT_SIGNALING_STATE,      /* as.signaling_state */
    PEER_CONNECTION_EVENT_ICE_GATHERING_STATE,  /* as.ice_gathering_state */
    PEER_CONNECTION_EVENT_ICE_CANDIDATE,        /* as.ice_candidate */
    PEER_CONNECTION_EVENT_ICE_CONNECTION_STATE, /* as.ice_connection_state */
    PEER_CONNECTION_EVENT_SELECTED_PAIR,        /* as.selected_pair */
    PEER_CONNECTION_EVENT_ICE_RESTART_NEEDED,   /* as.restart_reason: for the log; NEGOTIATION_NEEDED follows */
    PEER_CONNECTION_EVENT_DTLS_STATE,           /* as.dtls_state */
    PEER_CONNECTION_EVENT_CONNECTION_STATE,     /* as.connection_state */
    PEER_CONNECTION_EVENT_TRACK,                /* as.track: the peer will send on this transceiver; perhaps a new one */
    PEER_CONNECTION_EVENT_TRACK_MUTED,          /* as.transceiver: it will not any more (direction, or stopped) */
    PEER_CONNECTION_EVENT_FRAME,                /* as.frame */
    PEER_CONNECTION_EVENT_KEY_FRAME_REQUESTED,  /* as.transceiver: encode a key frame next; the peer asks, or ICE has restarted */
    PEER_CONNECTION_EVENT_TRACK_ENDED,          /* as.transceiver: the peer said RTCP BYE for it */
    PEER_CONNECTION_EVENT_DTMF,                 /* as.dtmf: the peer pressed a key */
    PEER_CONNECTION_EVENT_TONE_CHANGE,          /* as.dtmf: ours is being sent; digit '\0': all are */
    PEER_CONNECTION_EVENT_DATA_CHANNEL,         /* as.channel: the peer has created it; open, messages may be sent */
    PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN,    /* as.channel: one of ours is open */
    PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE, /* as.message */
    PEER_CONNECTION_EVENT_DATA_CHANNEL_BUFFERED_LOW, /* as.channel: bufferedAmount has sunk to the threshold */
    PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSING, /* as.channel: the peer closes it; CLOSED follows by itself */
    PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSED,  /* as.channel_closed: its facts can be read until the next call, then it is no more */
    PEER_CONNECTION_EVENT_DATA_SENDABLE,        /* after a CAPACITY of send_data: there is room again */
    PEER_CONNECTION_EVENT_SOCKETS_NEEDED,       /* as.transport: open sockets for it, then handle_transport_interfaces */
    PEER_CONNECTION_EVENT_SOCKETS_FREE,         /* as.transport: close them */
    PEER_CONNECTION_EVENT_CLOSED_BY_PEER,       /* close_notify came: nothing more will; call close */
    PEER_CONNECTION_EVENT_FAILURE,              /* as.failure: comes before CONNECTION_STATE failed */
    PEER_CONNECTION_EVENT_RESOLVE,              /* as.resolve: look it up, answer with handle_resolved */
    PEER_CONNECTION_EVENT_OPEN_STREAM,          /* as.stream */
    PEER_CONNECTION_EVENT_CLOSE_STREAM,         /* as.stream */
    PEER_CONNECTION_EVENT_KEY_LOG               /* as.key_log */
};

/* One whole frame for a decoder. */
struct peer_received_frame {
    size_t transceiver;
    enum peer_media_kind kind;
    enum peer_codec codec;
    const uint8_t *bytes;
    size_t length;
    uint32_t timestamp;     /* in units of the codec's clock */
    uint64_t received_us;   /* when its last packet came */
    bool is_key_frame;      /* video */
    uint32_t lost_before;   /* audio: packets missing right before it (conceal, or decode its FEC); video: frames skipped */
    bool has_capture_time;
    int64_t capture_unix_us; /* the sender's wall clock, once a sender report has come */
};

enum peer_failure_layer { PEER_LAYER_ICE, PEER_LAYER_DTLS };

struct peer_failure {
    enum peer_failure_layer layer;
    enum ice_failure ice;   /* layer ICE. CONSENT_EXPIRED: the peer vanished */
    enum dtls_failure dtls; /* layer DTLS. FINGERPRINT_MISMATCH: the peer is not who its description says */
};

struct peer_connection_event {
    enum peer_connection_event_type type;
    union {
        enum peer_signaling_state signaling_state;
        enum ice_gathering_state ice_gathering_state;
        struct { /* RTCIceCandidate. candidate "": end of candidates */
            const char *candidate; /* NUL-terminated, as the others */
            const char *mid;
            int line_index;
            const char *ufrag;
            const struct ice_candidate *parsed; /* NULL at the end of candidates */
        } ice_candidate;
        enum ice_state ice_connection_state;
        struct {
            const struct ice_candidate *local, *remote;
        } selected_pair;
        enum ice_restart_reason restart_reason;
        enum dtls_transport_state dtls_state;
        enum peer_connection_state connection_state;
        struct {
            size_t transceiver;
            enum peer_media_kind kind;
            enum peer_codec codec;
            const char *stream; /* of the peer's first a=msid; NUL-terminated, "": none. Valid until the next call */
        } track;
        struct {
            size_t transceiver;
            char digit; /* as in insert_dtmf */
            uint32_t duration_ms;
        } dtmf;
        size_t channel;
        struct { /* a view, valid until the next call */
            size_t channel;
            const uint8_t *bytes;
            size_t length;
            bool is_text;
        } message;
        struct {
            size_t channel;
            enum data_channel_reason reason;
        } channel_closed;
        size_t transport;
        struct peer_received_frame frame;
        size_t transceiver;
        struct peer_failure failure;
        struct {
            uint64_t query;
            const char *name;
        } resolve;
        struct {
            struct ice_path path;    /* see ICE_EVENT_OPEN_STREAM in ice/agent.h */
            const char *server_name;
        } stream;
        struct {
            const char *line;
            size_t length;
        } key_log;
    } as;
};

/* States are coalesced to the last; the order within one drain is that of the list above where two became true at once. */
bool peer_connection_poll_event(struct peer_connection *connection, struct peer_connection_event *out);

/* ---- statistics: getStats --------------------------------------------------------------------------------------------- */

enum peer_statistics_type { /* RTCStatsType */
    PEER_STATISTICS_CODEC,
    PEER_STATISTICS_INBOUND_RTP,
    PEER_STATISTICS_OUTBOUND_RTP,
    PEER_STATISTICS_REMOTE_INBOUND_RTP,
    PEER_STATISTICS_REMOTE_OUTBOUND_RTP,
    PEER_STATISTICS_MEDIA_SOURCE,
    PEER_STATISTICS_PEER_CONNECTION,
    PEER_STATISTICS_DATA_CHANNEL,
    PEER_STATISTICS_TRANSPORT,
    PEER_STATISTICS_CANDIDATE_PAIR,
    PEER_STATISTICS_LOCAL_CANDIDATE,
    PEER_STATISTICS_REMOTE_CANDIDATE,
    PEER_STATISTICS_CERTIFICATE
};

#define PEER_STATISTICS_ID_BYTES 40

/*
 * One RTCStats dictionary; member names are W3C's in C spelling, counters since the start, durations in the unit of the name. Times are on
 * the clock of now_us, 0 when there is none.
 * id            NUL-terminated; the same dictionary has the same in every report. A stream whose SSRC changes is another one
 * timestamp_us  when it was true: now; of the remote ones, when the report came
 * Ids that point to others (codec_id, transport_id ...) are NUL-terminated too, and "" when absent.
 */
struct peer_statistics {
    enum peer_statistics_type type;
    char id[PEER_STATISTICS_ID_BYTES];
    uint64_t timestamp_us;
    union {
        struct { /* RTCCodecStats: of one stream in one direction */
            uint8_t payload_type;
            const char *mime_type; /* "audio/opus" */
            uint32_t clock_rate;
            uint8_t channels;
            const char *sdp_fmtp_line; /* NUL-terminated, "" when absent */
            char transport_id[PEER_STATISTICS_ID_BYTES];
        } codec;
        struct { /* RTCInboundRtpStreamStats. What decoders count is theirs */
            size_t transceiver;
            enum peer_media_kind kind;
            enum peer_codec codec;
            const char *mid;
            const char *track_identifier; /* of the peer's a=msid; the mid when there is none */
            uint32_t ssrc;
            char transport_id[PEER_STATISTICS_ID_BYTES], codec_id[PEER_STATISTICS_ID_BYTES], remote_id[PEER_STATISTICS_ID_BYTES];
            uint64_t packets_received, bytes_received, header_bytes_received;
            int64_t packets_lost;
            uint64_t packets_discarded;
            uint32_t jitter_us;
            uint64_t frames_received, key_frames_received, frames_dropped;
            uint64_t frames_assembled_from_multiple_packets, total_assembly_time_us;
            uint64_t nack_count, pli_count, fir_count;
            uint64_t jitter_buffer_delay_us, jitter_buffer_target_delay_us, jitter_buffer_minimum_delay_us, jitter_buffer_emitted_count;
            uint64_t last_packet_received_us;
        } inbound_rtp;
        struct { /* RTCOutboundRtpStreamStats. What encoders count is theirs */
            size_t transceiver;
            enum peer_media_kind kind;
            enum peer_codec codec;
            const char *mid;
            uint32_t ssrc;
            char transport_id[PEER_STATISTICS_ID_BYTES], codec_id[PEER_STATISTICS_ID_BYTES], remote_id[PEER_STATISTICS_ID_BYTES];
            char media_source_id[PEER_STATISTICS_ID_BYTES];
            bool active; /* its direction allows it to send */
            uint64_t packets_sent, bytes_sent, header_bytes_sent, total_packet_send_delay_us;
            uint64_t frames_sent, key_frames_sent, huge_frames_sent;
            uint64_t nack_count, pli_count, fir_count;
            uint64_t frames_refused; /* the pacer was full */
        } outbound_rtp;
        struct { /* RTCRemoteInboundRtpStreamStats: what the peer's receiver reports say of our stream */
            uint32_t ssrc;
            enum peer_media_kind kind;
            char local_id[PEER_STATISTICS_ID_BYTES], codec_id[PEER_STATISTICS_ID_BYTES], transport_id[PEER_STATISTICS_ID_BYTES];
            uint64_t packets_received;
            int64_t packets_lost;
            double fraction_lost; /* 0..1 */
            uint32_t jitter_us;
            uint64_t round_trip_time_us, total_round_trip_time_us, round_trip_time_measurements;
        } remote_inbound_rtp;
        struct { /* RTCRemoteOutboundRtpStreamStats: what the peer's sender reports say of its stream. Round trips it would need XR for */
            uint32_t ssrc;
            enum peer_media_kind kind;
            char local_id[PEER_STATISTICS_ID_BYTES], codec_id[PEER_STATISTICS_ID_BYTES], transport_id[PEER_STATISTICS_ID_BYTES];
            uint64_t packets_sent, bytes_sent, reports_sent;
            int64_t remote_timestamp_unix_us; /* the peer's wall clock when it sent the last */
        } remote_outbound_rtp;
        struct { /* RTCMediaSourceStats. What the source counts is its */
            size_t transceiver;
            enum peer_media_kind kind;
            const char *track_identifier; /* NUL-terminated */
        } media_source;
        struct { /* RTCPeerConnectionStats */
            uint64_t data_channels_opened, data_channels_closed;
        } peer_connection;
        struct { /* RTCDataChannelStats */
            const char *label, *protocol;
            uint16_t data_channel_identifier;
            const char *state;
            uint64_t messages_sent, bytes_sent, messages_received, bytes_received;
        } data_channel;
        struct { /* RTCTransportStats */
            uint64_t packets_sent, packets_received, bytes_sent, bytes_received;
            enum ice_role ice_role;
            enum ice_state ice_state;
            enum dtls_transport_state dtls_state;
            enum dtls_role dtls_role;
            enum dtls_srtp_profile srtp_profile;
            uint16_t tls_version, dtls_cipher; /* 0xFEFD and the IANA number; 0 before the handshake is through */
            const char *ice_local_username_fragment;
            char selected_candidate_pair_id[PEER_STATISTICS_ID_BYTES], local_certificate_id[PEER_STATISTICS_ID_BYTES];
            char remote_certificate_id[PEER_STATISTICS_ID_BYTES];
            uint64_t selected_candidate_pair_changes;
            uint64_t gathering_started_us, gathering_completed_us, ice_connected_us, dtls_started_us, dtls_connected_us; /* 0: has not happened */
            uint64_t dropped; /* unknown, unauthentic, replayed, from an unchecked address, too early */
        } transport;
        struct { /* RTCIceCandidatePairStats */
            char transport_id[PEER_STATISTICS_ID_BYTES], local_candidate_id[PEER_STATISTICS_ID_BYTES], remote_candidate_id[PEER_STATISTICS_ID_BYTES];
            struct ice_pair_statistics pair;
        } candidate_pair;
        struct { /* RTCIceCandidateStats */
            char transport_id[PEER_STATISTICS_ID_BYTES];
            const struct ice_candidate *candidate; /* a view */
        } candidate;
        struct { /* RTCCertificateStats */
            char fingerprint[DTLS_FINGERPRINT_TEXT_BYTES]; /* "sha-256 AB:.." */
            size_t number; /* for peer_connection_certificate, which has the whole of it */
        } certificate;
    } as;
};

/*
 * Walks the report: start with *cursor 0, call until it returns false. A walk may be begun at any time; a call that takes a
 * non-const connection ends it. Candidates inside *out are views that the next step of the walk overwrites.
 */
bool peer_connection_statistics(const struct peer_connection *connection, size_t *cursor, struct peer_statistics *out);
/*
 * A certificate of the report, DER (the W3C has it in base64), into `out` of `capacity` bytes. Returns its length; when that is more than
 * capacity, nothing was written (0 is a fine capacity to ask with). 0: there is none of that number any more, or OpenSSL is out of memory.
 */
size_t peer_connection_certificate(const struct peer_connection *connection, size_t number, uint8_t *out, size_t capacity);
const char *peer_statistics_type_name(enum peer_statistics_type type); /* "inbound-rtp" */

/* For its statistics only, and until the next call. NULL: there is none of that number (0..PEER_TRANSPORT_MAX-1; with BUNDLE it is 0). */
const struct peer_transport *peer_connection_transport(const struct peer_connection *connection, size_t index);

#endif
