/*
 * One transport of a PeerConnection: an ICE agent, the DTLS transport above it and the SRTP contexts it keys
 * (RFC 9429 section 3.5.1: with BUNDLE one transport carries every section; RFC 5764 for the keys, RFC 7983 for the
 * demultiplexing of what arrives).
 *
 *        bytes in                                         bytes out
 *   handle_datagram                                     poll_transmit
 *        | first byte                                        ^
 *        |   0..3, 64..79  -> ice_agent                       | ICE checks
 *        |  20..63         -> dtls_transport                  | DTLS records, wrapped for the selected pair
 *        | 128..191        -> dtls_srtp unprotect             |
 *        v                                              protect_rtp, protect_rtcp  <- plaintext packets
 *   poll_received: plaintext RTP, RTCP, data
 *
 * It follows docs/contract.md. SCTP lives above it: what the peer sent inside DTLS comes as PEER_RECEIVED_DATA, send_data is the way out.
 */
#ifndef PEER_TRANSPORT_H
#define PEER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtls/certificate.h"
#include "dtls/fingerprint.h"
#include "dtls/srtp.h"
#include "dtls/transport.h"
#include "ice/agent.h"

/*
 * What can go wrong, in three tiers.
 *   peer    (dropped and counted)    MALFORMED, UNAUTHENTIC
 *   caller  (nothing changed)        ARGUMENT, STATE, BUFFER, CAPACITY, NOT_SUPPORTED, NOT_FOUND
 *   fatal   (only _free remains)     MEMORY, CRYPTO
 */
enum peer_error {
    PEER_OK = 0,
    PEER_ERROR_MALFORMED = -1,
    PEER_ERROR_UNAUTHENTIC = -2,
    PEER_ERROR_ARGUMENT = -3,
    PEER_ERROR_STATE = -4,
    PEER_ERROR_BUFFER = -5,
    PEER_ERROR_CAPACITY = -6,
    PEER_ERROR_NOT_SUPPORTED = -7,
    PEER_ERROR_NOT_FOUND = -8,
    PEER_ERROR_MEMORY = -9,
    PEER_ERROR_CRYPTO = -10
};

/* Datagrams that came before they could be used (DTLS before the answer, SRTP before the keys): kept, then given up. */
#define PEER_EARLY_PACKET_MAX 16
#define PEER_EARLY_PACKET_BYTES 1500

#define PEER_FINGERPRINT_MAX 8

/* RFC 8842 section 5.1, the a=setup values that WebRTC uses. */
enum peer_setup { PEER_SETUP_ACTPASS, PEER_SETUP_ACTIVE, PEER_SETUP_PASSIVE };

/* What a description says about a transport. Views: strings are not NUL-terminated. */
struct peer_transport_parameters {
    const char *ufrag;
    size_t ufrag_length;
    const char *password;
    size_t password_length;
    struct dtls_fingerprint fingerprints[PEER_FINGERPRINT_MAX];
    size_t fingerprint_count;
    enum peer_setup setup;
    bool lite; /* a=ice-lite (RFC 8839 section 5.3); ours never is */
    bool carries_data_only; /* no section of media: DTLS connects also with a peer that has no SRTP */
};

/*
 * ice           role, servers, random source, allocator, deadlines, and our credentials when they are known: see ice/agent.h. Copied. Its
 *               allocator serves DTLS too.
 * certificate   borrowed; must outlive the transport
 * mtu_bytes     largest DTLS datagram, 0: 1200
 * key_log       true: PEER_EVENT_KEY_LOG carries the DTLS secrets. For debugging only.
 */
struct peer_transport_config {
    struct ice_agent_config ice;
    const struct dtls_certificate *certificate;
    size_t mtu_bytes;
    bool key_log;
};

struct peer_transport;

/* NULL: an argument is out of range, or memory is short. */
struct peer_transport *peer_transport_new(const struct peer_transport_config *config, uint64_t now_us);
void peer_transport_free(struct peer_transport *transport);

/*
 * Our half of a description. The views point into the transport and stay valid until a restart or free. `setup` is ACTPASS
 * until peer_transport_set_remote_parameters has decided.
 */
void peer_transport_local_parameters(const struct peer_transport *transport, struct peer_transport_parameters *out);

/*
 * The peer's half. Copied. `local_role` is what offer and answer agreed (RFC 8842 section 5.3); CLIENT starts the handshake as soon
 * as ICE has a pair. PEER_ERROR_ARGUMENT: no fingerprint, or bad ICE credentials; PEER_ERROR_STATE: called twice with other ICE credentials
 * without a restart in between, or with another role.
 */
int peer_transport_set_remote_parameters(struct peer_transport *transport, uint64_t now_us,
                                         const struct peer_transport_parameters *parameters, enum dtls_role local_role);

/*
 * Would the function above take them? Nothing changes. Also PEER_ERROR_NOT_SUPPORTED: the fingerprints are not those of the certificate that
 * the DTLS association was made with, which asks for another association (RFC 8842 section 3.1).
 * restarts   peer_transport_restart comes first
 */
int peer_transport_check_remote_parameters(const struct peer_transport *transport, const struct peer_transport_parameters *parameters,
                                           enum dtls_role local_role, bool restarts);

/* Is one of these the fingerprint of the certificate that the DTLS association was made with? True too while none is up. Nothing else is looked at. */
bool peer_transport_is_of_association(const struct peer_transport *transport, const struct peer_transport_parameters *parameters);

/*
 * ICE restart (RFC 8445 section 9) with new credentials of ours, NUL-terminated, or of the agent's making when both are NULL; what is selected
 * goes on carrying data until a new pair is.
 * DTLS and SRTP stay as they are (RFC 8842 section 3.1). Call it when the description that restarts is set, before set_remote_parameters.
 * Errors of ice_agent_restart_with; PEER_ERROR_STATE after close.
 */
int peer_transport_restart(struct peer_transport *transport, uint64_t now_us, const char *ufrag, const char *password);
/* The offer that restarted is rolled back: the generation before is the youngest again. STATE: set_remote_parameters has been called since. */
int peer_transport_cancel_restart(struct peer_transport *transport, uint64_t now_us);

/* See ice/agent.h; errors are translated one to one. */
int peer_transport_add_remote_candidate(struct peer_transport *transport, uint64_t now_us, const struct ice_candidate *candidate);
int peer_transport_end_of_remote_candidates(struct peer_transport *transport, uint64_t now_us);
int peer_transport_handle_interfaces(struct peer_transport *transport, uint64_t now_us, const struct ice_interface *interfaces, size_t count);
int peer_transport_gather(struct peer_transport *transport, uint64_t now_us);
int peer_transport_handle_resolved(struct peer_transport *transport, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count);
int peer_transport_handle_stream_opened(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path);
int peer_transport_handle_stream_bytes(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length);
int peer_transport_handle_stream_closed(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, int error);
void peer_transport_handle_send_error(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, int error);

/*
 * One datagram. `bytes` is changed in place (SRTP) and must stay as it is until poll_received has returned false.
 * Returns PEER_OK, MALFORMED or UNAUTHENTIC (dropped, counted; also of a path that no check has come by), CAPACITY (an early packet beyond
 * PEER_EARLY_PACKET_MAX; dropped, counted).
 */
int peer_transport_handle_datagram(struct peer_transport *transport, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length);
void peer_transport_handle_timeout(struct peer_transport *transport, uint64_t now_us);
uint64_t peer_transport_next_timeout(const struct peer_transport *transport);

/* Capacity must be PEER_TRANSMIT_BUFFER_BYTES at least. The datagram stands at buffer + out->offset. */
#define PEER_TRANSMIT_BUFFER_BYTES 2048
bool peer_transport_poll_transmit(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out);

enum peer_received_kind { PEER_RECEIVED_RTP, PEER_RECEIVED_RTCP, PEER_RECEIVED_DATA };

/* Authenticated plaintext: nothing reaches a reader that SRTP or DTLS did not vouch for. A view, valid until the next call. */
struct peer_received {
    enum peer_received_kind kind;
    const uint8_t *bytes;
    size_t length;
};
bool peer_transport_poll_received(struct peer_transport *transport, uint64_t now_us, struct peer_received *out);

/*
 * Protects a plaintext packet in place for the selected pair.
 * buffer    the packet starts at buffer + ICE_HEADROOM_BYTES and is `length` bytes
 * capacity  of the whole buffer: ICE_HEADROOM_BYTES + length + DTLS_SRTP_MAX_OVERHEAD_BYTES + ICE_TAILROOM_BYTES at least, else PEER_ERROR_BUFFER
 * Returns PEER_OK and what to send in *out; PEER_ERROR_STATE before DTLS is connected or without a pair (drop the packet).
 */
int peer_transport_protect_rtp(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out);
int peer_transport_protect_rtcp(struct peer_transport *transport, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out);

/*
 * One message inside DTLS (RFC 8261: a packet of SCTP). poll_transmit hands out its datagram: drain before the next one.
 * bytes   copied, 1..peer_transport_data_max_bytes of them
 * Returns PEER_OK; PEER_ERROR_STATE before DTLS is connected; ARGUMENT, BUFFER: length; CAPACITY: not drained.
 */
int peer_transport_send_data(struct peer_transport *transport, uint64_t now_us, const uint8_t *bytes, size_t length);
size_t peer_transport_data_max_bytes(const struct peer_transport *transport); /* 0 when not connected */

/* Sends close_notify, gives relays back and stops. Drain poll_transmit once more, then free. */
void peer_transport_close(struct peer_transport *transport, uint64_t now_us);
/* Behind that, where the caller goes on without this transport: a CLOSE_STREAM event follows for every stream. */
void peer_transport_abandon_streams(struct peer_transport *transport);

/* RTCPeerConnectionState of this one transport (W3C webrtc section 4.3.3). */
enum peer_transport_state {
    PEER_TRANSPORT_NEW,
    PEER_TRANSPORT_CONNECTING,
    PEER_TRANSPORT_CONNECTED,
    PEER_TRANSPORT_DISCONNECTED,
    PEER_TRANSPORT_FAILED,
    PEER_TRANSPORT_CLOSED
};

enum peer_event_type {
    PEER_EVENT_ICE,     /* as.ice: candidates, states, RESOLVE ... of ice/agent.h */
    PEER_EVENT_DTLS,    /* as.dtls: the state of the DTLS transport changed */
    PEER_EVENT_STATE,   /* as.state: the two together */
    PEER_EVENT_KEY_LOG  /* as.key_log: one line for SSLKEYLOGFILE, a view, without line end */
};

struct peer_event {
    enum peer_event_type type;
    union {
        struct ice_event ice;
        struct {
            enum dtls_transport_state state;
            enum dtls_failure failure;
        } dtls;
        enum peer_transport_state state;
        struct {
            const char *line;
            size_t length;
        } key_log;
    } as;
};
bool peer_transport_poll_event(struct peer_transport *transport, struct peer_event *out);

struct peer_transport_statistics {
    enum peer_transport_state state;
    enum dtls_transport_state dtls_state;
    enum dtls_role dtls_role;
    enum dtls_srtp_profile srtp_profile;
    uint64_t dtls_started_us, dtls_connected_us; /* 0: has not happened */
    uint64_t packets_received, bytes_received, packets_sent, bytes_sent; /* DTLS and SRTP; no STUN, no headers of UDP, a relay or a stream */
    uint64_t unknown_dropped;       /* first byte of no protocol of ours, RFC 7983 */
    uint64_t invalid_path_dropped;  /* DTLS or SRTP from an address that ICE has not checked */
    uint64_t early_kept, early_dropped;
    uint64_t srtp_unauthentic_dropped, srtp_replay_dropped, srtp_other_dropped;
};
void peer_transport_statistics(const struct peer_transport *transport, struct peer_transport_statistics *out);
enum dtls_transport_state peer_transport_dtls_state(const struct peer_transport *transport); /* dtls_state alone: each packet asks */

/* What the DTLS handshake agreed, also when the association has ended since. False, and nothing is written, before it is through. */
struct peer_handshake {
    uint16_t tls_version; /* 0xFEFD: DTLS 1.2 */
    uint16_t dtls_cipher; /* IANA number of the cipher suite */
    struct dtls_fingerprint remote_fingerprint; /* SHA-256 */
};
bool peer_transport_handshake(const struct peer_transport *transport, struct peer_handshake *out);

/* The peer's certificate, DER, as dtls_certificate_der writes it. 0 before the handshake is through. */
size_t peer_transport_certificate(const struct peer_transport *transport, uint8_t *out, size_t capacity);

/* The agent, for its statistics only. */
const struct ice_agent *peer_transport_ice(const struct peer_transport *transport);

const char *peer_transport_state_name(enum peer_transport_state state);

#endif
